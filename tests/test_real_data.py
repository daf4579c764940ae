"""The real FashionMNIST, where a folder of it is named; its figures are widely published."""

import os

import pytest
import torch

from helpers import fashion


@pytest.mark.skipif(
    not os.environ.get("FASHION_MNIST_ROOT"), reason="FASHION_MNIST_ROOT names no folder"
)
def test_the_real_data_is_the_published_one():
    garments = fashion.load()
    assert garments.source.kind == "environment"
    assert garments.train_images.shape == (60_000, 28, 28)
    assert garments.test_images.shape == (10_000, 28, 28)
    assert torch.bincount(garments.train_labels).tolist() == [6_000] * 10
    assert torch.bincount(garments.test_labels).tolist() == [1_000] * 10
    pixels = garments.train_images.double() / 255
    assert pixels.mean().item() == pytest.approx(0.2860, abs=5e-5)
    assert pixels.std().item() == pytest.approx(0.3530, abs=5e-5)
