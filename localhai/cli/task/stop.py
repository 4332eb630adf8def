"""`localhai task stop TASK`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from localhai.cli import output
from localhai.cli.options import json_option, pass_call, project_option
from localhai.errors import UsageError

if TYPE_CHECKING:
    from localhai.cli.call import Call


@click.command("stop")
@click.argument("references", metavar="TASKS...", nargs=-1)
@click.option("--all", "every", is_flag=True, help="Stop all that are in progress.")
@json_option
@project_option
@pass_call
def stop(call: Call, *, references: tuple[str, ...], every: bool) -> None:
    """Stop tasks that are in progress, with their executions; `localhai task resume` goes on with them.

    `--json` prints the tasks as `task list` does.
    """
    from localhai.app.find import find_tasks
    from localhai.app.list import tasks_in_progress
    from localhai.app.stop import stop_task
    from localhai.tasks.task import Task

    if references == ("all",):
        references, every = (), True
    if bool(references) == every:
        raise UsageError("name tasks to stop, or say --all", hints=["localhai task stop 5", "... --all"])
    with call.look() as look:
        where, found = (look.home, look.project_id), []
        for record in tasks_in_progress(*where) if every else find_tasks(*where, references):
            asked = stop_task(look.home, record.id)
            task = Task(look.home, look.home.records.tasks.get(record.id))
            name = f"task #{record.counter} ({record.name})"
            output.say(f"{name} is asked to stop" if asked else f"{name} has ended already: {task.record.status}")
            found.append(task)
        if not found:
            output.say("nothing is in progress")
        if call.json:
            output.emit_json([task.summary() for task in found])
