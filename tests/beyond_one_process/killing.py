"""Kills workers of one elastic agent, which restarts them; run by a test, in a process of its own.

``python killing.py FOLDER DATA`` prints one JSON object. The workers save after each step, and are
killed at random moments: a moment is a step and a time within it, since no machine is too fast or
too slow for that. They are forked, so that PyTorch is imported once. Whoever starts this ends its
process group afterwards, so that nobody is left behind.
"""

import json
import os
import random
import signal
import sys
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import torch
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from helpers import run
from helpers.beyond_one_process import parallel

MOMENTS = 20


def note_each_step(log: Path, doomed: Callable[[], bool]) -> None:
    """Have each process write its attempt, its number, and that of each step that it has made.

    Whoever is doomed makes a dozen steps at most and waits for its end: otherwise a run might be
    over before it was killed often enough.
    """
    train = parallel.train

    def noted(*args, **kwargs):
        stop = kwargs["stop"]
        with open(log, "a", buffering=1) as steps:
            for made, step in enumerate(train(*args, **kwargs), start=1):
                attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", 0)
                steps.write(f"{attempt} {os.getpid()} {step.number}\n")
                yield step
                while made >= 12 and doomed() and not stop.signal:
                    time.sleep(0.001)

    parallel.train = noted


def arguments(folder: Path, data: str) -> list[str]:
    options = "--epochs 1 --batch-size 4 --limit 1440 --checkpoint-every 1 --resume --json".split()
    return [*options, "--data", data, "--checkpoint", str(folder / "kept.pt")]


def train_in_two(command: list[str]) -> None:
    config = LaunchConfig(
        1, 1, 2, run_id=uuid.uuid4().hex, rdzv_backend="c10d", rdzv_endpoint="localhost:0",
        local_addr="127.0.0.1", max_restarts=MOMENTS, monitor_interval=0.05, start_method="fork",
    )  # fmt: skip
    elastic_launch(config, quietly)(command)


def kill_workers(folder: Path, data: str) -> dict:
    (folder / "unbroken").mkdir()
    train_in_two([*arguments(folder / "unbroken", data), "--checkpoint-every", "100"])
    log, chance = folder / "log", random.Random(2)
    note_each_step(log, doomed=lambda: int(os.environ["TORCHELASTIC_RESTART_COUNT"]) < MOMENTS)

    def steps_of(moment: int) -> list[tuple[int, int]]:
        """Return process and number of each step of an attempt that was noted."""
        lines = [line.split() for line in (log.read_text() if log.exists() else "").splitlines()]
        return [(int(pid), int(step)) for attempt, pid, step in lines if int(attempt) == moment]

    def kill_now_and_then() -> None:
        for moment in range(MOMENTS):
            # Two processes note each step.
            enough = 2 * chance.randint(1, 8)
            while len(steps_of(moment)) < enough:  # For ever, if need be: the test has a limit.
                time.sleep(0.001)
            time.sleep(chance.uniform(0, 0.03))  # Most of that time the first one saves.
            os.kill(chance.choice(steps_of(moment))[0], signal.SIGKILL)

    threading.Thread(target=kill_now_and_then, daemon=True).start()
    train_in_two(arguments(folder, data))
    steps = [[step for _, step in steps_of(moment)] for moment in range(MOMENTS + 1)]
    files = [path.name for path in folder.iterdir()]
    return {"first": list(map(min, steps)), "last": list(map(max, steps)), "files": files}


def quietly(command: list[str]) -> None:
    sys.stdout = sys.stderr = open(os.devnull, "w")
    if code := run.main(command):
        sys.exit(code)


if __name__ == "__main__":
    torch.optim.SGD([torch.zeros(1)], lr=0.1)  # The first one takes seconds: not in each fork.
    print(json.dumps(kill_workers(Path(sys.argv[1]), sys.argv[2])), flush=True)
    os._exit(0)  # Not by way of the elastic agent's own threads, which can hang then.
