"""The steps of notebook 05, sound and unsound, against formulas worked out here."""

import pytest
import torch
from torch import nn

from helpers.debugging_clinic import steps

RATE = 0.1
IMAGES, LABELS = torch.tensor([[1.0], [2.0]]), torch.tensor([3.0, 5.0])


def squares(scores, labels):
    return (scores[:, 0] - labels).square().mean()


class Hears(nn.Linear):
    """One weight that begins at 2, whose slope is that of mean (w x - y)²."""

    def __init__(self):
        super().__init__(1, 1, bias=False)
        nn.init.constant_(self.weight, 2.0)
        self.calls = 0
        self.register_forward_hook(lambda *_: setattr(self, "calls", self.calls + 1))


def loss_at(weight):
    return sum((weight * x - y) ** 2 for x, y in ((1, 3), (2, 5))) / 2


def slope_at(weight):
    return (2 * (weight - 3) + 4 * (2 * weight - 5)) / 2


def trained(step, count=3):
    network = Hears()
    optimizer = torch.optim.SGD(network.parameters(), RATE)
    weights, losses = [2.0], []
    for _ in range(count):
        losses.append(step(network, IMAGES, LABELS, squares, optimizer))
        weights.append(float(network.weight.detach()))
    return network, weights, losses


def downhill(count, clears=True):
    """Return where descent leads, if each slope is used alone or with all before."""
    weights, slopes = [2.0], []
    for _ in range(count):
        slopes.append(slope_at(weights[-1]))
        weights.append(weights[-1] - RATE * (slopes[-1] if clears else sum(slopes)))
    return weights


EXPECTED = {
    "by_the_book": (downhill(3), slope_at(downhill(3)[2]), 3),
    "without_step": ([2.0] * 4, slope_at(2.0), 3),
    "clearing_too_early": ([2.0] * 4, None, 3),
    "never_clearing": (downhill(3, False), sum(map(slope_at, downhill(3, False)[:3])), 3),
    "calling_forward": (downhill(3), slope_at(downhill(3)[2]), 0),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_a_step_moves_the_weight_and_gives_the_loss_before_that(name):
    expected, last, calls = EXPECTED[name]
    network, weights, losses = trained(getattr(steps, name))
    assert weights == pytest.approx(expected, rel=1e-5)
    assert [*map(float, losses)] == pytest.approx([*map(loss_at, expected[:3])], rel=1e-5)
    assert not any(loss.requires_grad for loss in losses)
    gradient = network.weight.grad
    assert gradient is None if last is None else float(gradient) == pytest.approx(last, rel=1e-5)
    assert network.calls == calls


def test_the_sum_of_losses_grows_with_its_graphs_and_each_one_begins_at_zero():
    for _ in range(2):  # A second one knows nothing of the first.
        step = steps.adding_up()
        network, weights, sums = trained(step)
        assert weights == pytest.approx(downhill(3), rel=1e-5)
        losses = [loss_at(weight) for weight in downhill(2)]
        expected = [sum(losses[: n + 1]) for n in range(3)]
        assert [float(total.detach()) for total in sums] == pytest.approx(expected, rel=1e-5)
        assert all(total.requires_grad for total in sums)
        assert float(network.weight.grad) == pytest.approx(slope_at(downhill(3)[2]), rel=1e-5)
