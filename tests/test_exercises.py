"""Every folded solution, put in the blank, is called right; every notebook has enough to do."""

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from notebook_rules import code_cells, tags

NOTEBOOKS = sorted((Path(__file__).resolve().parents[1] / "notebooks").glob("*.ipynb"))
FOLD = re.compile(r"<details><summary>Solution</summary>.*?```python\n(.*?)```", re.DOTALL)


def read(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)


def fill_the_blanks(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    """Put each solution where its blank is; return the cells that check them."""
    checks = []
    for position, cell in enumerate(notebook.cells):
        if cell.cell_type == "code" and "exercise" in tags(cell):
            after = notebook.cells[position + 1 :]
            cell.source = next(FOLD.search(c.source)[1] for c in after if FOLD.search(c.source))
            checks.append(next(c for c in after if "check_exercise" in c.source))
    return checks


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_there_is_enough_to_do(path):
    cells = list(code_cells(read(path)))
    assert sum("prediction" in tags(cell) for cell in cells) >= 5
    assert sum("exercise" in tags(cell) for cell in cells) >= 4
    checked = sum(cell.source.count("check_prediction(") for cell in cells)
    assert checked >= sum("prediction" in tags(cell) for cell in cells)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_solution_is_called_right(path):
    notebook = read(path)
    checks = fill_the_blanks(notebook)
    assert len({cell.id for cell in checks}) == len(checks)
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": path.parent}}).execute()
    said = ["".join(output.get("text", "") for output in cell.outputs) for cell in checks]
    assert said == ["Right.\n"] * len(checks)
