"""The run of notebook 04 as a command, in one process or in many.

``python -m helpers.run --help`` lists the options. The same command under ``torchrun`` shares each
batch among the processes that it starts:

    torchrun --standalone --nproc-per-node 2 -m helpers.run --epochs 5

It ends with 0, or with 2 for options that make no sense, 1 for what goes wrong later, 130 or 143 if
Ctrl+C or SIGTERM stopped it, 129 or 141 if its terminal or the reader of its output is gone. What
went wrong stands in one line on stderr.
"""

import argparse
import dataclasses
import os
import signal
import sys
import time
from collections.abc import Sequence
from typing import NoReturn

# Nothing that loads PyTorch is imported up here: --help and a mistyped option answer at once.
from helpers.beyond_one_process.settings import Settings, spelt
from helpers.common import streams

_NAME = "helpers.run"
_SECONDS_TO_SPEAK = 20.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command, with `arguments` in place of the command line's; return its exit code."""
    try:
        settings = _parse(arguments)
    except _UsageError as error:
        _complain(f"{error}; --help lists the options", once=True)
        return 2
    try:
        return _run(settings)
    except KeyboardInterrupt:
        _complain("stopped by SIGINT, with no step in flight")
        return 128 + signal.SIGINT


def _run(settings: Settings) -> int:
    import torch
    import torch.distributed as dist

    from helpers.beyond_one_process import parallel, training_run

    try:
        stopped_by = training_run.run(settings)
    except (ValueError, OSError, dist.DistError, parallel.PeerLost) as error:
        # What is wrong with files, settings or the loss is wrong in every process.
        _complain(error, once=True)
        return 1
    except torch.OutOfMemoryError as error:
        _complain(error)
        return 1
    # By the custom of shells: 128 and the number of the signal.
    return 128 + stopped_by if stopped_by else 0


def _complain(problem: object, *, once: bool = False) -> None:
    """Say what is wrong: `once` if the other processes of this machine find the same."""
    if once and os.environ.get("LOCAL_RANK", "0") != "0":
        # One of them speaks, and torchrun then ends the others. It ends that one, too, if another
        # fails first: so they wait for it.
        time.sleep(_SECONDS_TO_SPEAK)
    streams.put(f"{_NAME}: {' '.join(str(problem).split())}", sys.stderr)


class _UsageError(Exception):
    """The command line makes no sense."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        # argparse would print a page of usage, in every process, and exit.
        raise _UsageError(message)


def _parse(arguments: Sequence[str] | None) -> Settings:
    parser = _Parser(
        prog=f"python -m {_NAME}",
        description="Train a network on FashionMNIST, as notebook 04 does.",
        epilog="Several processes: torchrun --standalone --nproc-per-node 2 -m helpers.run …",
        allow_abbrev=False,  # Or --epoch would mean --epochs, until another option begins so.
    )
    for option in dataclasses.fields(Settings):
        parser.add_argument(spelt(option.name), default=option.default, **option.metadata)
    settings = Settings(**vars(parser.parse_args(arguments)))
    if settings.resume and settings.checkpoint is None:
        raise _UsageError("--resume needs --checkpoint: say which file to go on from")
    return settings


if __name__ == "__main__":
    streams.mend()
    code = main()
    if "RANK" in os.environ:
        # All is done and said. The libraries' own threads, taken down in a busy moment, can still
        # abort, and torchrun would take that for a failure.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)
