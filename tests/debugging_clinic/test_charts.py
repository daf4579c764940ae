"""A chart and the tests that one may order measure what they say, and leave a case alone."""

import copy
import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from debugging_clinic.runs import same
from helpers.debugging_clinic import cases, charts, faults, steps


def test_a_chart_says_what_the_run_did(garments):
    case = cases.admit(faults.HEALTHY, garments, seed=1, images=300)
    case.updates = 4
    chart = charts.observe(case)
    # The same four updates, written out: three batches an epoch, then a new order.
    again = cases.admit(faults.HEALTHY, garments, seed=1, images=300)
    network, optimizer = again.network, torch.optim.SGD(again.network.parameters(), 0.15, 0.8)
    start = copy.deepcopy(list(network.parameters()))
    for n, (images, labels) in enumerate([*again.batches, *again.batches][:4]):
        scores = network(images)
        loss = F.nll_loss(scores, labels)
        assert chart.loss[n] == pytest.approx(loss.item(), rel=1e-5)
        assert chart.correct[n] == (scores.argmax(1) == labels).sum()
        assert chart.samples[n] == len(labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        length = math.hypot(*(w.grad.norm().item() for w in network.parameters()))
        assert chart.arrived[n] == pytest.approx(length, rel=1e-4)
        pairs = zip(network.parameters(), start, strict=True)
        moved = [((now - then).norm() / then.norm()).item() for now, then in pairs]
        assert chart.moved_most[n] == pytest.approx(max(moved), rel=1e-4)
        assert chart.moved_least[n] == pytest.approx(min(moved), rel=1e-4)
    assert chart.epoch == 3 and chart.hooks == [1, 2, 3, 4] and chart.functions == [0] * 4
    assert chart.piled_up == pytest.approx([1] * 4, rel=1e-5)


def test_a_look_at_dropout_leaves_to_the_run_what_chance_has_in_store(garments):
    case = cases.admit(faults.HEALTHY, garments, seed=1, images=300)
    case.network = nn.Sequential(*case.network, nn.Dropout())
    batch, chart, before = next(iter(case.batches)), charts.Chart(), torch.get_rng_state()
    charts._look_before(case, *batch, chart)
    assert chart.apart[0] > 0 and torch.equal(torch.get_rng_state(), before)


def test_piled_up_gradients_are_the_sum_of_all_before(garments):
    case = cases.admit("gradients never cleared", garments, seed=1, images=384)
    case.updates = 2
    chart = charts.observe(case)
    network, (images, labels) = copy.deepcopy(case.network), next(iter(case.copy().batches))
    F.nll_loss(network(images), labels).backward()
    length = math.hypot(*(w.grad.norm().item() for w in network.parameters()))
    assert chart.gradient[0] == pytest.approx(length, rel=1e-5)
    assert chart.piled_up[0] == pytest.approx(1) and chart.piled_up[1] > 1.2


def test_the_graph_of_a_sum_holds_all_graphs(garments):
    case = cases.admit("a graph kept from step to step", garments, images=128)
    case.updates = 3
    # Flatten, two linear layers (a transpose and a product each), ReLU, log-softmax, loss, sum;
    # both weights' accumulators and the first sum's constant are counted once.
    few = charts.observe(case).functions
    assert few[1] - few[0] == few[2] - few[1] > 5


@pytest.mark.parametrize("fault", ["gradients never cleared", "a graph kept from step to step"])
def test_observing_and_ordering_tests_leave_a_case_alone(fault, garments):
    case = cases.admit(fault, garments, images=256)
    case.updates = 3
    weights = copy.deepcopy(case.network.state_dict())
    chance = torch.get_rng_state()
    first = charts.observe(case)
    charts.gradients(case), charts.weight_change(case), charts.outputs(case)
    assert charts.observe(case) == first
    assert torch.equal(torch.get_rng_state(), chance)
    assert same(case.network.state_dict(), weights)
    assert all(weight.grad is None for weight in case.network.parameters())


def test_gradients_are_those_that_step_sees(garments):
    case = cases.admit(faults.HEALTHY, garments, images=256)
    network, (images, labels) = copy.deepcopy(case.network), next(iter(case.copy().batches))
    F.nll_loss(network(images), labels).backward()
    expected = {name: weight.grad.norm().item() for name, weight in network.named_parameters()}
    assert charts.gradients(case) == pytest.approx(expected, rel=1e-5)
    early = charts.gradients(cases.admit("cleared before the step", garments, images=256))
    assert early == {"1.weight": 0, "3.weight": 0}
    assert charts.gradients(cases.admit("no step", garments, images=256)) == {}


def test_weight_change_tells_which_matrix_stays(garments):
    left_out = cases.admit("parameters not handed to the optimiser", garments, images=256)
    change = charts.weight_change(left_out)
    assert change["1.weight"] == 0 and change["3.weight"] > 0.01


def test_the_accuracy_of_a_chart_is_that_of_the_last_twenty_batches():
    # One image each: wrong, then nineteen right, then one wrong and one right.
    correct = [0] + [1] * 19 + [0, 1]
    chart = charts.Chart(loss=[0.0] * 22, correct=correct, samples=[1] * 22)
    assert chart.accuracy[:2] == [0.0, 0.5] and chart.accuracy[19:] == [0.95] * 3
    twice = charts.Chart(loss=[0.0] * 22, correct=correct, samples=[2] * 22)
    assert twice.accuracy[-1] == 0.475
    # An image counts as much in a short batch as in a long one: 1 + 9 of 1 + 9 + 10 are right.
    uneven = charts.Chart(loss=[0.0] * 3, correct=[1, 9, 0], samples=[1, 9, 10])
    assert uneven.accuracy == [1.0, 1.0, 0.5]


@pytest.mark.parametrize(("fault", "depends"), [(faults.HEALTHY, False), (faults.OVER_DIM_0, True)])
@torch.no_grad()
def test_accuracy_depends_on_the_batch_only_over_dim_0(fault, depends, garments):
    case = cases.admit(fault, garments, images=128)
    images, labels = (part[:20] for part in next(iter(case.fresh)))
    batches = list(zip(images.split(12), labels.split(12), strict=True))  # The last one is smaller.
    said = {
        size: torch.cat([case.network(part).argmax(dim=1) for part in parts])
        for size, parts in {1: images.split(1), 12: images.split(12)}.items()
    }
    for size, guess in said.items():
        right = (guess == labels).double().mean().item()
        found = charts.accuracy(case.network, batches, in_batches_of=size)
        assert found == pytest.approx(right)
        assert case.network.training, "it looks at a copy"
    assert (not torch.equal(said[1], said[12])) == depends


def test_what_piles_up_on_no_gradient_is_no_number():
    chart = charts.Chart(gradient=[3.0, 1.0, 0.0], arrived=[2.0, 0.0, 4.0])
    assert str(chart.piled_up) == "[1.5, nan, 0.0]"


@pytest.mark.parametrize(
    ("fault", "healthy", "least", "most"),
    [(faults.EVAL_MODE, False, 0, 0), (faults.EVAL_MODE, True, 0.1, 20)],
)
def test_two_passes_are_apart_where_dropout_drops(fault, healthy, least, most, garments):
    case = cases.admit(fault, garments, images=128, healthy=healthy)
    case.updates = 2
    torch.manual_seed(5)
    chart = charts.observe(case)
    assert all(least <= apart <= most for apart in chart.apart) and len(chart.apart) == 2
    torch.manual_seed(6)  # What is drawn is decided here, whatever chance has in store elsewhere.
    assert charts.observe(case) == chart


def test_the_largest_difference_of_two_passes_is_that_of_the_chart(garments):
    case = cases.admit(faults.EVAL_MODE, garments, images=128, healthy=True)
    case.updates = 1
    images, _ = next(iter(case.copy().batches))
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        first, again = case.network(images), case.network(images)
    assert charts.observe(case).apart == [pytest.approx(float((first - again).abs().max()))]
    sound = cases.admit(faults.HEALTHY, garments, images=128)
    sound.updates = 1
    assert str(charts.observe(sound).apart) == "[nan]"


def test_a_chart_ends_with_what_the_trained_copy_gets_right(garments):
    case = cases.admit(faults.OVER_DIM_0, garments, images=512)
    case.updates = 12
    chart = charts.observe(case)
    trained = case.copy()
    for images, labels in [batch for _ in range(3) for batch in trained.batches]:
        trained.step(trained.network, images, labels, trained.loss_function, trained.optimizer)

    def right(batches, size):
        return charts.accuracy(trained.network, batches, in_batches_of=size)

    assert chart.in_batches_of == {size: right(case.fresh, size) for size in (128, 8, 1)}
    assert list(chart.in_batches_of) == [128, 8, 1]
    assert chart.honest == right(case.fresh, 128) and chart.reported == right(case.test, 128)
    assert len({chart.honest, chart.reported, *chart.in_batches_of.values()}) == 4
    assert chart.epoch == 4 and len(chart.loss) == 12


def test_unless_told_otherwise_accuracy_shows_128_images_at_once():
    seen = []

    class Sees(nn.Module):
        def forward(self, images):
            seen.append((len(images), self.training))
            return images

    batches = [(torch.eye(10)[torch.arange(300) % 10], torch.zeros(300).long())]
    assert charts.accuracy(Sees(), batches) == 0.1
    assert seen == [(128, False), (128, False), (44, False)]


def test_a_hook_hears_no_forward_that_is_called_by_its_name(garments):
    case = cases.admit(faults.FORWARD_BY_NAME, garments, images=128)
    case.updates = 2
    assert charts.observe(case).hooks == [0, 0]


def test_of_a_sum_the_graph_has_so_many_functions(garments):
    case = cases.admit(faults.KEPT_GRAPH, garments, images=128)
    case.updates = 3
    # Two transposes, two products, Flatten, ReLU, log-softmax, loss and sum: nine, of which
    # Flatten's images ask for no gradient; and the two weights, once for all.
    assert charts.observe(case).functions == [10, 18, 26]


def test_ten_steps_move_each_weight_as_far_as_it_says(garments):
    case = cases.admit(faults.HEALTHY, garments, images=300)
    trained = case.copy()
    walk = [batch for _ in range(4) for batch in trained.batches]
    for images, labels in walk[:10]:
        steps.by_the_book(trained.network, images, labels, trained.loss_function, trained.optimizer)
    pairs = zip(trained.network.parameters(), case.network.parameters(), strict=True)
    moved = [((now - then).norm() / then.norm()).item() for now, then in pairs]
    assert list(charts.weight_change(case)) == ["1.weight", "3.weight"]
    assert list(charts.weight_change(case).values()) == pytest.approx(moved, rel=1e-5)


def test_outputs_are_those_of_evaluation_mode_and_of_a_copy(garments):
    case = cases.admit(faults.EVAL_MODE, garments, images=128, healthy=True)
    images, labels = next(iter(case.copy().batches))
    found, its = charts.outputs(case)
    assert case.network.training and not found.requires_grad and torch.equal(its, labels)
    assert torch.equal(found, copy.deepcopy(case.network).eval()(images))
