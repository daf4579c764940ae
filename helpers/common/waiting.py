"""How long PyTorch's threads spin while they wait for each other: a moment, then they sleep.

An operation that is shared among threads ends when the last of them ends. The others wait, and
the library that runs them, libgomp, has them do so at full speed, in a loop: 300,000 times round
before they sleep. On a quiet machine that is no loss. Beside another program it is: what waits
takes the processor from what it waits for, and a notebook took eight times as long and more.

A shorter spin is as quick, as `GOMP_SPINCOUNT` [1]_ asks for, but that is heard only before PyTorch
is loaded. Afterwards one way is left: if there are more threads than processors, libgomp goes
round 100 times only, and a thread more counts even if it does nothing. That costs up to half as
much again on a quiet machine, so it is done only on one that is busy.

References
----------
.. [1] GNU libgomp, ``GOMP_SPINCOUNT``,
   https://gcc.gnu.org/onlinedocs/libgomp/GOMP_005fSPINCOUNT.html
"""

import ctypes
import os
import sys
import threading
import time
from pathlib import Path

SPINS = "3000"  # A few microseconds, about as long as the next operation takes to come.


def sleep_while_waiting() -> None:
    """Let the threads of this process and of those that it starts spin for a moment only.

    No result depends on it: there are as many threads as before, and each does what it did. Where
    the environment says how to wait, that holds.
    """
    if os.environ.keys() & {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"}:
        return
    os.environ["GOMP_SPINCOUNT"] = SPINS
    torch = sys.modules.get("torch")
    if torch is not None and sys.platform == "linux":
        processors = len(os.sched_getaffinity(0))
        if 1 < (threads := torch.get_num_threads()) <= processors < threads + _busy_neighbours():
            _add_idle_threads(1 + processors - threads)


def _busy_neighbours() -> int:
    """Count the threads elsewhere on this machine that compute without a pause."""
    load, counts = Path("/proc/loadavg"), []
    if not load.exists():
        return 0
    for _ in range(5):
        running, _ = load.read_text().split()[3].split("/")
        counts.append(int(running) - 1)  # One is this.
        time.sleep(0.002)
    return min(counts)


def _add_idle_threads(count: int) -> None:
    library = ctypes.CDLL(None)  # All that is loaded.
    if not hasattr(library, "GOMP_parallel"):
        return
    added = threading.Event()

    def stay() -> None:
        # A team of this thread and so many others calls a function that does nothing. They are
        # libgomp's for as long as this thread lives, so it never ends.
        library.GOMP_parallel(library.omp_get_level, None, count + 1, 0)
        added.set()
        threading.Event().wait()

    threading.Thread(target=stay, name="idle", daemon=True).start()
    added.wait()
