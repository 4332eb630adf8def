"""A project opened from Python: all that the command line does with one, as calls."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from localhai.errors import SurroundingsError
from localhai.executions.home import Home
from localhai.executions.project_context import ProjectContext
from localhai.project.folder import find_project
from localhai.project.overrides import Overrides
from localhai.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from localhai.executions.execution import Execution
    from localhai.executions.run.context import RunOptions
    from localhai.executions.run.observer import Observer
    from localhai.executions.run.stop import Interruption


class OpenProject(ProjectContext):
    """One project and the home in which its executions are remembered. A context manager; `close` lets go.

    `folder` has `name`, `path` and `yaml` (its valohai.yaml), `settings` what localhai.toml and the variables say.
    One may run several executions at once, each in a thread.
    """

    @classmethod
    def at(cls, path: str | Path = ".", *, home: Home | None = None, settings: Settings | None = None) -> OpenProject:
        """See `localhai.open_project`, which looks after what a crash left, too."""
        folder = find_project(Path(path))
        settings = settings or (home.settings if home is not None else Settings.load(folder.path))
        return cls(home or Home(settings), folder, settings)

    def run(
        self,
        step: str,
        *,
        parameters: Mapping[str, Any] | None = None,
        inputs: Mapping[str, str | Sequence[str]] | None = None,
        overrides: Overrides | None = None,
        commit: str | None = None,
        git_packaging: bool = True,
        include_untracked: bool = True,
        options: RunOptions | None = None,
        observer: Observer | None = None,
        interruption: Interruption | None = None,
    ) -> Execution:
        """Run a step to its end and give its execution, whatever its final status.

        `parameters` and `inputs` are by name; `overrides` says more (image, title, tags, environment variables) and
        takes their place; `commit`, `git_packaging` and `include_untracked` as for `snapshot`. Raises ProjectError and
        UsageError before anything starts, and SurroundingsError when the step could not start (then recorded as
        `error`).
        """
        from localhai.app.start import ExecutionStart, run_execution

        options = options or self.options()
        overrides = overrides or Overrides(parameters=dict(parameters or {}), inputs=dict(inputs or {}))
        plan, snapshot = self.prepare(
            step, overrides, options, commit=commit, git_packaging=git_packaging, include_untracked=include_untracked
        )
        start = ExecutionStart(self, plan, snapshot, options)
        return run_execution(start, observer=observer, interruption=interruption)

    def execution(self, reference: str = "latest") -> Execution:
        """An execution of this project by `5`, `#5`, `latest`, id or unambiguous prefix. Raises UsageError."""
        return self.home.execution(reference, project_id=self.record.id)

    def executions(self, *, limit: int = 100) -> Sequence[Execution]:
        """The executions of this project, newest first, at most `limit`."""
        return self.home.executions(project_id=self.record.id, limit=limit)

    def close(self) -> None:
        """Close the home: connections and the embedded S3. Executions must have ended."""
        self.home.close()

    def __enter__(self) -> OpenProject:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_project(path: str | Path = ".", *, home: Home | None = None, settings: Settings | None = None) -> OpenProject:
    """Open the project whose valohai.yaml is in `path` or in a folder above it.

    `localhai.open_project("my-project").run("train", parameters={"epochs": 3})` is all it takes. Without `home` it is
    the one of the settings, without `settings` they are read from variables and localhai.toml. What a localhai left
    that died is looked after; what that does is told to the home's `tell`. Raises ProjectError when there is no project
    or localhai.toml is wrong, and SurroundingsError when the home cannot be made.
    """
    project = OpenProject.at(path, home=home, settings=settings)
    if project.home.is_used:
        from localhai.app.recover import recover

        with suppress(SurroundingsError):  # who only plans needs none of it; who runs hears it then
            recover(project.home, project.home.tell or _nobody)
    return project


def _nobody(_text: str) -> None:
    """Nobody listens."""
