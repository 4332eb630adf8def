"""The log of an execution that still runs, line by line as it grows."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from localhai.executions.log import index
from localhai.executions.log.index import INDEX, LOG
from localhai.executions.log.log import BLOCK, Event, LineAssembler

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from localhai.executions.log.index import Row
    from localhai.executions.log.log import EventStream

LOOK = 0.25  # seconds between two looks at the log


class GrowingLog:
    """Reads a log on from where it stopped the last time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._index_at = 0
        self._log_at = 0
        self._lines: dict[EventStream, LineAssembler] = {}
        self._times: dict[EventStream, datetime] = {}

    def read(self) -> Iterator[Event]:
        """The lines that have ended since the last call."""
        while rows := self._new_rows():
            with (self._folder / LOG).open("rb") as log:
                for row in rows:
                    start = row.start(self._log_at)
                    if start < self._log_at:  # a row that cannot be right
                        continue
                    log.seek(start)
                    data = log.read(row.length)
                    self._log_at = start + row.length
                    yield from self._feed(row, data)

    def _feed(self, row: Row, data: bytes) -> Iterator[Event]:
        stream: EventStream = row.stream  # type: ignore[assignment]  # `parse` knows the streams
        moment = self._times[stream] = datetime.fromtimestamp(row.micros / 1e6, timezone.utc)
        for line in self._lines.setdefault(stream, LineAssembler()).feed(data):
            yield Event(stream, moment, line.decode("utf-8", "replace"))

    def rest(self) -> Iterator[Event]:
        """Lines that never got their newline."""
        for stream, assembler in self._lines.items():
            for line in assembler.end():
                yield Event(stream, self._times[stream], line.decode("utf-8", "replace"))

    def _new_rows(self) -> list[Row]:
        """Some that are new: a log may have millions of them."""
        while True:
            try:
                with (self._folder / INDEX).open("rb") as file:
                    file.seek(self._index_at)
                    data = file.read(BLOCK)
            except FileNotFoundError:
                return []
            whole = data[: data.rfind(b"\n") + 1]  # a row may be in the writing
            self._index_at += len(whole)
            found = list(index.rows(whole))
            if found or not whole:
                return found
