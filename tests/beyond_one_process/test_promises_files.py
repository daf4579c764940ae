"""A disk that is full, a file that two runs share, a pipe in its place: one line, nothing lost."""

import errno
import functools
import multiprocessing
import os
import random
import time
from pathlib import Path
from unittest import mock

import pytest
import torch

from beyond_one_process.processes import TORCHRUN, alike, needs_fork, run_to_its_end
from beyond_one_process.test_checkpoint import contents
from helpers.beyond_one_process import checkpoint

needs_posix = pytest.mark.skipif(os.name == "nt", reason="needs pipes, links and ulimit")


@pytest.fixture
def saved(tmp_path) -> Path:
    checkpoint.save(tmp_path / "kept.pt", contents())
    return tmp_path / "kept.pt"


def refusal(kind: type[Exception], function, *arguments: object) -> str:
    with pytest.raises(kind) as caught:
        function(*arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# --- The disk ---


class FullDisk:
    """A file that takes nothing; what PyTorch makes of its error is PyTorch's own."""

    def __init__(self, stream):
        self.stream = stream

    def __getattr__(self, name):
        return getattr(self.stream, name)

    def write(self, data):
        raise OSError(errno.ENOSPC, "No space left on device")


SAVE, NO_SPACE = torch.save, "No space left on device"
ALONE = "[enforce fail at inline_container.cc:671] . unexpected pos 2112 vs 2006"


@pytest.mark.parametrize(
    ("module", "name", "fails", "words"),
    [
        (os, "fsync", mock.Mock(side_effect=OSError(errno.ENOSPC, NO_SPACE)), NO_SPACE),
        (torch, "save", lambda value, file: SAVE(value, FullDisk(file)), NO_SPACE),
        (torch, "save", mock.Mock(side_effect=RuntimeError(f"{ALONE}\nframe #0")), ALONE),
    ],
)
def test_a_full_disk_is_an_oserror_of_one_line(
    module, name, fails, words, saved, tmp_path, monkeypatch
):
    monkeypatch.setattr(module, name, fails)
    said = refusal(OSError, checkpoint.save, saved, contents() | {"epoch": 4})
    assert said.startswith(f"no checkpoint can be written to {str(saved)!r}: {words}")
    assert alike(checkpoint.load(saved), contents()) and os.listdir(tmp_path) == ["kept.pt"]


def limited(room: int, *line: object) -> tuple[int, str, str]:
    """Run Python where a file can hold so many units of 512 or 1024 bytes, as the shell counts."""
    shell = (
        f'import os, sys; os.execvp("sh", ["sh", "-c", "ulimit -f {room}; exec \\"$0\\" \\"$@\\"",'
    )
    return run_to_its_end("-c", shell + " sys.executable, *sys.argv[1:]])", *line)


@needs_posix
@pytest.mark.proof
def test_a_run_whose_disk_is_full_ends_with_one_line(data, tmp_path):
    command = ["-m", "helpers.run", "--data", data, "--checkpoint", tmp_path / "kept.pt"]
    assert run_to_its_end(*command, "--epochs", 1)[0] == 0
    code, _, err = limited(300, *command, "--resume", "--epochs", 2)
    assert code == 1 and err.count("\n") == 1 and "kept.pt': File too large" in err
    assert checkpoint.load(tmp_path / "kept.pt")["epoch"] == 1
    two = [*TORCHRUN, "--standalone", "--nproc-per-node", 2]
    code, _, err = limited(300, *two, *command, "--resume", "--epochs", 2)
    assert code == 1 and err.count("File too large") == 1 == err.count("helpers.run: ")
    assert checkpoint.load(tmp_path / "kept.pt")["epoch"] == 1
    assert os.listdir(tmp_path) == ["kept.pt"]


# --- Who else writes there ---


def write_for_ever(file, state):
    while True:
        checkpoint.save(file, state)


@needs_fork
@pytest.mark.proof
def test_of_several_writers_some_of_them_killed_no_load_sees_half_a_file(tmp_path):
    file, state, chance = tmp_path / "kept.pt", contents(), random.Random(0)
    state["model"]["much"] = state["model"]["weight"].repeat(30_000, 1)
    begin = functools.partial(multiprocessing.get_context("fork").Process, target=write_for_ever)
    writers = [begin(args=(file, state), daemon=True) for _ in range(4)]
    for writer in writers:
        writer.start()
    try:
        while not file.exists():
            time.sleep(0.01)
        for load in range(100):
            assert checkpoint.load(file)["epoch"] == state["epoch"]
            if load in (30, 60):
                writers[load // 30 - 1].kill()
            time.sleep(chance.uniform(0, 0.01))
        assert [writer.exitcode for writer in writers[2:]] == [None, None]  # They got no error.
    finally:
        for writer in writers:
            writer.kill()
            writer.join()
    checkpoint.check_writable(file)  # As the next run does: it sweeps what the killed ones left.
    assert os.listdir(tmp_path) == ["kept.pt"]


@needs_posix
def test_what_a_killed_run_left_is_swept_and_what_is_being_written_is_not(saved, tmp_path):
    for other in (".kept.pt.0123456789ab.partial", ".other.pt.0123456789ab.partial"):
        (tmp_path / other).write_bytes(b"half")
    with checkpoint._beside(saved) as mine:
        checkpoint.save(saved, contents())
        assert os.path.exists(mine.name)
    assert sorted(os.listdir(tmp_path)) == [".other.pt.0123456789ab.partial", "kept.pt"]


@needs_posix
@pytest.mark.parametrize("locks", [None, mock.Mock(LOCK_EX=2, LOCK_NB=4)])
def test_where_there_are_no_locks_nothing_is_swept(saved, tmp_path, monkeypatch, locks):
    monkeypatch.setattr(checkpoint, "fcntl", locks)  # The system has none, or this disk.
    if locks:
        locks.flock.side_effect = OSError(errno.ENOLCK, "No locks available")
    (tmp_path / ".kept.pt.0123456789ab.partial").write_bytes(b"half")
    checkpoint.save(saved, contents() | {"epoch": 4})
    assert checkpoint.load(saved)["epoch"] == 4
    assert sorted(os.listdir(tmp_path)) == [".kept.pt.0123456789ab.partial", "kept.pt"]


def test_a_file_that_somebody_has_open_is_replaced_once_it_is_closed(saved, tmp_path, monkeypatch):
    replace, refused = os.replace, PermissionError(13, "Access is denied")
    monkeypatch.setattr(time, "sleep", mock.Mock())
    tries = mock.Mock(side_effect=[refused, refused, mock.DEFAULT], wraps=replace)
    monkeypatch.setattr(os, "replace", tries)
    checkpoint.save(saved, contents() | {"epoch": 4})
    assert tries.call_count == 3 and checkpoint.load(saved)["epoch"] == 4
    monkeypatch.setattr(os, "replace", mock.Mock(side_effect=refused))  # It is never closed.
    said = refusal(PermissionError, checkpoint.save, saved, contents() | {"epoch": 5})
    assert "kept.pt': Access is denied" in said
    assert checkpoint.load(saved)["epoch"] == 4 and os.listdir(tmp_path) == ["kept.pt"]


# --- What lies where a file should ---


def pipe(place):
    os.mkfifo(place)
    return "is a pipe or a device"


def loop(place):
    place.symlink_to(place)
    return "cannot be read: Too many levels"


def folder(place):
    place.mkdir()
    return "is a folder: give the name of a file in it"


def leads_nowhere(place):
    place.symlink_to(place.parent / "none" / "kept.pt")
    return "cannot be read: No such file"


@needs_posix
@pytest.mark.parametrize("lay", [pipe, folder, loop, leads_nowhere])
def test_what_is_no_file_is_refused_in_one_line_and_left_where_it_is(tmp_path, lay):
    words = lay(place := tmp_path / "kept.pt")
    assert words in refusal(OSError, checkpoint.load, place)
    if lay is not loop:
        for function in (checkpoint.check_writable, lambda file: checkpoint.save(file, contents())):
            refusal(OSError, function, place)
    assert os.path.lexists(place) and os.listdir(tmp_path) == ["kept.pt"]


@needs_posix
def test_a_link_is_followed_even_to_a_file_that_is_not_there_yet(tmp_path):
    (tmp_path / "large disk").mkdir()
    there, link = tmp_path / "large disk" / "kept.pt", tmp_path / "kept.pt"
    link.symlink_to(there)
    for epoch in (1, 2):
        checkpoint.check_writable(link)
        checkpoint.save(link, contents() | {"epoch": epoch})
        assert link.is_symlink() and checkpoint.load(there)["epoch"] == epoch
    assert os.listdir(there.parent) == ["kept.pt"]


@pytest.mark.parametrize("refused", ["Permission denied", "kept.pt is read-only"])
def test_who_may_not_read_or_write_is_told_in_one_line(saved, tmp_path, monkeypatch, refused):
    """By a fake, since an administrator may do everything."""
    before, error = saved.read_bytes(), PermissionError(errno.EACCES, "Permission denied")
    if "read-only" in refused:
        monkeypatch.setattr(os, "access", lambda file, mode: mode != os.W_OK)
    else:
        monkeypatch.setattr("builtins.open", mock.Mock(side_effect=error))
        assert f"kept.pt' cannot be read: {refused}" in refusal(OSError, checkpoint.load, saved)
    said = refusal(PermissionError, checkpoint.check_writable, saved)
    assert f"folder {str(tmp_path)!r}: {refused}" in said
    said = refusal(PermissionError, checkpoint.save, saved, contents() | {"epoch": 4})
    assert f"{str(saved)!r}: {refused}" in said
    monkeypatch.undo()
    assert saved.read_bytes() == before and os.listdir(tmp_path) == ["kept.pt"]


@needs_posix
@pytest.mark.proof
@pytest.mark.parametrize("option", ["--checkpoint", "--data"])
def test_the_command_waits_for_no_pipe(command, tmp_path, option):
    os.mkfifo(tmp_path / "pipe")
    line = ["--resume", "--checkpoint", tmp_path / "kept.pt", option, tmp_path / "pipe"]
    out, err = command("--epochs 1", *line, code=1)
    assert not out and err.count("\n") == 1 and "is a pipe or a device" in err
