"""What holds for whatever problem is made, by input of chance: the same in each run."""

import numpy as np
import pytest
import torch

from common.chance import few, given, normal, seeds, st
from helpers.ols_and_ridge import least_squares, trials
from ols_and_ridge.front_doors import LAND

pytestmark = pytest.mark.proof


def ridge(X, y, penalty=0.0):
    """By the singular values: another way than the notebook's."""
    U, sigma, Vh = np.linalg.svd(X.numpy(), full_matrices=False)
    return torch.from_numpy(Vh.T @ (sigma / (sigma**2 + penalty) * (U.T @ y.numpy())))


@given(rows=st.integers(3, 12), features=st.integers(1, 3), seed=seeds, penalty=st.floats(0.01, 10))
def test_leaving_one_out_by_refitting_is_the_short_formula(rows, features, seed, penalty):
    X, y = normal(seed, rows, features), normal(seed + 1, rows)
    hat = X @ torch.linalg.inv(X.T @ X + penalty * torch.eye(features)) @ X.T
    expected = (y - hat @ y) / (1 - hat.diagonal())
    found = trials.leave_one_out_by_refitting(ridge, X, y, penalty)
    # Where a row nearly decides alone, the formula divides by next to nothing.
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-7)


@given(rows=st.integers(1, 20), features=st.integers(1, 6), power=st.floats(0, 6), seed=seeds)
def test_a_made_problem_has_its_condition_and_its_weights(rows, features, power, seed):
    features = min(rows, features)
    X, y, weights = least_squares.conditioned_problem(rows, features, 10**power, seed=seed)
    assert float(weights.norm()) == pytest.approx(1)
    np.testing.assert_allclose(X.numpy() @ weights.numpy(), y, rtol=0, atol=1e-12)
    sigma = np.linalg.svd(X.numpy(), compute_uv=False)
    assert sigma[0] == pytest.approx(1)
    if features > 1:
        assert sigma[0] / sigma[-1] == pytest.approx(10**power, rel=1e-6)


@few
@given(count=st.integers(1, 10_000), seed=seeds)
def test_spots_are_different_places_of_the_map(count, seed):
    positions, heights = least_squares.spot_heights(LAND, count, seed=seed)
    assert len({tuple(place) for place in positions.tolist()}) == count == len(heights)
    east, north = LAND.east.tolist(), LAND.north.tolist()
    for (x, y), height in zip(positions[:20].tolist(), heights[:20].tolist(), strict=True):
        assert height == float(LAND.height[north.index(y), east.index(x)])
