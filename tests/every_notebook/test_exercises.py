"""Solutions are called right, wrong answers get their hints, and junk never passes."""

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from every_notebook.rules import checked_names, code_cells, tags
from every_notebook.wrong_answers import WRONG_ANSWERS

NOTEBOOKS = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb"))
FOLD = re.compile(r"<details><summary>Solution</summary>.*?```python\n(.*?)```", re.DOTALL)


def read(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)


# What a reader would type who sees through each question.
RIGHT_GUESSES = {
    "01_computation_graph": {
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
    },
    "02_ols_and_ridge": {
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
    },
    "03_gradient_descent": {
        "guess_level_angle": 90,
        "guess_share": 0.25,
        "guess_steps": 1,
        "guess_end": "neither",
        "guess_bound": 0.2,
        "guess_factor": 1.1,
        "guess_ratio": 10,
        "guess_too_large": "rattle",
        "guess_longer": 5,
        "guess_first": 0.64,
        "guess_with_momentum": 2,
        "guess_shrink": 4,
        "guess_length": 1,
    },
    "04_fashion_mnist_pipeline": {
        "guess_updates": 1955,
        "guess_weights": 101_632,
        "guess_first_loss": 2.3,
        "guess_after_a_step": "lower",
        "guess_hardest": "tops",
        "guess_halfway": "higher",
        "guess_times": 10,
        "guess_edges": "better",
    },
    "05_debugging_clinic": {
        "guess_reported": 1,
        "guess_init": "the optimiser",
        "guess_a": "left out",
        "guess_b": "cleared early",
        "guess_times": 128,
        "guess_floor": 1.46,
        "guess_alone": 10,
        "guess_by_heart": "yes",
        "guess_functions": "hundreds",
        "guess_named": 15,
    },
    "06_beyond_one_process": {
        "guess_sum": 3,
        "guess_bytes": 813_056,
        "guess_mean": "the same",
        "guess_times": 5,
        "guess_updates": 98,
        "guess_ceiling": 5,
        "guess_lost": 3,
        "guess_enough": "others",
    },
}

# Run in each notebook's kernel: every wrong answer and every misconception that a cell names must
# meet its own word, the right answer must be called right, and no junk may pass, before the
# reader's is looked at.
CHECK_THE_CHECKS = """
import re as _re

import torch as _torch

from helpers.common import learning as _learning


def _junk(oracle, inputs):
    first = _torch.as_tensor(oracle(*_learning._own(inputs[0])))

    def loops(*_):
        while True:
            pass

    return {
        "a number for None": lambda *_: None,
        "NaN": lambda *_: first * float("nan"),
        "infinity": lambda *_: first + float("inf"),
        "one axis too many": lambda *a: _torch.as_tensor(oracle(*a))[None],
        "no shape": lambda *_: [[], [1]],
        "the first answer each time": lambda *_: first,
        "an error": lambda *_: 1 / 0,
        "too few arguments": lambda: first,
        "text": lambda *_: "the answer",
        "a loop": loops,
    }


def _typed(source):
    # A cell with this source, run in the notebook; what it defines is taken back afterwards.
    names = get_ipython().user_ns
    name = _re.match(r"def (\\w+)", source)[1]
    before = names[name]
    exec(source, names)
    names[name], attempt = before, names[name]
    return attempt


class _Checked(_learning.Progress):
    def check_exercise(self, name, attempt, oracle, inputs, *, mistakes, **options):
        def said(attempt, **more):
            return _learning.check_exercise(
                attempt, oracle, inputs, mistakes=mistakes, **options, **more
            )

        assert name not in self._exercises and len(mistakes) >= 3, name
        for hint, mistake in mistakes.items():
            assert said(mistake) == f"Not yet. {hint}", (hint, said(mistake))
        assert said(lambda *_: None) == _learning.NO_ATTEMPT
        assert said(oracle) == "Right."
        hints = []
        for source, words in _WRONG_ANSWERS[name]:
            hints.append(said(_typed(source)))
            assert hints[-1].startswith("Not yet. ") and words in hints[-1], (source, hints[-1])
        assert len(set(hints)) == len(hints) >= 3, hints
        for kind, attempt_at_it in _junk(oracle, inputs).items():
            assert said(attempt_at_it, seconds=0.05) != "Right.", (name, kind)
        return super().check_exercise(name, attempt, oracle, inputs, mistakes=mistakes, **options)

    def check_prediction(self, name, guess, answer, *, misconceptions=None, **options):
        assert name not in self._predictions, name
        for wrong, word in (misconceptions or {}).items():
            said = _learning.check_prediction(
                wrong, answer, misconceptions=misconceptions, **options
            )
            assert said == f"You predicted {wrong}. {word}", (wrong, said)
        return super().check_prediction(
            name, guess, answer, misconceptions=misconceptions, **options
        )


_learning.Progress = _Checked
"""


def wrong_cells(notebook: nbformat.NotebookNode, answers: dict) -> dict:
    """Return the exercise cells with wrong lines in the blank, by the exercise's name."""
    exercises = [cell.source for cell in code_cells(notebook) if "exercise" in tags(cell)]
    names = checked_names(notebook, "exercise")
    assert sorted(answers) == sorted(names), "tests/wrong_answers.py has other exercises"
    return {
        name: [(filled(blank, lines), words) for lines, words in answers[name]]
        for name, blank in zip(names, exercises, strict=True)
    }


def filled(blank: str, lines: str) -> str:
    """Put lines into a blank: the one line of an exercise cell that holds ``...``."""
    indented = "".join(f"    {line}\n" for line in lines.splitlines())
    cell, count = re.subn(
        r"^    (return )?\.\.\.\n?", lambda _: indented, blank, flags=re.MULTILINE
    )
    assert count == 1, blank
    return cell


def answer_everything(notebook: nbformat.NotebookNode, guesses: dict) -> None:
    """Put each solution where its blank is, and each right guess where it says None."""
    for position, cell in enumerate(notebook.cells):
        if cell.cell_type != "code":
            continue
        if "exercise" in tags(cell):
            after = [FOLD.search(c.source) for c in notebook.cells[position + 1 :]]
            cell.source = next(fold[1] for fold in after if fold)
        if "prediction" in tags(cell):
            name = cell.source.split(" = ")[0]
            blank = f"{name} = None"
            assert cell.source.count(blank) == 1
            cell.source = cell.source.replace(blank, f"{name} = {guesses[name]!r}")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_right_answers_are_called_right_and_wrong_ones_get_their_hint(path):
    notebook = read(path)
    exercises = sum("exercise" in tags(cell) for cell in code_cells(notebook))
    wrong = wrong_cells(notebook, WRONG_ANSWERS[path.stem])
    answer_everything(notebook, RIGHT_GUESSES[path.stem])
    checks = f"_WRONG_ANSWERS = {wrong!r}\n{CHECK_THE_CHECKS}"
    notebook.cells.insert(0, nbformat.v4.new_code_cell(checks))
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": path.parent}}).execute()
    outputs = [output for cell in code_cells(notebook) for output in cell.outputs]
    said = "".join(output.get("text", "") for output in outputs).splitlines()
    assert said.count("Right.") == exercises
    for guess in RIGHT_GUESSES[path.stem].values():
        assert f"You predicted {guess}: right." in said
    assert not [
        line for line in said if line.startswith(("Not yet", "No guess", "Nothing to check"))
    ]
