"""`localhai task list` and `info`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from localhai.cli import formats, output
from localhai.cli.listing import count_option, owned_options, print_list, print_no_deleted
from localhai.cli.options import csv_option, json_option, pass_call, project_option
from localhai.cli.table import Column

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from localhai.cli.call import Call

_COLUMNS = (
    *(Column("#", right=True), Column("Status"), Column("Name"), Column("Step"), Column("Type")),
    *(Column("Executions"), Column("Duration", right=True), Column("Created"), Column("Id")),
)


@click.command("list")
@count_option(50)
@owned_options("tasks")
@json_option
@project_option
@pass_call
def list_tasks(call: Call, *, count: int, owned: bool, deleted: bool) -> None:
    """Show a list of tasks, newest first. `--json` prints each with the counts of its executions by status."""
    from localhai.app.list import list_tasks as select
    from localhai.tasks.task import Task

    if deleted:
        print_no_deleted(call, "tasks")
        return
    with call.look() as look:
        rows = select(look.home, look.listing(count, owned=owned))
        found = [Task(look.home, row).summary() for row in rows]
    print_list(
        call,
        found,
        dict,
        _COLUMNS,
        partial(_row, call.format),
        none="no tasks of yours" if owned else "no tasks yet: localhai task run NAME",
    )


def _row(form: str, item: Mapping[str, Any]) -> list[Any]:
    made = ", ".join(f"{number} {status}" for status, number in sorted(item["statuses"].items()))
    row = [item["counter"], item["status"], item["name"], item["step"], item["type"]]
    row += [f"{item['count']}: {made}" if made else item["count"], formats.duration(item["duration"])]
    return [*row, formats.moment(item["created"]), item["id"] if form != "human" else None]


@click.command("info")
@click.argument("reference", metavar="TASK")
@click.option("--sort", metavar="COLUMN", help="Order by a column; -COLUMN is largest first.")
@csv_option
@json_option
@project_option
@pass_call
def info(call: Call, *, reference: str, sort: str | None) -> None:
    """Compare the executions of a task: parameters against final metadata, best first when the target is known.

    TASK is its number, `latest`, its id or the beginning of one. `--json` prints the task with its plan and the rows of
    the table as `executions`.
    """
    from localhai.cli.task.follow import ending, show
    from localhai.tasks.task import Task

    with call.look() as look:
        task = Task(look.home, look.home.records.tasks.find(reference, look.project_id))
        show(call, task, sort)
        if call.format == "human":
            output.say(ending(task))
