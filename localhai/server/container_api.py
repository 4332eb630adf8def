"""What a running container may ask about its own execution (wire.md 3.11): status detail, inputs, triggers.

An application of its own, beside the API: the token of an execution is good for nothing else, and only while it runs.
"""

from __future__ import annotations

import hmac
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Query, Request
from msgspec import Struct
from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse, Response

from localhai.errors import UsageError
from localhai.executions.run.inputs import fetch_listed, listed
from localhai.executions.run.secrets import masker_of_left
from localhai.records import ExecutionRecord as Record
from localhai.server import errors
from localhai.server.addresses import Base
from localhai.server.bodies import Reads, as_it_is, reading
from localhai.server.errors import Json, Refused, not_found, said
from localhai.server.safety import LARGEST_CALL, Answered, BodyLimit, Steady
from localhai.server.state import Shared, State
from localhai.server.tokens import DAY, require_good, signed_url, token_of
from localhai.vocabulary import INCOMPLETE

LONGEST_DETAIL = 2000  # characters


def _calling(execution_id: str, request: Request, state: Shared) -> Record:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    right = token_of(state.secret, execution_id).encode()
    if scheme.lower() != "execution" or not hmac.compare_digest(token.strip().encode("utf-8", "replace"), right):
        raise Refused(401, {"message": "Invalid token.", "code": "authentication_failed"})
    return _running(state, execution_id)


class StatusDetailBody(Struct):
    """What the code says it is at."""

    status_detail: Annotated[Any, Reads(as_it_is)] = None


Calling = Annotated[Record, Depends(_calling)]
router = APIRouter(prefix="/executions/{execution_id}")


def create_inside(state: State) -> FastAPI:
    """The application for containers."""
    app = FastAPI(
        title="localhai, from inside", openapi_url=None, docs_url=None, redoc_url=None, default_response_class=Json
    )
    app.state.localhai = state
    errors.add_handlers(app)
    app.include_router(router)
    app.add_middleware(BodyLimit, most=LARGEST_CALL)
    app.add_middleware(Steady)
    app.add_middleware(Answered)
    return app


@router.post("/status-detail/")
async def set_status_detail(
    calling: Calling, state: Shared, body: Annotated[StatusDetailBody, reading(StatusDetailBody)]
) -> dict[str, bool]:
    """What the code says it is at; too long a text is cut."""
    detail = str(body.status_detail or "").replace("\0", "")[:LONGEST_DETAIL]
    await run_in_threadpool(_keep_detail, state, calling, detail)
    return {"ok": True}


@router.post("/inputs/")
def input_request(
    calling: Calling, state: Shared, base: Base, inputs: Annotated[list[str] | None, Query()] = None
) -> list[dict[str, Any]]:
    """Where the files of on-demand inputs are."""
    return _urls(state, calling, base, frozenset(inputs or ()))


@router.get("/inputs/{number}/")
@router.head("/inputs/{number}/")
def content(state: Shared, execution_id: str, number: str, expires: str = "", signature: str = "") -> Response:
    """The bytes of one, fetched now. The URL itself is the right to them."""
    require_good(state, _path(execution_id, number), expires, signature)
    return _file(state, _running(state, execution_id), int(number))


@router.get("/triggers/")
def trigger_catalog(calling: Calling, state: Shared, q: str = "") -> dict[str, Any]:
    """The webhook of this title."""
    return _trigger(state, calling, q)


def _running(state: State, execution_id: str) -> Record:
    try:
        found = state.home.records.executions.get(execution_id)
    except UsageError:
        raise not_found() from None
    if found.status not in INCOMPLETE:
        raise said(403, f"execution #{found.counter} has ended", "ended")
    return found


def _keep_detail(state: State, execution: Record, detail: str) -> None:
    shown = masker_of_left(state.home, execution)[0].mask_text(detail)
    state.home.records.executions.update(execution.id, status_detail=shown)


def _path(execution_id: str, number: str) -> str:
    return f"/executions/{execution_id}/inputs/{number}/"


def _urls(state: State, execution: Record, host: str, wanted: frozenset[str]) -> list[dict[str, Any]]:
    """`[{name, files}]` of the inputs with these ids. The URLs need no token, as clients send none."""
    found: dict[str, list[dict[str, Any]]] = {}
    for number, item in enumerate(listed(state.home.folder / execution.folder)):
        if item.input_id not in wanted:
            continue
        found.setdefault(item.input, []).append(
            {
                "input_id": item.input_id,
                "filename": item.name,
                "url": signed_url(state, _path(execution.id, str(number)), host, DAY),
                "original_uri": item.original_uri,
                "download_intent": "on-demand",
            }
        )
    if not found:
        raise not_found()
    return [{"name": name, "files": files} for name, files in found.items()]


def _file(state: State, execution: Record, number: int) -> Response:
    project = state.project(execution.project_id)
    home = state.home_of(project)
    files = listed(state.home.folder / execution.folder)
    if number >= len(files):
        raise not_found()
    found = fetch_listed(home, home.settings, execution, files[number])
    return FileResponse(found.path, media_type="application/octet-stream")


def _trigger(state: State, execution: Record, wanted: str) -> dict[str, Any]:
    settings = state.home_of(state.project(execution.project_id)).settings
    url = settings.triggers.get(wanted)
    if url is None:
        message = f"there is no trigger {wanted!r}: [triggers] of the project's localhai.toml names them"
        raise said(404, message, "does_not_exist")
    return {"manifest": {"title": wanted, "url": url, "method": "POST"}}
