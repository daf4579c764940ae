"""Looks at inputs that are far larger than 1: whether it is they that do harm."""

import dataclasses

import torch
from torch import nn

from helpers.debugging_clinic import rehearsal, watching
from helpers.debugging_clinic.rehearsal import Setup, Updates

# Pixels of one unit's size have a root mean square of about 1, and those of 0 to 255 one of 100.
LARGEST_SIZE = 10.0


def do_harm(setup: Setup, updates: Updates) -> bool:
    """Whether the loss is high or climbs, and is lower or does not with smaller inputs.

    A network may scale its inputs itself, and then it is another thing that does harm: smaller ones
    would only be too small for it.
    """
    first = updates.losses[0]
    is_high = first > 1.5 * updates.guess
    if not (is_high or updates.climb) or _are_scaled_within(setup):
        return False
    largest = max(float(images.abs().max()) for images, _ in setup.sample)
    smaller = [(images / largest, labels) for images, labels in setup.sample]
    try:
        then = rehearsal.first_updates(dataclasses.replace(setup, sample=smaller))
    except Exception:  # noqa: BLE001 - as one that asks for large ones
        return False
    return (is_high and then.losses[0] < 0.9 * first) or (updates.climb and not then.climb)


def _are_scaled_within(setup: Setup) -> bool:
    """Whether no layer that multiplies by weights is given anything large in training."""
    network = rehearsal.twin_in("train", setup.network)
    sizes: list[float] = []

    def note(_: nn.Module, given: tuple) -> None:
        parts = (part for part in given if isinstance(part, torch.Tensor))
        sizes.extend(watching.size_of(part) for part in parts if part.is_floating_point())

    for layer in network.modules():
        # A norm has a number for each channel, and multiplies what it has made small.
        has_weights = any(weight.dim() > 1 for weight in layer.parameters(recurse=False))
        if has_weights and not any(layer.children()):
            layer.register_forward_pre_hook(note)
    rehearsal.seen_of(network, setup.sample[0][0].clone())
    return bool(sizes) and max(sizes) <= LARGEST_SIZE
