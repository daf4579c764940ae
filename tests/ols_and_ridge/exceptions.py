"""What in notebook 02 cannot be compared or run as the rest, by the cell's id, and why."""

# Text that nbval may ignore: the cell carries the tag `nbval-ignore-output`.
IGNORED_OUTPUTS = {
    "gels-on-a-device": "runs on a CUDA device where one is, and shows what rounding made of it",
}

_ROUNDING = "shows rounding errors, and processors round otherwise"
_TIMES = "shows times, and no two runs take the same"
# Pictures that are other ones in each run. They must be there, as many and as large as stored.
WOBBLING_PICTURES = {
    "weights-and-coats-off": _ROUNDING,
    "errors-of-six-solvers": _ROUNDING,
    "towards-the-shortest": _ROUNDING,
    "price-of-the-closed-form": _TIMES,
}
