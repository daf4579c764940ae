"""What a watch holds after a few steps, each number counted by hand."""

import sys

import pytest
from torch import nn
from torch.nn import functional as F

from debugging_clinic.set_ups import BATCHES, book
from debugging_clinic.watched_steps import (
    HANDED,
    Asks,
    Called,
    Doubles,
    Forks,
    Grows,
    Named,
    Partly,
    Tokens,
    adding_up_for_two,
    asking_for_gradients,
    at_each,
    by_forward,
    by_hand,
    by_keyword,
    by_name_of_the_scores,
    clearing_between,
    clearing_late,
    clearing_the_body,
    clipping,
    dropping,
    evaluating_afterwards,
    first_in_eval,
    for_nothing,
    freezing,
    growing,
    in_eval_at,
    in_halves,
    in_turn,
    keeping,
    keeping_the_second,
    larger,
    losing,
    moving_for_nothing,
    moving_while_adding_up,
    never_back,
    never_updating,
    of_each,
    of_others,
    of_the_head,
    of_tokens,
    of_whole_labels,
    over_single_images,
    plain,
    renaming,
    scaled,
    some_turned,
    squashing,
    squashing_last,
    telling_tools,
    to_parts,
    turned,
    turned_each,
    twice_and_cleared_once,
    twice_for_a_sharper_place,
    twice_without_clearing,
    watched,
    with_a_closure,
    with_float_labels,
    with_graphs,
    with_others_beside,
)

ALL = ["0.bias", "0.weight", "2.bias", "2.weight"]


def told(seen):
    """Return all that a watch and its parts tell."""
    named = {name: value for name, value in vars(seen).items() if name in SOUND}
    loss, gathered = seen.loss, seen.gathered
    return named | {
        "calls": seen.calls > 0,  # Some are heard twice.
        "reached": sorted(seen.reached),
        "changed": sorted(seen.changed),
        "is_clear": seen.is_clear,
        "never_cleared": seen.never_cleared,
        "reaches_held": seen.reaches_held,
        "with_graphs": seen.gradients_with_graphs(),
        "passed_over": seen.passed_over(),
        "old": seen.graphs.old(),
        "updates": (gathered.steps, gathered.wiped, gathered.most, gathered.is_clear),
        "asks": loss.asks,
        "downhill": loss.downhill,
        "sizes": [round(size, 4) for size in loss.sizes],
        "squashed": (loss.squashed, loss.logarithms),
        "compared": (loss.compared, loss.right()),
    }


# What three steps by the book leave. The first update is not counted where it is of one gradient.
SOUND = {
    "taken": 3, "calls": True, "forwards": 3, "arrivals": 12, "added": 12, "reached": ALL,
    "changed": ALL, "piled_up": "", "steps": 3, "empty_steps": 0, "clips": 0, "empty_clips": 0,
    "scaled_clips": 0, "is_deaf": False, "of_the_handed": 0, "moved": True, "in_eval": False,
    "off": [], "uphill": [], "repeats": False, "is_clear": True, "never_cleared": "",
    "reaches_held": True, "with_graphs": "", "passed_over": [], "old": 0,
    "updates": (2, 0, 0, True), "asks": 3, "downhill": [False] * 3, "sizes": [1.0] * 3,
    "squashed": (False, False), "compared": (True, None),
}  # fmt: skip
NAMES = ["0.0.bias", "0.0.weight", "0.2.bias", "0.2.weight"]
DROPPING = {"reached": NAMES, "changed": NAMES}
IN_LAYERS = {name: [f"layers.{weight}" for weight in ALL] for name in ("reached", "changed")}
TWICE = {"forwards": 6, "arrivals": 24, "added": 24, "repeats": True, "asks": 6,
         "downhill": [False] * 6, "sizes": [1.0] * 6}  # fmt: skip
TWO = {"taken": 2, "forwards": 2, "arrivals": 8, "added": 8, "asks": 2, "downhill": [False] * 2,
       "sizes": [1.0] * 2}  # fmt: skip
PARTLY = {"arrivals": 3, "added": 3, "reached": ["used.weight"], "changed": ["own", "used.weight"]}
IN_FORKS = ["last.bias", "last.weight", "part.one.bias", "part.one.weight"]
OF_OTHERS = {"changed": [], "moved": False, "reaches_held": False, "updates": (3, 0, 0, True)}
CLIPS = {"clips": 3}
NEVER = {"steps": 0, "changed": [], "moved": False, "updates": (0, 0, 0, True)}
HAND = {"steps": 0, "updates": (0, 0, 0, True), "forwards": 3}
EMPTY = {"arrivals": 0, "added": 0, "reached": [], "changed": [], "moved": False,
         "reaches_held": False, "empty_steps": 3, "downhill": [],
         "updates": (3, 0, 0, True)}  # fmt: skip


def in_units(images, count, factor=1):
    """Return the root mean square of each part in units of the whole's."""
    squares = [float(part.square().mean() / images.square().mean()) for part in images.split(count)]
    return [round(factor * square**0.5, 4) for square in squares]


# What is done, with what, and what is told that three steps by the book do not tell.
STEPS = {
    "by the book": (book, {}, {}),
    "in halves": (
        in_halves, {},
        {"forwards": 6, "arrivals": 24, "added": 24, "repeats": True, "updates": (3, 0, 2, True),
         "asks": 6, "downhill": [False] * 6,
         "sizes": [size for images, _ in BATCHES for size in in_units(images, 10, 2)],
         "compared": (False, None)},
    ),
    "two batches for an update": (
        at_each(2), {"count": 4},
        {"taken": 4, "forwards": 4, "arrivals": 16, "added": 16, "steps": 2,
         "updates": (2, 0, 2, True), "asks": 4, "downhill": [False] * 4, "sizes": [1.0] * 4},
    ),
    "three batches, and then two more": (
        at_each(3), {"count": 5},
        {"taken": 5, "forwards": 5, "arrivals": 20, "added": 20, "steps": 1,
         "updates": (1, 0, 3, True), "asks": 5, "downhill": [False] * 5, "sizes": [1.0] * 5},
    ),
    "two batches, from the first one on": (
        at_each(2, at=1), {"count": 2},
        {"taken": 2, "forwards": 2, "arrivals": 8, "added": 8, "steps": 1,
         "updates": (0, 0, 0, False), "asks": 2, "downhill": [False] * 2, "sizes": [1.0] * 2},
    ),
    "wiped": (
        at_each(3, clears_first=True), {"count": 6},
        {"taken": 6, "forwards": 6, "arrivals": 24, "added": 24, "steps": 2,
         "updates": (2, 2, 3, True), "asks": 6, "downhill": [False] * 6, "sizes": [1.0] * 6},
    ),
    "never cleared": (
        losing, {}, {"piled_up": "0.bias", "never_cleared": "0.bias"},
    ),
    "never cleared once": (losing, {"count": 1}, {
        "taken": 1, "forwards": 1, "arrivals": 4, "added": 4, "steps": 1, "asks": 1,
        "updates": (0, 0, 0, True), "downhill": [False], "sizes": [1.0]}),
    "cleared late": (
        clearing_late, {}, {"empty_steps": 3, "changed": [], "moved": False},
    ),
    "no update": (never_updating, {}, NEVER),
    "no way back": (never_back, {}, EMPTY),
    "by forward": (
        by_forward, {},
        {"calls": False, "sizes": [], "compared": (False, None)},
    ),
    "by hand": (by_hand(-1), {}, HAND | {"uphill": [False] * 3}),
    "by hand, uphill": (by_hand(1), {}, HAND | {"uphill": [True] * 3}),
    "by hand, in place": (by_hand(0), {}, HAND | NEVER),
    "turned": (turned, {}, {"downhill": [True] * 3}),
    "gradients asked for": (
        asking_for_gradients, {}, {"added": 0, "updates": (3, 0, 0, True)},
    ),
    "clipped": (clipping(1.0), {}, CLIPS),
    "clipped twice": (clipping(1.0, value=0.5), {}, {"clips": 6}),
    "clipped early": (clipping(1.0, after=False), {}, {"clips": 3, "empty_clips": 3}),
    "measured": (clipping(float("inf")), {}, {}),  # Not the very object that math has.
    "clipped and unscaled": (scaled("clip", "unscale"), {}, CLIPS | {"scaled_clips": 3}),
    "unscaled and clipped": (scaled("unscale", "clip"), {}, CLIPS),
    "clipped on both sides": (scaled("clip", "unscale", "clip"), {},
                              {"clips": 6, "scaled_clips": 3}),
    "clipped, with a scaler that is off": (scaled("clip", "unscale", enabled=False), {}, CLIPS),
    "clipped, and another unscaled": (scaled("clip", "unscale another"), {}, CLIPS),
    "clipped after another was unscaled": (
        scaled("unscale another", "clip", "unscale"), {}, CLIPS),
    "clipped once, unscaled each time": (
        scaled("clip once", "unscale"), {}, {"clips": 1, "scaled_clips": 1}),
    "clipped early, another network's": (
        clipping(1.0, after=False), {"make": of_others}, OF_OTHERS | CLIPS),
    "unscaled": (scaled("unscale"), {}, {}),
    "the handed and another": (telling_tools, {"handed": HANDED}, {"of_the_handed": 6}),
    "what the handed wraps": (telling_tools, {"handed": {"inner": HANDED}}, {"of_the_handed": 6}),
    "another than the handed": (telling_tools, {"handed": plain(nn.Linear(1, 1))}, {}),
    "twice, cleared": (
        twice_for_a_sharper_place, {},
        {"forwards": 6, "arrivals": 24, "added": 24, "repeats": True, "updates": (3, 0, 2, True),
         "asks": 6, "downhill": [False] * 6, "sizes": [1.0] * 6},
    ),
    "twice, never cleared": (
        twice_without_clearing, {},
        {"forwards": 6, "arrivals": 24, "added": 24, "repeats": True, "piled_up": "0.bias",
         "never_cleared": "0.bias", "updates": (3, 0, 2, True),
         "asks": 6, "downhill": [False] * 6, "sizes": [1.0] * 6},
    ),
    "kept": (keeping(), {}, {"old": 2}),
    "for nothing": (
        for_nothing, {},
        {"reached": [], "changed": [], "moved": False, "reaches_held": False, "empty_steps": 3,
         "downhill": [False] * 3},
    ),
    "probabilities": (squashing(lambda s: s.softmax(1)), {}, {"squashed": (True, False)}),
    "logarithms": (squashing(lambda s: s.log_softmax(1)), {}, {"squashed": (False, True)}),
    "probabilities once": (squashing_last(lambda s: s.softmax(1)), {}, {}),
    "logarithms once": (squashing_last(lambda s: s.log_softmax(1)), {}, {}),
    "in evaluation mode": (book, {"network": lambda: dropping(False, False)}, DROPPING | {
        "in_eval": True, "off": ["1", "2"]}),
    "a layer off": (book, {"network": lambda: dropping(True, False)}, DROPPING | {"off": ["1"]}),
    "an attack in evaluation mode": (
        first_in_eval, {"network": lambda: dropping(True, True)},
        DROPPING | {"forwards": 6, "arrivals": 24, "added": 24, "repeats": True,
                    "updates": (3, 3, 2, True), "sizes": [1.0] * 6, "compared": (False, None)},
    ),
    "evaluated afterwards": (
        evaluating_afterwards, {"network": lambda: dropping(True, True)},
        DROPPING | {"forwards": 6},
    ),
    "in evaluation mode at first": (
        in_eval_at(1), {"network": lambda: dropping(True, True)},
        DROPPING | {"in_eval": True, "off": ["1", "2"]},
    ),
    "in evaluation mode at last": (
        in_eval_at(3), {"network": lambda: dropping(True, True)},
        DROPPING | {"in_eval": True, "off": ["1", "2"]},
    ),
    "partly": (
        book, {"network": Partly},
        PARTLY | {"passed_over": ["also", "more", "spare"]},
    ),
    "a call of its own": (
        book, {"network": Called},
        IN_LAYERS | {"forwards": 0, "sizes": [], "compared": (False, None)},
    ),
    "a closure": (with_a_closure, {"make": lambda n: Asks(n.parameters(), lr=0.1)}, {
        "updates": (3, 0, 0, True)}),
    "the head alone": (
        book, {"make": of_the_head}, {"changed": ["2.bias", "2.weight"]},
    ),
    "another network's": (
        book, {"make": of_others},
        OF_OTHERS,
    ),
    "other names for the classes": (renaming, {}, {}),
    "smaller": (larger, {}, {"sizes": [0.25] * 3, "compared": (False, None)}),
    "a second call": (
        with_others_beside, {},
        {"forwards": 6, "sizes": [1.0] * 6, "compared": (False, None)},
    ),
    "a part called": (to_parts, {}, {"forwards": 3, "old": 2}),
    "added to a used one, and cleared": (
        clearing_between, {},
        TWICE | {"updates": (3, 0, 2, True)},
    ),
    "never cleared before, and too early then": (
        in_turn(losing, clearing_late), {"count": 2},
        TWO | {"steps": 2, "empty_steps": 1, "updates": (1, 0, 0, True), "is_clear": False},
    ),
    "never cleared, the head first": (
        in_turn(book, clearing_the_body, losing), {},
        {"piled_up": "2.bias", "never_cleared": "2.bias"},
    ),
    "never cleared, and cleared at last": (
        in_turn(losing, losing, book), {}, {"piled_up": "0.bias", "never_cleared": "0.bias"},
    ),
    "twice, and cleared once": (
        twice_and_cleared_once, {},
        TWICE | {"steps": 6, "piled_up": "0.bias", "updates": (5, 0, 0, True)},
    ),
    "waiting with what was used": (
        adding_up_for_two(), {},
        {"forwards": 6, "steps": 1, "is_clear": False, "updates": (1, 0, 2, True),
         "downhill": [], "sizes": [1.0] * 6, "compared": (False, None)},
    ),
    "waiting in a step that goes back twice": (
        adding_up_for_two(with_halves=True), {},
        {"forwards": 9, "arrivals": 24, "added": 24, "steps": 1, "repeats": True, "downhill": [],
         "updates": (1, 0, 4, True), "compared": (False, None),
         "sizes": [size for images, _ in BATCHES for size in (*in_units(images, 10), 1.0)]},
    ),
    "moved by hand while gradients are added up": (
        moving_while_adding_up(), {"count": 4},
        {"taken": 4, "forwards": 4, "arrivals": 16, "added": 16, "steps": 1,
         "uphill": [False] * 2, "updates": (1, 0, 3, True), "asks": 4, "downhill": [False] * 4,
         "sizes": [1.0] * 4},
    ),
    "an update that changes gradients": (
        losing, {"make": lambda n: Doubles(n.parameters(), lr=0.1)},
        {"piled_up": "0.bias", "never_cleared": "0.bias"},
    ),
    "moved for nothing": (
        moving_for_nothing, {},
        HAND | {"reached": [], "reaches_held": False, "uphill": [False] * 3},
    ),
    "growing": (
        growing, {"network": Grows},
        HAND | {"reached": ["layers.0.bias", "layers.0.weight", "layers.2.bias",
                            "layers.2.weight", "more"],
                "changed": ["layers.0.bias", "layers.0.weight", "layers.2.bias",
                            "layers.2.weight", "more"],
                "arrivals": 13, "added": 13, "uphill": [False] * 3},
    ),
    "frozen by the step": (
        freezing, {"network": Partly}, PARTLY | {"passed_over": ["also", "more"]},
    ),
    "no way back, in evaluation mode": (
        never_back, {"network": lambda: dropping(False, False)}, EMPTY,
    ),
    "by forward, in evaluation mode": (
        by_forward, {"network": lambda: dropping(False, False)},
        DROPPING | {"calls": False, "sizes": [], "compared": (False, None), "in_eval": True,
                    "off": ["1", "2"]},
    ),
    "by keyword": (by_keyword, {}, {}),
    "named": (by_name_of_the_scores, {"network": Named}, IN_LAYERS),
    "images one by one": (over_single_images, {}, {"forwards": 6}),
    "tokens": (
        of_tokens, {"network": Tokens},
        {"arrivals": 3, "added": 3, "reached": ["table.weight"], "changed": ["table.weight"],
         "piled_up": "table.weight", "never_cleared": "table.weight", "sizes": [],
         "compared": (False, None)},
    ),
    "a part's second": (
        keeping_the_second, {"network": Forks},
        {"reached": IN_FORKS, "changed": IN_FORKS, "old": 2, "arrivals": 12, "added": 12,
         "passed_over": ["part.other.bias", "part.other.weight"]},
    ),
    "labels with a fraction": (
        with_float_labels, {"loss_function": of_whole_labels}, {"compared": (False, None)},
    ),
    "some turned": (some_turned, {"loss_function": of_each}, {}),
    "all turned": (turned_each, {"loss_function": of_each}, {"downhill": [True] * 3}),
    "with graphs": (
        with_graphs, {"count": 1},
        TWO | {"taken": 1, "forwards": 1, "arrivals": 4, "added": 4, "steps": 1, "asks": 1,
               "downhill": [False], "sizes": [1.0], "updates": (0, 0, 0, True),
               "with_graphs": "0.bias.grad still held what step() had used"},
    ),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:Using backward")
@pytest.mark.parametrize("name", STEPS)
def test_what_is_told_of_three_steps_is_what_was_done_in_them(name):
    step, options, changes = STEPS[name]
    assert told(watched(step, **options)) == SOUND | changes


@pytest.mark.parametrize("loss_function", [F.cross_entropy, nn.CrossEntropyLoss()])
def test_while_somebody_measures_times_the_hooks_alone_hear(loss_function):
    sys.setprofile(lambda *_: None)
    try:
        seen = watched(book, loss_function=loss_function)
    finally:
        sys.setprofile(None)
    expected = {"is_deaf": True, "forwards": 0, "calls": True}
    if loss_function is F.cross_entropy:
        expected |= {"asks": 0, "downhill": [], "squashed": (True, True),
                     "compared": (False, None)}  # fmt: skip
    assert told(seen) == SOUND | expected
