"""`localhai pipeline list`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from localhai.cli import formats, output
from localhai.cli.options import json_option, pass_call, project_option
from localhai.cli.table import Column, print_no_deleted, print_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from localhai.cli.call import Call
    from localhai.records.pipeline_rows import Pipeline


@click.command("list")
@click.option("--count", "--limit", "-n", type=click.IntRange(min=1), default=50, show_default=True, help="How many.")
@click.option("--owned", "-o", is_flag=True, help="Only pipelines that you started.")
@click.option("--deleted", "-d", is_flag=True, hidden=True)
@click.option("--all-projects", is_flag=True, help="Pipelines of every project of this home.")
@json_option
@project_option
@pass_call
def list_pipelines(call: Call, *, count: int, owned: bool, deleted: bool, all_projects: bool) -> None:
    """Show a list of the pipelines that ran, newest first. `--json` prints a list of pipelines."""
    from localhai.app.list import list_pipelines as select

    if deleted:
        print_no_deleted(call, "pipelines")
        return
    with call.look() as look:
        all_projects = all_projects or look.project is None
        found = select(look.home, look.listing(count, owned=owned, all_projects=all_projects))
        if call.json:
            output.emit_json([record.to_dict() for record in found])
        elif not found and call.format == "human":
            output.say("no pipelines of yours" if owned else "no pipelines yet: localhai pipeline run PIPELINE")
        else:
            _print(found, call.format, all_projects=all_projects)


def _print(found: Sequence[Pipeline], form: str, *, all_projects: bool) -> None:
    columns = [Column("#", right=True), Column("Status"), Column("Pipeline"), Column("Nodes", right=True)]
    columns += [Column("Duration", right=True), Column("Created"), Column("Commit"), Column("Title"), Column("Id")]
    with_id = all_projects or form != "human"  # a number is only good within a project
    if all_projects:
        columns.insert(0, Column("Project"))
    rows = []
    for item in found:
        done = sum(node.status == "complete" for node in item.nodes)
        row: list[str | None] = [str(item.counter), item.status, item.name, f"{done}/{len(item.nodes)}"]
        row += [formats.duration(item.duration), formats.moment(item.created), formats.commit(item.commit)]
        row += [item.title if item.title != item.name else None, item.id if with_id else None]
        rows.append([item.project, *row] if all_projects else row)
    print_table(columns, rows, form=form)
