"""A step is watched from outside: its faults are named, and whatever is sound is left in peace."""

import copy
import functools
import itertools

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from debugging_clinic.runs import Drops, check, cnn, mlp, same
from helpers.debugging_clinic import preflight
from helpers.debugging_clinic.steps import by_the_book as step


def nobody_steps(network, images, labels, loss_function, optimizer):
    loss_function(network(images), labels).backward()


KEPT = []


def keeps_a_list(network, images, labels, loss_function, optimizer):
    optimizer.zero_grad()
    KEPT.append(loss_function(network(images), labels))
    KEPT[-1].backward()
    optimizer.step()


def looks_only(network, images, labels, loss_function, optimizer):
    return loss_function(network(images), labels).item()


def leaves_eval_mode_on(network, images, labels, loss_function, optimizer):
    network.eval()
    step(network, images, labels, loss_function, optimizer)


@pytest.mark.proof
@pytest.mark.parametrize(
    ("fault", "network", "faulty"),
    [
        ("no step", mlp, nobody_steps),
        ("no backward", mlp, looks_only),
        ("a graph kept from step to step", mlp, keeps_a_list),
        ("model left in eval mode", cnn, leaves_eval_mode_on),
    ],
)
def test_faults_of_a_step_are_named(fault, network, faulty, batches):
    torch.manual_seed(1)
    assert check(network(), batches, step=faulty).faults == (fault,)


def trains(network, *rest):
    network.train()
    step(network, *rest)


def test_a_part_in_eval_mode_is_a_fault_unless_it_is_frozen(batches):
    torch.manual_seed(0)
    few, off = batches[:4], ("model left in eval mode",)
    network = nn.Sequential(cnn()[:5], nn.Flatten(), nn.Linear(576, 10))
    network[0].eval()
    assert check(network, few).faults == off
    network[0].requires_grad_(False)
    assert check(network, few).healthy
    dropping = mlp(noise=[nn.Dropout(0.5)])
    dropping[3].eval()
    assert check(dropping, few, step=step).faults == off
    assert check(mlp(noise=[Drops()]).eval(), few).faults == off
    assert check(mlp(noise=[Drops()]), few).healthy
    assert check(mlp().eval(), few).healthy  # The same in both modes.
    assert check(cnn().eval(), few, step=trains).healthy


CALLS = itertools.count(1)


def adding_up_over_eight_calls(network, images, labels, loss_function, optimizer):
    (loss_function(network(images), labels) / 8).backward()
    if next(CALLS) % 8 == 0:
        optimizer.step()
        optimizer.zero_grad()


def looking_too(network, images, labels, loss_function, optimizer):
    step(network, images, labels, loss_function, optimizer)
    network.eval()
    with torch.no_grad():
        network(images)
    network.train()


@pytest.mark.proof
def test_unusual_steps_and_optimisers_pass(batches):
    torch.manual_seed(0)
    assert check(mlp(), batches, step=adding_up_over_eight_calls).healthy
    assert check(cnn(), batches, step=looking_too).healthy
    lbfgs = functools.partial(torch.optim.LBFGS, lr=0.05, max_iter=4)
    assert check(mlp(width=16), batches[:1], lbfgs).healthy
    network = mlp()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    torch.optim.lr_scheduler.LambdaLR(optimizer, lambda n: min(1, n / 100))
    assert optimizer.param_groups[0]["lr"] == 0
    assert preflight.check(network, batches, F.cross_entropy, optimizer, step=step).healthy
    some_ignored = [(x, y.where(torch.arange(len(y)) % 10 > 0, -100)) for x, y in batches]
    assert check(mlp(), some_ignored).healthy


def test_a_step_that_uses_global_names_is_named_and_undone(batches):
    torch.manual_seed(0)
    network = mlp()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
    before = copy.deepcopy(network.state_dict())

    def careless(_, images, labels, loss_function, __):
        step(network, images, labels, loss_function, optimizer)

    report = preflight.check(network, batches, F.cross_entropy, optimizer, step=careless)
    assert report.faults == ("step works on something else",)
    assert same(network.state_dict(), before)
    assert not optimizer.state_dict()["state"]
