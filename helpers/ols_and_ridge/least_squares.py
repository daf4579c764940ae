"""Problems to solve by least squares: made ones, whose answer is known, and a real piece of land.

The formulas are not here: the notebook spells them. Throughout, `X` holds one row per observation
and one column per feature, and `y` one target per row.
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

    Parameters
    ----------
    rows, seed : int
        How many coats, at least 1; and what fixes their sizes and the noise.

    Returns
    -------
    X : Tensor
        Shape (rows, 2), float64: a column of ones, then the size from 0 to 4.
    y : Tensor
        Shape (rows,), float64: fabric in metres.
    """
    require.whole("rows", rows)
    generator = _generator(seed)
    size = 4 * torch.rand(rows, dtype=torch.float64, generator=generator)
    noise = 0.15 * torch.randn(rows, dtype=torch.float64, generator=generator)
    return torch.stack([torch.ones_like(size), size], dim=1), 1.5 + 0.4 * size + noise


def two_units_problem(rows: int, *, seed: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Return fabric against one length told twice, so that one column is a multiple of the other.

    Parameters
    ----------
    rows, seed : int
        How many coats, at least 1; and what fixes the lengths and the noise.
    dtype : torch.dtype
        What the numbers are rounded to; they are drawn in float64.

    Returns
    -------
    X : Tensor
        Shape (rows, 3): ones, the chest in centimetres, the same chest in inches.
    y : Tensor
        Shape (rows,): fabric in metres, 0.035 m for each centimetre of chest, and noise.
    """
    require.whole("rows", rows)
    require.dtype("dtype", dtype)
    generator = _generator(seed)
    centimetres = 80 + 40 * torch.rand(rows, dtype=torch.float64, generator=generator)
    noise = 0.05 * torch.randn(rows, dtype=torch.float64, generator=generator)
    columns = [torch.ones_like(centimetres), centimetres, centimetres / 2.54]
    # Each entry is rounded on its own, so the last column is only nearly a multiple.
    return torch.stack(columns, dim=1).to(dtype), (0.035 * centimetres + noise).to(dtype)


def tailor_problem(rows: int, *, seed: int) -> tuple[Tensor, Tensor]:
    """Return fabric against five measurements, two of them of the same chest.

    Parameters
    ----------
    rows, seed : int
        How many coats, at least 1; and what fixes the measurements and the noise.

    Returns
    -------
    X : Tensor
        Shape (rows, 5), float64, in centimetres, in the order of `TAILOR_FEATURES`. The two tapes
        differ by a few millimetres.
    y : Tensor
        Shape (rows,), float64: fabric in metres.
    """
    require.whole("rows", rows)
    generator = _generator(seed)

    def normal(mean: float, spread: float) -> Tensor:
        return mean + spread * torch.randn(rows, dtype=torch.float64, generator=generator)

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
    seed : int
        Fixes everything that is drawn.
    dtype : torch.dtype
        What `X`, `y` and the weights are rounded to; all is drawn in float64.
    noise : float
        Standard deviation of what is added to `y`, 0 or more.

    Returns
    -------
    X : Tensor
        Shape (rows, features).
    y : Tensor
        Shape (rows,): `X` times the weights, plus noise.
    weights : Tensor
        Shape (features,), of Euclidean length 1.
    """
    require.whole("rows", rows)
    require.whole("features", features)
    if features > rows:
        raise ValueError(f"features is {features} with {rows} rows: choose 1 to {rows}")
    require.number("condition", condition, least=1)
    require.dtype("dtype", dtype)
    require.number("noise", noise, least=0)
    generator = _generator(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, dtype=torch.float64, generator=generator)

    # The Q of a table of normal numbers: orthonormal columns that point anywhere.
    left, right = torch.linalg.qr(normal(rows, features))[0], normal(features, features)
    singular_values = torch.logspace(0, -math.log10(condition), features, dtype=torch.float64)
    X = ((left * singular_values) @ torch.linalg.qr(right)[0]).to(dtype)
    weights = normal(features)
    weights = (weights / weights.norm()).to(dtype)
    # With X as it was rounded, and in float64, so that these weights do fit it.
    y = X.double() @ weights.double() + noise * normal(rows)
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
        elevation = torch.from_numpy(data["elevation"]).double()
        step_east, step_north = float(data["dx"]), float(data["dy"])
        top = float(data["ymax"])
    # The window of the notebook's map, with every second height of it: enough to see the hills.
    first_row, first_column, every, length = 60, 150, 2, 200
    kilometres_per_degree = math.pi * 6371 / 180  # the Earth's mean radius is 6371 km
    # Degrees of longitude are narrower the farther from the equator.
    middle = math.radians(top - (first_row + length / 2) * step_north)
    index = torch.arange(0, length, every, dtype=torch.float64)
    return Hills(
        east=index * step_east * kilometres_per_degree * math.cos(middle),
        north=index.flip(0) * step_north * kilometres_per_degree,
        height=elevation[
            first_row : first_row + length : every, first_column : first_column + length : every
        ],
    )


def spot_heights(land: Hills, count: int, *, seed: int) -> tuple[Tensor, Tensor]:
    """Return heights at a few random spots of a map.

    Parameters
    ----------
    land : Hills
        The map.
    count, seed : int
        How many different spots, at least 1 and at most all; and what fixes which.

    Returns
    -------
    positions, heights : Tensor
        Shape (count, 2), km east and north; and (count,), metres. Both are float64.
    """
    require.instance("land", land, Hills, "the map that hills() returns")
    require.whole("count", count)
    generator = _generator(seed)
    if count > land.height.numel():
        raise ValueError(f"count is {count}: the map has only {land.height.numel()} heights")
    chosen = torch.randperm(land.height.numel(), generator=generator)[:count]
    return land.positions()[chosen], land.height.flatten()[chosen]


def bump_features(positions: Tensor, land: Hills, per_side: int) -> Tensor:
    """Return how much each position lies under each of a grid of bumps.

    A bump is exp(−r²/2), where r counts in the distance between neighbouring bumps.

    Parameters
    ----------
    positions : Tensor
        Shape (rows, 2), float64: km east and north.
    land : Hills
        The map over which the bumps are spread.
    per_side : int
        How many bumps along each side of the map, at least 2.

    Returns
    -------
    Tensor
        Shape (rows, per_side²), float64, between 0 and 1.
    """
    require.tensor("positions", positions, ("rows", 2))
    require.instance("land", land, Hills, "the map that hills() returns")
    require.whole("per_side", per_side, least=2)
    # exp(−(a² + b²)/2) is a product of two: one bump for each column of bumps, one for each row.
    factors = []
    for side, along in ((0, land.east), (1, land.north)):
        low, high = float(along.min()), float(along.max())
        centres = torch.linspace(low, high, per_side, dtype=positions.dtype)
        distance = (positions[:, side, None] - centres) * (per_side - 1) / (high - low)
        factors.append(torch.exp(-0.5 * distance**2))
    return (factors[0][:, :, None] * factors[1][:, None, :]).flatten(1)


def _generator(seed: int) -> torch.Generator:
    """Return a generator of its own, so that no other random number depends on this one."""
    require.seed("seed", seed)
    return torch.Generator().manual_seed(seed)
