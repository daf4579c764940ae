"""What holds for whatever graph is put in, made by chance: the same in each run."""

import xml.etree.ElementTree

import pytest
import torch
import torchviz

from common.chance import given, normal, seeds, settings, st
from helpers.computation_graph import graph

pytestmark = pytest.mark.proof


@st.composite
def computations(draw):
    """Return leaves and an output that chance has computed from them."""
    leaves = [normal(draw(seeds), 2).requires_grad_() for _ in range(draw(st.integers(1, 3)))]
    made = list(leaves)
    for _ in range(draw(st.integers(1, 8))):
        one, other = draw(st.sampled_from(made)), draw(st.sampled_from(made))
        made.append(
            draw(st.sampled_from([one + other, one * other, one.exp(), -one, one * 2, one.relu()]))
        )
    return leaves, made[-1].sum()


@given(computation=computations(), names=st.permutations(["sun", "moon", "star"]))
def test_another_name_changes_the_name_and_nothing_else(computation, names):
    leaves, output = computation
    slopes = torch.autograd.grad(output, leaves, allow_unused=True, retain_graph=True)
    used = [leaf for leaf, slope in zip(leaves, slopes, strict=True) if slope is not None]
    named = {f"leaf {place}": leaf for place, leaf in enumerate(used)}
    first = graph.draw(output, **named)
    assert graph.draw(output, **named).dot == first.dot
    other_names = dict(zip(named, names, strict=False))
    renamed = graph.draw(output, **{other_names[name]: leaf for name, leaf in named.items()})
    expected = repr(first)
    for name, other in other_names.items():
        expected = expected.replace(name, other)
    assert repr(renamed) == expected


OPTIONS = {"show", "fold", "title", "legend"}


@settings(max_examples=25)
@given(
    title=st.text(max_size=20),
    name=st.text(min_size=1, max_size=20).filter(lambda name: name not in OPTIONS),
)
def test_any_title_and_name_can_be_drawn(title, name):
    leaf = torch.ones(1, requires_grad=True)
    drawn = graph.draw(leaf * 2, title=title, **{name: leaf})
    for picture in (drawn, graph.plain(torchviz.make_dot(leaf * 2), title=title)):
        xml.etree.ElementTree.fromstring(picture.svg())
        assert 40 <= len(picture.alt) <= 300 and "\n" not in picture.alt
