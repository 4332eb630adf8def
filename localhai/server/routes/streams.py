"""Live streams, beside the polling that clients of the platform do."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header
from starlette.responses import Response, StreamingResponse

from localhai.server.addresses import execution_of, files_of
from localhai.server.errors import field
from localhai.server.state import State, state_of
from localhai.server.streaming import KINDS, StreamPosition, stream
from localhai.server.tokens import Asking
from localhai.vocabulary import FINAL

router = APIRouter(prefix="/executions", tags=["executions"])
Shared = Annotated[State, Depends(state_of)]
_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"description": "Server-sent events", "content": {"text/event-stream": {"schema": {"type": "string"}}}},
    204: {"description": "Nothing more comes: the client has seen the end"},
}


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
