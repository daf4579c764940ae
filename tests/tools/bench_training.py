"""Measure what an epoch costs and what recipes reach, on the whole of FashionMNIST.

``python tests/tools/bench_training.py`` prints one object. It is no test, since a time proves
nothing. The ways to train are taken from notebook 04's cells: what is timed is what is taught.
"""

import argparse
import contextlib
import functools
import importlib.util
import json
import multiprocessing
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
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

    ways = {
        "notes_loader_s": notes_loader,
        "ours_s": lambda: fit(training.MomentumSGD),
        "optim_s": lambda: fit(torch.optim.SGD),
        "by_hand_s": lambda: lesson["epoch_by_hand"](in_memory),
        "gemm_floor_s": lambda: lesson["epoch_by_hand"](in_memory, lesson["products"], 0.0),
        "true_floor_s": lambda: true_floor(images, *lesson["Network"]().parameters(), batch_size),
    }
    if importlib.util.find_spec("jax"):
        # In a process of its own: threads of two libraries that wait for work, each at full speed,
        # take the processors from each other.
        alone = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))
        ways["jax_s"] = lambda: alone.submit(_epoch_in_jax).result()
    return ways


@torch.no_grad()
def true_floor(images: torch.Tensor, W1: torch.Tensor, W2: torch.Tensor, batch_size: int) -> None:
    """Do in one epoch the least that steps of this network can cost; no weight moves.

    A step of any kind has to fetch its images and to make floats of their bytes, to multiply twice
    forwards and three times for the gradients, and to move velocities and weights. The floor does
    that as rung 6 of notebook 04 does it, and no more: nothing is checked, no memory is asked for,
    and labels, ReLU, softmax and the division by 255 are left out. What it computes and moves is
    counted in `test_floor.py`, and that each way to train has at least as much to do.
    """
    pixels = images.flatten(1)
    (hidden, width), classes = W1.shape, len(W2)
    W1, W2 = W1.T.contiguous().T, W2.clone()  # By columns: two threads do it faster.
    V1, V2 = torch.zeros_like(W1), torch.zeros_like(W2)
    B = torch.empty(batch_size, width, dtype=torch.uint8)
    X, A, D, E = (torch.empty(batch_size, size) for size in (width, hidden, classes, hidden))
    for chosen in torch.randperm(len(pixels)).split(batch_size):
        if len(chosen) < batch_size:
            B, X, A, D, E = (rows[: len(chosen)] for rows in (B, X, A, D, E))
        torch.index_select(pixels, 0, chosen, out=B)
        X.copy_(B)
        torch.mm(X, W1.T, out=A)
        torch.mm(A, W2.T, out=D)
        torch.mm(D, W2, out=E)
        V1.addmm_(E.T, X, beta=0.8)
        V2.addmm_(D.T, A, beta=0.8)
        W1.sub_(V1, alpha=0.0)
        W2.sub_(V2, alpha=0.0)


def _epoch_in_jax() -> None:
    _made_in_jax()()


@functools.cache
def _made_in_jax() -> Callable[[], None]:
    return in_jax(definitions(fashion.load()))


def in_jax(lesson: dict) -> Callable[[], None]:
    """Return the same epoch by a step that JAX has compiled."""
    import jax
    from jax import numpy as jnp

    images, labels = (jnp.asarray(lesson[part].numpy()) for part in ("images", "labels"))

    def loss(weights: list, x: jax.Array, y: jax.Array) -> jax.Array:
        W1, W2 = weights
        scores = jax.nn.relu(x @ W1.T) @ W2.T
        return -jnp.take_along_axis(jax.nn.log_softmax(scores), y[:, None], axis=1).mean()

    def step(weights: list, velocities: list, chosen: jax.Array) -> tuple[list, list]:
        x = images[chosen].reshape(len(chosen), -1).astype(jnp.float32) / 255
        gradients = jax.grad(loss)(weights, x, labels[chosen])
        pairs = zip(velocities, gradients, strict=True)
        velocities = [lesson["momentum"] * v + gradient for v, gradient in pairs]
        pairs = zip(weights, velocities, strict=True)
        return [w - lesson["lr"] * v for w, v in pairs], velocities

    step = jax.jit(step, donate_argnums=(0, 1))  # It may write where the old ones lie.

    def epoch() -> None:
        weights = [jnp.asarray(w.detach().numpy()) for w in lesson["Network"]().parameters()]
        velocities = [jnp.zeros_like(weight) for weight in weights]
        for chosen in torch.randperm(len(labels)).split(lesson["batch_size"]):
            weights, velocities = step(weights, velocities, chosen.numpy())
        jax.block_until_ready(weights)

    return epoch


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
        "jax_s": None,  # Where JAX is not installed; nothing here needs it.
        **seconds,
        # What tells more than seconds on a shared machine.
        "beside_the_floor": {n: round(s / seconds["true_floor_s"], 2) for n, s in seconds.items()},
        "time_to_accuracy": list(time_to_accuracy(garments, lesson, range(options.seeds))),
    }
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
