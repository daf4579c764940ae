"""The recorder does what PyTorch's optimiser does, and runs behave as theory says they must."""

import math
import re

import pytest
import torch

from helpers.gradient_descent import descent


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


def pytorch_path(loss, start, steps, schedule=None, **settings):
    weights = start.clone().requires_grad_()
    optimiser = torch.optim.SGD([weights], **settings)
    scheduler = schedule and torch.optim.lr_scheduler.LambdaLR(optimiser, schedule)
    points = [weights.detach().clone()]
    for _ in range(steps):
        optimiser.zero_grad()
        loss(weights).backward()
        optimiser.step()
        if scheduler:
            scheduler.step()
        points.append(weights.detach().clone())
    return torch.stack(points)


@pytest.mark.proof
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"momentum": 0.9},
        {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1},
        {"weight_decay": 0.3},
    ],
    ids=["plain", "momentum", "nesterov", "weight decay"],
)
def test_paths_equal_pytorchs_on_50_quadratics(settings):
    for seed in range(50):
        loss, high, start = quadratic(seed)
        lr = (0.1 + 0.018 * seed) / high
        ours = descent.run(loss, start, lr=lr, steps=200, **settings)
        theirs = pytorch_path(loss, start, 200, lr=lr, **settings)
        assert ours.left_at is None
        assert ours.points.shape == (201, 4)
        torch.testing.assert_close(ours.points, theirs, rtol=0, atol=1e-12)


def test_a_schedule_equals_pytorchs():
    loss, high, start = quadratic(3)
    first = 1.5 / high
    ours = descent.run(loss, start, lr=lambda k: first / (1 + k / 10), steps=100)
    theirs = pytorch_path(loss, start, 100, schedule=lambda k: 1 / (1 + k / 10), lr=first)
    torch.testing.assert_close(ours.points, theirs, rtol=0, atol=1e-12)


def test_several_descents_side_by_side_are_each_what_it_is_alone():
    starts = torch.tensor([[1.4, 0.1], [-1.0, 0.3], [3.0, -2.0]], dtype=torch.float64)
    together = descent.run(descent.two_wells, starts, lr=0.5, momentum=0.5, steps=30)
    assert together.points.shape == (31, 3, 2)
    assert together.losses.shape == (31, 3)
    for place, start in enumerate(starts):
        alone = descent.run(descent.two_wells, start, lr=0.5, momentum=0.5, steps=30)
        torch.testing.assert_close(together.points[:, place], alone.points)
        torch.testing.assert_close(together.losses[:, place], alone.losses)


def test_running_leaves_the_start_alone_and_twice_gives_the_same():
    loss, _, start = quadratic(0)
    before = start.clone()
    first, second = (descent.run(loss, start, lr=0.1, momentum=0.9, steps=20) for _ in range(2))
    assert torch.equal(start, before) and start.grad is None and not start.requires_grad
    assert torch.equal(first.points, second.points)
    assert not first.points.requires_grad and not first.losses.requires_grad


def test_distances_are_lengths():
    points = torch.tensor([[3.0, 4.0], [0.0, 0.0]], dtype=torch.float64)
    path = descent.Path(points, torch.tensor([25.0, 0.0], dtype=torch.float64))
    assert path.distances(torch.zeros(2, dtype=torch.float64)).tolist() == [5.0, 0.0]


def test_losses_are_those_of_the_points():
    loss, _, start = quadratic(1)
    path = descent.run(loss, start, lr=0.1, steps=10)
    assert path.losses.tolist() == [loss(point).item() for point in path.points]
    assert path.steps == 10 and torch.equal(path.end, path.points[-1])


def companion_rate(lr, curvatures, momentum):
    """Spectral radius of the whole iteration, as one matrix."""
    radius = 0.0
    for curvature in curvatures:
        rows = [[1 + momentum - lr * curvature, -momentum], [1.0, 0.0]]
        step = torch.tensor(rows, dtype=torch.float64)
        radius = max(radius, float(torch.linalg.eigvals(step).abs().max()))
    return radius


REGIMES = {
    "crawls": 0.05,
    "glides": 0.8,
    "rings": 1.9,
    "diverges": 2.1,
}


@pytest.mark.parametrize("word", [*REGIMES, "is best"])
@pytest.mark.parametrize("curvatures", [(1.0, 10.0), (0.3, 2.0, 5.0)])
def test_the_measured_rate_is_within_2_percent_of_theory_in_every_regime(word, curvatures):
    high, low = max(curvatures), min(curvatures)
    lr = 2 / (high + low) if word == "is best" else REGIMES[word] / high
    tensor = torch.tensor(curvatures, dtype=torch.float64)
    assert descent.regime(lr, tensor) == word
    start = torch.ones(len(curvatures), dtype=torch.float64)
    path = descent.run(descent.bowl(curvatures), start, lr=lr, steps=600)
    measured = descent.measured_rate(path.distances())
    theory = max(abs(1 - lr * curvature) for curvature in curvatures)
    assert measured == pytest.approx(theory, rel=0.02)
    assert float(descent.predicted_rate(lr, tensor)) == pytest.approx(theory, rel=1e-12)


@pytest.mark.parametrize(
    ("lr", "momentum"),
    [(0.02, 0.1), (0.1, 0.5), (0.1, 0.9), (0.3, 0.8), (0.25, 0.1), (0.3, 0.3)],
    ids=["creeps", "rings", "rings long", "long steps", "just diverges", "diverges"],
)
def test_with_momentum_too(lr, momentum):
    curvatures = (1.0, 10.0)
    start = torch.tensor([1.0, 0.7], dtype=torch.float64)
    bowl = descent.bowl(curvatures)
    path = descent.run(bowl, start, lr=lr, momentum=momentum, steps=600)
    theory = companion_rate(lr, curvatures, momentum)
    predicted = descent.predicted_rate(lr, torch.tensor(curvatures), momentum)
    assert float(predicted) == pytest.approx(theory, rel=1e-12)
    assert descent.measured_rate(path.distances()) == pytest.approx(theory, rel=0.02)


def test_rates_of_a_whole_map_are_those_of_its_places():
    sizes, momenta = torch.linspace(0.01, 0.3, 5), torch.tensor([0.0, 0.4, 0.9])
    rates = descent.predicted_rate(sizes, torch.tensor([1.0, 10.0]), momenta[:, None])
    assert rates.shape == (3, 5)
    for row, momentum in enumerate(momenta.tolist()):
        for column, lr in enumerate(sizes.tolist()):
            expected = companion_rate(lr, (1.0, 10.0), momentum)
            assert float(rates[row, column]) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("seed", range(8))
def test_the_divergence_boundary_is_within_a_thousandth_of_the_bound(seed):
    loss, high, start = quadratic(seed)
    found = descent.divergence_boundary(loss, start, low=0.01, high=5.0)
    assert found == pytest.approx(2 / high, rel=1e-3)


def test_the_best_settings_beat_their_neighbours():
    curvatures = torch.tensor([1.0, 25.0], dtype=torch.float64)
    best = descent.best_settings(curvatures)
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


def test_a_diverging_run_stops_with_a_word_and_its_step():
    path = descent.run(
        lambda w: (w**2).sum(), torch.tensor([1.0], dtype=torch.float64), lr=2.0, steps=5000
    )
    # Each step multiplies by -3, and the loss is the square: 9^k passes 2^1024 at this k.
    step = math.ceil(1024 / math.log2(9))
    assert path.left_at == step
    assert path.steps == step - 1
    assert path.verdict() == f"diverged: left the finite numbers at step {step}"
    assert torch.isfinite(path.points).all() and torch.isfinite(path.losses).all()


def test_a_rule_that_leaves_where_the_loss_stays_finite_is_stopped_too():
    path = descent.record(
        lambda w: w * 1e200, lambda w: torch.tanh(w).sum(), torch.ones(2).double(), 5
    )
    assert path.left_at == 2


def test_a_finite_run_says_so():
    path = descent.run(descent.banana, torch.zeros(2, dtype=torch.float64), lr=0.01, steps=7)
    assert path.verdict() == "finite for all 7 steps"


def test_a_run_that_rises_and_stays_finite_says_so():
    one = torch.tensor([1.0], dtype=torch.float64)
    # Each step multiplies by -1.02, so the loss by 1.02² = 1.0404: 1.0404^500 = 4.0e8.
    path = descent.run(lambda w: (w**2).sum(), one, lr=1.01, steps=500)
    assert path.verdict() == "finite for all 500 steps, but the loss rose from 1.0e+00 to 4.0e+08"
    both = descent.run(lambda w: (w**4).sum(), torch.stack([one, 0.1 * one]), lr=0.51, steps=1)
    # 4 · 0.51 = 2.04: the first goes to -1.04, and 1.04⁴ = 1.17; the second falls.
    assert both.verdict() == "finite for all 1 steps, but the loss rose from 1.0e+00 to 1.2e+00"


def test_the_first_of_several_to_leave_ends_them_all():
    starts = torch.tensor([[0.1], [3.0]], dtype=torch.float64)
    path = descent.run(lambda w: (w**4).sum(), starts, lr=0.5, steps=50)
    alone = descent.run(lambda w: (w**4).sum(), starts[1], lr=0.5, steps=50)
    assert path.left_at == alone.left_at is not None
    assert path.points.shape == (alone.left_at, 2, 1)


def test_a_schedule_may_end_at_zero():
    path = descent.run(BOWL, START, lr=lambda k: max(0.0, 0.1 * (2 - k)), steps=3)
    assert torch.equal(path.points[2], path.points[3])


def test_steps_until_counts_the_last_time_outside():
    distances = torch.tensor([10.0, 0.5, 3.0, 0.9, 0.8])
    assert descent.steps_until(distances, 0.1) == 3
    assert descent.steps_until(distances, 0.01) is None
    assert descent.steps_until(distances, 1.0) == 0


def test_a_measured_rate_survives_distances_that_reach_zero():
    distances = torch.tensor([0.5**k if k < 60 else 0.0 for k in range(100)], dtype=torch.float64)
    assert descent.measured_rate(distances) == pytest.approx(0.5, rel=0.01)


def test_a_tilted_bowl_keeps_its_curvatures_and_turns_its_axis():
    bowl = descent.bowl([2.0, 7.0], tilt=30)
    flat = torch.tensor([math.cos(math.pi / 6), 0.5], dtype=torch.float64)
    steep = torch.tensor([-0.5, math.cos(math.pi / 6)], dtype=torch.float64)
    assert float(bowl(flat)) == pytest.approx(1.0)
    assert float(bowl(steep)) == pytest.approx(3.5)
    assert descent.curvatures(bowl, flat).tolist() == pytest.approx([2.0, 7.0])


def test_the_landscapes_are_those_of_their_formulas():
    w = torch.tensor([0.3, -0.7], dtype=torch.float64)
    assert float(descent.banana(w)) == pytest.approx(0.7**2 + 10 * (-0.7 - 0.09) ** 2)
    deep, shallow = 1.2**2 + 1.2**2, 1.8**2 + 0.2**2
    expected = -math.exp(-deep / 2) - 0.6 * math.exp(-shallow / 2)
    assert float(descent.two_wells(w)) == pytest.approx(expected)


START = torch.ones(2, dtype=torch.float64)
BOWL = descent.bowl([1.0, 2.0])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: descent.run(BOWL, START, lr=0.0, steps=5), ValueError, "lr is 0.0: give"),
        (lambda: descent.run(BOWL, START, lr=math.inf, steps=5), ValueError, "lr is inf: give"),
        (lambda: descent.run(BOWL, START, lr="0.1", steps=5), TypeError, "lr is '0.1': give"),
        (lambda: descent.run(BOWL, START, lr=0.1, steps=0), ValueError, "steps is 0: give"),
        (lambda: descent.run(BOWL, START, lr=0.1, steps=2.0), TypeError, "steps is 2.0: give"),
        (
            lambda: descent.run(BOWL, START, lr=0.1, steps=5, momentum=-0.5),
            ValueError,
            "momentum is -0.5: give",
        ),
        (
            lambda: descent.run(BOWL, START, lr=0.1, steps=5, weight_decay=-1.0),
            ValueError,
            "weight_decay is -1.0: give",
        ),
        (
            lambda: descent.run(BOWL, START, lr=0.1, steps=5, nesterov=True),
            ValueError,
            "nesterov is True and momentum is 0: give",
        ),
        (lambda: descent.run(BOWL, [1.0, 1.0], lr=0.1, steps=5), TypeError, "start is list: give"),
        (
            lambda: descent.run(BOWL, torch.ones(2, dtype=torch.int64), lr=0.1, steps=5),
            TypeError,
            "start is torch.int64: give",
        ),
        (
            lambda: descent.run(BOWL, torch.ones(1, 1, 2), lr=0.1, steps=5),
            ValueError,
            r"start has shape \(1, 1, 2\): give",
        ),
        (
            lambda: descent.run(BOWL, START * math.nan, lr=0.1, steps=5),
            ValueError,
            r"start is \[nan, nan\]: give",
        ),
        (
            lambda: descent.run(lambda w: 1 / (w - 1).sum(), START, lr=0.1, steps=5),
            ValueError,
            "the loss at the start is not finite: start",
        ),
        (
            lambda: descent.run(lambda w: w, START, lr=0.1, steps=5),
            ValueError,
            r"the loss gave \(2,\), not one number",
        ),
        (
            lambda: descent.run(lambda w: 1.0, START, lr=0.1, steps=5),
            ValueError,
            "the loss gave 1.0, not one number",
        ),
        (
            lambda: descent.run(lambda w: torch.tensor(1.0), START, lr=0.1, steps=5),
            ValueError,
            "the loss does not depend on the weights",
        ),
        (
            lambda: descent.run(BOWL, START.float(), lr=0.1, steps=5),
            ValueError,
            r"w is torch.float32 of shape \(2,\): this bowl takes torch.float64 of shape \(2,\)",
        ),
        (
            lambda: descent.run(BOWL, torch.ones(4, 3).double(), lr=0.1, steps=5),
            ValueError,
            r"w is torch.float64 of shape \(3,\): this bowl takes",
        ),
        (
            lambda: descent.run(BOWL, START, lr=lambda k: "a", steps=5),
            TypeError,
            r"lr\(0\) is 'a': give",
        ),
        (
            lambda: descent.run(BOWL, START, lr=lambda k: 0.1 - k, steps=5),
            ValueError,
            r"lr\(1\) is -0.9: give",
        ),
        (
            lambda: descent.run(BOWL, START, lr=lambda k: math.nan, steps=5),
            ValueError,
            r"lr\(0\) is nan: give",
        ),
        (
            lambda: descent.record(lambda w: None, BOWL, START, 5),
            ValueError,
            "the rule gave NoneType, not torch.float64",
        ),
        (
            lambda: descent.record(lambda w: w[None], BOWL, START, 5),
            ValueError,
            r"the rule gave torch.float64 of shape \(1, 2\), not",
        ),
        (
            lambda: descent.record(lambda w: w.float(), BOWL, START, 5),
            ValueError,
            "the rule gave torch.float32 of shape",
        ),
        (lambda: descent.gradient(BOWL, [1.0]), TypeError, "w is list: give"),
        (
            lambda: descent.gradient(BOWL, torch.ones(2, dtype=torch.int64)),
            TypeError,
            "w is torch.int64: give",
        ),
        (
            lambda: descent.curvatures(lambda w: w, START),
            ValueError,
            r"the loss gave \(2,\), not one number",
        ),
        (
            lambda: descent.curvatures(BOWL, START[None]),
            ValueError,
            r"w has shape \(1, 2\): give \(d,\)",
        ),
        (lambda: descent.bowl([]), ValueError, r"curvatures has shape \(0,\): give one"),
        (lambda: descent.bowl([math.nan, 1.0]), ValueError, r"curvatures is \[nan, 1.0\]: give"),
        (lambda: descent.bowl([-1.0, 1.0]), ValueError, r"curvatures is \[-1.0, 1.0\]: give"),
        (
            lambda: descent.predicted_rate(0.1, torch.tensor([-1.0, 2.0])),
            ValueError,
            r"curvatures is \[-1.0, 2.0\]: give",
        ),
        (
            lambda: descent.best_settings([-1.0, 2.0]),
            ValueError,
            r"curvatures is \[-1.0, 2.0\]: give",
        ),
        (
            lambda: descent.best_settings(torch.zeros(2)),
            ValueError,
            r"curvatures is \[0.0, 0.0\]: give",
        ),
        (lambda: descent.regime(-1.0, START), ValueError, "lr is -1.0: give"),
        (
            lambda: descent.regime(0.1, -START),
            ValueError,
            r"curvatures is \[-1.0, -1.0\]: give",
        ),
        (
            lambda: descent.measured_rate(torch.ones(9, 2)),
            ValueError,
            r"distances has shape \(9, 2\): give",
        ),
        (
            lambda: descent.divergence_boundary(BOWL, START, low=0.1, high=3.0, steps=5),
            ValueError,
            "steps is 5: give at least 12",
        ),
        (
            lambda: descent.divergence_boundary(BOWL, START[None], low=0.1, high=3.0),
            ValueError,
            r"start has shape \(1, 2\): give \(d,\)",
        ),
        (lambda: descent.bowl([1.0], tilt=30), ValueError, "tilt needs two curvatures, not 1"),
        (
            lambda: descent.measured_rate(torch.ones(4)),
            ValueError,
            "distances has 2 late steps, too few for a rate: take",
        ),
        (
            lambda: descent.divergence_boundary(BOWL, START, low=1.5, high=3.0),
            ValueError,
            "low is 1.5 and diverges: give",
        ),
        (
            lambda: descent.divergence_boundary(BOWL, START, low=0.1, high=0.2),
            ValueError,
            "high is 0.2 and does not diverge: give",
        ),
    ],
)
def test_bad_input_gets_one_line(call, error, message):
    with pytest.raises(error, match=message) as caught:
        call()
    assert not re.search(r"\n", str(caught.value))
