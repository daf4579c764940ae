"""How far the panels of notebook 02's figures reach, and what lies where in each of them."""

import math

import numpy as np
import pytest
import torch
from matplotlib.patches import Circle, FancyArrow, Polygon

from helpers.common.picture import BLACK, BLUE, GREEN, VERMILION
from helpers.ols_and_ridge import figures, ridge_figures
from ols_and_ridge.drawings import COPY, DRAWINGS, LAND, LINE, PENALTIES, SPOTS, WEIGHTS

# By figure and panel: where its axes begin and end. A panel that is not named fits what is in it.
VALLEY = (-3, 5, -3, 5)
MAP = (0, float(LAND.east[-1]), 0, float(LAND.north[0]))
ROUNDING = 2.0**-53
LIMITS = {
    # A metre, and 0.4 m per size, to each side of the fit at 0.5 and 1.
    ("line_and_bowl", 1): (-0.5, 1.5, 0.6, 1.4),
    ("errors_of_solvers", 0): (0.01, 1e4, 1.5, -0.5),
    ("errors_of_solvers", 1): (0.01, 1e4, 1.5, -0.5),
    ("valley", 1): VALLEY,
    # A quarter more than what is in it: 1, and the longest row's length, which lies upwards.
    ("circle_to_ellipse", 0): (-1.25, 1.25, -1.25, 1.25),
    ("circle_to_ellipse", 1): (*(1.25 * 41**0.5 * s for s in (-1, 1, -1, 1)),),
    ("solver_errors", 0): (0.7, 1.5e9, ROUNDING / 3, 100),
    ("solver_errors", 1): (0.7, 1.5e9, ROUNDING / 3, 100),
    **{("three_objectives", panel): VALLEY for panel in range(3)},
    ("bias_and_variance", 0): (0.1 / 10**0.1, 10 * 10**0.1, 0.0007, 1.8),
    ("draws_of_spots", 0): (50, 2000, 1.5, -0.5),
    ("hills_and_spots", 0): MAP,
    ("hills_and_spots", 1): MAP,
    ("map_at_penalty", 0): MAP,
}


@pytest.mark.parametrize(("name", "panel"), LIMITS)
def test_a_panel_reaches_as_far_as_is_said(name, panel):
    axes = DRAWINGS[name]().axes[panel]
    found = (*axes.get_xlim(), *axes.get_ylim())
    assert found == pytest.approx(LIMITS[name, panel], rel=2e-4, abs=0)


def test_the_error_curves_leave_room_below_for_their_words():
    bottom, top = DRAWINGS["error_curves"]().axes[0].get_ylim()
    assert bottom == pytest.approx(0.65 * 50) and top > 90


# Where a step along one axis is as long as along the other.
ROUND = {
    **{
        "projection": [0],
        "valley": [1],
        "circle_to_ellipse": [0, 1],
        "three_objectives": [0, 1, 2],
    },
    **{"luck_of_two_weights": [0], "hills_and_spots": [0, 1], "map_at_penalty": [0]},
}


@pytest.mark.parametrize("name", DRAWINGS)
def test_what_is_round_looks_round(name):
    drawn = DRAWINGS[name]().axes
    flat = [axes for axes in drawn if not hasattr(axes, "get_zlim")]
    equal = [drawn.index(axes) for axes in flat if axes.get_aspect() == 1]
    assert equal == ROUND.get(name, [])


HEIGHTS = ["30", "50", "100", "200", "300"]
POWERS = ["10⁻¹", "10¹"]
TICKS = {
    ("errors_of_solvers", 0): (["0.01", "1", "100", "10 000"], ["inv", "lstsq"]),
    ("errors_of_solvers", 1): (["0.01", "1", "100", "10 000"], []),
    ("solver_errors", 0): (None, ["10⁻¹⁶", "10⁻¹²", "10⁻⁸", "10⁻⁴", "1"]),
    ("solver_errors", 1): (None, ["10⁻¹⁶", "10⁻¹²", "10⁻⁸", "10⁻⁴", "1"]),
    ("bias_and_variance", 0): (None, ["0.001", "0.01", "0.1", "1"]),
    ("draws_of_spots", 0): (["50", "100", "200", "500", "1000", "2000"], ["one λ", "another λ"]),
    ("hills_and_spots", 0): (["0", "5", "10"], ["0", "5", "10", "15"]),
    ("hills_and_spots", 1): (["0", "5", "10"], []),
    ("map_at_penalty", 0): (["0", "5", "10"], ["0", "5", "10", "15"]),
    ("map_at_penalty", 2): (POWERS, HEIGHTS),
    ("error_curves", 0): (POWERS, HEIGHTS),
}
SUPERSCRIPTS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")


def number(word: str) -> float:
    """Return what the words at a tick stand for."""
    power = word.translate(SUPERSCRIPTS)
    return 10.0 ** int(power[2:]) if power != word else float(word.replace(" ", ""))


@pytest.mark.parametrize(("name", "panel"), TICKS)
def test_a_tick_stands_where_its_number_lies(name, panel):
    axes = DRAWINGS[name]().axes[panel]
    for axis, words in zip((axes.xaxis, axes.yaxis), TICKS[name, panel], strict=True):
        if words is not None:
            assert [label.get_text() for label in axis.get_ticklabels()] == words
            assert not len(axis.get_ticklocs(minor=True)), "they would bring numbers of their own"
            if words and words[0][0].isdigit():
                places = axis.get_ticklocs()[: len(words)]
                np.testing.assert_allclose(places, [number(word) for word in words], rtol=1e-12)


def test_powers_of_a_penalty_stand_at_every_second_one():
    errors = (torch.full((3,), 50.0), torch.full((3,), 90.0))
    drawn = ridge_figures.map_at_penalty(LAND, LAND.height, 1.0, [1e-12, 1.0, 1e3], errors)
    words = [label.get_text() for label in drawn.axes[2].get_xticklabels()]
    assert words == ["10⁻¹²", "10⁻¹⁰", "10⁻⁸", "10⁻⁶", "10⁻⁴", "10⁻²", "10⁰", "10²"]
    np.testing.assert_allclose(drawn.axes[2].get_xticks(), [10.0**p for p in range(-12, 4, 2)])


# Panels beside each other whose heights are compared have one scale, numbered once.
@pytest.mark.parametrize(
    ("name", "count"),
    [("errors_of_solvers", 2), ("three_objectives", 3), ("towards_the_shortest", 2)],
)
def test_panels_that_are_compared_share_their_scale(name, count):
    first, *others = DRAWINGS[name]().axes
    assert len(others) == count - 1
    for other in others:
        assert first.get_shared_y_axes().joined(first, other)
        assert not other.yaxis.get_tick_params()["labelleft"]


# --- Maps ---


@pytest.mark.parametrize(("name", "shown"), [("hills_and_spots", 0), ("map_at_penalty", 25)])
def test_a_map_lies_on_its_land_with_the_north_on_top(name, shown):
    panel = DRAWINGS[name]().axes[0]
    (image,) = panel.images
    # The first row of heights is the north.
    np.testing.assert_array_equal(image.get_array(), LAND.height + shown)
    assert image.get_extent() == pytest.approx(MAP) and image.origin == "upper"
    assert image.get_cmap().name == "cividis"
    assert not any(line.get_visible() for line in panel.get_xgridlines())


def test_spots_are_as_bright_as_they_are_high_and_those_to_fit_are_the_first():
    drawn = DRAWINGS["hills_and_spots"]().axes
    spots, heights = SPOTS
    fitted, held_out = drawn[1].collections
    for dots, part in ((fitted, slice(6)), (held_out, slice(6, None))):
        np.testing.assert_array_equal(dots.get_offsets(), spots[part])
        np.testing.assert_array_equal(dots.get_array(), heights[part])
        assert dots.get_cmap().name == "cividis" and not dots.get_clip_on()
    assert fitted.get_sizes() < held_out.get_sizes(), "a cross is thinner"
    corners = [len(dots.get_paths()[0].vertices) for dots in (fitted, held_out)]
    assert corners[0] > corners[1] == 13, "circles and crosses"


# --- What is laid upon the fits ---


def test_each_stick_goes_from_a_coat_to_the_line():
    drawn = DRAWINGS["line_and_bowl"]().axes[0]
    coats = next(line for line in drawn.lines if line.get_label() == "coats")
    (sticks,) = drawn.collections
    found = np.array(sticks.get_segments())  # Of each, both ends.
    size, fabric = coats.get_data()
    assert found.shape == (9, 2, 2)
    np.testing.assert_allclose(found[:, :, 0], np.stack([size, size], axis=1))
    ends = np.stack([0.5 + 1.0 * size, fabric], axis=1)
    np.testing.assert_allclose(np.sort(found[:, :, 1]), np.sort(ends))


def test_arrows_lead_from_the_origin_to_both_columns_the_fit_and_the_target():
    # Of the drawing: the fit is along, the residual up, and both columns lie in the plane.
    columns = np.array([[1.0, 1.0, 1.0], [0.0, 1.0, 2.0]])
    fit, target = np.array([0.5, 1.5, 2.5]), np.array([0.0, 2.5, 2.0])
    along = fit / np.linalg.norm(fit)
    up = (target - fit) / np.linalg.norm(target - fit)
    back = np.cross(up, along)

    def seen(point):
        return [point @ along + 0.5 * (point @ back), point @ up + 0.42 * (point @ back)]

    axes = DRAWINGS["projection"]().axes[0]
    arrows = [text for text in axes.texts if text.arrow_patch is not None]
    tips = [seen(point) for point in (*columns, fit, target)]
    np.testing.assert_allclose([arrow.xy for arrow in arrows], tips, atol=1e-6)
    assert [arrow.get_position() for arrow in arrows] == [(0, 0)] * 4
    assert [arrow.arrowprops["color"] for arrow in arrows] == [GREEN, GREEN, BLUE, BLACK]
    assert {arrow.arrowprops["arrowstyle"] for arrow in arrows} == {"-|>"}
    (plane,) = (patch for patch in axes.patches if isinstance(patch, Polygon))
    corners = [(-0.6, -1.2), (3.5, -1.2), (3.5, 1.2), (-0.6, 1.2)]
    expected = [[a + 0.5 * b, 0.42 * b] for a, b in corners]
    np.testing.assert_allclose(plane.get_xy()[:4], expected, atol=1e-6)
    assert not axes.axison


def test_the_surface_of_a_valley_is_as_high_as_its_loss():
    surface = DRAWINGS["valley"]().axes[0]
    corners = np.reshape(surface.collections[0]._faces, (-1, 3))
    rows, targets = COPY.tolist(), [5.0, 10.0]
    for a, b, height in corners[::97]:
        squares = [(a * r[0] + b * r[1] - y) ** 2 for r, y in zip(rows, targets, strict=True)]
        assert height == pytest.approx(sum(squares), abs=1e-6)
    assert (corners[:, :2].min(), corners[:, :2].max()) == (-3, 5)
    assert (surface.elev, surface.azim) == (42, -72)


def test_a_circle_about_the_origin_touches_the_floor_of_the_valley():
    (circle,) = (
        patch for patch in DRAWINGS["valley"]().axes[1].patches if isinstance(patch, Circle)
    )
    assert circle.center == (0, 0) and circle.radius == pytest.approx(float(WEIGHTS.norm()))
    assert not circle.get_fill() and circle.get_linestyle() in (":", "dotted")


def test_an_arrow_of_length_1_becomes_a_half_axis_and_words_stand_outside_it():
    X = np.array([[3.0, 0.0], [4.0, 5.0]])
    # By hand: XᵀX has the eigenvectors (1, 1) and (-1, 1) over √2, with 45 and 5.
    ways = np.array([[1.0, 1.0], [-1.0, 1.0]]) / math.sqrt(2)
    ways *= np.sign(ways @ X.T)[:, 1:]  # The one that goes up in the end.
    for axes, ends in zip(DRAWINGS["circle_to_ellipse"]().axes, (ways, ways @ X.T), strict=True):
        arrows = [patch for patch in axes.patches if isinstance(patch, FancyArrow)]
        colours = [arrow.get_facecolor()[:3] for arrow in arrows]
        assert colours[0][0] > colours[0][2] and colours[1][2] > colours[1][0], "red, then blue"
        for arrow, end, words in zip(arrows, ends, axes.texts, strict=True):
            corners = arrow.get_xy()
            tip = corners[np.linalg.norm(corners, axis=1).argmax()]
            np.testing.assert_allclose(tip, end, rtol=1e-6, atol=1e-9)
            assert words.get_ha() == ("left" if end[0] > 0 else "right")
            assert np.linalg.norm(words.get_position()) > np.linalg.norm(end)


def test_the_stops_of_weight_paths_are_the_ends_and_where_the_two_have_met():
    penalties = [10.0**k for k in range(-4, 5)]
    weights = torch.stack([torch.arange(9.0), -torch.arange(9.0), torch.ones(9)], dim=1)
    drawn = ridge_figures.weight_paths(penalties, weights, ("a", "b", "c"))
    # Five of eight parts of nine are five and more.
    assert drawn.alt == (
        "3 weights over λ. The first two, a and b, at λ = 0.0001: 0 and -0; at λ = 10: 5 and -5; "
        "at λ = 1e+04: 8 and -8."
    )
    assert [line.get_markevery() for line in drawn.axes[0].lines[1:]] == [4, 4, 4]


def test_points_that_would_hide_each_other_are_spread_out_and_lie_in_their_row():
    ways = {name: torch.full((40,), 0.5) for name in ("inv", "qr")}
    for axes in figures.errors_of_solvers(ways, ways).axes:
        for place, line in enumerate(axes.lines[:2]):
            heights = np.sort(line.get_ydata())
            assert place - 0.29 < heights[0] and heights[-1] < place + 0.29
            assert np.diff(heights).min() > 0.005 and np.diff(heights).max() < 0.05


def test_marks_of_draws_are_told_apart_and_lie_in_their_row():
    drawn = ridge_figures.draws_of_spots({name: [60, 70, 900] for name in "abc"}).axes[0]
    looks = [(line.get_color(), line.get_marker()) for line in drawn.lines]
    assert looks == [(VERMILION, "o"), (GREEN, "s"), (BLUE, "^")]
    for place, line in enumerate(drawn.lines):
        assert list(line.get_xdata()) == [60, 70, 900] and list(line.get_ydata()) == [place] * 3


def test_a_curve_of_another_shape_or_kind_is_not_drawn():
    for curve, lines in ((LINE, 2), (LINE[1:], 1), (LINE[None], 1), (LINE.numpy(), 1)):
        drawn = ridge_figures.smoothed_profile(LINE, LINE**2, curve).axes[0]
        assert len(drawn.lines) == lines
        assert drawn.get_title("left") == (
            "Your curve" if lines == 2 else "Draw the curve behind these heights"
        )


def test_the_count_of_the_closed_form_ends_where_the_measured_time_does():
    drawn = figures.closed_form_cost([2, 4, 6], [1.0, 3.0, 9.0], 10).axes[0]
    count, measured = (line.get_ydata() for line in drawn.lines)
    # 10·4 + 8/3, 10·16 + 64/3 and 10·36 + 72.
    np.testing.assert_allclose(count, np.array([128 / 3, 544 / 3, 432]) / 48)
    assert list(measured) == [1, 3, 9] and drawn.xaxis.get_transform().base == 2


def test_the_drawings_of_a_penalty_hold_what_they_are_given():
    """Of the map's curves: the first is the training error, over λ."""
    training, held_out = DRAWINGS["map_at_penalty"]().axes[2].lines[:2]
    assert list(training.get_xdata()) == list(held_out.get_xdata()) == PENALTIES
    assert list(training.get_ydata()) == [50, 60, 70] and list(held_out.get_ydata()) == [90, 70, 80]
