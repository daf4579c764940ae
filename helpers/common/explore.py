"""Sliders in JupyterLab, and the printed twin of each.

A slider and its twin call the same figure function, so a page without a kernel (GitHub, a PDF)
shows what the slider shows, and nbval compares its alt text.
"""

import gc
import io
from collections.abc import Callable, Sequence
from typing import TypeVar

import matplotlib.image

from helpers.common import require
from helpers.common.picture import Figure, styled
from helpers.common.sentences import say

try:
    import ipywidgets
except ImportError:
    ipywidgets = None

_Setting = TypeVar("_Setting")

# A slider redraws while the hand moves: half the dots of a printed figure, a third of the time.
_SLIDER_DOTS_PER_INCH = 80


def slider(
    draw: Callable[[_Setting], Figure],
    settings: Sequence[_Setting],
    *,
    label: str,
    start: _Setting | None = None,
):
    """Return a slider over `settings` with the figure of the chosen one under it.

    Parameters
    ----------
    draw : callable
        From one setting to a `Figure`; the same function is given to `twin`.
    settings : sequence
        What the slider steps through, in order. Floats are shown with three digits.
    label : str
        What is being set, with its unit if it has one.
    start : optional
        The setting shown first: one of `settings`, the first by default.

    Returns
    -------
    ipywidgets.VBox or str
        The slider above the figure. Without ipywidgets, a line that says where to look instead.

    Raises
    ------
    TypeError, ValueError
        If `start` is not one of the settings, or `draw` does not give a figure.
    """
    require.function("draw", draw)
    require.items("settings", settings)
    require.text("label", label)
    settings = list(settings)
    start = settings[0] if start is None else start
    try:
        known = start in settings
    except (RuntimeError, ValueError):  # Tensors and arrays, compared, give no one answer.
        known = False
    if not known:
        listed = ", ".join(map(require.shown, settings))
        raise ValueError(f"start is {require.shown(start)}: give one of the settings, {listed}")
    if ipywidgets is None:
        line = say(
            "The slider for {label} needs ipywidgets; the figure below shows what it shows.",
            label=label,
        )
        return _Notice(line)

    control = ipywidgets.SelectionSlider(
        options=[(_short(setting), setting) for setting in settings],
        value=start,
        description=label,
        # Otherwise the page says "null" where the mouse rests on the label.
        tooltip=label,
        style={"description_width": "initial"},
        layout={"width": "95%", "max_width": "700px"},
    )
    picture = ipywidgets.HTML(_page_of(draw, start))

    def redraw(change) -> None:
        # Collecting garbage among all that torch and matplotlib have loaded takes a quarter of a
        # second. It can wait until the picture is there.
        collecting = gc.isenabled()
        gc.disable()
        try:
            picture.value = _page_of(draw, change["new"])
        finally:
            if collecting:
                gc.enable()

    control.observe(redraw, names="value")
    return _Slider([control, picture])


if ipywidgets is not None:

    class _Slider(ipywidgets.VBox):
        def __repr__(self) -> str:
            # What stands in place of the slider on a page, and beside a folded output.
            return say("A slider: run this cell to move it.")


class _Notice(str):
    """A line that a notebook shows as it stands, without quotes."""

    __repr__ = str.__str__


@styled
def twin(draw: Callable[[_Setting], Figure], settings: Sequence[_Setting], *, label: str) -> Figure:
    """Return one figure that shows what a slider shows at a few of its settings.

    Parameters
    ----------
    draw, label
        As the slider has them.
    settings : sequence
        At least three, shown from top to bottom.

    Returns
    -------
    Figure
        The figures below each other; the alt text is theirs, each behind its setting.
    """
    require.items("settings", settings, fewest=3)
    figures = [_drawn(draw, setting) for setting in settings]
    heights = [figure.get_figheight() for figure in figures]
    shown = zip(settings, figures, strict=True)
    alt = " ".join(f"{label} {_short(setting)}: {figure.alt}" for setting, figure in shown)
    strip = Figure(figsize=(figures[0].get_figwidth(), sum(heights)), alt=alt, layout="none")
    edges = {"left": 0, "right": 1, "bottom": 0, "top": 1, "hspace": 0}
    panels = strip.subplots(len(figures), height_ratios=heights, gridspec_kw=edges)
    for axes, figure in zip(panels, figures, strict=True):
        axes.imshow(matplotlib.image.imread(io.BytesIO(figure.png())), aspect="auto")
        axes.set_axis_off()
    return strip


def _page_of(draw: Callable[[_Setting], Figure], setting: _Setting) -> str:
    drawn = _drawn(draw, setting)
    # Of lines, as a film and a graph are, there are no dots per inch.
    return drawn.html(_SLIDER_DOTS_PER_INCH) if isinstance(drawn, Figure) else drawn.html()


def _drawn(draw: Callable[[_Setting], Figure], setting: _Setting):
    drawn = draw(setting)
    if not hasattr(drawn, "html"):  # The film of notebook 03 and a drawn graph have it too.
        cure = "let it return a helpers.common.picture.Figure, which has an alt text"
        raise TypeError(f"draw gave {require.shown(drawn)}: {cure}")
    return drawn


def _short(setting: object) -> str:
    return f"{setting:.3g}" if isinstance(setting, float) else str(setting)
