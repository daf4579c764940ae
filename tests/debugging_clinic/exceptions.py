"""What in notebook 05 cannot be compared or run as the rest, by the cell's id, and why."""

# Text that nbval may ignore: the cell carries the tag `nbval-ignore-output`.
IGNORED_OUTPUTS = {
    "load-the-garments": "a progress bar, on the one run that downloads the data",
}

_FLOAT32 = "float32 training differs between processors"
# Pictures that are other ones in each run. They must be there, as many and as large as stored.
WOBBLING_PICTURES = {
    "curves-of-abcd": _FLOAT32,
    "symptoms-of-abcd": _FLOAT32,
    "curves-of-efg": _FLOAT32,
    "symptoms-of-efg": _FLOAT32,
    "curves-of-hij": _FLOAT32,
    "one-network-three-accuracies": _FLOAT32,
    "symptoms-of-hij": _FLOAT32,
    "curves-of-klmn": _FLOAT32,
    "symptoms-of-klmn": _FLOAT32,
    "accuracy-never-set-back": _FLOAT32,
    "who-shows-what": _FLOAT32,
}

_AGAIN_AT_THE_END = "trains its patients from their seeds, and is run again after all others"
# Cells that are not run twice in a row.
RUN_ONCE = {
    "curves-of-abcd": _AGAIN_AT_THE_END,
    "curves-of-efg": _AGAIN_AT_THE_END,
    "curves-of-hij": _AGAIN_AT_THE_END,
    "curves-of-klmn": _AGAIN_AT_THE_END,
}

# The cell in which the kernel is interrupted, and in the middle of what.
INTERRUPTED = {"over-classes-and-over-images-trained": "a training"}
