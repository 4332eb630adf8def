"""Data: what executions put out, with tags, and the aliases of a project."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localhai.errors import UsageError
from localhai.records import data_rows as rows
from localhai.records.access import NounRecords
from localhai.records.database import placeholders, statement, storable
from localhai.vocabulary import without_scheme

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from localhai.records.database import Transaction
    from localhai.records.rows import DatumRecord

_CANDIDATES = 5
_SHORTEST_PREFIX = 4


class DataRecords(NounRecords):
    """The data's part of Records."""

    def add(self, execution_id: str, records: Sequence[DatumRecord]) -> None:
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

    def get(self, datum_id: str) -> DatumRecord:
        """By its full id. Raises UsageError when there is none."""
        return self._read(lambda transaction: rows.one(transaction, datum_id))

    def find(self, reference: str, project_id: str | None) -> DatumRecord:
        """By id, alias of the project, or unambiguous beginning of an id, `datum://` before it or not.

        Raises UsageError, with candidates.
        """
        wanted = without_scheme(reference)
        alias = (
            None
            if project_id is None
            else self._read(lambda transaction: rows.aliased(transaction, project_id, wanted))
        )
        # `g` comes after every digit of an id, so this range holds what begins with the prefix.
        key = {"low": wanted.lower(), "high": f"{wanted.lower()}g", "alias": alias}
        tail = "WHERE d.id = :alias"
        if len(wanted) >= _SHORTEST_PREFIX:
            tail += " OR (d.id >= :low AND d.id < :high)"
        tail += f" ORDER BY d.id LIMIT {_CANDIDATES + 1}"
        found = self._read(lambda transaction: rows.select(transaction, tail, key))
        exact = [item for item in found if alias is not None and item.id == alias]
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

    def tag(self, datum_id: str, tags: Sequence[str]) -> DatumRecord:
        """These tags and no others, each once, in this order."""
        unique = dict.fromkeys(storable(tag) for tag in tags)
        new = [{"id": datum_id, "tag": tag, "position": position} for position, tag in enumerate(unique)]

        def work(transaction: Transaction, _again: bool) -> None:
            transaction.change("DELETE FROM datum_tags WHERE datum_id = :id", {"id": datum_id})
            if new:
                sql = "INSERT INTO datum_tags (datum_id, tag, position) VALUES (:id, :tag, :position)"
                transaction.change_many(sql, new)

        self.get(datum_id)
        self._write(work)
        return self.get(datum_id)

    def purge(self, datum_ids: Iterable[str]) -> None:
        """Remember that the bytes of these data are gone. The rows stay, since others may have been made from them."""
        parts, now = list(rows.parts(list(datum_ids))), self._now()

        def work(transaction: Transaction, _again: bool) -> None:
            for part in parts:
                listed, parameters = placeholders(part)
                sql = statement("UPDATE data SET purged = :now WHERE purged IS NULL AND id IN", listed)
                transaction.change(sql, {**parameters, "now": now})

        self._write(work)

    def by_id(self, datum_ids: Sequence[str]) -> dict[str, DatumRecord]:
        """Those of these data that there are, by id."""
        return {item.id: item for item in self._of("d.id", datum_ids)}

    def of_executions(self, execution_ids: Sequence[str]) -> list[DatumRecord]:
        """Outputs of these executions, deleted executions too, in their order."""
        return self._of("d.execution_id", execution_ids)

    def _of(self, column: str, ids: Sequence[str]) -> list[DatumRecord]:
        def work(transaction: Transaction) -> list[DatumRecord]:
            found: list[DatumRecord] = []
            for part in rows.parts(ids):
                listed, parameters = placeholders(part)
                found += rows.select(transaction, statement("WHERE", column, "IN", listed, "ORDER BY d.id"), parameters)
            return found

        return self._read(work)

    def list(
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
            condition, parameters["name"] = _name_condition(name, self._access.database.dialect)
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
