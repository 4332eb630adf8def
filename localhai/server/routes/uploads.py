"""Data that clients bring (unconfirmed: how the platform's own page does it is not known), and stores."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, Any
from uuid import NAMESPACE_URL, uuid5

from fastapi import APIRouter, Depends, Request
from starlette.concurrency import run_in_threadpool

from localhai.records import DatumRecord
from localhai.server import adopting, links
from localhai.server import uploads as asked
from localhai.server.addresses import base
from localhai.server.bodies import Body, text
from localhai.server.errors import not_found, said
from localhai.server.pages import OnePage
from localhai.server.shapes import datum as shapes
from localhai.server.state import State, state_of
from localhai.server.tokens import Asking

if TYPE_CHECKING:
    from typing import IO

router = APIRouter(tags=["data"])
Shared = Annotated[State, Depends(state_of)]
_PIECE = 1 << 20  # bytes that are written at a time
_TOO_LARGE = 413

STORE = {
    "id": str(uuid5(NAMESPACE_URL, "localhai:store:local")),
    "name": "This machine",
    "type": "local",
    "allow_read": True,
    "allow_write": True,
    "project": None,
    "owner": None,
}


@router.post("/data/create-upload/", status_code=201)
def create_upload(asking: Asking, state: Shared, body: Body, request: Request) -> dict[str, Any]:
    """Say what will come: `project`, `name`, perhaps `size`, `tags`, `aliases`, `metadata`. Send it to `url` by PUT."""
    made = asked.announce(state, asking, state.project_of(asking, text(body, "project")), body)
    return {
        "id": made.id,
        "name": made.name,
        "method": "PUT",
        "url": links.signed_url(state, _content(made.id), base(request)),
        "complete_url": f"{base(request)}/api/v0/data/uploads/{made.id}/complete/",
    }


@router.put("/data/uploads/{upload_id}/content/")
async def receive(
    state: Shared, upload_id: str, request: Request, expires: str = "", signature: str = ""
) -> dict[str, int]:
    """Take in the bytes as they come. The URL itself is the right to send them."""
    links.require_good(state, _content(upload_id), expires, signature, "upload URL")
    found = await run_in_threadpool(asked.find, state, upload_id)
    if "datum" in found.document:
        raise said(400, f"{found.name} is complete already", "complete")
    with asked.PLACES.taken(found.user):
        coming = found.folder / f".coming-{os.urandom(8).hex()}"
        try:
            with coming.open("wb") as file:
                size = await _received(request, file, found.size)
            await run_in_threadpool(asked.arrived, state, found, coming)
        finally:
            coming.unlink(missing_ok=True)
    return {"size": size}


@router.post("/data/uploads/{upload_id}/complete/", status_code=201)
def complete(asking: Asking, state: Shared, upload_id: str, request: Request) -> dict[str, Any]:
    """All bytes are there: make a datum of them."""
    found = asked.find(state, upload_id)
    state.project_of(asking, found.project_id)
    return _shown(asked.complete(state, asking, found), request)


@router.get("/stores/")
def stores(_asking: Asking, page: OnePage) -> dict[str, Any]:
    """Where data are kept: here there is one."""
    return page.cut([STORE], dict)


@router.get("/stores/{store_id}/")
def store(_asking: Asking, store_id: str) -> dict[str, Any]:
    """One store."""
    if store_id != STORE["id"]:
        raise not_found()
    return dict(STORE)


@router.post("/stores/{store_id}/adopt/", status_code=201)
def adopt(asking: Asking, state: Shared, store_id: str, body: Body) -> dict[str, Any]:
    """Make a datum of what is at a URL: `url`, `project`. Its bytes are copied."""
    store(asking, store_id)
    url = text(body, "url")
    row = adopting.adopt(state, asking, state.project_of(asking, text(body, "project")), url)
    return {"ok": True, "created": {url: row.id}}


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


def _shown(row: DatumRecord, request: Request) -> dict[str, Any]:
    return shapes.datum(row, counter=None, base=base(request))
