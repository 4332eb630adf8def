"""Rows of tasks: from columns and back, and from what a person types to a row."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from localhai.errors import UsageError
from localhai.records import finding, owners
from localhai.records.database import columns_of, statement
from localhai.records.times import duration

if TYPE_CHECKING:
    from localhai.records.database import Row, Transaction
    from localhai.records.rows import Owner


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


_COLUMNS = (*(name for name in TaskRecord.__struct_fields__ if name not in {"project", "owner"}), *owners.COLUMNS)
_TASKS = statement(
    "SELECT", columns_of("t", _COLUMNS), ", p.name AS project FROM tasks t JOIN projects p ON p.id = t.project_id"
)


def select(transaction: Transaction, tail: str, parameters: Mapping[str, Any]) -> list[TaskRecord]:
    """Tasks with their project's name. `tail` is what follows FROM."""
    return [_task(row) for row in transaction.rows(statement(_TASKS, tail), parameters)]


def one(transaction: Transaction, task_id: str) -> TaskRecord:
    """By its full id. Raises UsageError."""
    found = select(transaction, "WHERE t.id = :id", {"id": task_id})
    if not found:
        raise UsageError(f"there is no task {task_id}", where=task_id)
    return found[0]


def find(transaction: Transaction, ref: str, project_id: str | None) -> TaskRecord:
    """By `5`, `#5`, `latest`, id or unambiguous beginning of one. Raises UsageError, with candidates."""
    return finding.find(transaction, ref, project_id, noun="task", table="t", select=select)


def _task(row: Row) -> TaskRecord:
    owner = owners.take(row)
    row["document"] = json.loads(row["document"])
    return TaskRecord(**row, owner=owner)
