"""Who answers everything rightly is told so, in the notebook's own kernel."""

import re

import nbformat
import pytest
from nbclient import NotebookClient

from every_notebook import rules
from every_notebook.series import NOTEBOOKS, WINGS
from every_notebook.test_checks import Wing


def answer_everything(wing: Wing) -> nbformat.NotebookNode:
    """Put each solution where its blank is, and each right guess where it says None."""
    rights = [prediction.right for prediction in wing.check.predictions.values()]
    for cell, right in zip(wing.tagged("prediction"), rights, strict=True):
        cell.source = f"{rules.asked_for(cell)} = {right!r}"
    for cell, name in zip(wing.tagged("exercise"), wing.check.exercises, strict=True):
        cell.source = wing.solution(name)
    return wing.notebook


@pytest.mark.proof
@pytest.mark.parametrize("name", WINGS)
def test_right_answers_are_called_right_and_counted(name):
    wing = Wing(name, WINGS[name])
    notebook = answer_everything(wing)
    resources = {"metadata": {"path": NOTEBOOKS[0].parent}}
    NotebookClient(notebook, timeout=600, resources=resources).execute()
    said = {cell.id: rules.printed(cell).strip() for cell in wing.code if rules.question(cell)}
    wrong = {cell: line for cell, line in said.items() if not re.search(r"right\.|Right\.", line)}
    assert not wrong
    predictions, exercises = len(wing.check.predictions), len(wing.check.exercises)
    assert rules.printed(wing.code[-1]).split("\n") == [
        f"Predictions: {predictions} of {predictions} made, {predictions} right. "
        f"Exercises: {exercises} of {exercises} solved.",
        "Nothing to revisit.",
    ]
