"""`localhai execution list`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from localhai.cli import formats
from localhai.cli.listing import all_projects_option, count_option, owned_options, print_list, print_no_deleted
from localhai.cli.options import json_option, pass_call, project_option
from localhai.cli.table import Column
from localhai.vocabulary import Status

if TYPE_CHECKING:
    from localhai.cli.call import Call
    from localhai.executions.execution import Execution

_COLUMNS = (
    *(Column("#", right=True), Column("Status"), Column("Step"), Column("Duration", right=True)),
    *(Column("Created"), Column("Commit"), Column("Title"), Column("Tags"), Column("Id")),
)
STATUSES = tuple(sorted((*map(str, Status), "incomplete")))


@click.command("list")
@click.option("--status", "statuses", multiple=True, type=click.Choice(STATUSES), help="Only these; may be repeated.")
@click.option("--step", help="Only executions of this step.")
@click.option("--tag", help="Only executions with this tag.")
@count_option(50)
@owned_options("executions")
@all_projects_option("Executions")
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
        print_list(
            call,
            found,
            lambda item: item.to_dict(),
            [Column("Project"), *_COLUMNS] if all_projects else _COLUMNS,
            partial(_row, call.format, all_projects),
            none="no executions" + (" like that" if statuses or step or tag or owned else " yet: localhai run STEP"),
        )


def _row(form: str, all_projects: bool, execution: Execution) -> list[str | None]:
    """A number is only good within a project: where others are listed, or programs read it, the id stands too."""
    item = execution.record
    row: list[str | None] = [str(item.counter), str(item.status), item.step, formats.duration(item.duration)]
    row += [formats.moment(item.created), formats.commit(item.commit), item.title, ", ".join(item.tags)]
    row.append(item.id if all_projects or form != "human" else None)
    return [item.project, *row] if all_projects else row
