"""What the figures about which way to go find in their data."""

from gradient_descent.drawings import DRAWINGS, ENDS, ORIGIN, SPHERE, STARTS, TILT, VALLEY
from helpers.gradient_descent import figures


def test_a_straight_line_on_the_sphere_is_measured():
    assert "all on one line" in figures.change_on_sphere(SPHERE, SPHERE @ TILT, TILT).alt
    bent = figures.change_on_sphere(SPHERE, (SPHERE @ TILT) ** 2, TILT)
    assert "not all on one line" in bent.alt
    assert bent.axes[1].get_title("left").startswith("Not all on one line")


def test_basins_count_their_starts():
    drawn = DRAWINGS["basins"]()
    assert "here 40%, there 20%, nowhere 40%" in drawn.alt
    written = [text.get_text() for text in drawn.axes[0].texts]
    assert "there\n20% of starts" in written


def test_basins_may_be_fewer_than_three():
    ends = (ENDS > 0).long()
    two = {"here": (0.2, 0.2), "there": (0.5, 0.5)}
    assert "here 40%, there 60%." in figures.basins(VALLEY, STARTS, ends, {"pass": ORIGIN}, two).alt
