"""The figures of notebook 03: each function takes data and returns a `Figure`."""

import base64
import html
import math
from collections.abc import Sequence
from typing import Any

import matplotlib
import matplotlib.colors
import matplotlib.figure
import matplotlib.patches
import matplotlib.patheffects
import matplotlib.ticker
import torch
from mpl_toolkits.mplot3d import Axes3D

from helpers.common import page
from helpers.common.picture import (
    BLACK,
    BLUE,
    GREEN,
    ORANGE,
    PINK,
    SKY,
    VERMILION,
    Figure,
    styled,
)
from helpers.gradient_descent import descent

# One look per way of descending, wherever two are compared.
_LOOKS: list[dict[str, Any]] = [
    {"color": BLUE, "marker": "o", "linestyle": "-"},
    {"color": VERMILION, "marker": "s", "linestyle": "--"},
    {"color": GREEN, "marker": "^", "linestyle": "-."},
    {"color": PINK, "marker": "D", "linestyle": ":"},
    {"color": BLACK, "marker": "x", "linestyle": (0, (5, 1))},
]
_GOAL: dict[str, Any] = {
    "marker": "*",
    "markersize": 13,
    "color": ORANGE,
    "markeredgecolor": BLACK,
    "zorder": 6,
}
_FRAME = {"frameon": True, "facecolor": "white", "framealpha": 1, "edgecolor": "#cccccc"}
_HALO = [matplotlib.patheffects.withStroke(linewidth=3, foreground="white")]


def _grid(
    loss: descent.Loss, center: torch.Tensor, reach: float, count: int = 61
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return a square grid of two weights and the loss on it, each of shape (count, count)."""
    first = torch.linspace(center[0] - reach, center[0] + reach, count, dtype=torch.float64)
    second = torch.linspace(center[1] - reach, center[1] + reach, count, dtype=torch.float64)
    a, b = torch.meshgrid(first, second, indexing="xy")
    values = torch.func.vmap(loss)(torch.stack([a.flatten(), b.flatten()], dim=1))
    return a, b, values.reshape(a.shape)


def _contours(axes, loss: descent.Loss, center: torch.Tensor, reach: float) -> None:
    """Draw level lines, close together near the lowest point, and make the scales equal."""
    a, b, values = _grid(loss, center, reach)
    low, high = float(values.min()), float(values.max())
    levels = low + (high - low) * torch.linspace(0.05, 1, 11, dtype=torch.float64) ** 2
    axes.contour(a, b, values, levels=levels, colors="#9a9a9a", linewidths=0.7)
    axes.set_facecolor("#f6f6f6")
    across, up = center.tolist()
    axes.set(xlim=(across - reach, across + reach), ylim=(up - reach, up + reach))
    axes.set_aspect("equal")
    axes.grid(False)


@styled
def direction_fan(
    loss: descent.Loss, point: torch.Tensor, lowest: torch.Tensor, *, names: tuple[str, str]
) -> Figure:
    """Draw a bowl as a surface, with the directions out of one point laid upon it, and from above.

    Parameters
    ----------
    loss : callable
        From two weights, shape (2,), to one number.
    point, lowest : torch.Tensor
        Where the directions start, and the lowest point, both of shape (2,).
    names : tuple of str
        The names of the two weights.
    """
    figure = Figure(
        figsize=(7, 4.3),
        alt="A loss surface in 3-D and from above, with 24 directions out of one point: 11 fall, "
        "11 rise, 2 are level at first; the steepest fall is straight against the gradient.",
        layout="none",
    )
    surface: Axes3D = figure.add_axes(
        (-0.06, 0.07, 0.64, 0.86), projection="3d", computed_zorder=False
    )
    plan = figure.add_axes((0.65, 0.24, 0.34, 0.6))
    # A patch along the valley: on a square one, the far walls would dwarf everything.
    _, axes = torch.linalg.eigh(torch.func.hessian(loss)(lowest))
    reach = float((point - lowest).abs().max())
    along = torch.linspace(-0.6 * reach, 1.7 * reach, 25, dtype=torch.float64)
    across = torch.linspace(-0.75 * reach, 0.75 * reach, 17, dtype=torch.float64)
    toward = axes[:, 0] * torch.sign(axes[:, 0] @ (point - lowest))
    patch = lowest + along[:, None, None] * toward + across[:, None] * axes[:, 1]
    heights = torch.func.vmap(torch.func.vmap(loss))(patch)
    surface.plot_surface(
        patch[..., 0],
        patch[..., 1],
        heights,
        color="#e6ebee",
        edgecolor="#a9b4ba",
        linewidth=0.35,
        rstride=1,
        cstride=1,
        shade=False,
        alpha=0.9,
    )
    _contours(plan, loss, (point + lowest) / 2, 0.95 * reach)

    gradient = torch.func.grad(loss)(point)
    uphill = torch.atan2(gradient[1], gradient[0])
    for turn in range(24):
        angle = uphill + 2 * torch.pi * turn / 24
        unit = torch.stack([torch.cos(angle), torch.sin(angle)])
        line = point + 0.36 * reach * torch.linspace(0, 1, 12, dtype=torch.float64)[:, None] * unit
        # Lifted a little, so that the surface does not swallow them.
        lifted = torch.func.vmap(loss)(line) + 0.01 * heights.max()
        look: dict[str, Any] = {"color": VERMILION, "linestyle": "--", "linewidth": 1.3}
        label = "rises" if turn == 1 else None
        if turn in (6, 18):
            look = {"color": BLACK, "linestyle": ":", "linewidth": 2}
            label = "level at first" if turn == 6 else None
        elif 6 < turn < 18:
            look = {"color": BLUE, "linestyle": "-", "linewidth": 3.5 if turn == 12 else 1.3}
            label = {12: "steepest fall, against the gradient", 7: "falls"}.get(turn)
        surface.plot(*line.T, lifted, zorder=5, **look)
        plan.plot(*line.T, label=label, **look)
        if turn == 12:
            plan.plot(*line[-1], marker="o", color=BLUE)
            surface.plot(*line[-1:].T, lifted[-1:], marker="o", color=BLUE, zorder=6)
    surface.plot(*lowest[:, None], heights.min().reshape(1), **_GOAL)
    plan.plot(*lowest, **_GOAL)
    surface.set_xlabel(names[0], labelpad=-4)
    surface.set_ylabel(names[1], labelpad=-4)
    surface.set_zlabel("loss", labelpad=-6)
    surface.tick_params(labelsize=7, pad=-2)
    surface.locator_params(nbins=5)
    surface.view_init(elev=42, azim=-60)
    surface.set_box_aspect((1, 1, 0.75), zoom=1.02)
    surface.set_title("The surface and 24 directions", loc="center")
    plan.set(xlabel=names[0], ylabel=names[1], title="From above: 11 fall, 11 rise")
    handles, labels = plan.get_legend_handles_labels()
    order = [labels.index("steepest fall, against the gradient"), labels.index("falls")]
    order += [labels.index("level at first"), labels.index("rises")]
    figure.legend(
        [handles[i] for i in order], [labels[i] for i in order], loc="lower center", ncols=4
    )
    return figure


@styled
def change_by_angle(
    degrees: torch.Tensor, changes: dict[float, torch.Tensor], gradient_length: float
) -> Figure:
    """Draw the change of the loss per unit of length against the angle from the gradient.

    Parameters
    ----------
    degrees : torch.Tensor
        Angles from the gradient, shape (n,), in degrees.
    changes : dict
        From the length of a step to the measured changes divided by it, shape (n,).
    gradient_length : float
        The length of the gradient.
    """
    largest = max(changes)
    best = float(degrees[changes[largest].argmin()])
    figure = Figure(
        figsize=(7, 3.6),
        alt="Change of the loss against the angle from the gradient: tiny steps lie on a cosine, "
        f"lowest straight against it; steps of {largest:g} fall most at {best:.0f} degrees.",
    )
    axes = figure.subplots()
    cosine = gradient_length * torch.cos(torch.deg2rad(degrees))
    axes.plot(degrees, cosine, color=BLACK, linestyle="-", linewidth=1, label="|gradient| · cos θ")
    for (length, change), look in zip(changes.items(), _LOOKS, strict=False):
        axes.plot(
            degrees,
            change,
            color=look["color"],
            marker=look["marker"],
            linestyle="none",
            markersize=4,
            label=f"measured, step length {length:g}",
        )
        axes.plot(
            degrees[change.argmin()],
            change.min(),
            marker=look["marker"],
            color=look["color"],
            markeredgecolor=BLACK,
            markersize=11,
            linestyle="none",
        )
    axes.axhline(0, color=BLACK, linewidth=0.6, linestyle="-")
    axes.set_xticks([0, 45, 90, 135, 180, 225, 270, 315, 360])
    axes.set(
        xlabel="angle θ from the gradient (degrees)",
        ylabel="change of the loss per unit of length",
        title="Tiny steps follow the cosine; a larger one has another best angle",
    )
    axes.legend(loc="upper center")
    return figure


@styled
def change_on_sphere(
    directions: torch.Tensor, changes: torch.Tensor, gradient: torch.Tensor
) -> Figure:
    """Draw measured changes of the loss on a sphere of directions, and against the cosine.

    Parameters
    ----------
    directions : torch.Tensor
        Unit vectors, shape (n, 3).
    changes : torch.Tensor
        The change of the loss along each, divided by the length of the step, shape (n,).
    gradient : torch.Tensor
        The gradient, shape (3,).
    """
    cosines = directions @ gradient / gradient.norm()
    off = float((changes - cosines * gradient.norm()).abs().max() / gradient.norm())
    found = "all on one line" if off < 0.01 else "not all on one line"
    figure = Figure(
        figsize=(7, 3.6),
        alt="Directions on a sphere coloured by the change of the loss, and the same changes "
        f"against the cosine of the angle from the gradient: {found}.",
        layout="none",
    )
    sphere: Axes3D = figure.add_axes((0, 0.03, 0.47, 0.82), projection="3d")
    flat = figure.add_axes((0.57, 0.15, 0.41, 0.74))
    # Only the half that faces the reader, or the dots behind would shine through.
    elevation, turn = 12, -60
    toward = torch.tensor(
        [
            math.cos(math.radians(elevation)) * math.cos(math.radians(turn)),
            math.cos(math.radians(elevation)) * math.sin(math.radians(turn)),
            math.sin(math.radians(elevation)),
        ],
        dtype=directions.dtype,
    )
    seen = directions @ toward > 0
    limit = float(changes.abs().max())
    # The palest middle would vanish on white.
    colors = matplotlib.colors.LinearSegmentedColormap.from_list("", [BLUE, "#c9c9c9", VERMILION])
    look: dict[str, Any] = {"cmap": colors, "vmin": -limit, "vmax": limit}
    sphere.scatter(*directions[seen].T, c=changes[seen], s=18, depthshade=False, **look)
    downhill = -gradient / gradient.norm()
    for end, color, word in ((downhill, BLUE, "-gradient"), (-downhill, VERMILION, "gradient")):
        sphere.quiver(*(end * 1.02), *(end * 0.45), color=color, linewidth=2.5)
        sphere.text(*(end * 1.55), f"  {word}", color=color, weight="bold", fontsize=9)
    sphere.set_box_aspect((1, 1, 1), zoom=1)
    sphere.set(xlim=(-1, 1), ylim=(-1, 1), zlim=(-1, 1))
    sphere.view_init(elev=elevation, azim=turn)
    sphere.set_axis_off()
    sphere.set_title(f"{int(seen.sum())} of {len(directions)} directions face you", loc="center")
    flat.plot([-1, 1], [-gradient.norm(), gradient.norm()], color=BLACK, linestyle="-", lw=1)
    flat.scatter(cosines, changes, c=changes, s=9, zorder=3, **look)
    flat.set(
        xlabel="cos θ (θ: angle from the gradient)",
        ylabel="change per unit of length",
        title=f"{found.capitalize()}: |gradient| · cos θ",
    )
    return figure


@styled
def zigzag(
    panels: "dict[str, tuple[descent.Loss, descent.Path, torch.Tensor, float]]",
    *,
    names: Sequence[tuple[str, str]],
    alt: str,
) -> Figure:
    """Draw paths over the level lines of their losses, side by side.

    Parameters
    ----------
    panels : dict
        From a title to the loss, the path, the lowest point (2,) and how far the panel reaches.
    names : sequence of tuple of str
        For each panel the names of the two weights.
    alt : str
        The alt text.
    """
    figure = Figure(figsize=(7, 3.6), alt=alt)
    for axes, (title, (loss, path, goal, reach)), (first, second) in zip(
        figure.subplots(1, len(panels), squeeze=False).flat, panels.items(), names, strict=True
    ):
        _contours(axes, loss, goal, reach)
        start = path.points[0]
        axes.plot(*torch.stack([start, goal]).T, color=BLACK, linestyle=":", lw=1.2)
        axes.plot(*path.points.T, color=BLUE, marker="o", markersize=3.5, linewidth=1.3)
        axes.plot(*start, marker="o", markersize=9, markerfacecolor="white", color=BLUE)
        axes.plot(*goal, **_GOAL)
        axes.set(xlabel=first, ylabel=second, title=title)
    return figure


@styled
def basins(
    loss: descent.Loss,
    starts: torch.Tensor,
    labels: torch.Tensor,
    names: dict[str, tuple[float, float]],
    points: "dict[str, torch.Tensor]",
) -> Figure:
    """Draw start points coloured by where descent from them ends.

    Parameters
    ----------
    loss : callable
        From two weights to one number.
    starts : torch.Tensor
        A grid, shape (rows, columns, 2).
    labels : torch.Tensor
        Where each start ends, as a place in `names`, whole numbers of shape (rows, columns).
    names : dict
        From what each of at most three areas is called to where its name is written.
    points : dict
        From a name to a point to mark, shape (2,).
    """
    shares = [float((labels == label).double().mean()) for label in range(len(names))]
    ends = ", ".join(f"{name} {share:.0%}" for name, share in zip(names, shares, strict=True))
    figure = Figure(
        figsize=(7, 4.6),
        alt=f"Start points coloured by where descent from them ends: {ends}. "
        f"Marked: {', '.join(points)}.",
    )
    axes = figure.subplots()
    a, b = starts[..., 0], starts[..., 1]
    looks = zip((SKY, ORANGE, "#dddddd"), (None, "//", ".."), strict=True)
    drawn = zip(names.items(), looks, strict=False)
    for label, ((name, place), (color, hatch)) in enumerate(drawn):
        inside = (labels == label).double()
        area = axes.contourf(a, b, inside, levels=[0.5, 1.5], colors=[color], hatches=[hatch])
        area.set_edgecolor("white")
        area.set_linewidth(0)
        text = f"{name}\n{shares[label]:.0%} of starts"
        axes.text(*place, text, ha="center", va="center", weight="bold", path_effects=_HALO)
    # The level lines on a finer grid of their own: on that of the starts they would have corners.
    reach = float((a.max() - a.min()) / 2)
    c, d, values = _grid(loss, starts.mean((0, 1)), reach, 241)
    axes.contour(c, d, values, levels=10, colors=BLACK, linewidths=0.5, linestyles="-")
    axes.set(xlim=(float(a.min()), float(a.max())), ylim=(float(b.min()), float(b.max())))
    for (name, point), marker in zip(points.items(), "XoDs", strict=False):
        axes.plot(*point, marker=marker, markersize=10, color=BLACK, markeredgecolor="white")
        axes.annotate(
            name,
            tuple(point.tolist()),
            xytext=(0, 10),
            textcoords="offset points",
            ha="center",
            weight="bold",
            path_effects=_HALO,
        )
    axes.set_aspect("equal")
    axes.grid(False)
    axes.set(xlabel="weight 1", ylabel="weight 2", title="Where you start decides where you end")
    return figure


@styled
def five_regimes(loss: descent.Loss, paths: dict[str, descent.Path], reach: float) -> Figure:
    """Draw the same descent with several step sizes: the paths above, the distances below.

    Parameters
    ----------
    loss : callable
        A bowl with its minimum at zero.
    paths : dict
        From what the step size does to its path, at most five.
    reach : float
        How far each panel reaches from the minimum.
    """
    figure = Figure(
        figsize=(7, 4.8),
        alt=f"{len(paths)} step sizes on one bowl, paths above and distances below: "
        f"{', '.join(paths)}. On a log scale each distance becomes a straight line.",
    )
    grid = figure.add_gridspec(2, len(paths), height_ratios=(1, 1.6))
    origin = torch.zeros(2, dtype=torch.float64)
    below = figure.add_subplot(grid[1, :])
    for column, ((name, path), look) in enumerate(zip(paths.items(), _LOOKS, strict=False)):
        above = figure.add_subplot(grid[0, column])
        _contours(above, loss, origin, reach)
        above.plot(*path.points.T, color=look["color"], marker="o", markersize=2, linewidth=1)
        above.plot(*origin, **_GOAL | {"markersize": 9})
        above.set_title(name.replace(": ", "\n"), fontsize=9)
        above.set(xticks=[], yticks=[])
        distances = path.distances()
        below.semilogy(distances, markevery=5, markersize=4, label=name, **look)
    below.set(
        xlabel="step",
        ylabel="distance to the minimum",
        title="On a log scale each one becomes a straight line: a constant factor per step",
    )
    below.legend(loc="lower left", ncols=2)
    return figure


@styled
def rate_against_step(
    sizes: torch.Tensor, measured: torch.Tensor, curvatures: torch.Tensor
) -> Figure:
    """Draw the factor per step against the step size: theory as lines, runs as dots.

    Parameters
    ----------
    sizes, measured : torch.Tensor
        Step sizes and the factors measured with them, both of shape (n,).
    curvatures : torch.Tensor
        The curvatures of the bowl, smallest first, shape (2,).
    """
    low, high = (float(value) for value in curvatures)
    best, last = 2 / (low + high), 2 / high
    figure = Figure(
        figsize=(7, 3.9),
        alt="Factor per step against step size: a V whose lowest point is at 2/(L + μ) and which "
        "crosses 1 at 2/L; the measured dots lie on the larger of the two lines.",
    )
    axes = figure.subplots()
    line = torch.linspace(0, 1.12 * last, 400, dtype=torch.float64)
    steep, flat = (1 - line * high).abs(), (1 - line * low).abs()
    axes.axvspan(last, float(line[-1]), color=VERMILION, alpha=0.12, linewidth=0)
    axes.plot(line, flat, color=GREEN, linestyle="--", label="flat direction: |1 - lr μ|")
    axes.plot(line, steep, color=PINK, linestyle=":", label="steep direction: |1 - lr L|")
    axes.plot(line, torch.maximum(flat, steep), color=BLACK, linestyle="-", lw=1, label="larger")
    axes.plot(sizes, measured, marker="o", linestyle="none", color=BLUE, label="measured")
    axes.axhline(1, color=BLACK, linewidth=0.6, linestyle="-")
    for place, word in ((1 / high, "1/L"), (best, "2/(L + μ)"), (last, "2/L")):
        axes.axvline(place, color="#777777", linewidth=0.8, linestyle="-")
        axes.text(place, 1.215, word, ha="center", va="bottom", fontsize=9)
    axes.text(last * 1.06, 0.5, "diverges", rotation=90, ha="center", va="center", color=VERMILION)
    axes.set(ylim=(0, 1.2), xlim=(0, float(line[-1])))
    axes.set_title("The slower of two directions decides", pad=20)
    axes.set(xlabel="step size lr", ylabel="factor on the distance per step")
    axes.legend(loc="lower left")
    return figure


@styled
def descent_report(
    loss: descent.Loss,
    path: descent.Path,
    predicted: float,
    measured: float,
    *,
    setting: str,
    word: str,
) -> Figure:
    """Draw a path on a bowl, and its distances beside the slope that theory predicts.

    Parameters
    ----------
    loss : callable
        A bowl of two weights with its minimum at zero.
    path : Path
        The descent; its first 60 steps are drawn.
    predicted, measured : float
        The factor per step, by theory and from the path.
    setting, word : str
        What was set, and what the descent does then.
    """
    figure = Figure(
        figsize=(7, 3.1),
        alt=f"{word}: factor {measured:.3f} a step, {predicted:.3f} predicted.",
        layout="none",
    )
    left = figure.add_axes((0.075, 0.16, 0.36, 0.7))
    right = figure.add_axes((0.53, 0.16, 0.45, 0.7))
    origin = torch.zeros(2, dtype=torch.float64)
    _contours(left, loss, origin, 3.2)
    left.plot(*path.points[:61].T, color=BLUE, marker="o", markersize=3, linewidth=1.1)
    left.plot(*origin, **_GOAL)
    left.set(xlabel="weight 1", ylabel="weight 2")
    left.set_title(f"{setting} {word}")
    distances = path.distances()[:61]
    steps = torch.arange(len(distances), dtype=torch.float64)
    right.semilogy(distances, color=BLUE, linestyle="-", label=f"measured × {measured:.3f}")
    right.semilogy(
        distances[0] * predicted**steps,
        color=VERMILION,
        linestyle="--",
        label=f"predicted × {predicted:.3f}",
    )
    right.set(xlabel="step", ylabel="distance to the minimum", ylim=(1e-6, 1e4))
    right.minorticks_off()
    right.legend(loc="lower left", bbox_to_anchor=(-0.05, 0.98), ncols=2, columnspacing=1)
    return figure


@styled
def loss_curves(paths: dict[str, descent.Path], title: str, alt: str) -> Figure:
    """Draw the losses of several descents on a log scale, with an arrow where one blew up.

    Parameters
    ----------
    paths : dict
        From a name to a path, at most five; one of them at least stayed finite.
    title, alt : str
        The finding, short and in a sentence.
    """
    figure = Figure(figsize=(7, 3.8), alt=alt)
    axes = figure.subplots()
    finite = torch.cat([path.losses for path in paths.values() if path.left_at is None])
    low, high = float(finite[finite > 0].min()), float(finite.max())
    bottom, top = 10.0 ** math.floor(math.log10(low)), 10.0 ** math.ceil(math.log10(high))
    for (name, path), look in zip(paths.items(), _LOOKS, strict=False):
        losses = path.losses
        if path.left_at is not None:
            # It may jump from the page to where no number is.
            above = (losses > top).nonzero()
            leaves = int(above[0]) if len(above) else path.left_at
            losses = losses[: leaves + 1]
            axes.annotate(
                f"↑ off the page at step {leaves}",
                (leaves, top),
                xytext=(5, -5),
                textcoords="offset points",
                va="top",
                color=look["color"],
                fontsize=9,
                path_effects=_HALO,
            )
        axes.semilogy(losses, label=name, markevery=40, markersize=4, linewidth=1.3, **look)
    axes.set(xlabel="step", ylabel="loss", ylim=(bottom, top), title=title)
    axes.legend(loc="lower left", fontsize=8.5)
    return figure


@styled
def chosen_steps(
    loss: descent.Loss, path: descent.Path, sizes: torch.Tensor, bounds: torch.Tensor
) -> Figure:
    """Draw a line search's path, and the step sizes it chose beside the local bound.

    Parameters
    ----------
    loss : callable
        From two weights to one number.
    path : Path
        The descent, shape (steps + 1, 2).
    sizes, bounds : torch.Tensor
        The step size chosen, and 2/L, at each point but the last, shape (steps,).
    """
    ratios = sizes / bounds
    longer = float((ratios > 1).double().mean())
    figure = Figure(
        figsize=(7, 3.5),
        alt="A line search follows a bent valley; the step sizes it chooses lie between "
        f"{ratios.min():.2g} and {ratios.max():.2g} times the local bound 2/L, {longer:.0%} of "
        "them above it.",
    )
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.2))
    center = torch.tensor([0.0, 0.8], dtype=torch.float64)
    a, b, values = _grid(loss, center, 1.7, 121)
    left.contour(
        a, b, values, levels=10.0 ** torch.arange(-2, 2.5, 0.5), colors="#8a8a8a", linewidths=0.6
    )
    left.plot(*path.points.T, color=BLUE, marker="o", markersize=2.5, linewidth=1)
    left.plot(1, 1, **_GOAL)
    left.set_aspect("equal")
    left.grid(False)
    left.set(xlabel="weight 1", ylabel="weight 2", title="Down a bent valley")
    right.semilogy(sizes, color=BLUE, marker="o", linestyle="none", ms=3, label="chosen")
    right.semilogy(bounds, color=VERMILION, linestyle="--", label="2/L at that point")
    right.set(xlabel="step", ylabel="step size lr", title=f"{longer:.0%} of its steps exceed 2/L")
    right.legend(loc="upper right")
    return figure


@styled
def damping(distances: dict[str, torch.Tensor]) -> Figure:
    """Draw one weight against the step for several momenta.

    Parameters
    ----------
    distances : dict
        From a name to the weight at each step, shape (steps + 1,); its minimum is at 0.
    """
    crossings = {
        name: int((values[1:] * values[:-1] < 0).sum()) for name, values in distances.items()
    }
    found = ", ".join(f"{name} {count} times" for name, count in crossings.items())
    figure = Figure(
        figsize=(7, 3.4),
        alt=f"One weight over the steps for {len(distances)} momenta. It crosses the minimum: "
        f"{found}.",
    )
    axes = figure.subplots()
    for (name, values), look in zip(distances.items(), _LOOKS, strict=False):
        axes.plot(values, markevery=4, markersize=4, label=name, **look)
    axes.axhline(0, color=BLACK, linewidth=0.6, linestyle="-")
    axes.set(xlabel="step", ylabel="weight (minimum at 0)", title="Creep, arrive, ring")
    axes.legend()
    return figure


@styled
def rate_map(
    sizes: torch.Tensor,
    momenta: torch.Tensor,
    rates: torch.Tensor,
    best: dict[str, dict[str, float]],
    high: float,
) -> Figure:
    """Draw the predicted factor per step over step size and momentum.

    Parameters
    ----------
    sizes, momenta : torch.Tensor
        The step sizes (columns,) and momenta (rows,).
    rates : torch.Tensor
        The factors, shape (rows, columns).
    best : dict
        What `descent.best_settings` gives.
    high : float
        The largest curvature L.
    """
    figure = Figure(
        figsize=(7, 3.9),
        alt="Map of the factor per step over step size and momentum: steps converge up to "
        f"2(1 + γ)/L; the lowest factor is {rates.min():.2f}; at momentum {momenta[0]:g} it is "
        f"{rates[0].min():.2f}.",
    )
    axes = figure.subplots()
    shown = torch.where(rates < 1, rates, torch.nan)
    areas = axes.contourf(
        sizes, momenta, shown, levels=[0.5 + 0.05 * i for i in range(11)], cmap="cividis"
    )
    axes.contour(sizes, momenta, shown, levels=[0.6, 0.7, 0.8, 0.9], colors="white", linewidths=0.7)
    axes.plot(2 * (1 + momenta) / high, momenta, color=VERMILION, linestyle="--")
    axes.text(2 * 1.45 / high + 0.012, 0.45, "2(1 + γ)/L", color=VERMILION, rotation=0, va="center")
    plain, heavy = best["plain"], best["momentum"]
    places = (
        (plain["lr"], 0.0, "best without"),
        (heavy["lr"], heavy["momentum"], "best with momentum"),
    )
    for lr, gamma, word in places:
        axes.plot(lr, gamma, **_GOAL, clip_on=False)
        axes.annotate(
            word,
            (lr, gamma),
            xytext=(-8, 8),
            textcoords="offset points",
            ha="right",
            weight="bold",
            path_effects=_HALO,
        )
    axes.grid(False)
    axes.set(
        xlabel="step size lr",
        ylabel="momentum γ",
        title="Momentum allows longer steps, and a smaller factor",
        xlim=(0, float(sizes[-1])),
        ylim=(0, float(momenta[-1])),
    )
    figure.colorbar(areas, ax=axes, label="factor per step (white: diverges)")
    return figure


@styled
def steps_against_condition(
    conditions: list[float], steps: dict[str, list[int]], slopes: dict[str, float]
) -> Figure:
    """Draw how many steps a descent needs against the bowl's condition number, both as logs."""
    words = " and ".join(f"{slopes[name]:.2f} {name}" for name in steps)
    figure = Figure(
        figsize=(7, 3.6),
        alt=f"Steps needed against the condition number on log scales: slopes {words}, so momentum "
        "turns the condition number into its square root.",
    )
    axes = figure.subplots()
    for (name, counts), look in zip(steps.items(), _LOOKS, strict=False):
        axes.loglog(conditions, counts, label=f"{name}: slope {slopes[name]:.2f}", **look)
    axes.set(
        xlabel="condition number κ = L/μ",
        ylabel="steps until a millionth is left",
        title="From κ to √κ",
    )
    axes.legend()
    return figure


@styled
def snapshots(
    loss: descent.Loss, paths: dict[str, descent.Path], at: list[int], reach: float
) -> Figure:
    """Draw where several descents are after some numbers of steps, one panel for each number.

    Parameters
    ----------
    loss : callable
        A bowl of two weights with its minimum at zero.
    paths : dict
        From a name to a path, at most five.
    at : list of int
        The numbers of steps, in order.
    reach : float
        How far each panel reaches from the minimum.
    """
    fewest = min(path.steps for path in paths.values())
    leads = []
    for count in at:
        heights = {name: float(path.losses[count]) for name, path in paths.items()}
        leads.append(f"after {count} steps {min(heights, key=heights.__getitem__)}")
    figure = Figure(
        figsize=(7, 2.9),
        alt=f"{len(paths)} descents on one bowl: {', '.join(paths)}. Lowest in loss: "
        f"{', '.join(leads)}.",
    )
    origin = torch.zeros(2, dtype=torch.float64)
    panels = figure.subplots(1, len(at), sharey=True, squeeze=False).flat
    for axes, count in zip(panels, at, strict=True):
        _contours(axes, loss, origin, reach)
        for (name, path), look in zip(paths.items(), _LOOKS, strict=False):
            axes.plot(*path.points[: count + 1].T, color=look["color"], lw=1.2, ls="-")
            axes.plot(
                *path.points[count],
                marker=look["marker"],
                markersize=9,
                markeredgecolor="white",
                color=look["color"],
                label=name,
                linestyle="none",
                zorder=7,
            )
        axes.plot(*origin, **_GOAL | {"markersize": 10})
        axes.set(xlabel="weight 1", title=f"after {count} steps")
    axes.legend(loc="lower right", fontsize=8, **_FRAME)
    figure.axes[0].set_ylabel("weight 2")
    return figure


@styled
def noise_ball(
    loss: descent.Loss,
    goal: torch.Tensor,
    walks: dict[str, torch.Tensor],
    batches: list[int],
    radii: dict[float, list[float]],
) -> Figure:
    """Draw the wandering of mini-batch descent, and its size against the batch.

    Parameters
    ----------
    loss : callable
        The loss on all rows, of two weights.
    goal : torch.Tensor
        Its lowest point, shape (2,).
    walks : dict
        From a name to the points of one path, shape (steps + 1, 2); at most five.
    batches : list of int
        Batch sizes.
    radii : dict
        From a step size to the typical distance from the goal for each batch size.
    """
    falls = {
        lr: math.log(values[-1] / values[0]) / math.log(batches[-1] / batches[0])
        for lr, values in radii.items()
    }
    found = " and ".join(f"{slope:.1f} for lr {lr:g}" for lr, slope in falls.items())
    figure = Figure(
        figsize=(7, 3.7),
        alt="Mini-batch descent wanders in a ball around the minimum; on log scales its radius "
        f"against the batch has the slope {found}.",
    )
    left, right = figure.subplots(1, 2)
    _contours(left, loss, goal, 1.15)
    for (name, path), look in zip(walks.items(), _LOOKS, strict=False):
        left.plot(*path.T, color=look["color"], lw=0.9, marker=look["marker"], ms=2.5, label=name)
    left.plot(*goal, **_GOAL)
    left.set(xlabel="weight 1", ylabel="weight 2", title="Arrived, but never at rest")
    left.legend(loc="lower left", fontsize=8, **_FRAME)
    for (lr, values), look in zip(radii.items(), _LOOKS, strict=False):
        right.loglog(batches, values, label=f"lr {lr:g}", **look)
    guide = radii[min(radii)][0] * 0.6 / torch.tensor(batches).double().sqrt()
    right.loglog(batches, guide, color=BLACK, lw=0.8, ls="-", label="slope -1/2")
    right.set_xticks(batches, [str(batch) for batch in batches])
    right.minorticks_off()
    right.set(
        xlabel="rows in a batch",
        ylabel="typical distance to the minimum",
        title="Radius ∝ √(lr/batch)",
    )
    right.legend()
    return figure


@styled
def early_stopping(
    times: torch.Tensor,
    weights: dict[str, torch.Tensor],
    errors: dict[str, torch.Tensor],
    names: tuple[str, ...],
) -> Figure:
    """Draw weights and held-out errors along a descent and along ridge's penalties, on one axis.

    Parameters
    ----------
    times : torch.Tensor
        The step size times the number of steps, shape (n,).
    weights : dict
        From the way (descent and another) to the weights at each time, shape (n, d).
    errors : dict
        From the way to the error on rows held out, in metres, shape (n,).
    names : tuple of str
        The names of the d features.
    """
    ways = dict(zip(weights, ("-", "--"), strict=True))
    lowest = {way: float(times[errors[way].argmin()]) for way in ways}
    found = " and ".join(f"t = {time:.2g} ({way})" for way, time in lowest.items())
    figure = Figure(
        figsize=(7, 5),
        alt="Weights along descent and along ridge from zero, and their errors on coats held out: "
        f"lowest at {found} of {times[-1]:.2g}.",
    )
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(1.5, 1))
    for column, (name, look) in enumerate(zip(names, _LOOKS, strict=False)):
        for way, dash in ways.items():
            above.semilogx(
                times,
                weights[way][:, column],
                color=look["color"],
                linestyle=dash,
                marker=look["marker"] if dash == "-" else None,
                markevery=6,
                label=name if dash == "-" else None,
            )
    for way, dash in ways.items():
        below.semilogx(times, errors[way], color=BLACK, linestyle=dash, label=way)
        below.plot(lowest[way], errors[way].min(), marker="v", color=BLACK, markersize=8)
    above.set(xlabel="t", ylabel="weight")
    above.set_title("Stopping early and ridge take nearly the same way")
    above.legend(loc="upper left")
    below.set(
        xlabel="how long descent ran: t = lr · steps",
        ylabel="error (metres)",
        title=f"… and the error is lowest at {found}",
    )
    below.legend(loc="upper center")
    return figure


class Player:
    """A small film of a descent that shows itself, with or without a kernel.

    The film is one SVG image which moves by itself, so it also plays where a page's scripts are
    taken out. Where they are kept, a button and a slider under it stop it and wind it.

    Parameters
    ----------
    svg : str
        The film, ASCII; where nothing moves it shows the last frame.
    steps, seconds : int, float
        How many steps the film shows, and how long one takes.
    still : Figure
        Shown where HTML is not.
    """

    def __init__(self, svg: str, *, steps: int, seconds: float, still: Figure):
        self.svg = svg
        self.alt = still.alt
        self._still = still
        self._steps = steps
        self._seconds = seconds

    def html(self) -> str:
        """Return the film as an HTML image with its alt text and its controls."""
        data = base64.b64encode(self.svg.encode("ascii")).decode("ascii")
        script = html.escape(_WIND_THE_FILM.replace("SECONDS", f"{self._seconds:g}"))
        return (
            '<div style="max-width: 700px">'
            f'<img src="data:image/svg+xml;base64,{data}" alt="{html.escape(self.alt)}" '
            f'style="width: 100%" onload="{script}">'
            '<div style="display: none"><button>Pause</button> <label>step '
            f'<input type="range" min="0" max="{self._steps}" value="0" '
            'style="width: 60%; vertical-align: middle"></label></div></div>'
        )

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        return {
            "text/html": page.covered(self.html()),
            "image/png": base64.b64encode(self._still.png()).decode("ascii"),
            "text/plain": self.alt,
        }


# Swaps the image for the same SVG in the page, whose clock can then be stopped and set.
_WIND_THE_FILM = (
    "const bar = this.nextElementSibling, [button, label] = bar.children, "
    "slider = label.querySelector('input'), "
    "text = atob(this.src.split(',')[1]), "
    "film = new DOMParser().parseFromString(text, 'image/svg+xml').documentElement; "
    "film.setAttribute('role', 'img'); film.setAttribute('aria-label', this.alt); "
    "this.replaceWith(film); bar.style.display = ''; "
    # JupyterLab would take the arrows for its own.
    "bar.onkeydown = event => event.ctrlKey || event.metaKey || event.stopPropagation(); "
    "const pause = on => { on ? film.pauseAnimations() : film.unpauseAnimations(); "
    "button.textContent = on ? 'Play' : 'Pause'; }; "
    "button.onclick = () => pause(!film.animationsPaused()); "
    "slider.oninput = () => { pause(true); film.setCurrentTime(slider.value * SECONDS); }; "
    "const watch = setInterval(() => { if (!film.isConnected) clearInterval(watch); "
    "else if (!film.animationsPaused()) "
    "slider.value = film.getCurrentTime() % film.dataset.seconds / SECONDS; }, 100); "
    "if (matchMedia('(prefers-reduced-motion: reduce)').matches) { "
    "slider.value = slider.max; slider.oninput(); }"
)


def race(
    hessian: torch.Tensor,
    paths: dict[str, descent.Path],
    *,
    title: str,
    reach: float,
    still: Figure,
    seconds: float = 0.2,
) -> Player:
    r"""Return a film of several descents on one bowl, step by step, with their distances beside it.

    Parameters
    ----------
    hessian : torch.Tensor
        H of the bowl :math:`\tfrac12 w^\top H w`, shape (2, 2), positive definite.
    paths : dict
        From a name, ASCII, to a path of two weights; all of the same number of steps.
    title : str
        The finding, ASCII.
    reach : float
        How far the left panel reaches from the minimum.
    still : Figure
        Shown where HTML is not; its alt text is the film's too.
    seconds : float
        How long one step takes.
    """
    (steps,) = {path.steps for path in paths.values()}
    moving = steps * seconds
    # The last frame rests for a while before the film begins again.
    whole = moving * 1.2
    times = ";".join(f"{step * seconds / whole:.4f}" for step in range(steps + 1)) + ";1"

    def animate(attribute: str, values: list[float]) -> str:
        listed = ";".join(f"{value:.4g}" for value in [*values, values[-1]])
        return (
            f'<animate attributeName="{attribute}" dur="{whole:.4g}s" repeatCount="indefinite" '
            f'keyTimes="{times}" values="{listed}"/>'
        )

    def runner(places: torch.Tensor, color: str, square: bool) -> str:
        """Return a line that grows along places of shape (steps + 1, 2), and a dot at its end."""
        lengths = torch.linalg.vector_norm(places.diff(dim=0), dim=1).cumsum(0)
        left = [1.0, *(1 - lengths / lengths[-1]).clamp(min=0).tolist()]
        x, y = places[:, 0].tolist(), places[:, 1].tolist()
        corners = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
        line = (
            f'<polyline points="{corners}" fill="none" stroke="{color}" stroke-width="1.5" '
            f'pathLength="1" stroke-dasharray="1 1">{animate("stroke-dashoffset", left)}</polyline>'
        )
        if square:
            corner = (places - 5).tolist()
            return line + (
                f'<rect x="{x[-1] - 5:.1f}" y="{y[-1] - 5:.1f}" width="10" height="10" '
                f'fill="{color}" stroke="white">{animate("x", [a for a, _ in corner])}'
                f"{animate('y', [b for _, b in corner])}</rect>"
            )
        return line + (
            f'<circle cx="{x[-1]:.1f}" cy="{y[-1]:.1f}" r="5.5" fill="{color}" stroke="white">'
            f"{animate('cx', x)}{animate('cy', y)}</circle>"
        )

    curvatures, axes = torch.linalg.eigh(hessian)
    turn = math.degrees(math.atan(float(axes[1, 0] / axes[0, 0])))
    scale = 140 / reach
    rings = "".join(
        f'<ellipse rx="{scale * size / math.sqrt(curvatures[0]):.1f}" '
        f'ry="{scale * size / math.sqrt(curvatures[1]):.1f}" transform="rotate({-turn:.2f})"/>'
        for size in (0.25, 0.5, 1, 1.5, 2, 3, 4, 5, 6, 8, 10)
    )
    # Right panel: steps from 0 to the last, distances as powers of ten.
    logs = {name: torch.log10(path.distances()) for name, path in paths.items()}
    top = math.ceil(max(float(log.max()) for log in logs.values()))
    bottom = math.floor(min(float(log.min()) for log in logs.values()))
    unit = 250 / max(top - bottom, 1)
    ticks = "".join(
        f'<line x1="390" x2="680" y1="{66 + unit * (top - power):.1f}" '
        f'y2="{66 + unit * (top - power):.1f}" stroke="#e3e3e3"/>'
        f'<text x="384" y="{70 + unit * (top - power):.1f}" text-anchor="end">'
        f'10<tspan dy="-4" font-size="8">{power}</tspan></text>'
        for power in range(top, bottom - 1, -1)
    )
    ticks += "".join(
        f'<text x="{390 + 290 * step / steps:.1f}" y="336" text-anchor="middle">{step}</text>'
        for step in range(0, steps + 1, max(1, steps // 6))
    )
    runners, names = "", ""
    across = 390 + 290 * torch.arange(steps + 1, dtype=torch.float64) / steps
    for index, (name, path) in enumerate(paths.items()):
        color, square = _LOOKS[index]["color"], bool(index % 2)
        on_bowl = path.points * torch.tensor([scale, -scale]) + torch.tensor([180.0, 180.0])
        down = 66 + unit * (top - logs[name])
        runners += runner(on_bowl, color, square)
        runners += runner(torch.stack([across, down], dim=1), color, square)
        mark = (
            '<rect x="-5" y="-9" width="10" height="10"/>' if square else '<circle cy="-4" r="5"/>'
        )
        names += (
            f'<g transform="translate({50 + 240 * index} 368)" fill="{color}">{mark}'
            f'<text x="12" fill="{color}" font-weight="bold">{html.escape(name)}</text></g>'
        )
    # The minimum wears the same star as in the other figures.
    points = [(math.pi * (i / 5 - 0.5), 4 if i % 2 else 10) for i in range(10)]
    star = " ".join(f"{180 + r * math.cos(a):.1f},{180 + r * math.sin(a):.1f}" for a, r in points)
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 700 380" '
        f'data-seconds="{whole:.4g}" font-family="DejaVu Sans, Arial, sans-serif" font-size="12">'
        '<rect width="700" height="380" fill="white"/>'
        f'<text x="40" y="22" font-size="14" font-weight="bold">{html.escape(title)}</text>'
        '<svg x="40" y="40" width="280" height="280" viewBox="40 40 280 280">'
        '<rect x="40" y="40" width="280" height="280" fill="#f6f6f6"/>'
        f'<g transform="translate(180 180)" fill="none" stroke="#9a9a9a">{rings}</g>'
        f'<polygon points="{star}" fill="{_GOAL["color"]}" stroke="black"/></svg>'
        '<text x="180" y="336" text-anchor="middle">the bowl from above; the star is its minimum'
        f'</text>{ticks}<text x="535" y="50" text-anchor="middle">distance to the minimum</text>'
        '<text x="535" y="354" text-anchor="middle">step</text>'
        f"{runners}{names}</svg>"
    )
    return Player(svg, steps=steps, seconds=seconds, still=still)
