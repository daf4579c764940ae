"""What `learn` hands to each training, and what a network is named by: without a training."""

import dataclasses

import pytest
import torch
from torch import nn

from helpers.speedrun import recipes
from helpers.speedrun.recipes import Recipe, Trained, learn, prepare

FLOAT = torch.float32
CHANCE = torch.Generator().manual_seed(0)
IMAGES = torch.randint(256, (60, 28, 28), generator=CHANCE, dtype=torch.uint8)
LABELS = torch.arange(60) % 10


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("options", [{}, {"channels": (2,)}, {"edges": False}])
def test_each_network_is_trained_on_all_images_and_on_their_mirror_images(
    mirror, options, monkeypatch
):
    handed = []
    monkeypatch.setattr(recipes, "train", lambda *given: handed.append(given))
    recipe = Recipe(mirror=mirror, networks=3, hidden=4, dtype=FLOAT, **options)
    trained = learn(IMAGES, LABELS, recipe, 0)
    assert len(trained.networks) == len(handed) == 3 and trained.recipe is recipe
    assert len({id(network) for network in trained.networks}) == 3
    across = torch.stack([image[:, list(range(27, -1, -1))] for image in IMAGES])
    for of, known, mirrored, labels in handed:
        assert of is trained and torch.equal(labels, LABELS)
        torch.testing.assert_close(known, trained.ready(IMAGES))
        if mirror:
            torch.testing.assert_close(mirrored, trained.ready(across))
        else:
            assert mirrored is None


def test_chance_is_that_of_the_seed_from_the_first_network_on(monkeypatch):
    monkeypatch.setattr(recipes, "train", lambda *_: None)
    recipe = Recipe(networks=2, hidden=4, edges=False, dtype=FLOAT)
    found = learn(IMAGES, LABELS, recipe, 5).networks
    torch.manual_seed(5)
    for network in found:
        for layer in (nn.Linear(784, 4), nn.Linear(4, 10)):
            expected = layer.weight
            assert any(torch.equal(expected, one) for one in network.parameters())


def test_the_middle_and_the_spread_are_kept_in_the_kind_of_number_of_the_features(monkeypatch):
    monkeypatch.setattr(recipes, "train", lambda *_: None)
    for dtype in (FLOAT, torch.bfloat16):
        trained = learn(IMAGES, LABELS, Recipe(hidden=4, dtype=dtype), 0)
        assert trained.middle.dtype == trained.spread.dtype == dtype
        # Worked out in float32 and rounded once, not added up in few digits.
        some = prepare(IMAGES[::25], trained.recipe, dtype).double()
        torch.testing.assert_close(trained.middle, some.mean(0).to(dtype))
        torch.testing.assert_close(trained.spread, (some.std(0) + 0.01).to(dtype))


@pytest.mark.parametrize(("mirror", "moved"), [(False, False), (True, False), (False, True)])
def test_without_the_mirror_or_a_move_a_picture_is_asked_about_once(mirror, moved, monkeypatch):
    asked = []

    def ready(self, images):
        asked.append(images.clone())
        return torch.zeros(len(images), 4)

    monkeypatch.setattr(Trained, "ready", ready)
    recipe = dataclasses.replace(Recipe(), mirror=mirror, moved=moved)
    Trained(recipe, [nn.Linear(4, 10)], 0.0, 1.0, FLOAT)(IMAGES[:2])
    first, across = IMAGES[:2], IMAGES[:2].numpy()[:, :, ::-1].copy()
    left, right = first[:, :, [*range(1, 28), 0]], first[:, :, [27, *range(27)]]
    expected = [first]
    expected += [torch.from_numpy(across)] * mirror + [right, left] * moved
    assert len(asked) == len(expected) and all(map(torch.equal, asked, expected))


def test_products_are_made_in_the_kind_of_number_of_the_features(monkeypatch):
    seen = []
    network = nn.Sequential(nn.Linear(4, 10), nn.Identity())
    network[1].register_forward_hook(lambda _, given, __: seen.append(given[0].dtype))
    monkeypatch.setattr(Trained, "ready", lambda self, images: torch.zeros(len(images), 4))
    for dtype in (FLOAT, torch.bfloat16):
        Trained(Recipe(), [network], 0.0, 1.0, dtype)(IMAGES[:2])
        trained = Trained(Recipe(epochs=1, batch_size=2, dtype=dtype), [network], 0.0, 1.0, dtype)
        recipes.train(trained, torch.zeros(2, 4), None, LABELS[:2])
    assert seen == [FLOAT, FLOAT, torch.bfloat16, torch.bfloat16]
