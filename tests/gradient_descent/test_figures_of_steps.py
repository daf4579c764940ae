"""What the figures about how far to go find in their data."""

import pytest
import torch

from gradient_descent.drawings import (
    BLOWN,
    BOUNDS,
    CURVATURES,
    DRAWINGS,
    LONG,
    SHORT,
    SIZES,
    VALLEY,
)
from helpers.common.picture import BLUE, VERMILION
from helpers.gradient_descent import descent, figures_of_steps, landscapes, theory


def test_a_descent_that_blew_up_says_where_it_leaves_the_page():
    drawn = DRAWINGS["loss_curves"]()
    bottom, top = drawn.axes[0].get_ylim()
    assert bottom <= float(SHORT.losses.min()) and float(SHORT.losses.max()) <= top
    leaves = next(step for step, height in enumerate(BLOWN.losses.tolist()) if height > top)
    assert drawn.axes[0].texts[0].get_text() == f"↑ off the page at step {leaves}"


def test_chosen_steps_are_compared_with_their_bounds():
    drawn = DRAWINGS["chosen_steps"]()
    # 0.25 beside 0.5 fifteen times, beside 0.125 five times.
    assert "between 0.5 and 2 times the local bound 2/L, 25% of them" in drawn.alt
    chosen, bounds = drawn.axes[1].lines
    assert chosen.get_ydata().tolist() == SIZES.tolist()
    assert bounds.get_ydata().tolist() == BOUNDS.tolist()


def test_damping_counts_the_crossings():
    # The cosine of 0, 1.75, 3.5, 5.25 and 7 is +, -, -, + and +.
    assert "creeps, 0 times; swings, 2 times" in DRAWINGS["damping"]().alt


def test_steps_are_drawn_against_the_condition_with_their_slopes():
    drawn = DRAWINGS["steps_against_condition"]()
    assert "slopes 1.00 plain and 0.50 momentum" in drawn.alt
    for line, counts in zip(drawn.axes[0].lines, ([70, 7000], [30, 300]), strict=True):
        assert list(line.get_xdata()) == [10.0, 1000.0] and list(line.get_ydata()) == counts


def test_snapshots_name_the_lower_one():
    # Each step multiplies the flat and the steep weight by 0.95 and 0.5 with the short steps, by
    # 0.81 and -0.9 with the long ones: these begin higher, on the steep wall, and end lower.
    bowl, corner = landscapes.bowl(CURVATURES), torch.ones(2, dtype=torch.float64)
    paths = {
        name: descent.run(bowl, corner, lr=lr, steps=40)
        for name, lr in {"short": 0.05, "long": 0.19}.items()
    }
    drawn = figures_of_steps.snapshots(bowl, paths, [1, 40], reach=3.0)
    assert "Lowest in loss: after 1 steps short, after 40 steps long." in drawn.alt


def test_the_noise_ball_measures_its_slope():
    assert "slope -0.5 for lr 0.02 and -0.5 for lr 0.08" in DRAWINGS["noise_ball"]().alt


def test_early_stopping_finds_the_lowest_errors():
    drawn = DRAWINGS["early_stopping"]()
    # The errors are lowest at 0.25 and 0.5 of the line, which is drawn 0.1 further on.
    assert "t = 0.35 (descent) and t = 0.6 (ridge) of 1.1" in drawn.alt
    assert [float(line.get_xdata()[0]) for line in drawn.axes[1].lines[1::2]] == pytest.approx(
        [0.35, 0.6]
    )


def test_a_descent_may_leave_the_numbers_from_within_the_page():
    jumps = descent.Path(SHORT.points[:1], SHORT.losses[:1], left_at=1)
    drawn = figures_of_steps.loss_curves({"short": SHORT, "jumps": jumps})
    assert drawn.axes[0].texts[0].get_text() == "↑ off the page at step 1"


def test_panels_that_are_compared_share_their_scale():
    first, second = DRAWINGS["snapshots"]().axes
    assert first.get_shared_y_axes().joined(first, second)
    above, below = DRAWINGS["early_stopping"]().axes
    assert above.get_shared_x_axes().joined(above, below)
    # Numbers at the ends of a panel alone, so that none is written over another.
    assert not above.xaxis.get_tick_params()["labelbottom"]


def test_descents_that_all_blew_up_are_refused_in_a_line():
    with pytest.raises(ValueError, match=r"\Anone of the 1 descents in paths stays finite.*\Z"):
        figures_of_steps.loss_curves({"blown": BLOWN})


def report(points, predicted=0.95, measured=0.951):
    path = descent.Path(points, points.norm(dim=1))
    how = {"setting": "lr 0.05", "word": "glides"}
    return figures_of_steps.descent_report(VALLEY, path, predicted, measured, **how)


def shrinking(factor, steps=80):
    powers = factor ** torch.arange(steps + 1, dtype=torch.float64)
    return torch.stack([powers, 0 * powers], dim=1)


def test_a_report_shows_the_first_60_steps_and_both_factors():
    drawn = report(shrinking(0.9), 0.8, 0.9)
    assert drawn.alt == "glides: factor 0.900 a step, 0.800 predicted."
    left, right = drawn.axes
    assert left.get_title("left") == "lr 0.05 glides"
    measured, predicted = right.lines
    assert len(left.lines[0].get_xdata()) == len(measured.get_ydata()) == 61
    assert measured.get_ydata().tolist() == pytest.approx([0.9**k for k in range(61)])
    assert predicted.get_ydata().tolist() == pytest.approx([0.8**k for k in range(61)])
    assert not left.texts and not right.texts


@pytest.mark.parametrize(
    ("factor", "predicted", "leaves", "place", "side"),
    [
        # 0.5^19 is 1.9e-6 and 0.5^20 is 9.5e-7: to the right of the curve.
        (0.5, 0.5, 20, 20, "left"),
        (0.7, 0.7, 39, 31, "right"),  # 0.7^30 = 2.3e-5, 0.7^31 = 1.6e-5: under the curves.
        (0.7, 0.6, 39, 22, "right"),  # The lower of the two counts: 0.6^22 = 1.3e-5.
    ],
)
def test_a_report_says_where_the_distances_leave_its_panel(factor, predicted, leaves, place, side):
    (note,) = report(shrinking(factor), predicted).axes[1].texts
    assert note.get_text() == f"↓ leaves at step {leaves}"
    assert note.xy == (place, 1e-6) and note.get_ha() == side
    assert note.get_position() == ({"left": 5, "right": -9}[side], 5)


@pytest.mark.parametrize(("weight", "notes"), [(3.2, 0), (3.3, 1), (-3.3, 1)])
def test_a_report_says_if_its_path_goes_on_beyond_the_frame(weight, notes):
    points = torch.tensor([[1.0, 1.0], [0.5, weight], [0.2, 0.2]], dtype=torch.float64)
    texts = [text.get_text() for text in report(points).axes[0].texts]
    assert texts == ["path goes on beyond the frame"] * notes
    late = torch.cat([torch.ones(61, 2), torch.full((1, 2), 9.0)]).double()
    assert not report(late).axes[0].texts


def test_a_regime_shows_eight_steps_as_shares_of_the_first_error():
    drawn = DRAWINGS["five_regimes"]()
    for panel, (lr, path) in zip(drawn.axes[1:], ((0.05, SHORT), (0.15, LONG)), strict=True):
        lines = panel.lines[:4]
        for way, curvature in enumerate((1.0, 10.0)):
            expected, dots = (line.get_ydata().tolist() for line in lines[2 * way : 2 * way + 2])
            assert expected == pytest.approx(
                [(1 - lr * curvature) ** k for k in range(9)], abs=1e-6
            )
            shares = path.points[:9, way] / path.points[0, way]
            assert dots == pytest.approx(shares.tolist())
    first, second = drawn.axes[1:]
    assert first.get_shared_y_axes().joined(first, second)
    shown = [panel.yaxis.get_tick_params()["labelleft"] for panel in (first, second)]
    assert shown == [True, False]


def test_what_is_touched_is_no_crossing():
    touches = torch.tensor([1.0, 0.0, 1.0, -1.0, 0.0, -1.0])
    assert "touches, 1 times." in figures_of_steps.damping({"touches": touches}).alt


def test_a_step_as_long_as_its_bound_does_not_exceed_it():
    drawn = figures_of_steps.chosen_steps(landscapes.banana, SHORT, BOUNDS, BOUNDS)
    assert "between 1 and 1 times the local bound 2/L, 0% of them" in drawn.alt


def test_the_area_beyond_the_bound_is_shaded_and_the_best_settings_are_not_cut():
    (shaded,) = DRAWINGS["rate_against_step"]().axes[0].patches
    assert (shaded.get_x(), shaded.get_width()) == pytest.approx((0.2, 0.024))  # From 2/L on.
    best = DRAWINGS["rate_map"]().axes[0].lines[1:]
    assert [star.get_clip_on() for star in best] == [False, False]


def test_the_places_of_descents_lie_upon_their_paths_and_under_no_other():
    for panel in DRAWINGS["snapshots"]().axes:
        paths, dots = panel.lines[0:4:2], panel.lines[1:4:2]
        goal = panel.lines[4]
        assert max(path.zorder for path in paths) < goal.zorder < min(dot.zorder for dot in dots)


def test_where_steps_diverge_the_map_is_white_and_its_shades_go_on_in_twentieths():
    drawn = DRAWINGS["rate_map"]()
    (areas,) = drawn.axes[0].collections
    assert areas.levels.tolist() == pytest.approx([0.5 + 0.05 * k for k in range(11)])
    shown = areas.cvalues  # The shades' middles.
    assert (min(shown), max(shown)) == (0.525, 0.975)
    edges = [path.get_extents() for path in areas.get_paths() if len(path.vertices)]
    # The rates rise along each row from the first to the last, and pass 1 in the third row alone.
    assert max(box.ymax for box in edges) < 0.5 and min(box.ymin for box in edges) == 0
    assert "the lowest factor is 0.55; at momentum 0 it is 0.55." in drawn.alt
    lower = torch.tensor([[0.9, 0.8], [0.42, 0.7]])
    two = torch.tensor([0.1, 0.2])
    best = theory.best_settings(CURVATURES)
    low = figures_of_steps.rate_map(two, two, lower, best, 10.0)
    assert low.axes[0].collections[0].levels[0] == pytest.approx(0.4)
    assert "the lowest factor is 0.42; at momentum 0.1 it is 0.80." in low.alt


def test_losses_of_zero_do_not_stretch_the_page():
    path = descent.Path(torch.zeros(3, 2), torch.tensor([5.0, 0.2, 0.0]))
    drawn = figures_of_steps.loss_curves({"arrives": path})
    assert drawn.axes[0].get_ylim() == pytest.approx((0.1, 10.0))
    # One that blew up counts not for the page, though its first losses are finite.
    assert DRAWINGS["loss_curves"]().axes[0].get_ylim() == pytest.approx((0.1, 10.0))


def test_the_slope_of_the_noise_is_that_between_the_first_batch_and_the_last():
    radii = {0.1: [0.9, 0.5, 0.3], 0.02: [0.2, 0.7, 0.2]}
    origin = torch.zeros(2, dtype=torch.float64)
    drawn = figures_of_steps.noise_ball(VALLEY, origin, {"4 rows": SHORT.points}, [1, 3, 9], radii)
    assert "has the slope -0.5 for lr 0.1 and 0.0 for lr 0.02." in drawn.alt
    guide = drawn.axes[1].lines[-1]  # Below the shorter steps.
    assert guide.get_ydata().tolist() == pytest.approx([0.12, 0.12 / 3**0.5, 0.04])


def test_the_star_of_a_line_search_stands_among_lines_of_powers_of_ten():
    left = DRAWINGS["chosen_steps"]().axes[0]
    levels = left.collections[0].levels.tolist()
    assert levels == pytest.approx([10 ** (k / 2 - 2) for k in range(9)])
    extents = left.collections[0].get_datalim(left.transData)
    assert (extents.xmin, extents.xmax) == pytest.approx((-1.7, 1.7), abs=0.01)
    assert (extents.ymin, extents.ymax) == pytest.approx((-0.9, 2.5), abs=0.01)


@pytest.mark.parametrize(("loss", "stars"), [(landscapes.banana, 1), (VALLEY, 0)])
def test_the_goal_is_marked_where_the_loss_has_it(loss, stars):
    drawn = figures_of_steps.chosen_steps(loss, SHORT, SIZES, BOUNDS)
    assert [line.get_marker() for line in drawn.axes[0].lines].count("*") == stars


@pytest.mark.parametrize("steep", [1.0, 1.2, 4.0, 100.0])
def test_no_setting_that_converges_is_left_white(steep):
    bent = torch.tensor([1.0, steep], dtype=torch.float64)
    sizes = torch.linspace(0.01, 4, 300, dtype=torch.float64) / steep
    momenta = torch.linspace(0, 0.95, 60, dtype=torch.float64)
    rates = theory.predicted_rate(sizes, bent, momenta[:, None])
    best = theory.best_settings(bent)
    drawn = figures_of_steps.rate_map(sizes, momenta, rates, best, steep)
    assert drawn.axes[0].collections[0].levels[0] <= float(rates.min())
    # The words beside the edge stay in the axes, however short the steps.
    assert drawn.axes[0].texts[0].get_position()[0] < float(sizes[-1])


def test_a_noise_ball_lies_around_its_goal_wherever_that_is():
    goal = torch.tensor([0.5, -2.0], dtype=torch.float64)
    walks = {name: SHORT.points + place for place, name in enumerate(("4 rows", "64 rows"))}
    radii = {0.02: [0.4, 0.1]}
    drawn = figures_of_steps.noise_ball(VALLEY, goal, walks, [4, 64], radii).axes[0]
    assert (*drawn.get_xlim(), *drawn.get_ylim()) == pytest.approx((-0.65, 1.65, -3.15, -0.85))
    *paths, star = drawn.lines
    assert (star.get_marker(), *star.get_xdata(), *star.get_ydata()) == ("*", 0.5, -2.0)
    looks = [(path.get_label(), path.get_color(), path.get_marker()) for path in paths]
    assert looks == [("4 rows", BLUE, "o"), ("64 rows", VERMILION, "s")]
    for path, points in zip(paths, walks.values(), strict=True):
        assert torch.equal(torch.tensor(path.get_xydata()), points)


def test_descents_beside_each_other_are_drawn_up_to_their_step_each():
    first, second = DRAWINGS["snapshots"]().axes
    for axes, count in ((first, 1), (second, 20)):
        for path, (line, dot) in zip((SHORT, LONG), (axes.lines[:2], axes.lines[2:4]), strict=True):
            assert torch.equal(torch.tensor(line.get_xydata()), path.points[: count + 1])
            assert torch.equal(torch.tensor(dot.get_xydata()), path.points[count][None])


def test_the_errors_held_out_are_lowest_where_each_way_has_its_mark():
    times = torch.tensor([0.1, 1.0, 10.0])
    weights = {way: torch.zeros(3, 1) for way in ("descent", "ridge")}
    errors = {"descent": torch.tensor([3.0, 2.0, 4.0]), "ridge": torch.tensor([6.0, 7.0, 5.0])}
    below = figures_of_steps.early_stopping(times, weights, errors, ("chest",)).axes[1]
    marks = [line.get_xydata().tolist() for line in below.lines if line.get_marker() == "v"]
    assert marks == [[[1, 2]], [[10, 5]]]
    assert below.get_title("left").endswith("(▼) at t = 1 (descent) and t = 10 (ridge)")
