"""What notebook 04 asks, what is right, and what to say to those who write something else.

To mend a sentence, look for it here: each stands above, or beside, the mistake that it is for.
"""

import torch
from torch.nn import functional as F

from helpers.common.questions import Questions

check = Questions()


def _log_probabilities(n):
    """Return log-probabilities, shape (n, 10), float64, and n labels."""
    generator = torch.Generator().manual_seed(n)
    scores = torch.randn(n, 10, generator=generator, dtype=torch.float64)
    return scores.log_softmax(dim=1), torch.randint(10, (n,), generator=generator)


# --- Hyper-parameters and data ---

check.prediction("number of updates", right=1955, hints={
    5: "5 is the number of epochs; in each of them every batch changes the weights once.",
    391: "That is one epoch; there are five.",
    1950: "Almost: the last, smaller batch of each epoch counts as well.",
    1953: "Almost: each epoch ends with a smaller batch, so round up once an epoch.",
    250_000: "That counts images; one update looks at a whole batch of them.",
    2345: "That is for 60,000 images; we keep 10,000 of them back.",
})  # fmt: skip


@check.exercise(
    "batches in an epoch",
    inputs=[(50_000, 128), (10_000, 128), (256, 128), (1, 128), (60_000, 60_000)],
)
def batches(images, batch_size):
    return len(torch.arange(images).split(batch_size))


@batches.hint("That leaves out the last, smaller batch.")
def rounded_down(images, batch_size):
    return images // batch_size


@batches.hint("That is one too many where the images fill the last batch.")
def one_too_many(images, batch_size):
    return images // batch_size + 1


@batches.hint("A number of batches is whole: round up.")
def not_rounded(images, batch_size):
    return images / batch_size


@batches.hint("Round up, not to the nearest.")
def to_the_nearest(images, batch_size):
    return round(images / batch_size)


# --- Network and loss ---

check.prediction("number of weights", right=101_632, hints={
    100_352: "That is the first layer; the second has weights too.",
    101_770: "That counts biases; this network has none (bias=False).",
    922: "That counts the units; a weight sits on each line between two of them.",
    138: "That counts units; a weight sits on each line between two of them.",
})  # fmt: skip

# The loss of one batch: ln 10 has to be right wherever the random weights put it.
check.prediction("loss at the start", right=2.3, tolerance=0.08, hints={
    0.1: "0.1 is the probability; the loss is minus its logarithm.",
    0.9: "0.9 is the chance of being wrong; the loss takes the chance of being right.",
    1.0: "That takes the logarithm to base 10; PyTorch takes the natural one.",
    0.0: "Zero would be a network that is always sure and right.",
})  # fmt: skip


@check.exercise("the loss by hand", without=("cross_entropy", "nll_loss"), inputs=[
    _log_probabilities(n) for n in (2, 7, 128)
])  # fmt: skip
def loss(log_probabilities, labels):
    return F.nll_loss(log_probabilities, labels)


@loss.hint("The sign: a log-probability is negative, a loss is not.")
def without_minus(log_probabilities, labels):
    return -loss(log_probabilities, labels)


@loss.hint("That is the sum; the loss is the mean.")
def sum_for_mean(log_probabilities, labels):
    return F.nll_loss(log_probabilities, labels, reduction="sum")


@loss.hint("Take the right class's entry, not the largest.")
def largest_entry(log_probabilities, labels):
    return -log_probabilities.max(dim=1).values.mean()


@loss.hint("Take one entry of each row, not all ten.")
def all_entries(log_probabilities, labels):
    return -log_probabilities.mean()


@loss.hint("That adds up all ten entries of a row; only the right class's counts.")
def all_ten_summed(log_probabilities, labels):
    return -log_probabilities.sum(dim=1).mean()


@loss.hint("That divides by all ten entries of a row; only one of them counts.")
def divided_by_the_classes(log_probabilities, labels):
    return loss(log_probabilities, labels) / log_probabilities.shape[1]


@loss.hint("Indexing with [:, labels] takes whole columns: pair each row with its own label.")
def columns_of_every_row(log_probabilities, labels):
    return -log_probabilities[:, labels].mean()


@loss.hint("One number, please: take the mean.")
def one_for_each_image(log_probabilities, labels):
    return F.nll_loss(log_probabilities, labels, reduction="none")


@loss.hint("Indexing with [labels] takes whole rows: take one entry of each row.")
def rows_for_entries(log_probabilities, labels):
    return -log_probabilities[labels].mean()


@loss.hint("They are logarithms already.")
def logarithm_twice(log_probabilities, labels):
    return loss(log_probabilities.log(), labels)


@loss.hint("Take the log-probabilities as they are.")
def without_logarithm(log_probabilities, labels):
    return loss(log_probabilities.exp(), labels)


# --- The loop, and what the network has learnt ---

check.prediction("loss after a step", right="lower", hints={
    "higher": "A step against the gradient lowers the loss on its batch, unless it is too long.",
    "the same": "The weights have moved, so the loss has moved too.",
})  # fmt: skip


@check.exercise("accuracy", inputs=[_log_probabilities(n) for n in (10, 25, 128)])
def fraction_right(scores, labels):
    pairs = zip(scores.tolist(), labels.tolist(), strict=True)
    return sum(row.index(max(row)) == label for row, label in pairs) / len(labels)


@fraction_right.hint("That counts; divide by the number of images.")
def number_right(scores, labels):
    return round(fraction_right(scores, labels) * len(labels))


@fraction_right.hint("You multiply where you should divide.")
def multiplied(scores, labels):
    return number_right(scores, labels) * len(labels)


@fraction_right.hint(
    "That is 0 each time. Compare positions, argmax(dim=1) with its dim, and divide with /, not //."
)
def values_for_positions(scores, labels):
    return (scores.amax(dim=1) == labels).double().mean()


@fraction_right.hint("The notes' slip: divide where they multiply, and leave out the 100.")
def as_in_the_notes(scores, labels):
    return 100 * multiplied(scores, labels)


@fraction_right.hint("dim=0 finds the best image for a class; find the best class for an image.")
def best_image_for_a_class(scores, labels):
    return (scores.argmax(dim=0) == labels).double().mean()


@fraction_right.hint("True and False have no mean: make numbers of them first.")
def mean_of_truths(scores, labels):
    return (scores.argmax(dim=1) == labels).mean()


@fraction_right.hint("max(dim=1) gives values and positions: take its .indices, or argmax(dim=1).")
def both_of_max(scores, labels):
    return lambda found: found.message.startswith("'bool' object has no attribute")


@fraction_right.hint("Divide by the number of images, not by the number of scores.")
def divided_by_the_scores(scores, labels):
    return fraction_right(scores, labels) / scores.shape[1]


@fraction_right.hint("That is in per cent; give a fraction.")
def in_per_cent(scores, labels):
    return 100 * fraction_right(scores, labels)


@fraction_right.hint("That is the fraction of wrong answers.")
def fraction_wrong(scores, labels):
    return 1 - fraction_right(scores, labels)


check.prediction("hardest garments", right="tops", hints={
    "trousers": "Nothing else has two legs, so they are seldom taken for anything else.",
    "shoes": "Three shoes sound hard, but a boot, a sandal and a sneaker differ in outline.",
    "bags": "Bags come in many shapes, but in none that anything else has.",
    "dresses": "Close: some dresses pass for T-shirts. Another kind is harder.",
})  # fmt: skip

check.prediction("loss half way", right="higher", hints={
    "the same": "The ends agree, but half way each unit is the mean of two different ones.",
    "lower": "Half way each unit is the mean of two different ones, and does the work of neither.",
})  # fmt: skip


# --- What the validation part chooses ---

check.prediction("a linear baseline", right=0.8, tolerance=0.1, hints={
    0.3: "Far more: where a garment is bright already tells most of them apart.",
    0.6: "More: many classes differ in outline, and a weight for each pixel can see that.",
})  # fmt: skip

check.prediction("best learning rate", right=0.05, tolerance=0.001, hints={
    0.005: "Safe, but too slow for two epochs: the loss is still on its way down.",
    0.5: "Too bold: with momentum 0.8 such steps jump over the valley.",
})  # fmt: skip

check.prediction("how sure, how right", right="too sure", hints={
    "about right": "It was nearer some epochs ago; learning by heart made it surer, not better.",
    "too modest": "Doubt costs loss on images learnt by heart, so it has given up doubting.",
})  # fmt: skip

check.prediction("garments as negatives", right=0.1, tolerance=0.1, hints={
    0.8: "You see the outline; the network sees pixels, and every one of them has changed.",
    0.4: "Not even that: a bright background switches on what should stay off.",
})  # fmt: skip


# --- Time ---

check.prediction("cost of the usual loader", right=10, varies=True, hints={
    1: "The network computes little; turning images into tensors one by one is most of the work.",
    2: "More than that: each image costs a trip through Python, and there are 50,000 of them.",
})  # fmt: skip

check.prediction("edges in place of pixels", right="better", hints={
    "the same": "Every edge could be worked out from the pixels; having it worked out still helps.",
    "worse": "Something is thrown away, but little that tells garments apart.",
})  # fmt: skip


# --- A gradient without autograd ---


def _problem(n, features):
    """Return images X, labels, and weights W, float64."""
    _, labels = _log_probabilities(n)
    generator = torch.Generator().manual_seed(features)
    X = torch.randn(n, features, generator=generator, dtype=torch.float64)
    return X, labels, torch.randn(features, 10, generator=generator, dtype=torch.float64)


@check.exercise(
    "a gradient without autograd",
    without=("backward", "grad", "jacfwd", "make_dual"),
    inputs=[_problem(3, 4), _problem(20, 7), _problem(50, 30)],
)
def gradient(X, labels, W):
    W = W.clone().requires_grad_()
    F.cross_entropy(X @ W, labels).backward()
    return W.grad


@gradient.hint("That is the gradient of the sum; the loss is a mean.")
def of_the_sum(X, labels, W):
    return len(X) * gradient(X, labels, W)


@gradient.hint("The sign: subtract the truth from the probabilities, not the other way round.")
def truth_less_probabilities(X, labels, W):
    return -gradient(X, labels, W)


@gradient.hint("A gradient has the shape of its weights: transpose.")
def transposed(X, labels, W):
    return gradient(X, labels, W).T


@gradient.hint("That is the gradient with respect to the scores: one more step, the chain rule.")
def in_the_scores(X, labels, W):
    return ((X @ W).softmax(dim=1) - F.one_hot(labels, 10)) / len(X)


@gradient.hint("The shapes do not fit; you want (features, classes), so transpose X.")
def X_not_transposed(X, labels, W):
    return X @ (X @ W).softmax(dim=1)


@gradient.hint("Scores are not probabilities yet: softmax over dim=1 first.")
def without_softmax(X, labels, W):
    return X.T @ (X @ W - F.one_hot(labels, 10)) / len(X)


@gradient.hint("Subtract one at the right class.")
def without_the_truth(X, labels, W):
    return X.T @ (X @ W).softmax(dim=1) / len(X)


@gradient.hint("The classes of one image compete: softmax over dim=1.")
def softmax_over_images(X, labels, W):
    return X.T @ ((X @ W).softmax(dim=0) - F.one_hot(labels, 10)) / len(X)
