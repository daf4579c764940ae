"""The figures of notebook 01: each function takes data and returns a `Figure`."""

from collections.abc import Mapping, Sequence

from helpers.common.picture import GREY, MARKERS, Figure, styled
from helpers.common.sentences import say


@styled
def slope_errors(steps: Sequence[float], errors: Mapping[str, Sequence[float]]) -> Figure:
    """Draw how far a difference quotient is from the gradient, against its step.

    Parameters
    ----------
    steps : sequence of float
        The steps h, in the unit of the variable.
    errors : mapping of str to sequence of float
        For each quotient's name, the absolute error at each step; zero is left out.

    Returns
    -------
    Figure
        Both axes logarithmic.
    """
    helps = all(values[0] > 10 * min(values) for values in errors.values())
    turns = all(values[-1] > 10 * min(values) for values in errors.values())
    nearest = [f"{steps[values.index(min(values))]:g} {name}" for name, values in errors.items()]
    best = ", ".join(nearest)
    if helps and turns:
        finding = "Smaller steps help until rounding takes over"
        told = say("Smaller steps help until rounding takes over; best near {best}.", best=best)
    elif helps:
        finding = "Smaller steps help"
        told = say("Smaller steps help; best near {best}.", best=best)
    else:
        finding = "Smaller steps do not always help"
        told = say("Smaller steps do not always help; best near {best}.", best=best)
    shown = say(
        "Error of difference quotients against the step h, from {first:g} down to {last:g}.",
        first=steps[0],
        last=steps[-1],
    )
    figure = Figure(figsize=(7.0, 3.8), alt=f"{shown} {told}")
    axes = figure.add_subplot()
    for (name, values), marker in zip(errors.items(), "osD^", strict=False):
        dots = [(step, error) for step, error in zip(steps, values, strict=True) if error > 0]
        axes.loglog(*zip(*dots, strict=True), marker=marker, label=name)
    axes.invert_xaxis()
    axes.set_title(finding)
    axes.set_xlabel("step h (smaller to the right)")
    axes.set_ylabel("distance from the gradient")
    axes.legend()
    return figure


@styled
def price_of_slopes(prices: Mapping[str, Sequence[tuple[int, float]]]) -> Figure:
    """Draw what all slopes of a loss cost, against the number of weights.

    Parameters
    ----------
    prices : mapping of str to sequence of (int, float)
        For each kind of network, pairs of a number of weights and the price of the walk back, in
        forward passes.

    Returns
    -------
    Figure
        Both axes logarithmic; beside the walks, a one-sided quotient for each weight.
    """
    most = max(price for pairs in prices.values() for _, price in pairs)
    weights = sorted(number for pairs in prices.values() for number, _ in pairs)
    finding = f"Quotients take a pass for each weight, one walk back {most:.1f} at most"
    figure = Figure(
        figsize=(7.0, 3.8),
        alt=say(
            "Quotients take a pass for each weight, one walk back {most:.1f} at most: the price of "
            "all slopes in forward passes, against the number of weights, {fewest:,} to "
            "{largest:,}. Only the line of the quotients rises.",
            most=most,
            fewest=weights[0],
            largest=weights[-1],
        ),
    )
    axes = figure.add_subplot()
    axes.loglog(
        weights, [1 + number for number in weights], marker="", label="a quotient for each weight"
    )
    for (name, pairs), marker, line in zip(prices.items(), MARKERS[1:], ("--", ""), strict=False):
        axes.loglog(
            *zip(*pairs, strict=True), linestyle=line, marker=marker, label=f"one walk back, {name}"
        )
    axes.axhline(1, color=GREY, linewidth=0.8, linestyle=":", label="one forward pass")
    axes.set_title(finding)
    axes.set_xlabel("number of weights")
    axes.set_ylabel("price, in forward passes")
    axes.set_ylim(bottom=0.5)
    axes.legend()
    return figure
