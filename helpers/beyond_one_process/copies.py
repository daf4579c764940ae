"""The processes that `launch` starts: torchrun's agent, and those that it watches over.

PyTorch takes seconds to load. Where a process can be copied, one loads it, and all others are
copies of that one: the server that Python calls a fork server.
"""

import contextlib
import importlib
import multiprocessing
import multiprocessing.connection
import os
import signal
import sys
import tempfile
import threading
import traceback
import uuid
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs
from torch.distributed.elastic.rendezvous import RendezvousHandler, RendezvousParameters
from torch.distributed.elastic.rendezvous import rendezvous_handler_registry as meeting_places
from torch.distributed.elastic.rendezvous.c10d_rendezvous_backend import C10dRendezvousBackend
from torch.distributed.elastic.rendezvous.dynamic_rendezvous import create_handler
from torch.distributed.launcher import LaunchConfig, elastic_launch

# Python itself advises against copies on macOS, and Windows has none.
_COPIES = sys.platform == "linux"
# Nothing of this project, so that what somebody has changed in a file is what the next start takes.
_LOADED_ONCE = ["torch._dynamo", "torch.distributed.launcher", "torchvision.datasets"]


def start_agent(folder: Path, *work: object) -> BaseProcess:
    """Start `_watch_over`: as a copy where that can be, and else as a process that begins anew."""

    def started(context: Any, copies: bool) -> BaseProcess:
        agent = context.Process(target=_watch_over, args=(folder, *work, copies))
        agent.start()
        return agent

    if _COPIES:
        multiprocessing.set_forkserver_preload(_LOADED_ONCE)
        # What is to be copied listens at a file in the folder for scratch files, and the name of
        # that folder may be too long.
        with contextlib.suppress(OSError):
            return started(multiprocessing.get_context("forkserver"), True)
    return started(multiprocessing.get_context("spawn"), False)


# --- What runs in other processes ---


def run_main(name: str, arguments: list[str]) -> None:
    """Be a command: its exit code is this process's."""
    sys.exit(importlib.import_module(name).main(arguments))


def _watch_over(
    folder: Path, run: Callable, processes: int, restarts: int, environment: dict, copies: bool
) -> None:
    """Be torchrun's agent: start the processes, and all of them again when one has failed.

    It and they write what they say into the `folder`.
    """
    os.environ.clear()
    os.environ.update(environment)
    tempfile.tempdir = None  # It was that of an earlier environment.
    if not folder.exists():
        _end(1)  # Interrupted before it began.
    with open(folder / "noise", "wb") as noise:
        for standard in (1, 2):
            os.dup2(noise.fileno(), standard)
    threading.Thread(target=_end_with_the_notebook, daemon=True).start()
    meeting_places.register(_MetHere.name, _meet_here)
    try:
        config = LaunchConfig(
            min_nodes=1,
            max_nodes=1,
            nproc_per_node=processes,
            max_restarts=restarts,
            run_id=str(uuid.uuid4()),
            rdzv_backend=_MetHere.name,
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
        _end(1)
    _end(0)


class _MetHere(C10dRendezvousBackend):
    """What agents meet by; the only one needs no port, and so no libuv, which Windows lacks."""

    name = "met here"


def _meet_here(parameters: RendezvousParameters) -> RendezvousHandler:
    store = dist.HashStore()
    return create_handler(store, _MetHere(store, parameters.run_id), parameters)


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
    said = open(file, "w", 1, encoding="utf-8", errors="backslashreplace")
    with said, contextlib.redirect_stdout(said):
        try:
            run()
        except SystemExit as end:
            if end.code:
                _end(1)
        except BaseException:  # noqa: BLE001 - whatever it is, the reader is told
            traceback.print_exc()
            _end(1)


def _end(code: int) -> None:
    """End without waiting for the libraries' threads, which in a busy moment can hang or abort."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
