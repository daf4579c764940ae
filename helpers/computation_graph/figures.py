"""The figures of notebook 01: each function takes data and returns a `Figure`."""

from collections.abc import Mapping, Sequence

from helpers.common.picture import Figure, styled


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
    finding = "Smaller steps help" if helps else "Smaller steps do not always help"
    if helps and turns:
        finding += " until rounding takes over"
    best = [f"{steps[values.index(min(values))]:g} {name}" for name, values in errors.items()]
    figure = Figure(
        figsize=(7.0, 3.8),
        alt=f"Error of difference quotients against the step h, from {steps[0]:g} down to "
        f"{steps[-1]:g}. {finding}; best near {', '.join(best)}.",
    )
    axes = figure.add_subplot()
    for (name, values), marker in zip(errors.items(), "osD^", strict=False):
        shown = [(step, error) for step, error in zip(steps, values, strict=True) if error > 0]
        axes.loglog(*zip(*shown, strict=True), marker=marker, label=name)
    axes.invert_xaxis()
    axes.set_title(finding)
    axes.set_xlabel("step h (smaller to the right)")
    axes.set_ylabel("distance from the gradient")
    axes.legend()
    return figure
