"""Starts a program for a test, and leaves none of its processes behind; reads what it kept."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

# Gloo and the rendezvous look for this machine's name, which need not lead anywhere.
_LOOPBACK = {"lo", "lo0"} & {name for _, name in socket.if_nameindex()}

# `torchrun` is this `main`, and no more. But it has been seen to wait for ever for its own threads
# after it had ended its processes and said so: here it just ends.
_TORCHRUN = """
import os
import sys
import traceback

from torch.distributed import run

code = 1
try:
    code = run.main(sys.argv[1:]) or 0
except BaseException:
    traceback.print_exc()
os._exit(code)
"""
TORCHRUN = ["-c", _TORCHRUN, "--local-addr", "127.0.0.1"]

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


def alike(one: object, other: object) -> bool:
    """Whether two values are the same, NaN as well, down to the types."""
    if type(one) is not type(other):
        return False
    if isinstance(one, torch.Tensor):
        return one.dtype == other.dtype and torch.equal(one, other)
    if isinstance(one, dict):
        return list(one) == list(other) and all(alike(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(alike, one, other))
    return one == other or (one != one and other != other)


def weights(file: Path) -> torch.Tensor:
    return torch.cat([w.flatten() for w in torch.load(file, weights_only=True)["model"].values()])


@contextlib.contextmanager
def stopped_after(count: int, number: signal.Signals) -> Iterator[list]:
    """Have a signal come in the middle of a step, after so many; the list grows by each step."""
    step, steps = torch.optim.SGD.step, []

    def step_and_be_stopped(self):
        steps.append(step(self))
        if len(steps) == count:
            signal.raise_signal(number)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.optim.SGD, "step", step_and_be_stopped)
        yield steps


def run_to_its_end(*command: object) -> tuple[int, str, str]:
    """Run Python with this command line: exit code, stdout, stderr."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    if _LOOPBACK:
        environment["GLOO_SOCKET_IFNAME"] = min(_LOOPBACK)
    heard = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    line = [sys.executable, *map(str, command)]
    # What is killed cannot tidy up.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        environment |= dict.fromkeys(("TMPDIR", "TEMP", "TMP"), scratch)
        with subprocess.Popen(line, env=environment, start_new_session=True, **heard) as process:
            try:
                # For a program that hangs; a slow machine is to stay far below it.
                out, err = process.communicate(timeout=400)
            except BaseException:
                # The workers of torchrun are in sessions of their own: it ends them if asked to.
                process.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.communicate(timeout=60)
                raise
            finally:
                if os.name != "nt":
                    with contextlib.suppress(ProcessLookupError):
                        os.killpg(process.pid, signal.SIGKILL)
    return process.returncode, out, err


def ended_well(*command: object) -> str:
    """Run Python with this command line, which must succeed, and return its stdout."""
    code, out, err = run_to_its_end(*command)
    assert code == 0, err[-2000:]
    return out
