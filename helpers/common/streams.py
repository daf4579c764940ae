"""What a command writes to, as whoever started it left it: closed, half closed, or ASCII alone.

Nothing here loads PyTorch, so that ``--help`` and a mistyped option answer at once.
"""

import contextlib
import os
import sys
from typing import TextIO


def mend() -> None:
    """Let no stream that is closed, and no letter that one cannot write, end the command."""
    for name in ("stdin", "stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            # Or the next file that is opened gets its number, and what PyTorch warns of with it.
            setattr(sys, name, open(os.devnull, "w"))
        elif name != "stdin":
            stream.reconfigure(errors="backslashreplace")


def put(line: str, stream: TextIO) -> bool:
    """Write a line at once, and return whether that could be: the reader may be gone."""
    try:
        print(line, file=stream, flush=True)
    except OSError:
        # What it could not write is still in its buffer, and would fail once more as Python ends.
        with contextlib.suppress(OSError), open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), stream.fileno())
        return False
    return True
