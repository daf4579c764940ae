"""The figures of fits and of solvers; those of a penalty are in `ridge_figures`."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from matplotlib.patches import Circle, Polygon
from mpl_toolkits.mplot3d import Axes3D
from torch import Tensor

from helpers.common.picture import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    MARKERS,
    ORANGE,
    SKY,
    VERMILION,
    Figure,
    styled,
)
from helpers.common.sentences import say

# Words beside a point that lines run through.
ON_WHITE: dict[str, Any] = {
    "textcoords": "offset points",
    "bbox": {"boxstyle": "round,pad=0.1", "color": "white"},
}


def headline(figure: Figure, finding: str, x: float) -> None:
    """Write what a figure of several panels shows above them all, from `x` of its width on."""
    figure.suptitle(finding, x=x, ha="left", fontsize=11, fontweight="bold")


def loss_over_two_weights(X: Tensor, y: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """Return ‖Xw − y‖² with one row for each second weight and one column for each first."""
    predictions = first[None, :, None] * X[:, 0] + second[:, None, None] * X[:, 1]
    return (predictions - y).square().sum(dim=2)


@styled
def line_and_bowl(X: Tensor, y: Tensor, weights: Tensor) -> Figure:
    """Draw a fitted line with its residuals, and the loss over its two weights.

    `X` has shape (rows, 2), a column of ones and then the size, `y` (rows,), metres of fabric, and
    `weights` (2,), the intercept and the slope that fit best.
    """
    figure = Figure(
        figsize=(7, 3.4),
        alt=say(
            "Left: {count} coats and the line with the smallest squared residuals. Right: the loss "
            "over intercept and slope is one bowl, and the fit is its lowest point.",
            count=len(y),
        ),
    )
    line, bowl = figure.subplots(1, 2, width_ratios=(1, 1.1))
    size, fitted = X[:, 1], X @ weights
    line.vlines(size, fitted, y, color=VERMILION, linewidth=1.2, label="residual")
    ends = size.new_tensor([0.0, 4.0])
    line.plot(ends, weights[0] + weights[1] * ends, color=BLUE, label="fit")
    line.plot(size, y, "o", color=BLACK, label="coats")
    line.set(title="The least sum of squared sticks …", xlabel="size", ylabel="fabric in m")
    line.legend(loc="upper left")

    steps = size.new_tensor(range(-40, 41))
    intercept, slope = weights[0] + steps / 40, weights[1] + steps / 100
    loss = loss_over_two_weights(X, y, intercept, slope)
    # Multiples of the least loss: a bowl's contours crowd where it is steep.
    levels = [float((fitted - y).square().sum()) * grow for grow in (1.5, 3, 8, 20, 40)]
    contours = bowl.contour(intercept, slope, loss, levels=levels, colors=BLUE, linewidths=1.2)
    bowl.clabel(contours, levels[1:], fmt="%.1f", fontsize=8)
    bowl.plot(*weights, "*", color=VERMILION, markersize=13)
    bowl.annotate("ŵ", weights.tolist(), xytext=(-16, 7), **ON_WHITE)
    bowl.set(xlabel="intercept in m (on the lines: loss in m²)", ylabel="slope in m per size")
    bowl.set_title("… is the bottom of a bowl")
    return figure


@styled
def projection(X: Tensor, y: Tensor, fitted: Tensor) -> Figure:
    """Draw three targets as one point in space, and the plane that two columns span.

    `X` has shape (3, 2); `y` and `fitted`, (3,), are the target and the point of the plane that is
    nearest to it.
    """
    figure = Figure(
        figsize=(7, 2.7),
        alt=say(
            "The two columns of X span a plane. The fit is the foot of the perpendicular from y: "
            "the residual stands at a right angle to the plane."
        ),
    )
    axes = figure.subplots()
    # To the right along the fit, upwards along the residual, and obliquely what else is in the
    # plane: so the right angle is drawn as one.
    along, up = (side / side.norm() for side in (fitted, y - fitted))
    back = torch.linalg.cross(up, along)
    slant = X.new_tensor([0.5, 0.42])

    def seen(point: Tensor) -> Tensor:
        return torch.stack([point @ along, point @ up]) + (point @ back) * slant

    corners = [(-0.6, -1.2), (3.5, -1.2), (3.5, 1.2), (-0.6, 1.2)]
    sheet = [seen(a * along + b * back).tolist() for a, b in corners]
    axes.add_patch(Polygon(sheet, facecolor=SKY, alpha=0.3))
    for end, color, name, move, side in (
        (X[:, 0], GREEN, "column 1", (6, 3), "left"),
        (X[:, 1], GREEN, "column 2", (0, -15), "center"),
        (fitted, BLUE, "fit Xŵ", (8, -4), "left"),
        (y, BLACK, "target y", (8, 0), "left"),
    ):
        tip = tuple(seen(end).tolist())
        arrow = {"arrowstyle": "-|>", "color": color, "linewidth": 2, "shrinkA": 0, "shrinkB": 0}
        axes.annotate("", tip, xytext=(0, 0), arrowprops=arrow)
        beside: dict[str, Any] = {
            "xytext": move,
            "textcoords": "offset points",
            "ha": side,
            "fontweight": "bold",
        }
        axes.annotate(name, tip, color=color, **beside)
    foot, top = seen(fitted), seen(y)
    axes.plot(*torch.stack([foot, top]).T, color=VERMILION, linestyle="--")
    middle = tuple(((foot + top) / 2).tolist())
    beside = {"xytext": (8, 0), "textcoords": "offset points", "fontweight": "bold"}
    axes.annotate("residual", middle, color=VERMILION, **beside)
    # The mark of a right angle: a small square at the foot, along the residual and the fit.
    corner = foot + 0.16 * foot.new_tensor([[0, 1], [-1, 1], [-1, 0]])
    axes.plot(*corner.T, color=BLACK, linewidth=1.2, linestyle="-", marker="")
    axes.set_aspect("equal")
    axes.set_axis_off()
    axes.set_title("The fit is the shadow of y on the plane of the columns")
    return figure


@styled
def errors_of_solvers(
    weights_off: Mapping[str, Tensor], predictions_off: Mapping[str, Tensor]
) -> Figure:
    """Draw how far each solver is off over many collinear tables, in weights and in predictions.

    Both hold for each solver one relative error for each table, NaN where it raised.
    """
    figure = Figure(figsize=(7, 3.2), alt=_who_is_off(weights_off, predictions_off))
    headline(figure, "Wild weights need not spoil a prediction: it depends on the solver", x=0.01)
    panels = figure.subplots(1, 2, sharey=True)
    what = {"weights": weights_off, "prediction for one coat": predictions_off}
    for axes, (name, errors), limit in zip(panels, what.items(), (0.5, 0.1), strict=True):
        for place, values in enumerate(errors.values()):
            # Spread out by multiples of the golden ratio, so that points do not hide each other.
            spread = [place + 0.56 * ((k * 0.618034) % 1) - 0.28 for k in range(len(values))]
            color, mark = (VERMILION, ORANGE, BLUE)[place % 3], MARKERS[place % len(MARKERS)]
            axes.plot(100 * values, spread, mark, color=color, ms=3.5, alpha=0.45)
        axes.axvline(100 * limit, color=BLACK, linewidth=1.2, linestyle=":")
        beside: dict[str, Any] = {"xytext": (3, 2), "textcoords": "offset points", "fontsize": 9}
        axes.annotate(f"{limit:.0%} off", (100 * limit, len(errors) - 0.5), **beside)
        axes.set(xscale="log", xlabel=f"{name}, off by %", ylim=(len(errors) - 0.5, -0.5))
        axes.set_xticks([0.01, 1, 100, 10_000], ["0.01", "1", "100", "10 000"])
        axes.minorticks_off()
    panels[0].set_yticks(range(len(weights_off)), list(weights_off))
    panels[0].set_ylabel("one mark for each table")
    return figure


def _who_is_off(weights_off: Mapping[str, Tensor], predictions_off: Mapping[str, Tensor]) -> str:
    """Return the alt text of `errors_of_solvers`."""

    def mostly_above(errors: Mapping[str, Tensor], limit: float) -> str:
        return ", ".join(n for n, values in errors.items() if values.nanmedian() > limit)

    said = [say("How far each solver is off on many collinear tables, on a logarithmic axis.")]
    if names := mostly_above(weights_off, 0.5):
        said.append(say("Weights off by over 50 % on most tables: {names}.", names=names))
    else:
        said.append(say("Weights off by over 50 % on most tables: none."))
    if names := mostly_above(predictions_off, 0.1):
        said.append(say("Prediction off by over 10 % on most: {names}.", names=names))
    else:
        said.append(say("Prediction off by over 10 % on most: none."))
    return " ".join(said)


@styled
def valley(X: Tensor, y: Tensor, shortest: Tensor, direction: Tensor) -> Figure:
    """Draw a loss with a whole line of minimisers, as a surface and as contours.

    `X` has shape (rows, 2) and rank 1, `y` (rows,). Both of shape (2,) are `shortest`, the
    minimiser of smallest length, and `direction`, of length 1 along the line of minimisers.
    """
    figure = Figure(
        figsize=(7, 3.7),
        layout="none",
        alt=say(
            "The loss of a singular problem is a valley with a flat floor: a whole line of "
            "minimisers. The one of minimum norm is where a circle about the origin touches it."
        ),
    )
    headline(figure, "Not one lowest point but a line of them; one of them is the shortest", x=0.02)
    place = (0.0, 0.08, 0.48, 0.82)
    surface: Axes3D = figure.add_axes(place, projection="3d", computed_zorder=False)
    plane = figure.add_axes((0.6, 0.14, 0.38, 0.72))
    side = X.new_tensor([k / 10 for k in range(-30, 51)])
    loss = loss_over_two_weights(X, y, side, side)
    floor = shortest[:, None] + direction[:, None] * side.new_tensor([-4.4, 4.4])
    floor_loss = float((X @ shortest - y).square().sum())
    first = side.expand(len(side), len(side)).numpy()
    surface.plot_surface(first, first.T, loss.numpy(), cmap="cividis", alpha=0.8, linewidth=0)
    surface.plot(*floor.tolist(), [floor_loss] * 2, color=VERMILION)
    surface.plot(*shortest[:, None].tolist(), [floor_loss], "*", color=BLACK, markersize=11)
    surface.set(xlabel="w₁", ylabel="w₂", zlabel="loss")
    surface.zaxis.labelpad = 8
    surface.locator_params(nbins=5)  # else the numbers run into each other
    surface.view_init(elev=42, azim=-72)

    levels = [floor_loss + rise for rise in (25, 100, 300, 700, 1500)]
    plane.contour(side, side, loss, levels=levels, colors=BLUE, linewidths=1)
    plane.plot(*floor, color=VERMILION, linestyle="-")
    plane.plot(*shortest, "*", color=BLACK, markersize=12)
    label = {**ON_WHITE, "xytext": (4, 9), "fontsize": 9, "fontweight": "bold"}
    plane.annotate("shortest, X⁺y", tuple(shortest.tolist()), **label)
    middle = (floor.mean(dim=1) + 3 * floor[:, 0]) / 4
    plane.annotate("minimisers", tuple(middle.tolist()), color=VERMILION, **label)
    radius = float(shortest.norm())
    plane.add_patch(Circle((0, 0), radius, fill=False, linestyle=":"))
    below = {**ON_WHITE, "xytext": (0, -12), "fontsize": 9, "ha": "center"}
    plane.annotate("equal length", (0, -radius), **below)
    plane.plot(*torch.stack([0 * shortest, shortest]).T, color=BLACK, linewidth=1)
    plane.plot(0, 0, "+", color=BLACK)  # the origin, from which lengths count
    plane.set_title("from above; blue: equal loss", fontsize=10, fontweight="normal")
    plane.set(xlabel="w₁", ylabel="w₂", xlim=(-3, 5), ylim=(-3, 5), aspect="equal")
    return figure


@styled
def circle_to_ellipse(X: Tensor) -> Figure:
    """Draw the weights of length 1 and what a matrix of shape (2, 2) makes of them."""
    _, sigma, Vh = torch.linalg.svd(X)
    directions = Vh * (Vh @ X.T)[:, 1:].sign()  # of the two ways along each, the one that goes up
    figure = Figure(
        figsize=(7, 3.5),
        alt=say(
            "Left: all weights of length 1, a circle. Right: what X makes of them, an ellipse "
            "whose half-axes are the singular values {largest:.3g} and {smallest:.3g}.",
            largest=sigma[0],
            smallest=sigma[1],
        ),
    )
    headline(figure, "X makes an ellipse of a circle: its half-axes are the singular values", 0.01)
    turn = torch.linspace(1, 1 + 2 * math.pi, 181, dtype=X.dtype)
    circle = torch.stack([turn.cos(), turn.sin()])
    panels = figure.subplots(1, 2)
    bold = {"fontweight": "bold"}
    labels = (("1", "1"), tuple(f"{name} = {s:.3g}" for name, s in zip(_HALF, sigma, strict=True)))
    for axes, points, ends, words in zip(
        panels, (circle, X @ circle), (directions, directions @ X.T), labels, strict=True
    ):
        axes.plot(*points, color=GREY, linestyle="-")
        reach = 1.25 * float(points.abs().max())
        for end, color, name in zip(ends, (VERMILION, BLUE), words, strict=True):
            arrow = {"color": color, "width": 0.012 * reach, "length_includes_head": True}
            axes.arrow(0, 0, *end.tolist(), head_width=0.07 * reach, **arrow)
            beside = (end + 0.08 * reach * end / end.norm()).tolist()
            axes.text(*beside, name, color=color, ha="left" if end[0] > 0 else "right", **bold)
        axes.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
    panels[0].set(title="in: weights w of length 1", xlabel="w₁", ylabel="w₂")
    panels[1].set(title="out: predictions Xw", xlabel="row 1", ylabel="row 2")
    return figure


_HALF = (r"$\sigma_{\mathrm{max}}$", r"$\sigma_{\mathrm{min}}$")
_THROUGH_GRAM = ("inv", "solve", "cholesky")
# Errors above this are drawn at it: nothing of the answer is left anyway.
_MOST = 30.0


@styled
def solver_errors(
    conditions: Sequence[float], errors: Mapping[tuple[float, str], Tensor]
) -> Figure:
    """Draw error against condition number for each solver, beside the slopes of the theory.

    `errors` holds, for each of two lengths of the residual beside the targets, the first of them 0,
    and for each solver, the relative error at each of `conditions`, the κ of X, NaN where the
    solver raised. All is float64. "inv", "solve" and "cholesky" form XᵀX.
    """
    noises = list(dict.fromkeys(noise for noise, _ in errors))
    slopes = [_slopes(conditions, errors, noise) for noise in noises]
    figure = Figure(
        figsize=(7, 7.4),
        alt=say(
            "Relative error against condition number κ on logarithmic axes. Slopes from κ = 10³ to "
            "10⁷, rounded, for targets in reach: {in_reach}; with noise: {noisy}.",
            in_reach=slopes[0],
            noisy=slopes[1],
        ),
    )
    panels = figure.subplots(2, 1)
    headline(
        figure, "Forming XᵀX doubles the slope. With noise in y, all slopes are double", x=0.01
    )
    # Half of `eps`, the distance from 1 to the next number: rounding goes to the nearer one.
    unit = torch.finfo(torch.float64).eps / 2
    titles = ("targets in reach, y = Xw", f"targets with noise, {noises[1]:.0%} of their length")
    for axes, noise, title in zip(panels, noises, titles, strict=True):
        _draw_theory(axes, conditions, unit)
        _draw_solvers(axes, conditions, {s: e for (kind, s), e in errors.items() if kind == noise})
        axes.set(xscale="log", yscale="log", xlabel="condition number κ of X")
        axes.set(ylim=(unit / 3, 100), xlim=(0.7, conditions[-1] * 1.5))
        axes.set_yticks([1e-16, 1e-12, 1e-8, 1e-4, 1], ["10⁻¹⁶", "10⁻¹²", "10⁻⁸", "10⁻⁴", "1"])
        axes.minorticks_off()
        axes.set_ylabel("relative error of ŵ")
        axes.set_title(f"{title}; dashed: theory", fontweight="normal", fontsize=10)
    _add_a_legend_for_each_family(panels[1])
    return figure


def _slopes(
    conditions: Sequence[float], errors: Mapping[tuple[float, str], Tensor], noise: float
) -> str:
    """Return each solver's slope where digits are left and the families differ."""
    ends = [k for k, condition in enumerate(conditions) if 1e3 <= condition <= 1e7]
    decades = math.log10(conditions[ends[-1]] / conditions[ends[0]])
    return ", ".join(
        f"{name} {float((values[ends[-1]] / values[ends[0]]).log10()) / decades:.0f}"
        for (kind, name), values in errors.items()
        if kind == noise
    )


def _draw_theory(axes, conditions: Sequence[float], unit: float) -> None:
    """Draw u·κ and u·κ², and the zone above 1 where an error is as large as the answer."""
    axes.axhspan(1, 100, color="#e8e8e8", zorder=0)
    words = {"color": BLACK, "xycoords": "axes fraction", "va": "top", "fontsize": 9}
    axes.annotate(
        f"nothing is left (above {_MOST:.0f}: drawn at {_MOST:.0f})", (0.01, 0.985), **words
    )
    for power, name in ((1, "u·κ"), (2, "u·κ²")):
        theory = [unit * condition**power for condition in conditions]
        axes.plot(conditions, theory, color=GREY, linewidth=1, linestyle="--")
        at = unit ** (-0.62 / power)  # both names at one height
        beside = {"xytext": (-5, 5), "textcoords": "offset points", "ha": "right"}
        axes.annotate(name, (at, unit * at**power), color=GREY, **beside)


def _draw_solvers(axes, conditions: Sequence[float], errors: Mapping[str, Tensor]) -> None:
    """Draw a line for each solver, and a cross where Cholesky was last heard without an error."""
    for place, (name, values) in enumerate(errors.items()):
        color = VERMILION if name in _THROUGH_GRAM else BLUE
        inside = "white" if place % 3 else None  # the first of either family is filled
        look = {"color": color, "markersize": 4.5, "markerfacecolor": inside, "linewidth": 1}
        mark = f"-{MARKERS[place % len(MARKERS)]}"
        axes.plot(conditions, values.clamp(max=_MOST), mark, label=name, **look)
        if name == "cholesky" and values.isnan().any():
            last = int(values.isnan().nonzero()[0]) - 1
            cross = {"markersize": 11, "markeredgewidth": 2, "label": "the last before it raises"}
            axes.plot(conditions[last], values[last], "x", color=BLACK, **cross)


def _add_a_legend_for_each_family(axes) -> None:
    """Name the solvers through XᵀX, and the cross, in one legend and those on X in another."""
    named = axes.get_legend_handles_labels()[0]
    on_x = [line for line in named if line.get_label() in ("qr", "lstsq", "pinv")]
    through_gram = [line for line in named if line not in on_x]
    for title, family, left in (("through XᵀX", through_gram, 0.5), ("on X", on_x, 0.84)):
        corner = {"loc": "upper left", "bbox_to_anchor": (left, 0.42)}
        legend = axes.legend(handles=family, title=title, alignment="left", **corner)
        axes.add_artist(legend)  # axes keep one legend alone: the next call would take it away


@styled
def closed_form_cost(sizes: Sequence[int], seconds: Sequence[float], rows: int) -> Figure:
    """Draw the seconds that the closed form took at each number of features, beside the count.

    `rows` is the number n of rows of every problem; the count is that of multiplications.
    """
    figure = Figure(
        figsize=(7, 3.4),
        alt=say(
            "Measured time to solve over the number of features d, {fewest} to {most}, at {rows} "
            "rows, on logarithmic axes, beside the count nd² + d³/3.",
            fewest=sizes[0],
            most=sizes[-1],
            rows=rows,
        ),
    )
    axes = figure.subplots()
    count = [rows * d**2 + d**3 / 3 for d in sizes]
    scale = seconds[-1] / count[-1]  # so that both end in one point
    axes.plot(sizes, [scale * c for c in count], color=GREY, linestyle="--")
    axes.plot(sizes, seconds, color=BLUE, marker="o", linestyle="-")
    middle = len(sizes) // 2
    for name, height, color, offset, side in (
        ("measured", seconds[middle], BLUE, (8, -14), "left"),
        ("nd² + d³/3, scaled", scale * count[middle], GREY, (-8, 8), "right"),
    ):
        beside: dict[str, Any] = {"xytext": offset, "textcoords": "offset points", "ha": side}
        axes.annotate(name, (sizes[middle], height), color=color, **beside)
    axes.set_xscale("log", base=2)
    axes.set(yscale="log", xlabel="number of features d", ylabel="seconds, this machine")
    axes.set_title(f"The closed form's price climbs steeply with d (n = {rows})")
    return figure
