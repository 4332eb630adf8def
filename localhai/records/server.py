"""What the REST API remembers beside everybody's records: `localhai run` never loads it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from localhai.records.access import NounRecords
from localhai.records.database import storable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from localhai.records.database import Transaction
    from localhai.records.rows import Project


class User(Struct, frozen=True):
    """Somebody with a token. Of the token only its SHA-256 is kept."""

    id: str
    name: str
    created: str


class Ownership(Struct, frozen=True):
    """Whose a project is that was made over the API, and what its maker says about it."""

    project_id: str
    user_id: str
    description: str


class Variable(Struct, frozen=True):
    """An environment variable of a project: set in all its executions that are started over the API."""

    name: str
    value: str
    secret: bool


class Package(Struct, frozen=True):
    """An uploaded ad-hoc commit of a project. `identifier` is `~<sha256>`, `size` the upload's in bytes."""

    project_id: str
    identifier: str
    yaml_path: str
    description: str
    size: int
    created: str


class UserRecords(NounRecords):
    """`records.users`: who has a token, and whose projects are."""

    table = "users"

    def of_token(self, token: str) -> User | None:
        """Who has this token."""
        return self._user("token_sha256", _digest(token))

    def named(self, name: str) -> User | None:
        """By the whole name."""
        return self._user("name", name)

    def put(self, name: str, token: str) -> User:
        """Make a user, or give a known one this token in place of the old one."""
        values = {
            "id": self.coming_id(),
            "name": storable(name),
            "token": _digest(token),
            "created": self._now(),
        }

        def work(transaction: Transaction, _again: bool) -> User:
            transaction.change(
                "INSERT INTO users (id, name, token_sha256, created) VALUES (:id, :name, :token, :created)"
                " ON CONFLICT (name) DO UPDATE SET token_sha256 = excluded.token_sha256",
                values,
            )
            row = transaction.rows("SELECT id, name, created FROM users WHERE name = :name", {"name": values["name"]})
            return User(**row[0])

        return self._write(work)

    def _user(self, column: str, value: str) -> User | None:
        sql = {
            "name": "SELECT id, name, created FROM users WHERE name = :value",
            "token_sha256": "SELECT id, name, created FROM users WHERE token_sha256 = :value",
        }[column]
        found = self._read(lambda transaction: transaction.rows(sql, {"value": storable(value)}))
        return User(**found[0]) if found else None

    def owners(self) -> dict[str, Ownership]:
        """By the project's id; those that `localhai run` made have no row and are the first user's."""
        rows = self._read(
            lambda transaction: transaction.rows("SELECT project_id, user_id, description FROM project_owners")
        )
        return {row["project_id"]: Ownership(**row) for row in rows}

    def visible(self, user_id: str, projects: Iterable[Project]) -> frozenset[str]:
        """The ids of those projects that are a user's own: of nobody's, made by `localhai run`, the first user's."""
        owners, users = self.owners(), self.list()
        first = users[0].id if users else None
        return frozenset(
            project.id
            for project in projects
            if (owners[project.id].user_id if project.id in owners else first) == user_id
        )

    def own(self, project_id: str, user_id: str, description: str = "") -> Ownership:
        """Say whose a project is."""
        values = {"project_id": project_id, "user_id": user_id, "description": storable(description)}
        self._write(
            lambda transaction, _again: transaction.change(
                "INSERT INTO project_owners (project_id, user_id, description)"
                " VALUES (:project_id, :user_id, :description) ON CONFLICT (project_id)"
                " DO UPDATE SET user_id = excluded.user_id, description = excluded.description",
                values,
            )
        )
        return Ownership(project_id, user_id, description)

    def list(self) -> list[User]:
        """All of them, oldest first; the first is who made the home."""
        return self._read(
            lambda transaction: [
                User(**row) for row in transaction.rows("SELECT id, name, created FROM users ORDER BY id")
            ]
        )


class VariableRecords(NounRecords):
    """`records.variables`: the environment variables of projects."""

    def set(self, project_id: str, variable: Variable) -> None:
        """Make it, or replace the one of that name."""
        values: dict[str, Any] = {
            "id": project_id,
            "name": storable(variable.name),
            "value": storable(variable.value),
            "secret": variable.secret,
        }
        self._write(
            lambda transaction, _again: transaction.change(
                "INSERT INTO project_variables (project_id, name, value, secret) VALUES (:id, :name, :value, :secret)"
                " ON CONFLICT (project_id, name) DO UPDATE SET value = excluded.value, secret = excluded.secret",
                values,
            )
        )

    def delete(self, project_id: str, name: str) -> bool:
        """Whether there was one."""
        sql = "DELETE FROM project_variables WHERE project_id = :id AND name = :name"
        key = {"id": project_id, "name": storable(name)}
        return self._write(lambda transaction, again: transaction.change(sql, key) > 0 or again)

    def list(self, project_id: str) -> list[Variable]:
        """By name."""
        rows = self._read(
            lambda transaction: transaction.rows(
                "SELECT name, value, secret FROM project_variables WHERE project_id = :id ORDER BY name",
                {"id": project_id},
            )
        )
        return [Variable(row["name"], row["value"], bool(row["secret"])) for row in rows]


class PackageRecords(NounRecords):
    """`records.packages`: uploaded commits."""

    def put(self, package: Package) -> None:
        """Remember an upload; the same one again gets the new description and configuration file."""
        self._write(
            lambda transaction, _again: transaction.change(
                "INSERT INTO commits (project_id, identifier, yaml_path, description, size, created)"
                " VALUES (:project_id, :identifier, :yaml_path, :description, :size, :created)"
                " ON CONFLICT (project_id, identifier)"
                " DO UPDATE SET yaml_path = excluded.yaml_path, description = excluded.description",
                {
                    "project_id": package.project_id,
                    "identifier": package.identifier,
                    "yaml_path": storable(package.yaml_path),
                    "description": storable(package.description),
                    "size": package.size,
                    "created": package.created,
                },
            )
        )

    def list(self, project_id: str, identifier: str | None = None) -> list[Package]:
        """Of a project, newest first; only that of the whole `identifier` if given."""
        where = " AND identifier = :identifier" if identifier else ""
        sql = (
            "SELECT project_id, identifier, yaml_path, description, size, created FROM commits"  # noqa: S608  # fixed words
            f" WHERE project_id = :id{where} ORDER BY created DESC, identifier"
        )
        rows = self._read(
            lambda transaction: transaction.rows(sql, {"id": project_id, "identifier": storable(identifier)})
        )
        return [Package(**row) for row in rows]


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
