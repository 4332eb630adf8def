"""Whether the outputs of an earlier execution are still what it left: present, not purged, not spoiled.

Bytes are not read for that. What a file of the store looked like at the end (size, mtime, inode) is remembered; only a
file that looks different is read again, and its checksum decides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from localhai.errors import SurroundingsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from localhai.executions.home import Home
    from localhai.records import DatumRecord
    from localhai.records.reuse import Keyed


def states(data: Iterable[DatumRecord]) -> dict[str, list[int]]:
    """Size, mtime and inode of those that are files of this machine, by id."""
    found: dict[str, list[int]] = {}
    for datum in data:
        state = _state(datum)
        if state is not None:
            found[datum.id] = state
    return found


def remember_outputs(home: Home, execution_id: str, data: Iterable[DatumRecord]) -> None:
    """Keep what the outputs of an execution look like now."""
    found = states(data)
    if found:
        home.records.reuse.remember_outputs(execution_id, found)


def spoiled(home: Home, earlier: Keyed) -> str | None:
    """What is wrong with an output, as the end of a sentence; None where all are as they were."""
    fresh: dict[str, list[int]] = {}
    for datum in earlier.execution.outputs:
        if datum.purged:
            return f"its output {datum.name} was deleted"
        reason = _file_fault(datum, earlier.outputs, fresh) if datum.path is not None else _object_fault(home, datum)
        if reason is not None:
            return f"its output {datum.name} {reason}"
    if fresh:  # touched, but the same: no need to read it again the next time
        home.records.reuse.remember_outputs(earlier.execution.id, {**earlier.outputs, **fresh})
    return None


def _state(datum: DatumRecord) -> list[int] | None:
    path = _path(datum)
    if path is None or not path.is_file():
        return None
    found = path.stat()
    return [found.st_size, found.st_mtime_ns, found.st_ino]


def _path(datum: DatumRecord) -> Path | None:
    from pathlib import Path

    return None if datum.path is None else Path(datum.path)


def _file_fault(datum: DatumRecord, known: Mapping[str, list[int]], fresh: dict[str, list[int]]) -> str | None:
    state = _state(datum)
    if state is None:
        return "is gone from the store"
    if state == known.get(datum.id):
        return None
    if state[0] != datum.size:
        return "is no longer what it was: its size is another"
    from localhai.data import checksums

    path = _path(datum)
    try:
        if path is None or checksums.of_file(path).sha256 != datum.sha256:
            return "is no longer what it was: its checksum is another"
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    fresh[datum.id] = state
    return None


def _object_fault(home: Home, datum: DatumRecord) -> str | None:
    """An object carries its checksum as metadata, which whoever writes over it does not set."""
    from localhai.data.store import S3Store
    from localhai.data.uri import parse

    uri, sources = parse(datum.uri), home.sources_for(home.settings)
    try:
        found = S3Store(uri.container, "", sources.s3_clients(), retry=sources.retry).kept(datum.uri)
    except SurroundingsError as error:
        return f"cannot be looked at: {error.message}"
    if found is None:
        return "is gone from the store"
    return None if found == (datum.size, datum.sha256) else "is no longer what it was"
