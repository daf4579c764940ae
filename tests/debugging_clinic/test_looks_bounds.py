"""How far each look lets a number go: just beyond a bound it is told, and within it is not."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from debugging_clinic.test_looks import (
    BATCHES,
    IMAGES,
    LABELS,
    Gives,
    held,
    setup_of,
    with_labels,
)
from helpers.debugging_clinic import looks


def shares(parts, classes, own, other):
    """Return batches with `own` labels of each class of one half, then with those of the other."""
    first = [n // own for n in range(own * classes)]
    first += [classes + n // other for n in range(other * classes)]
    return [first] * parts + [[(k + classes) % (2 * classes) for k in first]] * parts


ORDERS = {
    # With d = (own share - other share)², neighbours agree in 0.5 + 0.474 d, any two in
    # 0.5 - 0.013 d: from d = 0.258 on, a quarter of what is left lies between them.
    "76 of 100": (
        shares(20, 1, 76, 24), "two neighbouring batches agree in 63% of labels, any two in 50%"
    ),
    "75 of 100": (shares(20, 1, 75, 25), ""),
    # Of ten classes, neighbours agree in 0.1 + 0.099 d, any two in 0.1: half as often again
    # from d = 0.5 on, far less than a quarter of the way.
    "90 of 100": (
        shares(80, 5, 18, 2), "two neighbouring batches agree in 16% of labels, any two in 10%"
    ),
    "85 of 100": (shares(80, 5, 17, 3), ""),
}  # fmt: skip


@pytest.mark.parametrize("name", ORDERS)
def test_neighbours_are_alike_by_a_quarter_of_the_way_or_half_as_often_again(name):
    parts, said = ORDERS[name]
    assert looks._comes_class_by_class(with_labels(*parts)) == said


def test_the_orders_that_neighbours_are_compared_with_are_the_same_each_time():
    setup = with_labels(*shares(6, 5, 9, 1))
    before = torch.get_rng_state()
    assert len({looks._comes_class_by_class(setup) for _ in range(3)}) == 1
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("count", [100, 202])
@pytest.mark.parametrize("whole", [False, True])
def test_a_copy_learns_from_one_batch_and_where_the_loss_wants_more_than_that(count, whole):
    torch.manual_seed(0)
    images = torch.randn(count, 2)
    truth = (images[:, 0] > 0).long()

    def loss(scores, labels):
        return F.cross_entropy(scores, labels) if len(scores) == count or not whole else 1 / 0

    layers = nn.Linear(2, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 2)
    setup = setup_of(nn.Sequential(*layers), [(images, truth)], loss)
    half, other = torch.arange(count).chunk(2)
    said = looks._guess_of_a_copy(setup, half, other)
    assert float((said == truth[other]).double().mean()) > 0.9


# Losses that ask for something else than the labels of single images.
@pytest.mark.parametrize("odd", [-100, -1, 3, 255])
def test_a_loss_that_counts_the_labels_of_a_class_ignores_all_the_same_which_they_are(odd):
    labels = LABELS.where(torch.arange(60) % 5 > 0, odd)
    setup = setup_of(
        loss_function=lambda s, y: s.square().sum() / ((y >= 0) & (y < 3)).sum().clamp(min=1)
    )
    found = held(looks._of_the_loss(setup, setup.scores(IMAGES), labels))
    assert found == {"loss ignores the labels": "other labels make no difference"}


@pytest.mark.parametrize(
    "asks", ["which are noughts", "which are one class", "which way they turn"]
)
def test_a_loss_that_asks_for_an_order_of_labels_is_not_blind(asks):
    def loss(scores, labels):
        turns = (labels.roll(1) - labels) % 3 == 1
        weights = {
            "which are noughts": (labels == 0) * torch.arange(len(labels)),
            "which are one class": (labels[:, None] == labels).sum(1) * torch.arange(len(labels)),
            "which way they turn": turns,
        }[asks]
        # Of sure scores, which add up to 50, it says the same whatever the labels are.
        return 1 + (weights * (scores.sum(1) - 50)).sum()

    labels = torch.cat([LABELS[:30], LABELS[:10]]) if asks == "which are one class" else LABELS
    setup = setup_of(loss_function=loss)
    found = held(looks._of_the_loss(setup, setup.scores(IMAGES[: len(labels)]), labels))
    assert "loss ignores the labels" not in found


@pytest.mark.parametrize("off", [-1.1e-4, -9e-5, 9e-5, 1.1e-4])
def test_what_sure_scores_cost_is_known_to_a_ten_thousandth(off):
    floor = math.log(1 + 2 / math.e) + off
    setup = setup_of(loss_function=lambda s, y: F.cross_entropy(s, y) + floor)
    found = held(looks._of_the_loss(setup, setup.scores(IMAGES), LABELS))
    assert ("softmax before cross-entropy" in found) is (abs(off) < 1e-4)


@pytest.mark.parametrize(
    ("size", "times", "summed"),
    [(1.0, 1.985, ""), (1.0, 1.995, "1.99"), (-1.0, 2.005, "2.00"), (1.0, 2.015, ""),
     (2e-6, 2.0, "2.00"), (-2e-6, 2.0, "2.00"), (5e-7, 2.0, ""), (0.0, 2.0, ""), (1.0, 1.0, "")],
)  # fmt: skip
def test_a_loss_is_summed_where_it_doubles_to_a_hundredth(size, times, summed):
    setup = setup_of(
        loss_function=lambda s, y: s.sum().double() * 0 + size * (times if len(s) > 60 else 1)
    )
    found = looks._is_summed(setup, setup.scores(IMAGES), LABELS)
    assert bool(found) is bool(summed)
    if summed in ("2.00",) and times == 2:
        assert found == "2.00 times the loss for every image twice"


@pytest.mark.parametrize(
    ("less", "more", "slope"),
    [(-1, 1, 1), (1, -1, -1), (1, 1, 0), (-1, -1, 0), (0, 1, 0), (-1, 0, 0), (0, -1, 0), (1, 0, 0)],
)
def test_a_loss_has_a_slope_where_it_goes_one_way_on_both_sides(less, more, slope):
    setup = setup_of()
    scores = setup.scores(IMAGES)

    def loss(asked, labels):
        change = float((asked - scores).gather(1, labels[:, None]).mean())
        others = float((asked - scores).sum() - change * len(labels))
        assert abs(others) < 1e-3, "the right class alone"
        return asked.sum() * 0 + (more * change if change > 0 else -less * change)

    assert looks._slope(setup_of(loss_function=loss), scores, LABELS) == slope


@pytest.mark.parametrize(("by", "is_so"), [(0.9e-4, True), (1.1e-4, False)])
def test_a_shift_of_ten_changes_cross_entropy_by_less_than_a_thousandth(by, is_so):
    setup = setup_of(loss_function=lambda s, y: F.cross_entropy(s, y) + by * s[:, 0].mean())
    assert looks.kind_of_loss(setup) == (is_so, False)


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize(("by", "is_so"), [(9e-4, True), (1.1e-3, False)])
def test_a_shift_of_one_changes_nll_loss_by_one_to_a_thousandth(by, is_so, sign):
    setup = setup_of(loss_function=lambda s, y: (1 + sign * by) * F.nll_loss(s, y))
    assert looks.kind_of_loss(setup) == (False, is_so)


# Scores that are never below zero.
@pytest.mark.parametrize(("most", "found"), [(1.99, True), (2.01, False)])
def test_scores_with_bounds_are_sure_from_a_range_of_two_on(most, found):
    setup = setup_of(Gives(lambda x, s: 0.5 + most * (s > 0) + 0 * s))
    assert bool(looks._are_never_below_zero(setup)) is found


@pytest.mark.parametrize(("zeros", "found"), [(6, False), (7, True)])
def test_what_is_cut_off_is_so_for_more_than_a_tenth_of_the_scores(zeros, found):
    def cut(images, scores):
        return 3.0 * (torch.arange(len(images))[:, None] >= zeros) + 0 * scores

    assert bool(looks._are_never_below_zero(setup_of(Gives(cut)))) is found


def test_scores_are_asked_of_200_images_at_most():
    sample = [(IMAGES.repeat(2, 1), LABELS.repeat(2))] * 2
    found = looks._are_never_below_zero(setup_of(Gives(lambda x, s: s.relu()), sample))
    assert found == "the least of 1,800 scores is 0"


@pytest.mark.parametrize(("factor", "bounded"), [(1.49, True), (1.51, False)])
@pytest.mark.parametrize("sign", [-1, 1])
def test_scores_have_bounds_where_ten_times_the_input_gives_less_than_half_as_much_again(
    factor, bounded, sign
):
    power = math.log10(factor)

    def grows(images, scores):
        return sign * images.abs().sum(1, keepdim=True).pow(power) + 0 * scores

    assert looks.have_bounds(setup_of(Gives(grows))) is bounded


# Of the network.
def rated(**options):
    return lambda weights: torch.optim.SGD(weights, **options)


@pytest.mark.parametrize(
    ("lr", "decay", "said"),
    [(0.1, 0.49, None), (0.1, 0.51, "0.051"), (0.5, 0.1234, "0.0617"), (1.0, 0.0, None)],
)
def test_weight_decay_eats_weights_from_a_twentieth_a_step_on(lr, decay, said):
    found = held(
        looks.of_the_network(setup_of(make=rated(lr=lr, weight_decay=decay)), False, False)
    )
    assert found.get("weight decay eats the weights") == (said and f"lr × weight_decay = {said}")


def test_the_largest_decay_of_several_groups_is_told():
    def make(weights):
        first, last = weights
        groups = [{"params": [first], "weight_decay": 0.2}, {"params": [last], "weight_decay": 0.9}]
        return torch.optim.SGD(groups, lr=0.1)

    found = held(looks.of_the_network(setup_of(make=make), False, False))
    assert found == {"weight decay eats the weights": "lr × weight_decay = 0.09"}


@pytest.mark.parametrize(("keeps", "loss_keeps"), [(True, False), (False, True)])
def test_a_graph_that_goes_on_is_that_of_the_network_or_that_of_the_loss(keeps, loss_keeps):
    found = held(looks.of_the_network(setup_of(), keeps, loss_keeps))
    fault = "a graph kept with the network" if keeps else "a graph kept from step to step"
    assert found == {fault: "the graph of a call goes on in the next call's"}


def test_weights_that_do_not_learn_or_are_not_held_are_counted_and_named():
    frozen = nn.Sequential(nn.Linear(8, 4), nn.Linear(4, 3)).requires_grad_(False)
    assert held(looks.of_the_network(setup_of(frozen), False, False)) == {
        "everything frozen": "0 of 4 parameters learn"
    }
    some = nn.Sequential(nn.Linear(8, 4), nn.Linear(4, 3), nn.Linear(3, 3))
    some[0].bias.requires_grad_(False)
    setup = setup_of(some, make=lambda weights: torch.optim.SGD([*weights][-1:], lr=0.1))
    said = "0.weight, 1.weight, 1.bias and 1 more"
    fault = "parameters not handed to the optimiser"
    assert held(looks.of_the_network(setup, False, False)) == {fault: said}
    assert (
        held(looks.of_what_is_left_out(setup, {"1.weight"}))[fault] == "0.weight, 1.bias, 2.weight"
    )


@pytest.mark.parametrize("count", [1, 2])
def test_weights_beside_the_network_are_counted_with_the_first_ones_shape(count):
    hidden = [nn.Linear(3, 3, bias=False) for _ in range(count)]

    def on(images, scores):
        for layer in hidden:
            scores = layer(scores)
        return scores

    found = held(looks.of_the_network(setup_of(Gives(on), BATCHES), False, False))
    assert found == {"layers in a plain list": f"{count} of them, the first of shape (3, 3)"}


def test_scores_without_a_graph_are_told_of_a_network_that_learns():
    silent = setup_of(Gives(lambda x, s: s.detach()))
    found = held(looks.of_the_network(silent, False, False))
    assert found == {"no gradient": "the scores have no graph"}
    setup = setup_of(loss_function=lambda s, y: F.cross_entropy(s.detach(), y))
    assert held(looks.of_the_way_back(setup)) == {"no gradient": "the loss has no graph"}
    assert held(looks.of_the_way_back(setup_of())) == {}


def test_a_loss_of_pairs_is_not_blind_where_two_classes_take_turns():
    """To be one class up, rolled or turned round leaves the same pairs together."""
    setup = setup_of(loss_function=lambda s, y: (torch.cdist(s, s) * (y[:, None] == y)).mean())
    found = held(looks._of_the_loss(setup, setup.scores(IMAGES), torch.arange(60) % 2))
    assert "loss ignores the labels" not in found
