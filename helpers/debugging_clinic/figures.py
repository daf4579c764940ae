"""The figures of notebook 05: each function takes data and returns a `Figure`."""

import math
from collections.abc import Mapping, Sequence

from helpers.common.picture import BLACK, BLUE, GREEN, GREY, VERMILION, Figure, styled
from helpers.debugging_clinic.charts import Chart
from helpers.debugging_clinic.symptoms import Symptom

# Beyond this a loss is drawn as if it stood there: the rest of the curve would be a flat line.
_LOSS_SHOWN = (-4.0, 12.0)


@styled
def patients(charts: Mapping[str, Chart], twins: Mapping[str, Chart]) -> Figure:
    """Draw what one sees of each patient from outside: loss and accuracy, beside a healthy run.

    Charts are by the patient's name; its twin's is that of the same run without the fault.
    """
    starts = [n for n, chart in charts.items() if abs(chart.loss[0] - math.log(10)) < 0.2]
    figure = Figure(
        figsize=(7, 3.9),
        alt=f"Loss above and accuracy below of {len(charts)} patients, each beside the healthy "
        f"run. Their first loss is near ln 10: {_and(starts) or 'in none'}.",
    )
    rows = figure.subplots(2, len(charts), sharex="col", sharey="row", squeeze=False)
    for (above, below), (name, chart) in zip(rows.T, charts.items(), strict=True):
        above.set_title(f"patient {name}")
        _draw_two(above, twins[name].loss, _within(chart.loss, *_LOSS_SHOWN))
        _draw_two(below, twins[name].accuracy, chart.accuracy)
        above.axhline(math.log(10), color=GREY, linewidth=1, linestyle=":", label="ln 10")
        below.axhline(0.1, color=GREY, linewidth=1, linestyle=":")
        below.set_xlabel("update")
    # One axis for all: v == v leaves out NaN, which max() may take for the largest.
    losses = [v for c in charts.values() for v in _within(c.loss, *_LOSS_SHOWN) if v == v]
    rows[0, 0].set_ylim(min(0, min(losses)) - 0.2, max(2.6, 1.03 * max(losses)))
    rows[1, 0].set_ylim(0, 1)
    rows[0, 0].set_ylabel("loss (nats)")
    rows[1, 0].set_ylabel("right, last 20 batches")
    handles, labels = rows[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    return figure


@styled
def symptoms(
    signs: Mapping[str, Symptom], charts: Mapping[str, Chart], twins: Mapping[str, Chart]
) -> Figure:
    """Draw for each patient, by its name, the curve of its symptom, the bound, and its twin's."""
    told = sum(s.shown_by(charts[n]) and not s.shown_by(twins[n]) for n, s in signs.items())
    rows = -(-len(signs) // 2)
    figure = Figure(
        figsize=(7, 2.5 * rows + 0.2),
        alt=f"A panel for each of {len(signs)} symptoms: the patient's curve, the healthy one and "
        f"a dotted bound. In {told} of them the bound lies between the two.",
    )
    cells = list(figure.subplots(rows, 2, squeeze=False).flat)
    for axes, (name, symptom) in zip(cells, signs.items(), strict=False):
        _draw_symptom(axes, symptom, charts[name], twins[name])
        axes.set_title(f"{name}: {symptom.sign}\n→ {symptom.fault}", fontsize=8.5)
    for axes in cells[len(signs) :]:
        axes.set_axis_off()
    handles, labels = cells[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    return figure


def _draw_symptom(axes, symptom: Symptom, chart: Chart, twin: Chart) -> None:
    mine, theirs = (list(symptom.series(c))[: symptom.drawn] for c in (chart, twin))
    values = [value for value in mine + theirs if math.isfinite(value)]
    # Where a curve explodes, only a logarithm leaves the other one to be seen.
    if max(values) > 50 and min(values) >= 0:
        axes.set_yscale("symlog", linthresh=1)  # Linear below 1: it may touch zero.
    if len(mine) == 1:  # Not a curve but one number, measured at the end.
        axes.bar([0, 1], [theirs[0], mine[0]], color=[BLUE, VERMILION], width=0.5)
        axes.set_xticks([0, 1], ["healthy", "patient"])
        axes.axhline(0, color=BLACK, linewidth=0.8)
    elif len(mine) < 10:
        sizes = [str(size) for size in chart.in_batches_of]
        _draw_two(axes, theirs, mine, across=sizes, markers="os")
        axes.set_xlabel("images shown at once")
        axes.set_ylim(0, 1)
    else:
        # What falls below zero falls on: a little of it will do.
        lowest = _LOSS_SHOWN[0] if symptom.bound == 0 else -math.inf
        _draw_two(axes, theirs, _within(mine, lowest, math.inf))
        axes.set_xlabel("update")
        if lowest > -math.inf:
            axes.set_ylim(lowest - 0.2, None)
    axes.axhline(symptom.bound, color=BLACK, linewidth=1.2, linestyle=":", label="bound")
    axes.set_ylabel(symptom.axis or symptom.quantity, fontsize=8)


def _draw_two(axes, sound, ill, across=None, labels=("healthy", "patient"), markers="  ") -> None:
    """Draw a sound curve and an ill one: another colour, another dash, and a marker if wanted."""
    for curve, color, dash, label, marker in zip(
        (sound, ill), (BLUE, VERMILION), ("-", "--"), labels, markers, strict=True
    ):
        places = across or range(1, len(curve) + 1)
        axes.plot(places, curve, color=color, linestyle=dash, marker=marker, label=label)


def _within(series: Sequence[float], lowest: float, highest: float) -> list[float]:
    """Hold a curve within bounds, and end it where it is no number any more."""
    return [min(max(value, lowest), highest) if value == value else math.nan for value in series]


@styled
def in_batches_of(accuracies: Mapping[str, Mapping[int, float]]) -> Figure:
    """Draw for each network, by its name, the fraction right at each size of batches."""
    falls = [n for n, by_size in accuracies.items() if max(by_size.values()) > 2 * by_size[1]]
    figure = Figure(
        figsize=(7, 3.0),
        alt="Bars of the fraction right when the same test images are shown in large batches, in "
        f"small ones, and one at a time. It falls to a guess for: {_and(falls) or 'none'}.",
    )
    axes = figure.subplots()
    width = 0.8 / len(accuracies)
    colors, hatches = (BLUE, VERMILION, GREEN), ("", "//", "..")  # Not everybody sees colours.
    for place, (name, by_size) in enumerate(accuracies.items()):
        left = [x + (place + 0.5) * width - 0.4 for x in range(len(by_size))]
        color, hatch, heights = colors[place], hatches[place], list(by_size.values())
        bars = axes.bar(
            left, heights, 0.95 * width, color=color, hatch=hatch, edgecolor="white", label=name
        )
        axes.bar_label(bars, fmt="{:.0%}", fontsize=9)
    axes.set_xticks(range(len(by_size)), [f"{size} at once" for size in by_size])
    axes.axhline(0.1, color=GREY, linewidth=1, linestyle=":")
    axes.set_ylim(0, 1.1)
    axes.set_ylabel("fraction right (dotted: a guess)")
    axes.set_title("One network, the same images, three accuracies")
    axes.legend(loc="upper right", ncols=2, bbox_to_anchor=(1, 1.16))
    axes.grid(axis="x", visible=False)
    return figure


@styled
def accuracy_reported(honest: Sequence[float], reported: Sequence[float]) -> Figure:
    """Draw the fraction right in each epoch, and in all so far, of counters never set back."""
    lags = all(r < h for h, r in zip(honest[1:], reported[1:], strict=True))
    verdict = "lags behind from the second epoch on" if lags else "does not lag behind"
    figure = Figure(
        figsize=(7, 2.8),
        alt=f"Two curves of the accuracy over {len(honest)} epochs. The one whose counters are "
        f"never set back {verdict}.",
    )
    axes = figure.subplots()
    labels = ("of this epoch", "of all epochs so far")
    _draw_two(axes, honest, reported, labels=labels, markers="os")
    axes.set_xlabel("epoch")
    axes.set_xticks(range(1, len(honest) + 1))
    axes.set_ylabel("fraction right")
    axes.set_title(f"An accuracy that is never set back {verdict}")
    axes.legend()
    return figure


@styled
def who_shows_what(signs: Sequence[Symptom], charts: Mapping[str, Chart]) -> Figure:
    """Draw which patient shows which symptom; `charts` are by the fault's name, in any order."""
    faults = [symptom.fault for symptom in signs]
    shown = [[symptom.shown_by(charts[fault]) for symptom in signs] for fault in faults]
    # A row for each patient; its own symptom is the one in the column of the same number.
    several = sum(sum(row) > 1 for row in shown)
    own = sum(row[place] for place, row in enumerate(shown))
    figure = Figure(
        figsize=(7, 0.27 * len(faults) + 1.9),
        alt=f"A table of patients and symptoms. {own} of {len(faults)} patients show the symptom "
        f"of their own fault; {'many' if several > 3 else 'few'} show others beside it.",
    )
    axes = figure.subplots()
    for row, marks in enumerate(shown):
        for column in (place for place, mark in enumerate(marks) if mark):
            own_sign = row == column
            size, marker = (90, "s") if own_sign else (45, "o")
            color, edge = (VERMILION, VERMILION) if own_sign else ("white", BLUE)
            axes.scatter(
                column, row, size, marker=marker, color=color, edgecolor=edge, linewidth=1.5
            )
    axes.set_yticks(range(len(faults)), faults)
    names = [symptom.sign for symptom in signs]
    axes.set_xticks(range(len(faults)), names, rotation=40, ha="right", fontsize=7.5)
    axes.invert_yaxis()
    axes.set_ylim(len(faults) - 0.4, -0.6)
    title = "Squares: each fault shows its own symptom. Circles: and others"
    figure.suptitle(title, x=0.01, ha="left", weight="bold", fontsize=11)
    return figure


def _and(names: Sequence[str]) -> str:
    return ", ".join(names[:-1]) + (" and " if len(names) > 1 else "") + names[-1] if names else ""
