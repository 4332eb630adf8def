"""The index of a log: whose bytes are where. Reading it survives what a full disk and a crash may have left of it.

A row says where its bytes end in the log, so that one which is spoiled shifts no other.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterator

LOG = "log"
INDEX = "log.index"
STREAM_NAMES = frozenset({"stdout", "stderr", "status"})
_NEAR = 4096  # bytes
_LEAST = 3  # microseconds, stream, length


class Row(Struct, frozen=True):
    """Bytes of one stream. `raw` is their number before masking; `end` is None in rows of earlier versions."""

    micros: int
    stream: str
    length: int
    raw: int
    end: int | None

    def start(self, before: int) -> int:
        """Where its bytes begin; `before` is where those of the row before it end."""
        return before if self.end is None else self.end - self.length


def parse(line: bytes) -> Row | None:
    """One line without its newline; None for what is no row."""
    parts = line.split()
    end: int | None = None
    try:
        if parts and parts[-1].startswith(b"@"):
            end = int(parts.pop()[1:])
        if not _LEAST <= len(parts) <= _LEAST + 1:
            return None
        stream, length = parts[1].decode(), int(parts[2])
        row = Row(int(parts[0]), stream, length, int(parts[-1]), end)
    except ValueError:
        return None
    fits = length >= 0 and row.raw >= 0 and (end is None or end >= length)
    return row if fits and stream in STREAM_NAMES else None


def rows(data: bytes) -> Iterator[Row]:
    """The rows of an index that can be read; one without its newline is not whole."""
    lines = data.split(b"\n")
    return (row for row in map(parse, lines[:-1]) if row is not None)


def read_rows(folder: Path, at: int = 0) -> Iterator[Row]:
    """The same of an execution's folder from a place of its index, as they are asked for. Nothing where is no index."""
    with suppress(FileNotFoundError), (folder / INDEX).open("rb") as lines:
        lines.seek(at)
        for line in lines:
            row = parse(line) if line.endswith(b"\n") else None
            if row is not None:
                yield row


def place_of(folder: Path, offset: int) -> int:
    """Where in the index to begin to read for the log from `offset` on: at a row that ends at or before it.

    0, its beginning, where that is near, and where rows do not say where they end.
    """
    with suppress(FileNotFoundError), (folder / INDEX).open("rb") as lines:
        low, high = 0, lines.seek(0, os.SEEK_END)
        while high - low > _NEAR:
            lines.seek((low + high) // 2)
            lines.readline()  # the rest of a row
            at = lines.tell()
            row = parse(lines.readline())
            if row is None or row.end is None:
                return 0
            if at < high and row.end <= offset:
                low = at
            else:
                high = (low + high) // 2
        return low
    return 0


def stored_lengths(folder: Path) -> dict[str, int]:
    """Bytes of each stream already stored, counted as the container wrote them: where an adopter goes on."""
    totals = {"stdout": 0, "stderr": 0}
    for row in rows(_content(folder / INDEX)):
        if row.stream in totals:
            totals[row.stream] += row.raw
    return totals


def repair(folder: Path) -> None:
    """Bring log and index into step: what one has without the other goes, so that what follows is counted rightly.

    Never raises: a log that cannot be mended is read as far as it can be.
    """
    with suppress(OSError):
        data = _content(folder / INDEX)
        size = os.stat(folder / LOG).st_size
        kept, whole, end = _in_step(data, size)
        if whole != len(data):
            _rewrite(folder / INDEX, data, kept)
        if end < size:
            os.truncate(folder / LOG, end)


def _in_step(data: bytes, size: int) -> tuple[list[bytes], int, int]:
    """Lines whose bytes the log has whole, how long they are together, and where the last of these bytes end."""
    kept: list[bytes] = []
    whole = end = 0
    for line in data.split(b"\n")[:-1]:
        row = parse(line)
        if row is None or row.start(end) < end or row.start(end) + row.length > size:
            continue
        end = row.start(end) + row.length
        kept.append(line)
        whole += len(line) + 1
    return kept, whole, end


def _rewrite(index: Path, data: bytes, kept: list[bytes]) -> None:
    """Cut where only its end is wrong, which a full disk allows; else anew beside it."""
    wanted = b"".join(line + b"\n" for line in kept)
    if data.startswith(wanted):
        os.truncate(index, len(wanted))
        return
    from localhai.system import durable

    durable.write(index, wanted, mode=0o644, synced=False)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
