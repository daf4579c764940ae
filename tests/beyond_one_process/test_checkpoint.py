"""A checkpoint is whole at every moment, and nothing but a whole one is taken."""

import copy
import gc
import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
from torch import nn

from beyond_one_process.processes import alike
from helpers.beyond_one_process import checkpoint


def trained() -> tuple[nn.Module, torch.optim.Optimizer]:
    torch.manual_seed(0)
    network = nn.Linear(4, 3)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.8)
    network(torch.ones(2, 4)).sum().backward()
    optimizer.step()
    return network, optimizer


def contents() -> dict:
    network, optimizer = trained()
    state = {"model": network.state_dict(), "optimizer": optimizer.state_dict()}
    state |= {"rng": {"torch": torch.get_rng_state()}, "epoch": 3, "batch": 17}
    return state | {"history": {"loss": [0.5, 0.25], "note": None}}


@pytest.fixture
def saved(tmp_path) -> Path:
    checkpoint.save(tmp_path / "kept.pt", contents())
    return tmp_path / "kept.pt"


def test_what_is_loaded_is_what_was_saved_and_torch_reads_the_file_too(saved, tmp_path):
    assert alike(checkpoint.load(saved), contents())
    assert alike(torch.load(saved, weights_only=True)["model"], contents()["model"])
    assert [path.name for path in tmp_path.iterdir()] == ["kept.pt"]


def test_a_restored_optimizer_takes_the_same_next_step(saved):
    (network, optimizer), (other, its_optimizer) = trained(), trained()
    nn.init.zeros_(other.weight)
    its_optimizer.state.clear()
    checkpoint.restore(checkpoint.load(saved), other, its_optimizer)
    for one, stepper in ((network, optimizer), (other, its_optimizer)):
        stepper.zero_grad()
        one(torch.ones(2, 4)).square().sum().backward()
        stepper.step()
    assert torch.equal(network.weight, other.weight)


def test_training_after_a_restore_leaves_the_contents_as_they_are(saved):
    loaded, (network, optimizer) = checkpoint.load(saved), trained()
    checkpoint.restore(loaded, network, optimizer)
    network(torch.ones(2, 4)).square().sum().backward()
    optimizer.step()
    assert alike(loaded, contents())


def test_a_flipped_bit_never_goes_unnoticed(saved):
    whole, expected, chance, noticed = saved.read_bytes(), contents(), random.Random(0), 0
    for _ in range(200):
        damaged = bytearray(whole)
        damaged[chance.randrange(len(whole))] ^= 1 << chance.randrange(8)
        saved.write_bytes(damaged)
        try:
            # Some bits of the file mean nothing: then what is loaded is still right.
            assert alike(checkpoint.load(saved), expected)
        except ValueError as error:
            noticed += 1
            assert "kept.pt" in str(error) and "\n" not in str(error)
    assert noticed > 50


def test_a_file_cut_short_or_of_another_kind_is_refused_by_name(saved, tmp_path):
    whole = saved.read_bytes()
    for damaged in (b"", whole[:1], whole[: len(whole) // 2], whole[:-1], b"no checkpoint\n"):
        saved.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"kept\.pt.* is damaged, or not a checkpoint"):
            checkpoint.load(saved)
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
    torch.save(other, tmp_path / "kept.pt")
    with pytest.raises(ValueError, match=rf"kept\.pt.*{words}"):
        checkpoint.load(tmp_path / "kept.pt")
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
        checkpoint.restore(contents(), network, optimizer, "'x'")
    assert alike(network.state_dict(), before)


class Ranged(nn.Linear):
    """Notes the range of each row once it has seen one, as what trains to be quantised does."""

    def __init__(self, rows=None):
        super().__init__(4, 3)
        self.register_buffer("range", torch.zeros(0) if rows is None else rows)

    def _load_from_state_dict(self, state, prefix, *more):
        self.range.resize_(state[f"{prefix}range"].shape)
        super()._load_from_state_dict(state, prefix, *more)


@pytest.mark.parametrize(
    ("network", "fresh"),
    [(nn.Linear(4, 3), nn.LazyLinear(3)), (Ranged(torch.ones(3)), Ranged())],
)
def test_what_takes_its_shape_from_a_checkpoint_is_restored(network, fresh):
    optimizers = [torch.optim.SGD(one.parameters(), lr=0.1) for one in (network, fresh)]
    state = {"model": network.state_dict(), "optimizer": optimizers[0].state_dict()}
    checkpoint.restore(contents() | state, fresh, optimizers[1])
    assert alike(fresh.state_dict(), network.state_dict())


class Noting(nn.Linear):
    """Keeps more than weights in its state, and compares a part of it as it takes it back."""

    def __init__(self, classes):
        super().__init__(4, 3)
        self.classes, self.seen = classes, 0

    def get_extra_state(self):
        return {"classes": self.classes, "seen": self.seen}

    def set_extra_state(self, state):
        if state["classes"] != self.classes:
            raise RuntimeError("trained on other classes")
        self.seen = state["seen"]


def test_what_a_network_notes_beside_its_weights_comes_back(tmp_path):
    network, optimizer = (one := Noting(["coat", "bag"])), torch.optim.SGD(one.parameters(), lr=0.1)
    network.seen = 7
    state = {"model": network.state_dict(), "optimizer": optimizer.state_dict()}
    checkpoint.save(tmp_path / "noted.pt", contents() | state)
    loaded = checkpoint.load(tmp_path / "noted.pt")
    fresh = Noting(["coat", "bag"])
    checkpoint.restore(loaded, fresh, torch.optim.SGD(fresh.parameters(), lr=0.1))
    assert fresh.seen == 7 and torch.equal(fresh.weight, network.weight)
    # What is not for this network is said before anything is changed, and the right thing of it.
    other = nn.Sequential(Noting(["shirt"]))
    before, loaded = copy.deepcopy(other.state_dict()), copy.deepcopy(loaded)
    loaded["model"] = {f"0.{key}": value for key, value in loaded["model"].items()}
    with pytest.raises(ValueError, match=r"of another network: .* take its '0\._extra_state'$"):
        checkpoint.restore(loaded, other, torch.optim.SGD(other.parameters(), lr=0.1))
    loaded["model"]["0.weight"] = torch.zeros(2, 4)
    with pytest.raises(ValueError, match=r"0\.weight is \(2, 4\)"):
        checkpoint.restore(loaded, other, torch.optim.SGD(other.parameters(), lr=0.1))
    assert alike(other.state_dict(), before)
    # Weights of another kind may not be copied, so that nothing can be tried.
    fresh.made = fresh.weight * 1
    checkpoint.restore(contents() | state, fresh, torch.optim.SGD(fresh.parameters(), lr=0.1))
    # Notes say nothing of the weights that stand behind them.
    deep = nn.Sequential(Noting(["coat"]), nn.Linear(3, 2))
    weights = {"model": deep.state_dict()}
    deep[1].double()
    with pytest.raises(ValueError, match=r"1\.weight is \(2, 3\) torch\.float32 in it"):
        checkpoint.restore(contents() | weights, deep, torch.optim.SGD(deep.parameters()))


def test_what_has_no_shape_yet_is_of_one_kind_of_numbers():
    fresh = nn.LazyLinear(3, dtype=torch.float64)
    optimizer = torch.optim.SGD(fresh.parameters(), lr=0.1)
    with pytest.raises(ValueError, match="float32 in it and without a shape torch.float64 here"):
        checkpoint.restore(contents(), fresh, optimizer)


def test_another_optimizer_is_refused_and_left_as_it_is():
    network = nn.Linear(4, 3)
    before = copy.deepcopy(network.state_dict())
    weights = [network.weight, network.bias]
    for other in (torch.optim.SGD(weights[:1], lr=0.2), torch.optim.Adam(weights, lr=0.2)):
        with pytest.raises(ValueError, match="^the checkpoint is of another optimiser: make the"):
            checkpoint.restore(contents(), network, other)
        assert other.param_groups[0]["lr"] == 0.2 and not other.state
        assert alike(network.state_dict(), before)
    # Each group has to have every setting, the last one, too.
    groups = torch.optim.SGD([{"params": [weight]} for weight in weights], lr=0.2)
    saved = contents() | {"model": before, "optimizer": copy.deepcopy(groups.state_dict())}
    checkpoint.restore(saved, network, groups)
    del saved["optimizer"]["param_groups"][1]["momentum"]
    with pytest.raises(ValueError, match="is of another optimiser"):
        checkpoint.restore(saved, network, groups)


class Averaging(torch.optim.SGD):
    """Looks, as it takes a state over, at what it has noted in itself."""

    def __init__(self, weights):
        super().__init__(weights, lr=0.1, momentum=0.8)
        self.window = [3]

    def __setstate__(self, state):
        super().__setstate__(state)
        if self.param_groups:
            self.averaged = self.window * 2


def test_an_optimizer_may_note_something_in_itself():
    network = nn.Linear(4, 3)
    optimizer = Averaging(network.parameters())
    checkpoint.restore(contents(), network, optimizer)
    assert alike(optimizer.state_dict(), contents()["optimizer"])


class Around(torch.optim.Optimizer):
    """Hands all on to another optimiser, and has no settings of its own: Lookahead does so."""

    def __init__(self, inner):
        self.inner, self.param_groups = inner, inner.param_groups

    def load_state_dict(self, state):
        self.inner.load_state_dict(state)


def test_an_optimizer_may_be_around_another():
    network = nn.Linear(4, 3)
    inner = torch.optim.SGD(network.parameters(), lr=0.5, momentum=0.8)
    checkpoint.restore(contents(), network, Around(inner))
    assert alike(inner.state_dict(), contents()["optimizer"])


class Forgetful(torch.optim.SGD):
    """Has a setting that it does not write: all that its __init__ knew was a default."""

    def __init__(self, weights):
        super().__init__(weights, lr=0.5, momentum=0.8)
        for held in (self.defaults, *self.param_groups):
            held["__class__"] = Forgetful

    def state_dict(self):
        state = super().state_dict()
        for group in state["param_groups"]:
            del group["__class__"]
        return state


def test_an_optimizer_may_have_a_default_that_it_does_not_write():
    network = nn.Linear(4, 3)
    optimizer = Forgetful(network.parameters())
    checkpoint.restore(contents(), network, optimizer)
    assert optimizer.param_groups[0]["lr"] == contents()["optimizer"]["param_groups"][0]["lr"]


class Flat(nn.Parameter):
    """Made of layers, and so not copied as PyTorch copies a parameter, from its numbers."""

    def __new__(cls, layers, learns=True):
        weights = [weight.detach() for layer in layers for weight in layer.parameters()]
        return super().__new__(cls, torch.cat([weight.flatten() for weight in weights]), learns)


def test_an_optimizer_may_hold_weights_that_cannot_be_copied():
    network, fresh = nn.Module(), nn.Module()
    for one in (network, fresh):
        one.flat = Flat([nn.Linear(4, 3)])
    optimizer, other = (torch.optim.Adam(one.parameters(), lr=0.1) for one in (network, fresh))
    network.flat.sum().backward()
    optimizer.step()
    state = {"model": network.state_dict(), "optimizer": optimizer.state_dict()}
    checkpoint.restore(contents() | state, fresh, other)
    assert alike(other.state_dict(), optimizer.state_dict())
    assert torch.equal(fresh.flat, network.flat)


class Settings:
    """Pickled by PyTorch once it is told that this is safe; its text is a place in memory."""


torch.serialization.add_safe_globals([Settings])


class Anneals:
    """Keeps one of its own methods, as schedules do that choose a shape by name."""

    def __init__(self):
        self.shape = self.cosine

    def cosine(self): ...


class Refuses:
    def __reduce__(self):
        raise KeyError("not now")


@pytest.mark.skipif(os.name == "nt", reason="Windows cannot open a folder")
@pytest.mark.parametrize(
    ("odd", "kind"),
    [
        (np.float64(0.5), "numpy"),
        (np.random.get_state(), "numpy"),
        (Path("here"), "pathlib"),
        (lambda: None, "Can't|<lambda>"),
        (nn.Linear(1, 1), "torch.nn.modules.linear.Linear"),
        (torch.zeros(2).untyped_storage(), "UntypedStorage"),
        (Settings(), "Settings"),
        (Anneals().shape, "Unsupported operand"),
        (Refuses(), "not now"),
    ],
)
def test_what_could_not_be_read_back_is_not_saved(odd, kind, saved):
    before = saved.read_bytes()
    words = f"could not be read back .*({kind}).*: give Python's own numbers"
    for held in ({"best": odd}, {"rng": {"numpy": odd}}):
        with pytest.raises(ValueError, match=words):
            checkpoint.save(saved, contents() | held)
    assert saved.read_bytes() == before and [*saved.parent.iterdir()] == [saved]


@pytest.mark.proof
def test_what_is_kept_is_found_whole_by_another_process(tmp_path):
    """A set has another order there, and not every tensor lies dense in the memory."""
    seen = {"shirt", "coat", "bag", "boot", "dress", "sandal"}
    square = torch.eye(3)
    odd = {
        "sparse": square.to_sparse(),
        "csr": square.to_sparse_csr(),
        "csc": square.to_sparse_csc(),
    }
    odd["conjugate"] = (square * 1j).conj()
    file = tmp_path / "kept.pt"
    checkpoint.save(file, contents() | {"seen": seen, "odd": odd})
    look = (
        "from helpers.beyond_one_process import checkpoint\n"
        f"found = checkpoint.load({str(file)!r})\n"
        f"print(found['seen'] == {seen!r}, *(x.to_dense().sum() for x in found['odd'].values()))"
    )
    for seed in ("1", "2"):
        environment = os.environ | {"PYTHONHASHSEED": seed}
        done = subprocess.run(
            [sys.executable, "-c", look], env=environment, capture_output=True, text=True
        )
        assert done.stdout.split()[0] == "True" and done.stdout.count("3.") == 4, done.stderr


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_one_number_is_kept_however_far_the_next_would_be(saved, dtype):
    one = torch.arange(1, 23).to(dtype)[::22]
    assert one.stride() == (22,) and one.is_contiguous()
    checkpoint.save(saved, contents() | {"one": one})
    assert checkpoint.load(saved)["one"].tolist() == [1.0]


def test_what_has_no_numbers_or_no_end_is_not_saved(saved):
    circle = contents()
    circle["circle"] = circle
    for odd in (circle, contents() | {"w": torch.empty(2, device="meta")}):
        with pytest.raises(ValueError, match="^the argument contents could not be read back"):
            checkpoint.save(saved, odd)
    assert alike(checkpoint.load(saved), contents())


def test_a_power_cut_finds_bytes_then_name_on_the_disk(tmp_path, monkeypatch):
    replace, done = os.replace, []
    monkeypatch.setattr(os, "fsync", lambda descriptor: done.append(os.fstat(descriptor).st_ino))
    monkeypatch.setattr(os, "replace", lambda *args: done.append("the new name") or replace(*args))
    checkpoint.save(tmp_path / "kept.pt", contents())
    bytes_on_disk = (tmp_path / "kept.pt").stat().st_ino
    assert done == [bytes_on_disk, "the new name", tmp_path.stat().st_ino]


def test_an_unwritable_folder_is_found_out_beforehand(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    for bad in (tmp_path / "none" / "kept.pt", tmp_path / "file" / "kept.pt"):
        with pytest.raises(OSError, match="no checkpoint can be written to the folder"):
            checkpoint.check_writable(bad)
        with pytest.raises(OSError, match="kept.pt' cannot be read: No"):
            checkpoint.load(bad)
    checkpoint.check_writable(tmp_path / "kept.pt")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    # The processes of a machine may all ask at once: here another one was faster.
    unlink = Path.unlink
    monkeypatch.setattr(
        Path, "unlink", lambda self, **more: os.unlink(self) or unlink(self, **more)
    )
    checkpoint.check_writable(tmp_path / "kept.pt")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (torch.zeros(2, 3), torch.zeros(3, 2)),
        (torch.zeros(1), torch.zeros(())),
        (torch.zeros(2), torch.zeros(2, dtype=torch.int32)),
        (torch.zeros(2, dtype=torch.bfloat16), torch.zeros(2, dtype=torch.float16)),
        (torch.tensor([0.0]), torch.tensor([-0.0])),
        ([[1], 2], [[1, 2]]),
        ([1, [], 2], [1, [2]]),
        ({"a": {"b": 1}}, {"a": {}, "b": 1}),
        ({"a": 1}, {"b": 1}),
        ({1: 2}, {"1": 2}),
        (1, True),
        (1, 1.0),
        ("1", 1),
        (None, "None"),
        (["a", "b"], ["a;strb"]),
        (torch.eye(2).to_sparse(), torch.eye(2).flip(0).to_sparse()),
        ({"a"}, {"b"}),  # Of one text each, so that it is called the same in each process.
    ],
    ids=str,
)
def test_a_digest_tells_apart_what_is_not_the_same(one, other):
    """By its numbers, shapes and dtypes, by what lies in what, and by names."""
    assert checkpoint._digest_of(one) != checkpoint._digest_of(other)
    assert checkpoint._digest_of(one) == checkpoint._digest_of(copy.deepcopy(one))


@pytest.mark.skipif(os.name == "nt", reason="Windows counts otherwise")
@pytest.mark.filterwarnings("error")  # Python says of a file that it had to close one itself.
def test_no_file_stays_open(saved):
    errors = []  # Their tracebacks hold what was open.

    def all_of_it() -> None:
        checkpoint.save(saved, checkpoint.load(saved))
        checkpoint.check_writable(saved)
        damaged = saved.with_name("damaged")
        damaged.write_bytes(b"junk")
        for refused in (damaged, saved.with_name("missing")):
            with pytest.raises((ValueError, OSError)) as caught:
                checkpoint.load(refused)
            errors.append(caught.value)

    all_of_it()
    before = psutil.Process().num_fds()
    gc.disable()  # It would close what nobody holds any more.
    try:
        all_of_it()
        assert psutil.Process().num_fds() == before
    finally:
        gc.enable()
