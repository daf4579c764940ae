"""What holds for whatever is put in, with input that chance makes up: the same in each run."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from common.chance import given, settings, st
from helpers.fashion_mnist_pipeline import fashion, standin, training

pytestmark = pytest.mark.proof

few = settings(max_examples=12)
seeds = st.integers(0, 2**32 - 1)


def normal(seed: int, *shape: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


@given(count=st.integers(1, 60), size=st.integers(1, 70), seed=st.none() | seeds)
def test_batches_hold_each_image_once_and_the_last_one_what_is_left(count, size, seed):
    labels = torch.arange(count) % 10
    # Each image carries its number in its first pixel.
    images = torch.zeros(count, 28, 28, dtype=torch.uint8)
    images[:, 0, 0] = torch.arange(count)
    chance = None if seed is None else torch.Generator().manual_seed(seed)
    batches = fashion.Batches(images, labels, size, generator=chance)
    for _ in range(2):
        seen = [(x[:, 0, 0, 0].mul(255).round().long(), y) for x, y in batches]
        whole, rest = divmod(count, size)
        assert [len(y) for _, y in seen] == [size] * whole + [rest] * (rest > 0)
        assert len(batches) == len(seen)
        which = torch.cat([x for x, _ in seen])
        assert sorted(which.tolist()) == list(range(count))
        assert torch.equal(torch.cat([y for _, y in seen]), which % 10)
        if seed is None:
            assert which.tolist() == list(range(count))


@few
@given(seed=seeds, labels=st.lists(st.integers(0, 9), min_size=1, max_size=30))
def test_drawing_depends_on_seed_and_labels_alone(seed, labels):
    labels = torch.tensor(labels)
    torch.manual_seed(0)
    first = standin.draw(labels, seed=seed)
    torch.manual_seed(1)
    assert torch.equal(standin.draw(labels, seed=seed), first)
    assert first.shape == (len(labels), 28, 28) and first.dtype == torch.uint8
    assert (first.flatten(1).amax(dim=1) > 0).all(), "an empty picture"


@st.composite
def scored(draw):
    """Return scores, labels, and the size of batches that hold them all."""
    count, classes = draw(st.integers(1, 20)), draw(st.integers(2, 5))
    scores = normal(draw(seeds), count, classes)
    labels = torch.randint(classes, (count,), generator=torch.Generator().manual_seed(count))
    return scores, labels, draw(st.integers(1, count))


class Says(torch.nn.Module):
    """Gives the scores back that it is shown."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros((), dtype=torch.float64))

    def forward(self, scores):
        return scores + self.weight


@given(case=scored())
def test_an_evaluation_does_not_depend_on_the_batches(case):
    scores, labels, size = case
    batches = list(zip(scores.split(size), labels.split(size), strict=True))
    found = training.evaluate(Says(), batches, F.cross_entropy)
    exponentials = np.exp(scores.numpy())
    probabilities = exponentials / exponentials.sum(axis=1, keepdims=True)
    of_the_truth = probabilities[np.arange(len(labels)), labels.numpy()]
    guesses = probabilities.argmax(axis=1)
    assert found.loss == pytest.approx(-np.log(of_the_truth).mean())
    assert found.accuracy == pytest.approx((guesses == labels.numpy()).mean())
    np.testing.assert_array_equal(found.predictions, guesses)
    np.testing.assert_allclose(found.confidences, probabilities.max(axis=1))
    classes = scores.shape[1]
    matrix = found.confusion_matrix(classes).numpy()
    np.testing.assert_array_equal(matrix.sum(axis=1), np.bincount(labels, minlength=classes))
    np.testing.assert_array_equal(matrix.sum(axis=0), np.bincount(guesses, minlength=classes))
    assert np.trace(matrix) == (guesses == labels.numpy()).sum()


@given(
    seed=seeds,
    lr=st.floats(0.001, 1),
    momentum=st.floats(0, 0.99),
    skipped=st.sets(st.integers(0, 7)),
)
def test_momentum_steps_as_pytorch_does(seed, lr, momentum, skipped):
    ours, theirs = (normal(seed, 3).requires_grad_() for _ in range(2))
    optimizers = (
        training.MomentumSGD([ours], lr=lr, momentum=momentum),
        torch.optim.SGD([theirs], lr=lr, momentum=momentum),
    )
    for step in range(8):
        slope = normal(seed + step, 3)
        for weight, optimizer in zip((ours, theirs), optimizers, strict=True):
            # A weight that got no gradient stays where it is.
            weight.grad = None if step in skipped else slope.clone()
            optimizer.step()
            optimizer.zero_grad()
            assert weight.grad is None
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)
