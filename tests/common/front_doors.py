"""Where a reader types a value into what all wings share, and the junk that may be typed."""

import functools

from common.junk import Case
from helpers.common import explore
from helpers.common.picture import Figure


def square(setting):
    return Figure(figsize=(1, 1), alt="A square.")


CASES = {
    "explore.slider": Case(
        explore.slider,
        dict(draw=square, settings=[1.0, 2.0], label="length", start=1.0),
        fine={
            "settings": {"an entry less", "an entry more"}
            | {"None within", "text within", "NaN within"},
            # A tensor of one number may be one of the settings.
            "start": {"None", "True", "a tensor of no axes", "a tensor of many axes"},
        },
        called={"settings": "start"},
    ),
    "explore.twin": Case(
        # What it draws with, and the label, the slider has asked for.
        functools.partial(explore.twin, square, label="length"),
        dict(settings=[1.0, 2.0, 3.0]),
        fine={"settings": {"an entry more", "None within", "text within", "NaN within"}},
    ),
}
