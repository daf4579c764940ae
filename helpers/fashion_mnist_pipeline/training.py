"""The loop over epochs and batches, what to look at after it, and how long things take.

`fit` takes the steps that notebook 04 writes out by hand: forward, loss, backward, step, clear,
watch. Around them it only checks and shows progress. It takes any network, loss and optimiser of
PyTorch's, and any iterable of batches.
"""

import contextlib
import copy
import functools
import inspect
import itertools
import math
import operator
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.optim.lr_scheduler import LRScheduler, OneCycleLR, ReduceLROnPlateau

from helpers.common import progress as progress_bars
from helpers.common import require
from helpers.common.sentences import say
from helpers.fashion_mnist_pipeline import fashion

Batch = tuple[torch.Tensor, torch.Tensor]
LossFunction = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


@dataclass
class History:
    """What was seen in each epoch, one entry an epoch in each list.

    Of the training part it is the mean over the epoch's images, while the weights moved; of the
    validation part, what came out after the epoch, and nothing if there was no such part.
    """

    loss: list[float] = field(default_factory=list)
    accuracy: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    validation_accuracy: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Evaluation:
    """What a network says about images, beside what they are.

    The loss is the mean over the images; the accuracy the fraction, 0 to 1, of those whose most
    probable class is their label. The tensors have shape (n,), on the CPU, in the order of the
    batches: labels and predictions as int64, and the probability given to the prediction. A label
    that is no class, such as the -100 that PyTorch's losses ignore, counts in no number.
    """

    loss: float
    accuracy: float
    labels: torch.Tensor
    predictions: torch.Tensor
    confidences: torch.Tensor

    def confusion_matrix(self, classes: int) -> torch.Tensor:
        """Count images by label (row) and prediction (column): shape (classes, classes), int64."""
        highest = int(torch.maximum(self.labels, self.predictions).max())
        require.whole("classes", classes, least=highest + 1)
        # Each pair of classes is a number of its own, so that one call counts all of them.
        pairs = (self.labels * classes + self.predictions)[self.labels >= 0]
        return torch.bincount(pairs, minlength=classes**2).reshape(classes, classes)


class MomentumSGD:
    """Stochastic gradient descent with momentum, and nothing else: two lines a weight.

    Each weight w with gradient g keeps a velocity v, and one step does v ← γ v + g, then
    w ← w − η v [1]_. `torch.optim.SGD` takes the same steps, and knows weight decay, Nesterov's
    variant and much more besides; what it has to ask itself before each step costs up to a
    sixth of the time of training a small network.

    `weights` are the network's parameters, η the `lr`, above 0, and γ the `momentum`, at least 0
    and below 1. All of them stand in `param_groups`, one group as PyTorch's optimisers have it:
    change the numbers there while training.

    References
    ----------
    .. [1] PyTorch, ``torch.optim.SGD``,
       https://docs.pytorch.org/docs/stable/generated/torch.optim.SGD.html
    """

    def __init__(self, weights: Iterable[torch.Tensor], *, lr: float, momentum: float = 0.0):
        # Kept as a list: parameters() is a generator, and walked only once.
        held = list(weights) if isinstance(weights, Iterable) else [weights]
        for weight in held:
            require.instance("one of weights", weight, torch.Tensor, "network.parameters()")
        if any(map(nn.parameter.is_lazy, held)):
            raise ValueError("weights have no shape yet: let the network see a batch before")
        self.param_groups: list[dict[str, Any]] = [{"params": held, "lr": lr, "momentum": momentum}]
        self._velocities = [torch.zeros_like(weight) for weight in held]

    @torch.no_grad()
    def step(self) -> None:
        """Move each weight that has a gradient."""
        group = self.param_groups[0]
        for weight, velocity in zip(group["params"], self._velocities, strict=True):
            if weight.grad is not None:
                # out= and sub_ write where the numbers lie, and ask for no new memory.
                torch.add(weight.grad, velocity, alpha=group["momentum"], out=velocity)
                weight.sub_(velocity, alpha=group["lr"])

    def zero_grad(self) -> None:
        """Forget the gradients."""
        # Not set to zero: backward then hands over its own tensor and adds to none.
        for weight in self.param_groups[0]["params"]:
            weight.grad = None


AnyOptimizer = torch.optim.Optimizer | MomentumSGD


def fit(
    network: nn.Module,
    batches: Iterable[Batch],
    loss_function: LossFunction,
    optimizer: AnyOptimizer,
    *,
    epochs: int,
    validation: Iterable[Batch] | None = None,
    schedule: LRScheduler | None = None,
    schedule_every: str = "step",
    progress: bool = True,
) -> History:
    """Train a network in place, and return loss and accuracy by epoch.

    To scale gradients (``GradScaler``), clip them or gather them over batches, write the loop out.

    Parameters
    ----------
    network : torch.nn.Module
        From a batch of images to scores of shape (batch, classes).
    batches : iterable of (images, labels)
        Walked once an epoch, to its end: of a stream without one, give a list of some batches.
        Images are what the network takes, floats or tokens; labels are int64 class numbers.
    loss_function : callable
        From scores and labels to the mean loss, a scalar tensor with a graph.
    optimizer : torch.optim.Optimizer or MomentumSGD
        Holds the network's parameters. Where its `step` cannot do without a closure, as that of
        ``LBFGS``, it is given one that fills the gradients anew.
    epochs : int
        How often to walk over `batches`.
    validation : iterable of (images, labels), optional
        Looked at after each epoch, never trained on.
    schedule : torch.optim.lr_scheduler.LRScheduler, optional
        Changes the optimiser's learning rate, which may then begin at 0.
    schedule_every : {"step", "epoch"}
        After what the schedule is told. ``ReduceLROnPlateau`` always hears after an epoch: the loss
        or, for ``mode="max"``, the accuracy, of the validation part if there is one.
    progress : bool
        Whether to show a bar: in a notebook or on a terminal, not in a log.

    Raises
    ------
    TypeError, ValueError
        If an argument, a batch, the network's scores or the loss cannot be what they should; the
        line says which, with its value. The weights are then those before the step in question,
        but for a step that made them infinite.
    """
    _check_roles(network, batches, loss_function)
    _check_optimizer(optimizer, network, scheduled=schedule is not None)
    require.whole("epochs", epochs)
    _check_walk("batches", batches, times=epochs)
    require.choice("schedule_every", schedule_every, ("step", "epoch"))
    of_steps = schedule_every == "step" and not isinstance(schedule, ReduceLROnPlateau)
    if schedule is not None:
        told = epochs * (_length(batches) if of_steps else 1)
        _check_schedule(schedule, optimizer, told)
    if validation is not None:
        _check_walk("validation", validation, times=epochs)
    require.truth("progress", progress)
    history = History()
    total = max(0, epochs * _length(batches)) or None
    with (
        progress_bars.bar(total=total, unit=say("batch"), shown=progress) as bar,
        torch.inference_mode(False),
    ):
        for epoch in range(1, epochs + 1):
            network.train()
            walk = _Walk(f"epoch {epoch}", network, loss_function, optimizer)
            for images, labels in walk.over(batches, "batches"):
                walk.take_step(images, labels)
                if schedule is not None and of_steps:
                    _tell(schedule)  # After optimizer.step(), or PyTorch warns.
                bar.update()
            loss, accuracy = walk.means(f"batches, in epoch {epoch},")
            _check_weights(optimizer, epoch)
            history.loss.append(loss)
            history.accuracy.append(accuracy)
            if validation is not None:
                walk = _Walk("validation", network, loss_function)
                seen = _evaluate(walk, validation, shown=progress)
                loss, accuracy = seen.loss, seen.accuracy
                history.validation_loss.append(loss)
                history.validation_accuracy.append(accuracy)
            if isinstance(schedule, ReduceLROnPlateau):
                _tell(schedule, loss if schedule.mode == "min" else accuracy)
            elif schedule is not None and not of_steps:
                _tell(schedule)
            seen_so_far = {"epoch": epoch, "accuracy": history.accuracy[-1]}
            bar.set_postfix_str(say("epoch {epoch}, accuracy {accuracy:.1%}", **seen_so_far))
    return history


def evaluate(
    network: nn.Module, batches: Iterable[Batch], loss_function: LossFunction
) -> Evaluation:
    """Look at how a network does, without changing it.

    It takes what `fit` takes and refuses what `fit` refuses; the scores are logits or
    log-probabilities. What takes longer than two seconds shows a bar. What its layers change stays.
    """
    _check_roles(network, batches, loss_function)
    return _evaluate(_Walk("batches", network, loss_function), batches, shown=True)


@torch.no_grad()
def _evaluate(walk: "_Walk", batches: Iterable[Batch], *, shown: bool) -> Evaluation:
    network, name = walk.network, walk.place
    seen: list[tuple[torch.Tensor, ...]] = []
    # One by one: a layer may have been frozen in evaluation mode within a network that trains.
    # What TorchScript has frozen has no mode.
    modes = {one: one.training for one in network.modules() if hasattr(one, "training")}
    try:
        # Dropout off, batch norm by what it has stored.
        _call(network.eval, why="the network cannot be evaluated: {}".format)
        pairs = walk.over(batches, name)
        total = max(0, _length(batches)) or None
        for images, labels in progress_bars.walked(pairs, say("batch"), name, total, shown=shown):
            scores, loss = walk.forward(images, labels)
            walk.see(loss.item(), scores, labels)
            # The softmax of logits and the softmax of log-probabilities are the same numbers.
            confidence, prediction = scores.softmax(dim=1).max(dim=1)
            seen.append((labels.cpu(), prediction.cpu(), confidence.cpu()))
    finally:
        # By train() first: some layers merge or keep weights at eval(), and take it back there.
        with contextlib.suppress(Exception):  # What cannot be told so has refused eval(), too.
            for module in (one for one, mode in modes.items() if one.training != mode):
                module.train(modes[module])
        for module, mode in modes.items():
            module.training = mode
    return Evaluation(*walk.means(name), *map(torch.cat, zip(*seen, strict=True)))


@torch.no_grad()
def fraction_named(
    predict: Callable[[torch.Tensor], torch.Tensor], images: torch.Tensor, labels: torch.Tensor
) -> float:
    """Return the fraction of images, shape (n, 28, 28), that are given their label."""
    # In pieces: for 10,000 images at once, a layer of eight filters fills 250 MB.
    said = torch.cat([predict(some) for some in images.split(500)])
    return (said == labels).double().mean().item()


class Stopwatch:
    """Adds up, in `seconds`, the time before its marks by their names."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        """Add the time since the last mark, or since the start, to `name`."""
        now = time.perf_counter()
        self.seconds[name] = self.seconds.get(name, 0.0) + now - self._last
        # Asked again: keeping the books is not the work that is timed.
        self._last = time.perf_counter()


def seconds(run: Callable[..., object], *arguments: object, rounds: int = 3) -> float:
    """Return the seconds that a function takes when it is called with the arguments.

    The median of so many rounds counts, after one more to warm up if there is more than one.
    """
    taken = []
    # The first call also sets up what later calls find there, as caches, and is not like them.
    for _ in range(rounds if rounds == 1 else rounds + 1):
        start = time.perf_counter()
        run(*arguments)
        taken.append(time.perf_counter() - start)
    return statistics.median(taken[-rounds:])


class _Walk:
    """A walk over batches: each goes through network and loss, and is counted."""

    def __init__(
        self, place: str, network: nn.Module, loss_function: LossFunction, optimizer: Any = None
    ) -> None:
        self.place, self.network, self._loss_function = place, network, loss_function
        self._optimizer, self._asked = optimizer, _asked_for(optimizer)
        self._batches = self._seen = self._images = 0
        self._loss = 0.0
        self._right: list[torch.Tensor] = []  # Counted once, at the end: a batch at a time is slow.

    def over(self, batches: Iterable[Batch], name: str) -> Iterator[Batch]:
        """Walk batches, look at each, and take it to where the network is."""
        held = itertools.chain(self.network.parameters(), self.network.buffers())
        device = next(held, torch.empty(0)).device
        length = _length(batches)
        for images, labels in require.pairs(name, batches):
            self._batches += 1
            # One that is its own iterator and goes on beyond its length begins again by itself.
            if isinstance(batches, Iterator) and 0 <= length < self._batches:
                raise _never_ends(name)
            fashion.check_pair(images, labels)
            yield images.to(device), labels.to(device)

    def take_step(self, images: torch.Tensor, labels: torch.Tensor) -> None:
        """Fill the gradients and move the weights."""
        _check_rates(self._optimizer, scheduled=True)

        def fill() -> torch.Tensor:  # What PyTorch calls a closure.
            with torch.enable_grad():  # An optimiser may call it where there is none.
                scores, loss = self.forward(images, labels)
            # Once, and before the step, so that the weights are still those that gave it. Where an
            # optimiser asks again it is trying others, and may well go too far.
            if self._seen < self._batches:
                self.see(loss.item(), scores, labels)
            _call(self._optimizer.zero_grad, why=functools.partial(_why_no_step, what="zero_grad"))
            _call(loss.backward, why=_why_no_gradient)
            # A loss that was made anew from a number has a gradient, which stops at once. A hook
            # may have taken the step and let go of the gradients.
            weights = [*_held_by(self._optimizer)]
            if all(one.grad is None and not one._post_accumulate_grad_hooks for one in weights):
                raise ValueError(_why_no_gradient("does not require grad"))
            return loss.detach()

        fill()
        step = functools.partial(self._optimizer.step, **dict.fromkeys(self._asked, fill))
        _call(step, why=_why_no_step)

    def forward(self, images: torch.Tensor, labels: torch.Tensor) -> Batch:
        """Return scores and loss, if they can be what they should."""
        scores = _call(self._scores, images, why=functools.partial(self._why_no_scores, images))
        if not isinstance(scores, torch.Tensor):
            cure = "does forward return?" if scores is None else "let forward return scores alone"
            raise TypeError(f"the network gave {type(scores).__name__} and not a tensor: {cure}")
        count, shape = len(labels), tuple(scores.shape)
        if len(shape) != 2 or shape[0] != count or shape[1] < 2 or not scores.is_floating_point():
            raise ValueError(
                f"the network gave scores of shape {shape} and dtype {scores.dtype} for {count} "
                f"images: give floats ({count}, classes), of two classes at least"
            )
        # On a CPU the loss itself looks at each label. On an accelerator it would end the process,
        # so that a label that is no class, but may be one to ignore, is tried on a CPU.
        if not labels.is_cpu and fashion.outside(labels, shape[1]) is not None:
            tried = copy.deepcopy(self._loss_function)
            tried = tried.cpu() if isinstance(tried, nn.Module) else tried
            _loss(tried, scores.detach().cpu(), labels.cpu())
        return scores, _loss(self._loss_function, scores, labels)

    def _scores(self, images: torch.Tensor) -> Any:
        try:
            return self.network(images)
        except RuntimeError:
            if torch.is_grad_enabled():
                raise
        # Some ask for a gradient on their way, as a layer that solves an equation does.
        with torch.enable_grad():
            scores = self.network(images)
        return scores.detach() if isinstance(scores, torch.Tensor) else scores

    def _why_no_scores(self, images: torch.Tensor, reason: str) -> str:
        if len(images) == 1 and "more than 1 value per channel" in reason:
            return (
                f"batch {self._batches} of {self.place} holds one image, too few for batch norm: "
                "leave it out, as a DataLoader does by drop_last=True, or change the batch size"
            )
        given = f"images of shape {tuple(images.shape)} and dtype {images.dtype}"
        if images.dtype == torch.int64:
            given += f", {int(images.min())} to {int(images.max())}"
        return f"the network does not take {given}: {reason}{_cure(self.network, images)}"

    def see(self, loss: float, scores: torch.Tensor, labels: torch.Tensor) -> None:
        """Count a batch in."""
        self._seen = self._batches
        # Weighted by the batch's size: the last batch is often smaller than the others.
        images = fashion.count_of_classified(self._loss_function, scores, labels)
        if not math.isfinite(loss):
            place = f"{self.place}, batch {self._batches}"
            cure = "look for NaN in the images and in the weights"
            if scores.isfinite().all():
                cure = "look for log(0) or 0 / 0 in the loss function, as all scores are finite"
            if not images:
                cure = "none of its labels is a class, so leave it out"
            elif self._optimizer is not None and place != "epoch 1, batch 1":  # No update before.
                rate = self._optimizer.param_groups[0].get("lr")
                cure = f"lower the learning rate (now {rate}) or {cure}"
            raise ValueError(f"the loss became {loss} in {place}: {cure}")
        self._images += images
        self._loss += loss * images
        self._right.append(scores.argmax(dim=1) == labels)

    def means(self, walk: str) -> tuple[float, float]:
        """Return loss and accuracy, the means over the images."""
        if self._images == 0:
            raise _no_images(walk)
        return self._loss / self._images, int(torch.cat(self._right).sum()) / self._images


# What code stops with; an error that somebody raises to end a run is let through.
_CODE_ERRORS: tuple[type[Exception], ...] = (ArithmeticError, AssertionError, AttributeError)
_CODE_ERRORS += (LookupError, NameError, RuntimeError, TypeError, ValueError)


def _call(function: Callable, *arguments: object, why: Callable[[str], str]) -> Any:
    """Call what may fail in PyTorch or in a reader's own code, and say why in one line."""
    try:
        return function(*arguments)
    except torch.OutOfMemoryError:
        raise  # Its own message says what to do, and the arguments are not to blame.
    except _CODE_ERRORS as error:
        # PyTorch's first sentence: those behind it are often a cure for something else.
        text = repr(error) if isinstance(error, KeyError) else str(error)
        said = text.splitlines() or [type(error).__name__]
        raise ValueError(why(said[0].split(". ")[0])) from error


def _tell(schedule: Any, *heard: float) -> None:
    why = "the schedule's step failed: {}; none but ReduceLROnPlateau is told the loss"
    _call(schedule.step, *heard, why=why.format)


def _why_no_gradient(reason: str) -> str:
    if "a second time" in reason:
        return "the loss leads into an earlier batch: detach() what is kept from batch to batch"
    if "not require grad" in reason:
        cure = "let no detach(), no_grad(), argmax(), tensor() or NumPy stand between"
        return f"the loss leads back to no weights: {cure}"
    return f"the loss has no gradient: {reason}"


def _why_no_step(reason: str, what: str = "step") -> str:
    cure = ""
    if "attribute 'defaults'" in reason or "attribute '_optimizer_" in reason:
        cure = "; it has not called torch.optim.Optimizer's __init__, so give one that does"
    if "closure" in reason or "not callable" in reason:
        cure = "; if it wants a closure, let it be step(self, closure), without a default"
    if "grad_fn" in reason:  # As of those that look at the curvature.
        cure = "; if it wants slopes of slopes, write the loop out, with "
        cure += "backward(create_graph=True)"
    return f"the optimiser's {what} failed ({reason}){cure}"


def _loss(loss_function: LossFunction, scores: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    def why(reason: str) -> str:
        classes = scores.shape[1]
        if (label := fashion.outside(labels, classes)) is None:
            return f"the loss fails on int64 labels beside {classes} scores for each: {reason}"
        cure = f"give class numbers from 0 to {classes - 1}"
        return f"labels hold {label}: the network tells {classes} classes apart, so {cure}"

    loss = _call(loss_function, scores, labels, why=why)
    if not isinstance(loss, torch.Tensor):
        raise TypeError(f"the loss is {type(loss).__name__} and not a tensor: does it return one?")
    if loss.numel() != 1 or loss.is_complex():
        shape = tuple(loss.shape)
        raise ValueError(f"the loss has shape {shape}: give one number, the mean, and a real one")
    return loss


@torch.no_grad()
def _cure(network: nn.Module, images: torch.Tensor) -> str:
    """Name what a copy of the network takes in place of the images; nothing if none is found."""
    dtype = next((w.dtype for w in network.parameters() if w.is_floating_point()), torch.float32)
    scaled = f".to({dtype})" + (" / 255" if images.dtype == torch.uint8 else "")
    # Where a copy takes them as they are, something else is amiss.
    changes = ["", scaled, ".long()", ".to_dense()", ".flatten(1)", ".unsqueeze(1)", ".squeeze(1)"]
    changes += [".expand(-1, 3, -1, -1)"]  # For networks made for colours.
    for change in [] if images.is_complex() else changes:
        with contextlib.suppress(Exception):  # What is tried is what is said.
            scores = copy.deepcopy(network).eval()(eval(f"images{change}"))
            if scores.shape[:-1] == images.shape[:1]:
                return change and f"; it does take images{change}"
    return ""


def _length(batches: object) -> int:
    """Return how many batches there are; -1 if that cannot be known, as of a stream."""
    with contextlib.suppress(Exception):  # A loader over a stream says so when it is asked.
        return operator.length_hint(batches, -1)
    return -1


def _no_images(walk: str) -> ValueError:
    cure = "pass at least one batch, in what can be walked again: a list, not a generator"
    return ValueError(f"{walk} gave no images: {cure}")


def _never_ends(name: str, amiss: str = "never end") -> ValueError:
    return ValueError(f"{name} {amiss}: give a list, such as list(itertools.islice({name}, 9))")


def _check_roles(network: nn.Module, batches: object, loss_function: object) -> None:
    require.network("network", network)
    _check_walk("batches", batches)
    if isinstance(loss_function, type):
        raise TypeError(f"loss_function is a class: give what it makes, {loss_function.__name__}()")
    require.function("loss_function", loss_function)
    options = getattr(loss_function, "keywords", getattr(loss_function, "__dict__", {}))
    if options.get("reduction") == "sum":
        raise ValueError("loss_function sums over a batch: give one with reduction='mean'")
    if any(weight.is_meta for weight in itertools.chain(network.parameters(), network.buffers())):
        raise ValueError("network is on the meta device, without numbers: make it on a real one")


def _check_walk(name: str, batches: object, *, times: int = 1) -> None:
    require.batches(name, batches)
    # What Python itself makes goes on where it ended; a class of one's own may begin anew.
    goes_on = isinstance(batches, Iterator) and not inspect.isfunction(type(batches).__iter__)
    if isinstance(batches, itertools.cycle):
        raise _never_ends(name)
    if goes_on and times > 1:
        raise _never_ends(name, "can be walked only once")
    if _length(batches) == 0:
        raise _no_images(name)


def _check_optimizer(optimizer: AnyOptimizer, network: nn.Module, *, scheduled: bool) -> None:
    if next(network.parameters(), None) is None:
        raise ValueError("network has no parameters to train: are its layers made in __init__?")
    require.optimizer("optimizer", optimizer)
    # By identity: == would compare the numbers, and two layers may hold the same ones.
    held, own = set(map(id, _held_by(optimizer))), {id(w): w for w in network.parameters()}
    learning = {name for name, weight in own.items() if weight.requires_grad}
    # Of a layer that was put in later, it holds the one before, of as many weights.
    if held.isdisjoint(learning) or 0 < len(held - own.keys()) == len(learning - held):
        whose = "none" if held.isdisjoint(learning) else "not all"
        raise ValueError(
            f"the optimiser holds {whose} of the network's weights that learn: make it after the "
            "network, from network.parameters(), and set requires_grad_(True) on frozen ones"
        )
    if odd := [name for name in _asked_for(optimizer) if "closure" not in name]:
        cure = "give one that asks for nothing, or for a closure"
        raise ValueError(f"the optimiser's step asks for {odd[0]}: {cure}")
    _check_rates(optimizer, scheduled=scheduled)


def _held_by(optimizer: AnyOptimizer) -> Iterator[torch.Tensor]:
    return itertools.chain(*(group["params"] for group in optimizer.param_groups))


def _check_rates(optimizer: AnyOptimizer, *, scheduled: bool) -> None:
    # An optimiser of one's own may have no rate, and a schedule may begin at 0.
    rates = [group["lr"] for group in optimizer.param_groups if group.get("lr") is not None]
    for rate in rates:
        # PyTorch's own check lets 0 and NaN pass, and a root of less than 0 is complex.
        odd = isinstance(rate, complex) or not 0 <= float(rate) < math.inf
        if odd or not (scheduled or any(rates)):
            cure = "give a number above 0, such as 0.1"
            cure += ", and schedule_every='epoch' if its schedule counts epochs" * scheduled
            raise ValueError(f"the learning rate is {rate}: {cure}")


def _check_weights(optimizer: AnyOptimizer, epoch: int) -> None:
    """Find what the last step of an epoch has spoilt, since no loss shows it any more."""
    for weight in _held_by(optimizer):
        if weight.grad is not None and not weight.isfinite().all():
            rate = optimizer.param_groups[0].get("lr")
            cure = f"lower the learning rate (now {rate}) or look for the root or logarithm of 0"
            raise ValueError(f"weights are infinite or NaN after epoch {epoch}: {cure}")


def _check_schedule(schedule: object, optimizer: AnyOptimizer, told: int) -> None:
    if isinstance(schedule, type) or not callable(getattr(schedule, "step", None)):
        cure = "one from torch.optim.lr_scheduler"
        raise TypeError(f"schedule is {require.shown(schedule)}: give {cure}")
    asked = _asked_for(schedule)[isinstance(schedule, ReduceLROnPlateau) :]
    if asked:
        cure = "give one whose step asks for nothing"
        raise ValueError(f"schedule's step asks for {asked[0]}: {cure}")
    if getattr(schedule, "optimizer", optimizer).param_groups is not optimizer.param_groups:
        raise ValueError("schedule moves another optimiser: make it from the one given to fit")
    starts = getattr(schedule, "_milestones", [0])  # Of the parts of a SequentialLR.
    parts = getattr(schedule, "_schedulers", [schedule])[-1 if any(starts) else 0 :]
    for part in (part for part in parts if isinstance(part, OneCycleLR)):
        # It fails beyond its end, which would come too late.
        left, told = part.total_steps - max(0, part.last_epoch), told - starts[-1]
        if told > left:
            cure = f"make it with total_steps={told}"
            raise ValueError(f"schedule has {left} steps left and would be told {told}: {cure}")


def _asked_for(owner: object) -> list[str]:
    """Return, by name, what the `step` of an optimiser or a schedule cannot do without."""
    # As its class has it: a schedule puts a wrapper around the one of its optimiser.
    step = getattr(type(owner), "step", lambda self: None)
    others = list(inspect.signature(step).parameters.values())[1:]
    return [one.name for one in others if one.default is one.empty and "VAR" not in one.kind.name]
