"""A check before the first epoch: names what is wrong with a training run that would not say so.

Most faults in a training run raise no error. `check` looks at the run from outside: it trains
copies of the network for a few updates, asks the loss and the scores questions whose answers are
known, and looks at the data. What it finds it says in a sentence that names the fault and the cure.
Network, optimiser, batches and every source of chance are afterwards as they were before.
"""

import collections
import functools
import inspect
import itertools
import warnings
from collections.abc import Callable, Iterable, Iterator, Sized
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader

from helpers.common import progress, require
from helpers.common.sentences import say
from helpers.computation_graph import words
from helpers.debugging_clinic import (
    chance,
    faults,
    hearing,
    keeping,
    looks,
    looks_at_steps,
    looks_at_updates,
    rehearsal,
    watching,
)
from helpers.debugging_clinic.rehearsal import Setup
from helpers.debugging_clinic.steps import Batch, LossFunction, Step, by_the_book
from helpers.debugging_clinic.watching import Watch

# How much is looked at. Enough for the tests below, and about a second for a small network.
_MOST_IMAGES = 2_000
_MOST_BATCHES = 500
# Images that the test images are looked for among: walks may be long, or without an end.
_MOST_COMPARED = 100_000

# What to do about images that are not floating point.
_CURES = {torch.uint8: "give images.float() / 255", torch.bool: "give images.float()"}
_NO_PIXELS = "the check is for real numbers with a fraction, and not for tokens"

# What to do about a tool that has hooks in the network, as one that improves gradients has.
_IN_OPTIMIZER = (
    "a copy of the network has hooks of a copy of it, so keep it in an attribute of optimizer, "
    "and let step call it there"
)

# A pair of duplicates happens; a hundredth of the test set does not.
_MOST_SHARED = 0.01
# A row of a table has no more than so many different numbers; an image has.
_FEW_NUMBERS = 16
# With one of these there is little to train, and what else is asked may have a wrong answer.
_STOPS = (faults.NO_GRADIENT, faults.KEPT_WITH_NETWORK, faults.KEPT_GRAPH, faults.IN_A_LIST,
          faults.ALL_THE_SAME)  # fmt: skip
# What is asked of loss_function alone, and says nothing about a step with a loss of its own.
_OF_THE_LOSS = (faults.SOFTMAX_TWICE, faults.PROBABILITIES, faults.RAW_SCORES,
                faults.NEVER_BELOW_ZERO, faults.BLIND, faults.LOSS_SUMMED, faults.WRONG_WAY_UP,
                faults.LOSS_NOT_FINITE, faults.LOSS_TOO_HIGH, faults.NOT_BY_HEART)  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """A fault, a key of ``faults.SENTENCES``, and what gave it away: a number or a name."""

    fault: str
    evidence: str

    def __str__(self) -> str:
        """Return the fault's name, what is wrong, what to do about it, and how it shows."""
        return f"{self.fault}: {faults.SENTENCES[self.fault]} ({self.evidence})"


@dataclass(frozen=True)
class Report:
    """What a check found, and what it did not look at."""

    findings: tuple[Finding, ...]
    unseen: tuple[str, ...] = ()

    @property
    def faults(self) -> tuple[str, ...]:
        """The names of what was found."""
        return tuple(finding.fault for finding in self.findings)

    @property
    def healthy(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    def __str__(self) -> str:
        """Return a line for each finding, or what "Ready" does not speak of."""
        if self.healthy:
            return say(
                "Ready: nothing wrong was found. Not looked at: {parts}.",
                parts=say("; ").join(self.unseen),
            )
        return "\n".join(map(str, self.findings))


def check(
    network: nn.Module,
    batches: Iterable[Batch],
    loss_function: LossFunction,
    optimizer: torch.optim.Optimizer,
    *,
    step: Step | None = None,
    test: Iterable[Batch] | None = None,
    seed: int = 0,
) -> Report:
    """Look for faults that raise no error, before the first epoch.

    Parameters
    ----------
    network : torch.nn.Module
        From a batch of images to scores of shape (batch, classes), in the mode, training or
        evaluation, in which it is about to be trained.
    batches : iterable of (images, labels)
        The training part; it can be walked again. Images are floating point, labels int64.
    loss_function : callable
        From scores and labels to the mean loss.
    optimizer : torch.optim.Optimizer
        The one that is going to train the network.
    step : callable, optional
        Your own training step, called as ``step(network, images, labels, loss_function,
        optimizer)``. Without it, the faults of a step are not looked for.
    test : iterable of (images, labels), optional
        The test or validation part. Without it, images that are in both are not looked for.
    seed : int
        Of dropout and of all else left to chance while copies of the network are trained.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another kind, `batches` can be walked only once or holds no images,
        these do not fit the network, or the network or its optimiser cannot be copied.

    Notes
    -----
    All is tried on deep copies, on a step's first calls: four, 24 where a graph stays or a weight
    gets no gradient, or up to 130 while it moves no weight; once more where the loss climbs, for 20
    updates. What hangs on the arguments is noted before and set back after, whoever changed it: the
    schedules, averages, scalers, counters, lists and generators that a step or a loss closes over
    or names, the hooks of a network, the attributes of a loader. What nobody can set back stays as
    it is left: what was written to a file or shown, an iterator or a stream that has gone on, the
    numbers of the data, which a data set may write while it is walked, an object in an installed
    package that has no ``load_state_dict``. A step that saves a file by ``torch.save``, or opens
    one to write to it, is refused, or a copy would take the place of what was learnt. The tests
    themselves are common practice; see Karpathy, *A Recipe for Training Neural Networks*, 2019,
    https://karpathy.github.io/2019/04/25/recipe/.
    """
    _require_an_object("network", network)
    require.network("network", network)
    weight = next(iter(network.parameters()), None)  # Its own may be a list.
    if weight is None:
        _require_no_others(network)
        # Before all else: without parameters there is no optimiser that could be handed over.
        return Report((Finding(faults.NO_PARAMETERS, say("network.parameters() is empty")),))
    _require_numbers(network)
    _require_an_object("loss_function", loss_function)
    require.function("loss_function", loss_function)
    require.optimizer("optimizer", optimizer)
    if step is not None:
        _require_a_step(step)
    require.seed("seed", seed)
    for name, walked in (("batches", batches), ("test", [] if test is None else test)):
        # One of the reader's own may begin anew; what Python and PyTorch make goes on.
        if isinstance(walked, Iterator) and not keeping.is_own(type(walked)):
            raise ValueError(f"{name} can be walked only once: give a list or a loader of batches")
        require.batches(name, walked)
    held = keeping.as_it_was(network, loss_function, optimizer, step, walked=(batches, test))
    graphs = keeping.graphs_of(loss_function, step)
    with held, graphs, chance.held(int(seed), weight.device), warnings.catch_warnings():
        # What a run warns of, it says when it trains; a schedule would miss optimizer.step().
        warnings.simplefilter("ignore")
        sample = _sample(batches, weight.device)
        try:
            copies = rehearsal.copies(network, optimizer)
        except rehearsal.NotCopied as error:
            if not error.has_graph:
                raise TypeError(str(error)) from error
            # Of a call before this one, or of what made a weight that is no parameter any more.
            is_made = looks.is_made_of_others(error.value, network)
            fault = faults.IN_A_LIST if is_made else faults.KEPT_WITH_NETWORK
            return Report((Finding(fault, say("in {place}", place=error.place)),))
        # The scores may come with those of other heads, which a step of one's own deals with.
        rehearsal.find_the_scores(*copies, step, loss_function, sample[0])
        run = nn.Module.__call__ if step in (None, by_the_book) else rehearsal.scores_of
        _check_that_they_fit(copies[0], loss_function, sample, run=run)
        _check_that_they_fit(copies[0], loss_function, *_last(batches, sample), run=run)
        odd = sum(int((~images.flatten(1).isfinite()).any(dim=1).sum()) for images, _ in sample)
        if odd:
            some = say("{count:,} of the first images", count=odd)
            return Report((Finding(faults.NOT_FINITE, some),))
        with keeping.as_it_was(loss_function):  # A step need not let go of what this leaves in it.
            _require_a_way_back(copies, loss_function, sample[0], step)
        _require_a_true_copy(copies[0], network, sample[0][0])
        if place := looks.left_over(network, copies[0], sample[0][0]):
            return Report((Finding(faults.KEPT_WITH_NETWORK, say("in {place}", place=place)),))
        setup = _setup(copies, (network, optimizer), sample, loss_function, step)
        return _looked_at(setup, batches, step, test)


Pair = tuple[nn.Module, torch.optim.Optimizer]


def _setup(
    copies: Pair, handed: Pair, sample: list[Batch], loss_function: LossFunction, step: Step | None
) -> Setup:
    network, optimizer = handed
    reached = keeping.reached(step)
    its_own = {id(thing) for thing in keeping.reached(optimizer)}
    others = [one for one in reached if isinstance(one, torch.optim.Optimizer)]
    held = {id(w) for one in others if id(one) not in its_own for w in _weights(one)}
    weights = (*network.named_parameters(), *rehearsal.leaves_held_by(network))
    return Setup(
        copies[0],
        rehearsal.twin_in("eval", copies[0]),
        sample,
        loss_function,
        copies[1],
        handed_in=(*network.parameters(), *_weights(optimizer)),
        elsewhere=frozenset(name for name, weight in weights if id(weight) in held),
        names_it=any(thing is optimizer for thing in reached),
        handed=optimizer,
        original=network,
    )


def _weights(optimizer: torch.optim.Optimizer) -> list[torch.Tensor]:
    return [weight for group in optimizer.param_groups for weight in group["params"]]


def _require_an_object(name: str, value: object) -> None:
    if isinstance(value, type):
        raise TypeError(f"{name} is a class: give one of its objects, {value.__name__}(...)")


def _require_no_others(network: nn.Module) -> None:
    for name, buffer in network.named_buffers():
        if buffer.requires_grad:
            cure = "the check is for parameters: hold weights in an nn.Parameter"
            raise TypeError(f"network has no parameters, and holds {name} in a buffer: {cure}")


def _require_a_step(step: Step) -> None:
    require.function("step", step)
    try:
        inspect.signature(step).bind(*range(5))
    except TypeError as error:
        cure = "it is called as step(network, images, labels, loss_function, optimizer)"
        raise TypeError(f"step does not take five arguments ({error}): {cure}") from None
    except ValueError:  # What is written in C need not tell.
        pass


def _require_numbers(network: nn.Module) -> None:
    for name, module in network.named_modules():
        if isinstance(module, torch.jit.ScriptModule):
            place = ".".join(filter(None, ("network", name)))
            cure = "give the module that it was made of"
            raise TypeError(f"{place} is of TorchScript, where little can be watched: {cure}")
    for name, part in itertools.chain(network.named_parameters(), network.named_buffers()):
        if nn.parameter.is_lazy(part):
            cure = "call network(images) once, and then make the optimizer"
            raise ValueError(f"network has no size for {name} yet, which is lazy: {cure}")
        if part.is_meta:
            cure = "call network.to_empty(device='cpu') and set the weights"
            raise ValueError(f"network has no numbers in {name}, on the meta device: {cure}")


def _require_a_way_back(
    copies: "Pair", loss_function: LossFunction, batch: Batch, step: Step | None
) -> None:
    """Try what evaluation does not ask for: a graph, and the way back through it."""
    try:
        twin = rehearsal.twin_of(copies[0])
        twin.zero_grad()  # What is left of an earlier step, some will not add to.
        loss = loss_function(rehearsal.scores_of(twin, batch[0].clone()), batch[1])
        if loss.requires_grad:
            loss.backward()
    except Exception as error:
        if "a second time" in str(error):  # A graph that is kept: it has a name of its own.
            return
        reason = words.first_sentence(error)
        cure = "let nothing change in place what is needed on the way back, as x += 1 does"
        cure = cure if "inplace" in reason else "mend that, or training would stop there as well"
        where = ""
        if step is not None and _finds_a_way_back(copies, loss_function, batch, step):
            where, cure = " without step", "do before the check what step does before backward()"
        said = f"network or loss_function has no gradient{where} ({reason}): {cure}"
        raise ValueError(said) from error


def _finds_a_way_back(
    copies: "Pair", loss_function: LossFunction, batch: Batch, step: Step
) -> bool:
    """Whether gradients come in a step, which may first set up what they need."""
    try:
        seen = watching.Watch(*rehearsal.copies(*copies))
        with keeping.as_it_was(step):
            seen.take(step, batch, loss_function)
    except Exception:  # noqa: BLE001 - then it is no help
        return False
    return seen.arrivals > 0


def _tell_of_copies(step: Step | None, network: nn.Module, error: Exception) -> None:
    """Tell why a step stops with copies that does not stop where it trains."""
    if tool := rehearsal.hooked_tool_of(step, network):
        raise TypeError(f"step uses {tool}: {_IN_OPTIMIZER}") from error
    if not isinstance(error, hearing.Refused):
        error.add_note(say("check gives step copies: what it kept of the originals is not theirs"))


def _require_a_true_copy(twin: nn.Module, network: nn.Module, images: torch.Tensor) -> None:
    if looks.leads_to(twin, images, network):
        of_it = "which a copy would go on running: write it as a method of its class"
        raise TypeError(f"network holds a function, a lambda say, that runs the network, {of_it}")
    place = rehearsal.kept_by_a_class(network)
    if place and rehearsal.goes_on(twin, images):
        of_it = "where its copies are not, so that nothing resets their state"
        raise TypeError(f"network has a layer in {place}, {of_it}: make that state anew in forward")


def _looked_at(
    setup: Setup, batches: Iterable[Batch], step: Step | None, test: Iterable[Batch] | None
) -> Report:
    """Look at one part of the run after the other: each tells which of its faults hold.

    To find another fault, write its sentence in `faults`, and into one of the tables a line.
    """
    images, labels = setup.sample[0]
    keeps = rehearsal.goes_on(setup.network, images)
    of_loss = lambda scores: setup.loss_function(scores, labels)  # noqa: E731
    loss_keeps = not keeps and rehearsal.goes_on(setup.network, images, of_loss)
    alone = step is None
    of_network = looks.of_the_network(setup, keeps and alone, loss_keeps and alone)
    found = _that_hold(of_network)
    learns = any(weight.requires_grad for weight in setup.network.parameters())
    if not learns or any(finding.fault in _STOPS for finding in found):
        return Report(found)
    try:
        of_steps, unseen, seen = _of_the_step(setup, step, keeps)
    except Exception as error:
        # It may well be why: a GradScaler stops without a gradient to unscale.
        if found := found or _that_hold(looks.of_the_way_back(setup)):
            return Report(found)
        _tell_of_copies(step, setup.original, error)
        raise
    found = _that_hold(of_network, but=(faults.LEFT_OUT,)) + _that_hold(of_steps)
    if test is None:
        unseen.append(say("the test part (test=)"))
    else:
        shared, unlike = _mixed(batches, test, setup.sample)
        found += _that_hold({faults.MIXED_PARTS: (shared, shared)})
        unseen += unlike
    unseen.append(say("a second walk of the data"))
    if (missing := setup.classes - len(setup.labelled()[1].unique())) > 0:
        counts = {"missing": missing, "classes": setup.classes}
        none = say("{missing:,} of the {classes:,} classes, of which no image came", **counts)
        unseen.append(none)
    try:
        if why := looks.keeps_a_state(setup, keeps, loss_keeps):
            return Report(found, (*unseen, why))
        found, more = _by_the_book(setup, step, seen, found)
    except Exception as error:
        if step is None:
            raise
        reason = words.first_sentence(error)
        why = say("data, scores and updates, which stop without the step ({why})", why=reason)
        return Report(found, (*unseen, why))
    return Report(found, (*unseen, *more))


def _by_the_book(
    setup: Setup, step: Step | None, seen: Watch | None, found: tuple[Finding, ...]
) -> tuple[tuple[Finding, ...], list[str]]:
    """Look at what does not need the step: the data, the scores, the first updates, one batch."""
    unseen: list[str] = []
    handed, setup = setup, looks_at_steps.as_in_the_step(setup, seen)
    updates = rehearsal.first_updates(setup)
    if updates.stopped:
        unseen.append(say("the first updates: the optimiser's {why}", why=updates.stopped))
    hold = functools.partial(_that_hold, but=_OF_THE_LOSS if seen and not seen.loss.asks else ())
    found = hold(looks.of_the_data(setup, updates), looks.of_the_scores(setup)) + found
    if not looks.has_enough_labels(setup):
        unseen.append(say("whether labels fit their images: there are too few"))
    found = _each_once(found, setup, updates)
    # A loss that climbs or stays has a reason, and those above are the better ones.
    climbs = functools.partial(looks_at_updates.climbs_in, step, handed.sample, setup, updates)
    last = (setup, updates, seen, climbs)
    found = found or hold(looks_at_updates.of_the_first_updates(*last))[:1]
    return found or hold(looks_at_updates.of_a_small_batch(setup)), unseen


def _each_once(
    found: tuple[Finding, ...], setup: Setup, updates: rehearsal.Updates
) -> tuple[Finding, ...]:
    named = {finding.fault: finding for finding in found}
    if updates.climb and rehearsal.first_updates(setup, decays=False).climb:
        # It is the learning rate that is too high: another decay would not help.
        named.pop(faults.DECAYED, None)
    return tuple(named.values())


def _of_the_step(
    setup: Setup, step: Step | None, keeps: bool
) -> tuple[looks.Table, list[str], Watch | None]:
    if step is None:
        table = looks.of_what_is_left_out(setup) | looks_at_steps.of_the_mode(setup)
        return table, [say("the step (hand it over as step=)")], None
    table, unseen, seen = looks_at_steps.of_the_step(setup, step, keeps)
    # It may train copies of the weights, and give the network theirs.
    table = looks.of_what_is_left_out(setup, seen.changed) | table
    return table, unseen + [say("the step's own optimiser")] * bool(setup.elsewhere), seen


def _that_hold(*tables: looks.Table, but: tuple[str, ...] = ()) -> tuple[Finding, ...]:
    rows = ((fault, row) for table in tables for fault, row in table.items() if fault not in but)
    return tuple(Finding(fault, evidence) for fault, (holds, evidence) in rows if holds)


def _sample(batches: Iterable[Batch], device: torch.device) -> list[Batch]:
    """Return copies of the first batches of a walk: no more images than are needed."""
    sample: list[Batch] = []
    seen = 0
    what = say("the check looks at the data")
    walk = progress.walked(_walk("batches", batches), say("batch"), what)
    for images, labels in itertools.islice(walk, _MOST_BATCHES):
        if sample and images.shape[1:] != sample[0][0].shape[1:]:
            sizes = f"shape {tuple(images.shape)} after {tuple(sample[0][0].shape)}"
            raise ValueError(f"images of batches have {sizes}: give images of one size")
        # Loaders give batches on the CPU as a rule, wherever the network lies. A step may change
        # its images in place, and theirs is no gradient to wait for.
        sample.append((images.detach().to(device, copy=True), labels.to(device, copy=True)))
        seen += len(labels)
        if seen >= _MOST_IMAGES:
            break
    if not seen:
        raise ValueError("batches gave no images: pass something that holds at least one batch")
    return sample


def _last(batches: Iterable[Batch], sample: list[Batch]) -> tuple[list[Batch], int]:
    """Return the last batch of a list and its place, or one of one image if a loader ends so.

    It is the batch that stops a training run at the end of its first epoch.
    """
    images, labels = sample[0]
    if isinstance(batches, list | tuple):
        return _sample(batches[-1:], images.device), len(batches)
    if isinstance(batches, DataLoader) and batches.batch_size and not batches.drop_last:
        count = len(batches.sampler) if isinstance(batches.sampler, Sized) else 0
        if count % batches.batch_size == 1:
            return [(images[:1], labels[:1])], 1 + count // batches.batch_size
    return [], 1


def _walk(name: str, batches: Iterable[Batch]) -> Iterator[Batch]:
    """Walk batches, and check each of them."""
    for images, labels in require.pairs(name, batches):
        _require_dense(f"images of {name}", images)
        if not images.is_floating_point() or not images.dim():
            given = require.shown(images)
            cure = _CURES.get(images.dtype, _NO_PIXELS if images.dim() else "give a batch of them")
            raise TypeError(f"images of {name} are {given}: {cure}")
        _require_dense(f"labels of {name}", labels)
        if labels.is_floating_point():
            given = f"dtype {labels.dtype}"
            raise TypeError(f"labels of {name} have {given}: the check is for class numbers, int64")
        if labels.shape != images.shape[:1]:
            column = labels.shape == (len(images), 1)
            cure = "give labels.squeeze(1)" if column else "give one for each image"
            raise ValueError(f"labels of {name} are {require.shown(labels)}: {cure}")
        if labels.dtype != torch.int64:
            given = f"dtype {labels.dtype}"
            raise TypeError(f"labels of {name} have {given}: give int64, labels.long()")
        if not images.numel():
            raise ValueError(f"images of {name} have shape {tuple(images.shape)}: leave it out")
        yield images, labels


def _require_dense(name: str, part: object) -> None:
    if not isinstance(part, torch.Tensor):
        raise TypeError(f"{name} are {require.shown(part)}: give one tensor")
    if part.is_meta or part.is_nested or part.layout != torch.strided or part.is_quantized:
        kind = "nested" if part.is_nested else f"of {part.layout} on {part.device}"
        raise TypeError(f"{name} are {kind}, {part.dtype}: give a dense tensor that holds numbers")


def _check_that_they_fit(
    network: nn.Module,
    loss_function: LossFunction,
    sample: list[Batch],
    start: int = 1,
    *,
    run: Callable[[nn.Module, torch.Tensor], Any],
) -> None:
    """Try a batch of each size, in the mode for training and the one for evaluation."""
    tried: dict[torch.Size, torch.Tensor] = {}
    for place, (images, labels) in enumerate(sample, start):
        if images.shape not in tried:
            for part in (rehearsal.twin_of(network), rehearsal.twin_in("eval", network)):
                seen = functools.partial(rehearsal.seen_of, part, run=run)
                tried[images.shape] = _scores(seen, images, place)
        scores = tried[images.shape]
        given = f"{scores.shape[1]} scores"
        try:
            loss = loss_function(scores, labels)
        except Exception as error:
            beyond = bool(((labels < 0) | (labels >= scores.shape[1])).any())
            if beyond and isinstance(error, IndexError):
                reason = f"{given}: in batch {place}, {error}"
                raise ValueError(f"labels of batches do not fit {reason}") from error
            reason = f"{require.shown(labels)}: {_first_line(error)}"
            raise ValueError(f"loss_function does not take {given} with {reason}") from error
        if not isinstance(loss, torch.Tensor) or loss.numel() != 1:
            given = require.shown(loss)
            raise TypeError(f"loss_function gives {given}: give one number in a tensor")


def _scores(network: Callable, images: torch.Tensor, place: int) -> torch.Tensor:
    try:
        scores = network(images.clone())
    except Exception as error:
        one = ", of one image: drop_last=True leaves it out" if place > 1 == len(images) else ""
        reason = f"{require.shown(images)} (batch {place}{one}): {_first_line(error)}"
        raise ValueError(f"network does not take the images of batches, {reason}") from error
    count = len(images)
    is_tensor = isinstance(scores, torch.Tensor) and scores.is_floating_point()
    if not is_tensor or scores.ndim != 2 or len(scores) != count:
        given = f"network gives {require.shown(scores)} for {count} images"
        raise ValueError(f"{given}: give scores of shape ({count}, classes)")
    if scores.shape[1] < 2:
        given = f"network gives {scores.shape[1]} score for an image"
        raise ValueError(f"{given}: give one for each of two classes or more, and cross_entropy")
    return scores


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _mixed(
    batches: Iterable[Batch], test: Iterable[Batch], sample: Iterable[Batch]
) -> tuple[str, list[str]]:
    """Tell whether the first test images train, bit by bit, and which could not be compared.

    A table of a few numbers repeats itself, and its test part then does so too: what is usual among
    the training images is no fault, nor is one row. An image, of many numbers, never comes again by
    chance.
    """
    asked = list(itertools.islice(_rows("test", test), _MOST_IMAGES))
    if not asked:
        raise ValueError("test gave no images: pass something that holds at least one batch")
    what = say("the check looks for test images")
    rows = map(_hash, progress.walked(_rows("batches", batches), say("image"), what))
    walk = itertools.islice(rows, _MOST_COMPARED)
    # A walk without an end comes back to where it began: its first images are of one round.
    first = collections.Counter(itertools.islice(walk, _MOST_IMAGES))
    if not first:
        raise ValueError("batches can be walked only once: give a list or a loader of batches")
    counts = first + collections.Counter(walk)
    whole = counts.total() < _MOST_COMPARED
    usual = counts if whole else first
    repeated = 1 - len(usual) / usual.total()
    shared = [row for row in asked if _hash(row) in counts]
    images = sum(len(set(row[:: 1 + len(row) // 1000].tolist())) > _FEW_NUMBERS for row in shared)
    most = _MOST_SHARED * len(asked)
    mixed = len(shared) > max(most, 1) + 2 * repeated * len(asked) or images > most
    after = say("training images after the first {count:,}", count=_MOST_COMPARED)
    unlike = [] if whole else [after]
    again = [_hash(row) in counts for row in _rows("batches", sample)]
    if whole and sum(again) < len(again) / 10:
        unlike.append(
            say("test images that train in another form: training images are never the same")
        )
    said = say("{shared:,} of {asked:,} test images", shared=len(shared), asked=len(asked))
    return said if mixed else "", unlike


def _rows(name: str, batches: Iterable[Batch]) -> Iterator[Any]:
    """Give the numbers of each image, whatever their type was."""
    for images, _ in _walk(name, batches):
        yield from images.detach().float().cpu().flatten(1).numpy()


def _hash(row: Any) -> int:
    """Return what stands for an image: its bytes themselves would take too much memory."""
    return hash(row.tobytes())
