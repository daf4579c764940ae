"""The run of notebook 04 as a command, in one process or in many.

``python -m helpers.run --help`` lists the options. The same command under ``torchrun`` shares each
batch among the processes that it starts:

    torchrun --standalone --nproc-per-node 2 -m helpers.run --epochs 5

It ends with 0, or with 2 for options that make no sense, 1 for what goes wrong later, 130 or 143 if
Ctrl+C or SIGTERM stopped it. What went wrong stands in one line on stderr.
"""

import argparse
import math
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

# Nothing that loads PyTorch is imported up here: --help and a mistyped option answer at once.

_NAME = "helpers.run"
# What PyTorch can hold as a size and as a number of its usual precision.
_LARGEST_WHOLE, _LARGEST_NUMBER = 2**63 - 1, 3.4e38


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    arguments : sequence of str, optional
        In place of the command line's.

    Returns
    -------
    int
        The exit code.

    Raises
    ------
    TypeError
        If `arguments` is no list of texts.
    """
    is_one = isinstance(arguments, Sequence) and not isinstance(arguments, str | bytes)
    if arguments is not None and not (is_one and all(isinstance(a, str) for a in arguments)):
        raise TypeError(
            "arguments is no list of texts: give what follows the command, word by word"
        )
    # Every process of a machine reads the same command line: one of them speaks.
    speaks = os.environ.get("LOCAL_RANK", "0") == "0"
    try:
        options = _parse(arguments)
    except _UsageError as error:
        if speaks:
            _complain(f"{error}; --help lists the options")
        return 2
    try:
        return _run(options, speaks)
    except KeyboardInterrupt:
        _complain("stopped by SIGINT, with no step in flight")
        return 128 + signal.SIGINT


def _run(options: argparse.Namespace, speaks: bool) -> int:
    import torch
    import torch.distributed as dist

    from helpers.beyond_one_process import parallel, session

    try:
        stopped_by = session.run(session.Settings(**vars(options)))
    except (ValueError, OSError, dist.DistError, parallel.PeerLost) as error:
        # What is wrong with files, settings or the loss is wrong in every process.
        if speaks:
            _complain(error)
        return 1
    except torch.OutOfMemoryError as error:
        _complain(error)
        return 1
    return 128 + stopped_by if stopped_by else 0


def _complain(problem: object) -> None:
    print(f"{_NAME}: {' '.join(str(problem).split())}", file=sys.stderr, flush=True)


class _UsageError(Exception):
    """The command line makes no sense."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise _UsageError(message)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = _Parser(
        prog=f"python -m {_NAME}",
        description="Train a network on FashionMNIST, as notebook 04 does.",
        epilog="Several processes: torchrun --standalone --nproc-per-node 2 -m helpers.run …",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--epochs", type=_whole(1), default=5, help="walks over the images (5)")
    add("--batch-size", type=_whole(1), default=128, help="images in a step, all processes (128)")
    add("--lr", type=_number(0, _LARGEST_NUMBER), default=0.15, help="learning rate (0.15)")
    add("--momentum", type=_number(-1e-9, 1), default=0.8, help="0 up to below 1 (0.8)")
    add("--seed", type=_whole(0), default=0, help="decides the weights and the order (0)")
    add("--network", choices=("mlp", "cnn"), default="mlp", help="notebook 04's, or a small CNN")
    add("--dtype", choices=("float32", "float64"), default="float32", help="precision (float32)")
    add("--device", choices=("cpu", "cuda", "auto"), default="cpu", help="where to compute (cpu)")
    add("--data", type=Path, help="folder above FashionMNIST/raw, or a file of tensors")
    add("--limit", type=_whole(6), help="take only so many of the images to learn from")
    add("--checkpoint", type=Path, help="file that keeps the run, so that it can go on")
    add("--checkpoint-every", type=_whole(1), default=100, help="batches between two saves (100)")
    add("--resume", action="store_true", help="go on from --checkpoint if it is there")
    add("--json", action="store_true", help="print one JSON object at the end, nothing else")
    options = parser.parse_args(arguments)
    if options.resume and options.checkpoint is None:
        raise _UsageError("--resume needs --checkpoint: say which file to go on from")
    return options


def _whole(least: int) -> Callable[[str], int]:
    def convert(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if not least <= value <= _LARGEST_WHOLE:
            raise argparse.ArgumentTypeError(
                f"{text[:40]!r}: give a whole number of at least {least} and below 2^63"
            )
        return value

    return convert


def _number(above: float, below: float) -> Callable[[str], float]:
    def convert(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not above < value < below:
            limit = f"{'above 0' if above == 0 else 'from 0 up'} and below {below:g}"
            raise argparse.ArgumentTypeError(f"{text[:40]!r}: give a number {limit}")
        return value

    return convert


if __name__ == "__main__":
    code = main()
    if "RANK" in os.environ:
        # All is done and said. The libraries' own threads, taken down in a busy moment, can still
        # abort, and torchrun would take that for a failure.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)
