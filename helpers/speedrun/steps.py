"""How weights move, and in which kind of number products are made.

The first optimiser of `torch.optim` in a process takes as long to load as a quick run to end. So
Adam's steps [1]_ are written out and, for the filters of convolutions, Muon's [2]_.

.. [1] D. P. Kingma, J. Ba, *Adam*, 2014, https://arxiv.org/abs/1412.6980
.. [2] K. Jordan and others, *Muon*, 2024, https://kellerjordan.github.io/posts/muon/
"""

import time
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


def quicker_dtype() -> torch.dtype:
    """Return bfloat16 if products are much quicker with it here, else float32: a moment's test."""
    seconds = {}
    for dtype in (torch.float32, torch.bfloat16):
        square = torch.ones(512, 512, dtype=dtype)
        for _ in range(4):  # The last counts: the first ones wake the processor up.
            start = time.perf_counter()
            square @ square
            seconds[dtype] = time.perf_counter() - start
    much = seconds[torch.bfloat16] < 0.75 * seconds[torch.float32]
    return torch.bfloat16 if much else torch.float32


def products_in(dtype: torch.dtype) -> torch.autocast:
    """Return a context in which products are made in such numbers, and sums kept in float32."""
    # Without its cache: that would keep the weights as they were when first cast.
    return torch.autocast("cpu", dtype, enabled=dtype == torch.bfloat16, cache_enabled=False)
