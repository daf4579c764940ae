"""Where the looks at inputs and first updates draw the line, and what they leave as it was."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from debugging_clinic.test_looks import BATCHES, IMAGES, LABELS, Gives, held, setup_of
from debugging_clinic.test_looks_at import Large, moves, of_the_updates
from helpers.debugging_clinic import looks_at_inputs, looks_at_updates, rehearsal
from helpers.debugging_clinic.rehearsal import Updates

SOUND = Updates([1.0] * 10, "", math.log(3), [], [])
LEARNT = {
    # Of four tries one will do; without one, none does.
    "a tenth less in the last five": ([2.0] * 9 + [1.79] * 5, True),
    "hardly less": ([2.0] * 9 + [1.81] * 50, False),
    "six updates": ([2.0, 1.0, 1.0, 1.0, 1.0, 1.0], True),
    "five updates": ([2.0, 1.0, 1.0, 1.0, 1.0], False),
    "known before": ([0.1], True),
    "nearly known before": ([0.11] * 9, False),
    "known only later, in a few updates": ([0.2, 0.05, 0.05], False),
}


@pytest.mark.parametrize("name", LEARNT)
def test_a_batch_is_learnt_where_a_tenth_of_its_loss_is_gone_for_five_updates(monkeypatch, name):
    losses, learnt = LEARNT[name]
    monkeypatch.setattr(rehearsal, "learn", lambda *_, **__: iter(losses))
    setup = setup_of(None, [(IMAGES, LABELS)])
    assert (held(looks_at_updates.of_a_small_batch(setup)) == {}) is learnt


@pytest.mark.parametrize("part", [-1.0, 3.0])
def test_a_part_below_zero_or_above_the_first_loss_is_not_taken_off(monkeypatch, part):
    monkeypatch.setattr(rehearsal, "learn", lambda *_, **__: iter([2.0] * 9 + [1.79] * 5))
    setup = setup_of(loss_function=lambda s, y: F.cross_entropy(s, y) + part)
    assert held(looks_at_updates.of_a_small_batch(setup)) == {}


@pytest.mark.parametrize("best", [50, 0])
def test_right_scores_of_either_kind_tell_the_part_that_stays(monkeypatch, best):
    """A loss may ask for right scores that lie above the others, or for others far below."""
    monkeypatch.setattr(rehearsal, "learn", lambda *_, **__: iter([2.0] * 9 + [1.89] * 5))

    def loss(scores, labels):
        found = scores.gather(1, labels[:, None]).mean(), scores.min()
        return 1 + (found[0] - 50).abs() + (found[1] - (best - 50)).abs()

    # Half of 2 stays: of the other half a tenth is gone.
    found = held(looks_at_updates.of_a_small_batch(setup_of(loss_function=loss)))
    assert found == {}


@pytest.mark.parametrize(("share", "told"), [(0.89, True), (0.91, False)])
def test_a_loss_is_not_too_high_where_a_tenth_of_the_scores_costs_as_much(monkeypatch, share, told):
    power = -math.log10(share)
    updates = Updates([123.456] * 9, "", math.log(3), [], [])
    options = {"network": Large(8, 3), "loss_function": lambda s, y: s.abs().mean() ** power}
    found = of_the_updates(updates, monkeypatch=monkeypatch, **options)
    assert ("first loss too high" in found) is told


def test_a_step_that_moves_weights_by_hand_is_taken_twenty_times_too():
    calls = []

    def step(network, images, labels, loss_function, _):
        calls.append(len(images))
        network.zero_grad()
        loss_function(network(images), labels).backward()
        with torch.no_grad():
            for weight in network.parameters():
                weight -= 0.1 * weight.grad

    assert looks_at_updates.climbs_in(step, BATCHES, setup_of(), SOUND) is False
    assert calls == [20] * 20


def test_what_a_step_sets_in_the_loss_and_a_network_in_its_images_is_put_back():
    loss_function, reductions = nn.CrossEntropyLoss(), []

    def step(network, images, labels, loss_function, optimizer):
        reductions.append(loss_function.reduction)
        loss_function.reduction = "sum"
        moves(1.0, [])(network, images, labels, loss_function, optimizer)

    def doubling(images, scores):
        images.mul_(2)
        return scores

    network = Gives(doubling)
    network.weight = network.layer.weight
    before = [images.clone() for images, _ in BATCHES]
    setup = setup_of(network, BATCHES, loss_function)
    looks_at_updates.climbs_in(step, BATCHES, setup, SOUND)
    assert set(reductions) == {"mean"} and loss_function.reduction == "mean"
    assert all(map(torch.equal, before, (images for images, _ in BATCHES)))


def test_inputs_that_must_be_large_do_no_harm(monkeypatch):
    def stops(_):
        raise ValueError("give pixels")

    monkeypatch.setattr(rehearsal, "first_updates", stops)
    setup = setup_of(None, [(200 * images, labels) for images, labels in BATCHES])
    high = Updates([9.0] * 10, "", math.log(3), [], [])
    assert looks_at_inputs.do_harm(setup, high) is False


@pytest.mark.parametrize("place", [0, 1, 2])
def test_smaller_inputs_are_divided_by_the_largest_of_all_batches(monkeypatch, place):
    asked = []
    monkeypatch.setattr(rehearsal, "first_updates", lambda s: asked.append(s) or SOUND)
    sample = [(200 * images, labels) for images, labels in BATCHES]
    sample[place] = (8 * sample[place][0], LABELS[:20])
    high = Updates([9.0] * 10, "", math.log(3), [], [])
    assert looks_at_inputs.do_harm(setup_of(None, sample), high) is True
    largest = [float(images.abs().max()) for images, _ in asked[0].sample]
    assert max(largest) == largest[place] == 1


@pytest.mark.parametrize(("size", "within"), [(9.99, True), (10.01, False)])
def test_layers_are_given_large_inputs_from_a_mean_square_of_ten_on(size, within):
    setup = setup_of(None, [(torch.full((20, 8), size), LABELS[:20])])
    assert looks_at_inputs._are_scaled_within(setup) is within
