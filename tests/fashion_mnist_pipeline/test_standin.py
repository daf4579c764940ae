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
