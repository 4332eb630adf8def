"""Data: what executions put out or people bring, immutable bytes with an id, tags and properties (platform.md 5)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from localhai.errors import UsageError
from localhai.records import references
from localhai.records.access import NounRecords
from localhai.records.database import placeholders, statement, storable
from localhai.records.mapper import Table, names, parts
from localhai.vocabulary import without_scheme

if TYPE_CHECKING:
    from collections.abc import Iterable

    from localhai.records.database import Transaction

NOBODY = ""  # in place of the execution: the datum was uploaded


class DatumRecord(Struct, frozen=True):
    """An output of an execution, or an upload, of none: immutable bytes with an id (platform.md 5).

    `name` is the path under /valohai/outputs, `size` in bytes, `uri` says where the bytes are (a path of this machine,
    file:// or s3://), `properties` the metadata of its sidecars. The last four are filled by the records.
    `purged` is the time when the bytes were deleted; the row stays, since other executions may have used them.
    """

    id: str
    name: str
    size: int
    ctime: str
    uri: str
    md5: str
    sha1: str
    sha256: str
    tags: tuple[str, ...] = ()
    properties: tuple[Mapping[str, Any], ...] = ()
    execution_id: str | None = None
    project_id: str | None = None
    aliases: tuple[str, ...] = ()
    purged: str | None = None

    @property
    def path(self) -> str | None:
        """Where the file is on this machine, None when it is elsewhere."""
        if self.uri.startswith("/"):
            return self.uri
        if not self.uri.startswith("file://"):
            return None
        from urllib.parse import unquote, urlsplit  # 3 ms that most commands need not spend

        return unquote(urlsplit(self.uri).path)

    def to_dict(self) -> dict[str, Any]:
        """docs/json.md's output: `id, name, size, ctime, uri, path, md5, sha1, sha256, tags, aliases`, and more."""
        return {
            "id": self.id,
            "name": self.name,
            "size": self.size,
            "ctime": self.ctime,
            "uri": self.uri,
            "path": self.path,
            "md5": self.md5,
            "sha1": self.sha1,
            "sha256": self.sha256,
            "tags": list(self.tags),
            "aliases": list(self.aliases),
            "properties": [dict(item) for item in self.properties],
            "execution": self.execution_id,
            "purged": self.purged,
        }


def _fill(transaction: Transaction, ids: Sequence[str], _whole: bool) -> dict[str, dict[str, list[str]]]:
    tags, aliases = "SELECT datum_id, tag AS name FROM datum_tags", "SELECT datum_id, name FROM datum_aliases"
    return {
        "tags": names(transaction, tags, "datum_id", ids, "position"),
        "aliases": names(transaction, aliases, "datum_id", ids, "name"),
    }


DATA = Table(
    DatumRecord,
    "data",
    "d",
    noun="datum",
    texts=("name", "uri"),
    times=("ctime",),
    documents=("properties",),
    filled=("tags", "aliases"),
    fill=_fill,
    reads={"properties": lambda stored: tuple(json.loads(stored)), "execution_id": lambda stored: stored or None},
    hints=["see them: localhai data list"],
)


TAG = (
    "INSERT INTO datum_tags (datum_id, tag, position) VALUES (:id, :tag, :position)"
    " ON CONFLICT (datum_id, tag) DO NOTHING"
)


def insert(transaction: Transaction, execution_id: str, project_id: str, records: Sequence[DatumRecord]) -> None:
    """Add data; those that are there already stay as they are."""
    own = ("id", "name", "size", "ctime", "md5", "sha1", "sha256", "uri", "properties")
    of = {"execution_id": execution_id, "project_id": project_id}
    rows = [{field: getattr(record, field) for field in own} | of for record in records]
    DATA.insert_many(transaction, rows, "(id) DO NOTHING")
    tags = [
        {"id": record.id, "tag": tag, "position": position}
        for record in records
        for position, tag in enumerate(dict.fromkeys(storable(tag) for tag in record.tags))
    ]
    if tags:
        transaction.change_many(TAG, tags)


def project_of(transaction: Transaction, execution_id: str) -> str:
    """The id of an execution's project. Raises UsageError."""
    found = transaction.rows("SELECT project_id FROM executions WHERE id = :id", {"id": execution_id})
    if not found:
        raise UsageError(f"there is no execution {execution_id}", where=execution_id)
    return str(found[0]["project_id"])


def of_executions(transaction: Transaction, ids: Sequence[str]) -> dict[str, list[DatumRecord]]:
    """Outputs by execution, in the order in which they were added."""
    found: dict[str, list[DatumRecord]] = {}
    for record in DATA.among(transaction, "execution_id", ids, "ORDER BY d.id"):
        found.setdefault(record.execution_id or "", []).append(record)
    return found


class DataRecords(NounRecords):
    """`records.data`."""

    table = DATA

    def add(self, execution_id: str, records: Sequence[DatumRecord]) -> None:
        """Add outputs of an execution, all or none. Adding one again (by id) changes nothing."""

        def work(transaction: Transaction, _again: bool) -> None:
            insert(transaction, execution_id, project_of(transaction, execution_id), records)

        if records:
            self._write(work)

    def add_upload(self, project_id: str, record: DatumRecord) -> None:
        """Add a datum that no execution put out."""
        self._write(lambda transaction, _again: insert(transaction, NOBODY, project_id, [record]))

    def get(self, datum_id: str) -> DatumRecord:
        """By its full id. Raises UsageError when there is none."""
        return self._read(lambda transaction: DATA.one(transaction, datum_id))

    def find(self, reference: str, project_id: str | None) -> DatumRecord:
        """By id, alias of the project, or unambiguous beginning of an id, `datum://` before it or not.

        Raises UsageError, with candidates.
        """
        wanted = without_scheme(reference)
        range_of = references.beginning(wanted, "d.id")
        aliased = "d.id = (SELECT datum_id FROM datum_aliases WHERE project_id = :project_id AND name = :name)"
        key = {"project_id": project_id, "name": storable(wanted)}

        def work(transaction: Transaction) -> list[DatumRecord]:
            exact = DATA.select(transaction, f"WHERE {aliased}", key)
            if exact or range_of is None:
                return exact
            tail = f"WHERE {range_of[0]} ORDER BY d.id LIMIT {references.CANDIDATES + 1}"
            return DATA.select(transaction, tail, range_of[1])

        found = self._read(work)
        if len(found) == 1:
            return found[0]
        if not found:
            raise UsageError(
                f"no datum has the id or alias {wanted!r}",
                where=reference,
                hints=["see them: localhai data list", "see the aliases: localhai alias list"],
            )
        raise UsageError(
            f"{wanted!r} is the beginning of several ids",
            where=reference,
            hints=[f"{item.id} {item.name}" for item in found[: references.CANDIDATES]],
        )

    def tag(self, datum_id: str, tags: Sequence[str]) -> DatumRecord:
        """These tags and no others, each once, in this order."""
        unique = dict.fromkeys(storable(tag) for tag in tags)
        new = [{"id": datum_id, "tag": tag, "position": position} for position, tag in enumerate(unique)]

        def work(transaction: Transaction, _again: bool) -> None:
            transaction.change("DELETE FROM datum_tags WHERE datum_id = :id", {"id": datum_id})
            if new:
                transaction.change_many(TAG, new)

        self.get(datum_id)
        self._write(work)
        return self.get(datum_id)

    def purge(self, datum_ids: Iterable[str]) -> None:
        """Remember that the bytes of these data are gone. The rows stay, since others may have been made from them."""
        ids, now = [*datum_ids], self._now()

        def work(transaction: Transaction, _again: bool) -> None:
            for part in parts(ids):
                listed, parameters = placeholders(part)
                DATA.update(transaction, {"purged": now}, f"purged IS NULL AND id IN {listed}", **parameters)

        self._write(work)

    def by_id(self, datum_ids: Sequence[str]) -> dict[str, DatumRecord]:
        """Those of these data that there are, by id."""
        return {item.id: item for item in self._among("id", datum_ids)}

    def of_executions(self, execution_ids: Sequence[str]) -> list[DatumRecord]:
        """Outputs of these executions, deleted executions too, in their order."""
        return self._among("execution_id", execution_ids)

    def _among(self, column: str, values: Sequence[str]) -> list[DatumRecord]:
        return self._read(lambda transaction: [*DATA.among(transaction, column, values, "ORDER BY d.id")])

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
        return self._read(lambda transaction: DATA.select(transaction, tail, parameters))


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
