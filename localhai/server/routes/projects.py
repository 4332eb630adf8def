"""Projects, their variables and commits (wire.md 3.2)."""

from __future__ import annotations

import re
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from localhai.records import Project
from localhai.records.server import User, Variable
from localhai.server import projects as making
from localhai.server.addresses import base
from localhai.server.bodies import Body, text, truth
from localhai.server.errors import field, not_found
from localhai.server.pages import OnePage
from localhai.server.shapes import project as shapes
from localhai.server.shapes import user as user_shapes
from localhai.server.state import State, state_of
from localhai.server.tokens import Asking
from localhai.vocabulary import Status

router = APIRouter(prefix="/projects", tags=["projects"])
Shared = Annotated[State, Depends(state_of)]

LONGEST_NAME = 100
_variable_re = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


def listed(state: State, user: User, row: Project, request: Request) -> dict[str, Any]:
    """A project as lists show it."""
    ownership = state.records.users.owners().get(row.id)
    description = ownership.description if ownership else ""
    return shapes.project(row, owner=user_shapes.brief(user), description=description, base=base(request))


def detailed(state: State, user: User, row: Project, request: Request) -> dict[str, Any]:
    """A project as it is shown alone."""
    records = state.home.records
    counts = {str(status): records.executions.count(row.id, status=status) for status in Status}
    return shapes.details(
        listed(state, user, row, request),
        yaml_path="valohai.yaml",
        variables=state.records.variables.list(row.id),
        statuses={status: count for status, count in counts.items() if count},
    )


@router.get("/")
def projects(asking: Asking, state: Shared, page: OnePage, request: Request) -> dict[str, Any]:
    """The asking user's projects, by name."""
    return page.cut(state.projects_of(asking), lambda row: listed(state, asking, row, request))


@router.post("/", status_code=201)
def create(asking: Asking, state: Shared, body: Body, request: Request) -> dict[str, Any]:
    """A new project, without a folder on this machine: its code comes as ad-hoc packages."""
    name = text(body, "name", most=LONGEST_NAME).strip()
    if not name:
        raise field("name", "This field may not be blank.", "blank")
    owner = text(body, "owner", asking.name)
    if owner not in {asking.name, asking.id}:
        raise field("owner", f"Object with name {owner} does not exist.", "does_not_exist")
    if any(row.name == name for row in state.projects_of(asking)):
        raise field("name", f"You already have a project named {name}.", "unique")
    row = making.make(state, asking, name, text(body, "description", ""))
    return detailed(state, asking, row, request)


@router.get("/ownership_options/")
def ownership_options(asking: Asking) -> list[str]:
    """Who may own a project of the asking user."""
    return [asking.name]


@router.get("/{project_id}/")
def project(asking: Asking, state: Shared, project_id: str, request: Request) -> dict[str, Any]:
    """One project."""
    return detailed(state, asking, state.project_of(asking, project_id), request)


@router.put("/{project_id}/")
@router.patch("/{project_id}/")
def change(asking: Asking, state: Shared, project_id: str, body: Body, request: Request) -> dict[str, Any]:
    """Give it another name or description."""
    row = state.project_of(asking, project_id)
    current = listed(state, asking, row, request)
    name = text(body, "name", row.name, most=LONGEST_NAME)
    row = state.home.records.projects.of_folder(row.path, name)
    state.records.users.own(row.id, asking.id, text(body, "description", current["description"]))
    return detailed(state, asking, row, request)


@router.delete("/{project_id}/", status_code=204, response_class=Response)
def delete(asking: Asking, state: Shared, project_id: str) -> None:
    """Delete it with its executions and the bytes of its data, unless it is a folder of somebody on this machine."""
    making.forget(state, state.project_of(asking, project_id))


@router.post("/{project_id}/environment_variable/")
def set_variable(asking: Asking, state: Shared, project_id: str, body: Body) -> dict[str, Any]:
    """Set one environment variable of all later executions."""
    row = state.project_of(asking, project_id)
    name = text(body, "name", most=LONGEST_NAME)
    if not _variable_re.match(name):
        raise field("name", "Not the name of an environment variable.")
    state.records.variables.set(row.id, Variable(name, text(body, "value", ""), truth(body, "secret", False)))
    return {"ok": True}


@router.delete("/{project_id}/environment_variable/")
def delete_variable(asking: Asking, state: Shared, project_id: str, body: Body) -> dict[str, Any]:
    """Forget one environment variable."""
    row = state.project_of(asking, project_id)
    if not state.records.variables.delete(row.id, text(body, "name", most=LONGEST_NAME)):
        raise not_found()
    return {"ok": True}
