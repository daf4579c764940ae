"""The drawn garments: same seed same bytes, FashionMNIST's format, learnable but not trivial."""

import hashlib

import numpy as np
import pytest
import torch
from torch import nn
from torchvision.datasets import FashionMNIST

from helpers.fashion_mnist_pipeline import fashion, standin, training

TOPS = [standin.CLASSES.index(name) for name in ("T-shirt/top", "Pullover", "Coat", "Shirt")]


def digests(root):
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted((root / "FashionMNIST" / "raw").iterdir())
    }


def test_the_same_seed_writes_the_same_bytes(tmp_path):
    for name, seed in (("first", 3), ("second", 3), ("other", 4)):
        standin.write(tmp_path / name, seed=seed, train=300, test=100)
    assert digests(tmp_path / "first") == digests(tmp_path / "second")
    assert digests(tmp_path / "first").items().isdisjoint(digests(tmp_path / "other").items())


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


def test_train_and_test_share_no_garment(tmp_path):
    standin.write(tmp_path, train=300, test=300)
    train, test = FashionMNIST(tmp_path, train=True), FashionMNIST(tmp_path, train=False)
    assert not {bytes(i) for i in train.data.numpy()} & {bytes(i) for i in test.data.numpy()}


def test_torchvision_reads_what_the_format_says(tmp_path):
    standin.write(tmp_path, train=250, test=120)
    for train, prefix, count in ((True, "train", 250), (False, "t10k", 120)):
        raw = tmp_path / "FashionMNIST" / "raw"
        # Read by hand, header and all, as the format is written down.
        header = np.fromfile(raw / f"{prefix}-images-idx3-ubyte", dtype=">i4", count=4)
        pixels = np.fromfile(raw / f"{prefix}-images-idx3-ubyte", dtype=np.uint8, offset=16)
        labels = np.fromfile(raw / f"{prefix}-labels-idx1-ubyte", dtype=np.uint8, offset=8)
        assert header.tolist() == [0x803, count, 28, 28]
        data = FashionMNIST(tmp_path, train=train)
        assert (data.data.numpy() == pixels.reshape(count, 28, 28)).all()
        assert (data.targets.numpy() == labels).all()
        assert np.bincount(labels).tolist() == [count // 10] * 10


def test_the_classes_are_fashion_mnists():
    assert list(standin.CLASSES) == FashionMNIST.classes


def test_a_label_that_is_no_class_is_refused():
    with pytest.raises(ValueError, match="0 to 10.*use classes 0 to 9"):
        standin.draw(torch.arange(11), seed=0)


@pytest.mark.proof
def test_the_notes_network_finds_it_neither_impossible_nor_trivial(tmp_path):
    standin.write(tmp_path)
    train, test = FashionMNIST(tmp_path, train=True), FashionMNIST(tmp_path, train=False)
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Flatten(), nn.Linear(784, 128, bias=False), nn.ReLU(), nn.Linear(128, 10, bias=False)
    )
    optimizer = torch.optim.SGD(network.parameters(), lr=0.15, momentum=0.8)
    order = torch.Generator().manual_seed(0)
    batches = fashion.Batches(train.data, train.targets, 128, generator=order)
    training.fit(network, batches, nn.functional.cross_entropy, optimizer, epochs=5)
    seen = training.evaluate(
        network, fashion.Batches(test.data, test.targets, 500), nn.functional.cross_entropy
    )
    assert 0.80 <= seen.accuracy <= 0.97
    wrong = seen.predictions != seen.labels
    tops = torch.tensor(TOPS)
    among_tops = torch.isin(seen.predictions, tops) & torch.isin(seen.labels, tops)
    assert (wrong & among_tops).sum() > 0.8 * wrong.sum()
