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


WAYS_TO_BREAK = []


def breaks(way):
    """Note a function that breaks a rule of a notebook."""
    WAYS_TO_BREAK.append(way)
    return way


def first_code_cell(notebook):
    return next(rules.code_cells(notebook))


@breaks
def remove_execution_count(notebook):
    first_code_cell(notebook).execution_count = None


@breaks
def store_an_error(notebook):
    error = nbformat.v4.new_output("error", ename="ValueError", evalue="x", traceback=[])
    first_code_cell(notebook).outputs.append(error)


@breaks
def announce_an_error_that_never_comes(notebook):
    first_code_cell(notebook).metadata["tags"] = ["raises-exception"]


@breaks
def ignore_an_output(notebook):
    first_code_cell(notebook).metadata["tags"] = ["nbval-ignore-output"]


@breaks
def ignore_an_output_by_comment(notebook):
    first_code_cell(notebook).source += "\n# NBVAL_IGNORE_OUTPUT"


@breaks
def write_a_long_cell(notebook):
    first_code_cell(notebook).source += "\npass" * 26


@breaks
def silence_a_line(notebook):
    first_code_cell(notebook).source += "\nprint(1);"


@breaks
def drop_the_alt_text(notebook):
    picture = nbformat.v4.new_output("display_data", data={"text/html": '<img src="data:">'})
    first_code_cell(notebook).outputs.append(picture)


@breaks
def show_a_bare_picture(notebook):
    picture = nbformat.v4.new_output("display_data", data={"image/png": "iVBORw0KGgo="})
    first_code_cell(notebook).outputs.append(picture)


@breaks
def point_the_badge_elsewhere(notebook):
    notebook.cells[0].source = notebook.cells[0].source.replace("mybinder.org/v2/gh/", "x/")


@breaks
def drop_the_last_section(notebook):
    while "## References" not in notebook.cells.pop().source:
        pass


@breaks
def leave_a_path(notebook):
    path = "/".join(["", "home", "someone", "x"])  # Put together, lest this file be found too.
    first_code_cell(notebook).source += f"\nopen({path!r})"


@breaks
def leave_a_path_of_windows(notebook):
    path = "C:" + "\\".join(["", "Users", "someone", "x"])
    error = nbformat.v4.new_output("stream", name="stderr", text=f"{path}: warning\n")
    first_code_cell(notebook).outputs.append(error)


@breaks
def leave_a_secret(notebook):
    notebook.cells[2].source += "\nlogin('h" + "f_" + 34 * "x" + "')"


@breaks
def leave_an_address(notebook):
    notebook.cells[-1].source += "\nQuestions go to someone" + "@" + "example.org."


@breaks
def keep_the_state_of_widgets(notebook):
    notebook.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": {"state": {}}}


@breaks
def keep_what_an_editor_wrote(notebook):
    notebook.metadata["language_info"]["vscode"] = {"interpreter": {"hash": "0"}}


@breaks
def name_a_kernel_of_ones_own(notebook):
    notebook.metadata["kernelspec"]["name"] = "my-course"


@breaks
def keep_the_timings_of_jupyterlab(notebook):
    times = {"iopub.execute_input": "2026-01-01T00:00:00.000000Z"}
    first_code_cell(notebook).metadata["execution"] = times


@breaks
def keep_the_timings_of_an_extension(notebook):
    times = {"start_time": "2026-01-01T00:00:00.000Z"}
    first_code_cell(notebook).metadata["ExecuteTime"] = times


@breaks
def let_an_output_scroll(notebook):
    first_code_cell(notebook).metadata["scrolled"] = True


@breaks
def leave_metadata_with_an_output(notebook):
    output = nbformat.v4.new_output("display_data", data={"text/plain": "x"})
    output.metadata = {"image/png": {"width": 100}}
    first_code_cell(notebook).outputs.append(output)


@breaks
def attach_a_picture(notebook):
    notebook.cells[-1]["attachments"] = {"image.png": {"image/png": "iVBORw0KGgo="}}


@breaks
def run_on_the_stand_in(notebook):
    line = "Garments: a drawn stand-in, not FashionMNIST (no network)\n"
    output = nbformat.v4.new_output("stream", name="stdout", text=line)
    first_code_cell(notebook).outputs.append(output)


def cell_with(notebook, words, start="no such words"):
    cells = notebook.cells
    return next(cell for cell in cells if words in cell.source or cell.source.startswith(start))


def tagged(notebook, tag):
    return next(cell for cell in rules.code_cells(notebook) if tag in rules.tags(cell))


def checking(notebook):
    return next(cell for cell in notebook.cells if rules.question(cell))


def cell_before(notebook, cell):
    return notebook.cells[notebook.cells.index(cell) - 1]


@breaks
def close_a_question(notebook):
    cell = cell_with(notebook, "\n## 1 · ", start="## 1 · ")
    cell.source = cell.source.replace("?", ".")


@breaks
def number_no_section(notebook):
    cell = cell_with(notebook, "\n## 2 · ", start="## 2 · ")
    cell.source = cell.source.replace("## 2 · ", "## ")


@breaks
def show_nothing(notebook):
    for cell in rules.lessons(notebook)[1][1]:
        if cell.cell_type == "code" and not rules.printed(cell).startswith(rules.OPEN_LINES):
            cell.outputs = []


@breaks
def lose_a_twin(notebook):
    notebook.cells.remove(cell_with(notebook, "explore.twin("))


@breaks
def show_the_twin_of_another_slider(notebook):
    cell = cell_with(notebook, "explore.twin(")
    cell.source = cell.source.replace("explore.twin(", "explore.twin(other_")


@breaks
def blank_the_twin(notebook):
    cell_with(notebook, "explore.twin(").outputs = []


@breaks
def ask_too_little(notebook):
    for cell in rules.code_cells(notebook):
        cell.metadata["tags"] = []


@breaks
def leave_a_prediction_unchecked(notebook):
    notebook.cells.remove(cell_with(notebook, ", guess_"))


@breaks
def leave_an_exercise_unchecked(notebook):
    function = re.search(r"def (\w+)", tagged(notebook, "exercise").source)[1]
    notebook.cells.remove(cell_with(notebook, f", {function})"))


@breaks
def check_in_two_lines(notebook):
    checking(notebook).source += "\nprint()"


@breaks
def hide_code(notebook):
    checking(notebook).metadata["jupyter"] = {"source_hidden": True}


@breaks
def say_nothing_before_a_prediction(notebook):
    cell = cell_before(notebook, tagged(notebook, "prediction"))
    cell.source = cell.source.replace("**Predict.**", "Predict:")


@breaks
def guess_for_the_reader(notebook):
    cell = tagged(notebook, "prediction")
    cell.source = cell.source.replace("None", "1")


@breaks
def title_no_exercise(notebook):
    cell = cell_before(notebook, tagged(notebook, "exercise"))
    cell.source = cell.source.replace("### Exercise 1", "### Exercise")


@breaks
def give_no_difficulty(notebook):
    cell = cell_before(notebook, tagged(notebook, "exercise"))
    cell.source = cell.source.replace("●", "").replace("○", "")


@breaks
def describe_no_function(notebook):
    cell = tagged(notebook, "exercise")
    cell.source = cell.source.replace('"""', "# ", 1).replace('"""', "")


@breaks
def label_a_reading(notebook):
    notebook.cells[-1].source = "**Read.** " + notebook.cells[-1].source


@breaks
def unfold_a_result(notebook):
    del rules.outputs_to_fold(notebook)[0].metadata["jupyter"]


@breaks
def unfold_for_older_viewers(notebook):
    del rules.outputs_to_fold(notebook)[0].metadata["collapsed"]


@breaks
def unfold_for_pages(notebook):
    rules.outputs_to_fold(notebook)[0].metadata["tags"] = []


@breaks
def fold_what_gives_nothing_away(notebook):
    first_code_cell(notebook).metadata |= rules.FOLDED


@breaks
def begin_with_the_answer(notebook):
    page = nbformat.v4.new_output("display_data", data={"text/html": "<p>42</p>"})
    rules.outputs_to_fold(notebook)[0].outputs.insert(0, page)


@breaks
def import_in_the_middle(notebook):
    list(rules.code_cells(notebook))[5].source += "\nimport math"


@breaks
def write_a_wide_line(notebook):
    first_code_cell(notebook).source += "\n# " + "wide " * 16


@breaks
def print_a_wide_line(notebook):
    output = nbformat.v4.new_output("stream", name="stdout", text="wide " * 17)
    first_code_cell(notebook).outputs.append(output)


@breaks
def hint_a_type(notebook):
    first_code_cell(notebook).source += "\nx: int = 1"


@breaks
def spell_as_the_british_do(notebook):
    first_code_cell(notebook).source += "\noptimiser = None"


@breaks
def call_a_cell_by_its_code(notebook):
    cell = first_code_cell(notebook)
    cell["id"] = re.sub(r"[^a-z0-9]+", "-", cell.source[:40].lower()).strip("-")


@breaks
def give_two_the_same_name(notebook):
    one, other = [cell for cell in notebook.cells if rules.question(cell)][:2]
    other.source = one.source


@breaks
def store_an_answer(notebook):
    checking(notebook).outputs[0].data["text/plain"] = "Right."


@breaks
def lose_a_solution(notebook):
    notebook.cells.remove(cell_with(notebook, "<summary>Solution</summary>"))


@breaks
def show_the_score_too_early(notebook):
    cell = cell_with(notebook, "check.score()")
    notebook.cells.remove(cell)
    notebook.cells.insert(5, cell)


@breaks
def say_nothing_of_the_score(notebook):
    cell_before(notebook, cell_with(notebook, "check.score()")).source = "The score:"


@breaks
def name_no_column(notebook):
    cell = cell_with(notebook, "| English | 中文 |")
    cell.source = cell.source.replace("| What it means here |", "| |")


@breaks
def put_out_a_table_without_names(notebook):
    page = "<table><tr><td>1</td></tr></table>"
    table = nbformat.v4.new_output("display_data", data={"text/html": page})
    first_code_cell(notebook).outputs.append(table)


@breaks
def forget_the_versions(notebook):
    cell = first_code_cell(notebook)
    cell.source = cell.source.replace("torch.__version__", "''")


@breaks
def forget_the_overview(notebook):
    notebook.cells[0].source = notebook.cells[0].source.replace("---", "")


@breaks
def forget_the_minutes(notebook):
    notebook.cells[0].source = notebook.cells[0].source.replace("**Minutes**", "**Time**")


@breaks
def skip_a_heading_level(notebook):
    notebook.cells.insert(3, nbformat.v4.new_markdown_cell("#### Deep down"))


@breaks
def remember_too_much(notebook):
    cell_with(notebook, "## What to remember").source += "\n6. And one more thing."


@breaks
def refer_to_nobody(notebook):
    cell_with(notebook, "## References").source += "\n- <https://example.org>"


@breaks
def forget_a_language(notebook):
    cell = cell_with(notebook, "| English | 中文 |")
    cell.source = cell.source.replace("中文", "Deutsch")


@pytest.mark.parametrize("break_it", WAYS_TO_BREAK)
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
