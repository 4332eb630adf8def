"""What waits for its turn on the server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from localhai.records.access import NounRecords
from localhai.records.database import placeholders, statement
from localhai.records.mapper import Table
from localhai.records.transitions import change_status
from localhai.vocabulary import INCOMPLETE, Status

if TYPE_CHECKING:
    from localhai.records.database import Transaction
    from localhai.records.executions import ExecutionRecord


class QueueEntry(Struct, frozen=True):
    """An entry of the queue: `id` is that of the execution. A higher `priority` comes first.

    `folder` is where the files of a waiting execution lie, below the home that took it in.
    """

    id: str
    project_id: str
    user_id: str
    priority: int
    request: Mapping[str, Any]
    created: str = ""
    kind: str = "execution"
    folder: str | None = None


QUEUE = Table(QueueEntry, "queue", "q", documents=("request",), filled=("folder",))


class QueueRecords(NounRecords):
    """`records.queue`."""

    table = QUEUE

    def enqueue(self, entry: QueueEntry) -> None:
        """Let it wait. Doing it again changes nothing."""
        now = self._now()
        self._write(lambda transaction, _again: _insert(transaction, entry, now))

    def let_wait(self, entry: QueueEntry) -> ExecutionRecord:
        """In one transaction: an execution that was recorded is `queued`, of no owner, and in the queue."""
        now = self._now()

        def work(transaction: Transaction, _again: bool) -> ExecutionRecord:
            _insert(transaction, entry, now)
            return change_status(
                transaction,
                entry.id,
                Status.QUEUED,
                now=now,
                by="localhai",
                changes={"owner": None},
                lock=self._access.locks_rows,
            )

        return self._write(work)

    def waiting(self) -> list[QueueEntry]:
        """Executions that nobody has taken, oldest first, without what was asked for."""
        sql = (
            "SELECT q.id, q.kind, q.project_id, q.user_id, q.priority, q.created, e.folder FROM queue q"
            " JOIN executions e ON e.id = q.id WHERE e.status IN ('queued', 'started') AND e.owner_pid IS NULL"
            " ORDER BY q.id"
        )
        return [QueueEntry(**row, request={}) for row in self._read(lambda transaction: transaction.rows(sql))]

    def begun(self) -> list[QueueEntry]:
        """Pipelines and tasks that a server runs, or one that died ran, oldest first, without what was asked for."""
        sql = "SELECT id, kind, project_id, user_id, priority, created FROM queue WHERE kind <> 'execution' ORDER BY id"
        return [QueueEntry(**row, request={}) for row in self._read(lambda transaction: transaction.rows(sql))]

    def tidy(self) -> None:
        """Forget entries of executions that have ended: whoever ended them was no server, or died at once."""
        listed, parameters = placeholders(sorted(str(status) for status in INCOMPLETE))
        sql = statement(
            "DELETE FROM queue WHERE kind = 'execution' AND id NOT IN (SELECT id FROM executions WHERE status IN",
            listed,
            ")",
        )
        self._write(lambda transaction, _again: transaction.change(sql, parameters))

    def entry(self, entry_id: str) -> QueueEntry | None:
        """One entry, with what was asked for."""
        found = self._read(lambda transaction: QUEUE.select(transaction, "WHERE q.id = :id", {"id": entry_id}))
        return found[0] if found else None

    def dequeue(self, entry_id: str) -> bool:
        """Whether it waited."""
        sql = "DELETE FROM queue WHERE id = :id"
        return self._write(lambda transaction, again: transaction.change(sql, {"id": entry_id}) > 0 or again)


def _insert(transaction: Transaction, entry: QueueEntry, now: str) -> None:
    values = {name: getattr(entry, name) for name in QUEUE.columns}
    QUEUE.insert(transaction, {**values, "created": now}, "(id) DO NOTHING")
