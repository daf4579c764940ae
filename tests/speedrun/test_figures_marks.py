"""What the picture of the marks draws, in numbers: corners, bars, ends of axes, and its legend."""

import pytest
from matplotlib.colors import to_hex

from helpers.common import picture
from helpers.speedrun import figures
from helpers.speedrun.marks import QUICK, Mark
from helpers.speedrun.table import Row

GOALS = (Mark(90.0, 3.4, QUICK, 30), Mark(92.0, 17.0, QUICK, 10))
FIRST = {90.0: Row(90.5, 0.25, 30, 9.0, 3.0), 92.0: Row(91.5, 0.5, 10, 9.0, 16.0)}
AGAIN = {90.0: Row(90.25, 0.125, 5, 9.0, 2.0), 92.0: Row(92.5, 1.0, 7, 9.0, 18.0)}


@pytest.fixture
def axes():
    (axes,) = figures.marks([FIRST, AGAIN], GOALS).axes
    return axes


def ends(bars) -> list[tuple[float, float, float]]:
    """Return where each bar stands, and from where to where it reaches."""
    _, _, (lines,) = bars.lines
    return [(float(x), float(low), float(high)) for (x, low), (_, high) in lines.get_segments()]


def test_a_bar_reaches_one_standard_error_up_and_down(axes):
    one, other = axes.containers
    assert ends(one) == [(3.0, 90.25, 90.75), (16.0, 91.0, 92.0)]
    assert ends(other) == [(2.0, 90.125, 90.375), (18.0, 91.5, 93.5)]
    for bars, run in ((one, FIRST), (other, AGAIN)):
        x, y = bars.lines[0].get_data()
        assert list(x) == [row.loader_epochs for row in run.values()]
        assert list(y) == [row.accuracy for row in run.values()]


def test_a_corner_stands_at_each_mark_with_its_words_to_the_left(axes):
    corners = [line for line in axes.lines if line.get_color() == picture.GREY]
    assert [list(line.get_xdata()) for line in corners] == [
        [pytest.approx(2.0), 3.4, 3.4],
        [pytest.approx(10.0), 17.0, 17.0],
    ]
    assert [list(line.get_ydata()) for line in corners] == [[90, 90, 90.35], [92, 92, 92.35]]
    assert [text.get_text() for text in axes.texts] == ["90 % in 3.4", "92 % in 17"]
    for text, mark in zip(axes.texts, GOALS, strict=True):
        assert text.get_position() == (mark.loader_epochs / 1.75, mark.accuracy)
        assert (text.get_ha(), text.get_va()) == ("right", "center")
    assert axes.get_xlim() == pytest.approx((3.4 / 6, 25.5)) and axes.get_xscale() == "log"


def test_the_legend_shows_each_run_as_it_is_drawn(axes):
    legend = axes.get_legend()
    assert [text.get_text() for text in legend.texts] == [
        "a mark: up here, and left of here",
        "the recipes, run 1 (bars: one standard error)",
        "the recipes, run 2 (bars: one standard error)",
    ]
    dots = [bars.lines[0] for bars in axes.containers]
    assert [bars.get_label() for bars in axes.containers] == [
        text.get_text() for text in legend.texts[1:]
    ]
    assert [dot.get_marker() for dot in dots] == ["o", "s"]
    assert [to_hex(dot.get_color()) for dot in dots] == [
        picture.BLUE.lower(),
        picture.VERMILION.lower(),
    ]
    assert [dot.get_markerfacecolor() for dot in dots] == [picture.BLUE, "none"]
    assert [dot.get_linestyle() for dot in dots] == ["None"] * 2  # No line joins the marks.
    assert {dot.get_markersize() for dot in dots} == {7}


def test_the_seeds_are_those_of_the_first_run(axes):
    said = "% right on the test part,\nmean over 10 or 30 seeds"
    assert axes.get_ylabel() == said
    assert axes.get_xlabel() == "loader epochs of a run (logarithmic)"


@pytest.mark.parametrize(
    ("accuracies", "title", "met"),
    [
        ((91.0, 93.0), "All 2 marks are reached", 2),
        ((89.9, 93.0), "Missed, by accuracy or time: 90 %", 1),
        ((91.0, 91.9), "Missed, by accuracy or time: 92 %", 1),
        ((89.0, 91.0), "Missed, by accuracy or time: 90, 92 %", 0),
        ((91.0, None), "Missed, by accuracy or time: 92 %", 1),
    ],
)
def test_marks_that_are_missed_are_named_and_those_met_are_counted(accuracies, title, met):
    pairs = zip((90.0, 92.0), accuracies, strict=True)
    rows = {mark: Row(each, 0.1, 3, 1.0, 1.0) for mark, each in pairs if each is not None}
    drawn = figures.marks([rows], GOALS)
    assert drawn.axes[0].get_title("left") == title
    assert f"2 marks, each a corner of the plane, and the recipe for each. {met} of" in drawn.alt
