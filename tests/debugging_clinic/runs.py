"""Networks, optimisers, steps and batches that the pre-flight check is tried on."""

import torch
from torch import nn
from torch.nn import functional as F

from helpers.debugging_clinic import preflight


def mlp(*head, width=64, noise=()):
    hidden = nn.Linear(784, width)
    return nn.Sequential(nn.Flatten(), hidden, nn.ReLU(), *noise, nn.Linear(width, 10), *head)


def cnn(norm=True):
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, stride=2),
        *([nn.BatchNorm2d(8)] if norm else []),
        nn.ReLU(),
        nn.Conv2d(8, 16, 3, stride=2),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(576, 10),
    )


def sgd(lr, momentum=0.0, **options):
    return lambda w: torch.optim.SGD(w, lr=lr, momentum=momentum, **options)


def adam(lr):
    return lambda w: torch.optim.Adam(w, lr=lr)


def step(network, images, labels, loss_function, optimizer):
    optimizer.zero_grad()
    loss = loss_function(network(images), labels)
    loss.backward()
    optimizer.step()


def accumulating(network, images, labels, loss_function, optimizer):
    optimizer.zero_grad()
    for half in (slice(0, 50), slice(50, 100)):
        (loss_function(network(images[half]), labels[half]) / 2).backward()
    optimizer.step()


class DropsAlways(nn.Module):
    def __init__(self, p=0.5):
        super().__init__()
        self.first, self.last, self.p = nn.Linear(784, 20), nn.Linear(20, 10), p

    def forward(self, x):
        on = self.training if self.p is None else True
        return self.last(F.dropout(self.first(x.flatten(1)).relu(), 0.5, training=on))


def batches_of(garments, size, seed, count=4_000):
    chosen = torch.randperm(
        len(garments.train_labels), generator=torch.Generator().manual_seed(seed)
    )
    pixels = garments.train_images[chosen[:count]].unsqueeze(1).float() / 255
    labels = garments.train_labels[chosen[:count]]
    return list(zip(pixels.split(size), labels.split(size), strict=True))


def rest_of(garments):
    return [(garments.test_images[:500].unsqueeze(1).float() / 255, garments.test_labels[:500])]


def check(network, batches, make=None, loss_function=F.cross_entropy, **options):
    optimizer = (make or sgd(0.1))([w for w in network.parameters() if w.requires_grad])
    return preflight.check(network, batches, loss_function, optimizer, **options)


def same(one, other):
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other
