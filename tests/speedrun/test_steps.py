"""How weights move, beside PyTorch's own optimiser and beside arithmetic."""

import pytest
import torch
from torch import nn

from helpers.speedrun.steps import Steps, nearly_orthogonal


def test_vectors_and_matrices_move_as_adam_moves_them():
    torch.manual_seed(0)
    ours = [nn.Parameter(torch.randn(shape).double()) for shape in ((5,), (4, 3))]
    theirs = [nn.Parameter(weight.detach().clone()) for weight in ours]
    steps, adam = Steps(ours), torch.optim.Adam(theirs, betas=(0.9, 0.98), eps=1e-12)
    for rate in (0.01, 0.02, 0.005, 0.0):
        for group in adam.param_groups:
            group["lr"] = rate
        for weights in (ours, theirs):
            sum((weight**2).sum() + weight.sin().sum() for weight in weights).backward()
        steps.take(rate, 1.0)
        adam.step()
        adam.zero_grad()
        for one, other in zip(ours, theirs, strict=True):
            assert torch.allclose(one, other, rtol=0, atol=1e-6)
            assert one.grad is None


def test_what_has_no_gradient_stays():
    weights = [nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2))]
    steps = Steps(weights)
    weights[0].sum().backward()
    steps.take(0.1, 0.1)
    assert weights[1].tolist() == [1, 1] and (weights[0] < 1).all()


def test_filters_move_along_all_directions_about_equally_far():
    torch.manual_seed(0)
    filters = nn.Parameter(torch.zeros(4, 2, 3, 3))
    steps = Steps([filters])
    (filters * torch.randn(4, 2, 3, 3)).sum().backward()
    steps.take(1.0, 0.5)
    moved = torch.linalg.svdvals(filters.detach().flatten(1)) / 0.5
    assert moved.max() < 1.3 and moved.min() > 0.2


def pulled_towards_one(matrix: torch.Tensor) -> torch.Tensor:
    """Return a matrix with its singular values put through the polynomial three times, by SVD."""
    left, values, right = torch.linalg.svd(matrix.flatten(1), full_matrices=False)
    values = values / values.square().sum().sqrt()
    for _ in range(3):
        values = 3.4445 * values - 4.775 * values**3 + 2.0315 * values**5
    return ((left * values) @ right).view_as(matrix)


def test_filters_keep_going_where_they_went_and_look_ahead():
    """Momentum of 0.6 as Nesterov has it, at a rate of their own, and no averages of squares."""
    torch.manual_seed(0)
    weight = nn.Parameter(torch.randn(4, 2, 3, 3).double())
    vector = nn.Parameter(torch.zeros(2).double())
    steps, expected, velocity = Steps([vector, weight]), weight.detach().clone(), 0.0
    for filters_rate in (0.5, 0.3, 0.0, 0.2):
        gradient = torch.randn(4, 2, 3, 3).double()
        (weight * gradient).sum().backward()
        steps.take(123.0, filters_rate)
        velocity = 0.6 * velocity + gradient
        expected -= filters_rate * pulled_towards_one(gradient + 0.6 * velocity)
        assert torch.allclose(weight, expected, rtol=0, atol=1e-6) and weight.grad is None
    assert steps.taken == 4


def test_a_gradient_of_nothing_moves_nothing_and_gives_no_nan():
    weights = [nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2, 1, 2, 2))]
    for weight in weights:
        weight.grad = torch.zeros_like(weight)
    Steps(weights).take(0.1, 0.1)
    assert all(weight.eq(1).all() for weight in weights)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_first_step_is_as_long_as_the_rate_however_steep_the_slope(dtype):
    for slope in (1e-4, 1.0, 1e4):
        weight = nn.Parameter(torch.zeros(3, dtype=dtype))
        steps = Steps(iter([weight]))
        (slope * weight).sum().backward()
        steps.take(0.01, 1.0)
        # Beside the root of the squares' average, of two hundredths so far, stands 1e-8.
        expected = -0.01 / (1 + 1e-8 / (0.02**0.5 * slope))
        assert weight.tolist() == pytest.approx([expected] * 3, rel=1e-5) and weight.dtype == dtype


@pytest.mark.parametrize("shape", [(3, 2, 3, 3), (6, 1, 2, 2)])
def test_singular_values_follow_the_polynomial_and_directions_stay(shape):
    torch.manual_seed(1)
    matrix = torch.randn(shape).double()
    left, values, right = torch.linalg.svd(matrix.flatten(1), full_matrices=False)
    values = values / matrix.flatten().pow(2).sum().sqrt()
    for _ in range(3):
        values = 3.4445 * values - 4.775 * values**3 + 2.0315 * values**5
    expected = (left * values) @ right
    assert torch.allclose(nearly_orthogonal(matrix).flatten(1), expected, rtol=0, atol=1e-5)
