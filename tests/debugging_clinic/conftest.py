"""The garments that the clinic's tests train on."""

import os

import pytest

from debugging_clinic.runs import batches_of, drawn_garments
from helpers.fashion_mnist_pipeline import fashion


@pytest.fixture(scope="session")
def drawn():
    """As many drawn garments as a check looks at: to draw more takes longer than most tests."""
    return drawn_garments(2_000, 500)


@pytest.fixture(scope="session")
def garments():
    """The real garments where they are on the disk, and drawn ones elsewhere."""
    found = os.environ.get(fashion.ROOT_VARIABLE) or (fashion.DATA_FOLDER / "FashionMNIST").exists()
    return fashion.load(download=False) if found else drawn_garments(6_400, 2_000)


@pytest.fixture(scope="session")
def batches(drawn):
    """A sound training part: eight batches of a hundred drawn garments."""
    return batches_of(drawn, 100, seed=0)[:8]
