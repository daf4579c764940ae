"""The true floor is one: what it computes and moves is counted, and no way to train has less."""

from collections import Counter

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from helpers.fashion_mnist_pipeline import fashion, standin
from tools import bench_training

BATCH = 20
PRODUCTS = ("mm", "addmm", "addmm_")


class Counted(TorchDispatchMode):
    """Counts the calls that compute or move numbers, the bytes they touch and what they multiply.

    A call touches what it is given and what it returns, once if that is the same place.
    """

    def __init__(self):
        super().__init__()
        self.totals = Counter()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        with self:  # In inference mode some arrive whole, and are counted by their parts.
            parts = function.decompose(*args, **(kwargs or {}))
        if parts is not NotImplemented:
            return parts
        returned = function(*args, **(kwargs or {}))
        name = function.overloadpacket.__name__
        given, made = (
            [one for one in tree_leaves(tree) if isinstance(one, torch.Tensor)]
            for tree in ((args, kwargs), returned)
        )
        if function.is_view or not made:
            return returned
        if name == "index_select":
            given = made[:1]  # Of all the rows there are, it reads those that it returns.
            self.totals["bytes"] += size(given[0])
        places = {one.untyped_storage().data_ptr(): one for one in given + made}
        self.totals["bytes"] += sum(map(size, places.values()))
        self.totals["calls"] += 1
        if name in PRODUCTS:
            (rows, inner), (_, columns) = (factor.shape for factor in args[-2:])
            self.totals["flops"] += 2 * rows * inner * columns
        return returned


def size(tensor: torch.Tensor) -> int:
    return tensor.numel() * tensor.element_size()


@pytest.fixture(scope="module")
def step() -> dict[str, Counter]:
    """What one step more adds to an epoch, by the name of the way to train."""
    epochs = []
    for steps in (2, 3):
        labels = torch.arange(steps * BATCH) % 10
        drawn = standin.draw(labels, seed=0)
        garments = fashion.Garments(drawn, labels, drawn, labels, fashion.Source("stand-in"))
        lesson = bench_training.definitions(garments) | {"batch_size": BATCH}
        epochs.append({})
        for name, way in bench_training.ways_to_train(lesson).items():
            with Counted() as counted:
                way()
            epochs[-1][name] = counted.totals
    shorter, longer = epochs
    return {name: longer[name] - totals for name, totals in shorter.items()}


def test_the_floor_is_what_pencil_and_paper_say(step):
    n, pixels, hidden, classes = BATCH, 784, 128, 10
    products = 2 * n * (2 * pixels * hidden + 3 * hidden * classes)
    # Its place in the order; then a byte is read and written, and read again, and a float written.
    fetched = n * 8 + n * pixels * (1 + 1 + 1 + 4)
    X, A, D, W1, W2 = n * pixels, n * hidden, n * classes, pixels * hidden, hidden * classes
    touched = (X + W1 + A) + (A + W2 + D) + (D + W2 + A)  # scores, and what comes back
    touched += (W1 + A + X) + (W2 + D + A) + 2 * W1 + 2 * W2  # velocities, then weights
    floor = {"flops": products, "bytes": fetched + 4 * touched, "calls": 2 + 3 + 2 + 2}
    assert step["true_floor_s"] == floor


@pytest.mark.parametrize(
    "way", ["notes_loader_s", "ours_s", "optim_s", "by_hand_s", "gemm_floor_s"]
)
def test_no_way_to_train_goes_below_the_floor(step, way):
    floor = step["true_floor_s"]
    assert step[way]["flops"] == floor["flops"]
    assert step[way]["bytes"] > floor["bytes"] and step[way]["calls"] > floor["calls"]
