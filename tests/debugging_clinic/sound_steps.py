"""Sound runs, second part: training steps as people write them. Each is one set-up."""

import itertools
import math

import torch
from torch import nn
from torch.nn import functional as F

from debugging_clinic.runs import accumulating, adam, cnn, mlp, run
from debugging_clinic.sound_networks import SETUPS, setup
from helpers.debugging_clinic.steps import by_the_book


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


def gradients_put_in_place(network, images, labels, loss_function, optimizer):
    weights = list(network.parameters())
    gradients = torch.autograd.grad(loss_function(network(images), labels), weights)
    for weight, gradient in zip(weights, gradients, strict=True):
        weight.grad = gradient
    optimizer.step()


def looking_how_large_gradients_were(network, *rest):
    by_the_book(network, *rest)
    nn.utils.clip_grad_norm_(network.parameters(), math.inf)


def calling_parts(network, images, labels, loss_function, optimizer):
    optimizer.zero_grad()
    loss_function(network[2:](network[1](network[0](images))), labels).backward()
    optimizer.step()


@setup
def a_generator_that_learns_through_it(batches):
    """As in an adversarial pair: its gradients stay in this network until they are cleared."""
    generator = nn.Linear(8, 784)
    its = torch.optim.Adam(generator.parameters(), lr=1e-3)

    def step(network, images, labels, loss_function, optimizer):
        optimizer.zero_grad()
        ones = torch.ones_like(labels)
        loss_function(network(images), ones).backward()
        made = generator(torch.randn(len(labels), 8)).view_as(images)
        loss_function(network(made.detach()), 0 * ones).backward()
        optimizer.step()
        its.zero_grad()
        loss_function(network(made), ones).backward()
        its.step()

    return run(mlp(), batches, step=step, kept=lambda: (generator, its))


@setup
def every_fifth_batch_alone(batches):
    calls = []

    def step(*given):
        calls.append(1)
        if len(calls) % 5 == 0:
            by_the_book(*given)

    return run(mlp(), batches, step=step)


for _step in (gradients_put_in_place, looking_how_large_gradients_were, calling_parts):
    stepped(_step.__name__, _step)
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


def by_nll_of_log_softmax(network, images, labels, loss_function, optimizer):
    optimizer.zero_grad()
    loss_function(F.log_softmax(network(images), dim=1), labels).backward()
    optimizer.step()


@setup
def log_softmax_in_the_step(batches):
    return run(mlp(), batches, loss_function=nn.NLLLoss(), step=by_nll_of_log_softmax)


@setup
def clipped_between_unscale_and_step(batches):
    """Where two optimisers share a scaler, the other's gradients are unscaled later."""
    scaler, other = torch.amp.GradScaler("cpu"), nn.Linear(10, 1)
    its = torch.optim.SGD(other.parameters(), lr=0.1)

    def step(network, images, labels, loss_function, optimizer):
        optimizer.zero_grad()
        its.zero_grad()
        scores = network(images)
        loss = loss_function(scores, labels) + 0.01 * other(scores.detach()).square().mean()
        scaler.scale(loss).backward()
        for part, trains_it in ((other, its), (network, optimizer)):
            scaler.unscale_(trains_it)
            nn.utils.clip_grad_norm_(part.parameters(), 1.0)
            scaler.step(trains_it)
        scaler.update()

    return run(mlp(), batches, step=step)


@setup
def clipped_beside_a_scaler_that_is_off(batches):
    scaler = torch.amp.GradScaler("cpu", enabled=False)

    def step(network, images, labels, loss_function, optimizer):
        optimizer.zero_grad()
        scaler.scale(loss_function(network(images), labels)).backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        scaler.unscale_(optimizer)
        scaler.step(optimizer)
        scaler.update()

    return run(mlp(), batches, step=step)


@setup
def a_second_head_in_training_alone(batches):
    class Heads(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.drop = nn.Linear(784, 64), nn.Dropout(0.2)
            self.out, self.early = nn.Linear(64, 10), nn.Linear(64, 10)

        def forward(self, x):
            hidden = self.drop(self.body(x.flatten(1)).relu())
            scores = self.out(hidden)
            return (scores, self.early(hidden)) if self.training else scores

    def step(network, images, labels, loss_function, optimizer):
        optimizer.zero_grad()
        scores, early = network(images)
        (loss_function(scores, labels) + 0.3 * loss_function(early, labels)).backward()
        optimizer.step()

    return run(Heads(), batches, step=step)
