"""What in notebook 05 cannot be compared or run as the rest, by the cell's id, and why."""

# Text that nbval may ignore: the cell carries the tag `nbval-ignore-output`.
IGNORED_OUTPUTS = {
    "load-the-garments": "a progress bar, on the one run that downloads the data",
    "fifteen-by-heart-by-letter": "A passes on the real garments, and not on the drawn ones",
}

# Pictures that are other ones in each run. They must be there, as many and as large as stored.
WOBBLING_PICTURES = dict.fromkeys(
    [
        "curves-of-abcd", "symptoms-of-abcd", "curves-of-efg", "symptoms-of-efg",
        "curves-of-hij", "one-network-three-accuracies", "symptoms-of-hij",
        "curves-of-klmn", "symptoms-of-klmn", "accuracy-never-set-back", "who-fails-what",
    ],
    "float32 training differs between processors",
)  # fmt: skip

# Cells that are not run twice in a row.
RUN_ONCE = dict.fromkeys(
    ["curves-of-abcd", "curves-of-efg", "curves-of-hij", "curves-of-klmn"],
    "trains its patients from their seeds, and is run again after all others",
)

# The cell in which the kernel is interrupted, and in the middle of what.
INTERRUPTED = {"over-classes-and-over-images-trained": "a training"}
