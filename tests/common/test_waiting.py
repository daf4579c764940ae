"""Threads that wait are told to sleep soon: by a setting or, if busy, by there being too many."""

import os
import subprocess
import sys
import threading
from types import SimpleNamespace

import pytest

from helpers.common import waiting

SETTINGS = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")
needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="counts a process's threads")


@pytest.fixture
def added(monkeypatch):
    """What was added in the test; nothing is, in truth, and nobody has said how to wait."""
    counts = []
    monkeypatch.setattr(waiting, "_add_idle_threads", counts.append)
    monkeypatch.setattr(waiting, "_busy_neighbours", lambda: 1000)
    unsaid(monkeypatch)
    return counts


def unsaid(monkeypatch) -> None:
    for name in SETTINGS:
        monkeypatch.setenv(name, "")  # So that the test's end takes away what it leaves.
        monkeypatch.delenv(name)


def said() -> dict[str, str]:
    return {name: os.environ[name] for name in SETTINGS if name in os.environ}


@needs_linux
@pytest.mark.parametrize("processors", [1, 2, 3, 8, 64])
def test_there_are_just_more_threads_than_processors_if_any_wait(monkeypatch, added, processors):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(processors)))
    for threads in range(1, processors + 3):
        unsaid(monkeypatch)
        torch = SimpleNamespace(get_num_threads=lambda threads=threads: threads)
        monkeypatch.setitem(sys.modules, "torch", torch)
        waiting.sleep_while_waiting()
        # One thread waits for nobody.
        assert threads + sum(added) == (1 if threads == 1 else max(processors + 1, threads))
        added.clear()


@needs_linux
def test_on_a_quiet_machine_nothing_is_added(monkeypatch, added):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(4)))
    torch = SimpleNamespace(get_num_threads=lambda: 4)
    monkeypatch.setitem(sys.modules, "torch", torch)
    for neighbours in (0, 1, 4):
        unsaid(monkeypatch)
        monkeypatch.setattr(waiting, "_busy_neighbours", lambda count=neighbours: count)
        added.clear()
        waiting.sleep_while_waiting()
        assert sum(added) == (neighbours > 0)


@needs_linux
def test_what_computes_elsewhere_is_counted():
    line = [sys.executable, "-c", "print(flush=True)\nwhile True: pass"]
    processes = [subprocess.Popen(line, stdout=subprocess.PIPE) for _ in range(2)]
    try:
        for process in processes:
            process.stdout.readline()
        assert waiting._busy_neighbours() >= 2
    finally:
        for process in processes:
            process.kill()
            process.communicate()


@pytest.mark.parametrize("name", SETTINGS)
def test_who_has_said_how_to_wait_is_obeyed(monkeypatch, added, name):
    monkeypatch.setenv(name, "7")
    waiting.sleep_while_waiting()
    assert said() == {name: "7"} and added == []


def test_before_pytorch_is_loaded_a_setting_is_enough(monkeypatch, added):
    monkeypatch.delitem(sys.modules, "torch")
    waiting.sleep_while_waiting()
    assert said() == {"GOMP_SPINCOUNT": "3000"} and added == []


def test_elsewhere_than_on_linux_a_setting_is_all(monkeypatch, added):
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 1}, raising=False)
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(get_num_threads=lambda: 2))
    waiting.sleep_while_waiting()
    assert said() == {"GOMP_SPINCOUNT": "3000"} and added == []


def test_a_neighbour_counts_that_computes_at_each_of_five_looks(monkeypatch):
    """As Linux writes it: three loads, those that run of all that there are, and a number."""
    looks = iter(["7/900", "4/900", "12/901", "5/900", "6/900", "1/900"])
    load = SimpleNamespace(
        exists=lambda: True, read_text=lambda: f"9.15 8.27 7.93 {next(looks)} 4242\n"
    )
    waits, paths = [], []
    monkeypatch.setattr(waiting, "Path", lambda path: paths.append(path) or load)
    monkeypatch.setattr(waiting.time, "sleep", waits.append)
    assert waiting._busy_neighbours() == 3
    assert [*looks] == ["1/900"] and 0 < sum(waits) <= 0.05
    load.exists = lambda: False
    assert waiting._busy_neighbours() == 0
    assert set(paths) == {"/proc/loadavg"}


@pytest.fixture
def library(monkeypatch):
    """A library that notes how it is called, and by which thread."""
    calls, events = [], []

    def called(*arguments):
        calls.append((threading.current_thread(), *arguments))

    def event():
        events.append(threading.Event())
        return events[-1]

    library = SimpleNamespace(GOMP_parallel=called, omp_get_level=object(), calls=calls)
    monkeypatch.setattr(waiting.ctypes, "CDLL", {None: library}.__getitem__)
    threads = SimpleNamespace(Event=event, Thread=threading.Thread)
    monkeypatch.setattr(waiting, "threading", threads)
    yield library
    for waited_for in events:
        waited_for.set()


@pytest.mark.parametrize("count", [1, 3])
def test_the_idle_threads_are_a_team_of_one_that_never_ends(library, count):
    before = set(threading.enumerate())
    waiting._add_idle_threads(count)
    ((thread, *arguments),) = library.calls
    assert arguments == [library.omp_get_level, None, count + 1, 0]
    thread.join(0.05)
    assert thread.is_alive() and thread.daemon and thread.name == "idle"
    assert set(threading.enumerate()) - before == {thread}


def test_another_library_is_left_alone(library):
    del library.GOMP_parallel
    before = set(threading.enumerate())
    waiting._add_idle_threads(2)
    assert set(threading.enumerate()) == before


@pytest.mark.proof
@needs_linux
@pytest.mark.skipif(os.cpu_count() < 2, reason="needs two processors")
def test_to_import_helpers_is_all_that_a_notebook_has_to_do():
    """The operating system counts the threads; the child is what this process starts."""
    code = """
import os, subprocess, sys, time, torch
count = lambda: len(os.listdir("/proc/self/task"))
torch.ones(10**6).sum()
before = count()
loop = "import time; end = time.time() + 30\\nwhile time.time() < end: pass"
busy = [subprocess.Popen([sys.executable, "-c", loop]) for _ in range(2)]
time.sleep(0.3)
import helpers.common
print(count() - before, torch.get_num_threads())
child = "import os, helpers; print(os.environ['GOMP_SPINCOUNT'])"
subprocess.run([sys.executable, "-c", child], check=True)
for process in busy:
    process.kill()
"""
    processors = len(os.sched_getaffinity(0))
    known = {name: value for name, value in os.environ.items() if "OMP_" not in name}
    known["OMP_NUM_THREADS"] = str(processors)
    line = [sys.executable, "-c", code]
    done = subprocess.run(line, env=known, capture_output=True, text=True, check=True)
    # One that does nothing, and the one that keeps it.
    assert done.stdout.split() == ["2", str(processors), "3000"]
