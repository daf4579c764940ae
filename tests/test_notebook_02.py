"""The exercises of notebook 02: each folded solution is right, each hint is for its mistake."""

import contextlib
import io
import re
from pathlib import Path

import nbformat
import pytest
import torch

from helpers import learning

NOTEBOOK = Path(__file__).resolve().parents[1] / "notebooks" / "02_ols_and_ridge.ipynb"
RIGHT_PREDICTIONS = {
    "guess_gradient": 0,
    "guess_sum": 0,
    "guess_copy": "error",
    "guess_float32": "rubbish",
    "guess_condition": 1_000_000,
    "guess_change": 0,
    "guess_digits": 0,
    "guess_negative": -70,
    "guess_factor": 0.5,
    "guess_units": "ridge",
    "guess_training": "smallest",
    "guess_loss": "squared",
}
EXERCISES = [f"exercise-{number}" for number in range(1, 6)]


def tags(cell):
    return cell.metadata.get("tags", [])


def run_all(notebook, names):
    """Run every code cell in order; return what each printed."""
    printed = {}
    for cell in notebook.cells:
        if cell.cell_type == "code":
            output = io.StringIO()
            expected = Exception if "raises-exception" in tags(cell) else ()
            with contextlib.redirect_stdout(output), contextlib.suppress(expected):
                exec(cell.source, names)
            printed[cell.id] = output.getvalue()
    return printed


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Many small problems: on a busy machine several threads mostly wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def notebook():
    return nbformat.read(NOTEBOOK, as_version=4)


@pytest.fixture(scope="module")
def told(notebook):
    """Run the notebook with every prediction filled in rightly."""
    filled = nbformat.from_dict({**notebook, "cells": [dict(cell) for cell in notebook.cells]})
    for cell in filled.cells:
        if "prediction" in tags(cell):
            name = cell.source.split(" = ")[0]
            cell.source = f"{name} = {RIGHT_PREDICTIONS[name]!r}"
    names = {}
    return names, run_all(filled, names)


@pytest.fixture(scope="module")
def run(notebook, told):
    """Run the notebook as it is, in the kernel in which the filled one ran before."""
    names = dict(told[0])
    return names, run_all(notebook, names)


def source(notebook, cell_id):
    return next(cell.source for cell in notebook.cells if cell.id == cell_id)


def solutions(notebook):
    return [
        re.search(r"```python\n(.*?)```", cell.source, flags=re.DOTALL)[1]
        for cell in notebook.cells
        if cell.cell_type == "markdown" and cell.source.startswith("<details>")
    ]


def test_every_exercise_is_listed(notebook):
    assert [cell.id for cell in notebook.cells if "exercise" in tags(cell)] == EXERCISES
    assert len(solutions(notebook)) == len(EXERCISES)
    assert len([cell for cell in notebook.cells if "prediction" in tags(cell)]) >= 5


@pytest.mark.parametrize("place", range(len(EXERCISES)))
def test_folded_solution_is_right(notebook, run, place):
    names = dict(run[0])
    exec(solutions(notebook)[place], names)
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        exec(source(notebook, f"{EXERCISES[place]}-check"), names)
    assert output.getvalue() == "Right.\n"


@pytest.mark.parametrize("exercise", EXERCISES)
def test_blank_and_mistakes_get_their_own_word(notebook, run, exercise, monkeypatch):
    asked = []

    def listen(attempt, oracle, inputs, *, mistakes=None):
        asked.append((attempt, oracle, inputs, mistakes))

    names = dict(run[0])
    with monkeypatch.context() as patched:
        patched.setattr(learning, "check_exercise", listen)
        exec(source(notebook, f"{exercise}-check"), names)
    ((attempt, oracle, inputs, mistakes),) = asked
    assert learning.check_exercise(attempt, oracle, inputs).startswith("Nothing to check yet")
    assert mistakes
    for hint, mistake in mistakes.items():
        answer = learning.check_exercise(mistake, oracle, inputs, mistakes=mistakes)
        assert answer == f"Not yet. {hint}"


def test_the_right_predictions_are_told_so(notebook, told):
    asked = [cell.source for cell in notebook.cells if "prediction" in tags(cell)]
    assert asked == [f"{name} = None" for name in RIGHT_PREDICTIONS]
    answers = "".join(told[1].values())
    assert answers.count("You predicted") == answers.count(": right.") == len(RIGHT_PREDICTIONS)


def test_running_it_again_in_one_kernel_changes_nothing(notebook, run):
    for cell in notebook.cells:
        if cell.cell_type == "code" and cell.id != "versions":
            stored = [output.text for output in cell.outputs if output.output_type == "stream"]
            assert run[1][cell.id] == "".join(stored)
