"""Every figure of notebook 01, drawn of small fixed data, by its name."""

from helpers.computation_graph import figures

DRAWINGS = {
    "slope_errors": lambda: figures.slope_errors([0.1, 0.01], {"central": [0.5, 0.0]}),
    "price_of_slopes": lambda: figures.price_of_slopes(
        {"two layers": [(800, 1.0), (90_000, 1.01)], "fifty layers": [(25_000, 1.5)]}
    ),
}
