"""FashionMNIST: find or download it, verify it, cut it into batches.

`load` looks in three places, in this order: a folder that is named, to it or in the environment
variable ``FASHION_MNIST_ROOT``; the project's own ``data/``, filled through torchvision where there
is a network; the offline stand-in that `standin` draws. The result says which one it was.

FashionMNIST: Xiao, Rasul and Vollgraf, 2017, https://arxiv.org/abs/1708.07747.
"""

import hashlib
import http.client
import os
import shutil
import socket
import tempfile
import textwrap
import threading
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torchvision.datasets import FashionMNIST
from torchvision.datasets.utils import extract_archive
from torchvision.transforms import ToTensor

from helpers.common import require
from helpers.common.sentences import say
from helpers.fashion_mnist_pipeline import standin
from helpers.fashion_mnist_pipeline.standin import SIDE

CLASSES: tuple[str, ...] = tuple(FashionMNIST.classes)
DATA_FOLDER = Path(__file__).resolve().parents[2] / "data"
ROOT_VARIABLE = "FASHION_MNIST_ROOT"

# torchvision knows the sums of the packed files; these are the same four, unpacked.
_UNPACKED_MD5 = {
    "train-images-idx3-ubyte": "f4a8712d7a061bf5bd6d2ca38dc4d50a",
    "train-labels-idx1-ubyte": "9018921c3c673c538a1fc5bad174d6f9",
    "t10k-images-idx3-ubyte": "8181f5470baa50b63fa0f6fddb340f0a",
    "t10k-labels-idx1-ubyte": "15d484375f8d13e6eb1aabb0c3f46965",
}

_MISSING = "missing"

# Two waits follow each other at worst, one to reach the mirror and one for a byte from it.
_SECONDS_TO_REACH_THE_MIRROR = 4.0
_SECONDS_OF_SILENCE = 4.0


@dataclass(frozen=True)
class Source:
    """Where the garments came from; the reason is why the stand-in was drawn."""

    kind: str  # A key of the table below.
    reason: str = ""

    def __str__(self) -> str:
        """Say it in one line."""
        # So short that the line fits a terminal; all of it stands in `reason`.
        reason = textwrap.shorten(self.reason, 33, placeholder="…")
        lines = {
            "root": say("Garments: the real FashionMNIST, from the folder that was named"),
            "environment": say(
                "Garments: the real FashionMNIST, from the folder in {variable}",
                variable=ROOT_VARIABLE,
            ),
            "download": say("Garments: the real FashionMNIST, from the project's data folder"),
            "stand-in": say(
                "Garments: a drawn stand-in, not FashionMNIST ({reason})", reason=reason
            ),
        }
        return lines[self.kind]


@dataclass(frozen=True)
class Garments:
    """FashionMNIST, or its stand-in, as tensors.

    Images have shapes (60000, 28, 28) and (10000, 28, 28), dtype uint8: 0 is background, 255 white.
    Labels have shapes (60000,) and (10000,), dtype int64: indices into `classes`, the ten names.
    """

    train_images: torch.Tensor
    train_labels: torch.Tensor
    test_images: torch.Tensor
    test_labels: torch.Tensor
    source: Source
    classes: tuple[str, ...] = CLASSES


def load(root: str | Path | None = None, *, download: bool = True) -> Garments:
    """Return FashionMNIST, or the drawn stand-in where it cannot be had.

    Parameters
    ----------
    root : path, optional
        The folder above ``FashionMNIST/raw``. Without it the environment variable
        ``FASHION_MNIST_ROOT`` is asked, then the project's own `DATA_FOLDER`.
    download : bool
        Whether to ask the network if `DATA_FOLDER` does not hold the data yet.

    Raises
    ------
    ValueError
        If a file is cut short, altered or not to be read, the folder that is named does not hold
        the four files, or there is no room to unpack them. The line names the file, the MD5 sum it
        should have and the one it has.
    """
    require.truth("download", download)
    # A folder that was named must hold the data: another source in its place would surprise.
    if root is not None:
        require.path("root", root)
        return _read(Path(root).expanduser(), Source("root"))
    if named := os.environ.get(ROOT_VARIABLE):
        return _read(Path(named).expanduser(), Source("environment"))
    reason = "no download was asked for"
    if not _is_complete(DATA_FOLDER) and download:
        reason = _try_download(DATA_FOLDER)
    if _is_complete(DATA_FOLDER):
        return _read(DATA_FOLDER, Source("download"))
    images, labels, test_images, test_labels = standin.draw_parts()
    return Garments(images, labels, test_images, test_labels, Source("stand-in", reason))


class OneByOne(FashionMNIST):
    """torchvision's data set over tensors in memory, as `Batches` takes them, for comparison.

    What it does to an image, it does as torchvision wrote it: one image at a time becomes a
    picture, then, by ``ToTensor``, a tensor.
    """

    def __init__(self, images: torch.Tensor, labels: torch.Tensor):
        # Not the parent's __init__, which looks for files.
        self.data, self.targets = images, labels
        self.transform, self.target_transform = ToTensor(), None

    def __repr__(self) -> str:
        """Return the name and the number of images: the parent's tells of a folder."""
        return f"OneByOne({len(self)} images)"


class Batches:
    """Batches of garments from tensors in memory, in a new order each time they are walked.

    Parameters
    ----------
    images : torch.Tensor
        Shape (n, 28, 28), dtype uint8: kept as they are, a byte a pixel, and scaled to [0, 1] batch
        by batch, as torchvision's ``ToTensor`` does image by image. Or shape (n, …) of a floating
        dtype, features made from images: handed out as they are.
    labels : torch.Tensor
        Shape (n,), dtype int64, in 0–9.
    batch_size : int
        Images in a batch; the last batch holds what is left.
    generator : torch.Generator, optional
        Decides the order, a new one for each walk. Without it the order stays as it is.
    device : torch.device or str
        Where the tensors are kept.

    Yields
    ------
    tuple of torch.Tensor
        Images of shape (batch, 1, 28, 28), float32, or the rows of the features; and labels of
        shape (batch,), int64.
    """

    def __init__(
        self,
        images: torch.Tensor,
        labels: torch.Tensor,
        batch_size: int,
        *,
        generator: torch.Generator | None = None,
        device: torch.device | str = "cpu",
    ):
        _check_images(images)
        check_pair(images, labels)
        # Here, once, and not at each batch: a loss on an accelerator would end the process.
        if (odd := outside(labels, len(CLASSES))) is not None:
            raise ValueError(f"labels hold {odd}: give class numbers from 0 to {len(CLASSES) - 1}")
        require.whole("batch_size", batch_size)
        require.device("device", device)
        give = "torch.Generator().manual_seed(...), or None"
        require.instance("generator", generator, (torch.Generator, type(None)), give)
        self._images, self._labels = images.to(device), labels.to(device)
        self._batch_size = int(batch_size)
        self._generator = generator

    def __len__(self) -> int:
        """Return the number of batches in one walk."""
        return -(-len(self._labels) // self._batch_size)  # Rounds up: // rounds down, minus too.

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Walk over all images once."""
        count, device = len(self._labels), self._labels.device
        if self._generator is None:
            order = torch.arange(count, device=device)
        else:
            # Drawn where the generator is: one seed then means one order on every device.
            chance = self._generator
            order = torch.randperm(count, generator=chance, device=chance.device).to(device)
        for chosen in order.split(self._batch_size):
            yield self._fetch(chosen), self._labels.index_select(0, chosen)

    def _fetch(self, chosen: torch.Tensor) -> torch.Tensor:
        # index_select copies whole rows, where square brackets go pixel by pixel; and the floats
        # are divided where they lie. What a batch touches then fits beside the weights into the
        # memory that a processor has on board.
        images = self._images.index_select(0, chosen)
        return images if images.is_floating_point() else images.unsqueeze(1).float().div_(255)


def repeated(
    images: torch.Tensor, labels: torch.Tensor, times: int, batch_size: int
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield the batches of one epoch in which each image comes so many times, in chance's order.

    It takes and yields what `Batches` does, and keeps no image twice: so an epoch of half a million
    fits into the memory of 50,000.
    """
    batches = Batches(images, labels, batch_size)
    order = torch.randperm(times * len(labels)) % len(labels)
    for chosen in order.split(batch_size):
        yield batches._fetch(chosen), labels.index_select(0, chosen)


def _check_images(images: torch.Tensor) -> None:
    """Ask for pictures as bytes, or for rows of floating features."""
    give = "a uint8 tensor with values 0 to 255, or floating features"
    _check_tensor("images", images, give)
    if images.dtype != torch.uint8 and not images.is_floating_point():
        raise TypeError(f"images are {images.dtype}: give {give}")
    shape = tuple(images.shape)
    if images.dtype == torch.uint8 and shape[1:] != (SIDE, SIDE):
        raise ValueError(f"images have shape {shape}: give (number, {SIDE}, {SIDE})")
    if not shape or not shape[0]:
        raise ValueError(f"images have shape {shape}: give at least one row")


def _check_tensor(name: str, value: object, give: str, *, sparse: bool = False) -> None:
    """Ask for a tensor with numbers in it."""
    if not isinstance(value, torch.Tensor):
        raise TypeError(f"{name} are {type(value).__name__}: give {give}")
    if value.is_meta:
        raise ValueError(f"{name} are on the meta device, without numbers: make them on another")
    if value.is_nested:
        raise ValueError(f"{name} are nested: give torch.nested.to_padded_tensor({name}, 0)")
    if value.is_quantized:
        raise ValueError(f"{name} are quantised: give {name}.dequantize()")
    if value.layout != torch.strided and not sparse:
        raise ValueError(f"{name} are sparse: give {name}.to_dense()")


def check_pair(images: torch.Tensor, labels: torch.Tensor) -> None:
    """Ask for images, and for one class number for each of them."""
    give = "an int64 tensor of class numbers"
    _check_tensor("images", images, "a tensor of images", sparse=True)
    if isinstance(labels, int) or (isinstance(labels, torch.Tensor) and labels.dim() == 0):
        cure = "a DataLoader makes batches of a data set"
        raise TypeError(f"labels are one number beside {tuple(images.shape)}: give batches; {cure}")
    _check_tensor("labels", labels, give)
    if labels.dtype != torch.int64:
        # Probabilities, and numbers to predict, would lose by long() what they say.
        real = labels.dim() == 1 and not labels.is_complex()
        whole = real and labels.equal(labels.long().to(labels.dtype))
        cure = "labels.long()" if whole else "for targets of another kind write the loop out"
        raise TypeError(f"labels are {labels.dtype}: give {give}, {cure}")
    if labels.dim() != 1 or labels.shape != images.shape[:1]:
        raise ValueError(
            f"labels have shape {tuple(labels.shape)} beside images of shape "
            f"{tuple(images.shape)}: give one label for each image"
        )
    if not len(labels):
        raise ValueError("a batch holds no images: leave empty batches out")


def outside(labels: torch.Tensor, classes: int) -> int | None:
    """Return a label that is none of the classes, if there is one."""
    lowest, highest = (int(label) for label in labels.aminmax())
    return lowest if lowest < 0 else highest if highest >= classes else None


@torch.no_grad()
def count_of_classified(loss_function: Callable, scores: torch.Tensor, labels: torch.Tensor) -> int:
    """Return how many labels are classes; ValueError if the loss does not ignore another one.

    It does if the scores of such an image make no difference.
    """
    classes = scores.shape[1]
    if (label := outside(labels, classes)) is None:
        return len(labels)
    is_class = (labels >= 0) & (labels < classes)
    turned = torch.where(is_class[:, None], scores, -scores)
    losses = []
    for some in (scores, turned):
        with torch.random.fork_rng(devices=[]):  # A loss may draw numbers: the same for both.
            losses.append(loss_function(some, labels))
    if not torch.equal(*losses) and all(loss.isfinite() for loss in losses):
        cure = "give one score for each class, or write the loop out"
        raise ValueError(
            f"labels hold {label} beside {classes} scores, and the loss learns from it: {cure}"
        )
    return int(is_class.sum())


def _files_in(root: Path) -> list[tuple[Path, str]]:
    """Return each of the four files and its MD5: packed, unless it is there unpacked alone."""
    raw, files = root / "FashionMNIST" / "raw", []
    for name, md5 in FashionMNIST.resources:
        packed, unpacked = raw / name, raw / Path(name).stem
        # Not Path.exists, which fails where a folder may not be looked into.
        alone = os.path.exists(unpacked) and not os.path.exists(packed)
        files.append((unpacked, _UNPACKED_MD5[unpacked.name]) if alone else (packed, md5))
    return files


def _is_complete(root: Path) -> bool:
    return all(os.path.exists(file) for file, _ in _files_in(root))


def amiss_in(root: Path) -> str:
    """Say which file below a folder is missing or damaged, and change nothing; empty if none is."""
    for file, expected in _files_in(root):
        if (amiss := _amiss(file, expected)) == _MISSING:
            return f"FashionMNIST/raw/{file.name} is missing"
        if amiss:
            return f"{file.name} is damaged: {amiss}"
    return ""


def _amiss(file: Path, expected: str) -> str:
    """Say what a file holds in place of the official one; empty if it is that one."""
    try:
        content = file.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return _MISSING
    except OSError as error:
        return f"it cannot be read ({_reason(error)})"
    # It guards against slips, not against attacks; some systems forbid it for the latter.
    found = hashlib.md5(content, usedforsecurity=False).hexdigest()
    # Behind a sign-in, as in hotels, whatever is asked for comes back as a page.
    page = content[:256].lstrip().lower().startswith((b"<!doctype", b"<html", b"<?xml", b"<head"))
    size = f"{len(content)} bytes{', a web page and not the data' if page else ''}"
    return "" if found == expected else f"expected MD5 {expected}, found {found} ({size})"


def _read(root: Path, source: Source) -> Garments:
    """Verify the files and read copies with torchvision's own class; the folder stays as it was."""
    for file, expected in (files := _files_in(root)):
        if amiss := _amiss(file, expected):
            lacks = amiss == _MISSING and _missing(root, file, source)
            raise ValueError(lacks or _damaged(file, amiss, expected, source))
    try:
        with tempfile.TemporaryDirectory() as scratch:
            raw = Path(scratch) / "FashionMNIST" / "raw"
            raw.mkdir(parents=True)
            for file, _ in files:
                (extract_archive if file.suffix == ".gz" else shutil.copy)(file, raw)
            train, test = FashionMNIST(scratch, train=True), FashionMNIST(scratch, train=False)
    except OSError as error:
        cure = "make room, or name another folder for temporary files in TMPDIR"
        raise ValueError(f"the data cannot be unpacked ({_reason(error)}): {cure}") from error
    return Garments(train.data, train.targets, test.data, test.targets, source)


def _missing(root: Path, file: Path, source: Source) -> str:
    lack = f"holds no FashionMNIST/raw/{file.name}"
    if source.kind == "download":  # It was there a moment ago: another process set it aside.
        return f"the folder {str(root)!r} {lack}: run again to download it"
    if source.kind == "root":
        return f"root is {str(root)!r}, which {lack}: give the folder above FashionMNIST"
    cure = "point it at the folder above FashionMNIST, or unset it"
    return f"{ROOT_VARIABLE} is {str(root)!r}, which {lack}: {cure}"


def _damaged(file: Path, amiss: str, expected: str, source: Source) -> str:
    """Say what is wrong with a file, and set it aside if it is one that we have downloaded."""
    what = f"{file.name} is damaged: {amiss}"
    if source.kind != "download":
        return f"{what}; put the official file back into {str(file.parent)!r}"
    # Set aside, not deleted: the next start downloads afresh and nothing of the user's is lost.
    aside = file.with_name(f"{file.name}.damaged")
    try:
        file.replace(aside)
        if not _amiss(aside, expected):  # Another process had just put the good file there.
            aside.replace(file)
    except FileNotFoundError:
        pass  # Another process found the same damage first.
    except OSError:
        return f"{what}; it cannot be set aside, so remove it and run again"
    return f"{what}; it is set aside as {aside.name}, so run again to download it"


def _try_download(folder: Path) -> str:
    """Fill `folder` through torchvision; return why that could not be, or an empty string."""
    if silence := mirror_is_silent():
        return silence
    try:
        folder.mkdir(parents=True, exist_ok=True)
        scratch = tempfile.TemporaryDirectory(prefix=".download-", dir=folder)
    except OSError as error:
        return f"{folder.name} cannot be written: {_reason(error)}"
    no_limit = socket.getdefaulttimeout()
    with scratch:
        try:
            socket.setdefaulttimeout(_SECONDS_OF_SILENCE)  # torchvision waits for ever.
            FashionMNIST(scratch.name, download=True)
        except (OSError, EOFError, http.client.HTTPException, RuntimeError) as error:
            _complain_of_damage(Path(scratch.name), error)
            return f"the download broke off: {_reason(error)}"
        finally:
            socket.setdefaulttimeout(no_limit)
        # Whole, verified files are moved into place: two processes that start at once can only
        # replace a file by the same file.
        for packed, expected in _files_in(Path(scratch.name)):
            target = folder / packed.relative_to(scratch.name)
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                os.replace(packed, target)
            except OSError as error:
                # Windows replaces no file that is being read, and need not: it is the same.
                if _amiss(target, expected):
                    return f"{target.name} cannot be written: {_reason(error)}"
    return ""


def _reason(error: Exception) -> str:
    """Return what went wrong, as the system says it, without a number or a file."""
    error = getattr(error, "reason", error)  # What failed on the way to an address.
    said = getattr(error, "strerror", None) or str(error)
    return " ".join(said.split()) or type(error).__name__


def _complain_of_damage(scratch: Path, error: Exception) -> None:
    """Raise an error if a file arrived whole, as the server sees it, but with the wrong sum."""
    # After a silence or a reset a file is only half there, and nobody is to blame; torchvision says
    # by a RuntimeError that it is something else.
    for file, expected in _files_in(scratch) if isinstance(error, RuntimeError) else ():
        if file.exists() and (amiss := _amiss(file, expected)):
            raise ValueError(
                f"{file.name} arrived damaged: {amiss}; check that your network wants no sign-in "
                "and run again, or use fashion.load(download=False)"
            ) from error


def mirror_is_silent() -> str:
    """Say why the mirror cannot be reached; empty if it answers. Takes four seconds at most."""
    outcome = ["no answer from the network"]

    def ask() -> None:
        address = FashionMNIST.mirrors[0] + FashionMNIST.resources[0][0]
        request = urllib.request.Request(address, method="HEAD")
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS_TO_REACH_THE_MIRROR):
                outcome[0] = ""
        except (OSError, ValueError, http.client.HTTPException) as error:
            outcome[0] = f"no network: {_reason(error)}"

    # In a thread of its own, because looking up a name has no time limit that we could set.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(_SECONDS_TO_REACH_THE_MIRROR)
    return outcome[0]
