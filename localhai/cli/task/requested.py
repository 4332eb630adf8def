"""What a `task run` command line asks for: a blueprint, or a sweep that is typed."""

from __future__ import annotations

import math
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click
from msgspec import Struct
from msgspec.structs import replace

from localhai.cli.execution.requested import GivenExecution, config_of, understand
from localhai.cli.execution.run_command import StepCommand
from localhai.cli.options import together
from localhai.errors import LocalhaiError, UsageError
from localhai.system.text import read_file
from localhai.tasks.plan import Target
from localhai.vocabulary import OnChildError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from localhai.app.open_project import OpenProject
    from localhai.cli.call import Call
    from localhai.cli.execution.requested import Requested
    from localhai.project.config import ProjectConfig
    from localhai.tasks.building import Wish
    from localhai.tasks.plan import TaskPlan, TaskType

# A sweep without a blueprint.
sweeping_options = together(
    click.option(
        "--grid",
        "grid",
        multiple=True,
        metavar="NAME=VALUES",
        help="Every combination of a,b,c or start:end:step. Repeatable.",
    ),
    click.option(
        "--random",
        "random",
        multiple=True,
        metavar="NAME=RANGE",
        help="Draws from min:max, min:max:log or a,b,c. Repeatable.",
    ),
    click.option("--manual", metavar="FILE", help="Parameter sets from a CSV, JSON or YAML file."),
    click.option("--bayesian", is_flag=True, help="Let an optimiser choose from the --random ranges; needs --target."),
    click.option("--distributed", is_flag=True, help="Start all together, as members; needs --execution-count."),
    click.option(
        "--target",
        metavar="METRIC[=VALUE]",
        help="The metric to compare by: nearest to VALUE comes first, without VALUE the smallest.",
    ),
    click.option(
        "--execution-count", type=click.IntRange(min=1), help="How many executions --random makes, or members."
    ),
    click.option(
        "--execution-batch-size", type=click.IntRange(min=1), help="How many --bayesian proposes at once; default 5."
    ),
    click.option(
        "--maximum-queued-executions",
        type=click.IntRange(min=1),
        help="How many are in progress at most, beside --jobs.",
    ),
    click.option(
        "--max-queued",
        type=click.IntRange(min=1),
        help="The same, also of a task whose valohai.yaml says otherwise.",
    ),
    click.option("--on-child-error", type=click.Choice(get_args(OnChildError)), help="What a failed execution does."),
    click.option("--stop-condition", metavar="EXPRESSION", help="Stop all when the metadata of one fulfil it."),
    click.option("--draw-seed", type=int, help="Make the same random draws as with this seed before."),
)


class TaskCommand(StepCommand):
    """As `run`, with the name of a task, or of a step to sweep over, in the place of STEP."""

    metavar = "NAME"

    def names_of(self, call: Call, step_name: str) -> set[str]:
        try:
            with call.open_project() as project:
                task = project.config().config.tasks.get(step_name)
        except LocalhaiError:
            return set()
        return super().names_of(call, task.step if task is not None else step_name)

    def complete_subject(self, call: Call, incomplete: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        try:
            with call.open_project() as project:
                names = list(project.config().config.tasks)
        except LocalhaiError:
            names = []
        found = [CompletionItem(name) for name in names if name.lower().startswith(incomplete.lower())]
        return [*found, *super().complete_subject(call, incomplete)]


class GivenTask(GivenExecution, frozen=True, kw_only=True):
    """What was typed for a task: `grid`, `random`, `manual` and what belongs to them make a sweep over a step."""

    grid: Sequence[str] = ()
    random: Sequence[str] = ()
    manual: str | None = None
    bayesian: bool = False
    distributed: bool = False
    target: str | None = None
    execution_count: int | None = None
    execution_batch_size: int | None = None
    maximum_queued_executions: int | None = None
    max_queued: int | None = None
    on_child_error: OnChildError | None = None
    stop_condition: str | None = None
    draw_seed: int | None = None
    jobs: int = 1
    output: bool = False
    sort: str | None = None

    @property
    def of_sweeps(self) -> list[str]:
        """The options that were typed and of which a blueprint says its own."""
        values = {
            "--bayesian": self.bayesian,
            "--execution-count": self.execution_count,
            "--execution-batch-size": self.execution_batch_size,
            "--maximum-queued-executions": self.maximum_queued_executions,
            "--on-child-error": self.on_child_error,
            "--stop-condition": self.stop_condition,
        }
        return [name for name, value in values.items() if value]


class RequestedTask(Struct, frozen=True):
    """A command line, understood: `requested` says what all executions share."""

    requested: Requested
    config: ProjectConfig
    plan: TaskPlan


def understand_task(project: OpenProject, name: str, arguments: Sequence[str], given: GivenTask) -> RequestedTask:
    """The task that is meant. Raises UsageError and ProjectError."""
    from localhai.tasks.blueprint import find_task, plan_blueprint

    config = config_of(project, given.commit)
    seed = given.draw_seed if given.draw_seed is not None else secrets.randbelow(2**31)
    if given.grid or given.random or given.manual or given.distributed:
        requested = understand(project, name, arguments, given).sorted()
        return RequestedTask(requested, config, _typed_plan(config, requested.step, given, seed))
    try:
        task = find_task(config.config, name)
    except UsageError as error:
        raise _with_advice(error, config, name) from error
    if given.of_sweeps:
        raise UsageError(
            f"{', '.join(given.of_sweeps)}: of task {task.name}, valohai.yaml says it",
            where=f"task {task.name}",
            hints=[f"sweep over its step instead: localhai task run {task.step} --grid NAME=VALUES"],
        )
    requested = understand(project, task.step, arguments, given).sorted()
    plan = plan_blueprint(config, task.name, seed=seed)
    return RequestedTask(requested, config, _with_most(_with_target(plan, given.target), given.max_queued))


def _with_most(plan: TaskPlan, most: int | None) -> TaskPlan:
    """With another number of executions in progress. Raises UsageError where all members have to start together."""
    if most is None:
        return plan
    if plan.type == "distributed" and most < plan.count:
        raise UsageError(f"--max-queued {most}: all {plan.count} members start together", where=f"task {plan.name}")
    return replace(plan, maximum_queued_executions=most)


def _with_target(plan: TaskPlan, text: str | None) -> TaskPlan:
    """What its executions are compared by; raises UsageError where the task has another target of its own."""
    if text is None:
        return plan
    metric, value = _target(text)
    own = plan.target
    if own is None or (own.value is None and own.metric == metric):
        return replace(plan, target=Target(metric, value))
    if own.metric == metric and value in {None, own.value}:
        return plan
    known = own.metric if own.value is None else f"{own.metric}={own.value:g}"
    raise UsageError(
        f"--target {text}: the target of task {plan.name} is {known} in valohai.yaml",
        where=f"task {plan.name}",
        hints=[f"only the order of the table: --sort={metric}"],
    )


def _with_advice(error: UsageError, config: ProjectConfig, name: str) -> UsageError:
    steps = [step for step in config.config.steps if step.lower().startswith(name.lower())]
    if not steps:
        return error
    hints = [f"to sweep over step {steps[0]}: localhai task run {steps[0]} --grid NAME=VALUE,VALUE", *error.hints]
    return UsageError(error.message, where=error.where, hints=hints)


def _typed_plan(config: ProjectConfig, step: str, given: GivenTask, seed: int) -> TaskPlan:
    from localhai.tasks.building import TaskFault, build

    try:
        return build(_wish(step, given), config.config.steps[step], seed=seed)
    except TaskFault as fault:
        example = "--execution-count=2" if given.distributed else "--execution-count=50"
        hint = example if fault.key == "execution-count" else fault.hint
        raise UsageError(fault.message, where=f"step {step}", hints=[hint] if hint else []) from fault


def _wish(step: str, given: GivenTask) -> Wish:
    from localhai.tasks import typed
    from localhai.tasks.building import Wish

    metric, value = _target(given.target) if given.target is not None else (None, None)
    kind = _kind(given)
    _check_kind(kind, given, value)
    return Wish(
        name=step,
        type=kind,
        variants=[*typed.grid(given.grid), *typed.draws(given.random)],
        sets=_manual(given.manual) if given.manual else (),
        execution_count=given.execution_count,
        batch_size=given.execution_batch_size,
        maximum_queued_executions=given.max_queued or given.maximum_queued_executions,
        on_child_error=given.on_child_error,
        stop_condition=_condition(given.stop_condition),
        metric=metric,
        value=value,
    )


def _kind(given: GivenTask) -> TaskType:
    """Raises UsageError for options that exclude each other."""
    kinds: dict[TaskType, Any] = {
        "grid_search": given.grid,
        "random_search": given.random,
        "manual_search": given.manual,
    }
    used = [kind for kind, value in kinds.items() if value]
    if len(used) > 1:
        raise UsageError("--grid, --random and --manual exclude each other", hints=["take one of them"])
    if given.distributed:
        excluded = {"random": given.random, "manual": given.manual, "bayesian": given.bayesian}
        others = [name for name, value in excluded.items() if value]
        if others:
            raise UsageError(
                f"--distributed and --{others[0]} exclude each other",
                hints=["a value for each member: --distributed --grid NAME=FIRST,SECOND"],
            )
        return "distributed"
    return "bayesian_tpe" if given.bayesian and used == ["random_search"] else used[0]


def _check_kind(kind: TaskType, given: GivenTask, value: float | None) -> None:
    """Raises UsageError for what a sweep of this kind lacks, or cannot use."""
    if given.bayesian and (kind != "bayesian_tpe" or value is None):
        raise UsageError(
            "--bayesian needs --random and --target METRIC=VALUE",
            hints=["--bayesian --random lr=0.001:1:log --target loss=0 --execution-count 50"],
        )
    if given.execution_batch_size and kind != "bayesian_tpe":
        raise UsageError(
            "--execution-batch-size is of --bayesian only", hints=["--jobs says how many run side by side"]
        )
    if given.execution_count and kind in {"grid_search", "manual_search"}:
        raise UsageError(
            "--execution-count is of --random and --distributed only", hints=["--grid and --manual make all their sets"]
        )


def _target(text: str) -> tuple[str, float | None]:
    name, equals, typed = text.partition("=")
    if not name.strip():
        raise UsageError(f"--target {text!r} names no metric", hints=["--target accuracy=1"])
    if not equals:
        return name.strip(), None
    try:
        value = float(typed)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise UsageError(f"--target {text!r}: {typed!r} is not a number", hints=["--target accuracy=1"])
    return name.strip(), value


def _condition(text: str | None) -> str | None:
    if text is None:
        return None
    from localhai.project.checks.expression import GRAMMAR, fault

    reason = fault(text)
    if reason is not None:
        raise UsageError(f"--stop-condition {text!r} is not an expression: {reason}", hints=[GRAMMAR])
    return text


def _manual(file: str) -> list[Mapping[str, Any]]:
    from localhai.tasks import typed

    path = Path(file)
    try:
        text = read_file(path)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UsageError(f"{path} cannot be read: {reason}", where=str(path)) from error
    return typed.parameter_sets(_rows(path, text), str(path))


def _rows(path: Path, text: str) -> Any:
    if path.suffix.lower() == ".csv":
        import csv

        return list(csv.DictReader(text.splitlines()))
    import yaml

    try:
        return yaml.safe_load(text)  # JSON is YAML
    except yaml.YAMLError as error:
        raise UsageError(f"{path} is neither JSON nor YAML: {error}", where=str(path)) from error
