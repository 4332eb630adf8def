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
    from localhai.pipelines.running import PipelineObserver
    from localhai.records.pipelines import Pipeline
    from localhai.tasks.running import TaskObserver
    from localhai.tasks.task import Task


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

    def rerun(
        self,
        reference: str = "latest",
        *,
        parameters: Mapping[str, Any] | None = None,
        inputs: Mapping[str, str | Sequence[str]] | None = None,
        overrides: Overrides | None = None,
        current: bool = False,
        options: RunOptions | None = None,
        observer: Observer | None = None,
        interruption: Interruption | None = None,
    ) -> Execution:
        """Run an execution again: the same code, values and data, but for what is given here, as for `run`.

        With `current` it is the files as they are now instead of the code that it ran with. Raises UsageError for
        values that were secrets and are not given again, otherwise as `run`.
        """
        from localhai.app.rerun import execution_again, recorded_code

        earlier, options = self.execution(reference), options or self.options()
        commit = None if current else earlier.record.commit
        config = self.config() if commit is None else self.config_of(recorded_code(self, commit))
        changes = overrides or Overrides(parameters=dict(parameters or {}), inputs=dict(inputs or {}))
        again = execution_again(earlier, config, changes, secrets=tuple(options.secrets))
        return self.run(
            earlier.step,
            overrides=again,
            commit=commit,
            options=options,
            observer=observer,
            interruption=interruption,
        )

    def run_pipeline(
        self,
        name: str,
        *,
        parameters: Mapping[str, Any] | None = None,
        commit: str | None = None,
        options: RunOptions | None = None,
        jobs: int | None = None,
        title: str | None = None,
        tags: Sequence[str] = (),
        observer: PipelineObserver | None = None,
        interruption: Interruption | None = None,
    ) -> Pipeline:
        """Run a pipeline to its end and give its record (`id`, `counter`, `status`, `nodes`, `to_dict()`).

        `parameters` are those of the pipeline, and of nodes as `node.name`. `jobs` limits what runs side by side.
        Raises ProjectError and UsageError before anything starts, and SurroundingsError.
        """
        from localhai.app.start import run_pipeline
        from localhai.pipelines.running import PipelineStart
        from localhai.pipelines.sources import Sources

        sources = Sources(self, commit)
        plan = sources.plan(name, parameters)
        start = PipelineStart(sources, plan, options or self.options(), jobs=jobs, title=title, tags=tags)
        return run_pipeline(start, observer=observer, interruption=interruption)

    def run_task(
        self,
        name: str,
        *,
        overrides: Overrides | None = None,
        commit: str | None = None,
        options: RunOptions | None = None,
        jobs: int = 1,
        seed: int | None = None,
        observer: TaskObserver | None = None,
        interruption: Interruption | None = None,
    ) -> Task:
        """Run a task of valohai.yaml to its end and give it (`rows()`, `to_dict()`, `record`).

        `overrides` hold for all its executions; the same `seed` makes the same random draws. Raises as `run_pipeline`.
        """
        from secrets import randbelow

        from localhai.app.start import run_task
        from localhai.tasks.blueprint import plan_blueprint
        from localhai.tasks.task import TaskStart

        snapshot = self.code(commit)
        config = self.config() if commit is None else self.config_of(snapshot)
        plan = plan_blueprint(config, name, seed=randbelow(2**31) if seed is None else seed)
        start = TaskStart(
            self,
            plan,
            config,
            snapshot,
            overrides or Overrides(),
            options or self.options(),
            jobs=jobs,
            images_first=True,
        )
        return run_task(start, observer=observer, interruption=interruption)

    def stop(self, reference: str = "latest") -> bool:
        """Stop an execution, whoever runs it. False: it has ended already. Raises UsageError."""
        from localhai.app.stop import stop_execution

        return stop_execution(self.home, self.execution(reference).record)

    def execution(self, reference: str = "latest") -> Execution:
        """An execution of this project by `5`, `#5`, `latest`, id or unambiguous prefix. Raises UsageError."""
        return self.home.execution(reference, project_id=self.record.id)

    def executions(
        self, *, limit: int = 100, statuses: Sequence[str] = (), step: str | None = None, tag: str | None = None
    ) -> Sequence[Execution]:
        """The executions of this project, newest first, at most `limit`; of one of `statuses`, a step, with a tag."""
        from localhai.app.list import ListRequest, list_executions
        from localhai.executions.execution import Execution

        request = ListRequest(self.record.id, limit)
        found = list_executions(self.home, request, statuses=statuses, step=step, tag=tag)
        return [Execution(self.home, record) for record in found]

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
