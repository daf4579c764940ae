"""Is this answer right, and if not, which mistake is it? Pure functions; nothing is kept."""

import decimal
import dis
import inspect
import math
import numbers
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, TypeGuard

import torch

from helpers.common.running import SECONDS, Failure, one_line, outcome_of, own
from helpers.common.sentences import say


# Of words: no hyphens, no article, the American spelling for the British, no spaces.
_ONE_SPELLING = [
    (r"[\s_\u2010-\u2015-]+", " "),
    (r"^(the|an?) ", ""),
    (r"is(?=(e|ed|er|ers|ing|ation)\b)", "iz"),
    (r"our(?=s?\b)", "or"),
    (" ", ""),
]


class Verdict(NamedTuple):
    """What to tell the reader, and how it counts."""

    line: str
    tried: bool = True
    right: bool = False


class Mistake(NamedTuple):
    """Something that people write in place of the answer, and the hint that helps."""

    hint: str
    makes: Callable


def _not_yet(hint: str) -> Verdict:
    return Verdict(say("Not yet. {hint}", hint=hint))


# --- Predictions ---


def prediction(
    guess: object,
    run: object,
    tolerance: float = 0.0,
    hints: Mapping[object, str] | None = None,
    words: Iterable[object] = (),
) -> Verdict:
    """Compare a guess with what the run gave.

    `hints` goes from a wrong guess to its word; `words` are the others that may be guessed.
    """
    if guess is None or guess is ...:
        ask = say("No guess yet. Write one where it says None, run that cell and this one again.")
        return Verdict(ask, tried=False)
    guess, run, hints = plain(guess), plain(run), hints or {}
    if isinstance(guess, str) and is_number(run):
        ask = say(
            "You predicted {guess}, which is text; write a number, without quotes.",
            guess=one_line(repr(guess)),
        )
        return Verdict(ask)
    said = one_line(guess)
    if agree(guess, run, tolerance):
        return Verdict(say("You predicted {guess}: right.", guess=said), right=True)
    for wrong, hint in hints.items():
        if agree(guess, wrong, tolerance):
            return Verdict(say("You predicted {guess}. {hint}", guess=said, hint=say(hint)))
    if is_number(run):
        return Verdict(_another_number(guess, said, run))
    return Verdict(_another_word(guess, said, run, [run, *hints, *words]))


def _another_number(guess, said: str, run) -> str:
    if not is_number(guess):
        return say("You predicted {guess}, which is not a single number.", guess=said)
    if run > guess:
        return say("You predicted {guess}; the run gave more.", guess=said)
    return say("You predicted {guess}; the run gave less.", guess=said)


def _another_word(guess, said: str, run, words: Iterable) -> str:
    """Say that a guess is wrong, or, if it is none of the words asked for, what those are."""
    may_be = [True, False] if isinstance(run, bool) else [w for w in words if isinstance(w, str)]
    if not any(agree(guess, word) for word in may_be):
        if isinstance(run, bool):
            return say("You predicted {guess}; write True or False, without quotes.", guess=said)
        listed = ", ".join(sorted(map(repr, {_bare(word): word for word in may_be}.values())))
        return say(
            "You predicted {guess}; write one of these, in quotes: {words}.",
            guess=said,
            words=listed,
        )
    return say(
        "You predicted {guess}; the run says otherwise. Look at the output above once more.",
        guess=said,
    )


def plain(value):
    """Turn one number or word into Python's own, whatever it came in; leave anything else."""
    for _ in range(3):  # And no more: a list may hold itself.
        if isinstance(value, list | tuple) and len(value) == 1:
            value = value[0]
    try:
        value = (value.to_dense() if isinstance(value, torch.Tensor) else value).item()
    except Exception:  # noqa: BLE001 - it is no tensor, or not of one number, or without data
        pass
    if isinstance(value, complex) and value.imag == 0:
        return value.real
    if isinstance(value, decimal.Decimal) and not value.is_snan():
        return float(value)
    return value.strip() if isinstance(value, str) else value


def is_number(value: object) -> TypeGuard[float]:
    """Say whether a value is a finite number; True and False do not count."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return False
    return isinstance(value, numbers.Rational) or math.isfinite(value)


def agree(value: object, other: object, tolerance: float = 0.0) -> bool:
    """Say whether two answers are the same: numbers within a tolerance, words in any dress.

    The second number is rounded as the tolerance is written: to 0.25 for 0.02, to 10 for 1.
    """
    if is_number(value) and is_number(other):
        if tolerance and isinstance(other, float):
            other = round(other, max(0, -math.floor(math.log10(tolerance))))
        wide = tolerance * (1 + 1e-9)  # 0.27 - 0.25 is a little over 0.02
        return other - wide <= value <= other + wide  # no difference: 10**400 has no float
    bare = _bare(value)
    return bare is not None and bare == _bare(other)


def _bare(value: object) -> str | None:
    """Return a word without case, article, hyphens, final points, and in one spelling."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, str):
        return None
    word = value.casefold().strip(" .,;:!\"'`")
    for pattern, spelt in _ONE_SPELLING:
        word = re.sub(pattern, spelt, word)
    return {"true": "yes", "y": "yes", "false": "no", "n": "no"}.get(word, word)


# --- Exercises ---


def exercise(
    attempt: object,
    answers: Callable[[], Sequence],
    inputs: Sequence[tuple | Callable[[], tuple]],
    mistakes: Iterable[Mistake] = (),
    tolerance: float = 1e-6,
    seconds: float = SECONDS,
) -> Verdict:
    """Run what a reader wrote on each of the inputs, and compare it with the answers.

    `answers` gives the right ones when they are asked for: for a blank they never are.
    An input is the arguments as a tuple, or a function that makes them where they cannot be copied.
    """
    if not callable(attempt):
        kind = type(attempt).__name__
        return _not_yet(say("Give check a function; this is of type {kind}.", kind=kind))
    results: list = []
    for arguments in inputs:
        results.append(outcome_of(attempt, own(arguments), seconds))
        if isinstance(results[-1], Failure):
            break
    if _is_blank(attempt, results):
        ask = say("Nothing to check yet. Fill the blank, run that cell and this one again.")
        return Verdict(ask, tried=False)
    wrong = _what_is_wrong(results, answers, tolerance)
    if not wrong:
        return Verdict(say("Right."), right=True)
    for mistake in mistakes:
        if _is_made(mistake.makes, results, inputs, tolerance):
            return _not_yet(say(mistake.hint))
    return _not_yet(wrong)


def _is_blank(attempt: Callable, results: Sequence) -> bool:
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


def _what_is_wrong(results: Sequence, answers: Callable[[], Sequence], tolerance: float) -> str:
    if isinstance(results[-1], Failure):
        return results[-1].hint
    if all(result is None for result in results):
        return say(
            "Your function returned None. Is there a return, and has what it returns been computed?"
        )
    for result, answer in zip(results, answers(), strict=True):
        if wrong := difference(result, answer, tolerance):
            return wrong
    return ""


def _is_made(mistake: Callable, results: Sequence, inputs: Sequence, tolerance: float) -> bool:
    """Say whether a mistake gives the very results that the reader's code gave."""
    for result, arguments in zip(results, inputs, strict=False):  # No result after a failure.
        try:
            made = mistake(*own(arguments))
        except Exception as error:  # noqa: BLE001 - a mistake may well be one that raises
            made = Failure("", type(error), one_line(error))
        if not _is_same(result, made, tolerance):
            return False
    return True


def _is_same(result: object, made: object, tolerance: float) -> bool:
    if isinstance(result, Failure) or isinstance(made, Failure):
        return isinstance(result, Failure) and result.is_like(made)
    if result is None or made is None:
        return result is made
    return not difference(result, made, tolerance, nan_is_nan=True)


# --- Two values ---


def difference(value, expected, tolerance: float, *, nan_is_nan: bool = False) -> str:
    """Say in a sentence how a value differs from the expected one; nothing if it does not."""
    if isinstance(expected, str):
        if not isinstance(value, str):
            kind = type(value).__name__
            return say("That is of type {kind}; give one of the words, in quotes.", kind=kind)
        if value.strip().casefold() == expected.casefold():
            return ""
        return say("Another word is right: look at the output above once more.")
    if value is None:
        return say("For one of the inputs your function returned None.")
    if isinstance(expected, list | tuple) and not _is_table(expected):
        if not isinstance(value, list | tuple) or len(value) != len(expected):
            return say(
                "The answer has {count} parts: return them separated by commas.",
                count=len(expected),
            )
        parts = zip(value, expected, strict=True)
        wrong = (difference(*part, tolerance, nan_is_nan=nan_is_nan) for part in parts)
        return next(filter(None, wrong), "")
    return _other_numbers(value, expected, tolerance, nan_is_nan)


def _other_numbers(value, expected, tolerance: float, nan_is_nan: bool) -> str:
    right = torch.as_tensor(expected, device="cpu").detach()
    try:
        found = torch.as_tensor(value).detach().to("cpu")
    except Exception:  # noqa: BLE001 - a reader's code may return anything at all
        kind = type(value).__name__
        if right.ndim:
            return say("That is of type {kind}; give a tensor.", kind=kind)
        return say("That is of type {kind}; give a number or a tensor.", kind=kind)
    if found.dtype == torch.bool and right.dtype != torch.bool:
        return say("That is True or False; give a number.")
    if found.is_complex():
        return say("That holds complex numbers; the answer is real.")
    if found.shape != right.shape:
        return say(
            "That has shape {yours}; the answer has shape {right}.",
            yours=tuple(found.shape),
            right=tuple(right.shape),
        )
    found, right = found.double(), right.double()
    if found.isnan().any() and not right.isnan().any() and not nan_is_nan:
        return say(
            "There is a NaN in it: is there a division by zero, or the root or logarithm of a "
            "negative number?"
        )
    if not torch.allclose(found, right, rtol=tolerance, atol=tolerance, equal_nan=nan_is_nan):
        return say(
            "The value differs from the right one: try it on an input you can work out by hand."
        )
    return ""


def _is_table(values: list | tuple) -> bool:
    """Say whether values are numbers that make one tensor, and not tensors of their own or text."""
    try:
        torch.as_tensor(values, dtype=torch.float64)
    except (TypeError, ValueError, RuntimeError):
        return False
    return True
