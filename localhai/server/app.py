"""The application: a server's state put together, and routes, errors and safety in one FastAPI object."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import FastAPI

from localhai.app.queue import Queue
from localhai.app.start import Creator, ExecutionStart
from localhai.errors import ProjectError
from localhai.server import code, errors
from localhai.server.api import (
    aliases,
    commits,
    data,
    deployments,
    environments,
    events,
    executions,
    health,
    notebooks,
    pages,
    pipelines,
    projects,
    stores,
    tasks,
    uploads,
    users,
    versions,
)
from localhai.server.background import Supervised, keep_fault
from localhai.server.bodies import describe_bodies
from localhai.server.calls import Calls
from localhai.server.errors import Json, Refused
from localhai.server.page import shell
from localhai.server.page.routes import ROUTERS as PAGE
from localhai.server.recovery import go_on
from localhai.server.safety import Answered, BodyLimit, OneSlash, OwnHost, Steady
from localhai.server.state import State
from localhai.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from localhai.executions.home import Home
    from localhai.executions.run.stop import Interruption
    from localhai.project.plan import ExecutionPlan
    from localhai.records import ExecutionRecord
    from localhai.records.queue import QueueEntry

PREFIX = "/api/v0"
LONGEST_ROUND = 20.0  # seconds of a round of the queue: usual ones take five


def assemble(state: State) -> State:
    """The state, with its queue, its calls of containers and its health. Nothing begins before `queue.start`."""
    state.equip(Queue(Host(state), state.jobs), Calls(state, state.container_host), health.Readiness(state))
    return state


class Host:
    """A `QueueHost`."""

    def __init__(self, state: State) -> None:
        self._state = state

    @property
    def home(self) -> Home:
        return self._state.home

    def say(self, text: str) -> None:
        self._state.say(text)

    def keep_fault(self, what: str, error: Exception) -> None:
        keep_fault(self._state, what, error)

    def dispatcher(self, work: Callable[[], None]) -> Supervised:
        return Supervised(self._state, "queue", work, longest=LONGEST_ROUND)

    def begin(self) -> None:
        try:
            code.forget_cut_uploads(self._state)
            self._state.calls.resume()
        except Exception as error:  # noqa: BLE001  # it may not keep executions from running
            self.keep_fault("looking after what an earlier server left", error)

    def go_on(self, entry: QueueEntry, interruption: Interruption) -> None:
        go_on(self._state, entry, interruption)

    def prepare(self, record: ExecutionRecord, plan: ExecutionPlan, user_id: str) -> ExecutionStart:
        state = self._state
        try:
            project = state.project(record.project_id)
            commit = code.open_commit(state, project, plan.commit)
        except Refused as error:
            raise ProjectError(str(error)) from error
        creator = Creator(user_id, record.document.get("user") or "")
        return ExecutionStart(commit.source, plan, commit.code, commit.options(creator))


def create_app(state: State, *, hosts: Collection[str] = ()) -> FastAPI:
    """The API over one home. `hosts` are host names, beside this machine's own, by which clients may call it."""
    app = FastAPI(
        title="localhai",
        description="The Valohai REST API, over Docker on this machine",
        version=__version__,
        docs_url=None,  # api.pages
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
        events,
        notebooks,
        uploads,
        stores,
        data,
        aliases,
        pipelines,
        tasks,
        deployments,
        versions,
        environments,
    )
    routers = [*(module.router for module in modules), pages.api]
    for router in routers:
        app.include_router(router, prefix=PREFIX)

    app.include_router(pages.router)
    for router in (shell.router, *PAGE):
        app.include_router(router)
    app.include_router(health.router)
    describe_bodies(app, routers, PREFIX)
    app.add_middleware(BodyLimit)
    app.add_middleware(Steady)
    app.add_middleware(OneSlash)
    app.add_middleware(OwnHost, hosts=hosts)
    app.add_middleware(Answered)
    return app
