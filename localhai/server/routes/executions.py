"""Executions and what they wrote (wire.md 3.4, 3.5)."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from localhai.app.stop import stop_execution
from localhai.errors import SurroundingsError
from localhai.executions.delete import delete as forget
from localhai.executions.execution import Execution
from localhai.executions.log.follow import count_lines
from localhai.executions.log.log import read_events
from localhai.executions.log.metadata import read_metadata
from localhai.records import DatumRecord
from localhai.records import ExecutionRecord as Record
from localhai.server import links, long_lists, requests, tables
from localhai.server.addresses import base, execution_of, files_of
from localhai.server.bodies import Body, text
from localhai.server.errors import said
from localhai.server.pages import OnePage, truth
from localhai.server.shapes import datum as datum_shapes
from localhai.server.shapes import execution as shapes
from localhai.server.state import State, state_of
from localhai.server.tokens import Asking
from localhai.vocabulary import INCOMPLETE, Status

router = APIRouter(prefix="/executions", tags=["executions"])
Shared = Annotated[State, Depends(state_of)]

LINES = 2000  # of the log, where the client names no limit
_STATUSES = frozenset(str(status) for status in Status)


@router.get("/")
def executions(
    asking: Asking,
    state: Shared,
    page: OnePage,
    request: Request,
    project: str | None = None,
    status: Annotated[list[str] | None, Query()] = None,
    counter: Annotated[list[str] | None, Query()] = None,
    step: str | None = None,
    task: str | None = None,
    deleted: str | None = None,
    ordering: str = "-counter",
) -> dict[str, Any]:
    """Executions of one project or of all. Deleted ones are gone for good, so of those there are none."""
    statuses = _statuses(status or [])
    counters = [int(item) for item in counter or [] if item.isascii() and item.isdigit() and len(item) < 10]  # noqa: PLR2004  # as the column
    impossible = (status and not statuses) or (counter and not counters) or truth(deleted) is True
    projects = [] if impossible else _project_ids(state, asking, project)
    rows, count = state.records.executions.page(
        projects,
        statuses=statuses,
        counters=counters,
        step=step,
        task_id=task and task.lower(),
        newest_first=ordering.startswith("-"),
        limit=page.limit,
        offset=page.offset,
    )
    return page.envelope([shapes.listed(row, base=base(request)) for row in rows], count)


@router.post("/", status_code=201)
async def create(asking: Asking, state: Shared, body: Body, request: Request) -> dict[str, Any]:
    """Queue an execution."""

    def work() -> dict[str, Any]:
        project = state.project_of(asking, text(body, "project"))
        return _details(state, requests.create(state, asking, project, body), request)

    return await run_in_threadpool(work)


@router.get("/multi_download_metadata_csv/")
async def metadata_csv(asking: Asking, state: Shared, body: Body) -> Response:
    """Metadata of several executions as one table: `{"ids": [...]}` in the body, as scripts send it (unconfirmed)."""

    def work() -> Response:
        found = tables.rows_of(state, asking, body)
        return StreamingResponse(found, media_type="text/csv", headers={"X-Content-Type-Options": "nosniff"})

    return await run_in_threadpool(work)


@router.get("/{reference}/")
def execution(asking: Asking, state: Shared, reference: str, request: Request, exclude: str = "") -> dict[str, Any]:
    """One execution, by id, `{project}:{counter}` or `{project}:latest`."""
    return _details(state, execution_of(state, asking, reference), request, exclude)


@router.delete("/{reference}/")
def delete(asking: Asking, state: Shared, reference: str) -> dict[str, Any]:
    """Forget an execution that has ended. Its outputs stay until they are purged, each by a request of its own."""
    row = execution_of(state, asking, reference)
    if row.status in INCOMPLETE:
        raise said(400, f"Execution #{row.counter} is {row.status}; stop it before it is deleted.", "invalid_state")
    home = state.home_of(state.project(row.project_id))
    forget(home, Execution(home, row), keep_outputs=True)
    return {"ok": True}


@router.post("/{reference}/stop/")
def stop(asking: Asking, state: Shared, reference: str) -> dict[str, Any]:
    """Ask it to stop; one that has ended stays as it is."""
    row = execution_of(state, asking, reference)
    if row.status not in INCOMPLETE:
        return {"message": f"Execution #{row.counter} is {row.status} already"}
    stop_execution(state.home, row)
    return {"message": "OK"}


@router.post("/{reference}/tags/")
def tag(asking: Asking, state: Shared, reference: str, body: Body) -> dict[str, Any]:
    """Add tags to those that it has."""
    row = execution_of(state, asking, reference)
    tags = list(dict.fromkeys([*row.tags, *requests.tags_of(body)]))
    state.home.records.executions.update(row.id, tags=tags)
    return {"tags": tags}


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
        return long_lists.counted({"truncated": False, "limit": wanted}, "events", everything)
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


@router.get("/{reference}/metadata/", response_model=list[dict[str, Any]])
def metadata(asking: Asking, state: Shared, reference: str) -> Any:
    """Every metadata line, oldest first."""
    row = execution_of(state, asking, reference)
    folder = files_of(state, row)
    return long_lists.array(read_metadata(folder)) if folder else []


@router.get("/{reference}/outputs/")
def outputs(asking: Asking, state: Shared, page: OnePage, reference: str, request: Request) -> dict[str, Any]:
    """What it put out."""
    row = execution_of(state, asking, reference)
    return page.cut(row.outputs, lambda item: datum_shapes.datum(item, counter=row.counter, base=base(request)))


def _details(state: State, row: Record, request: Request, exclude: str = "") -> dict[str, Any]:
    found, plan, latest = Execution(state.home, row), None, dict(row.document.get("metadata") or {})
    if row.folder:
        with suppress(SurroundingsError, OSError, ValueError, KeyError, TypeError):  # gone, or just being written
            plan = found.plan()
        if row.status in INCOMPLETE:
            with suppress(OSError, json.JSONDecodeError):
                latest = found.metadata
    return shapes.details(
        {**shapes.listed(row, base=base(request)), "task": state.home.records.tasks.of_execution(row.id)},
        row,
        plan=plan,
        outputs=[_output(state, row, item, request) for item in row.outputs],
        metadata={name: value for name, value in latest.items() if name != "_time"},
        without=frozenset(name.strip() for name in exclude.split(",")),
    )


def _output(state: State, row: Record, item: DatumRecord, request: Request) -> dict[str, Any]:
    """With the address of its bytes: airflow-valohai-plugin 0.1.0 reads them there, without a token."""
    shown = datum_shapes.datum(item, counter=row.counter, base=base(request))
    return {**shown, "url": links.download(state, item.id, base(request))}


def _project_ids(state: State, asking: Asking, project: str | None) -> list[str]:
    known = [row.id for row in state.projects_of(asking)]
    return known if project is None else [row for row in known if row == project.lower()]


def _statuses(asked: list[str]) -> list[str]:
    found = set(asked) & _STATUSES
    if "incomplete" in asked:
        found |= {str(status) for status in INCOMPLETE}
    return sorted(found)
