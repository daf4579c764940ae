"""The first updates of a copy, by the book or with Adam, are those that its set-up asks for."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from debugging_clinic.rehearsed import setup
from debugging_clinic.set_ups import BATCHES, IMAGES, LABELS, book, mlp, sgd
from helpers.debugging_clinic import rehearsal
from helpers.debugging_clinic.rehearsal import Updates


@pytest.mark.parametrize(
    ("losses", "guess", "climbs"),
    [
        ([1.0, 4.0, 1.0, 1.0, 1.0, 1.0, 1.0], 1.0, False),  # Four times is a hop,
        ([1.0, 4.1, 1.0, 1.0, 1.0, 1.0, 1.0], 1.0, True),  # and more is none.
        ([1.0, 4.1, 1.0, 1.0, 1.0, 1.0, 1.0], 1.1, False),  # A guess may cost more than the start,
        ([1.1, 4.1, 1.0, 1.0, 1.0, 1.0, 1.0], 1.0, False),  # or less.
        ([1.0, 1.0, *[1.5] * 5], 1.0, False),
        ([1.0, 1.0, *[1.5] * 4, 1.6], 1.0, True),
        ([1.0, 3.0, *[1.5] * 5], 1.0, False),  # Only the last five count.
        ([1.0, 3.0, *[1.4] * 4, 2.0], 1.0, True),
        ([1.0, math.nan], 1.0, True),
        ([1.0, math.inf], 1.0, True),
        ([1.0], 0.1, False),
    ],
)
def test_a_climb_is_more_than_a_hop(losses, guess, climbs):
    assert Updates(losses, "", guess, [], []).climb == climbs


@pytest.mark.parametrize(
    ("group", "rate"),
    [
        ({"lr": 0.5, "initial_lr": 0.25}, 0.5),
        ({"lr": 0.0, "initial_lr": 0.25}, 0.25),
        ({"lr": torch.tensor(0.5)}, 0.5),
        ({"lr": 0.0}, 0.0),
        ({}, 0.0),
    ],
)
def test_a_rate_is_what_stands_there_or_what_a_schedule_leads_to(group, rate):
    found = rehearsal.rate_of(group)
    assert found == rate and type(found) is float


def by_formula(network, batches, rate, decay, updates):
    weights, losses = [w.detach().clone() for w in network.parameters()], []
    for _ in range(updates):
        images, labels = batches[len(losses) % len(batches)]
        weight, bias = (w.requires_grad_() for w in weights)
        loss = F.cross_entropy(images @ weight.T + bias, labels)
        gradients = torch.autograd.grad(loss, [weight, bias])
        losses.append(loss.item())
        pairs = zip(weights, gradients, strict=True)
        weights = [w.detach() * (1 - rate * decay) - rate * g for w, g in pairs]
    return losses


@pytest.mark.parametrize(
    ("group", "options", "rate", "decay"),
    [
        ({}, {}, 0.25, 0.5),
        ({}, {"factor": 0.5}, 0.125, 0.5),
        ({}, {"decays": False}, 0.25, 0.0),
        ({"lr": 0.0, "initial_lr": 0.75}, {}, 0.75, 0.5),
        ({"lr": 0.0, "initial_lr": 0.75}, {"factor": 2.0}, 1.5, 0.5),
        ({"initial_lr": 0.75}, {}, 0.25, 0.5),
        ({"initial_lr": 0.75}, {"warm": True}, 0.75, 0.5),
        ({"max_lr": 0.75}, {}, 0.25, 0.5),
        ({"max_lr": 0.75}, {"warm": True, "factor": 2.0}, 1.5, 0.5),
        ({"lr": 0.0625}, {"warm": True}, 0.125, 0.5),  # What a schedule has brought the other to.
    ],
)
def test_first_updates_take_the_rate_and_the_decay_that_are_asked_for(group, options, rate, decay):
    torch.manual_seed(0)
    network = nn.Linear(8, 3)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.25, weight_decay=0.5)
    optimizer.param_groups[0].update(group)
    groups = [dict(each) for each in optimizer.param_groups]
    handed = torch.optim.SGD(network.parameters(), lr=0.125)
    found = rehearsal.first_updates(setup(network, optimizer, handed=handed), **options)
    expected = by_formula(network, BATCHES, rate, decay, 20)
    assert found.losses == pytest.approx(expected, rel=1e-4)
    assert found.stopped == "" and found.guess == math.log(3)
    assert (found.unreached, found.still) == ([], [])
    assert [dict(each) for each in optimizer.param_groups] == groups
    assert all(weight.grad is None for weight in network.parameters())


def test_first_updates_name_what_no_gradient_reaches_and_what_stays_where_it_is():
    class Partly(nn.Module):
        def __init__(self):
            super().__init__()
            self.used, self.spare, self.steady = nn.Linear(8, 3), nn.Linear(8, 3), nn.Linear(3, 3)
            self.frozen = nn.Linear(3, 3).requires_grad_(False)

        def forward(self, images):
            return self.frozen(self.steady(self.used(images)))

    network = Partly()
    groups = [
        {"params": [*network.used.parameters(), *network.spare.parameters()]},
        {"params": network.steady.parameters(), "lr": 0.0},
    ]
    found = rehearsal.first_updates(setup(network, torch.optim.SGD(groups, lr=0.1)))
    assert len(found.losses) == 20
    assert found.unreached == ["spare.weight", "spare.bias"]
    assert found.still == ["steady.weight", "steady.bias"]


@pytest.mark.parametrize(("size", "still"), [(1e-3, ["weight"]), (1e-7, [])])
def test_a_gradient_that_may_be_rounding_moves_nothing_and_is_no_fault(size, still):
    """Beside a weight of 100, a gradient of 1e-3 is 1e-5 of it; beside one below 1, it is 1e-3."""
    network = nn.Linear(8, 3, bias=False)

    def loss_function(scores, labels):
        return size * F.cross_entropy(scores, labels)

    found = rehearsal.first_updates(setup(network, sgd(network, lr=0.0), loss_function))
    assert (found.unreached, found.still) == ([], still)


@pytest.mark.parametrize(
    ("weight", "gradient", "beside"),
    [([0.5, -0.25], [0.0, -0.3], 0.3), ([2.0, -4.0], [0.5, -1.0], 0.25), ([1.0], None, 0.0)],
)
def test_a_gradient_is_told_in_units_of_the_largest_weight_or_of_one(weight, gradient, beside):
    parameter = nn.Parameter(torch.tensor(weight))
    parameter.grad = None if gradient is None else torch.tensor(gradient)
    assert rehearsal._gradient_beside(parameter) == pytest.approx(beside)
    if gradient:
        parameter.grad = parameter.grad.to_sparse()
        assert rehearsal._gradient_beside(parameter) == pytest.approx(beside)


def test_an_optimizer_that_does_not_step_leaves_the_first_loss_and_says_why():
    class Stops(torch.optim.SGD):
        def step(self):
            raise LookupError("no second half")

    network = mlp()
    found = rehearsal.first_updates(setup(network, Stops(network.parameters())))
    assert found.stopped == "step() raises LookupError" and len(found.losses) == 1
    assert (found.unreached, found.still) == ([], [])


def test_first_updates_end_at_a_loss_that_is_no_number():
    losses = iter([1.0, 2.0, math.nan, 3.0])

    def loss_function(scores, labels):
        return 0 * scores.sum() + next(losses)

    found = rehearsal.first_updates(setup(mlp(), loss_function=loss_function))
    assert found.losses[:2] == [1.0, 2.0] and len(found.losses) == 3


def test_an_optimizer_that_asks_for_a_closure_gets_one_that_computes_the_loss_again():
    asked = []

    class Asks(torch.optim.SGD):
        def step(self, closure):
            asked.append(float(closure()))
            with torch.no_grad():  # As LBFGS does.
                closure()
            super().step()

    torch.manual_seed(0)
    network = nn.Linear(8, 3)
    found = rehearsal.first_updates(setup(network, Asks(network.parameters(), lr=0.25)))
    assert found.losses == asked == pytest.approx(by_formula(network, BATCHES, 0.25, 0, 20), 1e-4)


# --- Learning ---


def test_learning_is_done_with_adam_at_the_rate_for_as_many_updates():
    torch.manual_seed(0)
    network, twin = mlp(), mlp()
    twin.load_state_dict(network.state_dict())
    losses = list(rehearsal.learn(setup(network), network, BATCHES, 0.01, 7))
    adam, expected = torch.optim.Adam(twin.parameters(), 0.01), []
    for images, labels in [*BATCHES, *BATCHES, *BATCHES][:7]:
        expected.append(float(book(twin, images, labels, F.cross_entropy, adam)))
    assert losses == pytest.approx(expected, rel=1e-4)


def test_where_nothing_is_to_be_trained_nothing_is_learnt():
    network = mlp().requires_grad_(False)
    assert list(rehearsal.learn(setup(network), network, BATCHES, 0.01, 7)) == []


def test_only_what_learns_is_trained_and_sparse_gradients_are_switched_off():
    class Tokens(nn.Module):
        def __init__(self):
            super().__init__()
            self.table = nn.Embedding(3, 4, sparse=True)
            self.bag, self.fixed = nn.EmbeddingBag(3, 4, sparse=True), nn.Linear(4, 3)
            self.fixed.requires_grad_(False)

        def forward(self, images):
            tokens = images[:, :3].argmax(dim=1)
            return self.fixed(self.table(tokens) + self.bag(tokens[:, None]))

    network = Tokens()
    fixed = network.fixed.weight.clone()
    losses = list(rehearsal.learn(setup(network), network, [(IMAGES, LABELS)], 0.05, 40))
    assert losses[-1] < 0.7 * losses[0] and torch.equal(network.fixed.weight, fixed)
    assert not network.table.sparse and not network.bag.sparse


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_learning_works_in_other_types(dtype):
    torch.manual_seed(0)
    network = mlp().to(dtype)
    batches = [(images.to(dtype), labels) for images, labels in BATCHES]
    losses = list(rehearsal.learn(setup(network, sample=batches), network, batches, 0.05, 20))
    assert all(map(math.isfinite, losses)) and losses[-1] < losses[0]
