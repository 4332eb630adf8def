"""Aliases: the names that a project gives to data (platform.md 5, `valohai.alias`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import asdict

from localhai.records.access import NounRecords
from localhai.records.data import DATA
from localhai.records.database import storable
from localhai.records.mapper import Table

if TYPE_CHECKING:
    from localhai.records.database import Transaction


class Alias(Struct, frozen=True):
    """A name of a project for a datum, which may move to another datum (platform.md 5, `valohai.alias`)."""

    project_id: str
    name: str
    datum_id: str
    created: str
    updated: str

    def to_dict(self) -> dict[str, Any]:
        """`project_id, name, datum_id, created, updated`."""
        return asdict(self)


class AliasChange(Struct, frozen=True):
    """Since `time` an alias pointed to this datum; None: it was deleted."""

    time: str
    datum_id: str | None


ALIASES = Table(Alias, "datum_aliases", "a", texts=("name",))
_NAMED = "WHERE a.project_id = :project_id AND a.name = :name"


def point(transaction: Transaction, project_id: str, name: str, datum_id: str, now: str) -> None:
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
        _note(transaction, project_id, name, datum_id, now)


def _note(transaction: Transaction, project_id: str, name: str, datum_id: str | None, now: str) -> None:
    """Remember where an alias points since now; None: it was deleted."""
    transaction.change(
        "INSERT INTO datum_alias_changes (project_id, name, datum_id, time)"
        " VALUES (:project_id, :name, :datum_id, :now)",
        {"project_id": project_id, "name": storable(name), "datum_id": datum_id, "now": now},
    )


class AliasRecords(NounRecords):
    """`records.aliases`."""

    table = ALIASES

    def point(self, project_id: str, name: str, datum_id: str) -> Alias:
        """Give a datum this name in a project; a name that was another's moves (platform.md 5, `valohai.alias`)."""
        now = self._now()
        key = {"project_id": project_id, "name": storable(name)}

        def work(transaction: Transaction, _again: bool) -> Alias:
            DATA.one(transaction, datum_id)
            point(transaction, project_id, name, datum_id, now)
            return ALIASES.select(transaction, _NAMED, key)[0]

        return self._write(work)

    def get(self, project_id: str, name: str) -> Alias | None:
        """The alias of this name, None when there is none."""
        key = {"project_id": project_id, "name": storable(name)}
        found = self._read(lambda transaction: ALIASES.select(transaction, _NAMED, key))
        return found[0] if found else None

    def delete(self, project_id: str, name: str) -> bool:
        """Forget an alias; its history and the datum stay. False when there is none."""
        key, now = {"project_id": project_id, "name": storable(name)}, self._now()

        def work(transaction: Transaction, again: bool) -> bool:
            sql = "DELETE FROM datum_aliases WHERE project_id = :project_id AND name = :name"
            if not transaction.change(sql, key):
                return again
            _note(transaction, project_id, name, None, now)
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
        key, tail = {"project_id": project_id}, "WHERE a.project_id = :project_id ORDER BY a.name"
        return self._read(lambda transaction: ALIASES.select(transaction, tail, key))
