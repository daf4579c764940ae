"""A check before the first epoch: names what is wrong with a training run that would not say so.

Most faults in a training run raise no error. `check` looks at the run from outside: it trains
copies of the network for a few updates, asks the loss and the scores questions whose answers are
known, and looks at the data. What it finds it says in a sentence that names the fault and the cure.
Network, optimiser, batches and every source of chance are afterwards as they were before.
"""

import copy
import gc
import inspect
import itertools
import math
import random
import sys
import types
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import nn

from helpers.common import require

Batch = tuple[torch.Tensor, torch.Tensor]
LossFunction = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
Step = Callable[
    [nn.Module, torch.Tensor, torch.Tensor, LossFunction, torch.optim.Optimizer], object
]

# How much is looked at. Enough for the tests below, and about a second for a small network.
_MOST_IMAGES = 2_000
_MOST_BATCHES = 500
_UPDATES = 20
_STEPS_WATCHED = 4
# A step may add up the gradients of several batches before it moves a weight.
_MOST_STEPS_WATCHED = 32
_IMAGES_BY_HEART = 32
_UPDATES_BY_HEART = 60
_UPDATES_TO_KNOW = 100

# Pixels of one unit's size have a root mean square of about 1, and those of 0 to 255 one of 100.
_LARGEST_SIZE_OF_INPUTS = 10.0
# Fewer images than this for each class, and chance may look like knowledge.
_LEAST_IMAGES_A_CLASS = 20
# How many standard deviations above chance count as knowledge.
_DEVIATIONS = 4.0
# A pair of duplicates happens; a hundredth of the test set does not.
_MOST_SHARED = 0.01
# Fewer scores than these, and it may be chance that none of them is below zero.
_LEAST_SCORES = 200
# Beside a weight of size 1, a gradient below this may be rounding: float32 keeps seven digits.
_MORE_THAN_ROUNDING = 1e-5
# Layers that do one thing in training and another in evaluation.
_DROPOUT, _NORM = nn.modules.dropout._DropoutNd, nn.modules.batchnorm._NormBase
_TWO_MODES = (_DROPOUT, _NORM)

# They hold no generator of a loader's, and much else.
_WITHOUT_GENERATORS = (type, types.ModuleType, types.FunctionType, nn.Module, torch.Tensor)


@dataclass(frozen=True)
class Finding:
    """One fault that was found.

    Attributes
    ----------
    fault : str
        Its name, a few words: one of `FAULTS`.
    sentence : str
        What is wrong and what to do about it.
    evidence : str
        What was measured, with its digits.
    """

    fault: str
    sentence: str
    evidence: str = ""

    def __str__(self) -> str:
        """Return the fault and the sentence."""
        return f"{self.fault}: {self.sentence}"


@dataclass(frozen=True)
class Report:
    """What a check found.

    Attributes
    ----------
    findings : tuple of Finding
        Empty if nothing was found.
    """

    findings: tuple[Finding, ...]

    @property
    def healthy(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    @property
    def faults(self) -> tuple[str, ...]:
        """The names of the faults."""
        return tuple(finding.fault for finding in self.findings)

    def __str__(self) -> str:
        """Return a line for each finding."""
        if self.healthy:
            return "Ready: nothing wrong was found."
        return "\n".join(str(finding) for finding in self.findings)


_EVAL = "model left in eval mode"

# What each fault is called, and what is said of it.
FAULTS: dict[str, str] = {
    "inputs not scaled": (
        "the inputs are far larger than 1, so the first scores are too; divide by 255, or subtract "
        "the mean and divide by the standard deviation"
    ),
    "inputs not finite": "the inputs hold NaN or infinity; leave those images out or repair them",
    "labels not those of the images": (
        "the labels cannot be told from the images better than by chance; shuffle images and "
        "labels with one and the same order"
    ),
    "test images among the training images": (
        "images of the test part also train the network, so its test result is worth nothing; "
        "split first, then make the batches"
    ),
    "log_softmax over dim=0": (
        "the images of a batch compete with each other in place of the classes of an image; write "
        "log_softmax(scores, dim=1)"
    ),
    "images of a batch depend on each other": (
        "an image alone gets other scores than in its batch; look for an operation over dim=0"
    ),
    "chance in evaluation mode": (
        "the same images get other scores the second time; use nn.Dropout, or hand "
        "training=self.training to F.dropout"
    ),
    "scores never below zero": (
        "something behind the last layer, such as a sigmoid or a ReLU, keeps every score from "
        "falling below zero; cross_entropy wants raw scores, so take it out of the network"
    ),
    "loss the wrong way up": (
        "training makes the score of the right class smaller; look for a minus before the loss, "
        "or for maximize=True in the optimiser"
    ),
    "softmax before cross-entropy": (
        "the network gives probabilities where cross_entropy wants raw scores, so the loss cannot "
        "come near zero; take the softmax out of the network"
    ),
    "probabilities in nll_loss": (
        "nll_loss gets probabilities, not their logarithms; write log_softmax for softmax"
    ),
    "nll_loss on raw scores": (
        "nll_loss gets scores that are no log-probabilities, so the loss has no floor; use "
        "cross_entropy, or end the network with log_softmax over dim=1"
    ),
    "loss summed": (
        "the loss grows with the number of images, and so does each step; take the mean, which is "
        "what reduction='mean' does"
    ),
    _EVAL: (
        "dropout and batch normalisation are switched off; call network.train() before training"
    ),
    "no parameters": (
        "the network has no parameters to train; check that it makes its layers in __init__, with "
        "two underscores on each side"
    ),
    "parameters not handed to the optimiser": (
        "the optimiser does not hold all of the network's parameters, and leaves the others as "
        "they are; make it from network.parameters(), after the network"
    ),
    "a graph kept with the network": (
        "the network holds a tensor together with its graph; store tensor.detach()"
    ),
    "no gradient": (
        "some parameters never get a gradient, so they never learn; look for detach(), no_grad() "
        "or a layer that forward leaves out"
    ),
    "no backward": "the step never computes a gradient; call loss.backward()",
    "no step": "the optimiser's step() is never called, so no weight moves; call it after backward",
    "cleared before the step": (
        "zero_grad() runs between backward() and step(), so step() sees no gradient; clear before "
        "backward or after step"
    ),
    "gradients never cleared": (
        "backward() adds to the gradients of all steps before; call optimizer.zero_grad() once in "
        "each step"
    ),
    "weights do not move": (
        "parameters get a gradient and yet stay where they are; look at the optimiser's learning "
        "rates"
    ),
    "a graph kept from step to step": (
        "graphs of earlier steps are still in memory, and there will be more at each step; keep "
        "loss.item() or loss.detach()"
    ),
    "step works on something else": (
        "the step does not use the network that it is handed; in its body, use the names of its "
        "parameters and no global ones"
    ),
    "forward called by name": (
        "the step calls network.forward(x), which skips hooks; call network(x)"
    ),
    "learning rate too high": (
        "the loss climbs within the first updates, and with a far lower learning rate it does not; "
        "lower the learning rate"
    ),
    "first loss not finite": (
        "the loss is infinite or NaN before anything was learnt; look for the logarithm of zero, a "
        "division by zero, or numbers too large for their type"
    ),
    "first loss too high": (
        "the first loss is far above that of a guess, the logarithm of the number of classes; "
        "start from smaller weights"
    ),
    "one batch is not learnt by heart": (
        "even a single small batch does not get a lower loss; look at what lies between the images "
        "and the loss"
    ),
}


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

    Returns
    -------
    Report
        What was found; its `str` is a line for each finding.

    Raises
    ------
    TypeError
        If an argument is of another kind, or images or labels of a batch are.
    ValueError
        If `batches` can be walked only once, or holds no images, or these do not fit the network.

    Notes
    -----
    Everything is tried on deep copies, and generators found in `batches` and `test` are set back.
    A step may keep things of its own, such as a list of losses; it is called four times on the
    copies, and up to 32 times as long as it moves no weight. The tests themselves are common
    practice; see Karpathy, *A Recipe for Training Neural Networks*, 2019,
    https://karpathy.github.io/2019/04/25/recipe/.
    """
    require.network("network", network)
    first = next(network.parameters(), None)
    if first is None:
        return _report([("no parameters", "")])
    require.function("loss_function", loss_function)
    require.optimizer("optimizer", optimizer)
    if step is not None:
        require.function("step", step)
    require.seed("seed", seed)
    for name, walked in (("batches", batches), ("test", test)):
        if walked is None and name == "test":
            continue
        if isinstance(walked, Iterator):
            raise ValueError(f"{name} can be walked only once: give a list or a loader of batches")
        require.batches(name, walked)
    with _nothing_left_to_chance(seed, first.device, batches, test):
        sample = [
            (images.to(first.device), labels.to(first.device))
            for images, labels in _sample(batches)
        ]
        try:
            evaluated = copy.deepcopy(network).eval()
        except RuntimeError as error:
            return _report([("a graph kept with the network", str(error).splitlines()[0])])
        _check_that_they_fit(evaluated, loss_function, *sample[0])
        if not all(bool(images.isfinite().all()) for images, _ in sample):
            return _report([("inputs not finite", "in the first batches")])
        run = _Run(network, evaluated, sample, loss_function, optimizer)
        updates = _train(run)
        found = [*_in_the_data(run, updates, batches, test), *_in_the_scores(run)]
        found += _in_the_optimizer(run)
        found += _in_the_mode(run) if step is None else _in_the_step(run, step)
        # A loss that climbs or stays has a reason, and those above are the better ones.
        found = found or [*_in_the_first_updates(run, updates)]
        return _report(found or [*_by_heart(run)])


@dataclass(frozen=True)
class _Run:
    """What is handed in, with the first batches of it, and the network in evaluation mode."""

    network: nn.Module
    evaluated: nn.Module
    sample: list[Batch]
    loss_function: LossFunction
    optimizer: torch.optim.Optimizer

    def copies(self) -> tuple[nn.Module, torch.optim.Optimizer]:
        # Together, so that the optimiser's copy holds the parameters of the network's copy.
        network, optimizer = copy.deepcopy((self.network, self.optimizer))
        if isinstance(optimizer, torch.optim.LBFGS):  # A copy of it lacks what these two hold.
            optimizer._params, optimizer._numel_cache = optimizer.param_groups[0]["params"], None
        return network, optimizer

    @torch.no_grad()
    def scores(self, images: torch.Tensor) -> torch.Tensor:
        """Return the scores in evaluation mode, where nothing is left to chance."""
        return self.evaluated(images)

    @torch.no_grad()
    def loss(self, scores: torch.Tensor, labels: torch.Tensor) -> float:
        return float(self.loss_function(scores, labels))

    @property
    def guess(self) -> float:
        """The loss of a network that knows nothing: the logarithm of the number of classes."""
        classes = self.scores(self.sample[0][0][:1]).shape[1]
        return math.log(classes) if classes > 1 else math.inf


_Found = list[tuple[str, str]]


def _report(found: _Found) -> Report:
    return Report(tuple(Finding(name, FAULTS[name], evidence) for name, evidence in found))


# --- The data ------------------------------------------------------------------------------------


def _sample(batches: Iterable[Batch]) -> list[Batch]:
    """Return the first batches of a walk: no more images than are needed."""
    sample, images = [], 0
    for pictures, labels in itertools.islice(require.pairs("batches", batches), _MOST_BATCHES):
        _check_batch("batches", pictures, labels)
        sample.append((pictures, labels))
        images += len(labels)
        if images >= _MOST_IMAGES:
            break
    if not images:
        raise ValueError("batches gave no images: pass something that holds at least one batch")
    return sample


def _in_the_data(
    run: "_Run", updates: "_Updates", batches: Iterable[Batch], test: Iterable[Batch] | None
) -> Iterator[tuple[str, str]]:
    images = torch.cat([images.cpu().flatten(start_dim=1).double() for images, _ in run.sample])
    labels = torch.cat([labels.cpu() for _, labels in run.sample])
    images, labels = images[labels >= 0], labels[labels >= 0]  # A loss may ignore some, as -100.
    size = images.square().mean().sqrt().item()
    # A network may scale its inputs itself; then large ones do no harm.
    harm = updates.losses[0] > 1.5 * run.guess or _climbs(updates.losses, run.guess)
    if size > _LARGEST_SIZE_OF_INPUTS and harm:
        yield "inputs not scaled", f"root mean square {size:.3g}, largest {images.abs().max():.3g}"
    classes = len(labels.unique())
    if classes > 1 and len(labels) >= 2 * _LEAST_IMAGES_A_CLASS * classes:
        known, bound = _knowledge_of_labels(run, images, labels)
        if known <= bound:
            yield (
                "labels not those of the images",
                f"guessed from other images, {known:.1%} are right; by chance up to {bound:.1%}",
            )
    if test is not None:
        shared, number, usual = _shared_images(batches, test)
        if shared > (_MOST_SHARED + 2 * usual) * number:
            yield "test images among the training images", f"{shared} of {number} test images"


def _knowledge_of_labels(
    run: "_Run", images: torch.Tensor, labels: torch.Tensor
) -> tuple[float, float]:
    """How many labels of one half are guessed from the other half, and how many chance may get.

    Three guesses, until one knows something: the class with the nearest mean, the class of the
    nearest image, and what a copy of the network says that has learnt a little. None of them can
    know labels that were shuffled.
    """
    # Every other image, since the images may be sorted by class.
    seen, seen_labels, asked, truth = images[::2], labels[::2], images[1::2], labels[1::2]
    names = seen_labels.unique()
    means = torch.stack([seen[seen_labels == name].mean(dim=0) for name in names])
    guesses = (
        lambda: names[torch.cdist(asked, means).argmin(dim=1)],
        lambda: seen_labels[torch.cdist(asked, seen).argmin(dim=1)],
        lambda: _guess_of_a_copy(run),
    )
    for guess in guesses:
        known, bound = _right_and_chance(guess(), truth)
        if known > bound:
            break
    return known, bound


def _right_and_chance(guess: torch.Tensor, truth: torch.Tensor) -> tuple[float, float]:
    """Return the fraction of guesses that are right, and what chance may get with the same guesses.

    Chance hands the true labels out in any order. Mean and variance of what is then right are
    those of a sum of matrix entries over a random permutation (Hoeffding, *A combinatorial central
    limit theorem*, 1951). So a class that most images are of gives no credit to who always says it.
    """
    number = len(truth)
    names = torch.cat([guess, truth]).unique()
    said = (guess[:, None] == names).double().mean(dim=0)
    true = (truth[:, None] == names).double().mean(dim=0)
    expected = said @ true
    centred = torch.eye(len(names)).double() - true[:, None] - said[None, :] + expected
    variance = (said[:, None] * true * centred.square()).sum() / (number - 1)
    bound = float(expected + _DEVIATIONS * variance.sqrt()) + 1e-9
    return float((guess == truth).double().mean()), bound


def _guess_of_a_copy(run: "_Run") -> torch.Tensor:
    """Train a copy of the network on every other image, and ask it for the rest."""
    images, labels = (torch.cat(part) for part in zip(*run.sample, strict=True))
    kept = labels >= 0
    images, labels = images[kept], labels[kept]
    seen = list(zip(images[::2].split(100), labels[::2].split(100), strict=True))
    network = copy.deepcopy(run.network).train()
    weights = [weight for weight in network.parameters() if weight.requires_grad]
    if weights:
        optimizer = torch.optim.Adam(weights, lr=3e-3)
        # Without the last of them, which may be a single image: too few for batch normalisation.
        whole = seen[:-1] or seen
        for some, truth in itertools.islice(itertools.cycle(whole), _UPDATES_TO_KNOW):
            optimizer.zero_grad()
            loss = run.loss_function(network(some), truth)
            if not loss.requires_grad:
                break
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        parts = images[1::2].split(100)
        return torch.cat([network.eval()(some).argmax(dim=1) for some in parts]).cpu()


def _shared_images(batches: Iterable[Batch], test: Iterable[Batch]) -> tuple[int, int, float]:
    """How many of the first test images are among all the training images, bit by bit.

    Also their number, and the fraction of training images that repeat an earlier one: a table of a
    few whole numbers repeats itself, and its test part then does so too.
    """
    asked = list(itertools.islice(_rows(test, "test"), _MOST_IMAGES))
    wanted = set(asked)
    seen, before, number, repeated = set(), set(), 0, 0
    for row in _rows(batches, "batches"):
        if row in wanted:
            seen.add(row)
        number += 1
        repeated += hash(row) in before
        before.add(hash(row))  # The images themselves would take too much memory.
    return sum(row in seen for row in asked), len(asked), repeated / number


def _check_batch(name: str, images: torch.Tensor, labels: torch.Tensor) -> None:
    if not isinstance(images, torch.Tensor) or not images.is_floating_point() or not images.dim():
        raise TypeError(f"images of {name} are {require.shown(images)}: give images.float() / 255")
    if not isinstance(labels, torch.Tensor) or labels.shape != images.shape[:1]:
        raise ValueError(f"labels of {name} are {require.shown(labels)}: give one for each image")
    if labels.dtype != torch.int64:
        raise TypeError(f"labels of {name} have dtype {labels.dtype}: give int64, labels.long()")


@torch.no_grad()
def _check_that_they_fit(
    network: nn.Module, loss_function: LossFunction, images: torch.Tensor, labels: torch.Tensor
) -> None:
    try:
        scores = network(images)
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        given = require.shown(images)
        raise ValueError(
            f"network does not take the images of batches, {given}: {reason}"
        ) from error
    if not isinstance(scores, torch.Tensor) or scores.ndim != 2 or len(scores) != len(labels):
        given = f"network gives {require.shown(scores)} for {len(labels)} images"
        raise ValueError(f"{given}: give scores of shape ({len(labels)}, classes)")
    try:
        loss = loss_function(scores, labels)
    except IndexError as error:
        raise ValueError(
            f"labels of batches do not fit {scores.shape[1]} scores: {error}"
        ) from error
    if not isinstance(loss, torch.Tensor) or loss.numel() != 1:
        raise TypeError(f"loss_function gives {require.shown(loss)}: give one number in a tensor")


def _rows(batches: Iterable[Batch], name: str) -> Iterator[bytes]:
    for images, labels in require.pairs(name, batches):
        _check_batch(name, images, labels)
        for row in images.detach().cpu().numpy():
            yield row.tobytes()


# --- The scores and the loss ---------------------------------------------------------------------


def _in_the_scores(run: _Run) -> Iterator[tuple[str, str]]:
    images, labels = run.sample[0]
    scores = run.scores(images)
    if _differ(scores, again := run.scores(images)):
        apart = float((scores - again).abs().max())
        yield "chance in evaluation mode", f"a score differs by up to {apart:.3g} the second time"
        return
    alone = torch.cat([run.scores(image[None]) for image in images[:8]])
    if _differ(scores[:8], alone):
        apart = float((alone - scores[:8]).abs().max())
        over_images = _sums_to_one(scores.exp().sum(dim=0))
        name = "log_softmax over dim=0" if over_images else "images of a batch depend on each other"
        yield name, f"alone, a score differs by up to {apart:.3g} from the one in its batch"
    else:
        yield from _in_the_loss(run, scores, labels)
    if _is_sum(run, scores, labels):
        yield "loss summed", "twice the images give twice the loss"
    if _is_wrong_way_up(run, scores, labels):
        yield "loss the wrong way up", "a higher score of the right class counts as worse"


def _differ(scores: torch.Tensor, again: torch.Tensor) -> bool:
    """Whether scores differ by more than rounding."""
    return float((again - scores).abs().max()) > 1e-3 * max(float(scores.abs().max()), 1e-3)


def _in_the_loss(
    run: _Run, scores: torch.Tensor, labels: torch.Tensor
) -> Iterator[tuple[str, str]]:
    """Ask which loss it is, by what one more in every score does to it."""
    images = len(labels) if _is_sum(run, scores, labels) else 1
    loss = run.loss(scores, labels)
    shift = (run.loss(scores + 1, labels) - loss) / images
    probabilities = bool((scores >= 0).all()) and _sums_to_one(scores.sum(dim=1))
    if probabilities and abs(shift) < 1e-3:  # As in cross_entropy, which subtracts it again.
        floor = math.log(math.e + scores.shape[1] - 1) - 1
        yield "softmax before cross-entropy", f"the loss cannot fall below {floor:.4g}"
    if abs(shift + 1) < 1e-3:  # As in nll_loss, which takes scores for log-probabilities.
        if probabilities:
            yield "probabilities in nll_loss", f"the first loss is {loss:.3g}"
        elif not _sums_to_one(scores.exp().sum(dim=1)):
            yield "nll_loss on raw scores", f"the first loss is {loss:.3g}"
    if abs(shift) < 1e-3 and not probabilities and _is_never_below_zero(run):
        yield "scores never below zero", "nor for inputs ten times as large, of either sign"


def _is_never_below_zero(run: _Run) -> bool:
    images = torch.cat([images for images, _ in run.sample])[:_LEAST_SCORES]
    scores = torch.cat([run.scores(factor * images) for factor in (1, 10, -10)])
    # Scores that are all the same are those of a last layer that begins at zero.
    return scores.numel() >= _LEAST_SCORES and bool((scores >= 0).all() and scores.std() > 0)


def _is_wrong_way_up(run: _Run, scores: torch.Tensor, labels: torch.Tensor) -> bool:
    right = nn.functional.one_hot(labels.clamp(min=0), scores.shape[1]).to(scores)
    worse, now, better = (run.loss(scores + by * right, labels) for by in (-1, 0, 1))
    if any(group.get("maximize") for group in run.optimizer.param_groups):
        worse, better = better, worse
    return worse < now < better


def _is_sum(run: _Run, scores: torch.Tensor, labels: torch.Tensor) -> bool:
    once, twice = run.loss(scores, labels), run.loss(scores.repeat(2, 1), labels.repeat(2))
    return abs(once) > 1e-6 and abs(twice / once - 2) < 0.01


def _sums_to_one(sums: torch.Tensor) -> bool:
    return bool(((sums - 1).abs() < 1e-3).all())


# --- The optimiser and the step ------------------------------------------------------------------


def _in_the_optimizer(run: _Run) -> Iterator[tuple[str, str]]:
    held = {id(weight) for group in run.optimizer.param_groups for weight in group["params"]}
    left_out = [
        name
        for name, weight in run.network.named_parameters()
        if weight.requires_grad and id(weight) not in held
    ]
    if left_out:
        yield "parameters not handed to the optimiser", _listing(left_out)


def _in_the_mode(run: _Run) -> Iterator[tuple[str, str]]:
    layers = _layers_off(run.network)
    if layers or not run.network.training and _has_two_modes(run):
        yield _EVAL, _listing(layers) or "network.training is False"


def _layers_off(network: nn.Module) -> list[str]:
    """List the layers with two modes that are in evaluation mode by mistake.

    In a network that trains, batch normalisation may be frozen on purpose, and so may a part of the
    network with all its weights.
    """
    off, waiting = [], [("", network)]
    while waiting:
        name, layer = waiting.pop(0)
        if layer.training:
            waiting += [(f"{name}.{n}".strip("."), child) for n, child in layer.named_children()]
        elif layer is network or isinstance(layer, _DROPOUT) or _learns(layer):
            inner = layer.named_modules(prefix=name)
            off += [n for n, m in inner if isinstance(m, _TWO_MODES) and not m.training]
    return off


def _learns(part: nn.Module) -> bool:
    """Whether a part has weights that are trained, apart from those of batch normalisation."""
    layers = [layer for layer in part.modules() if not isinstance(layer, _NORM)]
    return any(w.requires_grad for layer in layers for w in layer.parameters(recurse=False))


@torch.no_grad()
def _has_two_modes(run: _Run) -> bool:
    """Whether a network without such layers does another thing in training, as F.dropout may."""
    images = run.sample[0][0]
    return _differ(run.scores(images), copy.deepcopy(run.network).train()(images))


class _Mark:
    """Something to see whether it is still there."""


class _Marker(torch.autograd.Function):
    """Does nothing to the scores; the mark that it leaves in the graph lives as long as that."""

    @staticmethod
    def forward(ctx, scores: torch.Tensor, marks: list) -> torch.Tensor:
        ctx.mark = _Mark()
        marks.append(weakref.ref(ctx.mark))
        return scores.clone()

    @staticmethod
    def backward(ctx, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        return gradient, None


class _Observer:
    """Watches a network and an optimiser from outside while steps are taken."""

    def __init__(self, network: nn.Module, optimizer: torch.optim.Optimizer):
        self.arrived = self.arrived_something = self.piled_up = self.in_eval = False
        self.steps = self.empty_steps = self.calls = self.forwards = 0
        self.layers_off: list[str] = []
        self._graphs: list[weakref.ref] = []
        weights = set(network.parameters())
        held = [weight for group in optimizer.param_groups for weight in group["params"]]
        self._held = [weight for weight in held if weight in weights]
        self._used: set[torch.Tensor] = set()
        for weight in network.parameters():
            if weight.requires_grad:
                weight.register_hook(lambda new, weight=weight: self._arrive(weight, new))
        optimizer.register_step_pre_hook(lambda *_: self._step())
        network.register_forward_hook(lambda network, _, scores: self._mark(network, scores))
        forward = network.forward

        def counted(*args, **kwargs):
            self.forwards += 1
            return forward(*args, **kwargs)

        network.forward = counted

    @property
    def graphs_alive(self) -> int:
        if self._count() > 1:
            gc.collect()  # A graph in a circle of references is garbage, and not kept.
        return self._count()

    def _count(self) -> int:
        return sum(graph() is not None for graph in self._graphs)

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

    def _mark(self, network: nn.Module, scores: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        if not scores.requires_grad:  # It only looks, which is what evaluation mode is for.
            return scores
        self.layers_off = self.layers_off or _layers_off(network)
        self.in_eval = self.in_eval or not network.training
        return _Marker.apply(scores, self._graphs)


def _in_the_step(run: _Run, step: Step) -> Iterator[tuple[str, str]]:
    before = copy.deepcopy(run.network.state_dict())
    optimizer_before = copy.deepcopy(run.optimizer.state_dict())
    network, optimizer = run.copies()
    optimizer.zero_grad()
    start = [weight.detach().clone() for weight in network.parameters()]
    seen = _Observer(network, optimizer)
    moved, steps = False, 0
    for images, labels in itertools.islice(itertools.cycle(run.sample), _MOST_STEPS_WATCHED):
        step(network, images, labels, run.loss_function, optimizer)
        steps += 1
        pairs = zip(start, network.parameters(), strict=True)
        moved = moved or not all(torch.equal(before, weight.detach()) for before, weight in pairs)
        if steps >= _STEPS_WATCHED and (seen.steps or moved or not seen.arrived):
            break
    if not seen.forwards:
        # It may have trained the very network that is only to be looked at.
        run.network.load_state_dict(before)
        run.optimizer.load_state_dict(optimizer_before)
        yield "step works on something else", "forward never ran"
        return
    if seen.layers_off or seen.in_eval and _has_two_modes(run):
        yield _EVAL, _listing(seen.layers_off) or "network.training is False"
    if not seen.calls:
        yield "forward called by name", f"{seen.forwards} runs of forward, none of them a call"
    if not seen.arrived:
        yield "no backward", f"no gradient in {steps} steps"
    elif not seen.steps and not moved:  # A step may move the weights by hand.
        yield "no step", f"no weight moved in {steps} steps"
    elif seen.arrived_something and seen.steps == seen.empty_steps > 0:
        yield "cleared before the step", f"{seen.empty_steps} steps without a gradient"
    if seen.piled_up:
        yield "gradients never cleared", "a gradient was added to one already used"
    if (alive := seen.graphs_alive) > 1:
        yield "a graph kept from step to step", f"{alive} graphs after {steps} steps"


def _is_something(gradient: torch.Tensor | None) -> bool:
    return gradient is not None and bool(gradient.any())


# --- The first updates ---------------------------------------------------------------------------


@dataclass(frozen=True)
class _Updates:
    """What a copy of the network did in its first updates.

    Attributes
    ----------
    losses : list of float
        Before each update.
    unreached, still : list of str
        The parameters that never got a gradient, and those that got one and did not move.
    """

    losses: list[float]
    unreached: list[str]
    still: list[str]


def _train(run: _Run, *, factor: float = 1.0) -> _Updates:
    """Train a copy by the book, at the optimiser's learning rate times a factor."""
    network, optimizer = run.copies()
    for group in optimizer.param_groups:
        # A schedule that warms up may begin at zero; its optimiser holds what it leads to.
        group["lr"] = factor * (group["lr"] or group.get("initial_lr", 0.0))
    weights = {name: w for name, w in network.named_parameters() if w.requires_grad}
    start = {name: weight.detach().clone() for name, weight in weights.items()}
    # The largest gradient beside the weight's own size: far below it lies only rounding.
    reached = dict.fromkeys(weights, 0.0)
    losses = []
    for images, labels in itertools.islice(itertools.cycle(run.sample), _UPDATES):

        def backward(images=images, labels=labels) -> torch.Tensor:
            optimizer.zero_grad()
            loss = run.loss_function(network(images), labels)
            if loss.requires_grad:
                loss.backward()
            return loss.detach()

        losses.append(float(backward()))
        if not math.isfinite(losses[-1]):
            break
        for name, weight in weights.items():
            if weight.grad is not None:
                size = float(weight.grad.abs().max()) / max(float(weight.detach().abs().max()), 1.0)
                reached[name] = max(reached[name], size)
        if _asks_for_the_loss(optimizer):
            optimizer.step(backward)  # type: ignore[arg-type]  # A tensor will do for a number.
        else:
            optimizer.step()
    still = [
        name
        for name, weight in weights.items()
        if torch.equal(start[name], weight.detach()) and reached[name] > _MORE_THAN_ROUNDING
    ]
    return _Updates(losses, [name for name, size in reached.items() if size == 0], still)


def _asks_for_the_loss(optimizer: torch.optim.Optimizer) -> bool:
    """Whether its step() wants a function that computes the loss again, as that of LBFGS does."""
    closure = inspect.signature(optimizer.step).parameters.get("closure")
    return closure is not None and closure.default is inspect.Parameter.empty


def _in_the_first_updates(run: _Run, updates: _Updates) -> Iterator[tuple[str, str]]:
    """See whether the loss and each weight did what they should."""
    if not math.isfinite(updates.losses[0]):
        yield "first loss not finite", f"it is {updates.losses[0]}"
    elif updates.losses[0] > 2 * run.guess:
        yield "first loss too high", f"{updates.losses[0]:.3g}; a guess has {run.guess:.3g}"
    elif _climbs(updates.losses, run.guess):
        factors = (1e-2, 1e-4, 1e-6)
        if not all(_climbs(_train(run, factor=factor).losses, run.guess) for factor in factors):
            yield "learning rate too high", f"the loss went up to {_top(updates.losses):.3g}"
    elif updates.unreached:
        yield "no gradient", _listing(updates.unreached)
    elif updates.still:
        yield "weights do not move", _listing(updates.still)


def _top(losses: list[float]) -> float:
    return max(loss if math.isfinite(loss) else math.inf for loss in losses)


def _climbs(losses: list[float], guess: float) -> bool:
    """Whether the loss rises far above its start; a short hop of a bold step does not count."""
    late = losses[-5:]
    return _top(losses) > max(losses[0], guess) + 3 * guess or (
        sum(late) / len(late) > max(losses[0], guess) + 0.5 * guess
    )


def _by_heart(run: _Run) -> Iterator[tuple[str, str]]:
    """Whether one small batch can be learnt by heart, with an optimiser that seldom fails at it."""
    for rate in (1e-3, 1e-2):  # The second for a small network, which has farther to go.
        losses = _losses_by_heart(run, rate)
        # A NaN counts as not learnt.
        if not losses or losses[0] <= 0.1 or sum(losses[-5:]) / 5 <= 0.9 * losses[0]:
            return
    yield "one batch is not learnt by heart", f"from {losses[0]:.3g} to {losses[-1]:.3g}"


def _losses_by_heart(run: _Run, rate: float) -> list[float]:
    network = copy.deepcopy(run.network)
    weights = [weight for weight in network.parameters() if weight.requires_grad]
    images, labels = (part[:_IMAGES_BY_HEART] for part in run.sample[0])
    losses: list[float] = []
    if not weights:
        return losses
    optimizer = torch.optim.Adam(weights, lr=rate)
    for _ in range(_UPDATES_BY_HEART):
        optimizer.zero_grad()
        loss = run.loss_function(network(images), labels)
        if not loss.requires_grad:
            break
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    return losses


# --- What must not change ------------------------------------------------------------------------


@contextmanager
def _nothing_left_to_chance(seed: int, device: torch.device, *walked: object) -> Iterator[None]:
    """Seed what networks draw from, and set every source of chance back afterwards."""
    generators = [torch.default_generator]
    if device.type != "cpu":
        generators.append(_generator_of(device))
    for part in walked:
        generators += _generators(part, set())
    states = [(generator, generator.get_state()) for generator in generators]
    python_state = random.getstate()
    numpy = sys.modules.get("numpy")
    numpy_state = numpy.random.get_state() if numpy else None
    try:
        for generator in generators[: 1 if device.type == "cpu" else 2]:
            generator.manual_seed(seed)
        with torch.enable_grad():
            yield
    finally:
        random.setstate(python_state)
        if numpy and numpy_state is not None:
            numpy.random.set_state(numpy_state)
        for generator, state in states:
            generator.set_state(state)


def _generator_of(device: torch.device) -> torch.Generator:
    module = torch.get_device_module(device)
    index = module.current_device() if device.index is None else device.index
    return module.default_generators[index]


def _generators(part: object, seen: set[int], depth: int = 4) -> Iterator[torch.Generator]:
    """Every generator that a loader, or what it is made of, holds."""
    if id(part) in seen:
        return
    seen.add(id(part))
    if isinstance(part, torch.Generator):
        yield part
    elif depth and not isinstance(part, _WITHOUT_GENERATORS):
        for value in getattr(part, "__dict__", {}).values():
            yield from _generators(value, seen, depth - 1)


def _listing(names: list[str], most: int = 3) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
