"""More set-ups as they are in public: what scales, remembers, resets or wraps itself."""

import types
from collections import OrderedDict

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.optim import lr_scheduler as schedules
from torch.utils.data import DataLoader, Sampler, TensorDataset

from debugging_clinic.runs import Run, adam, cnn, mlp, run, sgd
from debugging_clinic.test_public_code import adding_its_cost, using
from helpers.debugging_clinic.steps import by_the_book


def of_large_images(batches, network, make=None, **options):
    large = [(255 * images, labels) for images, labels in batches]
    return run(nn.Sequential(nn.BatchNorm2d(1), network), large, make, **options)


@pytest.mark.parametrize(
    ("make", "loss_function", "found"),
    [
        (sgd(100.0), F.cross_entropy, ("learning rate too high",)),
        (sgd(0.1, weight_decay=30.0), F.cross_entropy, ("weight decay eats the weights",)),
        (adam(1e-3), lambda s, y: 3 * F.cross_entropy(s, y), ()),
        (adam(1e-3), lambda s, y: F.cross_entropy(30 * F.normalize(s), y), ()),
    ],
)
def test_a_network_that_scales_its_inputs_has_other_faults(batches, make, loss_function, found):
    torch.manual_seed(0)
    set_up = of_large_images(batches, mlp(), make, loss_function=loss_function)
    assert set_up.checked().faults == found


class Divides(nn.Module):
    """Divides its images by the largest value of a byte, as many do in forward."""

    def __init__(self, largest_score=1.0):
        super().__init__()
        self.layers = mlp()
        with torch.no_grad():
            self.layers[-1].weight.mul_(largest_score)

    def forward(self, images):
        return self.layers(images / 255)


@pytest.mark.parametrize(
    ("make", "largest_score", "found"),
    [
        (sgd(0.1), 1, ()),
        (sgd(10.0), 1, ("learning rate too high",)),
        (sgd(0.1, maximize=True), 1, ("loss the wrong way up",)),
        (sgd(1e-3), 100, ("first loss too high",)),
    ],
)
def test_a_network_may_divide_its_inputs_in_forward(batches, make, largest_score, found):
    """Smaller inputs would only be too small for it, and so is what its first layer is given."""
    torch.manual_seed(0)
    large = [(255 * images, labels) for images, labels in batches]
    assert run(Divides(largest_score), large, make).checked().faults == found


def test_large_inputs_that_make_a_sound_rate_too_high_are_named(batches):
    torch.manual_seed(0)
    large = [(255 * images, labels) for images, labels in batches]
    network = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
    nn.init.zeros_(network[1].weight)
    assert run(network, large).check().faults == ("inputs not scaled",)


class AsksForPixels(nn.Module):
    """Scales its inputs itself, and takes no others."""

    def __init__(self):
        super().__init__()
        self.body = mlp()

    def forward(self, x):
        if x.max() <= 1:
            raise ValueError("pixels from 0 to 255, please")
        return self.body(x / 255)


def test_a_network_may_refuse_small_inputs(batches):
    torch.manual_seed(0)
    large = [(255 * images, labels) for images, labels in batches]
    assert run(AsksForPixels(), large, sgd(100.0)).check().faults == ("learning rate too high",)


def test_rows_that_come_with_several_labels_say_nothing_of_their_order():
    """As in a table of four yes and no, of whom a tenth have what is looked for."""
    torch.manual_seed(0)
    rows = torch.randint(2, (2_000, 4)).float()
    labels = (torch.rand(2_000) < 0.05 + 0.1 * rows[:, 0]).long()
    table = list(zip(rows.split(100), labels.split(100), strict=True))
    network = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 2))
    assert run(network, table, adam(1e-2), step=by_the_book).checked().healthy


def test_evidence_is_not_below_zero(batches):
    """While scores are nearly equal, this loss stays as it is with more in every one of them."""
    torch.manual_seed(0)

    def of_evidence(scores, labels):
        return F.nll_loss((scores + 1).log() - (scores + 1).sum(dim=1, keepdim=True).log(), labels)

    assert run(mlp(nn.Softplus()), batches, adam(1e-3), of_evidence).checked().healthy


def test_a_loss_may_have_a_large_part_of_the_network_itself(batches):
    """It holds on to the network that is handed over, and copies do not change that part."""
    torch.manual_seed(0)
    network = mlp()
    before = [weight.detach() + 0.1 for weight in network.parameters()]

    def near_what_was_learnt(scores, labels):
        moved = zip(network.parameters(), before, strict=True)
        far = sum((weight - old).square().sum() for weight, old in moved)
        return F.cross_entropy(scores, labels) + 10 * far

    assert run(network, batches, sgd(1e-3), near_what_was_learnt).checked().healthy


@pytest.mark.parametrize("lowest", [1e-7, 0.1])
def test_a_schedule_may_begin_where_rounding_takes_each_update(batches, lowest):
    torch.manual_seed(0)

    def make(weights):
        optimizer = torch.optim.SGD([{"params": weights, "lr": lowest * 1e-7}], lr=0.1)
        if lowest < 0.1:
            optimizer.param_groups[0]["lr"] = 0.1
            torch.optim.lr_scheduler.LambdaLR(optimizer, lambda n: (n + 1) * lowest)
        return optimizer

    report = run(cnn(), batches, make, step=by_the_book).checked()
    assert report.faults == (() if lowest < 0.1 else ("weights do not move",))


class Leaves(nn.Module):
    """Leaves a part of its loss in a buffer."""

    def __init__(self):
        super().__init__()
        self.body = mlp()
        self.register_buffer("cost", torch.zeros(1))

    def forward(self, x):
        scores = self.body(x)
        self.cost = 1e-3 * scores.square().mean()[None]
        return scores


def test_a_buffer_may_hold_a_part_of_the_loss(batches):
    torch.manual_seed(0)
    network = Leaves()
    network(batches[0][0])
    assert run(network, batches, step=adding_its_cost).checked().healthy


def test_a_buffer_that_holds_an_old_graph_is_named(batches):
    network = mlp()
    network.register_buffer("seen", network(batches[0][0]))
    report = run(network, batches).check()
    assert report.faults == ("a graph kept with the network",) and "network.seen" in str(report)


class OnceEach(nn.Linear):
    """Keeps the last gradient of the images apart, and stops if that was never cleared."""

    kept = False

    def forward(self, x):
        scores = super().forward(x)
        if scores.requires_grad:
            scores.register_hook(self.keep)
        return scores

    def keep(self, _):
        if self.kept:
            raise ValueError("clear the gradients of the images first")
        self.kept = True

    def zero_grad(self, set_to_none=True):
        super().zero_grad(set_to_none)
        self.kept = False


class ClearsTheNetwork(torch.optim.SGD):
    def __init__(self, network, lr):
        super().__init__(network.parameters(), lr)
        self.network = network

    def zero_grad(self, set_to_none=True):
        self.network.zero_grad(set_to_none)


def test_a_network_may_keep_more_gradients_than_its_weights(batches):
    """As private training does, whose optimiser knows of it, and another's does not."""
    torch.manual_seed(0)
    network = OnceEach(784, 10)
    flat = [(images.flatten(1), labels) for images, labels in batches]
    network.kept = True  # What is left of a step before.
    optimizer = ClearsTheNetwork(network, 0.1)
    set_up = Run(network, flat, F.cross_entropy, optimizer, step=by_the_book)
    assert set_up.checked().healthy


class Neuron(nn.Module):
    """Remembers what came before; its class keeps all of them, to reset them at once."""

    everywhere = []

    def __init__(self):
        super().__init__()
        self.state = 0.0
        Neuron.everywhere.append(self)

    def forward(self, x):
        self.state = 0.9 * self.state + x
        return self.state


def forgetting(network, *given):
    for neuron in Neuron.everywhere:
        neuron.state = 0.0
    by_the_book(network, *given)


def test_what_is_reset_by_a_list_of_a_class_cannot_be_copied(batches):
    set_up = run(mlp(Neuron()), batches, step=forgetting)
    said = "^network has a layer in Neuron.everywhere, where its copies are not.*: make that state"
    with pytest.raises(TypeError, match=said):
        set_up.checked()


class PassesOn(nn.Module):
    """A wrapper that hands to what it wraps whatever that has a name for."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        return self.inner(x)

    def __setattr__(self, name, value):
        inner = self._modules.get("inner") if "_modules" in vars(self) else None
        setattr(inner, name, value) if hasattr(inner, name) else super().__setattr__(name, value)


def test_a_wrapper_may_pass_on_what_is_put_into_it(batches):
    torch.manual_seed(0)
    network = PassesOn(mlp())
    assert run(network, batches, step=by_the_book).checked().healthy

    def by_name(network, *rest):
        by_the_book(network.forward, *rest)

    assert run(network, batches, step=by_name).check().faults == ("forward called by name",)


class StaysFrozen(nn.Sequential):
    """Keeps its normalisation as it is in training; what calls train() gets nothing back."""

    def train(self, mode=True):
        super().train(mode)
        self[1].eval()


@pytest.mark.parametrize("step", [None, by_the_book])
def test_train_may_return_nothing(batches, step):
    torch.manual_seed(0)
    network = StaysFrozen(*cnn())
    network.train()
    assert run(network, batches, step=step).checked().healthy


def test_a_part_of_torchscript_is_named(batches):
    network = mlp()
    network[1] = torch.jit.trace(network[1], torch.rand(2, 784))
    with pytest.raises(TypeError, match="^network.1 is of TorchScript.*: give the module"):
        run(network, batches).check()


class Smoothed(nn.Module):
    """A loss that adds its running mean, of which somebody has to detach it."""

    mean = 0.0

    def forward(self, scores, labels):
        loss = F.cross_entropy(scores, labels)
        self.mean = 0.9 * self.mean + 0.1 * loss
        return loss + 0.1 * self.mean


def detaching_it(network, images, labels, loss_function, optimizer):
    by_the_book(network, images, labels, loss_function, optimizer)
    loss_function.mean = loss_function.mean.detach()


@pytest.mark.parametrize("step", [None, by_the_book, detaching_it])
def test_a_loss_that_keeps_its_graph_is_named_unless_the_step_lets_go_of_it(batches, step):
    torch.manual_seed(0)
    report = run(mlp(), batches, loss_function=Smoothed(), step=step).checked()
    is_sound = step is detaching_it
    assert report.faults == (() if is_sound else ("a graph kept from step to step",))
    assert not is_sound or "updates: the loss keeps a state" in str(report)


class LoadsWhatItGives(OrderedDict):
    """Knows names of many things, and makes each when it is asked for; some cannot be made."""

    def keys(self):
        return ["of another package"]

    def __iter__(self):
        return iter(self.keys())

    def __getitem__(self, name):
        raise ImportError(name)

    def items(self):
        return [(name, self[name]) for name in self.keys()]


def test_what_a_mapping_would_load_is_not_asked_for(batches):
    torch.manual_seed(0)
    kinds = LoadsWhatItGives()
    assert run(mlp(), batches, step=using(lambda: kinds)).check().healthy


@pytest.mark.parametrize("comes_back", [True, False])
def test_gradients_that_an_attack_leaves_and_nobody_uses_train_nothing(batches, comes_back):
    """As where an optimiser of its own moves the images: backward() then comes to the weights."""

    def step(network, images, *rest):
        network.eval()
        move = (0.01 * torch.randn_like(images)).requires_grad_()
        given, moved = network(images), network(images + move)
        F.kl_div(moved.log_softmax(1), given.softmax(1), reduction="batchmean").backward()
        network.train(comes_back)
        by_the_book(network, (images + 0.01 * move.grad.sign()).detach(), *rest)

    torch.manual_seed(0)
    report = run(cnn(), batches, step=step).checked()
    assert report.faults == (() if comes_back else ("model left in eval mode",))


@pytest.mark.parametrize("comes_back", [False, True])
def test_one_of_two_updates_may_be_in_evaluation_mode(batches, comes_back):
    def step(network, *rest):
        network.eval()
        by_the_book(network, *rest)
        network.train(comes_back)
        by_the_book(network, *rest)

    torch.manual_seed(0)
    report = run(cnn(), batches, step=step).check()
    assert report.faults == (() if comes_back else ("model left in eval mode",))


@pytest.mark.parametrize(
    ("make", "fault"),
    [
        (lambda o: schedules.CyclicLR(o, 0.0, 0.1, step_size_up=50), None),
        (lambda o: schedules.OneCycleLR(o, 0.1, total_steps=500, div_factor=1e16), None),
        (lambda o: schedules.ConstantLR(o, 0.0, total_iters=9), None),
        (lambda o: schedules.CyclicLR(o, 0.0, 0.0, step_size_up=50), "weights do not move"),
    ],
)
def test_a_schedule_may_begin_with_no_rate_worth_the_name(batches, make, fault):
    torch.manual_seed(0)
    set_up = run(cnn(), batches, sgd(0.1, momentum=0.9))
    schedule = make(set_up.optimizer)

    def step(*given):
        by_the_book(*given)
        schedule.step()

    set_up.step, set_up.kept = step, lambda: (schedule,)
    assert set_up.checked().faults == ((fault,) if fault else ())


def far_from_other_classes(scores, labels):
    """The first half of the images makes the prototypes, as in an episode of few shots."""
    names = labels.unique()
    half = len(labels) // 2
    means = [scores[:half][labels[:half] == name].mean(dim=0) for name in names]
    apart = torch.cdist(scores[half:], torch.stack(means)).square()
    return F.cross_entropy(-apart, torch.searchsorted(names, labels[half:]))


@pytest.mark.parametrize("alone", [False, True])
def test_what_a_loss_measures_distances_between_may_end_with_a_relu(batches, alone):
    torch.manual_seed(0)
    step = None if alone else by_the_book
    set_up = run(mlp(nn.ReLU()), batches, adam(1e-3), far_from_other_classes, step=step)
    assert "scores never below zero" not in set_up.checked().faults


def of_an_episode(scores, labels):
    """Wants as many images of each class, and makes prototypes of the first half of them."""
    names = labels.unique()
    parts = torch.stack([scores[labels == name] for name in names])
    half = parts.shape[1] // 2
    apart = torch.cdist(parts[:, half:].flatten(0, 1), parts[:, :half].mean(dim=1))
    return F.cross_entropy(-apart, torch.arange(len(names)).repeat_interleave(half))


@pytest.mark.parametrize("step", [None, by_the_book])
@pytest.mark.parametrize("fault", [None, "labels not those of the images"])
def test_a_loss_may_want_whole_batches(batches, step, fault):
    torch.manual_seed(0)
    images, labels = (torch.cat(part) for part in zip(*batches, strict=True))
    images = images[torch.randperm(len(images))] if fault else images
    each = [(labels == name).nonzero().flatten().split(10) for name in range(10)]
    episodes = [torch.cat([each[k + n % 2 * 5][n // 2] for k in range(5)]) for n in range(12)]
    some = [(images[rows], labels[rows]) for rows in episodes]
    report = run(mlp(), some, adam(1e-3), of_an_episode, step=step).checked()
    assert report.faults == ((fault,) if fault else ())


@pytest.mark.parametrize("step", [None, by_the_book])
def test_the_images_that_stand_first_may_have_no_labels(batches, step):
    torch.manual_seed(0)
    some = [(x, y.where(torch.arange(len(y)) >= 60, -1)) for x, y in batches]
    loss_function = nn.CrossEntropyLoss(ignore_index=-1)
    assert run(mlp(), some, loss_function=loss_function, step=step).checked().healthy


class GivesAList(nn.Sequential):
    """Gives a list of what learns, and not its frozen rest, as a network of meta-learning does."""

    def parameters(self, recurse=True):
        return [weight for weight in super().parameters(recurse) if weight.requires_grad]


def moving_by_hand(network, images, labels, loss_function, optimizer):
    weights = network.parameters()
    for weight in weights:
        weight.grad = None
    loss_function(network(images), labels).backward()
    with torch.no_grad():
        for weight in weights:
            weight -= 0.1 * weight.grad


@pytest.mark.parametrize("step", [None, by_the_book, moving_by_hand])
def test_parameters_may_be_a_list_of_some(batches, step):
    torch.manual_seed(0)
    network = GivesAList(*mlp())
    network[1].bias.requires_grad_(False)
    assert run(network, batches, step=step).checked().healthy


class InBuffers(nn.Module):
    """Holds its weights where a step that learns to learn can put computed ones."""

    def __init__(self):
        super().__init__()
        self.register_buffer("weight", torch.zeros(10, 784, requires_grad=True))

    def forward(self, x):
        return x.flatten(1) @ self.weight.T


def test_weights_in_buffers_are_not_called_none(batches):
    network = InBuffers()
    set_up = Run(network, batches, F.cross_entropy, torch.optim.SGD([network.weight], lr=0.1))
    with pytest.raises(TypeError, match=r"^network has .* holds weight in a buffer: .*Parameter$"):
        set_up.checked()


def test_a_module_that_a_function_has_imported_is_set_back(batches):
    """As `import settings` within main(), which makes the step as well."""
    settings = types.ModuleType("settings")
    settings.calls, settings.losses = 0, []

    def step(network, *rest):
        settings.losses.append(by_the_book(network, *rest))
        settings.calls += 1

    torch.manual_seed(0)
    kept = lambda: (settings.calls, settings.losses)  # noqa: E731
    assert run(mlp(), batches, step=step, kept=kept).checked().healthy


class InShuffledParts(Sampler):
    """Takes as many images of each class, in an order that it goes on shuffling in place."""

    def __init__(self, labels, source):
        self.places = [(labels == name).nonzero().flatten().numpy() for name in labels.unique()]
        self.source = source

    def __iter__(self):
        for places in self.places:
            np.random.shuffle(places)
        for some in zip(*self.places, strict=False):
            yield list(some)


def test_places_that_a_sampler_shuffles_are_set_back(batches):
    torch.manual_seed(0)
    whole = TensorDataset(*(torch.cat(part) for part in zip(*batches, strict=True)))
    loader = DataLoader(whole, batch_sampler=InShuffledParts(whole.tensors[1], whole))
    kept = lambda: loader.batch_sampler.places  # noqa: E731
    assert run(mlp(), loader, sgd(0.01), step=by_the_book, kept=kept).checked().healthy


def near_and_far(points, labels):
    """Of three images, the two of one class are to lie nearer to each other."""
    apart = torch.cdist(points, points)
    alike = labels[:, None] == labels
    farther = F.relu(apart[:, :, None] - apart[:, None] + 1)
    return farther[alike[:, :, None] & ~alike[:, None]].mean()


def near_and_nowhere(points, _):
    return torch.cdist(points, points).mean()


@pytest.mark.parametrize("loss_function", [near_and_far, near_and_nowhere])
def test_points_in_a_plane_may_have_more_classes_than_coordinates(batches, loss_function):
    torch.manual_seed(0)
    some = [(images[labels > 1][:40], labels[labels > 1][:40]) for images, labels in batches]
    network = nn.Sequential(nn.Flatten(), nn.Linear(784, 64), nn.PReLU(), nn.Linear(64, 2))
    report = run(network, some, adam(1e-3), loss_function, step=by_the_book).checked()
    assert ("loss ignores the labels" in report.faults) is (loss_function is near_and_nowhere)


def test_the_first_images_may_have_no_labels_at_all(batches):
    """As where the unlabelled part comes before the other: their loss is a zero by zero."""
    torch.manual_seed(0)
    some = [(images, torch.full_like(labels, -1)) for images, labels in batches]
    loss_function = nn.CrossEntropyLoss(ignore_index=-1)
    report = run(mlp(), some, loss_function=loss_function, step=by_the_book).checked()
    assert report.faults == ("first loss not finite",)


class GivesMore(nn.Module):
    """Gives its features as well, or whether an image is real, before the scores or after them."""

    def __init__(self, order, head):
        super().__init__()
        self.body, self.real = nn.Linear(784, 64), nn.Linear(64, 1)
        self.out, self.order = nn.Sequential(nn.Linear(64, 10), *head), order

    def forward(self, x):
        hidden = self.body(x.flatten(1)).relu()
        parts = {"features": hidden, "scores": self.out(hidden), "real": self.real(hidden)}
        return tuple(parts[name] for name in self.order)


@pytest.mark.parametrize(
    ("head", "faults"),
    [((), ()), ((nn.Softmax(dim=1),), ("softmax before cross-entropy",))],
)
@pytest.mark.parametrize(
    "order", [("features", "scores", "real"), ("real", "scores"), ("scores", "real", "features")]
)
def test_scores_may_come_after_features(batches, order, head, faults):
    torch.manual_seed(0)

    def step(network, images, labels, loss_function, optimizer):
        parts = dict(zip(order, network(images), strict=True))
        optimizer.zero_grad()
        loss = loss_function(parts["scores"], labels)
        (loss + F.softplus(parts["real"]).mean()).backward()
        optimizer.step()

    report = run(GivesMore(order, head), batches, adam(1e-3), step=step).checked()
    assert report.faults == faults
