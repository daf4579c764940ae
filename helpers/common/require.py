"""What the helpers ask of their arguments: each check raises one line, or does nothing.

A line begins with the argument's name, says what is wrong with it, with its value, and what to give
instead. Every check takes the name first.
"""

import math
import numbers
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeGuard, TypeVar

import torch

FLOATS = (torch.float32, torch.float64)

# More of anything than this is a slip of the hand: it would fill the memory, or never end.
_MOST = 10**9
_LONGEST_SHOWN = 60

_First = TypeVar("_First")
_Second = TypeVar("_Second")


def shown(value: object) -> str:
    """Return a value as an error says it: short, on one line, without an address in memory."""
    if isinstance(value, torch.Tensor):
        return f"a tensor of shape {tuple(value.shape)} and dtype {value.dtype}"
    if isinstance(value, int) and value.bit_length() > 128:  # Python refuses to write the longest.
        return f"a number of {value.bit_length()} bits"
    if value is None or isinstance(value, bool | int | float | complex | str | torch.dtype):
        text = repr(value)
        return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
    return _a_type(value)


def _a_type(value: object) -> str:
    name = type(value).__name__
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"


# NumPy's numbers and fractions will do, too: they compare as int and float do, so for the types
# below they are those.
def _is_whole(value: object) -> TypeGuard[int]:
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def _is_real(value: object) -> TypeGuard[float]:
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def whole(name: str, value: object, *, least: int = 1, most: int = _MOST) -> None:
    """Ask for a whole number from `least` to `most`; True and 2.0 are none."""
    if not _is_whole(value):
        raise TypeError(f"{name} is {shown(value)}: give a whole number")
    if value < least:
        raise ValueError(f"{name} is {shown(value)}: give at least {least}")
    if value > most:
        raise ValueError(f"{name} is {shown(value)}: give at most {most}")


def seed(name: str, value: object) -> None:
    """Ask for what seeds a generator."""
    whole(name, value, least=0, most=2**63 - 1)


def number(
    name: str,
    value: object,
    *,
    least: float = -math.inf,
    most: float = math.inf,
    above: float = -math.inf,
    below: float = math.inf,
) -> None:
    """Ask for a finite number within bounds: `above` and `below` are outside, the others inside."""
    if not _is_real(value):
        raise TypeError(f"{name} is {shown(value)}: give a number")
    if _is_whole(value) and not -(2**63) <= value < 2**63:
        raise ValueError(f"{name} is {shown(value)}: give a float, such as 1e30")
    if not (math.isfinite(value) and least <= value <= most and above < value < below):
        words = {"of at least": least, "above": above, "of at most": most, "below": below}
        bounds = [f"{word} {bound:g}" for word, bound in words.items() if math.isfinite(bound)]
        raise ValueError(
            f"{name} is {shown(value)}: give a finite number {' and '.join(bounds)}".rstrip()
        )


def text(name: str, value: object) -> None:
    """Ask for a text that says something."""
    if not isinstance(value, str):
        raise TypeError(f"{name} is {shown(value)}: give a text")
    if not value.strip():
        raise ValueError(f"{name} is {value!r}: give a few words")


def truth(name: str, value: object) -> None:
    """Ask for True or False."""
    if not isinstance(value, bool):
        raise TypeError(f"{name} is {shown(value)}: give True or False")


def choice(name: str, value: object, choices: Collection[str], where: str = "") -> None:
    """Ask for one of a few words; `where` says in short where they stand."""
    if not isinstance(value, str):
        raise TypeError(f"{name} is {shown(value)}: give a text")
    if value not in choices:
        raise ValueError(f"{name} is {shown(value)}: give one of {where or ', '.join(choices)}")


def instance(name: str, value: object, kind: type | tuple[type, ...], give: str) -> None:
    """Ask for an object of a class; `give` says how to come by one."""
    if not isinstance(value, kind):
        raise TypeError(f"{name} is {shown(value)}: give {give}")


def function(name: str, value: object) -> None:
    """Ask for something that can be called."""
    if not callable(value):
        raise TypeError(f"{name} is {shown(value)}: give a function")


def path(name: str, value: object) -> None:
    """Ask for the name of a file or folder."""
    if not isinstance(value, str | os.PathLike):
        raise TypeError(f"{name} is {shown(value)}: give a path")
    if not os.fspath(value) or "\0" in os.fspath(value):
        raise ValueError(f"{name} is {shown(str(value))}: give a path")


def device(name: str, value: object) -> None:
    """Ask for a device that is there."""
    if not isinstance(value, str | torch.device):
        raise TypeError(f"{name} is {shown(value)}: give a torch.device or its name, such as 'cpu'")
    try:
        torch.empty(0, device=value)
    except Exception as error:  # noqa: BLE001 - a device can be missing in many ways
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ValueError(
            f"{name} is {shown(str(value))}: give one that is there ({reason})"
        ) from None


def batches(name: str, value: object, of: str = "images and labels") -> None:
    """Ask for something that may give batches when it is walked."""
    if isinstance(value, str | bytes | Mapping | torch.Tensor) or not isinstance(value, Iterable):
        raise TypeError(f"{name} is {_a_type(value)}: give pairs of {of}")


def pairs(
    name: str, value: Iterable[tuple[_First, _Second]], of: str = "images and labels"
) -> Iterator[tuple[_First, _Second]]:
    """Walk batches, each of them a pair."""
    for batch in value:
        if not isinstance(batch, tuple | list) or len(batch) != 2:
            raise TypeError(f"{name} holds {shown(batch)}: give pairs of {of}")
        yield batch[0], batch[1]


def network(name: str, value: object) -> None:
    """Ask for a network of PyTorch's."""
    instance(name, value, torch.nn.Module, "a torch.nn.Module")


def optimizer(name: str, value: object) -> None:
    """Ask for an optimiser of PyTorch's, or what can be used like one."""
    if isinstance(value, type) or not all(
        hasattr(value, attribute) for attribute in ("param_groups", "step", "zero_grad")
    ):
        cure = "torch.optim.SGD(network.parameters(), lr=0.1), or another optimiser"
        raise TypeError(f"{name} is {_a_type(value)}: give {cure}")


def dtype(name: str, value: object) -> None:
    """Ask for one of PyTorch's two usual precisions."""
    if value not in FLOATS:
        raise TypeError(f"{name} is {shown(value)}: give torch.float32 or torch.float64")


def tensor(
    name: str,
    value: object,
    shape: Sequence[int | str] | None = None,
    *,
    dtypes: Sequence[torch.dtype] = FLOATS,
    finite: bool = True,
    plain: bool = False,
) -> None:
    """Ask for a tensor.

    Parameters
    ----------
    name : str
        The argument's name.
    value : object
        What was given.
    shape : sequence of int or str, optional
        A word stands for any number above zero. Without a shape, any that is not empty.
    dtypes : sequence of torch.dtype
        Which ones will do.
    finite : bool
        Whether NaN and infinity are out of place.
    plain : bool
        Whether it must lie on the CPU, without a graph, as what is drawn must.
    """
    if not isinstance(value, torch.Tensor):
        raise TypeError(f"{name} is {_a_type(value)}: give a torch tensor")
    if value.dtype not in dtypes:
        raise TypeError(f"{name} has dtype {value.dtype}: give {' or '.join(map(str, dtypes))}")
    if shape is not None:
        sizes = zip(value.shape, shape, strict=False)
        fits = all(isinstance(wanted, str) or size == wanted for size, wanted in sizes)
        if value.ndim != len(shape) or not fits:
            wanted = ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "")
            raise ValueError(f"{name} has shape {tuple(value.shape)}: give ({wanted})")
    if value.numel() == 0:
        raise ValueError(f"{name} has shape {tuple(value.shape)}: there is nothing in it")
    if plain and value.requires_grad:
        raise ValueError(f"{name} has a graph behind it: give {name}.detach()")
    if plain and not value.is_cpu:
        raise ValueError(f"{name} is on {value.device}: give {name}.cpu()")
    # To count takes eight bytes an entry, so it is done only where there is something to count.
    if finite and not value.isfinite().all():
        bad = int((~value.isfinite()).sum())
        raise ValueError(f"{name} holds NaN or infinite values ({bad}): leave those out")


def items(name: str, values: object, *, length: int | None = None, fewest: int = 1) -> None:
    """Ask for a list or tuple, or the like, of so many entries."""
    if isinstance(values, str | bytes) or not isinstance(values, Sequence):
        raise TypeError(f"{name} is {_a_type(values)}: give a list or a tuple")
    if not values and fewest:
        raise ValueError(f"{name} is empty: give at least {fewest}")
    if len(values) < fewest:
        raise ValueError(f"{name} has {len(values)} entries: give at least {fewest}")
    if length is not None and len(values) != length:
        raise ValueError(f"{name} has {len(values)} entries: give {length}")


def series(
    name: str,
    values: Any,
    *,
    length: int | None = None,
    fewest: int = 1,
    finite: bool = True,
    least: float = -math.inf,
    above: float = -math.inf,
) -> None:
    """Ask for a list of numbers, or a tensor of shape (n,), of so many entries."""
    if isinstance(values, torch.Tensor):
        tensor(name, values, ("n",), dtypes=(*FLOATS, torch.int64), finite=finite, plain=True)
        values = values.tolist()
    items(name, values, length=length, fewest=fewest)
    for place, value in enumerate(values):
        if finite or not isinstance(value, float) or math.isfinite(value):
            number(f"{name}[{place}]", value, least=least, above=above)
