"""A figure that shows something else is caught, and one that is drawn a little otherwise is not."""

import base64
import io

import nbformat
import numpy as np
import PIL.Image
import PIL.ImageFilter
import pytest

from every_notebook import pictures
from every_notebook.nbval_runs import run_nbval
from every_notebook.series import NOTEBOOKS, ROOT
from helpers.common.picture import Figure, styled


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


@pytest.fixture(scope="module")
def before():
    return stored(curves())


# The first smooths more, as another anti-aliasing does, in every line and letter.
ALLOWED = {
    "softened": lambda image: image.filter(PIL.ImageFilter.GaussianBlur(0.4)),
    "in another palette": lambda image: image.quantize(200, dither=PIL.Image.Dither.NONE),
    "without a palette": lambda image: image,
}


@pytest.mark.parametrize("change", ALLOWED)
def test_another_smoothing_or_palette_passes(before, change):
    after = io.BytesIO()
    ALLOWED[change](PIL.Image.open(io.BytesIO(curves().png())).convert("RGB")).save(after, "PNG")
    assert after.getvalue() != before
    assert pictures.disagreement(before, after.getvalue()) == ""


@pytest.mark.parametrize(
    "change",
    [{"moved": 0.03}, {"moved": 0.2}, {"moved": -1.0}, {"marker": 0.1}, {"width": 3.0}],
    ids=str,
)
def test_a_changed_curve_is_caught(before, change):
    assert "differs by" in pictures.disagreement(before, stored(curves(**change)))


def test_a_lost_marker_is_caught_though_the_whole_hardly_changes(before):
    without = stored(curves(marker=9.0))
    difference = pictures.pixels(before) - pictures.pixels(without)
    assert np.sqrt((difference**2).mean()) < pictures.MOST_DIFFERENCE
    assert "in one place" in pictures.disagreement(before, without)


def test_another_size_is_caught_even_where_the_picture_may_wobble():
    small, large = curves().png(40), curves().png(50)
    words = "stored 280 × 152 pixels, drawn 350 × 190 pixels"
    assert pictures.disagreement(small, large) == words
    assert pictures.disagreement(small, large, only_size=True) == words


def test_every_wobbling_picture_is_shown():
    """A place that is gone, or shows no picture any more, must leave the list."""
    shown = {
        (path.stem, cell.id)
        for path in NOTEBOOKS
        for cell in nbformat.read(path, as_version=4).cells
        if pictures.pictures(cell.get("outputs", []))
    }
    assert set(pictures.WOBBLING_PICTURES) <= shown
    # Most figures are the same on every machine, and the list must not become a habit.
    assert len(pictures.WOBBLING_PICTURES) < len(shown) / 2


def cell_with(figure: Figure, source: str = "") -> nbformat.NotebookNode:
    """A cell that has run, and shown a figure."""
    cell = nbformat.v4.new_code_cell(source, execution_count=1, id="draw")
    data = figure._repr_mimebundle_()
    cell.outputs = [nbformat.v4.new_output("execute_result", data=data, execution_count=1)]
    return cell


SOURCE = (
    f"import sys\nsys.path.insert(0, {str(ROOT / 'tests')!r})\n"
    "from every_notebook.test_pictures import curves\ncurves()"
)


@pytest.mark.proof
@pytest.mark.parametrize("moved", [0.0, 0.1])
def test_nbval_fails_on_a_changed_curve_and_leaves_three_pictures(tmp_path, moved):
    folder = tmp_path / "differences"
    sanitize = str(ROOT / "tests" / "every_notebook" / "nbval_sanitize.cfg")
    configure = (
        f"pictures.FOLDER = pictures.Path({str(folder)!r}); pictures.compare_pictures_too(); "
        f"config.option.nbval_sanitize_with = {sanitize!r}"
    )
    run = run_nbval(tmp_path, cell_with(curves(moved=moved), SOURCE), configure)
    assert run.returncode == bool(moved), run.stdout + run.stderr
    if not moved:
        assert not folder.exists()
        return
    assert "differs by" in run.stdout and "small-draw-1-*.png" in run.stdout
    left = {path.stem: pictures.pixels(path.read_bytes()) for path in folder.iterdir()}
    expected, actual = (pictures.pixels(stored(curves(moved=shift))) for shift in (moved, 0.0))
    pair = {"expected": expected, "actual": actual, "difference": 255 - np.abs(expected - actual)}
    assert left.keys() == {f"small-draw-1-{what}" for what in pair}
    for what, shown in pair.items():
        np.testing.assert_array_equal(left[f"small-draw-1-{what}"], shown)


def test_a_figure_that_is_gone_is_caught():
    figure = cell_with(curves()).outputs
    assert pictures.complaints("n", "c", [], figure) == ["1 pictures are stored, 0 were drawn"]


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
    assert pictures.runs_on_other_data(runs_on, stored_with) is excused


def test_with_other_data_a_picture_must_still_have_its_size(monkeypatch, tmp_path):
    monkeypatch.setattr(pictures, "FOLDER", tmp_path)
    before = cell_with(curves()).outputs
    after = cell_with(curves(moved=1.0)).outputs
    assert pictures.complaints("n", "c", after, before, other_data=True) == []
    after[0].data = {"image/png": base64.b64encode(curves().png(30)).decode()}
    assert pictures.complaints("n", "c", after, before, other_data=True) != []
