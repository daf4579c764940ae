"""`fit` and `evaluate`: whole sentences, the bar, and what is left on each way out."""

import contextlib
import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.optim import lr_scheduler
from torch.utils.data import DataLoader, IterableDataset

from fashion_mnist_pipeline.fitting import X, Y, fit, in_batches, network, sgd, weights_of
from helpers.fashion_mnist_pipeline import training

NAN = X * math.nan
BY_TENS = in_batches(X, Y)
LOOK = "look for NaN in the images and in the weights"


def evaluate(net, batches, loss=F.cross_entropy):
    return training.evaluate(net, batches, loss)


def says(sentence, call, *arguments, **options):
    with pytest.raises((TypeError, ValueError)) as caught:
        call(*arguments, **options)
    assert str(caught.value) == sentence
    return caught.value


# --- Whole sentences ---


@pytest.mark.parametrize(
    ("call", "batches", "options", "place", "cure"),
    [
        (fit, [(NAN, Y)], {}, "epoch 1, batch 1", LOOK),
        (fit, [*BY_TENS, (NAN, Y)], {}, "epoch 1, batch 4", f"lower the rate or {LOOK}"),
        (fit, BY_TENS, {"validation": [(X, Y), (NAN, Y)]}, "validation, batch 2", LOOK),
        (evaluate, [*BY_TENS, (NAN, Y)], {}, "batches, batch 4", LOOK),
    ],
)
def test_a_loss_that_is_no_number_is_told_with_its_place_and_cure(
    call, batches, options, place, cure
):
    cure = cure.replace("the rate", "the learning rate (now 0.1)")
    says(f"the loss became nan in {place}: {cure}", call, network(), batches, **options)


class SpoiltLater:
    """Is whole at its first walk."""

    walks = 0

    def __iter__(self):
        self.walks += 1
        return iter([(X if self.walks == 1 else NAN, Y)])


def test_of_a_later_epoch_the_rate_may_be_to_blame_from_its_first_batch_on():
    cure = f"lower the learning rate (now 0.25) or {LOOK}"
    net = network()
    sentence = f"the loss became nan in epoch 2, batch 1: {cure}"
    says(sentence, fit, net, SpoiltLater(), optimizer=sgd(net, 0.25), epochs=2)


class Gives(nn.Linear):
    """Turns its scores into something else."""

    def __init__(self, change):
        super().__init__(6, 3)
        self.change = change

    def forward(self, x):
        return self.change(super().forward(x))


SHAPES = {
    "one score": (lambda s: s[:, :1], "(10, 1) and dtype torch.float32"),
    "an image less": (lambda s: s[1:], "(9, 3) and dtype torch.float32"),
    "flat": (lambda s: s[:, 0], "(10,) and dtype torch.float32"),
    "maps": (lambda s: s[:, :, None], "(10, 3, 1) and dtype torch.float32"),
    "whole numbers": (lambda s: s.long(), "(10, 3) and dtype torch.int64"),
}


@pytest.mark.parametrize("call", [fit, evaluate])
@pytest.mark.parametrize("case", SHAPES)
def test_scores_that_are_none_are_told_by_shape_and_kind(call, case):
    change, shown = SHAPES[case]
    cure = "give floats (10, classes), of two classes at least"
    says(f"the network gave scores of shape {shown} for 10 images: {cure}", call, Gives(change),
         BY_TENS)  # fmt: skip


def test_two_scores_and_one_image_are_enough():
    seen = evaluate(network(scores=2), [(X[:1], Y[:1] * 0)])
    assert len(seen.labels) == 1 and len(fit(network(scores=2), [(X[:1], Y[:1] * 0)]).loss) == 1


def normed():
    return nn.Sequential(nn.Linear(6, 4), nn.BatchNorm1d(4), nn.Linear(4, 3))


class Keeps(nn.Linear):
    kept = 0.0

    def forward(self, x):
        self.kept = super().forward(x) + self.kept
        return self.kept


GIVES = "let forward return scores alone"
NOTHING = "does forward return?"
NUMBERS = "give class numbers from 0 to 2"
BETWEEN = "let no detach(), no_grad(), argmax(), tensor() or NumPy stand between"
ONE_LEFT = "leave it out, as a DataLoader does by drop_last=True, or change the batch size"
SENTENCES = {
    "nothing": (
        Gives(lambda s: None), BY_TENS, f"the network gave NoneType and not a tensor: {NOTHING}",
    ),
    "a pair": (
        Gives(lambda s: (s, s)), BY_TENS, f"the network gave tuple and not a tensor: {GIVES}",
    ),
    "no class": (
        network(), [(X, Y + 1)], f"labels hold 3: the network tells 3 classes apart, so {NUMBERS}",
    ),
    "below": (
        network(), [(X, Y - 1)], f"labels hold -1: the network tells 3 classes apart, so {NUMBERS}",
    ),
    "cut off": (Gives(torch.detach), BY_TENS, f"the loss leads back to no weights: {BETWEEN}"),
    "kept": (
        Keeps(6, 3), BY_TENS,
        "the loss leads into an earlier batch: detach() what is kept from batch to batch",
    ),
    "one left": (
        normed(), in_batches(X[:21], Y[:21]),
        f"batch 3 of epoch 1 holds one image, too few for batch norm: {ONE_LEFT}",
    ),
    "none": (
        network(), [],
        "batches gave no images: pass at least one batch, in what can be walked again: a list, "
        "not a generator",
    ),
    "no weights": (
        nn.ReLU(), BY_TENS,
        "network has no parameters to train: are its layers made in __init__?",
    ),
    "on meta": (
        network().to("meta"), BY_TENS,
        "network is on the meta device, without numbers: make it on a real one",
    ),
    "buffers on meta": (
        nn.Sequential(nn.Linear(6, 3), nn.BatchNorm1d(3, affine=False, device="meta")), BY_TENS,
        "network is on the meta device, without numbers: make it on a real one",
    ),
    "empty": (network(), [(X[:0], Y[:0])], "a batch holds no images: leave empty batches out"),
}  # fmt: skip


@pytest.mark.parametrize("case", SENTENCES)
def test_what_cannot_be_learnt_from_is_told_in_one_whole_sentence(case):
    net, batches, sentence = SENTENCES[case]
    optimizer = sgd(net if case != "no weights" else network())
    says(sentence, fit, net, batches, optimizer=optimizer)


@pytest.mark.parametrize(
    ("loss", "sentence"),
    [
        (lambda s, y: None, "the loss is NoneType and not a tensor: does it return one?"),
        (
            lambda s, y: s.sum(1),
            "the loss has shape (10,): give one number, the mean, and a real one",
        ),
        (
            nn.CrossEntropyLoss,
            "loss_function is a class: give what it makes, CrossEntropyLoss()",
        ),
        (
            nn.CrossEntropyLoss(reduction="sum"),
            "loss_function sums over a batch: give one with reduction='mean'",
        ),
    ],
)
@pytest.mark.parametrize("call", [fit, evaluate])
def test_a_loss_that_is_none_is_told_in_one_whole_sentence(call, loss, sentence):
    says(sentence, call, network(), BY_TENS, loss)


@pytest.mark.parametrize("whose", ["none", "not all"])
def test_whose_weights_an_optimiser_holds_is_told(whose):
    net = network()
    optimizer = sgd(net if whose == "not all" else network())
    if whose == "not all":
        net[2] = nn.Linear(8, 3)
    cure = "make it after the network, from network.parameters(), and set requires_grad_(True) on"
    sentence = f"the optimiser holds {whose} of the network's weights that learn: {cure}"
    says(f"{sentence} frozen ones", fit, net, optimizer=optimizer)


@pytest.mark.parametrize("scheduled", [False, True])
@pytest.mark.parametrize("rate", [-0.5, math.inf, math.nan])
def test_a_rate_that_is_none_is_told_and_the_schedule_where_there_is_one(scheduled, rate):
    net = network()
    optimizer = sgd(net)
    schedule = lr_scheduler.LambdaLR(optimizer, lambda step: 1.0) if scheduled else None
    optimizer.param_groups[0]["lr"] = rate
    cure = "give a number above 0, such as 0.1"
    cure += ", and schedule_every='epoch' if its schedule counts epochs" if scheduled else ""
    sentence = f"the learning rate is {rate}: {cure}"
    says(sentence, fit, net, optimizer=optimizer, schedule=schedule)


def test_a_schedule_that_fails_or_moves_others_is_told():
    net = network()
    optimizer = sgd(net)
    short = lr_scheduler.LambdaLR(optimizer, [1.0].__getitem__)
    end = "none but ReduceLROnPlateau is told the loss"
    sentence = f"the schedule's step failed: list index out of range; {end}"
    error = says(sentence, fit, net, optimizer=optimizer, schedule=short)
    assert isinstance(error.__cause__, IndexError)  # What happened stands below.
    other = lr_scheduler.StepLR(sgd(network()), 1)
    sentence = "schedule moves another optimiser: make it from the one given to fit"
    says(sentence, fit, net, optimizer=sgd(net), schedule=other)


def test_a_confusion_matrix_is_of_whole_numbers_and_names_the_least_that_fits():
    labels, said = torch.tensor([0, 1, -100, 1]), torch.tensor([0, 2, 1, 1])
    seen = training.Evaluation(1.0, 0.5, labels, said, torch.ones(4))
    matrix = seen.confusion_matrix(3)
    assert matrix.tolist() == [[1, 0, 0], [0, 1, 1], [0, 0, 0]] and matrix.dtype == torch.int64
    says("classes is 2: give at least 3", seen.confusion_matrix, 2)


# --- Ways out ---


class StopHere(Exception):
    """As a reader may raise one, to end a run."""


FAILURES = [KeyboardInterrupt(), StopHere("enough"), torch.OutOfMemoryError("no room. Try this")]


def failing(error, net):
    def fail(*_):
        raise error

    net.register_forward_hook(fail)
    return net


@pytest.mark.parametrize("error", FAILURES, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("call", [fit, evaluate])
def test_what_ends_a_run_is_let_through_as_it_is(call, error):
    net = failing(error, network())
    with pytest.raises(type(error)) as caught:
        call(net, BY_TENS)
    assert caught.value is error


@pytest.mark.parametrize(
    "error", [*FAILURES, ValueError("of code")], ids=lambda e: type(e).__name__
)
@pytest.mark.parametrize("mode", [True, False])
def test_an_evaluation_that_fails_leaves_each_layer_in_its_mode(error, mode):
    net = nn.Sequential(normed(), nn.Dropout()).train(mode)
    net[0][1].train(not mode)  # One of them the other way round.
    before = [one.training for one in net.modules()]
    with pytest.raises(type(error)), torch.enable_grad():
        evaluate(failing(error, net), BY_TENS)
    assert [one.training for one in net.modules()] == before
    assert torch.is_grad_enabled()


def test_only_the_first_sentence_of_an_error_is_handed_on_and_the_rest_stands_below():
    def fail(*_):
        raise RuntimeError("it broke. Look there\nand there")

    net = network()
    net.register_forward_hook(fail)
    sentence = "the network does not take images of shape (10, 6) and dtype torch.float32: it broke"
    error = says(sentence, evaluate, net, BY_TENS)
    assert str(error.__cause__) == "it broke. Look there\nand there"


def test_what_is_tried_for_a_cure_changes_nothing():
    net = normed()
    net.register_buffer("seen", torch.zeros(()))

    def count(network, _):
        network.seen += 1

    net.register_forward_pre_hook(count)
    before = [one.clone() for one in net[1].buffers()]
    with pytest.raises(ValueError, match=r"; it does take images.to\(torch.float32\)$"):
        fit(net, [(X.double(), Y)])
    assert net.seen == 1  # The one call that failed; the others were a copy's.
    assert all(map(torch.equal, before, net[1].buffers())) and net.training
    assert all(weight.grad is None for weight in net.parameters())


def test_gradients_are_made_where_one_trains_and_not_where_one_looks():
    net, graphs = network(), []
    net.register_forward_hook(lambda *given: graphs.append((net.training, given[2].requires_grad)))
    fit(net, [(X, Y)], validation=[(X, Y)])
    evaluate(net, [(X, Y)])
    assert graphs == [(True, True), (False, False), (False, False)]
    assert net.training


# --- The bar ---


class Stream(IterableDataset):
    def __iter__(self):
        return iter(zip(X, Y, strict=True))


@pytest.fixture
def noted(monkeypatch):
    """Note what the bars are told, in place of drawing them."""
    told = []

    class Bar(contextlib.nullcontext):
        def __enter__(self):
            return self

        def update(self):
            told.append("update")

        def set_postfix_str(self, text):
            told.append(text)

    def bar(**look):
        told.append(look)
        return Bar()

    def walked(walk, unit, what, total=None, *, shown=True):
        told.append((unit, what, total, shown))
        return walk

    monkeypatch.setattr(training.progress_bars, "bar", bar)
    monkeypatch.setattr(training.progress_bars, "walked", walked)
    return told


@pytest.mark.parametrize("shown", [True, False])
def test_the_bar_goes_to_the_end_and_tells_epoch_and_accuracy(noted, shown):
    half = in_batches(X[:20], Y[:20])
    history = fit(network(), epochs=2, validation=half, progress=shown)
    assert history.accuracy != history.validation_accuracy
    expected = [{"total": 6, "unit": "batch", "shown": shown}]
    for epoch, accuracy in enumerate(history.accuracy, start=1):
        expected += [*["update"] * 3, ("batch", "validation", 2, shown)]
        expected += [f"epoch {epoch}, accuracy {100 * accuracy:.1f}%"]
    assert noted == expected


def test_without_a_length_the_bar_has_no_end(noted):
    loader = DataLoader(Stream(), 10)
    fit(network(), loader, validation=loader)
    evaluate(network(), loader)
    evaluate(network(), BY_TENS)
    assert noted[0] == {"total": None, "unit": "batch", "shown": False}
    looks = [("validation", None, False), ("batches", None, True), ("batches", 3, True)]
    assert [one for one in noted if isinstance(one, tuple)] == [("batch", *look) for look in looks]


def test_what_tells_only_how_much_is_left_gives_the_bar_its_end(noted):
    fit(network(), iter(BY_TENS), validation=iter(BY_TENS[:2]))
    evaluate(network(), iter(BY_TENS[1:]))
    assert noted[0]["total"] == 3
    totals = [("validation", 2, False), ("batches", 2, True)]
    assert [one[1:] for one in noted if isinstance(one, tuple)] == totals


def test_a_bar_is_what_fit_shows_unless_it_is_told_otherwise(noted):
    net = network()
    training.fit(net, BY_TENS, F.cross_entropy, sgd(net), epochs=1)
    assert noted[0]["shown"] is True


# --- Small parts ---


def test_three_rounds_are_timed_where_none_are_named():
    called = []
    training.seconds(called.append, 1)
    assert called == [1] * 4  # One more to warm up.


def test_one_group_holds_all_and_each_number_in_it_is_heeded():
    weight = torch.zeros(2, requires_grad=True)
    optimizer = training.MomentumSGD(iter([weight]), lr=1.0)
    assert optimizer.param_groups == [{"params": [weight], "lr": 1.0, "momentum": 0.0}]
    places = []
    for momentum, slope in ((0.0, 1.0), (0.5, 0.0), (0.0, 0.0), (0.5, 2.0)):
        optimizer.param_groups[0]["momentum"] = momentum
        weight.grad = torch.full((2,), slope)
        optimizer.step()
        assert weight.grad.tolist() == [slope] * 2  # It is forgotten by `zero_grad` alone.
        places.append(weight.tolist()[0])
    assert places == [-1.0, -1.5, -1.5, -3.5]


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_momentum_keeps_the_kind_of_number_and_no_graph(dtype):
    weight = torch.zeros(2, dtype=dtype, requires_grad=True)
    optimizer = training.MomentumSGD([weight], lr=0.5, momentum=0.5)
    weight.sum().backward()
    optimizer.step()
    assert weight.dtype == dtype and weight.is_leaf and weight.tolist() == [-0.5, -0.5]
    place = weight.data_ptr()
    optimizer.step()  # In place: who holds the numbers elsewhere sees them move.
    assert weight.data_ptr() == place and weight.tolist() == [-1.25, -1.25]


def test_a_cycle_that_counts_epochs_needs_no_more_than_there_are():
    net = network()
    optimizer = sgd(net)
    cycle = lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=2)
    fit(net, optimizer=optimizer, schedule=cycle, schedule_every="epoch", epochs=2)
    assert cycle.last_epoch == 2
    cycle = lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=2)
    sentence = "schedule has 2 steps left and would be told 3: make it with total_steps=3"
    options = {"schedule": cycle, "schedule_every": "epoch", "epochs": 3}
    says(sentence, fit, net, optimizer=optimizer, **options)


def test_images_are_named_in_pieces_of_five_hundred_and_without_a_graph():
    pieces = []

    def predict(some):
        pieces.append((len(some), torch.is_grad_enabled()))
        return torch.zeros(len(some), dtype=torch.int64)

    images, labels = torch.zeros(1001, 28, 28), torch.arange(1001) % 7
    assert training.fraction_named(predict, images, labels) == 143 / 1001
    assert pieces == [(500, False), (500, False), (1, False)]


def test_each_history_has_lists_of_its_own():
    one, other = training.History(), training.History()
    one.loss.append(1.0)
    assert other.loss == other.accuracy == other.validation_loss == other.validation_accuracy == []


def test_what_was_seen_is_kept_on_its_own_and_not_as_a_part_of_the_network():
    net = network()
    before = weights_of(net)
    seen = evaluate(net, BY_TENS)
    assert seen.labels.dtype == seen.predictions.dtype == torch.int64
    assert seen.confidences.dtype == torch.float32 and not seen.confidences.requires_grad
    assert isinstance(seen.loss, float) and isinstance(seen.accuracy, float)
    assert all(map(torch.equal, before, weights_of(net)))
