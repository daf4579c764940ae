"""What a reader is told for a guess or an exercise."""

import math
import sys
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
        (Fraction(8, 2), "You predicted 4: right."),
        (math.nan, "You predicted nan, which is not a single number."),
        ("4", "You predicted '4', which is text; write a number, without quotes."),
        (torch.tensor(4.0), "You predicted 4.0: right."),
        (
            torch.tensor([[4.0], [4.0]]),
            "You predicted tensor([[4.], [4.]]), which is not a single number.",
        ),
        ([4], "You predicted [4], which is not a single number."),
        ([10**5000], "You predicted something of type list, which is not a single number."),
        (np.int64(4), "You predicted 4: right."),
        (True, "You predicted True, which is not a single number."),
    ],
)
def test_a_prediction_gets_its_word(guess, said):
    words = {2: "The chain goes on."}
    assert said_of(guess, 4, tolerance=0.1, hints=words) == said


def test_a_choice_is_compared_as_it_stands():
    words = {"lower": "Think of the ends."}
    assert said_of("higher", "higher").endswith("right.")
    assert said_of(" Higher ", "higher").endswith("right.")
    assert OTHERWISE in said_of("sideways", "higher")
    assert OTHERWISE in said_of(1, "higher")
    assert "Think of the ends" in said_of("lower", "higher", hints=words)
    assert said_of(True, True).endswith("right.")
    assert OTHERWISE in said_of(False, True)


def test_a_run_may_answer_with_a_tensor_of_one_number():
    """Notebook 06 takes its first answer out of what a process brought back."""
    for answer in (torch.tensor(3.0), torch.tensor(3), np.float64(3)):
        assert said_of(3, answer) == "You predicted 3: right."
        assert said_of(2, answer) == "You predicted 2; the run gave more."


def test_a_guess_too_long_to_write_down_is_still_a_guess():
    said = said_of(10**5000, 3)
    assert said == "You predicted a number of 16610 bits; the run gave less."


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


def raises_nothing_said(x):
    raise RuntimeError


def raises_in_many_lines(x):
    raise ValueError("first\nsecond")


def calls_itself(x):
    return calls_itself(x)


def calls_itself_through_c(x):
    return sorted([x], key=calls_itself_through_c)


def ends_the_program(x):
    sys.exit(1)


def leaves(x):
    exit()


def asks(x):
    return float(input("How long is it? "))


def interrupts(x):
    raise KeyboardInterrupt


def changes_its_argument(x):
    x *= x
    return x.sum()


ONE_TENSOR = torch.zeros(())


def answers_with_one_tensor(x):
    return ONE_TENSOR.copy_((x**2).sum())


@pytest.mark.parametrize(
    ("attempt", "said"),
    [
        (lambda x: (x**2).sum(), "Right."),
        (lambda x: float((x**2).sum()), "Right."),
        (lambda x: (x**2).sum().requires_grad_(), "Right."),
        (lambda x: np.sum(x.numpy() ** 2), "Right."),
        (changes_its_argument, "Right."),
        (answers_with_one_tensor, "Right."),
        (lambda x: None, NO_ATTEMPT),
        (lambda x: ..., NO_ATTEMPT),
        (has_a_blank_between_lines, NO_ATTEMPT),
        (lambda: 5.0, "Not yet. Your function is called with 1 argument; it takes no arguments."),
        (lambda x, y: 5.0, "Not yet. Your function is called with 1 argument; it takes x, y."),
        (lambda x: x.sum(), "Not yet. Take squares."),
        (lambda x: x.norm(), "Not yet. No root."),
        (lambda x: 5.0, "Not yet. The value differs"),
        (lambda x: math.nan, "Not yet. Not the logarithm."),
        (lambda x: 5.0 if len(x) == 2 else math.nan, "Not yet. There is a NaN in it"),
        (lambda x: math.inf, "Not yet. The value differs"),
        (lambda x: 10**400, "Not yet. That is of type int"),
        (lambda x: True, "Not yet. That is True or False; give a number."),
        (lambda x: 5 + 0j, "Not yet. That holds complex numbers"),
        (
            lambda x: (x**2).sum().reshape(1),
            "Not yet. That has shape (1,); the answer has shape ().",
        ),
        (lambda x: x**2, "Not yet. That has shape (2,)"),
        (lambda x: [(x**2).sum()], "Not yet. That has shape (1,)"),
        (lambda x: "5", "Not yet. That is of type str; give a number or a tensor."),
        (lambda x: iter(x), "Not yet. That is of type"),
        (lambda x: torch.nn.Linear(2, 2), "Not yet. That is of type Linear"),
        (torch.nn.Linear(5, 2), "Not yet. Your code stopped with RuntimeError"),
        (
            lambda x: None if len(x) > 2 else 5.0,
            "Not yet. For one of the inputs your function returned None",
        ),
        (7, "Not yet. Give check a function; this is of type int."),
        (forgets_return, "Not yet. Your function returned None. Is there a return, and has"),
        (divides_by_zero, "Not yet. Your code stopped in line 3 with ZeroDivisionError: division"),
        (raises_nothing_said, "Not yet. Your code stopped in line 2 with RuntimeError"),
        (raises_in_many_lines, "Not yet. Your code stopped in line 2 with ValueError: first secon"),
        (calls_itself, "Not yet. Your function never stops calling itself"),
        (calls_itself_through_c, "Not yet. Your function never stops calling itself"),
        (ends_the_program, "Not yet. Your code quits Python; to leave a function, use return."),
        (leaves, "Not yet. Your code quits Python; to leave a function, use return."),
        (asks, "Not yet. Your code calls input(); use the function's arguments instead."),
        (interrupts, "Not yet. Your code stopped in line 2 with KeyboardInterrupt"),
    ],
)
def test_an_exercise_gets_its_word(attempt, said):
    answer = check(attempt)
    assert answer.startswith(said)
    assert "\n" not in answer
    assert torch.equal(INPUTS[0][0], torch.tensor([1.0, 2.0])), "an input was changed"


def test_a_mistake_that_raises_has_its_hint_too():
    assert check(lambda x: x @ torch.ones(2)) == "Not yet. The vector is not always of length 2."


def test_an_answer_may_have_parts():
    def word(attempt):
        mistakes = {"The other way round.": lambda n: ("even", torch.ones(n))}
        return said_of_code(
            attempt, lambda n: (torch.ones(n), "even"), [(2,), (4,)], mistakes=mistakes
        )

    assert word(lambda n: (torch.ones(n), "Even")) == "Right."
    assert word(lambda n: [torch.ones(n), "even"]) == "Right."
    assert word(lambda n: ("even", torch.ones(n))) == "Not yet. The other way round."
    assert word(lambda n: torch.ones(n)) == (
        "Not yet. The answer has 2 parts: return them separated by commas."
    )
    assert word(lambda n: (torch.ones(2), "even")).startswith("Not yet. That has shape (2,)")
    assert word(lambda n: (torch.ones(n), None)).startswith("Not yet. That is of type NoneType")


def test_inputs_with_a_graph_are_made_anew():
    def leaf_and_loss():
        x = torch.tensor(3.0, requires_grad=True)
        return x, x**2

    def slope(x, loss):
        loss.backward()
        return x.grad

    inputs = [leaf_and_loss, leaf_and_loss]
    assert said_of_code(slope, lambda x, loss: 6.0, inputs) == "Right."
