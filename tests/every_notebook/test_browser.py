"""Each notebook does in JupyterLab, in a real browser, what it promises; the keyboard is enough."""

import copy
import re
import shutil
import sys
from pathlib import Path

import nbformat
import pytest

import helpers
from every_notebook import browser, rules
from every_notebook.pictures import pictures
from every_notebook.series import NOTEBOOKS, WINGS
from every_notebook.test_checks import Wing, first_line

# What a slider's cell says, and the two kinds of control that it brings.
SLIDER = re.compile(r"\bexplore\.slider\(")
HANDLE = ".widget-slider .noUi-handle"
FILM_BAR = "input[type=range]"
# What stands in each verdict on a right answer.
RIGHT = re.compile(r"right\.|Right\.")


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A JupyterLab on a folder of its own, and the browser that looks at it."""
    folder = tmp_path_factory.mktemp("notebooks")
    home = tmp_path_factory.mktemp("jupyter")
    with browser.launch() as chromium, browser.serve(folder, home) as address:
        yield chromium, address, folder


def copy_without_outputs(path: Path, folder: Path) -> Path:
    """Copy a notebook as it was before it ever ran, so that nothing stored passes for new."""
    notebook = nbformat.read(path, as_version=4)
    for cell in rules.code_cells(notebook):
        cell.outputs, cell.execution_count = [], None
    nbformat.write(notebook, folder / path.name)
    return folder / path.name


def with_counts_of_no_run(notebook):
    """Return a stored notebook whose cells, if they do not run, show by their numbers."""
    notebook = copy.deepcopy(notebook)
    for cell in rules.code_cells(notebook):
        cell.execution_count += 1_000
    return notebook


def complaints_about_the_file(stored, saved) -> list[str]:
    """Say what is amiss in a notebook that the browser has saved, beside the one committed."""
    found = [*rules.executed_in_order(saved), *rules.errors_are_announced(saved)]
    for before, after in zip(rules.code_cells(stored), rules.code_cells(saved), strict=True):
        counts = [len(pictures(cell.outputs)) for cell in (before, after)]
        if counts[0] != counts[1]:
            found.append(f"cell {after.id}: {counts[0]} pictures are stored, {counts[1]} drawn")
    return found


def controls(notebook) -> list[tuple[int, str]]:
    """Return (position of the cell, selector) of each slider that a notebook has."""
    found = []
    for position, cell in enumerate(notebook.cells):
        if cell.cell_type == "code":
            found += [(position, HANDLE)] * len(SLIDER.findall(cell.source))
            found += [(position, FILM_BAR)] * "".join(rules.pages(cell)).count('type="range"')
    return found


def complaints_about_the_pictures(notebook, page) -> list[str]:
    """Say which picture the page does not show, or shows without words."""
    found = []
    for position, cell in enumerate(notebook.cells):
        expected = "".join(rules.pages(cell)).count("<img")
        if cell.cell_type == "code":
            expected += len(SLIDER.findall(cell.source))
        words = page.shown_pictures(position) if expected else []
        if len(words) != expected or not all(words):
            found.append(f"cell {cell.id}: {expected} pictures, on the page {words}")
    return found


def complaints_about_a_slider(page, position: int, selector: str, seconds: float) -> list[str]:
    """Say what a slider does not do: be reached with Tab, and move its figure there and back."""
    place = f"cell {position}"
    control = page.output(position).locator(selector)
    if control.count() != 1:
        return [f"{place}: {control.count()} sliders on the page, expected one"]
    if not page.reach(position, control):
        return [f"{place}: Tab does not reach the slider"]
    if selector == FILM_BAR:
        # From wherever it is, to its first step. One of the keys may have nothing to do.
        page.page.keyboard.press("ArrowRight")
        page.page.keyboard.press("Home")
        if not page.stands_still(position):
            return [f"{place}: the keys do not stop the film"]
    start = page.look(position)
    page.page.keyboard.press("ArrowRight")
    if not page.looks(position, start.__ne__, seconds):
        return [f"{place}: ArrowRight does not change the figure"]
    page.page.keyboard.press("ArrowLeft")
    if not page.looks(position, start.__eq__, seconds):
        return [f"{place}: ArrowLeft does not bring the figure back"]
    return []


def complaints_about_what_is_in_sight(notebook, page) -> list[str]:
    """Say which stored output lies open before its guess, or is folded without need."""
    folded = {cell.id for cell, _ in rules.outputs_to_fold(notebook)}
    found = [] if len(folded) >= rules.FEWEST["prediction"] else [f"only {len(folded)} are folded"]
    for position, cell in enumerate(notebook.cells):
        if not cell.get("outputs"):
            continue
        line, shown = page.beside_the_dots(position), page.output(position).count()
        if (line is not None, shown == 0) != (cell.id in folded, cell.id in folded):
            found.append(f"cell {cell.id}: {shown} outputs in sight, beside the dots {line!r}")
        # The rest of an output is in nobody's sight, nor in a search's.
        if line is not None and line.split() != first_line(cell).split():
            found.append(f"cell {cell.id}: beside the dots {line!r}, not its first line")
    return found


def answer_everything(wing: Wing) -> None:
    """Put each solution where its blank is, and each right guess where it says None."""
    rights = [prediction.right for prediction in wing.check.predictions.values()]
    for cell, right in zip(wing.tagged("prediction"), rights, strict=True):
        cell.source = f"{rules.asked_for(cell)} = {right!r}"
    for cell, name in zip(wing.tagged("exercise"), wing.check.exercises, strict=True):
        cell.source = wing.solution(name)


def complaints_about_the_verdicts(wing: Wing, saved) -> list[str]:
    """Say which right answer is not called right, or is not counted."""
    said = {c.id: rules.printed(c).strip() for c in rules.code_cells(saved) if rules.question(c)}
    found = [f"cell {cell}: {line}" for cell, line in said.items() if not RIGHT.search(line)]
    guesses, exercises = len(wing.check.predictions), len(wing.check.exercises)
    counted = (
        f"Predictions: {guesses} of {guesses} made, {guesses} right. "
        f"Exercises: {exercises} of {exercises} solved.\nNothing to revisit."
    )
    *_, last = rules.code_cells(saved)
    return found if rules.printed(last) == counted else [*found, rules.printed(last)]


@pytest.mark.proof
@pytest.mark.parametrize("name", WINGS)
def test_in_the_browser_a_notebook_is_read_answered_and_run(lab, name):
    """No result is in sight; with right answers all runs and is called right, and sliders move."""
    chromium, address, folder = lab
    wing = Wing(name, WINGS[name])
    stored = wing.notebook
    answer_everything(wing)
    file = folder / f"{WINGS[name]}.ipynb"
    nbformat.write(with_counts_of_no_run(stored), file)
    with browser.opened(chromium, address, file) as page:
        assert complaints_about_what_is_in_sight(stored, page) == []
        page.choose("Run", "Run All Cells")
        page.wait_for_runs()
        saved = page.save()
        assert complaints_about_the_file(stored, saved) == []
        assert complaints_about_the_verdicts(wing, saved) == []
        assert page.cells.count() == len(stored.cells)
        assert complaints_about_the_pictures(stored, page) == []
        folded = [n for n, cell in enumerate(stored.cells) if rules.FOLDED_TAG in rules.tags(cell)]
        still_folded = [n for n in folded if page.beside_the_dots(n) is not None]
        assert not still_folded, "an output that does not open when its cell is run"
        for position, selector in controls(stored):
            assert complaints_about_a_slider(page, position, selector, browser.ONE_STEP) == []
        assert page.page.locator(f"{HANDLE}, {FILM_BAR}").count() == len(controls(stored))


@pytest.mark.proof
def test_in_the_browser_a_prediction_is_answered(lab):
    """Nobody has guessed, somebody guesses wrong, then right; the folded result opens by itself."""
    chromium, address, folder = lab
    path = NOTEBOOKS[0]
    shutil.copy(path, folder)
    cells = nbformat.read(path, as_version=4).cells
    asked = next(n for n, cell in enumerate(cells) if "prediction" in rules.tags(cell))
    check = next(n for n, cell in enumerate(cells) if rules.question(cell))
    folded = [n for n in range(asked, check) if rules.FOLDED_TAG in rules.tags(cells[n])]
    with browser.opened(chromium, address, folder / path.name) as page:
        page.select(asked)
        page.choose("Run", "Run All Above Selected Cell")
        page.wait_for_runs()
        assert folded and all(page.beside_the_dots(n) is not None for n in folded)
        for guess, verdict in (
            (None, "No guess yet. Write one where it says None, run that cell and this one again."),
            (3, "You predicted 3. You counted x. But x was not computed: you typed it in."),
            (2, "You predicted 2: right."),
        ):
            page.write(asked, f"guess_notes = {guess}")
            page.select(asked)
            for _ in range(asked, check + 1):
                page.page.keyboard.press("Shift+Enter")
            page.output(check).get_by_text(verdict, exact=True).wait_for()
            assert all(page.beside_the_dots(n) is None for n in folded)


@pytest.mark.proof
def test_in_the_browser_a_reader_comes_back_to_a_later_part(lab):
    """As each part says: click on its first cell, run all above it, and go on from there."""
    chromium, address, folder = lab
    file = copy_without_outputs(NOTEBOOKS[0], folder)
    cells = nbformat.read(file, as_version=4).cells
    part = max(n for n, cell in enumerate(cells) if cell.source.startswith("## Part "))
    assert "*Run → Run All Above Selected Cell*" in cells[part].source
    after = next(n for n in range(part, len(cells)) if cells[n].cell_type == "code")
    with browser.opened(chromium, address, file) as page:
        page.cells.nth(part).get_by_role("heading").click()
        page.choose("Run", "Run All Above Selected Cell")
        page.wait_for_runs()
        page.select(after)
        page.page.keyboard.press("Shift+Enter")
        page.wait_for_run(after)
        saved = page.save()
    ran = [n for n, cell in enumerate(cells) if cell.cell_type == "code" and n <= after]
    counts = {n: c.execution_count for n, c in enumerate(saved.cells) if c.get("execution_count")}
    assert counts == dict(zip(ran, range(1, len(ran) + 1), strict=True))
    assert [*rules.errors_are_announced(saved)] == []


# --- Faults are seen ---


A_STILL_SLIDER = """
from helpers.common import explore

class Still:
    def html(self):
        return '<img src="data:,nothing" alt="a picture that never changes, for it is none">'

explore.slider(lambda setting: Still(), [1, 2, 3], label="setting")
"""


@pytest.mark.proof
def test_in_the_browser_faults_are_seen(lab):
    """An error and what it keeps from running, a slider without effect, a picture that is none."""
    chromium, address, folder = lab
    here = "import sys, helpers\nprint(sys.executable, helpers.__file__, sep='\\n')"
    sources = {"here": here, "slider": A_STILL_SLIDER, "error": "1 / 0", "after": "1"}
    cells = [nbformat.v4.new_code_cell(text, id=name) for name, text in sources.items()]
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": rules.KERNEL})
    nbformat.write(notebook, folder / "faulty.ipynb")
    with browser.opened(chromium, address, folder / "faulty.ipynb") as page:
        page.choose("Run", "Run All Cells")
        page.wait_for_runs()
        saved = page.save()
        assert saved.cells[0].outputs[0].text.split("\n")[:2] == [sys.executable, helpers.__file__]
        assert complaints_about_the_file(notebook, saved) == [
            "cell after: execution count None, expected 4; run python tests/tools/store.py",
            "cell error: a stored error; mend it, or tag the cell raises-exception",
        ]
        assert complaints_about_the_pictures(notebook, page) == [
            "cell slider: 1 pictures, on the page [None]"
        ]
        assert complaints_about_a_slider(page, 0, HANDLE, seconds=3) == [
            "cell 0: 0 sliders on the page, expected one"
        ]
        assert complaints_about_a_slider(page, 1, HANDLE, seconds=3) == [
            "cell 1: ArrowRight does not change the figure"
        ]


# --- What needs no browser ---


def test_a_lost_picture_is_noticed():
    stored = nbformat.read(NOTEBOOKS[0], as_version=4)
    saved = copy.deepcopy(stored)
    assert complaints_about_the_file(stored, saved) == []
    drawn = next(cell for cell in rules.code_cells(saved) if pictures(cell.outputs))
    drawn.outputs = []
    assert complaints_about_the_file(stored, saved) == [
        f"cell {drawn.id}: 1 pictures are stored, 0 drawn"
    ]


def test_both_kinds_of_slider_are_found():
    found = [place for path in NOTEBOOKS for place in controls(nbformat.read(path, as_version=4))]
    assert {selector for _, selector in found} == {HANDLE, FILM_BAR}


def test_without_a_browser_the_reason_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("CHROMIUM", sys.executable)
    assert browser.find_chromium() == sys.executable
    monkeypatch.delenv("CHROMIUM")
    monkeypatch.delenv("CI_MUST_NOT_SKIP", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(pytest.skip.Exception, match="a Chromium .*; CHROMIUM names another.* not"):
        browser.find_chromium()
