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

from fashion_mnist_pipeline.fitting import (
    X,
    Y,
    fit,
    in_batches,
    network,
    one_line,
    refused_by_fit,
    same,
    sgd,
    weights_of,
)
from helpers.common import progress
from helpers.fashion_mnist_pipeline import training

PICTURES = X.repeat(1, 2)[:, :9].view(-1, 1, 3, 3)
TOKENS = torch.randint(20, (30, 5), generator=torch.Generator().manual_seed(0))


# --- PyTorch's protocol: closures ---


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


@pytest.mark.parametrize("make", [lbfgs, Sharpness])
@pytest.mark.parametrize("scheduled", [False, True])
def test_an_optimiser_that_asks_for_a_closure_steps_as_in_the_loop_by_hand(make, scheduled):
    by_fit, by_hand = network(), network()
    optimizer = make(by_hand.parameters())
    for images, labels in in_batches(X, Y) * 2:

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


class Unguarded(Sharpness):
    def step(self, closure=None):
        assert closure is not None, "this needs a closure, but it was not provided"


class Silent(Sharpness):
    def step(self, closure=None):
        return closure()


class Unmade(Sharpness):
    def step(self, closure=None):
        return self.steps_so_far


class OfTheLoss(Sharpness):
    def step(self, loss):
        loss.backward()


class Curvature(Sharpness):
    def step(self, closure=None):
        for weight in self.param_groups[0]["params"]:
            torch.autograd.grad(weight.grad.sum(), weight)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (OfTheLoss, "asks for loss: give one that asks for nothing, or for a closure$"),
        (Unguarded, r"failed .*not provided\); .*step\(self, closure\), without a default$"),
        (Silent, r"failed .*not callable\); .*step\(self, closure\), without a default$"),
        (Unmade, r"failed \('Unmade' object has no attribute 'steps_so_far'\)$"),
        (Curvature, r"failed .*a grad_fn\); .*slopes of slopes, .*\(create_graph=True\)$"),
        (torch.optim.SparseAdam, r"failed .*consider Adam instead\)$"),  # Nothing about a closure.
    ],
)
def test_an_optimiser_whose_step_fails_says_why(kind, words):
    net = network()
    refused_by_fit(f"optimiser's step {words}", net, optimizer=kind(net.parameters()))


class WrapsAnother(torch.optim.Optimizer):
    """Around another, and never set up as one: Lookahead is written so, in many places."""

    def __init__(self, weights):
        self.inner = torch.optim.SGD(weights, lr=0.1)
        self.param_groups, self.state = self.inner.param_groups, self.inner.state

    def step(self, closure=None):
        self.inner.step()


def test_an_optimiser_that_was_never_set_up_is_refused_in_one_line_with_what_to_do():
    net = network()
    words = "optimiser's zero_grad failed .*'defaults'.*; .* __init__, so give one that does$"
    refused_by_fit(words, net, optimizer=WrapsAnother(net.parameters()))

    class SetUp(WrapsAnother):
        def __init__(self, weights):
            torch.optim.Optimizer.__init__(self, weights := list(weights), {})
            super().__init__(weights)

    fit(net, optimizer=SetUp(net.parameters()))


# --- Optimisers of one's own ---


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
    refused_by_fit("loss became nan", ours, bad, optimizer=WithoutRate(ours.parameters()))


def test_a_step_may_be_taken_while_the_loss_is_walked_back():
    """As PyTorch's tutorial has it, to save the memory of the gradients."""
    ours, theirs = network(), network()

    def step(weight):
        optimizers[weight].step()
        optimizers[weight].zero_grad()

    optimizers = {weight: torch.optim.SGD([weight], lr=0.1) for weight in ours.parameters()}
    for weight in optimizers:
        weight.register_post_accumulate_grad_hook(step)
    assert fit(ours).loss == fit(theirs).loss and same(weights_of(ours), weights_of(theirs))


@pytest.mark.parametrize("around", [torch.no_grad, torch.enable_grad, torch.inference_mode])
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
    batches = in_batches(X, Y % 2)
    refused_by_fit(words, net, batches, yes_or_no)
    one_line(words, training.evaluate, net, batches, yes_or_no)


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
    refused_by_fit(words, net, [(X, torch.full_like(Y, ignored))], loss)


@pytest.mark.filterwarnings("ignore:`torch.jit:FutureWarning")
def test_what_torchscript_has_frozen_is_looked_at():
    net = network()
    frozen = torch.jit.freeze(torch.jit.script(net).eval())
    seen = training.evaluate(frozen, [(X, Y)], F.cross_entropy)
    assert seen.loss == pytest.approx(F.cross_entropy(net(X), Y).item())


def test_a_confusion_matrix_has_room_for_every_class():
    seen = training.evaluate(network(), [(X, Y)], F.cross_entropy)
    one_line("classes is 2: give at least 3", seen.confusion_matrix, 2)
    assert seen.confusion_matrix(4).sum() == 30


# --- One line, with the right cure ---


class Linear(nn.Linear):
    """Does something to what a layer gives."""

    def __init__(self, change):
        super().__init__(6, 3)
        self.change = change

    def forward(self, x):
        return self.change(super().forward(x))


class WithMask(nn.Linear):
    def forward(self, x, mask):
        return super().forward(x)


class Misspelt(nn.Linear):
    def forward(self, x):
        return self.lineer(x)


class Recurrent(nn.RNN):
    def forward(self, x):
        return super().forward(x)[0][:, -1]


class Remembers(nn.Linear):
    kept = 0.0

    def forward(self, x):
        self.kept = super().forward(x) + self.kept
        return self.kept


def fails(scores):
    raise RuntimeError


def changed_in_place(scores):
    return scores.sigmoid().add_(scores.exp_())


def words_network(**options):
    torch.manual_seed(1)
    return nn.Sequential(nn.EmbeddingBag(20, 4, **options), nn.Linear(4, 3))


def convolution(channels=1, **options):
    torch.manual_seed(1)
    layers = nn.Conv2d(channels, 2, 2), nn.Flatten(), nn.Linear(8, 3)
    return nn.Sequential(*layers).to(**options)


def normed():
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(6, 4), nn.BatchNorm1d(4), nn.Linear(4, 3))


def jagged(*rows):
    return torch.nested.nested_tensor(list(rows), layout=torch.jagged)


SINGLES = list(zip(X, Y, strict=True))
DATA = TensorDataset(X, Y)
with warnings.catch_warnings(action="ignore"):  # They are on their way out.
    QUANTISED = torch.quantize_per_tensor(X, 0.1, 0, torch.qint8)
NO_LONG = "write the loop out$"
# The batches, what the line says of them, and the network if it is another one.
REFUSED = {
    "none": ([], "gave no images: .* at least one batch"),
    "NaN": ([(X * float("nan"), Y)], "loss became nan in .*, batch 1: look for NaN"),
    # Labels
    "of BCE": ([(X, Y.float()[:, None])], NO_LONG),
    "soft": ([(X, F.one_hot(Y, 3) * 0.8 + 0.1)], NO_LONG),
    "regression": ([(X, X[:, 0])], NO_LONG),
    "NaN among them": ([(X, Y / Y)], NO_LONG),
    "complex": ([(X, Y + 0j)], NO_LONG),
    "whole floats": ([(X, Y.double())], r"labels.long\(\)$"),
    "short": ([(X, Y.to(torch.uint8))], r"labels.long\(\)$"),
    "yes and no": ([(X, Y > 1)], r"labels.long\(\)$"),
    "an array": ([(X, Y.numpy())], "labels are ndarray: give an int64 tensor"),
    "one-hot": ([(X, F.one_hot(Y))], "give one label for each image"),
    "a column": ([(X, Y[:, None])], r"labels have shape \(30, 1\)"),
    "one less": ([(X, Y[:-1])], r"shape \(29,\) beside images of shape \(30, 6\)"),
    "below": ([(X, Y - 100)], "hold -100: the network tells 3 classes apart.*0 to 2"),
    "out of range later": (in_batches(X, Y + (Y.cumsum(0) > 25)), "labels hold 3"),
    "sparse labels": ([(X, Y.to_sparse())], r"labels.to_dense\(\)"),
    "labels of meta": ([(X, Y.to("meta"))], "labels are on the meta device"),
    "labels quantised": ([(X, QUANTISED[:, 0])], r"give labels.dequantize\(\)"),
    # Batches
    "dict": ([{"image": X, "label": Y}], "batches holds a dict: give pairs"),
    "of three": ([(X, Y, Y)], "batches holds a tuple: give pairs"),
    "dict within": ([({"ids": X}, Y)], "images are dict: give a tensor"),
    "empty": ([(X[:0], Y[:0])], "a batch holds no images"),
    "text": ([("pixels", Y)], "images are str: give a tensor of images"),
    "of meta": ([(X.to("meta"), Y)], "images are on the meta device"),
    "no axes": ([(X[0, 0], Y[:1])], r"images of shape \(\)"),
    "nested": ([(jagged(X[0], X[1, :2]), Y[:2])], r"torch.nested.to_padded_tensor\(images, 0\)"),
    "quantised": ([(QUANTISED, Y)], r"give images.dequantize\(\)"),
    "never ending": (itertools.cycle([(X, Y)]), "batches never end"),
    "a data set": (
        DATA,
        r"batches is .*, of which no batches.*DataLoader\(batches, batch_size",
    ),
    "one by one": (SINGLES, r"labels are one number beside \(6,\): give batches"),
    "with a plain number": ([(X[0], 2)], r"labels are one number beside \(6,\): give batches"),
    # What the network is given
    "doubles": ([(X.double(), Y)], r"take images.to\(torch.float32\)$"),
    "bytes": ([(X.byte(), Y)], r"take images.to\(torch.float32\) / 255$"),
    "half": ([(X, Y)], r"take images.to\(torch.bfloat16\)$", lambda: network().bfloat16()),
    "complex images": ([(X + 0j, Y)], "dtype torch.complex64: [^;]*$"),
    "rows wanted": ([(X.view(-1, 2, 3), Y)], r"take images.flatten\(1\)$"),
    "channel wanted": ([(PICTURES[:, 0], Y)], r"images.unsqueeze\(1\)$", convolution),
    "pictures as rows wanted": ([(PICTURES, Y)], r"squeeze\(1\)$", lambda: Recurrent(3, 3)),
    "colours wanted": ([(PICTURES, Y)], r"expand\(-1, 3, -1, -1\)$", lambda: convolution(3)),
    "other rows wanted": ([(X[:, :5], Y)], "cannot be multiplied [^;]*$"),
    "sparse": ([(PICTURES.to_sparse(), Y)], "does not take images", convolution),
    "floats for words": ([(TOKENS.float(), Y)], r"images.long\(\)$", words_network),
    "unknown words": ([(TOKENS + 9, Y)], r"int64, 9 to 28: [^;]*$", words_network),
    # The network
    "no words of its own": ([(X, Y)], "RuntimeError$", lambda: Linear(fails)),
    "a pair": ([(X, Y)], "gave tuple .*scores alone", lambda: Linear(lambda s: (s, s))),
    "a dict": ([(X, Y)], "gave dict .*scores alone", lambda: Linear(lambda s: {"logits": s})),
    "complex scores": ([(X, Y)], "complex64 .*give floats", lambda: Linear(lambda s: s * 1j)),
    "misspelt": ([(X, Y)], "no attribute 'lineer'$", lambda: Misspelt(6, 3)),
    "two inputs": ([(X, Y)], "argument: 'mask'", lambda: WithMask(6, 3)),
    "no numbers": ([(X, Y)], "network is on the meta", lambda: network().to("meta")),
}
# What only training minds.
ONLY_BY_FIT = {
    "frozen": ([(X, Y)], r"requires_grad_\(True\)", lambda: network().requires_grad_(False)),
    "one left": (in_batches(X[:21], Y[:21]), "batch 3 of epoch 1 .*drop_last=True", normed),
    "cut off": ([(X, Y)], r"no weights: let no detach\(\)", lambda: Linear(torch.detach)),
    "kept": (None, r"earlier batch: detach\(\) what is kept", lambda: Remembers(6, 3)),
    "in place": ([(X, Y)], "has no gradient: .*inplace", lambda: Linear(changed_in_place)),
}


@pytest.mark.parametrize("case", [*REFUSED, *ONLY_BY_FIT])
def test_what_fit_cannot_take_it_refuses_with_the_right_cure(case):
    batches, words, *other = {**REFUSED, **ONLY_BY_FIT}[case]
    net = (other or [network])[0]()
    one_line(words, fit, net, batches)
    if case in REFUSED:
        one_line(words, training.evaluate, net, batches, F.cross_entropy)


@pytest.mark.parametrize(
    ("loss", "words"),
    [
        (nn.BCEWithLogitsLoss(), "the loss fails on int64 labels beside 3 scores for each: "),
        (lambda scores, labels: F.mse_loss(scores, F.one_hot(labels, 2)), "labels hold 2|Class"),
        (lambda scores, labels: scores.sum() * 1j, "the loss has shape .*real one"),
        (lambda scores, labels: scores.detach().sum(), "leads back to no weights"),
        (lambda scores, labels: torch.tensor(1.0, requires_grad=True), "leads back to no weights"),
        (lambda scores, labels: {}["mean"], r"the loss fails on int64 .*KeyError\('mean'\)$"),
        (lambda scores, labels: scores.sum().item(), "the loss is float and not a tensor"),
        (nn.CrossEntropyLoss, r"loss_function is a class: give .* CrossEntropyLoss\(\)"),
        (nn.CrossEntropyLoss(reduction="sum"), "loss_function sums .*reduction='mean'"),
        (functools.partial(F.nll_loss, reduction="sum"), "loss_function sums"),
    ],
)
def test_a_loss_that_cannot_be_one_is_refused_before_the_first_step(loss, words):
    refused_by_fit(words, network(), [(X, Y)], loss)


@pytest.mark.parametrize(
    ("validation", "words"),
    [
        (iter(in_batches(X, Y)), "validation can be walked only once: give a list"),
        (itertools.cycle([(X, Y)]), "validation never end: give a list"),
        ([], "validation gave no images"),
        (DataLoader(DATA, 50, drop_last=True), "validation gave no images"),
        (DATA, r"validation is .*no batches were made.*DataLoader\(validation, "),
    ],
)
def test_a_validation_part_that_cannot_serve_is_named_before_the_training(validation, words):
    refused_by_fit(words, network(), validation=validation, epochs=2)


class BeginsAnew:
    """An iterator of one's own, which each walk takes back to its start."""

    def __iter__(self):
        self.rest = iter([(X, Y)])
        return self

    def __next__(self):
        return next(self.rest)


def test_what_is_walked_each_epoch_must_begin_anew():
    history = training.fit(
        model := network(), BeginsAnew(), F.cross_entropy, torch.optim.SGD(model.parameters(), 0.1),
        epochs=2, validation=BeginsAnew(),
    )  # fmt: skip
    assert len(history.validation_loss) == 2
    for once in (iter([(X, Y)]), zip([X], [Y], strict=True), (pair for pair in [(X, Y)])):
        refused_by_fit("batches can be walked only once: give a list", network(), once, epochs=2)


class Unmeasured(IterableDataset):
    def __iter__(self):
        return zip(X, Y, strict=True)

    def __len__(self):
        raise NotImplementedError


def test_a_stream_that_cannot_say_how_long_it_is_is_walked():
    some, others = network(), network()
    fit(some, DataLoader(Unmeasured(), 10))
    fit(others)
    assert same(weights_of(some), weights_of(others))


class Forever:
    """A stream without an end that says how long it was: each `next` may begin it again."""

    def __iter__(self):
        return self

    def __next__(self):
        return X, Y

    def __len__(self):
        return 3


def test_a_stream_that_goes_on_beyond_its_length_ends():
    one_line("batches never end: give a list", fit, network(), Forever())
    one_line("batches never end", training.evaluate, network(), Forever(), F.cross_entropy)


def test_a_layer_that_came_after_the_optimiser_is_not_left_out_in_silence():
    net = network()
    late = sgd(net)
    net[2] = nn.Linear(8, 3)
    refused_by_fit("optimiser holds not all of the network's weights", net, optimizer=late)
    fit(net, optimizer=torch.optim.SGD(net[2].parameters(), 0.1))
    beside = nn.Linear(1, 1, bias=False)  # As a loss may have one.
    weights = [*net[2].parameters(), *beside.parameters()]
    fit(net, optimizer=torch.optim.SGD(weights, 0.1))


def test_what_the_last_step_has_spoilt_is_told():
    net = nn.Linear(6, 3)
    nn.init.zeros_(net.weight), nn.init.zeros_(net.bias)

    def with_a_root(scores, labels):  # Whose slope at 0 is infinite.
        return F.cross_entropy(scores, labels) + scores.square().sum().sqrt()

    one_line("weights are infinite or NaN after epoch 1: lower", fit, net, [(X, Y)], with_a_root)


@pytest.mark.parametrize("wrong", [network(), Misspelt(6, 3), [{"params": []}]])
def test_what_is_no_weight_is_named(wrong):
    words = r"one of weights is an? .*: give network.parameters\(\)$"
    one_line(words, training.MomentumSGD, wrong, lr=0.1)


def test_weights_without_a_shape_are_not_for_our_own_optimiser():
    weights = nn.LazyLinear(3).parameters()
    one_line("let the network see a batch before", training.MomentumSGD, weights, lr=0.1)


# --- An answer ---


def quantised():
    return torch.ao.quantization.quantize_dynamic(network(), {nn.Linear})


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("make", [quantised, lambda: nn.Softmax(dim=1)])
def test_a_network_without_parameters_is_evaluated_and_not_trained(make):
    net = make()
    seen = training.evaluate(net, in_batches(X, Y), F.cross_entropy)
    assert torch.equal(seen.predictions, net(X).argmax(dim=1))
    one_line("no parameters to train", fit, net, optimizer=sgd(network()))


class Endless(IterableDataset):
    def __iter__(self):
        return itertools.cycle(zip(X, Y, strict=True))


def lazy():
    return nn.Sequential(nn.LazyLinear(8), nn.LazyBatchNorm1d(), nn.LazyLinear(3))


LAST = torch.channels_last
ANSWERED = {
    "words": (words_network, [(TOKENS, Y)]),
    "words with sparse gradients": (lambda: words_network(sparse=True, mode="sum"), [(TOKENS, Y)]),
    "sparse rows": (network, [(X.to_sparse(), Y)]),
    "lazy": (lazy, in_batches(X, Y)),
    "bfloat16": (lambda: network().bfloat16(), in_batches(X.bfloat16(), Y)),
    "float16": (lambda: network().half(), in_batches(X.half(), Y)),
    "compiled": (lambda: torch.compile(network(), backend="eager"), in_batches(X, Y)),
    "channels last": (
        lambda: convolution(memory_format=LAST), [(PICTURES.to(memory_format=LAST), Y)],
    ),
    "the rest left out": (normed, DataLoader(DATA, 29, drop_last=True)),
    "some of a stream": (network, list(itertools.islice(DataLoader(Endless(), 4), 5))),
    "half frozen": (lambda: network().requires_grad_(False).append(nn.Linear(3, 3)), [(X, Y)]),
}  # fmt: skip


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
        for images, labels in [*batches, *batches]:
            steps.zero_grad()
            F.cross_entropy(by_hand(images), labels).backward()
            steps.step()
    assert len(history.loss) == 2 and len(seen.labels) == sum(len(y) for _, y in batches)
    for some, others in zip(weights_of(net), weights_of(by_hand), strict=True):
        torch.testing.assert_close(some, others)


def test_what_takes_long_shows_a_bar_and_where_none_is_wanted_none(monkeypatch, capsys):
    ticks = itertools.count()
    monkeypatch.setattr(progress.time, "monotonic", ticks.__next__)
    monkeypatch.setattr(progress, "notebook_tqdm", progress.tqdm)  # As if this were a notebook.
    many = in_batches(X, Y, size=3)
    fit(network(), many, validation=many)
    assert capsys.readouterr().err == ""
    training.evaluate(network(), many, F.cross_entropy)
    assert "/10" in capsys.readouterr().err
