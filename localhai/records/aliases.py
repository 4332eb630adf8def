"""Aliases: the names that a project gives to data (platform.md 5, `valohai.alias`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localhai.records import data_rows as rows
from localhai.records.access import NounRecords
from localhai.records.database import statement, storable
from localhai.records.rows import Alias, AliasChange

if TYPE_CHECKING:
    from localhai.records.database import Transaction

_ALIASES = "SELECT project_id, name, datum_id, created, updated FROM datum_aliases"


class AliasRecords(NounRecords):
    """`records.aliases`."""

    def point(self, project_id: str, name: str, datum_id: str) -> Alias:
        """Give a datum this name in a project; a name that was another's moves (platform.md 5, `valohai.alias`)."""
        now = self._now()
        key = {"project_id": project_id, "name": storable(name)}

        def work(transaction: Transaction, _again: bool) -> Alias:
            rows.one(transaction, datum_id)
            rows.point_alias(transaction, project_id, name, datum_id, now)
            return _aliases(transaction, "project_id = :project_id AND name = :name", key)[0]

        return self._write(work)

    def get(self, project_id: str, name: str) -> Alias | None:
        """The alias of this name, None when there is none."""
        key = {"project_id": project_id, "name": storable(name)}
        found = self._read(lambda transaction: _aliases(transaction, "project_id = :project_id AND name = :name", key))
        return found[0] if found else None

    def delete(self, project_id: str, name: str) -> bool:
        """Forget an alias; its history and the datum stay. False when there is none."""
        key, now = {"project_id": project_id, "name": storable(name)}, self._now()

        def work(transaction: Transaction, again: bool) -> bool:
            sql = "DELETE FROM datum_aliases WHERE project_id = :project_id AND name = :name"
            if not transaction.change(sql, key):
                return again
            rows.note_alias(transaction, project_id, name, None, now)
            return True

        return self._write(work)

    def changes(self, project_id: str, name: str) -> list[AliasChange]:
        """Where an alias has pointed, newest first."""
        sql = (
            "SELECT time, datum_id FROM datum_alias_changes WHERE project_id = :project_id AND name = :name"
            " ORDER BY id DESC"
        )
        key = {"project_id": project_id, "name": storable(name)}
        return [AliasChange(**row) for row in self._read(lambda transaction: transaction.rows(sql, key))]

    def list(self, project_id: str) -> list[Alias]:
        """All aliases of a project, by name."""
        key = {"project_id": project_id}
        return self._read(lambda transaction: _aliases(transaction, "project_id = :project_id", key))


def _aliases(transaction: Transaction, condition: str, parameters: dict[str, Any]) -> list[Alias]:
    sql = statement(_ALIASES, "WHERE", condition, "ORDER BY name")
    return [Alias(**row) for row in transaction.rows(sql, parameters)]
