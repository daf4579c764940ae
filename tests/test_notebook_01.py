"""Notebook 01: each folded solution is right, and each wrong answer meets its own hint."""

import re
import warnings
from pathlib import Path

import nbformat
import pytest

from helpers import learning

NOTEBOOK = Path(__file__).resolve().parents[1] / "notebooks" / "01_computation_graph.ipynb"
RIGHT_GUESSES = {
    "guess_notes": 2,
    "guess_boxes": 0,
    "guess_in_place": "error",
    "guess_leaves": 4,
    "guess_spreading": 2,
    "guess_output": 4,
    "guess_fork": 64,
    "guess_again": 6,
    "guess_vector": 531,
    "guess_step": "worse",
    "guess_network": 2,
}


class RunWithAnswers:
    """The notebook's code, run once with the folded solutions and the right guesses in place."""

    def __init__(self):
        self.exercises, self.predictions = [], []
        cells = nbformat.read(NOTEBOOK, as_version=4).cells
        namespace = {}
        for place, cell in enumerate(cells):
            if cell.cell_type != "code":
                continue
            source = cell.source
            tags = cell.metadata.get("tags", [])
            if "exercise" in tags:
                folded = next(c.source for c in cells[place:] if c.source.startswith("<details>"))
                source = re.search(r"```python\n(.*?)```", folded, flags=re.DOTALL)[1]
            if "prediction" in tags:
                name = source.split(" = ")[0]
                source = f"{name} = {RIGHT_GUESSES[name]!r}"
            try:
                exec(compile(source, cell.id, "exec"), namespace)
            except RuntimeError:
                if "raises-exception" not in tags:
                    raise
            if "learning" in namespace:
                namespace["learning"] = self

    def check_exercise(self, attempt, oracle, inputs, *, mistakes):
        self.exercises.append((attempt, oracle, inputs, mistakes))

    def check_prediction(self, guess, answer, *, misconceptions):
        self.predictions.append((guess, answer, misconceptions))


@pytest.fixture(scope="module")
def run():
    with warnings.catch_warnings():
        # torchviz compares versions with a class that has gone out of use.
        warnings.simplefilter("ignore", DeprecationWarning)
        return RunWithAnswers()


def test_there_are_enough_of_both(run):
    assert len(run.exercises) >= 4
    assert len(run.predictions) == len(RIGHT_GUESSES) >= 5


def test_each_solution_is_right(run):
    for attempt, oracle, inputs, mistakes in run.exercises:
        assert learning.check_exercise(attempt, oracle, inputs, mistakes=mistakes) == "Right."


def test_each_mistake_meets_its_hint(run):
    for _, oracle, inputs, mistakes in run.exercises:
        for hint, mistake in mistakes.items():
            answer = learning.check_exercise(mistake, oracle, inputs, mistakes=mistakes)
            assert answer == f"Not yet. {hint}"


def test_right_guesses_are_right_and_wrong_ones_meet_their_word(run):
    for guess, answer, misconceptions in run.predictions:
        assert learning.check_prediction(guess, answer).endswith("right.")
        for wrong, word in misconceptions.items():
            told = learning.check_prediction(wrong, answer, misconceptions=misconceptions)
            assert told == f"You predicted {wrong}. {word}"
