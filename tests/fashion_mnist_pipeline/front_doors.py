"""Junk at the front doors of notebook 04's helpers."""

from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

from common.junk import Case
from helpers.fashion_mnist_pipeline import fashion, standin, training

LABELS = torch.arange(6)
IMAGES = standin.draw(LABELS, seed=0)
ROWS = torch.randn(8, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
BATCHES = [(ROWS[:4], torch.arange(4) % 3), (ROWS[4:], torch.arange(4) % 3)]
NETWORK = nn.Linear(4, 3).double()
SGD = torch.optim.SGD(NETWORK.parameters(), lr=0.1)
# An error about what is in a batch speaks of images, labels, the network or the loss.
OF_A_BATCH = {
    "batches": r"^(batches|images|labels|a batch|the network|the loss)",
    "validation": r"^(validation|images|labels|a batch|the network|the loss)",
    "loss_function": r"^the loss",
    "optimizer": "^the (optimiser|learning rate)",
    "network": "^the network",
}
FEWER = {"an entry less", "an entry more"}


def no_network_and_few_garments(monkeypatch):
    few = standin.draw_parts(train=10, test=10)
    monkeypatch.delenv(fashion.ROOT_VARIABLE, raising=False)
    monkeypatch.setattr(fashion, "DATA_FOLDER", Path("data"))
    monkeypatch.setattr(standin, "draw_parts", lambda: few)
    monkeypatch.setattr(fashion, "mirror_is_silent", lambda: "no network")


CASES = {
    "fashion.load": Case(
        fashion.load,
        {"root": None, "download": False},
        prepare=no_network_and_few_garments,
    ),
    "fashion.Batches": Case(
        fashion.Batches,
        {
            "images": IMAGES,
            "labels": LABELS,
            "batch_size": 2,
            "generator": None,
            "device": "cpu",
        },
        # Of floating point are features, and these may be any.
        fine={"images": {"of another precision"}},
    ),
    "training.fit": Case(
        training.fit,
        {
            "network": NETWORK,
            "batches": BATCHES,
            "loss_function": F.cross_entropy,
            "optimizer": SGD,
            "epochs": 1,
            "validation": BATCHES,
            "schedule": None,
            "schedule_every": "step",
            "progress": False,
        },
        fine={"batches": FEWER, "validation": FEWER | {"None"}},
        called=OF_A_BATCH,
    ),
    "training.evaluate": Case(
        training.evaluate,
        {"network": NETWORK, "batches": BATCHES, "loss_function": F.cross_entropy},
        fine={"batches": FEWER},
        called=OF_A_BATCH,
    ),
}
