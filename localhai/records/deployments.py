"""Deployments: versions made, their aliases pointed, their endpoints built, served and closed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localhai.errors import UsageError
from localhai.records import deployment_rows as rows
from localhai.records import owners
from localhai.records.access import NounRecords
from localhai.records.database import Away, placeholders, statement, storable
from localhai.records.ids import new_id
from localhai.system import strict_json
from localhai.vocabulary import ENDPOINT_HELD

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from localhai.records.database import Transaction
    from localhai.records.deployment_rows import Deployment, DeploymentVersion
    from localhai.records.rows import Owner


class DeploymentRecords(NounRecords):
    """The deployments' part of Records."""

    table = "deployment_versions"

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
            if again and transaction.rows("SELECT id FROM deployment_versions WHERE id = :id", {"id": version_id}):
                return rows.one(transaction, version_id)
            deployment_id = _deployment(transaction, project_id, deployment, now)
            chosen = _free_name(transaction, deployment_id, deployment, name, now)
            transaction.change(
                'INSERT INTO deployment_versions (id, deployment_id, name, "commit", created, document)'
                " VALUES (:id, :deployment_id, :name, :commit, :created, :document)",
                {
                    "id": version_id,
                    "deployment_id": deployment_id,
                    "name": chosen,
                    "commit": commit,
                    "created": now,
                    "document": strict_json.dumps(dict(document or {})),
                },
            )
            of_endpoints = [
                {
                    "version_id": version_id,
                    "name": endpoint,
                    "position": position,
                    "document": strict_json.dumps(dict(facts)),
                }
                for position, (endpoint, facts) in enumerate(endpoints)
            ]
            transaction.change_many(
                "INSERT INTO deployment_endpoints (version_id, name, position, status, document)"
                " VALUES (:version_id, :name, :position, 'created', :document)",
                of_endpoints,
            )
            for alias in aliases:
                _point(transaction, deployment_id, alias, version_id, now)
            return rows.one(transaction, version_id)

        return self._write(work)

    def put(self, project_id: str, name: str) -> Deployment:
        """The deployment of that name, made when there is none."""
        now = self._now()

        def work(transaction: Transaction, _again: bool) -> Deployment:
            found = _deployment(transaction, project_id, name, now)
            sql = "SELECT id, project_id, name, created FROM deployments WHERE id = :id"
            return rows.Deployment(**transaction.rows(sql, {"id": found})[0])

        return self._write(work)

    def suggest_version_name(self, deployment_id: str) -> str:
        """The name that a version would get that is made now without one."""
        now = self._now()
        return self._read(lambda transaction: _free_name(transaction, deployment_id, "", None, now))

    def change_version(self, version_id: str, **facts: Any) -> DeploymentVersion:
        """Remember facts in its document: `enabled`, for instance."""

        def work(transaction: Transaction, _again: bool) -> DeploymentVersion:
            found = rows.one(transaction, version_id)
            document = strict_json.dumps({**found.document, **facts})
            sql = "UPDATE deployment_versions SET document = :document WHERE id = :id"
            transaction.change(sql, {"id": version_id, "document": document})
            return rows.one(transaction, version_id)

        return self._write(work)

    def point_alias(self, version: DeploymentVersion, alias: str) -> None:
        """Give a version this alias; one that was another version's moves."""
        now = self._now()
        self._write(
            lambda transaction, _again: _point(transaction, version.deployment_id, alias, version.id, now),
        )

    def version(self, version_id: str) -> DeploymentVersion:
        """By its full id. Raises UsageError when there is none."""
        return self._read(lambda transaction: rows.one(transaction, version_id))

    def find_version(self, ref: str, project_id: str | None = None) -> DeploymentVersion:
        """By `[DEPLOYMENT/]NAME-OR-ALIAS`, `latest`, a deployment's name, an id or its beginning. Raises UsageError."""
        return self._read(lambda transaction: rows.find(transaction, ref, project_id))

    def versions(self, project_id: str | None = None, *, limit: int | None = 100) -> list[DeploymentVersion]:
        """Newest first, with their endpoints and aliases."""
        where = "" if project_id is None else "WHERE d.project_id = :project_id"
        parameters: dict[str, Any] = {} if limit is None else {"limit": limit}
        if project_id is not None:
            parameters["project_id"] = project_id
        tail = statement(where, "ORDER BY v.id DESC", "" if limit is None else "LIMIT :limit")
        return self._read(lambda transaction: rows.select(transaction, tail, parameters))

    def held_versions(self, *, host: str | None = None) -> list[DeploymentVersion]:
        """Versions with an endpoint that is being built or served, on this machine or all: what recovery looks at."""
        listed, parameters = placeholders(ENDPOINT_HELD)
        inner = statement("SELECT version_id FROM deployment_endpoints WHERE status IN", listed)
        if host is not None:
            inner += " AND owner_host = :host"
            parameters["host"] = host
        tail = statement("WHERE v.id IN (", inner, ") ORDER BY v.id")
        return self._read(lambda transaction: rows.select(transaction, tail, parameters))

    def hold_endpoint(self, version_id: str, name: str, status: str, owner: Owner) -> bool:
        """Become the one who builds or serves an endpoint. False, and nothing changes, when somebody holds it."""
        listed, parameters = placeholders(ENDPOINT_HELD)
        first = "UPDATE deployment_endpoints SET status = :status, started = :now, finished = NULL,"
        where = "WHERE version_id = :id AND name = :name AND status NOT IN"
        held_by = ", ".join(f"{column} = :{column}" for column in owners.COLUMNS)
        parameters |= {
            "id": version_id,
            "name": name,
            "status": status,
            "now": self._now(),
            **owners.columns(owner),
        }
        sql = statement(first, "stop_requested = NULL,", held_by, where, listed)

        def work(transaction: Transaction, again: bool) -> bool:
            if transaction.change(sql, parameters):
                return True
            endpoint = rows.one(transaction, version_id).endpoint(name)
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
        key = {**expected, "id": version_id, "key": name}

        def work(transaction: Transaction, again: bool) -> bool:
            found = rows.one(transaction, version_id).endpoint(name)
            if found is None:
                return False
            if expected_owner is not None and found.owner != expected_owner:
                return again and found.owner is None and found.status == status
            values: dict[str, Any] = {"document": strict_json.dumps({**found.document, **facts})}
            if status is not None:
                values["status"] = status
            if status is not None and status not in ENDPOINT_HELD:
                values |= {"finished": now, **owners.columns(None)}
            settings = ", ".join(f"{column} = :{column}" for column in values)
            sql = statement(
                "UPDATE deployment_endpoints SET",
                settings,
                "WHERE version_id = :id AND name = :key AND status = :old",
                of_owner,
            )
            if not transaction.change(sql, {**values, **key, "old": found.status}):
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
        try:
            with self._access.database.begin(write=False) as transaction:
                return frozenset(row["name"] for row in transaction.rows(sql, {"id": version_id}))
        except Away:
            return frozenset()

    def list(self, project_id: str | None = None) -> list[Deployment]:
        """Of one project or of all, by name."""
        where = "" if project_id is None else "WHERE project_id = :project_id"
        sql = statement("SELECT id, project_id, name, created FROM deployments", where, "ORDER BY name, id")
        key = {} if project_id is None else {"project_id": project_id}
        return self._read(lambda transaction: [rows.Deployment(**row) for row in transaction.rows(sql, key)])


def _deployment(transaction: Transaction, project_id: str, name: str, now: str) -> str:
    key = {"project_id": project_id, "name": storable(name)}
    transaction.change(
        "INSERT INTO deployments (id, project_id, name, created) VALUES (:id, :project_id, :name, :now)"
        " ON CONFLICT (project_id, name) DO NOTHING",
        {**key, "id": new_id(), "now": now},
    )
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
