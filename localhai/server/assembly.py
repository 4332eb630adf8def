"""A server put together: its state, and what runs in threads of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localhai.app.queue import Queue
from localhai.app.start import StartRequest
from localhai.errors import ProjectError
from localhai.executions.run.context import Creator
from localhai.server import faults
from localhai.server.calls import Calls
from localhai.server.errors import Refused
from localhai.server.readiness import Readiness
from localhai.server.supervised import Supervised

if TYPE_CHECKING:
    from collections.abc import Callable

    from localhai.executions.home import Home
    from localhai.project.plan import ExecutionPlan
    from localhai.records import ExecutionRecord
    from localhai.server.continuing import Continuing
    from localhai.server.state import State

LONGEST_ROUND = 20.0  # seconds: usual ones take five


def assemble(state: State) -> State:
    """The state, with its queue, its calls of containers and its health. Nothing begins before `queue.start`."""
    state.equip(Queue(Host(state), state.jobs), Calls(state, state.container_host), Readiness(state))
    return state


class Host:
    """A `QueueHost`."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._continuing: Continuing | None = None

    @property
    def home(self) -> Home:
        return self._state.home

    def say(self, text: str) -> None:
        self._state.say(text)

    def keep_fault(self, what: str, error: Exception) -> None:
        faults.keep(self._state, what, error)

    def dispatcher(self, work: Callable[[], None]) -> Supervised:
        return Supervised(self._state, "queue", work, longest=LONGEST_ROUND)

    def begin(self) -> None:
        from localhai.server.code import forget_cut_uploads
        from localhai.server.continuing import Continuing

        try:
            forget_cut_uploads(self._state)
            self._state.calls.resume()
        except Exception as error:  # noqa: BLE001  # it may not keep executions from running
            self.keep_fault("looking after what an earlier server left", error)
        self._continuing = Continuing(self._state)

    def look(self) -> None:
        if self._continuing is not None:
            self._continuing.look()

    def prepare(self, record: ExecutionRecord, plan: ExecutionPlan, user_id: str) -> tuple[Home, StartRequest]:
        from localhai.server.code import code_of
        from localhai.server.requests import options_of

        state = self._state
        try:
            project = state.project(record.project_id)
            home = state.home_of(project)
            code = code_of(state, project, plan.commit)
            options = options_of(state, project, home.settings, requester=user_id)
        except Refused as error:
            raise ProjectError(str(error)) from error
        creator = Creator(user_id, str(record.document.get("user")))
        return home, StartRequest(project, plan, code, home.settings, options, creator)
