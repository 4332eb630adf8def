"""A project that moved: its row follows it, with all that another folder's project has made meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from localhai.errors import UsageError
from localhai.records.database import placeholders, statement
from localhai.vocabulary import INCOMPLETE

if TYPE_CHECKING:
    from localhai.records.database import Transaction
    from localhai.records.rows import Project

_COUNTED = ("executions", "tasks", "pipelines")
_PLAIN = ("data", "datum_alias_changes", "execution_keys", "queue", "datasets", "models", "deployments")
_OF_ONE_NAME = ("datasets", "models", "deployments")
_OLDER_WINS = {"commits": "identifier", "project_variables": "name"}


class Joined(Struct, frozen=True):
    """What `join` moves: how many executions, and by how much their counters grow."""

    executions: int
    offset: int


def foresee(transaction: Transaction, old: Project, new: Project) -> Joined:
    """What would be moved. Raises UsageError for what stands against it. Changes nothing."""
    key = {"old": old.id, "new": new.id}
    listed, parameters = placeholders(sorted(str(status) for status in INCOMPLETE))
    running = statement(
        "SELECT counter FROM executions WHERE project_id IN (:old, :new) AND status IN", listed, "LIMIT 1"
    )
    if transaction.rows(running, {**key, **parameters}):
        raise UsageError("executions of these projects are in progress", hints=["join them when these have ended"])
    for table in _OF_ONE_NAME:
        both = (
            f"SELECT a.name FROM {table} a JOIN {table} b ON b.name = a.name"  # noqa: S608  # words of this file
            " WHERE a.project_id = :old AND b.project_id = :new ORDER BY a.name"
        )
        names = [str(row["name"]) for row in transaction.rows(both, key)]
        if names:
            raise UsageError(f"both projects have {table} of one name, which cannot be joined: {', '.join(names)}")
    count = transaction.rows("SELECT count(*) AS number FROM executions WHERE project_id = :new", key)[0]["number"]
    return Joined(int(count), _counters(transaction, old.id).get("execution", 0))


def join(transaction: Transaction, old: Project, new: Project) -> Joined:
    """All of `new` becomes part of `old`, which gets its folder and name; counters go on from those of `old`."""
    found = foresee(transaction, old, new)
    before, key = _counters(transaction, old.id), {"old": old.id, "new": new.id}
    for table in _COUNTED:
        move = f"UPDATE {table} SET project_id = :old, counter = counter + :offset WHERE project_id = :new"  # noqa: S608  # as above
        transaction.change(move, {**key, "offset": before.get(table.removesuffix("s"), 0)})
    for table in _PLAIN:
        _move(transaction, table, key)
    transaction.change(
        "DELETE FROM datum_aliases WHERE project_id = :old"
        " AND name IN (SELECT name FROM datum_aliases WHERE project_id = :new)",
        key,
    )
    _move(transaction, "datum_aliases", key)
    for table, name in _OLDER_WINS.items():
        known = f"(SELECT {name} FROM {table} WHERE project_id = :old)"  # noqa: S608  # as above
        transaction.change(f"DELETE FROM {table} WHERE project_id = :new AND {name} IN {known}", key)  # noqa: S608
        _move(transaction, table, key)
    if transaction.rows("SELECT user_id FROM project_owners WHERE project_id = :old", {"old": old.id}):
        transaction.change("DELETE FROM project_owners WHERE project_id = :new", {"new": new.id})
    _move(transaction, "project_owners", key)
    for noun, value in _counters(transaction, new.id).items():
        total = {"project_id": old.id, "noun": noun, "value": before.get(noun, 0) + value}
        transaction.change(
            "INSERT INTO counters (project_id, noun, value) VALUES (:project_id, :noun, :value)"
            " ON CONFLICT (project_id, noun) DO UPDATE SET value = excluded.value",
            total,
        )
    transaction.change("DELETE FROM counters WHERE project_id = :new", {"new": new.id})
    transaction.change("DELETE FROM projects WHERE id = :new", {"new": new.id})
    move_to(transaction, old.id, new.path, new.name)
    return found


def move_to(transaction: Transaction, project_id: str, path: str, name: str) -> None:
    """The project is in this folder now, and has this name."""
    sql = "UPDATE projects SET path = :path, name = :name WHERE id = :id"
    transaction.change(sql, {"id": project_id, "path": path, "name": name})


def _move(transaction: Transaction, table: str, key: dict[str, str]) -> None:
    sql = f"UPDATE {table} SET project_id = :old WHERE project_id = :new"  # noqa: S608  # words of this file
    transaction.change(sql, key)


def _counters(transaction: Transaction, project_id: str) -> dict[str, int]:
    sql = "SELECT noun, value FROM counters WHERE project_id = :id"
    return {row["noun"]: int(row["value"]) for row in transaction.rows(sql, {"id": project_id})}
