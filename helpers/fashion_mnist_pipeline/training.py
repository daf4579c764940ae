"""The loop over epochs and batches, what to look at after it, and how long things take.

`fit` takes the steps that notebook 04 writes out by hand: forward, loss, backward, step, clear,
watch. Around them it only checks and shows progress. It takes any network, loss and optimiser of
PyTorch's, and any iterable of batches.
"""

import math
import operator
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from tqdm.auto import tqdm
from tqdm.notebook import tqdm as notebook_tqdm

from helpers.common import require
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
    batches: labels and predictions as int64, and the probability given to the prediction.
    """

    loss: float
    accuracy: float
    labels: torch.Tensor
    predictions: torch.Tensor
    confidences: torch.Tensor

    def confusion_matrix(self, classes: int) -> torch.Tensor:
        """Count images by label (row) and prediction (column): shape (classes, classes), int64."""
        # Each pair of classes is a number of its own, so that one call counts all of them.
        pairs = self.labels * classes + self.predictions
        return torch.bincount(pairs, minlength=classes**2).reshape(classes, classes)


class MomentumSGD:
    """Stochastic gradient descent with momentum, and nothing else: two lines a weight.

    Each weight w with gradient g keeps a velocity v, and one step does v ← γ v + g, then
    w ← w − η v [1]_. `torch.optim.SGD` takes the same steps, and knows weight decay, Nesterov's
    variant and much more besides; what it has to ask itself before each step costs a sixth of the
    time of training a small network.

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
        group: dict[str, Any] = {"params": list(weights), "lr": lr, "momentum": momentum}
        self.param_groups = [group]
        self._velocities = [torch.zeros_like(weight) for weight in group["params"]]

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


def fit(
    network: nn.Module,
    batches: Iterable[Batch],
    loss_function: LossFunction,
    optimizer: "torch.optim.Optimizer | MomentumSGD",
    *,
    epochs: int,
    validation: Iterable[Batch] | None = None,
    schedule: torch.optim.lr_scheduler.LRScheduler | None = None,
    progress: bool = True,
) -> History:
    """Train a network in place, and return loss and accuracy by epoch.

    Parameters
    ----------
    network : torch.nn.Module
        From a batch of images to scores of shape (batch, classes).
    batches : iterable of (images, labels)
        Walked once an epoch. Images are floating point, labels int64 class numbers.
    loss_function : callable
        From scores and labels to the mean loss, a scalar tensor with a graph.
    optimizer : torch.optim.Optimizer or MomentumSGD
        Holds the network's parameters.
    epochs : int
        How often to walk over `batches`.
    validation : iterable of (images, labels), optional
        Looked at after each epoch, never trained on.
    schedule : torch.optim.lr_scheduler.LRScheduler, optional
        Changes the optimiser's learning rate; told after every step, not after every epoch.
    progress : bool
        Whether to show a bar: in a notebook or on a terminal, not in a log.

    Raises
    ------
    TypeError, ValueError
        If an argument, a batch, the network's scores or the loss cannot be what they should; the
        line says which, with its value. The weights are then those before the step in question.
    """
    _check_roles(network, batches, loss_function)
    _check_optimizer(optimizer, network)
    require.whole("epochs", epochs)
    if validation is not None:
        require.batches("validation", validation)
    if schedule is not None and not callable(getattr(schedule, "step", None)):
        cure = "one from torch.optim.lr_scheduler"
        raise TypeError(f"schedule is {require.shown(schedule)}: give {cure}")
    require.truth("progress", progress)
    history = History()
    with _progress_bar(batches, epochs, shown=progress) as bar:
        for epoch in range(1, epochs + 1):
            network.train()
            watch = _Watch()
            for images, labels in _checked(batches, "batches", network):
                scores, loss = _forward(network, loss_function, images, labels)
                # Before the step, so that the weights are still those that gave it.
                if not math.isfinite(value := loss.item()):
                    rate = optimizer.param_groups[0]["lr"]
                    cure = f"lower the learning rate (now {rate}) or look for NaN in the images"
                    raise ValueError(watch.lost(value, f"epoch {epoch}", cure))
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                if schedule is not None:  # After optimizer.step(), or PyTorch warns.
                    schedule.step()
                watch.see(value, scores, labels)
                bar.update()
                # Let go before the next batch: its scores then take the same place in memory, which
                # the processor still has at hand.
                del scores, loss
            loss_seen, accuracy = watch.means(f"batches, in epoch {epoch},")
            history.loss.append(loss_seen)
            history.accuracy.append(accuracy)
            if validation is not None:
                seen = _evaluate(network, validation, loss_function, "validation")
                history.validation_loss.append(seen.loss)
                history.validation_accuracy.append(seen.accuracy)
            bar.set_postfix_str(f"epoch {epoch}, accuracy {accuracy:.1%}")
    return history


def evaluate(
    network: nn.Module, batches: Iterable[Batch], loss_function: LossFunction
) -> Evaluation:
    """Look at how a network does, without changing it.

    It takes what `fit` takes and refuses what `fit` refuses; the scores are logits or
    log-probabilities.
    """
    _check_roles(network, batches, loss_function)
    return _evaluate(network, batches, loss_function, "batches")


@torch.no_grad()
def _evaluate(
    network: nn.Module, batches: Iterable[Batch], loss_function: LossFunction, name: str
) -> Evaluation:
    """Evaluate; `name` is what an error calls the batches."""
    watch = _Watch()
    seen: list[tuple[torch.Tensor, ...]] = []
    # One by one: a layer may have been frozen in evaluation mode within a network that trains.
    modes = {module: module.training for module in network.modules()}
    network.eval()  # Dropout off, batch norm by what it has stored.
    try:
        for images, labels in _checked(batches, name, network):
            scores, loss = _forward(network, loss_function, images, labels)
            if not math.isfinite(value := loss.item()):
                cure = "look for NaN in the images and in the weights"
                raise ValueError(watch.lost(value, name, cure))
            watch.see(value, scores, labels)
            # The softmax of logits and the softmax of log-probabilities are the same numbers.
            confidence, prediction = scores.softmax(dim=1).max(dim=1)
            seen.append((labels.cpu(), prediction.cpu(), confidence.cpu()))
    finally:
        for module, mode in modes.items():
            module.training = mode
    loss_seen, accuracy = watch.means(name)
    return Evaluation(loss_seen, accuracy, *map(torch.cat, zip(*seen, strict=True)))


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


@torch.no_grad()
def only_products(rows: torch.Tensor, batch_size: int, momentum: float, hidden: int = 128) -> None:
    """Do the matrix products of an epoch, the fetching and the update, and nothing else.

    `rows` has shape (n, pixels), dtype float32: an image a row.
    """
    pixels, classes = rows.shape[1], len(fashion.CLASSES)
    W1, W2 = torch.randn(pixels, hidden), torch.randn(hidden, classes)
    D = torch.randn(batch_size, classes)
    # Every result goes into memory that is there already: to ask for new memory is no arithmetic.
    X, H, back = (torch.empty(batch_size, width) for width in (pixels, hidden, hidden))
    G1, G2, V1, V2 = (torch.zeros_like(weight) for weight in (W1, W2, W1, W2))
    for chosen in torch.randperm(len(rows)).split(batch_size):
        torch.index_select(rows, 0, chosen, out=X[: len(chosen)])
        torch.mm(torch.mm(X, W1, out=H), W2)
        torch.mm(H.T, D, out=G2)
        torch.mm(X.T, torch.mm(D, W2.T, out=back), out=G1)
        for weight, velocity, gradient in ((W1, V1, G1), (W2, V2, G2)):
            velocity.mul_(momentum).add_(gradient)
            weight.sub_(velocity, alpha=0.0)  # The gradients are made up: the weights stay.


class _Watch:
    """Loss and accuracy over the images seen so far in one walk."""

    def __init__(self) -> None:
        self._batches = self._images = self._correct = 0
        self._loss = 0.0

    def see(self, loss: float, scores: torch.Tensor, labels: torch.Tensor) -> None:
        # Weighted by the batch's size: the last batch is often smaller than the others.
        images = len(labels)
        self._batches += 1
        self._images += images
        self._loss += loss * images
        self._correct += int((scores.argmax(dim=1) == labels).sum())

    def lost(self, loss: float, walk: str, cure: str) -> str:
        return f"the loss became {loss} in {walk}, batch {self._batches + 1}: {cure}"

    def means(self, walk: str) -> tuple[float, float]:
        """Return loss and accuracy, the means over the images."""
        if self._images == 0:
            raise ValueError(
                f"{walk} gave no images: pass something that holds at least one batch and can be "
                "walked again, such as a list, not a generator"
            )
        return self._loss / self._images, self._correct / self._images


def _progress_bar(batches: Iterable[Batch], epochs: int, *, shown: bool) -> tqdm:
    # A stream of batches has no length, and a loader over one says so only when it is asked.
    total = epochs * operator.length_hint(batches) or None
    # None leaves it to tqdm: a bar on a terminal, nothing in a log. A notebook is neither.
    in_notebook = issubclass(tqdm, notebook_tqdm)
    return tqdm(total=total, unit="batch", disable=not shown or (False if in_notebook else None))


def _check_roles(network: nn.Module, batches: object, loss_function: object) -> None:
    require.network("network", network)
    require.batches("batches", batches)
    require.function("loss_function", loss_function)
    if next(network.parameters(), None) is None:
        raise ValueError("network has no parameters to train: are its layers made in __init__?")


def _check_optimizer(optimizer: "torch.optim.Optimizer | MomentumSGD", network: nn.Module) -> None:
    require.optimizer("optimizer", optimizer)
    # By identity: == would compare the numbers, and two layers may hold the same ones.
    held = {id(weight) for group in optimizer.param_groups for weight in group["params"]}
    if held.isdisjoint(id(weight) for weight in network.parameters()):
        raise ValueError(
            "the optimiser holds none of the network's weights: make it after the network, from "
            "network.parameters()"
        )
    for group in optimizer.param_groups:
        rate = float(group["lr"])
        if not (math.isfinite(rate) and rate > 0):  # PyTorch's own check lets 0 and NaN pass.
            raise ValueError(f"the learning rate is {rate}: give a number above 0, such as 0.1")


def _checked(batches: Iterable[Batch], name: str, network: nn.Module) -> Iterator[Batch]:
    """Walk batches, look at each, and take it to where the network is."""
    device = next(network.parameters()).device
    for images, labels in require.pairs(name, batches):
        if not isinstance(images, torch.Tensor) or not images.is_floating_point():
            kind = getattr(images, "dtype", type(images).__name__)
            raise TypeError(f"images are {kind}: scale them first, images.float() / 255")
        if not isinstance(labels, torch.Tensor) or labels.dtype != torch.int64:
            kind = getattr(labels, "dtype", type(labels).__name__)
            cure = "give an int64 tensor of class numbers, labels.long()"
            raise TypeError(f"labels are {kind}: {cure}")
        if labels.dim() != 1 or len(labels) != len(images):
            raise ValueError(
                f"labels have shape {tuple(labels.shape)} beside images of shape "
                f"{tuple(images.shape)}: give one label for each image"
            )
        if not len(labels):
            raise ValueError("a batch holds no images: leave empty batches out")
        yield images.to(device), labels.to(device)


def _forward(
    network: nn.Module, loss_function: LossFunction, images: torch.Tensor, labels: torch.Tensor
) -> Batch:
    """Return scores and loss, if they can be what they should."""
    try:
        scores = network(images)
    except torch.OutOfMemoryError:
        raise  # Its own message says what to do, and the images are not to blame.
    except RuntimeError as error:
        raise ValueError(
            f"the network does not take images of shape {tuple(images.shape)} and dtype "
            f"{images.dtype}: {str(error).splitlines()[0]}"
        ) from error
    if not isinstance(scores, torch.Tensor):
        kind = type(scores).__name__
        raise TypeError(f"the network gave {kind} and not a tensor: does forward return?")
    if scores.dim() != 2 or len(scores) != len(labels):
        raise ValueError(
            f"the network gave scores of shape {tuple(scores.shape)} for {len(labels)} images: "
            f"give ({len(labels)}, classes)"
        )
    # On a CPU the loss itself looks at each label. On an accelerator it would end the process.
    if not labels.is_cpu:
        _check_classes(scores, labels)
    try:
        loss = loss_function(scores, labels)
    except IndexError:
        _check_classes(scores, labels)
        raise
    if not isinstance(loss, torch.Tensor):
        raise TypeError(f"the loss is {type(loss).__name__} and not a tensor: does it return one?")
    if loss.numel() != 1:
        raise ValueError(f"the loss has shape {tuple(loss.shape)}: give one number, the mean")
    return scores, loss


def _check_classes(scores: torch.Tensor, labels: torch.Tensor) -> None:
    classes, (lowest, highest) = scores.shape[1], labels.aminmax()
    if lowest < 0 or highest >= classes:
        raise ValueError(
            f"labels hold {int(lowest if lowest < 0 else highest)}: the network tells {classes} "
            f"classes apart, so give class numbers from 0 to {classes - 1}"
        )
