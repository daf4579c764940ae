"""A step is watched from outside: its faults are named, and whatever is sound is left in peace."""

import torch
from torch import nn

from debugging_clinic.runs import Drops, check, cnn, mlp
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
