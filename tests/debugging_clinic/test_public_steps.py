"""Steps as they are in public: what they train beside the network, scale, clip or keep."""

import copy
import itertools

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from debugging_clinic.runs import Run, mlp, run, sgd
from helpers.debugging_clinic.steps import by_the_book


class Mixed(nn.Module):
    """Learns how much of each of its layers to take; those shares are no parameters."""

    def __init__(self):
        super().__init__()
        self.flat, self.parts = nn.Flatten(), nn.ModuleList(nn.Linear(784, 64) for _ in range(3))
        self.last, self.shares = nn.Linear(64, 10), [torch.zeros(3, requires_grad=True)]

    def forward(self, images):
        flat = self.flat(images)
        mixed = zip(self.shares[0].softmax(0), self.parts, strict=True)
        return self.last(sum(share * part(flat) for share, part in mixed).relu())


@pytest.mark.parametrize("trained", [True, False])
def test_what_an_optimiser_of_the_steps_own_trains_is_no_layer_in_a_list(batches, trained):
    """As where the shape of a network is learnt beside its weights, on batches of their own."""
    torch.manual_seed(0)
    network = Mixed()
    its_own = torch.optim.Adam(network.shares, 3e-4)

    def step(copy, *rest):
        its_own.zero_grad()
        F.cross_entropy(network(batches[0][0]), batches[0][1]).backward()
        its_own.step()
        by_the_book(copy, *rest)

    step = step if trained else by_the_book
    report = run(network, batches, step=step, kept=lambda: (its_own,)).checked()
    assert report.faults == (() if trained else ("layers in a plain list",))


@pytest.mark.parametrize("every", [2, 5])
@pytest.mark.parametrize("clears", ["after an update", "for each batch"])
def test_the_first_update_of_an_accumulation_may_be_of_one_batch(batches, clears, every):
    """As where `if i % n == 0` asks for it: at the very first batch, and then at each nth."""
    count = itertools.count()

    def step(network, images, labels, loss_function, optimizer):
        if clears == "for each batch":
            optimizer.zero_grad()
        (loss_function(network(images), labels) / every).backward()
        if next(count) % every == 0:
            optimizer.step()
            optimizer.zero_grad()

    torch.manual_seed(0)
    wiped = ("gradients wiped within an accumulation",) if clears == "for each batch" else ()
    assert run(mlp(), batches, step=step).checked().faults == wiped


@pytest.mark.parametrize("frozen", [True, False])
@pytest.mark.parametrize("step", [None, by_the_book])
def test_a_network_whose_frozen_body_is_in_evaluation_mode_may_be_so_as_a_whole(
    batches, frozen, step
):
    """As where one layer is trained on features, which nothing is to change."""
    torch.manual_seed(0)
    body = nn.Sequential(nn.Conv2d(1, 8, 3, stride=2), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten())
    network = nn.Sequential(body, nn.Linear(1352, 10)).eval()
    body.requires_grad_(not frozen)
    assert run(network, batches, step=step).checked().faults == (
        () if frozen else ("model left in eval mode",)
    )


def test_dropout_before_a_head_that_is_trained_is_still_named(batches):
    torch.manual_seed(0)
    body = nn.Sequential(nn.Flatten(), nn.Linear(784, 64), nn.BatchNorm1d(64)).requires_grad_(False)
    network = nn.Sequential(body, nn.Dropout(), nn.Linear(64, 10)).eval()
    report = run(network, batches, step=by_the_book).checked()
    assert report.faults == ("model left in eval mode",)
    assert report.findings[0].evidence == "layer 1"


@pytest.mark.parametrize("kept", [True, False])
def test_classes_may_have_other_names_in_the_step(batches, kept):
    """As where a run has numbers of its own for the classes that it knows."""

    def step(network, images, labels, *rest):
        names = (labels + 1) % 10
        by_the_book(network, images, names if kept else names[torch.randperm(len(names))], *rest)

    torch.manual_seed(0)
    report = run(mlp(), batches, step=step).checked()
    assert report.faults == (() if kept else ("labels shuffled in the step",))


def bare(network):
    """Return what a wrapper wraps, as it is often asked for."""
    return network.module if type(network) in (nn.DataParallel, nn.Sequential) else network


def test_who_asks_for_the_type_of_the_network_gets_it(batches):
    torch.manual_seed(0)
    network = nn.DataParallel(mlp())
    average = copy.deepcopy(bare(network))

    def step(network, *rest):
        by_the_book(network, *rest)
        now = bare(network).state_dict()
        for name, weight in average.state_dict().items():
            weight.lerp_(now[name], 0.1)

    assert run(network, batches, step=step, kept=lambda: (average,)).checked().healthy


@pytest.mark.parametrize(("every", "longest"), [(1, 0.1), (4, 0.1), (1, 100.0), (4, 100.0)])
def test_a_step_that_clips_may_take_a_rate_that_is_too_high_by_the_book(batches, every, longest):
    taken = 0

    def step(network, images, labels, loss_function, optimizer):
        nonlocal taken
        (loss_function(network(images), labels) / every).backward()
        taken += 1
        if taken % every == 0:
            nn.utils.clip_grad_norm_(network.parameters(), longest)
            optimizer.step()
            optimizer.zero_grad()

    torch.manual_seed(0)
    report = run(mlp(), batches, sgd(30.0 if longest > 1 else 3.0), step=step).checked()
    assert report.faults == (("learning rate too high",) if longest > 1 else ())


@pytest.mark.parametrize(
    ("least", "most", "faults"),
    [(0, 255, ()), (73, 90, ()), (0, 1, ("inputs not scaled",))],
)
def test_a_step_may_scale_the_images_itself(batches, least, most, faults):
    large = [(255 * images, labels) for images, labels in batches]

    def step(network, images, *rest):
        by_the_book(network, (images - least) / most, *rest)

    torch.manual_seed(0)
    report = run(mlp(), large, step=step, test=[(large[0][0] + 1, large[0][1])]).checked()
    assert report.faults == faults


class WeighsItself(nn.Module):
    """Learns the weights of the classes in each call, from a graph that the last one has left."""

    def __init__(self):
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(10))
        self.optimizer = torch.optim.SGD([self.logits], 0.01)
        self.shares = self.logits.softmax(0)

    def forward(self, scores, labels):
        losses = F.cross_entropy(scores, labels, reduction="none")
        each = torch.stack([losses[labels == name].mean() for name in range(10)]).detach()
        self.shares.backward(each.mean() - each)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.shares = self.logits.softmax(0)
        return losses.mean()


@pytest.mark.parametrize("step", [None, by_the_book])
def test_a_graph_that_waits_for_the_next_call_is_not_used_up(batches, step):
    torch.manual_seed(0)
    loss = WeighsItself()
    assert run(mlp(), batches, loss_function=loss, step=step).checked().healthy
    loss(torch.zeros(100, 10), batches[0][1])
    with pytest.raises(RuntimeError, match="a second time"):
        scores = torch.ones(2, requires_grad=True).exp().sum()
        scores.backward()
        scores.backward()


class KeepsItsMean(nn.Module):
    """Adds a running mean together with its graph."""

    def __init__(self):
        super().__init__()
        self.mean = torch.zeros(())

    def forward(self, scores, labels):
        loss = F.cross_entropy(scores, labels)
        self.mean = 0.9 * self.mean + 0.1 * loss
        return loss + self.mean


@pytest.mark.parametrize("calls", [0, 1])
@pytest.mark.parametrize("step", [None, by_the_book])
def test_a_graph_that_grows_from_call_to_call_is_named_though_it_began_before(batches, calls, step):
    torch.manual_seed(0)
    network, loss = mlp(), KeepsItsMean()
    for images, labels in batches[:calls]:
        loss(network(images), labels)
    report = run(network, batches, loss_function=loss, step=step).checked()
    assert report.faults == ("a graph kept from step to step",)


def test_an_attribute_is_no_global_of_the_same_name(batches, monkeypatch):
    """As where a script has a function ``step`` that holds an optimiser of all the weights."""
    torch.manual_seed(0)
    network = mlp()
    earlier = torch.optim.lr_scheduler.StepLR(torch.optim.SGD(network.parameters(), 0.1), 10)
    monkeypatch.setitem(globals(), "step", lambda: earlier.step())

    def later(network, images, labels, loss_function, optimizer):
        optimizer.zero_grad()
        loss_function(network(images), labels).backward()
        optimizer.step()

    last = torch.optim.SGD(network[-1].parameters(), 0.1)
    report = Run(network, batches, F.cross_entropy, last, step=later).checked()
    assert report.faults == ("parameters not handed to the optimiser",)


class InTwoSteps(torch.optim.SGD):
    """Takes its step at a sharper place, in two halves; step() itself is there for a schedule."""

    @torch.no_grad()
    def first_step(self, size):
        self.way = [size * weight.grad for weight in self.param_groups[0]["params"]]
        for weight, way in zip(self.param_groups[0]["params"], self.way, strict=True):
            weight.add_(way)
        self.zero_grad()

    @torch.no_grad()
    def second_step(self):
        for weight, way in zip(self.param_groups[0]["params"], self.way, strict=True):
            weight.sub_(way)
        super().step()
        self.zero_grad()

    def step(self, closure=None):
        pass


@pytest.mark.parametrize("takes_both", [True, False])
def test_an_optimiser_may_move_the_weights_elsewhere_than_in_step(batches, takes_both):
    def step(network, images, labels, loss_function, optimizer):
        loss_function(network(images), labels).backward()
        optimizer.first_step(0.05 if takes_both else 0.0)
        if takes_both:
            loss_function(network(images), labels).backward()
            optimizer.second_step()

    torch.manual_seed(0)
    report = run(mlp(), batches, lambda w: InTwoSteps(w, 0.1), step=step).checked()
    assert report.faults == (() if takes_both else ("no step",))


class Attack:
    """Moves the weights of the network that it is made for up their gradients, and back."""

    def __init__(self, network):
        self.network = network

    def begin(self):
        self.before = [weight.data.clone() for weight in self.network.parameters()]
        for weight in self.network.parameters():
            weight.data.add_(0.01 * weight.grad / weight.grad.norm())

    def end(self):
        for weight, old in zip(self.network.parameters(), self.before, strict=True):
            weight.data = old


@pytest.mark.parametrize("made_before", [True, False])
def test_what_attacks_the_weights_is_made_of_the_network_at_hand(batches, made_before):
    """Made before, it attacks weights whose gradients are elsewhere, as long as copies train."""
    torch.manual_seed(0)
    network = mlp()
    attack = Attack(network)

    def step(network, images, labels, loss_function, optimizer):
        at_hand = attack if made_before else Attack(network)
        optimizer.zero_grad()
        loss_function(network(images), labels).backward()
        at_hand.begin()
        loss_function(network(images), labels).backward()
        at_hand.end()
        optimizer.step()

    report = run(network, batches, step=step, kept=lambda: (attack,)).checked()
    assert report.faults == (("step works on something else",) if made_before else ())


def test_an_error_of_the_step_itself_stays_one(batches):
    def step(network, images, labels, loss_function, optimizer):
        for weight in network.parameters():
            weight.grad.zero_()

    with pytest.raises(AttributeError, match="zero_"):
        run(mlp(), batches, step=step).check()


@pytest.mark.parametrize("by_name", [True, False])
def test_a_step_that_hands_the_loss_another_networks_scores_is_named(batches, by_name):
    """Though a gradient comes to the one at hand, from what its weights cost."""
    torch.manual_seed(0)
    network = mlp()
    before = [weight.detach().clone() for weight in network.parameters()]

    def step(at_hand, images, labels, loss_function, optimizer):
        optimizer.zero_grad()
        pairs = zip(at_hand.parameters(), before, strict=True)
        cost = sum((weight - old).square().sum() for weight, old in pairs)
        scores = (network if by_name else at_hand)(images)
        (loss_function(scores, labels) + cost).backward()
        optimizer.step()

    report = run(network, batches, step=step, kept=lambda: (before,)).checked()
    assert report.faults == (("step works on something else",) if by_name else ())


def test_a_step_that_calls_parts_may_train_weights_of_the_loss(batches):
    """They are trained where they are, and no sign that another network runs."""
    torch.manual_seed(0)
    network, loss = mlp(), nn.Linear(10, 10)
    weights = [*network.parameters(), *loss.parameters()]

    def step(network, images, labels, loss_function, optimizer):
        optimizer.zero_grad()
        scores = network[1:](network[0](images))
        loss_function(scores, labels).backward()
        optimizer.step()

    parts = network, batches, lambda s, y: F.cross_entropy(loss(s), y)
    set_up = Run(*parts, torch.optim.SGD(weights, 0.1), step=step, kept=lambda: (loss,))
    assert set_up.checked().healthy


@pytest.mark.parametrize("detached", [True, False])
def test_what_a_step_keeps_of_a_part_of_the_network_is_named(batches, detached):
    """As where it calls body and head by themselves, and keeps a mean of what lies between."""
    torch.manual_seed(0)
    means = []

    def step(network, images, labels, loss_function, optimizer):
        optimizer.zero_grad()
        hidden = network[:3](images)
        loss_function(network[3:](hidden), labels).backward()
        optimizer.step()
        means.append(hidden.detach().mean(0) if detached else hidden.mean(0))

    report = run(mlp(), batches, step=step, kept=lambda: (means,)).checked()
    assert report.faults == (() if detached else ("a graph kept from step to step",))


@pytest.mark.parametrize("clips", [False, True])
def test_an_optimizer_without_the_weights_that_learn_is_not_told_when_to_clear(batches, clips):
    """As where a new last layer comes after the optimiser, which holds the frozen others."""
    torch.manual_seed(0)
    network = mlp().requires_grad_(False)
    optimizer = torch.optim.SGD(network.parameters(), 0.1)
    network[-1] = nn.Linear(64, 10)

    def step(network, images, labels, loss_function, optimizer):
        optimizer.zero_grad()
        loss_function(network(images), labels).backward()
        if clips:
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()

    report = Run(network, batches, F.cross_entropy, optimizer, step).checked()
    assert report.faults == ("parameters not handed to the optimiser",)


@pytest.mark.parametrize("takes", [True, False])
def test_a_step_may_take_the_logarithm_of_what_a_softmax_in_the_network_gives(batches, takes):
    def step(network, images, labels, loss_function, optimizer):
        optimizer.zero_grad()
        scores = network(images)
        loss_function(torch.log(scores + 1e-7) if takes else scores, labels).backward()
        optimizer.step()

    torch.manual_seed(0)
    report = run(mlp(nn.Softmax(dim=1)), batches, loss_function=F.nll_loss, step=step).checked()
    assert report.faults == (() if takes else ("probabilities in nll_loss",))


@pytest.mark.parametrize("asks", [True, False])
def test_what_a_step_never_asks_is_not_blamed_on_it(batches, asks):
    """Its own loss may be another; what the network does with the images is looked at still."""

    def step(network, images, labels, loss_function, optimizer):
        optimizer.zero_grad()
        scores = network(images).clamp(min=1e-7)
        (loss_function(scores, labels) if asks else F.nll_loss(scores.log(), labels)).backward()
        optimizer.step()

    torch.manual_seed(0)
    for dim, faults in ((1, ("probabilities in nll_loss",)), (0, ("log_softmax over dim=0",))):
        network = mlp(nn.Softmax(dim) if dim else nn.LogSoftmax(dim))
        report = run(network, batches, loss_function=F.nll_loss, step=step).checked()
        assert report.faults == (() if dim and not asks else faults)


class Tires(nn.Sequential):
    """Runs five times, and then wants a rest, which the step grants: as a memory that fills up."""

    runs = 0

    def forward(self, images):
        if self.training and self.runs == 5:
            raise RuntimeError("the memory is full: call rest()")
        self.runs += self.training
        return super().forward(images)

    def rest(self):
        self.runs = 0


def test_what_runs_in_the_step_alone_is_looked_at_there_alone(batches):
    def step(network, *rest):
        network.rest()
        by_the_book(network, *rest)

    torch.manual_seed(0)
    report = run(Tires(*mlp()), batches, step=step).checked()
    assert report.healthy
    assert "stop without the step (the memory is full: call rest())" in str(report)
    with pytest.raises(RuntimeError, match="the memory is full"):
        run(Tires(*mlp()), batches).check()


def test_an_error_of_the_step_says_that_it_had_copies(batches):
    torch.manual_seed(0)
    set_up = run(mlp(), batches)
    own = [*set_up.network.parameters()]

    def step(network, *rest):
        by_the_book(network, *rest)
        own[0].grad.sign_()

    set_up.step = step
    with pytest.raises(AttributeError) as caught:
        set_up.check()
    assert "copies" in caught.value.__notes__[0]


class OneThatTrains(nn.Module):
    """Takes the loss of a batch itself, and notes it down, as modules of PyTorch Lightning do."""

    def __init__(self, keeps):
        super().__init__()
        self.model, self.keeps, self.losses = mlp(), keeps, []

    def forward(self, images):
        return self.model(images)

    def training_step(self, images, labels):
        loss = F.cross_entropy(self.model(images), labels)
        self.losses.append(loss if self.keeps else loss.detach())
        return loss


@pytest.mark.parametrize("keeps", [False, True])
def test_graphs_are_seen_that_a_step_keeps_without_a_call_of_the_whole_network(batches, keeps):
    def step(network, images, labels, loss_function, optimizer):
        optimizer.zero_grad()
        network.training_step(images, labels).backward()
        optimizer.step()

    torch.manual_seed(0)
    report = run(OneThatTrains(keeps), batches, step=step).checked()
    assert report.faults == (("a graph kept from step to step",) if keeps else ())
