"""Data: lists, downloads by signed URLs, purging (wire.md 2.6, 3.7)."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable, Iterator
from typing import IO, Any
from urllib.parse import quote

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from localhai.app.list import ordered
from localhai.errors import UsageError
from localhai.records import DatumRecord
from localhai.records.users import User
from localhai.server.addresses import Base
from localhai.server.api.stores import STORE
from localhai.server.errors import not_found, said
from localhai.server.pagination import OnePage, truth
from localhai.server.state import Shared, State
from localhai.server.tokens import Asking, require_good, signed_url
from localhai.vocabulary import datum_uri

router = APIRouter(tags=["data"])

_ORDERS: dict[str, Callable[[Any], Any]] = {
    "ctime": lambda row: row.id,
    "name": lambda row: (row.name, row.id),
    "size": lambda row: (row.size, row.id),
}
_PIECE = 1 << 20
_range_re = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


@router.get("/data/")
def data(
    asking: Asking,
    state: Shared,
    page: OnePage,
    base: Base,
    project: str | None = None,
    output_execution: str | None = None,
    execution: str | None = None,
    name: str | None = None,
    tag: str | None = None,
    store: str | None = None,
    deleted: str | None = None,
    ordering: str = "",
) -> dict[str, Any]:
    """Data of one execution in their order, otherwise of the projects that one may see, newest first.

    `deleted` shows those whose bytes were purged. There is one store, so another has nothing.
    """
    known = {row.id for row in state.projects_of(asking)}
    wanted = output_execution or execution
    purged = truth(deleted) is True
    rows = state.home.records.data.list(
        project.lower() if project else None,
        execution_id=wanted.lower() if wanted else None,
        name=_exactly(name),
        tag=tag,
        purged=purged,
        limit=None,
    )
    rows = [row for row in rows if row.project_id in known and name in {None, row.name}]
    if purged:
        rows = [row for row in rows if row.purged]
    if store not in {None, STORE["id"]}:
        rows = []
    rows = ordered(rows, ordering or None, _ORDERS)
    counters = _counters(state, rows[page.offset : page.offset + page.limit])
    return page.cut(rows, lambda row: datum_shape(row, counter=counters.get(row.execution_id or ""), base=base))


@router.get("/data/{datum_id}/")
def datum(asking: Asking, state: Shared, datum_id: str, base: Base) -> dict[str, Any]:
    """One datum."""
    return shown_datum(state, datum_of(state, asking, datum_id), base)


@router.get("/data/{datum_id}/download/")
def download(asking: Asking, state: Shared, datum_id: str, base: Base) -> dict[str, str]:
    """Where its bytes are, for somebody without a token, for some hours."""
    row = datum_of(state, asking, datum_id)
    if row.purged:
        raise said(410, f"{row.name} was purged: its bytes are gone", "purged")
    return {"url": signed_url(state, content_path(row.id), base)}


@router.get("/data/{datum_id}/content/")
@router.head("/data/{datum_id}/content/")
def content(state: Shared, datum_id: str, request: Request, expires: str = "", signature: str = "") -> Response:
    """The bytes, streamed, whole or in ranges. The URL itself is the right to them."""
    require_good(state, content_path(datum_id), expires, signature)
    try:
        row = state.home.records.data.get(datum_id)
    except UsageError:
        raise not_found() from None
    if row.purged:
        raise said(410, f"{row.name} was purged: its bytes are gone", "purged")
    return bytes_of(state, row, request.headers.get("range", ""), attachment(row.name))


@router.post("/data/{datum_id}/purge/")
def purge(asking: Asking, state: Shared, datum_id: str) -> dict[str, bool]:
    """Delete the bytes; that there was such a datum stays known."""
    row = datum_of(state, asking, datum_id)
    if not row.purged:
        state.home_of(state.project(str(row.project_id))).store.delete(row.uri)
        state.home.records.data.purge([row.id])
    return {"ok": True}


def datum_of(state: State, user: User, datum_id: str) -> DatumRecord:
    """By id, if its project is the user's. Raises Refused with 404."""
    try:
        row = state.home.records.data.get(datum_id.lower())
    except UsageError:
        raise not_found() from None
    state.project_of(user, str(row.project_id))
    return row


def shown_datum(state: State, row: DatumRecord, base: str) -> dict[str, Any]:
    """A datum with the counter of the execution that put it out."""
    counter = _counters(state, [row]).get(row.execution_id or "")
    return datum_shape(row, counter=counter, base=base)


def _counters(state: State, rows: list[DatumRecord]) -> dict[str, int]:
    """Counters of the executions that put these out, by id; deleted ones are not among them."""
    return state.records.executions.counters_of({row.execution_id for row in rows if row.execution_id})


def _exactly(name: str | None) -> str | None:
    """The records match patterns; clients mean the name as it is."""
    return None if name is None else name.replace("*", "?")


def attachment(name: str, how: str = "attachment") -> str:
    """The Content-Disposition of a file: by its own name, without its folders."""
    return f"{how}; filename*=UTF-8''{quote(name.rsplit('/', 1)[-1], safe='')}"


def bytes_of(
    state: State, row: DatumRecord, asked: str, disposition: str, kind: str = "application/octet-stream"
) -> Response:
    """The bytes of a datum, streamed: `asked` is the Range of the request."""
    store = state.home_of(state.project(str(row.project_id))).store
    path = store.path(row.uri)
    headers = {"Content-Disposition": disposition, "X-Content-Type-Options": "nosniff"}
    if path is not None:
        return _File(path, media_type=kind, headers=headers)
    start, end = _range(asked, row.size)
    headers |= {"Content-Length": str(end - start), "Accept-Ranges": "bytes"}
    part = (start, end) != (0, row.size)
    if part:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{row.size}"
    pieces = _pieces(store.open(row.uri), start, end - start)
    return StreamingResponse(pieces, 206 if part else 200, headers, media_type=kind)


class _File(FileResponse):
    """Whole or one range: whoever asks for many at once gets the whole, since joining them costs more than it gives."""

    chunk_size = _PIECE  # Starlette's own costs twice the time

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(name, value) for name, value in scope["headers"] if name != b"range" or b"," not in value]
        if scope["method"] != "GET" or any(name == b"range" for name, _ in headers):
            await super().__call__({**scope, "headers": headers}, receive, send)
            return
        self.set_stat_headers(await run_in_threadpool(os.stat, self.path))
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await self._send_all(send)

    async def _send_all(self, send: Send) -> None:
        """The next piece is read while one is sent."""
        loop = asyncio.get_running_loop()
        with open(self.path, "rb", buffering=0) as file:  # noqa: ASYNC230  # opening waits for no disk worth a thread
            coming = loop.run_in_executor(None, file.read, _PIECE)
            while piece := await coming:
                coming = loop.run_in_executor(None, file.read, _PIECE)
                try:
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
                except BaseException:
                    await asyncio.wait([coming])  # it reads the file that is closed now
                    raise
        await send({"type": "http.response.body", "body": b""})


def _range(asked: str, size: int) -> tuple[int, int]:
    """First byte and the one after the last. What cannot be read asks for all; raises Refused beyond the end."""
    match = _range_re.fullmatch(asked.strip())
    if match is None or not (match[1] or match[2]):
        return 0, size
    start = int(match[1]) if match[1] else max(0, size - int(match[2]))
    end = min(size, int(match[2]) + 1) if match[1] and match[2] else size
    if start >= size or start >= end:
        raise said(416, f"the file has {size} bytes", "range")
    return start, end


def _pieces(file: IO[bytes], skip: int, length: int) -> Iterator[bytes]:
    try:
        while skip and (piece := file.read(min(skip, _PIECE))):
            skip -= len(piece)
        while length and (piece := file.read(min(length, _PIECE))):
            length -= len(piece)
            yield piece
    finally:
        file.close()


def content_path(datum_id: str) -> str:
    """Where a datum's bytes are served."""
    return f"/api/v0/data/{datum_id}/content/"


def datum_shape(row: DatumRecord, *, counter: int | None, base: str) -> dict[str, Any]:
    """A datum. `counter` is that of the execution that put it out, None when that is deleted.

    `uri` names the datum: where its bytes are kept is the server's own business.
    """
    execution = None if counter is None else {"id": row.execution_id, "counter": counter}
    return {
        "id": row.id,
        "name": row.name,
        "size": row.size,
        "ctime": row.ctime,
        "file_ctime": row.ctime,
        "file_mtime": row.ctime,
        "uri": datum_uri(row.id),
        "output_execution": execution,
        "md5": row.md5,
        "sha1": row.sha1,
        "sha256": row.sha256,
        "purged": row.purged is not None,
        "project": row.project_id,
        "aliases": list(row.aliases),
        "tags": list(row.tags),
        "metadata": [dict(item) for item in row.properties],
        "url": f"{base}/api/v0/data/{row.id}/",
    }
