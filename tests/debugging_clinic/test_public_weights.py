"""Weights, and what moves them, as they are in public: shared, without a rate, in odd places."""

import functools

import pytest
import torch
from torch import nn

from debugging_clinic.runs import mlp, run
from helpers.debugging_clinic.steps import by_the_book


class FindsItsRate(torch.optim.SGD):
    """Has no rate, or one that it multiplies by what it finds, which begins small."""

    def __init__(self, params, lr=None, weight_decay=0.0):
        super().__init__(params, 0.0 if lr is None else lr, weight_decay=weight_decay)
        for group in self.param_groups:
            group["lr"] = lr

    def step(self, closure=None):
        rates = [group["lr"] for group in self.param_groups]
        for group in self.param_groups:
            group["lr"] = 0.01 if group["lr"] is None else 0.01 * group["lr"]
        super().step(closure)
        for group, rate in zip(self.param_groups, rates, strict=True):
            group["lr"] = rate


@pytest.mark.parametrize("step", [None, by_the_book])
@pytest.mark.parametrize("options", [{}, {"lr": 1.0, "weight_decay": 0.1}])
def test_an_optimiser_may_find_its_rate_by_itself(batches, options, step):
    """As A2Grad, Adafactor, D-Adaptation and Prodigy do."""
    torch.manual_seed(0)
    make = functools.partial(FindsItsRate, **options)
    assert run(mlp(), batches, make, step=step).checked().healthy


class Sampled(nn.Module):
    """Holds a weight, and a parameter made of it in another module, as Bayesian layers do."""

    def __init__(self, rows, columns):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(rows, columns) / columns**0.5)
        self.sampler = nn.Module()
        self.sampler.mean = nn.Parameter(self.weight)

    def forward(self, images):
        return images @ self.sampler.mean.T


@pytest.mark.parametrize("step", [None, by_the_book])
def test_two_parameters_may_share_their_numbers(batches, step):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), Sampled(20, 784), nn.ReLU(), nn.Linear(20, 10))
    assert run(network, batches, step=step).checked().healthy
