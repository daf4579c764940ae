"""`fit` and schedules of all kinds: told as PyTorch's are, or refused in one line."""

import itertools

import pytest
import torch
from torch.optim import lr_scheduler

from fashion_mnist_pipeline.fitting import (
    X,
    Y,
    fit,
    in_batches,
    network,
    one_line,
    refused_by_fit,
    same,
    sgd,
    weights_of,
)


def two_in_sequence(optimizer):
    parts = lr_scheduler.LinearLR(optimizer, total_iters=2), lr_scheduler.StepLR(optimizer, 1)
    return lr_scheduler.SequentialLR(optimizer, parts, milestones=[2])


def two_at_once(optimizer):
    parts = lr_scheduler.StepLR(optimizer, 2), lr_scheduler.ExponentialLR(optimizer, 0.5)
    return lr_scheduler.ChainedScheduler(parts, optimizer)


def warm_up(optimizer):  # From 0.
    return lr_scheduler.LambdaLR(optimizer, lambda step: min(step / 4, 1.0))


def one_cycle(optimizer, steps=6):
    return lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=steps)


def half_used(cycle):
    for _ in range(5):
        cycle.optimizer.step()
        cycle.step()
    return cycle


def restarted(optimizer):
    return lr_scheduler.CosineAnnealingWarmRestarts(optimizer, 4)


@pytest.mark.parametrize("make", [two_in_sequence, two_at_once, warm_up, one_cycle, restarted])
@pytest.mark.parametrize(("every", "told"), [("step", 6), ("epoch", 2)])
@pytest.mark.filterwarnings("error")
def test_a_schedule_is_told_as_often_as_is_said(make, every, told):
    net, alone = network(), sgd(network())
    expected = make(alone)
    for _ in range(told):
        alone.step()
        expected.step()
    optimizer = sgd(net)
    fit(net, optimizer=optimizer, epochs=2, schedule=make(optimizer), schedule_every=every)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(alone.param_groups[0]["lr"])


@pytest.mark.parametrize("every", ["step", "epoch"])
@pytest.mark.parametrize(("mode", "validated"), [*itertools.product(["min", "max"], [False, True])])
def test_a_plateau_is_told_the_loss_or_the_accuracy_of_each_epoch(mode, validated, every):
    net, heard = network(), []
    optimizer = sgd(net)
    schedule = lr_scheduler.ReduceLROnPlateau(optimizer, mode)
    schedule.step = heard.append
    part = in_batches(X[:9], Y[:9]) if validated else None
    options = {"schedule": schedule, "schedule_every": every, "validation": part}
    history = fit(net, optimizer=optimizer, epochs=2, **options)
    name = ("validation_" if validated else "") + ("loss" if mode == "min" else "accuracy")
    assert heard == getattr(history, name) and len(heard) == 2


def after_a_warm_up(optimizer, steps):
    parts = lr_scheduler.LinearLR(optimizer, total_iters=2), one_cycle(optimizer, steps)
    return lr_scheduler.SequentialLR(optimizer, parts, milestones=[2])


def at_once(optimizer, steps):
    parts = one_cycle(optimizer, steps), lr_scheduler.ExponentialLR(optimizer, 0.5)
    return lr_scheduler.ChainedScheduler(parts, optimizer)


@pytest.mark.parametrize(("make", "steps"), [(after_a_warm_up, 4), (at_once, 6)])
def test_a_schedule_within_another_that_lasts_long_enough_is_told_to_its_end(make, steps):
    net = network()
    optimizer = sgd(net)
    schedule = make(optimizer, steps)
    fit(net, optimizer=optimizer, schedule=schedule, epochs=2)
    with pytest.raises(ValueError, match="Tried to step"):
        schedule.step()


class WithNumber(lr_scheduler.LRScheduler):
    """As other libraries have them."""

    def step(self, epoch, metric=None):
        raise AssertionError("told")

    def _initial_step(self):
        pass


class OfAPlateauAndANumber(lr_scheduler.ReduceLROnPlateau):
    def step(self, metrics, epoch):
        raise AssertionError("told")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (OfAPlateauAndANumber, "schedule's step asks for epoch: give one"),
        (WithNumber, "schedule's step asks for epoch: give one whose step asks for nothing"),
        (lambda _: warm_up(sgd(network())), "schedule moves another optimiser"),
        (lambda _: lr_scheduler.StepLR, "schedule is a type: give one"),
        (lambda of: half_used(one_cycle(of, steps=10)), "5 steps left and would be told 6"),
        (lambda of: one_cycle(of, steps=5), "5 steps left and would be told 6.*total_steps=6$"),
        (lambda of: after_a_warm_up(of, steps=3), "3 steps left .* told 4.*total_steps=4$"),
        (lambda of: at_once(of, steps=5), "5 steps left and would be told 6.*total_steps=6$"),
    ],
)
def test_a_schedule_that_cannot_serve_is_refused_before_the_first_step(make, words):
    net = network()
    optimizer = sgd(net)
    refused_by_fit(words, net, optimizer=optimizer, schedule=make(optimizer), epochs=2)


def test_a_schedule_that_fails_is_named():
    net = network()
    optimizer = sgd(net)
    short = lr_scheduler.LambdaLR(optimizer, [1.0, 0.5].__getitem__)
    one_line("schedule's step failed: list index", fit, net, optimizer=optimizer, schedule=short)


@pytest.mark.parametrize(
    ("factor", "rate"),
    [
        (lambda told: 1 - 2 * told, "-0.1"),  # As of a schedule that counts epochs.
        (lambda told: (1 - 2 * told) ** 0.5, r"\(.*j\)"),
        (lambda told: float("nan") if told else 1.0, "nan"),
    ],
)
def test_no_step_is_made_at_a_rate_that_is_none(factor, rate):
    net, by_hand = network(), network()
    optimizer = sgd(net)
    schedule = lr_scheduler.LambdaLR(optimizer, factor)
    words = f"learning rate is {rate}: give .* schedule_every='epoch' if its schedule counts epochs"
    one_line(words, fit, net, optimizer=optimizer, schedule=schedule)
    fit(by_hand, in_batches(X, Y)[:1])
    assert same(weights_of(net), weights_of(by_hand))


def test_a_rate_may_end_below_zero_where_no_step_follows():
    net = network()
    optimizer = sgd(net)
    fit(net, optimizer=optimizer, schedule=lr_scheduler.LambdaLR(optimizer, lambda t: 1 - t / 2))
    assert optimizer.param_groups[0]["lr"] < 0


def test_a_rate_of_nothing_is_fine_for_some_weights_or_with_a_schedule_alone():
    net = network()
    groups = [{"params": net[0].parameters(), "lr": 0.0}, {"params": net[2].parameters()}]
    before = net[0].weight.clone(), net[2].weight.clone()
    fit(net, optimizer=torch.optim.SGD(groups, lr=0.1))
    assert torch.equal(net[0].weight, before[0]) and not torch.equal(net[2].weight, before[1])
    refused_by_fit("learning rate is 0.0: give", net, optimizer=sgd(net, lr=0.0))
