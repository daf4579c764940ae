"""One process or many, the same weights; stopped, killed or begun again, the same weights."""

import functools
import io
import json
import random
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from beyond_one_process.processes import (
    TORCHRUN,
    ended_well,
    needs_fork,
    run_to_its_end,
    stopped_after,
    weights,
)
from helpers.beyond_one_process import checkpoint, networks
from helpers.fashion_mnist_pipeline import fashion, training

pytestmark = pytest.mark.proof

KILLING = Path(__file__).with_name("killing.py")


def test_one_process_is_the_loop_of_notebook_04_to_the_last_bit(data, command, tmp_path):
    kept = tmp_path / "kept.pt"
    out, err = command("--epochs 2 --json --checkpoint", kept)
    told = json.loads(out)  # One object, and nothing else.
    assert out.count("\n") == 1 and "epoch 2 of 2" in err
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
    assert list(checkpoint.load(kept)["model"]) == ["linear1.weight", "output.weight"]
    assert told["accuracy"] == history.accuracy
    assert told["loss"] == pytest.approx(history.loss, rel=1e-6)
    assert told["validation_accuracy"] == history.validation_accuracy
    assert told["processes"] == 1 and told["images"] == len(chosen) == 2084
    assert len(told["seconds"]) == 2 and 0 <= told["test_accuracy"] <= 1


def test_what_is_printed_is_what_was_measured(command):
    options = "--epochs 2 --limit 900"
    told = json.loads(command(options, "--json").out)
    names = ("loss", "accuracy", "validation_accuracy")
    epochs = zip(*(told[name] for name in names), strict=True)
    expected = [
        f"epoch {number} of 2: loss {loss:.4f}, accuracy {right:.2%}, validation {seen:.2%}, "
        for number, (loss, right, seen) in enumerate(epochs, start=1)
    ]
    expected.append(f"test: loss {told['test_loss']:.4f}, accuracy {told['test_accuracy']:.2%}")
    _, *said = command(options).out.splitlines()
    for line, begins in zip(said, expected, strict=True):
        assert line.startswith(begins)


def drawing_at_random() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Dropout(), nn.Linear(784, 10), nn.LogSoftmax(dim=1))


@pytest.mark.parametrize("make", [networks.mlp, drawing_at_random])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_run_stopped_in_mid_epoch_ends_with_the_same_weights(
    number, code, make, command, tmp_path, monkeypatch, request
):
    monkeypatch.setattr(networks, "mlp", make)
    options, broken = "--epochs 2 --json --checkpoint", tmp_path / "broken.pt"
    unbroken = json.loads(command(options, tmp_path / "unbroken.pt").out)
    request.addfinalizer(functools.partial(signal.signal, number, signal.getsignal(number)))
    signal.signal(number, handler := lambda *_: None)
    for count, batch, more in ((20, 3, []), (3, 6, ["--resume"])):  # Of 17 in an epoch.
        with stopped_after(count, number) as steps:
            out, err = command(options, broken, *more, code=code)
        assert not out and f"after epoch 1, batch {batch}: kept in" in err.splitlines()[-1]
        assert len(steps) == count  # The step in flight was finished, and no other begun.
        assert signal.getsignal(number) is handler
        torch.manual_seed(99)  # What the process did in between does not matter.
    resumed = json.loads(command(options, broken, "--resume").out)
    assert torch.equal(weights(broken), weights(tmp_path / "unbroken.pt"))
    assert resumed["resumed_after"] == {"epoch": 1, "batch": 6}
    for name in ("loss", "accuracy", "validation_loss", "test_loss"):
        assert resumed[name] == unbroken[name]


def test_a_bar_is_shown_on_a_terminal_and_not_in_a_log(command, monkeypatch):
    assert command("--epochs 1 --limit 600 --network cnn").err == ""
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    monkeypatch.setattr(sys, "stderr", terminal)
    command("--epochs 1 --limit 600")
    assert "epoch 1:" in terminal.getvalue() and "/4 [" in terminal.getvalue()


# 1089 images to learn from: of the last batch of 32, one process gets an image and the other none.
UNEVEN = "--epochs 1 --limit 1306 --batch-size 32"
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
        assert parallel.furthest(None) is None
        mine = [{"epoch": 1, "batch": 9}, {"epoch": 2, "batch": 1}][group.rank]
        assert parallel.furthest(mine) == {"epoch": 2, "batch": 1}
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
    line += ["--monitor-interval", 0.1, folder / "script.py", data, folder, *UNEVEN.split()]
    (folder / "said").write_text(ended_well(*line))
    return folder


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 1e-5)])
def test_two_processes_end_with_the_weights_of_one(command, in_two, tmp_path, dtype, tolerance):
    kept = tmp_path / "alone.pt"
    alone = json.loads(command(UNEVEN, "--dtype", dtype, "--json", "--checkpoint", kept).out)
    lines = [json.loads(line) for line in (in_two / "said").read_text().splitlines()[:2]]
    (together,) = [told for told in lines if told["dtype"] == dtype]
    assert (weights(kept) - weights(in_two / f"{dtype}.pt")).abs().max() <= tolerance
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


def test_two_machines_are_two_agents_that_meet_at_a_port(data, command, tmp_path):
    options = "--epochs 1 --dtype float64 --limit 600 --json --checkpoint"
    alone, together = tmp_path / "alone.pt", tmp_path / "together.pt"
    command(options, alone)
    # The agent that keeps the meeting place may leave before the other has said goodbye, which that
    # one counts as a failure, now and then on a busy machine. Then they meet once more; and so they
    # do where a port was taken. It is below those that the system gives away by itself.
    for port in random.sample(range(15_000, 30_000), 3):
        line = [*TORCHRUN, "--nnodes", 2, "--nproc-per-node", 1, "--rdzv-backend", "c10d"]
        line += ["--rdzv-id", "garments", "--rdzv-endpoint", f"127.0.0.1:{port}"]
        line += ["-m", "helpers.run", "--data", data, *options.split(), together, "--resume"]
        with ThreadPoolExecutor() as pool:
            hosts = [pool.submit(run_to_its_end, *line) for _ in range(2)]
        codes, said, errors = zip(*(host.result() for host in hosts), strict=True)
        if codes == (0, 0):
            break
    assert codes == (0, 0), errors
    (said,) = filter(None, said)  # Only the first process of all speaks.
    assert json.loads(said)["processes"] == 2
    assert (weights(alone) - weights(together)).abs().max() <= 1e-12


@needs_fork
def test_torchruns_agent_recovers_from_twenty_killed_workers(data, tmp_path):
    """Whatever the moment, most often one of saving: what is kept can be read and gone on from."""
    told = json.loads(ended_well(KILLING, tmp_path, data).splitlines()[-1])
    assert set(told["files"]) <= {"kept.pt", "log", "unbroken"}
    first, last = told["first"], told["last"]
    assert len(first) == 21 and first[0] == 1 and last[-1] == 300
    # Each attempt begins where the one before it was killed, with the step in flight at the latest.
    assert all(begin >= end for begin, end in zip(first[1:], last, strict=False))
    assert torch.equal(weights(tmp_path / "kept.pt"), weights(tmp_path / "unbroken" / "kept.pt"))
