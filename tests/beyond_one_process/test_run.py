"""The command line: its options, its exit codes, and what goes wrong, in one line."""

import socket
import subprocess
import sys
from unittest import mock

import pytest
import torch
from torch import nn

from helpers import run
from helpers.beyond_one_process import checkpoint, training_run

pytestmark = pytest.mark.proof


@pytest.mark.parametrize(
    "options",
    [
        "--epochs 0", "--epochs two", "--batch-size 0", "--lr 0", "--lr nan", "--lr -1",
        "--momentum 1", "--momentum -0.1", "--device tpu", "--network rnn", "--dtype half",
        "--limit 5", "--checkpoint-every 0", "--resume", "--epoch 3", "surplus", "--seed -1",
        "--lr 1e300", "--lr inf", f"--seed {2**63}", f"--epochs {'9' * 5000}",
    ],
)  # fmt: skip
def test_a_bad_option_is_one_line_and_exit_code_2(options, command):
    out, err = command(options, code=2)
    assert not out and err.count("\n") == 1 and err.startswith("helpers.run: ")


@pytest.mark.parametrize(
    "options",
    [
        "--epochs 1", "--batch-size 1", "--lr 1e-30", "--lr 3e38", "--momentum 0",
        "--momentum 0.999", "--seed 0", f"--seed {2**63 - 1}", "--limit 6", "--checkpoint-every 1",
    ],
)  # fmt: skip
def test_the_last_value_that_makes_sense_is_taken(options):
    name, value = options.split()
    taken = getattr(run._parse([name, value]), name[2:].replace("-", "_"))
    assert taken == type(taken)(value)


@pytest.mark.parametrize("option", ["data", "checkpoint"])
def test_a_file_may_be_named_from_home(option, tmp_path, monkeypatch):
    for variable in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(variable, str(tmp_path))
    assert getattr(run._parse([f"--{option}=~/kept"]), option) == tmp_path / "kept"


def test_one_process_of_a_machine_complains_and_the_others_if_they_are_not_ended(
    command, monkeypatch
):
    waits = mock.Mock()
    monkeypatch.setattr(run.time, "sleep", waits)
    for rank in "01":
        monkeypatch.setenv("LOCAL_RANK", rank)
        assert "--epochs: '0'" in command("--epochs 0", code=2)[1]
        assert [call.args[0] > 5 for call in waits.call_args_list] == [True] * int(rank)


def test_the_command_answers_help_and_bad_options_from_a_shell():
    def told_by(*options: str) -> subprocess.CompletedProcess:
        return subprocess.run([sys.executable, *options], capture_output=True, text=True)

    helped = told_by("-m", "helpers.run", "--help")
    names = "epochs batch-size lr momentum seed data device checkpoint resume json"
    assert helped.returncode == 0
    assert all(f"--{name} " in helped.stdout for name in names.split())
    bad = told_by("-m", "helpers.run", "--lr", "fast")
    assert (bad.returncode, bad.stdout) == (2, "")
    assert bad.stderr.count("\n") == 1 and "'fast'" in bad.stderr
    # That quickly, since PyTorch is not loaded before the options are parsed.
    asked = (
        "import sys, helpers.run; helpers.run.main(['--lr', 'fast']); print('torch' in sys.modules)"
    )
    assert told_by("-c", asked).stdout == "False\n"


def test_what_goes_wrong_later_is_one_line_and_exit_code_1(data, command, tmp_path, monkeypatch):
    def trouble(options: str, *more: object) -> str:
        _, err = command(options, *more, code=1)
        assert err.startswith("helpers.run: ") and err.count("\n") == 1
        return err

    (tmp_path / "file").touch()
    kept, start = tmp_path / "kept.pt", "--epochs 1 --checkpoint"
    assert "no checkpoint can be written" in trouble(start, tmp_path / "file" / "kept.pt")
    assert "no such file" in trouble("--data", tmp_path / "none")
    assert "cannot be read" in trouble("--data", tmp_path / "file")
    assert f"run: --data {str(tmp_path)!r}, which holds no Fashion" in trouble("--data", tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(torch.cuda, "is_available", lambda: False)
        assert "--device cuda" in trouble("--epochs 1 --device cuda")
    kept.write_bytes(b"rubbish")
    assert "kept.pt' is damaged" in trouble(start, kept, "--resume")
    assert "holds a run already" in trouble(start, kept)
    kept.unlink()
    command(start, kept)
    for options, words in {
        "--lr 0.1": "made with --lr 0.15",
        "--network cnn": "made with --network mlp",
        "--limit 600": "made without --limit: resume it so",
    }.items():
        assert words in trouble(options, "--resume", "--checkpoint", kept)
    parts, other = torch.load(data, weights_only=True), tmp_path / "other.pt"
    for part in ("train_images", "train_labels"):
        torch.save(parts | {part: parts[part].flip(0)}, other)
        said = trouble("--resume --epochs 1", "--checkpoint", kept, "--data", other)
        assert "made with other data: resume it so" in said
    state = checkpoint.load(kept)
    fewer = {key: state[key] for key in ("model", "optimizer", "rng", "epoch", "batch")}
    checkpoint.save(kept, fewer)
    assert "not written by this command" in trouble(start, kept, "--resume")
    for part, worse, words in [
        ("train_labels", parts["train_labels"].int(), "labels are torch.int32"),
        ("test_labels", parts["test_labels"][1:], "beside images of shape (200, 28, 28)"),
        ("train_images", parts["train_images"].float(), "images are torch.float32"),
        ("test_images", 3, "images are int"),
    ]:
        torch.save(parts | {part: worse}, other)
        assert words in trouble("--data", other)

    def spoil(optimizer: torch.optim.Optimizer) -> None:
        nn.init.constant_(optimizer.param_groups[0]["params"][0], float("inf"))

    monkeypatch.setattr(torch.optim.SGD, "step", spoil)
    assert "the loss became" in trouble("--epochs 1")


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (KeyboardInterrupt, 130, "stopped by SIGINT, with no step in flight"),
        # That of one process is not that of all: each says so.
        (torch.OutOfMemoryError("out of memory"), 1, "out of memory"),
    ],
)
def test_what_ends_a_run_at_once_is_one_line(error, code, said, command, monkeypatch):
    monkeypatch.setattr(training_run, "run", mock.Mock(side_effect=error))
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert command("", code=code) == ("", f"helpers.run: {said}\n")


def test_a_port_in_use_is_one_line_and_exit_code_1(data, capfd, monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        group = {"RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1"}
        for name, value in (group | {"MASTER_PORT": str(taken.getsockname()[1])}).items():
            monkeypatch.setenv(name, value)
        assert run.main(["--data", data]) == 1
    out, err = capfd.readouterr()
    assert not out and err.count("\n") == 1 and "address already in use" in err
