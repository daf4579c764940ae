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
}
NOTEBOOKS = [ROOT / "notebooks" / f"{notebook}.ipynb" for notebook in WINGS.values()]


def exceptions(name: str) -> dict[tuple[str, str], str]:
    """Return, by notebook and cell id, why a cell is excepted: the wings' lists under a name."""
    return {
        (notebook, cell): reason
        for wing, notebook in WINGS.items()
        for cell, reason in getattr(_excepted(wing), name, {}).items()
    }


def _excepted(wing: str) -> object:
    try:
        return importlib.import_module(f"{wing}.exceptions")
    except ModuleNotFoundError:
        return None
