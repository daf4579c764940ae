"""Somebody's training step, watched from outside: what it calls, when, and what it leaves behind.

`Watch` hangs its hooks on a network and an optimiser that nobody else uses, and lets a step train
them for a while. What the step does is told by the order in which the hooks are called.
"""

import functools
import itertools
import math
import sys
import types
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

import torch
from torch import nn

from helpers.common import progress
from helpers.common.sentences import say
from helpers.debugging_clinic import chance, hearing, keeping, marks, modes
from helpers.debugging_clinic.steps import Batch, LossFunction, Step

_STEPS_WATCHED = 4
# A step may add up the gradients of several batches before it moves a weight.
MOST_STEPS_WATCHED = 130
# Or it may train at every fifth batch alone, as a generator does.
_MOST_IDLE_STEPS = 12
# Where one graph stays, the others may follow by and by, as from a log of each tenth loss; and a
# weight that gets no gradient may get one in a later step.
_STEPS_TO_BE_SURE = 24


class Watch:
    """What hooks saw of a network and an optimiser while steps were taken."""

    def __init__(self, network: nn.Module, optimizer: torch.optim.Optimizer, handed: object = None):
        self.network, self.optimizer, self.loss = network, optimizer, _Loss()
        self.taken = self.calls = self.forwards = 0  # Steps; the network's calls and forwards.
        self.arrivals = self.added = 0  # Of gradients, and of those that were added to .grad.
        self.reached: set[str] = set()  # The weights that got one which is not zero.
        self.changed: set[str] = set()  # Those that moved.
        self.piled_up = ""  # The weight whose gradient was added to one that had been used already.
        self.steps = self.empty_steps = 0  # Calls of step(), and those that found no gradient.
        # Calls of a clipping, those with nothing to clip, and those that came too late, since a
        # GradScaler's unscale_() followed.
        self.clips = self.empty_clips = self.scaled_clips = 0
        self._is_unscaled = self._is_scaled_and_clipped = False
        # Whether nobody can hear what is called, since somebody else measures times.
        self.is_deaf = sys.getprofile() is not None
        # What was handed over, of which these are copies, with all that it wraps; and calls of its
        # step().
        self._handed = {id(one) for one in keeping.optimizers(handed)}
        self.of_the_handed = 0
        self.moved = self.in_eval = False  # Any weight changed; trained so, the network
        self.off: list[str] = []  # or layers by mistake.
        self.uphill: list[bool] = []  # For each update by hand, whether it went up the gradient.
        # Whether a step goes back more than once, as for a sharper place: what each gradient is
        # for, it alone knows. And whether, after an update, one came to an empty .grad.
        self.repeats = self._is_cleared = False
        # The weights that a gradient came to in this step, and those where it met a used one.
        self._came, self._piled = set[str](), set[str]()
        self.graphs = marks.Kept()
        self._modes: list[tuple[list[str], bool]] = []  # In which this step called the network.
        weights = dict(network.named_parameters())
        own = set(weights.values())
        self._held = [w for g in optimizer.param_groups for w in g["params"] if w in own]
        # The weights whose gradient an update has seen, and that have got no new one since; with
        # that gradient, in the place of which a step may put another.
        self._used: dict[torch.Tensor, torch.Tensor] = {}
        # Of the gradient that arrives; and any weight.
        self._is_first, self._holds_what_was_used, self._is_updated = True, False, False
        self._learning = learning = {n: w for n, w in weights.items() if w.requires_grad}
        for name, weight in learning.items():
            weight.register_hook(functools.partial(self._arrive, name, weight))
            weight.register_post_accumulate_grad_hook(functools.partial(self._add, name))
        self.gathered = _Gathered([w for w in learning.values() if w in {*self._held}][-1:])
        network.register_forward_hook(
            lambda _, given, named, scores: self._call([*given, *named.values()], scores),
            with_kwargs=True,
        )
        # A step may call a part of the network alone, as that of a module that trains itself does.
        for part in network.children():
            part.register_forward_hook(lambda _, __, gives: self.graphs.mark(*_tensors(gives)))
        # Not every optimiser has hooks.
        update = optimizer.step

        @functools.wraps(update)
        def noted(_, *args, **kwargs):
            before, empty = self.arrivals, self._step()
            result = update(*args, **kwargs)
            # A function that is handed to step() may compute the gradient within it.
            if self.arrivals > before:
                self._use()
            else:
                self.empty_steps += empty
                self._note_what_is_used()  # It may have changed that.
            return result

        # A schedule that a step makes asks for a method.
        object.__setattr__(optimizer, "step", types.MethodType(noted, optimizer))

    def take(
        self, step: Step, batch: Batch, loss_function: LossFunction, asked: Callable | None = None
    ) -> None:
        """Let the step train on a batch."""
        self.loss.begin(batch)
        self._came, self._modes = set(), []
        weights = dict(self.network.named_parameters())
        before = {name: weight.detach().clone() for name, weight in weights.items()}
        with hearing.heard(self, loss_function, asked or self.loss.asked) as heard:
            step(self.network, *batch, heard, self.optimizer)
        self.taken = self.graphs.steps = self.taken + 1
        if self._came:
            # One of several calls may be made in another mode on purpose, as to attack images; who
            # calls parts of the network, or a copy, makes none.
            layers, in_eval = zip(*(self._modes or [self._mode()]), strict=True)
            self.off = self.off or [name for name in layers[0] if all(name in o for o in layers)]
            self.in_eval = self.in_eval or all(in_eval)
        now = dict(self.network.named_parameters())  # A step may give it others, or more.
        old = {name: old for name, old in before.items() if name in now}
        changed = {name for name in old if not torch.equal(old[name], now[name])}
        moved = bool(changed)
        self.changed |= changed
        self.moved |= moved
        if moved and not self.steps:  # By hand: what was there is used.
            self._use()
            pairs = [(now[name], old[name]) for name in old if now[name].shape == old[name].shape]
            climb = [((w - before) * w.grad).sum() for w, before in pairs if w.grad is not None]
            self.uphill.append(bool(climb) and float(sum(climb)) > 0)

    @property
    def is_clear(self) -> bool:
        """Whether it is known what becomes of gradients that were added to used ones."""
        return not self._piled or bool(self.piled_up) or self.repeats

    @property
    def never_cleared(self) -> str:
        """The weight whose gradient still held what had been used; "" where that may be wanted."""
        return "" if self.repeats and self._is_cleared else self.piled_up

    @property
    def reaches_held(self) -> bool:
        """Whether a gradient came to any weight that the optimiser holds: it may hold others."""
        return not {*self._held}.isdisjoint(self._learning[name] for name in self.reached)

    def gradients_with_graphs(self) -> str:
        """Tell of a gradient that a step has left together with its graph."""
        learning = self._learning.items()
        names = [n for n, w in learning if w.grad is not None and w.grad.grad_fn is not None]
        used_up = say(
            "{weight}.grad still held what step() had used", weight=min(names, default="")
        )
        return used_up if names else ""

    def passed_over(self) -> list[str]:
        """Return the weights that neither got a gradient nor moved, while others got some."""
        learning = {name for name, weight in self._learning.items() if weight.requires_grad}
        return sorted(learning - self.reached - self.changed) if self.reached else []

    def _arrive(self, name: str, weight: torch.Tensor, new: torch.Tensor) -> None:
        # Before it is added, if it is: what stands in .grad is what was there before.
        self.arrivals += 1
        self._is_first = not _is_something(weight.grad)
        self._holds_what_was_used = _are_equal(weight.grad, self._used.get(weight))
        self._is_unscaled = self._is_scaled_and_clipped = False
        if name not in self.reached and _is_something(new):
            self.reached.add(name)

    def _add(self, name: str, weight: torch.Tensor) -> None:
        self.added += 1
        self.repeats |= name in self._came
        self._came.add(name)
        if self._is_first:
            self._piled.discard(name)
            self._is_cleared |= self._is_updated
        elif self._holds_what_was_used:
            self._piled.add(name)
        self._used.pop(weight, None)

    def _step(self) -> bool:
        if not self.steps:  # What moved weights before was no update.
            self.piled_up, self._piled = "", set()
        self.steps += 1
        self._use()
        self.gathered.use()
        return bool(self._held) and not self._used

    def _note_what_is_used(self) -> None:
        self._used = {weight: weight.grad.detach().clone() for weight in self._with_gradient()}  # type: ignore

    def _use(self) -> None:
        # Several gradients may be added up on purpose; once used, they have to go.
        self._note_what_is_used()
        self._is_updated = True
        there = [name for name in self._piled if _is_something(self._learning[name].grad)]
        self.piled_up = self.piled_up or min(there, default="")

    def _with_gradient(self) -> set[torch.Tensor]:
        return {weight for weight in self._held if _is_something(weight.grad)}

    def clip(self, given: dict) -> None:
        """Note a clipping, but not who clips at infinity, and only wants to know how large."""
        if given.get("max_norm") == math.inf:
            return
        self.clips += 1
        self.empty_clips += bool(self._held) and self._with_gradient() <= self._used.keys()
        self._is_scaled_and_clipped |= not self._is_unscaled

    def update(self, *optimizers: object) -> None:
        """Note a call of an optimiser's step, or of a scaler's with an optimiser."""
        self.of_the_handed += any(id(one) in self._handed for one in optimizers)

    def unscale(self, scaler: object, optimizer: object) -> None:
        """Note that a scaler brings gradients to their size."""
        if not isinstance(scaler, torch.amp.GradScaler) or not scaler.is_enabled():
            return
        self._is_unscaled = True  # Whosever it is: what is clipped after it may be the other's.
        self.scaled_clips += optimizer is self.optimizer and self._is_scaled_and_clipped

    def _call(self, given: list, gives: object) -> None:
        self.calls += 1
        scores = next((part for part in _tensors(gives) if part.grad_fn is not None), None)
        if scores is None:  # It only looks, which is what evaluation mode is for.
            return
        self.loss.scored(_tensors(given))
        self._modes.append(self._mode())
        self.graphs.mark(scores)

    def _mode(self) -> tuple[list[str], bool]:
        return modes.layers_off(self.network), not self.network.training


class _Gathered:
    """The gradients of one weight between two updates: whether all of them are used."""

    def __init__(self, weights: Sequence[torch.Tensor]) -> None:
        self.steps = self.wiped = 0  # Updates, and those by the last of several gradients.
        self.pieces = self.most = 0  # Gradients since the last update; the most before one.
        self._is_first = True
        self._new = self._sum = torch.zeros(())
        for weight in weights:
            weight.register_hook(lambda new: setattr(self, "_new", new.detach().clone()))
            weight.register_post_accumulate_grad_hook(self._add)
        self._weight = weights[0] if weights else None

    def _add(self, _: torch.Tensor) -> None:
        self._sum = self._sum + self._new if self.pieces else self._new
        self.pieces += 1

    @property
    def is_clear(self) -> bool:
        """Whether nothing waits for a second update, which may be of several batches."""
        return self._is_first or self.steps > 0 or not self.pieces

    def use(self) -> None:
        """Note what an update finds: the sum, the last one alone, or something of its own.

        The first of all may be of one batch, where it comes at each nth from the very first on.
        """
        self.steps += not (self._is_first and self.pieces == 1)
        self._is_first = False
        found = None if self._weight is None else self._weight.grad
        if found is not None and self.pieces > 1:
            alone = _is_along(found, self._new) and not _is_along(found, self._sum)
            self.wiped += alone
            self.most = max(self.most, self.pieces)
        self.pieces = 0


class _Loss:
    """What a step asks a loss for which images, and what gradient it hands it."""

    def __init__(self) -> None:
        self.asks = 0
        self.least = math.inf  # Of all scores that it was asked about.
        self.squashed = self.logarithms = True  # All scores are probabilities, or their logarithms.
        self.downhill: list[bool] = []  # For each gradient, whether it is below zero.
        self.sizes: list[float] = []  # Of what the network is given, beside that of the batch.
        self._given: list[torch.Tensor] = []
        self._right: list[torch.Tensor] = []

    def begin(self, batch: Batch) -> None:
        """Begin a step: note which label belongs to which image; None where equal ones disagree."""
        self._size = size_of(batch[0]) or 1.0
        self._known: dict[int, int | None] = {}
        for row, label in zip(_hashes(batch[0]), batch[1].tolist(), strict=True):
            self._known[row] = label if self._known.get(row, label) == label else None
        self._rows: list[int] | None = None  # The images that the network has scored in this step.

    def scored(self, images: list[torch.Tensor]) -> None:
        """Note images; behind a second call nobody knows which of the two the loss is about."""
        self.sizes += [
            size_of(part) / self._size for part in images[:1] if part.is_floating_point()
        ]
        self._rows = _hashes(images[0]) if self._rows is None and images else []

    def asked(self, *given: object) -> None:
        """Note scores, and labels where their images are some of the batch's."""
        self.asks += 1
        loss, scores, labels, *_ = [*_tensors(given), *[torch.zeros(())] * 3]
        self.squashed &= are_probabilities(scores)
        self.logarithms &= are_logarithms(scores)
        is_table = scores.ndim == 2 and scores.numel() > 0
        self.least = min(self.least, float(scores.min()) if is_table else -math.inf)
        if loss.requires_grad:
            loss.register_hook(lambda new: self.downhill.append(bool((new < 0).all())))
        rows = self._rows or []
        is_whole = len(rows) == labels.numel() and all(row in self._known for row in rows)
        if is_whole and labels.dtype == torch.int64:
            pairs = zip(labels.flatten().tolist(), map(self._known.get, rows), strict=True)
            if sure := [pair for pair in pairs if pair[1] is not None]:
                self._given.append(torch.tensor(sure)[:, 0])
                self._right.append(torch.tensor(sure)[:, 1])

    @property
    def compared(self) -> bool:
        """Whether there were labels that it could compare."""
        return bool(self._given)

    def right(self) -> float | None:
        """Return the fraction of right labels, if chance may get as many right."""
        if not self._given or len(torch.cat(self._given).unique()) == 1:  # One has no order.
            return None
        given, right = torch.cat(self._given), torch.cat(self._right)
        # Another name for each class is no other order; with few images that may be chance.
        names = {(a, b) for a, b in zip(given.tolist(), right.tolist(), strict=True)}
        if len(names) == len(right.unique()) < len(right) / 2:
            return None
        same = float((given == right).double().mean())
        by_chance = same < 1 and same <= chance.most_right(given, right)
        return same if by_chance else None


def size_of(images: torch.Tensor) -> float:
    """Return the root mean square."""
    return images.detach().double().square().mean().sqrt().item()


def are_probabilities(scores: torch.Tensor) -> bool:
    """Whether the scores of each image add up to one, and none is below zero."""
    return scores.ndim == 2 and bool((scores >= 0).all()) and are_one(scores.sum(dim=1))


def are_logarithms(scores: torch.Tensor) -> bool:
    """Whether the exponentials of the scores of each image add up to one."""
    return scores.ndim == 2 and are_one(scores.exp().sum(dim=1))


def are_one(sums: torch.Tensor) -> bool:
    """Whether all numbers are one, but for rounding."""
    return bool(((sums - 1).abs() < 1e-3).all())


def _tensors(given: object) -> list[torch.Tensor]:
    """Return the tensors among what is given, but for those of torch.func, which hide theirs."""
    hidden = torch._C._functorch.is_functorch_wrapped_tensor
    parts = list(given.values()) if isinstance(given, dict) else given
    parts = parts if isinstance(parts, list | tuple) else [parts]
    return [part for part in parts if isinstance(part, torch.Tensor) and not hidden(part)]


def _hashes(images: torch.Tensor) -> list[int]:
    return [hash(row.tobytes()) for row in images.detach().float().cpu().numpy()]


def _is_along(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Whether two gradients point the same way, whatever their length."""
    together = nn.functional.cosine_similarity(one.flatten(), other.flatten(), dim=0)
    return float(together) > 0.9999


def _are_equal(one: torch.Tensor | None, other: torch.Tensor | None) -> bool:
    if one is None or other is None or one.shape != other.shape:
        return False
    return torch.equal(one.to_dense(), other.to_dense())


def _is_something(gradient: torch.Tensor | None) -> bool:
    return gradient is not None and bool(gradient.any())


def clear(optimizer: torch.optim.Optimizer) -> None:
    """Let an optimiser clear its gradients, or do it for one that PyTorch's own way does not suit.

    One that wraps another may leave out what ``Optimizer.__init__`` makes for it.
    """
    with suppress(AttributeError):
        optimizer.zero_grad()
        return
    for weight in [weight for group in optimizer.param_groups for weight in group["params"]]:
        weight.grad = None


def watch(seen: Watch, step: Step, loss_function: LossFunction, batches: Iterable[Batch]) -> None:
    """Let a step train a network until it is clear what it does."""
    clear(seen.optimizer)
    updated = 0  # At which step.
    some = itertools.islice(itertools.cycle(batches), MOST_STEPS_WATCHED)
    for batch in progress.walked(some, say("step"), say("the check tries the step")):
        seen.take(step, batch, loss_function)
        updated = updated or (seen.taken if seen.steps or seen.moved else 0)
        # With gradients and yet no update, it may be adding them up: give it time. One step
        # more, and a gradient that was not cleared shows. Some do not train in each step.
        trains = bool(seen.arrivals) or seen.taken < _MOST_IDLE_STEPS
        enough = 0 < updated < seen.taken and seen.is_clear and seen.gathered.is_clear
        if seen.taken >= _STEPS_WATCHED and (enough or not trains):
            is_sure = seen.graphs.old() != 1 and not seen.passed_over()
            if is_sure or not trains or seen.taken >= _STEPS_TO_BE_SURE:
                break
