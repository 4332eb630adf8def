"""Rows of executions: to columns and back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from localhai.errors import UsageError
from localhai.records import data_rows, owners
from localhai.records.database import Away, columns_of, placeholders, statement, storable
from localhai.records.rows import DatumRecord, ExecutionRecord, StatusChange
from localhai.records.times import text
from localhai.system import strict_json
from localhai.vocabulary import Status

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from localhai.records.database import Row, Transaction

_TEXTS = frozenset({"step", "image", "commit", "title", "environment", "container_id", "folder"})
_TIMES = frozenset({"queued", "started", "finished", "stop_requested"})
_PLAIN = frozenset({"exit_code"})
_FIXED = frozenset({"id", "project_id", "project", "counter", "status", "created", "document", "outputs"})
_JOINED = frozenset({"project", "owner", "tags", "outputs"})  # fields that are no columns of the table
_COLUMNS = (*(name for name in ExecutionRecord.__struct_fields__ if name not in _JOINED), *owners.COLUMNS)
_EXECUTIONS = statement(
    "SELECT",
    columns_of("e", _COLUMNS),
    ", p.name AS project FROM executions e JOIN projects p ON p.id = e.project_id",
)


def columns(changes: Mapping[str, Any]) -> dict[str, Any]:
    """The columns, by name, of those changes that have one."""
    values: dict[str, Any] = {}
    for name, value in changes.items():
        if name in _TEXTS:
            values[name] = storable(value)
        elif name in _TIMES:
            values[name] = None if value is None else text(value)
        elif name in _PLAIN:
            values[name] = value
        elif name == "owner":
            values |= owners.columns(value)
    return values


def apply(transaction: Transaction, execution: ExecutionRecord, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Columns to set for `changes`; tags are written at once, names without a column become keys of the document."""
    fixed = sorted(_FIXED.intersection(changes))
    if fixed:
        raise ValueError(f"{', '.join(fixed)} of an execution cannot be changed")
    values = columns(changes)
    if "tags" in changes:
        write_tags(transaction, execution.id, changes["tags"])
    known = _TEXTS | _TIMES | _PLAIN | {"owner", "tags"}
    loose = {name: value for name, value in changes.items() if name not in known}
    if loose:
        values["document"] = strict_json.dumps({**execution.document, **loose})
    return values


def insert(transaction: Transaction, values: Mapping[str, Any]) -> None:
    names = ", ".join(f'"{name}"' for name in values)
    marks = ", ".join(f":{name}" for name in values)
    done = transaction.change(
        statement("INSERT INTO executions (", names, ") VALUES (", marks, ") ON CONFLICT (id) DO NOTHING"), values
    )
    if not done:
        raise Away("an attempt to create the execution was given up too early")  # seen as done by the next one


def update(
    transaction: Transaction,
    execution_id: str,
    values: Mapping[str, Any],
    condition: str = "1 = 1",
    **parameters: Any,
) -> bool:
    """Set columns of one execution if `condition` holds; says whether it did."""
    settings = ", ".join(f'"{name}" = :new_{name}' for name in values)
    named = {f"new_{name}": value for name, value in values.items()}
    sql = statement("UPDATE executions SET", settings, "WHERE id = :id AND", condition)
    return transaction.change(sql, {**named, **parameters, "id": execution_id}) > 0


def write_tags(transaction: Transaction, execution_id: str, tags: Sequence[str]) -> None:
    """These tags and no others, each once, in this order."""
    transaction.change("DELETE FROM execution_tags WHERE execution_id = :id", {"id": execution_id})
    unique = dict.fromkeys(storable(tag) for tag in tags)
    if unique:
        transaction.change_many(
            "INSERT INTO execution_tags (execution_id, tag, position) VALUES (:id, :tag, :position)",
            [{"id": execution_id, "tag": tag, "position": position} for position, tag in enumerate(unique)],
        )


def one(transaction: Transaction, execution_id: str, *, lock: bool = False) -> ExecutionRecord:
    """By id; with `lock`, nobody else changes it until the end of the transaction. Raises UsageError."""
    found = select(transaction, statement("WHERE e.id = :id", "FOR UPDATE OF e" if lock else ""), {"id": execution_id})
    if not found:
        raise UsageError(f"there is no execution {execution_id}", where=execution_id)
    return found[0]


def select(
    transaction: Transaction, tail: str, parameters: Mapping[str, Any], *, outputs: bool = True
) -> list[ExecutionRecord]:
    """Executions with their project's name, tags and outputs. `tail` is what follows FROM."""
    sql = statement(_EXECUTIONS, tail)
    found = transaction.rows(sql, parameters)
    ids = [row["id"] for row in found]
    tags = _tags(transaction, ids)
    data = data_rows.of_executions(transaction, ids) if outputs else {}
    return [_execution(row, tuple(tags.get(row["id"], ())), tuple(data.get(row["id"], ()))) for row in found]


def _execution(row: Row, tags: tuple[str, ...], outputs: tuple[DatumRecord, ...]) -> ExecutionRecord:
    owner = owners.take(row)
    return ExecutionRecord(
        **{
            **row,
            "status": Status(row["status"]),
            "owner": owner,
            "folder": row["folder"] or "",
            "document": json.loads(row["document"]),
        },
        tags=tags,
        outputs=outputs,
    )


def _tags(transaction: Transaction, ids: Sequence[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for part in data_rows.parts(ids):
        listed, parameters = placeholders(part)
        sql = statement(
            "SELECT execution_id, tag FROM execution_tags WHERE execution_id IN", listed, "ORDER BY position"
        )
        for row in transaction.rows(sql, parameters):
            found.setdefault(row["execution_id"], []).append(row["tag"])
    return found


def status_changes(transaction: Transaction, execution_id: str) -> list[StatusChange]:
    sql = "SELECT time, old_status, new_status, changed_by FROM status_changes WHERE execution_id = :id ORDER BY id"
    return [
        StatusChange(
            time=row["time"],
            old=None if row["old_status"] is None else Status(row["old_status"]),
            new=Status(row["new_status"]),
            by=row["changed_by"],
        )
        for row in transaction.rows(sql, {"id": execution_id})
    ]
