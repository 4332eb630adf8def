"""Datasets and models, and their versions: named, immutable collections of data (platform.md 4.1, 5)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from localhai.errors import UsageError
from localhai.records import version_rows as rows
from localhai.records.access import NounRecords
from localhai.records.database import statement, storable
from localhai.records.ids import new_id

if TYPE_CHECKING:
    from localhai.records.database import Transaction
    from localhai.records.version_rows import Noun, Version, VersionRequest


class VersionParent(Struct, frozen=True):
    """A dataset or a model. `versions` is how many it has, `latest` the name of its newest one."""

    id: str
    name: str
    created: str
    versions: int
    latest: str | None

    def to_dict(self) -> dict[str, Any]:
        """`id, name, created, versions, latest`."""
        return {
            "id": self.id,
            "name": self.name,
            "created": self.created,
            "versions": self.versions,
            "latest": self.latest,
        }


class VersionRecords(NounRecords):
    """The part of Records that knows datasets and models."""

    def foresee(self, project_id: str, requests: Sequence[VersionRequest]) -> list[str]:
        """What stands against these requests as things are now, as sentences. Changes nothing."""
        if not requests:
            return []
        from localhai.records import version_making

        def work(transaction: Transaction) -> list[str]:
            found: list[str] = []
            coming: set[tuple[str, str]] = set()
            for request in requests:
                decision = version_making.decide(transaction, project_id, request, coming=coming)
                found += version_making.sentences(decision)
                if decision.refused is None and request.noun == "dataset" and request.version is not None:
                    coming |= {(request.name, name) for name in (request.version, rows.LATEST, *request.aliases)}
            return found

        return self._read(work)

    def parents(self, project_id: str, noun: Noun) -> list[VersionParent]:
        """The datasets, or models, of a project, by name."""
        sql = statement(
            "SELECT p.id, p.name, p.created,",
            "(SELECT count(*) FROM",
            f"{noun}_versions v",
            "WHERE v.parent_id = p.id) AS versions,",
            "(SELECT v.name FROM",
            f"{noun}_versions v",
            "WHERE v.parent_id = p.id ORDER BY v.counter DESC LIMIT 1) AS latest FROM",
            f"{noun}s p",
            "WHERE p.project_id = :project ORDER BY p.name",
        )
        found = self._read(lambda transaction: transaction.rows(sql, {"project": project_id}))
        return [VersionParent(**row) for row in found]

    def put_parent(self, project_id: str, noun: Noun, name: str) -> VersionParent:
        """The dataset, or model, of that name, made without versions when there is none."""
        values = {"id": new_id(), "project": project_id, "name": storable(name), "now": self._now()}
        sql = statement(
            "INSERT INTO",
            f"{noun}s",
            "(id, project_id, name, created) VALUES (:id, :project, :name, :now)",
            "ON CONFLICT (project_id, name) DO NOTHING",
        )
        self._write(lambda transaction, _again: transaction.change(sql, values))
        return next(item for item in self.parents(project_id, noun) if item.name == values["name"])

    def make(self, project_id: str, request: VersionRequest) -> Version:
        """A version that no execution asked for. Raises UsageError when it is refused."""
        now = self._now()

        def work(transaction: Transaction, _again: bool) -> Version:
            from localhai.records import version_making  # most commands make none

            decision = version_making.make(transaction, project_id, None, request, now, lock=self._access.locks_rows)
            if decision.refused is not None:
                raise UsageError(version_making.sentences(decision)[0], where=request.uri)
            version_id = decision.extended.id if decision.extended else request.id
            found = rows.select(transaction, request.noun, "WHERE v.id = :id", {"id": version_id})
            return rows.with_files(transaction, found[0])

        return self._write(work)

    def get(self, noun: Noun, version_id: str) -> Version | None:
        """By its full id, with its files; None when there is none."""

        def work(transaction: Transaction) -> Version | None:
            found = rows.select(transaction, noun, "WHERE v.id = :id", {"id": version_id})
            return rows.with_files(transaction, found[0]) if found else None

        return self._read(work)

    def find(self, project_id: str, noun: Noun, name: str, reference: str | None) -> Version | None:
        """By version, alias or `latest` (None means it too), with its files; None when there is none."""

        def work(transaction: Transaction) -> Version | None:
            parent_id = rows.parent(transaction, noun, project_id, storable(name) or "")
            found = None if parent_id is None else rows.find(transaction, noun, parent_id, storable(reference))
            return None if found is None else rows.with_files(transaction, found)

        return self._read(work)

    def set_status(self, version: Version, status: str) -> None:
        """What people think of a version of a model, one of MODEL_VERSION of the vocabulary; its files never change."""
        self._write(lambda transaction, _again: rows.set_status(transaction, version, status))

    def holding(self, datum_id: str) -> list[Version]:
        """Every dataset version and model version that holds a datum, without their files."""

        def work(transaction: Transaction) -> list[Version]:
            found: list[Version] = []
            for noun in ("dataset", "model"):
                join = f"{noun}_version_files f"
                tail = statement("JOIN", join, "ON f.version_id = v.id WHERE f.datum_id = :id ORDER BY v.id")
                found += rows.select(transaction, noun, tail, {"id": datum_id})
            return found

        return self._read(work)

    def of_execution(self, execution_id: str) -> list[Version]:
        """What an execution made, without files."""

        def work(transaction: Transaction) -> list[Version]:
            tail, key = "WHERE v.execution_id = :id ORDER BY v.id", {"id": execution_id}
            return [
                *rows.select(transaction, "dataset", tail, key),
                *rows.select(transaction, "model", tail, key),
            ]

        return self._read(work)

    def list(self, project_id: str, noun: Noun, name: str) -> list[Version]:
        """The versions of one dataset or model, newest first, with their files. Empty when there is no such name."""
        key = {"project": project_id, "name": storable(name)}
        tail = "WHERE p.project_id = :project AND p.name = :name ORDER BY v.counter DESC"

        def work(transaction: Transaction) -> list[Version]:
            found = rows.select(transaction, noun, tail, key)
            return [rows.with_files(transaction, version) for version in found]

        return self._read(work)
