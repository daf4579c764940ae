"""What holds for whatever problem is made, by input of chance: the same in each run."""

import numpy as np
import pytest
import torch

from common.chance import given, normal, seeds, st
from helpers.ols_and_ridge import trials

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
