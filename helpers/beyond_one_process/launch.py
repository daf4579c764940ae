"""Starts processes as ``torchrun`` does, from a notebook, and brings back what they said and found.

What comes back is in the order of the processes, whatever the order in which they ran.

``torchrun`` reads its command line and calls PyTorch's `elastic_launch` [1]_; `copies` calls it,
too. A script of one's own that uses this module needs ``if __name__ == "__main__":`` around what it
runs, as with all of `multiprocessing`.

.. [1] PyTorch, *Elastic Launch*, https://docs.pytorch.org/docs/stable/elastic/run.html
"""

import contextlib
import functools
import inspect
import os
import pickle
import re
import runpy
import tempfile
import textwrap
import types
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch

from helpers.beyond_one_process import copies
from helpers.common import require
from helpers.common.sentences import say

_SECONDS_AT_MOST = 300.0
# Each takes a third of a gigabyte, where it has to load PyTorch for itself.
_MOST_PROCESSES = 64

# What each process runs. It loads neither figures nor answers: matplotlib takes its time.
_SCRIPT = """
import contextlib
import os
import time

import torch
import torch.distributed as dist
from torch import nn
from torch.nn import functional as F
from torch.nn.parallel import DistributedDataParallel

from helpers.beyond_one_process import checkpoint, networks, parallel

{source}

# Not for those that the function itself may start.
if __name__ == "__main__":
    arguments = torch.load(os.path.join({folder!r}, "arguments"), weights_only=True)
    with parallel.joined(torch.device("cpu")):
        torch.save({name}(*arguments), os.path.join({folder!r}, os.environ["RANK"]))
"""


class Launched(NamedTuple):
    """What processes said and found."""

    # Attempt, rank and text of each line printed, in this order: attempts count the restarts.
    said: tuple[tuple[int, int, str], ...]
    results: tuple = ()  # What the function returned, by rank; empty for a module.

    def __str__(self) -> str:
        """Return the lines, each with its rank, and its attempt if there were several."""
        several = any(attempt for attempt, _, _ in self.said)
        return "\n".join(
            say("attempt {attempt}, rank {rank} | {text}", attempt=attempt, rank=rank, text=text)
            if several
            else say("rank {rank} | {text}", rank=rank, text=text)
            for attempt, rank, text in self.said
        )


def in_processes(
    work: Callable, *arguments: object, processes: int = 2, restarts: int = 0
) -> Launched:
    """Run a notebook's function in several processes, which have joined one group.

    Parameters
    ----------
    work : callable
        Its source is what runs, so it stands on its own: it may use ``torch``, ``dist``
        (`torch.distributed`), ``nn``, ``F``, `DistributedDataParallel`, ``checkpoint``,
        ``networks`` and ``parallel`` of this package, ``os``, ``time``, and what it imports itself.
        It ends by returning or by an error: one that just ends its process without an error, by
        ``os._exit(0)``, is waited for until it is late.
    *arguments
        Numbers, strings, tensors, lists and dicts of them; so is what the function returns.
    processes, restarts : int
        How many to start, one thread each; how often all may start again after one has failed.

    Raises
    ------
    TypeError, ValueError
        If `work` is not a function that ``def`` made, or an argument cannot be handed to another
        process, and nothing is started then; or if what `work` returns cannot.
    RuntimeError
        If the processes failed, or took longer than five minutes.
    """
    source = _source_of(work)
    require.whole("processes", processes, most=_MOST_PROCESSES)
    require.whole("restarts", restarts, least=0)
    with tempfile.TemporaryDirectory() as scratch:
        folder, script = Path(scratch), Path(scratch) / "script.py"
        _save_arguments(arguments, folder / "arguments")
        text = _SCRIPT.format(source=source, name=work.__name__, folder=scratch)
        script.write_text(text, encoding="utf-8")
        # Sent to another process, a function is only a name to look up: so its text goes there.
        run = functools.partial(runpy.run_path, str(script), run_name="__main__")
        launched = _launch(folder, run, processes, restarts)
        files = [folder / str(rank) for rank in range(processes)]
        if not all(file.exists() for file in files):
            ended = f"{work.__name__} ended its process and returned nothing"
            raise RuntimeError(f"{ended}: let it return")
        try:
            found = tuple(torch.load(file, weights_only=True) for file in files)
        except pickle.UnpicklingError as error:
            raise _not_handed_over(f"what {work.__name__} returns", error) from None
    return launched._replace(results=found)


def module(name: str, *arguments: object, processes: int = 2) -> Launched:
    """Run a command such as ``helpers.run`` in several processes.

    The module of that `name` has a function ``main``, which takes a command line, a list of texts,
    and returns an exit code; the `arguments` are turned into text for it. What comes back is what
    the processes printed, without results, and failures raise as for `in_processes`.
    """
    require.text("name", name)
    require.whole("processes", processes, most=_MOST_PROCESSES)
    run = functools.partial(copies.run_main, name, list(map(str, arguments)))
    with tempfile.TemporaryDirectory() as scratch:
        return _launch(Path(scratch), run, processes)


def _source_of(work: Callable) -> str:
    require.instance("work", work, types.FunctionType, "a function that def made")
    with contextlib.suppress(OSError):
        source = textwrap.dedent(inspect.getsource(work))
        if re.search(rf"^def {re.escape(work.__name__)}\(", source, flags=re.MULTILINE):
            return source
    raise ValueError(f"work is {work.__name__}, whose source cannot be found: write it with def")


def _save_arguments(arguments: tuple, file: Path) -> None:
    try:
        torch.save(arguments, file)
        torch.load(file, weights_only=True)  # It takes data and refuses code.
    except Exception as error:  # noqa: BLE001 - what cannot be written fails in many ways
        kinds = ", ".join(type(argument).__name__ for argument in arguments)
        raise _not_handed_over(f"arguments are {kinds}, and one of them", error) from None


def _not_handed_over(what: str, error: Exception) -> TypeError:
    cure = "numbers, strings, tensors, lists and dicts of them"
    return TypeError(f"{what} cannot be handed over ({type(error).__name__}): give {cure}")


def _launch(folder: Path, run: Callable, processes: int, restarts: int = 0) -> Launched:
    """Start the agent, wait until it has ended, and read what its processes wrote."""
    said, noise = folder / "said", folder / "noise"
    said.mkdir()
    # Processes with several threads each would stand in each other's way. PyTorch for Windows comes
    # without libuv, on which the agent's store insists: so the first process offers its own.
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "USE_LIBUV": "0"}
    environment["TORCH_DISABLE_SHARE_RDZV_TCP_STORE"] = "1"
    agent = copies.start_agent(folder, run, processes, restarts, environment)
    try:
        agent.join(_SECONDS_AT_MOST)
        late = agent.is_alive()
    finally:
        agent.terminate()  # It ends its processes before it ends itself; ended, it does not mind.
        agent.join()
    heard = 'nothing has begun; in a script, is what it runs under if __name__ == "__main__":?'
    if noise.exists():
        heard = noise.read_text(encoding="utf-8", errors="replace")
    if late:
        raise RuntimeError(f"the processes had not ended after {_SECONDS_AT_MOST:g} s:\n{heard}")
    if agent.exitcode:
        raise RuntimeError(f"the processes ended with {agent.exitcode}:\n{heard}")
    lines = []
    for log in sorted(said.iterdir()):
        attempt, rank = map(int, log.name.split("-"))
        lines += [(attempt, rank, line) for line in log.read_text(encoding="utf-8").splitlines()]
    return Launched(tuple(lines))
