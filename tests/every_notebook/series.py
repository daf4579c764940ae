"""Which notebooks there are, and the wing of each. Who drops a notebook drops its line here."""

import importlib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

WINGS = {
    "computation_graph": "01_computation_graph",
    "ols_and_ridge": "02_ols_and_ridge",
    "gradient_descent": "03_gradient_descent",
    "fashion_mnist_pipeline": "04_fashion_mnist_pipeline",
    "debugging_clinic": "05_debugging_clinic",
    "beyond_one_process": "06_beyond_one_process",
    "speedrun": "07_speedrun",
}
# What README shows of each: the id of a cell, and which of its pictures.
SHOWN = {
    "computation_graph": ("all-steps-of-the-walk", 4),
    "ols_and_ridge": ("errors-of-six-solvers", 0),
    "gradient_descent": ("fan-of-directions", 0),
    "fashion_mnist_pipeline": ("garments-by-class", 0),
    "debugging_clinic": ("one-network-three-accuracies", 0),
    "beyond_one_process": ("growing-batch-figure", 0),
    "speedrun": ("marks-and-recipes", 0),
}
NOTEBOOKS = [ROOT / "notebooks" / f"{notebook}.ipynb" for notebook in WINGS.values()]


def part_of(wing: str, name: str) -> object:
    """Return a module of a wing's tests, such as ``drawings``; None if it has no such file."""
    if not (ROOT / "tests" / wing / f"{name}.py").exists():
        return None
    return importlib.import_module(f"{wing}.{name}")


def exceptions(name: str) -> dict[tuple[str, str], str]:
    """Return, by notebook and cell id, why a cell is excepted: the wings' lists under a name."""
    return {
        (notebook, cell): reason
        for wing, notebook in WINGS.items()
        for cell, reason in getattr(part_of(wing, "exceptions"), name, {}).items()
    }
