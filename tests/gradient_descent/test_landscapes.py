"""Each landscape has the shape that its formula gives it."""

import math

import pytest
import torch

from helpers.gradient_descent import landscapes, theory


def test_a_tilted_bowl_keeps_its_curvatures_and_turns_its_axis():
    bowl = landscapes.bowl([2.0, 7.0], tilt=30)
    flat = torch.tensor([math.cos(math.pi / 6), 0.5], dtype=torch.float64)
    steep = torch.tensor([-0.5, math.cos(math.pi / 6)], dtype=torch.float64)
    assert float(bowl(flat)) == pytest.approx(1.0)
    assert float(bowl(steep)) == pytest.approx(3.5)
    assert theory.curvatures(bowl, flat).tolist() == pytest.approx([2.0, 7.0])


def test_the_landscapes_are_those_of_their_formulas():
    w = torch.tensor([0.3, -0.7], dtype=torch.float64)
    assert float(landscapes.banana(w)) == pytest.approx(0.7**2 + 10 * (-0.7 - 0.09) ** 2)
    deep, shallow = 1.2**2 + 1.2**2, 1.8**2 + 0.2**2
    expected = -math.exp(-deep / 2) - 0.6 * math.exp(-shallow / 2)
    assert float(landscapes.two_wells(w)) == pytest.approx(expected)


@pytest.mark.parametrize("kind", [list, tuple, torch.tensor, torch.DoubleTensor])
def test_each_weight_has_its_own_curvature_in_the_order_given(kind):
    bowl = landscapes.bowl(kind([7.0, 2.0, 4.0]))
    for row, curvature in zip(torch.eye(3, dtype=torch.float64), (7.0, 2.0, 4.0), strict=True):
        value = bowl(row)
        assert value == curvature / 2 and value.dtype == torch.float64 and value.shape == ()
    assert bowl(torch.tensor([1.0, -2.0, 3.0], dtype=torch.float64)) == (7 + 8 + 36) / 2


def test_a_bowl_reaches_to_infinity():
    assert landscapes.bowl([1.0])(torch.tensor([torch.inf], dtype=torch.float64)) == torch.inf


def test_the_wells_lie_near_the_places_that_are_given_and_the_first_is_deeper():
    slope = torch.func.grad(landscapes.two_wells)
    for place in landscapes.WELLS:
        assert slope(place).norm() < 0.06 and theory.curvatures(landscapes.two_wells, place)[0] > 0
    assert landscapes.WELLS.tolist() == [[1.5, 0.5], [-1.5, -0.5]]
    deep, shallow = map(landscapes.two_wells, landscapes.WELLS)
    assert deep < -1 and -1 < shallow < -0.6


@pytest.mark.parametrize("curvatures", [[2.0], [2.0, 3.0, 4.0]])
def test_only_a_bowl_of_two_weights_is_tilted(curvatures):
    with pytest.raises(ValueError, match=f"two curvatures, not {len(curvatures)}: leave tilt at 0"):
        landscapes.bowl(curvatures, tilt=30)
