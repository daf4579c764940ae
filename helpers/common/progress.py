"""A bar for what takes long: in a notebook or on a terminal, and not in a log."""

import time
from collections.abc import Iterable, Iterator
from typing import Any

from tqdm.auto import tqdm
from tqdm.notebook import tqdm as notebook_tqdm

# Who waits longer than this wonders whether anything goes on.
_SECONDS_WITHOUT = 2.0


def bar(*, shown: bool = True, **look: Any) -> tqdm:
    """Return a bar of tqdm's, with its options."""
    # None leaves it to tqdm: a bar on a terminal, nothing in a log. A notebook is neither.
    in_notebook = issubclass(tqdm, notebook_tqdm)
    return tqdm(disable=not shown or (False if in_notebook else None), **look)


def walked(
    walk: Iterable, unit: str, what: str, total: int | None = None, *, shown: bool = True
) -> Iterator[Any]:
    """Walk, and show how far one is, and `what` takes so long, once it has taken long."""
    start, seen = time.monotonic(), None
    # Not made before it is needed: in a notebook it leaves something behind, shown or not.
    try:
        for count, part in enumerate(walk, 1):
            yield part
            if seen is not None:
                seen.update()
            elif shown and time.monotonic() - start > _SECONDS_WITHOUT:
                seen = bar(unit=unit, desc=what, total=total, initial=count, leave=False)
    finally:
        if seen is not None:
            seen.total = None  # Or a walk that is left early would leave it there, in red.
            seen.close()
