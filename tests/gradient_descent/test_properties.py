"""What holds for whatever descent is put in, with input that chance makes up, alike in each run."""

import numpy as np
import pytest
import torch

from common.chance import above_zero, given, normal, seeds, st
from helpers.gradient_descent import descent, landscapes, theory

pytestmark = pytest.mark.proof


@st.composite
def bowls(draw):
    steep = draw(st.lists(st.floats(0.1, 20), min_size=1, max_size=4))
    return steep, draw(st.floats(-360, 360)) if len(steep) == 2 else 0.0


@given(bowl=bowls(), seed=seeds)
def test_the_curvatures_of_a_bowl_come_back_from_its_loss(bowl, seed):
    steep, tilt = bowl
    loss = landscapes.bowl(steep, tilt=tilt)
    at = normal(seed, len(steep))
    torch.testing.assert_close(
        theory.curvatures(loss, at), torch.tensor(steep, dtype=torch.float64).sort().values
    )
    # Euler: the gradient of what is quadratic, times the point, is twice the loss.
    torch.testing.assert_close(torch.func.grad(loss)(at) @ at, 2 * loss(at))


@given(
    steep=st.floats(0.1, 10),
    start=above_zero | above_zero.map(lambda value: -value),
    lr=st.floats(0.01, 1),
    momentum=st.floats(0, 0.99),
    nesterov=st.booleans(),
    decay=st.floats(0, 1),
    steps=st.integers(1, 30),
)
def test_a_path_is_that_of_the_recursion(steep, start, lr, momentum, nesterov, decay, steps):
    nesterov = nesterov and momentum > 0
    path = descent.run(
        landscapes.bowl([steep]),
        torch.tensor([start], dtype=torch.float64),
        lr=lr,
        steps=steps,
        momentum=momentum,
        nesterov=nesterov,
        weight_decay=decay,
    )
    w, v, expected = start, 0.0, [start]
    for _ in range(steps):
        slope = steep * w + decay * w
        v = momentum * v + slope
        w -= lr * (slope + momentum * v if nesterov else v)
        expected.append(w)
    np.testing.assert_allclose(path.points[:, 0], expected, rtol=1e-9, atol=1e-9 * abs(start))
    assert path.steps == steps and path.left_at is None
    np.testing.assert_allclose(path.distances(), np.abs(expected), rtol=1e-9, atol=1e-7)
    at = path.points[:, 0].numpy()
    np.testing.assert_allclose(path.losses, steep * at**2 / 2, rtol=1e-12)


@given(
    lr=st.floats(0, 2),
    steep=st.lists(above_zero, min_size=1, max_size=4),
    momentum=st.floats(0, 1.5),
)
def test_the_predicted_rate_is_the_largest_root(lr, steep, momentum):
    roots = [np.roots([1, -(1 + momentum - lr * curvature), momentum]) for curvature in steep]
    expected = np.abs(np.concatenate(roots)).max()
    found = theory.predicted_rate(lr, torch.tensor(steep, dtype=torch.float64), momentum)
    # A double root is only good to half the digits.
    assert float(found) == pytest.approx(expected, rel=1e-6, abs=1e-6)


@given(rate=st.floats(0.05, 1.4), first=above_zero, steps=st.integers(20, 60))
def test_a_geometric_descent_has_its_rate(rate, first, steps):
    distances = first * rate ** torch.arange(steps + 1, dtype=torch.float64)
    assert theory.measured_rate(distances) == pytest.approx(rate, rel=1e-9)


@given(distances=st.lists(st.floats(0, 10), min_size=1, max_size=20), fraction=st.floats(0.001, 2))
def test_steps_until_is_the_first_after_which_none_is_outside(distances, fraction):
    inside = [distance <= fraction * distances[0] for distance in distances]
    fits = [step for step in range(len(distances)) if all(inside[step:])]
    found = descent.steps_until(torch.tensor(distances, dtype=torch.float64), fraction)
    assert found == (fits[0] if fits else None)


@given(steep=st.lists(above_zero, min_size=1, max_size=4), factor=st.floats(0.01, 3))
def test_a_regime_is_what_the_rate_says(steep, factor):
    high, low = max(steep), min(steep)
    lr = factor / high
    word = theory.regime(lr, torch.tensor(steep, dtype=torch.float64))
    rate = max(abs(1 - lr * high), abs(1 - lr * low))
    if word == "diverges":
        assert rate > 1 - 1e-12
    else:
        assert rate < 1 + 1e-12
    if word in ("rings", "crawls", "glides"):
        assert (1 - lr * high < 0) == (word == "rings")
    if word == "is best":
        assert rate == pytest.approx((high - low) / (high + low), abs=3e-3)
