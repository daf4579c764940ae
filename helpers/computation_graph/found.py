"""The graph as PyTorch has it: its functions, its tensors, and the links between them.

Functions and links are those that ``torchviz.make_dot`` finds, in its order. Added is what its
drawing lacks: which input or output of a function a link is, and a place for each named tensor.
"""

import re
import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
import torchviz

from helpers.common import require
from helpers.computation_graph import words

Output = torch.Tensor | tuple[torch.Tensor, ...]


# PyTorch makes the Python side of a function when it is asked for, and throws it away when nobody
# holds it; the next object may get its id. So the graph keeps every object that has a box.
@dataclass
class Graph:
    """The graph behind `outputs`; a box is told by the `id` of its object.

    `functions` come as one first meets them from the outputs, `makers_first` after all that made
    their inputs. `names` are what tensors are called, `saved` what custom functions keep. `made`
    holds a tensor's box by (function, number of its output), `boxes` the names n0, n1, … of boxes.

    `links` are (tail, head) by what flows back along them: ``("in", f, i)`` is what function f
    hands on for its input i, ``("out", f, k)`` what arrives at its output k, ``("leaf", a)`` what
    accumulator a adds to its leaf. Others, saved or shared memory, carry nothing.
    """

    outputs: tuple[torch.Tensor, ...]
    functions: dict[int, Any]
    makers_first: list[Any]
    tensors: dict[int, torch.Tensor] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)
    made: dict[tuple[int, int], int] = field(default_factory=dict)
    saved: dict[int, torch.Tensor] = field(default_factory=dict)
    boxes: dict[int, str] = field(default_factory=dict)
    links: dict[tuple, tuple[int, int]] = field(default_factory=dict)

    def add_tensor(self, tensor: torch.Tensor) -> None:
        """Let a tensor have a box where torchviz or a link meets it."""
        self.tensors[id(tensor)] = tensor
        if tensor.grad_fn is not None:
            self.made[id(tensor.grad_fn), tensor.output_nr] = id(tensor)

    def add_box(self, box: int) -> None:
        """Name a box, if it is new."""
        self.boxes.setdefault(box, f"n{len(self.boxes)}")

    def add_link(self, tail: int, head: int, *flow: object) -> None:
        """Add a link, if it is new, and the boxes at its ends."""
        self.links.setdefault(flow, (tail, head))
        for box in (tail, head):
            self.add_box(box)

    def box_of(self, function: Any, number: int) -> int | None:
        """Return the box of a function's output, if it has one, or of an accumulator's leaf."""
        if is_accumulator(function):
            return id(function.variable)
        return self.made.get((id(function), number))

    def role(self, box: int) -> str:
        """Return ``function``, ``saved``, ``leaf``, ``output`` or ``intermediate``."""
        if box in self.functions:
            return "function"
        if box in self.saved:
            return "saved"
        if self.tensors[box].is_leaf:
            return "leaf"
        return "output" if box in map(id, self.outputs) else "intermediate"

    def label(self, box: int) -> str:
        """Return what the first line of a box says."""
        if box in self.functions:
            return function_name(self.functions[box])
        if box in self.names:
            return self.names[box]
        if box in self.saved:
            return "saved"
        outputs = [*map(id, self.outputs)]
        if box not in outputs:
            return words.NO_NAME
        return "output" if len(outputs) == 1 else f"output {outputs.index(box)}"


def function_name(function: Any) -> str:
    """Return what PyTorch calls a function, without the ``torch::autograd::`` of some."""
    return function.name().rsplit("::", 1)[-1]


def is_accumulator(function: Any) -> bool:
    """Say whether a function is an ``AccumulateGrad``: no other knows its tensor."""
    return hasattr(function, "variable")


def is_custom(function: Any) -> bool:
    """Say whether a function was written in Python, as a ``torch.autograd.Function``."""
    return isinstance(function, torch.autograd.function.BackwardCFunction)


def inputs(function: Any) -> list[tuple[int, Any, int]]:
    """Return (place, function it came from, which output of that) of each input with a graph."""
    return [
        (place, source, number)
        for place, (source, number) in enumerate(function.next_functions)
        if source is not None
    ]


def saved_values(function: Any) -> dict[str, object]:
    """Return what a function saved for its backward pass; RuntimeError if that is gone."""
    if is_custom(function):
        return {f"saved {place}": saved for place, saved in enumerate(function.saved_tensors)}
    return {
        name.removeprefix("_saved_").replace("_sym_", "_"): getattr(function, name)
        for name in dir(type(function))
        if name.startswith("_saved_")
    }


def find(output: Output, named: Mapping[str, torch.Tensor]) -> Graph:
    """Return the graph that torchviz finds behind `output`, with boxes for the named tensors."""
    outputs = _checked_outputs(output)
    # torchviz also draws the tensor that a view looks into, and how that one was made.
    drawn = [*outputs, *(tensor._base for tensor in outputs if tensor._base is not None)]
    graph = Graph(outputs, *_reachable(tensor.grad_fn for tensor in drawn))
    for function in graph.functions.values():
        _check_drawable(function)
        drawn += [function.variable] if is_accumulator(function) else []
    for tensor in drawn:
        graph.add_tensor(tensor)
    for name, tensor in named.items():
        _add_named(graph, name, tensor)
    _add_links(graph)
    for (function, number), box in graph.made.items():
        if box not in graph.boxes:  # an output of a function of several, which nothing uses
            graph.add_link(function, box, "out", function, number)
    # Read from the outputs back: what leads to the first box, to the second, and so on.
    order = {box: place for place, box in enumerate(graph.boxes)}
    graph.links = dict(sorted(graph.links.items(), key=lambda link: order[link[1][1]]))
    return graph


def _reachable(roots: Iterable[Any]) -> tuple[dict[int, Any], list[Any]]:
    """Return all functions behind `roots`: as they are met, and each after those behind it."""
    met, makers_first = {}, []
    # A list in place of a function that calls itself: a deep network is deeper than Python's stack.
    waiting = [(root, False) for root in roots if root is not None][::-1]
    while waiting:
        function, those_behind_are_done = waiting.pop()
        if those_behind_are_done:
            makers_first.append(function)
        elif id(function) not in met:
            met[id(function)] = function
            waiting.append((function, True))
            waiting += [(source, False) for _, source, _ in reversed(inputs(function))]
    return met, makers_first


# --- What cannot be drawn ---


def _checked_outputs(output: object) -> tuple[torch.Tensor, ...]:
    outputs = output if isinstance(output, tuple) else (output,)
    if not outputs:
        raise ValueError("output is an empty tuple: pass at least one tensor")
    for tensor in outputs:
        give = "the tensor that the computation gave, or a tuple of such"
        require.instance("output", tensor, torch.Tensor, give)
        if tensor.grad_fn is None:
            cure = "pass a tensor that was computed from one with requires_grad=True"
            raise ValueError(f"output has no graph (its grad_fn is None): {cure}")
    return outputs


def _check_drawable(function: Any) -> None:
    name = function_name(function)
    try:
        saved = saved_values(function)
    except RuntimeError as error:
        if "second time" in str(error):
            raise ValueError(
                f"the graph has been freed by backward() ({name} has lost what it saved): "
                "compute the output again, or call backward(retain_graph=True)"
            ) from None
        if is_custom(function):  # Of no other does torchviz read what it saved.
            raise ValueError(
                f"{name} saved a tensor that was changed in place since: compute the output "
                "again without the in-place operation"
            ) from None
        return
    if is_custom(function) and any(value is None for value in saved.values()):
        save = "save only tensors with save_for_backward"
        raise ValueError(f"{name} saved None, which torchviz cannot draw: {save}")


def _add_named(graph: Graph, name: str, tensor: torch.Tensor) -> None:
    require.instance(name, tensor, torch.Tensor, "a tensor, as in draw(z, x=x)")
    if id(tensor) not in graph.tensors and id(tensor.grad_fn) not in graph.functions:
        why, cure = "of this output", "pass an output that was computed from it"
        if not tensor.requires_grad:
            why, cure = "(requires_grad=False)", "set requires_grad=True before computing"
        raise ValueError(f"{name} is not in the graph {why}: leave it out, or {cure}")
    graph.add_tensor(tensor)
    known = graph.names.get(id(tensor))
    graph.names[id(tensor)] = f"{known} = {name}" if known else name


# --- torchviz, line by line ---


def _add_links(graph: Graph) -> None:
    """Add what torchviz draws; which kind of line it is, its look tells, or what it leads to."""
    # torchviz goes through a function's inputs, and through what a custom one saved, in order.
    to_come = {box: iter(inputs(function)) for box, function in graph.functions.items()}
    saved = {box: iter(f.saved_tensors) for box, f in graph.functions.items() if is_custom(f)}
    for first, second, look in _torchviz_lines(graph):
        if second is None:  # A box. What custom functions saved gets one together with its link.
            if first in graph.functions or first in graph.tensors:
                graph.add_box(first)
        elif "dotted" in look:
            graph.add_link(first, second, "shares memory", first, second)
        elif "dir=none" in look:
            box = _box_of_saved(graph, next(saved[second]))
            graph.add_link(box, second, "saved", box, second)
        elif second in graph.tensors:
            graph.add_link(first, second, "out", first, graph.tensors[second].output_nr)
        elif first in graph.tensors:
            graph.add_link(first, second, "leaf", second)
        else:
            place, _, number = next(to_come[second])
            # Through the box of the tensor between, which torchviz does not know or hangs aside.
            box = graph.made.get((first, number), first)
            graph.add_link(box, second, "in", second, place)
            if box != first:
                graph.add_link(first, box, "out", first, number)


def _box_of_saved(graph: Graph, saved: torch.Tensor) -> int:
    box = graph.made.get((id(saved.grad_fn), saved.output_nr), id(saved))
    if box not in graph.tensors:
        graph.saved[box] = saved
    return box


def _torchviz_lines(graph: Graph) -> Iterator[tuple[int, int | None, str]]:
    """Yield (box, None, look) or (tail, head, look), as torchviz draws them."""
    before = sys.getrecursionlimit()
    with warnings.catch_warnings():
        # torchviz compares versions with a class that has gone out of use.
        warnings.simplefilter("ignore", DeprecationWarning)
        # It also calls itself once for each function on a path.
        sys.setrecursionlimit(before + len(graph.functions))
        try:
            body = torchviz.make_dot(graph.outputs).body
        finally:
            sys.setrecursionlimit(before)
    for line in body:
        parts = re.fullmatch(r"\t(\d+)(?: -> (\d+))?(?: \[(.*)\])?\n", line, flags=re.DOTALL)
        assert parts, f"torchviz writes no such line: {line!r}"
        first, second, look = parts.groups()
        yield int(first), int(second) if second else None, look or ""
