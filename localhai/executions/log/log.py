"""The log of an execution on disk: `log` holds the bytes as they came, `log.index` says whose they are and when.

A person can open `log`. The index has one text line for each run of bytes of one stream: microseconds since 1970,
stream, stored length, where masking changed it the length before, and `@` with the log's size then, by which the end of
a long log is read without its beginning. Bytes are written before their index line, so after a crash the log may be
longer than its index, never shorter.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime, timedelta, timezone
from itertools import chain
from pathlib import Path
from typing import IO, Literal

from msgspec import Struct

from localhai.errors import DiskFull
from localhai.executions.log import index
from localhai.executions.log.index import INDEX, LOG, Row, repair
from localhai.system import durable


class LineAssembler:
    """Joins the pieces of one stream into lines without their newline. A carriage return does not end a line."""

    def __init__(self) -> None:
        self._pending: list[bytes] = []

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that `data` completes."""
        lines = data.split(b"\n")
        if len(lines) == 1:
            if data:
                self._pending.append(data)
            return []
        if self._pending:
            self._pending.append(lines[0])
            lines[0] = b"".join(self._pending)
            self._pending = []
        rest = lines.pop()
        if rest:
            self._pending.append(rest)
        return lines

    def end(self) -> Iterable[bytes]:
        """The last line, if the stream ended without a newline."""
        if self._pending:
            yield b"".join(self._pending)
            self._pending = []


def displayed(line: bytes) -> str:
    """A line as a terminal would have left it: of a progress bar redrawn with carriage returns, the last state."""
    text = line.decode("utf-8", "replace").rstrip("\r")
    return text.rsplit("\r", 1)[-1]


def format_time(time: datetime) -> str:
    """UTC, ISO-8601, six fractional digits, without a zone (platform.md 2.5, 3)."""
    return time.astimezone(timezone.utc).replace(tzinfo=None).isoformat(timespec="microseconds")


EventStream = Literal["stdout", "stderr", "status"]

BLOCK = 1 << 17  # bytes of the index
PIECE = 1 << 20  # bytes of the log that are in memory at once
STREAMS = 3  # each may have a line that has not ended


class Event(Struct, frozen=True):
    """One line of the log (platform.md 2.5). `message` has no newline; bytes that are not UTF-8 show as U+FFFD."""

    stream: EventStream
    time: datetime
    message: str

    def to_dict(self) -> dict[str, str]:
        """The wire shape: `time` is UTC, ISO-8601 with six digits and no zone."""
        return {"stream": self.stream, "time": format_time(self.time), "message": self.message}


class LogWriter:
    """Appends to the log of one execution. Not thread-safe: the runner has one writer and a lock around it."""

    def __init__(self, folder: Path) -> None:
        repair(folder)
        self._log = os.open(folder / LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        try:
            self._index = os.open(folder / INDEX, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        except BaseException:
            os.close(self._log)
            raise

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


def _runs(folder: Path, at: int = 0) -> Iterator[_Run]:
    """The index, cut to what the log holds; bytes beyond the index belong to stdout of the last known moment.

    Read as it is asked for: a log may have millions of rows. `at` is a place in the index where a row begins that says
    where it ends; only what follows is read then.
    """
    try:
        size = (folder / LOG).stat().st_size
    except FileNotFoundError:
        return
    run: _Run | None = None
    offset = 0
    for row in index.read_rows(folder, at):
        if at and run is None:
            offset = row.start(0)
        start = row.start(offset)
        if start < offset:  # a row that cannot be right
            continue
        for lost in _beyond(folder, run, offset, min(start, size)):  # bytes whose row is lost
            run = lost
            yield lost
        kept = min(row.length, size - start)
        if kept < 0:
            break
        run, offset = _run(row, start, kept), start + kept
        yield run
    yield from _beyond(folder, run, offset, size)


def _run(row: Row, offset: int, length: int) -> _Run:
    time = datetime.fromtimestamp(row.micros / 1e6, timezone.utc)
    return _Run(offset, length, row.stream, time)  # type: ignore[arg-type]  # `parse` knows the streams


def _beyond(folder: Path, last: _Run | None, offset: int, size: int) -> list[_Run]:
    """What the index does not know."""
    if offset < size:
        since = last.time if last else datetime.fromtimestamp((folder / LOG).stat().st_mtime, timezone.utc)
        return [_Run(offset, size - offset, "stdout", since)]
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
                    return (
                        [*runs, *_beyond(folder, runs[-1], runs[-1].offset + runs[-1].length, size)] if runs else None
                    )
    except FileNotFoundError:
        return None
    return None


def _placed(rows: bytes, size: int) -> list[_Run] | None:
    """Runs by where the index says that they end; None where a row does not say so."""
    found: list[_Run] = []
    for line in rows.split(b"\n")[:-1]:
        row = index.parse(line)
        if row is None or row.end is None or (found and row.end - row.length != found[-1].offset + found[-1].length):
            return None
        if row.end <= size:  # the log may have grown since its size was asked
            found.append(_run(row, row.end - row.length, row.length))
    return found


def read_stream(folder: Path, stream: EventStream) -> Iterator[tuple[bytes, float]]:
    """The bytes of one stream as they were stored, each piece with its time in seconds since 1970."""
    if not (folder / LOG).exists():
        return
    with (folder / LOG).open("rb") as log:
        for run in _runs(folder):
            if run.stream == stream:
                for piece in _pieces(log, run):
                    yield piece, run.time.timestamp()


def read_events(
    folder: Path, *, last: int | None = None, streams: Collection[EventStream] | None = None
) -> Iterator[Event]:
    """The lines of the log in the order in which they ended, as they are asked for.

    `last` gives only that many, reading little; `streams` only lines of these.
    """
    if last is None:
        yield from _assemble(folder, (run for run in _runs(folder) if streams is None or run.stream in streams))
        return
    from collections import deque

    runs = _last_runs(folder, last)
    if runs is None:
        runs = list(_runs(folder))
    yield from deque(_assemble(folder, _tail(folder, runs, last)), maxlen=last)


def events_from(folder: Path, offset: int) -> tuple[int, Iterator[Event]] | None:
    """Lines from a place of the log on, and where their bytes begin: at or before that place, where a run begins.

    Of each stream the first line may be cut at its beginning. None where nothing is.
    """
    for at in dict.fromkeys((index.place_of(folder, offset), 0)):
        runs = _runs(folder, at)
        run = next((run for run in runs if run.offset + run.length > offset), None)
        if run is not None and (run.offset <= offset or not at):  # else rows before it are spoiled
            return run.offset, _assemble(folder, chain((run,), runs))
    return None


def _pieces(log: IO[bytes], run: _Run) -> Iterator[bytes]:
    """The bytes of a run. What a crash left without a row may be long."""
    log.seek(run.offset)
    left = run.length
    while left and (piece := log.read(min(left, PIECE))):
        left -= len(piece)
        yield piece


def _assemble(folder: Path, runs: Iterable[_Run]) -> Iterator[Event]:
    assemblers: dict[str, LineAssembler] = {}
    times: dict[str, datetime] = {}
    if not (folder / LOG).exists():
        return
    with (folder / LOG).open("rb") as log:
        for run in runs:
            assembler = assemblers.setdefault(run.stream, LineAssembler())
            times[run.stream] = run.time
            lines = (line for piece in _pieces(log, run) for line in assembler.feed(piece))
            for number, line in enumerate(lines):
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
