"""A right answer of another kind is right, and a wrong one is told what it may be."""

import datetime
import math
import types
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
import torch

from common.test_judging import said_of

# --- Predictions: words ---

WORDS = ("the optimiser", "the class", "the loss")


def said_of_word(guess) -> str:
    return said_of(guess, WORDS[0], words=WORDS)


@pytest.mark.parametrize(
    "guess",
    [
        "the optimiser",
        "optimiser",
        "the optimizer",
        "The Optimizer.",
        "an OPTIMISER!",
        " the  optimiser ",
        "the-optimizer",
        "'the optimizer'",
        ["the optimiser"],
        np.array("the optimizer"),
        np.array(["optimizer"]),
        np.str_("optimizer"),
    ],
)
def test_a_word_may_come_in_another_dress(guess):
    assert said_of_word(guess).endswith(": right.")


@pytest.mark.parametrize(
    ("right", "guess"),
    [
        ("left out", "left-out"),
        ("left out", "Left_Out"),
        ("the same", "same."),
        ("grey colours", "grey colors"),
        ("yes", True),
        ("yes", "Y"),
        ("yes", np.True_),
        ("no", False),
        ("no", torch.tensor(False)),
        (True, "yes"),
        (True, "true"),
        (True, "True."),
        (False, "No"),
        (torch.tensor(True), True),
        (np.True_, "yes"),
    ],
)
def test_other_words_and_truths_too(right, guess):
    assert said_of(guess, right, words=["yes", "no", "another"]).endswith(": right.")


OF_NO_WORD = [
    1202,
    1.5,
    True,
    "optimisers?",
    "",
    "the weights",
    ["the optimiser", "the loss"],
    {"the optimiser"},
    math,
    math.cos,
    len,
    lambda: "the optimiser",
    object(),
    b"the optimiser",
    10**5000,
    torch.ones(2),
    torch.ones((), device="meta"),
    datetime.date(2026, 1, 1),
    types.SimpleNamespace(item=lambda: 1 / 0),
]


@pytest.mark.parametrize("guess", OF_NO_WORD, ids=lambda guess: type(guess).__name__)
def test_what_is_none_of_the_words_is_told_which_they_are(guess):
    said = said_of_word(guess)
    assert said.endswith("in quotes: 'the class', 'the loss', 'the optimiser'.")
    assert " at 0x" not in said and ".py" not in said and "\n" not in said


@pytest.mark.parametrize("guess", ["the class", "Class", "loss!"])
def test_the_run_says_otherwise_of_a_wrong_word_alone(guess):
    assert "the run says otherwise" in said_of_word(guess)


@pytest.mark.parametrize("guess", [1, 0, "1", "perhaps", 1.0, torch.tensor(1), [], [True, True]])
@pytest.mark.parametrize("run", [True, False])
def test_a_truth_asked_for_is_named(guess, run):
    assert said_of(guess, run).endswith("; write True or False, without quotes.")


def test_a_wrong_truth_is_wrong():
    for guess in (False, "no", "False"):
        assert "the run says otherwise" in said_of(guess, True)


# --- Predictions: numbers ---


@pytest.mark.parametrize(
    "guess",
    [
        Decimal("42"),
        Fraction(84, 2),
        42 + 0j,
        np.complex64(42),
        torch.tensor(42 + 0j),
        np.float16(42),
        np.longdouble(42),
        np.uint8(42),
        [42],
        (42,),
        [[torch.tensor([42.0])]],
        torch.tensor([[42.0]]),
        torch.tensor([42], dtype=torch.int8),
        torch.tensor([42.0]).to_sparse(),
        torch.tensor([[42.0]]).to_sparse_csr(),
        torch.tensor(42.0, requires_grad=True),
        torch.tensor(42.0, dtype=torch.bfloat16),
        torch.quantize_per_tensor(torch.tensor([42.0]), 0.5, 0, torch.qint8),
        np.array([42.0]),
        np.array([Fraction(42)], dtype=object),
    ],
    ids=repr,
)
@pytest.mark.filterwarnings("ignore")
def test_a_number_may_come_as_any_kind(guess):
    assert said_of(guess, 42).endswith(": right.")
    assert said_of(guess, 43).endswith("; the run gave more.")


ITSELF: list = []
ITSELF.append(ITSELF)


@pytest.mark.parametrize(
    "guess",
    [
        42 + 1j,
        math.nan,
        Decimal("nan"),
        Decimal("snan"),
        Decimal("1e999999999"),
        np.longdouble("nan"),
        [42, 42],
        {42: 42},
        torch.ones(0),
        torch.tensor(42.0, device="meta"),
        torch.nested.nested_tensor([torch.tensor([42.0, 1.0])]),
        np.datetime64("2026-01-01"),
        math,
        print,
        ITSELF,
        [10**5000, 1],
    ],
    ids=lambda guess: type(guess).__name__,
)
@pytest.mark.filterwarnings("ignore")
def test_what_is_no_number_is_said_to_be_none(guess):
    said = said_of(guess, 42)
    assert said.endswith(", which is not a single number.") and "\n" not in said


def test_numbers_too_long_to_print_are_compared():
    for guess, way in ((10**5000, "less"), (-(10**5000), "more"), (Fraction(10**5000), "less")):
        assert said_of(guess, 42).endswith(f"; the run gave {way}.")
