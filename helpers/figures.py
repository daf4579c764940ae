"""Every figure of the series: each function takes data and returns a `Figure`.

A `Figure` carries its alt text, and a notebook shows it as a picture with that text, so a screen
reader gets the finding too. No function here touches ``pyplot``: nothing global is left behind,
and drawing twice gives the same picture twice.
"""

import base64
import functools
import html
import io
import math
from collections.abc import Callable, Collection, Mapping, Sequence, Sized
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec

import matplotlib
import matplotlib.colors
import matplotlib.figure
import matplotlib.patches
import matplotlib.patheffects
import matplotlib.ticker
import PIL.Image
import torch
from mpl_toolkits.mplot3d import Axes3D
from mpl_toolkits.mplot3d.art3d import Poly3DCollection

from helpers import checks

if TYPE_CHECKING:
    from helpers import clinic, descent
    from helpers.least_squares import Hills
    from helpers.training import Evaluation, History

# Read once: a slider draws on every move.
_STYLE = matplotlib.rc_params_from_file(
    Path(__file__).with_name("helpers.mplstyle"), use_default_template=False
)

# Okabe and Ito's colours by name, for figures that need one colour to mean one thing.
BLUE, VERMILION, GREEN, PINK, ORANGE, SKY, BLACK = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#000000",
)

# Sharp on a high-density screen at the 700 px at which a notebook shows it.
_DOTS_PER_INCH = 140

_Parameters = ParamSpec("_Parameters")


class Figure(matplotlib.figure.Figure):
    """A matplotlib figure that knows its alt text and shows itself with it.

    Parameters
    ----------
    alt : str
        What the figure shows, in one or two sentences that name the finding.
    *args, **kwargs
        Passed on to `matplotlib.figure.Figure`.
    """

    def __init__(self, *args, alt: str, **kwargs):
        checks.text("alt", alt)
        super().__init__(*args, **kwargs)
        self.alt = alt

    def png(self, dots_per_inch: int = _DOTS_PER_INCH) -> bytes:
        """Return the figure as the bytes of a PNG file, the same bytes each time."""
        checks.whole("dots_per_inch", dots_per_inch, most=1_000)
        buffer = io.BytesIO()
        # The style again: some settings, such as the figure's background, are read on saving.
        with matplotlib.rc_context(_STYLE):
            # "Software" carries matplotlib's version, which would change the bytes.
            self.savefig(buffer, format="png", dpi=dots_per_inch, metadata={"Software": None})
        # Its panels have found their places. Laid out once more, they would move on from there.
        self.set_layout_engine("none")
        return buffer.getvalue()

    def html(self, dots_per_inch: int = _DOTS_PER_INCH) -> str:
        """Return the figure as an HTML image with its alt text."""
        return _image_tag(self.png(dots_per_inch), self.alt)

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        png = _with_palette(self.png())
        return {
            "text/html": _image_tag(png, self.alt),
            # For PDF and for viewers that do not show HTML.
            "image/png": base64.b64encode(png).decode("ascii"),
            "text/plain": self.alt,
        }


def _with_palette(png: bytes) -> bytes:
    """Store a picture with 256 colours: a third of the bytes, and no difference that one sees."""
    buffer = io.BytesIO()
    with PIL.Image.open(io.BytesIO(png)) as picture:
        few_colours = picture.convert("RGB").quantize(256, dither=PIL.Image.Dither.NONE)
    few_colours.save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def _image_tag(png: bytes, alt: str) -> str:
    data = base64.b64encode(png).decode("ascii")
    return (
        f'<img src="data:image/png;base64,{data}" alt="{html.escape(alt)}" '
        'style="max-width: 700px; width: 100%">'
    )


def styled(draw: Callable[_Parameters, Figure]) -> Callable[_Parameters, Figure]:
    """Decorate a figure function so that it draws in the series' style."""
    checks.function("draw", draw)

    @functools.wraps(draw)
    def draw_in_style(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> Figure:
        with matplotlib.rc_context(_STYLE):
            return draw(*args, **kwargs)

    return draw_in_style


# --- What the figures ask of their arguments ---

_PIXELS = (torch.uint8, *checks.FLOATS)
# More of them would be too small to see.
_MOST_PICTURES = 120

_check_tensor = functools.partial(checks.tensor, plain=True)


def _check_tensors(
    name: str,
    value: Mapping[Any, torch.Tensor],
    shape: Sequence[int | str],
    *,
    most: int,
    of: type = str,
    **rules,
) -> None:
    checks.mapping(name, value, most=most, of=of)
    for key, tensor in value.items():
        _check_tensor(f"{name}[{checks.shown(key)}]", tensor, shape, **rules)


def _check_curves(
    name: str, value: Mapping[Any, Sequence[float]], *, most: int, of: type = str, **rules
) -> None:
    checks.mapping(name, value, most=most, of=of)
    for key, values in value.items():
        checks.series(f"{name}[{checks.shown(key)}]", values, **rules)


def _check_numbers(name: str, value: Mapping[Any, float], of: type = str, **bounds: float) -> None:
    checks.mapping(name, value, of=of)
    for key, number in value.items():
        checks.number(f"{name}[{checks.shown(key)}]", number, **bounds)


def _check_at_most(name: str, values: Sized, most: int) -> None:
    if len(values) > most:
        raise ValueError(f"{name} has {len(values)} entries: give at most {most}")


def _check_parts(name: str, value: object, parts: Sequence[str], give: str) -> None:
    """Ask for a record of another room by what it holds: that room need not be loaded for it."""
    if isinstance(value, type) or not all(hasattr(value, part) for part in parts):
        raise TypeError(f"{name} is {checks.shown(value)}: give {give}")


def _check_two_columns(X: torch.Tensor, y: torch.Tensor) -> None:
    _check_tensor("X", X, ("rows", 2))
    _check_tensor("y", y, (len(X),), dtypes=[X.dtype])


def _check_land(land: "Hills") -> None:
    _check_parts("land", land, ("east", "north", "height"), "the map that hills() returns")


def _check_error_curves(penalties: Sequence[float], errors: Sequence[torch.Tensor]) -> None:
    checks.series("penalties", penalties, above=0)
    checks.items("errors", errors, length=2)
    for place, values in enumerate(errors):
        _check_tensor(f"errors[{place}]", values, (len(penalties),))
        checks.number(f"the smallest of errors[{place}]", float(values.min()), above=0)


def _check_point(name: str, point: torch.Tensor) -> None:
    _check_tensor(name, point, (2,), dtypes=[torch.float64])


def _check_loss(loss: "descent.Loss", point: torch.Tensor, name: str = "loss") -> None:
    checks.function(name, loss)
    value = loss(point)
    if not isinstance(value, torch.Tensor) or value.ndim:
        raise TypeError(f"what {name} gives is {checks.shown(value)}: give one number in a tensor")


def _check_path(name: str, path: "descent.Path") -> None:
    _check_parts(name, path, ("points", "losses", "left_at"), "what descent.run returns")
    _check_tensor(f"points of {name}", path.points, ("steps + 1", 2), dtypes=[torch.float64])


def _check_paths(name: str, paths: "Mapping[str, descent.Path]") -> None:
    checks.mapping(name, paths, most=len(_LOOKS))
    for key, path in paths.items():
        _check_path(f"{name}[{checks.shown(key)}]", path)


def _check_images(images: torch.Tensor, labels: torch.Tensor, name: str = "labels") -> None:
    _check_tensor("images", images, ("n", "height", "width"), dtypes=_PIXELS)
    _check_tensor(name, labels, (len(images),), dtypes=[torch.int64])


def _check_matrix(matrix: torch.Tensor, classes: Sequence[str]) -> None:
    checks.texts("classes", classes)
    _check_tensor("matrix", matrix, (len(classes), len(classes)), dtypes=[torch.int64])


def _check_charts(
    name: str, charts: "Mapping[str, clinic.Chart]", keys: Collection[str] = ()
) -> None:
    checks.mapping(name, charts, keys=keys)
    for key, chart in charts.items():
        parts = ("loss", "accuracy", "in_batches_of")
        _check_parts(f"{name}[{checks.shown(key)}]", chart, parts, "what clinic.observe returns")
        checks.series(f"loss of {name}[{checks.shown(key)}]", chart.loss, finite=False)


def _check_symptom(name: str, symptom: "clinic.Symptom") -> None:
    _check_parts(name, symptom, ("fault", "sign", "shown_by"), "one of clinic.SYMPTOMS")


# --- Notebook 01: the computation graph ---


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
    checks.series("steps", steps, above=0)
    _check_curves("errors", errors, most=4, length=len(steps), least=0)
    helps = all(values[0] > 10 * min(values) for values in errors.values())
    turns = all(values[-1] > 10 * min(values) for values in errors.values())
    finding = "Smaller steps help" if helps else "Smaller steps do not always help"
    if helps and turns:
        finding += " until rounding takes over"
    best = [
        f"{steps[min(range(len(steps)), key=values.__getitem__)]:g} {name}"
        for name, values in errors.items()
    ]
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


# --- Notebook 02: least squares and ridge ---

_GREY = "#6b6b6b"
_MARKERS = ("o", "s", "^", "D", "v", "P")


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
    _check_two_columns(X, y)
    _check_tensor("weights", weights, (2,), dtypes=[X.dtype])
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
    _check_tensor("X", X, (3, 2))
    _check_tensor("y", y, (3,), dtypes=[X.dtype])
    _check_tensor("fitted", fitted, (3,), dtypes=[X.dtype])
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
    _check_tensors("weights_off", weights_off, ("tables",), most=3, finite=False)
    _check_tensors("predictions_off", predictions_off, ("tables",), most=3, finite=False)
    checks.mapping("predictions_off", predictions_off, keys=weights_off)

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
                marker=_MARKERS[place],
                markersize=3.5,
                alpha=0.45,
                color=(VERMILION, ORANGE, BLUE)[place],
            )
        axes.axvline(100, color=_GREY, linewidth=1, linestyle=":")
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
    _check_two_columns(X, y)
    _check_tensor("shortest", shortest, (2,), dtypes=[X.dtype])
    _check_tensor("direction", direction, (2,), dtypes=[X.dtype])
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
    checks.series("conditions", conditions, above=0)
    if sum(10 <= condition <= 1e6 for condition in conditions) < 2:
        raise ValueError("conditions has fewer than two from 10 to 1e6: give more of them")
    _check_tensors("errors", errors, (len(conditions),), most=12, of=tuple, finite=False)
    for kind in errors:
        if len(kind) != 2 or kind[0] not in ("float32", "float64"):
            raise ValueError(f"errors has an entry for {kind!r}: give (dtype, solver)")
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
            color=_GREY,
            fontsize=9,
        )
        for power, name in ((1, "u·κ"), (2, "u·κ²")):
            theory = [unit * condition**power for condition in conditions]
            axes.plot(conditions, theory, color=_GREY, linewidth=1, linestyle="--")
            at = unit ** (-0.62 / power)
            axes.annotate(
                name,
                (at, unit * at**power),
                xytext=(-5, 5),
                textcoords="offset points",
                ha="right",
                color=_GREY,
            )
        solvers = [name for kind, name in errors if kind == dtype]
        for place, name in enumerate(solvers):
            values = errors[dtype, name]
            axes.plot(
                conditions,
                values,
                color=VERMILION if name in through_gram else BLUE,
                marker=_MARKERS[place],
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
    _check_tensor("eigenvalues", eigenvalues, ("features",))
    checks.series("penalties", penalties)
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
    _check_two_columns(X, y)
    checks.number("penalty", penalty, least=0)
    _check_tensor("found", found, (2,), dtypes=[X.dtype])
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
    checks.series("penalties", penalties, fewest=2, above=0)
    _check_curves("distances", distances, most=2, length=len(penalties), above=0)
    if len(distances) < 2:
        raise ValueError("distances has 1 entry: give two ways to compare")
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
    checks.series("penalties", penalties, above=0)
    _check_tensor("factors", factors, (len(penalties), "features"))
    _check_tensor("singular_values", singular_values, (factors.shape[1],))
    _check_at_most("singular_values", singular_values, len(_MARKERS))
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
        color, marker = shades(place), _MARKERS[place]
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
    axes.axhline(0.5, color=_GREY, linewidth=0.8, linestyle=":")
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
    checks.series("penalties", penalties, above=0)
    checks.texts("names", names)
    _check_at_most("names", names, len(_MARKERS))
    if len(names) < 2:
        raise ValueError("names has 1 entry: give two features or more")
    _check_tensor("weights", weights, (len(penalties), len(names)))
    stops = "; ".join(
        f"at λ = {penalties[k]:.3g}: {weights[k, 0]:.2g} and {weights[k, 1]:.2g}"
        for k in (0, len(penalties) * 5 // 8, -1)
    )
    figure = Figure(
        figsize=(7, 3.8),
        alt=f"{len(names)} weights over λ. The first two, {names[0]} and {names[1]}, {stops}.",
    )
    axes = figure.subplots()
    axes.axhline(0, color=_GREY, linewidth=0.8, linestyle="-")
    for place, name in enumerate(names):
        axes.plot(penalties, weights[:, place], label=name, markevery=4, marker=_MARKERS[place])
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
    land: "Hills",
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
    _check_land(land)
    for name, spots in (("fitted", fitted), ("held_out", held_out)):
        checks.items(name, spots, length=2)
        _check_tensor(f"positions of {name}", spots[0], ("spots", 2))
        _check_tensor(f"heights of {name}", spots[1], (len(spots[0]),))
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
    land: "Hills",
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
    _check_land(land)
    _check_tensor("drawn", drawn, land.height.shape)
    _check_error_curves(penalties, errors)
    checks.number("penalty", penalty)
    if penalty not in list(penalties):
        raise ValueError(f"penalty is {checks.shown(penalty)}: give one of the penalties")
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
    _check_error_curves(penalties, errors)
    checks.series("left_out", left_out, length=len(penalties), above=0)
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
    checks.series("sizes", sizes, above=0)
    checks.series("seconds", seconds, length=len(sizes), above=0)
    checks.whole("rows", rows)
    figure = Figure(
        figsize=(7, 3.4),
        alt=f"Measured time to solve over the number of features d, {sizes[0]} to {sizes[-1]}, at "
        f"{rows} rows, on logarithmic axes, beside the count nd² + d³/3.",
    )
    axes = figure.subplots()
    count = [rows * d**2 + d**3 / 3 for d in sizes]
    scale = seconds[-1] / count[-1]
    axes.plot(sizes, [scale * c for c in count], color=_GREY, linestyle="--")
    axes.plot(sizes, seconds, color=BLUE, marker="o", linestyle="-")
    middle = len(sizes) // 2
    for name, height, color, offset, side in (
        ("measured", seconds[middle], BLUE, (8, -14), "left"),
        ("nd² + d³/3, scaled", scale * count[middle], _GREY, (-8, 8), "right"),
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
    _check_tensor("distance", distance, ("points",))
    _check_tensor("measured", measured, (len(distance),))
    if smooth is not None:
        _check_tensor("smooth", smooth, (len(distance),))
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
    axes.plot(distance, measured, "o", color=_GREY, markersize=4, label="measured")
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


def _draw_map(axes, land: "Hills", height: torch.Tensor) -> None:
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


# --- Notebook 03: gradient descent ---

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
    loss: "descent.Loss", center: torch.Tensor, reach: float, count: int = 61
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return a square grid of two weights and the loss on it, each of shape (count, count)."""
    first = torch.linspace(center[0] - reach, center[0] + reach, count, dtype=torch.float64)
    second = torch.linspace(center[1] - reach, center[1] + reach, count, dtype=torch.float64)
    a, b = torch.meshgrid(first, second, indexing="xy")
    values = torch.func.vmap(loss)(torch.stack([a.flatten(), b.flatten()], dim=1))
    return a, b, values.reshape(a.shape)


def _contours(axes, loss: "descent.Loss", center: torch.Tensor, reach: float) -> None:
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
    loss: "descent.Loss", point: torch.Tensor, lowest: torch.Tensor, *, names: tuple[str, str]
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
    _check_point("point", point)
    _check_point("lowest", lowest)
    _check_loss(loss, point)
    if bool((point == lowest).all()):
        raise ValueError("point is the lowest point itself: give another")
    checks.texts("names", names, length=2)
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
    _check_tensor("degrees", degrees, ("n",))
    _check_tensors("changes", changes, (len(degrees),), most=len(_LOOKS), of=float)
    for length in changes:
        checks.number("a length in changes", length, above=0)
    checks.number("gradient_length", gradient_length, least=0)
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
    _check_tensor("directions", directions, ("n", 3))
    _check_tensor("changes", changes, (len(directions),), dtypes=[directions.dtype])
    _check_tensor("gradient", gradient, (3,), dtypes=[directions.dtype])
    if not bool(gradient.any()):
        raise ValueError("gradient is zero and has no direction: give another")
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
    checks.mapping("panels", panels)
    for title, panel in panels.items():
        checks.items(f"panels[{title!r}]", panel, length=4)
        _check_path(f"the path of panels[{title!r}]", panel[1])
        _check_point(f"the lowest point of panels[{title!r}]", panel[2])
        _check_loss(panel[0], panel[2], f"the loss of panels[{title!r}]")
        checks.number(f"the reach of panels[{title!r}]", panel[3], above=0)
    checks.items("names", names, length=len(panels))
    for pair in names:
        checks.texts("a pair of names", pair, length=2)
    checks.text("alt", alt)
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
    loss: "descent.Loss",
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
    _check_tensor("starts", starts, ("rows", "columns", 2), dtypes=[torch.float64])
    if min(starts.shape[:2]) < 2:
        raise ValueError(
            f"starts has shape {tuple(starts.shape)}: give two rows and columns or more"
        )
    _check_loss(loss, starts[0, 0])
    checks.mapping("names", names, most=3)
    for name, place in names.items():
        checks.series(f"names[{name!r}]", place, length=2)
    _check_tensor("labels", labels, starts.shape[:2], dtypes=[torch.int64])
    checks.whole("the lowest of labels", int(labels.min()), least=0)
    checks.whole("the highest of labels", int(labels.max()), least=0, most=len(names) - 1)
    _check_tensors("points", points, (2,), most=4)
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
def five_regimes(loss: "descent.Loss", paths: "dict[str, descent.Path]", reach: float) -> Figure:
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
    _check_paths("paths", paths)
    _check_loss(loss, torch.zeros(2, dtype=torch.float64))
    checks.number("reach", reach, above=0)
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
    _check_tensor("sizes", sizes, ("n",))
    _check_tensor("measured", measured, (len(sizes),))
    _check_tensor("curvatures", curvatures, (2,))
    checks.number("the smallest of curvatures", float(curvatures.min()), above=0)
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
    loss: "descent.Loss",
    path: "descent.Path",
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
    _check_path("path", path)
    _check_loss(loss, torch.zeros(2, dtype=torch.float64))
    checks.number("predicted", predicted, least=0)
    checks.number("measured", measured, least=0)
    checks.text("setting", setting)
    checks.text("word", word)
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
def loss_curves(paths: "dict[str, descent.Path]", title: str, alt: str) -> Figure:
    """Draw the losses of several descents on a log scale, with an arrow where one blew up.

    Parameters
    ----------
    paths : dict
        From a name to a path, at most five; one of them at least stayed finite.
    title, alt : str
        The finding, short and in a sentence.
    """
    _check_paths("paths", paths)
    if not any(path.left_at is None and bool((path.losses > 0).any()) for path in paths.values()):
        raise ValueError("paths has none that stayed finite, with a loss above 0: give one")
    checks.text("title", title)
    checks.text("alt", alt)
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
    loss: "descent.Loss", path: "descent.Path", sizes: torch.Tensor, bounds: torch.Tensor
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
    _check_path("path", path)
    _check_loss(loss, path.end)
    for name, values in (("sizes", sizes), ("bounds", bounds)):
        _check_tensor(name, values, (path.steps,))
        checks.number(f"the smallest of {name}", float(values.min()), above=0)
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
    _check_tensors("distances", distances, ("steps + 1",), most=len(_LOOKS))
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
    _check_tensor("sizes", sizes, ("columns",))
    _check_tensor("momenta", momenta, ("rows",))
    if min(len(sizes), len(momenta)) < 2:
        raise ValueError(
            f"sizes has {len(sizes)} entries, momenta {len(momenta)}: give two or more"
        )
    _check_tensor("rates", rates, (len(momenta), len(sizes)))
    checks.mapping("best", best, keys=("plain", "momentum"))
    for way, settings in (("plain", ("lr",)), ("momentum", ("lr", "momentum"))):
        checks.mapping(f"best[{way!r}]", best[way], keys=settings)
        for setting in settings:
            checks.number(f"best[{way!r}][{setting!r}]", best[way][setting], least=0)
    checks.number("high", high, above=0)
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
    checks.series("conditions", conditions, above=0)
    _check_curves("steps", steps, most=len(_LOOKS), length=len(conditions), above=0)
    checks.mapping("slopes", slopes, keys=steps)
    for name in steps:
        checks.number(f"slopes[{name!r}]", slopes[name])
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
    loss: "descent.Loss", paths: "dict[str, descent.Path]", at: list[int], reach: float
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
    _check_paths("paths", paths)
    _check_loss(loss, torch.zeros(2, dtype=torch.float64))
    checks.items("at", at)
    fewest = min(path.steps for path in paths.values())
    for place, count in enumerate(at):
        checks.whole(f"at[{place}]", count, least=0, most=fewest)
    checks.number("reach", reach, above=0)
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
    loss: "descent.Loss",
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
    _check_point("goal", goal)
    _check_loss(loss, goal)
    _check_tensors("walks", walks, ("steps + 1", 2), most=len(_LOOKS))
    checks.series("batches", batches, fewest=2, above=0)
    if batches[0] == batches[-1]:
        raise ValueError(f"batches begins and ends with {batches[0]}: give different sizes")
    _check_curves("radii", radii, most=len(_LOOKS), of=float, length=len(batches), above=0)
    for lr in radii:
        checks.number("a step size in radii", lr, above=0)
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
        From the way ("descent" and another) to the weights at each time, shape (n, d).
    errors : dict
        From the way to the error on rows held out, in metres, shape (n,).
    names : tuple of str
        The names of the d features.
    """
    _check_tensor("times", times, ("n",))
    checks.number("the smallest of times", float(times.min()), above=0)
    checks.texts("names", names)
    _check_at_most("names", names, len(_LOOKS))
    _check_tensors("weights", weights, (len(times), len(names)), most=2)
    if len(weights) < 2:
        raise ValueError("weights has 1 entry: give two ways to compare")
    _check_tensors("errors", errors, (len(times),), most=2)
    checks.mapping("errors", errors, keys=weights)
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
        checks.text("svg", svg)
        if not svg.isascii():
            raise ValueError(f"svg is {checks.shown(svg)}: give ASCII alone")
        checks.whole("steps", steps)
        checks.number("seconds", seconds, above=0)
        checks.instance("still", still, Figure, "a Figure")
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
            "text/html": self.html(),
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
    paths: "dict[str, descent.Path]",
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

    Raises
    ------
    ValueError
        If the paths differ in their number of steps, or one stands on the minimum.
    """
    _check_tensor("hessian", hessian, (2, 2), dtypes=[torch.float64])
    checks.number(
        "the smallest curvature of hessian", float(torch.linalg.eigvalsh(hessian)[0]), above=0
    )
    _check_paths("paths", paths)
    for name, value in (("title", title), *(("a name in paths", name) for name in paths)):
        checks.text(name, value)
        if not value.isascii():
            raise ValueError(f"{name} is {value!r}: give ASCII alone")
    checks.number("reach", reach, above=0)
    checks.instance("still", still, Figure, "a Figure")
    checks.number("seconds", seconds, above=0)
    counts = {path.steps for path in paths.values()}
    if len(counts) != 1:
        raise ValueError(f"the paths have {sorted(counts)} steps: give paths of one length")
    (steps,) = counts
    for name, path in paths.items():
        if not bool((path.distances() > 0).all()):
            raise ValueError(f"{name!r} reaches the minimum itself: give fewer steps")
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


# --- Notebook 04: FashionMNIST ---


@styled
def garments_by_class(
    images: torch.Tensor, labels: torch.Tensor, classes: tuple[str, ...], each: int = 14
) -> Figure:
    """Draw the first few garments of each class, a row for each.

    Parameters
    ----------
    images : torch.Tensor
        Shape (n, 28, 28), dtype uint8.
    labels : torch.Tensor
        Shape (n,), dtype int64.
    classes : tuple of str
        The name of each class.
    each : int
        Garments in a row.
    """
    _check_images(images, labels)
    checks.texts("classes", classes)
    checks.whole("each", each)
    for number, name in enumerate(classes):
        if (there := int((labels == number).sum())) < each:
            raise ValueError(f"each is {each}, and of {name} there are {there}: give fewer")
    rows = [torch.cat(list(images[labels == c][:each]), dim=1) for c in range(len(classes))]
    figure = Figure(
        figsize=(7, 5.2),
        alt=f"{len(classes)} rows of small grey pictures, {each} in each row: "
        f"one row for each class, from {classes[0]} to {classes[-1]}.",
    )
    axes = figure.subplots()
    axes.imshow(torch.cat(rows).numpy(), cmap="gray_r")
    side = images.shape[1]
    axes.set_yticks([side * (row + 0.5) for row in range(len(classes))], classes)
    axes.set_xticks([])
    axes.set_title("Ten kinds of garment; shirts and pullovers look alike")
    _hide_frame(axes)
    return figure


@styled
def class_probabilities(
    image: torch.Tensor, probabilities: torch.Tensor, label: int, classes: tuple[str, ...]
) -> Figure:
    """Draw a garment beside the probability that a network gives to each class.

    Parameters
    ----------
    image : torch.Tensor
        Shape (28, 28).
    probabilities : torch.Tensor
        Shape (classes,), summing to 1.
    label : int
        The garment's class.
    classes : tuple of str
        The name of each class.
    """
    _check_tensor("image", image, ("height", "width"), dtypes=_PIXELS)
    checks.texts("classes", classes)
    _check_tensor("probabilities", probabilities, (len(classes),))
    checks.whole("label", label, least=0, most=len(classes) - 1)
    top = int(probabilities.argmax())
    undecided = float(probabilities.max()) < 0.5
    verdict = "The network cannot decide" if undecided else f"The network says {classes[top]}"
    finding = "No bar reaches one half." if undecided else "One bar is longer than one half."
    figure = Figure(
        figsize=(7, 3.2),
        alt="The picture of a garment beside one bar for each class, the probability that the "
        f"network gives to it. {finding}",
    )
    picture, bars = figure.subplots(1, 2, width_ratios=(1, 2))
    picture.imshow(image.numpy(), cmap="gray_r")
    picture.set_title(f"a {classes[label]}", fontweight="normal")
    picture.set_axis_off()
    colours = [VERMILION if c == label else SKY for c in range(len(classes))]
    drawn = bars.barh(classes, probabilities.tolist(), color=colours)
    drawn[label].set_hatch("//")
    bars.invert_yaxis()
    bars.set_xlim(0, 1)
    bars.set_xlabel("probability")
    bars.set_title(f"{verdict} (hatched: the truth)")
    bars.grid(axis="y", visible=False)
    return figure


@styled
def training_curves(history: "History") -> Figure:
    """Draw loss and accuracy over the epochs, on the training and the validation part.

    Parameters
    ----------
    history : History
        With or without a validation part.
    """
    _check_parts("history", history, ("loss", "accuracy", "validation_loss"), "what fit returns")
    checks.series("loss of history", history.loss)
    for name in ("accuracy", "validation_loss", "validation_accuracy"):
        values = getattr(history, name)
        if values or name == "accuracy":
            checks.series(f"{name} of history", values, length=len(history.loss))
    falls = history.loss[-1] < history.loss[0]
    trend = "falls" if falls else "does not fall"
    figure = Figure(
        figsize=(7, 3.4),
        alt=f"Loss and accuracy over {len(history.loss)} epochs. "
        f"The training loss {trend} from the first epoch to the last.",
    )
    loss, accuracy = figure.subplots(1, 2)
    epochs = range(1, len(history.loss) + 1)
    for axes, training, validation in (
        (loss, history.loss, history.validation_loss),
        (accuracy, history.accuracy, history.validation_accuracy),
    ):
        axes.plot(epochs, training, marker="o", label="training, on the way")
        if validation:
            axes.plot(epochs, validation, marker="s", label="validation, after the epoch")
        axes.set_xlabel("epoch")
        axes.set_xticks(list(epochs))
    loss.set_ylabel("mean loss (nats)")
    loss.set_title(f"The training loss {trend}")
    loss.legend()
    accuracy.set_ylabel("fraction right")
    part = "Validation" if history.validation_accuracy else "Training"
    last = (history.validation_accuracy or history.accuracy)[-1]
    accuracy.set_title(f"{part} accuracy ends at {last:.1%}")
    return figure


@styled
def confusion(matrix: torch.Tensor, classes: tuple[str, ...]) -> Figure:
    """Draw how often each class was taken for each other.

    Parameters
    ----------
    matrix : torch.Tensor
        Shape (classes, classes), int64: rows are labels, columns predictions.
    classes : tuple of str
        The name of each class.
    """
    _check_matrix(matrix, classes)
    mistakes = matrix - matrix.diag().diag()
    label, prediction = divmod(int(mistakes.argmax()), len(classes))
    figure = Figure(
        figsize=(7, 6),
        alt="Confusion matrix, labels down and predictions across. Most counts lie on the "
        "diagonal; a few pairs of classes make up most of the rest.",
    )
    axes = figure.subplots()
    axes.imshow(matrix.numpy(), cmap="Blues")
    half = matrix.max() / 2
    for row, counts in enumerate(matrix.tolist()):
        for column, count in enumerate(counts):
            colour = "white" if count > half else "black"
            if count:
                axes.text(column, row, count, ha="center", va="center", color=colour, fontsize=8)
    axes.set_xticks(range(len(classes)), classes, rotation=45, ha="right")
    axes.set_yticks(range(len(classes)), classes)
    axes.set_xlabel("what the network says")
    axes.set_ylabel("what it is")
    axes.set_title(f"The most frequent mistake: {classes[label]} taken for {classes[prediction]}")
    axes.grid(visible=False)
    _hide_frame(axes)
    return figure


@styled
def accuracy_by_class(matrix: torch.Tensor, classes: tuple[str, ...]) -> Figure:
    """Draw the fraction of each class that was recognised, worst at the bottom.

    Parameters
    ----------
    matrix : torch.Tensor
        Shape (classes, classes), int64: rows are labels, columns predictions.
    classes : tuple of str
        The name of each class.
    """
    _check_matrix(matrix, classes)
    accuracy = matrix.diag() / matrix.sum(dim=1)
    order = accuracy.argsort()
    worst = classes[int(order[0])]
    mean = float(matrix.diag().sum() / matrix.sum())
    figure = Figure(
        figsize=(7, 3.4),
        alt=f"Bars of the accuracy of each of {len(classes)} classes, sorted. "
        "The worst class lies below the dashed line of the mean.",
    )
    axes = figure.subplots()
    names = [classes[int(c)] for c in order]
    bars = axes.barh(names, accuracy[order].tolist(), color=SKY)
    bars[0].set_color(ORANGE)
    axes.bar_label(bars, fmt="{:.0%}", label_type="center", fontsize=8)
    axes.axvline(mean, color=BLACK, linestyle="--", linewidth=1)
    axes.set_xlim(0, 1)
    axes.set_xlabel(f"fraction recognised (dashed: all classes together, {mean:.1%})")
    axes.set_title(f"The mean hides how hard {worst} is")
    axes.grid(axis="y", visible=False)
    return figure


@styled
def confident_mistakes(
    images: torch.Tensor, evaluation: "Evaluation", classes: tuple[str, ...], count: int = 12
) -> Figure:
    """Draw the wrong answers that the network was surest of.

    Parameters
    ----------
    images : torch.Tensor
        Shape (n, 28, 28), in the order of the evaluation.
    evaluation : Evaluation
        What the network said of them.
    classes : tuple of str
        The name of each class.
    count : int
        How many to draw, six in a row.
    """
    said = ("labels", "predictions", "confidences")
    _check_parts("evaluation", evaluation, said, "what evaluate returns")
    _check_images(images, evaluation.labels, "labels of evaluation")
    checks.texts("classes", classes)
    highest = int(max(evaluation.labels.max(), evaluation.predictions.max()))
    if highest >= len(classes):
        raise ValueError(
            f"classes has {len(classes)} entries, and class {highest} occurs: give more"
        )
    checks.whole("count", count, most=_MOST_PICTURES)
    wrong = (evaluation.predictions != evaluation.labels).nonzero().squeeze(1)
    surest = wrong[evaluation.confidences[wrong].argsort(descending=True)][:count]
    figure = Figure(
        figsize=(7, 1.75 * -(-count // 6)),
        alt=f"The {len(surest)} wrong predictions with the highest confidence, each picture with "
        "what the network says above what it is.",
    )
    figure.suptitle("Sure, and wrong", x=0.01, ha="left", weight="bold", fontsize=11)
    cells = figure.subplots(-(-count // 6), 6).flat
    for axes, index in zip(cells, surest.tolist(), strict=False):
        says = classes[int(evaluation.predictions[index])]
        label = classes[int(evaluation.labels[index])]
        axes.imshow(images[index].numpy(), cmap="gray_r")
        sure = f"{evaluation.confidences[index]:.1%}"
        axes.set_title(f"says {says}\n{sure} sure\nis {label}", fontsize=7.5, fontweight="normal")
    for axes in figure.axes:
        axes.set_axis_off()
    return figure


@styled
def first_layer_weights(weights: torch.Tensor, count: int = 32) -> Figure:
    """Draw what each hidden unit looks for: its weights, laid out as the pixels are.

    Parameters
    ----------
    weights : torch.Tensor
        Shape (units, 784): one row for each hidden unit.
    count : int
        How many units to draw, the largest weights first, eight in a row, each in its own scale.
    """
    _check_tensor("weights", weights, ("units", 784))
    checks.whole("count", count, most=_MOST_PICTURES)
    strongest = weights.norm(dim=1).argsort(descending=True)[:count]
    figure = Figure(
        figsize=(7, 0.9 * -(-count // 8) + 0.5),
        alt=f"The weights of {len(strongest)} hidden units as small pictures, blue for positive, "
        "red for negative. In many of them parts of an outline can be seen.",
    )
    figure.suptitle(
        "Hidden units look for outlines (blue: for, red: against)",
        x=0.01,
        ha="left",
        weight="bold",
        fontsize=11,
    )
    for axes, unit in zip(figure.subplots(-(-count // 8), 8).flat, strongest, strict=False):
        largest = float(weights[unit].abs().max())
        axes.imshow(weights[unit].reshape(28, 28).numpy(), cmap="RdBu", vmin=-largest, vmax=largest)
        axes.set_axis_off()
    return figure


@styled
def convex_or_not(
    positions: torch.Tensor, along_scores: torch.Tensor, along_weights: torch.Tensor
) -> Figure:
    """Draw the loss on a line through the scores beside the loss on a line through the weights.

    Parameters
    ----------
    positions : torch.Tensor
        Shape (n,): where on the line, from 0 to 1.
    along_scores, along_weights : torch.Tensor
        Shape (n,): the loss there.
    """
    _check_tensor("positions", positions, ("n",))
    for name, losses in (("along_scores", along_scores), ("along_weights", along_weights)):
        _check_tensor(name, losses, (len(positions),), dtypes=[positions.dtype])
    lines = {"scores": along_scores, "weights": along_weights}
    verdicts = {
        name: "rises above" if _rises_above_chord(positions, losses) else "sags below"
        for name, losses in lines.items()
    }
    figure = Figure(
        figsize=(7, 3.4),
        alt="Two curves of the loss beside their chords. "
        + " ".join(f"Along a line in the {n} it {v} the chord." for n, v in verdicts.items()),
    )
    ends = {"scores": "from zero to the network's", "weights": "from a network to its twin"}
    for axes, (name, losses) in zip(figure.subplots(1, 2), lines.items(), strict=True):
        axes.plot(positions.numpy(), losses.numpy(), label="loss")
        axes.plot(positions[[0, -1]].numpy(), losses[[0, -1]].numpy(), marker="o", label="chord")
        axes.set_title(f"{name.capitalize()}: {verdicts[name]} the chord")
        axes.set_xlabel(f"{name}, {ends[name]}")
        axes.set_ylabel("mean loss (nats)")
        axes.set_ylim(bottom=0)
        axes.legend()
    return figure


@styled
def time_by_part(seconds: Mapping[str, float], unit: str = "one epoch") -> Figure:
    """Draw what each part of a loop costs, the parts in the order in which they run.

    Parameters
    ----------
    seconds : mapping of str to float
        For each part its seconds.
    unit : str
        What the seconds are for.
    """
    _check_numbers("seconds", seconds, least=0)
    if not sum(seconds.values()):
        raise ValueError("seconds are all zero: give times that were measured")
    checks.text("unit", unit)
    total = sum(seconds.values())
    names = list(seconds)
    figure = Figure(
        figsize=(7, 0.6 + 0.36 * len(names)),
        alt=f"One bar for each of {len(names)} parts of the loop, in the order in which they run, "
        "with its share of the time.",
    )
    axes = figure.subplots()
    bars = axes.barh(names, [1000 * value for value in seconds.values()], color=BLUE)
    shares = [f" {value / total:.0%}" for value in seconds.values()]
    axes.bar_label(bars, shares, padding=2)
    axes.margins(x=0.12)
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(f"milliseconds for {unit}")
    longest = max(seconds, key=seconds.__getitem__)
    axes.set_title(f"Of {1000 * total:.0f} ms, most goes into {longest}")
    return figure


@styled
def ladder(seconds: Mapping[str, float]) -> Figure:
    """Draw the seconds of an epoch for each way to run it, and how many times faster each is.

    Parameters
    ----------
    seconds : mapping of str to float
        For each way its seconds, the starting point first and the floor last.
    """
    _check_numbers("seconds", seconds, above=0)
    if len(seconds) < 2:
        raise ValueError("seconds has 1 entry: give two ways or more")
    names, values = list(seconds), list(seconds.values())
    gain = values[0] / values[-1]
    many = "many times" if gain > 4 else "not many times"
    figure = Figure(
        figsize=(7, 0.8 + 0.42 * len(names)),
        alt=f"Seconds an epoch for {len(names)} ways to run it, from {names[0]} down to "
        f"{names[-1]}: the first takes {many} as long as the last.",
    )
    axes = figure.subplots()
    colours = [VERMILION] + [BLUE] * (len(names) - 2) + [_GREY]
    hatches = ["//"] + [""] * (len(names) - 2) + [".."]
    bars = axes.barh(names, values, color=colours, hatch=hatches, edgecolor="white", linewidth=0)
    axes.bar_label(
        bars, [f" {value:.2f} s, ×{values[0] / value:.1f}" for value in values], padding=2
    )
    axes.set_xlim(0, 1.2 * max(values))
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("seconds an epoch")
    axes.set_title(f"The floor is {gain:.0f} times as fast as where we came from")
    return figure


@styled
def cost_growth(
    by_batch: Mapping[int, float],
    by_width: Mapping[int, float],
    by_images: Mapping[int, float],
    memory: Mapping[int, tuple[float, float]],
) -> Figure:
    """Draw how an epoch's seconds grow with batch size, width and number of images.

    Parameters
    ----------
    by_batch, by_width, by_images : mapping of int to float
        Seconds an epoch for each batch size, number of hidden units and number of images.
    memory : mapping of int to (float, float)
        Gigabytes for each number of images, as bytes and as 32-bit floats.
    """
    sizes = {"by_batch": by_batch, "by_width": by_width, "by_images": by_images}
    for name, seconds in sizes.items():
        _check_numbers(name, seconds, of=int, above=0)
    _check_curves("memory", memory, most=100, of=int, length=2, above=0)
    for name, by_size in (sizes | {"memory": memory}).items():
        for size in by_size:
            checks.whole(f"a size in {name}", size)
    figure = Figure(
        figsize=(7, 5.6),
        alt="Four panels on logarithmic axes. Seconds an epoch against batch size, hidden units "
        "and images, each with the limit that binds at either end; and memory against images, "
        "four times as high for floats as for bytes.",
    )
    (batch, width), (images, store) = figure.subplots(2, 2)
    panels = (
        (batch, by_batch, "images in a batch", "overhead of a step", "arithmetic"),
        (width, by_width, "hidden units", "overhead, moving images", "matrix products"),
        (images, by_images, "images in an epoch", "steps: in proportion", ""),
    )
    for axes, seconds, what, low, high in panels:
        axes.loglog(list(seconds), list(seconds.values()), marker="o", color=BLUE)
        axes.set_xlabel(what)
        axes.set_ylabel("seconds an epoch")
        for x, side, text in ((0.03, "left", low), (0.97, "right", high)):
            axes.text(x, 1.02, text, transform=axes.transAxes, ha=side, fontsize=8, color=_GREY)
    stored = list(memory)
    for position, (name, marker, dash) in enumerate((("bytes", "o", "-"), ("floats", "s", "--"))):
        gigabytes = [memory[size][position] for size in stored]
        store.loglog(stored, gigabytes, marker=marker, linestyle=dash, label=name)
    store.axhline(1, color=VERMILION, linestyle=":")
    store.text(stored[0], 1.1, "1 GB: a small cloud machine", color=VERMILION, fontsize=8)
    store.set_xlabel("images in memory")
    store.set_ylabel("gigabytes")
    store.legend(loc="lower right")
    for axes, ticks in (
        (batch, list(by_batch)),
        (width, list(by_width)),
        (images, list(by_images)),
        (store, stored),
    ):
        axes.set_xticks(ticks, [_in_thousands(size) for size in ticks])
        axes.set_xticks([], minor=True)
        axes.yaxis.set_major_locator(matplotlib.ticker.LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter("")
    figure.suptitle("What binds changes: overhead, then arithmetic, then memory", fontweight="bold")
    return figure


@styled
def filters_at_work(image: torch.Tensor, filters: torch.Tensor, maps: torch.Tensor) -> Figure:
    """Draw a picture, some filters, and what each filter answers to it.

    Parameters
    ----------
    image : torch.Tensor
        Shape (height, width).
    filters : torch.Tensor
        Shape (filters, 1, side, side).
    maps : torch.Tensor
        Shape (filters, height, width): the answers, zero or more.
    """
    _check_tensor("image", image, ("height", "width"), dtypes=_PIXELS)
    _check_tensor("filters", filters, ("filters", 1, "side", "side"))
    _check_at_most("filters", filters, 16)
    _check_tensor("maps", maps, (len(filters), "height", "width"))
    count = len(filters)
    figure = Figure(
        figsize=(7, 2.7),
        alt=f"A garment beside {count} small filters and the answer of each: every filter lights "
        "up the edges that face its own way and leaves flat cloth dark.",
    )
    panels = figure.subplots(2, count + 1, width_ratios=[1.6] + [1] * count)
    panels[0, 0].imshow(image.numpy(), cmap="gray_r")
    panels[0, 0].set_title("garment", fontsize=9)
    panels[1, 0].text(0.5, 0.5, "answers →", ha="center", va="center")
    reach = float(filters.abs().max())
    for column in range(count):
        weights = filters[column, 0].numpy()
        panels[0, column + 1].imshow(weights, cmap="RdBu", vmin=-reach, vmax=reach)
        panels[1, column + 1].imshow(maps[column].numpy(), cmap="gray")
    for axes in panels.flat:
        _hide_frame(axes)
        axes.set_xticks([])
        axes.set_yticks([])
    figure.suptitle("Each filter finds the edges that face its way", fontweight="bold")
    return figure


@styled
def accuracy_against_seconds(
    runs: Mapping[str, tuple[Sequence[float], Sequence[float]]], usual_epoch: float
) -> Figure:
    """Draw the accuracy that each recipe reaches against the seconds that it takes.

    Parameters
    ----------
    runs : mapping of str to (sequence of float, sequence of float)
        For each recipe the seconds since its start, and the fraction right on the validation part
        at that time.
    usual_epoch : float
        The seconds of one epoch with the usual loader, marked by a line.
    """
    checks.mapping("runs", runs, most=len(_MARKERS))
    for name, run in runs.items():
        checks.items(f"runs[{name!r}]", run, length=2)
        checks.series(f"seconds of runs[{name!r}]", run[0], above=0)
        checks.series(f"accuracies of runs[{name!r}]", run[1], length=len(run[0]), least=0)
    checks.number("usual_epoch", usual_epoch, above=0)
    figure = Figure(
        figsize=(7, 4.2),
        alt="Fraction right on the validation part against seconds, for "
        f"{len(runs)} recipes, and a line where the usual loader ends its first epoch. One recipe "
        "is a line of points, an epoch each; the others are single points.",
    )
    axes = figure.subplots()
    colours = (BLUE, GREEN, ORANGE, PINK, SKY, VERMILION)
    for (name, (seconds, accuracy)), marker, colour in zip(
        runs.items(), _MARKERS, colours, strict=False
    ):
        axes.plot(
            seconds, accuracy, marker=marker, markersize=8, color=colour, linestyle="-", label=name
        )
    axes.axvline(usual_epoch, color=BLACK, linestyle=":", label="usual loader: one epoch")
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter("")
    axes.set_xlabel("seconds (logarithmic)")
    axes.set_ylabel("fraction right, validation part")
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    axes.set_title("What one knows beforehand is worth many epochs", loc="left")
    return figure


def _in_thousands(count: int) -> str:
    return f"{count // 1000}k" if count >= 10_000 else str(count)


def _rises_above_chord(positions: torch.Tensor, losses: torch.Tensor) -> bool:
    chord = torch.lerp(losses[0], losses[-1], positions)
    return bool((losses > chord + 1e-6).any())


def _hide_frame(axes) -> None:
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    axes.grid(visible=False)


# --- Notebook 05: the debugging clinic ---

# Beyond this a loss is drawn as if it stood there: the rest of the curve would be a flat line.
_LOSS_SHOWN = (-4.0, 12.0)


@styled
def patients(charts: "Mapping[str, clinic.Chart]", twins: "Mapping[str, clinic.Chart]") -> Figure:
    """Draw what one sees of each patient from outside: loss and accuracy, beside a healthy run.

    Parameters
    ----------
    charts, twins : mapping of str to Chart
        By the name under which the patient is shown: its chart, and that of the same run without
        the fault.
    """
    _check_charts("charts", charts)
    _check_charts("twins", twins, charts)
    starts = [n for n, chart in charts.items() if abs(chart.loss[0] - math.log(10)) < 0.2]
    figure = Figure(
        figsize=(7, 3.9),
        alt=f"Loss above and accuracy below of {len(charts)} patients, each beside the healthy "
        f"run. Their first loss is near ln 10: {_and(starts) or 'in none'}.",
    )
    rows = figure.subplots(2, len(charts), sharex="col", sharey="row", squeeze=False)
    for (above, below), (name, chart) in zip(rows.T, charts.items(), strict=True):
        above.set_title(f"patient {name}")
        for axes, mine, theirs in (
            (above, _within(chart.loss, *_LOSS_SHOWN), twins[name].loss),
            (below, chart.accuracy, twins[name].accuracy),
        ):
            axes.plot(_updates(theirs), theirs, color=BLUE, label="healthy")
            axes.plot(_updates(mine), mine, color=VERMILION, linestyle="--", label="patient")
        above.axhline(math.log(10), color=_GREY, linewidth=1, linestyle=":", label="ln 10")
        below.axhline(0.1, color=_GREY, linewidth=1, linestyle=":")
        below.set_xlabel("update")
    losses = [v for c in charts.values() for v in _within(c.loss, *_LOSS_SHOWN) if v == v]
    rows[0, 0].set_ylim(min(0, min(losses)) - 0.2, max(2.6, 1.03 * max(losses)))
    rows[1, 0].set_ylim(0, 1)
    rows[0, 0].set_ylabel("loss (nats)")
    rows[1, 0].set_ylabel("right, last 20 batches")
    handles, labels = rows[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    return figure


@styled
def symptoms(
    signs: "Mapping[str, clinic.Symptom]",
    charts: "Mapping[str, clinic.Chart]",
    twins: "Mapping[str, clinic.Chart]",
) -> Figure:
    """Draw for each patient the curve of its symptom, the bound, and the healthy curve.

    Parameters
    ----------
    signs : mapping of str to Symptom
        By the patient's name, drawn two in a row.
    charts, twins : mapping of str to Chart
        By the same names: the patient's chart, and that of the same run without the fault.
    """
    checks.mapping("signs", signs)
    for name, symptom in signs.items():
        _check_symptom(f"signs[{name!r}]", symptom)
    _check_charts("charts", charts, signs)
    _check_charts("twins", twins, signs)
    told = sum(s.shown_by(charts[n]) and not s.shown_by(twins[n]) for n, s in signs.items())
    rows = -(-len(signs) // 2)
    figure = Figure(
        figsize=(7, 2.5 * rows + 0.2),
        alt=f"A panel for each of {len(signs)} symptoms: the patient's curve, the healthy one and "
        f"a dotted bound. In {told} of them the bound lies between the two.",
    )
    cells = list(figure.subplots(rows, 2, squeeze=False).flat)
    for axes, (name, symptom) in zip(cells, signs.items(), strict=False):
        _draw_symptom(axes, symptom, charts[name], twins[name])
        axes.set_title(f"{name}: {symptom.sign}\n→ {symptom.fault}", fontsize=8.5)
    for axes in cells[len(signs) :]:
        axes.set_axis_off()
    handles, labels = cells[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    return figure


def _draw_symptom(
    axes, symptom: "clinic.Symptom", chart: "clinic.Chart", twin: "clinic.Chart"
) -> None:
    mine, theirs = (list(symptom.series(c))[: symptom.drawn] for c in (chart, twin))
    values = [value for value in mine + theirs if math.isfinite(value)]
    # Where a curve explodes, only a logarithm leaves the other one to be seen.
    wide = max(values) > 50 and min(values) >= 0
    if wide:
        axes.set_yscale("symlog", linthresh=1)
    if len(mine) == 1:
        places = [0, 1]
        axes.bar(places, [theirs[0], mine[0]], color=[BLUE, VERMILION], width=0.5)
        axes.set_xticks(places, ["healthy", "patient"])
        axes.axhline(0, color=BLACK, linewidth=0.8)
    elif len(mine) < 10:
        sizes = [str(size) for size in chart.in_batches_of]
        axes.plot(sizes, theirs, color=BLUE, marker="o", label="healthy")
        axes.plot(sizes, mine, color=VERMILION, linestyle="--", marker="s", label="patient")
        axes.set_xlabel("images shown at once")
        axes.set_ylim(0, 1)
    else:
        lowest = -4.0 if symptom.bound == 0 else -math.inf
        axes.plot(_updates(theirs), theirs, color=BLUE, label="healthy")
        axes.plot(
            _updates(mine),
            _within(mine, lowest, math.inf),
            color=VERMILION,
            linestyle="--",
            label="patient",
        )
        axes.set_xlabel("update")
        if lowest > -math.inf:
            axes.set_ylim(lowest - 0.2, None)
    axes.axhline(symptom.bound, color=BLACK, linewidth=1.2, linestyle=":", label="bound")
    axes.set_ylabel(symptom.axis or symptom.quantity, fontsize=8)


def _updates(series: Sequence[float]) -> range:
    return range(1, len(series) + 1)


def _within(series: Sequence[float], lowest: float, highest: float) -> list[float]:
    """Hold a curve within bounds, and end it where it is no number any more."""
    return [min(max(value, lowest), highest) if value == value else math.nan for value in series]


@styled
def in_batches_of(accuracies: Mapping[str, Mapping[int, float]]) -> Figure:
    """Draw how often networks are right, by how many images they are shown at once.

    Parameters
    ----------
    accuracies : mapping of str to mapping of int to float
        For each network's name, the fraction right at each batch size.
    """
    checks.mapping("accuracies", accuracies, most=3)
    first = next(iter(accuracies.values()))
    for name, by_size in accuracies.items():
        _check_numbers(f"accuracies[{name!r}]", by_size, of=int, least=0)
        checks.mapping(f"accuracies[{name!r}]", by_size, of=int, keys=(1, *first), most=len(first))
    falls = [n for n, by_size in accuracies.items() if max(by_size.values()) > 2 * by_size[1]]
    figure = Figure(
        figsize=(7, 3.0),
        alt="Bars of the fraction right when the same test images are shown in large batches, in "
        f"small ones, and one at a time. It falls to a guess for: {_and(falls) or 'none'}.",
    )
    axes = figure.subplots()
    width = 0.8 / len(accuracies)
    for place, (name, by_size) in enumerate(accuracies.items()):
        left = [x + (place + 0.5) * width - 0.4 for x in range(len(by_size))]
        bars = axes.bar(
            left,
            list(by_size.values()),
            width=0.95 * width,
            color=(BLUE, VERMILION, GREEN)[place],
            hatch=("", "//", "..")[place],
            edgecolor="white",
            label=name,
        )
        axes.bar_label(bars, fmt="{:.0%}", fontsize=9)
    axes.set_xticks(range(len(by_size)), [f"{size} at once" for size in by_size])
    axes.axhline(0.1, color=_GREY, linewidth=1, linestyle=":")
    axes.set_ylim(0, 1.1)
    axes.set_ylabel("fraction right (dotted: a guess)")
    axes.set_title("One network, the same images, three accuracies")
    axes.legend(loc="upper right", ncols=2, bbox_to_anchor=(1, 1.16))
    axes.grid(axis="x", visible=False)
    return figure


@styled
def accuracy_reported(honest: Sequence[float], reported: Sequence[float]) -> Figure:
    """Draw an accuracy whose counters are never set back beside that of each epoch.

    Parameters
    ----------
    honest, reported : sequence of float
        At the end of each epoch: the fraction right in this epoch, and in all epochs so far.
    """
    checks.series("honest", honest, least=0)
    checks.series("reported", reported, length=len(honest), least=0)
    lags = all(r < h for h, r in zip(honest[1:], reported[1:], strict=True))
    verdict = "lags behind from the second epoch on" if lags else "does not lag behind"
    figure = Figure(
        figsize=(7, 2.8),
        alt=f"Two curves of the accuracy over {len(honest)} epochs. The one whose counters are "
        f"never set back {verdict}.",
    )
    axes = figure.subplots()
    axes.plot(_updates(honest), honest, color=BLUE, marker="o", label="of this epoch")
    axes.plot(
        _updates(reported),
        reported,
        color=VERMILION,
        linestyle="--",
        marker="s",
        label="of all epochs so far",
    )
    axes.set_xlabel("epoch")
    axes.set_xticks(list(_updates(honest)))
    axes.set_ylabel("fraction right")
    axes.set_title(f"An accuracy that is never set back {verdict}")
    axes.legend()
    return figure


@styled
def who_shows_what(
    signs: "Sequence[clinic.Symptom]", charts: "Mapping[str, clinic.Chart]"
) -> Figure:
    """Draw which patient shows which symptom.

    Parameters
    ----------
    signs : sequence of Symptom
        The columns, numbered.
    charts : mapping of str to Chart
        The rows, by the fault's name: one for the fault of each symptom, in any order.
    """
    checks.items("signs", signs)
    for place, symptom in enumerate(signs):
        _check_symptom(f"signs[{place}]", symptom)
    _check_charts("charts", charts, [symptom.fault for symptom in signs])
    faults = [symptom.fault for symptom in signs]
    shown = [[symptom.shown_by(charts[fault]) for symptom in signs] for fault in faults]
    several = sum(sum(row) > 1 for row in shown)
    own = sum(row[place] for place, row in enumerate(shown))
    figure = Figure(
        figsize=(7, 0.27 * len(faults) + 1.9),
        alt=f"A table of patients and symptoms. {own} of {len(faults)} patients show the symptom "
        f"of their own fault; {'many' if several > 3 else 'few'} show others beside it.",
    )
    axes = figure.subplots()
    for row, marks in enumerate(shown):
        for column, mark in enumerate(marks):
            if mark:
                own_mark = row == column
                axes.scatter(
                    column,
                    row,
                    s=90 if own_mark else 45,
                    marker="s" if own_mark else "o",
                    color=VERMILION if own_mark else "white",
                    edgecolor=VERMILION if own_mark else BLUE,
                    linewidth=1.5,
                )
    axes.set_yticks(range(len(faults)), faults)
    axes.set_xticks(
        range(len(faults)), [s.sign for s in signs], rotation=40, ha="right", fontsize=7.5
    )
    axes.invert_yaxis()
    axes.set_ylim(len(faults) - 0.4, -0.6)
    title = "Squares: each fault shows its own symptom. Circles: and others"
    figure.suptitle(title, x=0.01, ha="left", weight="bold", fontsize=11)
    return figure


def _and(names: Sequence[str]) -> str:
    return ", ".join(names[:-1]) + (" and " if len(names) > 1 else "") + names[-1] if names else ""


# --- Notebook 06: beyond one process ---


@styled
def unequal_parts(
    sizes: Sequence[int], plain: Sequence[float], weighted: Sequence[float]
) -> Figure:
    """Draw how wrong a mean of two gradients is, against how unequal their parts of a batch are.

    Parameters
    ----------
    sizes : sequence of int
        Images in the smaller part of the batch.
    plain, weighted : sequence of float
        Distance from the whole batch's gradient, as a fraction of that gradient's length: of the
        mean of the two, and of their mean weighted by images.
    """
    checks.series("sizes", sizes, above=0)
    checks.series("plain", plain, length=len(sizes), least=0)
    checks.series("weighted", weighted, length=len(sizes), least=0)
    figure = Figure(
        figsize=(7, 3.6),
        alt="Error of the mean of two parts' gradients against the size of the smaller part: the "
        "plain mean is wrong unless the parts are equal, the weighted mean never.",
    )
    axes = figure.add_subplot()
    axes.plot(sizes, plain, "o-", label="plain mean of the two gradients")
    axes.plot(sizes, weighted, "s--", label="each part weighted by its images")
    axes.set(
        title="Unequal parts need weights",
        xlabel="images in the smaller part of a batch of 96",
        ylabel="error, as a fraction\nof the gradient's length",
        ylim=(-0.08, 1.15 * max(plain)),
        xticks=list(sizes),
    )
    axes.legend()
    return figure


@styled
def noise_by_batch(sizes: Sequence[int], distances: Sequence[float]) -> Figure:
    """Draw how far a batch's gradient is from that of all images, against the batch's size.

    Parameters
    ----------
    sizes : sequence of int
        Images in a batch.
    distances : sequence of float
        Mean length of the difference of the two gradients.
    """
    checks.series("sizes", sizes, above=0)
    checks.series("distances", distances, length=len(sizes), above=0)
    figure = Figure(
        figsize=(7, 3.4),
        alt="Distance between a batch's gradient and that of all images, against the batch's size, "
        "both axes logarithmic: it falls along the line of one over the square root.",
    )
    axes = figure.add_subplot()
    theory = [distances[0] * math.sqrt(sizes[0] / size) for size in sizes]
    axes.loglog(sizes, theory, "--", color=_GREY, label="one over the square root")
    axes.loglog(sizes, distances, "o", color=BLUE, label="measured")
    axes.set(
        title="Four times the batch, half the noise",
        xlabel="images in a batch",
        ylabel="distance from the\ngradient of all images",
    )
    axes.set_xticks(list(sizes), [str(size) for size in sizes], minor=False)
    steps = [step * 10**power for power in range(-3, 4) for step in (1, 2, 5)]
    inside = [step for step in steps if min(distances) / 1.5 < step < max(distances) * 1.5]
    axes.set_yticks(inside, [f"{step:g}" for step in inside])
    axes.minorticks_off()
    axes.legend()
    return figure


@styled
def growing_batch(
    processes: Sequence[int], final: Mapping[str, Sequence[float]], first: Mapping[str, Sequence]
) -> Figure:
    """Draw what becomes of a run as its batch grows, and how its first steps go.

    Parameters
    ----------
    processes : sequence of int
        Each brings a batch of the same size.
    final : mapping of str to sequence of float
        By policy for the learning rate: the training loss of the last epoch.
    first : mapping of str to sequence of float
        By policy: the loss of each of the first steps, with the largest number of processes that
        is worth it.
    """
    checks.series("processes", processes, above=0)
    _check_curves("final", final, most=len(_MARKERS), length=len(processes), finite=False)
    _check_curves("first", first, most=len(_MARKERS), finite=False)
    figure = Figure(
        figsize=(7, 3.6),
        alt="Left: with a fixed learning rate the loss after the same epochs rises with the number "
        "of processes; scaled with it, it stays low up to a point. Right: a jump to the scaled "
        "rate overshoots at first, a warm-up later and less.",
    )
    left, right = figure.subplots(1, 2, width_ratios=(1.15, 1))
    for (name, losses), marker in zip(final.items(), _MARKERS, strict=False):
        left.plot(processes, losses, marker=marker, label=name)
    left.set_xscale("log", base=2)
    left.set_xticks(list(processes), [str(number) for number in processes])
    left.set(
        title="More processes, fewer steps",
        xlabel="processes, 32 images each",
        ylabel="training loss, last epoch",
        ylim=(0, None),
    )
    left.legend(loc="upper left")
    for (name, losses), marker in zip(first.items(), _MARKERS, strict=False):
        right.plot(range(1, len(losses) + 1), losses, marker=marker, markersize=4, label=name)
    right.set(
        title="A warm-up softens the start",
        xlabel="step",
        ylabel="loss of the batch",
        ylim=(0, None),
    )
    right.legend(loc="lower left")
    return figure


@styled
def speed_up(milliseconds: Mapping[str, Mapping[str, float]], shared: Sequence[float]) -> Figure:
    """Draw measured times of a step, and the speed-up beside what Amdahl's law allows.

    Parameters
    ----------
    milliseconds : mapping of str to mapping of str to float
        By network, then by way to run it ("1 process", "2 processes", ...), the time of a step.
    shared : sequence of float
        Fractions of the work that can be shared, one line each.
    """
    checks.mapping("milliseconds", milliseconds, most=2)
    first = next(iter(milliseconds.values()))
    for name, times in milliseconds.items():
        _check_numbers(f"milliseconds[{name!r}]", times, above=0)
        checks.mapping(f"milliseconds[{name!r}]", times, keys=first, most=3)
    if len(first) < 2:
        raise ValueError("milliseconds has 1 way to run each network: give two or three")
    checks.series("shared", shared, least=0)
    for place, fraction in enumerate(shared):
        checks.number(f"shared[{place}]", fraction, most=1)
    figure = Figure(
        figsize=(7, 3.8),
        alt="Left: measured time of a step for two networks and three ways to run it. Right: the "
        "speed-up measured for two processes, beside Amdahl's lines, which all bend towards a "
        "ceiling.",
    )
    left, right = figure.subplots(1, 2, width_ratios=(1.1, 1))
    ways = list(next(iter(milliseconds.values())))
    height = 0.8 / len(ways)
    names = list(milliseconds)
    for position, (way, colour, hatch) in enumerate(
        zip(ways, (BLUE, ORANGE, SKY), ("", "//", ".."), strict=False)
    ):
        values = [milliseconds[name][way] for name in names]
        places = [index + position * height for index in range(len(names))]
        bars = left.barh(places, values, height, color=colour, hatch=hatch, ec="white", label=way)
        left.bar_label(bars, fmt="%.3g", padding=2, fontsize=8)
    left.set_yticks([index + height for index in range(len(names))], names)
    left.set(title="Time of a step", xlabel="milliseconds (logarithmic)", xscale="log")
    longest = max(max(values.values()) for values in milliseconds.values())
    shortest = min(min(values.values()) for values in milliseconds.values())
    left.set_xlim(shortest / 2, longest * 3)
    left.invert_yaxis()
    left.grid(axis="y", visible=False)
    left.legend(
        loc="upper center",
        bbox_to_anchor=(0.5, -0.2),
        ncols=len(ways),
        fontsize=8,
        columnspacing=0.8,
        handlelength=1.2,
    )
    processes = [1 + step / 4 for step in range(61)]
    for fraction in shared:
        lift = [1 / ((1 - fraction) + fraction / number) for number in processes]
        right.plot(processes, lift, "-", color=_GREY, linewidth=1.2)
        right.annotate(
            f"{fraction:.0%} shared",
            (processes[-1], lift[-1]),
            xytext=(0, 3),
            textcoords="offset points",
            ha="right",
            fontsize=8,
            color=_GREY,
        )
    for name, marker, colour in zip(names, _MARKERS, (VERMILION, GREEN), strict=False):
        gain = milliseconds[name][ways[0]] / milliseconds[name][ways[1]]
        right.plot(2, gain, marker, color=colour, markersize=8, label=f"{name}, {ways[1]}")
    right.axhline(1, color=BLACK, linewidth=0.8, linestyle=":")
    right.set_xticks([1, 2, 4, 8, 16], ["1", "2", "4", "8", "16"])
    right.set(title="Amdahl's lines bend", xlabel="processes", ylabel="times as fast", ylim=(0, 12))
    right.legend(loc="upper left")
    return figure
