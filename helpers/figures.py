"""Every figure of the series: each function takes data and returns a `Figure`.

A `Figure` carries its alt text, and a notebook shows it as a picture with that text, so a screen
reader gets the finding too. No function here touches ``pyplot``: nothing global is left behind,
and drawing twice gives the same picture twice.
"""

import base64
import functools
import html
import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import ParamSpec

import matplotlib
import matplotlib.figure

STYLE_FILE = Path(__file__).with_name("helpers.mplstyle")

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
        super().__init__(*args, **kwargs)
        self.alt = alt

    def png(self, dots_per_inch: int = _DOTS_PER_INCH) -> bytes:
        """Return the figure as the bytes of a PNG file, the same bytes each time."""
        buffer = io.BytesIO()
        # The style again: some settings, such as the figure's background, are read on saving.
        with matplotlib.rc_context(fname=STYLE_FILE):
            # "Software" carries matplotlib's version, which would change the bytes.
            self.savefig(buffer, format="png", dpi=dots_per_inch, metadata={"Software": None})
        return buffer.getvalue()

    def html(self, dots_per_inch: int = _DOTS_PER_INCH) -> str:
        """Return the figure as an HTML image with its alt text."""
        return _image_tag(self.png(dots_per_inch), self.alt)

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        png = self.png()
        return {
            "text/html": _image_tag(png, self.alt),
            # For PDF and for viewers that do not show HTML.
            "image/png": base64.b64encode(png).decode("ascii"),
            "text/plain": self.alt,
        }


def _image_tag(png: bytes, alt: str) -> str:
    data = base64.b64encode(png).decode("ascii")
    return (
        f'<img src="data:image/png;base64,{data}" alt="{html.escape(alt)}" '
        'style="max-width: 700px; width: 100%">'
    )


def styled(draw: Callable[_Parameters, Figure]) -> Callable[_Parameters, Figure]:
    """Decorate a figure function so that it draws in the series' style."""

    @functools.wraps(draw)
    def draw_in_style(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> Figure:
        with matplotlib.rc_context(fname=STYLE_FILE):
            return draw(*args, **kwargs)

    return draw_in_style


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
    turns = all(values[-1] > 10 * min(values) for values in errors.values())
    finding = "Smaller steps help" + (" until rounding takes over" if turns else "")
    figure = Figure(
        figsize=(7.0, 3.8),
        alt=f"Error of difference quotients ({', '.join(errors)}) against the step h, from "
        f"{steps[0]:g} down to {steps[-1]:g}. {finding}.",
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
