"""Every figure of the series: each function takes data and returns a `Figure`.

A `Figure` carries its alt text, and a notebook shows it as a picture with that text, so a screen
reader gets the finding too. No function here touches ``pyplot``: nothing global is left behind,
and drawing twice gives the same picture twice.
"""

import base64
import functools
import html
import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec

import matplotlib
import matplotlib.figure
import torch

if TYPE_CHECKING:
    from helpers.training import Evaluation, History

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


# --- Notebook 04: FashionMNIST ---


@styled
def garments_by_class(
    images: torch.Tensor, labels: torch.Tensor, classes: tuple[str, ...], each: int = 14
) -> Figure:
    """Draw the first few garments of each class, a row for each.

    Parameters
    ----------
    images : torch.Tensor
        Shape (n, 28, 28), dtype uint8.
    labels : torch.Tensor
        Shape (n,), dtype int64.
    classes : tuple of str
        The name of each class.
    each : int
        Garments in a row.
    """
    rows = [torch.cat(list(images[labels == c][:each]), dim=1) for c in range(len(classes))]
    figure = Figure(
        figsize=(7, 5.2),
        alt=f"{len(classes)} rows of small grey pictures, {each} in each row: "
        f"one row for each class, from {classes[0]} to {classes[-1]}.",
    )
    axes = figure.subplots()
    axes.imshow(torch.cat(rows).numpy(), cmap="gray_r")
    side = images.shape[1]
    axes.set_yticks([side * (row + 0.5) for row in range(len(classes))], classes)
    axes.set_xticks([])
    axes.set_title("Ten kinds of garment; shirts and pullovers look alike")
    _hide_frame(axes)
    return figure


@styled
def class_probabilities(
    image: torch.Tensor, probabilities: torch.Tensor, label: int, classes: tuple[str, ...]
) -> Figure:
    """Draw a garment beside the probability that a network gives to each class.

    Parameters
    ----------
    image : torch.Tensor
        Shape (28, 28).
    probabilities : torch.Tensor
        Shape (classes,), summing to 1.
    label : int
        The garment's class.
    classes : tuple of str
        The name of each class.
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
    drawn[label].set_hatch("//")
    bars.invert_yaxis()
    bars.set_xlim(0, 1)
    bars.set_xlabel("probability")
    bars.set_title(f"{verdict} (hatched: the truth)")
    bars.grid(axis="y", visible=False)
    return figure


@styled
def training_curves(history: "History") -> Figure:
    """Draw loss and accuracy over the epochs, on the training and the validation part.

    Parameters
    ----------
    history : History
        With or without a validation part.
    """
    falls = history.loss[-1] < history.loss[0]
    trend = "falls" if falls else "does not fall"
    figure = Figure(
        figsize=(7, 3.4),
        alt=f"Loss and accuracy over {len(history.loss)} epochs. "
        f"The training loss {trend} from the first epoch to the last.",
    )
    loss, accuracy = figure.subplots(1, 2)
    epochs = range(1, len(history.loss) + 1)
    for axes, training, validation in (
        (loss, history.loss, history.validation_loss),
        (accuracy, history.accuracy, history.validation_accuracy),
    ):
        axes.plot(epochs, training, marker="o", label="training, on the way")
        if validation:
            axes.plot(epochs, validation, marker="s", label="validation, after the epoch")
        axes.set_xlabel("epoch")
        axes.set_xticks(list(epochs))
    loss.set_ylabel("mean loss (nats)")
    loss.set_title(f"The training loss {trend}")
    loss.legend()
    accuracy.set_ylabel("fraction right")
    part = "Validation" if history.validation_accuracy else "Training"
    last = (history.validation_accuracy or history.accuracy)[-1]
    accuracy.set_title(f"{part} accuracy ends at {last:.1%}")
    return figure


@styled
def confusion(matrix: torch.Tensor, classes: tuple[str, ...]) -> Figure:
    """Draw how often each class was taken for each other.

    Parameters
    ----------
    matrix : torch.Tensor
        Shape (classes, classes), int64: rows are labels, columns predictions.
    classes : tuple of str
        The name of each class.
    """
    mistakes = matrix - matrix.diag().diag()
    label, prediction = divmod(int(mistakes.argmax()), len(classes))
    figure = Figure(
        figsize=(7, 6),
        alt="Confusion matrix, labels down and predictions across. Most counts lie on the "
        "diagonal; a few pairs of classes make up most of the rest.",
    )
    axes = figure.subplots()
    axes.imshow(matrix.numpy(), cmap="Blues")
    half = matrix.max() / 2
    for row, counts in enumerate(matrix.tolist()):
        for column, count in enumerate(counts):
            colour = "white" if count > half else "black"
            if count:
                axes.text(column, row, count, ha="center", va="center", color=colour, fontsize=8)
    axes.set_xticks(range(len(classes)), classes, rotation=45, ha="right")
    axes.set_yticks(range(len(classes)), classes)
    axes.set_xlabel("what the network says")
    axes.set_ylabel("what it is")
    axes.set_title(f"The most frequent mistake: {classes[label]} taken for {classes[prediction]}")
    axes.grid(visible=False)
    _hide_frame(axes)
    return figure


@styled
def accuracy_by_class(matrix: torch.Tensor, classes: tuple[str, ...]) -> Figure:
    """Draw the fraction of each class that was recognised, worst at the bottom.

    Parameters
    ----------
    matrix : torch.Tensor
        Shape (classes, classes), int64: rows are labels, columns predictions.
    classes : tuple of str
        The name of each class.
    """
    accuracy = matrix.diag() / matrix.sum(dim=1)
    order = accuracy.argsort()
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
    axes.set_xlim(0, 1)
    axes.set_xlabel(f"fraction recognised (dashed: all classes together, {mean:.1%})")
    axes.set_title(f"The mean hides how hard {worst} is")
    axes.grid(axis="y", visible=False)
    return figure


@styled
def confident_mistakes(
    images: torch.Tensor, evaluation: "Evaluation", classes: tuple[str, ...], count: int = 12
) -> Figure:
    """Draw the wrong answers that the network was surest of.

    Parameters
    ----------
    images : torch.Tensor
        Shape (n, 28, 28), in the order of the evaluation.
    evaluation : Evaluation
        What the network said of them.
    classes : tuple of str
        The name of each class.
    count : int
        How many to draw, six in a row.
    """
    wrong = (evaluation.predictions != evaluation.labels).nonzero().squeeze(1)
    surest = wrong[evaluation.confidences[wrong].argsort(descending=True)][:count]
    figure = Figure(
        figsize=(7, 1.75 * -(-count // 6)),
        alt=f"The {len(surest)} wrong predictions with the highest confidence, each picture with "
        "what the network says above what it is.",
    )
    figure.suptitle("Sure, and wrong", x=0.01, ha="left", weight="bold", fontsize=11)
    cells = figure.subplots(-(-count // 6), 6).flat
    for axes, index in zip(cells, surest.tolist(), strict=False):
        says = classes[int(evaluation.predictions[index])]
        label = classes[int(evaluation.labels[index])]
        axes.imshow(images[index].numpy(), cmap="gray_r")
        sure = f"{evaluation.confidences[index]:.1%}"
        axes.set_title(f"says {says}\n{sure} sure\nis {label}", fontsize=7.5, fontweight="normal")
    for axes in figure.axes:
        axes.set_axis_off()
    return figure


@styled
def first_layer_weights(weights: torch.Tensor, count: int = 32) -> Figure:
    """Draw what each hidden unit looks for: its weights, laid out as the pixels are.

    Parameters
    ----------
    weights : torch.Tensor
        Shape (units, 784): one row for each hidden unit.
    count : int
        How many units to draw, the largest weights first, eight in a row, each in its own scale.
    """
    strongest = weights.norm(dim=1).argsort(descending=True)[:count]
    figure = Figure(
        figsize=(7, 0.9 * -(-count // 8) + 0.5),
        alt=f"The weights of {len(strongest)} hidden units as small pictures, blue for positive, "
        "red for negative. In many of them parts of an outline can be seen.",
    )
    figure.suptitle(
        "Hidden units look for outlines (blue: for, red: against)",
        x=0.01,
        ha="left",
        weight="bold",
        fontsize=11,
    )
    for axes, unit in zip(figure.subplots(-(-count // 8), 8).flat, strongest, strict=False):
        largest = float(weights[unit].abs().max())
        axes.imshow(weights[unit].reshape(28, 28).numpy(), cmap="RdBu", vmin=-largest, vmax=largest)
        axes.set_axis_off()
    return figure


@styled
def convex_or_not(
    positions: torch.Tensor, along_scores: torch.Tensor, along_weights: torch.Tensor
) -> Figure:
    """Draw the loss on a line through the scores beside the loss on a line through the weights.

    Parameters
    ----------
    positions : torch.Tensor
        Shape (n,): where on the line, from 0 to 1.
    along_scores, along_weights : torch.Tensor
        Shape (n,): the loss there.
    """
    lines = {"scores": along_scores, "weights": along_weights}
    verdicts = {
        name: "rises above" if _rises_above_chord(positions, losses) else "sags below"
        for name, losses in lines.items()
    }
    figure = Figure(
        figsize=(7, 3.4),
        alt="Two curves of the loss beside their chords. "
        + " ".join(f"Along a line in the {n} it {v} the chord." for n, v in verdicts.items()),
    )
    ends = {"scores": "from zero to the network's", "weights": "from a network to its twin"}
    for axes, (name, losses) in zip(figure.subplots(1, 2), lines.items(), strict=True):
        axes.plot(positions.numpy(), losses.numpy(), label="loss")
        axes.plot(positions[[0, -1]].numpy(), losses[[0, -1]].numpy(), marker="o", label="chord")
        axes.set_title(f"In the {name} it {verdicts[name]} its chord")
        axes.set_xlabel(f"{name}, {ends[name]}")
        axes.set_ylabel("mean loss (nats)")
        axes.set_ylim(bottom=0)
        axes.legend()
    return figure


def _rises_above_chord(positions: torch.Tensor, losses: torch.Tensor) -> bool:
    chord = torch.lerp(losses[0], losses[-1], positions)
    return bool((losses > chord + 1e-6).any())


def _hide_frame(axes) -> None:
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    axes.grid(visible=False)
