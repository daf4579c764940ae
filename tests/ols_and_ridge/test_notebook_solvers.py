"""The solvers that notebook 02 spells, against exact arithmetic and the bounds of the theory."""

import math

import nbformat
import numpy as np
import pytest
import torch

from every_notebook.series import ROOT
from helpers.ols_and_ridge import least_squares, trials

NOTEBOOK = ROOT / "notebooks" / "02_ols_and_ridge.ipynb"
ROUNDING_UNIT = {torch.float32: 2.0**-24, torch.float64: 2.0**-53}
THROUGH_GRAM = ("by_inv", "by_solve", "by_cholesky")
ON_X = ("by_qr", "by_lstsq", "by_pinv")


@pytest.fixture(scope="module")
def cells():
    """Run the notebook's cells that define functions: what is tested is what is read."""
    sources = {cell.id: cell.source for cell in nbformat.read(NOTEBOOK, as_version=4).cells}
    names = {"torch": torch, "ridge_by_stacking": trials.ridge_by_stacking}
    for cell in ("solvers", "solvers-on-x", "ridge", "fit-intercept", "leave-one-out"):
        exec(sources[cell], names)
    return names


@np.vectorize(otypes=[object])
def whole(value):
    """Return a number in units of 2⁻¹⁶⁰ as a whole one: only the exponent changes."""
    scaled = float(value) * 2.0**160
    assert scaled.is_integer(), "a number too small for this unit"
    return int(scaled)


def exact_weights(X, y, penalty=0.0):
    """Solve (XᵀX + λI) w = Xᵀy in whole numbers: no rounding at all before the last division."""
    rows, targets, d = whole(X), whole(y), X.shape[1]
    gram = rows.T @ rows + whole(penalty * np.eye(d)) * 2**160
    table = np.column_stack([gram, rows.T @ targets])
    # Bareiss' elimination: each division leaves no remainder.
    previous = 1
    for k in range(d):
        for i in set(range(d)) - {k}:
            table[i] = (table[i] * table[k, k] - table[i, k] * table[k]) // previous
        previous = table[k, k]
    # Python rounds the quotient of two whole numbers, however long, to the nearest float.
    return (table[:, d] / table.diagonal()).astype(float)


def random_problems(dtype, worst_condition):
    """Yield 200 problems over sizes, condition numbers and noise, with the exact solution."""
    random = np.random.default_rng(2)
    most_digits = math.log10(worst_condition)
    for seed in range(200):
        d = int(random.integers(1, 7))
        n = int(random.integers(d, 30))
        condition = 10 ** random.uniform(0, most_digits) if d > 1 else 1.0
        noise = 10 ** random.uniform(-6, 0)
        X, y, _ = least_squares.conditioned_problem(
            n, d, condition, seed=seed, dtype=dtype, noise=noise
        )
        yield X, y, exact_weights(X, y)


def relative(found, exact):
    return np.linalg.norm(found.double().numpy() - exact) / np.linalg.norm(exact)


def bounds(X, y, w):
    """Return the theory's first-order bound and the growth factor, through XᵀX and on X.

    Higham, Accuracy and Stability of Numerical Algorithms, 2nd edition: section 20.4 for the normal
    equations, theorems 20.1 (Wedin) and 20.3 for orthogonal factors. The constant is n·d.
    """
    X64, y64 = X.double().numpy(), y.double().numpy()
    singular_values = np.linalg.svd(X64, compute_uv=False)
    kappa, norm = singular_values[0] / singular_values[-1], singular_values[0] * np.linalg.norm(w)
    u = X.shape[0] * X.shape[1] * ROUNDING_UNIT[X.dtype]
    target, residual = np.linalg.norm(y64) / norm, np.linalg.norm(y64 - X64 @ w) / norm
    on_x = u * (kappa * (2 + target) + kappa**2 * residual)
    return {THROUGH_GRAM: (u * kappa**2 * (1 + target), u * kappa**2), ON_X: (on_x, u * kappa)}


# As far as first-order theory speaks: rounding must not make the problem singular.
@pytest.mark.parametrize(
    ("names", "dtype", "worst_condition"),
    [
        (THROUGH_GRAM, torch.float32, 80.0),
        (THROUGH_GRAM, torch.float64, 1e6),
        (ON_X, torch.float32, 8e3),
        (ON_X, torch.float64, 1e12),
    ],
    ids=["gram-float32", "gram-float64", "on-X-float32", "on-X-float64"],
)
def test_solvers_stay_within_the_bound_of_the_theory(cells, names, dtype, worst_condition):
    for X, y, exact in random_problems(dtype, worst_condition):
        bound, growth = bounds(X, y, exact)[names]
        assert growth < 0.1, "a problem of which the theory does not speak"
        for name in names:
            assert relative(cells[name](X, y), exact) <= bound, name


@pytest.mark.parametrize("name", ["by_lstsq", "by_pinv"])
def test_the_shortest_solution_where_there_are_many(cells, name):
    """Wide tables, and tables of an exact rank: products of small whole numbers do not round."""
    random = np.random.default_rng(4)
    for _ in range(200):
        n, d = (int(size) for size in random.integers(2, 10, size=2))
        rank = int(random.integers(1, max(2, min(n, d))))  # below d
        if n < d and random.random() < 0.5:
            X = random.standard_normal((n, d))
        else:
            X = random.integers(-3, 4, (n, rank)) @ random.integers(-3, 4, (rank, d)) * 1.0
        y = random.standard_normal(n)
        shortest = np.linalg.lstsq(X, y, rcond=1e-10)[0]
        found = cells[name](torch.from_numpy(X), torch.from_numpy(y))
        np.testing.assert_allclose(found, shortest, rtol=1e-7, atol=1e-9)


def test_the_bound_is_sharp_enough_to_tell_the_families_apart(cells):
    X, y, _ = least_squares.conditioned_problem(20, 5, 1e6, seed=0)
    exact = exact_weights(X, y)
    on_x, _ = bounds(X, y, exact)[ON_X]
    for name in THROUGH_GRAM:
        assert relative(cells[name](X, y), exact) > on_x


def test_ridge_is_exact_within_the_bound(cells):
    random = np.random.default_rng(3)
    for X, y, _ in random_problems(torch.float64, 1e12):
        penalty = float(10 ** random.uniform(-6, 3))
        exact = exact_weights(X, y, penalty)
        squares = np.linalg.svd(X.numpy(), compute_uv=False) ** 2
        kappa = (squares[0] + penalty) / (squares[-1] + penalty)
        n, d = X.shape
        target = np.sqrt(squares[0]) * np.linalg.norm(y) / (squares[0] + penalty)
        bound = (n + d) * d * ROUNDING_UNIT[X.dtype] * kappa * (2 + target / np.linalg.norm(exact))
        for name in ("ridge", "ridge_by_stacking"):
            assert relative(cells[name](X, y, penalty), exact) <= bound, name


def test_ridge_is_least_squares_on_stacked_rows(cells):
    for seed in range(200):
        n, d = 1 + seed % 23, 1 + seed % 11
        random = np.random.default_rng(seed)
        X, y = random.standard_normal((n, d)), random.standard_normal(n)
        penalty = 10.0 ** (seed % 5 - 2)
        rows = np.vstack([X, math.sqrt(penalty) * np.eye(d)])
        expected = np.linalg.lstsq(rows, np.append(y, np.zeros(d)))[0]
        found = cells["ridge"](torch.from_numpy(X), torch.from_numpy(y), penalty)
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


def test_ridge_tends_to_the_shortest_solution(cells):
    random = np.random.default_rng(0)
    X, y = (torch.from_numpy(random.standard_normal(shape)) for shape in ((4, 9), 4))
    shortest = np.linalg.lstsq(X.numpy(), y.numpy())[0]
    far, near = (
        np.linalg.norm(cells["ridge"](X, y, penalty).numpy() - shortest) for penalty in (1e-3, 1e-6)
    )
    assert near == pytest.approx(far / 1000, rel=0.01)


def test_leave_one_out_is_what_refitting_gives(cells):
    for seed in range(20):
        X, y, _ = least_squares.conditioned_problem(12, 4, 50.0, seed=seed, noise=0.3)
        X = torch.cat([torch.ones(12, 1, dtype=X.dtype), X], dim=1)
        penalty = 10.0 ** (seed % 4 - 2)
        root = math.sqrt(penalty) * np.diag([0.0, 1, 1, 1, 1])
        expected = []
        for row in range(12):
            rows = np.vstack([np.delete(X.numpy(), row, axis=0), root])
            targets = np.append(np.delete(y.numpy(), row), np.zeros(5))
            weights = np.linalg.lstsq(rows, targets)[0]
            expected.append(float(y[row]) - X[row].numpy() @ weights)
        np.testing.assert_allclose(cells["leave_one_out"](X, y, penalty), expected, rtol=1e-8)
        fit = cells["ridge_with_intercept"]
        by_refitting = trials.leave_one_out_by_refitting(fit, X, y, penalty)
        np.testing.assert_allclose(by_refitting, expected, rtol=1e-8)
