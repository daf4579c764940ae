"""What the figures about which way to go find in their data."""

import matplotlib.colors
import numpy as np
import pytest
import torch

from gradient_descent.drawings import (
    COSINES,
    DEGREES,
    DRAWINGS,
    ENDS,
    ORIGIN,
    SPHERE,
    STARTS,
    TILT,
    VALLEY,
)
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


def test_an_area_covers_the_starts_that_end_there_and_has_its_own_hatching():
    areas = DRAWINGS["basins"]().axes[0].collections[:3]
    assert [area.hatches for area in areas] == [[None], ["//"], [".."]]
    # The starts lie a quarter apart, and the rows end in the first, the first, the second …
    heights = [area.get_paths()[0].get_extents() for area in areas]
    assert [(box.ymin, box.ymax) for box in heights] == [(0, 0.375), (0.375, 0.625), (0.625, 1)]
    assert all((box.xmin, box.xmax) == (0, 1) for box in heights)


def test_an_end_is_told_by_its_name_where_it_is_one_of_the_notebooks():
    drawn = figures.basins(VALLEY, STARTS, ENDS, {"pass": ORIGIN})
    assert "deep well 40%, shallow well 20%, still on the plateau 40%. Marked: pass." in drawn.alt
    written = {text.get_text(): text.get_position() for text in drawn.axes[0].texts[:3]}
    assert written == {
        "deep well\n40% of starts": (2.6, -1.3),
        "shallow well\n20% of starts": (-2.6, 1.2),
        "still on the plateau\n40% of starts": (-3.3, 4.2),
    }


def test_points_that_are_marked_differ_by_their_marks():
    points = {name: torch.full((2,), 0.2 * place) for place, name in enumerate("pqrs")}
    drawn = figures.basins(VALLEY, STARTS, ENDS, points)
    assert drawn.alt.endswith("Marked: p, q, r, s.")
    assert [line.get_marker() for line in drawn.axes[0].lines] == list("XoDs")
    assert [text.xy[0] for text in drawn.axes[0].texts[3:]] == pytest.approx([0, 0.2, 0.4, 0.6])


@pytest.mark.parametrize("order", [(0.5, 0.1), (0.1, 0.5)])
def test_the_best_angle_is_that_of_the_longest_steps(order):
    bent = torch.where(DEGREES == 150, -2.0, COSINES)
    changes = {0.1: COSINES, 0.5: bent}
    drawn = figures.change_by_angle(DEGREES, {length: changes[length] for length in order}, 3.0)
    assert drawn.alt.endswith("steps of 0.5 fall most at 150 degrees.")
    cosine, *_, level = drawn.axes[0].lines
    assert cosine.get_ydata().tolist() == pytest.approx((3 * COSINES).tolist())
    assert list(level.get_ydata()) == [0, 0]


@pytest.mark.parametrize("side", [-1, 1])
def test_the_line_on_the_sphere_is_straight_up_to_a_hundredth_of_the_gradient(side):
    line = SPHERE @ TILT  # The gradient is 3 long.
    for off, word in ((0.029, ": all on one line."), (0.031, ": not all on one line.")):
        changes = line.clone()
        changes[5] += side * off
        assert figures.change_on_sphere(SPHERE, changes, TILT).alt.endswith(word)


def test_the_half_of_the_sphere_that_faces_the_reader_is_shown():
    sphere, flat = DRAWINGS["change_on_sphere"]().axes
    # From 12 degrees above, and 60 to the left of the first axis.
    toward = torch.tensor([0.5, -(0.75**0.5), 0.0]).double() * 0.97815 + torch.tensor(
        [0.0, 0.0, 0.20791]
    )
    shown = torch.tensor(np.array(sphere.collections[0]._offsets3d)).T
    assert len(shown) == (SPHERE @ toward > 0).sum() and (shown.double() @ toward > 0).all()
    assert (sphere.elev, sphere.azim) == (12, -60)
    assert len(flat.collections[0].get_offsets()) == len(SPHERE)


def test_the_colours_below_zero_and_above_it_mirror_each_other():
    """The palest middle is no change, however lopsided the changes."""
    changes = SPHERE @ TILT + 1.0
    sphere, flat = figures.change_on_sphere(SPHERE, changes, TILT).axes
    for dots in (sphere.collections[0], flat.collections[0]):
        largest = float(changes.abs().max())
        assert dots.get_clim() == pytest.approx((-largest, largest))


def test_the_surface_is_a_patch_along_the_valley_seen_from_above_its_near_side():
    surface, plan = DRAWINGS["direction_fan"]().axes
    assert (surface.elev, surface.azim) == (42, -60)
    # The valley runs at 30 degrees through the lowest point, and the point lies 2.6 to its right:
    # from 0.6 times that behind to 1.7 times that beyond, and 0.75 times that to each side.
    corners = np.reshape(surface.collections[0]._faces, (-1, 3))
    flat, steep = (0.75**0.5, 0.5), (-0.5, 0.75**0.5)
    for axis, low, high in ((flat, -1.56, 4.42), (steep, -1.95, 1.95)):
        along = corners[:, 0] * axis[0] + corners[:, 1] * axis[1]
        assert (along.min(), along.max()) == pytest.approx((low, high))
    heights = [
        float(VALLEY(torch.as_tensor(corner[:2], dtype=torch.float64))) for corner in corners
    ]
    assert corners[:, 2].tolist() == pytest.approx(heights)
    widths = {line.get_label(): line.get_linewidth() for line in plan.lines}
    assert widths["steepest fall, against the gradient"] > widths["falls"] == widths["rises"]


def test_a_mark_of_the_steepest_fall_is_large_and_that_of_the_start_is_hollow():
    lines = DRAWINGS["change_by_angle"]().axes[0].lines
    assert [line.get_markersize() for line in lines[1:6]] == [4, 11, 4, 11, 11]
    assert [line.get_markeredgecolor() for line in (lines[2], lines[4], lines[5])] == [
        "#000000"
    ] * 3
    _, path, start, goal = DRAWINGS["zigzag"]().axes[0].lines
    assert start.get_markerfacecolor() == "white" and goal.get_markersize() == 13
    assert path.get_markersize() < start.get_markersize()


def test_a_fall_is_blue_and_a_rise_vermilion_on_the_sphere():
    for dots in (axes.collections[0] for axes in DRAWINGS["change_on_sphere"]().axes):
        ends = [matplotlib.colors.to_hex(dots.cmap(share)) for share in (0.0, 1.0)]
        assert ends == ["#0072b2", "#d55e00"]


def test_level_lines_among_basins_cover_their_starts_and_are_finer_than_these():
    corner = torch.tensor([3.0, -1.0], dtype=torch.float64)
    drawn = figures.basins(VALLEY, STARTS * 2 + corner, ENDS, {"pass": ORIGIN}).axes[0]
    lines = drawn.collections[-1]
    box = lines.get_datalim(drawn.transData)
    assert (box.xmin, box.xmax) == pytest.approx((3, 5), abs=0.01)
    assert (box.ymin, box.ymax) == pytest.approx((-1, 1), abs=0.01)
    for level, path in zip(lines.levels, lines.get_paths(), strict=True):
        for place in path.vertices[::9]:
            found = float(VALLEY(torch.as_tensor(place, dtype=torch.float64)))
            assert found == pytest.approx(level, rel=0.01, abs=0.01)
    assert (*drawn.get_xlim(), *drawn.get_ylim()) == (3, 5, -1, 1)


def test_dots_on_the_sphere_are_coloured_by_their_own_change():
    sphere, flat = DRAWINGS["change_on_sphere"]().axes
    dots = sphere.collections[0]
    shown = torch.tensor(np.array(dots._offsets3d)).T.double()
    np.testing.assert_allclose(dots.get_array(), (shown @ TILT).numpy(), atol=1e-6)
    places = flat.collections[0].get_offsets()
    np.testing.assert_allclose(places[:, 0] * 3, places[:, 1], atol=1e-6)
    np.testing.assert_allclose(flat.collections[0].get_array(), places[:, 1])
