"""Junk for each argument of what notebook 01 has a reader call: see `common.junk`."""

import torch
import torchviz

from common.junk import NOT_FINITE, Case
from helpers.computation_graph import graph

LEAF = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
OUTPUT = LEAF**2
OPTIONS = {"show": ("value", "shape"), "title": "A title", "legend": True}
FINE = {
    "show": {"no list", "no dict", "an entry less", "an entry more"},
    "title": {"no text"},
    # Computed from the leaf, they have a graph of their own.
    "output": {"an axis more", "complex", "of another precision"},
}


def by_name(function):
    """Take the tensor that a graph function takes without a name by the name of its docstring."""
    return lambda output, **rest: function(output, **rest)


CASES: dict[str, Case] = {
    "graph.draw": Case(
        by_name(graph.draw),
        {"output": OUTPUT, "x": LEAF, "fold": None, **OPTIONS},
        fine=FINE | {"fold": {"None", "True"}},
        door=graph.draw,
    ),
    "graph.draw_as_in_notes": Case(
        by_name(graph.draw_as_in_notes),
        {"output": OUTPUT, "x": LEAF, **OPTIONS},
        fine=FINE,
        door=graph.draw_as_in_notes,
    ),
    "graph.plain": Case(
        graph.plain,
        {"dot": torchviz.make_dot(OUTPUT), "title": "A title"},
        fine={"title": {"no text"}},
    ),
    "graph.side_by_side": Case(
        lambda drawings: graph.side_by_side(drawings),
        {"drawings": graph.draw(OUTPUT)},
        called={"drawings": "a drawing"},
    ),
    "graph.backtrack": Case(
        by_name(graph.backtrack),
        {"output": OUTPUT, "gradient": torch.tensor(1.0, dtype=torch.float64), "x": LEAF},
        fine={
            "output": {"of another precision"},
            "gradient": NOT_FINITE
            | {"None", "with a graph", "a tensor of no axes"}
            | {"of whole numbers", "of truths", "of another precision"},
        },
        door=graph.backtrack,
    ),
}
