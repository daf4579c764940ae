"""The committed table has what the notebook asks of it, and its words are what the numbers say."""

import dataclasses

import pytest
import torch

from helpers.fashion_mnist_pipeline import fashion
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


@pytest.mark.parametrize(
    ("points", "error", "expected"),
    [
        (0.11, 0.0, True),
        (-0.11, 0.0, True),
        (0.1, 0.0, False),
        (-0.1, 0.01, False),
        (0.41, 0.2, True),
        (-0.41, 0.2, True),
        (0.4, 0.2, False),
        (0.0, 0.0, False),
    ],
)
def test_a_gain_is_clear_beyond_a_tenth_and_beyond_two_errors(points, error, expected):
    assert table.is_clear(points, error) == expected


def test_a_row_holds_what_the_command_printed():
    """By the names of the command's own list, for each part and row."""
    names = {
        "accuracy": "accuracy_mean",
        "error": "accuracy_sem",
        "seeds": "seeds",
        "seconds": "seconds",
        "loader_epochs": "loader_epochs",
    }
    for part, by in (("ideas", "idea"), ("marks", "mark"), ("marks_again", "mark")):
        rows = table.rows(part)
        for printed in table.report(part):
            row = rows.pop(printed[by])
            assert dataclasses.asdict(row) == {k: printed[name] for k, name in names.items()}
        assert not rows
    assert table.rows("marks") != table.rows("marks_again") and table.BASE == "the quick recipe"


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


def test_what_is_named_counts_and_numbers_without_axes_do_not():
    a, number = torch.ones(3, 4), torch.tensor(2.0)
    counted = paper.count(lambda: torch.add(input=a, other=a))
    assert (counted.flops, counted.bytes, counted.calls) == (0, 4 * 36, 1)
    counted = paper.count(lambda: (number * number, torch.empty(5), a[:, None].expand(3, 2, 4)))
    assert counted == paper.Counted(0, 0, 0)
    assert paper.count(lambda: a * number) == paper.Counted(0, 4 * 24, 1)
    wide = torch.ones(3, 4, dtype=torch.float64)
    assert paper.count(lambda: wide.sum(0)).bytes == 8 * (12 + 4)


def test_views_are_no_calls():
    a = torch.ones(3, 4)
    assert paper.count(lambda: a.t().view(-1) if a.t().is_contiguous() else a.view(12)).calls == 0


@pytest.mark.parametrize(
    ("changes", "steps"),
    [({"epochs": 2.07}, 31), ({"epochs": 4}, 60), ({"epochs": 0.01}, 0), ({"batch_size": 4001}, 0)],
)
def test_a_race_refuses_more_steps_and_none_in_one_line(changes, steps):
    over = race.Race(lambda recipe, seed: recipe.rate, (0, 1))
    recipe = dataclasses.replace(race.REFERENCE, **changes)
    assert race.steps(recipe) == steps
    with pytest.raises(ValueError) as caught:
        over(recipe)
    cure = "give epochs and batch_size that make no more, and at least one"
    assert str(caught.value) == f"the recipe takes {steps} steps, the reference 30: {cure}"
    with pytest.raises(TypeError, match=r"^recipe is 'quick': give replace\(reference, …\)$"):
        over("quick")
    assert over.run == 0  # What was refused was no race.


def test_a_race_counts_seeds_won_by_four_points():
    points = {(0.5, 0): 54.0, (0.5, 1): 53.9}
    over = race.Race(lambda recipe, seed: points.get((recipe.rate, seed), 50.0), (0, 1))
    assert over(race.Recipe(epochs=1, rate=0.5)) == 1 and over.run == 1
    assert over(race.REFERENCE) == 0 and over.run == 2
    assert over(race.Recipe(epochs=0.07, rate=0.5)) == 1  # A single step.
    assert over.seeds == (0, 1)


def test_all_race_in_the_same_kind_of_number_and_against_the_reference():
    asked = []

    def accuracy(recipe, seed):
        asked.append((recipe, seed))
        return 50.0

    recipe = dataclasses.replace(race.REFERENCE, edges=True, dtype=torch.bfloat16)
    assert race.Race(accuracy, (3, 5))(recipe) == 0
    entered = dataclasses.replace(recipe, dtype=torch.float32)
    assert asked == [(entered, 3), (race.REFERENCE, 3), (entered, 5), (race.REFERENCE, 5)]
    assert dataclasses.asdict(race.REFERENCE) == dataclasses.asdict(
        race.Recipe(
            epochs=2,
            hidden=128,
            rate=0.001,
            falls=False,
            smoothing=0,
            edges=False,
            root=False,
            dtype=torch.float32,
        )
    )


def test_races_are_over_a_few_thousand_images_and_nothing_is_trained_twice(monkeypatch):
    images, labels = torch.arange(30_000), torch.arange(30_000) % 10
    garments = fashion.Garments(images, labels, -images, -labels, fashion.Source("stand-in"))
    asked = []

    def run(parts, recipe, seed):
        asked.append((recipe, seed, parts))
        return 50.0 + 10 * recipe.rate * seed, 99.0

    monkeypatch.setattr(race, "run", run)
    over = race.races(garments)
    better = dataclasses.replace(race.REFERENCE, rate=0.5)
    for _ in range(2):
        assert over((0, 1, 2))(better) == 2  # 0 points, 4.99 and 9.98 above.
    assert len(asked) == 6 and len({(recipe, seed) for recipe, seed, _ in asked}) == 6
    over((7,))(better)
    assert len(asked) == 8
    parts = asked[0][2]
    assert parts.images.equal(images[:4000]) and parts.labels.equal(labels[:4000])
    # Of the last sixth, which is held out: the test part stays shut.
    assert parts.unseen.equal(images[25_000:29_000]) and parts.truth.equal(labels[25_000:29_000])
