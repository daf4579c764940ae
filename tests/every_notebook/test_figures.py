"""Every figure carries alt text, drawing twice gives the same picture, and the expected one."""

import difflib
import html
import io
import re

import matplotlib
import matplotlib.image
import nbformat
import numpy as np
import pytest

from every_notebook import pictures
from every_notebook.inventory import inventory
from every_notebook.rules import ALT_TEXT_LENGTHS
from every_notebook.series import ROOT, WINGS, part_of
from helpers.common.picture import Figure

OF_A_WING = {wing: getattr(part_of(wing, "drawings"), "DRAWINGS", {}) for wing in WINGS}
DRAWINGS = {name: draw for drawings in OF_A_WING.values() for name, draw in drawings.items()}
# What stands in a drawing, and how it has to look. A change that is meant is brought there from the
# folder where the failing test leaves it.
INVENTORIES = {
    name: ROOT / "tests" / wing / "expected" / f"{name}.txt"
    for wing, drawings in OF_A_WING.items()
    for name in drawings
}
EXPECTED = {
    file.stem: file for wing in WINGS for file in (ROOT / "tests" / wing / "expected").glob("*.png")
}
# Of 255: what 256 colours may change in any pixel of a drawing.
MOST_DIFFERENCE_OF_A_PIXEL = 16


@pytest.fixture(params=DRAWINGS, scope="module")
def name(request):
    return request.param


@pytest.fixture(scope="module")
def draw(name):
    return DRAWINGS[name]


@pytest.fixture(scope="module")
def figure(draw):
    return draw()


def test_each_word_stands_beside_what_it_names(name, figure):
    found, file = inventory(figure).splitlines(), INVENTORIES[name]
    expected = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    if found != expected:
        pictures.FOLDER.mkdir(exist_ok=True)
        left = pictures.FOLDER / file.name
        left.write_text("\n".join([*found, ""]), encoding="utf-8")
        changes = "\n".join(difflib.unified_diff(expected, found, lineterm="", n=1))
        pytest.fail(f"{changes}\nIf it is meant to be so, copy {left} to {file}")


@pytest.fixture(scope="module")
def png(figure):
    return figure.png()


@pytest.fixture(scope="module")
def bundle(figure, png):  # After the picture itself, which a figure draws first.
    return figure._repr_mimebundle_()


@pytest.mark.proof
def test_nobody_sees_that_the_page_has_fewer_colours(bundle, png):
    (shown,) = pictures.pictures([{"data": bundle}])
    difference = pictures.pixels(shown) - pictures.pixels(png)
    assert np.abs(difference).max() <= MOST_DIFFERENCE_OF_A_PIXEL
    assert len(shown) < 2 / 3 * len(png)


@pytest.mark.proof
def test_alt_text_is_there_and_reaches_the_page(figure, bundle):
    assert len(figure.alt) in ALT_TEXT_LENGTHS
    assert f'alt="{html.escape(figure.alt)}"' in bundle["text/html"]
    assert bundle["text/plain"] == figure.alt
    assert set(bundle) == {"text/html", "image/png", "text/plain"}


def explains_its_numbers(axes) -> bool:
    """Say whether the axis across has a name, or words or nothing at its ticks."""
    words = [re.search("[a-z]{3}", label.get_text()) for label in axes.get_xticklabels()]
    return bool(axes.get_xlabel()) or all(words) or not axes.xaxis.get_tick_params()["labelbottom"]


def test_every_panel_says_what_it_shows(figure):
    titles = [axes.get_title(loc) for axes in figure.axes for loc in ("left", "center")]
    assert any(titles) or figure.get_suptitle()
    for axes in figure.axes:
        if axes.axison and len(axes.get_xticks()):
            assert explains_its_numbers(axes), "an axis without a name"


@pytest.mark.proof
def test_drawing_leaves_no_setting_behind_and_repeats_itself(draw, png):
    before = dict(matplotlib.rcParams)
    assert draw().png() == png
    assert dict(matplotlib.rcParams) == before


@pytest.mark.proof
def test_a_figure_that_is_shown_again_shows_the_same(figure, png):
    assert figure.html(80) == figure.html(80)
    assert figure.png() == png


@pytest.mark.proof
def test_a_figure_is_wide_enough_to_be_sharp_at_700_pixels(png):
    pixels = matplotlib.image.imread(io.BytesIO(png))
    assert pixels.shape[1] >= 900
    assert (pixels[0, 0, :3] == 1).all(), "the background is white, on a dark page as well"


def test_what_no_notebook_compares_is_compared_here():
    found = set()
    for notebook, name in pictures.WOBBLING_PICTURES:
        cells = nbformat.read(ROOT / "notebooks" / f"{notebook}.ipynb", as_version=4).cells
        source = next(cell.source for cell in cells if cell.id == name)
        found |= set(re.findall(r"figures\.(\w+)", source))
    assert EXPECTED and found <= set(EXPECTED) <= set(DRAWINGS)


@pytest.mark.proof
@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_picture_is_as_expected(name):
    expected = EXPECTED[name].read_bytes()
    drawn = DRAWINGS[name]().png(dots_per_inch=80)
    if difference := pictures.disagreement(expected, drawn):
        folder = pictures.leave_side_by_side(name, expected, drawn)
        pytest.fail(f"{name} {difference}; look at {name}-*.png in {folder}")


def test_alt_text_is_escaped():
    figure = Figure(alt='a < b & "c"')
    assert 'alt="a &lt; b &amp; &quot;c&quot;"' in figure.html()
