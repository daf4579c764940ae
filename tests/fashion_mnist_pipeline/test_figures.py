"""What the figures of notebook 04 find in their data."""

import pytest
import torch

from fashion_mnist_pipeline.drawings import CLASSES, EVALUATION, GARMENTS, IMAGES, LABELS, LINE
from helpers.fashion_mnist_pipeline import figures
from helpers.fashion_mnist_pipeline.training import Evaluation, History


def test_the_curves_do_without_a_validation_part():
    alone = figures.training_curves(History([1.0, 0.5], [0.6, 0.8]))
    assert "Training ends at 80.0%" in alone.axes[1].get_title("left")


def test_the_curves_of_one_epoch_tell_of_no_trend():
    assert figures.training_curves(History([1.0], [0.6])).alt == "Loss and accuracy of one epoch."


def test_convexity_is_seen_and_not_supposed():
    drawn = figures.convex_or_not(LINE, LINE - LINE**2, LINE**2)
    assert "in the scores it rises above" in drawn.alt
    assert "in the weights it sags below" in drawn.alt


def test_the_curves_name_a_loss_that_does_not_fall():
    rising = History([0.5, 1.0], [0.8, 0.6], [0.6, 0.9], [0.75, 0.7])
    assert "does not fall" in figures.training_curves(rising).alt


def test_mistakes_are_the_surest_first():
    drawn = figures.confident_mistakes(IMAGES, EVALUATION, CLASSES)
    sure = [axes.get_title("left").split("\n")[1] for axes in drawn.axes]
    assert sure[:3] == ["100% sure", "95.4% sure", "90.9% sure"] and sure[-1] == "50% sure"


def test_the_most_frequent_mistake_is_named():
    matrix = torch.tensor([[5, 0, 1], [4, 3, 0], [0, 2, 9]])
    assert "shoe taken for coat" in figures.confusion(matrix, CLASSES).axes[0].get_title("left")


def test_the_ladder_says_how_far_it_goes_down_and_on_which_rung():
    drawn = figures.ladder({"usual": 3.0, "in memory": 0.3, "by hand": 0.15, "products": 0.12})
    assert drawn.axes[0].get_title("left") == "20 times faster, 10 times on one rung alone"
    labels = [text.get_text() for text in drawn.axes[0].texts]
    assert labels == ["3.00 s, ×1.0", "0.30 s, ×10.0", "0.15 s, ×20.0", "0.12 s, ×25.0"]
    assert "many times as long" in drawn.alt
    few = figures.ladder({"usual": 0.3, "by hand": 0.15, "products": 0.12})
    assert "not many times" in few.alt


def test_a_rung_that_gains_nothing_is_said_to_gain_nothing():
    drawn = figures.ladder({"usual": 3.0, "bytes": 3.0, "floats": 2.5, "by hand": 2.6, "left": 2})
    no_gain = [text.get_text().endswith("no gain") for text in drawn.axes[0].texts]
    assert no_gain == [False, True, False, True, False]


def test_the_longest_part_is_named():
    drawn = figures.time_by_part({"fetch": 0.1, "backward": 0.3})
    title = "Of 400 ms, the largest part goes into backward"
    assert drawn.axes[0].get_title("left") == title
    assert [text.get_text().strip() for text in drawn.axes[0].texts] == ["25%", "75%"]


def bars_of(axes):
    """Return (middle, half a length) of each upright error bar."""
    segments = [line for bar in axes.containers for line in bar.lines[2][0].get_segments()]
    return [(float(y.mean()), float(y[1] - y[0]) / 2) for y in (s[:, 1] for s in segments)]


def test_error_bars_are_those_of_the_formula():
    # 1.96 √(0.8 · 0.2 / 400) = 0.0392; 1.96 √(0.5 · 0.5 / 400) = 0.049
    drawn = figures.seeds_compared({"test": [0.8], "validation": [0.5]}, 400)
    found = [(round(y, 4), round(margin, 4)) for y, margin in bars_of(drawn.axes[0])]
    assert found == [(0.8, 0.0392), (0.5, 0.049)]
    assert drawn.axes[0].get_title("left").startswith("Test below validation for 0 of 1 seeds")


def test_the_epoch_named_has_the_lowest_validation_loss():
    history = History([3.0, 2.0, 1.0], [0.6, 0.8, 0.9], [0.9, 0.5, 0.6], [0.7, 0.5, 0.8])
    loss, accuracy = figures.training_curves(history, 100).axes
    assert loss.get_title("left") == "Lowest validation loss: epoch 2"
    assert accuracy.get_title("left") == "Validation ends at 80.0% ± 7.8"


def test_the_best_rate_is_the_best_on_average():
    title = figures.sweep({0.1: [0.9, 0.1], 1.0: [0.6, 0.6]}, 100).axes[0].get_title("left")
    assert title.startswith("The best of these rates: 1;")


def test_nobody_is_wholly_sure():
    assert figures._rounded_down(torch.tensor(0.99999)) == 99.9


def test_those_wholly_sure_are_in_the_last_tenth():
    # 30 of 60 right: one dot, half way up, and not one of the wrong and one of the right.
    labels = torch.zeros(60, dtype=torch.int64)
    said, sure = torch.tensor([0, 1]).repeat_interleave(30), torch.tensor([1.0, 0.95])
    seen = Evaluation(1.0, 0.5, labels, said, sure.repeat_interleave(30))
    dots = figures.reliability({"this epoch": seen}).axes[0].lines[1]
    assert dots.get_ydata().tolist() == [0.5]


# --- Pictures within a figure: what is shown, in which colours, from which number to which ---


def images_of(figure):
    """Return each picture's numbers, its colours, and the ends of its scale."""
    shown = [image for axes in figure.axes for image in axes.images]
    return [(torch.tensor(i.get_array().data), i.get_cmap().name, i.get_clim()) for i in shown]


def test_the_first_garments_of_each_class_fill_its_row():
    labels = torch.arange(60) % 3
    pictures = torch.arange(60, dtype=torch.uint8)[:, None, None].expand(60, 28, 28)
    garments = type(GARMENTS)(pictures, labels, pictures, labels, GARMENTS.source, CLASSES)
    ((sheet, colours, _),) = images_of(figures.garments_by_class(garments))
    assert colours == "gray_r" and sheet.shape == (3 * 28, 14 * 28)
    assert sheet[::28, ::28].tolist() == [[c + 3 * n for n in range(14)] for c in range(3)]


def test_a_batch_has_one_scale_from_its_lowest_to_its_highest_number():
    batch = torch.linspace(-1, 3, 12)[:, None, None, None].expand(12, 1, 28, 28)
    drawn = figures.a_batch(batch, LABELS, CLASSES)
    shown = images_of(drawn)
    assert [round(float(image[0, 0]), 4) for image, *_ in shown] == pytest.approx(
        batch[:10, 0, 0, 0].tolist(), abs=1e-3
    )
    assert {(colours, scale) for _, colours, scale in shown} == {("gray_r", (-1.0, 3.0))}
    title = "The network gets numbers from -1 to 3, and these labels"
    assert drawn.get_suptitle() == title


def test_the_units_with_the_largest_weights_come_first_each_in_a_scale_around_zero():
    signs = torch.where(torch.arange(784) % 2 == 0, -1.0, 0.5)
    weights = torch.arange(1.0, 41)[:, None] * signs
    shown = images_of(figures.first_layer_weights(weights))
    assert len(shown) == 32
    for unit, (picture, colours, scale) in zip(range(40, 8, -1), shown, strict=True):
        assert torch.equal(picture, weights[unit - 1].view(28, 28))
        assert (colours, scale) == ("RdBu", (-unit, unit))


def test_filters_share_one_scale_around_zero_and_what_is_large_is_bright():
    filters = torch.tensor([-3.0, 1.0])[:, None, None, None] * torch.ones(2, 1, 3, 3)
    maps = torch.stack([torch.zeros(4, 4), torch.eye(4)])
    shown = images_of(figures.filters_at_work(IMAGES[0], filters, maps))
    (garment, grey, _), *pairs = shown
    assert torch.equal(garment, IMAGES[0]) and grey == "gray" and len(pairs) == 4
    for number, ((above, *look), (below, colours, _)) in enumerate(
        zip(*[iter(pairs)] * 2, strict=True)
    ):
        assert torch.equal(above, filters[number, 0]) and look == ["RdBu", (-3.0, 3.0)]
        assert torch.equal(below, maps[number]) and colours == "gray"


def test_garments_are_drawn_dark_on_white_and_counts_blue():
    one = figures.class_probabilities(IMAGES[3], torch.tensor([0.2, 0.7, 0.1]), 1, CLASSES)
    ((garment, colours, _),) = images_of(one)
    assert torch.equal(garment, IMAGES[3]) and colours == "gray_r"
    mistakes = images_of(figures.confident_mistakes(IMAGES, EVALUATION, CLASSES))
    assert [torch.equal(image, IMAGES[11 - n]) for n, (image, *_) in enumerate(mistakes)] == [
        True
    ] * 12
    assert {colours for _, colours, _ in mistakes} == {"gray_r"}
    matrix = torch.tensor([[5, 0, 1], [4, 3, 0], [0, 2, 9]])
    ((counts, colours, _),) = images_of(figures.confusion(matrix, CLASSES))
    assert torch.equal(counts, matrix) and colours == "Blues"


# --- On either side of a bound ---


@pytest.mark.parametrize(
    ("probabilities", "title", "half"),
    [
        ([0.1, 0.49, 0.41], "The network cannot decide", "No bar reaches one half."),
        ([0.5, 0.25, 0.25], "The network says coat", "One bar is longer than one half."),
        ([0.2, 0.1, 0.7], "The network says bag", "One bar is longer than one half."),
    ],
)
def test_below_one_half_the_network_cannot_decide(probabilities, title, half):
    drawn = figures.class_probabilities(IMAGES[0], torch.tensor(probabilities), 1, CLASSES)
    assert drawn.axes[1].get_title("left") == f"{title} (hatched: the truth)"
    assert drawn.alt.endswith(half)
    hatched = [bar.get_hatch() for bar in drawn.axes[1].patches]
    assert hatched == [None, "//", None]


@pytest.mark.parametrize("validated", [False, True])
@pytest.mark.parametrize(("last", "falls"), [(0.9, True), (1.0, False), (1.1, False)])
def test_a_loss_falls_if_it_ends_below_where_it_began(last, falls, validated):
    more = ([0.9, 0.6], [0.7, 0.75]) if validated else ([], [])
    drawn = figures.training_curves(History([1.0, last], [0.6, 0.8], *more), 100)
    said = "falls" if falls else "does not fall"
    end = "; a dotted line marks the lowest validation loss." if validated else "."
    trend = f"The training loss {said} from the first epoch to the last{end}"
    assert drawn.alt == f"Loss and accuracy over 2 epochs. {trend}"
    if not validated:
        assert drawn.axes[0].get_title("left") == f"The training loss {said}"
        assert drawn.axes[1].get_title("left") == "Training ends at 80.0%"  # With no error bar.
        assert not drawn.axes[1].containers


@pytest.mark.parametrize(("epochs", "size"), [(9, 6), (10, 3)])
def test_many_epochs_have_small_markers(epochs, size):
    numbers = [1.0] * epochs
    drawn = figures.training_curves(History(numbers, numbers, numbers, numbers))
    lines = [line for axes in drawn.axes for line in axes.lines if line.get_marker() in ("o", "s")]
    assert [line.get_markersize() for line in lines] == [size] * 4


def test_the_margin_of_a_class_is_that_of_its_own_images():
    matrix = torch.tensor([[3, 1, 0], [0, 80, 20], [2, 0, 2]])
    drawn = figures.accuracy_by_class(matrix, CLASSES)
    (bars,) = [c for c in drawn.axes[0].containers if hasattr(c, "lines")]
    ends = [segment[:, 0] for segment in bars.lines[2][0].get_segments()]
    # 1.96 √(p (1 - p) / n), with p and n of 0.5 and 4, 0.75 and 4, 0.8 and 100.
    half = [float(right - left) / 2 for left, right in ends]
    assert half == pytest.approx([0.49, 0.42435, 0.0784], abs=1e-4)
    assert "all together, 78.7%" in drawn.axes[0].get_xlabel()  # 85 of 108.


def test_what_lies_on_its_chord_but_for_rounding_sags():
    drawn = figures.convex_or_not(LINE, 1 + LINE + 5e-7 * (LINE == 0.5), 1 - LINE)
    titles = [axes.get_title("left") for axes in drawn.axes]
    assert titles == ["Scores: sags below the chord", "Weights: sags below the chord"]
    assert "rises" in figures.convex_or_not(LINE, LINE + 2e-6 * (LINE == 0.5), LINE).alt


def test_the_best_recipe_is_the_one_that_ends_highest():
    runs = {"quick": ([1.0], [0.8]), "by epoch": ([0.5, 1.0], [0.9, 0.75])}
    drawn = figures.accuracy_against_seconds(runs, usual_epoch=2.0, images=400)
    assert drawn.axes[0].get_title("left") == "Best here: quick, 80.0% ± 3.9"


def test_seeds_that_are_equal_are_not_below_and_a_minus_is_a_minus():
    reached = {"test": [0.8, 0.75, 0.9], "validation": [0.8, 0.77, 0.7]}
    title = figures.seeds_compared(reached, 400).axes[0].get_title("left")
    assert title == "Test below validation for 1 of 3 seeds, by −6.0 points on average"


@pytest.mark.parametrize(("images", "dots"), [(19, 0), (20, 1)])
def test_fewer_than_twenty_answers_are_no_dot(images, dots):
    labels = torch.zeros(images, dtype=torch.int64)
    seen = Evaluation(1.0, 0.5, labels, labels, torch.full((images,), 0.65))
    assert len(figures.reliability({"this epoch": seen}).axes[0].lines[1].get_xdata()) == dots


@pytest.mark.parametrize(
    ("first", "many"), [(4.1, True), (4.0, False), (3.9, False)],
)  # fmt: skip
def test_more_than_four_times_is_many_times(first, many):
    alt = figures.ladder({"usual": first, "by hand": 1.0, "products": 0.1}).alt
    assert ("takes not many times" in alt, "takes many times" in alt) == (not many, many)


def test_a_rung_gains_within_a_fiftieth_nothing_and_what_remains_is_no_rung():
    drawn = figures.ladder({"usual": 1.0, "a": 0.985, "b": 0.96, "left": 0.1})
    words = [text.get_text() for text in drawn.axes[0].texts]
    no_gain = [word.endswith(", no gain") for word in words]
    assert no_gain == [False, True, False, False]
    assert drawn.axes[0].get_title("left") == "1 times faster, 1 times on one rung alone"


def test_ten_thousand_and_more_are_written_in_thousands():
    sizes = {1_000: 0.1, 9_999: 0.2, 10_000: 0.3, 500_000: 0.4}
    drawn = figures.cost_growth(sizes, sizes, sizes, {size: (0.1, 0.4) for size in sizes})
    for axes in drawn.axes:
        assert [t.get_text() for t in axes.get_xticklabels()] == ["1000", "9999", "10k", "500k"]
