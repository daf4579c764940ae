"""What a hurried reader may hand over in place of an argument, and what must come of it.

A junk value is either good enough after all, which a case has to say, or it raises a ``TypeError``
or a ``ValueError`` of one line that names the argument.
"""

import fnmatch
import inspect
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import torch


def gives_nothing(*_, **__):
    return None


JUNK: dict[str, object] = {
    "None": None,
    "NaN": math.nan,
    "infinity": math.inf,
    "minus infinity": -math.inf,
    "zero": 0,
    "a half": 0.5,
    "minus one": -1,
    "minus a half": -0.5,
    "huge": 10**30,
    "beyond all floats": 10**5_000,
    "a huge float": 1e300,
    "a complex number": 1j,
    "True": True,
    "text": "junk",
    "no text": "",
    "bytes": b"junk",
    "an object": object(),
    "a class": dict,
    "a function that gives nothing": gives_nothing,
    "no list": [],
    "a list of None": [None],
    "a list of text": ["junk"],
    "no dict": {},
    "a dict of None": {None: None},
    "a dict by text": {"junk": None},
    "an empty tensor": torch.empty(0),
    "a tensor of no axes": torch.tensor(1.0),
    "a tensor of many axes": torch.ones(1, 1, 1, 1, 1, 1),
    "a complex tensor": torch.ones(2, dtype=torch.complex64),
    "a tensor of truths": torch.ones(2, dtype=torch.bool),
    "a tensor of NaN": torch.full((2,), math.nan),
}


def spoilt(value: object) -> Iterator[tuple[str, object]]:
    """Yield a good value with one thing wrong about it, each under a name."""
    within = {"None within": None, "text within": "junk", "NaN within": math.nan}
    if isinstance(value, torch.Tensor):
        yield from _spoilt_tensor(value)
    elif isinstance(value, Mapping):
        first = next(iter(value))
        for name, worse in within.items():
            yield name, {**value, first: worse}
        yield "an odd key", {**value, -1.5: value[first]}
        for name, worse in spoilt(value[first]):
            yield f"{name}, within", {**value, first: worse}
    elif isinstance(value, list | tuple) and value:
        kind = type(value)
        yield "an entry less", value[:-1]
        yield "an entry more", kind([*value, value[-1]])
        if isinstance(value[0], torch.Tensor):
            within |= {f"{name}, within": worse for name, worse in _spoilt_tensor(value[0])}
        for name, worse in within.items():
            yield name, kind([worse, *value[1:]])
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield "as text", str(value)
        yield "as a tensor", torch.tensor([value, value])
        yield "its negative", -value


def _spoilt_tensor(value: torch.Tensor) -> Iterator[tuple[str, torch.Tensor]]:
    yield "an axis more", value[None]
    if value.ndim:
        yield "a row less", value[:-1]
        yield "a row more", torch.cat([value, value[-1:]])
    if value.ndim > 1:
        yield "flat", value.flatten()
        yield "a column less", value[:, :-1]
    yield "of whole numbers", value.to(torch.int32)
    yield "of truths", value.bool()
    yield "complex", value.to(torch.complex64)
    other = torch.float32 if value.dtype == torch.float64 else torch.float64
    yield "of another precision", value.to(other)
    if value.is_floating_point():
        for name, number in (("NaN", math.nan), ("infinity", math.inf)):
            worse = value.detach().clone()
            worse.view(-1)[0] = number
            yield f"{name} within", worse
        yield "with a graph", value.detach().clone().requires_grad_()


# Then two arguments do not fit each other any more, and either may be called wrong.
FITS_NO_MORE = {"a row less", "a row more", "a column less", "an entry less", "an entry more"}
FITS_NO_MORE |= {"a list of text", "of another precision", "an odd key"}


@dataclass(frozen=True)
class Case:
    """How something public is called, and which junk is none."""

    # Takes the arguments by name.
    call: Callable
    # Good ones.
    arguments: dict[str, object]
    # By argument, the names of what is good enough after all, or patterns of them such as "*".
    fine: dict[str, set[str]] = field(default_factory=dict)
    # By argument, how an error may also speak of it: a regular expression.
    called: dict[str, str] = field(default_factory=dict)
    # What it may also raise, since its docstring says so.
    other: tuple[type[Exception], ...] = ()
    # What is tried, where `call` only leads to it.
    door: Callable | None = None
    # Called with pytest's monkeypatch before anything is tried.
    prepare: Callable | None = None

    def junk(self) -> Iterator[tuple[str, str, object]]:
        """Yield argument, name of the junk, and the junk."""
        for argument, value in self.arguments.items():
            for name, worse in (*JUNK.items(), *spoilt(value)):
                # What a function of the caller's own says, a helper cannot put into words.
                if not (inspect.isroutine(value) and name == "a class"):
                    yield argument, name, worse

    def complaint(self, argument: str, name: str, worse: object) -> str:
        """Return in words what is amiss when the junk is handed over; nothing if all is well."""
        try:
            self.call(**{**self.arguments, argument: worse})
        except (TypeError, ValueError, *self.other) as error:
            return "" if type(error) in self.other else self._amiss_in(str(error), argument, name)
        except Exception as error:  # noqa: BLE001 - just what must not come
            return f"{type(error).__name__}: {str(error)[:200]!r}"
        # Good enough is also what is of the very kind that is asked for.
        kind = {str: {"text"}, bool: {"True"}, type(None): {"None"}}
        fine = self.fine.get(argument, set()) | kind.get(type(self.arguments[argument]), set())
        return "" if any(fnmatch.fnmatch(name, pattern) for pattern in fine) else "passes"

    def _amiss_in(self, said: str, argument: str, name: str) -> str:
        if "\n" in said:
            return f"more than a line: {said!r}"
        names = list(self.arguments) if name in FITS_NO_MORE else [argument]
        known_as = rf"(?<!\w)({'|'.join(map(re.escape, names))})(?!\w)"
        if alias := self.called.get(argument):
            known_as = f"{known_as}|{alias}"
        return "" if re.search(known_as, said) else f"does not name it: {said!r}"


# Numbers that are junk only where something has to be counted or bounded.
REAL = {"zero", "a half", "minus one", "minus a half", "a huge float", "its negative"}
POSITIVE = {"a half", "a huge float"}
FROM_ZERO = POSITIVE | {"zero"}
NOT_FINITE = {"NaN within", "infinity within"}
PRECISION = {"of another precision"}
GRAPH = {"with a graph"}
LESS_OR_MORE = {"a row less", "a row more"}
SEVERAL = {"huge", "a tensor of no axes", "a tensor of many axes", "as a tensor"}
