"""Which graphs of a network's calls are still in memory, and which of them are old."""

import pytest
import torch
from torch.nn import functional as F

from debugging_clinic import set_ups
from helpers.debugging_clinic import marks, preflight


def test_graphs_are_there_as_long_as_somebody_holds_them():
    seen, weight, held = marks.Kept(), torch.ones(2, requires_grad=True), []
    for step in range(3):
        held.append((weight * step).sum())
        seen.mark(held[-1])
        seen.steps = step + 1
    assert (seen.kept(), seen.old()) == ({0, 1, 2}, 2)
    del held[0]
    assert (seen.kept(), seen.old()) == ({1, 2}, 1)
    held.clear()
    assert (seen.kept(), seen.old()) == (set(), 0)


def test_a_graph_in_a_circle_that_nobody_holds_is_garbage():
    seen, weight = marks.Kept(), torch.ones(2, requires_grad=True)
    circle = {"loss": weight.sum()}
    circle["itself"] = circle
    seen.mark(circle["loss"])
    last, seen.steps = weight.prod(), 1
    seen.mark(last)
    seen.steps = 2
    del circle
    assert (seen.kept(), seen.old()) == ({1}, 0)


@pytest.mark.parametrize("most", [1, 2, 3])
def test_a_step_may_keep_its_last_loss(most):
    kept = []

    def step(network, images, labels, loss_function, optimizer):
        kept.append(loss_function(network(images), labels))
        del kept[:-most]
        optimizer.zero_grad()
        kept[-1].backward()
        optimizer.step()

    torch.manual_seed(0)
    report = set_ups.tiny(step=step).check()
    # Of one more than the last it is not known whether others follow it.
    assert ("whether the one graph that the step keeps is followed" in str(report)) == (most == 2)
    assert report.faults == (("a graph kept from step to step",) if most == 3 else ())


def test_a_seed_decides_what_is_left_to_chance():
    torch.manual_seed(0)
    network = set_ups.mlp(torch.nn.LayerNorm(12), Drops())
    given = network, set_ups.BATCHES, F.cross_entropy, set_ups.sgd(network)
    one, again, other = (str(preflight.check(*given, seed=seed)) for seed in (1, 1, 2))
    assert one == again != other and "chance in evaluation mode" in one


class Drops(torch.nn.Module):
    """Dropout that nothing switches off."""

    def forward(self, hidden):
        return F.dropout(hidden, 0.5)


def test_a_graph_is_every_function_of_it_once_with_the_last_one_first():
    weight = torch.ones(2, requires_grad=True)
    both = weight.exp()
    loss = (both * both + weight).sum()
    names = [type(function).__name__ for function in marks.graph_of(loss)]
    assert names[:2] == ["SumBackward0", "AddBackward0"]
    kinds = ["AccumulateGrad", "AddBackward0", "ExpBackward0", "MulBackward0", "SumBackward0"]
    assert sorted(names) == kinds
    leaves = [function for function in marks.graph_of(loss) if marks.is_leaf(function)]
    assert [leaf.variable is weight for leaf in leaves] == [True]
    assert marks.graph_of(torch.ones(2)) == {} and not marks.is_leaf(None)


def test_any_function_of_a_graph_that_is_held_keeps_it_and_a_leaf_does_not():
    seen, weight = marks.Kept(), torch.ones(2, requires_grad=True)
    hidden = weight.exp()
    seen.mark((hidden * 2).sum(), (hidden * 3).sum())
    seen.steps = 2
    assert (seen.kept(), seen.old()) == ({0}, 1)
    del hidden
    assert (seen.kept(), seen.old()) == (set(), 0)


def test_garbage_is_collected_once_for_what_outlives_it(monkeypatch):
    collected, collect = [], marks.gc.collect
    monkeypatch.setattr(marks.gc, "collect", lambda: collected.append(collect()))
    seen, weight = marks.Kept(), torch.ones(2, requires_grad=True)
    held = [weight.sum()]
    seen.mark(*held)
    seen.steps = 1  # That of the last step may be there.
    assert seen.kept() == {0} and len(collected) == 0
    for seen.steps in (2, 3):
        assert seen.kept() == {0} and len(collected) == 1
