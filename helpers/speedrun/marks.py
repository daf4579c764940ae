"""Which recipe is the quickest to which accuracy, and what each idea in it is worth.

The rules: a run goes from the raw bytes in memory to the names of 10,000 garments it has not seen,
and every preparation counts. Recipes were chosen on the last 10,000 of the training images, held
out of the training; the test part is opened once for each final recipe. Time counts as a multiple
of one epoch of the notes' loop, with the usual loader, before and after in the same process.
"""

import dataclasses
import platform
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader
from tqdm.auto import tqdm

from helpers.fashion_mnist_pipeline import fashion, training
from helpers.speedrun.recipes import Recipe, learn

QUICK = Recipe(epochs=2.4, hard=0.5, rate=0.006)
WITH_FILTERS = Recipe(
    channels=(16, 48),  # With 24 in place of 16 a step takes half as long again: they come in 16s.
    hidden=128,
    epochs=2.7,
    batch_size=320,
    rate=0.008,
    filters_rate=0.1,
    warm_up=0.3,
    hard=0.5,
    moved=True,
)
MIRRORED = Recipe(channels=(24, 48), hidden=192, epochs=7.4, hard=0.6, mirror=True, moved=True)
# What the notebook takes out of the quick recipe, or puts in, one at a time.
IDEAS: dict[str, Recipe] = {
    "the quick recipe": QUICK,
    "pixels, no edges": dataclasses.replace(QUICK, edges=False),
    "no square root": dataclasses.replace(QUICK, root=False),
    "easy images, too": dataclasses.replace(QUICK, hard=1.0),
    "a rate that stays": dataclasses.replace(QUICK, falls=False),
    "labels not smoothed": dataclasses.replace(QUICK, smoothing=0.0),
    "batches of 64": dataclasses.replace(QUICK, batch_size=64),
    "batches of 1,024": dataclasses.replace(QUICK, batch_size=1024),
    "128 units": dataclasses.replace(QUICK, hidden=128),
    "2,048 units": dataclasses.replace(QUICK, hidden=2048),
    "in the mirror": dataclasses.replace(QUICK, mirror=True),
    "three that vote": dataclasses.replace(QUICK, networks=3),
    "3 × the epochs": dataclasses.replace(QUICK, epochs=3 * QUICK.epochs),
    "asked moved, too": dataclasses.replace(QUICK, moved=True),
    "float32": dataclasses.replace(QUICK, dtype=torch.float32),
    "one thread": QUICK,
}
ONE_THREAD = "one thread"


@dataclass(frozen=True)
class Mark:
    """An accuracy in per cent, the loader epochs it may take, and the recipe to reach it."""

    accuracy: float
    loader_epochs: float
    recipe: Recipe
    seeds: int


MARKS = (
    Mark(92.4, 0.6, dataclasses.replace(QUICK, epochs=2.05), 30),
    Mark(93.3, 2, WITH_FILTERS, 30),
    Mark(94.2, 8, MIRRORED, 10),
    # Out of reach so far: this is where the next attempt begins.
    Mark(95.0, 60, dataclasses.replace(MIRRORED, channels=(48, 96), hidden=256, epochs=30), 10),
)


def loader_epoch(garments: fashion.Garments) -> float:
    """Return the seconds of one epoch as the notes have it: the unit of all times here."""
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Flatten(),
        nn.Linear(784, 128, bias=False),
        nn.ReLU(),
        nn.Linear(128, 10, bias=False),
        nn.LogSoftmax(dim=1),
    )
    images = fashion.OneByOne(garments.train_images, garments.train_labels)
    sgd = torch.optim.SGD(network.parameters(), lr=0.15, momentum=0.8)
    start = time.perf_counter()
    for x, y in DataLoader(images, batch_size=128, shuffle=True):
        F.nll_loss(network(x), y).backward()
        sgd.step()
        sgd.zero_grad()
    return time.perf_counter() - start


@dataclass(frozen=True)
class Parts:
    """What is learnt from, and what is to be named: images and labels of each."""

    images: torch.Tensor
    labels: torch.Tensor
    unseen: torch.Tensor
    truth: torch.Tensor

    @classmethod
    def of(cls, garments: fashion.Garments, *, test: bool) -> "Parts":
        """Hold the last sixth of the training images out or, for a final recipe, open the test."""
        images, labels = garments.train_images, garments.train_labels
        if test:
            return cls(images, labels, garments.test_images, garments.test_labels)
        kept = len(images) * 5 // 6
        return cls(images[:kept], labels[:kept], images[kept:], labels[kept:])


def run(parts: Parts, recipe: Recipe, seed: int) -> tuple[float, float]:
    """Return the accuracy in per cent and the seconds of one run, from bytes to names."""
    start = time.perf_counter()
    trained = learn(parts.images, parts.labels, recipe, seed)
    right = training.fraction_named(trained, parts.unseen, parts.truth)
    return 100 * right, time.perf_counter() - start


def summary(parts: Parts, recipe: Recipe, seeds: int, name: str) -> dict:
    """Run a recipe with seeds 0, 1, … and return the mean, its standard error, and the seconds."""
    bar = tqdm(range(seeds), desc=name, file=sys.stderr)
    accuracies, seconds = zip(*(run(parts, recipe, seed) for seed in bar), strict=True)
    spread = statistics.stdev(accuracies) if seeds > 1 else float("nan")
    return {
        "accuracy_mean": round(statistics.mean(accuracies), 3),
        "accuracy_sem": round(spread / seeds**0.5, 3),
        "accuracy_sd": round(spread, 3),
        "seeds": seeds,
        # The median: the first run of a kind also sets up what later ones find there.
        "seconds": round(statistics.median(seconds), 3),
    }


def of_marks(parts: Parts, marks: tuple[Mark, ...], seeds: int | None) -> Iterator[dict]:
    """Measure the recipe of each mark."""
    for mark in marks:
        name = f"{mark.accuracy} %"
        yield {"mark": mark.accuracy, **summary(parts, mark.recipe, seeds or mark.seeds, name)}


def of_ideas(parts: Parts, seeds: int) -> Iterator[dict]:
    """Measure the quick recipe with each idea taken out of it or put in."""
    threads = torch.get_num_threads()
    try:
        for name, recipe in IDEAS.items():
            torch.set_num_threads(1 if name == ONE_THREAD else threads)
            yield {"idea": name, **summary(parts, recipe, seeds, name)}
    finally:
        torch.set_num_threads(threads)


def cold_start() -> float:
    """Return the seconds of a new process that loads PyTorch and the data and runs once."""
    start = time.perf_counter()
    code = "from helpers.speedrun import marks as m; m.run(m.Parts.of(m.fashion.load(), test=False)"
    subprocess.run([sys.executable, "-c", f"{code}, m.QUICK, 0)"], check=True)
    return time.perf_counter() - start


def processor() -> str:
    """Return the processor's name, as far as the system tells it."""
    listed = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*: (.*)", listed.read_text()) if listed.exists() else None
    return found[1] if found else platform.processor() or platform.machine()


def commit() -> str:
    """Return the commit of this code, or that it is not known."""
    line = ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short", "HEAD"]
    try:
        return subprocess.run(line, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "not known"
