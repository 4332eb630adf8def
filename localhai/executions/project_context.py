"""A project folder with its home and settings: its code, and what its steps would do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from localhai.executions.run.context import RunOptions
from localhai.executions.run.secrets import read_env_file
from localhai.project.overrides import Overrides

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from localhai.executions.home import Home
    from localhai.project.config import ProjectConfig
    from localhai.project.folder import ProjectFolder
    from localhai.project.plan import ExecutionPlan
    from localhai.project.snapshot import Snapshot
    from localhai.records import Project
    from localhai.settings import Settings


class ProjectContext:
    """One project and the home in which what it runs is remembered.

    `folder` has `name`, `path` and `yaml` (its valohai.yaml), `settings` what localhai.toml and the variables say.
    """

    def __init__(self, home: Home, folder: ProjectFolder, settings: Settings, record: Project | None = None) -> None:
        self.home = home
        self.folder = folder
        self.settings = settings
        self._record = record
        self._config: ProjectConfig | None = None
        self._notes: dict[str, bool] = {}

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.folder.name!r} at {self.folder.path}>"

    @property
    def record(self) -> Project:
        """Its row in the records (`id`, `name`, `path`), made when first needed. Raises RecordsUnavailable."""
        if self._record is None:
            from localhai.executions.project_of import project_of

            self._record = project_of(self.home, self.folder)
        return self._record

    def config(self) -> ProjectConfig:
        """valohai.yaml, read again when it changed. Raises ProjectError with every problem and its position."""
        from localhai.project.config import load_config

        config = load_config(self.folder.yaml, verdicts=self._verdicts, known=self._config)
        if config is not self._config:
            from localhai.project.faulty import sentences

            self._config = config
            for note in sentences(config.config):
                self._notes.setdefault(note, False)
        return config

    def take_notes(self) -> list[str]:
        """What is to say of valohai.yaml since it was read: items of it that have errors and cannot run. Each once."""
        notes = [note for note, said in self._notes.items() if not said]
        self._notes.update(dict.fromkeys(notes, True))
        return notes

    def snapshot(
        self, commit: str | None = None, *, git_packaging: bool = True, include_untracked: bool = True
    ) -> Snapshot:
        """The code: the working tree as `vh --adhoc` packages it, or a git commit. Raises ProjectError, UsageError.

        Without `git_packaging` the files of the working tree are found without git and .gitignore; without
        `include_untracked` git's list has only files that it knows.
        """
        from localhai.project import snapshot

        path, cache, yaml = self.folder.path, self.home.code_cache, self.folder.yaml_name
        if commit is None:
            return snapshot.take(
                path,
                cache,
                yaml=yaml,
                allow_git=git_packaging,
                include_untracked=include_untracked,
                exclude=[self.home.folder],
            )
        return snapshot.checkout(path, commit, cache, yaml=yaml)

    def plan(
        self,
        step: str,
        *,
        overrides: Overrides | None = None,
        words: Sequence[str] = (),
        parameters: Mapping[str, Any] | None = None,
        inputs: Mapping[str, str | Sequence[str]] | None = None,
        secrets: Sequence[str] = (),
        commit: str | None = None,
        config: ProjectConfig | None = None,
        look: bool = False,
    ) -> ExecutionPlan:
        """What `run` would do with the same `parameters` and `inputs`. Needs neither Docker nor network.

        `words` were typed for the step (`--NAME=value`), `secrets` are names of variables that will come from a file,
        `commit` is only noted, `config` takes the place of the project's valohai.yaml. With `look` what pipelines bring
        to the step may be missing. Raises ProjectError and UsageError.
        """
        if overrides is None:
            overrides = Overrides(parameters=dict(parameters or {}), inputs=dict(inputs or {}))
        known: dict[str, Any] = {
            "images": self.settings.images,
            "environment_variables": self.settings.environment_variables,
            "secrets": secrets,
            "mounts": self.settings.mounts,
            "project": self.folder.name,
            "commit": commit,
            "look": look,
            "words": words,
        }
        if config is None:
            from localhai.project.remembered import plan_file

            cache = self.home.folder / "cache" / "plans"
            made = plan_file(self.folder.yaml, step, overrides, cache=cache, load=self.config, **known)
        else:
            from localhai.project.planning import plan

            made = plan(config.config, step, overrides, **known)
        if made.environment is None or not self.settings.environments:
            return made
        from localhai.project.overrides import limited

        return limited(made, self.settings.environments)

    @property
    def _verdicts(self) -> Path:
        """Where it is remembered that a valohai.yaml had no errors."""
        return self.home.folder / "cache" / "verdicts"

    def prepare(
        self,
        step: str,
        overrides: Overrides,
        options: RunOptions,
        *,
        commit: str | None = None,
        git_packaging: bool = True,
        include_untracked: bool = True,
    ) -> tuple[ExecutionPlan, Snapshot]:
        """What `run` will do, and with which code. Raises ProjectError and UsageError."""
        secrets = tuple(options.secrets)
        if commit is None:  # the fast and cheap check first: nothing is packaged for a typing error
            plan = self.plan(step, overrides=overrides, secrets=secrets)
            snapshot = self.code(git_packaging=git_packaging, include_untracked=include_untracked)
        else:
            snapshot = self.code(commit)
            plan = self.plan(step, overrides=overrides, secrets=secrets, config=self.config_of(snapshot))
        return replace(plan, commit=snapshot.identifier), snapshot

    def code(
        self, commit: str | None = None, *, git_packaging: bool = True, include_untracked: bool = True
    ) -> Snapshot:
        """`snapshot`, and of an earlier ad-hoc commit what was known of it when it last ran. Raises as that does."""
        found = self.snapshot(commit, git_packaging=git_packaging, include_untracked=include_untracked)
        if commit is None or found.kind == "git":
            return found
        rows = self.home.records.executions.list(self.record.id, commit=found.identifier, limit=1, outputs=False)
        if not rows:
            return found
        known = rows[0].document
        return replace(found, **{name: known[name] for name in ("dirty", "base_commit", "branch") if name in known})

    def config_of(self, snapshot: Snapshot) -> ProjectConfig:
        """A commit brings its own valohai.yaml."""
        from localhai.project.config import load_config

        return load_config(snapshot.path / self.folder.yaml.relative_to(self.folder.path), verdicts=self._verdicts)

    def options(self) -> RunOptions:
        """How the settings say that steps run, with the secrets of `[environment] file`. Raises ProjectError."""
        file = self.settings.env_file
        return RunOptions(
            pull=self.settings.pull,
            secrets=read_env_file(file) if file else {},
            env_file=str(file) if file else None,
            package_cache=self.settings.package_cache,
        )
