"""A slip of the hand at a front door is named in one line, in these words."""

import re

import pytest
import torch

from ols_and_ridge.front_doors import CASES, X

ROWS = ({"rows": 0}, "rows is 0: give at least 1")
SEED = ({"seed": None}, "seed is None: give a whole number")
SLIPS = {
    "least_squares.line_problem": [ROWS, SEED],
    "least_squares.tailor_problem": [ROWS, SEED],
    "least_squares.two_units_problem": [
        ROWS,
        SEED,
        ({"dtype": None}, "dtype is None: give torch.float32 or torch.float64"),
    ],
    "least_squares.conditioned_problem": [
        ROWS,
        SEED,
        ({"features": 6}, "features is 6 with 5 rows: choose 1 to 5"),
        ({"features": 2.5}, "features is 2.5: give a whole number"),
        ({"condition": 0.5}, "condition is 0.5: give a finite number of at least 1"),
        ({"noise": -1.0}, "noise is -1.0: give a finite number of at least 0"),
        ({"dtype": torch.int64}, "dtype is torch.int64: give torch.float32 or torch.float64"),
    ],
    "least_squares.spot_heights": [
        SEED,
        ({"count": 0}, "count is 0: give at least 1"),
        ({"count": 10_001}, "count is 10001: the map has only 10000 heights"),
    ],
    "least_squares.bump_features": [
        ({"positions": X[0]}, "positions has shape (2,): give (rows, 2)"),
        ({"positions": X.T}, "positions has shape (2, 3): give (rows, 2)"),
        ({"per_side": 1}, "per_side is 1: give at least 2"),
    ],
    "trials.leave_one_out_by_refitting": [
        ({"X": X[:, 0]}, "X has shape (3,): give (rows, features)"),
        ({"X": X[:1], "y": X[:1, 0]}, "X has 1 row: leaving one out needs at least 2"),
        ({"y": X[:2, 0]}, "y has shape (2,): give (3,)"),
        ({"y": X[:, 0].float()}, "y has dtype torch.float32: give torch.float64"),
        ({"penalty": -1.0}, "penalty is -1.0: give a finite number of at least 0"),
        ({"solve": None}, "solve is None: give a function"),
        (
            {"solve": lambda X, y, penalty: X[0].float()},
            "what solve gives has dtype torch.float32: give torch.float64",
        ),
        (
            {"solve": lambda X, y, penalty: None},
            "what solve gives is a NoneType: give a torch tensor",
        ),
        ({"solve": lambda X, y, penalty: y[:1]}, "what solve gives has shape (1,): give (2,)"),
    ],
}


@pytest.mark.parametrize(
    ("name", "changed", "said"), [(name, *slip) for name, slips in SLIPS.items() for slip in slips]
)
def test_a_slip_of_the_hand_is_named_in_one_line(name, changed, said):
    with pytest.raises((TypeError, ValueError), match=rf"\A{re.escape(said)}\Z"):
        CASES[name].call(**CASES[name].arguments | changed)
