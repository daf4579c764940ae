"""Tensors in words: their numbers, their shape, what a box says of them; and lists of words."""

from collections.abc import Sequence
from typing import Any

import torch

from helpers.common.sentences import listed, say

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


def sizes(tensor: torch.Tensor) -> Sequence:
    """Return a tensor's shape; of a nested one, which has none, how many parts it has."""
    return [f"{tensor.size(0)} nested"] if tensor.is_nested else tensor.shape


def shape_line(shape: Sequence) -> str:
    """Return the line of a box that says a shape."""
    return f"shape {' × '.join(map(str, shape))}" if len(shape) else "scalar"


def bytes_lacking(tensor: torch.Tensor) -> int:
    """Return by how much memory a tensor is too short, since somebody has given it back.

    Training that shares memory out does so. To read such a tensor would end Python.
    """
    try:
        steps = zip(tensor.shape, tensor.stride(), strict=True)
        last = tensor.storage_offset() + sum((size - 1) * step for size, step in steps)
        needed = (last + 1) * tensor.element_size() if tensor.numel() else 0
        return max(0, int(needed) - tensor.untyped_storage().nbytes())
    except (RuntimeError, AttributeError):  # A sparse or nested one does not lie in one piece.
        return 0


def _values(tensor: torch.Tensor) -> Any:
    """Return a small tensor's numbers; None for a large one, or where PyTorch has no numbers."""
    if tensor.is_nested or tensor.numel() > MOST_ELEMENTS_SHOWN or bytes_lacking(tensor):
        return None
    try:
        tensor = tensor.detach()  # And neither a sparse tensor nor a quantised one has a list.
        return (tensor.dequantize() if tensor.is_quantized else tensor.to_dense()).tolist()
    except RuntimeError:  # On the meta device, or within torch.func, there is nothing to read.
        return None


def short(tensor: torch.Tensor | None) -> str:
    """Return a small tensor's numbers, or a large one's shape."""
    if tensor is None:
        return "none"
    values = _values(tensor)
    if values is None:
        return f"({shape_line(sizes(tensor)).removeprefix('shape ')})"
    return numbers(values)


def details(tensor: torch.Tensor, show: Sequence[str]) -> tuple[str, ...]:
    """Return the lines of a tensor's box, for those of value, shape and gradient in `show`."""
    lines = []
    with_value = "value" in show and _values(tensor) is not None
    # A bare number says by itself that it is a scalar.
    if "shape" in show and not (with_value and tensor.dim() == 0):
        lines.append(shape_line(sizes(tensor)))
    if with_value:
        lines.append(f"value {short(tensor)}")
    if "gradient" in show:
        # To read .grad of a tensor that does not keep it prints a warning.
        if tensor.is_leaf or tensor.retains_grad:
            lines.append("grad None" if tensor.grad is None else f"grad {short(tensor.grad)}")
        else:
            lines.append("no grad kept")
    return tuple(lines)


def first_sentence(error: Exception) -> str:
    """Return how what PyTorch or a reader's code complains of begins, without its full stop."""
    kind = "" if isinstance(error, RuntimeError) else f"{type(error).__name__} "
    line = str(error).strip().partition("\n")[0].partition(". ")[0].partition(" Hint:")[0]
    return f"{kind}{line.rstrip('.:')}".strip() or "no reason given"


def listing(words: Sequence[str], most: int = 4) -> str:
    """Return the first few words as a sentence lists them, and how many more there are."""
    shown = list(words[:most])
    if len(words) > most:
        shown.append(say("{count} more", count=len(words) - most))
    return listed(shown)


def cut(text: str) -> str:
    """Return a text as an alt text may be: on one line, and not too long to listen to."""
    text = text.replace("\n", " ")
    return text if len(text) <= _ALT_TEXT_LENGTH else f"{text[: _ALT_TEXT_LENGTH - 1]}…"
