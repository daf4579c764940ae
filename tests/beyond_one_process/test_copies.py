"""What an agent and its processes do, each in this process: what would start or end one is played.

Beside `test_launch.py`, which starts real ones.
"""

import multiprocessing
import os
import signal
import sys
import tempfile
import threading
from unittest import mock

import numpy as np
import pytest
import torch

from helpers.beyond_one_process import copies


class Ended(BaseException):
    """In place of the end of a process."""


@pytest.fixture
def ends(monkeypatch):
    """In place of this process's end: an error, with the exit code."""
    ends = mock.Mock(side_effect=Ended)
    monkeypatch.setattr(copies, "_end", ends)
    return ends


# --- A process that takes part ---


@pytest.fixture
def taking_part(monkeypatch, tmp_path):
    """Be one of the processes; return what its file holds, by the file's name."""
    (tmp_path / "said").mkdir()
    before = [(number, signal.getsignal(number)) for number in (signal.SIGINT, signal.SIGTERM)]
    monkeypatch.setattr(torch, "seed", mock.Mock())
    monkeypatch.setattr(np.random, "seed", mock.Mock())
    monkeypatch.setattr(torch, "set_num_threads", mock.Mock())

    def take_part(run, attempt: int = 0, rank: int = 0) -> dict[str, str]:
        monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", str(attempt))
        monkeypatch.setenv("RANK", str(rank))
        copies._take_part(tmp_path, run)
        return {file.name: file.read_text("utf-8") for file in (tmp_path / "said").iterdir()}

    yield take_part
    for number, handler in before:
        signal.signal(number, handler)


def test_files_of_any_number_of_processes_sort_as_their_numbers_do(taking_part):
    places = [(0, 2), (0, 10), (0, 63), (1, 0), (2, 9), (10, 1), (10, 11)]
    for attempt, rank in places:
        names = list(taking_part(lambda: print("here"), attempt, rank))
    assert sorted(names) == [f"{attempt:03d}-{rank:03d}" for attempt, rank in places]
    assert [tuple(map(int, name.split("-"))) for name in sorted(names)] == places


def test_a_process_is_no_copy_of_its_neighbour(taking_part):
    """It is interrupted as any process, has one thread, and draws its own numbers."""
    signal.signal(signal.SIGINT, lambda *_: None)
    signal.signal(signal.SIGTERM, lambda *_: None)
    seen = []

    def look():
        seen.append([signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)])
        calls = (torch.seed, np.random.seed, torch.set_num_threads)
        seen.append([call.call_args_list for call in calls])

    taking_part(look)
    assert seen == [[signal.SIG_DFL] * 2, [[mock.call()], [mock.call()], [mock.call(1)]]]


def test_a_line_is_in_the_file_at_once_whatever_its_letters(taking_part, tmp_path, capsys):
    seen, before = [], sys.stdout

    def speak():
        print("größe 中 \udc80")
        seen.append((tmp_path / "said" / "000-000").read_bytes())
        print("to stderr", file=sys.stderr)

    text = "größe 中 \\udc80\n"
    assert taking_part(speak) == {"000-000": text} and seen == [text.encode()]
    assert capsys.readouterr() == ("", "to stderr\n") and sys.stdout is before


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (SystemExit(3), 1, ""),
        (SystemExit("a reason"), 1, ""),
        (SystemExit(0), None, ""),
        (SystemExit(None), None, ""),
        (ValueError("on purpose"), 1, "ValueError: on purpose\n"),
        (KeyboardInterrupt(), 1, "KeyboardInterrupt\n"),
    ],
)
def test_how_a_process_ends_is_told_by_its_code(taking_part, ends, capsys, error, code, told):
    run = mock.Mock(side_effect=error)
    if code is None:
        taking_part(run)
    else:
        with pytest.raises(Ended):
            taking_part(run)
    assert ends.call_args_list == ([] if code is None else [mock.call(code)])
    assert capsys.readouterr().err.endswith(told)


def test_a_process_that_ends_has_said_all(monkeypatch):
    done = []
    for name in ("stdout", "stderr"):
        stream = mock.Mock()
        stream.flush.side_effect = lambda name=name: done.append(name)
        monkeypatch.setattr(sys, name, stream)
    monkeypatch.setattr(os, "_exit", done.append)
    copies._end(7)
    assert done == ["stdout", "stderr", 7]


def test_a_command_is_run_with_its_arguments_and_its_code_is_the_processs(monkeypatch):
    command = mock.Mock(**{"main.return_value": 5})
    monkeypatch.setitem(sys.modules, "some_command", command)
    with pytest.raises(SystemExit) as end:
        copies.run_main("some_command", ["--epochs", "3"])
    assert end.value.code == 5 and command.main.call_args_list == [mock.call(["--epochs", "3"])]


# --- How the agent is started ---


@pytest.mark.parametrize(
    ("can_copy", "refused", "kinds"),
    [
        (True, False, ["forkserver"]),
        (True, True, ["forkserver", "spawn"]),
        (False, False, ["spawn"]),
    ],
)
def test_an_agent_is_a_copy_where_that_can_be(monkeypatch, tmp_path, can_copy, refused, kinds):
    contexts = {kind: mock.Mock() for kind in ("forkserver", "spawn")}
    if refused:
        contexts["forkserver"].Process().start.side_effect = OSError("AF_UNIX path too long")
        contexts["forkserver"].Process.reset_mock()
    asked, preload = [], mock.Mock()
    monkeypatch.setattr(
        multiprocessing, "get_context", lambda kind: asked.append(kind) or contexts[kind]
    )
    monkeypatch.setattr(multiprocessing, "set_forkserver_preload", preload)
    monkeypatch.setattr(copies, "_COPIES", can_copy)
    agent = copies.start_agent(tmp_path, "run", 2, 1, {"A": "b"})
    assert asked == kinds and agent is contexts[kinds[-1]].Process.return_value
    for kind in kinds:
        handed = (tmp_path, "run", 2, 1, {"A": "b"}, kind == "forkserver")
        expected = mock.call(target=copies._watch_over, args=handed)
        assert contexts[kind].Process.call_args_list == [expected]
        assert contexts[kind].Process.return_value.start.call_count == 1
    # What takes seconds to load, and nothing that somebody may change meanwhile.
    loaded = ["torch._dynamo", "torch.distributed.launcher", "torchvision.datasets"]
    assert preload.call_args_list == ([mock.call(loaded)] if can_copy else [])


def test_copies_are_made_on_linux_alone():
    assert copies._COPIES == (sys.platform == "linux")


# --- What the agent does ---


@pytest.fixture
def watching(monkeypatch, ends):
    """Be the agent, and note what PyTorch is asked for and in which surroundings."""
    seen = {"launched": mock.Mock(), "thread": mock.Mock(), "met": mock.Mock(), "noise": []}

    def launch(config, function):
        seen["config"], seen["function"] = config, function
        seen["environment"], seen["scratch"] = dict(os.environ), tempfile.tempdir
        return seen["launched"]

    monkeypatch.setattr(copies, "elastic_launch", launch)
    monkeypatch.setattr(copies.meeting_places, "register", seen["met"])
    monkeypatch.setattr(threading, "Thread", seen["thread"])
    monkeypatch.setattr(tempfile, "tempdir", "an earlier one")

    def watch(folder, copied=True, gpu=False) -> dict:
        monkeypatch.setattr(torch.accelerator, "is_available", lambda: gpu)
        # pytest needs it, too, before and after.
        dup2 = mock.patch.object(os, "dup2", lambda _, standard: seen["noise"].append(standard))
        with mock.patch.dict(os.environ), dup2, pytest.raises(Ended):
            copies._watch_over(folder, "run", 3, 2, {"GARMENT": "coat"}, copied)
        return seen

    return watch


def test_an_agent_starts_what_it_is_told_to_in_the_surroundings_of_today(watching, ends, tmp_path):
    seen = watching(tmp_path)
    config = seen["config"]
    assert (config.min_nodes, config.max_nodes, config.nproc_per_node) == (1, 1, 3)
    assert (config.max_restarts, config.local_addr) == (2, "127.0.0.1")
    assert config.rdzv_backend == copies._MetHere.name
    assert config.logs_specs.root_log_dir == str(tmp_path / "logs")
    assert seen["environment"] == {"GARMENT": "coat"} and seen["scratch"] is None
    assert seen["function"] is copies._take_part
    assert seen["launched"].call_args_list == [mock.call(tmp_path, "run")]
    assert seen["met"].call_args_list == [mock.call("met here", copies._meet_here)]
    assert seen["noise"] == [1, 2] and (tmp_path / "noise").exists()
    assert seen["thread"].call_args_list == [
        mock.call(target=copies._end_with_the_notebook, daemon=True)
    ]
    assert seen["thread"].return_value.start.call_count == 1
    assert ends.call_args_list == [mock.call(0)]
    assert watching(tmp_path)["config"].run_id != config.run_id


@pytest.mark.parametrize(
    ("copied", "gpu", "method"),
    [(True, False, "fork"), (True, True, "spawn"), (False, False, "spawn"), (False, True, "spawn")],
)
def test_who_has_looked_for_a_gpu_is_not_copied(watching, tmp_path, copied, gpu, method):
    assert watching(tmp_path, copied, gpu)["config"].start_method == method


@pytest.mark.parametrize("error", [RuntimeError("on purpose"), SystemExit(0), KeyboardInterrupt()])
def test_an_agent_that_fails_says_why_and_ends_with_1(monkeypatch, ends, tmp_path, capsys, error):
    monkeypatch.setattr(copies, "elastic_launch", mock.Mock(side_effect=error))
    monkeypatch.setattr(threading, "Thread", mock.Mock())
    with mock.patch.dict(os.environ), mock.patch.object(os, "dup2"), pytest.raises(Ended):
        copies._watch_over(tmp_path, "run", 1, 0, {}, True)
    assert ends.call_args_list == [mock.call(1)]
    assert type(error).__name__ in capsys.readouterr().err


def test_an_agent_whose_folder_is_gone_starts_nothing(watching, ends, tmp_path):
    seen = watching(tmp_path / "gone")
    assert ends.call_args_list == [mock.call(1)]
    assert not seen["launched"].called and not seen["thread"].called and seen["noise"] == []


def test_an_agent_ends_once_the_notebook_has(monkeypatch):
    done = []
    notebook = mock.Mock(sentinel="its end")
    monkeypatch.setattr(multiprocessing, "parent_process", lambda: notebook)
    monkeypatch.setattr(multiprocessing.connection, "wait", done.append)
    monkeypatch.setattr(os, "kill", lambda *how: done.append(how))
    copies._end_with_the_notebook()
    assert done == [["its end"], (os.getpid(), signal.SIGTERM)]
    monkeypatch.setattr(multiprocessing, "parent_process", lambda: None)
    copies._end_with_the_notebook()
    assert len(done) == 2


def test_agents_meet_without_a_port(monkeypatch):
    made = mock.Mock()
    monkeypatch.setattr(copies, "create_handler", made)
    parameters = mock.Mock(run_id="this run")
    assert copies._meet_here(parameters) is made.return_value
    store, backend, handed = made.call_args.args
    assert isinstance(store, torch.distributed.HashStore) and handed is parameters
    assert isinstance(backend, copies._MetHere) and backend.name == "met here"
    assert backend._store is store
