"""Pipelines (wire.md 3.8)."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from starlette.concurrency import run_in_threadpool

from localhai.app.stop import stop_pipeline
from localhai.errors import UsageError
from localhai.records.pipeline_rows import Pipeline
from localhai.records.server import User
from localhai.server import pipelines as asked
from localhai.server.addresses import base, scoped
from localhai.server.bodies import Body, text
from localhai.server.errors import not_found
from localhai.server.pages import OnePage, ordered, truth
from localhai.server.shapes import execution as execution_shapes
from localhai.server.shapes import pipeline as shapes
from localhai.server.state import State, state_of
from localhai.server.tokens import Asking
from localhai.vocabulary import PIPELINE_OPEN

router = APIRouter(prefix="/pipelines", tags=["pipelines"])
Shared = Annotated[State, Depends(state_of)]
MOST = 10_000


@router.get("/")
def pipelines(
    asking: Asking,
    state: Shared,
    page: OnePage,
    request: Request,
    project: str | None = None,
    status: Annotated[list[str] | None, Query()] = None,
    counter: Annotated[list[str] | None, Query()] = None,
    deleted: str | None = None,
    ordering: str = "-counter",
) -> dict[str, Any]:
    """Pipelines of one project or of all."""
    known = [row.id for row in state.projects_of(asking) if project is None or row.id == project.lower()]
    rows = [row for item in known for row in state.home.records.pipelines.list(item, limit=MOST)]
    if truth(deleted) is True:
        rows = []
    if status:
        wanted = {*status, *(PIPELINE_OPEN if "incomplete" in status else ())}
        rows = [row for row in rows if row.status in wanted]
    if counter:
        rows = [row for row in rows if str(row.counter) in counter]
    rows = ordered(rows, ordering, {"counter": lambda row: row.id, "ctime": lambda row: row.id})
    return page.cut(rows, lambda row: shapes.listed(row, base=base(request)))


@router.post("/", status_code=201)
async def create(asking: Asking, state: Shared, body: Body, request: Request) -> dict[str, Any]:
    """Start a pipeline. It runs beside the queue, with as many executions at a time as the queue has."""

    def work() -> dict[str, Any]:
        project = state.project_of(asking, text(body, "project"))
        return _details(state, asked.create(state, asking, project, body), request)

    return await run_in_threadpool(work)


@router.post("/create-from-template/", status_code=201)
async def create_from_template(asking: Asking, state: Shared, body: Body, request: Request) -> dict[str, Any]:
    """Start the pipeline that a commit's valohai.yaml has under `name`, as scripts do (unconfirmed)."""
    return await create(asking, state, {**body, "blueprint": text(body, "name")}, request)


@router.get("/{reference}/")
def pipeline(asking: Asking, state: Shared, reference: str, request: Request) -> dict[str, Any]:
    """One pipeline, by id, `{project}:{counter}` or `{project}:latest`."""
    return _details(state, _pipeline(state, asking, reference), request)


@router.post("/{reference}/stop/")
def stop(asking: Asking, state: Shared, reference: str) -> dict[str, Any]:
    """Ask it to stop, with all its running nodes."""
    row = _pipeline(state, asking, reference)
    if not stop_pipeline(state.home, row.id):
        return {"message": f"Pipeline #{row.counter} is {row.status} already"}
    return {"message": "OK"}


def _pipeline(state: State, user: User, reference: str) -> Pipeline:
    records, found = state.home.records, scoped(state, user, reference)
    try:
        if found is None:
            row = records.pipelines.get(reference.lower())
            state.project_of(user, row.project_id)
            return row
        project, rest = found
        return records.pipelines.find("latest" if rest == "latest" else f"#{rest}", project.id)
    except UsageError:
        raise not_found() from None


def _details(state: State, row: Pipeline, request: Request) -> dict[str, Any]:
    executions: dict[str, dict[str, Any]] = {}
    for node in row.nodes:
        if node.execution is not None and node.execution["status"] is not None:
            found = state.home.records.executions.get(node.execution["id"])
            shown = execution_shapes.listed(found, base=base(request))
            executions[found.id] = {**shown, "cumulative_metadata": dict(found.document.get("metadata") or {})}
    return shapes.details(row, executions, base=base(request))
