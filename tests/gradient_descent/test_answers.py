"""Two hints of notebook 03 are for numbers that only a run gives: they are what the run gave."""

import math
import re

import nbformat
import pytest
import torch

from every_notebook import rules
from every_notebook.series import ROOT
from helpers.gradient_descent.answers import check

NOTEBOOK = nbformat.read(ROOT / "notebooks" / "03_gradient_descent.ipynb", as_version=4)
PRINTED = {cell.id: rules.printed(cell) for cell in rules.code_cells(NOTEBOOK)}


def test_the_steps_without_standardising_are_those_of_the_run():
    (steps,) = re.findall(r"as they are: .* steps: (\d+)", PRINTED["first-angle-and-steps"])
    assert list(check.predictions["steps once standardised"].hints) == [int(steps)]


def test_the_length_from_elsewhere_is_that_of_the_run():
    pattern = r"from (\w+) .*length ([\d.]+)"
    lengths = dict(re.findall(pattern, PRINTED["two-starts-on-a-flat-line"]))
    ratio = float(lengths["elsewhere"]) / float(lengths["zero"])
    wrong, _ = check.predictions["where descent from zero ends"].hints
    assert wrong == pytest.approx(ratio, abs=1e-3)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("which well", ("neither", "deep", "shallow")),
        ("slower direction", ("steep", "both", "neither", "flat")),
        ("twice the bound in a bent valley", ("rattle", "explode", "settle")),
    ],
)
def test_these_words_may_be_guessed_and_the_first_is_right(name, words):
    question = check.predictions[name]
    assert {question.right, *question.words, *question.hints} == set(words)
    assert [word for word in words if question.judge(word).right] == [words[0]]


# --- What the exercises are tried on, and what is right of it: worked out another way ---

# By name: how far off is right still, what is to be done without, and what it is tried on.
EXERCISES = {
    "change of a short step": (
        *(1e-6, ()),
        [(2.0, 180.0, 0.1), (3.0, 90.0, 0.2), (1.5, 60.0, 0.5), (4.0, 0.0, 0.01)],
    ),
    # Each direction is the slower one at times, and the step is too long for either at times.
    "factor of a step": (
        *(1e-3, ("helpers",)),
        [(0.05, 1, 10), (0.19, 1, 10), (0.25, 2, 4), (0.6, 0.5, 4), (1.5, 1, 1.2)],
    ),
    "steps needed": (1e-6, (), [(5, 1e-3), (10, 1e-6), (40, 1e-2), (100, 1e-4)]),
    "a step with momentum": (
        *(1e-6, ("sgd",)),
        [(1, 0, 2, 0.1, 0.8), (0.5, -1, 0.3, 0.2, 0.5), (-2, 0.4, -1, 0.05, 0.9)],
    ),
}


def test_what_is_right_and_what_it_is_tried_on_stay_as_they_are():
    one = check.exercises["the largest curvature"]
    assert (one.tolerance, one.without) == (1e-3, ())
    assert [*check.exercises] == [*EXERCISES, "the largest curvature"]
    for name, expected in EXERCISES.items():
        one = check.exercises[name]
        assert (one.tolerance, one.without, list(one.inputs)) == expected
    assert {one.seconds for one in check.exercises.values()} == {5.0}
    assert not any(one.afterwards() for one in check.exercises.values())


def test_a_largest_curvature_is_tried_on_many_weights_a_tilt_real_coats_and_two_bowls_of_five():
    found = answers("the largest curvature")
    assert [right for _, right in found] == pytest.approx([20, 10, 6.2497, 8, 6], rel=1e-5)
    line = [-1, -0.25, 0.5, 1.25, 2]
    starts = [start.tolist() for (_, start), _ in found]
    assert starts == [[1] * 400, [2.6, 1.2], [0] * 5, line, line]
    assert {start.dtype for (_, start), _ in found} == {torch.float64}
    # Along the first axis the bowls that are not tilted have their smallest curvature.
    for place, low in ((0, 1), (3, 1), (4, 0.1)):
        gradient, start = found[place][0]
        row = torch.zeros_like(start)
        row[0] = 1
        assert gradient(row).tolist() == pytest.approx([low] + [0] * (len(start) - 1))


def answers(name):
    exercise = check.exercises[name]
    inputs = [one() if callable(one) else one for one in exercise.inputs]
    return [(arguments, exercise(*arguments)) for arguments in inputs]


def test_the_change_of_a_short_step_is_right():
    for (length, degrees, step), found in answers("change of a short step"):
        expected = length * step * math.cos(degrees * math.pi / 180)
        assert found == pytest.approx(expected, abs=1e-12) and isinstance(found, float)


def test_the_factor_of_a_step_is_that_of_the_slower_direction():
    for (lr, mu, high), found in answers("factor of a step"):
        assert found == pytest.approx(max(abs(1 - lr * mu), abs(1 - lr * high)), rel=1e-3)


def test_the_steps_needed_are_the_fewest_that_do():
    for (condition, fraction), found in answers("steps needed"):
        factor = (condition - 1) / (condition + 1)
        assert factor**found <= fraction < factor ** (found - 1)


def test_a_step_with_momentum_is_that_of_its_two_lines():
    for (w, v, g, lr, gamma), found in answers("a step with momentum"):
        velocity = gamma * v + g
        assert found == pytest.approx((w - lr * velocity, velocity), rel=1e-12)


def test_the_largest_curvature_is_that_of_a_hessian_by_differences_of_gradients():
    for (gradient, start), found in answers("the largest curvature"):
        if len(start) < 10:
            rows = torch.eye(len(start), dtype=torch.float64)
            hessian = torch.stack([gradient(start + row) - gradient(start - row) for row in rows])
            assert found == pytest.approx(float(torch.linalg.eigvalsh(hessian / 2)[-1]), rel=1e-9)
        else:
            assert found == 20.0 and len(start) == 400
    assert [len(start) for (_, start), _ in answers("the largest curvature")] == [400, 2, 5, 5, 5]


def test_a_gradient_is_good_for_300_answers_each_time_it_is_handed_over():
    inputs = check.exercises["the largest curvature"].inputs[1]
    for _ in range(2):
        gradient, start = inputs()
        for _ in range(300):
            gradient(start.requires_grad_())
        with pytest.raises(RuntimeError, match="^the gradient was asked for more than 300 times$"):
            gradient(start)
        start.detach().zero_()  # The next reader starts where the first one did.
        assert inputs()[1].tolist() == [2.6, 1.2]
