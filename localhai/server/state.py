"""What all requests share: the homes, their records, and who may see which project."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol

from fastapi import Depends, Request

from localhai.errors import ProjectError
from localhai.executions.home import Home
from localhai.server.errors import not_found
from localhai.settings import FILE_NAME, Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from localhai.app.queue import Queue
    from localhai.records import Project, Records
    from localhai.records.users import User


class Round(Protocol):
    """A thread that goes on and on, as who looks after it sees it: `background.Supervised`."""

    longest: float | None

    @property
    def failures(self) -> int:
        """How many of its last rounds in a row raised."""

    def age(self) -> float | None:
        """Seconds since a round last ended well; None when it was not started."""


class ContainerCalls(Protocol):
    """What containers may call: `calls.Calls`."""

    def of(self, execution_id: str, network: str | None) -> Mapping[str, Any]:
        """api.json of an execution."""

    def resume(self) -> None:
        """Listen again where executions that still run were told to call."""

    def close(self) -> None:
        """Listen no more."""


class ServerHealth(Protocol):
    """Whether the server can run something: `api.health.Readiness`."""

    def look(self) -> Sequence[threading.Thread]:
        """Ask all parts; gives the threads to wait for."""

    def found(self) -> Mapping[str, Mapping[str, Any]]:
        """What each part said last."""


@dataclass(frozen=True)
class State:
    """The server's home, open as long as the server; `app.assemble` completes it.

    `secret` signs URLs; `clock` gives seconds since 1970.
    `jobs` executions run at once, once `queue.start` was called; `say` hears what the server does of itself.
    `container_host` is by what containers reach this machine, where that cannot be found out.
    """

    home: Home
    secret: str
    clock: Callable[[], float] = time.time
    jobs: int = field(default_factory=lambda: os.cpu_count() or 1)
    say: Callable[[str], None] = lambda _text: None
    container_host: str | None = None
    watched: dict[str, Round] = field(default_factory=dict, init=False, repr=False)
    queue: Queue = field(init=False)
    calls: ContainerCalls = field(init=False)
    readiness: ServerHealth = field(init=False)
    _homes: dict[str, Home] = field(default_factory=dict, init=False, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def equip(self, queue: Queue, calls: ContainerCalls, readiness: ServerHealth) -> None:
        """What runs in the server's own threads, which know this state themselves; `app.assemble` does it, once."""
        object.__setattr__(self, "queue", queue)
        object.__setattr__(self, "calls", calls)
        object.__setattr__(self, "readiness", readiness)

    @property
    def records(self) -> Records:
        """Those of the home."""
        return self.home.records

    def projects_of(self, user: User, project_id: str | None = None) -> list[Project]:
        """The user's own, or of them that of an id; those of nobody, made by `localhai run`, are the first user's."""
        projects = self.home.records.projects.list()
        known = self.records.users.visible(user.id, projects)
        wanted = known if project_id is None else known & {project_id.lower()}
        return [project for project in projects if project.id in wanted]

    def project_of(self, user: User, project_id: str) -> Project:
        """By id, if it is the user's. Raises Refused with 404."""
        for project in self.projects_of(user, project_id):
            return project
        raise not_found()

    def project(self, project_id: str) -> Project:
        """By id, whosever it is. Raises Refused with 404 when it is gone."""
        for project in self.home.records.projects.list():
            if project.id == project_id:
                return project
        raise not_found()

    def home_of(self, project: Project) -> Home:
        """The home by the project's own settings: its localhai.toml may name another store, stand-ins, variables.

        A project that a client made has none: the settings with which the server was started hold for it.
        """
        if not (Path(project.path) / FILE_NAME).exists():
            return self.home
        try:
            settings = Settings.load(Path(project.path))
        except ProjectError:  # spoiled since: as recovery does
            return self.home
        own = self.home.settings
        settings = settings.served_by(own)
        if settings == own:
            return self.home
        key = repr(settings)
        with self._lock:
            if key not in self._homes:
                self._homes[key] = Home(settings, engine=self.home.given_engine, tell=self.home.tell)
            return self._homes[key]

    def close(self) -> None:
        """Let go of the homes of projects and of who listens to containers; the server's own is the caller's."""
        self.calls.close()
        with self._lock:
            for home in self._homes.values():
                home.close()
            self._homes.clear()


async def _state_of(request: Request) -> State:
    found: State = request.app.state.localhai
    return found


Shared = Annotated[State, Depends(_state_of)]  # of routes
