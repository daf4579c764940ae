"""What the figures of notebook 06 draw, in numbers: ends of axes, bars, shades and words beside."""

import pytest
import torch
from matplotlib.patches import Rectangle

from helpers.beyond_one_process import figures


def labels(axis) -> list[str]:
    return [label.get_text() for label in axis.get_ticklabels()]


def points(line) -> list[tuple[float, float]]:
    return list(zip(map(float, line.get_xdata()), map(float, line.get_ydata()), strict=True))


@pytest.mark.parametrize("plain", [[0.4, 0.1, 0.0], [0.1, 2.0, 0.0]])
def test_room_is_left_above_the_largest_error_and_below_none(plain):
    (axes,) = figures.unequal_parts([16, 32, 48], plain, [0.0, 0.0, 0.0]).axes
    assert axes.get_ylim() == pytest.approx((-0.08, 1.15 * max(plain)))
    assert list(axes.get_xticks()) == [16, 32, 48]


def test_noise_is_ticked_at_the_sizes_and_starts_where_theory_does():
    (axes,) = figures.noise_by_batch([9, 81, 36], [0.6, 0.3, 0.4]).axes
    assert labels(axes.xaxis) == ["9", "81", "36"] and list(axes.get_xticks()) == [9, 81, 36]
    theory, measured = axes.lines
    assert points(theory) == [(9, 0.6), (81, pytest.approx(0.2)), (36, pytest.approx(0.3))]
    assert points(measured) == [(9, 0.6), (81, 0.3), (36, 0.4)]
    assert len(axes.get_xticks(minor=True)) == 0 == len(axes.get_yticks(minor=True))


# --- The batch that grows ---

FINAL = {
    "fixed": [torch.tensor([0.3, 0.5, 0.4]), torch.tensor([0.6, 1.2, 0.9])],
    "scaled": [torch.tensor([0.2, 0.2, 0.5]), torch.tensor([0.1, 0.4, 0.1])],
}


def walks(scale: float) -> list[torch.Tensor]:
    """Return two starts of three epochs of five steps each."""
    return [scale * (torch.arange(15.0).view(3, 5) + start) for start in (1.0, 2.0)]


@pytest.fixture
def grown():
    first = {"jump": walks(1.0), "warm": walks(0.1)}
    return figures.growing_batch([2, 8], FINAL, first, 4).axes


def test_bars_reach_from_the_least_to_the_largest_of_all_starts(grown):
    left, _ = grown
    found = [
        [tuple(map(tuple, bar.tolist())) for bar in map(torch.tensor, bars.get_segments())]
        for bars in left.collections
    ]
    expected = [
        [((2, 0.3), (2, 0.5)), ((8, 0.6), (8, 1.2))],
        [((2, 0.2), (2, 0.5)), ((8, 0.1), (8, 0.4))],
    ]
    flat = torch.tensor(found).flatten().tolist()
    assert flat == pytest.approx(torch.tensor(expected).flatten().tolist())
    assert [points(line) for line in left.lines] == [
        [(2, pytest.approx(0.4)), (8, pytest.approx(0.9))],
        [(2, pytest.approx(0.3)), (8, pytest.approx(0.2))],
    ]
    assert left.get_ylim()[0] == 0 and left.get_ylim()[1] > 1.2
    assert labels(left.xaxis) == ["2", "8"] and list(left.get_xticks()) == [2, 8]
    assert left.get_legend().get_title().get_text() == "mean, and range of all starts"


def test_each_start_has_its_line_of_means_over_an_epoch(grown):
    _, right = grown
    means = [[3.0, 8.0, 13.0], [4.0, 9.0, 14.0]]
    expected = [list(zip((1.0, 2.0, 3.0), line, strict=True)) for line in means]
    for drawn, scale in ((right.lines[:2], 1.0), (right.lines[2:], 0.1)):
        for line, wanted in zip(drawn, expected, strict=True):
            assert points(line) == [(x, pytest.approx(scale * y)) for x, y in wanted]
    named = [line.get_label() for line in right.lines]
    assert (named[0], named[2]) == ("jump", "warm")
    assert named[1].startswith("_") and named[3].startswith("_")


@pytest.mark.parametrize(("warm_up", "end"), [(4, 1.3), (5, 1.5), (10, 2.5)])
def test_the_shade_ends_where_the_rate_no_longer_rises(warm_up, end):
    """Five steps make an epoch, whose mean stands in its middle."""
    first = {"jump": walks(1.0), "warm": walks(0.1)}
    _, right = figures.growing_batch([2, 8], FINAL, first, warm_up).axes
    (shade,) = [patch for patch in right.patches if isinstance(patch, Rectangle)]
    assert (shade.get_x(), shade.get_x() + shade.get_width()) == pytest.approx((0.5, end))
    assert shade.get_alpha() == 0.15
    (words,) = right.texts
    assert words.get_text() == "rate rises" and words.get_position() == (0.6, 0.02)
    assert words.get_transform() == right.get_xaxis_transform()  # At the foot of the panel.


# --- The speed-up ---

TIMES = {
    "one": {"1 process": 20.0, "2 processes": 16.0, "2, unshared": 40.0},
    "two": {"1 process": 3.0, "2 processes": 12.0, "2, unshared": 4.0},
}


def test_times_stand_by_network_and_way_with_their_numbers_beside():
    left, right = figures.speed_up(TIMES, [0.5]).axes
    heights = {time: y for line in left.lines for time, y in points(line)}
    expected = {20.0: -0.22, 16.0: 0.0, 40.0: 0.22, 3.0: 0.78, 12.0: 1.0, 4.0: 1.22}
    assert heights == pytest.approx(expected)
    assert {text.get_text(): text.xy[0] for text in left.texts} == {
        "20": 20.0, "16": 16.0, "40": 40.0, "3": 3.0, "12": 12.0, "4": 4.0
    }  # fmt: skip
    # To the right of each dot, and within the panel, which is wider there.
    assert {text.get_position() for text in left.texts} == {(9, 0)}
    assert {(text.get_ha(), text.get_va()) for text in left.texts} == {("left", "center")}
    assert left.get_xlim() == pytest.approx((1.5, 160.0))
    assert left.get_ylim() == (1.5, -0.5) and labels(left.yaxis) == ["one", "two"]
    assert left.get_title("left") == "In two: 1.2 × and 0.25 × as fast"
    gained = [line for line in right.lines if "measured" in line.get_label()]
    assert [points(line) for line in gained] == [[(2.0, 1.25)], [(2.0, 0.25)]]
    assert [line.get_label() for line in gained] == ["one, measured", "two, measured"]


def test_amdahls_lines_are_drawn_up_to_sixty_four_and_end_in_their_ceilings():
    _, right = figures.speed_up(TIMES, [0.8, 0.75]).axes
    lines = right.lines[:2]
    for line, shared in zip(lines, (0.8, 0.75), strict=True):
        assert len(points(line)) == 61
        for processes, lift in points(line):
            assert 1 / lift == pytest.approx(1 - shared + shared / processes)
        assert [points(line)[at][0] for at in (0, 10, 60)] == [1, 2, 64]
    assert [text.get_text() for text in right.texts] == ["80%: below 5 ×", "75%: below 4 ×"]
    ends = [points(line)[-1] for line in lines]
    assert [text.xy for text in right.texts] == ends
    assert {(text.get_ha(), text.get_position()) for text in right.texts} == {("right", (0, 4))}
    numbers = [1, 2, 4, 8, 16, 32, 64]
    assert list(right.get_xticks()) == numbers and labels(right.xaxis) == list(map(str, numbers))
    assert list(right.get_yticks()) == [0.25, 0.5, 1, 2, 4, 8, 16]
    assert labels(right.yaxis) == ["¼", "½", "1", "2", "4", "8", "16"]
    assert right.get_ylim() == (0.2, 32)
    assert points(right.lines[2]) == [(0, 1), (1, 1)]  # Across the panel: as fast as alone.
