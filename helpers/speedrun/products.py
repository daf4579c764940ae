"""What makes products quick: the kind of number, and how numbers lie in memory."""

import time

import torch
from torch import Tensor, nn

LAST = torch.channels_last  # All numbers of one place side by side, as products want it.


class PlaceByPlace(nn.Module):
    """Flattens maps as they lie in memory, so that nothing is copied, here or on the way back."""

    def forward(self, maps: Tensor) -> Tensor:
        """Turn shape (n, c, h, w) into (n, h w c)."""
        return maps.permute(0, 2, 3, 1).flatten(1)


def quicker_dtype() -> torch.dtype:
    """Return bfloat16 if products are much quicker with it here, else float32: a moment's test."""
    seconds = {}
    for dtype in (torch.float32, torch.bfloat16):
        square = torch.ones(512, 512, dtype=dtype)
        for _ in range(4):  # The last counts: the first ones wake the processor up.
            start = time.perf_counter()
            square @ square
            seconds[dtype] = time.perf_counter() - start
    much = seconds[torch.bfloat16] < 0.75 * seconds[torch.float32]
    return torch.bfloat16 if much else torch.float32


def products_in(dtype: torch.dtype) -> torch.autocast:
    """Return a context in which products are made in such numbers, and sums kept in float32."""
    # Without its cache: that would keep the weights as they were when first cast.
    return torch.autocast("cpu", dtype, enabled=dtype == torch.bfloat16, cache_enabled=False)
