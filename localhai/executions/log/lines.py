"""Lines of a log by their number: pages of it from anywhere, reading little of what is before. Memory stays small.

Lines have the numbers of `read_events`, from 1, in the order in which they ended: the line of number N is the one that
the log's newline of number N ends, whosever bytes stand before it. So counting newlines finds any line.
"""

from __future__ import annotations

import threading
from array import array
from bisect import bisect_left
from functools import lru_cache
from itertools import count as counting
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from localhai.executions.log.index import LOG
from localhai.executions.log.log import STREAMS, events_from
from localhai.system.text import cut

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

    from localhai.executions.log.log import Event

MOST = 2000  # lines of a page
MUCH = 1 << 20  # characters of a page
LONGEST = 10_000  # characters of a line
_BLOCK = 1 << 18  # bytes between two places whose line numbers are known
_BEFORE = 16 + STREAMS  # lines before a page that are read too: one of each stream may have begun among them
_KNOWN = 1000


class LogLine(Struct, frozen=True):
    """A line and its number."""

    n: int
    event: Event

    def to_dict(self) -> dict[str, Any]:
        """`{n, stream, at, text}` (page.md 4.2)."""
        text, at = self.event.message, self.event.to_dict()["time"] + "Z"
        return {"n": self.n, "stream": self.event.stream, "at": at, "text": cut(text, LONGEST)}


class LogPage(Struct, frozen=True):
    """Lines of a log. `total` is how many have ended now; those without a newline count once it is `complete`."""

    first: int
    lines: list[LogLine]
    total: int
    complete: bool

    def to_dict(self) -> dict[str, Any]:
        """`{from, lines, total, complete}` (page.md 5.1)."""
        lines = [line.to_dict() for line in self.lines]
        return {"from": self.first, "lines": lines, "total": self.total, "complete": self.complete}


class LineIndex:
    """Where the lines of one log end, as it grows: one number for each of its blocks."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._forget()

    def _forget(self) -> None:
        self._before = array("Q", [0])  # newlines before each block
        self._size = self._count = 0
        self._unended: tuple[int, int] | None = None

    def count(self) -> int:
        """How many lines have ended. What was counted before is only added to."""
        with self._lock:
            try:
                with (self._folder / LOG).open("rb") as log:
                    self._read_on(log)
            except FileNotFoundError:
                self._forget()
            return self._count

    def _read_on(self, log: BinaryIO) -> None:
        if log.seek(0, 2) < self._size:  # cut since: another log
            self._forget()
        log.seek(self._size)
        while piece := log.read(_BLOCK - self._size % _BLOCK):
            self._count += piece.count(b"\n")
            self._size += len(piece)
            if not self._size % _BLOCK:
                self._before.append(self._count)

    def end_of(self, line: int) -> int:
        """Where the line of this number ends, behind its newline; it must have ended. 0 for line 0."""
        if line <= 0:
            return 0
        block = bisect_left(self._before, line) - 1
        with (self._folder / LOG).open("rb") as log:
            log.seek(block * _BLOCK)
            data = log.read(_BLOCK)
        at = -1
        for _ in range(line - self._before[block]):
            at = data.find(b"\n", at + 1)
        return block * _BLOCK + at + 1

    def before(self, offset: int) -> int:
        """How many lines end before a place of the log."""
        block = min(offset // _BLOCK, len(self._before) - 1)
        with (self._folder / LOG).open("rb") as log:
            log.seek(block * _BLOCK)
            return self._before[block] + log.read(offset - block * _BLOCK).count(b"\n")

    def total(self, *, complete: bool) -> int:
        """How many lines there are; of a log that grows no more those too that never got a newline."""
        ended = self.count()
        if not complete:
            return ended
        if self._unended is None or self._unended[0] != self._size:
            self._unended = (self._size, sum(line.n > ended for line in self._from(ended)))
        return ended + self._unended[1]

    def page(self, line: int, number: int, *, complete: bool) -> LogPage:
        """At most so many lines from one on; a negative `line` counts from the end."""
        total = self.total(complete=complete)
        first = max(1, total + 1 + line) if line < 0 else max(1, line)
        last = min(total, first + min(number, MOST) - 1)
        found: list[LogLine] = []
        size = 0
        for item in self._from(first) if first <= last else ():
            if item.n >= first:
                found.append(item)
                size += min(len(item.event.message), LONGEST)
            if item.n >= last or size > MUCH:
                break
        return LogPage(first, found, total, complete)

    def _from(self, line: int) -> Iterator[LogLine]:
        """All from a line on, and some before it."""
        start = self.end_of(max(0, min(line, self._count) - _BEFORE))
        found = events_from(self._folder, start)
        if found is None:
            return
        for n, event in zip(counting(self.before(found[0]) + 1), found[1], strict=False):
            yield LogLine(n, event)


@lru_cache(maxsize=_KNOWN)
def lines_of(folder: Path) -> LineIndex:
    """The same object for the same folder, so that what was counted is only added to."""
    return LineIndex(folder)


def count_lines(folder: Path) -> int:
    """The lines of a log that have ended."""
    return lines_of(folder).count()
