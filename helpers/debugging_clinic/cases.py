"""The clinic's patients: training runs with a single fault, their healthy twins, and repairs.

A `Case` is all that a training run consists of. `admit` builds a healthy one, or one with a fault;
`ward` and `diagnosis` know which patient of notebook 05 has which.
"""

import copy
import functools
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from helpers.common import require
from helpers.debugging_clinic import faults, steps
from helpers.debugging_clinic.faults import HEALTHY
from helpers.fashion_mnist_pipeline import fashion

# With these, notebook 04 trains the same network.
_sgd = functools.partial(torch.optim.SGD, lr=0.15, momentum=0.8)
_BATCH = 128
# A tenth of the garments, and a tenth of the test part twice: an observed run takes about a second.
_IMAGES = 6_400
_TEST_IMAGES = 1_000
# Few enough to be learnt by heart, which is what a mixed-up test part rewards.
_IMAGES_LEARNT_BY_HEART, _UPDATES_BY_HEART = 500, 400


@dataclass
class Case:
    """All that a training run consists of; batches are pairs of images and labels."""

    network: nn.Sequential  # From images to scores or log-probabilities of shape (batch, 10).
    batches: fashion.Batches
    loss_function: steps.LossFunction  # From scores and labels to a scalar tensor.
    optimizer: torch.optim.Optimizer
    test: fashion.Batches
    fresh: fashion.Batches  # Images that no run has ever seen.
    step: steps.Step = steps.by_the_book
    updates: int = 150  # How many of them show what is wrong.
    make_step: Callable[[], steps.Step] | None = None  # Where a step keeps things of its own.

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


def admit(
    fault: str,
    garments: fashion.Garments,
    *,
    seed: int = 0,
    healthy: bool = False,
    images: int | None = None,
) -> Case:
    """Build a case with one fault, or its healthy twin.

    Its network is 784 → 128 ReLU → 10, no bias, log-probabilities; with dropout where the fault
    needs it.

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
    test_pixels = garments.test_images
    tested, fresh = held_out[:_TEST_IMAGES], held_out[_TEST_IMAGES:]
    if fault == faults.MIXED_PARTS:
        tested = tested[: count // 2]
        if broken:
            own = count - len(tested)  # As many training images as the twin has.
            pixels = torch.cat([pixels[:own], test_pixels[tested]])
            labels = torch.cat([labels[:own], garments.test_labels[tested]])
    if broken and fault == faults.WRONG_LABELS:
        labels = labels[torch.randperm(len(labels), generator=chance)]
    network = _network(seed, dropout=fault == faults.EVAL_MODE)
    if broken and fault == faults.NOT_SCALED:
        # Numbers are handed out as they are; bytes would be scaled.
        pixels, test_pixels = (each.unsqueeze(1).float() for each in (pixels, test_pixels))
    test, unseen = (
        fashion.Batches(test_pixels[part], garments.test_labels[part], _BATCH)
        for part in (tested, fresh)
    )
    batches = fashion.Batches(pixels, labels, _BATCH, generator=chance)
    case = Case(network, batches, nn.NLLLoss(), _sgd(network.parameters()), test, unseen)
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


def ward(number: int, garments: fashion.Garments, *, healthy: bool = False) -> dict[str, Case]:
    """Return the patients of ward 1 to 5 of notebook 05, by letter, or their healthy twins."""
    require.whole("number", number, most=len(_WARDS))
    return {
        letter: admit(_FAULT_OF[letter], garments, healthy=healthy) for letter in _WARDS[number - 1]
    }


def diagnosis(letter: str) -> str:
    """Return the fault of a patient of notebook 05, from "A" to "O"."""
    return _FAULT_OF[letter]


def with_head(case: Case, head: Callable[[torch.Tensor], torch.Tensor]) -> Case:
    """Return a copy of a case whose network ends in a function from scores to log-probabilities."""
    case = case.copy()
    # PyTorch looks forward up on the layer itself, so a layer that has been given one will do.
    case.network[-1] = nn.Module()
    case.network[-1].forward = head
    return case
