"""A figure that shows something else is caught, and one that is drawn a little otherwise is not."""

import base64
import io
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import PIL.Image
import PIL.ImageFilter
import pytest

from every_notebook import pictures as notebook_pictures
from every_notebook.series import NOTEBOOKS
from helpers.common.picture import Figure, styled

TESTS = Path(__file__).resolve().parent


@styled
def curves(*, moved: float = 0.0, marker: float = 0.0, width: float = 1.8) -> Figure:
    """Five curves, of which one may be moved, and ten markers, of which one may be."""
    figure = Figure(figsize=(7, 3.8), alt="Five waves, each a little behind the one before it.")
    axes = figure.add_subplot(xlim=(0, 10), ylim=(-2, 2))
    x = np.linspace(0, 10, 200)
    for number in range(5):
        shift = moved if number == 2 else 0.0
        axes.plot(x, np.sin(x + number) + shift, label=f"wave {number}", linewidth=width)
    heights = np.linspace(-1, 1, 10)
    heights[4] += marker
    axes.plot(np.linspace(0, 10, 10), heights, "o", color="black")
    axes.set(title="Waves follow each other", xlabel="time in s", ylabel="height in m")
    axes.legend(loc="upper right")
    return figure


def stored(figure: Figure) -> bytes:
    return base64.b64decode(figure._repr_mimebundle_()["image/png"])


def as_png(image: PIL.Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    return buffer.getvalue()


def opened(picture: bytes) -> PIL.Image.Image:
    return PIL.Image.open(io.BytesIO(picture)).convert("RGB")


def softened(picture: bytes) -> bytes:
    """Edges smoothed more than they were: another anti-aliasing, in every line and letter."""
    return as_png(opened(picture).filter(PIL.ImageFilter.GaussianBlur(0.4)))


def in_another_palette(picture: bytes) -> bytes:
    return as_png(opened(picture).quantize(200, dither=PIL.Image.Dither.NONE))


def without_a_palette(picture: bytes) -> bytes:
    return curves().png()


@pytest.mark.parametrize("change", [softened, in_another_palette, without_a_palette])
def test_another_smoothing_or_palette_passes(change):
    before = stored(curves())
    after = change(before)
    assert after != before
    assert notebook_pictures.disagreement(before, after) == ""


@pytest.mark.parametrize(
    "change",
    [{"moved": 0.03}, {"moved": 0.2}, {"moved": -1.0}, {"marker": 0.1}, {"width": 3.0}],
    ids=str,
)
def test_a_changed_curve_is_caught(change):
    assert "differs by" in notebook_pictures.disagreement(
        stored(curves()), stored(curves(**change))
    )


def test_a_lost_marker_is_caught_though_the_whole_hardly_changes():
    whole, without = stored(curves()), stored(curves(marker=9.0))
    difference = notebook_pictures.pixels(whole) - notebook_pictures.pixels(without)
    assert np.sqrt((difference**2).mean()) < notebook_pictures.MOST_DIFFERENCE
    assert "in one place" in notebook_pictures.disagreement(whole, without)


def test_another_size_is_caught_even_where_the_picture_may_wobble():
    small, large = curves().png(40), curves().png(50)
    words = "stored 280 × 152 pixels, drawn 350 × 190 pixels"
    assert notebook_pictures.disagreement(small, large) == words
    assert notebook_pictures.disagreement(small, large, only_size=True) == words


def test_every_wobbling_picture_exists_and_says_why():
    """A place that is gone, or shows no picture any more, must leave the list."""
    read = {path.stem: nbformat.read(path, as_version=4) for path in NOTEBOOKS}
    shown = {
        (name, cell.id)
        for name, notebook in read.items()
        for cell in notebook.cells
        if cell.cell_type == "code" and notebook_pictures.pictures(cell.outputs)
    }
    assert set(notebook_pictures.WOBBLING_PICTURES) <= shown
    assert all(reason.strip() for reason in notebook_pictures.WOBBLING_PICTURES.values())
    # Most figures are the same on every machine, and the list must not become a habit.
    assert len(notebook_pictures.WOBBLING_PICTURES) < len(shown) / 2


def notebook_with(figure: Figure, *, source: str, first_line: str = "") -> nbformat.NotebookNode:
    """A notebook whose only cell has run, printed a line and shown a figure."""
    cell = nbformat.v4.new_code_cell(source, execution_count=1, id="draw")
    if first_line:
        cell.outputs.append(nbformat.v4.new_output("stream", name="stdout", text=first_line))
    data = figure._repr_mimebundle_()
    cell.outputs.append(nbformat.v4.new_output("execute_result", data=data, execution_count=1))
    return nbformat.v4.new_notebook(cells=[cell])


SOURCE = (
    f"import sys\nsys.path.insert(0, {str(TESTS.parent)!r})\n"
    "from every_notebook.test_pictures import curves\ncurves()"
)
SANITISED = [
    "[Figures]",
    "regex: data:image/png;base64,[A-Za-z0-9+/=]+",
    "replace: data:image/png",
    "",
    "[Data]",
    "regex: Garments: .*",
    "replace: Garments: SOURCE",
    "",
]


def run_nbval(folder: Path, notebook: nbformat.NotebookNode, **environment: str):
    """nbval as the notebooks' conftest sets it up, in a folder of its own."""
    nbformat.write(notebook, folder / "small.ipynb")
    (folder / "sanitize.cfg").write_text("\n".join(SANITISED))
    (folder / "conftest.py").write_text(
        "import sys\n"
        f"sys.path.insert(0, {str(TESTS.parent)!r})\n"
        "from pathlib import Path\n"
        "from every_notebook import pictures as notebook_pictures\n"
        "def pytest_configure(config):\n"
        f"    notebook_pictures.FOLDER = Path({str(folder)!r}) / 'differences'\n"
        f"    config.option.nbval_sanitize_with = {str(folder / 'sanitize.cfg')!r}\n"
        "    notebook_pictures.compare_pictures_too()\n"
    )
    (folder / "pytest.ini").write_text("[pytest]\n")
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", "pytest.ini"]
        + ["--nbval", "--nbval-current-env", "small.ipynb"],
        cwd=folder,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=300,
        env={**os.environ, "PYTHONIOENCODING": "utf-8", **environment},
    )


@pytest.mark.proof
def test_nbval_fails_on_a_changed_curve_and_leaves_three_pictures(tmp_path):
    drawn_otherwise = notebook_with(curves(moved=0.1), source=SOURCE)
    run = run_nbval(tmp_path, drawn_otherwise)
    assert run.returncode == 1, run.stdout + run.stderr
    assert "differs by" in run.stdout and "small-draw-1-*.png" in run.stdout
    left = sorted(path.name for path in (tmp_path / "differences").iterdir())
    assert left == [f"small-draw-1-{what}.png" for what in ("actual", "difference", "expected")]
    expected, actual, difference = (
        notebook_pictures.pixels(
            (tmp_path / "differences" / f"small-draw-1-{what}.png").read_bytes()
        )
        for what in ("expected", "actual", "difference")
    )
    np.testing.assert_array_equal(expected, notebook_pictures.pixels(stored(curves(moved=0.1))))
    np.testing.assert_array_equal(actual, notebook_pictures.pixels(stored(curves())))
    np.testing.assert_array_equal(difference, 255 - np.abs(expected - actual))


@pytest.mark.proof
def test_nbval_passes_the_same_figure(tmp_path):
    run = run_nbval(tmp_path, notebook_with(curves(), source=SOURCE))
    assert run.returncode == 0, run.stdout + run.stderr
    assert not (tmp_path / "differences").exists()


def test_a_figure_that_is_gone_is_caught():
    figure = notebook_with(curves(), source="").cells[0].outputs
    assert notebook_pictures.complaints("n", "c", [], figure) == [
        "1 pictures are stored, 0 were drawn"
    ]


REAL, DRAWN = (
    [nbformat.v4.new_output("stream", name="stdout", text=f"Garments: {where}\n")]
    for where in ("the real FashionMNIST, from a folder", "a drawn stand-in, not FashionMNIST")
)


@pytest.mark.parametrize(
    ("stored_with", "runs_on", "folder", "excused"),
    [
        (REAL, DRAWN, "", True),
        (REAL, REAL, "", False),
        (REAL, DRAWN, "data", False),
        ([], [], "", False),
    ],
)
def test_only_other_data_excuses_other_pictures(stored_with, runs_on, folder, excused, monkeypatch):
    monkeypatch.setenv("FASHION_MNIST_ROOT", folder)
    assert notebook_pictures.runs_on_other_data(runs_on, stored_with) is excused


def test_with_other_data_a_picture_must_still_have_its_size(monkeypatch, tmp_path):
    monkeypatch.setattr(notebook_pictures, "FOLDER", tmp_path)
    before = notebook_with(curves(), source="").cells[0].outputs
    after = notebook_with(curves(moved=1.0), source="").cells[0].outputs
    compare = notebook_pictures.complaints
    assert compare("n", "c", after, before, other_data=True) == []
    after[0].data["image/png"] = base64.b64encode(curves().png(30)).decode()
    after[0].data["text/html"] = ""
    assert compare("n", "c", after, before, other_data=True) != []
