"""Ends processes without warning at random moments; run by the tests, in a process of its own.

``python killing.py run FOLDER DATA`` kills the command `helpers.run`, which saves after each step,
and lets it resume.
``python killing.py torchrun FOLDER DATA`` kills workers of one elastic agent, which restarts them.

Each prints one JSON object. The processes are forked, so that PyTorch is imported once. A moment is
a step and a time within it: no machine is too fast or too slow for that. Whoever starts this ends
its process group afterwards, so that nobody is left behind.
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
from helpers.beyond_one_process import checkpoint, parallel

MOMENTS = 20


def forked(command: list[str]) -> int:
    child = os.fork()
    if child == 0:
        try:
            quietly(command)
            os._exit(0)
        finally:
            os._exit(70)  # Only an exception leads here.
    return child


def last_number(log: Path) -> int:
    words = log.read_text().split() if log.exists() else []
    return int(words[-1]) if words else 0


def wait_for(condition) -> None:
    while not condition():  # For ever, if need be: the test that started all this has a limit.
        time.sleep(0.001)


def kill_within(seconds: float, chance: random.Random, process: int) -> None:
    time.sleep(chance.uniform(0, seconds))
    os.kill(process, signal.SIGKILL)


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


def kill_the_command(folder: Path, data: str) -> dict:
    log, kept, chance, lost = folder / "log", folder / "kept.pt", random.Random(1), []
    command = arguments(folder, data)
    note_each_step(log, doomed=lambda: len(lost) < MOMENTS)
    for _ in range(MOMENTS):
        enough = last_number(log) + chance.randint(1, 8)
        child = forked(command)
        wait_for(lambda enough=enough: last_number(log) >= enough)
        kill_within(0.03, chance, child)  # Most of that time it saves.
        os.waitpid(child, 0)
        lost.append(last_number(log) - (checkpoint.load(kept)["batch"] if kept.exists() else 0))
    files = sorted(path.name for path in folder.iterdir())
    _, status = os.waitpid(forked(command), 0)
    return {"lost": lost, "files": files, "exit_code": os.waitstatus_to_exitcode(status)}


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
            wait_for(lambda moment=moment, enough=enough: len(steps_of(moment)) >= enough)
            kill_within(0.004, chance, chance.choice(steps_of(moment))[0])

    threading.Thread(target=kill_now_and_then, daemon=True).start()
    train_in_two(arguments(folder, data))
    steps = [[step for _, step in steps_of(moment)] for moment in range(MOMENTS + 1)]
    return {"first": list(map(min, steps)), "last": list(map(max, steps))}


def quietly(command: list[str]) -> None:
    sys.stdout = sys.stderr = open(os.devnull, "w")
    if code := run.main(command):
        sys.exit(code)


if __name__ == "__main__":
    _, what, folder, data = sys.argv
    torch.optim.SGD([torch.zeros(1)], lr=0.1)  # The first one takes seconds: not in each fork.
    kill = {"run": kill_the_command, "torchrun": kill_workers}[what]
    print(json.dumps(kill(Path(folder), data)), flush=True)
    os._exit(0)  # Not by way of the elastic agent's own threads, which can hang then.
