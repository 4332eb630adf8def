"""What executions write, as it is read: server-sent events, lists of any length, tables. Memory holds few items.

Server-sent events come while they are written: lines of the log, metadata, changes of status. An event's id says how
many lines and how many metadata came before it, so that a client which was cut off goes on where it was: browsers and
libraries send it back as `Last-Event-ID`. The stream ends after the final status.
"""

from __future__ import annotations

import asyncio
import csv
import io
import re
import time
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from localhai.errors import LocalhaiError
from localhai.executions.log.follow import LOOK, GrowingLog
from localhai.executions.log.metadata import METADATA, parse_line, read_metadata
from localhai.system import strict_json
from localhai.vocabulary import FINAL

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
    from pathlib import Path

    from localhai.executions.log.log import Event
    from localhai.records import ExecutionRecord
    from localhai.server.state import State

KINDS = frozenset({"log", "metadata", "status"})
AT_ONCE = 500  # events that are held in memory
MUCH = 1 << 20  # characters of lines after which no more of them are taken at once
BEAT = 15.0  # seconds without anything to say, after which a comment says that it goes on
RETRY = 1000  # milliseconds until a client that was cut off comes back
_id_re = re.compile(r"(\d{1,12})-(\d{1,12})(-end)?")


@dataclass(frozen=True, slots=True)
class StreamPosition:
    """How far a client is: lines of the log, metadata, and whether it has seen the end."""

    lines: int = 0
    metadata: int = 0
    ended: bool = False

    @classmethod
    def of(cls, event_id: str) -> StreamPosition:
        """From an id; the beginning where that is none of ours."""
        match = _id_re.fullmatch(event_id.strip())
        return cls(int(match[1]), int(match[2]), bool(match[3])) if match else cls()

    def __str__(self) -> str:
        return f"{self.lines}-{self.metadata}{'-end' if self.ended else ''}"


async def stream(state: State, execution_id: str, place: StreamPosition, kinds: frozenset[str]) -> AsyncIterator[str]:
    """The events of one execution from a place on, as text of `text/event-stream`.

    Threads are held only while there is something to read: many clients may listen to what writes little.
    """
    reader = _Reader(state, execution_id, place)
    yield f"retry: {RETRY}\n\n"
    said = time.monotonic()
    while not state.queue.closing:
        try:
            found = await run_in_threadpool(reader.read)
        except LocalhaiError:
            return  # deleted, or the database is away: the client comes back and hears so
        events = [item for item in found if item.kind in kinds]
        if events:
            yield "".join(map(str, events))
        elif time.monotonic() - said > BEAT:
            yield ": still here\n\n"
        if events or time.monotonic() - said > BEAT:
            said = time.monotonic()
        if reader.ended:
            return
        if not reader.moved:
            await asyncio.sleep(LOOK)


@dataclass(frozen=True, slots=True)
class _Sent:
    kind: str
    place: StreamPosition
    data: Any

    def __str__(self) -> str:
        return f"id: {self.place}\nevent: {self.kind}\ndata: {strict_json.dumps(self.data)}\n\n"


@dataclass
class _Reader:
    state: State
    execution_id: str
    place: StreamPosition
    ended: bool = False
    moved: bool = False
    _status: str = ""
    _folder: Path | None = None
    _lines: Iterator[Event] = field(default_factory=lambda: iter(()))
    _log: GrowingLog | None = None
    _more: bool = False
    _metadata: _GrowingMetadata | None = None
    _seen: StreamPosition = field(default_factory=StreamPosition)

    def read(self) -> list[_Sent]:
        """What has come since the last call, at most AT_ONCE of a kind. The final status comes after all else."""
        if self._more and (more := self._further()):
            return more
        row = self.state.home.records.executions.get(
            self.execution_id
        )  # asked first: what was written before is then there
        if self._folder is None and row.folder:
            self._folder = self.state.home.folder / row.folder
            self._log, self._metadata = GrowingLog(self._folder), _GrowingMetadata(self._folder)
        final = row.status in FINAL
        found: list[_Sent] = []
        if row.status != self._status and not final:
            self._status = row.status
            found.append(_Sent("status", self.place, {"status": row.status}))
        found += self._further(final=final)
        if final and not self.moved:
            self.ended = True
            self.place = StreamPosition(self.place.lines, self.place.metadata, ended=True)
            found.append(_Sent("status", self.place, {"status": row.status}))
        return found

    def _further(self, *, final: bool = False) -> list[_Sent]:
        """Lines and metadata. While more of them are there already, nobody need ask how the execution is."""
        events = self._events(final=final)
        objects = self._metadata.read(AT_ONCE) if self._metadata else []
        self.moved = bool(events or objects)
        self._more = len(events) == AT_ONCE
        found = [sent for event in events if (sent := self._line(event))]
        return found + [sent for item in objects if (sent := self._object(item))]

    def _events(self, *, final: bool) -> list[Event]:
        """Some that the client does not have, after what it has."""
        if self._log is None:
            return []
        for more in (lambda: self._lines, self._log.read, *([self._log.rest] if final else [])):
            self._lines = more()
            self._skip()
            if found := list(self._some()):
                return found
        return []

    def _skip(self) -> None:
        known = self.place.lines - self._seen.lines
        if known > 0:
            skipped = sum(1 for _ in islice(self._lines, known))
            self._seen = StreamPosition(self._seen.lines + skipped, self._seen.metadata)

    def _some(self) -> Iterator[Event]:
        """At most AT_ONCE, and fewer where they are long."""
        size = 0
        for event in islice(self._lines, AT_ONCE):
            yield event
            size += len(event.message)
            if size > MUCH:
                return

    def _line(self, event: Event) -> _Sent | None:
        """None for one that the client has."""
        self._seen = StreamPosition(self._seen.lines + 1, self._seen.metadata)
        if self._seen.lines <= self.place.lines:
            return None
        self.place = StreamPosition(self._seen.lines, self.place.metadata)
        return _Sent("log", self.place, event.to_dict())

    def _object(self, item: dict[str, Any]) -> _Sent | None:
        """None for one that the client has."""
        self._seen = StreamPosition(self._seen.lines, self._seen.metadata + 1)
        if self._seen.metadata <= self.place.metadata:
            return None
        self.place = StreamPosition(self.place.lines, self._seen.metadata)
        return _Sent("metadata", self.place, item)


class _GrowingMetadata:
    """Reads metadata on from where it stopped the last time."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / METADATA
        self._at = 0

    def read(self, most: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        with suppress(FileNotFoundError), self._path.open("rb") as file:
            file.seek(self._at)
            while len(found) < most and (line := file.readline()).endswith(b"\n"):
                self._at += len(line)
                parsed = parse_line(line)
                if parsed is not None:
                    found.append(parsed[0])
        return found


def array(items: Iterable[Any]) -> StreamingResponse:
    """The items alone."""
    return StreamingResponse(pieces(items), media_type="application/json")


def counted(facts: Mapping[str, Any], name: str, items: Iterable[Any]) -> StreamingResponse:
    """An object of facts, the items under a name, and their `total`."""
    return StreamingResponse(_object(facts, name, items), media_type="application/json")


def pieces(items: Iterable[Any], count: list[int] | None = None) -> Iterator[str]:
    """An array in pieces; how many items it has is added to `count`."""
    coming, before = iter(items), "["
    while some := list(islice(coming, AT_ONCE)):
        yield before + ",".join(map(strict_json.dumps, some))
        before = ","
        if count is not None:
            count[0] += len(some)
    yield "]" if before == "," else "[]"


def _object(facts: Mapping[str, Any], name: str, items: Iterable[Any]) -> Iterator[str]:
    count = [0]
    yield f"{strict_json.dumps(dict(facts))[:-1]},{strict_json.dumps(name)}:"
    yield from pieces(items, count)
    yield f',"total":{count[0]}}}'


def metadata_table(rows: list[tuple[ExecutionRecord, Path | None]]) -> Iterator[str]:
    """Comma-separated values of executions and their folders: `id, execution, _time` and every key, a line an event."""
    keys: dict[str, None] = {"_time": None}
    for _row, folder in rows:
        for event in read_metadata(folder) if folder else ():
            keys.update(dict.fromkeys(event))
    return _lines(rows, list(keys))


def _lines(rows: list[tuple[ExecutionRecord, Path | None]], keys: list[str]) -> Iterator[str]:
    line = io.StringIO()
    table = csv.writer(line)
    table.writerow(["id", "execution", *keys])
    for row, folder in rows:
        for event in read_metadata(folder) if folder else ():
            table.writerow([row.id, row.counter, *(_cell(event.get(key)) for key in keys)])
            yield line.getvalue()
            line.seek(0)
            line.truncate()
    yield line.getvalue()


def _cell(value: Any) -> Any:
    return strict_json.dumps(value) if isinstance(value, (dict, list, bool)) else value
