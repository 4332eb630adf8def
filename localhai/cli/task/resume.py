"""`localhai task resume TASK`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from localhai.cli import output
from localhai.cli.options import json_option, pass_call, project_option
from localhai.cli.running import with_secrets, with_typed
from localhai.cli.task.run import running_options
from localhai.errors import UsageError

if TYPE_CHECKING:
    from localhai.cli.call import Call


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
    from localhai.app.rerun import recorded_code, recorded_env_file
    from localhai.cli.execution.requested import config_of
    from localhai.cli.task.following import follow
    from localhai.tasks.task import Task, resume_task

    with call.open_project(recover=True) as project:
        task = Task(project.home, project.home.records.tasks.find(reference, project.record.id))
        if task.record.project_id != project.record.id:
            raise UsageError(f"task {reference} is of project {task.record.project}: call from its folder")
        commit = None if current else task.record.commit
        env_file = env_file or recorded_env_file(task.record.document, output.say)
        options = with_typed(with_secrets(project.options(), env_file), given)
        snapshot = recorded_code(project, commit)
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
