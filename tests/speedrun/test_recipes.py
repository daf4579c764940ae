"""From bytes to names: the features beside plain arithmetic, and whether anything is learnt."""

import dataclasses
import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from helpers.fashion_mnist_pipeline import standin
from helpers.speedrun.recipes import Recipe, build, learn, prepare

FLOAT = torch.float32


@pytest.fixture(scope="module")
def drawn():
    return standin.draw_parts(seed=1, train=1_500, test=300)


def edges_plainly(images: torch.Tensor) -> torch.Tensor:
    """Return eight maps of edges, each filter and each shift written out."""
    x = F.pad(images.double() / 255, (1, 1, 1, 1))
    right = torch.zeros(len(images), 28, 28, dtype=torch.float64)
    down = torch.zeros_like(right)
    for row, column, weight in (
        (0, 2, 1),
        (1, 2, 2),
        (2, 2, 1),
        (0, 0, -1),
        (1, 0, -2),
        (2, 0, -1),
    ):
        right += weight * x[:, row : row + 28, column : column + 28]
        down += weight * x[:, column : column + 28, row : row + 28]
    turns = [k * math.pi / 4 for k in range(8)]
    return torch.stack([(math.cos(a) * right + math.sin(a) * down).clamp(min=0) for a in turns], 1)


@pytest.mark.parametrize("root", [True, False])
def test_two_layers_get_edges_over_squares_that_overlap(drawn, root):
    images = drawn[0][:300]  # More than a piece.
    found = prepare(images, Recipe(root=root), FLOAT)
    maps = F.avg_pool2d(edges_plainly(images), 4, stride=3)
    small = F.avg_pool2d(images.double().unsqueeze(1) / 255, 2)
    maps = maps.sqrt() if root else maps
    expected = torch.cat([maps.flatten(1), small.flatten(1)], dim=1)
    assert found.shape == (300, 844)
    assert (found.double() - expected).abs().max() < (2e-3 if root else 1e-5)


def test_convolutions_get_nine_maps(drawn):
    found = prepare(drawn[0][:5], Recipe(channels=(4,)), FLOAT)
    maps = F.avg_pool2d(edges_plainly(drawn[0][:5]), 2).sqrt()
    small = F.avg_pool2d(drawn[0][:5].double().unsqueeze(1) / 255, 2)
    assert found.shape == (5, 9, 14, 14)
    assert (found.double() - torch.cat([maps, small], dim=1)).abs().max() < 2e-3


def test_without_edges_there_are_pixels(drawn):
    found = prepare(drawn[0][:5], Recipe(edges=False), FLOAT)
    assert torch.allclose(found, drawn[0][:5].reshape(5, 784) / 255)


def test_a_network_gives_ten_scores():
    assert build(Recipe(hidden=16), 20)(torch.ones(3, 20)).shape == (3, 10)
    with_filters = build(Recipe(channels=(4, 6), hidden=16), 0)
    assert with_filters(torch.ones(3, 9, 14, 14)).shape == (3, 10)


KINDS = {
    "two layers": Recipe(epochs=3, batch_size=64, hidden=64, hard=0.5, dtype=FLOAT),
    "in the mirror": Recipe(epochs=3, batch_size=64, hidden=64, mirror=True, dtype=FLOAT),
    "with filters": Recipe(epochs=2, batch_size=64, channels=(8,), hidden=32, dtype=FLOAT),
    "moved": Recipe(epochs=2, batch_size=64, hidden=64, moved=True, dtype=FLOAT),
    "two that vote": Recipe(epochs=1, batch_size=64, hidden=64, networks=2, dtype=FLOAT),
    "bfloat16": Recipe(epochs=2, batch_size=64, hidden=64, dtype=torch.bfloat16),
}


@pytest.mark.parametrize("recipe", KINDS.values(), ids=list(KINDS))
def test_it_learns_what_garments_are(drawn, recipe):
    images, labels, unseen, truth = drawn
    trained = learn(images, labels, recipe, 0)
    assert (trained(unseen) == truth).double().mean() > 0.6  # One in ten by chance.


def test_the_seed_decides_the_weights(drawn):
    images, labels = drawn[0][:500], drawn[1][:500]
    recipe = dataclasses.replace(KINDS["two layers"], epochs=1)
    one, again, other = (
        nn.utils.parameters_to_vector(learn(images, labels, recipe, seed).networks[0].parameters())
        for seed in (3, 3, 4)
    )
    assert torch.equal(one, again) and not torch.equal(one, other)


def test_networks_and_views_vote(drawn):
    images, labels, unseen, _ = drawn
    recipe = dataclasses.replace(KINDS["two that vote"], moved=True, mirror=True)
    trained = learn(images, labels, recipe, 0)
    assert len(trained.networks) == 2
    assert not torch.equal(trained.networks[0][0].weight, trained.networks[1][0].weight)
    left, right = torch.zeros_like(unseen), torch.zeros_like(unseen)
    left[:, :, :-1], right[:, :, 1:] = unseen[:, :, 1:], unseen[:, :, :-1]  # Edges are black here.
    votes = torch.zeros(len(unseen), 10)
    with torch.no_grad():
        for view, weight in ((unseen, 2), (left, 1), (right, 1)):
            for side in (view, view.flip(2)):
                for network in trained.networks:
                    votes += weight * network(trained.ready(side)).softmax(dim=1)
    assert torch.equal(trained(unseen), votes.argmax(dim=1))


def test_pieces_are_named_as_the_whole(drawn):
    images, labels, unseen, _ = drawn
    trained = learn(images, labels, KINDS["two layers"], 0)
    many = unseen.repeat(2001 // len(unseen) + 1, 1, 1)
    assert torch.equal(trained(many)[: len(unseen)], trained(unseen))
    assert len(trained(many)) == len(many) > 2000
