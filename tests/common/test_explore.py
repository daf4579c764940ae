"""A slider redraws, its twin shows three settings or more, and both come from one function."""

import gc
import subprocess
import sys

import pytest

from helpers.common import explore
from helpers.common.picture import Figure, styled


@styled
def draw(slope: float) -> Figure:
    figure = Figure(figsize=(4, 2), alt=f"A line of slope {slope}.")
    figure.subplots().plot([0, 1], [0, slope])
    return figure


def test_moving_the_slider_draws_the_chosen_setting():
    box = explore.slider(draw, [1.0, 2.0, 3.0], label="slope", start=2.0)
    control, picture = box.children
    assert control.description == "slope"
    assert 'alt="A line of slope 2.0."' in picture.value
    control.index = 2
    assert 'alt="A line of slope 3.0."' in picture.value
    assert picture.value == draw(3.0).html(explore._SLIDER_DOTS_PER_INCH)


@pytest.mark.parametrize("collecting", [True, False])
def test_moving_the_slider_leaves_the_collecting_of_garbage_as_it_was(collecting):
    control = explore.slider(draw, [1.0, 2.0, 3.0], label="slope", start=2.0).children[0]
    was_collecting = gc.isenabled()
    try:
        (gc.enable if collecting else gc.disable)()
        control.index = 2
        assert gc.isenabled() == collecting
    finally:
        (gc.enable if was_collecting else gc.disable)()


def test_the_twin_names_each_setting():
    twin = explore.twin(draw, [1.0, 2.5, 4.0], label="slope")
    shown = ["1: A line of slope 1.0.", "2.5: A line of slope 2.5.", "4: A line of slope 4.0."]
    assert twin.alt == " ".join(f"slope {setting}" for setting in shown)
    assert len(twin.axes) == 3
    assert twin.get_figheight() == pytest.approx(6)
    places = [axes.get_position().bounds for axes in twin.axes]
    assert places == [pytest.approx((0, bottom / 3, 1, 1 / 3)) for bottom in (2, 1, 0)]


def test_a_twin_of_fewer_than_three_settings_is_refused():
    with pytest.raises(ValueError, match="settings has 2 entries: give at least 3"):
        explore.twin(draw, [1.0, 2.0], label="slope")


@pytest.mark.parametrize(
    ("settings", "start", "words"),
    [
        ([], None, "settings is empty"),
        ([1.0, 2.0], 5.0, "start is 5.0: give one of the settings, 1.0, 2.0"),
    ],
)
def test_a_slider_over_nothing_is_refused(settings, start, words):
    with pytest.raises(ValueError, match=words):
        explore.slider(draw, settings, label="slope", start=start)


def test_without_ipywidgets_one_line_says_where_to_look(monkeypatch):
    monkeypatch.setattr(explore, "ipywidgets", None)
    line = explore.slider(draw, [1.0, 2.0], label="slope")
    assert line == "The slider for slope needs ipywidgets; the figure below shows what it shows."
    assert repr(line) == line, "a notebook would show it in quotes"


def test_where_ipywidgets_is_not_installed_the_twin_stands_alone():
    program = """
import sys
sys.modules["ipywidgets"] = None  # as if it were not there
from helpers.common import explore
from helpers.common.picture import Figure

def draw(slope):
    return Figure(figsize=(1, 1), alt=f"A line of slope {slope}.")

print(explore.slider(draw, [1, 2, 3], label="slope"))
print(explore.twin(draw, [1, 2, 3], label="slope").alt)
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert run.stdout.splitlines() == [
        "The slider for slope needs ipywidgets; the figure below shows what it shows.",
        "slope 1: A line of slope 1. slope 2: A line of slope 2. slope 3: A line of slope 3.",
    ], run.stderr


def test_a_slider_can_be_reached_and_read():
    control, picture = explore.slider(draw, [0.001234, 2.0], label="slope in m").children
    assert control.tabbable is not False and not control.disabled
    assert control.readout and control.description == control.tooltip == "slope in m"
    assert control._options_labels == ("0.00123", "2")
    assert picture.value.startswith("<img") and 'alt="A line of slope 0.001234."' in picture.value
