"""The figures of what a penalty does: to eigenvalues, to weights, and to a map of hills.

Throughout, `penalties` are the values of λ, and `errors` two tensors of shape (len(penalties),):
errors in metres on the spots that are fitted and on those held out, at each λ.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import torch
from torch import Tensor

from helpers.common import require
from helpers.common.picture import BLACK, BLUE, GREEN, GREY, MARKERS, VERMILION, Figure, styled
from helpers.common.sentences import listed, say
from helpers.ols_and_ridge.figures import ON_WHITE, headline, loss_over_two_weights
from helpers.ols_and_ridge.least_squares import Hills

# A legend that lines run behind.
_ON_LINES: dict[str, Any] = {"frameon": True, "framealpha": 1, "edgecolor": "white"}


@styled
def eigenvalues_moved(eigenvalues: Tensor, penalties: Sequence[float]) -> Figure:
    """Draw the eigenvalues of XᵀX, shape (features,), on a line, and moved by each penalty."""
    # A little above zero: by rounding an eigenvalue may miss the zero that it is on paper.
    clear = [f"{p:g}" for p in penalties if float((eigenvalues + p).min()) > 1e-9]
    here, count = ", ".join(f"{value:g}" for value in eigenvalues), len(penalties)
    moves = say("Each λ moves the eigenvalues of XᵀX, {here}, by λ along the line.", here=here)
    found = say("Of the {count} drawn, all lie above zero for λ = none only.", count=count)
    if clear:
        found = say(
            "Of the {count} drawn, all lie above zero for λ = {penalties} only.",
            count=count,
            penalties=listed(clear),
        )
    figure = Figure(figsize=(7, 1.15 + 0.5 * count), alt=f"{moves} {found}")
    axes = figure.subplots()
    axes.axvline(0, color=VERMILION, linestyle="-", linewidth=2.4)
    for place, penalty in enumerate(penalties):
        moved = eigenvalues + penalty
        axes.axhline(place, color="#d0d0d0", linewidth=1, linestyle="-", zorder=0)
        marker, color = ("o", BLUE) if (moved > 1e-9).all() else ("X", VERMILION)
        axes.plot(moved, [place] * len(moved), marker, linestyle="none", markersize=9, color=color)
    for marker, color, name in (
        ("o", BLUE, "all above zero: one lowest point"),
        ("X", VERMILION, "not all: no inverse, or a saddle"),
    ):
        axes.plot([], [], marker, linestyle="none", markersize=9, color=color, label=name)
    figure.legend(loc="outside upper right", ncols=2)
    names = [f"λ = {penalty:g}".replace("-", "−") for penalty in penalties]
    axes.set_yticks(range(len(penalties)), names)
    axes.set_ylim(len(penalties) - 0.5, -0.5)  # the first on top
    axes.grid(False)
    axes.set_title("λ > 0 moves every eigenvalue off zero, to the right")
    axes.set_xlabel("eigenvalues of XᵀX + λI")
    return figure


@styled
def three_objectives(X: Tensor, y: Tensor, penalty: float, found: Tensor) -> Figure:
    """Draw the squared error, the penalty λ‖w‖² and their sum over two weights.

    `X` has shape (rows, 2), `y` (rows,), and `found` (2,), where the sum is smallest.
    """
    figure = Figure(
        figsize=(7, 3.1),
        alt=say(
            "Contours of three functions of two weights: the squared error is a valley, the "
            "penalty a round bowl, and their sum a bowl with one lowest point."
        ),
    )
    side = X.new_tensor([k / 10 for k in range(-30, 51)])
    error = loss_over_two_weights(X, y, side, side)
    size = penalty * (side[:, None] ** 2 + side**2)
    parts = {"‖Xw − y‖², a valley": error, f"+ λ‖w‖², λ = {penalty:g}, a bowl": size}
    parts["= their sum, a bowl"] = error + size
    headline(figure, "A valley plus a round bowl is a bowl with one lowest point", x=0.02)
    panels = figure.subplots(1, 3, sharey=True)
    for axes, (title, values) in zip(panels, parts.items(), strict=True):
        # As high above the lowest point in each panel, so that the slopes can be compared.
        levels = [float(values.min()) + rise for rise in (25, 100, 300, 700, 1500)]
        axes.contour(side, side, values, levels=levels, colors=BLUE, linewidths=1)
        axes.set(xlabel="w₁", aspect="equal")
        axes.set_title(title, fontsize=10, fontweight="normal")
    # The floor of the valley: where both columns together give what the shortest weights give.
    shortest = torch.linalg.pinv(X) @ y
    floor = (side[:, None] - shortest[0]) * shortest.new_tensor([1, -shortest[0] / shortest[1]])
    panels[0].plot(*(shortest + floor).T, color=VERMILION, linestyle="-")
    panels[0].set(xlim=(-3, 5), ylim=(-3, 5))
    label = {"color": VERMILION, "fontsize": 9, "fontweight": "bold", **ON_WHITE}
    panels[0].annotate("all lowest", (-2.4, 3.4), xytext=(0, 7), **label)
    panels[1].plot(0, 0, "*", color=VERMILION, markersize=12)
    panels[1].annotate("lowest", (0, 0), xytext=(0, 7), **{**label, "ha": "center"})
    panels[1].set_xlabel("w₁ (blue: equal height)")
    axes.plot(*found, "*", color=VERMILION, markersize=12)
    axes.annotate(r"$\hat w_\lambda$", found.tolist(), xytext=(9, 7), **ON_WHITE)
    panels[0].set_ylabel("w₂")
    return figure


@styled
def towards_the_shortest(
    penalties: Sequence[float], distances: Mapping[str, Mapping[str, Sequence[float]]]
) -> Figure:
    """Draw how far ridge's weights are from the shortest minimiser as λ goes to zero.

    `distances` holds for each kind of targets, and each of two ways of computing ridge, the
    distance to X⁺y at each λ.
    """

    def within_a_millionth(kind: str) -> str:
        there = [name for name, values in distances[kind].items() if values[-1] < 1e-6]
        return f"{kind}, {listed(there)}" if there else say("{kind}, none", kind=kind)

    falls = [values[0] / values[1] for ways in distances.values() for values in ways.values()]
    figure = Figure(
        figsize=(7, 3.5),
        alt=say(
            "Distance between ridge and the shortest minimiser over λ, on logarithmic axes. From "
            "λ = {first:g} to {second:g} it falls {fold:.0f}-fold. Within a millionth at the "
            "smallest λ: {there}.",
            first=penalties[0],
            second=penalties[1],
            fold=min(falls),
            there=say("; ").join(map(within_a_millionth, distances)),
        ),
    )
    headline(
        figure, "As λ → 0⁺, ridge tends to the shortest minimiser, until rounding rules", x=0.01
    )
    panels = figure.subplots(1, len(distances), sharey=True)
    looks = (("^-", VERMILION), ("o-", BLUE))
    for axes, (kind, ways) in zip(panels, distances.items(), strict=True):
        for (name, values), (look, color) in zip(ways.items(), looks, strict=True):
            axes.plot(penalties, values, look, color=color, label=name)
        axes.set(xscale="log", yscale="log", xlabel="λ")
        axes.set_title(kind, fontsize=10, fontweight="normal")
    panels[0].set_ylabel(r"distance $\|\hat w_\lambda - X^+ y\|$")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
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
        alt=say(
            "The factor σ²/(σ²+λ) over λ for {count} directions, one half where λ = σ². At "
            "λ = {penalty:.3g} it is {strongest:.2f} for the strongest direction and "
            "{weakest:.2f} for the weakest.",
            count=len(singular_values),
            penalty=penalties[middle],
            strongest=factors[middle, 0],
            weakest=factors[middle, -1],
        ),
    )
    axes = figure.subplots()
    # One shade more than there are directions: the lightest would not show on white.
    shades = matplotlib.colormaps["cividis"].resampled(len(singular_values) + 1)
    for place, sigma in enumerate(singular_values.tolist()):
        color = shades(place)
        axes.plot(penalties, factors[:, place], color=color, linestyle="-")
        mark = MARKERS[place % len(MARKERS)]
        axes.plot(sigma**2, 0.5, mark, color=color, ms=7, label=f"σ = {sigma:.2g}")
    axes.legend(loc="lower left", title="marked at λ = σ²", alignment="left", **_ON_LINES)
    axes.axhline(0.5, color=GREY, linewidth=0.8, linestyle=":")
    axes.set(xscale="log", xlabel="λ", ylabel="factor σ² / (σ² + λ)")
    axes.set_title("Weak directions are suppressed first: half is left where λ = σ²")
    return figure


@styled
def weight_paths(penalties: Sequence[float], weights: Tensor, names: Sequence[str]) -> Figure:
    """Draw each weight, of shape (len(penalties), features) together, over the penalty.

    At least two features. The title and the unit are those of the tapes of notebook 02.
    """
    require.items("names", names, fewest=2)

    def at(k: int) -> str:
        first, second = weights[k, :2]
        here = {"penalty": penalties[k], "first": first, "second": second}
        return say("at λ = {penalty:.3g}: {first:.2g} and {second:.2g}", **here)

    stops = (0, len(penalties) * 5 // 8, -1)  # the ends, and where the two have met
    figure = Figure(
        figsize=(7, 3.8),
        alt=say(
            "{count} weights over λ. The first two, {first} and {second}, {stops}.",
            count=len(names),
            first=names[0],
            second=names[1],
            stops=say("; ").join(map(at, stops)),
        ),
    )
    axes = figure.subplots()
    axes.axhline(0, color=GREY, linewidth=0.8, linestyle="-")
    for place, name in enumerate(names):
        mark = MARKERS[place % len(MARKERS)]
        axes.plot(penalties, weights[:, place], label=name, markevery=4, marker=mark)
    axes.set(xscale="log", xlabel="λ", ylabel="weight in m per standard deviation")
    axes.set_title("As λ grows, two tapes that fought each other agree")
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), handlelength=3)  # beside the axes
    return figure


@styled
def luck_of_two_weights(fits: Tensor, truth: Tensor, names: Sequence[str]) -> Figure:
    """Draw the first two weights of many fits, shape (fits, features), beside the true ones."""
    first, second = fits[:, 0], fits[:, 1]
    difference, total = float((first - second).std()), float((first + second).std())
    figure = Figure(
        figsize=(7, 3.4),
        alt=say(
            "The weights of {first} and {second} in {count} fits to new noise, a thin cloud. Their "
            "difference spreads by {difference:.2g}, their sum by {total:.2g}.",
            first=names[0],
            second=names[1],
            count=len(fits),
            difference=difference,
            total=total,
        ),
    )
    axes = figure.subplots()
    axes.plot(first, second, ".", color=BLUE, markersize=3, alpha=0.5, label="one fit each")
    axes.plot(*truth[:2], "*", color=VERMILION, markersize=14, label="the truth")
    axes.set(xlabel=f"weight of {names[0]}", ylabel=f"weight of {names[1]}", aspect="equal")
    headline(figure, "The sum of the two weights is sure, their difference is luck", x=0.02)
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


@styled
def bias_and_variance(
    penalties: Sequence[float], bias: Sequence[float], spread: Sequence[float], unpenalised: float
) -> Figure:
    """Draw bias, spread and both together over λ; `unpenalised` is the last without a penalty.

    Each is a length, of the mean error and of what scatters about it.
    """
    off = [math.hypot(*both) for both in zip(bias, spread, strict=True)]
    best = off.index(min(off))
    figure = Figure(
        figsize=(7, 3.6),
        alt=say(
            "Distance from the true weights over λ. Without a penalty {unpenalised:.2g}; smallest "
            "at λ = {penalty:.2g}: {off:.2g}, of which the bias is {bias:.2g}.",
            unpenalised=unpenalised,
            penalty=penalties[best],
            off=off[best],
            bias=bias[best],
        ),
    )
    axes = figure.subplots()
    for values, name, look, color in (
        (bias, "bias: how far off on average", "--", VERMILION),
        (spread, "spread, the root of the variance", "-.", BLUE),
        (off, "both: typical distance from the truth", "-", BLACK),
    ):
        axes.plot(penalties, values, color=color, linestyle=look, label=name)
    axes.plot(penalties[best], off[best], "o", color=BLACK, markersize=8)
    beside: dict[str, Any] = {"xytext": (0, 5), "textcoords": "offset points", "fontsize": 9}
    axes.annotate("smallest", (penalties[best], off[best]), ha="center", **beside)
    axes.axhline(unpenalised, color=GREY, linewidth=1, linestyle=":")
    axes.annotate("least squares", (penalties[-1], unpenalised), ha="right", **beside)
    axes.set(xscale="log", yscale="log", xlabel="λ", ylabel="distance from the truth")
    axes.set_yticks([0.001, 0.01, 0.1, 1], ["0.001", "0.01", "0.1", "1"])
    axes.set_ylim(0.0007, 1.8)
    axes.minorticks_off()
    axes.set_title("A little bias pays for much less spread")
    axes.legend(loc="lower center")
    return figure


@styled
def hills_and_spots(land: Hills, spots: Tensor, heights: Tensor, to_fit: int) -> Figure:
    """Draw a map of heights beside the first spots, which are to fit, and the rest, held out.

    `spots` has shape (spots, 2), km east and north, and `heights` (spots,), metres.
    """
    figure = Figure(
        figsize=(7, 4.1),
        alt=say(
            "Left: a real piece of hilly land, {east:.0f} by {north:.0f} km. Right: all that is "
            "known of it, the heights at {to_fit} spots to fit and {held_out} to hold out.",
            east=land.east.max(),
            north=land.north.max(),
            to_fit=to_fit,
            held_out=len(spots) - to_fit,
        ),
    )
    whole, known = figure.subplots(1, 2, sharey=True)
    _draw_map(whole, land, land.height)
    whole.set_title("The land …")
    look = {
        "edgecolors": BLACK,
        "linewidths": 0.5,
        "clip_on": False,
        **_shades_of(land),
    }  # some lie on the edge
    for part, marker, size, name in (
        (slice(to_fit), "o", 34, "to fit"),
        (slice(to_fit, None), "X", 48, "held out"),
    ):
        kind = {"marker": marker, "s": size, "label": name, **look}
        dots = known.scatter(*spots[part].T, c=heights[part], **kind)
    known.set(title=f"… known at {len(spots)} spots only", xlabel="km east", aspect="equal")
    known.set(xlim=whole.get_xlim(), ylim=whole.get_ylim(), xticks=whole.get_xticks())
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
    alt = say("the map drawn is off by {off:.0f} m from the real heights.", off=off)
    figure = Figure(figsize=(7, 3.3), layout="none", alt=alt)
    axes = figure.add_axes((0.07, 0.15, 0.36, 0.74), anchor="W")
    scale = figure.add_axes((0.385, 0.15, 0.016, 0.74))
    image = _draw_map(axes, land, drawn)
    label = "height in m; tips: off the scale"
    figure.colorbar(image, cax=scale, extend="both", label=label)
    named = f"{penalty:.3g}" if penalty < 1000 else f"{penalty:.0f}"
    axes.set_title(f"λ = {named}: off by {off:.0f} m")
    curves = figure.add_axes((0.58, 0.15, 0.41, 0.74))
    _draw_error_curves(curves, penalties, errors)
    curves.axvline(penalty, color=BLACK, linewidth=1.2, linestyle=":")
    here = [float(values[list(penalties).index(penalty)]) for values in errors]
    curves.plot([penalty] * 2, here, "o", color=BLACK)
    curves.legend(loc="upper center", **_ON_LINES)
    curves.set_title(f"here: {here[0]:.0f} m fitted, {here[1]:.0f} m held out", fontsize=10)
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
    figure = Figure(
        figsize=(7, 3.8),
        alt=say(
            "Training, held-out and leave-one-out error over λ from {least:.3g} to {most:.3g}. "
            "Where each is smallest: training λ = {training:.3g}, held-out λ = {held_out:.3g}, "
            "leave-one-out λ = {left_out:.3g}.",
            least=penalties[0],
            most=penalties[-1],
            training=lowest["training"][1],
            held_out=lowest["held-out"][1],
            left_out=lowest["leave-one-out"][1],
        ),
    )
    axes = figure.subplots()
    _draw_error_curves(axes, penalties, errors)
    axes.plot(penalties, left_out, color=GREEN, linestyle="-.", label="leave-one-out")
    for name, color in (("held-out", VERMILION), ("leave-one-out", GREEN)):
        axes.plot(*lowest[name][::-1], "o", color=color, markersize=8)
    axes.plot([], [], "o", color=GREY, markersize=8, label="smallest of its curve")
    axes.legend(loc="upper center")
    axes.set_ylim(bottom=0.65 * min(map(float, errors[0])))
    for words, x, side in (("← over-fitting", 0.01, "left"), ("under-fitting →", 0.99, "right")):
        axes.annotate(words, (x, 0.03), xycoords="axes fraction", ha=side, fontweight="bold")
    axes.set_title("Training error only rises with λ; on new spots there is a best λ")
    return figure


@styled
def draws_of_spots(off: Mapping[str, Sequence[float]]) -> Figure:
    """Draw how far the whole map is off, in metres, draw by draw, for λ found in several ways."""
    spans = "; ".join(
        say("{name}: {least:.0f} to {most:.0f} m", name=name, least=min(values), most=max(values))
        for name, values in off.items()
    )
    alt = say("How far the whole map is off. {spans}.", spans=spans)
    figure = Figure(figsize=(7, 0.9 + 0.5 * len(off)), alt=alt)
    axes = figure.subplots()
    for place, values in enumerate(off.values()):
        color, mark = (VERMILION, GREEN, BLUE, BLACK)[place % 4], MARKERS[place % len(MARKERS)]
        axes.plot(values, [place] * len(values), mark, color=color, alpha=0.6)
    axes.set_yticks(range(len(off)), list(off))
    axes.set_ylabel("one mark for each draw")
    axes.set(xscale="log", ylim=(len(off) - 0.5, -0.5), xlabel="error of the whole map in m")
    axes.set_xticks([50, 100, 200, 500, 1000, 2000], ["50", "100", "200", "500", "1000", "2000"])
    axes.minorticks_off()
    axes.set_title("In most draws, leave-one-out finds a λ that is nearly the best")
    return figure


@styled
def smoothed_profile(distance: Tensor, measured: Tensor, smooth: object) -> Figure:
    """Draw noisy heights along a line, and the curve that smooths them if there is one.

    `distance` (km) and `measured` (metres) have shape (points,). So has `smooth`, in metres, if the
    reader's code gave a curve; whatever else it gave is not drawn.
    """
    curve = smooth if isinstance(smooth, Tensor) and smooth.shape == measured.shape else None
    if curve is None:
        alt = say("Noisy heights along a line through the hills, waiting for your smooth curve.")
    else:
        alt = say("Noisy heights along a line through the hills, and the curve you computed.")
    figure = Figure(figsize=(7, 3.2), alt=alt)
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


def _draw_map(axes, land: Hills, height: Tensor):
    """Draw heights, and return the picture."""
    extent = (0, float(land.east.max()), 0, float(land.north.max()))
    image = axes.imshow(height.numpy(), extent=extent, **_shades_of(land))
    axes.grid(False)
    axes.set(xlabel="km east", ylabel="km north", xticks=(0, 5, 10), yticks=(0, 5, 10, 15))
    return image


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
