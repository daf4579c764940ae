"""Where right ends and wrong begins, what is asked besides the value, and whole sentences."""

import functools
import math
from fractions import Fraction

import pytest
import torch

from common.test_judging import NO_ATTEMPT, NO_GUESS, said_of, said_of_code
from helpers.common import judging
from helpers.common.judging import Mistake, Verdict

DIFFERS = "The value differs from the right one: try it on an input you can work out by hand."


# --- Predictions ---


def test_a_verdict_on_a_guess_says_how_it_counts():
    def judged(guess) -> Verdict:
        return judging.prediction(guess, 4, 0.1, {2: "The chain goes on."})

    for nothing in (None, ...):
        assert judged(nothing) == (NO_GUESS, False, False)
    assert judged(4.05) == ("You predicted 4.05: right.", True, True)
    wrong = ("4", 2, 3, [4, 4], math.inf, math.nan, True)
    assert [judged(guess)[1:] for guess in wrong] == [(True, False)] * len(wrong)
    for guess, run in ((3, math.nan), ("higher", "level"), ("sideways", "level"), (False, True)):
        assert judging.prediction(guess, run)[1:] == (True, False)
    assert judging.prediction("level", "level")[1:] == (True, True)


@pytest.mark.parametrize(
    ("value", "other", "tolerance", "same"),
    [
        (0.27, 0.2503, 0.02, True),
        (0.2301, 0.2503, 0.02, True),
        (0.2299, 0.2503, 0.02, False),
        (0.28, 0.2503, 0.02, False),
        (9, 691 / 69, 1, True),
        (11, 691 / 69, 1, True),
        (8, 691 / 69, 1, False),
        (1.26, 1.234, 0.1, True),  # Is rounded to 1.2.
        (1.31, 1.234, 0.1, False),
        (17, 12.4, 5, True),
        (17.1, 12.4, 5, False),
        # A whole number is not rounded, nor anything where nothing is tolerated.
        (1234, 1234, 0.0, True),
        (1234.001, 1234, 0.0, False),
        (0.1, 0.1, 0.0, True),
        (0.1, 0.1 + 1e-12, 0.0, False),
        (Fraction(1, 4), 0.25, 0.0, True),
        (-3, 3, 1, False),
        (-3.05, -3, 0.1, True),
        (10**400, 3, 0.0, False),
        (3, 10**400, 0.5, False),
        (10**400, 10**400, 0.5, True),
        (10**400 + 1, 10**400, 1, True),
        (10**400 - 1, 10**400, 1, True),
        (10**400 + 1, 10**400, 0.5, False),
        (10**400 - 1, 10**400, 0.5, False),
        (1e300, -(10**400), 1.5, False),
        (Fraction(10**400), Fraction(10**400), 0.1, True),
        (True, 1, 0.0, False),
        (None, None, 0.0, False),
        (math.nan, math.nan, 0.0, False),
    ],
)
def test_two_numbers_agree_to_the_last_digit_of_the_tolerance(value, other, tolerance, same):
    assert judging.agree(value, other, tolerance) is same


def test_a_wrong_guess_has_its_hint_within_the_tolerance_too():
    assert said_of(2.09, 4, tolerance=0.1, hints={2: "Once more."}).endswith("Once more.")
    assert said_of(2.11, 4, tolerance=0.1, hints={2: "Once more."}).endswith("gave more.")
    # What is right is right, whatever hint is near, and the first hint that fits is given.
    assert said_of(3.95, 4, tolerance=0.1, hints={3.9: "Once more."}).endswith(": right.")
    assert said_of(2, 4, hints={2: ""}).endswith("gave more.")
    assert said_of(2, 4, tolerance=1, hints={1: "One.", 3: "Three."}).endswith("One.")


@pytest.mark.parametrize(
    ("value", "found"),
    [([[[42]]], 42), ([[[[42]]]], [42]), (((42,),), 42), ([42, 42], [42, 42]), (" up ", "up")],
)
def test_one_answer_may_be_wrapped_up_three_times(value, found):
    assert judging.plain(value) == found


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        *[(f"optimis{end}", f"optimiz{end}") for end in "e ed er ers ing ation".split()],
        ("colour", "color"),
        ("colours", "colors"),
        ("the class", "class"),
        ("a class", "Class"),
        ("an optimiser", "the optimiser"),
        ("left-out", "leftout"),
        ("yes", "true"),
        ("no", "n"),
    ],
)
def test_words_agree_in_either_spelling(ours, theirs):
    assert judging.agree(ours, theirs) and judging.agree(theirs, ours)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("theory", "ory"),
        ("another", "other"),
        ("aclass", "class"),
        ("this", "thiz"),
        ("isometry", "izometry"),
        ("hourly", "horly"),
        ("flourish", "florish"),
        ("class", "class?"),
        ("yes", "no"),
        ("yes", "ye"),
        ("up", "upper"),
        ("1", 1),
    ],
)
def test_other_words_do_not(ours, theirs):
    assert not judging.agree(ours, theirs) and not judging.agree(theirs, ours)


# --- Exercises: how they are run ---

NUMBERS = [(2.0,), (-0.5,), (7.0,)]


def doubled(x):
    return 2 * x


def judged(attempt, inputs=NUMBERS, oracle=doubled, mistakes=(), **options) -> Verdict:
    return judging.exercise(
        attempt, lambda: [oracle(*arguments) for arguments in inputs], inputs, mistakes, **options
    )


def test_a_verdict_on_an_exercise_says_how_it_counts():
    assert judged(doubled) == ("Right.", True, True)
    assert judged(lambda x: ...) == (NO_ATTEMPT, False, False)
    assert judged(lambda x: 3 * x) == (f"Not yet. {DIFFERS}", True, False)
    assert judged(3) == ("Not yet. Give check a function; this is of type int.", True, False)
    assert judged(lambda x: 1 / 0)[1:] == (True, False)
    assert judged(lambda x: 2 * x * (1 + 5e-7)).right
    assert not judged(lambda x: 2 * x * (1 + 5e-6)).right, "a millionth, if nothing else is said"
    assert not judging.prediction(4.001, 4).right, "nothing, if nothing else is said"
    mistakes = [Mistake("Three is too many.", lambda x: 3 * x)]
    said = ("Not yet. Three is too many.", True, False)
    assert judged(lambda x: 3 * x, mistakes=mistakes) == said


def test_after_a_failure_no_other_input_is_tried_and_no_answer_made():
    tried = []

    def attempt(x):
        tried.append(x)
        return 1 / (x + 0.5)

    asked = judging.exercise(attempt, lambda: pytest.fail("asked for the answers"), NUMBERS)
    assert tried == [2.0, -0.5]
    assert asked.line == "Not yet. Your code stopped in line 3 with ZeroDivisionError: " + (
        "division by zero" if "float" not in asked.line else "float division by zero"
    )


def passes(x):
    pass


def tells(x):
    """Say what it does, and do nothing."""


def returns_none(x):
    return None


def has_a_blank_and_prints(x):
    print(x)
    ...


@pytest.mark.parametrize("attempt", [passes, tells, returns_none, has_a_blank_and_prints])
def test_a_blank_is_a_blank_in_any_form(attempt):
    assert judged(attempt) == (NO_ATTEMPT, False, False)


@pytest.mark.parametrize(
    ("attempt", "said"),
    [
        (lambda x: ... if x > 0 else 2 * x, "That is of type ellipsis; give a number or a tensor."),
        (lambda x: 2 * x if x > 0 else ..., "That is of type ellipsis; give a number or a tensor."),
        (functools.partial(print, end=""), "Your function returned None. Is there a return, and"),
        (lambda x: None if x < 0 else 2 * x, "For one of the inputs your function returned None."),
    ],
)
def test_what_is_given_now_and_then_is_no_blank(attempt, said):
    verdict = judged(attempt)
    assert verdict.tried and verdict.line.startswith(f"Not yet. {said}")


def test_what_is_right_may_use_a_function_that_it_should_do_without():
    table = [(torch.tensor([1.0, 2.0]),), (torch.tensor([3.0]),)]

    def norm_and_total(x):
        return x.norm() + x.sum()

    def check(without, attempt=norm_and_total, **options) -> str:
        return judged(attempt, table, norm_and_total, without=without, **options).line

    for without, name in (
        (("norm",), "norm"),
        (("sum", "norm"), "sum"),
        (("norm", "sum"), "norm"),
        (("cond", "sum"), "sum"),
        (("torch",), "torch"),
    ):
        assert check(without) == f"Not yet. Right, but your code uses {name}: do without it here."
    assert check(("cond", "svd", "numpy")) == check(()) == "Right."
    # What is wrong is told first.
    assert check(("norm",), lambda x: x.norm()).startswith("Not yet. The value differs")
    objecting = check(("norm",), afterwards=lambda x: "Leave it as it is.")
    assert objecting == "Not yet. Right, but your code uses norm: do without it here."


def test_what_is_right_may_have_done_something_to_what_it_was_given():
    def grows(x):
        x.append(len(x))
        return len(x) - 1

    def longer(x) -> str:
        return f"It has {len(x)} entries now." if len(x) > 2 else ""

    inputs = [([1],), ([1, 2],), ([1, 2, 3],)]
    said = judged(grows, inputs, len, afterwards=longer)
    assert said == ("Not yet. It has 3 entries now.", True, False), "the first that objects"
    assert judged(len, inputs[:2], len, afterwards=longer).right
    assert judged(lambda x: 0, inputs, len, afterwards=longer).line.startswith("Not yet. The value")
    assert inputs == [([1],), ([1, 2],), ([1, 2, 3],)], "each attempt is given a copy"


# --- Exercises: mistakes ---


@pytest.mark.parametrize(
    ("makes", "attempt", "met"),
    [
        (lambda x: None, functools.partial(print, end=""), True),
        (lambda x: None, lambda x: 0.0, False),
        (lambda x: 0.0, functools.partial(print, end=""), False),
        (lambda x: [][0], lambda x: [][0], True),
        (lambda x: [][0], lambda x: {}[0], False),
        (lambda x: [][0], lambda x: [].pop(), False),  # The same error with another message.
        (lambda x: [][0], lambda x: 3 * x, False),
        (lambda x: 3 * x, lambda x: [][0], False),
        (lambda x: 3 * x, lambda x: 3 * x if x < 5 else 0.0, False),
        (lambda x: 3 * x + math.nan, lambda x: math.nan, True),
        (lambda x: 3 * x, lambda x: math.nan, False),
        # In parts, too, of which one is a tensor.
        (lambda x: (x, torch.tensor([x, math.nan])), lambda x: (x, [x, math.nan]), True),
        (lambda x: (x, torch.tensor([x, 1.0])), lambda x: (x, [x, math.nan]), False),
        (lambda x: lambda found: found > 5, lambda x: 6.0, True),
        (lambda x: lambda found: found > 5, lambda x: 3 * x, False),
    ],
)
def test_a_mistake_is_met_only_if_all_that_it_gives_is_given(makes, attempt, met):
    said = judged(attempt, mistakes=[Mistake("That one.", makes)]).line
    assert (said == "Not yet. That one.") is met


def test_the_first_mistake_that_fits_is_the_one_told():
    mistakes = [Mistake("A.", lambda x: 3 * x), Mistake("B.", lambda x: x + x + x)]
    assert judged(lambda x: 3 * x, mistakes=mistakes).line == "Not yet. A."
    assert judged(doubled, mistakes=[Mistake("Never.", doubled)]).line == "Right."


# --- Two values ---


@pytest.mark.parametrize(
    ("value", "expected", "tolerance", "right"),
    [
        (101.0, 100.0, 0.01, True),
        (101.02, 100.0, 0.01, False),
        (99.0, 100.0, 0.01, True),
        (98.98, 100.0, 0.01, False),
        (0.009, 0.0, 0.01, True),
        (0.011, 0.0, 0.01, False),
        ([1.0, 2.0], [1.0, 2.0], 0.0, True),
        ([1.0, 2.0], (1.0, 2.0), 0.0, True),
        ([1.0, 2.1], [1.0, 2.0], 0.01, False),
        ([2.0, 1.0], [1.0, 2.0], 0.01, False),
    ],
)
def test_a_number_may_be_off_by_the_tolerance_and_that_share_of_it(
    value, expected, tolerance, right
):
    assert (judging.difference(value, expected, tolerance) == "") is right


NAN = (
    "There is a NaN in it: is there a division by zero, or the root or logarithm of a negative "
    "number?"
)


@pytest.mark.parametrize(
    ("value", "expected", "said"),
    [
        (3, "up", "That is of type int; give one of the words, in quotes."),
        (None, "up", "That is of type NoneType; give one of the words, in quotes."),
        ("down", "up", "Another word is right: look at the output above once more."),
        ("the UP.", "up", ""),
        (None, 3.0, "For one of the inputs your function returned None."),
        (None, [1.0, "up"], "For one of the inputs your function returned None."),
        (3.0, [1.0, "up"], "The answer has 2 parts: return them separated by commas."),
        ([1.0], [1.0, "up"], "The answer has 2 parts: return them separated by commas."),
        ([1.0, "up", 2], [1.0, "up"], "The answer has 2 parts: return them separated by commas."),
        ([1.5, "down"], [1.0, "up"], DIFFERS),
        ([1.0, "down"], [1.0, "up"], "Another word is right: look at the output above once more."),
        ([1.0, None], [1.0, [2.0, "up"]], "For one of the inputs your function returned None."),
        (True, 1.0, "That is True or False; give a number."),
        (torch.tensor([True]), True, ""),
        (False, True, DIFFERS),
        (1 + 1j, 1.0, "That holds complex numbers; the answer is real."),
        (torch.ones(2), 1.0, "That has shape (2,); the answer has shape ()."),
        (torch.ones(1, 1), 1.0, ""),
        (torch.ones(1, 2), torch.ones(2), "That has shape (1, 2); the answer has shape (2,)."),
        (torch.ones(2, 1), [1.0, 1.0], ""),
        (torch.ones(1, 2), [1.0, 1.0], "That has shape (1, 2); the answer has shape (2,)."),
        (1.0, torch.ones(1), "That has shape (); the answer has shape (1,)."),
        ([], [1.0], "That has shape (0,); the answer has shape (1,)."),
        (math.nan, 1.0, NAN),
        ([1.0, math.nan], [1.0, 2.0], NAN),
        (1.0, math.nan, DIFFERS),
        (1.0, 0.0, DIFFERS),
        (torch.ones(2), torch.zeros(2), DIFFERS),
        (math.nan, math.nan, DIFFERS),
        (object(), 1.0, "That is of type object; give a number or a tensor."),
        (object(), torch.ones(()), "That is of type object; give a number or a tensor."),
        (object(), torch.ones(2), "That is of type object; give a tensor."),
        (["a"], [1.0], "That is of type list of str; give a list of numbers."),
        ({}, [1.0], "That is of type dict; give a list of numbers."),
        # Nothing that is all zero is called rounded, nor what is off where the right is whole.
        (0.0, 0.3, DIFFERS),
        (3.0, 3.2, "The value is off by 0.06 of its size: is something rounded?"),
        (4.0, 3.7, "The value is off by 0.08 of its size: is something rounded?"),
        (3.0, 3.7, "The value is off by 0.2 of its size: is something rounded?"),
        (3.3, 3.33333, "The value is off by 0.01 of its size: is something rounded?"),
        (-3.0, -3.7, "The value is off by 0.2 of its size: is something rounded?"),
        (0.012, 0.0123, "The value is off by 0.02 of its size: is something rounded?"),
        (0.0013, 0.001262, DIFFERS),
        (3.335, 3.3333, "The value is off by 0.0005 of its size: is something rounded?"),
        (3.337, 3.3333, DIFFERS),
        (3001.0, 3000.0, DIFFERS),
        ([3.0, 4.0], [3.2, 4.1], "The value is off by 0.05 of its size: is something rounded?"),
        ([3.0, 4.1], [3.2, 4.15], DIFFERS),
    ],
)
def test_what_differs_is_said_in_a_whole_sentence(value, expected, said):
    assert judging.difference(value, expected, 1e-6) == said


@pytest.mark.parametrize(
    ("dtype", "off", "said"),
    [
        (torch.float32, 1e-6, "Right to the 6 digits of its dtype: compute in float64."),
        (torch.float32, 9e-6, "Right to the 5 digits of its dtype: compute in float64."),
        (torch.float32, 2e-5, "The value is off by 2e-05 of its size: is something rounded?"),
        (torch.float64, 1e-6, "The value is off by 1e-06 of its size: is something rounded?"),
        (torch.float16, 3e-3, "Right to the 2 digits of its dtype: compute in float64."),
        (torch.float16, 6e-3, DIFFERS),
    ],
)
def test_a_coarse_dtype_is_blamed_for_as_much_as_it_can_do(dtype, off, said):
    value = torch.tensor([1.0, 4 / 3 * (1 + off)], dtype=torch.float64).to(dtype)
    assert judging.difference(value, torch.tensor([1.0, 4 / 3]).double(), 1e-12) == said


@pytest.mark.parametrize(
    ("argument", "shown"),
    [
        ([1, 2.5, "a"], "[1, 2.5, 'a']"),
        (list(range(20, 35)), repr(list(range(20, 35)))),  # Just 60 characters.
        (list(range(20, 36)), "a list"),
        ([[1]], "a list"),
        ((1, 2), "a tuple"),
        ("a", "'a'"),
    ],
)
def test_a_missed_input_is_listed_in_full_where_it_is_short(argument, shown):
    attempt, oracle = (lambda x: 1), (lambda x: 2 if x == argument else 1)
    said = said_of_code(attempt, oracle, [(3,), (argument,), (4,), (5,)])
    assert said == f"Not yet. Right on 3 of 4 inputs; not on the one with {shown}."


def test_each_input_that_was_missed_is_counted_and_the_first_is_listed():
    said = said_of_code(lambda x: 1, lambda x: max(x, 1), [(-1,), (7,), (0,), (5,), (9,)])
    assert said == "Not yet. Right on 2 of 5 inputs; not on the one with 7."
