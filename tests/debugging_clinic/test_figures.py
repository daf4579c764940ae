"""What the figures of notebook 05 find in their data."""

import pytest

from debugging_clinic.drawings import BY_FAULT, CHARTS, DRAWINGS, HEALTHY, ILL, SIGNS, TWINS
from helpers.debugging_clinic import figures


def test_patients_are_drawn_beside_the_healthy_and_a_guess():
    above, _, below, _ = DRAWINGS["patients"]().axes
    healthy, patient, guess = (list(line.get_ydata()) for line in below.lines)
    assert healthy == HEALTHY.accuracy and patient == ILL.accuracy and guess == [0.1, 0.1]
    healthy, patient, guess = (list(line.get_ydata()) for line in above.lines)
    # A loss of 20 is drawn at the edge of what is shown.
    assert healthy == HEALTHY.loss and patient == [12.0, *ILL.loss[1:]]
    assert guess == pytest.approx([2.302585] * 2)


def test_the_figures_say_what_they_show():
    names = {"X": ILL, "Y": HEALTHY}
    assert figures.patients(names, names).alt.endswith("Their first loss is near ln 10: Y.")
    # What D and E measure is beyond the bound for the healthy run as well.
    assert "In 3 of them" in figures.symptoms(SIGNS, CHARTS, TWINS).alt
    assert "In 0 of them" in figures.symptoms(SIGNS, TWINS, TWINS).alt
    signs = list(SIGNS.values())
    assert "5 of 5 patients" in figures.who_shows_what(signs, BY_FAULT).alt
    one_sound = BY_FAULT | {"a fault": HEALTHY}
    assert "4 of 5 patients" in figures.who_shows_what(signs, one_sound).alt
    falls = figures.in_batches_of({"a": {128: 0.8, 1: 0.8}, "b": {128: 0.8, 1: 0.1}})
    assert falls.alt.endswith("It falls to a guess for: b.")
    assert "does not lag behind" in figures.accuracy_reported([0.5, 0.6], [0.5, 0.7]).alt
    assert "lags behind from" in figures.accuracy_reported([0.5, 0.6], [0.5, 0.55]).alt
