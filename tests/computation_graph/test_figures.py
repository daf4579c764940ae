"""What the figure of notebook 01 finds in its data: a word is true of every curve."""

import pytest

from helpers.computation_graph import figures

FALLS, TURNS, RISES = [1.0, 0.1, 0.01], [1.0, 0.01, 1.0], [0.01, 0.1, 1.0]


@pytest.mark.parametrize(
    ("one", "other", "finding"),
    [
        (TURNS, TURNS, "Smaller steps help until rounding takes over"),
        (TURNS, FALLS, "Smaller steps help"),
        (FALLS, FALLS, "Smaller steps help"),
        (RISES, FALLS, "Smaller steps do not always help"),
        (RISES, RISES, "Smaller steps do not always help"),
    ],
)
def test_what_is_said_of_the_curves_holds_for_both(one, other, finding):
    drawn = figures.slope_errors([0.3, 0.2, 0.1], {"forward": one, "central": other})
    assert drawn.axes[0].get_title("left") == finding and f" {finding}; best" in drawn.alt
    best = [f"{(0.3, 0.2, 0.1)[errors.index(0.01)]} {name}" for name, errors in
            (("forward", one), ("central", other))]  # fmt: skip
    assert drawn.alt.endswith(f"best near {', '.join(best)}.")
