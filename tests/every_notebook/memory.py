"""A plugin for nbval: how much memory a notebook takes at most, and that it is what it says.

Binder gives a reader 2 GB, of which JupyterLab takes its part. The peak is the one that Linux
keeps for the kernel's process; processes that the kernel starts are added while they run.
"""

import contextlib
import functools
import re
import threading
from pathlib import Path

import psutil
import pytest
from nbformat import NotebookNode
from nbval.plugin import IPyNbFile

# A gigabyte is 1024 megabytes here, and so on, as Binder and most systems count.
MOST_GIGABYTES = 1.5
# The same notebook takes a little more on one machine, or on one run, than on another.
LEEWAY = 1.1
_SECONDS_BETWEEN_LOOKS = 0.25

peaks: dict[str, float] = {}


def _gigabytes(file: Path, name: str) -> float:
    """Return a line of a file under /proc such as `VmHWM:  123456 kB`; 0 if it is not there."""
    try:
        found = re.search(rf"^{name}:\s*(\d+) kB", file.read_text(), flags=re.MULTILINE)
    except OSError:
        return 0.0  # Not Linux, or a process that has just ended.
    return int(found[1]) / 1024**2 if found else 0.0


class Watch(threading.Thread):
    """Looks at a process, by its number, and at those it starts, until it is told to stop."""

    def __init__(self, process: int):
        super().__init__(daemon=True)
        self._process = process
        self.together = 0.0
        self._stopped = threading.Event()

    def run(self) -> None:
        """Add up what all processes take at the same time, pages they share counted once."""
        while not self._stopped.wait(_SECONDS_BETWEEN_LOOKS):
            with contextlib.suppress(psutil.Error):  # It has just ended.
                parent = psutil.Process(self._process)
                if children := parent.children(recursive=True):
                    places = [Path(f"/proc/{one.pid}/smaps_rollup") for one in (parent, *children)]
                    shares = sum(_gigabytes(place, "Pss") for place in places)
                    self.together = max(self.together, shares)

    def peak(self) -> float:
        """Stop looking and return the peak in gigabytes; 0 where it cannot be known."""
        alone = _gigabytes(Path(f"/proc/{self._process}/status"), "VmHWM")
        self._stopped.set()
        self.join()
        return max(alone, self.together)


def allowed(notebook: NotebookNode) -> float:
    """Return what a notebook may take: about what it says itself, and never more than the limit."""
    says = re.search(r"\*\*Memory\*\* \|[^|\n]*?([\d.]+) GB", notebook.cells[0].source)
    return min(MOST_GIGABYTES, LEEWAY * float(says[1])) if says else MOST_GIGABYTES


@functools.cache  # Once is enough, whoever asks for it.
def measure_memory_too() -> None:
    """Make nbval measure each notebook's peak memory, and fail it if that is too much."""
    set_up, tear_down = IPyNbFile.setup, IPyNbFile.teardown

    def setup(self):
        set_up(self)
        self.watch = Watch(self.kernel.km.provisioner.pid)
        self.watch.start()

    def teardown(self):
        watch = getattr(self, "watch", None)
        peak = watch.peak() if watch else 0.0
        tear_down(self)
        if peak:
            peaks[self.path.stem] = peak
        if peak > (most := allowed(self.nb)):
            pytest.fail(
                f"{self.path.name} took {peak:.2f} GB at its peak; allowed: {most:.3g}",
                pytrace=False,
            )

    IPyNbFile.setup, IPyNbFile.teardown = setup, teardown


def summary() -> str:
    """Say in one line what each notebook took; empty where nothing was measured."""
    taken = ", ".join(f"{name} {peak:.2f} GB" for name, peak in sorted(peaks.items()))
    return taken and f"Peak memory: {taken}"
