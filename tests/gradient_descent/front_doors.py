"""Where a reader of notebook 03 types a value, and what would do there: see `common.junk`."""

import torch

from common.junk import FROM_ZERO, GRAPH, LESS_OR_MORE, POSITIVE, PRECISION, REAL, SEVERAL, Case
from common.junk import NOT_FINITE as WITHIN
from helpers.gradient_descent import descent, landscapes, theory

BOWL = landscapes.bowl([1.0, 4.0])
START = torch.tensor([1.0, 1.0], dtype=torch.float64)
CURVATURES = torch.tensor([1.0, 4.0], dtype=torch.float64)
SEVERAL_DESCENTS = {"an axis more"}
OTHER_BOWLS = LESS_OR_MORE | PRECISION
# The bowl itself says so where weights do not fit it, and calls them w.
WEIGHTS = {"start": r"\bw\b"}

CASES = {
    "descent.record": Case(
        descent.record,
        {"rule": lambda w: w / 2, "loss": BOWL, "start": START, "steps": 3},
        fine={"start": GRAPH | SEVERAL_DESCENTS},
        called=WEIGHTS,
    ),
    "descent.run": Case(
        descent.run,
        dict(loss=BOWL, start=START, lr=0.1, steps=3)
        | dict(momentum=0.5, nesterov=False, weight_decay=0.1),
        fine={
            "start": GRAPH | SEVERAL_DESCENTS,
            # A step that is far too long ends the path early, and the path says so.
            "lr": POSITIVE,
            "momentum": FROM_ZERO,
            "weight_decay": FROM_ZERO,
        },
        # A class may be called like a schedule, and says itself that it is none.
        called=WEIGHTS | {"lr": "object is not iterable"},
    ),
    "landscapes.bowl": Case(
        landscapes.bowl, {"curvatures": [1.0, 4.0], "tilt": 30.0}, fine={"tilt": REAL}
    ),
    "theory.curvatures": Case(
        theory.curvatures, {"loss": BOWL, "w": START}, fine={"w": GRAPH | WITHIN}
    ),
    "theory.predicted_rate": Case(
        theory.predicted_rate,
        {"lr": 0.1, "curvatures": CURVATURES, "momentum": 0.5},
        fine={"curvatures": OTHER_BOWLS} | dict.fromkeys(["lr", "momentum"], FROM_ZERO | SEVERAL),
    ),
    "theory.regime": Case(
        theory.regime,
        {"lr": 0.1, "curvatures": CURVATURES},
        fine={"lr": POSITIVE, "curvatures": OTHER_BOWLS},
    ),
    "theory.best_settings": Case(
        theory.best_settings, {"curvatures": CURVATURES}, fine={"curvatures": OTHER_BOWLS}
    ),
    "theory.divergence_boundary": Case(
        theory.divergence_boundary,
        {"loss": BOWL, "start": START, "low": 0.1, "high": 3.0, "steps": 20},
        fine={"start": GRAPH, "low": {"a half"}, "high": {"a huge float"}},
        called=WEIGHTS | {"low": "high is 3.0: give a finite number above"},
    ),
}
