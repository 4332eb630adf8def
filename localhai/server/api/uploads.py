"""Data that clients bring: announced, sent as one stream to the disk, then completed to a datum.

How the platform's web page uploads is not known: these three steps are our own (unconfirmed).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import IO, Annotated, Any

from fastapi import APIRouter, Request
from msgspec import Meta, Struct
from starlette.concurrency import run_in_threadpool

from localhai.data import placement
from localhai.errors import UsageError
from localhai.executions.uploads import upload
from localhai.records import DatumRecord, Project
from localhai.records.ids import new_id
from localhai.records.users import User
from localhai.server.addresses import Base
from localhai.server.api.data import datum_shape
from localhai.server.bodies import Names, Object, ProjectId, Reads, reading, shaped, text
from localhai.server.errors import field, not_found, said
from localhai.server.state import Shared, State
from localhai.server.tokens import Asking, require_good, signed_url
from localhai.system import durable, locks, strict_json
from localhai.vocabulary import is_id

router = APIRouter(tags=["data"])
AT_ONCE = 8  # streams of one user that come in at the same time
ALL_AT_ONCE = 64
LONGEST_NAME = 1000
KEPT = 24 * 3600  # seconds that an upload which nobody completes stays
_PIECE = 1 << 20  # bytes that are written at a time
_TOO_LARGE = 413
_DOCUMENT, _CONTENT, _LOCK = "upload.json", "content", ".lock"
_size_re = re.compile(r"[0-9]{1,16}")


def _size(name: str, given: Any) -> int | None:
    if given is None or given == "":
        return None
    if isinstance(given, bool) or not _size_re.fullmatch(str(given)):
        raise field(name, "A whole number from 0 is needed.")
    return int(given)


class UploadBody(Struct):
    """A file that is to come."""

    project: ProjectId
    name: Annotated[str, Meta(max_length=LONGEST_NAME), Reads(partial(text, most=LONGEST_NAME))]
    size: Annotated[Any, Meta(description="Bytes, where they are known"), shaped(int), Reads(_size)] = None
    tags: Names = []
    aliases: Names = []
    metadata: Object = {}


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


@router.post("/data/create-upload/", status_code=201)
def create_upload(
    asking: Asking, state: Shared, body: Annotated[UploadBody, reading(UploadBody)], base: Base
) -> dict[str, Any]:
    """Say what will come: `project`, `name`, perhaps `size`, `tags`, `aliases`, `metadata`. Send it to `url` by PUT."""
    made = _announced(state, asking, state.project_of(asking, body.project), body)
    return {
        "id": made.id,
        "name": made.name,
        "method": "PUT",
        "url": signed_url(state, _content(made.id), base),
        "complete_url": f"{base}/api/v0/data/uploads/{made.id}/complete/",
    }


@router.put("/data/uploads/{upload_id}/content/")
async def receive(
    state: Shared, upload_id: str, request: Request, expires: str = "", signature: str = ""
) -> dict[str, int]:
    """Take in the bytes as they come. The URL itself is the right to send them."""
    require_good(state, _content(upload_id), expires, signature, "upload URL")
    found = await run_in_threadpool(find_upload, state, upload_id)
    if "datum" in found.document:
        raise said(400, f"{found.name} is complete already", "complete")
    with PLACES.taken(found.user):
        coming = found.folder / f".coming-{os.urandom(8).hex()}"
        try:
            with coming.open("wb") as file:
                size = await _received(request, file, found.size)
            await run_in_threadpool(_arrive, state, found, coming)
        finally:
            coming.unlink(missing_ok=True)
    return {"size": size}


@router.post("/data/uploads/{upload_id}/complete/", status_code=201)
def complete(asking: Asking, state: Shared, upload_id: str, base: Base) -> dict[str, Any]:
    """All bytes are there: make a datum of them."""
    found = find_upload(state, upload_id)
    state.project_of(asking, found.project_id)
    return datum_shape(_completed(state, asking, found), counter=None, base=base)


async def _received(request: Request, file: IO[bytes], most: int | None) -> int:
    """Write the body piece by piece: memory holds one of them. Gives its size. Raises Refused when it is too long."""
    size, piece = 0, bytearray()
    async for part in request.stream():
        size += len(part)
        if most is not None and size > most:
            raise said(_TOO_LARGE, f"more than the {most} bytes came that were announced", "too_large")
        piece += part
        if len(piece) >= _PIECE:
            await run_in_threadpool(file.write, bytes(piece))
            piece.clear()
    await run_in_threadpool(file.write, bytes(piece))
    return size


def _content(upload_id: str) -> str:
    return f"/api/v0/data/uploads/{upload_id}/content/"


def _announced(state: State, user: User, project: Project, body: UploadBody) -> Upload:
    """An upload that is to come. Raises Refused."""
    if body.name != placement.safe(body.name):
        raise field("name", "Not a path below a folder.")
    size: int | None = body.size
    if size is not None and size > shutil.disk_usage(state.home.folder).free:
        raise said(507, f"the disk of the server has less than {size} bytes left", "disk_full")
    document = {
        "project": project.id,
        "user": user.id,
        "name": body.name,
        "size": size,
        "tags": body.tags,
        "aliases": body.aliases,
        "metadata": body.metadata,
    }
    _sweep(state)
    upload_id = new_id()
    folder = _folder(state) / upload_id
    folder.mkdir(parents=True)
    (folder / _DOCUMENT).write_text(strict_json.dumps(document))
    return Upload(upload_id, folder, project.id, body.name, size, document)


def find_upload(state: State, upload_id: str) -> Upload:
    """By id. Raises Refused with 404."""
    if not is_id(upload_id):
        raise not_found()
    folder = _folder(state) / upload_id
    try:
        document = json.loads((folder / _DOCUMENT).read_text())
    except (OSError, ValueError):
        raise not_found() from None
    return Upload(upload_id, folder, document["project"], document["name"], document["size"], document)


def _arrive(state: State, found: Upload, coming: Path) -> None:
    """All bytes are in a file beside it. Raises Refused when it was completed meanwhile."""
    with _alone(found):
        if "datum" in find_upload(state, found.id).document:
            raise said(400, f"{found.name} is complete already", "complete")
        coming.replace(found.content)


def _alone(found: Upload) -> AbstractContextManager[bool]:
    """The lock of one upload, against other requests and other servers on this home."""
    return locks.held(found.folder / _LOCK)


def _completed(state: State, user: User, found: Upload) -> DatumRecord:
    """Make it a datum, once: asked again, it is the same one. Raises Refused when bytes are missing."""
    with _alone(found):
        return _complete(state, user, find_upload(state, found.id))


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


def _folder(state: State) -> Path:
    return state.home.folder / "uploads"


def _sweep(state: State) -> None:
    """Forget what nobody completed, and what was completed long ago."""
    with suppress(FileNotFoundError):
        for folder in _folder(state).iterdir():
            with suppress(OSError):
                if folder.is_dir() and folder.stat().st_mtime < time.time() - KEPT:
                    shutil.rmtree(folder, ignore_errors=True)
