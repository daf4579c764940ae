"""Batches where the tensors lie elsewhere, and the epoch that takes each image several times."""

import pytest
import torch

from helpers.fashion_mnist_pipeline import fashion

IMAGES = torch.zeros(5, 28, 28, dtype=torch.uint8)
LABELS = torch.arange(5)


class Noted(fashion.Batches):
    def __init__(self, *how, **options):
        super().__init__(*how, **options)
        self.asked = []

    def _fetch(self, chosen):
        self.asked.append(chosen.device.type)
        return super()._fetch(chosen)


@pytest.mark.parametrize("seeded", [False, True])
@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_images_are_asked_for_where_they_are(seeded, device):
    chance = torch.Generator().manual_seed(0) if seeded else None
    batches = Noted(IMAGES, LABELS, 2, generator=chance, device=device)
    places = [(x.device.type, y.device.type, len(x)) for x, y in batches]
    assert places == [(device, device, 2), (device, device, 2), (device, device, 1)]
    assert batches.asked == [device] * 3


def test_an_epoch_of_several_times_is_mixed_as_a_whole():
    torch.manual_seed(0)
    labels = torch.cat([y for _, y in fashion.repeated(IMAGES, LABELS, 40, 64)])
    assert labels.bincount().tolist() == [40] * 5
    # Each image once in each fifth would be another order.
    assert any(len(set(part.tolist())) < 5 for part in labels.split(5))
    torch.manual_seed(0)
    again = [y for _, y in fashion.repeated(IMAGES, LABELS, 40, 64)]
    assert [len(y) for y in again] == [64, 64, 64, 8] and torch.equal(torch.cat(again), labels)


@pytest.mark.parametrize("label", [9, 0])
def test_each_class_number_is_taken_and_no_other(label):
    assert len(fashion.Batches(IMAGES, torch.full((5,), label), 2)) == 3
    odd = 10 if label else -1
    sentence = f"labels hold {odd}: give class numbers from 0 to 9"
    with pytest.raises(ValueError, match=f"^{sentence}$"):
        fashion.Batches(IMAGES, torch.tensor([label, 1, odd, 2, 3]), 2)
