"""Input that chance makes up, the same in each run.

A test that takes Hypothesis from here is skipped where it is not installed.
"""

import torch

from project.needed import needed

needed("hypothesis")

from hypothesis import given, settings  # noqa: E402  It may not be there.
from hypothesis import strategies as st  # noqa: E402

__all__ = ["above_zero", "few", "given", "normal", "numbers", "seeds", "settings", "st"]

settings.register_profile(
    "the same in each run", derandomize=True, deadline=None, database=None, max_examples=40
)
settings.load_profile("the same in each run")
few = settings(max_examples=12)

seeds = st.integers(0, 2**32 - 1)
# Far from where float64 overflows or loses digits, which is not the subject.
numbers = st.floats(-100, 100, allow_subnormal=False)
above_zero = st.floats(0.01, 100)


def normal(seed: int, *shape: int) -> torch.Tensor:
    """Return normal random numbers of float64."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)
