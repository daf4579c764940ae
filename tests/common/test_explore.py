"""A slider redraws, its twin shows three settings or more, and both come from one function."""

import base64
import contextlib
import gc
import io
import runpy
import sys
from types import SimpleNamespace

import matplotlib
import matplotlib.image
import numpy as np
import PIL.Image
import pytest
import torch
from matplotlib.lines import Line2D

from helpers.common import explore
from helpers.common.picture import Figure, styled


@styled
def draw(slope: float) -> Figure:
    figure = Figure(figsize=(1, 2), alt=f"A line of slope {slope}.")
    figure.add_artist(Line2D([0, 1], [0, slope]))  # Without axes, whose words take their time.
    return figure


def test_moving_the_slider_draws_the_chosen_setting():
    box = explore.slider(draw, [1.0, 2.0, 3.0], label="slope", start=2.0)
    control, picture = box.children
    assert control.description == "slope"
    assert 'alt="A line of slope 2.0."' in picture.value
    control.index = 2
    assert 'alt="A line of slope 3.0."' in picture.value
    assert picture.value == draw(3.0).html(explore._SLIDER_DOTS_PER_INCH)


def test_a_film_may_stand_under_a_slider():
    """As a drawing of lines, it takes no dots per inch."""

    def film(steps: int) -> SimpleNamespace:
        return SimpleNamespace(html=lambda: f"<svg>{steps}</svg>")

    control, picture = explore.slider(film, [3, 5], label="steps").children
    control.index = 1
    assert picture.value == "<svg>5</svg>"


@pytest.mark.parametrize("collecting", [True, False])
@pytest.mark.parametrize("fails", [True, False])
def test_moving_the_slider_leaves_the_collecting_of_garbage_as_it_was(collecting, fails):
    seen = []

    def drawn(slope: float) -> Figure:
        seen.append(gc.isenabled())
        if fails and slope == 3.0:
            raise ArithmeticError
        return draw(slope)

    control = explore.slider(drawn, [1.0, 2.0, 3.0], label="slope", start=2.0).children[0]
    seen.clear()
    try:
        (gc.enable if collecting else gc.disable)()
        with pytest.raises(ArithmeticError) if fails else contextlib.nullcontext():
            control.index = 2
        assert gc.isenabled() == collecting
        assert seen == [False], "it can wait until the picture is there"
    finally:
        gc.enable()


def test_the_twin_names_each_setting():
    twin = explore.twin(draw, [1.0, 2.5, 4.0], label="slope")
    shown = ["1: A line of slope 1.0.", "2.5: A line of slope 2.5.", "4: A line of slope 4.0."]
    assert twin.alt == " ".join(f"slope {setting}" for setting in shown)
    assert len(twin.axes) == 3
    assert twin.get_figheight() == pytest.approx(6)
    places = [axes.get_position().bounds for axes in twin.axes]
    assert places == [pytest.approx((0, bottom / 3, 1, 1 / 3)) for bottom in (2, 1, 0)]
    assert not any(axes.axison for axes in twin.axes)
    for axes, setting in zip(twin.axes, [1.0, 2.5, 4.0], strict=True):
        (shown,) = axes.images
        picture = matplotlib.image.imread(io.BytesIO(draw(setting).png()))
        assert (shown.get_array() == picture).all(), "each shows the picture of its own setting"


def test_a_twin_gives_each_picture_the_height_that_it_has():
    def tall(height: int) -> Figure:
        return Figure(figsize=(3, height), alt=f"{height} inches.")

    twin = explore.twin(tall, (1, 2, 5), label="height")
    assert twin.get_size_inches().tolist() == [3, 8]
    places = [axes.get_position().bounds for axes in twin.axes]
    sizes = [(0, 7 / 8, 1, 1 / 8), (0, 5 / 8, 1, 2 / 8), (0, 0, 1, 5 / 8)]
    assert places == list(map(pytest.approx, sizes))
    assert twin.alt == "height 1: 1 inches. height 2: 2 inches. height 5: 5 inches."


@pytest.mark.parametrize("show", [explore.slider, explore.twin])
@pytest.mark.parametrize(
    ("drawn", "shown"), [(None, "None"), ("a line", "'a line'"), ([], "a list")]
)
def test_what_is_no_figure_is_refused(show, drawn, shown):
    with pytest.raises(TypeError) as caught:
        show(lambda setting: drawn, [1, 2, 3], label="slope")
    assert str(caught.value) == (
        f"draw gave {shown}: let it return a helpers.common.picture.Figure, which has an alt text"
    )


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"draw": None}, "draw is None: give a function"),
        ({"settings": "123"}, "settings is a str: give a list or a tuple"),
        ({"label": ""}, "label is '': give a few words"),
        ({"label": 3}, "label is 3: give a text"),
        ({"start": 4}, "start is 4: give one of the settings, 1, 2"),
        ({"start": False}, "start is False: give one of the settings, 1, 2"),
        (
            {"settings": [torch.ones(2), torch.zeros(2)], "start": torch.ones(2)},
            "start is a tensor of shape (2,) and dtype torch.float32: give one of the settings, "
            "a tensor of shape (2,) and dtype torch.float32, "
            "a tensor of shape (2,) and dtype torch.float32",
        ),
        (
            {"settings": [np.ones(2), np.zeros(3)], "start": np.ones(2)},
            "start is a ndarray: give one of the settings, a ndarray, a ndarray",
        ),
    ],
)
def test_a_slip_of_the_hand_at_a_slider_is_named(changed, words):
    given = {"draw": draw, "settings": [1, 2], "label": "slope"} | changed
    with pytest.raises((TypeError, ValueError)) as caught:
        explore.slider(given.pop("draw"), given.pop("settings"), **given)
    assert str(caught.value) == words


def test_a_slider_begins_with_the_first_setting_or_with_the_one_asked_for():
    for start, index in ((None, 0), (0, 2), (5, 1)):
        control, picture = explore.slider(draw, (3, 5, 0), label="slope", start=start).children
        assert control.index == index and control.value == (3, 5, 0)[index]
        assert f"slope {control.value}." in picture.value
        assert control._options_labels == ("3", "5", "0")


def test_in_place_of_a_slider_stands_a_line():
    box = explore.slider(draw, [1.0, 2.0], label="slope")
    assert repr(box) == "A slider: run this cell to move it."


@pytest.mark.parametrize(
    ("show", "settings", "options", "words"),
    [
        (explore.twin, [1.0, 2.0], {}, "settings has 2 entries: give at least 3"),
        (explore.slider, [], {}, "settings is empty: give at least 1"),
        (explore.slider, [1.0, 2.0], {"start": 5.0}, "start is 5.0: give one of the settings, 1.0"),
    ],
)
def test_too_little_to_show_is_refused(show, settings, options, words):
    with pytest.raises(ValueError, match=f"^{words}"):
        show(draw, settings, label="slope", **options)


def test_where_ipywidgets_is_not_installed_the_twin_stands_alone(monkeypatch):
    monkeypatch.setitem(sys.modules, "ipywidgets", None)  # As if it were not there.
    bare = runpy.run_path(explore.__file__)
    line = bare["slider"](draw, [1.0, 2.0, 3.0], label="slope")
    assert line == "The slider for slope needs ipywidgets; the figure below shows what it shows."
    assert repr(line) == line, "a notebook would show it in quotes"
    assert bare["twin"](draw, [1.0, 2.0, 3.0], label="slope").alt.startswith("slope 1: A line")


def test_a_slider_can_be_reached_and_read():
    control, picture = explore.slider(draw, [0.001234, 2.0], label="slope in m").children
    assert control.tabbable is not False and not control.disabled
    assert control.readout and control.description == control.tooltip == "slope in m"
    assert control._options_labels == ("0.00123", "2")
    whole = explore.slider(draw, [1234, 20_000], label="steps").children[0]
    assert whole._options_labels == ("1234", "20000"), "floats alone are cut"
    assert picture.value.startswith("<img") and 'alt="A line of slope 0.001234."' in picture.value
    # A long label has room, and the line is as wide as the page or as a figure.
    assert control.style.description_width == "initial"
    assert (control.layout.width, control.layout.max_width) == ("95%", "700px")


def test_under_a_slider_a_picture_has_eighty_dots_an_inch():
    control, picture = explore.slider(draw, [1.0, 2.0], label="slope").children
    for index in (0, 1):
        control.index = index
        data = base64.b64decode(picture.value.partition("base64,")[2].partition('"')[0])
        with PIL.Image.open(io.BytesIO(data)) as shown:
            assert shown.size == (80, 160)


def test_a_twin_shows_each_picture_dot_by_dot_whatever_a_reader_has_set():
    with matplotlib.rc_context({"image.interpolation": "bilinear", "image.aspect": "equal"}):
        twin = explore.twin(draw, [1.0, 2.0, 3.0], label="slope")
    for axes in twin.axes:
        assert axes.get_aspect() == "auto" and axes.images[0].get_interpolation() == "nearest"
    widths = iter((2, 5, 3))
    wide = explore.twin(
        lambda _: Figure(figsize=(next(widths), 1), alt="a"), "up to 3".split(), label="w"
    )
    assert wide.get_size_inches().tolist() == [2, 3] and wide.alt == "w up: a w to: a w 3: a"
    wide.png(10)  # Which would move what is to be laid out.
    assert wide.axes[0].get_position().bounds == pytest.approx((0, 2 / 3, 1, 1 / 3))
