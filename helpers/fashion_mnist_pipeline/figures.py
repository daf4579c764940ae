"""The figures of notebook 04: each function takes data and returns a `Figure`.

Everywhere `classes` holds the names of the classes, and a `matrix` counts garments by what they are
(rows) and by what the network says (columns): shape (classes, classes), dtype int64.
"""

import math
from collections.abc import Mapping, Sequence

import torch
from matplotlib import ticker
from matplotlib.axes import Axes

from helpers.common.picture import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    MARKERS,
    ORANGE,
    PINK,
    SKY,
    VERMILION,
    Figure,
    styled,
)
from helpers.common.sentences import listed, say
from helpers.fashion_mnist_pipeline.fashion import Garments

# From another file, so that the notebook needs one name.
from helpers.fashion_mnist_pipeline.figures_of_time import cost_growth as cost_growth
from helpers.fashion_mnist_pipeline.figures_of_time import ladder as ladder
from helpers.fashion_mnist_pipeline.figures_of_time import time_by_part as time_by_part
from helpers.fashion_mnist_pipeline.standin import SIDE
from helpers.fashion_mnist_pipeline.training import Evaluation, History

# How many small pictures fill a figure without becoming too small to see.
_OF_EACH_CLASS, _OF_A_BATCH, _MISTAKES, _UNITS = 14, 10, 12, 32
# Fewer answers than this say too little about how often such answers are right.
_FEWEST_IN_A_BIN = 20


@styled
def garments_by_class(garments: Garments) -> Figure:
    """Draw the first few garments to learn from of each class, a row for each."""
    images, labels, classes = garments.train_images, garments.train_labels, garments.classes
    rows = [images[labels == c][:_OF_EACH_CLASS] for c in range(len(classes))]
    figure = Figure(
        figsize=(7, 5.2),
        alt=say(
            "{count} rows of small grey pictures, {of_each} in each row: one row for each class, "
            "from {first} to {last}.",
            count=len(classes),
            of_each=len(rows[0]),
            first=classes[0],
            last=classes[-1],
        ),
    )
    axes = figure.subplots()
    # One large picture: 140 axes of their own would take seconds to draw.
    axes.imshow(torch.cat([torch.cat(list(row), dim=1) for row in rows]).numpy(), cmap="gray_r")
    axes.set_yticks([SIDE * (row + 0.5) for row in range(len(classes))], classes)
    axes.set_xticks([])
    axes.set_title("Ten kinds of garment; some of them look alike")
    _hide_frame(axes)
    return figure


@styled
def a_batch(images: torch.Tensor, labels: torch.Tensor, classes: tuple[str, ...]) -> Figure:
    """Draw the first few images of a batch, shape (n, 1, 28, 28), each under its label."""
    low, high = float(images.min()), float(images.max())
    figure = Figure(
        figsize=(7, 1.35),
        alt=say(
            "The first {count} pictures of a batch, just as the network gets them, each under its "
            "label.",
            count=_OF_A_BATCH,
        ),
    )
    title = f"The network gets numbers from {low:.2g} to {high:.2g}, and these labels"
    figure.suptitle(title, x=0.01, ha="left", weight="bold", fontsize=11)
    for axes, image, label in zip(figure.subplots(1, _OF_A_BATCH), images, labels, strict=False):
        axes.imshow(image[0].numpy(), cmap="gray_r", vmin=low, vmax=high)
        axes.set_title(classes[int(label)], fontsize=8.5, fontweight="normal", loc="center")
        axes.set_axis_off()
    return figure


@styled
def class_probabilities(
    image: torch.Tensor, probabilities: torch.Tensor, label: int, classes: tuple[str, ...]
) -> Figure:
    """Draw a garment beside the probability that a network gives to each class.

    `image` has shape (28, 28), `probabilities` one entry a class; `label` is the garment's class.
    """
    top = int(probabilities.argmax())
    undecided = float(probabilities.max()) < 0.5
    verdict = "The network cannot decide" if undecided else f"The network says {classes[top]}"
    alt = say(
        "The picture of a garment beside one bar for each class, the probability that the network "
        "gives to it."
    )
    half = say("No bar reaches one half.") if undecided else say("One bar is longer than one half.")
    figure = Figure(figsize=(7, 3.2), alt=f"{alt} {half}")
    picture, bars = figure.subplots(1, 2, width_ratios=(1, 2))
    picture.imshow(image.numpy(), cmap="gray_r")
    picture.set_title(f"label: {classes[label]}", fontweight="normal")
    picture.set_axis_off()
    colours = [VERMILION if c == label else SKY for c in range(len(classes))]
    drawn = bars.barh(classes, probabilities.tolist(), color=colours)
    drawn[label].set_hatch("//")  # Never by colour alone.
    bars.invert_yaxis()  # matplotlib stacks bars from the bottom up.
    bars.set(xlim=(0, 1), xlabel="probability", title=f"{verdict} (hatched: the truth)")
    bars.grid(axis="y", visible=False)
    return figure


@styled
def training_curves(history: History, images: int | None = None) -> Figure:
    """Draw loss and accuracy over the epochs, with or without a validation part of so many."""
    epochs = range(1, len(history.loss) + 1)
    falls = history.loss[-1] < history.loss[0]
    figure = Figure(figsize=(7, 3.6), alt=_of_curves(history, falls))
    loss, accuracy = figure.subplots(1, 2)
    for axes, training, validation in (
        (loss, history.loss, history.validation_loss),
        (accuracy, history.accuracy, history.validation_accuracy),
    ):
        size = 6 if len(epochs) < 10 else 3
        axes.plot(epochs, training, marker="o", markersize=size, label="training, along the way")
        if validation:
            axes.plot(
                epochs, validation, marker="s", markersize=size, label="validation, after the epoch"
            )
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(ticker.MaxNLocator(integer=True))
    title = f"The training loss {'falls' if falls else 'does not fall'}"
    if lowest := history.validation_loss:
        best = 1 + min(range(len(lowest)), key=lowest.__getitem__)
        title = f"Lowest validation loss: epoch {best}"
        for axes in (loss, accuracy):
            axes.axvline(best, color=GREY, linestyle=":", label="lowest validation loss")
    loss.set(ylabel="mean loss (nats)", title=title)
    part = "Validation" if history.validation_accuracy else "Training"
    last = (history.validation_accuracy or history.accuracy)[-1]
    ends = f"{last:.1%}"
    if images and history.validation_accuracy:
        ends += f" ± {100 * _margin(last, images):.1f}"
        _with_error_bars(accuracy, epochs, history.validation_accuracy, images, color=VERMILION)
    accuracy.set(ylabel="fraction right", title=f"{part} ends at {ends}")
    figure.legend(*loss.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def _of_curves(history: History, falls: bool) -> str:
    """Return the alt text of `training_curves`; `falls` is whether the training loss does."""
    if len(history.loss) == 1:
        return say("Loss and accuracy of one epoch.")
    if history.validation_loss and falls:
        found = say(
            "The training loss falls from the first epoch to the last; a dotted line marks the "
            "lowest validation loss."
        )
    elif history.validation_loss:
        found = say(
            "The training loss does not fall from the first epoch to the last; a dotted line marks "
            "the lowest validation loss."
        )
    elif falls:
        found = say("The training loss falls from the first epoch to the last.")
    else:
        found = say("The training loss does not fall from the first epoch to the last.")
    return say("Loss and accuracy over {count} epochs.", count=len(history.loss)) + f" {found}"


@styled
def confusion(matrix: torch.Tensor, classes: tuple[str, ...]) -> Figure:
    """Draw how often each class was taken for each other."""
    mistakes = matrix - matrix.diag().diag()  # diag takes the diagonal out, then lays it back.
    label, prediction = divmod(int(mistakes.argmax()), len(classes))
    figure = Figure(
        figsize=(7, 6),
        alt=say(
            "Confusion matrix, labels down and predictions across. Most counts lie on the "
            "diagonal; a few pairs of classes make up most of the rest."
        ),
    )
    axes = figure.subplots()
    axes.imshow(matrix.numpy(), cmap="Blues")
    half = matrix.max() / 2  # Above it the blue is too dark for black digits.
    for row, counts in enumerate(matrix.tolist()):
        for column, count in enumerate(counts):
            colour = "white" if count > half else "black"
            if count:  # A hundred zeros would hide what there is.
                axes.text(column, row, count, ha="center", va="center", color=colour, fontsize=8)
    axes.set_xticks(range(len(classes)), classes, rotation=45, ha="right")
    axes.set_yticks(range(len(classes)), classes)
    axes.set(xlabel="what the network says", ylabel="what it is")
    axes.set_title(f"The most frequent mistake: {classes[label]} taken for {classes[prediction]}")
    axes.grid(visible=False)
    _hide_frame(axes)
    return figure


@styled
def accuracy_by_class(matrix: torch.Tensor, classes: tuple[str, ...]) -> Figure:
    """Draw the fraction of each class that was recognised, worst at the bottom."""
    of_each = matrix.sum(dim=1)
    accuracy = matrix.diag() / of_each
    order = accuracy.argsort()  # Bars grow from the bottom up, so the worst comes first.
    worst = classes[int(order[0])]
    mean = float(matrix.diag().sum() / matrix.sum())
    figure = Figure(
        figsize=(7, 3.6),
        alt=say(
            "Bars of the accuracy of each of {count} classes, sorted, with error bars. The worst "
            "class lies below the dashed line of the mean.",
            count=len(classes),
        ),
    )
    axes = figure.subplots()
    names = [classes[int(c)] for c in order]
    margins = [_margin(float(accuracy[c]), int(of_each[c])) for c in order]
    bars = axes.barh(names, accuracy[order].tolist(), color=SKY, xerr=margins, ecolor=BLACK)
    bars[0].set_color(ORANGE)
    axes.bar_label(bars, fmt="{:.0%}", label_type="center", fontsize=9)
    axes.axvline(mean, color=BLACK, linestyle="--", linewidth=1)
    meaning = f"fraction recognised (dashed: all together, {mean:.1%}; black lines: error bars)"
    axes.set(xlim=(0, 1), xlabel=meaning, title=f"The mean hides the worst class, here: {worst}")
    axes.grid(axis="y", visible=False)
    return figure


@styled
def confident_mistakes(
    images: torch.Tensor, evaluation: Evaluation, classes: tuple[str, ...]
) -> Figure:
    """Draw the wrong answers that the network was surest of, six in a row.

    `images` have shape (n, 28, 28), in the order of the evaluation.
    """
    # Positions of the wrong answers, then those positions by confidence.
    wrong = (evaluation.predictions != evaluation.labels).nonzero().squeeze(1)
    surest = wrong[evaluation.confidences[wrong].argsort(descending=True)][:_MISTAKES]
    figure = Figure(
        figsize=(7, 1.85 * _MISTAKES / 6),
        alt=say(
            "The {count} wrong predictions with the highest confidence, each picture with what the "
            "network says above what it is.",
            count=len(surest),
        ),
    )
    title = f"Wrong, and at least {_rounded_down(evaluation.confidences[surest].min()):g}% sure"
    figure.suptitle(title, x=0.01, ha="left", weight="bold", fontsize=11)
    cells = figure.subplots(_MISTAKES // 6, 6).flat
    for axes, index in zip(cells, surest.tolist(), strict=False):
        says = classes[int(evaluation.predictions[index])]
        label = classes[int(evaluation.labels[index])]
        axes.imshow(images[index].numpy(), cmap="gray_r")
        sure = f"{_rounded_down(evaluation.confidences[index]):g}%"
        axes.set_title(f"says {says}\n{sure} sure\nis {label}", fontsize=8.5, fontweight="normal")
    for axes in figure.axes:  # Also those that are left empty, where there are few mistakes.
        axes.set_axis_off()
    return figure


@styled
def first_layer_weights(weights: torch.Tensor) -> Figure:
    """Draw what each hidden unit looks for: its weights, laid out as the pixels are.

    `weights` have shape (units, 784). The units with the largest are drawn, each in its own scale.
    """
    strongest = weights.norm(dim=1).argsort(descending=True)[:_UNITS]
    figure = Figure(
        figsize=(7, 0.9 * _UNITS / 8 + 0.5),
        alt=say(
            "The weights of {count} hidden units as small pictures, blue for positive, red for "
            "negative. In many of them parts of an outline can be seen.",
            count=len(strongest),
        ),
    )
    title = "Hidden units look for outlines (blue: for, red: against)"
    figure.suptitle(title, x=0.01, ha="left", weight="bold", fontsize=11)
    for axes, unit in zip(figure.subplots(_UNITS // 8, 8).flat, strongest, strict=False):
        picture = weights[unit].reshape(SIDE, SIDE)
        reach = float(picture.abs().max())  # As far up as down: white is then no weight at all.
        axes.imshow(picture.numpy(), cmap="RdBu", vmin=-reach, vmax=reach)
        axes.set_axis_off()
    return figure


@styled
def convex_or_not(
    positions: torch.Tensor, along_scores: torch.Tensor, along_weights: torch.Tensor
) -> Figure:
    """Draw the loss on a line through the scores beside the loss on a line through the weights.

    All have shape (n,): where on the line, from 0 to 1, and the loss there, in nats.
    """
    lines = {"scores": along_scores, "weights": along_weights}
    verdicts = {}
    for name, losses in lines.items():
        chord = torch.lerp(losses[0], losses[-1], positions)
        # Both ends lie on the chord but for rounding, which 1e-6 allows.
        verdicts[name] = "rises above" if (losses > chord + 1e-6).any() else "sags below"
    said = {
        ("scores", "rises above"): say("Along a line in the scores it rises above the chord."),
        ("scores", "sags below"): say("Along a line in the scores it sags below the chord."),
        ("weights", "rises above"): say("Along a line in the weights it rises above the chord."),
        ("weights", "sags below"): say("Along a line in the weights it sags below the chord."),
    }
    alt = [say("Two curves of the loss beside their chords.")]
    alt += [said[verdict] for verdict in verdicts.items()]
    figure = Figure(figsize=(7, 3.4), alt=" ".join(alt))
    ends = {"scores": "from zero to the network's", "weights": "from a network to its twin"}
    for axes, (name, losses) in zip(figure.subplots(1, 2), lines.items(), strict=True):
        axes.plot(positions.numpy(), losses.numpy(), label="loss")
        axes.plot(positions[[0, -1]].numpy(), losses[[0, -1]].numpy(), marker="o", label="chord")
        axes.set_title(f"{name.capitalize()}: {verdicts[name]} the chord")
        axes.set(xlabel=f"{name}, {ends[name]}", ylabel="mean loss (nats)")
        axes.set_ylim(bottom=0)  # From zero up, so that the two heights can be compared.
        axes.legend()
    return figure


@styled
def filters_at_work(image: torch.Tensor, filters: torch.Tensor, maps: torch.Tensor) -> Figure:
    """Draw a picture, some filters, and what each filter answers to it.

    Shapes: image (height, width), filters (n, 1, side, side), answers `maps` (n, height, width),
    zero or more.
    """
    count = len(filters)
    figure = Figure(
        figsize=(7, 2.4),
        alt=say(
            "A garment beside {count} small filters and the answer of each: every filter lights "
            "up the edges that face its own way and leaves flat cloth dark.",
            count=count,
        ),
    )
    grid = figure.add_gridspec(2, count + 1, width_ratios=[1.7] + [1] * count)
    garment = figure.add_subplot(grid[:, 0])
    # As the numbers have it: what is large is bright, here and in the answers.
    garment.imshow(image.numpy(), cmap="gray")
    garment.set_title("garment", fontsize=9, fontweight="normal", loc="center")
    reach = float(filters.abs().max())  # One scale for all filters, with zero in its middle.
    drawn = [garment]
    for column in range(count):
        above, below = (figure.add_subplot(grid[row, column + 1]) for row in range(2))
        above.imshow(filters[column, 0].numpy(), cmap="RdBu", vmin=-reach, vmax=reach)
        below.imshow(maps[column].numpy(), cmap="gray")
        above.set_title(f"filter {column + 1}", fontsize=9, fontweight="normal", loc="center")
        below.set_title("answer", fontsize=9, fontweight="normal", loc="center")
        drawn += [above, below]
    for axes in drawn:
        _hide_frame(axes)
        axes.set(xticks=[], yticks=[])
    title = "Each filter finds the edges that face its way (blue: plus, red: minus)"
    figure.suptitle(title, x=0.01, ha="left", fontweight="bold", fontsize=11)
    return figure


@styled
def accuracy_against_seconds(
    runs: Mapping[str, tuple[Sequence[float], Sequence[float]]], usual_epoch: float, images: int
) -> Figure:
    """Draw the accuracy that each recipe reaches against the seconds that it takes.

    `runs` has for each recipe the seconds since its start, and the fraction right at that time of
    the `images` of the validation part; `usual_epoch` is the seconds of one epoch with the usual
    loader.
    """
    figure = Figure(
        figsize=(7, 4.4),
        alt=say(
            "Fraction right on the validation part against seconds, with error bars, for {count} "
            "recipes, and a line where the usual loader ends its first epoch. One recipe is a line "
            "of points, an epoch each; the others are single points.",
            count=len(runs),
        ),
    )
    axes = figure.subplots()
    looks = zip(MARKERS, (BLUE, GREEN, ORANGE, VERMILION, PINK, SKY), strict=True)
    for (name, (seconds, accuracy)), (marker, colour) in zip(runs.items(), looks, strict=False):
        line = "-" if len(seconds) > 1 else ""
        axes.plot(
            seconds, accuracy, linestyle=line, marker=marker, color=colour, markersize=8, label=name
        )
        _with_error_bars(axes, seconds, accuracy, images, color=colour)
    axes.axvline(usual_epoch, color=BLACK, linestyle=":", label="usual loader: one epoch")
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter("{x:g}")  # 10, where matplotlib would write a power.
    axes.xaxis.set_minor_formatter("")
    axes.set(xlabel="seconds (logarithmic)", ylabel="fraction right, validation part")
    figure.legend(loc="outside lower center", ncols=3)
    last = {name: accuracy[-1] for name, (_, accuracy) in runs.items()}
    best = max(last, key=last.__getitem__)
    axes.set_title(f"Best here: {best}, {last[best]:.1%} ± {100 * _margin(last[best], images):.1f}")
    return figure


@styled
def sweep(reached: Mapping[float, Sequence[float]], images: int) -> Figure:
    """Draw the accuracy that each learning rate reached, a point a seed, on so many `images`."""
    means = {rate: sum(accuracies) / len(accuracies) for rate, accuracies in reached.items()}
    best = max(means, key=means.__getitem__)
    figure = Figure(
        figsize=(7, 3.4),
        alt=say(
            "Fraction right on the validation part for {count} learning rates on a logarithmic "
            "axis, a point with an error bar for each seed, and a line through the means.",
            count=len(reached),
        ),
    )
    axes = figure.subplots()
    axes.plot(list(means), list(means.values()), color=BLACK, label="mean over the seeds")
    looks = zip(zip(*reached.values(), strict=True), MARKERS, (BLUE, ORANGE, GREEN), strict=False)
    for seed, (accuracies, marker, colour) in enumerate(looks):
        beside = [rate * 1.04 ** (seed - 1) for rate in reached]  # Else they hide each other.
        axes.plot(beside, accuracies, marker, color=colour, label=f"seed {seed}")
        _with_error_bars(axes, beside, accuracies, images, color=colour)
    axes.set(
        xscale="log", xlabel="learning rate (logarithmic)", ylabel="fraction right, validation part"
    )
    axes.set_xticks(list(reached), [f"{rate:g}" for rate in reached])
    axes.set_xticks([], minor=True)
    axes.set_title(f"The best of these rates: {best:g}; too small is slow, too large is chaos")
    axes.legend(loc="lower left")
    return figure


@styled
def seeds_compared(
    reached: Mapping[str, Sequence[float]], images: int, below: Sequence[str] = ()
) -> Figure:
    """Draw two fractions right for each seed, on so many `images`, with their error bars.

    The one expected to be lower comes first. `below` says something of each seed, under it.
    """
    (low_name, low), (high_name, high) = reached.items()
    gaps = [upper - lower for lower, upper in zip(low, high, strict=True)]
    figure = Figure(
        figsize=(7, 3.2),
        alt=say(
            "Fraction right for each of {count} seeds, twice: {low} and {high}, each point with an "
            "error bar.",
            count=len(gaps),
            low=low_name,
            high=high_name,
        ),
    )
    axes = figure.subplots()
    for name, marker, colour, shift in (
        (low_name, "s", VERMILION, -0.08),
        (high_name, "o", BLUE, 0.08),
    ):
        places = [seed + shift for seed in range(len(gaps))]
        axes.plot(places, reached[name], marker, color=colour, label=name)
        _with_error_bars(axes, places, reached[name], images, color=colour)
    said = below or [""] * len(gaps)
    axes.set_xticks(range(len(gaps)), [f"seed {n}\n{text}" for n, text in enumerate(said)])
    lower, mean = sum(gap > 0 for gap in gaps), 100 * sum(gaps) / len(gaps)
    axes.set_ylabel("fraction right, with error bars")
    points = f"{mean:.1f}".replace("-", "\N{MINUS SIGN}")
    found = f"{low_name} below {high_name} for {lower} of {len(gaps)} seeds, by {points} points"
    axes.set_title(f"{found[0].upper()}{found[1:]} on average")
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return figure


@styled
def reliability(evaluations: Mapping[str, Evaluation]) -> Figure:
    """Draw how often answers are right against how sure the network was of them."""
    figure = Figure(
        figsize=(7, 3.8),
        alt=say(
            "Fraction right against how sure the network was, for {names}, with error bars, beside "
            "the dashed diagonal on which the two are equal.",
            names=listed([*evaluations]),
        ),
    )
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color=BLACK, linestyle="--", label="as right as it is sure")
    said = []
    for (name, seen), marker, colour in zip(
        evaluations.items(), MARKERS, (BLUE, VERMILION), strict=False
    ):
        right = seen.predictions == seen.labels
        # In float32 some are sure to 1.0 exactly: they belong to the last tenth.
        tenths = (10 * seen.confidences).int().clamp(max=9)
        bins = [at for t in range(10) if (at := tenths == t).sum() >= _FEWEST_IN_A_BIN]
        sure = [float(seen.confidences[at].mean()) for at in bins]
        fraction = [float(right[at].double().mean()) for at in bins]
        axes.plot(sure, fraction, marker=marker, color=colour, label=name)
        for x, y, at in zip(sure, fraction, bins, strict=True):
            _with_error_bars(axes, [x], [y], int(at.sum()), color=colour)
        said.append(f"{seen.confidences.mean():.0%} sure, {seen.accuracy:.0%} right")
    axes.set(xlim=(0.2, 1.01), ylim=(0, 1.01))
    axes.set(xlabel="how sure the network was (tenths together)", ylabel="fraction right")
    axes.set_title(f"{list(evaluations)[-1].capitalize()}: {said[-1]}")
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def _margin(fraction: float, images: int) -> float:
    """Return 1.96 standard deviations of a fraction right among so many images."""
    return 1.96 * math.sqrt(fraction * (1 - fraction) / images)


def _with_error_bars(
    axes: Axes, x: Sequence[float], fractions: Sequence[float], images: int, *, color: str
) -> None:
    margins = [_margin(fraction, images) for fraction in fractions]
    axes.errorbar(x, fractions, margins, linestyle="", color=color, capsize=3, linewidth=1)


def _rounded_down(confidence: torch.Tensor) -> float:
    """Return per cent to a tenth, rounded down: no network is 100% sure."""
    return math.floor(1000 * float(confidence)) / 10


def _hide_frame(axes) -> None:
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    axes.grid(visible=False)
