"""A walk that fails: what it says to the letter, and that it leaves nothing behind."""

import random

import numpy as np
import pytest
import torch

from common.snapshot import changed, snapshot
from computation_graph.examples import Square, assert_refused, leaf
from helpers.computation_graph import graph

ENGINE = torch.autograd._engine_run_backward


class ChangesAndBreaks(torch.autograd.Function):
    passed_on = 0

    @staticmethod
    def forward(ctx, x, stack):
        ctx.stack, ctx.calls = stack, 0
        return x * 2

    @staticmethod
    def backward(ctx, gradient):
        random.random(), np.random.rand(), torch.rand(())
        ctx.calls += 1
        ctx.stack.pop()
        ChangesAndBreaks.passed_on += 1
        raise ctx.error


@pytest.mark.parametrize("error", [ValueError("mine"), KeyboardInterrupt()])
def test_a_walk_that_breaks_off_leaves_nothing_changed(error):
    x, stack = leaf([1.0, 2.0]), [1, 2]
    x.grad = torch.ones_like(x)
    y = ChangesAndBreaks.apply(x, stack)
    y.grad_fn.error = error
    y.retain_grad()
    output = (y * y).sum()
    before = snapshot(output, x, y, stack, vars(ChangesAndBreaks), y.grad_fn.calls)
    seeds = random.getstate(), np.random.get_state()[2], torch.get_rng_state().sum()
    hooked = ValueError if isinstance(error, Exception) else KeyboardInterrupt
    with pytest.raises(hooked):
        graph.backtrack(output)
    after = snapshot(output, x, y, stack, vars(ChangesAndBreaks), y.grad_fn.calls)
    assert changed(before, after) == []
    assert (random.getstate(), np.random.get_state()[2], torch.get_rng_state().sum()) == seeds
    assert torch.autograd._engine_run_backward is ENGINE
    assert not torch.is_inference_mode_enabled() and torch.is_grad_enabled()


def test_an_engine_that_somebody_has_put_in_place_is_there_again(monkeypatch):
    def mine(*arguments, **options):
        return ENGINE(*arguments, **options)

    monkeypatch.setattr(torch.autograd, "_engine_run_backward", mine)
    for function in (Square, Refuses):
        try:
            graph.backtrack(function.apply(leaf(1.0)))
        except ValueError:
            assert function is Refuses
        assert torch.autograd._engine_run_backward is mine


class KeepsDeep(torch.autograd.Function):
    kept = {"of all": [{"more": torch.ones(2)}], "total": torch.zeros(())}

    @staticmethod
    def forward(ctx, x):
        return x * 2

    @staticmethod
    def backward(ctx, gradient):
        KeepsDeep.kept["total"] += 1
        KeepsDeep.kept["of all"][0]["more"].add_(1)
        KeepsDeep.kept["of all"][0]["new"] = 1
        return gradient * 2


def test_what_a_class_keeps_is_given_back_however_deep_it_lies():
    graph.backtrack(KeepsDeep.apply(leaf(1.0)))
    assert KeepsDeep.kept["total"] == 0
    (kept,) = KeepsDeep.kept["of all"]
    assert kept.keys() == {"more"} and kept["more"].tolist() == [1, 1]


def test_grad_mode_and_inference_mode_are_as_they_were():
    output = leaf(2.0) * 3
    for mode in (torch.no_grad, torch.enable_grad, torch.inference_mode):
        with mode():
            before = torch.is_grad_enabled(), torch.is_inference_mode_enabled()
            walk = graph.backtrack(output)
            assert (torch.is_grad_enabled(), torch.is_inference_mode_enabled()) == before
        # What the steps hold can be used in whatever is computed next.
        given = [part for step in walk for part in (*step.arriving, *step.leaving)]
        assert not any(part.requires_grad or part.is_inference() for part in given)
        assert [float(part) for part in given] == [1, 3, 3, 3]


def test_what_a_walk_shows_is_no_tensor_of_the_readers():
    x = leaf([1.0, 2.0])
    gradient = torch.tensor([5.0, 6.0]).double()
    walk = graph.backtrack(x * 1, gradient=gradient)
    parts = [part for step in walk for part in (*step.arriving, *step.leaving)]
    walk.steps[-1].leaving[0].zero_()
    gradient.zero_()
    assert [part.tolist() for part in parts[:2]] == [[5, 6], [5, 6]] and x.grad is None


def changed_in_place():
    y = leaf([2.0]) * 2
    z = y**2
    y.add_(1)
    return z


class Refuses(Square):
    @staticmethod
    def backward(ctx, gradient):
        raise RuntimeError("Not today. Come again.")


Z = torch.tensor([1j, 2j], requires_grad=True)
SAID = {
    "in place": (
        lambda: graph.backtrack(changed_in_place()),
        r"the walk back fails as backward\(\) would \(one of the variables needed for gradient "
        r"computation has been modified by an inplace operation.*\): compute the output again "
        "without the in-place operation",
    ),
    "its own": (
        lambda: graph.backtrack(Refuses.apply(leaf(1.0))),
        r"the walk back fails as backward\(\) would \(Not today\): mend that, and compute the "
        "output again",
    ),
    "many": (
        lambda: graph.backtrack(leaf([1.0, 2.0]) * 2),
        "output has 2 entries, so there is no one gradient to start from: pass gradient=, of the "
        "output's shape",
    ),
    "none": (lambda: graph.backtrack(leaf([]) * 2), "output has 0 entries, so .*"),
    "many complex": (lambda: graph.backtrack(Z * 2), "output has 2 entries, so there is .*"),
    "one complex": (lambda: graph.backtrack(Z[0]), "output is complex, so there is no one .*"),
    "of two": (lambda: graph.backtrack((leaf(1.0) * 2, Z * 2)), "output has 2 entries, .*"),
    "one for two": (
        lambda: graph.backtrack((leaf(1.0) * 2, leaf([1.0]) * 2), gradient=torch.tensor(1.0)),
        r"gradient has shape \[\(\)\]: pass \[\(\), \(1,\)\], as the output has",
    ),
}


@pytest.mark.parametrize("name", SAID)
def test_what_is_said_is_true_to_the_letter(name):
    call, said = SAID[name]
    assert_refused(ValueError, rf"\A{said}\Z", call)


def test_a_gradient_has_to_be_a_tensor_of_real_or_complex_numbers_as_the_output():
    one = leaf(1.0) * 2
    assert_refused(
        TypeError, "^gradient is 1.0: give a tensor", lambda: graph.backtrack(one, gradient=1.0)
    )
    said = r"^gradient has dtype torch.complex64: give torch.float64, as the output has\Z"
    assert_refused(TypeError, said, lambda: graph.backtrack(one, gradient=torch.tensor(1j)))
    said = r"^gradient has dtype torch.float32: give torch.complex64, as the output has\Z"
    assert_refused(TypeError, said, lambda: graph.backtrack(Z[0], gradient=torch.tensor(1.0)))
    # One output of one entry, of whatever shape, needs none, nor do several of them.
    assert graph.backtrack(leaf([[2.0]]) * 3)[0].gradient_in == "[[1]]"
    x = leaf(2.0)
    assert graph.backtrack((x * 3, x * 5))[-1].gradient_in == "8"


@pytest.mark.parametrize(
    ("compute", "local"),
    [
        (lambda x: x**2, "[2, 4, 6, 8, 10, 12] entry by entry"),
        (lambda x: x * 0.5, "0.5 for each entry"),
        (lambda x: x.sum(), "[[1, 1, 1, 1, 1, 1]]"),
        (lambda x: torch.cat([x, x])[:7] ** 2, "7 by 7 Jacobian"),
        (lambda x: x.reshape(2, 3) * 1, "1 for each entry"),
        (lambda x: x.max(), "[[0, 0, 0, 0, 0, 1]]"),
        (lambda x: (x * 1).reshape(3, 2), "6 by 6 Jacobian"),
    ],
)
def test_up_to_six_numbers_of_a_local_derivative_are_told(compute, local):
    output = compute(leaf([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]))
    assert graph.backtrack(output, gradient=torch.ones_like(output))[0].local == local


def test_a_step_hands_on_to_the_inputs_that_have_a_graph_alone():
    x, y = leaf(2.0), leaf(5.0)
    numbers = torch.tensor(3.0).double()
    step = graph.backtrack(torch.addcmul(numbers, x, y), x=x, y=y)[0]
    assert (step.inputs, step.gradient_out) == ("x, y", "5 to x, 2 to y")
    assert [float(part) for part in step.leaving] == [5, 2]
    assert step.local == "5, 2"


def test_what_was_saved_is_told_without_what_is_true_or_not():
    x = leaf([[1.0, 2.0]])
    output = x.sum(dim=1, keepdim=True)
    (step, _) = graph.backtrack(output, gradient=torch.ones(1, 1))
    assert "keepdim" not in step.saved and "self_sizes" not in step.saved
    step = graph.backtrack(torch.nn.functional.gelu(leaf(0.0), approximate="tanh"))[0]
    assert "approximate = tanh" in step.saved.split(", ")
