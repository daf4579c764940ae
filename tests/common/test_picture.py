"""Figures look as committed, whatever a reader has set for figures of their own."""

import base64
import html
import io

import matplotlib
import numpy as np
import PIL.Image
import pytest

from helpers.common import picture
from helpers.common.picture import Figure, plain_ticks, styled


@styled
def line() -> Figure:
    figure = Figure(alt="A line.", figsize=(2, 2))
    figure.subplots().plot([0, 1], [0, 1], label="up")
    return figure


@pytest.mark.parametrize(
    "settings",
    [
        {"text.usetex": True},
        {"font.size": 30, "font.family": "serif", "axes.titlecolor": "red"},
        {"axes.facecolor": "black", "figure.facecolor": "black", "lines.color": "white"},
        {"savefig.dpi": 20, "savefig.bbox": "tight", "savefig.transparent": True},
        {"axes.unicode_minus": False, "axes.formatter.use_locale": True},
        {"path.sketch": (1, 100, 2)},
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_a_readers_own_settings_change_no_pixel_and_stay_theirs(settings):
    expected = line().png()
    with matplotlib.rc_context(settings):
        before = dict(matplotlib.rcParams)
        assert line().png() == expected
        assert dict(matplotlib.rcParams) == before


def size_of(png: bytes) -> tuple[int, int]:
    with PIL.Image.open(io.BytesIO(png)) as picture:
        assert picture.format == "PNG"
        return picture.size


def test_a_picture_has_as_many_dots_as_asked_for_and_140_an_inch_else():
    figure = line()
    assert size_of(figure.png()) == (280, 280)
    assert size_of(figure.png(50)) == size_of(figure.png(dots_per_inch=50)) == (100, 100)
    small = base64.b64encode(figure.png(50)).decode()
    assert f"base64,{small}" in figure.html(50) and small not in figure.html()
    assert base64.b64encode(figure.png()).decode() in figure.html()
    assert figure.html().startswith("<img ") and 'alt="A line."' in figure.html()


def test_a_picture_holds_neither_a_version_nor_a_date():
    with PIL.Image.open(io.BytesIO(line().png())) as picture:
        assert picture.info.keys() <= {"dpi"}


def test_a_notebook_gets_a_covered_page_a_picture_and_the_words():
    figure = line()
    figure.alt = 'Up & "up"'
    bundle = figure._repr_mimebundle_(include=None, exclude=None)
    assert bundle.keys() == {"text/html", "image/png", "text/plain"}
    assert bundle["text/plain"] == figure.alt
    first, rest = bundle["text/html"].split("\n")
    assert first.startswith("<!-- ") and f'alt="{html.escape(figure.alt)}"' in rest
    assert bundle["image/png"] in rest, "one picture, twice"
    png = base64.b64decode(bundle["image/png"])
    assert size_of(png) == (280, 280) and len(png) < len(figure.png())
    with PIL.Image.open(io.BytesIO(png)) as few, PIL.Image.open(io.BytesIO(figure.png())) as many:
        assert few.mode == "P"
        before, after = (np.asarray(part.convert("RGB"), dtype=int) for part in (many, few))
        assert np.abs(after - before).max() <= 16


def test_a_figure_stays_as_it_was_laid_out():
    figure = line()
    figure.png()
    (axes,) = figure.axes
    laid_out = axes.get_position().bounds
    axes.set_ylabel("what would take room\n" * 5)
    figure.png()
    assert axes.get_position().bounds == laid_out


@pytest.mark.parametrize(
    ("options", "ticks"),
    [({}, [1, 2, 5, 10, 20, 50, 100]), ({"digits": (1, 3)}, [1, 3, 10, 30, 100])],
)
def test_plain_ticks_are_numbers_as_people_write_them(options, ticks):
    axes = Figure(alt="Ticks.").subplots()
    axes.set(xscale="log", xlim=(1, 100), ylim=(0.01, 1))
    plain_ticks(axes.xaxis, **options)
    inside = [tick for tick in axes.get_xticks() if 0.99 <= tick <= 101]
    assert inside == pytest.approx(ticks)
    assert [axes.xaxis.get_major_formatter()(tick) for tick in (0.01, 1, 20, 5000)] == [
        "0.01",
        "1",
        "20",
        "5000",
    ]
    assert list(axes.get_xticks(minor=True)) == []


# By Okabe and Ito, as numbers of red, green and blue.
COLOURS = {
    "BLUE": (0, 114, 178),
    "VERMILION": (213, 94, 0),
    "GREEN": (0, 158, 115),
    "PINK": (204, 121, 167),
    "ORANGE": (230, 159, 0),
    "SKY": (86, 180, 233),
    "BLACK": (0, 0, 0),
}


def test_colours_are_those_that_all_kinds_of_vision_tell_apart():
    for name, numbers in COLOURS.items():
        assert getattr(picture, name).lower() == "#{:02x}{:02x}{:02x}".format(*numbers)
    assert picture.GREY == "#6b6b6b" and picture.MARKERS == ("o", "s", "^", "D", "v", "P")
    lines = styled(lambda: Figure(alt="Lines.").subplots().plot(np.zeros((2, 7))))()
    looks = [(line.get_color().lower(), str(line._unscaled_dash_pattern)) for line in lines]
    assert [colour.removeprefix("#") for colour, _ in looks] == [
        getattr(picture, name).lower().removeprefix("#") for name in COLOURS
    ]
    assert len({dash for _, dash in looks}) == 7, "each has a dash of its own"


@styled
def settings() -> dict:
    return dict(matplotlib.rcParams)


def test_the_style_is_legible_and_plain():
    found = settings()
    expected = {
        "figure.figsize": [7.0, 4.0],
        "figure.facecolor": "white",
        "savefig.facecolor": "white",
        "figure.constrained_layout.use": True,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.spines.left": True,
        "axes.spines.bottom": True,
        "axes.grid": True,
        "axes.axisbelow": True,
        "axes.titlelocation": "left",
        "axes.titleweight": "bold",
        "axes.titlesize": 11,
        "axes.labelsize": 10,
        "font.size": 10,
        "legend.fontsize": 9,
        "xtick.labelsize": 9,
        "ytick.labelsize": 9,
        "legend.frameon": False,
        "lines.linewidth": 1.8,
        "lines.markersize": 5,
        "grid.linewidth": 0.6,
        "image.interpolation": "nearest",
    }
    assert {name: found[name] for name in expected} == expected
    usual = matplotlib.rcParamsDefault
    for name in ("text.usetex", "font.family", "axes.unicode_minus", "image.cmap", "image.origin"):
        assert found[name] == usual[name]


def test_where_figures_are_shown_stays_the_readers_affair():
    with matplotlib.rc_context({"backend": "svg"}):
        assert settings()["backend"] == "svg"
