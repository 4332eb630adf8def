"""Pipelines and tasks that a server runs: noted in its queue, so that the next one goes on with them when it dies.

They go on under the ids that clients know.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from msgspec.structs import replace

from localhai.errors import LocalhaiError, RecordsUnavailable
from localhai.executions.run.heartbeat import at_work
from localhai.executions.run.owner import is_gone
from localhai.executions.run.stop import Interruption
from localhai.vocabulary import PIPELINE_OPEN, TASK_OPEN

if TYPE_CHECKING:
    from collections.abc import Callable

    from localhai.executions.home import Home
    from localhai.records.pipelines import Pipeline
    from localhai.records.queue import QueueEntry
    from localhai.records.tasks import TaskRecord

HOME = "home"  # of what was asked for: which home has its packages and folders
_OPEN = {"pipeline": PIPELINE_OPEN, "task": TASK_OPEN}


def note(home: Home, entry: QueueEntry, recorded_id: str) -> None:
    """It runs from now on. Raises RecordsUnavailable."""
    home.records.queue.enqueue(replace(entry, id=recorded_id, request={**entry.request, HOME: home.id}))


def forget(home: Home, recorded_id: str) -> None:
    """It has ended; where that cannot be recorded, the next server sees it."""
    with suppress(LocalhaiError):
        home.records.queue.dequeue(recorded_id)


class Continuing:
    """Looks for what a dead server left, again and again: a second server on this home may die too.

    `beside` starts a thread that the server ends with; `go_on` takes one to its end in it.
    """

    def __init__(
        self,
        home: Home,
        say: Callable[[str], None],
        beside: Callable[[threading.Thread, Interruption], None],
        go_on: Callable[[QueueEntry, Interruption], None],
    ) -> None:
        self._home = home
        self._say = say
        self._beside = beside
        self._go_on_with = go_on
        self._begun: set[str] = set()  # in threads that may not have said yet that they are at work

    def look(self) -> None:
        """Start a thread for each that is left. Raises RecordsUnavailable."""
        for entry in self._home.records.queue.begun():
            if entry.id not in self._begun and self._take(entry):
                self._begun.add(entry.id)
                interruption = Interruption()
                thread = threading.Thread(
                    target=self._go_on, args=(entry, interruption), name=f"{entry.kind}-{entry.id}", daemon=True
                )
                self._beside(thread, interruption)

    def _take(self, entry: QueueEntry) -> bool:
        home, record = self._home, _record(self._home, entry)
        if record.status not in _OPEN[entry.kind]:
            home.records.queue.dequeue(entry.id)
            return False
        if record.owner is None or not is_gone(home, record.owner, record.created, record.id):
            return False  # this server's, or another one's that lives
        if not self._is_ours(entry):
            return False
        records = home.records
        adopt = records.pipelines.adopt if entry.kind == "pipeline" else records.tasks.adopt
        return adopt(entry.id, record.owner, home.own(at_once=True))

    def _is_ours(self, entry: QueueEntry) -> bool:
        """Its packages and folders are in the home that took it in: only a server of that home can go on with it."""
        full = self._home.records.queue.entry(entry.id)
        made_in = None if full is None else full.request.get(HOME)
        return made_in is None or made_in == self._home.id

    def _go_on(self, entry: QueueEntry, interruption: Interruption) -> None:
        try:
            with at_work(entry.id):
                self._to_its_end(entry, interruption)
        finally:
            self._begun.discard(entry.id)  # records that were away at its end: it is looked at once more

    def _to_its_end(self, entry: QueueEntry, interruption: Interruption) -> None:
        queue = self._home.records.queue
        try:
            record = _record(self._home, entry)
            self._say(f"{entry.kind} #{record.counter} of project {record.project} goes on: its server died")
            self._go_on_with(queue.entry(entry.id) or entry, interruption)
            queue.dequeue(entry.id)
        except RecordsUnavailable as error:  # the next look goes on with it, here or in another server
            self._say(f"{entry.kind} {entry.id}: {error}")
        except Exception as error:  # noqa: BLE001  # one of them may not end the others
            self._say(f"{entry.kind} {entry.id}: {error}")
            with suppress(LocalhaiError):  # records that are away: the next look tries again
                self._close(entry, str(error))
                queue.dequeue(entry.id)

    def _close(self, entry: QueueEntry, reason: str) -> None:
        """What cannot go on: its code or its settings are gone."""
        records = self._home.records
        if entry.kind == "pipeline":
            records.pipelines.change(entry.id, "crashed", reason=f"it cannot go on: {reason}")
        else:
            records.tasks.close(entry.id, "crashed", error=f"it cannot go on: {reason}")


def _record(home: Home, entry: QueueEntry) -> Pipeline | TaskRecord:
    return home.records.pipelines.get(entry.id) if entry.kind == "pipeline" else home.records.tasks.get(entry.id)
