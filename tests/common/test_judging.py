"""What a reader is told for a guess or an exercise."""

import math
import sys
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
import torch

from helpers.common import judging
from helpers.common.judging import Mistake

NO_GUESS = "No guess yet. Write one where it says None, run that cell and this one again."
NO_ATTEMPT = "Nothing to check yet. Fill the blank, run that cell and this one again."


def said_of(guess, answer, **options) -> str:
    return judging.prediction(guess, answer, **options).line


def said_of_code(attempt, oracle, inputs, mistakes=None, **options) -> str:
    return judging.exercise(
        attempt,
        lambda: [oracle(*arguments) for arguments in map(judging.own, inputs)],
        inputs,
        [Mistake(hint, makes) for hint, makes in (mistakes or {}).items()],
        **options,
    ).line


TENTH = np.float64(0.1)
TENTHS = (0.1, 0.1 + 0j, Fraction(1, 10), Decimal("0.1"), TENTH, torch.tensor(TENTH))


@pytest.mark.parametrize("tenth", TENTHS, ids=repr)
@pytest.mark.parametrize("dress", [lambda one: one, lambda one: [one, one], lambda one: (one,)])
def test_no_number_loses_digits_on_its_way(tenth, dress):
    def judged(given) -> str:
        return said_of_code(lambda: dress(given), lambda: dress(0.1), [()], tolerance=1e-12)

    assert judged(tenth) == "Right."
    assert judged(0.1 + 1e-9).startswith("Not yet.")


THREES = (torch.tensor(3.0), torch.tensor(3), np.float64(3))
ONE_OF = "write one of these: 'higher', 'level', 'lower'."
OTHERWISE = "the run says otherwise. Look at the output above once more."


@pytest.mark.parametrize(
    ("guess", "said"),
    [
        (None, NO_GUESS),
        (..., NO_GUESS),
        (4, "You predicted 4: right."),
        (4.0, "You predicted 4.0: right."),
        (4.05, "You predicted 4.05: right."),
        (2, "You predicted 2. The chain goes on."),
        (3, "You predicted 3; the run gave more."),
        (9, "You predicted 9; the run gave less."),
        (10**400, "You predicted a number of 1329 bits; the run gave less."),
        # Python refuses to write this one.
        pytest.param(10**5000, "You predicted a number of 16610 bits; the run gave less.", id="_"),
        (Fraction(8, 2), "You predicted 4: right."),
        (math.nan, "You predicted nan, which is not a single number."),
        ("4", "You predicted '4', which is text; write a number, without quotes."),
        (torch.tensor(4.0), "You predicted 4.0: right."),
        (torch.ones(2, 1), "You predicted tensor([[1.], [1.]]), which is not a single number."),
        ([4, 4], "You predicted [4, 4], which is not a single number."),
        ([10**5000, 1], "You predicted something of type list, which is not a single number."),
        (np.int64(4), "You predicted 4: right."),
        (True, "You predicted True, which is not a single number."),
    ],
)
def test_a_prediction_gets_its_word(guess, said):
    words = {2: "The chain goes on."}
    assert said_of(guess, 4, tolerance=0.1, hints=words) == said


@pytest.mark.parametrize(
    ("guess", "run", "said"),
    [
        ("higher", "higher", "You predicted higher: right."),
        (" Higher ", "higher", "You predicted Higher: right."),
        ("level", "higher", f"You predicted level; {OTHERWISE}"),
        ("sideways", "higher", f"You predicted sideways; {ONE_OF}"),
        (1, "higher", f"You predicted 1; {ONE_OF}"),
        ("lower", "higher", "You predicted lower. Think of the ends."),
        (True, True, "You predicted True: right."),
        (False, True, f"You predicted False; {OTHERWISE}"),
        # A process of notebook 06 brings back a tensor of one number.
        *[(3, three, "You predicted 3: right.") for three in THREES],
        *[(2, three, "You predicted 2; the run gave more.") for three in THREES],
    ],
)
def test_a_run_may_give_a_word_a_truth_or_a_tensor(guess, run, said):
    hints = {"lower": "Think of the ends.", "level": ""}
    assert said_of(guess, run, hints=hints) == said


INPUTS = [(torch.tensor([1.0, 2.0]),), (torch.tensor([3.0, 0.0, 4.0]),)]
MISTAKES = {
    "Take squares.": lambda x: float(x.sum()),
    "No root.": lambda x: float(x.norm()),
    "The vector is not always of length 2.": lambda x: x @ torch.ones(2),
    "Not the logarithm.": lambda x: (x - 1).log().sum() * math.nan,
}


def sum_of_squares(x):
    return sum(entry**2 for entry in x.tolist())


def check(attempt, **options) -> str:
    return said_of_code(attempt, sum_of_squares, INPUTS, MISTAKES, **options)


def forgets_return(x):
    print((x**2).sum().item())


def has_a_blank_between_lines(x):
    doubled = 2 * x
    ...
    doubled.grad  # noqa: B018


def divides_by_zero(x):
    count = 0
    return x.sum() / int(count) if count else 1 / count


def raises(error):
    def attempt(x):
        raise error

    return attempt


def calls_itself(x):
    return calls_itself(x)


def calls_itself_through_c(x):
    return sorted([x], key=calls_itself_through_c)


ONE_TENSOR = torch.zeros(())


@pytest.mark.parametrize(
    ("attempt", "said"),
    [
        (lambda x: (x**2).sum(), "Right."),
        (lambda x: float((x**2).sum()), "Right."),
        (lambda x: (x**2).sum().requires_grad_(), "Right."),
        (lambda x: np.sum(x.numpy() ** 2), "Right."),
        (lambda x: x.mul_(x).sum(), "Right."),
        (lambda x: ONE_TENSOR.copy_((x**2).sum()), "Right."),
        (lambda x: None, NO_ATTEMPT),
        (lambda x: ..., NO_ATTEMPT),
        (has_a_blank_between_lines, NO_ATTEMPT),
        (lambda: 5.0, "Not yet. Your function is called with 1 argument; it takes no arguments."),
        (lambda x, y: 5.0, "Not yet. Your function is called with 1 argument; it takes x, y."),
        (lambda x: x.sum(), "Not yet. Take squares."),
        (lambda x: x.norm(), "Not yet. No root."),
        (lambda x: x @ torch.ones(2), "Not yet. The vector is not always of length 2."),
        (
            lambda x: 5.0,
            "Not yet. Right on 1 of 2 inputs; not on the one with a tensor of shape (3,)",
        ),
        (lambda x: 6.0, "Not yet. The value differs"),
        (lambda x: math.nan, "Not yet. Not the logarithm."),
        (lambda x: 5.0 if len(x) == 2 else math.nan, "Not yet. There is a NaN in it"),
        (lambda x: math.inf, "Not yet. The value differs"),
        (lambda x: 10**400, "Not yet. The value differs"),
        (lambda x: True, "Not yet. That is True or False; give a number."),
        (lambda x: 5 + 1j, "Not yet. That holds complex numbers"),
        (lambda x: (x**2).sum()[None, None], "Right."),
        (lambda x: x**2, "Not yet. That has shape (2,)"),
        (lambda x: [(x**2).sum()], "Right."),
        (lambda x: "5", "Not yet. That is of type str; give a number or a tensor."),
        (lambda x: iter(x), "Not yet. That has shape (2,); the answer has shape ()."),
        (lambda x: torch.nn.Linear(2, 2), "Not yet. That is of type Linear"),
        (torch.nn.Linear(5, 2), "Not yet. Your code stopped with RuntimeError"),
        (
            lambda x: None if len(x) > 2 else 5.0,
            "Not yet. For one of the inputs your function returned None",
        ),
        (7, "Not yet. Give check a function; this is of type int."),
        (forgets_return, "Not yet. Your function returned None. Is there a return, and has"),
        (divides_by_zero, "Not yet. Your code stopped in line 3 with ZeroDivisionError: division"),
        (raises(RuntimeError), "Not yet. Your code stopped in line 2 with RuntimeError"),
        (raises(ValueError("1\n2")), "Not yet. Your code stopped in line 2 with ValueError: 1 2"),
        (raises(KeyboardInterrupt), "Not yet. Your code stopped in line 2 with KeyboardInterrupt"),
        (calls_itself, "Not yet. Your function never stops calling itself"),
        (calls_itself_through_c, "Not yet. Your function never stops calling itself"),
        (lambda x: sys.exit(1), "Not yet. Your code quits Python; to leave a function, use return"),
        (lambda x: exit(), "Not yet. Your code quits Python; to leave a function, use return."),
        (lambda x: float(input("How long? ")), "Not yet. Your code calls input(); use the funct"),
    ],
)
def test_an_exercise_gets_its_word(attempt, said):
    answer = check(attempt)
    assert answer.startswith(said)
    assert "\n" not in answer
    assert torch.equal(INPUTS[0][0], torch.tensor([1.0, 2.0])), "an input was changed"


@pytest.mark.parametrize(
    ("attempt", "said"),
    [
        (lambda n: (torch.ones(n), "Even"), "Right."),
        (lambda n: [torch.ones(n), "even"], "Right."),
        (lambda n: ("even", torch.ones(n)), "Not yet. The other way round."),
        (torch.ones, "Not yet. The answer has 2 parts: return them separated by commas."),
        (lambda n: (torch.ones(2), "even"), "Not yet. That has shape (2,)"),
        (lambda n: (torch.ones(n), None), "Not yet. That is of type NoneType"),
        (lambda n: (torch.ones(n), "odd"), "Not yet. Another word is right"),
    ],
)
def test_an_answer_may_have_parts(attempt, said):
    def oracle(n):
        return torch.ones(n), "even"

    mistakes = {"The other way round.": lambda n: oracle(n)[::-1]}
    assert said_of_code(attempt, oracle, [(2,), (4,)], mistakes).startswith(said)


def test_inputs_with_a_graph_are_made_anew():
    def leaf_and_loss():
        x = torch.tensor(3.0, requires_grad=True)
        return x, x**2

    def slope(x, loss):
        loss.backward()
        return x.grad

    inputs = [leaf_and_loss, leaf_and_loss]
    assert said_of_code(slope, lambda x, loss: 6.0, inputs) == "Right."
