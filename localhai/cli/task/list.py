"""`localhai task list`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from localhai.cli import formats
from localhai.cli.listing import count_option, owned_options, print_list, print_no_deleted
from localhai.cli.options import json_option, pass_call, project_option
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
