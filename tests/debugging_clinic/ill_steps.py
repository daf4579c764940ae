"""Runs with one fault, first part: training steps, each with the fault's name."""

import itertools

import torch
from torch import nn
from torch.nn.utils import clip_grad_norm_ as clip

from debugging_clinic.runs import cnn, mlp, run, sgd
from helpers.debugging_clinic.steps import by_the_book

SETUPS = {}


def ill(fault):
    def enter(run):
        SETUPS[run.__name__] = (fault, run)
        return run

    return enter


def stepped(name, fault, step, network=mlp, make=None):
    SETUPS[name] = (fault, lambda batches: run(network(), batches, make, step=step))


def never_cleared(every):
    def in_steps(batches):
        count = itertools.count(1)

        def step(network, images, labels, loss_function, optimizer):
            (loss_function(network(images), labels) / every).backward()
            if next(count) % every == 0:
                optimizer.step()

        return run(mlp(), batches, step=step)

    return "gradients never cleared", in_steps


def wiped(every):
    def in_steps(batches):
        count = itertools.count(1)

        def step(network, images, labels, loss_function, optimizer):
            optimizer.zero_grad()
            (loss_function(network(images), labels) / every).backward()
            if next(count) % every == 0:
                optimizer.step()

        return run(mlp(), batches, step=step)

    return "gradients wiped within an accumulation", in_steps


for _every in (1, 2, 3, 4, 5, 8, 16, 50):
    SETUPS[f"never_cleared_over_{_every}"] = never_cleared(_every)
for _every in (2, 4, 8, 32):
    SETUPS[f"wiped_over_{_every}"] = wiped(_every)


def adds_up_parts_and_never_clears(network, images, labels, loss_function, optimizer):
    for part, said in zip(images.split(25), labels.split(25), strict=True):
        (loss_function(network(part), said) / 4).backward()
    optimizer.step()


def clipped_before_backward(network, images, labels, loss_function, optimizer):
    loss = loss_function(network(images), labels)
    optimizer.zero_grad()
    nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    loss.backward()
    optimizer.step()


def clipped_by_another_name_before_clearing(network, images, labels, loss_function, optimizer):
    loss = loss_function(network(images), labels)
    clip(network.parameters(), 1.0)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def clipped_after_the_step(network, images, labels, loss_function, optimizer):
    by_the_book(network, images, labels, loss_function, optimizer)
    nn.utils.clip_grad_value_(network.parameters(), 0.1)


def labels_shuffled(network, images, labels, loss_function, optimizer):
    labels = labels[torch.randperm(len(labels))]
    by_the_book(network, images, labels, loss_function, optimizer)


def images_and_labels_shuffled_apart(network, images, labels, loss_function, optimizer):
    images = images[torch.randperm(len(images))]
    labels = labels[torch.randperm(len(labels))]
    by_the_book(network, images.flatten(1), labels, loss_function, optimizer)


def labels_shuffled_and_handed_by_name(network, images, labels, loss_function, optimizer):
    optimizer.zero_grad()
    mixed = labels[torch.randperm(len(labels))]
    loss_function(input=network(input=images), target=mixed).backward()
    optimizer.step()


def looks_at_slopes_in_evaluation_mode(network, images, labels, loss_function, optimizer):
    network.eval()
    images = images.clone().requires_grad_()
    loss = loss_function(network(images), labels)
    (slope,) = torch.autograd.grad(loss, images, create_graph=True)
    optimizer.zero_grad()
    (loss + 0.01 * slope.square().sum()).backward()
    optimizer.step()


def throws_the_gradient_away(network, images, labels, loss_function, optimizer):
    optimizer.zero_grad()
    torch.autograd.grad(loss_function(network(images), labels), list(network.parameters()))
    optimizer.step()


def clips_and_forgets_backward(network, images, labels, loss_function, optimizer):
    optimizer.zero_grad()
    loss_function(network(images), labels)
    clip(network.parameters(), 1.0)
    optimizer.step()


def goes_uphill_by_hand(network, images, labels, loss_function, optimizer):
    network.zero_grad()
    loss_function(network(images), labels).backward()
    with torch.no_grad():
        for weight in network.parameters():
            weight += 0.1 * weight.grad


def squashes_the_scores(network, images, labels, loss_function, optimizer):
    optimizer.zero_grad()
    loss_function(network(images).sigmoid(), labels).backward()
    optimizer.step()


def looks_for_a_flat_place_and_never_clears(network, images, labels, loss_function, optimizer):
    """Each gradient comes on top of the last one."""
    loss_function(network(images), labels).backward()
    moves = [0.01 * weight.grad.sign() for weight in network.parameters()]
    with torch.no_grad():
        for weight, move in zip(network.parameters(), moves, strict=True):
            weight += move
    loss_function(network(images), labels).backward()
    with torch.no_grad():
        for weight, move in zip(network.parameters(), moves, strict=True):
            weight -= move
    optimizer.step()


def forgets_to_step(network, images, labels, loss_function, optimizer):
    optimizer.zero_grad()
    loss_function(network(images), labels).backward()


def forgets_backward(network, images, labels, loss_function, optimizer):
    optimizer.zero_grad()
    loss_function(network(images), labels)
    optimizer.step()


def clears_too_early(network, images, labels, loss_function, optimizer):
    loss_function(network(images), labels).backward()
    network.zero_grad()
    optimizer.step()


def clears_with_zeros_and_decays(network, images, labels, loss_function, optimizer):
    loss_function(network(images), labels).backward()
    optimizer.zero_grad(set_to_none=False)
    optimizer.step()


def goes_back_from_a_number(network, images, labels, loss_function, optimizer):
    optimizer.zero_grad()
    loss = loss_function(network(images), labels).item()
    torch.tensor(loss, requires_grad=True).backward()
    optimizer.step()


def puts_a_minus_before_the_loss(network, images, labels, loss_function, optimizer):
    optimizer.zero_grad()
    (-loss_function(network(images), labels)).backward()
    optimizer.step()


def hands_probabilities_over(network, images, labels, loss_function, optimizer):
    optimizer.zero_grad()
    loss_function(network(images).softmax(dim=1), labels).backward()
    optimizer.step()


def a_closure_that_never_clears(network, images, labels, loss_function, optimizer):
    def closure():
        loss = loss_function(network(images), labels)
        loss.backward()
        return loss

    optimizer.step(closure)


def calls_forward(network, images, labels, loss_function, optimizer):
    optimizer.zero_grad()
    loss_function(network.forward(images), labels).backward()
    optimizer.step()


def evaluates_and_forgets(network, *rest):
    by_the_book(network, *rest)
    network.eval()


for _fault, _step in (
    ("gradients never cleared", adds_up_parts_and_never_clears),
    ("clipping before backward", clipped_before_backward),
    ("clipping before backward", clipped_by_another_name_before_clearing),
    ("clipping before backward", clipped_after_the_step),
    ("labels shuffled in the step", labels_shuffled),
    ("labels shuffled in the step", images_and_labels_shuffled_apart),
    ("no backward", throws_the_gradient_away),
    ("no backward", clips_and_forgets_backward),
    ("loss the wrong way up", goes_uphill_by_hand),
    ("scores never below zero", squashes_the_scores),
    ("gradients never cleared", looks_for_a_flat_place_and_never_clears),
    ("no step", forgets_to_step),
    ("no backward", forgets_backward),
    ("cleared before the step", clears_too_early),
    ("gradients never cleared", a_closure_that_never_clears),
    ("forward called by name", calls_forward),
    ("no backward", goes_back_from_a_number),
    ("loss the wrong way up", puts_a_minus_before_the_loss),
    ("softmax before cross-entropy", hands_probabilities_over),
):
    stepped(_step.__name__, _fault, _step)
stepped("clears_with_zeros_and_decays", "cleared before the step", clears_with_zeros_and_decays,
        make=sgd(0.1, weight_decay=0.01))  # fmt: skip
for _step in (evaluates_and_forgets, looks_at_slopes_in_evaluation_mode):
    stepped(_step.__name__, "model left in eval mode", _step, cnn)


@ill("clipping before unscale_")
def clipped_while_scaled(batches, asks=True):
    scaler = torch.amp.GradScaler("cpu")

    def step(network, images, labels, loss_function, optimizer):
        optimizer.zero_grad()
        scaler.scale(loss_function(network(images), labels)).backward()
        clip(network.parameters(), 1.0)
        if asks:
            scaler.unscale_(optimizer)
        scaler.step(optimizer)
        scaler.update()

    return run(mlp(), batches, step=step)


@ill("clipping before unscale_")
def clipped_and_never_unscaled_by_name(batches):
    return clipped_while_scaled(batches, asks=False)


@ill("labels shuffled in the step")
def shuffled_and_handed_by_name(batches):
    step = labels_shuffled_and_handed_by_name
    return run(mlp(), batches, loss_function=nn.CrossEntropyLoss(), step=step)


@ill("a graph kept from step to step")
def losses_in_a_list(batches):
    kept = []

    def step(network, images, labels, loss_function, optimizer):
        optimizer.zero_grad()
        kept.append(loss_function(network(images), labels))
        kept[-1].backward()
        optimizer.step()

    return run(mlp(), batches, step=step)


@ill("a graph kept from step to step")
def a_sum_of_losses_that_goes_backward_again(batches):
    total = torch.zeros(())

    def step(network, images, labels, loss_function, optimizer):
        nonlocal total
        total = total + loss_function(network(images), labels)
        optimizer.zero_grad()
        total.backward()
        optimizer.step()

    return run(mlp(), batches, step=step)
