"""A loss with little memory, as a graphics card has: an exercise of notebook 01 works within it."""

from collections.abc import Callable

import torch

_MOST_ENTRIES = 4  # so many fit at once


def small_memory() -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    """Return a function of w, of one number, and of a part of a few: the mean of (w·part − 1)².

    The part is of shape (n,), of at most 4 entries. The function raises MemoryError for a longer
    one, and for a graph made before the last one was walked.
    """
    not_walked: list[torch.Tensor] = []

    def mean_loss(w: torch.Tensor, part: torch.Tensor) -> torch.Tensor:
        if len(part) > _MOST_ENTRIES:
            raise MemoryError(f"{len(part)} entries at once do not fit: pass one part")
        if not_walked:
            raise MemoryError("two graphs at once do not fit: walk the first before the second")
        not_walked.append(part)
        loss = ((w * part - 1) ** 2).mean()
        # A hook is called when backward() comes by.
        loss.register_hook(lambda gradient: not_walked.clear())
        return loss

    return mean_loss
