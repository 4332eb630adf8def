"""`localhai task stop TASK`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from localhai.cli import words
from localhai.cli.options import json_option, pass_call, project_option

if TYPE_CHECKING:
    from localhai.cli.call import Call


@click.command("stop")
@click.argument("references", metavar="TASKS...", nargs=-1, required=True)
@json_option
@project_option
@pass_call
def stop(call: Call, *, references: tuple[str, ...]) -> None:
    """Stop tasks that are in progress, with their executions; `localhai task resume` goes on with them.

    `--json` prints the tasks as `task list` does.
    """
    from localhai.tasks.task import Task

    with call.look() as look:
        found = []
        for reference in references:
            record = look.home.records.find_task(reference, look.project_id)
            asked = look.home.records.request_task_stop(record.id)
            task = Task(look.home, look.home.records.task(record.id))
            name = f"task #{record.counter} ({record.name})"
            words.say(f"{name} is asked to stop" if asked else f"{name} has ended already: {task.record.status}")
            found.append(task)
        if call.json:
            words.emit_json([task.summary() for task in found])
