"""A Chinese notebook runs in JupyterLab, in a real browser, and answers in Chinese."""

import nbformat
import pytest

from chinese import edition
from every_notebook import browser, rules
from every_notebook.series import NOTEBOOKS
from every_notebook.test_browser import (
    complaints_about_the_file,
    complaints_about_the_pictures,
    copy_without_outputs,
)

# In the folder of the language, a notebook's checks speak it.
PATH = edition.FOLDER / NOTEBOOKS[0].name


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A JupyterLab on a folder called as the edition's is, and the browser that looks at it."""
    folder = tmp_path_factory.mktemp("notebooks") / "zh"
    folder.mkdir()
    home = tmp_path_factory.mktemp("jupyter")
    with browser.launch() as chromium, browser.serve(folder, home) as address:
        yield chromium, address, folder


@pytest.mark.proof
def test_in_the_browser_the_chinese_notebook_runs(lab):
    chromium, address, folder = lab
    stored = nbformat.read(PATH, as_version=4)
    with browser.opened(chromium, address, copy_without_outputs(PATH, folder)) as page:
        page.choose("Run", "Run All Cells")
        page.wait_for_runs()
        saved = page.save()
        assert complaints_about_the_file(stored, saved) == []
        assert complaints_about_the_pictures(stored, page) == []
    said = [rules.printed(cell) for cell in rules.code_cells(saved) if rules.question(cell)]
    assert {line.split("。")[0] for line in said} == {"还没有猜测", "还没有东西可以检查"}


@pytest.mark.proof
def test_in_the_browser_a_prediction_is_answered_in_chinese(lab):
    """Nobody has guessed, somebody guesses wrong, and right, each in a word of Chinese."""
    chromium, address, folder = lab
    file = copy_without_outputs(PATH, folder)
    cells = nbformat.read(file, as_version=4).cells
    check = next(n for n, cell in enumerate(cells) if '"a change in place"' in cell.source)
    asked = max(n for n in range(check) if "prediction" in rules.tags(cells[n]))
    with browser.opened(chromium, address, file) as page:
        page.select(asked)
        page.choose("Run", "Run All Above Selected Cell")
        page.wait_for_runs()
        for guess, verdict in (
            ("None", "还没有猜测。"),
            ('"旧"', "你的猜测：旧。"),
            ('"报错"', "你的猜测：报错。对了！"),
        ):
            page.write(asked, f"{rules.asked_for(cells[asked])} = {guess}")
            page.select(asked)
            for _ in range(asked, check + 1):
                page.page.keyboard.press("Shift+Enter")
            page.output(check).get_by_text(verdict).wait_for()
