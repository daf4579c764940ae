"""Looks at what the first updates did, and at whether one small batch is learnt by heart."""

import itertools
import math
from collections.abc import Callable
from dataclasses import replace

import torch

from helpers.common import progress
from helpers.common.sentences import say
from helpers.debugging_clinic import faults, keeping, rehearsal, watching
from helpers.debugging_clinic.looks import Table, have_bounds, listed, of_the_right_class
from helpers.debugging_clinic.rehearsal import Setup, Updates
from helpers.debugging_clinic.steps import Batch, Step


def of_the_first_updates(
    setup: Setup,
    updates: Updates,
    seen: watching.Watch | None,
    climbs_in_the_step: Callable[[], bool],
) -> Table:
    """See whether the loss and each weight did what they should: the first that holds is named.

    What was `seen` to be reached in the step, which may call the network in its own way, is no
    fault, nor what moved there, though step() does nothing: some move weights in two others. Nor is
    a rate at which only updates by the book climb: a step may clip, or begin with a lower one.
    """
    reached, changed = (seen.reached, seen.changed) if seen else (set(), set())
    unreached = [name for name in updates.unreached if name not in reached]
    still = [name for name in updates.still if name not in setup.elsewhere | changed]
    if still:  # A schedule that warms up may begin so low that rounding takes all of it.
        warm = rehearsal.first_updates(setup, warm=True)
        still = [name for name in still if name in warm.still]
    first = updates.losses[0]
    # A loss that climbs at any rate has another reason.
    slower = (f for f in (1e-2, 1e-4, 1e-6) if not rehearsal.first_updates(setup, factor=f).climb)
    calm = next(slower, 0.0) if updates.climb and climbs_in_the_step() else 0.0
    rate = max(map(rehearsal.rate_of, setup.optimizer.param_groups))
    rates = {"rate": rate, "lower": rate * calm}
    climbs = say("it climbs at lr = {rate:g}, and at {lower:g} it does not", **rates)
    images, labels = setup.sample[0]
    scores = setup.scores(images)
    # Scores with bounds do not come from large weights, but from a scale that is wanted; nor would
    # smaller ones cost less where the loss itself gives all of them one length.
    same = setup.loss(0.1 * scores, labels) > 0.9 * setup.loss(scores, labels)
    # A guess costs more where the loss has a part that no score changes.
    guess = max(updates.guess, setup.loss(torch.zeros_like(scores), labels))
    high = first > 2 * guess and not same and not have_bounds(setup)
    return {
        faults.LOSS_NOT_FINITE: (not math.isfinite(first), say("it is {loss}", loss=first)),
        faults.LOSS_TOO_HIGH: (
            high,
            say("{first:.3g} in place of {guess:.3g}", first=first, guess=guess),
        ),
        faults.RATE_TOO_HIGH: (calm, climbs),
        faults.NO_GRADIENT: (unreached, listed(unreached)),
        faults.DO_NOT_MOVE: (still, listed(still)),
    }


def climbs_in(step: Step | None, sample: list[Batch], setup: Setup, updates: Updates) -> bool:
    """Whether the loss climbs while a step trains a copy, as long as by the book."""
    if step is None:
        return updates.climb
    network, optimizer = setup.copies()
    seen = watching.Watch(network, optimizer)
    losses: list[float] = []
    both = itertools.cycle(zip(sample, setup.sample, strict=True))
    some = itertools.islice(both, watching.MOST_STEPS_WATCHED)
    what = say("the check tries the step")
    try:
        for batch, (images, labels) in progress.walked(some, say("step"), what):
            scores = rehearsal.seen_of(rehearsal.twin_of(network), images.clone())
            losses.append(setup.loss(scores, labels))
            if not math.isfinite(losses[-1]) or max(seen.steps, len(seen.uphill)) >= 20:
                break
            with keeping.as_it_was(setup.loss_function):
                seen.take(step, batch, setup.loss_function)
    except Exception:  # noqa: BLE001 - it stops of itself, where its numbers are too large
        return True
    return replace(updates, losses=losses).climb


def of_a_small_batch(setup: Setup) -> Table:
    """Try whether one small batch is learnt by heart, with an optimiser that seldom fails at it."""
    images, labels = setup.sample[0]
    batch = [(images[:32], labels[:32])]
    # A loss may want whole batches, as an episode is, or ignore the labels that stand first.
    if math.isnan(setup.loss(setup.scores(batch[0][0]), batch[0][1])):
        batch = [(images, labels)]
    right = of_the_right_class(setup.scores(batch[0][0]), batch[0][1])
    # What the right scores cost, of either kind, is a part that no score changes.
    floor = min(setup.loss(sure, batch[0][1]) for sure in (50 * right, 100 * right - 50))
    # The second for a small network, which has farther to go, the others for what bends a lot, or
    # learns behind much dropout.
    for rate, count in ((1e-3, 60), (1e-2, 60), (1e-3, 200), (1e-2, 200)):
        losses: list[float] = []
        network = rehearsal.twin_of(setup.network)
        for loss in rehearsal.learn(setup, network, batch, rate, updates=count):
            losses.append(loss)
            start = floor if 0 < floor < losses[0] else 0.0
            # A NaN counts as not learnt.
            late = sum(losses[-5:]) / 5 - start
            if losses[0] <= 0.1 or len(losses) > 5 and late <= 0.9 * (losses[0] - start):
                return {}
    said = say(
        "in {count} updates the loss went from {first:.3g} to {last:.3g}",
        count=count,
        first=losses[0],
        last=losses[-1],
    )
    return {faults.NOT_BY_HEART: (True, said)}
