"""What in notebook 04 cannot be compared or run as the rest, by the cell's id, and why."""

# Text that nbval may ignore: the cell carries the tag `nbval-ignore-output`.
IGNORED_OUTPUTS = {
    "load-the-garments": "a progress bar, on the one run that downloads the data",
    "linear-baseline-in-digits": "float32 training differs between processors",
    "test-accuracy-in-digits": "float32 training differs between processors",
    "queued-and-done": "runs only where a CUDA device is, and shows times",
    "test-of-the-choice-in-digits": "float32 training differs between processors",
}

_FLOAT32 = "float32 training differs between processors"
_TIMES = "shows times, and no two runs take the same"
# Pictures that are other ones in each run. They must be there, as many and as large as stored.
WOBBLING_PICTURES = {
    "training-curves": _FLOAT32,
    "accuracy-by-class": _FLOAT32,
    "confusion-matrix": _FLOAT32,
    "five-seeds": _FLOAT32,
    "confident-mistakes": _FLOAT32,
    "weights-as-pictures": _FLOAT32,
    "convex-or-not": _FLOAT32,
    "sweep-picture": _FLOAT32,
    "over-fitting": _FLOAT32,
    "reliability-curve": _FLOAT32,
    "a-picture-of-ones-own": _FLOAT32,
    "edges-beside-pixels-by-seed": _FLOAT32,
    "ladder": _TIMES,
    "time-by-part": _TIMES,
    "growth-in-images": _TIMES,
    "accuracy-against-seconds": _TIMES,
}

# Cells that are not run twice in a row.
_TRAININGS = "trains several networks, each from its own seed"
RUN_ONCE = dict.fromkeys(
    ("five-seeds", "sweep-of-the-rate", "pixels-and-edges", "race-recipes"), _TRAININGS
)

# The cell in which the kernel is interrupted, and in the middle of what.
INTERRUPTED = {"five-epochs": "a training"}
