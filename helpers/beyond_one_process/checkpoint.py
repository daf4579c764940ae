"""A run kept on disk so that it can go on: one file that is whole at every moment.

The file is one dict written by ``torch.save``, and ``torch.load(..., weights_only=True)`` reads it:
nothing in it can run code. Under ``"model"`` lies the network's ``state_dict``.
"""

import contextlib
import copy
import errno
import functools
import glob
import hashlib
import itertools
import os
import time
import uuid
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

import torch
from torch import nn, optim

from helpers.common import require

try:
    import fcntl
except ImportError:  # As on Windows.
    fcntl = None  # type: ignore[assignment]

# Reading back, PyTorch takes three of four flipped bits for good: the file carries its own sum.
_DIGEST = "digest"
# What a file must hold, and of which type.
_SHAPE = {"model": dict, "optimizer": dict, "rng": dict, "epoch": int, "batch": int}
# Windows replaces no file that somebody has open, a virus scanner for one: it is tried again.
_SECONDS_BETWEEN_TRIES = (0.01, 0.03, 0.1, 0.3, 1.0)


def save(file: Path | str, contents: Mapping[str, object]) -> None:
    """Write a checkpoint so that a stop at any moment leaves the old file or the new one, whole.

    The `contents` hold at least ``model`` and ``optimizer`` (state dicts), ``rng`` (dict of states
    of random number generators), ``epoch`` and ``batch`` (int: epochs done, and batches done of the
    next one). While writing, a name beside the `file` is used, another one each time, so that
    several runs may save to one file. Where the `file` is a link, what it leads to is written.

    Raises
    ------
    ValueError
        If something of these is missing or of another type, or something could not be read back:
        what is no tensor, number or text of Python's own, nor a list or dict of them.
    OSError
        If the file cannot be written. What was there before is untouched.
    """
    require.path("file", file)
    _check_shape(contents, "the argument contents")
    target = _target(file)
    others: set[str] = set()
    try:
        whole = {**contents, _DIGEST: _digest_of(contents, others)}
    except Exception as error:  # noqa: BLE001 - a tensor of another kind may fail in any way
        raise _not_read_back(_reason(error)) from error
    try:
        with _beside(target) as stream:
            _write(whole, stream, others)
            # Or a power cut could leave the new name on bytes that never reached the disk.
            os.fsync(stream.fileno())
            _put_in_place(stream, target)
    except (OSError, RuntimeError) as error:
        # PyTorch makes a RuntimeError of what the disk said; that one is its context.
        cause = error if isinstance(error, OSError) else error.__context__
        kind = type(cause) if isinstance(cause, OSError) else OSError
        refused = f"no checkpoint can be written to {str(file)!r}: {_reason(cause or error)}"
        raise kind(f"{refused}; mend that and go on, what was saved before is whole") from error
    # Windows cannot open a folder, and writes its entries through by itself; nor can everybody who
    # may write to a folder read it.
    with contextlib.suppress(OSError):
        descriptor = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _write(contents: dict, stream: BinaryIO, others: set[str]) -> None:
    """Write what can be read back; nobody wants to learn that only when it is needed."""
    try:
        torch.save(contents, stream)
        stream.flush()
        code = torch.serialization.get_unsafe_globals_in_checkpoint(stream.name)
    except (OSError, RuntimeError):  # That may be the disk.
        raise
    except Exception as error:  # noqa: BLE001 - what is pickled may raise anything
        code = [_reason(error)]
    # PyTorch may well write the others, but what comes back could not be compared.
    if found := [*code, *sorted(others)]:
        raise _not_read_back(found[0])


def _not_read_back(why: str) -> ValueError:
    cure = "give Python's own numbers and texts, tensors, and lists and dicts of them"
    return ValueError(f"the argument contents could not be read back ({why}): {cure}")


def load(file: Path | str) -> dict:
    """Read a checkpoint back, its tensors on the CPU.

    The `file` is one that `save` wrote; what it was given comes back.

    Raises
    ------
    FileNotFoundError, OSError
        If there is no such file, or it cannot be read.
    ValueError
        If the file is damaged, is no checkpoint, or lacks something. The line names the file.
    """
    require.path("file", file)
    name, cure = repr(str(Path(file))), "start without it, or give another"
    target = _target(file)
    try:
        stream = open(target, "rb")
    except OSError as error:
        raise type(error)(f"{name} cannot be read: {_reason(error)}; {cure}") from None
    with stream, warnings.catch_warnings(action="ignore"):
        try:  # A damaged file warns before it fails.
            found = torch.load(stream, map_location="cpu", weights_only=True)
        except Exception as error:  # noqa: BLE001 - a damaged file can fail in any way
            kind = type(error).__name__
            raise ValueError(f"{name} is damaged, or not a checkpoint ({kind}): {cure}") from error
    _check_shape(found, name)
    if found.pop(_DIGEST, None) != _digest_of(found):
        raise ValueError(f"{name} is damaged: its contents are not those that were saved; {cure}")
    return found


def check_writable(file: Path) -> None:
    """Raise OSError before a long run, not after it, if no checkpoint can be written there."""
    target = _target(file)
    try:
        with _beside(target):
            pass
    except OSError as error:
        refused = f"no checkpoint can be written to the folder {str(target.parent)!r}"
        raise type(error)(f"{refused}: {_reason(error)}; give another") from None


def restore(
    contents: Mapping, network: nn.Module, optimizer: optim.Optimizer, name: str = "the checkpoint"
) -> None:
    """Give a network and its optimiser the state that a checkpoint holds.

    The `contents` are from `load`. Network and optimiser are changed in place, or not at all. An
    error speaks of the checkpoint by its `name`.

    Raises
    ------
    ValueError
        If something is missing in the contents, the weights have other names or dtypes than the
        network's or shapes that it does not take, or the optimiser's state is not for these.
    """
    require.network("network", network)
    require.instance("optimizer", optimizer, optim.Optimizer, "an optimiser of torch.optim's")
    _check_shape(contents, name)
    _check_weights(contents["model"], network, name)
    _check_optimizer(contents["optimizer"], optimizer, name)
    # PyTorch's optimisers take the tensors themselves, which training would then change.
    optimizer.load_state_dict(copy.deepcopy(contents["optimizer"]))
    network.load_state_dict(contents["model"])


def _target(file: Path | str) -> Path:
    """Return where the bytes lie, which for a link is elsewhere; refuse what cannot hold them."""
    target = Path(os.path.realpath(file) if os.path.islink(file) else file)
    if os.path.isdir(target):
        raise IsADirectoryError(f"{str(file)!r} is a folder: give the name of a file in it")
    if os.path.exists(target) and not os.path.isfile(target):  # To read a pipe is to wait for ever.
        raise OSError(f"{str(file)!r} is a pipe or a device: give the name of a file")
    return target


def _reason(error: BaseException) -> str:
    text = getattr(error, "strerror", None) or str(error)
    return (text.splitlines() or [type(error).__name__])[0]


@contextlib.contextmanager
def _beside(file: Path) -> Iterator[BinaryIO]:
    """Make a file to write into, which is gone in the end unless it has taken the file's place.

    It lies in the same folder, since only there a rename is one step. Where there are locks, it has
    one, and what has none was left by a run that was killed: that is removed.
    """
    if file.exists() and not os.access(file, os.W_OK):  # A rename would not mind.
        raise PermissionError(errno.EACCES, f"{file.name} is read-only")
    for left in file.parent.glob(f".{glob.escape(file.name)}.*.partial") if fcntl else ():
        with contextlib.suppress(OSError), open(left, "r+b") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            left.unlink()
    partial = file.with_name(f".{file.name}.{uuid.uuid4().hex[:12]}.partial")
    try:
        while True:
            with open(partial, "xb") as stream:
                with contextlib.suppress(OSError, AttributeError):  # Without locks it goes, too.
                    fcntl.flock(stream, fcntl.LOCK_EX)
                if partial.exists():  # Or another run was faster than the lock, and removed it.
                    yield stream
                    return
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)


def _put_in_place(stream: BinaryIO, file: Path) -> None:
    """Rename in one go, also over a file that is there."""
    if os.name == "nt":  # There, no file is renamed that is open.
        stream.close()
    for pause in _SECONDS_BETWEEN_TRIES:
        with contextlib.suppress(PermissionError):
            return os.replace(stream.name, file)
        time.sleep(pause)
    os.replace(stream.name, file)


def _digest_of(value: object, others: set[str] | None = None) -> str:
    """Return the SHA-256 sum, in hexadecimal, of all that a checkpoint may hold.

    The kinds that it may not hold are added to `others`.
    """
    sum_, odd = hashlib.sha256(), set() if others is None else others

    def add(value: object) -> None:
        if isinstance(value, torch.Tensor):
            sum_.update(f"{value.dtype}{tuple(value.shape)}".encode())
            for part in _parts(value.detach()):
                # As bytes, since NumPy has no bfloat16.
                flat = part.cpu().resolve_conj().resolve_neg().contiguous().reshape(-1)
                # One number counts as contiguous, however far the next would be.
                flat = flat.as_strided(flat.shape, (1,))
                sum_.update(flat.view(torch.uint8).numpy().data)
        elif isinstance(value, Mapping):
            sum_.update(f"{{{len(value)}".encode())
            for part in itertools.chain(*value.items()):
                add(part)
        elif isinstance(value, list | tuple):
            sum_.update(f"[{len(value)}".encode())
            for part in value:
                add(part)
        elif isinstance(value, set):  # Its order differs from process to process.
            add(sorted(value, key=repr))
        else:
            odd.update(_other_kind(value))
            sum_.update(f"{type(value).__name__}{value!r};".encode())

    add(value)
    return sum_.hexdigest()


def _other_kind(value: object) -> set[str]:
    """Return the kind of what is not told by how it is written: that may be a place in memory."""
    plain = type(None), bool, int, float, complex, str, bytes, bytearray
    told = isinstance(value, (*plain, torch.dtype, torch.device, torch.layout))
    return set() if told else {type(value).__name__}


def _parts(tensor: torch.Tensor) -> list[torch.Tensor]:
    """Return the dense tensors that a tensor is made of: of a sparse one, places and values."""
    if tensor.layout is torch.sparse_coo:
        return [tensor._indices(), tensor._values()]
    if tensor.layout in (torch.sparse_csr, torch.sparse_bsr):
        return [tensor.crow_indices(), tensor.col_indices(), tensor.values()]
    if tensor.layout in (torch.sparse_csc, torch.sparse_bsc):
        return [tensor.ccol_indices(), tensor.row_indices(), tensor.values()]
    return [tensor]


def _check_shape(contents: object, name: str) -> None:
    if not isinstance(contents, Mapping):
        raise ValueError(f"{name} holds a {type(contents).__name__} and not a checkpoint's dict")
    for key, kind in _SHAPE.items():
        if key not in contents:
            raise ValueError(f"{name} holds no {key!r}: it is not a checkpoint of this series")
        if not isinstance(contents[key], kind):
            found = type(contents[key]).__name__
            raise ValueError(f"{name} holds a {found} under {key!r}, expected {kind.__name__}")


def _check_weights(saved: Mapping, network: nn.Module, name: str) -> None:
    current = network.state_dict()
    # What a module keeps beside its weights, by get_extra_state, may be anything.
    notes = [key for key, weight in current.items() if not isinstance(weight, torch.Tensor)]

    @functools.cache
    def takes() -> bool | None:  # Some take the shape of what is loaded: so a copy tries, once.
        with contextlib.suppress(Exception):
            trial = copy.deepcopy(network)
            with contextlib.suppress(Exception):
                trial.load_state_dict(saved)
                return True
            return False
        return None  # There are weights that cannot be copied.

    for key, weight in current.items():
        if key not in saved:
            raise ValueError(f"{name} is of another network: it holds no weights {key!r}")
        if key in notes:
            continue
        if not isinstance(found := saved[key], torch.Tensor):
            kind = type(found).__name__
            raise ValueError(f"{name} holds a {kind} under {key!r}, expected a tensor")
        shape = None if nn.parameter.is_lazy(weight) else tuple(weight.shape)
        if found.dtype != weight.dtype or (tuple(found.shape) != shape and not takes()):
            here = f"{'without a shape' if shape is None else shape} {weight.dtype} here"
            there = f"{key} is {tuple(found.shape)} {found.dtype} in it"
            raise ValueError(f"{name} is of another network: {there} and {here}")
    if extra := [key for key in saved if key not in current]:
        raise ValueError(f"{name} is of another network: this one has no weights {extra[0]!r}")
    if notes and takes() is False:
        raise ValueError(f"{name} is of another network: this one does not take its {notes[0]!r}")


def _check_optimizer(saved: dict, optimizer: optim.Optimizer, name: str) -> None:
    # PyTorch changes an optimiser before it finds out that a state is not for it: so a copy tries.
    with contextlib.suppress(Exception):  # What is not such a state fails in many ways.
        # PyTorch's own copy would lack what one of somebody's own has noted in itself.
        trial, copied = object.__new__(type(optimizer)), dict[int, object]()
        for weight in itertools.chain(*(group["params"] for group in optimizer.param_groups)):
            try:
                copy.deepcopy(weight, copied)
            except Exception:  # noqa: BLE001 - a kind of one's own may be made of something else
                copied[id(weight)] = weight.detach().clone()
        for note, value in vars(optimizer).items():
            with contextlib.suppress(Exception):  # Not everything can be copied: a lock cannot.
                vars(trial)[note] = copy.deepcopy(value, copied)
        written = list(trial.param_groups)
        with contextlib.suppress(Exception):  # One around another may write something else.
            written = trial.state_dict()["param_groups"]
        trial.load_state_dict(saved)
        # It takes another optimiser's settings without a word, and would fail at the next step.
        # One around another has none of its own, and some have one that they do not write.
        settings = set(getattr(optimizer, "defaults", ()))
        groups = zip(written, trial.param_groups, strict=False)
        if all(settings & own.keys() <= found.keys() for own, found in groups):
            return
    raise ValueError(f"{name} is of another optimiser: make the same one again")
