"""The figures of notebook 06: each function takes data and returns a `Figure`."""

import math
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes

from helpers.common import picture
from helpers.common.picture import MARKERS, Figure, styled


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
        alt="Error of the mean of two parts' gradients against the size of the smaller part: the "
        "plain mean is wrong unless the parts are equal, the weighted mean never.",
    )
    axes = figure.add_subplot()
    axes.plot(sizes, plain, "o-", label="plain mean of the two gradients")
    axes.plot(sizes, weighted, "s--", label="each part weighted by its images")
    axes.set(title="Unequal parts need weights", xticks=sizes, ylim=(-0.08, 1.15 * max(plain)))
    axes.set_xlabel("images in the smaller part of a batch of 96")
    axes.set_ylabel("error, as a fraction\nof the gradient's length")
    axes.legend()
    return figure


@styled
def noise_by_batch(sizes: Sequence[int], distances: Sequence[float]) -> Figure:
    """Draw how far a batch's gradient is from that of all images, on the mean, by batch size."""
    figure = Figure(
        figsize=(7, 3.4),
        alt="Distance between a batch's gradient and that of all images, against the batch's size, "
        "both axes logarithmic: it falls along the line of one over the square root.",
    )
    axes = figure.add_subplot()
    theory = [distances[0] * math.sqrt(sizes[0] / size) for size in sizes]
    axes.loglog(sizes, theory, "--", color=picture.GREY, label="one over the square root")
    axes.loglog(sizes, distances, "o", color=picture.BLUE, label="measured")
    axes.set(title="Four times the batch, half the noise", xlabel="images in a batch")
    axes.set_ylabel("distance from the\ngradient of all images")
    axes.set_xticks(sizes, map(str, sizes))
    # The usual ticks of a logarithmic axis are powers of ten, and here there may be only one.
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

    By policy for the learning rate, `final` holds the training loss of the last epoch for each
    number of `processes`, and `first` the loss of each of the first steps with the most of them.
    """
    figure = Figure(
        figsize=(7, 3.6),
        alt="Left: with a fixed learning rate the loss after the same epochs rises with the number "
        "of processes; scaled with it, it stays low up to a point. Right: a jump to the scaled "
        "rate overshoots at first, a warm-up later and less.",
    )
    left, right = figure.subplots(1, 2, width_ratios=(1.15, 1))
    for (name, losses), marker in zip(final.items(), MARKERS, strict=False):
        left.plot(processes, losses, marker=marker, label=name)
    left.set_xscale("log", base=2)
    left.set_xticks(processes, map(str, processes))
    left.set(xlabel="processes, 32 images each", ylabel="training loss, last epoch")
    left.set(title="More processes, fewer steps", ylim=(0, None))
    left.legend(loc="upper left")
    for (name, losses), marker in zip(first.items(), MARKERS, strict=False):
        right.plot(range(1, len(losses) + 1), losses, marker=marker, markersize=4, label=name)
    right.set(xlabel="step", ylabel="loss of the batch")
    right.set(title="A warm-up softens the start", ylim=(0, None))
    right.legend(loc="lower left")
    return figure


@styled
def speed_up(milliseconds: Mapping[str, Mapping[str, float]], shared: Sequence[float]) -> Figure:
    """Draw measured times of a step, and the speed-up beside what Amdahl's law allows.

    The `milliseconds` of a step stand by network, then by way to run it: "1 process" first, "2
    processes" next. For each fraction of the work that can be `shared` there is a line.
    """
    figure = Figure(
        figsize=(7, 3.8),
        alt="Left: measured time of a step for two networks and three ways to run it. Right: the "
        "speed-up measured for two processes, beside Amdahl's lines, which all bend towards a "
        "ceiling.",
    )
    left, right = figure.subplots(1, 2, width_ratios=(1.1, 1))
    _times_of_a_step(left, milliseconds)
    _amdahls_lines(right, shared)
    looks = zip(MARKERS, (picture.VERMILION, picture.GREEN), strict=False)
    for (name, times), (marker, colour) in zip(milliseconds.items(), looks, strict=True):
        alone, in_two, *_ = times
        gain, label = times[alone] / times[in_two], f"{name}, {in_two}"
        right.plot(2, gain, marker, color=colour, markersize=8, label=label)
    right.legend(loc="upper left")
    return figure


def _times_of_a_step(axes: Axes, milliseconds: Mapping[str, Mapping[str, float]]) -> None:
    """Draw a bar for each network and each way to run it."""
    names, ways = list(milliseconds), list(next(iter(milliseconds.values())))
    height = 0.8 / len(ways)
    # Hatches, since a colour alone does not tell the ways apart for everybody.
    looks = zip((picture.BLUE, picture.ORANGE, picture.SKY), ("", "//", ".."), strict=True)
    for position, (way, (colour, hatch)) in enumerate(zip(ways, looks, strict=True)):
        values = [milliseconds[name][way] for name in names]
        places = [index + position * height for index in range(len(names))]
        bars = axes.barh(places, values, height, color=colour, hatch=hatch, ec="white", label=way)
        axes.bar_label(bars, fmt="%.3g", padding=2, fontsize=8)
    axes.set_yticks([index + height for index in range(len(names))], names)
    axes.set(title="Time of a step", xlabel="milliseconds (logarithmic)", xscale="log")
    all_times = [time for times in milliseconds.values() for time in times.values()]
    axes.set_xlim(min(all_times) / 2, max(all_times) * 3)
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    narrow = {"fontsize": 8, "columnspacing": 0.8, "handlelength": 1.2}
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=len(ways), **narrow)


def _amdahls_lines(axes: Axes, shared: Sequence[float]) -> None:
    """Draw, for each fraction that can be shared, how far more processes help."""
    processes = [1 + step / 4 for step in range(61)]
    for fraction in shared:
        # Amdahl's law, as the notebook has it.
        lift = [1 / ((1 - fraction) + fraction / number) for number in processes]
        axes.plot(processes, lift, "-", color=picture.GREY, linewidth=1.2)
        name, end, above = f"{fraction:.0%} shared", (processes[-1], lift[-1]), (0, 3)
        axes.annotate(
            name, end, above, textcoords="offset points", ha="right", fontsize=8, color=picture.GREY
        )
    axes.axhline(1, color=picture.BLACK, linewidth=0.8, linestyle=":")
    axes.set_xticks([1, 2, 4, 8, 16], ["1", "2", "4", "8", "16"])
    axes.set(title="Amdahl's lines bend", xlabel="processes", ylabel="times as fast", ylim=(0, 12))
