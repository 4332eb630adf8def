"""`localhai task resume TASK`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from localhai.cli.options import json_option, pass_call, project_option
from localhai.cli.task.run import options_of, running_options
from localhai.errors import LocalhaiError, UsageError

if TYPE_CHECKING:
    from localhai.cli.call import Call
    from localhai.executions.life import RunOptions
    from localhai.executions.open_project import OpenProject
    from localhai.project.snapshot import Snapshot
    from localhai.tasks.task import Task


@click.command("resume")
@click.argument("reference", metavar="TASK")
@running_options
@click.option("--failed", is_flag=True, help="Also make those again that ended in error.")
@click.option("--current", is_flag=True, help="Run your files as they are now, instead of the code that it ran with.")
@click.option("--env-file", metavar="FILE", help="Secrets, NAME=VALUE lines; as at its start where absent.")
@json_option
@project_option
@pass_call
def resume(call: Call, /, *, reference: str, failed: bool, current: bool, env_file: str | None, **given: Any) -> int:
    """Go on with a task that was stopped, failed or crashed: only what is missing is executed.

    The code, the parameter sets and all else are those of its start. `--json` prints the task as `task info` does.
    """
    from localhai.cli.execution.requested import config_of
    from localhai.cli.task.following import follow
    from localhai.tasks.task import Task, resume_task

    with call.open_project(recover=True) as project:
        task = Task(project.home, project.home.records.find_task(reference, project.record.id))
        if task.record.project_id != project.record.id:
            raise UsageError(f"task {reference} is of project {task.record.project}: call from its folder")
        commit = None if current else task.record.commit
        options = options_of(_options(project, task, env_file), given)
        snapshot = _code(project, commit)
        return follow(
            call,
            task.plan,
            lambda observer, interruption: resume_task(
                project,
                task,
                config=config_of(project, commit),
                snapshot=snapshot,
                options=options,
                failed=failed,
                jobs=given["jobs"],
                observer=observer,
                interruption=interruption,
            ),
            given,
        )


def _code(project: OpenProject, commit: str | None) -> Snapshot:
    try:
        return project.snapshot(commit)
    except LocalhaiError as error:
        error.hints = (*error.hints, "--current runs your files as they are now")
        raise


def _options(project: OpenProject, task: Task, env_file: str | None) -> RunOptions:
    """As at its start, with the secrets of the same file."""
    from dataclasses import replace

    from localhai.executions.secrets import read_env_file

    options = project.options()
    known = env_file or task.record.document.get("env_file")
    if known is None:
        return options
    file = Path(known).absolute()
    return replace(options, secrets={**options.secrets, **read_env_file(file)}, env_file=str(file))
