"""Whether anything changed, without asking the records: by times and sizes of files, whichever process wrote them."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from localhai.executions.home import Home

PACE = 1.0  # seconds between two looks at records that are no files of this machine
_TICK = 0.05  # seconds: times of files are no finer than some thousandths, and two writes may have the same
Mark = tuple[Any, ...]


def records_mark(home: Home) -> Mark:
    """What is another when something in the records may be. What was written just now has no mark yet that lasts."""
    if home.settings.database_url:
        return (int(time.monotonic() / PACE),)
    path = home.records.access.database.where
    files = stat(path), stat(f"{path}-wal")
    now = time.time()
    fresh = any(found is not None and abs(now - found[0] / 1e9) < _TICK for found in files)
    return (*files, time.monotonic() if fresh else None)


def stat(path: str | os.PathLike[str]) -> tuple[int, int] | None:
    """Time in nanoseconds and size of a file; None where there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
