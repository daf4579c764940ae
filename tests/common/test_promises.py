"""A right answer of another kind is right, and a wrong one is told what it may be."""

import datetime
import math
import types
import warnings
from decimal import Decimal
from fractions import Fraction

import IPython
import numpy as np
import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell
from torch import nn

from common.test_judging import said_of, said_of_code
from helpers.common import running
from helpers.common.questions import Questions

# --- Predictions: words ---

WORDS = ("the optimiser", "the class", "the loss")


def said_of_word(guess) -> str:
    return said_of(guess, WORDS[0], hints=dict.fromkeys(WORDS, ""))


@pytest.mark.parametrize("guess", [
    "the optimiser", "optimiser", "the optimizer", "The Optimizer.", "an OPTIMISER!",
    " the  optimiser ", "the-optimizer", "'the optimizer'", ["the optimiser"],
    np.array("the optimizer"), np.array(["optimizer"]), np.str_("optimizer"), "“the optimiser”",
    "*the optimizer*", "«optimiser»",
])  # fmt: skip
def test_a_word_may_come_in_another_dress(guess):
    assert said_of_word(guess).endswith(": right.")


@pytest.mark.parametrize(("right", "guess"), [
    ("left out", "left-out"), ("left out", "Left_Out"), ("the same", "same."),
    ("grey colours", "grey colors"), ("yes", True), ("yes", "Y"), ("yes", np.True_), ("no", False),
    ("no", torch.tensor(False)), (True, "yes"), (True, "true"), (True, "True."), (False, "No"),
    (torch.tensor(True), True), (np.True_, "yes"),
])  # fmt: skip
def test_other_words_and_truths_too(right, guess):
    hints = dict.fromkeys(("yes", "no", "another"), "")
    assert said_of(guess, right, hints=hints).endswith(": right.")


OF_NO_WORD = [
    1202, 1.5, True, "optimisers?", "", "the weights", ["the optimiser", "the loss"],
    {"the optimiser"}, math, math.cos, len, lambda: "the optimiser", object(), b"the optimiser",
    10**5000, torch.ones(2), torch.ones((), device="meta"), datetime.date(2026, 1, 1),
    types.SimpleNamespace(item=lambda: 1 / 0),
]  # fmt: skip


@pytest.mark.parametrize("guess", OF_NO_WORD, ids=lambda guess: type(guess).__name__)
def test_what_is_none_of_the_words_is_told_which_they_are(guess):
    said = said_of_word(guess)
    assert said.endswith("write one of these: 'the class', 'the loss', 'the optimiser'.")
    assert " at 0x" not in said and ".py" not in said and "\n" not in said


@pytest.mark.parametrize("guess", ["the class", "Class", "loss!"])
def test_the_run_says_otherwise_of_a_wrong_word_alone(guess):
    assert "the run says otherwise" in said_of_word(guess)


@pytest.mark.parametrize("guess", [1, 0, "1", "perhaps", 1.0, torch.tensor(1), [], [True, True]])
@pytest.mark.parametrize("run", [True, False])
def test_a_truth_asked_for_is_named(guess, run):
    assert said_of(guess, run).endswith("; write one of these: False, True.")


def test_a_wrong_truth_is_wrong():
    for guess in (False, "no", "False"):
        assert "the run says otherwise" in said_of(guess, True)


# --- Predictions: numbers ---


@pytest.mark.parametrize("guess", [
    Decimal("42"), Fraction(84, 2), 42 + 0j, np.complex64(42), torch.tensor(42 + 0j),
    np.float16(42), np.longdouble(42), np.uint8(42), [42], (42,), [[torch.tensor([42.0])]],
    torch.tensor([[42.0]]), torch.tensor([42], dtype=torch.int8), torch.tensor([42.0]).to_sparse(),
    torch.tensor([[42.0]]).to_sparse_csr(), torch.tensor(42.0, requires_grad=True),
    torch.tensor(42.0, dtype=torch.bfloat16),
    torch.quantize_per_tensor(torch.tensor([42.0]), 0.5, 0, torch.qint8), np.array([42.0]),
    np.array([Fraction(42)], dtype=object),
], ids=repr)  # fmt: skip
@pytest.mark.filterwarnings("ignore")
def test_a_number_may_come_as_any_kind(guess):
    assert said_of(guess, 42).endswith(": right.")
    assert said_of(guess, 43).endswith("; the run gave more.")


ITSELF: list = []
ITSELF.append(ITSELF)


@pytest.mark.parametrize("guess", [
    42 + 1j, math.nan, Decimal("nan"), Decimal("snan"), np.longdouble("nan"), [42, 42],
    {42: 42}, torch.ones(0), torch.tensor(42.0, device="meta"),
    torch.nested.nested_tensor([torch.tensor([42.0, 1.0])]), np.datetime64("2026-01-01"), math,
    print, ITSELF, [10**5000, 1],
], ids=lambda guess: type(guess).__name__)  # fmt: skip
@pytest.mark.filterwarnings("ignore")
def test_what_is_no_number_is_said_to_be_none(guess):
    said = said_of(guess, 42)
    assert said.endswith(", which is not a single number.") and "\n" not in said


def test_numbers_too_long_to_print_are_compared():
    for guess, way in ((10**5000, "less"), (-(10**5000), "more"), (Fraction(10**5000), "less")):
        assert said_of(guess, 42).endswith(f"; the run gave {way}.")


def test_what_grows_without_bound_is_compared_too():
    for guess, way in ((math.inf, "less"), (-math.inf, "more"), (Decimal("1e999999999"), "less")):
        assert said_of(guess, 42).endswith(f"; the run gave {way}.")


@pytest.mark.parametrize(
    ("run", "gave"),
    [
        (math.nan, "nan"),
        (torch.tensor(math.inf), "inf"),
        (None, "None"),
        (torch.ones(2), "tensor([1., 1.])"),
    ],
)
def test_a_run_without_an_answer_is_named(run, gave):
    for guess in (42, "42", "tops"):
        assert said_of(guess, run) == f"You predicted {guess}; the run gave {gave}."


def test_a_guess_brings_no_second_point():
    hints = {"loss": "It comes later.", "class": ""}
    assert said_of("The Loss.", "class", hints=hints) == "You predicted The Loss. It comes later."


# --- Exercises: kinds of values ---

NUMBERS = [(2.0,), (-0.5,), (7.0,)]
VECTORS = [(torch.tensor([1.0, 2.0, 0.5]),), (torch.tensor([3.0, 0.0]),)]


def doubled(x):
    return 2 * x


def endless():
    while True:
        yield 1.0


def read_only(x):
    array = (2 * x).numpy()
    array.flags.writeable = False
    return array


@pytest.mark.parametrize("wrap", [
    Fraction, Decimal, complex, np.float32, np.longdouble, np.array, torch.tensor, lambda y: [y],
    lambda y: ((y,),), lambda y: torch.tensor([[y]]), lambda y: np.array([y], dtype=object),
    lambda y: (entry for entry in [y]), lambda y: torch.tensor(y + 0j),
    lambda y: torch.tensor([y]).to_sparse(),
])  # fmt: skip
@pytest.mark.filterwarnings("error")
def test_one_number_may_come_as_any_kind(wrap):
    assert said_of_code(lambda x: wrap(2 * x), doubled, NUMBERS) == "Right."
    assert said_of_code(lambda x: wrap(3 * x), doubled, NUMBERS).startswith("Not yet. The value d")


@pytest.mark.parametrize("wrap", [
    read_only, lambda x: (2 * x).to_sparse(), lambda x: (2 * x).numpy().astype(">f8"),
    lambda x: np.array([Fraction(float(e)) for e in 2 * x], dtype=object),
    lambda x: (2 * x.flip(0)).numpy()[::-1], lambda x: list(2 * x),
    lambda x: (Decimal(float(e)) for e in 2 * x), lambda x: map(float, 2 * x),
    lambda x: {e: 2 * float(e) for e in x}.values(), lambda x: (2 * x).bfloat16(),
    lambda x: 2 * x + 0j, lambda x: torch.nn.Parameter(2 * x),
    lambda x: torch.quantize_per_tensor(2 * x, 0.5, 0, torch.qint8),
])  # fmt: skip
@pytest.mark.filterwarnings("error", "ignore:.*quantized tensor.*")
def test_many_numbers_may_come_as_any_kind(wrap):
    assert said_of_code(wrap, doubled, VECTORS) == "Right."


@pytest.mark.parametrize(
    ("attempt", "said"),
    [
        (lambda x: (2 * x)[:, None], "That has shape (3, 1); the answer has shape (3,)."),
        (lambda x: (2 * x).to("meta"), "A tensor of that kind (meta) has no numbers to compare."),
        (
            lambda x: torch.nested.nested_tensor([2 * x, x]),
            "A tensor of that kind (nested) has no numbers to compare.",
        ),
        (lambda x: endless(), "That has shape (10000,); the answer has shape (3,)."),
        (lambda x: {1.0, 2.0}, "That is of type set; give a tensor."),
        (lambda x: np.array(["2", "4"]), "That is of type ndarray; give a tensor."),
        (lambda x: [[1.0], []], "That is of type list; give a tensor."),
        (lambda x: 2 * x > 0, "That is True or False; give a number."),
    ],
)
def test_what_cannot_be_compared_gets_a_clear_line(attempt, said, monkeypatch):
    assert said_of_code(attempt, doubled, VECTORS, seconds=60) == f"Not yet. {said}"


SAME = np.zeros(())
NO_LIST = "Not yet. That is of type {}; give a list of numbers."


def twice_each(x):
    return [2 * x, x]


@pytest.mark.parametrize(("attempt", "oracle", "inputs", "said"), [
    # Rows in a list are a matrix.
    (lambda x: [2 * x, x], lambda x: torch.stack([2 * x, x]), VECTORS, "Right."),
    # An array that is filled again is kept as it was.
    (lambda x: np.multiply(2, x, out=SAME), doubled, NUMBERS, "Right."),
    (lambda x: [[2 * x], [x]], twice_each, NUMBERS, "Right."),
    (lambda x: (torch.tensor([2 * x]), torch.tensor([x])), twice_each, NUMBERS, "Right."),
    (lambda x: {x}, twice_each, NUMBERS, NO_LIST.format("set")),
    (lambda x: [str(x), "1"], twice_each, NUMBERS, NO_LIST.format("list of str")),
])  # fmt: skip
def test_lists_and_arrays_are_read_as_what_is_asked_for(attempt, oracle, inputs, said):
    assert said_of_code(attempt, oracle, inputs) == said


# --- Exercises: precision, and inputs that differ ---


def test_numbers_of_python_keep_their_precision():
    tenth = [(0.1,), (1 / 3,)]
    for identity in (lambda x: x, lambda x: [x], lambda x: torch.tensor(x, dtype=torch.float64)):
        assert said_of_code(identity, lambda x: x, tenth, tolerance=1e-9) == "Right."


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_a_coarse_dtype_is_named_as_such(dtype):
    def coarse(x):
        return torch.tensor(2 * x, dtype=dtype)

    inputs = [(0.1,), (1 / 3,)]
    said = said_of_code(coarse, doubled, inputs, tolerance=1e-9)
    assert said.startswith("Not yet. Right to the") and said.endswith("compute in float64.")
    digits = {torch.float16: 3, torch.bfloat16: 2, torch.float32: 6}[dtype]
    assert f"Right to the {digits} digits" in said
    wrong = said_of_code(lambda x: coarse(1.5 * x), doubled, inputs, tolerance=1e-9)
    assert wrong.startswith("Not yet. The value differs")


@pytest.mark.parametrize("attempt", [
    lambda x: x * 3.14, lambda x: round(x * math.pi, 2),
    lambda x: torch.tensor(x * math.pi).half().double(), lambda x: int(x * math.pi),
])  # fmt: skip
def test_what_is_nearly_right_is_said_to_be_rounded(attempt):
    said = said_of_code(attempt, lambda x: x * math.pi, [(1.1,), (2.3,)])
    assert said.startswith("Not yet. The value is off by")


@pytest.mark.parametrize(("attempt", "oracle"), [
    (lambda n: n + 1, lambda n: n),  # One off, in whole numbers
    (lambda n: 1.005 * n / 3, lambda n: n / 3),  # A small mistake
])  # fmt: skip
def test_what_is_not_rounded_is_not_called_so(attempt, oracle):
    assert said_of_code(attempt, oracle, [(391,), (400,)]).startswith("Not yet. The value differs")


def test_a_mistake_may_be_told_by_a_sign_and_warns_nobody(recwarn):
    def grows(x):
        warnings.warn("of the judge's own making", stacklevel=2)
        return lambda found: found > 100 * x

    mistakes = {"It grows.": grows}
    for attempt, said in ((lambda x: 300 * x, "It grows."), (lambda x: 3 * x, "The value differs")):
        found = said_of_code(attempt, doubled, [(1.0,), (2.0,)], mistakes)
        assert found.startswith(f"Not yet. {said}") and not recwarn.list


def test_a_short_list_is_named_in_full():
    said = said_of_code(lambda n: n[-1], lambda n: n[0], [([1, 1],), ([1, 2],)])
    assert said == "Not yet. Right on 1 of 2 inputs; not on the one with [1, 2]."


ROWS = "a tensor of shape (4, 2) and dtype torch.float32"


@pytest.mark.parametrize(
    ("attempt", "said"),
    [
        (
            lambda x, rows: 2.0 * abs(x),
            f"Right on 2 of 3 inputs; not on the one with -0.5, {ROWS}.",
        ),
        (
            lambda x, rows: 2 * x if x >= 0 else math.nan,
            "There is a NaN in it: is there a division by zero, or the root or logarithm of a "
            f"negative number? Right on 2 of 3 inputs; not on the one with -0.5, {ROWS}.",
        ),
        (
            lambda *both: 2 * both[0] or 1,
            f"Right on 2 of 3 inputs; not on the one with 0.0, {ROWS}.",
        ),
    ],
)
def test_an_input_that_is_missed_is_named(attempt, said):
    inputs = [(2.0, torch.ones(4, 2)), (-0.5, torch.ones(4, 2)), (0.0, torch.ones(4, 2))]
    assert said_of_code(attempt, lambda x, rows: 2 * x, inputs) == f"Not yet. {said}"


@pytest.mark.parametrize(
    ("wrap", "where"),
    [(lambda layer: layer, "the one with a ReLU"), (nn.Sequential, "number 2, with a Sequential")],
)
def test_inputs_that_look_the_same_are_counted(wrap, where):
    inputs = [(wrap(nn.Tanh()),), (wrap(nn.ReLU()),)]
    said = said_of_code(lambda net: math.tanh(-1), lambda net: net(torch.tensor(-1.0)), inputs)
    assert said == f"Not yet. Right on 1 of 2 inputs; not on {where}."


# --- What a check is handed ---


def test_a_check_without_its_data_says_what_to_hand_over():
    check = Questions()
    check.prediction("the sum", right=3)
    check.exercise("doubles", inputs=lambda start, end: [(n,) for n in range(start, end)])(doubled)
    check.exercise("more", inputs=[(1,), (2,)])(doubled)
    told = 'Not checked. Give it this: check("doubles", doubled, start=start, end=end)'
    for data in ({}, {"start": 1}, {"start": 1, "end": 2, "more": 3}):
        assert check("doubles", doubled, **data).text == told
    assert check("doubles", doubled, 1, 3).text == told
    assert check("doubles", doubled, start=1, end=3)
    assert check("more", 7, 8).text == 'Not checked. Give it this: check("more", your_function)'


# --- A cell that failed ---

CHECK = 'check("doubles", doubled)'
OLD = "Not checked: its cell failed, so this is the old function. Mend that cell."
# What one cell after the other holds, and what the check says after it.
CELLS = {
    "def doubled(x):\n    return 2 * x": "Right.",
    "def doubled(x):\n    return 2 * x)": OLD,
    "def doubled(x):\n    return x + x": "Right.",
    "1 / 0\ndef doubled(x):\n    return 3 * x": OLD,
    "def doubled(x):\n    return x * 2\n1 / 0": "Right.",
    "doubled = lambda x: 2 *": OLD,
    "doubled = lambda x: x * 2": "Right.",
    "doubled: object = lambda x 3 * x": OLD,
    "%%time\ndef doubled(x):\n    return 2 * x": "Right.",
    "%%time\ndef doubled(x) return x": OLD,
    "class Twice:\n    __call__ = lambda self, x: 2 * x\ndoubled = Twice()": "Right.",
    "class Twice:\n    def __call__(self, x) 0\ndoubled = Twice()": OLD,
    "def doubled(x):\n    return 4 * x / 2": "Right.",
    "doubled(None)": "Right.",
    "doubled == 1 / 0": "Right.",
    "doubled_twice = 1 / 0": "Right.",
    "if True:\n    def doubled(x) return 0": OLD,
    "if True:\n    def doubled(x):\n        return x + x": "Right.",
    "if 1 / 0:\n    doubled = lambda x: 0": OLD,
    "    def doubled(x):\n        return x + x": "Right.",
    "    def doubled(x) return 0": OLD,
    "count = 2; doubled = lambda x: count * x": "Right.",
    "1 / 0; doubled = lambda x: 0": OLD,
    "doubled = lambda x: sum([x, x])": "Right.",
    "count = 0; doubled = lambda x 0": OLD,
    "try:\n    doubled = lambda x: x * 2\nfinally:\n    count = 1": "Right.",
    "try:\n    doubled = lambda x 0\nfinally:\n    count = 1": OLD,
    "doubled = doubled_twice = lambda x: 2 * x": "Right.",
    # These would have defined another.
    "class Twice:\n    def doubled(self, x) 0": "Right.",
    "def twice(x):\n    doubled = 2 * x\n    return doubled\n1 / 0": "Right.",
    "print(\n    doubled=doubled,\n    of=1 / 0)": "Right.",
    "print(\n    doubled=doubled,\n    of=1 0)": "Right.",
    # The old one, put back on purpose, is what is to be judged.
    "kept = doubled": "Right.",
    "def doubled(y) 0": OLD,
    "doubled = kept": "Right.",
}


def test_an_old_function_is_not_judged_for_one_whose_cell_failed(monkeypatch):
    shell = InteractiveShell()
    monkeypatch.setattr(IPython, "get_ipython", lambda: shell)
    monkeypatch.setattr(running, "_left_over", {})
    shell.user_ns["check"] = check = Questions()
    check.exercise("doubles", inputs=[(2,), (3,)])(lambda x: 2 * x)
    for cell, said in CELLS.items():
        shell.run_cell(cell)
        assert shell.run_cell(CHECK).result.text == said, cell
    Questions()
    heard = shell.events.callbacks["pre_run_cell"] + shell.events.callbacks["post_run_cell"]
    assert heard.count(running._note_names) == heard.count(running._note_cell) == 1


def test_outside_ipython_nothing_is_watched(monkeypatch):
    monkeypatch.setattr(IPython, "get_ipython", lambda: None)
    running.watch_cells()
    assert not running.is_left_over(doubled)
