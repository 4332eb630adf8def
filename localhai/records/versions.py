"""Datasets and models, and their versions: named, immutable collections of data (platform.md 4.1, 5)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct
from msgspec.structs import replace

from localhai.records.data import DATA, DatumRecord
from localhai.records.database import statement
from localhai.records.mapper import Table, names
from localhai.vocabulary import MODEL_VERSION, version_uri

if TYPE_CHECKING:
    from localhai.records.database import Transaction

Noun = Literal["dataset", "model"]

LATEST = "latest"


class VersionRequest(Struct, frozen=True):
    """A version that an execution asks for with its outputs (platform.md 5).

    `id` is the version's own, made beforehand so that asking again changes nothing. `version` None is the next one of
    a model. `files` are ids of data. `base` is (name, version or alias) of what it starts from, without the names in
    `exclude`; None starts with nothing.
    """

    id: str
    noun: Noun
    name: str
    version: str | None
    files: tuple[str, ...]
    base: tuple[str, str] | None = None
    exclude: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    packaging: bool = False
    release_note: str | None = None

    @property
    def uri(self) -> str:
        return version_uri(self.noun, self.name, self.version or "")


class Version(Struct, frozen=True):
    """A version of a dataset or a model: immutable files under a name. `counter` counts from 1 within its parent.

    `status`, one of MODEL_VERSION of the vocabulary, is of models: what people think of the version.
    """

    id: str
    noun: Noun
    parent: str
    parent_id: str
    name: str
    counter: int
    created: str
    execution_id: str | None
    base: str | None = None
    tags: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    packaging: bool = False
    release_note: str | None = None
    status: str = MODEL_VERSION[0]
    files: tuple[DatumRecord, ...] = ()

    @property
    def uri(self) -> str:
        """`dataset://NAME/VERSION` or `model://NAME/VERSION`."""
        return version_uri(self.noun, self.parent, self.name)

    def to_dict(self) -> dict[str, Any]:
        """`id, dataset|model, name, counter, uri, created, execution, from, aliases, tags, ..., files[datum]`."""
        found: dict[str, Any] = {
            "id": self.id,
            self.noun: self.parent,
            "name": self.name,
            "counter": self.counter,
            "uri": self.uri,
            "created": self.created,
            "execution": self.execution_id,
            "aliases": list(self.aliases),
            "tags": list(self.tags),
        }
        if self.noun == "dataset":
            found |= {"from": self.base, "packaging": self.packaging}
        else:
            found |= {"status": self.status, "release_note": self.release_note}
        return {**found, "files": [file.to_dict() for file in self.files]}


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


def _version(noun: Noun, *, document: Mapping[str, Any], aliases: tuple[str, ...], **row: Any) -> Version:
    """Much of a version is in its document."""
    return Version(
        **row,
        noun=noun,
        base=document.get("base"),
        tags=tuple(document.get("tags", ())),
        aliases=aliases,
        packaging=document.get("packaging", False),
        release_note=document.get("release_note"),
        status=document.get("status", MODEL_VERSION[0]),
    )


def _aliases(noun: Noun, transaction: Transaction, ids: Sequence[str], _whole: bool) -> dict[str, dict[str, list[str]]]:
    sql = f"SELECT version_id, name FROM {noun}_version_aliases"  # noqa: S608  # words of this file
    return {"aliases": names(transaction, sql, "version_id", ids, "name")}


NOUNS: tuple[Noun, ...] = ("dataset", "model")  # of one shape, each in tables of its own
TABLES: Mapping[Noun, Table[Version]] = {
    noun: Table(
        Version,
        f"{noun}_versions",
        "v",
        noun=f"{noun} version",
        texts=("name",),
        documents=("document",),
        joined={"parent": "p.name", "document": "v.document"},
        join=f"JOIN {noun}s p ON p.id = v.parent_id",
        filled=("noun", "base", "tags", "aliases", "packaging", "release_note", "status", "files"),
        fill=partial(_aliases, noun),
        make=partial(_version, noun),
    )
    for noun in NOUNS
}


def with_files(transaction: Transaction, version: Version) -> Version:
    """The version with its data, in their order."""
    tail = statement(
        "JOIN", f"{version.noun}_version_files f", "ON f.datum_id = d.id WHERE f.version_id = :id ORDER BY f.position"
    )
    return replace(version, files=tuple(DATA.select(transaction, tail, {"id": version.id})))


def find(transaction: Transaction, noun: Noun, parent_id: str, reference: str | None) -> Version | None:
    """By name, alias, `latest` (None means it too), and for a model by its counter.

    What stands there by that very name comes before what the word means otherwise.
    """
    key = {"parent": parent_id, "reference": reference or LATEST}
    aliases = f"{noun}_version_aliases"
    alias = statement("(SELECT version_id FROM", aliases, "WHERE parent_id = :parent AND name = :reference)")
    for condition in ("v.name = :reference", statement("v.id =", alias)):
        found = TABLES[noun].select(transaction, statement("WHERE v.parent_id = :parent AND", condition), key)
        if found:
            return found[0]
    if key["reference"] == LATEST:
        newest = TABLES[noun].select(
            transaction, "WHERE v.parent_id = :parent ORDER BY v.counter DESC LIMIT 1", {"parent": parent_id}
        )
        return newest[0] if newest else None
    digits = key["reference"].removeprefix("v")
    if noun != "model" or not digits.isdecimal() or not digits.isascii() or len(digits) > 9:  # noqa: PLR2004 - an int
        return None
    counted = {"parent": parent_id, "counter": int(digits)}
    found = TABLES[noun].select(transaction, "WHERE v.parent_id = :parent AND v.counter = :counter", counted)
    return found[0] if found else None


def set_status(transaction: Transaction, version: Version, status: str) -> None:
    """What people think of a version of a model, kept in its document."""
    table, key = TABLES[version.noun], {"id": version.id}
    row = transaction.rows(statement("SELECT document FROM", table.name, "WHERE id = :id"), key)[0]
    table.update(transaction, {"document": {**json.loads(row["document"]), "status": status}}, "id = :id", **key)


def parent(transaction: Transaction, noun: Noun, project_id: str, name: str, *, lock: bool = False) -> str | None:
    """The id of the dataset or model of this name, None when there is none."""
    sql = statement(
        "SELECT id FROM", f"{noun}s", "WHERE project_id = :project AND name = :name", "FOR UPDATE" if lock else ""
    )
    found = transaction.rows(sql, {"project": project_id, "name": name})
    return str(found[0]["id"]) if found else None
