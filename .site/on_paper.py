"""From a notebook as it is stored to a notebook as a page shows it: its loop on paper.

A page has no kernel. So what a check would say is left out, a slider moves the pictures that its
printed twin holds, and an exercise says where it can be run. Nothing is computed, nothing is
written twice: prose, code and results are the stored ones.
"""

import base64
import html
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

import nbformat
import PIL.Image
from nbformat import NotebookNode

_BADGE = re.compile(r"^\[!\[Launch on Binder\].*$", flags=re.MULTILINE)
_MINUTES = re.compile(r"\*\*Minutes\*\* \| (\d+) for the text, (\d+) for the exercises,? (.*?) \|")
_COMMENT = re.compile(r"^<!--.*?-->\n")
_IMAGE = re.compile(r'<img src="data:image/(png|svg\+xml);base64,([^"]+)" alt="([^"]*)"([^>]*)>')
_SLIDER = re.compile(r'explore\.slider\(.*?label="([^"]+)"', flags=re.DOTALL)
_OUTSIDE = re.compile(r"\]\(\.\./([^)]+)\)")


@dataclass(frozen=True)
class Place:
    """Where one notebook can be run, and what brings the helpers along elsewhere."""

    repository: str
    stem: str

    @property
    def binder(self) -> str:
        """Return the address that opens the notebook on Binder."""
        name = self.repository.removeprefix("https://github.com/")
        return (
            f"https://mybinder.org/v2/gh/{name}/HEAD?urlpath=lab/tree/notebooks/{self.stem}.ipynb"
        )

    @property
    def colab(self) -> str:
        """Return the address that opens the notebook in Colab."""
        name = self.repository.removeprefix("https://github.com/")
        return (
            f"https://colab.research.google.com/github/{name}/blob/main/notebooks/{self.stem}.ipynb"
        )

    def links(self) -> str:
        """Return, as HTML, a link to each way of running the notebook."""
        return (
            f'<a href="{html.escape(self.binder)}">on Binder</a>, '
            f'<a href="{html.escape(self.colab)}">in Colab</a>, or '
            f'<a href="{self.stem}.ipynb" download>download it</a>'
        )


@dataclass
class Page:
    """A notebook as its page shows it, and the pictures that lie beside it by their names."""

    notebook: NotebookNode
    pictures: dict[str, bytes] = field(default_factory=dict)


def page_of(
    stored: NotebookNode, place: Place, first_line: str, dropped: Iterable[str] = ()
) -> Page:
    """Return the page of a stored notebook.

    `first_line` is what Colab's first cell has to say, `dropped` the notebooks that a fork has not.
    """
    page = Page(nbformat.from_dict(stored))
    label = None
    cells = []
    for cell in page.notebook.cells:
        cells.append(cell)
        if cell.cell_type == "markdown":
            cell.source = without_links_to(dropped, cell.source)
            _prose(cell, place, first_line)
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


def minutes_of(stored: NotebookNode) -> str:
    """Return how long a notebook takes, as its first table says it: ``160 minutes, in 5 parts``."""
    text, exercises, parts = _MINUTES.search(stored.cells[0].source).groups()
    return f"{int(text) + int(exercises)} minutes, {parts}"


# --- Prose ---


def without_links_to(dropped: Iterable[str], source: str) -> str:
    """Return Markdown in which a link to a dropped notebook is only its words."""
    for stem in dropped:
        source = re.sub(rf"\[([^\]]+)\]\({stem}\.ipynb\)", r"\1", source)
    return source


def _prose(cell: NotebookNode, place: Place, first_line: str) -> None:
    """Lead the links of a Markdown cell where a page leads, and give it a name to link to."""
    source = _OUTSIDE.sub(rf"]({place.repository}/blob/main/\1)", cell.source)
    if _BADGE.search(source):
        minutes = minutes_of(NotebookNode(cells=[cell]))
        source = _BADGE.sub(lambda _: _ways_to_run(place, minutes, first_line), source)
    if not source.startswith("<"):
        source = f"({name_of(place.stem, cell.id)})=\n{source}"
    cell.source = source


def name_of(stem: str, cell: str) -> str:
    """Return the name by which any page links to a cell: ``nb03-which-way-is-down``."""
    return f"nb{stem[:2]}-{cell}"


def _ways_to_run(place: Place, minutes: str, first_line: str) -> str:
    return (
        '<nav class="ways-to-run" aria-label="Ways to run this notebook">'
        f'<a class="button" href="{html.escape(place.binder)}">Launch on Binder</a>'
        f'<a class="button" href="{html.escape(place.colab)}">Open in Colab</a>'
        f'<a class="button" href="{place.stem}.ipynb" download>Download the notebook</a>'
        f'<span class="minutes">{minutes}</span></nav>\n'
        '<details class="elsewhere"><summary>In Colab or Kaggle</summary>\n\n'
        f"Put this in a first cell, and run it before all others:\n\n```none\n{first_line}\n```\n\n"
        "</details>"
    )


def _run_it(place: Place) -> str:
    return f'<p class="run-it">To have it checked, run it {place.links()}.</p>'


# --- Pictures ---


def _shown(stored: str, name: str, page: Page) -> str:
    """Return stored HTML with its pictures as files beside the page, each but once."""
    count = 0

    def put_beside(found: re.Match) -> str:
        nonlocal count
        kind, data, alt, rest = found.groups()
        if "onload=" in rest:  # A film winds itself from what stands in the page.
            return found[0]
        count += 1
        file = f"{name}-{count}.{'png' if kind == 'png' else 'svg'}"
        return _image(page, file, base64.b64decode(data), alt, rest)

    return _IMAGE.sub(put_beside, _COMMENT.sub("", stored))


def _image(page: Page, file: str, data: bytes, alt: str, rest: str) -> str:
    """Keep a picture for the page, and return its HTML: it loads when a reader comes near."""
    page.pictures[file] = data
    width, height = size_of(data)
    return (
        f'<img src="pictures/{file}" alt="{alt}" width="{width}" height="{height}" '
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
        each, left = divmod(height, len(settings))
        if not settings or left:
            raise ValueError(f"{file}: {len(settings)} settings in {height} rows; store it again")
        for k, (setting, said) in enumerate(zip(settings, words, strict=True)):
            buffer = io.BytesIO()
            picture.crop((0, k * each, width, (k + 1) * each)).save(buffer, "PNG", optimize=True)
            name = file.replace(".png", f"-{k + 1}.png")
            found.append((setting, _image(page, name, buffer.getvalue(), said, rest)))
    return found
