"""`fit` and `evaluate` against the formulas, and what they say to bad input."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from helpers.fashion_mnist_pipeline import training


def problem(images: int = 10, classes: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(images)
    x = torch.randn(images, 4, generator=generator, dtype=torch.float64)
    return x, torch.randint(classes, (images,), generator=generator)


def linear(classes: int = 3) -> nn.Linear:
    torch.manual_seed(7)
    return nn.Linear(4, classes, bias=False).double()


def in_batches(x: torch.Tensor, y: torch.Tensor, size: int = 4) -> list:
    return list(zip(x.split(size), y.split(size), strict=True))


def sgd(network: nn.Module, lr: float = 0.1) -> torch.optim.SGD:
    return torch.optim.SGD(network.parameters(), lr=lr)


def fit(network: nn.Module, batches, optimizer=None, loss=F.cross_entropy, **options):
    """Train, for one epoch and without momentum unless it is said otherwise."""
    return training.fit(
        network, batches, loss, optimizer or sgd(network), **{"epochs": 1, **options}
    )


X, Y = problem()
NETWORK = linear()


@pytest.mark.parametrize("momentum", [0.0, 0.8])
@pytest.mark.parametrize("kind", [torch.optim.SGD, training.MomentumSGD])
def test_fit_moves_the_weights_as_the_formula_says(kind, momentum):
    network = linear()
    network.weight.grad = torch.full_like(network.weight, 1e6)  # Left over, it does not count.
    weight, velocity = network.weight.detach().clone(), torch.zeros(3, 4, dtype=torch.float64)
    for _ in range(3):
        for images, labels in in_batches(X, Y):
            # The gradient of softmax and cross-entropy, worked out by hand.
            probabilities = (images @ weight.T).exp()
            probabilities /= probabilities.sum(dim=1, keepdim=True)
            truth = torch.eye(3, dtype=torch.float64)[labels]
            gradient = (probabilities - truth).T @ images / len(images)
            velocity = momentum * velocity + gradient
            weight -= 0.15 * velocity
    optimizer = kind(network.parameters(), lr=0.15, momentum=momentum)
    fit(network, in_batches(X, Y), optimizer, epochs=3)
    torch.testing.assert_close(network.weight.detach(), weight, rtol=0, atol=1e-14)


def test_the_history_is_a_mean_over_images_not_over_batches():
    x, y = problem(images=9)
    network = linear()
    # So small a step that the weights stay, and the mean on the way is the mean at the end.
    history = fit(network, in_batches(x, y), sgd(network, 1e-300), epochs=2, validation=[(x, y)])
    scores = x @ network.weight.detach().T
    pairs = zip(scores.tolist(), y.tolist(), strict=True)
    right = [max(range(3), key=row.__getitem__) == label for row, label in pairs]
    expected_loss = (scores.logsumexp(dim=1) - scores[range(9), y]).mean().item()
    for losses in (history.loss, history.validation_loss):
        assert losses == pytest.approx([expected_loss] * 2, rel=1e-14)
    for accuracies in (history.accuracy, history.validation_accuracy):
        assert accuracies == [sum(right) / 9] * 2


def test_validation_data_moves_no_weight_and_without_it_the_history_has_none():
    alone, watched = linear(), linear()
    history = fit(alone, in_batches(X, Y), epochs=2)
    fit(watched, in_batches(X, Y), epochs=2, validation=[(X, 2 - Y)])
    assert torch.equal(alone.weight, watched.weight)
    assert history.validation_loss == history.validation_accuracy == []


class Stream(torch.utils.data.IterableDataset):
    """Has no length."""

    def __iter__(self):
        return iter(zip(X, Y, strict=True))


@pytest.mark.parametrize("data", [TensorDataset(X, Y), Stream()])
def test_any_iterable_of_batches_will_do(data):
    by_list, by_loader = linear(), linear()
    fit(by_list, in_batches(X, Y), epochs=2)
    fit(by_loader, DataLoader(data, batch_size=4), epochs=2)
    assert torch.equal(by_list.weight, by_loader.weight)


def test_evaluate_says_what_the_numbers_say():
    log_probabilities = torch.tensor(
        [[0.7, 0.2, 0.1], [0.3, 0.6, 0.1], [0.2, 0.3, 0.5], [0.5, 0.4, 0.1]]
    ).log()
    labels = torch.tensor([0, 2, 2, 1])
    network = nn.Linear(3, 3, bias=False)
    network.weight.data = torch.eye(3)
    seen = training.evaluate(network, in_batches(log_probabilities, labels, size=3), F.nll_loss)
    assert seen.labels.tolist() == [0, 2, 2, 1]
    assert seen.predictions.tolist() == [0, 1, 2, 0]
    assert seen.confidences.tolist() == pytest.approx([0.7, 0.6, 0.5, 0.5])
    assert seen.accuracy == 0.5
    assert seen.loss == pytest.approx(-sum(map(math.log, (0.7, 0.1, 0.5, 0.4))) / 4)
    assert seen.confusion_matrix(3).tolist() == [[1, 0, 0], [1, 0, 0], [0, 1, 1]]


@pytest.mark.parametrize("mode", [True, False])
def test_evaluate_leaves_the_network_as_it_was(mode):
    network = nn.Sequential(nn.Dropout(0.5), nn.BatchNorm1d(4), linear()).double().train(mode)
    network[1].eval()  # It stays frozen within a network that trains.
    weight = network[2].weight.detach().clone()
    first, second = (training.evaluate(network, [(X, Y)], F.cross_entropy) for _ in range(2))
    assert first.loss == second.loss  # Drop-out was off.
    modes = [module.training for module in (network, *network)]
    assert modes == [mode, mode, False, mode]
    assert torch.equal(network[2].weight, weight) and network[2].weight.grad is None


class Merged(nn.Linear):
    """Adds what it learns to its weight for evaluation, and takes it off again to learn."""

    def __init__(self):
        super().__init__(4, 3, bias=False, dtype=torch.float64)
        self.weight.requires_grad_(False).fill_(1)
        self.learnt, self.merged = nn.Parameter(torch.ones_like(self.weight)), False

    def train(self, mode=True):
        super().train(mode)
        if self.merged == mode:
            self.weight.data += -self.learnt.data if mode else self.learnt.data
            self.merged = not mode
        return self

    def forward(self, x):
        return F.linear(x, self.weight if self.merged else self.weight + self.learnt)


def test_what_a_layer_does_to_be_evaluated_it_takes_back():
    network = nn.Sequential(Merged(), nn.Dropout(0.0))
    network[1].eval()
    training.evaluate(network, [(X, Y)], F.cross_entropy)
    assert [one.training for one in (network, *network)] == [True, True, False]
    assert not network[0].merged and network[0].weight.eq(1).all()
    network.eval()
    training.evaluate(network, [(X, Y)], F.cross_entropy)
    assert network[0].merged and not network[0].training


class OfItsGradient(nn.Module):
    """Scores from the gradient of a sum by its inputs, which it needs in evaluation, too."""

    def __init__(self):
        super().__init__()
        self.inner, self.outer = linear(), nn.Linear(4, 3).double()

    def forward(self, x):
        x = x.detach().requires_grad_()
        (slope,) = torch.autograd.grad(self.inner(x).sin().sum(), x, create_graph=True)
        return self.outer(slope)


def test_evaluate_takes_a_network_that_needs_a_gradient_on_its_way():
    network = OfItsGradient()
    seen = training.evaluate(network, [(X, Y)], F.cross_entropy)
    assert seen.loss == pytest.approx(F.cross_entropy(network(X), Y).item())
    assert len(fit(network, [(X, Y)], epochs=1, validation=[(X, Y)]).validation_loss) == 1


def test_fit_puts_the_network_into_training_mode_in_each_epoch():
    modes = []
    network = linear().eval()
    network.register_forward_hook(lambda *_: modes.append(network.training))
    fit(network, [(X, Y)], epochs=2, validation=[(X, Y)])
    assert modes == [True, False, True, False]


def giving(scores) -> nn.Module:
    """Return a network that gives these, whatever it is shown."""
    network = linear()
    network.forward = lambda x: scores
    return network


# This one looks at no rate; PyTorch's own check lets 0 and NaN pass.
RATES = (0.0, -0.1, math.nan, math.inf)
AT = {rate: training.MomentumSGD(NETWORK.parameters(), lr=rate) for rate in RATES}


class Once:
    """Its walk goes on where the last one ended, which shows only at the second."""

    def __init__(self):
        self.rest = iter(in_batches(X, Y))

    def __iter__(self):
        return self.rest


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"network": giving(None)}, TypeError, "the network gave NoneType"),
        ({"network": giving(X.sum())}, ValueError, "the network gave scores"),
        ({"network": nn.ReLU(), "optimizer": sgd(linear())}, ValueError, "no parameters to train"),
        ({"optimizer": sgd(linear())}, ValueError, "holds none of the network's weights"),
        ({"loss": lambda scores, labels: None}, TypeError, "the loss is NoneType"),
        ({"loss": nn.NLLLoss(reduction="none")}, ValueError, r"loss has shape \(10,\): give one"),
        *[
            ({"optimizer": at}, ValueError, f"learning rate is {rate}: give a number above 0")
            for rate, at in AT.items()
        ],
        ({"epochs": 0}, ValueError, "epochs is 0: give at least 1"),
        ({"schedule": 0.1}, TypeError, "schedule is 0.1: give one from torch.optim.lr_scheduler"),
        ({"validation": []}, ValueError, "^validation gave no images"),
        ({"batches": iter(in_batches(X, Y)), "epochs": 2}, ValueError, "^batches can be .* once"),
        ({"batches": Once(), "epochs": 2}, ValueError, "epoch 2, .*a generator"),
    ],
)
def test_what_cannot_be_trained_is_named(options, error, words):
    with pytest.raises(error, match=words):
        fit(**{"network": NETWORK, "batches": [(X, Y)], **options})


def test_a_loss_that_leaves_the_numbers_is_named_with_its_place():
    network = linear()
    with pytest.raises(ValueError, match=r"loss became (nan|inf) in epoch 1, batch \d.*1e\+308"):
        fit(network, in_batches(X, Y, size=2), sgd(network, lr=1e308))


def test_momentum_leaves_alone_what_has_no_gradient_and_heeds_a_new_learning_rate():
    used, unused = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)
    optimizer = training.MomentumSGD([used, unused], lr=1.0)
    optimizer.param_groups[0]["lr"] = 0.25
    used.sum().backward()
    optimizer.step()
    assert used.tolist() == [0.75, 0.75] and unused.tolist() == [1, 1]
    optimizer.zero_grad()
    assert used.grad is None


def test_a_schedule_is_told_after_each_step():
    network = linear()
    optimizer = sgd(network, lr=1.0)
    halved = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.5)
    fit(network, in_batches(X, Y), optimizer, epochs=2, schedule=halved)
    assert optimizer.param_groups[0]["lr"] == 0.5**6  # Three batches in each of two epochs.


def test_a_stopwatch_adds_up_by_name(monkeypatch):
    ticks = iter([0.0, 1.0, 1.5, 4.5, 5.0, 7.0, 7.0])
    monkeypatch.setattr(training.time, "perf_counter", ticks.__next__)
    watch = training.Stopwatch()
    for name in ("forward", "backward", "forward"):
        watch.lap(name)
    assert watch.seconds == {"forward": 3.0, "backward": 3.0}


@pytest.mark.parametrize(("rounds", "calls", "median"), [(1, 1, 100), (2, 3, 3), (3, 4, 2)])
def test_seconds_are_the_median_after_a_warm_up(rounds, calls, median, monkeypatch):
    ticks = iter([0.0, 100.0, 100.0, 105.0, 110.0, 111.0, 120.0, 122.0])
    monkeypatch.setattr(training.time, "perf_counter", ticks.__next__)
    called = []
    assert training.seconds(called.append, "what it is called with", rounds=rounds) == median
    assert called == ["what it is called with"] * calls


def test_the_fraction_named_is_of_all_images():
    first_pixel = torch.arange(1_100) % 10
    images = torch.zeros(1_100, 28, 28, dtype=torch.uint8)
    images[:, 0, 0] = first_pixel
    labels = first_pixel.where(torch.arange(1_100) < 275, 10)
    assert training.fraction_named(lambda some: some[:, 0, 0].long(), images, labels) == 0.25


@pytest.mark.parametrize("mode", ["min", "max"])
@pytest.mark.parametrize("part", ["training", "validation"])
def test_a_plateau_hears_of_what_it_waits_for(mode, part, monkeypatch):
    network, heard = linear(), []
    optimizer = sgd(network)
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, mode=mode)
    monkeypatch.setattr(schedule, "step", heard.append)
    validation = in_batches(X[:8], Y[:8]) if part == "validation" else None
    options = {"schedule": schedule, "validation": validation}
    history = fit(network, in_batches(X, Y), optimizer, epochs=3, **options)
    name = {"min": "loss", "max": "accuracy"}[mode]
    assert heard == getattr(history, name if part == "training" else f"validation_{name}")


def of_levels(scores: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Read three classes from two scores, as ordinal regression does."""
    levels = (labels[:, None] > torch.arange(2)).to(scores)
    return F.binary_cross_entropy_with_logits(scores, levels)


@pytest.mark.parametrize("judge", [fit, training.evaluate])
def test_a_label_beyond_the_scores_that_a_loss_learns_is_not_left_out(judge):
    words = r"^labels hold 2 beside 2 scores, and the loss learns from it: give one score for"
    with pytest.raises(ValueError, match=words):
        judge(
            linear(2), in_batches(X, Y), **{"loss" if judge is fit else "loss_function": of_levels}
        )


def test_of_scores_that_are_finite_it_is_the_loss_that_makes_nan():
    words = r"loss became nan in .* 1: look for log\(0\) or 0 / 0 in the loss function"
    none = lambda scores, _: scores.sum() * 0 / 0  # noqa: E731
    with pytest.raises(ValueError, match=words):
        fit(linear(), in_batches(X, Y), loss=none)
    with pytest.raises(ValueError, match=words):
        training.evaluate(linear(), in_batches(X, Y), none)


def test_a_loss_that_draws_numbers_may_ignore_a_label():
    labels = torch.cat([torch.tensor([-100]), Y[1:]])
    loss = lambda s, y: F.cross_entropy(F.dropout(s), y)  # noqa: E731
    assert training.evaluate(linear(), [(X, labels)], loss).loss > 0
