"""Two hints of notebook 03 are for numbers that only a run gives: they are what the run gave."""

import re

import nbformat
import pytest

from every_notebook import rules
from every_notebook.series import ROOT
from helpers.gradient_descent.answers import check

NOTEBOOK = nbformat.read(ROOT / "notebooks" / "03_gradient_descent.ipynb", as_version=4)
PRINTED = {cell.id: rules.printed(cell) for cell in rules.code_cells(NOTEBOOK)}


def test_the_steps_without_standardising_are_those_of_the_run():
    (steps,) = re.findall(r"as they are: .* steps: (\d+)", PRINTED["first-angle-and-steps"])
    assert list(check.predictions["steps once standardised"].hints) == [int(steps)]


def test_the_length_from_elsewhere_is_that_of_the_run():
    pattern = r"from (\w+) .*length ([\d.]+)"
    lengths = dict(re.findall(pattern, PRINTED["two-starts-on-a-flat-line"]))
    ratio = float(lengths["elsewhere"]) / float(lengths["zero"])
    wrong, _ = check.predictions["where descent from zero ends"].hints
    assert wrong == pytest.approx(ratio, abs=1e-3)
