"""What a training step calls: heard by Python's own profiler, and nothing of the step is changed.

A step that asks for the type of its network, or which function its loss is, gets a true answer:
nothing is put in the place of either.
"""

import builtins
import contextlib
import functools
import inspect
import os
import sys
import threading
import types
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn
from torch.nn.utils import clip_grad

from helpers.debugging_clinic import keeping
from helpers.debugging_clinic.steps import LossFunction

# PyTorch's own alone: a function of one's own by that name may clip something else.
_CLIPPING = ("clip_grad_norm_", "clip_grad_value_")


class Refused(ValueError):
    """A step does what the check could not take back."""


@contextlib.contextmanager
def heard(seen: Any, loss_function: LossFunction, asked: Callable) -> Iterator[LossFunction]:
    """Tell a watch what a step calls: the network, its forward, the loss, a clipping, an update.

    `asked` is called with what the loss function gives and is given. What would write a file is
    refused.
    """
    loss_function = loss_function if _is_heard(loss_function) else _in_python(loss_function)
    with _no_files(), _hook(loss_function, asked):
        if sys.getprofile():  # Somebody measures times: that comes first.
            yield loss_function
            return
        sys.setprofile(_Ear(seen, loss_function, asked))
        try:
            yield loss_function
        finally:
            sys.setprofile(None)


def given_to_cross_entropy(call: Callable[[], object]) -> list[torch.Tensor]:
    """Return the scores that a call hands to PyTorch's cross_entropy, however deep inside.

    None while somebody measures times: Python could not give a profiler in C its place back.
    """
    scores: list[torch.Tensor] = []
    if sys.getprofile():
        return scores

    def hear(frame: types.FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code is nn.functional.cross_entropy.__code__:
            scores.append(frame.f_locals["input"].detach())

    sys.setprofile(hear)
    try:
        call()
    finally:
        sys.setprofile(None)
    return scores


class _Ear:
    """What Python's profiler is to call, with a frame, an event, and what was returned."""

    def __init__(self, seen: Any, loss_function: LossFunction, asked: Callable):
        self._seen, self._asked = seen, asked
        is_module = isinstance(loss_function, nn.Module)  # Heard by a hook: all are called alike.
        self._loss = None if is_module else _code_of(loss_function)
        self._called = _code_of(type(seen.network).__call__)
        self._forward = _code_of(seen.network.forward)
        self._is_bound = isinstance(seen.network.forward, types.MethodType)
        self._given: dict[types.FrameType, list] = {}

    def __call__(self, frame: types.FrameType, event: str, result: object) -> None:
        if event == "return" and frame in self._given:
            given = self._given.pop(frame)
            if isinstance(result, torch.Tensor):  # It may have stopped.
                with contextlib.suppress(Exception):  # Who listens does not stop a step.
                    self._asked(result, *given)
        elif event == "call" and frame.f_code is self._loss:
            self._given[frame] = _arguments(frame)
        elif event == "call":
            self._hear(frame, frame.f_code)

    def _hear(self, frame: types.FrameType, code: types.CodeType) -> None:
        if code is self._called:
            self._seen.calls += self._is_of_the_network(frame)
        elif code is self._forward:
            self._seen.forwards += not self._is_bound or self._is_of_the_network(frame)
        elif code.co_name in _CLIPPING and code.co_filename == clip_grad.__file__:
            self._seen.clip(frame.f_locals)
        elif code.co_name in ("step", "unscale_") and "self" in frame.f_locals:
            hear = self._seen.update if code.co_name == "step" else self._seen.unscale
            hear(frame.f_locals["self"], frame.f_locals.get("optimizer"))  # Of a GradScaler.
        elif code is torch.save.__code__:
            _refuse_a_file(frame.f_locals["f"])

    def _is_of_the_network(self, frame: types.FrameType) -> bool:
        return any(one is self._seen.network for one in _arguments(frame)[:1])


def _code_of(function: Any) -> types.CodeType | None:
    """Return the code of what is called, if Python runs any."""
    while isinstance(function, functools.partial):
        function = function.func
    if not isinstance(function, types.FunctionType | types.MethodType):
        function = type(function).__call__
    return getattr(getattr(function, "__func__", function), "__code__", None)


def _arguments(frame: types.FrameType) -> list:
    """Return what a function was called with, one by one, in the order of its parameters."""
    names, rest, named, held = inspect.getargvalues(frame)
    more = held[rest] if rest else ()
    return [*(held[name] for name in names), *more, *(held[named].values() if named else ())]


def _is_heard(loss_function: LossFunction) -> bool:
    return isinstance(loss_function, nn.Module) or _code_of(loss_function) is not None


def _in_python(function: Callable) -> Callable:
    """Return a function that can be heard in place of one that is written in C, say."""
    return lambda *given, **options: function(*given, **options)


@contextlib.contextmanager
def _hook(loss_function: LossFunction, asked: Callable) -> Iterator[None]:
    """Hear a loss that is a module, however it is called."""
    if not isinstance(loss_function, nn.Module):
        yield
        return
    hook = loss_function.register_forward_hook(
        lambda _, given, named, loss: asked(loss, *given, *named.values()), with_kwargs=True
    )
    try:
        yield
    finally:
        hook.remove()


@contextlib.contextmanager
def _no_files() -> Iterator[None]:
    """Refuse what would write a file: in what the step's own code opens, and in its threads."""
    plain, before = builtins.open, threading.getprofile()
    # What runs beside the check is none of the step's.
    others = {*threading.enumerate()} - {threading.current_thread()}

    @functools.wraps(plain)
    def opened(file, mode="r", *args, **options):
        is_own = threading.current_thread() not in others
        if is_own and {*mode} & {*"wax+"} and keeping.is_of_ones_own(sys._getframe(1)):
            _refuse_a_file(file)
        return plain(file, mode, *args, **options)

    def hear(frame: types.FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code is torch.save.__code__:
            try:
                _refuse_a_file(frame.f_locals["f"])
            except Refused as error:
                refused.append(error)
                sys.exit()  # This thread alone.

    refused: list[Refused] = []
    builtins.open = opened
    threading.setprofile(hear)
    try:
        yield
    finally:
        builtins.open = plain
        threading.setprofile(before)
    if refused:
        raise refused[0]


def _refuse_a_file(file: object) -> None:
    if isinstance(file, str | os.PathLike) and os.fspath(file) != os.devnull:
        cure = "which the check could not take back: hand it the step without that line"
        raise Refused(f"step writes the file {os.fspath(file)!r}, {cure}")
