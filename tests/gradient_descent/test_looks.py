"""What the figures of notebook 03 share, and how far each of their panels reaches."""

import matplotlib.figure
import pytest
import torch

from gradient_descent.drawings import DRAWINGS
from helpers.common.picture import BLACK, BLUE, GREEN, ORANGE, PINK, VERMILION
from helpers.gradient_descent import looks

MIDDLE = torch.tensor([2.0, -1.0], dtype=torch.float64)


def slanted(w):
    return 4 + w[0] - 10 * w[1]


def test_a_grid_holds_the_loss_of_each_place_the_first_weight_across():
    a, b, values = looks.grid(slanted, MIDDLE, 0.5, 3)
    assert a.tolist() == [[1.5, 2.0, 2.5]] * 3
    assert b.tolist() == [[-1.5] * 3, [-1.0] * 3, [-0.5] * 3]
    assert torch.equal(values, 4 + a - 10 * b)
    assert {part.dtype for part in (a, b, values)} == {torch.float64}
    assert looks.grid(slanted, MIDDLE, 0.5)[2].shape == (61, 61)


def test_level_lines_crowd_near_the_lowest_point_and_fill_a_square():
    axes = matplotlib.figure.Figure().add_subplot()
    looks.level_lines(axes, slanted, MIDDLE, 0.5)
    (lines,) = axes.collections
    # The loss goes from 10.5 to 21.5: eleven levels up to the highest, evenly spaced as roots.
    shares = ((lines.levels - 10.5) / 11) ** 0.5
    assert shares.tolist() == pytest.approx([0.05 + 0.095 * k for k in range(11)])
    assert (axes.get_xlim(), axes.get_ylim()) == ((1.5, 2.5), (-1.5, -0.5))
    assert axes.get_aspect() == 1
    assert not any(line.get_visible() for line in axes.get_xgridlines())


def test_each_way_of_descending_has_its_own_colour_mark_and_dash():
    assert [look["color"] for look in looks.LOOKS] == [BLUE, VERMILION, GREEN, PINK, BLACK]
    assert [look["marker"] for look in looks.LOOKS] == list("os^Dx")
    assert [look["linestyle"] for look in looks.LOOKS] == ["-", "--", "-.", ":", (0, (5, 1))]
    goal = {key: looks.GOAL[key] for key in ("color", "marker", "markeredgecolor", "zorder")}
    # Above all paths, whose looks have no order of their own.
    assert goal == {"color": ORANGE, "marker": "*", "markeredgecolor": BLACK, "zorder": 6}


def test_a_note_stands_so_many_points_beside_its_place():
    axes = matplotlib.figure.Figure().add_subplot()
    looks.note(axes, "here", (0.2, 0.3), (5, -9), color=PINK)
    (note,) = axes.texts
    assert (note.get_text(), note.xy, note.get_position()) == ("here", (0.2, 0.3), (5, -9))
    assert note.anncoords == "offset points" and note.get_color() == PINK
    (halo,) = note.get_path_effects()
    assert halo._gc == {"linewidth": 3, "foreground": "white"}


# By figure and panel: where its axes begin and end. A panel that is not named fits what is in it.
THREE = (-3, 3, -3, 3)
LIMITS = {
    ("zigzag", 0): THREE,
    ("zigzag", 1): THREE,
    # From the goal at 0 to the start at 2.6 and 1.2: 0.95 times 2.6 around the middle of both.
    ("direction_fan", 1): (1.3 - 2.47, 1.3 + 2.47, 0.6 - 2.47, 0.6 + 2.47),
    ("change_on_sphere", 0): (-1, 1, -1, 1),
    ("basins", 0): (0, 1, 0, 1),
    # 2/L is 0.2.
    ("rate_against_step", 0): (0, 0.224, 0, 1.2),
    ("descent_report", 0): (-3.2, 3.2, -3.2, 3.2),
    ("descent_report", 1): (-1, 21, 1e-6, 1e4),
    # The losses go from 0.52 to 4.4.
    ("loss_curves", 0): (-1, 21, 0.1, 10),
    ("rate_map", 0): (0, 0.25, 0, 0.5),
    ("snapshots", 0): THREE,
    ("snapshots", 1): THREE,
    ("noise_ball", 0): (-1.15, 1.15, -1.15, 1.15),
}


@pytest.mark.parametrize(("name", "panel"), LIMITS)
def test_a_panel_reaches_as_far_as_is_said(name, panel):
    axes = DRAWINGS[name]().axes[panel]
    assert (*axes.get_xlim(), *axes.get_ylim()) == pytest.approx(LIMITS[name, panel])


# Where a step along one axis is as long as along the other.
ROUND = {
    **{"direction_fan": [1], "zigzag": [0, 1], "basins": [0], "chosen_steps": [0]},
    **{"descent_report": [0], "snapshots": [0, 1], "noise_ball": [0]},
}


@pytest.mark.parametrize("name", ROUND)
def test_a_panel_of_two_weights_has_equal_scales(name):
    drawn = DRAWINGS[name]().axes
    flat = [axes for axes in drawn if not hasattr(axes, "get_zlim")]
    assert [drawn.index(axes) for axes in flat if axes.get_aspect() == 1] == ROUND[name]


TICKS = {
    ("change_by_angle", 0): ["0", "45", "90", "135", "180", "225", "270", "315", "360"],
    ("five_regimes", 1): ["0", "4", "8"],
    ("steps_against_condition", 0): ["10", "1000"],
    ("noise_ball", 1): ["4", "64"],
}


@pytest.mark.parametrize(("name", "panel"), TICKS)
def test_numbers_stand_at_what_was_tried(name, panel):
    axes = DRAWINGS[name]().axes[panel]
    assert [label.get_text() for label in axes.get_xticklabels()] == TICKS[name, panel]
    assert not len(axes.get_xticks(minor=True))
