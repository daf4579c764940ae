"""What notebook 04's last section spells: one cycle of descent, and the network on edges."""

import nbformat
import pytest
import torch
from torch import nn
from torch.optim.optimizer import register_optimizer_step_post_hook

from helpers.fashion_mnist_pipeline import standin
from tools import bench_training

LABELS = torch.arange(30) % 10
IMAGES = standin.draw(LABELS, seed=0)
PICTURES = IMAGES.unsqueeze(1) / 255
FILTERS = torch.randn(8, 1, 3, 3, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def cells():
    """Run the notebook's cells that define them: what is tested is what is read."""
    notebook = nbformat.read(bench_training.NOTEBOOK, as_version=4)
    names = {}
    for cell in notebook.cells:
        if cell.id in ("imports", "one-cycle", "layers-on-edges", "garment-network"):
            exec(cell.source, names)
    return names


def test_one_cycle_climbs_for_a_quarter_of_the_steps_and_ends_near_zero(cells):
    rates = []
    hook = register_optimizer_step_post_hook(
        lambda sgd, *_: rates.append(sgd.param_groups[0]["lr"])
    )
    cells["one_cycle"](nn.Linear(4, 10), torch.randn(30, 4), LABELS, 4, 3, highest=0.2)
    hook.remove()
    assert len(rates) == 40 and rates.index(max(rates)) == 9
    assert max(rates) == pytest.approx(0.2) and rates[-1] < 0.01
    assert rates[:10] == sorted(rates[:10]) and rates[9:] == sorted(rates[9:], reverse=True)


def test_filters_stay_as_they_are(cells):
    network = cells["GarmentNetwork"](FILTERS, channels=(4, 4), hidden=8)
    before = FILTERS.clone()
    cells["one_cycle"](network, IMAGES, LABELS, 1, 10, highest=0.1, decay=0.1)
    assert torch.equal(network.filters, before) and torch.equal(FILTERS, before)


def moved(pictures, down, right):
    """Pictures that are moved by a pixel, with background where they came from."""
    whole = torch.zeros(len(pictures), 1, 30, 30)
    whole[:, :, 1 + down : 29 + down, 1 + right : 29 + right] = pictures
    return whole[:, :, 1:29, 1:29]


@pytest.mark.parametrize("views", [None, ((1, 1), (0, 2))])
def test_pictures_and_their_mirror_images_have_a_say_and_all_views(cells, views):
    network_class = cells["GarmentNetwork"]
    seen = [PICTURES]
    if views:
        network_class = bench_training.with_views(network_class, views)
        seen = [PICTURES, moved(PICTURES, 1, -1)]
    network = network_class(FILTERS).eval()
    with torch.no_grad():
        sides = [side for view in seen for side in (view, view.flip(3))]
        expected = sum(network.scores(side).softmax(dim=1) for side in sides)
        torch.testing.assert_close(network(PICTURES), expected)


def test_in_training_half_of_the_pictures_are_mirrored(cells):
    torch.manual_seed(0)
    network = cells["GarmentNetwork"](FILTERS)
    seen = []
    network.scores = seen.append
    network(PICTURES)
    as_they_are = (seen[0] == PICTURES).flatten(1).all(dim=1)
    assert 5 < as_they_are.sum() < 25
