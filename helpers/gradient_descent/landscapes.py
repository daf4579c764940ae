"""The landscapes that notebook 03 walks on: bowls, a bent valley, a plain with two wells.

Each is a loss: from a tensor of shape (d,), float64, to a tensor that holds one number.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from helpers.common import require
from helpers.gradient_descent.descent import Loss


def bowl(curvatures: Sequence[float] | Tensor, *, tilt: float = 0.0) -> Loss:
    r"""Return the quadratic bowl :math:`\tfrac12 w^\top H w` with its minimum at zero.

    The curvatures are the eigenvalues of H, one for each weight, above 0. If there are two, its
    first axis may be turned by `tilt` degrees from the first weight's axis.
    """
    require.series("curvatures", curvatures, above=0)
    require.number("tilt", tilt)
    eigenvalues = torch.as_tensor(curvatures, dtype=torch.float64)
    if tilt and len(eigenvalues) != 2:
        raise ValueError(f"tilt needs two curvatures, not {len(eigenvalues)}: leave tilt at 0")
    hessian = torch.diag(eigenvalues)
    if tilt:
        c, s = math.cos(math.radians(tilt)), math.sin(math.radians(tilt))
        axes = torch.tensor([[c, -s], [s, c]], dtype=torch.float64)
        hessian = axes @ hessian @ axes.T  # Other axes, the same eigenvalues.

    def loss(w: Tensor) -> Tensor:
        # Weights in float32 are the likeliest slip, and PyTorch's own words for it name no cure.
        require.tensor("w", w, eigenvalues.shape, dtypes=[torch.float64], finite=False)
        return w @ hessian @ w / 2

    return loss


def banana(w: Tensor) -> Tensor:
    """Return the loss of a bent valley with its minimum, 0, at (1, 1).

    Rosenbrock's function (1960), (1 - a)² + b (c - a²)² for w = (a, c), with walls b = 10: his own
    b = 100 would leave only step sizes too small to show anything in 400 steps.
    """
    return (1 - w[0]) ** 2 + 10 * (w[1] - w[0] ** 2) ** 2


WELLS = torch.tensor([[1.5, 0.5], [-1.5, -0.5]], dtype=torch.float64)
_DEPTHS = torch.tensor([1.0, 0.6], dtype=torch.float64)


def two_wells(w: Tensor) -> Tensor:
    """Return the loss of a plain with a deep well and a shallow one, near the rows of `WELLS`."""
    return -_DEPTHS @ torch.exp(-((w - WELLS) ** 2).sum(-1) / 2)
