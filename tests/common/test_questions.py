"""What a notebook asks, how an answer shows itself, and the score."""

import dataclasses
import math
import time

import pytest

from helpers.common import questions
from helpers.common.questions import Exercise, Prediction, Questions

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
    for name, near in (("the sun", "the sum"), ("root", "roots")):
        with pytest.raises(ValueError) as caught:
            check(name, 3)
        assert (
            str(caught.value) == f"no question is called {name!r}: give {near!r}, or another name"
        )
    for name in (7, "a question about another thing"):  # Like none of them: one is named.
        names = "the sum|the product|squares|roots"
        with pytest.raises(
            ValueError, match=f"^no question is called {name!r}: give '({names})', "
        ):
            check(name, 3)
    with pytest.raises(ValueError, match="^no question is called 'a': give '', or another name$"):
        Questions()("a", 3)


@pytest.mark.parametrize("name", ["the sum", "roots"])
def test_two_questions_of_one_name_are_a_slip_of_the_author(check, name):
    with pytest.raises(AssertionError, match=f"^two questions '{name}'"):
        check.prediction(name, right=1)
    with pytest.raises(AssertionError, match=f"^two questions '{name}'"):
        check.exercise(name, inputs=[(1,)])


def test_two_mistakes_of_one_name_are_a_slip_of_the_author(check):
    def halved(x):
        return x / 2

    note = check.exercises["squares"].hint("That halves.")
    assert note(halved) is halved
    with pytest.raises(AssertionError, match="^two mistakes halved"):
        note(halved)
    assert not check.exercises["roots"].mistakes, "each exercise has its own"
    assert check("squares", halved).text == "Not yet. That halves."


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


def test_what_is_shown_instead_of_a_verdict_is_neither_noted_nor_right(check):
    before = check.score().text
    for answer in (check("squares", math.sqrt, 1), check("squares", math.sqrt, of=1)):
        assert not answer and answer.text == ('Not checked. Give it this: check("squares", sqrt)')
    assert check.score().text == before


def test_the_score_is_all_right_only_if_nothing_is_open_and_nothing_wrong():
    check = Questions()
    assert check.score() and check.score().text.endswith("Nothing to revisit.")
    check.prediction("the sum", right=3)
    check.prediction("the product", right=2)
    check("the sum", 3)
    score = check.score()
    assert not score and score.text.splitlines()[1:] == ["Still open: the product."]
    check("the product", 3)
    score = check.score()
    assert not score and score.text.splitlines()[1:] == ["To revisit: the product."]
    check("the product", None)
    score = check.score()
    assert not score and score.text.splitlines()[1:] == ["Still open: the product."]
    check("the product", 2)
    assert check.score() and check.score().text.splitlines() == [
        "Predictions: 2 of 2 made, 2 right. Exercises: 0 of 0 solved.",
        "Nothing to revisit.",
    ]


def test_the_right_answers_are_made_once_but_anew_for_other_data(check):
    calls = []

    def oracle(x):
        calls.append(x)
        return x + 1

    fixed = check.exercise("the next", inputs=[(1,), (2,)])(oracle)
    check("the next", lambda x: ...)
    assert calls == [], "for a blank they are never asked for"
    for attempt in (lambda x: x + 1, lambda x: x):
        check("the next", attempt)
    assert calls == [1, 2]
    assert fixed(5) == 6 and fixed.needs() == {} and fixed.inputs_from() == [(1,), (2,)]

    made = check.exercise("all next", inputs=lambda start: [(start,), (start + 1,)])(oracle)
    assert [*made.needs()] == ["start"]
    for start in (1, 7):
        calls.clear()
        assert check("all next", lambda x: x + 1, start=start)
        assert calls == [start, start + 1]


def test_an_exercise_has_a_tolerance_and_a_time_of_its_own(check):
    check.exercise("as usual", inputs=[(1.0,), (3.0,)])(lambda x: x)
    check.exercise("roughly", inputs=[(1.0,), (3.0,)], tolerance=0.1)(lambda x: x)
    for off, usual in ((0.9e-6, True), (3e-6, False), (0.05, False)):
        assert bool(check("as usual", lambda x, off=off: x + off)) is usual
        assert check("roughly", lambda x, off=off: x + off)
    assert not check("roughly", lambda x: x + 0.5)

    def waits(x):
        time.sleep(0.2)
        return x

    hasty = check.exercise("in haste", inputs=[(1.0,)], seconds=0.05)(lambda x: x)
    assert "still running after 0.05 s" in check("in haste", waits).text
    assert hasty.judge(waits, seconds=30).right
    assert "still running after 0.1 s" in check.exercises["as usual"].judge(waits, seconds=0.1).line
    assert check.exercises["as usual"].seconds == 5.0


def test_a_prediction_without_a_tolerance_wants_the_number_itself(check):
    assert not check("the sum", 3.01) and not check("the sum", 2.99) and check("the sum", 3.0)
    check.prediction("about", right=3, tolerance=0.5)
    assert check("about", 3.5) and check("about", 3.9, 3.6) and not check("about", 4.2)
    # So far apart, the run has given another answer than the one that is written.
    assert "your run counts" in check("about", 3.6, 3.6).text
    assert "your run counts" not in check("about", 3.4, 3.4).text


def test_words_that_may_be_guessed_are_listed_with_those_of_the_hints(check):
    check.prediction("which", right="up", words=("level",), hints={"down": "It floats."})
    assert check("which", "across").text == (
        "You predicted across; write one of these: 'down', 'level', 'up'."
    )
    assert check("which", "level").text == (
        "You predicted level; the run says otherwise. Look at the output above once more."
    )
    assert check("which", "down").text == "You predicted down. It floats."
    # The run counts, and what was written has no hint.
    assert check("which", "up", "level").text.startswith("You predicted up; the run says otherwise")


@pytest.mark.parametrize("kind", [Prediction(3), Exercise(abs, [(1,)])])
def test_a_question_stays_as_it_was_asked(kind):
    with pytest.raises(dataclasses.FrozenInstanceError):
        kind.tolerance = 1.0


def test_an_exercise_hands_on_what_it_asks_besides_the_value(check):
    def objects(x) -> str:
        return f"Leave {x} alone."

    check.exercise("without", inputs=[(4,), (9,)], without=("sqrt",))(math.sqrt)
    said = "Not yet. Right, but your code uses sqrt: do without it here."
    assert check("without", lambda x: math.sqrt(x)).text == said
    assert check("without", lambda x: x**0.5)
    check.exercise("afterwards", inputs=[(4,), (9,)], afterwards=objects)(math.sqrt)
    assert check("afterwards", lambda x: x**0.5).text == "Not yet. Leave 4 alone."
    # The hint that an author gives counts for more than that the word may be guessed.
    check.prediction("word", right="up", words=("down",), hints={"down": "It floats."})
    assert check("word", "down").text == "You predicted down. It floats."


def squared(x):
    return x * x


def cubed(x):
    return x**3


def blank(x): ...


# Answers one after the other, and of predictions and exercises how many are made and right, what is
# to be revisited, and what is open.
ORDERS = [
    ([("the sum", 4), ("the sum", 3)], (1, 1, 0), "", "the product; squares; roots"),
    ([("the sum", 3), ("the sum", 4)], (1, 0, 0), "the sum", "the product; squares; roots"),
    ([("the sum", 3), ("the sum", 3)], (1, 1, 0), "", "the product; squares; roots"),
    ([("the sum", 3), ("the sum", None)], (0, 0, 0), "", "the sum; the product; squares; roots"),
    ([("the sum", 4), ("the sum", ...)], (0, 0, 0), "", "the sum; the product; squares; roots"),
    ([("the sum", None), ("the sum", 3)], (1, 1, 0), "", "the product; squares; roots"),
    (
        [("squares", squared), ("squares", cubed)],
        (0, 0, 0),
        "squares",
        "the sum; the product; roots",
    ),
    ([("squares", cubed), ("squares", squared)], (0, 0, 1), "", "the sum; the product; roots"),
    (
        [("squares", squared), ("squares", blank)],
        (0, 0, 0),
        "",
        "the sum; the product; squares; roots",
    ),
    (
        [("squares", cubed), ("squares", blank)],
        (0, 0, 0),
        "",
        "the sum; the product; squares; roots",
    ),
    # Backwards, and with some left out: it is told in the order in which it is asked.
    ([("roots", cubed), ("the product", 5)], (1, 0, 0), "the product; roots", "the sum; squares"),
    ([("roots", math.sqrt), ("the product", 2)], (1, 1, 1), "", "the sum; squares"),
    ([("squares", 7), ("the sum", "3")], (1, 0, 0), "the sum; squares", "the product; roots"),
]


@pytest.mark.parametrize(("answers", "counts", "revisit", "still_open"), ORDERS)
def test_the_last_answer_counts_in_whatever_order_they_come(
    check, answers, counts, revisit, still_open
):
    for name, answer in answers:
        check(name, answer)
    made, right, solved = counts
    lines = [f"Predictions: {made} of 2 made, {right} right. Exercises: {solved} of 2 solved."]
    lines += [f"To revisit: {revisit}."] * bool(revisit) + [f"Still open: {still_open}."]
    assert check.score().text.split("\n") == lines


def test_what_is_not_judged_takes_nothing_back(check, monkeypatch):
    assert check("squares", squared) and not check("roots", cubed)
    before = check.score().text
    assert "To revisit: roots.\nStill open: the sum; the product." in before
    assert not check("squares", cubed, 1) and not check("roots", math.sqrt, of=2)
    with pytest.raises(ValueError, match="^no question is called 'square'"):
        check("square", cubed)
    monkeypatch.setattr(questions, "is_left_over", lambda answer: True)
    assert not check("squares", cubed) and not check("roots", math.sqrt)
    assert check.score().text == before


def test_what_is_asked_later_is_open_and_what_differs_from_the_author_counts_as_right(check):
    assert check("the sum", 9, 9) and check("the product", 2)
    assert check("squares", squared) and check("roots", math.sqrt)
    assert check.score()
    check.prediction("another", right=1)
    assert not check.score()
    assert check.score().text.split("\n") == [
        "Predictions: 2 of 3 made, 2 right. Exercises: 2 of 2 solved.",
        "Still open: another.",
    ]
    other = Questions()
    other.prediction("the sum", right=3)
    assert other.score().text.startswith("Predictions: 0 of 1 made"), "each has its own score"
