"""The file beside a checkpoint that is written first: whose it is, and how it takes its place."""

import errno
import os
import warnings
from pathlib import Path
from unittest import mock

import pytest
import torch

from beyond_one_process.processes import alike
from beyond_one_process.test_checkpoint import contents
from helpers.beyond_one_process import checkpoint

needs_locks = pytest.mark.skipif(checkpoint.fcntl is None, reason="needs locks")
WRITES = {
    "save": lambda file: checkpoint.save(file, contents()),
    "check_writable": checkpoint.check_writable,
}


@needs_locks
@pytest.mark.parametrize("write", WRITES.values(), ids=list(WRITES))
def test_what_another_run_is_writing_keeps_its_name_and_what_nobody_writes_goes(tmp_path, write):
    used, left = (tmp_path / f".kept.pt.{n:012x}.partial" for n in (1, 2))
    left.write_bytes(b"half")
    with open(used, "xb") as stream:
        checkpoint.fcntl.flock(stream, checkpoint.fcntl.LOCK_EX)
        number = used.stat().st_ino
        write(tmp_path / "kept.pt")
        assert used.stat().st_ino == number and not left.exists()
    write(tmp_path / "kept.pt")
    assert not used.exists()


@needs_locks
def test_a_file_is_removed_only_while_its_lock_is_held_and_nobody_waits_for_one(
    tmp_path, monkeypatch
):
    left, there = tmp_path / ".kept.pt.000000000001.partial", []
    left.write_bytes(b"half")
    flock = checkpoint.fcntl.flock

    def noted(stream, how):
        there.append((os.path.basename(stream.name), how, os.path.exists(stream.name)))
        return flock(stream, how)

    monkeypatch.setattr(checkpoint.fcntl, "flock", noted)
    with checkpoint._beside(tmp_path / "kept.pt") as mine:
        ours = os.path.basename(mine.name)
    exclusive, at_once = checkpoint.fcntl.LOCK_EX, checkpoint.fcntl.LOCK_NB
    assert there == [(left.name, exclusive | at_once, True), (ours, exclusive, True)]
    assert list(tmp_path.iterdir()) == []


@needs_locks
def test_who_was_swept_before_the_lock_was_held_begins_again(tmp_path, monkeypatch):
    swept = []

    def flock(stream, how):
        if len(swept) < 2:  # Another run was faster, twice.
            os.unlink(stream.name)
            swept.append(stream.name)

    monkeypatch.setattr(checkpoint.fcntl, "flock", flock)
    checkpoint.save(tmp_path / "kept.pt", contents())
    assert len(swept) == 2 and os.listdir(tmp_path) == ["kept.pt"]
    assert alike(checkpoint.load(tmp_path / "kept.pt"), contents())


def test_two_that_write_at_once_have_names_of_their_own(tmp_path):
    file = tmp_path / "kept.pt"
    with checkpoint._beside(file) as one, checkpoint._beside(file) as other:
        names = [Path(stream.name) for stream in (one, other)]
        assert names[0] != names[1] and {name.parent for name in names} == {tmp_path}
        assert all(name.match(".kept.pt.????????????.partial") for name in names)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", [FileNotFoundError, OSError, IsADirectoryError])
def test_only_a_file_that_somebody_has_open_is_asked_for_again(tmp_path, monkeypatch, error):
    waits, replace = mock.Mock(), mock.Mock(side_effect=error(errno.EIO, "no luck"))
    monkeypatch.setattr(checkpoint.time, "sleep", waits)
    monkeypatch.setattr(os, "replace", replace)
    with pytest.raises(error, match="kept.pt': no luck; mend that and go on, what was saved"):
        checkpoint.save(tmp_path / "kept.pt", contents())
    assert replace.call_count == 1 and not waits.called and os.listdir(tmp_path) == []


@pytest.mark.parametrize(("system", "closed"), [("nt", True), ("posix", False)])
def test_a_file_keeps_its_lock_up_to_its_new_name_but_on_windows(
    tmp_path, monkeypatch, system, closed
):
    seen = []
    with open(tmp_path / "partial", "wb") as stream:
        with monkeypatch.context() as patch:
            patch.setattr(os, "name", system)
            patch.setattr(os, "replace", lambda *names: seen.append((stream.closed, *names)))
            checkpoint._put_in_place(stream, "kept.pt")
    assert seen == [(closed, str(tmp_path / "partial"), "kept.pt")]


def test_what_pytorch_warns_of_as_it_reads_is_not_passed_on(tmp_path, monkeypatch):
    checkpoint.save(tmp_path / "kept.pt", contents())
    load = torch.load

    def warned(*arguments, **options):
        warnings.warn("a damaged file", UserWarning, stacklevel=2)
        return load(*arguments, **options)

    monkeypatch.setattr(torch, "load", warned)
    with warnings.catch_warnings(action="error"):
        assert alike(checkpoint.load(tmp_path / "kept.pt"), contents())


# --- Every sentence ---

CURE = "start without it, or give another"
READ_BACK = "give Python's own numbers and texts, tensors, and lists and dicts of them"


def test_each_error_says_what_is_wrong_and_what_to_do(tmp_path, monkeypatch):
    file = tmp_path / "kept.pt"

    def refused(kind: type[Exception], function, *arguments: object) -> str:
        with pytest.raises(kind) as caught:
            function(*arguments)
        return str(caught.value)

    name = repr(str(file))
    missing = f"{name} cannot be read: No such file or directory; {CURE}"
    assert refused(FileNotFoundError, checkpoint.load, file) == missing
    file.write_bytes(b"junk")
    damaged = refused(ValueError, checkpoint.load, file)
    assert damaged.startswith(f"{name} is damaged, or not a checkpoint (")
    assert damaged.endswith(f"): {CURE}")
    torch.save(contents() | {"digest": "0"}, file)
    damaged = f"{name} is damaged: its contents are not those that were saved; {CURE}"
    assert refused(ValueError, checkpoint.load, file) == damaged
    torch.save(contents(), file)  # As somebody's own code writes it.
    assert refused(ValueError, checkpoint.load, file) == damaged
    torch.save([1], file)
    assert refused(ValueError, checkpoint.load, file) == (
        f"{name} holds a list and not a checkpoint's dict"
    )
    assert refused(ValueError, checkpoint.save, file, 3) == (
        "the argument contents holds a int and not a checkpoint's dict"
    )
    said = refused(ValueError, checkpoint.save, file, contents() | {"odd": lambda: None})
    assert said.startswith("the argument contents could not be read back (")
    assert said.endswith(f"): {READ_BACK}")
    there = tmp_path / "none" / "kept.pt"
    assert refused(FileNotFoundError, checkpoint.check_writable, there) == (
        f"no checkpoint can be written to the folder {str(there.parent)!r}: "
        "No such file or directory; give another"
    )
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert refused(PermissionError, checkpoint.check_writable, file) == (
        f"no checkpoint can be written to the folder {str(tmp_path)!r}: "
        "kept.pt is read-only; give another"
    )
    network = torch.nn.Linear(4, 3)
    with pytest.raises(TypeError, match="an optimiser of torch.optim's"):
        checkpoint.restore(contents(), network, network)
