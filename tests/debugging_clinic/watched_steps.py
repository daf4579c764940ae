"""Steps, and networks for them, that do one odd thing each, for a watch to be counted by."""

import itertools

import torch
from torch import nn
from torch.nn import functional as F

from debugging_clinic.set_ups import BATCHES, book, mlp
from helpers.debugging_clinic import watching


def plain(network):
    return torch.optim.SGD(network.parameters(), lr=0.1)


def watched(step, network=None, make=plain, count=3, loss_function=F.cross_entropy, handed=None):
    torch.manual_seed(0)
    network = (network or mlp)()
    seen = watching.Watch(network, make(network), handed)
    for batch in itertools.islice(itertools.cycle(BATCHES), count):
        seen.take(step, batch, loss_function)
    return seen


def losing(network, images, labels, loss_function, optimizer):
    """Keep no graph, and clear nothing."""
    loss_function(network(images), labels).backward()
    optimizer.step()


def in_halves(network, images, labels, loss_function, optimizer):
    optimizer.zero_grad()
    for half in (slice(0, 10), slice(10, 20)):
        (loss_function(network(images[half] * 2), labels[half]) / 2).backward()
    optimizer.step()


def at_each(count, *, clears_first=False, at=0, with_step=True):
    """Return a step that updates at each nth batch."""
    calls = itertools.count(1)

    def step(network, images, labels, loss_function, optimizer):
        if clears_first:
            optimizer.zero_grad()
        loss_function(network(images), labels).backward()
        if next(calls) % count == at % count and with_step:
            optimizer.step()
            optimizer.zero_grad()

    return step


def clearing_late(network, images, labels, loss_function, optimizer):
    loss_function(network(images), labels).backward()
    optimizer.zero_grad()
    optimizer.step()


def never_updating(network, images, labels, loss_function, optimizer):
    optimizer.zero_grad()
    loss_function(network(images), labels).backward()


def never_back(network, images, labels, loss_function, optimizer):
    loss_function(network(images), labels)
    optimizer.step()


def by_forward(network, *rest):
    book(network.forward, *rest)


def by_hand(sign):
    def step(network, images, labels, loss_function, _):
        network.zero_grad()
        loss_function(network(images), labels).backward()
        with torch.no_grad():
            for weight in network.parameters():
                weight += sign * 0.1 * weight.grad

    return step


def turned(network, images, labels, loss_function, optimizer):
    optimizer.zero_grad()
    (-loss_function(network(images), labels)).backward()
    optimizer.step()


def asking_for_gradients(network, images, labels, loss_function, optimizer):
    weights = list(network.parameters())
    gradients = torch.autograd.grad(loss_function(network(images), labels), weights)
    for weight, gradient in zip(weights, gradients, strict=True):
        weight.grad = gradient
    optimizer.step()


def clipping(*norms, after=True, value=None):
    """Return a step that clips before backward() or after it, or at both."""

    def clip(network):
        for norm in norms:
            nn.utils.clip_grad_norm_(network.parameters(), norm)
        if value:
            nn.utils.clip_grad_value_(network.parameters(), value)

    def step(network, images, labels, loss_function, optimizer):
        loss = loss_function(network(images), labels)
        if not after:
            clip(network)
        optimizer.zero_grad()
        loss.backward()
        if after:
            clip(network)
        optimizer.step()

    return step


def scaled(*order, enabled=True):
    """Return a step with a scaler that clips and unscales in an order."""
    scaler, calls = torch.amp.GradScaler("cpu", init_scale=4.0, enabled=enabled), itertools.count()

    def step(network, images, labels, loss_function, optimizer):
        optimizer.zero_grad()
        scaler.scale(loss_function(network(images), labels)).backward()
        other, is_first = plain(mlp()), next(calls) == 0
        other.param_groups[0]["params"][0].grad = torch.ones(12, 8)
        for what in order:
            if what == "clip" or (what == "clip once" and is_first):
                nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            elif what == "unscale":
                scaler.unscale_(optimizer)
            elif what == "unscale another":
                scaler.unscale_(other)
        optimizer.step()
        scaler.update(4.0)

    return step


class WithAStepOfItsOwn:
    def step(self, optimizer=None):
        return optimizer


def telling_tools(network, images, labels, loss_function, optimizer):
    book(network, images, labels, loss_function, optimizer)
    HANDED.step()
    OTHER.step()
    WithAStepOfItsOwn().step(HANDED)
    WithAStepOfItsOwn().step()


HANDED, OTHER = plain(nn.Linear(1, 1)), plain(nn.Linear(1, 1))


def twice_for_a_sharper_place(network, images, labels, loss_function, optimizer):
    """As SAM does: the first gradient is for a look beside, the second for the update."""
    for _ in range(2):
        optimizer.zero_grad()
        loss_function(network(images), labels).backward()
    optimizer.step()


def twice_without_clearing(network, images, labels, loss_function, optimizer):
    loss_function(network(images), labels).backward()
    losing(network, images, labels, loss_function, optimizer)


def with_graphs(network, images, labels, loss_function, optimizer):
    loss_function(network(images), labels).backward(create_graph=True)
    optimizer.step()


def keeping():
    kept = []

    def step(network, images, labels, loss_function, optimizer):
        optimizer.zero_grad()
        kept.append(loss_function(network(images), labels))
        kept[-1].backward()
        optimizer.step()

    return step


def for_nothing(network, images, labels, loss_function, optimizer):
    optimizer.zero_grad()
    (0 * loss_function(network(images), labels)).backward()
    optimizer.step()


def squashing(how):
    def step(network, *rest):
        book(lambda given: how(network(given)), *rest)

    return step


def squashing_last(how):
    calls = itertools.count(1)
    return lambda network, *rest: book(
        (lambda given: how(network(given))) if next(calls) == 3 else network, *rest
    )


def first_in_eval(network, *rest):
    """As to attack the images: one call in evaluation mode, and one in training mode."""
    network.eval()
    network(rest[0]).sum().backward()
    network.train()
    book(network, *rest)


def evaluating_afterwards(network, *rest):
    book(network.train(), *rest)
    network.eval()
    with torch.no_grad():
        network(rest[0])


def dropping(*modes):
    network = nn.Sequential(mlp(), nn.Dropout(0.0), nn.BatchNorm1d(3, affine=False))
    for layer, mode in zip([network, network[1]], modes, strict=True):
        layer.train(mode)
    return network


def in_eval_at(place):
    """Return a step that calls the network in evaluation mode at one batch alone."""
    calls = itertools.count(1)
    return lambda network, *rest: book(network.train(next(calls) != place), *rest)


class Partly(nn.Module):
    """Has a weight that no score hangs on, one that is frozen, and one that it moves itself."""

    def __init__(self):
        super().__init__()
        self.spare, self.more, self.also, self.own, self.fixed = ones(5)
        self.fixed.requires_grad_(False)
        self.used = nn.Linear(8, 3, bias=False)

    def forward(self, images):
        self.own.data.add_(1)
        return self.used(images)


def ones(count):
    return [nn.Parameter(torch.ones(1)) for _ in range(count)]


class Called(nn.Module):
    """Answers a call by itself, so that no hook hears it."""

    def __init__(self):
        super().__init__()
        self.layers = mlp()

    def __call__(self, images):
        return self.layers(images)


class Asks(torch.optim.SGD):
    def step(self, closure=None):
        closure()
        super().step()
        return "done"


def with_a_closure(network, images, labels, loss_function, optimizer):
    def closure():
        optimizer.zero_grad()
        loss = loss_function(network(images), labels)
        loss.backward()
        return loss

    assert optimizer.step(closure) == "done"


def of_the_head(network):
    return torch.optim.SGD(network[2].parameters(), lr=0.1)


def of_others(network):
    return plain(mlp())


def renaming(network, images, labels, *rest):
    book(network, images, (labels + 1) % 3, *rest)


def larger(network, images, *rest):
    book(network, images / 4, *rest)


def with_others_beside(network, images, labels, loss_function, optimizer):
    """A second call, so that nobody knows which of the two the loss is about."""
    network(images)
    book(network, images, labels, loss_function, optimizer)


def to_parts(network, images, labels, loss_function, optimizer):
    """Call a layer, and leave its graph behind by a name."""
    book(network, images, labels, loss_function, optimizer)
    LEFT.append(network[0](images))


def clearing_between(network, images, labels, loss_function, optimizer):
    """What was added to a used gradient goes before it is used."""
    loss_function(network(images), labels).backward()
    book(network, images, labels, loss_function, optimizer)


def in_turn(*steps):
    """Return a step that is the first one at the first batch, and so on."""
    left = iter(steps)
    return lambda *given: next(left)(*given)


def clearing_the_body(network, images, labels, loss_function, optimizer):
    network[0].zero_grad()
    losing(network, images, labels, loss_function, optimizer)


def twice_and_cleared_once(*given):
    losing(*given)
    book(*given)


def adding_up_for_two(with_halves=False):
    """Return a step that updates at each second batch, and never clears."""
    calls = itertools.count(1)

    def step(network, images, labels, loss_function, optimizer):
        for part in images.split(10 if with_halves else 20):
            network(part).square().mean().backward()
        loss_function(network(images), labels)
        if next(calls) % 2 == 0:
            optimizer.step()

    return step


def moving_while_adding_up():
    """Return a step that also moves the weights by hand, before each first update and after it."""
    adding = at_each(3)

    def step(network, *rest):
        adding(network, *rest)
        for weight in network.parameters():
            weight.data -= 0.01 * (0 if weight.grad is None else weight.grad)

    return step


class Doubles(torch.optim.SGD):
    """Leaves other gradients than it finds."""

    def step(self, closure=None):
        super().step()
        for weight in self.param_groups[0]["params"]:
            weight.grad.mul_(2)


def moving_for_nothing(network, images, labels, loss_function, _):
    network.zero_grad()
    (0 * loss_function(network(images), labels)).backward()
    for weight in network.parameters():
        weight.data.add_(0.1)


class Grows(nn.Module):
    """Has a weight that is another, and longer, after each call."""

    def __init__(self):
        super().__init__()
        self.layers, self.more = mlp(), ones(1)[0]

    def forward(self, images):
        return self.layers(images) + self.more.sum()


def growing(network, *rest):
    by_hand(-1)(network, *rest)
    network.more = nn.Parameter(torch.ones(len(network.more) + 1))


def freezing(network, *rest):
    network.spare.requires_grad_(False)
    book(network, *rest)


def by_keyword(network, *rest):
    book(lambda images: network(input=images), *rest)


class Named(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = mlp()

    def forward(self, images):
        return {"note": 1, "mean": images.mean(), "scores": self.layers(images)}


def by_name_of_the_scores(network, *rest):
    book(lambda images: network(images)["scores"], *rest)


def over_single_images(network, images, *rest):
    torch.func.vmap(lambda image: network(image[None])[0])(images)
    book(network, images, *rest)


class Tokens(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(8, 3, sparse=True)

    def forward(self, tokens):
        return self.table(tokens)


def of_tokens(network, images, labels, loss_function, optimizer):
    losing(network, images.argmax(1), labels, loss_function, optimizer)


class Forks(nn.Module):
    def __init__(self):
        super().__init__()
        self.part, self.last = Fork(), nn.Linear(12, 3)

    def forward(self, images):
        return self.last(self.part(images)[0])


class Fork(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.other = nn.Linear(8, 12), nn.Linear(8, 12)

    def forward(self, images):
        return self.one(images), self.other(images)


def keeping_the_second(network, *rest):
    book(network, *rest)
    LEFT.append(network.part(rest[0])[1])


def with_float_labels(network, images, labels, loss_function, optimizer):
    book(network, images, labels.double(), loss_function, optimizer)


def of_whole_labels(scores, labels):
    return F.cross_entropy(scores, labels.long())


def some_turned(network, images, labels, loss_function, optimizer):
    """Of a loss for each image, one is turned."""
    signs = torch.tensor([-1.0] * 19 + [1.0])
    optimizer.zero_grad()
    (signs * loss_function(network(images), labels)).sum().backward()
    optimizer.step()


def turned_each(network, images, labels, loss_function, optimizer):
    book(network, images, labels, lambda *given: -loss_function(*given).mean(), optimizer)


def of_each(scores, labels):
    return F.cross_entropy(scores, labels, reduction="none")


LEFT = []
