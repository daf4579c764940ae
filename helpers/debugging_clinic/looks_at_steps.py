"""Looks at a step: what it calls and when, what it hands to the loss, and what it leaves behind."""

import contextlib
import dataclasses
import functools
from collections.abc import Iterator

import torch

from helpers.common.sentences import say
from helpers.computation_graph import words
from helpers.debugging_clinic import (
    faults,
    keeping,
    looks,
    looks_at_inputs,
    looks_at_weights,
    modes,
    rehearsal,
    watching,
)
from helpers.debugging_clinic.looks import Table, listed
from helpers.debugging_clinic.rehearsal import Setup
from helpers.debugging_clinic.steps import Step


def of_the_mode(setup: Setup) -> Table:
    """Look for layers that are switched off, where there is no step that might do it."""
    return _of_modes(setup, modes.layers_off(setup.network), not setup.network.training)


@torch.no_grad()
def _of_modes(setup: Setup, off: list[str], in_eval: bool) -> Table:
    """Tell of layers, or of a network that does another thing in training, as F.dropout may."""
    images = setup.sample[0][0]
    network = rehearsal.twin_in("train", setup.network)
    for part in modes.frozen_in(network):
        part.eval()
    trained = functools.partial(rehearsal.seen_of, network, images)
    differs = in_eval and not off and looks.differ(setup.scores(images), trained())
    named = say("layer {names}", names=listed(off)) if off else say("network.training is False")
    return {faults.EVAL_MODE: (off or differs, named)}


def of_the_step(setup: Setup, step: Step, keeps: bool) -> tuple[Table, list[str], watching.Watch]:
    """Let a step train copies: return its faults, what cannot be seen, and what was."""
    seen = watching.Watch(*setup.copies(), setup.handed)
    holds = rehearsal.hold_a_graph(step, setup)
    learning = (weight for weight in setup.original.parameters() if weight.requires_grad)
    bare = [weight for weight in learning if weight.grad is None]
    try:
        # A step may set what the loss gives, as its reduction, and that is for the step alone.
        with keeping.as_it_was(setup.loss_function):
            watching.watch(seen, step, setup.loss_function, setup.sample)
    except Exception as error:
        # The weights of the one that it knows by a name have no gradient, say.
        of_the_handed = setup.names_it and seen.of_the_handed > 0
        if of_the_handed or looks_at_weights.stops_at_one_of(bare, error):
            return {faults.SOMETHING_ELSE: (True, words.first_sentence(error))}, [], seen
        # Where an earlier call's graph is not to be used up, it is the update that spoils it.
        spoilt = (keeps or holds) and "inplace operation" in str(error)
        again = spoilt or "a second time" in str(error)
        # Within one step, it is the step that goes back twice: its error says so.
        if not again or not (keeps or seen.taken or holds):
            raise
        if kept := seen.gradients_with_graphs():  # Of create_graph=True, which goes on from there.
            return {faults.NEVER_CLEARED: (True, kept)}, [], seen
        fault = faults.KEPT_WITH_NETWORK if keeps else faults.KEPT_GRAPH
        said = say("backward() comes to a graph that a step before used up")
        return {fault: (True, said)}, [], seen
    # A step that calls parts of the network calls those of the copy.
    ran = seen.forwards or seen.calls or seen.moved or seen.is_deaf
    if not ran and (not seen.arrivals or any(w.grad is not None for w in bare)):
        said = say("the network never ran in {count} steps", count=seen.taken)
        return {faults.SOMETHING_ELSE: (True, said)}, [], seen
    by_hooks = any(getattr(w, "_post_accumulate_grad_hooks", None) for w in setup.handed_in)
    table = _of_what_was_seen(setup, seen, keeps, by_hooks)
    return table, list(_unseen(setup, seen, by_hooks)), seen


def _unseen(setup: Setup, seen: watching.Watch, by_hooks: bool) -> Iterator[str]:
    if seen.is_deaf:
        yield say("what the step calls, while a profiler measures times")
    elif not seen.loss.asks:
        yield say("the step's own loss (it never calls loss_function)")
    if seen.loss.asks and not seen.loss.compared:
        yield say("whether the step hands the loss the labels of its images")
    if by_hooks:  # No copy has them.
        yield say("updates by hooks of the weights")
    elif seen.moved and not seen.steps and not setup.elsewhere:
        yield say("the optimizer, without which the step moves the weights")
    if seen.moved and _is_higher(setup, seen):
        yield say("whether the loss falls: after {count} steps it was higher", count=seen.taken)
    if seen.repeats:
        yield say("what each gradient is for in a step that goes back more than once")
    if seen.graphs.old() == 1:
        yield say("whether the one graph that the step keeps is followed by others")


def _is_higher(setup: Setup, seen: watching.Watch) -> bool:
    """Whether the loss of the first batch is higher after the steps; they may want another."""
    images, labels = setup.sample[0]
    with contextlib.suppress(Exception):  # A step may leave a network that runs in it alone.
        after = rehearsal.seen_of(rehearsal.twin_in("eval", seen.network), images.clone())
        return setup.loss(after, labels) > setup.loss(setup.scores(images), labels)
    return False


def as_in_the_step(setup: Setup, seen: watching.Watch | None) -> Setup:
    """Return the set-up with what a step itself does to images and scores, which is no fault."""
    return setup if seen is None else _with_its_scale(_with_log_softmax(setup, seen), seen)


def _with_its_scale(setup: Setup, seen: watching.Watch) -> Setup:
    images = torch.cat([images for images, _ in setup.sample])
    by = max(seen.loss.sizes, default=1.0)
    size = watching.size_of(images)
    if not by * size <= looks_at_inputs.LARGEST_SIZE < size:
        return setup
    return dataclasses.replace(setup, sample=[(by * part, labels) for part, labels in setup.sample])


def _with_log_softmax(setup: Setup, seen: watching.Watch) -> Setup:
    # Of a network that ends with the softmax itself, a step takes the logarithm alone.
    scores, loss = setup.scores(setup.sample[0][0]), setup.loss_function
    if not (seen.loss.asks and seen.loss.logarithms) or watching.are_logarithms(scores):
        return setup
    least = torch.finfo(scores.dtype).tiny if watching.are_probabilities(scores) else None

    def log(given: torch.Tensor) -> torch.Tensor:
        return given.log_softmax(dim=1) if least is None else given.clamp(min=least).log()

    return dataclasses.replace(setup, loss_function=lambda s, y: loss(log(s), y))


def _of_what_was_seen(setup: Setup, seen: watching.Watch, keeps: bool, by_hooks: bool) -> Table:
    # A step may move the weights by hand.
    never = seen.arrivals > 0 and not seen.steps and not seen.moved and not by_hooks
    by_hand = seen.moved and not seen.steps
    # A step may know the optimiser by another name and not use that, as a schedule does.
    missed = setup.names_it and (seen.is_deaf or seen.of_the_handed > 0)
    used_up = say("{weight}.grad still held what the update had used", weight=seen.never_cleared)
    if seen.steps:
        used_up = say("{weight}.grad still held what step() had used", weight=seen.never_cleared)
    used = seen.steps > seen.empty_steps
    none = not (seen.added or used or by_hand) and (seen.steps > 0 or not seen.arrivals)
    early = seen.added and seen.reaches_held and not used and seen.steps > 0
    wiped, most = 0 < seen.gathered.steps == seen.gathered.wiped, seen.gathered.most
    wiped = wiped and not seen.repeats
    # What was cleared before is not there to be clipped, and that is said already.
    clipped = 0 < seen.clips == seen.empty_clips and seen.reaches_held and not early
    passed = [n for n in seen.passed_over() if n not in setup.elsewhere and used and not by_hooks]
    right, graphs = seen.loss.right(), len(seen.graphs.kept())
    downhill = seen.loss.downhill and all(seen.loss.downhill) and not looks.maximizes(setup)
    uphill = by_hand and all(seen.uphill)
    turned = say("backward() begins with a number below 0")
    turned = say("each update goes up") if uphill else turned
    sometimes = bool((setup.scores(setup.sample[0][0]) < 0).any())
    above_zero = (
        seen.loss.asks and seen.loss.least >= 0 and sometimes and looks.kind_of_loss(setup)[0]
    )
    return {
        **_of_modes(setup, seen.off, seen.in_eval),
        faults.FORWARD_BY_NAME: (
            seen.forwards and not seen.calls,
            say("forward ran {count} times, and no hook", count=seen.forwards),
        ),
        faults.NO_BACKWARD: (none, say("none came in {count} steps", count=seen.taken)),
        faults.NO_GRADIENT: (
            passed,
            say("{names}: none in {count} steps", names=listed(passed), count=seen.taken),
        ),
        faults.NO_STEP: (
            never and not missed,
            say("not once in {count} steps", count=seen.taken),
        ),
        faults.SOMETHING_ELSE: (
            never and missed,
            say("the optimizer that it is handed took no step in {count} steps", count=seen.taken),
        ),
        faults.CLEARED_EARLY: (
            early,
            say("{count} of {count} calls of step() saw no gradient", count=seen.steps),
        ),
        faults.NEVER_CLEARED: (
            seen.never_cleared,
            used_up,
        ),
        faults.WIPED: (wiped, say("1 of {count} gradients was used", count=most)),
        faults.CLIPPED_EARLY: (
            clipped,
            say("{count} of {count} calls found no new one", count=seen.clips),
        ),
        faults.CLIPPED_SCALED: (
            0 < seen.clips == seen.scaled_clips,
            say("{count} of {count} calls came before unscale_()", count=seen.clips),
        ),
        faults.SHUFFLED_IN_STEP: (
            right is not None,
            say("right for {share:.0%} of the images", share=right or 0),
        ),
        faults.WRONG_WAY_UP: (downhill or uphill, turned),
        faults.SOFTMAX_TWICE: (above_zero and seen.loss.squashed, looks.adding_up_to_one()),
        faults.NEVER_BELOW_ZERO: (
            above_zero and not seen.loss.squashed,
            say("the least score that the step asks about is {least:.2g}", least=seen.loss.least),
        ),
        faults.KEPT_WITH_NETWORK if keeps else faults.KEPT_GRAPH: (
            seen.graphs.old() > 1,
            say("{graphs} graphs after {count} steps", graphs=graphs, count=seen.taken),
        ),
    }
