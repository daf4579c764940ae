"""Training loops as they are in public: trainers, attacks, and optimisers of one's own."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from debugging_clinic.runs import adam, cnn, mlp, run, sgd

TWICE = "what each gradient is for in a step that goes back more than once"


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
    assert report.healthy
    assert TWICE in str(report)  # What goes up the gradient may be cleared later, or used again.


class Trainer:
    """Holds what it trains, and takes its steps in a method of its own."""

    def __init__(self, network, optimizer):
        self.network, self.optimizer = network, optimizer
        self.schedule = torch.optim.lr_scheduler.StepLR(optimizer, 10)

    def train_on(self, images, labels, loss_function, *, steps=True):
        self.optimizer.zero_grad()
        loss_function(self.network(images), labels).backward()
        if steps:
            self.optimizer.step()
        self.schedule.step()


def training(set_up, *, with_its_own=False, steps=True):
    trainer = Trainer(set_up.network, set_up.optimizer)

    def step(network, images, labels, loss_function, optimizer):
        trainer.network = network
        trainer.optimizer = trainer.optimizer if with_its_own else optimizer
        trainer.train_on(images, labels, loss_function, steps=steps)

    set_up.step, set_up.kept = step, lambda: (trainer.schedule, trainer.network, trainer.optimizer)
    return set_up


@pytest.mark.parametrize(
    ("options", "faults"),
    [
        ({}, ()),
        ({"steps": False}, ("no step",)),
        ({"with_its_own": True}, ("step works on something else",)),
    ],
)
def test_a_step_that_knows_the_optimizer_by_another_name_may_still_take_none(
    batches, options, faults
):
    torch.manual_seed(0)
    assert training(run(mlp(), batches), **options).checked().faults == faults


@pytest.mark.parametrize("own", [False, True])
def test_a_scaler_that_stops_for_another_optimizer_shows_which_one_a_step_uses(batches, own):
    torch.manual_seed(0)
    set_up = run(mlp(), batches)
    scaler, kept = torch.amp.GradScaler("cpu"), set_up.optimizer

    def step(network, images, labels, loss_function, optimizer):
        network.zero_grad()
        scaler.scale(loss_function(network(images), labels)).backward()
        scaler.step(kept if own else optimizer)
        scaler.update()

    set_up.step, set_up.kept = step, lambda: (scaler,)
    assert set_up.checked().faults == (("step works on something else",) if own else ())


class Twice(torch.optim.SGD):
    """Takes its steps under a name of its own, in an optimiser that it wraps."""

    def __init__(self, params, lr):
        super().__init__(params, lr)
        self.inner = torch.optim.SGD(self.param_groups, lr)

    def second_step(self):
        self.inner.step()


def test_an_optimizer_that_wraps_the_one_that_steps_is_heard(batches):
    torch.manual_seed(0)
    set_up = run(mlp(), batches, lambda w: Twice(w, 0.1))

    def step(network, images, labels, loss_function, optimizer):
        optimizer.zero_grad()
        loss_function(network(images), labels).backward()
        set_up.optimizer.second_step()

    set_up.step = step
    assert set_up.checked().faults == ("step works on something else",)


def test_what_was_cleared_is_not_called_clipped_too_early(batches):
    def step(network, images, labels, loss_function, optimizer):
        loss_function(network(images), labels).backward()
        optimizer.zero_grad()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()

    torch.manual_seed(0)
    assert run(mlp(), batches, step=step).checked().faults == ("cleared before the step",)


def test_a_step_that_goes_back_twice_says_so_itself(batches):
    def step(network, images, labels, loss_function, optimizer):
        optimizer.zero_grad()
        scores = network(images)
        loss_function(scores, labels).backward()
        scores.square().mean().backward()
        optimizer.step()

    torch.manual_seed(0)
    set_up = run(mlp(), batches, step=step)
    with pytest.raises(RuntimeError, match="a second time"):
        set_up.checked()


def test_a_graph_that_was_kept_before_the_first_step_is_named(batches):
    torch.manual_seed(0)
    set_up = run(mlp(), batches)
    kept = set_up.network(batches[0][0]).square().mean()
    kept.backward()

    def step(network, images, labels, loss_function, optimizer):
        optimizer.zero_grad()
        (loss_function(network(images), labels) + kept).backward()
        optimizer.step()

    set_up.step = step
    assert set_up.check().faults == ("a graph kept from step to step",)


class InTwoParts(nn.Module):
    """Averages of a row, and what is left of it, each by a layer that begins as an average."""

    def __init__(self, of_the_last):
        super().__init__()
        self.average, self.rest = nn.Linear(28, 28), nn.Linear(28, 28)
        self.last = nn.Linear(784, 10)
        for layer in (self.average, self.rest):
            nn.init.constant_(layer.weight, 1 / 28)
        if of_the_last is not None:
            nn.init.constant_(self.last.weight, of_the_last)

    def forward(self, x):
        rows = x[:, 0]
        even = rows.mean(dim=2, keepdim=True).expand_as(rows)
        return self.last((self.average(even) + self.rest(rows - even)).flatten(1))


@pytest.mark.parametrize("of_the_last", [None, 1 / 784])
def test_layers_beside_each_other_may_begin_as_averages(batches, of_the_last):
    torch.manual_seed(0)
    report = run(InTwoParts(of_the_last), batches, adam(1e-3)).checked()
    assert report.faults == (() if of_the_last is None else ("all weights the same",))


class Sides(torch.optim.Optimizer):
    """Wraps an optimiser, without what PyTorch's own ``__init__`` makes, as Lookahead does."""

    def __init__(self, optimizer):
        self.optimizer, self.count = optimizer, 0
        self.param_groups, self.state = optimizer.param_groups, {}

    def step(self, closure=None):
        self.count += 1
        return self.optimizer.step(closure)


@pytest.mark.parametrize("clears", [True, False, None])
def test_an_optimizer_may_have_no_defaults(batches, clears):
    def step(network, images, labels, loss_function, optimizer):
        if clears:
            network.zero_grad()
        loss_function(network(images), labels).backward()
        optimizer.step()

    torch.manual_seed(0)
    step = None if clears is None else step
    set_up = run(mlp(), batches, lambda w: Sides(torch.optim.SGD(w, 0.1)), step=step)
    kept = set_up.optimizer
    set_up.kept = lambda: (kept.optimizer, kept.count)
    assert set_up.check().faults == (("gradients never cleared",) if clears is False else ())


class Scaled(torch.optim.SGD):
    """Divides each gradient by how large the inputs of its layer are, which hooks tell it."""

    def __init__(self, network, lr, *, ready=True):
        super().__init__(network.parameters(), lr)
        self.sizes, self.calls = {}, 0
        if ready:
            self.listens = True
        for module in network.modules():
            if isinstance(module, nn.Linear):
                module.register_forward_pre_hook(self.note)
                module.register_full_backward_hook(self.note_back)

    def note(self, module, given):
        self.calls += 1
        self.sizes[module] = float(given[0].detach().square().mean())

    def note_back(self, module, _, new):
        if self.listens:
            self.sizes[module] += float(new[0].square().mean())

    def step(self, closure=None):
        for module, size in self.sizes.items():
            module.weight.grad /= 1 + size
        return super().step(closure)


def estimating(network, images, labels, loss_function, optimizer):
    """Go back from labels drawn by the network first, for what hooks make of it, as K-FAC does."""
    optimizer.listens = True
    scores = network(images)
    drawn = torch.multinomial(scores.detach().softmax(dim=1), 1)[:, 0]
    optimizer.zero_grad()
    F.cross_entropy(scores, drawn).backward(retain_graph=True)
    optimizer.zero_grad()
    loss_function(scores, labels).backward()
    optimizer.step()


def without_clearing(network, images, labels, loss_function, optimizer):
    loss_function(network(images), labels).backward()
    optimizer.step()


@pytest.mark.parametrize(
    ("step", "faults"),
    [(None, ()), (estimating, ()), (without_clearing, ("gradients never cleared",))],
)
def test_hooks_of_a_network_may_belong_to_its_optimizer(batches, step, faults):
    torch.manual_seed(0)
    set_up = run(mlp(), batches, step=step)
    set_up.optimizer = optimizer = Scaled(set_up.network, 0.1)
    set_up.kept = lambda: (optimizer.calls,)
    assert set_up.checked().faults == faults


def test_the_first_of_two_losses_of_the_same_images_may_be_lost(batches):
    """A step that goes back twice may clear in between on purpose: it is said, and not judged."""

    def step(network, images, labels, loss_function, optimizer):
        scores = network(images)
        for loss in (loss_function(scores, labels), 0.1 * scores.square().mean()):
            optimizer.zero_grad()
            loss.backward(retain_graph=True)
        optimizer.step()

    torch.manual_seed(0)
    report = run(mlp(), batches, sgd(0.01), step=step).checked()
    assert report.healthy
    assert TWICE in str(report)


def test_what_a_step_sets_up_to_go_back_is_asked_for_in_a_line(batches):
    torch.manual_seed(0)
    set_up = run(mlp(), batches, step=estimating)
    set_up.optimizer = Scaled(set_up.network, 0.1, ready=False)
    with pytest.raises(
        ValueError, match=r"^network or .* no gradient without step .*backward\(\)$"
    ):
        set_up.checked()


@pytest.mark.parametrize("in_optimizer", [True, False])
def test_a_tool_of_a_step_that_has_hooks_belongs_into_the_optimizer(batches, in_optimizer):
    torch.manual_seed(0)
    set_up = run(mlp(), batches)
    tool = Scaled(set_up.network, 0.0)
    if in_optimizer:
        set_up.optimizer.tool = tool

    def step(network, images, labels, loss_function, optimizer):
        optimizer.zero_grad()
        loss_function(network(images), labels).backward()
        (optimizer.tool if in_optimizer else tool).step()
        optimizer.step()

    set_up.step, set_up.kept = step, lambda: (tool.calls,)
    if in_optimizer:
        assert set_up.checked().healthy
        return
    network = set_up.network
    network(batches[0][0])  # Its sizes are of the network's own layers, which get no gradient.
    with pytest.raises(TypeError, match=r"^step uses a Scaled .* attribute of optimizer, and .*"):
        set_up.checked()


class OfSteps(nn.Module):
    """How likely each class is, of those below and up to it, as ordinal regression has it."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(784, 32), nn.ReLU(), nn.Linear(32, 1))
        self.cuts = nn.Parameter(torch.arange(9.0) - 4)

    def forward(self, x):
        below = torch.sigmoid(self.cuts - self.body(x))
        ends = torch.zeros(len(x), 1), torch.ones(len(x), 1)
        return torch.cat([ends[0], below, ends[1]], dim=1).diff(dim=1)


def of_the_likely(scores, labels):
    return -scores.gather(1, labels[:, None]).clamp(1e-15, 1 - 1e-15).log().mean()


def test_a_logarithm_that_is_cut_off_is_no_cross_entropy(batches):
    torch.manual_seed(0)
    faults = run(OfSteps(), batches, adam(1e-2), of_the_likely).checked().faults
    assert "softmax before cross-entropy" not in faults


class WithALoader(nn.Sequential):
    """Its train() is a loop of its own, and sets no mode."""

    def train(self, loader, epochs=2):
        raise AssertionError("nobody asked for that")


class WithNothing(nn.Sequential):
    """So is this one's."""

    def train(self):
        raise AssertionError("nobody asked for that")


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("within", [False, True])
@pytest.mark.parametrize("kind", [WithALoader, WithNothing])
def test_a_train_of_ones_own_need_not_set_a_mode(batches, kind, within, own):
    def step(network, images, labels, loss_function, optimizer):
        optimizer.zero_grad()
        loss_function(network(images), labels).backward()
        optimizer.step()

    torch.manual_seed(0)
    network = nn.Sequential(kind(*cnn())) if within else kind(*cnn())
    assert run(network, batches, step=step if own else None).checked().healthy


def test_images_that_have_a_graph_are_not_kept_by_who_watches(batches):
    """As those that an attack moves: the images of all steps up to the next update are known."""

    def step(network, images, labels, loss_function, optimizer):
        delta = torch.zeros_like(images, requires_grad=True)
        optimizer.zero_grad()
        loss_function(network(images + delta), labels).backward()

    torch.manual_seed(0)
    assert run(mlp(), batches, step=step).checked().faults == ("no step",)
