"""Users of the REST API, and whose projects are: `localhai run` never loads it."""

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


USERS = Table(User, "users", "u", noun="user", texts=("name",))
OWNERSHIPS = Table(Ownership, "project_owners", "o", texts=("description",))


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


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
