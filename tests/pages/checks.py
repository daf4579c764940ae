"""What holds for the built site, each check a function from its folder to its complaints.

They know nothing of how the site is made: they read the pages, and the notebooks beside them.
"""

import ast
import gzip
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bs4 import BeautifulSoup, NavigableString, Tag
from nbformat import NotebookNode

from every_notebook import rules

MOST_MEGABYTES = {"page": 1.5, "site": 25}
FEWEST_SYMPTOMS = 25
# A Chinese character says about as much as two letters.
SHORTEST_ALT = {"en": 20, "zh-CN": 10}
# What a check says while nobody has answered: of no use to somebody who reads on paper.
OF_A_KERNEL = (
    "No guess yet. Write one where it says None, run that cell and this one again.",
    "Nothing to check yet. Fill the blank, run that cell and this one again.",
    "A slider: run this cell to move it.",
)
# Languages as pages have to name them, with their word for a solution, and for themselves.
SOLUTION = {"en": "Solution", "zh-CN": "参考答案"}
SWITCHES = {"en": "English", "zh-CN": "中文"}
HAN = re.compile("[\u4e00-\u9fff]")
# What a Chinese page may say in Latin letters alone.
_NAMES = re.compile(r"Graph to Garment( [\d.]+)?|Furo|English")
_LABELS = ("aria-label", "placeholder", "title")
# The attribute by which each kind of element loads something without being asked.
_LOADS = {"img": "src", "script": "src", "iframe": "src", "source": "src", "object": "data"}


def pages(site: Path) -> list[Path]:
    """Return the pages of a built site, in both languages."""
    return sorted(site.rglob("*.html"))


def language_of(page: Path) -> str:
    """Return the language that a page has to be in, by its folder."""
    return "zh-CN" if page.parent.name == "zh" else "en"


def in_its_language(page: Path, sentences: Iterable[str]) -> list[str]:
    """Return sentences of the helpers as a page would say them."""
    if language_of(page) == "en":
        return [*sentences]
    from chinese import catalogue  # A fork may have dropped it.

    chinese = catalogue.read()
    return [chinese[sentence] for sentence in sentences]


def read(page: Path) -> BeautifulSoup:
    """Return a page as a tree; what has been read before is not read again."""
    return _tree(page.read_text(encoding="utf-8"))


@lru_cache(maxsize=100)
def _tree(text: str) -> BeautifulSoup:
    return BeautifulSoup(text, "html.parser")


# --- Links, and what is loaded ---


def broken_links(site: Path) -> Iterator[str]:
    """Complain about a link, or a picture, that leads to no file or to no place in it."""
    for page in pages(site):
        name = page.relative_to(site)
        for element in read(page).select("[href], [src]"):
            address = urlsplit(element.get("href") or element.get("src"))
            if address.scheme or address.netloc:
                continue
            file = (page.parent / unquote(address.path)).resolve() if address.path else page
            if not file.is_file():
                yield f"{name}: {address.geturl()!r} leads to no file"
            elif address.fragment and not _has_place(file, unquote(address.fragment)):
                yield f"{name}: {address.geturl()!r} leads to no place in its page"


def _has_place(page: Path, name: str) -> bool:
    if page.suffix != ".html":
        return True  # An icon within a drawing.
    return name in _places(page.read_text(encoding="utf-8"))


@lru_cache(maxsize=100)
def _places(text: str) -> set[str]:
    return {element["id"] for element in _tree(text).select("[id]")}


def foreign_loads(site: Path) -> Iterator[str]:
    """Complain about what a page fetches from another host without being asked to."""
    for page in pages(site):
        tree = read(page)
        loaded = [element.get(_LOADS[element.name], "") for element in tree.find_all([*_LOADS])]
        for link in tree.find_all("link"):
            kinds = set(link.get("rel", []))
            if kinds & {"stylesheet", "icon", "preload", "prefetch", "preconnect"}:
                loaded.append(link["href"])
        yield from (
            f"{page.relative_to(site)}: loads {url}"
            for url in loaded
            if re.match(r"(https?:)?//", url)
        )
    for sheet in site.rglob("*.css"):
        for url in re.findall(r"url\(\s*['\"]?((?:https?:)?//[^'\")]+)", sheet.read_text("utf-8")):
            yield f"{sheet.name}: loads {url}"


def symptoms_lead_somewhere(site: Path) -> Iterator[str]:
    """Complain about too few symptoms, and about one that leads to no place in a notebook."""
    for symptoms in site.rglob("symptoms.html"):
        rows = read(symptoms).select("article table tbody tr")
        if len(rows) < FEWEST_SYMPTOMS:
            yield f"{len(rows)} symptoms; give at least {FEWEST_SYMPTOMS}"
        for row in rows:
            places = [link["href"].split("#") for link in row.find_all("td")[-1].find_all("a")]
            led = [name and _has_place(symptoms.with_name(page), name) for page, name in places]
            if not led or not all(led):
                yield f"the symptom {row.get_text(' ', strip=True)!r} leads nowhere"


# --- Two languages ---


def switched_wrong(site: Path) -> Iterator[str]:
    """Complain about a switch that does not lead to the same page in the other language.

    Where there is no Chinese, there must be no switch.
    """
    for page in pages(site):
        name, here = page.relative_to(site), language_of(page)
        (there,) = SWITCHES.keys() - {here}
        twin = site / ("zh" if there == "zh-CN" else ".") / page.name
        led = {
            (switch.get_text(), switch["lang"], switch["hreflang"], _led(page, switch["href"]))
            for switch in read(page).select("a[rel=alternate]")
        }
        word = SWITCHES[there]
        short = there.split("-")[0]
        if led != ({(word, short, short, twin.resolve())} if (site / "zh").exists() else set()):
            yield f"{name}: {[*led]} leads to the other language"
        if read(page).html["lang"] != here:
            yield f"{name}: its language is {read(page).html['lang']}; let it be {here}"


def _led(page: Path, address: str) -> Path:
    return (page.parent / address).resolve()


def words_left_in_english(site: Path) -> Iterator[str]:
    """Complain about a label, or a word around the text of a Chinese page, that is not Chinese."""
    for page in sorted(site.glob("zh/*.html")):
        tree = read(page)
        said = {each[label] for label in _LABELS for each in tree.select(f"[{label}]")}
        for text in tree.find_all(string=re.compile(r"[A-Za-z]{2}")):
            # What stands in the article is its notebook's, and so are the headings of an outline.
            folded, shown = text.find_parent("summary"), text.find_parent(["article", "li"])
            if type(text) is NavigableString and (folded or not shown):
                said.add(text.strip())
        left = {text for text in said if not HAN.search(text) and not _NAMES.fullmatch(text)}
        yield from (f"{page.relative_to(site)}: says {text!r}" for text in sorted(left))


# --- Pictures ---


def pictures_without_words(site: Path) -> Iterator[str]:
    """Complain about a picture without an alt text that says something."""
    for page in pages(site):
        for image in read(page).find_all("img"):
            if len(image.get("alt", "").strip()) < SHORTEST_ALT[language_of(page)]:
                name, address = page.relative_to(site), image.get("src", "")[:60]
                yield f"{name}: {address} has alt text {image.get('alt')!r}"


def pictures_stored_twice(site: Path) -> Iterator[str]:
    """Complain about two files with the same picture."""
    seen: dict[bytes, str] = {}
    for file in sorted([*site.rglob("*.png"), *site.rglob("*.svg")]):
        other = seen.setdefault(file.read_bytes(), file.name)
        if other != file.name:
            yield f"{file.name} is {other} once more"


# --- The loop on paper ---


def cells_of(page: Path) -> list[Tag]:
    """Return the code cells of a page, in order."""
    return read(page).select("div.cell.docutils")


def unfolded(page: Path, stored: NotebookNode) -> Iterator[str]:
    """Complain about an answer in sight, a solution in sight, and about what only a kernel says."""
    to_fold = {cell.id for cell, _ in rules.outputs_to_fold(stored)}
    for cell, shown in zip(rules.code_cells(stored), cells_of(page), strict=True):
        in_sight = [out for out in shown.select(".cell_output") if not _closed(out)]
        if cell.id in to_fold and in_sight:
            yield f"{page.stem}: what {cell.id} shows is in sight before its guess is checked"
    text = read(page).find("article").get_text(" ", strip=True)
    for sentence in in_its_language(page, OF_A_KERNEL):
        if (words := re.match(".+?[.:。：]", sentence)[0]) in text:
            yield f"{page.stem}: says {words!r}"
    word = SOLUTION[language_of(page)]
    solutions = [fold for fold in read(page).find_all("summary") if fold.get_text() == word]
    expected = "".join(c.source for c in stored.cells).count(f"<summary>{word}</summary>")
    if len(solutions) != expected or not all(map(_closed, solutions)):
        yield f"{page.stem}: {len(solutions)} of {expected} solutions, or one that is open"


def _closed(element: Tag) -> bool:
    fold = element.find_parent("details")
    return fold is not None and not fold.has_attr("open")


def hints_of(answers: str) -> set[str]:
    """Return the hints in the text of an ``answers.py``."""
    hints = set()
    for node in ast.walk(ast.parse(answers)):
        if not isinstance(node, ast.Call):
            continue
        given = [keyword.value for keyword in node.keywords if keyword.arg == "hints"]
        if isinstance(node.func, ast.Attribute) and node.func.attr == "hint":
            given += node.args[:1]
        for part in given:
            texts = part.values if isinstance(part, ast.Dict) else [part]
            hints |= {text.value for text in texts if isinstance(text, ast.Constant)}
    return {hint for hint in hints if isinstance(hint, str) and hint}


def hints_told(page: Path, hints: set[str]) -> Iterator[str]:
    """Complain about a hint on a page."""
    text = " ".join(read(page).get_text(" ").split())
    for hint in hints:
        # No capital says where a Chinese sentence begins.
        if re.search(f"(?<![，；、]){re.escape(hint)}", text):
            yield f"{page.stem}: tells the hint {hint!r}"


# --- The pages are the notebooks ---


def stale(page: Path, stored: NotebookNode) -> Iterator[str]:
    """Complain where a page does not say what its notebook says, cell by cell."""
    cells, shown = [*rules.code_cells(stored)], cells_of(page)
    if len(cells) != len(shown):
        yield f"{page.stem}: {len(shown)} code cells on the page, {len(cells)} in the notebook"
    for cell, there in zip(cells, shown, strict=False):
        if cell.source.strip() != there.select_one(".cell_input pre").get_text().strip():
            yield f"{page.stem}: the page has other code than {cell.id}"
        elif not all(text in there.get_text() for text in _printed(cell)):
            yield f"{page.stem}: the page shows another output than {cell.id}"
    said = bare(read(page).find("article").get_text())
    for cell in stored.cells:
        lost = [text for text in _plain_paragraphs(cell) if bare(text) not in said]
        if lost:
            yield f"{page.stem}: the page lacks {lost[0][:60]!r} of {cell.id}"


def _printed(cell: NotebookNode) -> list[str]:
    if cell.source.startswith(("check", "explore.slider")):  # They need a kernel.
        return []
    return [output.text.strip() for output in cell.outputs if output.output_type == "stream"]


def _plain_paragraphs(cell: NotebookNode) -> Iterator[str]:
    """Yield what Markdown shows letter by letter: paragraphs and headings without any mark."""
    source = cell.source if cell.cell_type == "markdown" else ""
    prose = re.sub(r"```.*?```|<details>.*?</details>", "", source, flags=re.DOTALL)
    for paragraph in prose.split("\n\n"):
        words = re.sub(r"\]\([^)]*\)|[*`\[]|^#+ ", "", paragraph.strip())
        if words and not re.search(r"[$|<\\_]|^\s*([-+]|\d+\.) |^\[|\.svg\)", words, re.MULTILINE):
            yield words


def bare(text: str) -> str:
    """Return the letters and digits of a text: Sphinx has quotes and dashes of its own."""
    return re.sub(r"[\W_]+", "", text)


# --- Light ---


def heavy(site: Path) -> Iterator[str]:
    """Complain about a page that takes long to transfer, and about a site that is large."""
    total = sum(file.stat().st_size for file in site.rglob("*") if file.is_file()) / 1e6
    if total > MOST_MEGABYTES["site"]:
        yield f"the site has {total:.1f} MB, at most {MOST_MEGABYTES['site']}"
    for page in pages(site):
        if (megabytes := transferred(page)) > MOST_MEGABYTES["page"]:
            yield f"{page.relative_to(site)}: {megabytes:.2f} MB, at most {MOST_MEGABYTES['page']}"


def transferred(page: Path) -> float:
    """Return the megabytes of a page and of all that it loads, text packed as servers pack it."""
    files = {page}
    tree = read(page)
    for element in tree.find_all(["img", "script", "link"]):
        address = element.get("src") or (element.get("href") if element.name == "link" else None)
        if address and not urlsplit(address).scheme:
            files.add((page.parent / urlsplit(address).path).resolve())
    if tree.select(".math"):
        # MathJax loads its own parts. Of its fonts a page takes a few; all are counted.
        mathjax = next(file for file in files if file.name == "startup.js").parent
        files |= {file for file in mathjax.rglob("*.*") if "extensions" not in file.parts}
    return (
        sum(
            _packed(file)
            for file in files
            if file.is_file() and (file.suffix != ".html" or file == page)
        )
        / 1e6
    )


def _packed(file: Path) -> int:
    data = file.read_bytes()
    return len(data) if file.suffix in {".png", ".woff"} else len(gzip.compress(data))
