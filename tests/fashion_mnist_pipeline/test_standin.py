"""The drawn garments: same seed same bytes, as many of each class, learnable but not trivial."""

import pytest
import torch

from fashion_mnist_pipeline import notes
from helpers.fashion_mnist_pipeline import fashion, standin

TOPS = [fashion.CLASSES.index(name) for name in ("T-shirt/top", "Pullover", "Coat", "Shirt")]


def test_the_same_seed_draws_the_same_garments():
    first, again, other = (standin.draw_parts(seed, 300, 100) for seed in (3, 3, 4))
    assert all(torch.equal(*parts) for parts in zip(first, again, strict=True))
    assert not any(torch.equal(*parts) for parts in zip(first, other, strict=True))
    # Nor are they the same ones in another order.
    for one, another in zip(first[::2], other[::2], strict=True):
        assert not {bytes(i) for i in one.numpy()} & {bytes(i) for i in another.numpy()}


@pytest.mark.proof
def test_the_number_of_threads_changes_nothing():
    # Enough of each class for torch to share the work among threads at all.
    labels = torch.arange(20_000) % 10
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        on_one = standin.draw(labels, seed=0)
        torch.set_num_threads(2)
        on_two = standin.draw(labels, seed=0)
    finally:
        torch.set_num_threads(before)
    assert torch.equal(on_one, on_two)


def test_train_and_test_share_no_garment():
    train, _, test, _ = standin.draw_parts(0, 300, 300)
    assert not {bytes(i) for i in train.numpy()} & {bytes(i) for i in test.numpy()}


@pytest.mark.parametrize(("train", "test"), [(250, 120), (45, 7)])
def test_of_each_class_there_are_as_many_as_of_any_other(train, test):
    parts = standin.draw_parts(0, train, test)
    for images, labels, count in ((*parts[:2], train), (*parts[2:], test)):
        assert images.shape == (count, 28, 28) and images.dtype == torch.uint8
        of_each = torch.bincount(labels, minlength=10)
        assert len(of_each) == 10 and of_each.sum() == count and of_each.max() - of_each.min() <= 1


def test_a_whole_data_set_is_as_large_as_fashion_mnist_and_of_seed_nought(monkeypatch):
    asked = []

    def draw(labels, *, seed):
        asked.append((len(labels), seed))
        return torch.zeros(len(labels), 28, 28, dtype=torch.uint8)

    monkeypatch.setattr(standin, "draw", draw)
    assert [len(part) for part in standin.draw_parts()] == [60_000, 60_000, 10_000, 10_000]
    standin.draw_parts(3, 20, 10)
    # No part of one seed is drawn as a part of another.
    assert asked == [(60_000, 0), (10_000, 1), (20, 6), (10, 7)]


def test_chance_of_the_whole_process_is_left_alone_and_labels_are_in_no_order():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    _, labels, _, test_labels = standin.draw_parts(0, 300, 300)
    assert torch.equal(torch.get_rng_state(), before)
    assert not torch.equal(labels, labels.sort().values)
    assert not torch.equal(labels, test_labels)


def test_garments_are_grey_on_black_and_each_class_has_its_place():
    """Trousers are tall and narrow, shoes low and wide; light and dark ones are drawn."""
    labels = torch.arange(1_000) % 10
    images = standin.draw(labels, seed=0).double()
    assert (images[:, [0, -1]][:, :, [0, -1]] < 128).all() and images.max() == 255
    lit = images > 32
    tall, wide = (lit.any(dim=axis).sum(dim=1).double() for axis in (2, 1))
    by_class = [
        (float(tall[labels == c].mean()), float(wide[labels == c].mean())) for c in range(10)
    ]
    trouser, sneaker = by_class[1], by_class[7]
    assert trouser[0] > 1.5 * trouser[1] and sneaker[1] > 1.5 * sneaker[0]
    grey = torch.stack([image[image > 32].mean() for image in images])
    assert grey.min() < 100 and grey.max() > 200 and 130 < grey.mean() < 160


@pytest.mark.parametrize("labels", [[], [9], [3, 3, 3]])
def test_few_garments_are_drawn_as_well(labels):
    assert standin.draw(torch.tensor(labels, dtype=torch.int64), seed=0).shape == (
        len(labels),
        28,
        28,
    )


@pytest.mark.parametrize("shift", [0.0, 0.25, 0.5])
def test_a_quadrilateral_covers_what_lies_within_with_a_rim_of_a_pixel(shift):
    line = (torch.arange(28) + 0.5) / 14 - 1
    y, x = (grid[None] for grid in torch.meshgrid(line, line, indexing="ij"))
    left, top, right, bottom = (v / 14 for v in (-7 + shift, -10 + shift, 7 + shift, 4 + shift))
    corners = torch.tensor([[[left, top], [right, top], [right, bottom], [left, bottom]]])
    cover = standin._quadrilateral(x, y, corners)[0]
    # Across the middle, from pixel 7 to 20 and part of 21; the same downwards from 4 to 17.
    part = [0.0] * 7 + [1 - shift] + [1.0] * 13 + [shift] + [0.0] * 6
    assert cover[10].tolist() == pytest.approx(part, abs=1e-5)
    assert cover[:, 14].tolist() == pytest.approx(part[3:] + [0.0] * 3, abs=1e-5)


def test_there_are_templates_for_each_class():
    assert len(standin._TEMPLATES) == len(fashion.CLASSES)


@pytest.mark.proof
def test_the_notes_network_finds_it_neither_impossible_nor_trivial():
    seen = notes.seen_after_training(*standin.draw_parts(), seed=0)
    assert 0.80 <= seen.accuracy <= 0.97
    wrong = seen.predictions != seen.labels
    tops = torch.tensor(TOPS)
    among_tops = torch.isin(seen.predictions, tops) & torch.isin(seen.labels, tops)
    assert (wrong & among_tops).sum() > 0.8 * wrong.sum()
