"""Processes that a notebook starts: what they see, what they bring back, and how they end."""

import contextlib
import multiprocessing
import os
import subprocess
import sys
import time
from pathlib import Path
from unittest import mock

import psutil
import pytest
import torch

from beyond_one_process.processes import TORCHRUN, ended_well
from helpers.beyond_one_process import copies, launch

pytestmark = pytest.mark.proof


def fail(note):
    print("tried", file=open(note, "a"), flush=True)
    raise ValueError("on purpose")


def where_am_i():
    import sys

    import numpy as np

    print("here")
    needless = {"matplotlib", "helpers.beyond_one_process.answers"} & sys.modules.keys()
    place = [dist.get_rank(), dist.get_world_size(), os.environ.get("GARMENT"), os.getcwd()]  # noqa: F821
    return [*place, torch.get_num_threads(), len(needless)], torch.rand(1).item(), np.random.rand()


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
    assert (tmp_path / "note").read_text() == "tried\n"  # and not again
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize("copied", [copies._COPIES, False])
def test_launched_processes_see_the_surroundings_of_today(copied, tmp_path, monkeypatch):
    """Whether they are copies of one that has loaded PyTorch before, or load it themselves."""
    if copies._COPIES and not copied:
        no_copy = mock.Mock(side_effect=OSError("AF_UNIX path too long"))
        monkeypatch.setattr(multiprocessing.get_context("forkserver").Process, "start", no_copy)
    drawn = []
    # What begins anew takes long, and has nothing from before that it could keep.
    for word, size in [("first", 1), ("second", 2)] if copied else [("only", 2)]:
        folder = tmp_path / word
        folder.mkdir()
        monkeypatch.chdir(folder)
        monkeypatch.setenv("GARMENT", word)
        launched = launch.in_processes(where_am_i, processes=size)
        # One thread each, and neither figures nor answers.
        expected = [[rank, size, word, str(folder), 1, 0] for rank in range(size)]
        assert [seen for seen, *_ in launched.results] == expected
        assert launched.said == tuple((0, rank, "here") for rank in range(size))
        drawn += [draws for _, *draws in launched.results]
    # Without a seed each of them draws something else, by PyTorch and by NumPy.
    assert all(len(set(draws)) == len(drawn) for draws in zip(*drawn, strict=True))


def find_fault():
    class Keeping(nn.Linear):  # noqa: F821
        """Leads from batch to batch, as a network with a memory does that nobody detaches."""

        kept = 0.0

        def forward(self, images):
            self.kept = super().forward(images) + self.kept
            return self.kept

    said = []
    for network in (nn.LazyLinear(2), nn.Flatten(), Keeping(3, 2)):  # noqa: F821
        try:
            network = parallel.wrapped(network)  # noqa: F821
            optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
            batches = [(torch.rand(4, 3), torch.arange(4) % 2)] * 2
            list(parallel.train(network, batches, F.cross_entropy, optimizer))  # noqa: F821
        except RuntimeError as error:
            said.append(f"{type(error).__name__}: {error}")
    return said


def test_what_is_wrong_with_a_network_is_not_another_process_that_is_gone():
    for said in launch.in_processes(find_fault).results:
        assert all(line.startswith("RuntimeError: ") for line in said)
        words = ("uninitialized parameters", "not needed", "a second time")
        assert all(word in line for word, line in zip(words, said, strict=True))


def wait_for_ever(note):
    print(os.getpid(), file=open(note, "w"), flush=True)
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


A_NOTEBOOK = """
import sys
from beyond_one_process import test_launch

test_launch.launch.in_processes(test_launch.wait_for_ever, sys.argv[1], processes=1)
"""


def wait_a_minute_for(holds):
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_launched_processes_end_with_a_notebook_that_is_killed(tmp_path):
    note = tmp_path / "note"
    path = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    with subprocess.Popen(
        [sys.executable, "-c", A_NOTEBOOK, note],
        env={**os.environ, "PYTHONPATH": path, "TMPDIR": str(tmp_path)},
        stderr=subprocess.DEVNULL,
    ) as parent:
        wait_a_minute_for(lambda: note.exists() and note.read_text())
        parent.kill()
    wait_a_minute_for(lambda: is_gone(int(note.read_text())))


def leave(code):
    raise SystemExit(code)


@pytest.mark.parametrize("code", [3, "a reason", 0, None])
def test_a_launched_function_that_leaves_has_no_result(code):
    words = "the processes ended with 1" if code else "leave ended its process and returned nothing"
    with pytest.raises(RuntimeError, match=words):
        launch.in_processes(leave, code, processes=1)


def an_array():
    return torch.ones(1).numpy()


def test_what_a_launched_function_cannot_hand_back_is_told_in_one_line():
    words = "^what an_array returns cannot be handed over .*: give numbers, strings, .*of them$"
    with pytest.raises(TypeError, match=words):
        launch.in_processes(an_array, processes=1)


def test_a_launched_module_may_leave_when_all_is_well_and_else_is_reported():
    launched = launch.module("helpers.run", "--help", processes=1)
    assert "--epochs" in str(launched) and launched.results == ()
    with pytest.raises(RuntimeError, match="the processes ended with 1:\nhelpers.run: argument"):
        launch.module("helpers.run", "--epochs", 0, processes=1)


A_LATE_ONE = """
import os
import sys
import time
from pathlib import Path

import torch
import torch.distributed as dist

from helpers.beyond_one_process import parallel

meet, met = dist.init_process_group, Path(sys.argv[1])


def meet_slowly(*arguments, **options):
    meet(*arguments, **options)
    time.sleep(1)
    met.touch()


if os.environ["RANK"] == "1":
    dist.init_process_group = meet_slowly
with parallel.joined(torch.device("cpu")):
    sys.exit(not met.exists())
"""


def test_nobody_begins_before_all_have_met(tmp_path):
    """Or who has nothing to say to the others is gone before they can meet him."""
    script = tmp_path / "script.py"
    script.write_text(A_LATE_ONE)
    ended_well(*TORCHRUN, "--standalone", "--nproc-per-node", 2, script, tmp_path / "met")


def leave_the_group():
    dist.destroy_process_group()  # noqa: F821
    return 1


def test_a_launched_function_may_leave_the_group_itself():
    assert launch.in_processes(leave_the_group).results == (1, 1)
