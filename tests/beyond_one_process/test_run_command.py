"""What the command line hands on, what it says and with what code it ends; no run is made."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest
import torch
import torch.distributed as dist

from helpers import run
from helpers.beyond_one_process import parallel, training_run
from helpers.beyond_one_process.settings import Settings

DEFAULTS = {
    "epochs": 5,
    "batch_size": 128,
    "lr": 0.15,
    "momentum": 0.8,
    "seed": 0,
    "network": "mlp",
    "dtype": "float32",
    "device": "cpu",
    "data": None,
    "limit": None,
    "checkpoint": None,
    "checkpoint_every": 100,
    "resume": False,
    "json": False,
}
OTHERS = {
    "epochs": 7,
    "batch_size": 32,
    "lr": 0.25,
    "momentum": 0.5,
    "seed": 3,
    "network": "cnn",
    "dtype": "float64",
    "device": "auto",
    "data": Path("garments"),
    "limit": 60,
    "checkpoint": Path("kept.pt"),
    "checkpoint_every": 9,
    "resume": True,
    "json": True,
}


@pytest.fixture
def runs(monkeypatch):
    """In place of a run: what it was given, and what it brings."""
    runs = mock.Mock(return_value=None)
    monkeypatch.setattr(training_run, "run", runs)
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    return runs


@pytest.fixture
def waits(monkeypatch):
    waits = mock.Mock()
    monkeypatch.setattr(run.time, "sleep", waits)
    return waits


def line_of(options: dict[str, object]) -> list[str]:
    """Return how the options are typed."""
    words = []
    for name, value in options.items():
        words.append(f"--{name.replace('_', '-')}")
        words += [] if value is True else [str(value)]
    return words


def test_without_options_the_run_is_that_of_the_notebook(runs):
    assert run.main([]) == 0
    assert runs.call_args_list == [mock.call(Settings(**DEFAULTS))]


@pytest.mark.parametrize("option", OTHERS)
def test_each_option_reaches_the_run_and_no_other_is_changed(runs, option):
    typed = {option: OTHERS[option]}
    if option == "resume":
        typed["checkpoint"] = OTHERS["checkpoint"]
    assert run.main(line_of(typed)) == 0
    assert runs.call_args_list == [mock.call(Settings(**DEFAULTS | typed))]


def test_all_options_may_be_given_and_come_from_the_command_line_else(runs, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["run", *line_of(OTHERS)])
    assert run.main() == 0
    assert runs.call_args_list == [mock.call(Settings(**OTHERS))]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            "--epochs 0",
            "argument --epochs: '0': give a whole number of at least 1 and below 2^63",
        ),
        (
            "--limit 5",
            "argument --limit: '5': give a whole number of at least 6 and below 2^63",
        ),
        ("--lr fast", "argument --lr: 'fast': give a number above 0 and below 3.4e+38"),
        ("--momentum 1", "argument --momentum: '1': give a number from 0 up and below 1"),
        ("--epoch 3", "unrecognized arguments: --epoch 3"),
        ("surplus", "unrecognized arguments: surplus"),
        ("--resume", "--resume needs --checkpoint: say which file to go on from"),
    ],
)
def test_a_bad_option_is_named_on_stderr_alone(runs, waits, capsys, options, said):
    assert run.main(options.split()) == 2
    assert capsys.readouterr() == ("", f"helpers.run: {said}; --help lists the options\n")
    assert not runs.called and not waits.called


@pytest.mark.parametrize(
    ("stopped_by", "code"),
    [(None, 0), (0, 0), (signal.SIGTERM, 143), (1, 129), (signal.SIGINT, 130), (13, 141)],
)
def test_a_run_that_a_signal_stopped_says_so_by_its_code_alone(runs, capsys, stopped_by, code):
    runs.return_value = stopped_by
    assert run.main([]) == code
    assert capsys.readouterr() == ("", "")


def test_a_run_that_is_interrupted_says_so(runs, capsys, waits):
    runs.side_effect = KeyboardInterrupt
    assert run.main([]) == 130
    assert capsys.readouterr() == (
        "",
        "helpers.run: stopped by SIGINT, with no step in flight\n",
    )


# By each error, whether all processes of a machine find it: one speaks for them then.
TROUBLES = {
    ValueError("the loss\n  became nan"): True,
    FileNotFoundError(2, "No such file", "kept"): True,
    dist.DistError("a port is\tin use"): True,
    parallel.PeerLost("one is gone"): True,
    torch.OutOfMemoryError("out of memory"): False,
}


@pytest.mark.parametrize("rank", [None, "0", "1"])
@pytest.mark.parametrize(
    ("error", "once"), TROUBLES.items(), ids=lambda value: type(value).__name__
)
def test_trouble_is_one_line_of_one_process(runs, waits, capsys, monkeypatch, error, once, rank):
    if rank is not None:
        monkeypatch.setenv("LOCAL_RANK", rank)
    runs.side_effect = error
    assert run.main([]) == 1
    said = re.sub(r"\s+", " ", str(error))
    assert capsys.readouterr() == ("", f"helpers.run: {said}\n")
    assert waits.call_args_list == [mock.call(20.0)] * (once and rank == "1")


@pytest.mark.parametrize("error", [RuntimeError("a fault"), TypeError("a fault"), KeyError("a")])
def test_a_fault_of_the_program_is_not_hushed_up(runs, error):
    runs.side_effect = error
    with pytest.raises(type(error)):
        run.main([])


def test_help_tells_of_each_option_with_its_default(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit) as ended:
        run.main(["--help"])
    out, err = capsys.readouterr()
    assert ended.value.code == 0 and err == ""
    assert out.startswith("usage: python -m helpers.run [-h] [--epochs EPOCHS]")
    assert "\nTrain a network on FashionMNIST, as notebook 04 does.\n" in out
    assert out.endswith(
        "\nSeveral processes: torchrun --standalone --nproc-per-node 2 -m helpers.run …\n"
    )
    entries = [" ".join(entry.partition("\n\n")[0].split()) for entry in out.split("\n  --")[1:]]
    told = {entry.partition(" ")[0].replace("-", "_"): entry for entry in entries}
    assert list(told) == list(DEFAULTS)
    for name, default in DEFAULTS.items():
        shown = re.findall(r"\(([^()]+)\)$", told[name])
        silent = default is None or default is False or name == "network"
        assert shown == ([] if silent else [str(default)]), name


AS_A_COMMAND = """
import atexit, os, runpy, sys
atexit.register(os.write, 1, b"taken down")
print("said")
if {closed}:
    sys.stdout.flush()
    sys.stdout = None
sys.argv = ["run", "--lr", "fast"]
runpy.run_module("helpers.run", run_name="__main__")
"""


@pytest.mark.parametrize("closed", [True, False])
@pytest.mark.parametrize("rank", [None, "0"])
def test_under_torchrun_it_ends_at_once_and_has_said_all(rank, closed):
    """What the libraries do as Python is taken down could still fail there."""
    known = {
        name: value for name, value in os.environ.items() if name not in ("RANK", "LOCAL_RANK")
    }
    done = subprocess.run(
        [sys.executable, "-c", AS_A_COMMAND.format(closed=closed)],
        env=known | ({"RANK": rank} if rank else {}),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2 and done.stderr.count("\n") == 1, done.stderr
    assert done.stdout.replace("\n", " ").split() == ["said"] + ["taken", "down"] * (not rank)
