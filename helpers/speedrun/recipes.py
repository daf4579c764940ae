"""From the raw bytes of FashionMNIST to a network that names garments, in seconds, on one page.

Edges are worked out once. Two layers, or convolutions, learn from them: `steps` moves the weights.
"""

import math
from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from helpers.speedrun.products import LAST, PlaceByPlace, products_in, quicker_dtype
from helpers.speedrun.steps import Steps


@dataclass(frozen=True)
class Recipe:
    """All that is chosen for a run. With `channels` it has convolutions, else two layers."""

    epochs: float = 3.0
    channels: tuple[int, ...] = ()
    hidden: int = 512  # units of the layer before the last
    batch_size: int = 256
    rate: float = 0.005  # Adam's, at its highest
    filters_rate: float = 0.06  # Muon's
    warm_up: float = 0.15  # the part of all steps in which the rate rises
    falls: bool = True  # the rate, afterwards
    smoothing: float = 0.1  # of the labels
    edges: bool = True  # or the pixels as they are
    root: bool = True  # of the strength of edges, so that faint ones count
    hard: float = 1.0  # after the first epoch only this part of the images, of the highest loss
    mirror: bool = False  # half of each batch in the mirror, and in the end both sides are asked
    moved: bool = False  # in the end each image is asked about a pixel aside as well
    networks: int = 1  # trained one after the other; their answers are added up
    dtype: torch.dtype | None = None  # of the products; None: what is quicker here


def prepare(images: Tensor, recipe: Recipe, dtype: torch.dtype) -> Tensor:
    """Turn bytes, shape (n, 28, 28), into notebook 04's edges beside a small picture.

    For convolutions nine maps, (n, 9, 14, 14); for two layers (n, 844), over squares that overlap.
    """
    if not recipe.edges:
        return images.flatten(1).to(dtype).div_(255)
    side, stride = (2, 2) if recipe.channels else (4, 3)
    angles = torch.arange(8).view(8, 1, 1) * math.pi / 4
    rising = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]]) / 255
    filters = (angles.cos() * rising + angles.sin() * rising.T).unsqueeze(1)
    filters = filters.to(dtype, memory_format=LAST)
    # A mean over squares is a convolution, and as one takes a third of avg_pool2d's time.
    mean, small = (torch.full((8, 1, k, k), 1 / k**2, dtype=dtype) for k in (side, 2))
    ready = []
    for some in images.split(256):  # Small pieces stay in the processor's own memory.
        x = some.unsqueeze(1).to(dtype, memory_format=LAST)
        edges = F.conv2d(F.conv2d(x, filters, padding=1).relu_(), mean, stride=stride, groups=8)
        maps = [edges.sqrt_() if recipe.root else edges, F.conv2d(x, small[:1] / 255, stride=2)]
        ready.append(torch.cat(maps if recipe.channels else [m.flatten(1) for m in maps], dim=1))
    return torch.cat(ready)


def build(recipe: Recipe, features: int) -> nn.Sequential:
    """Return the network of a recipe, from so many features to ten scores."""
    hidden = recipe.hidden
    if not recipe.channels:
        return nn.Sequential(nn.Linear(features, hidden), nn.ReLU(), nn.Linear(hidden, 10))
    layers: list[nn.Module] = []
    for before, after in zip((9, *recipe.channels[:-1]), recipe.channels, strict=True):
        pool = [] if layers else [nn.MaxPool2d(2)]
        layers += [nn.Conv2d(before, after, 3, padding=1, bias=False), *pool]
        layers += [nn.BatchNorm2d(after), nn.ReLU()]
    layers += [PlaceByPlace(), nn.Linear(49 * recipe.channels[-1], hidden, bias=False)]
    layers += [nn.BatchNorm1d(hidden), nn.ReLU(), nn.Linear(hidden, 10)]
    return nn.Sequential(*layers).to(memory_format=LAST)


@dataclass(frozen=True)
class Trained:
    """Networks that name images, with all that was learnt and chosen."""

    recipe: Recipe
    networks: list[nn.Sequential]
    middle: Tensor | float
    spread: Tensor | float
    dtype: torch.dtype

    def ready(self, images: Tensor) -> Tensor:
        """Return what a network gets of images, bytes of shape (n, 28, 28)."""
        ready = prepare(images, self.recipe, self.dtype)
        # Maps meet batch norm later on, and need no standardising here.
        return ready if self.recipe.channels else ready.sub_(self.middle).div_(self.spread)

    @torch.no_grad()
    def __call__(self, images: Tensor) -> Tensor:
        """Name images."""
        if len(images) > 2000:  # Smaller pieces stay in the processor's own memory.
            return torch.cat([self(some) for some in images.split(2000)])
        sides = [images, images.flip(2)] if self.recipe.mirror else [images]
        views = product(sides, (0, 1, -1) if self.recipe.moved else (0,), self.networks)
        with products_in(self.dtype):  # A picture moved by a pixel has half a vote.
            said = [
                (1 - abs(by) / 2) * net(self.ready(v.roll(by, 2))).float().softmax(1)
                for v, by, net in views
            ]
        return torch.stack(said).sum(0).argmax(dim=1)


def learn(images: Tensor, labels: Tensor, recipe: Recipe, seed: int) -> Trained:
    """Train by a recipe, from bytes of shape (n, 28, 28)."""
    torch.manual_seed(seed)
    dtype = recipe.dtype or quicker_dtype()
    some = prepare(images[::25], recipe, dtype).float()
    trained = Trained(recipe, [], some.mean(0).to(dtype), (some.std(0) + 0.01).to(dtype), dtype)
    known = trained.ready(images)
    mirrored = trained.ready(images.flip(2)) if recipe.mirror else None
    for _ in range(recipe.networks):
        trained.networks.append(build(recipe, some[0].numel()))
        train(trained, known, mirrored, labels)
    return trained


def train(trained: Trained, known: Tensor, mirrored: Tensor | None, labels: Tensor) -> None:
    """Train the latest network on what it gets of images, and of those in the mirror."""
    recipe, network, size = trained.recipe, trained.networks[-1], trained.recipe.batch_size
    steps = Steps(network.parameters())
    loss_of_each = nn.CrossEntropyLoss(label_smoothing=recipe.smoothing, reduction="none")
    losses, batches = torch.ones(len(known)), list[Tensor]()
    count = int(recipe.epochs * (len(known) // size))
    for number in range(1, count + 1):
        if not batches:
            kept = losses.topk(int(len(known) * (recipe.hard if number > 1 else 1))).indices
            batches = [*kept[torch.randperm(len(kept))][: len(kept) // size * size].split(size)]
        batch = batches.pop()
        x = known[batch]
        if mirrored is not None:
            x[::2] = mirrored[batch[::2]]
        with products_in(trained.dtype):
            loss = loss_of_each(network(x), labels[batch])
        loss.mean().backward()
        losses[batch] = loss.detach()
        done = number / count
        part = min(done / recipe.warm_up, (1 - done) / (1 - recipe.warm_up) if recipe.falls else 1)
        steps.take(part * recipe.rate, part * recipe.filters_rate)
    network.eval()
