"""Rows of data: to columns and back, with tags and aliases."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from localhai.errors import UsageError
from localhai.records.database import columns_of, placeholders, statement, storable
from localhai.records.rows import DatumRecord
from localhai.records.times import text
from localhai.system import strict_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from localhai.records.database import Row, Transaction

_JOINED = frozenset({"tags", "aliases"})  # fields that are no columns of the table
_DATA = statement(
    "SELECT", columns_of("d", [name for name in DatumRecord.__struct_fields__ if name not in _JOINED]), "FROM data d"
)
NOBODY = ""  # in place of the execution: the datum was uploaded
_AT_ONCE = 500  # SQLite before 3.32 takes 999 parameters


def parts(values: Sequence[str]) -> Iterator[Sequence[str]]:
    """The values in parts that fit into an IN list."""
    for start in range(0, len(values), _AT_ONCE):
        yield values[start : start + _AT_ONCE]


def insert(transaction: Transaction, execution_id: str, project_id: str, records: Sequence[DatumRecord]) -> None:
    """Add data; those that are there already stay as they are."""
    transaction.change_many(
        "INSERT INTO data (id, execution_id, project_id, name, size, ctime, md5, sha1, sha256, uri, properties)"
        " VALUES (:id, :execution_id, :project_id, :name, :size, :ctime, :md5, :sha1, :sha256, :uri, :properties)"
        " ON CONFLICT (id) DO NOTHING",
        [_columns(record, execution_id, project_id) for record in records],
    )
    tags = [
        {"id": record.id, "tag": tag, "position": position}
        for record in records
        for position, tag in enumerate(dict.fromkeys(storable(tag) for tag in record.tags))
    ]
    if tags:
        transaction.change_many(
            "INSERT INTO datum_tags (datum_id, tag, position) VALUES (:id, :tag, :position)"
            " ON CONFLICT (datum_id, tag) DO NOTHING",
            tags,
        )


def _columns(record: DatumRecord, execution_id: str, project_id: str) -> dict[str, Any]:
    return {
        "id": record.id,
        "execution_id": execution_id,
        "project_id": project_id,
        "name": storable(record.name),
        "size": record.size,
        "ctime": text(record.ctime),
        "md5": record.md5,
        "sha1": record.sha1,
        "sha256": record.sha256,
        "uri": storable(record.uri),
        "properties": strict_json.dumps([dict(item) for item in record.properties]),
    }


def point_alias(transaction: Transaction, project_id: str, name: str, datum_id: str, now: str) -> None:
    """Make an alias or move it. Where it pointed before stays known; pointing it to where it points is no change."""
    values = {"project_id": project_id, "name": storable(name), "datum_id": datum_id, "now": now}
    moved = transaction.change(
        "INSERT INTO datum_aliases (project_id, name, datum_id, created, updated)"
        " VALUES (:project_id, :name, :datum_id, :now, :now)"
        " ON CONFLICT (project_id, name)"
        " DO UPDATE SET datum_id = excluded.datum_id, updated = excluded.updated"
        " WHERE datum_aliases.datum_id <> excluded.datum_id",
        values,
    )
    if moved:
        note_alias(transaction, project_id, name, datum_id, now)


def note_alias(transaction: Transaction, project_id: str, name: str, datum_id: str | None, now: str) -> None:
    """Remember where an alias points since now; None: it was deleted."""
    transaction.change(
        "INSERT INTO datum_alias_changes (project_id, name, datum_id, time)"
        " VALUES (:project_id, :name, :datum_id, :now)",
        {"project_id": project_id, "name": storable(name), "datum_id": datum_id, "now": now},
    )


def select(transaction: Transaction, tail: str, parameters: Mapping[str, Any]) -> list[DatumRecord]:
    """Data with their tags and aliases. `tail` is what follows FROM."""
    found = transaction.rows(statement(_DATA, tail), parameters)
    ids = [row["id"] for row in found]
    tags = _names(transaction, "SELECT datum_id, tag AS name FROM datum_tags", "position", ids)
    aliases = _names(transaction, "SELECT datum_id, name FROM datum_aliases", "name", ids)
    return [_record(row, tags.get(row["id"], ()), aliases.get(row["id"], ())) for row in found]


def one(transaction: Transaction, datum_id: str) -> DatumRecord:
    """By its full id. Raises UsageError."""
    found = select(transaction, "WHERE d.id = :id", {"id": datum_id})
    if not found:
        raise UsageError(f"there is no datum {datum_id}", where=datum_id, hints=["see them: localhai data list"])
    return found[0]


def aliased(transaction: Transaction, project_id: str, name: str) -> str | None:
    """The id of the datum that has this alias; None when there is no such alias."""
    key = {"project_id": project_id, "name": storable(name)}
    sql = "SELECT datum_id FROM datum_aliases WHERE project_id = :project_id AND name = :name"
    found = transaction.rows(sql, key)
    return str(found[0]["datum_id"]) if found else None


def of_executions(transaction: Transaction, ids: Sequence[str]) -> dict[str, list[DatumRecord]]:
    """Outputs by execution, in the order in which they were added."""
    found: dict[str, list[DatumRecord]] = {}
    for part in parts(ids):
        listed, parameters = placeholders(part)
        for record in select(transaction, statement("WHERE d.execution_id IN", listed, "ORDER BY d.id"), parameters):
            found.setdefault(record.execution_id or "", []).append(record)
    return found


def _names(transaction: Transaction, sql: str, order: str, ids: Sequence[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for part in parts(ids):
        listed, parameters = placeholders(part)
        for row in transaction.rows(statement(sql, "WHERE datum_id IN", listed, "ORDER BY", order), parameters):
            found.setdefault(row["datum_id"], []).append(row["name"])
    return found


def _record(row: Row, tags: Sequence[str], aliases: Sequence[str]) -> DatumRecord:
    row["properties"] = tuple(json.loads(row["properties"]))
    row["execution_id"] = row["execution_id"] or None
    return DatumRecord(**row, tags=tuple(tags), aliases=tuple(aliases))
