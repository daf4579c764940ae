"""The figures of notebook 07: each function takes measured rows and returns a `Figure`."""

from collections.abc import Mapping, Sequence

from helpers.common import picture
from helpers.common.picture import Figure, styled
from helpers.common.sentences import say
from helpers.speedrun.marks import Mark
from helpers.speedrun.table import Row, gain, is_clear, reached


@styled
def ideas(rows: Mapping[str, Row], names: Sequence[str]) -> Figure:
    """Draw what becomes of a recipe, the first row, with each idea of `names`, and its price.

    On the left the points of accuracy gained or lost, with the standard error over seeds; on the
    right the loader epochs that a run takes, beside those of the recipe as it is.
    """
    base_name, base = next(iter(rows.items()))
    gains = [gain(rows[name], base) for name in names]
    points = [each for each, _ in gains]
    figure = Figure(
        figsize=(7, 1.5 + 0.45 * len(names)),
        alt=say(
            "{recipe} with a change: {changes}. A dot for each, on the left at the points of "
            "accuracy gained or lost, with an error bar; on the right at the loader epochs of a "
            "run.",
            recipe=base_name,
            changes=say("; ").join(names),
        ),
    )
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=(1.5, 1))
    places = range(len(names))
    left.errorbar(
        points, places, xerr=[error for _, error in gains], fmt="o", color=picture.BLUE, capsize=4
    )
    left.axvline(0, color=picture.GREY, linestyle="--")
    left.set_yticks(places, names)
    left.set_ylim(len(names) - 0.5, -0.5)
    reach = 1.2 * max(max(map(abs, points)), 0.2)
    left.set_xlim(-reach, reach)
    left.set_xlabel(f"points gained; dashed: {base_name}\n(bars: one standard error)")
    left.set_title(_largest(names, gains))
    right.plot([rows[name].loader_epochs for name in names], places, "s", color=picture.VERMILION)
    right.axvline(base.loader_epochs, color=picture.GREY, linestyle="--")
    right.set_xlim(0, 1.2 * max(row.loader_epochs for row in (base, *(rows[n] for n in names))))
    right.set(xlabel="loader epochs of a run", title="The price")
    return figure


@styled
def marks(runs: Sequence[Mapping[float, Row]], goals: Sequence[Mark]) -> Figure:
    """Draw each mark as a corner to be got into, and the recipe for it as measured in each run."""
    first = runs[0]
    # A mark that no run has tried is missed as well.
    met = [
        mark
        for mark in goals
        if all(mark.accuracy in run and reached(run[mark.accuracy], mark) for run in runs)
    ]
    missed = [f"{mark.accuracy:g}" for mark in goals if mark not in met]
    figure = Figure(
        figsize=(7, 4),
        alt=say(
            "Accuracy on the test part against loader epochs, logarithmic: {count} marks, each a "
            "corner of the plane, and the recipe for each. {met} of the recipes lie above and left "
            "of their corners.",
            count=len(goals),
            met=len(met),
        ),
    )
    axes = figure.add_subplot()
    for number, mark in enumerate(goals):
        name = "a mark: up here, and left of here" if number == 0 else None
        axes.plot(
            [mark.loader_epochs / 1.7, mark.loader_epochs, mark.loader_epochs],
            [mark.accuracy, mark.accuracy, mark.accuracy + 0.35],
            "-",
            color=picture.GREY,
            label=name,
        )
        corner = (mark.loader_epochs / 1.75, mark.accuracy)
        goal = f"{mark.accuracy:g} % in {mark.loader_epochs:g}"
        axes.text(*corner, goal, ha="right", va="center", fontsize=9)
    prices = [mark.loader_epochs for mark in goals]
    axes.set_xlim(min(prices) / 6, 1.5 * max(prices))
    looks = zip("os", (picture.BLUE, picture.VERMILION), strict=True)
    for number, (run, (marker, colour)) in enumerate(zip(runs, looks, strict=False), start=1):
        axes.errorbar(
            [row.loader_epochs for row in run.values()],
            [row.accuracy for row in run.values()],
            yerr=[row.error for row in run.values()],
            fmt=marker,
            color=colour,
            markerfacecolor=colour if number == 1 else "none",
            markersize=7,
            capsize=4,
            label=f"the recipes, run {number} (bars: one standard error)",
        )
    axes.set_xscale("log")
    picture.plain_ticks(axes.xaxis)
    seeds = sorted({row.seeds for row in first.values()})
    axes.set_xlabel("loader epochs of a run (logarithmic)")
    axes.set_ylabel(f"% right on the test part,\nmean over {' or '.join(map(str, seeds))} seeds")
    all_met = f"All {len(goals)} marks are reached"
    axes.set_title(f"Missed, by accuracy or time: {', '.join(missed)} %" if missed else all_met)
    axes.legend(loc="lower right")
    return figure


def _largest(names: Sequence[str], gains: Sequence[tuple[float, float]]) -> str:
    """Say which change is the largest, or that none is clear."""
    if not any(is_clear(*each) for each in gains):
        return "No clear change"
    points, error = most = max(gains, key=lambda each: abs(each[0]))
    signed = f"{points:+.1f}".replace("-", "\N{MINUS SIGN}")
    return f"{names[gains.index(most)]}: {signed} ± {error:.2f} points"
