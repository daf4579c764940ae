"""Measure an epoch of the notes' loader beside one from tensors in memory, and print the ratio.

Run it with ``python tests/bench_training.py``; it is no test, since a time proves nothing.
"""

import statistics
import time
from collections.abc import Iterable

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from torchvision.transforms import ToTensor

from helpers import fashion, training

ROUNDS = 3
BATCH_SIZE = 128


class OneByOne(TensorDataset):
    """Turns one image at a time into a picture and back, as the torchvision data set does."""

    def __getitem__(self, index):
        from PIL import Image

        image, label = super().__getitem__(index)
        return ToTensor()(Image.fromarray(image.numpy())), int(label)


def seconds_per_epoch(batches: Iterable) -> float:
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Flatten(),
        nn.Linear(784, 128, bias=False),
        nn.ReLU(),
        nn.Linear(128, 10, bias=False),
        nn.LogSoftmax(dim=1),
    )
    optimizer = torch.optim.SGD(network.parameters(), lr=0.15, momentum=0.8)
    start = time.perf_counter()
    training.fit(network, batches, nn.functional.nll_loss, optimizer, epochs=1, progress=False)
    return time.perf_counter() - start


def main() -> None:
    garments = fashion.load()
    images, labels = garments.train_images, garments.train_labels
    loaders = {
        "one image at a time": DataLoader(
            OneByOne(images, labels), batch_size=BATCH_SIZE, shuffle=True
        ),
        "tensors in memory": fashion.Batches(
            images, labels, BATCH_SIZE, generator=torch.Generator().manual_seed(0)
        ),
    }
    times = {name: [] for name in loaders}
    seconds_per_epoch(loaders["tensors in memory"])  # A warm-up, not counted.
    for _ in range(ROUNDS):
        for name, batches in loaders.items():
            times[name].append(seconds_per_epoch(batches))
    medians = {name: statistics.median(values) for name, values in times.items()}
    slowest = max(medians.values())
    print(f"{garments.source}; {torch.get_num_threads()} threads, median of {ROUNDS} rounds")
    for name, seconds in medians.items():
        print(f"{name:>20}: {seconds:6.2f} s an epoch, {slowest / seconds:5.1f} times as fast")


if __name__ == "__main__":
    main()
