"""Problems to solve by least squares, and what it takes to try a solver on many of them.

The formulas are not here: the notebook spells them, and hands them over as functions. Throughout,
`X` holds one row per observation and one column per feature, and `y` one target per row.
"""

import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from matplotlib.cbook import get_sample_data
from torch import Tensor

from helpers.common import require

Solver = Callable[[Tensor, Tensor], Tensor]
PenalisedSolver = Callable[[Tensor, Tensor, float], Tensor]

TAILOR_FEATURES = ("chest, tape A", "chest, tape B", "waist", "height", "sleeve")


@dataclass(frozen=True)
class Hills:
    """A map of heights.

    Attributes
    ----------
    east : Tensor
        Shape (columns,), float64: kilometres east of the map's western edge.
    north : Tensor
        Shape (rows,), float64: kilometres north of the southern edge; the first row is the north.
    height : Tensor
        Shape (rows, columns), float64: metres above the sea.
    """

    east: Tensor
    north: Tensor
    height: Tensor

    def __post_init__(self) -> None:
        """Look at what is given."""
        require.tensor("east", self.east, ("columns",))
        require.tensor("north", self.north, ("rows",))
        require.tensor("height", self.height, (len(self.north), len(self.east)))

    def positions(self) -> Tensor:
        """Return where each height was taken: shape (rows · columns, 2), km east and north."""
        north, east = torch.meshgrid(self.north, self.east, indexing="ij")
        return torch.stack([east.flatten(), north.flatten()], dim=1)


def check_problem(X: Tensor, y: Tensor, penalty: float = 0.0) -> None:
    """Raise if the arguments are no least-squares problem.

    Parameters
    ----------
    X : Tensor
        Shape (rows, features), float32 or float64, at least one row and one feature.
    y : Tensor
        Shape (rows,), the dtype of `X`.
    penalty : float
        The λ of ridge regression, 0 or more.

    Raises
    ------
    TypeError
        If `X` or `y` is no tensor or neither float32 nor float64, or `penalty` is no number.
    ValueError
        If shapes or dtypes do not fit, there is nothing to fit, a value is NaN or infinite, or
        `penalty` is NaN, infinite or negative.
    """
    _check_rows("X", X, "y", y)
    require.number("penalty", penalty, least=0)


def line_problem(rows: int, *, seed: int) -> tuple[Tensor, Tensor]:
    """Return how much fabric coats of various sizes took: a line with noise about it.

    Parameters
    ----------
    rows : int
        How many coats, at least 1.
    seed : int
        Fixes the sizes and the noise.

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
    rows : int
        How many coats, at least 1.
    seed : int
        Fixes the lengths and the noise.
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
    return torch.stack(columns, dim=1).to(dtype), (0.035 * centimetres + noise).to(dtype)


def tailor_problem(rows: int, *, seed: int) -> tuple[Tensor, Tensor]:
    """Return fabric against five measurements, two of them of the same chest.

    Parameters
    ----------
    rows : int
        How many coats, at least 1.
    seed : int
        Fixes the measurements and the noise.

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

    chest = normal(98, 8)
    waist = 0.8 * chest + normal(5, 4)
    height = normal(172, 9)
    sleeve = 0.3 * height + normal(10, 2)
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

    Raises
    ------
    TypeError
        If an argument is not of the type above.
    ValueError
        If there are fewer rows than features, `condition` is below 1, `noise` is negative, or one
        of those two is not finite.
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

    left, right = torch.linalg.qr(normal(rows, features))[0], normal(features, features)
    singular_values = torch.logspace(0, -math.log10(condition), features, dtype=torch.float64)
    X = ((left * singular_values) @ torch.linalg.qr(right)[0]).to(dtype)
    weights = normal(features)
    weights = (weights / weights.norm()).to(dtype)
    y = X.double() @ weights.double() + noise * normal(rows)
    return X, y.to(dtype), weights


def hills() -> Hills:
    """Return a piece of the Jacksboro fault, Tennessee: 100 × 100 heights on 15 km × 18 km.

    The heights come with matplotlib, in ``jacksboro_fault_dem.npz``: no download.
    """
    # Its types do not say that from such a file comes an archive of arrays.
    archive: Any = get_sample_data("jacksboro_fault_dem.npz")
    with archive as data:
        elevation = torch.from_numpy(data["elevation"]).double()
        step_east, step_north = float(data["dx"]), float(data["dy"])
        top = float(data["ymax"])
    first_row, first_column, every, length = 60, 150, 2, 200
    kilometres_per_degree = math.pi * 6371 / 180
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
    count : int
        How many different spots, at least 1 and at most all.
    seed : int
        Fixes which spots.

    Returns
    -------
    positions : Tensor
        Shape (count, 2), float64: km east and north.
    heights : Tensor
        Shape (count,), float64: metres.
    """
    _check_land(land)
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
    _check_land(land)
    require.whole("per_side", per_side, least=2)
    factors = []
    for side, along in ((0, land.east), (1, land.north)):
        low, high = float(along.min()), float(along.max())
        centres = torch.linspace(low, high, per_side, dtype=positions.dtype)
        distance = (positions[:, side, None] - centres) * (per_side - 1) / (high - low)
        factors.append(torch.exp(-0.5 * distance**2))
    return (factors[0][:, :, None] * factors[1][:, None, :]).flatten(1)


def relative_error(solve: Solver, X: Tensor, y: Tensor, weights: Tensor) -> float:
    """Return ‖found − weights‖ / ‖weights‖ for what a solver finds, NaN where it raises.

    Parameters
    ----------
    solve : callable
        From `X` and `y` to weights.
    X, y : Tensor
        The problem; see `check_problem`.
    weights : Tensor
        Shape (features,): what it should find.
    """
    check_problem(X, y)
    require.tensor("weights", weights, ("features",))
    if weights.shape[0] != X.shape[1]:
        raise ValueError(f"weights has {weights.shape[0]} entries for {X.shape[1]} features")
    require.function("solve", solve)
    try:
        found = _checked(solve(X, y), X)
    except torch.linalg.LinAlgError:
        return math.nan
    return float((found.double() - weights.double()).norm() / weights.double().norm())


def weights_without_failures(
    solve: Solver, problems: Iterable[tuple[Tensor, Tensor]]
) -> list[Tensor]:
    """Return what a solver finds for each problem, leaving out those on which it raises.

    Parameters
    ----------
    solve : callable
        From `X` and `y` to weights.
    problems : iterable of (Tensor, Tensor)
        `X` and `y` of each problem; see `check_problem`.
    """
    require.function("solve", solve)
    require.batches("problems", problems, "X and y")
    found = []
    for X, y in require.pairs("problems", problems, "X and y"):
        check_problem(X, y)
        try:
            found.append(_checked(solve(X, y), X))
        except torch.linalg.LinAlgError:
            continue  # it said so: nothing to hold against it
    return found


def errors_over_conditions(
    solve: Solver, conditions: Sequence[float], *, dtype: torch.dtype, repeats: int = 5
) -> Tensor:
    """Return a solver's typical relative error at each condition number.

    Parameters
    ----------
    solve : callable
        From `X` and `y` to weights.
    conditions : sequence of float
        The condition numbers to try, each on problems of 40 rows and 6 features.
    dtype : torch.dtype
        What the problems are rounded to and the solver computes in.
    repeats : int
        How many problems at each condition number; the error returned is their median.

    Returns
    -------
    Tensor
        Shape (len(conditions),), float64; NaN where the solver raised on one of them.
    """
    require.series("conditions", conditions, least=1)
    require.whole("repeats", repeats)
    require.function("solve", solve)
    rows = []
    for condition in conditions:
        problems = (
            conditioned_problem(40, 6, condition, seed=seed, dtype=dtype) for seed in range(repeats)
        )
        rows.append([relative_error(solve, *problem) for problem in problems])
    return torch.tensor(rows, dtype=torch.float64).median(dim=1).values


def weights_over_penalties(
    solve: PenalisedSolver, X: Tensor, y: Tensor, penalties: Sequence[float]
) -> Tensor:
    """Return the weights that a penalised solver finds for each penalty.

    Parameters
    ----------
    solve : callable
        From `X`, `y` and λ to weights.
    X, y : Tensor
        The problem; see `check_problem`.
    penalties : sequence of float
        The values of λ, each 0 or more.

    Returns
    -------
    Tensor
        Shape (len(penalties), features), the dtype of `X`.
    """
    require.series("penalties", penalties, least=0)
    check_problem(X, y)
    require.function("solve", solve)
    return torch.stack([_checked(solve(X, y, penalty), X, [X.dtype]) for penalty in penalties])


def errors_over_penalties(
    solve: PenalisedSolver,
    X: Tensor,
    y: Tensor,
    penalties: Sequence[float],
    *,
    held_out: tuple[Tensor, Tensor],
) -> tuple[Tensor, Tensor]:
    """Return the error on the rows fitted and on rows held out, for each penalty.

    Parameters
    ----------
    solve : callable
        From `X`, `y` and λ to weights.
    X, y : Tensor
        The rows to fit; see `check_problem`.
    penalties : sequence of float
        The values of λ, each 0 or more.
    held_out : tuple of Tensor
        Another `X` and `y`, with the same features.

    Returns
    -------
    tuple of Tensor
        Two of shape (len(penalties),): root of the mean squared error in the unit of `y`, on the
        rows fitted and on those held out.
    """
    [(held_out_X, held_out_y)] = require.pairs("held_out", [held_out], "X and y")
    _check_rows("held_out X", held_out_X, "held_out y", held_out_y)
    check_problem(X, y)
    if held_out_X.shape[1] != X.shape[1]:
        raise ValueError(f"held_out X has {held_out_X.shape[1]} features, X has {X.shape[1]}")
    if held_out_X.dtype != X.dtype:
        raise ValueError(f"held_out X is {held_out_X.dtype} and X is {X.dtype}: convert one")
    weights = weights_over_penalties(solve, X, y, penalties)

    def error(features: Tensor, target: Tensor) -> Tensor:
        return (weights @ features.T - target).square().mean(dim=1).sqrt()

    return error(X, y), error(held_out_X, held_out_y)


def leave_one_out_by_refitting(
    solve: PenalisedSolver, X: Tensor, y: Tensor, penalty: float
) -> Tensor:
    """Return the error on each row by a fit to all the other rows: as many fits as rows.

    Parameters
    ----------
    solve : callable
        From `X`, `y` and λ to weights.
    X, y : Tensor
        The problem, with at least two rows; see `check_problem`.
    penalty : float
        λ, 0 or more.

    Returns
    -------
    Tensor
        Shape (rows,): target minus prediction, in the unit of `y`.
    """
    check_problem(X, y, penalty)
    if X.shape[0] < 2:
        raise ValueError("X has 1 row: leaving one out needs at least 2")
    require.function("solve", solve)
    errors = []
    for row in range(X.shape[0]):
        others = torch.arange(X.shape[0]) != row
        weights = _checked(solve(X[others], y[others], penalty), X, [X.dtype])
        errors.append(y[row] - X[row] @ weights)
    return torch.stack(errors)


def seconds_to_solve(
    solve: Solver, rows: int, sizes: Sequence[int], *, repeats: int = 3
) -> list[float]:
    """Return how long a solver takes on problems with more and more features.

    The problems are drawn from the normal distribution with a fixed seed; with more rows than
    features those are well-conditioned.

    Parameters
    ----------
    solve : callable
        From `X` and `y` to weights.
    rows : int
        Rows of every problem, at least 1.
    sizes : sequence of int
        The numbers of features to try.
    repeats : int
        How often each is timed; the shortest time counts, the least disturbed one.

    Returns
    -------
    list of float
        Seconds for each size.
    """
    require.whole("rows", rows)
    require.items("sizes", sizes)
    for place, features in enumerate(sizes):
        require.whole(f"sizes[{place}]", features)
    require.whole("repeats", repeats)
    require.function("solve", solve)
    generator = _generator(seed=0)
    seconds = []
    for features in sizes:
        X = torch.randn(rows, features, dtype=torch.float64, generator=generator)
        y = torch.randn(rows, dtype=torch.float64, generator=generator)
        times = []
        for _ in range(repeats):
            start = time.perf_counter()
            solve(X, y)
            times.append(time.perf_counter() - start)
        seconds.append(min(times))
    return seconds


def _generator(seed: int) -> torch.Generator:
    require.seed("seed", seed)
    return torch.Generator().manual_seed(seed)


def _check_rows(name: str, features: Tensor, target_name: str, target: Tensor) -> None:
    require.tensor(name, features, ("rows", "features"))
    require.tensor(target_name, target, ("rows",))
    if len(features) != len(target):
        raise ValueError(
            f"{target_name} has {len(target)} entries and {name} has {len(features)} rows: "
            "give one target per row"
        )
    if features.dtype != target.dtype:
        raise ValueError(
            f"{target_name} is {target.dtype} and {name} is {features.dtype}: "
            "convert one to the other's dtype"
        )


def _checked(weights: Tensor, X: Tensor, dtypes: Sequence[torch.dtype] = require.FLOATS) -> Tensor:
    """Return what a solver found, if it can be weights for this problem."""
    require.tensor("what solve gives", weights, (X.shape[1],), dtypes=dtypes, finite=False)
    return weights


def _check_land(land: Hills) -> None:
    require.instance("land", land, Hills, "the map that hills() returns")
