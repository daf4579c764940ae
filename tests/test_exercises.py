"""Solutions are called right and wrong answers get their hints; there is enough to do."""

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


# Run in each notebook's kernel: every wrong answer and every misconception that a cell names must
# meet its own word, and the right answer must be called right, before the reader's is looked at.
CHECK_THE_CHECKS = """
from helpers import learning as _learning

_check_exercise, _check_prediction = _learning.check_exercise, _learning.check_prediction


def _exercise(attempt, oracle, inputs, *, mistakes, **options):
    assert len(mistakes) >= 3, "too few hints"
    for hint, mistake in mistakes.items():
        said = _check_exercise(mistake, oracle, inputs, mistakes=mistakes, **options)
        assert said == f"Not yet. {hint}", (hint, said)
    assert _check_exercise(oracle, oracle, inputs, mistakes=mistakes, **options) == "Right."
    fixed = oracle(*inputs[0])
    said = _check_exercise(lambda *_: fixed, oracle, inputs, mistakes=mistakes, **options)
    assert said != "Right.", "an answer fixed to the first input passes"
    return _check_exercise(attempt, oracle, inputs, mistakes=mistakes, **options)


def _prediction(guess, answer, *, misconceptions=None, **options):
    for wrong, word in (misconceptions or {}).items():
        said = _check_prediction(wrong, answer, misconceptions=misconceptions, **options)
        assert said == f"You predicted {wrong}. {word}", (wrong, said)
    said = _check_prediction(answer, answer, misconceptions=misconceptions, **options)
    assert said.endswith(": right."), said
    return _check_prediction(guess, answer, misconceptions=misconceptions, **options)


_learning.check_exercise, _learning.check_prediction = _exercise, _prediction
"""


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
    notebook.cells.insert(0, nbformat.v4.new_code_cell(CHECK_THE_CHECKS))
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": path.parent}}).execute()
    said = ["".join(output.get("text", "") for output in cell.outputs) for cell in checks]
    assert said == ["Right.\n"] * len(checks)
