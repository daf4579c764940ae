"""Trials of solvers: what is measured, what is left out, and what a solver must give."""

import itertools
import math
import timeit
from functools import partial

import numpy as np
import pytest
import torch

from helpers.ols_and_ridge import least_squares, trials


def test_weights_are_nan_where_a_solver_fails():
    problems = [least_squares.line_problem(rows, seed=0) for rows in (3, 4, 5)]

    def solve(X, y):
        if len(X) == 4:
            raise torch.linalg.LinAlgError
        return len(X) * torch.ones(2, dtype=X.dtype)

    found = trials.weights_of(solve, problems)
    np.testing.assert_equal(found.numpy(), [[3, 3], [math.nan, math.nan], [5, 5]])
    assert found.dtype is torch.float64


def test_a_failure_is_of_the_kind_of_its_targets():
    def solve(X, y):
        raise torch.linalg.LinAlgError

    for dtype in (torch.float32, torch.float64):
        table = torch.ones(3, 2, dtype=dtype)
        found = trials.weights_of(solve, [(table, table[:, 0])])
        assert found.dtype is dtype and found.shape == (1, 2) and found.isnan().all()


def test_each_trial_has_the_condition_that_is_asked_for_and_noise_of_its_own():
    conditions, noises = [], set()

    def solve(X, y):
        conditions.append(np.linalg.cond(X.numpy()))
        off = y[:20] - y[20:]
        noises.add(tuple((off / off.norm()).round(decimals=6).tolist()))  # Its direction.
        return torch.linalg.lstsq(X, y).solution

    trials.errors_over_conditions(solve, [3.0, 500.0], noise=0.1)
    np.testing.assert_allclose(conditions, [3.0] * 21 + [500.0] * 21, rtol=1e-9)
    assert len(noises) == 21, "the same at each condition"


def test_weights_may_be_wild_without_an_error():
    """Where rounding leaves nothing, a solver may well give infinity and say nothing."""
    problem = least_squares.line_problem(3, seed=0)
    wild = torch.tensor([math.inf, math.nan], dtype=torch.float64)
    np.testing.assert_equal(trials.weights_of(lambda X, y: wild, [problem]).numpy(), [wild.numpy()])
    assert trials.errors_over_conditions(lambda X, y: math.inf * X[0], [2.0], noise=0.0).isinf()
    left_out = trials.leave_one_out_by_refitting(lambda X, y, penalty: wild, *problem, 1.0)
    assert left_out.isnan().all()


def test_what_is_drawn_for_a_trial_is_the_same_each_time_and_nobody_elses():
    def seen(seed: int) -> list:
        tables = []

        def solve(X, y):
            tables.append((X, y))
            return torch.linalg.lstsq(X, y).solution

        torch.manual_seed(seed)
        before = torch.get_rng_state()
        trials.errors_over_conditions(solve, [2.0, 1e5], noise=0.1)
        trials.seconds_to_solve(solve, 9, [2, 5])
        assert torch.equal(torch.get_rng_state(), before)
        return tables

    first, again = seen(1), seen(2)
    assert {X.shape for X, _ in first} == {(40, 6), (9, 2), (9, 5)}
    assert {part.dtype for pair in first for part in pair} == {torch.float64}
    for pair, other in zip(first, again, strict=True):
        assert all(map(torch.equal, pair, other))


@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_errors_over_conditions_are_medians_and_keep_a_failure(noise):
    calls, tables, residuals = [], set(), []

    def solve(X, y):
        calls.append(X.dtype)
        tables.add(X.numpy().tobytes())
        if len(calls) == 22:
            raise torch.linalg.LinAlgError
        # Errors of 0, 1, …, 20 times the weights' length, which is one.
        exact = np.linalg.lstsq(X.numpy(), y.numpy())[0]
        fitted = X.numpy() @ exact
        residuals.append(np.linalg.norm(fitted - y.numpy()) / np.linalg.norm(fitted))
        return (1 + (len(calls) - 1) % 21) * torch.from_numpy(exact)

    errors = trials.errors_over_conditions(solve, [2.0, 3.0], noise=noise)
    assert calls == [torch.float64] * 42 and len(tables) == 42
    assert float(errors[0]) == pytest.approx(10.0, rel=1e-4)
    assert errors.dtype is torch.float64 and errors.shape == (2,)
    assert math.isnan(errors[1])
    np.testing.assert_allclose(residuals, noise, atol=1e-12)


def test_an_error_is_relative():
    """Weights twice as long as they should be are off by their own length."""

    def twice_as_long(X, y):
        return 2 * torch.linalg.lstsq(X, y).solution

    errors = trials.errors_over_conditions(twice_as_long, [10.0], noise=0.1)
    assert float(errors) == pytest.approx(1.0, rel=1e-4)


def test_seconds_are_the_least_disturbed_ones_of_each_size(monkeypatch):
    sizes, ticks = [], itertools.accumulate([0, 4, 0, 2, 0, 3, 0, 7, 0, 9, 0, 5])
    monkeypatch.setattr(trials.timeit, "repeat", partial(timeit.repeat, timer=ticks.__next__))
    seconds = trials.seconds_to_solve(lambda X, y: sizes.append(X.shape), 9, [2, 5])
    assert sizes == [(9, 2)] * 3 + [(9, 5)] * 3
    assert seconds == [2, 5]


def test_leaving_one_out_takes_no_penalty_too():
    X, y = least_squares.line_problem(6, seed=0)
    errors = trials.leave_one_out_by_refitting(trials.ridge_by_stacking, X, y, 0.0)
    table, targets = X.numpy(), y.numpy()
    for k, error in enumerate(errors.tolist()):
        fit, *_ = np.linalg.lstsq(np.delete(table, k, 0), np.delete(targets, k))
        assert error == pytest.approx(targets[k] - table[k] @ fit)


@pytest.mark.parametrize(
    ("give", "said"),
    [
        (lambda w: w[:, None], r"has shape \(\d, 1\): give \(\d,\)"),
        (lambda w: torch.cat([w, w[:1]]), r"has shape \(\d,\): give \(\d,\)"),
        (lambda w: w.tolist(), "is a list: give a torch tensor"),
    ],
)
def test_what_is_no_weights_is_refused_by_whoever_asks_a_solver(give, said):
    def solve(X, y, penalty=0.0):
        return give(trials.ridge_by_stacking(X, y, penalty))

    problem = least_squares.line_problem(6, seed=0)
    for ask in (
        lambda: trials.weights_of(solve, [problem]),
        lambda: trials.errors_over_conditions(solve, [10.0], noise=0.0),
        lambda: trials.leave_one_out_by_refitting(solve, *problem, 0.0),
    ):
        with pytest.raises((TypeError, ValueError), match=rf"\Awhat solve gives {said}\Z"):
            ask()


def test_a_solver_may_compute_in_the_other_precision():
    def solve(X, y):
        return torch.linalg.lstsq(X.float(), y.float()).solution

    assert trials.weights_of(solve, [least_squares.line_problem(6, seed=0)]).shape == (1, 2)
    assert 0 < float(trials.errors_over_conditions(solve, [10.0], noise=0.0)) < 1e-4


@pytest.mark.parametrize("usual", [torch.float32, torch.float64])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_stacked_rows_keep_the_dtype_of_the_table(dtype, usual):
    X, y, _ = least_squares.conditioned_problem(5, 2, 3.0, seed=0, dtype=dtype)
    at_first = torch.get_default_dtype()
    torch.set_default_dtype(usual)
    try:
        assert trials.ridge_by_stacking(X, y, 0.5).dtype is dtype
    finally:
        torch.set_default_dtype(at_first)


def test_two_rows_are_enough_to_leave_one_out():
    X, y = torch.tensor([[1.0], [2.0]]), torch.tensor([3.0, 8.0])
    solve = trials.ridge_by_stacking
    # By hand: the weight is 4 without the first row, and 3 without the second.
    found = trials.leave_one_out_by_refitting(solve, X, y, 0.0)
    torch.testing.assert_close(found, torch.tensor([3.0 - 4, 8.0 - 2 * 3]))
    # With λ = 1: 16/5 and 3/2; with λ = 4: 16/8 and 3/5.
    for penalty, first, second in ((1.0, 16 / 5, 3 / 2), (4.0, 2.0, 3 / 5)):
        found = trials.leave_one_out_by_refitting(solve, X, y, penalty)
        torch.testing.assert_close(found, torch.tensor([3 - first, 8 - 2 * second]))
