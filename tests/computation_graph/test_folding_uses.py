"""Large graphs, worked out by hand: to which use of a module a function goes, and what is alike."""

import pytest
import torch

from computation_graph.examples import arrows, leaf
from computation_graph.test_folding import folded_boxes, order
from helpers.computation_graph import graph


def counts(drawing) -> list[tuple[str, int]]:
    """Return the label and the number of functions of each box, from the last to the first."""
    boxes = [node for node in drawing.nodes if node.role == "module"]
    return [(node.label, int(node.details[-1].split()[0])) for node in boxes]


def count_of_functions(output) -> int:
    seen, waiting = set(), [output.grad_fn]
    while waiting:
        function = waiting.pop()
        if function is not None and function not in seen and not hasattr(function, "variable"):
            seen.add(function)
            waiting += [source for source, _ in function.next_functions]
    return len(seen)


def linear(count: int = 1) -> torch.nn.ModuleList:
    return torch.nn.ModuleList(torch.nn.Linear(2, 2) for _ in range(count))


def scaled(layer, x):
    return x @ (layer.weight * 1.0).t() + layer.bias


def plain(layer, x):
    return layer(x)


def added(layer, x):
    return x @ layer.weight.t() + layer.bias


# Of one use: T and Addmm; Mul, T, Mm and Add; T, Mm and Add.
WAYS = [(plain, 2), (scaled, 4), (added, 3)]


@pytest.mark.parametrize(("use", "functions"), WAYS)
def test_each_use_of_a_module_holds_all_that_prepares_its_weight(use, functions):
    layers = torch.nn.ModuleDict({"a": torch.nn.Linear(2, 2), "b": torch.nn.Linear(2, 2)})
    x = leaf([[1.0, 2.0]]).float()
    for name in "abab":
        x = use(layers[name], x)
    drawing = graph.draw(x, fold=True, **dict(layers.named_parameters()))
    # The first box is that of what made x of a leaf.
    assert [count for label, count in counts(drawing) if label in "ab"] == [functions] * 4
    assert [label for label in order(drawing) if label in ("a", "b")] == ["a", "b", "a", "b"]


@pytest.mark.parametrize("named", [False, True])
def test_a_weight_that_is_prepared_once_for_two_uses_is_counted_once(named):
    (layer, other) = layers = linear(2)
    weight = layer.weight * 1.0
    x = torch.ones(1, 2)
    for _ in range(2):
        x = other(x @ weight).tanh()
    names = dict(layers.named_parameters()) | ({"prepared": weight} if named else {})
    del names["0.bias"]
    drawing = graph.draw(x, fold=True, **names)
    order(drawing)  # No circle.
    assert sum(count for _, count in counts(drawing)) == count_of_functions(x)
    assert not named or arrows(drawing).count(("0", "prepared")) == 1


def test_a_prepared_weight_that_has_a_box_does_not_wait():
    (layer,) = layers = linear()
    weight = layer.weight * 1.0
    output = torch.ones(1, 2) @ weight + layer.bias
    drawing = graph.draw(output, fold=True, prepared=weight, **dict(layers.named_parameters()))
    assert arrows(drawing) == [("0", "output"), ("prepared", "0"), ("0", "prepared")]
    assert len({node.name for node in drawing.nodes if node.label == "0"}) == 2
    order(drawing)


def test_what_belongs_to_no_module_waits_for_nobody():
    (layer,) = layers = linear()
    x = torch.ones(1, 2, requires_grad=True)
    output = layer(x.sin()) * x.exp()
    drawing = graph.draw(output, fold=True, x=x, **dict(layers.named_parameters()))
    # Both functions of x stand before the layer, and only the product goes with it.
    assert counts(drawing) == [("0", 3), ("outside modules", 2)]


def test_a_use_that_fits_into_several_joins_the_latest():
    layers = torch.nn.ModuleDict({"a": torch.nn.Linear(2, 2), "b": torch.nn.Linear(2, 2)})
    a, b = layers["a"], layers["b"]
    x = a(b(a(torch.ones(1, 2))))
    output = torch.cat([x, a(torch.zeros(1, 2))])
    drawing = graph.draw(output, fold=True, **dict(layers.named_parameters()))
    labels = {node.name: node for node in drawing.nodes}
    first = [labels[edge.tail] for edge in drawing.edges if labels[edge.head].label == "b"]
    assert [node.details for node in first] == [("2 functions",)]
    second = [labels[edge.head] for edge in drawing.edges if labels[edge.tail].label == "b"]
    # Its own two, the two of the use on zeros, and what puts both together.
    assert [node.details for node in second] == [("5 functions",)]


# --- Names ---


def through(names: list[str]):
    """Return what comes out of layers with these names, one after the other, and what is named."""
    x, named, steps = torch.ones(1, 2), {}, []
    for name in names:
        layer = torch.nn.Linear(2, 2)
        x = layer(x)
        named |= {f"{name}.weight": layer.weight, f"{name}.bias": layer.bias}
        steps.append(x)
    return x, named, steps


def test_sixty_modules_fit_on_a_page_and_one_more_does_not():
    for count, boxes in (
        (60, {"block.0 … block.59": ("60 modules alike", "2 functions each")}),
        (61, {"block": ("122 functions",)}),
    ):
        x, named, _ = through([f"block.{place}" for place in range(count)])
        assert folded_boxes(graph.draw(x, **named)) == boxes


def test_only_what_is_a_leaf_is_counted_as_a_modules():
    x, named, steps = through([f"block.{place}" for place in range(60)])
    named["kept.after"] = steps[10]
    alike = {place: f"{place} modules alike" for place in (11, 49)}
    assert folded_boxes(graph.draw(x, **named)) == {
        "block.0 … block.10": (alike[11], "2 functions each"),
        "block.11 … block.59": (alike[49], "2 functions each"),
    }


def test_modules_with_other_names_are_not_alike_and_with_other_numbers_they_are():
    names = [f"enc{place}.in" for place in (7, 8, 9, 10, 111, 112, 113, 114, 115)]
    names += [f"dec{place}.in" for place in range(9)]
    x, named, _ = through(names)
    assert list(folded_boxes(graph.draw(x, fold=True, **named))) == [
        "dec0.in … dec8.in",
        "enc7.in … enc115.in",
    ]


@pytest.mark.parametrize("count", [17, 20])
def test_modules_with_other_functions_are_not_alike_and_in_another_order_they_are(count):
    layers, x = linear(count), torch.ones(1, 2)
    steps = [lambda x: x.tanh().exp(), lambda x: x.exp().tanh(), lambda x: x.tanh().sin()]
    for place, layer in enumerate(layers):
        x = steps[place % 2 if place < 12 else 2](layer(x))
    drawing = graph.draw(x, fold=True, **dict(layers.named_parameters()))
    assert list(folded_boxes(drawing)) == [f"12 … {count - 1}", "0 … 11"]


# --- What has a box, and in which order arrows are told ---


def test_arrows_are_told_from_the_output_back_within_a_run_too():
    layers, x, starts = linear(18), torch.ones(1, 2), {}
    for place, layer in enumerate(layers):
        starts[f"s{place}"] = start = torch.ones(2, requires_grad=True)
        x = layer(x) + start
    drawing = graph.draw(x, fold=True, **starts, **dict(layers.named_parameters()))
    run = "0 … 17"
    expected = [(run, "output"), *((name, run) for name in reversed(starts))]
    assert arrows(drawing) == expected


def test_arrows_to_all_outputs_are_told_first():
    s = leaf(3.0).sin()
    ends = [("outside modules", "output 0"), ("outside modules", "output 1")]
    drawing = graph.draw((s, s.exp()), fold=True)
    assert arrows(drawing) == [*ends, ("output 0", "outside modules")]


def test_a_part_that_nothing_uses_has_its_arrow():
    x = leaf([1.0, 2.0])
    first, second = x.sin().unbind()
    drawing = graph.draw(first.exp(), fold=True, x=x, second=second)
    assert ("outside modules", "second") in arrows(drawing)


def test_a_leaf_without_a_name_has_no_box_and_one_with_a_plain_name_has():
    x = leaf(2.0)
    drawing = graph.draw(x * leaf(3.0), fold=True, x=x)
    assert [node.label for node in drawing.nodes] == ["output", "outside modules", "x"]
