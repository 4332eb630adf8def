"""Deployments and their versions (wire.md 3.10; keys beyond those that clients read are unconfirmed)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter
from msgspec import UNSET, Meta, Struct, UnsetType

from localhai.app.stop import stop_deployment
from localhai.deployments.endpoint import file_names
from localhai.deployments.versions import make_version
from localhai.errors import InputNotFound, LocalhaiError, UsageError
from localhai.records import Project
from localhai.records.deployments import Deployment, DeploymentVersion, VersionEndpoint
from localhai.records.users import User
from localhai.server.addresses import Base
from localhai.server.auth import require_own
from localhai.server.bodies import Commit, Flag, Id, Map, Name, Names, ProjectId, Reads, mapping, reading, shaped, truth
from localhai.server.code import commits, open_commit
from localhai.server.errors import Refused, field, not_found
from localhai.server.pagination import ByName, Newest
from localhai.server.serving import ENABLED, INHERIT, begin, is_enabled
from localhai.server.state import Shared, State
from localhai.server.tokens import Asking
from localhai.vocabulary import ENDPOINT_HELD, datum_uri

router = APIRouter(tags=["deployments"])
DEFAULT = "local"  # as `localhai deployment` names it where valohai.yaml names none
_CONFIGURATIONS = "endpoint_configurations"
_reference_re = re.compile(r"[^/:*~]+")  # an id or an alias; others are addresses, and asked whether they may be
_ORDERS = {"name": lambda row: row.name, "ctime": lambda row: row.id}


class DeploymentBody(Struct):
    """A deployment that is to be made."""

    project: ProjectId
    name: Name


class EndpointBody(Struct):
    """Whether an endpoint is served, and the data that are its files: ids or URIs by name."""

    enabled: bool = True
    files: dict[str, str] = {}


class DeploymentVersionBody(Struct, kw_only=True):
    """A version of code, endpoints and files."""

    deployment: Id
    commit: Commit = ""
    name: Name = ""
    enabled: Annotated[Flag, Meta(description="Whether it is served at once")] = True
    environment_variables: Map = msgspec.field(default_factory=dict)
    inherit_environment_variables: Flag = True
    endpoint_configurations: Annotated[Any, shaped(dict[str, EndpointBody]), Reads(mapping)] = msgspec.field(
        default_factory=dict
    )
    aliases: Names = msgspec.field(default_factory=list)


class DeploymentChangeBody(Struct):
    """What changes of a version: what is not given stays."""

    enabled: Annotated[bool | UnsetType, Reads(truth)] = UNSET
    aliases: Annotated[Names, Meta(description="Names that are to point to it")] = msgspec.field(default_factory=list)


@router.get("/deployments/")
def deployments(
    asking: Asking,
    state: Shared,
    listed: ByName,
    base: Base,
    name: str | None = None,
) -> dict[str, Any]:
    """Deployments of one project or of all: those that were made, and those that the newest valohai.yaml names."""
    projects = state.projects_of(asking, listed.project)
    rows = [row for item in projects for row in _known(state, item) if name in {None, row.name}]
    counts: dict[str, int] = {}
    for item in projects:
        for version in state.home.records.deployments.versions(item.id, limit=None):
            counts[version.deployment_id] = counts.get(version.deployment_id, 0) + 1

    def shape(row: Any) -> dict[str, Any]:
        return _deployment(row, versions=counts.get(row.id, 0), base=base)

    return listed.cut(rows, _ORDERS, shape)


@router.post("/deployments/", status_code=201)
def create_deployment(
    asking: Asking, state: Shared, body: Annotated[DeploymentBody, reading(DeploymentBody)], base: Base
) -> dict[str, Any]:
    """A new deployment of a project."""
    project = state.project_of(asking, body.project)
    if any(row.name == body.name for row in _known(state, project)):
        raise field("name", f"The project has a deployment named {body.name} already.", "unique")
    return _deployment(state.home.records.deployments.put(project.id, body.name), versions=0, base=base)


@router.get("/deployments/{deployment_id}/")
def deployment(asking: Asking, state: Shared, deployment_id: str, base: Base) -> dict[str, Any]:
    """One deployment."""
    row, project = _find(state, asking, deployment_id)
    versions = state.home.records.deployments.versions(project.id, limit=None)
    count = sum(version.deployment_id == row.id for version in versions)
    return _deployment(row, versions=count, base=base)


@router.get("/deployments/{deployment_id}/suggest_version_name/")
def suggest_version_name(asking: Asking, state: Shared, deployment_id: str) -> dict[str, str]:
    """A name for the next version: the date and a number."""
    row, _project = _find(state, asking, deployment_id)
    return {"name": state.home.records.deployments.suggest_version_name(row.id)}


@router.get("/deployment-versions/")
def versions(
    asking: Asking,
    state: Shared,
    listed: Newest,
    base: Base,
    deployment: str | None = None,
    name: str | None = None,
) -> dict[str, Any]:
    """Versions, newest first."""
    projects = state.projects_of(asking, listed.project)
    rows = [row for item in projects for row in state.home.records.deployments.versions(item.id, limit=None)]
    if deployment is not None:
        rows = [row for row in rows if row.deployment_id == deployment.lower()]
    rows = [row for row in rows if name in {None, row.name}]
    return listed.cut(rows, _ORDERS, lambda row: _shown(row, base))


@router.post("/deployment-versions/", status_code=201)
def create_version(
    asking: Asking,
    state: Shared,
    body: Annotated[DeploymentVersionBody, reading(DeploymentVersionBody)],
    base: Base,
) -> dict[str, Any]:
    """A version of code, endpoints and files. An enabled one is built and served at once, beside the queue."""
    try:
        row, project = _find(state, asking, body.deployment)
    except Refused:
        message = f"Object with id={body.deployment} does not exist."
        raise field("deployment", message, "does_not_exist") from None
    return _shown(_created(state, asking, project, row, body), base)


@router.get("/deployment-versions/{version_id}/")
def version(asking: Asking, state: Shared, version_id: str, base: Base) -> dict[str, Any]:
    """One version."""
    return _shown(_version(state, asking, version_id)[0], base)


@router.put("/deployment-versions/{version_id}/")
@router.patch("/deployment-versions/{version_id}/")
def change(
    asking: Asking,
    state: Shared,
    version_id: str,
    body: Annotated[DeploymentChangeBody, reading(DeploymentChangeBody)],
    base: Base,
) -> dict[str, Any]:
    """Enable or disable it, or point aliases to it."""
    row, project = _version(state, asking, version_id)
    return _shown(_changed(state, project, row, body), base)


def _version(state: State, user: User, version_id: str) -> tuple[DeploymentVersion, Project]:
    try:
        row = state.home.records.deployments.version(version_id.lower())
    except UsageError:
        raise not_found() from None
    return row, state.project_of(user, row.project_id)


def _find(state: State, user: User, deployment_id: str) -> tuple[Deployment, Project]:
    """A deployment by its id, if its project is the user's. Raises Refused with 404."""
    for deployment in state.home.records.deployments.list():
        if deployment.id == deployment_id.lower():
            return deployment, state.project_of(user, deployment.project_id)
    raise not_found()


def _known(state: State, project: Project) -> list[Deployment]:
    """The deployments of a project: recorded ones, and those that the newest commit's valohai.yaml names."""
    records = state.home.records
    for name in _declared(state, project):
        records.deployments.put(project.id, name)
    return records.deployments.list(project.id) or [records.deployments.put(project.id, DEFAULT)]


def _declared(state: State, project: Project) -> list[str]:
    try:
        newest = commits(state, project)
        return list(open_commit(state, project, newest[0].identifier).config.config.deployments) if newest else []
    except (LocalhaiError, Refused):  # a commit whose valohai.yaml is wrong names none
        return []


def _created(
    state: State, user: User, project: Project, deployment: Deployment, body: DeploymentVersionBody
) -> DeploymentVersion:
    """Make a version, and serve it when it is enabled. Raises Refused, ProjectError, UsageError."""
    inherits = body.inherit_environment_variables
    commit = open_commit(state, project, body.commit or None, inherits=inherits)
    definitions = {name: dict(item.serialize()) for name, item in commit.config.config.endpoints.items()}
    endpoints = _endpoints(body.endpoint_configurations, definitions)
    uris = (uri for files in endpoints.values() for given in files.values() for uri in given)
    require_own(state, user, project, uris, _CONFIGURATIONS)
    try:
        version = make_version(
            commit.source,
            deployment=deployment.name,
            endpoints=[(definitions[name], files) for name, files in endpoints.items()],
            snapshot=commit.code,
            name=body.name or None,
            aliases=body.aliases,
            variables=body.environment_variables,
            requester=user.id,
        )
    except InputNotFound as error:
        raise field(_CONFIGURATIONS, str(error), "does_not_exist") from None
    facts = {ENABLED: body.enabled, INHERIT: inherits, "creator": user.name}
    version = state.home.records.deployments.change_version(version.id, **facts)
    if body.enabled:
        begin(state, project, version)
    return version


def _changed(
    state: State, project: Project, version: DeploymentVersion, body: DeploymentChangeBody
) -> DeploymentVersion:
    """Enable, which serves it, or disable, which stops that; point aliases to it."""
    records = state.home.records
    for alias in body.aliases:
        records.deployments.point_alias(version, alias)
    if body.enabled is not UNSET:
        version = records.deployments.change_version(version.id, **{ENABLED: body.enabled})
        if not body.enabled:
            stop_deployment(state.home, version)
        elif not any(endpoint.status in ENDPOINT_HELD for endpoint in version.endpoints):
            begin(state, project, version)
    return records.deployments.version(version.id)


def _endpoints(
    given: Mapping[str, Any], definitions: Mapping[str, Mapping[str, Any]]
) -> dict[str, dict[str, list[str]]]:
    """URIs of files by enabled endpoint. Raises Refused for what valohai.yaml does not have."""
    name = _CONFIGURATIONS
    found: dict[str, dict[str, list[str]]] = {}
    for endpoint, item in given.items():
        if endpoint not in definitions:
            raise field(name, f"The commit's valohai.yaml has no endpoint {endpoint}.", "does_not_exist")
        if not isinstance(item, dict) or not isinstance(item.get("files") or {}, dict):
            raise field(name, f"{endpoint}: an object with enabled and files is needed.")
        if item.get("enabled", True):
            found[endpoint] = {file: [_uri(endpoint, uri)] for file, uri in (item.get("files") or {}).items() if uri}
    if not found:
        raise field(name, "A version needs an endpoint that is enabled.", "required")
    for endpoint, files in found.items():
        missing = [file for file in file_names(definitions[endpoint]) if file not in files]
        if missing:
            raise field(name, f"{endpoint}: no datum is given for {', '.join(missing)}.", "required")
    return found


def _uri(endpoint: str, given: Any) -> str:
    """A datum's id or URI."""
    if not isinstance(given, str):
        raise field(_CONFIGURATIONS, f"{endpoint}: a file is the id of a datum.")
    return datum_uri(given.strip()) if _reference_re.fullmatch(given.strip()) else given


def _deployment(row: Deployment, *, versions: int, base: str) -> dict[str, Any]:
    """A deployment; `versions` is how many it has."""
    return {
        "id": row.id,
        "name": row.name,
        "project": row.project_id,
        "ctime": row.created,
        "version_count": versions,
        "url": f"{base}/api/v0/deployments/{row.id}/",
        "urls": {"display": f"{base}/p/{row.project_id}/deployment/{row.id}/"},
    }


def _shown(row: DeploymentVersion, base: str) -> dict[str, Any]:
    """A version, with where its endpoints answer while they are served. No values of variables."""
    variables = row.document.get("environment_variables", {})
    return {
        "id": row.id,
        "name": row.name,
        "deployment": {"id": row.deployment_id, "name": row.deployment},
        "project": row.project_id,
        "commit": {"identifier": row.commit, "adhoc": row.commit.startswith("~")},
        "enabled": is_enabled(row),
        "aliases": [{"name": alias} for alias in row.aliases],
        "environment_variables": {name: {"value": None} for name in variables},
        "inherit_environment_variables": bool(row.document.get("inherit_environment_variables", True)),
        "endpoint_configurations": {item.name: _configuration(item) for item in row.endpoints},
        "endpoints": [_endpoint(item) for item in row.endpoints],
        "ctime": row.created,
        "url": f"{base}/api/v0/deployment-versions/{row.id}/",
        "urls": {"display": f"{base}/p/{row.project_id}/deployment/{row.deployment_id}/version/{row.id}/"},
    }


def _configuration(row: VersionEndpoint) -> dict[str, Any]:
    return {"enabled": True, "replicas": 1, "files": {file.name: file.datum or file.uri for file in row.files}}


def _endpoint(row: VersionEndpoint) -> dict[str, Any]:
    return {
        "name": row.name,
        "status": row.status,
        "url": row.document.get("url"),
        "status_detail": row.document.get("error") or "",
        "files": [{"name": file.name, "path": file.path, "datum": file.datum} for file in row.files],
    }
