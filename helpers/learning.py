"""Compares what a reader predicted, or wrote in an exercise, with what holds.

The functions return one line of text for the notebook to print. They are kind to a reader who has
not answered yet, and they never give the answer away.
"""

import math
from collections.abc import Callable, Mapping, Sequence

import torch

NO_GUESS = "No guess yet. Write one where it says None, run that cell and this one again."


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
    guess : number, str or None
        What the reader wrote; ``None`` if nothing yet.
    answer : number or str
        What the run produced.
    tolerance : float
        How far a number may be from the answer and still count as right, in the answer's unit.
    misconceptions : mapping, optional
        From a wrong guess that people often make to the word that helps them on.

    Returns
    -------
    str
        One line: right, the word for this wrong guess, or which way the answer lies.
    """
    if guess is None:
        return NO_GUESS
    guess = _plain(guess)
    if isinstance(guess, str) and _is_number(answer):
        return f"You predicted {guess!r}, which is text; write a number, without quotes."
    if _agrees(guess, answer, tolerance):
        return f"You predicted {guess}: right."
    for wrong, word in (misconceptions or {}).items():
        if _agrees(guess, wrong, tolerance):
            return f"You predicted {guess}. {word}"
    if _is_number(guess) and _is_number(answer):
        return f"You predicted {guess}; the run gave {'more' if answer > guess else 'less'}."
    return f"You predicted {guess}; the run says otherwise. Look at the output above once more."


def check_exercise(
    attempt: Callable,
    oracle: Callable,
    inputs: Sequence[tuple],
    *,
    mistakes: Mapping[str, Callable] | None = None,
    tolerance: float = 1e-6,
) -> str:
    """Run a reader's function beside an independent one and say how it did.

    Parameters
    ----------
    attempt : callable
        What the reader wrote. A blank returns ``None`` or ``...``.
    oracle : callable
        Gives the right answer by another way.
    inputs : sequence of tuple
        The arguments to try, several of them, so that no fixed answer fits all.
    mistakes : mapping, optional
        From the hint to a function that makes the mistake which the hint is for.
    tolerance : float
        Largest difference from the oracle that counts as right, absolute and relative.

    Returns
    -------
    str
        One line: right, the hint for this mistake, or that something is not right yet.
    """
    results = []
    for arguments in inputs:
        try:
            results.append(attempt(*arguments))
        except Exception as error:  # noqa: BLE001 - whatever the reader's code raises is an answer
            message = " ".join(str(error).split())
            return f"Your code stopped with {type(error).__name__}: {message or 'no message'}"
    if all(result is None or result is ... for result in results):
        return "Nothing to check yet. Fill the blank, run that cell and this one again."
    difference = _first_difference(results, oracle, inputs, tolerance)
    if not difference:
        return "Right."
    for hint, mistake in (mistakes or {}).items():
        if not _first_difference(results, mistake, inputs, tolerance):
            return f"Not yet. {hint}"
    return f"Not yet. {difference}"


def _plain(guess: object) -> object:
    """Turn a tensor or a NumPy number into Python's own: readers rightly write those too."""
    if getattr(guess, "ndim", None) == 0:
        return guess.item()
    return guess.strip() if isinstance(guess, str) else guess


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _agrees(value: object, other: object, tolerance: float) -> bool:
    if _is_number(value) and _is_number(other):
        return abs(value - other) <= tolerance
    if isinstance(value, str) and isinstance(other, str):
        return value.casefold() == other.casefold()
    return type(value) is type(other) and value == other


def _first_difference(
    results: Sequence, expected_from: Callable, inputs: Sequence[tuple], tolerance: float
) -> str:
    for result, arguments in zip(results, inputs, strict=True):
        if difference := _difference(result, expected_from(*arguments), tolerance):
            return difference
    return ""


def _difference(value: object, expected: object, tolerance: float) -> str:
    """Say in a sentence how a value differs from the expected one; nothing if it does not."""
    try:
        found = torch.as_tensor(value, dtype=torch.float64, device="cpu").detach()
    except (TypeError, ValueError, RuntimeError):
        return f"That is of type {type(value).__name__}; give a number or a tensor."
    right = torch.as_tensor(expected, dtype=torch.float64, device="cpu").detach()
    if found.shape != right.shape:
        return f"That has shape {tuple(found.shape)}; the answer has shape {tuple(right.shape)}."
    if not torch.allclose(found, right, rtol=tolerance, atol=tolerance):
        return "The value differs from the right one: try it on an input you can do by hand."
    return ""
