"""What the check before training looks at: the data, the network, the scores.

Each function asks one part of a run and returns a table: of each fault, whether it holds, and what
gives it away in a few words.
"""

import collections
import dataclasses
import functools
import math
from collections.abc import Sequence

import torch
from torch import nn

from helpers.common.sentences import say
from helpers.debugging_clinic import (
    chance,
    faults,
    hearing,
    looks_at_inputs,
    looks_at_weights,
    rehearsal,
    watching,
)
from helpers.debugging_clinic.rehearsal import Setup, Updates

Table = dict[str, tuple[object, str]]

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
    large = watching.size_of(images) > looks_at_inputs.LARGEST_SIZE
    harm = large and looks_at_inputs.do_harm(setup, updates)
    unknown = has_enough_labels(setup) and not _labels_can_be_told(setup, images, labels)
    sorted_by = _comes_class_by_class(setup)
    said = say(
        "{count:,} labels guessed from the others, in three ways, no better than by chance",
        count=len(labels) // 2,
    )
    largest = say("the largest is {largest:g}", largest=images.abs().max())
    return {
        faults.NOT_SCALED: (harm, largest),
        faults.WRONG_LABELS: (unknown, said),
        faults.NOT_SHUFFLED: (sorted_by, sorted_by),
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
    network = rehearsal.twin_in("train", setup.network)
    learn = functools.partial(rehearsal.learn, network=network, batches=seen, updates=100)
    try:
        collections.deque(learn(setup, rate=3e-3), maxlen=0)
    except Exception:  # noqa: BLE001 - a loss may take whole batches alone, as an episode is
        setup = dataclasses.replace(setup, loss_function=nn.functional.cross_entropy)
        collections.deque(learn(setup, rate=3e-3), maxlen=0)
    parts = images[other].split(100)
    network.eval()
    said = [rehearsal.seen_of(network, some).argmax(dim=1) for some in parts]
    return torch.cat(said).cpu()


def _comes_class_by_class(setup: Setup) -> str:
    """Tell how it shows that nobody shuffled: neighbours are alike, or each class is in one piece.

    Within a batch the order does not matter, nor does a sampler that puts few classes into each:
    its batches are like any others.
    """
    parts = [kept.cpu() for _, labels in setup.sample if len(kept := labels[labels >= 0])]
    if not parts:
        return ""
    labels = torch.cat(parts)
    count = len(labels)
    names, counts = labels.unique(return_counts=True)
    # A batch of a few may be of one class by chance.
    pure = len(labels) >= 8 * len(parts) and all(bool((p == p[0]).all()) for p in parts)
    if len(names) == 1:
        enough = len(labels) >= 2 * _LEAST_IMAGES_A_CLASS
        said = say("the first {count:,} labels are all {label}", count=count, label=int(names))
        return said if enough else ""
    runs = 1 + int((labels[1:] != labels[:-1]).sum())
    if len(parts) > 1 and runs == len(names) and len(labels) - counts.max() > 2:
        return say(
            "the first {count:,} labels have {classes} classes and come in {runs} runs",
            count=count,
            classes=len(names),
            runs=runs,
        )
    if pure and len(parts) > 1:
        return say("each of the first {count} batches is of one class", count=len(parts))
    shares = torch.stack([(part[:, None] == names).double().mean(dim=0) for part in parts])
    alike = shares @ shares.T
    chances = torch.Generator().manual_seed(0)
    orders = [torch.randperm(len(parts), generator=chances) for _ in range(999)]
    # How likely two images of neighbouring batches are of one class, in this order and in others.
    usual = torch.stack([alike[order[:-1], order[1:]].mean() for order in orders])
    now, middle = alike.diagonal(offset=1).mean(), usual.mean()
    # Or by half as often again as in any order, and no chance would bring that about.
    far = now > 1.5 * middle and now - middle > 5 * usual.std()
    follow = now > usual.max() and (now - middle > _LEAST_LIKENESS * (1 - middle) or far)
    likeness = say(
        "two neighbouring batches agree in {now:.0%} of labels, any two in {middle:.0%}",
        now=now,
        middle=middle,
    )
    return likeness if follow else ""


def of_the_network(setup: Setup, keeps: bool, loss_keeps: bool) -> Table:
    """Look at the parameters: who trains them, from where they start, and what holds them."""
    network, optimizer = setup.copies()
    groups, anew = optimizer.param_groups, _made_anew(setup)
    scores, again = (rehearsal.scores_of(network, setup.sample[0][0]) for _ in range(2))
    # By identity: two parameters may hold equal numbers. What a function reaches for is no copy.
    held = {id(weight) for group in groups for weight in group["params"]}
    known = held | {id(w) for w in (*network.parameters(), *setup.handed_in)}
    beside_them = rehearsal.leaves_held_by(network)
    known |= {id(weight) for name, weight in beside_them if name in setup.elsewhere}
    # To ask for the gradient of its images, a network makes a leaf of them, another at each call.
    lasting = {id(leaf) for leaf in rehearsal.leaves_of(again)}
    outside = [
        leaf
        for leaf in rehearsal.leaves_of(scores)
        if id(leaf) not in known
        and (id(leaf) in lasting or isinstance(leaf, nn.Parameter))
        and not _is_a_copy_of_one(leaf, network)
    ]
    weights = dict(network.named_parameters())
    learning = [name for name, weight in weights.items() if weight.requires_grad]
    decays = (rehearsal.rate_of(group) * group.get("weight_decay", 0.0) for group in groups)
    decay = max(decays, default=0.0)
    eaten = decay >= _MOST_DECAY and looks_at_weights.most_moved_without_a_gradient(setup)
    same = looks_at_weights.are_all_the_same(setup, learning)
    silent = bool(learning) and not scores.requires_grad
    shape = tuple((outside or [scores])[0].shape)
    beside = say("{count} of them, the first of shape {shape}", count=len(outside), shape=shape)
    none = say("0 of {count} parameters learn", count=len(weights))
    goes_on = say("the graph of a call goes on in the next call's")
    return {
        faults.IN_A_LIST: (outside and not anew, beside),
        faults.FROZEN: (not learning and not outside and not anew, none),
        faults.NO_GRADIENT: (silent, say("the scores have no graph")),
        faults.KEPT_WITH_NETWORK: (keeps, goes_on),
        faults.KEPT_GRAPH: (loss_keeps, goes_on),
        **of_what_is_left_out(setup),
        faults.ALL_THE_SAME: (same, same),
        faults.DECAYED: (eaten >= _MOST_DECAY, f"lr × weight_decay = {decay:.3g}"),
    }


def of_what_is_left_out(setup: Setup, moved: set[str] | frozenset[str] = frozenset()) -> Table:
    """Look for weights that nobody trains, apart from those that a step was seen to move."""
    network, optimizer = setup.copies()
    held = {id(weight) for group in optimizer.param_groups for weight in group["params"]}
    learning = (entry for entry in network.named_parameters() if entry[1].requires_grad)
    names = [name for name, weight in learning if id(weight) not in held]
    names = [name for name in names if name not in setup.elsewhere | moved]
    if names:
        return {faults.LEFT_OUT: (names, listed(names))}
    anew = _made_anew(setup)
    return {faults.LEFT_OUT: (anew, say("forward makes {names} anew", names=listed(anew)))}


def _is_a_copy_of_one(leaf: torch.Tensor, network: nn.Module) -> bool:
    """Whether a call has copied it from a parameter, so that its gradient stops there."""
    return any(torch.equal(leaf, weight) for weight in network.parameters())


def _made_anew(setup: Setup) -> list[str]:
    """Return the parameters in the place of which a call puts others, and goes on with them."""
    network = setup.copies()[0]
    begun_with = {id(weight): weight for weight in network.parameters()}
    scores = rehearsal.scores_of(network, setup.sample[0][0])
    used = {id(leaf) for leaf in rehearsal.leaves_of(scores)} - begun_with.keys()
    return [name for name, weight in network.named_parameters() if id(weight) in used]


def of_the_way_back(setup: Setup) -> Table:
    """Look whether backward() has somewhere to go; a step with a loss of its own need not care."""
    images, labels = setup.sample[0]
    loss = setup.loss_function(rehearsal.scores_of(setup.copies()[0], images), labels)
    return {faults.NO_GRADIENT: (not loss.requires_grad, "the loss has no graph")}


def listed(names: Sequence[str]) -> str:
    """Return the first names in a line."""
    first = ", ".join(names[:3])
    more = say("{first} and {count} more", first=first, count=len(names) - 3)
    return more if len(names) > 3 else first


def is_made_of_others(value: object, network: nn.Module) -> bool:
    """Whether it is a tensor that was computed of tensors, of which none is the network's."""
    is_tensor = isinstance(value, torch.Tensor)
    return is_tensor and not _has_weights_of(network, value)  # type: ignore[arg-type]


def leads_to(twin: nn.Module, images: torch.Tensor, network: nn.Module) -> bool:
    """Whether the scores of a copy come of the network's own weights, as in a function it holds."""
    return _has_weights_of(network, rehearsal.scores_of(rehearsal.twin_of(twin), images))


def _has_weights_of(network: nn.Module, scores: torch.Tensor) -> bool:
    own = {id(weight) for weight in network.parameters()}
    return any(id(leaf) in own for leaf in rehearsal.leaves_of(scores))


def left_over(network: nn.Module, twin: nn.Module, images: torch.Tensor) -> str:
    """Tell where a network holds a graph of an earlier call that a call does not make anew."""
    places = {(name, attribute) for name, attribute, _ in rehearsal.left_by_a_call(network)}
    if not places:
        return ""
    twin = rehearsal.twin_of(twin)

    def held(place: tuple[str, str]) -> list[torch.Tensor]:
        return rehearsal.tensors_in(getattr(twin.get_submodule(place[0]), place[1], None))

    before = {place: held(place) for place in places}
    rehearsal.scores_of(twin, images)
    for place, old in sorted(before.items()):
        now = held(place)
        if any(part is one for part in now for one in old):
            return ".".join(filter(None, ("network", *place)))
    return ""


def keeps_a_state(setup: Setup, keeps: bool, loss_keeps: bool) -> str:
    """Tell what cannot be asked: evaluation differs by more than chance, or takes no image alone.

    Other images come between, since some keep what they have seen of them alone.
    """
    if loss_keeps:
        return say("data, scores and updates: the loss keeps a state")
    images = setup.sample[0][0]

    def seeded(some: torch.Tensor) -> torch.Tensor:
        with chance.held(0, images.device):
            return setup.scores(some)

    before, again = seeded(images), seeded(images)
    state = say("data, scores and updates: the network keeps a state")
    if keeps or differ(before, again):
        return state
    try:
        alone = seeded(images[:1] / 2)
    except Exception:  # noqa: BLE001 - whatever it says, it runs with more than one
        alone = None
    if alone is None or alone.shape != before[:1].shape:
        return say(
            "data, scores and updates: the network takes no image alone, as evaluation may ask"
        )
    return state if differ(before, seeded(images)) else ""


def of_the_scores(setup: Setup) -> Table:
    """Ask the scores and the loss what has a known answer."""
    images, labels = setup.sample[0]
    scores, again = setup.scores(images), setup.scores(images)
    alone, once_more = (torch.cat([setup.scores(i[None]) for i in images[:8]]) for _ in range(2))
    for one, other in ((scores, again), (alone, once_more)):  # Chance may come seldom.
        if differ(one, other):  # All the others compare scores with scores.
            return {faults.CHANCE_IN_EVAL: (True, _up_to(other - one))}
    depend = differ(scores[:8], alone)
    # The softmax over the images leaves a trace: its columns add up to one.
    over_images = watching.are_one(scores.exp().sum(dim=0))
    is_cross_entropy, is_nll = (not depend and is_so for is_so in kind_of_loss(setup))
    adding_up = watching.are_probabilities(scores)
    # Distances are not below zero, and their loss takes less of them for better.
    asks_for_less = _slope(setup, scores, labels) > 0
    odd = is_cross_entropy and not adding_up and not asks_for_less
    never = _are_never_below_zero(setup) if odd else ""
    raw = is_nll and not adding_up and not watching.are_logarithms(scores)
    columns = say("the exponentials of each class add up to 1 over the images")
    row = say("the exponentials of an image's scores do not add up to 1")
    by = _up_to(alone - scores[:8])
    table = _of_the_loss(setup, scores, labels)
    if is_cross_entropy and adding_up:
        table[faults.SOFTMAX_TWICE] = (True, adding_up_to_one())
    return table | {
        faults.OVER_DIM_0: (depend and over_images, columns),
        faults.IMAGES_DEPEND: (depend and not over_images, by),
        faults.PROBABILITIES: (is_nll and adding_up, adding_up_to_one()),
        faults.RAW_SCORES: (raw, row),
        faults.NEVER_BELOW_ZERO: (never, never),
    }


def adding_up_to_one() -> str:
    """Say what gives probabilities away."""
    return say("the scores of each image add up to 1, and none is below 0")


def _up_to(differences: torch.Tensor) -> str:
    return say("by up to {most:.2g}", most=differences.abs().max())


def kind_of_loss(setup: Setup) -> tuple[bool, bool]:
    """Whether a loss is cross_entropy's kind, and whether it is nll_loss's.

    One more in every score: cross_entropy subtracts it again, so its loss stays; nll_loss takes
    scores for log-probabilities, and falls by one. For cross_entropy it may be more for one image
    than for the next, and far more, which a loss of distances between images would notice.
    """
    images, labels = setup.sample[0]
    scores = setup.scores(images)
    # Of scores that are nearly equal, as at the start, other losses may not change either, nor of
    # right ones, or of wrong ones, those that cut off a logarithm.
    right, shifts = 5 * of_the_right_class(scores, labels), []
    for scored in (scores + right, scores - right):
        count = len(labels) if _is_summed(setup, scored, labels) else 1
        each = 10 * (torch.arange(len(scores)).to(scores)[:, None] % 3)
        now, *then = (setup.loss(scored + more, labels) for more in (0, 1, each))
        shifts += [(loss - now) / count for loss in then]
    # Nor does a loss of margins mind a shift; but beyond the margin, more is no better to it.
    sure, surer = (setup.loss(by * right, labels) for by in (1, 2))
    is_cross_entropy = sure != surer and all(abs(shift) < 1e-3 for shift in shifts)
    return is_cross_entropy, abs(shifts[0] + 1) < 1e-3


def _is_summed(setup: Setup, scores: torch.Tensor, labels: torch.Tensor) -> str:
    loss = setup.loss(scores, labels)
    # The same images twice have the same mean, and twice the sum.
    times = setup.loss(scores.repeat(2, 1), labels.repeat(2)) / (loss or math.inf)
    summed = abs(loss) > 1e-6 and abs(times - 2) < 0.01
    said = say("{times:.2f} times the loss for every image twice", times=times)
    return said if summed else ""


def _of_the_loss(setup: Setup, scores: torch.Tensor, labels: torch.Tensor) -> Table:
    """Ask the loss alone, about scores that are made up."""
    classes = scores.shape[1]
    sure = 50 * of_the_right_class(scores, labels)
    summed = _is_summed(setup, scores, labels)
    slope = _slope(setup, scores, labels)
    # A loss of distances has a floor, and one with a minus before it has none.
    upside_down = slope < 0 if maximizes(setup) else slope > 0 > setup.loss(-sure, labels)
    # Sure and right scores cost nothing, but where a softmax turns them into 1 and 0 before.
    cost = setup.loss(sure, labels)
    floor = cost / (len(labels) if summed else 1)
    squashed = abs(floor - math.log(1 + (classes - 1) / math.e)) < 1e-4
    asked = hearing.given_to_cross_entropy(lambda: setup.loss(scores, labels))
    sums = bool(asked) and all(watching.are_probabilities(some) for some in asked)
    cost_of_sure = say("sure and right scores cost {cost:.2f}", cost=floor)
    no_class = (labels < 0) | (labels >= classes)
    # A loss may ask only which images are of one class, and not which class that is.
    by = (1, torch.arange(len(labels), device=labels.device))
    others = [setup.loss(sure, labels.where(no_class, (labels + step) % classes)) for step in by]
    # Of points in a plane, made-up scores say little.
    own, orders = setup.loss(scores, labels), (labels.roll(1), labels.flip(0))
    blind = math.isfinite(cost) and all(cost == other for other in others)
    blind = blind and all(own == setup.loss(scores, order) for order in orders)
    return {
        faults.BLIND: (blind, say("other labels make no difference")),
        faults.SOFTMAX_TWICE: (squashed or sums, cost_of_sure if squashed else adding_up_to_one()),
        faults.LOSS_SUMMED: (summed, summed),
        faults.WRONG_WAY_UP: (upside_down, say("1 more for the right class counts as worse")),
    }


def of_the_right_class(scores: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Return 1 for the right class of each image, and 0 for the others."""
    classes = scores.shape[1]
    return nn.functional.one_hot(labels.clamp(0, classes - 1), classes).to(scores)


def _slope(setup: Setup, scores: torch.Tensor, labels: torch.Tensor) -> int:
    """Return 1 if more for the right class alone raises the loss, -1 if it lowers it, or else 0."""
    right = of_the_right_class(scores, labels)
    less, now, more = (setup.loss(scores + by * right, labels) for by in (-1, 0, 1))
    return (less < now < more) - (less > now > more)


def maximizes(setup: Setup) -> bool:
    """Whether the optimiser goes uphill on purpose."""
    return any(group.get("maximize") for group in setup.optimizer.param_groups)


def differ(scores: torch.Tensor, again: torch.Tensor) -> bool:
    """Whether scores differ by more than rounding; NaN is like NaN, and unlike a number."""
    scores, again = scores.nan_to_num(), again.nan_to_num()
    # In float32 a sum in another order differs in its seventh digit; this is a thousand times that.
    return float((again - scores).abs().max()) > 1e-3 * max(float(scores.abs().max()), 1e-3)


def _are_never_below_zero(setup: Setup) -> str:
    images = torch.cat([images for images, _ in setup.sample])[:_LEAST_SCORES]
    # Raw scores take either sign, at the latest for inputs that are far larger, and their mirrors.
    scores = torch.cat([_scaled(setup, images, factor) for factor in (1, 10, -10)])
    # Scores that are all the same are those of a last layer that begins at zero.
    never = scores.numel() >= _LEAST_SCORES and bool((scores >= 0).all() and scores.std() > 0)
    # What is cut off at zero is so for many images, and what only has bounds is hardly ever there.
    cut = float((setup.scores(images) == 0).double().mean()) > 0.1
    roomy = float(scores.max() - scores.min()) > _LEAST_RANGE and have_bounds(setup) and not cut
    least = {"count": scores.numel(), "least": scores.min()}
    said = say("the least of {count:,} scores is {least:.2g}", **least)
    return said if never and not roomy else ""


def have_bounds(setup: Setup) -> bool:
    """Whether far larger inputs give no larger scores: cosines, however scaled, and sigmoids."""
    far, farther = (_scaled(setup, setup.sample[0][0], by).abs().max() for by in (10, 100))
    return bool(farther < 1.5 * far)


def _scaled(setup: Setup, images: torch.Tensor, factor: float) -> torch.Tensor:
    """Return the scores of images times a factor; of themselves where these are no images."""
    try:
        return setup.scores(factor * images)
    except Exception:  # noqa: BLE001 - as a table that has no row for them
        return setup.scores(images)
