"""What PyTorch's threads do while they wait for each other: they go to sleep.

An operation that is shared among threads ends when the last of them ends. The others wait, and
the library that runs them, libgomp, has them do so at full speed, in a loop: 300,000 times round
before they sleep. On a quiet machine that is no loss. Beside another program it is: what waits
takes the processor from what it waits for. On two cores, beside one other program, a small network
then took 18 and 38 times as long as alone; with threads that sleep, twice.

If there are more threads than processors, libgomp lets them go round 100 times only [1]_. How
often is settled when PyTorch is loaded, so no setting helps in a notebook that has done that. But
a thread more counts even if it does nothing.

References
----------
.. [1] GNU libgomp, ``GOMP_SPINCOUNT``,
   https://gcc.gnu.org/onlinedocs/libgomp/GOMP_005fSPINCOUNT.html
"""

import ctypes
import os
import sys
import threading


def sleep_while_waiting() -> None:
    """Let the threads of this process and of those that it starts wait asleep.

    No result depends on it: there are as many threads as before, and each does what it did. Where
    the environment says how to wait, that holds.
    """
    if os.environ.keys() & {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"}:
        return
    # Heard by any library of this kind, but only before PyTorch is loaded.
    os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
    torch = sys.modules.get("torch")
    if torch is not None and sys.platform == "linux":
        processors = len(os.sched_getaffinity(0))
        if 1 < (threads := torch.get_num_threads()) <= processors:
            _add_idle_threads(1 + processors - threads)


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
