"""Builds the site from the stored notebooks; nothing is run.

    python .site/build.py

It lies in `.site/build/html` then. A warning is an error.
"""

import argparse
import importlib.util
import shutil
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

import made_pages
import nbformat
import on_paper
from sphinx.cmd.build import main as sphinx
from words import EDITIONS, Edition

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
    """Build the site of the project in `root`; return what Sphinx returns, 0 if all is well.

    Chinese lies in a folder of its own, and shares pictures and MathJax with English. A fork
    without Chinese notebooks gets English alone.
    """
    shutil.rmtree(into, ignore_errors=True)
    _bring_mathjax(into / "html" / "_static" / "mathjax")
    series = {edition: _notebooks(root, edition) for edition in EDITIONS}
    twins = set.intersection(*({path.stem for path in paths} for paths in series.values()))
    if twins:
        twins |= {"index", "terms", "symptoms", "for_teachers", "search"}
    failed, pictures = 0, {}
    for edition, paths in series.items():
        if paths:
            laid = into / "laid" / edition.language
            pictures |= lay_out(root, edition, paths, laid, pictures)
            failed |= _make(edition, laid, into, twins)
    return failed


def _notebooks(root: Path, edition: Edition) -> list[Path]:
    """Return the notebooks of an edition; what English has dropped is dropped in Chinese too."""
    folder = root / "notebooks"
    here = sorted((folder / edition.folder).glob("*.ipynb"))
    return [path for path in here if (folder / path.name).exists()]


def lay_out(
    root: Path, edition: Edition, paths: list[Path], laid: Path, stored: Mapping[bytes, str]
) -> dict[bytes, str]:
    """Write what Sphinx reads of an edition, and what lies beside its pages.

    `stored` has the pictures that lie on the site already, and the address of each; what is
    returned are those that this edition adds.
    """
    source, extra = laid / "source", laid / "extra"
    for folder in (source, extra / "pictures"):
        folder.mkdir(parents=True)
    readme, for_teachers = (
        _read(path) for path in (root / "README.md", paths[0].with_name("README.md"))
    )
    repository = tomllib.loads(_read(root / "pyproject.toml"))["project"]["urls"]["Repository"]
    first_lines = made_pages.first_line_elsewhere(readme) + edition.first_line
    dropped = {*made_pages.listed(readme)} - {path.stem for path in paths}
    pages, added = {}, {}
    for path in paths:
        place = on_paper.Place(repository, path.stem, edition)
        notebook = nbformat.read(path, as_version=4)
        page = on_paper.page_of(notebook, place, first_lines, dropped, stored)
        nbformat.write(page.notebook, source / path.name)
        for name, picture in page.pictures.items():
            (extra / "pictures" / name).write_bytes(picture)
            added[picture] = f"../pictures/{name}"
        shutil.copy(path, extra)
        pages[path.stem] = page.notebook
    shutil.copy(root / "notebooks" / "train_fashion_mnist.py", source)
    written = HERE / "written" / edition.folder
    made = {
        "index": made_pages.front(_read(written / "index.md"), root, pages, repository, edition),
        "terms": made_pages.terms(_read(written / "terms.md"), pages, for_teachers, edition),
        "symptoms": made_pages.symptoms(_read(written / "symptoms.md"), [*pages]),
        "for_teachers": on_paper.without_links_to(dropped, for_teachers),
    }
    for name, text in made.items():
        (source / f"{name}.md").write_text(text, encoding="utf-8")
    return added


def _make(edition: Edition, laid: Path, into: Path, twins: set[str]) -> int:
    """Let Sphinx make the pages of what is laid out; return what it returns."""
    pages = into / "html" / edition.folder
    failed = sphinx(
        [
            *("--quiet", "--fail-on-warning", "--keep-going", "--conf-dir", str(HERE)),
            *("-d", str(laid / "doctrees"), "-t", edition.language),
            *("-D", f"html_extra_path={laid / 'extra'}"),
            *("-A", f"twins={' '.join(twins)}"),
            *(str(laid / "source"), str(pages)),
        ]
    )
    for page in pages.glob("*.html"):
        text = _read(page)
        for old, new in (_MENDED | edition.theme).items():
            text = text.replace(old, new)
        page.write_text(text, encoding="utf-8")
    return failed


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
