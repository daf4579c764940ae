"""Fixtures that several test files share."""

import os
import tomllib
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parents[1]

# Threads that share an operation wait for each other, on a busy machine a hundred times as long as
# they work. One is enough for a test, and for a notebook's kernel beside another.
torch.set_num_threads(1)
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def pyproject() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def repository_url(pyproject) -> str:
    """Where the repository lives, from the one place that knows."""
    return pyproject["project"]["urls"]["Repository"]


@pytest.fixture(scope="session")
def oldest_python(pyproject) -> str:
    return pyproject["project"]["requires-python"].removeprefix(">=")
