"""How weights move.

The first optimiser of `torch.optim` in a process takes as long to load as a quick run to end. So
Adam's steps [1]_ are written out and, for the filters of convolutions, Muon's [2]_.

.. [1] D. P. Kingma, J. Ba, *Adam*, 2014, https://arxiv.org/abs/1412.6980
.. [2] K. Jordan and others, *Muon*, 2024, https://kellerjordan.github.io/posts/muon/
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn


class Steps:
    """Muon's steps for filters, shape (out, in, h, w), and Adam's for all other weights."""

    def __init__(self, weights: Iterable[nn.Parameter]) -> None:
        self.weights, self.taken = list(weights), 0
        self.means, self.squares = ([torch.zeros_like(w) for w in self.weights] for _ in range(2))

    @torch.no_grad()
    def take(self, rate: float, filters_rate: float) -> None:
        """Take one step along the gradients, and forget them."""
        self.taken += 1
        # The averages start at zero: early on they are too small by what is divided by here.
        rate *= (1 - 0.98**self.taken) ** 0.5 / (1 - 0.9**self.taken)
        for w, mean, square in zip(self.weights, self.means, self.squares, strict=True):
            gradient, w.grad = w.grad, None
            if gradient is None:
                continue
            if w.ndim == 4:
                mean.mul_(0.6).add_(gradient)
                w.sub_(nearly_orthogonal(gradient + 0.6 * mean), alpha=filters_rate)
            else:
                mean.lerp_(gradient, 0.1)
                square.mul_(0.98).addcmul_(gradient, gradient, value=0.02)
                w.addcdiv_(mean, torch.sqrt(square, out=gradient).add_(1e-8), value=-rate)


def nearly_orthogonal(matrix: Tensor) -> Tensor:
    """Draw all singular values towards 1: three times s becomes 3.44 s - 4.78 s³ + 2.03 s⁵."""
    x = matrix.flatten(1) / (matrix.norm() + 1e-7)
    for _ in range(3):
        square = x @ x.T
        x = 3.4445 * x + (2.0315 * square @ square - 4.775 * square) @ x
    return x.view_as(matrix)
