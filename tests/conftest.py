"""Fixtures that several test files share."""

import os
import tomllib
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parents[1]


# Tests that take minutes, by a part of their name: they run whole notebooks once more, or start and
# kill processes. Those who only want to know whether their notebooks still hold need not wait.
PROOFS = (
    "test_exercises.py::test_right_answers_are_called_right",
    "test_exercises.py::test_no_check_passes_junk",
    "test_it_runs_the_same_on_the_stand_in",
    "test_run.py::",
    "test_browser.py::test_in_the_browser",
    "test_checkpoint.py::test_kill",
)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Mark what takes minutes as proof."""
    for item in items:
        if any(part in item.nodeid for part in PROOFS):
            item.add_marker(pytest.mark.proof)


@pytest.fixture(scope="session")
def repository_url() -> str:
    """Where the repository lives, from the one place that knows."""
    with open(ROOT / "pyproject.toml", "rb") as file:
        return tomllib.load(file)["project"]["urls"]["Repository"]


# --- The debugging clinic ---


@pytest.fixture(scope="session")
def drawn():
    """A few thousand drawn garments, quickly."""
    from helpers import fashion, standin

    parts = []
    for seed, count in ((0, 6_400), (1, 2_000)):
        labels = torch.randint(10, (count,), generator=torch.Generator().manual_seed(seed))
        parts += [standin.draw(labels, seed=seed), labels]
    return fashion.Garments(*parts, source=fashion.Source("stand-in", "for a test"))


@pytest.fixture(scope="session")
def garments(drawn):
    """The real garments where they are on the disk, and the drawn ones elsewhere."""
    from helpers import fashion

    found = os.environ.get(fashion.ROOT_VARIABLE) or (fashion.DATA_FOLDER / "FashionMNIST").exists()
    return fashion.load(download=False) if found else drawn
