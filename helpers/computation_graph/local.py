"""The local derivatives of one function: what it multiplies a gradient by, in words."""

import math
from collections.abc import Sequence
from typing import Any

import torch

from helpers.common.sentences import say
from helpers.computation_graph import found, words
from helpers.computation_graph.undisturbed import as_they_were

# A Jacobian is worked out up to this many entries: each row is one more call of the function.
_MOST_JACOBIAN_ENTRIES = 256


def locals_of(function: Any, arriving: Sequence, leaving: Sequence) -> list[str]:
    """Return the Jacobian of the function's outputs by each input, in words.

    Some multiply by none: complex numbers met real ones, or somebody's own function clips what
    comes. `arriving` and `leaving`, what flowed, tell. A function that cannot be called by itself
    has none that could be worked out.
    """
    inputs = found.inputs(function)
    lines = []
    try:
        # It is noted of a function which gradients it takes: they are as its outputs were.
        made = function._input_metadata
        taken = [source._input_metadata[number] for _, source, number in inputs]
        count = sum(math.prod(one.shape) for one in made)
        if not 0 < count * max(math.prod(one.shape) for one in taken) <= _MOST_JACOBIAN_ENTRIES:
            return [_of_shape(count, math.prod(one.shape)) for one in taken]
        # A gradient of 1 for one entry of the outputs, and 0 for the others, brings one row.
        units = torch.eye(count, dtype=torch.complex128, device="cpu")
        rows = [_answer(function, unit) for unit in units]
        tried = []
        if (turns := any(one.dtype.is_complex for one in made)) or found.is_custom(function):
            # Numbers explain what flowed, and they turn along with what is turned.
            left = [
                _flat(leaving[place], one) for (place, *_), one in zip(inputs, taken, strict=True)
            ]
            tried.append((torch.cat([*map(_flat, arriving, made)]), left))
        if turns:
            came = torch.cat([_flat(None, one) + 1 + 1j * one.dtype.is_complex for one in made])
            tried.append((came, _answer(function, came)))
        for number, (one, *row) in enumerate(zip(taken, *rows, strict=True)):
            jacobian = torch.stack(row)
            same = [tuple(one.shape)] == [tuple(output.shape) for output in made]
            text = _in_words(jacobian if one.dtype.is_complex else jacobian.real, same)
            fits = all(_explains(jacobian, came, left[number]) for came, left in tried)
            lines.append(text if fits else say("no single number"))
    except Exception:  # noqa: BLE001 - somebody's function may refuse in any way
        return [say("not worked out") for _ in inputs]
    return lines


def _answer(function: Any, gradient: torch.Tensor) -> list[torch.Tensor]:
    """Return what a function hands on to each input, of a gradient of all its outputs in a row."""
    made = function._input_metadata
    parts = gradient.split([math.prod(one.shape) for one in made])
    backward, inputs = function, found.inputs(function)
    places = [place for place, *_ in inputs]
    if custom := found.is_custom(function):
        # It answers for whatever it was called with; only tensors are among its next functions.
        places = [place for place, needed in enumerate(function.needs_input_grad) if needed]
        backward = type(function).apply.__get__(function)
        # It has been called before, and may have given back the memory that it would read now.
        kept = (*function.saved_tensors, *vars(function).values())
        if any(isinstance(one, torch.Tensor) and words.bytes_lacking(one) for one in kept):
            raise MemoryError
    given = [
        (part if one.dtype.is_complex else part.real)
        .reshape(tuple(one.shape))
        .to(one.device, one.dtype)
        for part, one in zip(parts, made, strict=True)
    ]
    with as_they_were([function] if custom else []):
        answer = backward(*given)
        answer = answer if isinstance(answer, tuple) else (answer,)
        return [
            _flat(answer[place], source._input_metadata[number])
            for place, (_, source, number) in zip(places, inputs, strict=True)
        ]


def _flat(tensor: torch.Tensor | None, like: Any) -> torch.Tensor:
    tensor = torch.zeros(like.shape, device="cpu") if tensor is None else tensor.to_dense()
    if tensor.shape != like.shape:  # PyTorch's engine makes an answer fit in the same way.
        tensor = tensor.sum_to_size(tuple(like.shape))
    return tensor.flatten().to("cpu", torch.complex128)


def _explains(jacobian: torch.Tensor, came: torch.Tensor, left: torch.Tensor) -> bool:
    """Say whether it makes `left` of `came`, but for rounding: half precision has most of it."""
    off = (came @ jacobian - left).abs()
    # Infinity times 0 is nothing that could be compared.
    return not (off.isfinite() & (off > 0.02 * came.abs() @ jacobian.abs() + 1e-6)).any()


def _in_words(jacobian: torch.Tensor, same_shape: bool) -> str:
    """Return it, a row for each entry of the output, as shortly as its pattern allows."""
    diagonal = jacobian.diagonal()
    if jacobian.numel() == 1:
        return words.short(jacobian[0, 0])
    if same_shape and torch.equal(jacobian, torch.diag(diagonal)):
        if (diagonal == diagonal[0]).all():
            return say("{number} for each entry", number=words.short(diagonal[0]))
        if diagonal.numel() <= words.MOST_ELEMENTS_SHOWN:
            return say("{numbers} entry by entry", numbers=words.short(diagonal))
    if jacobian.numel() <= words.MOST_ELEMENTS_SHOWN:
        return words.short(jacobian)
    return _of_shape(*jacobian.shape)


def _of_shape(rows: int, columns: int) -> str:
    return say("{rows} by {columns} Jacobian", rows=rows, columns=columns)
