"""One cycle of descent, the network on edges, and the fraction that a recipe names."""

import pytest
import torch
from torch import nn
from torch.optim.optimizer import register_optimizer_step_post_hook

from helpers.fashion_mnist_pipeline import recipes, standin

LABELS = torch.arange(30) % 10
IMAGES = standin.draw(LABELS, seed=0)
FILTERS = torch.randn(8, 1, 3, 3, generator=torch.Generator().manual_seed(0))


def test_one_cycle_climbs_for_a_quarter_of_the_steps_and_ends_near_zero():
    rates = []
    hook = register_optimizer_step_post_hook(
        lambda sgd, *_: rates.append(sgd.param_groups[0]["lr"])
    )
    recipes.one_cycle(nn.Linear(4, 10), torch.randn(30, 4), LABELS, 4, 3, highest=0.2)
    hook.remove()
    assert len(rates) == 40 and rates.index(max(rates)) == 9
    assert max(rates) == pytest.approx(0.2) and rates[-1] < 0.01
    assert rates[:10] == sorted(rates[:10]) and rates[9:] == sorted(rates[9:], reverse=True)


@pytest.mark.parametrize("learn_filters", [False, True])
def test_filters_move_where_they_are_to_be_learnt(learn_filters):
    network = recipes.GarmentNetwork(FILTERS, learn_filters, channels=(4, 4), hidden=8)
    recipes.one_cycle(network, IMAGES, LABELS, 1, 10, highest=0.1)
    assert torch.equal(network.filters, FILTERS) != learn_filters


def test_all_views_and_their_mirror_images_have_a_say():
    pictures = IMAGES.unsqueeze(1) / 255
    network = recipes.GarmentNetwork(FILTERS, views=((1, 1), (0, 2))).eval()
    with torch.no_grad():
        said = network(pictures)
        moved = nn.functional.pad(pictures, (0, 1, 1, 0))[:, :, :28, 1:]
        one_by_one = [side for view in (pictures, moved) for side in (view, view.flip(3))]
        expected = sum(network.scores(side).softmax(dim=1) for side in one_by_one)
    torch.testing.assert_close(said, expected)


def test_in_training_half_of_the_pictures_are_mirrored():
    torch.manual_seed(0)
    network = recipes.GarmentNetwork(FILTERS)
    seen = []
    network.scores = seen.append
    network(IMAGES.unsqueeze(1) / 255)
    as_they_are = (seen[0] == IMAGES.unsqueeze(1) / 255).flatten(1).all(dim=1)
    assert 5 < as_they_are.sum() < 25


def test_the_fraction_named_is_of_all_images():
    first_pixel = torch.arange(1_100) % 10
    images = torch.zeros(1_100, 28, 28, dtype=torch.uint8)
    images[:, 0, 0] = first_pixel
    labels = first_pixel.where(torch.arange(1_100) < 275, 10)
    assert recipes.fraction_named(lambda some: some[:, 0, 0].long(), images, labels) == 0.25


def test_the_floor_does_not_touch_the_images():
    rows = IMAGES.flatten(start_dim=1).float()
    before = rows.clone()
    recipes.only_products(rows, 8, momentum=0.8)
    assert torch.equal(rows, before)
