"""Deployments: versions made, their aliases pointed, their endpoints built, served and closed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from localhai.errors import UsageError
from localhai.records import owners, references
from localhai.records.access import NounRecords
from localhai.records.database import Away, placeholders, statement, storable
from localhai.records.ids import new_id
from localhai.records.mapper import Table, names
from localhai.vocabulary import ENDPOINT_HELD

if TYPE_CHECKING:
    from localhai.records.database import Transaction
    from localhai.records.owners import Owner


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


def _fill(transaction: Transaction, ids: Sequence[str], _whole: bool) -> dict[str, Mapping[str, Sequence[Any]]]:
    aliases = "SELECT version_id, name FROM deployment_aliases"
    return {
        "aliases": names(transaction, aliases, "version_id", ids, "name"),
        "endpoints": ENDPOINTS.grouped(transaction, "version_id", ids, "x.position"),
    }


DEPLOYMENTS = Table(Deployment, "deployments", "d", noun="deployment", texts=("name",))
ENDPOINTS = Table(VersionEndpoint, "deployment_endpoints", "x", documents=("document",), owner=True)
VERSIONS = Table(
    DeploymentVersion,
    "deployment_versions",
    "v",
    noun="deployment version",
    documents=("document",),
    joined={"deployment": "d.name", "project_id": "d.project_id", "project": "p.name"},
    join="JOIN deployments d ON d.id = v.deployment_id JOIN projects p ON p.id = d.project_id",
    filled=("aliases", "endpoints"),
    fill=_fill,
)


class DeploymentRecords(NounRecords):
    """`records.deployments`."""

    table = VERSIONS

    def create_version(
        self,
        project_id: str,
        *,
        deployment: str,
        commit: str,
        endpoints: Sequence[tuple[str, Mapping[str, Any]]],
        name: str | None = None,
        aliases: Sequence[str] = (),
        document: Mapping[str, Any] | None = None,
    ) -> DeploymentVersion:
        """A new version; its deployment is made when there is none of that name. `aliases` point to it from now on.

        `endpoints` are (name, document) in their order. Without `name` it is the next one of the day, as the platform
        suggests them: 20260102.0, 20260102.1... Raises UsageError when the deployment has a version of that name.
        """
        version_id, now = self.coming_id(), self._now()

        def work(transaction: Transaction, again: bool) -> DeploymentVersion:
            if again and VERSIONS.is_there(transaction, version_id):
                return VERSIONS.one(transaction, version_id)
            deployment_id = _deployment(transaction, project_id, deployment, now)
            chosen = _free_name(transaction, deployment_id, deployment, name, now)
            values = {"id": version_id, "deployment_id": deployment_id, "name": chosen, "commit": commit}
            VERSIONS.insert(transaction, {**values, "created": now, "document": dict(document or {})})
            of_all = {"version_id": version_id, "status": "created"}
            of_endpoints = [
                {**of_all, "name": endpoint, "position": position, "document": dict(facts)}
                for position, (endpoint, facts) in enumerate(endpoints)
            ]
            ENDPOINTS.insert_many(transaction, of_endpoints)
            for alias in aliases:
                _point(transaction, deployment_id, alias, version_id, now)
            return VERSIONS.one(transaction, version_id)

        return self._write(work)

    def put(self, project_id: str, name: str) -> Deployment:
        """The deployment of that name, made when there is none."""
        now = self._now()

        def work(transaction: Transaction, _again: bool) -> Deployment:
            return DEPLOYMENTS.one(transaction, _deployment(transaction, project_id, name, now))

        return self._write(work)

    def suggest_version_name(self, deployment_id: str) -> str:
        """The name that a version would get that is made now without one."""
        now = self._now()
        return self._read(lambda transaction: _free_name(transaction, deployment_id, "", None, now))

    def change_version(self, version_id: str, **facts: Any) -> DeploymentVersion:
        """Remember facts in its document: `enabled`, for instance."""

        def work(transaction: Transaction, _again: bool) -> DeploymentVersion:
            found = VERSIONS.one(transaction, version_id)
            VERSIONS.update(transaction, {"document": {**found.document, **facts}}, "id = :id", id=version_id)
            return VERSIONS.one(transaction, version_id)

        return self._write(work)

    def point_alias(self, version: DeploymentVersion, alias: str) -> None:
        """Give a version this alias; one that was another version's moves."""
        now = self._now()
        self._write(
            lambda transaction, _again: _point(transaction, version.deployment_id, alias, version.id, now),
        )

    def version(self, version_id: str) -> DeploymentVersion:
        """By its full id. Raises UsageError when there is none."""
        return self._read(lambda transaction: VERSIONS.one(transaction, version_id))

    def find_version(self, ref: str, project_id: str | None = None) -> DeploymentVersion:
        """By `[DEPLOYMENT/]NAME-OR-ALIAS`, `latest`, a deployment's name, an id or its beginning. Raises UsageError."""
        return self._read(lambda transaction: _find(transaction, ref, project_id))

    def versions(self, project_id: str | None = None, *, limit: int | None = 100) -> list[DeploymentVersion]:
        """Newest first, with their endpoints and aliases."""
        where = "" if project_id is None else "WHERE d.project_id = :project_id"
        parameters: dict[str, Any] = {} if limit is None else {"limit": limit}
        if project_id is not None:
            parameters["project_id"] = project_id
        tail = statement(where, "ORDER BY v.id DESC", "" if limit is None else "LIMIT :limit")
        return self._read(lambda transaction: VERSIONS.select(transaction, tail, parameters))

    def held_versions(self, *, host: str | None = None) -> list[DeploymentVersion]:
        """Versions with an endpoint that is being built or served, on this machine or all: what recovery looks at."""
        listed, parameters = placeholders(ENDPOINT_HELD)
        inner = statement("SELECT version_id FROM deployment_endpoints WHERE status IN", listed)
        if host is not None:
            inner += " AND owner_host = :host"
            parameters["host"] = host
        tail = statement("WHERE v.id IN (", inner, ") ORDER BY v.id")
        return self._read(lambda transaction: VERSIONS.select(transaction, tail, parameters))

    def hold_endpoint(self, version_id: str, name: str, status: str, owner: Owner) -> bool:
        """Become the one who builds or serves an endpoint. False, and nothing changes, when somebody holds it."""
        listed, parameters = placeholders(ENDPOINT_HELD)
        where = statement("version_id = :id AND name = :name AND status NOT IN", listed)
        values = {"status": status, "started": self._now(), "finished": None, "stop_requested": None, "owner": owner}

        def work(transaction: Transaction, again: bool) -> bool:
            if ENDPOINTS.update(transaction, values, where, id=version_id, name=name, **parameters):
                return True
            endpoint = VERSIONS.one(transaction, version_id).endpoint(name)
            return again and endpoint is not None and endpoint.owner == owner

        return self._write(work)

    def change_endpoint(
        self,
        version_id: str,
        name: str,
        *,
        status: str | None = None,
        expected_owner: Owner | None = None,
        **facts: Any,
    ) -> bool:
        """Remember a status, and facts for its document. A status that nobody has to hold lets go of it.

        False, and nothing changes, when it is not `expected_owner`'s any more.
        """
        now = self._now()
        of_owner, expected = owners.condition(expected_owner)
        where = statement("version_id = :id AND name = :name AND status = :old", of_owner)

        def work(transaction: Transaction, again: bool) -> bool:
            found = VERSIONS.one(transaction, version_id).endpoint(name)
            if found is None:
                return False
            if expected_owner is not None and found.owner != expected_owner:
                return again and found.owner is None and found.status == status
            values: dict[str, Any] = {"document": {**found.document, **facts}}
            if status is not None:
                values["status"] = status
            if status is not None and status not in ENDPOINT_HELD:
                values |= {"finished": now, "owner": None}
            key = {"id": version_id, "name": name, "old": found.status}
            if not ENDPOINTS.update(transaction, values, where, **key, **expected):
                raise Away("another process changed the endpoint in the same moment")
            return True

        return self._write(work)

    def request_endpoint_stop(self, version_id: str, name: str) -> bool:
        """Ask whoever serves it to stop; asking twice keeps the first time. False when nobody does."""
        listed, parameters = placeholders(ENDPOINT_HELD)
        first = (
            "UPDATE deployment_endpoints SET stop_requested = COALESCE(stop_requested, :now)"
            " WHERE version_id = :id AND name = :name AND status IN"
        )
        parameters |= {"id": version_id, "name": name, "now": self._now()}
        sql = statement(first, listed)
        return self._write(lambda transaction, _again: transaction.change(sql, parameters)) > 0

    def stop_requested_endpoints(self, version_id: str) -> frozenset[str]:
        """Cheap, for polling: the endpoints that are to stop. None while the database cannot be asked."""
        sql = "SELECT name FROM deployment_endpoints WHERE version_id = :id AND stop_requested IS NOT NULL"
        key = {"id": version_id}
        found = self._access.glance(lambda transaction: transaction.rows(sql, key))
        return frozenset(row["name"] for row in found or ())

    def list(self, project_id: str | None = None) -> list[Deployment]:
        """Of one project or of all, by name."""
        where = "" if project_id is None else "WHERE d.project_id = :project_id"
        key = {} if project_id is None else {"project_id": project_id}
        return self._read(lambda transaction: DEPLOYMENTS.select(transaction, f"{where} ORDER BY d.name, d.id", key))


def _find(transaction: Transaction, ref: str, project_id: str | None) -> DeploymentVersion:
    """By `[DEPLOYMENT/]NAME-OR-ALIAS`, `[DEPLOYMENT/]latest`, a deployment's name, an id or the beginning of one.

    An alias that is named `latest` comes before the newest version. Raises UsageError, with candidates.
    """
    ref = ref.strip()
    scope = {} if project_id is None else {"project_id": project_id}
    tail = statement("" if project_id is None else "WHERE d.project_id = :project_id", "ORDER BY v.id DESC")
    known = VERSIONS.select(transaction, tail, scope)
    deployment, slash, name = ref.rpartition("/")
    own = [item for item in known if not slash or item.deployment == deployment]
    found = [item for item in own if name in {item.name, *item.aliases}]
    found = found or (own[:1] if name == "latest" else [])
    found = found or [item for item in known if item.deployment == ref][:1]
    range_of = None if found else references.beginning(ref, "v.id")
    if range_of is not None:
        found = VERSIONS.select(transaction, f"WHERE {range_of[0]}", range_of[1])
    if len(found) == 1:
        return found[0]
    said = f"{len(found)} deployment versions are {ref!r}" if found else f"there is no deployment version {ref!r}"
    lines = [f"{item.deployment}/{item.name} {item.id} ({item.project})" for item in found or known]
    raise UsageError(
        said, where=ref, hints=lines[: references.CANDIDATES] or ["make one: localhai deployment run ENDPOINT"]
    )


def _deployment(transaction: Transaction, project_id: str, name: str, now: str) -> str:
    key = {"project_id": project_id, "name": storable(name)}
    DEPLOYMENTS.insert(transaction, {**key, "id": new_id(), "created": now}, "(project_id, name) DO NOTHING")
    sql = "SELECT id FROM deployments WHERE project_id = :project_id AND name = :name"
    return str(transaction.rows(sql, key)[0]["id"])


def _free_name(transaction: Transaction, deployment_id: str, deployment: str, wanted: str | None, now: str) -> str:
    sql = "SELECT name FROM deployment_versions WHERE deployment_id = :id"
    taken = {row["name"] for row in transaction.rows(sql, {"id": deployment_id})}
    if wanted is None:
        day = now[:10].replace("-", "")
        return next(f"{day}.{number}" for number in range(len(taken) + 1) if f"{day}.{number}" not in taken)
    if wanted in taken:
        raise UsageError(
            f"deployment {deployment} has a version {wanted!r} already",
            where=deployment,
            hints=[f"serve that one: localhai deployment run --version {deployment}/{wanted}", "or give another name"],
        )
    return wanted


def _point(transaction: Transaction, deployment_id: str, alias: str, version_id: str, now: str) -> None:
    transaction.change(
        "INSERT INTO deployment_aliases (deployment_id, name, version_id, updated) VALUES (:id, :name, :version, :now)"
        " ON CONFLICT (deployment_id, name) DO UPDATE SET version_id = :version, updated = :now",
        {"id": deployment_id, "name": storable(alias), "version": version_id, "now": now},
    )
