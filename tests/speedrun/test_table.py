"""The committed table has what the notebook asks of it, and its words are what the numbers say."""

import pytest
import torch

from helpers.speedrun import marks, paper, race, table
from helpers.speedrun.table import Row


def test_the_table_has_a_row_for_each_idea_and_rows_for_marks():
    assert list(table.rows("ideas")) == list(marks.IDEAS)
    for part in ("marks", "marks_again"):
        assert table.rows(part).keys() <= {mark.accuracy for mark in marks.MARKS}
        assert all(row["judged_by"] == "the test part" for row in table.report(part))
    for part in ("ideas", "marks", "marks_again"):
        assert all("the real FashionMNIST" in row["data"] for row in table.report(part))
        assert all(row["commit"] and row["processor"] for row in table.report(part))


@pytest.mark.parametrize(
    ("accuracy", "error", "expected"),
    [
        (91.0, 0.03, "better"),
        (89.5, 0.03, "worse"),
        (90.05, 0.01, "the same"),
        (90.5, 0.4, "the same"),
    ],
)
def test_a_verdict_weighs_the_error(accuracy, error, expected):
    rows = {table.BASE: Row(90.0, 0.03, 10, 1.0, 1.0), "idea": Row(accuracy, error, 10, 1.0, 1.0)}
    assert table.verdict(rows, "idea") == expected


def test_errors_add_up_as_the_sides_of_a_right_angle():
    one, other = Row(91.0, 0.3, 10, 1.0, 1.0), Row(90.0, 0.4, 10, 1.0, 1.0)
    assert table.gain(one, other) == (1.0, pytest.approx(0.5))


def test_a_mark_wants_both_the_accuracy_and_the_time():
    mark = marks.Mark(90.0, 2.0, marks.QUICK, 10)
    for accuracy, price, expected in ((90, 2, True), (89.99, 1, False), (95, 2.1, False)):
        assert table.reached(Row(accuracy, 0.1, 10, 1.0, price), mark) == expected


def test_a_step_is_counted_as_by_hand():
    a, b = torch.ones(3, 4), torch.ones(4, 5)

    def step():
        return (a @ b).add_(1)

    counted = paper.count(step)
    assert counted.flops == 2 * 3 * 4 * 5 and counted.calls == 2
    # Two matrices are read and one written; it is read, and written in place.
    assert counted.bytes == 4 * (12 + 20 + 15 + 15 + 15)


def test_views_are_no_calls():
    a = torch.ones(3, 4)
    assert paper.count(lambda: a.t().view(-1) if a.t().is_contiguous() else a.view(12)).calls == 0


def test_a_race_refuses_more_steps_in_one_line():
    over = race.Race(lambda recipe, seed: recipe.rate, (0, 1))
    longer = race.Recipe(epochs=race.REFERENCE.epochs * 2)
    with pytest.raises(ValueError, match="steps, the reference 30: give epochs"):
        over(longer)
    with pytest.raises(TypeError, match="recipe"):
        over("quick")


def test_a_race_counts_seeds_won_by_four_points():
    points = {(0.5, 0): 54.0, (0.5, 1): 53.9}
    over = race.Race(lambda recipe, seed: points.get((recipe.rate, seed), 50.0), (0, 1))
    assert over(race.Recipe(epochs=1, rate=0.5)) == 1 and over.run == 1
