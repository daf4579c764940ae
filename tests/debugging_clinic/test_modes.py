"""Which layers are in evaluation mode by mistake: their names, worked out by hand."""

import pytest
from torch import nn

from helpers.debugging_clinic import modes


def body():
    return nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Dropout())


def off(network, *names):
    """Put some parts of a network into evaluation mode."""
    for name in names:
        network.get_submodule(name).eval()
    return network


def frozen(network, *names):
    for name in names:
        network.get_submodule(name).requires_grad_(False)
    return network


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.body, self.head = nn.Linear(4, 4), nn.Sequential(body(), body()), body()


EXPECTED = {
    "all train": (lambda: Net(), []),
    "the whole": (
        lambda: Net().eval(),
        ["body.0.1", "body.0.2", "body.1.1", "body.1.2", "head.1", "head.2"],
    ),
    "a part that learns": (lambda: off(Net(), "body.1"), ["body.1.1", "body.1.2"]),
    "parts at two depths": (
        lambda: off(Net(), "body.0", "head"), ["body.0.1", "body.0.2", "head.1", "head.2"]
    ),
    "a norm alone, on purpose": (lambda: off(Net(), "head.1"), []),
    "dropout alone": (lambda: off(Net(), "head.2", "body.0.2"), ["body.0.2", "head.2"]),
    "a frozen part, on purpose": (lambda: frozen(off(Net(), "body.0"), "body.0"), []),
    "a part of which one layer is frozen": (
        lambda: frozen(off(Net(), "body.0"), "body.0.1"), ["body.0.1", "body.0.2"]
    ),
    "a part with a norm that learns, and no other weights": (
        lambda: frozen(off(Net(), "head"), "head.0"), []
    ),
    "the whole, with a frozen body": (
        lambda: frozen(Net().eval(), "stem", "body"), ["head.1", "head.2"]
    ),
    "the whole, with a body that is frozen but for one norm": (
        lambda: frozen(Net().eval(), "body.0", "body.1.0"),
        ["body.1.1", "body.1.2", "head.1", "head.2"],
    ),
    "the whole, but a part that trains": (
        lambda: (lambda net: net.head.train() and net)(Net().eval()),
        ["body.0.1", "body.0.2", "body.1.1", "body.1.2"],
    ),
    "the whole, all frozen": (lambda: Net().eval().requires_grad_(False), []),
    "a single layer": (lambda: nn.Dropout().eval(), [""]),
    "layers that are alike in both modes": (
        lambda: nn.Sequential(nn.Linear(4, 4), nn.LayerNorm(4), nn.GroupNorm(2, 4)).eval(), []
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", EXPECTED)
def test_layers_in_evaluation_mode_are_named_unless_it_is_on_purpose(name):
    make, names = EXPECTED[name]
    assert modes.layers_off(make()) == names


@pytest.mark.parametrize(
    "layer",
    [
        *(nn.Dropout(), nn.Dropout1d(), nn.Dropout2d(), nn.Dropout3d()),
        *(nn.AlphaDropout(), nn.FeatureAlphaDropout()),
        *(nn.BatchNorm1d(4), nn.BatchNorm2d(4), nn.BatchNorm3d(4), nn.SyncBatchNorm(4)),
        *(nn.InstanceNorm1d(4), nn.InstanceNorm2d(4), nn.InstanceNorm3d(4)),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_every_layer_with_two_modes_is_one(layer):
    network = nn.Sequential(nn.Sequential(nn.Linear(4, 4), layer))
    network[0].eval()
    assert modes.layers_off(network) == ["0.1"]
    assert modes.layers_off(network.eval()) == ["0.1"]


def test_frozen_parts_have_weights_and_none_that_learns():
    net = frozen(Net(), "stem", "body.0", "head.0")
    assert modes.frozen_in(net) == [net.stem, net.body[0], net.body[0][0], net.body[0][1],
                                    net.head[0]]  # fmt: skip
    net.requires_grad_(False)
    assert net not in modes.frozen_in(net) and net.body in modes.frozen_in(net)
