"""What a `run` or `plan` command line asks for, and the options that both have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from msgspec import Struct
from msgspec.structs import replace

from localhai.cli import output
from localhai.cli.options import Given, env_file_option, together
from localhai.errors import ProjectError, SurroundingsError, UsageError
from localhai.project.overrides import Mistyped, Overrides, with_words

if TYPE_CHECKING:
    from valohai_yaml.objs import Step

    from localhai.app.open_project import OpenProject
    from localhai.executions.run.context import RunOptions
    from localhai.project.config import ProjectConfig
    from localhai.project.plan import ExecutionPlan

# Everything that changes a plan.
planning_options = together(
    click.option("--commit", "-c", metavar="REF", help="Run this git commit (SHA, branch, tag) instead of your files."),
    click.option("--environment", "-e", help="The environment's slug; recorded, without effect here."),
    click.option("--image", "-i", help="Another Docker image than the step's."),
    click.option("--title", "-t", help="Title of the execution."),
    click.option(
        "--var", "-v", "variables", multiple=True, metavar="NAME=VALUE", help="Environment variable. Repeatable."
    ),
    env_file_option,
    click.option("--tag", "tags", multiple=True, help="Tag the execution. Repeatable."),
    click.option("--time-limit", metavar="DURATION", help="Seconds, or as in valohai.yaml: 1h 30m."),
    click.option("--parameter-file", metavar="FILE", help="Parameter values from a JSON or YAML file."),
    click.option("--yaml", metavar="PATH", help="Another file than valohai.yaml."),
)


class GivenExecution(Given, frozen=True, kw_only=True):
    """What was typed for an execution: by `plan`, `run`, `rerun`."""

    environment: str | None = None
    image: str | None = None
    title: str | None = None
    variables: Sequence[str] = ()
    tags: Sequence[str] = ()
    time_limit: str | None = None
    parameter_file: str | None = None
    environment_variable_groups: Sequence[str] = ()
    k8s_cpu_max: float | None = None
    k8s_memory_max: int | None = None
    download: str | None = None
    no_progress: bool = False
    no_prefix: bool = False


class Requested(Struct, frozen=True):
    """A command line, understood: ready to plan or run. `words` are the step's, until they are among the overrides.

    `code` is the valohai.yaml that counts, once it was read for more than a plan.
    """

    project: OpenProject
    step: str
    words: Sequence[str]
    overrides: Overrides
    options: RunOptions
    commit: str | None
    quiet: bool = False
    code: ProjectConfig | None = None

    @property
    def config(self) -> ProjectConfig:
        """The valohai.yaml that counts, read with its parser."""
        return self.code or config_of(self.project, self.commit)

    def sorted(self, file: str | None = None) -> Requested:
        """With the whole name of the step, and its words among the overrides, over the parameters of a file.

        Raises UsageError and ProjectError.
        """
        from localhai.project.planning import find_step

        config = self.config
        try:
            step = find_step(config.config, self.step)
            typed = with_words(Overrides(), step, self.words)
        except UsageError as error:
            raise _with_own_options(error, self.words) from error
        parameters = {**self.overrides.parameters, **_parameter_file(step, file), **typed.parameters}
        overrides = replace(self.overrides, parameters=parameters, inputs={**self.overrides.inputs, **typed.inputs})
        self._say_notes()
        return replace(self, step=step.name, words=(), overrides=overrides, code=config)

    def plan(self, *, look: bool = False) -> ExecutionPlan:
        """What it comes to; with `look` it is only looked at. Raises UsageError and ProjectError."""
        try:
            found = self.project.plan(
                self.step,
                words=self.words,
                overrides=self.overrides,
                secrets=tuple(self.options.secrets),
                commit=self.commit,
                config=self.config if self.commit is not None else None,
                look=look,
            )
        except Mistyped as error:
            raise _with_own_options(error, self.words) from error
        self._say_notes()
        return found

    def _say_notes(self) -> None:
        if not self.quiet:
            output.say_all(self.project.take_notes())


def understand(project: OpenProject, step_name: str, arguments: Sequence[str], given: GivenExecution) -> Requested:
    """What the options ask for.

    Raises UsageError and ProjectError.
    """
    overrides = Overrides(
        environment_variables=_variables(given.variables),
        environment_variable_groups=given.environment_variable_groups,
        image=given.image,
        environment=given.environment,
        time_limit=given.time_limit,
        cpu_max=given.k8s_cpu_max,
        memory_max=given.k8s_memory_max,
        title=given.title,
        tags=given.tags,
    )
    options = given.over(project.options())
    quiet, file = given.quiet, given.parameter_file
    found = Requested(project, step_name, arguments, overrides, options, given.commit, quiet)
    return found if file is None else found.sorted(file)


def _with_own_options(error: UsageError, arguments: Sequence[str]) -> UsageError:
    """A typing error may have been meant for us instead of the step."""
    import difflib

    context = click.get_current_context(silent=True)
    options = context.command.params if context is not None else []
    own = [name.removeprefix("--") for option in options for name in option.opts if name.startswith("--")]
    typed = [word.partition("=")[0].removeprefix("--") for word in arguments if word.startswith("--")]
    near = [match for word in typed for match in difflib.get_close_matches(word, own, n=1)]
    return UsageError(error.message, where=error.where, hints=[*error.hints, *(f"or --{name}?" for name in near)])


def config_of(project: OpenProject, commit: str | None) -> ProjectConfig:
    """The valohai.yaml that counts: that of the commit, else the one on disk."""
    if commit is None:
        return project.config()
    from localhai.project.config import load_config

    with _code_of(project, commit) as code:
        return load_config(code / project.folder.yaml.relative_to(project.folder.path))


@contextmanager
def _code_of(project: OpenProject, commit: str) -> Iterator[Path]:
    """The files of a commit. Where the home cannot be written to they are elsewhere for a moment: plans need none."""
    try:
        project.home.ready()
    except SurroundingsError:
        from tempfile import TemporaryDirectory

        from localhai.project.snapshot import checkout

        with TemporaryDirectory(prefix="localhai-") as folder:
            yield checkout(project.folder.path, commit, Path(folder), yaml=project.folder.yaml_name).path
    else:
        yield project.snapshot(commit).path


def _variables(given: Sequence[str]) -> dict[str, str]:
    variables = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise UsageError(f"--var {text!r} is not NAME=VALUE")
        variables[name.strip()] = value
    return variables


def _parameter_file(step: Step, file: str | None) -> dict[str, Any]:
    """Values by declared name. What is typed beside them wins; names that the step has not are an error."""
    if file is None:
        return {}
    from localhai.project.names import find_by_option, unknown

    values = _read_values(Path(file))
    found = {}
    for wanted, value in values.items():
        name = find_by_option(str(wanted), step.parameters)
        if name is None:
            raise unknown("parameter", "parameters", str(wanted), list(step.parameters), of=f" in step {step.name}")
        found[name] = value
    return found


def _read_values(path: Path) -> dict[str, Any]:
    from localhai.project.document import parse

    try:
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", where=str(path)) from error
    values = parse(content, str(path)).data  # JSON is YAML
    if not isinstance(values, dict):
        raise ProjectError(f"{path} holds no mapping of parameter names to values", where=str(path))
    return values
