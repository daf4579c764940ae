"""The pages that are no notebook: each is made of what README, a notebook or its table says."""

import html
import re

from nbformat import NotebookNode
from on_paper import minutes_of, name_of

_ROW = re.compile(r"^\| (.+?) \| (.+?) \| (.+?) \|$", flags=re.MULTILINE)
# The picture of the front page: a notebook's own, and the words that README has for it.
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


def front(template: str, readme: str, notebooks: dict[str, NotebookNode], repository: str) -> str:
    """Return the front page: README's sentence, table, picture and commands in their places."""
    sentence = re.search(
        r"^\*\*PyTorch in notebooks.*?\n\n", readme, flags=re.MULTILINE | re.DOTALL
    )
    words = re.search(r"!\[([^\]]+)\]\(notebooks/pictures/03_gradient_descent\.png\)", readme)[1]
    rows = "\n".join(
        f"| [{title}]({stem}.ipynb) | {can} | {minutes_of(notebooks[stem])} |"
        for title, stem, can in re.findall(
            r"^\| \[([^\]]+)\]\(notebooks/(\w+)\.ipynb\) \| (.+) \|$", readme, flags=re.MULTILINE
        )
        if stem in notebooks
    )
    picture = (
        f'<img class="shown" src="{SHOWN}" alt="{html.escape(words)}" width="980" height="602">'
    )
    contents = {
        "SENTENCE": sentence[0].strip(),
        "PICTURE": picture,
        "NOTEBOOKS": rows,
        "CLONE": f"git clone {repository}",
        "START": commands(readme)[0],
        "BINDER": re.search(r"\]\((https://mybinder\.org/[^)]+)\)", readme)[1],
        "ELSEWHERE": first_line_elsewhere(readme),
        "TOC": "\n".join(notebooks),
    }
    return re.sub(r"\{(\w+)\}", lambda found: contents.get(found[1], found[0]), template)


def terms(template: str, notebooks: dict[str, NotebookNode], for_teachers: str) -> str:
    """Return the page of all terms and symbols, each with the notebook that explains it."""
    found: list[tuple[str, str, str, str]] = []
    for stem, notebook in notebooks.items():
        table = next(cell for cell in notebook.cells if cell.source.startswith("## Terms"))
        for english, chinese, means in _ROW.findall(table.source)[1:]:
            where = f"[{stem[:2]}](#{name_of(stem, table.id)})"
            if english != "---":
                spoken = f'<span lang="zh">{html.escape(chinese)}</span>'
                found.append((english, spoken, means, where))
    found.sort(key=lambda row: (re.sub(r"\W", "", row[0].casefold()), row[3]))
    lines = "\n".join(f"| {' | '.join(row)} |" for row in found)
    symbols = for_teachers.split("\n## Symbols\n")[1].split("\n## ")[0].strip()
    return template.replace("{TERMS}", lines).replace("{SYMBOLS}", symbols)


def symptoms(template: str, stems: list[str]) -> str:
    """Return the page of symptoms, without those that lead to a notebook that a fork dropped."""
    numbers = {stem[:2] for stem in stems}
    lines = template.splitlines()
    kept = [line for line in lines if set(re.findall(r"\(#nb(\d\d)-", line)) <= numbers]
    return "\n".join(kept) + "\n"
