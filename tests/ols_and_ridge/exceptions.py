"""What in notebook 02 cannot be compared or run as the rest, by the cell's id, and why."""

_ROUNDING = "shows rounding errors, and processors round otherwise"
_TIMES = "shows times, and no two runs take the same"
# Pictures that are other ones in each run. They must be there, as many and as large as stored.
WOBBLING_PICTURES = {
    "coat-torch-tensor-1-0-100-0-100-0-2-54": _ROUNDING,
    "measure-solvers": _ROUNDING,
    "tiny-10-0-k-for-k-in-range-13": _ROUNDING,
    "sizes-64-128-256-512-1024": _TIMES,
}
