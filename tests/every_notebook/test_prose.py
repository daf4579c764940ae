"""What is read is spelt right: prose as the British spell it, code as PyTorch does."""

import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from every_notebook.series import NOTEBOOKS, ROOT

PAGES = [*ROOT.glob("*.md"), ROOT / "notebooks" / "README.md"]
PAGES += [*(ROOT / ".site" / "written").glob("*.md")]
# Code, addresses, and titles of references keep the spelling that they have.
NO_PROSE = re.compile(
    r"```.*?```|`[^`\n]*`|<https?:[^>]*>|\]\([^)]*\)|^- .+: \*.+\*, .*$", re.S | re.M
)
AMERICAN = Path(__file__).with_name("american.txt")


def misspelt(*arguments):
    """Return what codespell complains of, a line each."""
    command = [sys.executable, "-m", "codespell_lib", "--quiet-level", "35", *map(str, arguments)]
    found = subprocess.run(command, capture_output=True, text=True)
    assert not found.stderr, found.stderr  # It did not run: that is not the same as no complaint.
    return found.stdout


def prose_of(path):
    if path.suffix == ".md":
        return path.read_text(encoding="utf-8")
    cells = nbformat.read(path, as_version=4).cells
    return "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


@pytest.mark.proof
def test_prose_is_spelt_right_and_british(tmp_path):
    for path in [*PAGES, *NOTEBOOKS]:
        name = f"{path.parent.name}-{path.stem}.md"
        (tmp_path / name).write_text(NO_PROSE.sub("", prose_of(path)), encoding="utf-8")
    dictionaries = ["--dictionary", "-", "--dictionary", AMERICAN]
    assert misspelt(*dictionaries, tmp_path) == ""


@pytest.mark.proof
def test_code_and_its_comments_are_spelt_right():
    # "ist" is German and "somme" French, in the tests of catalogues; "coo" is a layout of PyTorch.
    places = [ROOT / "helpers", ROOT / "tests", ROOT / ".ci", ROOT / ".site" / "static"]
    places += [*(ROOT / "notebooks").glob("*.py"), *(ROOT / ".site").glob("*.py")]
    skipped = [
        "--skip",
        f"*.png,{AMERICAN.name},{Path(__file__).name}",
        "--ignore-words-list",
        "ist,somme,coo",
    ]
    assert misspelt(*skipped, *places) == ""


@pytest.mark.proof
def test_a_slip_is_seen(tmp_path):
    (tmp_path / "page.md").write_text("We recieve a color.", encoding="utf-8")
    found = misspelt("--dictionary", "-", "--dictionary", AMERICAN, tmp_path)
    assert "receive" in found and "colour" in found
