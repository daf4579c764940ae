"""Starts real ``torchrun`` processes from a notebook and brings back what they said and found.

What comes back is in the order of the processes, whatever the order in which they ran.
"""

import inspect
import os
import re
import subprocess
import sys
import tempfile
import textwrap
import types
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from helpers import checks

_SECONDS_AT_MOST = 300.0
# Each takes a third of a gigabyte.
_MOST_PROCESSES = 64

# What each process runs. It writes into a file of its own, so that lines do not mix.
_BEGINNING = """
import os
import sys

attempt, rank = int(os.environ["TORCHELASTIC_RESTART_COUNT"]), int(os.environ["RANK"])
sys.stdout = open(
    f"{said}/{{attempt:03d}}-{{rank:03d}}", "w", buffering=1, encoding="utf-8"
)
"""
_FUNCTION = """
import time

import torch
import torch.distributed as dist
from torch import nn
from torch.nn import functional as F
from torch.nn.parallel import DistributedDataParallel

from helpers import checkpoint, parallel, session

{source}

arguments = torch.load({arguments!r}, weights_only=True)
with parallel.joined(torch.device("cpu")):
    torch.save({name}(*arguments), f"{results}/{{rank}}")
# All is done and said. The libraries' own threads, taken down in a busy moment, can still abort.
sys.stdout.flush()
os._exit(0)
"""
_MODULE = """
import runpy

sys.argv[1:] = {arguments!r}
runpy.run_module({name!r}, run_name="__main__", alter_sys=True)
"""
# `torchrun` is this `main`, and no more. But it has been seen to wait for ever for its own threads
# after it had ended its processes and said so: here it just ends.
TORCHRUN = """
import os
import sys
import traceback

from torch.distributed import run

code = 0
try:
    run.main(sys.argv[1:])
except SystemExit as end:
    code = end.code
except BaseException:
    traceback.print_exc()
    code = 1
sys.stdout.flush()
sys.stderr.flush()
os._exit(code)
"""


@dataclass(frozen=True)
class Launched:
    """What processes said and found.

    Attributes
    ----------
    exit_code : int
        What ``torchrun`` ended with: 0 if all processes did, in the end.
    said : tuple of (int, int, str)
        Attempt, rank and text of each line printed, in this order: attempts count the restarts.
    results : tuple
        What the function returned, by rank; empty for a module, or after a failure.
    """

    exit_code: int
    said: tuple[tuple[int, int, str], ...]
    results: tuple

    def __str__(self) -> str:
        """Return the lines, each with its rank, and its attempt if there were several."""
        several = any(attempt for attempt, _, _ in self.said)
        return "\n".join(
            f"{f'attempt {attempt}, ' if several else ''}rank {rank} | {text}"
            for attempt, rank, text in self.said
        )


def function(
    function: Callable,
    *arguments: object,
    processes: int = 2,
    restarts: int = 0,
    may_fail: bool = False,
) -> Launched:
    """Run a notebook's function in several processes, which have joined one group.

    Parameters
    ----------
    function : callable
        Its source is what runs, so it stands on its own: it may use ``torch``, ``dist``
        (`torch.distributed`), ``nn``, ``F``, `DistributedDataParallel`, ``checkpoint``,
        ``parallel`` and ``session`` of this package, ``os``, ``time``, and what it imports itself.
    *arguments
        Given to the function in each process: numbers, strings, tensors, lists and dicts of them.
    processes : int
        How many to start, one thread each.
    restarts : int
        How often ``torchrun`` may start them all again after one has failed.
    may_fail : bool
        Whether a failure is what the reader is to see.

    Returns
    -------
    Launched
        The results are what the function returned: numbers, tensors and the like.

    Raises
    ------
    TypeError, ValueError
        If `function` is not one that ``def`` made, an argument cannot be handed to another process,
        or a number or `may_fail` is of another kind. Nothing is started then.
    RuntimeError
        If the processes failed, and were not to.
    """
    checks.instance("function", function, types.FunctionType, "a function that def made")
    try:
        source = textwrap.dedent(inspect.getsource(function))
    except OSError:
        source = ""
    if not re.search(rf"^def {re.escape(function.__name__)}\(", source, flags=re.MULTILINE):
        raise ValueError(
            f"function is {function.__name__}, whose source cannot be found: write it with def"
        )
    _check_numbers(processes, restarts)
    checks.truth("may_fail", may_fail)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        _save_arguments(arguments, folder / "arguments")
        text = _FUNCTION.format(
            source=source,
            name=function.__name__,
            arguments=str(folder / "arguments"),
            results=folder.as_posix(),
        )
        launched = _torchrun(folder, text, processes, restarts, may_fail)
        if launched.exit_code:
            return launched
        found = [torch.load(folder / str(r), weights_only=True) for r in range(processes)]
    return Launched(launched.exit_code, launched.said, tuple(found))


def module(name: str, *arguments: object, processes: int = 2, restarts: int = 0) -> Launched:
    """Run a module such as ``helpers.run`` in several processes, as ``torchrun -m`` does.

    Parameters
    ----------
    name : str
        The module's name.
    *arguments
        Its command line, each turned into text.
    processes, restarts : int
        As for `function`.

    Returns
    -------
    Launched
        With what the processes printed, and no results.

    Raises
    ------
    TypeError, ValueError
        If `name` is no text, or a number is of another kind. Nothing is started then.
    RuntimeError
        If the processes failed.
    """
    checks.text("name", name)
    _check_numbers(processes, restarts)
    with tempfile.TemporaryDirectory() as scratch:
        text = _MODULE.format(name=name, arguments=[str(argument) for argument in arguments])
        return _torchrun(Path(scratch), text, processes, restarts, may_fail=False)


def _check_numbers(processes: int, restarts: int) -> None:
    checks.whole("processes", processes, most=_MOST_PROCESSES)
    checks.whole("restarts", restarts, least=0)


def _save_arguments(arguments: tuple, file: Path) -> None:
    try:
        torch.save(arguments, file)
        torch.load(file, weights_only=True)
    except Exception as error:  # noqa: BLE001 - what cannot be written fails in many ways
        kinds = ", ".join(type(argument).__name__ for argument in arguments)
        raise TypeError(
            f"arguments are {kinds}, and one of them cannot be handed over "
            f"({type(error).__name__}): give numbers, strings, tensors, lists and dicts of them"
        ) from None


def _torchrun(folder: Path, text: str, processes: int, restarts: int, may_fail: bool) -> Launched:
    said = folder / "said"
    said.mkdir()
    file = folder / "process.py"
    file.write_text(_BEGINNING.format(said=said.as_posix()) + text, encoding="utf-8")
    command = [sys.executable, "-c", TORCHRUN, "--standalone"]
    # The machine's own name need not lead anywhere without a network.
    command += ["--local-addr", "127.0.0.1", "--nproc-per-node", str(processes)]
    command += ["--max-restarts", str(restarts), "--monitor-interval", "0.1"]
    # Else it leaves an empty folder behind, each time.
    command += ["--log-dir", str(folder / "logs"), str(file)]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    ) as torchrun:
        try:
            noise, _ = torchrun.communicate(timeout=_SECONDS_AT_MOST)
        except BaseException:
            torchrun.terminate()  # It ends its processes before it ends itself.
            raise
    if torchrun.returncode and not may_fail:
        raise RuntimeError(f"the processes ended with {torchrun.returncode}:\n{noise}")
    lines = []
    for log in sorted(said.iterdir()):
        attempt, rank = map(int, log.name.split("-"))
        lines += [(attempt, rank, line) for line in log.read_text(encoding="utf-8").splitlines()]
    return Launched(torchrun.returncode, tuple(lines), ())
