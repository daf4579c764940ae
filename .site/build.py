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

import nbformat
import on_paper
import pages
from sphinx.cmd.build import main as sphinx

HERE = Path(__file__).resolve().parent
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
    repository = tomllib.loads(pages.read(root / "pyproject.toml"))["project"]["urls"]["Repository"]
    lay_out(root, source, extra, repository)
    _bring_mathjax(static / "mathjax")
    return sphinx(
        [
            *("--quiet", "--fail-on-warning", "--keep-going", "--conf-dir", str(HERE)),
            *("-d", str(into / "doctrees")),
            *("-D", f"html_static_path={HERE / 'static'},{static}"),
            *("-D", f"html_extra_path={extra}"),
            *(str(source), str(into / "html")),
        ]
    )


def lay_out(root: Path, source: Path, extra: Path, repository: str) -> None:
    """Write what Sphinx reads into `source`, and what lies beside the pages into `extra`."""
    first_line = pages.first_line_elsewhere(repository)
    (extra / "pictures").mkdir(parents=True)
    source.mkdir(parents=True)
    stored = {}
    for path in sorted((root / "notebooks").glob("*.ipynb")):
        stored[path.stem] = nbformat.read(path, as_version=4)
        place = on_paper.Place(repository, path.stem)
        page = on_paper.page_of(stored[path.stem], place, first_line)
        nbformat.write(page.notebook, source / path.name)
        for name, picture in page.pictures.items():
            (extra / "pictures" / name).write_bytes(picture)
        shutil.copy(path, extra)
    shutil.copytree(root / "notebooks" / "pictures", source / "pictures")
    shutil.copy(root / "notebooks" / "train_fashion_mnist.py", source)
    readme, for_teachers = (
        pages.read(path) for path in (root / "README.md", root / "notebooks" / "README.md")
    )
    made = {
        "index.md": pages.front(
            pages.read(HERE / "pages" / "index.md"), readme, stored, repository
        ),
        "terms.md": pages.terms(pages.read(HERE / "pages" / "terms.md"), stored, for_teachers),
        "symptoms.md": pages.symptoms(pages.read(HERE / "pages" / "symptoms.md"), [*stored]),
        "for_teachers.md": for_teachers,
    }
    for name, text in made.items():
        (source / name).write_text(text, encoding="utf-8")


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
