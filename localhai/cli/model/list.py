"""`localhai model list`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from localhai.cli.options import json_option, pass_call, project_option
from localhai.cli.versions import print_parents

if TYPE_CHECKING:
    from localhai.cli.call import Call


@click.command("list")
@click.option("--count", "--limit", "-n", type=click.IntRange(min=1), default=100, show_default=True, help="How many.")
@click.option("--name", metavar="TEXT", help="Only models with this in their name.")
@json_option
@project_option
@pass_call
def list_models(call: Call, *, count: int, name: str | None) -> None:
    """Show the models of the project.

    `--json` prints `[{id, name, created, versions, latest}]`.
    """
    with call.open_project(recover=True) as project:
        found = project.home.records.version_parents(project.record.id, "model")
    found = [item for item in found if name is None or name.lower() in item.name.lower()]
    print_parents(found[:count], "model", call.format)
