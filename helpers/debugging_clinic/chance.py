"""Chance: the sources that all share, set back afterwards, and what it alone gets right."""

import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def held(seed: int, device: torch.device) -> Iterator[None]:
    """Seed what networks draw from, and set every source of chance back afterwards.

    Dropout and the like draw on the CPU, or on the device where the network lies. (Generators that
    a loader or a step holds for itself are set back by `keeping`, and not seeded.)
    """
    seeded = [torch.default_generator]
    if device.type != "cpu":
        module = torch.get_device_module(device)
        index = module.current_device() if device.index is None else device.index
        seeded.append(module.default_generators[index])
    states = [(generator, generator.get_state()) for generator in seeded]
    python_state = random.getstate()
    # A data set may draw from NumPy, but who has not loaded it need not wait for it here.
    numpy = sys.modules.get("numpy")
    numpy_state = numpy.random.get_state() if numpy else None
    try:
        for generator in seeded:
            generator.manual_seed(seed)
        with torch.inference_mode(False), torch.enable_grad():
            yield
    finally:
        random.setstate(python_state)
        if numpy:
            numpy.random.set_state(numpy_state)
        for generator, state in states:
            generator.set_state(state)


def most_right(guess: torch.Tensor, truth: torch.Tensor) -> float:
    """Return what fraction of guesses chance may get right, at most, with the same guesses.

    Chance hands the true labels out in any order. Mean and variance of what is then right are
    those of a sum of matrix entries over a random permutation (Hoeffding, *A combinatorial central
    limit theorem*, 1951). So a class that most images are of gives no credit to who always says it.

    Both have shape (images,) and dtype int64, of two images at least.
    """
    names = torch.cat([guess, truth]).unique()
    said = (guess[:, None] == names).double().mean(dim=0)
    true = (truth[:, None] == names).double().mean(dim=0)
    expected = said @ true
    # The matrix has a row for each guess and a column for each label, 1 where they agree. Hoeffding
    # takes the means of rows and columns out of it; here equal rows and columns are counted once.
    centred = torch.eye(len(names)).double() - true[:, None] - said[None, :] + expected
    variance = (said[:, None] * true * centred.square()).sum() / (len(truth) - 1)
    # What lies four standard deviations above chance counts as knowledge.
    return float(expected + 4 * variance.sqrt()) + 1e-9
