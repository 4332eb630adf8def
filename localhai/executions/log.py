"""The log of an execution on disk: `log` holds the bytes as they came, `log.index` says whose they are and when.

A person can open `log`. The index has one text line for each run of bytes of one stream: microseconds since 1970,
stream, stored length, where masking changed it the length before, and `@` with the log's size then, by which the end
of a long log is read without its beginning. Bytes are written before their index line, so after a crash the log may be
longer than its index, never shorter.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Literal

from msgspec import Struct

from localhai.errors import DiskFull
from localhai.executions import log_index
from localhai.executions.lines import LineAssembler
from localhai.executions.log_index import INDEX, LOG, Row, repair
from localhai.system import durable

EventStream = Literal["stdout", "stderr", "status"]

BLOCK = 1 << 17  # bytes of the index
STREAMS = 3  # each may have a line that has not ended


class Event(Struct, frozen=True):
    """One line of the log (reference 2.5). `message` has no newline; bytes that are not UTF-8 show as U+FFFD."""

    stream: EventStream
    time: datetime
    message: str

    def to_dict(self) -> dict[str, str]:
        """The wire shape: `time` is UTC, ISO-8601 with six digits and no zone."""
        return {"stream": self.stream, "time": format_time(self.time), "message": self.message}


def format_time(time: datetime) -> str:
    """UTC, ISO-8601, six fractional digits, without a zone (reference 2.5)."""
    return time.astimezone(timezone.utc).replace(tzinfo=None).isoformat(timespec="microseconds")


class LogWriter:
    """Appends to the log of one execution. Not thread-safe: the runner has one writer and a lock around it."""

    def __init__(self, folder: Path) -> None:
        repair(folder)
        self._log = os.open(folder / LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        self._index = os.open(folder / INDEX, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)

    def write(self, stream: EventStream, data: bytes, time: float, *, raw_length: int | None = None) -> None:
        """Store bytes that came at `time` (seconds since 1970). Raises DiskFull."""
        row = f"{int(time * 1e6)} {stream} {len(data)}"
        if raw_length is not None and raw_length != len(data):
            row += f" {raw_length}"
        try:
            end = durable.append(self._log, data)
            try:
                durable.append(self._index, f"{row} @{end}\n".encode())
            except OSError:
                os.ftruncate(self._log, end - len(data))  # bytes and rows stay in step
                raise
        except OSError as error:
            raise DiskFull(f"the log cannot be written: {error.strerror}") from error

    def close(self) -> None:
        os.close(self._log)
        os.close(self._index)


class _Run(Struct, frozen=True):
    offset: int
    length: int
    stream: EventStream
    time: datetime


def _runs(folder: Path) -> list[_Run]:
    """The index, cut to what the log holds; bytes beyond the index belong to stdout of the last known moment."""
    try:
        data = (folder / INDEX).read_bytes()
        size = (folder / LOG).stat().st_size
    except FileNotFoundError:
        return []
    runs: list[_Run] = []
    offset = 0
    for row in log_index.rows(data):
        start = row.start(offset)
        if start > offset:  # bytes whose row is lost
            runs += _beyond(folder, runs, offset, min(start, size))
        elif start < offset:  # a row that cannot be right
            continue
        kept = min(row.length, size - start)
        if kept < 0:
            break
        runs.append(_run(row, start, kept))
        offset = start + kept
    return [*runs, *_beyond(folder, runs, offset, size)]


def _run(row: Row, offset: int, length: int) -> _Run:
    time = datetime.fromtimestamp(row.micros / 1e6, timezone.utc)
    return _Run(offset, length, row.stream, time)  # type: ignore[arg-type]  # `parse` knows the streams


def _beyond(folder: Path, runs: Sequence[_Run], offset: int, size: int) -> list[_Run]:
    """What the index does not know."""
    if offset < size:
        last = runs[-1].time if runs else datetime.fromtimestamp((folder / LOG).stat().st_mtime, timezone.utc)
        return [_Run(offset, size - offset, "stdout", last)]
    return []


def _last_runs(folder: Path, wanted: int) -> list[_Run] | None:
    """The last runs, which hold `wanted` lines or all there are; None where that cannot be known from the end."""
    try:
        with (folder / INDEX).open("rb") as index, (folder / LOG).open("rb") as log:
            at = index.seek(0, os.SEEK_END)
            size = os.fstat(log.fileno()).st_size
            data = b""
            while at:
                step = min(at, max(BLOCK, len(data)))
                at -= step
                index.seek(at)
                data = index.read(step) + data
                runs = _placed(data if not at else data[data.find(b"\n") + 1 :], size)
                if runs is None:
                    return None
                log.seek(runs[0].offset if runs else size)
                if not at or log.read(size - log.tell()).count(b"\n") > wanted + STREAMS:
                    return [*runs, *_beyond(folder, runs, runs[-1].offset + runs[-1].length, size)] if runs else None
    except FileNotFoundError:
        return None
    return None


def _placed(rows: bytes, size: int) -> list[_Run] | None:
    """Runs by where the index says that they end; None where a row does not say so."""
    found: list[_Run] = []
    for line in rows.split(b"\n")[:-1]:
        row = log_index.parse(line)
        if row is None or row.end is None or (found and row.end - row.length != found[-1].offset + found[-1].length):
            return None
        if row.end <= size:  # the log may have grown since its size was asked
            found.append(_run(row, row.end - row.length, row.length))
    return found


def read_stream(folder: Path, stream: EventStream) -> Iterator[tuple[bytes, float]]:
    """The bytes of one stream as they were stored, each piece with its time in seconds since 1970."""
    runs = _runs(folder)
    if not runs:
        return
    with (folder / LOG).open("rb") as log:
        for run in runs:
            if run.stream == stream:
                log.seek(run.offset)
                yield log.read(run.length), run.time.timestamp()


def read_events(folder: Path, *, last: int | None = None) -> Iterator[Event]:
    """The lines of the log in the order in which they ended; `last` gives only that many, reading little."""
    runs = _last_runs(folder, last) if last is not None else None
    if runs is None:
        runs = _runs(folder)
    if last is not None:
        runs = _tail(folder, runs, last)
    events = _assemble(folder, runs)
    if last is None:
        yield from events
        return
    from collections import deque

    yield from deque(events, maxlen=last)


def _assemble(folder: Path, runs: Sequence[_Run]) -> Iterator[Event]:
    assemblers: dict[str, LineAssembler] = {}
    times: dict[str, datetime] = {}
    if not runs:
        return
    with (folder / LOG).open("rb") as log:
        for run in runs:
            log.seek(run.offset)
            assembler = assemblers.setdefault(run.stream, LineAssembler())
            times[run.stream] = run.time
            for number, line in enumerate(assembler.feed(log.read(run.length))):
                # lines that came at once differ by a microsecond each: clients take two equal events for one
                time = run.time + timedelta(microseconds=number) if number else run.time
                yield Event(run.stream, time, line.decode("utf-8", "replace"))
    for stream, assembler in assemblers.items():
        for line in assembler.end():
            yield Event(stream, times[stream], line.decode("utf-8", "replace"))  # type: ignore[arg-type]  # as above


def _tail(folder: Path, runs: Sequence[_Run], wanted: int) -> list[_Run]:
    """The last runs that surely hold `wanted` whole lines."""
    found = 0
    with (folder / LOG).open("rb") as log:
        for number in range(len(runs) - 1, -1, -1):
            log.seek(runs[number].offset)
            found += log.read(runs[number].length).count(b"\n")
            if found > wanted + STREAMS:
                return list(runs[number:])
    return list(runs)
