"""Versions of deployments, served by threads of the server while they are enabled."""

from __future__ import annotations

import threading
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

from localhai.deployments import versions
from localhai.deployments.proxy import Proxy, Routes
from localhai.deployments.serving import serve
from localhai.errors import Interrupted, LocalhaiError
from localhai.executions.reading import creator_of
from localhai.executions.run.observer import Observer
from localhai.executions.run.stop import Interruption
from localhai.server.code import open_commit
from localhai.server.errors import Refused
from localhai.vocabulary import ENDPOINT_HELD

if TYPE_CHECKING:
    from localhai.deployments.work import Work
    from localhai.executions.project_context import ProjectContext
    from localhai.records import Project
    from localhai.records.deployments import DeploymentVersion
    from localhai.server.state import State

READY_WITHIN = 120.0  # seconds until a server answers
INHERIT, ENABLED = "inherit_environment_variables", "enabled"  # facts of a version


def is_enabled(version: DeploymentVersion) -> bool:
    """Whether it is to be served by servers; versions of the command line are not."""
    return bool(version.document.get(ENABLED, False))


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
    inherits = bool(version.document.get(INHERIT, True))
    commit = open_commit(state, project, version.commit, inherits=inherits)
    source, options = commit.source, commit.options(creator_of(version.document))
    with ExitStack() as stack:
        works: list[tuple[Work, str]] = []
        for endpoint in version.endpoints:
            work = versions.work_on(
                source,
                version,
                endpoint.name,
                commit.code,
                options=options,
                observer=Observer(),
                interruption=interruption,
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


def _require_enabled(source: ProjectContext, version: DeploymentVersion) -> None:
    """Raises Interrupted: it was disabled while nobody who serves could have heard it."""
    if not is_enabled(source.home.records.deployments.version(version.id)):
        raise Interrupted(f"version {version.name} was disabled")
