"""Every figure of notebook 07, drawn of small made-up data, by its name."""

from helpers.speedrun import figures
from helpers.speedrun.marks import QUICK, Mark
from helpers.speedrun.table import Row

IDEAS = {
    "a recipe": Row(90.0, 0.03, 10, 2.0, 0.5),
    "no help": Row(88.0, 0.04, 10, 1.0, 0.25),
    "little help": Row(89.9, 0.2, 10, 2.0, 0.5),
    "more help": Row(90.5, 0.1, 10, 4.0, 1.0),
}
MARKS = (Mark(90.0, 1, QUICK, 30), Mark(92.0, 10, QUICK, 10), Mark(93.0, 50, QUICK, 10))


def measured(*rows: tuple[float, float]) -> dict[str | float, Row]:
    """Return a row for each of the first marks: its accuracy and its price."""
    pairs = zip(MARKS, rows, strict=False)
    return {m.accuracy: Row(a, 0.05, m.seeds, 3 * price, price) for m, (a, price) in pairs}


ONE = measured((90.2, 0.8), (92.1, 9.0), (92.5, 45.0))
FEW = ((90.2, 0.8), (92.1, 9.0))
AGAIN = measured((90.1, 0.9), (92.2, 11.0), (92.6, 48.0))

DRAWINGS = {
    "ideas": lambda: figures.ideas(IDEAS, ["no help", "little help", "more help"]),
    "marks": lambda: figures.marks([ONE, AGAIN], MARKS),
    "marks_not_all_tried": lambda: figures.marks([measured(*FEW), measured(*FEW)], MARKS),
    "marks_all_reached": lambda: figures.marks([ONE, ONE], MARKS[:2]),
}
