"""A slip of the hand at a front door is named in one line, in these words."""

import pytest
import torch

from ols_and_ridge.front_doors import CASES, X

ROWS = ({"rows": 0}, "rows is 0: give at least 1")
SEED = ({"seed": None}, "seed is None: give a whole number")
SLIPS = {
    "least_squares.line_problem": [ROWS, SEED],
    "least_squares.tailor_problem": [ROWS, SEED],
    "least_squares.two_units_problem": [ROWS, SEED, ({"dtype": None}, "dtype is None: give torch")],
    "least_squares.conditioned_problem": [
        ROWS,
        SEED,
        ({"features": 6}, "features is 6 with 5 rows: choose 1 to 5"),
        ({"features": 2.5}, "features is 2.5: give a whole number"),
        ({"condition": 0.5}, "condition is 0.5: give a finite number of at least 1"),
        ({"noise": -1.0}, "noise is -1.0: give a finite number of at least 0"),
        ({"dtype": torch.int64}, "dtype is torch.int64: give torch.float32 or"),
    ],
    "least_squares.spot_heights": [
        SEED,
        ({"count": 0}, "count is 0: give at least 1"),
        ({"count": 10_001}, "count is 10001: the map has only 10000"),
    ],
    "least_squares.bump_features": [
        ({"positions": X[0]}, r"positions has shape \(2,\)"),
        ({"positions": X.T}, r"positions has shape \(2, 3\)"),
        ({"per_side": 1}, "per_side is 1"),
    ],
    "trials.leave_one_out_by_refitting": [
        ({"X": X[:, 0]}, r"X has shape \(3,\): give \(rows, features\)"),
        ({"X": X[:1], "y": X[:1, 0]}, "X has 1 row: leaving one out needs at least 2"),
        ({"y": X[:2, 0]}, r"y has shape \(2,\): give \(3,\)"),
        ({"y": X[:, 0].float()}, "y has dtype torch.float32: give torch.float64"),
        ({"penalty": -1.0}, "penalty is -1.0: give a finite number of at least 0"),
        ({"solve": lambda X, y, penalty: None}, "what solve gives is a NoneType"),
        ({"solve": lambda X, y, penalty: y[:1]}, r"what solve gives has shape \(1,\)"),
    ],
}


@pytest.mark.parametrize(
    ("name", "changed", "said"), [(name, *slip) for name, slips in SLIPS.items() for slip in slips]
)
def test_a_slip_of_the_hand_is_named_in_one_line(name, changed, said):
    with pytest.raises((TypeError, ValueError), match=rf"\A{said}.*\Z"):
        CASES[name].call(**CASES[name].arguments | changed)
