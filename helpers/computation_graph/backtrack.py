"""The walk of ``backward()``, step by step, with the gradient on each edge."""

import contextlib
import html
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch

from helpers.common import page, require
from helpers.computation_graph import boxes, found, words
from helpers.computation_graph.folding import MOST_FUNCTIONS_UNFOLDED

# A Jacobian is worked out up to this many entries: each row is one more call of the function.
_MOST_JACOBIAN_ENTRIES = 256

_NOT_YET_VISITED = {"fillcolor": "#ffffff", "color": "#b5b5b5", "fontcolor": "#767676"}
_BEING_VISITED = {"fillcolor": "#ffd9bf", "color": "#D55E00", "penwidth": "3"}
_GRADIENT_FLOWS = {"color": "#D55E00", "fontcolor": "#A34700", "penwidth": "2.2", "dir": "back"}
_STILL_TO_FLOW = {"fontcolor": "white", "color": "#b5b5b5"}

_HEAD = ["step", "function", "its inputs", "what it saved", "local derivative"]
_HEAD += ["gradient in", "gradient out"]


class Step(NamedTuple):
    """One function on the way of ``backward()``, in words: a row of the table."""

    function: str
    inputs: str  # Tensors by name, others by the function that made them.
    saved: str
    local: str
    arriving: str
    leaving: str
    # For a picture: the function's box, and what it writes on the links by what flows along them.
    box: int
    flows: dict[tuple, str]


@dataclass(frozen=True, repr=False)
class Walk:
    """The steps of ``backward()``, in the order in which PyTorch takes them.

    Shows itself as a table with one row a step; `picture` draws one step, `strip` all of them.
    """

    graph: found.Graph
    steps: tuple[Step, ...]

    def __len__(self) -> int:
        """Return the number of steps."""
        return len(self.steps)

    def picture(self, step: int, *, legend: bool = True) -> boxes.Drawing:
        """Draw the graph as it stands after `step` steps, 1 or more; not one too large for a page.

        What has been visited is lit, the function of this step most of all, and the gradient is
        written on each edge along which it has flowed. `legend` says whether to explain the boxes.
        """
        require.whole("step", step, most=len(self))
        graph = self.graph
        if len(graph.functions) > MOST_FUNCTIONS_UNFOLDED:
            raise ValueError(
                f"the graph has {len(graph.functions)} functions, too many for a picture of each "
                "step: read the table, or draw a smaller part"
            )
        *_, here = past = self.steps[:step]
        flowed = {flow for each in past for flow in each.flows}
        lit = {box for flow, ends in graph.links.items() if flow in flowed for box in ends}
        lit = lit & graph.tensors.keys() | {each.box for each in past}
        nodes = []
        for box, name in graph.boxes.items():
            look = _BEING_VISITED if box == here.box else {} if box in lit else _NOT_YET_VISITED
            nodes.append(boxes.node(graph, box, name, ["value"], **look))
        texts = {flow: text for each in self.steps for flow, text in each.flows.items()}
        edges = []
        for flow in graph.links:
            edge, text = boxes.edge(graph, flow), texts.get(flow, "")
            if flow in flowed:
                edge = replace(edge, text=text, look=_GRADIENT_FLOWS)
            elif text:  # It is there in white, so that nothing moves from step to step.
                edge = replace(edge, look={"label": boxes.beside_the_line(text)} | _STILL_TO_FLOW)
            edges.append(edge)
        place = f"Step {step} of {len(self)}"
        does = f"receives the gradient {here.arriving} and hands on {here.leaving}"
        alt = words.cut(f"{place} of the walk back: {here.function} {does}.")
        title = f"{place}: {here.function}"
        return boxes.Drawing(tuple(nodes), tuple(edges), alt, title, legend)

    def strip(self) -> boxes.Strip:
        """Return the pictures of all steps as one output."""
        places = range(1, len(self) + 1)
        return boxes.Strip(tuple(self.picture(place, legend=False) for place in places))

    def _rows(self) -> list[list[str]]:
        return [_HEAD, *([str(place), *step[:6]] for place, step in enumerate(self.steps, start=1))]

    def __repr__(self) -> str:
        """Return the table as text."""
        rows = self._rows()
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        def line(row: list[str], tag: str) -> str:
            start = f'<{tag} style="text-align: left">'
            return f"<tr>{''.join(f'{start}{html.escape(cell)}</{tag}>' for cell in row)}</tr>"

        head, *body = self._rows()
        lines = "".join(line(row, "td") for row in body)
        table = f"<table><thead>{line(head, 'th')}</thead><tbody>{lines}</tbody></table>"
        return {"text/html": page.covered(table), "text/plain": repr(self)}


def backtrack(
    output: found.Output,
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
    ValueError
        As `draw`; and if `gradient` is missing or has another shape, or if the backward pass
        fails, as it does where a saved tensor was changed in place.
    """
    graph = found.find(output, named)
    gradients = _checked_gradients(graph.outputs, gradient)
    functions = [f for f in graph.functions.values() if not found.is_accumulator(f)]
    leaves = [f.variable for f in graph.functions.values() if found.is_accumulator(f)]
    flowed: list[tuple[Any, tuple, tuple]] = []

    def watch(function: Any):
        # PyTorch calls what leaves a function its inputs' gradients, and names them first.
        return lambda leaving, arriving: flowed.append((function, arriving, leaving))

    with contextlib.ExitStack() as hooks:
        # An accumulator is not called here, so that .grad stays as it is: no hook of its would be.
        for function in functions:
            hooks.enter_context(function.register_hook(watch(function)))
        try:
            totals = torch.autograd.grad(
                graph.outputs, leaves, gradients, retain_graph=True, allow_unused=True
            )
        except RuntimeError as error:
            fails = "the walk back fails as backward() would, so compute the output again"
            raise ValueError(f"{fails}: {str(error).splitlines()[0]}") from error
    by_leaf = dict(zip(map(id, leaves), totals, strict=True))
    return Walk(graph, tuple(_steps(graph, flowed, by_leaf)))


def _checked_gradients(outputs: Sequence[torch.Tensor], gradient: Any) -> Sequence[torch.Tensor]:
    if gradient is None:
        if large := [output for output in outputs if output.numel() != 1]:
            raise ValueError(
                f"output has {large[0].numel()} entries, so there is no one gradient to start "
                "from: pass gradient=, of the output's shape"
            )
        gradient = tuple(map(torch.ones_like, outputs))
    gradients = gradient if isinstance(gradient, tuple) else (gradient,)
    for part in gradients:
        require.instance("gradient", part, torch.Tensor, "a tensor")
    shapes = [tuple(part.shape) for part in gradients]
    if shapes != (expected := [tuple(output.shape) for output in outputs]):
        raise ValueError(f"gradient has shape {shapes}: pass {expected}, as the output has")
    for part, output in zip(gradients, outputs, strict=True):
        if part.is_complex() != output.is_complex():
            give = f"give {output.dtype}, as the output has"
            raise TypeError(f"gradient has dtype {part.dtype}: {give}")
    return [part.detach() for part in gradients]


def _steps(
    graph: found.Graph, flowed: list[tuple[Any, tuple, tuple]], totals: Mapping[int, Any]
) -> Iterator[Step]:
    """Yield a step for each function that was seen, and for each accumulator in its turn."""
    # That comes as soon as the last of its gradients has arrived.
    awaited = Counter(id(source) for f, *_ in flowed for _, source, _ in found.inputs(f))
    for function, arriving, leaving in flowed:
        yield _step(graph, function, arriving, leaving)
        for _, source, _ in found.inputs(function):
            awaited[id(source)] -= 1
            if found.is_accumulator(source) and awaited[id(source)] == 0:
                leaf, total = graph.label(id(source.variable)), totals[id(source.variable)]
                end = "the leaf's grad" if leaf == words.NO_NAME else f"{leaf}.grad"
                text, flow = words.short(total), ("leaf", id(source))
                row = ("AccumulateGrad", leaf, "nothing", "1", text, f"{text} to {end}")
                yield Step(*row, id(source), {flow: text})


def _step(graph: found.Graph, function: Any, arriving: tuple, leaving: tuple) -> Step:
    inputs = found.inputs(function)
    arrived, left = ([*map(words.short, parts)] for parts in (arriving, leaving))
    flows = {("out", id(function), number): text for number, text in enumerate(arrived)}
    labels, handed_on = [], []
    for place, source, number in inputs:
        flows["in", id(function), place] = left[place]
        box = graph.box_of(source, number)
        labels.append(found.function_name(source) if box is None else graph.label(box))
        handed_on.append(f"{left[place]} to {labels[-1]}")
    return Step(
        found.function_name(function),
        ", ".join(labels),
        ", ".join(_saved_in_words(function)) or "nothing",
        ", ".join(_local_derivatives(function)),
        ", ".join(arrived),
        ", ".join(handed_on),
        id(function),
        flows,
    )


def _saved_in_words(function: Any) -> list[str]:
    lines = []
    for name, value in found.saved_values(function).items():
        if isinstance(value, torch.Tensor):
            lines.append(f"{name} = {words.short(value)}")
        elif isinstance(value, int | float | str) and not isinstance(value, bool):
            # PyTorch keeps a dimension such as -1 without its sign.
            if isinstance(value, int) and value > 2**63:
                value -= 2**64
            lines.append(f"{name} = {words.numbers(value)}")
    return lines


def _local_derivatives(function: Any) -> list[str]:
    """Return the Jacobian of the function's outputs by each input, in words."""
    # It is noted of a function which gradients it takes: they are as its outputs were.
    outputs = function._input_metadata
    shapes = {
        place: source._input_metadata[number].shape
        for place, source, number in found.inputs(function)
    }
    sizes = [math.prod(output.shape) for output in outputs]
    if not 0 < sum(sizes) * max(map(math.prod, shapes.values())) <= _MOST_JACOBIAN_ENTRIES:
        return [f"{sum(sizes)} by {math.prod(shape)} Jacobian" for shape in shapes.values()]
    backward = function.apply if found.is_custom(function) else function
    rows: dict[int, list[torch.Tensor]] = {place: [] for place in shapes}
    # A gradient of 1 for one entry of the outputs, and 0 for the others, brings one row.
    for unit in torch.eye(sum(sizes), dtype=torch.float64):
        units = [
            part.reshape(output.shape).to(output.device, output.dtype)
            for part, output in zip(unit.split(sizes), outputs, strict=True)
        ]
        with torch.no_grad():
            answer = backward(*units)
        for place, shape in shapes.items():
            part = answer[place] if isinstance(answer, tuple) else answer
            # PyTorch's engine makes an answer fit its input in the same way.
            fitted = torch.zeros(shape) if part is None else part.to_dense().sum_to_size(shape)
            rows[place].append(fitted.flatten())
    made = [output.shape for output in outputs]
    return [
        _jacobian_in_words(torch.stack(rows[place]), same_shape=made == [shape])
        for place, shape in shapes.items()
    ]


def _jacobian_in_words(jacobian: torch.Tensor, same_shape: bool) -> str:
    """Return it, a row for each entry of the output, as shortly as its pattern allows."""
    diagonal = jacobian.diagonal()
    if jacobian.numel() == 1:
        return words.short(jacobian[0, 0])
    if same_shape and torch.equal(jacobian, torch.diag(diagonal)):
        if (diagonal == diagonal[0]).all():
            return f"{words.short(diagonal[0])} for each entry"
        if diagonal.numel() <= words.MOST_ELEMENTS_SHOWN:
            return f"{words.short(diagonal)} entry by entry"
    if jacobian.numel() <= words.MOST_ELEMENTS_SHOWN:
        return words.short(jacobian)
    return f"{len(jacobian)} by {jacobian.shape[1]} Jacobian"
