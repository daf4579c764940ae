"""How the makers of problems and the long way round are called, for junk to be put in."""

import functools

import torch

from common.junk import FROM_ZERO, GRAPH, LESS_OR_MORE, PRECISION, Case
from helpers.ols_and_ridge import least_squares, trials

X = torch.tensor([[1.0, 2.0], [3.0, 5.0], [4.0, 1.0]], dtype=torch.float64)
LAND = least_squares.hills()
MADE = {"rows": 3, "seed": 0}
SEED = {"seed": {"zero", "its negative"}}


def zeros(X, y, penalty=0.0):
    return torch.zeros(X.shape[1], dtype=X.dtype)


CASES: dict[str, Case] = {
    "least_squares.line_problem": Case(least_squares.line_problem, MADE, fine=SEED),
    "least_squares.tailor_problem": Case(least_squares.tailor_problem, MADE, fine=SEED),
    "least_squares.two_units_problem": Case(
        least_squares.two_units_problem, MADE | {"dtype": torch.float32}, fine=SEED
    ),
    "least_squares.conditioned_problem": Case(
        least_squares.conditioned_problem,
        dict(rows=5, features=2, condition=10.0, seed=0, dtype=torch.float64, noise=0.1),
        fine={**SEED, "condition": {"a huge float"}, "noise": FROM_ZERO},
        # It is the rows that do not suffice for the features.
        called={"rows": "rows: give"},
    ),
    "least_squares.spot_heights": Case(
        functools.partial(least_squares.spot_heights, LAND), {"count": 3, "seed": 0}, fine=SEED
    ),
    "least_squares.bump_features": Case(
        functools.partial(least_squares.bump_features, land=LAND),
        {"positions": torch.ones(3, 2, dtype=torch.float64), "per_side": 3},
        fine={"positions": PRECISION | GRAPH | LESS_OR_MORE},
    ),
    "trials.leave_one_out_by_refitting": Case(
        trials.leave_one_out_by_refitting,
        {"solve": zeros, "X": X, "y": X.sum(dim=1), "penalty": 0.5},
        fine={"X": GRAPH | {"a column less"}, "y": GRAPH, "penalty": FROM_ZERO},
    ),
}
