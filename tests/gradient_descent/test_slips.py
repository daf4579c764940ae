"""A slip of the hand at a front door is named in one line, in these words."""

import math

import numpy as np
import pytest
import torch

from gradient_descent.front_doors import CASES, START

OUTSIDE, ROWS = "computed outside PyTorch: use torch", {"start": torch.stack([START, START])}
SLIPS = {
    "descent.run": [
        ({"lr": 0.0}, "lr is 0.0: give"),
        ({"lr": math.inf}, "lr is inf: give"),
        ({"lr": "0.1"}, "lr is '0.1': give"),
        ({"lr": lambda k: "a"}, r"lr\(0\) is 'a': give"),
        ({"lr": lambda k: 0.1 - k}, r"lr\(1\) is -0.9: give"),
        ({"lr": lambda k: math.nan}, r"lr\(0\) is nan: give"),
        ({"steps": 0}, "steps is 0: give"),
        ({"steps": 2.0}, "steps is 2.0: give"),
        ({"momentum": -0.5}, "momentum is -0.5: give"),
        ({"weight_decay": -1.0}, "weight_decay is -1.0: give"),
        ({"nesterov": True, "momentum": 0.0}, "nesterov is True and momentum is 0: give"),
        ({"start": [1.0, 1.0]}, "start is a list: give"),
        ({"start": START.long()}, "start has dtype torch.int64: give"),
        ({"start": START[None, None]}, r"start has shape \(1, 1, 2\): give"),
        ({"start": START * math.nan}, r"start holds NaN or infinite values \(2\)"),
        ({"start": START.float()}, "w has dtype torch.float32: give torch.float64"),
        ({"start": torch.ones(3).double()}, r"w has shape \(3,\): give \(2,\)"),
        ({"loss": lambda w: 1 / (w - 1).sum()}, "the loss at the start is not finite: start"),
        ({"loss": lambda w: w}, r"the loss gave \(2,\), not one number"),
        ({"loss": lambda w: 1.0}, f"the loss gave 1.0, {OUTSIDE}"),
        ({"loss": lambda w: np.float32(2.5)}, f"the loss gave 2.5, {OUTSIDE}"),
        ({"loss": lambda w: None}, "the loss gave None, not one number in a tensor: compute"),
        ({"loss": lambda w: np.square(w.numpy()).sum()}, f"the loss gave 2.0, {OUTSIDE}"),
        ({"loss": lambda w: np.square(w.numpy())}, f"the loss gave a ndarray, {OUTSIDE}"),
        ({"loss": lambda w: np.square(w.numpy()).sum()} | ROWS, f"the loss gave 2.0, {OUTSIDE}"),
        ({"loss": lambda w: math.hypot(*w)} | ROWS, f"the loss gave 1.4.*, {OUTSIDE}"),
        ({"loss": lambda w: torch.tensor(1.0)}, "the loss does not depend on the weights"),
    ],
    "descent.record": [
        ({"rule": 3}, "rule is 3: give a function"),
        ({"loss": 3}, "loss is 3: give a function"),
        ({"start": START[0]}, r"start has shape \(\): give \(d,\) or \(n, d\)"),
        ({"start": START[None, None]}, r"start has shape \(1, 1, 2\): give \(d,\) or \(n, d\)"),
        ({"steps": 0}, "steps is 0: give"),
        ({"rule": lambda w: None}, "the rule's result is a NoneType: give"),
        ({"rule": lambda w: w[None]}, r"the rule's result has shape \(1, 2\): give"),
        ({"rule": lambda w: w.float()}, "the rule's result has dtype torch.float32: give"),
    ],
    "landscapes.bowl": [
        ({"curvatures": []}, "curvatures is empty: give"),
        ({"curvatures": [math.nan, 1.0]}, r"curvatures\[0\] is nan: give"),
        ({"curvatures": [1.0, -1.0]}, r"curvatures\[1\] is -1.0: give"),
        ({"tilt": "30"}, "tilt is '30': give"),
        ({"tilt": math.inf}, "tilt is inf: give"),
        ({"curvatures": [1.0]}, "tilt needs two curvatures, not 1"),
    ],
    "theory.curvatures": [
        ({"loss": lambda w: w}, r"the loss gave \(2,\), not one number"),
        ({"w": START[None]}, r"w has shape \(1, 2\): give \(d,\)"),
    ],
    "theory.predicted_rate": [
        ({"curvatures": [-1.0, 2.0]}, r"curvatures\[0\] is -1.0: give"),
        ({"lr": torch.tensor([0.1, -0.1])}, r"lr\[1\] is -0.1.*: give"),
        ({"lr": -0.1}, "lr is -0.1: give"),
        ({"momentum": torch.tensor([[0.1], [-0.1]])}, r"momentum\[1\] is -0.1.*: give"),
    ],
    "theory.best_settings": [({"curvatures": torch.zeros(2)}, r"curvatures\[0\] is 0.0: give")],
    "theory.regime": [
        ({"lr": 0.0}, "lr is 0.0: give"),
        ({"lr": -1.0}, "lr is -1.0: give"),
        ({"curvatures": -START}, r"curvatures\[0\] is -1.0: give"),
    ],
    "theory.divergence_boundary": [
        ({"steps": 5}, "steps is 5: give at least 12"),
        ({"steps": 11}, "steps is 11: give at least 12"),
        ({"low": 0.0}, "low is 0.0: give"),
        ({"low": 0.1, "high": 0.1}, "high is 0.1: give"),
        ({"start": START[None]}, r"start has shape \(1, 2\): give \(d,\)"),
        ({"low": 1.5}, "low is 1.5 and diverges: give"),
        ({"high": 0.2}, "high is 0.2 and does not diverge: give"),
    ],
}


@pytest.mark.parametrize(
    ("name", "changed", "said"), [(name, *slip) for name, slips in SLIPS.items() for slip in slips]
)
def test_a_slip_of_the_hand_is_named_in_one_line(name, changed, said):
    with pytest.raises((TypeError, ValueError), match=rf"\A{said}.*\Z"):
        CASES[name].call(**CASES[name].arguments | changed)
