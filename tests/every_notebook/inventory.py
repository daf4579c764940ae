"""What a figure says and which look means what, in words: one line for each thing that is drawn.

Two pictures whose legends are exchanged hardly differ by their pixels, and two alt texts not at
all. In an inventory a legend stands beside its line's colour, dash, marker and ends.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import matplotlib.colors
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import Collection
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.text import Text
from mpl_toolkits.mplot3d.art3d import Line3D

from helpers.common import picture

_NAMES = {
    colour.lower(): name.lower()
    for name, colour in vars(picture).items()
    if isinstance(colour, str) and colour.startswith("#")
}


def inventory(figure: picture.Figure) -> str:
    """Return a figure's alt text, words, looks and ends, line by line."""
    lines = [f"alt: {figure.alt}", *_words(figure.texts), *_legends(figure.legends)]
    for number, axes in enumerate(figure.axes, start=1):
        lines += [f"panel {number}: {_frame(axes)}", *_contents(axes)]
    return "\n".join(lines) + "\n"


def _frame(axes: Axes) -> str:
    """Say what stands around a panel: its title, and each axis with its name and its ticks."""
    titles = (axes.get_title(loc).replace("\n", " ") for loc in ("left", "center", "right"))
    said = [" ".join(filter(None, titles))]
    for name, axis in axes._axis_map.items():
        scale, upside_down = axis.get_scale(), " falling" * int(axis.get_inverted())
        said.append(f"{name} {axis.get_label_text()!r} {scale}{upside_down}")
        words = [label.get_text() for label in axis.get_majorticklabels()]
        if any(any(map(str.isalpha, word)) for word in words) and scale == "linear":
            said[-1] += f" {' | '.join(words)}"
    return "; ".join(said)


def _contents(axes: Axes) -> Iterator[str]:
    frame = [axes.patch, *axes.spines.values()]
    for child in axes.get_children():
        if isinstance(child, Line2D | Collection | Patch) and child not in frame:
            yield f"  {_named(child)}{_look(child)}{_ends(child)}"
    yield from _words(axes.texts)
    legends = [child for child in axes.get_children() if isinstance(child, Legend)]
    yield from _legends(legends)


def _legends(legends: Iterable[Legend]) -> Iterator[str]:
    for legend in legends:
        yield f"  legend {legend.get_title().get_text()!r}"
        for handle, text in zip(legend.legend_handles, legend.texts, strict=True):
            yield f"    {text.get_text()!r}: {_look(handle)}"


def _words(texts: Iterable[Text]) -> Iterator[str]:
    for text in filter(Text.get_text, texts):
        place = getattr(text, "xy", text.get_position())
        yield f"  {text.get_text()!r} {_colour(text.get_color())} at {_numbers(place)}"


def _named(artist: Artist) -> str:
    label = str(artist.get_label() or "_")
    kind = type(artist).__name__
    return f"{kind}: " if label.startswith("_") else f"{kind} {label!r}: "


def _look(artist: Any) -> str:
    if isinstance(artist, Line2D):
        parts = [_colour(artist.get_color()), artist.get_linestyle(), str(artist.get_marker())]
        return " ".join(part for part in parts if part.strip() not in ("None", ""))
    faces, edges = (
        dict.fromkeys(map(_colour, matplotlib.colors.to_rgba_array(colours)))
        for colours in (artist.get_facecolor(), artist.get_edgecolor())
    )
    hatch = f" {artist.get_hatch()}" if artist.get_hatch() else ""
    return f"{_several(faces)} in {_several(edges)}{hatch}"


def _several(colours: Iterable[str]) -> str:
    colours = list(colours) or ["nothing"]
    return ", ".join(colours) if len(colours) < 4 else f"{colours[0]} … {colours[-1]}"


def _colour(colour: Any) -> str:
    return _NAMES.get(as_hex := matplotlib.colors.to_hex(colour).lower(), as_hex)


def _ends(artist: Artist) -> str:
    """Say where it begins, where its middle lies and where it ends; of a patch, how large it is."""
    if isinstance(artist, Patch):
        size = artist.axes.transData.inverted().transform_bbox(artist.get_extents()).size
        return f", {_numbers(size)}"
    if isinstance(artist, Line2D):
        data = artist.get_data_3d() if isinstance(artist, Line3D) else artist.get_data(orig=False)
        points = np.array([np.ravel(values) for values in data], dtype=float).T
    else:
        points = np.ma.array(artist.get_offsets(), dtype=float, copy=True).filled(np.nan)
        points = points if points.any() else points[:0]  # One that has none stands at zero.
    for column, axis in zip(points.T, artist.axes._axis_map.values(), strict=False):
        if axis.get_scale() == "linear":  # What rounding leaves of zero is another on each machine.
            column[abs(column) < 1e-12 * np.ptp(axis.get_view_interval())] = 0
    places = dict.fromkeys((0, len(points) // 2, len(points) - 1)) if len(points) else ()
    return "".join(f", {_numbers(points[place])}" for place in places)


def _numbers(values: Iterable) -> str:
    return f"({', '.join(f'{float(value) + 0:.3g}' for value in values)})"
