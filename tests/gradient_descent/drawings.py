"""Every figure of notebook 03, drawn of small fixed data, by its name."""

import torch

from helpers.gradient_descent import descent, figures, landscapes, theory
from helpers.gradient_descent import figures_of_steps as steps

LINE = torch.linspace(0, 1, 5)
VALLEY = landscapes.bowl([1.0, 10.0], tilt=30)
CURVATURES = torch.tensor([1.0, 10.0], dtype=torch.float64)
ORIGIN = torch.zeros(2, dtype=torch.float64)
HERE = torch.tensor([2.6, 1.2], dtype=torch.float64)
SHORT, LONG = (descent.run(VALLEY, HERE, lr=lr, steps=20) for lr in (0.05, 0.15))
BOTH = {"short": SHORT, "long": LONG}
BLOWN = descent.run(VALLEY, HERE, lr=3.0, steps=400)
SPHERE = torch.nn.functional.normalize(
    torch.cartesian_prod(*[torch.linspace(-1, 1, 4, dtype=torch.float64)] * 3)
)
TILT = torch.tensor([1.0, -2.0, 2.0], dtype=torch.float64)
DEGREES = torch.arange(0, 360, 30, dtype=torch.float64)
COSINES = torch.cos(torch.deg2rad(DEGREES))
STARTS = torch.stack(torch.meshgrid(LINE.double(), LINE.double(), indexing="xy"), dim=2)
ENDS = torch.tensor([0] * 10 + [1] * 5 + [2] * 10).reshape(5, 5)
WAYS = {"descent": torch.stack([LINE, -LINE], dim=1), "ridge": torch.stack([LINE] * 2, dim=1)}
ERRORS = {"descent": (LINE - 0.25).abs(), "ridge": (LINE - 0.5).abs()}
SIZES = torch.full((20,), 0.25, dtype=torch.float64)
BOUNDS = torch.tensor([0.5] * 15 + [0.125] * 5, dtype=torch.float64)
AREAS = {"here": (0.2, 0.2), "there": (0.5, 0.5), "nowhere": (0.8, 0.8)}
RATES = torch.linspace(0.55, 1.2, 12).reshape(3, 4)

DRAWINGS = {
    "direction_fan": lambda: figures.direction_fan(VALLEY, HERE, ORIGIN, names=("a", "b")),
    "change_by_angle": lambda: figures.change_by_angle(
        DEGREES, {0.1: COSINES, 0.5: COSINES + 0.2}, 1.0
    ),
    "change_on_sphere": lambda: figures.change_on_sphere(SPHERE, SPHERE @ TILT, TILT),
    "zigzag": lambda: figures.zigzag(
        {"left": (VALLEY, SHORT, ORIGIN), "right": (VALLEY, LONG, ORIGIN)},
        {"left": 7, "right": 9},
        names=[("a", "b"), ("c", "d")],
        reach=3.0,
    ),
    "basins": lambda: figures.basins(VALLEY, STARTS, ENDS, {"pass": ORIGIN}, AREAS),
    "five_regimes": lambda: steps.five_regimes(
        {"short: glides": SHORT.points, "long: jumps": LONG.points}, [0.05, 0.15], CURVATURES
    ),
    "rate_against_step": lambda: steps.rate_against_step(LINE / 5, 1 - LINE / 5, CURVATURES),
    "descent_report": lambda: steps.descent_report(
        VALLEY, SHORT, 0.95, 0.951, setting="lr 0.05", word="glides along the valley"
    ),
    "loss_curves": lambda: steps.loss_curves({"short": SHORT, "blown": BLOWN}),
    "chosen_steps": lambda: steps.chosen_steps(landscapes.banana, SHORT, SIZES, BOUNDS),
    "damping": lambda: steps.damping({"creeps": 1 - LINE / 2, "swings": torch.cos(7 * LINE)}),
    "rate_map": lambda: steps.rate_map(
        LINE[1:] / 4, LINE[:3], RATES, theory.best_settings(CURVATURES), 10.0
    ),
    "steps_against_condition": lambda: steps.steps_against_condition(
        [10.0, 1000.0],
        {"plain": [70, 7000], "momentum": [30, 300]},
        {"plain": 1.0, "momentum": 0.5},
    ),
    "snapshots": lambda: steps.snapshots(VALLEY, BOTH, [1, 20], reach=3.0),
    "noise_ball": lambda: steps.noise_ball(
        VALLEY, ORIGIN, {"4 rows": SHORT.points}, [4, 64], {0.02: [0.4, 0.1], 0.08: [0.8, 0.2]}
    ),
    "early_stopping": lambda: steps.early_stopping(LINE + 0.1, WAYS, ERRORS, ("chest", "waist")),
}
