"""A training run before it begins: copies of it are trained for a few updates and looked at."""

import contextlib
import copy
import functools
import inspect
import itertools
import math
import types
import weakref
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from helpers.common import progress, require
from helpers.common.sentences import say
from helpers.debugging_clinic import keeping, marks, watching
from helpers.debugging_clinic.steps import Batch, LossFunction, Step

# Beside a weight of size 1, a gradient below this may be rounding: float32 keeps seven digits.
_ROUNDING = 1e-5


class NotCopied(Exception):
    """A network or an optimiser holds something that cannot be copied: where, and what it is."""

    def __init__(self, place: str, value: object, reason: str):
        self.place, self.value, self.has_graph = place, value, "deepcopy protocol" in reason
        cure = f"the check works on copies, so set {place} to None, or take it out, until then"
        super().__init__(f"{place} is {require.shown(value)}, which cannot be copied: {cure}")


def copies(network: nn.Module, optimizer: Optimizer) -> tuple[nn.Module, Optimizer]:
    """Copy a network and its optimiser, together, so that one copy holds the other's parameters.

    Of an optimiser `copy` takes groups and state alone. Its other attributes are copied here, but
    for a step() that a schedule has put in place of the class's own: it moves the original.
    """
    held = keeping.optimizers(network, optimizer)
    memo: dict[int, Any] = {id(one): object.__new__(type(one)) for one in held}
    made = itertools.chain(_made_of_others(network), (t for *_, t in left_by_a_call(network)))
    memo |= {id(tensor): tensor.detach().clone() for tensor in made}
    begun = dict(memo)
    try:
        twin = twin_of(network, memo)
        _fill([optimizer, *held], memo)
        return twin, copy.deepcopy(optimizer, memo)
    except Exception as error:
        for place, value in _attributes(network, optimizer):
            try:
                copy.deepcopy(value, dict(begun))
            except Exception as reason:  # noqa: BLE001 - whatever it is, it is this attribute's
                raise NotCopied(place, value, str(reason)) from error
        raise NotCopied("network", network, str(error)) from error


def twin_of(network: nn.Module, memo: dict[int, Any] | None = None) -> nn.Module:
    """Copy a network, and the attributes that its parameters were given, which PyTorch does not.

    Without a memo, what its hooks belong to is copied whole as well, if that is an optimiser.
    """
    held = keeping.optimizers(*_owners_of_hooks(network)) if memo is None else []
    memo = {id(one): object.__new__(type(one)) for one in held} if memo is None else memo
    twin = copy.deepcopy(network, memo)
    for weight in network.parameters():
        if id(weight) in memo:  # As a network that copies itself in its own way need not say.
            vars(memo[id(weight)]).update(copy.deepcopy(vars(weight), memo))
    for weight, one in _that_share_their_numbers(network):
        if id(weight) in memo and id(one) in memo:
            memo[id(weight)].data = memo[id(one)].data
    _fill(held, memo)
    return twin


def _that_share_their_numbers(network: nn.Module) -> Iterator[tuple[nn.Parameter, nn.Parameter]]:
    """Give each parameter that is made of the numbers of another one, with that other one.

    As ``nn.Parameter(weight)`` makes it, whose numbers ``copy`` would give to each apart.
    """
    first: dict[tuple, nn.Parameter] = {}
    for weight in network.parameters():
        one = first.setdefault((weight.data_ptr(), weight.shape, weight.stride()), weight)
        if one is not weight and weight.numel():
            yield weight, one


def _fill(optimizers: list[Optimizer], memo: dict[int, Any]) -> None:
    """Give the copies of optimisers, if there are any, copies of all that these hold."""
    # Weights that are not of the network, such as a loss's own, are trained where they are.
    groups = [group for one in optimizers for group in one.param_groups]
    for weight in [weight for group in groups for weight in group["params"]]:
        memo.setdefault(id(weight), weight)
    for one in [one for one in optimizers if id(one) in memo]:
        own = {n: v for n, v in vars(one).items() if not _stands_in(one, n, v)}
        vars(memo[id(one)]).update(copy.deepcopy(own, memo))


def twin_in(mode: str, network: nn.Module) -> nn.Module:
    """Copy a network and call its "train" or "eval", which may be its own and return nothing.

    A train() of its own may also be one that trains, which takes a loader, say, or nothing at all.
    """
    twin = twin_of(network)
    if all(_sets_a_mode(type(module).train) for module in twin.modules()):
        getattr(twin, mode)()
        return twin
    for module in twin.modules():
        module.training = mode == "train"
    return twin


def _sets_a_mode(train: Callable) -> bool:
    """Whether it takes True, as it does by itself, or whatever it is given."""
    _, *parameters = inspect.signature(train).parameters.values()
    first = parameters[0] if parameters else None
    return first is not None and (
        isinstance(first.default, bool) or first.kind is first.VAR_POSITIONAL
    )


def _made_of_others(network: nn.Module) -> Iterator[torch.Tensor]:
    """Give the weights that are made anew at each call, as weight norm and pruning do.

    They lie beside the parameters that they are made of: ``weight`` beside ``weight_g``.
    """
    for module in network.modules():
        for name, value in vars(module).items():
            is_made = isinstance(value, torch.Tensor) and not value.is_leaf
            if is_made and any(other.startswith(f"{name}_") for other in module._parameters):
                yield value


def left_by_a_call(network: nn.Module) -> Iterator[tuple[str, str, torch.Tensor]]:
    """Give what a call computed of the weights and left in an attribute, as a part of the loss.

    It is the module's name, the attribute's, and the tensor.
    """
    own = {id(weight) for weight in network.parameters()}
    for name, module in network.named_modules():
        for attribute, value in _held_by(module).items():
            for part in (part for part in tensors_in(value) if not part.is_leaf):
                if any(id(leaf) in own for leaf in leaves_of(part)):
                    yield name, attribute, part


def leaves_held_by(network: nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    """Give the tensors that learn and that a module holds beside its parameters, with their names.

    An optimiser of the step's own may train them, as it does where the network's shape is learnt.
    """
    for name, module in network.named_modules():
        for attribute, value in _held_by(module).items():
            for place, part in enumerate(tensors_in(value)):
                if part.is_leaf and part.requires_grad:
                    yield ".".join(filter(None, (name, attribute, str(place)))), part


def _held_by(module: nn.Module) -> dict[str, Any]:
    """Return what a module holds by a name of its own: its attributes, and its buffers."""
    held = {**vars(module), **dict(module.named_buffers(recurse=False))}
    return {name: value for name, value in held.items() if name not in ("_modules", "_buffers")}


def tensors_in(value: object) -> list[torch.Tensor]:
    """Return a tensor, or those in a list or tuple."""
    parts = value if isinstance(value, list | tuple) else [value]
    return [part for part in parts if isinstance(part, torch.Tensor)]


def kept_by_a_class(network: nn.Module) -> str:
    """Tell which class of a network's modules keeps some of them, as to reset them all at once."""
    for module in network.modules():
        for kind in type(module).__mro__:
            for name, value in vars(kind).items():
                kept = list(value) if isinstance(value, list | set | weakref.WeakSet) else []
                if any(part is module for part in kept):
                    return f"{kind.__name__}.{name}"
    return ""


def _stands_in(optimizer: Optimizer, name: str, value: object) -> bool:
    is_function = isinstance(value, types.FunctionType | types.MethodType)
    return is_function and hasattr(type(optimizer), name)


def _attributes(network: nn.Module, optimizer: Optimizer) -> Iterator[tuple[str, object]]:
    for name, module in network.named_modules():
        for attribute, value in _held_by(module).items():
            yield ".".join(filter(None, ("network", name, attribute))), value
    for attribute, value in getattr(optimizer, "__dict__", {}).items():
        yield f"optimizer.{attribute}", value


def scores_of(network: nn.Module, images: torch.Tensor) -> Any:
    """Return what a network gives, or one part of it: in training, other heads may have a say."""
    gives = network(images)
    if not isinstance(gives, tuple | list) or not gives:
        return gives
    place = vars(network).get("_place_of_scores", 0)
    return gives[place if place < len(gives) else 0]


def find_the_scores(
    network: nn.Module,
    optimizer: Optimizer,
    step: Step | None,
    loss_function: LossFunction,
    batch: Batch,
) -> None:
    """Note in a network, for its copies, which of the parts that it gives are the scores.

    Features may come before them, as wide as they like: the step asks the loss about the scores.
    """
    gives: Any = None
    with contextlib.suppress(Exception):  # Others say what is wrong with the network or the step.
        gives = seen_of(twin_of(network), batch[0].clone(), nn.Module.__call__)
    if step is None or not isinstance(gives, tuple | list):
        return
    places = [place for place, part in enumerate(gives) if _may_be_scores(part, len(batch[0]))]
    if len(places) > 1:
        twin, its_own = copies(network, optimizer)
        given: list[Any] = []
        asked: list[int] = []

        def hear(*parts: object) -> None:
            pairs = itertools.product(places, given[-1:], parts)
            asked.extend(place for place, gives, part in pairs if part is gives[place])

        twin.register_forward_hook(lambda _, __, gives: given.append(gives))
        with keeping.as_it_was(step, loss_function), contextlib.suppress(Exception):
            watching.Watch(twin, its_own).take(step, batch, loss_function, hear)
        places = sorted(asked) or places
    vars(network)["_place_of_scores"] = places[0] if places else 0


def _may_be_scores(part: object, images: int) -> bool:
    is_table = isinstance(part, torch.Tensor) and part.is_floating_point() and part.ndim == 2
    return is_table and len(part) == images and part.shape[1] > 1  # type: ignore


def seen_of(network: nn.Module, images: torch.Tensor, run: Callable = scores_of) -> Any:
    """Return the scores without a graph, which some networks need while they compute them."""
    try:
        with torch.no_grad():
            return run(network, images)
    except RuntimeError:
        with torch.enable_grad():
            scores = run(network, images)
        return scores.detach() if isinstance(scores, torch.Tensor) else scores


def goes_on(network: nn.Module, images: torch.Tensor, then: Callable | None = None) -> bool:
    """Whether a call of a network, or of what is done then, goes on with the graph of the last.

    So may what a call leaves in the network beside the scores, as a running mean.
    """
    network = twin_of(network)

    def graphs() -> set[Any]:
        scores = scores_of(network, images)
        left = (part for *_, part in left_by_a_call(network))
        ends = [then(scores) if then else scores, *left]
        return {function for end in ends for function in marks.graph_of(end)}

    with keeping.as_it_was(then):
        both = graphs() & graphs()
    return not all(map(marks.is_leaf, both))


def leaves_of(scores: torch.Tensor) -> Iterator[torch.Tensor]:
    """Give the tensors at the end of a graph, to which backward() brings a gradient."""
    return (leaf.variable for leaf in filter(marks.is_leaf, marks.graph_of(scores)))


def hooked_tool_of(step: Step | None, network: nn.Module) -> str:
    """Tell what a step knows by a name, and has hooks in a network of whose weights it takes care.

    Its hooks in a copy are those of a copy of it, while the step goes on using itself.
    """
    owners = {id(one) for one in _owners_of_hooks(network)}
    weights = {id(weight) for weight in network.parameters()}
    for thing in keeping.reached(step):
        if id(thing) in owners and not isinstance(thing, types.FunctionType | nn.Module):
            if any(id(part) in weights for part in keeping.reached(thing)):
                return f"a {type(thing).__name__} that hooks of the network belong to"
    return ""


def _owners_of_hooks(network: nn.Module) -> list[Any]:
    kinds = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    held = [getattr(module, kind).values() for module in network.modules() for kind in kinds]
    return [getattr(hook, "__self__", hook) for hooks in held for hook in hooks]


def hold_a_graph(step: Step, setup: "Setup") -> bool:
    """Whether a step, or the loss, holds what was computed before it is taken."""
    held = keeping.reached(step, setup.loss_function)
    return any(isinstance(one, torch.Tensor) and one.grad_fn is not None for one in held)


@dataclass(frozen=True)
class Setup:
    """What is handed in, with its first batches, and the network in evaluation mode."""

    network: nn.Module
    evaluated: nn.Module
    sample: list[Batch]
    loss_function: LossFunction
    optimizer: Optimizer
    handed_in: tuple[torch.Tensor, ...]  # The weights that all these are copies of.
    elsewhere: frozenset[str]  # Names of weights that an optimiser of the step's own trains.
    names_it: bool  # The step knows the optimiser, of which this is a copy, by a name of its own.
    handed: Optimizer  # That one itself, whose rates a schedule in the step moves.
    original: nn.Module  # And the network itself, in which a step's tool may have hooks.

    def copies(self) -> tuple[nn.Module, Optimizer]:
        """Return a network and its optimiser, to be trained and thrown away."""
        return copies(self.network, self.optimizer)

    def labelled(self) -> Batch:
        """Return the images and labels looked at, but for those a loss may ignore, as -100."""
        images, labels = (torch.cat(part) for part in zip(*self.sample, strict=True))
        named = (labels >= 0) & (labels < self.classes)
        # Points in a plane may be of a hundred classes, and none of the first two.
        named = named if named.any() else torch.ones_like(named)
        return images[named], labels[named]

    @functools.cached_property
    def classes(self) -> int:
        """How many scores an image gets."""
        return self.scores(self.sample[0][0]).shape[1]

    def scores(self, images: torch.Tensor) -> torch.Tensor:
        """Return the scores in evaluation mode, where nothing is left to chance."""
        return seen_of(self.evaluated, images)

    def loss(self, scores: torch.Tensor, labels: torch.Tensor) -> float:
        """Return what the loss function makes of scores; NaN of those that it does not take.

        Scores may be made up, and it may want probabilities, or as many as there are images. One
        that learns weights of its own needs gradients while it does so.
        """
        try:
            return float(self.loss_function(scores, labels).detach())
        except Exception:  # noqa: BLE001 - it took those of the network
            return math.nan


@dataclass(frozen=True)
class Updates:
    """What a copy of the network did in its first updates."""

    losses: list[float]  # Before each update.
    stopped: str  # Why there is only the first.
    guess: float  # The loss of a network that knows nothing.
    unreached: list[str]  # Parameters that never got a gradient.
    still: list[str]  # Those that got one and did not move.

    @property
    def climb(self) -> bool:
        """Whether the loss rises far above its start; a short hop of a bold step does not count."""
        top = max(loss if math.isfinite(loss) else math.inf for loss in self.losses)
        late, start = self.losses[-5:], max(self.losses[0], self.guess)
        return top > 4 * start or sum(late) / len(late) > 1.5 * start


def rate_of(group: dict) -> float:
    """Return a learning rate; a schedule that warms up may begin at zero: what it leads to."""
    return float(group.get("lr") or group.get("initial_lr") or 0.0)


def first_updates(
    setup: Setup, *, factor: float = 1.0, decays: bool = True, warm: bool = False
) -> Updates:
    """Train a copy by the book, at the optimiser's rate times a factor, with its decay or not.

    If it is to be `warm`, the rate is at least what a schedule began with, leads to, or has come to
    in the steps that were watched.
    """
    network, optimizer = setup.copies()
    for group, handed in zip(optimizer.param_groups, setup.handed.param_groups, strict=False):
        # A schedule that warms up may begin at zero; its optimiser holds what it leads to.
        if group.get("lr") is not None:  # Who finds the rate by itself may have none.
            led_to = group.get("initial_lr", 0.0)
            rate = group["lr"] or led_to
            warmer = max(rate, led_to, group.get("max_lr", 0.0), handed["lr"])
            group["lr"] = factor * (warmer if warm else rate)
        if not decays:
            group["weight_decay"] = 0.0
    learning = {name: w for name, w in network.named_parameters() if w.requires_grad}
    weights = list(learning.values())
    start = [weight.detach().clone() for weight in weights]
    # The largest gradient beside the weight's own size: far below it lies only rounding.
    reached = [0.0] * len(weights)
    losses, stopped = [], ""
    try:
        for loss in _train(setup, network, optimizer, setup.sample, updates=20):
            losses.append(loss)
            if not math.isfinite(loss):
                break
            reached = [max(g, _gradient_beside(w)) for g, w in zip(reached, weights, strict=True)]
    except _NotStepped as error:
        stopped = str(error)
    stay = [*map(torch.equal, start, weights)]
    # A network moves some by itself, such as a codebook that it keeps up to date, or makes others.
    before = dict(zip(learning, start, strict=True))
    now = {name: w for name, w in network.named_parameters() if name in before}
    own = {n for n, w in now.items() if w.grad is None and not w.equal(before[n])}
    own |= {n for n, w in now.items() if w is not learning[n]}
    most: dict[int, float] = {}  # For the numbers, which two weights may share.
    for weight, gradient in zip(weights, reached, strict=True):
        most[weight.data_ptr()] = max(gradient, most.get(weight.data_ptr(), 0.0))
    reached = [most[weight.data_ptr()] for weight in weights]
    moves = list(zip(learning, reached, stay, strict=True)) if not stopped else []
    return Updates(
        losses,
        stopped,
        math.log(setup.classes),
        [name for name, gradient, _ in moves if gradient == 0 and name not in own],
        [name for name, gradient, here in moves if here and gradient > _ROUNDING],
    )


class _NotStepped(Exception):
    """An optimiser's step() wants more than the book knows of, as one in two halves does."""


def _train(
    setup: Setup, network: nn.Module, optimizer: Optimizer, batches: Iterable[Batch], updates: int
) -> Iterator[float]:
    """Train a network by the book, and yield each loss when its gradient is there and not used."""
    # The step() of LBFGS, and of a few others, wants a function that computes the loss again.
    closure = inspect.signature(optimizer.step).parameters.get("closure")
    asks = closure is not None and closure.default is inspect.Parameter.empty
    some = itertools.islice(itertools.cycle(batches), updates)
    what = say("the check trains a copy")
    for images, labels in progress.walked(some, say("update"), what, updates):
        backward = functools.partial(_backward, setup, network, optimizer, images, labels)
        yield float(backward())
        try:
            optimizer.step(*[backward] if asks else [])  # type: ignore[arg-type]
        except Exception as error:
            raise _NotStepped(f"step() raises {type(error).__name__}") from error


def _backward(setup: Setup, network, optimizer, images, labels) -> torch.Tensor:
    with torch.enable_grad():  # An optimiser may call it where it moves weights.
        watching.clear(optimizer)
        network.zero_grad()  # Some keep more than .grad, as a gradient of each image.
        loss = setup.loss_function(scores_of(network, images), labels)
        if loss.requires_grad:
            loss.backward()
    return loss.detach()


def _gradient_beside(weight: torch.Tensor) -> float:
    """Return the largest gradient in units of the largest weight, or of 1 for smaller weights."""
    if weight.grad is None:
        return 0.0
    return float(weight.grad.to_dense().abs().max()) / max(float(weight.detach().abs().max()), 1.0)


def learn(
    setup: Setup, network: nn.Module, batches: Iterable[Batch], rate: float, updates: int
) -> Iterator[float]:
    """Train a network with Adam, which seldom fails at it, and yield the loss before each update.

    Nothing is yielded where there is nothing to train.
    """
    weights = [weight for weight in network.parameters() if weight.requires_grad]
    if not weights:
        return iter(())
    for module in network.modules():
        if isinstance(module, nn.Embedding | nn.EmbeddingBag):
            module.sparse = False  # Adam asks for it.
    least = max(1e-8, torch.finfo(weights[0].dtype).tiny)  # Or else it divides by zero in float16.
    return _train(setup, network, torch.optim.Adam(weights, rate, eps=least), batches, updates)
