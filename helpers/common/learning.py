"""Compares what a reader predicted, or wrote in an exercise, with what holds.

Each check gives one line of text for the notebook to print. It is kind to a reader who has not
answered yet, never gives the answer away, and outlives whatever a reader's code does: an error, a
loop without end or a call of ``exit()`` becomes a hint. `Progress` keeps the score of a notebook.
"""

import builtins
import contextlib
import contextvars
import copy
import ctypes
import dis
import functools
import inspect
import math
import numbers
import random
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, NoReturn, TypeGuard

import torch

from helpers.common import require

NO_GUESS = "No guess yet. Write one where it says None, run that cell and this one again."
NO_ATTEMPT = "Nothing to check yet. Fill the blank, run that cell and this one again."
RIGHT = "Right."

# How long a reader's function may take for one input.
SECONDS = 5.0

# What a reader's code may print while it is checked; a loop without end would print for ever.
_MOST_PRINTED = 4_000
# Some platforms give a thread so small a stack that recursion without end would crash Python.
_STACK_BYTES = 64 * 2**20
# How long to insist that a thread ends before leaving it behind.
_SECONDS_TO_STOP = 2.0


class Progress:
    """Keeps the score of one notebook: what was predicted, what was solved, what to revisit.

    It lives in the kernel and stores nothing anywhere else. Running a check again replaces what
    was noted under its name.

    Examples
    --------
    >>> progress = Progress()
    >>> progress.check_prediction("six times seven", 42, 6 * 7)
    'You predicted 42: right.'
    >>> print(progress)
    Predictions: 1 of 1 made, 1 right. Exercises: 0 of 0 solved.
    Nothing to revisit.
    """

    def __init__(self) -> None:
        self._predictions: dict[str, _Verdict] = {}
        self._exercises: dict[str, _Verdict] = {}

    def check_prediction(
        self,
        name: str,
        guess: object,
        answer: object,
        *,
        tolerance: float = 0.0,
        misconceptions: Mapping[object, str] | None = None,
    ) -> str:
        """Compare a prediction with what the run produced, and note how it did.

        Parameters
        ----------
        name : str
            A few words that say which question it was: the last line says them to revisit it.
        guess, answer, tolerance, misconceptions
            As in the function `check_prediction`.

        Raises
        ------
        TypeError, ValueError
            If the name is empty, or an argument other than `guess` is of another kind.
        """
        verdict = _judge_prediction(guess, answer, tolerance, misconceptions)
        self._predictions[_checked_name(name)] = verdict
        return verdict.line

    def check_exercise(
        self,
        name: str,
        attempt: object,
        oracle: Callable,
        inputs: Sequence[tuple | Callable[[], tuple]],
        *,
        mistakes: Mapping[str, Callable] | None = None,
        tolerance: float = 1e-6,
        seconds: float = SECONDS,
    ) -> str:
        """Run what a reader wrote beside an independent oracle, and note how it did.

        Parameters
        ----------
        name : str
            A few words that say which exercise it was: the last line says them to revisit it.
        attempt, oracle, inputs, mistakes, tolerance, seconds
            As in the function `check_exercise`.

        Raises
        ------
        TypeError, ValueError
            If the name or `inputs` is empty, an input cannot be copied, or an argument other than
            `attempt` is of another kind.
        """
        verdict = _judge_exercise(attempt, oracle, inputs, mistakes, tolerance, seconds)
        self._exercises[_checked_name(name)] = verdict
        return verdict.line

    def __str__(self) -> str:
        """Say how many predictions and exercises were met, and which to revisit."""
        made = sum(verdict.tried for verdict in self._predictions.values())
        right = sum(verdict.right for verdict in self._predictions.values())
        solved = sum(verdict.right for verdict in self._exercises.values())
        lines = [
            f"Predictions: {made} of {len(self._predictions)} made, {right} right. "
            f"Exercises: {solved} of {len(self._exercises)} solved."
        ]
        entries = [*self._predictions.items(), *self._exercises.items()]
        revisit = [name for name, verdict in entries if verdict.tried and not verdict.right]
        untouched = [name for name, verdict in entries if not verdict.tried]
        if revisit:
            lines.append(f"To revisit: {'; '.join(revisit)}.")
        if untouched:
            lines.append(f"Still open: {'; '.join(untouched)}.")
        if not revisit and not untouched:
            lines.append("Nothing to revisit.")
        return "\n".join(lines)


def check_prediction(
    guess: object,
    answer: object,
    *,
    tolerance: float = 0.0,
    misconceptions: Mapping[object, str] | None = None,
) -> str:
    """Compare a prediction with what the run produced.

    Parameters
    ----------
    guess : number, str, bool or None
        What the reader wrote; ``None`` if nothing yet.
    answer : number, str or bool
        What the run produced; a tensor of one number will do.
    tolerance : float
        How far a number may be from the answer and still count as right, in the answer's unit.
    misconceptions : mapping, optional
        From a wrong guess that people often make to the word that helps them on.

    Returns
    -------
    str
        One line: right, the word for this wrong guess, or which way the answer lies.

    Raises
    ------
    TypeError, ValueError
        If an argument other than `guess` is of another kind.
    """
    return _judge_prediction(guess, answer, tolerance, misconceptions).line


def check_exercise(
    attempt: object,
    oracle: Callable,
    inputs: Sequence[tuple | Callable[[], tuple]],
    *,
    mistakes: Mapping[str, Callable] | None = None,
    tolerance: float = 1e-6,
    seconds: float = SECONDS,
) -> str:
    """Run what a reader wrote beside an independent oracle and say how it did.

    Parameters
    ----------
    attempt : callable, number, tensor or str
        What the reader wrote. A blank function returns ``None`` or ``...``. Where `inputs` is
        ``[()]`` it may be a value in place of a function: a number, a tensor, or a choice as text.
    oracle : callable
        Gives the right answer by another way.
    inputs : sequence of tuple, or of callables that return one
        The arguments to try, several of them, so that no fixed answer fits all. Each call gets its
        own copy, so that code that changes its arguments changes nothing else. Where arguments
        cannot be copied (a tensor with a graph behind it), give a function that makes them anew.
    mistakes : mapping, optional
        From the hint to a function that makes the mistake which the hint is for. If it raises, it
        stands for attempts that raise the same error.
    tolerance : float
        Largest difference from the oracle that counts as right, absolute and relative.
    seconds : float
        How long the attempt may take for one input before it is stopped.

    Returns
    -------
    str
        One line: right, the hint for this mistake, or that something is not right yet.

    Raises
    ------
    TypeError, ValueError
        If `inputs` is empty, an input cannot be copied, or an argument other than `attempt` is of
        another kind.
    """
    return _judge_exercise(attempt, oracle, inputs, mistakes, tolerance, seconds).line


class _Verdict(NamedTuple):
    """What to tell the reader, and how it counts."""

    line: str
    tried: bool
    right: bool


_UNTRIED = _Verdict(NO_ATTEMPT, tried=False, right=False)


def _not_yet(line: str) -> _Verdict:
    return _Verdict(line, tried=True, right=False)


def _checked_words(name: str, words: Mapping[object, str] | None) -> Mapping[object, str]:
    words = {} if words is None else words
    require.instance(name, words, Mapping, "a dict from wrong guesses to words")
    for wrong, word in words.items():
        require.text(f"{name}[{require.shown(wrong)}]", word)
    return words


def _checked_name(name: str) -> str:
    if not isinstance(name, str) or not name.strip():
        raise ValueError(
            f"name is {require.shown(name)}: give a few words that say which question it was"
        )
    return name


# --- Predictions ---


def _judge_prediction(
    guess: object, answer: object, tolerance: float, misconceptions: Mapping[object, str] | None
) -> _Verdict:
    answer = _plain(answer)
    require.instance(
        "answer", answer, (bool, numbers.Real, str), "a number, a text or a truth value"
    )
    require.number("tolerance", tolerance, least=0)
    misconceptions = _checked_words("misconceptions", misconceptions)
    if guess is None or guess is ...:
        return _Verdict(NO_GUESS, tried=False, right=False)
    guess = _plain(guess)
    said = _in_one_line(guess)
    if isinstance(guess, str) and _is_number(answer):
        return _not_yet(f"You predicted {guess!r}, which is text; write a number, without quotes.")
    if _agrees(guess, answer, tolerance):
        return _Verdict(f"You predicted {said}: right.", tried=True, right=True)
    for wrong, word in misconceptions.items():
        if _agrees(guess, wrong, tolerance):
            return _not_yet(f"You predicted {said}. {word}")
    if _is_number(guess) and _is_number(answer):
        return _not_yet(
            f"You predicted {said}; the run gave {'more' if answer > guess else 'less'}."
        )
    return _not_yet(
        f"You predicted {said}; the run says otherwise. Look at the output above once more."
    )


def _plain(guess: Any) -> object:
    """Turn a tensor or a NumPy number into Python's own: readers rightly write those too."""
    if getattr(guess, "ndim", None) == 0 and hasattr(guess, "item"):
        return guess.item()
    return guess.strip() if isinstance(guess, str) else guess


def _is_number(value: object) -> TypeGuard[float]:
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return False
    return not isinstance(value, float) or math.isfinite(value)


def _agrees(value: object, other: object, tolerance: float) -> bool:
    if _is_number(value) and _is_number(other):
        return abs(value - other) <= tolerance
    if isinstance(value, str) and isinstance(other, str):
        return value.casefold() == other.casefold()
    return isinstance(value, bool) and isinstance(other, bool) and value == other


def _in_one_line(value: object, most: int = 300) -> str:
    # Python refuses to write the longest whole numbers.
    text = require.shown(value) if isinstance(value, int) else str(value)
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[:most]} …"


# --- Exercises ---


class _Failure(NamedTuple):
    """An error in place of an answer: its hint, and what tells it from another error."""

    hint: str
    error: type
    message: str


def _judge_exercise(
    attempt: object,
    oracle: Callable,
    inputs: Sequence[tuple | Callable[[], tuple]],
    mistakes: Mapping[str, Callable] | None,
    tolerance: float,
    seconds: float,
) -> _Verdict:
    require.function("oracle", oracle)
    require.items("inputs", inputs)
    for place, arguments in enumerate(inputs):
        if not callable(arguments):
            give = "the arguments as a tuple, or a function that makes it"
            require.instance(f"inputs[{place}]", arguments, tuple, give)
    mistakes = {} if mistakes is None else mistakes
    require.instance("mistakes", mistakes, Mapping, "a dict from hints to functions")
    for hint, mistake in mistakes.items():
        require.text("a hint of mistakes", hint)
        require.function(f"mistakes[{require.shown(hint)}]", mistake)
    require.number("tolerance", tolerance, least=0)
    require.number("seconds", seconds, above=0)
    if not callable(attempt):
        if list(inputs) != [()]:
            kind = type(attempt).__name__
            return _not_yet(f"Not yet. The answer is a function; yours is of type {kind}.")
        if attempt is None or attempt is ...:
            return _UNTRIED
        results = [_snapshot(attempt)]
    else:
        results = []
        for arguments in inputs:
            results.append(_result_of(attempt, _own(arguments), seconds))
            if isinstance(results[-1], _Failure):
                break
        if _is_untouched(attempt, results):
            return _UNTRIED

    tried = inputs[: len(results)]
    if isinstance(results[-1], _Failure):
        difference = results[-1].hint
    elif all(result is None for result in results):
        difference = "Your function gives nothing back. Does it end with return?"
    elif not (difference := _first_difference(results, oracle, tried, tolerance)):
        return _Verdict(RIGHT, tried=True, right=True)
    for hint, mistake in mistakes.items():
        if _makes(mistake, results, tried, tolerance):
            return _not_yet(f"Not yet. {hint}")
    return _not_yet(f"Not yet. {difference}")


def _is_untouched(attempt: Callable, results: Sequence) -> bool:
    """Say whether the blank is still in a function: ``...``, or nothing but ``return None``."""
    if all(result is ... for result in results):
        return True
    code = getattr(attempt, "__code__", None)
    if code is None or not all(result is None for result in results):
        return False
    idle = {"RESUME", "NOP", "LOAD_CONST", "RETURN_CONST", "RETURN_VALUE"}
    if {step.opname for step in dis.get_instructions(code)} <= idle:
        return True
    try:
        lines = inspect.getsource(attempt).splitlines()
    except (OSError, TypeError):
        return False
    return "..." in (line.strip() for line in lines)


def _own(arguments: tuple | Callable[[], tuple]) -> tuple:
    """Return arguments that nobody else holds."""
    if callable(arguments):
        return arguments()
    try:
        return copy.deepcopy(arguments)
    except (RuntimeError, TypeError) as error:
        raise TypeError(
            "inputs holds something that cannot be copied: give a function that makes it "
            f"({_in_one_line(error)})"
        ) from None


def _snapshot(result: object) -> object:
    """Keep what a result is now: a reader's code may change the tensor in its next call."""
    if isinstance(result, torch.Tensor):
        return result.detach().clone()
    if isinstance(result, list | tuple):
        return [_snapshot(entry) for entry in result]
    return result


def _first_difference(
    results: Sequence, oracle: Callable, inputs: Sequence, tolerance: float
) -> str:
    for result, arguments in zip(results, inputs, strict=True):
        if difference := _difference(result, oracle(*_own(arguments)), tolerance):
            return difference
    return ""


def _makes(mistake: Callable, results: Sequence, inputs: Sequence, tolerance: float) -> bool:
    """Say whether a mistake gives the very results that the reader's code gave."""
    for result, arguments in zip(results, inputs, strict=True):
        try:
            made = mistake(*_own(arguments))
        except Exception as error:  # noqa: BLE001 - a mistake may well be one that raises
            made = _Failure("", type(error), str(error))
        if isinstance(result, _Failure) or isinstance(made, _Failure):
            if type(result) is not type(made) or result[1:] != made[1:]:
                return False
        elif result is None or made is None:
            if result is not made:
                return False
        elif _difference(result, made, tolerance, nan_is_nan=True):
            return False
    return True


def _difference(
    value: object, expected: object, tolerance: float, *, nan_is_nan: bool = False
) -> str:
    """Say in a sentence how a value differs from the expected one; nothing if it does not."""
    kind = type(value).__name__
    if isinstance(expected, str):
        if not isinstance(value, str):
            return f"That is of type {kind}; give one of the words, in quotes."
        same = value.strip().casefold() == expected.casefold()
        return "" if same else "Another word is right: look at the output above once more."
    if value is None:
        return "For one of the inputs your function gives nothing back."
    if isinstance(expected, list | tuple) and not _is_table(expected):
        if not isinstance(value, list | tuple) or len(value) != len(expected):
            return f"The answer has {len(expected)} parts: give them with commas between."
        parts = zip(value, expected, strict=True)
        differences = (_difference(*part, tolerance, nan_is_nan=nan_is_nan) for part in parts)
        return next(filter(None, differences), "")
    wanted = "a number or a tensor"
    try:
        right = torch.as_tensor(expected, dtype=torch.float64, device="cpu").detach()
        if right.ndim:
            wanted = "a tensor"
        found = torch.as_tensor(value)
        is_truth = found.dtype == torch.bool and torch.as_tensor(expected).dtype != torch.bool
        if is_truth:
            return "That is True or False; give a number."
        if found.is_complex():
            return "That holds complex numbers; the answer is real."
        found = found.detach().to("cpu", torch.float64)
    except Exception:  # noqa: BLE001 - a reader's code may return anything at all
        return f"That is of type {kind}; give {wanted}."
    if found.shape != right.shape:
        return f"That has shape {tuple(found.shape)}; the answer has shape {tuple(right.shape)}."
    if found.isnan().any() and not right.isnan().any() and not nan_is_nan:
        return "There is a NaN in it: is something divided by zero, or a root or log of too little?"
    if not torch.allclose(found, right, rtol=tolerance, atol=tolerance, equal_nan=nan_is_nan):
        return "The value differs from the right one: try it on an input you can do by hand."
    return ""


def _is_table(values: list | tuple) -> bool:
    """Say whether values are numbers that make one tensor, and not tensors of their own or text."""
    try:
        torch.as_tensor(values, dtype=torch.float64)
    except (TypeError, ValueError, RuntimeError):
        return False
    return True


# --- Running what a reader wrote ---


class _Stopped(SystemExit):
    """Ends a reader's loop. ``except Exception`` does not catch it, and no thread reports it."""


# From C, so that no line of Python stands between one exception and the next.
_raise_in_thread = ctypes.PYFUNCTYPE(None, ctypes.c_ulong, ctypes.py_object)(
    ("PyThreadState_SetAsyncExc", ctypes.pythonapi)
)


class _Asked(Exception):
    """Stands for a call of ``input()``, where nobody is there to answer."""


def _result_of(function: Callable, arguments: tuple, seconds: float) -> object:
    """Call a reader's function and return its answer, or how it failed."""
    if hint := _misfit(function, arguments):
        return _Failure(hint, TypeError, "arguments")
    outcome: list = []

    def work() -> None:
        try:
            outcome.append(_snapshot(function(*arguments)))
        except _Stopped:
            raise
        except BaseException as error:  # noqa: BLE001 - whatever it raises is an answer
            outcome.append(_failure(error, function, seconds))

    with _guarded(function):
        if not _runs_to_its_end(work, seconds):
            outcome[:] = [_failure(_Stopped(), function, seconds)]
    return outcome[0]


def _misfit(function: Callable, arguments: tuple) -> str:
    """Say how a function's parameters do not fit the arguments; nothing if they do."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return ""
    try:
        signature.bind(*arguments)
    except TypeError:
        takes = ", ".join(map(str, signature.parameters)) or "no arguments"
        count = f"{len(arguments)} argument{'' if len(arguments) == 1 else 's'}"
        return f"Your function is called with {count}; it takes {takes}."
    return ""


def _failure(error: BaseException, function: Callable, seconds: float) -> _Failure:
    """Put an error of the reader's code into one line."""
    name, message = type(error).__name__, _in_one_line(error)
    if isinstance(error, _Stopped):
        hint = f"Your code still ran after {seconds:g} s and was stopped. Does its loop end?"
    elif isinstance(error, RecursionError):
        hint = "Your function calls itself again and again: let it return before it does."
    elif isinstance(error, _Asked):
        hint = "Your code asks with input(); take what it needs from its arguments."
    elif isinstance(error, SystemExit):
        hint = "Your code ends the program; leave a function with return."
    else:
        own_code = getattr(function, "__code__", None)
        lines = [
            number - own_code.co_firstlineno + 1
            for frame, number in traceback.walk_tb(error.__traceback__)
            if frame.f_code is own_code
        ]
        where = f" in line {lines[-1]}" if lines else ""
        hint = f"Your code stopped{where} with {name}: {message or 'no message'}"
    return _Failure(hint, type(error), str(error))


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
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)
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
    if not worker.is_alive():
        return
    _raise_in_thread(worker.ident, _Stopped)
    worker.join(_SECONDS_TO_STOP / 4)
    # Each exception calls for the next as it is made. So the second comes while the first is
    # handled, at a place that a bare ``except:`` within a loop does not protect.
    if worker.is_alive():
        another = functools.partial(_raise_in_thread, worker.ident, again)
        again.__init__ = staticmethod(another)  # type: ignore[method-assign]  # On purpose.
        _raise_in_thread(worker.ident, again)
        worker.join(_SECONDS_TO_STOP)


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
    random_numbers, random_tensors = random.getstate(), torch.get_rng_state()
    dtype, threads, usual_input = torch.get_default_dtype(), torch.get_num_threads(), builtins.input
    builtins.input = ask
    names.update(dict.fromkeys(ways_out, leave))
    try:
        with contextlib.redirect_stdout(_FirstWords(sys.stdout)):
            yield
    finally:
        builtins.input = usual_input
        names.update(ways_out)
        random.setstate(random_numbers)
        torch.set_rng_state(random_tensors)
        torch.set_default_dtype(dtype)
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)


class _FirstWords:
    """Passes on the first of what is printed, and drops the rest."""

    def __init__(self, stream) -> None:
        self._stream, self._left = stream, _MOST_PRINTED

    def write(self, text: str) -> int:
        if self._left > 0:
            self._stream.write(text[: self._left])
            self._left -= len(text)
            if self._left <= 0:
                self._stream.write("\n… and so on\n")
        return len(text)

    def __getattr__(self, name: str):
        return getattr(self._stream, name)
