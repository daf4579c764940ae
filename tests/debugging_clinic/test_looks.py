"""What the check asks data, scores and losses, one question at a time, with answers by hand."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from helpers.debugging_clinic import looks, looks_at_inputs, preflight, rehearsal
from helpers.debugging_clinic.rehearsal import Updates

LABELS = torch.arange(60) % 3
IMAGES = F.one_hot(LABELS, 8).float() + 0.3 * torch.randn(
    60, 8, generator=torch.Generator().manual_seed(0)
)
BATCHES = list(zip(IMAGES.split(20), LABELS.split(20), strict=True))
SOUND = Updates([1.0], "", math.log(3), [], [])


def setup_of(network=None, sample=BATCHES, loss_function=F.cross_entropy, make=None):
    torch.manual_seed(0)
    network = network or nn.Linear(8, 3)
    optimizer = (make or torch.optim.SGD)(network.parameters())
    copies = rehearsal.copies(network, optimizer)
    return preflight._setup(copies, (network, optimizer), list(sample), loss_function, None)


def with_labels(*parts, classes=50):
    """Return a set-up of batches with these labels, and images that say nothing."""
    sample = [(torch.rand(len(part), 8), torch.tensor(part)) for part in parts]
    return setup_of(nn.Linear(8, classes), sample)


def held(table):
    return {fault: evidence for fault, (holds, evidence) in table.items() if holds}


# The order of the data.
def halves(parts, classes):
    """Return batches of ten, of the first classes alone and then of the others."""
    one = [[k for k in range(classes) for _ in range(10 // classes)] for _ in range(parts)]
    other = [[k + classes for k in part] for part in one]
    return one + other


IN_ORDER = {
    "one class": ([[7] * 20, [7] * 20], "the first 40 labels are all 7"),
    "one class, and too few of it": ([[7] * 20, [7] * 19], ""),
    "one class beside labels that are ignored": (
        [[7] * 20 + [-100], [-1] * 3, [7] * 20], "the first 40 labels are all 7"
    ),
    "none but ignored": ([[-1] * 30, [-1] * 30], ""),
    "three runs": (
        [[0] * 10 + [1] * 10, [1] * 10 + [2] * 10],
        "the first 40 labels have 3 classes and come in 3 runs",
    ),
    "four runs of three": ([[0] * 10 + [1] * 10, [1] * 10 + [0] * 10 + [2] * 10], ""),
    "in order in one batch": ([[0] * 10 + [1] * 10], ""),
    "two odd ones at the end": ([[0] * 10, [0] * 10 + [1] * 2], ""),
    "three odd ones at the end": (
        [[0] * 10, [0] * 10 + [1] * 3], "the first 23 labels have 2 classes and come in 2 runs"
    ),
    "a class a batch": (
        [[0] * 8, [1] * 8, [0] * 8, [1] * 8], "each of the first 4 batches is of one class"
    ),
    "a class a small batch": ([[0] * 7, [1] * 7, [0] * 7, [1] * 7], ""),
    "a class a batch but for one": ([[0] * 8, [1] * 8, [0] * 8, [1] * 7 + [0]], ""),
    # 18 of 19 neighbours are of one half, and 9 of 19 other batches: half their labels agree.
    "half of the classes first": (
        halves(10, 2), "two neighbouring batches agree in 47% of labels, any two in 24%"
    ),
    # 158 of 159 neighbours, and 79 of 159 others: a fifth agrees.
    "half of many classes first": (
        halves(80, 5), "two neighbouring batches agree in 20% of labels, any two in 10%"
    ),
    "half of many classes first, in few batches": (halves(5, 5), ""),
}  # fmt: skip


@pytest.mark.parametrize("name", IN_ORDER)
def test_how_an_order_shows_is_said(name):
    parts, said = IN_ORDER[name]
    assert looks._comes_class_by_class(with_labels(*parts)) == said
    table = looks.of_the_data(with_labels(*parts), SOUND)
    assert held(table).get("data never shuffled", "") == said


@pytest.mark.parametrize(
    ("labels", "enough"),
    [
        ([0, 1] * 40, True),
        ([0, 1] * 40 + [-1], True),
        ([0, 1] * 39 + [0], False),
        ([0, 1] * 39 + [0, -1, -1], False),
        ([4] * 200, False),
        ([0, 1, 2] * 40, True),
        ([0, 1, 2] * 39 + [1, 1], False),
    ],
)
def test_twice_twenty_images_for_each_class_that_comes_are_enough(labels, enough):
    assert looks.has_enough_labels(with_labels(labels)) is enough


def test_labels_that_nobody_can_tell_are_counted_by_those_that_were_asked():
    setup = with_labels([0, 1] * 60, classes=2)
    mixed = setup.sample[0][1][torch.randperm(120)]
    setup.sample[0] = (setup.sample[0][0], mixed)
    assert held(looks.of_the_data(setup, SOUND)) == {
        "labels not those of the images": (
            "60 labels guessed from the others, in three ways, no better than by chance"
        )
    }


def by_the_nearest_mean():
    """Return two far clouds, sorted; three labels of ten are wrong, and so of most neighbours."""
    truth = torch.arange(400) // 200
    return torch.randn(400, 8) + 50 * truth[:, None], (truth + (torch.rand(400) < 0.3)) % 2


def by_the_nearest_image():
    """Return pairs that are alike, each far from all others: the classes have one mean."""
    points = 100 * torch.randn(100, 8)
    labels = torch.randint(2, (100,))
    return torch.cat([points, points + 0.1, points - 0.1]), labels.repeat(3)


@pytest.mark.parametrize("make", [by_the_nearest_mean, by_the_nearest_image])
def test_labels_that_one_of_the_cheap_guesses_knows_train_no_copy(make, monkeypatch):
    monkeypatch.setattr(looks, "_guess_of_a_copy", lambda *_: 1 / 0)
    torch.manual_seed(0)
    setup = setup_of(nn.Linear(8, 2), [make()])
    assert looks._labels_can_be_told(setup, *setup.labelled())


@pytest.mark.parametrize("knows", [True, False])
def test_where_the_cheap_guesses_know_nothing_a_copy_is_asked_about_the_other_half(
    monkeypatch, knows
):
    asked = []

    def guess(setup, half, other):
        asked.append(sorted([*half.tolist(), *other.tolist()]))
        return setup.labelled()[1][other] if knows else torch.zeros(100).long()

    monkeypatch.setattr(looks, "_guess_of_a_copy", guess)
    torch.manual_seed(0)
    setup = setup_of(nn.Linear(8, 2), [(torch.rand(200, 8), torch.randint(2, (200,)))])
    assert looks._labels_can_be_told(setup, *setup.labelled()) is knows
    assert asked == [[*range(200)]]


def test_a_copy_guesses_what_lies_in_no_place_and_after_batches_that_end_in_one():
    """By the sign of a product; of 202 images it learns 101, of which one is left over."""
    torch.manual_seed(0)
    images = torch.randn(202, 2)
    setup = setup_of(nn.Sequential(nn.Linear(2, 64), nn.BatchNorm1d(64), nn.Dropout(0.1),
                                   nn.ReLU(), nn.Linear(64, 2)),
                     [(images, (images[:, 0] > 0).long())])  # fmt: skip
    half, other = torch.arange(202).chunk(2)
    truth = setup.labelled()[1][other]
    before = [weight.clone() for weight in setup.network.parameters()]
    said = looks._guess_of_a_copy(setup, half, other)
    assert said.shape == (101,) and float((said == truth).double().mean()) > 0.9
    assert all(map(torch.equal, before, setup.network.parameters()))


@pytest.mark.parametrize("sign", [1, -1])
def test_how_large_inputs_are_is_said_on_either_side_of_zero(sign):
    far = [(sign * (50 * images.abs() + 1), labels) for images, labels in BATCHES]
    setup = setup_of(None, far)
    updates = Updates([5.0], "", math.log(3), [], [])
    most = max(float(images.abs().max()) for images, _ in far)
    said = held(looks.of_the_data(setup, updates))["inputs not scaled"]
    assert said == f"the largest is {most:g}"
    assert "inputs not scaled" not in held(looks.of_the_data(setup, SOUND))  # They do no harm.


@pytest.mark.parametrize(("size", "is_large"), [(9.99, False), (10.01, True)])
def test_inputs_are_large_from_a_mean_square_of_ten_on(size, is_large, monkeypatch):
    monkeypatch.setattr(looks_at_inputs, "do_harm", lambda *_: True)
    setup = setup_of(None, [(torch.full((20, 8), size), LABELS[:20])])
    assert ("inputs not scaled" in held(looks.of_the_data(setup, SOUND))) is is_large


# Names in a line, scores that differ.
@pytest.mark.parametrize(
    ("names", "said"),
    [("a", "a"), ("ab", "a, b"), ("abc", "a, b, c"), ("abcd", "a, b, c and 1 more"),
     ("abcdef", "a, b, c and 3 more")],
)  # fmt: skip
def test_three_names_are_listed_and_the_others_counted(names, said):
    assert looks.listed([*names]) == said


NAN, INF = math.nan, math.inf


@pytest.mark.parametrize(
    ("scores", "again", "differ"),
    [
        ([1.0, -10.0], [1.0, -10.0], False),
        ([1.0, -10.0], [1.009, -10.0], False),
        ([1.0, -10.0], [1.011, -10.0], True),
        ([1.0, -10.0], [0.989, -10.0], True),
        ([0.0, 0.0], [9e-7, 0.0], False),
        ([0.0, 0.0], [2e-6, 0.0], True),
        ([NAN, 1.0], [NAN, 1.0], False),
        ([NAN, 1.0], [1.0, 1.0], True),
        ([1.0, 1.0], [NAN, 1.0], True),
        ([INF, 1.0], [INF, 1.0], False),
        ([1.0, 1.0], [INF, 1.0], True),
    ],
)
def test_scores_differ_from_a_thousandth_of_the_largest_on(scores, again, differ):
    assert looks.differ(torch.tensor([scores]), torch.tensor([again])) is differ


def test_the_right_class_is_one_and_labels_of_no_class_stay_within():
    scores = torch.zeros(4, 3, dtype=torch.float64)
    right = looks.of_the_right_class(scores, torch.tensor([2, 0, -100, 255]))
    assert right.dtype == torch.float64
    assert right.tolist() == [[0, 0, 1], [1, 0, 0], [1, 0, 0], [0, 0, 1]]


# What kind of loss it is.
def squares(scores, labels):
    return (scores - F.one_hot(labels, 3)).square().mean()


def nll_of(function, **options):
    return lambda scores, labels: F.nll_loss(function(scores), labels, **options)


LOSSES = {
    "cross_entropy": (F.cross_entropy, (True, False)),
    "its sum": (nn.CrossEntropyLoss(reduction="sum"), (True, False)),
    "smoothed": (nn.CrossEntropyLoss(label_smoothing=0.1), (True, False)),
    "weighted": (nn.CrossEntropyLoss(torch.tensor([1.0, 2.0, 3.0])), (True, False)),
    "thrice": (lambda s, y: 3 * F.cross_entropy(s, y), (True, False)),
    "a minus": (lambda s, y: -F.cross_entropy(s, y), (True, False)),
    "nll_loss": (F.nll_loss, (False, True)),
    "its own sum": (nn.NLLLoss(reduction="sum"), (False, True)),
    "twice nll_loss": (lambda s, y: 2 * F.nll_loss(s, y), (False, False)),
    "minus nll_loss": (lambda s, y: -F.nll_loss(s, y), (False, False)),
    "squares": (squares, (False, False)),
    "margins": (F.multi_margin_loss, (False, False)),
    "sigmoids": (
        lambda s, y: F.binary_cross_entropy_with_logits(s, F.one_hot(y, 3).float()), (False, False)
    ),
    "a constant": (lambda s, y: s.sum() * 0 + 1, (False, False)),
    "distances between images": (lambda s, y: torch.cdist(s, s).mean(), (False, False)),
    "an error": (lambda s, y: F.cross_entropy(s[:, :2], y), (False, False)),
}  # fmt: skip


@pytest.mark.parametrize("scale", [1e-4, 1.0, 30.0])
@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_is_of_the_kind_that_a_shift_of_its_scores_tells(name, scale):
    loss_function, kinds = LOSSES[name]
    network = nn.Linear(8, 3)
    with torch.no_grad():
        network.weight.mul_(scale)
    assert looks.kind_of_loss(setup_of(network, loss_function=loss_function)) == kinds


TWICE = "2.00 times the loss for every image twice"
MADE_UP = {
    "cross_entropy": (F.cross_entropy, {}),
    "a minus": (
        lambda s, y: -F.cross_entropy(s, y),
        {"loss the wrong way up": "1 more for the right class counts as worse"},
    ),
    "a minus with a floor": (lambda s, y: 100 - F.cross_entropy(s, y), {}),
    "a sum": (nn.CrossEntropyLoss(reduction="sum"), {"loss summed": TWICE}),
    "a sum of squares": (lambda s, y: 3 * len(s) * squares(s, y), {"loss summed": TWICE}),
    "zero": (lambda s, y: 0 * F.cross_entropy(s, y, reduction="sum"), {
        "loss ignores the labels": "other labels make no difference"}),
    "no labels": (lambda s, y: s.square().mean(), {
        "loss ignores the labels": "other labels make no difference"}),
    # -log of e / (e + 2), for probabilities of 1, 0 and 0.
    "a softmax": (lambda s, y: F.cross_entropy(s.softmax(1), y), {
        "softmax before cross-entropy": "sure and right scores cost 0.55"}),
    "a summed softmax": (lambda s, y: F.cross_entropy(s.softmax(1), y, reduction="sum"), {
        "softmax before cross-entropy": "sure and right scores cost 0.55", "loss summed": TWICE}),
    "a softmax of one's own": (
        lambda s, y: F.nll_loss((s.exp() / s.exp().sum(1, keepdim=True)).log_softmax(1), y), {
            "softmax before cross-entropy": "sure and right scores cost 0.55"}),
    "half a softmax": (lambda s, y: F.cross_entropy(s.softmax(1), y) / 2, {
        "softmax before cross-entropy": (
            "the scores of each image add up to 1, and none is below 0")}),
    "a softmax for one of two": (
        lambda s, y: F.cross_entropy(s.softmax(1), y) / 2 + F.cross_entropy(s, y), {}),
    "squares": (squares, {}),
    "of pairs": (lambda s, y: (torch.cdist(s, s) * (y[:, None] == y)).sum() / len(s) ** 2, {}),
}  # fmt: skip


@pytest.mark.parametrize("name", MADE_UP)
def test_a_loss_is_asked_about_scores_that_are_made_up(name):
    loss_function, said = MADE_UP[name]
    setup = setup_of(loss_function=loss_function)
    images, labels = BATCHES[0]
    assert held(looks._of_the_loss(setup, setup.scores(images), labels)) == said


@pytest.mark.parametrize("odd", [-100, 255])
def test_labels_of_no_class_are_no_others_to_a_loss(odd):
    labels = LABELS.where(torch.arange(60) % 5 > 0, odd)
    ignoring = nn.CrossEntropyLoss(ignore_index=odd)
    setup = setup_of(loss_function=ignoring)
    assert held(looks._of_the_loss(setup, setup.scores(IMAGES), labels)) == {}


@pytest.mark.parametrize("which", [(), (0,), (1,), (0, 1)])
def test_an_optimiser_that_goes_uphill_wants_a_loss_with_a_minus(which):
    def make(weights):
        groups = [{"params": [w], "maximize": n in which} for n, w in enumerate(weights)]
        return torch.optim.SGD(groups, lr=0.1)

    for sign in (1, -1):
        setup = setup_of(None, BATCHES, lambda s, y, by=sign: by * F.cross_entropy(s, y), make)
        assert looks.maximizes(setup) is bool(which)
        found = held(looks._of_the_loss(setup, setup.scores(IMAGES), LABELS))
        assert ("loss the wrong way up" in found) is ((sign > 0) is bool(which))


# What the scores tell.
class Gives(nn.Module):
    """Scores by a function of the images and of the scores of a layer."""

    def __init__(self, function):
        super().__init__()
        self.layer, self.function = nn.Linear(8, 3), function

    def forward(self, images):
        return self.function(images, self.layer(images))


ADD_UP = "the scores of each image add up to 1, and none is below 0"
SCORED = {
    "raw": (lambda x, s: s, F.cross_entropy, {}),
    "logarithms": (lambda x, s: s.log_softmax(1), F.nll_loss, {}),
    "raw in nll": (lambda x, s: s, F.nll_loss, {
        "nll_loss on raw scores": "the exponentials of an image's scores do not add up to 1"}),
    "probabilities in nll": (lambda x, s: s.softmax(1), F.nll_loss, {
        "probabilities in nll_loss": ADD_UP}),
    "probabilities": (lambda x, s: s.softmax(1), F.cross_entropy, {
        "softmax before cross-entropy": ADD_UP}),
    "probabilities, for squares": (lambda x, s: s.softmax(1), squares, {}),
    "over the images": (lambda x, s: s.log_softmax(0), F.nll_loss, {
        "log_softmax over dim=0": "the exponentials of each class add up to 1 over the images"}),
    "beside the others": (lambda x, s: s + 0.25 * (len(s) > 1), F.cross_entropy, {
        "images of a batch depend on each other": "by up to 0.25"}),
    "below the others": (lambda x, s: s - 0.25 * (len(s) > 1), F.cross_entropy, {
        "images of a batch depend on each other": "by up to 0.25"}),
    "the eighth image alone": (
        lambda x, s: s + 0.5 * (torch.arange(len(s))[:, None] == 7), F.cross_entropy, {
            "images of a batch depend on each other": "by up to 0.5"}),
    "cut off": (lambda x, s: s.relu(), F.cross_entropy, {
        "scores never below zero": "the least of 540 scores is 0"}),
    "cut off, for squares": (lambda x, s: s.relu(), squares, {}),
    "never far below": (lambda x, s: s.square() + 0.5, F.cross_entropy, None),
    "distances": (lambda x, s: s.square(), lambda s, y: F.cross_entropy(-s, y), {}),
    "the same": (lambda x, s: 0 * s + 2, F.cross_entropy, {}),
    "between 0 and 10": (lambda x, s: 10 * s.sigmoid(), F.cross_entropy, {}),
    "between 0 and 1": (lambda x, s: s.sigmoid(), F.cross_entropy, None),
    "above for images, and below for their mirrors": (
        lambda x, s: 5 * x.sum(1, keepdim=True) + 0 * s + torch.arange(3) / 9, F.cross_entropy, {}),
}  # fmt: skip


@pytest.mark.parametrize("name", SCORED)
def test_scores_are_asked_what_has_a_known_answer(name):
    function, loss_function, said = SCORED[name]
    found = held(looks.of_the_scores(setup_of(Gives(function), loss_function=loss_function)))
    if said is None:  # The number hangs on the weights.
        (said,) = found.items()
        assert said[0] == "scores never below zero"
        assert said[1].startswith("the least of 540 scores is ") and not said[1].endswith(" 0")
    else:
        assert found == said


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("alone", [True, False])
def test_chance_is_told_by_how_much_and_hides_all_else(sign, alone):
    calls = []

    def drifts(images, scores):
        if (len(scores) == 1) is alone:
            calls.append(1)
        return scores.relu() + sign * 0.5 * (len(calls) > (8 if alone else 1))

    assert held(looks.of_the_scores(setup_of(Gives(drifts)))) == {
        "chance in evaluation mode": "by up to 0.5"
    }


@pytest.mark.parametrize(("count", "found"), [(22, False), (23, True)])
def test_fewer_than_200_scores_may_be_above_zero_by_chance(count, found):
    sample = [(IMAGES[:count], LABELS[:count])]
    setup = setup_of(Gives(lambda x, s: s.relu()), sample)
    assert bool(looks._are_never_below_zero(setup)) is found


@pytest.mark.parametrize(
    ("function", "bounded"),
    [(lambda x, s: s, False), (lambda x, s: s.tanh(), True), (lambda x, s: s.sigmoid() * 9, True),
     (lambda x, s: F.normalize(s) * 30, True), (lambda x, s: s.abs().log1p(), False)],
)  # fmt: skip
def test_scores_have_bounds_where_far_larger_inputs_give_no_larger_ones(function, bounded):
    assert looks.have_bounds(setup_of(Gives(function))) is bounded


def test_a_table_has_no_row_for_far_larger_inputs():
    table = nn.Embedding(9, 3)
    setup = setup_of(Gives(lambda x, s: s * 0 + table(x.sum(1).round().abs().clamp(max=8).long())))
    assert looks._scaled(setup, IMAGES, 1000).shape == (60, 3)
    strict = setup_of(Gives(lambda x, s: s if x.abs().max() < 9 else 1 / 0))
    assert looks._scaled(strict, IMAGES, 1000).equal(strict.scores(IMAGES))
    assert looks._scaled(strict, IMAGES, 2).equal(strict.scores(2 * IMAGES))


KEEPS = "data, scores and updates: the network keeps a state"
ALONE = "data, scores and updates: the network takes no image alone, as evaluation may ask"


def counting(change):
    """Return scores that hang on what was seen before."""
    seen = []

    def function(images, scores):
        seen.append(images.clone())
        return scores + change(seen)

    return function


STATES = {
    "none": (lambda x, s: s, ""),
    "chance": (lambda x, s: s + torch.rand(1), ""),
    "a counter": (counting(len), KEEPS),
    "other images": (counting(lambda seen: float(seen[-1].shape != seen[-2:][0].shape)), KEEPS),
    "no image alone": (lambda x, s: s if len(s) > 1 else 1 / 0, ALONE),
    "an image alone without its place": (lambda x, s: s.squeeze(0), ALONE),
}


@pytest.mark.parametrize("name", STATES)
def test_a_state_is_told(name):
    function, said = STATES[name]
    setup = setup_of(Gives(function))
    assert looks.keeps_a_state(setup, False, False) == said
    assert looks.keeps_a_state(setup, True, False) == KEEPS
    for keeps in (True, False):
        of_the_loss = "data, scores and updates: the loss keeps a state"
        assert looks.keeps_a_state(setup, keeps, True) == of_the_loss
