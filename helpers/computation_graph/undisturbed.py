"""What a walk back could change, given back after it.

A walk calls what ``backward()`` calls: a checkpoint computes its block again, a function in Python
does what somebody wrote. PyTorch keeps no list of the tensors and modules that these may reach, so
they are looked for among all objects that are alive.
"""

import contextlib
import gc
import random
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import torch

from helpers.computation_graph import found


@contextlib.contextmanager
def undisturbed(functions: Iterable[Any]) -> Iterator[None]:
    """Give back each grad, buffer, attribute and generator as it was before a walk of functions."""
    functions = list(functions)
    custom = [function for function in functions if found.is_custom(function)]
    runs_code = bool(custom) or any(map(_has_packed, functions))
    with contextlib.ExitStack() as afterwards:
        afterwards.callback(random.setstate, random.getstate())
        afterwards.callback(np.random.set_state, np.random.get_state())
        afterwards.callback(torch.set_rng_state, torch.get_rng_state())
        if torch.cuda.is_initialized():
            afterwards.callback(torch.cuda.set_rng_state_all, torch.cuda.get_rng_state_all())
        with torch._C.DisableTorchFunctionSubclass():  # Nor is a kind of tensor's own code called.
            for tensor in _alive(torch.Tensor):
                _put_grad_aside(tensor, afterwards, runs_code)
        for function in custom:
            afterwards.callback(_refill, vars(function), dict(vars(function)))
        for module in _alive(torch.nn.Module) if runs_code else ():
            _keep_state(module, afterwards)
        yield


def _alive(kind: type) -> list[Any]:
    # To ask an object itself what it is (isinstance) would wake those that load when they are used.
    kinds = {kind}
    waiting = [kind]
    while waiting:
        new: set[type] = set(type.__subclasses__(waiting.pop())) - kinds
        kinds |= new
        waiting += new
    return [one for one in gc.get_objects() if type(one) in kinds]


def _has_packed(function: Any) -> bool:
    return any(
        found.is_packed(function, name) for name in dir(type(function)) if name.startswith("_saved")
    )


def _put_grad_aside(tensor: torch.Tensor, afterwards: contextlib.ExitStack, leaves: bool) -> None:
    # A gradient that is there is added to in place: so there is none meanwhile. One that no longer
    # fits its tensor stays, and there are tensors which PyTorch refuses to tell anything about.
    with contextlib.suppress(RuntimeError):
        if tensor.retains_grad or (leaves and tensor.is_leaf and tensor.requires_grad):
            tensor.grad = before = tensor.grad
            tensor.grad = None
            afterwards.callback(setattr, tensor, "grad", before)


def _keep_state(module: torch.nn.Module, afterwards: contextlib.ExitStack) -> None:
    afterwards.callback(_refill, vars(module), dict(vars(module)))
    afterwards.callback(_refill, module._buffers, dict(module._buffers))
    for buffer in module._buffers.values():
        if buffer is None or buffer.is_inference() or torch.nn.parameter.is_lazy(buffer):
            continue
        # Also its version, or else the graph's own backward() would find it changed.
        afterwards.enter_context(torch.autograd._unsafe_preserve_version_counter(buffer))
        afterwards.callback(_copy_back, buffer, buffer.detach().clone())


def _copy_back(buffer: torch.Tensor, before: torch.Tensor) -> None:
    with torch.no_grad():
        buffer.copy_(before)


def _refill(values: dict, before: Mapping) -> None:
    values.clear()
    values.update(before)
