"""Rows of tasks: from columns to the dataclass, and from what a person types to a row."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from localhai.errors import UsageError
from localhai.records.database import statement
from localhai.records.rows import Owner
from localhai.records.times import seconds_between

if TYPE_CHECKING:
    from collections.abc import Mapping

    from localhai.records.database import Row, Transaction

_TASKS = "SELECT t.*, p.name AS project FROM tasks t JOIN projects p ON p.id = t.project_id"
_OWNER = ("host", "pid", "process_start", "boot_id")
_CANDIDATES = 5

_counter_re = re.compile(r"#?(\d{1,9})")
_prefix_re = re.compile(r"[0-9a-f]{4}[0-9a-f-]*")


@dataclass(frozen=True, slots=True)
class Task:
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
        return seconds_between(self.created, self.finished)

    def to_dict(self) -> dict[str, Any]:
        """The JSON shape of a task, without its executions. Times are ISO-8601 UTC with `Z`."""
        facts = ("id", "counter", "status", "name", "step", "type", "project", "commit", "created", "finished")
        values: dict[str, Any] = {fact: getattr(self, fact) for fact in facts}
        parity = self.document.get("plan", {}).get("parity", ())
        return {**values, "duration": self.duration, "parity": list(parity), "error": self.document.get("error")}


def columns(owner: Owner | None) -> dict[str, Any]:
    """The columns of an owner."""
    return {f"owner_{part}": None if owner is None else getattr(owner, part) for part in _OWNER}


def select(transaction: Transaction, tail: str, parameters: Mapping[str, Any]) -> list[Task]:
    """Tasks with their project's name. `tail` is what follows FROM."""
    return [_task(row) for row in transaction.rows(statement(_TASKS, tail), parameters)]


def one(transaction: Transaction, task_id: str) -> Task:
    """By its full id. Raises UsageError."""
    found = select(transaction, "WHERE t.id = :id", {"id": task_id})
    if not found:
        raise UsageError(f"there is no task {task_id}", where=task_id)
    return found[0]


def find(transaction: Transaction, ref: str, project_id: str | None) -> Task:
    """By `5`, `#5`, `latest`, id or unambiguous beginning of one. Raises UsageError, with candidates."""
    ref = ref.strip().lower()
    own = "t.project_id = :project_id" if project_id is not None else "1 = 1"
    scope = {} if project_id is None else {"project_id": project_id}
    latest = select(transaction, statement("WHERE", own, "ORDER BY t.id DESC LIMIT 5"), scope)
    if ref == "latest" and latest:
        return latest[0]
    found: list[Task] = []
    counter = _counter_re.fullmatch(ref)
    if counter and project_id is not None:
        tail = statement("WHERE", own, "AND t.counter = :counter")
        found = select(transaction, tail, {**scope, "counter": int(counter[1])})
    if not found and _prefix_re.fullmatch(ref):
        # `g` comes after every digit of an id, so this range holds what begins with the prefix.
        found = select(transaction, "WHERE t.id >= :low AND t.id < :high", {"low": ref, "high": f"{ref}g"})
    if len(found) == 1:
        return found[0]
    what = f"{len(found)} tasks begin with {ref!r}" if found else f"there is no task {ref!r}"
    lines = [f"#{item.counter} {item.id} {item.name} ({item.project}, {item.status})" for item in found or latest]
    raise UsageError(what, where=ref, hints=lines[:_CANDIDATES] or ["start one: localhai task run NAME"])


def _task(row: Row) -> Task:
    owner = {part: row.pop(f"owner_{part}") for part in _OWNER}
    row["document"] = json.loads(row["document"])
    return Task(**row, owner=None if owner["host"] is None else Owner(**owner))
