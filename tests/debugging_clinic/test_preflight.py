"""The check before training names each fault, passes sound runs, and changes nothing."""

import copy
import itertools
import math
import random

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from helpers.debugging_clinic import clinic, preflight


def mlp(*head, width=64, noise=()):
    hidden = nn.Linear(784, width)
    return nn.Sequential(nn.Flatten(), hidden, nn.ReLU(), *noise, nn.Linear(width, 10), *head)


def cnn(norm=True):
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, stride=2),
        *([nn.BatchNorm2d(8)] if norm else []),
        nn.ReLU(),
        nn.Conv2d(8, 16, 3, stride=2),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(576, 10),
    )


def sgd(lr, momentum=0.0, **options):
    return lambda w: torch.optim.SGD(w, lr=lr, momentum=momentum, **options)


def adam(lr):
    return lambda w: torch.optim.Adam(w, lr=lr)


def step(network, images, labels, loss_function, optimizer):
    optimizer.zero_grad()
    loss = loss_function(network(images), labels)
    loss.backward()
    optimizer.step()


def batches_of(garments, size, seed, count=4_000):
    chosen = torch.randperm(
        len(garments.train_labels), generator=torch.Generator().manual_seed(seed)
    )
    pixels = garments.train_images[chosen[:count]].unsqueeze(1).float() / 255
    labels = garments.train_labels[chosen[:count]]
    return list(zip(pixels.split(size), labels.split(size), strict=True))


def rest_of(garments):
    return [(garments.test_images[:500].unsqueeze(1).float() / 255, garments.test_labels[:500])]


def check(network, batches, make=None, loss_function=F.cross_entropy, **options):
    optimizer = (make or sgd(0.1))([w for w in network.parameters() if w.requires_grad])
    return preflight.check(network, batches, loss_function, optimizer, **options)


# Network, optimiser, size of a batch: everything that is sound.
SOUND = {
    "mlp": (mlp, sgd(0.1), 128),
    "mlp, momentum": (mlp, sgd(0.15, 0.8), 128),
    "mlp, momentum, small batches": (mlp, sgd(0.15, 0.8), 16),
    "mlp, nesterov, weight decay": (mlp, sgd(0.05, 0.9, nesterov=True, weight_decay=1e-3), 64),
    "mlp, slow": (mlp, sgd(0.001), 32),
    "mlp, log-probabilities": (lambda: mlp(nn.LogSoftmax(dim=1)), sgd(0.1), 256),
    "mlp, dropout": (lambda: mlp(noise=[nn.Dropout(0.5)]), sgd(0.15, 0.8), 128),
    "mlp, batch norm": (lambda: mlp(noise=[nn.BatchNorm1d(64)]), sgd(0.1, 0.9), 128),
    "mlp, batch norm, dropout, adam": (
        lambda: mlp(noise=[nn.BatchNorm1d(64), nn.Dropout(0.3)]),
        adam(1e-3),
        64,
    ),
    "mlp, all at once": (mlp, sgd(0.1), 4_000),
    "cnn": (lambda: cnn(norm=False), sgd(0.05), 128),
    "cnn, momentum": (lambda: cnn(norm=False), sgd(0.05, 0.9), 128),
    "cnn, small batches": (lambda: cnn(norm=False), sgd(0.02, 0.9), 16),
    "cnn, adam": (lambda: cnn(norm=False), adam(1e-3), 128),
    "cnn, batch norm": (cnn, sgd(0.1), 128),
    "cnn, batch norm, momentum": (cnn, sgd(0.1, 0.9), 64),
    "cnn, batch norm, adam": (cnn, adam(3e-3), 128),
    "cnn, log-probabilities": (lambda: cnn().append(nn.LogSoftmax(dim=1)), sgd(0.05, 0.9), 32),
    "cnn, dropout": (lambda: cnn().insert(6, nn.Dropout(0.3)), sgd(0.05, 0.9), 128),
    "cnn, slow": (cnn, sgd(0.001, 0.5), 256),
}


@pytest.mark.proof
@pytest.mark.parametrize("name", SOUND)
def test_a_sound_run_passes(name, drawn, garments):
    make_network, make_optimizer, size = SOUND[name]
    place = list(SOUND).index(name)
    # The drawn ones and, where they are, the real ones in turn.
    data = (drawn, garments)[place % 2]
    torch.manual_seed(place)
    network = make_network()
    nll = isinstance(network[-1], nn.LogSoftmax)
    report = check(
        network,
        batches_of(data, size, seed=place),
        make_optimizer,
        F.nll_loss if nll else F.cross_entropy,
        step=step,
        test=rest_of(data),
    )
    assert report.healthy, [(f.fault, f.evidence) for f in report.findings]
    assert str(report) == "Ready: nothing wrong was found."


@pytest.mark.proof
@pytest.mark.parametrize("fault", clinic.FAULTS)
def test_each_fault_is_named_and_its_healthy_twin_passes(fault, garments):
    for healthy in (False, True):
        case = clinic.admit(fault, garments, seed=5, healthy=healthy, images=2_500)
        report = preflight.check(
            case.network,
            case.batches,
            case.loss_function,
            case.optimizer,
            step=case.step,
            test=case.test,
        )
        assert report.faults == (() if healthy else (fault,))
    assert set(clinic.FAULTS) < set(preflight.FAULTS)


@pytest.fixture(scope="module")
def batches(drawn):
    return batches_of(drawn, 100, seed=0)


def with_loss(network_head, loss_function):
    return lambda batches: check(cnn().append(network_head), batches, loss_function=loss_function)


class Detached(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.unused, self.last = nn.Linear(784, 20), nn.Linear(3, 3), nn.Linear(20, 10)

    def forward(self, x):
        return self.last(self.first(x.flatten(1)).relu().detach())


def one_layer_left_out(batches):
    network = cnn()
    optimizer = torch.optim.SGD(network[:4].parameters(), lr=0.1)
    return preflight.check(network, batches, F.cross_entropy, optimizer)


def frozen_by_its_rate(batches):
    network = mlp()
    groups = [{"params": network[1].parameters(), "lr": 0.0}, {"params": network[3].parameters()}]
    return preflight.check(network, batches, F.cross_entropy, torch.optim.SGD(groups, lr=0.1))


def large_weights(batches):
    network = mlp()
    with torch.no_grad():
        network[-1].weight *= 300
    return check(network, batches, adam(1e-3))


def nobody_steps(network, images, labels, loss_function, optimizer):
    loss_function(network(images), labels).backward()


def keeps_a_list():
    kept = []

    def keeping(network, images, labels, loss_function, optimizer):
        optimizer.zero_grad()
        kept.append(loss_function(network(images), labels))
        kept[-1].backward()
        optimizer.step()

    return keeping


def looks_only(network, images, labels, loss_function, optimizer):
    return loss_function(network(images), labels).item()


def leaves_eval_mode_on(network, images, labels, loss_function, optimizer):
    network.eval()
    step(network, images, labels, loss_function, optimizer)


def with_nan(batches):
    images = batches[0][0].clone()
    images[3, 0, 5, 5] = math.nan
    return check(mlp(), [(images, batches[0][1])])


def keeps_scores():
    network = mlp()
    network.last_scores = network(torch.rand(2, 784))
    return network


class Across(nn.Module):
    def forward(self, scores):
        return scores - scores.mean(dim=0)


class DropsAlways(nn.Module):
    def __init__(self, p=0.5):
        super().__init__()
        self.first, self.last, self.p = nn.Linear(784, 20), nn.Linear(20, 10), p

    def forward(self, x):
        on = self.training if self.p is None else True
        return self.last(F.dropout(self.first(x.flatten(1)).relu(), 0.5, training=on))


class Logarithm(nn.Module):
    def forward(self, scores):
        return (scores - scores.amax(dim=1, keepdim=True)).log()


def minus(scores, labels):
    return -F.cross_entropy(scores, labels)


OTHER_FAULTS = {
    "chance in evaluation mode": lambda b: check(DropsAlways(), b),
    "scores never below zero": with_loss(nn.Sigmoid(), F.cross_entropy),
    "loss the wrong way up": with_loss(nn.Identity(), minus),
    "first loss not finite": with_loss(Logarithm(), F.cross_entropy),
    "softmax before cross-entropy": with_loss(nn.Softmax(dim=1), F.cross_entropy),
    "probabilities in nll_loss": with_loss(nn.Softmax(dim=1), F.nll_loss),
    "nll_loss on raw scores": with_loss(nn.Identity(), F.nll_loss),
    "log_softmax over dim=0": with_loss(nn.LogSoftmax(dim=0), F.nll_loss),
    "images of a batch depend on each other": with_loss(Across(), F.cross_entropy),
    "loss summed": with_loss(nn.Identity(), nn.CrossEntropyLoss(reduction="sum")),
    "model left in eval mode": lambda b: check(cnn().eval(), b),
    "parameters not handed to the optimiser": one_layer_left_out,
    "no gradient": lambda b: check(Detached(), b),
    "weights do not move": frozen_by_its_rate,
    "first loss too high": large_weights,
    "no parameters": lambda b: preflight.check(nn.Flatten(), b, F.cross_entropy, None),
    "inputs not finite": with_nan,
    "a graph kept with the network": lambda b: check(keeps_scores(), b),
    "no step": lambda b: check(mlp(), b, step=nobody_steps),
    "no backward": lambda b: check(mlp(), b, step=looks_only),
    "a graph kept from step to step": lambda b: check(mlp(), b, step=keeps_a_list()),
    "learning rate too high": lambda b: check(cnn(norm=False), b, adam(1.0)),
    "inputs not scaled": lambda b: check(mlp(), [(255 * x, y) for x, y in b]),
}


@pytest.mark.proof
@pytest.mark.parametrize("fault", OTHER_FAULTS)
def test_faults_of_other_networks_are_named(fault, batches):
    torch.manual_seed(1)
    assert OTHER_FAULTS[fault](batches).faults == (fault,)


def test_a_part_in_eval_mode_is_a_fault_unless_it_is_frozen(batches):
    torch.manual_seed(0)
    network = nn.Sequential(cnn()[:5], nn.Flatten(), nn.Linear(576, 10))
    network[0].eval()
    report = check(network, batches)
    assert report.faults == ("model left in eval mode",)
    assert report.findings[0].evidence == "0.1"  # The batch normalisation in it.
    for weight in network[0].parameters():
        weight.requires_grad_(False)
    assert check(network, batches).healthy
    dropping = mlp(noise=[nn.Dropout(0.5)])
    dropping[3].eval()
    assert check(dropping, batches, step=step).faults == ("model left in eval mode",)
    assert check(DropsAlways(p=None).eval(), batches).faults == ("model left in eval mode",)
    assert check(DropsAlways(p=None), batches).healthy
    assert check(mlp().eval(), batches).healthy  # The same in both modes.


def test_the_evidence_counts_the_steps_watched(batches):
    torch.manual_seed(0)
    (finding,) = check(mlp(), batches, step=looks_only).findings
    assert finding.evidence == "no gradient in 4 steps"


class Drifting(nn.Module):
    """Each time it is asked, all its scores are a quarter higher."""

    def __init__(self):
        super().__init__()
        self.inner, self.times = mlp(), 0

    def forward(self, x):
        self.times += 1
        return self.inner(x) + self.times / 4


def test_the_evidence_says_how_far_scores_are_apart(batches):
    torch.manual_seed(0)
    (finding,) = check(Drifting(), batches).findings
    assert finding.evidence == "a score differs by up to 0.25 the second time"


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (2, "1.weight, 1.bias"),
        (3, "1.weight, 1.bias, 3.weight"),
        (5, "1.weight, 1.bias, 3.weight and 2 more"),
    ],
)
def test_the_evidence_names_three_and_counts_the_rest(batches, count, said):
    torch.manual_seed(0)
    network = mlp(nn.ReLU(), nn.Linear(10, 10))
    optimizer = torch.optim.SGD(list(network.parameters())[count:], lr=0.1)
    report = preflight.check(network, batches, F.cross_entropy, optimizer)
    assert report.findings[0].fault == "parameters not handed to the optimiser"
    assert report.findings[0].evidence == said


@pytest.mark.parametrize(
    "images", [torch.zeros(8, 1, 28, 28, dtype=torch.uint8), torch.tensor(0.5), [[0.5]]]
)
def test_images_that_no_layer_takes_are_named_before_it_sees_them(images):
    with pytest.raises(TypeError, match=r"^images of batches are .*give images.float\(\) / 255$"):
        check(mlp(), [(images, torch.zeros(8, dtype=torch.int64))])


def test_other_ways_to_the_same_fault(batches):
    torch.manual_seed(0)
    up = check(mlp(), batches, sgd(0.1, maximize=True))
    assert up.faults == ("loss the wrong way up",)
    assert check(mlp(nn.ReLU()), batches).faults == ("scores never below zero",)
    assert check(mlp(), batches, sgd(1e5)).faults == ("learning rate too high",)

    def filled_with_zeros(network, images, labels, loss_function, optimizer):
        loss_function(network(images), labels).backward()
        optimizer.zero_grad(set_to_none=False)
        optimizer.step()

    decaying = sgd(0.1, weight_decay=0.01)  # It moves the weights even so.
    report = check(mlp(), batches, decaying, step=filled_with_zeros)
    assert report.faults == ("cleared before the step",)


def test_eval_mode_is_judged_where_the_step_runs_the_network(batches):
    torch.manual_seed(0)
    report = check(cnn(), batches, step=leaves_eval_mode_on)
    assert report.faults == ("model left in eval mode",)

    def trains(network, *rest):
        network.train()
        step(network, *rest)

    assert check(cnn().eval(), batches, step=trains).healthy


def test_the_same_faults_are_found_in_the_data(drawn, batches):
    torch.manual_seed(0)
    labels = torch.cat([labels for _, labels in batches])
    mixed = labels[torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))]
    shuffled = [(x, y) for (x, _), y in zip(batches, mixed.split(100), strict=True)]
    assert check(mlp(), shuffled).faults == ("labels not those of the images",)
    assert check(mlp(), batches, test=batches[5:8]).faults == (
        "test images among the training images",
    )


# --- No false alarm where a rule of thumb would give one ------------------------------------------


class ScalesItself(nn.Module):
    def __init__(self):
        super().__init__()
        self.rest = mlp()

    def forward(self, x):
        return self.rest(x / 255)


def accumulating(network, images, labels, loss_function, optimizer):
    optimizer.zero_grad()
    for half in (slice(0, 50), slice(50, 100)):
        (loss_function(network(images[half]), labels[half]) / 2).backward()
    optimizer.step()


def by_hand(network, images, labels, loss_function, optimizer):
    network.zero_grad()
    loss_function(network(images), labels).backward()
    with torch.no_grad():
        for weight in network.parameters():
            weight -= 0.1 * weight.grad


@pytest.mark.proof
def test_unusual_but_sound_runs_pass(batches):
    torch.manual_seed(0)
    assert check(ScalesItself(), [(255 * x, y) for x, y in batches]).healthy
    assert check(mlp(), batches, step=accumulating).healthy
    assert check(mlp(), batches, step=by_hand).healthy
    images = torch.cat([images for images, _ in batches])
    labels = torch.cat([labels for _, labels in batches])
    by_class = labels.argsort()
    ordered = [(images[part], labels[part]) for part in by_class.split(100)]
    assert check(mlp(), ordered).healthy
    assert check(mlp(), batches[:1]).healthy
    frozen = cnn()
    for weight in frozen[0].parameters():
        weight.requires_grad_(False)
    frozen[1].eval()
    assert check(frozen, batches).healthy
    weighted = nn.CrossEntropyLoss(weight=torch.linspace(0.5, 2, 10), label_smoothing=0.1)
    assert check(mlp(), batches, loss_function=weighted).healthy


def adding_up_over_calls(every):
    calls = itertools.count(1)

    def adding_up(network, images, labels, loss_function, optimizer):
        (loss_function(network(images), labels) / every).backward()
        if next(calls) % every == 0:
            optimizer.step()
            optimizer.zero_grad()

    return adding_up


def looking_too(network, images, labels, loss_function, optimizer):
    step(network, images, labels, loss_function, optimizer)
    network.eval()
    with torch.no_grad():
        network(images)
    network.train()


@pytest.mark.proof
def test_unusual_steps_and_optimisers_pass(batches):
    torch.manual_seed(0)
    assert check(mlp(), batches, step=adding_up_over_calls(8)).healthy
    assert check(cnn(), batches, step=looking_too).healthy
    assert check(
        mlp(width=16), batches[:1], lambda w: torch.optim.LBFGS(w, lr=0.05, max_iter=4)
    ).healthy
    network = mlp()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    torch.optim.lr_scheduler.LambdaLR(optimizer, lambda n: min(1, n / 100))
    assert optimizer.param_groups[0]["lr"] == 0
    assert preflight.check(network, batches, F.cross_entropy, optimizer, step=step).healthy
    some_ignored = [(x, y.where(torch.arange(len(y)) % 10 > 0, -100)) for x, y in batches]
    assert check(mlp(), some_ignored).healthy


def in_batches(inputs, labels):
    return list(zip(inputs.split(100), labels.split(100), strict=True))


@pytest.mark.proof
def test_unusual_data_pass(batches, drawn):
    torch.manual_seed(0)
    # Nineteen of twenty are of one class; a guess that says so each time knows nothing.
    labels = drawn.train_labels
    rare = ((labels == 6).cumsum(0) <= 100) & (labels == 6)
    pixels = drawn.train_images[(labels == 0) | rare].unsqueeze(1).float() / 255
    uneven = labels[(labels == 0) | rare]
    assert check(mlp(), in_batches(pixels, uneven)).healthy
    shuffled = uneven[torch.randperm(len(uneven))]
    assert check(mlp(), in_batches(pixels, shuffled)).faults == ("labels not those of the images",)
    # A tone of one of three pitches that may begin anywhere: no two are near each other.
    classes = torch.randint(3, (2_000,))
    phase, time = torch.rand(2_000, 1), torch.arange(64) / 64
    tones = torch.sin(2 * torch.pi * ((3 + 3 * classes[:, None]) * time + phase))
    noisy = tones + 1.5 * torch.randn(2_000, 64)
    hearing = nn.Sequential(
        nn.Unflatten(1, (1, 64)),
        nn.Conv1d(1, 16, 16, stride=2),
        nn.ReLU(),
        nn.AdaptiveAvgPool1d(1),
        nn.Flatten(),
        nn.Linear(16, 3),
    )
    assert check(hearing, in_batches(noisy, classes)).healthy
    # A table of four answers of three kinds: its rows repeat, and none has leaked.
    table, others = torch.randint(3, (2_000, 4)).float(), torch.randint(3, (500, 4)).float()
    rule = [(t, (t.sum(dim=1) > 4).long()) for t in (table, others)]
    small = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 2))
    assert check(small, in_batches(*rule[0]), test=in_batches(*rule[1])).healthy


def test_chance_is_that_of_the_same_labels_in_any_order():
    generator = torch.Generator().manual_seed(0)
    truth = (torch.rand(400, generator=generator) < 0.2).long()
    guess = (torch.rand(400, generator=generator) < 0.4).long()
    right = [
        float((guess == truth[torch.randperm(400, generator=generator)]).double().mean())
        for _ in range(4_000)
    ]
    shares = torch.tensor(right, dtype=torch.float64)
    known, bound = preflight._right_and_chance(guess, truth)
    assert known == float((guess == truth).double().mean())
    assert bound == pytest.approx(float(shares.mean() + 4 * shares.std()), abs=0.005)
    always = torch.zeros(400, dtype=torch.int64)
    known, bound = preflight._right_and_chance(always, truth)
    assert known <= bound


def test_a_trained_network_passes(batches):
    torch.manual_seed(0)
    network = mlp()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.8)
    for images, labels in itertools.chain(batches, batches):
        step(network, images, labels, F.cross_entropy, optimizer)
    assert preflight.check(network, batches, F.cross_entropy, optimizer, step=step).healthy


# --- Nothing is changed ---------------------------------------------------------------------------


def state(network, optimizer, generator):
    return copy.deepcopy(
        {
            "weights": network.state_dict(),
            "gradients": [weight.grad for weight in network.parameters()],
            "modes": [module.training for module in network.modules()],
            "hooks": [len(module._forward_hooks) for module in network.modules()],
            "own": [sorted(vars(module)) for module in network.modules()],
            "optimizer": optimizer.state_dict(),
            "optimizer hooks": len(optimizer._optimizer_step_pre_hooks),
            "loader": generator.get_state(),
            "torch": torch.get_rng_state(),
            "python": random.getstate(),
            "numpy": np.random.get_state()[1].tolist(),
        }
    )


def same(one, other):
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


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
    first = preflight.check(
        network, loader, F.cross_entropy, optimizer, step=accumulating, test=batches[:2]
    )
    assert same(state(network, optimizer, generator), before)
    again = preflight.check(
        network, loader, F.cross_entropy, optimizer, step=accumulating, test=batches[:2]
    )
    assert first == again and first.faults == ("test images among the training images",)


def test_a_step_that_uses_global_names_is_named_and_undone(batches):
    torch.manual_seed(0)
    network = mlp()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
    before = copy.deepcopy(network.state_dict())

    def careless(_, images, labels, loss_function, __):
        step(network, images, labels, loss_function, optimizer)

    report = preflight.check(network, batches, F.cross_entropy, optimizer, step=careless)
    assert report.faults == ("step works on something else",)
    assert same(network.state_dict(), before)
    assert not optimizer.state_dict()["state"]


def test_what_can_be_walked_only_once_is_refused(batches):
    for options in ({"batches": iter(batches)}, {"batches": batches, "test": iter(batches)}):
        with pytest.raises(ValueError, match="walked only once: give a list"):
            check(mlp(), **options)
    with pytest.raises(ValueError, match="gave no images"):
        check(mlp(), [])


def test_a_report_is_a_sentence_for_each_finding(batches):
    torch.manual_seed(0)
    summed = nn.CrossEntropyLoss(reduction="sum")
    report = check(cnn().eval(), batches, loss_function=summed)
    assert report.faults == ("loss summed", "model left in eval mode")
    assert not report.healthy and len(str(report).splitlines()) == 2
    assert all(finding.evidence for finding in report.findings)
    for fault, sentence in preflight.FAULTS.items():
        assert sentence.count(";") >= 1 and not sentence.endswith("."), fault
