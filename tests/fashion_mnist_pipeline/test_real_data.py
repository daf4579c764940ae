"""The real FashionMNIST, where a folder of it is named; its figures are widely published."""

import os

import pytest
import torch

from fashion_mnist_pipeline import notes
from helpers.fashion_mnist_pipeline import fashion

pytestmark = pytest.mark.skipif(
    not os.environ.get("FASHION_MNIST_ROOT"), reason="FASHION_MNIST_ROOT names no folder"
)


def test_the_real_data_is_the_published_one():
    garments = fashion.load()
    assert garments.source.kind == "environment"
    images = garments.train_images
    assert images.shape == (60_000, 28, 28)
    assert garments.test_images.shape == (10_000, 28, 28)
    assert torch.bincount(garments.train_labels).tolist() == [6_000] * 10
    assert torch.bincount(garments.test_labels).tolist() == [1_000] * 10
    # In pieces, since to count takes eight bytes a pixel.
    counts = sum(torch.bincount(part.flatten(), minlength=256) for part in images.split(1_000))
    weights, values = counts.double() / counts.sum(), torch.arange(256).double() / 255
    mean = (weights * values).sum()
    assert mean.item() == pytest.approx(0.2860, abs=5e-5)
    assert (weights * (values - mean) ** 2).sum().sqrt().item() == pytest.approx(0.3530, abs=5e-5)


@pytest.mark.proof
def test_the_notes_recipe_ends_above_84_percent():
    """The mean of three seeds, for one alone may end a little below."""
    garments = fashion.load()
    parts = (
        garments.train_images,
        garments.train_labels,
        garments.test_images,
        garments.test_labels,
    )
    found = [notes.seen_after_training(*parts, seed=seed).accuracy for seed in range(3)]
    assert sum(found) / len(found) >= 0.84
