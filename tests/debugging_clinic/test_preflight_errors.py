"""What stops a check, and what a step with a loss of its own is not asked, word by word."""

import pytest
import torch
from torch.nn import functional as F

from debugging_clinic import set_ups
from debugging_clinic.set_ups import BATCHES, IMAGES, LABELS, book, mlp, sgd
from debugging_clinic.test_preflight_parts import Gives, Spoils, checked
from debugging_clinic.test_promises import Through
from debugging_clinic.test_rehearsal import GoesOn, Tool
from helpers.debugging_clinic import faults

LABELS_OF_20 = "a tensor of shape (20,) and dtype torch.int64"


def stops(error):
    def raises(scores, labels):
        raise error

    return raises


def beyond(place):
    """Return batches with a label that is of no class, in one of them."""
    batches = [(images, labels.clone()) for images, labels in BATCHES]
    batches[place][1][5] = 3
    return batches


@pytest.mark.parametrize(
    ("batches", "error", "said"),
    [
        (BATCHES, IndexError("no row 7\nat all"),
         f"loss_function does not take 3 scores with {LABELS_OF_20}: no row 7"),
        (beyond(0), IndexError("no row 3\nat all"),
         "labels of batches do not fit 3 scores: in batch 1, no row 3\nat all"),
        (beyond(0), ValueError("no class 3"),
         f"loss_function does not take 3 scores with {LABELS_OF_20}: no class 3"),
        (beyond(1), IndexError("odd"),  # The first one stops it.
         f"loss_function does not take 3 scores with {LABELS_OF_20}: odd"),
        (BATCHES, KeyError(),
         f"loss_function does not take 3 scores with {LABELS_OF_20}: KeyError"),
    ],
)  # fmt: skip
def test_labels_are_to_blame_only_where_one_is_of_no_class_and_an_index_is_wrong(
    batches, error, said
):
    with pytest.raises(ValueError) as caught:
        checked(mlp(), batches, stops(error))
    assert str(caught.value) == said and caught.value.__cause__ is error


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_label_of_no_class_is_said_with_its_batch(place):
    with pytest.raises(ValueError) as caught:
        checked(mlp(), beyond(place))
    assert str(caught.value) == (
        f"labels of batches do not fit 3 scores: in batch {place + 1}, Target 3 is out of bounds."
    )


def test_a_network_that_runs_itself_by_a_function_is_named_with_its_cure():
    with pytest.raises(TypeError) as caught:
        checked(Through())
    assert str(caught.value) == (
        "network holds a function, a lambda say, that runs the network, which a copy would go on "
        "running: write it as a method of its class"
    )


class KeptByItsClass(GoesOn):
    every = []

    def __init__(self):
        super().__init__(lambda state: state)
        self.every.append(self)


def test_a_layer_that_its_class_keeps_is_named_with_its_cure():
    with pytest.raises(TypeError) as caught:
        checked(KeptByItsClass())
    assert str(caught.value) == (
        "network has a layer in KeptByItsClass.every, where its copies are not, so that nothing "
        "resets their state: make that state anew in forward"
    )


def stopping(*_):
    raise LookupError("gone")


def test_a_step_that_stops_with_copies_keeps_its_error_and_gets_a_note():
    with pytest.raises(LookupError, match="^gone") as caught:
        checked(mlp(), step=stopping)
    assert caught.value.__notes__ == [
        "check gives step copies: what it kept of the originals is not theirs"
    ]


def test_a_step_that_is_refused_gets_no_note(tmp_path):
    def step(*_):
        torch.save(IMAGES, tmp_path / "model.pt")

    with pytest.raises(ValueError, match="^step writes the file") as caught:
        checked(mlp(), step=step)
    assert not hasattr(caught.value, "__notes__")


def test_a_tool_with_hooks_in_the_network_is_named_with_its_cure():
    network = mlp()
    tool = Tool(network, list(network.parameters()))

    def step(*given):
        book(*given)
        raise LookupError(len(tool.weights))

    with pytest.raises(TypeError) as caught:
        checked(network, step=step)
    assert str(caught.value) == (
        "step uses a Tool that hooks of the network belong to: a copy of the network has hooks of "
        "a copy of it, so keep it in an attribute of optimizer, and let step call it there"
    )


def making_a_way_back(network, images, labels, loss_function, optimizer):
    network.function = torch.Tensor.sigmoid
    book(network, images, labels, loss_function, optimizer)


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (None, "network or loss_function has no gradient (ValueError no way): "
               "mend that, or training would stop there as well"),
        (book, "network or loss_function has no gradient (ValueError no way): "
               "mend that, or training would stop there as well"),
        (making_a_way_back,
         "network or loss_function has no gradient without step (ValueError no way): "
         "do before the check what step does before backward()"),
    ],
)  # fmt: skip
def test_a_way_back_that_only_a_step_makes_is_told_of(step, said):
    with pytest.raises(ValueError) as caught:
        checked(Gives(Spoils.apply), step=step)
    assert str(caught.value) == said


def summed(scores, labels):
    return F.cross_entropy(scores, labels, reduction="sum")


def turned(scores, labels):
    return -F.cross_entropy(scores, labels)


def squashed(scores, labels):
    return F.cross_entropy(scores.softmax(1), labels)


def blind(scores, labels):
    return scores.square().mean()


def never_a_number(scores, labels):
    return F.cross_entropy(scores, labels) / 0


def of_raw_scores(scores, labels):
    return F.nll_loss(scores, labels)


def with_a_loss_of_its_own(network, images, labels, _, optimizer):
    book(network, images, labels, F.multi_margin_loss, optimizer)


LOSSES = {
    summed: faults.LOSS_SUMMED,
    turned: faults.WRONG_WAY_UP,
    squashed: faults.SOFTMAX_TWICE,
    blind: faults.BLIND,
    never_a_number: faults.LOSS_NOT_FINITE,
    of_raw_scores: faults.RAW_SCORES,
}


@pytest.mark.parametrize("loss_function", LOSSES, ids=lambda loss: loss.__name__)
def test_a_fault_of_the_loss_is_none_of_a_step_that_has_its_own(loss_function):
    torch.manual_seed(0)
    network = mlp()
    options = {"loss_function": loss_function, "optimizer": sgd(network, 0.01)}
    assert LOSSES[loss_function] in checked(network, **options).faults
    report = checked(network, **options, step=with_a_loss_of_its_own)
    assert report.faults == ()
    assert report.unseen[0] == "the step's own loss (it never calls loss_function)"


def test_a_step_that_asks_the_loss_is_asked_about_it():
    torch.manual_seed(0)
    assert checked(mlp(), loss_function=summed, step=set_ups.book).faults == ("loss summed",)


def test_of_a_network_that_learns_nothing_no_more_is_asked():
    network = mlp().requires_grad_(False)
    # Large numbers, each class in a piece: of a network that learns, both would be said.
    batches = [(1000 * IMAGES[LABELS == k], LABELS[LABELS == k]) for k in range(3)]
    report = checked(network, batches)
    assert (report.faults, report.unseen) == ((faults.FROZEN,), ())
