"""What holds for every notebook, each rule a function from a notebook to its complaints.

nbval alone is easily fooled: it does not compare a cell without an execution count, a cell that
should raise and does not, or a picture. These rules close those gaps.
"""

import ast
import html
import re
from collections.abc import Iterator

from nbformat import NotebookNode

from every_notebook.series import exceptions
from project.traces import traces

# Cells whose output nbval may ignore: (notebook, cell id) and the reason. Nothing else may.
IGNORED_OUTPUTS = exceptions("IGNORED_OUTPUTS")

MOST_LINES_IN_A_CELL = 25
MOST_COLUMNS = 80
FEWEST_PREDICTIONS, FEWEST_EXERCISES = 5, 4
ALT_TEXT_LENGTHS = range(40, 301)
LAST_HEADINGS = ["Your turn", "What to remember", "Terms", "Next", "References"]
FIRST_TABLE = ["**You will be able to**", "**You need**", "**Minutes**", "**Memory**"]
TERMS = "| English | 中文 | What it means here |"
SCORE = "How did you do? Change an answer, run its check again, and then this."
# What a check says where the reader has not answered yet, as in every notebook that is committed.
OPEN_LINES = ("No guess yet.", "Nothing to check yet.")
# A folded output in JupyterLab, in older viewers, and on pages made of notebooks.
FOLDED = {"collapsed": True, "jupyter": {"outputs_hidden": True}}
FOLDED_TAG = "hide-output"
# Folded, an output still shows its first line: HTML begins with one that gives nothing away.
HARMLESS = "<!--"
AGAIN = "python tests/tools/store.py --as-run"

_FORBIDDEN = {
    r"^\s*[%!]": "a magic or shell line",
    r";\s*$": "a trailing semicolon, which nbval ignores",
    r"\bclear_output\b": "clear_output",
    r"\bfilterwarnings\b": "a silenced warning",
    r"\binteract\b": "interact, which nbval cannot follow",
}
_NOT_COMPARED_TAGS = {"nbval-ignore-output", "nbval-skip"}
_NOT_COMPARED_COMMENT = re.compile(r"#\s*(NBVAL_\w+|PYTEST_VALIDATE_\w+)")
# Any other kernel's name is one that a reader's Jupyter need not know.
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
# What Jupyter writes of the language itself, when it saves.
_LANGUAGE = {
    "codemirror_mode",
    "file_extension",
    "mimetype",
    "name",
    "nbconvert_exporter",
    "pygments_lexer",
    "version",
}


def code_cells(notebook: NotebookNode) -> Iterator[NotebookNode]:
    """Yield the cells that hold code, leaving out empty ones."""
    return (cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip())


def tags(cell: NotebookNode) -> set[str]:
    """Return the cell's tags."""
    return set(cell.metadata.get("tags", []))


def headings(notebook: NotebookNode) -> list[tuple[int, str]]:
    """Return (level, text) of each heading in the Markdown cells, in order."""
    return [heading for cell in notebook.cells for heading in _headings_of(cell)]


def _headings_of(cell: NotebookNode) -> list[tuple[int, str]]:
    if cell.cell_type != "markdown":
        return []
    text = _without_code(cell.source)
    found = re.findall(r"^(#+) +(.+?) *$", text, flags=re.MULTILINE)
    return [(len(marks), title) for marks, title in found]


def _without_code(markdown: str) -> str:
    return re.sub(r"```.*?```", "", markdown, flags=re.DOTALL)


def sections(notebook: NotebookNode) -> list[tuple[str, list[NotebookNode]]]:
    """Return (title, cells) of each section of level 2, in order."""
    found = []
    for cell in notebook.cells:
        titles = [title for level, title in _headings_of(cell) if level == 2]
        for title in titles:
            found.append((title, []))
        if found:
            found[-1][1].append(cell)
    return found


def lessons(notebook: NotebookNode) -> list[tuple[str, list[NotebookNode]]]:
    """Return the sections before the closing ones."""
    return [(title, cells) for title, cells in sections(notebook) if title not in LAST_HEADINGS]


def question(cell: NotebookNode) -> ast.Call | None:
    """Return the call of a cell that is one call of ``check``; None for every other cell."""
    if cell.cell_type != "code" or not cell.source.startswith("check("):
        return None
    first, *others = ast.parse(cell.source).body
    return None if others else first.value


def checked_names(notebook: NotebookNode, what: str) -> list[str]:
    """Return the name under which each `what`, "prediction" or "exercise", is checked."""
    asked = {
        node.id
        for cell in code_cells(notebook)
        if what in tags(cell)
        for node in ast.walk(ast.parse(cell.source))
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    } | {
        node.name
        for cell in code_cells(notebook)
        if what in tags(cell)
        for node in ast.parse(cell.source).body
        if isinstance(node, ast.FunctionDef)
    }
    calls = [call for cell in notebook.cells if (call := question(cell))]
    return [call.args[0].value for call in calls if ast.unparse(call.args[1]) in asked]


def outputs_to_fold(notebook: NotebookNode) -> list[NotebookNode]:
    """Return the cells with an output between a prediction and its check, in order."""
    unchecked: set[str] = set()
    found = []
    for cell in code_cells(notebook):
        if "prediction" in tags(cell):
            unchecked.add(cell.source.split(" = ")[0])
            continue
        if call := question(cell):
            unchecked -= {node.id for node in ast.walk(call) if isinstance(node, ast.Name)}
        if unchecked and cell.outputs:
            found.append(cell)
    return found


def printed(cell: NotebookNode) -> str:
    """Return all text that a cell put out, without its errors."""
    texts = []
    for output in cell.get("outputs", []):
        texts += [output.get("text", ""), output.get("data", {}).get("text/plain", "")]
    return "\n".join(texts)


def executed_in_order(notebook: NotebookNode) -> list[str]:
    """Complain where a code cell's execution count is not 1, 2, 3, …"""
    return [
        f"cell {cell.id}: execution count {cell.execution_count}, expected {expected}"
        for expected, cell in enumerate(code_cells(notebook), start=1)
        if cell.execution_count != expected
    ]


def errors_are_announced(notebook: NotebookNode) -> list[str]:
    """Complain about a stored error without a tag, and a tag without a stored error."""
    complaints = []
    for cell in code_cells(notebook):
        announced = "raises-exception" in tags(cell)
        raised = any(output.output_type == "error" for output in cell.outputs)
        if raised and not announced:
            complaints.append(f"cell {cell.id}: a stored error without the tag raises-exception")
        if announced and not raised:
            complaints.append(f"cell {cell.id}: tagged raises-exception, but no error is stored")
    return complaints


def compared_unless_allowed(name: str, notebook: NotebookNode) -> list[str]:
    """Complain about an output that nbval ignores and `IGNORED_OUTPUTS` does not list."""
    complaints = []
    not_compared = set()
    for cell in code_cells(notebook):
        if comment := _NOT_COMPARED_COMMENT.search(cell.source):
            complaints.append(f"cell {cell.id}: {comment[0]} in a comment; use a tag")
        if tags(cell) & _NOT_COMPARED_TAGS:
            not_compared.add((name, cell.id))
    allowed = {place for place in IGNORED_OUTPUTS if place[0] == name}
    complaints += [f"cell {cell}: ignored without a reason" for _, cell in not_compared - allowed]
    complaints += [f"cell {cell}: no longer ignored" for _, cell in allowed - not_compared]
    return complaints


def cells_are_small_and_plain(notebook: NotebookNode) -> list[str]:
    """Complain about long cells and about code that the series' style rules out."""
    complaints = []
    for cell in code_cells(notebook):
        lines = [line for line in cell.source.splitlines() if line.strip()]
        if len(lines) > MOST_LINES_IN_A_CELL:
            complaints.append(f"cell {cell.id}: {len(lines)} lines")
        wide = [line for line in lines if len(line) > MOST_COLUMNS]
        complaints += [f"cell {cell.id}: over {MOST_COLUMNS} columns, {line!r}" for line in wide]
        for node in ast.walk(ast.parse(cell.source)):
            if isinstance(node, ast.AnnAssign | ast.arg) and node.annotation:
                complaints.append(f"cell {cell.id}: a type hint, {ast.unparse(node)!r}")
            if isinstance(node, ast.Name) and "optimiser" in node.id:
                complaints.append(f"cell {cell.id}: {node.id!r}; PyTorch says optimizer")
        for pattern, what in _FORBIDDEN.items():
            if re.search(pattern, cell.source, flags=re.MULTILINE):
                complaints.append(f"cell {cell.id}: {what}")
    return complaints


def figures_have_alt_text(notebook: NotebookNode) -> list[str]:
    """Complain about a picture without alt text of a fitting length."""
    complaints = []
    for cell in code_cells(notebook):
        for output in cell.outputs:
            data = output.get("data", {})
            page = data.get("text/html", "")
            images = re.findall(r"<img\b[^>]*>", page)
            if {"image/png", "image/svg+xml", "image/jpeg"} & set(data) and not images:
                complaints.append(f"cell {cell.id}: a picture without an HTML image and alt text")
            for image in images:
                alt = re.search(r'\balt="([^"]*)"', image)
                if alt is None or len(html.unescape(alt[1])) not in ALT_TEXT_LENGTHS:
                    complaints.append(f"cell {cell.id}: alt text {alt and alt[1]!r}")
    return complaints


def printed_text_fits(notebook: NotebookNode) -> list[str]:
    """Complain about text that is wider than a page; a picture's text is its alt text."""
    complaints = []
    for cell in code_cells(notebook):
        for output in cell.outputs:
            data = output.get("data", {})
            text = output.get("text", "") or (
                "text/html" not in data and data.get("text/plain", "")
            )
            wide = [line for line in (text or "").splitlines() if len(line) > MOST_COLUMNS]
            complaints += [f"cell {cell.id}: prints over {MOST_COLUMNS}, {line!r}" for line in wide]
    return complaints


def ids_say_what_is_shown(notebook: NotebookNode) -> list[str]:
    """Complain about an id that is long, or that is made of the first line of the code."""
    complaints = []
    for cell in notebook.cells:
        if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", cell.id) or len(cell.id) > 50:
            complaints.append(
                f"cell {cell.id}: give an id of a few words, such as lines-beside-sgd"
            )
        first = re.sub(r"[^a-z0-9]+", "-", cell.source[:60].lower()).strip("-")
        if cell.cell_type == "code" and cell.id.count("-") > 1 and first.startswith(cell.id[:20]):
            complaints.append(f"cell {cell.id}: the id repeats the code; say what the cell shows")
        if re.fullmatch(r"[0-9a-f]{6,}(-[0-9a-f]+)*", cell.id):
            complaints.append(f"cell {cell.id}: an id that chance made; say what the cell shows")
    return complaints


def anatomy_is_in_place(notebook: NotebookNode, repository_url: str, name: str) -> list[str]:
    """Complain about a missing title, badge, table or import cell, or closing section."""
    complaints = []
    first = notebook.cells[0].source
    number = name.split("_")[0]
    if not first.startswith(f"# {number} · "):
        complaints.append(f"the first cell does not start with '# {number} · '")
    repository = repository_url.removeprefix("https://github.com/")
    binder = f"https://mybinder.org/v2/gh/{repository}/HEAD?urlpath=lab/tree/notebooks/{name}.ipynb"
    if binder not in first:
        complaints.append(f"the first cell has no Binder badge to {binder}")
    rows = re.findall(r"^\| (\*\*.+?\*\*) \|", first, flags=re.MULTILINE)
    if rows != FIRST_TABLE or "\n| --- |" not in first:
        complaints.append(f"the first table has the rows {rows}, expected {FIRST_TABLE}")
    found = headings(notebook)
    if [level for level, _ in found].count(1) != 1:
        complaints.append("there is not exactly one heading of level 1")
    for (level, _), (next_level, title) in zip(found, found[1:], strict=False):
        if next_level > level + 1:
            complaints.append(f"heading {title!r} skips a level")
    last = [title for level, title in found if level == 2][-len(LAST_HEADINGS) :]
    if last != LAST_HEADINGS:
        complaints.append(f"the last headings are {last}, expected {LAST_HEADINGS}")
    return complaints


def imports_are_a_map(notebook: NotebookNode) -> list[str]:
    """Complain unless the first code cell, and no other, imports, and says which PyTorch it is."""
    first, *others = code_cells(notebook)
    complaints = []
    if not re.match(r"import |from ", first.source):
        complaints.append(f"cell {first.id}: the first code cell does not import")
    if 'print("torch", torch.__version__)' not in first.source:
        complaints.append(f"cell {first.id}: it does not print torch's version")
    for cell in others:
        if any(
            isinstance(node, ast.Import | ast.ImportFrom) for node in ast.parse(cell.source).body
        ):
            complaints.append(f"cell {cell.id}: an import beside those of the first cell")
    return complaints


def sections_ask_and_show(notebook: NotebookNode) -> list[str]:
    """Complain about a section that is no numbered question, or shows no picture and no number."""
    complaints = []
    for number, (title, cells) in enumerate(lessons(notebook), start=1):
        if not re.fullmatch(rf"{number} · .+\?", title):
            complaints.append(f"section {title!r} is not '{number} · ' and a question")
        outputs = [output for cell in cells for output in cell.get("outputs", [])]
        pages = "".join(output.get("data", {}).get("text/html", "") for output in outputs)
        lines = "\n".join(printed(cell) for cell in cells).splitlines()
        texts = "".join(line for line in lines if not line.startswith(OPEN_LINES))
        if "<img" not in pages and not re.search(r"\d", texts):
            complaints.append(f"section {title!r} has no picture and no number that code made")
    return complaints


def questions_keep_their_form(notebook: NotebookNode) -> list[str]:
    """Complain about a prediction, an exercise or a check that is not laid out as the rest."""
    complaints = []
    exercises = 0
    for before, cell in zip([None, *notebook.cells], notebook.cells, strict=False):
        said = before.source if before and before.cell_type == "markdown" else ""
        if cell.cell_type == "markdown" and re.search(r"\*\*(Run|Read)\.\*\*", cell.source):
            complaints.append(f"cell {cell.id}: a label; what follows a run is its reading")
        if cell.cell_type != "code":
            continue
        if "prediction" in tags(cell):
            if not re.fullmatch(r"guess_\w+ = None  # .+", cell.source):
                complaints.append(f"cell {cell.id}: not 'guess_… = None  # what to write'")
            if not said.split("\n\n")[-1].startswith("**Predict.** "):
                complaints.append(f"cell {cell.id}: no paragraph '**Predict.** …' before it")
        if "exercise" in tags(cell):
            exercises += 1
            form = rf"### Exercise {exercises}: .+\n\n(●+)(○*) · \d+ minutes\n"
            found = re.match(form, said)
            if not found or len(found[1] + found[2]) != 5:
                head = f"### Exercise {exercises}: name, then ●●○○○ · 10 minutes"
                complaints.append(f"cell {cell.id}: no '{head}' before it")
            (function,) = ast.parse(cell.source).body
            if not ast.get_docstring(function):
                complaints.append(f"cell {cell.id}: a function without a docstring")
        # Not another's method of that name, such as preflight.check(…).
        checks = re.search(r"(?<![.\w])check\(", cell.source)
        if checks and not re.fullmatch(r"check\(.*\)", cell.source):
            complaints.append(f"cell {cell.id}: a check is one line, alone in its cell")
        if cell.metadata.get("jupyter", {}).get("source_hidden"):
            complaints.append(f"cell {cell.id}: hidden code")
    return complaints


def outputs_are_folded(notebook: NotebookNode) -> list[str]:
    """Complain about an open output between a guess and its check, and about any other fold."""
    to_fold = {cell.id for cell in outputs_to_fold(notebook)}
    complaints = []
    for cell in code_cells(notebook):
        folds = {key: cell.metadata[key] for key in FOLDED if key in cell.metadata}
        if cell.id in to_fold:
            if folds != FOLDED or FOLDED_TAG not in tags(cell):
                complaints.append(f"cell {cell.id}: shows what is to be guessed; run {AGAIN}")
            pages = [output.get("data", {}).get("text/html", HARMLESS) for output in cell.outputs]
            if not all(page.startswith(HARMLESS) for page in pages):
                complaints.append(f"cell {cell.id}: folded HTML that does not begin with a comment")
        elif folds or FOLDED_TAG in tags(cell):
            complaints.append(f"cell {cell.id}: folded, and nothing is to be guessed; run {AGAIN}")
    return complaints


def sliders_have_twins(notebook: NotebookNode) -> list[str]:
    """Complain about a slider that is not followed by a picture of what it shows."""
    complaints = []
    cells = list(code_cells(notebook))
    for cell, after in zip(cells, [*cells[1:], None], strict=True):
        if (slider := re.search(r"explore\.slider\(([\w.]+)", cell.source)) is None:
            continue
        drawn = slider[1].split(".")[0]
        twin = rf"explore\.twin\({drawn}\b|\b{drawn}\.strip\(\)"
        if after is None or not re.search(twin, after.source):
            complaints.append(f"cell {cell.id}: a slider over {drawn} without its twin after it")
        elif "<img" not in str(after.outputs):
            complaints.append(f"cell {after.id}: a twin without a picture")
    return complaints


def there_is_enough_to_do(notebook: NotebookNode) -> list[str]:
    """Complain about too few questions, one without a name, and one that is not left open."""
    complaints = []
    for what, fewest, open_line in (
        ("prediction", FEWEST_PREDICTIONS, OPEN_LINES[0]),
        ("exercise", FEWEST_EXERCISES, OPEN_LINES[1]),
    ):
        asked = sum(what in tags(cell) for cell in code_cells(notebook))
        names = checked_names(notebook, what)
        if asked < fewest:
            complaints.append(f"{asked} cells tagged {what}, expected at least {fewest}")
        if asked != len(names):
            complaints.append(f"{asked} cells tagged {what}, {len(names)} checked with a name")
        if len(set(names)) < len(names):
            complaints.append(f"two checks of a {what} share a name: {names}")
        said = "\n".join(printed(cell) for cell in code_cells(notebook))
        if said.count(open_line) != len(names):
            complaints.append(f"{open_line!r} is not the answer to each {what}")
    markdown = "".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    folds = markdown.count("<details><summary>Solution</summary>")
    if folds != sum("exercise" in tags(cell) for cell in code_cells(notebook)):
        complaints.append(f"{folds} folded solutions, not one for each exercise")
    if "exercise" not in {
        t for c in dict(sections(notebook)).get("Your turn", []) for t in tags(c)
    }:
        complaints.append("'Your turn' holds no exercise")
    return complaints


def score_comes_last(notebook: NotebookNode) -> list[str]:
    """Complain unless the last code cell shows the score, at the end of 'Your turn'."""
    last = list(code_cells(notebook))[-1]
    before = notebook.cells[notebook.cells.index(last) - 1]
    complaints = []
    if last.source != "check.score()" or "Predictions: 0 of " not in printed(last):
        complaints.append(f"cell {last.id}: the last code cell does not show the score")
    if not before.source.endswith(SCORE):
        complaints.append(f"cell {before.id}: it does not end with {SCORE!r}")
    if last not in dict(sections(notebook)).get("Your turn", []):
        complaints.append(f"cell {last.id}: the score does not end the section 'Your turn'")
    return complaints


def tables_have_headers(notebook: NotebookNode) -> list[str]:
    """Complain about a table, typed or put out, whose columns have no names."""
    complaints = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            rows = [line.strip() for line in _without_code(cell.source).splitlines()]
            starts = [
                n
                for n, row in enumerate(rows)
                if row.startswith("|") and (n == 0 or not rows[n - 1].startswith("|"))
            ]
            for n in starts:
                named = all(entry.strip() for entry in rows[n].strip("|").split("|"))
                ruled = n + 1 < len(rows) and re.fullmatch(r"\|(\s*:?-+:?\s*\|)+", rows[n + 1])
                if not (named and ruled):
                    complaints.append(f"cell {cell.id}: a table without a header row, {rows[n]!r}")
        for output in cell.get("outputs", []):
            page = output.get("data", {}).get("text/html", "")
            if page.count("<table") > page.count("<thead"):
                complaints.append(f"cell {cell.id}: a table put out without a header row")
    return complaints


def closing_is_short(notebook: NotebookNode) -> list[str]:
    """Complain about more than five lines to remember, and a glossary without its languages."""
    closing = {title: cells[0].source for title, cells in sections(notebook)}
    complaints = []
    points = re.findall(r"^\d+\. ", closing.get("What to remember", ""), re.MULTILINE)
    if not 1 <= len(points) <= 5:
        complaints.append(f"{len(points)} numbered points to remember, expected one to five")
    if TERMS not in closing.get("Terms", ""):
        complaints.append(f"the terms are not a table {TERMS}")
    references = closing.get("References", "").strip().splitlines()[2:]
    for line in references:
        if line and not re.fullmatch(r"- .+: \*.+\*, .*(\d{4}|no date)\. <https://\S+>", line):
            complaints.append(f"not '- Author: *title*, year. <https://…>': {line!r}")
    return complaints


def stored_from_the_real_data(notebook: NotebookNode) -> list[str]:
    """Complain if what is stored was made with the stand-in; only a test run may be."""
    texts = [output.get("text", "") for cell in code_cells(notebook) for output in cell.outputs]
    sources = re.findall(r"^Garments: .*$", "".join(texts), flags=re.MULTILINE)
    return [source for source in sources if "the real FashionMNIST" not in source]


def nothing_of_a_machine(notebook: NotebookNode) -> list[str]:
    """Complain about traces of a machine or a person, and about metadata that nobody reads."""
    complaints = []
    about = notebook.metadata
    if set(about) != {"kernelspec", "language_info"} or set(about["language_info"]) - _LANGUAGE:
        complaints.append(f"the notebook's metadata {sorted(about)}, {about.get('language_info')}")
    if about.get("kernelspec") != KERNEL:
        complaints.append(f"the kernel {about.get('kernelspec')}, expected {KERNEL}")
    for cell in notebook.cells:
        # Where timings are, and whether a cell scrolls, is a matter of one's own.
        if set(cell.metadata) - {"tags", *FOLDED} or cell.get("attachments"):
            complaints.append(f"cell {cell.id}: metadata {sorted(cell.metadata)}, or an attachment")
        if any(output.get("metadata") for output in cell.get("outputs", [])):
            complaints.append(f"cell {cell.id}: an output with metadata")
        complaints += [f"cell {cell.id}: {trace}" for trace in traces(str(cell))]
    return complaints
