"""Every source of chance is set back, and what chance alone gets right is known."""

import copy
import itertools
import operator
import random
import statistics
import sys

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from debugging_clinic.runs import accumulating, cnn, same
from helpers.debugging_clinic import chance, preflight
from helpers.debugging_clinic.steps import by_the_book as step


def state(network, optimizer, generator):
    return copy.deepcopy(
        {
            "weights": network.state_dict(),
            "gradients": [weight.grad for weight in network.parameters()],
            "layers": [
                (layer.training, len(layer._forward_hooks), sorted(vars(layer)))
                for layer in network.modules()
            ],
            "optimizer": optimizer.state_dict(),
            "optimizer hooks": len(optimizer._optimizer_step_pre_hooks),
            "chance": [generator.get_state(), torch.get_rng_state(), random.getstate()],
            "numpy": np.random.get_state()[1].tolist(),
        }
    )


def test_everything_is_left_as_it_was(batches):
    torch.manual_seed(0)
    network = cnn().append(nn.Dropout(0.2))
    network[1].eval()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.05, momentum=0.9)
    for images, labels in batches[:3]:
        step(network, images, labels, F.cross_entropy, optimizer)
    data = TensorDataset(*(torch.cat(part) for part in zip(*batches, strict=True)))
    generator = torch.Generator().manual_seed(3)
    loader = DataLoader(data, batch_size=50, shuffle=True, generator=generator)
    before = state(network, optimizer, generator)
    run = (network, loader, F.cross_entropy, optimizer)
    first = preflight.check(*run, step=accumulating, test=batches[:2])
    assert same(state(network, optimizer, generator), before)
    again = preflight.check(*run, step=accumulating, test=batches[:2])
    assert first == again and first.faults == ("test images among the training images",)


def test_chance_is_that_of_the_same_labels_in_any_order():
    generator = torch.Generator().manual_seed(0)
    truth = (torch.rand(400, generator=generator) < 0.2).long()
    guess = (torch.rand(400, generator=generator) < 0.4).long()
    right = [
        float((guess == truth[torch.randperm(400, generator=generator)]).double().mean())
        for _ in range(4_000)
    ]
    shares = torch.tensor(right, dtype=torch.float64)
    bound = chance.most_right(guess, truth)
    assert bound == pytest.approx(float(shares.mean() + 4 * shares.std()), abs=0.005)
    always = torch.zeros(400, dtype=torch.int64)
    assert float((always == truth).double().mean()) <= chance.most_right(always, truth)


@pytest.mark.parametrize(
    ("guess", "truth"),
    [
        ([0, 0, 1, 2, 2], [0, 1, 1, 2, 0]),
        ([5, 5, 5], [1, 5, 1]),
        ([0, 1], [1, 0]),
        ([3, 3], [4, 4]),
    ],
)
def test_what_chance_gets_right_is_that_of_all_orders(guess, truth):
    orders = itertools.permutations(truth)
    right = [statistics.fmean(map(int.__eq__, guess, order)) for order in orders]
    expected = statistics.fmean(right) + 4 * statistics.pstdev(right)
    bound = chance.most_right(torch.tensor(guess), torch.tensor(truth))
    # A little more, so that rounding accuses nobody who knows as much as chance.
    assert 0 < bound - expected < 1e-8 and type(bound) is float


@pytest.mark.parametrize("way_out", [None, ValueError, KeyboardInterrupt])
def test_all_sources_of_chance_are_seeded_or_set_back_on_each_way_out(way_out):
    def states():
        return torch.get_rng_state().tolist(), random.getstate(), str(np.random.get_state())

    torch.manual_seed(11)
    before, drawn = states(), []
    for seed in (3, 3, 4):
        try:
            with torch.inference_mode(), chance.held(seed, torch.device("cpu")):
                assert torch.is_grad_enabled() and not torch.is_inference_mode_enabled()
                drawn.append(torch.rand(4).tolist())
                random.random(), np.random.rand()
                assert not any(map(operator.eq, states(), before))
                if way_out:
                    raise way_out
        except (ValueError, KeyboardInterrupt) as error:
            assert type(error) is way_out
        assert states() == before
    expected = [torch.rand(4, generator=torch.Generator().manual_seed(n)).tolist() for n in (3, 4)]
    assert drawn == [expected[0], expected[0], expected[1]]


def test_who_has_not_loaded_numpy_need_not_wait_for_it(monkeypatch):
    monkeypatch.delitem(sys.modules, "numpy")
    with chance.held(0, torch.device("cpu")):
        assert "numpy" not in sys.modules
    assert "numpy" not in sys.modules
