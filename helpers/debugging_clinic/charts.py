"""What is seen of a case: `observe` trains it and writes a `Chart`; other tests one may order.

Whatever is measured is measured on a copy, so that a patient can be examined again and again.
"""

import copy
import itertools
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from helpers.debugging_clinic.cases import Case
from helpers.debugging_clinic.steps import Batch


@dataclass
class Chart:
    """What was seen in a run: a number for each update in each list, unless it says otherwise."""

    loss: list[float] = field(default_factory=list)  # Of the batch, before the update.
    correct: list[int] = field(default_factory=list)  # Images of the batch classified rightly,
    samples: list[int] = field(default_factory=list)  # and images of the batch.
    # Length of all that stands in .grad after the step, and of what this batch brought.
    gradient: list[float] = field(default_factory=list)
    arrived: list[float] = field(default_factory=list)
    # Of the parameters that moved most and least, the distance from the start, in first lengths.
    moved_most: list[float] = field(default_factory=list)
    moved_least: list[float] = field(default_factory=list)
    functions: list[int] = field(default_factory=list)  # In the graph of what the step returned.
    hooks: list[int] = field(default_factory=list)  # Calls of a hook on the network so far.
    # Largest difference between the scores of two passes of a batch; NaN without dropout.
    apart: list[float] = field(default_factory=list)
    epoch: int = 0  # Updates in an epoch.
    # Fraction of fresh images right after the last update, shown in batches of 128, 8 and 1.
    in_batches_of: dict[int, float] = field(default_factory=dict)
    # Fraction right of the test part, and of images that no run has seen.
    reported: float = math.nan
    honest: float = math.nan

    @property
    def accuracy(self) -> list[float]:
        """Fraction right over the last twenty batches."""
        parts = [slice(max(0, n - 20), n) for n in range(1, len(self.loss) + 1)]
        return [sum(self.correct[part]) / sum(self.samples[part]) for part in parts]

    @property
    def piled_up(self) -> list[float]:
        """What stands in ``.grad`` beside what the batch brought: 1 if cleared each time."""
        pairs = zip(self.gradient, self.arrived, strict=True)
        return [held / new if new else math.nan for held, new in pairs]


def observe(case: Case) -> Chart:
    """Train a copy of a case for ``case.updates`` steps, and write down what is seen."""
    case = case.copy()
    start = _weights(case)
    chart = Chart(epoch=len(case.batches))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for images, labels in _endless(case.batches, case.updates):
            # Loss and accuracy are those of the weights that the batch meets, before its update.
            _look_before(case, images, labels, chart)
            _look_at_a_step(case, images, labels, chart)
            distances = _distances(case, start).values()
            chart.moved_most.append(max(distances))
            chart.moved_least.append(min(distances))
    chart.in_batches_of = {
        size: accuracy(case.network, case.fresh, in_batches_of=size) for size in (128, 8, 1)
    }
    chart.reported = accuracy(case.network, case.test)
    chart.honest = chart.in_batches_of[128]
    return chart


def _endless(batches: Iterable[Batch], updates: int) -> Iterator[Batch]:
    # Not itertools.cycle: that would keep the first walk, where each has an order of its own.
    walks = itertools.repeat(batches)
    return itertools.islice(itertools.chain.from_iterable(walks), updates)


@torch.no_grad()
def _look_before(case: Case, images: torch.Tensor, labels: torch.Tensor, chart: Chart) -> None:
    # On the side: what is looked at here must not change what chance has in store for the run.
    with torch.random.fork_rng(devices=[]):
        scores, again = case.network(images), case.network(images)
    has_dropout = any(isinstance(layer, nn.Dropout) for layer in case.network)
    chart.apart.append(float((scores - again).abs().max()) if has_dropout else math.nan)
    chart.loss.append(float(case.loss_function(scores, labels)))
    chart.correct.append(int((scores.argmax(dim=1) == labels).sum()))
    chart.samples.append(len(labels))


def _look_at_a_step(case: Case, images: torch.Tensor, labels: torch.Tensor, chart: Chart) -> None:
    weights = list(case.network.parameters())
    arrived: list[torch.Tensor] = []
    calls: list[int] = []
    # A weight's hook sees the gradient of this batch alone, before it is added to .grad. One on the
    # network is skipped by who calls forward by its name; that is the symptom.
    handles = [weight.register_hook(lambda g: arrived.append(g)) for weight in weights]
    handles.append(case.network.register_forward_hook(lambda *_: calls.append(1)))
    result = case.step(case.network, images, labels, case.loss_function, case.optimizer)
    for handle in handles:
        handle.remove()
    chart.hooks.append(sum(chart.hooks[-1:]) + len(calls))
    chart.functions.append(len(_functions(result.grad_fn)))
    chart.arrived.append(_length(arrived))
    chart.gradient.append(_length(w.grad for w in weights if w.grad is not None))


def _length(tensors: Iterable[torch.Tensor]) -> float:
    """Of all their entries, taken as one long vector."""
    return math.sqrt(sum(float(tensor.detach().square().sum()) for tensor in tensors))


def _functions(function: Any) -> set[Any]:
    """Walk a graph back from its last function, and return all there are."""
    found, waiting = set(), [function] if function is not None else []
    while waiting:
        function = waiting.pop()
        if function not in found:
            found.add(function)
            waiting += [before for before, _ in function.next_functions if before is not None]
    return found


def _weights(case: Case) -> dict[str, torch.Tensor]:
    return {name: w.detach().clone() for name, w in case.network.named_parameters()}


def _distances(case: Case, start: dict[str, torch.Tensor]) -> dict[str, float]:
    return {
        name: float((weight.detach() - start[name]).norm() / start[name].norm())
        for name, weight in case.network.named_parameters()
    }


@torch.no_grad()
def accuracy(network: nn.Module, batches: Iterable[Batch], *, in_batches_of: int = 128) -> float:
    """Return the fraction of images that a copy of the network gets right in evaluation mode.

    It sees at most `in_batches_of` of them at once.
    """
    network = copy.deepcopy(network).eval()
    right = seen = 0
    for images, labels in batches:
        parts = zip(images.split(in_batches_of), labels.split(in_batches_of), strict=True)
        right += sum(int((network(some).argmax(dim=1) == truth).sum()) for some, truth in parts)
        seen += len(labels)
    return right / seen


def gradients(case: Case) -> dict[str, float]:
    """Return the length of each parameter's gradient at the moment when step() is called.

    One step is taken on a copy of the case. The lengths are by the parameter's name, 0 where there
    is no gradient; there are none at all if step() is never called.
    """
    case, found = case.copy(), {}

    def look(*_) -> None:
        for name, weight in case.network.named_parameters():
            found[name] = 0.0 if weight.grad is None else float(weight.grad.norm())

    case.optimizer.register_step_pre_hook(look)
    images, labels = next(iter(case.batches))
    case.step(case.network, images, labels, case.loss_function, case.optimizer)
    return found


def weight_change(case: Case) -> dict[str, float]:
    """Return how far ten steps move each parameter of a copy, in units of its first length."""
    case = case.copy()
    start = _weights(case)
    for images, labels in _endless(case.batches, 10):
        case.step(case.network, images, labels, case.loss_function, case.optimizer)
    return _distances(case, start)


@torch.no_grad()
def outputs(case: Case) -> tuple[torch.Tensor, torch.Tensor]:
    """Return what the network says of a batch, shape (128, 10), and its labels, shape (128,)."""
    case = case.copy()
    images, labels = next(iter(case.batches))
    return case.network.eval()(images), labels
