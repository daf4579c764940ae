"""What a run holds on to: noted before a check, and set back after it.

Copies protect what is handed over, and no more. A training step may hold a schedule, an average of
the weights, a counter or a list; a network may have hooks that fill one. So all that hangs on them
is followed, from thing to thing, and what can change about each is noted.
"""

import argparse
import array
import collections
import contextlib
import ctypes
import dis
import functools
import inspect
import operator
import pathlib
import random
import sys
import sysconfig
import types
import weakref
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.utils import data

from helpers.computation_graph import undisturbed

_INSTALLED = tuple({sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")})
# Environments borrow packages from each other, and users have some of their own.
_INSTALLED_IN = {"site-packages", "dist-packages"}
# Whose attributes are followed, though they come from an installed package.
_FOLLOWED: tuple[type, ...] = (
    *(nn.Module, torch.Tensor, data.DataLoader, data.Dataset, data.Sampler),
    *(types.SimpleNamespace, argparse.Namespace),
    *(collections.UserDict, collections.UserList, collections.ChainMap),
)
# Nothing can change within these.
_PLAIN = (bool, int, float, str, bytes, type(None))
_SEQUENCES = (list, tuple, set, frozenset, collections.deque)
# How code gets at a global name; a class within a function does so in two ways.
_LOOK_UP = {f"{do}_{what}" for do in ("LOAD", "STORE", "DELETE") for what in ("GLOBAL", "NAME")}
_LOOK_UP |= {"LOAD_FROM_DICT_OR_GLOBALS"}
# What other things hold, by the names of their attributes.
_HELD: list[tuple[type, tuple[str, ...]]] = [
    (types.FunctionType, ("__closure__", "__defaults__", "__kwdefaults__", "__dict__")),
    (types.CellType, ("cell_contents",)),
    (types.MethodType, ("__self__", "__func__")),
    (types.BuiltinMethodType, ("__self__",)),  # Such as the append of a list.
    (partial, ("func", "args", "keywords")),
    (torch.Tensor, ("requires_grad", "grad")),
]


@contextlib.contextmanager
def as_it_was(*roots: object, walked: tuple[object, ...] = ()) -> Iterator[None]:
    """Set back at the end what hangs on the roots; of what is `walked`, all but the numbers.

    To walk over data does not change them, and to note them would take their memory twice. But a
    sampler may shuffle an array of places, and what it holds beside the data set is small.
    """
    things = {id(thing): thing for thing in reached(*roots)}
    others = reached(*walked)
    loaders = [part for part in others if isinstance(part, data.DataLoader)]
    samplers = (part for loader in loaders for part in (loader.sampler, loader.batch_sampler))
    sets = [part for part in others if isinstance(part, data.Dataset)]
    things |= {id(thing): thing for thing in reached(*samplers, but=sets)}
    ways_back = [way for thing in things.values() for way in (_numbers(thing), _entries(thing))]
    ways_back += [_entries(thing) for thing in others if id(thing) not in things]
    try:
        yield
    finally:
        for way in ways_back:
            way()


@contextlib.contextmanager
def graphs_of(*roots: object) -> Iterator[None]:
    """Let backward() use no graph up while something holds one of an earlier call.

    The tensor can be set back, and what was saved in its graph cannot.
    """
    tensors = (thing for thing in reached(*roots) if isinstance(thing, torch.Tensor))
    if all(tensor.grad_fn is None for tensor in tensors):
        yield
        return
    with undisturbed.graphs_kept():
        yield


def reached(*roots: object, but: Sequence[object] = ()) -> list[Any]:
    """Return everything that hangs on the roots, each thing once, and nothing beyond `but`.

    From a function of no installed package the walk goes on to the global names that it uses, and
    to those within modules of one's own, which another function may have imported for it.
    """
    seen: dict[int, object] = {}
    waiting = list(roots)
    while waiting:
        thing = waiting.pop()
        if id(thing) in seen or isinstance(thing, _PLAIN) or any(thing is one for one in but):
            continue
        if type(thing) is tuple:  # A data set may hold a million, each of a file and its class.
            waiting += [part for part in thing if type(part) not in _PLAIN]
            continue
        seen[id(thing)] = thing
        if isinstance(thing, _SEQUENCES):
            waiting += _parts(thing)
        elif isinstance(thing, weakref.ref):
            waiting.append(thing())
        elif isinstance(thing, types.FunctionType) and is_own(thing):
            names, spaces = _names_in(thing.__code__), [thing.__globals__]
            of_globals = _global_names_in(thing.__code__)
            held = (cell.cell_contents for cell in thing.__closure__ or () if _held(cell))
            spaces += [vars(part) for part in held if _is_module_of_ones_own(part, spaces)]
            for space in spaces:
                seen[id(space)] = space  # Noted, and not followed.
                # Within a module they are those of its attributes, and no other attributes.
                sought = of_globals if space is thing.__globals__ else names
                used = [space[name] for name in sought & space.keys()]
                spaces += [vars(part) for part in used if _is_module_of_ones_own(part, spaces)]
                waiting += used
        waiting += [part for entry in _held(thing).items() for part in entry]
        # Of what others wrote, only what can say and take back its state is part of a run.
        kind, known = type(thing), isinstance(thing, _FOLLOWED)
        if known or hasattr(kind, "load_state_dict") or is_own(kind):
            waiting += [kind, _vars_of(thing)]
    return list(seen.values())


def optimizers(*roots: object) -> list[torch.optim.Optimizer]:
    """Return the optimisers that hang on the roots."""
    return [thing for thing in reached(*roots) if isinstance(thing, torch.optim.Optimizer)]


def _vars_of(thing: Any) -> dict | None:
    """Return its ``__dict__``, if it has one, and not what its own ``__getattr__`` makes of it."""
    try:
        return object.__getattribute__(thing, "__dict__")
    except (AttributeError, TypeError):
        return None


def _parts(thing: Any) -> list:
    """Return what is in a sequence or a set, whatever a class of its own says of its length."""
    kind = next(kind for kind in _SEQUENCES if isinstance(thing, kind))
    return list(kind.__iter__(thing))


def is_own(thing: Any) -> bool:
    """Whether a function or a class is of a notebook, or of a file in no installed package."""
    return _is_installed_nowhere(thing.__module__ or "")


def is_of_ones_own(frame: types.FrameType) -> bool:
    """Whether what runs is of a notebook, or of a file in no installed package."""
    return _is_installed_nowhere(frame.f_globals.get("__name__", ""))


@functools.cache
def _is_installed_nowhere(module: str) -> bool:
    file = getattr(sys.modules.get(module), "__file__", None) or ""
    elsewhere = file.startswith(_INSTALLED) or _INSTALLED_IN & {*pathlib.PurePath(file).parts}
    return module not in sys.builtin_module_names and not elsewhere


def _is_module_of_ones_own(thing: object, spaces: list[dict]) -> bool:
    is_own = isinstance(thing, types.ModuleType) and _is_installed_nowhere(thing.__name__)
    return is_own and not any(vars(thing) is space for space in spaces)


def _names_in(code: types.CodeType) -> set[str]:
    return set(code.co_names).union(*map(_names_in, _code_within(code)))


@functools.lru_cache(maxsize=10_000)
def _global_names_in(code: types.CodeType) -> frozenset[str]:
    """Return the names that it looks up as such; the step of optimizer.step() is none of these."""
    looked_up = (do.argval for do in dis.get_instructions(code) if do.opname in _LOOK_UP)
    return frozenset(looked_up).union(*map(_global_names_in, _code_within(code)))


def _code_within(code: types.CodeType) -> list[types.CodeType]:
    return [part for part in code.co_consts if isinstance(part, types.CodeType)]


def _held(thing: Any) -> dict:
    """Return what a thing holds by name: where something else can be put."""
    if isinstance(thing, dict):  # What is stored there: a class of its own may load what it gives.
        kind = collections.OrderedDict if isinstance(thing, collections.OrderedDict) else dict
        return dict(kind.items(thing))
    if isinstance(thing, type):
        return dict(vars(thing)) if is_own(thing) else {}
    names = [name for kind, held in _HELD if isinstance(thing, kind) for name in held]
    if isinstance(thing, torch.Tensor) and not thing.is_leaf:
        names = []
    elif type(thing).__module__.startswith("numpy.random"):
        names = ["bit_generator", "state"]
    elif type(thing).__module__ == "multiprocessing.sharedctypes":
        names = ["_obj"]
    elif is_own(type(thing)):
        # Slots, under the names that Python gives them; a class made of this one may hide some.
        slots = [entry for kind in type(thing).__mro__ for entry in vars(kind).items()]
        slots = [(name, slot) for name, slot in slots if inspect.ismemberdescriptor(slot)]
        names = [name for name, slot in slots if getattr(type(thing), name, None) is slot]
    return {name: getattr(thing, name) for name in names if hasattr(thing, name)}


def _entries(thing: Any) -> Callable[[], object]:
    """Note what a thing holds, and return what sets it back."""
    if isinstance(thing, torch.Generator) or type(thing).__name__ == "RandomState":
        return partial(thing.set_state, thing.get_state())
    if isinstance(thing, random.Random):
        return partial(thing.setstate, thing.getstate())
    if isinstance(thing, ctypes._SimpleCData):  # A counter that processes share, for one.
        return _bytes(thing)
    sequence = isinstance(thing, list | set | collections.deque)
    return (
        partial(_refill, thing, _parts(thing)) if sequence else partial(_put, thing, _held(thing))
    )


def _each_once(tensor: torch.Tensor) -> torch.Tensor:
    """Return a tensor without what expand() repeats, which is there once and can be written so."""
    for dim, stride in enumerate(tensor.stride()):
        tensor = tensor.narrow(dim, 0, 1) if stride == 0 and tensor.numel() else tensor
    return tensor


def _bytes(thing: Any) -> Callable[[], object]:
    place, size = ctypes.addressof(thing), ctypes.sizeof(thing)
    return partial(ctypes.memmove, place, ctypes.string_at(place, size), size)


def _refill(thing: Any, before: list) -> None:
    now = _parts(thing)
    if len(now) != len(before) or not all(map(operator.is_, now, before)):
        thing.clear()
        (thing.update if isinstance(thing, set) else thing.extend)(before)


def _put(thing: Any, before: dict) -> None:
    is_dict = isinstance(thing, dict)
    put, drop = (operator.setitem, operator.delitem) if is_dict else (setattr, delattr)
    now = _held(thing)
    for name in now.keys() - before.keys():
        # Into globals, PyTorch's compiler puts what its functions call: that has to stay.
        if not (isinstance(name, str) and name.startswith("__")):
            drop(thing, name)
    for name, value in before.items():
        if name not in now or now[name] is not value:
            with contextlib.suppress(AttributeError):  # What is read alone gives another each time.
                put(thing, name, value)
    if is_dict and [name for name in _held(thing) if name in before] != [*before]:
        for name in before:  # As a cache has it that lets go of its oldest entry.
            thing[name] = thing.pop(name)


def _numbers(thing: Any) -> Callable[[], object]:
    """Note the numbers of a tensor or an array, and return what sets them back."""
    if type(thing).__name__ == "ndarray" and thing.flags.writeable:
        return partial(operator.setitem, thing, ..., thing.copy())
    if isinstance(thing, bytearray | array.array):
        return partial(operator.setitem, thing, slice(None), thing[:])
    if isinstance(thing, ctypes.Array):
        return _bytes(thing)
    plain = isinstance(thing, torch.Tensor) and thing.layout == torch.strided
    if not plain or thing.is_meta or thing.is_quantized or thing.is_nested or thing.is_inference():
        return lambda: None  # There are none, or an optimiser does not move them.
    place, version, is_leaf = thing.data, thing._version, thing.is_leaf
    each = _each_once(place)
    numbers = each.clone()

    def way_back() -> None:
        if is_leaf and not thing.is_leaf:
            thing.detach_()
        is_there = thing.data_ptr() == place.data_ptr() and thing.shape == place.shape
        if not is_there or thing.stride() != place.stride():
            thing.data = place
        # Through `each`, which shares the numbers and not the count of changes.
        if thing._version != version or not torch.equal(each, numbers):
            each.copy_(numbers)
            torch._C._autograd._unsafe_set_version_counter((thing,), (version,))

    return way_back
