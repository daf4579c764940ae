"""Training loops as they are in public: trainers, attacks, and optimisers of one's own."""


import pytest
import torch
from torch import nn
from torch.nn import functional as F

from debugging_clinic.runs import adam, cnn, mlp, run, sgd


def perturbing(clears):
    """Attack the images, and then the weights through a proxy, as AWP does."""
    proxy = cnn()
    optimizer = torch.optim.SGD(proxy.parameters(), lr=0.01)

    def step(network, images, labels, loss_function, own):
        delta = torch.zeros_like(images, requires_grad=True)
        F.cross_entropy(network(images + delta), labels).backward()
        moved = images + 0.1 * delta.grad.sign()
        proxy.load_state_dict(network.state_dict())
        optimizer.zero_grad()
        (-F.cross_entropy(proxy(moved), labels)).backward()
        optimizer.step()
        pairs = list(zip(network.parameters(), proxy.parameters(), strict=True))
        moves = [w.norm() / ((p - w).norm() + 1e-20) * (p - w).detach() for w, p in pairs]
        with torch.no_grad():
            torch._foreach_add_([w for w, _ in pairs], moves, alpha=0.01)
        loss = loss_function(network(moved), labels)
        if clears:
            own.zero_grad()
        loss.backward()
        own.step()
        with torch.no_grad():
            torch._foreach_add_([w for w, _ in pairs], moves, alpha=-0.01)

    return step, lambda: (proxy, optimizer)


@pytest.mark.parametrize("clears", [True, False])
def test_gradients_that_an_attack_on_the_weights_passes_by_may_be_cleared(batches, clears):
    torch.manual_seed(0)
    step, kept = perturbing(clears)
    report = run(cnn(), batches, sgd(0.05, momentum=0.9), step=step, kept=kept).checked()
    assert report.faults == (() if clears else ("gradients never cleared",))


@pytest.mark.parametrize("clears", [True, False])
def test_a_sharper_place_may_be_reached_by_the_data_of_the_weights(batches, clears):
    def step(network, images, labels, loss_function, optimizer):
        loss_function(network(images), labels).backward()
        up = [0.01 * w.grad for w in network.parameters()]
        for weight, move in zip(network.parameters(), up, strict=True):
            weight.data.add_(move)
        network.zero_grad()
        loss_function(network(images), labels).backward()
        for weight, move in zip(network.parameters(), up, strict=True):
            weight.data.sub_(move)
        optimizer.step()
        if clears:
            optimizer.zero_grad()

    torch.manual_seed(0)
    report = run(cnn(), batches, sgd(0.05), step=step).checked()
    assert report.faults == (() if clears else ("gradients never cleared",))
