"""Processes that a notebook starts: what they see, what they bring back, and how they end."""

import contextlib
import multiprocessing
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import torch

from helpers.beyond_one_process import copies, launch

pytestmark = pytest.mark.proof


def fail(note):
    with open(note, "a") as file:
        file.write("tried ")
    raise ValueError("on purpose")


def test_a_launched_function_that_fails_is_reported_and_leaves_nothing_behind(
    tmp_path, monkeypatch
):
    # From then on Python's own scratch folder is there.
    assert launch.in_processes(where_am_i, processes=1).results
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    for name in ("TMPDIR", "TEMP", "TMP"):  # of what it starts
        monkeypatch.setenv(name, str(scratch))
    with pytest.raises(RuntimeError, match="on purpose"):
        launch.in_processes(fail, str(tmp_path / "note"), processes=1)
    assert (tmp_path / "note").read_text() == "tried "  # and not again
    assert list(scratch.iterdir()) == []


def test_a_launched_module_that_fails_is_reported():
    with pytest.raises(RuntimeError, match="the processes ended with 1:\nhelpers.run: argument"):
        launch.module("helpers.run", "--epochs", 0, processes=1)


def where_am_i():
    print("here")
    surroundings = [os.environ.get("GARMENT"), os.getcwd(), torch.get_num_threads()]
    return [dist.get_rank(), dist.get_world_size(), *surroundings]  # noqa: F821


def no_copy(process):
    raise OSError("AF_UNIX path too long")


@pytest.mark.parametrize("copied", [copies._COPIES, False])
def test_launched_processes_see_the_surroundings_of_today(copied, tmp_path, monkeypatch):
    """Whether they are copies of one that has loaded PyTorch before, or load it themselves."""
    if copies._COPIES and not copied:
        monkeypatch.setattr(multiprocessing.get_context("forkserver").Process, "start", no_copy)
    # What begins anew takes long, and has nothing from before that it could keep.
    rounds = [("first", 1), ("second", 2)] if copied else [("only", 2)]
    for word, processes_now in rounds:
        folder = tmp_path / word
        folder.mkdir()
        monkeypatch.chdir(folder)
        monkeypatch.setenv("GARMENT", word)
        launched = launch.in_processes(where_am_i, processes=processes_now)
        expected = [[rank, processes_now, word, str(folder), 1] for rank in range(processes_now)]
        assert list(launched.results) == expected
        assert launched.said == tuple((0, rank, "here") for rank in range(processes_now))


def loaded():
    import sys

    return [
        name for name in ("matplotlib", "helpers.beyond_one_process.answers") if name in sys.modules
    ]


def test_launched_processes_load_no_figures_and_no_answers():
    assert launch.in_processes(loaded, processes=1).results == ([],)


def draw():
    import numpy as np

    return torch.rand(1).item(), np.random.rand()


def test_without_a_seed_each_launched_process_draws_something_else():
    drawn = [launch.in_processes(draw).results for _ in range(2)]
    assert len({pair[0] for results in drawn for pair in results}) == 4
    assert len({pair[1] for results in drawn for pair in results}) == 4


def wait_for_ever(note):
    with open(note, "w") as file:
        file.write(str(os.getpid()))
    time.sleep(3600)


def is_gone(process):
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(process).status() == psutil.STATUS_ZOMBIE  # Nobody has asked for it.
    return True


def test_launched_processes_that_take_too_long_are_ended(tmp_path, monkeypatch):
    assert launch.in_processes(where_am_i, processes=1).results  # From now on a start is quick.
    monkeypatch.setattr(launch, "_SECONDS_AT_MOST", 10.0)
    with pytest.raises(RuntimeError, match="the processes had not ended after 10 s"):
        launch.in_processes(wait_for_ever, str(tmp_path / "note"), processes=1)
    assert is_gone(int((tmp_path / "note").read_text()))


A_SCRIPT = """
import sys

from beyond_one_process import test_launch

if __name__ == "__main__":
    test_launch.launch.in_processes(test_launch.wait_for_ever, sys.argv[1], processes=1)
"""


def within_a_minute(holds):
    deadline = time.monotonic() + 60
    while not (held := holds()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return held


def test_launched_processes_end_with_a_notebook_that_is_killed(tmp_path):
    note, script = tmp_path / "note", tmp_path / "script.py"
    script.write_text(A_SCRIPT)
    path = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    with subprocess.Popen(
        [sys.executable, script, note],
        env={**os.environ, "PYTHONPATH": path, "TMPDIR": str(tmp_path)},
        stderr=subprocess.DEVNULL,
    ) as parent:
        assert within_a_minute(lambda: note.exists() and note.read_text())
        parent.kill()
    assert within_a_minute(lambda: is_gone(int(note.read_text())))


def leave(code):
    raise SystemExit(code)


def test_a_launched_function_that_leaves_has_no_result():
    for code in (3, "a reason"):
        with pytest.raises(RuntimeError, match="the processes ended with 1"):
            launch.in_processes(leave, code, processes=1)
    for code in (0, None):
        with pytest.raises(RuntimeError, match="leave ended its process and returned nothing"):
            launch.in_processes(leave, code, processes=1)


def test_a_launched_module_may_leave_when_all_is_well():
    launched = launch.module("helpers.run", "--help", processes=1)
    assert "--epochs" in str(launched) and launched.results == ()
