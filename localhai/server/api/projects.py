"""Projects and their variables (wire.md 2.2, 3.2)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter
from msgspec import Meta, Struct
from starlette.responses import Response

from localhai.records import Project
from localhai.records.users import User
from localhai.records.variables import Variable
from localhai.server import projects as making
from localhai.server.addresses import Base
from localhai.server.api import users
from localhai.server.bodies import Flag, Reads, Text, reading, text
from localhai.server.errors import field, not_found
from localhai.server.pagination import OnePage
from localhai.server.state import Shared, State
from localhai.server.tokens import Asking
from localhai.vocabulary import YAML, Status, is_variable

router = APIRouter(prefix="/projects", tags=["projects"])

LONGEST_NAME = 100
ShortName = Annotated[str, Meta(max_length=LONGEST_NAME), Reads(partial(text, most=LONGEST_NAME))]


class ProjectBody(Struct):
    """A new project."""

    name: ShortName
    owner: Annotated[Text, Meta(description="Oneself")] = ""
    description: Text = ""


class ProjectChangeBody(Struct):
    """What changes of a project; what is not given stays."""

    name: ShortName = ""
    description: Text = ""


class VariableBody(Struct):
    """An environment variable of all later executions; nobody is told the value of a secret one."""

    name: ShortName
    value: Text = ""
    secret: Flag = False


class VariableNameBody(Struct):
    """Which environment variable."""

    name: ShortName


def listed(state: State, user: User, row: Project, base: Base) -> dict[str, Any]:
    """A project as lists show it."""
    ownership = state.records.users.owners().get(row.id)
    description = ownership.description if ownership else ""
    return project_shape(row, owner=users.brief(user), description=description, base=base)


def detailed(state: State, user: User, row: Project, base: Base) -> dict[str, Any]:
    """A project as it is shown alone."""
    records = state.home.records
    counts = {str(status): records.executions.count(row.id, status=status) for status in Status}
    return project_details(
        listed(state, user, row, base),
        yaml_path=YAML,
        variables=state.records.variables.list(row.id),
        statuses={status: count for status, count in counts.items() if count},
    )


@router.get("/")
def projects(asking: Asking, state: Shared, page: OnePage, base: Base) -> dict[str, Any]:
    """The asking user's projects, by name."""
    return page.cut(state.projects_of(asking), lambda row: listed(state, asking, row, base))


@router.post("/", status_code=201)
def create(
    asking: Asking, state: Shared, body: Annotated[ProjectBody, reading(ProjectBody)], base: Base
) -> dict[str, Any]:
    """A new project, without a folder on this machine: its code comes as ad-hoc packages."""
    name = body.name.strip()
    if not name:
        raise field("name", "This field may not be blank.", "blank")
    owner = body.owner or asking.name
    if owner not in {asking.name, asking.id}:
        raise field("owner", f"Object with name {owner} does not exist.", "does_not_exist")
    if any(row.name == name for row in state.projects_of(asking)):
        raise field("name", f"You already have a project named {name}.", "unique")
    row = making.make(state, asking, name, body.description)
    return detailed(state, asking, row, base)


@router.get("/ownership_options/")
def ownership_options(asking: Asking) -> list[str]:
    """Who may own a project of the asking user."""
    return [asking.name]


@router.get("/{project_id}/")
def project(asking: Asking, state: Shared, project_id: str, base: Base) -> dict[str, Any]:
    """One project."""
    return detailed(state, asking, state.project_of(asking, project_id), base)


@router.put("/{project_id}/")
@router.patch("/{project_id}/")
def change(
    asking: Asking,
    state: Shared,
    project_id: str,
    body: Annotated[ProjectChangeBody, reading(ProjectChangeBody)],
    base: Base,
) -> dict[str, Any]:
    """Give it another name or description."""
    row = state.project_of(asking, project_id)
    current = listed(state, asking, row, base)
    row = state.home.records.projects.of_folder(row.path, body.name or row.name)
    state.records.users.own(row.id, asking.id, body.description or current["description"])
    return detailed(state, asking, row, base)


@router.delete("/{project_id}/", status_code=204, response_class=Response)
def delete(asking: Asking, state: Shared, project_id: str) -> None:
    """Delete it with its executions and the bytes of its data, unless it is a folder of somebody on this machine."""
    making.forget(state, state.project_of(asking, project_id))


@router.post("/{project_id}/environment_variable/")
def set_variable(
    asking: Asking, state: Shared, project_id: str, body: Annotated[VariableBody, reading(VariableBody)]
) -> dict[str, Any]:
    """Set one environment variable of all later executions."""
    row = state.project_of(asking, project_id)
    if not is_variable(body.name):
        raise field("name", "Not the name of an environment variable.")
    state.records.variables.set(row.id, Variable(body.name, body.value, body.secret))
    return {"ok": True}


@router.delete("/{project_id}/environment_variable/")
def delete_variable(
    asking: Asking, state: Shared, project_id: str, body: Annotated[VariableNameBody, reading(VariableNameBody)]
) -> dict[str, Any]:
    """Forget one environment variable."""
    row = state.project_of(asking, project_id)
    if not state.records.variables.delete(row.id, body.name):
        raise not_found()
    return {"ok": True}


def project_shape(row: Project, *, owner: Mapping[str, Any], description: str, base: str) -> dict[str, Any]:
    """A row of the list. Small and without secrets: `vh` keeps the whole object in its configuration."""
    return {
        "id": row.id,
        "name": row.name,
        "description": description,
        "owner": dict(owner),
        "ctime": row.created,
        "mtime": row.created,
        "url": f"{base}/api/v0/projects/{row.id}/",
        "urls": {
            "display": f"{base}/p/{row.id}/",
            "display_repository": f"{base}/p/{row.id}/settings/repository/",
        },
        "read_only": False,
    }


def project_details(
    listed: Mapping[str, Any], *, yaml_path: str, variables: Iterable[Variable], statuses: Mapping[str, int]
) -> dict[str, Any]:
    """One project: with its variables, secret ones without value, and how many executions have which status."""
    return {
        **listed,
        "yaml_path": yaml_path,
        "environment_variables": {
            item.name: {"value": None if item.secret else item.value, "secret": item.secret} for item in variables
        },
        "execution_summary": {
            "count": sum(statuses.values()),
            **{f"{status}_count": count for status, count in statuses.items()},
        },
        "execution_count": sum(statuses.values()),
        "running_execution_count": statuses.get("started", 0),
        "queued_execution_count": statuses.get("queued", 0),
    }
