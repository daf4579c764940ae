"""The graph that is found: its edges by hand, the same in each run, and what has none."""

import gc
import sys

import pytest
import torch
from torch.nn.utils.rnn import pack_sequence
from torch.utils.checkpoint import checkpoint

from computation_graph.examples import BY_HAND, Square, along, arrows, assert_refused, leaf
from helpers.computation_graph import graph


@pytest.mark.parametrize("example", BY_HAND, ids=lambda example: example.__name__)
def test_edges_are_those_worked_out_by_hand(example):
    paths = [path.replace("A >", "AccumulateGrad >") for path in BY_HAND[example]]
    output, named = example()
    assert sorted(arrows(graph.draw(output, **named))) == along(*paths)


def of_all_kinds():
    x, y = leaf([1.0, 2.0]), leaf(3.0)
    p = Square.apply(x * y)
    q = p[0] + y
    return (p.sum() * q).sin(), {"p": p, "q": q, "y": y, "part.x": x}


WAYS_TO_SHOW = {
    "draw": graph.draw,
    "folded": lambda *output, **named: graph.draw(*output, fold=True, **named),
    "as in notes": graph.draw_as_in_notes,
    "walk": lambda *output, **named: graph.backtrack(*output, **named).picture(4),
}
SHOWN = [(way, of_all_kinds) for way in WAYS_TO_SHOW] + [("draw", example) for example in BY_HAND]


@pytest.mark.parametrize("times", [12, pytest.param(200, marks=pytest.mark.proof)])
@pytest.mark.parametrize(("way", "example"), SHOWN)
def test_text_is_the_same_each_time(way, example, times):
    texts = set()
    for repetition in range(times):
        output, named = example()
        drawing = WAYS_TO_SHOW[way](output, **named)
        texts.add((str(drawing), drawing.dot, drawing.alt))
        if repetition % 50 == 10:
            gc.collect(1)  # so that addresses are used again
    assert len(texts) == 1


def test_two_names_of_one_tensor_share_a_box():
    x = leaf(1.0)
    assert ("x = w", "AccumulateGrad") in arrows(graph.draw(x * 2, x=x, w=x))


def test_links_that_are_no_computation_say_so():
    x = leaf([1.0, 2.0])
    assert "n3 x (leaf) -> n1 SquareBackward  [saved]" in str(graph.draw(Square.apply(x), x=x))
    assert "x (leaf) -> n0 output (output)  [shares memory]" in str(graph.draw(x.view(2, 1), x=x))


def test_an_output_that_nothing_uses_is_drawn_if_it_has_a_name():
    x = leaf([1.0, 2.0])
    first, second = x.unbind()
    drawing = graph.draw(first.exp(), x=x, second=second)
    assert ("UnbindBackward0", "second") in arrows(drawing)
    folded = graph.draw(first.exp(), fold=True, x=x, second=second)
    assert ("outside modules", "second") in arrows(folded)
    assert ("x", "second") in arrows(graph.draw_as_in_notes(first.exp(), x=x, second=second))


def test_a_path_longer_than_python_recurses():
    before = sys.getrecursionlimit()
    output = x = leaf(1.0)
    for _ in range(5 * before):
        output = output * 1.0
    drawing = graph.draw(output, x=x)
    assert arrows(drawing) == [("outside modules", "output"), ("x", "outside modules")]
    assert drawing.nodes[1].details == (f"{5 * before} functions",)
    assert sys.getrecursionlimit() == before


# --- What cannot be drawn ---


def freed(function):
    output = function(leaf(2.0))
    output.backward()
    return output


def behind_a_checkpoint():
    layer, x = torch.nn.Linear(1, 1), torch.ones(1, 1, requires_grad=True)
    return checkpoint(layer, x, use_reentrant=True), {"weight": layer.weight}


X, HIDDEN = leaf(2.0), behind_a_checkpoint()
GRAPHLESS = {
    "list": (TypeError, "output is a list: give .*tuple", [X * 2, X * 3], {}),
    "no outputs": (ValueError, "empty tuple: pass", (), {}),
    "number in tuple": (TypeError, "output 1 is 3: give tensors alone", (X * 2, 3), {}),
    "tuple in tuple": (TypeError, "output 1 is a tuple: give tensors", (X * 2, (X, X)), {}),
    "leaf": (ValueError, "no graph .*: pass a tensor", X, {}),
    "detached": (ValueError, "no graph .*: pass a tensor", (X * 2).detach(), {}),
    "freed": (ValueError, "freed by backward.*: compute", freed(torch.exp), {}),
    "freed custom": (ValueError, "freed by backward.*: compute", freed(Square.apply), {}),
    "foreign": (ValueError, "y is not in the graph of.*: leave", X * 2, {"y": leaf(1.0)}),
    "later": (ValueError, "y is not in the graph of.*: leave", X * 2, {"y": X * 2}),
    "constant": (ValueError, "y .*requires_grad=False.: leave", X * 2, {"y": torch.ones(2)}),
    "detached name": (ValueError, "y .*is detached from.*: .*pass that", X * 2, {"y": X.detach()}),
    "whole numbers": (ValueError, "y .*: leave it out, as", X * 2, {"y": torch.tensor(3)}),
    "complex": (ValueError, "y .*: leave it out, or set", X * 2, {"y": torch.tensor(1j)}),
    "packed": (ValueError, "output 1 has no graph", pack_sequence([X.view(1, 1)]), {}),
    "whole number": (ValueError, "no graph .*: .*real or complex", (X * 2).argmax(), {}),
    "hidden": (ValueError, "weight .*checkpoint hides it: .*use_reentrant=False", *HIDDEN),
    "named number": (TypeError, "y is 2: give a tensor, as in", X * 2, {"y": 2}),
}


@pytest.mark.parametrize("show", [graph.draw, graph.draw_as_in_notes, graph.backtrack])
@pytest.mark.parametrize("name", GRAPHLESS)
def test_what_has_no_graph_is_named_in_one_line_with_what_to_do(name, show):
    kind, words, output, named = GRAPHLESS[name]
    assert_refused(kind, words, lambda: show(output, **named))


def test_what_was_changed_in_place_is_drawn_unless_a_function_in_python_saved_it():
    y = X * 2
    z = y**2
    y.add_(1)
    assert ("PowBackward0", "output") in arrows(graph.draw(z))
    w = X * 2
    square = Square.apply(w)
    w.add_(1)
    with pytest.raises(ValueError, match="SquareBackward saved a tensor that was changed in place"):
        graph.draw(square)
