"""Large graphs: which box each function goes to, and that no arrows make a circle."""

import graphlib
from collections import Counter

import pytest
import torch

from computation_graph.examples import Deep, arrows, leaf
from helpers.computation_graph import graph


def folded_boxes(drawing):
    return {node.label: node.details for node in drawing.nodes if node.role == "module"}


def order(drawing) -> list[str]:
    """Return the labels, each after those that lead to it; CycleError if there is a circle."""
    sorter = graphlib.TopologicalSorter()
    for edge in drawing.edges:
        sorter.add(edge.head, edge.tail)
    labels = {node.name: node.label for node in drawing.nodes}
    return [labels[name] for name in sorter.static_order()]


def test_fifty_layers_fold_by_module():
    net = Deep(50)
    drawing = graph.draw(net(torch.ones(3, 2)), **dict(net.named_parameters()))
    # first: T, Addmm. A layer: T, Addmm, Tanh, Add. last: T, Addmm, Mean.
    assert folded_boxes(drawing) == {
        "first": ("2 functions",),
        "layers.0 … layers.49": ("50 modules alike", "4 functions each"),
        "last": ("3 functions",),
    }
    assert arrows(drawing) == [
        ("last", "output"),
        ("layers.0 … layers.49", "last"),
        ("first", "layers.0 … layers.49"),
    ]


def test_graphs_are_folded_from_61_functions_on_and_modules_from_17_boxes():
    for count, role in ((59, "function"), (60, "module")):  # and the accumulator
        output = x = leaf(1.0)
        for _ in range(count):
            output = output.sin()
        assert role in {node.role for node in graph.draw(output, x=x).nodes}
    for depth, boxes in ((14, 16), (15, 3)):  # and the first and the last layer
        net = Deep(depth)
        named = dict(net.named_parameters())
        assert len(folded_boxes(graph.draw(net(torch.ones(3, 2)), fold=True, **named))) == boxes


def test_a_few_modules_each_get_a_box():
    net = Deep(3)
    x = torch.ones(3, 2, requires_grad=True)
    drawing = graph.draw(net(x), fold=True, x=x, **dict(net.named_parameters()))
    assert set(folded_boxes(drawing)) == {"first", "layers.0", "layers.1", "layers.2", "last"}
    assert {("x", "first"), ("layers.0", "layers.1")} <= set(arrows(drawing))


def test_named_tensors_keep_their_box_among_folded_modules():
    layers = torch.nn.ModuleDict({f"layer{k}": torch.nn.Linear(2, 2) for k in range(20)})
    x, named = torch.ones(1, 2), {}
    for name, layer in layers.items():
        x = layer(x).tanh()
        if name in ("layer5", "layer12"):
            named[f"after_{name}"] = x
    drawing = graph.draw(x.sum(), fold=True, **named, **dict(layers.named_parameters()))
    assert arrows(drawing) == [
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
    assert [label for label in order(drawing) if label in named] == list(named)


@pytest.mark.parametrize("names", [("one", "two"), ("one", "two", "three")])
def test_modules_used_in_turns_fold_without_a_circle(names):
    modules = torch.nn.ModuleDict({name: torch.nn.Linear(4, 4) for name in names})
    x = torch.ones(1, 4)
    for name in names * 3:
        x = modules[name](x)
    drawing = graph.draw(x.sum(), fold=True, **dict(modules.named_parameters()))
    assert order(drawing) == [*names * 3, "output"]


def test_two_modules_used_in_turns_three_thousand_times_keep_their_order():
    names = {"a": torch.nn.Linear(2, 2), "b": torch.nn.Linear(2, 2)}
    x = torch.ones(1, 2)
    for _ in range(3000):
        x = names["b"](names["a"](x).tanh()).tanh()
    modules = torch.nn.ModuleDict(names)
    drawing = graph.draw(x.sum(), **dict(modules.named_parameters()))
    uses = [name for name in order(drawing) if name in names]
    assert uses == ["a", "b"] * 3000


@pytest.mark.parametrize("seed", range(30))
def test_no_arrows_make_a_circle_however_modules_are_used(seed):
    generator = torch.Generator().manual_seed(seed)

    def below(count: int) -> int:
        return int(torch.randint(count, (1,), generator=generator))

    modules = torch.nn.ModuleDict({f"m{k}": torch.nn.Linear(3, 3) for k in range(2 + below(20))})
    values, named = [torch.ones(1, 3, requires_grad=True)], {}
    for place in range(5 + below(40)):
        one, other = values[-1 - below(min(3, len(values)))], values[below(len(values))]
        module = modules[f"m{below(len(modules))}"]
        values.append([module(one), module(one).tanh(), one + other][below(3)])
        if below(6) == 0:
            named[f"v{place}"] = values[-1]
    output = sum(value.sum() for value in values[1:])
    parameters = dict(modules.named_parameters())
    slopes = torch.autograd.grad(output, [*parameters.values()], None, True, allow_unused=True)
    met = zip(parameters.items(), slopes, strict=True)
    named |= {name: parameter for (name, parameter), slope in met if slope is not None}
    drawn = order(graph.draw(output, fold=True, **named))
    assert {name for name in named if "." not in name} | {"output"} <= set(drawn)


def test_a_function_goes_to_the_nearest_parameter():
    hidden, output = torch.nn.Linear(4, 3, bias=False), torch.nn.Linear(3, 2, bias=False)
    net = torch.nn.ModuleDict({"hidden": hidden, "output": output})
    scores = output(hidden(torch.ones(1, 4)).relu())
    parameters = list(net.named_parameters())
    for named in (parameters, reversed(parameters)):
        drawing = graph.draw(scores, fold=True, **dict(named))
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
    assert ("layer0 … layer5", "layer19") in arrows(drawing)


def test_modules_alike_make_a_run_whatever_their_functions_take_first():
    layers = torch.nn.ModuleDict({f"layer{k}": torch.nn.Linear(2, 2) for k in range(20)})
    x = torch.ones(2, 2)
    for layer in layers.values():
        x = (layer.weight * 1.0) @ x  # the weight comes before what it is applied to
    named = {name: weight for name, weight in layers.named_parameters() if "weight" in name}
    drawing = graph.draw(x.sum(), fold=True, **named)
    # The last layer holds the sum as well, so it is not like the others.
    assert set(folded_boxes(drawing)) == {"layer0 … layer18", "layer19"}


def test_names_are_cut_until_they_fit():
    blocks = torch.nn.Sequential(*(Deep(1, 2) for _ in range(40)))
    x = torch.ones(3, 2)
    for block in blocks:
        x = x + block(x)
    drawing = graph.draw(x, **dict(blocks.named_parameters()))
    # 120 modules at the finest level, too many.
    assert folded_boxes(drawing) == {"0 … 39": ("40 modules alike", "10 functions each")}


@pytest.mark.parametrize("meet", [torch.cat, lambda parts: parts[0] @ parts[1].T + parts[2]])
def test_branches_meet_outside_of_each(meet):
    """As experts do whose scores are put together: none of them feeds another."""
    experts = torch.nn.ModuleList(torch.nn.Linear(2, 2) for _ in range(3))
    x = torch.ones(2, 2, requires_grad=True)
    output = meet([expert(x).tanh() for expert in experts]).sum()
    drawing = graph.draw(output, fold=True, x=x, **dict(experts.named_parameters()))
    ends = dict.fromkeys(arrows(drawing))
    assert not any(tail in "012" and head in "012" for tail, head in ends)
    assert {tail for tail, _ in ends if tail in "012"} == {"0", "1", "2"}


def test_a_weight_that_is_prepared_belongs_to_the_use_that_needs_it():
    """As in a cell of two steps, between which leads the state alone, which has a box."""
    layers = {"of_input": torch.nn.Linear(3, 4), "of_state": torch.nn.Linear(4, 4)}
    states = [torch.zeros(1, 4)]
    for _ in range(2):
        both = layers["of_input"](torch.ones(1, 3)) + layers["of_state"](states[-1])
        states.append(both.tanh())
    named = dict(torch.nn.ModuleDict(layers).named_parameters()) | {"state": states[1]}
    drawn = arrows(graph.draw(states[2].sum(), fold=True, **named))
    assert ("of_input", "of_input") not in drawn
    assert ("of_state", "of_state") not in drawn
    assert drawn.count(("state", "of_state")) == 1


def test_a_long_way_from_a_weight_folds():
    layer = torch.nn.Linear(2, 2)
    scores = layer.weight
    for _ in range(2_000):
        scores = scores + 1
    output = (torch.ones(1, 2, requires_grad=True) @ scores).sum()
    drawing = graph.draw(output, fold=True, **{"layer.weight": layer.weight})
    assert folded_boxes(drawing) == {"layer": ("2002 functions",)}


def test_a_box_says_what_is_asked_for_and_one_function_is_told_as_one():
    x = leaf([1.0, 2.0])
    drawing = graph.draw(x * leaf(3.0), fold=True, show=("value",), x=x)
    assert folded_boxes(drawing) == {"outside modules": ("1 function",)}
    assert arrows(drawing) == [("outside modules", "output"), ("x", "outside modules")]
    boxes = {node.label: node.details for node in drawing.nodes}
    assert boxes["x"] == ("value [1, 2]",) and boxes["output"] == ("value [3, 6]",)


def test_the_second_output_of_a_function_folds_too():
    second = leaf([1.0, 2.0]).unbind()[1]
    assert arrows(graph.draw(second, fold=True)) == [("outside modules", "output")]
