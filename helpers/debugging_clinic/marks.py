"""The graphs that a network's calls leave: what is in them, and which are still in memory."""

import gc
import itertools
import weakref
from typing import Any

import torch


class Kept:
    """Marks left in the graphs of calls, each with the step that it is of, counted from 0."""

    def __init__(self) -> None:
        self.steps = 0  # Taken so far.
        self._marks: list[tuple[int, weakref.ref]] = []
        self._no_garbage: set[int] = set()  # Steps whose graphs outlived a collection.

    def mark(self, *scores: torch.Tensor) -> None:
        """Leave a mark in the graph of each.

        What is left with a function of the graph lives as long as that does. Of those behind the
        scores some may be kept without them, as a hidden layer is.
        """
        for some in scores:
            mark = _Mark()
            for function in itertools.filterfalse(is_leaf, graph_of(some)):
                function.metadata["mark"] = mark
            self._marks.append((self.steps, weakref.ref(mark)))

    def kept(self) -> set[int]:
        """Return the steps whose graphs are in memory: the last one's may be."""
        if self._in_memory() - self._no_garbage - {self.steps - 1}:
            gc.collect()  # A graph in a circle of references is garbage, and not kept.
            self._no_garbage = self._in_memory()
        return self._in_memory()

    def old(self) -> int:
        """Return how many of these are not the last step's."""
        return len(self.kept() - {self.steps - 1})

    def _in_memory(self) -> set[int]:
        return {step for step, mark in self._marks if mark() is not None}


class _Mark:
    """Something to see whether it is still there."""


def graph_of(scores: torch.Tensor) -> dict[Any, None]:
    """Return every function of a graph, the last one first."""
    seen: dict[Any, None] = {}
    ahead: list[Any] = [scores.grad_fn]
    while ahead:
        function = ahead.pop()
        if function is not None and function not in seen:
            seen[function] = None
            ahead += [before for before, _ in function.next_functions]
    return seen


def is_leaf(function: object) -> bool:
    """Whether a function only adds to the gradient of a leaf; all graphs of that share it."""
    return type(function).__name__ == "AccumulateGrad"
