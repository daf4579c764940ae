"""Fixtures that several test files share."""

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
