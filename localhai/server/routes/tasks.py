"""Tasks (wire.md 3.9)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from starlette.concurrency import run_in_threadpool

from localhai.app.stop import stop_task
from localhai.errors import UsageError
from localhai.records.server import User
from localhai.records.task_rows import TaskRecord
from localhai.server import tasks as asked
from localhai.server.addresses import base, scoped
from localhai.server.bodies import Body, text
from localhai.server.errors import not_found
from localhai.server.pages import OnePage, ordered, selected
from localhai.server.shapes import execution as execution_shapes
from localhai.server.shapes import task as shapes
from localhai.server.state import State, state_of
from localhai.server.tokens import Asking
from localhai.system import strict_json
from localhai.tasks.plan import TaskPlan
from localhai.vocabulary import TASK_OPEN

router = APIRouter(prefix="/tasks", tags=["tasks"])
Shared = Annotated[State, Depends(state_of)]
MOST = 10_000
_ORDERS: dict[str, Callable[[Any], Any]] = {
    "counter": lambda row: row.id,
    "ctime": lambda row: row.id,
    "status": shapes.status,
}


@router.get("/")
def tasks(
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
    """Tasks of one project or of all."""
    known = [row.id for row in state.projects_of(asking) if project is None or row.id == project.lower()]
    rows = [row for item in known for row in state.home.records.tasks.list(item, limit=MOST)]
    found = selected(
        rows, status=status, counter=counter, deleted=deleted, status_of=shapes.status, incomplete=TASK_OPEN
    )
    return page.cut(ordered(found, ordering, _ORDERS), lambda row: _listed(state, asking, row, request))


@router.post("/", status_code=201)
async def create(asking: Asking, state: Shared, body: Body, request: Request) -> dict[str, Any]:
    """Start a task. It runs beside the queue, with as many executions at a time as the queue has."""

    def work() -> dict[str, Any]:
        project = state.project_of(asking, text(body, "project"))
        return _details(state, asking, asked.create(state, asking, project, body), request)

    return await run_in_threadpool(work)


@router.get("/{reference}/")
def task(asking: Asking, state: Shared, reference: str, request: Request) -> dict[str, Any]:
    """One task, by id, `{project}:{counter}` or `{project}:latest`."""
    return _details(state, asking, _task(state, asking, reference), request)


@router.post("/{reference}/stop/")
def stop(asking: Asking, state: Shared, reference: str) -> dict[str, Any]:
    """Ask it to stop, with all its running executions."""
    row = _task(state, asking, reference)
    if not stop_task(state.home, row.id):
        return {"message": f"Task !{row.counter} is {row.status} already"}
    return {"message": "OK"}


@router.get("/{reference}/executions/")
def executions(asking: Asking, state: Shared, page: OnePage, reference: str, request: Request) -> dict[str, Any]:
    """Its executions in their order, each with its parameters and its latest metadata."""
    row = _task(state, asking, reference)
    children = [item for _number, item in state.home.records.tasks.children(row.id)]

    def shape(item: Any) -> dict[str, Any]:
        shown = execution_shapes.listed(item, base=base(request))
        parameters, metadata = item.document.get("parameters") or {}, item.document.get("metadata") or {}
        return {
            **shown,
            "task": row.id,
            "task_counter": row.counter,
            "parameters": dict(parameters),
            "cumulative_metadata": {name: value for name, value in metadata.items() if name != "_time"},
        }

    return page.cut(children, shape)


@router.get("/{reference}/execution_ids/")
def execution_ids(asking: Asking, state: Shared, reference: str) -> list[str]:
    """The ids of its executions, without an envelope."""
    row = _task(state, asking, reference)
    return [item.id for _number, item in state.home.records.tasks.children(row.id)]


def _task(state: State, user: User, reference: str) -> TaskRecord:
    records, found = state.home.records, scoped(state, user, reference)
    try:
        if found is None:
            row = records.tasks.get(reference.lower())
            state.project_of(user, row.project_id)
            return row
        project, rest = found
        return records.tasks.find("latest" if rest == "latest" else f"#{rest}", project.id)
    except UsageError:
        raise not_found() from None


def _listed(state: State, user: User, row: TaskRecord, request: Request) -> dict[str, Any]:
    counts = state.home.records.tasks.counts(row.id)
    return shapes.listed(
        row, strict_json.convert(row.document["plan"], TaskPlan), counts, creator=user, base=base(request)
    )


def _details(state: State, user: User, row: TaskRecord, request: Request) -> dict[str, Any]:
    return shapes.details(_listed(state, user, row, request), row, strict_json.convert(row.document["plan"], TaskPlan))
