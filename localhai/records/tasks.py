"""Tasks: created, stopped, resumed and closed, with the executions that they made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from localhai.records import owners
from localhai.records.access import CountedRecords
from localhai.records.database import statement
from localhai.records.executions import EXECUTIONS
from localhai.records.mapper import Table
from localhai.records.times import duration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from localhai.records.database import Transaction
    from localhai.records.executions import ExecutionRecord
    from localhai.records.owners import Owner

_AT_ONCE = 500
# Of several executions of one number the last one counts: ids sort by time.
_LAST = (
    "task_children c ON c.execution_id = e.id WHERE c.task_id = :task_id AND c.execution_id ="
    " (SELECT max(o.execution_id) FROM task_children o WHERE o.task_id = c.task_id AND o.number = c.number)"
)


class TaskRecord(Struct, frozen=True):
    """One row of tasks. `status` is started, complete, error, stopped or crashed (names unconfirmed).

    `document` holds the plan and what the task came to: JSON values.
    """

    id: str
    project_id: str
    project: str
    counter: int
    status: str
    name: str
    step: str
    type: str
    commit: str | None
    created: str
    finished: str | None = None
    owner: Owner | None = None
    stop_requested: str | None = None
    document: Mapping[str, Any] = field(default_factory=dict)

    @property
    def duration(self) -> float | None:
        """Seconds from `created` to `finished`; None while it runs."""
        return duration(self.document, self.created, self.finished)

    def to_dict(self) -> dict[str, Any]:
        """The JSON shape of a task, without its executions. Times are ISO-8601 UTC with `Z`."""
        facts = ("id", "counter", "status", "name", "step", "type", "project", "commit", "created", "finished")
        values: dict[str, Any] = {fact: getattr(self, fact) for fact in facts}
        parity = self.document.get("plan", {}).get("parity", ())
        return {**values, "duration": self.duration, "parity": list(parity), "error": self.document.get("error")}


TASKS = Table.of_project(
    TaskRecord,
    "tasks",
    "t",
    noun="task",
    texts=("name", "step"),
)


class TaskRecords(CountedRecords[TaskRecord]):
    """`records.tasks`."""

    table, open, start = TASKS, ("started",), "start one: localhai task run NAME"

    def create(
        self,
        project_id: str,
        *,
        name: str,
        step: str,
        type: str,  # noqa: A002  # Valohai's word
        commit: str | None,
        document: Mapping[str, Any],
        owner: Owner | None,
        known_as: str | None = None,
    ) -> TaskRecord:
        """A new task, `started`, with its id and the project's next counter of tasks.

        `document` holds JSON values and no secrets: masking is the caller's. `known_as` is its id, if it has one yet.
        """
        values = {
            "id": known_as or self.coming_id(),
            "project_id": project_id,
            "status": "started",
            "name": name,
            "step": step,
            "type": type,
            "commit": commit,
            "created": self._now(),
            "document": dict(document),
            "owner": owner,
        }
        return self._create(values)

    def close(self, task_id: str, status: str, **document: Any) -> TaskRecord:
        """End a task that runs; `document` are keys of its document. One that has ended already stays as it is."""

        def work(transaction: Transaction, _again: bool) -> TaskRecord:
            self._close(transaction, task_id, status, None, document)
            return TASKS.one(transaction, task_id)

        return self._write(work)

    def close_left(self, task_id: str, expected_owner: Owner | None, **document: Any) -> bool:
        """End a task as `crashed`, if it runs and still has the owner that was seen. One of several wins."""

        def work(transaction: Transaction, again: bool) -> bool:
            done = self._close(transaction, task_id, "crashed", expected_owner, document)
            return done or (again and TASKS.one(transaction, task_id).status == "crashed")

        return self._write(work)

    def _close(
        self, transaction: Transaction, task_id: str, status: str, owner: Owner | None, document: Mapping[str, Any]
    ) -> bool:
        found = TASKS.one(transaction, task_id)
        of_owner, expected = owners.condition(owner)
        values = {"status": status, "finished": self._now(), "document": {**found.document, **document}}
        where = statement("id = :id AND status = 'started'", of_owner)
        return TASKS.update(transaction, values, where, id=task_id, **expected) > 0

    def resume(self, task_id: str, owner: Owner | None) -> bool:
        """Start a task that has ended once more, as its owner. False when it runs: one of several wins."""
        values = {"status": "started", "finished": None, "stop_requested": None, "owner": owner}

        def work(transaction: Transaction, again: bool) -> bool:
            if TASKS.update(transaction, values, "id = :id AND status <> 'started'", id=task_id):
                return True
            return again and TASKS.one(transaction, task_id).owner == owner

        return self._write(work)

    def stop_requested(self, task_id: str) -> bool:
        """Cheap, for polling. False also while the database cannot be asked: the next look comes soon."""
        sql = "SELECT stop_requested FROM tasks WHERE id = :id"
        found = self._access.glance(lambda transaction: transaction.rows(sql, {"id": task_id})) or []
        return bool(found) and found[0]["stop_requested"] is not None

    def add_child(self, task_id: str, number: int, execution_id: str) -> None:
        """Remember that a task made this execution, as its number `number`."""
        sql = (
            "INSERT INTO task_children (task_id, number, execution_id) VALUES (:task_id, :number, :execution_id)"
            " ON CONFLICT DO NOTHING"
        )
        key = {"task_id": task_id, "number": number, "execution_id": execution_id}
        self._write(lambda transaction, _again: transaction.change(sql, key))

    def of_execution(self, execution_id: str) -> str | None:
        """The id of the task that made an execution; None for one that no task made."""
        sql = "SELECT task_id FROM task_children WHERE execution_id = :id"
        found = self._read(lambda transaction: transaction.rows(sql, {"id": execution_id}))
        return str(found[0]["task_id"]) if found else None

    def children(self, task_id: str) -> Iterator[tuple[int, ExecutionRecord]]:
        """The executions of a task with their numbers, in order, without outputs. Deleted ones are passed over."""
        last = -1
        tail = statement("JOIN", _LAST, "AND c.number > :last ORDER BY c.number LIMIT :limit")
        while True:
            key = {"task_id": task_id, "last": last, "limit": _AT_ONCE}

            def work(transaction: Transaction, key: dict[str, Any] = key) -> list[tuple[int, ExecutionRecord]]:
                rows = transaction.rows(statement("SELECT c.number, e.id FROM executions e", tail), key)
                numbers = {row["id"]: int(row["number"]) for row in rows}
                found = EXECUTIONS.select(transaction, tail, key, whole=False)
                return [(numbers[item.id], item) for item in found if item.id in numbers]

            part = self._read(work)
            yield from part
            if len(part) < _AT_ONCE:
                return
            last = part[-1][0]

    def counts(self, task_id: str) -> dict[str, int]:
        """How many executions of a task have which status."""
        sql = statement("SELECT e.status, count(*) AS number FROM executions e JOIN", _LAST, "GROUP BY e.status")
        found = self._read(lambda transaction: transaction.rows(sql, {"task_id": task_id}))
        return {item["status"]: int(item["number"]) for item in found}
