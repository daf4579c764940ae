"""What the helpers ask of their arguments: each check raises one line, or does nothing.

A line begins with the argument's name, says what is wrong with it, with its value, and what to give
instead. Every check takes the name first. What is of another kind is a ``TypeError``.
"""

import math
import numbers
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch

_FLOATS = (torch.float32, torch.float64)

# More of anything than this is a slip of the hand: it would fill the memory, or never end.
_MOST = 10**9
_LONGEST_SHOWN = 60


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


def _ask(name: str, value: object, fits: bool, give: str, error: type = ValueError) -> None:
    if not fits:
        raise error(f"{name} is {shown(value)}: give {give}")


def instance(name: str, value: object, kind: type | tuple[type, ...], give: str) -> None:
    """Ask for an object of a class; `give` says how to come by one."""
    _ask(name, value, isinstance(value, kind), give, TypeError)


def _is_a(kind: type, value: object) -> bool:
    # Of the kinds in `numbers` are NumPy's numbers and fractions, too: they compare as int and
    # float do. So is True, which nobody means as a number.
    return isinstance(value, kind) and not isinstance(value, bool)


def whole(name: str, value: Any, *, least: int = 1, most: int = _MOST) -> None:
    """Ask for a whole number from `least` to `most`; True and 2.0 are none."""
    _ask(name, value, _is_a(numbers.Integral, value), "a whole number", TypeError)
    _ask(name, value, value >= least, f"at least {least}")
    _ask(name, value, value <= most, f"at most {most}")


def seed(name: str, value: object) -> None:
    """Ask for what seeds a generator."""
    whole(name, value, least=0, most=2**63 - 1)


def number(name: str, value: Any, *, least: float = -math.inf, above: float = -math.inf) -> None:
    """Ask for a finite number from `least` on, or one `above` a bound that is outside."""
    _ask(name, value, _is_a(numbers.Real, value), "a number", TypeError)
    writable = not _is_a(numbers.Integral, value) or -(2**63) <= value < 2**63
    _ask(name, value, writable, "a float, such as 1e30")
    bound = f" of at least {least:g}" if least > -math.inf else ""
    bound += f" above {above:g}" if above > -math.inf else ""
    fits = math.isfinite(value) and value >= least and value > above
    _ask(name, value, fits, f"a finite number{bound}")


def text(name: str, value: Any) -> None:
    """Ask for a text that says something."""
    instance(name, value, str, "a text")
    _ask(name, value, bool(value.strip()), "a few words")


def truth(name: str, value: object) -> None:
    """Ask for True or False."""
    instance(name, value, bool, "True or False")


def choice(name: str, value: object, choices: Collection[str], where: str = "") -> None:
    """Ask for one of a few words; `where` says in short where they stand."""
    instance(name, value, str, "a text")
    _ask(name, value, value in choices, f"one of {where or ', '.join(choices)}")


def function(name: str, value: object) -> None:
    """Ask for something that can be called."""
    _ask(name, value, callable(value), "a function", TypeError)


def path(name: str, value: Any) -> None:
    """Ask for the name of a file or folder."""
    instance(name, value, (str, os.PathLike), "a path")
    _ask(name, str(value), os.fspath(value) != "" and "\0" not in os.fspath(value), "a path")


def device(name: str, value: Any) -> None:
    """Ask for a device that is there."""
    instance(name, value, (str, torch.device), "a torch.device or its name, such as 'cpu'")
    try:
        torch.empty(0, device=value)
    except Exception as error:  # noqa: BLE001 - a device can be missing in many ways
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ValueError(f"{name} is {str(value)!r}: give one that is there ({reason})") from None


def batches(name: str, value: object) -> None:
    """Ask for something that may give batches when it is walked."""
    if isinstance(value, torch.utils.data.Dataset) and not isinstance(value, Iterable):
        cure = f"give torch.utils.data.DataLoader({name}, batch_size=64)"
        raise TypeError(f"{name} is {_a_type(value)}, of which no batches were made: {cure}")
    if isinstance(value, str | bytes | Mapping | torch.Tensor) or not isinstance(value, Iterable):
        raise TypeError(f"{name} is {_a_type(value)}: give pairs of images and labels")


def pairs(name: str, value: Iterable) -> Iterator[tuple[Any, Any]]:
    """Walk batches, each of them a pair."""
    for batch in value:
        if not isinstance(batch, tuple | list) or len(batch) != 2:
            raise TypeError(f"{name} holds {shown(batch)}: give pairs of images and labels")
        yield batch[0], batch[1]


def network(name: str, value: object) -> None:
    """Ask for a network of PyTorch's."""
    instance(name, value, torch.nn.Module, "a torch.nn.Module")


def optimizer(name: str, value: object) -> None:
    """Ask for an optimiser of PyTorch's, or what can be used like one."""
    wanted = ("param_groups", "step", "zero_grad")
    fits = all(hasattr(value, attribute) for attribute in wanted) and not isinstance(value, type)
    # Some that are made of functions have groups without names in them.
    if not fits or not all(isinstance(group, Mapping) for group in value.param_groups):  # type: ignore[attr-defined]
        cure = "torch.optim.SGD(network.parameters(), lr=0.1), or another optimiser"
        raise TypeError(f"{name} is {_a_type(value)}: give {cure}")


def dtype(name: str, value: object) -> None:
    """Ask for one of PyTorch's two usual precisions."""
    _ask(name, value, value in _FLOATS, "torch.float32 or torch.float64", TypeError)


def tensor(
    name: str,
    value: object,
    shape: Sequence[int | str] | None = None,
    *,
    dtypes: Sequence[torch.dtype] = _FLOATS,
    finite: bool = True,
    plain: bool = False,
) -> None:
    """Ask for a tensor that is not empty, of one of the dtypes.

    In a shape, a word stands for any number above zero. `finite` says whether NaN and infinity are
    out of place, and `plain` whether it must lie on the CPU, without a graph.
    """
    if not isinstance(value, torch.Tensor):
        raise TypeError(f"{name} is {_a_type(value)}: give a torch tensor")
    if value.dtype not in dtypes:
        raise TypeError(f"{name} has dtype {value.dtype}: give {' or '.join(map(str, dtypes))}")
    if shape is not None:
        sizes = zip(value.shape, shape, strict=False)
        fits = all(isinstance(wanted, str) or size == wanted for size, wanted in sizes)
        if value.ndim != len(shape) or not fits:
            wanted = str(tuple(shape)).replace("'", "")
            raise ValueError(f"{name} has shape {tuple(value.shape)}: give {wanted}")
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


def items(name: str, values: object, *, fewest: int = 1) -> None:
    """Ask for a list or tuple, or the like, of so many entries at least."""
    if isinstance(values, str | bytes) or not isinstance(values, Sequence):
        raise TypeError(f"{name} is {_a_type(values)}: give a list or a tuple")
    if len(values) < fewest:
        has = f"has {len(values)} entries" if values else "is empty"
        raise ValueError(f"{name} {has}: give at least {fewest}")


def series(name: str, values: Any, *, least: float = -math.inf, above: float = -math.inf) -> None:
    """Ask for a list of numbers, or a tensor of shape (n,)."""
    if isinstance(values, torch.Tensor):
        tensor(name, values, ("n",), dtypes=(*_FLOATS, torch.int64), plain=True)
        values = values.tolist()
    items(name, values)
    for place, value in enumerate(values):
        number(f"{name}[{place}]", value, least=least, above=above)
