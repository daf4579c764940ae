"""The check before training names each fault, passes sound runs, and refuses what is no run."""

import itertools
import re

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from debugging_clinic.runs import adam, batches_of, check, cnn, mlp, sgd
from helpers.debugging_clinic import cases, preflight
from helpers.debugging_clinic.steps import by_the_book as step
from helpers.fashion_mnist_pipeline import fashion

# Network, optimiser, size of a batch: everything that is sound.
SOUND = {
    "mlp, momentum, small batches": (mlp, sgd(0.15, 0.8), 16),
    "mlp, slow": (mlp, sgd(0.001), 32),
    "mlp, log-probabilities": (lambda: mlp(nn.LogSoftmax(dim=1)), sgd(0.1), 256),
    "mlp, both, adam": (lambda: mlp(noise=[nn.BatchNorm1d(64), nn.Dropout(0.3)]), adam(1e-3), 64),
    "mlp, all at once": (mlp, sgd(0.1), 4_000),
    "cnn, small batches": (lambda: cnn(norm=False), sgd(0.02, 0.9), 16),
    "cnn, batch norm, momentum": (cnn, sgd(0.1, 0.9), 64),
    "cnn, slow": (cnn, sgd(0.001, 0.5), 256),
}


@pytest.mark.proof
@pytest.mark.parametrize(("place", "name"), list(enumerate(SOUND)))
def test_a_sound_run_passes(place, name, drawn, garments):
    make_network, make_optimizer, size = SOUND[name]
    # The drawn ones and, where they are, the real ones in turn.
    data = (drawn, garments)[place % 2]
    torch.manual_seed(place)
    network = make_network()
    loss_function = F.nll_loss if isinstance(network[-1], nn.LogSoftmax) else F.cross_entropy
    batches = batches_of(data, size, seed=place)
    test = list(fashion.Batches(data.test_images[:500], data.test_labels[:500], 500))
    report = check(network, batches, make_optimizer, loss_function, step=step, test=test)
    assert report.healthy, report
    said = "Ready: nothing wrong was found. Not looked at: a second walk of the data."
    assert str(report) == said


@pytest.mark.proof
@pytest.mark.parametrize("fault", cases.FAULTS)
def test_each_fault_is_named_and_its_healthy_twin_passes(fault, garments):
    for healthy in (False, True):
        case = cases.admit(fault, garments, seed=5, healthy=healthy, images=2_500)
        run = (case.network, case.batches, case.loss_function, case.optimizer)
        report = preflight.check(*run, step=case.step, test=case.test)
        assert report.faults == (() if healthy else (fault,))


def in_batches(inputs, labels):
    return list(zip(inputs.split(100), labels.split(100), strict=True))


@pytest.mark.proof
def test_unusual_data_pass(batches, drawn):
    torch.manual_seed(0)
    # Most are of one class; a guess that says so each time knows nothing.
    labels = drawn.train_labels
    rare = ((labels == 6).cumsum(0) <= 40) & (labels == 6)
    pixels = drawn.train_images[(labels == 0) | rare].unsqueeze(1).float() / 255
    uneven = labels[(labels == 0) | rare]
    assert check(mlp(), in_batches(pixels, uneven)).healthy
    mixed = uneven[torch.randperm(len(uneven))]
    assert check(mlp(), in_batches(pixels, mixed)).faults == ("labels not those of the images",)
    # A tone of one of three pitches that may begin anywhere: no two are near each other.
    classes = torch.randint(3, (2_000,))
    phase, time = torch.rand(2_000, 1), torch.arange(64) / 64
    tones = torch.sin(2 * torch.pi * ((3 + 3 * classes[:, None]) * time + phase))
    noisy = tones + 1.5 * torch.randn(2_000, 64)
    ear = (nn.Unflatten(1, (1, 64)), nn.Conv1d(1, 16, 16, stride=2), nn.ReLU())
    hearing = nn.Sequential(*ear, nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(16, 3))
    assert check(hearing, in_batches(noisy, classes)).healthy
    # A table of four answers of three kinds: its rows repeat, and none has leaked.
    table, others = torch.randint(3, (2_000, 4)).float(), torch.randint(3, (500, 4)).float()
    rule = [(t, (t.sum(dim=1) > 4).long()) for t in (table, others)]
    small = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 2))
    assert check(small, in_batches(*rule[0]), test=in_batches(*rule[1])).healthy


def test_a_trained_network_passes(batches):
    torch.manual_seed(0)
    network = mlp()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.8)
    for images, labels in itertools.chain(batches, batches):
        step(network, images, labels, F.cross_entropy, optimizer)
    assert preflight.check(network, batches, F.cross_entropy, optimizer, step=step).healthy


def test_what_can_be_walked_only_once_is_refused(batches):
    for options in ({"batches": iter(batches)}, {"batches": batches, "test": iter(batches)}):
        with pytest.raises(ValueError, match="walked only once: give a list"):
            check(mlp(), **options)
    with pytest.raises(ValueError, match="gave no images"):
        check(mlp(), [])


IMAGES, LABELS = torch.rand(4, 1, 28, 28), torch.arange(4)
EACH = {"loss_function": nn.CrossEntropyLoss(reduction="none")}
THREE = nn.Sequential(nn.Flatten(), nn.Linear(784, 3))
OF_FLOATS = "and dtype torch.float32"
REFUSED = [
    ("images of batches are a tensor of shape (4, 1, 28, 28) and dtype torch.uint8: "
     "give images.float() / 255", mlp(), IMAGES.byte(), LABELS, {}),
    (f"images of batches are a tensor of shape () {OF_FLOATS}: give", mlp(), IMAGES[0, 0, 0, 0],
     LABELS, {}),
    ("images of batches are a list: give one tensor", mlp(), [[0.5]], LABELS, {}),
    ("labels of batches are a tensor of shape (3,) and dtype torch.int64: give one for each image",
     mlp(), IMAGES, LABELS[:3], {}),
    ("labels of batches have dtype torch.int32: give int64, labels.long()",
     mlp(), IMAGES, LABELS.int(), {}),
    (f"network does not take the images of batches, a tensor of shape (4, 784) {OF_FLOATS}",
     cnn(), IMAGES.flatten(1), LABELS, {}),
    (f"network gives a tensor of shape (4, 1, 28, 28) {OF_FLOATS} for 4 images",
     nn.Conv2d(1, 1, 1), IMAGES, LABELS, {}),
    ("labels of batches do not fit 3 scores: ", THREE, IMAGES, LABELS, {}),
    (f"loss_function gives a tensor of shape (4,) {OF_FLOATS}: give one number",
     mlp(), IMAGES, LABELS, EACH),
]  # fmt: skip


@pytest.mark.parametrize(("said", "network", "images", "labels", "options"), REFUSED)
def test_what_does_not_fit_is_named_in_one_line(said, network, images, labels, options):
    with pytest.raises((TypeError, ValueError), match="^" + re.escape(said)) as caught:
        check(network, [(images, labels)], **options)
    assert "\n" not in str(caught.value)


def test_a_report_is_a_line_for_each_fault(batches):
    torch.manual_seed(0)
    summed = nn.CrossEntropyLoss(reduction="sum")
    report = check(cnn().eval(), batches, loss_function=summed)
    assert report.faults == ("loss summed", "model left in eval mode")
    assert not report.healthy and len(str(report).splitlines()) == 2
    assert str(report).startswith("loss summed: the loss grows with the number of images")


class Disturbs(nn.Module):
    """Adds to the scores a small part of what chance, the other images or the mode bring."""

    def __init__(self, part, brings):
        super().__init__()
        self.part, self.brings = part, brings

    def forward(self, scores):
        size = scores.detach().abs().max()
        return scores + self.part * size * self.brings(scores / size, self.training)


@pytest.mark.parametrize(
    ("brings", "fault"),
    [
        (lambda scores, _: torch.rand_like(scores), "chance in evaluation mode"),
        (lambda scores, _: scores.mean(dim=0), "images of a batch depend on each other"),
        (lambda scores, training: scores.abs() * training, "model left in eval mode"),
    ],
)
def test_a_fiftieth_of_the_scores_is_seen_and_what_may_be_rounding_is_not(brings, fault, batches):
    for part, found in ((0.02, (fault,)), (1e-4, ())):
        torch.manual_seed(0)
        network = mlp(Disturbs(part, brings)).train("left in eval" not in fault)
        assert check(network, batches[:4]).faults == found
