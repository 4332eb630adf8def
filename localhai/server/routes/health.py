"""Readiness, for whoever waits for the server before it sends work."""

from __future__ import annotations

import asyncio
import time

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from localhai.server.readiness import ANSWER_WITHIN, OK
from localhai.server.state import State
from localhai.version import __version__

router = APIRouter(tags=["server"])
_LOOK = 0.02  # seconds
_FINE = frozenset({OK, "not started"})


@router.get("/health")
async def health(request: Request) -> JSONResponse:
    """Whether it can run something: 200, or 503 with the parts that do not answer in `unavailable`.

    `parts` says of records, store, engine and the server's own threads whether each answers, and how many seconds ago
    it last did. Needs no token, and says no more than that. It comes within two seconds, whatever hangs: no thread is
    shared with other requests.
    """
    state: State = request.app.state.localhai
    asked = state.readiness.look()
    deadline = time.monotonic() + ANSWER_WITHIN
    while any(thread.is_alive() for thread in asked) and time.monotonic() < deadline:  # noqa: ASYNC110  # threads set no asyncio.Event
        await asyncio.sleep(_LOOK)
    parts = state.readiness.found()
    lacking = [name for name, part in parts.items() if part["status"] not in _FINE]
    body = {
        "status": "unavailable" if lacking else "ok",
        "version": __version__,
        "database": parts["records"]["status"],
        "engine": parts["engine"]["status"],
        "unavailable": lacking,
        "parts": parts,
    }
    return JSONResponse(body, 503 if lacking else 200)
