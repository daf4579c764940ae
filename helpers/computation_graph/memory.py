"""A loss with little memory, as a graphics card has: an exercise of notebook 01 works within it."""

from collections.abc import Callable

import torch


def small_memory(entries: int = 4) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    """Return a function: the mean of (w·part − 1)² over a part of a few entries.

    Parameters
    ----------
    entries : int
        How many entries fit at once.

    Returns
    -------
    callable
        From w, a tensor of one number, and a part, a tensor of shape (entries,), to the loss. It
        raises MemoryError for a longer part, and for a graph made before the last one was walked.
    """
    not_walked: list[torch.Tensor] = []

    def mean_loss(w: torch.Tensor, part: torch.Tensor) -> torch.Tensor:
        if len(part) > entries:
            raise MemoryError(f"{len(part)} entries at once do not fit: pass one part")
        if not_walked:
            raise MemoryError("two graphs at once do not fit: walk the first before the second")
        not_walked.append(part)
        loss = ((w * part - 1) ** 2).mean()
        # A hook is called when backward() comes by.
        loss.register_hook(lambda gradient: not_walked.clear())
        return loss

    return mean_loss
