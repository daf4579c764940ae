"""How far the axes of notebook 04's figures reach, where their ticks stand, and who has which look.

What a figure says stands in `expected/`; here is what it does not say.
"""

import pytest
import torch
from matplotlib.colors import to_hex

from fashion_mnist_pipeline.drawings import CLASSES, DRAWINGS, IMAGES, LABELS
from helpers.common.picture import BLUE, GREEN, GREY, MARKERS, ORANGE, PINK, SKY, VERMILION
from helpers.fashion_mnist_pipeline import figures
from helpers.fashion_mnist_pipeline.training import Evaluation, History


def ticks(axis):
    """Return where the ticks are, and what stands beside them."""
    return {
        round(float(place), 6): label.get_text()
        for place, label in zip(axis.get_ticklocs(), axis.get_ticklabels(), strict=True)
    }


# The figure, the panel, the axis, and from where to where it goes.
REACHES = [
    ("class_probabilities", 1, "x", (0, 1)),
    ("accuracy_by_class", 0, "x", (0, 1)),
    ("reliability", 0, "x", (0.2, 1.01)),
    ("reliability", 0, "y", (0, 1.01)),
    ("ladder", 0, "x", (0.8 * 0.15, 3 * 2.5)),
]


@pytest.mark.parametrize(("name", "panel", "axis", "reach"), REACHES)
def test_an_axis_reaches_as_far_as_its_numbers_mean_something(name, panel, axis, reach):
    axes = DRAWINGS[name]().axes[panel]
    found = axes.get_xlim() if axis == "x" else axes.get_ylim()
    assert found == pytest.approx(reach)


def test_two_losses_are_compared_from_zero_up_and_rows_are_read_from_above():
    assert [axes.get_ylim()[0] for axes in DRAWINGS["convex_or_not"]().axes] == [0, 0]
    for name, panel in (("ladder", 0), ("time_by_part", 0), ("class_probabilities", 1)):
        bottom, top = DRAWINGS[name]().axes[panel].get_ylim()
        assert bottom > top


TICKS = [
    ("garments_by_class", 0, "y", {14: "coat", 42: "shoe", 70: "bag"}),
    ("garments_by_class", 0, "x", {}),
    ("confusion", 0, "x", {0: "coat", 1: "shoe", 2: "bag"}),
    ("confusion", 0, "y", {0: "coat", 1: "shoe", 2: "bag"}),
    ("ladder", 0, "y", {0: "1 · usual", 1: "2 · in memory", 2: "products"}),
    ("sweep", 0, "x", {0.01: "0.01", 0.1: "0.1", 1.0: "1"}),
    ("seeds_compared", 0, "x", {0: "seed 0\nworst:\ncoat", 1: "seed 1\nworst:\nbag"}),
    ("cost_growth", 0, "x", {8: "8", 128: "128"}),
    ("cost_growth", 1, "x", {8: "8", 128: "128"}),
    ("cost_growth", 2, "x", {50_000: "50k", 500_000: "500k"}),
    ("cost_growth", 3, "x", {5_000: "5000", 500_000: "500k"}),
]


@pytest.mark.parametrize(("name", "panel", "axis", "expected"), TICKS)
def test_ticks_stand_where_something_was_measured(name, panel, axis, expected):
    axes = DRAWINGS[name]().axes[panel]
    which = axes.xaxis if axis == "x" else axes.yaxis
    assert ticks(which) == expected
    assert not any(label.get_text() for label in which.get_ticklabels(minor=True))


def test_pictures_of_filters_have_no_ticks():
    for axes in DRAWINGS["filters_at_work"]().axes:
        assert ticks(axes.xaxis) == ticks(axes.yaxis) == {}


def test_numbers_on_logarithmic_axes_are_written_out_and_in_between_stands_nothing():
    axes = [
        DRAWINGS["ladder"]().axes[0].xaxis,
        DRAWINGS["accuracy_against_seconds"]().axes[0].xaxis,
    ]
    axes += [panel.yaxis for panel in DRAWINGS["cost_growth"]().axes]
    for axis in axes:
        numbers = axis.get_major_formatter()
        assert [numbers(at, 0) for at in (0.05, 2.0, 10.0)] == ["0.05", "2", "10"]
        assert axis.get_minor_formatter()(3.0, 0) == ""
        locator = axis.get_major_locator()
        steps = sorted({f"{at:.0e}"[0] for at in locator.tick_values(0.1, 90.0)})
        assert steps == ["1", "2", "5"]


def test_epochs_are_whole():
    history = History([1.0, 0.5, 0.4], [0.6, 0.8, 0.9])
    for axes in figures.training_curves(history).axes:
        assert all(float(place).is_integer() for place in axes.get_xticks())


def test_six_recipes_have_six_looks_in_their_order():
    runs = {f"recipe {n}": ([1.0 + n], [0.8 + n / 100]) for n in range(6)}
    axes = figures.accuracy_against_seconds(runs, usual_epoch=3.0, images=400).axes[0]
    lines = {line.get_label(): line for line in axes.lines}
    colours = (BLUE, GREEN, ORANGE, VERMILION, PINK, SKY)
    for n, (marker, colour) in enumerate(zip(MARKERS, colours, strict=True)):
        line = lines[f"recipe {n}"]
        assert (line.get_marker(), line.get_color()) == (marker, colour)
        assert (line.get_xdata()[0], line.get_ydata()[0]) == (1.0 + n, 0.8 + n / 100)
    assert axes.get_title("left").startswith("Best here: recipe 5, 85.0% ± 3.5")


def test_three_seeds_stand_beside_each_other_at_their_rate():
    axes = figures.sweep({0.1: [0.8, 0.7, 0.6], 1.0: [0.1, 0.2, 0.3]}, 100).axes[0]
    lines = {line.get_label(): line for line in axes.lines}
    looks = zip(MARKERS, (BLUE, ORANGE, GREEN), (1 / 1.04, 1, 1.04), strict=False)
    for seed, (marker, colour, shift) in enumerate(looks):
        line = lines[f"seed {seed}"]
        assert (line.get_marker(), line.get_color()) == (marker, colour)
        assert line.get_linestyle() == "None"
        assert list(line.get_xdata()) == pytest.approx([0.1 * shift, shift])
        assert list(line.get_ydata()) == pytest.approx([0.8 - seed / 10, 0.1 + seed / 10])
    assert list(lines["mean over the seeds"].get_ydata()) == pytest.approx([0.7, 0.2])


@pytest.mark.parametrize(("most", "black"), [(10, 5), (11, 5)])
def test_digits_are_white_on_dark_blue_alone(most, black):
    matrix = torch.tensor([[most, black], [black + 1, 1]])
    drawn = figures.confusion(matrix, CLASSES[:2]).axes[0].texts
    colours = {text.get_text(): to_hex(text.get_color()) for text in drawn}
    white, dark = "#ffffff", to_hex("black")
    assert colours == {str(most): white, str(black): dark, str(black + 1): white, "1": dark}


def test_where_there_are_few_mistakes_or_units_the_rest_stays_empty():
    sure = torch.linspace(0.5, 0.9, 12)
    said = LABELS.where(torch.arange(12) < 9, (LABELS + 1) % 3)
    drawn = figures.confident_mistakes(IMAGES, Evaluation(1.0, 0.75, LABELS, said, sure), CLASSES)
    assert drawn.alt.startswith("The 3 wrong predictions") and len(drawn.axes) == 12
    assert [len(axes.images) for axes in drawn.axes] == [1] * 3 + [0] * 9
    assert not any(axes.axison for axes in drawn.axes)
    units = figures.first_layer_weights(torch.randn(5, 784))
    assert units.alt.startswith("The weights of 5 hidden units")
    assert [len(axes.images) for axes in units.axes] == [1] * 5 + [0] * 27


def test_labels_of_the_limits_stand_at_their_own_end():
    for axes in DRAWINGS["cost_growth"]().axes[:2]:
        low, high = axes.texts[:2]
        assert (low.get_text(), low.get_ha()) == ("← overhead of steps", "left")
        assert (high.get_text(), high.get_ha()) == ("arithmetic →", "right")


def test_a_label_stands_right_of_its_dot_and_the_floor_is_grey():
    axes = DRAWINGS["ladder"]().axes[0]
    assert {text.get_position() for text in axes.texts} == {(9, -4)}
    assert axes.lines[1].get_color() == GREY


def test_what_is_named_rightly_is_no_frequent_mistake():
    matrix = torch.tensor([[90, 0, 3], [2, 80, 0], [0, 4, 70]])
    title = figures.confusion(matrix, CLASSES).axes[0].get_title("left")
    assert title == "The most frequent mistake: bag taken for shoe"


def test_bars_of_classes_are_sorted_and_the_worst_is_orange_at_the_bottom():
    matrix = torch.tensor([[9, 1, 0], [0, 6, 4], [1, 1, 8]])
    axes = figures.accuracy_by_class(matrix, CLASSES).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["shoe", "bag", "coat"]
    widths = [bar.get_width() for bar in axes.patches]
    assert widths == pytest.approx([0.6, 0.8, 0.9])
    colours = [to_hex(bar.get_facecolor()) for bar in axes.patches]
    assert colours == [to_hex(ORANGE), to_hex(SKY), to_hex(SKY)]
    assert axes.get_title("left") == "The mean hides the worst class, here: shoe"


def test_a_matrix_tells_each_count_in_its_place_and_no_zero():
    matrix = torch.tensor([[9, 0, 2], [1, 5, 0], [0, 4, 0]])
    (axes,) = figures.confusion(matrix, ("a", "b", "c")).axes
    told = {text.get_position(): (text.get_text(), text.get_color()) for text in axes.texts}
    # At (prediction, label); above 4.5, half of the highest count, the blue is dark.
    assert told == {
        **{(0, 0): ("9", "white"), (2, 0): ("2", "black"), (0, 1): ("1", "black")},
        **{(1, 1): ("5", "white"), (1, 2): ("4", "black")},
    }


def test_hidden_units_come_by_the_length_of_all_their_weights():
    weights = 0.001 * torch.ones(40, 784)
    weights[7], weights[3, 0] = -1.0, 5.0  # Of lengths 28 and 5.
    first, second, *_ = figures.first_layer_weights(weights).axes
    for axes, unit in ((first, 7), (second, 3)):
        assert axes.images[0].get_array().tolist() == weights[unit].view(28, 28).tolist()
