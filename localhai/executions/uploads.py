"""Data that no execution put out: somebody brought them."""

from __future__ import annotations

import os
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from localhai.data import checksums, placement
from localhai.errors import UsageError
from localhai.records import DatumRecord, new_id

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from localhai.data.files import Checksums
    from localhai.executions.home import Home
    from localhai.records import Project


def upload(
    home: Home,
    project: Project,
    path: Path,
    name: str,
    *,
    tags: Sequence[str] = (),
    properties: Mapping[str, Any] | None = None,
    move: bool = False,
    datum_id: str | None = None,
) -> DatumRecord:
    """Keep a file as a datum of a project and give its record. `home` is by the project's settings, for its store.

    `move`: the file at `path` is no longer needed, and goes once the datum is on record; else it is copied, and may
    change later. `datum_id` is what the datum shall be known by. Raises UsageError for a name that is no path below a
    folder, SurroundingsError where the store does not take it.
    """
    if not name or name != placement.safe(name):
        raise UsageError(f"{name!r} cannot be the name of a datum", where=name)
    sums, status, datum_id = checksums.of_file(path), path.stat(), datum_id or new_id()
    record = DatumRecord(
        id=datum_id,
        name=name,
        size=status.st_size,
        ctime=datetime.fromtimestamp(status.st_mtime, timezone.utc).isoformat().replace("+00:00", "Z"),
        uri=_kept(home, path, f"{project.id}/uploads/{datum_id}/{name}", sums, move=move),
        md5=sums.md5,
        sha1=sums.sha1,
        sha256=sums.sha256,
        tags=tuple(tags),
        properties=(dict(properties),) if properties else (),
    )
    home.records.data.add_upload(project.id, record)
    if move:
        path.unlink(missing_ok=True)
    return home.records.data.get(datum_id)


def _kept(home: Home, path: Path, key: str, sums: Checksums, *, move: bool) -> str:
    """A store links files where it can and makes them read-only: what is somebody's own is copied first."""
    if move:
        return home.store.put(path, key, sums)
    import shutil

    folder = home.folder / "uploads"
    folder.mkdir(exist_ok=True)
    copy = folder / f".{os.urandom(8).hex()}"
    try:
        shutil.copyfile(path, copy)
        return home.store.put(copy, key, sums, move=True)
    finally:
        copy.unlink(missing_ok=True)
