"""Data: what executions put out, with tags, and the aliases of a project."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localhai.errors import UsageError
from localhai.records import data_rows as rows
from localhai.records.access import RecordAccess
from localhai.records.database import placeholders, statement, storable
from localhai.records.rows import Alias, AliasChange
from localhai.vocabulary import without_scheme

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from localhai.records.database import Transaction
    from localhai.records.rows import DatumRecord

_CANDIDATES = 5
_SHORTEST_PREFIX = 4
_ALIASES = "SELECT project_id, name, datum_id, created, updated FROM datum_aliases"


class DataRecords(RecordAccess):
    """The data's part of Records."""

    def add_data(self, execution_id: str, records: Sequence[DatumRecord]) -> None:
        """Add outputs of an execution, all or none. Adding one again (by id) changes nothing."""

        def work(transaction: Transaction, _again: bool) -> None:
            found = transaction.rows("SELECT project_id FROM executions WHERE id = :id", {"id": execution_id})
            if not found:
                raise UsageError(f"there is no execution {execution_id}", where=execution_id)
            rows.insert(transaction, execution_id, found[0]["project_id"], records)

        if records:
            self._write(work)

    def add_upload(self, project_id: str, record: DatumRecord) -> None:
        """Add a datum that no execution put out."""
        self._write(lambda transaction, _again: rows.insert(transaction, rows.NOBODY, project_id, [record]))

    def datum(self, datum_id: str) -> DatumRecord:
        """By its full id. Raises UsageError when there is none."""
        found = self._read(lambda transaction: rows.select(transaction, "WHERE d.id = :id", {"id": datum_id}))
        if not found:
            raise UsageError(f"there is no datum {datum_id}", where=datum_id, hints=["see them: localhai data list"])
        return found[0]

    def find_datum(self, reference: str, project_id: str | None) -> DatumRecord:
        """By id, alias of the project, or unambiguous beginning of an id, `datum://` before it or not.

        Raises UsageError, with candidates.
        """
        wanted = without_scheme(reference)
        alias = None if project_id is None else self.alias(project_id, wanted)
        # `g` comes after every digit of an id, so this range holds what begins with the prefix.
        key = {"low": wanted.lower(), "high": f"{wanted.lower()}g", "alias": alias and alias.datum_id}
        tail = "WHERE d.id = :alias"
        if len(wanted) >= _SHORTEST_PREFIX:
            tail += " OR (d.id >= :low AND d.id < :high)"
        tail += f" ORDER BY d.id LIMIT {_CANDIDATES + 1}"
        found = self._read(lambda transaction: rows.select(transaction, tail, key))
        exact = [item for item in found if alias is not None and item.id == alias.datum_id]
        if len(found) == 1 or exact:
            return (exact or found)[0]
        if not found:
            raise UsageError(
                f"no datum has the id or alias {wanted!r}",
                where=reference,
                hints=["see them: localhai data list", "see the aliases: localhai alias list"],
            )
        raise UsageError(
            f"{wanted!r} is the beginning of several ids",
            where=reference,
            hints=[f"{item.id} {item.name}" for item in found[:_CANDIDATES]],
        )

    def data(
        self,
        project_id: str | None = None,
        *,
        execution_id: str | None = None,
        name: str | None = None,
        tag: str | None = None,
        purged: bool = True,
        limit: int | None = 100,
        offset: int = 0,
    ) -> list[DatumRecord]:
        """Outputs of one execution in their order, otherwise newest first.

        `name` is a pattern with `*` and `?`, which match `/` too. `purged=False` leaves out those without bytes.
        """
        clauses, parameters = _conditions(project_id=project_id, execution_id=execution_id, tag=tag)
        if name is not None:
            condition, parameters["name"] = _name_condition(name, self._database.dialect)
            clauses.append(condition)
        if not purged:
            clauses.append("d.purged IS NULL")
        if limit is not None:
            parameters |= {"limit": limit, "offset": offset}
        tail = statement(
            "WHERE" if clauses else "",
            " AND ".join(clauses),
            "ORDER BY d.id" if execution_id else "ORDER BY d.id DESC",
            "" if limit is None else "LIMIT :limit OFFSET :offset",
        )
        return self._read(lambda transaction: rows.select(transaction, tail, parameters))

    def tag_datum(self, datum_id: str, tags: Sequence[str]) -> DatumRecord:
        """These tags and no others, each once, in this order."""
        unique = dict.fromkeys(storable(tag) for tag in tags)
        new = [{"id": datum_id, "tag": tag, "position": position} for position, tag in enumerate(unique)]

        def work(transaction: Transaction, _again: bool) -> None:
            transaction.change("DELETE FROM datum_tags WHERE datum_id = :id", {"id": datum_id})
            if new:
                sql = "INSERT INTO datum_tags (datum_id, tag, position) VALUES (:id, :tag, :position)"
                transaction.change_many(sql, new)

        self.datum(datum_id)
        self._write(work)
        return self.datum(datum_id)

    def purge_data(self, datum_ids: Iterable[str]) -> None:
        """Remember that the bytes of these data are gone. The rows stay, since others may have been made from them."""
        parts, now = list(rows.parts(list(datum_ids))), self._now()

        def work(transaction: Transaction, _again: bool) -> None:
            for part in parts:
                listed, parameters = placeholders(part)
                sql = statement("UPDATE data SET purged = :now WHERE purged IS NULL AND id IN", listed)
                transaction.change(sql, {**parameters, "now": now})

        self._write(work)

    def set_alias(self, project_id: str, name: str, datum_id: str) -> Alias:
        """Give a datum this name in a project; a name that was another's moves (platform.md 5, `valohai.alias`)."""
        self.datum(datum_id)
        now = self._now()
        key = {"project_id": project_id, "name": storable(name)}

        def work(transaction: Transaction, _again: bool) -> Alias:
            rows.point_alias(transaction, project_id, name, datum_id, now)
            return _aliases(transaction, "project_id = :project_id AND name = :name", key)[0]

        return self._write(work)

    def alias(self, project_id: str, name: str) -> Alias | None:
        """The alias of this name, None when there is none."""
        key = {"project_id": project_id, "name": storable(name)}
        found = self._read(lambda transaction: _aliases(transaction, "project_id = :project_id AND name = :name", key))
        return found[0] if found else None

    def delete_alias(self, project_id: str, name: str) -> bool:
        """Forget an alias; its history and the datum stay. False when there is none."""
        key, now = {"project_id": project_id, "name": storable(name)}, self._now()

        def work(transaction: Transaction, again: bool) -> bool:
            sql = "DELETE FROM datum_aliases WHERE project_id = :project_id AND name = :name"
            if not transaction.change(sql, key):
                return again
            rows.note_alias(transaction, project_id, name, None, now)
            return True

        return self._write(work)

    def alias_changes(self, project_id: str, name: str) -> list[AliasChange]:
        """Where an alias has pointed, newest first."""
        sql = (
            "SELECT time, datum_id FROM datum_alias_changes WHERE project_id = :project_id AND name = :name"
            " ORDER BY id DESC"
        )
        key = {"project_id": project_id, "name": storable(name)}
        return [AliasChange(**row) for row in self._read(lambda transaction: transaction.rows(sql, key))]

    def aliases(self, project_id: str) -> list[Alias]:
        """All aliases of a project, by name."""
        key = {"project_id": project_id}
        return self._read(lambda transaction: _aliases(transaction, "project_id = :project_id", key))


def _aliases(transaction: Transaction, condition: str, parameters: dict[str, Any]) -> list[Alias]:
    sql = statement(_ALIASES, "WHERE", condition, "ORDER BY name")
    return [Alias(**row) for row in transaction.rows(sql, parameters)]


def _conditions(**given: str | None) -> tuple[list[str], dict[str, Any]]:
    clauses = {
        "project_id": "d.project_id = :project_id",
        "execution_id": "d.execution_id = :execution_id",
        "tag": "d.id IN (SELECT datum_id FROM datum_tags WHERE tag = :tag)",
    }
    parameters: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    return [clauses[name] for name in parameters], parameters


def _name_condition(pattern: str, dialect: str) -> tuple[str, str]:
    """SQLite's GLOB and PostgreSQL's LIKE both tell upper from lower case; each has other special characters."""
    if dialect == "sqlite":
        return "d.name GLOB :name", pattern.replace("[", "[[]")
    escaped = pattern.replace("!", "!!").replace("%", "!%").replace("_", "!_")
    return "d.name LIKE :name ESCAPE '!'", escaped.replace("*", "%").replace("?", "_")
