"""The figures of fits and of solvers; those of a penalty are in `ridge_figures`."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from matplotlib.patches import Circle
from mpl_toolkits.mplot3d import Axes3D
from mpl_toolkits.mplot3d.art3d import Poly3DCollection
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
        alt=f"Left: {len(y)} coats and the line with the smallest squared residuals. Right: the "
        "loss over intercept and slope is one bowl, and the fit is its lowest point.",
    )
    line, bowl = figure.subplots(1, 2, width_ratios=(1, 1.1))
    size, fitted = X[:, 1], X @ weights
    line.vlines(size, fitted, y, color=VERMILION, linewidth=1.2, label="residual")
    ends = size.new_tensor([0.0, 4.0])
    line.plot(ends, weights[0] + weights[1] * ends, color=BLUE, label="fit")
    line.plot(size, y, "o", color=BLACK, label="coats")
    line.set(title="The closest line …", xlabel="size", ylabel="fabric in m")
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
    bowl.set(xlabel="intercept in m", ylabel="slope in m per size")
    bowl.set_title("… is the bottom of a bowl")
    return figure


@styled
def projection(X: Tensor, y: Tensor, fitted: Tensor) -> Figure:
    """Draw three targets as one point in space, and the plane that two columns span.

    `X` has shape (3, 2); `y` and `fitted`, (3,), are the target and the point of the plane that is
    nearest to it.
    """
    figure = Figure(
        figsize=(7, 4.6),
        layout="none",
        alt="The two columns of X span a plane. The fit is the foot of the perpendicular from y: "
        "the residual stands at a right angle to the plane.",
    )
    # By the order of the calls: matplotlib's guess at what lies in front is wrong for the plane.
    axes: Axes3D = figure.add_axes((0.0, 0.06, 1.0, 0.98), projection="3d", computed_zorder=False)
    headline(figure, "The fit is the shadow of y on the plane of the columns", x=0.02)
    first, second = X.T
    along = X.new_tensor([(-0.95, -0.2), (2.0, -0.2), (2.0, 1.4), (-0.95, 1.4)])
    sheet = Poly3DCollection([(along @ X.T).tolist()], color=SKY, alpha=0.35)
    axes.add_collection3d(sheet)
    for end, color, name, beside, side in (
        (first, GREEN, "column 1", first + 0.27 * second, "left"),
        (second, GREEN, "column 2", 0.58 * second - 0.12 * first, "right"),
        (fitted, BLUE, "fit Xŵ", 1.03 * fitted + 0.08 * first, "left"),
        (y, BLACK, "target y", 1.03 * y, "left"),
    ):
        axes.quiver(0, 0, 0, *end.tolist(), color=color, arrow_length_ratio=0.1, linewidth=2)
        axes.text(*beside.tolist(), name, color=color, fontweight="bold", ha=side)
    axes.plot(*zip(fitted.tolist(), y.tolist(), strict=True), color=VERMILION, linestyle="--")
    middle = 0.55 * fitted + 0.45 * y
    axes.text(*middle.tolist(), " residual", color=VERMILION, fontweight="bold")
    # The mark of a right angle: a small square at the foot, along the residual and the fit.
    up, back = (0.25 * side / side.norm() for side in (y - fitted, -fitted))
    square = torch.stack([fitted + up, fitted + up + back, fitted + back])
    axes.plot(*square.T.tolist(), color=BLACK, linewidth=1, linestyle="-", marker="")
    axes.set(xlabel="row 1", ylabel="row 2", zlabel="row 3")
    axes.set(xticklabels=[], yticklabels=[], zticklabels=[])
    for axis, pad in ((axes.xaxis, -10), (axes.yaxis, -3), (axes.zaxis, -10)):
        axis.labelpad = pad
        axis.pane.set_visible(False)
    axes.grid(False)
    limits = (axes.get_xlim(), axes.get_ylim(), axes.get_zlim())
    axes.set_box_aspect([high - low for low, high in limits], zoom=1.17)  # equal scales
    # The plane's normal is nearest to the second axis: with that one upright the plane lies flat.
    axes.view_init(elev=36, azim=20, vertical_axis="y")
    return figure


@styled
def errors_of_solvers(
    weights_off: Mapping[str, Tensor], predictions_off: Mapping[str, Tensor]
) -> Figure:
    """Draw how far each solver is off over many collinear tables, in weights and in predictions.

    Both hold for each solver one relative error for each table on which it did not raise.
    """

    def mostly_above(errors: Mapping[str, Tensor], limit: float) -> str:
        return ", ".join(n for n, values in errors.items() if values.median() > limit) or "none"

    figure = Figure(
        figsize=(7, 3.0),
        alt="How far each solver is off on many collinear tables, on a logarithmic axis. Weights "
        f"off by over 50 % on most tables: {mostly_above(weights_off, 0.5)}. Prediction off by "
        f"over 10 % on most: {mostly_above(predictions_off, 0.1)}.",
    )
    headline(figure, "How far off is each solver, table by table?", x=0.01)
    panels = figure.subplots(1, 2, sharey=True)
    what = {"weights": weights_off, "prediction for one coat": predictions_off}
    for axes, (name, errors) in zip(panels, what.items(), strict=True):
        for place, values in enumerate(errors.values()):
            # Spread out by multiples of the golden ratio, so that points do not hide each other.
            spread = [place + 0.56 * ((k * 0.618034) % 1) - 0.28 for k in range(len(values))]
            color = (VERMILION, ORANGE, BLUE)[place]
            axes.plot(100 * values, spread, MARKERS[place], color=color, ms=3.5, alpha=0.45)
        axes.axvline(100, color=GREY, linewidth=1, linestyle=":")
        axes.set(xscale="log", xlabel=f"{name}, off by %", ylim=(len(errors) - 0.5, -0.5))
        axes.set_xticks([0.01, 1, 100, 10_000], ["0.01", "1", "100", "10 000"])
        axes.minorticks_off()
    panels[0].set_yticks(range(len(weights_off)), list(weights_off))
    return figure


@styled
def valley(X: Tensor, y: Tensor, shortest: Tensor, direction: Tensor) -> Figure:
    """Draw a loss with a whole line of minimisers, as a surface and as contours.

    `X` has shape (rows, 2) and rank 1, `y` (rows,). Both of shape (2,) are `shortest`, the
    minimiser of smallest length, and `direction`, of length 1 along the line of minimisers.
    """
    figure = Figure(
        figsize=(7, 3.7),
        layout="none",
        alt="The loss of a singular problem is a valley with a flat floor: a whole line of "
        "minimisers. The one of minimum norm is where a circle about the origin touches it.",
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
    plane.contour(side, side, loss, levels=levels, cmap="cividis", linewidths=1.2)
    plane.plot(*floor, color=VERMILION, linestyle="-")
    plane.plot(*shortest, "*", color=BLACK, markersize=12)
    label = {**ON_WHITE, "xytext": (4, 9), "fontsize": 9, "fontweight": "bold"}
    plane.annotate("shortest, X⁺y", tuple(shortest.tolist()), **label)
    middle = (floor.mean(dim=1) + 3 * floor[:, 0]) / 4
    plane.annotate("minimisers", tuple(middle.tolist()), color=VERMILION, **label)
    plane.add_patch(Circle((0, 0), float(shortest.norm()), fill=False, linestyle=":"))
    plane.plot(*torch.stack([0 * shortest, shortest]).T, color=BLACK, linewidth=1)
    plane.plot(0, 0, "+", color=BLACK)  # the origin, from which lengths count
    plane.set(xlabel="w₁", ylabel="w₂", xlim=(-3, 5), ylim=(-3, 5), aspect="equal")
    return figure


_THROUGH_GRAM = ("inv", "solve", "cholesky")


@styled
def solver_errors(
    conditions: Sequence[float], errors: Mapping[tuple[torch.dtype, str], Tensor]
) -> Figure:
    """Draw error against condition number for each solver, beside the slopes of the theory.

    `errors` holds, for float32 and float64 and for each solver, the relative error at each of
    `conditions`, the κ of X, NaN where the solver raised. "inv", "solve" and "cholesky" form XᵀX.
    """
    slopes = _slopes(conditions, errors)
    figure = Figure(
        figsize=(7, 7.4),
        alt="Relative error against condition number κ on logarithmic axes, in float32 and "
        f"float64. Slopes in float64 up to κ = 10⁶, rounded: {slopes}.",
    )
    panels = figure.subplots(2, 1)
    headline(figure, "Forming XᵀX doubles the slope: twice as many digits are lost", x=0.01)
    for axes, dtype in zip(panels, (torch.float32, torch.float64), strict=True):
        # Half of `eps`, the distance from 1 to the next number: rounding goes to the nearer one.
        unit = torch.finfo(dtype).eps / 2
        _draw_theory(axes, conditions, unit)
        _draw_solvers(axes, conditions, {s: e for (kind, s), e in errors.items() if kind == dtype})
        axes.set(xscale="log", yscale="log", xlabel="condition number κ of X")
        axes.set(ylim=(unit / 50, 1e5), xlim=(0.7, conditions[-1] * 1.5))
        axes.set_ylabel("relative error of ŵ")
        title = f"{dtype}, rounding unit u = {unit:.1e}; dashed: theory".removeprefix("torch.")
        axes.set_title(title, fontweight="normal", fontsize=10)
    _add_a_legend_for_each_family(panels[1])
    return figure


def _slopes(conditions: Sequence[float], errors: Mapping[tuple[torch.dtype, str], Tensor]) -> str:
    """Return each solver's slope where float64 has digits left and the families differ."""
    ends = [k for k, condition in enumerate(conditions) if 10 <= condition <= 1e6]
    decades = math.log10(conditions[ends[-1]] / conditions[ends[0]])
    return ", ".join(
        f"{name} {float((values[ends[-1]] / values[ends[0]]).log10()) / decades:.0f}"
        for (dtype, name), values in errors.items()
        if dtype == torch.float64
    )


def _draw_theory(axes, conditions: Sequence[float], unit: float) -> None:
    """Draw u·κ and u·κ², and the zone above 1 where an error is as large as the answer."""
    axes.axhspan(1, 1e5, color="#eeeeee", zorder=0)
    words = {"color": GREY, "xycoords": "axes fraction", "va": "top", "fontsize": 9}
    axes.annotate("nothing of the answer is left", (0.01, 0.96), **words)
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
        axes.plot(conditions, values, f"-{MARKERS[place]}", label=name, **look)
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
        corner = {"loc": "upper left", "bbox_to_anchor": (left, 0.38)}
        legend = axes.legend(handles=family, title=title, alignment="left", **corner)
        axes.add_artist(legend)  # axes keep one legend alone: the next call would take it away


@styled
def closed_form_cost(sizes: Sequence[int], seconds: Sequence[float], rows: int) -> Figure:
    """Draw the seconds that the closed form took at each number of features, beside the count.

    `rows` is the number n of rows of every problem; the count is that of multiplications.
    """
    figure = Figure(
        figsize=(7, 3.4),
        alt=f"Measured time to solve over the number of features d, {sizes[0]} to {sizes[-1]}, at "
        f"{rows} rows, on logarithmic axes, beside the count nd² + d³/3.",
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
