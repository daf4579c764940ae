"""Figures look as committed, whatever a reader has set for figures of their own."""

import matplotlib
import pytest

from helpers.common.picture import Figure, styled


@styled
def line() -> Figure:
    figure = Figure(alt="A line.", figsize=(2, 2))
    figure.subplots().plot([0, 1], [0, 1], label="up")
    return figure


@pytest.mark.parametrize(
    "settings",
    [
        {"text.usetex": True},
        {"font.size": 30, "font.family": "serif", "axes.titlecolor": "red"},
        {"axes.facecolor": "black", "figure.facecolor": "black", "lines.color": "white"},
        {"savefig.dpi": 20, "savefig.bbox": "tight", "savefig.transparent": True},
        {"axes.unicode_minus": False, "axes.formatter.use_locale": True},
        {"path.sketch": (1, 100, 2)},
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_a_readers_own_settings_change_no_pixel_and_stay_theirs(settings):
    expected = line().png()
    with matplotlib.rc_context(settings):
        before = dict(matplotlib.rcParams)
        assert line().png() == expected
        assert dict(matplotlib.rcParams) == before
