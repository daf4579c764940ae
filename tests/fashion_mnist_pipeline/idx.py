"""Drawn garments in FashionMNIST's own file format, for tests: what `fashion.load` has to read.

The IDX format is described at http://yann.lecun.com/exdb/mnist/.
"""

from pathlib import Path

from helpers.fashion_mnist_pipeline import standin

NAMES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


def write(root, *, train: int, test: int, seed: int = 0) -> Path:
    """Draw a whole data set, and write it as torchvision lays FashionMNIST out below `root`."""
    raw = Path(root) / "FashionMNIST" / "raw"
    raw.mkdir(parents=True, exist_ok=True)
    for name, part in zip(
        NAMES, standin.draw_parts(seed=seed, train=train, test=test), strict=True
    ):
        entries = part.byte()
        header = bytes([0, 0, 8, entries.dim()])  # 8: unsigned bytes
        sizes = b"".join(size.to_bytes(4, "big") for size in entries.shape)
        (raw / name).write_bytes(header + sizes + entries.numpy().tobytes())
    return raw
