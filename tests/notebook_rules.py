"""What holds for every notebook, each rule a function from a notebook to its complaints.

nbval alone is easily fooled: it does not compare a cell without an execution count, a cell that
should raise and does not, or a picture. These rules close those gaps.
"""

import re
from collections.abc import Iterator

from nbformat import NotebookNode

# Cells whose output nbval may ignore: (notebook, cell id) and the reason. Nothing else may.
_PIPELINE = "04_fashion_mnist_pipeline"
IGNORED_OUTPUTS: dict[tuple[str, str], str] = {
    (_PIPELINE, "load-the-garments"): "a progress bar, on the one run that downloads the data",
    (_PIPELINE, "test-accuracy-in-digits"): "float32 training differs between processors",
    ("06_beyond_one_process", "load-the-garments"): "a progress bar, on the one run that downloads",
    ("06_beyond_one_process", "times-in-digits"): "seconds differ between machines",
}

MOST_LINES_IN_A_CELL = 25
ALT_TEXT_LENGTHS = range(40, 301)
LAST_HEADINGS = ["Your turn", "What to remember", "Terms", "Next", "References"]

_FORBIDDEN = {
    r"^\s*[%!]": "a magic or shell line",
    r";\s*$": "a trailing semicolon, which nbval ignores",
    r"\bclear_output\b": "clear_output",
    r"\bfilterwarnings\b": "a silenced warning",
    r"\binteract\b": "interact, which nbval cannot follow",
}
_NOT_COMPARED_TAGS = {"nbval-ignore-output", "nbval-skip"}
_NOT_COMPARED_COMMENT = re.compile(r"#\s*(NBVAL_\w+|PYTEST_VALIDATE_\w+)")
_MACHINE_PATH = re.compile(r"(?<![\w.])/(?:work|root|home|Users|tmp)/[A-Za-z]")


def code_cells(notebook: NotebookNode) -> Iterator[NotebookNode]:
    """Yield the cells that hold code, leaving out empty ones."""
    return (cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip())


def tags(cell: NotebookNode) -> set[str]:
    """Return the cell's tags."""
    return set(cell.metadata.get("tags", []))


def headings(notebook: NotebookNode) -> list[tuple[int, str]]:
    """Return (level, text) of each heading in the Markdown cells, in order."""
    found = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            text = re.sub(r"```.*?```", "", cell.source, flags=re.DOTALL)
            for marks, title in re.findall(r"^(#+) +(.+?) *$", text, flags=re.MULTILINE):
                found.append((len(marks), title))
    return found


def checked_names(notebook: NotebookNode, what: str) -> list[str]:
    """Return the name under which each `what`, "prediction" or "exercise", is checked."""
    pattern = re.compile(rf'progress\.check_{what}\(\s*"([^"]+)"')
    return [name for cell in code_cells(notebook) for name in pattern.findall(cell.source)]


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
                if alt is None or len(alt[1]) not in ALT_TEXT_LENGTHS:
                    complaints.append(f"cell {cell.id}: alt text {alt and alt[1]!r}")
    return complaints


def anatomy_is_in_place(notebook: NotebookNode, repository_url: str, name: str) -> list[str]:
    """Complain about a missing title, badge, import or version cell, or closing section."""
    complaints = []
    first = notebook.cells[0].source
    number = name.split("_")[0]
    if not first.startswith(f"# {number} · "):
        complaints.append(f"the first cell does not start with '# {number} · '")
    repository = repository_url.removeprefix("https://github.com/")
    binder = f"https://mybinder.org/v2/gh/{repository}/HEAD?urlpath=lab/tree/notebooks/{name}.ipynb"
    if binder not in first:
        complaints.append(f"the first cell has no Binder badge to {binder}")
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


def stored_from_the_real_data(notebook: NotebookNode) -> list[str]:
    """Complain if what is stored was made with the stand-in; only a test run may be."""
    texts = [output.get("text", "") for cell in code_cells(notebook) for output in cell.outputs]
    sources = re.findall(r"^Garments: .*$", "".join(texts), flags=re.MULTILINE)
    return [source for source in sources if "the real FashionMNIST" not in source]


def nothing_of_a_machine(notebook: NotebookNode) -> list[str]:
    """Complain about a machine's path and about metadata that only one machine needs."""
    complaints = []
    if set(notebook.metadata) - {"kernelspec", "language_info"}:
        complaints.append(f"metadata {sorted(notebook.metadata)}")
    for cell in notebook.cells:
        if set(cell.metadata) - {"tags", "jupyter"}:
            complaints.append(f"cell {cell.id}: metadata {sorted(cell.metadata)}")
        if path := _MACHINE_PATH.search(str(cell)):
            complaints.append(f"cell {cell.id}: a path of a machine, {path[0]!r}")
    return complaints
