"""From a notebook as it is stored to a notebook as a page shows it: its loop on paper.

A page has no kernel. So what a check would say is left out, a slider moves the pictures that its
printed twin holds, and an exercise says where it can be run. Nothing is computed, nothing is
written twice: prose, code and results are the stored ones.
"""

import base64
import html
import io
import posixpath
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import nbformat
import PIL.Image
from nbformat import NotebookNode
from words import Edition

_BADGE = re.compile(r"^\[!\[[^\]]*\]\(https://mybinder\.org/badge.*$", flags=re.MULTILINE)
_COMMENT = re.compile(r"^<!--.*?-->\n")
_IMAGE = re.compile(r'<img src="data:image/(png|svg\+xml);base64,([^"]+)" alt="([^"]*)"([^>]*)>')
_SLIDER = re.compile(r'explore\.slider\(.*?label="([^"]+)"', flags=re.DOTALL)
_UPWARDS = re.compile(r"\]\((\.\./[^)]+)\)")


@dataclass(frozen=True)
class Place:
    """Where one notebook can be run."""

    repository: str
    stem: str
    edition: Edition

    @property
    def binder(self) -> str:
        """Return the address that opens the notebook on Binder."""
        return f"https://mybinder.org/v2/gh/{self._name}/HEAD?urlpath=lab/tree/{self._path}"

    @property
    def colab(self) -> str:
        """Return the address that opens the notebook in Colab."""
        return f"https://colab.research.google.com/github/{self._name}/blob/main/{self._path}"

    @property
    def _name(self) -> str:
        return self.repository.removeprefix("https://github.com/")

    @property
    def _path(self) -> str:
        return f"notebooks/{self.edition.folder}{self.stem}.ipynb"

    def links(self, *words: str) -> list[str]:
        """Return, as HTML, a link to each way of running the notebook: Binder, Colab, a copy."""
        return [
            f'<a href="{html.escape(self.binder)}">{words[0]}</a>',
            f'<a href="{html.escape(self.colab)}">{words[1]}</a>',
            f'<a href="{self.stem}.ipynb" download>{words[2]}</a>',
        ]


@dataclass
class Page:
    """A notebook as its page shows it, and the pictures that lie beside it by their names.

    `stored` has the address of each picture that lies elsewhere already.
    """

    notebook: NotebookNode
    stored: Mapping[bytes, str]
    pictures: dict[str, bytes] = field(default_factory=dict)


def page_of(
    notebook: NotebookNode,
    place: Place,
    first_lines: str,
    dropped: Iterable[str],
    stored: Mapping[bytes, str],
) -> Page:
    """Return the page of a stored notebook.

    `first_lines` is what Colab's first cell has to say, `dropped` the notebooks that a fork has
    not, `stored` the address of each picture that need not be stored again.
    """
    page = Page(nbformat.from_dict(notebook), stored)
    label = None
    cells = []
    for cell in page.notebook.cells:
        cells.append(cell)
        if cell.cell_type == "markdown":
            cell.source = without_links_to(dropped, cell.source)
            _prose(cell, place, first_lines)
            continue
        if asked := _SLIDER.search(cell.source):
            label, cell.outputs = asked[1], []
        if cell.source.startswith("check"):  # What it would say comes with a kernel.
            cell.outputs = []
        for output in cell.outputs:
            if "text/html" in (data := output.get("data", {})):
                data["text/html"] = _shown(data["text/html"], f"{place.stem[:2]}-{cell.id}", page)
                if label:
                    data["text/html"], label = _frames(data["text/html"], label, page), None
        if "exercise" in cell.metadata.get("tags", []):
            # Above its check, which is the line to run.
            cells.append(nbformat.v4.new_markdown_cell(_run_it(place)))
    page.notebook.cells = cells
    return page


def minutes_of(notebook: NotebookNode, edition: Edition) -> str:
    """Return how long a notebook takes, as its first table says it: ``160 minutes, in 5 parts``."""
    found = re.search(edition.words["minutes"], notebook.cells[0].source)
    text, exercises, parts = found.groups()
    return edition.words["time"].format(minutes=int(text) + int(exercises), parts=parts)


# --- Prose ---


def without_links_to(dropped: Iterable[str], source: str) -> str:
    """Return Markdown in which a link to a dropped notebook is only its words."""
    for stem in dropped:
        source = re.sub(rf"\[([^\]]+)\]\({stem}\.ipynb\)", r"\1", source)
    return source


def _prose(cell: NotebookNode, place: Place, first_lines: str) -> None:
    """Lead the links of a Markdown cell where a page leads, and give it a name to link to."""

    def from_the_page(found: re.Match) -> str:
        path = posixpath.normpath(f"notebooks/{place.edition.folder}{found[1]}")
        beside = path.removeprefix("notebooks/")
        return f"]({beside})" if beside != path else f"]({place.repository}/blob/main/{path})"

    source = _UPWARDS.sub(from_the_page, cell.source)
    if _BADGE.search(source):
        minutes = minutes_of(NotebookNode(cells=[cell]), place.edition)
        source = _BADGE.sub(lambda _: _ways_to_run(place, minutes, first_lines), source)
    if not source.startswith("<"):
        source = f"({name_of(place.stem, cell.id)})=\n{source}"
    cell.source = source


def name_of(stem: str, cell: str) -> str:
    """Return the name by which any page links to a cell: ``nb03-which-way-is-down``."""
    return f"nb{stem[:2]}-{cell}"


def _ways_to_run(place: Place, minutes: str, first_lines: str) -> str:
    words = place.edition.words
    buttons = "".join(place.links(words["launch"], words["open"], words["download"]))
    return (
        f'<nav class="ways-to-run" aria-label="{words["ways"]}">'
        f'{buttons}<span class="minutes">{minutes}</span></nav>\n'
        f'<details class="elsewhere"><summary>{words["elsewhere"]}</summary>\n\n'
        f"{words['first']}\n\n```none\n{first_lines}\n```\n\n</details>"
    )


def _run_it(place: Place) -> str:
    words = place.edition.words
    ways = "binder", "colab", "copy"
    links = place.links(*(words[f"run it: {way}"] for way in ways))
    sentence = words["run it"].format(**dict(zip(ways, links, strict=True)))
    return f'<p class="run-it">{sentence}</p>'


# --- Pictures ---


def _shown(stored: str, name: str, page: Page) -> str:
    """Return stored HTML with its pictures as files beside the page, each but once."""
    count = 0

    def put_beside(found: re.Match) -> str:
        nonlocal count
        kind, data, alt, rest = found.groups()
        if "onload=" in rest:  # A film winds itself from what stands in the page.
            return _when_all_is_there(found[0])
        count += 1
        file = f"{name}-{count}.{'png' if kind == 'png' else 'svg'}"
        return _image(page, file, base64.b64decode(data), alt, rest)

    return _IMAGE.sub(put_beside, _COMMENT.sub("", stored))


def _when_all_is_there(film: str) -> str:
    """Let a film wait for its controls: it may have loaded before they have arrived behind it."""
    wait = "document.addEventListener('DOMContentLoaded', wind)"
    return re.sub(
        'onload="([^"]*)"',
        lambda script: (
            f'onload="const wind = () => {{ {script[1]} }}; '
            f"document.readyState === 'loading' ? {wait} : wind()\""
        ),
        film,
    )


def _image(page: Page, file: str, data: bytes, alt: str, rest: str) -> str:
    """Keep a picture for the page, and return its HTML: it loads when a reader comes near."""
    address = page.stored.get(data) or f"pictures/{file}"
    if data not in page.stored:
        page.pictures[file] = data
    width, height = size_of(data)
    return (
        f'<img src="{address}" alt="{alt}" width="{width}" height="{height}" '
        f'loading="lazy" decoding="async"{rest}>'
    )


def size_of(data: bytes) -> tuple[int, int]:
    """Return width and height of a PNG or an SVG, so that nothing jumps when it has loaded."""
    if data.startswith(b"\x89PNG"):
        with PIL.Image.open(io.BytesIO(data)) as picture:
            return picture.size
    box = re.search(rb'viewBox="([^"]+)"', data)
    _, _, width, height = map(float, box[1].split())
    return round(width), round(height)


# --- Sliders ---


def _frames(twin: str, label: str, page: Page) -> str:
    """Return the pictures of a printed twin as the frames of one slider.

    Without a script all frames stand below each other, as in the twin; `site.js` shows the bar.
    """
    found = list(re.finditer(r"<img [^>]+>", twin))
    if len(found) == 1:
        frames = _cut(found[0][0], label, page)
    else:
        frames = [(str(k), image[0]) for k, image in enumerate(found, start=1)]
    shown = "".join(
        f'<div class="frame" data-setting="{html.escape(setting)}">{image}</div>'
        for setting, image in frames
    )
    return (
        f'<div class="frames">{shown}<label class="bar" hidden>{label} '
        f'<input type="range" min="0" max="{len(frames) - 1}" step="1" value="0">'
        "<output></output></label></div>"
    )


def _cut(strip: str, label: str, page: Page) -> list[tuple[str, str]]:
    """Cut a strip of pictures of one size; return the setting and the image of each.

    The strip's alt text is theirs, each behind its setting.
    """
    file, alt = (
        re.search(r'src="pictures/([^"]+)"', strip)[1],
        re.search(r'alt="([^"]*)"', strip)[1],
    )
    rest = re.search(r'decoding="async"(.*)>', strip)[1]
    _, *parts = re.split(rf"(?:^| ){re.escape(label)} (\S+): ", alt)
    settings, words = parts[::2], parts[1::2]
    found = []
    with PIL.Image.open(io.BytesIO(page.pictures.pop(file))) as picture:
        width, height = picture.size
        each, left = divmod(height, len(settings)) if settings else (0, height)
        if left:
            raise ValueError(f"{file}: {len(settings)} settings in {height} rows; store it again")
        for k, (setting, said) in enumerate(zip(settings, words, strict=True)):
            buffer = io.BytesIO()
            picture.crop((0, k * each, width, (k + 1) * each)).save(buffer, "PNG", optimize=True)
            name = file.replace(".png", f"-{k + 1}.png")
            found.append((setting, _image(page, name, buffer.getvalue(), said, rest)))
    return found
