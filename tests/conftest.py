"""Fixtures that several test files share."""

import gc
import os
import socket
import threading
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]

# Threads that share an operation wait for each other, on a busy machine a hundred times as long as
# they work. One is enough for a test, and for a notebook's kernel beside another.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# All that is loaded from here to the first test stays. To look through it again and again, for
# garbage and, in each walk through a graph, for tensors, takes a tenth of the time.
gc.disable()


def pytest_collection_finish():
    gc.enable()
    gc.freeze()


def pytest_unconfigure():
    gc.unfreeze()  # Or some libraries complain, at the very end, of what nobody has let go of.


# What all code of a process shares: how to read it and to set it, and a value that nobody would
# put it back to who does not know what it was.
SHARED: dict[str, tuple[Callable, Callable, Any]] = {
    "patience of sockets": (socket.getdefaulttimeout, socket.setdefaulttimeout, 77.0),
    "stack of new threads": (threading.stack_size, threading.stack_size, 2**25),
}


@pytest.fixture(scope="session", autouse=True)
def one_thread_whatever_the_environment_says():
    import torch  # Here, because the process that only hands out the tests does without it.

    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def what_all_code_shares_stays_as_it_was():
    before = {name: read() for name, (read, *_) in SHARED.items()}
    for _, put, unusual in SHARED.values():
        put(unusual)
    yield
    after = {name: read() for name, (read, *_) in SHARED.items()}
    for name, (_, put, _) in SHARED.items():
        put(before[name])
    assert after == {name: unusual for name, (*_, unusual) in SHARED.items()}


@pytest.fixture(scope="session")
def pyproject() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def repository_url(pyproject) -> str:
    """Where the repository lives, from the one place that knows."""
    return pyproject["project"]["urls"]["Repository"]


@pytest.fixture(scope="session")
def oldest_python(pyproject) -> str:
    return pyproject["project"]["requires-python"].removeprefix(">=")
