"""Versions of deployments that clients ask for: made, and served by threads of the server while they are enabled."""

from __future__ import annotations

import re
import threading
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any

from localhai.app.stop import stop_deployment
from localhai.deployments import versions
from localhai.deployments.endpoint import file_names
from localhai.deployments.proxy import Proxy, Routes
from localhai.deployments.serving import serve
from localhai.errors import InputNotFound, Interrupted, LocalhaiError
from localhai.executions.reading import requester_of
from localhai.executions.run.observer import Observer
from localhai.executions.run.stop import Interruption
from localhai.server.auth import require_own
from localhai.server.bodies import text, truth
from localhai.server.code import code_of, commits, config_of
from localhai.server.errors import Refused, field, not_found
from localhai.server.requests import mapping, opened, options_of, texts
from localhai.vocabulary import ENDPOINT_HELD, datum_uri

if TYPE_CHECKING:
    from collections.abc import Mapping

    from localhai.deployments.work import Work
    from localhai.executions.open_project import OpenProject
    from localhai.records import Project
    from localhai.records.deployment_rows import Deployment, DeploymentVersion
    from localhai.records.server import User
    from localhai.server.state import State

READY_WITHIN = 120.0  # seconds until a server answers
DEFAULT = "local"  # as `localhai deployment` names it where valohai.yaml names none
_reference_re = re.compile(r"[^/:*~]+")  # an id or an alias; others are addresses, and asked whether they may be
_INHERIT, _ENABLED = "inherit_environment_variables", "enabled"


def known(state: State, project: Project) -> list[Deployment]:
    """The deployments of a project: recorded ones, and those that the newest commit's valohai.yaml names."""
    records = state.home.records
    for name in _declared(state, project):
        records.deployments.put(project.id, name)
    return records.deployments.list(project.id) or [records.deployments.put(project.id, DEFAULT)]


def _declared(state: State, project: Project) -> list[str]:
    try:
        newest = commits(state, project)
        return (
            list(config_of(state, code_of(state, project, newest[0].identifier)).config.deployments) if newest else []
        )
    except (LocalhaiError, Refused):  # a commit whose valohai.yaml is wrong names none
        return []


def create(
    state: State, user: User, project: Project, deployment: Deployment, body: Mapping[str, Any]
) -> DeploymentVersion:
    """Make a version, and serve it when it is enabled. Raises Refused, ProjectError, UsageError."""
    code = code_of(state, project, text(dict(body), "commit", "") or None)
    inherits, enabled = truth(dict(body), _INHERIT, True), truth(dict(body), _ENABLED, True)
    definitions = {name: dict(item.serialize()) for name, item in config_of(state, code).config.endpoints.items()}
    endpoints = _endpoints(body, definitions)
    uris = (uri for files in endpoints.values() for given in files.values() for uri in given)
    require_own(state, user, project, uris, "endpoint_configurations")
    try:
        version = versions.make_version(
            opened(state, project, code, creator=user.name, inherits=inherits),
            deployment=deployment.name,
            endpoints=[(definitions[name], files) for name, files in endpoints.items()],
            snapshot=code,
            name=text(dict(body), "name", "", most=200) or None,
            aliases=_aliases(body),
            variables=texts(body, "environment_variables"),
            requester=user.id,
        )
    except InputNotFound as error:
        raise field("endpoint_configurations", str(error), "does_not_exist") from None
    facts = {_ENABLED: enabled, _INHERIT: inherits, "creator": user.name}
    version = state.home.records.deployments.change_version(version.id, **facts)
    if enabled:
        begin(state, project, version)
    return version


def change(state: State, project: Project, version: DeploymentVersion, body: Mapping[str, Any]) -> DeploymentVersion:
    """Enable, which serves it, or disable, which stops that; point aliases to it."""
    records = state.home.records
    for alias in _aliases(body):
        records.deployments.point_alias(version, alias)
    if _ENABLED in body:
        enabled = truth(dict(body), _ENABLED, True)
        version = records.deployments.change_version(version.id, **{_ENABLED: enabled})
        if not enabled:
            stop_deployment(state.home, version)
        elif not any(endpoint.status in ENDPOINT_HELD for endpoint in version.endpoints):
            begin(state, project, version)
    return records.deployments.version(version.id)


def is_enabled(version: DeploymentVersion) -> bool:
    """Whether it is to be served by servers; versions of the command line are not."""
    return bool(version.document.get(_ENABLED, False))


def find(state: State, user: User, deployment_id: str) -> tuple[Deployment, Project]:
    """A deployment by its id, if its project is the user's. Raises Refused with 404."""
    for deployment in state.home.records.deployments.list():
        if deployment.id == deployment_id.lower():
            return deployment, state.project_of(user, deployment.project_id)
    raise not_found()


def serve_enabled(state: State) -> None:
    """Serve what an earlier server served: every enabled version that nobody serves now."""
    for version in state.home.records.deployments.versions(limit=None):
        if is_enabled(version) and not any(endpoint.status in ENDPOINT_HELD for endpoint in version.endpoints):
            with suppress(Refused):  # its project is gone
                begin(state, state.project(version.project_id), version)


def begin(state: State, project: Project, version: DeploymentVersion) -> None:
    """Build and serve a version in a thread, until it is disabled or the server ends."""
    interruption = Interruption()
    arguments = (state, project, version, interruption)
    thread = threading.Thread(target=_serve, args=arguments, name=f"deployment-{version.id}", daemon=True)
    state.queue.beside(thread, interruption)


def _serve(state: State, project: Project, version: DeploymentVersion, interruption: Interruption) -> None:
    name = f"deployment version {version.deployment}/{version.name}"
    try:
        _build_and_serve(state, project, version, interruption)
    except Interrupted:
        return
    except (LocalhaiError, Refused) as error:
        state.say(f"{name}: {error}")
    except Exception as error:  # noqa: BLE001  # one version may not end the server; its record says the same
        state.say(f"{name}: localhai failed: {type(error).__name__}: {error}")


def _build_and_serve(state: State, project: Project, version: DeploymentVersion, interruption: Interruption) -> None:
    code = code_of(state, project, version.commit)
    inherits = bool(version.document.get(_INHERIT, True))
    source = opened(state, project, code, creator=version.document.get("creator"), inherits=inherits)
    options = options_of(state, project, source.settings, requester=requester_of(version.document), inherits=inherits)
    with ExitStack() as stack:
        works: list[tuple[Work, str]] = []
        for endpoint in version.endpoints:
            work = versions.work_on(
                source, version, endpoint.name, code, options=options, observer=Observer(), interruption=interruption
            )
            stack.callback(work.capture.close)
            stack.callback(work.capture.end)
            works.append((work, versions.build_endpoint(source, work)))
        if not works:
            return
        proxy = Proxy(Routes(), 0)
        stack.callback(proxy.server_close)
        _require_enabled(source, version)
        serve(works, proxy, ready_within=READY_WITHIN, ready=lambda _urls: _require_enabled(source, version))


def _require_enabled(source: OpenProject, version: DeploymentVersion) -> None:
    """Raises Interrupted: it was disabled while nobody who serves could have heard it."""
    if not is_enabled(source.home.records.deployments.version(version.id)):
        raise Interrupted(f"version {version.name} was disabled")


def _endpoints(
    body: Mapping[str, Any], definitions: Mapping[str, Mapping[str, Any]]
) -> dict[str, dict[str, list[str]]]:
    """URIs of files by enabled endpoint. Raises Refused for what valohai.yaml does not have."""
    name = "endpoint_configurations"
    found: dict[str, dict[str, list[str]]] = {}
    for endpoint, item in mapping(body, name).items():
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
        raise field("endpoint_configurations", f"{endpoint}: a file is the id of a datum.")
    return datum_uri(given.strip()) if _reference_re.fullmatch(given.strip()) else given


def _aliases(body: Mapping[str, Any]) -> list[str]:
    given = body.get("aliases") or []
    if not isinstance(given, list) or not all(isinstance(alias, str) and 0 < len(alias) <= 200 for alias in given):  # noqa: PLR2004  # as names
        raise field("aliases", "Expected a list of names.")
    return given
