"""Parts of a batch, the step that processes share, and what they agree upon."""

import pytest
import torch
import torch.distributed as dist
from torch import nn
from torch.nn import functional as F

from helpers.beyond_one_process import parallel


def test_a_part_without_images_and_unequal_parts_give_the_whole_gradient():
    images, labels = torch.rand(7, 3, dtype=torch.float64), torch.arange(7) % 2
    network = nn.Linear(3, 2, dtype=torch.float64)
    whole = torch.autograd.grad(F.cross_entropy(network(images), labels), network.weight)[0]
    for size in (1, 2, 3, 9):
        total = torch.zeros_like(whole)
        for rank in range(size):
            mine, truth = parallel.share(images, labels, parallel.Group(rank, size))
            objective = F.cross_entropy(network(mine), truth, reduction="sum") * (size / 7)
            # What the wrapper does with the gradients of the processes.
            total += torch.autograd.grad(objective, network.weight)[0] / size
        assert torch.allclose(total, whole, rtol=0, atol=1e-14)


def test_one_alone_keeps_the_checkpoint_that_it_found():
    for found in (None, {"epoch": 1, "batch": 2}):
        assert parallel.furthest(found) is found


def a_linear_layer() -> tuple[nn.Module, torch.optim.Optimizer, list]:
    torch.manual_seed(0)
    network = nn.Linear(3, 2)
    batches = [(torch.rand(4, 3), torch.arange(4) % 2) for _ in range(3)]
    return network, torch.optim.SGD(network.parameters(), lr=0.1), batches


def test_a_step_tells_what_it_saw_and_a_signal_stops_after_it():
    network, optimizer, batches = a_linear_layer()
    network.eval()  # As who has evaluated it leaves it.
    images, labels = batches[1]
    expected = F.cross_entropy(network(images), labels, reduction="sum").item()
    stop = parallel.Stop()
    steps = parallel.train(network, batches, F.cross_entropy, optimizer, stop=stop, skip=1)
    first = next(steps)
    assert (first.number, first.images) == (2, 4) and first.loss == pytest.approx(expected)
    assert not stop.agreed and network.training
    stop.signal = 15
    assert next(steps).number == 3 and stop.agreed


def test_a_signal_that_comes_in_a_step_stops_one_process_after_it():
    network, optimizer, batches = a_linear_layer()
    stop = parallel.Stop()
    optimizer.register_step_pre_hook(lambda *_: setattr(stop, "signal", 15))
    next(parallel.train(network, batches, F.cross_entropy, optimizer, stop=stop))
    assert stop.agreed


def test_a_loss_that_is_no_number_leaves_the_weights_as_they_are():
    network, optimizer, batches = a_linear_layer()
    before = network.weight.clone()
    batches[0][0][0] = torch.nan
    with pytest.raises(ValueError, match=r"the loss became nan in batch 1: lower .* \(now 0\.1\)"):
        list(parallel.train(network, batches, F.cross_entropy, optimizer))
    assert torch.equal(network.weight, before)
    with pytest.raises(TypeError, match="a CrossEntropyLoss: give a function that takes "):
        next(parallel.train(network, batches, nn.CrossEntropyLoss(), optimizer))
    with pytest.raises(ValueError, match="network has no parameters to train"):
        list(parallel.train(nn.Flatten(), batches, F.cross_entropy, optimizer))


def test_only_what_fails_between_processes_says_that_another_one_is_gone():
    reset = "[/pytorch/third_party/gloo/gloo/transport/tcp/pair.cc:545] Connection reset by peer."
    for lost in (RuntimeError(reset), dist.DistNetworkError("Broken pipe")):
        with pytest.raises(parallel.PeerLost, match="another process of the run is gone"):
            with parallel._together():
                raise lost
    own = RuntimeError("Trying to backward through the graph a second time")
    with pytest.raises(RuntimeError) as found, parallel._together():
        raise own
    assert found.value is own
