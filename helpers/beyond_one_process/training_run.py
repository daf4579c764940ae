"""A run from its settings to its result, which can stop at any step and go on later.

It is what the command `helpers.run` does once its options make sense: the garments, the network,
the epochs, the checkpoints and the report.
"""

import contextlib
import functools
import json
import os
import signal
import sys
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import torch
from torch import nn
from tqdm import tqdm

from helpers.beyond_one_process import checkpoint, networks, parallel
from helpers.beyond_one_process.settings import VALIDATION_SHARE, Settings, spelt
from helpers.common import streams
from helpers.fashion_mnist_pipeline import fashion, training

# What decides where a run goes: to resume it, these must be as at its beginning.
_DECISIVE = ("network", "batch_size", "lr", "momentum", "seed", "dtype", "limit")
_PARTS = ("train_images", "train_labels", "test_images", "test_labels")
# Sums over the images that an epoch has trained on so far, of all processes together.
_NOTHING_SEEN = {"loss": 0.0, "correct": 0, "images": 0}
# How far a run got, as its checkpoint keeps it.
_PLACE = ("epoch", "batch", "tally", "history")
_HISTORY = ("loss", "accuracy", "validation_loss", "validation_accuracy", "seconds")
# Windows lacks both: a terminal that is closed, and a reader of the output who is gone.
_HANG_UP = getattr(signal, "SIGHUP", None)
_NOBODY_READS = getattr(signal, "SIGPIPE", signal.SIGTERM)


def run(settings: Settings) -> int:
    """Train, keep checkpoints, evaluate, and print how it went.

    Under ``torchrun`` all processes are given the same `settings`. Returned is 0 if the run came to
    its end, or the number of the signal that stopped it. What makes a run impossible raises
    ``ValueError`` or ``OSError``; a process that is gone, `parallel.PeerLost`.
    """
    device = _device(settings.device)
    found = _earlier_run(settings)
    garments, source = _garments(settings.data)
    with parallel.joined(device):
        state = _Run(settings, device, garments)
        if (found := parallel.furthest(found)) is not None:
            state.restore(found)
        state.begin(source)
        stop = state.stop
        with _signals_wait(stop):
            try:
                state.train()
            except parallel.PeerLost:
                # The step in flight was made nowhere, so what this process holds is the whole run.
                if not stop.signal:
                    state.save()
                    raise
            if stop.signal:
                state.save()
        if not stop.signal and state.group.rank == 0:
            state.finished()
        if stop.signal:
            state.stopped(signal.Signals(stop.signal).name)
        return stop.signal


def _device(name: str) -> torch.device:
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "cpu" or (name == "auto" and not gpus):
        return torch.device("cpu")
    here = int(os.environ.get("LOCAL_RANK", 0))  # This process among those of its machine.
    if here >= gpus:
        lack = f"process {here} of this machine needs a GPU of its own, and PyTorch sees {gpus}"
        raise ValueError(f"--device {name}: {lack}: start fewer processes, or use --device cpu")
    return torch.device("cuda", here)


def _earlier_run(settings: Settings) -> dict | None:
    """Return the checkpoint to go on from, if any, and find out whether one can be kept."""
    if (file := settings.checkpoint) is None:
        return None
    checkpoint.check_writable(file)
    if not file.exists():
        return None
    # A restarted process goes on by itself: that is what its checkpoint is for.
    if settings.resume or int(os.environ.get("TORCHELASTIC_RESTART_COUNT", 0)) > 0:
        return checkpoint.load(file)
    raise ValueError(
        f"{str(file)!r} holds a run already: add --resume to go on with it, or give another name"
    )


def _garments(data: Path | None) -> tuple[dict[str, torch.Tensor], str]:
    """Return the four tensors by their names in `fashion.Garments`, and where they came from."""
    if data is not None and data.is_file():
        return _garments_in(data), f"Garments: the file {data.name}"
    if data is not None and not data.is_dir():
        lack = "that is a pipe or a device" if os.path.exists(data) else "no such file or folder"
        raise ValueError(f"--data {str(data)!r}: {lack}: give a folder or a file of tensors")
    try:
        garments = fashion.load(data)
    except ValueError as error:  # Which calls the folder by the name of an argument.
        raise ValueError(str(error).replace("root is", "--data")) from error
    return {name: getattr(garments, name) for name in _PARTS}, str(garments.source)


def _garments_in(file: Path) -> dict[str, torch.Tensor]:
    option, wanted = f"--data {str(file)!r}", f"a dict with {', '.join(_PARTS)}"
    try:
        parts = torch.load(file, map_location="cpu", weights_only=True)  # Data, and no code.
    except Exception as error:  # noqa: BLE001 - a file of another kind can fail in any way
        read = f"cannot be read ({type(error).__name__})"
        raise ValueError(f"{option} {read}: give what torch.save wrote of {wanted}") from error
    if not isinstance(parts, dict) or not set(_PARTS) <= set(parts):
        raise ValueError(f"{option}: give {wanted}")
    for kind in ("train", "test"):
        images, labels = parts[f"{kind}_images"], parts[f"{kind}_labels"]
        try:
            fashion.Batches(images, labels, 1)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{option}, {kind}: {error}") from error
        if images.is_floating_point():
            raise ValueError(f"{option}, {kind}: images are {images.dtype}: give uint8")
    return parts


@contextlib.contextmanager
def _signals_wait(stop: parallel.Stop) -> Iterator[None]:
    """Let a signal only leave a wish to stop, so that the step in flight is finished and kept.

    That includes the save: torchrun sends a signal of its own to whoever has lost another process.
    """

    def note(number: int, _frame: object) -> None:
        stop.signal = number
        signal.signal(number, signal.SIG_DFL)  # The second one of a kind ends the process at once.

    with contextlib.ExitStack() as afterwards:
        # Started under nohup, a run is to outlive its terminal.
        outlives = _HANG_UP is None or signal.getsignal(_HANG_UP) is signal.SIG_IGN
        for number in (signal.SIGINT, signal.SIGTERM, *(() if outlives else (_HANG_UP,))):
            before = signal.signal(number, note)
            afterwards.callback(signal.signal, number, before)
        yield


class _Run:
    """A training run, how far it got, and what its first process says of it."""

    def __init__(self, settings: Settings, device: torch.device, garments: dict):
        self.settings, self.group, self.stop = settings, parallel.my_group(), parallel.Stop()
        self.dtype = getattr(torch, settings.dtype)
        self._make_batches(garments, device)
        torch.manual_seed(settings.seed)  # All processes begin with the same weights.
        self.network = getattr(networks, settings.network)().to(device, self.dtype)
        weights = self.network.parameters()
        self.optimizer = torch.optim.SGD(weights, lr=settings.lr, momentum=settings.momentum)
        self.epoch = self.batch = 0
        self.tally = dict(_NOTHING_SEEN)
        self.history: dict[str, list[float | None]] = {name: [] for name in _HISTORY}

    def _make_batches(self, garments: dict[str, torch.Tensor], device: torch.device) -> None:
        images, labels, *test = (garments[name] for name in _PARTS)
        seed, size = self.settings.seed, self.settings.batch_size
        order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))
        order = order[: self.settings.limit]
        held_out = len(order) // VALIDATION_SHARE
        if not held_out:
            found = f"there are {len(order)} images to learn from"
            raise ValueError(f"{found}: give at least {VALIDATION_SHARE}")
        chosen, validation = order[:-held_out], order[-held_out:]
        self.images = len(chosen)
        # To notice, on resuming, that the data are others: a sum over every byte of them.
        data = zlib.crc32(labels[chosen].numpy().data, zlib.crc32(images[chosen].numpy().data))
        self.decisive = {name: getattr(self.settings, name) for name in _DECISIVE} | {"data": data}
        # The same seed in all processes: they walk the same batches, and each takes its part.
        self.generator = torch.Generator().manual_seed(seed)
        self.order = self.generator.get_state()
        batches = functools.partial(fashion.Batches, batch_size=size, device=device)
        self.batches = batches(images[chosen], labels[chosen], generator=self.generator)
        self.validation = batches(images[validation], labels[validation])
        self.test = batches(*test)

    def save(self) -> None:
        if self.settings.checkpoint is None or self.group.rank:
            return
        state = {
            "model": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            # The order of the epoch that is under way is drawn anew from its beginning.
            "rng": {"order": self.order, "torch": torch.get_rng_state()},
            **{name: getattr(self, name) for name in _PLACE},
            "settings": self.decisive,
        }
        checkpoint.save(self.settings.checkpoint, state)  # Rank 0 alone: all hold the same.

    def restore(self, found: dict) -> None:
        name = repr(str(self.settings.checkpoint))
        if (before := found.get("settings")) is None:
            raise ValueError(f"{name} was not written by this command: begin anew")
        for key, now in self.decisive.items():
            if (then := before.get(key)) != now:
                what = "with other data" if key == "data" else f"with {spelt(key)} {then}"
                what = f"without {spelt(key)}" if then is None else what
                raise ValueError(f"{name} was made {what}: resume it so, or begin anew")
        checkpoint.restore(found, self.network, self.optimizer, name)
        for place in _PLACE:
            setattr(self, place, found[place])
        self.order = found["rng"]["order"]
        self.generator.set_state(self.order)
        torch.set_rng_state(found["rng"]["torch"])

    def evaluate(self, batches: fashion.Batches) -> training.Evaluation:
        # Without the wrapper, which waits for the others: only one process is here.
        in_its_precision = ((images.to(self.dtype), labels) for images, labels in batches)
        return training.evaluate(self.network, in_its_precision, nn.functional.nll_loss)

    def say(self, line: str, *, aside: bool = False) -> None:
        if self.group.rank == 0:
            aside |= self.settings.json  # Then stdout is for one object alone.
            self.put(line, sys.stderr if aside else sys.stdout)

    def put(self, line: str, stream: TextIO) -> None:
        if not streams.put(line, stream):
            self.stop.signal = self.stop.signal or _NOBODY_READS

    def begin(self, source: str) -> None:
        processes = "1 process" if self.group.size == 1 else f"{self.group.size} processes"
        size = self.settings.batch_size
        self.say(f"{source}; {self.images} images in batches of {size}, {processes}")
        place = {"epoch": self.epoch, "batch": self.batch}
        self.beginning = {"source": source, "resumed_after": place}
        if self.epoch or self.batch:
            self.say(f"resumed after epoch {self.epoch}, batch {self.batch}")
        if self.epoch >= (asked := self.settings.epochs):
            done = "is past" if (self.epoch, self.batch) > (asked, 0) else "has reached"
            self.say(f"the run {done} --epochs {asked}: no step is made, it is tested as it stands")

    def train(self) -> None:
        network, loss_function = parallel.wrapped(self.network), nn.functional.nll_loss
        work = network, self.batches, loss_function, self.optimizer
        while self.epoch < self.settings.epochs and not self.stop.agreed:
            start = time.perf_counter()
            with self.bar() as bar:
                for step in parallel.train(*work, stop=self.stop, skip=self.batch):
                    self.batch = step.number
                    for name in self.tally:
                        self.tally[name] += getattr(step, name)
                    bar.update()
                    if self.stop.agreed:
                        return
                    if self.batch % self.settings.checkpoint_every == 0:
                        self.save()
            self.end_epoch(time.perf_counter() - start)

    def bar(self) -> tqdm:
        """Return a bar for one epoch: shown on a terminal, silent in a log."""
        silent = True if self.group.rank else None  # None leaves it to whether it is a terminal.
        look = {"desc": f"epoch {self.epoch + 1}", "unit": "batch", "leave": False}
        return tqdm(total=len(self.batches), initial=self.batch, disable=silent, **look)

    def end_epoch(self, seconds: float) -> None:
        """Close the epoch's books, and open the next one's."""
        loss, accuracy = (self.tally[name] / self.tally["images"] for name in ("loss", "correct"))
        # One process looks at the validation part, the others go ahead and wait at the next step.
        seen = self.evaluate(self.validation) if self.group.rank == 0 else None
        validated = (seen.loss, seen.accuracy) if seen else (None, None)
        told = loss, accuracy, *validated, seconds
        for values, value in zip(self.history.values(), told, strict=True):
            values.append(value)
        self.epoch, self.batch = self.epoch + 1, 0
        self.tally = dict(_NOTHING_SEEN)
        self.order = self.generator.get_state()
        self.save()
        if seen:
            self.say(
                f"epoch {self.epoch} of {self.settings.epochs}: loss {loss:.4f}, accuracy "
                f"{accuracy:.2%}, validation {seen.accuracy:.2%}, {seconds:.2f} s"
            )

    def stopped(self, why: str) -> None:
        """Say where the run stands, and how to go on."""
        kept = "nothing is kept, for want of --checkpoint"
        if (file := self.settings.checkpoint) is not None:
            kept = f"kept in {str(file)!r}, so go on with --resume"
        place = f"epoch {self.epoch}, batch {self.batch}"
        self.say(f"helpers.run: stopped by {why} after {place}: {kept}", aside=True)

    def finished(self) -> None:
        """Look at the test part, once, and say how the run ended; it needs no other process."""
        test = self.evaluate(self.test)
        if not self.settings.json:
            self.say(f"test: loss {test.loss:.4f}, accuracy {test.accuracy:.2%}")
            return
        size = {"processes": self.group.size, "images": self.images, "batches": len(self.batches)}
        tested = {"test_loss": test.loss, "test_accuracy": test.accuracy}
        size["epochs"] = self.epoch  # It may have come further than --epochs asked for.
        result = self.beginning | vars(self.settings) | size | self.history | tested
        # NaN is no JSON: better an error here than a line that no other program reads.
        self.put(json.dumps(result, allow_nan=False, default=str), sys.stdout)
