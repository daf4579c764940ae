"""A check before the first epoch: names what is wrong with a training run that would not say so.

Most faults in a training run raise no error. `check` looks at the run from outside: it trains
copies of the network for a few updates, asks the loss and the scores questions whose answers are
known, and looks at the data. What it finds it says in a sentence that names the fault and the cure.
Network, optimiser, batches and every source of chance are afterwards as they were before.
"""

import copy
import gc
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
_IMAGES_BY_HEART = 32
_UPDATES_BY_HEART = 60

# Pixels of one unit's size have a root mean square of about 1, and those of 0 to 255 one of 100.
_LARGEST_SIZE_OF_INPUTS = 10.0
# Fewer images than this for each class, and chance may look like knowledge.
_LEAST_IMAGES_A_CLASS = 20
# How many standard deviations above chance count as knowledge.
_DEVIATIONS = 4.0
# A pair of duplicates happens; a hundredth of the test set does not.
_MOST_SHARED = 0.01
# Beside a weight of size 1, a gradient below this may be rounding: float32 keeps seven digits.
_MORE_THAN_ROUNDING = 1e-5
# Layers that do one thing in training and another in evaluation.
_TWO_MODES = (nn.modules.dropout._DropoutNd, nn.modules.batchnorm._NormBase)

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
    "model left in eval mode": (
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
        "the loss climbs within the first updates, and at a hundredth of the learning rate it does "
        "not; lower the learning rate"
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
    ValueError
        If `batches` can be walked only once, or holds no images.

    Notes
    -----
    Everything is tried on deep copies, and generators found in `batches` and `test` are set back.
    A step may keep things of its own, such as a list of losses; it is called four times on the
    copies. The tests themselves are common practice; see Karpathy, *A Recipe for Training Neural
    Networks*, 2019, https://karpathy.github.io/2019/04/25/recipe/.
    """
    for name, walked in (("batches", batches), ("test", test)):
        if isinstance(walked, Iterator):
            raise ValueError(f"{name} can be walked only once: give a list or a loader of batches")
    first = next(network.parameters(), None)
    if first is None:
        return _report([("no parameters", "")])
    with _nothing_left_to_chance(seed, first.device, batches, test):
        sample = [
            (images.to(first.device), labels.to(first.device))
            for images, labels in _sample(batches)
        ]
        try:
            evaluated = copy.deepcopy(network).eval()
        except RuntimeError as error:
            return _report([("a graph kept with the network", str(error).splitlines()[0])])
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
        return copy.deepcopy((self.network, self.optimizer))

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
    for batch in itertools.islice(batches, _MOST_BATCHES):
        sample.append((batch[0], batch[1]))
        images += len(batch[1])
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
    size = images.square().mean().sqrt().item()
    # A network may scale its inputs itself; then large ones do no harm.
    harm = updates.losses[0] > 1.5 * run.guess or _climbs(updates.losses, run.guess)
    if size > _LARGEST_SIZE_OF_INPUTS and harm:
        yield "inputs not scaled", f"root mean square {size:.3g}, largest {images.abs().max():.3g}"
    classes = len(labels.unique())
    if classes > 1 and len(labels) >= 2 * _LEAST_IMAGES_A_CLASS * classes:
        known, bound = _knowledge_of_labels(images, labels)
        if known <= bound:
            yield (
                "labels not those of the images",
                f"guessed from other images, {known:.1%} are right; by chance up to {bound:.1%}",
            )
    if test is not None:
        shared, number = _shared_images(batches, test)
        if shared > _MOST_SHARED * number:
            yield "test images among the training images", f"{shared} of {number} test images"


def _knowledge_of_labels(images: torch.Tensor, labels: torch.Tensor) -> tuple[float, float]:
    """How many labels of one half are guessed from the other half, and how many chance may get.

    Two guesses, and the better one counts: the class with the nearest mean, and the class of the
    nearest image. Neither needs a network, and neither can know labels that were shuffled.
    """
    # Every other image, since the images may be sorted by class.
    seen, seen_labels, asked, truth = images[::2], labels[::2], images[1::2], labels[1::2]
    names = seen_labels.unique()
    means = torch.stack([seen[seen_labels == name].mean(dim=0) for name in names])
    by_mean = names[torch.cdist(asked, means).argmin(dim=1)]
    by_neighbour = seen_labels[torch.cdist(asked, seen).argmin(dim=1)]
    known = max(float((guess == truth).double().mean()) for guess in (by_mean, by_neighbour))
    chance = float(truth.bincount().max()) / len(truth)
    bound = chance + _DEVIATIONS * math.sqrt(chance * (1 - chance) / len(truth))
    return known, bound


def _shared_images(batches: Iterable[Batch], test: Iterable[Batch]) -> tuple[int, int]:
    """How many of the first test images are among all the training images, bit by bit."""
    asked = list(itertools.islice(_rows(test), _MOST_IMAGES))
    wanted = set(asked)
    seen = {row for row in _rows(batches) if row in wanted}
    return sum(row in seen for row in asked), len(asked)


def _rows(batches: Iterable[Batch]) -> Iterator[bytes]:
    for images, _ in batches:
        for row in images.detach().cpu().numpy():
            yield row.tobytes()


# --- The scores and the loss ---------------------------------------------------------------------


def _in_the_scores(run: _Run) -> Iterator[tuple[str, str]]:
    images, labels = run.sample[0]
    scores = run.scores(images)
    alone = torch.cat([run.scores(image[None]) for image in images[:8]])
    apart = float((alone - scores[:8]).abs().max())
    if apart > 1e-3 * max(float(scores.abs().max()), 1e-3):
        over_images = _sums_to_one(scores.exp().sum(dim=0))
        name = "log_softmax over dim=0" if over_images else "images of a batch depend on each other"
        yield name, f"alone, a score differs by up to {apart:.3g} from the one in its batch"
    else:
        yield from _in_the_loss(run, scores, labels)
    if _is_sum(run, scores, labels):
        yield "loss summed", "twice the images give twice the loss"


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
    if layers := _layers_off(run.network):
        yield "model left in eval mode", _listing(layers)


def _layers_off(network: nn.Module) -> list[str]:
    """List the layers with two modes, if the network as a whole is in evaluation mode.

    In a network that trains, a single layer may be frozen in evaluation mode on purpose.
    """
    if network.training:
        return []
    return [name for name, layer in network.named_modules() if isinstance(layer, _TWO_MODES)]


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
        self.arrived = self.piled_up = False
        self.steps = self.empty_steps = self.calls = self.forwards = 0
        self.layers_off: list[str] = []
        self._graphs: list[weakref.ref] = []
        self._held = [w for group in optimizer.param_groups for w in group["params"]]
        self._used: set[torch.Tensor] = set()
        for weight in network.parameters():
            if weight.requires_grad:
                weight.register_hook(lambda _, weight=weight: self._arrive(weight))
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

    def _arrive(self, weight: torch.Tensor) -> None:
        # Before it is added: what stands in .grad is what was there before.
        self.arrived = True
        if weight in self._used and _is_something(weight.grad):
            self.piled_up = True
        self._used.discard(weight)

    def _step(self) -> None:
        # Several gradients may be added up on purpose; once used, they have to go.
        self._used = {weight for weight in self._held if _is_something(weight.grad)}
        self.steps += 1
        self.empty_steps += not self._used

    def _mark(self, network: nn.Module, scores: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        self.layers_off = self.layers_off or _layers_off(network)
        return _Marker.apply(scores, self._graphs) if scores.requires_grad else scores


def _in_the_step(run: _Run, step: Step) -> Iterator[tuple[str, str]]:
    before = copy.deepcopy(run.network.state_dict())
    optimizer_before = copy.deepcopy(run.optimizer.state_dict())
    network, optimizer = run.copies()
    optimizer.zero_grad()
    start = [weight.detach().clone() for weight in network.parameters()]
    seen = _Observer(network, optimizer)
    for images, labels in itertools.islice(itertools.cycle(run.sample), _STEPS_WATCHED):
        step(network, images, labels, run.loss_function, optimizer)
    if not seen.forwards:
        # It may have trained the very network that is only to be looked at.
        run.network.load_state_dict(before)
        run.optimizer.load_state_dict(optimizer_before)
        yield "step works on something else", "forward never ran"
        return
    if seen.layers_off:
        yield "model left in eval mode", _listing(seen.layers_off)
    if not seen.calls:
        yield "forward called by name", f"{seen.forwards} runs of forward, none of them a call"
    pairs = zip(start, network.parameters(), strict=True)
    moved = not all(torch.equal(before, weight.detach()) for before, weight in pairs)
    if not seen.arrived:
        yield "no backward", f"no gradient in {_STEPS_WATCHED} steps"
    elif not seen.steps and not moved:  # A step may move the weights by hand.
        yield "no step", f"no weight moved in {_STEPS_WATCHED} steps"
    elif seen.steps and seen.steps == seen.empty_steps and not moved:
        yield "cleared before the step", f"{seen.empty_steps} steps without a gradient"
    if seen.piled_up:
        yield "gradients never cleared", "a gradient was added to one already used"
    if (alive := seen.graphs_alive) > 1:
        yield "a graph kept from step to step", f"{alive} graphs after {_STEPS_WATCHED} steps"


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
        group["lr"] = factor * group["lr"]
    weights = {name: w for name, w in network.named_parameters() if w.requires_grad}
    start = {name: weight.detach().clone() for name, weight in weights.items()}
    # The largest gradient beside the weight's own size: far below it lies only rounding.
    reached = dict.fromkeys(weights, 0.0)
    losses = []
    for images, labels in itertools.islice(itertools.cycle(run.sample), _UPDATES):
        optimizer.zero_grad()
        loss = run.loss_function(network(images), labels)
        losses.append(float(loss.detach()))
        if not math.isfinite(losses[-1]):
            break
        if loss.requires_grad:
            loss.backward()
        for name, weight in weights.items():
            if weight.grad is not None:
                size = float(weight.grad.abs().max()) / max(float(weight.detach().abs().max()), 1.0)
                reached[name] = max(reached[name], size)
        optimizer.step()
    still = [
        name
        for name, weight in weights.items()
        if torch.equal(start[name], weight.detach()) and reached[name] > _MORE_THAN_ROUNDING
    ]
    return _Updates(losses, [name for name, size in reached.items() if size == 0], still)


def _in_the_first_updates(run: _Run, updates: _Updates) -> Iterator[tuple[str, str]]:
    """See whether the loss and each weight did what they should."""
    if updates.losses[0] > 2 * run.guess:
        yield "first loss too high", f"{updates.losses[0]:.3g}; a guess has {run.guess:.3g}"
    elif _climbs(updates.losses, run.guess):
        if not _climbs(_train(run, factor=0.01).losses, run.guess):
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
    network = copy.deepcopy(run.network)
    weights = [weight for weight in network.parameters() if weight.requires_grad]
    if not weights:
        return
    images, labels = (part[:_IMAGES_BY_HEART] for part in run.sample[0])
    optimizer = torch.optim.Adam(weights, lr=1e-3)
    losses = []
    for _ in range(_UPDATES_BY_HEART):
        optimizer.zero_grad()
        loss = run.loss_function(network(images), labels)
        if not loss.requires_grad:
            break
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    if losses and sum(losses[-5:]) / 5 > 0.9 * losses[0] and losses[0] > 0.1:
        yield "one batch is not learnt by heart", f"from {losses[0]:.3g} to {losses[-1]:.3g}"


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
        if numpy_state is not None:
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
