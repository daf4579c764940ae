"""What in notebook 07 cannot be compared or run as the rest, by the cell's id, and why."""

# Text that nbval may ignore: the cell carries the tag `nbval-ignore-output`.
IGNORED_OUTPUTS = {
    "load-the-garments": "a progress bar, on the one run that downloads the data",
    "seconds-of-the-run": "seconds differ between machines",
    "counted-and-measured": "seconds differ between machines",
}
