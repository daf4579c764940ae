"""A container of each sort leads to what is in it, and is set back to what it was."""

import argparse
import array
import collections
import ctypes
import dataclasses
import functools
import multiprocessing
import types

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, Sampler, TensorDataset

from debugging_clinic.test_keeping import Own, closing_over, put
from helpers.debugging_clinic import keeping


@dataclasses.dataclass
class Row:
    thing: object
    count: int = 1


@dataclasses.dataclass(frozen=True, slots=True)
class Frozen:
    thing: object


Pair = collections.namedtuple("Pair", ["count", "thing"])


class ListOfOnesOwn(list):
    """Says that nothing is in it."""

    def __len__(self):
        return 0

    def __iter__(self):
        return iter(())


class SetOfOnesOwn(set):
    def __iter__(self):
        return iter(())


class DictOfOnesOwn(dict):
    def items(self):
        return {}.items()


class Base:
    __slots__ = ("first", "read")

    def __init__(self, thing):
        self.first = self.read = None
        Base.first.__set__(self, thing)


class WithOneHidden(Base):
    """Has a property in the place of a slot of its base, and a slot of its own."""

    __slots__ = ("mine",)
    asked = 0

    @property
    def read(self):
        WithOneHidden.asked += 1
        return self.asked

    @read.setter
    def read(self, value):
        pass


class InAModule(nn.Linear):
    def __init__(self, thing):
        super().__init__(1, 1)
        self.register_buffer("also", torch.ones(1))
        self.also.own = thing


class Places(Sampler):
    def __init__(self, places):
        self.places = places

    def __iter__(self):
        return iter(self.places.tolist())

    def __len__(self):
        return len(self.places)


def with_own(thing):
    """Return a function that gives a thing an attribute."""

    def make(own):
        thing.own = own
        return thing

    return make


LEADS = {
    "a list": lambda thing: [[thing]],
    "a tuple of plain things": lambda thing: (1, "a", (2, (thing,))),
    "a named tuple": lambda thing: Pair(1, thing),
    "a set": lambda thing: {thing},
    "a frozen set": lambda thing: frozenset([thing]),
    "a deque": lambda thing: collections.deque([1, thing], 2),
    "a dict": lambda thing: {"a": thing},
    "the keys of a dict": lambda thing: {thing: 1},
    "an ordered dict": lambda thing: collections.OrderedDict(a=thing),
    "a default dict": lambda thing: collections.defaultdict(list, a=thing),
    "a user's dict": lambda thing: collections.UserDict(a=thing),
    "a user's list": lambda thing: collections.UserList([thing]),
    "a chain of maps": lambda thing: collections.ChainMap({}, {"a": thing}),
    "a simple namespace": lambda thing: types.SimpleNamespace(a=thing),
    "a namespace of arguments": lambda thing: argparse.Namespace(a=thing),
    "a data class": Row,
    "a frozen data class with slots": Frozen,
    "a list of one's own": lambda thing: ListOfOnesOwn([thing]),
    "a set of one's own": lambda thing: SetOfOnesOwn([thing]),
    "a dict of one's own": lambda thing: DictOfOnesOwn(a=thing),
    "a slot of a base": Base,
    "a slot of a base of which one is hidden": WithOneHidden,
    "a list's append": lambda thing: [thing].append,
    "a dict's get": lambda thing: {"a": thing}.get,
    "a cell": types.CellType,
    "a module": lambda thing: with_own(nn.Linear(1, 1))(thing),
    "a buffer": InAModule,
    "a parameter": lambda thing: with_own(nn.Parameter(torch.ones(1)))(thing),
    "a loader": lambda thing: with_own(DataLoader([1]))(thing),
    "a data set": lambda thing: with_own(TensorDataset(torch.ones(1)))(thing),
    "a sampler": lambda thing: with_own(torch.utils.data.SequentialSampler([1]))(thing),
    "an optimizer": lambda thing: with_own(torch.optim.SGD([torch.ones(1)], lr=1))(thing),
    "a class": lambda thing: with_own(type("Class", (), {"__module__": __name__}))(thing),
    "the class of an object": lambda thing: type(
        "Class", (), {"__module__": __name__, "own": thing}
    )(),
    "a function of a method": lambda thing: types.MethodType(closing_over(thing), 1),
    "a partial in a partial": lambda thing: functools.partial(functools.partial(print, thing)),
}


@pytest.mark.parametrize("name", LEADS)
def test_each_container_leads_to_what_is_in_it(name):
    thing = Own()
    holder = LEADS[name](thing)
    assert any(one is thing for one in keeping.reached(holder))
    with keeping.as_it_was(holder):
        thing.count = 7
        thing.rows.append(7)
    assert (thing.count, thing.rows) == (1, [1, 2])


def rows_of(thing):
    """Return the entries of a list, a set or a dict, whatever its class says of them."""
    kind = next(kind for kind in (list, set, dict) if isinstance(thing, kind))
    return [*(kind.items(thing) if kind is dict else kind.__iter__(thing))]


def list_of_vars(thing):
    return [*vars(thing)]


def with_gradient(number):
    weight = nn.Parameter(torch.zeros(2))
    weight.grad = torch.full((2,), number)
    return weight


# By a name: what makes a container, what changes it, and what is read of it.
CHANGES = {
    "a list cut short": (lambda: [1, 2, 3], lambda t: t.pop(), list),
    "a list emptied": (lambda: [1, 2, 3], list.clear, list),
    "a set that shrinks": (lambda: {1, 2}, lambda t: t.remove(2), set),
    "a list of one's own": (lambda: ListOfOnesOwn([1, 2]), lambda t: t.append(3), rows_of),
    "a set of one's own": (lambda: SetOfOnesOwn([1, 2]), lambda t: t.add(3), rows_of),
    "a dict of one's own": (lambda: DictOfOnesOwn(a=1), lambda t: put(t, "a", 2), rows_of),
    "a deque that lost its oldest": (lambda: collections.deque([1, 2, 3], 3),
                                     lambda t: t.extend([4, 5]), list),
    "a deque from the left": (lambda: collections.deque([1, 2]), lambda t: t.appendleft(0), list),
    "an ordered dict that lost its oldest": (
        lambda: collections.OrderedDict(a=1, b=2, c=3), lambda t: t.popitem(last=False),
        lambda t: [*t.items()]),
    "a dict in the opposite order": (
        lambda: dict(a=1, b=2, c=3), lambda t: [put(t, key, t.pop(key)) for key in "cba"],
        lambda t: [*t.items()]),
    "a counter's count": (lambda: collections.Counter("aab"), lambda t: t.subtract("a"), dict),
    "a user's list": (lambda: collections.UserList([1]), lambda t: t.append(2), list),
    "a user's dict that grows": (lambda: collections.UserDict(a=1), lambda t: put(t, "b", 1), dict),
    "a chain's first map": (lambda: collections.ChainMap({}, {"a": 1}), lambda t: put(t, "a", 2),
                            dict),
    "a chain's maps": (lambda: collections.ChainMap({"a": 1}), lambda t: t.maps.insert(0, {"a": 3}),
                       dict),
    "arguments": (lambda: argparse.Namespace(a=1), lambda t: setattr(t, "a", 2), lambda t: t.a),
    "new arguments": (lambda: argparse.Namespace(a=1), lambda t: setattr(t, "b", 2), list_of_vars),
    "a data class": (lambda: Row(None), lambda t: setattr(t, "count", 2), lambda t: t.count),
    "a slot that was empty": (lambda: WithOneHidden(1), lambda t: setattr(t, "mine", 2),
                              lambda t: hasattr(t, "mine")),
    "a slot that was emptied": (lambda: Base(1), lambda t: delattr(t, "first"),
                                lambda t: getattr(t, "first", None)),
    "a cell": (lambda: types.CellType(1), lambda t: setattr(t, "cell_contents", 2),
               lambda t: t.cell_contents),
    "an attribute of a function": (lambda: closing_over(1), lambda t: setattr(t, "own", 1),
                                   lambda t: [*vars(t)]),
    "a function's defaults": (lambda: lambda a=1: a, lambda t: setattr(t, "__defaults__", (2,)),
                              lambda t: t()),
    "an attribute of a class": (lambda: type("Class", (), {"__module__": __name__, "own": 1}),
                                lambda t: setattr(t, "own", 2), lambda t: t.own),
    "an attribute of a loader": (lambda: DataLoader([1]), lambda t: setattr(t, "own", 2),
                                 lambda t: [*vars(t)]),
    "an attribute of a tensor": (lambda: torch.ones(1), lambda t: setattr(t, "own", 2),
                                 lambda t: [*vars(t)]),
    "a buffer": (lambda: nn.BatchNorm1d(2), lambda t: t(torch.rand(4, 2)),
                 lambda t: (t.running_mean.tolist(), int(t.num_batches_tracked))),
    "a buffer that is another": (lambda: nn.BatchNorm1d(2),
                                 lambda t: setattr(t, "running_mean", torch.ones(2)),
                                 lambda t: t.running_mean.tolist()),
    "a parameter that is another": (
        lambda: nn.Linear(1, 1), lambda t: setattr(t, "weight", nn.Parameter(torch.ones(1, 1))),
        lambda t: id(t.weight) == t.__dict__.setdefault("first", id(t.weight))),
    "a gradient's numbers": (
        lambda: with_gradient(1.0), lambda t: t.grad.mul_(2), lambda t: t.grad.tolist()),
    "a gradient that goes": (lambda: with_gradient(1.0), lambda t: setattr(t, "grad", None),
                             lambda t: t.grad is None),
    "a tensor turned": (lambda: torch.arange(4.0).reshape(2, 2), torch.Tensor.t_,
                        torch.Tensor.tolist),
    "a tensor in another shape": (lambda: torch.arange(4.0), lambda t: t.resize_(2, 2),
                                  torch.Tensor.tolist),
    "a tensor of another kind": (lambda: torch.ones(2), lambda t: setattr(t, "data", t.double()),
                                 lambda t: t.dtype),
    "a column of a tensor": (lambda: torch.zeros(2, 2)[:, 1], lambda t: t.add_(1),
                             torch.Tensor.tolist),
    "one number everywhere": (lambda: torch.zeros(()).expand(2, 3), lambda t: t[:1, :1].add_(1),
                              torch.Tensor.tolist),
    "an array of two dimensions": (lambda: np.zeros((2, 2)), lambda t: put(t, (1, 0), 1),
                                   np.ndarray.tolist),
    "an array of no dimension": (lambda: np.zeros(()), lambda t: put(t, (), 1), float),
    "an array that grows": (lambda: array.array("i", [1]), lambda t: t.append(2), list),
    "bytes cut short": (lambda: bytearray(b"abc"), lambda t: t.pop(), bytes),
    "an array that processes share": (lambda: multiprocessing.Array("i", [1, 2]),
                                      lambda t: put(t, 0, 3), list),
    "a number that processes share without a lock": (
        lambda: multiprocessing.Value("d", 1.0, lock=False), lambda t: setattr(t, "value", 2.5),
        lambda t: t.value),
    "a long number of C": (lambda: ctypes.c_int64(2**40), lambda t: setattr(t, "value", 2**41),
                           lambda t: t.value),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_each_container_is_as_it_was(name):
    make, change, read = CHANGES[name]
    thing = make()
    before = read(thing)
    with keeping.as_it_was(thing):
        change(thing)
        assert read(thing) != before, "the change can be seen"
    assert read(thing) == before


def test_what_can_only_be_read_is_left_alone():
    fixed = np.arange(3)
    fixed.flags.writeable = False
    held = WithOneHidden([1])
    asked = WithOneHidden.asked
    with keeping.as_it_was(fixed, held):
        held.first.append(2)
    assert held.first == [1] and WithOneHidden.asked == asked
    assert fixed.tolist() == [0, 1, 2] and not fixed.flags.writeable


def test_a_sampler_of_batches_has_its_places_set_back_and_the_data_stay():
    data = TensorDataset(torch.arange(4.0))
    places = Places(torch.arange(4))
    loader = DataLoader(data, batch_sampler=torch.utils.data.BatchSampler(places, 2, False))
    places.data = data
    with keeping.as_it_was(walked=({"train": [loader]},)):
        places.places.copy_(places.places.flip(0))
        data.tensors[0].add_(1)
    assert places.places.tolist() == [0, 1, 2, 3] and data.tensors[0].tolist() == [1, 2, 3, 4]


# --- Names ---

STORED, GONE, NEVER_NAMED = 1, [1], [1]


def stores_and_deletes():
    global STORED, GONE
    STORED = 2
    del GONE


class Tool:
    NEVER_NAMED = 0


def has_an_attribute_by_that_name():
    return Tool.NEVER_NAMED


def names_it_within():
    def within():
        return [NEVER_NAMED for _ in "ab"]

    return within


def test_a_global_name_is_set_back_that_is_only_stored_or_deleted():
    rows = GONE
    with keeping.as_it_was(stores_and_deletes):
        stores_and_deletes()
        assert STORED == 2 and "GONE" not in globals()
    assert STORED == 1 and GONE is rows


def test_an_attribute_by_the_name_of_a_global_is_not_that():
    def found(step):
        return any(one is NEVER_NAMED for one in keeping.reached(step))

    assert not found(has_an_attribute_by_that_name)
    assert found(names_it_within)


MODULE = types.ModuleType("another_of_ones_own")
MODULE.rows, MODULE.inner = [1], types.ModuleType("one_within")
MODULE.inner.more = [1]


def test_a_module_of_ones_own_is_followed_from_a_closure_and_to_the_next():
    local = MODULE

    def step():
        local.rows.append(2)
        local.inner.more.append(2)
        local.inner.new = 1

    with keeping.as_it_was(step):
        step()
    assert MODULE.rows == [1] and MODULE.inner.more == [1] and not hasattr(MODULE.inner, "new")


def test_what_others_wrote_is_not_followed():
    step = functools.partial(nn.functional.relu)
    names = {id(vars(nn.functional)), id(nn.functional.__dict__["torch"])}
    assert names.isdisjoint(map(id, keeping.reached(step, nn.Linear, np.random.default_rng(0))))
