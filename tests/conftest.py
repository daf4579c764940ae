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

# Tests that take their time, by a part of their name: they run whole notebooks once more, train
# many networks, or start and kill processes. Those who only want to know whether their notebooks
# still hold need not wait. And tests that need what `.ci/requirements.txt` installs.
PROOFS = (
    "test_descent.py::test_paths_equal_pytorchs_on_50_quadratics",
    "test_figures.py::test_drawing_leaves_no_setting",
    "test_figures.py::test_a_figure_that_is_shown_again",
    "test_fashion.py::test_two_processes_that_start_at_once",
    "test_first_aid.py::test_one_screen_without_a_data_folder",
    "test_memory.py::test_the_limit_is_held",
    "test_notebooks.py::test_nbval_notices_a_changed_number",
    "test_pictures.py::test_nbval_",
    "test_preflight.py::test_a_sound_run_passes",
    "test_preflight.py::test_each_fault_is_named_and_its_healthy_twin_passes",
    "test_preflight.py::test_faults_of_other_networks_are_named",
    "test_preflight.py::test_unusual_",
    "test_real_data.py::test_the_notes_recipe",
    "test_standin.py::test_the_notes_network",
    "test_exercises.py::test_right_answers_are_called_right",
    "test_exercises.py::test_no_check_passes_junk",
    "test_it_runs_the_same_on_the_stand_in",
    "test_run.py::",
    "test_checkpoint.py::test_a_process_killed",
    "test_binder.py::test_the_image_has_the_python",
    "test_binder.py::test_the_helpers_are_installed",
    "test_binder.py::test_the_repository_adds_one_step",
    "test_binder.py::test_pip_takes_the_cpu_builds",
    "test_workflows.py::test_actionlint",
    "test_junk.py::test_junk",
    "test_any_order.py::test_any_order",
    "test_clinic.py::test_each_bound_lies",
    "test_standin.py::test_the_number_of_threads",
    "test_properties.py::",
    "test_browser.py::test_in_the_browser",
)


# Proofs that take minutes each, of what changes seldom.
WEEKLY = (
    "test_any_order.py::test_any_order_any_state_the_same_results[03",
    "test_any_order.py::test_any_order_any_state_the_same_results[05",
    "test_it_runs_the_same_on_the_stand_in[05",
)

# These files of proofs take longest. They come first, so that the short ones fill up the end.
SLOW_FIRST = ("test_browser", "test_exercises", "test_run", "test_notebooks", "test_any_order")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Mark what takes minutes as proof, or as weekly."""
    for item in items:
        if any(part in item.nodeid for part in WEEKLY):
            item.add_marker(pytest.mark.weekly)
        elif any(part in item.nodeid for part in PROOFS):
            item.add_marker(pytest.mark.proof)
    items.sort(key=lambda item: item.path.stem not in SLOW_FIRST)


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
