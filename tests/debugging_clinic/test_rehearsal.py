"""Copies are trained and looked at: what they share, what they leave alone, what is found there."""

import math
import operator

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from debugging_clinic.rehearsed import setup
from debugging_clinic.runs import same
from debugging_clinic.set_ups import BATCHES, IMAGES, book, mlp, sgd
from helpers.debugging_clinic import rehearsal

# --- Copies ---


def test_copies_of_network_and_optimizer_belong_together_and_to_nobody_else():
    network = mlp()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.3, momentum=0.5)
    for batch in BATCHES[:2]:
        book(network, *batch, F.cross_entropy, optimizer)
    before = [weight.detach().clone() for weight in network.parameters()]
    twin, its = rehearsal.copies(network, optimizer)
    assert type(its) is torch.optim.SGD and its.param_groups[0]["lr"] == 0.3
    held = its.param_groups[0]["params"]
    assert all(map(operator.is_, held, twin.parameters())) and len(held) == 4
    velocities, its_own = (
        [optimizer.state[w]["momentum_buffer"] for w in network.parameters()],
        [its.state[w]["momentum_buffer"] for w in twin.parameters()],
    )
    assert same(velocities, its_own) and not any(map(operator.is_, velocities, its_own))
    velocities = [velocity.clone() for velocity in velocities]
    book(twin, *BATCHES[0], F.cross_entropy, its)
    assert same(before, list(network.parameters()))
    assert not any(map(torch.equal, before, twin.parameters()))
    assert same(velocities, [optimizer.state[w]["momentum_buffer"] for w in network.parameters()])


def test_a_copied_optimizer_trains_weights_that_are_not_the_networks_where_they_are():
    network, shift = mlp(), torch.zeros(3, requires_grad=True)
    _, its = rehearsal.copies(network, torch.optim.SGD([*network.parameters(), shift], lr=0.1))
    assert its.param_groups[0]["params"][-1] is shift


def rule():
    """No method of any class."""


@pytest.mark.parametrize("name", ["step", "zero_grad"])
def test_what_stands_in_for_a_method_of_an_optimizer_moves_the_original_alone(name):
    network = mlp()
    optimizer = sgd(network)
    setattr(optimizer, name, lambda *_: None)
    optimizer.note, optimizer.rule = ["kept"], rule
    optimizer.profile_hook_step = "no function"  # By a name of the class.
    _, its = rehearsal.copies(network, optimizer)
    assert name not in vars(its) and its.note == ["kept"] and its.note is not optimizer.note
    assert its.rule is rule and its.profile_hook_step == "no function"


@pytest.mark.parametrize(
    ("place", "has_graph"), [("network.0", False), ("network", False), ("optimizer", False)]
)
def test_what_cannot_be_copied_is_told_by_its_place(place, has_graph):
    network = mlp()
    optimizer = sgd(network)
    rows = iter(row for row in ())
    {"network.0": network[0], "network": network}.get(place, optimizer).rows = rows
    with pytest.raises(rehearsal.NotCopied) as caught:
        rehearsal.copies(network, optimizer)
    error = caught.value
    assert (error.place, error.value, error.has_graph) == (f"{place}.rows", rows, has_graph)
    cure = f"the check works on copies, so set {place}.rows to None, or take it out, until then"
    assert str(error).endswith(f", which cannot be copied: {cure}")


def test_a_graph_that_cannot_be_copied_is_told_from_other_things():
    reasons = ["Only Tensors created explicitly support the deepcopy protocol", "cannot pickle"]
    for reason, has_graph in zip(reasons, (True, False), strict=True):
        assert rehearsal.NotCopied("network.seen", 1, reason).has_graph == has_graph


def test_a_network_that_can_be_copied_by_no_part_is_told_of_as_a_whole():
    class Alone(nn.Linear):
        def __deepcopy__(self, memo):
            raise ValueError("there is one of me")

    network = Alone(8, 3)
    with pytest.raises(rehearsal.NotCopied) as caught:
        rehearsal.copies(network, sgd(network))
    assert (caught.value.place, caught.value.value) == ("network", network)


def test_a_twin_has_the_attributes_of_parameters_and_those_that_share_their_numbers_still_do():
    network = mlp()
    network.again = nn.Parameter(network[0].weight)
    network[0].weight.uses = [1]
    twin = rehearsal.twin_of(network)
    assert twin[0].weight.uses == [1] and twin[0].weight.uses is not network[0].weight.uses
    assert twin.again is not twin[0].weight
    assert twin.again.data_ptr() == twin[0].weight.data_ptr() != network.again.data_ptr()
    # A part of another one's numbers is not all of them, nor is a view of another shape.
    network.again = nn.Parameter(network[0].weight.data.reshape(8, 12))
    twin = rehearsal.twin_of(network)
    assert twin.again.shape == (8, 12) and twin.again.data_ptr() != twin[0].weight.data_ptr()


class SetsNothing(nn.Linear):
    """Has a train() of its own that returns nothing."""

    def train(self, mode=True):
        super().train(mode)
        self.called = mode


class Trains(nn.Linear):
    """Has one that trains."""

    def train(self, loader):
        raise AssertionError("nobody asked for that")


class TakesNothing(nn.Linear):
    def train(self):
        raise AssertionError("nobody asked for that")


class TakesAny(nn.Linear):
    def train(self, *given):
        super().train(*given)
        self.called = given[0] if given else True


class TakesMore(nn.Linear):
    """By itself, it does not train but evaluates."""

    def train(self, mode=False, loud=None):
        super().train(mode)
        self.called = mode


@pytest.mark.parametrize("mode", ["train", "eval"])
@pytest.mark.parametrize("kind", [nn.Linear, SetsNothing, Trains, TakesNothing, TakesAny])
def test_a_twin_is_in_the_mode_asked_for_whatever_train_does(kind, mode):
    network = nn.Sequential(nn.Dropout(), kind(8, 3))
    for module in network.modules():
        module.training = mode != "train"
    twin = rehearsal.twin_in(mode, network)
    assert [m.training for m in twin.modules()] == [mode == "train"] * 3
    assert [m.training for m in network.modules()] == [mode != "train"] * 3
    if kind in (SetsNothing, TakesAny):
        assert twin[1].called == (mode == "train") and not hasattr(network[1], "called")


def test_a_twin_is_given_back_by_a_network_whose_own_train_returns_nothing():
    for mode in ("train", "eval"):
        twin = rehearsal.twin_in(mode, SetsNothing(8, 3))
        assert isinstance(twin, SetsNothing) and twin.called == (mode == "train")
    assert rehearsal._sets_a_mode(TakesMore.train)


def test_what_a_call_made_of_the_weights_is_copied_without_sharing_its_numbers():
    network = nn.Sequential(nn.utils.weight_norm(nn.Linear(8, 3)))
    network[0].seen = network(IMAGES[:2])
    twin, _ = rehearsal.copies(network, sgd(network))
    for name in ("weight", "seen"):
        one, other = getattr(network[0], name), getattr(twin[0], name)
        assert torch.equal(one, other) and one.data_ptr() != other.data_ptr()
        assert not other.requires_grad


def test_an_optimizer_that_the_network_holds_is_copied_with_all_that_it_holds():
    network = mlp()
    network.own = torch.optim.Adam(network.parameters(), lr=0.03)
    for weight in network.parameters():
        weight.grad = torch.ones_like(weight)
    network.own.step()
    twin, _ = rehearsal.copies(network, sgd(network))
    assert all(map(operator.is_, twin.own.param_groups[0]["params"], twin.parameters()))
    assert twin.own.param_groups[0]["lr"] == 0.03
    for weight, its in zip(network.parameters(), twin.parameters(), strict=True):
        assert same(network.own.state[weight], twin.own.state[its])


# --- What a network holds ---


def test_what_a_call_left_is_found_by_module_attribute_and_leaf():
    network = mlp()
    hidden = network[0](IMAGES[:2])
    network[0].hidden = [hidden, IMAGES]
    network[2].register_buffer("mean", hidden.mean())
    network.own = network[0].weight  # A leaf,
    network.other = torch.ones(2, requires_grad=True) * 2  # and no weight of it.
    network[0].last = network[2].bias  # A leaf again, by another name.
    found = list(rehearsal.left_by_a_call(network))
    assert [names for *names, _ in found] == [["0", "hidden"], ["2", "mean"]]
    assert found[0][2] is hidden and found[1][2] is network[2].mean
    assert set(rehearsal.leaves_of(hidden)) == {network[0].weight, network[0].bias}


def test_leaves_beside_the_parameters_are_named_by_module_attribute_and_place():
    network = mlp()
    network.mix = [torch.zeros(2), torch.zeros(3, requires_grad=True)]
    network[2].scale = torch.ones((), requires_grad=True)
    network[0].made = network[2].scale * 2
    found = dict(rehearsal.leaves_held_by(network))
    assert list(found) == ["mix.1", "2.scale.0"]
    assert found["mix.1"] is network.mix[1] and found["2.scale.0"] is network[2].scale


def test_tensors_are_found_in_lists_and_tuples_and_alone():
    one, other = torch.zeros(1), torch.ones(1)
    for value, found in [(one, [one]), ([one, 2, other], [one, other]), ((other,), [other]),
                         (None, []), ({"one": one}, [])]:  # fmt: skip
        assert list(map(id, rehearsal.tensors_in(value))) == list(map(id, found))


@pytest.mark.parametrize("collection", [list, set, tuple])
def test_a_class_that_keeps_its_modules_is_told_of(collection):
    class Kept(nn.Linear):
        every = collection()

    class Child(Kept):
        pass

    network = nn.Sequential(nn.Linear(8, 8), Child(8, 3))
    assert rehearsal.kept_by_a_class(network) == ""
    Kept.every = collection([nn.Linear(1, 1), network[1]])
    named = "" if collection is tuple else "Kept.every"
    assert rehearsal.kept_by_a_class(network) == named
    Kept.every = collection([nn.Linear(1, 1)])
    assert rehearsal.kept_by_a_class(network) == ""


# --- Scores ---


class Gives(nn.Module):
    def __init__(self, *parts, kind=tuple):
        super().__init__()
        self.layer, self.parts, self.kind = mlp(), parts, kind

    def forward(self, images):
        scores = self.layer(images)
        return self.kind(scores if part == "scores" else part for part in self.parts)


@pytest.mark.parametrize("kind", [tuple, list])
@pytest.mark.parametrize("place", [0, 1, 2, 3])
def test_the_noted_part_is_taken_for_the_scores_or_the_first(kind, place):
    network = Gives(1, 2, 3, kind=kind)
    assert rehearsal.scores_of(network, IMAGES) == 1
    vars(network)["_place_of_scores"] = place
    # In evaluation mode there may be fewer parts.
    assert rehearsal.scores_of(network, IMAGES) == (1, 2, 3, 1)[place]
    assert rehearsal.scores_of(Gives(kind=kind), IMAGES) == kind()
    assert torch.equal(rehearsal.scores_of(network.layer, IMAGES), network.layer(IMAGES))


HIDDEN, COLUMN = torch.zeros(20, 8), torch.zeros(20, 1)
UNLIKE = [COLUMN, torch.zeros(19, 3), torch.zeros(20, 3).long(), torch.zeros(20), None]


@pytest.mark.parametrize(
    ("parts", "place"),
    [((part, "scores"), 1) for part in UNLIKE]
    + [((HIDDEN, "scores"), 1), (("scores", HIDDEN), 0), ((COLUMN, HIDDEN, "scores", HIDDEN), 2)],
)
def test_the_scores_are_what_the_loss_is_asked_about(parts, place):
    def step(network, images, labels, loss_function, optimizer):
        optimizer.zero_grad()
        loss_function(network(images)[place], labels).backward()
        optimizer.step()

    network = Gives(*parts)
    before = [weight.detach().clone() for weight in network.parameters()]
    rehearsal.find_the_scores(network, sgd(network), step, F.cross_entropy, BATCHES[0])
    assert vars(network)["_place_of_scores"] == place
    assert same(before, list(network.parameters()))
    untold = Gives(*parts)
    rehearsal.find_the_scores(untold, sgd(untold), None, F.cross_entropy, BATCHES[0])
    assert "_place_of_scores" not in vars(untold)


@pytest.mark.parametrize("part", UNLIKE)
def test_of_a_step_that_never_asks_the_loss_the_first_table_of_scores_is_taken(part):
    def step(network, images, labels, _, optimizer):
        optimizer.zero_grad()
        F.multi_margin_loss(network(images)[2], labels).backward()
        optimizer.step()

    network = Gives(part, HIDDEN, "scores")
    rehearsal.find_the_scores(network, sgd(network), step, F.cross_entropy, BATCHES[0])
    assert vars(network)["_place_of_scores"] == 1


def test_of_several_calls_the_last_says_what_the_loss_is_asked_about():
    seen = []

    def step(network, images, labels, loss_function, optimizer):
        seen.append(1)
        network(images)
        loss_function(network(images)[1], labels).backward()
        optimizer.step()

    network = Gives(HIDDEN, "scores")
    rehearsal.find_the_scores(network, sgd(network), step, F.cross_entropy, BATCHES[0])
    assert vars(network)["_place_of_scores"] == 1 and seen == []


class NeedsAGraph(nn.Linear):
    """Takes a gradient on the way, as some energies do."""

    def forward(self, images):
        scores = super().forward(images)
        torch.autograd.grad(scores.sum(), self.weight, retain_graph=True)
        return scores


@pytest.mark.parametrize("kind", [nn.Linear, NeedsAGraph])
def test_scores_are_seen_without_a_graph(kind):
    network = kind(8, 3)
    with torch.enable_grad():
        seen = rehearsal.seen_of(network, IMAGES)
    assert not seen.requires_grad
    assert torch.allclose(seen, IMAGES @ network.weight.T + network.bias)
    assert rehearsal.seen_of(network, IMAGES, lambda one, given: (one, given)) == (network, IMAGES)


class GoesOn(nn.Linear):
    """A layer whose hidden state goes from call to call, with its graph or without."""

    def __init__(self, keep):
        super().__init__(8, 3)
        self.keep, self.state = keep, 0.0

    def forward(self, images):
        scores = super().forward(images) + self.state
        self.state = self.keep(scores.mean())
        return scores


@pytest.mark.parametrize(("keep", "does"), [(lambda s: s, True), (torch.Tensor.detach, False)])
def test_a_call_goes_on_with_the_graph_of_the_last_one(keep, does):
    network = GoesOn(keep)
    assert rehearsal.goes_on(network, IMAGES) == does and network.state == 0.0
    sums = [0.0]

    def add(scores):
        sums.append(sums.pop() + keep(scores.sum()))
        return sums[0]

    assert rehearsal.goes_on(nn.Linear(8, 3), IMAGES, add) == does
    assert sums == [0.0]


class Remembers(nn.Linear):
    """A layer with a running mean, which has no part in the scores."""

    def __init__(self, keep):
        super().__init__(8, 3)
        self.keep, self.mean = keep, 0.0

    def forward(self, images):
        scores = super().forward(images)
        self.mean = 0.9 * self.keep(torch.as_tensor(self.mean)) + 0.1 * scores.mean()
        return scores


@pytest.mark.parametrize(("keep", "does"), [(lambda s: s, True), (torch.Tensor.detach, False)])
def test_what_a_call_leaves_beside_the_scores_may_go_on_too(keep, does):
    assert rehearsal.goes_on(Remembers(keep), IMAGES) == does


# --- A set-up ---


def test_labels_that_are_of_no_class_are_left_out_but_not_all_of_them():
    labels = torch.tensor([0, -100, 2, 3, 255, 1])
    images = torch.arange(48.0).reshape(6, 8)
    sample = [(images[:4], labels[:4]), (images[4:], labels[4:])]
    some, named = setup(mlp(), sample=sample).labelled()
    assert named.tolist() == [0, 2, 1] and torch.equal(some, images[[0, 2, 5]])
    some, named = setup(mlp(), sample=[(images, labels + 300)]).labelled()
    assert torch.equal(some, images) and torch.equal(named, labels + 300)


def test_a_set_up_says_scores_in_evaluation_mode_and_losses_as_numbers():
    network = nn.Sequential(mlp(), nn.Dropout(0.5))
    of = setup(network)
    assert of.classes == 3
    assert torch.equal(of.scores(IMAGES), network[0](IMAGES)) and not of.scores(IMAGES).grad_fn
    scores = torch.tensor([[0.0, 1.0, 2.0]], requires_grad=True)
    expected = math.log(1 + math.e + math.e**2) - 2
    assert of.loss(scores, torch.tensor([2])) == pytest.approx(expected)
    assert math.isnan(of.loss(scores, torch.tensor([7])))


# --- What a step holds ---


@pytest.mark.parametrize("part", ["step", "loss"])
@pytest.mark.parametrize("has_graph", [True, False])
def test_a_graph_that_a_step_or_a_loss_holds_is_seen(part, has_graph):
    weight = torch.ones(2, requires_grad=True)
    held = weight.sum() if has_graph else weight.sum().detach()

    def step(*given, also=held if part == "step" else None):
        return also

    def loss_function(scores, labels, also=held if part == "loss" else None):
        return F.cross_entropy(scores, labels)

    assert rehearsal.hold_a_graph(step, setup(mlp(), loss_function=loss_function)) == has_graph


class Tool:
    """Has hooks in a network, and knows its weights or not."""

    def __init__(self, network, weights):
        self.weights, self.seen = weights, []
        network[0].register_forward_pre_hook(self.hear)

    def hear(self, layer, given):
        self.seen.append(len(given[0]))


@pytest.mark.parametrize("knows", [True, False])
@pytest.mark.parametrize("uses", [True, False])
def test_a_tool_with_hooks_is_told_of_where_a_step_uses_it_and_it_cares_for_weights(knows, uses):
    network = mlp()
    tool = Tool(network, list(network.parameters()) if knows else [])

    def step(*given):
        return tool if uses else None

    step = step if uses else book
    named = "a Tool that hooks of the network belong to" if knows and uses else ""
    assert rehearsal.hooked_tool_of(step, network) == named
