"""`localhai dataset list`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from localhai.cli.options import json_option, pass_call, project_option
from localhai.cli.versions import print_parents

if TYPE_CHECKING:
    from localhai.cli.call import Call


@click.command("list")
@click.option("--count", "--limit", "-n", type=click.IntRange(min=1), default=100, show_default=True, help="How many.")
@click.option("--name", metavar="TEXT", help="Only datasets with this in their name.")
@json_option
@project_option
@pass_call
def list_datasets(call: Call, *, count: int, name: str | None) -> None:
    """Show the datasets of the project.

    `--json` prints `[{id, name, created, versions, latest}]`.
    """
    with call.open_project(recover=True) as project:
        found = project.home.records.versions.parents(project.record.id, "dataset")
    found = [item for item in found if name is None or name.lower() in item.name.lower()]
    print_parents(found[:count], "dataset", call.format)
