"""Every figure of notebook 06, drawn of small fixed data, by its name."""

import torch

from helpers.beyond_one_process import figures

DRAWINGS = {
    "unequal_parts": lambda: figures.unequal_parts([16, 32, 48], [0.4, 0.2, 0.0], [0.0, 0.0, 0.0]),
    "noise_by_batch": lambda: figures.noise_by_batch([16, 64, 256], [0.8, 0.42, 0.2]),
    "growing_batch": lambda: figures.growing_batch(
        [1, 2, 4],
        {
            "fixed rate": torch.tensor([[0.3, 0.32], [0.4, 0.5], [0.6, 0.7]]).unbind(),
            "rate × processes": torch.tensor([[0.3, 0.32], [0.3, 0.4], [0.33, 0.35]]).unbind(),
        },
        {
            "jump at once": torch.tensor([[[9.0, 5.0], [2.0, 1.5]], [[7.0, 4.0], [1.9, 1.2]]]),
            "warm-up": torch.tensor([[[2.3, 2.0], [0.9, 0.5]], [[2.3, 1.9], [0.8, 0.6]]]),
        },
        2,
    ),
    "speed_up": lambda: figures.speed_up(
        {
            "large": {"1 process": 20.0, "2 processes": 11.0, "2, unshared": 30.0},
            "small": {"1 process": 0.6, "2 processes": 1.5, "2, unshared": 1.2},
        },
        [0.5, 0.9, 0.95],
    ),
}
