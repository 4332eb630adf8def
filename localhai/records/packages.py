"""Packages of code that were uploaded over the REST API: ad-hoc commits of projects."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import asdict

from localhai.records.access import NounRecords
from localhai.records.database import storable
from localhai.records.mapper import Table


class Package(Struct, frozen=True):
    """An uploaded ad-hoc commit of a project. `identifier` is `~<sha256>`, `size` the upload's in bytes."""

    project_id: str
    identifier: str
    yaml_path: str
    description: str
    size: int
    created: str


PACKAGES = Table(Package, "commits", "c", texts=("yaml_path", "description"))


class PackageRecords(NounRecords):
    """`records.packages`: uploaded commits."""

    table = PACKAGES

    def put(self, package: Package) -> None:
        """Remember an upload; the same one again gets the new description and configuration file."""
        conflict = (
            "(project_id, identifier) DO UPDATE SET yaml_path = excluded.yaml_path, description = excluded.description"
        )
        self._write(lambda transaction, _again: PACKAGES.insert(transaction, asdict(package), conflict))

    def list(self, project_id: str, identifier: str | None = None) -> list[Package]:
        """Of a project, newest first; only that of the whole `identifier` if given."""
        where = "WHERE c.project_id = :id" + (" AND c.identifier = :identifier" if identifier else "")
        key = {"id": project_id, "identifier": storable(identifier)}
        tail = f"{where} ORDER BY c.created DESC, c.identifier"
        return self._read(lambda transaction: PACKAGES.select(transaction, tail, key))
