"""Faults for `mutants.py` that no operator makes, and what is known of those it makes."""

from pathlib import Path

IN_HELPERS: list[tuple[str, str, str, str]] = []
EQUIVALENT: dict[str, str] = {}
SURVIVORS: dict[str, str] = {}


def in_notebook(path: Path):
    return []
