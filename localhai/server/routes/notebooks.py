"""Notebook executions (wire.md 3.4)."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.concurrency import run_in_threadpool

from localhai.server import notebooks as asked
from localhai.server.addresses import base
from localhai.server.bodies import Body, text
from localhai.server.pages import OnePage
from localhai.server.shapes import execution as shapes
from localhai.server.state import State, state_of
from localhai.server.tokens import Asking

router = APIRouter(prefix="/notebook-executions", tags=["executions"])
Shared = Annotated[State, Depends(state_of)]


@router.get("/")
def notebook_executions(
    asking: Asking, state: Shared, page: OnePage, request: Request, project: str | None = None
) -> dict[str, Any]:
    """Notebook executions of one project or of all, newest first."""
    known = [row.id for row in state.projects_of(asking) if project is None or row.id == project.lower()]
    rows, count = state.records.executions.page(known, step=asked.STEP, limit=page.limit, offset=page.offset)
    return page.envelope([shapes.listed(row, base=base(request)) for row in rows], count)


@router.post("/", status_code=201)
async def create(asking: Asking, state: Shared, body: Body, request: Request) -> dict[str, Any]:
    """Queue a Jupyter server. `urls.display` is where it answers, with its token: it is shown only here."""

    def work() -> dict[str, Any]:
        project = state.project_of(asking, text(body, "project"))
        row, token, port = asked.create(state, asking, project, body)
        shown = shapes.listed(row, base=base(request))
        display = f"http://{request.url.hostname}:{port}/?token={token}"
        return {**shown, "urls": {**shown["urls"], "display": display}}

    return await run_in_threadpool(work)
