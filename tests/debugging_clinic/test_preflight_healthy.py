"""Sound runs as people write them: the check before training finds nothing wrong with any of them.

Each function is one set-up and returns the check's report. The notebook publishes their number.
"""

import functools
import itertools

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from debugging_clinic import set_ups
from debugging_clinic.runs import Layer, accumulating, adam, cnn, mlp, run, sgd
from debugging_clinic.sound_networks import SETUPS, clouds, setup, shuffled, small
from helpers.debugging_clinic.steps import by_the_book

# A few stand for all in the quick suite.
QUICK = ("classes_in_turns", "accumulated_over_64", "scaled_cosine_scores", "an_lstm_over_rows",
         "OneCycleLR", "an own optimiser", "globals", "a stream", "weight norm")  # fmt: skip


# Losses.
@setup
def label_smoothing_and_weights(batches):
    weights = torch.linspace(0.5, 2, 10)
    return run(cnn(), batches, loss_function=nn.CrossEntropyLoss(weights, label_smoothing=0.1))


@setup
def a_focal_loss(batches):
    def focal(scores, labels, gamma=2.0):
        loss = F.cross_entropy(scores, labels, reduction="none")
        return ((1 - (-loss).exp()) ** gamma * loss).mean()

    return run(mlp(), batches, loss_function=focal, step=by_the_book)


@setup
def a_hinge_loss(batches):
    return run(mlp(), batches, loss_function=nn.MultiMarginLoss())


@setup
def squares_on_one_hot_labels(batches):
    def squares(scores, labels):
        return F.mse_loss(scores, F.one_hot(labels, 10).float())

    return run(mlp(), batches, loss_function=squares)


@setup
def a_sigmoid_for_each_class(batches):
    def each(scores, labels):
        return F.binary_cross_entropy_with_logits(scores, F.one_hot(labels, 10).float())

    return run(mlp(), batches, adam(1e-3), loss_function=each, step=by_the_book)


@setup
def log_probabilities(batches):
    return run(cnn().append(nn.LogSoftmax(dim=1)), batches, loss_function=nn.NLLLoss())


@setup
def labels_that_are_ignored(batches):
    some = [(x, y.where(torch.arange(len(y)) % 10 > 0, -100)) for x, y in batches]
    return run(mlp(), some, step=by_the_book)


@setup
def a_loss_with_a_penalty_of_its_own(batches):
    network = mlp()

    def penalised(scores, labels):
        return F.cross_entropy(scores, labels) + 1e-4 * scores.square().mean()

    return run(network, batches, loss_function=penalised)


# Optimisers.
def optimised_by(name, make):
    SETUPS[f"optimised_by_{name}"] = lambda b: run(mlp(), b, make, step=by_the_book)


class Signs(torch.optim.Optimizer):
    """Steps of one size against the sign, as an optimiser of one's own."""

    def __init__(self, params, lr):
        super().__init__(params, {"lr": lr})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    weight -= group["lr"] * weight.grad.sign()


for _name, _make in {
    "nesterov": sgd(0.05, 0.9, nesterov=True, weight_decay=5e-4),
    "adamw": lambda w: torch.optim.AdamW(w, lr=1e-3, weight_decay=0.1),
    "nadam": lambda w: torch.optim.NAdam(w, lr=1e-3),
    "radam": lambda w: torch.optim.RAdam(w, lr=1e-2),
    "adamax": lambda w: torch.optim.Adamax(w),
    "adagrad": lambda w: torch.optim.Adagrad(w, lr=0.01),
    "adadelta": lambda w: torch.optim.Adadelta(w, weight_decay=1e-3),
    "rmsprop": lambda w: torch.optim.RMSprop(w, lr=1e-3),
    "asgd": lambda w: torch.optim.ASGD(w, lr=0.05),
    "rprop": lambda w: torch.optim.Rprop(w, lr=1e-4),
    "lion_like_signs": lambda w: Signs(w, lr=1e-3),
}.items():
    optimised_by(_name, _make)


@setup
def optimised_by_lbfgs(batches):
    lbfgs = functools.partial(torch.optim.LBFGS, lr=0.05, max_iter=4)

    def step(network, images, labels, loss_function, optimizer):
        def closure():
            optimizer.zero_grad()
            loss = loss_function(network(images), labels)
            loss.backward()
            return loss

        optimizer.step(closure)

    return run(mlp(width=16), batches[:1], lbfgs, step=step)


@setup
def two_groups(batches):
    def make(weights):
        groups = [{"params": weights[:2], "lr": 1e-4}, {"params": weights[2:], "weight_decay": 0.0}]
        return torch.optim.AdamW(groups, lr=1e-3)

    return run(mlp(), batches, make, step=by_the_book)


@setup
def a_warm_up_from_zero(batches):
    def make(weights):
        optimizer = torch.optim.SGD(weights, lr=0.1)
        torch.optim.lr_scheduler.LambdaLR(optimizer, lambda n: min(1, n / 100))
        return optimizer

    return run(mlp(), batches, make)


@setup
def one_cycle(batches):
    def make(weights):
        optimizer = torch.optim.SGD(weights, lr=0.1, momentum=0.9)
        torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.1, total_steps=500)
        return optimizer

    return run(cnn(), batches, make, step=by_the_book)


# Steps.
def stepped(name, step, network=mlp, make=None):
    SETUPS[name] = lambda batches: run(network(), batches, make, step=step)


def accumulated(every, clears_first=False):
    """Return a step that adds up the gradients of several batches, and clears once for them."""

    def accumulate(batches):
        count = itertools.count(1)

        def step(network, images, labels, loss_function, optimizer):
            number = next(count)
            if clears_first and number % every == 1 % every:
                optimizer.zero_grad()
            (loss_function(network(images), labels) / every).backward()
            if number % every == 0:
                optimizer.step()
                if not clears_first:
                    optimizer.zero_grad()

        return run(mlp(), batches, step=step)

    return accumulate


for _every in (1, 2, 3, 4, 5, 8, 16, 32, 64):
    SETUPS[f"accumulated_over_{_every}"] = accumulated(_every)
SETUPS["accumulated_over_8_and_cleared_first"] = accumulated(8, clears_first=True)
stepped("accumulated_within_a_step", accumulating)


def clipping(network, images, labels, loss_function, optimizer):
    optimizer.zero_grad(set_to_none=False)
    loss_function(network(images), labels).backward()
    nn.utils.clip_grad_norm_(network.parameters(), max_norm=1.0)
    optimizer.step()


def cleared_after_the_step(network, images, labels, loss_function, optimizer):
    loss_function(network(images), labels).backward()
    nn.utils.clip_grad_value_(network.parameters(), 0.5)
    optimizer.step()
    network.zero_grad()


def mixing_up(network, images, labels, loss_function, optimizer):
    share = float(torch.distributions.Beta(0.2, 0.2).sample())
    order = torch.randperm(len(labels))
    scores = network(share * images + (1 - share) * images[order])
    loss = share * loss_function(scores, labels) + (1 - share) * loss_function(
        scores, labels[order]
    )
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def shuffling_both(network, images, labels, loss_function, optimizer):
    order = torch.randperm(len(labels))
    by_the_book(network, images[order], labels[order], loss_function, optimizer)


def in_half_precision(network, images, labels, loss_function, optimizer):
    optimizer.zero_grad()
    with torch.autocast("cpu", torch.bfloat16):
        loss = loss_function(network(images), labels)
    loss.backward()
    optimizer.step()


def under_attack(network, images, labels, loss_function, optimizer):
    images = images.clone().requires_grad_()
    loss_function(network(images), labels).backward()
    attacked = (images + 0.01 * images.grad.sign()).detach()
    by_the_book(network, attacked, labels, loss_function, optimizer)


def looking_for_a_flat_place(network, images, labels, loss_function, optimizer):
    loss_function(network(images), labels).backward()
    with torch.no_grad():
        moves = [0.01 * weight.grad.sign() for weight in network.parameters()]
        for weight, move in zip(network.parameters(), moves, strict=True):
            weight += move
    optimizer.zero_grad()
    loss_function(network(images), labels).backward()
    with torch.no_grad():
        for weight, move in zip(network.parameters(), moves, strict=True):
            weight -= move
    optimizer.step()
    optimizer.zero_grad()


def one_gradient_for_each_task(network, images, labels, loss_function, optimizer):
    gradients = []
    for half in (slice(0, 50), slice(50, 100)):
        optimizer.zero_grad()
        loss_function(network(images[half]), labels[half]).backward()
        gradients.append([weight.grad.clone() for weight in network.parameters()])
    for weight, one, other in zip(network.parameters(), *gradients, strict=True):
        weight.grad = (one + other) / 2
    optimizer.step()


def a_closure(network, images, labels, loss_function, optimizer):
    def closure():
        loss = loss_function(network(images), labels)
        loss.backward()
        return loss

    optimizer.step(closure)
    optimizer.zero_grad()


def attacked_in_evaluation_mode(network, images, labels, loss_function, optimizer):
    network.eval()
    moved = (images + 0.001 * torch.randn_like(images)).requires_grad_()
    told = F.kl_div(network(moved).log_softmax(1), network(images).softmax(1), reduction="sum")
    (slope,) = torch.autograd.grad(told, moved)
    network.train()
    attacked = (images + 0.01 * slope.sign()).detach()
    by_the_book(network, attacked, labels, loss_function, optimizer)


def without_backward(network, images, labels, loss_function, optimizer):
    weights = {name: weight.detach() for name, weight in network.named_parameters()}

    def loss(given):
        return loss_function(torch.func.functional_call(network, given, (images,)), labels)

    gradients = torch.func.grad(loss)(weights)
    for name, weight in network.named_parameters():
        weight.grad = gradients[name]
    optimizer.step()


def looking_too(network, images, labels, loss_function, optimizer):
    by_the_book(network, images, labels, loss_function, optimizer)
    network.eval()
    with torch.no_grad():
        network(images)
    network.train()


def by_hand(network, images, labels, loss_function, optimizer):
    network.zero_grad()
    loss_function(network(images), labels).backward()
    with torch.no_grad():
        for weight in network.parameters():
            weight -= 0.1 * weight.grad


def a_gradient_penalty(network, images, labels, loss_function, optimizer):
    loss = loss_function(network(images), labels)
    gradients = torch.autograd.grad(loss, list(network.parameters()), create_graph=True)
    optimizer.zero_grad()
    (loss + 1e-3 * sum(g.square().sum() for g in gradients)).backward()
    optimizer.step()


for _step in (clipping, cleared_after_the_step, mixing_up, shuffling_both, under_attack, by_hand,
              looking_for_a_flat_place, one_gradient_for_each_task, a_closure, without_backward,
              a_gradient_penalty):  # fmt: skip
    stepped(_step.__name__, _step)
stepped("in_half_precision", in_half_precision, cnn)
stepped("looking_too", looking_too, cnn)
stepped("attacked_in_evaluation_mode", attacked_in_evaluation_mode, cnn)


@setup
def more_than_scores_in_training(batches):
    class Mixes(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.out = nn.Linear(784, 64), nn.Linear(64, 10)

        def forward(self, x, other=None):
            hidden = self.body(x.flatten(1)).relu()
            if other is None:
                return self.out(hidden)
            return self.out(0.7 * hidden + 0.3 * hidden[other]), other

    def step(network, images, labels, loss_function, optimizer):
        scores, other = network(images, torch.randperm(len(labels)))
        loss = 0.7 * loss_function(scores, labels) + 0.3 * loss_function(scores, labels[other])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return run(Mixes(), batches, step=step)


class InTwoHalves(torch.optim.SGD):
    """Sharpness-aware: its step wants a gradient at two places."""

    @torch.no_grad()
    def first(self):
        for weight in self.param_groups[0]["params"]:
            self.state[weight]["move"] = 0.01 * weight.grad.sign()
            weight += self.state[weight]["move"]
        self.zero_grad()

    @torch.no_grad()
    def second(self):
        for weight in self.param_groups[0]["params"]:
            weight -= self.state[weight]["move"]
        super().step()
        self.zero_grad()

    def step(self):
        raise NotImplementedError("first() and second()")


@setup
def an_optimiser_in_two_halves(batches):
    def step(network, images, labels, loss_function, optimizer):
        loss_function(network(images), labels).backward()
        optimizer.first()
        loss_function(network(images), labels).backward()
        optimizer.second()

    return run(mlp(), batches, lambda w: InTwoHalves(w, lr=0.1), step=step)


@setup
def updates_by_hooks(batches):
    network = mlp()
    each = {weight: torch.optim.SGD([weight], lr=0.1) for weight in network.parameters()}
    for weight, its in each.items():
        weight.register_post_accumulate_grad_hook(lambda _, its=its: (its.step(), its.zero_grad()))

    def step(network, images, labels, loss_function, _):
        loss_function(network(images), labels).backward()

    return run(network, batches, step=step)


@setup
def a_state_that_the_step_hands_on(batches):
    class Cell(nn.Module):
        def __init__(self):
            super().__init__()
            self.cell = nn.GRUCell(784, 10)

        def forward(self, x, state=None):
            return self.cell(x.flatten(1), state)

    kept = []

    def step(network, images, labels, loss_function, optimizer):
        scores = network(images, *kept)
        kept[:] = [scores.detach()]
        optimizer.zero_grad()
        loss_function(scores, labels).backward()
        optimizer.step()

    return run(Cell(), batches, adam(1e-2), step=step)


@setup
def a_teacher(batches):
    teacher = mlp().requires_grad_(False)

    def step(network, images, labels, loss_function, optimizer):
        scores = network(images)
        told = F.kl_div(scores.log_softmax(1), teacher(images).softmax(1), reduction="batchmean")
        optimizer.zero_grad()
        (loss_function(scores, labels) + 0.1 * told).backward()
        optimizer.step()

    return run(mlp(), batches, step=step)


# Data.
@setup
def classes_in_turns(batches):
    points, labels = clouds(2)
    one, other = ((labels == k).nonzero().flatten() for k in range(2))
    count = min(len(one), len(other))
    turns = torch.stack([one[:count], other[:count]], dim=1).flatten()
    pairs = zip(points[turns].split(32), labels[turns].split(32), strict=True)
    return run(nn.Linear(64, 2), list(pairs), step=by_the_book)


@setup
def ten_classes_in_turns(batches):
    points, labels = clouds(10)
    turns = torch.stack([(labels == k).nonzero().flatten()[:150] for k in range(10)], 1).flatten()
    pairs = zip(points[turns].split(50), labels[turns].split(50), strict=True)
    return run(small(), list(pairs))


@setup
def few_classes_in_each_batch(batches):
    points, labels = clouds(50)
    by_class = [(labels == k).nonzero().flatten() for k in range(50)]
    chosen = [torch.randperm(50)[:8] for _ in range(60)]
    rows = [torch.cat([by_class[k][torch.randperm(len(by_class[k]))[:4]] for k in ks])
            for ks in chosen]  # fmt: skip
    return run(small(classes=50), [(points[r], labels[r]) for r in rows], adam(1e-3))


@setup
def first_one_class_then_the_other_in_each_batch(batches):
    points, labels = clouds(2)
    one, other = ((labels == k).nonzero().flatten()[:800].split(20) for k in range(2))
    rows = [torch.cat(pair) for pair in zip(one, other, strict=True)]
    return run(small(classes=2), [(points[r], labels[r]) for r in rows])


@setup
def two_classes(batches):
    return run(small(classes=2), shuffled(*clouds(2)), step=by_the_book)


@setup
def a_hundred_classes(batches):
    return run(small(classes=100), shuffled(*clouds(100, 4_000)), adam(1e-3))


@setup
def ninety_five_to_five(batches):
    points, labels = clouds(2, 20_000)
    kept = (labels == 0) | (torch.arange(20_000) % 19 == 0)
    return run(small(classes=2), shuffled(points[kept][:2_000], labels[kept][:2_000]))


@setup
def twenty_images(batches):
    points, labels = clouds(2, 20)
    return run(small(classes=2), shuffled(points, labels, 4))


@setup
def batches_of_one(batches):
    return run(small(), shuffled(*clouds(10, 400), size=1), sgd(0.01))


@setup
def one_batch_in_order(batches):
    points, labels = clouds(10)
    order = labels.argsort()
    return run(small(), [(points[order], labels[order])])


@setup
def standardised_images(batches):
    return run(cnn(), [((x - 0.286) / 0.353, y) for x, y in batches], sgd(0.05))


@setup
def images_that_the_network_scales(batches):
    scaling = nn.Sequential(Layer(lambda x: x / 255), mlp())
    return run(scaling, [(255 * x, y) for x, y in batches])


@setup
def a_loader_that_shuffles_and_augments(batches):
    images, labels = (torch.cat(part) for part in zip(*batches, strict=True))

    class Augmented(torch.utils.data.Dataset):
        def __len__(self):
            return len(labels)

        def __getitem__(self, number):
            image = images[number].flip(-1) if torch.rand(()) < 0.5 else images[number]
            return image, int(labels[number])

    loader = torch.utils.data.DataLoader(Augmented(), batch_size=64, shuffle=True)
    return run(cnn(), loader, step=by_the_book)


@setup
def many_wrong_labels(batches):
    points, labels = clouds(10)
    wrong = torch.rand(len(labels)) < 0.6
    noisy = labels.where(~wrong, torch.randint(10, (len(labels),)))
    return run(small(), shuffled(points, noisy))


SETUPS |= {name: lambda _, make=make: make() for name, make in set_ups.RUNS.items()}


def test_there_are_as_many_set_ups_as_promised():
    assert len(SETUPS) >= 60 and set(QUICK) <= set(SETUPS)


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[] if n in QUICK else pytest.mark.proof) for n in SETUPS]
)
def test_a_sound_set_up_is_ready_and_left_as_it_was(name, batches):
    torch.manual_seed(2)
    report = SETUPS[name](batches).checked()
    assert report.healthy, report
    assert str(report).startswith("Ready: nothing wrong was found. Not looked at: ")
