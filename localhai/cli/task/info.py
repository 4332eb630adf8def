"""`localhai task info TASK`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from localhai.cli import output
from localhai.cli.options import json_option, pass_call, project_option
from localhai.cli.task.run import set_csv

if TYPE_CHECKING:
    from localhai.cli.call import Call


@click.command("info")
@click.argument("reference", metavar="TASK")
@click.option("--sort", metavar="COLUMN", help="Order by a column; -COLUMN is largest first.")
@click.option("--csv", is_flag=True, expose_value=False, callback=set_csv, help="As CSV.")
@json_option
@project_option
@pass_call
def info(call: Call, *, reference: str, sort: str | None) -> None:
    """Compare the executions of a task: parameters against final metadata, best first when the target is known.

    TASK is its number, `latest`, its id or the beginning of one. `--json` prints the task with its plan and the rows of
    the table as `executions`.
    """
    from localhai.cli.task.following import ending, show
    from localhai.tasks.task import Task

    with call.look() as look:
        task = Task(look.home, look.home.records.tasks.find(reference, look.project_id))
        show(call, task, sort)
        if call.format == "human":
            output.say(ending(task))
