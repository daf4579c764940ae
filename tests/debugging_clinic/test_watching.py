"""A step is watched from outside: its faults are named, and whatever is sound is left in peace."""

import functools

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from debugging_clinic.runs import Drops, check, cnn, mlp, run
from helpers.debugging_clinic.steps import by_the_book as step


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


class Alike:
    """A loss that is called as an object is, and no module."""

    def __call__(self, scores, labels):
        return F.cross_entropy(scores, labels)


KINDS = [
    F.cross_entropy,
    nn.CrossEntropyLoss(),
    lambda *given: F.cross_entropy(*given),
    functools.partial(F.cross_entropy, reduction="mean"),
    Alike(),
    Alike().__call__,
    torch.jit.script(nn.CrossEntropyLoss()).forward,
]


@pytest.mark.parametrize("kind", range(len(KINDS)))
def test_what_a_loss_of_any_kind_is_asked_is_heard(batches, kind):
    """The way up, labels in another order, and scores that are probabilities."""

    def uphill(network, images, labels, loss_function, optimizer):
        optimizer.zero_grad()
        (-loss_function(network(images), labels)).backward()
        optimizer.step()

    def shuffled(network, images, labels, loss_function, optimizer):
        step(network, images, labels[torch.randperm(len(labels))], loss_function, optimizer)

    def squashed(network, images, labels, loss_function, optimizer):
        step(lambda given: network(given).softmax(1), images, labels, loss_function, optimizer)

    torch.manual_seed(0)
    few = batches[:4]
    for taken, fault in (
        (uphill, "loss the wrong way up"),
        (shuffled, "labels shuffled in the step"),
        (squashed, "softmax before cross-entropy"),
    ):
        assert run(mlp(), few, loss_function=KINDS[kind], step=taken).check().faults == (fault,)
