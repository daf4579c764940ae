"""The parts of a notebook, each for one sitting, and how many minutes each takes.

Minutes are counted, not felt: 150 words of prose a minute, ten lines of code, one minute for a
prediction, half a minute for a picture, and what an exercise says of itself. That is slower than
practised readers are, because ours meet everything for the first time.
"""

import math
import re
from collections.abc import Iterator

from nbformat import NotebookNode

WORDS, LINES = 150, 10
A_PREDICTION, A_PICTURE = 1, 0.5
LONGEST = 45
COME_BACK = "To come back on another day, click here and choose *Run → Run All Above Selected Cell*"
CLOSING = "**What you have now.** "
_HEADING = re.compile(r"^## (Part \d+ · .+|Your turn|What to remember)$", flags=re.MULTILINE)


def parts(notebook: NotebookNode) -> list[tuple[str, list[NotebookNode]]]:
    """Return (title, cells) of each part; the last is 'Your turn', the first has the opening."""
    found: list[tuple[str, list[NotebookNode]]] = []
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown" and (heading := _HEADING.search(cell.source)):
            if heading[1] == "What to remember":
                break
            found.append((heading[1], [] if found else notebook.cells[:number]))
        if found:
            found[-1][1].append(cell)
    return found


def exercise_minutes(cells: list[NotebookNode]) -> int:
    """Return the minutes that the exercises in `cells` ask for."""
    said = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    return sum(map(int, re.findall(r"^●+○* · (\d+) minutes$", said, flags=re.MULTILINE)))


def minutes(cells: list[NotebookNode]) -> int:
    """Return the minutes that `cells` take, rounded up to the next five."""
    markdown = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    prose = re.sub(r"<details>.*?</details>|<!--.*?-->", "", markdown, flags=re.DOTALL)
    code = [cell for cell in cells if cell.cell_type == "code"]
    lines = sum(bool(line.strip()) for cell in code for line in cell.source.splitlines())
    pictures = sum(str(cell.outputs).count("<img") > 0 for cell in code)
    guesses = sum("prediction" in cell.metadata.get("tags", []) for cell in code)
    reading = len(prose.split()) / WORDS + lines / LINES
    looking = A_PREDICTION * guesses + A_PICTURE * pictures
    return 5 * math.ceil((reading + looking + exercise_minutes(cells)) / 5)


def _form_of_a_part(number: int, title: str, cells: list[NotebookNode]) -> Iterator[str]:
    """Complain about a part whose heading, opening or end is not as the others'."""
    opening = next(cell.source for cell in cells if f"## {title}" in cell.source)
    if not re.fullmatch(rf"Part {number} · .+\?", title):
        yield f"{title!r} is no question; let it be 'Part {number} · …?'"
    if number > 1 and COME_BACK not in opening:
        yield f"{title!r} does not say how to come back; write {COME_BACK!r}"
    last = [cell.source for cell in cells if cell.cell_type == "markdown"][-1]
    if not last.split("\n\n")[-1].startswith(CLOSING):
        yield f"{title!r} ends without a look back; close it with a paragraph '{CLOSING}…'"


def parts_fit_a_sitting(notebook: NotebookNode) -> Iterator[str]:
    """Complain about a part that is too long, says other minutes, or has no start or no end."""
    found = parts(notebook)
    if len(found) < 2 or found[-1][0] != "Your turn":
        yield "no parts; begin each with '## Part 1 · …?', before its first section"
        return
    for title, cells in found:
        if minutes(cells) > LONGEST:
            yield f"{title!r} takes {minutes(cells)} minutes; split or cut it: {LONGEST} at most"
        opening = next(cell.source for cell in cells if f"## {title}" in cell.source)
        if (said := f"*About {minutes(cells)} minutes.*") not in opening:
            yield f"{title!r} does not say its minutes; write '{said}' under it"
    for number, (title, cells) in enumerate(found[:-1], start=1):
        yield from _form_of_a_part(number, title, cells)
    exercises = sum(exercise_minutes(cells) for _, cells in found)
    text = sum(minutes(cells) for _, cells in found) - exercises
    said = f"| {text} for the text, {exercises} for the exercises"
    if f"**Minutes** {said}" not in notebook.cells[0].source:
        yield f"the first table gives other minutes than its parts; write '**Minutes** {said} …'"
