"""What the figures of notebook 03 share: a look for each way of descending, level lines, notes."""

from typing import Any

import matplotlib.patheffects
import torch
from torch import Tensor

from helpers.common.picture import BLACK, BLUE, GREEN, ORANGE, PINK, VERMILION
from helpers.gradient_descent.descent import Loss

# One look per way of descending, wherever two are compared.
_COLORS, _DASHES = (BLUE, VERMILION, GREEN, PINK, BLACK), ("-", "--", "-.", ":", (0, (5, 1)))
LOOKS: list[dict[str, Any]] = [
    {"color": color, "marker": marker, "linestyle": dash}
    for color, marker, dash in zip(_COLORS, "os^Dx", _DASHES, strict=True)
]
GOAL: dict[str, Any] = {"marker": "*", "markersize": 13, "zorder": 6}
GOAL |= {"color": ORANGE, "markeredgecolor": BLACK}
FRAME = {"frameon": True, "facecolor": "white", "framealpha": 1, "edgecolor": "#cccccc"}
# Black words stay legible where they lie on lines or on colour.
HALO = [matplotlib.patheffects.withStroke(linewidth=3, foreground="white")]
ORIGIN = torch.zeros(2, dtype=torch.float64)


def grid(loss: Loss, center: Tensor, reach: float, count: int = 61) -> tuple[Tensor, ...]:
    """Return a square grid of two weights and the loss on it, each of shape (count, count)."""
    ends = ((middle - reach, middle + reach) for middle in center)
    sides = (torch.linspace(*both, count, dtype=torch.float64) for both in ends)
    a, b = torch.meshgrid(*sides, indexing="xy")
    values = torch.func.vmap(loss)(torch.stack([a.flatten(), b.flatten()], dim=1))
    return a, b, values.reshape(a.shape)


def level_lines(axes, loss: Loss, center: Tensor, reach: float) -> None:
    """Draw level lines, close together near the lowest point, and make the scales equal."""
    a, b, values = grid(loss, center, reach)
    low, high = float(values.min()), float(values.max())
    # Evenly spaced levels would leave the bottom of a bowl empty.
    levels = low + (high - low) * torch.linspace(0.05, 1, 11, dtype=torch.float64) ** 2
    axes.contour(a, b, values, levels=levels, colors="#9a9a9a", linewidths=0.7)
    axes.set_facecolor("#f6f6f6")
    across, up = center.tolist()
    axes.set(xlim=(across - reach, across + reach), ylim=(up - reach, up + reach))
    axes.set_aspect("equal")
    axes.grid(False)


def note(axes, text: str, place: tuple[float, ...], offset: tuple[int, int], **look: Any) -> None:
    """Write beside a place, so many points to the right of it and up."""
    look |= {"xytext": offset, "textcoords": "offset points", "path_effects": HALO}
    axes.annotate(text, place, **look)
