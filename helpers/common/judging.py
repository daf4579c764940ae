"""Is this answer right, and if not, which mistake is it? Pure functions; nothing is kept."""

import decimal
import dis
import functools
import inspect
import math
import numbers
import re
import types
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, TypeGuard

import torch

from helpers.common.require import shown
from helpers.common.running import SECONDS, Failure, one_line, outcome_of, own
from helpers.common.sentences import say


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
    guess: object, run: object, tolerance: float = 0.0, hints: Mapping[object, str] | None = None
) -> Verdict:
    """Compare a guess with what the run gave; `hints` goes from what may be guessed to its word."""
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
    said = one_line(guess).rstrip(".")  # The sentence has its own.
    if not is_number(run) and not isinstance(run, str | bool):
        no_answer = say("You predicted {guess}; the run gave {run}.", guess=said, run=one_line(run))
        return Verdict(no_answer)
    guess = _in_english(guess, [run, *hints])
    if agree(guess, run, tolerance):
        return Verdict(say("You predicted {guess}: right.", guess=said), right=True)
    for wrong, hint in hints.items():
        if hint and agree(guess, wrong, tolerance):
            return Verdict(say("You predicted {guess}. {hint}", guess=said, hint=say(hint)))
    if is_number(run):
        return Verdict(_another_number(guess, said, run))
    return Verdict(_another_word(guess, said, run, [run, *hints]))


def _in_english(guess, words: Iterable):
    """Return a guess in the series' own words, if it is one of them in the reader's language."""
    if not isinstance(guess, str):
        return guess
    theirs = {word: say(word) for word in words if isinstance(word, str)}
    theirs |= {"yes": say("yes"), "no": say("no")}
    return next((word for word in theirs if agree(guess, theirs[word])), guess)


def _another_number(guess, said: str, run) -> str:
    if not is_number(guess) and not (isinstance(guess, float) and math.isinf(guess)):
        return say("You predicted {guess}, which is not a single number.", guess=said)
    if run > guess:
        return say("You predicted {guess}; the run gave more.", guess=said)
    return say("You predicted {guess}; the run gave less.", guess=said)


def _another_word(guess, said: str, run, words: Iterable) -> str:
    """Say that a guess is wrong, or, if it is none of the words asked for, what those are."""
    may_be = [True, False] if isinstance(run, bool) else [w for w in words if isinstance(w, str)]
    if not any(agree(guess, word) for word in may_be):
        theirs = [say(word) if isinstance(word, str) else word for word in may_be]
        listed = ", ".join(sorted(set(map(repr, theirs))))
        return say("You predicted {guess}; write one of these: {words}.", guess=said, words=listed)
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
        try:  # no difference: 10**400 has no float
            return other - wide <= value <= other + wide
        except OverflowError:  # nor is it the sum of one
            return other - int(wide) <= value <= other + int(wide)
    bare = _bare(value)
    return bare is not None and bare == _bare(other)


def _bare(value: object) -> str | None:
    """Return a word without case, article, hyphens, spaces, final points, and in one spelling."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, str):
        return None
    word = re.sub(r"^[\W_]*(the|an?)[\W_]+|[^\w?]|_", "", value.casefold())
    word = re.sub(r"is(?=(e|ed|er|ers|ing|ation)$)", "iz", re.sub(r"our(?=s?$)", "or", word))
    return {"true": "yes", "y": "yes", "false": "no", "n": "no"}.get(word, word)


# --- Exercises ---


def exercise(
    attempt: object,
    answers: Callable[[], Sequence],
    inputs: Sequence[tuple | Callable[[], tuple]],
    mistakes: Iterable[Mistake] = (),
    tolerance: float = 1e-6,
    seconds: float = SECONDS,
    without: Sequence[str] = (),
    afterwards: Callable[..., str] = lambda *_: "",
) -> Verdict:
    """Run what a reader wrote on each of the inputs, and compare it with the answers.

    `answers` gives the right ones when they are asked for: for a blank they never are.
    An input is the arguments as a tuple, or a function that makes them where they cannot be copied.
    What is right may call no function whose name is in `without`, and `afterwards`, given the
    arguments, must find nothing to object to.
    """
    if not callable(attempt):
        kind = type(attempt).__name__
        return _not_yet(say("Give check a function; this is of type {kind}.", kind=kind))
    results, objection = [], ""
    called: set[str] | None = set() if without else None
    for arguments in map(own, inputs):
        results.append(outcome_of(attempt, arguments, seconds, called))
        if isinstance(results[-1], Failure):
            break
        objection = objection or afterwards(*arguments)
    if _is_blank(attempt, results):
        ask = say("Nothing to check yet. Fill the blank, run that cell and this one again.")
        return Verdict(ask, tried=False)
    wrong = _what_is_wrong(results, answers, inputs, tolerance)
    if not wrong:
        if name := next((name for name in without if name in (called or ())), ""):
            objection = say("Right, but your code uses {name}: do without it here.", name=name)
        return _not_yet(objection) if objection else Verdict(say("Right."), right=True)
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


def _what_is_wrong(results, answers: Callable[[], Sequence], inputs, tolerance: float) -> str:
    if isinstance(results[-1], Failure):
        return results[-1].hint
    if all(result is None for result in results):
        return say(
            "Your function returned None. Is there a return, and has what it returns been computed?"
        )
    pairs = zip(results, answers(), strict=True)
    wrong = [difference(*pair, tolerance) for pair in pairs]
    first = next(filter(None, wrong), "")
    if not first or "" not in wrong:
        return first
    where = say("Right on {right} of {count} inputs;", right=wrong.count(""), count=len(wrong))
    listed = [", ".join(map(_listed, own(arguments))) for arguments in inputs]
    missed = listed[place := wrong.index(first)]
    if listed.count(missed) == 1:
        where += " " + say("not on the one with {arguments}.", arguments=missed)
    else:  # As of networks, that all look the same.
        where += " " + say("not on number {n}, with {arguments}.", n=place + 1, arguments=missed)
    return where if first == _differs() else f"{first} {where}"


def _listed(argument: object) -> str:
    """Show an argument: a short list in full, anything else as errors show it."""
    plainly = isinstance(argument, list) and all(isinstance(e, int | float | str) for e in argument)
    return repr(argument) if plainly and len(repr(argument)) <= 60 else shown(argument)


def _is_made(mistake: Callable, results: Sequence, inputs: Sequence, tolerance: float) -> bool:
    """Say whether a mistake gives the very results that the reader's code gave."""
    for result, arguments in zip(results, inputs, strict=False):  # No result after a failure.
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # The reader did not write it.
                made = mistake(*own(arguments))
                same = _is_same(result, made, tolerance)
        except Exception as error:  # noqa: BLE001 - a mistake may well be one that raises
            same = _is_same(result, Failure("", type(error), one_line(error)), tolerance)
        if not same:
            return False
    return True


def _is_same(result: object, made: object, tolerance: float) -> bool:
    if isinstance(made, types.FunctionType):  # A sign: values may differ from code to code.
        return bool(made(result))
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
        if agree(value, expected):
            return ""
        return say("Another word is right: look at the output above once more.")
    if value is None:
        return say("For one of the inputs your function returned None.")
    if isinstance(expected, list | tuple) and not all(map(_is_one, expected)):
        if not isinstance(value, list | tuple) or len(value) != len(expected):
            return say(
                "The answer has {count} parts: return them separated by commas.",
                count=len(expected),
            )
        parts = zip(value, expected, strict=True)
        wrong = (difference(*part, tolerance, nan_is_nan=nan_is_nan) for part in parts)
        return next(filter(None, wrong), "")
    return _other_numbers(value, expected, tolerance, nan_is_nan)


def _differs() -> str:
    return say("The value differs from the right one: try it on an input you can work out by hand.")


def _other_numbers(value, expected, tolerance: float, nan_is_nan: bool) -> str:
    right = _numbers_in(expected)
    try:
        found = _numbers_in(value)
        shape = tuple(found.shape)  # A nested one has none.
    except Exception:  # noqa: BLE001 - a reader's code may return anything at all
        return _why_unreadable(value, expected)
    if found.dtype == torch.bool and right.dtype != torch.bool:
        return say("That is True or False; give a number.")
    if found.is_complex():
        if found.imag.any():
            return say("That holds complex numbers; the answer is real.")
        found = found.real
    one_or_list = right.ndim == 0 or isinstance(expected, list | tuple)
    if one_or_list and found.numel() == right.numel() and set(shape[right.ndim :]) <= {1}:
        found = found.reshape(right.shape)
    if found.shape != right.shape:
        return say(
            "That has shape {yours}; the answer has shape {right}.",
            yours=shape,
            right=tuple(right.shape),
        )
    if found.isnan().any() and not right.isnan().any() and not nan_is_nan:
        return say(
            "There is a NaN in it: is there a division by zero, or the root or logarithm of a "
            "negative number?"
        )
    right = right.double()
    if torch.allclose(found.double(), right, tolerance, tolerance, equal_nan=nan_is_nan):
        return ""
    return _how_far(found, right)


# To a whole number, down, and to one, two and three digits.
_WAYS_TO_ROUND: tuple[Callable, ...] = (
    torch.trunc,
    *(functools.partial(torch.round, decimals=digits) for digits in range(4)),
)


def _how_far(found: torch.Tensor, right: torch.Tensor) -> str:
    """Say what is the matter with numbers that differ: their precision, or their value."""
    precision = torch.finfo(found.dtype).eps if found.is_floating_point() else 0.0
    found = found.double()
    off = float((found - right).abs().max() / right.abs().max())
    if precision > 1e-15 and off < max(4 * precision, 1e-5):
        digits = int(-math.log10(max(precision, off)))
        return say("Right to the {digits} digits of its dtype: compute in float64.", digits=digits)
    cut = found.any() and any((found == way(right)).all() for way in _WAYS_TO_ROUND)
    if (off < 1e-3 or cut) and (right != right.round()).any():
        return say("The value is off by {off:.1g} of its size: is something rounded?", off=off)
    return _differs()


def _numbers_in(value) -> torch.Tensor:
    """Return the numbers in a value as a tensor; what is Python's own keeps its precision."""
    if isinstance(value, list | tuple):
        return torch.stack([_numbers_in(entry) for entry in value]) if value else torch.empty(0)
    if not isinstance(value, torch.Tensor) and hasattr(value, "__array__"):
        array = value.__array__()
        if array.dtype == object:
            return _numbers_in(array.tolist())
        # A copy, since PyTorch warns of memory that must not be written, and knows no long double.
        long = array.dtype.kind == "f" and array.dtype.itemsize > 8
        value = array.astype(float if long else array.dtype.newbyteorder("="))
    elif isinstance(value, numbers.Number) and not isinstance(value, bool | complex):
        try:
            value = torch.tensor(float(value), dtype=torch.float64)  # type: ignore[arg-type]
        except OverflowError:  # An int too large for any float.
            value = math.inf
    elif isinstance(value, complex):
        value = torch.tensor(value, dtype=torch.complex128)
    tensor = torch.as_tensor(value).detach().to("cpu").to_dense()
    return tensor.dequantize() if tensor.is_quantized else tensor


def _why_unreadable(value, expected) -> str:
    if isinstance(value, torch.Tensor):
        kind = "nested" if value.is_nested else value.device.type
        return say("A tensor of that kind ({kind}) has no numbers to compare.", kind=kind)
    kind = type(value).__name__
    if isinstance(expected, list | tuple):
        if isinstance(value, list) and value:
            kind = f"{kind} of {type(value[0]).__name__}"
        return say("That is of type {kind}; give a list of numbers.", kind=kind)
    if getattr(expected, "ndim", 0):
        return say("That is of type {kind}; give a tensor.", kind=kind)
    return say("That is of type {kind}; give a number or a tensor.", kind=kind)


def _is_one(entry: object) -> bool:
    """Say whether an entry of a list is one number."""
    return isinstance(entry, numbers.Number) or getattr(entry, "ndim", None) == 0
