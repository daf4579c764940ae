"""What a call leads to: weights beside the network, copies of weights, graphs of earlier calls."""

import pytest
import torch
from torch import nn

from debugging_clinic.test_looks import BATCHES, IMAGES, Gives, held, setup_of
from helpers.debugging_clinic import looks, rehearsal

IN_A_LIST = "layers in a plain list"


def beside(network) -> str | None:
    return held(looks.of_the_network(setup_of(network, BATCHES), False, False)).get(IN_A_LIST)


def test_of_layers_in_a_list_the_last_one_that_a_call_uses_is_found_first():
    wide, narrow = nn.Linear(3, 5, bias=False), nn.Linear(5, 3, bias=False)
    assert beside(Gives(lambda x, s: narrow(wide(s)))) == "2 of them, the first of shape (3, 5)"
    assert beside(Gives(lambda x, s: s + wide(s).sum())) == "1 of them, the first of shape (5, 3)"


def test_what_a_call_makes_anew_is_no_layer_in_a_list_unless_it_is_a_parameter():
    def a_leaf(images, scores):
        return scores + torch.ones(3, requires_grad=True)

    def a_parameter(images, scores):
        return scores + nn.Parameter(torch.ones(3))

    lasting = torch.ones(3, requires_grad=True)
    assert beside(Gives(a_leaf)) is None
    assert beside(Gives(a_parameter)) == "1 of them, the first of shape (3,)"
    assert beside(Gives(lambda x, s: s + lasting)) == "1 of them, the first of shape (3,)"


class Copying(nn.Linear):
    """A layer that computes with a copy of its weights, a leaf of its own."""

    def __init__(self, change: float):
        super().__init__(8, 3)
        self.change, self.copies = change, []

    def forward(self, images):
        copy = (self.weight.detach() + self.change).requires_grad_()
        return super().forward(images) + images @ nn.Parameter(copy).T


@pytest.mark.parametrize(("change", "said"), [(0.0, None), (1.0, "1 of them, the first of shape")])
def test_a_copy_of_a_weight_is_no_layer_beside_it(change, said):
    found = beside(Copying(change))
    assert found is None if said is None else found.startswith(said)


def test_what_was_handed_in_is_known_where_a_function_reaches_for_it():
    network = nn.Linear(8, 3)
    network.forward = lambda images: images @ network.weight.T + network.bias
    assert beside(network) is None


# Of tensors that a step made.
def test_a_tensor_made_of_others_has_no_weights_of_the_network_in_it():
    network, other = nn.Linear(8, 3), nn.Linear(8, 3)
    for value, is_so in (
        (network(IMAGES), False),
        (network(IMAGES) + other(IMAGES), False),
        (other(IMAGES), True),
        (network(IMAGES).detach(), True),
        (torch.ones(3), True),
        (3.0, False),
        (None, False),
    ):
        assert looks.is_made_of_others(value, network) is is_so


def test_a_copy_that_reaches_for_the_networks_own_weights_leads_to_them():
    network, other = nn.Linear(8, 3), nn.Linear(8, 3)
    before = [weight.clone() for weight in network.parameters()]
    reaching = Gives(lambda x, s: network(x))
    assert looks.leads_to(reaching, IMAGES, network)
    assert not looks.leads_to(reaching, IMAGES, other)
    assert not looks.leads_to(nn.Linear(8, 3), IMAGES, network)
    assert all(torch.equal(*pair) for pair in zip(before, network.parameters(), strict=True))
    asked = Recurrent(fresh=False)
    assert not looks.leads_to(asked, IMAGES, network) and asked.state is None, "it is as it was"


class Recurrent(nn.Module):
    """A part that keeps the graph of a call, and another if it is `fresh`."""

    def __init__(self, fresh: bool):
        super().__init__()
        self.inner, self.fresh = nn.Linear(8, 3), fresh
        self.state = None

    def forward(self, images):
        if self.state is None or self.fresh:
            self.state = self.inner(images).mean(0)
        return self.inner(images) + self.state


@pytest.mark.parametrize("fresh", [False, True])
@pytest.mark.parametrize("within", [False, True])
def test_a_graph_of_an_earlier_call_is_told_by_its_place_unless_each_call_makes_it_anew(
    fresh, within
):
    part = Recurrent(fresh)
    network = nn.Sequential(part) if within else part
    network(IMAGES)
    twin = rehearsal.copies(network, torch.optim.SGD(network.parameters()))[0]
    place = "network.0.state" if within else "network.state"
    assert looks.left_over(network, twin, IMAGES) == ("" if fresh else place)
    assert looks.left_over(nn.Linear(8, 3), twin, IMAGES) == ""
