"""What the exercises of notebook 01 are tried on: tensors, parts of a data set, and graphs.

Each is a list of functions that make the arguments anew: tensors in a graph cannot be copied.
"""

import functools
import weakref
from collections.abc import Callable

import torch

from helpers.computation_graph.memory import small_memory


def leaf(number: float) -> torch.Tensor:
    """Return a leaf that learns."""
    return torch.tensor(number, dtype=torch.float64, requires_grad=True)


# By a graph's `call`, which does not show it: who is given that finds no answer.
_answers: weakref.WeakKeyDictionary[Callable, torch.Tensor] = weakref.WeakKeyDictionary()

_SOME = ("given given leaf leaf result result", "leaf result", "given cut result", "leaf cut leaf")


def _tensors(kinds: str) -> list[torch.Tensor]:
    """Return one new tensor for each word."""
    tensors = []  # A "cut" one was computed from one that does not require a gradient.
    for kind in kinds.split():
        tensor = torch.ones(2, dtype=torch.float64, requires_grad=kind in ("leaf", "result"))
        tensor = tensor * 2 if kind in ("result", "cut") else tensor
        tensors.append(tensor)
    return tensors


def tensors() -> list[Callable]:
    """Return makers of a few tensors: given ones, leaves that learn, and results."""
    return [functools.partial(_tensors, kinds) for kinds in _SOME]


def parts() -> list[Callable]:
    """Return makers of a loss with a small memory, of a start, and of parts of four entries."""
    three = torch.arange(12, dtype=torch.float64).split(4)

    def new(start, count):
        return small_memory(), start, [part.clone() for part in three[:count]]

    return [functools.partial(new, *case) for case in [(1.0, 3), (-0.5, 3), (0.2, 2)]]


def _chain():
    x = leaf(3.0)
    return 3 * (x**2) ** 2, [x]


def _meeting(short_way_first):
    a, b = leaf(3.0), leaf(2.0)
    s = a.sin()
    return (s + s * b, [b, a]) if short_way_first else (s * b + s, [a, b])


def _doubled():
    x = leaf(1.5)
    y = x.sin()
    for _ in range(60):  # 2^60 paths: who follows each of them does not come back.
        y = y + y
    return y, [x]


def _refuse(gradient):
    raise RuntimeError("that was PyTorch's walk: make your own")


def _graph(build, call):
    """Return a new graph's output and leaves, and a `call` that works once for each function."""
    output, leaves = build()
    seen = set()

    def call_once(function, gradient):
        if hasattr(function, "variable"):
            raise RuntimeError("an AccumulateGrad is not called")
        if function in seen:
            raise RuntimeError(f"{type(function).__name__} was called a second time")
        seen.add(function)
        return call(function, gradient)

    _answers[call_once] = torch.stack(torch.autograd.grad(output, leaves, retain_graph=True))
    # From here on, PyTorch's own walk is refused.
    for one in leaves:
        one.register_hook(_refuse)
    return output, leaves, call_once


def answer_behind(call: Callable) -> torch.Tensor:
    """Return the gradients that the graph of a `call` leads to, in the order of its leaves."""
    return _answers[call]


def graphs(call: Callable) -> list[Callable]:
    """Return makers of an output, its leaves, and a `call` that refuses to repeat itself.

    `call` is the notebook's own; `answer_behind` knows the leaves' gradients by the new one.
    """
    builders = [_chain, lambda: _meeting(False), lambda: _meeting(True), _doubled]
    return [functools.partial(_graph, build, call) for build in builders]
