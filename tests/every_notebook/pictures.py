"""A plugin for nbval: the figures that a run draws must be the stored ones.

nbval compares text, and leaves every picture out. Here both pictures of each output are decoded
and compared by their pixels, in the run that nbval makes anyway. A picture may differ as another
palette or another smoothing of edges makes it differ, and no more.
"""

import base64
import functools
import io
import math
import os
import re
import shutil
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import PIL.Image
from nbval.plugin import IPyNbCell

from every_notebook.series import ROOT, SHOWN, WINGS, exceptions

# Of 255, over the whole picture: what smoothing and palettes may change.
MOST_DIFFERENCE = 5.0
# Of 255, of the mean of any tile: what may change in one place. Smoothing moves ink by a fraction
# of a pixel and leaves such a mean nearly alone; a marker that moves empties one tile.
MOST_DIFFERENCE_OF_A_TILE = 24.0
TILE = 8

# Pictures that are other ones in each run: (notebook, cell id) and the reason. Nothing else may
# be. They must be there, as many and as large as stored.
WOBBLING_PICTURES = exceptions("WOBBLING_PICTURES")

# Where the pictures of a failure are left; git ignores it.
FOLDER = ROOT / ".differences"

_DATA_URI = re.compile(r"data:image/(?:png|jpeg);base64,([A-Za-z0-9+/=]+)")
_REAL = re.compile(r"^Garments: .*(the real|真实)", flags=re.MULTILINE)


def pictures(outputs: Iterable[dict]) -> list[bytes]:
    """Return the bytes of each picture in a cell's outputs, in order.

    A figure is shown twice, as it is and within its HTML, which alone is stored: so where there is
    HTML, that counts.
    """
    found = []
    for output in outputs:
        data = output.get("data", {})
        encoded = [data[kind] for kind in ("image/png", "image/jpeg") if kind in data]
        if page := data.get("text/html"):
            encoded = _DATA_URI.findall(page)
        found += map(base64.b64decode, encoded)
    return found


def shown_in_readme(path: Path, cells: Iterable[dict]) -> tuple[Path, bytes] | None:
    """Return README's picture of a notebook of the series: its file, and what the file should hold.

    The bytes are those stored in the cells. Of an edition in another language README shows nothing.
    """
    own = path.resolve().parent == ROOT / "notebooks"
    shown = [SHOWN[wing] for wing, notebook in WINGS.items() if own and notebook == path.stem]
    for cell, number in shown:
        (outputs,) = [each["outputs"] for each in cells if each["id"] == cell]
        page = "".join(output.get("data", {}).get("text/html", "") for output in outputs)
        kind, picture = re.findall(r"data:image/(png|svg)[+\w]*;base64,([\w+/=]+)", page)[number]
        return path.parent / "pictures" / f"{path.stem}.{kind}", base64.b64decode(picture)
    return None


def pixels(picture: bytes) -> np.ndarray:
    """Return a picture's pixels, shape (height, width, 3), float64, 0 to 255."""
    with PIL.Image.open(io.BytesIO(picture)) as image:
        return np.asarray(image.convert("RGB"), dtype=np.float64)


def disagreement(stored: bytes, fresh: bytes, *, only_size: bool = False) -> str:
    """Return in words how two pictures differ beyond what is allowed; empty if they agree."""
    one, other = pixels(stored), pixels(fresh)
    if one.shape != other.shape:
        sizes = [f"{width} × {height} pixels" for height, width, _ in (one.shape, other.shape)]
        return f"stored {sizes[0]}, drawn {sizes[1]}"
    if only_size or stored == fresh:
        return ""
    difference = one - other
    whole = math.sqrt((difference**2).mean())
    tile = _greatest_mean_of_a_tile(difference)
    if whole <= MOST_DIFFERENCE and tile <= MOST_DIFFERENCE_OF_A_TILE:
        return ""
    return (
        f"differs by {whole:.1f} of 255 (allowed: {MOST_DIFFERENCE:g}), "
        f"and in one place by {tile:.1f} (allowed: {MOST_DIFFERENCE_OF_A_TILE:g})"
    )


def _greatest_mean_of_a_tile(difference: np.ndarray) -> float:
    height, width, _ = difference.shape
    to_whole_tiles = ((0, -height % TILE), (0, -width % TILE), (0, 0))
    padded = np.pad(difference, to_whole_tiles, mode="edge")
    tiles = padded.reshape(len(padded) // TILE, TILE, -1, TILE, 3)
    return float(np.abs(tiles.mean(axis=(1, 3))).max())


def leave_side_by_side(name: str, stored: bytes, fresh: bytes) -> Path:
    """Write expected, actual and, where the sizes allow, difference; return their folder."""
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{name}-expected.png").write_bytes(stored)
    (FOLDER / f"{name}-actual.png").write_bytes(fresh)
    one, other = pixels(stored), pixels(fresh)
    if one.shape == other.shape:
        # Darker is more different, and what is the same is white.
        difference = (255 - np.abs(one - other)).astype(np.uint8)
        PIL.Image.fromarray(difference).save(FOLDER / f"{name}-difference.png")
    return FOLDER


def complaints(
    notebook: str, cell: str, fresh: Iterable[dict], stored: Iterable[dict], *, other_data=False
) -> list[str]:
    """Return what is wrong with the pictures that a cell has drawn, and leave them as files."""
    before, after = pictures(stored), pictures(fresh)
    if len(before) != len(after):
        return [f"{len(before)} pictures are stored, {len(after)} were drawn"]
    only_size = other_data or (notebook, cell) in WOBBLING_PICTURES
    found = []
    for number, (one, other) in enumerate(zip(before, after, strict=True), start=1):
        if words := disagreement(one, other, only_size=only_size):
            name = f"{notebook}-{cell}-{number}"
            folder = leave_side_by_side(name, one, other)
            found.append(f"picture {number} {words}; look at {name}-*.png in {folder}")
    return found


def runs_on_other_data(fresh: Iterable[dict], stored: Iterable[dict]) -> bool:
    """Whether the notebook was stored with the real garments and now runs on drawn ones.

    Then it draws other pictures, and rightly so. Where a folder of the real ones is named, there
    is no such excuse.
    """
    if os.environ.get("FASHION_MNIST_ROOT"):
        return False
    texts = ("".join(output.get("text", "") for output in outputs) for outputs in (stored, fresh))
    was_real, is_real = (_REAL.search(text) for text in texts)
    return bool(was_real and not is_real)


@functools.cache  # Once is enough, whoever asks for it.
def compare_pictures_too() -> None:
    """Make nbval's comparison of a cell's outputs include the pictures."""
    compare_text = IPyNbCell.compare_outputs

    def compare_outputs(self, test, ref, skip_compare=None):
        agrees = compare_text(self, test, ref, skip_compare)
        # Once a cell of the notebook has told where the garments are from, it holds for the rest.
        notebook = self.parent
        other_data = getattr(notebook, "other_data", False) or runs_on_other_data(test, ref)
        notebook.other_data = other_data
        found = complaints(notebook.path.stem, self.cell.id, test, ref, other_data=other_data)
        self.comparison_traceback += found
        return agrees and not found

    IPyNbCell.compare_outputs = compare_outputs
    # What is left of an earlier run would mislead.
    shutil.rmtree(FOLDER, ignore_errors=True)
