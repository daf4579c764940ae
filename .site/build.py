"""Builds the site from the stored notebooks; nothing is run.

    python .site/build.py

It lies in `.site/build/html` then. A warning is an error.
"""

import argparse
import importlib.util
import shutil
import sys
import tomllib
from pathlib import Path

import made_pages
import nbformat
import on_paper
from sphinx.cmd.build import main as sphinx

HERE = Path(__file__).resolve().parent
# What the theme and Sphinx leave to a screen reader's guess.
_MENDED = {
    'class="caption" role="heading"': 'class="caption" role="heading" aria-level="2"',
    '<aside class="sidebar-drawer"': '<aside class="sidebar-drawer" aria-label="All pages"',
    '<aside class="toc-drawer"': '<aside class="toc-drawer" aria-label="On this page"',
}
# What a page with formulas needs of MathJax; the whole of it has 24 MB.
_MATHJAX = (
    "startup.js",
    "core.js",
    "input/tex.js",
    "input/tex/extensions/*.js",
    "output/chtml.js",
    "output/chtml/fonts/tex.js",
    "output/chtml/fonts/woff-v2/*.woff",
    "a11y/assistive-mml.js",
)


def build(root: Path, into: Path) -> int:
    """Build the site of the project in `root`; return what Sphinx returns, 0 if all is well."""
    shutil.rmtree(into, ignore_errors=True)
    source, static, extra = (into / name for name in ("source", "static", "extra"))
    project = tomllib.loads(_read(root / "pyproject.toml"))["project"]
    lay_out(root, source, extra, project["urls"]["Repository"])
    _bring_mathjax(static / "mathjax")
    failed = sphinx(
        [
            *("--quiet", "--fail-on-warning", "--keep-going", "--conf-dir", str(HERE)),
            *("-d", str(into / "doctrees")),
            *("-D", f"html_static_path={HERE / 'static'},{static}"),
            *("-D", f"html_extra_path={extra}"),
            *(str(source), str(into / "html")),
        ]
    )
    for page in (into / "html").glob("*.html"):
        text = _read(page)
        for old, new in _MENDED.items():
            text = text.replace(old, new)
        page.write_text(text, encoding="utf-8")
    return failed


def lay_out(root: Path, source: Path, extra: Path, repository: str) -> None:
    """Write what Sphinx reads into `source`, and what lies beside the pages into `extra`."""
    readme, for_teachers = (
        _read(path) for path in (root / "README.md", root / "notebooks" / "README.md")
    )
    first_line = made_pages.first_line_elsewhere(readme)
    (extra / "pictures").mkdir(parents=True)
    source.mkdir(parents=True)
    stored = {}
    dropped = {stem for stem in made_pages.listed(readme) if not _notebook(root, stem).exists()}
    for path in sorted((root / "notebooks").glob("*.ipynb")):
        stored[path.stem] = nbformat.read(path, as_version=4)
        place = on_paper.Place(repository, path.stem)
        page = on_paper.page_of(stored[path.stem], place, first_line, dropped)
        nbformat.write(page.notebook, source / path.name)
        for name, picture in page.pictures.items():
            (extra / "pictures" / name).write_bytes(picture)
        shutil.copy(path, extra)
    shutil.copy(root / "notebooks" / "train_fashion_mnist.py", source)
    made = {
        "index.md": made_pages.front(
            _read(HERE / "written" / "index.md"), readme, stored, repository
        ),
        "terms.md": made_pages.terms(_read(HERE / "written" / "terms.md"), stored, for_teachers),
        "symptoms.md": made_pages.symptoms(_read(HERE / "written" / "symptoms.md"), [*stored]),
        "for_teachers.md": on_paper.without_links_to(dropped, for_teachers),
    }
    for name, text in made.items():
        (source / name).write_text(text, encoding="utf-8")


def _notebook(root: Path, stem: str) -> Path:
    return root / "notebooks" / f"{stem}.ipynb"


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _bring_mathjax(to: Path) -> None:
    package = importlib.util.find_spec("sphinx-mathjax-offline")
    if package is None or package.origin is None:
        raise SystemExit("MathJax is not there: pip install -r .site/requirements.txt")
    whole = Path(package.origin).parent / "static" / "mathjax"
    for pattern in _MATHJAX:
        for file in whole.glob(pattern):
            if file.name != "all-packages.js":
                (to / file.relative_to(whole)).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file, to / file.relative_to(whole))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, default=HERE.parent, help="the project")
    parser.add_argument("--into", type=Path, default=HERE / "build", help="a folder of its own")
    options = parser.parse_args()
    failed = build(options.root.resolve(), options.into.resolve())
    if not failed:
        print(f"built {options.into / 'html' / 'index.html'}")
    sys.exit(failed)
