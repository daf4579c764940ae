"""What an exercise asks the reader to write cannot be called in its place, nor found by name."""

import types

import pytest
import torch

from every_notebook.test_checks import _WINGS, every
from helpers.common import running

USES = "Not yet. Right, but your code uses {}: do without it here."
NO_RING = (
    "Not yet. The sums are right. "
    "Now get them by 2(N − 1) calls of pass_on; in each, every process sends one chunk."
)

RING = """
N = len(parts)
everyone = torch.arange(N)
for turn in range({rounds}):
    leaving, arriving = (everyone - turn) % N, (everyone - 1 - turn) % N
    received = pass_on(parts[everyone, leaving])
    parts[everyone, arriving] = received + parts[everyone, arriving] * (turn < N - 1)
{rest}
return parts
"""

# By notebook and exercise: right lines that the text rules out, and what is said.
FORBIDDEN = {
    ("computation_graph", "the chain rule"): [
        (
            "x = torch.tensor(float(x), requires_grad=True)\n"
            "((3 * x + 1) ** 2).backward()\nreturn x.grad",
            USES.format("backward"),
        ),
        (
            "x = torch.tensor(float(x)).requires_grad_()\n"
            "torch.autograd.backward((3 * x + 1) ** 2)\nreturn x.grad.item()",
            USES.format("backward"),
        ),
        (
            "x = torch.tensor(float(x), requires_grad=True)\n"
            "return torch.autograd.grad((3 * x + 1) ** 2, x)[0]",
            USES.format("grad"),
        ),
        (
            "from torch.autograd.functional import jacobian\n"
            "return jacobian(lambda t: (3 * t + 1) ** 2, torch.tensor(float(x)))",
            USES.format("grad"),
        ),
        (
            "return torch.func.jacfwd(lambda t: (3 * t + 1) ** 2)(torch.tensor(float(x)))",
            USES.format("jacfwd"),
        ),
        (
            "import torch.autograd.forward_ad as fwd\nwith fwd.dual_level():\n"
            "    dual = fwd.make_dual(torch.tensor(float(x)), torch.tensor(1.0))\n"
            "    return fwd.unpack_dual((3 * dual + 1) ** 2).tangent",
            USES.format("make_dual"),
        ),
    ],
    ("computation_graph", "the whole Jacobian"): [
        ("return torch.func.jacrev(function)(x)", USES.format("jacrev")),
        ("return torch.func.jacfwd(function)(x.detach())", USES.format("jacfwd")),
        ("return torch.autograd.functional.jacobian(function, x)", USES.format("jacobian")),
    ],
    ("ols_and_ridge", "the condition number"): [
        ("return torch.linalg.cond(X)", USES.format("cond")),
        ("import numpy\nreturn numpy.linalg.cond(X.numpy())", USES.format("cond")),
    ],
    ("gradient_descent", "factor of a step"): [
        (
            "from helpers.gradient_descent import theory\n"
            "curvatures = torch.tensor([mu, L], dtype=torch.float64)\n"
            "return theory.predicted_rate(lr, curvatures)",
            USES.format("helpers"),
        ),
    ],
    ("gradient_descent", "a step with momentum"): [
        (
            "weights = torch.tensor(w, dtype=torch.float64, requires_grad=True)\n"
            "optimizer = torch.optim.SGD([weights], lr=lr, momentum=gamma)\n"
            "optimizer.state[weights]['momentum_buffer'] = velocity = torch.tensor(v).double()\n"
            "weights.grad = torch.tensor(g).double()\noptimizer.step()\n"
            "return weights.item(), velocity.item()",
            USES.format("sgd"),
        ),
    ],
    ("fashion_mnist_pipeline", "the loss by hand"): [
        ("return F.nll_loss(log_probabilities, labels)", USES.format("nll_loss")),
        ("return torch.nn.NLLLoss()(log_probabilities, labels)", USES.format("nll_loss")),
        ("return F.cross_entropy(log_probabilities, labels)", USES.format("cross_entropy")),
    ],
    ("fashion_mnist_pipeline", "a gradient without autograd"): [
        (
            "W = W.clone().requires_grad_()\nF.cross_entropy(X @ W, labels).backward()\n"
            "return W.grad",
            USES.format("backward"),
        ),
        (
            "W.requires_grad_()\nloss = F.cross_entropy(X @ W, labels)\n"
            "return torch.autograd.grad(loss, W)[0]",
            USES.format("grad"),
        ),
        (
            "return torch.func.jacfwd(lambda W: F.cross_entropy(X @ W, labels))(W)",
            USES.format("jacfwd"),
        ),
        (
            "import torch.autograd.forward_ad as fwd\nslopes = torch.zeros_like(W)\n"
            "for i, j in torch.cartesian_prod(*map(torch.arange, W.shape)):\n"
            "    one = torch.zeros_like(W)\n    one[i, j] = 1\n    with fwd.dual_level():\n"
            "        loss = F.cross_entropy(X @ fwd.make_dual(W, one), labels)\n"
            "        slopes[i, j] = fwd.unpack_dual(loss).tangent\nreturn slopes",
            USES.format("make_dual"),
        ),
    ],
    ("debugging_clinic", "a head the right way round"): [
        ("return scores.log_softmax(dim=1)", USES.format("log_softmax")),
        ("return F.log_softmax(scores, dim=1)", USES.format("log_softmax")),
        ("return nn.LogSoftmax(dim=1)(scores)", USES.format("log_softmax")),
        ("return torch.softmax(scores, 1).log()", USES.format("softmax")),
        ("return torch.special.log_softmax(scores, 1)", USES.format("log_softmax")),
    ],
    ("beyond_one_process", "an all-reduce of your own"): [
        ("return parts.sum(0, keepdim=True).expand_as(parts)", NO_RING),
        (
            # All chunks at once, in N - 1 rounds.
            "mine, total = parts, parts.clone()\n"
            "for _ in range(len(parts) - 1):\n    mine = pass_on(mine)\n    total = total + mine\n"
            "return total",
            NO_RING,
        ),
        (
            # All chunks at once, as often as a ring sends one.
            "mine, total = parts, parts.clone()\n"
            "for k in range(2 * len(parts) - 2):\n    mine = pass_on(mine)\n"
            "    total = total + mine * (k < len(parts) - 1)\nreturn total",
            NO_RING,
        ),
        (RING.format(rounds="2 * N - 2", rest="pass_on(parts[:, 0])"), NO_RING),
        (RING.format(rounds="2 * N - 2", rest=""), "Right."),
    ],
}


# A fork may have dropped a notebook.
FORBIDDEN = {where: cases for where, cases in FORBIDDEN.items() if where[0] in _WINGS}


@pytest.mark.parametrize(
    ("wing", "name", "lines", "said"),
    [(*where, *case) for where, cases in FORBIDDEN.items() for case in cases],
)
def test_what_an_exercise_does_without_is_told_so(wing, name, lines, said):
    lines = f"from torch import nn\nimport torch\nfrom torch.nn import functional as F\n{lines}"
    wing = _WINGS[wing]
    assert wing.judge(name, wing.with_lines(name, lines)).line.startswith(said)


def test_each_exercise_that_forbids_is_tried():
    asks = {
        (wing, name)
        for wing, asked in _WINGS.items()
        for name, exercise in asked.check.exercises.items()
        if exercise.without
    }
    assert asks == {where for where in FORBIDDEN if "all-reduce" not in where[1]}


@pytest.mark.parametrize(
    "walk", ["return torch.stack(torch.autograd.grad(output, leaves))", "return call.answer"]
)
def test_nobody_else_walks_the_graph(walk):
    wing = _WINGS["computation_graph"]
    said = wing.judge("your own backward()", wing.with_lines("your own backward()", walk)).line
    assert "PyTorch's walk" in said or "has no attribute 'answer'" in said


@every("exercises")
def test_no_argument_carries_an_answer(wing, name):
    for arguments in wing.check.exercises[name].inputs_from(
        **wing.data(name, wing.names_before(name))
    ):
        for argument in running.own(arguments):
            if isinstance(argument, torch.Tensor | types.FunctionType):
                assert not vars(argument), argument


def test_a_readers_own_function_may_have_a_forbidden_name():
    wing = _WINGS["ols_and_ridge"]
    lines = "def cond(s):\n    return s.max() / s.min()\nreturn cond(torch.linalg.svdvals(X))"
    name = "the condition number"
    assert wing.judge(name, wing.with_lines(name, lines)).line == "Right."
