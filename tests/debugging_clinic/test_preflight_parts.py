"""What the check says, word by word, and which part of a run it takes for each of its looks."""

import contextlib
import itertools
import warnings

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from debugging_clinic import set_ups
from debugging_clinic.set_ups import BATCHES, IMAGES, LABELS, mlp, sgd
from helpers.debugging_clinic import chance, faults, preflight
from helpers.debugging_clinic.preflight import Finding, Report
from helpers.debugging_clinic.rehearsal import Updates


def checked(network, batches=BATCHES, loss_function=F.cross_entropy, optimizer=None, **options):
    torch.manual_seed(0)
    optimizer = optimizer or torch.optim.SGD(network.parameters(), lr=0.1)
    return preflight.check(network, batches, loss_function, optimizer, **options)


# Reports.
def test_a_report_says_all_that_was_found_or_all_that_was_not_looked_at():
    assert str(Report((), ("the step", "a walk"))) == (
        "Ready: nothing wrong was found. Not looked at: the step; a walk."
    )
    both = Finding(faults.NO_STEP, "not once"), Finding(faults.FROZEN, "0 of 4")
    report = Report(both, ("the step",))
    assert report.faults == (faults.NO_STEP, faults.FROZEN)
    assert not report.healthy and Report(()).healthy and Report(()).faults == ()
    assert str(report).splitlines() == [
        f"no step: {faults.SENTENCES['no step']} (not once)",
        f"everything frozen: {faults.SENTENCES['everything frozen']} (0 of 4)",
    ]


NO_STEP, NO_TEST = "the step (hand it over as step=)", "the test part (test=)"
WALK, FEW = "a second walk of the data", "whether labels fit their images: there are too few"
OTHERS = [(IMAGES + 9, LABELS)]


class Stops(torch.optim.SGD):
    def step(self, closure=None):
        raise NotImplementedError


def four_classes():
    return nn.Sequential(nn.Linear(8, 12), nn.ReLU(), nn.Linear(12, 4))


ENOUGH = [(images.repeat(3, 1), labels.repeat(3)) for images, labels in BATCHES]
READY = {
    "neither": ({}, [NO_STEP, NO_TEST, WALK, FEW]),
    "a step": ({"step": set_ups.book}, [NO_TEST, WALK, FEW]),
    "a test part": ({"test": OTHERS}, [NO_STEP, WALK, FEW]),
    "both": ({"step": set_ups.book, "test": OTHERS}, [WALK, FEW]),
    "enough": ({"step": set_ups.book, "test": OTHERS, "batches": ENOUGH}, [WALK]),
    "a class less": (
        {"network": four_classes, "step": set_ups.book},
        [NO_TEST, WALK, "1 of the 4 classes, of which no image came", FEW],
    ),
    "no update": (
        {"make": Stops},
        [NO_STEP, NO_TEST, WALK,
         "the first updates: the optimiser's step() raises NotImplementedError", FEW],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", READY)
def test_ready_lists_what_was_not_looked_at_in_order(name):
    options, unseen = READY[name]
    options = dict(options)
    torch.manual_seed(0)
    network = options.pop("network", mlp)()
    optimizer = options.pop("make", torch.optim.SGD)(network.parameters(), lr=0.1)
    report = checked(network, optimizer=optimizer, **options)
    assert report == Report((), tuple(unseen))


def test_an_optimiser_of_the_steps_own_is_listed():
    torch.manual_seed(0)
    report = set_ups.one_for_the_head().check()
    assert report == Report((), ("the step's own optimiser", NO_TEST, WALK, FEW))


class Leaves(nn.Module):
    """Scores that also hang on what is no parameter."""

    def __init__(self, *others):
        super().__init__()
        self.layers, self.others = mlp(), [torch.ones(3, requires_grad=True) for _ in others]

    def forward(self, images):
        return self.layers(images) * torch.stack([torch.ones(3), *self.others]).mean(0)


class Silent(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = mlp()

    def forward(self, images):
        return self.layers(images).detach()


def half_frozen():
    network = mlp()
    network[0].requires_grad_(False)
    return network


def holding_a_call():
    network = mlp()
    network[0].seen = network(IMAGES)
    return network


def odd_images(*places):
    images = IMAGES.clone()
    for place, number in zip(places, itertools.cycle([float("nan"), float("inf")]), strict=False):
        images[place, 3:6] = number  # Several in one image count once.
    return list(zip(images.split(20), LABELS.split(20), strict=True))


def grouped(rates, decays):
    def make(weights):
        groups = zip(weights, rates, decays, strict=True)
        groups = [{"params": [w], "lr": rate, "weight_decay": decay} for w, rate, decay in groups]
        return torch.optim.SGD(groups, lr=0.1)

    return make


FOUND = {
    "nothing to train": (nn.Flatten, {}, "no parameters", "network.parameters() is empty"),
    "one odd image": (mlp, {"batches": odd_images(7)}, "inputs not finite",
                      "1 of the first images"),
    "three odd images": (mlp, {"batches": odd_images(7, 30, 59)}, "inputs not finite",
                         "3 of the first images"),
    "frozen": (lambda: mlp().requires_grad_(False), {}, "everything frozen",
               "0 of 4 parameters learn"),
    "silent": (Silent, {}, "no gradient", "the scores have no graph"),
    "one outside": (lambda: Leaves(1), {}, "layers in a plain list",
                    "1 of them, the first of shape (3,)"),
    "two outside": (lambda: Leaves(1, 2), {}, "layers in a plain list",
                    "2 of them, the first of shape (3,)"),
    "a graph of before": (holding_a_call, {}, "a graph kept with the network",
                          "in network.0.seen"),
    "left out": (mlp, {"make": lambda w: torch.optim.SGD([*w][1:3], 0.1)},
                 "parameters not handed to the optimiser", "0.weight, 2.bias"),
    "all left out": (mlp, {"make": lambda w: sgd(mlp())},
                     "parameters not handed to the optimiser",
                     "0.weight, 0.bias, 2.weight and 1 more"),
    "left out but for the frozen ones": (
        half_frozen, {"make": lambda w: torch.optim.SGD([*w][2:3], 0.1)},
        "parameters not handed to the optimiser", "2.bias"),
    "decay": (mlp, {"make": grouped([0.1] * 4, [2.5, 0.0, 0.0, 0.0])},
              "weight decay eats the weights", "lr × weight_decay = 0.25"),
    "most decay": (mlp, {"make": grouped([0.1, 0.2, 0.1, 0.1], [1.5, 1.5, 0.0, 0.0])},
                   "weight decay eats the weights", "lr × weight_decay = 0.3"),
    "a test part": (mlp, {"test": [(IMAGES[:30], LABELS[:30]), *OTHERS]},
                    "test images among the training images", "30 of 90 test images"),
    "uphill": (mlp, {"make": lambda w: torch.optim.SGD(w, 0.1, maximize=True)},
               "loss the wrong way up", "1 more for the right class counts as worse"),
}  # fmt: skip


@pytest.mark.parametrize("name", FOUND)
def test_what_is_found_is_said_with_what_gave_it_away(name):
    make_network, options, fault, evidence = FOUND[name]
    options = dict(options)
    torch.manual_seed(0)
    network = make_network()
    make = options.pop("make", lambda w: torch.optim.SGD(w, lr=0.1))
    optimizer = make(network.parameters()) if list(network.parameters()) else sgd(mlp())
    report = checked(network, optimizer=optimizer, **options)
    assert report.findings == (Finding(fault, evidence),)


# What is refused, word by word.
class Once(IterableDataset):
    def __iter__(self):
        return iter(BATCHES)


def with_buffer():
    network = nn.Flatten()
    network.register_buffer("scale", torch.ones(2, requires_grad=True))
    return network


class Gives(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.layer, self.function = nn.Linear(8, 3), function

    def forward(self, images):
        return self.function(self.layer(images))


def scripted():
    return nn.Sequential(nn.Linear(8, 8), torch.jit.trace(nn.Linear(8, 3), IMAGES))


class Spoils(torch.autograd.Function):
    """Has no way back."""

    @staticmethod
    def forward(ctx, scores):
        return scores.clone()

    @staticmethod
    def backward(ctx, _):
        raise ValueError("no way. Really")


def in_place(scores):
    sure = scores.sigmoid()
    other = sure * 2
    sure += 1
    return other


OF_ONE, OF_TWO = (IMAGES[:1], LABELS[:1]), (IMAGES[:2], LABELS[:2])
CLASSES = "the check is for class numbers, int64"
SHAPE = "a tensor of shape {} and dtype {}".format
FLOATS = "torch.float32"
DENSE = "give a dense tensor that holds numbers"
SAID = [
    (lambda: nn.Linear, {}, "network is a class: give one of its objects, Linear(...)"),
    (mlp, {"loss_function": nn.NLLLoss},
     "loss_function is a class: give one of its objects, NLLLoss(...)"),
    (with_buffer, {}, "network has no parameters, and holds scale in a buffer: "
     "the check is for parameters: hold weights in an nn.Parameter"),
    (lambda: nn.Sequential(nn.Linear(8, 3), nn.LazyLinear(3)), {},
     "network has no size for 1.weight yet, which is lazy: "
     "call network(images) once, and then make the optimizer"),
    (lambda: nn.Sequential(nn.Linear(8, 3), nn.BatchNorm1d(3, device="meta")), {},
     "network has no numbers in 1.weight, on the meta device: "
     "call network.to_empty(device='cpu') and set the weights"),
    (scripted, {}, "network.1 is of TorchScript, where little can be watched: "
     "give the module that it was made of"),
    (mlp, {"step": lambda network, batch: 0},
     "step does not take five arguments (too many positional arguments): "
     "it is called as step(network, images, labels, loss_function, optimizer)"),
    (mlp, {"step": lambda a, b, c, d, e, f: 0},
     "step does not take five arguments (missing a required argument: 'f'): "
     "it is called as step(network, images, labels, loss_function, optimizer)"),
    (mlp, {"batches": iter(BATCHES)},
     "batches can be walked only once: give a list or a loader of batches"),
    (mlp, {"test": iter(BATCHES)},
     "test can be walked only once: give a list or a loader of batches"),
    (mlp, {"batches": []}, "batches gave no images: pass something that holds at least one batch"),
    (mlp, {"test": []}, "test gave no images: pass something that holds at least one batch"),
    (mlp, {"batches": [(IMAGES.byte(), LABELS)]},
     f"images of batches are {SHAPE((60, 8), 'torch.uint8')}: give images.float() / 255"),
    (mlp, {"batches": [(IMAGES > 0, LABELS)]},
     f"images of batches are {SHAPE((60, 8), 'torch.bool')}: give images.float()"),
    (mlp, {"batches": [(LABELS, LABELS)]},
     f"images of batches are {SHAPE((60,), 'torch.int64')}: "
     "the check is for real numbers with a fraction, and not for tokens"),
    (mlp, {"batches": [(IMAGES[0, 0], LABELS)]},
     f"images of batches are {SHAPE((), FLOATS)}: give a batch of them"),
    (mlp, {"batches": [(IMAGES, LABELS.float())]},
     f"labels of batches have dtype torch.float32: {CLASSES}"),
    (mlp, {"batches": [(IMAGES, LABELS.int())]},
     "labels of batches have dtype torch.int32: give int64, labels.long()"),
    (mlp, {"test": [(IMAGES, LABELS[:, None])]},
     f"labels of test are {SHAPE((60, 1), 'torch.int64')}: give labels.squeeze(1)"),
    (mlp, {"batches": [(IMAGES, F.one_hot(LABELS, 3))]},
     f"labels of batches are {SHAPE((60, 3), 'torch.int64')}: give one for each image"),
    (mlp, {"batches": [(IMAGES, LABELS[:59])]},
     f"labels of batches are {SHAPE((59,), 'torch.int64')}: give one for each image"),
    (mlp, {"batches": [*BATCHES, (IMAGES[:0], LABELS[:0])]},
     "images of batches have shape (0, 8): leave it out"),
    (mlp, {"test": [(IMAGES.to_sparse(), LABELS)]},
     f"images of test are of torch.sparse_coo on cpu, torch.float32: {DENSE}"),
    (mlp, {"batches": [(IMAGES.to("meta"), LABELS)]},
     f"images of batches are of torch.strided on meta, torch.float32: {DENSE}"),
    (mlp, {"batches": [(torch.nested.nested_tensor([IMAGES[0], IMAGES[0, :4]]), LABELS)]},
     f"images of batches are nested, torch.float32: {DENSE}"),
    (mlp, {"batches": [(IMAGES, [1, 2])]}, "labels of batches are a list: give one tensor"),
    (mlp, {"batches": [BATCHES[0], (IMAGES[:, :7], LABELS)]},
     "images of batches have shape (60, 7) after (20, 8): give images of one size"),
    (lambda: nn.Linear(8, 1), {}, "network gives 1 score for an image: "
     "give one for each of two classes or more, and cross_entropy"),
    (lambda: nn.Linear(8, 0), {}, "network gives 0 score for an image: "
     "give one for each of two classes or more, and cross_entropy"),
    (lambda: Gives(lambda s: s[:, 0]), {},
     f"network gives {SHAPE((20,), FLOATS)} for 20 images: give scores of shape (20, classes)"),
    (lambda: Gives(lambda s: s[:-1]), {},
     f"network gives {SHAPE((19, 3), FLOATS)} for 20 images: give scores of shape (20, classes)"),
    (lambda: Gives(lambda s: s.argmax(1, keepdim=True).expand(-1, 3)), {},
     f"network gives {SHAPE((20, 3), 'torch.int64')} for 20 images: "
     "give scores of shape (20, classes)"),
    (lambda: Gives(lambda s: [s, s]), {},
     "network gives a list for 20 images: give scores of shape (20, classes)"),
    (lambda: Gives(lambda s: [][0]), {}, "network does not take the images of batches, "
     f"{SHAPE((20, 8), FLOATS)} (batch 1): list index out of range"),
    (lambda: Gives(lambda s: next(iter([]))), {}, "network does not take the images of batches, "
     f"{SHAPE((20, 8), FLOATS)} (batch 1): StopIteration"),
    (lambda: Gives(lambda s: s if len(s) > 1 else [][0]), {"batches": [*BATCHES, OF_ONE]},
     f"network does not take the images of batches, {SHAPE((1, 8), FLOATS)} "
     "(batch 4, of one image: drop_last=True leaves it out): list index out of range"),
    (lambda: Gives(lambda s: s if len(s) > 1 else [][0]), {"batches": [OF_ONE]},
     f"network does not take the images of batches, {SHAPE((1, 8), FLOATS)} "
     "(batch 1): list index out of range"),
    (lambda: Gives(lambda s: s if len(s) != 2 else [][0]), {"batches": [*BATCHES, OF_TWO]},
     f"network does not take the images of batches, {SHAPE((2, 8), FLOATS)} "
     "(batch 4): list index out of range"),
    (mlp, {"loss_function": lambda s, y: s.sum(1)},
     f"loss_function gives {SHAPE((20,), FLOATS)}: give one number in a tensor"),
    (mlp, {"loss_function": lambda s, y: 0.5},
     "loss_function gives 0.5: give one number in a tensor"),
    (mlp, {"loss_function": lambda s, y: [][0]},
     f"loss_function does not take 3 scores with {SHAPE((20,), 'torch.int64')}: "
     "list index out of range"),
    (lambda: nn.Linear(8, 2), {},
     "labels of batches do not fit 2 scores: in batch 1, Target 2 is out of bounds."),
    (mlp, {"batches": [*BATCHES[:2], (IMAGES[:2], torch.tensor([0, -1]))]},
     "labels of batches do not fit 3 scores: in batch 3, Target -1 is out of bounds."),
    (lambda: Gives(Spoils.apply), {},
     "network or loss_function has no gradient (ValueError no way): "
     "mend that, or training would stop there as well"),
]  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("place", range(len(SAID)))
def test_what_cannot_be_checked_is_said_word_by_word(place):
    make_network, options, said = SAID[place]
    with pytest.raises((TypeError, ValueError)) as caught:
        checked(make_network(), **{"optimizer": sgd(mlp()), **options})
    assert str(caught.value) == said


def test_what_is_changed_in_place_is_said_with_its_cure():
    with pytest.raises(ValueError) as caught:
        checked(Gives(in_place))
    said = str(caught.value)
    assert said.startswith(
        "network or loss_function has no gradient (one of the variables needed for gradient "
        "computation has been modified by an inplace operation"
    )
    assert said.endswith(
        "): let nothing change in place what is needed on the way back, as x += 1 does"
    )


def test_a_loss_may_be_one_number_in_any_shape():
    assert checked(mlp(), loss_function=lambda s, y: F.cross_entropy(s, y)[None, None]).faults == ()


@pytest.mark.parametrize("place", ["step", "test"])
def test_the_warnings_of_a_run_are_heard_again_afterwards(place):
    def loud(*given):
        warnings.warn("loud", stacklevel=1)
        set_ups.book(*given)

    before = [*warnings.filters]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert checked(mlp(), step=loud).healthy
    assert warnings.filters == before


# Chance.
def drawn(seed=None, own=0):
    def step(*given):
        raise LookupError(f"{float(torch.rand(()))}")

    torch.manual_seed(own)
    with pytest.raises(LookupError) as caught:
        options = {} if seed is None else {"seed": seed}
        network = nn.Linear(8, 3)
        preflight.check(network, BATCHES, F.cross_entropy, sgd(network), step=step, **options)
    return str(caught.value)


def test_chance_is_that_of_the_seed_which_is_zero_by_itself():
    assert drawn() == drawn(0) == drawn(0, own=5)
    assert drawn(1) == drawn(1, own=5) != drawn(0)


# What is looked at.
def parts_of(size, count, start=0):
    images = torch.arange(start, start + size * count).float()[:, None].expand(-1, 2)
    return list(zip(images.split(size), torch.zeros(size * count).long().split(size), strict=True))


@pytest.mark.parametrize(
    ("size", "count", "taken"),
    [(1_000, 5, 2), (999, 5, 3), (2_000, 2, 1), (7, 3, 3), (1, 700, 500), (5_000, 2, 1)],
)
def test_two_thousand_images_are_looked_at_and_no_more_than_five_hundred_batches(
    size, count, taken
):
    given = parts_of(size, count)
    sample = preflight._sample(given, torch.device("cpu"))
    assert len(sample) == taken
    for (images, labels), (own, its) in zip(sample, given, strict=False):
        assert images.equal(own) and labels.equal(its)
        assert images.data_ptr() != own.data_ptr() and labels.data_ptr() != its.data_ptr()


def test_the_first_batches_are_brought_to_where_the_first_weight_lies(monkeypatch):
    class Elsewhere(nn.Parameter):
        device = "far away"

    def brought(batches, device):
        raise LookupError(device)

    network = mlp()
    network[0].weight = Elsewhere(network[0].weight.detach())
    monkeypatch.setattr(preflight, "_sample", brought)
    monkeypatch.setattr(chance, "held", lambda seed, device: contextlib.nullcontext())
    with pytest.raises(LookupError, match="^far away$"):
        preflight.check(network, BATCHES, F.cross_entropy, sgd(network))


def test_images_that_want_a_gradient_are_looked_at_without():
    images = IMAGES.clone().requires_grad_()
    ((sampled, _),) = preflight._sample([(images, LABELS)], torch.device("cpu"))
    assert not sampled.requires_grad and sampled.equal(images)


def loader(count, size, **options):
    return DataLoader(TensorDataset(IMAGES[:count], LABELS[:count]), size, **options)


LAST = [
    (BATCHES, 20, 3),
    (tuple(BATCHES), 20, 3),
    ([*BATCHES, (IMAGES[:1], LABELS[:1])], 1, 4),
    (loader(41, 20), 1, 3),
    (loader(42, 20), 0, 1),
    (loader(40, 20), 0, 1),
    (loader(41, 20, drop_last=True), 0, 1),
    (loader(5, 1), 0, 1),
    (loader(41, 20, sampler=range(21)), 1, 2),
    (loader(5, None), 0, 1),
    (DataLoader(Once(), 20), 0, 1),
    (set_ups.Stream(), 0, 1),
]


@pytest.mark.parametrize("place", range(len(LAST)))
def test_the_last_batch_is_that_of_a_list_or_a_single_image_of_a_loader(place):
    batches, count, number = LAST[place]
    found, start = preflight._last(batches, BATCHES)
    assert start == number and sum(len(images) for images, _ in found) == count
    for images, labels in found:
        own, its = batches[-1] if isinstance(batches, list | tuple) else BATCHES[0]
        assert images.equal(own[:count]) and labels.equal(its[:count])


# Test images among the training images.
def rows(count, numbers, seed):
    """Return images of so many different numbers each."""
    chance = torch.Generator().manual_seed(seed)
    images = torch.rand(count, numbers, generator=chance)
    return torch.cat([images, images[:, :1].expand(-1, 40 - numbers)], dim=1)


def mixed(train, test, sample=None):
    train, test = ([(part, torch.zeros(len(part)).long())] for part in (train, test))
    return preflight._mixed(train, test, train if sample is None else sample)


MIXED = [
    # How many test images, how many numbers each, how many shared, whether that is a fault.
    (10, 17, 0, False),
    (10, 17, 1, True),
    (100, 17, 1, False),
    (100, 17, 2, True),
    (300, 17, 3, False),
    (300, 17, 4, True),
    (10, 16, 1, False),
    (10, 16, 2, True),
    (300, 16, 3, False),
    (300, 16, 4, True),
]


@pytest.mark.parametrize(("count", "numbers", "shared", "found"), MIXED)
def test_a_hundredth_of_the_test_images_may_be_there_by_chance(count, numbers, shared, found):
    train, test = rows(400, numbers, 0), rows(count, numbers, 1)
    test[:shared] = train[200 : 200 + shared]
    said = f"{shared} of {count} test images" if found else ""
    assert mixed(train, test) == (said, [])
    assert mixed(train, test.double()) == (said, [])


@pytest.mark.parametrize(("repeated", "found"), [(20, True), (40, False)])
def test_rows_that_repeat_themselves_may_be_in_both_parts(repeated, found):
    """Of 100, where a fifth repeats, 41 by chance; and where two fifths do, 81."""
    train = rows(100, 4, 0)
    train[-repeated:] = train[:repeated]
    test = rows(100, 4, 1)
    test[:60] = train[:60]
    assert mixed(train, test)[0] == ("60 of 100 test images" if found else "")


@pytest.mark.parametrize(("most", "whole"), [(49, False), (50, False), (51, True)])
def test_training_images_after_the_first_ones_are_not_compared(monkeypatch, most, whole):
    monkeypatch.setattr(preflight, "_MOST_COMPARED", most)
    train = rows(50, 20, 0)
    said = "training images after the first {}".format
    assert mixed(train, rows(9, 20, 1)) == ("", [] if whole else [said(most)])
    # What is behind them is not found.
    assert bool(mixed(train, train[-1:])[0]) is (most >= 50)


@pytest.mark.parametrize(("again", "same"), [(0, False), (1, True), (2, True)])
def test_training_images_that_are_never_the_same_are_said(again, same):
    train, other = rows(50, 20, 0), rows(10, 20, 1)
    other[:again] = train[:again]
    sample = [(other, torch.zeros(10).long())]
    said = "test images that train in another form: training images are never the same"
    assert mixed(train, rows(9, 20, 2), sample) == ("", [] if same else [said])


def test_two_thousand_test_images_are_looked_for():
    train, test = rows(10, 20, 0), rows(2_001, 20, 1)
    test[2_000:] = train[:1]
    assert mixed(train, test)[0] == ""
    test[:21] = train[:1]
    assert mixed(train, test)[0] == "21 of 2,000 test images"


# What is a reason for what.
@pytest.mark.parametrize("climbs", [True, False])
@pytest.mark.parametrize("climbs_without_decay", [True, False])
def test_decay_is_no_reason_where_the_loss_climbs_without_it(
    monkeypatch, climbs, climbs_without_decay
):
    up, flat = [1.0] * 5 + [9.0] * 5, [1.0] * 10

    def first_updates(setup, *, decays=True):
        assert not decays
        return Updates(up if climbs_without_decay else flat, "", 1.0, [], [])

    monkeypatch.setattr(preflight.rehearsal, "first_updates", first_updates)
    found = Finding(faults.DECAYED, "x"), Finding(faults.BLIND, "y"), Finding(faults.BLIND, "z")
    kept = preflight._each_once(found, None, Updates(up if climbs else flat, "", 1.0, [], []))
    expected = [Finding(faults.DECAYED, "x"), Finding(faults.BLIND, "z")]
    assert [*kept] == expected[climbs and climbs_without_decay :]


def test_a_table_gives_what_holds_but_for_what_was_not_asked():
    tables = {"a": (1, "one"), "b": ([], "none"), "c": ("x", "two")}, {"a": (True, "three")}
    found = preflight._that_hold(*tables)
    assert found == (Finding("a", "one"), Finding("c", "two"), Finding("a", "three"))
    assert preflight._that_hold(*tables, but=("a",)) == (Finding("c", "two"),)
