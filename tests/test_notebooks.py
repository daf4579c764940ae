"""Every notebook keeps the rules, and each rule notices when it is broken."""

import copy
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import notebook_rules as rules
import pytest

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def complaints(path: Path, notebook: nbformat.NotebookNode, repository_url: str) -> list[str]:
    return [
        *rules.executed_in_order(notebook),
        *rules.errors_are_announced(notebook),
        *rules.compared_unless_allowed(path.stem, notebook),
        *rules.cells_are_small_and_plain(notebook),
        *rules.figures_have_alt_text(notebook),
        *rules.anatomy_is_in_place(notebook, repository_url, path.stem),
        *rules.nothing_of_a_machine(notebook),
        *rules.stored_from_the_real_data(notebook),
    ]


def test_there_are_notebooks():
    assert NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_keeps_the_rules(path, repository_url):
    assert complaints(path, nbformat.read(path, as_version=4), repository_url) == []


def test_every_allowed_place_exists():
    names = {path.stem for path in NOTEBOOKS}
    assert {name for name, _ in rules.IGNORED_OUTPUTS} <= names
    assert all(reason.strip() for reason in rules.IGNORED_OUTPUTS.values())


def first_code_cell(notebook):
    return next(rules.code_cells(notebook))


def remove_execution_count(notebook):
    first_code_cell(notebook).execution_count = None


def store_an_error(notebook):
    error = nbformat.v4.new_output("error", ename="ValueError", evalue="x", traceback=[])
    first_code_cell(notebook).outputs.append(error)


def announce_an_error_that_never_comes(notebook):
    first_code_cell(notebook).metadata["tags"] = ["raises-exception"]


def ignore_an_output(notebook):
    first_code_cell(notebook).metadata["tags"] = ["nbval-ignore-output"]


def ignore_an_output_by_comment(notebook):
    first_code_cell(notebook).source += "\n# NBVAL_IGNORE_OUTPUT"


def write_a_long_cell(notebook):
    first_code_cell(notebook).source += "\npass" * 26


def silence_a_line(notebook):
    first_code_cell(notebook).source += "\nprint(1);"


def drop_the_alt_text(notebook):
    picture = nbformat.v4.new_output("display_data", data={"text/html": '<img src="data:">'})
    first_code_cell(notebook).outputs.append(picture)


def show_a_bare_picture(notebook):
    picture = nbformat.v4.new_output("display_data", data={"image/png": "iVBORw0KGgo="})
    first_code_cell(notebook).outputs.append(picture)


def point_the_badge_elsewhere(notebook):
    notebook.cells[0].source = notebook.cells[0].source.replace("mybinder.org/v2/gh/", "x/")


def drop_the_last_section(notebook):
    while "## References" not in notebook.cells.pop().source:
        pass


def leave_a_path(notebook):
    path = "/".join(["", "home", "someone", "x"])  # Put together, lest this file be found too.
    first_code_cell(notebook).source += f"\nopen({path!r})"


def run_on_the_stand_in(notebook):
    line = "Garments: a drawn stand-in, not FashionMNIST (no network)\n"
    output = nbformat.v4.new_output("stream", name="stdout", text=line)
    first_code_cell(notebook).outputs.append(output)


@pytest.mark.parametrize(
    "break_it",
    [
        remove_execution_count,
        store_an_error,
        announce_an_error_that_never_comes,
        ignore_an_output,
        ignore_an_output_by_comment,
        write_a_long_cell,
        silence_a_line,
        drop_the_alt_text,
        show_a_bare_picture,
        point_the_badge_elsewhere,
        drop_the_last_section,
        leave_a_path,
        run_on_the_stand_in,
    ],
)
def test_a_broken_rule_is_noticed(break_it, repository_url):
    path = NOTEBOOKS[-1]
    notebook = copy.deepcopy(nbformat.read(path, as_version=4))
    break_it(notebook)
    assert complaints(path, notebook, repository_url)


def run_nbval(path: Path) -> subprocess.CompletedProcess:
    arguments = ["--nbval", "--nbval-current-env", "-p", "no:cacheprovider", "-q", str(path)]
    return subprocess.run(
        [sys.executable, "-m", "pytest", "--rootdir", str(path.parent), "-c", "/dev/null"]
        + arguments,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_nbval_notices_a_changed_number(tmp_path):
    cell = nbformat.v4.new_code_cell("print(6 * 7)", execution_count=1)
    cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text="42\n")]
    path = tmp_path / "small.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
    assert run_nbval(path).returncode == 0
    cell.outputs[0].text = "43\n"
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
    assert run_nbval(path).returncode == 1


@pytest.mark.parametrize("name", ["04_fashion_mnist_pipeline", "05_debugging_clinic"])
def test_it_runs_the_same_on_the_stand_in(tmp_path, name):
    """The same notebook, strictly compared, in a copy of the project without data or network."""
    for folder in ("helpers", "notebooks", "tests"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    environment = {
        **{k: v for k, v in os.environ.items() if k != "FASHION_MNIST_ROOT"},
        "PYTHONPATH": str(tmp_path),
        # Nothing listens there, so every request is refused.
        "http_proxy": "http://127.0.0.1:9",
        "https_proxy": "http://127.0.0.1:9",
        "no_proxy": "",
    }
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", f"{name}.ipynb"],
        cwd=tmp_path / "notebooks",
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert run.returncode == 0, run.stdout[-3000:]
    assert not (tmp_path / "data" / "FashionMNIST").exists()
