"""Fixtures that several test files share."""

import os
import tomllib
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parents[1]

# Two threads that share an operation wait for each other, and beside other work on the machine they
# can wait a hundred times as long as they work. One is enough for what a test computes.
torch.set_num_threads(1)


@pytest.fixture(scope="session")
def repository_url() -> str:
    """Where the repository lives, from the one place that knows."""
    with open(ROOT / "pyproject.toml", "rb") as file:
        return tomllib.load(file)["project"]["urls"]["Repository"]


# --- The debugging clinic ---


@pytest.fixture(scope="session")
def drawn():
    """A few thousand drawn garments, quickly."""
    from helpers.fashion_mnist_pipeline import fashion, standin

    parts = []
    for seed, count in ((0, 6_400), (1, 2_000)):
        labels = torch.randint(10, (count,), generator=torch.Generator().manual_seed(seed))
        parts += [standin.draw(labels, seed=seed), labels]
    return fashion.Garments(*parts, source=fashion.Source("stand-in", "for a test"))


@pytest.fixture(scope="session")
def garments(drawn):
    """The real garments where they are on the disk, and the drawn ones elsewhere."""
    from helpers.fashion_mnist_pipeline import fashion

    found = os.environ.get(fashion.ROOT_VARIABLE) or (fashion.DATA_FOLDER / "FashionMNIST").exists()
    return fashion.load(download=False) if found else drawn
