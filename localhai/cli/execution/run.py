"""`localhai execution run STEP`, in short `localhai run STEP`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from localhai.cli import output
from localhai.cli.execution.requested import GivenExecution, config_of, planning_options, understand
from localhai.cli.execution.run_command import StepCommand
from localhai.cli.options import (
    cache_miss_option,
    git_packaging_option,
    groups_option,
    json_option,
    package_cache_option,
    pass_call,
    project_option,
    pull_option,
    reuse_option,
    together,
    untracked_option,
)
from localhai.cli.platform import OF_RUNS, say_without_effect, without_effect
from localhai.errors import UsageError

if TYPE_CHECKING:
    from localhai.app.open_project import OpenProject
    from localhai.cli.call import Call
    from localhai.cli.execution.run_command import Typed

EPILOG = "Options of a step, that is its parameters and inputs, follow its name: try `localhai run STEP --help`."

# How to run and what to show of it.
running_options = together(
    pull_option,
    package_cache_option,
    click.option("--sync", "-s", "download", metavar="DIR", help="Copy the outputs to this folder in the end."),
    click.option("--dry-run", is_flag=True, help="Only show what would be done, as `localhai plan`."),
    click.option("--quiet", "-q", is_flag=True, help="Nothing but the step's own output."),
    click.option("--no-progress", is_flag=True, help="No progress bars."),
    click.option("--no-prefix", is_flag=True, help="No step name before each line on a terminal."),
)


@click.command("run", cls=StepCommand, epilog=EPILOG)
@planning_options
@running_options
@click.option("--adhoc", "-a", is_flag=True, help="Run your files as they are; so it is anyway without --commit.")
@reuse_option
@cache_miss_option
@click.option("--watch", "-w", is_flag=True, expose_value=False, help="Follow the execution; so it is anyway.")
@git_packaging_option
@untracked_option
@groups_option
@click.option("--k8s-cpu-max", type=click.FloatRange(0, min_open=True), help="Use at most so many CPUs.")
@click.option("--k8s-memory-max", type=click.IntRange(min=1), help="Use at most so many megabytes of memory.")
@without_effect(*OF_RUNS)
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
    """Start an execution of a step and follow it to its end.

    STEP is its name or an unambiguous beginning of it. What the step writes goes to stdout and stderr as it comes,
    everything that localhai says to stderr.

    Exits with 0 when the execution is complete, 1 when it failed, 2 for a wrong command line, 3 for a wrong project, 4
    when something around it is missing, 130 when it was interrupted.
    """
    given = GivenExecution(**words)
    if typed.help and typed.subject is None:
        click.echo(typed.help)
        _list_steps(call, given)
        return 0
    with call.open_project(yaml=given.yaml, recover=not (typed.help or dry_run or typed.subject is None)) as project:
        if typed.subject is None:
            raise _no_step(project, given.commit)
        given.require_one_code()
        if typed.help:
            return _help_of_step(project, typed.subject, given.commit)
        requested = understand(project, typed.subject, typed.words, given)
        if not given.quiet:
            say_without_effect()
        if dry_run:
            from localhai.cli.plan import show_plan

            show_plan(call, requested)
            return 0
        from localhai.cli.execution.follow import follow

        return follow(call, requested, given)


def _no_step(project: OpenProject, commit: str | None) -> UsageError:
    from localhai.cli.execution.step_help import step_list

    config = config_of(project, commit).config
    return UsageError("which step?", hints=["localhai run STEP [--NAME=VALUE]...", *step_list(config).splitlines()])


def _help_of_step(project: OpenProject, step_name: str, commit: str | None) -> int:
    from localhai.cli.execution.step_help import step_help
    from localhai.project.planning import find_step

    click.echo(step_help(find_step(config_of(project, commit).config, step_name), "localhai run"))
    return 0


def _list_steps(call: Call, given: GivenExecution) -> None:
    """Below the help, where there is a project that can be read."""
    from localhai.cli.execution.step_help import step_list
    from localhai.errors import LocalhaiError

    try:
        with call.open_project(yaml=given.yaml) as project:
            steps = step_list(config_of(project, given.commit).config)
    except LocalhaiError:
        return
    output.emit("\n" + steps)
    sys.stdout.flush()
