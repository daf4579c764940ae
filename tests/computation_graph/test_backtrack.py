"""The walk back: its steps by hand, and its gradients by autograd and finite differences."""

import ast
import gc
import re
import weakref

import numpy as np
import pytest
import torch

from computation_graph.examples import Square, assert_refused, leaf
from helpers.common import progress
from helpers.computation_graph import graph, words


def test_walk_of_the_notes_example_by_hand():
    x = leaf(1.0)
    y = x**2
    z = y**2
    walk = graph.backtrack(z, x=x, y=y, z=z)
    assert [step.row for step in walk] == [
        ("PowBackward0", "y", "exponent = 2, self = 1", "2", "1", "2 to y"),
        ("PowBackward0", "x", "exponent = 2, self = 1", "2", "2", "4 to x"),
        ("AccumulateGrad", "x", "nothing", "1", "4", "4 to x.grad"),
    ]
    assert x.grad is None
    assert str(graph.backtrack(z, x=x, y=y, z=z)) == str(walk)
    last = walk.picture(3)
    assert [edge.text for edge in last.edges] == ["1", "2", "2", "4", "4"]
    assert [edge.text for edge in walk.picture(1).edges] == ["1", "2", "", "", ""]
    # Arrows turn round where the gradient has flowed; the text to come is there, unseen.
    assert [walk.picture(step).dot.count("dir=back") for step in (1, 2, 3)] == [2, 4, 5]
    assert [walk.picture(step).dot.count("fontcolor=white") for step in (1, 2, 3)] == [3, 1, 0]
    assert len(walk.strip().drawings) == len(walk) == 3


def test_walk_shows_itself_as_a_table_in_two_forms():
    x = leaf(1.0)
    walk = graph.backtrack((x * 2).exp(), **{"<x>": x})
    head, *rows = str(walk).splitlines()
    columns = ["step", "function", "its inputs", "what it saved", "local derivative"]
    assert re.split(r"  +", head) == [*columns, "gradient in", "gradient out"]
    cells = [re.split(r"  +", row) for row in rows]
    functions = ["ExpBackward0", "MulBackward0", "AccumulateGrad"]
    assert [row[:2] for row in cells] == [list(pair) for pair in zip("123", functions, strict=True)]
    comment, table = walk._repr_mimebundle_()["text/html"].split("\n")
    assert comment.startswith("<!-- ")
    shown = re.findall(r"<td [^>]*>(.*?)</td>", table)
    assert [text.replace("&lt;", "<").replace("&gt;", ">") for text in shown] == sum(cells, [])


def test_a_picture_lights_what_has_been_visited():
    x = leaf(1.0)
    y = x**2
    z = y.exp()
    walk = graph.backtrack(z, x=x, y=y, z=z)

    def colours(step: int) -> dict[str, str | None]:
        return {node.label: node.look.get("fillcolor") for node in walk.picture(step).nodes}

    white, lit, here = "#ffffff", None, "#ffd9bf"
    assert colours(1) == {
        **{"z": lit, "ExpBackward0": here, "y": lit},
        **{"PowBackward0": white, "AccumulateGrad": white, "x": white},
    }
    assert set(colours(3).values()) == {lit, here} and colours(3)["AccumulateGrad"] == here
    picture = walk.picture(2)
    assert picture.title == "Step 2 of 3: PowBackward0"
    assert "receives the gradient 2.718 and hands on 5.437 to x." in picture.alt


def test_walk_leaves_no_hook_behind():
    x = leaf(2.0)
    between = x.sin()
    seen = []
    between.register_hook(lambda gradient: seen.append(weakref.ref(gradient)))
    output = between.exp()
    graph.backtrack(output, x=x)
    gc.collect()
    assert seen[0]() is None  # a hook on the living graph would still hold what it saw
    output.backward()


def first_step_of(output: torch.Tensor):
    return graph.backtrack(output, gradient=torch.ones_like(output)).steps[0]


def test_what_is_saved_goes_by_a_name_that_reads_well_and_keeps_its_sign():
    # PyTorch calls it _saved_self_sym_numel.
    assert first_step_of(leaf([1.0, 2.0, 3.0]).mean()).saved == "self_numel = 3"
    assert first_step_of(leaf(4.0) ** 0.5).saved == "exponent = 0.5, self = 4"
    assert "dim = -1" in first_step_of(leaf([[1.0, 2.0]]).log_softmax(dim=-1)).saved.split(", ")


@pytest.mark.parametrize(
    ("values", "compute", "local"),
    [
        ([1.0, 2.0], lambda x: x**2, "[2, 4] entry by entry"),
        ([1.0, 2.0], lambda x: x.sum(), "[[1, 1]]"),
        ([1.0, 2.0], lambda x: x + x.new_zeros(3, 1), "6 by 2 Jacobian"),
        ([1.0, 2.0], lambda x: x.flip(0), "[[0, 1], [1, 0]]"),
        # They are worked out up to 256 entries.
        ([1.0] * 16, lambda x: x * 3, "3 for each entry"),
        ([1.0] * 17, lambda x: x * 3, "17 by 17 Jacobian"),
        ([1.0, 2.0], lambda x: x.repeat(200), "400 by 2 Jacobian"),
        ([], lambda x: x * 2, "0 by 0 Jacobian"),
    ],
)
def test_local_derivatives_in_words(values, compute, local):
    assert first_step_of(compute(leaf(values))).local == local


class Curved(torch.autograd.Function):
    """Multiplies a gradient by half as much again, and by a little more where it is large."""

    @staticmethod
    def forward(ctx, x):
        return x * 1

    @staticmethod
    def backward(ctx, gradient):
        return gradient * (1.5 + 0.1 * gradient)


def test_what_does_not_multiply_by_one_number_is_said_to_have_none():
    y = Curved.apply(leaf(1.0))
    assert graph.backtrack(y, gradient=torch.tensor(2.0).double())[0].local == "no single number"


def test_a_walk_gives_back_each_kept_gradient():
    x = leaf(2.0)
    y = x * 3
    y.retain_grad()
    z = y * 4
    z.backward(retain_graph=True)
    graph.backtrack(z, x=x, y=y)
    assert (float(x.grad), float(y.grad)) == (12.0, 4.0)
    first, second = x * 2, x * 5
    output = first * second
    for one in (first, second):
        one.retain_grad()
    for times in (1.0, 2.0):
        output.backward(retain_graph=True)
        graph.backtrack(output)
        assert (float(first.grad), float(second.grad)) == (10 * times, 4 * times)


def test_walk_takes_several_outputs_and_user_hooks_along():
    x = leaf(2.0)
    h = x * 3
    h.register_hook(lambda gradient: gradient * 10)
    k = h * 5
    walk = graph.backtrack((h, k), gradient=(torch.tensor(1.0).double(), leaf(2.0)), x=x, h=h)
    # d(k)/dh = 5 times 2, and 1 from h itself; the hook makes 110 of 11; times 3.
    assert [step.gradient_in for step in walk] == ["2", "110", "330"]


def test_each_output_of_a_function_has_what_arrived_there_on_its_arrow():
    x = leaf([1.0, 2.0])
    first, second = x.sin().unbind()
    walk = graph.backtrack(first * 3 + second * 5, x=x, first=first, second=second)
    picture = walk.picture(len(walk))
    labels = {node.name: node.label for node in picture.nodes}
    made = {
        labels[edge.head]: edge.text
        for edge in picture.edges
        if labels[edge.tail] == "UnbindBackward0"
    }
    assert made == {"first": "3", "second": "5"}


def test_a_long_walk_shows_how_far_it_is(monkeypatch):
    seen = []
    walked = progress.walked
    monkeypatch.setattr(progress, "walked", lambda *how: seen.append(how[1:]) or walked(*how))
    graph.backtrack(leaf(2.0) * 3)
    assert seen == [("step", "backtrack", 1)]


def test_walk_takes_a_sparse_gradient():
    table = leaf([[1.0, 2.0], [3.0, 4.0]])
    rows = torch.nn.functional.embedding(torch.tensor([1, 1]), table, sparse=True)
    walk = graph.backtrack(rows.sum(), table=table)
    assert walk.steps[-1].gradient_out == "[[0, 0], [2, 2]] to table.grad"
    assert graph.backtrack(rows.sum())[-1].gradient_out.endswith(" to the leaf's grad")


X = leaf(2.0)
THREE, TWO, TURNED = X * torch.ones(3), torch.ones(2), torch.tensor(1j)
WALK, LONG = graph.backtrack(X * 2), graph.backtrack(sum(X * k for k in range(60)))
META = torch.ones((), device="meta", requires_grad=True) * 2
NESTED = torch.nested.nested_tensor([torch.ones(2), torch.ones(3)], requires_grad=True) * 2
PARTS = torch.nested.nested_tensor([torch.ones(3)])
SHAPES = r"shape \[\(2,\)\]: pass \[\(3,\)\]"
JUNK = {
    "no gradient": (ValueError, "3 entries.*: pass", lambda: graph.backtrack(THREE)),
    "its shape": (ValueError, SHAPES, lambda: graph.backtrack(THREE, gradient=TWO)),
    "nested gradient": (
        ValueError,
        r"1 nested.*: pass",
        lambda: graph.backtrack(THREE, gradient=PARTS),
    ),
    "complex": (TypeError, "dtype .*: give", lambda: graph.backtrack(X * 2, gradient=TURNED)),
    "no numbers": (ValueError, "meta device.*: compute it on", lambda: graph.backtrack(META)),
    "nested": (ValueError, "nested.*: pass a sum of", lambda: graph.backtrack(NESTED)),
    "half a step": (TypeError, "step is 1.0: give", lambda: WALK.picture(1.0)),
    "no step": (ValueError, "step is 0: give", lambda: WALK.picture(0)),
    "step 3 of 2": (ValueError, "step is 3: give", lambda: WALK.picture(3)),
    "many": (ValueError, "too many .*: read", lambda: LONG.picture(1)),
}


@pytest.mark.parametrize("junk", JUNK)
def test_junk_is_named_in_one_line_with_what_to_do(junk):
    assert_refused(*JUNK[junk])


def test_walk_over_a_tensor_changed_in_place_fails_as_backward_does():
    y = X * 2
    z = y**2
    y.add_(1)
    with pytest.raises(RuntimeError, match="inplace"):
        z.backward(retain_graph=True)
    with pytest.raises(ValueError, match="as backward\\(\\) would.*inplace"):
        graph.backtrack(z)


MATRIX = torch.tensor([[0.5, -1.0, 2.0], [1.5, 0.3, -0.7], [-0.2, 0.9, 0.4]]).double()


def sine_of_a_part_in_place(a: torch.Tensor) -> torch.Tensor:
    copy = a * 1.0
    copy.view(-1)[:1].sin_()
    return copy


UNARY = {
    "sin": torch.sin,
    "tanh": torch.tanh,
    "exp": lambda a: torch.exp(a / 4),
    "square": lambda a: a**2 / 4,
    "sum": torch.sum,
    "mean": torch.mean,
    "custom": lambda a: Square.apply(a.tanh()),
    "first": lambda a: a.reshape(-1)[0],
    "view": lambda a: a.expand(2, 3)[1],
    "matmul": lambda a: (MATRIX @ a.expand(3).reshape(3, 1)).reshape(3),
    "in place": lambda a: (a / 2).add_(1.0),
    "in place, part": sine_of_a_part_in_place,
}
BINARY = {
    "add": torch.add,
    "sub": torch.sub,
    "mul": torch.mul,
    "div": lambda a, b: a / (2 + b**2),
    "dot": lambda a, b: (a * b).sum(),
    "row by column": lambda a, b: (a.expand(1, 3) @ b.expand(3).reshape(3, 1)).reshape(()),
}


def random_program(random: np.random.Generator):
    """Return (values of the leaves, instructions): each names its arguments by number."""
    leaves = [
        random.uniform(-1, 1, size=() if random.random() < 0.5 else 3)
        for _ in range(random.integers(1, 4))
    ]
    instructions = []
    for place in range(len(leaves), len(leaves) + random.integers(3, 9)):
        table, count = (UNARY, 1) if random.random() < 0.5 else (BINARY, 2)
        arguments = [int(random.integers(place)) for _ in range(count)]
        instructions.append((table[random.choice(list(table))], arguments))
    return leaves, instructions


def run(program, leaves: list[torch.Tensor]) -> list[torch.Tensor]:
    """Return all values of the program."""
    values = list(leaves)
    for compute, arguments in program[1]:
        values.append(compute(*(values[argument] for argument in arguments)))
    return values


def number(text: str) -> np.ndarray:
    return np.array(ast.literal_eval(text), dtype=float)


def handed_on(step) -> list[tuple[str, np.ndarray]]:
    """Return (name, gradient) of each input of a step, as its row says it."""
    *pairs, _ = re.split(r" to (no name|\w+)(?:, |$)", step.gradient_out)
    return [(name, number(text)) for text, name in zip(pairs[::2], pairs[1::2], strict=True)]


def times(arriving: np.ndarray, local: str) -> np.ndarray | None:
    """Return a gradient times a local derivative as a row says it; None if it says its size."""
    if local.endswith(" Jacobian"):
        return None
    local = number(re.sub(" (for each|entry by) entry", "", local))
    return arriving.flatten() @ local if local.ndim == 2 else arriving * local


LOCAL = r"\[\[.*?\]\]|\[[^]]*\] entry by entry|\S+ for each entry|\d+ by \d+ Jacobian|[^\s,]+"


@pytest.mark.parametrize("seed", range(200))
def test_gradients_on_the_edges_are_autograds_and_the_slopes(seed):
    random = np.random.default_rng(seed)
    program = random_program(random)
    values = run(program, [leaf(value) for value in program[0]])
    output = values[-1]
    weights = random.uniform(-1, 1, size=output.shape)
    gradient = torch.as_tensor(weights)
    before = torch.autograd.grad(output, values, gradient, retain_graph=True, allow_unused=True)
    used = [place for place, slope in enumerate(before) if slope is not None]
    named = {f"v{place}": values[place] for place in used}
    walk = graph.backtrack(output, gradient=gradient, **named)

    # The table has four digits of each number. Gradient out is gradient in times local derivative.
    back = [step for step in walk.steps if step.function != "AccumulateGrad"]
    # What flows into a tensor along all its edges is collected meanwhile.
    flowed = {name: [] for name in named}
    flowed[f"v{len(values) - 1}"].append(weights)
    for step in back:
        locals_ = re.findall(LOCAL, step.local)
        for local, (name, part) in zip(locals_, handed_on(step), strict=True):
            product = times(number(step.gradient_in), local)
            if product is not None:
                digits = 2e-3 * max(1.0, np.abs(product).max())
                np.testing.assert_allclose(product.reshape(part.shape), part, rtol=0, atol=digits)
            flowed.setdefault(name, []).append(part)
    for tensor in named.values():
        tensor.retain_grad()
    output.backward(gradient)
    for name, tensor in named.items():
        digits = sum(np.abs(part).max() for part in flowed[name])
        np.testing.assert_allclose(sum(flowed[name]), tensor.grad, rtol=0, atol=1e-3 * digits)

    ends = [step for step in walk.steps if step.function == "AccumulateGrad"]
    arrived = {step.inputs: step.gradient_in for step in ends}
    assert len(arrived) == len(ends), "each leaf once"
    # Central differences, for which nothing walks back.
    step_size = 1e-5
    for place in set(range(len(program[0]))) & set(used):
        slopes = np.zeros_like(program[0][place])
        for index in np.ndindex(slopes.shape):
            for sign in (1, -1):
                moved = [torch.tensor(value) for value in program[0]]
                moved[place][index] += sign * step_size
                end = (gradient * run(program, moved)[-1]).sum().item()
                slopes[index] += sign * end / (2 * step_size)
        exact = named[f"v{place}"].grad
        np.testing.assert_allclose(exact.numpy(), slopes, rtol=1e-6, atol=1e-7)
        assert arrived[f"v{place}"] == words.short(exact)
