"""Trials of solvers: what is measured, what is left out, and what a solver must give."""

import math

import numpy as np
import pytest
import torch

from helpers.ols_and_ridge import least_squares, trials

X = torch.tensor([[1.0, 2.0], [3.0, 5.0], [4.0, 1.0]], dtype=torch.float64)


def zeros(X, y, penalty=0.0):
    return torch.zeros(X.shape[1], dtype=X.dtype)


def test_weights_leave_failures_out():
    problems = [least_squares.line_problem(rows, seed=0) for rows in (3, 4, 5)]

    def solve(X, y):
        if len(X) == 4:
            raise torch.linalg.LinAlgError
        return len(X) * torch.ones(2)

    found = trials.weights_without_failures(solve, problems)
    assert found.tolist() == [[3.0, 3.0], [5.0, 5.0]]


def test_errors_over_conditions_are_medians_and_keep_a_failure():
    calls = []

    def solve(X, y):
        calls.append(X.dtype)
        if len(calls) == 6:
            raise torch.linalg.LinAlgError
        # Errors of 0, 1, …, 4 times the weights' length, which is one.
        exact = np.linalg.lstsq(X.double().numpy(), y.double().numpy())[0]
        return (1 + (len(calls) - 1) % 5) * torch.from_numpy(exact)

    errors = trials.errors_over_conditions(solve, [2.0, 3.0], dtype=torch.float32, repeats=5)
    assert calls == [torch.float32] * 10
    assert float(errors[0]) == pytest.approx(2.0, rel=1e-4)
    assert math.isnan(errors[1])


def test_an_error_is_relative_and_measured_in_float64():
    """Weights twice as long as they should be are off by their own length."""
    for dtype in (torch.float32, torch.float64):
        errors = trials.errors_over_conditions(
            lambda X, y: 2 * torch.linalg.lstsq(X, y).solution, [10.0], dtype=dtype, repeats=3
        )
        assert errors.dtype == torch.float64
        assert float(errors) == pytest.approx(1.0, rel=1e-4)


@pytest.mark.parametrize(
    ("changed", "error", "said"),
    [
        ({"X": X[:, 0]}, ValueError, r"X has shape \(3,\): give \(rows, features\)"),
        ({"X": X[:1], "y": X[:1, 0]}, ValueError, "X has 1 row: leaving one out needs at least 2"),
        ({"y": X[:2, 0]}, ValueError, r"y has shape \(2,\): give \(3,\)"),
        ({"y": X[:, 0].float()}, TypeError, "y has dtype torch.float32: give torch.float64"),
        ({"penalty": -1.0}, ValueError, "penalty is -1.0: give a finite number of at least 0"),
        ({"solve": lambda X, y, penalty: None}, TypeError, "what solve gives is a NoneType"),
        ({"solve": lambda X, y, penalty: y}, ValueError, r"what solve gives has shape \(2,\)"),
    ],
)
def test_a_slip_of_the_hand_is_named_in_one_line(changed, error, said):
    wide = torch.cat([X, X[:, :1]], dim=1) if "solve" in changed else X
    good = {"solve": zeros, "X": wide, "y": X[:, 0], "penalty": 1.0}
    with pytest.raises(error, match=said) as raised:
        trials.leave_one_out_by_refitting(**{**good, **changed})
    assert "\n" not in str(raised.value)


def test_seconds_are_one_for_each_size():
    sizes = []

    def solve(X, y):
        sizes.append(X.shape)

    seconds = trials.seconds_to_solve(solve, 9, [2, 5], repeats=2)
    assert sizes == [(9, 2), (9, 2), (9, 5), (9, 5)]
    assert len(seconds) == 2 and min(seconds) >= 0
