"""`localhai task run NAME`, and `resume`: only what is missing."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import click
from msgspec.structs import replace

from localhai.cli import output
from localhai.cli.execution.requested import planning_options
from localhai.cli.options import (
    cache_miss_option,
    csv_option,
    git_packaging_option,
    json_option,
    package_cache_option,
    pass_call,
    project_option,
    pull_option,
    together,
    untracked_option,
)
from localhai.cli.platform import PRIORITY, say_without_effect, without_effect
from localhai.cli.task.requested import GivenTask, TaskCommand, sweeping_options, understand_task
from localhai.errors import UsageError
from localhai.system.process import allow_many_files

if TYPE_CHECKING:
    from localhai.cli.call import Call
    from localhai.cli.execution.run_command import Typed
    from localhai.cli.task.requested import RequestedTask

EPILOG = (
    "For example `localhai task run train --grid lr=0.1,0.01 --grid dropout=0.1:0.5:0.1 --epochs=3`. Parameters and"
    " inputs of the step that follow NAME are those of every execution."
)
SHOWN_SETS = 10

# How to run a task and what to show of it.
running_options = together(
    click.option(
        "--jobs", "-j", type=click.IntRange(min=1), default=1, show_default=True, help="How many run side by side."
    ),
    pull_option,
    package_cache_option,
    click.option("--reuse", is_flag=True, help="Take earlier executions that equal those to be made."),
    cache_miss_option,
    click.option("--output", is_flag=True, help="Show what the executions write, on stderr."),
    click.option("--quiet", "-q", is_flag=True, help="Nothing but the table."),
    click.option("--sort", metavar="COLUMN", help="Order the table by a column; -COLUMN is largest first."),
    csv_option,
)


@click.command("run", cls=TaskCommand, epilog=EPILOG)
@sweeping_options
@running_options
@planning_options
@click.option("--dry-run", is_flag=True, help="Only show which executions would be made.")
@click.option("--adhoc", "-a", is_flag=True, help="Run your files as they are; so it is anyway without --commit.")
@git_packaging_option
@untracked_option
@without_effect(PRIORITY)
@json_option
@project_option
@pass_call
def run(
    call: Call,
    /,
    *,
    typed: Typed,
    dry_run: bool,
    **words: Any,
) -> int:
    """Run a task of valohai.yaml, or a sweep over a step, and compare what its executions came to.

    NAME is a task, or with --grid, --random or --manual a step. The table goes to stdout: best first when the target
    is known. Exits with 0 when the task is complete, 1 when it failed or was stopped, otherwise as `localhai run`.
    `--json` prints the task with its plan and the rows of the table as `executions`.
    """
    given = GivenTask(**words)
    if typed.help:
        click.echo(typed.help)
        return 0
    given.require_one_code()
    allow_many_files()
    with call.open_project(yaml=given.yaml, recover=not dry_run) as project:
        if typed.subject is None:
            known = ", ".join(project.config().config.tasks) or "none: sweep over a step with --grid NAME=VALUES"
            raise UsageError("which task?", hints=[f"known tasks: {known}"])
        asked = understand_task(project, typed.subject, typed.words, given)
        if not given.quiet:
            say_without_effect()
        if dry_run:
            _show_plan(call, asked)
            return 0
        return _start(call, asked, given)


def _start(call: Call, asked: RequestedTask, given: GivenTask) -> int:
    from localhai.app.start import run_task
    from localhai.cli.task.follow import follow
    from localhai.tasks.building import require_runnable
    from localhai.tasks.task import TaskStart

    requested = asked.requested
    require_runnable(asked.plan)
    snapshot = requested.project.snapshot(
        requested.commit, git_packaging=given.git_packaging, include_untracked=given.include_untracked
    )
    start = TaskStart(
        requested.project,
        asked.plan,
        asked.config,
        snapshot,
        requested.overrides,
        requested.options,
        jobs=given.jobs,
        images_first=True,
    )
    return follow(call, asked.plan, partial(run_task, start), given)


def _show_plan(call: Call, asked: RequestedTask) -> None:
    """The first parameter sets; those that an optimiser decides are not known before."""
    from localhai.cli.table import Column, print_table
    from localhai.cli.task.follow import executions
    from localhai.tasks.building import require_runnable
    from localhai.tasks.plan import BAYESIAN_START
    from localhai.tasks.sweep import ParameterSets
    from localhai.tasks.task import check_task

    plan, requested = asked.plan, asked.requested
    require_runnable(plan)
    check_task(requested.project, plan, config=asked.config, overrides=requested.overrides, options=requested.options)
    found = ParameterSets(plan)
    most = plan.count if call.format != "human" else SHOWN_SETS
    known = min(plan.count, BAYESIAN_START) if plan.type == "bayesian_tpe" else plan.count
    shown = [found[number] for number in range(min(known, most))]
    if call.json:
        output.emit_json({"plan": plan.to_dict(), "sets": shown})
        return
    output.say(f"task {plan.name} over step {plan.step} would make {executions(plan.count)}")
    columns = [Column("Number", right=True), *(Column(f"--{name}", right=True) for name in plan.names)]
    rows = [[number, *(entry.get(name) for name in plan.names)] for number, entry in enumerate(shown, 1)]
    print_table(columns, rows, form=call.format)
    if len(shown) < plan.count:
        output.say(f"and {plan.count - len(shown)} more")


@click.command("resume")
@click.argument("reference", metavar="TASK")
@running_options
@click.option("--failed", is_flag=True, help="Also make those again that ended in error.")
@click.option("--current", is_flag=True, help="Run your files as they are now, instead of the code that it ran with.")
@click.option("--env-file", metavar="FILE", help="Secrets, NAME=VALUE lines; as at its start where absent.")
@json_option
@project_option
@pass_call
def resume(call: Call, /, *, reference: str, failed: bool, current: bool, env_file: str | None, **words: Any) -> int:
    """Go on with a task that was stopped, failed or crashed: only what is missing is executed.

    The code, the parameter sets and all else are those of its start. `--json` prints the task as `task info` does.
    """
    given = GivenTask(**words)
    from localhai.app.rerun import recorded_code, recorded_env_file
    from localhai.cli.execution.requested import config_of
    from localhai.cli.task.follow import follow
    from localhai.tasks.task import Task, TaskStart, resume_task

    with call.open_project(recover=True) as project:
        task = Task(project.home, project.home.records.tasks.find(reference, project.record.id))
        if task.record.project_id != project.record.id:
            raise UsageError(f"task {reference} is of project {task.record.project}: call from its folder")
        commit = None if current else task.record.commit
        env_file = env_file or recorded_env_file(task.record.document, output.say)
        options = replace(given, env_file=env_file).over(project.options())
        snapshot = recorded_code(project, commit)
        config = config_of(project, commit)
        start = TaskStart(project, task.plan, config, snapshot, task.overrides, options, jobs=given.jobs)
        return follow(call, task.plan, partial(resume_task, start, task, failed=failed), given)
