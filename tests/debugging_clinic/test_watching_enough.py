"""What a step asks a loss, and when it has been watched long enough, each case by hand."""

import itertools
import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from debugging_clinic.set_ups import BATCHES, book, mlp
from debugging_clinic.watched_steps import (
    at_each,
    by_hand,
    clearing_late,
    losing,
    never_back,
    never_updating,
    ones,
    plain,
    watched,
)
from helpers.debugging_clinic import watching

# --- What the loss is asked ---


def right_of(images, known, handed, count=1):
    """Return what is told of labels that a step hands to the loss in the place of the batch's."""

    def step(network, images, labels, loss_function, optimizer):
        book(network, images, torch.tensor(handed), loss_function, optimizer)

    torch.manual_seed(0)
    network = nn.Linear(1, 3)
    seen = watching.Watch(network, plain(network))
    batch = torch.tensor(images, dtype=torch.float32)[:, None], torch.tensor(known)
    for _ in range(count):
        seen.take(step, batch, F.cross_entropy)
    return seen.loss.compared, seen.loss.right()


IN_TURN = [0, 1, 2] * 20


def right_at(count):
    """Return labels of which so many are right, and no two classes have changed names alone."""
    wrong = [(label + 1 + place // 3 % 2) % 3 for place, label in enumerate(IN_TURN)]
    return IN_TURN[:count] + wrong[count:]


@pytest.mark.parametrize(
    ("known", "handed", "expected"),
    [
        (IN_TURN, IN_TURN, (True, None)),  # All are right,
        (IN_TURN, right_at(48), (True, None)),  # or more than chance gets right,
        (IN_TURN, right_at(24), (True, 0.4)),  # or as many,
        (IN_TURN, right_at(15), (True, 0.25)),
        (IN_TURN, right_at(0), (True, 0.0)),  # or none.
        (IN_TURN, [1] * 60, (True, None)),  # One alone has no order.
        (IN_TURN, [1, 2, 0] * 20, (True, None)),  # The classes have other names,
        ([0, 0, 1, 1, 1], [1, 1, 0, 0, 0], (True, None)),
        ([0, 0, 1, 1], [1, 1, 0, 0], (True, 0.0)),  # unless it is by chance, with so few.
        (IN_TURN, [0, 0, 0] * 19 + [2, 0, 0], (True, 20 / 60 - 1 / 60)),
    ],
)
def test_labels_in_another_order_are_told_by_how_many_are_right(known, handed, expected):
    compared, right = right_of([*range(len(known))], known, handed)
    assert (compared, right) == (expected[0], pytest.approx(expected[1]))


def test_images_that_are_alike_and_have_two_labels_say_nothing():
    images = [1, 1, 2, 3, 4, 4, 4]
    # The first two are of 0 and 1; of the other five, two are right.
    known, handed = [0, 1, 2, 0, 1, 1, 1], [0, 1, 2, 2, 1, 0, 2]
    assert right_of(images, known, handed) == (True, pytest.approx(2 / 5))
    assert right_of(images, known, handed, count=3) == (True, pytest.approx(2 / 5))
    assert right_of([1, 1, 2, 2], [0, 1, 2, 0], [0, 1, 2, 0]) == (False, None)


TABLE = [[3.0, -2.0], [1.0, 5.0]]


@pytest.mark.parametrize(
    ("scores", "least"),
    [
        ([TABLE], -2.0),
        ([[[4.0, 3.0]], TABLE, [[0.0, 1.0]]], -2.0),
        ([TABLE, [1.0, 2.0]], -math.inf),  # Those are for one image each,
        ([[[]], TABLE], -math.inf),  # and there there are none.
        ([], math.inf),
    ],
)
def test_the_least_score_is_that_of_all_that_the_loss_is_asked_about(scores, least):
    seen = watched(book, count=0)
    seen.loss.begin(BATCHES[0])
    for some in scores:
        seen.loss.asked(torch.zeros(()), torch.tensor(some), torch.tensor([0]))
    assert (seen.loss.asks, seen.loss.least) == (len(scores), least)


def test_a_batch_of_zeros_is_of_the_size_of_one():
    seen = watched(book, count=0)
    seen.loss.begin((torch.zeros(2, 3), torch.tensor([0, 1])))
    seen.loss.scored([torch.full((2, 3), -0.5), torch.ones(2, 3)])
    assert seen.loss.sizes == [0.5]  # Of the first alone.


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_a_size_is_the_root_of_the_mean_square_in_any_type(dtype):
    images = torch.tensor([[3.0, -4.0]], dtype=dtype, requires_grad=True)
    assert watching.size_of(images) == pytest.approx(12.5**0.5)
    assert watching.size_of(300 * images.detach()) == pytest.approx(300 * 12.5**0.5)


@pytest.mark.parametrize(
    ("scores", "are"),
    [
        ([[0.25, 0.75], [1.0, 0.0], [0.5, 0.5]], True),
        ([[0.25, 0.7509]], True),
        ([[0.25, 0.7511]], False),
        ([[0.25, 0.7489]], False),
        ([[0.25, 0.25], [0.75, 0.75]], False),  # Those of each class do.
        ([[0.5, 0.5], [0.5, 0.6]], False),
        ([0.25, 0.75], False),
        ([[[0.5], [0.5]]], False),
        ([[1.0]], True),
    ],
)
def test_probabilities_of_each_image_and_their_logarithms_add_up_to_one(scores, are):
    scores = torch.tensor(scores)
    assert watching.are_probabilities(scores) == are
    assert watching.are_logarithms(scores.log()) == are
    assert not watching.are_probabilities(scores.log()) or not are
    assert not watching.are_probabilities(torch.tensor([[1.5, -0.5]]))


@pytest.mark.parametrize(("cosine", "along"), [(0.99991, True), (0.99989, False), (-1.0, False)])
def test_gradients_point_the_same_way_but_for_rounding(cosine, along):
    one = torch.tensor([[3.0], [0.0]], dtype=torch.float64)
    other = 7 * torch.tensor([[cosine], [(1 - cosine**2) ** 0.5]], dtype=torch.float64)
    assert watching._is_along(one, other) == along


# --- When it has seen enough ---


def test_an_optimizer_clears_its_gradients_or_they_are_cleared_for_it():
    class Clears(torch.optim.SGD):
        def zero_grad(self):
            cleared.append(1)

    class Wraps:
        """Has left out what its base would have made."""

        def __init__(self, weights):
            self.param_groups = [{"params": weights[:1]}, {"params": weights[1:]}]

        def zero_grad(self):
            raise AttributeError("_zero_grad_profile_name")

    cleared, weights = [], ones(3)
    for make in (lambda w: torch.optim.SGD(w, lr=1), Wraps):
        for weight in weights:
            weight.grad = torch.ones(1)
        watching.clear(make(weights))
        assert [weight.grad for weight in weights] == [None] * 3
    watching.clear(Clears(weights, lr=1))
    assert cleared == [1]


def idle(*_):
    """Do nothing."""


def idle_but_at(*places):
    calls = itertools.count(1)
    return lambda *given: book(*given) if next(calls) in places else None


def keeping_at(*places, goes_back=True):
    """Return a step that keeps the graph of some of its losses."""
    calls, kept = itertools.count(1), []

    def step(network, images, labels, loss_function, optimizer):
        loss = loss_function(network(images), labels)
        if next(calls) in places:
            kept.append(loss)
        if goes_back:
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return step


class Late(nn.Module):
    """Has a weight that no score hangs on before so many calls."""

    def __init__(self, count):
        super().__init__()
        self.layers, self.late, self.calls, self.count = mlp(), ones(1)[0], 0, count

    def forward(self, images):
        self.calls += 1
        return self.layers(images) * (self.late if self.calls >= self.count else 1)


def never_clearing_at_each(count):
    calls = itertools.count(1)

    def step(network, images, labels, loss_function, optimizer):
        loss_function(network(images), labels).backward()
        if next(calls) % count == 0:
            optimizer.step()

    return step


def moving_at(place):
    """Return a step that moves the weights by hand, and at one batch for the first time."""
    calls = itertools.count(1)
    return lambda *given: by_hand(-1 if next(calls) >= place else 0)(*given)


ENOUGH = {
    "by the book": (book, 4),
    "cleared late": (clearing_late, 4),  # That is seen at once,
    "by hand": (by_hand(-1), 4),
    "by hand, late": (moving_at(6), 7),
    "never cleared": (losing, 4),
    "nothing": (idle, 12),  # and where no gradient comes, there may be none.
    "an update without gradients": (never_back, 4),
    "trains late": (idle_but_at(11, 12, 13), 12),
    "trains at last": (idle_but_at(12, 13), 13),
    "trains too late": (idle_but_at(13, 14), 12),
    "no update": (never_updating, 130),
    "an update for three": (at_each(3), 4),
    "an update for four": (at_each(4), 5),
    "an update for ten": (at_each(10), 11),
    "from the first one on": (at_each(10, at=1), 11),
    "wiped over six": (at_each(6, clears_first=True), 7),
    "never cleared over six": (never_clearing_at_each(6), 12),
    "one graph kept": (keeping_at(1), 24),
    "a graph of the last": (keeping_at(4), 4),
    "a second graph later": (keeping_at(1, 9), 10),
    "two graphs kept": (keeping_at(1, 2), 4),
    "one graph kept and none gone back": (keeping_at(1, goes_back=False), 12),
    "a weight left out": (book, 24, lambda: Late(99)),
    "a weight that comes late": (book, 9, lambda: Late(9)),
}


@pytest.mark.parametrize("name", ENOUGH)
def test_a_step_is_watched_until_it_is_clear_what_it_does(name):
    step, expected, *network = ENOUGH[name]
    torch.manual_seed(0)
    network = (network or [mlp])[0]()
    seen = watching.Watch(network, plain(network))
    watching.watch(seen, step, F.cross_entropy, BATCHES)
    assert seen.taken == expected


def test_a_step_gets_the_batches_in_turn_and_begins_without_gradients():
    given = []

    def step(network, images, labels, loss_function, optimizer):
        gradients = [weight.grad for weight in network.parameters()]
        given.append((images, labels, gradients == [None] * 4))
        book(network, images, labels, loss_function, optimizer)

    torch.manual_seed(0)
    network = mlp()
    F.cross_entropy(network(BATCHES[0][0]), BATCHES[0][1]).backward()
    seen = watching.Watch(network, plain(network))
    watching.watch(seen, step, F.cross_entropy, BATCHES)
    assert [is_clear for *_, is_clear in given] == [True, False, False, False]
    for (images, labels, _), (own, its) in zip(given, [*BATCHES, BATCHES[0]], strict=True):
        assert images is own and labels is its
