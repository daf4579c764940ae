"""The command line: its options, its exit codes, and what goes wrong, in one line."""

import socket
import subprocess
import sys

import pytest
import torch

from helpers import run
from helpers.beyond_one_process import checkpoint, training_run

pytestmark = pytest.mark.proof


@pytest.mark.parametrize(
    "arguments",
    [
        "--epochs 0", "--epochs two", "--batch-size 0", "--lr 0", "--lr nan", "--lr -1",
        "--momentum 1", "--momentum -0.1", "--device tpu", "--network rnn", "--dtype half",
        "--limit 5", "--checkpoint-every 0", "--resume", "--epoch 3", "surplus", "--seed -1",
        "--lr 1e300", "--lr inf", f"--seed {2**63}", f"--epochs {'9' * 5000}",
    ],
)  # fmt: skip
def test_a_bad_option_is_one_line_and_exit_code_2(arguments, capsys):
    assert run.main(arguments.split()) == 2
    out, err = capsys.readouterr()
    assert not out and err.count("\n") == 1 and err.startswith("helpers.run: ")


def test_only_one_process_of_a_machine_complains(capsys, monkeypatch):
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert run.main(["--epochs", "0"]) == 2
    assert capsys.readouterr() == ("", "")


def test_the_command_answers_help_and_bad_options_from_a_shell():
    command = [sys.executable, "-m", "helpers.run"]
    helped = subprocess.run([*command, "--help"], capture_output=True, text=True)
    assert helped.returncode == 0
    for option in (
        "epochs",
        "batch-size",
        "lr",
        "momentum",
        "seed",
        "data",
        "device",
        "checkpoint",
    ):
        assert f"--{option} " in helped.stdout
    assert "--resume" in helped.stdout and "--json" in helped.stdout
    bad = subprocess.run([*command, "--lr", "fast"], capture_output=True, text=True)
    assert (bad.returncode, bad.stdout) == (2, "")
    assert bad.stderr.count("\n") == 1 and "'fast'" in bad.stderr


def test_the_command_loads_no_pytorch_before_its_options_are_parsed():
    asked = (
        "import sys, helpers.run; helpers.run.main(['--lr', 'fast']); print('torch' in sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True)
    assert told.stdout == "False\n" and "'fast'" in told.stderr


def trouble(capsys, *arguments: object) -> str:
    assert run.main([str(argument) for argument in arguments]) == 1
    err = capsys.readouterr().err
    assert err.startswith("helpers.run: ") and err.count("\n") == 1
    return err


def test_what_goes_wrong_later_is_one_line_and_exit_code_1(data, tmp_path, capsys, monkeypatch):
    (tmp_path / "file").touch()
    kept = tmp_path / "kept.pt"
    start = ("--data", data, "--epochs", 1)
    assert "no checkpoint can be written" in trouble(
        capsys, *start, "--checkpoint", tmp_path / "file" / "kept.pt"
    )
    assert "no such file" in trouble(capsys, "--data", tmp_path / "none")
    assert "cannot be read" in trouble(capsys, "--data", tmp_path / "file")
    with monkeypatch.context() as patch:
        patch.setattr(torch.cuda, "is_available", lambda: False)
        assert "--device cuda" in trouble(capsys, *start, "--device", "cuda")
    kept.write_bytes(b"rubbish")
    assert "kept.pt' is damaged" in trouble(capsys, *start, "--checkpoint", kept, "--resume")
    assert "holds a run already" in trouble(capsys, *start, "--checkpoint", kept)
    kept.unlink()
    assert run.main([*map(str, start), "--checkpoint", str(kept)]) == 0
    capsys.readouterr()
    again = (*start, "--checkpoint", kept, "--resume")
    assert "made with --lr 0.15" in trouble(capsys, *again, "--lr", 0.1)
    assert "made with --network mlp" in trouble(capsys, *again, "--network", "cnn")
    assert "--limit None" in trouble(capsys, *again, "--limit", 600)
    state = checkpoint.load(kept)
    checkpoint.save(
        kept, {key: state[key] for key in ("model", "optimizer", "rng", "epoch", "batch")}
    )
    assert "not written by this command" in trouble(capsys, *again)
    parts, other = torch.load(data, weights_only=True), tmp_path / "other.pt"
    for part, words in {
        "train_labels": (parts["train_labels"].int(), "labels are torch.int32"),
        "test_labels": (parts["test_labels"][1:], "beside 200 images"),
        "train_images": (parts["train_images"].float(), "images are torch.float32"),
        "test_images": (3, "images are int"),
    }.items():
        torch.save(parts | {part: words[0]}, other)
        assert words[1] in trouble(capsys, "--data", other)
    monkeypatch.setattr(torch.optim.SGD, "step", lambda self: spoil(self))
    assert "the loss became" in trouble(capsys, *start)


def test_ctrl_c_before_the_first_step_is_one_line_and_exit_code_130(capsys, monkeypatch):
    def interrupted(settings):
        raise KeyboardInterrupt

    monkeypatch.setattr(training_run, "run", interrupted)
    assert run.main([]) == 130
    assert capsys.readouterr() == ("", "helpers.run: stopped by SIGINT, with no step in flight\n")


def test_each_process_that_runs_out_of_memory_says_so(capsys, monkeypatch):
    def too_large(settings):
        raise torch.OutOfMemoryError("out of memory")

    monkeypatch.setattr(training_run, "run", too_large)
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert run.main([]) == 1
    assert capsys.readouterr() == ("", "helpers.run: out of memory\n")


def spoil(optimizer: torch.optim.Optimizer) -> None:
    with torch.no_grad():
        optimizer.param_groups[0]["params"][0].fill_(float("inf"))


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
