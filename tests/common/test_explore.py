"""A slider redraws, its twin shows three settings or more, and both come from one function."""

import gc
import runpy
import sys
from types import SimpleNamespace

import pytest
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
def test_moving_the_slider_leaves_the_collecting_of_garbage_as_it_was(collecting):
    control = explore.slider(draw, [1.0, 2.0, 3.0], label="slope", start=2.0).children[0]
    try:
        (gc.enable if collecting else gc.disable)()
        control.index = 2
        assert gc.isenabled() == collecting
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
    assert picture.value.startswith("<img") and 'alt="A line of slope 0.001234."' in picture.value
