"""The drawings that a reader asks for, in three ways, and the options they take."""

import subprocess
import sys
from pathlib import Path

import pytest
import torchviz

from computation_graph.examples import along, arrows, assert_refused, leaf
from helpers.computation_graph import graph

ROOT = Path(__file__).resolve().parents[2]
X = leaf(2.0)
LONG = sum(X * k for k in range(60))


def test_other_drawing_has_tensors_for_nodes_and_functions_for_edges():
    x = leaf(2.0)
    p = x * 3
    drawing = graph.draw_as_in_notes(p.exp() + p, x=x, p=p)
    labels = {node.name: node.label for node in drawing.nodes}
    assert sorted((labels[edge.tail], edge.text, labels[edge.head]) for edge in drawing.edges) == [
        ("no name", "add", "output"),
        ("p", "add", "output"),
        ("p", "exp", "no name"),
        ("x", "mul", "p"),
    ]


def test_other_drawing_tells_the_outputs_of_one_function_apart():
    x = leaf([1.0, 2.0])
    first, second = x.unbind()
    drawing = graph.draw_as_in_notes(first * second.exp(), x=x, first=first)
    assert sorted(arrows(drawing)) == along(
        "x > first > output", "x > no name > no name", "no name > output"
    )
    one, two = leaf([1.0, 2.0, 3.0]).split([1, 2])
    drawing = graph.draw_as_in_notes(one * two.exp())
    shapes = [node.details for node in drawing.nodes if node.role == "intermediate"]
    assert sorted(shapes) == [("shape 1",), ("shape 2",), ("shape 2",)]
    (tail,) = [edge.tail for edge in drawing.edges if edge.text == "exp"]
    assert [node.details for node in drawing.nodes if node.name == tail] == [("shape 2",)]


@pytest.mark.filterwarnings("ignore:distutils Version classes:DeprecationWarning")
def test_plain_torchviz_keeps_all_but_the_addresses():
    x = leaf(1.0)
    made = torchviz.make_dot((x * 2).exp(), params={"x": x})
    drawing = graph.plain(made)
    assert "n0 -> " in drawing.dot or " -> n0" in drawing.dot
    assert len(drawing.dot.splitlines()) == len(made.source.splitlines())
    assert drawing.dot.count(" -> ") == made.source.count(" -> ") == 4
    assert str(id(x)) in made.source and str(id(x)) not in drawing.dot
    assert repr(drawing) == drawing.dot and "fontsize=11.5" not in drawing.dot
    titled = graph.plain(made, title="hello")
    assert "fontsize=11.5 label=hello" in titled.dot and titled.alt == drawing.alt
    boxes = "no name, ExpBackward0, MulBackward0, x and AccumulateGrad"
    assert drawing.alt == f"torchviz's own drawing, which has these boxes: {boxes}."


@pytest.mark.filterwarnings("ignore:distutils Version classes:DeprecationWarning")
def test_plain_torchviz_is_changed_in_its_font_and_title_alone_and_in_a_copy():
    x = leaf(1.0)
    made = torchviz.make_dot(x * 2, params={"x" * 400: x})
    before = made.source
    drawing = graph.plain(made, title=r"Of \N")
    assert made.source == before
    assert 'fontname=Courier fontsize=10 height=0.2 margin="0.13,0.05"' in drawing.dot
    title = r'fontname=Helvetica fontsize=11.5 label="Of \\N" labelloc=t pad=0.1'
    assert title in drawing.dot and "pad" not in graph.plain(made).dot
    assert len(drawing.alt) == 300 and drawing.alt.endswith("…")
    assert "monospace" not in drawing.dot
    assert str(graph.side_by_side(drawing, graph.draw(x * 2))).startswith(drawing.dot)


def test_of_several_outputs_each_is_one():
    s = leaf(3.0).sin()
    roles = {node.label: node.role for node in graph.draw((s, s.exp())).nodes}
    assert {roles["output 0"], roles["output 1"]} == {"output"}


JUNK = {
    "show text": (TypeError, "show is 'value': pass a tuple", lambda: graph.draw(X, show="value")),
    "tensor title": (TypeError, "title is an option.*: pass", lambda: graph.draw(X, title=X)),
    "tensor fold": (TypeError, "fold is an option.*: pass", lambda: graph.draw(X, fold=X)),
    "tensor show": (TypeError, "show is an option.*: pass", lambda: graph.draw(X, show=X)),
    "tensor legend": (TypeError, "legend is an option.*: pass", lambda: graph.draw(X, legend=X)),
    "beside nothing": (ValueError, "nothing to show: pass", lambda: graph.side_by_side()),
    "large": (ValueError, "too many .*: use draw", lambda: graph.draw_as_in_notes(LONG)),
}


@pytest.mark.parametrize("junk", JUNK)
def test_junk_is_named_in_one_line_with_what_to_do(junk):
    assert_refused(*JUNK[junk])


@pytest.mark.proof
def test_import_and_drawing_print_nothing_and_do_not_load_torchvision():
    program = (
        "import sys, torch; from helpers.computation_graph import graph\n"
        "x = torch.ones((), requires_grad=True); graph.draw(x * 2, x=x).svg()\n"
        "assert 'torchvision' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
