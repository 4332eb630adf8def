"""What other localhais and dead servers left: looked after as long as the server lives.

Pipelines and tasks go on under the ids that clients know; executions are adopted or closed (`app/recover.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localhai.app.follow import wait_for_children
from localhai.app.recover import recover
from localhai.app.start import Creator, with_runners
from localhai.errors import LocalhaiError
from localhai.executions.run.stop import Interruption
from localhai.pipelines.plan import PipelinePlan
from localhai.pipelines.resuming import continue_pipeline
from localhai.pipelines.running import PipelineStart
from localhai.server.background import Supervised
from localhai.server.code import open_commit
from localhai.system import strict_json
from localhai.tasks.task import Task, TaskStart, resume_task

if TYPE_CHECKING:
    from collections.abc import Mapping

    from localhai.records.queue import QueueEntry
    from localhai.server.state import State

LOOK = 5.0  # seconds between two looks


class Recovering:
    """A thread that looks again and again. `start` begins, `close` ends; both once."""

    def __init__(self, state: State, *, pause: float = LOOK) -> None:
        self._state = state
        self._pause = pause
        self.thread = Supervised(state, "recovery", self._round)
        self._said: frozenset[str] = frozenset()

    def start(self) -> None:
        """Begin to look."""
        self.thread.start()

    def close(self) -> None:
        """Wait for the look that is under way, if any; no more come."""
        self.thread.end()
        self.thread.join()

    def _round(self) -> None:
        if not self.thread.ending.wait(self._pause):
            self.look()

    def look(self) -> None:
        """Look once. Whatever goes wrong is said, and the next look comes all the same."""
        heard: list[str] = []
        try:
            recover(self._state.home, heard.append)
        except LocalhaiError as error:
            heard.append(f"what was left behind cannot be looked for: {error}")
        except Exception as error:  # noqa: BLE001  # this thread may not end before the server does
            heard.append(f"what was left behind cannot be looked for: {type(error).__name__}: {error}")
        for text in heard:
            if text not in self._said:  # what stays as it is is said once, not at every look
                self._state.say(text)
        self._said = frozenset(heard)


def go_on(state: State, entry: QueueEntry, interruption: Interruption) -> None:
    """With a pipeline or a task of a server that died, to its end, in this thread."""
    if entry.kind == "pipeline":
        _go_on_with_pipeline(state, entry, interruption)
    else:
        _go_on_with_task(state, entry, interruption)


def _go_on_with_pipeline(state: State, entry: QueueEntry, interruption: Interruption) -> None:
    record, request = state.home.records.pipelines.get(entry.id), entry.request
    commit = open_commit(state, state.project(record.project_id), record.commit)
    start = PipelineStart(
        commit.sources(),
        strict_json.convert(request.get("plan") or record.document["plan"], PipelinePlan),
        commit.options(_creator(entry, record.document)),
        jobs=state.jobs,
        title=record.title,
        tags=record.document.get("tags") or (),
        slots=state.queue.slots,
    )
    continue_pipeline(with_runners(start), record, reused=request.get("reused") or (), interruption=interruption)


def _go_on_with_task(state: State, entry: QueueEntry, interruption: Interruption) -> None:
    """First what still runs to its end, watched by others, then what is missing."""
    records = state.home.records
    if wait_for_children(state.home, entry.id, lambda: interruption.asked):
        records.tasks.close(entry.id, "stopped")
        return
    task = Task(state.home, records.tasks.get(entry.id))
    commit = open_commit(state, state.project(task.record.project_id), task.record.commit)
    start = TaskStart(
        commit.source,
        task.plan,
        commit.config,
        commit.code,
        task.overrides,
        commit.options(_creator(entry, task.record.document)),
        jobs=state.jobs,
        slots=state.queue.slots,
    )
    resume_task(start, task, owned=True, interruption=interruption)


def _creator(entry: QueueEntry, document: Mapping[str, Any]) -> Creator:
    return Creator(entry.user_id, document.get("user") or "")
