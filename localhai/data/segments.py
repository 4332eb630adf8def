"""Parts of a download: which bytes are here, which are next, and how that survives a crash. Pure but for its file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from localhai.system import durable, strict_json
from localhai.system.process import boot_id

if TYPE_CHECKING:
    from localhai.data.sources.base import SourceFile

SEGMENT = 64 << 20  # few big ranges: S3 is at its best, and a server that reads whole objects is asked rarely


class Segment(Struct):
    """Bytes `start` to `end` (exclusive; None while the size is unknown), of which those before `pos` are here."""

    start: int
    end: int | None
    pos: int

    @property
    def done(self) -> bool:
        """Whether all of it is here."""
        return self.pos == self.end


def fresh(found: SourceFile) -> list[Segment]:
    """Segments for a file of which nothing is here."""
    if found.size is None or not found.ranges or found.version is None:
        return [Segment(0, found.size, 0)]
    starts = range(0, found.size, SEGMENT) or [0]
    return [Segment(start, min(start + SEGMENT, found.size), start) for start in starts]


def prefix(segments: Sequence[Segment]) -> int:
    """How many bytes from the beginning are here without a gap."""
    for segment in segments:
        if not segment.done:
            return segment.pos
    return segments[-1].pos


def arrived(segments: Sequence[Segment]) -> int:
    """How many bytes are here in all."""
    return sum(segment.pos - segment.start for segment in segments)


def save(path: Path, found: SourceFile, segments: Sequence[Segment], *, synced: bool) -> None:
    """Remember what is here. `synced` says that the bytes themselves are safe from a power cut."""
    if found.version is None or found.size is None:
        return
    state = {
        "version": found.version,
        "size": found.size,
        "boot": boot_id(),
        "synced": synced,
        "segments": [[segment.start, segment.end, segment.pos] for segment in segments],
    }
    durable.write(path, strict_json.dumps(state).encode(), synced=False)


def load(path: Path, found: SourceFile, part: Path) -> list[Segment] | None:
    """What is here of exactly this version; None when it cannot be trusted.

    Bytes that were never synced are trusted only while the machine has not started anew.
    """
    with suppress(OSError, ValueError, KeyError, TypeError):
        state: dict[str, Any] = json.loads(path.read_bytes())
        segments = [Segment(*numbers) for numbers in state["segments"]]
        same = (state["version"], state["size"]) == (found.version, found.size)
        safe = state["synced"] or state["boot"] == boot_id()
        here = part.stat().st_size >= max(segment.pos for segment in segments if segment.pos > segment.start)
        if same and safe and here:
            return segments
    return None
