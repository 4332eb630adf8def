"""One call of the command line: what was chosen for all commands, and how they reach home and project."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from localhai.cli import output
from localhai.errors import ProjectError

if TYPE_CHECKING:
    from localhai.app.list import ListRequest
    from localhai.app.open_project import OpenProject
    from localhai.executions.execution import Execution
    from localhai.executions.home import Home
    from localhai.project.folder import ProjectFolder
    from localhai.records import Project
    from localhai.settings import Settings


class ReaderGone(Exception):
    """Whoever read our stdout has gone, as `head` does when it has enough."""


class Call(Struct):
    """Chosen once and read by every command; click hands it round as `context.obj`.

    `home` may be given: tests and embedders bring one with an engine of their own. `folder` is where the project is
    looked for, None for the working directory. `format` is `human`, `json` or a separated-values format. `execution`
    is the one that this call started, as last heard of.
    """

    home: Home | None = None
    folder: Path | None = None
    format: str = "human"
    execution: Mapping[str, Any] | None = None

    @property
    def json(self) -> bool:
        return self.format == "json"

    @contextmanager
    def open_project(self, *, yaml: str | None = None, recover: bool = False) -> Iterator[OpenProject]:
        """The project here. Raises ProjectError when there is none, `recover` looks after what a crash left."""
        from localhai.app.open_project import OpenProject

        folder = self._find_project(yaml)
        settings = _settings(folder.path)
        with self._open_home(settings) as home:
            if recover:
                _recover(home)
            yield OpenProject(home, folder, settings)

    @contextmanager
    def look(self) -> Iterator[HomeView]:
        """For commands that look at executions. Outside of a project, ids still name them.

        A folder whose project has only a valohai.yaml of another name (`--yaml`) is known once something ran in it.
        """
        missing: ProjectError | None = None
        try:
            folder = self._find_project(None)
        except ProjectError as error:
            folder, missing = None, error
        with self._open_home(_settings(None if folder is None else folder.path)) as home:
            _recover(home)
            if folder is not None:
                from localhai.executions.project_of import project_of

                yield HomeView(home, project_of(home, folder))
                return
            from localhai.app.find import known_project

            project = known_project(home, Path(os.path.abspath(self.folder or Path.cwd())))
            if project is None and missing is not None and self.folder is not None:
                raise missing
            yield HomeView(home, project)

    @contextmanager
    def open_home(self, folder: Path | None = None, flags: Mapping[str, Any] | None = None) -> Iterator[Home]:
        """The home, by the localhai.toml of this folder or of none, after a look at what a crash left.

        `flags` are settings that options of the command line name.
        """
        with self._open_home(_settings(folder, flags)) as home:
            _recover(home)
            yield home

    def _find_project(self, yaml: str | None) -> ProjectFolder:
        from localhai.project.folder import find_project

        return find_project(self.folder or Path.cwd(), yaml)

    @contextmanager
    def _open_home(self, settings: Settings) -> Iterator[Home]:
        if self.home is not None:
            yield self.home
            return
        from localhai.executions.home import Home

        with Home(settings, tell=output.say) as home:
            yield home


class HomeView(Struct, frozen=True):
    """A home, and the project that the call was made in, if any."""

    home: Home
    project: Project | None

    @property
    def project_id(self) -> str | None:
        return None if self.project is None else self.project.id

    def execution(self, reference: str) -> Execution:
        """By `5`, `#5`, `latest`, id or unambiguous prefix. Raises UsageError."""
        return self.home.execution(reference, project_id=self.project_id)

    def executions(self, words: Iterable[str]) -> list[Execution]:
        """Several: `3 5-8 !6 latest 01a2...` (`app.find.find_executions`)."""
        from localhai.app.find import find_executions
        from localhai.executions.execution import Execution

        return [Execution(self.home, record) for record in find_executions(self.home, self.project_id, words)]

    def listing(self, count: int, *, owned: bool, all_projects: bool = False) -> ListRequest:
        """What the lists of nouns ask for; `owned`: of who asks."""
        from localhai.app.list import ListRequest
        from localhai.executions.latest import creator_name

        user = creator_name(self.home.settings) if owned else None
        return ListRequest(None if all_projects else self.project_id, count, user)


def _settings(folder: Path | None, flags: Mapping[str, Any] | None = None) -> Settings:
    from localhai.settings import Settings

    return Settings.load(folder, flags=flags)


def _recover(home: Home) -> None:
    from localhai.app.recover import recover

    recover(home, output.say)
