"""The figures of what a penalty does: to eigenvalues, to weights, and to a map of hills.

Throughout, `penalties` are the values of λ, and `errors` two tensors of shape (len(penalties),):
errors in metres on the spots that are fitted and on those held out, at each λ.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
from torch import Tensor

from helpers.common.picture import BLACK, BLUE, GREEN, GREY, MARKERS, VERMILION, Figure, styled
from helpers.ols_and_ridge.figures import ON_WHITE, loss_over_two_weights
from helpers.ols_and_ridge.least_squares import Hills

# A legend that lines run behind.
_ON_LINES: dict[str, Any] = {"frameon": True, "framealpha": 1, "edgecolor": "white"}


@styled
def eigenvalues_moved(eigenvalues: Tensor, penalties: Sequence[float]) -> Figure:
    """Draw the eigenvalues of XᵀX, shape (features,), on a line, and moved by each penalty."""
    # A little above zero: by rounding an eigenvalue may miss the zero that it is on paper.
    clear = [f"{p:g}" for p in penalties if float((eigenvalues + p).min()) > 1e-9]
    here = ", ".join(f"{value:g}" for value in eigenvalues)
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
        marker, color = ("o", BLUE) if (moved > 1e-9).all() else ("X", VERMILION)
        axes.plot(moved, [place] * len(moved), marker, linestyle="none", markersize=9, color=color)
    axes.set_yticks(range(len(penalties)), [f"λ = {penalty:g}" for penalty in penalties])
    axes.set_ylim(len(penalties) - 0.5, -0.5)  # the first on top
    axes.grid(False)
    axes.set_title("λ > 0 moves every eigenvalue off zero, to the right")
    where = "on the upright line there is no inverse, left of it no minimum"
    axes.set_xlabel(f"eigenvalues of XᵀX + λI; {where}")
    return figure


@styled
def three_objectives(X: Tensor, y: Tensor, penalty: float, found: Tensor) -> Figure:
    """Draw the squared error, the penalty λ‖w‖² and their sum over two weights.

    `X` has shape (rows, 2), `y` (rows,), and `found` (2,), where the sum is smallest.
    """
    figure = Figure(
        figsize=(7, 2.9),
        alt="Contours of three functions of two weights: the squared error is a valley, the "
        "penalty a round bowl, and their sum a bowl with one lowest point.",
    )
    side = X.new_tensor([k / 10 for k in range(-30, 51)])
    error = loss_over_two_weights(X, y, side, side)
    size = penalty * (side[:, None] ** 2 + side**2)
    parts = {"‖Xw − y‖², a valley": error, "+ λ‖w‖², a bowl": size}
    parts["= one lowest point"] = error + size
    panels = figure.subplots(1, 3, sharey=True)
    for axes, (title, values) in zip(panels, parts.items(), strict=True):
        # As high above the lowest point in each panel, so that the slopes can be compared.
        levels = [float(values.min()) + rise for rise in (25, 100, 300, 700, 1500)]
        axes.contour(side, side, values, levels=levels, cmap="cividis", linewidths=1.2)
        axes.set(xlabel="w₁", aspect="equal")
        axes.set_title(title, fontsize=10)
    axes.plot(*found, "*", color=VERMILION, markersize=12)
    axes.annotate(r"$\hat w_\lambda$", found.tolist(), xytext=(9, 7), **ON_WHITE)
    panels[0].set_ylabel("w₂")
    return figure


@styled
def towards_the_shortest(
    penalties: Sequence[float], distances: Mapping[str, Sequence[float]]
) -> Figure:
    """Draw how far ridge's weights are from the shortest minimiser as λ goes to zero.

    `distances` holds for each of two ways of computing ridge the distance to X⁺y at each λ.
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
    looks = (("^-", VERMILION), ("o-", BLUE))
    for (name, values), (look, color) in zip(distances.items(), looks, strict=True):
        axes.plot(penalties, values, look, color=color, label=name)
    axes.set(xscale="log", yscale="log", xlabel="λ")
    axes.set_ylabel(r"distance $\|\hat w_\lambda - X^+ y\|$")
    axes.set_title("As λ → 0⁺, ridge tends to the shortest minimiser")
    axes.legend(loc="upper center")
    return figure


@styled
def shrinkage(penalties: Sequence[float], factors: Tensor, singular_values: Tensor) -> Figure:
    """Draw what is left of each singular direction at each penalty.

    `factors`, shape (len(penalties), features), is what multiplies the least-squares weights, and
    `singular_values`, (features,), holds σ, the largest first.
    """
    middle = len(penalties) // 2
    figure = Figure(
        figsize=(7, 3.6),
        alt=f"The factor σ²/(σ²+λ) over λ for {len(singular_values)} directions, one half where "
        f"λ = σ². At λ = {penalties[middle]:.3g} it is {float(factors[middle, 0]):.2f} for the "
        f"strongest direction and {float(factors[middle, -1]):.2f} for the weakest.",
    )
    axes = figure.subplots()
    # One shade more than there are directions: the lightest would not show on white.
    shades = matplotlib.colormaps["cividis"].resampled(len(singular_values) + 1)
    for place, sigma in enumerate(singular_values.tolist()):
        color = shades(place)
        axes.plot(penalties, factors[:, place], color=color, linestyle="-")
        axes.plot(sigma**2, 0.5, MARKERS[place], color=color, ms=7, label=f"σ = {sigma:.2g}")
    axes.legend(loc="lower left", title="marked at λ = σ²", alignment="left", **_ON_LINES)
    axes.axhline(0.5, color=GREY, linewidth=0.8, linestyle=":")
    axes.set(xscale="log", xlabel="λ", ylabel="factor σ² / (σ² + λ)")
    axes.set_title("Weak directions are given up first: half is left where λ = σ²")
    return figure


@styled
def weight_paths(penalties: Sequence[float], weights: Tensor, names: Sequence[str]) -> Figure:
    """Draw each weight, of shape (len(penalties), features) together, over the penalty."""
    stops = "; ".join(
        f"at λ = {penalties[k]:.3g}: {weights[k, 0]:.2g} and {weights[k, 1]:.2g}"
        for k in (0, len(penalties) * 5 // 8, -1)  # the ends, and where the two have met
    )
    figure = Figure(
        figsize=(7, 3.8),
        alt=f"{len(names)} weights over λ. The first two, {names[0]} and {names[1]}, {stops}.",
    )
    axes = figure.subplots()
    axes.axhline(0, color=GREY, linewidth=0.8, linestyle="-")
    for place, name in enumerate(names):
        axes.plot(penalties, weights[:, place], label=name, markevery=4, marker=MARKERS[place])
    axes.set(xscale="log", xlabel="λ", ylabel="weight in m per standard deviation")
    axes.set_title("λ makes two tapes agree that fought each other")
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), handlelength=3)  # beside the axes
    return figure


@styled
def hills_and_spots(land: Hills, spots: Tensor, heights: Tensor, to_fit: int) -> Figure:
    """Draw a map of heights beside the first spots, which are to fit, and the rest, held out.

    `spots` has shape (spots, 2), km east and north, and `heights` (spots,), metres.
    """
    figure = Figure(
        figsize=(7, 4.1),
        alt=f"Left: a real piece of hilly land, {float(land.east.max()):.0f} by "
        f"{float(land.north.max()):.0f} km. Right: all that is known of it, the heights at "
        f"{to_fit} spots to fit and {len(spots) - to_fit} to hold out.",
    )
    whole, known = figure.subplots(1, 2, sharey=True)
    _draw_map(whole, land, land.height)
    whole.set_title("The land …")
    look = {"edgecolors": BLACK, "clip_on": False, **_shades_of(land)}  # some lie on the edge
    for part, marker, size, name in (
        (slice(to_fit), "o", 26, "to fit"),
        (slice(to_fit, None), "X", 40, "held out"),
    ):
        kind = {"marker": marker, "s": size, "label": name, **look}
        dots = known.scatter(*spots[part].T, c=heights[part], **kind)
    known.set(title="… and what is known of it", xlabel="km east", aspect="equal")
    known.set(xlim=whole.get_xlim(), ylim=whole.get_ylim())
    figure.colorbar(dots, ax=known, label="height in m", shrink=0.8)
    figure.legend(*known.get_legend_handles_labels(), loc="outside lower right", ncols=2)
    return figure


@styled
def map_at_penalty(
    land: Hills, drawn: Tensor, penalty: float, penalties: Sequence[float], errors: Sequence[Tensor]
) -> Figure:
    """Draw the map that one penalty gives, beside where it stands on the error curves.

    `drawn` holds heights in metres, of the shape of `land.height`, which are the real ones.
    """
    off = float((drawn - land.height).square().mean().sqrt())
    alt = f"the map drawn is off by {off:.0f} m from the real heights."
    figure = Figure(figsize=(7, 3.3), layout="none", alt=alt)
    axes = figure.add_axes((0.1, 0.15, 0.36, 0.74), anchor="W")
    _draw_map(axes, land, drawn)
    axes.set_title(f"λ = {penalty:.3g}: off by {off:.0f} m")
    curves = figure.add_axes((0.52, 0.15, 0.46, 0.74))
    _draw_error_curves(curves, penalties, errors)
    curves.axvline(penalty, color=BLACK, linewidth=1.2, linestyle=":")
    for values in errors:
        curves.plot(penalty, values[list(penalties).index(penalty)], "o", color=BLACK)
    curves.legend(loc="lower right", **_ON_LINES)
    curves.set_title("Errors over λ, and this one")
    return figure


@styled
def error_curves(
    penalties: Sequence[float], errors: Sequence[Tensor], left_out: Sequence[float]
) -> Figure:
    """Draw training, validation and leave-one-out error over the penalty.

    `left_out` is the last of them: one error for each λ, in metres.
    """
    curves = {"training": errors[0], "held-out": errors[1], "leave-one-out": left_out}
    lowest = {name: min(zip(values, penalties, strict=True)) for name, values in curves.items()}
    where = ", ".join(f"{name} λ = {penalty:.3g}" for name, (_, penalty) in lowest.items())
    figure = Figure(
        figsize=(7, 3.8),
        alt=f"Training, held-out and leave-one-out error over λ from {penalties[0]:.3g} to "
        f"{penalties[-1]:.3g}. Where each is smallest: {where}.",
    )
    axes = figure.subplots()
    _draw_error_curves(axes, penalties, errors)
    axes.plot(penalties, left_out, color=GREEN, linestyle="-.", label="leave-one-out")
    for name, color in (("held-out", VERMILION), ("leave-one-out", GREEN)):
        axes.plot(*lowest[name][::-1], "o", color=color, markersize=8)
    axes.legend(loc="lower right")
    axes.set_title("Training error only rises with λ; on new spots there is a best λ")
    return figure


@styled
def smoothed_profile(distance: Tensor, measured: Tensor, smooth: object) -> Figure:
    """Draw noisy heights along a line, and the curve that smooths them if there is one.

    `distance` (km) and `measured` (metres) have shape (points,). So has `smooth`, in metres, if the
    reader's code gave a curve; whatever else it gave is not drawn.
    """
    curve = smooth if isinstance(smooth, Tensor) and smooth.shape == measured.shape else None
    what = "waiting for your smooth curve" if curve is None else "and the curve you computed"
    figure = Figure(figsize=(7, 3.2), alt=f"Noisy heights along a line through the hills, {what}.")
    axes = figure.subplots()
    axes.plot(distance, measured, "o", color=GREY, markersize=4, label="measured")
    if curve is not None:
        axes.plot(distance, curve, color=BLUE, linestyle="-", label="yours")
        axes.legend(loc="upper right")
    axes.set(xlabel="km east", ylabel="height in m")
    axes.set_title("Draw the curve behind these heights" if curve is None else "Your curve")
    return figure


def _shades_of(land: Hills) -> dict:
    """Return how heights become colours: between the same limits on every map of one land."""
    return {"cmap": "cividis", "vmin": float(land.height.min()), "vmax": float(land.height.max())}


def _draw_map(axes, land: Hills, height: Tensor) -> None:
    extent = (0, float(land.east.max()), 0, float(land.north.max()))
    axes.imshow(height.numpy(), extent=extent, **_shades_of(land))
    axes.grid(False)
    axes.set(xlabel="km east", ylabel="km north", xticks=(0, 5, 10), yticks=(0, 5, 10, 15))


def _draw_error_curves(axes, penalties: Sequence[float], errors: Sequence[Tensor]) -> None:
    axes.plot(penalties, errors[0], color=BLUE, linestyle="-", label="training")
    axes.plot(penalties, errors[1], color=VERMILION, linestyle="--", label="held out")
    axes.set(xscale="log", yscale="log", xlabel="λ", ylabel="error in m")
    axes.set_yticks([30, 50, 100, 200, 300], ["30", "50", "100", "200", "300"])
    # Plain text, where matplotlib would typeset mathematics: a slider draws this on every move.
    powers = range(round(math.log10(min(penalties))), round(math.log10(max(penalties))) + 1, 2)
    raised = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
    axes.set_xticks([10.0**p for p in powers], [f"10{str(p).translate(raised)}" for p in powers])
    axes.minorticks_off()
