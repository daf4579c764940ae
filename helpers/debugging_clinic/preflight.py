"""A check before the first epoch: names what is wrong with a training run that would not say so.

Most faults in a training run raise no error. `check` looks at the run from outside: it trains
copies of the network for a few updates, asks the loss and the scores questions whose answers are
known, and looks at the data. What it finds it says in a sentence that names the fault and the cure.
Network, optimiser, batches and every source of chance are afterwards as they were before.
"""

import collections
import copy
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import nn

from helpers.common import require
from helpers.debugging_clinic import chance, faults, looks, rehearsal
from helpers.debugging_clinic.rehearsal import Setup
from helpers.debugging_clinic.steps import Batch, LossFunction, Step

# How much is looked at. Enough for the tests below, and about a second for a small network.
_MOST_IMAGES = 2_000
_MOST_BATCHES = 500

# A pair of duplicates happens; a hundredth of the test set does not.
_MOST_SHARED = 0.01
# With one of these there is nothing to train, and nothing else to be asked.
_STOPS = (faults.FROZEN, faults.NO_GRADIENT, faults.KEPT_WITH_NETWORK)


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
            return f"Ready: nothing wrong was found. Not looked at: {'; '.join(self.unseen)}."
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
    ValueError
        If `batches` can be walked only once, or holds no images, or these do not fit the network.

    Notes
    -----
    Everything is tried on deep copies, and generators found in `batches` and `test` are set back.
    A step may keep things of its own, such as a list of losses; it is called four times on the
    copies, and up to 130 times as long as it moves no weight. The tests themselves are common
    practice; see Karpathy, *A Recipe for Training Neural Networks*, 2019,
    https://karpathy.github.io/2019/04/25/recipe/.
    """
    require.network("network", network)
    weight = next(network.parameters(), None)
    if weight is None:
        # Before all else: without parameters there is no optimiser that could be handed over.
        return Report((Finding(faults.NO_PARAMETERS, "network.parameters() is empty"),))
    require.function("loss_function", loss_function)
    require.optimizer("optimizer", optimizer)
    if step is not None:
        require.function("step", step)
    require.seed("seed", seed)
    for name, walked in (("batches", batches), ("test", [] if test is None else test)):
        if isinstance(walked, Iterator):
            raise ValueError(f"{name} can be walked only once: give a list or a loader of batches")
        require.batches(name, walked)
    with chance.held(seed, weight.device, batches, test):
        # Loaders give batches on the CPU as a rule, wherever the network lies.
        sample = [(x.to(weight.device), y.to(weight.device)) for x, y in _sample(batches)]
        try:
            evaluated = copy.deepcopy(network).eval()
        except RuntimeError:  # PyTorch does not copy a tensor that has a graph behind it.
            return Report((Finding(faults.KEPT_WITH_NETWORK, "it cannot be copied"),))
        _check_that_they_fit(evaluated, loss_function, *sample[0])
        if not all(bool(images.isfinite().all()) for images, _ in sample):
            return Report((Finding(faults.NOT_FINITE, "not all are finite"),))
        setup = Setup(network, evaluated, sample, loss_function, optimizer)
        return _looked_at(setup, batches, step, test)


def _looked_at(
    setup: Setup, batches: Iterable[Batch], step: Step | None, test: Iterable[Batch] | None
) -> Report:
    """Look at one part of the run after the other: each tells which of its faults hold.

    To find another fault, write its sentence in `faults`, and into one of the tables a line.
    """
    keeps = looks.keeps_its_graph(setup)
    found = _that_hold(looks.of_the_network(setup, keeps and step is None))
    if any(finding.fault in _STOPS for finding in found):
        return Report(found)
    unseen = ["a second walk of the data"]
    if step is None:
        unseen[:0] = ["the step (hand it over as step=)"]
        found += _that_hold(looks.of_the_mode(setup))
    else:
        found += _that_hold(looks.of_the_step(setup, step, keeps))
    if test is None:
        unseen[-1:-1] = ["the test part (test=)"]
    elif shared := _are_mixed(batches, test):
        found += (Finding(faults.MIXED_PARTS, shared),)
    if keeps or looks.keeps_a_state(setup):
        unseen += ["data, scores and updates: the network keeps a state"]
        return Report(found, tuple(unseen))
    updates = rehearsal.first_updates(setup)
    found = _that_hold(looks.of_the_data(setup, updates), looks.of_the_scores(setup)) + found
    if not looks.has_enough_labels(setup):
        unseen += ["whether labels fit their images: there are too few"]
    # A loss that climbs or stays has a reason, and those above are the better ones.
    found = found or _that_hold(looks.of_the_first_updates(setup, updates))[:1]
    return Report(found or _that_hold(looks.of_a_small_batch(setup)), tuple(unseen))


def _that_hold(*tables: looks.Table) -> tuple[Finding, ...]:
    shown = itertools.chain.from_iterable(table.items() for table in tables)
    return tuple(Finding(fault, str(evidence)) for fault, evidence in shown if evidence)


def _sample(batches: Iterable[Batch]) -> list[Batch]:
    """Return the first batches of a walk: no more images than are needed."""
    sample, images = [], 0
    for batch in itertools.islice(_walk("batches", batches), _MOST_BATCHES):
        sample.append(batch)
        images += len(batch[1])
        if images >= _MOST_IMAGES:
            break
    if not images:
        raise ValueError("batches gave no images: pass something that holds at least one batch")
    return sample


def _walk(name: str, batches: Iterable[Batch]) -> Iterator[Batch]:
    """Walk batches, and check each of them."""
    for images, labels in require.pairs(name, batches):
        is_tensor = isinstance(images, torch.Tensor)
        if not is_tensor or not images.is_floating_point() or not images.dim():
            given = require.shown(images)
            raise TypeError(f"images of {name} are {given}: give images.float() / 255")
        if not isinstance(labels, torch.Tensor) or labels.shape != images.shape[:1]:
            given = require.shown(labels)
            raise ValueError(f"labels of {name} are {given}: give one for each image")
        if labels.dtype != torch.int64:
            given = f"dtype {labels.dtype}"
            raise TypeError(f"labels of {name} have {given}: give int64, labels.long()")
        yield images, labels


@torch.no_grad()
def _check_that_they_fit(
    network: nn.Module, loss_function: LossFunction, images: torch.Tensor, labels: torch.Tensor
) -> None:
    try:
        scores = network(images)
    except RuntimeError as error:
        reason = f"{require.shown(images)}: {str(error).splitlines()[0]}"
        raise ValueError(f"network does not take the images of batches, {reason}") from error
    count = len(labels)
    if not isinstance(scores, torch.Tensor) or scores.ndim != 2 or len(scores) != count:
        given = f"network gives {require.shown(scores)} for {count} images"
        raise ValueError(f"{given}: give scores of shape ({count}, classes)")
    try:
        loss = loss_function(scores, labels)
    except IndexError as error:
        reason = f"{scores.shape[1]} scores: {error}"
        raise ValueError(f"labels of batches do not fit {reason}") from error
    if not isinstance(loss, torch.Tensor) or loss.numel() != 1:
        raise TypeError(f"loss_function gives {require.shown(loss)}: give one number in a tensor")


def _are_mixed(batches: Iterable[Batch], test: Iterable[Batch]) -> str:
    """Whether the first test images are among all the training images, bit by bit.

    A table of a few whole numbers repeats itself, and its test part then does so too: what is usual
    among the training images is no fault.
    """
    asked = list(itertools.islice(_rows("test", test), _MOST_IMAGES))
    counts = collections.Counter(_rows("batches", batches))
    repeated = 1 - len(counts) / counts.total()
    shared = sum(row in counts for row in asked)
    mixed = shared > (_MOST_SHARED + 2 * repeated) * len(asked)
    return f"{shared:,} of {len(asked):,} test images" if mixed else ""


def _rows(name: str, batches: Iterable[Batch]) -> Iterator[int]:
    """Give each image as the hash of its bytes: those themselves would take too much memory."""
    for images, _ in _walk(name, batches):
        for row in images.detach().cpu().numpy():
            yield hash(row.tobytes())
