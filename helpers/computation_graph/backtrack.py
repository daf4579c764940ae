"""The walk of ``backward()``, step by step, with the gradient on each edge."""

import contextlib
import html
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from helpers.common import page, progress, require
from helpers.common.sentences import say
from helpers.computation_graph import boxes, found, words
from helpers.computation_graph.folding import MOST_FUNCTIONS_UNFOLDED
from helpers.computation_graph.local import locals_of
from helpers.computation_graph.undisturbed import undisturbed

_NOT_YET_VISITED = {"fillcolor": "#ffffff", "color": "#b5b5b5", "fontcolor": "#767676"}
_BEING_VISITED = {"fillcolor": "#ffd9bf", "color": "#D55E00", "penwidth": "3"}
_GRADIENT_FLOWS = {"color": "#D55E00", "fontcolor": "#A34700", "penwidth": "2.2", "dir": "back"}
_STILL_TO_FLOW = {"fontcolor": "white", "color": "#b5b5b5"}


@dataclass(frozen=True, eq=False)
class Step:
    """One function on the way of ``backward()``: a row of the table, and what flowed."""

    function: str
    inputs: str  # Tensors by name, others by the function that made them.
    saved: str
    local: str
    # The gradients of its outputs and those of its inputs; None where there is none.
    arriving: tuple[torch.Tensor | None, ...]
    leaving: tuple[torch.Tensor | None, ...]
    gradient_in: str
    gradient_out: str
    # For a picture: the function's box, and what it writes on the links by what flows along them.
    box: int
    flows: dict[tuple, str]

    @property
    def row(self) -> tuple[str, ...]:
        """What the table says of the step."""
        before = (self.function, self.inputs, self.saved, self.local)
        return (*before, self.gradient_in, self.gradient_out)


@dataclass(frozen=True, repr=False)
class Walk(Sequence):
    """The steps of ``backward()``, in the order in which PyTorch takes them: ``walk[0]`` and so on.

    Leaves that get their gradients from one function stand in the order in which it was given them.
    Shows itself as a table with one row a step; `picture` draws one step, `strip` all of them.
    """

    graph: found.Graph
    steps: tuple[Step, ...]

    def __getitem__(self, place):
        """Return a step, counted from 0; of a slice, a tuple of them."""
        return self.steps[place]

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
        alt = say(
            "Step {step} of {count} of the walk back: {function} receives the gradient "
            "{gradient_in} and hands on {gradient_out}.",
            step=step,
            count=len(self),
            function=here.function,
            gradient_in=here.gradient_in,
            gradient_out=here.gradient_out,
        )
        title = f"{place}: {here.function}"
        return boxes.Drawing(tuple(nodes), tuple(edges), words.cut(alt), title, legend)

    def strip(self) -> boxes.Strip:
        """Return the pictures of all steps as one output."""
        places = range(1, len(self) + 1)
        return boxes.Strip(tuple(self.picture(place, legend=False) for place in places))

    def _rows(self) -> list[list[str]]:
        head = [say("step"), say("function"), say("its inputs"), say("what it saved")]
        head += [say("local derivative"), say("gradient in"), say("gradient out")]
        return [head, *([str(place), *step.row] for place, step in enumerate(self.steps, start=1))]

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
    hooks. No tensor's ``grad`` changes, no buffer, and no generator that all share; the graph is
    kept. The local derivatives come from calling each function once for each entry of its output;
    where it does not multiply its gradient by fixed numbers, the table says "no single number".

    Functions written in Python are called, as ``backward()`` calls them, and a checkpoint computes
    its block again. What these hold, and attributes of modules and parameters, is then given back.
    Hooks on tensors and on functions, where ``register_backward_hook`` hangs them, are called, too:
    what they change stays, be it a buffer or an attribute, as does all else that such code changes
    or prints.

    Parameters
    ----------
    output : Tensor or tuple of Tensor
        What was computed.
    gradient : Tensor or tuple of Tensor, optional
        The gradient to start from, of the shape of `output`; 1 for a real output of one element.
    **named : Tensor
        The tensors to name, as for `draw`.

    Returns
    -------
    Walk
        One `Step` for each function, in the order of the visit.

    Raises
    ------
    ValueError
        As `draw`; if `gradient` is missing or has another shape; if there are no numbers to walk
        with, as on the meta device; and if the backward pass fails, as it does where a saved tensor
        was changed in place, or is for ``backward()`` alone, as in a checkpoint with
        ``use_reentrant=True``.
    """
    graph = found.find(output, named)
    gradients = _checked_gradients(graph.outputs, gradient)
    # A reader may be in a `with torch.inference_mode()`: what is made there takes no part.
    functions = [*graph.functions.values()]
    with undisturbed(functions) as kept, torch.inference_mode(False), torch.no_grad():
        with kept:
            flowed, totals = _walked(graph, gradients)
        return Walk(graph, tuple(_steps(graph, flowed, totals)))


def _walked(graph: found.Graph, gradients: Sequence[torch.Tensor]) -> tuple[list, dict[int, Any]]:
    """Let PyTorch walk: return (function, arriving, leaving) of each, and each leaf's gradient."""
    functions = [f for f in graph.functions.values() if not found.is_accumulator(f)]
    # An accumulator is not called here, so that .grad stays as it is: no hook of its would be.
    ends = [f for f in graph.functions.values() if found.is_accumulator(f)]
    flowed: list[tuple[Any, tuple, tuple]] = []
    arrived: dict[int, tuple] = {}

    def watch(function: Any, hooks: contextlib.ExitStack) -> None:
        # Each is copied when it is seen: a reader's function or hook may write into it later.
        def come(arriving):
            arrived[id(function)] = _copies(arriving)

        def go(leaving, _):
            flowed.append((function, arrived[id(function)], _copies(leaving)))

        kind = type(function)  # A function in Python may have attributes of the same names.
        hooks.enter_context(kind.register_prehook(function, come))
        hooks.enter_context(kind.register_hook(function, go))

    with contextlib.ExitStack() as hooks:
        for function in functions:
            watch(function, hooks)
        try:
            # Of a leaf that was frozen since, PyTorch gives none: so its accumulator is asked.
            totals = torch.autograd.grad(
                graph.outputs,
                [torch.autograd.graph.GradientEdge(end, 0) for end in ends],
                _copies(gradients),
                retain_graph=True,
                allow_unused=True,
            )
        except Exception as error:  # noqa: BLE001 - a reader's function or hook may raise anything
            raise ValueError(_why_it_stops(error)) from error
    return flowed, dict(zip(map(id, ends), _copies(totals), strict=True))


def _copies(tensors: Sequence[torch.Tensor | None]) -> tuple[torch.Tensor | None, ...]:
    return tuple(
        None if tensor is None else tensor.detach().to(tensor.dtype, copy=True)
        for tensor in tensors
    )


# What PyTorch says when it stops a walk that backward() may take, and what mends it.
_ONLY_HERE = {
    "use_reentrant=True": "pass use_reentrant=False to the checkpoint",
    "_will_engine_execute_node": "remove the hook of register_multi_grad_hook",
    "donated": "set torch._functorch.config.donated_buffer = False before compiling",
    # What saves memory by computing a block again, and is no checkpoint of PyTorch's, asks for it.
    ".grad()": "switch that function off while you look, or pass the output of a part without it",
}


def _why_it_stops(error: Exception) -> str:
    said = words.first_sentence(error)
    for word, cure in _ONLY_HERE.items():
        if word in str(error):
            return f"the output can be walked by backward() alone ({said}): {cure}"
    cure = "compute the output again without the in-place operation"
    cure = cure if "inplace" in said else "mend that, and compute the output again"
    return f"the walk back fails as backward() would ({said}): {cure}"


def _checked_gradients(outputs: Sequence[torch.Tensor], gradient: Any) -> Sequence[torch.Tensor]:
    for output in outputs:
        _check_walkable(output, gradient)
    gradient = tuple(map(torch.ones_like, outputs)) if gradient is None else gradient
    gradients = gradient if isinstance(gradient, tuple) else (gradient,)
    for part in gradients:
        require.instance("gradient", part, torch.Tensor, "a tensor")
    shapes = [tuple(words.sizes(part)) for part in gradients]
    if shapes != (expected := [tuple(output.shape) for output in outputs]):
        raise ValueError(f"gradient has shape {shapes}: pass {expected}, as the output has")
    for part, output in zip(gradients, outputs, strict=True):
        if part.is_complex() != output.is_complex():
            give = f"give {output.dtype}, as the output has"
            raise TypeError(f"gradient has dtype {part.dtype}: {give}")
        if part.device != output.device:
            raise ValueError(f"gradient is on {part.device}: give it on {output.device}")
    return gradients


# Of what kind of output no gradient can start, how one tells, and what to pass instead.
_NOT_WALKED: dict[str, tuple[Callable[[torch.Tensor], bool], str]] = {
    "is on the meta device": (lambda output: output.is_meta, "compute it on another, with numbers"),
    "is a nested tensor": (lambda output: output.is_nested, "pass a sum of its parts"),
    "is sparse": (lambda output: output.layout is not torch.strided, "pass output.to_dense()"),
}


def _check_walkable(output: torch.Tensor, gradient: object) -> None:
    for kind, (is_one, give) in _NOT_WALKED.items():
        if is_one(output):
            raise ValueError(f"output {kind}, which cannot be walked back: {give}")
    if gradient is None and (output.numel() != 1 or output.is_complex()):
        has = "is complex" if output.numel() == 1 else f"has {output.numel()} entries"
        give = "pass gradient=, of the output's shape"
        raise ValueError(f"output {has}, so there is no one gradient to start from: {give}")


def _steps(
    graph: found.Graph, flowed: list[tuple[Any, tuple, tuple]], totals: Mapping[int, Any]
) -> Iterator[Step]:
    """Yield a step for each function that was seen, and for each accumulator in its turn."""
    # That comes as soon as the last of its gradients has arrived.
    awaited = Counter(id(source) for f, *_ in flowed for _, source, _ in found.inputs(f))
    seen = progress.walked(flowed, say("step"), "backtrack", len(flowed))
    for function, arriving, leaving in seen:
        yield _step(graph, function, arriving, leaving)
        for _, source, _ in found.inputs(function):
            awaited[id(source)] -= 1
            if found.is_accumulator(source) and awaited[id(source)] == 0:
                yield _end(graph, source, totals[id(source)])


def _end(graph: found.Graph, end: Any, total: torch.Tensor | None) -> Step:
    leaf, text = graph.label(id(end.variable)), words.short(total)
    row, flows = ("AccumulateGrad", leaf, say("nothing"), "1"), {("leaf", id(end)): text}
    if not end.variable.requires_grad:
        name = say("the leaf") if leaf == words.NO_NAME else leaf
        out = say("nothing: {name} was frozen since", name=name)
        return Step(*row, (total,), (), text, out, id(end), flows)
    into = say("the leaf's grad") if leaf == words.NO_NAME else f"{leaf}.grad"
    out = say("{gradient} to {place}", gradient=text, place=into)
    return Step(*row, (total,), (total,), text, out, id(end), flows)


def _step(graph: found.Graph, function: Any, arriving: tuple, leaving: tuple) -> Step:
    inputs = found.inputs(function)
    arrived, left = ([*map(words.short, parts)] for parts in (arriving, leaving))
    flows = {("out", id(function), number): text for number, text in enumerate(arrived)}
    labels, handed_on = [], []
    for place, source, number in inputs:
        flows["in", id(function), place] = left[place]
        box = graph.box_of(source, number)
        labels.append(found.function_name(source) if box is None else graph.label(box))
        handed_on.append(say("{gradient} to {place}", gradient=left[place], place=labels[-1]))
    return Step(
        found.function_name(function),
        ", ".join(labels),
        ", ".join(_saved_in_words(function)) or say("nothing"),
        ", ".join(locals_of(function, arriving, leaving)),
        arriving,
        tuple(leaving[place] for place, *_ in inputs),
        ", ".join(arrived),
        ", ".join(handed_on),
        id(function),
        flows,
    )


def _saved_in_words(function: Any) -> list[str]:
    lines = []
    try:
        saved = found.saved_values(function, unpack=True)
    except Exception:  # noqa: BLE001 - somebody's hook may unpack once, and then refuse in any way
        if found.is_packed(function):
            return [say("packed away")]
        return [say("in part changed in place since")]  # By a hook that ran on the way, say.
    for name, value in saved.items():
        if isinstance(value, torch.Tensor):
            lines.append(f"{name} = {words.short(value)}")
        elif isinstance(value, int | float | str) and not isinstance(value, bool):
            # PyTorch keeps a dimension such as -1 without its sign.
            if isinstance(value, int) and value > 2**63:
                value -= 2**64
            lines.append(f"{name} = {words.numbers(value)}")
    return lines
