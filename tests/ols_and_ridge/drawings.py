"""Every figure of notebook 02, drawn of small fixed data, by its name."""

import torch

from helpers.ols_and_ridge import figures, least_squares
from helpers.ols_and_ridge import ridge_figures as ridge
from ols_and_ridge.front_doors import LAND

LINE = torch.linspace(0, 1, 5)
SPOTS = least_squares.spot_heights(LAND, 9, seed=0)
PENALTIES = [0.1, 1.0, 10.0]
PENALTY_ERRORS = (torch.tensor([50.0, 60.0, 70.0]), torch.tensor([90.0, 70.0, 80.0]))
CONDITIONS = [1.0, 10.0, 1e3, 1e7, 1e9]
SOLVER_ERRORS = torch.tensor(CONDITIONS, dtype=torch.float64) * 1e-16
WEIGHTS = torch.tensor([1.0, 2.0], dtype=torch.float64)
COPY = torch.stack([WEIGHTS, 2 * WEIGHTS])

DRAWINGS = {
    "line_and_bowl": lambda: figures.line_and_bowl(
        *least_squares.line_problem(9, seed=0), WEIGHTS / 2
    ),
    "projection": lambda: figures.projection(
        torch.tensor([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]]),
        torch.tensor([0.0, 2.5, 2.0]),
        torch.tensor([0.5, 1.5, 2.5]),
    ),
    "errors_of_solvers": lambda: figures.errors_of_solvers(
        {"inv": LINE + 2, "lstsq": LINE / 9 + 0.01}, {"inv": LINE + 1, "lstsq": LINE / 99 + 0.01}
    ),
    "valley": lambda: figures.valley(COPY, 5 * WEIGHTS, WEIGHTS, WEIGHTS.flip(0) / 5**0.5),
    "circle_to_ellipse": lambda: figures.circle_to_ellipse(
        torch.tensor([[3.0, 0.0], [4.0, 5.0]], dtype=torch.float64)
    ),
    "solver_errors": lambda: figures.solver_errors(
        CONDITIONS,
        {
            (0.0, "solve"): SOLVER_ERRORS**2 * 1e16,
            (0.0, "qr"): SOLVER_ERRORS,
            (0.1, "solve"): SOLVER_ERRORS**2 * 1e16,
            (0.1, "qr"): SOLVER_ERRORS**2 * 1e14,
        },
    ),
    "eigenvalues_moved": lambda: ridge.eigenvalues_moved(
        torch.tensor([0.0, 70.0]), [-70.0, 0.0, 10.0]
    ),
    "three_objectives": lambda: ridge.three_objectives(COPY, 5 * WEIGHTS, 10.0, WEIGHTS),
    "towards_the_shortest": lambda: ridge.towards_the_shortest(
        PENALTIES[::-1],
        {
            "one target": {"one way": [3.0, 0.3, 0.2], "another way": [3.0, 0.3, 0.03]},
            "another target": {"one way": [3.0, 0.3, 1e-7], "another way": [3.0, 0.3, 0.03]},
        },
    ),
    "shrinkage": lambda: ridge.shrinkage(
        PENALTIES, torch.tensor([[0.9, 0.8], [0.8, 0.5], [0.5, 0.1]]), WEIGHTS.flip(0)
    ),
    "weight_paths": lambda: ridge.weight_paths(
        PENALTIES, torch.tensor([[0.9, -0.8], [0.5, 0.2], [0.1, 0.1]]), ("tape A", "tape B")
    ),
    "luck_of_two_weights": lambda: ridge.luck_of_two_weights(
        torch.tensor([[0.5, -0.3], [0.1, 0.0], [-0.3, 0.5]]), WEIGHTS / 9, ("tape A", "tape B")
    ),
    "bias_and_variance": lambda: ridge.bias_and_variance(
        PENALTIES, [0.003, 0.03, 0.3], [0.4, 0.04, 0.004], 0.7
    ),
    "draws_of_spots": lambda: ridge.draws_of_spots({"one λ": [90, 400], "another λ": [70, 60]}),
    "hills_and_spots": lambda: ridge.hills_and_spots(LAND, *SPOTS, to_fit=6),
    "map_at_penalty": lambda: ridge.map_at_penalty(
        LAND, LAND.height + 25, 1.0, PENALTIES, PENALTY_ERRORS
    ),
    "error_curves": lambda: ridge.error_curves(PENALTIES, PENALTY_ERRORS, [90.0, 80.0, 85.0]),
    "closed_form_cost": lambda: figures.closed_form_cost([8, 16, 32], [0.1, 0.3, 1.0], 50),
    "smoothed_profile": lambda: ridge.smoothed_profile(LINE, LINE**2, LINE),
    "no_smoothed_profile": lambda: ridge.smoothed_profile(LINE, LINE**2, None),
}
