"""Every kind of tensor that a checkpoint may hold is kept, and told from its neighbours."""

import errno
import os
from unittest import mock

import pytest
import torch

from beyond_one_process.processes import alike
from beyond_one_process.test_checkpoint import contents
from helpers.beyond_one_process import checkpoint

# Each pair has the same values, and the second pair the same number of them in each row.
PAIRS = [
    (torch.tensor([[1.0, 0.0], [0.0, 2.0]]), torch.tensor([[1.0, 2.0], [0.0, 0.0]])),
    (torch.tensor([[1.0, 0.0], [0.0, 2.0]]), torch.tensor([[1.0, 0.0], [2.0, 0.0]])),
]
PAIRS += [(one.T.contiguous(), other.T.contiguous()) for one, other in PAIRS]
LAYOUTS = {
    "coo": torch.Tensor.to_sparse,
    "csr": torch.Tensor.to_sparse_csr,
    "csc": torch.Tensor.to_sparse_csc,
    "bsr": lambda square: square.kron(torch.ones(2, 2)).to_sparse_bsr((2, 2)),
    "bsc": lambda square: square.kron(torch.ones(2, 2)).to_sparse_bsc((2, 2)),
}


@pytest.mark.filterwarnings("ignore:Sparse")
@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_sparse_tensor_is_told_from_one_with_the_same_values_elsewhere(layout, pair):
    one, other = map(LAYOUTS[layout], pair)
    assert checkpoint._digest_of(one) != checkpoint._digest_of(other)
    assert checkpoint._digest_of(one) != checkpoint._digest_of(2 * one)
    assert checkpoint._digest_of(one) == checkpoint._digest_of(LAYOUTS[layout](pair[0]))


@pytest.mark.parametrize(
    "kept",
    [
        torch.ones(2, requires_grad=True),
        torch.nn.Parameter(torch.ones(2)),
        torch.tensor([1.0 + 2j]).conj(),
        torch.tensor([1.0 + 2j]).conj().imag,  # Which is marked as negative, and not made so.
        torch.arange(6).reshape(2, 3).T,
        torch.empty(0, 3),
        torch.tensor(True),
        1 + 2j,
        b"bytes",
        bytearray(b"more"),
        torch.float16,
        torch.device("cpu"),
        torch.strided,
    ],
    ids=str,
)
def test_what_may_be_held_comes_back(tmp_path, kept):
    file = tmp_path / "kept.pt"
    checkpoint.save(file, contents() | {"odd": kept})
    found = checkpoint.load(file)
    assert "digest" not in found
    if isinstance(kept, torch.Tensor):
        assert torch.equal(found["odd"], kept) and found["odd"].dtype == kept.dtype
    else:
        assert alike(found["odd"], kept)


def test_a_file_is_read_to_the_cpu_and_without_code(tmp_path):
    checkpoint.save(tmp_path / "kept.pt", contents())
    with mock.patch.object(torch, "load", wraps=torch.load) as read:
        checkpoint.load(tmp_path / "kept.pt")
    assert read.call_args.kwargs == {"map_location": "cpu", "weights_only": True}


@pytest.mark.parametrize("key", ["model", "optimizer", "rng", "epoch", "batch"])
def test_each_part_must_be_there_and_of_its_type(tmp_path, key):
    network = torch.nn.Linear(4, 3)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    fewer = {name: part for name, part in contents().items() if name != key}
    kind = "int" if key in ("epoch", "batch") else "dict"
    for bad, words in (
        (fewer, f"holds no {key!r}: it is not a checkpoint of this series"),
        (contents() | {key: "text"}, f"holds a str under {key!r}, expected {kind}"),
    ):
        with pytest.raises(ValueError) as refused:
            checkpoint.save(tmp_path / "kept.pt", bad)
        assert str(refused.value) == f"the argument contents {words}"
        with pytest.raises(ValueError) as refused:
            checkpoint.restore(bad, network, optimizer, "that file")
        assert str(refused.value) == f"that file {words}"
        torch.save(bad, tmp_path / "kept.pt")
        with pytest.raises(ValueError) as refused:
            checkpoint.load(tmp_path / "kept.pt")
        assert str(refused.value) == f"{str(tmp_path / 'kept.pt')!r} {words}"


def test_what_is_not_for_a_network_or_an_optimizer_is_said_of_the_file_by_its_name():
    network = torch.nn.Linear(4, 3)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)

    def refused(**changed) -> str:
        with pytest.raises(ValueError) as caught:
            checkpoint.restore(contents() | changed, network, optimizer, "that file")
        return str(caught.value)

    model, other = contents()["model"], "that file is of another network: "
    assert refused(model={"weight": model["weight"]}) == f"{other}it holds no weights 'bias'"
    more = model | {"first": torch.ones(1), "second": torch.ones(1)}
    assert refused(model=more) == f"{other}this one has no weights 'first'"
    kinds = "weight is (2, 4) torch.float32 in it and (3, 4) torch.float32 here"
    assert refused(model=model | {"weight": torch.ones(2, 4)}) == other + kinds
    words = "that file holds a list under 'bias', expected a tensor"
    assert refused(model=model | {"bias": [1.0]}) == words
    again = "that file is of another optimiser: make the same one again"
    assert refused(optimizer={"state": {}, "param_groups": []}) == again


@pytest.mark.skipif(os.name == "nt", reason="needs links")
@pytest.mark.parametrize("lies", ["folder", "pipe"])
def test_an_error_names_the_link_that_was_given_and_the_folder_that_it_leads_to(tmp_path, lies):
    there, link = tmp_path / "there", tmp_path / "kept.pt"
    (os.mkfifo if lies == "pipe" else os.mkdir)(there)
    link.symlink_to(there)
    what = "is a folder: give the name of a file in it"
    if lies == "pipe":
        what = "is a pipe or a device: give the name of a file"
    for function in (checkpoint.load, lambda file: checkpoint.save(file, contents())):
        with pytest.raises(OSError) as refused:
            function(link)
        assert str(refused.value) == f"{str(link)!r} {what}"
    link.unlink()
    link.symlink_to(tmp_path / "none" / "kept.pt")
    with pytest.raises(FileNotFoundError) as refused:
        checkpoint.check_writable(link)
    begins = f"no checkpoint can be written to the folder {str(tmp_path / 'none')!r}: No such"
    assert str(refused.value).startswith(begins)
    with pytest.raises(FileNotFoundError) as refused:
        checkpoint.save(link, contents())
    assert str(refused.value) == (
        f"no checkpoint can be written to {str(link)!r}: No such file or directory; "
        "mend that and go on, what was saved before is whole"
    )


def test_a_file_is_asked_for_six_times_and_longer_each_time(tmp_path, monkeypatch):
    waits = mock.Mock()
    monkeypatch.setattr(checkpoint.time, "sleep", waits)
    refuses = mock.Mock(side_effect=PermissionError(errno.EACCES, "Access is denied"))
    monkeypatch.setattr(os, "replace", refuses)
    with pytest.raises(PermissionError):
        checkpoint.save(tmp_path / "kept.pt", contents())
    assert [call.args[0] for call in waits.call_args_list] == [0.01, 0.03, 0.1, 0.3, 1.0]
    assert refuses.call_count == 6 and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", [PermissionError, FileNotFoundError, InterruptedError, OSError])
def test_an_error_of_the_disk_stays_of_its_kind(tmp_path, monkeypatch, kind):
    file, fails = tmp_path / "kept.pt", mock.Mock(side_effect=kind(5, "no luck"))
    checkpoint.save(file, contents())
    monkeypatch.setattr(os, "fsync", fails)
    monkeypatch.setattr("builtins.open", fails)
    for function in (
        checkpoint.load,
        checkpoint.check_writable,
        lambda file: checkpoint.save(file, contents()),
    ):
        with pytest.raises(kind, match="no luck") as caught:
            function(file)
        assert type(caught.value) is kind


@pytest.mark.skipif(os.name == "nt", reason="needs locks")
def test_a_name_with_brackets_is_no_pattern(tmp_path):
    other = tmp_path / ".kept1.pt.0123456789ab.partial"
    for name in (".kept[1].pt.0123456789ab.partial", other.name):
        (tmp_path / name).write_bytes(b"half")
    checkpoint.save(tmp_path / "kept[1].pt", contents())
    assert sorted(os.listdir(tmp_path)) == [other.name, "kept[1].pt"]
