"""`fit` and `evaluate` on paths that few take: each ends as it should, or says why in one line."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.optim import lr_scheduler

from fashion_mnist_pipeline.fitting import X, Y, fit, in_batches, network, same, sgd, weights_of
from helpers.fashion_mnist_pipeline import training


def said_by(call, *arguments, **options) -> str:
    with pytest.raises((TypeError, ValueError)) as caught:
        call(*arguments, **options)
    return str(caught.value)


def evaluate(net, batches=((X, Y),), loss=F.cross_entropy):
    return training.evaluate(net, batches, loss)


# --- Whose error it is ---

KINDS = [ZeroDivisionError, AssertionError, AttributeError, IndexError, NameError, RuntimeError]
KINDS += [NotImplementedError, TypeError, ValueError, OverflowError]


class Fails(nn.Linear):
    def __init__(self, error):
        super().__init__(6, 3)
        self.error = error

    def forward(self, x):
        raise self.error


@pytest.mark.parametrize("call", [fit, evaluate])
@pytest.mark.parametrize("kind", KINDS)
def test_whatever_code_stops_with_is_told_in_its_first_sentence(call, kind):
    given = "the network does not take images of shape (30, 6) and dtype torch.float32: "
    net = Fails(kind("at 0.5 it broke. Try this\nand that"))
    assert said_by(call, net, [(X, Y)]) == f"{given}at 0.5 it broke"
    assert said_by(call, Fails(kind()), [(X, Y)]) == f"{given}{kind.__name__}"
    assert said_by(call, Fails(KeyError("lost")), [(X, Y)]) == f"{given}KeyError('lost')"


@pytest.mark.parametrize("kind", [OSError, StopAsyncIteration, EOFError, GeneratorExit])
def test_what_is_no_slip_of_code_goes_its_way(kind):
    with pytest.raises(kind):
        evaluate(Fails(kind("as it is")))


class CannotBeEvaluated(nn.Linear):
    def __init__(self):
        super().__init__(6, 3)

    def train(self, mode=True):
        if not mode:
            raise NotImplementedError("eval is not there. Sorry")
        return super().train(mode)


def test_a_network_that_cannot_be_evaluated_says_so_and_stays_in_its_modes():
    net = nn.Sequential(nn.Dropout(), CannotBeEvaluated())
    sentence = "the network cannot be evaluated: eval is not there"
    assert said_by(evaluate, net) == sentence
    assert said_by(fit, net, [(X, Y)], validation=[(X, Y)]) == sentence
    assert [one.training for one in net.modules()] == [True] * 3


class NeverLearnsAgain(nn.Linear):
    def train(self, mode=True):
        if mode and not self.training:
            raise NotImplementedError
        return super().train(mode)


def test_a_layer_that_cannot_be_told_to_learn_again_stops_nobody():
    net = nn.Sequential(nn.Dropout(), NeverLearnsAgain(6, 3))
    assert len(evaluate(net).labels) == 30
    assert [one.training for one in net.modules()] == [True] * 3


# --- Numbers ---


@pytest.mark.parametrize(("labels", "said"), [([0, 3], [1, 0]), ([1, 0], [0, 3])])
def test_a_matrix_asks_for_room_for_labels_as_well_as_for_predictions(labels, said):
    labels, said = torch.tensor(labels), torch.tensor(said)
    seen = training.Evaluation(1.0, 0.5, labels, said, torch.ones(2))
    assert said_by(seen.confusion_matrix, 3) == "classes is 3: give at least 4"
    matrix = seen.confusion_matrix(5)
    expected = torch.zeros(5, 5, dtype=torch.int64)
    expected[labels, said] = 1
    assert torch.equal(matrix, expected)


def test_the_confidence_is_a_probability_among_the_classes_of_one_image():
    net = nn.Linear(6, 3)
    exponentials = (X @ net.weight.detach().T + net.bias.detach()).double().exp()
    expected = (exponentials / exponentials.sum(1, keepdim=True)).amax(1)
    seen = evaluate(net, in_batches(X, Y, size=7))
    torch.testing.assert_close(seen.confidences.double(), expected, rtol=1e-5, atol=1e-6)


def test_an_infinite_loss_is_told_as_nan_is():
    endless = lambda scores, labels: scores.sum() * 0 + math.inf  # noqa: E731
    cure = "look for log(0) or 0 / 0 in the loss function, as all scores are finite"
    sentence = f"the loss became inf in batches, batch 1: {cure}"
    assert said_by(evaluate, network(), [(X, Y)], endless) == sentence


def test_of_scores_one_of_which_is_nan_the_loss_is_not_to_blame():
    spoilt = X.clone()
    spoilt[4, 0] = math.nan
    cure = "look for NaN in the images and in the weights"
    sentence = f"the loss became nan in batches, batch 1: {cure}"
    assert said_by(evaluate, network(), [(spoilt, Y)]) == sentence


class SpoilsAfter(training.MomentumSGD):
    """Makes one weight infinite, at some step."""

    def __init__(self, weights, steps):
        super().__init__(weights, lr=0.25)
        self.left = steps

    def step(self):
        super().step()
        self.left -= 1
        if not self.left:
            self.param_groups[0]["params"][0].data[0, 0] = math.inf


def test_the_epoch_is_named_whose_last_step_has_spoilt_a_weight():
    net = network()
    optimizer = SpoilsAfter(net.parameters(), steps=6)
    cure = "lower the learning rate (now 0.25) or look for the root or logarithm of 0"
    sentence = f"weights are infinite or NaN after epoch 2: {cure}"
    assert said_by(fit, net, optimizer=optimizer, epochs=4) == sentence


# --- Optimisers and schedules ---


class AsksTwice(torch.optim.Optimizer):
    """Notes what the closure gives, before and after a leap, and leaps back."""

    def __init__(self, weights):
        super().__init__(weights, {"lr": 0.5})
        self.told, self.graphs = [], []

    @torch.no_grad()
    def step(self, closure):
        for leap in (0.0, 1.0):
            for weight in self.param_groups[0]["params"]:
                weight.add_(leap)
            loss = closure()
            self.told.append(float(loss))
            self.graphs.append(loss.requires_grad)
        for weight in self.param_groups[0]["params"]:
            weight.sub_(1.0)


def test_a_closure_gives_the_loss_and_a_batch_is_counted_once():
    net = network()
    optimizer = AsksTwice(net.parameters())
    with torch.no_grad():
        before = [float(F.cross_entropy(net(x), y)) for x, y in in_batches(X, Y)]
    history = fit(net, optimizer=optimizer)
    assert optimizer.told[::2] == pytest.approx(before, rel=1e-4)
    assert optimizer.told[1::2] != pytest.approx(before, rel=1e-2)
    assert history.loss == pytest.approx([sum(before) / 3], rel=1e-4)
    assert optimizer.graphs == [False] * 6


class OfASchedule(torch.optim.SGD):
    def step(self, closure=None):
        raise AttributeError("no attribute '_optimizer_step_pre_hooks'")


def test_an_optimiser_that_was_half_set_up_is_told_to_be_set_up():
    net = network()
    cure = "it has not called torch.optim.Optimizer's __init__, so give one that does"
    sentence = f"the optimiser's step failed (no attribute '_optimizer_step_pre_hooks'); {cure}"
    assert said_by(fit, net, optimizer=OfASchedule(net.parameters(), 0.1)) == sentence


def test_one_weight_without_a_shape_among_others_is_enough():
    weights = [*network().parameters(), *nn.LazyLinear(3).parameters()]
    sentence = "weights have no shape yet: let the network see a batch before"
    assert said_by(training.MomentumSGD, weights, lr=0.1) == sentence


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"schedule_every": "batch"}, "schedule_every is 'batch'"),
        ({"schedule_every": "epochs"}, "schedule_every is 'epochs'"),
        ({"progress": "no"}, "progress is 'no'"),
        ({"progress": None}, "progress is None"),
    ],
)
def test_words_that_are_no_choice_are_refused(options, sentence):
    assert said_by(fit, network(), **options).startswith(f"{sentence}: ")


class CountsAlone:
    """A schedule of one's own, which knows no optimiser."""

    told = 0

    def step(self):
        self.told += 1


@pytest.mark.parametrize(("every", "told"), [("step", 6), ("epoch", 2)])
@pytest.mark.parametrize("validated", [False, True])
def test_a_schedule_of_ones_own_is_told_after_each(every, told, validated):
    schedule = CountsAlone()
    part = [(X, Y)] if validated else None
    fit(network(), schedule=schedule, schedule_every=every, validation=part, epochs=2)
    assert schedule.told == told


def test_a_schedule_around_an_optimiser_within_ours_moves_its_rate():
    class Outer(torch.optim.Optimizer):
        def __init__(self, inner):
            super().__init__(inner.param_groups[0]["params"], {})
            self.inner, self.param_groups = inner, inner.param_groups

        def step(self, closure=None):
            self.inner.step()

    net, plain = network(), network()
    inner, alone = sgd(net), sgd(plain)
    rates = {"lr_lambda": lambda step: 0.5**step}
    fit(net, optimizer=Outer(inner), schedule=lr_scheduler.LambdaLR(inner, **rates))
    fit(plain, optimizer=alone, schedule=lr_scheduler.LambdaLR(alone, **rates))
    assert inner.param_groups[0]["lr"] == 0.1 / 8 and same(weights_of(net), weights_of(plain))


def test_for_one_epoch_what_can_be_walked_once_will_do():
    once, again = network(), network()
    some = fit(once, iter(in_batches(X, Y)), validation=iter(in_batches(X, Y)))
    others = fit(again, validation=in_batches(X, Y))
    assert some == others and same(weights_of(once), weights_of(again))


# --- What is said of images, and where they are taken ---


class Whole(nn.Linear):
    """Holds a whole number before its weights."""

    def __init__(self):
        super().__init__(6, 3)
        self._parameters = {
            "many": nn.Parameter(torch.tensor(1), requires_grad=False),
            **self._parameters,
        }


@pytest.mark.parametrize(
    ("images", "make", "cure"),
    [
        (X.byte(), Whole, ".to(torch.float32) / 255"),
        (X.short(), Whole, ".to(torch.float32)"),
        (X, lambda: network().double(), ".to(torch.float64)"),
    ],
)
def test_the_kind_of_number_that_is_wanted_is_that_of_the_weights(images, make, cure):
    assert said_by(evaluate, make(), [(images, Y)]).endswith(f"; it does take images{cure}")


class Elsewhere(torch.Tensor):
    """Labels that lie on no CPU, as far as they say."""

    is_cpu = False


class Noted(nn.CrossEntropyLoss):
    calls = 0

    def forward(self, scores, labels):
        self.calls += 1
        return super().forward(scores, labels)


@pytest.mark.parametrize("label", [3, -1])
def test_on_an_accelerator_a_label_that_is_no_class_is_tried_by_a_copy_on_a_cpu(label):
    labels, loss = Y.clone(), Noted()
    labels[7] = label
    words = f"labels hold {label}: the network tells 3 classes apart, so give class numbers from"
    said = said_by(evaluate, network(), [(X, labels.as_subclass(Elsewhere))], loss)
    assert said == f"{words} 0 to 2" and loss.calls == 0
    labels[7] = -100  # It is ignored.
    seen = evaluate(network(), [(X, labels.as_subclass(Elsewhere))], loss)
    assert math.isfinite(seen.loss) and loss.calls > 0


@pytest.mark.parametrize(
    ("held", "device"),
    [
        (nn.Linear(6, 3, device="meta"), "meta"),
        (nn.BatchNorm1d(3, affine=False, device="meta"), "meta"),
        (nn.ReLU(), "cpu"),
    ],
)
def test_batches_are_taken_to_where_the_network_is(held, device):
    walk = training._Walk("epoch 1", held, F.cross_entropy)
    ((images, labels),) = walk.over([(X, Y)], "batches")
    assert images.device.type == labels.device.type == device
