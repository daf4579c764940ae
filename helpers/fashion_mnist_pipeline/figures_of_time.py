"""The figures of notebook 04 about how long things take; `figures` hands them on."""

import itertools
import math
from collections.abc import Mapping
from typing import Any

from matplotlib import ticker
from matplotlib.axes import Axes

from helpers.common.picture import BLUE, GREY, VERMILION, Figure, styled
from helpers.common.sentences import say


@styled
def time_by_part(seconds: Mapping[str, float]) -> Figure:
    """Draw what each part of a loop costs, in the order in which they run, from its seconds."""
    total, longest = sum(seconds.values()), max(seconds, key=seconds.__getitem__)
    figure = Figure(
        figsize=(7, 0.6 + 0.36 * len(seconds)),
        alt=say(
            "One bar for each of {count} parts of the loop, in the order in which they run, with "
            "its share of the time.",
            count=len(seconds),
        ),
    )
    shares = [f" {value / total:.0%}" for value in seconds.values()]
    axes = _bars(figure, {name: 1000 * value for name, value in seconds.items()}, shares)
    axes.margins(x=0.12)  # Room for the shares beside the longest bar.
    title = f"Of {1000 * total:.0f} ms, the largest part goes into {longest}"
    axes.set(xlabel="milliseconds for one epoch", title=title)
    return figure


@styled
def ladder(seconds: Mapping[str, float]) -> Figure:
    """Draw the seconds of an epoch for each way to run it, and how many times faster each is.

    The starting point comes first; last, and grey, what remains if all but the products goes. A
    rung that takes as long as the one before, within a fiftieth, is said to gain nothing.
    """
    names, values = list(seconds), list(seconds.values())
    *_, last, products = values
    # Alt texts are compared from run to run, so they hold no number that a clock gave.
    ends: dict[str, Any] = {"count": len(names), "first": names[0], "last": names[-1]}
    if values[0] > 4 * last:
        alt = say(
            "A dot for the seconds of an epoch of each of {count} ways to run it, on a logarithmic "
            "axis, from {first} down to {last}: the first takes many times as long as the last but "
            "one.",
            **ends,
        )
    else:
        alt = say(
            "A dot for the seconds of an epoch of each of {count} ways to run it, on a logarithmic "
            "axis, from {first} down to {last}: the first takes not many times as long as the last "
            "but one.",
            **ends,
        )
    figure = Figure(figsize=(7, 0.9 + 0.42 * len(names)), alt=alt)
    axes = figure.subplots()
    rows = range(len(names))
    axes.plot(values[:-1], rows[:-1], "o", color=BLUE, markersize=9)
    axes.plot([products], rows[-1:], "D", color=GREY, markersize=8)
    for row, (before, value) in enumerate(itertools.pairwise([math.inf, *values])):
        label = f"{value:.2f} s, ×{values[0] / value:.1f}"
        label += ", no gain" if value > 0.98 * before else ""
        axes.annotate(label, (value, row), (9, -4), textcoords="offset points")
    numbered = [f"{rung} · {name}" for rung, name in enumerate(names[:-1], start=1)]
    axes.set_yticks(rows, [*numbered, names[-1]])
    axes.invert_yaxis()
    axes.set(xscale="log", xlabel="seconds an epoch (logarithmic; × times as fast as the first)")
    axes.set_xlim(0.8 * min(values), 3 * max(values))  # Room for the words beside the last dot.
    axes.xaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter("")
    # Where the gain is: a rung's share of the way, in logarithms.
    steps = [math.log(before / after) for before, after in zip(values, values[1:-1], strict=False)]
    most = max(range(len(steps)), key=steps.__getitem__)
    gain = (
        f"{values[0] / last:.0f} times faster, {math.exp(steps[most]):.0f} times on one rung alone"
    )
    axes.set_title(gain)
    return figure


@styled
def cost_growth(
    by_batch: Mapping[int, float],
    by_width: Mapping[int, float],
    by_images: Mapping[int, float],
    memory: Mapping[int, tuple[float, float]],
) -> Figure:
    """Draw how an epoch's seconds grow with batch size, width and number of images.

    `memory` gives gigabytes for each number of images, as bytes and as 32-bit floats.
    """
    figure = Figure(
        figsize=(7, 5.6),
        alt=say(
            "Four panels on logarithmic axes. Seconds an epoch against batch size, hidden units "
            "and images, each with the limit that binds at either end; and the calculated memory "
            "against images, four times as high for floats as for bytes."
        ),
    )
    (batch, width), (images, store) = figure.subplots(2, 2)
    panels = (
        (batch, by_batch, "images in a batch", "← overhead of steps", "arithmetic →"),
        (width, by_width, "hidden units", "← overhead of steps", "arithmetic →"),
        (images, by_images, "images in an epoch", "in proportion", ""),
    )
    for axes, seconds, what, low, high in panels:
        axes.loglog(list(seconds), list(seconds.values()), marker="o", color=BLUE)
        axes.set(xlabel=what, ylabel="seconds an epoch")
        for x, side, text in ((0.03, "left", low), (0.97, "right", high)):
            axes.text(x, 1.03, text, transform=axes.transAxes, ha=side, fontsize=9)
    stored = list(memory)
    bytes_, floats = zip(*memory.values(), strict=True)
    store.loglog(stored, bytes_, marker="o", linestyle="-", label="bytes")
    store.loglog(stored, floats, marker="s", linestyle="--", label="floats")
    store.axhline(1, color=VERMILION, linestyle=":")
    store.text(stored[0], 1.1, "1 GB: a small cloud machine", fontsize=9)
    store.text(0.03, 1.03, "calculated", transform=store.transAxes, fontsize=9)
    store.set(xlabel="images in memory", ylabel="gigabytes")
    store.legend(loc="lower right")
    # Ticks where something was measured: a logarithmic axis would mark powers of ten.
    every = ((batch, by_batch), (width, by_width), (images, by_images), (store, memory))
    for axes, sizes in every:
        names = [f"{size // 1000}k" if size >= 10_000 else f"{size}" for size in sizes]
        axes.set_xticks(list(sizes), names)
        axes.set_xticks([], minor=True)
        axes.yaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter("")  # Else a short axis also labels what lies between.
    title = "Small steps pay for overhead, large ones for arithmetic"
    figure.suptitle(title, x=0.01, ha="left", fontweight="bold", fontsize=11)
    return figure


def _bars(figure: Figure, lengths: Mapping[str, float], labels: list[str], **look) -> Axes:
    """Draw lying bars, the first on top, each with its name before it and a label behind it."""
    axes = figure.subplots()
    look = {"color": BLUE, "linewidth": 0, **look}
    axes.bar_label(axes.barh(list(lengths), list(lengths.values()), **look), labels, padding=2)
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    return axes
