"""Code as text: `first_error` runs a listing and says what stopped it, and at which line."""

import io
import linecache
import re
import sys
import traceback
import types
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from helpers.common import require
from helpers.common.sentences import say

# The file that Python's tracebacks name for lines of the listing. No real file is called so.
_LISTING = "<listing>"


@dataclass(frozen=True)
class Complaint:
    """What stopped a listing."""

    kind: str  # The exception's type,
    message: str  # and the first line of what it says.
    line: int  # The last line of the listing itself that was running, from 1,
    source: str  # and what stands there.
    frames_below: int  # Lines of other people's files that the traceback shows under it.

    def __str__(self) -> str:
        """Return what was said, and the line of yours to look at."""
        place = say("your line {line}: {source}", line=self.line, source=self.source)
        return f"{self.kind}: {self.message}\n    {place}"


def first_error(listing: str, **names: object) -> Complaint | None:
    """Run a listing and return what stopped it, or ``None``; `names` it finds already defined.

    It is run as a script is, with what stands under ``if __name__ == "__main__"``: only for
    listings that you trust. A script that leaves by `SystemExit` was stopped by it, unless its code
    is 0 or ``None``. What is no text is a TypeError.
    """
    require.instance("listing", listing, str, "a text")
    try:
        # Warnings name lines and files of this machine; the errors are the subject here.
        with warnings.catch_warnings(action="ignore"), _as_main(listing, names) as there:
            exec(compile(listing, _LISTING, "exec"), there)
    except (Exception, SystemExit) as error:  # Whatever the listing raises is the subject.
        if isinstance(error, SystemExit) and error.code in (None, 0):
            return None
        # The traceback runs from our own exec() inwards: the listing's frames, then other files'.
        frames = traceback.extract_tb(error.__traceback__)
        mine = [place for place, frame in enumerate(frames) if frame.filename == _LISTING]
        if not mine:  # Python gave up before the first line; bad syntax knows its line itself.
            line = error.lineno if isinstance(error, SyntaxError) else None
            return _complaint(error, listing, line or 0, 0)
        return _complaint(error, listing, frames[mine[-1]].lineno or 0, len(frames) - 1 - mine[-1])
    return None


@contextmanager
def _as_main(listing: str, names: Mapping[str, object]) -> Iterator[dict[str, object]]:
    """Give the names of a module that stands for ``__main__``, and its source for `inspect`."""
    # Pickle looks for a class in the module of its name, torch.jit.script for a function's source
    # in linecache; without a time of change it is not looked for on the disk.
    main = types.ModuleType("__main__")
    vars(main).update(names)
    lines = io.StringIO(listing, newline=None).readlines()
    before = sys.modules["__main__"]
    sys.modules["__main__"] = main
    linecache.cache[_LISTING] = (len(listing), None, lines, _LISTING)
    try:
        yield vars(main)
    finally:
        sys.modules["__main__"] = before
        linecache.cache.pop(_LISTING, None)


def _complaint(error: BaseException, listing: str, line: int, frames_below: int) -> Complaint:
    message = error.msg if isinstance(error, SyntaxError) else str(error)
    # Python counts lines by these three alone, and may complain of the one behind the last.
    lines = ["", *re.split(r"\r\n|\r|\n", listing), ""]
    first = message.splitlines()[0] if message else ""
    return Complaint(type(error).__name__, first, line, lines[line].strip(), frames_below)
