"""`load` on what disks and networks do to it."""

import errno
import functools
import gzip
import hashlib
import http.client
import os
import re
import shutil
import socket
import tempfile
import urllib.error
from pathlib import Path
from unittest.mock import Mock

import pytest
from torchvision.datasets import FashionMNIST

from fashion_mnist_pipeline import idx
from helpers.fashion_mnist_pipeline import fashion, standin

NAME = "t10k-labels-idx1-ubyte.gz"


@pytest.fixture(scope="module")
def packed(tmp_path_factory) -> dict[str, bytes]:
    raw = idx.write(tmp_path_factory.mktemp("official"), seed=1, train=20, test=10)
    return {f"{file.name}.gz": gzip.compress(file.read_bytes(), mtime=0) for file in raw.iterdir()}


@pytest.fixture
def raw(packed, monkeypatch, tmp_path) -> Path:
    """The folder with the files of a small official data set."""
    sums = [(name, hashlib.md5(packed[name]).hexdigest()) for name, _ in FashionMNIST.resources]
    monkeypatch.setattr(FashionMNIST, "resources", sums)
    monkeypatch.setattr(FashionMNIST, "mirrors", ["http://127.0.0.1:9/"])
    few = standin.draw_parts(train=10, test=10)
    monkeypatch.setattr(standin, "draw_parts", lambda: few)
    monkeypatch.setattr(fashion, "DATA_FOLDER", tmp_path)
    monkeypatch.delenv(fashion.ROOT_VARIABLE, raising=False)
    folder = tmp_path / "FashionMNIST" / "raw"
    folder.mkdir(parents=True)
    for name, content in packed.items():
        (folder / name).write_bytes(content)
    return folder


def held_in(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.rglob("*.gz")}


def load_says(words, *root):
    with pytest.raises(ValueError, match=rf"\A{words}.*\Z"):  # In one line.
        fashion.load(*root)


def refuses(kind, name, message="Permission denied", number=errno.EACCES):
    """Make one function of the system refuse files of a name."""
    real = getattr(kind, name)

    def refusing(*arguments, **options):
        if any(NAME.split(".")[0] in str(argument) for argument in arguments):
            raise OSError(number, message, str(arguments[0]))
        return real(*arguments, **options)

    return kind, name, refusing


def a_folder(raw, patch=None):
    (raw / NAME).unlink()
    (raw / NAME).mkdir()


def a_broken_disk(raw, patch):
    patch.setattr(*refuses(Path, "read_bytes", "Input/output error", errno.EIO))


@pytest.mark.parametrize(
    ("spoil", "reason"), [(a_folder, "directory|Permission"), (a_broken_disk, "Input")]
)
@pytest.mark.parametrize("by_name", [True, False])
def test_a_file_that_cannot_be_read_is_named_and_nothing_is_touched(
    spoil, reason, by_name, raw, monkeypatch
):
    root = raw.parents[1]
    monkeypatch.setenv(fashion.ROOT_VARIABLE, str(root))
    spoil(raw, monkeypatch)
    before = sorted(raw.iterdir())
    words = rf"{NAME} is damaged: it cannot be read \(.*({reason}).*put the official file back"
    load_says(words, *([root] if by_name else []))
    assert sorted(raw.iterdir()) == before
    assert NAME in fashion.amiss_in(root)  # First aid says it too, and does not fall over.


def test_a_folder_of_our_own_is_set_aside_as_a_damaged_file_is(raw):
    a_folder(raw)
    load_says(".*set aside as .*damaged, so run again to download it")
    assert (raw / f"{NAME}.damaged").is_dir() and not (raw / NAME).exists()
    assert fashion.load(download=False).source.kind == "stand-in"


@pytest.mark.skipif(os.name == "nt" or getattr(os, "geteuid", lambda: 0)() == 0, reason="root may")
def test_a_folder_that_may_not_be_entered_is_named(raw):
    raw.chmod(0)
    try:
        load_says(".*cannot be read .*Permission", raw.parents[1])
    finally:
        raw.chmod(0o700)


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_a_file_where_a_folder_should_be_is_no_data(depth, raw):
    folder = [raw.parents[1], raw.parent, raw][depth]
    shutil.rmtree(folder)
    folder.write_text("in the way")
    load_says("root is .* holds no FashionMNIST/raw/train-images", raw.parents[1])


def full(*_, **__):
    raise OSError(errno.ENOSPC, "No space left on device")


def no_folder_at_all(*_, **__):
    raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found in [...]")


@pytest.mark.parametrize(
    ("module", "name", "fails"),
    [
        (fashion, "extract_archive", full),
        (tempfile, "TemporaryDirectory", full),
        (tempfile, "TemporaryDirectory", no_folder_at_all),
    ],
)
def test_no_room_to_unpack_is_said_and_nothing_is_lost(
    module, name, fails, raw, packed, monkeypatch
):
    monkeypatch.setattr(module, name, fails)
    load_says(r"the data cannot be unpacked \(No .*\): make room, .* TMPDIR", raw.parents[1])
    assert held_in(raw) == packed


def arrives(packed, monkeypatch):
    """Have the four files downloaded."""

    def download(root, **_):
        target = Path(root) / "FashionMNIST" / "raw"
        target.mkdir(parents=True)
        for name, content in packed.items():
            (target / name).write_bytes(content)

    read = FashionMNIST.__init__

    def read_or_download(dataset, root, **options):
        (download if options.get("download") else functools.partial(read, dataset))(root, **options)

    monkeypatch.setattr(FashionMNIST, "__init__", read_or_download)
    monkeypatch.setattr(fashion, "mirror_is_silent", lambda: "")


@pytest.mark.parametrize("there", [True, False])
def test_a_file_that_another_process_reads_need_not_be_replaced(there, raw, packed, monkeypatch):
    # As on Windows, where the other process may have put that file there a moment ago.
    monkeypatch.setattr(*refuses(os, "replace", "Access is denied"))
    (raw / "train-images-idx3-ubyte.gz").unlink()
    if not there:
        (raw / NAME).unlink()
    arrives(packed, monkeypatch)
    source = fashion.load().source
    if there:
        assert source.kind == "download" and held_in(raw) == packed
    else:
        assert source.kind == "stand-in"
        assert source.reason == f"{NAME} cannot be written: Access is denied"
    assert [file.name for file in raw.parents[1].iterdir()] == ["FashionMNIST"]


def test_a_damaged_file_that_cannot_be_replaced_is_not_taken_for_the_good_one(
    raw, packed, monkeypatch
):
    monkeypatch.setattr(*refuses(os, "replace", "Access is denied"))
    (raw / NAME).write_bytes(b"damaged")
    (raw / "train-images-idx3-ubyte.gz").unlink()
    arrives(packed, monkeypatch)
    assert fashion._try_download(raw.parents[1]) == f"{NAME} cannot be written: Access is denied"


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.EBUSY])
def test_a_damaged_file_that_cannot_be_set_aside_is_to_be_removed(number, raw, monkeypatch):
    monkeypatch.setattr(*refuses(Path, "replace", os.strerror(number), number))
    (raw / NAME).write_bytes(b"damaged")
    load_says(f"{NAME} is damaged: .*; it cannot be set aside, so remove it and run again$")
    assert (raw / NAME).read_bytes() == b"damaged"


def test_a_file_that_was_there_a_moment_ago_is_to_be_downloaded(raw, monkeypatch):
    monkeypatch.setattr(fashion, "_is_complete", lambda _: True)
    (raw / NAME).unlink()
    folder = re.escape(repr(str(raw.parents[1])))
    load_says(f"the folder {folder} holds no FashionMNIST/raw/{NAME}: run again to download it$")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (EOFError("Compressed file ended"), "Compressed file ended"),
        (http.client.IncompleteRead(b"", 9), "IncompleteRead(0 bytes read, 9 more expected)"),
        (urllib.error.URLError(OSError(111, "Connection refused")), "Connection refused"),
        (TimeoutError(), "TimeoutError"),
        (RuntimeError("Error downloading\n  the file"), "Error downloading the file"),
        (OSError(28, "No space left on device", "/there"), "No space left on device"),
    ],
)
def test_whatever_a_download_breaks_off_with_is_said_and_nothing_stays(
    error, reason, raw, monkeypatch
):
    """Half a file may lie there, beside which nobody's data is to blame."""
    scratch, patience = [], []

    def half(_, root, **__):
        scratch.append(Path(root))
        patience.append(socket.getdefaulttimeout())
        target = Path(root) / "FashionMNIST" / "raw"
        target.mkdir(parents=True)
        if not isinstance(error, RuntimeError):
            (target / NAME).write_bytes(b"half")
        raise error

    monkeypatch.setattr(fashion, "mirror_is_silent", lambda: "")
    monkeypatch.setattr(FashionMNIST, "__init__", half)
    (raw / NAME).unlink()
    source = fashion.load().source
    assert source == fashion.Source("stand-in", f"the download broke off: {reason}")
    # Beside the data, so that moving a file there copies nothing, and hidden until it is whole.
    assert scratch[0].parent == raw.parents[1] and scratch[0].name.startswith(".download-")
    assert not scratch[0].exists() and patience == [4.0]


def test_the_mirror_is_asked_for_no_more_than_its_head(monkeypatch):
    asked = []

    def refuse(request, timeout=None):
        asked.append((request.get_method(), request.full_url, timeout))
        raise http.client.BadStatusLine("junk")

    monkeypatch.setattr("urllib.request.urlopen", refuse)
    assert fashion.mirror_is_silent() == "no network: junk"
    first = FashionMNIST.mirrors[0] + FashionMNIST.resources[0][0]
    assert asked == [("HEAD", first, 4.0)]


def test_half_a_download_of_before_is_in_nobodys_way(raw, packed, monkeypatch):
    left = raw.parents[1] / ".download-left" / "FashionMNIST" / "raw"
    left.mkdir(parents=True)
    (left / NAME).write_bytes(packed[NAME][:9])
    assert fashion.load().source.kind == "download"


@pytest.mark.parametrize(
    ("error", "short"),
    [
        (None, "no download was asked for"),
        (OSError(111, "Connection refused"), "no network: Connection refused"),
        (OSError(-3, "Temporary failure in name resolution"), "no network: Temporary failure in…"),
        (urllib.error.HTTPError("http://x", 404, "Not Found", {}, None), "no network: Not Found"),
        (ValueError("unknown url type: 'x'"), "no network: unknown url type: 'x'"),
    ],
)
def test_the_line_about_the_garments_fits_a_terminal(error, short, monkeypatch):
    monkeypatch.setattr("urllib.request.urlopen", Mock(side_effect=error))
    said = str(fashion.Source("stand-in", fashion.mirror_is_silent() if error else short))
    assert said == f"Garments: a drawn stand-in, not FashionMNIST ({short})"
    for kind in ("root", "environment", "download", "stand-in"):
        assert len(str(fashion.Source(kind, "the download broke off: " + 20 * "word "))) <= 80
