"""The loop over batches that several processes share, each with its part of every batch.

PyTorch does the work: ``torchrun`` starts the processes, `DistributedDataParallel` averages their
gradients. What is added here makes the result that of one process: each part of a batch counts by
its images, all processes stop at the same step, and a step is done everywhere or nowhere.
"""

import contextlib
import math
import os
import signal
import socket
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from helpers.common import require

Batch = tuple[Tensor, Tensor]

_SECONDS_BETWEEN_LOOKS = 0.02  # Of processes that wait for each other to begin.


class Group(NamedTuple):
    """The processes that train together."""

    rank: int = 0  # The number of this process.
    size: int = 1  # How many there are; 1 is a process on its own.


class PeerLost(RuntimeError):
    """Another process of the group is gone: the step in flight was not made."""


class Step(NamedTuple):
    """What was seen in one step, in all processes together."""

    number: int  # Batches of this walk that are done, this one included.
    loss: float  # Sum of the images' losses.
    correct: int  # Images recognised.
    images: int  # Images seen.


@dataclass
class Stop:
    """A wish to stop, which a signal handler may leave at any time."""

    signal: int = 0  # The number of the signal that came; 0 while none has.
    agreed: bool = False  # Whether all processes know of the wish, so that all of them stop here.


def my_group() -> Group:
    """Return the group that this process has joined, or a group of one."""
    return Group(dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else Group()


@contextlib.contextmanager
def joined(device: torch.device) -> Iterator[Group]:
    """Join the processes that ``torchrun`` started, and leave them at the end.

    On the `device` this process computes: gradients travel by NCCL between GPUs, else by Gloo. The
    group is one of one if ``torchrun`` did not start this process. If the others cannot be met,
    such as when their port is taken, that is an ``OSError``.
    """
    if not {"RANK", "WORLD_SIZE"} <= os.environ.keys():
        yield Group()
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
    elif os.environ["WORLD_SIZE"] == os.environ.get("LOCAL_WORLD_SIZE") and os.name != "nt":
        # No other machine takes part: Gloo is to talk over the loopback. Otherwise it looks up this
        # machine's own name, which need not lead anywhere without a network.
        for loopback in {"lo", "lo0"} & {name for _, name in socket.if_nameindex()}:
            os.environ.setdefault("GLOO_SOCKET_IFNAME", loopback)
    try:
        store, group = _fresh_store()
        backend = "nccl" if device.type == "cuda" else "gloo"
        dist.init_process_group(backend, store=store, rank=group.rank, world_size=group.size)
        if backend == "gloo":
            dist.barrier()  # Whoever has nothing to say would be gone before the others have met.
    except (dist.DistError, RuntimeError, ValueError) as error:
        where = f"{os.environ.get('MASTER_ADDR')}:{os.environ.get('MASTER_PORT')}"
        raise OSError(f"the processes cannot meet at {where}: {_first_sentence(error)}") from error
    try:
        yield group
    finally:
        if dist.is_initialized():  # Many a function, as those of tutorials, leaves by itself.
            dist.destroy_process_group()  # With NCCL, PyTorch warns otherwise.


def furthest(found: dict | None) -> dict | None:
    """Return the checkpoint that got furthest among those that the processes found, to all.

    Each machine has its own disk, and may have found none: if nobody has, that is ``None``.
    """
    group = my_group()
    if group.size == 1:
        return found
    places = [(-1, -1)] * group.size
    with _together():
        # Whoever has found none stands behind every real place, and sends None if all did.
        dist.all_gather_object(places, (found["epoch"], found["batch"]) if found else (-1, -1))
        source = max(range(group.size), key=places.__getitem__)
        box = [found]
        dist.broadcast_object_list(box, src=source)
    return box[0]


def share(images: Tensor, labels: Tensor, group: Group) -> Batch:
    """Return this process's part of a batch, which is the same in every process of the group.

    All parts together are the batch. They differ by one image at most, and may be empty.
    """
    return images.tensor_split(group.size)[group.rank], labels.tensor_split(group.size)[group.rank]


def wrapped(network: nn.Module) -> nn.Module:
    """Return the network such that `backward` averages its gradients over the group."""
    require.network("network", network)
    if my_group().size == 1:
        return network
    with _together():
        return DistributedDataParallel(network)


def train(
    network: nn.Module,
    batches: Iterable[Batch],
    loss_function: Callable[..., Tensor],
    optimizer: torch.optim.Optimizer,
    *,
    stop: Stop | None = None,
    skip: int = 0,
) -> Iterator[Step]:
    """Train over one walk of the batches, and yield what was seen in each step.

    Parameters
    ----------
    network, optimizer : torch.nn.Module, torch.optim.Optimizer
        The network is from `wrapped`.
    batches : iterable of (images, labels)
        Whole ones, which the group shares: the same in every process and in the same order.
    loss_function : callable
        From scores, labels and ``reduction="sum"`` to the sum of the images' losses.
    stop : Stop, optional
        A signal that came to any process before a step is agreed upon after it, in all of them.
        One process alone need not ask, and agrees after the step in flight.
    skip : int
        Batches at the start of the walk that are done already.

    Raises
    ------
    ValueError, PeerLost
        If the network has no parameters or the loss is no longer finite; if another process is
        gone. The weights are those before the step.
    """
    require.network("network", network)
    require.batches("batches", batches)
    require.function("loss_function", loss_function)
    if isinstance(loss_function, nn.Module):  # Its reduction is settled.
        cure = "give a function that takes reduction='sum', as those of torch.nn.functional do"
        raise TypeError(f"loss_function is {require.shown(loss_function)}: {cure}")
    require.optimizer("optimizer", optimizer)
    require.whole("skip", skip, least=0)
    if next(network.parameters(), None) is None:
        raise ValueError("network has no parameters to train: are its layers made in __init__?")
    group, stop = my_group(), Stop() if stop is None else stop
    require.instance("stop", stop, Stop, "Stop()")
    network.train()  # Whoever evaluated it has left dropout switched off.
    for number, (images, labels) in enumerate(require.pairs("batches", batches), start=1):
        if number <= skip:
            continue
        optimizer.zero_grad()
        part, whole = share(images, labels, group), len(labels)
        # Everybody sees the same sums: nobody steps, or all do.
        loss, correct, wishes = _backward(network, part, whole, loss_function, stop).tolist()
        if not math.isfinite(loss):
            raise ValueError(
                f"the loss became {loss / whole} in batch {number}: lower the learning rate "
                f"(now {optimizer.param_groups[0]['lr']}) or look for NaN in the images"
            )
        optimizer.step()
        stop.agreed = bool(wishes) if group.size > 1 else bool(stop.signal)
        if stop.agreed and not stop.signal:
            stop.signal = signal.SIGTERM
        yield Step(number, loss, int(correct), whole)


def _backward(
    network: nn.Module, part: Batch, whole: int, loss_function: Callable[..., Tensor], stop: Stop
) -> Tensor:
    """Make the gradient, and return sums over all processes: losses, images recognised, wishes."""
    weight = next(network.parameters())
    images, labels = part[0].to(weight), part[1].to(weight.device)  # Images take its dtype, too.
    scores = network(images)
    loss = loss_function(scores, labels, reduction="sum")
    require.instance("what loss_function gives", loss, Tensor, "the sum in a tensor")
    correct = (scores.detach().argmax(dim=1) == labels).sum()
    # Two signals of the same kind add up to something else: only whether there was one counts.
    wish = torch.as_tensor(float(stop.signal > 0), device=weight.device)
    # In float64: float32 counts no further than 16 million.
    sums = torch.stack([loss.detach().double(), correct.double(), wish.double()])
    # The wrapper divides the sum of the gradients by the number of processes. A part counts by
    # its images, so the division is undone here, and the one by the whole batch is made.
    size = my_group().size
    objective = loss * (size / whole)
    if size == 1:
        objective.backward()
        return sums
    with _together():
        arrival = dist.all_reduce(sums, async_op=True)  # It travels beside the gradients.
        objective.backward()
        arrival.wait()
    return sums


@contextlib.contextmanager
def _together() -> Iterator[None]:
    """Say of what fails between processes that another one is gone."""
    try:
        yield
    except torch.OutOfMemoryError:
        raise  # Its own message says what to do, and no other process is to blame.
    except RuntimeError as error:
        # What is wrong with a network fails in the same call, and blames nobody else. What fails
        # between processes says who carries the numbers: Gloo, where it found out, in its own file.
        words = str(error).lower()
        if not isinstance(error, dist.DistError) and "gloo" not in words and "nccl" not in words:
            raise
        lost = "another process of the run is gone, and the step in flight with it"
        raise PeerLost(f"{lost} ({_first_sentence(error)})") from error


def _fresh_store() -> tuple[dist.Store, Group]:
    """Return a place to meet that knows nothing of processes that died, and the group.

    After a restart ``torchrun`` hands out the store of the attempt before, with the addresses of
    the dead in it, and those who dial one of them wait for ever. Its count of restarts may differ
    between machines. So the first process offers a new name to those whose tokens it reads, and a
    process takes an offer only if its own token, made just now, stands in it.
    """
    store, rank, size = next(dist.rendezvous("env://"))
    token = uuid.uuid4().hex
    if rank == 0:
        everyone = [f"{token}/{other}" for other in range(1, size)]
        while True:
            tokens = [store.get(f"token/{other}").decode() for other in range(1, size)]
            store.set("offer", " ".join([token, *tokens]))
            if not everyone or store.check(everyone):
                return dist.PrefixStore(token, store), Group(rank, size)
            time.sleep(_SECONDS_BETWEEN_LOOKS)
    store.set(f"token/{rank}", token)
    while token not in (offer := store.get("offer").decode().split()):
        time.sleep(_SECONDS_BETWEEN_LOOKS)
    store.set(f"{offer[0]}/{rank}", "here")
    return dist.PrefixStore(offer[0], store), Group(rank, size)


def _first_sentence(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
