"""Every notebook keeps the rules, and each rule notices when it is broken."""

import copy
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from every_notebook import rules
from every_notebook.series import NOTEBOOKS

ROOT = Path(__file__).resolve().parents[2]
# The one that is broken on purpose below: it has a bit of everything, sliders too.
TO_BREAK = ROOT / "notebooks" / "03_gradient_descent.ipynb"


def complaints(path: Path, notebook: nbformat.NotebookNode, repository_url: str) -> list[str]:
    return [
        *rules.executed_in_order(notebook),
        *rules.errors_are_announced(notebook),
        *rules.compared_unless_allowed(path.stem, notebook),
        *rules.cells_are_small_and_plain(notebook),
        *rules.figures_have_alt_text(notebook),
        *rules.anatomy_is_in_place(notebook, repository_url, path.stem),
        *rules.imports_are_a_map(notebook),
        *rules.printed_text_fits(notebook),
        *rules.ids_say_what_is_shown(notebook),
        *rules.sections_ask_and_show(notebook),
        *rules.sliders_have_twins(notebook),
        *rules.there_is_enough_to_do(notebook),
        *rules.questions_keep_their_form(notebook),
        *rules.outputs_are_folded(notebook),
        *rules.score_comes_last(notebook),
        *rules.tables_have_headers(notebook),
        *rules.closing_is_short(notebook),
        *rules.nothing_of_a_machine(notebook),
        *rules.stored_from_the_real_data(notebook),
    ]


def test_the_series_is_what_lies_in_its_folder():
    assert sorted((ROOT / "notebooks").glob("*.ipynb")) == NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_keeps_the_rules(path, repository_url):
    assert complaints(path, nbformat.read(path, as_version=4), repository_url) == []


def test_the_instructors_page_knows_every_notebook():
    page = (ROOT / "notebooks" / "README.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| \[.*?\]\((\w+)\.ipynb\) \|(.*)\|$", page, flags=re.MULTILINE))
    assert set(rows) >= {path.stem for path in NOTEBOOKS}
    for path in NOTEBOOKS:
        section = page.split(f"\n## {path.stem[:2]} · ")[1].split("\n## ")[0]
        assert "**Objectives.**" in section and "**Minutes.**" in section
        assert section.count("\n| ") >= 5, "too few wrong answers"


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


def leave_a_path_of_windows(notebook):
    path = "C:" + "\\".join(["", "Users", "someone", "x"])
    error = nbformat.v4.new_output("stream", name="stderr", text=f"{path}: warning\n")
    first_code_cell(notebook).outputs.append(error)


def leave_a_secret(notebook):
    notebook.cells[2].source += "\nlogin('h" + "f_" + 34 * "x" + "')"


def leave_an_address(notebook):
    notebook.cells[-1].source += "\nQuestions go to someone" + "@" + "example.org."


def keep_the_state_of_widgets(notebook):
    notebook.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": {"state": {}}}


def keep_what_an_editor_wrote(notebook):
    notebook.metadata["language_info"]["vscode"] = {"interpreter": {"hash": "0"}}


def name_a_kernel_of_ones_own(notebook):
    notebook.metadata["kernelspec"]["name"] = "my-course"


def keep_the_timings_of_jupyterlab(notebook):
    times = {"iopub.execute_input": "2026-01-01T00:00:00.000000Z"}
    first_code_cell(notebook).metadata["execution"] = times


def keep_the_timings_of_an_extension(notebook):
    times = {"start_time": "2026-01-01T00:00:00.000Z"}
    first_code_cell(notebook).metadata["ExecuteTime"] = times


def fold_a_cell(notebook):
    first_code_cell(notebook).metadata["collapsed"] = True


def let_an_output_scroll(notebook):
    first_code_cell(notebook).metadata["scrolled"] = True


def hide_an_output(notebook):
    first_code_cell(notebook).metadata["jupyter"] = {"outputs_hidden": True}


def leave_metadata_with_an_output(notebook):
    output = nbformat.v4.new_output("display_data", data={"text/plain": "x"})
    output.metadata = {"image/png": {"width": 100}}
    first_code_cell(notebook).outputs.append(output)


def attach_a_picture(notebook):
    notebook.cells[-1]["attachments"] = {"image.png": {"image/png": "iVBORw0KGgo="}}


def run_on_the_stand_in(notebook):
    line = "Garments: a drawn stand-in, not FashionMNIST (no network)\n"
    output = nbformat.v4.new_output("stream", name="stdout", text=line)
    first_code_cell(notebook).outputs.append(output)


def cell_with(notebook, words):
    return next(cell for cell in notebook.cells if words in cell.source)


def close_a_question(notebook):
    cell = cell_with(notebook, "## Which way is down?")
    cell.source = cell.source.replace("?", ".")


def show_nothing(notebook):
    for cell in dict(rules.sections(notebook))["Why are narrow valleys slow?"]:
        if cell.cell_type == "code" and not rules.printed(cell).startswith(rules.OPEN_LINES):
            cell.outputs = []


def lose_a_twin(notebook):
    notebook.cells.remove(cell_with(notebook, "explore.twin(with_momentum"))


def show_the_twin_of_another_slider(notebook):
    cell = cell_with(notebook, "explore.twin(with_momentum")
    cell.source = cell.source.replace("with_momentum", "with_condition")


def blank_the_twin(notebook):
    cell_with(notebook, "explore.twin(with_momentum").outputs = []


def ask_too_little(notebook):
    for cell in rules.code_cells(notebook):
        if "prediction" in rules.tags(cell):
            cell.metadata["tags"] = []
        cell.source = cell.source.replace("check_prediction", "compare")


def leave_a_prediction_unchecked(notebook):
    cell = cell_with(notebook, "progress.check_prediction(")
    cell.source = cell.source.replace("progress.check_prediction", "learning.check_prediction")


def leave_an_exercise_unchecked(notebook):
    cell = cell_with(notebook, "progress.check_exercise(")
    cell.source = cell.source.replace("progress.check_exercise", "learning.check_exercise")


def give_two_the_same_name(notebook):
    cell = cell_with(notebook, '"factor of a step"')
    cell.source = cell.source.replace("factor of a step", "steps needed")


def store_an_answer(notebook):
    cell = cell_with(notebook, '"factor of a step"')
    cell.outputs[0].text = "Right.\n"


def lose_a_solution(notebook):
    notebook.cells.remove(cell_with(notebook, "<summary>Solution</summary>"))


def lay_the_hints_open(notebook):
    del cell_with(notebook, "progress.check_exercise(").metadata["jupyter"]


def keep_no_score(notebook):
    notebook.cells.remove(cell_with(notebook, "learning.Progress()"))


def show_the_score_too_early(notebook):
    cell = cell_with(notebook, "print(progress)")
    notebook.cells.remove(cell)
    notebook.cells.insert(5, cell)


def name_no_column(notebook):
    cell = cell_with(notebook, "| English | 中文 |")
    cell.source = cell.source.replace("| meaning |", "| |")


def put_out_a_table_without_names(notebook):
    page = "<table><tr><td>1</td></tr></table>"
    table = nbformat.v4.new_output("display_data", data={"text/html": page})
    first_code_cell(notebook).outputs.append(table)


def forget_the_versions(notebook):
    notebook.cells.remove(cell_with(notebook, "platform.python_version()"))


def forget_the_overview(notebook):
    notebook.cells[0].source = notebook.cells[0].source.replace("---", "")


def skip_a_heading_level(notebook):
    notebook.cells.insert(3, nbformat.v4.new_markdown_cell("#### Deep down"))


def remember_too_much(notebook):
    cell_with(notebook, "## What to remember").source += "\n- And one more thing."


def forget_a_language(notebook):
    cell = cell_with(notebook, "| English | 中文 |")
    cell.source = cell.source.replace("中文", "Deutsch")


@pytest.mark.parametrize(
    "break_it",
    [
        close_a_question,
        show_nothing,
        lose_a_twin,
        show_the_twin_of_another_slider,
        blank_the_twin,
        ask_too_little,
        leave_a_prediction_unchecked,
        leave_an_exercise_unchecked,
        give_two_the_same_name,
        store_an_answer,
        lose_a_solution,
        lay_the_hints_open,
        keep_no_score,
        show_the_score_too_early,
        name_no_column,
        put_out_a_table_without_names,
        forget_the_versions,
        forget_the_overview,
        skip_a_heading_level,
        remember_too_much,
        forget_a_language,
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
        leave_a_path_of_windows,
        leave_a_secret,
        leave_an_address,
        keep_the_state_of_widgets,
        keep_what_an_editor_wrote,
        name_a_kernel_of_ones_own,
        keep_the_timings_of_jupyterlab,
        keep_the_timings_of_an_extension,
        fold_a_cell,
        let_an_output_scroll,
        hide_an_output,
        leave_metadata_with_an_output,
        attach_a_picture,
        run_on_the_stand_in,
    ],
)
def test_a_broken_rule_is_noticed(break_it, repository_url):
    notebook = copy.deepcopy(nbformat.read(TO_BREAK, as_version=4))
    before = complaints(TO_BREAK, notebook, repository_url)
    break_it(notebook)
    assert set(complaints(TO_BREAK, notebook, repository_url)) - set(before)


def run_nbval(path: Path) -> subprocess.CompletedProcess:
    path.with_name("pytest.ini").write_text("[pytest]\n")
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", "pytest.ini"]
        + ["--nbval", "--nbval-current-env", path.name],
        cwd=path.parent,
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.proof
def test_nbval_notices_a_changed_number(tmp_path):
    cell = nbformat.v4.new_code_cell("print(6 * 7)", execution_count=1)
    cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text="42\n")]
    path = tmp_path / "small.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
    assert run_nbval(path).returncode == 0
    cell.outputs[0].text = "43\n"
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
    assert run_nbval(path).returncode == 1


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("04_fashion_mnist_pipeline", marks=pytest.mark.proof),
        pytest.param("05_debugging_clinic", marks=pytest.mark.weekly),
    ],
)
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
        [sys.executable, "-m", "pytest", "-q", "-n", "0", f"{name}.ipynb"],
        cwd=tmp_path / "notebooks",
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert run.returncode == 0, run.stdout[-3000:]
    assert not (tmp_path / "data" / "FashionMNIST").exists()
