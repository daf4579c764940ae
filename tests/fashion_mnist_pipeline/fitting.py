"""What the tests of `fit` and `evaluate` share: a small network, its batches, and what to ask."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from helpers.fashion_mnist_pipeline import training

CHANCE = torch.Generator().manual_seed(0)
Y = torch.arange(30) % 3
X = torch.eye(3).repeat(1, 2)[Y] + 0.3 * torch.randn(30, 6, generator=CHANCE)


def in_batches(x, y, size=10):
    return list(zip(x.split(size), y.split(size), strict=True))


def network(*head, scores=3):
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, scores), *head)


def sgd(net, lr=0.1):
    return torch.optim.SGD(net.parameters(), lr=lr)


def fit(net, batches=None, loss=F.cross_entropy, optimizer=None, **options):
    batches = in_batches(X, Y) if batches is None else batches
    options = {"epochs": 1, "progress": False, **options}
    return training.fit(net, batches, loss, optimizer or sgd(net), **options)


def weights_of(net):
    return [weight.detach().clone() for weight in net.parameters()]


def same(some, others):
    return all(map(torch.equal, some, others))


def one_line(words, call, *arguments, **options):
    with pytest.raises((TypeError, ValueError), match=words) as caught:
        call(*arguments, **options)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400


def refused_by_fit(words, net, *arguments, **options):
    before = weights_of(net)
    one_line(words, fit, net, *arguments, **options)
    assert same(weights_of(net), before)
