"""From bytes to names: the features beside plain arithmetic, and whether anything is learnt."""

import dataclasses
import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from helpers.fashion_mnist_pipeline import standin
from helpers.speedrun import recipes
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


def test_a_recipe_is_two_layers_on_edges_unless_it_says_otherwise():
    assert dataclasses.asdict(Recipe()) == {
        "epochs": 3.0,
        "channels": (),
        "hidden": 512,
        "batch_size": 256,
        "rate": 0.005,
        "filters_rate": 0.06,
        "warm_up": 0.15,
        "falls": True,
        "smoothing": 0.1,
        "edges": True,
        "root": True,
        "hard": 1.0,
        "mirror": False,
        "moved": False,
        "networks": 1,
        "dtype": None,
    }


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


def kinds_of(network):
    return [
        (type(layer).__name__, *getattr(layer, "weight", torch.ones(())).shape) for layer in network
    ]


def test_a_network_has_the_layers_of_its_recipe():
    plain = build(Recipe(hidden=16), 20)
    assert kinds_of(plain) == [("Linear", 16, 20), ("ReLU",), ("Linear", 10, 16)]
    assert all(plain[n].bias is not None for n in (0, 2))
    filters = build(Recipe(channels=(4, 6, 8), hidden=16), 0)
    normed = lambda n: [("BatchNorm2d", n), ("ReLU",)]  # noqa: E731
    assert kinds_of(filters) == [
        *[("Conv2d", 4, 9, 3, 3), ("MaxPool2d",), *normed(4)],
        *[("Conv2d", 6, 4, 3, 3), *normed(6), ("Conv2d", 8, 6, 3, 3), *normed(8)],
        *[("PlaceByPlace",), ("Linear", 16, 49 * 8), ("BatchNorm1d", 16), ("ReLU",)],
        ("Linear", 10, 16),
    ]
    # Where batch norm follows, a bias would be taken away again.
    biases = [m.bias is not None for m in filters if isinstance(m, nn.Conv2d | nn.Linear)]
    assert biases == [False, False, False, False, True]
    assert filters[0].weight.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("dtype", [FLOAT, torch.bfloat16])
@pytest.mark.parametrize("options", [{}, {"edges": False}, {"channels": (4,)}])
def test_features_are_of_the_kind_that_is_asked_for_and_bytes_stay(drawn, dtype, options):
    images = drawn[0][:3].clone()
    assert prepare(images, Recipe(**options), dtype).dtype == dtype
    assert torch.equal(images, drawn[0][:3])


@pytest.mark.parametrize("edges", [True, False])
def test_features_are_standardised_by_every_25th_image(drawn, edges):
    images, labels, unseen, _ = drawn
    recipe = Recipe(epochs=0.5, batch_size=64, hidden=4, edges=edges, dtype=FLOAT)
    trained = learn(images[:310], labels[:310], recipe, 0)
    some, given = prepare(images[:310:25], recipe, FLOAT), prepare(unseen, recipe, FLOAT)
    mean = some.sum(0) / 13
    deviation = ((some - mean).square().sum(0) / 12).sqrt()
    expected = (given - mean) / (deviation + 0.01)
    torch.testing.assert_close(trained.ready(unseen), expected, rtol=1e-4, atol=1e-4)
    if edges:
        maps = learn(images[:310], labels[:310], dataclasses.replace(recipe, channels=(2,)), 0)
        assert torch.equal(maps.ready(unseen), prepare(unseen, maps.recipe, FLOAT))


def test_where_no_kind_of_number_is_chosen_the_quicker_one_is_taken(drawn, monkeypatch):
    recipe = Recipe(epochs=0.2, batch_size=64, hidden=4)
    for quicker in (FLOAT, torch.bfloat16):
        monkeypatch.setattr(recipes, "quicker_dtype", lambda dtype=quicker: dtype)
        for chosen, expected in ((None, quicker), (FLOAT, FLOAT), (torch.bfloat16,) * 2):
            trained = learn(*drawn[:2], dataclasses.replace(recipe, dtype=chosen), 0)
            assert trained.dtype == trained.ready(drawn[2]).dtype == expected
            assert {w.dtype for w in trained.networks[0].parameters()} == {FLOAT}


@pytest.fixture
def watched(monkeypatch):
    """Train on rows that carry their number, and note each batch, its losses and its rates."""
    make = nn.CrossEntropyLoss

    def train(images=100, mirrored=False, easy_from=math.inf, **options):
        options = {"batch_size": 16, "dtype": FLOAT, "hidden": 4, **options}
        recipe, known, seen = Recipe(**options), torch.arange(float(images))[:, None], Seen()
        network = nn.Sequential(nn.Linear(1, 10))
        network.register_forward_hook(lambda _, given, __: seen.batches.append(given[0][:, 0]))
        monkeypatch.setattr(recipes, "Steps", lambda weights: seen)

        def noted(**how):
            seen.loss.append(how)
            measure = make(**how)

            def call(scores, labels):
                assert torch.equal(labels, seen.batches[-1].abs().long() % 10) and network.training
                # The number decides how hard an image is, until all are easy.
                hard = seen.batches[-1].abs() * (len(seen.batches) <= easy_from)
                return measure(scores, labels) * 0 + hard

            return call

        monkeypatch.setattr(recipes.nn, "CrossEntropyLoss", noted)
        trained = recipes.Trained(recipe, [nn.Linear(1, 1), network], 0.0, 1.0, FLOAT)
        labels = torch.arange(images) % 10
        recipes.train(trained, known, -known if mirrored else None, labels)
        assert torch.equal(known[:, 0], torch.arange(float(images)))  # What is shared stays.
        assert not network.training and trained.networks[0].training
        return seen

    return train


class Seen:
    def __init__(self):
        self.batches, self.loss, self.rates = [], [], []

    def take(self, rate, filters_rate):
        self.rates.append((rate, filters_rate))


def test_each_epoch_shows_each_image_once_but_for_what_fills_no_batch(watched):
    torch.manual_seed(0)
    seen = watched(epochs=2.5)
    assert [len(batch) for batch in seen.batches] == [16] * 15  # 6 in each, and half of 6.
    epochs = [torch.cat(seen.batches[n : n + 6]).tolist() for n in (0, 6, 12)]
    assert [len(set(epoch)) for epoch in epochs] == [96, 96, 48]
    assert epochs[0] != sorted(epochs[0]) and epochs[0] != epochs[1]
    assert seen.loss == [{"label_smoothing": 0.1, "reduction": "none"}]
    torch.manual_seed(0)
    assert torch.cat(watched(epochs=1).batches).tolist() == epochs[0]
    assert watched(epochs=1, smoothing=0.25).loss[0]["label_smoothing"] == 0.25


def test_after_the_first_epoch_the_images_of_the_highest_loss_are_shown(watched):
    torch.manual_seed(0)
    seen = watched(images=96, epochs=1.5, hard=0.5)
    first, then = torch.cat(seen.batches[:6]), torch.cat(seen.batches[6:])
    assert sorted(first.tolist()) == list(range(96))
    assert sorted(then.tolist()) == list(range(48, 96)) and then.tolist() != sorted(then.tolist())
    # What counts is how hard it was when it was last seen.
    easy = watched(images=96, epochs=2, hard=0.5, easy_from=6)
    assert set(range(1, 48)) < set(torch.cat(easy.batches[9:]).tolist())
    few = watched(images=96, epochs=2, hard=0.25)
    assert [len(batch) for batch in few.batches] == [16] * 12  # As many steps, over fewer images.
    assert all(sorted(torch.cat(few.batches[n : n + 1]).tolist())[0] >= 72 for n in range(6, 12))


def test_every_other_image_of_a_batch_is_in_the_mirror(watched):
    for batch in watched(mirrored=True, epochs=1).batches:
        sides = batch.sign()
        assert (sides[::2] <= 0).all() and (sides[1::2] >= 0).all()
    assert all((batch >= 0).all() for batch in watched(epochs=1).batches)


@pytest.mark.parametrize("falls", [True, False])
def test_rates_rise_and_fall_on_straight_lines(watched, falls):
    seen = watched(images=160, epochs=2, rate=0.5, filters_rate=3.0, warm_up=0.25, falls=falls)
    up = [n / 5 for n in range(1, 6)]
    down = [1 - n / 15 for n in range(1, 16)] if falls else [1.0] * 15
    expected = [(0.5 * part, 3.0 * part) for part in up + down]
    assert [x for pair in seen.rates for x in pair] == pytest.approx(
        [x for pair in expected for x in pair], abs=1e-12
    )


def test_a_step_goes_along_the_gradient_of_the_mean(drawn, monkeypatch):
    """One step, on all images at once: beside the loss, smoothed by hand, and autograd."""
    images, labels = drawn[0][:50], drawn[1][:50]
    held, seen = [], []

    class Noted(Seen):
        def __init__(self, weights):
            super().__init__()
            held.extend(weights)

        def take(self, *rates):
            seen.extend(weight.grad.clone() for weight in held)

    monkeypatch.setattr(recipes, "Steps", Noted)
    recipe = Recipe(epochs=1, batch_size=50, hidden=8, smoothing=0.2, dtype=FLOAT)
    trained = learn(images, labels, recipe, 0)
    log_probabilities = trained.networks[0](trained.ready(images)).log_softmax(dim=1)
    right = log_probabilities[range(50), labels]
    loss = -(0.8 * right + 0.2 * log_probabilities.mean(dim=1)).mean()
    for found, expected in zip(seen, torch.autograd.grad(loss, held), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)


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


@pytest.mark.parametrize(("of_zero", "named"), [(0.69, 1), (0.71, 0)])
def test_a_picture_that_is_moved_has_half_a_vote(monkeypatch, of_zero, named):
    """As it is it looks like 0, on either side like 1, with 0.7: so often as the two together."""
    image = torch.zeros(1, 28, 28, dtype=torch.uint8)
    image[0, :, 14] = 1
    says = torch.full((28, 10), -50.0)
    says[14, :2] = torch.tensor([of_zero, 1 - of_zero]).log()
    says[13, :2] = says[15, :2] = torch.tensor([0.3, 0.7]).log()
    network = nn.Sequential(nn.Linear(28, 10, bias=False))
    network[0].weight.data = says.T
    monkeypatch.setattr(recipes.Trained, "ready", lambda _, images: images[:, 0].float())
    trained = recipes.Trained(Recipe(moved=True), [network], 0.0, 1.0, FLOAT)
    assert trained(image).tolist() == [named]


def test_a_network_that_is_very_sure_has_one_vote(monkeypatch):
    """Two say 1 by a margin of 3, one says 0 by 20: probabilities are added up, and no scores."""
    networks = [nn.Linear(28, 10, bias=False) for _ in range(3)]
    for network, margin in zip(networks, (20, -3, -3), strict=True):
        network.weight.data = torch.full((10, 28), -50.0)
        network.weight.data[0], network.weight.data[1] = margin, 0
    row = torch.eye(28)[:1]
    monkeypatch.setattr(recipes.Trained, "ready", lambda _, images: row.expand(len(images), 28))
    trained = recipes.Trained(Recipe(), networks, 0.0, 1.0, FLOAT)
    assert trained(torch.zeros(2, 28, 28, dtype=torch.uint8)).tolist() == [1, 1]


def test_pieces_are_named_as_the_whole(drawn):
    images, labels, unseen, _ = drawn
    trained = learn(images, labels, KINDS["two layers"], 0)
    many = unseen.repeat(2001 // len(unseen) + 1, 1, 1)
    assert torch.equal(trained(many)[: len(unseen)], trained(unseen))
    assert len(trained(many)) == len(many) > 2000
    assert not any(network.training for network in trained.networks)


@pytest.mark.parametrize(("count", "pieces"), [(2000, [2000]), (2001, [2000, 1]), (1, [1])])
def test_images_are_named_two_thousand_at_a_time_without_a_graph(drawn, count, pieces, monkeypatch):
    trained, seen = learn(*drawn[:2], KINDS["two that vote"], 0), []

    def ready(self, images):
        seen.append((len(images), torch.is_grad_enabled()))
        return torch.zeros(len(images), 844)

    monkeypatch.setattr(recipes.Trained, "ready", ready)
    assert len(trained(drawn[2][:1].expand(count, 28, 28))) == count
    assert seen == [(piece, False) for piece in pieces for _ in trained.networks]
