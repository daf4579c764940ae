"""The pages that are no notebook: each is made of what README, a notebook or its table says."""

import html
import re
from pathlib import Path

from nbformat import NotebookNode
from on_paper import minutes_of, name_of
from words import EDITIONS, Edition

_ROW = re.compile(r"^\| (.+?) \| (.+?) \| (.+?) \|$", flags=re.MULTILINE)
# The picture of the front page: a notebook's own.
SHOWN = "pictures/03-fan-of-directions-1.png"


def first_line_elsewhere(readme: str) -> str:
    """Return README's line that brings the helpers to where PyTorch is installed already."""
    return re.search(r"^%pip install .+$", readme, flags=re.MULTILINE)[0]


def listed(readme: str) -> list[str]:
    """Return the notebooks that README lists, also those that a fork has dropped."""
    return re.findall(r"^\| \[[^\]]+\]\(notebooks/(\w+)\.ipynb\)", readme, flags=re.MULTILINE)


def commands(readme: str) -> list[str]:
    """Return the one-line commands of README: the one that opens the notebooks comes first."""
    return re.findall(r"```sh\n(.*?)\n```", readme, flags=re.DOTALL)


def front(
    template: str, root: Path, pages: dict[str, NotebookNode], repository: str, edition: Edition
) -> str:
    """Return the front page: README's sentence, table and commands in their places."""
    readme, skills = (
        (root / name).read_text(encoding="utf-8")
        for name in ("README.md", edition.words["skills in"])
    )
    sentence = re.search(edition.words["sentence"], readme, flags=re.MULTILINE | re.DOTALL)
    if sentence is None:
        form = edition.words["sentence"]
        raise ValueError(f"README.md has no sentence for a front page: write one as {form!r}")
    binder = re.search(r"\]\((https://mybinder\.org/v2/[^)]+)\)", readme)[1]
    rows = "\n".join(
        f"| [{_title_of(pages[stem])}]({stem}.ipynb) | {can} | {minutes_of(pages[stem], edition)} |"
        for stem, can in re.findall(edition.words["skill"], skills, flags=re.MULTILINE)
        if stem in pages
    )
    contents = {
        "SENTENCE": sentence[1],
        "PICTURE": _shown(pages),
        "NOTEBOOKS": rows,
        "CLONE": f"git clone {repository}",
        "START": commands(readme)[0],
        "BINDER": f"{binder}/{edition.folder}".rstrip("/"),
        "ELSEWHERE": first_line_elsewhere(readme) + edition.first_line,
        "TOC": "\n".join(pages),
    }
    return re.sub(r"\{(\w+)\}", lambda found: contents.get(found[1], found[0]), template)


def _title_of(page: NotebookNode) -> str:
    return re.search(r"^# (.+)$", page.cells[0].source, flags=re.MULTILINE)[1]


def _shown(pages: dict[str, NotebookNode]) -> str:
    """Return the picture of the front page as it stands in its notebook; nothing without that."""
    outputs = (o for page in pages.values() for cell in page.cells for o in cell.get("outputs", ()))
    drawn = "".join(output.get("data", {}).get("text/html", "") for output in outputs)
    found = re.search(rf'<img ([^>]*{re.escape(SHOWN)}"[^>]*>)', drawn)
    return f'<img class="shown" {found[1]}' if found else ""


def terms(
    template: str, pages: dict[str, NotebookNode], for_teachers: str, edition: Edition
) -> str:
    """Return the page of all terms and symbols, each with the notebook that explains it."""
    (other,) = {each.language for each in EDITIONS} - {edition.language}
    found: list[tuple[str, str, str, str]] = []
    for stem, page in pages.items():
        table = next(c for c in page.cells if edition.words["terms"] in c.source.splitlines())
        for term, elsewhere, means in _ROW.findall(table.source)[1:]:
            where = f"[{stem[:2]}](#{name_of(stem, table.id)})"
            if term != "---":
                spoken = f'<span lang="{other}">{html.escape(elsewhere)}</span>'
                found.append((term, spoken, means, where))
    found.sort(key=lambda row: (_alphabet(row[0]), row[3]))
    lines = "\n".join(f"| {' | '.join(row)} |" for row in found)
    symbols = for_teachers.split(f"\n{edition.words['symbols']}\n")[1].split("\n## ")[0].strip()
    return template.replace("{TERMS}", lines).replace("{SYMBOLS}", symbols)


def _alphabet(term: str) -> bytes:
    """Return what sorts terms: letters, then Chinese characters by their sound."""
    # That is the order in which GB 2312 has those in common use.
    return re.sub(r"\W", "", term.casefold()).encode("gb18030")


def symptoms(template: str, stems: list[str]) -> str:
    """Return the page of symptoms, without those that lead to a notebook that a fork dropped."""
    numbers = {stem[:2] for stem in stems}
    lines = template.splitlines()
    kept = [line for line in lines if set(re.findall(r"\(#nb(\d\d)-", line)) <= numbers]
    return "\n".join(kept) + "\n"
