"""The figures of notebook 02: each function takes data and returns a `Figure`."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import matplotlib.colors
import matplotlib.figure
import matplotlib.patches
import matplotlib.patheffects
import matplotlib.ticker
import torch
from mpl_toolkits.mplot3d import Axes3D
from mpl_toolkits.mplot3d.art3d import Poly3DCollection

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
from helpers.ols_and_ridge.least_squares import Hills


@styled
def line_and_bowl(X: torch.Tensor, y: torch.Tensor, weights: torch.Tensor) -> Figure:
    """Draw a fitted line with its residuals, and the loss over its two weights.

    Parameters
    ----------
    X : torch.Tensor
        Shape (rows, 2): a column of ones, then the size.
    y : torch.Tensor
        Shape (rows,): metres of fabric.
    weights : torch.Tensor
        Shape (2,): intercept and slope that fit best.
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
    loss = _loss_over_two_weights(X, y, intercept, slope)
    levels = [float((fitted - y).square().sum()) * grow for grow in (1.5, 3, 8, 20, 40)]
    contours = bowl.contour(intercept, slope, loss, levels=levels, colors=BLUE, linewidths=1.2)
    bowl.clabel(contours, levels[1:], fmt="%.1f", fontsize=8)
    bowl.plot(*weights, "*", color=VERMILION, markersize=13)
    bowl.annotate(
        "ŵ",
        weights.tolist(),
        xytext=(-16, 7),
        textcoords="offset points",
        bbox={"boxstyle": "round,pad=0.1", "color": "white"},
    )
    bowl.set(
        title="… is the bottom of a bowl",
        xlabel="intercept in m",
        ylabel="slope in m per size",
    )
    return figure


@styled
def projection(X: torch.Tensor, y: torch.Tensor, fitted: torch.Tensor) -> Figure:
    """Draw three targets as one point in space, and the plane that two columns span.

    Parameters
    ----------
    X : torch.Tensor
        Shape (3, 2).
    y, fitted : torch.Tensor
        Shape (3,): the target, and the point of the plane that is nearest to it.
    """
    figure = Figure(
        figsize=(7, 4.6),
        layout="none",
        alt="The two columns of X span a plane. The fit is the foot of the perpendicular from y: "
        "the residual stands at a right angle to the plane.",
    )
    axes: Axes3D = figure.add_axes((0.0, 0.06, 1.0, 0.98), projection="3d", computed_zorder=False)
    figure.suptitle(
        "The fit is the shadow of y on the plane of the columns",
        x=0.02,
        ha="left",
        fontsize=11,
        fontweight="bold",
    )
    first, second = X.T
    corners = [a * first + b * second for a, b in ((-0.95, -0.2), (2.0, -0.2), (2.0, 1.4))]
    corners.append(corners[0] + corners[2] - corners[1])
    sheet = Poly3DCollection([[corner.tolist() for corner in corners]], color=SKY, alpha=0.35)
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
    axes.xaxis.labelpad, axes.yaxis.labelpad, axes.zaxis.labelpad = -10, -3, -10
    for axis in (axes.xaxis, axes.yaxis, axes.zaxis):
        axis.pane.set_visible(False)
    axes.grid(False)
    limits = (axes.get_xlim(), axes.get_ylim(), axes.get_zlim())
    axes.set_box_aspect([high - low for low, high in limits], zoom=1.17)  # equal scales
    # The plane's normal is nearest to the second axis: with that one upright the plane lies flat.
    axes.view_init(elev=36, azim=20, vertical_axis="y")
    return figure


@styled
def silent_failure(
    weights_off: Mapping[str, torch.Tensor], predictions_off: Mapping[str, torch.Tensor]
) -> Figure:
    """Draw how far each solver is off over many collinear tables, in weights and in predictions.

    Parameters
    ----------
    weights_off, predictions_off : mapping of str to torch.Tensor
        For each solver one relative error for each table on which it did not raise.
    """

    def mostly_above(errors: Mapping[str, torch.Tensor], limit: float) -> str:
        return ", ".join(n for n, values in errors.items() if values.median() > limit) or "none"

    figure = Figure(
        figsize=(7, 3.0),
        alt="Errors on many collinear tables, on a logarithmic axis. Weights off by over 50 % on "
        f"most tables: {mostly_above(weights_off, 0.5)}. Prediction off by over 10 % on most: "
        f"{mostly_above(predictions_off, 0.1)}.",
    )
    figure.suptitle(
        "No error message, and yet: rubbish weights, and from inv rubbish predictions",
        x=0.01,
        ha="left",
        fontsize=11,
        fontweight="bold",
    )
    panels = figure.subplots(1, 2, sharey=True)
    for axes, errors, what in zip(
        panels, (weights_off, predictions_off), ("weights", "prediction for one coat"), strict=True
    ):
        for place, values in enumerate(errors.values()):
            # Spread out by multiples of the golden ratio, so that points do not hide each other.
            spread = [place + 0.56 * ((k * 0.618034) % 1) - 0.28 for k in range(len(values))]
            axes.plot(
                100 * values,
                spread,
                linestyle="none",
                marker=MARKERS[place],
                markersize=3.5,
                alpha=0.45,
                color=(VERMILION, ORANGE, BLUE)[place],
            )
        axes.axvline(100, color=GREY, linewidth=1, linestyle=":")
        axes.set(xscale="log", xlabel=f"{what}, off by %", ylim=(len(errors) - 0.5, -0.5))
        axes.set_xticks([0.01, 1, 100, 10_000], ["0.01", "1", "100", "10 000"])
        axes.minorticks_off()
    panels[0].set_yticks(range(len(weights_off)), list(weights_off))
    return figure


@styled
def valley(
    X: torch.Tensor, y: torch.Tensor, shortest: torch.Tensor, direction: torch.Tensor
) -> Figure:
    """Draw a loss with a whole line of minimisers, as a surface and as contours.

    Parameters
    ----------
    X : torch.Tensor
        Shape (rows, 2), of rank 1.
    y : torch.Tensor
        Shape (rows,).
    shortest : torch.Tensor
        Shape (2,): the minimiser of smallest length.
    direction : torch.Tensor
        Shape (2,): of length 1, along the line of minimisers.
    """
    figure = Figure(
        figsize=(7, 3.7),
        layout="none",
        alt="The loss of a singular problem is a valley with a flat floor: a whole line of "
        "minimisers. The one of minimum norm is where a circle about the origin touches it.",
    )
    figure.suptitle(
        "Not one lowest point but a line of them; one of them is the shortest",
        x=0.02,
        ha="left",
        fontsize=11,
        fontweight="bold",
    )
    surface: Axes3D = figure.add_axes(
        (0.0, 0.08, 0.48, 0.82), projection="3d", computed_zorder=False
    )
    plane = figure.add_axes((0.6, 0.14, 0.38, 0.72))
    side = X.new_tensor([k / 10 for k in range(-30, 51)])
    loss = _loss_over_two_weights(X, y, side, side)
    floor = shortest[:, None] + direction[:, None] * side.new_tensor([-4.4, 4.4])
    floor_loss = float((X @ shortest - y).square().sum())
    first = side.expand(len(side), len(side)).numpy()
    surface.plot_surface(first, first.T, loss.numpy(), cmap="cividis", alpha=0.8, linewidth=0)
    surface.plot(*floor.tolist(), [floor_loss] * 2, color=VERMILION)
    surface.plot(*shortest[:, None].tolist(), [floor_loss], "*", color=BLACK, markersize=11)
    surface.set(xlabel="w₁", ylabel="w₂", zlabel="loss")
    surface.zaxis.labelpad = 8
    surface.locator_params(nbins=5)
    surface.view_init(elev=42, azim=-72)

    levels = [floor_loss + rise for rise in (25, 100, 300, 700, 1500)]
    plane.contour(side, side, loss, levels=levels, cmap="cividis", linewidths=1.2)
    plane.plot(*floor, color=VERMILION, linestyle="-")
    plane.plot(*shortest, "*", color=BLACK, markersize=12)
    label: dict[str, Any] = {"textcoords": "offset points", "fontsize": 9, "fontweight": "bold"}
    label["bbox"] = {"boxstyle": "round,pad=0.1", "color": "white"}
    plane.annotate("shortest, X⁺y", tuple(shortest.tolist()), xytext=(4, 9), **label)
    middle = (floor.mean(dim=1) + 3 * floor[:, 0]) / 4
    plane.annotate("minimisers", tuple(middle.tolist()), xytext=(4, 9), color=VERMILION, **label)
    radius = float(shortest.norm())
    plane.add_patch(matplotlib.patches.Circle((0, 0), radius, fill=False, linestyle=":"))
    plane.plot([0, float(shortest[0])], [0, float(shortest[1])], color=BLACK, linewidth=1)
    plane.plot(0, 0, "+", color=BLACK)
    plane.set(xlabel="w₁", ylabel="w₂", xlim=(-3, 5), ylim=(-3, 5))
    plane.set_aspect("equal")
    return figure


@styled
def solver_errors(
    conditions: Sequence[float], errors: Mapping[tuple[str, str], torch.Tensor]
) -> Figure:
    """Draw error against condition number for each solver, beside the slopes of the theory.

    Parameters
    ----------
    conditions : sequence of float
        The condition numbers κ of X.
    errors : mapping of (str, str) to torch.Tensor
        For each dtype, ``"float32"`` or ``"float64"``, and each solver the relative errors, NaN
        where it raised. The solvers that form XᵀX are "inv", "solve" and "cholesky".
    """
    through_gram = ("inv", "solve", "cholesky")
    # Slopes where float64 has digits left and the families differ.
    ends = [k for k, condition in enumerate(conditions) if 10 <= condition <= 1e6]
    decades = math.log10(conditions[ends[-1]] / conditions[ends[0]])
    slopes = {
        name: float((values[ends[-1]] / values[ends[0]]).log10()) / decades
        for (dtype, name), values in errors.items()
        if dtype == "float64"
    }
    listed = ", ".join(f"{name} {slope:.0f}" for name, slope in slopes.items())
    figure = Figure(
        figsize=(7, 7.4),
        alt="Relative error against condition number κ on logarithmic axes, in float32 and "
        f"float64. Slopes in float64 up to κ = 10⁶, rounded: {listed}.",
    )
    panels = figure.subplots(2, 1)
    figure.suptitle(
        "Forming XᵀX doubles the slope: twice as many digits are lost",
        x=0.01,
        ha="left",
        fontsize=11,
        fontweight="bold",
    )
    units = {"float32": 2.0**-24, "float64": 2.0**-53}
    for axes, (dtype, unit) in zip(panels, units.items(), strict=True):
        axes.axhspan(1, 1e5, color="#eeeeee", zorder=0)
        axes.annotate(
            "nothing of the answer is left",
            (0.01, 0.96),
            xycoords="axes fraction",
            va="top",
            color=GREY,
            fontsize=9,
        )
        for power, name in ((1, "u·κ"), (2, "u·κ²")):
            theory = [unit * condition**power for condition in conditions]
            axes.plot(conditions, theory, color=GREY, linewidth=1, linestyle="--")
            at = unit ** (-0.62 / power)
            axes.annotate(
                name,
                (at, unit * at**power),
                xytext=(-5, 5),
                textcoords="offset points",
                ha="right",
                color=GREY,
            )
        solvers = [name for kind, name in errors if kind == dtype]
        for place, name in enumerate(solvers):
            values = errors[dtype, name]
            axes.plot(
                conditions,
                values,
                color=VERMILION if name in through_gram else BLUE,
                marker=MARKERS[place],
                markersize=4.5,
                markerfacecolor="white" if place % 3 else None,
                linewidth=1,
                linestyle="-",
                label=name,
            )
            if name == "cholesky" and values.isnan().any():
                last = int(values.isnan().nonzero()[0]) - 1
                axes.plot(
                    conditions[last],
                    values[last],
                    "x",
                    color=BLACK,
                    markersize=11,
                    markeredgewidth=2,
                    label="the last before it raises",
                )
        axes.set(
            xscale="log", yscale="log", ylim=(unit / 50, 1e5), xlim=(0.7, conditions[-1] * 1.5)
        )
        axes.set(xlabel="condition number κ of X", ylabel="relative error of ŵ")
        title = f"{dtype}, rounding unit u = {unit:.1e}; dashed: theory"
        axes.set_title(title, fontweight="normal", fontsize=10)
    handles, labels = panels[1].get_legend_handles_labels()
    order = sorted(range(len(labels)), key=lambda k: labels[k] in ("qr", "lstsq", "pinv"))
    for title, names, left in (("through XᵀX", order[:-3], 0.5), ("on X", order[-3:], 0.84)):
        panels[1].add_artist(
            panels[1].legend(
                [handles[k] for k in names],
                [labels[k] for k in names],
                title=title,
                alignment="left",
                loc="upper left",
                bbox_to_anchor=(left, 0.38),
            )
        )
    return figure


@styled
def eigenvalues_moved(eigenvalues: torch.Tensor, penalties: Sequence[float]) -> Figure:
    """Draw the eigenvalues of XᵀX on a line, and the same moved by each penalty.

    Parameters
    ----------
    eigenvalues : torch.Tensor
        Shape (features,): those of XᵀX.
    penalties : sequence of float
        The values of λ, one row each.
    """
    clear = [f"{p:g}" for p in penalties if float((eigenvalues + p).min()) > 1e-9]
    here = ", ".join(f"{value:g}" for value in eigenvalues.tolist())
    figure = Figure(
        figsize=(7, 0.95 + 0.55 * len(penalties)),
        alt=f"Each λ moves the eigenvalues of XᵀX, {here}, by λ along the line. Of the "
        f"{len(penalties)} drawn only λ = {' and '.join(clear) or 'none'} puts all above zero.",
    )
    axes = figure.subplots()
    axes.axvline(0, color=VERMILION, linestyle="-", linewidth=2.4)
    for place, penalty in enumerate(penalties):
        moved = eigenvalues + penalty
        axes.axhline(place, color="#d0d0d0", linewidth=1, linestyle="-", zorder=0)
        safe = bool((moved > 1e-9).all())
        axes.plot(
            moved,
            [place] * len(moved),
            linestyle="none",
            marker="o" if safe else "X",
            markersize=9,
            color=BLUE if safe else VERMILION,
        )
    names = [f"λ = {penalty:g}" for penalty in penalties]
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.grid(False)
    axes.set(
        title="λ > 0 moves every eigenvalue off zero, to the right",
        xlabel="eigenvalues of XᵀX + λI; on the upright line there is no inverse, left of it no "
        "minimum",
    )
    return figure


@styled
def three_objectives(
    X: torch.Tensor, y: torch.Tensor, penalty: float, found: torch.Tensor
) -> Figure:
    """Draw the squared error, the penalty and their sum over two weights.

    Parameters
    ----------
    X : torch.Tensor
        Shape (rows, 2).
    y : torch.Tensor
        Shape (rows,).
    penalty : float
        λ.
    found : torch.Tensor
        Shape (2,): where the sum is smallest.
    """
    figure = Figure(
        figsize=(7, 2.9),
        alt="Contours of three functions of two weights: the squared error is a valley, the "
        "penalty a round bowl, and their sum a bowl with one lowest point.",
    )
    side = X.new_tensor([k / 10 for k in range(-30, 51)])
    error = _loss_over_two_weights(X, y, side, side)
    size = penalty * (side[:, None] ** 2 + side[None, :] ** 2)
    parts = {
        "‖Xw − y‖², a valley": (error, (25, 100, 300, 700, 1500)),
        "+ λ‖w‖², a bowl": (size, (25, 100, 300, 700, 1500)),
        "= one lowest point": (error + size, (25, 100, 300, 700, 1500)),
    }
    for axes, (title, (values, rises)) in zip(
        figure.subplots(1, 3, sharey=True), parts.items(), strict=True
    ):
        levels = [float(values.min()) + rise for rise in rises]
        axes.contour(side, side, values, levels=levels, cmap="cividis", linewidths=1.2)
        axes.set_aspect("equal")
        axes.set(xlabel="w₁")
        axes.set_title(title, fontsize=10)
    axes.plot(*found, "*", color=VERMILION, markersize=12)
    axes.annotate(
        r"$\hat w_\lambda$",
        found.tolist(),
        xytext=(9, 7),
        textcoords="offset points",
        bbox={"boxstyle": "round,pad=0.1", "color": "white"},
    )
    figure.axes[0].set_ylabel("w₂")
    return figure


@styled
def towards_the_shortest(
    penalties: Sequence[float], distances: Mapping[str, Sequence[float]]
) -> Figure:
    """Draw how far ridge's weights are from the shortest minimiser as λ goes to zero.

    Parameters
    ----------
    penalties : sequence of float
        The values of λ.
    distances : mapping of str to sequence of float
        For each way of computing ridge the distance to X⁺y at each λ.
    """
    closest = min(distances, key=lambda name: min(distances[name]))
    falls = [values[0] / values[1] for values in distances.values()]
    figure = Figure(
        figsize=(7, 3.3),
        alt="Distance between ridge and the shortest minimiser over λ, on logarithmic axes. From "
        f"λ = {penalties[0]:g} to {penalties[1]:g} it falls {min(falls):.0f}-fold; the way that "
        f"comes closest in the end is {closest}.",
    )
    axes = figure.subplots()
    for (name, values), color, marker in zip(
        distances.items(), (VERMILION, BLUE), "^o", strict=True
    ):
        axes.plot(penalties, values, color=color, marker=marker, linestyle="-", label=name)
    axes.set(
        xscale="log",
        yscale="log",
        title="As λ → 0⁺, ridge tends to the shortest minimiser",
        xlabel="λ",
        ylabel=r"distance $\|\hat w_\lambda - X^+ y\|$",
    )
    axes.legend(loc="upper center")
    return figure


@styled
def shrinkage(
    penalties: Sequence[float], factors: torch.Tensor, singular_values: torch.Tensor
) -> Figure:
    """Draw what is left of each singular direction at each penalty.

    Parameters
    ----------
    penalties : sequence of float
        The values of λ.
    factors : torch.Tensor
        Shape (len(penalties), features): what multiplies the least-squares weights.
    singular_values : torch.Tensor
        Shape (features,): σ, the largest first.
    """
    middle = len(penalties) // 2
    figure = Figure(
        figsize=(7, 3.6),
        alt=f"The factor σ²/(σ²+λ) over λ for {len(singular_values)} directions, one half where "
        f"λ = σ². At λ = {penalties[middle]:.3g} it is {float(factors[middle, 0]):.2f} for the "
        f"strongest direction and {float(factors[middle, -1]):.2f} for the weakest.",
    )
    axes = figure.subplots()
    shades = matplotlib.colormaps["cividis"].resampled(len(singular_values) + 1)
    for place, singular_value in enumerate(singular_values.tolist()):
        color, marker = shades(place), MARKERS[place]
        axes.plot(penalties, factors[:, place], color=color, linestyle="-")
        label = f"σ = {singular_value:.2g}"
        axes.plot(singular_value**2, 0.5, marker, color=color, markersize=7, label=label)
    axes.legend(
        loc="lower left",
        title="marked at λ = σ²",
        alignment="left",
        frameon=True,
        framealpha=1,
        edgecolor="white",
    )
    axes.axhline(0.5, color=GREY, linewidth=0.8, linestyle=":")
    axes.set(
        xscale="log",
        title="Weak directions are given up first: half is left where λ = σ²",
        xlabel="λ",
        ylabel="factor σ² / (σ² + λ)",
    )
    return figure


@styled
def weight_paths(penalties: Sequence[float], weights: torch.Tensor, names: Sequence[str]) -> Figure:
    """Draw each weight over the penalty.

    Parameters
    ----------
    penalties : sequence of float
        The values of λ.
    weights : torch.Tensor
        Shape (len(penalties), features).
    names : sequence of str
        The features.
    """
    stops = "; ".join(
        f"at λ = {penalties[k]:.3g}: {weights[k, 0]:.2g} and {weights[k, 1]:.2g}"
        for k in (0, len(penalties) * 5 // 8, -1)
    )
    figure = Figure(
        figsize=(7, 3.8),
        alt=f"{len(names)} weights over λ. The first two, {names[0]} and {names[1]}, {stops}.",
    )
    axes = figure.subplots()
    axes.axhline(0, color=GREY, linewidth=0.8, linestyle="-")
    for place, name in enumerate(names):
        axes.plot(penalties, weights[:, place], label=name, markevery=4, marker=MARKERS[place])
    axes.set(
        xscale="log",
        title="λ makes two tapes agree that fought each other",
        xlabel="λ",
        ylabel="weight in m per standard deviation",
    )
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), handlelength=3)
    return figure


@styled
def hills_and_spots(
    land: Hills,
    fitted: tuple[torch.Tensor, torch.Tensor],
    held_out: tuple[torch.Tensor, torch.Tensor],
) -> Figure:
    """Draw a map of heights beside the spots that are fitted and those that are held out.

    Parameters
    ----------
    land : Hills
        The map.
    fitted, held_out : tuple of torch.Tensor
        Positions of shape (spots, 2), km east and north, and heights of shape (spots,), metres.
    """
    figure = Figure(
        figsize=(7, 4.1),
        alt=f"Left: a real piece of hilly land, {float(land.east.max()):.0f} by "
        f"{float(land.north.max()):.0f} km. Right: all that is known of it, the heights at "
        f"{len(fitted[1])} spots to fit and {len(held_out[1])} to hold out.",
    )
    whole, known = figure.subplots(1, 2, sharey=True)
    _draw_map(whole, land, land.height)
    whole.set_title("The land …")
    scale = {"cmap": "cividis", "vmin": land.height.min(), "vmax": land.height.max()}
    for (positions, heights), marker, size, name in (
        (fitted, "o", 26, "to fit"),
        (held_out, "X", 40, "held out"),
    ):
        dots = known.scatter(
            *positions.T,
            c=heights,
            marker=marker,
            s=size,
            edgecolors=BLACK,
            label=name,
            clip_on=False,
            **scale,
        )
    known.set(title="… and what is known of it", xlabel="km east", aspect="equal")
    known.set(xlim=whole.get_xlim(), ylim=whole.get_ylim())
    figure.colorbar(dots, ax=known, label="height in m", shrink=0.8)
    figure.legend(*known.get_legend_handles_labels(), loc="outside lower right", ncols=2)
    return figure


@styled
def map_at_penalty(
    land: Hills,
    drawn: torch.Tensor,
    penalty: float,
    penalties: Sequence[float],
    errors: Sequence[torch.Tensor],
) -> Figure:
    """Draw the map that one penalty gives, beside where it stands on the error curves.

    Parameters
    ----------
    land : Hills
        The map's frame.
    drawn : torch.Tensor
        Heights in metres, of the shape of `land.height`.
    penalty : float
        The λ that drew it.
    penalties : sequence of float
        The λ of the curves.
    errors : sequence of torch.Tensor
        Two of shape (len(penalties),): errors in metres on the spots fitted and held out.
    """
    off = float((drawn - land.height).square().mean().sqrt())
    figure = Figure(
        figsize=(7, 3.3),
        layout="none",
        alt=f"the map drawn is off by {off:.0f} m from the real heights.",
    )
    axes = figure.add_axes((0.1, 0.15, 0.36, 0.74), anchor="W")
    _draw_map(axes, land, drawn)
    axes.set_title(f"λ = {penalty:.3g}: off by {off:.0f} m")
    curves = figure.add_axes((0.52, 0.15, 0.46, 0.74))
    _draw_error_curves(curves, penalties, errors)
    curves.axvline(penalty, color=BLACK, linewidth=1.2, linestyle=":")
    for values in errors:
        curves.plot(penalty, values[list(penalties).index(penalty)], "o", color=BLACK)
    curves.legend(loc="lower right", frameon=True, framealpha=1, edgecolor="white")
    curves.set_title("Errors over λ, and this one")
    return figure


@styled
def error_curves(
    penalties: Sequence[float], errors: Sequence[torch.Tensor], left_out: Sequence[float]
) -> Figure:
    """Draw training, validation and leave-one-out error over the penalty.

    Parameters
    ----------
    penalties : sequence of float
        The values of λ.
    errors : sequence of torch.Tensor
        Two of shape (len(penalties),): errors in metres on the spots fitted and held out.
    left_out : sequence of float
        Leave-one-out error in metres at each λ.
    """
    curves = {
        "training": (errors[0].tolist(), BLUE),
        "held-out": (errors[1].tolist(), VERMILION),
        "leave-one-out": (list(left_out), GREEN),
    }
    lowest = {
        name: min(range(len(values)), key=values.__getitem__)
        for name, (values, _) in curves.items()
    }
    where = ", ".join(f"{name} λ = {penalties[place]:.3g}" for name, place in lowest.items())
    figure = Figure(
        figsize=(7, 3.8),
        alt=f"Training, held-out and leave-one-out error over λ from {penalties[0]:.3g} to "
        f"{penalties[-1]:.3g}. Where each is smallest: {where}.",
    )
    axes = figure.subplots()
    _draw_error_curves(axes, penalties, errors)
    axes.plot(penalties, left_out, color=GREEN, linestyle="-.", label="leave-one-out")
    for name in ("held-out", "leave-one-out"):
        values, color = curves[name]
        axes.plot(penalties[lowest[name]], values[lowest[name]], "o", color=color, markersize=8)
    axes.legend(loc="lower right")
    axes.set_title("Training error only rises with λ; on new spots there is a best λ")
    return figure


@styled
def closed_form_cost(sizes: Sequence[int], seconds: Sequence[float], rows: int) -> Figure:
    """Draw how long the closed form takes, beside the number of multiplications.

    Parameters
    ----------
    sizes : sequence of int
        The numbers of features d.
    seconds : sequence of float
        How long each took on this machine.
    rows : int
        The number of rows n.
    """
    figure = Figure(
        figsize=(7, 3.4),
        alt=f"Measured time to solve over the number of features d, {sizes[0]} to {sizes[-1]}, at "
        f"{rows} rows, on logarithmic axes, beside the count nd² + d³/3.",
    )
    axes = figure.subplots()
    count = [rows * d**2 + d**3 / 3 for d in sizes]
    scale = seconds[-1] / count[-1]
    axes.plot(sizes, [scale * c for c in count], color=GREY, linestyle="--")
    axes.plot(sizes, seconds, color=BLUE, marker="o", linestyle="-")
    middle = len(sizes) // 2
    for name, height, color, offset, side in (
        ("measured", seconds[middle], BLUE, (8, -14), "left"),
        ("nd² + d³/3, scaled", scale * count[middle], GREY, (-8, 8), "right"),
    ):
        axes.annotate(
            name,
            (sizes[middle], height),
            xytext=offset,
            textcoords="offset points",
            color=color,
            ha=side,
        )
    axes.set_xscale("log", base=2)
    axes.set(
        yscale="log",
        title=f"The closed form's price climbs steeply with d (n = {rows})",
        xlabel="number of features d",
        ylabel="seconds, this machine",
    )
    return figure


@styled
def smoothed_profile(
    distance: torch.Tensor, measured: torch.Tensor, smooth: torch.Tensor | None
) -> Figure:
    """Draw noisy heights along a line, and the curve that smooths them if there is one.

    Parameters
    ----------
    distance, measured : torch.Tensor
        Shape (points,): km along the line, and heights in metres.
    smooth : torch.Tensor or None
        Shape (points,): the smoothed heights.
    """
    figure = Figure(
        figsize=(7, 3.2),
        alt="Noisy heights along a line through the hills"
        + (
            ", waiting for your smooth curve."
            if smooth is None
            else ", and the curve you computed."
        ),
    )
    axes = figure.subplots()
    axes.plot(distance, measured, "o", color=GREY, markersize=4, label="measured")
    if smooth is not None:
        axes.plot(distance, smooth, color=BLUE, linestyle="-", label="yours")
        axes.legend(loc="upper right")
    axes.set(
        title="Your curve" if smooth is not None else "Draw the curve behind these heights",
        xlabel="km east",
        ylabel="height in m",
    )
    return figure


def _loss_over_two_weights(
    X: torch.Tensor, y: torch.Tensor, first: torch.Tensor, second: torch.Tensor
) -> torch.Tensor:
    """Return ‖Xw − y‖² with one row for each second weight and one column for each first."""
    predictions = first[None, :, None] * X[:, 0] + second[:, None, None] * X[:, 1]
    return (predictions - y).square().sum(dim=2)


def _draw_map(axes, land: Hills, height: torch.Tensor) -> None:
    """Draw heights in colour, between the same limits on every map of the same land."""
    axes.imshow(
        height.numpy(),
        cmap="cividis",
        vmin=float(land.height.min()),
        vmax=float(land.height.max()),
        extent=(0, float(land.east.max()), 0, float(land.north.max())),
    )
    axes.grid(False)
    axes.set(xlabel="km east", ylabel="km north", xticks=(0, 5, 10), yticks=(0, 5, 10, 15))


def _draw_error_curves(axes, penalties: Sequence[float], errors: Sequence[torch.Tensor]) -> None:
    axes.plot(penalties, errors[0], color=BLUE, linestyle="-", label="training")
    axes.plot(penalties, errors[1], color=VERMILION, linestyle="--", label="held out")
    axes.set(xscale="log", yscale="log", xlabel="λ", ylabel="error in m")
    axes.set_yticks([30, 50, 100, 200, 300], ["30", "50", "100", "200", "300"])
    # Plain text, where matplotlib would typeset mathematics: a slider draws this on every move.
    powers = range(round(math.log10(min(penalties))), round(math.log10(max(penalties))) + 1, 2)
    raised = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
    axes.set_xticks([10.0**p for p in powers], [f"10{str(p).translate(raised)}" for p in powers])
    axes.minorticks_off()
