"""What notebook 06 asks, what is right, and what to say to those who write something else.

To mend a sentence, look for it here: each stands above, or beside, the mistake that it is for.
"""

import functools
import weakref

import torch

from helpers.common.questions import Questions
from helpers.common.sentences import say

check = Questions()


# --- What do processes say to each other? ---

check.prediction("an all-reduce", right=3, hints={
    2: "That is what it brought. The all-reduce writes the sum in its place.",
    1.5: "That is the mean. An all-reduce adds; whoever wants the mean divides.",
    1: "That is what rank 0 brought. Nobody takes over another's numbers: they are added.",
})  # fmt: skip

check.prediction("bytes on the wire", right=101_632 * 8, hints={
    101_632: "That counts numbers; each of them takes 8 bytes.",
    406_528: "That would be single precision, 4 bytes a number.",
    64 * 784 * 8: "That is the images. They stay where they are; only gradients travel.",
    128 * 784 * 8: "That is the images. They stay where they are; only gradients travel.",
    128 * 101_632 * 8: "Each process adds its images' gradients up first, and sends one tensor.",
})  # fmt: skip


# --- Is the mean of the parts the gradient of the whole? ---

check.prediction("mean of the parts", right="the same", hints={
    "half": "The loss of each part is a mean over 64 images, so each gradient has full length.",
    "noisier": "Each part alone is noisier. Their mean has seen all 128 images.",
})  # fmt: skip


# --- Is it the same for every network? ---

check.prediction("batch norm in parts", right="different", hints={
    "the same": "Each half is standardised by its own mean and spread: it never sees the other 64.",
})  # fmt: skip


# --- What if the parts are unequal? ---

check.prediction("a small part", right=5, tolerance=0.01, hints={
    1: "That is how it should be. But half the weight is shared by 80 images, half by 16.",
    2: "Each part gets half the weight. Now share it among its images.",
    0.2: "The other way round: the fewer images share the half, the more each of them counts.",
    6: "Compare one of the 16 with one of the 80, not with one of all 96.",
})  # fmt: skip


def _parts(sizes):
    """Make gradients of parts of so many images each, and say how many."""
    X = torch.randn(sum(sizes), 3, generator=torch.Generator().manual_seed(len(sizes)))
    return [part.double().mean(dim=0) for part in X.split(sizes)], sizes


@check.exercise(
    "the gradient of the whole",
    inputs=[_parts(sizes) for sizes in ([80, 16], [5, 1, 2], [7, 30, 11, 3])],
)
def whole(gradients, sizes):
    # A row for each image: that of its part.
    rows = [gradient.expand(size, -1) for gradient, size in zip(gradients, sizes, strict=True)]
    return torch.cat(rows).mean(dim=0)


@whole.hint("That is the plain mean: a small part counts as much as a large one.")
def plain_mean(gradients, sizes):
    return torch.stack(gradients).mean(dim=0)


@whole.hint("That is the sum over all images; the loss is a mean over them.")
def sum_over_images(gradients, sizes):
    return whole(gradients, sizes) * sum(sizes)


@whole.hint("Divide by the number of images, not by the number of parts.")
def divided_by_parts(gradients, sizes):
    return sum_over_images(gradients, sizes) / len(sizes)


@whole.hint("The gradients are means already: multiply by the sizes, do not divide.")
def sizes_divide(gradients, sizes):
    parts = zip(gradients, sizes, strict=True)
    return sum(gradient / size for gradient, size in parts) / sum(sizes)


@whole.hint("That divides twice; once is enough, by the number of images.")
def divided_twice(gradients, sizes):
    return whole(gradients, sizes) / len(sizes)


@whole.hint("Multiply each gradient by its size before you divide by all images.")
def never_multiplied(gradients, sizes):
    return added_up(gradients, sizes) / sum(sizes)


@whole.hint("That is the first part alone: is the return inside the loop?")
def first_part_alone(gradients, sizes):
    return gradients[0] * sizes[0] / sum(sizes)


@whole.hint("That adds the gradients up as they are.")
def added_up(gradients, sizes):
    return torch.stack(gradients).sum(dim=0)


check.prediction("the sampler's second walk", right="the same", hints={
    "different": "Only if somebody tells it which epoch it is: its seed is the same on each walk.",
})  # fmt: skip


# --- The batch grows: what about the learning rate? ---

check.prediction("steps with four", right=98, hints={
    391: "Each step now uses up four times as many images.",
    1564: "Four processes make one step *together*, on four times as many images.",
    97: "Almost: the images that are left over make one more step.",
    97.75: "Almost: a number of steps is whole; what is left over makes one more.",
})  # fmt: skip


@check.exercise(
    "a rate with a warm-up",
    inputs=[
        (0, 0.1, 8, 10),
        (3, 0.1, 8, 10),
        (10, 0.1, 8, 10),
        (500, 0.02, 4, 100),
        (5, 0.3, 2, 20),
    ],
)
def rate(step, base, processes, warm_up):
    top = base * processes
    way_up = torch.linspace(base, top, warm_up + 1, dtype=torch.float64)
    return float(way_up[step]) if step < warm_up else top


@rate.hint("That starts from zero; start from the base rate.")
def from_zero(step, base, processes, warm_up):
    return base * processes * min(step / warm_up, 1)


@rate.hint("That goes on rising after the warm-up.")
def rises_for_ever(step, base, processes, warm_up):
    return base * (1 + (processes - 1) * step / warm_up)


@rate.hint("That jumps at once.")
def at_once(step, base, processes, warm_up):
    return base * processes


@rate.hint("That waits, and then jumps; rise evenly.")
def waits_and_jumps(step, base, processes, warm_up):
    return base if step < warm_up else base * processes


@rate.hint("That is one step too early: at step 0 it is the base rate.")
def a_step_early(step, base, processes, warm_up):
    return base * (1 + (processes - 1) * min((step + 1) / warm_up, 1))


@rate.hint("That ends at base × (processes + 1).")
def one_process_too_many(step, base, processes, warm_up):
    return base * (1 + processes * min(step / warm_up, 1))


@rate.hint(
    "That rises too steeply: one base rate is there at the start, so processes - 1 are to come."
)
def too_steep(step, base, processes, warm_up):
    return base * (1 + processes * step / warm_up) if step < warm_up else base * processes


@rate.hint("That multiplies by the same factor in each step; evenly means adding the same amount.")
def multiplies_evenly(step, base, processes, warm_up):
    return base * processes ** min(step / warm_up, 1)


@rate.hint("That reaches the top a step before warm_up: divide by warm_up itself.")
def a_step_short(step, base, processes, warm_up):
    return base * (1 + (processes - 1) * min(step / (warm_up - 1), 1))


@rate.hint("That falls back to the base rate after the warm-up; stay at the top.")
def falls_back(step, base, processes, warm_up):
    return rises_for_ever(step, base, processes, warm_up) if step < warm_up else base


@rate.hint("That stays at the base rate for a while; rise from step 0 on.")
def rises_late(step, base, processes, warm_up):
    return max(base, from_zero(step, base, processes, warm_up))


# --- How much faster is it? ---

check.prediction("Amdahl's ceiling", right=5, tolerance=0.01, hints={
    1.25: "That is what you gain if the fifth goes away; here it is what stays.",
    4: "With 4 it is less, with 1000 it is more. What is left in the end is the fifth.",
    80: "The time that stays is a fifth. By what factor is that less than the whole?",
})  # fmt: skip


@check.exercise(
    "the fraction that stays",
    inputs=[(10.0, 6.0, 2), (10.0, 4.0, 4), (8.0, 3.0, 16), (1.5, 1.2, 3)],
)
def stays(alone, shared, processes):
    low, high = -10.0, 10.0
    for _ in range(100):  # Halve the range in which Amdahl's law meets the time.
        middle = (low + high) / 2
        takes = alone * (middle + (1 - middle) / processes)
        low, high = (middle, high) if takes < shared else (low, middle)
    return middle


@stays.hint("That is the fraction of the time that is left; a part of it is shared work.")
def time_left(alone, shared, processes):
    return shared / alone


@stays.hint("That is the fraction of the time that is saved; ask which s saves it.")
def time_saved(alone, shared, processes):
    return 1 - shared / alone


@stays.hint("That is the speed-up; ask which s gives it.")
def the_speed_up(alone, shared, processes):
    return alone / shared


@stays.hint("That is the fraction that can be shared; the other one is asked for.")
def what_can_be_shared(alone, shared, processes):
    return 1 - stays(alone, shared, processes)


@stays.hint("That is the efficiency, the speed-up for each process.")
def efficiency(alone, shared, processes):
    return alone / shared / processes


@stays.hint("Almost: with s = 1 nothing is gained. Divide by 1 - 1/N.")
def not_divided(alone, shared, processes):
    return shared / alone - 1 / processes


@stays.hint("Start from shared / alone, not from its inverse, the speed-up.")
def from_the_speed_up(alone, shared, processes):
    return (alone / shared - 1 / processes) / (1 - 1 / processes)


@stays.hint("Python divides before it subtracts: put brackets round the difference.")
def no_brackets(alone, shared, processes):
    return shared / alone - 1 / processes / (1 - 1 / processes)


@stays.hint("Subtract 1/N from the time left, not 1: this comes out negative.")
def minus_one(alone, shared, processes):
    return -what_can_be_shared(alone, shared, processes)


@stays.hint("That is in milliseconds; divide by the time of the whole step.")
def in_milliseconds(alone, shared, processes):
    return alone * stays(alone, shared, processes)


check.prediction("messages of a step", right=1, hints={
    4: "That is without no_sync: each backward pass sends.",
    3: "Those are the ones that wait: the first three run inside no_sync.",
    2: "What the first three have added up is not sent by itself; it goes with the last.",
    0: "Then the processes would never agree. The last of the four sends the sum.",
})  # fmt: skip


# --- What is left when a worker dies? ---

check.prediction("steps made twice", right=3, hints={
    0: "Nothing is kept between two checkpoints: the run goes on from the last one, after step 20.",
    4: "Step 24 was never made: rank 1 died before it.",
    20: "Those are kept: the checkpoint after step 20 holds what they did.",
    23: "Without a checkpoint, yes. The one after step 20 holds what the first twenty did.",
})  # fmt: skip

check.prediction("weights alone", right="different", hints={
    "the same": "The momentum remembers past steps; without it the next step is different.",
})  # fmt: skip


# --- An all-reduce of your own ---


# By the wire of a ring, the shapes that were sent over it.
_sent: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()


def _rings(pass_on):
    """Make what the processes of three rings hold; `pass_on` is the notebook's own."""

    def ring_of(processes, n):
        def wire(sent):
            shapes.append(tuple(sent.shape))
            return pass_on(sent)

        shapes = _sent[wire] = []
        generator = torch.Generator().manual_seed(processes)
        held = torch.randn(processes, processes, n, generator=generator, dtype=torch.float64)
        return held, wire

    return [functools.partial(ring_of, *sizes) for sizes in ((3, 2), (2, 5), (5, 1))]


def _is_no_ring(parts, pass_on):
    """Object to sums that did not come round over the wire, a chunk of each process at a time."""
    processes, _, n = parts.shape
    if _sent[pass_on] == [(processes, n)] * 2 * (processes - 1):
        return ""
    return say(
        "The sums are right. Now get them by 2(N − 1) calls of pass_on; in each, every process "
        "sends one chunk."
    )


@check.exercise("an all-reduce of your own", inputs=_rings, afterwards=_is_no_ring)
def ring(parts, pass_on):
    return parts.sum(dim=0).expand(len(parts), -1, -1)


def _around(parts, rounds, adding, moves=True):
    """Go round the ring: what arrives is added in the first rounds, and replaces in the others."""
    here = torch.arange(len(parts))
    for turn in range(rounds):
        sent = (here - turn * moves) % len(parts)
        arrived = (here - 1 - turn * moves) % len(parts)
        received = parts[here, sent].roll(1, dims=0)
        parts[here, arrived] = received + parts[here, arrived] * (turn < adding)
    return parts


@ring.hint("That is the mean; an all-reduce adds.")
def mean_for_sum(parts, pass_on):
    return parts.mean(dim=0).expand(len(parts), -1, -1)


@ring.hint("That is the first half: each process holds one finished chunk. Now pass those on.")
def first_half(parts, pass_on):
    return _around(parts, rounds=len(parts) - 1, adding=len(parts))


@ring.hint("In the second half, what arrives replaces; do not add it.")
def adds_to_the_end(parts, pass_on):
    return _around(parts, rounds=2 * len(parts) - 2, adding=2 * len(parts))


@ring.hint("One round too few at the end: some process still holds an unfinished chunk.")
def a_round_too_few(parts, pass_on):
    return _around(parts, rounds=2 * len(parts) - 3, adding=len(parts) - 1)


@ring.hint("Pass on the chunk that you have just added to, not the same one each time.")
def the_same_chunk_each_time(parts, pass_on):
    return _around(parts, rounds=2 * len(parts) - 2, adding=len(parts) - 1, moves=False)


@ring.hint(
    "What arrives at process r has the number that its left neighbour sent, r - 1 in round one."
)
def into_the_chunk_just_sent(parts, pass_on):
    here = torch.arange(len(parts))
    for turn in range(2 * len(parts) - 2):
        chunk = (here - turn) % len(parts)
        received = parts[here, chunk].roll(1, dims=0)
        parts[here, chunk] = received + parts[here, chunk] * (turn < len(parts) - 1)
    return parts


@ring.hint("One round of adding too many: after N - 1 rounds the first chunks are complete.")
def adds_once_more(parts, pass_on):
    return _around(parts, rounds=2 * len(parts) - 2, adding=len(parts))


# The second half, begun again with chunk r, ends with the same numbers.
@ring.hint(
    "Nothing is summed in the end: add what arrives in the first N - 1 rounds, and begin the "
    "second half with the finished chunk, number r + 1 of process r."
)
def never_adds(parts, pass_on):
    return _around(parts, rounds=2 * len(parts) - 2, adding=0)


@ring.hint("Nothing has changed: put what arrives into parts.")
def unchanged(parts, pass_on):
    return parts
