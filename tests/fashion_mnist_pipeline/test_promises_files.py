"""`load` and `Batches` on what disks, networks and other people's tensors do to them."""

import errno
import functools
import gzip
import hashlib
import os
import shutil
import tempfile
import urllib.error
from pathlib import Path

import pytest
import torch
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
    return {file.name: file.read_bytes() for file in folder.rglob("*.gz") if file.is_file()}


def one_line(words, call, *arguments, error=ValueError, **options):
    with pytest.raises(error, match=words) as caught:
        call(*arguments, **options)
    assert "\n" not in str(caught.value)


def refuses(kind, name, message="Permission denied", number=errno.EACCES):
    """Make one function of the system refuse files of a name."""
    real = getattr(kind, name)

    def refusing(*arguments, **options):
        if any(NAME.split(".")[0] in str(argument) for argument in arguments):
            raise OSError(number, message, str(arguments[0]))
        return real(*arguments, **options)

    return kind, name, refusing


def a_folder(raw, monkeypatch):
    (raw / NAME).unlink()
    (raw / NAME).mkdir()


def not_open(raw, monkeypatch):
    monkeypatch.setattr(*refuses(Path, "read_bytes"))


def a_broken_disk(raw, monkeypatch):
    monkeypatch.setattr(*refuses(Path, "read_bytes", "Input/output error", errno.EIO))


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [(a_folder, "directory|Permission"), (not_open, "Permission"), (a_broken_disk, "Input")],
)
@pytest.mark.parametrize("how", ["root", "environment"])
def test_a_file_that_cannot_be_read_is_named_and_nothing_is_touched(
    spoil, reason, how, raw, monkeypatch
):
    root = raw.parents[1]
    if how == "environment":
        monkeypatch.setenv(fashion.ROOT_VARIABLE, str(root))
    spoil(raw, monkeypatch)
    before = sorted(raw.iterdir())
    words = rf"^{NAME} is damaged: it cannot be read \(.*({reason}).*put the official file back"
    one_line(words, fashion.load, *([root] if how == "root" else []))
    assert sorted(raw.iterdir()) == before
    assert NAME in fashion.amiss_in(root)  # First aid says it too, and does not fall over.


def test_a_folder_of_our_own_is_set_aside_as_a_damaged_file_is(raw, monkeypatch):
    a_folder(raw, monkeypatch)
    one_line("set aside as .*damaged, so run again to download it", fashion.load)
    assert (raw / f"{NAME}.damaged").is_dir() and not (raw / NAME).exists()
    assert fashion.load(download=False).source.kind == "stand-in"


@pytest.mark.skipif(os.name == "nt" or getattr(os, "geteuid", lambda: 0)() == 0, reason="root may")
def test_a_folder_that_may_not_be_entered_is_named(raw):
    raw.chmod(0)
    try:
        one_line("cannot be read .*Permission", fashion.load, raw.parents[1])
    finally:
        raw.chmod(0o700)


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_a_file_where_a_folder_should_be_is_no_data(depth, raw):
    folder = [raw.parents[1], raw.parent, raw][depth]
    shutil.rmtree(folder)
    folder.write_text("in the way")
    one_line("^root is .* holds no FashionMNIST/raw/train-images", fashion.load, raw.parents[1])


def test_a_folder_that_is_read_only_is_read(raw, packed):
    raw.chmod(0o500)
    try:
        assert len(fashion.load(raw.parents[1]).test_labels) == 10
    finally:
        raw.chmod(0o700)
    assert held_in(raw) == packed


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
    one_line(r"cannot be unpacked \(No .*\): make room, .* TMPDIR", fashion.load, raw.parents[1])
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


def test_half_a_download_of_before_is_in_nobodys_way(raw, packed, monkeypatch):
    left = raw.parents[1] / ".download-left" / "FashionMNIST" / "raw"
    left.mkdir(parents=True)
    (left / NAME).write_bytes(packed[NAME][:9])
    assert fashion.load().source.kind == "download"


REASONS = {
    "no download was asked for": "no download was asked for",
    "no network: Connection refused": urllib.error.URLError(OSError(111, "Connection refused")),
    "no network: Temporary failure in…": urllib.error.URLError(
        OSError(-3, "Temporary failure in name resolution")
    ),
    "no network: Not Found": urllib.error.HTTPError("http://x", 404, "Not Found", {}, None),
    "no network: unknown url type: 'x'": ValueError("unknown url type: 'x'"),
}


@pytest.mark.parametrize("short", REASONS)
def test_the_line_about_the_garments_fits_a_terminal(short, monkeypatch):
    reason = REASONS[short]
    if isinstance(reason, Exception):

        def fails(*_, **__):
            raise reason

        monkeypatch.setattr("urllib.request.urlopen", fails)
        reason = fashion.mirror_is_silent()
    said = str(fashion.Source("stand-in", reason))
    assert said == f"Garments: a drawn stand-in, not FashionMNIST ({short})"
    assert len(said) <= 80


@pytest.mark.parametrize("kind", ["root", "environment", "download", "stand-in"])
def test_no_line_about_the_garments_is_too_long(kind):
    assert len(str(fashion.Source(kind, "the download broke off: " + 20 * "word "))) <= 80


IMAGES, LABELS = torch.zeros(4, 28, 28, dtype=torch.uint8), torch.arange(4)
FEATURES = torch.zeros(4, 3)
NESTED = torch.nested.nested_tensor([torch.zeros(2), torch.zeros(3)], layout=torch.jagged)


@pytest.mark.parametrize(
    ("images", "labels", "error", "words"),
    [
        (IMAGES.to("meta"), LABELS, ValueError, "images are on the meta device"),
        (IMAGES, LABELS.to("meta"), ValueError, "labels are on the meta device"),
        (FEATURES.to_sparse(), LABELS, ValueError, r"give images.to_dense\(\)"),
        (FEATURES, LABELS.to_sparse(), ValueError, r"give labels.to_dense\(\)"),
        (NESTED, LABELS[:2], ValueError, r"give torch.nested.to_padded_tensor\(images, 0\)"),
        (FEATURES.cfloat(), LABELS, TypeError, "images are torch.complex64: give a uint8"),
        (FEATURES.long(), LABELS, TypeError, "images are torch.int64: give a uint8 .* features"),
        (FEATURES, FEATURES, TypeError, "write the loop out$"),
        (FEATURES, LABELS / 3, TypeError, "write the loop out$"),
        (FEATURES, LABELS.int(), TypeError, r"labels.long\(\)$"),
        (FEATURES, LABELS.tolist(), TypeError, "labels are list: give an int64 tensor"),
        (FEATURES.numpy(), LABELS, TypeError, "images are ndarray: give a uint8 tensor"),
        (FEATURES, LABELS[:, None], ValueError, "give one label for each image"),
    ],
)
def test_what_cannot_be_cut_into_batches_is_refused_with_the_right_cure(
    images, labels, error, words
):
    one_line(words, fashion.Batches, images, labels, 2, error=error)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_features_of_any_precision_are_handed_out_as_they_are(dtype):
    features = torch.arange(12.0).view(4, 3).to(dtype)
    batches = list(fashion.Batches(features, LABELS, 3))
    assert torch.equal(torch.cat([images for images, _ in batches]), features)
