"""`localhai execution list`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from localhai.cli import formats, output
from localhai.cli.options import json_option, pass_call, project_option
from localhai.cli.table import Column, print_no_deleted, print_table
from localhai.vocabulary import Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from localhai.cli.call import Call
    from localhai.executions.execution import Execution

STATUSES = tuple(sorted((*map(str, Status), "incomplete")))


@click.command("list")
@click.option("--status", "statuses", multiple=True, type=click.Choice(STATUSES), help="Only these; may be repeated.")
@click.option("--step", help="Only executions of this step.")
@click.option("--tag", help="Only executions with this tag.")
@click.option("--count", "--limit", "-n", type=click.IntRange(min=1), default=50, show_default=True, help="How many.")
@click.option("--owned", "-o", is_flag=True, help="Only executions that you started.")
@click.option("--deleted", "-d", is_flag=True, hidden=True)
@click.option("--all-projects", is_flag=True, help="Executions of every project of this home.")
@json_option
@project_option
@pass_call
def list_executions(
    call: Call,
    *,
    statuses: tuple[str, ...],
    step: str | None,
    tag: str | None,
    count: int,
    owned: bool,
    deleted: bool,
    all_projects: bool,
) -> None:
    """Show a list of executions, newest first."""
    from localhai.app.list import list_executions as select
    from localhai.executions.execution import Execution

    if deleted:
        print_no_deleted(call, "executions")
        return
    with call.look() as look:
        all_projects = all_projects or look.project is None
        request = look.listing(count, owned=owned, all_projects=all_projects)
        rows = select(look.home, request, statuses=statuses, step=step, tag=tag)
        found = [Execution(look.home, row) for row in rows]
        if call.json:
            output.emit_json([execution.to_dict() for execution in found])
        elif not found and call.format == "human":
            output.say(
                "no executions"
                + (" yet: localhai run STEP" if not (statuses or step or tag or owned) else " like that")
            )
        else:
            _print(found, call.format, all_projects=all_projects)


def _print(found: Sequence[Execution], form: str, *, all_projects: bool) -> None:
    columns = [Column("#", right=True), Column("Status"), Column("Step"), Column("Duration", right=True)]
    columns += [Column("Created"), Column("Commit"), Column("Title"), Column("Tags"), Column("Id")]
    with_id = all_projects or form != "human"  # a number is only good within a project
    if all_projects:
        columns.insert(0, Column("Project"))
    rows = []
    for execution in found:
        item = execution.record
        row: list[str | None] = [str(item.counter), str(item.status), item.step, formats.duration(item.duration)]
        row += [formats.moment(item.created), formats.commit(item.commit), item.title, ", ".join(item.tags)]
        row.append(item.id if with_id else None)
        rows.append([item.project, *row] if all_projects else row)
    print_table(columns, rows, form=form)
