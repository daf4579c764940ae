"""Junk at the front doors of notebook 05's helpers."""

import torch
from torch import nn
from torch.nn import functional as F

from common.junk import Case
from helpers.debugging_clinic import cases, faults, listing, preflight, steps
from helpers.fashion_mnist_pipeline import fashion

NOISE = (torch.zeros(1_100, 28, 28, dtype=torch.uint8).random_(), torch.arange(1_100) % 10)
FEW = fashion.Garments(*NOISE * 2, source=fashion.Source("stand-in", "for a test"))
ROWS = torch.randn(8, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
BATCHES = [(ROWS[:4], torch.arange(4) % 3), (ROWS[4:], torch.arange(4) % 3)]
NETWORK = nn.Linear(4, 3).double()
FEWER = {"an entry less", "an entry more"}

CASES = {
    "listing.first_error": Case(
        listing.first_error, {"listing": "1 / 0"}, fine={"listing": {"no text"}}
    ),
    "cases.admit": Case(
        cases.admit,
        {"fault": faults.HEALTHY, "garments": FEW, "seed": 1, "healthy": False, "images": 20},
        fine={"seed": {"zero"}, "images": {"None"}},
    ),
    "cases.ward": Case(cases.ward, {"number": 5, "garments": FEW, "healthy": False}),
    "preflight.check": Case(
        preflight.check,
        {
            "network": NETWORK,
            "batches": BATCHES,
            "loss_function": F.cross_entropy,
            "optimizer": torch.optim.SGD(NETWORK.parameters(), lr=0.1),
            "step": steps.by_the_book,
            "test": BATCHES,
            "seed": 1,
        },
        fine={
            "batches": FEWER,
            # A step that does nothing is a finding, not an error.
            "step": {"None", "a function that gives nothing"},
            "test": FEWER | {"None", "no list"},
            "seed": {"zero"},
        },
        # An error about what is in a batch speaks of images, labels, the network or the loss.
        called={
            "batches": r"^(images|labels)",
            "test": r"^(images|labels)",
            "loss_function": r"^the loss",
            "optimizer": "^the (optimiser|learning rate)",
            "network": "^the network",
        },
    ),
}
