"""What tells each fault from health: a number of a `Chart`, and the bound beyond which it speaks.

The bounds were set between what patients and their twins measured over three seeds, on the real
garments and on the drawn ones; ``tests/tools/measure_clinic.py`` measures them again.
"""

import math
import operator
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from helpers.debugging_clinic import faults
from helpers.debugging_clinic.cases import diagnosis
from helpers.debugging_clinic.charts import Chart


@dataclass(frozen=True)
class Symptom:
    """A number of a chart, and the bound beyond which it speaks for a fault."""

    fault: str  # The suspect: one of ``cases.FAULTS``.
    sign: str  # What one sees, in a few words.
    quantity: str  # What is measured, with its unit.
    series: Callable[[Chart], Sequence[float]]  # From a chart to the curve that is drawn,
    reduce: Callable[[Sequence[float]], float]  # and from the curve to the number.
    relation: str  # ">" or "<": a number on this side of the bound speaks for the fault.
    bound: float
    drawn: int | None = None  # Updates that a figure shows, where it is all in the first ones.
    axis: str = ""  # What the curve is called, where `quantity` names but one number of it.

    def measure(self, chart: Chart) -> float:
        """Return the number."""
        return self.reduce(self.series(chart))

    def shown_by(self, chart: Chart) -> bool:
        """Whether the number lies beyond the bound."""
        value = self.measure(chart)
        return value > self.bound if self.relation == ">" else value < self.bound

    def __str__(self) -> str:
        """Return the symptom as an inequality, and the suspect."""
        return f"{self.quantity} {self.relation} {self.bound:g} → {self.fault}"


# From a curve to its number.
_first, _last = operator.itemgetter(0), operator.itemgetter(-1)

# fmt: off
SYMPTOMS: tuple[Symptom, ...] = (
    # A weight that gets no update stays where it is, to the last bit.
    Symptom(faults.NO_STEP, "gradients, but no weight moves", "farthest any weight matrix moved",
            lambda chart: chart.moved_most, _last, "<", 1e-6, axis="largest move ÷ length"),
    Symptom(faults.CLEARED_EARLY, "step() finds no gradient", "gradient left by the step",
            lambda chart: chart.gradient, max, "<", 1e-6),
    # In the first updates only: later ones go wild, and then anything may happen.
    Symptom(faults.NEVER_CLEARED, ".grad is not this batch's",
            ".grad ÷ the batch's own gradient", lambda chart: chart.piled_up,
            lambda series: max(series[:10]), ">", 1.5,
            drawn=12, axis=".grad ÷ the batch's own"),
    Symptom(faults.LEFT_OUT, "one layer stays put", "least any weight matrix moved",
            lambda chart: chart.moved_least, _last, "<", 1e-6, axis="smallest move ÷ length"),
    Symptom(faults.RATE_TOO_HIGH, "starts at ln 10, then explodes",
            "highest loss ÷ first loss",
            lambda chart: [loss / chart.loss[0] for loss in chart.loss],
            # max() passes over a NaN or returns it, as it stands: here it is beyond everything.
            lambda series: max(x if math.isfinite(x) else math.inf for x in series),
            ">", 5, drawn=12, axis="loss ÷ first loss"),
    # The loss of a guess is ln 10 = 2.3, and a sum holds 128 of them.
    Symptom(faults.LOSS_SUMMED, "starts at 128 times ln 10", "first loss",
            lambda chart: chart.loss, _first, ">", 100, drawn=12, axis="loss (nats)"),
    Symptom(faults.NOT_SCALED, "starts far above ln 10", "first loss",
            lambda chart: chart.loss, _first, ">", 8, drawn=12, axis="loss (nats)"),
    # Who is sure and right has probabilities 1, 0, …, 0; taken for scores, their loss is
    # ln(e + 9) - 1 = 1.461.
    Symptom(faults.SOFTMAX_TWICE, "the loss stays above 1.46", "loss of the last ten batches",
            lambda chart: chart.loss, lambda series: statistics.fmean(series[-10:]), ">", 1.46,
            axis="loss (nats)"),
    # A guess is right for a tenth of the images; a fifth is far from either.
    Symptom(faults.OVER_DIM_0, "one image at a time is a guess", "right, one image at a time",
            lambda chart: list(chart.in_batches_of.values()), _last, "<", 0.2,
            axis="fraction right"),
    Symptom(faults.RAW_SCORES, "the loss falls below zero", "lowest loss",
            lambda chart: chart.loss, min, "<", 0, drawn=12, axis="loss (nats)"),
    Symptom(faults.EVAL_MODE, "dropout drops nothing", "two passes of one batch differ by",
            lambda chart: chart.apart, max, "<", 1e-6, axis="two passes differ by"),
    Symptom(faults.WRONG_LABELS, "weights move, accuracy does not",
            "right, of the last 20 batches", lambda chart: chart.accuracy, _last, "<", 0.2,
            axis="right, last 20 batches"),
    Symptom(faults.MIXED_PARTS, "the test flatters", "accuracy on test images − on fresh images",
            lambda chart: [chart.reported - chart.honest], _last, ">", 0.08,
            axis="right: test − fresh images"),
    Symptom(faults.KEPT_GRAPH, "the graph grows", "functions in the graph of the sum",
            lambda chart: chart.functions, _last, ">", 100, axis="functions in the graph"),
    Symptom(faults.FORWARD_BY_NAME, "a hook hears nothing", "calls of a hook",
            lambda chart: chart.hooks, _last, "<", 1),
)
# fmt: on


def symptoms_of(letters: Sequence[str]) -> dict[str, Symptom]:
    """Return the symptom of each patient's fault, by letter, in the order of the letters."""
    by_fault = {symptom.fault: symptom for symptom in SYMPTOMS}
    return {letter: by_fault[diagnosis(letter)] for letter in letters}
