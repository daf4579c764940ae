"""The computation graph, drawn: what a reader calls.

`draw` shows PyTorch's functions as boxes, `draw_as_in_notes` as arrows, and `plain` what torchviz
shows by itself. From other files, so that a notebook needs one name: `backtrack`, the walk of
``backward()``, and `renderer`, which says what makes the pictures on this machine.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any

import graphviz
import torch

from helpers.common import require
from helpers.common.sentences import say
from helpers.computation_graph import boxes, found, words
from helpers.computation_graph.backtrack import backtrack
from helpers.computation_graph.boxes import renderer
from helpers.computation_graph.folding import MOST_FUNCTIONS_UNFOLDED, folded

__all__ = ["backtrack", "draw", "draw_as_in_notes", "plain", "renderer", "side_by_side"]

_SHOWABLE = ("value", "shape", "gradient")


def _check_options(show: object, title: object, legend: object, fold: object = None) -> None:
    for name, value in {"show": show, "title": title, "legend": legend, "fold": fold}.items():
        if isinstance(value, torch.Tensor):
            raise TypeError(f"{name} is an option here: pass the tensor under another name")
    if isinstance(show, str) or not isinstance(show, Iterable):
        cure = "pass a tuple, as in show=('value', 'shape')"
        raise TypeError(f"show is {require.shown(show)}: {cure}")
    for word in show:
        require.choice("show", word, _SHOWABLE)
    require.instance("title", title, str, "a text")
    require.truth("legend", legend)
    require.instance("fold", fold, (bool, type(None)), "True, False or None")


def draw(
    output: found.Output,
    /,
    *,
    show: Sequence[str] = ("value", "shape"),
    fold: bool | None = None,
    title: str = "",
    legend: bool = True,
    **named: torch.Tensor,
) -> boxes.Drawing:
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

    Raises
    ------
    ValueError
        If `output` has no graph, the graph has been freed or has more than 25,000 functions, or a
        named tensor is not in it; and from the drawing's `svg`, if it is so large that Graphviz
        would not come back. Shown, such a drawing says so, and lists its edges.
    """
    _check_options(show, title, legend, fold)
    graph = found.find(output, named)
    if fold or (fold is None and len(graph.functions) > MOST_FUNCTIONS_UNFOLDED):
        return folded(graph, show, title, legend)
    nodes = tuple(boxes.node(graph, box, name, show) for box, name in graph.boxes.items())
    edges = tuple(boxes.edge(graph, flow) for flow in graph.links)
    alt = boxes.alt_text(nodes, say("The arrows point the way the computation ran."))
    return boxes.Drawing(nodes, edges, alt, title, legend)


def draw_as_in_notes(
    output: found.Output,
    /,
    *,
    show: Sequence[str] = ("value", "shape"),
    title: str = "",
    legend: bool = True,
    **named: torch.Tensor,
) -> boxes.Drawing:
    """Draw the same graph the other way: the boxes are tensors, the arrows are functions.

    Parameters and result are those of `draw`, without `fold`. So are the exceptions, and there
    is a ``ValueError`` for a graph of more than 60 functions.
    """
    _check_options(show, title, legend)
    graph = found.find(output, named)
    if len(graph.functions) > MOST_FUNCTIONS_UNFOLDED:
        raise ValueError(
            f"the graph has {len(graph.functions)} functions, too many for this picture: use draw, "
            "which folds them, or draw a smaller part"
        )

    def node(tensor: Any, name: str) -> boxes.Node:
        if tensor in graph.tensors:
            return boxes.node(graph, tensor, name, show)
        function, number = tensor
        shape = found.shape_made(graph.functions[function], number)
        details = (words.shape_line(shape),) if "shape" in show else ()
        return boxes.Node(name, words.NO_NAME, "intermediate", details)

    arrows = _functions_as_arrows(graph)
    operations = list(dict.fromkeys(operation for *_, operation in arrows))
    sentence = say("The arrows are functions: {functions}.", functions=words.listing(operations))
    return boxes.Drawing(*boxes.of_arrows(arrows, node, sentence), title, legend)


def _functions_as_arrows(graph: found.Graph) -> list[tuple[Any, Any, str]]:
    """Return (tensor, tensor, operation) from each input of each function to each of its outputs.

    A tensor is told by its box; one that has none, by its function and the number of the output.
    """
    taken = [
        (function, source, number)
        for function in graph.functions.values()
        for _, source, number in found.inputs(function)
    ]
    outputs = dict.fromkeys([*graph.made, *((id(source), number) for _, source, number in taken)])
    return [
        (graph.box_of(source, number) or (id(source), number), made, _operation(function))
        for function, source, number in taken
        for made in (graph.made.get(out, out) for out in outputs if out[0] == id(function))
    ]


def _operation(function: Any) -> str:
    """Return what the forward function is called: ``log_softmax`` for LogSoftmaxBackward0."""
    name = re.sub(r"Backward\d*$", "", found.function_name(function))
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def plain(dot: graphviz.Digraph, *, title: str = "") -> boxes.PlainDrawing:
    """Show what ``torchviz.make_dot`` returns, with the same boxes and arrows.

    torchviz names nodes by their address in memory, which differs from run to run; here they are
    n0, n1, … by first appearance. The font is one whose width Graphviz knows.
    A ``graphviz.Digraph`` would ask for a system package to show itself.
    A `title` is a line above the graph.
    """
    require.instance("dot", dot, graphviz.Digraph, "what torchviz.make_dot returns")
    require.instance("title", title, str, "a text")
    dot = dot.copy()
    # torchviz asks for "monospace", whose width Graphviz does not know: words filled their boxes.
    dot.node_attr.update(fontname="Courier", margin="0.13,0.05")
    if title:
        dot.graph_attr.update(boxes.TITLE, label=graphviz.escape(title), pad="0.1")
    names: dict[str, str] = {}
    # An address begins a line or follows an arrow; a number elsewhere is a size.
    address = r"(?m)(?<=^	)\d+|(?<= -> )\d+"
    source = re.sub(address, lambda one: names.setdefault(one[0], f"n{len(names)}"), dot.source)
    # A box begins with its label; a title is a label too, but comes after the font.
    labels = [label or words.NO_NAME for label in re.findall(r'\[label="?([^\s"\]]*)', source)]
    alt = say(
        "torchviz's own drawing, which has these boxes: {labels}.",
        labels=words.listing(labels, most=8),
    )
    return boxes.PlainDrawing(source, words.cut(alt))


def side_by_side(*drawings: boxes.Picture) -> boxes.Strip:
    """Return the drawings as one output, beside each other."""
    if not drawings:
        raise ValueError("there is nothing to show: pass drawings, as in side_by_side(one, other)")
    for drawing in drawings:
        require.instance("a drawing", drawing, boxes.Picture, "what draw or plain returns")
    return boxes.Strip(drawings)
