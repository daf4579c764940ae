"""What must be as it was: taken before a call and after it, and compared.

A snapshot holds copies and addresses, no object itself: taking it changes nothing. What a tensor,
a module, a generator or any other object has in it is found by walking its attributes, so that an
optimiser, a scheduler or a loader of one's own needs no part for itself; what a test leaves out, it
names in `without`.
"""

import collections
import hashlib
import random
import sys
import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import numpy as np
import torch

# Their state is elsewhere, or they have none that a call could change.
_PLAIN = (int, float, complex, str, bytes, type(None), type, torch.dtype, torch.device)
# Which of these it is, is no state: PyTorch and Python make some anew whenever they are asked for.
_MADE_ANEW = (Mapping, list, tuple, collections.deque, set, frozenset, types.MethodType)


def snapshot(*objects: object, without: tuple[str, ...] = ()) -> dict[str, object]:
    """Return all state of the objects and of the global generators, each under its path.

    `without` names attributes that may change: neither they nor what lies in them is taken.
    """
    seen: dict[int, tuple[str, object]] = {}  # They are held, so that no id is used again.
    taken = {
        "generator of Python": random.getstate(),
        "generator of NumPy": repr(np.random.get_state()),
        "generator of PyTorch": _bytes(torch.get_rng_state()),
        "grad mode": torch.is_grad_enabled(),
        "default dtype": torch.get_default_dtype(),
        "who measures": sys.getprofile(),
    }
    for place, one in enumerate(objects):
        taken |= _parts(f"{place}", one, seen, without)
    return taken


def changed(before: Mapping[str, object], after: Mapping[str, object]) -> list[str]:
    """Return the paths whose value is another now, or that came or went."""
    missing = object()
    paths = dict.fromkeys([*before, *after])
    return [path for path in paths if before.get(path, missing) != after.get(path, missing)]


def _parts(path: str, one: object, seen: dict, without: tuple) -> Iterator[tuple[str, object]]:
    if isinstance(one, _PLAIN):
        yield path, repr(one)
    elif id(one) in seen:
        yield path, f"the one at {seen[id(one)][0]}"
    else:
        seen[id(one)] = path, one
        yield path, f"{type(one).__name__} {'' if isinstance(one, _MADE_ANEW) else id(one)}"
        for name, part in _within(one):
            if name not in without:
                yield from _parts(f"{path}.{name}", part, seen, without)


def _within(one: object) -> Iterable[tuple[str, object]]:
    """Return what an object holds: plain values, or objects to be looked into."""
    for kinds, parts in _PARTS_OF:
        if isinstance(one, kinds):
            return parts(one)
    return _of_object(one)


def _of_mapping(one: Mapping) -> Iterator[tuple[str, object]]:
    yield "keys", repr([key if isinstance(key, _PLAIN) else id(key) for key in one])
    yield from ((f"[{place}]", part) for place, part in enumerate(one.values()))


def _of_sequence(one: Sequence) -> Iterator[tuple[str, object]]:
    yield "length", len(one)
    yield from ((f"[{place}]", part) for place, part in enumerate(one))


def _of_closure(one: types.FunctionType) -> Iterator[tuple[str, object]]:
    for name, cell in zip(one.__code__.co_freevars, one.__closure__ or (), strict=True):
        if cell != types.CellType():  # an empty one has no content to ask for
            yield name, cell.cell_contents


def _of_object(one: object) -> Iterator[tuple[str, object]]:
    yield from list(getattr(one, "__dict__", {}).items())
    for kind in type(one).__mro__:
        slots = getattr(kind, "__slots__", ())
        for name in [slots] if isinstance(slots, str) else slots:
            if not name.startswith("__") and hasattr(one, name):
                yield name, getattr(one, name)


def _of_tensor(tensor: torch.Tensor) -> Iterator[tuple[str, object]]:
    yield "data", _bytes(tensor)
    if not tensor.is_inference():
        yield "version", tensor._version
    yield "requires_grad", tensor.requires_grad
    yield "is_leaf", tensor.is_leaf
    keeps = tensor.is_leaf or tensor.retains_grad
    yield "retains_grad", tensor.retains_grad
    yield "grad", tensor.grad if keeps else None
    yield "hooks", list((tensor._backward_hooks or {}).values())
    after = getattr(tensor, "_post_accumulate_grad_hooks", None)
    yield "hooks after", list((after or {}).values())
    function = tensor.grad_fn
    yield "made by", function and f"{type(function).__name__} {function._sequence_nr()}"
    if isinstance(function, torch.autograd.function.BackwardCFunction):
        yield "ctx", vars(function)
    yield from list(vars(tensor).items())


def _bytes(tensor: torch.Tensor) -> str:
    """Return what a tensor holds, bit by bit, so that NaN is as it was, too."""
    tensor = tensor.detach()
    if tensor.is_nested:
        return str([*map(_bytes, tensor.unbind())])
    if tensor.is_quantized:
        return f"{tensor.q_scale()} {tensor.q_zero_point()} {_bytes(tensor.int_repr())}"
    if tensor.layout is torch.sparse_coo:
        return f"{tuple(tensor.shape)} {_bytes(tensor._indices())} {_bytes(tensor._values())}"
    if tensor.layout is not torch.strided:
        return repr(tensor)
    kind = f"{tuple(tensor.shape)} {tensor.stride()} {tensor.dtype} {tensor.device}"
    if tensor.is_meta:
        return kind
    flat = tensor.resolve_conj().resolve_neg().cpu().contiguous().reshape(-1)
    return f"{kind} {hashlib.sha256(flat.view(torch.uint8).numpy().tobytes()).hexdigest()}"


_PARTS_OF: list[tuple[type | tuple[type, ...], Callable]] = [
    (torch.Tensor, _of_tensor),
    (torch.Generator, lambda one: [("state", _bytes(one.get_state()))]),
    (np.random.Generator, lambda one: [("state", repr(one.bit_generator.state))]),
    (np.random.RandomState, lambda one: [("state", repr(one.get_state()))]),
    (np.ndarray, lambda one: [("data", hashlib.sha256(one.tobytes()).hexdigest())]),
    (random.Random, lambda one: [("state", repr(one.getstate()))]),
    (Mapping, _of_mapping),
    ((list, tuple, collections.deque), _of_sequence),
    ((set, frozenset), lambda one: [("members", repr(sorted(map(id, one))))]),
    (types.FunctionType, _of_closure),
    (types.MethodType, lambda one: [("self", one.__self__)]),
    ((types.BuiltinFunctionType, types.ModuleType), lambda one: []),
]
