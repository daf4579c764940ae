"""Set-ups as libraries and tutorials in public make them: left in peace, and still not too much."""

import array
import copy
import itertools
import multiprocessing
import sys
import types
from collections import OrderedDict

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from debugging_clinic.runs import adam, mlp, run
from helpers.debugging_clinic import keeping, rehearsal
from helpers.debugging_clinic.steps import by_the_book


class WithoutRate(torch.optim.Optimizer):
    """An optimiser that finds the length of a step by itself, as ALI-G and A2Grad do."""

    def __init__(self, weights):
        super().__init__(weights, {"longest": 0.1})

    @torch.no_grad()
    def step(self):
        for weight in self.param_groups[0]["params"]:
            weight -= self.param_groups[0]["longest"] * weight.grad


@pytest.mark.parametrize("step", [None, by_the_book])
def test_an_optimiser_may_have_no_rate(batches, step):
    assert run(mlp(), batches, WithoutRate, step=step).checked().healthy


class CountsUses(nn.Module):
    """What notes in its parameters what it found there, as private training does."""

    def __init__(self):
        super().__init__()
        self.body = mlp()
        for weight in self.parameters():
            weight.uses = []

    def forward(self, x):
        for weight in self.parameters():
            weight.uses.append(len(x))
        return self.body(x)


@pytest.mark.parametrize("step", [None, by_the_book])
def test_parameters_may_have_attributes_of_their_own(batches, step):
    network = CountsUses()
    assert run(network, batches, step=step).checked().healthy
    assert [weight.uses for weight in network.parameters()] == [[]] * 4


def pairs_apart(scores, labels, margin=1.0):
    """Images of one class are to lie near each other, and all others apart."""
    apart = torch.cdist(scores, scores)
    alike = labels[:, None] == labels
    return torch.where(alike, apart, (margin - apart).relu()).square().mean()


def nearest_prototype(scores, labels):
    names = labels.unique()
    means = torch.stack([scores[labels == name].mean(dim=0) for name in names])
    return F.cross_entropy(-torch.cdist(scores, means), torch.searchsorted(names, labels))


@pytest.mark.parametrize("loss_function", [pairs_apart, nearest_prototype])
def test_a_loss_may_ask_only_which_images_are_of_one_class(batches, loss_function):
    torch.manual_seed(0)
    set_up = run(mlp(), batches, adam(1e-3), loss_function=loss_function)
    assert "loss ignores the labels" not in set_up.checked().faults


def test_a_loss_may_give_all_scores_one_length(batches):
    """Smaller weights would change nothing: the scale is the loss's own, as in CosFace."""
    torch.manual_seed(0)

    def of_one_length(scores, labels):
        return F.cross_entropy(30 * F.normalize(scores, dim=1), labels)

    assert run(mlp(), batches, adam(1e-3), loss_function=of_one_length).checked().healthy


def test_a_loss_that_ignores_its_labels_is_named_still(batches):
    report = run(mlp(), batches, loss_function=lambda s, _: s.square().mean()).check()
    assert "loss ignores the labels" in report.faults


def sharing_attributes(network):
    """Copy a network as learn2learn's ``clone_module`` does: other tensors, the same attributes."""
    twin = network.__new__(type(network))
    vars(twin).update(vars(network))
    twin._parameters = {n: w * 1 for n, w in network._parameters.items() if w is not None}
    twin._modules = {n: sharing_attributes(part) for n, part in network._modules.items()}
    return twin


def learning_to_learn(network, images, labels, loss_function, optimizer):
    optimizer.zero_grad()
    fast = sharing_attributes(network)
    weights = list(fast.parameters()) or [w for m in fast.modules() for w in m._parameters.values()]
    loss = loss_function(fast(images[:50]), labels[:50])
    gradients = iter(torch.autograd.grad(loss, weights, create_graph=True))
    for module in fast.modules():
        module._parameters = {n: w - 0.1 * next(gradients) for n, w in module._parameters.items()}
    loss_function(fast(images[50:]), labels[50:]).backward()
    optimizer.step()


def running_parts(network, images, labels, loss_function, optimizer):
    """Cut a Sequential in two, which makes networks of its class."""
    optimizer.zero_grad()
    loss_function(network[-1](network[:-1](images)), labels).backward()
    optimizer.step()


@pytest.mark.parametrize("step", [learning_to_learn, running_parts])
def test_a_step_may_run_copies_and_parts_of_the_network(batches, step):
    torch.manual_seed(0)
    assert run(mlp(), batches, step=step).checked().healthy


def test_a_forward_called_by_name_and_a_part_in_eval_mode_are_still_seen(batches):
    def by_name(network, images, *rest):
        by_the_book(network.forward, images, *rest)

    assert run(mlp(), batches, step=by_name).check().faults == ("forward called by name",)
    dropping = mlp(noise=[nn.Dropout(0.5)])
    dropping[3].eval()
    report = run(dropping, batches, step=running_parts).check()
    assert report.faults == ("model left in eval mode",)


class FixedPoint(nn.Module):
    """A layer that solves an equation, and asks for a gradient of its own on the way back."""

    def __init__(self, always):
        super().__init__()
        self.inner, self.outer, self.always = nn.Linear(64, 64), nn.Linear(64, 64), always

    def once(self, z, x):
        return torch.tanh(0.3 * self.inner(z) + self.outer(x))

    def forward(self, x):
        with torch.no_grad():
            z = torch.zeros_like(x)
            for _ in range(10):
                z = self.once(z, x)
        z = self.once(z, x)
        if self.training or self.always:
            start = z.clone().detach().requires_grad_()
            end = self.once(start, x)

            def solve(gradient):
                found = gradient
                for _ in range(10):
                    found = gradient + torch.autograd.grad(end, start, found, retain_graph=True)[0]
                return found

            z.register_hook(solve)
        return z


@pytest.mark.parametrize("always", [False, True])
def test_a_network_may_need_gradients_while_it_computes(batches, always):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(784, 64), FixedPoint(always), nn.Linear(64, 10))
    assert run(network, batches, adam(1e-3)).checked().healthy


class OfItsGradient(nn.Module):
    """Scores from the gradient of an energy by the images, as physics has it."""

    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(784, 64), nn.Linear(784, 10)

    def forward(self, x):
        with torch.enable_grad():
            x = x.flatten(1).detach().requires_grad_()
            energy = self.first(x).tanh().sum() + x.square().sum()
            return self.last(torch.autograd.grad(energy, x, create_graph=True)[0])


def test_a_leaf_made_of_the_images_is_no_layer_in_a_list(batches):
    torch.manual_seed(0)
    assert run(OfItsGradient(), batches, adam(1e-3)).checked().healthy


def test_a_layer_made_in_each_call_is_still_named(batches):
    class Forgets(nn.Module):
        def __init__(self):
            super().__init__()
            self.out = nn.Linear(64, 10)

        def forward(self, x):
            return self.out(nn.Linear(784, 64)(x.flatten(1)).relu())

    assert run(Forgets(), batches).check().faults == ("layers in a plain list",)


class Bottleneck(nn.Module):
    """Leaves a part of its loss in an attribute, as variational and sparse networks do."""

    def __init__(self, place=lambda part: part):
        super().__init__()
        self.body, self.out, self.place = nn.Linear(784, 64), nn.Linear(64, 10), place

    def forward(self, x):
        hidden = self.body(x.flatten(1))
        self.cost = self.place(1e-3 * hidden.square().mean())
        return self.out(hidden.relu())


def adding_its_cost(network, images, labels, loss_function, optimizer):
    optimizer.zero_grad()
    scores = network(images)
    (loss_function(scores, labels) + sum(torch.stack(list(network.cost)))).backward()
    optimizer.step()


@pytest.mark.parametrize("step", [None, adding_its_cost])
def test_a_network_that_was_called_before_may_hold_a_part_of_its_loss(batches, step):
    torch.manual_seed(0)
    network = Bottleneck(place=lambda part: [part])
    network(batches[0][0])
    cost = network.cost[0]
    assert run(network, batches, step=step).checked().healthy
    assert network.cost[0] is cost and cost.grad_fn is not None


def test_a_state_that_goes_on_from_an_earlier_call_is_still_named(batches):
    class Remembers(nn.Module):
        def __init__(self):
            super().__init__()
            self.cell, self.out, self.state = nn.RNNCell(784, 32), nn.Linear(32, 10), None

        def forward(self, x):
            self.state = self.cell(x.flatten(1), self.state)
            return self.out(self.state)

    network = Remembers()
    network(batches[0][0])
    report = run(network, [batches[0]] * 8).check()
    assert report.faults == ("a graph kept with the network",)


class CopiesItself(nn.Sequential):
    """Makes another of itself, and tells nobody which weight is whose."""

    def __deepcopy__(self, memo):
        return CopiesItself(*(copy.deepcopy(part) for part in self))


def test_a_network_may_copy_itself_in_its_own_way():
    weight = nn.Parameter(torch.ones(2))
    network = CopiesItself(nn.Linear(2, 2))
    network[0].weight.note = note = [weight]
    rehearsal.twin_of(network)
    assert network[0].weight.note is note


class Number(tuple):
    """A pair that has no length, as e3nn's numbers of irreducible representations have none."""

    def __len__(self):
        raise NotImplementedError


def test_what_hangs_on_a_network_may_have_no_length(batches):
    network = mlp()
    network.kinds = [Number((1, [2]))]
    assert run(network, batches).check().healthy


class Hidden:
    __slots__ = ("__count", "name")

    def __init__(self):
        self.__count = 0

    def add(self):
        self.__count += 1

    @property
    def count(self):
        return self.__count


class Constant(Hidden):
    """Has no place for the name that it inherits, as mpmath's constants have none."""

    name = property(lambda self: "constant")


@pytest.mark.parametrize("kind", [Hidden, Constant])
def test_slots_are_set_back_where_they_can_be(batches, kind):
    held = kind()
    assert run(mlp(), batches, step=using(lambda: held.add())).checked().healthy
    assert held.count == 0


def using(do):
    def step(*arguments):
        do()
        by_the_book(*arguments)

    return step


@pytest.mark.parametrize("folder", ["/ann/.local/lib/python3.11/site-packages", "dist-packages"])
def test_packages_of_another_environment_are_nobodys_own(monkeypatch, folder):
    module = types.ModuleType("borrowed")
    module.__file__ = f"{folder}/borrowed/__init__.py"
    monkeypatch.setitem(sys.modules, "borrowed", module)
    keeping._is_installed_nowhere.cache_clear()
    assert not keeping.is_own(type("Kind", (), {"__module__": "borrowed"}))
    module.__file__ = "/ann/project/borrowed.py"
    keeping._is_installed_nowhere.cache_clear()
    assert keeping.is_own(type("Kind", (), {"__module__": "borrowed"}))


def add_one(counter):
    counter.value += 1


@pytest.mark.parametrize(
    ("held", "use", "seen"),
    [
        (OrderedDict(a=1, b=2), lambda held: held.move_to_end("a"), list),
        ({"a": 1, "b": 2}, lambda held: held.update(a=held.pop("a")), list),
        (multiprocessing.Value("i", 7), add_one, lambda held: held.value),
        (multiprocessing.Array("d", 2), lambda held: held.__setitem__(1, 3.0), list),
        (array.array("d", [1.0]), lambda held: held.append(2.0), list),
        (bytearray(b"ab"), lambda held: held.append(1), bytes),
    ],
    ids=lambda part: type(part).__name__,
)
def test_orders_and_counters_are_set_back(batches, held, use, seen):
    before = seen(held)
    assert run(mlp(), batches, step=using(lambda: use(held))).check().healthy
    assert seen(held) == before


def test_a_counter_that_processes_share_is_set_back_after_a_walk(batches):
    counter = multiprocessing.Value("i", 7)
    loader = DataLoader(Counted(batches, lambda: add_one(counter)), None)
    assert run(mlp(), loader).check().healthy
    assert counter.value == 7


class Counted(Dataset):
    """Batches that do something when they are walked, as a collator that counts does."""

    def __init__(self, batches, do):
        self.batches, self.do = batches, do

    def __len__(self):
        return len(self.batches)

    def __getitem__(self, place):
        self.do()
        return self.batches[place]


class Between(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.body, self.out, self.function = nn.Linear(784, 64), nn.Linear(64, 10), function

    def forward(self, x):
        return self.out(self.function(self.body(x.flatten(1))))


class NoWayBack(torch.autograd.Function):
    @staticmethod
    def forward(_, x):
        return x.sign()


def only_forward(hidden):
    if torch.is_grad_enabled():
        raise NotImplementedError("no backward on this device")
    return hidden


@pytest.mark.parametrize("step", [None, by_the_book])
@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda hidden: hidden.sigmoid().mul_(2), "inplace operation.*x [+]= 1"),
        (NoWayBack.apply, "must implement either the backward"),
        (only_forward, "no backward on this device"),
        (lambda hidden: torch.from_numpy(hidden.numpy()), "Can't call numpy()"),
    ],
)
def test_a_network_without_a_way_back_is_refused_in_a_line(batches, step, function, said):
    set_up = run(Between(function), batches, step=step)
    with pytest.raises(
        ValueError, match=f"^network or loss_function has no gradient.*{said}"
    ) as error:
        set_up.checked()
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("step", [None, by_the_book])
def test_a_loss_without_a_graph_is_named(batches, step):
    def errors(scores, labels):
        return (scores.argmax(dim=1) != labels).float().mean()

    assert run(mlp(), batches, loss_function=errors, step=step).check().faults == ("no gradient",)


@pytest.mark.parametrize(("keeps", "kept"), [({0}, False), ({0, 10, 20}, True), ({1, 3}, True)])
def test_one_graph_that_stays_is_no_growing_pile(batches, keeps, kept):
    """As torchmetrics keeps the scores of the first batch, with their graph, and no others."""
    calls, held = itertools.count(), []

    def step(network, images, labels, loss_function, optimizer):
        optimizer.zero_grad()
        loss = loss_function(network(images), labels)
        loss.backward()
        optimizer.step()
        if next(calls) in keeps:
            held.append(loss)

    report = run(mlp(), batches, step=step).check()
    assert report.faults == (("a graph kept from step to step",) if kept else ())
    assert kept or "whether the one graph that the step keeps" in str(report)


def test_what_is_repeated_in_memory_is_set_back(batches):
    row = torch.zeros(1, 3)
    rows, windows = row.expand(4, 3), torch.arange(4.0).unfold(0, 2, 1)

    def add():
        row.add_(1)
        return rows, windows

    assert run(mlp(), batches, step=using(add), kept=lambda: (row, rows)).checked().healthy


class Spline(nn.Module):
    """A sum of curves, scaled by ones, as Kolmogorov-Arnold networks have them."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.coefficients = nn.Parameter(torch.randn(inputs, outputs, 3) / inputs)
        self.scale_of_line = nn.Parameter(torch.ones(inputs, outputs))
        self.scale = nn.Parameter(torch.ones(inputs, outputs))

    def forward(self, x):
        x = x.tanh()
        powers = torch.stack([x, x.square(), x.pow(3)], dim=2)
        curves = torch.einsum("nip,iop->nio", powers, self.coefficients)
        return (self.scale * curves + self.scale_of_line * x[:, :, None] / len(x[0])).sum(dim=1)


def test_scales_that_begin_at_one_are_no_layers(batches):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(784, 4), Spline(4, 5), Spline(5, 10))
    assert run(network, batches, adam(1e-2)).checked().healthy


@pytest.mark.parametrize("leaked", [0, 4])
def test_one_row_of_a_table_may_come_twice(leaked):
    """As in the irises: 150 rows of four numbers, of which two are the same."""
    torch.manual_seed(0)
    labels = torch.arange(150) % 3
    rows = 0.3 * torch.randn(150, 4) + labels[:, None] / 2
    test = [(rows[120:], labels[120:])]
    rows[: 1 + leaked], labels[: 1 + leaked] = rows[120 : 121 + leaked], labels[120 : 121 + leaked]
    train = list(zip(rows[:120].split(30), labels[:120].split(30), strict=True))
    report = run(nn.Linear(4, 3), train, test=test).check()
    assert report.faults == (("test images among the training images",) if leaked else ())


def test_two_spirals_take_their_time():
    torch.manual_seed(0)
    labels = torch.randint(2, (800,))
    angle = 4 * torch.pi * torch.rand(800)
    turned = angle + torch.pi * labels
    points = torch.stack([angle * turned.cos(), angle * turned.sin()], dim=1) / 12
    batches = list(zip(points.split(50), labels.split(50), strict=True))
    network = nn.Sequential(nn.Linear(2, 64), nn.Tanh(), nn.Linear(64, 2))
    assert run(network, batches, adam(1e-2)).checked().healthy


@pytest.mark.parametrize("every", [None, 6])
def test_what_a_step_never_trains_is_named(batches, every):
    """A trunk that the step runs without a graph gets no gradient, though the network would."""
    torch.manual_seed(0)
    calls = itertools.count(1)

    def on_what_is_there(network, images, labels, loss_function, optimizer):
        optimizer.zero_grad()
        hidden = network[:-1](images)
        hidden = hidden if every and next(calls) % every == 0 else hidden.detach()
        loss_function(network[-1](hidden), labels).backward()
        optimizer.step()

    report = run(mlp(), batches, step=on_what_is_there).check()
    assert report.faults == (() if every else ("no gradient",))
