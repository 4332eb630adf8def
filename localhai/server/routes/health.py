"""Readiness, for whoever waits for the server before it sends work."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import JSONResponse

from localhai.errors import LocalhaiError
from localhai.server.state import State, state_of
from localhai.version import __version__

router = APIRouter(tags=["server"])
_NONE = {"localhai.health": "none"}  # no container has it: a question that costs nothing


@router.get("/health")
def health(state: Annotated[State, Depends(state_of)]) -> JSONResponse:
    """Whether it can run something: 200, or 503 when the database of records or the engine does not answer.

    Needs no token, and says no more than that.
    """
    found = {"database": _database(state), "engine": _engine(state)}
    ready = set(found.values()) == {"ok"}
    return JSONResponse(
        {"status": "ok" if ready else "unavailable", "version": __version__, **found}, 200 if ready else 503
    )


def _database(state: State) -> str:
    try:
        state.home.records.schema_version()
    except LocalhaiError:
        return "does not answer"
    return "ok"


def _engine(state: State) -> str:
    try:
        state.home.engine.containers(_NONE)
    except LocalhaiError:
        return "does not answer"
    return "ok"
