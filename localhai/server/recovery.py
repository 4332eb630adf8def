"""What other localhais and dead servers left: looked after as long as the server lives.

Pipelines and tasks go on under the ids that clients know; executions are adopted or closed (`app/recover.py`).
"""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from localhai.app.nodes import further_runners
from localhai.app.recover import recover
from localhai.errors import LocalhaiError, RecordsUnavailable
from localhai.executions.run.heartbeat import at_work
from localhai.executions.run.owner import is_gone
from localhai.executions.run.stop import Interruption
from localhai.pipelines.continuing import continue_pipeline
from localhai.pipelines.plan import PipelinePlan
from localhai.pipelines.running import PipelineOptions
from localhai.server.background import HOME, Supervised
from localhai.server.code import code_of, config_of, opened, options_of, sources_of
from localhai.system import strict_json
from localhai.tasks.task import Task, resume_task
from localhai.vocabulary import INCOMPLETE, PIPELINE_OPEN, TASK_OPEN

if TYPE_CHECKING:
    from localhai.records.pipeline_rows import Pipeline
    from localhai.records.queue import QueueEntry
    from localhai.records.task_rows import TaskRecord
    from localhai.server.state import State

LOOK = 5.0  # seconds between two looks
WATCH = 0.25  # seconds between looks at executions that another process watches


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


class Continuing:
    """Looks for what a dead server left, again and again: a second server on this home may die too."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._begun: set[str] = set()  # in threads that may not have said yet that they are at work

    def look(self) -> None:
        """Start a thread for each that is left. Raises RecordsUnavailable."""
        for entry in self._state.records.queue.begun():
            if entry.id not in self._begun and self._take(entry):
                self._begun.add(entry.id)
                interruption = Interruption()
                thread = threading.Thread(
                    target=self._go_on, args=(entry, interruption), name=f"{entry.kind}-{entry.id}", daemon=True
                )
                self._state.queue.beside(thread, interruption)

    def _take(self, entry: QueueEntry) -> bool:
        home = self._state.home
        record = _record(self._state, entry)
        if record.status not in _OPEN[entry.kind]:
            self._state.records.queue.dequeue(entry.id)
            return False
        if record.owner is None or not is_gone(home, record.owner, record.created, record.id):
            return False  # this server's, or another one's that lives
        if not self._is_ours(entry):
            return False
        return self._state.records.queue.take_over(entry.kind, entry.id, record.owner, home.own(at_once=True))

    def _is_ours(self, entry: QueueEntry) -> bool:
        """Its packages and folders are in the home that took it in: only a server of that home can go on with it."""
        full = self._state.records.queue.entry(entry.id)
        home = None if full is None else full.request.get(HOME)
        return home is None or home == self._state.home_id

    def _go_on(self, entry: QueueEntry, interruption: Interruption) -> None:
        try:
            with at_work(entry.id):
                self._to_its_end(entry, interruption)
        finally:
            self._begun.discard(entry.id)  # records that were away at its end: it is looked at once more

    def _to_its_end(self, entry: QueueEntry, interruption: Interruption) -> None:
        state = self._state
        try:
            record = _record(state, entry)
            state.say(f"{entry.kind} #{record.counter} of project {record.project} goes on: its server died")
            if entry.kind == "pipeline":
                go_on_with_pipeline(state, state.home.records.pipelines.get(entry.id), interruption)
            else:
                go_on_with_task(state, state.home.records.tasks.get(entry.id), interruption)
            state.records.queue.dequeue(entry.id)
        except RecordsUnavailable as error:  # the next look goes on with it, here or in another server
            state.say(f"{entry.kind} {entry.id}: {error}")
        except Exception as error:  # noqa: BLE001  # one of them may not end the others
            state.say(f"{entry.kind} {entry.id}: {error}")
            with suppress(LocalhaiError):  # records that are away: the next look tries again
                self._close(entry, str(error))
                state.records.queue.dequeue(entry.id)

    def _close(self, entry: QueueEntry, reason: str) -> None:
        """What cannot go on: its code or its settings are gone."""
        records = self._state.home.records
        if entry.kind == "pipeline":
            records.pipelines.change(entry.id, "crashed", reason=f"it cannot go on: {reason}")
        else:
            records.tasks.close(entry.id, "crashed", error=f"it cannot go on: {reason}")


_OPEN = {"pipeline": PIPELINE_OPEN, "task": TASK_OPEN}


def _record(state: State, entry: QueueEntry) -> Pipeline | TaskRecord:
    records = state.home.records
    return records.pipelines.get(entry.id) if entry.kind == "pipeline" else records.tasks.get(entry.id)


def go_on_with_pipeline(state: State, record: Pipeline, interruption: Interruption) -> Pipeline:
    """To its end, in this thread."""
    entry = state.records.queue.entry(record.id)
    request = {} if entry is None else entry.request
    project = state.project(record.project_id)
    code = code_of(state, project, record.commit)
    sources = sources_of(state, project, code, creator=record.document.get("user"))
    options = PipelineOptions(
        jobs=state.jobs,
        title=record.title,
        tags=record.document.get("tags") or (),
        runners=further_runners(),
        slots=state.queue.slots,
    )
    return continue_pipeline(
        sources,
        record,
        strict_json.convert(request.get("plan") or record.document["plan"], PipelinePlan),
        run_options=options_of(state, project, sources.project.settings, requester=_asked_by(entry)),
        options=options,
        reused=request.get("reused") or (),
        interruption=interruption,
    )


def go_on_with_task(state: State, record: TaskRecord, interruption: Interruption) -> None:
    """First what still runs to its end, watched by others, then what is missing."""
    records = state.home.records
    _await_children(state, record.id, interruption)
    if interruption.asked or records.tasks.stop_requested(record.id):
        records.tasks.close(record.id, "stopped")
        return
    project = state.project(record.project_id)
    code = code_of(state, project, record.commit)
    source = opened(state, project, code, creator=record.document.get("user"))
    resume_task(
        source,
        Task(state.home, records.tasks.get(record.id)),
        config=config_of(state, code),
        snapshot=code,
        options=options_of(state, project, source.settings, requester=_asked_by(state.records.queue.entry(record.id))),
        owned=True,
        jobs=state.jobs,
        slots=state.queue.slots,
        interruption=interruption,
    )


def _asked_by(entry: QueueEntry | None) -> str | None:
    """None where nobody waits for it any more: its own record says it then."""
    return None if entry is None else entry.user_id


def _await_children(state: State, task_id: str, interruption: Interruption) -> None:
    records, asked = state.home.records, False
    while running := [item for _, item in records.tasks.children(task_id) if item.status in INCOMPLETE]:
        if not asked and (interruption.asked or records.tasks.stop_requested(task_id)):
            asked = True
            for item in running:
                records.executions.request_stop(item.id)
        time.sleep(WATCH)
