"""The command: one process or many, the same weights; and what goes wrong, in one line."""

import contextlib
import io
import json
import multiprocessing
import os
import random
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from beyond_one_process import processes
from helpers import run
from helpers.beyond_one_process import checkpoint, launch, parallel, session
from helpers.fashion_mnist_pipeline import fashion, training

pytestmark = pytest.mark.proof

KILLING = Path(__file__).with_name("killing.py")
# `torchrun` is this `main`, and no more. But it has been seen to wait for ever for its own threads
# after it had ended its processes and said so: here it just ends.
_TORCHRUN = """
import os
import sys
import traceback

from torch.distributed import run

code = 0
try:
    run.main(sys.argv[1:])
except SystemExit as end:
    code = end.code
except BaseException:
    traceback.print_exc()
    code = 1
sys.stdout.flush()
sys.stderr.flush()
os._exit(code)
"""
TORCHRUN = ["-c", _TORCHRUN, "--local-addr", "127.0.0.1"]
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


@pytest.fixture(scope="session")
def data(tmp_path_factory) -> str:
    generator = torch.Generator().manual_seed(0)
    patterns = torch.randint(0, 200, (10, 28, 28), generator=generator)

    def drawn(count: int) -> tuple[torch.Tensor, torch.Tensor]:
        labels = torch.randint(0, 10, (count,), generator=generator)
        noise = torch.randint(0, 56, (count, 28, 28), generator=generator)
        return (patterns[labels] + noise).to(torch.uint8), labels

    parts = dict(zip(("train_images", "train_labels"), drawn(2500), strict=True))
    parts |= dict(zip(("test_images", "test_labels"), drawn(200), strict=True))
    file = tmp_path_factory.mktemp("data") / "garments.pt"
    torch.save(parts, file)
    return str(file)


def weights(file: Path) -> torch.Tensor:
    return torch.cat([w.flatten() for w in torch.load(file, weights_only=True)["model"].values()])


def free_port() -> int:
    # Below those that the system gives away by itself, so that nobody gets it in the meantime.
    for port in random.sample(range(15_000, 30_000), 100):
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
    raise OSError("no port is free")


# --- The command line ---


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

    monkeypatch.setattr(session, "run", interrupted)
    assert run.main([]) == 130
    assert capsys.readouterr() == ("", "helpers.run: stopped by SIGINT, with no step in flight\n")


def test_each_process_that_runs_out_of_memory_says_so(capsys, monkeypatch):
    def too_large(settings):
        raise torch.OutOfMemoryError("out of memory")

    monkeypatch.setattr(session, "run", too_large)
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


# --- One process ---


def test_json_is_one_object_and_nothing_else(data, capsys):
    assert run.main(["--data", data, "--epochs", "2", "--json", "--network", "cnn"]) == 0
    out, err = capsys.readouterr()
    told = json.loads(out)
    assert out.count("\n") == 1 and "epoch 2 of 2" in err
    assert told["network"] == "cnn" and told["processes"] == 1 and told["images"] == 2084
    assert len(told["loss"]) == len(told["validation_accuracy"]) == len(told["seconds"]) == 2
    assert 0 <= told["test_accuracy"] <= 1


def test_one_process_is_the_loop_of_notebook_04_to_the_last_bit(data, tmp_path, capsys):
    kept = tmp_path / "kept.pt"
    assert run.main(["--data", data, "--epochs", "2", "--checkpoint", str(kept), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    parts = torch.load(data, weights_only=True)
    order = torch.randperm(2500, generator=torch.Generator().manual_seed(0))
    images, labels = parts["train_images"], parts["train_labels"]
    chosen, held_out = order[:-416], order[-416:]
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Flatten(), nn.Linear(784, 128, bias=False), nn.ReLU(), nn.Linear(128, 10, bias=False),
        nn.LogSoftmax(dim=1),
    )  # fmt: skip
    generator = torch.Generator().manual_seed(0)
    history = training.fit(
        network,
        fashion.Batches(images[chosen], labels[chosen], 128, generator=generator),
        F.nll_loss,
        torch.optim.SGD(network.parameters(), lr=0.15, momentum=0.8),
        epochs=2,
        validation=fashion.Batches(images[held_out], labels[held_out], 128),
        progress=False,
    )
    expected = torch.cat([weight.detach().flatten() for weight in network.parameters()])
    assert torch.equal(weights(kept), expected)
    assert told["accuracy"] == history.accuracy
    assert told["loss"] == pytest.approx(history.loss, rel=1e-6)
    assert told["validation_accuracy"] == history.validation_accuracy


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_run_stopped_in_mid_epoch_ends_with_the_same_weights(
    data, tmp_path, capsys, monkeypatch, number, code
):
    def command(name: str) -> list[str]:
        return ["--data", data, "--epochs", "2", "--json", "--checkpoint", str(tmp_path / name)]

    assert run.main(command("unbroken.pt")) == 0
    unbroken = json.loads(capsys.readouterr().out)
    step, steps = torch.optim.SGD.step, []

    def step_and_be_stopped(self):
        steps.append(step(self))
        if len(steps) == 23:  # Of 17 in an epoch: in the second one.
            signal.raise_signal(number)

    with monkeypatch.context() as patch:
        patch.setattr(torch.optim.SGD, "step", step_and_be_stopped)
        assert run.main(command("broken.pt")) == code
    out, err = capsys.readouterr()
    assert not out and "after epoch 1, batch 6: kept in" in err.splitlines()[-1]
    assert len(steps) == 23  # The step in flight was finished, and no other begun.
    torch.manual_seed(99)  # What the process did in between does not matter.
    assert run.main([*command("broken.pt"), "--resume"]) == 0
    resumed = json.loads(capsys.readouterr().out)
    assert torch.equal(weights(tmp_path / "broken.pt"), weights(tmp_path / "unbroken.pt"))
    assert resumed["resumed_after"] == {"epoch": 1, "batch": 6}
    for name in ("loss", "accuracy", "validation_loss", "test_loss"):
        assert resumed[name] == unbroken[name]


def test_a_network_that_draws_at_random_goes_on_with_the_same_draws(
    data, tmp_path, capsys, monkeypatch
):
    def forgetful() -> nn.Module:
        layers = (nn.Flatten(), nn.Dropout(), nn.Linear(784, 10), nn.LogSoftmax(dim=1))
        return nn.Sequential(*layers)

    def command(name: str) -> list[str]:
        return ["--data", data, "--epochs", "1", "--checkpoint", str(tmp_path / name)]

    monkeypatch.setitem(session.NETWORKS, "mlp", forgetful)
    assert run.main(command("unbroken.pt")) == 0
    step, steps = torch.optim.SGD.step, []

    def step_and_be_stopped(self):
        steps.append(step(self))
        if len(steps) == 6:
            signal.raise_signal(signal.SIGTERM)

    with monkeypatch.context() as patch:
        patch.setattr(torch.optim.SGD, "step", step_and_be_stopped)
        assert run.main(command("broken.pt")) == 143
    assert run.main([*command("broken.pt"), "--resume"]) == 0
    assert torch.equal(weights(tmp_path / "broken.pt"), weights(tmp_path / "unbroken.pt"))


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_bar_is_shown_on_a_terminal_and_not_in_a_log(data, monkeypatch, capsys):
    command = ["--data", data, "--epochs", "1", "--limit", "600"]
    assert run.main(command) == 0
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert run.main(command) == 0
    assert "epoch 1:" in sys.stderr.getvalue() and "/4 [" in sys.stderr.getvalue()


# --- Many processes ---


# 1089 images to learn from: of the last batch of 32, one process gets an image and the other none.
UNEVEN = ["--epochs", "1", "--limit", "1306", "--batch-size", "32"]
# In two processes: three runs, the last of which loses a worker after step 8 and is begun again.
SCRIPT = """
import os, sys
import torch
from helpers import run
from helpers.beyond_one_process import parallel

data, folder, *uneven = sys.argv[1:]
first = os.environ["TORCHELASTIC_RESTART_COUNT"] == "0"
kept = ["--data", data, "--checkpoint"]
if first:
    with parallel.joined(torch.device("cpu")) as group:
        assert parallel.furthest(group, None) is None
        mine = [{"epoch": 1, "batch": 9}, {"epoch": 2, "batch": 1}][group.rank]
        assert parallel.furthest(group, mine) == {"epoch": 2, "batch": 1}
    for dtype in ("float64", "float32"):
        assert run.main([*uneven, *kept, f"{folder}/{dtype}.pt", "--dtype", dtype, "--json"]) == 0

step, steps = torch.optim.SGD.step, []

def step_or_die(self):
    steps.append(step(self))
    if len(steps) == 8 and first and os.environ["RANK"] == "1":
        os._exit(9)

torch.optim.SGD.step = step_or_die
code = run.main([*uneven, *kept, f"{folder}/died.pt", "--checkpoint-every", "5"])
sys.stdout.flush()
os._exit(code)
"""


@pytest.fixture(scope="session")
def in_two(data, tmp_path_factory) -> Path:
    """What two processes under torchrun leave in a folder, with what they say."""
    folder = tmp_path_factory.mktemp("together")
    (folder / "script.py").write_text(SCRIPT)
    line = [*TORCHRUN, "--standalone", "--nproc-per-node", 2, "--max-restarts", 1]
    line += ["--monitor-interval", 0.1, folder / "script.py", data, folder, *UNEVEN]
    code, out, err = processes.run_to_its_end(*line)
    assert code == 0, err[-2000:]
    (folder / "said").write_text(out)
    return folder


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 1e-5)])
def test_two_processes_end_with_the_weights_of_one(
    data, in_two, tmp_path, capsys, dtype, tolerance
):
    command = [*UNEVEN, "--data", data, "--dtype", dtype, "--json"]
    assert run.main([*command, "--checkpoint", str(tmp_path / "alone.pt")]) == 0
    alone = json.loads(capsys.readouterr().out)
    lines = [json.loads(line) for line in (in_two / "said").read_text().splitlines()[:2]]
    (together,) = [told for told in lines if told["dtype"] == dtype]
    difference = weights(tmp_path / "alone.pt") - weights(in_two / f"{dtype}.pt")
    assert difference.abs().max() <= tolerance
    assert together["processes"] == 2 and together["accuracy"] == alone["accuracy"]
    assert together["loss"] == pytest.approx(alone["loss"], rel=1e-5)


def test_when_a_worker_dies_under_torchrun_all_are_started_again(in_two):
    said = (in_two / "said").read_text().splitlines()
    begun = [line for line in said if line.startswith("resumed")]
    # The last regular save was after step 5. The process that survives keeps step 8 as well, if the
    # other one's last message reached it: else that step was in flight.
    assert begun in [[f"resumed after epoch 0, batch {last}"] for last in (7, 8)]
    assert torch.equal(weights(in_two / "died.pt"), weights(in_two / "float32.pt"))
    assert checkpoint.load(in_two / "died.pt")["epoch"] == 1


def test_two_machines_are_two_agents_that_meet_at_a_port(data, tmp_path, capsys):
    command = ["--data", data, "--epochs", "1", "--dtype", "float64", "--limit", "600", "--json"]
    alone, together = tmp_path / "alone.pt", tmp_path / "together.pt"
    assert run.main([*command, "--checkpoint", str(alone)]) == 0
    capsys.readouterr()
    # The agent that keeps the meeting place may leave before the other has said goodbye, which that
    # one counts as a failure, now and then on a busy machine. Then they meet once more.
    for _ in range(3):
        line = [*TORCHRUN, "--nnodes", 2, "--nproc-per-node", 1, "--rdzv-backend", "c10d"]
        line += ["--rdzv-id", "garments", "--rdzv-endpoint", f"127.0.0.1:{free_port()}"]
        line += ["-m", "helpers.run", *command, "--checkpoint", together]
        with ThreadPoolExecutor() as pool:
            hosts = [pool.submit(processes.run_to_its_end, *line) for _ in range(2)]
        codes, said, errors = zip(*(host.result() for host in hosts), strict=True)
        if codes == (0, 0):
            break
    assert codes == (0, 0), errors
    (said,) = filter(None, said)  # Only the first process of all speaks.
    assert json.loads(said)["processes"] == 2
    assert (weights(alone) - weights(together)).abs().max() <= 1e-12


def test_a_part_without_images_and_unequal_parts_give_the_whole_gradient():
    images, labels = torch.rand(7, 3, dtype=torch.float64), torch.arange(7) % 2
    network = nn.Linear(3, 2, dtype=torch.float64)
    whole = torch.autograd.grad(F.cross_entropy(network(images), labels), network.weight)[0]
    for size in (1, 2, 3, 9):
        total = torch.zeros_like(whole)
        for rank in range(size):
            mine, truth = parallel.share(images, labels, parallel.Group(rank, size))
            objective = F.cross_entropy(network(mine), truth, reduction="sum") * (size / 7)
            # What the wrapper does with the gradients of the processes.
            total += torch.autograd.grad(objective, network.weight)[0] / size
        assert torch.allclose(total, whole, rtol=0, atol=1e-14)


def test_one_alone_keeps_the_checkpoint_that_it_found():
    assert parallel.furthest(parallel.Group(), None) is None
    assert parallel.furthest(parallel.Group(), {"epoch": 1, "batch": 2}) == {"epoch": 1, "batch": 2}


def fail(note):
    with open(note, "a") as file:
        file.write("tried ")
    raise ValueError("on purpose")


def test_a_launched_function_that_fails_is_reported_and_leaves_nothing_behind(
    tmp_path, monkeypatch
):
    assert launch.function(where_am_i, processes=1).results  # Python's own scratch folder is there.
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    for name in ("TMPDIR", "TEMP", "TMP"):  # of what it starts
        monkeypatch.setenv(name, str(scratch))
    with pytest.raises(RuntimeError, match="on purpose"):
        launch.function(fail, str(tmp_path / "note"), processes=1)
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


@pytest.mark.parametrize("copies", [launch._COPIES, False])
def test_launched_processes_see_the_surroundings_of_today(copies, tmp_path, monkeypatch):
    """Whether they are copies of one that has loaded PyTorch before, or load it themselves."""
    if launch._COPIES and not copies:
        monkeypatch.setattr(multiprocessing.get_context("forkserver").Process, "start", no_copy)
    # What begins anew takes long, and has nothing from before that it could keep.
    rounds = [("first", 1), ("second", 2)] if copies else [("only", 2)]
    for word, processes_now in rounds:
        folder = tmp_path / word
        folder.mkdir()
        monkeypatch.chdir(folder)
        monkeypatch.setenv("GARMENT", word)
        launched = launch.function(where_am_i, processes=processes_now)
        expected = [[rank, processes_now, word, str(folder), 1] for rank in range(processes_now)]
        assert list(launched.results) == expected
        assert launched.said == tuple((0, rank, "here") for rank in range(processes_now))


def draw():
    import numpy as np

    return torch.rand(1).item(), np.random.rand()


def test_without_a_seed_each_launched_process_draws_something_else():
    drawn = [launch.function(draw).results for _ in range(2)]
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
    assert launch.function(where_am_i, processes=1).results  # From now on a start is quick.
    monkeypatch.setattr(launch, "_SECONDS_AT_MOST", 10.0)
    with pytest.raises(RuntimeError, match="the processes had not ended after 10 s"):
        launch.function(wait_for_ever, str(tmp_path / "note"), processes=1)
    assert is_gone(int((tmp_path / "note").read_text()))


A_SCRIPT = """
import sys

from beyond_one_process import test_run

if __name__ == "__main__":
    test_run.launch.function(test_run.wait_for_ever, sys.argv[1], processes=1)
"""


def within_a_minute(holds):
    deadline = time.monotonic() + 60
    while not (held := holds()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return held


def test_launched_processes_end_with_a_notebook_that_is_killed(tmp_path):
    note, script = tmp_path / "note", tmp_path / "script.py"
    script.write_text(A_SCRIPT)
    path = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
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
        launched = launch.function(leave, code, processes=1, may_fail=True)
        assert (launched.exit_code, launched.results) == (1, ())
    for code in (0, None):
        with pytest.raises(RuntimeError, match="leave ended its process and returned nothing"):
            launch.function(leave, code, processes=1)


def test_a_launched_module_may_leave_when_all_is_well():
    launched = launch.module("helpers.run", "--help", processes=1)
    assert launched.exit_code == 0 and "--epochs" in str(launched)


# --- Sudden ends ---


def killed(what: str, folder: Path, data: str) -> dict:
    code, out, err = processes.run_to_its_end(KILLING, what, folder, data)
    assert code == 0, err[-2000:]
    return json.loads(out.splitlines()[-1])


@needs_fork
def test_kill_9_at_twenty_moments_loses_at_most_the_step_in_flight(data, tmp_path, capsys):
    told = killed("run", tmp_path, data)
    assert len(told["lost"]) == 20 and set(told["lost"]) <= {0, 1}
    assert told["exit_code"] == 0
    unbroken = tmp_path / "unbroken.pt"
    command = ["--epochs", "1", "--batch-size", "4", "--limit", "1440", "--data", data]
    # Two threads add in another order than one, and the killed runs had one each.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        assert run.main([*command, "--checkpoint", str(unbroken)]) == 0
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(weights(tmp_path / "kept.pt"), weights(unbroken))


@needs_fork
def test_torchruns_agent_recovers_from_twenty_killed_workers(data, tmp_path):
    told = killed("torchrun", tmp_path, data)
    first, last = told["first"], told["last"]
    assert len(first) == 21 and first[0] == 1 and last[-1] == 300
    # Each attempt begins where the one before it was killed, with the step in flight at the latest.
    assert all(begin >= end for begin, end in zip(first[1:], last, strict=False))
    assert torch.equal(weights(tmp_path / "kept.pt"), weights(tmp_path / "unbroken" / "kept.pt"))


def test_the_networks_have_the_names_that_notebook_04_gives_its_weights():
    assert list(session.NETWORKS["mlp"]().state_dict()) == ["linear1.weight", "output.weight"]
