"""Weights, and what moves them, as they are in public: shared, without a rate, in odd places."""

import copy
import functools
import types

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from debugging_clinic.runs import adam, mlp, run, sgd
from helpers.debugging_clinic import rehearsal
from helpers.debugging_clinic.steps import by_the_book


class FindsItsRate(torch.optim.SGD):
    """Has no rate, or one that it multiplies by what it finds, which begins small."""

    def __init__(self, params, lr=None, weight_decay=0.0):
        super().__init__(params, 0.0 if lr is None else lr, weight_decay=weight_decay)
        for group in self.param_groups:
            group["lr"] = lr

    def step(self, closure=None):
        rates = [group["lr"] for group in self.param_groups]
        for group in self.param_groups:
            group["lr"] = 0.01 if group["lr"] is None else 0.01 * group["lr"]
        super().step(closure)
        for group, rate in zip(self.param_groups, rates, strict=True):
            group["lr"] = rate


@pytest.mark.parametrize("step", [None, by_the_book])
@pytest.mark.parametrize("options", [{}, {"lr": 1.0, "weight_decay": 0.1}])
def test_an_optimiser_may_find_its_rate_by_itself(batches, options, step):
    """As A2Grad, Adafactor, D-Adaptation and Prodigy do."""
    torch.manual_seed(0)
    make = functools.partial(FindsItsRate, **options)
    assert run(mlp(), batches, make, step=step).checked().healthy


class Sampled(nn.Module):
    """Holds a weight, and a parameter made of it in another module, as Bayesian layers do."""

    def __init__(self, rows, columns):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(rows, columns) / columns**0.5)
        self.sampler = nn.Module()
        self.sampler.mean = nn.Parameter(self.weight)

    def forward(self, images):
        return images @ self.sampler.mean.T


@pytest.mark.parametrize("step", [None, by_the_book])
def test_two_parameters_may_share_their_numbers(batches, step):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), Sampled(20, 784), nn.ReLU(), nn.Linear(20, 10))
    assert run(network, batches, step=step).checked().healthy


@pytest.mark.parametrize("bound", [True, False])
def test_a_step_that_stands_in_for_the_optimisers_own_stays_with_it(batches, bound):
    """As one that centres the gradients first; a copy takes its class's own."""

    def centred(params):
        optimizer = torch.optim.SGD(params, 0.05)
        own = optimizer.step

        def step(self, *given):
            for weight in self.param_groups[0]["params"]:
                if weight.grad is not None and weight.dim() > 1:
                    weight.grad -= weight.grad.mean(dim=1, keepdim=True)
            return own(*given)

        bare = functools.partial(step, optimizer)
        optimizer.step = types.MethodType(step, optimizer) if bound else lambda *given: bare(*given)
        return optimizer

    torch.manual_seed(0)
    for step in (None, by_the_book):
        assert run(mlp(), batches, centred, step=step).checked().healthy


def test_what_a_step_sets_about_its_loss_is_so_in_the_step_alone(batches):
    """As one that mixes images, and asks for the loss of each."""

    def step(network, images, labels, loss_function, optimizer):
        loss_function.reduction = "none"
        optimizer.zero_grad()
        loss_function(network(images), labels).mean().backward()
        optimizer.step()

    torch.manual_seed(0)
    report = run(mlp(), batches, loss_function=nn.CrossEntropyLoss(), step=step).checked()
    assert report.healthy
    assert "scores" not in str(report)


def test_a_loss_that_stops_at_any_labels_is_named_and_not_the_labels(batches):
    def hardest(scores, labels):
        return F.cross_entropy(scores, labels)[:2].sum()

    with pytest.raises(ValueError, match=r"^loss_function does not take 10 scores .*0-dim"):
        run(mlp(), batches, loss_function=hardest).check()


class ReadAlone:
    """Gives another thing at each look, and takes none, as classes of pandas have it."""

    __slots__ = ("held",)

    def __getattribute__(self, name):
        return object() if name == "held" else super().__getattribute__(name)

    def __setattr__(self, name, value):
        raise AttributeError("readonly attribute")


def test_what_is_read_alone_is_not_set_back(batches):
    torch.manual_seed(0)
    kept = ReadAlone()

    def step(*given):
        assert kept.held is not None
        by_the_book(*given)

    assert run(mlp(), batches, step=step).check().healthy


@pytest.mark.parametrize("sign", [1, -1])
def test_a_step_after_which_the_loss_is_higher_says_so(batches, sign):
    """As one that leads away from what a clone has learnt, where it should follow."""

    def step(network, images, labels, loss_function, optimizer):
        clone = mlp()
        clone.load_state_dict(network.state_dict())
        by_the_book(clone, images, labels, F.cross_entropy, torch.optim.SGD(clone.parameters(), 1))
        optimizer.zero_grad()
        for weight, other in zip(network.parameters(), clone.parameters(), strict=True):
            weight.grad = sign * (weight.detach() - other.detach())
        optimizer.step()

    torch.manual_seed(0)
    report = run(mlp(), batches, step=step).checked()
    assert ("whether the loss falls: after" in str(report)) is (sign < 0)


@pytest.mark.parametrize("clears", [True, False])
def test_gradients_that_keep_their_graphs_are_cleared_or_named(batches, clears):
    """As of an optimiser that looks at the curvature, which wants ``create_graph=True``."""

    def step(network, images, labels, loss_function, optimizer):
        if clears:
            optimizer.zero_grad()
        loss_function(network(images), labels).backward(create_graph=True)
        optimizer.step()

    class Curved(torch.optim.SGD):
        """Goes back once more, from the gradients."""

        def step(self, closure=None):
            weights = [w for w in self.param_groups[0]["params"] if w.grad is not None]
            if all(weight.grad.grad_fn is not None for weight in weights):
                torch.autograd.grad([w.grad.sum() for w in weights], weights, allow_unused=True)
            return super().step(closure)

    torch.manual_seed(0)
    report = run(mlp(), batches, lambda w: Curved(w, 0.05), step=step).check()
    assert report.faults == (() if clears else ("gradients never cleared",))


@pytest.mark.parametrize("step", [None, by_the_book])
def test_a_network_of_half_precision_is_learnt_by_heart(batches, step):
    torch.manual_seed(0)
    halves = [(images.half(), labels) for images, labels in batches]
    assert run(mlp().half(), halves, sgd(0.05), step=step).checked().healthy


class Codebook(nn.Module):
    """Stands for each row by its nearest entry; an entry is the mean of what it has stood for."""

    def __init__(self, remakes):
        super().__init__()
        self.remakes, self.entries = remakes, nn.Parameter(torch.randn(8, 32))

    def forward(self, rows):
        near = torch.cdist(rows, self.entries).argmin(dim=1)
        if self.training:
            stands = F.one_hot(near, 8).float()
            means = stands.T @ rows.detach() / stands.sum(dim=0).clamp(min=1)[:, None]
            moved = self.entries.detach().lerp(means, 0.1)
            if self.remakes:
                self.entries = nn.Parameter(moved)
            else:
                self.entries.data = moved
        return rows + (self.entries[near] - rows).detach()


@pytest.mark.parametrize("step", [None, by_the_book])
@pytest.mark.parametrize("remakes", [True, False])
def test_weights_that_a_network_moves_by_itself_do_learn(batches, remakes, step):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(784, 32), Codebook(remakes), nn.Linear(32, 10))
    assert run(network, batches, adam(1e-3), step=step).checked().healthy


class Shares(nn.Module):
    """Puts another parameter in the place of its own at each call, and goes on with that."""

    def __init__(self):
        super().__init__()
        self.shares = nn.Parameter(torch.ones(3))

    def forward(self, rows):
        self.shares = nn.Parameter(self.shares.softmax(0))
        return self.shares[0] * rows + self.shares[1] * rows.relu() + self.shares[2] * rows.tanh()


@pytest.mark.parametrize("step", [None, by_the_book])
def test_a_parameter_made_anew_in_each_call_is_not_the_optimisers(batches, step):
    torch.manual_seed(0)
    report = run(mlp(noise=[Shares()]), batches, adam(1e-3), step=step).checked()
    assert report.faults == ("parameters not handed to the optimiser",)
    assert "(forward makes 3.shares anew)" in str(report)


def test_decay_is_seen_behind_a_rate_that_begins_at_zero(batches):
    def make(weights):
        optimizer = torch.optim.SGD(weights, lr=0.1, weight_decay=10.0)
        torch.optim.lr_scheduler.LambdaLR(optimizer, lambda n: min(1, n / 100))
        return optimizer

    torch.manual_seed(0)
    faults = run(mlp(), batches, make).checked().faults
    assert faults == ("weight decay eats the weights",)


@pytest.mark.parametrize("steady", [True, False])
def test_a_low_rate_is_tried_for_as_long_as_a_high_one(batches, monkeypatch, steady):
    """Behind much dropout, a deep network may begin to learn after a hundred updates."""
    learn = rehearsal.learn

    def slowly(setup, network, given, rate, updates):
        if len(given) > 1:  # That is no small batch.
            return learn(setup, network, given, rate, updates)
        late = steady and (rate, updates) == (1e-3, 200)
        return iter([2.3] * 120 + [0.5 if late else 2.3] * 80)

    monkeypatch.setattr(rehearsal, "learn", slowly)
    torch.manual_seed(0)
    faults = run(mlp(), batches, adam(1e-3)).check().faults
    assert faults == (() if steady else ("one batch is not learnt by heart",))


class Copies(nn.Module):
    """Stands in a call for itself as it is: no gradient goes through that."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(32, 32)

    def forward(self, rows):
        return self.layer(rows) + copy.deepcopy(self.layer)(rows.flip(1))


class Makes(nn.Module):
    def forward(self, rows):
        return nn.Linear(32, 32)(rows)


@pytest.mark.parametrize("part", [Copies, Makes])
def test_a_copy_of_a_layer_is_trained_by_the_optimiser_and_a_new_one_is_not(batches, part):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(784, 32), nn.ReLU(), part(), nn.Linear(32, 10))
    # What is new at each call scores an image alone otherwise, too.
    faults = run(network, batches, adam(1e-3)).check().faults
    assert ("layers in a plain list" in faults) == (part is Makes)


def margin(scores, labels):
    """Ask for so much more than the second best: sure scores cost nothing."""
    right = scores.gather(1, labels[:, None])
    others = scores.scatter(1, labels[:, None], -torch.inf)
    return (others.amax(dim=1, keepdim=True) - right + 0.3).relu().mean()


@pytest.mark.parametrize("end", [nn.Softmax(1), nn.Sigmoid(), nn.Identity()])
@pytest.mark.parametrize("loss_function", [margin, F.multi_margin_loss])
def test_a_loss_of_margins_is_no_cross_entropy(batches, loss_function, end):
    torch.manual_seed(0)
    network = nn.Sequential(mlp(), end)
    assert run(network, batches, adam(1e-3), loss_function=loss_function).checked().healthy


def test_a_cycle_may_begin_at_a_rate_that_rounding_takes(batches):
    def make(weights):
        optimizer = torch.optim.SGD(weights, lr=0.1, momentum=0.9)
        torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=500, div_factor=1e12)
        return optimizer

    torch.manual_seed(0)
    assert run(mlp(), batches, make).checked().healthy


@pytest.mark.parametrize("frozen", ["all of it", "one layer"])
def test_dropout_is_off_on_purpose_in_a_part_that_is_frozen_as_a_whole(batches, frozen):
    torch.manual_seed(0)
    body = nn.Sequential(nn.Linear(784, 64), nn.ReLU(), nn.Dropout(), nn.Linear(64, 64))
    (body if frozen == "all of it" else body[0]).requires_grad_(False)
    network = nn.Sequential(nn.Flatten(), body, nn.ReLU(), nn.Linear(64, 10)).eval()
    faults = run(network, batches, sgd(0.1)).check().faults
    assert faults == (() if frozen == "all of it" else ("model left in eval mode",))
