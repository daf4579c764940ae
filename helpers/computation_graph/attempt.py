"""A walk back that may stop: notebook 01 tries one, and a reader guesses what comes of it."""

from textwrap import fill

import torch


def backward(output: torch.Tensor, leaf: torch.Tensor) -> float | None:
    """Call ``output.backward()``; where PyTorch stops it, print what it says.

    `output` and `leaf` are of one number each. What the leaf's `grad` then holds is returned: a
    number, or None where no gradient has arrived.
    """
    try:
        output.backward()
    except RuntimeError as error:
        # PyTorch's hint, how to search for the place, is for a program of many lines.
        print(fill(str(error).split(" Hint:")[0], 80))
        return None
    return None if leaf.grad is None else leaf.grad.item()
