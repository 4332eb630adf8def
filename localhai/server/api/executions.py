"""Executions and what they wrote (wire.md 2.4, 3.4)."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Annotated, Any

from fastapi import APIRouter
from msgspec import Struct
from msgspec.structs import replace
from starlette.responses import Response, StreamingResponse

from localhai.app.list import page_executions
from localhai.app.start import Creator, ExecutionStart, start_execution
from localhai.app.stop import stop_execution
from localhai.errors import SurroundingsError
from localhai.executions.delete import delete as forget
from localhai.executions.execution import Execution
from localhai.executions.log.metadata import read_metadata
from localhai.executions.reading import require_allowed
from localhai.project.plan import ExecutionPlan
from localhai.records import ExecutionRecord, Project
from localhai.records.users import User
from localhai.server.addresses import Base, execution_of, files_of
from localhai.server.api.data import content_path, datum_shape
from localhai.server.api.environments import LOCAL
from localhai.server.api.executions_body import ExecutionBody
from localhai.server.auth import require_own
from localhai.server.bodies import Reads, Tags, reading
from localhai.server.code import open_commit
from localhai.server.errors import field, said
from localhai.server.pagination import Listed, OnePage
from localhai.server.state import Shared, State
from localhai.server.streaming import array, metadata_table
from localhai.server.tokens import Asking, signed_url
from localhai.vocabulary import INCOMPLETE

router = APIRouter(prefix="/executions", tags=["executions"])

MOST = 1000  # executions of one table


class TagsBody(Struct):
    """Tags that are added."""

    tags: Tags = []


def _ids(name: str, ids: Any) -> list[str]:
    if not isinstance(ids, list) or not ids or not all(isinstance(item, str) for item in ids) or len(ids) > MOST:
        raise field(name, f"A list of at most {MOST} ids is needed.", "required")
    return ids


class TableBody(Struct):
    """Whose metadata."""

    ids: Annotated[list[str], Reads(_ids)]


@router.get("/")
def executions(
    asking: Asking, state: Shared, asked: Listed, base: Base, step: str | None = None, task: str | None = None
) -> dict[str, Any]:
    """Executions of one project or of all. Deleted ones are gone for good, so of those there are none."""
    request = asked.of(state.projects_of(asking, asked.project))
    found = page_executions(state.home, request, step=step, task_id=task and task.lower())
    return asked.page.shaped(found, lambda row: execution_shape(row, base=base))


@router.post("/", status_code=201)
def create(
    asking: Asking, state: Shared, body: Annotated[ExecutionBody, reading(ExecutionBody)], base: Base
) -> dict[str, Any]:
    """Queue an execution."""
    project = state.project_of(asking, body.project)
    return _details(state, queue_execution(state, asking, project, body), base)


@router.get("/multi_download_metadata_csv/")
def metadata_csv(asking: Asking, state: Shared, body: Annotated[TableBody, reading(TableBody)]) -> Response:
    """Metadata of several executions as one table: `{"ids": [...]}` in the body, as scripts send it (unconfirmed)."""
    rows = [execution_of(state, asking, item) for item in body.ids]
    table = metadata_table([(row, files_of(state, row)) for row in rows])
    return StreamingResponse(table, media_type="text/csv", headers={"X-Content-Type-Options": "nosniff"})


@router.get("/{reference}/")
def execution(asking: Asking, state: Shared, reference: str, base: Base, exclude: str = "") -> dict[str, Any]:
    """One execution, by id, `{project}:{counter}` or `{project}:latest`."""
    return _details(state, execution_of(state, asking, reference), base, exclude)


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
def tag(asking: Asking, state: Shared, reference: str, body: Annotated[TagsBody, reading(TagsBody)]) -> dict[str, Any]:
    """Add tags to those that it has."""
    row = execution_of(state, asking, reference)
    tags = list(dict.fromkeys([*row.tags, *body.tags]))
    state.home.records.executions.update(row.id, tags=tags)
    return {"tags": tags}


@router.get("/{reference}/metadata/", response_model=list[dict[str, Any]])
def metadata(asking: Asking, state: Shared, reference: str) -> Any:
    """Every metadata line, oldest first."""
    row = execution_of(state, asking, reference)
    folder = files_of(state, row)
    return array(read_metadata(folder)) if folder else []


@router.get("/{reference}/outputs/")
def outputs(asking: Asking, state: Shared, page: OnePage, reference: str, base: Base) -> dict[str, Any]:
    """What it put out."""
    row = execution_of(state, asking, reference)
    return page.cut(row.outputs, lambda item: datum_shape(item, counter=row.counter, base=base))


def queue_execution(state: State, user: User, project: Project, body: ExecutionBody) -> ExecutionRecord:
    """Record one that waits for its turn. Raises Refused, ProjectError, UsageError for what is wrong with the body."""
    commit = open_commit(state, project, body.commit or None)
    home, options = commit.source.home, commit.options(Creator(user.id, user.name))
    plan = commit.source.plan(
        body.step,
        overrides=body.changes(body.parameters, body.title),
        secrets=tuple(options.secrets),
        config=commit.config,
    )
    plan = replace(plan, limits=replace(plan.limits, **body.runtime_config))
    require_allowed(home, home.settings, plan, user.id)
    require_own(state, user, project, (uri for item in plan.inputs for uri in item.uris))
    return start_execution(ExecutionStart(commit.source, plan, commit.code, options, body.priority), state.queue)


def _details(state: State, row: ExecutionRecord, base: str, exclude: str = "") -> dict[str, Any]:
    """One execution. `exclude` is a comma list of what the client does not want, of which only `outputs` is left out.

    `vh execution summarize` excludes the metadata that it shows.
    """
    found, plan, latest = Execution(state.home, row), None, dict(row.document.get("metadata") or {})
    if row.folder:
        with suppress(SurroundingsError, OSError, ValueError, KeyError, TypeError):  # gone, or just being written
            plan = found.plan()
        if row.status in INCOMPLETE:
            with suppress(OSError, json.JSONDecodeError):
                latest = found.metadata
    shown = {
        **execution_shape(row, base=base),
        "task": state.home.records.tasks.of_execution(row.id),
        **_of_plan(row, plan),
        # with the address of its bytes: airflow-valohai-plugin 0.1.0 reads them there, without a token
        "outputs": [
            {
                **datum_shape(item, counter=row.counter, base=base),
                "url": signed_url(state, content_path(item.id), base),
            }
            for item in row.outputs
        ],
        "n_outputs": len(row.outputs),
        "cumulative_metadata": {name: value for name, value in latest.items() if name != "_time"},
    }
    if "outputs" in {name.strip() for name in exclude.split(",")}:
        del shown["outputs"]
    return shown


def _of_plan(row: ExecutionRecord, plan: ExecutionPlan | None) -> dict[str, Any]:
    """`plan` is the one on disk, in which secrets are masked; None when its folder is gone."""
    command = "\n".join(row.document.get("command") or [])
    return {
        "inputs": [{"name": item.name, "urls": list(item.uris)} for item in plan.inputs] if plan else [],
        "parameters": dict(row.document.get("parameters", {})),
        "command": command,
        "interpolated_command": command,
        "environment_variables": {
            name: {"value": value, "secret": value is None} for name, value in row.environment_variables.items()
        },
    }


def execution_shape(row: ExecutionRecord, *, base: str) -> dict[str, Any]:
    """An execution as lists show it: small, and without a look at its files."""
    document = row.document
    url = f"{base}/api/v0/executions/{row.id}/"
    commit = row.commit or ""
    return {
        "id": row.id,
        "counter": row.counter,
        "status": str(row.status),
        "step": row.step,
        "title": row.title,
        "image": row.image,
        "project": {"id": row.project_id, "name": row.project},
        "environment": {
            "id": LOCAL["id"],
            "name": row.environment or LOCAL["name"],
            "slug": row.environment or "local",
        },
        "commit": {"identifier": commit, "adhoc": commit.startswith("~"), "ref": document.get("branch") or "adhoc"},
        "duration": row.duration,
        "ctime": row.created,
        "mtime": row.finished or row.started or row.queued or row.created,
        "end_time": row.finished,
        "tags": list(row.tags),
        "creator_id": document.get("creator_id"),
        "creator_name": document.get("user"),
        "priority": document.get("priority", 0),
        "exit_code": row.exit_code,
        "status_detail": document.get("status_detail") or document.get("error") or "",
        "deleted": False,
        "url": url,
        "urls": {
            "display": f"{base}/p/{row.project_id}/execution/{row.id}/",
            "stop": f"{url}stop/",
            "copy": f"{base}/p/{row.project_id}/execution/create/?from={row.id}",
        },
    }
