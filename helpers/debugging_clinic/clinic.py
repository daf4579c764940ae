"""The debugging clinic: faulty training runs, what is measured on them, and their symptoms.

A `Case` is all that a training run consists of. `admit` builds a healthy one, or one with a single
fault; `observe` trains it for a while and writes a `Chart`; a `Symptom` is a number of that chart
and the bound that tells the fault from health. `first_error` runs a listing and says what stopped
it, and at which line.
"""

import copy
import math
import re
import statistics
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import nn

from helpers.common import require
from helpers.fashion_mnist_pipeline import fashion

Batch = tuple[torch.Tensor, torch.Tensor]
LossFunction = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
Step = Callable[
    [nn.Module, torch.Tensor, torch.Tensor, LossFunction, torch.optim.Optimizer], torch.Tensor
]

HEALTHY = "healthy"
_LR, _MOMENTUM = 0.15, 0.8
_BATCH = 128
_IMAGES = 6_400
_TEST_IMAGES = 1_000
# Few enough to be learnt by heart, which is what a mixed-up test part rewards.
_IMAGES_LEARNT_BY_HEART, _UPDATES_BY_HEART = 500, 400
_LISTING = "<listing>"


# --- Loud faults ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Complaint:
    """What stopped a listing.

    Attributes
    ----------
    kind, message : str
        The exception's type and its message.
    line : int
        The last line of the listing itself that was running, from 1.
    source : str
        What stands there.
    frames_below : int
        How many lines of other people's files the traceback shows under it.
    """

    kind: str
    message: str
    line: int
    source: str
    frames_below: int

    def __str__(self) -> str:
        """Return what was said, and the line of yours to look at."""
        return f"{self.kind}: {self.message}\n    your line {self.line}: {self.source}"


def first_error(listing: str, **names: object) -> Complaint | None:
    """Run a listing and return what stopped it, or ``None``.

    Parameters
    ----------
    listing : str
        Python source. It is run as it is: only for listings that you trust.
    **names
        What the listing finds already defined.

    Raises
    ------
    TypeError, ValueError
        If `listing` is no text, or one that no file of Python can hold.
    """
    _check_listing(listing)
    try:
        # Warnings name lines and files of this machine; the errors are the subject here.
        with warnings.catch_warnings(action="ignore"):
            exec(compile(listing, _LISTING, "exec"), dict(names))
    except SyntaxError as error:
        return _complaint(error, listing, error.lineno or 0, 0)
    except Exception as error:  # noqa: BLE001 - whatever the listing raises is the subject
        frames = traceback.extract_tb(error.__traceback__)
        mine = [place for place, frame in enumerate(frames) if frame.filename == _LISTING]
        if not mine:  # Python gave up before it ran the first line.
            return _complaint(error, listing, 0, 0)
        return _complaint(error, listing, frames[mine[-1]].lineno or 0, len(frames) - 1 - mine[-1])
    return None


def _complaint(error: Exception, listing: str, line: int, frames_below: int) -> Complaint:
    message = error.msg if isinstance(error, SyntaxError) else str(error)
    # Python counts lines by these three alone, and may complain of the one behind the last.
    lines = ["", *re.split(r"\r\n|\r|\n", listing), ""]
    first = message.splitlines()[0] if message else ""
    return Complaint(type(error).__name__, first, line, lines[line].strip(), frames_below)


def _check_listing(listing: object) -> None:
    if not isinstance(listing, str):
        raise TypeError(f"listing is {require.shown(listing)}: give a text")
    try:
        listing.encode()
    except UnicodeEncodeError:
        raise ValueError(f"listing holds half a character, {ascii(listing)[:60]}") from None
    if "\0" in listing:
        raise ValueError(f"listing holds a null character, {listing[:60]!r}: take it out")


# --- Steps, one of them sound --------------------------------------------------------------------


def by_the_book(network, images, labels, loss_function, optimizer):
    """Take one training step; return the loss without its graph."""
    loss = loss_function(network(images), labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.detach()


def without_step(network, images, labels, loss_function, optimizer):
    """Forget the update."""
    loss = loss_function(network(images), labels)
    optimizer.zero_grad()
    loss.backward()
    return loss.detach()


def clearing_too_early(network, images, labels, loss_function, optimizer):
    """Clear the gradients after they are there and before they are used."""
    loss = loss_function(network(images), labels)
    loss.backward()
    optimizer.zero_grad()
    optimizer.step()
    return loss.detach()


def never_clearing(network, images, labels, loss_function, optimizer):
    """Forget to clear."""
    loss = loss_function(network(images), labels)
    loss.backward()
    optimizer.step()
    return loss.detach()


def calling_forward(network, images, labels, loss_function, optimizer):
    """Call forward by its name."""
    loss = loss_function(network.forward(images), labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.detach()


def adding_up() -> Step:
    """Return a step that adds up the losses together with their graphs, and returns the sum."""
    total = torch.zeros(())

    def step(network, images, labels, loss_function, optimizer):
        nonlocal total
        loss = loss_function(network(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total = total + loss
        return total

    return step


# --- Cases ---------------------------------------------------------------------------------------


class Scaled:
    """Batches with each pixel times a factor, and of another precision if that is wanted."""

    def __init__(
        self,
        batches: "fashion.Batches | Scaled",
        factor: float,
        *,
        dtype: torch.dtype = torch.float32,
    ):
        require.batches("batches", batches)
        require.number("factor", factor)
        require.dtype("dtype", dtype)
        self._batches, self._factor, self._dtype = batches, factor, dtype

    def __len__(self) -> int:
        """Return the number of batches in one walk."""
        return len(self._batches)

    def __iter__(self) -> Iterator[Batch]:
        """Walk over the batches once."""
        for images, labels in require.pairs("batches", self._batches):
            require.instance("images in batches", images, torch.Tensor, "them as tensors")
            yield images.to(self._dtype) * self._factor, labels


@dataclass
class Case:
    """All that a training run consists of.

    Attributes
    ----------
    network : torch.nn.Sequential
        From images to scores or log-probabilities of shape (batch, 10).
    batches : iterable of (images, labels)
        The training part.
    loss_function : callable
        From scores and labels to a scalar tensor.
    optimizer : torch.optim.Optimizer
        With learning rate 0.15 and momentum 0.8, if nothing is wrong with it.
    test, fresh : iterable of (images, labels)
        The test part of this run, and images that no run has ever seen.
    step : callable
        One training step: ``step(network, images, labels, loss_function, optimizer)``.
    updates : int
        How many of them show what is wrong.
    make_step : callable, optional
        Makes the step anew, where it keeps things of its own.
    """

    network: nn.Sequential
    batches: fashion.Batches | Scaled
    loss_function: LossFunction
    optimizer: torch.optim.Optimizer
    test: fashion.Batches | Scaled
    fresh: fashion.Batches | Scaled
    step: Step = by_the_book
    updates: int = 150
    make_step: Callable[[], Step] | None = None

    def copy(self) -> "Case":
        """Return a case to try things on: training it leaves this one alone."""
        network, optimizer = copy.deepcopy((self.network, self.optimizer))
        batches, test, fresh = copy.deepcopy((self.batches, self.test, self.fresh))
        return replace(
            self,
            network=network,
            batches=batches,
            optimizer=optimizer,
            test=test,
            fresh=fresh,
            step=self.make_step() if self.make_step else self.step,
        )


def _with(**changes) -> Callable[[Case], None]:
    def change(case: Case) -> None:
        for name, value in changes.items():
            setattr(case, name, value)

    return change


def _end_with(*head: nn.Module, loss_function: LossFunction) -> Callable[[Case], None]:
    def change(case: Case) -> None:
        case.network = nn.Sequential(*list(case.network)[:-1], *head)
        case.loss_function = loss_function

    return change


def _raise_learning_rate(case: Case) -> None:
    case.optimizer.param_groups[0]["lr"] *= 100


def _hand_over_the_last_layer(case: Case) -> None:
    case.optimizer = _sgd(list(case.network)[-2].parameters())


def _do_not_scale(case: Case) -> None:
    case.batches, case.test, case.fresh = (
        Scaled(batches, 255.0) for batches in (case.batches, case.test, case.fresh)
    )


def _leave_in_eval_mode(case: Case) -> None:
    case.network.eval()


def _nothing(case: Case) -> None:
    pass  # The fault is in the data, and already there.


_LABELS = "labels not those of the images"
_MIXED = "test images among the training images"
_EVAL = "model left in eval mode"

# What each fault changes in a healthy case. The names are those of `helpers.preflight`.
_CHANGES: dict[str, Callable[[Case], None]] = {
    "no step": _with(step=without_step),
    "cleared before the step": _with(step=clearing_too_early),
    "gradients never cleared": _with(step=never_clearing),
    "parameters not handed to the optimiser": _hand_over_the_last_layer,
    "learning rate too high": _raise_learning_rate,
    "loss summed": _with(loss_function=nn.NLLLoss(reduction="sum")),
    "inputs not scaled": _do_not_scale,
    "softmax before cross-entropy": _end_with(
        nn.Softmax(dim=1), loss_function=nn.CrossEntropyLoss()
    ),
    "log_softmax over dim=0": _end_with(nn.LogSoftmax(dim=0), loss_function=nn.NLLLoss()),
    "nll_loss on raw scores": _end_with(loss_function=nn.NLLLoss()),
    _EVAL: _leave_in_eval_mode,
    _LABELS: _nothing,
    _MIXED: _nothing,
    "a graph kept from step to step": lambda case: _with(step=adding_up(), make_step=adding_up)(
        case
    ),
    "forward called by name": _with(step=calling_forward),
}

FAULTS: tuple[str, ...] = tuple(_CHANGES)


def admit(
    fault: str,
    garments: fashion.Garments,
    *,
    seed: int = 0,
    healthy: bool = False,
    images: int | None = None,
) -> Case:
    """Build a case with one fault, or its healthy twin.

    Parameters
    ----------
    fault : str
        One of `FAULTS`, or `HEALTHY`.
    garments : Garments
        Where the images come from.
    seed : int
        Of the weights, of the choice of images and of their order.
    healthy : bool
        Whether to leave the fault out: the same case otherwise.
    images : int, optional
        How many images to train on; as many as the fault needs, by default.

    Returns
    -------
    Case
        784 → 128 ReLU → 10, no bias, log-probabilities; with dropout where the fault needs it.

    Raises
    ------
    TypeError, ValueError
        If there is no such fault, or an argument is of another kind.
    """
    require.choice("fault", fault, (*FAULTS, HEALTHY), "clinic.FAULTS")
    require.instance("garments", garments, fashion.Garments, "what fashion.load() returns")
    require.seed("seed", seed)
    require.truth("healthy", healthy)
    if images is not None:
        # Two at least, so that a mixed-up test part has an image of each kind.
        require.whole("images", images, least=2)
    broken = fault != HEALTHY and not healthy
    count = images or (_IMAGES_LEARNT_BY_HEART if fault == _MIXED else _IMAGES)
    chance = torch.Generator().manual_seed(seed)
    train = torch.randperm(len(garments.train_labels), generator=chance)[:count]
    held_out = torch.randperm(len(garments.test_labels), generator=chance)[: 2 * _TEST_IMAGES]
    pixels, labels = garments.train_images[train], garments.train_labels[train]
    tested, fresh = held_out[:_TEST_IMAGES], held_out[_TEST_IMAGES:]
    if fault == _MIXED:
        tested = tested[: count // 2]
    if broken and fault == _MIXED:
        pixels = torch.cat([pixels[: count - len(tested)], garments.test_images[tested]])
        labels = torch.cat([labels[: count - len(tested)], garments.test_labels[tested]])
    if broken and fault == _LABELS:
        labels = labels[torch.randperm(count, generator=chance)]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = _network(dropout=fault == _EVAL)
    case = Case(
        network,
        fashion.Batches(pixels, labels, _BATCH, generator=chance),
        nn.NLLLoss(),
        _sgd(network.parameters()),
        _test_batches(garments, tested),
        _test_batches(garments, fresh),
    )
    if fault == _MIXED:
        case.updates = _UPDATES_BY_HEART
    if broken:
        _CHANGES[fault](case)
    return case


def _network(*, dropout: bool) -> nn.Sequential:
    noise = [nn.Dropout(0.5)] if dropout else []
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(28 * 28, 128, bias=False),
        nn.ReLU(),
        *noise,
        nn.Linear(128, 10, bias=False),
        nn.LogSoftmax(dim=1),
    )


def _sgd(weights) -> torch.optim.Optimizer:
    return torch.optim.SGD(weights, lr=_LR, momentum=_MOMENTUM)


def _test_batches(garments: fashion.Garments, part: torch.Tensor) -> fashion.Batches:
    return fashion.Batches(garments.test_images[part], garments.test_labels[part], _BATCH)


# Which fault each patient of notebook 05 has, ward by ward.
_WARDS: tuple[dict[str, str], ...] = (
    {
        "A": "parameters not handed to the optimiser",
        "B": "cleared before the step",
        "C": "gradients never cleared",
        "D": "no step",
    },
    {"E": "loss summed", "F": "learning rate too high", "G": "inputs not scaled"},
    {
        "H": "softmax before cross-entropy",
        "I": "log_softmax over dim=0",
        "J": "nll_loss on raw scores",
    },
    {"K": _LABELS, "L": _EVAL, "M": _MIXED, "N": "a graph kept from step to step"},
    {"O": "forward called by name"},
)


def ward(
    number: int, garments: fashion.Garments, *, seed: int = 0, healthy: bool = False
) -> dict[str, Case]:
    """Return the patients of a ward of notebook 05, by letter.

    Parameters
    ----------
    number : int
        From 1 to 5.
    garments : Garments
        Where the images come from.
    seed, healthy
        As in `admit`.

    Raises
    ------
    TypeError, ValueError
        If there is no such ward, or an argument is of another kind.
    """
    require.whole("number", number, most=len(_WARDS))
    faults = _WARDS[number - 1]
    return {
        letter: admit(fault, garments, seed=seed, healthy=healthy)
        for letter, fault in faults.items()
    }


def diagnosis(letter: str) -> str:
    """Return the fault of a patient of notebook 05.

    Raises
    ------
    TypeError, ValueError
        If there is no such patient.
    """
    patients = {name: fault for faults in _WARDS for name, fault in faults.items()}
    require.choice("letter", letter, patients)
    return patients[letter]


# --- Tests that one may order --------------------------------------------------------------------


def gradients(case: Case) -> dict[str, float]:
    """Return the length of each parameter's gradient at the moment when step() is called.

    Parameters
    ----------
    case : Case
        Left as it is: one step is taken on a copy.

    Returns
    -------
    dict of str to float
        By the parameter's name; 0 where there is none. Empty if step() is never called.
    """
    _check_case(case)
    case, found = case.copy(), {}

    def look(*_) -> None:
        for name, weight in case.network.named_parameters():
            found[name] = 0.0 if weight.grad is None else float(weight.grad.norm())

    case.optimizer.register_step_pre_hook(look)
    images, labels = next(iter(case.batches))
    case.step(case.network, images, labels, case.loss_function, case.optimizer)
    return found


def weight_change(case: Case, *, updates: int = 10) -> dict[str, float]:
    """Return how far each parameter moves in a few updates, in units of its first length.

    Parameters
    ----------
    case : Case
        Left as it is.
    updates : int
        How many steps are taken on a copy.
    """
    _check_case(case)
    require.whole("updates", updates)
    case = case.copy()
    start = {name: weight.detach().clone() for name, weight in case.network.named_parameters()}
    for images, labels in _endless(case.batches, updates):
        case.step(case.network, images, labels, case.loss_function, case.optimizer)
    return {
        name: float((weight.detach() - start[name]).norm() / start[name].norm())
        for name, weight in case.network.named_parameters()
    }


@torch.no_grad()
def outputs(case: Case) -> tuple[torch.Tensor, torch.Tensor]:
    """Return what the network says of one batch, before any training, and the batch's labels.

    Returns
    -------
    tuple of torch.Tensor
        Shape (128, 10), and shape (128,), dtype int64.
    """
    _check_case(case)
    case = case.copy()
    images, labels = next(iter(case.batches))
    return case.network.eval()(images), labels


# --- Repairs -------------------------------------------------------------------------------------


def in_double(case: Case) -> Case:
    """Return a copy of a case that computes in double precision, so that runs can be compared."""
    _check_case(case)
    case = case.copy()
    case.network.double()
    case.batches = Scaled(case.batches, 1.0, dtype=torch.float64)
    return case


def with_head(case: Case, head: Callable[[torch.Tensor], torch.Tensor]) -> Case:
    """Return a copy of a case whose network ends in a function from scores to log-probabilities."""
    _check_case(case)
    require.function("head", head)
    case = case.copy()
    case.network[-1] = _Head(head)
    return case


class _Head(nn.Module):
    def __init__(self, function: Callable[[torch.Tensor], torch.Tensor]):
        super().__init__()
        self._function = function

    def forward(self, scores: torch.Tensor) -> torch.Tensor:
        return self._function(scores)


def trained_by_hand(case: Case) -> list[float]:
    """Train for an epoch with the formulas of notebook 04 in place of an optimiser.

    Parameters
    ----------
    case : Case
        Only its weights and batches are used: two weight matrices, ReLU between them, mean
        cross-entropy, learning rate 0.15 and momentum 0.8.

    Returns
    -------
    list of float
        The loss of each batch before its update.
    """
    _check_case(case)
    case, losses = case.copy(), []
    first, last = (w.detach().double().requires_grad_() for w in case.network.parameters())
    velocities = [torch.zeros_like(first), torch.zeros_like(last)]
    for images, labels in case.batches:
        scores = (images.double().flatten(1) @ first.T).clamp(min=0) @ last.T
        right = scores[torch.arange(len(labels)), labels]
        loss = (scores.logsumexp(dim=1) - right).mean()
        losses.append(float(loss.detach()))
        new = torch.autograd.grad(loss, [first, last])
        velocities = [_MOMENTUM * v + g for v, g in zip(velocities, new, strict=True)]
        with torch.no_grad():
            for weight, velocity in zip([first, last], velocities, strict=True):
                weight -= _LR * velocity
    return losses


# --- Charts --------------------------------------------------------------------------------------


@dataclass
class Chart:
    """What was seen in a run: a number for each update in each list, unless it says otherwise.

    Attributes
    ----------
    loss : list of float
        Of the batch, before the update.
    correct, samples : list of int
        Images of the batch that were classified rightly, and images of the batch.
    gradient : list of float
        Length of all that stands in ``.grad`` after the step.
    arrived : list of float
        Length of the gradient that this batch brought.
    moved : dict of str to list of float
        For each parameter, its distance from where it began, in units of its first length.
    functions : list of int
        Functions in the graph of what the step returned.
    hooks : list of int
        How often a hook on the network was called so far.
    apart : list of float
        Largest difference between the scores of two passes of this batch; NaN without dropout.
    epoch : int
        Updates in an epoch.
    in_batches_of : dict of int to float
        Fraction of fresh images that are right after the last update, shown in batches of 128, 8
        and 1.
    reported, honest : float
        Fraction right of the test part, and of images that no run has seen.
    """

    loss: list[float] = field(default_factory=list)
    correct: list[int] = field(default_factory=list)
    samples: list[int] = field(default_factory=list)
    gradient: list[float] = field(default_factory=list)
    arrived: list[float] = field(default_factory=list)
    moved: dict[str, list[float]] = field(default_factory=dict)
    functions: list[int] = field(default_factory=list)
    hooks: list[int] = field(default_factory=list)
    apart: list[float] = field(default_factory=list)
    epoch: int = 0
    in_batches_of: dict[int, float] = field(default_factory=dict)
    reported: float = math.nan
    honest: float = math.nan

    @property
    def accuracy(self) -> list[float]:
        """Fraction right over the last twenty batches."""
        return [
            sum(self.correct[max(0, n - 20) : n]) / sum(self.samples[max(0, n - 20) : n])
            for n in range(1, len(self.loss) + 1)
        ]

    @property
    def moved_most(self) -> list[float]:
        """Of the parameter that moved most."""
        return [max(now) for now in zip(*self.moved.values(), strict=True)]

    @property
    def moved_least(self) -> list[float]:
        """Of the parameter that moved least."""
        return [min(now) for now in zip(*self.moved.values(), strict=True)]

    @property
    def piled_up(self) -> list[float]:
        """What stands in ``.grad`` beside what the batch brought: 1 if cleared each time."""
        return [
            held / new if new else math.nan
            for held, new in zip(self.gradient, self.arrived, strict=True)
        ]


def observe(case: Case, *, updates: int | None = None) -> Chart:
    """Train a copy of a case and write down what is seen.

    Parameters
    ----------
    case : Case
        Left as it is.
    updates : int, optional
        How often the step is called, ``case.updates`` by default; the batches are walked as often
        as it takes.

    Returns
    -------
    Chart
        What was seen.
    """
    _check_case(case)
    if updates is not None:
        require.whole("updates", updates)
    case = case.copy()
    chart = Chart(epoch=len(case.batches))
    weights = dict(case.network.named_parameters())
    start = {name: weight.detach().clone() for name, weight in weights.items()}
    chart.moved = {name: [] for name in weights}
    arrived: list[torch.Tensor] = []
    calls = [0]

    def note_call(*_) -> None:
        calls[0] += 1

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for images, labels in _endless(case.batches, updates or case.updates):
            _look_before(case, images, labels, chart)
            handles = [
                weight.register_hook(lambda g: arrived.append(g)) for weight in weights.values()
            ]
            handles.append(case.network.register_forward_hook(note_call))
            result = case.step(case.network, images, labels, case.loss_function, case.optimizer)
            for handle in handles:
                handle.remove()
            chart.hooks.append(calls[0])
            chart.functions.append(len(_functions(result.grad_fn)))
            chart.arrived.append(_length(arrived))
            arrived.clear()
            chart.gradient.append(_length(w.grad for w in weights.values() if w.grad is not None))
            for name, weight in weights.items():
                distance = float((weight.detach() - start[name]).norm() / start[name].norm())
                chart.moved[name].append(distance)
    chart.in_batches_of = {
        size: accuracy(case.network, case.fresh, in_batches_of=size) for size in (128, 8, 1)
    }
    chart.reported = accuracy(case.network, case.test)
    chart.honest = chart.in_batches_of[128]
    return chart


def _endless(batches, updates: int) -> Iterator[Batch]:
    while updates > 0:
        for batch in batches:
            yield batch
            updates -= 1
            if updates == 0:
                return


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


def _length(tensors) -> float:
    return math.sqrt(sum(float(tensor.detach().square().sum()) for tensor in tensors))


def _functions(function: Any) -> set[Any]:
    found, waiting = set(), [function] if function is not None else []
    while waiting:
        function = waiting.pop()
        if function not in found:
            found.add(function)
            waiting += [before for before, _ in function.next_functions if before is not None]
    return found


@torch.no_grad()
def accuracy(network: nn.Module, batches, *, in_batches_of: int = _BATCH) -> float:
    """Return the fraction of images that a copy of the network gets right in evaluation mode.

    Parameters
    ----------
    network : torch.nn.Module
        Left as it is.
    batches : iterable of (images, labels)
        What to classify.
    in_batches_of : int
        How many images the network sees at once, at most.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another kind, or there are no images.
    """
    require.network("network", network)
    require.batches("batches", batches)
    require.whole("in_batches_of", in_batches_of)
    network = copy.deepcopy(network).eval()
    right = images_seen = 0
    for images, labels in require.pairs("batches", batches):
        require.tensor("images of batches", images, finite=False)
        require.tensor("labels of batches", labels, (len(images),), dtypes=[torch.int64])
        for some, truth in zip(
            images.split(in_batches_of), labels.split(in_batches_of), strict=True
        ):
            right += int((network(some).argmax(dim=1) == truth).sum())
            images_seen += len(truth)
    if not images_seen:
        raise ValueError("batches gave no images: give something that holds at least one batch")
    return right / images_seen


def _check_case(case: object) -> None:
    require.instance("case", case, Case, "what admit() or ward() returns")


# --- Symptoms ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Symptom:
    """A number of a chart, and the bound beyond which it speaks for a fault.

    Attributes
    ----------
    fault : str
        The suspect: one of `FAULTS`.
    sign : str
        What one sees, in a few words.
    quantity : str
        What is measured, with its unit.
    series : callable
        From a chart to the curve that is drawn.
    reduce : callable
        From the curve to the number.
    above, below : float or None
        The bound, one of the two: a number beyond it speaks for the fault.
    drawn : int or None
        How many updates a figure shows, where it is all in the first ones.
    axis : str
        What the curve is called, where `quantity` names but one number of it.
    """

    fault: str
    sign: str
    quantity: str
    series: Callable[[Chart], Sequence[float]]
    reduce: Callable[[Sequence[float]], float]
    above: float | None = None
    below: float | None = None
    drawn: int | None = None
    axis: str = ""

    def measure(self, chart: Chart) -> float:
        """Return the number."""
        return self.reduce(self.series(chart))

    def shown_by(self, chart: Chart) -> bool:
        """Whether the number lies beyond the bound."""
        value = self.measure(chart)
        return value > self.bound if self.above is not None else value < self.bound

    @property
    def bound(self) -> float:
        """The bound, whichever it is."""
        if self.above is not None:
            return self.above
        assert self.below is not None, "a symptom has one of the two"
        return self.below

    def __str__(self) -> str:
        """Return the symptom as an inequality, and the suspect."""
        sign = ">" if self.above is not None else "<"
        return f"{self.quantity} {sign} {self.bound:g} → {self.fault}"


def _first(series: Sequence[float]) -> float:
    return series[0]


def _max_of_ten(series: Sequence[float]) -> float:
    return max(series[:10])


def _last(series: Sequence[float]) -> float:
    return series[-1]


def _end(series: Sequence[float]) -> float:
    return statistics.fmean(series[-10:])


def _finite_max(series: Sequence[float]) -> float:
    return max(value if math.isfinite(value) else math.inf for value in series)


def symptoms_of(letters: Sequence[str]) -> dict[str, Symptom]:
    """Return the symptom of each patient's fault, by letter, in the order of the letters.

    Raises
    ------
    TypeError, ValueError
        If one of them is no patient.
    """
    require.instance("letters", letters, Sequence, "a text such as 'ABCD'")
    by_fault = {symptom.fault: symptom for symptom in SYMPTOMS}
    return {letter: by_fault[diagnosis(letter)] for letter in letters}


SYMPTOMS: tuple[Symptom, ...] = (
    Symptom(
        "no step",
        "gradients, but no weight moves",
        "farthest any weight matrix moved",
        lambda chart: chart.moved_most,
        _last,
        below=1e-6,
        axis="farthest a matrix moved",
    ),
    Symptom(
        "cleared before the step",
        "step() finds no gradient",
        "gradient left by the step",
        lambda chart: chart.gradient,
        max,
        below=1e-6,
    ),
    Symptom(
        "gradients never cleared",
        ".grad is not this batch's",
        ".grad beside the batch's own gradient",
        lambda chart: chart.piled_up,
        _max_of_ten,
        above=1.5,
        drawn=30,
        axis=".grad beside the batch's own",
    ),
    Symptom(
        "parameters not handed to the optimiser",
        "one layer stays put",
        "least any weight matrix moved",
        lambda chart: chart.moved_least,
        _last,
        below=1e-6,
        axis="least a matrix moved",
    ),
    Symptom(
        "learning rate too high",
        "starts at ln 10, then explodes",
        "highest loss beside the first",
        lambda chart: [loss / chart.loss[0] for loss in chart.loss],
        _finite_max,
        above=5,
        drawn=12,
        axis="loss beside the first",
    ),
    Symptom(
        "loss summed",
        "starts at a batch times ln 10",
        "first loss",
        lambda chart: chart.loss,
        _first,
        above=100,
        drawn=12,
        axis="loss (nats)",
    ),
    Symptom(
        "inputs not scaled",
        "starts far above ln 10",
        "first loss",
        lambda chart: chart.loss,
        _first,
        above=8,
        drawn=12,
        axis="loss (nats)",
    ),
    Symptom(
        "softmax before cross-entropy",
        "the loss stops above 1.46",
        "loss of the last ten batches",
        lambda chart: chart.loss,
        _end,
        above=1.46,
        axis="loss (nats)",
    ),
    Symptom(
        "log_softmax over dim=0",
        "one image at a time is a guess",
        "right, one image at a time",
        lambda chart: list(chart.in_batches_of.values()),
        _last,
        below=0.2,
        axis="fraction right",
    ),
    Symptom(
        "nll_loss on raw scores",
        "the loss falls below zero",
        "lowest loss",
        lambda chart: chart.loss,
        min,
        below=0,
        drawn=12,
        axis="loss (nats)",
    ),
    Symptom(
        _EVAL,
        "dropout drops nothing",
        "two passes of one batch differ by",
        lambda chart: chart.apart,
        max,
        below=1e-6,
        axis="two passes differ by",
    ),
    Symptom(
        _LABELS,
        "weights move, accuracy does not",
        "right, of the last 20 batches",
        lambda chart: chart.accuracy,
        _last,
        below=0.2,
        axis="right, last 20 batches",
    ),
    Symptom(
        _MIXED,
        "the test flatters",
        "test accuracy less accuracy on fresh images",
        lambda chart: [chart.reported - chart.honest],
        _last,
        above=0.08,
        axis="flattery: test less fresh images",
    ),
    Symptom(
        "a graph kept from step to step",
        "the graph grows",
        "functions in the graph of the sum",
        lambda chart: chart.functions,
        _last,
        above=100,
        axis="functions in the graph",
    ),
    Symptom(
        "forward called by name",
        "a hook hears nothing",
        "calls of a hook",
        lambda chart: chart.hooks,
        _last,
        below=1,
    ),
)
