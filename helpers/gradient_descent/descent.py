"""Gradient descent that keeps its path.

A loss is a function from one weight vector, a tensor of shape (d,), to a tensor that holds one
number. Nothing here draws a random number.
"""

import numbers
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from helpers.common import require
from helpers.common.sentences import say

Loss = Callable[[Tensor], Tensor]
Rule = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Path:
    """The points that a descent went through, or n descents side by side: all of them finite."""

    points: Tensor  # shape (steps + 1, d) or (steps + 1, n, d), the start first
    losses: Tensor  # shape (steps + 1,) or (steps + 1, n)
    # The step that led out of the finite numbers, if one did; the path ends just before it.
    left_at: int | None = None

    @property
    def end(self) -> Tensor:
        """The last finite point, shape (d,) or (n, d)."""
        return self.points[-1]

    @property
    def steps(self) -> int:
        """How many steps were recorded."""
        return len(self.points) - 1

    def distances(self, goal: Tensor | float = 0.0) -> Tensor:
        """Return how far each point is from `goal`, a point of shape (d,) or one a descent."""
        return torch.linalg.vector_norm(self.points - goal, dim=-1)

    def verdict(self) -> str:
        """Say in a few words whether the descent left the finite numbers, or rose."""
        if self.left_at is not None:
            return say("diverged: left the finite numbers at step {step}", step=self.left_at)
        first, last = self.losses[0].flatten(), self.losses[-1].flatten()
        if not bool((last > first).any()):
            return say("finite for all {steps} steps", steps=self.steps)
        worst = (last - first).argmax()
        return say(
            "finite for all {steps} steps, but the loss rose from {first:.1e} to {last:.1e}",
            steps=self.steps,
            first=first[worst],
            last=last[worst],
        )


def record(rule: Rule, loss: Loss, start: Tensor, steps: int) -> Path:
    """Apply an update rule, from the weights to those one step later, and keep the path.

    The start has shape (d,), or (n, d) for n descents side by side, of float32 or float64; the
    rule takes and gives the same, the loss takes (d,). Of the steps, at least 1, fewer are kept if
    one leaves the finite numbers; the first of several descents to leave ends them all.
    """
    require.function("rule", rule)
    require.function("loss", loss)
    require.tensor("start", start)
    if start.ndim not in (1, 2):
        raise ValueError(f"start has shape {tuple(start.shape)}: give (d,) or (n, d)")
    require.whole("steps", steps)
    if start.ndim == 2:
        # NumPy cannot read vmap's stand-in for all rows: one row by itself says so in a line.
        values_of(loss, start[0].detach())
    points, losses = [start.detach().clone()], [values_of(loss, start.detach())]
    if not torch.isfinite(losses[0]).all():
        raise ValueError("the loss at the start is not finite: start where it is")
    left_at = None
    for step in range(1, steps + 1):
        point = rule(points[-1])
        require.tensor("the rule's result", point, start.shape, dtypes=[start.dtype], finite=False)
        point = point.detach()  # Else each step would keep the graph of all before it.
        value = values_of(loss, point)
        if not (torch.isfinite(point).all() and torch.isfinite(value).all()):
            left_at = step  # From here on every number would be inf or nan.
            break
        points.append(point)
        losses.append(value)
    return Path(torch.stack(points), torch.stack(losses), left_at)


def run(
    loss: Loss,
    start: Tensor,
    *,
    lr: float | Callable[[int], float],
    steps: int,
    momentum: float = 0.0,
    nesterov: bool = False,
    weight_decay: float = 0.0,
) -> Path:
    """Descend as `torch.optim.SGD` does, and keep the path as `record` does.

    Parameters
    ----------
    loss, start, steps
        As for `record`.
    lr : float or callable
        The step size, above 0; or a schedule, from the number of steps already taken to the
        size of the next one, at least 0.
    momentum : float
        How much of the last velocity is kept, at least 0.
    nesterov : bool
        Look one step ahead, as Nesterov's method does; needs momentum.
    weight_decay : float
        This much times the weights is added to the gradient, at least 0.
    """
    if not callable(lr):
        require.number("lr", lr, above=0)
    require.number("momentum", momentum, least=0)
    require.truth("nesterov", nesterov)
    require.number("weight_decay", weight_decay, least=0)
    if nesterov and momentum == 0:
        raise ValueError("nesterov is True and momentum is 0: give a momentum above 0")
    velocity, taken = None, 0  # What momentum keeps from step to step; a schedule counts from 0.

    def step(w: Tensor) -> Tensor:
        nonlocal velocity, taken
        direction = _gradient(loss, w) + weight_decay * w
        if momentum:
            # PyTorch's first velocity is the gradient itself.
            velocity = direction if velocity is None else momentum * velocity + direction
            # Nesterov looks ahead: it goes on by the velocity that the next step will have kept.
            direction = direction + momentum * velocity if nesterov else velocity
        size = lr(taken) if callable(lr) else lr
        if callable(lr):
            require.number(f"lr({taken})", size, least=0)
        taken += 1
        return w - size * direction

    return record(step, loss, start, steps)


def steps_until(distances: Tensor, fraction: float) -> int | None:
    """Return the first step from which on all distances are within a fraction of the first.

    The distances are those of `Path.distances`; ``None`` if the path ends before that.
    """
    # Under momentum a distance can dip below the bound and come back: the last one outside counts.
    outside = torch.nonzero(distances > fraction * distances[0]).flatten()
    step = int(outside[-1]) + 1 if len(outside) else 0
    return step if step < len(distances) else None


def _gradient(loss: Loss, w: Tensor) -> Tensor:
    """Return the gradient at w of shape (d,), or at each row of w of shape (n, d)."""
    w = w.detach().requires_grad_()
    values = values_of(loss, w)
    if not values.requires_grad:
        raise ValueError("the loss does not depend on the weights: compute it from its argument")
    # The descents are independent, so the gradient of the sum holds the gradient of each.
    (result,) = torch.autograd.grad(values.sum(), w)
    return result


def values_of(loss: Loss, w: Tensor) -> Tensor:
    """Return the loss at w of shape (d,), or at each row of w of shape (n, d)."""
    # vmap calls the loss once, with a stand-in for all rows: the loss need not know of rows.
    values = loss(w) if w.ndim == 1 else torch.func.vmap(loss)(w)
    if isinstance(values, Tensor) and values.shape == w.shape[:-1]:
        return values
    if isinstance(values, Tensor):
        wrong = f"{tuple(values.shape)}, not one number in a tensor: reduce it"
    elif isinstance(values, numbers.Number):  # NumPy's too
        wrong = f"{values}, computed outside PyTorch: use torch's functions on w"
    elif hasattr(values, "__array__"):
        wrong = f"{require.shown(values)}, computed outside PyTorch: use torch's functions on w"
    else:
        wrong = f"{require.shown(values)}, not one number in a tensor: compute one from w"
    raise ValueError(f"the loss gave {wrong}")
