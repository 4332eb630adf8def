"""Rows of deployments: from columns to what they mean, and from what a person types to a version."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from localhai.errors import UsageError
from localhai.records import owners
from localhai.records.data_rows import parts
from localhai.records.database import columns_of, placeholders, statement

if TYPE_CHECKING:
    from localhai.records.database import Row, Transaction
    from localhai.records.rows import Owner

_VERSIONS = statement(
    "SELECT",
    columns_of("v", ("id", "deployment_id", "name", "commit", "created", "document")),
    ", d.name AS deployment, d.project_id, p.name AS project FROM deployment_versions v",
    "JOIN deployments d ON d.id = v.deployment_id JOIN projects p ON p.id = d.project_id",
)
_ENDPOINT = ("version_id", "name", "status", "started", "finished", "stop_requested", *owners.COLUMNS, "document")
_CANDIDATES = 5

_prefix_re = re.compile(r"[0-9a-f]{4}[0-9a-f-]*")


class Deployment(Struct, frozen=True):
    """What versions are versions of."""

    id: str
    project_id: str
    name: str
    created: str


class EndpointFile(Struct, frozen=True):
    """One file of an endpoint of a version: where it stands below the working directory, and what it is."""

    name: str
    path: str
    uri: str
    size: int
    md5: str
    sha1: str
    sha256: str
    datum: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """`name, path, uri, size, md5, sha1, sha256, datum`."""
        return {name: getattr(self, name) for name in self.__struct_fields__}


class VersionEndpoint(Struct, frozen=True):
    """An endpoint of a version. `status` is created, building, built, starting, serving, stopped, error or crashed.

    `owner` is the process that builds or serves it. `document` holds `definition` (as in valohai.yaml), `files`,
    `image` (the built one), `url`, `parity` (a note for every key that is used) and `error`: JSON values, no secrets.
    """

    name: str
    status: str
    started: str | None = None
    finished: str | None = None
    stop_requested: str | None = None
    owner: Owner | None = None
    document: Mapping[str, Any] = field(default_factory=dict)

    @property
    def definition(self) -> Mapping[str, Any]:
        """The endpoint as valohai.yaml says it."""
        found: Mapping[str, Any] = self.document["definition"]
        return found

    @property
    def files(self) -> tuple[EndpointFile, ...]:
        """Its files, in the order of valohai.yaml."""
        return tuple(EndpointFile(**item) for item in self.document.get("files", ()))

    def to_dict(self) -> dict[str, Any]:
        """The JSON shape: `name, status, image, image_built, url, files, started, finished, parity, error`."""
        return {
            "name": self.name,
            "status": self.status,
            "image": self.definition["image"],
            "image_built": self.document.get("image"),
            "url": self.document.get("url"),
            "files": [file.to_dict() for file in self.files],
            "started": self.started,
            "finished": self.finished,
            "parity": list(self.document.get("parity", ())),
            "error": self.document.get("error"),
        }


class DeploymentVersion(Struct, frozen=True):
    """A version of a deployment: code, and endpoints with their files. `document` holds `environment_variables`."""

    id: str
    deployment_id: str
    deployment: str
    project_id: str
    project: str
    name: str
    commit: str
    created: str
    aliases: tuple[str, ...] = ()
    endpoints: tuple[VersionEndpoint, ...] = ()
    document: Mapping[str, Any] = field(default_factory=dict)

    def endpoint(self, name: str) -> VersionEndpoint | None:
        """By name, None when the version has none of that name."""
        return next((endpoint for endpoint in self.endpoints if endpoint.name == name), None)

    def to_dict(self) -> dict[str, Any]:
        """The JSON shape. Times are ISO-8601 UTC with `Z`."""
        return {
            "id": self.id,
            "name": self.name,
            "deployment": {"id": self.deployment_id, "name": self.deployment},
            "project": self.project,
            "commit": self.commit,
            "aliases": list(self.aliases),
            "environment_variables": dict(self.document.get("environment_variables", {})),
            "endpoints": [endpoint.to_dict() for endpoint in self.endpoints],
            "created": self.created,
        }


def select(transaction: Transaction, tail: str, parameters: Mapping[str, Any]) -> list[DeploymentVersion]:
    """Versions with their aliases and endpoints. `tail` is what follows FROM."""
    found = transaction.rows(statement(_VERSIONS, tail), parameters)
    ids = [row["id"] for row in found]
    aliases = _by_version(transaction, "deployment_aliases", ("version_id", "name"), ids, "name")
    endpoints = _by_version(transaction, "deployment_endpoints", _ENDPOINT, ids, "position")
    made = []
    for row in found:
        row["document"] = json.loads(row["document"])
        names = tuple(item["name"] for item in aliases.get(row["id"], ()))
        ends = tuple(_endpoint(item) for item in endpoints.get(row["id"], ()))
        made.append(DeploymentVersion(**row, aliases=names, endpoints=ends))
    return made


def one(transaction: Transaction, version_id: str) -> DeploymentVersion:
    """By its full id. Raises UsageError."""
    found = select(transaction, "WHERE v.id = :id", {"id": version_id})
    if not found:
        raise UsageError(f"there is no deployment version {version_id}", where=version_id)
    return found[0]


def find(transaction: Transaction, ref: str, project_id: str | None) -> DeploymentVersion:
    """By `[DEPLOYMENT/]NAME-OR-ALIAS`, `[DEPLOYMENT/]latest`, a deployment's name, an id or the beginning of one.

    An alias that is named `latest` comes before the newest version. Raises UsageError, with candidates.
    """
    ref = ref.strip()
    scope = {} if project_id is None else {"project_id": project_id}
    tail = statement("" if project_id is None else "WHERE d.project_id = :project_id", "ORDER BY v.id DESC")
    known = select(transaction, tail, scope)
    deployment, slash, name = ref.rpartition("/")
    own = [item for item in known if not slash or item.deployment == deployment]
    found = [item for item in own if name in {item.name, *item.aliases}]
    found = found or (own[:1] if name == "latest" else [])
    found = found or [item for item in known if item.deployment == ref][:1]
    if not found and _prefix_re.fullmatch(ref.lower()):
        # `g` comes after every digit of an id, so this range holds what begins with the prefix.
        low = ref.lower()
        found = select(transaction, "WHERE v.id >= :low AND v.id < :high", {"low": low, "high": f"{low}g"})
    if len(found) == 1:
        return found[0]
    said = f"{len(found)} deployment versions are {ref!r}" if found else f"there is no deployment version {ref!r}"
    lines = [f"{item.deployment}/{item.name} {item.id} ({item.project})" for item in found or known]
    raise UsageError(said, where=ref, hints=lines[:_CANDIDATES] or ["make one: localhai deployment run ENDPOINT"])


def _by_version(
    transaction: Transaction, table: str, columns: Sequence[str], ids: Sequence[str], order: str
) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for part in parts(ids):
        listed, parameters = placeholders(part)
        of_table = statement("SELECT", columns_of("x", columns), "FROM", table, "x")
        sql = statement(of_table, "WHERE version_id IN", listed, "ORDER BY", order)
        for row in transaction.rows(sql, parameters):
            found.setdefault(row["version_id"], []).append(row)
    return found


def _endpoint(row: Row) -> VersionEndpoint:
    return VersionEndpoint(
        name=row["name"],
        status=row["status"],
        started=row["started"],
        finished=row["finished"],
        stop_requested=row["stop_requested"],
        owner=owners.take(row),
        document=json.loads(row["document"]),
    )
