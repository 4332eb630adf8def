"""What executions say: polled, as clients of the platform do, or as a live stream (wire.md 2.5, 3.5)."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header
from starlette.responses import Response, StreamingResponse

from localhai.executions.log.lines import count_lines
from localhai.executions.log.log import read_events
from localhai.server.addresses import execution_of, files_of
from localhai.server.errors import field
from localhai.server.state import Shared
from localhai.server.streaming import KINDS, StreamPosition, counted, stream
from localhai.server.tokens import Asking
from localhai.vocabulary import FINAL

router = APIRouter(prefix="/executions", tags=["executions"])
LINES = 2000  # of the log, where the client names no limit
_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"description": "Server-sent events", "content": {"text/event-stream": {"schema": {"type": "string"}}}},
    204: {"description": "Nothing more comes: the client has seen the end"},
}


@router.get("/{reference}/events/", response_model=dict[str, Any])
def events(asking: Asking, state: Shared, reference: str, limit: str | None = None) -> Any:
    """The last lines of the log, oldest first; `limit=0` for all of them."""
    row = execution_of(state, asking, reference)
    wanted = int(limit) if limit and limit.isascii() and limit.isdigit() and len(limit) < 10 else LINES  # noqa: PLR2004  # digits
    folder = files_of(state, row)
    if folder is None:
        return {"total": 0, "truncated": False, "limit": wanted, "events": []}
    if not wanted:
        everything = (event.to_dict() for event in read_events(folder))
        return counted({"truncated": False, "limit": wanted}, "events", everything)
    found = [event.to_dict() for event in read_events(folder, last=wanted)]
    total = max(count_lines(folder), len(found))
    return {"total": total, "truncated": len(found) < total, "limit": wanted, "events": found}


@router.get("/{reference}/status-events/")
def status_events(asking: Asking, state: Shared, reference: str) -> dict[str, Any]:
    """What localhai said about it."""
    row = execution_of(state, asking, reference)
    folder = files_of(state, row)
    said = read_events(folder, streams={"status"}) if folder else ()
    found = [event.to_dict() for event in said]
    return {"total": len(found), "status_events": found}


@router.get("/{reference}/stream/", response_class=StreamingResponse, responses=_RESPONSES)
def execution_stream(
    asking: Asking,
    state: Shared,
    reference: str,
    include: str = "",
    last_event_id: Annotated[str, Header()] = "",
) -> Response:
    """Log, metadata and status of an execution as server-sent events, until it has ended.

    `event:` is `log`, `metadata` or `status`, `data:` one JSON object; `include` is a comma list of those that are
    wanted. A client that was cut off sends the last `id:` as `Last-Event-ID` and misses nothing.
    """
    row = execution_of(state, asking, reference)
    kinds = frozenset(include.split(",")) if include else KINDS
    if not kinds <= KINDS:
        raise field("include", f"Some of {', '.join(sorted(KINDS))} are needed.")
    files_of(state, row)
    place = StreamPosition.of(last_event_id)
    if place.ended and row.status in FINAL:
        return Response(status_code=204)
    headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
    return StreamingResponse(stream(state, row.id, place, kinds), media_type="text/event-stream", headers=headers)
