"""What the figures of notebook 04 find in their data."""

import torch

from fashion_mnist_pipeline.drawings import CLASSES, EVALUATION, IMAGES, LINE
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
