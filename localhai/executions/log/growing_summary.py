"""The metadata of an execution that still runs, summed up as it grows: whoever runs it writes the lines."""

from __future__ import annotations

import threading
from functools import lru_cache
from typing import TYPE_CHECKING

from localhai.executions.log.growing import whole_lines
from localhai.executions.log.metadata import METADATA, Summary, parse_line

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

_LINES = 2000  # that are added at once


class GrowingSummary:
    """Reads metadata.jsonl on from where it stopped the last time. Thread-safe."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / METADATA
        self._lock = threading.Lock()
        self._at = 0
        self._summary = Summary()

    def read(self) -> Summary:
        """Of all lines that have ended by now: the same object, which grows."""
        with self._lock:
            try:
                size = self._path.stat().st_size
                if size < self._at:  # an adopter writes it anew
                    self._at, self._summary = 0, Summary()
                for data in whole_lines(self._path, self._at) if size > self._at else ():
                    self._at += len(data)
                    self._add(data.split(b"\n"))
            except FileNotFoundError:
                pass
            return self._summary

    def _add(self, lines: list[bytes]) -> None:
        for start in range(0, len(lines), _LINES):
            objects: list[dict[str, Any]] = []
            for line in lines[start : start + _LINES]:
                parsed = parse_line(line) if line else None
                if parsed is not None:
                    parsed[0].pop("_time", None)
                    objects.append(parsed[0])
            if objects:
                self._summary.add(objects)


_KEPT = 200  # executions that run


@lru_cache(maxsize=_KEPT)
def growing_summary(folder: Path) -> GrowingSummary:
    """The same object for the same folder, so that what was read is only added to."""
    return GrowingSummary(folder)
