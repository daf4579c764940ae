"""Networks, optimisers, steps and batches that the pre-flight check is tried on."""

import warnings
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

from common.snapshot import changed, snapshot
from helpers.debugging_clinic import preflight
from helpers.fashion_mnist_pipeline import fashion, standin


def mlp(*head, width=64, noise=()):
    hidden = nn.Linear(784, width)
    return nn.Sequential(nn.Flatten(), hidden, nn.ReLU(), *noise, nn.Linear(width, 10), *head)


def cnn(norm=True):
    first = [nn.Conv2d(1, 8, 3, stride=2), *([nn.BatchNorm2d(8)] if norm else []), nn.ReLU()]
    second = [nn.Conv2d(8, 16, 3, stride=2), nn.ReLU()]
    return nn.Sequential(*first, *second, nn.Flatten(), nn.Linear(576, 10))


def sgd(lr, momentum=0.0, **options):
    return lambda w: torch.optim.SGD(w, lr=lr, momentum=momentum, **options)


def adam(lr):
    return lambda w: torch.optim.Adam(w, lr=lr)


def accumulating(network, images, labels, loss_function, optimizer):
    optimizer.zero_grad()
    for half in (slice(0, 50), slice(50, 100)):
        (loss_function(network(images[half]), labels[half]) / 2).backward()
    optimizer.step()


class Layer(nn.Module):
    """A layer that is a function, and may have parts that it leaves out."""

    def __init__(self, function, **parts):
        super().__init__()
        self.forward, self.parts = function, nn.ModuleDict(parts)


class Drops(nn.Module):
    """Dropout that no type tells."""

    def forward(self, hidden):
        return F.dropout(hidden, 0.5, training=self.training)


def drawn_garments(train, test):
    parts = standin.draw_parts(train=train, test=test)
    return fashion.Garments(*parts, source=fashion.Source("stand-in", "for a test"))


def batches_of(garments, size, seed):
    chance = torch.Generator().manual_seed(seed)
    some = garments.train_images[:4_000], garments.train_labels[:4_000]
    return list(fashion.Batches(*some, size, generator=chance))


@dataclass
class Run:
    """What is handed to the check, and what else must stay as it is: a function returns it."""

    network: nn.Module
    batches: object
    loss_function: object
    optimizer: object
    step: object = None
    test: object = None
    kept: object = tuple

    def state(self):
        handed = self.network, self.batches, self.loss_function, self.optimizer, self.step
        return snapshot(*handed, self.test, *self.kept())

    def check(self):
        run = self.network, self.batches, self.loss_function, self.optimizer
        return preflight.check(*run, step=self.step, test=self.test)

    def checked(self):
        """Check, and see that nothing is changed or said that training would not say."""
        before = self.state()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            report = self.check()
        assert changed(before, self.state()) == []
        return report


def run(network, batches, make=None, loss_function=F.cross_entropy, **options):
    optimizer = (make or sgd(0.1))([w for w in network.parameters() if w.requires_grad])
    return Run(network, batches, loss_function, optimizer, **options)


def check(*args, **options):
    return run(*args, **options).check()


def same(one, other):
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other
