"""`localhai task stop TASK`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from localhai.cli import output
from localhai.cli.options import json_option, pass_call, project_option
from localhai.errors import UsageError

if TYPE_CHECKING:
    from localhai.cli.call import Call, HomeView
    from localhai.records.task_rows import TaskRecord


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
    from localhai.app.stop import stop_task
    from localhai.tasks.task import Task

    if references == ("all",):
        references, every = (), True
    if bool(references) == every:
        raise UsageError("name tasks to stop, or say --all", hints=["localhai task stop 5", "... --all"])
    with call.look() as look:
        found = []
        for record in _in_progress(look) if every else [_find(look, reference) for reference in references]:
            asked = stop_task(look.home, record.id)
            task = Task(look.home, look.home.records.tasks.get(record.id))
            name = f"task #{record.counter} ({record.name})"
            output.say(f"{name} is asked to stop" if asked else f"{name} has ended already: {task.record.status}")
            found.append(task)
        if not found:
            output.say("nothing is in progress")
        if call.json:
            output.emit_json([task.summary() for task in found])


def _find(look: HomeView, reference: str) -> TaskRecord:
    return look.home.records.tasks.find(reference, look.project_id)


def _in_progress(look: HomeView) -> list[TaskRecord]:
    return [record for record in look.home.records.tasks.list_open() if look.project_id in {None, record.project_id}]
