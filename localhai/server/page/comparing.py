"""Curves, metadata, comparisons and tasks on the page (page.md 7)."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Annotated, Any

from fastapi import Query
from starlette.responses import Response

from localhai.app.compare import compare
from localhai.app.details import cut
from localhai.app.list import ListRequest, list_tasks
from localhai.app.stop import stop_task
from localhai.errors import FilesNotHere
from localhai.executions.inspect.series import MetadataColumns, Window, columns_of
from localhai.executions.log.growing_summary import growing_summary
from localhai.executions.log.metadata import KeySummary, Summary, read_summary
from localhai.records import ExecutionRecord
from localhai.server.addresses import files_of
from localhai.server.page.answers import Answer, Told, router
from localhai.server.page.log import whole
from localhai.server.page.visitors import Visiting, Visitor, execution_of, may_be, project_of, shown, task_of
from localhai.server.state import Shared, State
from localhai.tasks.task import Task
from localhai.vocabulary import FINAL

routes = router()
MOST = 1000  # executions of a comparison
MOST_SERIES = 100  # executions with curves
MOST_KEYS = 20
MOST_POINTS = 20_000
TASKS = 1000
_DIGITS = 9  # of a counter
_AT_ONCE = 500  # of one query
_NOWHERE = "nowhere"  # no folder of a home
Several = Annotated[list[str] | None, Query()]


@routes.get("/series/")
def series(
    visitor: Visiting,
    state: Shared,
    ids: Several = None,
    project: str | None = None,
    y: Several = None,
    x: str = "line",
    low: Annotated[str | None, Query(alias="from")] = None,
    high: Annotated[str | None, Query(alias="to")] = None,
    points: str = "2000",
) -> Response:
    """Numbers of executions as curves, with as many points as are asked for."""
    keys = list(dict.fromkeys(y or ()))
    if not 0 < len(keys) <= MOST_KEYS:
        raise Told(400, f"y: 1 to {MOST_KEYS} keys of metadata are needed.")
    window = Window(_number("from", low), _number("to", high))
    number = min(whole("points", points, least=2), MOST_POINTS)
    found = []
    for row in _executions(state, visitor, ids, project, MOST_SERIES):
        columns, missing = _columns(state, row)
        found += [{"id": row.id, "missing": missing, **columns.series(key, x, window, number)} for key in keys]
    return Answer({"series": found})


@routes.get("/metadata/{reference}/")
def metadata(visitor: Visiting, state: Shared, reference: str, project: str | None = None) -> Response:
    """What each key of an execution came to."""
    row = execution_of(state, visitor, reference, project)
    folder = files_of(state, row)
    summary = Summary() if folder is None else _summary(row, folder)
    keys = {name: _key(key) for name, key in list(summary.keys.items())}
    return Answer({"events": summary.events, "keys": keys})


@routes.get("/compare/")
def comparison(visitor: Visiting, state: Shared, ids: Several = None, project: str | None = None) -> Response:
    """Executions side by side."""
    return Answer(compare(state.home, _executions(state, visitor, ids, project, MOST)))


@routes.get("/tasks/")
def tasks(visitor: Visiting, state: Shared, project: str | None = None) -> Response:
    """The tasks of a project, newest first."""
    found = project_of(state, visitor, project)
    return Answer([Task(state.home, row).summary() for row in list_tasks(state.home, ListRequest(found.id, TASKS))])


@routes.get("/tasks/{reference}/")
def task(visitor: Visiting, state: Shared, reference: str, project: str | None = None) -> Response:
    """One task with its executions."""
    row = task_of(state, visitor, reference, project)
    try:
        document = Task(state.home, row).to_dict()
    except (KeyError, ValueError):  # of another version
        raise Told(
            409, f"The plan of task #{row.counter} cannot be read: another version of localhai made it."
        ) from None
    truncated: list[str] = []
    shape = {name: cut(value, name, truncated) for name, value in document.items()}
    return Answer({**shape, "project_id": row.project_id, "truncated": truncated})


@routes.post("/tasks/{reference}/stop/")
def stop(visitor: Visiting, state: Shared, reference: str, project: str | None = None) -> Response:
    """Ask it to stop, with all its running executions; one that has ended stays as it is."""
    row = task_of(state, visitor, reference, project)
    stop_task(state.home, row.id)
    return Answer({"status": state.records.tasks.get(row.id).status})


def _executions(
    state: State, visitor: Visitor, references: list[str] | None, project: str | None, most: int
) -> list[ExecutionRecord]:
    """Each once, in this order: ids, or counters in a project, in several parameters or with commas between."""
    wanted = list(dict.fromkeys(key for text in references or () for key in text.lower().split(",") if key))
    if not 0 < len(wanted) <= most:
        raise Told(400, f"ids: 1 to {most} executions are needed.")
    found = {**_by_id(state, visitor, wanted), **_by_counter(state, visitor, wanted, project)}
    for key in wanted:
        if key not in found:
            raise Told(404, f"There is no execution {shown(key)} here: it was deleted, or never was.")
    return list({found[key].id: found[key] for key in wanted}.values())


def _by_id(state: State, visitor: Visitor, wanted: Iterable[str]) -> dict[str, ExecutionRecord]:
    found = state.records.executions.by_id(list(filter(may_be, wanted)))
    own = {project.id for project in state.projects_of(visitor.user)}
    return {key: row for key, row in found.items() if row.project_id in own}


def _by_counter(
    state: State, visitor: Visitor, wanted: Iterable[str], project: str | None
) -> dict[str, ExecutionRecord]:
    counters = [int(key) for key in wanted if key.isascii() and key.isdigit() and len(key) <= _DIGITS]
    if not counters or project is None:
        return {}
    of = project_of(state, visitor, project)
    found: dict[str, ExecutionRecord] = {}
    for start in range(0, len(counters), _AT_ONCE):
        part = counters[start : start + _AT_ONCE]
        rows, _count = state.records.executions.page([of.id], counters=part, limit=len(part))
        found |= {str(row.counter): row for row in rows}
    return found


def _columns(state: State, row: ExecutionRecord) -> tuple[MetadataColumns, str | None]:
    """Its metadata, and why there is none: one whose files are elsewhere keeps no other from being drawn."""
    try:
        folder = files_of(state, row)
    except FilesNotHere as error:
        return MetadataColumns(state.home.folder / _NOWHERE), error.message
    return MetadataColumns(state.home.folder / _NOWHERE) if folder is None else columns_of(folder), None


def _summary(row: ExecutionRecord, folder: Any) -> Summary:
    try:
        return read_summary(folder) if row.status in FINAL else growing_summary(folder).read()
    except (OSError, ValueError):  # spoiled
        return Summary(keys={name: KeySummary(value) for name, value in (row.document.get("metadata") or {}).items()})


def _key(key: KeySummary) -> dict[str, Any]:
    return {
        "latest": cut(key.latest, "", []),
        "min": key.minimum,
        "max": key.maximum,
        "count": key.count,
        "numeric": key.minimum is not None,
    }


def _number(name: str, text: str | None) -> float | None:
    """An end of the axis; none where nothing is given. Raises Told."""
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise Told(400, f"{name}: a number is needed, not {text[:40]!r}.")
    return number
