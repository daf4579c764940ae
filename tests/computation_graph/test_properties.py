"""What holds for whatever graph is put in, made by chance: the same in each run."""

import xml.etree.ElementTree

import pytest
import torch
import torchviz

from common.chance import given, settings, st
from helpers.computation_graph import graph, words

pytestmark = pytest.mark.proof

the_same_in_each_run = settings(derandomize=True, deadline=None, database=None, max_examples=40)
seeds = st.integers(0, 2**32 - 1)


@st.composite
def computations(draw):
    """Return leaves and an output that chance has computed from them."""

    def normal(seed: int) -> torch.Tensor:
        generator = torch.Generator().manual_seed(seed)
        return torch.randn(2, generator=generator, dtype=torch.float64).requires_grad_()

    leaves = [normal(draw(seeds)) for _ in range(draw(st.integers(1, 3)))]
    made = list(leaves)
    for _ in range(draw(st.integers(1, 8))):
        one, other = draw(st.sampled_from(made)), draw(st.sampled_from(made))
        made.append(
            draw(st.sampled_from([one + other, one * other, one.exp(), -one, one * 2, one.relu()]))
        )
    return leaves, made[-1].sum()


def used(leaves, output) -> dict[str, torch.Tensor]:
    """Return the leaves that the output depends on, by name."""
    slopes = torch.autograd.grad(output, leaves, allow_unused=True, retain_graph=True)
    return {
        f"leaf {place}": leaf
        for place, (leaf, slope) in enumerate(zip(leaves, slopes, strict=True))
        if slope is not None
    }


@the_same_in_each_run
@given(computation=computations(), names=st.permutations(["sun", "moon", "star"]))
def test_another_name_changes_the_name_and_nothing_else(computation, names):
    leaves, output = computation
    named = used(leaves, output)
    first = graph.draw(output, **named)
    assert graph.draw(output, **named).dot == first.dot
    other_names = dict(zip(named, names, strict=False))
    renamed = graph.draw(output, **{other_names[name]: leaf for name, leaf in named.items()})
    expected = repr(first)
    for name, other in other_names.items():
        expected = expected.replace(name, other)
    assert repr(renamed) == expected


@the_same_in_each_run
@given(computation=computations())
def test_the_walk_back_hands_each_leaf_its_gradient(computation):
    leaves, output = computation
    named = used(leaves, output)
    walk = graph.backtrack(output, **named)
    expected = torch.autograd.grad(output, list(named.values()), retain_graph=True)
    arrived = {
        step.inputs: step.arriving for step in walk.steps if step.function == "AccumulateGrad"
    }
    slopes = dict(zip(named, map(words.short, expected), strict=True))
    assert arrived == slopes
    assert all(leaf.grad is None for leaf in leaves), "a walk leaves no gradient behind"
    assert str(walk) == str(graph.backtrack(output, **named))


OPTIONS = {"show", "fold", "title", "legend"}


@settings(the_same_in_each_run, max_examples=25)
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
