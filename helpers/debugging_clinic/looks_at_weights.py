"""Looks at the numbers that the weights begin with, and at weights that get no gradient."""

import itertools
import traceback
from collections.abc import Sequence

import torch

from helpers.common.sentences import say
from helpers.debugging_clinic import rehearsal
from helpers.debugging_clinic.rehearsal import Setup


def are_all_the_same(setup: Setup, learning: list[str]) -> str:
    """Tell whether two layers that follow each other hold one number each, or all of them do.

    One such layer is no fault: many begin with a last layer of zeros. Nor are scales, of
    shape (heads, 1, width), or as large as what they scale in the same module, as splines have it.
    """
    weights = dict(setup.network.named_parameters())
    layers = {n: weights[n].detach() for n in learning}
    layers = {n: w for n, w in layers.items() if w.dim() != 3 or w.shape[1] != 1}
    layers = {n: w for n, w in layers.items() if w.dim() > 1 and 1 < len(w) < w.numel()}
    one_number = {name: bool(w.min() == w.max()) for name, w in layers.items()}
    several = [(n.rpartition(".")[0], w.shape) for n, w in layers.items() if not one_number[n]]

    def scales(name: str, weight: torch.Tensor) -> bool:
        beside = [shape for module, shape in several if module == name.rpartition(".")[0]]
        return any(shape[: weight.dim()] == weight.shape for shape in beside)

    matrices = {n: w for n, w in layers.items() if not (one_number[n] and scales(n, w))}
    same = [one_number[name] for name in matrices]
    numbers = [float(matrix.flatten()[0]) for matrix in matrices.values()]
    pairs = itertools.pairwise(zip(same, numbers, strict=True))
    neighbours = any(a and b and (one or other) for (a, one), (b, other) in pairs)
    everything = len(same) > 1 and all(same)
    said = say("{same} of {count} matrices hold one number", same=sum(same), count=len(same))
    # Beside each other, and each before random weights, they begin so and do not stay so.
    alike = (everything or neighbours) and _learn_the_same(
        setup, [n for n in matrices if one_number[n]]
    )
    return said if alike else ""


def _learn_the_same(setup: Setup, names: list[str]) -> bool:
    """Whether the units of any of these layers get one gradient: at least one next to another.

    Those of a recurrent layer do so in each of its gates.
    """
    network = rehearsal.twin_in("eval", setup.network)
    weights = dict(network.named_parameters())
    scores = rehearsal.scores_of(network, setup.sample[0][0])
    if not scores.requires_grad:
        return True
    chances = torch.Generator().manual_seed(0)
    weighed = scores * torch.rand(scores.shape, generator=chances).to(scores)
    some = torch.autograd.grad(weighed.sum(), [weights[n] for n in names], allow_unused=True)
    for gradient in (part.flatten(1) for part in some if part is not None):
        most = float(gradient.abs().max())
        alike = (gradient[1:] - gradient[:-1]).abs().amax(dim=1) <= 1e-4 * most
        if float(alike.double().mean()) >= 0.5:
            return True
    return all(part is None for part in some)


def most_moved_without_a_gradient(setup: Setup) -> float:
    """Return the largest share of a weight that a step takes off it where no gradient wants it.

    The settings give lr × weight_decay, and not every optimiser takes off as much.
    """
    network, optimizer = setup.copies()
    for group in optimizer.param_groups:
        if group.get("lr") == 0:
            group["lr"] = rehearsal.rate_of(group)
    weights = [weight for weight in network.parameters() if weight.requires_grad]
    before = [weight.detach().clone() for weight in weights]
    for weight in weights:
        weight.grad = torch.zeros_like(weight)
    try:
        optimizer.step()
    except Exception:  # noqa: BLE001 - it wants more than gradients, and its settings tell
        return 1.0
    pairs = [
        (float(old.norm()), float((w.detach() - old).norm()))
        for w, old in zip(weights, before, strict=True)
    ]
    return max((moved / length for length, moved in pairs if length), default=0.0)


def stops_at_one_of(weights: Sequence[torch.Tensor], error: Exception) -> bool:
    """Whether an error comes from where one of them is at hand that has no gradient.

    What a step made of the network before the check, as an attack on its weights, goes on with it,
    and the gradients are those of the copy.
    """
    ids = {id(weight) for weight in weights if weight.grad is None}
    frames = (frame for frame, _ in traceback.walk_tb(error.__traceback__))
    return any(id(value) in ids for frame in frames for value in frame.f_locals.values())
