"""Tasks: created, stopped, resumed and closed, with the executions that they made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localhai.records import execution_rows, owners, task_rows
from localhai.records.access import NounRecords
from localhai.records.counters import next_counter
from localhai.records.database import Away, statement, storable
from localhai.system import strict_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from localhai.records.database import Transaction
    from localhai.records.rows import ExecutionRecord, Owner
    from localhai.records.task_rows import TaskRecord

_AT_ONCE = 500
# Of several executions of one number the last one counts: ids sort by time.
_LAST = (
    "task_children c ON c.execution_id = e.id WHERE c.task_id = :task_id AND c.execution_id ="
    " (SELECT max(o.execution_id) FROM task_children o WHERE o.task_id = c.task_id AND o.number = c.number)"
)


class TaskRecords(NounRecords):
    """The tasks' part of Records."""

    table = "tasks"

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
            "name": storable(name),
            "step": storable(step),
            "type": type,
            "commit": commit,
            "created": self._now(),
            "document": strict_json.dumps(dict(document)),
            **owners.columns(owner),
        }
        names = ", ".join(f'"{column}"' for column in (*values, "counter"))
        marks = ", ".join(f":{column}" for column in (*values, "counter"))
        sql = statement("INSERT INTO tasks (", names, ") VALUES (", marks, ")")

        def work(transaction: Transaction, again: bool) -> TaskRecord:
            if not (again and task_rows.select(transaction, "WHERE t.id = :id", {"id": values["id"]})):
                counter = next_counter(transaction, project_id, "task")
                transaction.change(sql, {**values, "counter": counter})
            return task_rows.one(transaction, str(values["id"]))

        return self._write(work)

    def get(self, task_id: str) -> TaskRecord:
        """By its full id. Raises UsageError when there is none."""
        return self._read(lambda transaction: task_rows.one(transaction, task_id))

    def find(self, ref: str, project_id: str | None = None) -> TaskRecord:
        """By `5`, `#5`, `latest`, id or unambiguous prefix of an id. Raises UsageError, with candidates."""
        return self._read(lambda transaction: task_rows.find(transaction, ref, project_id))

    def list_open(self, *, host: str | None = None) -> list[TaskRecord]:
        """All that have not ended, of one machine or of all, oldest first: what recovery looks at."""
        of_host = "AND t.owner_host = :host" if host is not None else ""
        tail = statement("WHERE t.status = 'started'", of_host, "ORDER BY t.id")
        parameters = {"host": host} if host is not None else {}
        return self._read(lambda transaction: task_rows.select(transaction, tail, parameters))

    def close(self, task_id: str, status: str, **document: Any) -> TaskRecord:
        """End a task that runs; `document` are keys of its document. One that has ended already stays as it is."""

        def work(transaction: Transaction, _again: bool) -> TaskRecord:
            self._close(transaction, task_id, status, None, document)
            return task_rows.one(transaction, task_id)

        return self._write(work)

    def close_left(self, task_id: str, expected_owner: Owner | None, **document: Any) -> bool:
        """End a task as `crashed`, if it runs and still has the owner that was seen. One of several wins."""

        def work(transaction: Transaction, again: bool) -> bool:
            done = self._close(transaction, task_id, "crashed", expected_owner, document)
            return done or (again and task_rows.one(transaction, task_id).status == "crashed")

        return self._write(work)

    def _close(
        self, transaction: Transaction, task_id: str, status: str, owner: Owner | None, document: Mapping[str, Any]
    ) -> bool:
        found = task_rows.one(transaction, task_id)
        of_owner, expected = owners.condition(owner)
        sql = statement(
            "UPDATE tasks SET status = :status, finished = :now, document = :document"
            " WHERE id = :id AND status = 'started'",
            of_owner,
        )
        changed = strict_json.dumps({**found.document, **document})
        values = {"id": task_id, "status": status, "now": self._now(), "document": changed}
        return transaction.change(sql, {**values, **expected}) > 0

    def resume(self, task_id: str, owner: Owner | None) -> bool:
        """Start a task that has ended once more, as its owner. False when it runs: one of several wins."""
        new = owners.columns(owner)
        settings = ", ".join(f"{column} = :{column}" for column in new)
        sql = statement(
            "UPDATE tasks SET status = 'started', finished = NULL, stop_requested = NULL,",
            settings,
            "WHERE id = :id AND status <> 'started'",
        )

        def work(transaction: Transaction, again: bool) -> bool:
            if transaction.change(sql, {**new, "id": task_id}):
                return True
            return again and task_rows.one(transaction, task_id).owner == owner

        return self._write(work)

    def request_stop(self, task_id: str) -> bool:
        """Ask whoever runs it to stop it; asking twice keeps the first time. False when it has ended already."""
        sql = "UPDATE tasks SET stop_requested = COALESCE(stop_requested, :now) WHERE id = :id AND status = 'started'"
        key = {"id": task_id, "now": self._now()}
        return self._write(lambda transaction, _again: transaction.change(sql, key)) > 0

    def stop_requested(self, task_id: str) -> bool:
        """Cheap, for polling. False also while the database cannot be asked: the next look comes soon."""
        try:
            with self._access.database.begin(write=False) as transaction:
                found = transaction.rows("SELECT stop_requested FROM tasks WHERE id = :id", {"id": task_id})
        except Away:
            return False
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
                found = execution_rows.select(transaction, tail, key, outputs=False)
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

    def list(self, project_id: str | None = None, *, limit: int = 100) -> list[TaskRecord]:
        """Newest first."""
        where = "WHERE t.project_id = :project_id" if project_id is not None else ""
        parameters: dict[str, Any] = {"limit": limit}
        if project_id is not None:
            parameters["project_id"] = project_id
        tail = statement(where, "ORDER BY t.id DESC LIMIT :limit")
        return self._read(lambda transaction: task_rows.select(transaction, tail, parameters))
