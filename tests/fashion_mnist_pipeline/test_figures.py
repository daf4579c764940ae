"""What the figures of notebook 04 find in their data."""

import torch

from fashion_mnist_pipeline.drawings import CLASSES, EVALUATION, IMAGES, LINE
from helpers.fashion_mnist_pipeline import figures
from helpers.fashion_mnist_pipeline.training import History


def test_the_curves_do_without_a_validation_part():
    alone = figures.training_curves(History([1.0, 0.5], [0.6, 0.8]))
    assert "Training accuracy ends at 80.0%" in alone.axes[1].get_title("left")


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
    assert sure[:3] == ["100.0% sure", "95.5% sure", "90.9% sure"] and sure[-1] == "50.0% sure"


def test_the_most_frequent_mistake_is_named():
    matrix = torch.tensor([[5, 0, 1], [4, 3, 0], [0, 2, 9]])
    assert "shoe taken for coat" in figures.confusion(matrix, CLASSES).axes[0].get_title("left")


def test_the_ladder_says_how_far_it_goes_down():
    drawn = figures.ladder({"usual": 3.0, "in memory": 0.3, "floor": 0.15})
    assert drawn.axes[0].get_title("left") == "The floor is 20 times as fast as where we came from"
    labels = [text.get_text().strip() for text in drawn.axes[0].texts]
    assert labels == ["3.00 s, ×1.0", "0.30 s, ×10.0", "0.15 s, ×20.0"]
    assert "many times as long" in drawn.alt
    assert "not many times" in figures.ladder({"usual": 0.3, "floor": 0.15}).alt


def test_the_longest_part_is_named():
    drawn = figures.time_by_part({"fetch": 0.1, "backward": 0.3})
    assert drawn.axes[0].get_title("left") == "Of 400 ms, most goes into backward"
    assert [text.get_text().strip() for text in drawn.axes[0].texts] == ["25%", "75%"]
