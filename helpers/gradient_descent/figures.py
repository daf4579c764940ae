"""The figures of notebook 03 about which way to go: each takes data and returns a `Figure`."""

import math
from collections.abc import Sequence
from typing import Any

import matplotlib.colors
import torch
from mpl_toolkits.mplot3d import Axes3D
from torch import Tensor
from torch.func import vmap

from helpers.common.picture import BLACK, BLUE, ORANGE, SKY, VERMILION, Figure, styled
from helpers.common.sentences import say
from helpers.gradient_descent.descent import Loss, Path
from helpers.gradient_descent.looks import FRAME, GOAL, HALO, LOOKS, grid, level_lines, note

_STEEPEST = "steepest fall, against the gradient"
_Place = tuple[float, float]
# Where a descent among two wells ends, and where on the map that is written.
_ENDS: dict[str, _Place] = {
    "deep well": (2.6, -1.3),
    "shallow well": (-2.6, 1.2),
    "still on the plateau": (-3.3, 4.2),
}


@styled
def direction_fan(loss: Loss, point: Tensor, lowest: Tensor, *, names: tuple[str, str]) -> Figure:
    """Draw a bowl as a surface, with the directions out of one point laid upon it, and from above.

    The point and the lowest one have shape (2,); `names` are those of the two weights.
    """
    figure = Figure(
        figsize=(7, 4.3),
        alt=say(
            "A loss surface in 3-D and from above, with 24 directions out of one point: 11 fall, "
            "11 rise, 2 are level at first; the steepest fall is straight against the gradient."
        ),
        layout="none",  # Panels in 3-D are placed by hand: the engine leaves wide margins.
    )
    reach = float((point - lowest).abs().max())
    surface, heights = _surface(figure, loss, point, lowest, reach)
    plan = figure.add_axes((0.65, 0.24, 0.34, 0.6))
    level_lines(plan, loss, (point + lowest) / 2, 0.95 * reach)

    gradient = torch.func.grad(loss)(point)
    uphill = torch.atan2(gradient[1], gradient[0])
    for turn in range(24):
        angle = uphill + 2 * torch.pi * turn / 24
        unit = torch.stack([torch.cos(angle), torch.sin(angle)])
        line = point + 0.36 * reach * torch.linspace(0, 1, 12, dtype=torch.float64)[:, None] * unit
        # Lifted a little, so that the surface does not swallow them.
        lifted = vmap(loss)(line) + 0.01 * heights.max()
        label, look = _look_of(turn)
        surface.plot(*line.T, lifted, zorder=5, **look)
        plan.plot(*line.T, label=label, **look)
        if label == _STEEPEST:
            plan.plot(*line[-1], marker="o", color=BLUE)
            surface.plot(*line[-1:].T, lifted[-1:], marker="o", color=BLUE, zorder=6)
    surface.plot(*lowest[:, None], heights.min().reshape(1), **GOAL)
    plan.plot(*lowest, **GOAL)
    surface.set_xlabel(names[0], labelpad=-4)
    surface.set_ylabel(names[1], labelpad=-4)
    plan.set(xlabel=names[0], ylabel=names[1], title="From above: 11 fall,\n11 rise, 2 are level")
    # One entry in the legend for each kind of line.
    lines = {line.get_label(): line for line in plan.lines}
    words = [_STEEPEST, "falls", "level at first", "rises"]
    figure.legend([lines[word] for word in words], words, loc="lower center", ncols=4)
    return figure


def _surface(
    figure: Figure, loss: Loss, point: Tensor, lowest: Tensor, reach: float
) -> tuple[Axes3D, Tensor]:
    """Draw the loss as a surface, and return its panel and its heights."""
    # matplotlib's own order would put a line behind the surface that it lies upon.
    place = (-0.06, 0.07, 0.64, 0.86)
    panel: Axes3D = figure.add_axes(place, projection="3d", computed_zorder=False)
    # A patch along the valley: on a square one, the far walls would dwarf everything.
    _, axes = torch.linalg.eigh(torch.func.hessian(loss)(lowest))
    along = torch.linspace(-0.6 * reach, 1.7 * reach, 25, dtype=torch.float64)
    across = torch.linspace(-0.75 * reach, 0.75 * reach, 17, dtype=torch.float64)
    toward = axes[:, 0] * torch.sign(axes[:, 0] @ (point - lowest))
    patch = lowest + along[:, None, None] * toward + across[:, None] * axes[:, 1]
    heights = vmap(vmap(loss))(patch)
    look: dict[str, Any] = {"color": "#e6ebee", "edgecolor": "#a9b4ba", "linewidth": 0.35}
    look |= {"rstride": 1, "cstride": 1, "shade": False, "alpha": 0.9}  # Stride 1: every line.
    panel.plot_surface(patch[..., 0], patch[..., 1], heights, **look)
    panel.set_zlabel("loss", labelpad=-6)
    panel.tick_params(labelsize=7, pad=-2)
    panel.locator_params(nbins=5)
    panel.view_init(elev=42, azim=-60)
    panel.set_box_aspect((1, 1, 0.75), zoom=1.02)
    panel.set_title("From one point, half of the directions fall", loc="center")
    return panel, heights


def _look_of(turn: int) -> tuple[str, dict[str, Any]]:
    """Return in a word what a direction does, 15 degrees a turn from the gradient, and its look."""
    if turn in (6, 18):
        return "level at first", {"color": BLACK, "linestyle": ":", "linewidth": 2}
    if 6 < turn < 18:
        word, width = (_STEEPEST, 3.5) if turn == 12 else ("falls", 1.3)
        return word, {"color": BLUE, "linestyle": "-", "linewidth": width}
    return "rises", {"color": VERMILION, "linestyle": "--", "linewidth": 1.3}


@styled
def change_by_angle(
    degrees: Tensor, changes: dict[float, Tensor], gradient_length: float
) -> Figure:
    """Draw the change of the loss per unit of length against the angle from the gradient.

    `changes` goes from the length of a step to the measured changes divided by it, one an angle.
    """
    largest = max(changes)
    best = float(degrees[changes[largest].argmin()])
    figure = Figure(
        figsize=(7, 3.6),
        alt=say(
            "Change of the loss against the angle from the gradient: tiny steps lie on a cosine, "
            "lowest straight against it; steps of {length:g} fall most at {best:.0f} degrees.",
            length=largest,
            best=best,
        ),
    )
    axes = figure.subplots()
    cosine = gradient_length * torch.cos(torch.deg2rad(degrees))
    axes.plot(degrees, cosine, color=BLACK, linestyle="-", linewidth=1, label="|gradient| · cos θ")
    for (length, change), look in zip(changes.items(), LOOKS, strict=False):
        dots = look | {"linestyle": "none"}
        axes.plot(degrees, change, ms=4, label=f"measured, step length {length:g}", **dots)
        lowest = change.argmin()
        axes.plot(degrees[lowest], change[lowest], ms=11, markeredgecolor=BLACK, **dots)
    large: dict[str, Any] = {"marker": "o", "color": "white", "markeredgecolor": BLACK}
    axes.plot([], [], ms=11, ls="none", label="large mark: steepest fall", **large)
    axes.axhline(0, color=BLACK, linewidth=0.6, linestyle="-")
    axes.set(xticks=range(0, 361, 45), xlabel="angle θ from the gradient (degrees)")
    axes.set(ylabel="change of the loss per unit of length")
    axes.set(title="Tiny steps follow the cosine; a larger one has another best angle")
    axes.legend(loc="upper center")
    return figure


@styled
def change_on_sphere(directions: Tensor, changes: Tensor, gradient: Tensor) -> Figure:
    """Draw measured changes of the loss on a sphere of directions, and against the cosine.

    The directions are unit vectors, shape (n, 3); the change along each, shape (n,), is divided by
    the length of the step.
    """
    steepness, uphill = gradient.norm(), gradient / gradient.norm()
    cosines = directions @ gradient / steepness
    off = float((changes - cosines * steepness).abs().max() / steepness)
    if off < 0.01:
        found = "All on one line"
        alt = say(
            "Directions on a sphere coloured by the change of the loss, and the same changes "
            "against the cosine of the angle from the gradient: all on one line."
        )
    else:
        found = "Not all on one line"
        alt = say(
            "Directions on a sphere coloured by the change of the loss, and the same changes "
            "against the cosine of the angle from the gradient: not all on one line."
        )
    figure = Figure(figsize=(7, 3.6), alt=alt, layout="none")
    sphere: Axes3D = figure.add_axes((0, 0.03, 0.47, 0.82), projection="3d")
    flat = figure.add_axes((0.57, 0.15, 0.41, 0.74))
    # Only the half that faces the reader, or the dots behind would shine through.
    sphere.view_init(elev=12, azim=-60)
    up, around = math.radians(sphere.elev), math.radians(sphere.azim)
    toward = [math.cos(up) * math.cos(around), math.cos(up) * math.sin(around), math.sin(up)]
    seen = directions @ torch.tensor(toward, dtype=directions.dtype) > 0
    limit = float(changes.abs().max())
    # The palest middle would vanish on white.
    colors = matplotlib.colors.LinearSegmentedColormap.from_list("", [BLUE, "#c9c9c9", VERMILION])
    look: dict[str, Any] = {"cmap": colors, "vmin": -limit, "vmax": limit}
    sphere.scatter(*directions[seen].T, c=changes[seen], s=18, depthshade=False, **look)
    for end, color, word in ((-uphill, BLUE, "−gradient"), (uphill, VERMILION, "gradient")):
        sphere.plot(*torch.stack([end, end * 1.5]).T, color=color, ls="-", linewidth=2.5)
        sphere.text(*(end * 1.55), f"  {word}", color=color, weight="bold", fontsize=9)
    sphere.set_box_aspect((1, 1, 1), zoom=1)
    sphere.set(xlim=(-1, 1), ylim=(-1, 1), zlim=(-1, 1))
    sphere.set_axis_off()
    sphere.set_title("The nearer to the gradient,\nthe more it rises", loc="center")
    flat.plot([-1, 1], [-steepness, steepness], color=BLACK, linestyle="-", lw=1)
    flat.scatter(cosines, changes, c=changes, s=9, zorder=3, **look)
    flat.set(xlabel="cos θ (θ: angle from the gradient)", ylabel="change per unit of length")
    flat.set(title=f"{found}: |gradient| · cos θ")
    return figure


@styled
def zigzag(
    runs: dict[str, tuple[Loss, Path, Tensor]],
    steps: dict[str, int],
    names: Sequence[tuple[str, str]],
    *,
    reach: float,
) -> Figure:
    """Draw a path in a narrow valley and one in a round bowl, over their level lines, side by side.

    `runs` goes from what the sizes are to the loss, the path and the lowest point (2,), `steps` to
    how many steps it took; `names` holds, for each panel, those of the two weights. A panel reaches
    so far from the lowest point.
    """
    figure = Figure(
        figsize=(7, 3.6),
        alt=say(
            "The same descent twice: with sizes as they are the path zig-zags in a narrow valley; "
            "with standardised sizes the bowl is round and one step goes straight to the goal."
        ),
    )
    panels = figure.subplots(1, len(runs))
    for axes, name, (first, second) in zip(panels, runs, names, strict=True):
        loss, path, goal = runs[name]
        level_lines(axes, loss, goal, reach)
        start = path.points[0]
        axes.plot(*torch.stack([start, goal]).T, color=BLACK, ls=":", lw=1.2, label="straight way")
        look: dict[str, Any] = {"color": BLUE, "marker": "o", "markersize": 3.5, "linewidth": 1.3}
        axes.plot(*path.points.T, **look, label="descent")
        axes.plot(*start, marker="o", markersize=9, markerfacecolor="white", color=BLUE)
        axes.plot(*goal, **GOAL)
        axes.set(xlabel=first, ylabel=second, title=f"Sizes {name}, steps: {steps[name]}")
    figure.axes[0].legend(loc="lower left", fontsize=8, **FRAME)
    return figure


@styled
def basins(
    loss: Loss,
    starts: Tensor,
    labels: Tensor,
    points: dict[str, Tensor],
    names: dict[str, _Place] = _ENDS,
) -> Figure:
    """Draw a grid of start points, shape (rows, columns, 2), coloured by where descent ends.

    `labels`, shape (rows, columns), are places in `names`, which goes from what each of at most
    three areas is called to where that is written; `points` goes from a name to a point to mark.
    """
    shares = [float((labels == label).double().mean()) for label in range(len(names))]
    ends = [f"{_told(name)} {share:.0%}" for name, share in zip(names, shares, strict=True)]
    figure = Figure(
        figsize=(7, 4.6),
        alt=say(
            "Start points coloured by where descent from them ends: {ends}. Marked: {points}.",
            ends=", ".join(ends),
            points=", ".join(points),
        ),
    )
    axes = figure.subplots()
    a, b = starts[..., 0], starts[..., 1]
    looks = ((SKY, None), (ORANGE, "//"), ("#dddddd", ".."))
    for label, ((name, place), (color, hatch)) in enumerate(
        zip(names.items(), looks, strict=False)
    ):
        inside = (labels == label).double()
        area = axes.contourf(a, b, inside, levels=[0.5, 1.5], colors=[color], hatches=[hatch])
        area.set(edgecolor="white", linewidth=0)  # No outline: the white is for the hatching.
        text = f"{name}\n{shares[label]:.0%} of starts"
        axes.text(*place, text, ha="center", va="center", weight="bold", path_effects=HALO)
    # The level lines on a finer grid of their own: on that of the starts they would have corners.
    c, d, values = grid(loss, starts.mean((0, 1)), float((a.max() - a.min()) / 2), 241)
    axes.contour(c, d, values, levels=10, colors=BLACK, linewidths=0.5, linestyles="-")
    axes.set(xlim=(float(a.min()), float(a.max())), ylim=(float(b.min()), float(b.max())))
    for (name, point), marker in zip(points.items(), "XoDs", strict=False):
        axes.plot(*point, marker=marker, markersize=10, color=BLACK, markeredgecolor="white")
        note(axes, name, tuple(point.tolist()), (0, 10), ha="center", weight="bold")
    axes.set_aspect("equal")
    axes.grid(False)
    axes.set(xlabel="weight 1", ylabel="weight 2", title="Where you start decides where you end")
    return figure


def _told(end: str) -> str:
    """Return what an end of `_ENDS` is called where it is not drawn."""
    told = {
        "deep well": say("deep well"),
        "shallow well": say("shallow well"),
        "still on the plateau": say("still on the plateau"),
    }
    return told.get(end, end)
