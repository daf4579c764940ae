"""What shares memory with an output, what a function of several gives, and in which order."""

import pytest
import torch

from computation_graph.examples import leaf
from helpers.computation_graph import graph


def test_each_output_is_linked_with_the_tensor_whose_memory_it_looks_into():
    x = leaf([1.0, 2.0])
    doubled, grown = x * 2, x.exp()
    assert graph.draw((doubled[0], grown[1]), x=x).edge_list == [
        "n1 SelectBackward0 -> n0 output 0 (output)",
        "n2 no name (intermediate) -> n0 output 0 (output)  [shares memory]",
        "n2 no name (intermediate) -> n1 SelectBackward0",
        "n3 MulBackward0 -> n2 no name (intermediate)",
        "n4 AccumulateGrad -> n3 MulBackward0",
        "n5 x (leaf) -> n4 AccumulateGrad",
        "n7 SelectBackward0 -> n6 output 1 (output)",
        "n8 no name (intermediate) -> n6 output 1 (output)  [shares memory]",
        "n8 no name (intermediate) -> n7 SelectBackward0",
        "n9 ExpBackward0 -> n8 no name (intermediate)",
        "n4 AccumulateGrad -> n9 ExpBackward0",
    ]


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_part_that_is_the_output_or_has_a_name_is_linked_with_its_maker(place):
    x = leaf([1.0, 2.0, 3.0])
    parts = x.sin().unbind()
    assert graph.draw(parts[place], x=x).edge_list[0] == "n1 UnbindBackward0 -> n0 output (output)"
    output = parts[place - 1] * 2
    lines = graph.draw(output, x=x, part=parts[place]).edge_list
    (line,) = [line for line in lines if "part" in line]
    assert line.split(" ", 1)[1].split(" -> ")[0] == "UnbindBackward0"
    assert line.endswith(" part (intermediate)")


class SavesAPart(torch.autograd.Function):
    @staticmethod
    def forward(ctx, first, second):
        ctx.save_for_backward(second)
        return first * second

    @staticmethod
    def backward(ctx, gradient):
        (second,) = ctx.saved_tensors
        return gradient * second, None


def test_what_is_saved_is_the_part_that_was_passed():
    x = leaf([1.0, 2.0])
    first, second = x.sin().unbind()
    output = SavesAPart.apply(first, second)
    lines = graph.draw(output, x=x, first=first, second=second).edge_list
    saved = [line.split(" ", 1)[1] for line in lines if line.endswith("[saved]")]
    assert [line.split(" -> ")[0] for line in saved] == ["second (intermediate)"]


def test_two_names_of_one_tensor_are_told_in_the_order_in_which_they_were_given():
    x = leaf(1.0)
    boxes = {node.label for node in graph.draw(x * 2, one=x, two=x).nodes}
    assert "one = two" in boxes
