"""Graphs that several tests draw, and how a test reads what a reader sees."""

import re

import pytest
import torch


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


class Deep(torch.nn.Module):
    """Layers on a common path, each of which adds to what goes through."""

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


def arrows(drawing) -> list[tuple[str, str]]:
    """Return the labels at both ends of each printed arrow, in order."""
    lines = [re.sub(r"  \[[^]]*\]$", "", line) for line in str(drawing).splitlines()]
    ends = [line.split(" -> ") for line in lines if " -> " in line]
    role = r" \((leaf|intermediate|output|module|saved)\)$"
    return [tuple(re.sub(rf"^n\d+ |{role}", "", end) for end in pair) for pair in ends]


def assert_refused(kind, words: str, call) -> None:
    """Hold a call to an error of just this kind, on one line, which says what to do."""
    with pytest.raises(kind, match=words) as caught:
        call()
    assert type(caught.value) is kind and "\n" not in str(caught.value)


def along(*paths: str) -> list[tuple[str, str]]:
    """Return the arrows of paths such as ``x > AccumulateGrad > PowBackward0``, sorted."""
    steps = [path.split(" > ") for path in paths]
    return sorted(arrow for path in steps for arrow in zip(path, path[1:], strict=False))


def chain():
    x = leaf(1.0)
    y = x**2
    z = y.exp()
    return z, {"x": x, "y": y, "z": z}


def diamond():
    x = leaf(1.0)
    a, b = x.sin(), x.exp()
    return a * b, {"x": x, "a": a}


def shared_leaf():
    x = leaf(3.0)
    z = x * x
    return z, {"x": x, "z": z}


def two_outputs():
    x = leaf(3.0)
    s = x.sin()
    return (s, s.exp()), {"x": x}


def view():
    x = leaf([1.0, 2.0, 3.0])
    y = x * 2
    z = y[1]
    return z, {"x": x, "y": y, "z": z}


def in_place():
    x = leaf([1.0, 2.0])
    y = x * 2
    y.add_(1)
    return y.exp(), {"x": x, "y": y}


def broadcast():
    x, a = leaf([1.0, 2.0]), leaf(5.0)
    return (x + a).sum(), {"x": x, "a": a}


def matmul_and_bias():
    inputs = torch.ones(4, 3, dtype=torch.float64)  # no gradient, so not in the graph
    w, b = leaf([[1.0], [2.0], [3.0]]), leaf([0.5])
    return inputs @ w + b, {"w": w, "b": b}


def custom_function():
    x = leaf(1.0)
    return Square.apply(x.sin()), {"x": x}


def module():
    torch.manual_seed(0)
    linear = torch.nn.Linear(3, 1, dtype=torch.float64)
    loss = linear(torch.ones(4, 3, dtype=torch.float64)).mean()
    return loss, dict(linear.named_parameters())


def parts():
    x = leaf([1.0, 2.0])
    first, second = x.unbind()
    return first.exp() * second.sin(), {"x": x, "second": second}


# What was worked out by hand of each: its paths, with A for AccumulateGrad.
BY_HAND = {
    chain: ["x > A > PowBackward0 > y > ExpBackward0 > z"],
    diamond: [
        "x > A > SinBackward0 > a > MulBackward0 > output",
        "A > ExpBackward0 > MulBackward0",
    ],
    shared_leaf: ["x > A > MulBackward0 > z", "A > MulBackward0"],
    two_outputs: ["x > A > SinBackward0 > output 0 > ExpBackward0 > output 1"],
    # The view looks into y's memory.
    view: ["x > A > MulBackward0 > y > SelectBackward0 > z", "y > z"],
    in_place: ["x > A > MulBackward0 > AddBackward0 > y > ExpBackward0 > output"],
    broadcast: ["x > A > AddBackward0 > SumBackward0 > output", "a > A > AddBackward0"],
    matmul_and_bias: ["w > A > MmBackward0 > AddBackward0 > output", "b > A > AddBackward0"],
    custom_function: ["x > A > SinBackward0 > SquareBackward > output", "saved > SquareBackward"],
    module: [
        "weight > A > TBackward0 > AddmmBackward0 > MeanBackward0 > output",
        "bias > A > AddmmBackward0",
    ],
    parts: [
        "x > A > UnbindBackward0 > ExpBackward0 > MulBackward0 > output",
        "UnbindBackward0 > second > SinBackward0 > MulBackward0",
    ],
}
