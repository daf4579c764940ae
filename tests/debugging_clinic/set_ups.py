"""Training runs as people write them, each with things of its own that a check must not change."""

import argparse
import collections
import copy
import functools
import random
import types

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import prune
from torch.optim import lr_scheduler as schedules
from torch.optim.swa_utils import SWALR, AveragedModel, get_ema_multi_avg_fn
from torch.utils.checkpoint import checkpoint
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from debugging_clinic.runs import Run
from helpers.fashion_mnist_pipeline import training

LABELS = torch.arange(60) % 3
IMAGES = F.one_hot(LABELS, 8).float() + 0.3 * torch.randn(
    60, 8, generator=torch.Generator().manual_seed(0)
)
BATCHES = list(zip(IMAGES.split(20), LABELS.split(20), strict=True))


def mlp(*between):
    return nn.Sequential(nn.Linear(8, 12), *between, nn.ReLU(), nn.Linear(12, 3))


def sgd(network, lr=0.1):
    return torch.optim.SGD(network.parameters(), lr=lr, momentum=0.5)


def book(network, images, labels, loss_function, optimizer):
    optimizer.zero_grad()
    loss = loss_function(network(images), labels)
    loss.backward()
    optimizer.step()
    return loss.detach()


def tiny(network=None, optimizer=None, step=book, batches=BATCHES, loss_function=F.cross_entropy,
         kept=()):  # fmt: skip
    network = network or mlp()
    keeps = kept if callable(kept) else lambda: kept
    return Run(network, batches, loss_function, optimizer or sgd(network), step, None, keeps)


def trained(run):
    """Take two steps by the book, so that there are gradients and velocities to lose."""
    for images, labels in BATCHES[:2]:
        book(run.network, images, labels, F.cross_entropy, run.optimizer)
    return run


SCHEDULES = {
    "LambdaLR": lambda o: schedules.LambdaLR(o, lambda n: 0.9**n),
    "MultiplicativeLR": lambda o: schedules.MultiplicativeLR(o, lambda n: 0.9),
    "StepLR": lambda o: schedules.StepLR(o, 2),
    "MultiStepLR": lambda o: schedules.MultiStepLR(o, [1, 3]),
    "ConstantLR": lambda o: schedules.ConstantLR(o, total_iters=2),
    "LinearLR": schedules.LinearLR,
    "ExponentialLR": lambda o: schedules.ExponentialLR(o, 0.9),
    "PolynomialLR": lambda o: schedules.PolynomialLR(o, 10),
    "CosineAnnealingLR": lambda o: schedules.CosineAnnealingLR(o, 10),
    "warm restarts": lambda o: schedules.CosineAnnealingWarmRestarts(o, 3),
    "CyclicLR": lambda o: schedules.CyclicLR(o, 0.01, 0.1, step_size_up=2),
    "OneCycleLR": lambda o: schedules.OneCycleLR(o, 0.5, total_steps=500),
    "SequentialLR": lambda o: schedules.SequentialLR(
        o, [schedules.LinearLR(o, total_iters=2), schedules.ExponentialLR(o, 0.9)], [2]
    ),
    "ChainedScheduler": lambda o: schedules.ChainedScheduler(
        [schedules.LinearLR(o), schedules.ExponentialLR(o, 0.9)]
    ),
    "SWALR": lambda o: SWALR(o, 0.01, anneal_epochs=3),
}


def scheduled(make):
    run = trained(tiny())
    schedule = make(run.optimizer)

    def step(*given):
        book(*given)
        schedule.step()

    run.step, run.kept = step, lambda: (schedule,)
    return run


def on_plateau():
    run = tiny()
    schedule = schedules.ReduceLROnPlateau(run.optimizer, patience=0, threshold=10.0)

    def step(*given):
        schedule.step(book(*given))

    run.step, run.kept = step, lambda: (schedule,)
    return run


def averaged():
    run = tiny()
    average = AveragedModel(run.network, multi_avg_fn=get_ema_multi_avg_fn(0.9))
    average.update_parameters(run.network)

    def step(network, *rest):
        book(network, *rest)
        average.update_parameters(network)

    run.step, run.kept = step, lambda: (average,)
    return run


def averaged_by_hand():
    run = tiny()
    shadow = {name: weight.detach().clone() for name, weight in run.network.named_parameters()}

    def step(network, *rest):
        book(network, *rest)
        for name, weight in network.named_parameters():
            shadow[name].mul_(0.9).add_(weight.detach(), alpha=0.1)
            shadow[name] = shadow[name].clone()

    run.step, run.kept = step, lambda: (shadow,)
    return run


def scaled():
    run = tiny()
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0, growth_interval=1)

    def step(network, images, labels, loss_function, optimizer):
        optimizer.zero_grad()
        scaler.scale(loss_function(network(images), labels)).backward()
        scaler.step(optimizer)
        scaler.update()

    run.step, run.kept = step, lambda: (scaler,)
    return run


class Halves(torch.optim.Optimizer):
    """Plain descent, each second step half as long."""

    def __init__(self, weights, lr):
        super().__init__(weights, {"lr": lr})
        self.count, self.rates = 0, []

    @torch.no_grad()
    def step(self, closure=None):
        self.count += 1
        for group in self.param_groups:
            self.rates.append(group["lr"] / (1 + self.count % 2))
            for weight in group["params"]:
                if weight.grad is not None:
                    weight.sub_(weight.grad, alpha=self.rates[-1])


class Lookahead(torch.optim.Optimizer):
    """An optimiser around another, whose weights follow its slowly."""

    def __init__(self, inner):
        super().__init__(inner.param_groups, {})
        self.inner, self.calls, self.param_groups = inner, 0, inner.param_groups
        self.slow = [w.detach().clone() for group in self.param_groups for w in group["params"]]

    def step(self, closure=None):
        self.inner.step()
        self.calls += 1
        weights = [w for group in self.param_groups for w in group["params"]]
        if self.calls % 2 == 0:
            for weight, slow in zip(weights, self.slow, strict=True):
                slow.lerp_(weight.detach(), 0.5)
                weight.data.copy_(slow)


class Wrapper:
    """No optimiser of PyTorch's, but used like one."""

    def __init__(self, inner):
        self.inner, self.calls = inner, 0

    param_groups = property(lambda self: self.inner.param_groups)

    def zero_grad(self):
        self.inner.zero_grad()

    def step(self):
        self.calls += 1
        self.inner.step()


def with_optimizer(make):
    network = mlp()
    return tiny(network, make(network))


def closing_over_the_optimizer():
    """A step that warms the rate up by hand, in the optimiser that it closes over."""
    run, calls = tiny(), 0

    def step(network, images, labels, loss_function, optimizer):
        nonlocal calls
        calls += 1
        run.optimizer.param_groups[0]["lr"] = 0.01 * calls
        run.optimizer.defaults["seen"] = run.optimizer.own = calls
        book(network, images, labels, loss_function, optimizer)

    run.step, run.kept = step, lambda: (step,)
    return run


def one_for_the_head():
    """Two optimisers, as people take them for matrices and for all the rest."""
    network = mlp()
    head = torch.optim.Adam(network[-1].parameters(), lr=0.01)

    def step(*given):
        head.zero_grad()
        loss = book(*given)
        head.step()
        return loss

    return tiny(network, sgd(network[0]), step, kept=(head,))


def on_the_real_ones():
    run = trained(tiny())

    def step(_, images, labels, loss_function, __):
        run.network.eval()
        book(run.network, images, labels, loss_function, run.optimizer)
        run.network[0].weight.requires_grad_(False)
        run.network[0].register_forward_hook(lambda *_: None)
        run.network[2].bias.data = run.network[2].bias.data + 1
        run.network.note = "trained"

    run.step = step
    return run


def accumulating():
    run, seen = tiny(), {"calls": 0, "losses": [], "last": collections.deque(maxlen=2)}
    total = torch.zeros(())

    def step(network, images, labels, loss_function, optimizer):
        seen["calls"] += 1
        loss = loss_function(network(images), labels) / 2
        loss.backward()
        seen["losses"].append(loss.item())
        seen["last"].append(loss.detach())
        total.add_(loss.detach())
        if seen["calls"] % 2 == 0:
            optimizer.step()
            optimizer.zero_grad()

    run.step, run.kept = (
        step,
        lambda: (
            seen,
            total,
            step,
        ),
    )
    return run


COUNTED = 0
SEEN = []


def counting(*given):
    global COUNTED
    COUNTED += 1
    SEEN.append(COUNTED)
    book(*given)
    counting.calls += 1


counting.calls = 0


class Trainer:
    """A step that is a method, with a state of its own and one of its class."""

    __slots__ = ("steps", "images", "history")
    made = 0

    def __init__(self):
        self.steps, self.images, self.history = 0, set(), collections.Counter()

    def step(self, network, images, labels, *rest):
        self.steps += 1
        self.images |= set(labels.tolist())
        self.history.update(labels.tolist())
        type(self).made += 1
        book(network, images, labels, *rest)


def by_method():
    trainer = Trainer()
    return tiny(step=trainer.step, kept=lambda: (trainer, Trainer.made))


MINE = types.ModuleType("mine")  # As `import mine` makes it.
MINE.counts = collections.Counter()


def in_namespaces():
    options, log = argparse.Namespace(steps=0), collections.UserDict(seen=0)

    def step(*given):
        options.steps += 1
        log["seen"] = MINE.last = options.steps
        MINE.counts["steps"] += 1
        book(*given)

    return tiny(step=step, kept=(options, log, vars(MINE)))


def with_a_schedule_of_its_first_step():
    made = []

    def step(network, images, labels, loss_function, optimizer):
        if not made:
            made.append(schedules.OneCycleLR(optimizer, 0.5, total_steps=500))
        book(network, images, labels, loss_function, optimizer)
        made[0].step()

    return tiny(step=step, kept=(made,))


class Scaled(torch.optim.SGD):
    """Descent with a rate for each weight, which hangs on that."""

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for weight in group["params"]:
                weight -= weight.scale * weight.grad


def with_attributes():
    network = mlp()
    for place, weight in enumerate(network.parameters()):
        weight.scale = 0.1 / (1 + place)
    return tiny(network, Scaled(network.parameters(), lr=0.1))


def by_partial():
    log = []

    def step(append, log, *given):
        append(float(book(*given)))
        log["entries"] = len(log) + 1

    options = {}
    return tiny(step=functools.partial(step, log.append, options), kept=(log, options))


def noisy():
    """A step that draws from generators of its own."""
    own = (torch.Generator().manual_seed(1), np.random.default_rng(1), random.Random(1))
    sums = np.zeros(3)

    def step(network, images, *rest):
        images = images + 0.01 * torch.randn(images.shape, generator=own[0])
        sums[0] += own[1].random()
        images = images + own[2].random() / 100 + np.random.rand() / 100 + random.random() / 100
        book(network, images, *rest)

    return tiny(step=step, kept=(*own, sums))


def in_place():
    def step(network, images, *rest):
        book(network, images.mul_(0.99), *rest)

    return tiny(step=step)


def hooked():
    network, maps = mlp(), []
    network[0].register_forward_hook(lambda layer, given, gives: maps.append(gives.detach()))
    network[0].weight.register_hook(lambda gradient: gradient)
    return tiny(network, kept=(maps,))


class Smoothed(nn.Module):
    """A loss that remembers."""

    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.zeros(()))
        self.calls = 0

    def forward(self, scores, labels):
        loss = F.cross_entropy(scores, labels)
        self.calls += 1
        self.mean.lerp_(loss.detach(), 0.1)
        return loss


def with_loss():
    return tiny(loss_function=Smoothed())


class Checkpointed(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.last, self.calls = mlp(nn.Dropout(0.1)), nn.Linear(3, 3), 0

    def forward(self, images):
        self.calls += 1
        return self.last(checkpoint(self.first, images, use_reentrant=False))


def loaded():
    generator = torch.Generator().manual_seed(3)
    data = TensorDataset(IMAGES, LABELS)
    return tiny(batches=DataLoader(data, 20, shuffle=True, generator=generator), kept=(generator,))


class Stream(IterableDataset):
    """Goes on where it was left, and knows how often it was begun."""

    def __init__(self):
        self.position, self.walks = 0, 0
        self.generator = np.random.default_rng(0)

    def __iter__(self):
        self.walks += 1
        for _ in range(60):
            self.position = (self.position + 7) % 60
            yield IMAGES[self.position] + self.generator.random() / 100, LABELS[self.position]


def streamed():
    return tiny(batches=DataLoader(Stream(), 20))


class WithItsOptimizer(nn.Module):
    """A network that brings its optimiser and its schedule along."""

    def __init__(self):
        super().__init__()
        self.layers = mlp()
        self.optimizer = torch.optim.Adam(self.layers.parameters(), lr=0.01)
        self.schedule = schedules.StepLR(self.optimizer, 1, 0.9)

    def forward(self, images):
        return self.layers(images)


def bringing_its_optimizer():
    def step(network, *rest):
        book(network, *rest)
        network.schedule.step()

    network = WithItsOptimizer()
    return tiny(network, network.optimizer, step)


class Shifted(nn.Module):
    """A loss with weights of its own."""

    def __init__(self):
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(3))

    def forward(self, scores, labels):
        return F.cross_entropy(scores + self.shift, labels)


def with_learning_loss():
    network, loss = mlp(), Shifted()
    weights = [*network.parameters(), *loss.parameters()]
    return tiny(network, torch.optim.Adam(weights, lr=0.01), loss_function=loss)


def weight_of(norm, looks=1):
    run = tiny(nn.Sequential(norm(nn.Linear(8, 12)), nn.ReLU(), nn.Linear(12, 3)))
    for _ in range(looks):
        run.network(IMAGES[:4])
    return run


def swapped_in():
    """A step on weights of its own making, put back by copy each time."""
    run = tiny()
    best = [copy.deepcopy(run.network.state_dict())]

    def step(network, *rest):
        book(network, *rest)
        best[0] = copy.deepcopy(network.state_dict())
        best[0]["0.weight"].zero_()

    run.step, run.kept = step, lambda: (best,)
    return run


RUNS = {
    **{name: functools.partial(scheduled, make) for name, make in SCHEDULES.items()},
    "ReduceLROnPlateau": on_plateau,
    "an average of the weights": averaged,
    "an average by hand": averaged_by_hand,
    "GradScaler": scaled,
    "an own optimiser": lambda: trained(with_optimizer(lambda n: Halves(n.parameters(), 0.1))),
    "Lookahead": lambda: trained(with_optimizer(lambda n: Lookahead(sgd(n)))),
    "a wrapper": lambda: trained(with_optimizer(lambda n: Wrapper(sgd(n)))),
    "MomentumSGD": lambda: trained(
        with_optimizer(lambda n: training.MomentumSGD(n.parameters(), lr=0.1, momentum=0.5))
    ),
    "a rate by hand": closing_over_the_optimizer,
    "an optimiser for the head": one_for_the_head,
    "accumulation": accumulating,
    "globals": lambda: tiny(step=counting, kept=lambda: (vars(counting), SEEN, COUNTED)),
    "a method": by_method,
    "a partial": by_partial,
    "namespaces": in_namespaces,
    "a schedule made in the step": with_a_schedule_of_its_first_step,
    "attributes of weights": with_attributes,
    "generators": noisy,
    "images in place": in_place,
    "hooks": hooked,
    "a loss with a state": with_loss,
    "a loss that learns": with_learning_loss,
    "a network with its optimiser": bringing_its_optimizer,
    "a checkpointed block": lambda: tiny(Checkpointed()),
    "the best weights so far": swapped_in,
    "a loader": loaded,
    "a loader with a worker": lambda: tiny(
        batches=DataLoader(TensorDataset(IMAGES, LABELS), 20, shuffle=True, num_workers=1)
    ),
    "a stream": streamed,
    "weight norm": lambda: weight_of(nn.utils.weight_norm),
    "spectral norm": lambda: weight_of(nn.utils.spectral_norm),
    "parametrised weight norm": lambda: weight_of(nn.utils.parametrizations.weight_norm),
    "parametrised spectral norm": lambda: weight_of(nn.utils.parametrizations.spectral_norm),
    "pruning": lambda: weight_of(
        functools.partial(prune.l1_unstructured, name="weight", amount=0.2)
    ),
}
