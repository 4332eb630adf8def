"""Making the versions that an execution asks for: first decided by reading, then written, in one transaction."""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from localhai.records import data_rows
from localhai.records import version_rows as rows
from localhai.records.database import placeholders, statement, storable
from localhai.records.ids import new_id
from localhai.system import strict_json
from localhai.vocabulary import version_uri

if TYPE_CHECKING:
    from localhai.records.database import Transaction
    from localhai.records.rows import DatumRecord
    from localhai.records.version_rows import Noun, Version, VersionRequest


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
    known = rows.select(transaction, request.noun, "WHERE v.id = :id", {"id": request.id})
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
    values = {"id": new_id(), "project": project_id, "name": request.name, "now": now}
    transaction.change(
        statement(
            "INSERT INTO",
            f"{request.noun}s",
            "(id, project_id, name, created) VALUES (:id, :project, :name, :now)",
            "ON CONFLICT (project_id, name) DO NOTHING",
        ),
        values,
    )
    found = rows.parent(transaction, request.noun, project_id, request.name, lock=lock)
    assert found is not None  # noqa: S101 - it was just made
    return found


def _insert(transaction: Transaction, parent_id: str, execution_id: str | None, decision: Decision, now: str) -> None:
    request = decision.request
    counter, name = _next(transaction, request.noun, parent_id)
    document = {
        "base": decision.base.uri if decision.base else None,
        "tags": list(request.tags),
        "packaging": request.packaging,
        "release_note": request.release_note,
    }
    transaction.change(
        statement(
            "INSERT INTO",
            f"{request.noun}_versions",
            "(id, parent_id, name, counter, created, execution_id, document)",
            "VALUES (:id, :parent, :name, :counter, :now, :execution, :document)",
        ),
        {
            "id": request.id,
            "parent": parent_id,
            "name": storable(request.version or name),
            "counter": counter,
            "now": now,
            "execution": execution_id,
            "document": strict_json.dumps(document),
        },
    )


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
    for part in data_rows.parts(ids):
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
