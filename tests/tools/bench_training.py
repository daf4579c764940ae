"""Measure what an epoch costs and what recipes reach, on the whole of FashionMNIST.

``python tests/tools/bench_training.py`` prints one object. It is no test, since a time proves
nothing. The ways to train are taken from notebook 04's cells: what is timed is what is taught.
"""

import argparse
import contextlib
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import torch
from torch.nn import functional as F
from torch.utils.data import DataLoader
from tqdm.auto import tqdm

from helpers.fashion_mnist_pipeline import fashion, training

NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "04_fashion_mnist_pipeline.ipynb"
# By their ids: what is needed of the notebook, in its order.
CELLS = (
    "imports chosen-numbers network gradients epoch-by-hand only-the-products one-cycle "
    "layer-recipe edge-filters edge-features layers-on-edges garment-network network-recipe"
).split()
# Chosen on the validation part; here they get all 60,000 training images, and the test set judges.
# By how many pixels, 0 to 2, a picture in a frame of one pixel is moved; (1, 1) is not, and counts
# twice.
VIEWS = ((1, 1), (1, 1), (0, 1), (2, 1), (1, 0), (1, 2))
RECIPES: dict[str, tuple[str, dict]] = {
    "pixels, one cycle": ("pixels_recipe", {"epochs": 4}),
    "fixed edges": ("edges_recipe", {"epochs": 5}),
    "a network on fixed edges": ("network_recipe", {"epochs": 5, "hidden": 256}),
    "the same, a layer deeper": (
        "network_recipe",
        {"epochs": 9, "channels": (32, 64), "hidden": 256},
    ),
}


def definitions(garments: fashion.Garments) -> dict:
    """Run the notebook's cells that define things, on all of the training images."""
    sources = {cell.id: cell.source for cell in nbformat.read(NOTEBOOK, 4).cells}
    names: dict = {
        "images": garments.train_images,
        "labels": garments.train_labels,
    }
    with contextlib.redirect_stdout(sys.stderr):  # The first prints its versions.
        for cell in CELLS:
            exec(sources[cell], names)
    names["GarmentNetwork"] = with_views(names["GarmentNetwork"], VIEWS)
    return names


def with_views(network_class: type, views: tuple[tuple[int, int], ...]) -> type:
    """Return a kind of network that adds up, when it counts, what it says of moved pictures."""

    class WithViews(network_class):
        def forward(self, x):
            if self.training:
                return super().forward(x)
            framed, say = F.pad(x, (1, 1, 1, 1)), super().forward
            return sum(say(framed[:, :, i : i + 28, j : j + 28]) for i, j in views)

    return WithViews


def ways_to_train(lesson: dict) -> dict[str, Callable[[], object]]:
    """Return, by the name in the report, functions that each run one epoch of 60,000 images."""
    images, labels, batch_size = lesson["images"], lesson["labels"], lesson["batch_size"]
    pace = {"lr": lesson["lr"], "momentum": lesson["momentum"]}
    usual = DataLoader(fashion.OneByOne(images, labels), batch_size, shuffle=True)
    in_memory = fashion.Batches(images, labels, batch_size, generator=torch.Generator())

    def notes_loader() -> None:
        network = lesson["Network"]()
        sgd = torch.optim.SGD(network.parameters(), **pace)
        correct = torch.tensor(0)
        for x, y in usual:
            scores = network(x)
            F.nll_loss(scores, y).backward()
            sgd.step()
            sgd.zero_grad()
            correct += torch.sum(torch.max(scores, 1)[1] == y)

    def fit(optimizer_class) -> None:
        network = lesson["Network"]()
        optimizer = optimizer_class(network.parameters(), **pace)
        training.fit(network, in_memory, F.nll_loss, optimizer, epochs=1)

    return {
        "notes_loader_s": notes_loader,
        "ours_s": lambda: fit(training.MomentumSGD),
        "optim_s": lambda: fit(torch.optim.SGD),
        "by_hand_s": lambda: lesson["epoch_by_hand"](in_memory),
        "gemm_floor_s": lambda: lesson["epoch_by_hand"](in_memory, lesson["products"], 0.0),
    }


def medians(ways: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Time each way once a round, one after the other, so that a busy minute hits them all."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in tqdm(range(rounds + 1), desc="rounds", file=sys.stderr):
        for name, run in ways.items():
            taken[name].append(training.seconds(run, rounds=1))
    # The first is a warm-up.
    return {name: statistics.median(values[1:]) for name, values in taken.items()}


def time_to_accuracy(garments: fashion.Garments, lesson: dict, seeds: range) -> Iterator[dict]:
    """Train each recipe once a seed, from the bytes to the last step, and ask it about the test."""
    training_part = (garments.train_images, garments.train_labels)
    test_part = (garments.test_images, garments.test_labels)
    for name, (recipe, settings) in RECIPES.items() if seeds else ():
        seconds, accuracies = [], []
        for seed in tqdm(seeds, desc=name, file=sys.stderr):
            start = time.perf_counter()
            predict = lesson[recipe](*training_part, seed=seed, **settings)
            seconds.append(time.perf_counter() - start)
            accuracies.append(round(training.fraction_named(predict, *test_part), 4))
        yield {
            "recipe": name,
            "seconds": round(statistics.mean(seconds), 2),
            "mean_accuracy": round(statistics.mean(accuracies), 4),
            "accuracies": accuracies,
            "seeds": list(seeds),
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="timed rounds after a warm-up")
    parser.add_argument("--seeds", type=int, default=5, help="runs of each recipe; 0: none")
    options = parser.parse_args()
    garments = fashion.load()
    lesson = definitions(garments)
    seconds = medians(ways_to_train(lesson), options.rounds)
    report = {
        "data": str(garments.source),
        "threads": torch.get_num_threads(),
        "rounds": options.rounds,
        **seconds,
        # What tells more than seconds on a shared machine.
        "beside_the_floor": {n: round(s / seconds["gemm_floor_s"], 2) for n, s in seconds.items()},
        "time_to_accuracy": list(time_to_accuracy(garments, lesson, range(options.seeds))),
    }
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
