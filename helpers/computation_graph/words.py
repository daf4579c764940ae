"""Tensors in words: their numbers, their shape, what a box says of them; and lists of words."""

from collections.abc import Sequence
from typing import Any

import torch

# A tensor with more elements than this is shown by its shape alone.
MOST_ELEMENTS_SHOWN = 6
_ALT_TEXT_LENGTH = 300
# What a tensor is called that nobody named.
NO_NAME = "no name"


def numbers(values: Any) -> str:
    """Return a number, or a list of lists of them, with four significant digits."""
    if isinstance(values, list):
        return f"[{', '.join(map(numbers, values))}]"
    if isinstance(values, complex):
        return f"{values:.4g}"
    # Adding zero turns -0 into 0.
    return f"{values + 0.0:.4g}" if isinstance(values, float) else str(values)


def _shape(shape: Sequence[int]) -> str:
    return " × ".join(map(str, shape)) or "scalar"


def shape_line(shape: Sequence[int]) -> str:
    """Return the line of a box that says a shape."""
    return f"shape {_shape(shape)}" if len(shape) else "scalar"


def short(tensor: torch.Tensor | None) -> str:
    """Return a small tensor's numbers, or a large one's shape."""
    if tensor is None:
        return "none"
    if tensor.numel() > MOST_ELEMENTS_SHOWN:
        return f"({_shape(tensor.shape)})"
    return numbers(tensor.detach().to_dense().tolist())  # a sparse tensor has no list


def details(tensor: torch.Tensor, show: Sequence[str]) -> tuple[str, ...]:
    """Return the lines of a tensor's box, for those of value, shape and gradient in `show`."""
    lines = []
    with_value = "value" in show and tensor.numel() <= MOST_ELEMENTS_SHOWN
    # A bare number says by itself that it is a scalar.
    if "shape" in show and not (with_value and tensor.dim() == 0):
        lines.append(shape_line(tensor.shape))
    if with_value:
        lines.append(f"value {short(tensor)}")
    if "gradient" in show:
        # To read .grad of a tensor that does not keep it prints a warning.
        if tensor.is_leaf or tensor.retains_grad:
            lines.append("grad None" if tensor.grad is None else f"grad {short(tensor.grad)}")
        else:
            lines.append("no grad kept")
    return tuple(lines)


def listing(words: Sequence[str], most: int = 4) -> str:
    """Return the first few words as a sentence lists them, and how many more there are."""
    shown = list(words[:most])
    if len(words) > most:
        shown.append(f"{len(words) - most} more")
    return " and ".join(filter(None, [", ".join(shown[:-1]), shown[-1]]))


def cut(text: str) -> str:
    """Return a text as an alt text may be: on one line, and not too long to listen to."""
    text = text.replace("\n", " ")
    return text if len(text) <= _ALT_TEXT_LENGTH else f"{text[: _ALT_TEXT_LENGTH - 1]}…"
