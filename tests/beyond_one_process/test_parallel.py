"""Parts of a batch, the step that processes share, and what they agree upon."""

import torch
from torch import nn
from torch.nn import functional as F

from helpers.beyond_one_process import parallel


def test_a_part_without_images_and_unequal_parts_give_the_whole_gradient():
    images, labels = torch.rand(7, 3, dtype=torch.float64), torch.arange(7) % 2
    network = nn.Linear(3, 2, dtype=torch.float64)
    whole = torch.autograd.grad(F.cross_entropy(network(images), labels), network.weight)[0]
    for size in (1, 2, 3, 9):
        total = torch.zeros_like(whole)
        for rank in range(size):
            mine, truth = parallel.share(images, labels, parallel.Group(rank, size))
            objective = F.cross_entropy(network(mine), truth, reduction="sum") * (size / 7)
            # What the wrapper does with the gradients of the processes.
            total += torch.autograd.grad(objective, network.weight)[0] / size
        assert torch.allclose(total, whole, rtol=0, atol=1e-14)


def test_one_alone_keeps_the_checkpoint_that_it_found():
    assert parallel.furthest(None) is None
    assert parallel.furthest({"epoch": 1, "batch": 2}) == {"epoch": 1, "batch": 2}
