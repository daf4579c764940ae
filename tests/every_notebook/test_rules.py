"""Every notebook keeps the rules, and each rule notices when it is broken."""

import copy
import re

import nbformat
import pytest

from every_notebook import rules
from every_notebook.nbval_runs import run_nbval
from every_notebook.series import NOTEBOOKS, ROOT, exceptions

# The one that is broken on purpose below: it has a bit of everything, sliders too.
TO_BREAK = ROOT / "notebooks" / "03_gradient_descent.ipynb"


def test_the_series_is_what_lies_in_its_folder():
    assert sorted((ROOT / "notebooks").glob("*.ipynb")) == NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_keeps_the_rules(path, repository_url):
    found = rules.complaints(nbformat.read(path, as_version=4), path.stem, repository_url)
    if found:
        pytest.fail("\n".join(found), pytrace=False)


def test_the_instructors_page_knows_every_notebook():
    page = (ROOT / "notebooks" / "README.md").read_text(encoding="utf-8")
    found = []
    for path in NOTEBOOKS:
        heading, row = f"## {path.stem[:2]} · ", rf"^\| \[.*?\]\({path.name}\) \|.*\|$"
        if not re.search(row, page, flags=re.MULTILINE):
            found.append(f"no row '| […]({path.name}) | … |' in the table *At a glance*: add it")
        _, _, section = page.partition(f"\n{heading}")
        section = section.split("\n## ")[0]
        for needed in ("**Objectives.**", "**Minutes.**"):
            if needed not in section:
                found.append(f"no {needed} under '{heading}…': write it there")
        if (rows := section.count("\n| ")) < 5:
            found.append(f"{rows} table rows under '{heading}…': at least three wrong answers, 5")
    if found:
        pytest.fail("notebooks/README.md: " + "\n".join(found), pytrace=False)


def test_every_exception_is_a_cell_with_code_and_says_why():
    notebooks = {path.stem: nbformat.read(path, as_version=4) for path in NOTEBOOKS}
    cells = {(name, cell.id) for name, read in notebooks.items() for cell in rules.code_cells(read)}
    for name in ("IGNORED_OUTPUTS", "WOBBLING_PICTURES", "RUN_ONCE", "INTERRUPTED"):
        assert exceptions(name).keys() <= cells
        assert all(reason.strip() for reason in exceptions(name).values())


# --- Each rule, broken on purpose ---


def first(notebook):
    return next(rules.code_cells(notebook))


def holding(notebook, words):
    return next(cell for cell in notebook.cells if words in cell.source)


def tagged(notebook, tag):
    return next(cell for cell in notebook.cells if tag in rules.tags(cell))


def before(notebook, cell):
    return notebook.cells[notebook.cells.index(cell) - 1]


def swap(cell, old, new):
    assert old in cell.source
    cell.source = cell.source.replace(old, new)


def add(cell, text):
    cell.source += text


def show(cell, kind, data):
    cell.outputs.insert(0, nbformat.v4.new_output("display_data", data={kind: data}))


def pictured(notebook):
    return next(
        out for cell in notebook.cells for out in cell.get("outputs", []) if "<img" in str(out)
    )


def say(cell, text):
    cell.outputs.append(nbformat.v4.new_output("stream", name="stdout", text=text))


def without_sections(notebook):
    titled = re.compile(r"^## \d+ · ", flags=re.MULTILINE)
    notebook.cells = [cell for cell in notebook.cells if not titled.search(cell.source)]


def without_parts(notebook):
    notebook.cells = [cell for cell in notebook.cells if "## Part " not in cell.source]


def show_nothing(notebook):
    (_, cells) = rules.lessons(notebook)[1]
    for cell in cells:
        if not rules.printed(cell).startswith(rules.OPEN_LINES):
            cell.outputs = []


def ask_nothing(notebook):
    for cell in rules.code_cells(notebook):
        cell.metadata.tags = []


# Put together, lest this file be found too.
PATH = "/".join(["", "home", "someone", "x"])
PATH_OF_WINDOWS = "C:" + "\\".join(["", "Users", "someone", "x"])
SECRET, ADDRESS = "h" + "f_" + 34 * "x", "someone" + "@" + "example.org"
STAND_IN = "Garments: a drawn stand-in, not FashionMNIST (no network)\n"
OVERVIEW, SCORE, TERMS = "# 03 · ", "check.score()", "| English | 中文 |"
CHECK, FOLDED, UNDER_ANOTHER = 'check("', rules.FOLDED_TAG, "## The score\n\nHow"
HAVE_NOW = "**What you have now.**"
PREDICTION, EXERCISE, HTML = "prediction", "exercise", "text/html"
TIMES = {"iopub.execute_input": "2026-01-01T00:00:00.000000Z"}
HASH = {"interpreter": {"hash": "0"}}
WIDGETS = {"application/vnd.jupyter.widget-state+json": {"state": {}}}
ERROR = nbformat.v4.new_output("error", ename="ValueError", evalue="x", traceback=[])
RIGHT = {"text/plain": "Right."}
ATTACHED = {"image.png": {"image/png": "iVBORw0KGgo="}}

# What is complained of, and what is done to the notebook `n`.
WAYS_TO_BREAK = [
    ("count None, expected 1", lambda n: first(n).update(execution_count=None)),
    ("a stored error", lambda n: first(n).outputs.append(ERROR)),
    ("no error is stored", lambda n: first(n).metadata.update(tags=["raises-exception"])),
    ("ignored without", lambda n: first(n).metadata.update(tags=["nbval-ignore-output"])),
    ("NBVAL_IGNORE_OUTPUT in a comment", lambda n: add(first(n), "\n# NBVAL_IGNORE_OUTPUT")),
    # Parts for one sitting
    ("no parts", without_parts),
    ("minutes; split or cut it", lambda n: add(holding(n, "## Part 1 · "), " word" * 7000)),
    ("is no question; let it be 'Part 1", lambda n: swap(holding(n, "## Part 1 · "), "?\n", "\n")),
    ("does not say its minutes", lambda n: swap(holding(n, "## Part 1 · "), "*About", "*Some")),
    ("'Your turn' does not say", lambda n: swap(holding(n, "## Your turn"), "*About", "*Some")),
    ("how to come back", lambda n: swap(holding(n, "## Part 2 · "), "on another day", "later")),
    ("ends without a look back", lambda n: swap(holding(n, HAVE_NOW), HAVE_NOW, "**And now?**")),
    ("gives other minutes", lambda n: swap(n.cells[0], "for the text", "to read")),
    # Code
    ("lines; at most 25", lambda n: add(first(n), "\npass" * 26)),
    ("over 80 columns", lambda n: add(first(n), "\n# " + "wide " * 16)),
    ("a trailing semicolon", lambda n: add(first(n), "\nprint(1);")),
    ("a magic or shell line", lambda n: add(first(n), "\n%matplotlib inline")),
    ("was never closed; mend line", lambda n: add(first(n), "\nprint(")),
    ("clear_output; leave", lambda n: add(first(n), "\nclear_output()")),
    ("a silenced warning", lambda n: add(first(n), "\nwarnings.filterwarnings('ignore')")),
    ("interact, which", lambda n: add(first(n), "\ninteract(print)")),
    ("a type hint, 'x: int = 1'", lambda n: add(first(n), "\nx: int = 1")),
    ("a type hint, 'a: int'", lambda n: add(first(n), "\ndef f(a: int):\n    pass")),
    ("'optimiser'; PyTorch says", lambda n: add(first(n), "\noptimiser = None")),
    ("an import; move", lambda n: add(list(rules.code_cells(n))[5], "\nimport math")),
    ("does not import", lambda n: first(n).update(source="# All\n" + first(n).source)),
    ("torch's version", lambda n: swap(first(n), "torch.__version__", "''")),
    # Output
    ("alt text None", lambda n: show(first(n), HTML, '<img src="data:">')),
    ("alt text 'short'", lambda n: show(first(n), HTML, '<img src="data:" alt="short">')),
    ("a picture without words", lambda n: show(first(n), "image/png", "iVBORw0KGgo=")),
    ("HTML holds as well", lambda n: pictured(n).data.update({"image/png": "iVBORw0KGgo="})),
    ("MB, at most 1.2; draw fewer", lambda n: say(first(n), "wide\n" * 250_000)),
    ("prints over 80", lambda n: say(first(n), "wide " * 17)),
    ("prints over 80", lambda n: show(first(n), "text/plain", "wide " * 17)),
    ("a table put out", lambda n: show(first(n), HTML, "<table><tr><td>1</td></tr></table>")),
    ("a drawn stand-in", lambda n: say(first(n), STAND_IN)),
    # Ids
    ("the id repeats the code", lambda n: first(n).update(id="import-math-import-torch")),
    ("an odd id", lambda n: first(n).update(id="Two Words")),
    ("an odd id", lambda n: first(n).update(id="word" * 13)),
    ("an id that chance made", lambda n: first(n).update(id="0a1b2c3d")),
    # Anatomy
    ("another title", lambda n: swap(n.cells[0], OVERVIEW, "# ")),
    ("no Binder badge", lambda n: swap(n.cells[0], "mybinder.org/v2/gh/", "x/")),
    ("the first table", lambda n: swap(n.cells[0], "---", "")),
    ("the first table", lambda n: swap(n.cells[0], "**Minutes**", "**Time**")),
    ("how much memory", lambda n: swap(n.cells[0], " GB", " of it")),
    ("exactly one heading of level 1", lambda n: add(n.cells[-1], "\n\n# Another title")),
    ("skips a level", lambda n: n.cells.insert(3, nbformat.v4.new_markdown_cell("#### Deep"))),
    ("the last headings", lambda n: n.cells.remove(holding(n, "## References"))),
    ("numbered points", lambda n: add(holding(n, "## What to remember"), "\n6. One more.")),
    ("no table of both", lambda n: swap(holding(n, TERMS), "中文", "Deutsch")),
    ("a table without a header", lambda n: swap(holding(n, TERMS), "What it means here", "")),
    ("a table without a header", lambda n: add(n.cells[-1], "\n\n| one | two |\n| 1 | 2 |")),
    ("a reference", lambda n: add(holding(n, "## References"), "\n- <https://example.org>")),
    # Sections
    ("no section", without_sections),
    ("is no question", lambda n: swap(holding(n, "## 1 · "), "?", ".")),
    ("is no question", lambda n: swap(holding(n, "## 2 · "), "## 2 · ", "## ")),
    ("no picture and no number", show_nothing),
    ("without its twin", lambda n: n.cells.remove(holding(n, "explore.twin("))),
    ("without its twin", lambda n: swap(holding(n, "explore.twin("), "twin(", "twin(other_")),
    ("a twin without a picture", lambda n: holding(n, "explore.twin(").update(outputs=[])),
    # Questions
    ("0 cells tagged prediction; give at least", ask_nothing),
    ("0 cells tagged exercise; give at least", ask_nothing),
    ("'Your turn' holds no exercise", ask_nothing),
    ("checked; check each", lambda n: n.cells.remove(holding(n, ", guess_"))),
    ("checked; check each", lambda n: n.cells.remove(holding(n, ", expected_change)"))),
    (
        "share a name",
        lambda n: swap(holding(n, '"steps needed"'), "steps needed", "factor of a step"),
    ),
    ("is stored open", lambda n: holding(n, CHECK).outputs[0].data.update(RIGHT)),
    ("checked; check each", lambda n: holding(n, CHECK).update(source="check()")),
    ("no code cell", lambda n: n.update(cells=n.cells[:1])),
    ("more than a check", lambda n: add(holding(n, CHECK), "\nprint()")),
    (
        "or hidden, and nothing",
        lambda n: holding(n, CHECK).metadata.update(jupyter={"source_hidden": True}),
    ),
    ("asks for nothing", lambda n: swap(before(n, tagged(n, PREDICTION)), "**Predict.**", "So:")),
    ("no open guess", lambda n: swap(tagged(n, PREDICTION), "None", "1")),
    ("without its head", lambda n: swap(before(n, tagged(n, EXERCISE)), "Exercise 1", "Exercise")),
    ("without its head", lambda n: swap(before(n, tagged(n, EXERCISE)), "●", "")),
    ("not one function", lambda n: add(tagged(n, EXERCISE), "\nx = 1")),
    ("not one function", lambda n: tagged(n, EXERCISE).update(source="x = 1")),
    ("without a docstring", lambda n: swap(tagged(n, EXERCISE), '"""', "'' # ")),
    ("a label", lambda n: add(n.cells[-1], "\n\n**Read.** So it is.")),
    ("folded solutions", lambda n: n.cells.remove(holding(n, "<summary>Solution</summary>"))),
    ("the last code cell shows no score", lambda n: holding(n, SCORE).update(outputs=[])),
    ("the last code cell shows no score", lambda n: n.cells.append(nbformat.v4.new_code_cell("1"))),
    (
        "the score stands elsewhere",
        lambda n: swap(before(n, holding(n, SCORE)), "How", UNDER_ANOTHER),
    ),
    ("announces no score", lambda n: swap(before(n, holding(n, SCORE)), "How did", "How")),
    # Folds
    ("shows what is to be guessed", lambda n: tagged(n, FOLDED).metadata.pop("jupyter")),
    ("shows what is to be guessed", lambda n: tagged(n, FOLDED).metadata.pop("collapsed")),
    ("shows what is to be guessed", lambda n: tagged(n, FOLDED).metadata.update(tags=[])),
    ("nothing is to be guessed", lambda n: first(n).metadata.update(rules.FOLDED)),
    ("folded HTML", lambda n: show(tagged(n, FOLDED), HTML, "<p>42</p>")),
    # Machines
    ("a path of a machine", lambda n: add(first(n), f"\nopen({PATH!r})")),
    ("a path of a machine", lambda n: say(first(n), f"{PATH_OF_WINDOWS}: warning\n")),
    ("a token of Hugging Face", lambda n: add(n.cells[2], f"\nlogin('{SECRET}')")),
    ("an e-mail address", lambda n: add(n.cells[-1], f"\nQuestions go to {ADDRESS}.")),
    ("the notebook's metadata", lambda n: n.metadata.update(widgets=WIDGETS)),
    ("the notebook's metadata", lambda n: n.metadata["language_info"].update(vscode=HASH)),
    ("the kernel", lambda n: n.metadata["kernelspec"].update(name="my-course")),
    ("metadata ['execution']", lambda n: first(n).metadata.update(execution=TIMES)),
    ("metadata ['ExecuteTime']", lambda n: first(n).metadata.update(ExecuteTime=TIMES)),
    ("metadata ['scrolled']", lambda n: first(n).metadata.update(scrolled=True)),
    ("or an attachment", lambda n: n.cells[-1].update(attachments=ATTACHED)),
    ("an output with metadata", lambda n: holding(n, CHECK).outputs[0].update(metadata=TIMES)),
]


@pytest.fixture(scope="module")
def sound():
    # The bytes of its pictures break no rule, and take time.
    text = re.sub(r"[A-Za-z0-9+/=]{200,}", "AAAA", TO_BREAK.read_text(encoding="utf-8"))
    return nbformat.reads(text, as_version=4)


@pytest.mark.parametrize(("complaint", "break_it"), WAYS_TO_BREAK)
def test_a_broken_rule_is_noticed(sound, complaint, break_it, repository_url):
    notebook = copy.deepcopy(sound)
    break_it(notebook)
    found = rules.complaints(notebook, TO_BREAK.stem, repository_url)
    assert [line for line in found if complaint in line], found
    assert all("; " in line and "\n" not in line for line in found), "a line, with its cure"


def test_all_complaints_are_made_at_once(sound, repository_url):
    notebook = copy.deepcopy(sound)
    add(first(notebook), "\n%time print(")
    swap(notebook.cells[0], OVERVIEW, "# ")
    notebook.cells.remove(holding(notebook, "## References"))
    found = "\n".join(rules.complaints(notebook, TO_BREAK.stem, repository_url))
    assert all(words in found for words in ("a magic", "another title", "the last headings"))


def test_a_reason_to_ignore_what_is_compared_is_dropped(sound, monkeypatch, repository_url):
    cell = first(sound).id
    monkeypatch.setitem(rules.IGNORED_OUTPUTS, (TO_BREAK.stem, cell), "It was another.")
    (found,) = rules.complaints(sound, TO_BREAK.stem, repository_url)
    assert found.startswith(f"cell {cell}: its output is compared; drop it")


# --- What nbval makes of the notebooks ---


@pytest.mark.proof
def test_nbval_notices_a_changed_number(tmp_path):
    cell = nbformat.v4.new_code_cell("print(6 * 7)", execution_count=1)
    for stored, code in (("42\n", 0), ("43\n", 1)):
        cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text=stored)]
        assert run_nbval(tmp_path, cell).returncode == code
