"""How solvers fare on many problems: their errors, their failures, their time.

A solver goes from `X` and `y` to weights of shape (features,); a penalised one takes λ as well. The
notebook spells them, and hands them over as functions; one that its readers are to write is here.
"""

import math
import timeit
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from helpers.common import require
from helpers.ols_and_ridge import least_squares

Solver = Callable[[Tensor, Tensor], Tensor]
PenalisedSolver = Callable[[Tensor, Tensor, float], Tensor]


def weights_of(solve: Solver, problems: Iterable[tuple[Tensor, Tensor]]) -> Tensor:
    """Return what a solver finds for each problem, NaN for each on which it raises.

    Each problem is a pair of `X` and `y`. The answer has shape (problems, features).
    """
    found = []
    for X, y in problems:
        try:
            found.append(_weights(solve(X, y), X))
        except torch.linalg.LinAlgError:
            found.append(y.new_full((X.shape[1],), math.nan))
    return torch.stack(found)


def errors_over_conditions(solve: Solver, conditions: Sequence[float], *, noise: float) -> Tensor:
    """Return a solver's typical relative error ‖found − weights‖ / ‖weights‖ at each condition.

    At each condition number it is the median over 21 problems of 40 rows and 6 features, shape
    (len(conditions),), and NaN where the solver raised on one of them. Each row stands in the
    table twice, with targets that are as much too high as too low: the residual is then as long as
    `noise` times the targets, and the best weights are known however large it is.
    """
    rows = []
    for condition in conditions:
        problems = (_twofold_problem(condition, noise, seed) for seed in range(21))
        rows.append([_relative_error(solve, *problem) for problem in problems])
    # The median of numbers with a NaN among them is NaN: so one failure shows.
    return torch.tensor(rows, dtype=torch.float64).median(dim=1).values


def _weights(found: Tensor, X: Tensor, **kind: Any) -> Tensor:
    """Return what a solver gave for `X`, if it is weights: a column would be broadcast."""
    require.tensor("what solve gives", found, (X.shape[1],), finite=False, **kind)
    return found


def _twofold_problem(condition: float, noise: float, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    X, y, weights = least_squares.conditioned_problem(20, 6, condition, seed=seed)
    generator = torch.Generator().manual_seed(seed)
    off = torch.randn(len(y), dtype=y.dtype, generator=generator)
    off *= noise * y.norm() / off.norm()
    return torch.cat([X, X]), torch.cat([y + off, y - off]), weights


def _relative_error(solve: Solver, X: Tensor, y: Tensor, weights: Tensor) -> float:
    """Return ‖found − weights‖ / ‖weights‖ for what a solver finds, NaN where it raises."""
    try:
        found = _weights(solve(X, y), X)
    except torch.linalg.LinAlgError:
        return math.nan
    return float((found - weights).norm() / weights.norm())


def ridge_by_stacking(X: Tensor, y: Tensor, penalty: float) -> Tensor:
    """Return the ridge weights by least squares on a longer table: √λ·I below `X`, zeros below `y`.

    `X` has shape (rows, features), `y` (rows,) and `penalty`, λ, is 0 or more. The weights have
    shape (features,). The notebook's readers write this themselves, so it does not stand there.
    """
    rows = torch.cat([X, penalty**0.5 * torch.eye(X.shape[1], dtype=X.dtype)])
    targets = torch.cat([y, torch.zeros(X.shape[1], dtype=X.dtype)])
    return torch.linalg.lstsq(rows, targets).solution


def leave_one_out_by_refitting(
    solve: PenalisedSolver, X: Tensor, y: Tensor, penalty: float
) -> Tensor:
    """Return the error on each row by a fit to all the other rows: as many fits as rows.

    `X`, of float32 or float64, has shape (rows, features), at least two rows, and `y` (rows,) and
    the same dtype; `penalty` is λ, 0 or more. The errors, shape (rows,), are target minus
    prediction, in the unit of `y`.
    """
    require.tensor("X", X, ("rows", "features"))
    require.tensor("y", y, (len(X),), dtypes=(X.dtype,))
    require.number("penalty", penalty, least=0)
    if X.shape[0] < 2:
        raise ValueError("X has 1 row: leaving one out needs at least 2")
    require.function("solve", solve)
    errors = []
    for row in range(X.shape[0]):
        others = torch.arange(X.shape[0]) != row
        weights = _weights(solve(X[others], y[others], penalty), X, dtypes=(X.dtype,))
        errors.append(y[row] - X[row] @ weights)
    return torch.stack(errors)


def seconds_to_solve(solve: Solver, rows: int, sizes: Sequence[int]) -> list[float]:
    """Return how many seconds a solver takes on problems of so many features, for each of `sizes`.

    Each is timed three times; the shortest time counts, the least disturbed one.
    """
    # Normal numbers: with more rows than features such problems are well-conditioned.
    generator = torch.Generator().manual_seed(0)
    seconds = []
    for features in sizes:
        X = torch.randn(rows, features, dtype=torch.float64, generator=generator)
        y = torch.randn(rows, dtype=torch.float64, generator=generator)
        seconds.append(min(timeit.repeat(partial(solve, X, y), number=1, repeat=3)))
    return seconds
