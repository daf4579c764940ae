"""Which cure a refusal names, and that nothing is refused, or cured, that is not amiss."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.optim import lr_scheduler

from fashion_mnist_pipeline.fitting import X, Y, fit, in_batches, network, sgd
from helpers.fashion_mnist_pipeline import training


def said_by(call, *arguments, **options) -> str:
    with pytest.raises((TypeError, ValueError)) as caught:
        call(*arguments, **options)
    return str(caught.value)


class Asks(nn.Linear):
    """Takes what passes, and says why it does not take the rest."""

    def __init__(self, passes, words="not so", change=lambda scores: scores):
        super().__init__(6, 3)
        self.passes, self.words, self.change = passes, words, change

    def forward(self, x):
        if not self.passes(self, x):
            raise RuntimeError(self.words)
        return self.change(super().forward(x.reshape(*x.shape[:-1], -1)[..., :6]))


GIVEN = "the network does not take images of shape (30, 6) and dtype torch.float32: not so"


def with_an_axis(net, x):
    return x.dim() == 3


@pytest.mark.parametrize("call", [fit, lambda net, some: training.evaluate(net, some, cross)])
def test_a_cure_is_what_gives_one_row_of_scores_for_each_image(call):
    assert said_by(call, Asks(with_an_axis), [(X, Y)]) == GIVEN  # Of shape (30, 1, 3).
    flat = Asks(with_an_axis, change=lambda scores: scores[:, 0])
    assert said_by(call, flat, [(X, Y)]) == f"{GIVEN}; it does take images.unsqueeze(1)"


def cross(scores, labels):
    return F.cross_entropy(scores, labels)


def test_what_a_copy_takes_as_it_is_has_no_cure():
    net = Asks(lambda net, _: not net.training)
    assert said_by(fit, net, [(X, Y)]) == GIVEN


def test_a_cure_is_tried_on_a_network_that_does_not_learn():
    """Else one image would be too few for batch norm, and no cure found."""
    net = nn.Sequential(nn.Linear(6, 4), nn.BatchNorm1d(4), nn.Linear(4, 3))
    for one in (X[:1], X[:2]):
        said = said_by(fit, net, [(one.double(), Y[: len(one)])])
        assert said.endswith("; it does take images.to(torch.float32)")


TOO_FEW = "Expected more than 1 value per channel when training, got input size [1, 4]"


@pytest.mark.parametrize(("count", "blamed"), [(1, True), (2, False), (30, False)])
def test_a_batch_is_called_too_small_only_where_it_holds_one_image(count, blamed):
    net = Asks(lambda net, _: not net.training, TOO_FEW)
    said = said_by(fit, net, [(X[:count], Y[:count])])
    if blamed:
        assert said.startswith("batch 1 of epoch 1 holds one image, too few for batch norm: ")
    else:
        shape = f"images of shape ({count}, 6) and dtype torch.float32"
        assert said == f"the network does not take {shape}: {TOO_FEW}"
    alone = said_by(fit, Asks(lambda net, _: False), [(X[:1], Y[:1])])
    assert alone.startswith("the network does not take images of shape (1, 6)")


def test_only_of_class_numbers_and_tokens_the_range_is_told():
    for images, told in (
        ((10 * X).long().clamp(-3, 7), ", -3 to 7"),
        ((10 * X).int().clamp(-3, 7), ""),
    ):
        said = said_by(fit, Asks(lambda net, _: False), [(images, Y)])
        given = f"images of shape (30, 6) and dtype {images.dtype}{told}"
        assert said == f"the network does not take {given}: not so"


def test_what_never_learns_may_be_infinite():
    net = network()
    net.mask = nn.Parameter(torch.tensor([0.0, -math.inf]), requires_grad=False)
    assert len(fit(net, optimizer=sgd(net), epochs=2).loss) == 2


@pytest.mark.parametrize(("total", "refused"), [(4, False), (3, True)])
def test_of_schedules_one_after_the_other_only_the_last_has_to_reach_the_end(total, refused):
    net = network()
    optimizer = sgd(net)
    cycles = [
        lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=steps, cycle_momentum=False)
        for steps in (3, total)
    ]
    schedule = lr_scheduler.SequentialLR(optimizer, cycles, milestones=[2])
    options = {"optimizer": optimizer, "schedule": schedule, "epochs": 2}  # Told six times.
    if refused:
        cure = "make it with total_steps=4"
        sentence = f"schedule has 3 steps left and would be told 4: {cure}"
        assert said_by(fit, net, **options) == sentence
    else:
        assert len(fit(net, in_batches(X, Y), **options).loss) == 2


class TakesAnything(training.MomentumSGD):
    def step(self, *arguments, **options):
        assert not arguments and not options
        super().step()


def test_an_optimiser_that_takes_anything_asks_for_nothing():
    net = network()
    assert len(fit(net, optimizer=TakesAnything(net.parameters(), lr=0.1)).loss) == 1


class Understates:
    """Is walked from its beginning each time, and is longer than it says."""

    def __len__(self):
        return 2

    def __iter__(self):
        return iter(in_batches(X, Y))


def test_what_is_longer_than_it_says_is_walked_to_its_end():
    assert len(training.evaluate(network(), Understates(), F.cross_entropy).labels) == 30
    assert len(fit(network(), Understates(), epochs=2).loss) == 2
