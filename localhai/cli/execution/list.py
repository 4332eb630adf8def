"""`localhai execution list`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from localhai.cli import formats, output
from localhai.cli.options import json_option, pass_call, project_option
from localhai.cli.owned import print_no_deleted
from localhai.cli.table import Column, print_table
from localhai.vocabulary import INCOMPLETE, Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from localhai.cli.call import Call, HomeView
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
    if deleted:
        print_no_deleted(call, "executions")
        return
    with call.look() as look:
        all_projects = all_projects or look.project is None
        found = select(look, statuses, step, tag, count, all_projects=all_projects, owned=owned)
        if call.json:
            output.emit_json([execution.to_dict() for execution in found])
        elif not found and call.format == "human":
            output.say(
                "no executions"
                + (" yet: localhai run STEP" if not (statuses or step or tag or owned) else " like that")
            )
        else:
            _print(found, call.format, all_projects=all_projects)


def select(
    look: HomeView,
    statuses: Sequence[str],
    step: str | None,
    tag: str | None,
    count: int,
    *,
    all_projects: bool,
    owned: bool,
) -> list[Execution]:
    """Executions that fulfil all conditions, newest first, at most `count`; `owned`: those of who asks."""
    from localhai.executions.execution import Execution
    from localhai.executions.latest import creator_name

    records = look.home.records
    ask = partial(records.executions.of_user, creator_name(look.home.settings)) if owned else records.executions.list
    project_id = None if all_projects else look.project_id
    wanted: list[str | None] = []
    for status in statuses:
        wanted.extend(map(str, INCOMPLETE) if status == "incomplete" else (status,))
    rows = [
        row
        for status in dict.fromkeys(wanted) or (None,)
        for row in ask(project_id, status=status, step=step, tag=tag, limit=count)
    ]
    rows.sort(key=lambda row: row.id, reverse=True)
    return [Execution(look.home, row) for row in rows[:count]]


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
