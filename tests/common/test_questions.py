"""What a notebook asks, how an answer shows itself, and the score."""

import math

import pytest

from helpers.common.questions import Questions

LONG_WAY = ("one step after another " * 8).strip()
LONG_WORD = "log-softmax-" * 8


@pytest.fixture
def check() -> Questions:
    check = Questions()
    check.prediction("the sum", right=3)
    check.prediction(
        "the product",
        right=2,
        hints={13: "That is <their> sum.", 0: LONG_WAY, 1: f"Here it comes: {LONG_WORD} and more."},
    )
    check.exercise("squares", inputs=[(2,), (3,)])(lambda x: x**2)
    check.exercise("roots", inputs=[(2,), (3,)])(math.sqrt)
    return check


def test_an_answer_shows_itself_and_is_true_if_right(check):
    wrong, right = check("the product", 13, 2), check("the product", 2, 2)
    assert not wrong and right
    assert repr(wrong) == "You predicted 13. That is <their> sum."
    assert repr(right) == "You predicted 2: right."


def test_long_answers_are_broken_between_words_alone(check):
    lines = repr(check("the product", 0, 2)).splitlines()
    assert len(lines) == 3 and all(60 < len(line) <= 80 for line in lines[:-1])
    assert " ".join(lines) == f"You predicted 0. {LONG_WAY}"
    assert LONG_WORD in repr(check("the product", 1, 2)).splitlines()


def test_the_run_judges_and_says_where_it_differs_from_what_was_written(check):
    assert check("the sum", 4, 4).text == (
        "You predicted 4: right. "
        "(Your run gave a different answer from the one we expected; your run counts.)"
    )
    assert check("the sum", None, 4).text.endswith("your run counts.)")
    assert check("the sum", 3).text == "You predicted 3: right."
    check.prediction("seconds", right=3, tolerance=1, varies=True)
    assert check("seconds", 8, 9).text == "You predicted 8: right."


def test_inputs_may_be_made_of_the_notebooks_data(check):
    @check.exercise("the largest", inputs=lambda numbers: [(numbers,), (numbers[1:],)])
    def largest(values):
        return sorted(values)[-1]

    @largest.hint("That is the smallest.")
    def smallest(values):
        return -largest([-value for value in values])

    assert check("the largest", max, numbers=[3, 1, 2])
    assert check("the largest", min, numbers=[3, 1, 2]).text == "Not yet. That is the smallest."


def test_a_name_that_no_question_has_is_refused_with_the_nearest(check):
    with pytest.raises(ValueError, match="no question is called 'the sun': give 'the sum', or"):
        check("the sun", 3)


@pytest.mark.parametrize("name", ["the sum", "roots"])
def test_two_questions_of_one_name_are_a_slip_of_the_author(check, name):
    with pytest.raises(AssertionError, match="two questions"):
        check.prediction(name, right=1)
    with pytest.raises(AssertionError, match="two questions"):
        check.exercise(name, inputs=[(1,)])


def test_the_score_counts_and_names_what_to_revisit(check):
    assert check.score().text.splitlines() == [
        "Predictions: 0 of 2 made, 0 right. Exercises: 0 of 2 solved.",
        "Still open: the sum; the product; squares; roots.",
    ]
    check("the product", 3, 2)
    check("squares", lambda x: x**3)
    check("roots", lambda x: ...)
    assert check.score().text.splitlines() == [
        "Predictions: 1 of 2 made, 0 right. Exercises: 0 of 2 solved.",
        "To revisit: the product; squares.",
        "Still open: the sum; roots.",
    ]
    assert not check.score()
    check("the sum", 3, 3)
    check("the product", 2, 2)
    check("squares", lambda x: x * x)
    check("roots", math.sqrt)
    assert check.score().text.splitlines() == [
        "Predictions: 2 of 2 made, 2 right. Exercises: 2 of 2 solved.",
        "Nothing to revisit.",
    ]
    assert check.score()
    check("the sum", 4, 3)
    assert "To revisit: the sum." in check.score().text
