"""The recorder does what PyTorch's optimizer does, and says how a descent ended."""

import math

import pytest
import torch

from gradient_descent.front_doors import BOWL, START
from gradient_descent.quadratics import quadratic
from helpers.gradient_descent import descent, landscapes


def pytorch_path(loss, start, steps, schedule=None, **settings):
    weights = start.clone().requires_grad_()
    optimizer = torch.optim.SGD([weights], **settings)
    scheduler = schedule and torch.optim.lr_scheduler.LambdaLR(optimizer, schedule)
    points = [weights.detach().clone()]
    for _ in range(steps):
        optimizer.zero_grad()
        loss(weights).backward()
        optimizer.step()
        if scheduler:
            scheduler.step()
        points.append(weights.detach().clone())
    return torch.stack(points)


@pytest.mark.parametrize(
    "seed", [7, *(pytest.param(n, marks=pytest.mark.proof) for n in range(50))]
)
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"momentum": 0.9},
        {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1},
        {"weight_decay": 0.3},
    ],
    ids=lambda settings: " ".join(settings) or "plain",
)
def test_paths_equal_pytorchs_on_quadratics(settings, seed):
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
    together = descent.run(landscapes.two_wells, starts, lr=0.5, momentum=0.5, steps=30)
    assert together.points.shape == (31, 3, 2)
    assert together.losses.shape == (31, 3)
    for place, start in enumerate(starts):
        alone = descent.run(landscapes.two_wells, start, lr=0.5, momentum=0.5, steps=30)
        torch.testing.assert_close(together.points[:, place], alone.points)
        torch.testing.assert_close(together.losses[:, place], alone.losses)


def test_running_leaves_the_start_alone_and_twice_gives_the_same():
    loss, _, start = quadratic(0)
    before = start.clone()
    first, second = (descent.run(loss, start, lr=0.1, momentum=0.9, steps=20) for _ in range(2))
    assert torch.equal(start, before) and start.grad is None and not start.requires_grad
    assert torch.equal(first.points, second.points)
    # And no graph, whatever has one that is handed over.
    factor, begun = torch.tensor(0.5, requires_grad=True), start.clone().requires_grad_()
    for path in (first, descent.record(lambda w: factor * w, loss, begun, 2)):
        assert not path.points.requires_grad and not path.losses.requires_grad


def test_distances_are_lengths():
    points = torch.tensor([[3.0, 4.0], [0.0, 0.0]], dtype=torch.float64)
    path = descent.Path(points, torch.tensor([25.0, 0.0], dtype=torch.float64))
    assert path.distances().tolist() == [5.0, 0.0]
    assert path.distances(torch.tensor([3.0, 0.0])).tolist() == [4.0, 3.0]
    assert path.distances(1.0).tolist() == pytest.approx([math.sqrt(13), math.sqrt(2)])


def test_distances_of_several_descents_are_one_a_descent_and_each_may_have_its_goal():
    points = torch.tensor([[[3.0, 4.0], [6.0, 8.0], [0.0, 1.0]]], dtype=torch.float64)
    path = descent.Path(points, torch.zeros(1, 3))
    assert path.distances().tolist() == [[5.0, 10.0, 1.0]]
    assert path.distances(torch.tensor([[3.0, 4.0], [6.0, 0.0], [0.0, 0.0]])).tolist() == [
        [0.0, 8.0, 1.0]
    ]


def test_losses_are_those_of_the_points():
    loss, _, start = quadratic(1)
    path = descent.run(loss, start, lr=0.1, steps=10)
    assert path.losses.tolist() == [loss(point).item() for point in path.points]
    assert path.steps == 10 and torch.equal(path.end, path.points[-1])
    assert path.verdict() == "finite for all 10 steps"


def test_a_diverging_run_stops_with_a_word_and_its_step():
    path = descent.run(lambda w: (w**2).sum(), START[:1], lr=2.0, steps=5000)
    # Each step multiplies by -3, and the loss is the square: 9^k passes 2^1024 at this k.
    step = math.ceil(1024 / math.log2(9))
    assert path.left_at == step
    assert path.steps == step - 1
    assert path.verdict() == f"diverged: left the finite numbers at step {step}"
    assert torch.isfinite(path.points).all() and torch.isfinite(path.losses).all()


def test_a_rule_that_leaves_where_the_loss_stays_finite_is_stopped_too():
    path = descent.record(lambda w: w * 1e200, lambda w: torch.tanh(w).sum(), START, 5)
    assert path.left_at == 2


def test_a_run_that_rises_and_stays_finite_says_so():
    one = START[:1]
    # Each step multiplies by -1.02, so the loss by 1.02² = 1.0404: 1.0404^500 = 4.0e8.
    path = descent.run(lambda w: (w**2).sum(), one, lr=1.01, steps=500)
    assert path.verdict() == "finite for all 500 steps, but the loss rose from 1.0e+00 to 4.0e+08"
    both = descent.run(lambda w: (w**4).sum(), torch.stack([one, 0.1 * one]), lr=0.51, steps=1)
    # 4 · 0.51 = 2.04: the first goes to -1.04, and 1.04⁴ = 1.17; the second falls.
    assert both.verdict() == "finite for all 1 steps, but the loss rose from 1.0e+00 to 1.2e+00"


@pytest.mark.parametrize(
    ("losses", "verdict"),
    [
        ([[1.0], [1.0]], "finite for all 1 steps"),
        # It may rise on the way.
        ([[2.0], [9.0], [1.0]], "finite for all 2 steps"),
        # The one that rose most is neither the highest nor the one of the largest factor.
        (
            [[100.0, 1.0, 0.01], [101.0, 5.0, 1.0]],
            "finite for all 1 steps, but the loss rose from 1.0e+00 to 5.0e+00",
        ),
    ],
)
def test_a_verdict_tells_of_the_descent_that_rose_most(losses, verdict):
    path = descent.Path(torch.zeros(len(losses), len(losses[0]), 2), torch.tensor(losses))
    assert path.verdict() == verdict


def test_one_number_that_is_not_finite_is_enough_to_leave():
    def rule(w):
        return torch.where(torch.tensor([True, False]), w * 1e200, w)

    # The second weight stays where it is.
    assert descent.record(rule, lambda w: torch.tanh(w).sum(), START, 5).left_at == 2
    rows = torch.stack([START, 0 * START])
    assert descent.record(lambda w: w + 1, lambda w: 1 / (w - 3).sum(), rows, 5).left_at == 2
    with pytest.raises(ValueError, match="^the loss at the start is not finite"):
        descent.record(lambda w: w, lambda w: 1 / w.sum(), rows, 5)


@pytest.mark.parametrize("start", [START.float(), START, torch.stack([START, 2 * START]).float()])
def test_a_path_is_of_the_kind_of_its_start(start):
    path = descent.run(lambda w: (w**2).sum(), start, lr=0.25, steps=2, momentum=0.5)
    # The velocities are 2 and 0.5·2 + 1 = 2 at a start of 1; the points 1, 0.5 and 0.
    assert torch.equal(path.points, torch.stack([start, start / 2, 0 * start]))
    assert path.points.dtype == path.losses.dtype == start.dtype


def test_a_rule_that_writes_where_its_weights_lie_leaves_the_start_alone():
    start = START.clone()
    assert torch.equal(descent.record(lambda w: w.mul_(0.5), BOWL, start, 2).end, START / 4)
    assert torch.equal(start, START)


def test_a_schedule_is_asked_once_a_step_for_how_many_were_taken():
    asked = []
    descent.run(BOWL, START, lr=lambda k: asked.append(k) or 0.1, steps=4)
    assert asked == [0, 1, 2, 3]


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
    # The bound itself is within, the last point is one, and the first is what counts.
    assert descent.steps_until(torch.tensor([4.0, 2.0, 1.0]), 0.5) == 1
    assert descent.steps_until(torch.tensor([4.0, 2.0, 1.0]), 0.25) == 2
    assert descent.steps_until(torch.tensor([4.0, 2.0, 1.0]), 0.2) is None
