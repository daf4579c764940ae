"""Runs what a reader wrote and survives it: an endless loop, ``input()``, ``exit()``, an error."""

import ast
import builtins
import contextlib
import contextvars
import copy
import ctypes
import functools
import inspect
import itertools
import random
import re
import sys
import textwrap
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, ValuesView
from typing import Any, NamedTuple, NoReturn

import numpy as np
import torch

from helpers.common.sentences import say

# How long a reader's function may take for one input.
SECONDS = 5.0

# What a reader's code may print while it is checked; a loop without end would print for ever.
_MOST_PRINTED = 4_000
# Where a function may come from that an exercise asks the reader to write.
_LIBRARIES = ("torch", "numpy", "scipy", "helpers.")
# A generator may give entries for ever.
_MOST_ENTRIES = 10_000
# Some platforms give a thread so small a stack that recursion without end would crash Python.
_STACK_BYTES = 64 * 2**20
# How long to insist that a thread ends before leaving it behind.
_SECONDS_TO_STOP = 2.0
# How long to wait for what a reader's code has begun to load.
_SECONDS_TO_IMPORT = 60.0


class Failure(NamedTuple):
    """An error in place of an answer: its hint, and what tells it from another error."""

    hint: str
    error: type
    message: str

    def is_like(self, other: object) -> bool:
        """Say whether another outcome is the same error."""
        return isinstance(other, Failure) and self[1:] == other[1:]


class _Stopped(SystemExit):
    """Ends a reader's loop. ``except Exception`` does not catch it, and no thread reports it."""


# From C, so that no line of Python stands between one exception and the next.
_raise_in_thread = ctypes.PYFUNCTYPE(None, ctypes.c_ulong, ctypes.py_object)(
    ("PyThreadState_SetAsyncExc", ctypes.pythonapi)
)


class _Asked(Exception):
    """Stands for a call of ``input()``, where nobody is there to answer."""


def outcome_of(
    function: Callable, arguments: tuple, seconds: float = SECONDS, called: set | None = None
) -> object:
    """Return a reader's answer or its `Failure`; note in `called` which functions it calls."""
    if hint := _misfit(function, arguments):
        return Failure(hint, TypeError, "arguments")
    outcome: list = []

    def work() -> None:
        if called is not None:
            sys.setprofile(functools.partial(_note, called))  # As long as this thread lives.
        try:
            outcome.append(kept(function(*arguments)))
        except _Stopped:
            raise
        except BaseException as error:  # noqa: BLE001 - whatever it raises is an answer
            outcome.append(_failure(error, function))

    with _guarded(function):
        if not _runs_to_its_end(work, seconds):
            hint = say(
                "Your code was still running after {seconds} s, so the check stopped waiting. "
                "Does its loop end?",
                seconds=f"{seconds:g}",
            )
            outcome[:] = [Failure(hint, _Stopped, "")]
    return outcome[0]


# What each name of the notebook stood for before the cell that runs, by its identity.
_before: dict[str, int] = {}
# By the names that a cell was to define anew, and failed to, what they stand for still.
_left_over: dict[str, object] = {}


def watch_cells() -> None:
    """Ask IPython, where this runs in it, to tell from now on which cells fail."""
    for event, note in (("pre_run_cell", _note_names), ("post_run_cell", _note_cell)):
        if (shell := _shell()) and note not in shell.events.callbacks[event]:
            shell.events.register(event, note)


def _shell() -> Any:
    return sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None


def _note_names(_info) -> None:
    _before.clear()
    _before.update((name, id(value)) for name, value in _shell().user_ns.items())


# What a cell that is no Python defines: a function that is no method, or what stands before "=".
_DEFINES = (
    r"(?:^[ \t]*(?:def|class)\s+(?!\w+\(self)|^[ \t]+(?=\w+ = )"
    r"|(?:^|;[ \t]*)(?=\w+\s*(?::[^=\n]+)?=[^=]))(\w+)"
)


def _defined_in(cell: str) -> list[str]:
    """Return the names that a cell defines, but for those within its functions."""
    cell = textwrap.dedent(cell)  # As IPython does.
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # IPython has passed them on.
            waiting: list[ast.AST] = [ast.parse(cell)]
    except (SyntaxError, ValueError):  # The second, where there is a byte of zero.
        return re.findall(_DEFINES, cell, re.MULTILINE)
    names = []
    for part in waiting:
        if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.append(part.name)
        elif isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
            names.append(part.id)
        else:
            waiting += ast.iter_child_nodes(part)
    return names


def _note_cell(result) -> None:
    for name in _defined_in(result.info.raw_cell or ""):
        _left_over.pop(name, None)
        value = _shell().user_ns.get(name)
        if not result.success and callable(value) and _before.get(name) == id(value):
            _left_over[name] = value


def is_left_over(function: object) -> bool:
    """Say whether a function is an old one, since the cell that was to define it anew failed."""
    return any(function is old for old in _left_over.values())


def _note(called: set, frame, event: str, function) -> None:
    """Note the name of a function that is called, and of the library that it comes from."""
    room = frame.f_globals.get("__name__") or ""
    if event == "c_call":
        called.add(re.sub("^(linalg|special)_", "", getattr(function, "__name__", "")))
    elif event == "call" and room.startswith(_LIBRARIES) and not room.startswith("helpers.common"):
        called.update((room.partition(".")[0], frame.f_code.co_name))


def own(arguments: tuple | Callable[[], tuple]) -> tuple:
    """Return arguments that nobody else holds: a copy, or newly made by a function."""
    return arguments() if callable(arguments) else copy.deepcopy(arguments)


def kept(result: object) -> object:
    """Keep what a result is now: a reader's code may change the tensor in its next call."""
    if isinstance(result, torch.Tensor):
        return result.detach().clone()
    if isinstance(result, np.ndarray):
        return result.copy()
    if isinstance(result, list | tuple | range | Iterator | ValuesView):
        return [kept(entry) for entry in itertools.islice(result, _MOST_ENTRIES)]
    return result


def one_line(value: object) -> str:
    """Return a value as text on one line, cut where it grows too long."""
    if isinstance(value, int) and value.bit_length() > 128:  # Python refuses to write the longest.
        return say("a number of {bits} bits", bits=value.bit_length())
    try:
        line = " ".join(str(value).split())
        # Of a function, a module and the like, Python tells a place in memory or on the disk.
        tells = isinstance(value, str | BaseException) or not (line[:1] == "<" or " at 0x" in line)
    except Exception:  # noqa: BLE001 - what cannot be written down is still an answer
        tells = False
    if not tells:
        line = say("something of type {kind}", kind=type(value).__name__)
    return line if len(line) <= 300 else f"{line[:300]} …"


def _misfit(function: Callable, arguments: tuple) -> str:
    """Say how a function's parameters do not fit the arguments; nothing if they do."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return ""
    try:
        signature.bind(*arguments)
    except TypeError:
        takes = ", ".join(map(str, signature.parameters)) or say("no arguments")
        count = len(arguments)
        given = say("1 argument") if count == 1 else say("{count} arguments", count=count)
        words = {"given": given, "takes": takes}
        return say("Your function is called with {given}; it takes {takes}.", **words)
    return ""


def _failure(error: BaseException, function: Callable) -> Failure:
    """Put an error of the reader's code into one line."""
    said = one_line(error)
    if isinstance(error, RecursionError):
        hint = say("Your function never stops calling itself: give it a case in which it returns.")
    elif isinstance(error, _Asked):
        hint = say("Your code calls input(); use the function's arguments instead.")
    elif isinstance(error, SystemExit):
        hint = say("Your code quits Python; to leave a function, use return.")
    else:
        what = f"{type(error).__name__}: {said}" if said else type(error).__name__
        if line := _line_of(error, function):
            hint = say("Your code stopped in line {line} with {what}", line=line, what=what)
        else:
            hint = say("Your code stopped with {what}", what=what)
    return Failure(hint, type(error), said)


def _line_of(error: BaseException, function: Callable) -> int:
    """Return the function's own line in which it stopped, counted from its first; 0 if unknown."""
    code = getattr(function, "__code__", None)
    frames = traceback.walk_tb(error.__traceback__)
    lines = [number - code.co_firstlineno + 1 for frame, number in frames if frame.f_code is code]
    return lines[-1] if lines else 0


def _runs_to_its_end(work: Callable[[], None], seconds: float) -> bool:
    """Run `work` beside this thread; if it takes longer than that, stop it and say so.

    A thread of its own is what works in a Jupyter kernel on every system: the kernel stays
    usable even if the work cannot be stopped, and what the work sets for its thread, such as
    PyTorch's gradient mode, ends with it.
    """
    context, grad = contextvars.copy_context(), torch.is_grad_enabled()
    threads = torch.get_num_threads()

    class Again(_Stopped):
        """Stopped, by somebody who insists."""

    def alike() -> None:
        # What PyTorch keeps for each thread: the reader's code finds it as the notebook left it.
        torch.set_grad_enabled(grad)
        _use_threads(threads)
        try:
            try:
                context.run(work)
            finally:
                Again.__init__ = SystemExit.__init__  # type: ignore[method-assign]  # On purpose.
                (lambda: None)()  # A call lets the one that is on its way arrive, here.
        except _Stopped:
            pass

    usual = threading.stack_size(_STACK_BYTES)
    try:
        worker = threading.Thread(target=alike, daemon=True)
        worker.start()
    finally:
        threading.stack_size(usual)
    try:
        _wait(worker, seconds)
        return not worker.is_alive()
    finally:
        _stop(worker, Again)  # Also where the reader presses the stop button meanwhile.


def _wait(worker: threading.Thread, seconds: float) -> None:
    """Wait for a thread in short spells, so that the stop button is heard on every system."""
    end = time.monotonic() + seconds
    while worker.is_alive() and (left := end - time.monotonic()) > 0:
        worker.join(min(left, 0.1))


def _stop(worker: threading.Thread, again: type[_Stopped]) -> None:
    """End a thread by an exception, and code that catches everything by one after the other."""
    # PyTorch loads parts of itself when they are first used, and a module whose loading breaks off
    # stays broken for as long as the kernel lives. So that is waited for.
    end = time.monotonic() + _SECONDS_TO_IMPORT
    while worker.is_alive() and _imports(worker) and time.monotonic() < end:
        worker.join(0.1)
    if not worker.is_alive():
        return
    _raise_in_thread(worker.ident, _Stopped)
    worker.join(_SECONDS_TO_STOP / 4)
    # One exception does not end a loop around a bare ``except:``, and the same one raised again and
    # again was seen to leave threads behind and to kill a kernel. So each calls for the next as it
    # is made: the second comes while the first is handled, where no ``try`` protects the loop.
    if worker.is_alive():
        another = functools.partial(_raise_in_thread, worker.ident, again)
        again.__init__ = staticmethod(another)  # type: ignore[method-assign]  # On purpose.
        _raise_in_thread(worker.ident, again)
        worker.join(_SECONDS_TO_STOP)


def _imports(worker: threading.Thread) -> bool:
    """Say whether a thread is loading a module just now."""
    frames = traceback.walk_stack(sys._current_frames().get(worker.ident or 0))
    return any("importlib._bootstrap" in frame.f_code.co_filename for frame, _ in frames)


def _use_threads(count: int) -> None:
    if torch.get_num_threads() != count:
        torch.set_num_threads(count)


@contextlib.contextmanager
def _guarded(function: Callable) -> Iterator[None]:
    """Keep a reader's code from asking, from ending the kernel, and from leaving traces in it."""

    def ask(*_: object) -> NoReturn:
        raise _Asked

    def leave(*_: object) -> NoReturn:
        raise SystemExit

    names = getattr(function, "__globals__", vars(sys.modules["__main__"]))
    # In a notebook exit and quit are the kernel's own, and would end it.
    ways_out = {name: names[name] for name in ("exit", "quit") if name in names}
    with contextlib.ExitStack() as afterwards:
        afterwards.callback(setattr, builtins, "input", builtins.input)
        afterwards.callback(names.update, ways_out)
        afterwards.callback(random.setstate, random.getstate())
        afterwards.callback(np.random.set_state, np.random.get_state())
        afterwards.callback(torch.set_rng_state, torch.get_rng_state())
        afterwards.callback(torch.set_default_dtype, torch.get_default_dtype())
        afterwards.callback(_use_threads, torch.get_num_threads())
        afterwards.enter_context(contextlib.redirect_stdout(_FirstWords(sys.stdout)))
        afterwards.enter_context(contextlib.redirect_stderr(_FirstWords(sys.stderr)))
        builtins.input = ask
        names.update(dict.fromkeys(ways_out, leave))
        yield


class _FirstWords:
    """Passes on the first of what is printed, and drops the rest."""

    def __init__(self, stream) -> None:
        self._stream, self._left = stream, _MOST_PRINTED

    def write(self, text: str) -> int:
        if self._left > 0:
            self._stream.write(text[: self._left])
            self._left -= len(text)
            if self._left <= 0:
                self._stream.write("\n…\n")
        return len(text)

    def __getattr__(self, name: str):
        return getattr(self._stream, name)
