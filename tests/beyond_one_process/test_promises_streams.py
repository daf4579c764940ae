"""Whoever reads the command may leave, close its streams, know ASCII alone, or hang up."""

import io
import json
import os
import signal
import sys

import pytest
import torch

from beyond_one_process.processes import stopped_after, weights
from helpers.beyond_one_process import checkpoint

needs_posix = pytest.mark.skipif(os.name == "nt", reason="needs a shell and its signals")


# --- A run ---


class OneLine(io.StringIO):
    """What `head -1` reads."""

    def write(self, text):
        if "\n" in self.getvalue():
            raise BrokenPipeError(32, "Broken pipe")
        return super().write(text)


@needs_posix
@pytest.mark.proof
def test_a_run_whose_reader_is_gone_stops_and_goes_on_later(command, tmp_path, monkeypatch):
    kept, options = tmp_path / "kept.pt", "--epochs 2 --checkpoint"
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", OneLine())
        _, err = command(options, kept, code=128 + signal.SIGPIPE)
    assert err.count("\n") == 1 and "stopped by SIGPIPE after epoch 1, batch 1: kept in" in err
    command(options, kept, "--resume")
    command(options, tmp_path / "unbroken.pt")
    assert torch.equal(weights(kept), weights(tmp_path / "unbroken.pt"))
    # At the very end nothing but the report is lost.
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", OneLine("\n"))
        _, err = command(options, kept, "--resume", "--json", code=128 + signal.SIGPIPE)
    assert "stopped by SIGPIPE after epoch 2, batch 0: kept in" in err.splitlines()[-1]


@needs_posix
@pytest.mark.proof
def test_a_run_whose_terminal_is_closed_is_kept_and_under_nohup_goes_on(command, tmp_path):
    kept = tmp_path / "kept.pt"
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # The tests may run under nohup, too.
    try:
        with stopped_after(3, signal.SIGHUP):
            _, err = command("--epochs 1 --checkpoint", kept, code=129)
        assert "stopped by SIGHUP after epoch 0, batch 3: kept in" in err
        assert checkpoint.load(kept)["batch"] == 3
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        with stopped_after(2, signal.SIGHUP):
            command("--epochs 1 --resume --checkpoint", kept)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
    assert checkpoint.load(kept)["epoch"] == 1


@pytest.mark.proof
def test_a_signal_that_comes_while_a_run_is_kept_waits(command, tmp_path):
    with stopped_after(3, signal.SIGTERM), pytest.MonkeyPatch.context() as patch:

        def once(_):
            patch.undo()
            signal.raise_signal(signal.SIGINT)

        patch.setattr(os, "fsync", once)
        command("--epochs 1 --checkpoint", tmp_path / "kept.pt", code=130)
    assert checkpoint.load(tmp_path / "kept.pt")["batch"] == 3


@pytest.mark.proof
def test_fewer_epochs_than_are_done_say_so_and_count_what_there_is(command, tmp_path):
    kept = tmp_path / "kept.pt"
    command("--epochs 2 --checkpoint", kept)
    before = kept.read_bytes()
    for asked, words in ((1, "the run is past --epochs 1"), (2, "the run has reached --epochs 2")):
        out, err = command(f"--epochs {asked} --resume --json --checkpoint", kept)
        told = json.loads(out)
        assert words in err and told["epochs"] == len(told["loss"]) == 2
        assert kept.read_bytes() == before
    with stopped_after(3, signal.SIGTERM):
        command("--epochs 3 --resume --checkpoint", kept, code=143)
    out, _ = command("--epochs 2 --resume --checkpoint", kept)
    assert "after epoch 2, batch 3\nthe run is past --epochs 2: no step is made" in out


@pytest.mark.proof
def test_what_was_left_out_is_to_be_left_out_again(command, tmp_path):
    kept = tmp_path / "kept.pt"
    command("--epochs 1 --limit 600 --checkpoint", kept)
    _, err = command("--epochs 1 --resume --checkpoint", kept, code=1)
    assert "was made with --limit 600: resume it so" in err
    kept.unlink()
    command("--epochs 1 --checkpoint", kept)
    _, err = command("--epochs 1 --limit 600 --resume --checkpoint", kept, code=1)
    assert "was made without --limit: resume it so" in err and "None" not in err
