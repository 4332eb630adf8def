"""`localhai pipeline list`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from localhai.cli import formats
from localhai.cli.listing import all_projects_option, count_option, owned_options, print_list, print_no_deleted
from localhai.cli.options import json_option, pass_call, project_option
from localhai.cli.table import Column

if TYPE_CHECKING:
    from localhai.cli.call import Call
    from localhai.records.pipelines import Pipeline

_COLUMNS = (
    *(Column("#", right=True), Column("Status"), Column("Pipeline"), Column("Nodes", right=True)),
    *(Column("Duration", right=True), Column("Created"), Column("Commit"), Column("Title"), Column("Id")),
)


@click.command("list")
@count_option(50)
@owned_options("pipelines")
@all_projects_option("Pipelines")
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
        print_list(
            call,
            found,
            lambda item: item.to_dict(),
            [Column("Project"), *_COLUMNS] if all_projects else _COLUMNS,
            partial(_row, call.format, all_projects),
            none="no pipelines of yours" if owned else "no pipelines yet: localhai pipeline run PIPELINE",
        )


def _row(form: str, all_projects: bool, item: Pipeline) -> list[str | None]:
    """A number is only good within a project: where others are listed, or programs read it, the id stands too."""
    done = sum(node.status == "complete" for node in item.nodes)
    row: list[str | None] = [str(item.counter), item.status, item.name, f"{done}/{len(item.nodes)}"]
    row += [formats.duration(item.duration), formats.moment(item.created), formats.commit(item.commit)]
    row += [item.title if item.title != item.name else None, item.id if all_projects or form != "human" else None]
    return [item.project, *row] if all_projects else row
