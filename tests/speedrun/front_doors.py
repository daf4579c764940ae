"""Where a reader hands something to notebook 07's helpers, and which junk is none."""

from common.junk import Case
from helpers.speedrun import race
from helpers.speedrun.recipes import Recipe


def enter(recipe):
    return race.Race(lambda *_: 50.0, (0, 1))(recipe)


CASES: dict[str, Case] = {"race.Race": Case(enter, {"recipe": Recipe(epochs=1)})}
