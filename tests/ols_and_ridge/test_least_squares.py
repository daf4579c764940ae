"""The solvers that the notebook spells against exact arithmetic, and the helpers around them."""

import math
from fractions import Fraction
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch
from matplotlib.cbook import get_sample_data

from helpers.ols_and_ridge import figures, least_squares

NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "02_ols_and_ridge.ipynb"
ROUNDING_UNIT = {torch.float32: 2.0**-24, torch.float64: 2.0**-53}
THROUGH_GRAM = ("by_inv", "by_solve", "by_cholesky")
ON_X = ("by_qr", "by_lstsq", "by_pinv")


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Many small problems: on a busy machine several threads mostly wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def cells():
    """Run the notebook's cells that define functions: what is tested is what is read."""
    sources = {cell.id: cell.source for cell in nbformat.read(NOTEBOOK, as_version=4).cells}
    names = {"torch": torch}
    for cell in (
        "solvers",
        "solvers-on-x",
        "ridge",
        "stacked",
        "fit-intercept",
        "leave-one-out",
    ):
        exec(sources[cell], names)
    return names


def exact_weights(X, y, penalty=0.0):
    """Solve (XᵀX + λI) w = Xᵀy in whole numbers: no rounding at all before the last division."""
    unit = 2**160

    def whole(value):
        scaled = Fraction(value) * unit
        assert scaled.denominator == 1, "a number too small for this unit"
        return int(scaled)

    rows = [
        [whole(value) for value in (*row, t)] for row, t in zip(X.tolist(), y.tolist(), strict=True)
    ]
    d = X.shape[1]
    table = [
        [
            sum(row[i] * row[j] for row in rows) + (i == j) * whole(penalty) * unit
            for j in range(d + 1)
        ]
        for i in range(d)
    ]
    # Bareiss' elimination: each division leaves no remainder.
    previous = 1
    for k in range(d):
        for i in range(d):
            if i != k:
                table[i] = [
                    (a * table[k][k] - table[i][k] * b) // previous
                    for a, b in zip(table[i], table[k], strict=True)
                ]
        previous = table[k][k]
    return np.array([float(Fraction(table[i][d], table[i][i])) for i in range(d)])


def random_problems(dtype, worst_condition, count=200):
    """Yield problems over sizes, condition numbers and noise, with the exact solution."""
    random = np.random.default_rng(2)
    most_digits = math.log10(worst_condition)
    for seed in range(count):
        d = int(random.integers(1, 7))
        n = int(random.integers(d, 30))
        condition = 10 ** random.uniform(0, most_digits) if d > 1 else 1.0
        noise = 10 ** random.uniform(-6, 0)
        X, y, _ = least_squares.conditioned_problem(
            n, d, condition, seed=seed, dtype=dtype, noise=noise
        )
        yield X, y, exact_weights(X, y)


def relative(found, exact):
    return np.linalg.norm(found.double().numpy() - exact) / np.linalg.norm(exact)


def bounds(X, y, w):
    """Return the theory's first-order bounds through XᵀX and on X, and the two growth factors.

    Higham, Accuracy and Stability of Numerical Algorithms, 2nd edition: section 20.4 for the normal
    equations, theorems 20.1 (Wedin) and 20.3 for orthogonal factors. The constant is n·d.
    """
    X64, y64 = X.double().numpy(), y.double().numpy()
    singular_values = np.linalg.svd(X64, compute_uv=False)
    kappa, norm = singular_values[0] / singular_values[-1], singular_values[0] * np.linalg.norm(w)
    u = X.shape[0] * X.shape[1] * ROUNDING_UNIT[X.dtype]
    target, residual = np.linalg.norm(y64) / norm, np.linalg.norm(y64 - X64 @ w) / norm
    through_gram = u * kappa**2 * (1 + target)
    on_x = u * (kappa * (2 + target) + kappa**2 * residual)
    return through_gram, on_x, u * kappa**2, u * kappa


# As far as first-order theory speaks: rounding must not make the problem singular.
@pytest.mark.parametrize(
    ("names", "dtype", "worst_condition"),
    [
        (THROUGH_GRAM, torch.float32, 80.0),
        (THROUGH_GRAM, torch.float64, 1e6),
        (ON_X, torch.float32, 8e3),
        (ON_X, torch.float64, 1e12),
    ],
    ids=["gram-float32", "gram-float64", "on-X-float32", "on-X-float64"],
)
def test_solvers_stay_within_the_bound_of_the_theory(cells, names, dtype, worst_condition):
    held = 0
    for X, y, exact in random_problems(dtype, worst_condition):
        through_gram, on_x, growth_through_gram, growth_on_x = bounds(X, y, exact)
        bound, growth = (
            (through_gram, growth_through_gram) if names is THROUGH_GRAM else (on_x, growth_on_x)
        )
        assert growth < 0.1, "a problem of which the theory does not speak"
        for name in names:
            assert relative(cells[name](X, y), exact) <= bound, name
        held += 1
    assert held == 200


@pytest.mark.parametrize("name", ["by_lstsq", "by_pinv"])
def test_the_shortest_solution_where_there_are_many(cells, name):
    """Wide tables, and tables of an exact rank: products of small whole numbers do not round."""
    random = np.random.default_rng(4)
    for _ in range(200):
        n, d = (int(size) for size in random.integers(2, 10, size=2))
        rank = int(random.integers(1, max(2, min(n, d))))  # below d
        if n < d and random.random() < 0.5:
            X = random.standard_normal((n, d))
        else:
            X = (random.integers(-3, 4, (n, rank)) @ random.integers(-3, 4, (rank, d))).astype(
                float
            )
        y = random.standard_normal(n)
        shortest = np.linalg.lstsq(X, y, rcond=1e-10)[0]
        found = cells[name](torch.from_numpy(X), torch.from_numpy(y))
        np.testing.assert_allclose(found, shortest, rtol=1e-7, atol=1e-9)


def test_the_bound_is_sharp_enough_to_tell_the_families_apart(cells):
    X, y, _ = least_squares.conditioned_problem(20, 5, 1e6, seed=0)
    exact = exact_weights(X, y)
    _, on_x, _, _ = bounds(X, y, exact)
    for name in THROUGH_GRAM:
        assert relative(cells[name](X, y), exact) > on_x


def test_ridge_is_exact_within_the_bound(cells):
    random = np.random.default_rng(3)
    for X, y, _ in random_problems(torch.float64, 1e12):
        penalty = float(10 ** random.uniform(-6, 3))
        exact = exact_weights(X, y, penalty)
        squares = np.linalg.svd(X.numpy(), compute_uv=False) ** 2
        kappa = (squares[0] + penalty) / (squares[-1] + penalty)
        n, d = X.shape
        target = np.sqrt(squares[0]) * np.linalg.norm(y) / (squares[0] + penalty)
        bound = (n + d) * d * ROUNDING_UNIT[X.dtype] * kappa * (2 + target / np.linalg.norm(exact))
        for name in ("ridge", "ridge_by_stacking"):
            assert relative(cells[name](X, y, penalty), exact) <= bound, name


def test_ridge_is_least_squares_on_stacked_rows(cells):
    for seed in range(200):
        n, d = 1 + seed % 23, 1 + seed % 11
        generator = torch.Generator().manual_seed(seed)
        X = torch.randn(n, d, dtype=torch.float64, generator=generator)
        y = torch.randn(n, dtype=torch.float64, generator=generator)
        penalty = 10.0 ** (seed % 5 - 2)
        rows = np.vstack([X.numpy(), math.sqrt(penalty) * np.eye(d)])
        expected = np.linalg.lstsq(rows, np.append(y.numpy(), np.zeros(d)))[0]
        np.testing.assert_allclose(cells["ridge"](X, y, penalty), expected, rtol=1e-9, atol=1e-12)


def test_ridge_tends_to_the_shortest_solution(cells):
    generator = torch.Generator().manual_seed(0)
    X = torch.randn(4, 9, dtype=torch.float64, generator=generator)
    y = torch.randn(4, dtype=torch.float64, generator=generator)
    shortest = np.linalg.lstsq(X.numpy(), y.numpy())[0]
    far, near = (
        np.linalg.norm(cells["ridge"](X, y, penalty).numpy() - shortest) for penalty in (1e-3, 1e-6)
    )
    assert near == pytest.approx(far / 1000, rel=0.01)


def test_leave_one_out_is_what_refitting_gives(cells):
    for seed in range(20):
        X, y, _ = least_squares.conditioned_problem(12, 4, 50.0, seed=seed, noise=0.3)
        X = torch.cat([torch.ones(12, 1, dtype=X.dtype), X], dim=1)
        penalty = 10.0 ** (seed % 4 - 2)
        root = math.sqrt(penalty) * np.diag([0.0, 1, 1, 1, 1])
        expected = []
        for row in range(12):
            rows = np.vstack([np.delete(X.numpy(), row, axis=0), root])
            targets = np.append(np.delete(y.numpy(), row), np.zeros(5))
            weights = np.linalg.lstsq(rows, targets)[0]
            expected.append(float(y[row]) - X[row].numpy() @ weights)
        np.testing.assert_allclose(cells["leave_one_out"](X, y, penalty), expected, rtol=1e-8)
        by_refitting = least_squares.leave_one_out_by_refitting(
            cells["ridge_with_intercept"], X, y, penalty
        )
        np.testing.assert_allclose(by_refitting, expected, rtol=1e-8)


# Every helper that takes X and y, and λ where it takes one.
def zeros(X, y, penalty=0.0):
    return torch.zeros(X.shape[1], dtype=X.dtype)


TAKE_A_PROBLEM = {
    "check_problem": least_squares.check_problem,
    # takes no penalty
    "relative_error": lambda X, y, penalty: least_squares.relative_error(
        zeros, X, y, torch.ones(2, dtype=torch.float64)
    ),
    "weights_over_penalties": lambda X, y, penalty: least_squares.weights_over_penalties(
        zeros, X, y, [1.0, penalty]
    ),
    "errors_over_penalties": lambda X, y, penalty: least_squares.errors_over_penalties(
        zeros, X, y, [1.0, penalty], held_out=good()[:2]
    ),
    "held_out": lambda X, y, penalty: least_squares.errors_over_penalties(
        zeros, *good()[:2], [1.0, penalty], held_out=(X, y)
    ),
    "leave_one_out_by_refitting": lambda X, y, penalty: least_squares.leave_one_out_by_refitting(
        zeros, X, y, penalty
    ),
}


def good():
    X = torch.tensor([[1.0, 2.0], [3.0, 5.0], [4.0, 1.0]], dtype=torch.float64)
    return X, X.sum(dim=1), 0.5


def spoilt(value):
    tensor = torch.ones(3, dtype=torch.float64)
    tensor[1] = value
    return tensor


BAD = {
    "X a list": ("X", [[1.0, 2.0]], TypeError, "list"),
    "X of integers": ("X", torch.ones(3, 2, dtype=torch.int64), TypeError, "torch.int64"),
    "X a vector": ("X", torch.ones(3, dtype=torch.float64), ValueError, r"\(3,\)"),
    "X without rows": ("X", torch.ones(0, 2, dtype=torch.float64), ValueError, r"\(0, 2\)"),
    "X without columns": ("X", torch.ones(3, 0, dtype=torch.float64), ValueError, r"\(3, 0\)"),
    "X in half precision": ("X", torch.ones(3, 2, dtype=torch.float16), TypeError, "torch.float16"),
    "X complex": ("X", torch.ones(3, 2, dtype=torch.complex128), TypeError, "torch.complex128"),
    "X with NaN": ("X", spoilt(math.nan)[:, None].expand(3, 2), ValueError, r"values \(2\)"),
    "X with infinity": ("X", spoilt(-math.inf)[:, None].expand(3, 2), ValueError, r"values \(2\)"),
    "X too long": ("X", torch.ones(4, 2, dtype=torch.float64), ValueError, "3 entries"),
    "y an array": ("y", np.ones(3), TypeError, "ndarray"),
    "y of integers": ("y", torch.ones(3, dtype=torch.int32), TypeError, "torch.int32"),
    "y a column": ("y", torch.ones(3, 1, dtype=torch.float64), ValueError, r"\(3, 1\)"),
    "y too short": ("y", torch.ones(2, dtype=torch.float64), ValueError, "2 entries"),
    "y with NaN": ("y", spoilt(math.nan), ValueError, r"values \(1\)"),
    "y of another dtype": ("y", torch.ones(3), ValueError, "torch.float32"),
    "penalty NaN": ("penalty", math.nan, ValueError, "nan"),
    "penalty infinite": ("penalty", math.inf, ValueError, "inf"),
    "penalty negative": ("penalty", -1.0, ValueError, "-1.0"),
    "penalty a word": ("penalty", "1", TypeError, "'1'"),
    "penalty a truth value": ("penalty", True, TypeError, "True"),
}


@pytest.mark.parametrize(
    ("case", "function"),
    [
        (case, function)
        for case in BAD
        for function in TAKE_A_PROBLEM
        if (function, BAD[case][0]) != ("relative_error", "penalty")
    ],
)
def test_bad_input_is_named_in_one_line(case, function):
    name, value, error, shown = BAD[case]
    X, y, penalty = good()
    arguments = {"X": X, "y": y, "penalty": penalty, name: value}
    with pytest.raises(error, match=shown) as raised:
        TAKE_A_PROBLEM[function](**arguments)
    message = str(raised.value)
    if function == "held_out" and name != "penalty":
        name = f"held_out {name}"
    if name == "penalty" and "penalties" in function + message:
        name = "penalties[1]"
    assert name in message and "\n" not in message


@pytest.mark.parametrize("function", TAKE_A_PROBLEM)
def test_good_input_passes(function):
    TAKE_A_PROBLEM[function](*good())


def test_what_else_can_be_wrong_is_named():
    X, y, _ = good()
    with pytest.raises(ValueError, match="weights has 3 entries for 2 features"):
        least_squares.relative_error(zeros, X, y, torch.ones(3, dtype=torch.float64))
    with pytest.raises(ValueError, match="held_out X has 1 features, X has 2"):
        least_squares.errors_over_penalties(zeros, X, y, [1.0], held_out=(X[:, :1], y))
    with pytest.raises(ValueError, match="X has 1 row"):
        least_squares.leave_one_out_by_refitting(zeros, X[:1], y[:1], 1.0)
    with pytest.raises(ValueError, match="held_out X is torch.float32 and X is torch.float64"):
        least_squares.errors_over_penalties(zeros, X, y, [1.0], held_out=(X.float(), y.float()))


def test_a_penalty_may_be_any_real_number():
    X, y, _ = good()
    for penalty in (0, 1.5, np.float32(2.0), np.int64(3), Fraction(1, 2)):
        least_squares.check_problem(X, y, penalty)


def conditioned(rows=3, features=2, condition=5.0, **options):
    return least_squares.conditioned_problem(rows, features, condition, **{"seed": 0, **options})


def over_conditions(conditions=(2.0,), **options):
    return least_squares.errors_over_conditions(
        zeros, conditions, **{"dtype": torch.float32, **options}
    )


@pytest.mark.parametrize(
    ("call", "error", "named"),
    [
        (lambda: conditioned(features=4), ValueError, "features is 4 with 3 rows"),
        (lambda: conditioned(features=0), ValueError, "features is 0"),
        (lambda: conditioned(features=2.5), TypeError, "features is 2.5"),
        (lambda: conditioned(features="2"), TypeError, "features is '2'"),
        (lambda: conditioned(condition=0.5), ValueError, "condition is 0.5"),
        (lambda: conditioned(condition=math.nan), ValueError, "condition is nan"),
        (lambda: conditioned(condition=math.inf), ValueError, "condition is inf"),
        (lambda: conditioned(condition="3"), TypeError, "condition is '3'"),
        (lambda: conditioned(noise=math.nan), ValueError, "noise is nan"),
        (lambda: conditioned(noise=-1.0), ValueError, "noise is -1.0"),
        (lambda: conditioned(seed=None), TypeError, "seed is None"),
        (lambda: conditioned(seed=1.5), TypeError, "seed is 1.5"),
        (lambda: conditioned(dtype=torch.int64), TypeError, "dtype is torch.int64"),
        (
            lambda: least_squares.two_units_problem(3, seed=0, dtype=torch.int32),
            TypeError,
            "dtype is torch.int32",
        ),
        (lambda: over_conditions([]), ValueError, "conditions is empty"),
        (lambda: over_conditions(3.0), TypeError, "conditions is a float"),
        (lambda: over_conditions(repeats=0), ValueError, "repeats is 0"),
        (
            lambda: least_squares.weights_over_penalties(zeros, *good()[:2], []),
            ValueError,
            "penalties is empty",
        ),
        (
            lambda: least_squares.errors_over_penalties(
                zeros, *good()[:2], [], held_out=good()[:2]
            ),
            ValueError,
            "penalties is empty",
        ),
        (lambda: least_squares.seconds_to_solve(zeros, 0, [2]), ValueError, "rows is 0"),
        (lambda: least_squares.seconds_to_solve(zeros, 5, []), ValueError, "sizes is empty"),
        (lambda: least_squares.seconds_to_solve(zeros, 5, [-2]), ValueError, r"sizes\[0\] is -2"),
        (
            lambda: least_squares.seconds_to_solve(zeros, 5, [2], repeats=0),
            ValueError,
            "repeats is 0",
        ),
        (
            lambda: least_squares.spot_heights(None, 3, seed=0),
            TypeError,
            "land is None",
        ),
        (
            lambda: least_squares.bump_features(torch.ones(2, 2), least_squares.hills(), 2.5),
            TypeError,
            "per_side is 2.5",
        ),
    ],
)
def test_a_bad_argument_is_named(call, error, named):
    with pytest.raises(error, match=named) as raised:
        call()
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "make",
    [
        lambda rows, seed: least_squares.line_problem(rows, seed=seed),
        lambda rows, seed: least_squares.tailor_problem(rows, seed=seed),
        lambda rows, seed: least_squares.two_units_problem(rows, seed=seed, dtype=torch.float32),
        lambda rows, seed: least_squares.conditioned_problem(rows, 1, 1.0, seed=seed),
        lambda rows, seed: least_squares.spot_heights(least_squares.hills(), rows, seed=seed),
    ],
    ids=["line", "tailor", "two units", "conditioned", "spots"],
)
def test_made_problems_depend_on_the_seed_alone(make):
    torch.manual_seed(0)
    first = make(7, 3)
    torch.manual_seed(1)
    again, other = make(7, 3), make(7, 4)
    least_squares.check_problem(*first[:2])
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[1], other[1])
    for rows, error in ((0, ValueError), (-2, ValueError), (2.0, TypeError), (True, TypeError)):
        with pytest.raises(error, match=f"(rows|count) is {rows}"):
            make(rows, 3)


@pytest.mark.parametrize("condition", [1.0, 30.0, 1e6])
def test_conditioned_problem_has_its_condition(condition):
    X, y, weights = least_squares.conditioned_problem(20, 5, condition, seed=1)
    singular_values = np.linalg.svd(X.numpy(), compute_uv=False)
    assert singular_values[0] / singular_values[-1] == pytest.approx(condition, rel=1e-6)
    np.testing.assert_allclose(y, X.numpy() @ weights.numpy(), rtol=1e-12, atol=1e-14)
    _, noisy, _ = least_squares.conditioned_problem(20, 5, condition, seed=1, noise=0.5)
    assert 0.2 < float((noisy - y).std()) < 0.9


def test_two_units_are_one_column_told_twice():
    X, y = least_squares.two_units_problem(50, seed=0, dtype=torch.float32)
    singular_values = np.linalg.svd(X.double().numpy(), compute_uv=False)
    assert X.dtype is y.dtype is torch.float32
    assert singular_values[1] / singular_values[0] > 1e-4
    assert 1e-9 < singular_values[2] / singular_values[0] < 1e-7
    intercept, slope = np.linalg.lstsq(X[:, :2].double().numpy(), y.double().numpy())[0]
    assert slope == pytest.approx(0.035, rel=0.05)
    assert intercept == pytest.approx(0, abs=0.2)
    assert 80 <= X[:, 1].min() < 82 and 118 < X[:, 1].max() <= 120, "centimetres of a chest"
    np.testing.assert_allclose(X[:, 1] / X[:, 2], 2.54, rtol=1e-6)


def test_two_tapes_of_the_tailor_nearly_agree():
    X, _ = least_squares.tailor_problem(500, seed=0)
    correlations = np.corrcoef(X.numpy().T)
    assert X.shape[1] == len(least_squares.TAILOR_FEATURES)
    assert 0.99 < correlations[0, 1] < 1
    assert correlations[0, 3] < 0.2


def test_the_tailors_measures_vary_as_peoples_do():
    X, fabric = (part.numpy() for part in least_squares.tailor_problem(20_000, seed=0))
    chest, other_tape, waist, height, sleeve = X.T
    for values, mean, spread in (
        (chest, 98, 8),
        (waist - 0.8 * chest, 5, 4),
        (height, 172, 9),
        (sleeve - 0.3 * height, 10, 2),
        (chest - other_tape, 0, 0.3 * math.sqrt(2)),
        (fabric - 0.02 * chest - 0.005 * waist - 0.008 * height, 0, 0.15),
    ):
        assert values.mean() == pytest.approx(mean, abs=0.05 * spread)
        assert values.std() == pytest.approx(spread, rel=0.03)


def test_hills_are_the_heights_that_matplotlib_ships():
    land = least_squares.hills()
    with get_sample_data("jacksboro_fault_dem.npz") as data:
        elevation, dx, dy = data["elevation"], float(data["dx"]), float(data["dy"])
        south = float(data["ymax"]) - 258 * dy
    np.testing.assert_array_equal(land.height, elevation[60:260:2, 150:350:2])
    assert land.north[0] > land.north[-1] == 0 == land.east[0] < land.east[-1]
    # Between the first and the last column and row, by the formula for distances on a sphere.
    assert float(land.east[-1]) == pytest.approx(haversine(south, 198 * dx, south), rel=0.005)
    assert float(land.north[0]) == pytest.approx(haversine(south, 0, south + 198 * dy), rel=1e-6)


def haversine(south, degrees_east, north):
    a, b, c = (math.radians(angle) for angle in (south, degrees_east, north))
    half = math.sin((c - a) / 2) ** 2 + math.cos(a) * math.cos(c) * math.sin(b / 2) ** 2
    return 2 * 6371 * math.asin(math.sqrt(half))


def test_positions_and_spots_fit_the_heights():
    land = least_squares.hills()
    positions = land.positions()
    for row, column in ((0, 0), (3, 70), (99, 99)):
        east, north = positions[row * 100 + column]
        assert (east, north) == (land.east[column], land.north[row])
    spots, heights = least_squares.spot_heights(land, 40, seed=5)
    assert len({tuple(spot) for spot in spots.tolist()}) == 40
    for (east, north), height in zip(spots, heights, strict=True):
        row, column = int((land.north == north).nonzero()), int((land.east == east).nonzero())
        assert land.height[row, column] == height
    with pytest.raises(ValueError, match="count is 10001: the map has only 10000"):
        least_squares.spot_heights(land, 10_001, seed=0)


def test_bumps_are_one_at_their_centre_and_fade():
    land = least_squares.hills()
    width, depth = float(land.east[-1]), float(land.north[0])
    positions = torch.tensor([[0.0, 0.0], [0.3 * width, 0.8 * depth]], dtype=torch.float64)
    features = least_squares.bump_features(positions, land, 4)
    for row, (east, north) in enumerate(positions.tolist()):
        for place, value in enumerate(features[row].tolist()):
            across, along = divmod(place, 4)
            square = (3 * east / width - across) ** 2 + (3 * north / depth - along) ** 2
            assert value == pytest.approx(math.exp(-square / 2))
    for bad, named in (
        ((positions[0], land, 4), "positions has shape"),
        ((torch.ones(2, 3), land, 4), r"positions has shape \(2, 3\)"),
        ((positions, land, 1), "per_side is 1"),
    ):
        with pytest.raises(ValueError, match=named):
            least_squares.bump_features(*bad)


def test_relative_error_is_nan_where_the_solver_raises():
    X, y, weights = least_squares.conditioned_problem(5, 2, 3.0, seed=0)

    def twice(X, y):
        return 2 * weights

    def singular(X, y):
        return torch.linalg.inv(torch.zeros(2, 2))

    assert least_squares.relative_error(twice, X, y, weights) == pytest.approx(1.0)
    assert math.isnan(least_squares.relative_error(singular, X, y, weights))


def test_weights_leave_failures_out():
    problems = [least_squares.line_problem(rows, seed=0) for rows in (3, 4, 5)]

    def solve(X, y):
        if len(X) == 4:
            raise torch.linalg.LinAlgError
        return len(X) * torch.ones(2)

    found = least_squares.weights_without_failures(solve, problems)
    assert [weights.tolist() for weights in found] == [[3.0, 3.0], [5.0, 5.0]]


def test_errors_over_conditions_are_medians_and_keep_a_failure():
    calls = []

    def solve(X, y):
        calls.append(X.dtype)
        if len(calls) == 6:
            raise torch.linalg.LinAlgError
        # Errors of 0, 1, …, 4 times the weights' length, which is one.
        exact = np.linalg.lstsq(X.double().numpy(), y.double().numpy())[0]
        return (1 + (len(calls) - 1) % 5) * torch.from_numpy(exact)

    errors = least_squares.errors_over_conditions(solve, [2.0, 3.0], dtype=torch.float32, repeats=5)
    assert calls == [torch.float32] * 10
    assert float(errors[0]) == pytest.approx(2.0, rel=1e-4)
    assert math.isnan(errors[1])


def test_errors_over_penalties_are_root_mean_squares():
    X, y, _ = good()
    training, held_out = least_squares.errors_over_penalties(
        lambda X, y, penalty: torch.full((2,), penalty, dtype=X.dtype),
        X,
        y,
        [0.0, 1.0, 3.0],
        held_out=(X[:1], y[:1] + 10),
    )
    np.testing.assert_allclose(training, np.sqrt(np.mean(y.numpy() ** 2)) * np.array([1, 0, 2]))
    np.testing.assert_allclose(held_out, [13.0, 10.0, 4.0])


def test_seconds_are_one_for_each_size():
    sizes = []

    def solve(X, y):
        sizes.append(X.shape)

    seconds = least_squares.seconds_to_solve(solve, 9, [2, 5], repeats=2)
    assert sizes == [(9, 2), (9, 2), (9, 5), (9, 5)]
    assert len(seconds) == 2 and min(seconds) >= 0


def test_the_map_says_how_far_it_is_off():
    land = least_squares.hills()
    penalties = [0.1, 1.0, 10.0]
    errors = (torch.ones(3), torch.ones(3))
    figure = figures.map_at_penalty(land, land.height + 25, 1.0, penalties, errors)
    assert "off by 25 m" in figure.alt
    assert len(figure.alt) < 90, "three of them must fit into the alt text of a twin"
