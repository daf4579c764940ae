"""What notebook 01 asks: the words it takes, and what is right, worked out another way."""

import pytest
import torch

from helpers.computation_graph import answers
from helpers.computation_graph.answers import check


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a change in place", ("error", "old", "new")),
        ("a new x", ("result", "error", "leaf")),
        ("a tiny step", ("worse", "better")),
    ],
)
def test_these_words_may_be_guessed_and_the_first_is_right(name, words):
    question = check.predictions[name]
    assert {question.right, *question.words, *question.hints} == set(words)
    assert [word for word in words if question.judge(word).right] == [words[0]]


def tried(name):
    """Return what an exercise is tried on, made anew, and the right answer to each."""
    exercise = check.exercises[name]
    inputs = [one() if callable(one) else one for one in exercise.inputs]
    return [(arguments, exercise(*arguments)) for arguments in inputs]


def test_leaves_that_learn_are_counted_among_tensors_of_all_kinds():
    kinds = [
        [(t.is_leaf, t.requires_grad) for t in tensors] for tensors, _ in tried("leaves that learn")
    ]
    given, leaf, result, cut = (True, False), (True, True), (False, True), (True, False)
    assert kinds == [
        [given, given, leaf, leaf, result, result],
        [leaf, result],
        [given, cut, result],
        [leaf, cut, leaf],
    ]
    assert [count for _, count in tried("leaves that learn")] == [2, 1, 0, 2]


def test_the_slope_of_z_is_that_of_its_square():
    # z = 9x² + 6x + 1, so its slope is 18x + 6.
    assert [(x, float(slope)) for (x,), slope in tried("the chain rule")] == [
        (0.0, 6.0),
        (1.0, 24.0),
        (-2.5, -39.0),
    ]


def test_a_gradient_in_parts_is_that_of_the_mean_loss_at_once():
    cases = tried("a gradient in parts")
    assert [(start, len(parts)) for (_, start, parts), _ in cases] == [
        (1.0, 3),
        (-0.5, 3),
        (0.7, 2),
    ]
    for (_, start, parts), found in cases:
        w = answers.leaf(start)
        ((w * torch.arange(4.0 * len(parts)).double() - 1) ** 2).mean().backward()
        assert float(found) == pytest.approx(float(w.grad), rel=1e-12)
        assert [part.dtype for part in parts] == [torch.float64] * len(parts)
    parts = cases[0][0][2]
    parts[0].zero_()  # Another reader is given parts of its own.
    assert float(tried("a gradient in parts")[0][0][2][0].sum()) == 6.0


def test_the_whole_jacobian_is_that_worked_out_by_hand():
    assert [found.tolist() for _, found in tried("the whole Jacobian")] == [
        [[2, 1, 0], [0, 9, 12], [1, 1, 1]],
        [[1, 2], [3, 4], [5, 6]],
        [[2, 0, 0.5], [0, 2, -1]],
    ]


# --- The engine that a reader makes ---


def call(function, gradient):
    """Call a function as the notebook does: pairs of a next function and its gradient."""
    parts = function(gradient)
    parts = parts if isinstance(parts, tuple) else (parts,)
    pairs = zip(function.next_functions, parts, strict=True)
    return [(after, part) for (after, _), part in pairs if after is not None]


def test_an_engine_is_tried_on_a_chain_on_ways_that_meet_and_on_many_ways():
    found = []
    for make in answers.graphs(call):
        output, leaves, call_once = make()
        found.append(
            (len(leaves), check.exercises["your own backward()"](output, leaves, call_once))
        )
    # 3x⁴ at 3; sin a · (b + 1) at 3 and 2, twice; 2⁶⁰ sin x at 1.5.
    cosine, sine = torch.tensor(3.0).double().cos(), torch.tensor(3.0).double().sin()
    expected = [
        [324.0],
        [3 * cosine, sine],
        [sine, 3 * cosine],
        [2.0**60 * torch.tensor(1.5).double().cos()],
    ]
    assert [count for count, _ in found] == [1, 2, 2, 1]
    for (_, slopes), right in zip(found, expected, strict=True):
        assert slopes.tolist() == pytest.approx([float(one) for one in right], rel=1e-12)


def test_a_call_refuses_leaves_repetition_and_pytorchs_own_walk():
    output, leaves, call_once = answers.graphs(call)[0]()
    ((after, _),) = call_once(output.grad_fn, torch.ones_like(output))
    with pytest.raises(RuntimeError, match="^MulBackward0 was called a second time$"):
        call_once(output.grad_fn, torch.ones_like(output))
    while not hasattr(after, "variable"):
        ((after, _),) = call_once(after, torch.ones_like(output))
    with pytest.raises(RuntimeError, match="^an AccumulateGrad is not called$"):
        call_once(after, torch.ones_like(output))
    with pytest.raises(RuntimeError, match="that was PyTorch's walk: make your own"):
        output.backward()
    output, leaves, _ = answers.graphs(call)[1]()
    for one in leaves:
        with pytest.raises(RuntimeError, match="that was PyTorch's walk: make your own"):
            torch.autograd.grad(output, one, retain_graph=True)


def test_each_call_of_a_maker_makes_a_new_graph():
    make = answers.graphs(call)[0]
    (one, _, _), (other, _, _) = make(), make()
    assert one.grad_fn is not other.grad_fn
