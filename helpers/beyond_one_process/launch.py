"""Starts processes as ``torchrun`` does, from a notebook, and brings back what they said and found.

What comes back is in the order of the processes, whatever the order in which they ran.

``torchrun`` reads its command line and calls PyTorch's `elastic_launch` [1]_; this module calls it,
too. A script of one's own that uses it needs ``if __name__ == "__main__":`` around what it runs, as
with all of `multiprocessing`.

.. [1] PyTorch, *Elastic Launch*, https://docs.pytorch.org/docs/stable/elastic/run.html
"""

import contextlib
import functools
import importlib
import inspect
import multiprocessing
import multiprocessing.connection
import os
import re
import runpy
import signal
import sys
import tempfile
import textwrap
import threading
import traceback
import types
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np
import torch
from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs
from torch.distributed.launcher import LaunchConfig, elastic_launch

from helpers.common import require

_SECONDS_AT_MOST = 300.0
# Each takes a third of a gigabyte, where it has to load PyTorch for itself.
_MOST_PROCESSES = 64

# PyTorch takes seconds to load. Where a process can be copied, one loads it and all others are
# copies of that one. Python itself advises against copies on macOS, and Windows has none.
_COPIES = sys.platform == "linux"
# Nothing of this project, so that what somebody has changed in a file is what the next start takes.
_LOADED_ONCE = ["torch._dynamo", "torch.distributed.launcher", "torchvision.datasets"]

_FUNCTION = """
import os
import time

import torch
import torch.distributed as dist
from torch import nn
from torch.nn import functional as F
from torch.nn.parallel import DistributedDataParallel

from helpers.beyond_one_process import checkpoint, parallel, session

{source}

# Not for those that the function itself may start.
if __name__ == "__main__":
    arguments = torch.load({arguments!r}, weights_only=True)
    with parallel.joined(torch.device("cpu")):
        torch.save({name}(*arguments), os.path.join({results!r}, os.environ["RANK"]))
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
        It ends by returning or by an error: one that just ends its process without an error, by
        ``os._exit(0)``, is waited for until it is late.
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
        If the processes failed, and were not to, or took longer than five minutes.
    """
    require.instance("function", function, types.FunctionType, "a function that def made")
    try:
        source = textwrap.dedent(inspect.getsource(function))
    except OSError:
        source = ""
    if not re.search(rf"^def {re.escape(function.__name__)}\(", source, flags=re.MULTILINE):
        raise ValueError(
            f"function is {function.__name__}, whose source cannot be found: write it with def"
        )
    _check_numbers(processes, restarts)
    require.truth("may_fail", may_fail)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        _save_arguments(arguments, folder / "arguments")
        text = _FUNCTION.format(
            source=source,
            name=function.__name__,
            arguments=str(folder / "arguments"),
            results=str(folder),
        )
        file = folder / "function.py"
        file.write_text(text, encoding="utf-8")
        run = functools.partial(runpy.run_path, str(file), run_name="__main__")
        launched = _launch(folder, run, processes, restarts, may_fail)
        if launched.exit_code:
            return launched
        files = [folder / str(rank) for rank in range(processes)]
        if not all(file.exists() for file in files):
            raise RuntimeError(
                f"{function.__name__} ended its process and returned nothing: let it return"
            )
        found = [torch.load(file, weights_only=True) for file in files]
    return Launched(launched.exit_code, launched.said, tuple(found))


def module(name: str, *arguments: object, processes: int = 2, restarts: int = 0) -> Launched:
    """Run a command such as ``helpers.run`` in several processes.

    Parameters
    ----------
    name : str
        The name of a module with a function ``main``, which takes a command line, a list of texts,
        and returns an exit code.
    *arguments
        The command line, each turned into text.
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
        If the processes failed, or took longer than five minutes.
    """
    require.text("name", name)
    _check_numbers(processes, restarts)
    with tempfile.TemporaryDirectory() as scratch:
        run = functools.partial(_run_main, name, [str(argument) for argument in arguments])
        return _launch(Path(scratch), run, processes, restarts, may_fail=False)


def _check_numbers(processes: int, restarts: int) -> None:
    require.whole("processes", processes, most=_MOST_PROCESSES)
    require.whole("restarts", restarts, least=0)


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


def _launch(folder: Path, run: Callable, processes: int, restarts: int, may_fail: bool) -> Launched:
    said, noise = folder / "said", folder / "noise"
    said.mkdir()
    agent = _start(folder, run, processes, restarts, {**os.environ, "OMP_NUM_THREADS": "1"})
    try:
        agent.join(_SECONDS_AT_MOST)
        late = agent.is_alive()
    finally:
        if agent.is_alive():
            agent.terminate()  # It ends its processes before it ends itself.
            agent.join()
    if noise.exists():
        heard = noise.read_text(encoding="utf-8", errors="replace")
    else:
        heard = 'nothing has begun; in a script, is what it runs under if __name__ == "__main__":?'
    if late:
        raise RuntimeError(f"the processes had not ended after {_SECONDS_AT_MOST:g} s:\n{heard}")
    if agent.exitcode and not may_fail:
        raise RuntimeError(f"the processes ended with {agent.exitcode}:\n{heard}")
    lines = []
    for log in sorted(said.iterdir()):
        attempt, rank = map(int, log.name.split("-"))
        lines += [(attempt, rank, line) for line in log.read_text(encoding="utf-8").splitlines()]
    return Launched(agent.exitcode or 0, tuple(lines), ())


def _start(folder: Path, *work: object) -> BaseProcess:
    """Start the agent: as a copy where that can be, and else as a process that begins anew."""
    if _COPIES:
        multiprocessing.set_forkserver_preload(_LOADED_ONCE)
        copy = multiprocessing.get_context("forkserver").Process(
            target=_watch_over, args=(folder, *work, True)
        )
        try:
            copy.start()
            return copy
        except OSError:
            # What is to be copied listens at a file in the folder for scratch files, and the name
            # of that folder may be too long.
            pass
    new = multiprocessing.get_context("spawn").Process(
        target=_watch_over, args=(folder, *work, False)
    )
    new.start()
    return new


# --- What runs in other processes ---


def _watch_over(
    folder: Path,
    run: Callable,
    processes: int,
    restarts: int,
    environment: dict[str, str],
    copies: bool,
) -> None:
    """Be torchrun's agent: start the processes, and all of them again when one has failed."""
    os.environ.clear()
    os.environ.update(environment)
    tempfile.tempdir = None  # It was that of an earlier environment.
    if not folder.exists():
        _end(1)  # Interrupted before it began.
    with open(folder / "noise", "wb") as noise:
        for standard in (1, 2):
            os.dup2(noise.fileno(), standard)
    threading.Thread(target=_end_with_the_notebook, daemon=True).start()
    code = 0
    try:
        config = LaunchConfig(
            min_nodes=1,
            max_nodes=1,
            nproc_per_node=processes,
            max_restarts=restarts,
            run_id=str(uuid.uuid4()),
            rdzv_backend="c10d",
            rdzv_endpoint="localhost:0",
            # The machine's own name need not lead anywhere without a network.
            local_addr="127.0.0.1",
            # Else it leaves an empty folder behind, each time.
            logs_specs=DefaultLogsSpecs(log_dir=str(folder / "logs")),
            # A copy of a process that has looked for a GPU cannot use it.
            start_method="fork" if copies and not torch.accelerator.is_available() else "spawn",
        )
        elastic_launch(config, _take_part)(folder, run)
    except BaseException:  # noqa: BLE001 - also the signal that ends it
        traceback.print_exc()
        code = 1
    _end(code)


def _end_with_the_notebook() -> None:
    """Ask this process to end once the one that has started it is gone, even killed."""
    if parent := multiprocessing.parent_process():
        multiprocessing.connection.wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)


def _take_part(folder: Path, run: Callable) -> None:
    """Be one of the processes. It writes into a file of its own, so that lines do not mix."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)  # What the agent does about them is not for copies.
    torch.set_num_threads(1)
    # Copies would all draw the same. Python's own `random` takes care of that by itself.
    torch.seed()
    np.random.seed()
    attempt, rank = int(os.environ["TORCHELASTIC_RESTART_COUNT"]), int(os.environ["RANK"])
    file = folder / "said" / f"{attempt:03d}-{rank:03d}"
    with open(file, "w", buffering=1, encoding="utf-8") as said, contextlib.redirect_stdout(said):
        try:
            run()
        except SystemExit as end:
            if end.code:
                _end(1)
        except BaseException:  # noqa: BLE001 - whatever it is, the reader is told
            traceback.print_exc()
            _end(1)


def _run_main(name: str, arguments: list[str]) -> None:
    sys.exit(importlib.import_module(name).main(arguments))


def _end(code: int) -> None:
    """End without waiting for the libraries' threads, which in a busy moment can hang or abort."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
