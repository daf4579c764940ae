"""What the figures of notebook 07 find in their rows, on either side of each bound."""

import pytest

from helpers.speedrun import figures
from helpers.speedrun.table import Row
from speedrun.drawings import MARKS, measured


def row(accuracy, error=0.05, price=0.5):
    return Row(accuracy, error, 10, 1.0, price)


@pytest.mark.parametrize(
    ("accuracies", "title"),
    [
        ([90.05, 89.95], "No clear change"),
        ([90.3, 89.95], "a: +0.3 ± 0.07 points"),
        ([90.3, 89.5], "b: \N{MINUS SIGN}0.5 ± 0.07 points"),
        ([89.9, 90.6], "b: +0.6 ± 0.07 points"),
    ],
)
def test_the_largest_change_is_named_whichever_way_it_goes(accuracies, title):
    rows = {"as it is": row(90.0), **dict(zip("ab", map(row, accuracies), strict=True))}
    drawn = figures.ideas(rows, ["a", "b"])
    assert drawn.axes[0].get_title("left") == title


@pytest.mark.parametrize(("gained", "reach"), [(0.05, 0.24), (0.2, 0.24), (-0.5, 0.6), (2, 2.4)])
def test_both_sides_of_no_change_are_as_wide_and_never_too_narrow(gained, reach):
    rows = {"as it is": row(90.0, price=2.0), "a": row(90.0 + gained, price=1.5)}
    left, right = figures.ideas(rows, ["a"]).axes
    assert left.get_xlim() == pytest.approx((-reach, reach))
    assert right.get_xlim() == pytest.approx((0, 2.4))  # The recipe as it is has its room, too.


def test_ideas_are_drawn_in_the_order_that_is_asked_for():
    rows = {"as it is": row(90.0), "a": row(91.0, price=1.0), "b": row(89.0, 0.12, price=3.0)}
    left, right = figures.ideas(rows, ["b", "a"]).axes
    assert [label.get_text() for label in left.get_yticklabels()] == ["b", "a"]
    assert right.lines[0].get_xdata().tolist() == [3.0, 1.0]
    (bars,) = left.containers
    half = [float(x[1] - x[0]) / 2 for x in (s[:, 0] for s in bars.lines[2][0].get_segments())]
    assert half == pytest.approx([0.13, 0.05 * 2**0.5])  # 0.05 and 0.12 at a right angle.


def test_a_mark_counts_only_if_each_run_has_reached_it():
    good, poor = measured((90.2, 0.8), (92.1, 9.0)), measured((89.9, 0.8), (92.1, 9.0))
    for runs in ([good, poor], [poor, good]):
        drawn = figures.marks(runs, MARKS[:2])
        assert drawn.axes[0].get_title("left") == "Missed, by accuracy or time: 90 %"
        assert "1 of the recipes lie above and left" in drawn.alt
    assert figures.marks([good], MARKS[:2]).axes[0].get_title("left") == "All 2 marks are reached"


def test_the_first_run_is_filled_and_the_other_is_not():
    both = [measured((90.2, 0.8), (92.1, 9.0))] * 2
    (axes,) = figures.marks(both, MARKS[:2]).axes
    dots = [bar.lines[0] for bar in axes.containers]
    assert [dot.get_markerfacecolor() != "none" for dot in dots] == [True, False]
    assert axes.get_xlim() == pytest.approx((1 / 6, 15))


def test_the_seeds_of_all_rows_are_named_each_once():
    rows = measured((90.2, 0.8), (92.1, 9.0), (93.1, 40.0))
    label = figures.marks([rows], MARKS).axes[0].get_ylabel()
    assert label == "% right on the test part,\nmean over 10 or 30 seeds"
    only = {90.0: rows[90.0]}
    assert figures.marks([only], MARKS).axes[0].get_ylabel().endswith("mean over 30 seeds")
