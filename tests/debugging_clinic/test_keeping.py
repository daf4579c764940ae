"""Whatever a step holds is set back to what it was, on each way out; what it reaches is found."""

import array
import collections
import contextlib
import copy
import ctypes
import functools
import multiprocessing
import random
import types
import weakref

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, RandomSampler, TensorDataset

from common.snapshot import changed, snapshot
from helpers.debugging_clinic import keeping


class Own:
    def __init__(self):
        self.count, self.rows = 1, [1, 2]


class Slotted:
    __slots__ = ("__hidden", "count")

    def __init__(self):
        self.count, self.__hidden = 1, "a"

    def change(self):
        self.count, self.__hidden = 2, "b"

    def read(self):
        return self.count, self.__hidden


class Numbered(dict):
    """Makes what it gives of what is stored."""

    def __getitem__(self, key):
        return -super().__getitem__(key)


def ordered(*pairs):
    return collections.OrderedDict(pairs)


def refill(thing, *values):
    thing.clear()
    thing.extend(values)


def put(thing, name, value):
    thing[name] = value


# By a name: what makes a thing, what changes it, and what is read of it.
THINGS = {
    "a list that grows": (lambda: [1, 2], lambda t: t.append(3), list),
    "a list of other values": (lambda: [1, 2], lambda t: put(t, 0, 9), list),
    "a list in another order": (lambda: [2, 1], list.sort, list),
    "a set that grows": (lambda: {1, 2}, lambda t: t.add(3), set),
    "a set of as many others": (lambda: {1, 2}, lambda t: t.add(3) or t.remove(1), set),
    "a deque": (lambda: collections.deque([1, 2], 2), lambda t: t.append(3), tuple),
    "a deque's places": (lambda: collections.deque([1, 2]), lambda t: t.rotate(), tuple),
    "a dict that grows": (lambda: {"a": 1}, lambda t: put(t, "b", 2), dict),
    "a dict that shrinks": (lambda: {"a": 1}, lambda t: t.clear(), dict),
    "a dict's value": (lambda: {"a": 1}, lambda t: put(t, "a", 2), dict),
    "a dict's order": (lambda: {"a": 1, "b": 2}, lambda t: put(t, "a", t.pop("a")),
                       lambda t: [*t.items()]),
    "an ordered dict's order": (lambda: ordered(("a", 1), ("b", 2)),
                                lambda t: t.move_to_end("a"), lambda t: [*t.items()]),
    "a default dict": (lambda: collections.defaultdict(int, a=1), lambda t: t["b"], dict),
    "a counter": (lambda: collections.Counter("aab"), lambda t: t.update("abc"), dict),
    "a dict of another kind": (lambda: Numbered(a=1), lambda t: put(t, "a", 5),
                               lambda t: [*dict.items(t)]),
    "a user's dict": (lambda: collections.UserDict(a=1), lambda t: put(t, "a", 5), dict),
    "an object's attribute": (Own, lambda t: setattr(t, "count", 5), lambda t: t.count),
    "an object's new attribute": (Own, lambda t: setattr(t, "new", 5), lambda t: [*vars(t)]),
    "an object's lost attribute": (Own, lambda t: delattr(t, "count"), lambda t: {*vars(t)}),
    "what an object holds": (Own, lambda t: t.rows.append(3), lambda t: [*t.rows]),
    "slots": (Slotted, Slotted.change, Slotted.read),
    "a namespace": (lambda: types.SimpleNamespace(a=1), lambda t: setattr(t, "a", 2),
                    lambda t: t.a),
    "a generator of PyTorch": (lambda: torch.Generator().manual_seed(3),
                               lambda t: torch.rand(1, generator=t),
                               lambda t: t.get_state().tolist()),
    "a generator of NumPy": (lambda: np.random.default_rng(3), lambda t: t.random(),
                             lambda t: repr(t.bit_generator.state)),
    "an old generator of NumPy": (lambda: np.random.RandomState(3), lambda t: t.rand(),
                                  lambda t: repr(t.get_state())),
    "a generator of Python": (lambda: random.Random(3), random.Random.random,
                              random.Random.getstate),
    "an array of NumPy": (lambda: np.arange(4), lambda t: put(t, 1, 9), np.ndarray.tolist),
    "an array": (lambda: array.array("d", [1, 2]), lambda t: put(t, 1, 9), list),
    "bytes": (lambda: bytearray(b"ab"), lambda t: t.extend(b"c"), bytes),
    "an array of C": (lambda: (ctypes.c_int * 2)(1, 2), lambda t: put(t, 1, 9), list),
    "a number of C": (lambda: ctypes.c_int(1), lambda t: setattr(t, "value", 2),
                      lambda t: t.value),
    "what processes share": (lambda: multiprocessing.Value("i", 1),
                             lambda t: setattr(t, "value", 2), lambda t: t.value),
    "a tensor": (lambda: torch.arange(4.0), lambda t: t.mul_(2), torch.Tensor.tolist),
    "a tensor of whole numbers": (lambda: torch.arange(4), lambda t: t.add_(2),
                                  torch.Tensor.tolist),
    "a tensor in half": (lambda: torch.arange(4.0).half(), lambda t: t.mul_(2),
                         lambda t: (t.dtype, t.tolist())),
    "an expanded tensor": (lambda: torch.ones(2, 1).expand(2, 3), lambda t: t[:, :1].mul_(2),
                           torch.Tensor.tolist),
    "an empty tensor": (lambda: torch.ones(0, 3), lambda t: t.resize_(2, 3),
                        lambda t: tuple(t.shape)),
    "numbers that are none": (lambda: torch.tensor([float("nan"), 1.0]), lambda t: t.zero_(),
                              lambda t: str(t.tolist())),
    "other numbers in the place of a tensor's": (lambda: torch.ones(3),
                                                 lambda t: setattr(t, "data", torch.zeros(2)),
                                                 torch.Tensor.tolist),
    "whether a tensor learns": (lambda: torch.ones(3), torch.Tensor.requires_grad_,
                                lambda t: t.requires_grad),
    "a leaf that becomes none": (lambda: torch.ones(3),
                                 lambda t: t.mul_(torch.ones((), requires_grad=True)),
                                 lambda t: (t.is_leaf, t.requires_grad, t.tolist())),
    "a gradient": (lambda: nn.Parameter(torch.ones(2)), lambda t: t.sum().backward(),
                   lambda t: t.grad),
    "a mode": (lambda: nn.Sequential(nn.Linear(1, 1)), lambda t: t[0].eval(),
               lambda t: [m.training for m in t.modules()]),
    "a hook": (lambda: nn.Linear(1, 1), lambda t: t.register_forward_hook(print),
               lambda t: len(t._forward_hooks)),
    "a rate": (lambda: torch.optim.SGD([torch.ones(1)], lr=0.5),
               lambda t: t.param_groups[0].update(lr=1), lambda t: t.param_groups[0]["lr"]),
}  # fmt: skip


class Stop(BaseException):
    """Neither an error nor an interrupt."""


@pytest.mark.parametrize("way_out", [None, ValueError, KeyboardInterrupt, Stop])
@pytest.mark.parametrize("name", THINGS)
def test_each_thing_is_as_it_was_on_each_way_out(name, way_out):
    make, change, read = THINGS[name]
    thing, again = make(), make()
    before = read(thing)
    with pytest.raises(way_out) if way_out else contextlib.nullcontext():
        with keeping.as_it_was(thing):
            change(thing)
            assert read(thing) != before, "the change can be seen"
            if way_out:
                raise way_out
    assert read(thing) == before == read(again)


def test_a_deque_keeps_its_length_and_a_dict_the_very_values_that_it_had():
    rows, most = [1], collections.deque([1, 2], maxlen=2)
    held = {"rows": rows, "most": most}
    with keeping.as_it_was(held):
        held["rows"] = [1]
        rows.append(2)
        most.append(3)
    assert held["rows"] is rows and rows == [1]
    assert held["most"] is most and list(most) == [1, 2] and most.maxlen == 2


def test_a_tensor_that_nobody_changed_counts_no_change_and_one_set_back_none_either():
    changed_one, other = torch.ones(2), torch.ones(2)
    place, versions = changed_one.data_ptr(), (changed_one._version, other._version)
    with keeping.as_it_was(changed_one, other):
        changed_one.zero_()
    assert changed_one.data_ptr() == place
    assert (changed_one._version, other._version) == versions


def closing_over(thing):
    return lambda change: change(thing)


def by_default(thing):
    def step(change, thing=thing):
        change(thing)

    return step


def by_keyword_default(thing):
    def step(change, *, thing=thing):
        change(thing)

    return step


def by_attribute(thing):
    def step(change):
        change(step.thing)

    step.thing = thing
    return step


def in_a_closure_within(thing):
    inner = closing_over(thing)
    return lambda change: inner(change)


class WithMethod:
    def __init__(self, thing):
        self.thing = thing

    def step(self, change):
        change(self.thing)


def weakly(thing):
    kept.append(thing)
    known = weakref.ref(thing)
    return lambda change: change(known())


kept = []
HOLDERS = {
    "a closure": closing_over,
    "a closure within a closure": in_a_closure_within,
    "a default": by_default,
    "a keyword's default": by_keyword_default,
    "an attribute": by_attribute,
    "a method": lambda thing: WithMethod(thing).step,
    "a partial": lambda thing: functools.partial(lambda t, change: change(t), thing),
    "a partial's keyword": lambda thing: functools.partial(lambda change, t: change(t), t=thing),
    "a partial of a method": lambda thing: functools.partial(WithMethod(thing).step),
    "a weak reference": weakly,
    "a list within a tuple": lambda thing: closing_over(([thing],)) and by_default(thing),
}


@pytest.mark.parametrize("holder", HOLDERS)
def test_whatever_holds_a_thing_leads_to_it(holder):
    thing = Own()
    step = HOLDERS[holder](thing)
    with keeping.as_it_was(step):
        step(lambda it: setattr(it, "count", 7))
        assert thing.count == 7
    assert thing.count == 1


ROWS, NUMBER = [0], 0
SPACE = types.ModuleType("space_of_ones_own")
SPACE.rows, SPACE.unused = [0], [0]


def of_globals(rows=None):
    global NUMBER
    NUMBER += 1
    ROWS.append(1)


class ReadsInItsBody:
    def step(self):
        class Within:
            rows = ROWS.append(1)

        return Within


def test_global_names_that_a_function_uses_are_set_back():
    for step in (of_globals, ReadsInItsBody().step, lambda: [of_globals() for _ in "ab"]):
        with keeping.as_it_was(step):
            step()
            assert ROWS != [0]
        assert (ROWS, NUMBER) == ([0], 0)


def test_names_within_a_module_of_ones_own_are_set_back_where_they_are_used():
    def step():
        SPACE.rows.append(1)
        SPACE.new = 1

    found = list(map(id, keeping.reached(step)))
    assert id(SPACE.rows) in found and id(SPACE.unused) not in found
    with keeping.as_it_was(step):
        step()
    assert SPACE.rows == [0] and not hasattr(SPACE, "new")


def test_the_walk_gives_each_thing_once_and_stops_at_what_it_is_told():
    inner, middle = [1], {}
    middle["inner"], middle["itself"] = inner, middle
    outer = [middle, inner, middle]
    found = keeping.reached(outer, inner)
    assert sorted(map(id, found)) == sorted({id(outer), id(middle), id(inner)})
    found = keeping.reached(outer, but=[middle])
    assert sorted(map(id, found)) == sorted({id(outer), id(inner)})
    assert keeping.reached(1, "a", None, (2, 3)) == []


def test_optimizers_are_found_wherever_they_hang_and_once():
    network = nn.Linear(1, 1)
    one, other = (torch.optim.SGD(network.parameters(), lr=0.1) for _ in range(2))
    network.own = one
    found = keeping.optimizers(network, {"more": [other, one]})
    assert sorted(map(id, found)) == sorted(map(id, (one, other)))
    assert keeping.optimizers(nn.Linear(1, 1)) == []


def test_of_walked_data_all_but_the_numbers_is_set_back():
    data = TensorDataset(torch.arange(6.0))
    data.rows = [1]
    generator = torch.Generator().manual_seed(0)
    loader = DataLoader(data, sampler=RandomSampler(data, generator=generator), batch_size=2)
    loader.sampler.places = torch.arange(6)
    state = generator.get_state()
    with keeping.as_it_was(walked=(loader,)):
        list(loader)
        data.rows.append(2)
        data.tensors[0].add_(1)
        loader.sampler.places.add_(1)
        loader.batch_sampler.note = 1
    assert data.rows == [1] and torch.equal(generator.get_state(), state)
    assert loader.sampler.places.tolist() == [*range(6)]
    assert not hasattr(loader.batch_sampler, "note")
    # They are too many to be noted; a root's are noted.
    assert data.tensors[0].tolist() == [1, 2, 3, 4, 5, 6]
    with keeping.as_it_was(data):
        data.tensors[0].add_(1)
    assert data.tensors[0].tolist() == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("holds", [True, False])
def test_a_graph_can_be_used_again_where_something_holds_one_and_only_there(holds):
    weight = torch.ones(2, requires_grad=True)
    root = weight.exp().sum() if holds else weight
    with keeping.graphs_of([root]):
        loss = weight.exp().prod()
        loss.backward()
        with contextlib.nullcontext() if holds else pytest.raises(RuntimeError, match="second"):
            loss.backward()
    loss = weight.exp().prod()
    loss.backward()
    with pytest.raises(RuntimeError, match="second time"):
        loss.backward()


def test_what_is_of_ones_own_is_told_from_what_is_installed():
    assert keeping.is_own(Own) and keeping.is_own(of_globals)
    for installed in (collections.OrderedDict, nn.Linear, copy.deepcopy, pytest.fixture, dict):
        assert not keeping.is_own(installed)


def test_nothing_is_changed_by_noting_it():
    things = [make() for make, *_ in THINGS.values()]
    before = snapshot(*things)
    with keeping.as_it_was(*things):
        assert changed(before, snapshot(*things)) == []
    assert changed(before, snapshot(*things)) == []
