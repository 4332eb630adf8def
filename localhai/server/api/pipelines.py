"""Pipelines (wire.md 2.9, 3.8)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter

from localhai.app.list import page_pipelines
from localhai.app.start import Creator, start_pipeline
from localhai.app.stop import stop_pipeline
from localhai.pipelines.running import PipelineStart
from localhai.records import Project
from localhai.records.pipelines import Pipeline, PipelineNode
from localhai.records.users import User
from localhai.server.addresses import Base, referenced
from localhai.server.api.executions import execution_shape
from localhai.server.api.pipelines_body import BlueprintBody, PipelineBody, PipelineStartBody
from localhai.server.api.pipelines_plan import PipelineReading, node_id
from localhai.server.auth import require_own
from localhai.server.bodies import reading
from localhai.server.code import open_commit
from localhai.server.pagination import Listed
from localhai.server.state import Shared, State
from localhai.server.tokens import Asking
from localhai.vocabulary import WAITING

router = APIRouter(prefix="/pipelines", tags=["pipelines"])
_STATUSES = {WAITING: "started"}  # clients know no status of that name


@router.get("/")
def pipelines(asking: Asking, state: Shared, asked: Listed, base: Base) -> dict[str, Any]:
    """Pipelines of one project or of all."""
    request = asked.of(state.projects_of(asking, asked.project))
    return asked.page.shaped(page_pipelines(state.home, request), lambda row: _listed(row, base))


@router.post("/", status_code=201)
def create(
    asking: Asking, state: Shared, body: Annotated[PipelineBody, reading(PipelineBody)], base: Base
) -> dict[str, Any]:
    """Start a pipeline. It runs beside the queue, with as many executions at a time as the queue has."""
    return _created(state, asking, body, body.blueprint, base)


@router.post("/create-from-template/", status_code=201)
def create_from_template(
    asking: Asking, state: Shared, body: Annotated[BlueprintBody, reading(BlueprintBody)], base: Base
) -> dict[str, Any]:
    """Start the pipeline that a commit's valohai.yaml has under `name`, as scripts do (unconfirmed)."""
    return _created(state, asking, body, body.name, base)


@router.get("/{reference}/")
def pipeline(asking: Asking, state: Shared, reference: str, base: Base) -> dict[str, Any]:
    """One pipeline, by id, `{project}:{counter}` or `{project}:latest`."""
    return _details(state, _pipeline(state, asking, reference), base)


@router.post("/{reference}/stop/")
def stop(asking: Asking, state: Shared, reference: str) -> dict[str, Any]:
    """Ask it to stop, with all its running nodes."""
    row = _pipeline(state, asking, reference)
    if not stop_pipeline(state.home, row.id):
        return {"message": f"Pipeline #{row.counter} is {row.status} already"}
    return {"message": "OK"}


def _created(state: State, user: User, body: PipelineStartBody, blueprint: str, base: str) -> dict[str, Any]:
    project = state.project_of(user, body.project)
    return _details(state, _started(state, user, project, body, blueprint), base)


def _started(state: State, user: User, project: Project, body: PipelineStartBody, blueprint: str) -> Pipeline:
    """Start a pipeline. Raises Refused, ProjectError, UsageError for what is wrong with the request."""
    commit = open_commit(state, project, body.code())
    sources = commit.sources()
    plan, reused = PipelineReading(state.home, project, sources, body).plan(blueprint)
    uris = (uri for node in plan.nodes for given in node.inputs.values() for uri in given)
    require_own(state, user, project, uris, "nodes")
    options = commit.options(Creator(user.id, user.name))
    start = PipelineStart(sources, plan, options, title=body.title, tags=body.tags, reused=reused)
    return start_pipeline(start, state.queue)


def _pipeline(state: State, user: User, reference: str) -> Pipeline:
    records = state.home.records
    return referenced(state, user, reference, records.pipelines.get, records.pipelines.find)


def _listed(row: Pipeline, base: str) -> dict[str, Any]:
    """A pipeline as lists show it."""
    url = f"{base}/api/v0/pipelines/{row.id}/"
    return {
        "id": row.id,
        "counter": row.counter,
        "status": _STATUSES.get(row.status, row.status),
        "title": row.title or row.name,
        "project": {"id": row.project_id, "name": row.project},
        "creator": {"id": None, "username": row.document.get("user") or ""},
        "tags": list(row.document.get("tags", ())),
        "ctime": row.created,
        "mtime": row.finished or row.started or row.created,
        "duration": row.duration,
        "deleted": False,
        "url": url,
        "urls": {"display": f"{base}/p/{row.project_id}/pipeline/{row.id}/", "stop": f"{url}stop/"},
    }


def _details(state: State, row: Pipeline, base: str) -> dict[str, Any]:
    """One pipeline with its nodes and edges."""
    executions: dict[str, dict[str, Any]] = {}
    for node in row.nodes:
        if node.execution is not None and node.execution["status"] is not None:
            found = state.home.records.executions.get(node.execution["id"])
            shown = execution_shape(found, base=base)
            executions[found.id] = {**shown, "cumulative_metadata": dict(found.document.get("metadata") or {})}
    edges = row.document.get("plan", {}).get("edges", ())
    return {
        **_listed(row, base),
        "nodes": [_node(row, node, executions) for node in row.nodes],
        "edges": [
            {
                **edge,
                "id": f"{row.id}:{number}",
                "pipeline": row.id,
                "source_node": node_id(row.id, edge["source_node"]),
                "target_node": node_id(row.id, edge["target_node"]),
            }
            for number, edge in enumerate(edges)
        ],
        "log": [{"ctime": row.finished, "kind": "error", "identifier": "error", "message": row.document["error"]}]
        if row.document.get("error")
        else [],
    }


def _node(row: Pipeline, node: PipelineNode, executions: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    reason = node.document.get("reason")
    return {
        "id": node_id(row.id, node.name),
        "name": node.name,
        "type": node.type,
        "status": _STATUSES.get(node.status, node.status),
        "execution": executions.get(node.execution["id"]) if node.execution else None,
        "task": dict(node.task) if node.task else None,
        "log": [{"ctime": row.created, "kind": "status", "identifier": "reason", "message": reason}] if reason else [],
    }
