"""Runs with one fault as people write them: the check names it, and nothing else.

Each row holds the fault's name and a function that makes the run and returns the check's report.
The notebook publishes their number.
"""

import math
import re
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from debugging_clinic.ill_steps import SETUPS, ill
from debugging_clinic.runs import Layer, Run, adam, cnn, mlp, run, sgd
from debugging_clinic.set_ups import on_the_real_ones
from debugging_clinic.sound_networks import clouds, last, rows_of_pixels, shuffled, small
from debugging_clinic.sound_steps import clipping
from debugging_clinic.test_preflight_healthy import SETUPS as SOUND
from helpers.debugging_clinic import faults
from helpers.debugging_clinic.steps import by_the_book

QUICK = (
    "layers_in_a_list",
    "every_class_in_turn",
    "never_cleared_over_8",
    "wiped_over_4",
    "clipped_before_backward",
    "labels_shuffled",
    "all_one_number",
)


# The network and what holds its weights.
@ill("layers in a plain list")
def layers_in_a_list(batches):
    class Deep(nn.Module):
        def __init__(self):
            super().__init__()
            self.hidden = [nn.Linear(784, 64), nn.Linear(64, 64)]
            self.out = nn.Linear(64, 10)

        def forward(self, x):
            x = x.flatten(1)
            for layer in self.hidden:
                x = layer(x).relu()
            return self.out(x)

    return run(Deep(), batches, step=by_the_book)


@ill("layers in a plain list")
def heads_in_a_dict(batches):
    class Heads(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = nn.Linear(784, 64)
            self.heads = {"small": nn.Linear(64, 10), "large": nn.Linear(64, 10)}

        def forward(self, x):
            hidden = self.body(x.flatten(1)).relu()
            return self.heads["small"](hidden) + self.heads["large"](hidden)

    return run(Heads(), batches)


@ill("layers in a plain list")
def a_layer_made_anew_in_each_call(batches):
    anew = Layer(lambda x: nn.Linear(784, 64)(x.flatten(1)).relu())
    return run(nn.Sequential(anew, nn.Linear(64, 10)), batches)


@ill("layers in a plain list")
def a_tensor_that_is_no_parameter(batches):
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = mlp()
            self.scale = torch.ones(10, requires_grad=True)

        def forward(self, x):
            return self.body(x) * self.scale

    return run(Scaled(), batches, step=by_the_book)


@ill("layers in a plain list")
def a_parameter_times_a_number(batches):
    class Lost(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.out = nn.Linear(784, 64), 0.1 * nn.Parameter(torch.randn(64, 10))

        def forward(self, x):
            return self.body(x.flatten(1)).relu() @ self.out

    return run(Lost(), batches, step=by_the_book)


@ill("layers in a plain list")
def a_frozen_body_and_a_head_in_a_list(batches):
    class Head(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.head = cnn()[:6].requires_grad_(False), [nn.Linear(576, 10)]

        def forward(self, x):
            return self.head[0](self.body(x))

    network = Head()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    return Run(network, batches, F.cross_entropy, optimizer, step=by_the_book)


@ill("no parameters")
def every_layer_in_a_list(batches):
    class Lost(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = [nn.Linear(784, 10)]

        def forward(self, x):
            return self.layers[0](x.flatten(1))

    return Run(Lost(), batches, F.cross_entropy, None)


def all_frozen(batches, step):
    network = cnn().requires_grad_(False)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    return Run(network, batches, F.cross_entropy, optimizer, step=step)


@ill("everything frozen")
def everything_frozen(batches):
    return all_frozen(batches, None)


@ill("everything frozen")
def everything_frozen_with_a_step(batches):
    return all_frozen(batches, by_the_book)


@ill("all weights the same")
def all_one_number(batches):
    network = mlp()
    for weight in network.parameters():
        nn.init.constant_(weight, 0.01)
    return run(network, batches, step=by_the_book)


@ill("all weights the same")
def all_ones_in_a_convolution(batches):
    network = cnn(norm=False)
    for layer in network:
        if hasattr(layer, "weight"):
            nn.init.constant_(layer.weight, 0.05)
    return run(network, batches)


@ill("all weights the same")
def all_zeros(batches):
    network = mlp()
    for weight in network.parameters():
        nn.init.zeros_(weight)
    return run(network, batches)


@ill("all weights the same")
def one_number_in_the_linear_layers_alone(batches):
    network = nn.Sequential(*cnn()[:6], nn.Linear(576, 32), nn.ReLU(), nn.Linear(32, 10))
    for layer in network:
        if isinstance(layer, nn.Linear):
            nn.init.constant_(layer.weight, 0.02)
    return run(network, batches, step=by_the_book)


SETUPS["on_the_real_ones"] = ("step works on something else", lambda _: on_the_real_ones())


@ill("step works on something else")
def an_optimiser_by_another_name(batches):
    network = mlp()
    mine = torch.optim.SGD(network.parameters(), lr=0.1)

    def step(network, images, labels, loss_function, _):
        mine.zero_grad()
        loss_function(network(images), labels).backward()
        mine.step()

    return Run(network, batches, F.cross_entropy, mine, step=step)


@ill("parameters not handed to the optimiser")
def an_optimiser_of_another_network(batches):
    optimizer = torch.optim.SGD(mlp().parameters(), lr=0.1)
    return Run(mlp(), batches, F.cross_entropy, optimizer, step=clipping)


@ill("parameters not handed to the optimiser")
def a_layer_replaced_after_the_optimiser(batches):
    network = cnn()
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    network[-1] = nn.Linear(576, 10)
    return Run(network, batches, F.cross_entropy, optimizer, step=by_the_book)


@ill("no gradient")
def everything_under_no_grad(batches):
    class Silent(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = mlp()

        @torch.no_grad()
        def forward(self, x):
            return self.body(x)

    return run(Silent(), batches, step=by_the_book)


@ill("no gradient")
def detached_in_the_middle(batches):
    return run(mlp(noise=[Layer(torch.Tensor.detach)]), batches, step=by_the_book)


@ill("no gradient")
def a_layer_that_forward_leaves_out(batches):
    unused = Layer(lambda scores: scores, left_out=nn.Linear(3, 3))
    return run(mlp(unused), batches)


@ill("no gradient")
def the_last_output_of_the_way_back(batches):
    """Its state has seen one row only, and the weights from state to state none."""
    gru = nn.GRU(28, 16, batch_first=True, bidirectional=True)
    network = nn.Sequential(rows_of_pixels, gru, last, nn.Linear(32, 10))
    return run(network, batches, adam(1e-3))


@ill("weight decay eats the weights")
def decay_of_the_size_of_the_weights(batches):
    return run(mlp(), batches, sgd(0.1, weight_decay=10.0))


@ill("weight decay eats the weights")
def decay_apart_from_the_gradient(batches):
    make = lambda w: torch.optim.AdamW(w, lr=0.01, weight_decay=50.0)  # noqa: E731
    return run(mlp(), batches, make, step=by_the_book)


@ill("weight decay eats the weights")
def decay_in_one_group(batches):
    def make(weights):
        groups = [{"params": weights[:2], "weight_decay": 5.0}, {"params": weights[2:]}]
        return torch.optim.SGD(groups, lr=0.1, momentum=0.9)

    return run(mlp(), batches, make)


class Remembers(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.rnn, self.state = kind(28, 10, batch_first=True), None

    def forward(self, x):
        out, self.state = self.rnn(x.view(-1, 28, 28), self.state)
        return out[:, -1]


@ill("a graph kept with the network")
def a_state_of_a_gru(batches):
    return run(Remembers(nn.GRU), batches)


@ill("a graph kept with the network")
def a_state_of_an_lstm_with_a_step(batches):
    return run(Remembers(nn.LSTM), batches, step=by_the_book)


@ill("a graph kept with the network")
def a_running_mean_with_its_graph(batches):
    class Running(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.mean = mlp(), 0.0

        def forward(self, x):
            scores = self.body(x)
            self.mean = 0.9 * self.mean + 0.1 * scores.mean(dim=0)
            return scores - self.mean

    return run(Running(), batches, step=by_the_book)


@ill("a graph kept with the network")
def a_mean_of_a_hidden_layer_with_its_graph(batches):
    """As batch normalisation by hand: no score comes of the mean in training."""

    class Normed(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.out, self.mean = nn.Linear(784, 64), nn.Linear(64, 10), 0.0

        def forward(self, x):
            hidden = self.body(x.flatten(1))
            if not self.training:
                return self.out((hidden - self.mean).relu())
            mean = hidden.mean(dim=0)
            self.mean = 0.9 * self.mean + 0.1 * mean
            return self.out((hidden - mean).relu())

    return run(Normed(), batches, step=by_the_book)


@ill("chance in evaluation mode")
def a_layer_that_is_seldom_left_out(batches):
    """The same calls mostly agree."""
    seldom = Layer(lambda hidden: hidden * (1 if torch.rand(()) > 1 / 6 else 0.5))
    return run(mlp(noise=[seldom]), batches)


# Scores and losses.
def ending(name, fault, *head, loss_function=F.cross_entropy, make=None):
    SETUPS[name] = (
        fault,
        lambda b: run(mlp(*head), b, make, loss_function, step=by_the_book),
    )


ending("softmax_and_cross_entropy", "softmax before cross-entropy", nn.Softmax(dim=1))
ending("sigmoid_and_cross_entropy", "scores never below zero", nn.Sigmoid())
ending("relu_after_the_scores", "scores never below zero", nn.ReLU())
ending("large_scores_cut_off_at_0_and_6", "scores never below zero",
       Layer(lambda scores: 30 * scores), nn.ReLU6())  # fmt: skip
ending("raw_scores_in_nll", "nll_loss on raw scores", loss_function=F.nll_loss)
ending("softmax_in_nll", "probabilities in nll_loss", nn.Softmax(1), loss_function=F.nll_loss)
ending("wrong_dimension", "log_softmax over dim=0", nn.LogSoftmax(0), loss_function=F.nll_loss)
ending("a_minus", "loss the wrong way up", loss_function=lambda *said: -F.cross_entropy(*said))
ending("a_sum", "loss summed", loss_function=nn.CrossEntropyLoss(reduction="sum"))
ending("far_too_large", "first loss too high", Layer(lambda scores: 300 * scores))
ending("always_dropping", "chance in evaluation mode", Layer(F.dropout))
ending("a_mean_over_images", "images of a batch depend on each other",
       Layer(lambda scores: scores - scores.mean(dim=0)))  # fmt: skip
ending("a_hundred_times_too_fast", "learning rate too high", make=sgd(100.0, weight_decay=5e-4))


ending("a_logarithm_of_zero", "first loss not finite",
       Layer(lambda scores: (scores - scores.amax(dim=1, keepdim=True)).log()))  # fmt: skip
ending("all_that_is_learnt_is_lost", "one batch is not learnt by heart",
       Layer(lambda scores: scores * 1e-9))  # fmt: skip
ending("a_deviation_over_images", "images of a batch depend on each other",
       Layer(lambda scores: (scores - scores.mean(0)) / scores.std(0, correction=0)))  # fmt: skip
ending("softmax_in_the_loss", "softmax before cross-entropy",
       loss_function=lambda scores, labels: F.cross_entropy(scores.softmax(1), labels))  # fmt: skip
ending("a_loss_of_class_0_alone", "loss ignores the labels",
       loss_function=lambda scores, labels: F.cross_entropy(scores, 0 * labels))  # fmt: skip
ending("up_in_place_of_down", "loss the wrong way up", make=sgd(0.1, maximize=True))
ending("adam_far_too_fast", "learning rate too high", make=adam(1.0))
ending("handed_over_in_part", "parameters not handed to the optimiser",
       make=lambda weights: sgd(0.1)(weights[:2]))  # fmt: skip
ending("a_rate_of_zero", "weights do not move", make=lambda w: torch.optim.SGD(
    [{"params": w[:2], "lr": 0.0}, {"params": w[2:]}], lr=0.1))  # fmt: skip


@ill("model left in eval mode")
def in_eval_mode_from_the_start(batches):
    return run(cnn().eval(), batches)


# Data.
def in_order(points, labels, size):
    order = labels.argsort(stable=True)
    return list(zip(points[order].split(size), labels[order].split(size), strict=True))


def sorted_data(name, classes, size, count=2_000):
    def in_a_row(_):
        return run(small(classes=classes), in_order(*clouds(classes, count), size), sgd(0.05))

    SETUPS[name] = ("data never shuffled", in_a_row)


sorted_data("every_class_in_turn", 10, 100)
sorted_data("sorted_in_batches_as_large_as_two_classes", 10, 400)
sorted_data("sorted_one_image_at_a_time", 5, 1, 400)
sorted_data("the_first_images_are_all_of_one_class", 2, 50, 12_000)


@ill("data never shuffled")
def runs_of_each_class_again_and_again(batches):
    points, labels = clouds(4)
    parts = [(labels == k).nonzero().flatten()[:400].split(100) for k in range(4)]
    rows = torch.cat([part for parts_now in zip(*parts, strict=True) for part in parts_now])
    pairs = zip(points[rows].split(20), labels[rows].split(20), strict=True)
    return run(small(classes=4), list(pairs), sgd(0.01))


@ill("data never shuffled")
def two_classes_in_turns_a_batch_at_a_time(_):
    points, labels = clouds(2)
    parts = [(labels == k).nonzero().flatten()[:600].split(20) for k in range(2)]
    rows = [row for pair in zip(*parts, strict=True) for row in pair]
    return run(small(classes=2), [(points[row], labels[row]) for row in rows], sgd(0.01))


@ill("data never shuffled")
def one_half_of_the_classes_before_the_other(_):
    points, labels = clouds(10)
    halves = [(points[part], labels[part]) for part in (labels < 5, labels >= 5)]
    return run(small(), [batch for half in halves for batch in shuffled(*half, 50)])


@ill("labels not those of the images")
def labels_in_another_order(batches):
    points, labels = clouds(10)
    return run(small(), shuffled(points, labels[torch.randperm(len(labels))]))


@ill("test images among the training images")
def a_test_part_that_was_trained_on(batches):
    return run(mlp(), batches, test=batches[3:5])


@ill("test images among the training images")
def copies_made_before_the_split(_):
    points, labels = (part.repeat(3, *[1] * (part.dim() - 1)) for part in clouds(10, 400))
    order = torch.randperm(1_200)
    points, labels = points[order], labels[order]
    test = [(points[900:].double(), labels[900:])]
    return run(small(), list(zip(points[:900].split(50), labels[:900].split(50), strict=True)),
               step=by_the_book, test=test)  # fmt: skip


@ill("inputs not scaled")
def pixels_up_to_255(batches):
    return run(mlp(), [(255 * x, y) for x, y in batches], step=by_the_book)


@ill("inputs not finite")
def a_division_by_zero(batches):
    return run(mlp(), [(x.where(x > 0, math.nan), y) for x, y in batches])


def test_there_are_as_many_set_ups_as_promised():
    assert len(SETUPS) >= 40 and set(QUICK) <= set(SETUPS)
    assert {fault for fault, _ in SETUPS.values()} <= set(faults.SENTENCES)


def test_the_notebook_names_how_many_set_ups_there_are():
    notebook = Path(__file__).parents[2] / "notebooks" / "05_debugging_clinic.ipynb"
    said = re.search(r"on (\d+) sound runs .* and on (\d+) ill ones", notebook.read_text("utf-8"))
    assert said, "notebook 05 no longer says on how many runs the check is tried"
    assert said.groups() == (str(len(SOUND)), str(len(SETUPS)))


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[] if n in QUICK else pytest.mark.proof) for n in SETUPS]
)
def test_the_fault_is_named_and_no_other_and_nothing_is_changed(name, batches):
    torch.manual_seed(3)
    fault, make = SETUPS[name]
    report = make(batches).checked()
    assert report.faults == (fault,), report
    assert all(finding.evidence.strip() for finding in report.findings)
    assert str(report) == f"{fault}: {faults.SENTENCES[fault]} ({report.findings[0].evidence})"
