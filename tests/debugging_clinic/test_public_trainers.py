"""Steps as they are in public: learning again, clones, copies of weights, registries, files."""

import copy
import cProfile
import sys
import threading

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from debugging_clinic.runs import adam, cnn, mlp, run, sgd
from helpers.debugging_clinic.steps import by_the_book, never_clearing


def with_a_penalty_in_the_gradient(network, images, labels, loss_function, optimizer):
    """As elastic weight consolidation may have it: its gradient is put there by hand."""
    optimizer.zero_grad()
    for weight in network.parameters():
        weight.grad = 1e-3 * weight.detach()
    loss_function(network(images), labels).backward()
    optimizer.step()


def adding_a_second_gradient_at_the_old_place(network, images, labels, loss_function, optimizer):
    """As hindsight anchors have it."""
    before = [weight.detach().clone() for weight in network.parameters()]
    optimizer.zero_grad()
    loss_function(network(images), labels).backward()
    optimizer.step()
    with torch.no_grad():
        for weight, old in zip(network.parameters(), before, strict=True):
            weight.copy_(old)
    loss_function(network(images), labels).backward()
    optimizer.step()


def through_a_clone(network, images, labels, loss_function, optimizer):
    """As Reptile has it: the network follows what a clone of it has learnt."""
    clone = mlp()
    clone.load_state_dict(network.state_dict())
    its_own = torch.optim.SGD(clone.parameters(), 0.1)
    for _ in range(3):
        by_the_book(clone, images, labels, loss_function, its_own)
    optimizer.zero_grad()
    for weight, other in zip(network.parameters(), clone.parameters(), strict=True):
        weight.grad = weight.detach() - other.detach()
    optimizer.step()


def projected(network, images, labels, loss_function, optimizer):
    """As gradient episodic memory has it: the first gradient is kept to project the second."""
    optimizer.zero_grad()
    loss_function(network(images[:16]), labels[:16]).backward()
    memory = [weight.grad.clone() for weight in network.parameters()]
    optimizer.zero_grad()
    loss_function(network(images), labels).backward()
    for weight, of_memory in zip(network.parameters(), memory, strict=True):
        along = (weight.grad * of_memory).sum()
        if along < 0:
            weight.grad -= along / of_memory.square().sum() * of_memory
    optimizer.step()


def clip_grad_norm_(changes, most):
    for change in changes:
        change.clamp_(-most, most)


def clipping_what_was_learnt(network, images, labels, loss_function, optimizer):
    """As a client of federated learning does that keeps its part private."""
    before = [weight.detach().clone() for weight in network.parameters()]
    by_the_book(network, images, labels, loss_function, optimizer)
    optimizer.zero_grad()
    pairs = zip(network.parameters(), before, strict=True)
    clip_grad_norm_([weight.detach() - old for weight, old in pairs], 1.0)


class DoesNothing:
    """A scaler for processors that need none."""

    def scale(self, loss):
        return loss

    def unscale_(self, optimizer):
        pass

    def step(self, optimizer):
        optimizer.step()


def scaled_by_nothing(network, images, labels, loss_function, optimizer):
    scaler = DoesNothing()
    optimizer.zero_grad()
    scaler.scale(loss_function(network(images), labels)).backward()
    scaler.unscale_(optimizer)
    nn.utils.clip_grad_norm_(network.parameters(), 5.0)
    scaler.step(optimizer)


def growing(network, images, labels, loss_function, optimizer):
    """As where a layer gets more parameters while it is trained."""
    by_the_book(network, images, labels, loss_function, optimizer)
    more = nn.Parameter(torch.zeros(1))
    network.register_parameter(f"more_{sum(1 for _ in network.parameters())}", more)
    optimizer.add_param_group({"params": [more]})


def by_the_name_of_the_loss(network, images, labels, loss_function, optimizer):
    optimizer.zero_grad()
    scores = network(images)
    if loss_function == F.cross_entropy:
        loss_function(scores, labels).backward()
    else:
        loss_function(scores.squeeze(), labels.float()).backward()
    optimizer.step()


SOUND = [
    with_a_penalty_in_the_gradient,
    adding_a_second_gradient_at_the_old_place,
    through_a_clone,
    projected,
    clipping_what_was_learnt,
    scaled_by_nothing,
    growing,
    by_the_name_of_the_loss,
]


@pytest.mark.parametrize("step", SOUND)
def test_a_sound_step_is_left_in_peace(batches, step):
    torch.manual_seed(0)
    assert run(mlp(), batches, sgd(0.05), step=step).checked().healthy


@pytest.mark.parametrize("gives_back", [True, False])
def test_copies_of_the_weights_may_be_trained_in_their_place(batches, gives_back):
    """As in half precision, where the optimiser holds the copies."""
    torch.manual_seed(0)
    set_up = run(mlp(), batches)
    masters = [nn.Parameter(weight.detach().clone()) for weight in set_up.network.parameters()]
    set_up.optimizer = torch.optim.SGD(masters, 0.05)

    def step(network, images, labels, loss_function, optimizer):
        network.zero_grad()
        loss_function(network(images), labels).backward()
        copies = optimizer.param_groups[0]["params"]
        for weight, its_copy in zip(network.parameters(), copies, strict=True):
            its_copy.grad = weight.grad.clone()
        optimizer.step()
        for weight, its_copy in zip(network.parameters(), copies, strict=True):
            if gives_back:
                weight.data.copy_(its_copy.data)

    set_up.step = step
    faults = set_up.checked().faults
    assert faults == (() if gives_back else ("parameters not handed to the optimiser",))


MODELS = {}


class Registered(nn.Sequential):
    """Notes each class that is made of it, and no name twice."""

    def __init_subclass__(cls):
        if cls.__name__ in MODELS:
            raise ValueError(f"{cls.__name__} is already registered")
        MODELS[cls.__name__] = cls


class Small(Registered):
    pass


def test_a_registry_of_models_hears_of_no_other_class(batches):
    torch.manual_seed(0)

    def step(network, *rest):
        assert type(network) is Small
        by_the_book(network, *rest)

    assert run(Small(*mlp()), batches, step=step).checked().healthy
    assert MODELS == {"Small": Small}


def in_a_thread(kept, path):
    thread = threading.Thread(target=torch.save, args=(kept, path))
    thread.start()
    thread.join()


def in_a_file_that_it_opens(kept, path):
    with open(path, "wb") as file:
        torch.save(kept, file)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("save", [torch.save, in_a_thread, in_a_file_that_it_opens])
def test_what_was_learnt_is_not_written_over(batches, tmp_path, save):
    path = tmp_path / "model.pt"
    path.write_text("what was learnt")

    def step(network, *rest):
        by_the_book(network, *rest)
        save(network.state_dict(), path)

    torch.manual_seed(0)
    with pytest.raises(ValueError, match=r"^step writes the file .*model\.pt.*without that line$"):
        run(mlp(), batches, step=step).checked()
    assert path.read_text() == "what was learnt"


def test_who_writes_beside_the_check_goes_on(batches, tmp_path):
    done, asked = threading.Event(), threading.Event()

    def write():
        asked.wait(60)
        with open(tmp_path / "log", "w") as file:
            file.write("there")
        done.set()

    thread = threading.Thread(target=write)
    thread.start()

    def step(network, *rest):
        asked.set()
        assert done.wait(60)
        by_the_book(network, *rest)

    torch.manual_seed(0)
    try:
        run(mlp(), batches[:4], step=step).check()
    finally:
        asked.set()
        thread.join()
    assert (tmp_path / "log").read_text() == "there"


def test_files_may_be_read(batches, tmp_path):
    (tmp_path / "rate").write_text("0.5")

    def step(network, images, labels, loss_function, optimizer):
        with open(tmp_path / "rate") as file:
            factor = float(file.read())
        by_the_book(
            network, images, labels, lambda *given: factor * loss_function(*given), optimizer
        )

    torch.manual_seed(0)
    assert run(mlp(), batches, step=step).checked().healthy


class KeepsItsMeans(nn.Module):
    """Batch normalisation whose running mean keeps its graph."""

    def __init__(self, detaches):
        super().__init__()
        self.detaches = detaches
        self.register_buffer("mean", torch.zeros(64))
        self.scale = nn.Parameter(torch.ones(64))

    def forward(self, rows):
        mean = rows.mean(0) if self.training else self.mean
        if self.training:
            kept = 0.9 * self.mean + 0.1 * mean
            self.mean = kept.detach() if self.detaches else kept
        return self.scale * (rows - mean)


@pytest.mark.parametrize("step", [None, by_the_book])
@pytest.mark.parametrize("detaches", [True, False])
def test_a_graph_that_no_score_hangs_on_is_kept_with_the_network(batches, detaches, step):
    torch.manual_seed(0)
    network = mlp()
    network = nn.Sequential(*network[:2], KeepsItsMeans(detaches), *network[2:])
    faults = run(network, batches, sgd(0.05), step=step).checked().faults
    assert faults == (() if detaches else ("a graph kept with the network",))


@pytest.mark.parametrize("step", [by_the_book, never_clearing])
def test_who_measures_times_goes_on_and_is_told_what_was_not_heard(batches, step):
    torch.manual_seed(0)
    set_up, profiler = run(cnn(), batches, adam(1e-3), step=step), cProfile.Profile()
    profiler.enable()
    try:
        report = set_up.check()
        assert sys.getprofile() is profiler
    finally:
        profiler.disable()
    assert report.faults == (() if step is by_the_book else ("gradients never cleared",))
    assert step is never_clearing or "while a profiler measures times" in str(report)
    assert copy.deepcopy(set_up.network) is not set_up.network
