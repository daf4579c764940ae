"""The figures of notebook 03 about how far to go: each takes data and returns a `Figure`."""

import math
from typing import Any

import torch
from torch import Tensor

from helpers.common.picture import BLACK, BLUE, GREEN, GREY, PINK, VERMILION, Figure, styled
from helpers.common.sentences import listed, say
from helpers.gradient_descent.descent import Loss, Path
from helpers.gradient_descent.looks import FRAME, GOAL, LOOKS, ORIGIN, grid, level_lines, note


@styled
def five_regimes(errors: dict[str, Tensor], sizes: list[float], curvatures: Tensor) -> Figure:
    """Draw descents with several step sizes: errors along both directions, and the distances below.

    `errors` goes from what a step size does, at most five, to the errors along the flat and the
    steep direction, (steps + 1, 2); `sizes` are the step sizes, `curvatures` the two, μ first.
    """
    figure = Figure(
        figsize=(7, 5.6),
        alt=say(
            "{count} step sizes on one bowl: {names}. Above, the errors along the flat and the "
            "steep direction, each on its own (1 - lr h)^k; below, the distances, soon straight "
            "lines on a log scale.",
            count=len(errors),
            names=", ".join(errors),
        ),
    )
    places = figure.add_gridspec(2, len(errors), height_ratios=(1, 1.3))
    below = figure.add_subplot(places[1, :])
    first: dict[str, Any] = {}  # The panel whose scale the others share.
    steps = torch.arange(9)
    for column, (name, lr) in enumerate(zip(errors, sizes, strict=True)):
        above = figure.add_subplot(places[0, column], **first)
        first = first or {"sharey": above}
        shares = errors[name][:9] / errors[name][0]
        for way, (label, color, mark) in enumerate((("flat", GREEN, "o"), ("steep", PINK, "s"))):
            expected = (1 - lr * float(curvatures[way])) ** steps
            above.plot(steps, expected, color=color, linestyle="-", linewidth=1)
            dots = {"color": color, "marker": mark, "linestyle": "none", "markersize": 4}
            above.plot(steps, shares[:, way], label=label, **dots)
        above.axhline(0, color=BLACK, linewidth=0.6, linestyle="-")
        above.set_title(name.replace(": ", "\n"), fontsize=9)
        above.set(xticks=[0, 4, 8], xlabel="step")
        above.tick_params(labelleft=not column)
        below.semilogy(
            errors[name].norm(dim=1), markevery=5, markersize=4, label=name, **LOOKS[column]
        )
    figure.axes[1].set_ylabel("error, share of the first")
    small: dict[str, Any] = {"loc": "lower left", "fontsize": 8, "borderaxespad": 0}
    figure.axes[1].legend(handletextpad=0.2, **small)
    theory = figure.axes[2].lines[:1]
    figure.axes[2].legend(theory, ["lines:\n(1 − lr h)ᵏ"], handlelength=0.8, **small)
    below.set(xlabel="step", ylabel="distance to the minimum")
    below.set(title="Each error keeps its own factor; the larger one sets the slope")
    below.legend(loc="lower left", ncols=2)
    return figure


@styled
def rate_against_step(sizes: Tensor, measured: Tensor, curvatures: Tensor) -> Figure:
    """Draw the factor per step against the step size: theory as lines, runs as dots.

    There are n of each, and two curvatures, the smaller first.
    """
    low, high = curvatures.tolist()
    best, last = 2 / (low + high), 2 / high
    figure = Figure(
        figsize=(7, 3.9),
        alt=say(
            "Factor per step against step size: a V whose lowest point is at 2/(L + μ) and which "
            "crosses 1 at 2/L; the measured dots lie on the larger of the two lines."
        ),
    )
    axes = figure.subplots()
    line = torch.linspace(0, 1.12 * last, 400, dtype=torch.float64)
    steep, flat = (1 - line * high).abs(), (1 - line * low).abs()
    axes.axvspan(last, float(line[-1]), color=VERMILION, alpha=0.12, linewidth=0)
    axes.plot(line, flat, color=GREEN, linestyle="--", label="flat direction: |1 − lr μ|")
    axes.plot(line, steep, color=PINK, linestyle=":", label="steep direction: |1 − lr L|")
    larger = torch.maximum(flat, steep)
    axes.plot(line, larger, color=BLACK, linestyle="-", lw=1, label="larger of the two")
    axes.plot(sizes, measured, marker="o", linestyle="none", color=BLUE, label="measured in runs")
    axes.axhline(1, color=BLACK, linewidth=0.6, linestyle="-")
    for place, word in ((1 / high, "1/L"), (best, "2/(L + μ)"), (last, "2/L")):
        axes.axvline(place, color="#777777", linewidth=0.8, linestyle="-")
        axes.text(place, 1.215, word, ha="center", va="bottom", fontsize=9)
    axes.text(last * 1.06, 0.5, "diverges", rotation=90, ha="center", va="center", color=VERMILION)
    axes.set(ylim=(0, 1.2), xlim=(0, float(line[-1])))
    axes.set_title("The slower of two directions decides", pad=20)
    axes.set(xlabel="step size lr", ylabel="factor on the distance per step")
    axes.legend(loc="lower left", fontsize=8, handlelength=1.6, borderaxespad=0.2)
    return figure


@styled
def descent_report(
    loss: Loss, path: Path, predicted: float, measured: float, *, setting: str, word: str
) -> Figure:
    """Draw a path on a bowl, and its distances beside the slope that theory predicts.

    The first 60 steps are drawn; `setting` says what was set, `word` what the descent does then.
    """
    alt = say(
        "{word}: factor {measured:.3f} a step, {predicted:.3f} predicted.",
        word=word,
        measured=measured,
        predicted=predicted,
    )
    figure = Figure(figsize=(7, 3.1), alt=alt, layout="none")
    left = figure.add_axes((0.075, 0.16, 0.36, 0.7))
    right = figure.add_axes((0.53, 0.16, 0.45, 0.7))
    level_lines(left, loss, ORIGIN, 3.2)
    left.plot(*path.points[:61].T, color=BLUE, marker="o", markersize=3, linewidth=1.1)
    left.plot(*ORIGIN, **GOAL)
    left.set(xlabel="weight 1", ylabel="weight 2")
    left.set_title(f"{setting} {word}")
    distances = path.distances()[:61]
    expected = distances[0] * predicted ** torch.arange(len(distances), dtype=torch.float64)
    right.semilogy(distances, color=BLUE, ls="-", label=f"measured × {measured:.3f}")
    right.semilogy(expected, color=VERMILION, ls="--", label=f"predicted × {predicted:.3f}")
    # The same at every setting, so that a slider shows how the slope turns.
    right.set(xlabel="step", ylabel="distance to the minimum", ylim=(1e-6, 1e4))
    right.minorticks_off()
    if (lower := distances < 1e-6).any():
        leaves = int(lower.long().argmax())
        # Where there is room for the words: to the right of the curves, or under both.
        under = int((torch.minimum(distances, expected) < 2e-5).long().argmax())
        place, away, side = (under, -9, "right") if leaves > 34 else (leaves, 5, "left")
        text = f"↓ leaves at step {leaves}"
        note(right, text, (place, 1e-6), (away, 5), ha=side, color=BLUE, fontsize=9)
    if bool((path.points[:61].abs() > 3.2).any()):
        note(left, "path goes on beyond the frame", (-3.2, -3.2), (4, 4), fontsize=8)
    right.legend(loc="lower left", bbox_to_anchor=(-0.05, 0.98), ncols=2, columnspacing=1)
    return figure


@styled
def loss_curves(paths: dict[str, Path]) -> Figure:
    """Draw the losses of five descents on a log scale, with an arrow where one blew up.

    Its title and alt text tell of notebook 03's five, in their order, whichever are drawn.
    """
    finite = [path.losses for path in paths.values() if path.left_at is None]
    above_zero = torch.cat([values[values > 0] for values in finite] or [ORIGIN[:0]])
    if not len(above_zero):
        raise ValueError(
            f"none of the {len(paths)} descents in paths stays finite, with a loss above 0 for the "
            "log scale: give one with a smaller step size"
        )
    low, high = (float(end) for end in above_zero.aminmax())
    figure = Figure(
        figsize=(7, 3.8),
        alt=say(
            "Loss against step for five step sizes: one crawls, one works, one comes down and is "
            "thrown up again, one explodes at once, and the decaying one ends lowest."
        ),
    )
    axes = figure.subplots()
    bottom, top = 10.0 ** math.floor(math.log10(low)), 10.0 ** math.ceil(math.log10(high))
    for (name, path), look in zip(paths.items(), LOOKS, strict=False):
        losses = path.losses
        if path.left_at is not None:
            # It may jump from the page to where no number is.
            leaves = next((k for k, loss in enumerate(losses) if loss > top), path.left_at)
            losses = losses[: leaves + 1]
            text = f"↑ off the page at step {leaves}"
            note(axes, text, (leaves, top), (5, -5), va="top", color=look["color"], fontsize=9)
        axes.semilogy(losses, label=name, markevery=40, markersize=4, linewidth=1.3, **look)
    axes.set(xlabel="step", ylabel="loss", ylim=(bottom, top))
    axes.set_title("How too large a step looks: not always like an explosion")
    axes.legend(loc="lower left", fontsize=8.5)
    return figure


@styled
def chosen_steps(loss: Loss, path: Path, sizes: Tensor, bounds: Tensor) -> Figure:
    """Draw a line search's path, and the step sizes it chose beside the local bound.

    `sizes` and `bounds` hold the step size chosen, and 2/L, at each point but the last: (steps,).
    The level lines and the alt text are those of `landscapes.banana`; the star at its minimum,
    (1, 1), is drawn where the loss is flat there.
    """
    ratios = sizes / bounds
    longer = float((ratios > 1).double().mean())
    figure = Figure(
        figsize=(7, 3.5),
        alt=say(
            "A line search follows a bent valley; the step sizes it chooses lie between "
            "{least:.2g} and {most:.2g} times the local bound 2/L, {longer:.0%} of them above it.",
            least=ratios.min(),
            most=ratios.max(),
            longer=longer,
        ),
    )
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.2))
    a, b, values = grid(loss, torch.tensor([0.0, 0.8], dtype=torch.float64), 1.7, 121)
    # A factor of √10 from line to line: the walls rise too fast for even spacing.
    levels = 10.0 ** torch.arange(-2, 2.5, 0.5)
    left.contour(a, b, values, levels=levels, colors="#8a8a8a", linewidths=0.6)
    left.plot(*path.points.T, color=BLUE, marker="o", markersize=2.5, linewidth=1)
    if not torch.func.grad(loss)(torch.ones(2, dtype=torch.float64)).any():
        left.plot(1, 1, **GOAL)
    left.set_aspect("equal")
    left.grid(False)
    left.set(xlabel="weight 1", ylabel="weight 2")
    left.set(title=f"Loss {float(path.losses[-1]):.1g} after {path.steps} steps")
    right.semilogy(sizes, color=BLUE, marker="o", linestyle="none", ms=3, label="chosen")
    right.semilogy(bounds, color=VERMILION, linestyle="--", label="2/L at that point")
    right.set(xlabel="step", ylabel="step size lr", title=f"{longer:.0%} of the steps exceed 2/L")
    right.legend(loc="upper right")
    return figure


@styled
def damping(distances: dict[str, Tensor]) -> Figure:
    """Draw one weight, its minimum at 0, against the step for several momenta: (steps + 1,)."""
    found = "; ".join(
        say("{name}, {count} times", name=name, count=(values[1:] * values[:-1] < 0).sum())
        for name, values in distances.items()
    )
    figure = Figure(
        figsize=(7, 3.4),
        alt=say(
            "One weight over the steps for {count} momenta. It crosses the minimum: {found}.",
            count=len(distances),
            found=found,
        ),
    )
    axes = figure.subplots()
    for (name, values), look in zip(distances.items(), LOOKS, strict=False):
        axes.plot(values, markevery=4, markersize=4, label=name, **look)
    axes.axhline(0, color=BLACK, linewidth=0.6, linestyle="-")
    axes.set(xlabel="step", ylabel="weight (minimum at 0)")
    axes.set(title="Too little momentum creeps, too much swings")
    axes.legend()
    return figure


@styled
def rate_map(
    sizes: Tensor, momenta: Tensor, rates: Tensor, best: dict[str, dict[str, float]], high: float
) -> Figure:
    """Draw the predicted factor per step over step size and momentum.

    `rates` has shape (rows, columns), `sizes` (columns,) and `momenta` (rows,); `best` is what
    `theory.best_settings` gives, `high` the largest curvature L.
    """
    figure = Figure(
        figsize=(7, 3.9),
        alt=say(
            "Map of the factor per step over step size and momentum: steps converge up to "
            "2(1 + γ)/L; the lowest factor is {lowest:.2f}; at momentum {least:g} it is "
            "{there:.2f}.",
            lowest=rates.min(),
            least=momenta[0],
            there=rates[0].min(),
        ),
    )
    axes = figure.subplots()
    shown = torch.where(rates < 1, rates, torch.nan)  # Left white: it diverges.
    # From 0.5, or from lower where a bowl is round: what is below the first is left white, too.
    shades = [0.5 + 0.05 * i for i in range(min(0, math.floor(20 * float(rates.min())) - 10), 11)]
    areas = axes.contourf(sizes, momenta, shown, levels=shades, cmap="cividis")
    axes.plot(2 * (1 + momenta) / high, momenta, color=VERMILION, linestyle="--")
    edge = "lr = 2(1 + γ)/L,\ndiverges\nbeyond"
    axes.text(2 * 1.45 / high + 0.045 * float(sizes[-1]), 0.45, edge, color=VERMILION, va="center")
    for name, word in (("plain", "best without momentum"), ("momentum", "best with momentum")):
        place = (best[name]["lr"], best[name].get("momentum", 0.0))
        axes.plot(*place, **GOAL, clip_on=False)  # Momentum 0 lies on the edge.
        note(axes, word, place, (-8, 8), ha="right", weight="bold")
    axes.grid(False)
    axes.set(xlim=(0, float(sizes[-1])), ylim=(0, float(momenta[-1])))
    axes.set(xlabel="step size lr", ylabel="momentum γ")
    axes.set(title="Momentum allows longer steps, and a smaller factor")
    figure.colorbar(areas, ax=axes, label="factor per step (white: diverges)")
    return figure


@styled
def steps_against_condition(
    conditions: list[float], steps: dict[str, list[int]], slopes: dict[str, float]
) -> Figure:
    """Draw how many steps a descent needs against the bowl's condition number, both as logs."""
    alt = say(
        "Steps needed against the condition number on log scales: slopes {slopes}.",
        slopes=listed([f"{slopes[name]:.2f} {name}" for name in steps]),
    )
    figure = Figure(figsize=(7, 3.6), alt=alt)
    axes = figure.subplots()
    for (name, counts), look in zip(steps.items(), LOOKS, strict=False):
        axes.loglog(conditions, counts, label=f"{name}: slope {slopes[name]:.2f}", **look)
    axes.set_xticks(conditions, [f"{condition:g}" for condition in conditions])
    axes.minorticks_off()  # They would bring numbers of their own.
    axes.set(xlabel="condition number κ = L/μ", ylabel="steps until a millionth is left")
    axes.set(title="Momentum turns κ into about √κ")
    axes.legend()
    return figure


@styled
def snapshots(loss: Loss, paths: dict[str, Path], at: list[int], reach: float) -> Figure:
    """Draw where at most five descents in a bowl around zero are after so many steps each."""
    lowest = {k: min(paths, key=lambda name: float(paths[name].losses[k])) for k in at}
    leads = [say("after {count} steps {name}", count=k, name=name) for k, name in lowest.items()]
    figure = Figure(
        figsize=(7, 2.9),
        alt=say(
            "{count} descents on one bowl: {names}. Lowest in loss: {leads}.",
            count=len(paths),
            names=", ".join(paths),
            leads=", ".join(leads),
        ),
    )
    panels = figure.subplots(1, len(at), sharey=True)
    for axes, count in zip(panels, at, strict=True):
        level_lines(axes, loss, ORIGIN, reach)
        for (name, path), look in zip(paths.items(), LOOKS, strict=False):
            axes.plot(*path.points[: count + 1].T, color=look["color"], lw=1.2, ls="-")
            dot = look | {"linestyle": "none", "markersize": 9, "markeredgecolor": "white"}
            axes.plot(*path.points[count], label=name, zorder=7, **dot)
        axes.plot(*ORIGIN, **GOAL | {"markersize": 10})
        axes.set(xlabel="weight 1")
        axes.set_title(f"After {count} steps:\n{lowest[count]} lower", fontsize=9)
    axes.legend(loc="lower right", fontsize=8, **FRAME)  # In the last panel alone.
    figure.axes[0].set_ylabel("weight 2")
    return figure


@styled
def noise_ball(
    loss: Loss, goal: Tensor, walks: dict[str, Tensor], batches: list[int], radii: dict[float, list]
) -> Figure:
    """Draw the wandering of mini-batch descent around its goal, and its size against the batch.

    `walks` goes from a name to the points of one path, (steps + 1, 2); at most five. `radii` goes
    from a step size to the typical distance from the goal, shape (2,), for each batch size.
    """
    wide = math.log(batches[-1] / batches[0])
    slopes = {lr: math.log(values[-1] / values[0]) / wide for lr, values in radii.items()}
    found = [say("{slope:.1f} for lr {lr:g}", slope=slope, lr=lr) for lr, slope in slopes.items()]
    figure = Figure(
        figsize=(7, 3.7),
        alt=say(
            "Mini-batch descent wanders in a ball around the minimum; on log scales its radius "
            "against the batch has the slope {found}.",
            found=listed(found),
        ),
    )
    left, right = figure.subplots(1, 2)
    level_lines(left, loss, goal, 1.15)
    for (name, path), look in zip(walks.items(), LOOKS, strict=False):
        left.plot(*path.T, color=look["color"], lw=0.9, marker=look["marker"], ms=2.5, label=name)
    left.plot(*goal, **GOAL)
    left.set(xlabel="weight 1", ylabel="weight 2", title="Arrived, but never at rest")
    left.legend(loc="lower left", fontsize=8, **FRAME)
    for (lr, values), look in zip(radii.items(), LOOKS, strict=False):
        right.loglog(batches, values, label=f"lr {lr:g}", **look)
    guide = radii[min(radii)][0] * 0.6 / torch.tensor(batches).double().sqrt()
    right.loglog(batches, guide, color=BLACK, lw=0.8, ls="-", label="slope −1/2")
    right.set_xticks(batches, [str(batch) for batch in batches])
    right.minorticks_off()  # They would bring numbers of their own.
    right.set(xlabel="rows in a batch", ylabel="typical distance to the minimum")
    right.set(title="4 times the rows: half as wide")
    right.legend()
    return figure


@styled
def early_stopping(
    times: Tensor, weights: dict[str, Tensor], errors: dict[str, Tensor], names: tuple[str, ...]
) -> Figure:
    """Draw weights and held-out errors along a descent and along ridge's penalties, on one axis.

    `times`, shape (n,), are the step size times the number of steps. Both ways, descent and the
    other, have weights (n, d), `names` for the d features, and errors in metres, shape (n,).
    """
    ways = dict(zip(weights, ("-", "--"), strict=True))
    lowest = {way: float(times[errors[way].argmin()]) for way in ways}
    found = [f"t = {time:.2g} ({way})" for way, time in lowest.items()]
    figure = Figure(
        figsize=(7, 5),
        alt=say(
            "Weights along descent and along ridge from zero, and their errors on coats held out: "
            "lowest at {found} of {last:.2g}.",
            found=listed(found),
            last=times[-1],
        ),
    )
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(1.5, 1))
    for column, (name, look) in enumerate(zip(names, LOOKS, strict=False)):
        solid, dashed = (weights[way][:, column] for way in ways)
        above.semilogx(times, solid, markevery=6, label=name, **look | {"linestyle": "-"})
        above.semilogx(times, dashed, color=look["color"], linestyle="--")
    for way, dash in ways.items():
        below.semilogx(times, errors[way], color=BLACK, linestyle=dash, label=way)
        below.plot(lowest[way], errors[way].min(), marker="v", color=BLACK, markersize=8)
    above.plot([], [], color=GREY, linestyle="-", label="solid: descent")
    above.plot([], [], color=GREY, linestyle="--", label="dashed: ridge")
    above.set(ylabel="weight", title="Stopping early and ridge take nearly the same way")
    above.legend(loc="upper left")
    below.set(xlabel="how long descent ran, t = lr · steps; for ridge λ = n/(2t)")
    below.set(ylabel="held-out error (m)")
    below.set(title=f"… and the error is lowest (▼) at {' and '.join(found)}")
    below.legend(loc="upper center")
    return figure
