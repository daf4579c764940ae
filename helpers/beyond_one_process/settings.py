"""The options of the command `helpers.run`: names, defaults, bounds and words, each said once.

Nothing here loads PyTorch, so that ``--help`` and a mistyped option answer at once.
"""

import argparse
import contextlib
import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

# One image of six is for validation: 10,000 of FashionMNIST's 60,000, as in notebook 04.
VALIDATION_SHARE = 6


def _asked(kind: Callable, holds: Callable[[Any], bool], give: str) -> Callable[[str], Any]:
    """Make what turns an option's text into a number of a kind, or says what to give instead."""

    def convert(text: str) -> Any:
        with contextlib.suppress(ValueError):
            if holds(value := kind(text)):
                return value
        raise argparse.ArgumentTypeError(f"{text[:40]!r}: give {give}")

    return convert


def _whole(least: int) -> Callable[[str], Any]:
    # Below what PyTorch can hold as a size.
    bounds = f"of at least {least} and below 2^63"
    return _asked(int, lambda value: least <= value < 2**63, f"a whole number {bounds}")


# NaN is neither above nor below anything. Larger numbers float32 cannot hold.
_POSITIVE = _asked(float, lambda value: 0 < value < 3.4e38, "a number above 0 and below 3.4e+38")
_BELOW_ONE = _asked(float, lambda value: 0 <= value < 1, "a number from 0 up and below 1")


def _path(text: str) -> Path:
    return Path(text).expanduser()  # No shell does it in --data=~/garments.


def _option(default: object, help: str, type: Callable = str, **more: object) -> Any:
    """Return a field that knows what `argparse` is to be told of it."""
    kind = {"action": "store_true"} if default is False else {"type": type}
    return dataclasses.field(default=default, metadata={"help": help, **kind, **more})


@dataclasses.dataclass(frozen=True)
class Settings:
    """What the command is told. Each field is an option, in the order of ``--help``."""

    epochs: int = _option(5, "walks over the images (%(default)s)", _whole(1))
    batch_size: int = _option(128, "images in a step, all processes (%(default)s)", _whole(1))
    lr: float = _option(0.15, "learning rate (%(default)s)", _POSITIVE)
    momentum: float = _option(0.8, "0 up to below 1 (%(default)s)", _BELOW_ONE)
    seed: int = _option(0, "decides the weights and the order (%(default)s)", _whole(0))
    network: str = _option("mlp", "notebook 04's, or a small CNN", choices=("mlp", "cnn"))
    dtype: str = _option("float32", "precision (%(default)s)", choices=("float32", "float64"))
    device: str = _option("cpu", "where to compute (%(default)s)", choices=("cpu", "cuda", "auto"))
    data: Path | None = _option(None, "folder above FashionMNIST/raw, or a file of tensors", _path)
    limit: int | None = _option(
        None, "take only so many of the images to learn from", _whole(VALIDATION_SHARE)
    )
    checkpoint: Path | None = _option(None, "file that keeps the run, so that it can go on", _path)
    checkpoint_every: int = _option(100, "batches between two saves (%(default)s)", _whole(1))
    resume: bool = _option(False, "go on from --checkpoint if it is there")
    json: bool = _option(False, "print one JSON object at the end, nothing else")


def spelt(name: str) -> str:
    """Return how a field of `Settings` is spelt on the command line."""
    return f"--{name.replace('_', '-')}"
