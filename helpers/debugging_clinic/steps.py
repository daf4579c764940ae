"""One training step that is sound and five that are not; notebook 05 prints some of them.

They are written out line by line, each as somebody might have written it: to see that two lines
have changed places is the exercise. A step returns the loss of its batch, before the update.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

Batch = tuple[torch.Tensor, torch.Tensor]
LossFunction = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
# A reader's own step may return anything, or nothing.
Step = Callable[[nn.Module, torch.Tensor, torch.Tensor, LossFunction, torch.optim.Optimizer], Any]


def by_the_book(network, images, labels, loss_function, optimizer):
    """Take one training step; return the loss without its graph."""
    loss = loss_function(network(images), labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.detach()


def without_step(network, images, labels, loss_function, optimizer):
    """Forget the update."""
    loss = loss_function(network(images), labels)
    optimizer.zero_grad()
    loss.backward()
    return loss.detach()


def clearing_too_early(network, images, labels, loss_function, optimizer):
    """Clear the gradients after they are there and before they are used."""
    loss = loss_function(network(images), labels)
    loss.backward()
    optimizer.zero_grad()
    optimizer.step()
    return loss.detach()


def never_clearing(network, images, labels, loss_function, optimizer):
    """Forget to clear."""
    loss = loss_function(network(images), labels)
    loss.backward()
    optimizer.step()
    return loss.detach()


def calling_forward(network, images, labels, loss_function, optimizer):
    """Call forward by its name."""
    loss = loss_function(network.forward(images), labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.detach()


def adding_up() -> Step:
    """Return a step that adds up the losses together with their graphs, and returns the sum."""
    total = torch.zeros(())

    def step(network, images, labels, loss_function, optimizer):
        nonlocal total
        loss = loss_function(network(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total = total + loss
        return total

    return step
