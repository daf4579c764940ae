"""Checks and sliders, whatever is put in."""

import math

import pytest
import torch

from common.chance import few, given, numbers, st
from common.test_judging import said_of, said_of_code
from helpers.common import explore
from helpers.common.picture import Figure

pytestmark = pytest.mark.proof

plain = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
tensors = st.builds(torch.full, st.lists(st.integers(0, 2), max_size=3), st.floats(width=32))
anything = st.recursive(
    plain | tensors | st.complex_numbers() | st.binary(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=6,
)


@given(guess=numbers, answer=numbers)
def test_a_guess_is_right_if_it_is_the_answer_and_told_the_way_if_not(guess, answer):
    told = ": right." if guess == answer else "gave more." if answer > guess else "gave less."
    assert said_of(guess, answer).endswith(told)


whole = st.integers(-10_000, 10_000)


@given(guess=whole, answer=whole, digits=st.integers(0, 3), tolerance=st.integers(1, 9))
def test_the_tolerance_is_met_to_its_last_digit(guess, answer, digits, tolerance):
    """In whole numbers of the tolerance's last digit, where nothing is rounded."""
    unit = 10**-digits
    right = said_of(guess * unit, answer * unit, tolerance=tolerance * unit).endswith(": right.")
    assert right == (abs(guess - answer) <= tolerance)


@given(guess=anything, answer=numbers | st.text(max_size=5) | st.booleans())
def test_whatever_is_guessed_gets_one_line(guess, answer):
    said = said_of(guess, answer)
    assert said and "\n" not in said
    if isinstance(guess, bytes | dict | None):  # A list of one number, or 0j, may well be right.
        assert not said.endswith("right.")


@given(result=anything)
def test_whatever_an_attempt_returns_gets_one_line(result):
    said = said_of_code(lambda x: result, lambda x: 1e9 + x, [(1.0,), (2.0,)])
    assert said and "\n" not in said and said != "Right."


@few
@given(x=st.lists(st.floats(0, 100), min_size=1, max_size=4), off=st.floats(0.01, 1))
def test_an_attempt_is_right_if_it_is_what_the_oracle_says(x, off):
    inputs = [(torch.tensor(x, dtype=torch.float64),)]
    right = said_of_code(lambda x: math.fsum(x.tolist()), lambda x: x.sum(), inputs)
    wrong = said_of_code(lambda x: x.sum() + off, lambda x: x.sum(), inputs)
    assert right == "Right." != wrong


@few
@given(choices=st.lists(numbers, min_size=1, max_size=6), place=st.integers(0, 5))
def test_a_slider_shows_the_setting_under_the_handle(choices, place):
    def draw(setting):
        return Figure(figsize=(1, 1), alt=f"At {setting!r}.")

    box = explore.slider(draw, choices, label="setting", start=choices[-1])
    control, picture = box.children
    control.index = min(place, len(choices) - 1)
    assert f"At {choices[control.index]!r}." in picture.value
