"""A checkpoint is whole at every moment, and nothing but a whole one is taken."""

import copy
import json
import os
import random
from pathlib import Path
from unittest.mock import Mock

import pytest
import torch
from torch import nn

from beyond_one_process.processes import alike, ended_well, needs_fork
from helpers.beyond_one_process import checkpoint


def trained() -> tuple[nn.Module, torch.optim.Optimizer]:
    torch.manual_seed(0)
    network = nn.Linear(4, 3)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.8)
    network(torch.ones(2, 4)).sum().backward()
    optimizer.step()
    return network, optimizer


def contents(network: nn.Module, optimizer: torch.optim.Optimizer) -> dict:
    return {
        "model": network.state_dict(),
        "optimizer": optimizer.state_dict(),
        "rng": {"torch": torch.get_rng_state()},
        "epoch": 3,
        "batch": 17,
        "history": {"loss": [0.5, 0.25], "note": None},
    }


def saved(folder: Path) -> Path:
    file = folder / "kept.pt"
    checkpoint.save(file, contents(*trained()))
    return file


def test_what_is_loaded_is_what_was_saved_and_torch_reads_the_file_too(tmp_path):
    file = saved(tmp_path)
    expected = contents(*trained())
    assert alike(checkpoint.load(file), expected)
    assert alike(torch.load(file, weights_only=True)["model"], expected["model"])
    assert [path.name for path in tmp_path.iterdir()] == ["kept.pt"]


def test_a_restored_optimizer_takes_the_same_next_step(tmp_path):
    (network, optimizer), (other, its_optimizer) = trained(), trained()
    nn.init.zeros_(other.weight)
    its_optimizer.state.clear()
    checkpoint.restore(checkpoint.load(saved(tmp_path)), other, its_optimizer)
    for one, stepper in ((network, optimizer), (other, its_optimizer)):
        stepper.zero_grad()
        one(torch.ones(2, 4)).square().sum().backward()
        stepper.step()
    assert torch.equal(network.weight, other.weight)


def test_a_flipped_bit_never_goes_unnoticed(tmp_path):
    file = saved(tmp_path)
    whole, expected, chance = file.read_bytes(), contents(*trained()), random.Random(0)
    noticed = 0
    for _ in range(200):
        damaged = bytearray(whole)
        damaged[chance.randrange(len(whole))] ^= 1 << chance.randrange(8)
        file.write_bytes(damaged)
        try:
            # Some bits of the file mean nothing: then what is loaded is still right.
            assert alike(checkpoint.load(file), expected)
        except ValueError as error:
            noticed += 1
            assert "kept.pt" in str(error) and "\n" not in str(error)
    assert noticed > 50


def test_a_file_cut_short_or_of_another_kind_is_refused_by_name(tmp_path):
    file = saved(tmp_path)
    whole = file.read_bytes()
    for damaged in (b"", whole[:1], whole[: len(whole) // 2], whole[:-1], b"no checkpoint\n"):
        file.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"kept\.pt.* is damaged, or not a checkpoint"):
            checkpoint.load(file)
    with pytest.raises(FileNotFoundError):
        checkpoint.load(tmp_path / "none.pt")


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ([1, 2], "holds a list"),
        (nn.Linear(2, 2).state_dict(), "holds no 'model'"),
        ({"model": {}, "optimizer": {}, "rng": {}, "epoch": 1}, "holds no 'batch'"),
        ({"model": 3, "optimizer": {}, "rng": {}, "epoch": 1, "batch": 2}, "under 'model'"),
    ],
)
def test_a_file_of_another_shape_is_refused_by_name(tmp_path, other, words):
    file = tmp_path / "kept.pt"
    torch.save(other, file)
    with pytest.raises(ValueError, match=rf"kept\.pt.*{words}"):
        checkpoint.load(file)
    if isinstance(other, dict):
        with pytest.raises(ValueError, match=words):
            checkpoint.save(tmp_path / "new.pt", other)


@pytest.mark.parametrize(
    ("network", "words"),
    [
        (nn.Linear(4, 2), r"weight is \(3, 4\) torch.float32 in it and \(2, 4\)"),
        (nn.Linear(4, 3).double(), "torch.float64 here"),
        (nn.Linear(4, 3, bias=False), "has no weights 'bias'"),
        (nn.Sequential(nn.Linear(4, 3)), "holds no weights '0.weight'"),
    ],
)
def test_another_network_is_refused_and_left_as_it_is(network, words):
    before = copy.deepcopy(network.state_dict())
    with pytest.raises(ValueError, match=words):
        optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
        checkpoint.restore(contents(*trained()), network, optimizer, "'x'")
    assert alike(network.state_dict(), before)


def test_another_optimizer_is_refused_and_left_as_it_is():
    network = nn.Linear(4, 3)
    before = copy.deepcopy(network.state_dict())
    for other in (
        torch.optim.SGD([network.weight], lr=0.2),
        torch.optim.Adam(network.parameters(), lr=0.2),
    ):
        with pytest.raises(ValueError, match="^the checkpoint is of another optimiser: make the"):
            checkpoint.restore(contents(*trained()), network, other)
        assert other.param_groups[0]["lr"] == 0.2 and not other.state
        assert alike(network.state_dict(), before)


def test_a_failed_save_leaves_the_file_before_it(tmp_path, monkeypatch):
    file = saved(tmp_path)
    before = file.read_bytes()

    monkeypatch.setattr(os, "fsync", Mock(side_effect=OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space left"):
        checkpoint.save(file, contents(*trained()))
    assert file.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["kept.pt"]


@pytest.mark.skipif(os.name == "nt", reason="Windows cannot open a folder")
def test_a_power_cut_finds_bytes_then_name_on_the_disk(tmp_path, monkeypatch):
    replace, done = os.replace, []
    monkeypatch.setattr(os, "fsync", lambda descriptor: done.append(os.fstat(descriptor).st_ino))
    monkeypatch.setattr(
        os, "replace", lambda *names: done.append("the new name") or replace(*names)
    )
    file = saved(tmp_path)
    assert done == [file.stat().st_ino, "the new name", tmp_path.stat().st_ino]


def test_an_unwritable_folder_is_found_out_beforehand(tmp_path):
    (tmp_path / "file").touch()
    for bad in (tmp_path / "none" / "kept.pt", tmp_path / "file" / "kept.pt"):
        with pytest.raises(OSError, match="no checkpoint can be written to the folder"):
            checkpoint.check_writable(bad)
    with pytest.raises(IsADirectoryError, match="is a folder"):
        checkpoint.check_writable(tmp_path)
    checkpoint.check_writable(tmp_path / "kept.pt")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_the_processes_of_a_machine_may_all_ask_at_once(tmp_path, monkeypatch):
    unlink = Path.unlink

    def when_another_was_faster(self, **options):
        os.unlink(self)
        unlink(self, **options)

    monkeypatch.setattr(Path, "unlink", when_another_was_faster)
    checkpoint.check_writable(tmp_path / "kept.pt")


@pytest.mark.proof
@needs_fork
def test_a_process_killed_at_any_moment_leaves_a_file_that_loads(tmp_path):
    killing = Path(__file__).with_name("killing.py")
    told = json.loads(ended_well(killing, "save", tmp_path))
    # The log is written after the save: the file may be one ahead of it, and never behind.
    assert len(told["lost"]) == 20 and set(told["lost"]) <= {0, -1}
    assert set(told["files"]) <= {"kept.pt", ".kept.pt.partial", "log"}
