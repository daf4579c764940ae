"""The clinic's patients: training runs with a single fault, their healthy twins, and repairs.

A `Case` is all that a training run consists of. `admit` builds a healthy one, or one with a fault;
`ward` and `diagnosis` know which patient of notebook 05 has which.
"""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import nn

from helpers.common import require
from helpers.debugging_clinic import faults, steps
from helpers.debugging_clinic.faults import HEALTHY
from helpers.fashion_mnist_pipeline import fashion

# Those with which notebook 04 trains the same network.
_LR, _MOMENTUM = 0.15, 0.8
_BATCH = 128
# A tenth of the garments, and a tenth of the test part twice: an observed run takes about a second.
_IMAGES = 6_400
_TEST_IMAGES = 1_000
# Few enough to be learnt by heart, which is what a mixed-up test part rewards.
_IMAGES_LEARNT_BY_HEART, _UPDATES_BY_HEART = 500, 400


@dataclass(frozen=True)
class Scaled:
    """Batches with each pixel times a factor, and of another precision if that is wanted."""

    batches: "fashion.Batches | Scaled"
    factor: float
    dtype: torch.dtype = torch.float32

    def __len__(self) -> int:
        """Return the number of batches in one walk."""
        return len(self.batches)

    def __iter__(self) -> Iterator[steps.Batch]:
        """Walk over the batches once."""
        for images, labels in self.batches:
            yield images.to(self.dtype) * self.factor, labels


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
    loss_function: steps.LossFunction
    optimizer: torch.optim.Optimizer
    test: fashion.Batches | Scaled
    fresh: fashion.Batches | Scaled
    step: steps.Step = steps.by_the_book
    updates: int = 150
    make_step: Callable[[], steps.Step] | None = None

    def copy(self) -> "Case":
        """Return a case to try things on: training it leaves this one alone."""
        # All at once, so that the optimiser's copy holds the weights of the network's copy.
        case = copy.deepcopy(self)
        if self.make_step:
            case.step = self.make_step()
        return case


# Which fault each patient of notebook 05 has, and who lies in which ward.
_FAULT_OF: dict[str, str] = {
    "A": faults.LEFT_OUT, "B": faults.CLEARED_EARLY, "C": faults.NEVER_CLEARED, "D": faults.NO_STEP,
    "E": faults.LOSS_SUMMED, "F": faults.RATE_TOO_HIGH, "G": faults.NOT_SCALED,
    "H": faults.SOFTMAX_TWICE, "I": faults.OVER_DIM_0, "J": faults.RAW_SCORES,
    "K": faults.WRONG_LABELS, "L": faults.EVAL_MODE, "M": faults.MIXED_PARTS,
    "N": faults.KEPT_GRAPH, "O": faults.FORWARD_BY_NAME,
}  # fmt: skip
_WARDS = ("ABCD", "EFG", "HIJ", "KLMN", "O")

# The faults that a patient can have.
FAULTS: tuple[str, ...] = tuple(_FAULT_OF.values())

# The faults that are another step, and those that are another end: last layer and loss.
_STEPS: dict[str, steps.Step] = {
    faults.NO_STEP: steps.without_step,
    faults.CLEARED_EARLY: steps.clearing_too_early,
    faults.NEVER_CLEARED: steps.never_clearing,
    faults.FORWARD_BY_NAME: steps.calling_forward,
}
_ENDS: dict[str, tuple[nn.Module, nn.Module]] = {
    faults.LOSS_SUMMED: (nn.LogSoftmax(dim=1), nn.NLLLoss(reduction="sum")),
    faults.SOFTMAX_TWICE: (nn.Softmax(dim=1), nn.CrossEntropyLoss()),
    faults.OVER_DIM_0: (nn.LogSoftmax(dim=0), nn.NLLLoss()),
    faults.RAW_SCORES: (nn.Identity(), nn.NLLLoss()),
}


def _break(case: Case, fault: str) -> None:
    """Give a healthy case a fault, where it is not in the data already."""
    if fault in _STEPS:
        case.step = _STEPS[fault]
    elif fault in _ENDS:
        case.network[-1], case.loss_function = copy.deepcopy(_ENDS[fault])
    elif fault == faults.KEPT_GRAPH:
        case.step, case.make_step = steps.adding_up(), steps.adding_up
    elif fault == faults.LEFT_OUT:
        case.optimizer = _sgd(case.network[-2].parameters())  # The last layer alone.
    elif fault == faults.RATE_TOO_HIGH:
        case.optimizer.param_groups[0]["lr"] *= 100
    elif fault == faults.EVAL_MODE:
        case.network.eval()
    elif fault == faults.NOT_SCALED:
        case.batches = Scaled(case.batches, 255.0)
        case.test, case.fresh = Scaled(case.test, 255.0), Scaled(case.fresh, 255.0)


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
    """
    require.choice("fault", fault, (*FAULTS, HEALTHY), "cases.FAULTS")
    require.instance("garments", garments, fashion.Garments, "what fashion.load() returns")
    require.seed("seed", seed)
    require.truth("healthy", healthy)
    if images is not None:
        # Two at least, so that a mixed-up test part has an image of each kind.
        require.whole("images", images, least=2)
    broken = fault != HEALTHY and not healthy
    count = images or (_IMAGES_LEARNT_BY_HEART if fault == faults.MIXED_PARTS else _IMAGES)
    # A patient and its twin draw the same numbers in the same order, and differ in the fault alone.
    chance = torch.Generator().manual_seed(seed)
    train = torch.randperm(len(garments.train_labels), generator=chance)[:count]
    held_out = torch.randperm(len(garments.test_labels), generator=chance)[: 2 * _TEST_IMAGES]
    pixels, labels = garments.train_images[train], garments.train_labels[train]
    tested, fresh = held_out[:_TEST_IMAGES], held_out[_TEST_IMAGES:]
    if fault == faults.MIXED_PARTS:
        tested = tested[: count // 2]
        if broken:
            own = count - len(tested)  # As many training images as the twin has.
            pixels = torch.cat([pixels[:own], garments.test_images[tested]])
            labels = torch.cat([labels[:own], garments.test_labels[tested]])
    if broken and fault == faults.WRONG_LABELS:
        labels = labels[torch.randperm(count, generator=chance)]
    network = _network(seed, dropout=fault == faults.EVAL_MODE)
    case = Case(
        network,
        fashion.Batches(pixels, labels, _BATCH, generator=chance),
        nn.NLLLoss(),
        _sgd(network.parameters()),
        _test_batches(garments, tested),
        _test_batches(garments, fresh),
    )
    if fault == faults.MIXED_PARTS:
        case.updates = _UPDATES_BY_HEART
    if broken:
        _break(case, fault)
    return case


def _network(seed: int, *, dropout: bool) -> nn.Sequential:
    # What a notebook draws next must not depend on whether a patient was admitted before.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Flatten(),
            nn.Linear(28 * 28, 128, bias=False),
            nn.ReLU(),
            *([nn.Dropout(0.5)] if dropout else []),
            nn.Linear(128, 10, bias=False),
            nn.LogSoftmax(dim=1),
        )


def _sgd(weights: Iterator[nn.Parameter]) -> torch.optim.Optimizer:
    return torch.optim.SGD(weights, lr=_LR, momentum=_MOMENTUM)


def _test_batches(garments: fashion.Garments, part: torch.Tensor) -> fashion.Batches:
    return fashion.Batches(garments.test_images[part], garments.test_labels[part], _BATCH)


def ward(
    number: int, garments: fashion.Garments, *, seed: int = 0, healthy: bool = False
) -> dict[str, Case]:
    """Return the patients of a ward of notebook 05, by letter.

    Parameters
    ----------
    number : int
        From 1 to 5.
    garments, seed, healthy
        As in `admit`.
    """
    require.whole("number", number, most=len(_WARDS))
    return {
        letter: admit(_FAULT_OF[letter], garments, seed=seed, healthy=healthy)
        for letter in _WARDS[number - 1]
    }


def diagnosis(letter: str) -> str:
    """Return the fault of a patient of notebook 05, from "A" to "O"."""
    return _FAULT_OF[letter]


def in_double(case: Case) -> Case:
    """Return a copy of a case that computes in double precision, so that runs can be compared."""
    case = case.copy()
    case.network.double()
    case.batches = Scaled(case.batches, 1.0, dtype=torch.float64)
    return case


def with_head(case: Case, head: Callable[[torch.Tensor], torch.Tensor]) -> Case:
    """Return a copy of a case whose network ends in a function from scores to log-probabilities."""
    case = case.copy()
    # PyTorch looks forward up on the layer itself, so a layer that has been given one will do.
    case.network[-1] = nn.Module()
    case.network[-1].forward = head
    return case


def trained_by_hand(case: Case) -> list[float]:
    """Train for an epoch with the formulas of notebook 04, and return the loss before each update.

    Of the case only weights and batches are used: two weight matrices, ReLU between them, mean
    cross-entropy, learning rate 0.15 and momentum 0.8, without an optimiser.
    """
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
