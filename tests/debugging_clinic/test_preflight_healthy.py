"""Sound runs as people write them: the check before training finds nothing wrong with any of them.

Each function is one set-up and returns the check's report. The notebook publishes their number.
"""

import functools

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from debugging_clinic import set_ups
from debugging_clinic.runs import Layer, adam, cnn, mlp, run, sgd
from debugging_clinic.sound_networks import Cosine, clouds, setup, shuffled, small
from debugging_clinic.sound_steps import SETUPS
from helpers.debugging_clinic.steps import by_the_book

# A few stand for all in the quick suite.
QUICK = ("classes_in_turns", "accumulated_over_64", "scaled_cosine_scores", "an_lstm_over_rows",
         "OneCycleLR", "an own optimiser", "globals", "a stream", "weight norm")  # fmt: skip


# Losses.
@setup
def label_smoothing_and_weights(batches):
    weights = torch.linspace(0.5, 2, 10)
    return run(cnn(), batches, loss_function=nn.CrossEntropyLoss(weights, label_smoothing=0.1))


@setup
def a_focal_loss(batches):
    def focal(scores, labels, gamma=2.0):
        loss = F.cross_entropy(scores, labels, reduction="none")
        return ((1 - (-loss).exp()) ** gamma * loss).mean()

    return run(mlp(), batches, loss_function=focal, step=by_the_book)


@setup
def a_hinge_loss(batches):
    return run(mlp(), batches, loss_function=nn.MultiMarginLoss())


@setup
def squares_on_one_hot_labels(batches):
    def squares(scores, labels):
        return F.mse_loss(scores, F.one_hot(labels, 10).float())

    return run(mlp(), batches, loss_function=squares)


@setup
def a_sigmoid_for_each_class(batches):
    def each(scores, labels):
        return F.binary_cross_entropy_with_logits(scores, F.one_hot(labels, 10).float())

    return run(mlp(), batches, adam(1e-3), loss_function=each, step=by_the_book)


@setup
def log_probabilities(batches):
    return run(cnn().append(nn.LogSoftmax(dim=1)), batches, loss_function=nn.NLLLoss())


@setup
def labels_that_are_ignored(batches):
    some = [(x, y.where(torch.arange(len(y)) % 10 > 0, -100)) for x, y in batches]
    return run(mlp(), some, step=by_the_book)


@setup
def a_loss_with_a_penalty_of_its_own(batches):
    network = mlp()

    def penalised(scores, labels):
        return F.cross_entropy(scores, labels) + 1e-4 * scores.square().mean()

    return run(network, batches, loss_function=penalised)


@setup
def labels_that_are_ignored_by_another_number(batches):
    some = [(x, y.where(torch.arange(len(y)) % 10 > 0, 255)) for x, y in batches]
    return run(mlp(), some, loss_function=nn.CrossEntropyLoss(ignore_index=255), step=by_the_book)


def lost(name, loss_function, *head):
    SETUPS[name] = lambda b: run(mlp(*head), b, adam(1e-3), loss_function, step=by_the_book)


def each_label(labels):
    return F.one_hot(labels, 10).float()


def levels_in_order(scores, labels):
    below = torch.arange(scores.shape[1]) < labels[:, None]
    return F.binary_cross_entropy_with_logits(scores, below.float())


def both_ways(scores, labels):
    """What a guess costs is nearly 10: the logarithm of what is no label is cut off."""
    labels_in_logarithms = each_label(labels).clamp(1e-4, 1).log()
    back = -(scores.softmax(1) * labels_in_logarithms).sum(dim=1).mean()
    return F.cross_entropy(scores, labels) + back


def as_many_as_before(scores, labels, table=torch.full((100, 10), 0.1)):  # noqa: B008
    agree = (table[: len(scores)] * scores.softmax(1)).sum(dim=1)
    return F.cross_entropy(scores, labels) + 3 * (1 - agree).clamp(1e-4, 1).log().mean()


lost("sigmoids", lambda s, y: F.binary_cross_entropy(s, each_label(y)), nn.Sigmoid())
lost("levels_in_order", levels_in_order)
lost("levels_in_order_one_fewer_than_classes", levels_in_order, Layer(lambda scores: scores[:, 1:]))
lost("distances", lambda s, y: F.cross_entropy(-s, y), Layer(lambda scores: scores.square()))
lost("a_loss_both_ways", both_ways)
lost("a_loss_that_wants_as_many_images", as_many_as_before)


@setup
def a_margin_between_angles(batches):
    """Its loss begins at 16, rises to 25 and falls again: large losses have large swings."""

    def with_a_margin(cosines, labels):
        right, angles = each_label(labels), cosines.clamp(-0.999, 0.999).acos()
        farther = torch.where(cosines > 0, (angles + 0.5).cos(), cosines)
        return F.cross_entropy(30 * (right * farther + (1 - right) * cosines), labels)

    network = Cosine(1.0)
    network.body = network.body[:2]  # So that angles are wide.
    nn.init.xavier_uniform_(network.prototypes)  # Short ones turn fast.
    make = sgd(0.3, 0.9, weight_decay=5e-4)
    return run(network, batches, make, with_a_margin, step=by_the_book)


# Optimisers.
def optimised_by(name, make):
    SETUPS[f"optimised_by_{name}"] = lambda b: run(mlp(), b, make, step=by_the_book)


class Signs(torch.optim.Optimizer):
    """Steps of one size against the sign, as an optimiser of one's own."""

    def __init__(self, params, lr):
        super().__init__(params, {"lr": lr})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    weight -= group["lr"] * weight.grad.sign()


for _name, _make in {
    "nesterov": sgd(0.05, 0.9, nesterov=True, weight_decay=5e-4),
    "adamw": lambda w: torch.optim.AdamW(w, lr=1e-3, weight_decay=0.1),
    "nadam": lambda w: torch.optim.NAdam(w, lr=1e-3),
    "radam": lambda w: torch.optim.RAdam(w, lr=1e-2),
    "adamax": lambda w: torch.optim.Adamax(w),
    "adagrad": lambda w: torch.optim.Adagrad(w, lr=0.01),
    "adadelta": lambda w: torch.optim.Adadelta(w, weight_decay=1e-3),
    "rmsprop": lambda w: torch.optim.RMSprop(w, lr=1e-3),
    "asgd": lambda w: torch.optim.ASGD(w, lr=0.05),
    "rprop": lambda w: torch.optim.Rprop(w, lr=1e-4),
    "lion_like_signs": lambda w: Signs(w, lr=1e-3),
}.items():
    optimised_by(_name, _make)


@setup
def optimised_by_lbfgs(batches):
    lbfgs = functools.partial(torch.optim.LBFGS, lr=0.05, max_iter=4)

    def step(network, images, labels, loss_function, optimizer):
        def closure():
            optimizer.zero_grad()
            loss = loss_function(network(images), labels)
            loss.backward()
            return loss

        optimizer.step(closure)

    return run(mlp(width=16), batches[:1], lbfgs, step=step)


@setup
def two_groups(batches):
    def make(weights):
        groups = [{"params": weights[:2], "lr": 1e-4}, {"params": weights[2:], "weight_decay": 0.0}]
        return torch.optim.AdamW(groups, lr=1e-3)

    return run(mlp(), batches, make, step=by_the_book)


@setup
def a_warm_up_from_zero(batches):
    def make(weights):
        optimizer = torch.optim.SGD(weights, lr=0.1)
        torch.optim.lr_scheduler.LambdaLR(optimizer, lambda n: min(1, n / 100))
        return optimizer

    return run(mlp(), batches, make)


@setup
def one_cycle(batches):
    def make(weights):
        optimizer = torch.optim.SGD(weights, lr=0.1, momentum=0.9)
        torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.1, total_steps=500)
        return optimizer

    return run(cnn(), batches, make, step=by_the_book)


# Data.
@setup
def classes_in_turns(batches):
    points, labels = clouds(2)
    one, other = ((labels == k).nonzero().flatten() for k in range(2))
    count = min(len(one), len(other))
    turns = torch.stack([one[:count], other[:count]], dim=1).flatten()
    pairs = zip(points[turns].split(32), labels[turns].split(32), strict=True)
    return run(nn.Linear(64, 2), list(pairs), step=by_the_book)


@setup
def ten_classes_in_turns(batches):
    points, labels = clouds(10)
    turns = torch.stack([(labels == k).nonzero().flatten()[:150] for k in range(10)], 1).flatten()
    pairs = zip(points[turns].split(50), labels[turns].split(50), strict=True)
    return run(small(), list(pairs))


@setup
def few_classes_in_each_batch(batches):
    points, labels = clouds(50)
    by_class = [(labels == k).nonzero().flatten() for k in range(50)]
    chosen = [torch.randperm(50)[:8] for _ in range(60)]
    rows = [torch.cat([by_class[k][torch.randperm(len(by_class[k]))[:4]] for k in ks])
            for ks in chosen]  # fmt: skip
    return run(small(classes=50), [(points[r], labels[r]) for r in rows], adam(1e-3))


@setup
def first_one_class_then_the_other_in_each_batch(batches):
    points, labels = clouds(2)
    one, other = ((labels == k).nonzero().flatten()[:800].split(20) for k in range(2))
    rows = [torch.cat(pair) for pair in zip(one, other, strict=True)]
    return run(small(classes=2), [(points[r], labels[r]) for r in rows])


@setup
def a_last_layer_of_zeros_and_as_many_of_each_class(batches):
    """A mean over these labels does not tell a class from the next one."""
    network, (points, _) = small(), clouds(10)
    nn.init.zeros_(network[2].weight)
    nn.init.zeros_(network[2].bias)
    labels = torch.stack([torch.randperm(10) for _ in range(200)]).flatten()
    points = torch.randn(10, 64)[labels] + 0.5 * points
    pairs = zip(points.split(50), labels.split(50), strict=True)
    return run(network, list(pairs), step=by_the_book)


@setup
def images_that_ask_for_a_gradient(batches):
    return run(mlp(), [(x.clone().requires_grad_(), y) for x, y in batches], step=by_the_book)


@setup
def two_classes(batches):
    return run(small(classes=2), shuffled(*clouds(2)), step=by_the_book)


@setup
def a_hundred_classes(batches):
    return run(small(classes=100), shuffled(*clouds(100, 4_000)), adam(1e-3))


@setup
def ninety_five_to_five(batches):
    points, labels = clouds(2, 20_000)
    kept = (labels == 0) | (torch.arange(20_000) % 19 == 0)
    return run(small(classes=2), shuffled(points[kept][:2_000], labels[kept][:2_000]))


@setup
def twenty_images(batches):
    points, labels = clouds(2, 20)
    return run(small(classes=2), shuffled(points, labels, 4))


@setup
def batches_of_one(batches):
    return run(small(), shuffled(*clouds(10, 400), size=1), sgd(0.01))


@setup
def one_batch_in_order(batches):
    points, labels = clouds(10)
    order = labels.argsort()
    return run(small(), [(points[order], labels[order])])


@setup
def standardised_images(batches):
    return run(cnn(), [((x - 0.286) / 0.353, y) for x, y in batches], sgd(0.05))


@setup
def images_that_the_network_scales(batches):
    scaling = nn.Sequential(Layer(lambda x: x / 255), mlp())
    return run(scaling, [(255 * x, y) for x, y in batches])


@setup
def a_loader_that_shuffles_and_augments(batches):
    images, labels = (torch.cat(part) for part in zip(*batches, strict=True))

    class Augmented(torch.utils.data.Dataset):
        def __len__(self):
            return len(labels)

        def __getitem__(self, number):
            image = images[number].flip(-1) if torch.rand(()) < 0.5 else images[number]
            return image, int(labels[number])

    loader = torch.utils.data.DataLoader(Augmented(), batch_size=64, shuffle=True)
    return run(cnn(), loader, step=by_the_book)


@setup
def a_loader_of_ones_own_that_begins_anew(batches):
    class Anew:
        def __iter__(self):
            self.place = 0
            return self

        def __next__(self):
            self.place += 1
            if self.place > len(batches):
                raise StopIteration
            return batches[self.place - 1]

    return run(mlp(), Anew(), step=by_the_book, test=[(1 - x, y) for x, y in batches[:2]])


@setup
def many_wrong_labels(batches):
    points, labels = clouds(10)
    wrong = torch.rand(len(labels)) < 0.6
    noisy = labels.where(~wrong, torch.randint(10, (len(labels),)))
    return run(small(), shuffled(points, noisy))


SETUPS |= {name: lambda _, make=make: make() for name, make in set_ups.RUNS.items()}


def test_there_are_as_many_set_ups_as_promised():
    assert len(SETUPS) >= 60 and set(QUICK) <= set(SETUPS)


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[] if n in QUICK else pytest.mark.proof) for n in SETUPS]
)
def test_a_sound_set_up_is_ready_and_left_as_it_was(name, batches):
    torch.manual_seed(2)
    report = SETUPS[name](batches).checked()
    assert report.healthy, report
    assert str(report).startswith("Ready: nothing wrong was found. Not looked at: ")
