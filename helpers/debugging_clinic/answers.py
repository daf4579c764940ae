"""What notebook 05 asks, what is right, and what to say to those who write something else.

To mend a sentence, look for it here: each stands above, or beside, the mistake that it is for.
"""

import functools
import math

import torch
from torch import nn
from torch.nn import functional as F

from helpers.common.questions import Questions
from helpers.debugging_clinic.cases import admit, diagnosis
from helpers.debugging_clinic.faults import HEALTHY
from helpers.debugging_clinic.steps import by_the_book, clearing_too_early, never_clearing

check = Questions()


# --- Loud faults ---

check.prediction("errors in one run", right=1, hints={
    0: "A missing colon does stop it.",
    2: "There are more than two; Python stops at the first.",
    3: "It cannot be read beyond the first fault, so the other two stay unknown for now.",
    6: "They are there, but Python stops at the first and never sees the others.",
    7: "They are there, but Python stops at the first and never sees the others.",
})  # fmt: skip

check.prediction("a misspelt init", right="the optimiser", hints={
    "the class": "A class may have a method of any name; Python sees nothing wrong there.",
    "the loss": "The run does not come that far: something needs the weights before that.",
})  # fmt: skip


@check.exercise(
    "the line to read",
    inputs=[
        (["run.py", "run.py", "module.py", "functional.py"], "run.py"),
        (["main.py", "trainer.py", "main.py", "linear.py"], "main.py"),
        (["main.py", "sgd.py"], "main.py"),
        (["a.py"], "a.py"),
    ],
)
def entry(files, mine):
    return max(place for place, file in enumerate(files) if file == mine)


@entry.hint("That is the innermost entry, the one that noticed. Yours is above it.")
def the_innermost(files, mine):
    return len(files) - 1


@entry.hint("That is your outermost entry; the last one of yours is closer to the fault.")
def the_outermost_of_mine(files, mine):
    return files.index(mine)


@entry.hint("Count from 0.")
def counted_from_one(files, mine):
    return entry(files, mine) + 1


# --- First ward: who moves the weights? ---

check.prediction("patient A", right="left out", hints={
    "no step": "One of its two matrices does move, so a step is taken.",
    "cleared early": "Then no matrix would move; one of them does.",
    "never cleared": "Piled-up gradients go wild, as in C. Look at which matrix stays.",
})  # fmt: skip

check.prediction("patient B", right="cleared early", hints={
    "no step": "In B step() is called. What does it find?",
    "never cleared": "In B step() finds no gradient at all; here there would be too much.",
    "left out": "Then one matrix would still move.",
})  # fmt: skip


def in_double(case):
    # A loop of one's own then agrees with the formulas to many digits.
    case = case.copy()
    case.network.double()
    case.batches = [(images.double(), labels) for images, labels in case.batches]
    return case


def _patient_b(garments, seed):
    return (in_double(admit(diagnosis("B"), garments, seed=seed, images=1_280)),)


@check.exercise(
    "an epoch that learns",
    inputs=lambda garments: [functools.partial(_patient_b, garments, seed) for seed in (0, 1)],
)
def losses(case):
    # Notebook 04's formulas: ReLU, mean cross-entropy, learning rate 0.15 and momentum 0.8.
    weights, found = [w.detach() for w in case.network.parameters()], []
    velocities = [torch.zeros_like(w) for w in weights]
    for images, labels in case.batches:
        first, last = (w.requires_grad_() for w in weights)
        scores = (images.flatten(1) @ first.T).clamp(min=0) @ last.T
        right = scores[torch.arange(len(labels)), labels]
        loss = (scores.logsumexp(dim=1) - right).mean()
        found.append(loss.item())
        new = torch.autograd.grad(loss, [first, last])
        velocities = [0.8 * v + g for v, g in zip(velocities, new, strict=True)]
        weights = [w.detach() - 0.15 * v for w, v in zip(weights, velocities, strict=True)]
    return found


def _losses_with(step, case):
    given = (case.loss_function, case.optimizer)
    return [float(step(case.network, *batch, *given)) for batch in case.batches]


@losses.hint("No weight moves: step() must be called, and find what backward() left.")
def no_weight_moves(case):
    return _losses_with(clearing_too_early, case)


@losses.hint("step() before backward() changes weights that the graph still needs.")
def step_before_backward(case):
    def step(network, images, labels, loss_function, optimizer):
        loss = loss_function(network(images), labels)
        optimizer.step()
        optimizer.zero_grad()
        loss.backward()
        return loss.detach()

    return _losses_with(step, case)


@losses.hint("It never clears, so each gradient is added to all before it.")
def never_cleared(case):
    return _losses_with(never_clearing, case)


@losses.hint("Those losses are taken after the update; take each before it.")
def after_the_update(case):
    def step(network, images, labels, loss_function, optimizer):
        by_the_book(network, images, labels, loss_function, optimizer)
        return loss_function(network(images), labels)

    return _losses_with(step, case)


@losses.hint("One loss for each batch, please, in a list.")
def the_last_loss_alone(case):
    return _losses_with(by_the_book, case)[-1]


# --- Second ward: why does the loss explode? ---

check.prediction("a summed loss", right=128, tolerance=8, hints={
    1: "That is the mean. The sum has a term for each image.",
    10: "Ten is the number of classes; the sum runs over the images.",
})  # fmt: skip


check.prediction("one update", right=0.01, tolerance=0.00005, hints={
    1: "Then one update would throw the whole matrix over: that is patient F.",
    0.0001: "Then all 150 updates together would hardly be seen in it.",
    0.1: "Ten such updates would make another matrix of it; look for less.",
    0.001: "That is a common rule of thumb. This run is short, and its rate is bold.",
    0.0: "Its weights do move: see the vital signs.",
})  # fmt: skip


# --- Third ward: what do the scores compete for? ---

check.prediction("the floor under H", right=1.46, tolerance=0.02, hints={
    0.0: "That is so without the second softmax; it squeezes the scores together.",
    2.3: "That is the loss of a guess; to be sure and right costs less.",
    1.0: "The 1 is the score of the right class; nine classes with score 0 still count.",
})  # fmt: skip

_AS_IN_ITS_BATCH = "So it should be: it is the same image. But its scores depend on its neighbours."

check.prediction("one at a time", right=10, tolerance=2, hints={
    **dict.fromkeys((80, 84, 88, 92), _AS_IN_ITS_BATCH),
    70: "That is about what batches of 8 give. Alone there is nobody to compete with.",
    100: "With nobody to compete with, every class wins: which of them will it say?",
    0: "Not that bad: it always says the same class, and a tenth of the images belong to it.",
})  # fmt: skip

check.prediction("images that it reaches", right=128, hints={
    1: "So it is over dim=1. Over dim=0, each score is measured against those of all images.",
    127: "The first image itself counts, too.",
    10: "That is the number of classes. Over dim=0 it is the images that compete.",
    0: "The outputs do depend on the pixels, so some gradient arrives.",
})  # fmt: skip


def _some_scores(n):
    generator = torch.Generator().manual_seed(n)
    return (torch.randn(n, 10, generator=generator, dtype=torch.float64),)


@check.exercise(
    "a head the right way round",
    without=("log_softmax", "softmax", "cross_entropy"),
    inputs=[_some_scores(n) for n in (3, 8, 128)],
)
def head(scores):
    return F.log_softmax(scores, dim=1)


@head.hint("Over dim=0 the images compete: that is what patient I suffers from.")
def over_the_images(scores):
    return scores - scores.logsumexp(dim=0)


@head.hint("One logarithm for the whole batch: each image needs its own (dim=1).")
def one_for_the_batch(scores):
    return scores - scores.logsumexp(dim=(0, 1))


@head.hint("Those are probabilities; take their logarithm.")
def without_the_logarithm(scores):
    return scores.softmax(dim=1)


@head.hint("Those are the raw scores: patient J's fault.")
def raw_scores(scores):
    return scores


@head.hint("Look at the sign: subtract the logarithm from the score.")
def other_sign(scores):
    return -head(scores)


@head.hint("The shapes do not fit: keepdim=True keeps a column.")
def without_keepdim(scores):
    return scores - scores.logsumexp(dim=1)


# --- Fourth ward: what if the curves say nothing? ---

check.prediction("32 images by heart", right="yes", hints={
    "no": "A network can learn any labels by heart, even wrong ones, if they are few.",
})  # fmt: skip

check.prediction("a sum with its graphs", right=1202, tolerance=300, hints={
    10: "backward() frees what the functions saved, not the functions: they stay in the graph.",
})  # fmt: skip


# --- Bookkeeping ---


def _some_books(seed):
    generator = torch.Generator().manual_seed(seed)
    epoch = 2 + seed
    samples = ([128] * (epoch - 1) + [40]) * 3
    right = [int(torch.randint(1, n, (), generator=generator)) for n in samples]
    return right, samples, epoch


def _by_epoch(numbers, epoch):
    return torch.tensor(numbers, dtype=torch.float64).reshape(-1, epoch)


@check.exercise("honest books", inputs=[_some_books(seed) for seed in (1, 2, 5)])
def books(correct, samples, epoch):
    fractions = _by_epoch(correct, epoch).sum(dim=1) / _by_epoch(samples, epoch).sum(dim=1)
    return fractions.tolist()


@books.hint("Set the counters back at the start of each epoch.")
def never_set_back(correct, samples, epoch):
    right, seen = (_by_epoch(n, epoch).sum(dim=1).cumsum(0) for n in (correct, samples))
    return right / seen


@books.hint("Divide, do not multiply.")
def multiplied(correct, samples, epoch):
    return _by_epoch(correct, epoch).sum(dim=1) * _by_epoch(samples, epoch).sum(dim=1)


@books.hint("A fraction, not per cent.")
def per_cent(correct, samples, epoch):
    return [100 * fraction for fraction in books(correct, samples, epoch)]


@books.hint("The last batch is smaller: add up first, then divide.")
def mean_of_the_batches(correct, samples, epoch):
    return (_by_epoch(correct, epoch) / _by_epoch(samples, epoch)).mean(dim=1)


@books.hint("One number for each epoch, please.")
def one_for_all_epochs(correct, samples, epoch):
    return sum(correct) / sum(samples)


# --- A check before take-off ---

check.prediction("fifteen by heart", right=7, tolerance=1, hints={
    15: "Some never move a weight, and some explode; they learn nothing by heart.",
    1: "K is not alone. Think of those whose curves looked healthy.",
    4: "Others pass, too, whose fault is not in the data: think of I and of L.",
})  # fmt: skip

check.prediction("a check before take-off", right=15, hints={
    0: "They raise no error, but each leaves a trace.",
    7: "First loss, gradients and weights find some; the others need tests of their own.",
    14: "Almost: which one do you think escapes? Look for its row in the table.",
})  # fmt: skip

# As the notebook numbers them.
_SOUND, _BATCH, _SCORES, _LOSS, _INPUTS = range(5)

_SUSPECTS = [
    "loss summed",
    "inputs not scaled",
    HEALTHY,
    "log_softmax over dim=0",
    "softmax before cross-entropy",
    "nll_loss on raw scores",
]


def _first_batch(garments, fault, seed):
    case = admit(fault, garments, seed=seed, images=128)
    return (case.network, *next(iter(case.batches)), case.loss_function)


@check.exercise(
    "your own check",
    inputs=lambda garments: [
        functools.partial(_first_batch, garments, fault, seed)
        for seed in (0, 1)
        for fault in _SUSPECTS
    ],
)
def suspect(network, images, labels, loss_function):
    # It looks at how the case was made; the reader may look only at numbers.
    if images.max() > 1:
        return _INPUTS
    if not isinstance(network[-1], nn.LogSoftmax):
        return _SCORES
    if network[-1].dim == 0:
        return _BATCH
    return _LOSS if loss_function.reduction == "sum" else _SOUND


@suspect.hint("The first loss alone accuses only the inputs: ask the outputs and the loss as well.")
@torch.no_grad()
def the_first_loss_alone(network, images, labels, loss_function):
    return _INPUTS if loss_function(network(images), labels) > 2 * math.log(10) else _SOUND


@suspect.hint("Images that compete are taken for wrong scores: first show one image alone.")
@torch.no_grad()
def no_image_alone(network, images, labels, loss_function):
    outputs = network(images)
    if ((outputs.exp().sum(dim=1) - 1).abs() > 1e-2).any():
        return _SCORES
    twice = loss_function(outputs.repeat(2, 1), labels.repeat(2))
    if twice > 1.5 * loss_function(outputs, labels):
        return _LOSS
    return the_first_loss_alone(network, images, labels, loss_function)


@suspect.hint(
    "A sum starts far above ln 10, too: ask whether the loss is one before you blame the inputs."
)
@torch.no_grad()
def inputs_before_the_sum(network, images, labels, loss_function):
    if not torch.allclose(network(images[:1])[0], network(images)[0], atol=1e-2):
        return _BATCH
    number = no_image_alone(network, images, labels, loss_function)
    return _INPUTS if number == _LOSS else number


@suspect.hint("That accuses all of BATCH. Numbers are rounded: compare with a tolerance, not ==.")
def batch_each_time(network, images, labels, loss_function):
    return _BATCH


@suspect.hint("SCORES each time: add up over dim=1, and allow for the last digits, which differ.")
def sums_to_the_last_digit(network, images, labels, loss_function):
    return _BATCH if suspect(network, images, labels, loss_function) == _BATCH else _SCORES


@suspect.hint("A network is not sound just because nothing was asked.")
def nothing_asked(network, images, labels, loss_function):
    return _SOUND
