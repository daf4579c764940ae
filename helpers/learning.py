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
    if _all_agree(results, [oracle(*arguments) for arguments in inputs], tolerance):
        return "Right."
    for hint, mistake in (mistakes or {}).items():
        if _all_agree(results, [mistake(*arguments) for arguments in inputs], tolerance):
            return f"Not yet. {hint}"
    return "Not yet. The value differs from the right one: try it on an input you can do by hand."


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _agrees(value: object, other: object, tolerance: float) -> bool:
    if _is_number(value) and _is_number(other):
        return abs(value - other) <= tolerance
    return type(value) is type(other) and value == other


def _all_agree(values: Sequence, others: Sequence, tolerance: float) -> bool:
    return all(_close(value, other, tolerance) for value, other in zip(values, others, strict=True))


def _close(value: object, other: object, tolerance: float) -> bool:
    try:
        first = torch.as_tensor(value, dtype=torch.float64)
        second = torch.as_tensor(other, dtype=torch.float64)
    except (TypeError, ValueError, RuntimeError):
        return False
    return first.shape == second.shape and torch.allclose(
        first, second, rtol=tolerance, atol=tolerance
    )
