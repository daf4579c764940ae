"""Keeps the Chinese edition beside the English one.

    python tests/tools/translate.py left            # what is still to be translated, or again
    python tests/tools/translate.py outline         # brings the files of Chinese up to date
    python tests/tools/translate.py build 03        # makes, runs and stores notebooks/zh/03_….ipynb

`outline` writes new cells and sentences, in English, to where their Chinese is wanted, and drops
what is no longer there. Chinese whose English has changed it leaves, for `left` to show: mend it,
and then `outline --mended CELL` notes that it is of today's English. Without a number all notebooks
are taken.
"""

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path

import nbformat

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from chinese import catalogue, edition  # noqa: E402  They lie in the folder of the line above.
from every_notebook.series import NOTEBOOKS  # noqa: E402
from tools.store import store  # noqa: E402


def left(notebooks: list[Path]) -> list[str]:
    """Return what is to do, a complaint for each cell and each sentence."""
    found = []
    for path in notebooks:
        found += edition.drift(path.stem, edition.read(path), edition.chinese_of(path))
    return found + catalogue.drift()


def outline(notebooks: list[Path], mended: list[str]) -> None:
    """Bring the Chinese files up to date with the English, and the catalogue with the helpers."""
    for path in notebooks:
        notebook, translation = edition.read(path), edition.chinese_of(path)
        wanted = edition.to_translate(notebook)
        for cell in mended:
            if cell in translation and cell in wanted:
                english = wanted[cell][1]
                translation[cell] = replace(
                    translation[cell], english=english, digest=edition.digest_of(english)
                )
        edition.text_of(path).write_text(edition.outline(notebook, translation), encoding="utf-8")
    catalogue.write()


def build(notebooks: list[Path]) -> None:
    """Make, run and store the Chinese notebooks."""
    catalogue.write()
    for path in notebooks:
        made = edition.made_of(edition.read(path), edition.chinese_of(path))
        to = edition.FOLDER / path.name
        nbformat.write(made, to)
        store(to)
        # Nobody edits what is made; without indentation it is smaller than the English.
        stored = json.loads(to.read_text(encoding="utf-8"))
        to.write_text(json.dumps(stored, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")
        print(f"stored {to}")


def main() -> int:
    """Do what is asked for, and return the exit code: 1 if something is left to do."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("do", choices=("left", "outline", "build"))
    parser.add_argument("numbers", nargs="*", help="of notebooks, such as 03; all by default")
    parser.add_argument(
        "--mended", nargs="*", default=[], help="cells whose Chinese is right again"
    )
    options = parser.parse_args()
    chosen = [path for path in NOTEBOOKS if not options.numbers or path.stem[:2] in options.numbers]
    if not chosen:
        parser.error(f"no notebook {' '.join(options.numbers)}: give two digits, such as 03")
    if options.do == "outline":
        outline(chosen, options.mended)
    if options.do == "build":
        build(chosen)
    to_do = left(chosen)
    print(*to_do, f"{len(to_do)} to do", sep="\n\n")
    return bool(to_do)


if __name__ == "__main__":
    sys.exit(main())
