"""Deployments and their versions (wire.md 3.10)."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.concurrency import run_in_threadpool

from localhai.errors import UsageError
from localhai.records import Project
from localhai.records.deployment_rows import DeploymentVersion
from localhai.records.server import User
from localhai.server import deployments as asked
from localhai.server.addresses import base
from localhai.server.bodies import Body, text
from localhai.server.errors import Refused, field, not_found
from localhai.server.pages import OnePage, ordered
from localhai.server.shapes import deployment as shapes
from localhai.server.state import State, state_of
from localhai.server.tokens import Asking

router = APIRouter(tags=["deployments"])
Shared = Annotated[State, Depends(state_of)]
LONGEST_NAME = 200
_ORDERS = {"name": lambda row: row.name, "ctime": lambda row: row.id}


@router.get("/deployments/")
def deployments(
    asking: Asking,
    state: Shared,
    page: OnePage,
    request: Request,
    project: str | None = None,
    name: str | None = None,
    ordering: str = "name",
) -> dict[str, Any]:
    """Deployments of one project or of all: those that were made, and those that the newest valohai.yaml names."""
    projects = [item for item in state.projects_of(asking) if project is None or item.id == project.lower()]
    rows = [row for item in projects for row in asked.known(state, item) if name in {None, row.name}]
    counts: dict[str, int] = {}
    for item in projects:
        for version in state.home.records.deployments.versions(item.id, limit=None):
            counts[version.deployment_id] = counts.get(version.deployment_id, 0) + 1

    def shape(row: Any) -> dict[str, Any]:
        return shapes.deployment(row, versions=counts.get(row.id, 0), base=base(request))

    return page.cut(ordered(rows, ordering, _ORDERS), shape)


@router.post("/deployments/", status_code=201)
def create_deployment(asking: Asking, state: Shared, body: Body, request: Request) -> dict[str, Any]:
    """A new deployment of a project."""
    project = state.project_of(asking, text(body, "project"))
    name = text(body, "name", most=LONGEST_NAME)
    if any(row.name == name for row in asked.known(state, project)):
        raise field("name", f"The project has a deployment named {name} already.", "unique")
    return shapes.deployment(state.home.records.deployments.put(project.id, name), versions=0, base=base(request))


@router.get("/deployments/{deployment_id}/")
def deployment(asking: Asking, state: Shared, deployment_id: str, request: Request) -> dict[str, Any]:
    """One deployment."""
    row, project = asked.find(state, asking, deployment_id)
    versions = state.home.records.deployments.versions(project.id, limit=None)
    count = sum(version.deployment_id == row.id for version in versions)
    return shapes.deployment(row, versions=count, base=base(request))


@router.get("/deployments/{deployment_id}/suggest_version_name/")
def suggest_version_name(asking: Asking, state: Shared, deployment_id: str) -> dict[str, str]:
    """A name for the next version: the date and a number."""
    row, _project = asked.find(state, asking, deployment_id)
    return {"name": state.home.records.deployments.suggest_version_name(row.id)}


@router.get("/deployment-versions/")
def versions(
    asking: Asking,
    state: Shared,
    page: OnePage,
    request: Request,
    project: str | None = None,
    deployment: str | None = None,
    name: str | None = None,
    ordering: str = "-ctime",
) -> dict[str, Any]:
    """Versions, newest first."""
    projects = [item for item in state.projects_of(asking) if project is None or item.id == project.lower()]
    rows = [row for item in projects for row in state.home.records.deployments.versions(item.id, limit=None)]
    if deployment is not None:
        rows = [row for row in rows if row.deployment_id == deployment.lower()]
    rows = [row for row in rows if name in {None, row.name}]
    return page.cut(ordered(rows, ordering, _ORDERS), lambda row: _shown(row, request))


@router.post("/deployment-versions/", status_code=201)
async def create_version(asking: Asking, state: Shared, body: Body, request: Request) -> dict[str, Any]:
    """A version of code, endpoints and files. An enabled one is built and served at once, beside the queue."""

    def work() -> dict[str, Any]:
        wanted = text(body, "deployment")
        try:
            row, project = asked.find(state, asking, wanted)
        except Refused:
            message = f"Object with id={wanted} does not exist."
            raise field("deployment", message, "does_not_exist") from None
        return _shown(asked.create(state, asking, project, row, body), request)

    return await run_in_threadpool(work)


@router.get("/deployment-versions/{version_id}/")
def version(asking: Asking, state: Shared, version_id: str, request: Request) -> dict[str, Any]:
    """One version."""
    return _shown(_version(state, asking, version_id)[0], request)


@router.put("/deployment-versions/{version_id}/")
@router.patch("/deployment-versions/{version_id}/")
def change(asking: Asking, state: Shared, version_id: str, body: Body, request: Request) -> dict[str, Any]:
    """Enable or disable it, or point aliases to it."""
    row, project = _version(state, asking, version_id)
    return _shown(asked.change(state, project, row, body), request)


def _version(state: State, user: User, version_id: str) -> tuple[DeploymentVersion, Project]:
    try:
        row = state.home.records.deployments.version(version_id.lower())
    except UsageError:
        raise not_found() from None
    return row, state.project_of(user, row.project_id)


def _shown(row: DeploymentVersion, request: Request) -> dict[str, Any]:
    return shapes.version(row, enabled=asked.is_enabled(row), base=base(request))
