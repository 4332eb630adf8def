"""How many lines a log has, counted once: what was counted before is only added to."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from localhai.executions.log.index import LOG

if TYPE_CHECKING:
    from pathlib import Path

_KNOWN = 1000
_counted: OrderedDict[str, tuple[int, int]] = OrderedDict()
_lock = threading.Lock()


def count_lines(folder: Path) -> int:
    """The lines of the log in an execution's folder that have ended."""
    path = folder / LOG
    with _lock:
        offset, lines = _counted.get(str(path), (0, 0))
    try:
        with path.open("rb") as log:
            log.seek(offset)
            while piece := log.read(1 << 20):
                lines += piece.count(b"\n")
                offset += len(piece)
    except FileNotFoundError:
        return 0
    with _lock:
        _counted[str(path)] = (offset, lines)
        _counted.move_to_end(str(path))
        while len(_counted) > _KNOWN:
            _counted.popitem(last=False)
    return lines
