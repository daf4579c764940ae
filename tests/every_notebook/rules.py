"""What holds for every notebook, each rule a function from a notebook or a cell to its complaints.

nbval alone is easily fooled: it does not compare a cell without an execution count, a cell that
should raise and does not, or a picture. These rules close those gaps. A complaint is one line: what
is wrong, and behind a semicolon what to do about it.
"""

import ast
import copy
import functools
import html
import itertools
import json
import re
from collections.abc import Iterator

import nbformat
from nbformat import NotebookNode

from every_notebook.series import exceptions
from every_notebook.sittings import parts_fit_a_sitting
from project.traces import traces

# Cells whose output nbval may ignore: (notebook, cell id) and the reason. Nothing else may.
IGNORED_OUTPUTS = exceptions("IGNORED_OUTPUTS")

MOST_LINES_IN_A_CELL = 25
MOST_COLUMNS = 80
FEWEST = {"prediction": 5, "exercise": 4}
MOST_MEGABYTES = 0.9
# Its sliders have twins of three large pictures each.
MOST_MEGABYTES_OF = {"03_gradient_descent": 1.2}
ALT_TEXT_LENGTHS = range(40, 301)
LAST_HEADINGS = ["Your turn", "What to remember", "Terms", "Next", "References"]
FIRST_TABLE = ["**You will be able to**", "**You need**", "**Minutes**", "**Memory**"]
TERMS = "| English | 中文 | What it means here |"
SCORE = "How did you do? Change an answer, run its check again, and then this."
# What the check of each says while the reader has not answered, as wherever it is committed.
OPEN_LINES = ("No guess yet.", "Nothing to check yet.")
# A folded output in JupyterLab, in older viewers, and on pages made of notebooks.
FOLDED = {"collapsed": True, "jupyter": {"outputs_hidden": True}}
FOLDED_TAG = "hide-output"
# Folded, an output still shows its first line: HTML begins with one that gives nothing away.
HARMLESS = "<!--"
STORE = "run python tests/tools/store.py"
AGAIN = f"{STORE} --as-run"

# Rules ask for the same cells again and again, and change no tree.
_tree = functools.cache(ast.parse)
_MAGIC = re.compile(r"^\s*[%!]", flags=re.MULTILINE)
_FORBIDDEN = {
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
_LANGUAGE = set(
    "codemirror_mode file_extension mimetype name nbconvert_exporter pygments_lexer version".split()
)


def code_cells(notebook: NotebookNode) -> Iterator[NotebookNode]:
    """Yield the cells that hold code, leaving out empty ones."""
    return (cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip())


def tags(cell: NotebookNode) -> set[str]:
    """Return the cell's tags."""
    return set(cell.metadata.get("tags", []))


def pages(cell: NotebookNode) -> list[str]:
    """Return the HTML of each output that has some."""
    found = (output.get("data", {}).get("text/html") for output in cell.get("outputs", []))
    return [page for page in found if page]


def printed(cell: NotebookNode) -> str:
    """Return all text that a cell put out, without its errors."""
    outputs = cell.get("outputs", [])
    return "\n".join(
        out.get("text") or out.get("data", {}).get("text/plain", "") for out in outputs
    )


def _prose(cell: NotebookNode) -> str:
    """Return the text of a Markdown cell without its code; nothing of any other cell."""
    markdown = cell.source if cell.cell_type == "markdown" else ""
    return re.sub(r"```.*?```", "", markdown, flags=re.DOTALL)


def _headings_of(cell: NotebookNode) -> list[tuple[int, str]]:
    """Return (level, text) of each heading in a Markdown cell, in order."""
    found = re.findall(r"^(#+) +(.+?) *$", _prose(cell), flags=re.MULTILINE)
    return [(len(marks), title) for marks, title in found]


def sections(notebook: NotebookNode) -> list[tuple[str, list[NotebookNode]]]:
    """Return (title, cells) of each section of level 2, in order."""
    found: list[tuple[str, list[NotebookNode]]] = []
    for cell in notebook.cells:
        found += [(title, []) for level, title in _headings_of(cell) if level == 2]
        if found:
            found[-1][1].append(cell)
    return found


def lessons(notebook: NotebookNode) -> list[tuple[str, list[NotebookNode]]]:
    """Return the sections before the closing ones, without the openings of parts."""
    found = [(title, cells) for title, cells in sections(notebook) if title not in LAST_HEADINGS]
    return [(title, cells) for title, cells in found if not re.match(r"Part \d+ · ", title)]


def _your_turn(notebook: NotebookNode) -> list[NotebookNode]:
    return dict(sections(notebook)).get("Your turn", [])


def question(cell: NotebookNode) -> ast.Call | None:
    """Return the call of a cell that is one call of ``check``; None for every other cell."""
    if cell.cell_type != "code" or not cell.source.startswith("check("):
        return None
    first, *others = _tree(cell.source).body
    call = getattr(first, "value", None)
    named = isinstance(call, ast.Call) and len(call.args) > 1
    return call if named and not others and isinstance(call.args[0], ast.Constant) else None


def asked_for(cell: NotebookNode) -> str:
    """Return the name that a prediction's or an exercise's cell leaves to the reader."""
    found = re.match(r"(?:def )?(\w+)(?: = |\()", cell.source)
    return found[1] if found else ""


def checked_names(notebook: NotebookNode, what: str) -> list[str]:
    """Return the name under which each `what`, "prediction" or "exercise", is checked."""
    asked = {asked_for(cell) for cell in code_cells(notebook) if what in tags(cell)}
    calls = [call for cell in notebook.cells if (call := question(cell))]
    return [call.args[0].value for call in calls if ast.unparse(call.args[1]) in asked]


def outputs_to_fold(notebook: NotebookNode) -> Iterator[tuple[NotebookNode, set[str]]]:
    """Yield (cell with an output, names of the guesses made before it and checked after it).

    A check itself stays open: it is stored with no guess made, and then gives nothing away.
    """
    unchecked: set[str] = set()
    for cell in code_cells(notebook):
        if "prediction" in tags(cell):
            unchecked.add(asked_for(cell))
            continue
        if call := question(cell):
            unchecked -= {node.id for node in ast.walk(call) if isinstance(node, ast.Name)}
        elif unchecked and cell.outputs:
            yield cell, set(unchecked)


# --- Rules of a notebook ---


def executed_in_order(notebook: NotebookNode) -> Iterator[str]:
    """Complain where a code cell's execution count is not 1, 2, 3, …"""
    for expected, cell in enumerate(code_cells(notebook), start=1):
        if (count := cell.execution_count) != expected:
            yield f"cell {cell.id}: execution count {count}, expected {expected}; {STORE}"


def errors_are_announced(notebook: NotebookNode) -> Iterator[str]:
    """Complain about a stored error without a tag, and a tag without a stored error."""
    for cell in code_cells(notebook):
        announced = "raises-exception" in tags(cell)
        raised = any(output.output_type == "error" for output in cell.outputs)
        if raised and not announced:
            yield f"cell {cell.id}: a stored error; mend it, or tag the cell raises-exception"
        if announced and not raised:
            yield f"cell {cell.id}: no error is stored; take the tag raises-exception away"


def compared_unless_allowed(notebook: NotebookNode, name: str) -> Iterator[str]:
    """Complain about an output that nbval ignores and `IGNORED_OUTPUTS` does not list."""
    for cell in code_cells(notebook):
        if comment := _NOT_COMPARED_COMMENT.search(cell.source):
            yield f"cell {cell.id}: {comment[0]} in a comment; use a tag"
    ignored = {cell.id for cell in code_cells(notebook) if tags(cell) & _NOT_COMPARED_TAGS}
    allowed = {cell for of, cell in IGNORED_OUTPUTS if of == name}
    for cell in sorted(ignored ^ allowed):
        what = "is ignored without a reason; give it" if cell in ignored else "is compared; drop it"
        yield f"cell {cell}: its output {what} in IGNORED_OUTPUTS of the wing's exceptions.py"


def anatomy_is_in_place(notebook: NotebookNode, name: str, repository_url: str) -> Iterator[str]:
    """Complain about a missing title, badge, table or import cell, or closing section."""
    first = notebook.cells[0].source
    title = f"# {name.split('_')[0]} · "
    if not first.startswith(title):
        yield f"the first cell has another title; begin it with {title!r}"
    repository = repository_url.removeprefix("https://github.com/")
    binder = f"https://mybinder.org/v2/gh/{repository}/HEAD?urlpath=lab/tree/notebooks/{name}.ipynb"
    if binder not in first:
        yield f"the first cell has no Binder badge; let it lead to {binder}"
    rows = re.findall(r"^\| (\*\*.+?\*\*) \|", first, flags=re.MULTILINE)
    if rows != FIRST_TABLE or "\n| --- |" not in first:
        yield f"the first table has the rows {rows}; give it {FIRST_TABLE} under a line | --- |"
    if not re.search(r"\*\*Memory\*\* \|[^|\n]*\d GB", first):
        yield "the first table does not say how much memory it takes; give it in GB"
    found = [heading for cell in notebook.cells for heading in _headings_of(cell)]
    if [level for level, _ in found].count(1) != 1:
        yield "there is not exactly one heading of level 1; keep the title alone"
    for (level, _), (next_level, title) in itertools.pairwise(found):
        if next_level > level + 1:
            yield f"heading {title!r} skips a level; give it {level + 1} signs #"
    last = [title for level, title in found if level == 2][-len(LAST_HEADINGS) :]
    if last != LAST_HEADINGS:
        yield f"the last headings are {last}; close with {LAST_HEADINGS}"


def imports_are_a_map(notebook: NotebookNode) -> Iterator[str]:
    """Complain unless the first code cell, and no other, imports, and says which PyTorch it is."""
    first, *others = code_cells(notebook)
    if not re.match(r"import |from ", first.source):
        yield f"cell {first.id}: the first code cell does not import; put the imports there"
    if (line := 'print("torch", torch.__version__)') not in first.source:
        yield f"cell {first.id}: it does not print torch's version; add {line}"
    for cell in others:
        nodes = _tree(cell.source).body
        if any(isinstance(node, ast.Import | ast.ImportFrom) for node in nodes):
            yield f"cell {cell.id}: an import; move it to the first code cell"


def sections_ask_and_show(notebook: NotebookNode) -> Iterator[str]:
    """Complain about a section that is no numbered question, or shows no picture and no number."""
    if not lessons(notebook):
        yield "no section; let each begin with a numbered question, '## 1 · …?'"
    for number, (title, cells) in enumerate(lessons(notebook), start=1):
        if not re.fullmatch(rf"{number} · .+\?", title):
            yield f"section {title!r} is no question; let it be '{number} · …?'"
        pictures = [page for cell in cells for page in pages(cell) if "<img" in page]
        lines = "\n".join(map(printed, cells)).splitlines()
        texts = "".join(line for line in lines if not line.startswith(OPEN_LINES))
        if not pictures and not re.search(r"\d", texts):
            yield f"section {title!r} has no picture and no number that code made; show one"


def questions_keep_their_form(notebook: NotebookNode) -> Iterator[str]:
    """Complain about a prediction, an exercise or a check that is not laid out as the rest."""
    exercises = 0
    for before, cell in itertools.pairwise([notebook.cells[0], *notebook.cells]):
        said = _prose(before)
        if re.search(r"\*\*(Run|Read)\.\*\*", _prose(cell)):
            yield f"cell {cell.id}: a label; leave it out, what follows a run is its reading"
        if cell.cell_type != "code":
            continue
        if "prediction" in tags(cell):
            if not re.fullmatch(r"guess_\w+ = None  # .+", cell.source):
                yield f"cell {cell.id}: no open guess; write 'guess_… = None  # what to write'"
            if not said.split("\n\n")[-1].startswith("**Predict.** "):
                yield f"cell {cell.id}: asks for nothing; put '**Predict.** …' before it"
        if "exercise" in tags(cell):
            exercises += 1
            form = rf"### Exercise {exercises}: .+\n\n(●+)(○*) · \d+ minutes\n"
            found = re.match(form, said)
            if not found or len(found[1] + found[2]) != 5:
                head = f"### Exercise {exercises}: name, then ●●○○○ · 10 minutes"
                yield f"cell {cell.id}: an exercise without its head; put '{head}' before it"
            function, *others = _tree(cell.source).body
            if others or not isinstance(function, ast.FunctionDef):
                yield f"cell {cell.id}: not one function; let it be 'def …', its docstring and ..."
            elif not ast.get_docstring(function):
                yield f"cell {cell.id}: a function without a docstring; say what it returns"
        # Not another's method of that name, such as preflight.check(…).
        checks = re.search(r"(?<![.\w])check\(", cell.source)
        if checks and not re.fullmatch(r"check\(.*\)", cell.source):
            yield f"cell {cell.id}: more than a check; write it in one line, alone in its cell"
    prose = "".join(map(_prose, notebook.cells))
    if (folds := prose.count("<details><summary>Solution</summary>")) != exercises:
        yield f"{folds} folded solutions; give one for each of {exercises} exercises"


def outputs_are_folded(notebook: NotebookNode) -> Iterator[str]:
    """Complain about an open output between a guess and its check, and about any other fold."""
    to_fold = {cell.id for cell, _ in outputs_to_fold(notebook)}
    for cell in code_cells(notebook):
        folds = {key: cell.metadata[key] for key in FOLDED if key in cell.metadata}
        if cell.id in to_fold:
            if folds != FOLDED or FOLDED_TAG not in tags(cell):
                yield f"cell {cell.id}: shows what is to be guessed; {AGAIN}"
            if not all(page.startswith(HARMLESS) for page in pages(cell)):
                yield f"cell {cell.id}: folded HTML shows its first line; begin it with a comment"
        elif folds or FOLDED_TAG in tags(cell):
            yield f"cell {cell.id}: folded or hidden, and nothing is to be guessed; {AGAIN}"


def sliders_have_twins(notebook: NotebookNode) -> Iterator[str]:
    """Complain about a slider that is not followed by a picture of what it shows."""
    for cell, after in itertools.pairwise([*code_cells(notebook), None]):
        if (slider := re.search(r"explore\.slider\(([\w.]+)", cell.source)) is None:
            continue
        drawn = slider[1].split(".")[0]
        twin = rf"explore\.twin\({drawn}\b|\b{drawn}\.strip\(\)"
        if after is None or not re.search(twin, after.source):
            yield f"cell {cell.id}: a slider over {drawn} without its twin; put it in the next"
        elif "<img" not in str(after.outputs):
            yield f"cell {after.id}: a twin without a picture; {STORE}"


def there_is_enough_to_do(notebook: NotebookNode) -> Iterator[str]:
    """Complain about too few questions, one without a name, and one that is not left open."""
    said = "\n".join(map(printed, code_cells(notebook)))
    for (what, fewest), open_line in zip(FEWEST.items(), OPEN_LINES, strict=True):
        asked = sum(what in tags(cell) for cell in code_cells(notebook))
        names = checked_names(notebook, what)
        if asked < fewest:
            yield f"{asked} cells tagged {what}; give at least {fewest}"
        if asked != len(names):
            yield f"{asked} cells tagged {what}, {len(names)} checked; check each by its name"
        if len(set(names)) < len(names):
            yield f"two checks of a {what} share a name, {names}; rename one"
        if said.count(open_line) != len(names):
            yield f"not each {what} is stored open; let it be, so that {open_line!r} is printed"
    if not any("exercise" in tags(cell) for cell in _your_turn(notebook)):
        yield "'Your turn' holds no exercise; move them there"


def score_comes_last(notebook: NotebookNode) -> Iterator[str]:
    """Complain unless the last code cell shows the score, at the end of 'Your turn'."""
    last = list(code_cells(notebook))[-1]
    before = notebook.cells[notebook.cells.index(last) - 1]
    if last.source != "check.score()" or "Predictions: 0 of " not in printed(last):
        yield f"cell {last.id}: the last code cell shows no score; let it be check.score(), run"
    if not before.source.endswith(SCORE):
        yield f"cell {before.id}: announces no score; end it with {SCORE!r}"
    if last not in _your_turn(notebook):
        yield f"cell {last.id}: the score stands elsewhere; let it end the section 'Your turn'"


def closing_is_short(notebook: NotebookNode) -> Iterator[str]:
    """Complain about more than five lines to remember, and a glossary without its languages."""
    closing = {title: cells[0].source for title, cells in sections(notebook)}
    points = re.findall(r"^\d+\. ", closing.get("What to remember", ""), re.MULTILINE)
    if not 1 <= len(points) <= 5:
        yield f"{len(points)} numbered points to remember; give one to five"
    if TERMS not in closing.get("Terms", ""):
        yield f"the terms are no table of both languages; begin it with {TERMS}"
    for line in closing.get("References", "").strip().splitlines()[2:]:
        if line and not re.fullmatch(r"- .+: \*.+\*, .*(\d{4}|no date)\. <https://\S+>", line):
            yield f"a reference {line!r}; write '- Author: *title*, year. <https://…>'"


def is_light(notebook: NotebookNode, name: str) -> Iterator[str]:
    """Complain about a notebook that is slow to fetch and to open."""
    size = len(nbformat.writes(notebook).encode()) / 1e6
    if size > (most := MOST_MEGABYTES_OF.get(name, MOST_MEGABYTES)):
        yield f"{size:.2f} MB, at most {most}; draw fewer or smaller pictures"


def stored_from_the_real_data(notebook: NotebookNode) -> Iterator[str]:
    """Complain if what is stored was made with the stand-in; only a test run may be."""
    for cell in code_cells(notebook):
        for source in re.findall(r"(?m)^Garments: (?!the real FashionMNIST).*", printed(cell)):
            yield f"cell {cell.id}: {source}; {STORE} with the data at hand"


def metadata_is_everybodys(notebook: NotebookNode) -> Iterator[str]:
    """Complain about metadata of a machine, or that nobody reads."""
    about = notebook.metadata
    if set(about) != {"kernelspec", "language_info"} or set(about["language_info"]) - _LANGUAGE:
        yield f"the notebook's metadata {sorted(about)}, {about.get('language_info')}; {AGAIN}"
    if about.get("kernelspec") != KERNEL:
        yield f"the kernel {about.get('kernelspec')}, expected {KERNEL}; {AGAIN}"


# --- Rules of a cell ---


def code_is_small_and_plain(cell: NotebookNode) -> Iterator[str]:
    """Complain about a long cell and about code that the series' style rules out."""
    if cell.cell_type != "code":
        return
    lines = [line for line in cell.source.splitlines() if line.strip()]
    if len(lines) > MOST_LINES_IN_A_CELL:
        yield f"{len(lines)} lines; at most {MOST_LINES_IN_A_CELL}, the rest goes into the wing"
    for line in lines:
        if len(line) > MOST_COLUMNS:
            yield f"over {MOST_COLUMNS} columns, {line!r}; break it"
    for node in ast.walk(_tree(cell.source)):
        if isinstance(node, ast.AnnAssign | ast.arg) and node.annotation:
            yield f"a type hint, {ast.unparse(node)!r}; leave it out"
        if isinstance(node, ast.Name) and "optimiser" in node.id:
            yield f"{node.id!r}; PyTorch says optimizer"
    for pattern, what in _FORBIDDEN.items():
        if re.search(pattern, cell.source, flags=re.MULTILINE):
            yield f"{what}; leave it out"


def figures_have_alt_text(cell: NotebookNode) -> Iterator[str]:
    """Complain about a picture without alt text of a fitting length."""
    for output in cell.get("outputs", []):
        data = output.get("data", {})
        images = re.findall(r"<img\b[^>]*>", data.get("text/html", ""))
        if {"image/png", "image/svg+xml", "image/jpeg"} & set(data) and not images:
            yield "a picture without words; draw it on a Figure of helpers/common/picture.py"
        if "image/png" in data and images:
            yield f"a picture that its HTML holds as well; {AGAIN}"
        for image in images:
            alt = re.search(r'\balt="([^"]*)"', image)
            if alt is None or len(html.unescape(alt[1])) not in ALT_TEXT_LENGTHS:
                yield f"alt text {alt and alt[1]!r}; give 40 to 300 characters"


def printed_text_fits(cell: NotebookNode) -> Iterator[str]:
    """Complain about text that is wider than a page; beside HTML it is a picture's alt text."""
    for output in cell.get("outputs", []):
        data = output.get("data", {})
        text = output.get("text", "" if "text/html" in data else data.get("text/plain", ""))
        for line in text.splitlines():
            if len(line) > MOST_COLUMNS:
                yield f"prints over {MOST_COLUMNS} columns, {line!r}; print it in two lines"


def id_says_what_is_shown(cell: NotebookNode) -> Iterator[str]:
    """Complain about an id that is long, or that is made of the first line of the code."""
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", cell.id) or len(cell.id) > 50:
        yield "an odd id; give one of a few words, such as lines-beside-sgd"
    first = re.sub(r"[^a-z0-9]+", "-", cell.source[:60].lower()).strip("-")
    if cell.cell_type == "code" and cell.id.count("-") > 1 and first.startswith(cell.id[:20]):
        yield "the id repeats the code; say what the cell shows"
    if re.fullmatch(r"[0-9a-f]{6,}(-[0-9a-f]+)*", cell.id):
        yield "an id that chance made; say what the cell shows"


def tables_have_headers(cell: NotebookNode) -> Iterator[str]:
    """Complain about a table, typed or put out, whose columns have no names."""
    for table in re.findall(r"(?:^[ \t]*\|.*\n?)+", _prose(cell), flags=re.MULTILINE):
        head, line, *_ = [*map(str.strip, table.splitlines()), ""]
        named = all(entry.strip() for entry in head.strip("|").split("|"))
        if not (named and re.fullmatch(r"\|(\s*:?-+:?\s*\|)+", line)):
            yield f"a table without a header row, {head!r}; name its columns"
    if any(page.count("<table") > page.count("<thead") for page in pages(cell)):
        yield "a table put out without a header row; name its columns"


def nothing_of_a_machine(cell: NotebookNode) -> Iterator[str]:
    """Complain about traces of a machine or a person, and about metadata that nobody reads."""
    # Where timings are, and whether a cell scrolls, is a matter of one's own.
    if set(cell.metadata) - {"tags", *FOLDED} or cell.get("attachments"):
        yield f"metadata {sorted(cell.metadata)}, or an attachment; {AGAIN}"
    if any(output.get("metadata") for output in cell.get("outputs", [])):
        yield f"an output with metadata; {AGAIN}"
    for trace in traces(str(cell)):
        yield f"{trace}; take it out"


_OF_A_NOTEBOOK = (
    executed_in_order,
    errors_are_announced,
    imports_are_a_map,
    sections_ask_and_show,
    parts_fit_a_sitting,
    questions_keep_their_form,
    outputs_are_folded,
    sliders_have_twins,
    there_is_enough_to_do,
    score_comes_last,
    closing_is_short,
    stored_from_the_real_data,
    metadata_is_everybodys,
)
_OF_A_CELL = (
    code_is_small_and_plain,
    figures_have_alt_text,
    printed_text_fits,
    id_says_what_is_shown,
    tables_have_headers,
    nothing_of_a_machine,
)


def _take_out_what_is_no_python(notebook: NotebookNode) -> Iterator[str]:
    """Complain about cells that are no Python, and empty them: the rules read code as Python."""
    for cell in code_cells(notebook):
        try:
            _tree(cell.source)
        except SyntaxError as error:
            magic = _MAGIC.search(cell.source)
            what = "a magic or shell line; leave it out" if magic else f"{error.msg}; mend line "
            yield f"cell {cell.id}: {what}" + ("" if magic else str(error.lineno))
            cell.source = "pass"


def complaints(notebook: NotebookNode, name: str, repository_url: str) -> list[str]:
    """Return what any rule has to complain of, each in one line with its cure."""
    notebook = copy.deepcopy(notebook)
    found = list(_take_out_what_is_no_python(notebook))
    if not any(code_cells(notebook)):
        return ["no code cell; start from a copy of the notebook that is most similar"]
    found += [
        *anatomy_is_in_place(notebook, name, repository_url),
        *compared_unless_allowed(notebook, name),
        *is_light(notebook, name),
        *itertools.chain.from_iterable(rule(notebook) for rule in _OF_A_NOTEBOOK),
    ]
    for cell in notebook.cells:
        found += [f"cell {cell.id}: {words}" for words in _of_a_cell(json.dumps(cell))]
    return found


@functools.cache  # A test breaks one cell after the other, and all the rest stays as it was.
def _of_a_cell(stored: str) -> list[str]:
    cell = nbformat.from_dict(json.loads(stored))
    return list(itertools.chain.from_iterable(rule(cell) for rule in _OF_A_CELL))
