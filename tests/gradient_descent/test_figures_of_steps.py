"""What the figures about how far to go find in their data."""

import pytest
import torch

from gradient_descent.drawings import BLOWN, BOUNDS, CURVATURES, DRAWINGS, SHORT, SIZES, VALLEY
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


def test_descents_that_all_blew_up_are_refused_in_a_line():
    with pytest.raises(ValueError, match=r"\Anone of the 1 descents in paths stays finite.*\Z"):
        figures_of_steps.loss_curves({"blown": BLOWN})


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
