"""What the figures of notebook 05 find in their data."""

import pytest

from debugging_clinic.drawings import CHARTS, DRAWINGS, FAULTS, HEALTHY, ILL, PASSED, SIGNS, TWINS
from helpers.debugging_clinic import figures


def test_patients_are_drawn_beside_the_healthy_and_a_guess():
    above, _, below, _ = DRAWINGS["patients"]().axes
    healthy, patient, guess = (list(line.get_ydata()) for line in below.lines)
    assert healthy == HEALTHY.accuracy and patient == ILL.accuracy and guess == [0.1, 0.1]
    healthy, patient, guess, cut = (list(line.get_ydata()) for line in above.lines)
    # A loss of 20 is drawn at the edge of what is shown, and marked.
    assert healthy == HEALTHY.loss and patient == [12.0, *ILL.loss[1:]]
    assert guess == pytest.approx([2.302585] * 2) and cut == [12.0]
    assert list(above.lines[3].get_xdata()) == [1]


def test_the_figures_say_what_they_show():
    names = {"X": ILL, "Y": HEALTHY}
    assert figures.patients(names, names).alt.endswith("First loss near ln 10: Y.")
    # What D and E measure is beyond the bound for the healthy run as well.
    assert "In 3 of them" in figures.symptoms(SIGNS, CHARTS, TWINS).alt
    assert "In 0 of them" in figures.symptoms(SIGNS, TWINS, TWINS).alt
    said = figures.patients(names | {"Z": HEALTHY}, dict.fromkeys("XYZ", HEALTHY)).alt
    assert "healthy run. Y and Z learn; X does not." in said
    alone = {seed: [0.8, 0.7] for seed in (128, 1)}
    falls = figures.in_batches_of({"a": alone, "b": alone | {1: [0.1, 0.1]}})
    assert falls.alt.endswith("It falls to a guess for: b.")
    assert "does not lag behind" in figures.accuracy_reported([0.5, 0.6], [0.5, 0.7]).alt
    assert "lags behind from" in figures.accuracy_reported([0.5, 0.6], [0.5, 0.55]).alt


def test_the_table_counts_whom_a_test_catches_and_whom_none_does():
    table = figures.who_fails_what(PASSED, FAULTS)
    assert (
        "No test catches more than 3 of 4 patients; together they catch all, and accuse none"
        in (table.alt)
    )
    fails, passes = (collection.get_offsets().tolist() for collection in table.axes[0].collections)
    # What catches many comes first, then each test where it meets its first patient.
    assert fails == [[0, 0], [2, 0], [3, 0], [1, 1], [3, 2]]
    assert len(fails) + len(passes) == 15
    blind = PASSED | {"a test for B": dict.fromkeys("ABCD", True) | {"healthy": False}}
    assert "together they catch 3, and accuse 1" in figures.who_fails_what(blind, FAULTS).alt
