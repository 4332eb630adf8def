"""Data that clients bring: announced, sent as one stream to the disk, then completed to a datum.

How the platform's web page uploads is not known: these three steps are our own (unconfirmed).
"""

from __future__ import annotations

import json
import re
import shutil
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from localhai.data import placement
from localhai.errors import UsageError
from localhai.executions.uploads import upload
from localhai.records.ids import new_id
from localhai.server.bodies import text
from localhai.server.errors import field, not_found, said
from localhai.server.requests import mapping
from localhai.server.versions import names
from localhai.system import durable, locks, strict_json

if TYPE_CHECKING:
    from localhai.records import DatumRecord, Project
    from localhai.records.server import User
    from localhai.server.state import State

AT_ONCE = 8  # streams of one user that come in at the same time
ALL_AT_ONCE = 64
LONGEST_NAME = 1000
KEPT = 24 * 3600  # seconds that an upload which nobody completes stays
_DOCUMENT, _CONTENT, _LOCK = "upload.json", "content", ".lock"
_id_re = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_size_re = re.compile(r"[0-9]{1,16}")


class Upload(Struct, frozen=True):
    """One upload. `folder` holds what was said of it, and its bytes; `size` None: nobody said how many."""

    id: str
    folder: Path
    project_id: str
    name: str
    size: int | None
    document: Mapping[str, Any]

    @property
    def user(self) -> str:
        """The id of who announced it."""
        return str(self.document.get("user") or self.project_id)

    @property
    def content(self) -> Path:
        """Where its bytes come to."""
        return self.folder / _CONTENT


def announce(state: State, user: User, project: Project, body: Mapping[str, Any]) -> Upload:
    """An upload that is to come. Raises Refused."""
    name = text(dict(body), "name", most=LONGEST_NAME)
    if name != placement.safe(name):
        raise field("name", "Not a path below a folder.")
    size = _size(body.get("size"))
    if size is not None and size > shutil.disk_usage(state.home.folder).free:
        raise said(507, f"the disk of the server has less than {size} bytes left", "disk_full")
    document = {
        "project": project.id,
        "user": user.id,
        "name": name,
        "size": size,
        "tags": names(body, "tags"),
        "aliases": names(body, "aliases"),
        "metadata": mapping(body, "metadata"),
    }
    _sweep(state)
    upload_id = new_id()
    folder = _folder(state) / upload_id
    folder.mkdir(parents=True)
    (folder / _DOCUMENT).write_text(strict_json.dumps(document))
    return Upload(upload_id, folder, project.id, name, size, document)


def find(state: State, upload_id: str) -> Upload:
    """By id. Raises Refused with 404."""
    if not _id_re.fullmatch(upload_id):
        raise not_found()
    folder = _folder(state) / upload_id
    try:
        document = json.loads((folder / _DOCUMENT).read_text())
    except (OSError, ValueError):
        raise not_found() from None
    return Upload(upload_id, folder, document["project"], document["name"], document["size"], document)


class UploadSlots:
    """Few streams come in at a time, and fewer of one user: nobody takes the places of others."""

    def __init__(self, each: int = AT_ONCE, together: int = ALL_AT_ONCE) -> None:
        self._each, self._together = each, together
        self._lock = threading.Lock()
        self._taken: Counter[str] = Counter()

    @contextmanager
    def taken(self, who: str) -> Iterator[None]:
        """One of them. Raises Refused."""
        with self._lock:
            own, every = self._taken[who], self._taken.total()
            if own >= self._each or every >= self._together:
                number = self._each if own >= self._each else self._together
                raise said(429, f"{number} uploads come in already; try again soon", "throttled")
            self._taken[who] += 1
        try:
            yield
        finally:
            with self._lock:
                self._taken[who] -= 1
                self._taken += Counter()  # without those who have none any more


PLACES = UploadSlots()


def arrived(state: State, found: Upload, coming: Path) -> None:
    """All bytes are in a file beside it. Raises Refused when it was completed meanwhile."""
    with _alone(found):
        if "datum" in find(state, found.id).document:
            raise said(400, f"{found.name} is complete already", "complete")
        coming.replace(found.content)


def _alone(found: Upload) -> AbstractContextManager[bool]:
    """The lock of one upload, against other requests and other servers on this home."""
    return locks.held(found.folder / _LOCK)


def complete(state: State, user: User, found: Upload) -> DatumRecord:
    """Make it a datum, once: asked again, it is the same one. Raises Refused when bytes are missing."""
    with _alone(found):
        return _complete(state, user, find(state, found.id))


def _complete(state: State, user: User, found: Upload) -> DatumRecord:
    """With its lock held: another request may have completed it meanwhile."""
    known = found.document.get("datum")
    if known is not None:
        return state.home.records.data.get(known)
    project = state.project_of(user, found.project_id)
    made = _recorded(state, found) or _brought(state, project, found)
    for alias in found.document["aliases"]:
        state.home.records.aliases.point(project.id, alias, made.id)
    done = strict_json.dumps({**found.document, "datum": made.id})
    durable.write(found.folder / _DOCUMENT, done.encode())
    return state.home.records.data.get(made.id)


def _recorded(state: State, found: Upload) -> DatumRecord | None:
    """What a server recorded that ended before it could say so."""
    try:
        return state.home.records.data.get(found.id)
    except UsageError:
        return None


def _brought(state: State, project: Project, found: Upload) -> DatumRecord:
    size = found.content.stat().st_size if found.content.is_file() else None
    if size is None or found.size not in {None, size}:
        wanted = "nothing" if size is None else f"{size} bytes"
        raise said(400, f"{wanted} of {found.name} came; send it to the upload's url first", "incomplete")
    return upload(
        state.home_of(project),
        project,
        found.content,
        found.name,
        tags=found.document["tags"],
        properties=found.document["metadata"],
        move=True,
        datum_id=found.id,
    )


def _size(given: Any) -> int | None:
    if given is None or given == "":
        return None
    if isinstance(given, bool) or not _size_re.fullmatch(str(given)):
        raise field("size", "A whole number from 0 is needed.")
    return int(given)


def _folder(state: State) -> Path:
    return state.home.folder / "uploads"


def _sweep(state: State) -> None:
    """Forget what nobody completed, and what was completed long ago."""
    with suppress(FileNotFoundError):
        for folder in _folder(state).iterdir():
            with suppress(OSError):
                if folder.is_dir() and folder.stat().st_mtime < time.time() - KEPT:
                    shutil.rmtree(folder, ignore_errors=True)
