"""What in notebook 06 cannot be compared or run as the rest, by the cell's id, and why."""

# Text that nbval may ignore: the cell carries the tag `nbval-ignore-output`.
IGNORED_OUTPUTS = {
    "load-the-garments": "a progress bar, on the one run that downloads",
    "halves-in-digits": "the gradients of other garments differ by another part",
    "times-in-digits": "seconds differ between machines",
}

_TIMES = "shows times, and no two runs take the same"
# Pictures that are other ones in each run. They must be there, as many and as large as stored.
WOBBLING_PICTURES = {
    "a-step-timed-three-ways": _TIMES,
    "growing-batch-figure": "networks in training, and some of the runs are thrown off on purpose",
}

# The cell in which the kernel is interrupted, and in the middle of what.
INTERRUPTED = {"run-in-one-and-in-two": "processes"}
