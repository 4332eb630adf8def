"""`records.versions`; the making of versions: first decided by reading, then written, in one transaction."""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from localhai.errors import UsageError
from localhai.records import versions as rows
from localhai.records.access import NounRecords
from localhai.records.database import placeholders, statement, storable
from localhai.records.ids import new_id
from localhai.records.mapper import parts
from localhai.records.versions import VersionParent
from localhai.vocabulary import version_uri

if TYPE_CHECKING:
    from localhai.records.data import DatumRecord
    from localhai.records.database import Transaction
    from localhai.records.versions import Noun, Version, VersionRequest


class Decision(Struct, frozen=True):
    """What becomes of a request: `refused` in words, or a new version, or more files for `extended`."""

    request: VersionRequest
    refused: str | None = None
    warnings: tuple[str, ...] = ()
    base: Version | None = None
    extended: Version | None = None
    taken_aliases: tuple[str, ...] = ()


def decide(
    transaction: Transaction, project_id: str, request: VersionRequest, *, coming: Collection[tuple[str, str]] = ()
) -> Decision:
    """Reads only. `coming` are (name, version) of requests that will be fulfilled before this one."""
    parent_id = rows.parent(transaction, request.noun, project_id, request.name)
    found = None
    if parent_id is not None and request.version is not None:
        found = _existing(transaction, request, parent_id, request.version)
    if found is not None and found.id == request.id:
        return Decision(request, extended=found)
    if found is not None and request.noun == "dataset" and found.name == request.version:
        return Decision(request, refused="it exists already, and dataset versions never change")
    if found is not None and request.noun == "dataset":
        return Decision(request, refused=f"that name is an alias, of {found.uri}")
    taken = tuple(alias for alias in request.aliases if _is_version(transaction, request, parent_id, alias))
    warnings = [
        f"{version_uri(request.noun, request.name, alias)} is a version and cannot be an alias too" for alias in taken
    ]
    if request.noun == "model":
        return Decision(request, warnings=tuple(warnings), extended=found, taken_aliases=taken)
    base, refused = None, None
    if request.base is not None and request.base not in coming:
        base = _base(transaction, project_id, request.base)
        if base is None:
            refused = f"there is no {version_uri('dataset', *request.base)} to start from"
    if base is not None:
        known = {name for file in base.files for name in (file.name, posixpath.basename(file.name))}
        unknown = [name for name in request.exclude if name not in known]
        warnings += [f"{base.uri} has no file {name!r} to exclude" for name in unknown]
    return Decision(request, refused, tuple(warnings), base, taken_aliases=taken)


def make(
    transaction: Transaction,
    project_id: str,
    execution_id: str | None,
    request: VersionRequest,
    now: str,
    *,
    lock: bool,
) -> Decision:
    """Make or extend the version, unless it is refused. A request that was fulfilled before changes nothing."""
    known = rows.TABLES[request.noun].select(transaction, "WHERE v.id = :id", {"id": request.id})
    if known:
        return Decision(request, extended=known[0])
    decision = decide(transaction, project_id, request)
    if decision.refused is None:
        parent_id = _parent(transaction, project_id, request, now, lock=lock)
        decision = decide(transaction, project_id, request)  # again, as nobody else changes it now
    if decision.refused is None:
        version_id = decision.extended.id if decision.extended else request.id
        if decision.extended is None:
            _insert(transaction, parent_id, execution_id, decision, now)
        _add_files(transaction, decision, version_id)
        _point_aliases(transaction, parent_id, decision, version_id, now)
    return decision


def _existing(transaction: Transaction, request: VersionRequest, parent_id: str, version: str) -> Version | None:
    """What has this name already. `latest` names no version unless one was called so."""
    found = rows.find(transaction, request.noun, parent_id, version)
    is_newest = version == rows.LATEST and found is not None and version not in {found.name, *found.aliases}
    return None if is_newest else found


def _base(transaction: Transaction, project_id: str, base: tuple[str, str]) -> Version | None:
    name, reference = base
    parent_id = rows.parent(transaction, "dataset", project_id, name)
    found = None if parent_id is None else rows.find(transaction, "dataset", parent_id, reference)
    return None if found is None else rows.with_files(transaction, found)


def _is_version(transaction: Transaction, request: VersionRequest, parent_id: str | None, alias: str) -> bool:
    if alias == request.version:
        return True
    if parent_id is None:
        return False
    found = rows.find(transaction, request.noun, parent_id, alias)
    return found is not None and found.name == alias


def _excludes(file: DatumRecord, names: Collection[str]) -> bool:
    """By the whole name, or by the last part of it (unconfirmed)."""
    return file.name in names or posixpath.basename(file.name) in names


def _parent(transaction: Transaction, project_id: str, request: VersionRequest, now: str, *, lock: bool) -> str:
    """The dataset or model, made when it is the first time; locked, so that counters stay without gaps."""
    _put_parent(transaction, project_id, request.noun, request.name, now)
    found = rows.parent(transaction, request.noun, project_id, request.name, lock=lock)
    assert found is not None  # noqa: S101 - it was just made
    return found


def _put_parent(transaction: Transaction, project_id: str, noun: Noun, name: str | None, now: str) -> None:
    values = {"id": new_id(), "project": project_id, "name": name, "now": now}
    columns = "(id, project_id, name, created) VALUES (:id, :project, :name, :now)"
    sql = statement("INSERT INTO", f"{noun}s", columns, "ON CONFLICT (project_id, name) DO NOTHING")
    transaction.change(sql, values)


def _insert(transaction: Transaction, parent_id: str, execution_id: str | None, decision: Decision, now: str) -> None:
    request = decision.request
    counter, name = _next(transaction, request.noun, parent_id)
    document = {
        "base": decision.base.uri if decision.base else None,
        "tags": list(request.tags),
        "packaging": request.packaging,
        "release_note": request.release_note,
    }
    values = {
        "id": request.id,
        "parent_id": parent_id,
        "name": request.version or name,
        "counter": counter,
        "created": now,
        "execution_id": execution_id,
        "document": document,
    }
    rows.TABLES[request.noun].insert(transaction, values)


def _next(transaction: Transaction, noun: Noun, parent_id: str) -> tuple[int, str]:
    """The next counter, and the name that the platform gives: `v2`. Names that were given by hand are passed over."""
    found = transaction.rows(
        statement("SELECT name, counter FROM", f"{noun}_versions", "WHERE parent_id = :parent"), {"parent": parent_id}
    )
    names = {row["name"] for row in found}
    counter = max((int(row["counter"]) for row in found), default=0) + 1
    number = counter
    while f"v{number}" in names:
        number += 1
    return counter, f"v{number}"


def _add_files(transaction: Transaction, decision: Decision, version_id: str) -> None:
    """New files come behind those of the base, and take the place of those that have their name."""
    request = decision.request
    names, excluded = _names(transaction, request.files), frozenset(request.exclude)
    kept = [
        file.id
        for file in (decision.base.files if decision.base else ())
        if file.name not in names and not _excludes(file, excluded)
    ]
    noun = request.noun
    last = transaction.rows(
        statement("SELECT max(position) AS last FROM", f"{noun}_version_files", "WHERE version_id = :id"),
        {"id": version_id},
    )[0]["last"]
    first = 0 if last is None else int(last) + 1
    files = [
        {"version": version_id, "datum": datum, "position": position}
        for position, datum in enumerate([*kept, *request.files], first)
    ]
    if files:
        transaction.change_many(
            statement(
                "INSERT INTO",
                f"{noun}_version_files",
                "(version_id, datum_id, position) VALUES (:version, :datum, :position)",
                "ON CONFLICT (version_id, datum_id) DO NOTHING",
            ),
            files,
        )


def _names(transaction: Transaction, ids: Sequence[str]) -> set[str]:
    found: set[str] = set()
    for part in parts(ids):
        listed, parameters = placeholders(part)
        found |= {
            row["name"] for row in transaction.rows(statement("SELECT name FROM data WHERE id IN", listed), parameters)
        }
    return found


def _point_aliases(transaction: Transaction, parent_id: str, decision: Decision, version_id: str, now: str) -> None:
    noun = decision.request.noun
    for alias in decision.request.aliases:
        if alias in decision.taken_aliases:
            continue
        transaction.change(
            statement(
                "INSERT INTO",
                f"{noun}_version_aliases",
                "(parent_id, name, version_id, updated) VALUES (:parent, :name, :version, :now)",
                "ON CONFLICT (parent_id, name)",
                "DO UPDATE SET version_id = excluded.version_id, updated = excluded.updated",
            ),
            {"parent": parent_id, "name": storable(alias), "version": version_id, "now": now},
        )


def sentences(decision: Decision) -> list[str]:
    """What to tell of a decision."""
    uri = decision.request.uri
    if decision.refused is not None:
        return [f"{uri} is not made: {decision.refused}"]
    return list(decision.warnings)


class VersionRecords(NounRecords):
    """`records.versions`, of datasets and of models."""

    def foresee(self, project_id: str, requests: Sequence[VersionRequest]) -> list[str]:
        """What stands against these requests as things are now, as sentences. Changes nothing."""
        if not requests:
            return []

        def work(transaction: Transaction) -> list[str]:
            found: list[str] = []
            coming: set[tuple[str, str]] = set()
            for request in requests:
                decision = decide(transaction, project_id, request, coming=coming)
                found += sentences(decision)
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
        known, now = storable(name), self._now()
        self._write(lambda transaction, _again: _put_parent(transaction, project_id, noun, known, now))
        return next(item for item in self.parents(project_id, noun) if item.name == known)

    def make(self, project_id: str, request: VersionRequest) -> Version:
        """A version that no execution asked for. Raises UsageError when it is refused."""
        now = self._now()

        def work(transaction: Transaction, _again: bool) -> Version:
            decision = make(transaction, project_id, None, request, now, lock=self._access.locks_rows)
            if decision.refused is not None:
                raise UsageError(sentences(decision)[0], where=request.uri)
            version_id = decision.extended.id if decision.extended else request.id
            found = rows.TABLES[request.noun].select(transaction, "WHERE v.id = :id", {"id": version_id})
            return rows.with_files(transaction, found[0])

        return self._write(work)

    def get(self, noun: Noun, version_id: str) -> Version | None:
        """By its full id, with its files; None when there is none."""

        def work(transaction: Transaction) -> Version | None:
            found = rows.TABLES[noun].select(transaction, "WHERE v.id = :id", {"id": version_id})
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
                found += rows.TABLES[noun].select(transaction, tail, {"id": datum_id})
            return found

        return self._read(work)

    def of_execution(self, execution_id: str) -> list[Version]:
        """What an execution made, without files."""

        def work(transaction: Transaction) -> list[Version]:
            tail, key = "WHERE v.execution_id = :id ORDER BY v.id", {"id": execution_id}
            return [
                *rows.TABLES["dataset"].select(transaction, tail, key),
                *rows.TABLES["model"].select(transaction, tail, key),
            ]

        return self._read(work)

    def list(self, project_id: str, noun: Noun, name: str) -> list[Version]:
        """The versions of one dataset or model, newest first, with their files. Empty when there is no such name."""
        key = {"project": project_id, "name": storable(name)}
        tail = "WHERE p.project_id = :project AND p.name = :name ORDER BY v.counter DESC"

        def work(transaction: Transaction) -> list[Version]:
            found = rows.TABLES[noun].select(transaction, tail, key)
            return [rows.with_files(transaction, version) for version in found]

        return self._read(work)
