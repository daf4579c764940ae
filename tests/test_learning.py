"""What a reader is told for a guess or an exercise."""

import math

import numpy as np
import pytest
import torch

from helpers import learning

OTHERWISE = "the run says otherwise. Look at the output above once more."


@pytest.mark.parametrize(
    ("guess", "said"),
    [
        (None, learning.NO_GUESS),
        (4, "You predicted 4: right."),
        (4.0, "You predicted 4.0: right."),
        (4.05, "You predicted 4.05: right."),
        (2, "You predicted 2. The chain goes on."),
        (3, "You predicted 3; the run gave more."),
        (9, "You predicted 9; the run gave less."),
        (
            math.nan,
            "You predicted nan; the run says otherwise. Look at the output above once more.",
        ),
        ("4", "You predicted '4', which is text; write a number, without quotes."),
        (torch.tensor(4.0), "You predicted 4.0: right."),
        (np.int64(4), "You predicted 4: right."),
        (True, "You predicted True; the run says otherwise. Look at the output above once more."),
    ],
)
def test_a_prediction_gets_its_word(guess, said):
    words = {2: "The chain goes on."}
    assert learning.check_prediction(guess, 4, tolerance=0.1, misconceptions=words) == said


def test_a_choice_is_compared_as_it_stands():
    words = {"lower": "Think of the ends."}
    assert learning.check_prediction("higher", "higher").endswith("right.")
    assert learning.check_prediction(" Higher ", "higher").endswith("right.")
    assert "the run says otherwise" in learning.check_prediction("sideways", "higher")
    assert "the run says otherwise" in learning.check_prediction(1, "higher")
    assert "Think of the ends" in learning.check_prediction("lower", "higher", misconceptions=words)


def check(attempt) -> str:
    return learning.check_exercise(
        attempt,
        lambda x: float(x @ x),
        [(torch.tensor([1.0, 2.0]),), (torch.tensor([3.0, 0.0, 4.0]),)],
        mistakes={"Take squares.": lambda x: float(x.sum()), "No root.": lambda x: float(x.norm())},
    )


@pytest.mark.parametrize(
    ("attempt", "said"),
    [
        (lambda x: (x**2).sum(), "Right."),
        (lambda x: None, "Nothing to check yet"),
        (lambda x: ..., "Nothing to check yet"),
        (lambda x: x.sum(), "Not yet. Take squares."),
        (lambda x: x.norm(), "Not yet. No root."),
        (lambda x: 5.0, "Not yet. The value differs"),
        (lambda x: math.nan, "Not yet. The value differs"),
        (
            lambda x: (x**2).sum().reshape(1),
            "Not yet. That has shape (1,); the answer has shape ().",
        ),
        (lambda x: x**2, "Not yet. That has shape (2,)"),
        (lambda x: "5", "Not yet. That is of type str; give a number or a tensor."),
        (lambda x: None if len(x) > 2 else 5.0, "Not yet. That is of type NoneType"),
        (lambda x: float((x**2).sum()), "Right."),
        (lambda x: (x**2).sum().requires_grad_(), "Right."),
        (lambda: 5.0, "Your code stopped with TypeError"),
        (lambda x: 1 / 0, "Your code stopped with ZeroDivisionError: division by zero"),
    ],
)
def test_an_exercise_gets_its_word(attempt, said):
    answer = check(attempt)
    assert answer.startswith(said)
    assert "\n" not in answer


def test_an_error_without_words_is_still_one_line():
    def attempt(x):
        raise RuntimeError

    assert check(attempt).startswith("Your code stopped with RuntimeError")
