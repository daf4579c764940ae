"""What the figures of notebook 02 find in their data."""

import math

import numpy as np
import pytest
import torch
from matplotlib.contour import ContourSet

from helpers.common.picture import BLACK, BLUE, VERMILION
from helpers.ols_and_ridge import figures, least_squares, ridge_figures
from ols_and_ridge.drawings import COPY, DRAWINGS, LAND, PENALTIES, WEIGHTS


@pytest.mark.parametrize(
    ("name", "findings"),
    [
        ("errors_of_solvers", ("50 % on most tables: inv.", "10 % on most: inv.")),
        ("solver_errors", ("in reach: solve 2, qr 1;", "noise: solve 2, qr 2.")),
        ("circle_to_ellipse", ("6.71 and 2.24.",)),
        ("eigenvalues_moved", ("Of the 3 drawn, all lie above zero for λ = 10 only.",)),
        (
            "towards_the_shortest",
            ("falls 10-fold", "smallest λ: one target, none; another target, one way."),
        ),
        ("shrinkage", ("At λ = 1 it is 0.80", "0.50 for the weakest")),
        ("weight_paths", ("at λ = 0.1: 0.9 and -0.8", "at λ = 10: 0.1 and 0.1")),
        ("luck_of_two_weights", ("spreads by 0.8,", "sum by 0.058")),
        (
            "bias_and_variance",
            ("Without a penalty 0.7;", "at λ = 1: 0.05, of which the bias is 0.03"),
        ),
        ("draws_of_spots", ("one λ: 90 to 400 m; another λ: 60 to 70 m.",)),
        ("hills_and_spots", ("15 by 18 km", "heights at 6 spots to fit and 3 to")),
        ("error_curves", ("training λ = 0.1, held-out λ = 1, leave-one-out λ = 1.",)),
    ],
)
def test_an_alt_text_says_what_its_data_say(name, findings):
    """What was found in these data, not what was found in the notebook's."""
    alt = DRAWINGS[name]().alt
    assert all(finding in alt for finding in findings), alt


def test_a_map_says_how_far_it_is_off_in_few_words():
    alt = DRAWINGS["map_at_penalty"]().alt
    assert "off by 25 m" in alt and len(alt) < 90, "three must fit into the alt text of a twin"


def test_what_a_reader_gives_in_place_of_a_curve_is_not_drawn():
    height = LAND.height[0]
    for nothing in (None, ..., "curve", height[1:], height.tolist()):
        drawn = ridge_figures.smoothed_profile(LAND.east, height, nothing)
        assert "waiting for your smooth curve" in drawn.alt


def test_more_features_than_markers_are_drawn_too():
    ways = {f"way {k}": torch.tensor([0.1, 0.2]) for k in range(8)}
    table = torch.stack([*ways.values()], dim=1)
    for drawn, lines in (
        (ridge_figures.weight_paths([0.1, 1.0], table, [*ways]), 9),
        (ridge_figures.shrinkage([0.1, 1.0], table, torch.arange(8.0, 0, -1)), 17),
        (ridge_figures.draws_of_spots(ways), 8),
        (figures.errors_of_solvers(ways, ways), 9),
    ):
        assert len(drawn.axes[0].lines) == lines, drawn.alt
    errors = {(noise, name): values for noise in (0.0, 0.1) for name, values in ways.items()}
    assert "way 7" in figures.solver_errors([1e3, 1e7], errors).alt


def test_weight_paths_need_two_to_compare():
    with pytest.raises(ValueError, match=r"\Anames has 1 entries: give at least 2\Z"):
        ridge_figures.weight_paths([0.1, 1.0], torch.ones(2, 1), ["tape"])


def loss_of(X, y):
    """Return the loss as a function of two weights, summed row by row."""
    rows = list(zip(X.tolist(), y.tolist(), strict=True))
    return lambda a, b: math.fsum((a * row[0] + b * row[1] - target) ** 2 for row, target in rows)


ERROR = loss_of(COPY, 5 * WEIGHTS)
COATS = least_squares.line_problem(9, seed=0)
RISES = (25, 100, 300, 700, 1500)


@pytest.mark.parametrize(
    ("name", "panel", "height", "lowest", "rises"),
    [
        ("valley", 1, ERROR, 0, RISES),
        ("three_objectives", 0, ERROR, 0, RISES),
        ("three_objectives", 1, lambda a, b: 10 * (a**2 + b**2), 0, RISES),
        # On the grid, whose steps are a tenth, where the two weights are 1 and 1.9.
        ("three_objectives", 2, lambda a, b: ERROR(a, b) + 10 * (a**2 + b**2), None, RISES),
        ("line_and_bowl", 1, loss_of(*COATS), None, None),
    ],
)
def test_a_contour_runs_where_the_function_is_so_high(name, panel, height, lowest, rises):
    drawn = DRAWINGS[name]().axes[panel]
    (contours,) = (part for part in drawn.get_children() if isinstance(part, ContourSet))
    paths = list(zip(contours.levels, contours.get_paths(), strict=True))
    if lowest is None and rises:
        side = [k / 10 for k in range(-30, 51)]
        lowest = min(height(a, b) for a in side for b in side)
    if rises:
        np.testing.assert_allclose([level for level, _ in paths], [lowest + rise for rise in rises])
    else:  # Multiples of the loss at the fit.
        times = [level / height(*(WEIGHTS / 2).tolist()) for level, _ in paths]
        np.testing.assert_allclose(times, (1.5, 3, 8, 20, 40))
    assert sum(len(path.vertices) > 0 for _, path in paths) >= 2
    for level, path in paths:
        for place in path.vertices[::7].tolist():
            assert height(*place) == pytest.approx(level, rel=0.05)


def test_the_map_of_a_loss_has_a_row_for_each_second_weight():
    X, y = torch.tensor([[1.0, 2.0], [3.0, 5.0], [0.0, 1.0]]), torch.tensor([1.0, 0.0, 2.0])
    first, second = torch.tensor([0.0, 1.0, -2.0]), torch.tensor([0.5, 3.0])
    found = figures.loss_over_two_weights(X, y, first, second)
    loss = loss_of(X, y)
    assert found.tolist() == [[loss(a, b) for a in first.tolist()] for b in second.tolist()]


@pytest.mark.parametrize(
    ("eigenvalues", "penalties", "found", "marks"),
    [
        # What rounding leaves of a zero is none.
        ([1e-12, 70.0], [0.0, 1e-3, 5.0], "λ = 0.001 and 5 only", "Xoo"),
        ([-1e-12, 70.0], [-70.0, 0.0], "λ = none only", "XX"),
        ([1.0, 2.0], [-3.0, -1.5, -0.5], "λ = -0.5 only", "XXo"),
    ],
)
def test_an_eigenvalue_that_rounding_moved_off_zero_is_still_none(
    eigenvalues, penalties, found, marks
):
    drawn = ridge_figures.eigenvalues_moved(torch.tensor(eigenvalues), penalties)
    assert drawn.alt.endswith(f"Of the {len(penalties)} drawn, all lie above zero for {found}.")
    lines = [line for line in drawn.axes[0].lines if line.get_marker() in "Xo"]
    assert "".join(line.get_marker() for line in lines[: len(penalties)]) == marks
    looks = {(line.get_marker(), line.get_color()) for line in lines}
    assert looks == {("o", BLUE), ("X", VERMILION)}
    for place, penalty in enumerate(penalties):
        np.testing.assert_allclose(lines[place].get_xdata(), np.array(eigenvalues) + penalty)
        assert list(lines[place].get_ydata()) == [place] * len(eigenvalues)
    names = [label.get_text() for label in drawn.axes[0].get_yticklabels()]
    assert names == [f"λ = {penalty:g}".replace("-", "−") for penalty in penalties]
    bottom, top = drawn.axes[0].get_ylim()
    assert bottom > top, "the first lies on top"


@pytest.mark.parametrize(
    ("penalty", "named"), [(0.12345, "0.123"), (999.4, "999"), (1000.0, "1000"), (31622.8, "31623")]
)
def test_a_map_names_its_penalty_without_an_exponent(penalty, named):
    errors = (torch.tensor([50.4, 60.0]), torch.tensor([90.0, 70.0]))
    drawn = ridge_figures.map_at_penalty(LAND, LAND.height - 30, penalty, [penalty, 1e6], errors)
    titles = [axes.get_title("left") for axes in drawn.axes]
    assert f"λ = {named}: off by 30 m" in titles and "here: 50 m fitted, 90 m held out" in titles


def test_all_maps_of_one_land_have_its_shades():
    limits = float(LAND.height.min()), float(LAND.height.max())
    shown = []
    for name in ("map_at_penalty", "hills_and_spots"):
        for axes in DRAWINGS[name]().axes:
            shown += [
                part.get_clim()
                for part in (*axes.images, *axes.collections)
                if part.get_array() is not None
            ]
    assert len(shown) >= 4 and set(shown) == {limits}


@pytest.mark.parametrize(
    ("values", "weights", "coat"),
    [
        ([0.4, 0.4, 0.9], "none", "way"),  # The median counts, not the mean.
        ([0.1, 0.1, 9.0], "none", "none"),
        ([0.5, 0.5, 0.5], "none", "way"),  # Just at the limit is not above it.
        ([0.6, 0.6, 0.0], "way", "way"),
        ([0.6, math.nan, math.nan], "way", "way"),
        ([0.05, 0.05, math.nan], "none", "none"),
        ([math.nan, math.nan, math.nan], "none", "none"),
    ],
)
def test_a_solver_is_off_where_it_is_so_on_most_tables(values, weights, coat):
    errors = {"way": torch.tensor(values), "exact": torch.zeros(3)}
    assert figures.errors_of_solvers(errors, errors).alt == (
        "How far each solver is off on many collinear tables, on a logarithmic axis. "
        f"Weights off by over 50 % on most tables: {weights}. "
        f"Prediction off by over 10 % on most: {coat}."
    )


def test_solvers_are_drawn_in_the_colour_of_their_family_and_cholesky_to_its_end():
    conditions = [1.0, 1e3, 1e5, 1e7, 1e9]
    names = ("inv", "solve", "cholesky", "qr", "lstsq", "pinv")
    ways = {name: torch.tensor([1e-16, 1e-9, 0.5, 29.0, 1e3]).double() for name in names}
    ways["cholesky"] = torch.tensor([1e-16, 1e-9, 0.5, math.nan, math.nan]).double()
    panels = figures.solver_errors(
        conditions, {(noise, name): off for noise in (0.0, 0.1) for name, off in ways.items()}
    ).axes
    for axes in panels:
        lines = {line.get_label(): line for line in axes.lines}
        for name in names:
            assert lines[name].get_color() == (VERMILION if name in names[:3] else BLUE)
            drawn = ways[name].clamp(max=30).tolist()
            np.testing.assert_allclose(lines[name].get_ydata(), drawn, equal_nan=True)
            assert (lines[name].get_markerfacecolor() != "white") == (name in ("inv", "qr"))
        cross = lines["the last before it raises"]
        assert cross.get_color() == BLACK and cross.get_marker() == "x"
        assert [*cross.get_xdata(), *cross.get_ydata()] == [1e5, 0.5]
    legends = {
        legend.get_title().get_text(): [text.get_text() for text in legend.texts]
        for legend in panels[1].get_children()
        if hasattr(legend, "legend_handles")
    }
    assert legends == {
        "through XᵀX": [*names[:3], "the last before it raises"],
        "on X": [*names[3:]],
    }


def test_the_best_penalty_is_the_one_of_the_smallest_error():
    """Each curve has its own, wherever it lies."""
    for best in range(3):
        errors = [torch.tensor([9.0, 9.0, 9.0]) for _ in range(2)]
        errors[0][best], errors[1][best - 1] = 7.0, 7.0
        left_out = [8.0 - (k == (best - 2) % 3) for k in range(3)]
        alt = ridge_figures.error_curves(PENALTIES, errors, left_out).alt
        training, held_out, left = (PENALTIES[best - back] for back in (0, 1, 2))
        assert alt.endswith(
            f"training λ = {training:g}, held-out λ = {held_out:g}, leave-one-out λ = {left:g}."
        )
        off = [
            [0.5 - 0.4 * (k == best) for k in range(3)],
            [0.5 - 0.2 * (k == (best - 1) % 3) for k in range(3)],
        ]
        alt = ridge_figures.bias_and_variance(PENALTIES, *off, 0.7).alt
        total = math.hypot(0.1, 0.5)
        assert (
            f"smallest at λ = {PENALTIES[best]:.2g}: {total:.2g}, of which the bias is 0.1" in alt
        )


def test_ways_that_come_within_a_millionth_are_listed():
    distances = {
        "one": {"a": [4.0, 1.0, 9e-7], "b": [6.0, 2.0, 1e-8]},
        "two": {"a": [4.0, 0.5, 1e-6], "b": [6.0, 2.0, 2.0]},
    }
    alt = ridge_figures.towards_the_shortest([1.0, 0.5, 0.1], distances).alt
    assert alt == (
        "Distance between ridge and the shortest minimiser over λ, on logarithmic axes. From λ = 1 "
        "to 0.5 it falls 3-fold. Within a millionth at the smallest λ: one, a and b; two, none."
    )
