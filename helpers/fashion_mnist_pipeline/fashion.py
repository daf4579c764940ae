"""FashionMNIST: find or download it, verify it, cut it into batches.

`load` looks in three places, in this order: the folder named by the environment variable
``FASHION_MNIST_ROOT``; the project's own ``data/``, filled through torchvision where there is a
network; the offline stand-in that `helpers.standin` draws. The result says which one it was.

FashionMNIST: Xiao, Rasul and Vollgraf, 2017, https://arxiv.org/abs/1708.07747.
"""

import gzip
import http.client
import os
import shutil
import socket
import tempfile
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torchvision.datasets import FashionMNIST
from torchvision.datasets.utils import calculate_md5
from torchvision.transforms import ToTensor

from helpers.common import require
from helpers.fashion_mnist_pipeline import standin

CLASSES: tuple[str, ...] = tuple(FashionMNIST.classes)
DATA_FOLDER = Path(__file__).resolve().parents[1] / "data"
ROOT_VARIABLE = "FASHION_MNIST_ROOT"

# torchvision knows the sums of the packed files; these are the same four, unpacked.
_UNPACKED_MD5 = {
    "train-images-idx3-ubyte": "f4a8712d7a061bf5bd6d2ca38dc4d50a",
    "train-labels-idx1-ubyte": "9018921c3c673c538a1fc5bad174d6f9",
    "t10k-images-idx3-ubyte": "8181f5470baa50b63fa0f6fddb340f0a",
    "t10k-labels-idx1-ubyte": "15d484375f8d13e6eb1aabb0c3f46965",
}

# Two waits follow each other at worst, one to reach the mirror and one for a byte from it.
_SECONDS_TO_REACH_THE_MIRROR = 4.0
_SECONDS_OF_SILENCE = 4.0


@dataclass(frozen=True)
class Source:
    """Where the garments came from.

    Attributes
    ----------
    kind : str
        ``"environment"``, ``"download"`` or ``"stand-in"``.
    reason : str
        Why the stand-in was drawn; empty for the real data.
    """

    kind: str
    reason: str = ""

    def __post_init__(self) -> None:
        """Look at what is given."""
        require.choice("kind", self.kind, ("environment", "download", "stand-in"))
        require.instance("reason", self.reason, str, "a text")

    def __str__(self) -> str:
        """Say it in one line."""
        where = {
            "environment": f"the real FashionMNIST, from the folder in {ROOT_VARIABLE}",
            "download": "the real FashionMNIST, from the project's data folder",
            "stand-in": f"a drawn stand-in, not FashionMNIST ({self.reason})",
        }
        return f"Garments: {where[self.kind]}"


@dataclass(frozen=True)
class Garments:
    """FashionMNIST, or its stand-in, as tensors.

    Attributes
    ----------
    train_images, test_images : torch.Tensor
        Shapes (60000, 28, 28) and (10000, 28, 28), dtype uint8: 0 is background, 255 white.
    train_labels, test_labels : torch.Tensor
        Shapes (60000,) and (10000,), dtype int64: indices into `classes`.
    source : Source
        Which of the three places it came from.
    classes : tuple of str
        The names of the ten classes.
    """

    train_images: torch.Tensor
    train_labels: torch.Tensor
    test_images: torch.Tensor
    test_labels: torch.Tensor
    source: Source
    classes: tuple[str, ...] = CLASSES


def load(*, folder: Path = DATA_FOLDER, download: bool = True, seed: int = 0) -> Garments:
    """Return FashionMNIST, or the drawn stand-in where it cannot be had.

    Parameters
    ----------
    folder : pathlib.Path
        Where a download is kept, in torchvision's layout. Not used if the environment variable
        ``FASHION_MNIST_ROOT`` names a folder.
    download : bool
        Whether to ask the network if `folder` does not hold the data yet.
    seed : int
        For the stand-in: the same seed draws the same garments.

    Returns
    -------
    Garments
        The tensors, and where they came from.

    Raises
    ------
    ValueError
        If a file is cut short or altered, or ``FASHION_MNIST_ROOT`` names a folder without the
        four files. The line names the file, the MD5 sum it should have and the one it has.
    """
    require.path("folder", folder)
    require.truth("download", download)
    require.whole("seed", seed, least=0, most=2**62)
    if root := os.environ.get(ROOT_VARIABLE):
        return _read_verified(Path(root), Source("environment"))
    folder = Path(folder)
    reason = "no download was asked for"
    if not _is_complete(folder) and download:
        reason = _try_download(folder)
    if _is_complete(folder):
        return _read_verified(folder, Source("download"))
    with tempfile.TemporaryDirectory() as scratch:
        standin.write(Path(scratch), seed=seed)
        return _read_idx_files(Path(scratch), Source("stand-in", reason))


class OneByOne(FashionMNIST):
    """torchvision's data set over tensors that are in memory already.

    What it does to an image, it does as torchvision wrote it: one image at a time becomes a
    picture, then, by ``ToTensor``, a tensor. It is there to be compared with.

    Parameters
    ----------
    images : torch.Tensor
        Shape (n, 28, 28), dtype uint8.
    labels : torch.Tensor
        Shape (n,), dtype int64.
    """

    def __init__(self, images: torch.Tensor, labels: torch.Tensor):
        require.tensor("images", images, ("n", standin.SIDE, standin.SIDE), dtypes=[torch.uint8])
        _check_labels(labels, len(images))
        # Not the parent's __init__, which looks for files.
        self.data, self.targets = images, labels
        self.transform, self.target_transform = ToTensor(), None


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

    Raises
    ------
    TypeError
        If images or labels are not tensors of those dtypes, the batch size is not a whole number,
        or `generator` is not a generator.
    ValueError
        If shapes, labels or the batch size do not fit, there are no images, or no such device.
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
        _check_labels(labels, len(images))
        require.whole("batch_size", batch_size)
        require.device("device", device)
        if generator is not None and not isinstance(generator, torch.Generator):
            raise TypeError(
                f"generator is {require.shown(generator)}: give torch.Generator().manual_seed(...), "
                "or None"
            )
        self._images = images.to(device)
        self._labels = labels.to(device)
        self._batch_size = int(batch_size)
        self._generator = generator

    def __len__(self) -> int:
        """Return the number of batches in one walk."""
        return -(-len(self._labels) // self._batch_size)

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Walk over all images once."""
        count, device = len(self._labels), self._labels.device
        if self._generator is None:
            order = torch.arange(count, device=device)
        else:
            order = torch.randperm(
                count, generator=self._generator, device=self._generator.device
            ).to(device)
        for chosen in order.split(self._batch_size):
            yield self._fetch(chosen), self._labels.index_select(0, chosen)

    def _fetch(self, chosen: torch.Tensor) -> torch.Tensor:
        # index_select copies whole rows, where square brackets go pixel by pixel; and the floats
        # are divided where they lie. What a batch touches then fits beside the weights into the
        # memory that a processor has on board.
        images = self._images.index_select(0, chosen)
        return images if images.is_floating_point() else images.unsqueeze(1).float().div_(255)


def _check_images(images: torch.Tensor) -> None:
    is_tensor = isinstance(images, torch.Tensor)
    if is_tensor and images.is_floating_point():
        if not images.dim() or not len(images):
            raise ValueError(f"images have shape {tuple(images.shape)}: give at least one row")
        return
    if not is_tensor or images.dtype != torch.uint8:
        found = getattr(images, "dtype", type(images).__name__)
        raise TypeError(
            f"images are {found}: give a uint8 tensor with values 0 to 255, or floating features"
        )
    if images.dim() != 3 or images.shape[1:] != (standin.SIDE, standin.SIDE):
        raise ValueError(f"images have shape {tuple(images.shape)}: give (number, 28, 28)")
    if not len(images):
        raise ValueError("images has shape (0, 28, 28), so there is no batch: give at least one")


def _check_labels(labels: torch.Tensor, count: int) -> None:
    if not isinstance(labels, torch.Tensor) or labels.dtype != torch.int64:
        found = getattr(labels, "dtype", type(labels).__name__)
        raise TypeError(f"labels are {found}: give an int64 tensor of class numbers, labels.long()")
    if labels.shape != (count,):
        raise ValueError(
            f"labels have shape {tuple(labels.shape)} beside {count} images: give ({count},)"
        )
    lowest, highest = int(labels.min()), int(labels.max())
    if lowest < 0 or highest >= len(CLASSES):
        outside = lowest if lowest < 0 else highest
        raise ValueError(f"labels hold {outside}: give class numbers from 0 to {len(CLASSES) - 1}")


def _packed_and_unpacked(root: Path) -> list[tuple[Path, str, Path, str]]:
    """For each of the four files: packed, its MD5, unpacked, its MD5."""
    raw = root / "FashionMNIST" / "raw"
    return [
        (raw / name, md5, raw / Path(name).stem, _UNPACKED_MD5[Path(name).stem])
        for name, md5 in FashionMNIST.resources
    ]


def _is_complete(root: Path) -> bool:
    return all(
        packed.exists() or unpacked.exists()
        for packed, _, unpacked, _ in _packed_and_unpacked(root)
    )


def amiss_in(root: Path) -> str:
    """Say what a start would find amiss in a folder, and change nothing there.

    Parameters
    ----------
    root : pathlib.Path
        The folder above ``FashionMNIST/raw``.

    Returns
    -------
    str
        The first file that is missing or damaged; empty if all four are the official ones.
    """
    require.path("root", root)
    root = Path(root)
    for packed, packed_md5, unpacked, unpacked_md5 in _packed_and_unpacked(root):
        file, expected = (packed, packed_md5) if packed.exists() else (unpacked, unpacked_md5)
        if not file.exists():
            return f"FashionMNIST/raw/{packed.name} is missing"
        if (found := calculate_md5(file)) != expected:
            return f"{file.name} is damaged: expected MD5 {expected}, found {found}"
    return ""


def _read_verified(root: Path, source: Source) -> Garments:
    """Check every sum, unpack into a scratch folder and read with torchvision's own class."""
    with tempfile.TemporaryDirectory() as scratch:
        raw = Path(scratch) / "FashionMNIST" / "raw"
        raw.mkdir(parents=True)
        for packed, packed_md5, unpacked, unpacked_md5 in _packed_and_unpacked(root):
            if packed.exists():
                _verify(packed, packed_md5, source)
                with gzip.open(packed) as archive, open(raw / unpacked.name, "wb") as file:
                    shutil.copyfileobj(archive, file)
            elif unpacked.exists():
                _verify(unpacked, unpacked_md5, source)
                shutil.copyfile(unpacked, raw / unpacked.name)
            else:
                where = f"{ROOT_VARIABLE} is {str(root)!r}, which"
                cure = "point it at the folder above FashionMNIST, or unset it"
                if source.kind == "download":
                    where, cure = f"the folder {str(root)!r}", "run again to download it"
                raise ValueError(f"{where} holds no FashionMNIST/raw/{packed.name}: {cure}")
        return _read_idx_files(Path(scratch), source)


def _verify(file: Path, expected: str, source: Source) -> None:
    found = calculate_md5(file)
    if found == expected:
        return
    what = f"{file.name} is damaged: expected MD5 {expected}, found {found}{_looks_like(file)}"
    if source.kind == "environment":
        raise ValueError(f"{what}; put the official file back into {str(file.parent)!r}")
    # Set aside, not deleted: the next start downloads afresh and nothing of the user's is lost.
    aside = file.with_name(f"{file.name}.damaged")
    try:
        file.replace(aside)
        if calculate_md5(aside) == expected:
            # Another process had just put the good file there.
            aside.replace(file)
    except FileNotFoundError:
        pass  # Another process found the same damage first.
    except OSError:
        raise ValueError(f"{what}; it cannot be set aside, so remove it and run again") from None
    raise ValueError(f"{what}; it is set aside as {aside.name}, so run again to download it")


def _looks_like(file: Path) -> str:
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return ""  # Another process has set it aside since.
    page = content[:256].lstrip().lower().startswith((b"<!doctype", b"<html", b"<?xml", b"<head"))
    return f" ({len(content)} bytes{', a web page and not the data' if page else ''})"


def _read_idx_files(root: Path, source: Source) -> Garments:
    train, test = FashionMNIST(root, train=True), FashionMNIST(root, train=False)
    return Garments(train.data, train.targets, test.data, test.targets, source)


def _try_download(folder: Path) -> str:
    """Fill `folder` through torchvision; return why that could not be, or an empty string."""
    if silence := mirror_is_silent():
        return silence
    try:
        folder.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=".download-", dir=folder))
    except OSError as error:
        return f"{folder.name} cannot be written: {error.strerror}"
    # Each process downloads into a folder of its own and moves whole, verified files into place:
    # two that start at once can only replace a file by the same file.
    try:
        with _network_silence_limited_to(_SECONDS_OF_SILENCE):
            FashionMNIST(scratch, download=True)
    except (OSError, EOFError, http.client.HTTPException, RuntimeError) as error:
        for packed, expected, _, _ in _packed_and_unpacked(scratch):
            damaged = packed.exists() and calculate_md5(packed) != expected
            # After a silence or a reset the file is only half there, and nobody is to blame. A
            # RuntimeError is torchvision's word that it arrived whole, as the server sees it, but
            # with the wrong sum.
            if damaged and isinstance(error, RuntimeError):
                raise ValueError(
                    f"{packed.name} arrived damaged: expected MD5 {expected}, found "
                    f"{calculate_md5(packed)}{_looks_like(packed)}; check that your network wants "
                    "no sign-in and run again, or use fashion.load(download=False)"
                ) from error
        return f"the download broke off: {' '.join(str(error).split()) or type(error).__name__}"
    else:
        for packed, _, _, _ in _packed_and_unpacked(scratch):
            target = folder / packed.relative_to(scratch)
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(packed, target)
        return ""
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def mirror_is_silent() -> str:
    """Ask the mirror for no more than an answer.

    Returns
    -------
    str
        Why it cannot be reached, or an empty string if it answers. Takes eight seconds at most.
    """
    outcome = ["no answer from the network"]

    def ask() -> None:
        address = FashionMNIST.mirrors[0] + FashionMNIST.resources[0][0]
        request = urllib.request.Request(address, method="HEAD")
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS_TO_REACH_THE_MIRROR):
                outcome[0] = ""
        except (OSError, ValueError, http.client.HTTPException) as error:
            outcome[0] = f"no network: {getattr(error, 'reason', error)}"

    # In a thread of its own, because looking up a name has no time limit that we could set.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(_SECONDS_TO_REACH_THE_MIRROR)
    return outcome[0]


@contextmanager
def _network_silence_limited_to(seconds: float) -> Iterator[None]:
    """Give up on a connection that says nothing for so long: torchvision sets no limit."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
