"""What a step asks of a machine, counted: products, bytes and calls, whatever the machine is."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

_MOVES_NOTHING = ("view", "t", "transpose", "expand", "detach", "alias", "empty", "unsqueeze")


@dataclass(frozen=True)
class Counted:
    """Floating-point operations of the products, bytes read and written, and calls."""

    flops: int
    bytes: int
    calls: int


class _Tally(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.bytes = self.calls = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        made = function(*args, **(kwargs or {}))
        if function.__name__.split(".")[0].strip("_") not in _MOVES_NOTHING:
            tensors = [
                leaf
                for leaf in tree_leaves((args, kwargs, made))
                if isinstance(leaf, torch.Tensor) and leaf.ndim
            ]
            if tensors:  # Else it is a number that is looked at.
                self.calls += 1
                self.bytes += sum(tensor.nbytes for tensor in tensors)
        return made


def count(step: Callable[[], object]) -> Counted:
    """Run a step once and count what it asks for; each call reads and writes in memory."""
    with FlopCounterMode(display=False) as products, _Tally() as tally:
        step()
    return Counted(products.get_total_flops(), tally.bytes, tally.calls)
