"""`fit` and `evaluate` on what other people write: an answer, or one line with the right cure."""

import functools
import itertools
import warnings

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.optim import lr_scheduler
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from helpers.fashion_mnist_pipeline import training

CHANCE = torch.Generator().manual_seed(0)
Y = torch.arange(30) % 3
X = torch.eye(3).repeat(1, 2)[Y] + 0.3 * torch.randn(30, 6, generator=CHANCE)
PICTURES = X.repeat(1, 2)[:, :9].view(-1, 1, 3, 3)
TOKENS = torch.randint(20, (30, 5), generator=CHANCE)


def in_batches(x, y, size=10):
    return list(zip(x.split(size), y.split(size), strict=True))


def network(*head, scores=3):
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, scores), *head)


def sgd(net, lr=0.1):
    return torch.optim.SGD(net.parameters(), lr=lr)


def fit(net, batches=None, loss=F.cross_entropy, optimizer=None, **options):
    batches = in_batches(X, Y) if batches is None else batches
    options = {"epochs": 1, "progress": False, **options}
    return training.fit(net, batches, loss, optimizer or sgd(net), **options)


def weights_of(net):
    return [weight.detach().clone() for weight in net.parameters()]


def same(some, others):
    return all(map(torch.equal, some, others))


def one_line(error, words, call, *arguments, **options):
    with pytest.raises(error, match=words) as caught:
        call(*arguments, **options)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400


# --- PyTorch's protocol: closures ---


class Backtracking(torch.optim.Optimizer):
    """Halves its step until the loss is smaller: an optimiser of one's own."""

    def __init__(self, weights):
        super().__init__(weights, {"lr": 4.0})

    @torch.no_grad()
    def step(self, closure):
        before = closure()
        rate, moves = 4.0, [(w, w.clone(), w.grad.clone()) for w in self.param_groups[0]["params"]]
        while rate > 1e-6:
            for weight, old, slope in moves:
                weight.copy_(old - rate * slope)
            if closure() < before:
                return
            rate /= 2


class Sharpness(torch.optim.Optimizer):
    """Climbs a little, asks for the gradient there, and steps from where it was: needs both."""

    def __init__(self, weights):
        super().__init__(weights, {"lr": 0.5})

    @torch.no_grad()
    def step(self, closure):
        held = self.param_groups[0]["params"]
        climbs = [0.05 * weight.grad for weight in held]
        for weight, climb in zip(held, climbs, strict=True):
            weight.add_(climb)
        closure()
        for weight, climb in zip(held, climbs, strict=True):
            weight.sub_(climb).sub_(0.5 * weight.grad)


def lbfgs(weights):
    return torch.optim.LBFGS(weights, lr=0.5, max_iter=4, line_search_fn="strong_wolfe")


@pytest.mark.parametrize("make", [lbfgs, Backtracking, Sharpness])
@pytest.mark.parametrize("scheduled", [False, True])
def test_an_optimiser_that_asks_for_a_closure_steps_as_in_the_loop_by_hand(make, scheduled):
    by_fit, by_hand = network(), network()
    optimizer = make(by_hand.parameters())
    for _ in range(2):
        for images, labels in in_batches(X, Y):

            def closure(images=images, labels=labels):
                with torch.enable_grad():
                    optimizer.zero_grad()
                    loss = F.cross_entropy(by_hand(images), labels)
                    loss.backward()
                return loss

            closure()
            optimizer.step(closure)
    optimizer = make(by_fit.parameters())
    # A schedule puts a wrapper around the optimiser's step, and with it hides what it asks for.
    schedule = lr_scheduler.LambdaLR(optimizer, lambda step: 1.0) if scheduled else None
    history = fit(by_fit, optimizer=optimizer, epochs=2, schedule=schedule)
    assert same(weights_of(by_fit), weights_of(by_hand))
    assert history.loss[1] < history.loss[0]


class Unguarded(Backtracking):
    def step(self, closure=None):
        assert closure is not None, "this needs a closure, but it was not provided"


class Silent(Backtracking):
    def step(self, closure=None):
        return closure()


@pytest.mark.parametrize("kind", [Unguarded, Silent])
def test_an_optimiser_that_hides_its_want_of_a_closure_is_told_how_to_say_so(kind):
    net = network()
    before = weights_of(net)
    words = r"optimiser's step failed .*step\(self, closure\), without a default"
    one_line(ValueError, words, fit, net, optimizer=kind(net.parameters()))
    assert same(weights_of(net), before)


def test_an_optimiser_that_fails_for_another_reason_says_that_and_no_more():
    net = network()
    optimizer = torch.optim.SparseAdam(net.parameters())
    one_line(ValueError, "consider Adam instead", fit, net, optimizer=optimizer)


# --- PyTorch's protocol: schedules ---


def plateau(optimizer, **options):
    return lr_scheduler.ReduceLROnPlateau(optimizer, patience=0, factor=0.5, **options)


def two_in_sequence(optimizer):
    parts = [
        lr_scheduler.LinearLR(optimizer, 0.1, total_iters=2),
        lr_scheduler.ExponentialLR(optimizer, 0.5),
    ]
    return lr_scheduler.SequentialLR(optimizer, parts, milestones=[2])


def two_at_once(optimizer):
    parts = [lr_scheduler.StepLR(optimizer, 2), lr_scheduler.ExponentialLR(optimizer, 0.5)]
    return lr_scheduler.ChainedScheduler(parts, optimizer)


def warm_up(optimizer):
    return lr_scheduler.LambdaLR(optimizer, lambda step: min(step / 4, 1.0))


@pytest.mark.parametrize("make", [two_in_sequence, two_at_once, warm_up])
@pytest.mark.parametrize(("every", "told"), [("step", 6), ("epoch", 2)])
@pytest.mark.filterwarnings("error")
def test_a_schedule_is_told_as_often_as_is_said(make, every, told):
    net, alone = network(), sgd(network())
    expected = make(alone)
    for _ in range(told):
        alone.step()
        expected.step()
    optimizer = sgd(net)
    fit(net, optimizer=optimizer, epochs=2, schedule=make(optimizer), schedule_every=every)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(alone.param_groups[0]["lr"])


@pytest.mark.parametrize("every", ["step", "epoch"])
@pytest.mark.parametrize(("mode", "validated"), [*itertools.product(["min", "max"], [False, True])])
def test_a_plateau_is_told_the_loss_or_the_accuracy_of_each_epoch(mode, validated, every):
    net = network()
    optimizer = sgd(net)
    schedule, heard = plateau(optimizer, mode=mode), []
    step = schedule.step
    schedule.step = lambda metrics: heard.append(metrics) or step(metrics)
    options = {"validation": in_batches(X[:9], Y[:9])} if validated else {}
    history = fit(
        net, optimizer=optimizer, schedule=schedule, schedule_every=every, epochs=2, **options
    )
    name = ("validation_" if validated else "") + ("loss" if mode == "min" else "accuracy")
    assert heard == getattr(history, name) and len(heard) == 2


class WithNumber(lr_scheduler.LRScheduler):
    """As other libraries have them."""

    def step(self, epoch, metric=None):
        raise AssertionError("told")

    def _initial_step(self):
        pass


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (WithNumber, "schedule's step asks for epoch: give one whose step asks for nothing"),
        (lambda _: warm_up(sgd(network())), "schedule moves another optimiser"),
        (lambda _: lr_scheduler.StepLR, "schedule is a type: give one"),
    ],
)
def test_a_schedule_that_cannot_serve_is_refused_before_the_first_step(make, words):
    net = network()
    before, optimizer = weights_of(net), sgd(net)
    one_line(
        (TypeError, ValueError), words, fit, net, optimizer=optimizer, schedule=make(optimizer)
    )
    assert same(weights_of(net), before)


def test_a_rate_of_nothing_is_fine_for_some_weights_or_with_a_schedule_alone():
    net = network()
    groups = [{"params": net[0].parameters(), "lr": 0.0}, {"params": net[2].parameters()}]
    before = net[0].weight.clone(), net[2].weight.clone()
    fit(net, optimizer=torch.optim.SGD(groups, lr=0.1))
    assert torch.equal(net[0].weight, before[0]) and not torch.equal(net[2].weight, before[1])
    one_line(ValueError, "learning rate is 0.0: give", fit, net, optimizer=sgd(net, lr=0.0))


class WithoutRate:
    """What can be used like an optimiser."""

    def __init__(self, weights):
        self.param_groups = [{"params": list(weights)}]

    def step(self):
        with torch.no_grad():
            for weight in self.param_groups[0]["params"]:
                weight -= 0.1 * weight.grad

    def zero_grad(self):
        for weight in self.param_groups[0]["params"]:
            weight.grad = None


def test_an_optimiser_of_ones_own_needs_no_rate():
    ours, theirs = network(), network()
    fit(ours, optimizer=WithoutRate(ours.parameters()))
    fit(theirs)
    for some, others in zip(weights_of(ours), weights_of(theirs), strict=True):
        torch.testing.assert_close(some, others)
    bad = [(X * float("nan"), Y)]
    one_line(
        ValueError, "loss became nan", fit, ours, bad, optimizer=WithoutRate(ours.parameters())
    )


@pytest.mark.parametrize("around", [torch.no_grad, torch.enable_grad])
def test_fit_trains_wherever_it_is_called(around):
    net = network()
    before = weights_of(net)
    with around():
        fit(net)
    assert not same(weights_of(net), before)


# --- Silently wrong ---


def yes_or_no(scores, labels):
    return F.binary_cross_entropy_with_logits(scores.squeeze(1), labels.float())


def test_one_score_for_two_classes_is_refused_and_not_counted_as_wrong():
    net, words = network(scores=1), r"scores of shape \(10, 1\) .*of two classes at least"
    before, batches = weights_of(net), in_batches(X, Y % 2)
    one_line(ValueError, words, fit, net, batches, yes_or_no)
    one_line(ValueError, words, training.evaluate, net, batches, yes_or_no)
    assert same(weights_of(net), before)


@pytest.mark.parametrize("ignored", [-100, 255])
def test_labels_that_the_loss_ignores_count_in_no_number(ignored):
    net, labels = network(), Y.clone()
    labels[::4] = ignored
    kept = labels != ignored
    loss = functools.partial(F.cross_entropy, ignore_index=ignored)
    some = training.evaluate(net, in_batches(X, labels), loss)
    clean = training.evaluate(net, [(X[kept], Y[kept])], F.cross_entropy)
    assert some.loss == pytest.approx(clean.loss) and some.accuracy == clean.accuracy
    assert torch.equal(some.labels, labels)
    if ignored < 0:
        assert torch.equal(some.confusion_matrix(3), clean.confusion_matrix(3))
    history = fit(net, in_batches(X, labels), loss, optimizer=sgd(net, 1e-30))
    assert history.accuracy == [pytest.approx(clean.accuracy)]
    words = "loss became nan .* none of its labels is a class, so leave it out"
    one_line(ValueError, words, fit, net, [(X, torch.full_like(Y, ignored))], loss)


def test_a_confusion_matrix_has_room_for_every_class():
    seen = training.evaluate(network(), [(X, Y)], F.cross_entropy)
    one_line(ValueError, "classes is 2: give at least 3", seen.confusion_matrix, 2)
    assert seen.confusion_matrix(4).sum() == 30


# --- One line, with the right cure ---


class Fails(nn.Linear):
    def forward(self, x):
        raise RuntimeError


class Pair(nn.Linear):
    def forward(self, x):
        return super().forward(x), x


class Named(nn.Linear):
    def forward(self, x):
        return {"logits": super().forward(x)}


class WithMask(nn.Linear):
    def forward(self, x, mask):
        return super().forward(x)


class Complex(nn.Linear):
    def forward(self, x):
        return super().forward(x) * 1j


def words_network(**options):
    torch.manual_seed(1)
    return nn.Sequential(nn.EmbeddingBag(20, 4, **options), nn.Linear(4, 3))


def convolution(**options):
    torch.manual_seed(1)
    layers = nn.Conv2d(1, 2, 2), nn.Flatten(), nn.Linear(8, 3)
    return nn.Sequential(*layers).to(**options)


def normed():
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(6, 4), nn.BatchNorm1d(4), nn.Linear(4, 3))


SOFT = F.one_hot(Y, 3) * 0.8 + 0.1
NO_LONG = "write the loop out$"
REFUSED = {
    # Labels
    "of BCE": (network, [(X, Y.float()[:, None])], TypeError, NO_LONG),
    "soft": (network, [(X, SOFT)], TypeError, NO_LONG),
    "regression": (network, [(X, X[:, 0])], TypeError, NO_LONG),
    "NaN among them": (network, [(X, Y / Y)], TypeError, NO_LONG),
    "complex": (network, [(X, Y + 0j)], TypeError, NO_LONG),
    "whole floats": (network, [(X, Y.double())], TypeError, r"labels.long\(\)$"),
    "short": (network, [(X, Y.to(torch.uint8))], TypeError, r"labels.long\(\)$"),
    "yes and no": (network, [(X, Y > 1)], TypeError, r"labels.long\(\)$"),
    "an array": (network, [(X, Y.numpy())], TypeError, "labels are ndarray: give an int64 tensor"),
    "one-hot": (network, [(X, F.one_hot(Y))], ValueError, "give one label for each image"),
    "out of range later": (network, in_batches(X, Y + (Y.cumsum(0) > 25)), ValueError, "hold 3"),
    "sparse labels": (network, [(X, Y.to_sparse())], ValueError, r"labels.to_dense\(\)"),
    "labels of meta": (network, [(X, Y.to("meta"))], ValueError, "labels are on the meta device"),
    # Batches
    "dict": (network, [{"image": X, "label": Y}], TypeError, "batches holds a dict: give pairs"),
    "of three": (network, [(X, Y, Y)], TypeError, "batches holds a tuple: give pairs"),
    "dict within": (network, [({"ids": X}, Y)], TypeError, "images are dict: give a tensor"),
    "empty": (network, [(X[:0], Y[:0])], ValueError, "a batch holds no images"),
    "of meta": (network, [(X.to("meta"), Y)], ValueError, "images are on the meta device"),
    "no axes": (network, [(X[0, 0], Y[:1])], ValueError, r"images of shape \(\)"),
    "nested": (
        network,
        [(torch.nested.nested_tensor([X[0], X[1, :2]], layout=torch.jagged), Y[:2])],
        ValueError,
        r"torch.nested.to_padded_tensor\(images, 0\)",
    ),
    "never ending": (network, itertools.cycle([(X, Y)]), ValueError, "batches never end"),
    # What the network is given
    "doubles": (network, [(X.double(), Y)], ValueError, r"take images.to\(torch.float32\)$"),
    "bytes": (network, [(X.byte(), Y)], ValueError, r"take images.to\(torch.float32\) / 255$"),
    "half a network": (
        lambda: network().bfloat16(),
        [(X, Y)],
        ValueError,
        r"take images.to\(torch.bfloat16\)$",
    ),
    "rows wanted": (network, [(X.view(-1, 2, 3), Y)], ValueError, r"take images.flatten\(1\)$"),
    "channel wanted": (convolution, [(PICTURES[:, 0], Y)], ValueError, r"images.unsqueeze\(1\)$"),
    "other rows wanted": (network, [(X[:, :5], Y)], ValueError, "cannot be multiplied [^;]*$"),
    "sparse": (
        convolution,
        [(PICTURES.to_sparse(), Y)],
        ValueError,
        "does not take images",
    ),
    "floats for words": (words_network, [(TOKENS.float(), Y)], ValueError, r"images.long\(\)$"),
    "unknown words": (words_network, [(TOKENS + 9, Y)], ValueError, r"int64, 9 to 28: [^;]*$"),
    "one left": (
        normed,
        in_batches(X[:21], Y[:21]),
        ValueError,
        "batch 3 of epoch 1 holds one image, .*drop_last=True",
    ),
    # The network
    "no words of its own": (lambda: Fails(6, 3), [(X, Y)], ValueError, "RuntimeError$"),
    "a pair": (lambda: Pair(6, 3), [(X, Y)], TypeError, "gave tuple .*scores alone"),
    "a dict": (lambda: Named(6, 3), [(X, Y)], TypeError, "gave dict .*scores alone"),
    "two inputs": (lambda: WithMask(6, 3), [(X, Y)], ValueError, "argument: 'mask'"),
    "complex scores": (lambda: Complex(6, 3), [(X, Y)], ValueError, "complex64 .*give floats"),
    "no numbers": (lambda: network().to("meta"), [(X, Y)], ValueError, "network is on the meta"),
    "frozen": (
        lambda: network().requires_grad_(False),
        [(X, Y)],
        ValueError,
        r"requires_grad_\(True\)",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_fit_cannot_take_it_refuses_with_the_right_cure(case):
    make, batches, error, words = REFUSED[case]
    net = make()
    one_line(error, words, fit, net, batches)
    if case not in ("frozen", "one left"):  # Nothing that evaluating would mind.
        one_line(error, words, training.evaluate, net, batches, F.cross_entropy)


@pytest.mark.parametrize(
    ("loss", "words"),
    [
        (nn.BCEWithLogitsLoss(), "the loss takes no int64 labels beside 3 scores for each: "),
        (lambda scores, labels: F.mse_loss(scores, F.one_hot(labels, 2)), "labels hold 2|Class"),
        (lambda scores, labels: scores.sum() * 1j, "the loss has shape .*real one"),
        (lambda scores, labels: scores.detach().sum(), "leads back to no weights"),
        (lambda scores, labels: scores.sum().item(), "the loss is float and not a tensor"),
    ],
)
def test_a_loss_that_cannot_be_one_is_refused_before_the_first_step(loss, words):
    net = network()
    before = weights_of(net)
    one_line((TypeError, ValueError), words, fit, net, [(X, Y)], loss)
    assert same(weights_of(net), before)


def test_a_state_kept_from_batch_to_batch_is_named():
    class Remembers(nn.Linear):
        kept = 0.0

        def forward(self, x):
            self.kept = super().forward(x) + self.kept
            return self.kept

    one_line(ValueError, r"detach\(\) what is kept from batch to batch", fit, Remembers(6, 3))


@pytest.mark.parametrize(
    ("validation", "epochs", "words"),
    [
        (iter(in_batches(X, Y)), 2, "validation can be walked only once: give a list"),
        (itertools.cycle([(X, Y)]), 1, "validation never end: give a list"),
        ([], 1, "validation gave no images"),
    ],
)
def test_a_validation_part_that_cannot_serve_is_named_before_the_training(
    validation, epochs, words
):
    net = network()
    before = weights_of(net)
    one_line(ValueError, words, fit, net, validation=validation, epochs=epochs)
    assert same(weights_of(net), before) == (validation != [])


# --- An answer ---


class Endless(IterableDataset):
    def __iter__(self):
        return itertools.cycle(zip(X, Y, strict=True))


def lazy():
    return nn.Sequential(nn.LazyLinear(8), nn.LazyBatchNorm1d(), nn.LazyLinear(3))


ANSWERED = {
    "words": (words_network, [(TOKENS, Y)]),
    "words with sparse gradients": (lambda: words_network(sparse=True, mode="sum"), [(TOKENS, Y)]),
    "sparse rows": (network, [(X.to_sparse(), Y)]),
    "lazy": (lazy, in_batches(X, Y)),
    "bfloat16": (lambda: network().bfloat16(), in_batches(X.bfloat16(), Y)),
    "float16": (lambda: network().half(), in_batches(X.half(), Y)),
    "channels last": (
        lambda: convolution(memory_format=torch.channels_last),
        [(PICTURES.to(memory_format=torch.channels_last), Y)],
    ),
    "the rest left out": (normed, DataLoader(TensorDataset(X, Y), 29, drop_last=True)),
    "some of a stream": (network, list(itertools.islice(DataLoader(Endless(), 4), 5))),
    "half frozen": (lambda: network().requires_grad_(False).append(nn.Linear(3, 3)), [(X, Y)]),
}


@pytest.mark.parametrize("case", ANSWERED)
@pytest.mark.parametrize("ours", [False, True])
def test_what_a_network_takes_fit_takes(case, ours):
    make, batches = ANSWERED[case]
    if ours and case in ("words with sparse gradients", "lazy"):
        pytest.skip("MomentumSGD is for plain weights")
    net, by_hand = make(), make()
    optimizer = training.MomentumSGD(net.parameters(), lr=0.1) if ours else sgd(net)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # That sparse tensors are in beta.
        torch.manual_seed(3)  # Of weights that are drawn when the first batch shows their shape.
        history = fit(net, batches, optimizer=optimizer, epochs=2)
        seen = training.evaluate(net, batches, F.cross_entropy)
        torch.manual_seed(3)
        steps = sgd(by_hand)
        for _ in range(2):
            for images, labels in batches:
                steps.zero_grad()
                F.cross_entropy(by_hand(images), labels).backward()
                steps.step()
    assert len(history.loss) == 2 and len(seen.labels) == sum(len(y) for _, y in batches)
    for some, others in zip(weights_of(net), weights_of(by_hand), strict=True):
        torch.testing.assert_close(some, others)
