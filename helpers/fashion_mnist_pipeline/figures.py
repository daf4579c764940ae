"""The figures of notebook 04: each function takes data and returns a `Figure`.

Everywhere `classes` holds the names of the classes, and a `matrix` counts garments by what they are
(rows) and by what the network says (columns): shape (classes, classes), dtype int64.
"""

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
from helpers.fashion_mnist_pipeline.fashion import Garments
from helpers.fashion_mnist_pipeline.standin import SIDE
from helpers.fashion_mnist_pipeline.training import Evaluation, History

# How many small pictures fill a figure without becoming too small to see.
_OF_EACH_CLASS, _MISTAKES, _UNITS = 14, 12, 32


@styled
def garments_by_class(garments: Garments) -> Figure:
    """Draw the first few garments to learn from of each class, a row for each."""
    images, labels, classes = garments.train_images, garments.train_labels, garments.classes
    rows = [images[labels == c][:_OF_EACH_CLASS] for c in range(len(classes))]
    figure = Figure(
        figsize=(7, 5.2),
        alt=f"{len(classes)} rows of small grey pictures, {len(rows[0])} in each row: "
        f"one row for each class, from {classes[0]} to {classes[-1]}.",
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
def class_probabilities(
    image: torch.Tensor, probabilities: torch.Tensor, label: int, classes: tuple[str, ...]
) -> Figure:
    """Draw a garment beside the probability that a network gives to each class.

    `image` has shape (28, 28), `probabilities` one entry a class; `label` is the garment's class.
    """
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
    drawn[label].set_hatch("//")  # Never by colour alone.
    bars.invert_yaxis()  # matplotlib stacks bars from the bottom up.
    bars.set(xlim=(0, 1), xlabel="probability", title=f"{verdict} (hatched: the truth)")
    bars.grid(axis="y", visible=False)
    return figure


@styled
def training_curves(history: History) -> Figure:
    """Draw loss and accuracy over the epochs, with or without a validation part."""
    epochs = range(1, len(history.loss) + 1)
    trend = "falls" if history.loss[-1] < history.loss[0] else "does not fall"
    alt = f"Loss and accuracy over {len(epochs)} epochs. "
    alt += f"The training loss {trend} from the first epoch to the last."
    alt = alt if len(epochs) > 1 else "Loss and accuracy of one epoch."
    figure = Figure(figsize=(7, 3.4), alt=alt)
    loss, accuracy = figure.subplots(1, 2)
    for axes, training, validation in (
        (loss, history.loss, history.validation_loss),
        (accuracy, history.accuracy, history.validation_accuracy),
    ):
        axes.plot(epochs, training, marker="o", label="training, on the way")
        if validation:
            axes.plot(epochs, validation, marker="s", label="validation, after the epoch")
        axes.set(xlabel="epoch", xticks=epochs)
    loss.set(ylabel="mean loss (nats)", title=f"The training loss {trend}")
    loss.legend()
    part = "Validation" if history.validation_accuracy else "Training"
    last = (history.validation_accuracy or history.accuracy)[-1]
    accuracy.set(ylabel="fraction right", title=f"{part} accuracy ends at {last:.1%}")
    return figure


@styled
def confusion(matrix: torch.Tensor, classes: tuple[str, ...]) -> Figure:
    """Draw how often each class was taken for each other."""
    mistakes = matrix - matrix.diag().diag()  # diag takes the diagonal out, then lays it back.
    label, prediction = divmod(int(mistakes.argmax()), len(classes))
    figure = Figure(
        figsize=(7, 6),
        alt="Confusion matrix, labels down and predictions across. Most counts lie on the "
        "diagonal; a few pairs of classes make up most of the rest.",
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
    accuracy = matrix.diag() / matrix.sum(dim=1)
    order = accuracy.argsort()  # Bars grow from the bottom up, so the worst comes first.
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
    meaning = f"fraction recognised (dashed: all classes together, {mean:.1%})"
    axes.set(xlim=(0, 1), xlabel=meaning, title=f"The mean hides how hard {worst} is")
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
        figsize=(7, 1.75 * _MISTAKES / 6),
        alt=f"The {len(surest)} wrong predictions with the highest confidence, each picture with "
        "what the network says above what it is.",
    )
    figure.suptitle("Sure, and wrong", x=0.01, ha="left", weight="bold", fontsize=11)
    cells = figure.subplots(_MISTAKES // 6, 6).flat
    for axes, index in zip(cells, surest.tolist(), strict=False):
        says = classes[int(evaluation.predictions[index])]
        label = classes[int(evaluation.labels[index])]
        axes.imshow(images[index].numpy(), cmap="gray_r")
        sure = f"{evaluation.confidences[index]:.1%}"
        axes.set_title(f"says {says}\n{sure} sure\nis {label}", fontsize=7.5, fontweight="normal")
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
        alt=f"The weights of {len(strongest)} hidden units as small pictures, blue for positive, "
        "red for negative. In many of them parts of an outline can be seen.",
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
        axes.set(xlabel=f"{name}, {ends[name]}", ylabel="mean loss (nats)")
        axes.set_ylim(bottom=0)  # From zero up, so that the two heights can be compared.
        axes.legend()
    return figure


@styled
def time_by_part(seconds: Mapping[str, float]) -> Figure:
    """Draw what each part of a loop costs, in the order in which they run, from its seconds."""
    total, longest = sum(seconds.values()), max(seconds, key=seconds.__getitem__)
    figure = Figure(
        figsize=(7, 0.6 + 0.36 * len(seconds)),
        alt=f"One bar for each of {len(seconds)} parts of the loop, in the order in which they "
        "run, with its share of the time.",
    )
    shares = [f" {value / total:.0%}" for value in seconds.values()]
    axes = _bars(figure, {name: 1000 * value for name, value in seconds.items()}, shares)
    axes.margins(x=0.12)  # Room for the shares beside the longest bar.
    title = f"Of {1000 * total:.0f} ms, most goes into {longest}"
    axes.set(xlabel="milliseconds for one epoch", title=title)
    return figure


@styled
def ladder(seconds: Mapping[str, float]) -> Figure:
    """Draw the seconds of an epoch for each way to run it, and how many times faster each is.

    The starting point comes first, the floor last.
    """
    names, values = list(seconds), list(seconds.values())
    gain = values[0] / values[-1]
    # Alt texts are compared from run to run, so they hold no number that a clock gave.
    many = "many times" if gain > 4 else "not many times"
    figure = Figure(
        figsize=(7, 0.8 + 0.42 * len(names)),
        alt=f"Seconds an epoch for {len(names)} ways to run it, from {names[0]} down to "
        f"{names[-1]}: the first takes {many} as long as the last.",
    )
    labels = [f" {value:.2f} s, ×{values[0] / value:.1f}" for value in values]
    between = len(names) - 2
    colours, hatches = [VERMILION, *[BLUE] * between, GREY], ["//", *[""] * between, ".."]
    axes = _bars(figure, seconds, labels, color=colours, hatch=hatches, edgecolor="white")
    axes.set_xlim(0, 1.2 * max(values))  # Room for the words beside the longest bar.
    title = f"The floor is {gain:.0f} times as fast as where we came from"
    axes.set(xlabel="seconds an epoch", title=title)
    return figure


@styled
def cost_growth(
    by_batch: Mapping[int, float],
    by_width: Mapping[int, float],
    by_images: Mapping[int, float],
    memory: Mapping[int, tuple[float, float]],
) -> Figure:
    """Draw how an epoch's seconds grow with batch size, width and number of images.

    `memory` gives gigabytes for each number of images, as bytes and as 32-bit floats.
    """
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
        axes.set(xlabel=what, ylabel="seconds an epoch")
        for x, side, text in ((0.03, "left", low), (0.97, "right", high)):
            axes.text(x, 1.02, text, transform=axes.transAxes, ha=side, fontsize=8, color=GREY)
    stored = list(memory)
    bytes_, floats = zip(*memory.values(), strict=True)
    store.loglog(stored, bytes_, marker="o", linestyle="-", label="bytes")
    store.loglog(stored, floats, marker="s", linestyle="--", label="floats")
    store.axhline(1, color=VERMILION, linestyle=":")
    store.text(stored[0], 1.1, "1 GB: a small cloud machine", color=VERMILION, fontsize=8)
    store.set(xlabel="images in memory", ylabel="gigabytes")
    store.legend(loc="lower right")
    # Ticks where something was measured: a logarithmic axis would mark powers of ten.
    every = ((batch, by_batch), (width, by_width), (images, by_images), (store, memory))
    for axes, sizes in every:
        names = [f"{size // 1000}k" if size >= 10_000 else f"{size}" for size in sizes]
        axes.set_xticks(list(sizes), names)
        axes.set_xticks([], minor=True)
        axes.yaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter("")  # Else a short axis also labels what lies between.
    figure.suptitle("What binds changes: overhead, then arithmetic, then memory", fontweight="bold")
    return figure


@styled
def filters_at_work(image: torch.Tensor, filters: torch.Tensor, maps: torch.Tensor) -> Figure:
    """Draw a picture, some filters, and what each filter answers to it.

    Shapes: image (height, width), filters (n, 1, side, side), answers `maps` (n, height, width),
    zero or more.
    """
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
    reach = float(filters.abs().max())  # One scale for all filters, with zero in its middle.
    for column in range(count):
        weights = filters[column, 0].numpy()
        panels[0, column + 1].imshow(weights, cmap="RdBu", vmin=-reach, vmax=reach)
        panels[1, column + 1].imshow(maps[column].numpy(), cmap="gray")
    for axes in panels.flat:
        _hide_frame(axes)
        axes.set(xticks=[], yticks=[])
    figure.suptitle("Each filter finds the edges that face its way", fontweight="bold")
    return figure


@styled
def accuracy_against_seconds(
    runs: Mapping[str, tuple[Sequence[float], Sequence[float]]], usual_epoch: float
) -> Figure:
    """Draw the accuracy that each recipe reaches against the seconds that it takes.

    `runs` has for each recipe the seconds since its start, and the fraction right on the validation
    part at that time; `usual_epoch` is the seconds of one epoch with the usual loader.
    """
    figure = Figure(
        figsize=(7, 4.2),
        alt="Fraction right on the validation part against seconds, for "
        f"{len(runs)} recipes, and a line where the usual loader ends its first epoch. One recipe "
        "is a line of points, an epoch each; the others are single points.",
    )
    axes = figure.subplots()
    axes.set_prop_cycle(marker=MARKERS, color=(BLUE, GREEN, ORANGE, PINK, SKY, VERMILION))
    for name, (seconds, accuracy) in runs.items():
        axes.plot(seconds, accuracy, markersize=8, label=name)
    axes.axvline(usual_epoch, color=BLACK, linestyle=":", label="usual loader: one epoch")
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")  # 10, where matplotlib would write a power.
    axes.xaxis.set_minor_formatter("")
    axes.set(xlabel="seconds (logarithmic)", ylabel="fraction right, validation part")
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    axes.set_title("What one knows beforehand is worth many epochs", loc="left")
    return figure


def _bars(figure: Figure, lengths: Mapping[str, float], labels: list[str], **look) -> Axes:
    """Draw lying bars, the first on top, each with its name before it and a label behind it."""
    axes = figure.subplots()
    look = {"color": BLUE, "linewidth": 0, **look}
    axes.bar_label(axes.barh(list(lengths), list(lengths.values()), **look), labels, padding=2)
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    return axes


def _hide_frame(axes) -> None:
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    axes.grid(visible=False)
