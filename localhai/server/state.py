"""What all requests share: the home, its records, and who may see which project."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fastapi import Request

from localhai.records.server import ServerRecords
from localhai.server.errors import not_found

if TYPE_CHECKING:
    from collections.abc import Callable

    from localhai.executions.home import Home
    from localhai.records import Project
    from localhai.records.server import User


@dataclass(frozen=True)
class State:
    """The server's home, open as long as the server. `secret` signs URLs; `clock` gives seconds since 1970."""

    home: Home
    secret: str
    clock: Callable[[], float] = time.time
    server: ServerRecords = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "server", ServerRecords.beside(self.home.records))

    def projects_of(self, user: User) -> list[Project]:
        """The user's own; those of nobody, made by `localhai run`, are the first user's."""
        owners = self.server.owners()
        first = self.server.users()[0].id
        return [
            project
            for project in self.home.records.projects()
            if (owners[project.id].user_id if project.id in owners else first) == user.id
        ]

    def project_of(self, user: User, project_id: str) -> Project:
        """By id, if it is the user's. Raises Refused with 404."""
        wanted = project_id.lower()
        for project in self.projects_of(user):
            if project.id == wanted:
                return project
        raise not_found()


def state_of(request: Request) -> State:
    """A dependency of routes."""
    found: State = request.app.state.localhai
    return found
