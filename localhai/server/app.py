"""The application: routes, errors and safety in one FastAPI object."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import FastAPI

from localhai.server import errors
from localhai.server.answers import Json
from localhai.server.openapi import describe_bodies
from localhai.server.routes import (
    commits,
    data,
    deployments,
    docs,
    environments,
    executions,
    health,
    links,
    notebooks,
    pipelines,
    projects,
    streams,
    tasks,
    uploads,
    users,
    versions,
)
from localhai.server.safety import Answered, BodyLimit, OneSlash, OwnHost, Steady
from localhai.server.state import State
from localhai.version import __version__

if TYPE_CHECKING:
    from collections.abc import Collection

PREFIX = "/api/v0"


def create_app(state: State, *, hosts: Collection[str] = ()) -> FastAPI:
    """The API over one home. `hosts` are host names, beside this machine's own, by which clients may call it."""
    app = FastAPI(
        title="localhai",
        description="The Valohai REST API, over Docker on this machine",
        version=__version__,
        docs_url=None,  # routes.docs
        redoc_url=None,
        openapi_url="/api/openapi.json",
        redirect_slashes=False,
        default_response_class=Json,
    )
    app.state.localhai = state
    errors.add_handlers(app)
    modules = (
        users,
        commits,
        projects,
        executions,
        streams,
        notebooks,
        uploads,
        data,
        pipelines,
        tasks,
        deployments,
        versions,
        environments,
    )
    routers = [*(module.router for module in modules), links.api]
    for router in routers:
        app.include_router(router, prefix=PREFIX)

    app.include_router(links.pages)
    app.include_router(docs.router)
    app.include_router(health.router)
    describe_bodies(app, routers, PREFIX)
    app.add_middleware(BodyLimit)
    app.add_middleware(Steady)
    app.add_middleware(OneSlash)
    app.add_middleware(OwnHost, hosts=hosts)
    app.add_middleware(Answered)
    return app
