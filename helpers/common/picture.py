"""What every figure of the series is made of: `Figure`, the style, the colours.

A `Figure` carries its alt text, and a notebook shows it as a picture with that text, so a screen
reader gets the finding too. No function here touches ``pyplot``: nothing global is left behind,
and drawing twice gives the same picture twice.
"""

import base64
import io
from pathlib import Path

import matplotlib
import matplotlib.figure
import PIL.Image
from matplotlib import ticker
from matplotlib.axis import Axis

from helpers.common import page

# All of matplotlib's own settings, and ours in place of some: a reader's matplotlibrc changes no
# figure of the series. Read once: a slider draws on every move.
_STYLE = dict(matplotlib.rc_params_from_file(Path(__file__).with_name("picture.mplstyle")))
del _STYLE["backend"]  # Where figures are shown is the reader's affair.
# Decorates a figure function, so that it draws in the series' style.
styled = matplotlib.rc_context(_STYLE)

# Okabe and Ito's colours by name, for figures that need one colour to mean one thing.
BLUE, VERMILION, GREEN, PINK = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
ORANGE, SKY, BLACK = "#E69F00", "#56B4E9", "#000000"
GREY = "#6b6b6b"
MARKERS = ("o", "s", "^", "D", "v", "P")

# Sharp on a high-density screen at the 700 px at which a notebook shows it.
_DOTS_PER_INCH = 140


class Figure(matplotlib.figure.Figure):
    """A matplotlib figure that shows itself with its alt text.

    `alt` says what the figure shows, in one or two sentences that name the finding.
    """

    def __init__(self, *args, alt: str, **kwargs):
        super().__init__(*args, **kwargs)
        self.alt = alt

    def png(self, dots_per_inch: int = _DOTS_PER_INCH) -> bytes:
        """Return the figure as the bytes of a PNG file, the same bytes each time."""
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
        return page.image(self.png(dots_per_inch), "png", self.alt)

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        png = _with_palette(self.png())
        return {
            "text/html": page.covered(page.image(png, "png", self.alt)),
            # For PDF and for viewers that do not show HTML, as long as the kernel runs: a notebook
            # is committed without it.
            "image/png": base64.b64encode(png).decode("ascii"),
            "text/plain": self.alt,
        }


def _with_palette(png: bytes) -> bytes:
    """Store a picture with 256 colours: a quarter of the bytes, and no visible difference."""
    buffer = io.BytesIO()
    with PIL.Image.open(io.BytesIO(png)) as picture:
        # Chosen so that none of the picture's is far from one of them. The usual choice goes by how
        # many pixels have a colour, and a thin line may lose its own.
        few_colours = picture.convert("RGB").quantize(
            256, PIL.Image.Quantize.MAXCOVERAGE, kmeans=1, dither=PIL.Image.Dither.NONE
        )
    few_colours.save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def plain_ticks(axis: Axis, digits: tuple[int, ...] = (1, 2, 5)) -> None:
    """Write the `digits` times each power of ten on a logarithmic axis, as plain numbers.

    Matplotlib's own ticks are the powers of ten alone, and there may be only one of them.
    """
    axis.set_major_locator(ticker.LogLocator(subs=digits))
    axis.set_major_formatter(ticker.StrMethodFormatter("{x:g}"))
    axis.set_minor_locator(ticker.NullLocator())
