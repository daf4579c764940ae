"""What the check promises whatever it is handed: nothing is changed, and all is said in a line."""

import copy
import io
import itertools
import operator
import sys
import threading

import numpy
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from debugging_clinic import set_ups
from debugging_clinic.set_ups import BATCHES, IMAGES, LABELS, mlp, sgd
from helpers.debugging_clinic import preflight, rehearsal
from helpers.debugging_clinic.steps import by_the_book


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("lock", threading.Lock),
        ("log", lambda: open("/dev/null")),
        ("more", lambda: iter(DataLoader(IMAGES))),
        ("rows", lambda: (row for row in IMAGES)),
        ("hidden", lambda: {"thread": threading.current_thread(), "lock": threading.Lock()}),
    ],
)
def test_what_cannot_be_copied_is_named_and_is_no_fault(name, make):
    for place in ("network", "optimizer"):
        network = mlp()
        optimizer = sgd(network)
        setattr(network if place == "network" else optimizer, name, make())
        with pytest.raises(TypeError, match=rf"^{place}\.{name} is .*the check works on copies"):
            preflight.check(network, BATCHES, F.cross_entropy, optimizer)


def test_a_graph_of_an_earlier_call_is_a_fault_and_not_one_made_anew():
    torch.manual_seed(0)
    run = set_ups.tiny()
    run.network[0].seen = [run.network(IMAGES[:4])]
    report = preflight.check(run.network, BATCHES, F.cross_entropy, run.optimizer)
    assert report.faults == ("a graph kept with the network",)


def test_a_copy_of_an_optimizer_has_the_attributes_of_its_class():
    """Lookahead trains only if its copy holds the copy of the optimiser within it, and so on."""
    network = mlp()
    optimizer = set_ups.Lookahead(set_ups.Halves(network.parameters(), 0.5))
    twin, its = rehearsal.copies(network, optimizer)
    assert its.inner.param_groups is its.param_groups and its.inner is not optimizer.inner
    held = [weight for group in its.param_groups for weight in group["params"]]
    assert all(map(operator.is_, held, twin.parameters()))
    assert (its.calls, its.inner.count, its.inner.rates) == (0, 0, [])


def adapting_a_copy(network, images, labels, loss_function, optimizer):
    """Take the gradient where a copy is after a step of its own."""
    optimizer.zero_grad()
    fast = copy.deepcopy(network)
    set_ups.book(fast, images, labels, loss_function, sgd(fast))
    loss = loss_function(fast(images), labels)
    gradients = torch.autograd.grad(loss, list(fast.parameters()))
    for weight, gradient in zip(network.parameters(), gradients, strict=True):
        weight.grad = gradient
    optimizer.step()


def by_hand_without_clearing(network, images, labels, loss_function, optimizer):
    loss_function(network(images), labels).backward()
    with torch.no_grad():
        for weight in network.parameters():
            weight -= 0.1 * weight.grad


def clamping_within_an_accumulation():
    calls = itertools.count(1)

    def step(network, images, labels, loss_function, optimizer):
        (loss_function(network(images), labels) / 3).backward()
        if next(calls) % 3 == 0:
            optimizer.step()
            optimizer.zero_grad()
        for weight in network.parameters():
            weight.data.clamp_(-0.3, 0.3)

    return step


@pytest.mark.parametrize(
    ("step", "faults"),
    [
        (adapting_a_copy, ()),
        (by_hand_without_clearing, ("gradients never cleared",)),
        (clamping_within_an_accumulation(), ()),
    ],
)
def test_a_step_may_train_a_copy_or_move_the_weights_by_hand(step, faults):
    torch.manual_seed(0)
    assert set_ups.tiny(step=step).checked().faults == faults


class Endless:
    batches = BATCHES

    def __iter__(self):
        while True:
            yield from self.batches


def test_batches_without_an_end_are_looked_at_for_a_while():
    torch.manual_seed(0)
    run = set_ups.tiny()
    handed = run.network, Endless(), run.loss_function, run.optimizer
    report = preflight.check(*handed, test=[(IMAGES[:30] + 1, LABELS[:30])])
    assert "training images after the first 100,000" in str(report) and report.healthy
    # Where a round is longer than what tells how usual it is that images come again.
    many = torch.rand(3_000, 8)
    Endless.batches = [(many, many.argmax(dim=1) % 3)]
    report = preflight.check(*handed, test=[(many[-30:], LABELS[:30])])
    assert "test images among the training images" in report.faults


class Once:
    """Its walk goes on where the last one ended."""

    def __init__(self):
        self.rest = iter(BATCHES)

    def __iter__(self):
        return self.rest


def test_a_stream_that_is_used_up_is_told_of():
    torch.manual_seed(0)
    run = set_ups.tiny()
    with pytest.raises(ValueError, match="^batches can be walked only once"):
        preflight.check(run.network, Once(), F.cross_entropy, run.optimizer, test=BATCHES)


def test_what_was_not_looked_at_is_said():
    torch.manual_seed(0)

    def with_a_loss_of_its_own(network, images, labels, _, optimizer):
        set_ups.book(network, images, labels, F.multi_margin_loss, optimizer)

    class Stops(torch.optim.SGD):
        def step(self):
            raise NotImplementedError

    network = mlp()
    run = set_ups.tiny(network, Stops(network.parameters()), with_a_loss_of_its_own)
    with pytest.raises(NotImplementedError):  # It is the step's own error.
        run.check()
    run.optimizer = Stops(mlp().parameters())  # What was found before may be why.
    assert run.check().faults == ("parameters not handed to the optimiser",)
    run.step, run.optimizer = None, Stops(network.parameters())
    assert "the first updates: the optimiser's step() raises NotImplementedError" in str(
        run.check()
    )
    said = str(set_ups.tiny(step=with_a_loss_of_its_own).check())
    assert "the step's own loss (it never calls loss_function)" in said
    scripted = set_ups.tiny(torch.jit.trace(mlp(), IMAGES))
    for scripted.step in (set_ups.book, None):
        with pytest.raises(TypeError, match="^network is of TorchScript.*: give the module"):
            scripted.check()


def noisy(network, images, *rest):
    set_ups.book(network, images + 0.01 * torch.rand_like(images), *rest)


def by_hand(network, images, labels, loss_function, _):
    network.zero_grad()
    loss_function(network(images), labels).backward()
    with torch.no_grad():
        for weight in network.parameters():
            weight -= 0.1 * weight.grad


class Noisy(TensorDataset):
    def __getitem__(self, number):
        image, label = super().__getitem__(number)
        return image + 0.01 * torch.rand_like(image), label


OVER_IMAGES = nn.BatchNorm1d(12, track_running_stats=False)
UNSEEN = {
    "1 of the 4 classes, of which no image came": {
        "network": nn.Sequential(nn.Linear(8, 12), nn.ReLU(), nn.Linear(12, 4))
    },
    "whether the step hands the loss the labels of its images": {"step": noisy},
    "the optimizer, without which the step moves the weights": {"step": by_hand},
    "the network takes no image alone": {"network": mlp(OVER_IMAGES)},
    "test images that train in another form": {
        "batches": DataLoader(Noisy(IMAGES, LABELS), 20),
        "test": [(IMAGES[:20], LABELS[:20])],
    },
}


@pytest.mark.parametrize("said", UNSEEN)
def test_ready_lists_what_one_run_hides(said):
    torch.manual_seed(0)
    options = dict(UNSEEN[said])
    test = options.pop("test", None)
    run = set_ups.tiny(**options)
    run.test = test
    report = run.checked()
    assert report.healthy and said in str(report)
    assert said not in str(set_ups.tiny().checked())


def test_names_that_a_compiler_puts_into_globals_stay():
    """PyTorch's compiler does so when a function is first called, which needs them ever after."""

    def step(*given):
        globals()["__compiled_fn_1"] = globals()["OF_THE_STEP"] = 1
        set_ups.book(*given)

    set_ups.tiny(step=step).check()
    assert globals().pop("__compiled_fn_1") == 1 and "OF_THE_STEP" not in globals()


LAZY = nn.Sequential(nn.LazyLinear(4), nn.Linear(4, 3))
NORMED = nn.Sequential(nn.Linear(8, 4), nn.BatchNorm1d(4), nn.Linear(4, 3))
ONE = nn.Linear(8, 1)
ON_META = nn.Linear(8, 3, device="meta")
ONE_MORE = [*BATCHES, (IMAGES[:1], LABELS[:1])]
FAR = DataLoader(TensorDataset(IMAGES.repeat(40, 1)[:2_361], LABELS.repeat(40)[:2_361]), 20)
WITH_12 = [*BATCHES[:2], (IMAGES[:3], torch.tensor([0, 12, 1]))]


class Two(nn.Linear):
    def forward(self, images):
        scores = super().forward(images)
        return (scores, scores) if self.training else scores


def pairs(images=IMAGES, labels=LABELS):
    return [(images, labels)]


class Through(nn.Module):
    """Runs itself by a function that a copy would share with it."""

    def __init__(self):
        super().__init__()
        self.layers = mlp()
        self.run = lambda images: self.layers(images)

    def forward(self, images):
        return self.run(images)


TOKENS = torch.randint(9, (60, 8))
REFUSED = [
    ("network gives 1 score for an image: give one for each of two classes", ONE, pairs(), None),
    ("network has no size for 0.weight yet, which is lazy: call network", LAZY, pairs(), None),
    ("network has no numbers in weight, on the meta device: call", ON_META, pairs(), None),
    ("network does not take .*batch 4, of one image: drop_last=True", NORMED, ONE_MORE, None),
    ("network does not take .*batch 119, of one image: drop_last=True", NORMED, FAR, None),
    ("network does not take .*batch 121, of one image", NORMED, BATCHES * 40 + ONE_MORE[3:], None),
    ("network gives a tuple for 60 images: give scores", Two(8, 3), pairs(), None),
    ("labels of batches do not fit 3 scores: in batch 3, Target 12", mlp(), WITH_12, None),
    ("loss_function does not take 3 scores.*size", mlp(), pairs(), F.binary_cross_entropy),
    ("labels of batches have dtype torch.float32: the check is for class numbers, int64",
     mlp(), pairs(labels=LABELS.float()), F.mse_loss),
    ("labels of batches have dtype torch.float32: the check is for class numbers, int64",
     mlp(), pairs(labels=F.one_hot(LABELS).float()), None),
    ("labels of batches are a tensor of shape .60, 1.*: give labels.squeeze.1.",
     mlp(), pairs(labels=LABELS[:, None]), None),
    ("labels of batches are a list: give one tensor", mlp(), pairs(labels=[0, 1]), None),
    ("images of batches are .*int64: .*not for tokens", mlp(), pairs(TOKENS), None),
    ("images of batches are .*bool: give images.float", mlp(), pairs(IMAGES > 0), None),
    ("images of batches are .*complex64: .*real", mlp(), pairs(IMAGES.cfloat()), None),
    ("images of batches are a tuple: give one tensor", mlp(), pairs((IMAGES, IMAGES)), None),
    ("images of batches are of .*strided on meta", mlp(), pairs(IMAGES.to("meta")), None),
    ("images of batches are of torch.sparse_coo", mlp(), pairs(IMAGES.to_sparse()), None),
    ("images of batches are nested", mlp(),
     pairs(torch.nested.nested_tensor([IMAGES[0], IMAGES[0, :4]])), None),
    ("labels of batches are of .* on meta", mlp(), pairs(labels=LABELS.to("meta")), None),
    ("images of batches have shape .0, 8.: leave", mlp(), pairs(IMAGES[:0], LABELS[:0]), None),
    ("images of batches have shape .60, 9. after .60, 8.: give images of one size",
     mlp(), [*pairs(), (torch.rand(60, 9), LABELS)], None),
    ("batches holds a dict: give pairs", mlp(), [{"x": IMAGES, "y": LABELS}], None),
]  # fmt: skip


@pytest.mark.parametrize(("said", "network", "batches", "loss_function"), REFUSED)
def test_what_cannot_be_checked_is_named_with_its_cure(said, network, batches, loss_function):
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    with pytest.raises((TypeError, ValueError), match=f"^{said}") as caught:
        preflight.check(network, batches, loss_function or F.cross_entropy, optimizer)
    assert "\n" not in str(caught.value)


THROUGH = Through()
OPTIONS = {
    "network is a class: give one of its objects, Linear": {"network": nn.Linear},
    "loss_function is a class: give one of its objects, NLL": {"loss_function": nn.NLLLoss},
    "step does not take five arguments .*: it is called as": {"step": lambda network, batch: 0},
    "test gave no images: pass": {"test": []},
    "batches is a TensorDataset, .*: give torch.*DataLoader": {
        "batches": TensorDataset(IMAGES, LABELS)
    },
    "network holds a function, .*: write it as a method": {
        "network": THROUGH,
        "optimizer": sgd(THROUGH),
    },
}


@pytest.mark.parametrize("said", OPTIONS)
def test_what_is_handed_over_by_mistake_is_named_with_its_cure(said):
    network = mlp()
    fine = {
        "network": network,
        "batches": BATCHES,
        "loss_function": F.cross_entropy,
        "optimizer": sgd(network),
        "seed": numpy.int64(1),
    }
    with pytest.raises((TypeError, ValueError), match=f"^{said}") as caught:
        preflight.check(**fine | OPTIONS[said])
    assert "\n" not in str(caught.value)


def test_it_works_where_no_gradients_are_wanted():
    torch.manual_seed(0)
    run = set_ups.tiny()
    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            report = preflight.check(run.network, BATCHES, F.cross_entropy, run.optimizer)
        assert report.healthy


def test_a_step_that_would_save_a_copy_is_refused_before_it_does(tmp_path):
    kept = tmp_path / "best.pt"
    kept.write_text("learnt for a day")

    def step(network, *rest):
        copied = io.BytesIO()
        torch.save(network.state_dict(), copied)  # That is no file.
        set_ups.book(network, *rest)
        torch.save(network.state_dict(), kept)

    with pytest.raises(ValueError, match="^step writes the file .*best.pt.*: hand it the step"):
        set_ups.tiny(step=step).check()
    assert kept.read_text() == "learnt for a day"


@pytest.mark.parametrize("share", [0.1, 1.0])
def test_a_softmax_shows_however_deep_in_a_loss(share):
    def loss_function(scores, labels):
        return share * F.cross_entropy(scores.softmax(1), labels) + 0.01 * scores.square().mean()

    torch.manual_seed(0)
    network = mlp()
    report = preflight.check(network, BATCHES, loss_function, sgd(network))
    assert report.faults == ("softmax before cross-entropy",)


@pytest.mark.parametrize("step", [None, set_ups.book, by_the_book])
def test_scores_with_others_beside_them_need_a_step_that_deals_with_them(step):
    class Heads(nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.other = mlp(), mlp()

        def forward(self, images):
            return self.one(images), self.other(images)

    network = Heads()
    with pytest.raises((TypeError, ValueError)) as caught:
        preflight.check(network, BATCHES, F.cross_entropy, sgd(network), step=step)
    # Of a step of one's own it is the error that is shown.
    told = "network gives a tuple for 20 images: give scores of shape (20, classes)"
    assert (str(caught.value) == told) == (step is not set_ups.book)


def test_a_step_that_stops_itself_at_a_large_loss_has_too_high_a_rate():
    """Before the loss is large enough to show by itself: it grows by a fourth in each step."""

    def squares(scores, labels):
        return (scores - F.one_hot(labels, 3)).square().sum(dim=1).mean()

    def step(network, images, labels, loss_function, optimizer):
        if (loss := loss_function(network(images), labels)) > 3:
            raise OverflowError("the loss is over 3")
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    torch.manual_seed(0)
    network = nn.Linear(8, 3)
    optimizer = torch.optim.SGD(network.parameters(), 0.79)
    report = preflight.check(network, BATCHES, squares, optimizer, step=step)
    assert report.faults == ("learning rate too high",)


def test_what_a_step_holds_may_answer_for_any_attribute():
    """As a class of a package does that stands in for another until that one is made."""

    class StandsIn:
        __slots__ = ()

        def __getattr__(self, name):
            raise RuntimeError(f"no {name} before it is made")

    tool = StandsIn()
    run = set_ups.tiny(step=lambda *given: set_ups.book(*given) if tool else None)
    assert run.check().healthy


def test_who_listens_to_python_goes_on_listening():
    heard = []
    sys.setprofile(lambda *_: heard.append(1))
    mine = sys.getprofile()
    try:
        set_ups.tiny().check()
        assert sys.getprofile() is mine
    finally:
        sys.setprofile(None)
    assert heard


def test_after_an_error_backward_uses_graphs_up_again():
    held = mlp()(IMAGES).sum()

    def step(*given):
        raise ValueError(f"stopped at {held.item()}")

    own = torch.autograd._engine_run_backward
    with pytest.raises(ValueError, match="stopped at"):
        set_ups.tiny(step=step).check()
    assert torch.autograd._engine_run_backward is own


def test_a_softmax_of_ones_own_shows_in_a_summed_loss():
    def loss_function(scores, labels):
        return F.nll_loss(scores.softmax(1).log_softmax(1), labels, reduction="sum")

    torch.manual_seed(0)
    network = mlp()
    report = preflight.check(network, BATCHES, loss_function, sgd(network, 0.001))
    assert {*report.faults} == {"softmax before cross-entropy", "loss summed"}


@pytest.mark.parametrize("factor", [60, -60])
def test_inputs_are_too_large_on_either_side_of_zero(factor):
    torch.manual_seed(0)
    network = mlp()
    batches = [(factor * images.abs(), labels) for images, labels in BATCHES]
    report = preflight.check(network, batches, F.cross_entropy, sgd(network, 1e-6))
    assert "inputs not scaled" in report.faults


@pytest.mark.parametrize("ask", [torch.autograd.backward, torch.autograd.grad])
def test_a_graph_that_a_step_holds_can_still_be_used_afterwards(ask):
    weight, used = torch.ones(2, requires_grad=True), []
    held = weight.prod()

    def step(*given):
        if not used:
            used.append(ask(held, **{"inputs": weight}))
        set_ups.book(*given)

    assert set_ups.tiny(step=step).check().healthy
    ask(held, inputs=weight)


@pytest.mark.parametrize("part", ["batches", "test"])
def test_an_odd_batch_is_called_by_the_part_that_it_is_in(part):
    network = mlp()
    given = {"batches": BATCHES, "test": BATCHES, part: [(IMAGES, LABELS.float())]}
    with pytest.raises(TypeError, match=f"^labels of {part} have dtype torch.float32"):
        preflight.check(
            network, given["batches"], F.cross_entropy, sgd(network), test=given["test"]
        )
