"""Somebody's training step, watched from outside: what it calls, when, and what it leaves behind.

`Watch` hangs its hooks on a network and an optimiser that nobody else uses; `watch` then lets the
step train them for a while. What the step does is told by the order in which the hooks are called.
"""

import gc
import itertools
import weakref
from collections.abc import Iterable

import torch
from torch import nn

from helpers.debugging_clinic.steps import Batch, LossFunction, Step

_STEPS_WATCHED = 4
# A step may add up the gradients of several batches before it moves a weight.
_MOST_STEPS_WATCHED = 32
# Layers that do one thing in training and another in evaluation.
_DROPOUT, _NORM = nn.modules.dropout._DropoutNd, nn.modules.batchnorm._NormBase


class Watch:
    """What hooks saw of a network and an optimiser while steps were taken."""

    def __init__(self, network: nn.Module, optimizer: torch.optim.Optimizer):
        self.calls = self.forwards = 0  # How often the network was called, and its forward ran.
        self.arrived = self.arrived_something = False  # A gradient; one that is not zero.
        self.piled_up = False  # A gradient was added to one that had been used already.
        self.steps = self.empty_steps = 0  # Calls of step(), and those that found no gradient.
        self.in_eval = self.layer_off = False  # Trained so, the network or a layer by mistake.
        self.moved = False  # Any weight changed.
        self._graphs: list[weakref.ref] = []
        weights = set(network.parameters())
        groups = optimizer.param_groups
        self._held = [w for group in groups for w in group["params"] if w in weights]
        # The weights whose gradient step() has seen, and that have got no new one since.
        self._used: set[torch.Tensor] = set()
        for weight in network.parameters():
            if weight.requires_grad:
                weight.register_hook(lambda new, weight=weight: self._arrive(weight, new))
        optimizer.register_step_pre_hook(lambda *_: self._step())
        network.register_forward_hook(lambda network, _, scores: self._call(network, scores))
        # Who calls forward by its name passes the hooks by: only a wrapper sees that.
        forward = network.forward

        def counted(*args, **kwargs):
            self.forwards += 1
            return forward(*args, **kwargs)

        network.forward = counted

    @property
    def keeps_graphs(self) -> bool:
        """Whether more graphs than the last step's are still in memory."""
        alive = [graph for graph in self._graphs if graph() is not None]
        if len(alive) > 1:
            gc.collect()  # A graph in a circle of references is garbage, and not kept.
        return sum(graph() is not None for graph in alive) > 1

    def _arrive(self, weight: torch.Tensor, new: torch.Tensor) -> None:
        # Before it is added: what stands in .grad is what was there before.
        self.arrived = True
        self.arrived_something = self.arrived_something or _is_something(new)
        if weight in self._used and _is_something(weight.grad):
            self.piled_up = True
        self._used.discard(weight)

    def _step(self) -> None:
        # Several gradients may be added up on purpose; once used, they have to go.
        self._used = {weight for weight in self._held if _is_something(weight.grad)}
        self.steps += 1
        self.empty_steps += bool(self._held) and not self._used

    def _call(self, network: nn.Module, scores: torch.Tensor) -> None:
        self.calls += 1
        if scores.grad_fn is None:  # It only looks, which is what evaluation mode is for.
            return
        self.layer_off = self.layer_off or has_layer_off(network)
        self.in_eval = self.in_eval or not network.training
        # What is left with a function of the graph lives as long as the graph, and no longer.
        scores.grad_fn.metadata["mark"] = mark = _Mark()  # type: ignore[index]  # It is a dict.
        self._graphs.append(weakref.ref(mark))


class _Mark:
    """Something to see whether it is still there."""


def _is_something(gradient: torch.Tensor | None) -> bool:
    return gradient is not None and bool(gradient.any())


def watch(
    step: Step,
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    loss_function: LossFunction,
    batches: Iterable[Batch],
) -> Watch:
    """Let a step train a network until it is clear what it does, and return what was seen."""
    optimizer.zero_grad()
    start = [weight.detach().clone() for weight in network.parameters()]
    seen = Watch(network, optimizer)
    walk = itertools.islice(itertools.cycle(batches), _MOST_STEPS_WATCHED)
    for taken, (images, labels) in enumerate(walk, start=1):
        step(network, images, labels, loss_function, optimizer)
        seen.moved |= not all(map(torch.equal, start, network.parameters()))
        # With gradients and yet no update, it may be adding them up: give it time.
        if taken >= _STEPS_WATCHED and (seen.steps or seen.moved or not seen.arrived):
            break
    return seen


def has_layer_off(part: nn.Module, *, whole: bool = True) -> bool:
    """Whether a layer with two modes is in evaluation mode by mistake.

    In a network that trains, batch normalisation may be frozen on purpose, and so may a part of the
    network with all its weights.
    """
    if part.training:
        return any(has_layer_off(child, whole=False) for child in part.children())
    if not (whole or isinstance(part, _DROPOUT) or _learns(part)):
        return False
    return any(isinstance(m, (_DROPOUT, _NORM)) and not m.training for m in part.modules())


def _learns(part: nn.Module) -> bool:
    """Whether a part has weights that are trained, apart from those of batch normalisation."""
    layers = [layer for layer in part.modules() if not isinstance(layer, _NORM)]
    return any(w.requires_grad for layer in layers for w in layer.parameters(recurse=False))
