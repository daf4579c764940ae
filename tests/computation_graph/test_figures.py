"""What the figures of notebook 01 find in their data, and how they tell curves apart."""

import pytest

from helpers.computation_graph import figures

# From ten times as far off on, and not before, is a step told as worse.
TENTH, LEAST, NEARLY = [0.1, 0.01, 0.1], [0.11, 0.01, 0.11], [0.11, 0.01, 0.1]
FALLS, TURNS, RISES = [1.0, 0.1, 0.01], [1.0, 0.01, 1.0], [0.01, 0.1, 1.0]


@pytest.mark.parametrize(
    ("one", "other", "finding"),
    [
        (TURNS, TURNS, "Smaller steps help until rounding takes over"),
        (TURNS, FALLS, "Smaller steps help"),
        (FALLS, FALLS, "Smaller steps help"),
        (RISES, FALLS, "Smaller steps do not always help"),
        (TENTH, TENTH, "Smaller steps do not always help"),
        (LEAST, LEAST, "Smaller steps help until rounding takes over"),
        (NEARLY, LEAST, "Smaller steps help"),
        (RISES, RISES, "Smaller steps do not always help"),
    ],
)
def test_what_is_said_of_the_curves_holds_for_both(one, other, finding):
    drawn = figures.slope_errors([0.3, 0.2, 0.1], {"forward": one, "central": other})
    assert drawn.axes[0].get_title("left") == finding and f" {finding}; best" in drawn.alt
    best = [f"{(0.3, 0.2, 0.1)[errors.index(0.01)]} {name}" for name, errors in
            (("forward", one), ("central", other))]  # fmt: skip
    assert drawn.alt.endswith(f"best near {', '.join(best)}.")


def test_each_quotient_has_a_mark_of_its_own():
    drawn = figures.slope_errors([0.3, 0.2, 0.1], dict.fromkeys("abcd", TURNS))
    lines = drawn.axes[0].get_lines()
    assert [(line.get_label(), line.get_marker()) for line in lines] == [*zip("abcd", "osD^")]  # noqa: B905
    assert len({line.get_color() for line in lines}) == 4
    zero = figures.slope_errors([0.3, 0.2, 0.1], {"a": [1.0, 0.0, 0.5]}).axes[0].get_lines()[0]
    assert zero.get_xydata().tolist() == [[0.3, 1.0], [0.1, 0.5]]


def test_the_price_of_one_pass_is_seen_from_below():
    drawn = figures.price_of_slopes({"a": [(800, 1.0)], "b": [(100, 1.5)]})
    (axes,) = drawn.axes
    assert " 1.5 at most: " in drawn.alt and "weights, 100 to 800." in drawn.alt
    falling = figures.price_of_slopes({"a": [(100, 1.7), (800, 1.2)], "b": [(90, 1.5)]})
    assert " 1.7 at most: " in falling.alt and " 90 to 800." in falling.alt
    assert axes.get_ylim()[0] == 0.5 and axes.get_xscale() == axes.get_yscale() == "log"
    assert axes.get_lines()[0].get_xydata().tolist() == [[100, 101], [800, 801]]
    assert axes.get_lines()[-1].get_linewidth() == 0.8
