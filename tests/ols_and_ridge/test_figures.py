"""What the figures of notebook 02 find in their data."""

import pytest
import torch

from helpers.ols_and_ridge import figures, ridge_figures
from ols_and_ridge.drawings import DRAWINGS, LAND


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
