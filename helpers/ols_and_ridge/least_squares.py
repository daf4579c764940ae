"""Problems to solve by least squares: made ones, whose answer is known, and a real piece of land.

The formulas are not here: the notebook spells them. Throughout, `X` holds one row per observation
and one column per feature, and `y` one target per row; `rows` says how many, at least 1, and `seed`
fixes all that is drawn.
"""

import math
from dataclasses import dataclass
from typing import Any

import torch
from matplotlib.cbook import get_sample_data
from torch import Tensor

from helpers.common import require

TAILOR_FEATURES = ("chest, tape A", "chest, tape B", "waist", "height", "sleeve")


def line_problem(rows: int, *, seed: int) -> tuple[Tensor, Tensor]:
    """Return how much fabric coats of various sizes took: a line with noise about it.

    Returns
    -------
    X, y : Tensor
        Shape (rows, 2), a column of ones, then the size from 0 to 4; and (rows,), fabric in metres.
        Both are float64.
    """
    chance = _chance(seed, rows=rows)
    size = 4 * torch.rand(rows, **chance)
    noise = 0.15 * torch.randn(rows, **chance)
    return torch.stack([torch.ones_like(size), size], dim=1), 1.5 + 0.4 * size + noise


def two_units_problem(rows: int, *, seed: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Return fabric against one length told twice, so that one column is a multiple of the other.

    Returns
    -------
    X, y : Tensor
        Shape (rows, 3): ones, the chest in centimetres, the same chest in inches; and (rows,):
        fabric in metres, 0.035 m for each centimetre of chest, and noise. Both are drawn in float64
        and rounded to `dtype`.
    """
    require.dtype("dtype", dtype)
    chance = _chance(seed, rows=rows)
    centimetres = 80 + 40 * torch.rand(rows, **chance)
    noise = 0.05 * torch.randn(rows, **chance)
    columns = [torch.ones_like(centimetres), centimetres, centimetres / 2.54]
    # Each entry is rounded on its own, so the last column is only nearly a multiple.
    return torch.stack(columns, dim=1).to(dtype), (0.035 * centimetres + noise).to(dtype)


def tailor_problem(rows: int, *, seed: int) -> tuple[Tensor, Tensor]:
    """Return fabric against five measurements, two of them of the same chest.

    Returns
    -------
    X, y : Tensor
        Shape (rows, 5), in centimetres, in the order of `TAILOR_FEATURES`, where the two tapes
        differ by a few millimetres; and (rows,), fabric in metres. Both are float64.
    """
    chance = _chance(seed, rows=rows)

    def normal(mean: float, spread: float) -> Tensor:
        return mean + spread * torch.randn(rows, **chance)

    # About as grown people measure; waist goes with chest and sleeve with height, as they do.
    chest = normal(98, 8)
    waist = 0.8 * chest + normal(5, 4)
    height = normal(172, 9)
    sleeve = 0.3 * height + normal(10, 2)
    # Each tape is read with an error of its own: that is all that tells the two columns apart.
    X = torch.stack([chest + normal(0, 0.3), chest + normal(0, 0.3), waist, height, sleeve], dim=1)
    return X, 0.02 * chest + 0.005 * waist + 0.008 * height + normal(0, 0.15)


def conditioned_problem(
    rows: int,
    features: int,
    condition: float,
    *,
    seed: int,
    dtype: torch.dtype = torch.float64,
    noise: float = 0.0,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return a problem whose condition number is known, and the weights it was made with.

    `X` is U diag(σ) Vᵀ with random orthonormal U and V and with singular values σ that fall
    evenly on a logarithmic scale from 1 to 1 / `condition`.

    Parameters
    ----------
    rows, features : int
        The shape of `X`, with at least as many rows as features.
    condition : float
        The ratio of the largest to the smallest singular value, 1 or more. Rounding to `dtype`
        spoils it where it comes near the inverse of the rounding unit.
    dtype : torch.dtype
        What `X`, `y` and the weights are rounded to; all is drawn in float64.
    noise : float
        Standard deviation of what is added to `y`, 0 or more.

    Returns
    -------
    X, y, weights : Tensor
        Shape (rows, features); (rows,), `X` times the weights, plus noise; and (features,), of
        Euclidean length 1.
    """
    chance = _chance(seed, rows=rows, features=features)
    if features > rows:
        raise ValueError(f"features is {features} with {rows} rows: choose 1 to {rows}")
    require.number("condition", condition, least=1)
    require.dtype("dtype", dtype)
    require.number("noise", noise, least=0)
    # The Q of a table of normal numbers: orthonormal columns that point anywhere.
    sizes = (rows, features)
    left, right = (torch.linalg.qr(torch.randn(n, features, **chance)).Q for n in sizes)
    singular_values = torch.logspace(0, -math.log10(condition), features, dtype=torch.float64)
    X = ((left * singular_values) @ right).to(dtype)
    weights = torch.randn(features, **chance)
    weights = (weights / weights.norm()).to(dtype)
    # With X as it was rounded, and in float64, so that these weights do fit it.
    y = X.double() @ weights.double() + noise * torch.randn(rows, **chance)
    return X, y.to(dtype), weights


@dataclass(frozen=True)
class Hills:
    """A map of heights, all of it float64."""

    east: Tensor  # shape (columns,): kilometres east of the map's western edge
    north: Tensor  # shape (rows,): kilometres north of the southern one; the first row is the north
    height: Tensor  # shape (rows, columns): metres above the sea

    def positions(self) -> Tensor:
        """Return where each height was taken: shape (rows · columns, 2), km east and north."""
        north, east = torch.meshgrid(self.north, self.east, indexing="ij")
        return torch.stack([east.flatten(), north.flatten()], dim=1)


def hills() -> Hills:
    """Return a piece of the Jacksboro fault, Tennessee: 100 × 100 heights on 15 km × 18 km.

    The heights come with matplotlib, in ``jacksboro_fault_dem.npz``: no download.
    """
    # matplotlib's types do not say that from such a file comes an archive of arrays.
    archive: Any = get_sample_data("jacksboro_fault_dem.npz")
    with archive as data:
        # The window of the notebook's map, with every second height of it: enough to see the hills.
        height = torch.from_numpy(data["elevation"][60:260:2, 150:350:2]).double()
        step_east, step_north, top = (float(data[name]) for name in ("dx", "dy", "ymax"))
    index = torch.arange(0, 200, 2, dtype=torch.float64)
    kilometres_per_degree = math.pi * 6371 / 180  # the Earth's mean radius is 6371 km
    # Degrees of longitude are narrower the farther from the equator: as in the middle row, 160.
    narrower = math.cos(math.radians(top - 160 * step_north))
    east = index * step_east * kilometres_per_degree * narrower
    return Hills(east, index.flip(0) * step_north * kilometres_per_degree, height)


def spot_heights(land: Hills, count: int, *, seed: int) -> tuple[Tensor, Tensor]:
    """Return heights at `count` random spots of a map, all of them different.

    Returns
    -------
    positions, heights : Tensor
        Shape (count, 2), km east and north; and (count,), metres. Both are float64.
    """
    generator = _chance(seed, count=count)["generator"]
    if count > land.height.numel():
        raise ValueError(f"count is {count}: the map has only {land.height.numel()} heights")
    chosen = torch.randperm(land.height.numel(), generator=generator)[:count]
    return land.positions()[chosen], land.height.flatten()[chosen]


def bump_features(positions: Tensor, land: Hills, per_side: int) -> Tensor:
    """Return how much each position lies under each of a grid of bumps.

    A bump is exp(−r²/2), where r counts in the distance between neighbouring bumps. There are
    `per_side` of them, at least 2, along each side of the map. The positions, km east and north,
    have shape (rows, 2); what is returned has shape (rows, per_side²) and lies between 0 and 1.
    """
    require.tensor("positions", positions, ("rows", 2))
    require.whole("per_side", per_side, least=2)
    factors = []
    for place, along in zip(positions.T, (land.east, land.north), strict=True):
        low, high = float(along.min()), float(along.max())
        centres = torch.linspace(low, high, per_side, dtype=positions.dtype)
        distance = (place[:, None] - centres) * (per_side - 1) / (high - low)
        factors.append(torch.exp(-0.5 * distance**2))
    # exp(−(a² + b²)/2) is a product of two: one bump for each column of bumps, one for each row.
    return (factors[0][:, :, None] * factors[1][:, None, :]).flatten(1)


def _chance(seed: int, **counts: int) -> dict[str, Any]:
    """Return how to draw in float64, by a generator of its own, and check what was asked for."""
    for name, count in counts.items():
        require.whole(name, count)
    require.seed("seed", seed)
    return {"dtype": torch.float64, "generator": torch.Generator().manual_seed(seed)}
