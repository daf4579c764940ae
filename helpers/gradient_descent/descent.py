"""Gradient descent that keeps its path, the landscapes it walks on, and what theory expects of it.

A loss is a function from one weight vector, a tensor of shape (d,), to a tensor that holds one
number. Nothing here draws a random number.
"""

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from helpers.common import require

# The first Hessian in a process makes torch load a part of itself, which warns of torch's own
# torch.jit.script. Done here, so that the warning does not stand in a reader's first Hessian.
with warnings.catch_warnings():
    warnings.simplefilter("ignore", FutureWarning)
    torch.func.hessian(torch.sum)(torch.ones(1))

Loss = Callable[[torch.Tensor], torch.Tensor]
Rule = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Path:
    """The points that a descent went through.

    Attributes
    ----------
    points : torch.Tensor
        Shape (steps + 1, d), the start first; (steps + 1, n, d) for n descents side by side.
    losses : torch.Tensor
        The loss at each point, shape (steps + 1,) or (steps + 1, n).
    left_at : int or None
        The step that led out of the finite numbers, if one did; the path ends just before it.
    """

    points: torch.Tensor
    losses: torch.Tensor
    left_at: int | None = None

    def __post_init__(self) -> None:
        """Look at what is given."""
        for name, value in (("points", self.points), ("losses", self.losses)):
            if not isinstance(value, torch.Tensor) or not value.is_floating_point():
                raise TypeError(f"{name} is {_kind(value)}: give a floating-point tensor")
        if self.points.ndim not in (2, 3) or not self.points.numel():
            raise ValueError(
                f"points has shape {tuple(self.points.shape)}: give (steps + 1, d) or "
                "(steps + 1, n, d)"
            )
        if self.losses.shape != (shape := self.points.shape[:-1]):
            raise ValueError(f"losses is {_kind(self.losses)}: give shape {tuple(shape)}")
        if self.left_at is not None:
            require.whole("left_at", self.left_at)

    @property
    def end(self) -> torch.Tensor:
        """The last finite point, shape (d,) or (n, d)."""
        return self.points[-1]

    @property
    def steps(self) -> int:
        """How many steps were recorded."""
        return len(self.points) - 1

    def distances(self, goal: torch.Tensor | float = 0.0) -> torch.Tensor:
        """Return how far each point is from `goal`, without the points' last dimension.

        Raises
        ------
        TypeError, ValueError
            If `goal` is neither a finite number nor a point, shape (d,), or one for each descent.
        """
        if isinstance(goal, torch.Tensor):
            shapes = [(), self.points.shape[-1:], self.points.shape[1:]]
            if goal.shape not in shapes:
                raise ValueError(f"goal is {_kind(goal)}: give shape {tuple(shapes[1])}")
            require.tensor("goal", goal)
        else:
            require.number("goal", goal)
        return torch.linalg.vector_norm(self.points - goal, dim=-1)

    def verdict(self) -> str:
        """Say in a few words whether the descent left the finite numbers, or rose."""
        if self.left_at is not None:
            return f"diverged: left the finite numbers at step {self.left_at}"
        first, last = self.losses[0].flatten(), self.losses[-1].flatten()
        word = f"finite for all {self.steps} steps"
        if not bool((last > first).any()):
            return word
        worst = (last - first).argmax()
        return f"{word}, but the loss rose from {first[worst]:.1e} to {last[worst]:.1e}"


def gradient(loss: Loss, w: torch.Tensor) -> torch.Tensor:
    """Return the gradient of `loss` at `w`.

    Parameters
    ----------
    loss : callable
        From a tensor of shape (d,) to one number.
    w : torch.Tensor
        Shape (d,), or (n, d) for n points at once; a floating-point dtype.

    Returns
    -------
    torch.Tensor
        The shape and dtype of `w`.

    Raises
    ------
    TypeError
        If `w` is not a floating-point tensor.
    ValueError
        If `w` has another shape, or `loss` does not give one number or does not depend on it.
    """
    require.function("loss", loss)
    _check_weights("w", w)
    w = w.detach().requires_grad_()
    values = _values(loss, w)
    if not values.requires_grad:
        raise ValueError("the loss does not depend on the weights: compute it from its argument")
    # The descents are independent, so the gradient of the sum holds the gradient of each.
    (result,) = torch.autograd.grad(values.sum(), w)
    return result


def record(rule: Rule, loss: Loss, start: torch.Tensor, steps: int) -> Path:
    """Apply an update rule again and again and keep the path.

    Parameters
    ----------
    rule : callable
        From the weights to the weights one step later.
    loss : callable
        From a tensor of shape (d,) to one number.
    start : torch.Tensor
        Shape (d,), or (n, d) for n descents side by side; floating point.
    steps : int
        How many steps to take, at least 1. Fewer are kept if a step leaves the finite numbers;
        with several descents, the first of them to leave ends them all.

    Returns
    -------
    Path
        The points and losses, all of them finite.

    Raises
    ------
    TypeError
        If `start` is not a floating-point tensor or `steps` not a whole number.
    ValueError
        If `start`, or the loss there, is not finite, `steps` is below 1, or `rule` does not give
        weights like those it was given.
    """
    require.function("rule", rule)
    require.function("loss", loss)
    _check_weights("start", start)
    if not torch.isfinite(start).all():
        raise ValueError(f"start is {start.tolist()}: give finite numbers")
    require.whole("steps", steps)
    points, losses = [start.detach().clone()], [_values(loss, start.detach())]
    if not torch.isfinite(losses[0]).all():
        raise ValueError("the loss at the start is not finite: start where it is")
    left_at = None
    for step in range(1, steps + 1):
        point = rule(points[-1])
        if not _is_like(point, start):
            raise ValueError(f"the rule gave {_kind(point)}, not {_kind(start)}: return weights")
        point = point.detach()
        value = _values(loss, point)
        if not (torch.isfinite(point).all() and torch.isfinite(value).all()):
            left_at = step
            break
        points.append(point)
        losses.append(value)
    return Path(torch.stack(points), torch.stack(losses), left_at)


def run(
    loss: Loss,
    start: torch.Tensor,
    *,
    lr: float | Callable[[int], float],
    steps: int,
    momentum: float = 0.0,
    nesterov: bool = False,
    weight_decay: float = 0.0,
) -> Path:
    """Descend as `torch.optim.SGD` does, and keep the path.

    Parameters
    ----------
    loss : callable
        From a tensor of shape (d,) to one number.
    start : torch.Tensor
        Shape (d,), or (n, d) for n descents side by side; floating point.
    lr : float or callable
        The step size, above 0; or a schedule, from the number of steps already taken to the
        size of the next one, at least 0.
    steps : int
        How many steps to take, at least 1.
    momentum : float
        How much of the last velocity is kept, at least 0.
    nesterov : bool
        Look one step ahead, as Nesterov's method does; needs momentum.
    weight_decay : float
        This much times the weights is added to the gradient, at least 0.

    Returns
    -------
    Path
        What `record` gives.

    Raises
    ------
    TypeError, ValueError
        As `record`; and if a setting is out of its range.
    """
    if not callable(lr):
        require.number("lr", lr, above=0)
    require.number("momentum", momentum, least=0)
    require.truth("nesterov", nesterov)
    require.number("weight_decay", weight_decay, least=0)
    if nesterov and momentum == 0:
        raise ValueError("nesterov is True and momentum is 0: give a momentum above 0")
    velocity = None
    taken = 0

    def step(w: torch.Tensor) -> torch.Tensor:
        nonlocal velocity, taken
        direction = gradient(loss, w) + weight_decay * w
        if momentum:
            # PyTorch's first velocity is the gradient itself.
            velocity = direction if velocity is None else momentum * velocity + direction
            direction = direction + momentum * velocity if nesterov else velocity
        size = lr(taken) if callable(lr) else lr
        if callable(lr):
            require.number(f"lr({taken})", size, least=0)
        taken += 1
        return w - size * direction

    return record(step, loss, start, steps)


def bowl(curvatures: Sequence[float], *, tilt: float = 0.0) -> Loss:
    r"""Return the quadratic bowl :math:`\tfrac12 w^\top H w` with its minimum at zero.

    Parameters
    ----------
    curvatures : sequence of float
        The eigenvalues of H, one for each weight, above 0; two of them if `tilt` is given.
    tilt : float
        By how many degrees the first axis of the bowl is turned from the first weight's axis.

    Returns
    -------
    callable
        From a tensor of shape (d,), float64, to one number; `ValueError` for any other tensor.

    Raises
    ------
    ValueError
        If a curvature is not above 0, or `tilt` is given and there are not two of them.
    """
    eigenvalues = _checked_curvatures(curvatures)
    require.number("tilt", tilt)
    if tilt and len(eigenvalues) != 2:
        raise ValueError(f"tilt needs two curvatures, not {len(eigenvalues)}: leave tilt at 0")
    hessian = torch.diag(eigenvalues)
    if tilt:
        c, s = math.cos(math.radians(tilt)), math.sin(math.radians(tilt))
        axes = torch.tensor([[c, -s], [s, c]], dtype=torch.float64)
        hessian = axes @ hessian @ axes.T

    def loss(w: torch.Tensor) -> torch.Tensor:
        if not _is_like(w, hessian[0]):
            raise ValueError(f"w is {_kind(w)}: this bowl takes {_kind(hessian[0])}")
        return w @ hessian @ w / 2

    return loss


def banana(w: torch.Tensor) -> torch.Tensor:
    """Return the loss of a bent valley with its minimum, 0, at (1, 1).

    Rosenbrock's function (1960), (1 - a)² + b (c - a²)² for w = (a, c), with walls b = 10.
    """
    _check_two_weights(w)
    return (1 - w[0]) ** 2 + 10 * (w[1] - w[0] ** 2) ** 2


WELLS = torch.tensor([[1.5, 0.5], [-1.5, -0.5]], dtype=torch.float64)
_DEPTHS = torch.tensor([1.0, 0.6], dtype=torch.float64)


def two_wells(w: torch.Tensor) -> torch.Tensor:
    """Return the loss of a plain with a deep well and a shallow one, near the rows of `WELLS`."""
    _check_two_weights(w)
    return -_DEPTHS @ torch.exp(-((w - WELLS) ** 2).sum(-1) / 2)


def curvatures(loss: Loss, w: torch.Tensor) -> torch.Tensor:
    """Return the eigenvalues of the Hessian of `loss` at `w`, smallest first, shape (d,).

    Raises
    ------
    TypeError, ValueError
        If `w` is not a floating-point tensor of shape (d,), or `loss` does not give one number.
    """
    require.function("loss", loss)
    _check_weights("w", w, at_once=False)
    _values(loss, w)
    return torch.linalg.eigvalsh(torch.func.hessian(loss)(w))


def predicted_rate(
    lr: float | torch.Tensor, curvatures: torch.Tensor, momentum: float | torch.Tensor = 0.0
) -> torch.Tensor:
    """Return the factor by which each late step shrinks the distance to a bowl's minimum.

    Along an eigenvector of the Hessian with curvature λ, the distance e follows
    e[k+1] = (1 + γ - lr λ) e[k] - γ e[k-1], so the factor is the larger root, in modulus, of
    z² - (1 + γ - lr λ) z + γ (Polyak 1964); the slowest eigenvector decides.

    Parameters
    ----------
    lr : float or torch.Tensor
        The step size, or several.
    curvatures : torch.Tensor
        The eigenvalues λ of the Hessian, shape (d,), all of them above 0.
    momentum : float or torch.Tensor
        The momentum γ in PyTorch's convention, of a shape that fits the step sizes.

    Returns
    -------
    torch.Tensor
        float64, in the joint shape of `lr` and `momentum`. Below 1 the descent converges, above
        1 it diverges.

    Raises
    ------
    TypeError, ValueError
        If a curvature is not above 0, `lr` or `momentum` holds anything but finite numbers from 0
        up, or their shapes do not fit.
    """
    curvatures = _checked_curvatures(curvatures)
    lr, momentum = _checked_settings("lr", lr), _checked_settings("momentum", momentum)
    try:
        torch.broadcast_shapes(lr.shape, momentum.shape)
    except RuntimeError:
        raise ValueError(
            f"momentum has shape {tuple(momentum.shape)} and lr has shape {tuple(lr.shape)}: give "
            "shapes that fit"
        ) from None
    lr, momentum = lr[..., None], momentum[..., None]
    middle = (1 + momentum - lr * curvatures) / 2
    root = torch.sqrt((middle**2 - momentum).to(torch.complex128))
    return torch.maximum((middle + root).abs(), (middle - root).abs()).amax(-1)


def measured_rate(distances: torch.Tensor) -> float:
    """Return the factor by which the late steps of a descent shrank its distances.

    A straight line is fitted to the logarithm over the later half. Neighbouring distances are
    joined first, because under momentum a single one can pass near zero while it rings.

    Parameters
    ----------
    distances : torch.Tensor
        Shape (steps + 1,), as `Path.distances` gives them.

    Raises
    ------
    TypeError, ValueError
        If `distances` is anything but finite numbers from 0 up, of shape (steps + 1,), or fewer
        than four steps are left to fit.
    """
    _check_distances(distances)
    joined = torch.hypot(distances[1:], distances[:-1])
    # Numbers smaller than these lose digits.
    joined = joined[: int((joined > 1e-290).cumprod(0).sum())]
    late = torch.log(joined[len(joined) // 2 :])
    if len(late) < 4:
        raise ValueError(
            f"distances has {len(late)} late steps, too few for a rate: take more steps"
        )
    steps = torch.arange(len(late), dtype=late.dtype)
    steps = steps - steps.mean()
    return float(torch.exp((steps * late).sum() / (steps**2).sum()))


def regime(lr: float, curvatures: torch.Tensor) -> str:
    """Name what plain descent with this step size does on a bowl.

    Parameters
    ----------
    lr : float
        The step size, above 0.
    curvatures : torch.Tensor
        The eigenvalues of the Hessian, shape (d,), all of them above 0.

    Returns
    -------
    str
        "crawls" up to a tenth of 1/L, "glides" up to 1/L, "diverges" above 2/L; between those
        two, "is best" within 0.1 % of 2/(L + μ), and elsewhere "rings". μ and L are the
        smallest and largest curvature.

    Raises
    ------
    TypeError, ValueError
        If `lr` or a curvature is not a number above 0.
    """
    require.number("lr", lr, above=0)
    low, high = (float(end) for end in _checked_curvatures(curvatures).aminmax())
    if lr > 2 / high:
        return "diverges"
    if math.isclose(lr, 2 / (low + high), rel_tol=1e-3):
        return "is best"
    if lr > 1 / high:
        return "rings"
    return "glides" if lr > 0.1 / high else "crawls"


def best_settings(curvatures: torch.Tensor) -> dict[str, dict[str, float]]:
    """Return the settings of `run` that shrink the distance fastest on a bowl.

    Parameters
    ----------
    curvatures : torch.Tensor
        The eigenvalues of the Hessian, shape (d,), all of them above 0.

    Returns
    -------
    dict
        Under "plain" lr = 2/(L + μ); under "momentum" lr = (2/(√L + √μ))² and
        momentum = ((√L - √μ)/(√L + √μ))² (Polyak 1964). μ and L are the smallest and largest
        curvature.

    Raises
    ------
    ValueError
        If a curvature is not above 0.
    """
    low, high = (float(end) for end in _checked_curvatures(curvatures).aminmax())
    roots = math.sqrt(high) + math.sqrt(low)
    return {
        "plain": {"lr": 2 / (high + low)},
        "momentum": {
            "lr": (2 / roots) ** 2,
            "momentum": ((math.sqrt(high) - math.sqrt(low)) / roots) ** 2,
        },
    }


def divergence_boundary(
    loss: Loss, start: torch.Tensor, *, low: float, high: float, steps: int = 200
) -> float:
    """Find by trial the step size at which plain descent begins to diverge.

    The interval is halved until it is a ten-thousandth as wide as its upper end. A trial counts
    as diverging when it leaves the finite numbers, or its last step is longer than the one ten
    steps earlier; neither needs to know where the minimum is.

    Parameters
    ----------
    loss : callable
        From a tensor of shape (d,) to one number.
    start : torch.Tensor
        Where each trial starts, shape (d,), away from the minimum along every direction.
    low, high : float
        Step sizes that converge and diverge.
    steps : int
        The steps of a trial, at least 12: enough for the fading directions to fade.

    Raises
    ------
    TypeError, ValueError
        As `run`; and if `low` diverges or `high` does not, or `steps` is below 12.
    """
    _check_weights("start", start, at_once=False)
    require.whole("steps", steps, least=12)
    require.number("low", low, above=0)
    require.number("high", high, above=low)

    def diverges(lr: float) -> bool:
        path = run(loss, start, lr=lr, steps=steps)
        moves = torch.linalg.vector_norm(path.points.diff(dim=0), dim=-1)
        return path.left_at is not None or bool(moves[-1] > moves[-11])

    if diverges(low):
        raise ValueError(f"low is {low} and diverges: give a smaller one")
    if not diverges(high):
        raise ValueError(f"high is {high} and does not diverge: give a larger one")
    while high - low > 1e-4 * high:
        middle = (low + high) / 2
        low, high = (low, middle) if diverges(middle) else (middle, high)
    return (low + high) / 2


def steps_until(distances: torch.Tensor, fraction: float) -> int | None:
    """Return the first step from which on all distances are within a fraction of the first.

    Parameters
    ----------
    distances : torch.Tensor
        Shape (steps + 1,), as `Path.distances` gives them.
    fraction : float
        The fraction of the first distance, above 0.

    Returns
    -------
    int or None
        ``None`` if the path ends before that.

    Raises
    ------
    TypeError, ValueError
        If `distances` is anything but finite numbers from 0 up, of shape (steps + 1,), or
        `fraction` is not above 0.
    """
    _check_distances(distances)
    require.number("fraction", fraction, above=0)
    outside = torch.nonzero(distances > fraction * distances[0]).flatten()
    step = int(outside[-1]) + 1 if len(outside) else 0
    return step if step < len(distances) else None


def _values(loss: Loss, w: torch.Tensor) -> torch.Tensor:
    """Return the loss at w of shape (d,), or at each row of w of shape (n, d)."""
    values = loss(w) if w.ndim == 1 else torch.func.vmap(loss)(w)
    if not isinstance(values, torch.Tensor) or values.shape != w.shape[:-1]:
        shape = tuple(values.shape) if isinstance(values, torch.Tensor) else values
        raise ValueError(f"the loss gave {shape}, not one number in a tensor: reduce it")
    return values


def _kind(value: object) -> str:
    """Describe a value for an error message: a tensor by its dtype and shape."""
    if isinstance(value, torch.Tensor):
        return f"{value.dtype} of shape {tuple(value.shape)}"
    return type(value).__name__


def _is_like(value: object, w: torch.Tensor) -> bool:
    return isinstance(value, torch.Tensor) and value.shape == w.shape and value.dtype == w.dtype


def _check_weights(name: str, w: torch.Tensor, *, at_once: bool = True) -> None:
    if not isinstance(w, torch.Tensor) or not w.is_floating_point():
        what = w.dtype if isinstance(w, torch.Tensor) else type(w).__name__
        raise TypeError(f"{name} is {what}: give a floating-point tensor")
    if w.ndim not in ((1, 2) if at_once else (1,)) or not w.numel():
        shapes = "(d,) or (n, d)" if at_once else "(d,)"
        raise ValueError(f"{name} has shape {tuple(w.shape)}: give {shapes}")


def _checked_curvatures(curvatures: torch.Tensor | Sequence[float]) -> torch.Tensor:
    """Return curvatures as float64 of shape (d,), all of them finite and above 0."""
    checked = _as_numbers("curvatures", curvatures)
    if checked.ndim != 1 or not checked.numel():
        raise ValueError(f"curvatures has shape {tuple(checked.shape)}: give one for each weight")
    if not bool((torch.isfinite(checked) & (checked > 0)).all()):
        raise ValueError(f"curvatures is {checked.tolist()}: give finite numbers above 0")
    return checked


def _checked_settings(name: str, value: object) -> torch.Tensor:
    """Return one setting or several as float64, all of them finite and from 0 up."""
    checked = _as_numbers(name, value)
    if not checked.numel():
        raise ValueError(f"{name} is empty: give at least one number")
    if not bool((torch.isfinite(checked) & (checked >= 0)).all()):
        raise ValueError(f"{name} is {checked.tolist()}: give finite numbers from 0 up")
    return checked


def _as_numbers(name: str, value: object) -> torch.Tensor:
    is_odd = isinstance(value, bool | str) or (
        isinstance(value, torch.Tensor) and (value.is_complex() or value.dtype == torch.bool)
    )
    try:
        if not is_odd:
            return torch.as_tensor(value, dtype=torch.float64)
    except (TypeError, ValueError, RuntimeError, OverflowError):
        pass  # Said below.
    raise TypeError(f"{name} is {require.shown(value)}: give numbers")


def _check_distances(distances: torch.Tensor) -> None:
    require.tensor("distances", distances, ("steps + 1",))
    if bool((distances < 0).any()):
        raise ValueError(f"distances holds {float(distances.min())}: give numbers from 0 up")


def _check_two_weights(w: object) -> None:
    # Without a look at the numbers: this runs at each step, and under vmap.
    if not _is_like(w, WELLS[0]):
        raise ValueError(f"w is {_kind(w)}: this loss takes {_kind(WELLS[0])}")
