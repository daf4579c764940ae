"""What in notebook 04 cannot be compared or run as the rest, by the cell's id, and why."""

# Text that nbval may ignore: the cell carries the tag `nbval-ignore-output`.
IGNORED_OUTPUTS = {
    "load-the-garments": "a progress bar, on the one run that downloads the data",
    "test-accuracy-in-digits": "float32 training differs between processors",
    "test-of-the-choice-in-digits": "float32 training differs between processors",
}

_FLOAT32 = "float32 training differs between processors"
_TIMES = "shows times, and no two runs take the same"
# Pictures that are other ones in each run. They must be there, as many and as large as stored.
WOBBLING_PICTURES = {
    "figures-training-curves-history": _FLOAT32,
    "figures-accuracy-by-class-matrix-garment": _FLOAT32,
    "figures-confusion-matrix-garments-classe": _FLOAT32,
    "figures-confident-mistakes-garments-test": _FLOAT32,
    "figures-first-layer-weights-trained-line": _FLOAT32,
    "with-torch-no-grad": _FLOAT32,
    "figure-ladder": _TIMES,
    "laps": _TIMES,
    "growth-images": _TIMES,
    "figure-runs": _TIMES,
}

# Cells that are not run twice in a row.
RUN_ONCE = {
    "race-recipes": "trains several networks, each from its own seed",
    "test-of-the-choice": "trains one of them once more",
}

# The cell in which the kernel is interrupted, and in the middle of what.
INTERRUPTED = {"torch-manual-seed-seed-4": "a training"}
