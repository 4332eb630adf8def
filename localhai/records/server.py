"""What the REST API remembers beside everybody's records: `localhai run` never loads it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import asdict

from localhai.records.access import NounRecords
from localhai.records.database import storable
from localhai.records.mapper import Table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from localhai.records.database import Transaction
    from localhai.records.projects import Project


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


USERS = Table(User, "users", "u", noun="user", texts=("name",))
OWNERSHIPS = Table(Ownership, "project_owners", "o", texts=("description",))
VARIABLES = Table(Variable, "project_variables", "v", texts=("name", "value"), reads={"secret": bool})
PACKAGES = Table(Package, "commits", "c", texts=("yaml_path", "description"))


class UserRecords(NounRecords):
    """`records.users`: who has a token, and whose projects are."""

    table = USERS

    def of_token(self, token: str) -> User | None:
        """Who has this token."""
        return self._user("token_sha256", _digest(token))

    def of_id(self, user_id: str) -> User | None:
        """By the whole id."""
        return self._user("id", user_id)

    def named(self, name: str) -> User | None:
        """By the whole name."""
        return self._user("name", name)

    def put(self, name: str, token: str) -> User:
        """Make a user, or give a known one this token in place of the old one."""
        values = {"id": self.coming_id(), "name": name, "token_sha256": _digest(token), "created": self._now()}

        def work(transaction: Transaction, _again: bool) -> User:
            USERS.insert(transaction, values, "(name) DO UPDATE SET token_sha256 = excluded.token_sha256")
            return USERS.select(transaction, "WHERE u.name = :name", {"name": storable(name)})[0]

        return self._write(work)

    def _user(self, column: str, value: str) -> User | None:
        tail = f"WHERE u.{column} = :value"
        found = self._read(lambda transaction: USERS.select(transaction, tail, {"value": storable(value)}))
        return found[0] if found else None

    def owners(self) -> dict[str, Ownership]:
        """By the project's id; those that `localhai run` made have no row and are the first user's."""
        return {item.project_id: item for item in self._read(OWNERSHIPS.select)}

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
        made = Ownership(project_id, user_id, description)
        conflict = "(project_id) DO UPDATE SET user_id = excluded.user_id, description = excluded.description"
        self._write(lambda transaction, _again: OWNERSHIPS.insert(transaction, asdict(made), conflict))
        return made

    def list(self) -> list[User]:
        """All of them, oldest first; the first is who made the home."""
        return self._read(lambda transaction: USERS.select(transaction, "ORDER BY u.id"))


class VariableRecords(NounRecords):
    """`records.variables`: the environment variables of projects."""

    table = VARIABLES

    def set(self, project_id: str, variable: Variable) -> None:
        """Make it, or replace the one of that name."""
        values = {"project_id": project_id, **asdict(variable)}
        conflict = "(project_id, name) DO UPDATE SET value = excluded.value, secret = excluded.secret"
        self._write(lambda transaction, _again: VARIABLES.insert(transaction, values, conflict))

    def delete(self, project_id: str, name: str) -> bool:
        """Whether there was one."""
        sql = "DELETE FROM project_variables WHERE project_id = :id AND name = :name"
        key = {"id": project_id, "name": storable(name)}
        return self._write(lambda transaction, again: transaction.change(sql, key) > 0 or again)

    def list(self, project_id: str) -> list[Variable]:
        """By name."""
        tail, key = "WHERE v.project_id = :id ORDER BY v.name", {"id": project_id}
        return self._read(lambda transaction: VARIABLES.select(transaction, tail, key))


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


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
