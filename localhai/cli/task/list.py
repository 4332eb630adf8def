"""`localhai task list`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from localhai.cli import formats, output
from localhai.cli.options import json_option, pass_call, project_option
from localhai.cli.table import Column, print_no_deleted, print_table

if TYPE_CHECKING:
    from localhai.cli.call import Call


@click.command("list")
@click.option("--count", "--limit", "-n", type=click.IntRange(min=1), default=50, show_default=True, help="How many.")
@click.option("--owned", "-o", is_flag=True, help="Only tasks that you started.")
@click.option("--deleted", "-d", is_flag=True, hidden=True)
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
    if call.json:
        output.emit_json(found)
        return
    if not found and call.format == "human":
        output.say("no tasks of yours" if owned else "no tasks yet: localhai task run NAME")
        return
    columns = [Column("#", right=True), Column("Status"), Column("Name"), Column("Step"), Column("Type")]
    columns += [Column("Executions"), Column("Duration", right=True), Column("Created"), Column("Id")]
    lines = []
    for item in found:
        made = ", ".join(f"{number} {status}" for status, number in sorted(item["statuses"].items()))
        lines.append([
            item["counter"], item["status"], item["name"], item["step"], item["type"],
            f"{item['count']}: {made}" if made else item["count"],
            formats.duration(item["duration"]), formats.moment(item["created"]),
            item["id"] if call.format != "human" else None,
        ])  # fmt: skip
    print_table(columns, lines, form=call.format)
