"""What the runs of the speedrun measured, as committed: `measured.json`, made by the command.

``python -m helpers.speedrun --ideas --json`` prints its part "ideas", ``--test --json`` the others.
"""

import functools
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from helpers.speedrun import marks

BASE = next(iter(marks.IDEAS))


@dataclass(frozen=True)
class Row:
    """One recipe over its seeds: the mean in per cent, its standard error, and the price."""

    accuracy: float
    error: float
    seeds: int
    seconds: float
    loader_epochs: float


@functools.cache
def report(part: str) -> list[dict]:
    """Return a part of the table as the command printed it."""
    return json.loads(Path(__file__).with_name("measured.json").read_text(encoding="utf-8"))[part]


def rows(part: str) -> dict[str | float, Row]:
    """Return the rows of a part, by the idea's name or by the mark."""
    return {
        run["idea" if part == "ideas" else "mark"]: Row(
            run["accuracy_mean"],
            run["accuracy_sem"],
            run["seeds"],
            run["seconds"],
            run["loader_epochs"],
        )
        for run in report(part)
    }


def gain(row: Row, base: Row) -> tuple[float, float]:
    """Return by how many points a row is above another, and the standard error of that."""
    return row.accuracy - base.accuracy, math.hypot(row.error, base.error)


def is_clear(points: float, error: float) -> bool:
    """Say whether a gain is worth a word: over a tenth of a point and two standard errors."""
    return abs(points) > max(0.1, 2 * error)


def verdict(ideas: Mapping, idea: str) -> str:
    """Say what became of the quick recipe's accuracy: better, worse or the same."""
    points, error = gain(ideas[idea], ideas[BASE])
    if not is_clear(points, error):
        return "the same"
    return "better" if points > 0 else "worse"


def reached(row: Row, mark: marks.Mark) -> bool:
    """Say whether a row has a mark's accuracy in the time that the mark allows."""
    return row.accuracy >= mark.accuracy and row.loader_epochs <= mark.loader_epochs
