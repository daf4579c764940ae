"""What the figures of notebook 05 find in their data."""

import pytest

from debugging_clinic.drawings import DRAWINGS, HEALTHY, ILL


def test_patients_are_drawn_beside_the_healthy_and_a_guess():
    above, _, below, _ = DRAWINGS["patients"]().axes
    healthy, patient, guess = (list(line.get_ydata()) for line in below.lines)
    assert healthy == HEALTHY.accuracy and patient == ILL.accuracy and guess == [0.1, 0.1]
    healthy, patient, guess = (list(line.get_ydata()) for line in above.lines)
    # A loss of 20 is drawn at the edge of what is shown.
    assert healthy == HEALTHY.loss and patient == [12.0, *ILL.loss[1:]]
    assert guess == pytest.approx([2.302585] * 2)
