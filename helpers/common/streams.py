"""What a command writes to, as whoever started it left it: closed, half closed, or ASCII alone.

Nothing here loads PyTorch, so that ``--help`` and a mistyped option answer at once.
"""

import contextlib
import errno
import os
import sys
from typing import TextIO

# No room on the disk, or none within a quota: somebody still waits for what was to be written.
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


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
    """Write a line at once, and return whether that could be: the reader may be gone.

    Where there is no room for what goes to a file, that is an ``OSError``.
    """
    try:
        print(line, file=stream, flush=True)
    except OSError as error:
        # What it could not write is still in its buffer, and would fail once more as Python ends.
        with contextlib.suppress(OSError), open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), stream.fileno())
        if error.errno in _NO_ROOM and stream is not sys.stderr:  # Or nobody could be told.
            raise OSError(error.errno, os.strerror(error.errno), "stdout") from error
        return False
    return True
