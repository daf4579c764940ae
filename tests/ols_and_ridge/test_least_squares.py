"""The problems: their condition, their seeds, and the land that they are made of."""

import math
from functools import partial

import numpy as np
import pytest
import torch
from matplotlib.cbook import get_sample_data

from helpers.ols_and_ridge import least_squares
from ols_and_ridge.front_doors import CASES, LAND


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if "seed" in case.arguments])
def test_made_problems_depend_on_the_seed_alone(name):
    case = CASES[name]
    torch.manual_seed(0)
    first = case.call(**case.arguments)
    torch.manual_seed(1)
    chance = torch.get_rng_state()
    again, other = (case.call(**case.arguments | {"seed": seed}) for seed in (0, 4))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(first, other, strict=True))
    assert torch.equal(torch.get_rng_state(), chance), "the notebook's own generator was drawn from"


def test_coats_take_fabric_by_their_size():
    X, fabric = least_squares.line_problem(20_000, seed=0)
    assert X.dtype is fabric.dtype is torch.float64 and (X[:, 0] == 1).all()
    size = X[:, 1].numpy()
    assert 0 <= size.min() < 0.01 and 3.99 < size.max() <= 4
    assert size.mean() == pytest.approx(2, rel=0.02)
    (intercept, slope), (squares,), *_ = np.linalg.lstsq(X.numpy(), fabric.numpy())
    assert intercept == pytest.approx(1.5, abs=0.01) and slope == pytest.approx(0.4, abs=0.005)
    assert math.sqrt(squares / 20_000) == pytest.approx(0.15, rel=0.03)


@pytest.mark.parametrize(
    ("rows", "features", "condition"),
    [(20, 5, 1.0), (20, 5, 30.0), (20, 5, 1e6), (6, 6, 100.0), (12, 2, 3e4), (1, 1, 1.0)],
)
def test_conditioned_problem_has_its_condition_and_its_weights(rows, features, condition):
    problem = partial(least_squares.conditioned_problem, rows, features, condition, seed=1)
    X, y, weights = problem()
    sigma = np.linalg.svd(X.numpy(), compute_uv=False)
    assert sigma[0] == pytest.approx(1) == float(weights.norm())
    assert sigma[0] / sigma[-1] == pytest.approx(condition, rel=1e-9)
    np.testing.assert_allclose(sigma, np.geomspace(1, 1 / condition, features), rtol=1e-9)
    np.testing.assert_allclose(y, X.numpy() @ weights.numpy(), rtol=1e-12, atol=1e-14)
    if rows == 20:
        assert 0.2 < float((problem(noise=0.5)[1] - y).std()) < 0.9


def test_the_noise_has_the_spread_asked_for():
    X, y, weights = least_squares.conditioned_problem(20_000, 3, 9.0, seed=1, noise=0.5)
    noise = (y - X @ weights).numpy()
    assert noise.std() == pytest.approx(0.5, rel=0.02) and abs(noise.mean()) < 0.02


def test_a_problem_in_single_precision_is_the_other_one_rounded():
    """Only the targets are computed of what was rounded, and in double precision."""
    coarse, fine = (
        least_squares.conditioned_problem(20, 5, 30.0, seed=1, dtype=dtype)
        for dtype in (torch.float32, torch.float64)
    )
    assert {part.dtype for part in coarse} == {torch.float32}
    X, y, weights = (part.numpy() for part in coarse)
    np.testing.assert_array_equal(X, fine[0].numpy().astype("float32"))
    np.testing.assert_array_equal(weights, fine[2].numpy().astype("float32"))
    exact = [
        math.fsum(map(math.prod, zip(row, weights.tolist(), strict=True))) for row in X.tolist()
    ]
    np.testing.assert_array_equal(y, np.array(exact).astype("float32"))
    chests = (
        least_squares.two_units_problem(20, seed=1, dtype=dtype)
        for dtype in (torch.float32, torch.float64)
    )
    for coarse, fine in zip(*chests, strict=True):
        np.testing.assert_array_equal(coarse, fine.numpy().astype("float32"))


def test_two_units_are_one_column_told_twice():
    X, y = least_squares.two_units_problem(50, seed=0, dtype=torch.float32)
    singular_values = np.linalg.svd(X.double().numpy(), compute_uv=False)
    assert X.dtype is y.dtype is torch.float32
    assert singular_values[1] / singular_values[0] > 1e-4
    assert 1e-9 < singular_values[2] / singular_values[0] < 1e-7
    intercept, slope = np.linalg.lstsq(X[:, :2].double().numpy(), y.double().numpy())[0]
    assert slope == pytest.approx(0.035, rel=0.05)
    assert intercept == pytest.approx(0, abs=0.2)
    assert (X[:, 0] == 1).all()
    table, fabric = least_squares.two_units_problem(20_000, seed=0, dtype=torch.float64)
    noise = (fabric - 0.035 * table[:, 1]).numpy()
    assert noise.std() == pytest.approx(0.05, rel=0.02) and abs(noise.mean()) < 0.002
    assert 80 <= X[:, 1].min() < 82 and 118 < X[:, 1].max() <= 120, "centimetres of a chest"
    np.testing.assert_allclose(X[:, 1] / X[:, 2], 2.54, rtol=1e-6)


def test_the_tailors_measures_vary_as_peoples_do():
    X, fabric = (part.numpy() for part in least_squares.tailor_problem(20_000, seed=0))
    named = ("chest, tape A", "chest, tape B", "waist", "height", "sleeve")
    assert named == least_squares.TAILOR_FEATURES
    assert X.dtype == fabric.dtype == np.float64
    chest, other_tape, waist, height, sleeve = X.T
    assert np.corrcoef(chest, height)[0, 1] == pytest.approx(0, abs=0.05)
    for values, mean, spread in (
        (chest, 98, 8),
        (waist - 0.8 * chest, 5, 4),
        (height, 172, 9),
        (sleeve - 0.3 * height, 10, 2),
        (chest - other_tape, 0, 0.3 * math.sqrt(2)),
        (fabric - 0.02 * chest - 0.005 * waist - 0.008 * height, 0, 0.15),
    ):
        assert values.mean() == pytest.approx(mean, abs=0.05 * spread)
        assert values.std() == pytest.approx(spread, rel=0.03)


def test_hills_are_the_heights_that_matplotlib_ships():
    with get_sample_data("jacksboro_fault_dem.npz") as data:
        elevation, dx, dy = data["elevation"], float(data["dx"]), float(data["dy"])
        south, middle = (float(data["ymax"]) - row * dy for row in (258, 160))
    np.testing.assert_array_equal(LAND.height, elevation[60:260:2, 150:350:2])
    assert {part.dtype for part in (LAND.east, LAND.north, LAND.height)} == {torch.float64}
    for steps in (LAND.east.diff(), -LAND.north.diff()):
        np.testing.assert_allclose(steps, float(steps[0]), rtol=1e-9)
    assert LAND.north[0] > LAND.north[-1] == 0 == LAND.east[0] < LAND.east[-1]
    # Between the first and the last column and row, by the formula for distances on a sphere.
    assert float(LAND.east[-1]) == pytest.approx(haversine(middle, 198 * dx, middle), rel=1e-6)
    assert float(LAND.north[0]) == pytest.approx(haversine(south, 0, south + 198 * dy), rel=1e-6)


def haversine(south, degrees_east, north):
    a, b, c = (math.radians(angle) for angle in (south, degrees_east, north))
    half = math.sin((c - a) / 2) ** 2 + math.cos(a) * math.cos(c) * math.sin(b / 2) ** 2
    return 2 * 6371 * math.asin(math.sqrt(half))


def test_positions_and_spots_fit_the_heights():
    positions = LAND.positions()
    for row, column in ((0, 0), (3, 70), (99, 99)):
        east, north = positions[row * 100 + column]
        assert (east, north) == (LAND.east[column], LAND.north[row])
    for count in (1, 40, 10_000):
        spots, heights = least_squares.spot_heights(LAND, count, seed=5)
        assert len({tuple(spot) for spot in spots.tolist()}) == count == len(heights)
        for (east, north), height in zip(spots[:40], heights[:40], strict=True):
            row, column = int((LAND.north == north).nonzero()), int((LAND.east == east).nonzero())
            assert LAND.height[row, column] == height


def test_bumps_are_one_at_their_centre_and_fade():
    width, depth = float(LAND.east[-1]), float(LAND.north[0])
    positions = torch.tensor([[0.0, 0.0], [0.3 * width, 0.8 * depth]], dtype=torch.float64)
    features = least_squares.bump_features(positions, LAND, 4)
    for row, (east, north) in enumerate(positions.tolist()):
        for place, value in enumerate(features[row].tolist()):
            across, along = divmod(place, 4)
            square = (3 * east / width - across) ** 2 + (3 * north / depth - along) ** 2
            assert value == pytest.approx(math.exp(-square / 2))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("per_side", [2, 3, 4, 7])  # Thirds are no whole float32.
def test_bumps_lie_on_a_map_that_begins_anywhere(dtype, per_side):
    land = least_squares.Hills(
        torch.linspace(2, 6, 5), torch.linspace(-1, -4, 4), torch.zeros(4, 5)
    )
    east, north = 3.0, -1.5
    features = least_squares.bump_features(
        torch.tensor([[east, north]], dtype=dtype), land, per_side
    )
    assert features.dtype is dtype and features.shape == (1, per_side**2)
    gaps = per_side - 1
    expected = [
        math.exp(-(((east - 2) / 4 * gaps - a) ** 2 + ((north + 4) / 3 * gaps - b) ** 2) / 2)
        for a in range(per_side)
        for b in range(per_side)
    ]
    np.testing.assert_allclose(
        features[0], expected, rtol=1e-5 if dtype is torch.float32 else 1e-12
    )
