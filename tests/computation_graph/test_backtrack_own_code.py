"""What a walk makes of code that nobody here wrote: its local derivatives, and what it is shown."""

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from computation_graph.examples import Square, leaf
from helpers.computation_graph import backtrack as walks
from helpers.computation_graph import graph


class Own(torch.autograd.Function):
    """Hands on, for its second argument, what `answer` makes of a gradient."""

    answer = staticmethod(lambda gradient: gradient * 2)

    @staticmethod
    def forward(ctx, number, x):
        ctx.register_hook = ctx.register_prehook = "mine"
        ctx.room = torch.ones(3)
        ctx.save_for_backward(torch.ones(3))
        return x * 2

    @staticmethod
    def backward(ctx, gradient):
        return None, Own.answer(gradient)


def float32_alone(gradient):
    if gradient.dtype != torch.float32:
        raise TypeError("not mine")
    return gradient * 2


def in_a_walk_alone(gradient):
    if torch._C._current_graph_task_id() < 0:
        raise KeyError("alone")
    return gradient * 2


@pytest.mark.parametrize(
    ("answer", "dtype", "came", "local"),
    [
        (lambda gradient: gradient * 2, torch.float64, 5.0, "2"),
        (lambda gradient: gradient.clamp(-1, 1), torch.float64, 5.0, "no single number"),
        (float32_alone, torch.float32, 5.0, "2"),
        (in_a_walk_alone, torch.float64, 5.0, "not worked out"),
        # Rounding is no other number, and neither is less than a millionth.
        (lambda gradient: gradient / 3, torch.bfloat16, 1.3, "0.334"),
        (lambda gradient: gradient * 1.1, torch.float16, 3.3, "1.1"),
        (lambda gradient: gradient * 4, torch.float16, 3e4, "4"),  # What left is infinite.
        (lambda gradient: gradient * 0 + 1e-8, torch.float64, 5.0, "1e-08"),
        (lambda gradient: gradient * (1 + 0.01 * gradient), torch.float64, 5.0, "no single number"),
    ],
)
def test_a_function_in_python_has_this_local_derivative(answer, dtype, came, local, monkeypatch):
    monkeypatch.setattr(Own, "answer", staticmethod(answer))
    x = torch.tensor(1.0, dtype=dtype, requires_grad=True)
    # The first argument has no graph, and so no part in the gradients that are handed on.
    step = graph.backtrack(Own.apply(torch.ones(()), x), gradient=torch.tensor(came, dtype=dtype))[
        0
    ]
    assert step.local == local
    assert len(step.leaving) == 1


@pytest.mark.parametrize("memory", [lambda ctx: ctx.room, lambda ctx: ctx.saved_tensors[0]])
def test_a_function_whose_memory_is_gone_is_not_called_by_itself(memory):
    y = Own.apply(1, leaf(1.0))
    memory(y.grad_fn).untyped_storage().resize_(0)
    walk = graph.backtrack(y)
    assert (walk[0].local, walk[0].gradient_in) == ("not worked out", "1")


def test_of_two_inputs_neither_is_worked_out():
    class Two(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, y):
            return x * y

        @staticmethod
        def backward(ctx, gradient):
            return in_a_walk_alone(gradient), gradient

    step = graph.backtrack(Two.apply(leaf(1.0), leaf(2.0)))[0]
    assert step.local == "not worked out, not worked out"


def of_rows():
    table = leaf([[1.0], [2.0]])
    return nn.functional.embedding(torch.tensor([1]), table, sparse=True)


@pytest.mark.parametrize(
    ("output", "local"),
    [
        (leaf([1.0] * 20) * leaf(2.0), "20 by 20 Jacobian, 20 by 1 Jacobian"),
        (leaf([1.0] * 16) * leaf([2.0] * 16), "2 for each entry, 1 for each entry"),
        (leaf([1.0, 2.0, 3.0]).split([1, 2])[1] * 3, "3 for each entry"),
        (leaf([2.0]).sum(), "1"),
        (leaf(2.0) * 1e300, "1e+300"),
        (of_rows(), "[[0, 1]]"),
    ],
)
def test_a_function_of_pytorch_has_this_local_derivative(output, local):
    assert graph.backtrack(output, gradient=torch.ones_like(output))[0].local == local


class OneAndTwo(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 2, x * torch.tensor([3.0, 5.0]).double()

    @staticmethod
    def backward(ctx, of_one, of_two):
        return of_one * 2 + of_two @ torch.tensor([3.0, 5.0]).double()


class TurnsOneOfTwo(torch.autograd.Function):
    @staticmethod
    def forward(ctx, turned, real):
        return turned.conj_physical(), real * 3

    @staticmethod
    def backward(ctx, of_turned, of_real):
        return of_turned.conj_physical(), of_real * 3


TURNED = torch.tensor(1 + 2j, dtype=torch.complex128, requires_grad=True)


@pytest.mark.parametrize(
    ("outputs", "local"),
    [
        (OneAndTwo.apply(leaf(1.0)), "[[2], [3], [5]]"),
        # What came, 1 and 1, was not turned: numbers would explain what left, but nothing else.
        (TurnsOneOfTwo.apply(TURNED, leaf(1.0)), "no single number, [[0], [3]]"),
    ],
)
def test_a_function_of_several_outputs_has_a_row_for_each_of_their_entries(outputs, local):
    ones = tuple(map(torch.ones_like, outputs))
    assert graph.backtrack(outputs, gradient=ones)[0].local == local


def test_own_code_runs_without_a_graph_of_its_own(monkeypatch):
    modes = []

    def answer(gradient):
        modes.append((torch.is_grad_enabled(), torch.is_inference_mode_enabled()))
        return gradient * 2

    monkeypatch.setattr(Own, "answer", staticmethod(answer))
    with torch.enable_grad():
        graph.backtrack(Own.apply(1, leaf(1.0)))
    assert len(modes) > 1 and set(modes) == {(False, False)}


def test_after_a_walk_nothing_watches_the_graph(monkeypatch):
    output = leaf(2.0).sin().exp()
    graph.backtrack(output)
    copied = []
    monkeypatch.setattr(walks, "_copies", lambda tensors: copied.append(tensors) or tensors)
    output.backward()
    assert copied == []


def test_a_hook_may_write_later_into_what_it_was_given():
    x, held = leaf(2.0), []
    x.register_hook(held.append)
    walk = graph.backtrack(x * 3)
    held[0].zero_()
    assert [float(part) for part in (*walk[-1].arriving, *walk[-1].leaving)] == [3, 3]


def test_a_frozen_leaf_without_a_name_is_told_as_the_leaf():
    w = leaf(3.0)
    z = w * 2
    w.requires_grad_(False)
    assert graph.backtrack(z)[-1].gradient_out == "nothing: the leaf was frozen since"


def test_a_picture_of_a_step_tells_values_alone_and_is_not_too_long_to_listen_to():
    x = leaf([1.0, 2.0])
    walk = graph.backtrack((x * 3).sum(), **{"x": x})
    (box,) = [node for node in walk.picture(1).nodes if node.label == "x"]
    assert box.details == ("value [1, 2]",)
    long = graph.backtrack(x.sum(), **{"x\n" * 300: x}).picture(1).alt
    assert len(long) == 300 and long.endswith("…") and "\n" not in long


# --- What is saved ---


def test_what_a_number_is_saved_beside_is_still_called_packed():
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t), lambda _: kept.pop()):
        output = leaf(3.0) ** 2
    step = graph.backtrack(output)[0]
    assert (step.saved, step.gradient_out) == ("packed away", "6 to no name")


def test_what_was_changed_is_not_called_packed_because_a_number_is_beside_it():
    x = leaf(3.0)
    y = x**2

    def overwrite(*_) -> None:
        x.detach().zero_()

    y.grad_fn.register_hook(overwrite)
    assert graph.backtrack(y)[0].saved == "in part changed in place since"


# --- What is put back ---


def test_generators_of_graphics_cards_are_put_back(monkeypatch):
    put = []
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_rng_state_all", lambda: ["as it was"])
    monkeypatch.setattr(torch.cuda, "set_rng_state_all", put.append)
    graph.backtrack(leaf(2.0) * 3)
    assert put == [["as it was"]]


def test_a_checkpoint_of_pytorchs_functions_alone_changes_no_buffer_either():
    block = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    x = torch.tensor([[1.0, 2.0], [3.0, 5.0]], requires_grad=True)
    output = checkpoint(block, x, use_reentrant=False).square().sum()
    before = [buffer.tolist() for buffer in block.buffers()]
    graph.backtrack(output)
    assert [buffer.tolist() for buffer in block.buffers()] == before
    assert all(weight.grad is None for weight in block.parameters())


class Noting(torch.Tensor):
    """A kind of tensor whose own code notes all that it is asked."""

    asked: list = []

    @classmethod
    def __torch_function__(cls, function, kinds, arguments=(), options=None):
        Noting.asked.append(function)
        return super().__torch_function__(function, kinds, arguments, options or {})


ASKED_BEFORE: list = []  # A list of its class would be put back.


class HoldsOne(Square):
    one = torch.ones(2).as_subclass(Noting)

    @staticmethod
    def backward(ctx, gradient):
        ASKED_BEFORE.append(list(Noting.asked))
        return Square.backward(ctx, gradient)


def test_a_walk_looks_at_whatever_is_alive_and_runs_no_tensors_own_code():
    alive = torch.ones(2).as_subclass(Noting).requires_grad_()
    without = nn.BatchNorm1d(2, track_running_stats=False)  # Its buffers are None.
    output = HoldsOne.apply(leaf(2.0))
    ASKED_BEFORE.clear()
    Noting.asked.clear()
    assert graph.backtrack(output)[-1].gradient_in == "4"
    assert ASKED_BEFORE[0] == []
    assert alive.grad is None and [*without._buffers.values()] == [None] * 3
