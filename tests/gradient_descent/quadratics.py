"""Random bowls for the tests of notebook 03's helpers."""

import torch


def quadratic(seed, dimensions=4):
    """A random bowl away from the origin: its loss, its largest curvature and a start."""
    generator = torch.Generator().manual_seed(seed)
    normal = torch.randn(dimensions, dimensions + 2, dtype=torch.float64, generator=generator)
    axes, _ = torch.linalg.qr(normal[:, :-2])
    minimum, start = normal[:, -2:].T
    curvatures = torch.rand(dimensions, dtype=torch.float64, generator=generator) * 7.5 + 0.5
    hessian = axes * curvatures @ axes.T

    def loss(w):
        return 0.5 * (w - minimum) @ hessian @ (w - minimum)

    return loss, float(curvatures.max()), start
