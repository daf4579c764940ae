"""What steps, inputs, weights and first updates show: each case by hand, with all that is said."""

import dataclasses
import math
import types

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from debugging_clinic.test_looks import BATCHES, IMAGES, LABELS, held, setup_of, squares
from helpers.debugging_clinic import (
    looks_at_inputs,
    looks_at_steps,
    looks_at_updates,
    looks_at_weights,
    rehearsal,
)
from helpers.debugging_clinic.rehearsal import Updates

GUESS, NAN = math.log(3), math.nan
ADD_UP = "the scores of each image add up to 1, and none is below 0"


# What was seen of a step.
def seen(**changes):
    """Return what is seen of four sound steps, but for some changes; a dot leads to a part."""
    loss = types.SimpleNamespace(
        right=None, downhill=[False] * 4, asks=4, least=-1.0, squashed=False, logarithms=False,
        compared=True, sizes=[1.0],
    )  # fmt: skip
    gathered = types.SimpleNamespace(steps=4, wiped=0, most=0)
    graphs = types.SimpleNamespace(old=0, kept=0)
    notes = types.SimpleNamespace(
        arrivals=8, added=8, steps=4, empty_steps=0, moved=True, is_deaf=False, of_the_handed=0,
        never_cleared="", reaches_held=True, repeats=False, clips=0, empty_clips=0, scaled_clips=0,
        passed_over=[], uphill=[], off=[], in_eval=False, forwards=4, calls=4, taken=4,
        loss=loss, gathered=gathered, graphs=graphs, network=nn.Linear(8, 3),
        reached=set(), changed=set(),
    )  # fmt: skip
    for name, value in changes.items():
        part, _, attribute = name.rpartition("__")
        assert hasattr(getattr(notes, part, notes), attribute)
        setattr(getattr(notes, part, notes), attribute, value)
    passed, right, old, kept = notes.passed_over, loss.right, graphs.old, graphs.kept
    notes.passed_over, loss.right = (lambda: passed), (lambda: right)
    graphs.old, graphs.kept = (lambda: old), (lambda: [None] * kept)
    return notes


NO_STEP = {"steps": 0, "moved": False, "gathered__steps": 0}
BY_HAND = {"steps": 0, "gathered__steps": 0, "uphill": [False] * 4}
ELSE = {"step works on something else": (
    "the optimizer that it is handed took no step in 4 steps")}  # fmt: skip
NEVER_IN_4 = {"no step": "not once in 4 steps"}
EARLY = {"cleared before the step": "4 of 4 calls of step() saw no gradient"}
STEPS = [
    ({}, {}, {}),
    ({"calls": 0}, {}, {"forward called by name": "forward ran 4 times, and no hook"}),
    ({"calls": 1, "forwards": 7}, {}, {}),
    ({"calls": 0, "forwards": 0}, {}, {}),
    # Backward and step.
    ({"added": 0, "arrivals": 0, "empty_steps": 4, "moved": False}, {},
     {"no backward": "none came in 4 steps"}),
    ({"added": 0, "arrivals": 8, "empty_steps": 4, "moved": False}, {},
     {"no backward": "none came in 4 steps"}),
    ({"added": 0, "arrivals": 0, **NO_STEP, "taken": 12}, {},
     {"no backward": "none came in 12 steps"}),
    ({"added": 0, "arrivals": 0, **BY_HAND}, {}, {}),
    ({"added": 0}, {}, {}),
    (NO_STEP, {}, NEVER_IN_4),
    (NO_STEP | {"added": 0}, {}, NEVER_IN_4),
    (NO_STEP | {"is_deaf": True}, {}, NEVER_IN_4),
    (NO_STEP | {"of_the_handed": 1}, {}, NEVER_IN_4),
    (NO_STEP, {"names_it": True}, NEVER_IN_4),
    (NO_STEP | {"is_deaf": True}, {"names_it": True}, ELSE),
    (NO_STEP | {"of_the_handed": 1}, {"names_it": True}, ELSE),
    (NO_STEP, {"by_hooks": True}, {}),
    (BY_HAND, {}, {}),
    # Clearing.
    ({"empty_steps": 4}, {}, EARLY),
    ({"steps": 3, "empty_steps": 3}, {},
     {"cleared before the step": "3 of 3 calls of step() saw no gradient"}),
    ({"empty_steps": 3}, {}, {}),
    ({"empty_steps": 4, "reaches_held": False}, {}, {}),
    ({"never_cleared": "0.weight"}, {},
     {"gradients never cleared": "0.weight.grad still held what step() had used"}),
    (BY_HAND | {"never_cleared": "0.bias"}, {},
     {"gradients never cleared": "0.bias.grad still held what the update had used"}),
    ({"gathered__steps": 2, "gathered__wiped": 2, "gathered__most": 3}, {},
     {"gradients wiped within an accumulation": "1 of 3 gradients was used"}),
    ({"gathered__steps": 2, "gathered__wiped": 1, "gathered__most": 3}, {}, {}),
    ({"gathered__steps": 2, "gathered__wiped": 2, "repeats": True}, {}, {}),
    # Clipping.
    ({"clips": 5, "empty_clips": 5}, {},
     {"clipping before backward": "5 of 5 calls found no new one"}),
    ({"clips": 5, "empty_clips": 4}, {}, {}),
    ({"clips": 5, "empty_clips": 5, "reaches_held": False}, {}, {}),
    ({"clips": 4, "empty_clips": 4, "empty_steps": 4}, {}, EARLY),
    ({"clips": 3, "scaled_clips": 3}, {},
     {"clipping before unscale_": "3 of 3 calls came before unscale_()"}),
    ({"clips": 3, "scaled_clips": 2}, {}, {}),
    # Weights that are passed over.
    ({"passed_over": [*"abcd"]}, {}, {"no gradient": "a, b, c and 1 more: none in 4 steps"}),
    ({"passed_over": [*"abcd"]}, {"elsewhere": {"a", "c"}}, {
        "no gradient": "b, d: none in 4 steps"}),
    ({"passed_over": ["a"]}, {"elsewhere": {"a"}}, {}),
    ({"passed_over": ["a"]}, {"by_hooks": True}, {}),
    ({"passed_over": ["a"], "empty_steps": 4}, {}, EARLY),
    # What the loss was asked.
    ({"loss__right": 0.125}, {}, {"labels shuffled in the step": "right for 12% of the images"}),
    ({"loss__right": 0.0}, {}, {"labels shuffled in the step": "right for 0% of the images"}),
    ({"loss__downhill": [True] * 3}, {},
     {"loss the wrong way up": "backward() begins with a number below 0"}),
    ({"loss__downhill": [True, False]}, {}, {}),
    ({"loss__downhill": []}, {}, {}),
    ({"loss__downhill": [True] * 3}, {"maximize": True}, {}),
    (BY_HAND | {"uphill": [True, True]}, {}, {"loss the wrong way up": "each update goes up"}),
    (BY_HAND | {"uphill": [True, False]}, {}, {}),
    ({"uphill": [True]}, {}, {}),
    ({"loss__least": 0.25}, {}, {
        "scores never below zero": "the least score that the step asks about is 0.25"}),
    ({"loss__least": 0.0}, {}, {
        "scores never below zero": "the least score that the step asks about is 0"}),
    ({"loss__least": 0.0, "loss__squashed": True}, {}, {"softmax before cross-entropy": ADD_UP}),
    ({"loss__least": 0.0, "loss__asks": 0}, {}, {}),
    ({"loss__least": 0.0}, {"loss_function": squares}, {}),
    ({"loss__least": 0.0, "loss__squashed": True}, {"loss_function": F.nll_loss}, {}),
    ({"loss__least": 0.0}, {"network": nn.Sequential(nn.Linear(8, 3), nn.ReLU())}, {}),
    ({"loss__squashed": True}, {}, {}),
    # Graphs and modes.
    ({"graphs__old": 2, "graphs__kept": 3}, {}, {
        "a graph kept from step to step": "3 graphs after 4 steps"}),
    ({"graphs__old": 2, "graphs__kept": 3}, {"keeps": True}, {
        "a graph kept with the network": "3 graphs after 4 steps"}),
    ({"graphs__old": 1, "graphs__kept": 3}, {}, {}),
    ({"off": ["1", "3.0"]}, {}, {"model left in eval mode": "layer 1, 3.0"}),
    ({"in_eval": True}, {}, {}),
    ({"in_eval": True}, {"network": nn.Sequential(nn.Linear(8, 3), nn.Dropout())}, {
        "model left in eval mode": "network.training is False"}),
    ({}, {"network": nn.Sequential(nn.Linear(8, 3), nn.Dropout())}, {}),
]  # fmt: skip


def watched(options):
    options = dict(options)
    keeps, by_hooks = options.pop("keeps", False), options.pop("by_hooks", False)
    names_it, elsewhere = options.pop("names_it", False), options.pop("elsewhere", ())
    maximize = options.pop("maximize", False)
    setup = setup_of(make=lambda w: torch.optim.SGD(w, 0.1, maximize=maximize), **options)
    setup = dataclasses.replace(setup, names_it=names_it, elsewhere=frozenset(elsewhere))
    return setup, keeps, by_hooks


@pytest.mark.parametrize("place", range(len(STEPS)))
def test_what_was_seen_of_a_step_is_told_and_nothing_else(place):
    changes, options, said = STEPS[place]
    setup, keeps, by_hooks = watched(options)
    assert held(looks_at_steps._of_what_was_seen(setup, seen(**changes), keeps, by_hooks)) == said


DEAF = "what the step calls, while a profiler measures times"
ITS_OWN = "the step's own loss (it never calls loss_function)"
PAIRS = "whether the step hands the loss the labels of its images"
BY_ITSELF = "the optimizer, without which the step moves the weights"
UNSEEN = [
    ({}, {}, []),
    ({"is_deaf": True}, {}, [DEAF]),
    ({"is_deaf": True, "loss__asks": 0, "loss__compared": False}, {}, [DEAF]),
    ({"loss__asks": 0, "loss__compared": False}, {}, [ITS_OWN]),
    ({"loss__compared": False}, {}, [PAIRS]),
    ({}, {"by_hooks": True}, ["updates by hooks of the weights"]),
    (BY_HAND, {}, [BY_ITSELF]),
    (BY_HAND, {"by_hooks": True}, ["updates by hooks of the weights"]),
    (BY_HAND, {"elsewhere": {"weight"}}, []),
    (NO_STEP, {}, []),
    ({"repeats": True}, {}, ["what each gradient is for in a step that goes back more than once"]),
    ({"graphs__old": 1}, {}, ["whether the one graph that the step keeps is followed by others"]),
    ({"graphs__old": 2}, {}, []),
]


@pytest.mark.parametrize("place", range(len(UNSEEN)))
def test_what_cannot_be_seen_of_a_step_is_listed(place):
    changes, options, said = UNSEEN[place]
    setup, _, by_hooks = watched(options)
    found = looks_at_steps._unseen(setup, seen(network=setup.network, **changes), by_hooks)
    assert [*found] == said


@pytest.mark.parametrize("moved", [True, False])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_loss_that_is_higher_after_the_steps_is_said(sign, moved):
    setup = setup_of()
    after = rehearsal.twin_of(setup.network)
    scores = rehearsal.scores_of(after, BATCHES[0][0])
    F.cross_entropy(scores, BATCHES[0][1]).backward()
    with torch.no_grad():
        after.weight += sign * 0.1 * after.weight.grad
    found = looks_at_steps._unseen(setup, seen(network=after, moved=moved, taken=7), False)
    said = "whether the loss falls: after 7 steps it was higher"
    assert [*found] == ([said] if moved and sign > 0 else [])


@pytest.mark.parametrize(
    ("size", "sizes", "by"),
    [
        (100.0, [0.01, 0.02], 0.02),
        (100.0, [0.11], 1),
        (100.0, [0.1], 0.1),
        (9.0, [0.01], 1),
        (100.0, [], 1),
    ],
)
def test_images_are_scaled_as_a_step_does_where_they_were_too_large(size, sizes, by):
    sample = [(torch.full_like(images, size), labels) for images, labels in BATCHES]
    setup = setup_of(None, sample)
    scaled = looks_at_steps.as_in_the_step(setup, seen(loss__sizes=sizes))
    for (now, labels), (before, own) in zip(scaled.sample, sample, strict=True):
        assert now.allclose(by * before) and labels is own
    assert looks_at_steps.as_in_the_step(setup, None) is setup


@pytest.mark.parametrize("end", ["raw", "softmax", "log_softmax"])
@pytest.mark.parametrize(("asks", "logarithms"), [(4, True), (4, False), (0, True)])
def test_the_logarithm_that_a_step_takes_is_taken(end, asks, logarithms):
    heads = {"raw": nn.Identity(), "softmax": nn.Softmax(1), "log_softmax": nn.LogSoftmax(1)}
    setup = setup_of(nn.Sequential(nn.Linear(8, 3), heads[end]), BATCHES, F.nll_loss)
    notes = seen(loss__asks=asks, loss__logarithms=logarithms)
    now = looks_at_steps.as_in_the_step(setup, notes)
    scores = setup.scores(IMAGES)
    log = {"raw": scores.log_softmax(1), "softmax": scores.log(), "log_softmax": scores}[end]
    taken = asks and logarithms
    expected = float(F.nll_loss(log if taken else scores, LABELS))
    assert now.loss(scores, LABELS) == pytest.approx(expected, rel=1e-6)
    if taken and end == "softmax":  # The logarithm of zero is cut off, and stays a number.
        sure = F.one_hot(LABELS, 3).float()
        assert now.loss(sure, (LABELS + 1) % 3) == pytest.approx(
            -math.log(torch.finfo(torch.float32).tiny), rel=1e-6
        )


# Weights.
def grouped(*groups, kind=torch.optim.SGD):
    def make(weights):
        weights = list(weights)
        return kind([{"params": [w], **own} for w, own in zip(weights, groups, strict=True)])

    return make


class Stops(torch.optim.SGD):
    def step(self, closure=None):
        raise NotImplementedError


TAKEN = [
    (grouped({"lr": 0.1, "weight_decay": 0.5}, {"lr": 0.1}), 0.05),
    (grouped({"lr": 0.1}, {"lr": 0.2, "weight_decay": 0.5}), 0.1),
    (grouped({"lr": 0.1, "weight_decay": 1.0}, {"lr": 0.2, "weight_decay": 0.5}), 0.1),
    (grouped({"lr": 0.1, "weight_decay": 1.0}, {"lr": 0.1}, kind=torch.optim.AdamW), 0.1),
    (grouped({"lr": 0.0, "initial_lr": 0.4, "weight_decay": 1.0}, {"lr": 0.1}), 0.4),
    (grouped({"lr": 0.1}, {"lr": 0.1}), 0.0),
    (grouped({"lr": 0.1}, {"lr": 0.1}, kind=Stops), 1.0),
]


@pytest.mark.parametrize("place", range(len(TAKEN)))
def test_what_a_step_takes_off_a_weight_without_a_gradient_is_measured(place):
    make, most = TAKEN[place]
    setup = setup_of(make=make)
    found = looks_at_weights.most_moved_without_a_gradient(setup)
    assert found == pytest.approx(most, rel=1e-5)
    with torch.no_grad():
        setup.network.weight.zero_()
        setup.network.bias.zero_()
    assert looks_at_weights.most_moved_without_a_gradient(setup) in (0.0, 1.0)


def chain(*numbers):
    """Return layers of one number each, or random ones for None."""
    torch.manual_seed(0)
    layers = [nn.Linear(8, 8) for _ in numbers]
    for layer, number in zip(layers, numbers, strict=True):
        nn.init.zeros_(layer.bias)
        if number is not None:
            nn.init.constant_(layer.weight, number)
    return nn.Sequential(*[part for layer in layers for part in (layer, nn.Tanh())])


SAME = [
    ((None, None), ""),
    ((0.1, 0.1), "2 of 2 matrices hold one number"),
    ((0.0, 0.0), "2 of 2 matrices hold one number"),
    ((0.1, 0.1, None), "2 of 3 matrices hold one number"),
    ((None, 0.1, 0.1), "2 of 3 matrices hold one number"),
    ((0.1, 0.1, None, 0.1), "3 of 4 matrices hold one number"),
    ((0.1, None, 0.1), ""),
    ((None, 0.0), ""),
    ((0.1,), ""),
    ((None, 0.0, 0.0), ""),
    ((None, 0.0, 0.1), "2 of 3 matrices hold one number"),
]


@pytest.mark.parametrize(("numbers", "said"), SAME)
def test_layers_of_one_number_each_are_counted_where_two_follow_each_other(numbers, said):
    setup = setup_of(chain(*numbers))
    learning = [name for name, _ in setup.network.named_parameters()]
    assert looks_at_weights.are_all_the_same(setup, learning) == said
    # What does not learn does not count.
    assert looks_at_weights.are_all_the_same(setup, ["0.weight"]) == ""


class Spline(nn.Module):
    """Scales, of one number at first, beside what they scale, with curves beside them."""

    def __init__(self, *shape):
        super().__init__()
        self.before, self.scales = nn.Linear(8, 6), nn.Parameter(torch.full((6, 8), 0.5))
        self.curves, self.after = nn.Parameter(torch.randn(shape)), nn.Linear(6, 3)
        for layer in (self.before, self.after):
            nn.init.constant_(layer.weight, 0.1)

    def forward(self, images):
        return self.after(self.before(images) + images @ self.scales.T)


@pytest.mark.parametrize(
    ("shape", "said"),
    [((6, 8, 4), ""), ((6, 8), ""), ((8, 6), "3 of 4 matrices hold one number")],
)
def test_scales_are_as_large_as_what_they_scale(shape, said):
    setup = setup_of(Spline(*shape))
    names = ["before.weight", "scales", "curves", "after.weight"]
    assert looks_at_weights.are_all_the_same(setup, names) == said


def test_an_error_comes_from_where_a_weight_without_gradient_is_at_hand():
    one, other = (torch.ones(1, requires_grad=True) for _ in range(2))
    one.grad = torch.ones(1)

    def stops(weight):
        raise ValueError(weight.shape)

    for weight, is_bare in ((one, False), (other, True), (torch.ones(1), False)):
        try:
            stops(weight)
        except ValueError as caught:
            error = caught.with_traceback(caught.__traceback__.tb_next)
        assert looks_at_weights.stops_at_one_of([one, other], error) is is_bare


# Inputs.
UP, FLAT = [1.0] * 5 + [9.0] * 5, [1.0] * 10
HARM = [
    # Before, with smaller inputs, whether these do harm.
    (FLAT, [0.5], False),
    ([1.6] * 10, [0.5], False),
    ([1.7] * 10, [1.5], True),
    ([1.7] * 10, [1.6], False),
    (UP, FLAT, True),
    (UP, UP, False),
    ([9.0] * 10, UP, True),
    ([9.0] * 10, [9.0], False),
]


@pytest.mark.parametrize("within", [False, True])
@pytest.mark.parametrize(("before", "then", "harm"), HARM)
def test_large_inputs_do_harm_where_smaller_ones_do_not(monkeypatch, before, then, harm, within):
    asked = []

    def first_updates(setup):
        asked.append(setup)
        return Updates(then, "", GUESS, [], [])

    monkeypatch.setattr(rehearsal, "first_updates", first_updates)
    network = nn.Sequential(nn.BatchNorm1d(8) if within else nn.Identity(), nn.Linear(8, 3))
    large = [(-200 * images.abs() - 1, labels) for images, labels in BATCHES]
    setup = setup_of(network, large)
    found = looks_at_inputs.do_harm(setup, Updates(before, "", GUESS, [], []))
    assert found is (harm and not within)
    for smaller in asked:
        images = torch.cat([images for images, _ in smaller.sample])
        assert float(images.abs().max()) == 1 and images.max() < 0
        assert smaller.loss_function is setup.loss_function


def test_inputs_are_scaled_within_where_each_layer_gets_small_ones():
    large = [(200 * images, labels) for images, labels in BATCHES]
    for network, within in (
        (nn.Sequential(nn.Linear(8, 3)), False),
        (nn.Sequential(nn.BatchNorm1d(8), nn.Linear(8, 3)), True),
        (nn.Sequential(nn.LayerNorm(8), nn.Linear(8, 4), nn.BatchNorm1d(4), nn.Linear(4, 3)), True),
        (nn.Sequential(nn.Tanh(), nn.Linear(8, 3)), True),
        (nn.Sequential(nn.LayerNorm(8), nn.Linear(8, 4), nn.Linear(4, 3)), True),
        (nn.Sequential(nn.Linear(8, 4), nn.LayerNorm(4), nn.Linear(4, 3)), False),
        (nn.Sequential(nn.LayerNorm(8), nn.Unflatten(1, (8, 1)), nn.Flatten()), False),
    ):
        assert looks_at_inputs._are_scaled_within(setup_of(network, large)) is within


# The first updates.
def of_the_updates(updates, *, notes=None, calm_at=(), still_when_warm=(), climbs=True,
                   monkeypatch, **options):  # fmt: skip
    def first_updates(setup, *, factor=1.0, decays=True, warm=False):
        if warm:
            return Updates(FLAT, "", GUESS, [], [*still_when_warm])
        return Updates(FLAT if factor in calm_at else UP, "", GUESS, [], [])

    monkeypatch.setattr(rehearsal, "first_updates", first_updates)
    setup, *_ = watched(options)
    return held(looks_at_updates.of_the_first_updates(setup, updates, notes, lambda: climbs))


FIRST = [
    (Updates(FLAT, "", GUESS, [], []), {}, {}),
    (Updates([NAN], "", GUESS, [], []), {}, {"first loss not finite": "it is nan"}),
    (Updates([math.inf], "", GUESS, [], []), {}, {"first loss not finite": "it is inf"}),
    (Updates(UP, "", GUESS, [], []), {}, {}),
    (Updates(UP, "", GUESS, [], []), {"calm_at": (1e-2, 1e-4)}, {
        "learning rate too high": "it climbs at lr = 0.1, and at 0.001 it does not"}),
    (Updates(UP, "", GUESS, [], []), {"calm_at": (1e-4,)}, {
        "learning rate too high": "it climbs at lr = 0.1, and at 1e-05 it does not"}),
    (Updates(UP, "", GUESS, [], []), {"calm_at": (1e-6,)}, {
        "learning rate too high": "it climbs at lr = 0.1, and at 1e-07 it does not"}),
    (Updates(UP, "", GUESS, [], []), {"calm_at": (1e-2,), "climbs": False}, {}),
    (Updates(FLAT, "", GUESS, [], []), {"calm_at": (1e-2,)}, {}),
    (Updates(FLAT, "", GUESS, [*"abcd"], []), {}, {"no gradient": "a, b, c and 1 more"}),
    (Updates(FLAT, "", GUESS, [*"ab"], []), {"notes": seen(reached={"a"})}, {"no gradient": "b"}),
    (Updates(FLAT, "", GUESS, [*"ab"], []), {"notes": seen(reached={"a", "b"})}, {}),
    (Updates(FLAT, "", GUESS, [], [*"ab"]), {"still_when_warm": "bc"}, {
        "weights do not move": "b"}),
    (Updates(FLAT, "", GUESS, [], [*"ab"]), {}, {}),
    (Updates(FLAT, "", GUESS, [], [*"ab"]), {"still_when_warm": "ab", "elsewhere": {"a"}}, {
        "weights do not move": "b"}),
    (Updates(FLAT, "", GUESS, [], [*"ab"]), {
        "still_when_warm": "ab", "notes": seen(changed={"b"})}, {"weights do not move": "a"}),
]  # fmt: skip


@pytest.mark.parametrize("place", range(len(FIRST)))
def test_what_the_first_updates_show_is_told(monkeypatch, place):
    updates, options, said = FIRST[place]
    assert of_the_updates(updates, monkeypatch=monkeypatch, **options) == said


class Large(nn.Linear):
    """Scores that are a hundred times what they should be."""

    def forward(self, images):
        return 100 * super().forward(images)


def with_a_part(scores, labels):
    return F.cross_entropy(scores, labels) + 20


@pytest.mark.parametrize(
    ("first", "network", "loss_function", "said"),
    [
        (2.19, Large(8, 3), F.cross_entropy, None),
        (2.21, Large(8, 3), F.cross_entropy, "2.21 in place of 1.1"),
        (123.456, Large(8, 3), F.cross_entropy, "123 in place of 1.1"),
        # Not of the scores' size, but of something else.
        (123.456, nn.Linear(8, 3), lambda s, y: F.cross_entropy(100 * F.normalize(s), y), None),
        (123.456, nn.Sequential(Large(8, 3), nn.Tanh()), F.cross_entropy, None),
        (42.0, Large(8, 3), with_a_part, None),
        (42.4, Large(8, 3), with_a_part, "42.4 in place of 21.1"),
    ],
)
def test_a_first_loss_is_too_high_from_twice_a_guess_on(
    monkeypatch, first, network, loss_function, said
):
    updates = Updates([first] * 9, "", GUESS, [], [])
    options = {"network": network, "loss_function": loss_function}
    found = of_the_updates(updates, monkeypatch=monkeypatch, **options)
    assert found == ({} if said is None else {"first loss too high": said})


def test_the_highest_of_several_rates_is_named(monkeypatch):
    monkeypatch.setattr(
        rehearsal, "first_updates", lambda *_, **__: Updates(FLAT, "", GUESS, [], [])
    )
    setup = setup_of(make=grouped({"lr": 0.0, "initial_lr": 3.0}, {"lr": 2.0}))
    updates = Updates(UP, "", GUESS, [], [])
    found = looks_at_updates.of_the_first_updates(setup, updates, None, lambda: True)
    assert held(found)["learning rate too high"] == ("it climbs at lr = 3, and at 0.03 it does not")


@pytest.mark.parametrize("climb", [True, False])
def test_without_a_step_the_loss_climbs_as_by_the_book(climb):
    updates = Updates(UP if climb else FLAT, "", GUESS, [], [])
    assert looks_at_updates.climbs_in(None, BATCHES, setup_of(), updates) is climb


def moves(by, calls, stops=None):
    """Return a step that lengthens the weights each time, and notes the batches that it got."""

    def step(network, images, labels, loss_function, optimizer):
        calls.append((images, labels))
        if len(calls) == stops:
            raise OverflowError
        with torch.no_grad():
            network.weight *= by
        optimizer.step()

    return step


@pytest.mark.parametrize(
    ("by", "stops", "climbs", "count"),
    [(1.0, None, False, 20), (1.5, None, True, 20), (1.5, 2, True, 2), (1e30, None, True, 3)],
)
def test_a_step_is_taken_twenty_times_to_see_whether_the_loss_climbs(by, stops, climbs, count):
    calls = []
    setup = setup_of()
    before = setup.network.weight.clone()
    updates = Updates(FLAT, "", GUESS, [], [])
    step = moves(by, calls, stops)
    assert looks_at_updates.climbs_in(step, BATCHES, setup, updates) is climbs
    assert abs(len(calls) - count) <= (1 if by > 2 else 0)
    for (images, labels), (own, its) in zip(calls, BATCHES, strict=False):
        assert images.equal(own) and labels.equal(its)
    assert setup.network.weight.equal(before)


TRIES = [(1e-3, 60), (1e-2, 60), (1e-3, 200), (1e-2, 200)]
LEARNT = [
    # The losses of each try, and after how many it is seen that the batch is learnt.
    ([[2.0] * 60, [2.0] * 60, [2.0] * 200, [2.0] * 199 + [1.9]], None),
    ([[0.1]], 1),
    ([[2.0] * 10 + [1.7] * 5], 1),
    ([[2.0] * 10 + [1.9] * 50, [2.0] * 10 + [1.7] * 5], 2),
    ([[2.0] * 60, [2.0] * 60, [2.0] * 60, [2.0] * 99 + [1.7] * 5], 4),
    ([[NAN] * 60, [2.0] * 60, [NAN] * 200, [NAN] * 200], None),
    ([[2.0, 1.0]] * 4, None),  # Five are too few.
]


@pytest.mark.parametrize(("tries", "count"), LEARNT)
def test_a_small_batch_is_tried_at_two_rates_and_for_two_times(monkeypatch, tries, count):
    asked = []

    def learn(setup, network, batches, rate, updates):
        ((images, labels),) = batches
        assert images.equal(IMAGES[:32]) and labels.equal(LABELS[:32])
        asked.append((rate, updates))
        return iter(tries[len(asked) - 1])

    monkeypatch.setattr(rehearsal, "learn", learn)
    setup = setup_of(None, [(IMAGES, LABELS)])
    found = held(looks_at_updates.of_a_small_batch(setup))
    if count is not None:
        assert found == {} and asked == TRIES[:count]
        return
    first, last = tries[-1][0], tries[-1][-1]
    assert asked == TRIES and found == {
        "one batch is not learnt by heart": (
            f"in 200 updates the loss went from {first:.3g} to {last:.3g}"
        )
    }


@pytest.mark.parametrize(("last", "learnt"), [(1.79, True), (1.95, False)])
def test_what_no_score_changes_is_no_part_of_what_is_learnt(monkeypatch, last, learnt):
    """Of a loss of 2, half is a part that stays: a tenth of the other is to go."""
    monkeypatch.setattr(rehearsal, "learn", lambda *_, **__: iter([2.0] * 9 + [last] * 5))
    setup = setup_of(loss_function=lambda s, y: F.cross_entropy(s, y) + 1)
    assert (held(looks_at_updates.of_a_small_batch(setup)) == {}) is learnt


def test_a_loss_that_wants_whole_batches_gets_them(monkeypatch):
    sizes = []

    def learn(setup, network, batches, rate, updates):
        sizes.append(len(batches[0][0]))
        return iter([0.0])

    monkeypatch.setattr(rehearsal, "learn", learn)
    for whole in (False, True):

        def loss(scores, labels, least=33 * whole):
            return F.cross_entropy(scores, labels) if len(scores) >= least else 1 / 0

        looks_at_updates.of_a_small_batch(setup_of(None, [(IMAGES, LABELS)], loss))
    assert sizes == [32, 60]
