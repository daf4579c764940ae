"""What a walk back could change, given back after it.

A walk calls what ``backward()`` calls: a tensor may keep its gradient, a checkpoint computes its
block again, a function in Python does what somebody wrote. PyTorch keeps no list of the tensors and
modules that these may reach, so they are looked for among all objects that are alive. That takes a
while: it is done for graphs that run such code, or when a gradient has been kept.
"""

import collections
import contextlib
import gc
import random
import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch.utils import checkpoint
from torch.utils._python_dispatch import TorchDispatchMode

from helpers.computation_graph import found, words


@contextlib.contextmanager
def undisturbed(functions: Sequence[Any]) -> Iterator[contextlib.AbstractContextManager]:
    """Give back each grad, buffer, attribute and generator as it was before a walk of functions.

    PyTorch is to walk within what comes.
    """
    custom = [function for function in functions if found.is_custom(function)]
    with contextlib.ExitStack() as afterwards:
        afterwards.callback(random.setstate, random.getstate())
        afterwards.callback(np.random.set_state, np.random.get_state())
        afterwards.callback(torch.set_rng_state, torch.get_rng_state())
        if torch.cuda.is_initialized():
            afterwards.callback(torch.cuda.set_rng_state_all, torch.cuda.get_rng_state_all())
        if not custom and not any(map(found.is_packed, functions)):
            kept = _Kept()
            afterwards.callback(kept.give_back)
            yield kept
            return
        with _PLAIN():
            for one in _alive(torch.Tensor, torch.nn.Module):
                put_aside = _grad if isinstance(one, torch.Tensor) else _state
                put_aside(one, afterwards)
            for one in _alive(*_USED_UP):
                _what_is_kept(one, afterwards)
            for function in custom:
                _of_a_function(function, afterwards)
        # Some walk a graph that their forward made: the reader's own backward() needs it, too.
        afterwards.enter_context(graphs_kept())
        yield as_they_were(custom)


@contextlib.contextmanager
def as_they_were(functions: Sequence[Any]) -> Iterator[None]:
    """Give back, after a call of functions in Python, what they hold: the next call needs it."""
    with contextlib.ExitStack() as afterwards:
        with _PLAIN():
            for function in functions:
                _of_a_function(function, afterwards)
        yield


@contextlib.contextmanager
def graphs_kept() -> Iterator[None]:
    """Let a walk free no graph, whoever takes it, and under whatever name."""
    run = torch.autograd._engine_run_backward
    torch.autograd._engine_run_backward = _keeping(run)
    try:
        yield
    finally:
        torch.autograd._engine_run_backward = run


def _keeping(run: Callable) -> Callable:
    def walk(outputs, gradients, retain_graph, *more, **named):
        return run(outputs, gradients, True, *more, **named)

    return walk


# Of a checkpoint that recomputes only a part of its block: what it keeps can be used once.
_USED_UP = (checkpoint._CachedTorchDispatchMode,)
# Then no kind of tensor's own code is called.
_PLAIN = torch._C.DisableTorchFunctionSubclass


def _alive(*kinds: type) -> list[Any]:
    # To ask an object itself what it is (isinstance) would wake those that load when they are used.
    of_kind, waiting = set(kinds), list(kinds)
    while waiting:
        new: set[type] = set(type.__subclasses__(waiting.pop())) - of_kind
        of_kind |= new
        waiting += new
    return [one for one in gc.get_objects() if type(one) in of_kind]


class _Kept(TorchDispatchMode):
    """Notes the gradients that may be kept: a tensor's first is a copy, its next a sum."""

    def __init__(self) -> None:
        super().__init__()
        self.made: list[tuple[weakref.ref, torch.Tensor | None]] = []  # and what was there before

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        # Or PyTorch loads its compiler on the way: a second, and a tenth of a gigabyte.
        return False

    def __torch_dispatch__(self, operation, types, arguments=(), options=None):
        result = operation(*arguments, **(options or {}))
        if operation.overloadpacket in (torch.ops.aten.clone, torch.ops.aten.add):
            is_sum = operation.overloadpacket is torch.ops.aten.add
            self.made.append((weakref.ref(result), arguments[0] if is_sum else None))
        return result

    def give_back(self) -> None:
        before = {}
        while self.made:  # From the last: each lets go of what it was made of.
            made, past = self.made.pop()
            if made() is not None:
                before[id(made())] = past
        with _PLAIN():
            for tensor in _alive(torch.Tensor) if before else ():
                with contextlib.suppress(RuntimeError):
                    if tensor.retains_grad and id(tensor.grad) in before:
                        tensor.grad = before[id(tensor.grad)]


def _grad(tensor: torch.Tensor, afterwards: contextlib.ExitStack) -> None:
    # A gradient that is there is added to in place: so there is none meanwhile. One that no longer
    # fits its tensor stays, and there are tensors which PyTorch refuses to tell anything about.
    with contextlib.suppress(RuntimeError):
        if tensor.retains_grad or (tensor.is_leaf and tensor.requires_grad):
            tensor.grad = before = tensor.grad
            tensor.grad = None
            afterwards.callback(setattr, tensor, "grad", before)
            # A hook may note there what it finds, such as the gradient of each example, and
            # functions in Python may add gradients up there.
            _attributes(tensor, afterwards)


def _state(module: torch.nn.Module, afterwards: contextlib.ExitStack) -> None:
    _attributes(module, afterwards)  # Buffers and hooks are in some of these.
    for buffer in module._buffers.values():
        if buffer is not None:
            _numbers(buffer, afterwards)


def _attributes(one: Any, afterwards: contextlib.ExitStack) -> None:
    afterwards.callback(_refill, vars(one), dict(vars(one)))
    for name, value in vars(one).items():
        # The weights of a module, as many as there may be, are no work of a walk back.
        _held(value, afterwards, deep=3 * (name not in ("_parameters", "_modules", "_buffers")))


def _held(value: Any, afterwards: contextlib.ExitStack, deep: int = 3) -> None:
    """Give back a tensor, or a container and what is in it: not for ever, as it may hold itself."""
    if isinstance(value, torch.Tensor):
        _numbers(value, afterwards)
        return
    # A compiled module has something of its own.
    if type(value) in _CONTAINERS:
        afterwards.callback(_refill, value, value.copy())
    if deep and type(value) in (tuple, *_CONTAINERS):
        for part in list(value.values() if isinstance(value, dict) else value):
            _held(part, afterwards, deep - 1)


def _what_is_kept(mode: Any, afterwards: contextlib.ExitStack) -> None:
    _attributes(mode, afterwards)
    for entries in mode.storage.values():
        afterwards.callback(_refill, entries, entries.copy())


_CONTAINERS = (dict, collections.OrderedDict, collections.defaultdict, list, set, collections.deque)


def _of_a_function(function: Any, afterwards: contextlib.ExitStack) -> None:
    """Give back what a function in Python holds, and its class, where some keep what they pass."""
    kind = type(function)._forward_cls
    if not kind.__module__.startswith("torch."):  # Its compiler notes there what it has compiled.
        afterwards.callback(_set_back, kind, dict(vars(kind)))
        for value in vars(kind).values():
            _held(value, afterwards)
    _attributes(function, afterwards)
    for held in () if found.is_packed(function) else function.saved_tensors:
        if held is not None:
            _numbers(held, afterwards)


def _numbers(tensor: torch.Tensor, afterwards: contextlib.ExitStack) -> None:
    if torch.nn.parameter.is_lazy(tensor) or tensor.is_inference() or words.bytes_lacking(tensor):
        return
    # Also its version, or else the graph's own backward() would find it changed.
    afterwards.enter_context(torch.autograd._unsafe_preserve_version_counter(tensor))
    afterwards.callback(_write, tensor, tensor.detach(), tensor.detach().clone())
    if tensor.is_leaf and not tensor.requires_grad:
        afterwards.callback(_take_no_part, tensor, tensor.grad)


def _take_no_part(tensor: torch.Tensor, grad: torch.Tensor | None) -> None:
    with contextlib.suppress(RuntimeError):
        if tensor.is_leaf and tensor.requires_grad:
            tensor.requires_grad_(False).grad = grad


def _write(tensor: torch.Tensor, numbers: torch.Tensor, before: torch.Tensor) -> None:
    # Its memory may have been given back, or another have been put in its place.
    if lacking := words.bytes_lacking(numbers):
        memory = numbers.untyped_storage()
        memory.resize_(memory.nbytes() + lacking)
    with contextlib.suppress(RuntimeError):
        if tensor.shape != numbers.shape or tensor.data_ptr() != numbers.data_ptr():
            tensor.data = numbers
    # Not all kinds can be compared, and what is as it was may lie where nobody can write.
    try:
        same = torch.equal(numbers, before)
    except (RuntimeError, AttributeError):
        same = False
    if not same:
        with contextlib.suppress(RuntimeError):
            numbers.copy_(before)


def _set_back(kind: type, before: dict) -> None:
    for name in vars(kind).keys() - before.keys():
        delattr(kind, name)
    for name, value in before.items():
        if vars(kind).get(name) is not value:
            setattr(kind, name, value)


def _refill(held: Any, before: Any) -> None:
    held.clear()
    (held.extend if isinstance(held, list | collections.deque) else held.update)(before)
