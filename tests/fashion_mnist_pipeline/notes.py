"""The notes' recipe, which has to do on the real garments and on the drawn ones."""

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from helpers.fashion_mnist_pipeline import fashion, training


def seen_after_training(images, labels, test_images, test_labels, *, seed: int):
    """Return what the notes' network says of the test images after five epochs."""
    torch.manual_seed(seed)
    network = nn.Sequential(
        nn.Flatten(), nn.Linear(784, 128, bias=False), nn.ReLU(), nn.Linear(128, 10, bias=False)
    )
    sgd = torch.optim.SGD(network.parameters(), lr=0.15, momentum=0.8)
    order = torch.Generator().manual_seed(seed)
    batches = fashion.Batches(images, labels, 128, generator=order)
    training.fit(network, batches, cross_entropy, sgd, epochs=5)
    return training.evaluate(network, fashion.Batches(test_images, test_labels, 500), cross_entropy)
