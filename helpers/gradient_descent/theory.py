"""What theory expects of a descent on a bowl, and what a run shows: rates, bounds, regimes.

Throughout, curvatures are the eigenvalues of the Hessian, shape (d,); those that are put in must
all lie above 0. L is the largest of them, μ the smallest.
"""

import math
import statistics
import warnings

import torch
from torch import Tensor

from helpers.common import require
from helpers.gradient_descent import descent

# The first Hessian in a process makes torch load a part of itself, which warns of torch's own
# torch.jit.script. Done here, so that the warning does not stand in a reader's first Hessian.
with warnings.catch_warnings():
    warnings.simplefilter("ignore", FutureWarning)
    torch.func.hessian(torch.sum)(torch.ones(1))


def curvatures(loss: descent.Loss, w: Tensor) -> Tensor:
    """Return the eigenvalues of the Hessian of `loss` at `w`, smallest first, both shape (d,)."""
    require.function("loss", loss)
    require.tensor("w", w, ("d",))
    descent.values_of(loss, w)  # It says so if the loss does not give one number.
    return torch.linalg.eigvalsh(torch.func.hessian(loss)(w))


def predicted_rate(
    lr: float | Tensor, curvatures: Tensor, momentum: float | Tensor = 0.0
) -> Tensor:
    """Return the factor by which each late step shrinks the distance to a bowl's minimum.

    Along an eigenvector of the Hessian with curvature h, the error e follows
    e[k+1] = (1 + γ - lr h) e[k] - γ e[k-1], so the factor is the larger root, in modulus, of
    ρ² - (1 + γ - lr h) ρ + γ (Polyak 1964); the slowest eigenvector decides. The momentum γ is in
    PyTorch's convention. There may be several step sizes and momenta, of shapes that fit; the
    answer is float64 in their joint shape. Above 1 the descent diverges.
    """
    steep = _above_zero(curvatures)
    lr, momentum = (_settings(*setting) for setting in (("lr", lr), ("momentum", momentum)))
    middle = (1 + momentum - lr * steep) / 2
    # Where the roots are complex, the descent swings; both then have the modulus √γ.
    root = torch.sqrt((middle**2 - momentum).to(torch.complex128))
    return torch.maximum((middle + root).abs(), (middle - root).abs()).amax(-1)


def measured_rate(distances: Tensor) -> float:
    """Return the factor by which late steps shrank the distances of a path, shape (steps + 1,)."""
    # Under momentum a single distance can pass near zero while it swings: join it to the next.
    joined = torch.hypot(distances[1:], distances[:-1])
    # Numbers smaller than these lose digits.
    joined = joined[: int((joined > 1e-290).cumprod(0).sum())]
    # At first all directions fade together; in the later half the slowest is left alone.
    late = torch.log(joined[len(joined) // 2 :])
    if len(late) < 4:
        raise ValueError(f"distances has {len(late)} late steps, too few for a rate: take more")
    return math.exp(statistics.linear_regression(range(len(late)), late.tolist()).slope)


def regime(lr: float, curvatures: Tensor) -> str:
    """Name what plain descent with this step size, above 0, does on a bowl.

    It "crawls" up to a tenth of 1/L, "glides" up to 1/L and "diverges" above 2/L; between those
    two, it "is best" within 0.1 % of 2/(L + μ), and elsewhere "jumps" from side to side.
    """
    require.number("lr", lr, above=0)
    low, high = _above_zero(curvatures).aminmax()
    if lr > 2 / high:
        return "diverges"
    if math.isclose(lr, 2 / (low + high), rel_tol=1e-3):
        return "is best"
    if lr > 1 / high:
        return "jumps"
    return "glides" if lr > 0.1 / high else "crawls"


def best_settings(curvatures: Tensor) -> dict[str, dict[str, float]]:
    """Return the settings of `descent.run` that shrink the distance fastest on a bowl.

    Under "plain" lr = 2/(L + μ); under "momentum" lr = (2/(√L + √μ))² and
    momentum = ((√L - √μ)/(√L + √μ))² (Polyak 1964).
    """
    low, high = (float(end) for end in _above_zero(curvatures).aminmax())
    roots = math.sqrt(high) + math.sqrt(low)
    kept = ((math.sqrt(high) - math.sqrt(low)) / roots) ** 2
    heavy = {"lr": (2 / roots) ** 2, "momentum": kept}
    return {"plain": {"lr": 2 / (high + low)}, "momentum": heavy}


def divergence_boundary(
    loss: descent.Loss, start: Tensor, *, low: float, high: float, steps: int = 200
) -> float:
    """Find by trial the step size at which plain descent begins to diverge.

    The step size `low` converges, `high` diverges; between them the interval is halved until it is
    a ten-thousandth as wide as its upper end. A trial begins at `start`, shape (d,), away from the
    minimum along every direction, and takes `steps` steps, at least 12, in which the fading
    directions fade. It diverges if it leaves the finite numbers, or if its last step is longer than
    the one ten steps earlier; neither needs to know where the minimum is.
    """
    require.tensor("start", start, ("d",))
    require.whole("steps", steps, least=12)
    require.number("low", low, above=0)
    require.number("high", high, above=low)

    def diverges(lr: float) -> bool:
        path = descent.run(loss, start, lr=lr, steps=steps)
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


def _above_zero(curvatures: object) -> Tensor:
    """Return curvatures as float64 of shape (d,), all of them finite and above 0."""
    require.series("curvatures", curvatures, above=0)
    return torch.as_tensor(curvatures, dtype=torch.float64)


def _settings(name: str, value: float | Tensor) -> Tensor:
    """Return one setting or several, finite and from 0 up, the last axis left to curvatures."""
    if isinstance(value, Tensor):
        require.series(name, value.flatten(), least=0)
    else:
        require.number(name, value, least=0)
    return torch.as_tensor(value, dtype=torch.float64)[..., None]
