"""What a walk gives back: each kind of thing that it may change, where it may be kept."""

import collections

import pytest
import torch
from torch import nn

from computation_graph.examples import leaf
from helpers.computation_graph import graph


class Does(torch.autograd.Function):
    """Does on its way back what it was given to do."""

    deed: object = None

    @staticmethod
    def forward(ctx, x, deed):
        ctx.deed = deed
        return x * 2

    @staticmethod
    def backward(ctx, gradient):
        ctx.deed()
        return gradient * 2, None


def walked(deed) -> None:
    """Walk back through a function that does something each time it is called."""
    done = []
    graph.backtrack(Does.apply(leaf(1.0), lambda: done.append(deed())))
    assert done


PLACES = {
    "dict": lambda one: {"a": one},
    "ordered": lambda one: collections.OrderedDict(a=one),
    "default": lambda one: collections.defaultdict(list, a=one),
    "list": lambda one: [one],
    "queue": lambda one: collections.deque([one]),
    "pair": lambda one: (one, one),
    "two deep": lambda one: [{"a": one}],
    "three deep": lambda one: [[(one,)]],
}


def test_numbers_that_a_module_or_a_leaf_keeps_somewhere_come_back():
    owners = {name: (nn.Linear(1, 1), leaf(1.0)) for name in PLACES}
    held = {}
    for name, pair in owners.items():
        held[name] = torch.tensor([1.0, 2.0]), torch.tensor([3.0])
        for owner, numbers in zip(pair, held[name], strict=True):
            owner.notes = PLACES[name](numbers)
    walked(lambda: [one.add_(1) for pair in held.values() for one in pair])
    came = {name: [one.tolist() for one in pair] for name, pair in held.items()}
    assert came == dict.fromkeys(PLACES, [[1.0, 2.0], [3.0]])


@pytest.mark.parametrize(
    "held",
    [
        {"a": 1, "b": 2},
        collections.OrderedDict(b=1, a=2),
        collections.defaultdict(list, a=[1]),
        [3, 1, 2],
        {3, 1},
        collections.deque([3, 1, 2], maxlen=3),
    ],
    ids=lambda held: type(held).__name__,
)
def test_what_a_module_keeps_together_comes_back_in_its_order(held):
    module, before = nn.Linear(1, 1), list(held)
    module.notes = [held]
    walked(held.clear)
    assert module.notes[0] is held and list(held) == before
    module.notes = held
    walked(lambda: held.pop() if not isinstance(held, dict) else held.popitem())
    assert module.notes is held and list(held) == before


class Remembers(Does):
    """Keeps what passes in its class."""

    @staticmethod
    def backward(ctx, gradient):
        Remembers.last, Remembers.count = gradient, Remembers.count + 1
        Remembers.seen.append(gradient)
        return Does.backward(ctx, gradient)

    count, seen, deep = 0, [], [[(torch.ones(2),)]]


@pytest.mark.parametrize("module", [__name__, "torch_of_somebody.functions"])
def test_a_class_forgets_what_a_walk_has_put_there(module, monkeypatch):
    monkeypatch.setattr(Remembers, "__module__", module)
    numbers = Remembers.deep[0][0][0]
    graph.backtrack(Remembers.apply(leaf(1.0), lambda: numbers.add_(1)))
    assert (Remembers.count, Remembers.seen) == (0, []) and "last" not in vars(Remembers)
    assert numbers.tolist() == [1.0, 1.0]


# --- Buffers and weights ---


def test_buffers_come_back_that_were_written_put_aside_or_made_to_learn():
    module = nn.BatchNorm1d(2)
    mean, var, count = (module.running_mean, module.running_var, module.num_batches_tracked)

    def deed():
        mean.add_(1)
        module.running_var = torch.zeros(2)
        module.num_batches_tracked = None

    walked(deed)
    assert module.running_mean is mean and mean.tolist() == [0.0, 0.0]
    assert module.running_var is var and module.num_batches_tracked is count
    walked(lambda: mean.requires_grad_())
    assert not mean.requires_grad and mean.grad is None


@pytest.mark.parametrize("size", [2, 3])
def test_what_was_given_other_numbers_has_its_own_again(size):
    module = nn.BatchNorm1d(2)
    mean = module.running_mean
    place = mean.data_ptr()

    def deed():
        mean.data = torch.ones(size)

    walked(deed)
    assert mean.tolist() == [0.0, 0.0] and mean.data_ptr() == place


def test_what_looks_elsewhere_from_the_same_place_has_its_shape_again():
    module = nn.BatchNorm1d(4)
    mean = module.running_mean

    def deed():
        mean.data = mean.data[:2]

    walked(deed)
    assert mean.shape == (4,)


def test_what_has_lost_a_part_of_its_memory_has_all_of_it_again():
    module = nn.BatchNorm1d(4)
    mean = module.running_mean
    mean.copy_(torch.arange(4.0))
    walked(lambda: mean.untyped_storage().resize_(8))
    assert mean.untyped_storage().nbytes() == 16 and mean.tolist() == [0.0, 1.0, 2.0, 3.0]


def test_weights_that_learn_go_on_to_learn_with_their_gradients():
    layer = nn.Linear(1, 1)
    layer.kept = [layer.weight]
    before = layer.weight.grad = torch.ones(1, 1)
    frozen = layer.note = torch.ones(1)
    old = frozen.grad = torch.full((1,), 5.0)

    def deed():
        layer.weight.grad = frozen.grad = None
        frozen.requires_grad_()
        with torch.enable_grad():
            (frozen * 3 * layer.weight).sum().backward()

    walked(deed)
    assert layer.weight.requires_grad and layer.weight.grad is before
    assert before.item() == 1.0
    assert not frozen.requires_grad and frozen.grad is old and old.item() == 5.0


# --- What stands in the way of no walk ---


def test_a_gradient_that_no_longer_fits_stays():
    x, y = leaf([1.0, 2.0]), leaf([1.0, 2.0])
    x.grad, y.grad = (torch.ones(2, dtype=torch.float64) for _ in range(2))
    grads = [x.grad, y.grad]
    x.data = torch.ones(3, dtype=torch.float64)
    walked(lambda: y.backward(torch.ones(2, dtype=torch.float64)))
    assert x.grad is grads[0] and y.grad is grads[1] and y.grad.tolist() == [1.0, 1.0]


def of_inference():
    with torch.inference_mode():
        return torch.ones(2)


def frozen_memory():
    """Numbers which nobody may write to, as each lies in two places."""
    return torch.ones(1).expand(3)


ODD = {
    "inference": of_inference,
    "expanded": frozen_memory,
    "meta": lambda: torch.ones(2, device="meta"),
    "sparse": lambda: torch.eye(2).to_sparse(),
    "jagged": lambda: torch.nested.nested_tensor([torch.ones(2)], layout=torch.jagged),
    "lazy": lambda: nn.UninitializedBuffer(),
    "NaN": lambda: torch.full((2,), torch.nan),
    "NaN expanded": lambda: torch.full((1,), torch.nan).expand(3),
    "result": lambda: leaf([1.0]) * 2,
}


@pytest.mark.parametrize("kind", ODD)
def test_whatever_a_module_keeps_it_is_walked(kind):
    module = nn.Linear(1, 1)
    module.note = ODD[kind]()
    if kind != "result":
        module.register_buffer("kept", ODD[kind]())
    walked(lambda: None)
    assert module.note.requires_grad == (kind == "result")


def test_numbers_in_rows_of_several_lengths_come_back():
    module = nn.Linear(1, 1)
    rows = [torch.tensor([1.0, 2.0]), torch.tensor([3.0])]
    module.note = held = torch.nested.nested_tensor(rows, layout=torch.jagged)
    walked(lambda: held.mul_(2))
    assert [row.tolist() for row in held.unbind()] == [[1.0, 2.0], [3.0]]
