"""A film of descents that race on one bowl: one SVG image that moves by itself."""

import base64
import html
import math
from typing import Any

import torch
from torch import Tensor

from helpers.common import page
from helpers.common.picture import Figure
from helpers.common.sentences import say
from helpers.gradient_descent.descent import Path
from helpers.gradient_descent.looks import GOAL, LOOKS

_SECONDS = 0.2  # How long one step takes.
_WITH_REST = 1.2 * _SECONDS  # The same with its share of the while for which the last frame rests.
_SQUARE, _CIRCLE = '<rect x="-5" y="-9" width="10" height="10"/>', '<circle cy="-4" r="5"/>'

# Swaps the image for the same SVG in the page, whose clock can then be stopped and set.
_WIND_THE_FILM = (
    "const bar = this.nextElementSibling, [button, label] = bar.children, "
    "slider = label.querySelector('input'), text = atob(this.src.split(',')[1]), "
    "film = new DOMParser().parseFromString(text, 'image/svg+xml').documentElement; "
    "film.setAttribute('role', 'img'); film.setAttribute('aria-label', this.alt); "
    "this.replaceWith(film); bar.style.display = ''; "
    # JupyterLab would take the arrows for its own.
    "bar.onkeydown = event => event.ctrlKey || event.metaKey || event.stopPropagation(); "
    "const pause = on => { on ? film.pauseAnimations() : film.unpauseAnimations(); "
    "button.textContent = on ? 'PLAY' : 'PAUSE'; }; "
    "button.onclick = () => pause(!film.animationsPaused()); "
    "slider.oninput = () => { pause(true); film.setCurrentTime(slider.value * SECONDS); }; "
    "const watch = setInterval(() => { if (!film.isConnected) clearInterval(watch); "
    "else if (!film.animationsPaused()) "
    "slider.value = film.getCurrentTime() % film.dataset.seconds / SECONDS; }, 100); "
    "if (matchMedia('(prefers-reduced-motion: reduce)').matches) { "
    "slider.value = slider.max; slider.oninput(); }"
)


class Player:
    """A small film of a descent that shows itself, with or without a kernel.

    The film is one SVG image, ASCII, which moves by itself, so it also plays where a page's scripts
    are taken out; where nothing moves it shows the last frame. Where scripts are kept, a button and
    a slider under it stop it and wind it. Where HTML is not shown, the still is.
    """

    def __init__(self, svg: str, *, steps: int, still: Figure):
        self.svg, self.alt = svg, still.alt
        self._steps, self._still = steps, still

    def html(self) -> str:
        """Return the film as an HTML image with its alt text and its controls."""
        data = base64.b64encode(self.svg.encode("ascii")).decode("ascii")
        script = _WIND_THE_FILM.replace("SECONDS", f"{_SECONDS:g}")
        script = script.replace("PLAY", say("Play")).replace("PAUSE", say("Pause"))
        return (
            '<div style="max-width: 700px">'
            f'<img src="data:image/svg+xml;base64,{data}" alt="{html.escape(self.alt)}" '
            f'style="width: 100%" onload="{html.escape(script)}">'
            f'<div style="display: none"><button>{say("Pause")}</button> <label>{say("step")} '
            f'<input type="range" min="0" max="{self._steps}" value="0" '
            'style="width: 60%; vertical-align: middle"></label></div></div>'
        )

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        return {
            "text/html": page.covered(self.html()),
            "image/png": base64.b64encode(self._still.png()).decode("ascii"),
            "text/plain": self.alt,
        }


def race(
    hessian: Tensor, paths: dict[str, Path], *, title: str, reach: float, still: Figure
) -> Player:
    """Return a film of several descents on one bowl, step by step, with their distances beside it.

    The bowl's `hessian` has shape (2, 2), and the left panel reaches so far from its minimum. The
    paths are all of the same number of steps, and none comes to stand on the minimum itself. Names
    and title are ASCII. The still's alt text is the film's too.
    """
    (steps,) = {path.steps for path in paths.values()}
    # Right panel: steps from 0 to the last, distances as powers of ten.
    logs = torch.log10(torch.stack([path.distances() for path in paths.values()]))
    top, bottom = math.ceil(float(logs.max())), math.floor(float(logs.min()))
    unit = 250 / max(top - bottom, 1)
    across = 390 + 290 * torch.arange(steps + 1, dtype=torch.float64) / steps
    scale = 140 / reach
    # The minimum wears the same star as in the other figures.
    points = [(math.pi * (i / 5 - 0.5), 4 if i % 2 else 10) for i in range(10)]
    star = " ".join(f"{180 + r * math.cos(a):.1f},{180 + r * math.sin(a):.1f}" for a, r in points)
    runners, names = "", ""
    for index, ((name, path), look) in enumerate(zip(paths.items(), LOOKS, strict=False)):
        on_bowl = path.points * torch.tensor([scale, -scale]) + 180  # SVG counts downwards.
        falling = torch.stack([across, 66 + unit * (top - logs[index])], dim=1)
        runners += _runner(on_bowl, look) + _runner(falling, look)
        mark = _SQUARE if look["marker"] == "s" else _CIRCLE
        names += (
            f'<g transform="translate({50 + 240 * index} 368)" fill="{look["color"]}">{mark}'
            f'<text x="12" fill="{look["color"]}" font-weight="bold">{html.escape(name)}</text></g>'
        )
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 700 380" '
        f'data-seconds="{steps * _WITH_REST:.4g}" '
        'font-family="DejaVu Sans, Arial, sans-serif" font-size="12">'
        '<rect width="700" height="380" fill="white"/>'
        f'<text x="40" y="22" font-size="14" font-weight="bold">{html.escape(title)}</text>'
        '<svg x="40" y="40" width="280" height="280" viewBox="40 40 280 280">'
        '<rect x="40" y="40" width="280" height="280" fill="#f6f6f6"/>'
        f'<g transform="translate(180 180)" fill="none" stroke="#9a9a9a">{_rings(hessian, scale)}'
        f'</g><polygon points="{star}" fill="{GOAL["color"]}" stroke="black"/></svg>'
        '<text x="180" y="336" text-anchor="middle">'
        "the bowl from above; the star is its minimum</text>"
        f"{_ticks(top, bottom, unit, steps)}"
        '<text x="535" y="50" text-anchor="middle">distance to the minimum</text>'
        '<text x="535" y="354" text-anchor="middle">step</text>'
        f"{runners}{names}</svg>"
    )
    return Player(svg, steps=steps, still=still)


def _animate(attribute: str, values: list[float]) -> str:
    """Return SVG that gives an attribute one value a step."""
    whole = (len(values) - 1) * _WITH_REST
    times = [f"{step * _SECONDS / whole:.4f}" for step in range(len(values))]
    listed = ";".join(f"{value:.4g}" for value in [*values, values[-1]])
    return (
        f'<animate attributeName="{attribute}" dur="{whole:.4g}s" repeatCount="indefinite" '
        f'keyTimes="{";".join(times)};1" values="{listed}"/>'
    )


def _runner(places: Tensor, look: dict[str, Any]) -> str:
    """Return a line that grows along places of shape (steps + 1, 2), and a mark at its end."""
    # The line is one dash as long as itself, moved out of sight and step by step in again.
    lengths = torch.linalg.vector_norm(places.diff(dim=0), dim=1).cumsum(0)
    left = [1.0, *(1 - lengths / lengths[-1]).clamp(min=0).tolist()]
    x, y = places.T.tolist()
    color = look["color"]
    corners = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
    line = (
        f'<polyline points="{corners}" fill="none" stroke="{color}" stroke-width="1.5" '
        f'pathLength="1" stroke-dasharray="1 1">{_animate("stroke-dashoffset", left)}'
        "</polyline>"
    )
    shape, across, up, size = "circle", "cx", "cy", 'r="5.5"'
    if look["marker"] == "s":
        shape, across, up, size = "rect", "x", "y", 'width="10" height="10"'
        x, y = (places - 5).T.tolist()  # A square is placed by its corner.
    return line + (
        f'<{shape} {across}="{x[-1]:.1f}" {up}="{y[-1]:.1f}" {size} fill="{color}" stroke="white">'
        f"{_animate(across, x)}{_animate(up, y)}</{shape}>"
    )


def _rings(hessian: Tensor, scale: float) -> str:
    """Return level lines of the bowl: ellipses along its axes, narrow where it is steep."""
    curvatures, axes = torch.linalg.eigh(hessian)
    turn = math.degrees(math.atan(float(axes[1, 0] / axes[0, 0])))
    across, up = (scale / curvatures.sqrt()).tolist()  # For a loss of 1/2.
    return "".join(
        f'<ellipse rx="{across * size:.1f}" ry="{up * size:.1f}" transform="rotate({-turn:.2f})"/>'
        for size in (0.25, 0.5, 1, 1.5, 2, 3, 4, 5, 6, 8, 10)
    )


def _ticks(top: int, bottom: int, unit: float, steps: int) -> str:
    """Return the right panel's powers of ten, each with its line, and numbers of steps."""
    powers = "".join(
        f'<line x1="390" x2="680" y1="{y:.1f}" y2="{y:.1f}" stroke="#e3e3e3"/>'
        f'<text x="384" y="{y + 4:.1f}" text-anchor="end">'
        f'10<tspan dy="-4" font-size="8">{power}</tspan></text>'
        for power in range(top, bottom - 1, -1)
        for y in [66 + unit * (top - power)]
    )
    return powers + "".join(
        f'<text x="{390 + 290 * step / steps:.1f}" y="336" text-anchor="middle">{step}</text>'
        for step in range(0, steps + 1, max(1, steps // 6))
    )
