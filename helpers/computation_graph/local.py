"""The local derivatives of one function: what it multiplies a gradient by, in words."""

import math
from collections.abc import Sequence
from typing import Any

import torch

from helpers.computation_graph import found, words

# A Jacobian is worked out up to this many entries: each row is one more call of the function.
_MOST_JACOBIAN_ENTRIES = 256

_Tensors = Sequence[torch.Tensor | None]


def locals_of(function: Any, arriving: _Tensors, leaving: _Tensors) -> list[str]:
    """Return the Jacobian of the function's outputs by each input, in words.

    Some multiply by none: complex numbers met real ones, or somebody's own function clips what
    comes. `arriving` and `leaving`, what flowed, tell. A function that cannot be called by itself
    has none that could be worked out.
    """
    inputs = found.inputs(function)
    try:
        # It is noted of a function which gradients it takes: they are as its outputs were.
        made = [tuple(output.shape) for output in function._input_metadata]
        shapes = [tuple(source._input_metadata[number].shape) for _, source, number in inputs]
        count = sum(map(math.prod, made))
        if not 0 < count * max(map(math.prod, shapes)) <= _MOST_JACOBIAN_ENTRIES:
            return [f"{count} by {math.prod(shape)} Jacobian" for shape in shapes]
        left = [leaving[place] for place, *_ in inputs]
        return _worked_out(function, shapes, torch.cat([*map(_flat, arriving, made)]), left)
    except Exception:  # noqa: BLE001 - somebody's function may refuse in any way
        return ["not worked out" for _ in inputs]


def _worked_out(
    function: Any, shapes: Sequence[tuple], gradient: torch.Tensor, leaving: _Tensors
) -> list[str]:
    outputs = function._input_metadata
    jacobians = turned = _jacobians(function, shapes, 1)
    turns = [_flat(None, o.shape) + (1j if o.dtype.is_complex else 1) for o in outputs]
    if any(output.dtype.is_complex for output in outputs):
        turned = _jacobians(function, shapes, 1j)
    lines = []
    for shape, jacobian, other, left in zip(shapes, jacobians, turned, leaving, strict=True):
        wide = jacobian.to(torch.complex128)
        turns_along = _close(torch.cat(turns)[:, None] * wide, other)
        same = [shape] == [tuple(output.shape) for output in outputs]
        fits = turns_along and _close(gradient @ wide, _flat(left, shape))
        lines.append(_in_words(jacobian, same_shape=same) if fits else "no single number")
    return lines


def _flat(tensor: torch.Tensor | None, shape: Sequence[int]) -> torch.Tensor:
    if tensor is None:
        tensor = torch.zeros(tuple(shape), device="cpu")
    return tensor.to_dense().cpu().flatten().to(torch.complex128)


def _close(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Say whether two are the same but for rounding, which half precision has most of."""
    size = one.abs().max()
    if not (size.isfinite() and other.abs().isfinite().all()):
        return True  # Infinity times 0 is nothing that could be compared.
    return bool(((one - other).abs() <= 0.02 * size).all())


def _jacobians(function: Any, shapes: Sequence[tuple], turn: complex) -> list[torch.Tensor]:
    """Return the gradients of each input, a row for each entry of the outputs.

    They answer a gradient of 1 for this entry, or of `turn` if it is complex, and 0 for others.
    """
    outputs = function._input_metadata
    sizes = [math.prod(output.shape) for output in outputs]
    backward = type(function).apply.__get__(function) if found.is_custom(function) else function
    places = [place for place, *_ in found.inputs(function)]
    rows: list[list[torch.Tensor]] = [[] for _ in places]
    for unit in torch.eye(sum(sizes), dtype=torch.float64, device="cpu"):
        answer = backward(
            *(
                ((turn if output.dtype.is_complex else 1) * part)
                .reshape(tuple(output.shape))
                .to(output.device, output.dtype)
                for part, output in zip(unit.split(sizes), outputs, strict=True)
            )
        )
        for row, place, shape in zip(rows, places, shapes, strict=True):
            part = answer[place] if isinstance(answer, tuple) else answer
            # PyTorch's engine makes an answer fit its input in the same way.
            part = torch.zeros((), device="cpu").expand(shape) if part is None else part.to_dense()
            row.append(part.sum_to_size(shape).flatten().cpu())
    return [torch.stack(row) for row in rows]


def _in_words(jacobian: torch.Tensor, same_shape: bool) -> str:
    """Return it, a row for each entry of the output, as shortly as its pattern allows."""
    diagonal = jacobian.diagonal()
    if jacobian.numel() == 1:
        return words.short(jacobian[0, 0])
    if same_shape and torch.equal(jacobian, torch.diag(diagonal)):
        if (diagonal == diagonal[0]).all():
            return f"{words.short(diagonal[0])} for each entry"
        if diagonal.numel() <= words.MOST_ELEMENTS_SHOWN:
            return f"{words.short(diagonal)} entry by entry"
    if jacobian.numel() <= words.MOST_ELEMENTS_SHOWN:
        return words.short(jacobian)
    return f"{len(jacobian)} by {jacobian.shape[1]} Jacobian"
