"""The figures of notebook 05: each function takes data and returns a `Figure`."""

import math
import statistics
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.lines import Line2D

from helpers.common.picture import BLACK, BLUE, GREEN, GREY, VERMILION, Figure, styled
from helpers.common.sentences import listed, say
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
    found = _who_learns({name: chart.accuracy[-1] > 0.5 for name, chart in charts.items()})
    shown = say(
        "Loss above and accuracy below of {count} patients, each beside the healthy run. "
        "{who_learns}.",
        count=len(charts),
        who_learns=say("; ").join(_told(*each) for each in found),
    )
    near = say("First loss near ln 10: {names}.", names=listed(starts))
    near = near if starts else say("First loss near ln 10: none.")
    figure = Figure(figsize=(7, 4.2), alt=f"{shown} {near}")
    _headline(figure, "; ".join(f"{_and(names)} {verb}" for names, verb in found))
    rows = figure.subplots(2, len(charts), sharex="col", sharey="row", squeeze=False)
    for (above, below), (name, chart) in zip(rows.T, charts.items(), strict=True):
        above.set_title(f"patient {name}", fontsize=10)
        _draw_two(above, twins[name].loss, _within(chart.loss, *_LOSS_SHOWN))
        _draw_two(below, twins[name].accuracy, chart.accuracy)
        guess = "a guess: ln 10 above, 0.1 below"
        above.axhline(math.log(10), color=GREY, linewidth=1, linestyle=":", label=guess)
        below.axhline(0.1, color=GREY, linewidth=1, linestyle=":")
        below.set_xlabel("update")
        _mark_cuts(above, chart.loss, *_LOSS_SHOWN)
    # One axis for all: v == v leaves out NaN, which max() may take for the largest.
    losses = [v for c in charts.values() for v in _within(c.loss, *_LOSS_SHOWN) if v == v]
    rows[0, 0].set_ylim(min(0, min(losses)) - 0.2, max(2.6, 1.03 * max(losses)))
    rows[1, 0].set_ylim(0, 1)
    rows[0, 0].set_ylabel("loss (nats)")
    rows[1, 0].set_ylabel("right, last 20 batches")
    _legend_below(figure)
    return figure


def _who_learns(learns: Mapping[str, bool]) -> list[tuple[list[str], str]]:
    """Return names and a verb, as in "A learns; B and C do not"."""
    able = [name for name, does in learns.items() if does]
    unable = [name for name in learns if name not in able]
    verbs = ("learn", "do not") if able else ("", "do not learn")
    if len(able) == 1:
        verbs = ("learns", verbs[1])
    if len(unable) == 1:
        verbs = (verbs[0], verbs[1].replace("do", "does"))
    return [(names, verb) for names, verb in zip((able, unable), verbs, strict=True) if names]


def _told(names: Sequence[str], verb: str) -> str:
    """Return what `_who_learns` found where it is not drawn."""
    who = listed(names)
    return {
        "learns": say("{who} learns", who=who),
        "learn": say("{who} learn", who=who),
        "does not": say("{who} does not", who=who),
        "do not": say("{who} do not", who=who),
        "does not learn": say("{who} does not learn", who=who),
        "do not learn": say("{who} do not learn", who=who),
    }[verb]


@styled
def symptoms(
    signs: Mapping[str, Symptom], charts: Mapping[str, Chart], twins: Mapping[str, Chart]
) -> Figure:
    """Draw for each patient, by its name, the curve of its symptom, the bound, and its twin's."""
    told = sum(s.shown_by(charts[n]) and not s.shown_by(twins[n]) for n, s in signs.items())
    columns = 3 if len(signs) == 3 else 2
    rows = -(-len(signs) // columns)
    figure = Figure(
        figsize=(7, 2.5 * rows + 0.5),
        alt=say(
            "A panel for each of {count} symptoms: the patient's curve, the healthy one and a "
            "dotted bound. In {told} of them the bound tells the patient from the healthy run.",
            count=len(signs),
            told=told,
        ),
    )
    all_or = "each" if told == len(signs) else f"{told} of {len(signs)}"
    _headline(figure, f"A bound parts {all_or} of the patients from the healthy run")
    cells = list(figure.subplots(rows, columns, squeeze=False).flat)
    width = 28 if columns == 3 else 42
    for axes, (name, symptom) in zip(cells, signs.items(), strict=False):
        _draw_symptom(axes, symptom, charts[name], twins[name])
        sign = symptom.sign.replace("ln 10", "ln\N{NO-BREAK SPACE}10")
        lines = textwrap.wrap(f"{name}: {sign}", width)
        lines += textwrap.wrap(f"→ {symptom.fault}", width)
        axes.set_title("\n".join(lines), fontsize=8 if columns == 3 else 9)
    for axes in cells[len(signs) :]:
        axes.set_axis_off()
    _legend_below(figure)
    return figure


def _draw_symptom(axes, symptom: Symptom, chart: Chart, twin: Chart) -> None:
    mine, theirs = (list(symptom.series(c))[: symptom.drawn] for c in (chart, twin))
    values = [value for value in mine + theirs if math.isfinite(value)]
    # Where a curve explodes, only a logarithm leaves the other one to be seen.
    if max(values) > 50 and min(values) >= 0:
        axes.set_yscale("symlog", linthresh=1)  # Linear below 1: it may touch zero.
    elif 0 < symptom.bound < 1e-3:  # And only a logarithm parts a tiny bound from zero.
        axes.set_yscale("symlog", linthresh=1e-7, linscale=0.5)
        axes.set_yticks([0, 1e-6, 1e-3, 1])
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
            _mark_cuts(axes, mine, lowest, math.inf)
    if 0 < symptom.bound < 1e-3:
        axes.set_ylim(-3e-8, 5 * max(values))
    axes.axhline(symptom.bound, color=BLACK, linewidth=1.2, linestyle=":", label="bound")
    axes.set_ylabel(symptom.axis or symptom.quantity, fontsize=9)


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


def _mark_cuts(axes, series: Sequence[float], lowest: float, highest: float) -> None:
    """Set a triangle where a curve was cut off, and no two of them side by side."""
    for edge, marker, way in ((highest, "^", 1), (lowest, "v", -1)):
        places: list[int] = []
        for place, value in enumerate(series, start=1):
            if way * (value - edge) > 0 and (not places or place - places[-1] > len(series) / 15):
                places.append(place)
        if places:
            side = "above" if way > 0 else "below"
            label = f"cut off: {side} {edge:g}".replace("-", "−")
            (marks,) = axes.plot(places, [edge] * len(places), color=VERMILION, label=label)
            marks.set(linestyle="none", marker=marker, markersize=6, clip_on=False)


def _legend_below(figure: Figure) -> None:
    """Explain under the panels what stands in any of them, each thing once."""
    entries: dict[str, Any] = {}
    for axes in figure.axes:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            entries.setdefault(label, handle)
    handles, labels = list(entries.values()), list(entries)
    figure.legend(handles, labels, loc="outside lower center", ncols=len(entries))


def _headline(figure: Figure, finding: str) -> None:
    figure.suptitle(finding, x=0.01, ha="left", weight="bold", fontsize=11)


@styled
def in_batches_of(accuracies: Mapping[str, Mapping[int, Sequence[float]]]) -> Figure:
    """Draw for each network, by its name, the fraction right by size of batch, of each seed."""
    means = {n: {k: statistics.fmean(v) for k, v in by.items()} for n, by in accuracies.items()}
    falls = [n for n, by_size in means.items() if max(by_size.values()) > 2 * by_size[1]]
    shown = say(
        "Bars of the fraction right when the same test images are shown in large batches, in small "
        "ones, and one at a time; a dot for each seed."
    )
    fall = say("It falls to a guess for: {names}.", names=listed(falls))
    fall = fall if falls else say("It falls to a guess for: none.")
    figure = Figure(figsize=(7, 3.0), alt=f"{shown} {fall}")
    axes = figure.subplots()
    width = 0.8 / len(accuracies)
    colors, hatches = (BLUE, VERMILION, GREEN), ("", "//", "..")  # Not everybody sees colours.
    for place, (name, by_size) in enumerate(means.items()):
        left = [x + (place + 0.5) * width - 0.4 for x in range(len(by_size))]
        color, hatch, heights = colors[place], hatches[place], list(by_size.values())
        axes.bar(
            left, heights, 0.95 * width, color=color, hatch=hatch, edgecolor="white", label=name
        )
        for x, (size, values) in zip(left, accuracies[name].items(), strict=True):
            said = f"{by_size[size]:.0%}"
            axes.text(x, max(values) + 0.03, said, ha="center", fontsize=9)
            dots = [x + (n - (len(values) - 1) / 2) * width / 6 for n in range(len(values))]
            axes.plot(dots, values, "o", color=BLACK, markersize=3, label="each seed")
    axes.set_xticks(range(len(by_size)), [f"{size} at once" for size in by_size])
    axes.axhline(0.1, color=GREY, linewidth=1, linestyle=":", label="a guess")
    axes.set_ylim(0, 1.05)
    axes.set_ylabel("fraction right, mean of seeds")
    found = f"{_and(falls)}: right in a batch, a guess when alone" if falls else "All are steady"
    _headline(figure, found)
    _legend_below(figure)
    axes.grid(axis="x", visible=False)
    return figure


@styled
def accuracy_reported(honest: Sequence[float], reported: Sequence[float]) -> Figure:
    """Draw the fraction right in each epoch, and in all so far, of counters never set back."""
    lags = all(r < h for h, r in zip(honest[1:], reported[1:], strict=True))
    shown = say("Two curves of the accuracy over {count} epochs.", count=len(honest))
    if lags:
        verdict = "lags behind from the second epoch on"
        told = say(
            "The one whose counters are never set back lags behind from the second epoch on."
        )
    else:
        verdict = "does not lag behind"
        told = say("The one whose counters are never set back does not lag behind.")
    figure = Figure(figsize=(7, 2.8), alt=f"{shown} {told}")
    axes = figure.subplots()
    labels = ("of this epoch", "of all epochs so far")
    _draw_two(axes, honest, reported, labels=labels, markers="os")
    axes.set_xlabel("epoch")
    axes.set_xticks(range(1, len(honest) + 1))
    axes.set_ylabel("fraction right")
    axes.set_title(f"Counters never set back: accuracy {verdict}")
    axes.legend()
    return figure


@styled
def who_fails_what(passed: Mapping[str, Mapping[str, bool]], faults: Mapping[str, str]) -> Figure:
    """Draw which patient fails which test; `passed` is by test, then by patient or healthy twin.

    The patients' `faults` are by their letters; whoever has none there is healthy.
    """
    people = list(next(iter(passed.values())))
    fails = {test: [n for n in people if not by[n]] for test, by in passed.items()}
    # First what catches many, then each where it meets its first patient: a diagonal.
    many = [test for test, who in fails.items() if len(who) > 3]
    few = sorted((t for t in fails if t not in many), key=lambda t: people.index(fails[t][0]))
    rows = many + few
    best = max(sum(n in faults for n in who) for who in fails.values())
    caught = {n for who in fails.values() for n in who}
    accused = len(caught - set(faults))
    ill = len(caught & set(faults))
    at = {name: place + (name not in faults) for place, name in enumerate(people)}
    figure = Figure(
        figsize=(7, 0.24 * len(passed) + 2.5),
        alt=_of_the_table(len(passed), len(faults), best, ill, accused),
    )
    all_or = "all" if ill == len(faults) else ill
    most = f"No test catches more than {best} of {len(faults)} patients"
    _headline(figure, f"{most}; together they catch {all_or}")
    axes = figure.subplots()
    for label, wanted, marker, size, color in (
        ("fails the test", True, "s", 70, VERMILION),
        ("passes it", False, ".", 12, GREY),
    ):
        spots = [
            (at[n], y) for y, t in enumerate(rows) for n in people if (n in fails[t]) == wanted
        ]
        across, down = zip(*spots, strict=True)
        axes.scatter(across, down, size, marker=marker, color=color, label=label)
    axes.set_yticks(range(len(rows)), rows)
    axes.set_xticks(list(at.values()), people)
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    axes.set_xlim(-0.6, max(at.values()) + 0.6)
    axes.set_ylim(len(passed) - 0.4, -0.6)
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)
    axes.legend(loc="lower right", bbox_to_anchor=(0, 1), borderpad=0, labelspacing=0.2)
    # A key: what fault each letter stands for, in three columns.
    named = [f"{letter} {fault}" for letter, fault in faults.items()]
    blank = [Line2D([], [], linestyle="none") for _ in named]
    look: dict[str, Any] = {"ncols": 3, "handlelength": 0, "handletextpad": 0, "columnspacing": 0.8}
    figure.legend(blank, named, loc="outside lower center", fontsize=8, **look)
    return figure


def _of_the_table(tests: int, patients: int, best: int, caught: int, accused: int) -> str:
    """Return the alt text of `who_fails_what`."""
    together = say("together they catch all")
    if caught < patients:
        together = say("together they catch {count}", count=caught)
    healthy = say("accuse none of the healthy")
    if accused:
        healthy = say("accuse {count} of the healthy", count=accused)
    return say(
        "A table of {tests} tests and {patients} patients. No test catches more than {best} of "
        "{patients} patients; {together}, and {healthy}.",
        tests=tests,
        patients=patients,
        best=best,
        together=together,
        healthy=healthy,
    )


def _and(names: Sequence[str]) -> str:
    return ", ".join(names[:-1]) + (" and " if len(names) > 1 else "") + names[-1] if names else ""
