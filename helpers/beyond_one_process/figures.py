"""The figures of notebook 06: each function takes data and returns a `Figure`."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from matplotlib.axes import Axes
from torch import Tensor

from helpers.common import picture
from helpers.common.picture import MARKERS, Figure, styled
from helpers.common.sentences import say


@styled
def unequal_parts(
    sizes: Sequence[int], plain: Sequence[float], weighted: Sequence[float]
) -> Figure:
    """Draw how wrong a mean of two gradients is, against how unequal their parts of a batch are.

    The `sizes` are those of the smaller part, in images. The errors of the `plain` mean, and of the
    one `weighted` by images, are fractions of the length of the whole batch's gradient.
    """
    figure = Figure(
        figsize=(7, 3.6),
        alt=say(
            "Error of the mean of two parts' gradients against the size of the smaller part: the "
            "plain mean is wrong unless the parts are equal, the weighted mean never."
        ),
    )
    axes = figure.add_subplot()
    axes.plot(sizes, plain, "o-", label="plain mean of the two gradients")
    axes.plot(sizes, weighted, "s--", label="each part weighted by its images")
    axes.set(
        title="The plain mean is wrong unless the parts are equal",
        xticks=sizes,
        ylim=(-0.08, 1.15 * max(plain)),
    )
    axes.set_xlabel("images in the smaller part of a batch of 96")
    axes.set_ylabel("error, as a fraction\nof the gradient's length")
    axes.legend()
    return figure


@styled
def noise_by_batch(sizes: Sequence[int], distances: Sequence[float]) -> Figure:
    """Draw how far a batch's gradient is from that of all images, on the mean, by batch size."""
    figure = Figure(
        figsize=(7, 3.4),
        alt=say(
            "Distance between a batch's gradient and that of all images, against the batch's size, "
            "both axes logarithmic: it falls along the line of one over the square root."
        ),
    )
    axes = figure.add_subplot()
    theory = [distances[0] * math.sqrt(sizes[0] / size) for size in sizes]
    axes.loglog(sizes, theory, "--", color=picture.GREY, label="first dot, shrunk as 1/√images")
    axes.loglog(sizes, distances, "o", color=picture.BLUE, label="measured")
    axes.set(title="Four times the batch, half the noise", xlabel="images in a batch")
    axes.set_ylabel("distance from the\ngradient of all images")
    axes.minorticks_off()
    axes.set_xticks(sizes, map(str, sizes))
    picture.plain_ticks(axes.yaxis)
    axes.legend()
    return figure


@styled
def growing_batch(
    processes: Sequence[int],
    final: Mapping[str, Sequence[Tensor]],
    first: Mapping[str, Sequence[Tensor]],
    warm_up: int,
) -> Figure:
    """Draw what becomes of a run as its batch grows, and how long the shock of its start lasts.

    By policy for the learning rate, `final` holds, for each number of `processes`, the loss of the
    last epoch from each random start; and `first`, for each random start with the most of them, the
    losses of all steps, of shape (epochs, steps in an epoch). The rate rises over `warm_up` steps.
    """
    shown, rescued = list(final), list(first)
    figure = Figure(
        figsize=(7, 3.8),
        alt=say(
            "Left: with a {fixed} the loss of the last epoch rises with the number of processes; "
            "with {scaled} it stays low up to a point. Right: loss over the epochs, a line for "
            "each start: those with a {warm} end well below those with a {jump}.",
            fixed=shown[0],
            scaled=shown[1],
            warm=rescued[1],
            jump=rescued[0],
        ),
    )
    left, right = figure.subplots(1, 2)
    looks = list(zip(MARKERS, (picture.BLUE, picture.VERMILION), ("-", "--"), strict=False))
    for (name, losses), (marker, colour, dash) in zip(final.items(), looks, strict=True):
        starts = torch.stack(list(losses))
        left.plot(processes, starts.mean(dim=1), dash, marker=marker, color=colour, label=name)
        left.vlines(processes, starts.amin(dim=1), starts.amax(dim=1), color=colour, linewidth=3)
    left.set_xscale("log", base=2)
    left.set_xticks(processes, map(str, processes))
    left.set(xlabel="processes, 32 images each", ylabel="loss, last epoch", ylim=(0, None))
    left.set_title("A scaled rate keeps up, to a point")
    left.legend(loc="upper left", title="mean, and range of all starts", title_fontsize=9)
    for (name, walks), (marker, colour, dash) in zip(first.items(), looks, strict=True):
        for number, walk in enumerate(walks):
            epochs = range(1, len(walk) + 1)
            label = name if number == 0 else None
            means = walk.mean(dim=1)
            right.plot(epochs, means, dash, marker=marker, markersize=4, color=colour, label=label)
    steps = first[rescued[0]][0].shape[1]
    right.axvspan(0.5, warm_up / steps + 0.5, color=picture.GREY, alpha=0.15, linewidth=0)
    right.text(0.6, 0.02, "rate rises", transform=right.get_xaxis_transform(), fontsize=9)
    right.set(yscale="log", xlabel="epoch", ylabel="mean loss of an epoch (log)")
    picture.plain_ticks(right.yaxis)
    right.set(title="Adam's shock at the start lasts")
    right.legend(loc="upper right", title="a line for each start", title_fontsize=9)
    return figure


@styled
def speed_up(milliseconds: Mapping[str, Mapping[str, float]], shared: Sequence[float]) -> Figure:
    """Draw measured times of a step, and the speed-up beside what Amdahl's law allows.

    The `milliseconds` of a step stand by network, then by way to run it: "1 process" first, "2
    processes" next. For each fraction of the work that can be `shared` there is a line.
    """
    gains = {}
    for name, times in milliseconds.items():
        alone, in_two, *_ = times
        gains[name] = times[alone] / times[in_two]
    figure = Figure(
        figsize=(7, 4.2),
        alt=say(
            "Left: measured time of a step for two networks and three ways to run it. Right: the "
            "speed-up measured for two processes, beside Amdahl's lines, which all bend towards a "
            "ceiling."
        ),
    )
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.1))
    _times_of_a_step(left, milliseconds)
    left.set_title(
        "In two: " + " and ".join(f"{gain:.2g} ×" for gain in gains.values()) + " as fast"
    )
    _amdahls_lines(right, shared)
    # No mark or colour of the left panel, where they stand for ways to run.
    looks = zip(MARKERS[3:], (picture.VERMILION, picture.PINK), strict=False)
    for (name, gain), (marker, colour) in zip(gains.items(), looks, strict=True):
        right.plot(2, gain, marker, color=colour, markersize=8, label=f"{name}, measured")
    right.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), fontsize=9)
    return figure


def _times_of_a_step(axes: Axes, milliseconds: Mapping[str, Mapping[str, float]]) -> None:
    """Draw a dot for each network and each way to run it; a bar has no start on such an axis."""
    ways = list(next(iter(milliseconds.values())))
    looks = zip(MARKERS, (picture.BLUE, picture.ORANGE, picture.GREEN), strict=False)
    for offset, (way, (marker, colour)) in enumerate(zip(ways, looks, strict=True)):
        for place, times in enumerate(milliseconds.values()):
            label = way if place == 0 else None
            height = place + 0.22 * (offset - 1)
            axes.plot(times[way], height, marker, color=colour, markersize=9, label=label)
            beside: dict[str, Any] = {"textcoords": "offset points", "va": "center", "fontsize": 9}
            axes.annotate(f"{times[way]:.3g}", (times[way], height), (9, 0), **beside)
    axes.set_yticks(range(len(milliseconds)), milliseconds)
    axes.set(xlabel="milliseconds a step (log)", xscale="log", ylim=(len(milliseconds) - 0.5, -0.5))
    all_times = [time for times in milliseconds.values() for time in times.values()]
    axes.set_xlim(min(all_times) / 2, max(all_times) * 4)
    picture.plain_ticks(axes.xaxis, digits=(1,))
    axes.legend(loc="upper center", bbox_to_anchor=(0.4, -0.2), fontsize=9)


def _amdahls_lines(axes: Axes, shared: Sequence[float]) -> None:
    """Draw, for each fraction that can be shared, how far more processes help."""
    processes = [2 ** (step / 10) for step in range(61)]
    for place, fraction in enumerate(shared):
        # Amdahl's law, as the notebook has it.
        lift = [1 / ((1 - fraction) + fraction / number) for number in processes]
        label = "Amdahl's law, by percent shared" if place == 0 else None
        axes.plot(processes, lift, "-", color=picture.GREY, linewidth=1.2, label=label)
        name = f"{fraction:.0%}: below {1 / (1 - fraction):.3g} ×"
        end: dict[str, Any] = {"textcoords": "offset points", "ha": "right", "fontsize": 9}
        axes.annotate(name, (processes[-1], lift[-1]), (0, 4), color=picture.GREY, **end)
    axes.axhline(1, color=picture.BLACK, linewidth=0.8, linestyle=":", label="as fast as alone")
    axes.set_xscale("log", base=2)
    axes.set_yscale("log", base=2)
    numbers = [1, 2, 4, 8, 16, 32, 64]
    axes.set_xticks(numbers, map(str, numbers))
    axes.set_yticks([0.25, 0.5, *numbers[:5]], ["¼", "½", *map(str, numbers[:5])])
    axes.set(xlabel="processes", ylabel="times as fast", ylim=(0.2, 32))
    axes.set_title("Every line has a ceiling")
