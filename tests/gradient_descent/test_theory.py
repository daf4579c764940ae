"""Runs behave as theory says they must."""

import numpy as np
import pytest
import torch

from gradient_descent.front_doors import BOWL, START
from gradient_descent.quadratics import quadratic
from helpers.gradient_descent import descent, landscapes, theory

# The step size in units of 1/L.
REGIMES = {"crawls": 0.05, "glides": 0.8, "jumps": 1.9, "diverges": 2.1}


def companion_rate(lr, curvatures, momentum):
    """Spectral radius of the whole iteration, a matrix for each curvature."""
    steps = [[[1 + momentum - lr * c, -momentum], [1.0, 0.0]] for c in curvatures]
    return np.abs(np.linalg.eigvals(steps)).max()


@pytest.mark.parametrize("word", [*REGIMES, "is best"])
@pytest.mark.parametrize("curvatures", [(1.0, 10.0), (0.3, 2.0, 5.0)])
def test_the_measured_rate_is_within_2_percent_of_theory_in_every_regime(word, curvatures):
    high, low = max(curvatures), min(curvatures)
    lr = 2 / (high + low) if word == "is best" else REGIMES[word] / high
    tensor = torch.tensor(curvatures, dtype=torch.float64)
    assert theory.regime(lr, tensor) == word
    start = torch.ones(len(curvatures), dtype=torch.float64)
    path = descent.run(landscapes.bowl(curvatures), start, lr=lr, steps=300)
    expected = max(abs(1 - lr * curvature) for curvature in curvatures)
    assert theory.measured_rate(path.distances()) == pytest.approx(expected, rel=0.02)
    assert float(theory.predicted_rate(lr, tensor)) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("lr", "momentum"),
    [(0.02, 0.1), (0.1, 0.5), (0.1, 0.9), (0.3, 0.8), (0.25, 0.1), (0.3, 0.3)],
    ids=["creeps", "swings", "swings long", "long steps", "just diverges", "diverges"],
)
def test_with_momentum_too(lr, momentum):
    curvatures = (1.0, 10.0)
    start = torch.tensor([1.0, 0.7], dtype=torch.float64)
    path = descent.run(landscapes.bowl(curvatures), start, lr=lr, momentum=momentum, steps=300)
    expected = companion_rate(lr, curvatures, momentum)
    predicted = theory.predicted_rate(lr, torch.tensor(curvatures), momentum)
    assert float(predicted) == pytest.approx(expected, rel=1e-12)
    assert theory.measured_rate(path.distances()) == pytest.approx(expected, rel=0.02)


def test_rates_of_a_whole_map_are_those_of_its_places():
    sizes, momenta = torch.linspace(0.01, 0.3, 5), torch.tensor([0.0, 0.4, 0.9])
    rates = theory.predicted_rate(sizes, torch.tensor([1.0, 10.0]), momenta[:, None])
    assert rates.shape == (3, 5)
    for row, momentum in enumerate(momenta.tolist()):
        for column, lr in enumerate(sizes.tolist()):
            expected = companion_rate(lr, (1.0, 10.0), momentum)
            assert float(rates[row, column]) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("seed", range(8))
def test_the_divergence_boundary_is_within_a_thousandth_of_the_bound(seed):
    loss, high, start = quadratic(seed)
    found = theory.divergence_boundary(loss, start, low=0.01, high=5.0, steps=60)
    assert found == pytest.approx(2 / high, rel=1e-3)


@pytest.mark.parametrize(("low", "high"), [(0.1, 3.0), (0.45, 0.51), (0.01, 0.6)])
def test_the_divergence_boundary_halves_the_interval_until_it_is_narrow_enough(low, high):
    found = theory.divergence_boundary(BOWL, START, low=low, high=high)  # L is 4.
    while high - low > high / 10_000:
        middle = (low + high) / 2
        low, high = (low, middle) if middle > 2 / 4 else (middle, high)
    assert found == (low + high) / 2


def test_a_trial_may_leave_the_finite_numbers_at_once():
    start = torch.tensor([3.0], dtype=torch.float64)
    # The step from 3 is lr · 27, and it goes beyond -3 if lr is above 6 / 27.
    found = theory.divergence_boundary(lambda w: (w**4).sum() / 4, start, low=0.1, high=5.0)
    assert found == pytest.approx(6 / 27, rel=1e-4)


def test_a_trial_takes_200_steps_and_compares_its_last_with_the_one_ten_before_it():
    asked = []

    def falls(w):  # The gradient is what is asked for last: each step is as long as is said here.
        asked.append(w)
        return (w**2).sum()

    with pytest.raises(ValueError, match="high is 0.2 and does not diverge"):
        theory.divergence_boundary(falls, START, low=0.1, high=0.2)
    # Each of two trials computes the loss at 201 points, once more for the 200 gradients, and the
    # start was looked at before.
    assert len(asked) == 2 * (201 + 200)
    asked.clear()
    with pytest.raises(ValueError, match="high is 0.2 and does not diverge"):
        theory.divergence_boundary(falls, START, low=0.1, high=0.2, steps=12)
    assert len(asked) == 2 * (13 + 12)


def test_a_last_step_is_compared_with_the_one_ten_before_it_and_with_no_other(monkeypatch):
    def walks(loss, start, *, lr, steps):
        # Longer than ten before and shorter than the one before, or the other way round.
        ten_before, one_before = (1.0, 3.0) if lr > 0.15 else (3.0, 1.0)
        moves = [2.0] * steps
        moves[-11], moves[-12], moves[-10], moves[-2] = ten_before, *[one_before] * 3
        points = torch.tensor([0.0, *moves], dtype=torch.float64).cumsum(0)[:, None]
        return descent.Path(points, torch.zeros(steps + 1))

    monkeypatch.setattr(descent, "run", walks)
    found = theory.divergence_boundary(BOWL, START, low=0.1, high=0.2)
    assert found == pytest.approx(0.15, rel=1e-4)


def test_the_best_settings_beat_their_neighbours():
    curvatures = torch.tensor([1.0, 25.0], dtype=torch.float64)
    best = theory.best_settings(curvatures)
    for settings in best.values():
        lr, momentum = settings["lr"], settings.get("momentum", 0.0)
        rate = companion_rate(lr, (1.0, 25.0), momentum)
        # The two formulas, and no better place near by.
        root = 5.0 if "momentum" in settings else 25.0
        assert rate == pytest.approx((root - 1) / (root + 1), rel=1e-6)
        for factor in (0.97, 1.03):
            assert companion_rate(lr * factor, (1.0, 25.0), momentum) > rate
            if momentum:
                assert companion_rate(lr, (1.0, 25.0), momentum * factor) > rate


def test_a_measured_rate_survives_distances_that_reach_zero():
    distances = torch.tensor([0.5**k if k < 60 else 0.0 for k in range(100)], dtype=torch.float64)
    assert theory.measured_rate(distances) == pytest.approx(0.5, rel=0.01)


def test_two_late_steps_are_too_few_for_a_rate():
    with pytest.raises(ValueError, match="distances has 2 late steps, too few for a rate: take"):
        theory.measured_rate(torch.ones(4))
    halves = 0.5 ** torch.arange(8, dtype=torch.float64)
    with pytest.raises(ValueError, match="distances has 3 late steps, too few for a rate: take"):
        theory.measured_rate(halves[:7])
    assert theory.measured_rate(halves) == pytest.approx(0.5, rel=1e-12)


def test_a_measured_rate_is_that_of_the_later_half():
    """At first another direction decides, and a distance that comes back from zero counts not."""
    early = [100 * 0.1**k for k in range(20)]
    late = [early[-1] * 0.9**k for k in range(1, 22)]
    distances = torch.tensor(early + late, dtype=torch.float64)
    assert theory.measured_rate(distances) == pytest.approx(0.9, rel=1e-9)
    back = torch.cat([0.5 ** torch.arange(20.0).double(), torch.zeros(2), torch.ones(20)])
    assert theory.measured_rate(back) == pytest.approx(0.5, rel=0.01)
    small = torch.tensor([0.1**k for k in range(250, 323)], dtype=torch.float64)
    assert theory.measured_rate(small) == pytest.approx(0.1, rel=1e-9)  # Below, digits are lost.


@pytest.mark.parametrize(
    ("lr", "curvatures", "word"),
    [
        (2 / 7 * 0.9991, [2.0, 5.0], "is best"),
        (2 / 7 * 1.0009, [2.0, 5.0], "is best"),
        (2 / 7 * 0.9989, [5.0, 2.0], "jumps"),
        (2 / 7 * 1.0011, [5.0, 2.0], "jumps"),
        # What diverges is not best, however near; and in a round bowl the best is 1/L.
        (2.0001, [1e-4, 1.0], "diverges"),
        (0.25, [4.0, 4.0], "is best"),
        (0.25, [4.0], "is best"),
    ],
)
def test_the_best_step_size_is_so_within_a_thousandth(lr, curvatures, word):
    assert theory.regime(lr, torch.tensor(curvatures, dtype=torch.float64)) == word


def test_the_rate_is_of_plain_descent_unless_a_momentum_is_given():
    assert float(theory.predicted_rate(0.0, [1.0, 10.0])) == 1.0
    assert float(theory.predicted_rate(0.1, torch.tensor([10.0, 1.0]))) == pytest.approx(0.9)
    rates = theory.predicted_rate(torch.tensor([0.1, 0.19]), torch.tensor([10.0, 1.0]), 0.25)
    assert rates.dtype == torch.float64 and rates.shape == (2,)
    assert rates.tolist() == pytest.approx(
        [companion_rate(lr, (1.0, 10.0), 0.25) for lr in (0.1, 0.19)], rel=1e-6
    )


def test_curvatures_come_in_order_of_size_and_from_the_place_that_is_given():
    def loss(w):
        return w[0] ** 4 + 3 * w[0] * w[1] + w[1] ** 2

    at = torch.tensor([2.0, -1.0], dtype=torch.float64)
    hessian = np.array([[12 * 4.0, 3.0], [3.0, 2.0]])
    found = theory.curvatures(loss, at)
    assert found.tolist() == pytest.approx(np.linalg.eigvalsh(hessian).tolist())
    assert found[0] < found[1] and found.dtype == torch.float64


@pytest.mark.parametrize(
    ("lr", "word"),
    [(0.02, "crawls"), (0.2, "glides"), (0.201, "jumps"), (0.4, "jumps"), (0.401, "diverges")],
)
def test_a_regime_ends_where_its_bound_says(lr, word):
    """With L = 5 and μ = 2 the bounds are 0.02, 0.2 and 0.4, each still of the shorter steps."""
    assert theory.regime(lr, torch.tensor([2.0, 5.0], dtype=torch.float64)) == word
    # A tenth of 1/5 is no binary fraction: with L = 4 the first bound is hit exactly.
    assert theory.regime(0.025, torch.tensor([2.0, 4.0], dtype=torch.float64)) == "crawls"
