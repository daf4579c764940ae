"""Ends processes without warning at random moments; run by the tests, in a process of its own.

``python killing.py save FOLDER`` kills a process that saves checkpoints as fast as it can.
``python killing.py run FOLDER DATA`` kills the command `helpers.run` and lets it resume.
``python killing.py torchrun FOLDER DATA`` kills workers of one elastic agent, which restarts them.

Each prints one JSON object. The processes are forked, so that PyTorch is imported once.
"""

import json
import os
import random
import signal
import sys
import threading
import time
import uuid
from pathlib import Path

import torch
from torch import nn
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from helpers import checkpoint, parallel, run
from helpers import session as _loaded_before_the_forks  # noqa: F401

MOMENTS = 20


def forked(work) -> int:
    child = os.fork()
    if child == 0:
        try:
            os._exit(work() or 0)
        finally:
            os._exit(70)  # Only an exception leads here.
    return child


def last_number(log: Path) -> int:
    words = log.read_text().split() if log.exists() else []
    return int(words[-1]) if words else 0


def wait_for(condition) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "waited a minute for nothing"
        time.sleep(0.001)


def save_in_a_loop(folder: Path) -> dict:
    torch.set_num_threads(1)
    network = nn.Linear(100, 50)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
    file, log = folder / "kept.pt", folder / "log"
    state = {"model": network.state_dict(), "optimizer": optimizer.state_dict(), "rng": {}}

    def save_for_ever() -> None:
        number = last_number(log)
        with open(log, "a", buffering=1) as saved:
            while True:
                number += 1
                checkpoint.save(file, {**state, "epoch": 0, "batch": number})
                saved.write(f"{number}\n")

    lost, chance = [], random.Random(0)
    for _ in range(MOMENTS):
        before = last_number(log)
        child = forked(save_for_ever)
        wait_for(lambda before=before: last_number(log) > before)
        time.sleep(chance.uniform(0, 0.03))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        lost.append(last_number(log) - checkpoint.load(file)["batch"])
    return {"lost": lost, "files": sorted(path.name for path in folder.iterdir())}


def note_each_step(log: Path) -> None:
    """Have each process write its attempt, its number, and that of each step that it has made."""
    train = parallel.train

    def noted(*args, **kwargs):
        with open(log, "a", buffering=1) as steps:
            for number in train(*args, **kwargs):
                attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", 0)
                steps.write(f"{attempt} {os.getpid()} {number}\n")
                yield number

    parallel.train = noted


def arguments(folder: Path, data: str) -> list[str]:
    kept = str(folder / "kept.pt")
    return ["--epochs", "1", "--batch-size", "4", "--limit", "2400", "--data", data] + [
        "--checkpoint", kept, "--checkpoint-every", "1", "--resume", "--json",
    ]  # fmt: skip


def kill_the_command(folder: Path, data: str) -> dict:
    log, chance = folder / "log", random.Random(1)
    note_each_step(log)
    command, kept = arguments(folder, data), folder / "kept.pt"
    lost = []
    for _ in range(MOMENTS):
        before = last_number(log)
        child = forked(lambda: quietly(command))
        wait_for(lambda before=before: last_number(log) > before)
        time.sleep(chance.uniform(0, 0.02))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        lost.append(last_number(log) - (checkpoint.load(kept)["batch"] if kept.exists() else 0))
    _, status = os.waitpid(forked(lambda: quietly(command)), 0)
    return {"lost": lost, "exit_code": os.waitstatus_to_exitcode(status)}


def train_in_two(command: list[str]) -> None:
    config = LaunchConfig(
        1, 1, 2, run_id=uuid.uuid4().hex, rdzv_backend="c10d", rdzv_endpoint="localhost:0",
        local_addr="127.0.0.1", max_restarts=MOMENTS, monitor_interval=0.05, start_method="fork",
    )  # fmt: skip
    elastic_launch(config, work)(command)


def kill_workers(folder: Path, data: str) -> dict:
    (folder / "unbroken").mkdir()
    train_in_two(arguments(folder / "unbroken", data))
    log, chance = folder / "log", random.Random(2)
    note_each_step(log)

    def noted() -> list[tuple[int, int, int]]:
        lines = log.read_text().splitlines() if log.exists() else []
        return [tuple(map(int, line.split())) for line in lines]

    def kill_now_and_then() -> None:
        for moment in range(MOMENTS):
            wait_for(lambda moment=moment: noted() and noted()[-1][0] == moment)
            time.sleep(chance.uniform(0, 0.05))
            os.kill(chance.choice([pid for attempt, pid, _ in noted() if attempt == moment]), 9)

    threading.Thread(target=kill_now_and_then, daemon=True).start()
    train_in_two(arguments(folder, data))
    steps: dict[int, list[int]] = {}
    for attempt, _, number in noted():
        steps.setdefault(attempt, []).append(number)
    return {"first": list(map(min, steps.values())), "last": list(map(max, steps.values()))}


def quietly(command: list[str]) -> int:
    sys.stdout = sys.stderr = open(os.devnull, "w")
    return run.main(command)


def work(command: list[str]) -> None:
    if code := quietly(command):
        sys.exit(code)


if __name__ == "__main__":
    what, folder = sys.argv[1], Path(sys.argv[2])
    if what == "save":
        result = save_in_a_loop(folder)
    elif what == "run":
        result = kill_the_command(folder, sys.argv[3])
    else:
        result = kill_workers(folder, sys.argv[3])
    print(json.dumps(result))
