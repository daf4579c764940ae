"""The last exercise: a recipe of the reader's beside a weak one, on a few thousand images."""

import dataclasses
import functools
from collections.abc import Callable, Sequence

import torch

from helpers.common import require
from helpers.fashion_mnist_pipeline.fashion import Garments
from helpers.speedrun.marks import Parts, run
from helpers.speedrun.recipes import Recipe

# Weak on purpose, and float32, so that all machines judge alike.
REFERENCE = Recipe(
    epochs=2,
    hidden=128,
    rate=0.001,
    falls=False,
    smoothing=0.0,
    edges=False,
    root=False,
    dtype=torch.float32,
)
IMAGES, UNSEEN = 4_000, 4_000
POINTS = 4.0


def steps(recipe: Recipe) -> int:
    """Return how many steps a recipe takes in a race."""
    return int(recipe.epochs * (IMAGES // recipe.batch_size))


def races(garments: Garments) -> Callable[[Sequence[int]], "Race"]:
    """Return a function that makes a race over some seeds; what is trained twice is kept."""
    held_out = Parts.of(garments, test=False)
    parts = Parts(
        held_out.images[:IMAGES],
        held_out.labels[:IMAGES],
        held_out.unseen[:UNSEEN],
        held_out.truth[:UNSEEN],
    )

    @functools.lru_cache(maxsize=64)
    def accuracy(recipe: Recipe, seed: int) -> float:
        return run(parts, recipe, seed)[0]

    return lambda seeds: Race(accuracy, seeds)


class Race:
    """Called with a recipe, says on how many seeds it is better than the reference by four points.

    It may take no more steps than the reference, and the same kind of number.
    """

    def __init__(self, accuracy: Callable[[Recipe, int], float], seeds: Sequence[int]) -> None:
        self._accuracy, self.seeds, self.run = accuracy, seeds, 0

    def __call__(self, recipe: Recipe) -> int:
        """Train both on each seed, and count."""
        require.instance("recipe", recipe, Recipe, "replace(reference, …)")
        allowed = steps(REFERENCE)
        if not 1 <= steps(recipe) <= allowed:
            raise ValueError(
                f"the recipe takes {steps(recipe)} steps, the reference {allowed}: "
                "give epochs and batch_size that make no more, and at least one"
            )
        recipe = dataclasses.replace(recipe, dtype=torch.float32)
        self.run += 1
        return sum(
            self._accuracy(recipe, seed) >= self._accuracy(REFERENCE, seed) + POINTS
            for seed in self.seeds
        )
