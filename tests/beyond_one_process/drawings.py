"""Every figure of notebook 06, drawn of small fixed data, by its name."""

from helpers.beyond_one_process import figures

DRAWINGS = {
    "unequal_parts": lambda: figures.unequal_parts([16, 32, 48], [0.4, 0.2, 0.0], [0.0, 0.0, 0.0]),
    "noise_by_batch": lambda: figures.noise_by_batch([16, 64, 256], [0.8, 0.42, 0.2]),
    "growing_batch": lambda: figures.growing_batch(
        [1, 2, 4],
        {"fixed": [0.3, 0.4, 0.6], "scaled": [0.3, 0.31, 0.33]},
        {"a jump": [2.3, 3.0, 1.0], "a warm-up": [2.3, 2.0, 1.5]},
    ),
    "speed_up": lambda: figures.speed_up(
        {
            "large": {"1 process": 20.0, "2 processes": 11.0, "2, unshared": 30.0},
            "small": {"1 process": 0.6, "2 processes": 1.5, "2, unshared": 1.2},
        },
        [0.5, 0.9, 0.95],
    ),
}
