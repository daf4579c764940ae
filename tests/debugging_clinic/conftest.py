"""The garments that the clinic's tests train on."""

import os

import pytest
import torch

from debugging_clinic.runs import batches_of
from helpers.fashion_mnist_pipeline import fashion, standin


@pytest.fixture(scope="session")
def drawn():
    """A few thousand drawn garments, quickly."""
    parts = []
    for seed, count in ((0, 6_400), (1, 2_000)):
        labels = torch.randint(10, (count,), generator=torch.Generator().manual_seed(seed))
        parts += [standin.draw(labels, seed=seed), labels]
    return fashion.Garments(*parts, source=fashion.Source("stand-in", "for a test"))


@pytest.fixture(scope="session")
def garments(drawn):
    """The real garments where they are on the disk, and the drawn ones elsewhere."""
    found = os.environ.get(fashion.ROOT_VARIABLE) or (fashion.DATA_FOLDER / "FashionMNIST").exists()
    return fashion.load(download=False) if found else drawn


@pytest.fixture(scope="session")
def batches(drawn):
    """A sound training part: forty batches of a hundred drawn garments."""
    return batches_of(drawn, 100, seed=0)
