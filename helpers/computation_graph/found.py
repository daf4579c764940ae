"""The graph as PyTorch has it: its functions, its tensors, and the links between them.

Functions and links are those that ``torchviz.make_dot`` finds, in its order. Added is what its
drawing lacks: which input or output of a function a link is, and a place for each named tensor.
Nothing is computed, and nothing that a graph keeps packed away, as a checkpoint does, is unpacked.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from helpers.common import require
from helpers.computation_graph import words

Output = torch.Tensor | tuple[torch.Tensor, ...]

# PyTorch lets go of a longer chain than it has room for on the stack, if Python has seen its
# functions, one within the other: that ends Python. This is less than half of what it survives.
_MOST_FUNCTIONS = 25_000


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
        """Let a tensor have a box where a link meets it."""
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
    # A function in Python may have attributes of its own called `name`, as `ctx.name = …` gives it.
    return type(function).name(function).rsplit("::", 1)[-1]


def is_accumulator(function: Any) -> bool:
    """Say whether a function is an ``AccumulateGrad``: no other of PyTorch's knows its tensor."""
    return not is_custom(function) and hasattr(function, "variable")


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


def shape_made(function: Any, number: int) -> tuple:
    """Return the shape of a function's output."""
    try:
        return tuple(function._input_metadata[number].shape)
    except RuntimeError:  # It has one, but not for those who ask.
        return ("nested",)


def saved_values(function: Any, *, unpack: bool) -> dict[str, object]:
    """Return what a function saved for its backward pass; RuntimeError if that is gone.

    What a checkpoint or a reader's hooks have packed away is left out, unless one says `unpack`:
    that computes it anew, or calls the reader's code.
    """
    if is_custom(function):
        there = unpack or not is_packed(function)
        saved = function.saved_tensors if there else ()
        return {f"saved {place}": tensor for place, tensor in enumerate(saved)}
    return {
        name.removeprefix("_saved_").replace("_sym_", "_"): getattr(function, name)
        for name in _saved_names(function)
        if unpack or not _has_hook(function, name)
    }


def is_packed(function: Any) -> bool:
    """Say whether something that a function saved has a hook that unpacks it."""
    names = ["_saved_tensors"] if is_custom(function) else _saved_names(function)
    return any(_has_hook(function, name) for name in names)


def _saved_names(function: Any) -> list[str]:
    return [name for name in dir(type(function)) if name.startswith("_saved_")]


def _has_hook(function: Any, name: str) -> bool:
    raw = getattr(function, f"_raw{name}", ())  # A number has none.
    return any(one.unpack_hook is not None for one in (raw if isinstance(raw, tuple) else (raw,)))


def find(output: Output, named: Mapping[str, torch.Tensor]) -> Graph:
    """Return the graph behind `output`, with boxes for the named tensors."""
    outputs = _checked_outputs(output)
    # As in torchviz, the tensor that a view looks into is drawn, too, and how that one was made.
    looked_into = [(tensor._base, tensor) for tensor in outputs if tensor._base is not None]
    drawn = {id(one): one for one in (*outputs, *(base for base, _ in looked_into))}
    met = [*_meetings(drawn.values())]
    functions = {id(what[0]): what[0] for how, *what in met if how == "function"}
    graph = Graph(outputs, functions, [function for how, function, *_ in met if how == "done"])
    saved = {box: _drawable(function) for box, function in functions.items()}
    leaves = [function.variable for function in functions.values() if is_accumulator(function)]
    for tensor in (*drawn.values(), *leaves):
        graph.add_tensor(tensor)
    for name, tensor in named.items():
        _add_named(graph, name, tensor)
    for meeting in met:
        _add_links(graph, saved, *meeting)
    for base, tensor in looked_into:
        graph.add_link(id(base), id(tensor), "shares memory", id(base), id(tensor))
    for (function, number), box in graph.made.items():
        if box not in graph.boxes:  # an output of a function of several, which nothing uses
            graph.add_link(function, box, "out", function, number)
    # Read from the outputs back: what leads to the first box, to the second, and so on.
    order = {box: place for place, box in enumerate(graph.boxes)}
    graph.links = dict(sorted(graph.links.items(), key=lambda link: order[link[1][1]]))
    return graph


def _meetings(tensors: Iterable[torch.Tensor]) -> Iterator[tuple]:
    """Yield what one meets on the way back from the tensors, as torchviz goes: depth first.

    It is ("tensor", t) and later ("made", t); and between them, for each function that is new,
    ("function", f), a ("input", f, place, source, number) before each of those behind it, and
    ("done", f).
    """
    seen = set()
    # A list in place of a function that calls itself: a deep network is deeper than Python's stack.
    waiting: list[tuple] = []
    for tensor in tensors:
        waiting += [("tensor", tensor), ("function", tensor.grad_fn), ("made", tensor)]
    waiting.reverse()
    while waiting:
        how, what, *_ = meeting = waiting.pop()
        if how == "function":
            if what is None or id(what) in seen:
                continue
            seen.add(id(what))
            if len(seen) > _MOST_FUNCTIONS:
                raise ValueError(
                    f"output has more than {_MOST_FUNCTIONS:,} functions behind it, too many to "
                    "look at: pass that of a smaller part, such as fewer rounds of a loop"
                )
            waiting.append(("done", what))
            for place, source, number in reversed(inputs(what)):
                waiting += [("function", source), ("input", what, place, source, number)]
        yield meeting


# --- What cannot be drawn ---


def _checked_outputs(output: object) -> tuple[torch.Tensor, ...]:
    outputs = output if isinstance(output, tuple) else (output,)
    if not outputs:
        raise ValueError("output is an empty tuple: pass at least one tensor")
    for place, tensor in enumerate(outputs):
        name = f"output {place}" if len(outputs) > 1 else "output"
        give = "the tensor that the computation gave, or a tuple of such"
        if isinstance(output, tuple):
            give = "tensors alone in the tuple"
        require.instance(name, tensor, torch.Tensor, give)
        if _maker("output", tensor) is None:
            cure = (
                "pass a tensor of real or complex numbers that was computed from one with "
                "requires_grad=True, without no_grad() or detach()"
            )
            if torch._C._functorch.is_functorch_wrapped_tensor(tensor):
                cure = "pass what comes out of the function that torch.func changes"
            raise ValueError(f"{name} has no graph (its grad_fn is None): {cure}")
    return outputs


def _maker(name: str, tensor: torch.Tensor) -> Any:
    try:
        return tensor.grad_fn
    except RuntimeError as error:  # One of several views, say, and another was changed in place.
        why = words.first_sentence(error)
        cure = "compute it again without that change in place"
        raise ValueError(f"{name} cannot be walked back ({why}): {cure}") from None


def _drawable(function: Any) -> list[torch.Tensor]:
    """Return the tensors that a custom function saved; ValueError if it cannot be drawn."""
    name = function_name(function)
    try:
        saved = saved_values(function, unpack=False)
    except RuntimeError as error:
        if "second time" in str(error):
            raise ValueError(
                "what the graph saved was freed by backward(), and "
                f"{name} can no longer be looked at: "
                "compute the output again, or call backward(retain_graph=True)"
            ) from None
        if is_custom(function):  # Of no other is drawn what it saved.
            raise ValueError(
                f"{name} saved a tensor that was changed in place since: compute the output "
                "again without the in-place operation"
            ) from None
        return []
    tensors = [value for value in saved.values() if isinstance(value, torch.Tensor)]
    return tensors if is_custom(function) else []


def _add_named(graph: Graph, name: str, tensor: torch.Tensor) -> None:
    require.instance(name, tensor, torch.Tensor, "a tensor, as in draw(z, x=x)")
    if id(tensor) not in graph.tensors and id(_maker(name, tensor)) not in graph.functions:
        # It may have been there once: a change in place or a switch came between.
        why, cure = "of this output", "pass an output that was computed from it as it is now"
        if not tensor.requires_grad:
            why, cure = "(requires_grad=False)", "set requires_grad=True before computing"
            alias_of = torch._C._is_alias_of  # type: ignore[attr-defined]
            if any(alias_of(tensor, other) for other in graph.tensors.values()):
                why = "(it is detached from one that is)"
                cure = "pass that one, which named_parameters() gives and state_dict() does not"
        if "CheckpointFunctionBackward" in map(function_name, graph.functions.values()):
            why, cure = (
                "of this output, or a checkpoint hides it",
                "pass use_reentrant=False to that",
            )
        learns = tensor.is_floating_point() or tensor.is_complex()
        leave = f"leave it out, or {cure}" if learns else "leave it out, as whole numbers have none"
        raise ValueError(f"{name} is not in the graph {why}: {leave}")
    graph.add_tensor(tensor)
    known = graph.names.get(id(tensor))
    graph.names[id(tensor)] = f"{known} = {name}" if known else name


# --- Links ---


def _add_links(graph: Graph, saved: Mapping[int, list], how: str, what: Any, *more: Any) -> None:
    """Add the boxes and links that a meeting brings."""
    if how == "tensor":
        graph.add_box(id(what))
    elif how == "made" and what.grad_fn is not None:
        graph.add_link(id(what.grad_fn), id(what), "out", id(what.grad_fn), what.output_nr)
    elif how == "function":
        if is_accumulator(what):
            graph.add_link(id(what.variable), id(what), "leaf", id(what))
        graph.add_box(id(what))
    elif how == "input":
        place, source, number = more
        # Through the box of the tensor between, if it has one.
        box = graph.made.get((id(source), number), id(source))
        graph.add_link(box, id(what), "in", id(what), place)
        if box != id(source):
            graph.add_link(id(source), box, "out", id(source), number)
    elif how == "done":
        for tensor in saved[id(what)]:
            _add_saved(graph, what, tensor)


def _add_saved(graph: Graph, function: Any, tensor: torch.Tensor) -> None:
    box = graph.made.get((id(tensor.grad_fn), tensor.output_nr), id(tensor))
    if box not in graph.tensors:
        graph.saved[box] = tensor
    graph.add_link(box, id(function), "saved", box, id(function))
