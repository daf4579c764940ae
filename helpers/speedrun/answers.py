"""What notebook 07 asks, what is right, and what to say to those who write something else.

To mend a sentence, look for it here: each stands above, or beside, the mistake that it is for.
"""

import functools
import math
import statistics
from dataclasses import FrozenInstanceError

import torch
from torch.utils.flop_counter import FlopCounterMode

from helpers.common.questions import Questions
from helpers.common.sentences import say
from helpers.speedrun import race
from helpers.speedrun.recipes import Recipe

check = Questions()


# --- How sure is a mean? ---

check.prediction("seeds for a mean", right=25, hints={
    5: "Five times as sure takes more than five times the seeds: the root of n divides.",
    2: "Square, where you took the root: the root of n must be 0.1 over 0.02.",
    10: "With ten the standard error is 0.1 over the root of ten, about 0.03.",
    100: "With a hundred it is 0.01, half of what is asked for.",
    2500: "That many would bring it down to 0.002.",
})  # fmt: skip


@check.exercise(
    "the error of a mean",
    inputs=[([92.4, 92.6, 92.5],), ([90.0, 91.0],), ([93.1, 93.3, 93.2, 93.6, 93.0],)],
)
def error_of_a_mean(accuracies):
    return statistics.stdev(accuracies) / math.sqrt(len(accuracies))


@error_of_a_mean.hint("That is the spread of one seed; a mean of n is surer, by the root of n.")
def never_divided(accuracies):
    return statistics.stdev(accuracies)


@error_of_a_mean.hint("Divide by the root of n, not by n itself.")
def by_n(accuracies):
    return statistics.stdev(accuracies) / len(accuracies)


@error_of_a_mean.hint("Divide the squares by n - 1: the mean is taken from the same runs.")
def not_one_less(accuracies):
    return statistics.pstdev(accuracies) / math.sqrt(len(accuracies))


@error_of_a_mean.hint("That starts from the variance; take its root before you divide.")
def from_the_variance(accuracies):
    return statistics.variance(accuracies) / math.sqrt(len(accuracies))


@error_of_a_mean.hint("That is the square of the standard error: take its root.")
def squared(accuracies):
    return error_of_a_mean(accuracies) ** 2


@error_of_a_mean.hint("The n - 1 belongs to the variance; for the mean, divide by the root of n.")
def one_less_twice(accuracies):
    return statistics.stdev(accuracies) / math.sqrt(len(accuracies) - 1)


# --- What does a quick run do? ---

# One step more or fewer is a matter of the last, smaller batch.
check.prediction("steps of a quick run", right=468, tolerance=2, hints={
    195: "That is one epoch.",
    390: "That is two epochs; four tenths of a third come on top.",
    585: "That is three whole epochs; the third is left off after four tenths.",
    120_000: "That counts images; each step takes 256 of them.",
    562: "That is for 60,000 images; 10,000 of them are held out here.",
})  # fmt: skip


# --- What buys accuracy? ---

check.prediction("no square root", right="worse", hints={
    "the same": "Standardising shifts and stretches each feature, but only the root bends it.",
    "better": "Without the root, the few strong edges drown the many faint ones.",
})  # fmt: skip

check.prediction("a rate that stays", right=2, hints={
    0.2: "More: with large steps to the very end, the weights go on jumping about the bottom.",
    20: "Less: most of what can be learnt is learnt with large steps.",
})  # fmt: skip


@check.exercise(
    "the rate's schedule",
    inputs=[
        (0.05, 0.006, 0.15),
        (0.15, 0.006, 0.15),
        (0.5, 0.006, 0.15),
        (1.0, 0.02, 0.25),
        (0.75, 0.02, 0.25),
        (0.1, 0.02, 0.25),
    ],
)
def rate_at(done, highest, warm_up):
    # Two straight lines, as the notebook draws them: the lower one counts.
    up, down = highest * done / warm_up, highest * (1 - done) / (1 - warm_up)
    return up if up < down else down


@rate_at.hint("That stays at the top; let it fall to zero at the end.")
def never_falls(done, highest, warm_up):
    return highest * min(done / warm_up, 1)


@rate_at.hint("That has no warm-up: rise from zero first.")
def never_rises(done, highest, warm_up):
    return highest * min((1 - done) / (1 - warm_up), 1)


@rate_at.hint("That jumps down after the warm-up: divide by 1 - warm_up, so that it is 1 there.")
def jumps_down(done, highest, warm_up):
    return highest * (done / warm_up if done <= warm_up else 1 - done)


@rate_at.hint("That goes on rising, and takes the larger of the two lines: take the smaller.")
def the_larger_line(done, highest, warm_up):
    return highest * max(done / warm_up, (1 - done) / (1 - warm_up))


@rate_at.hint("That is a fraction of the highest rate: multiply by highest.")
def without_the_highest(done, highest, warm_up):
    return rate_at(done, 1.0, warm_up)


@rate_at.hint("That falls below zero: the fall begins at warm_up and ends at 1.")
def falls_too_far(done, highest, warm_up):
    return highest * (done / warm_up if done <= warm_up else 1 - done / warm_up)


@rate_at.hint("That falls in proportion to done - warm_up and so rises: take 1 - done.")
def rises_again(done, highest, warm_up):
    return highest * (done / warm_up if done <= warm_up else (done - warm_up) / (1 - warm_up))


check.prediction("batches of 1,024", right="worse", hints={
    "the same": "As many images are seen, but in a quarter of the steps, of the same length.",
    "better": "Each gradient is less noisy, but there are only a quarter as many steps.",
})  # fmt: skip

check.prediction("in the mirror", right="worse", hints={
    "the same": "Half of each batch faces the other way, and no test asks for such garments.",
    "better": "As a rule more data helps, but boots here face one way, and there is little time.",
})  # fmt: skip


# --- What buys time? ---

check.prediction("one and a little", right=1.0, hints={
    1.001953125: "That is the sum itself. It needs ten binary digits, and there are eight.",
    1.0078125: "That is the next number above 1; the sum is nearer to 1.",
    1.00390625: "That is 1 + 2⁻⁸, and lies between two numbers of the type as well.",
    0: "It is the small part that is lost, not the 1.",
})  # fmt: skip

check.prediction("the last layer at once", right="no", hints={
    "yes": "The last layer was trained together with the units below it: little is left to gain.",
})  # fmt: skip

check.prediction("a vote or longer", right="longer", hints={
    "the vote": "In so short a run all three have the same things still to learn.",
    "neither": "The difference is larger than its error: look at the picture.",
})  # fmt: skip


# --- How far does it go? ---

check.prediction("eight GPUs", right=1.0, tolerance=0.1, hints={
    8: "That would be so if products were what takes the time.",
    4: "Products take a small part of the time; ask which of the three is the largest.",
    2: "Even that is too much: what takes longest is the same on each of the eight.",
    0.125: "That would be eight times as slow.",
})  # fmt: skip


@check.exercise(
    "products of a step",
    inputs=[(256, 844, 512, 10), (128, 784, 128, 10), (2, 3, 5, 7), (1, 4, 2, 3)],
)
def products(batch, features, hidden, classes):
    # Counted by PyTorch, on tensors without memory.
    x = torch.empty(batch, features, device="meta")
    with torch.device("meta"), FlopCounterMode(display=False) as counted:
        layers = torch.nn.Linear(features, hidden), torch.nn.Linear(hidden, classes)
        layers[1](layers[0](x)).sum().backward()
    return counted.get_total_flops()


@products.hint("That is the forward pass alone.")
def forward_alone(batch, features, hidden, classes):
    return 2 * batch * hidden * (features + classes)


@products.hint("That is the backward pass alone: the forward pass comes first.")
def backward_alone(batch, features, hidden, classes):
    return products(batch, features, hidden, classes) - forward_alone(
        batch, features, hidden, classes
    )


@products.hint("Nobody asks for the gradient of the images: the first layer has two products only.")
def for_the_images_too(batch, features, hidden, classes):
    return 3 * forward_alone(batch, features, hidden, classes)


@products.hint("A multiplication and an addition are two operations: twice as many.")
def once_for_two(batch, features, hidden, classes):
    return products(batch, features, hidden, classes) // 2


@products.hint("That is for one image: a step has a whole batch.")
def for_one_image(batch, features, hidden, classes):
    return products(1, features, hidden, classes)


@products.hint("The second layer has three products: the gradient of the hidden units is one.")
def two_for_each(batch, features, hidden, classes):
    return 2 * forward_alone(batch, features, hidden, classes)


# --- Beat the reference ---


def _entries(garments):
    """Make two races, over two seeds and over one, on the notebook's garments."""
    race_over = race.races(garments)
    return [
        functools.partial(lambda seeds: (race.REFERENCE, race_over(seeds)), seeds)
        for seeds in ((0, 1), (2,))
    ]


def _was_no_race(reference, over):
    """Object to a number that no race gave."""
    return "" if over.run else say("Right as a number, but no race was run: return race(recipe).")


@check.exercise("beat the reference", inputs=_entries, afterwards=_was_no_race, seconds=20)
def entry(reference, over):
    return len(over.seeds)


@entry.hint("No better by four points on any seed: change what part 2 found worth most.")
def the_reference_itself(reference, over):
    return 0


@entry.hint("That is the recipe: return race(recipe), what the race says of it.")
def a_recipe(reference, over):
    return lambda found: isinstance(found, Recipe)


@entry.hint("A recipe cannot be changed: make another, replace(reference, edges=True) for one.")
def set_in_place(reference, over):
    raise FrozenInstanceError("cannot assign to field 'edges'")
