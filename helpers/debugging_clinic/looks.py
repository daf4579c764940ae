"""What the check before training looks at: the data, the network, the scores, the step, updates.

Each function asks one part of a run and returns a table: of each fault, what gave it away in a few
words, or False where it does not hold.
"""

import copy
import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import nn

from helpers.debugging_clinic import chance, faults, rehearsal, watching
from helpers.debugging_clinic.rehearsal import Setup, Updates
from helpers.debugging_clinic.steps import Step

Table = dict[str, str | bool]

# Pixels of one unit's size have a root mean square of about 1, and those of 0 to 255 one of 100.
_LARGEST_SIZE_OF_INPUTS = 10.0
# Fewer images than this for each class, and chance may look like knowledge.
_LEAST_IMAGES_A_CLASS = 20
# Fewer scores than these, and it may be chance that none of them is below zero.
_LEAST_SCORES = 200
# A sigmoid has a range of 1. Scores with bounds that are farther apart can be sure.
_LEAST_RANGE = 2.0
# How much of the way from any two batches to two of one class lies between neighbouring batches.
_LEAST_LIKENESS = 0.25
# Usual settings take less than a thousandth off the weights at each step.
_MOST_DECAY = 0.05


def of_the_data(setup: Setup, updates: Updates) -> Table:
    """Look at the size of the inputs, at the labels, and at the order of both."""
    images, labels = (part.cpu() for part in setup.labelled())
    images = images.flatten(start_dim=1).double()
    size = images.square().mean().sqrt().item()
    # A network may scale its inputs itself; then large ones do no harm.
    harm = updates.losses[0] > 1.5 * updates.guess or updates.climb
    return {
        faults.NOT_SCALED: size > _LARGEST_SIZE_OF_INPUTS
        and harm
        and f"the root mean square of the inputs is {size:.0f}",
        faults.WRONG_LABELS: has_enough_labels(setup)
        and not _labels_can_be_told(setup, images, labels)
        and f"of {len(labels) // 2:,} labels, guessed in three ways from the others",
        faults.NOT_SHUFFLED: _comes_class_by_class(setup),
    }


def has_enough_labels(setup: Setup) -> bool:
    """Whether there are images enough of each class to tell knowledge from chance."""
    labels = setup.labelled()[1]
    classes = len(labels.unique())
    return classes > 1 and len(labels) >= 2 * _LEAST_IMAGES_A_CLASS * classes


def _labels_can_be_told(setup: Setup, images: torch.Tensor, labels: torch.Tensor) -> bool:
    """Whether the labels of one half can be guessed from the other half, better than by chance.

    Three guesses, until one knows something: the class with the nearest mean, the class of the
    nearest image, and what a copy of the network says that has learnt a little. None of them can
    know labels that were shuffled.
    """
    # By chance, since the images may be sorted by class, or the classes come in turns.
    mixed = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))
    half, other = mixed.chunk(2)
    seen, seen_labels, asked, truth = images[half], labels[half], images[other], labels[other]
    names = seen_labels.unique()
    means = torch.stack([seen[seen_labels == name].mean(dim=0) for name in names])
    guesses = (
        lambda: names[torch.cdist(asked, means).argmin(dim=1)],
        lambda: seen_labels[torch.cdist(asked, seen).argmin(dim=1)],
        lambda: _guess_of_a_copy(setup, half, other),
    )
    # The cheap ones first: any() stops at the first that knows, and the last one trains.
    return any(
        float((said == truth).double().mean()) > chance.most_right(said, truth)
        for said in (guess() for guess in guesses)
    )


def _guess_of_a_copy(setup: Setup, half: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """Train a copy of the network on one half of the images, and ask it for the other."""
    images, labels = setup.labelled()
    half, other = half.to(labels.device), other.to(labels.device)
    seen = list(zip(images[half].split(100), labels[half].split(100), strict=True))
    seen = seen[:-1] or seen  # The last may be a single image: batch normalisation needs two.
    network = copy.deepcopy(setup.network).train()
    rehearsal.learnt(setup, network, seen, rate=3e-3, updates=100)
    with torch.no_grad():
        parts = images[other].split(100)
        return torch.cat([network.eval()(some).argmax(dim=1) for some in parts]).cpu()


def _comes_class_by_class(setup: Setup) -> str | bool:
    """Whether nobody shuffled: batches are like their neighbours, or each class comes at one go.

    Within a batch the order does not matter, nor does a sampler that puts few classes into each:
    its batches are like any others.
    """
    parts = [kept.cpu() for _, labels in setup.sample if len(kept := labels[labels >= 0])]
    labels = torch.cat(parts)
    names, counts = labels.unique(return_counts=True)
    if len(names) == 1:
        enough = len(labels) >= 2 * _LEAST_IMAGES_A_CLASS
        return enough and f"the first {len(labels):,} labels are all {int(names)}"
    runs = 1 + int((labels[1:] != labels[:-1]).sum())
    at_one_go = len(parts) > 1 and runs == len(names) and len(labels) - counts.max() > 2
    shares = torch.stack([(part[:, None] == names).double().mean(dim=0) for part in parts])
    alike = shares @ shares.T
    chances = torch.Generator().manual_seed(0)
    orders = [torch.randperm(len(parts), generator=chances) for _ in range(999)]
    # How likely two images of neighbouring batches are of one class, in this order and in others.
    usual = torch.stack([alike[order[:-1], order[1:]].mean() for order in orders])
    now, middle = alike.diagonal(offset=1).mean(), usual.mean()
    follow = now > usual.max() and now - middle > _LEAST_LIKENESS * (1 - middle)
    said = f"the first {len(labels):,} labels have {len(names)} classes and come in {runs} runs"
    likeness = f"two neighbouring batches agree in {now:.0%} of labels, any two in {middle:.0%}"
    return (at_one_go and said) or (bool(follow) and likeness)


def of_the_network(setup: Setup, keeps: bool) -> Table:
    """Look at the parameters: who trains them, from where they start, and what holds them."""
    network, optimizer = setup.copies()
    groups = optimizer.param_groups
    scores = network(setup.sample[0][0])
    # By identity: two parameters may hold equal numbers. What a function reaches for is no copy.
    held = {id(weight) for group in groups for weight in group["params"]}
    known = held | {id(w) for w in (*network.parameters(), *setup.handed_in)}
    outside = [leaf for leaf in _leaves(scores) if id(leaf) not in known]
    weights = dict(network.named_parameters())
    learning = [name for name, weight in weights.items() if weight.requires_grad]
    left_out = [name for name in learning if id(weights[name]) not in held]
    decay = max((_rate(group) * group.get("weight_decay", 0.0) for group in groups), default=0.0)
    return {
        faults.IN_A_LIST: bool(outside)
        and f"{len(outside)} of them, the first of shape {tuple(outside[0].shape)}",
        faults.FROZEN: not learning and not outside and f"0 of {len(weights)} parameters learn",
        faults.NO_GRADIENT: bool(learning)
        and not scores.requires_grad
        and "the scores have no graph",
        faults.KEPT_WITH_NETWORK: keeps and "the graph of a call goes on in the next call's",
        faults.LEFT_OUT: _listed(left_out),
        faults.ALL_THE_SAME: _are_all_the_same([weights[name] for name in learning]),
        faults.DECAYED: decay >= _MOST_DECAY and f"lr × weight_decay = {decay:.3g}",
    }


def _listed(names: Sequence[str], before: str = "") -> str:
    """Return the first names in a line, and nothing where there are none."""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return before + ", ".join(names[:3]) + more if names else ""


def _rate(group: dict) -> float:
    """Return a learning rate; a schedule that warms up may begin at zero: what it leads to."""
    return float(group.get("lr") or group.get("initial_lr") or 0.0)


def _graph(scores: torch.Tensor) -> dict[Any, None]:
    """Return every function of a graph, the last one first."""
    seen: dict[Any, None] = {}
    ahead: list[Any] = [scores.grad_fn]
    while ahead:
        function = ahead.pop()
        if function is not None and function not in seen:
            seen[function] = None
            ahead += [before for before, _ in function.next_functions]
    return seen


def _is_leaf(function: object) -> bool:
    return type(function).__name__ == "AccumulateGrad"


def _leaves(scores: torch.Tensor) -> Iterator[torch.Tensor]:
    return (function.variable for function in _graph(scores) if _is_leaf(function))


def keeps_its_graph(setup: Setup) -> bool:
    """Whether a call of the network goes on with the graph of the call before."""
    network, _ = setup.copies()
    before, now = (_graph(network(setup.sample[0][0])) for _ in range(2))
    return any(not _is_leaf(function) for function in before.keys() & now.keys())


def keeps_a_state(setup: Setup) -> bool:
    """Whether evaluation differs from call to call by more than chance, or wants one batch size."""
    images = setup.sample[0][0]

    def seeded() -> torch.Tensor:
        with chance.held(0, images.device):
            return setup.scores(images)

    try:
        return _differ(seeded(), seeded()) or not len(setup.scores(images[:1]))
    except RuntimeError:  # A state for so many images, which others do not fit.
        return True


def _are_all_the_same(weights: Sequence[torch.Tensor]) -> str | bool:
    """Whether two layers that follow each other hold one number each, or all of them do.

    One such layer is no fault: many begin with a last layer of zeros.
    """
    matrices = [w.detach() for w in weights if w.dim() > 1 and 1 < len(w) < w.numel()]
    same = [bool(matrix.min() == matrix.max()) for matrix in matrices]
    numbers = [float(matrix.flatten()[0]) for matrix in matrices]
    pairs = itertools.pairwise(zip(same, numbers, strict=True))
    neighbours = any(a and b and (one or other) for (a, one), (b, other) in pairs)
    everything = len(same) > 1 and all(same)
    return (everything or neighbours) and f"{sum(same)} of {len(same)} matrices hold one number"


def of_the_scores(setup: Setup) -> Table:
    """Ask the scores and the loss what has a known answer."""
    images, labels = setup.sample[0]
    scores, again = setup.scores(images), setup.scores(images)
    if _differ(scores, again):  # All the others compare scores with scores.
        return {faults.CHANCE_IN_EVAL: f"by up to {(again - scores).abs().max():.2g}"}
    alone = torch.cat([setup.scores(image[None]) for image in images[:8]])
    depend = _differ(scores[:8], alone)
    # The softmax over the images leaves a trace: its columns add up to one.
    over_images = _are_one(scores.exp().sum(dim=0))
    loss = setup.loss(scores, labels)
    # The same images twice have the same mean, and twice the sum.
    twice = setup.loss(scores.repeat(2, 1), labels.repeat(2))
    summed = abs(loss) > 1e-6 and abs(twice / loss - 2) < 0.01
    # One more in every score: cross_entropy subtracts it again, so its loss stays; nll_loss takes
    # scores for log-probabilities, and falls by one.
    shift = (setup.loss(scores + 1, labels) - loss) / (len(labels) if summed else 1)
    is_cross_entropy = not depend and abs(shift) < 1e-3
    is_nll = not depend and abs(shift + 1) < 1e-3
    probabilities = bool((scores >= 0).all()) and _are_one(scores.sum(dim=1))
    adding_up = probabilities and "the scores of each image add up to 1, and none is below 0"
    others = not probabilities
    total = float(scores[0].exp().sum())
    return {
        faults.OVER_DIM_0: depend
        and over_images
        and "the exponentials of each class add up to 1 over the images",
        faults.IMAGES_DEPEND: depend
        and not over_images
        and f"by up to {(alone - scores[:8]).abs().max():.2g}",
        faults.SOFTMAX_TWICE: is_cross_entropy and adding_up,
        faults.PROBABILITIES: is_nll and adding_up,
        faults.RAW_SCORES: is_nll
        and others
        and not _are_one(scores.exp().sum(dim=1))
        and f"the exponentials of the first image's scores add up to {total:.1f}, not to 1",
        faults.NEVER_BELOW_ZERO: is_cross_entropy and others and _are_never_below_zero(setup),
        faults.LOSS_SUMMED: summed and f"{twice / loss:.2f} times the loss for every image twice",
        faults.WRONG_WAY_UP: _is_wrong_way_up(setup, scores, labels),
    }


def _differ(scores: torch.Tensor, again: torch.Tensor) -> bool:
    """Whether scores differ by more than rounding."""
    # In float32 a sum in another order differs in its seventh digit; this is a thousand times that.
    return float((again - scores).abs().max()) > 1e-3 * max(float(scores.abs().max()), 1e-3)


def _are_one(sums: torch.Tensor) -> bool:
    return bool(((sums - 1).abs() < 1e-3).all())


def _are_never_below_zero(setup: Setup) -> str | bool:
    images = torch.cat([images for images, _ in setup.sample])[:_LEAST_SCORES]
    # Raw scores take either sign, at the latest for inputs that are far larger, and their mirrors.
    scores = torch.cat([setup.scores(factor * images) for factor in (1, 10, -10)])
    # Scores that are all the same are those of a last layer that begins at zero.
    never = scores.numel() >= _LEAST_SCORES and bool((scores >= 0).all() and scores.std() > 0)
    roomy = float(scores.max() - scores.min()) > _LEAST_RANGE and _have_bounds(setup)
    odd = not roomy and not _are_all_the_same(list(setup.network.parameters()))
    return never and odd and f"the least of {scores.numel():,} scores is {scores.min():.2g}"


def _have_bounds(setup: Setup) -> bool:
    """Whether far larger inputs give no larger scores: cosines, however scaled, and sigmoids."""
    far, farther = (setup.scores(by * setup.sample[0][0]).abs().max() for by in (10, 100))
    return bool(farther < 1.5 * far)


def _is_wrong_way_up(setup: Setup, scores: torch.Tensor, labels: torch.Tensor) -> str | bool:
    """Whether a higher score of the right class counts as worse, all along."""
    right = nn.functional.one_hot(labels.clamp(min=0), scores.shape[1]).to(scores)
    # A little less for the right class, and a little more: nothing else changes.
    worse, now, better = (setup.loss(scores + by * right, labels) for by in (-1, 0, 1))
    if any(group.get("maximize") for group in setup.optimizer.param_groups):
        worse, better = better, worse
    return worse < now < better and "1 more for the right class counts as worse"


def of_the_mode(setup: Setup) -> Table:
    """Look for layers that are switched off, where there is no step that might do it."""
    off = watching.layers_off(setup.network)
    in_eval = not setup.network.training and _has_two_modes(setup)
    return {faults.EVAL_MODE: _listed(off, "layer ") or (in_eval and "network.training is False")}


@torch.no_grad()
def _has_two_modes(setup: Setup) -> bool:
    """Whether a network without such layers does another thing in training, as F.dropout may."""
    images = setup.sample[0][0]
    return _differ(setup.scores(images), copy.deepcopy(setup.network).train()(images))


def of_the_step(setup: Setup, step: Step, keeps: bool) -> Table:
    """Let a step train copies, and look at what it does."""
    seen = watching.Watch(*setup.copies())
    try:
        watching.watch(seen, step, setup.loss_function, setup.sample)
    except RuntimeError as error:
        again = "a second time" in str(error) or (keeps and "inplace operation" in str(error))
        if not again:
            raise
        fault = faults.KEPT_WITH_NETWORK if keeps else faults.KEPT_GRAPH
        return {fault: "backward() comes to a graph that an earlier step has used up"}
    if not seen.forwards:
        return {faults.SOMETHING_ELSE: f"the network never ran in {seen.taken} steps"}
    return _of_what_was_seen(setup, seen)


def _of_what_was_seen(setup: Setup, seen: watching.Watch) -> Table:
    in_eval = seen.in_eval and _has_two_modes(setup)
    right = seen.labels.right()
    # A step may move the weights by hand.
    never = seen.arrivals > 0 and not seen.steps and not seen.moved
    early = seen.arrived_something and seen.steps == seen.empty_steps > 0
    graphs = seen.graphs_kept()
    return {
        faults.EVAL_MODE: _listed(seen.off, "layer ") or (in_eval and "network.training is False"),
        faults.FORWARD_BY_NAME: not seen.calls
        and f"forward ran {seen.forwards} times, and no hook",
        faults.NO_BACKWARD: not seen.arrivals and f"no gradient came in {seen.taken} steps",
        faults.NO_STEP: never and f"not once in {seen.taken} steps",
        faults.CLEARED_EARLY: early and f"{seen.steps} of {seen.steps} calls of step() saw none",
        faults.NEVER_CLEARED: bool(seen.piled_up) and f"step() had used {seen.piled_up}.grad",
        faults.WIPED: 0 < seen.steps == seen.gathered.wiped
        and f"1 of {seen.gathered.most} gradients was used",
        faults.CLIPPED_EARLY: 0 < seen.clips == seen.empty_clips
        and f"{seen.clips} of {seen.clips} calls found no new gradient",
        faults.SHUFFLED_IN_STEP: right is not None and f"right for {right:.0%} of the images",
        faults.KEPT_GRAPH: graphs > 1 and f"{graphs} graphs after {seen.taken} steps",
    }


def of_the_first_updates(setup: Setup, updates: Updates) -> Table:
    """See whether the loss and each weight did what they should: the first that holds is named."""
    first = updates.losses[0]
    slower = (1e-2, 1e-4, 1e-6)
    # A loss that climbs at any rate has another reason.
    calm = updates.climb and next(
        (f for f in slower if not rehearsal.first_updates(setup, factor=f).climb), None
    )
    rate = max(map(_rate, setup.optimizer.param_groups))
    return {
        faults.LOSS_NOT_FINITE: not math.isfinite(first) and f"it is {first}",
        # Scores with bounds do not come from large weights, but from a scale that is wanted.
        faults.LOSS_TOO_HIGH: first > 2 * updates.guess
        and not _have_bounds(setup)
        and f"{first:.3g} in place of {updates.guess:.3g}",
        faults.RATE_TOO_HIGH: bool(calm)
        and f"it climbs at lr = {rate:g}, and at {rate * (calm or 1):g} it does not",
        faults.NO_GRADIENT: _listed(updates.unreached),
        faults.DO_NOT_MOVE: _listed(updates.still),
    }


def of_a_small_batch(setup: Setup) -> Table:
    """Try whether one small batch is learnt by heart, with an optimiser that seldom fails at it."""
    images, labels = setup.sample[0]
    batch = [(images[:32], labels[:32])]
    for rate in (1e-3, 1e-2):  # The second for a small network, which has farther to go.
        network = copy.deepcopy(setup.network)
        losses = rehearsal.learnt(setup, network, batch, rate=rate, updates=60)
        # A NaN counts as not learnt.
        if not losses or losses[0] <= 0.1 or sum(losses[-5:]) / 5 <= 0.9 * losses[0]:
            return {}
    return {
        faults.NOT_BY_HEART: f"in 60 updates the loss went from {losses[0]:.3g} to {losses[-1]:.3g}"
    }
