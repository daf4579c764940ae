"""A check before the first epoch: names what is wrong with a training run that would not say so.

Most faults in a training run raise no error. `check` looks at the run from outside: it trains
copies of the network for a few updates, asks the loss and the scores questions whose answers are
known, and looks at the data. What it finds it says in a sentence that names the fault and the cure.
Network, optimiser, batches and every source of chance are afterwards as they were before.
"""

import collections
import copy
import itertools
import math
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import nn

from helpers.common import require
from helpers.debugging_clinic import chance, faults, keeping, rehearsal, watching
from helpers.debugging_clinic.rehearsal import Setup, Updates
from helpers.debugging_clinic.steps import Batch, LossFunction, Step

# How much is looked at. Enough for the tests below, and about a second for a small network.
_MOST_IMAGES = 2_000
_MOST_BATCHES = 500
# Images that the test images are looked for among: walks may be long, or without an end.
_MOST_COMPARED = 100_000

# What to do about images that are not floating point.
_CURES = {torch.uint8: "give images.float() / 255", torch.bool: "give images.float()"}
_NO_PIXELS = "the check is for real numbers with a fraction, and not for tokens"

# Pixels of one unit's size have a root mean square of about 1, and those of 0 to 255 one of 100.
_LARGEST_SIZE_OF_INPUTS = 10.0
# Fewer images than this for each class, and chance may look like knowledge.
_LEAST_IMAGES_A_CLASS = 20
# A pair of duplicates happens; a hundredth of the test set does not.
_MOST_SHARED = 0.01
# Fewer scores than these, and it may be chance that none of them is below zero.
_LEAST_SCORES = 200


@dataclass(frozen=True)
class Report:
    """What a check found: the names of faults, keys of ``faults.SENTENCES``."""

    faults: tuple[str, ...]

    @property
    def healthy(self) -> bool:
        """Whether nothing was found."""
        return not self.faults

    def __str__(self) -> str:
        """Return a line for each fault: its name, what is wrong and what to do about it."""
        if self.healthy:
            return "Ready: nothing wrong was found."
        return "\n".join(f"{fault}: {faults.SENTENCES[fault]}" for fault in self.faults)


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
    copies, and up to 32 times as long as it moves no weight. The tests themselves are common
    practice; see Karpathy, *A Recipe for Training Neural Networks*, 2019,
    https://karpathy.github.io/2019/04/25/recipe/.
    """
    require.network("network", network)
    weight = next(network.parameters(), None)
    if weight is None:
        # Before all else: without parameters there is no optimiser that could be handed over.
        return Report((faults.NO_PARAMETERS,))
    require.function("loss_function", loss_function)
    require.optimizer("optimizer", optimizer)
    if step is not None:
        require.function("step", step)
    require.seed("seed", seed)
    _require_numbers(network)
    for name, walked in (("batches", batches), ("test", [] if test is None else test)):
        if isinstance(walked, Iterator):
            raise ValueError(f"{name} can be walked only once: give a list or a loader of batches")
        require.batches(name, walked)
    held = keeping.as_it_was(network, loss_function, optimizer, step, walked=(batches, test))
    with held, chance.held(seed, weight.device), warnings.catch_warnings():
        # What a run warns of, it says when it trains; a schedule would miss optimizer.step().
        warnings.simplefilter("ignore")
        sample = _sample(batches, weight.device)
        try:
            twin, its_optimizer = rehearsal.copies(network, optimizer)
        except rehearsal.NotCopied as error:
            if error.has_graph:  # Of a call before this one.
                return Report((faults.KEPT_WITH_NETWORK,))
            raise TypeError(str(error)) from error
        _check_that_they_fit(twin, loss_function, sample)
        if not all(bool(images.isfinite().all()) for images, _ in sample):
            return Report((faults.NOT_FINITE,))
        evaluated = copy.deepcopy(twin).eval()
        setup = Setup(twin, evaluated, sample, loss_function, its_optimizer)
        return Report(tuple(_found(setup, batches, step, test)))


def _require_numbers(network: nn.Module) -> None:
    for name, part in itertools.chain(network.named_parameters(), network.named_buffers()):
        if nn.parameter.is_lazy(part):
            cure = "call network(images) once, and then make the optimizer"
            raise ValueError(f"network has no size for {name} yet, which is lazy: {cure}")
        if part.is_meta:
            cure = "call network.to_empty(device='cpu') and set the weights"
            raise ValueError(f"network has no numbers in {name}, on the meta device: {cure}")


def _found(
    setup: Setup, batches: Iterable[Batch], step: Step | None, test: Iterable[Batch] | None
) -> list[str]:
    """Look at one part of the run after the other: each tells which of its faults hold.

    To find another fault, write its sentence in `faults`, and into one of the tables a line.
    """
    updates = rehearsal.first_updates(setup)
    found = _that_hold(
        _in_the_data(setup, updates),
        {faults.MIXED_PARTS: test is not None and _are_mixed(batches, test)},
        _in_the_scores(setup),
        {faults.LEFT_OUT: _leaves_some_out(setup)},
        {faults.EVAL_MODE: _is_off(setup)} if step is None else _in_the_step(setup, step),
    )
    # A loss that climbs or stays has a reason, and those above are the better ones.
    found = found or _that_hold(_in_the_first_updates(setup, updates))[:1]
    return found or _that_hold({faults.NOT_BY_HEART: not _is_learnt_by_heart(setup)})


def _that_hold(*tables: dict[str, bool]) -> list[str]:
    return [fault for table in tables for fault, holds in table.items() if holds]


def _sample(batches: Iterable[Batch], device: torch.device) -> list[Batch]:
    """Return copies of the first batches of a walk: no more images than are needed."""
    sample: list[Batch] = []
    seen = 0
    for images, labels in itertools.islice(_walk("batches", batches), _MOST_BATCHES):
        if sample and images.shape[1:] != sample[0][0].shape[1:]:
            sizes = f"shape {tuple(images.shape)} after {tuple(sample[0][0].shape)}"
            raise ValueError(f"images of batches have {sizes}: give images of one size")
        # Loaders give batches on the CPU as a rule, wherever the network lies. A step may change
        # its images in place.
        sample.append((images.to(device, copy=True), labels.to(device, copy=True)))
        seen += len(labels)
        if seen >= _MOST_IMAGES:
            break
    if not seen:
        raise ValueError("batches gave no images: pass something that holds at least one batch")
    return sample


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
            given = require.shown(labels)
            raise ValueError(f"labels of {name} are {given}: give one for each image")
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
    network: nn.Module, loss_function: LossFunction, sample: list[Batch]
) -> None:
    """Try a batch of each size, in the mode for training and the one for evaluation."""
    tried: dict[torch.Size, torch.Tensor] = {}
    for place, (images, labels) in enumerate(sample, start=1):
        if images.shape not in tried:
            for part in (copy.deepcopy(network), copy.deepcopy(network).eval()):
                tried[images.shape] = _scores(part, images, place)
        scores = tried[images.shape]
        given = f"{scores.shape[1]} scores"
        try:
            loss = loss_function(scores, labels)
        except IndexError as error:
            reason = f"{given}: in batch {place}, {error}"
            raise ValueError(f"labels of batches do not fit {reason}") from error
        except Exception as error:
            reason = f"{require.shown(labels)}: {_first_line(error)}"
            raise ValueError(f"loss_function does not take {given} with {reason}") from error
        if not isinstance(loss, torch.Tensor) or loss.numel() != 1:
            given = require.shown(loss)
            raise TypeError(f"loss_function gives {given}: give one number in a tensor")


@torch.no_grad()
def _scores(network: nn.Module, images: torch.Tensor, place: int) -> torch.Tensor:
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


def _in_the_data(setup: Setup, updates: Updates) -> dict[str, bool]:
    images, labels = (part.cpu() for part in setup.labelled())
    images = images.flatten(start_dim=1).double()
    size = images.square().mean().sqrt().item()
    # A network may scale its inputs itself; then large ones do no harm.
    harm = updates.losses[0] > 1.5 * updates.guess or updates.climb
    classes = len(labels.unique())
    enough = classes > 1 and len(labels) >= 2 * _LEAST_IMAGES_A_CLASS * classes
    return {
        faults.NOT_SCALED: size > _LARGEST_SIZE_OF_INPUTS and harm,
        faults.WRONG_LABELS: enough and not _labels_can_be_told(setup, images, labels),
    }


def _labels_can_be_told(setup: Setup, images: torch.Tensor, labels: torch.Tensor) -> bool:
    """Whether the labels of one half can be guessed from the other half, better than by chance.

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
        lambda: _guess_of_a_copy(setup),
    )
    # The cheap ones first: any() stops at the first that knows, and the last one trains.
    return any(
        float((said == truth).double().mean()) > chance.most_right(said, truth)
        for said in (guess() for guess in guesses)
    )


def _guess_of_a_copy(setup: Setup) -> torch.Tensor:
    """Train a copy of the network on every other image, and ask it for the rest."""
    images, labels = setup.labelled()
    seen = list(zip(images[::2].split(100), labels[::2].split(100), strict=True))
    seen = seen[:-1] or seen  # The last may be a single image: batch normalisation needs two.
    network = copy.deepcopy(setup.network).train()
    rehearsal.learnt(setup, network, seen, rate=3e-3, updates=100)
    with torch.no_grad():
        parts = images[1::2].split(100)
        return torch.cat([network.eval()(some).argmax(dim=1) for some in parts]).cpu()


def _are_mixed(batches: Iterable[Batch], test: Iterable[Batch]) -> bool:
    """Whether the first test images are among all the training images, bit by bit.

    A table of a few whole numbers repeats itself, and its test part then does so too: what is usual
    among the training images is no fault.
    """
    asked = list(itertools.islice(_rows("test", test), _MOST_IMAGES))
    counts = collections.Counter(itertools.islice(_rows("batches", batches), _MOST_COMPARED))
    repeated = 1 - len(counts) / counts.total()
    shared = sum(row in counts for row in asked)
    return shared > (_MOST_SHARED + 2 * repeated) * len(asked)


def _rows(name: str, batches: Iterable[Batch]) -> Iterator[int]:
    """Give each image as the hash of its bytes: those themselves would take too much memory."""
    for images, _ in _walk(name, batches):
        for row in images.detach().cpu().numpy():
            yield hash(row.tobytes())


def _in_the_scores(setup: Setup) -> dict[str, bool]:
    """Ask the scores and the loss what has a known answer."""
    images, labels = setup.sample[0]
    scores = setup.scores(images)
    if _differ(scores, setup.scores(images)):
        return {faults.CHANCE_IN_EVAL: True}  # All the others compare scores with scores.
    alone = torch.cat([setup.scores(image[None]) for image in images[:8]])
    depend = _differ(scores[:8], alone)
    # The softmax over the images leaves a trace: its columns add up to one.
    over_images = _are_one(scores.exp().sum(dim=0))
    loss = setup.loss(scores, labels)
    # The same images twice have the same mean, and twice the sum.
    twice = setup.loss(scores.repeat(2, 1), labels.repeat(2))
    summed = abs(loss) > 1e-6 and abs(twice / loss - 2) < 0.01
    # One more in every score: cross_entropy subtracts it again, so its loss stays; nll_loss takes
    # scores for log-probabilities, and falls by one.
    shift = (setup.loss(scores + 1, labels) - loss) / (len(labels) if summed else 1)
    is_cross_entropy = not depend and abs(shift) < 1e-3
    is_nll = not depend and abs(shift + 1) < 1e-3
    probabilities = bool((scores >= 0).all()) and _are_one(scores.sum(dim=1))
    others = not probabilities
    return {
        faults.OVER_DIM_0: depend and over_images,
        faults.IMAGES_DEPEND: depend and not over_images,
        faults.SOFTMAX_TWICE: is_cross_entropy and probabilities,
        faults.PROBABILITIES: is_nll and probabilities,
        faults.RAW_SCORES: is_nll and others and not _are_one(scores.exp().sum(dim=1)),
        faults.NEVER_BELOW_ZERO: is_cross_entropy and others and _are_never_below_zero(setup),
        faults.LOSS_SUMMED: summed,
        faults.WRONG_WAY_UP: _is_wrong_way_up(setup, scores, labels),
    }


def _differ(scores: torch.Tensor, again: torch.Tensor) -> bool:
    """Whether scores differ by more than rounding."""
    # In float32 a sum in another order differs in its seventh digit; this is a thousand times that.
    return float((again - scores).abs().max()) > 1e-3 * max(float(scores.abs().max()), 1e-3)


def _are_one(sums: torch.Tensor) -> bool:
    return bool(((sums - 1).abs() < 1e-3).all())


def _are_never_below_zero(setup: Setup) -> bool:
    images = torch.cat([images for images, _ in setup.sample])[:_LEAST_SCORES]
    # Raw scores take either sign, at the latest for inputs that are far larger, and their mirrors.
    scores = torch.cat([setup.scores(factor * images) for factor in (1, 10, -10)])
    # Scores that are all the same are those of a last layer that begins at zero.
    return scores.numel() >= _LEAST_SCORES and bool((scores >= 0).all() and scores.std() > 0)


def _is_wrong_way_up(setup: Setup, scores: torch.Tensor, labels: torch.Tensor) -> bool:
    """Whether a higher score of the right class counts as worse, all along."""
    right = nn.functional.one_hot(labels.clamp(min=0), scores.shape[1]).to(scores)
    # A little less for the right class, and a little more: nothing else changes.
    worse, now, better = (setup.loss(scores + by * right, labels) for by in (-1, 0, 1))
    if any(group.get("maximize") for group in setup.optimizer.param_groups):
        worse, better = better, worse
    return worse < now < better


def _leaves_some_out(setup: Setup) -> bool:
    # By identity: two parameters may hold equal numbers.
    held = {id(weight) for group in setup.optimizer.param_groups for weight in group["params"]}
    return any(w.requires_grad and id(w) not in held for w in setup.network.parameters())


def _is_off(setup: Setup) -> bool:
    in_eval = not setup.network.training
    return watching.has_layer_off(setup.network) or in_eval and _has_two_modes(setup)


@torch.no_grad()
def _has_two_modes(setup: Setup) -> bool:
    """Whether a network without such layers does another thing in training, as F.dropout may."""
    images = setup.sample[0][0]
    return _differ(setup.scores(images), copy.deepcopy(setup.network).train()(images))


def _in_the_step(setup: Setup, step: Step) -> dict[str, bool]:
    seen = watching.watch(step, *setup.copies(), setup.loss_function, setup.sample)
    if not seen.forwards:
        return {faults.SOMETHING_ELSE: True}
    return {
        faults.EVAL_MODE: seen.layer_off or seen.in_eval and _has_two_modes(setup),
        faults.FORWARD_BY_NAME: not seen.calls,
        faults.NO_BACKWARD: not seen.arrived,
        # A step may move the weights by hand.
        faults.NO_STEP: seen.arrived and not seen.steps and not seen.moved,
        faults.CLEARED_EARLY: seen.arrived_something and seen.steps == seen.empty_steps > 0,
        faults.NEVER_CLEARED: seen.piled_up,
        faults.KEPT_GRAPH: seen.keeps_graphs,
    }


def _in_the_first_updates(setup: Setup, updates: Updates) -> dict[str, bool]:
    """See whether the loss and each weight did what they should: the first that holds is named."""
    first = updates.losses[0]
    slower = (rehearsal.first_updates(setup, factor=factor) for factor in (1e-2, 1e-4, 1e-6))
    return {
        faults.LOSS_NOT_FINITE: not math.isfinite(first),
        faults.LOSS_TOO_HIGH: first > 2 * updates.guess,
        # A loss that climbs at any rate has another reason.
        faults.RATE_TOO_HIGH: updates.climb and not all(later.climb for later in slower),
        faults.NO_GRADIENT: updates.unreached,
        faults.DO_NOT_MOVE: updates.still,
    }


def _is_learnt_by_heart(setup: Setup) -> bool:
    """Whether one small batch can be learnt by heart, with an optimiser that seldom fails at it."""
    images, labels = setup.sample[0]
    batch = [(images[:32], labels[:32])]
    for rate in (1e-3, 1e-2):  # The second for a small network, which has farther to go.
        network = copy.deepcopy(setup.network)
        losses = rehearsal.learnt(setup, network, batch, rate=rate, updates=60)
        # A NaN counts as not learnt.
        if not losses or losses[0] <= 0.1 or sum(losses[-5:]) / 5 <= 0.9 * losses[0]:
            return True
    return False
