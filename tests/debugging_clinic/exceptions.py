"""What in notebook 05 cannot be compared or run as the rest, by the cell's id, and why."""

# Text that nbval may ignore: the cell carries the tag `nbval-ignore-output`.
IGNORED_OUTPUTS = {
    "load-the-garments": "a progress bar, on the one run that downloads the data",
}

_FLOAT32 = "float32 training differs between processors"
# Pictures that are other ones in each run. They must be there, as many and as large as stored.
WOBBLING_PICTURES = {
    "first-ward-clinic-ward-1-garments": _FLOAT32,
    "figures-symptoms-clinic-symptoms-of-abcd": _FLOAT32,
    "second-ward-clinic-ward-2-garments": _FLOAT32,
    "figures-symptoms-clinic-symptoms-of-efg-": _FLOAT32,
    "third-ward-clinic-ward-3-garments": _FLOAT32,
    "one-network-three-accuracies": _FLOAT32,
    "figures-symptoms-clinic-symptoms-of-hij-": _FLOAT32,
    "fourth-ward-clinic-ward-4-garments": _FLOAT32,
    "figures-symptoms-clinic-symptoms-of-klmn": _FLOAT32,
    "ends-chart-epoch-2-chart-epoch-3-chart-e": _FLOAT32,
    "by-fault-clinic-diagnosis-letter-chart-f": _FLOAT32,
}

_AGAIN_AT_THE_END = "trains its patients from their seeds, and is run again after all others"
# Cells that are not run twice in a row.
RUN_ONCE = {
    "first-ward-clinic-ward-1-garments": _AGAIN_AT_THE_END,
    "second-ward-clinic-ward-2-garments": _AGAIN_AT_THE_END,
    "third-ward-clinic-ward-3-garments": _AGAIN_AT_THE_END,
    "fourth-ward-clinic-ward-4-garments": _AGAIN_AT_THE_END,
}

# The cell in which the kernel is interrupted, and in the middle of what.
INTERRUPTED = {"def-trained-for-an-epoch-options-nn-modu": "a training"}
