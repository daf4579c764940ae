"""Finding, verifying and cutting up the data, whatever the network and the disk do."""

import contextlib
import functools
import gzip
import hashlib
import http.server
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional
from torch.utils.data import DataLoader, Subset
from torchvision.datasets import FashionMNIST
from torchvision.transforms import ToTensor

from fashion_mnist_pipeline import idx
from helpers.fashion_mnist_pipeline import fashion, standin

DATA_FOLDER = fashion.DATA_FOLDER  # Before `small_world` puts another in its place.
HTML = b"<!DOCTYPE html><html><body>Please sign in</body></html>"


def md5(content: bytes) -> str:
    return hashlib.md5(content).hexdigest()


def packed_files(root: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in (root / "FashionMNIST" / "raw").glob("*.gz")}


@pytest.fixture(scope="session")
def official(tmp_path_factory) -> dict[str, bytes]:
    """The packed files of a small data set, by their names."""
    raw = idx.write(tmp_path_factory.mktemp("official"), seed=1, train=200, test=100)
    return {f"{p.name}.gz": gzip.compress(p.read_bytes(), mtime=0) for p in raw.iterdir()}


@pytest.fixture(autouse=True)
def small_world(official, monkeypatch, tmp_path):
    """Make the small data set the official one, and nothing reachable."""
    packed = {name: official[f"{name}.gz"] for name in idx.NAMES}
    resources = [(f"{name}.gz", md5(content)) for name, content in packed.items()]
    unpacked = {name: md5(gzip.decompress(content)) for name, content in packed.items()}
    monkeypatch.setattr(FashionMNIST, "resources", resources)
    monkeypatch.setattr(FashionMNIST, "mirrors", ["http://127.0.0.1:9/"])
    monkeypatch.setattr(fashion, "_UNPACKED_MD5", unpacked)
    monkeypatch.setattr(fashion, "DATA_FOLDER", tmp_path / "data")
    small = functools.partial(standin.draw_parts, train=20, test=10)
    monkeypatch.setattr(standin, "draw_parts", small)
    monkeypatch.delenv("FASHION_MNIST_ROOT", raising=False)


@pytest.fixture
def root(official, tmp_path) -> Path:
    """A folder of the reader's, with the data set in it."""
    raw = tmp_path / "root" / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    for name, content in official.items():
        (raw / name).write_bytes(content)
    return tmp_path / "root"


@pytest.fixture
def serve(monkeypatch):
    """Start a mirror on loopback that answers each request as told."""
    with contextlib.ExitStack() as servers:

        def start(answer) -> None:
            methods = {"do_GET": answer, "do_HEAD": answer, "log_message": lambda *_: None}
            handler = type("Handler", (http.server.BaseHTTPRequestHandler,), methods)
            server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
            servers.callback(server.server_close)
            servers.callback(server.shutdown)
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
            address = f"http://127.0.0.1:{server.server_port}/"
            monkeypatch.setattr(FashionMNIST, "mirrors", [address])

        yield start


def send(handler, content: bytes, announced: int | None = None) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", str(announced or len(content)))
    handler.end_headers()
    if handler.command == "GET":
        handler.wfile.write(content)
        handler.wfile.flush()


def answer_with(files):
    return lambda handler: send(handler, files[handler.path.strip("/")])


def test_the_environment_comes_first(root, official, monkeypatch, tmp_path):
    monkeypatch.setenv("FASHION_MNIST_ROOT", str(root))
    garments = fashion.load()
    assert garments.source == fashion.Source("environment")
    images = gzip.decompress(official["train-images-idx3-ubyte.gz"])[16:]
    assert garments.train_images.numpy().tobytes() == images
    assert garments.train_labels.dtype == torch.int64
    assert garments.classes == tuple(FashionMNIST.classes)
    # Reading leaves the folder as it was.
    assert packed_files(root) == official
    assert not (tmp_path / "data").exists()


def test_a_folder_that_is_named_comes_before_the_environment(root, monkeypatch):
    monkeypatch.setenv("FASHION_MNIST_ROOT", "elsewhere")
    for folder in (root, str(root)):
        assert fashion.load(folder).source == fashion.Source("root")
    inner, lack = root / "FashionMNIST", f"which holds no FashionMNIST/raw/{idx.NAMES[0]}.gz"
    with pytest.raises(ValueError) as caught:
        fashion.load(inner)
    give = "give the folder above FashionMNIST"
    assert str(caught.value) == f"root is {str(inner)!r}, {lack}: {give}"
    with pytest.raises(ValueError) as caught:
        fashion.load()
    cure = "point it at the folder above FashionMNIST, or unset it"
    assert str(caught.value) == f"FASHION_MNIST_ROOT is 'elsewhere', {lack}: {cure}"


def test_an_empty_variable_names_no_folder(monkeypatch):
    monkeypatch.setenv("FASHION_MNIST_ROOT", "")
    assert fashion.load(download=False).source == fashion.Source(
        "stand-in", "no download was asked for"
    )


def test_a_folder_may_be_named_from_home(root, monkeypatch):
    for variable in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(variable, str(root.parent))
    assert fashion.load(f"~/{root.name}").source.kind == "root"
    monkeypatch.setenv("FASHION_MNIST_ROOT", f"~/{root.name}")
    assert fashion.load().source.kind == "environment"


def test_unpacked_files_do_as_well(tmp_path):
    raw = idx.write(tmp_path, seed=1, train=200, test=100)
    assert len(fashion.load(tmp_path).train_images) == 200
    with open(raw / "train-labels-idx1-ubyte", "r+b") as file:
        file.truncate(100)
    with pytest.raises(ValueError, match="train-labels-idx1-ubyte is damaged"):
        fashion.load(tmp_path)


def test_a_packed_file_is_read_where_both_are_there(root, official):
    raw = root / "FashionMNIST" / "raw"
    for name in official:
        (raw / name).with_suffix("").write_bytes(b"not looked at")
    assert len(fashion.load(root).train_images) == 200


DAMAGES = {
    "cut short": lambda content: content[: len(content) // 2],
    "altered": lambda content: content[:-9] + bytes([content[-9] ^ 1]) + content[-8:],
    "a web page": lambda content: HTML,
}


@pytest.fixture(params=DAMAGES)
def damage(request):
    return DAMAGES[request.param]


def test_a_damaged_file_of_the_users_is_named_and_left_alone(damage, root):
    path = root / "FashionMNIST" / "raw" / "t10k-images-idx3-ubyte.gz"
    expected, damaged = md5(path.read_bytes()), damage(path.read_bytes())
    path.write_bytes(damaged)
    with pytest.raises(ValueError) as caught:
        fashion.load(root)
    message = str(caught.value)
    page = ", a web page and not the data" * (damaged == HTML)
    amiss = f"expected MD5 {expected}, found {md5(damaged)} ({len(damaged)} bytes{page})"
    said, raw = f"{path.name} is damaged: {amiss}", str(path.parent)
    assert message == f"{said}; put the official file back into {raw!r}"
    assert path.read_bytes() == damaged
    assert fashion.amiss_in(root) == said
    path.unlink()
    assert fashion.amiss_in(root) == f"FashionMNIST/raw/{path.name} is missing"


@pytest.mark.parametrize(
    ("content", "is_page"),
    [
        (b"\r\n <!DOCTYPE HTML PUBLIC>", True),
        (b"<HTML lang=en>", True),
        (b"<?xml version='1.0'?><html>", True),
        (b"<head><title>Sign in</title>", True),
        (bytes([0, 0, 8, 1]) + b"<html>", False),
        (b" " * 256 + b"<html>", False),
        (b"", False),
    ],
)
def test_a_web_page_in_place_of_the_data_is_known_by_how_it_begins(content, is_page, tmp_path):
    file = tmp_path / "file"
    file.write_bytes(content)
    assert ("a web page" in fashion._amiss(file, "")) == is_page


def test_a_damaged_file_of_our_own_does_not_poison_the_next_start(
    damage, root, official, serve, monkeypatch
):
    monkeypatch.setattr(fashion, "DATA_FOLDER", root)
    path = root / "FashionMNIST" / "raw" / "train-images-idx3-ubyte.gz"
    damaged = damage(path.read_bytes())
    path.write_bytes(damaged)
    with pytest.raises(ValueError) as caught:
        fashion.load()
    aside = f"it is set aside as {path.name}.damaged, so run again to download it"
    assert str(caught.value).startswith(f"{path.name} is damaged: expected MD5 ")
    assert str(caught.value).endswith(f"; {aside}")
    assert path.with_name(path.name + ".damaged").read_bytes() == damaged
    serve(answer_with(official))
    assert fashion.load().source.kind == "download"
    assert packed_files(root) == official


def test_a_download_is_kept_and_needs_no_network_again(official, serve, monkeypatch, tmp_path):
    serve(answer_with(official))
    garments = fashion.load()
    assert garments.source == fashion.Source("download")
    assert len(garments.train_images) == 200 and len(garments.test_labels) == 100
    assert packed_files(tmp_path / "data") == official
    # Nor is it so much as asked.
    monkeypatch.setattr(fashion, "mirror_is_silent", lambda: pytest.fail("asked the network"))
    assert torch.equal(fashion.load().train_images, garments.train_images)
    assert [p.name for p in (tmp_path / "data").iterdir()] == ["FashionMNIST"]


def test_a_damaged_download_is_named_and_thrown_away(damage, official, serve, tmp_path):
    wrong = {name: damage(content) for name, content in official.items()}
    serve(answer_with(wrong))
    first = FashionMNIST.resources[0][0]
    with pytest.raises(ValueError) as caught:
        fashion.load()
    message = str(caught.value)
    assert first in message and md5(official[first]) in message and md5(wrong[first]) in message
    cure = "check that your network wants no sign-in and run again, or use "
    assert message.endswith(f"); {cure}fashion.load(download=False)") and "\n" not in message
    assert list((tmp_path / "data").rglob("*")) == []
    serve(answer_with(official))
    assert fashion.load().source.kind == "download"


def break_off_in_the_middle(handler):
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    if handler.command == "GET":
        handler.wfile.write(b"1000\r\nonly this")


def fall_silent(handler):
    send(handler, bytes(100_000), announced=200_000)
    if handler.command == "GET":
        time.sleep(30)  # In a thread that nobody waits for.


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (None, "refused"),
        (lambda handler: handler.send_error(404), "Not Found"),
        (lambda handler: handler.wfile.write(b"garbage\r\n\r\n"), "no network: "),
        (break_off_in_the_middle, "broke off"),
        (fall_silent, "broke off"),
    ],
)
def test_a_mirror_that_fails_gives_the_stand_in(
    answer, reason, serve, monkeypatch, tmp_path, capfd
):
    monkeypatch.setattr(fashion, "_SECONDS_OF_SILENCE", 0.3)
    if answer:
        serve(answer)
    source = fashion.load().source
    assert source.kind == "stand-in" and reason in source.reason
    assert "not FashionMNIST" in str(source)
    assert list((tmp_path / "data").rglob("*")) == []
    assert "Traceback" not in capfd.readouterr().err


def test_a_mirror_that_never_answers_gives_the_stand_in(serve, monkeypatch):
    monkeypatch.setattr(fashion, "_SECONDS_TO_REACH_THE_MIRROR", 0.3)
    serve(lambda handler: time.sleep(30))
    assert fashion.load().source.kind == "stand-in"


def test_a_name_that_is_never_found_gives_the_stand_in(monkeypatch):
    # The two waits together are to stay below ten seconds.
    assert fashion._SECONDS_TO_REACH_THE_MIRROR + fashion._SECONDS_OF_SILENCE < 10
    monkeypatch.setattr(fashion, "_SECONDS_TO_REACH_THE_MIRROR", 0.3)
    monkeypatch.setattr(FashionMNIST, "mirrors", ["http://nowhere.invalid/"])
    hung = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: hung.wait(30) and [])
    source = fashion.load().source
    hung.set()
    assert source == fashion.Source("stand-in", "no answer from the network")


@pytest.mark.parametrize("mended", [False, True])
def test_a_damaged_file_that_another_process_found_first_is_still_named(
    mended, root, official, monkeypatch
):
    path = root / "FashionMNIST" / "raw" / "train-images-idx3-ubyte.gz"
    path.write_bytes(HTML)
    look = fashion._amiss

    def and_then_the_other_one_acts(file, expected):
        if amiss := look(file, expected):
            path.write_bytes(official[path.name]) if mended else path.unlink(missing_ok=True)
        return amiss

    monkeypatch.setattr(fashion, "DATA_FOLDER", root)
    monkeypatch.setattr(fashion, "_amiss", and_then_the_other_one_acts)
    with pytest.raises(ValueError, match="train-images-idx3-ubyte.gz is damaged"):
        fashion.load()
    # A good file is not set aside.
    assert (packed_files(root) == official) == mended


def test_a_download_that_is_not_wanted_or_finds_no_folder_gives_the_stand_in(
    official, serve, tmp_path
):
    serve(answer_with(official))
    assert fashion.load(download=False).source.kind == "stand-in"
    (tmp_path / "data").write_text("in the way")
    source = fashion.load().source
    assert source.kind == "stand-in" and source.reason.startswith("data cannot be written: ")


TWO_AT_ONCE = """
import sys
from pathlib import Path
from torchvision.datasets import FashionMNIST
from helpers.fashion_mnist_pipeline import fashion
FashionMNIST.mirrors = [sys.argv[1]]
FashionMNIST.resources = [tuple(pair.split("=")) for pair in sys.argv[3:]]
fashion.DATA_FOLDER = Path(sys.argv[2])
garments = fashion.load()
print(garments.source.kind, int(garments.train_images.long().sum()))
"""


@pytest.mark.proof
@pytest.mark.skipif(os.name == "nt", reason="Windows replaces no file that another process reads")
def test_two_processes_that_start_at_once_do_each_other_no_harm(official, serve, tmp_path):
    def slowly(handler):
        content = official[handler.path.strip("/")]
        send(handler, content[:100], announced=len(content))
        if handler.command == "GET":
            time.sleep(0.2)
            handler.wfile.write(content[100:])

    serve(slowly)
    pairs = ["=".join(pair) for pair in FashionMNIST.resources]
    command = [sys.executable, "-c", TWO_AT_ONCE, FashionMNIST.mirrors[0], str(tmp_path), *pairs]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    outputs = [process.communicate(timeout=120)[0] for process in both]
    raw = gzip.decompress(official["train-images-idx3-ubyte.gz"])[16:]
    assert outputs == [f"download {sum(raw)}\n"] * 2
    assert packed_files(tmp_path) == official
    assert os.listdir(tmp_path) == ["FashionMNIST"]


@pytest.mark.parametrize(("seed", "size"), [(None, 64), (5, np.int64(64))])
def test_batches_equal_torchvisions_own(seed, size, tmp_path):
    idx.write(tmp_path, seed=1, train=200, test=100)
    garments = fashion.load(tmp_path)
    dataset, order, chance = FashionMNIST(tmp_path, transform=ToTensor()), range(200), None
    if seed is not None:
        chance, again = (torch.Generator().manual_seed(seed) for _ in range(2))
        order = torch.randperm(200, generator=again).tolist()
    ours = fashion.Batches(garments.train_images, garments.train_labels, size, generator=chance)
    theirs = DataLoader(Subset(dataset, order), batch_size=64)
    assert len(ours) == len(theirs) == 4
    first_walk = list(ours)
    for (x, y), (x_expected, y_expected) in zip(first_walk, theirs, strict=True):
        assert torch.equal(x, x_expected) and torch.equal(y, y_expected)
    assert torch.equal(next(iter(ours))[1], first_walk[0][1]) == (seed is None)


IMAGES, LABELS = torch.zeros(4, 28, 28, dtype=torch.uint8), torch.arange(4)
NESTED = torch.nested.nested_tensor([torch.zeros(n) for n in range(4)], layout=torch.jagged)


@pytest.mark.parametrize(
    ("changed", "error", "words"),
    [
        ({"images": IMAGES.short()}, TypeError, "images are torch.int16: give a uint8"),
        ({"images": IMAGES.float()[:0]}, ValueError, r"shape \(0, 28, 28\): give at least one"),
        ({"images": torch.tensor(1.0)}, ValueError, r"shape \(\): give at least one row"),
        ({"images": [[0]]}, TypeError, "images are list: give a uint8"),
        ({"images": IMAGES[:, :27]}, ValueError, r"shape \(4, 27, 28\): give \(number, 28, 28\)"),
        ({"images": IMAGES.to("meta")}, ValueError, "images are on the meta device"),
        ({"images": NESTED}, ValueError, r"give torch.nested.to_padded_tensor\(images, 0\)"),
        ({"images": IMAGES.float().to_sparse()}, ValueError, r"give images.to_dense\(\)"),
        ({"images": IMAGES.cfloat()}, TypeError, "images are torch.complex64: give a uint8"),
        ({"images": IMAGES[0]}, ValueError, r"shape \(28, 28\): give \(number, 28, 28\)"),
        ({"images": IMAGES[:0], "labels": LABELS[:0]}, ValueError, "give at least one"),
        ({"labels": LABELS.float()}, TypeError, "labels are torch.float32: give an int64"),
        ({"labels": LABELS / 3}, TypeError, "write the loop out"),
        ({"labels": LABELS.int()}, TypeError, r"labels.long\(\)"),
        ({"labels": LABELS.tolist()}, TypeError, "labels are list: give an int64 tensor"),
        ({"labels": LABELS.to("meta")}, ValueError, "labels are on the meta device"),
        ({"labels": LABELS.to_sparse()}, ValueError, r"give labels.to_dense\(\)"),
        ({"labels": LABELS[:, None]}, ValueError, "give one label for each image"),
        ({"labels": LABELS[:3]}, ValueError, r"labels have shape \(3,\) beside images"),
        ({"labels": LABELS + 7}, ValueError, "labels hold 10: give class numbers from 0 to 9"),
        ({"labels": LABELS - 1}, ValueError, "labels hold -1: give class numbers from 0 to 9"),
        ({"batch_size": 0}, ValueError, "batch_size is 0: give at least 1"),
        ({"generator": 0}, TypeError, "generator is 0: give torch.Generator"),
    ],
)
def test_what_cannot_be_a_batch_is_refused(changed, error, words):
    with pytest.raises(error, match=rf"\A.*{words}.*\Z"):  # In one line.
        fashion.Batches(**{"images": IMAGES, "labels": LABELS, "batch_size": 2, **changed})


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_features_are_handed_out_as_they_are(dtype):
    features = torch.arange(20.0, dtype=dtype).view(5, 4)
    batches = fashion.Batches(features, torch.arange(5), 2, generator=torch.Generator())
    rows, labels = (torch.cat(parts) for parts in zip(*batches, strict=True))
    assert sorted(labels.tolist()) == [0, 1, 2, 3, 4]
    assert all((4 * n + torch.arange(4.0)).equal(row) for n, row in zip(labels, rows, strict=True))
    walk = fashion.repeated(features, torch.arange(5), times=2, batch_size=4)
    assert {x.dtype for x, _ in (*batches, *walk)} == {dtype}
    assert labels.tolist() != [0, 1, 2, 3, 4]


@pytest.mark.parametrize("generator", [None, torch.Generator()])
def test_batches_lie_on_the_device_that_is_named(generator):
    batches = fashion.Batches(IMAGES, LABELS, 3, generator=generator, device="meta")
    assert [x.shape[0] for x, _ in batches] == [3, 1]
    assert {one.device.type for pair in batches for one in pair} == {"meta"}
    assert {one.device.type for pair in fashion.Batches(IMAGES, LABELS, 3) for one in pair} == {
        "cpu"
    }
    with pytest.raises(ValueError, match="^device is 'junk'"):
        fashion.Batches(IMAGES, LABELS, 3, device="junk")


def test_the_order_of_a_longer_epoch_is_that_of_pytorchs_seed():
    def seen(seed):
        torch.manual_seed(seed)
        rows = torch.arange(7.0)[:, None]
        return [n for _, y in fashion.repeated(rows, torch.arange(7), 3, 4) for n in y.tolist()]

    assert seen(3) == seen(3) != seen(4)
    # An image may come again before the others have come.
    assert any(len(set(seen(seed)[:7])) < 7 for seed in range(3))


@pytest.mark.parametrize(
    ("labels", "found"),
    [([0, 9], None), ([0, 10], 10), ([-1, 9], -1), ([-100, 10], -100), ([4], None)],
)
def test_a_label_outside_the_classes_is_found_the_lowest_first(labels, found):
    assert fashion.outside(torch.tensor(labels), 10) == found


@pytest.mark.parametrize("ignored", [-100, 3, 255])
def test_labels_that_are_classes_are_counted_from_zero_to_the_last(ignored):
    scores = torch.randn(4, 3, generator=torch.Generator().manual_seed(0), requires_grad=True)
    labels, graphs = torch.tensor([0, 2, ignored, 1]), []

    def loss(some, of):
        found = functional.cross_entropy(some, of, ignore_index=ignored)
        graphs.append(found.requires_grad)
        return found

    assert fashion.count_of_classified(loss, scores, labels) == 3
    assert graphs == [False, False]  # What is only looked at keeps no graph.


def test_chance_within_a_loss_goes_on_as_if_nobody_had_counted():
    scores, labels = torch.randn(4, 3), torch.tensor([0, 2, -100, 1])
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    lossy = lambda some, of: functional.cross_entropy(functional.dropout(some), of)  # noqa: E731
    assert fashion.count_of_classified(lossy, scores, labels) == 3
    assert torch.equal(torch.rand(1), expected)


def test_a_longer_epoch_shows_each_image_so_many_times_beside_its_own_label():
    images = torch.arange(7, dtype=torch.uint8).view(7, 1, 1).expand(7, 28, 28)
    walk = list(fashion.repeated(images, (torch.arange(7) + 2) % 10, times=3, batch_size=4))
    assert [tuple(x.shape) for x, _ in walk] == [(4, 1, 28, 28)] * 5 + [(1, 1, 28, 28)]
    pixels, labels = (torch.cat(parts) for parts in zip(*walk, strict=True))
    shown = pixels[:, 0, 0, 0].mul(255).round().int().tolist()
    assert sorted(shown) == sorted([*range(7)] * 3) and shown != [*range(7)] * 3
    assert [label - 2 for label in labels.tolist()] == shown


def test_one_by_one_is_what_torchvision_reads_from_its_files(tmp_path):
    idx.write(tmp_path, train=20, test=10)
    theirs = FashionMNIST(tmp_path, transform=ToTensor())
    ours = fashion.OneByOne(theirs.data, theirs.targets)
    assert len(ours) == len(theirs)
    for index in (0, 7, len(theirs) - 1):
        image, label = theirs[index]
        assert torch.equal(ours[index][0], image) and ours[index][1] == label
    assert repr(ours) == "OneByOne(20 images)"


def test_a_download_goes_into_the_folder_that_git_ignores():
    root = Path(__file__).resolve().parents[2]
    assert DATA_FOLDER == root / "data"
    assert "/data/" in (root / ".gitignore").read_text(encoding="utf-8").split()


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("root", "the real FashionMNIST, from the folder that was named"),
        ("environment", "the real FashionMNIST, from the folder in FASHION_MNIST_ROOT"),
        ("download", "the real FashionMNIST, from the project's data folder"),
        ("stand-in", "a drawn stand-in, not FashionMNIST (no network)"),
    ],
)
def test_each_source_is_told_by_its_own_words(kind, words):
    assert str(fashion.Source(kind, "no network")) == f"Garments: {words}"
