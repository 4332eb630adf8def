"""`localhai model versions NAME`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from localhai.cli import output
from localhai.cli.options import json_option, pass_call, project_option
from localhai.cli.versions import all_versions, print_versions, split

if TYPE_CHECKING:
    from localhai.cli.call import Call


@click.command("versions")
@click.argument("model", metavar="NAME")
@click.option("--count", "--limit", "-n", type=click.IntRange(min=1), default=100, show_default=True, help="How many.")
@click.option(
    "--status",
    "-s",
    "statuses",
    multiple=True,
    type=click.Choice(["pending", "approved", "rejected"], case_sensitive=False),
    help="Only versions of this status.",
)
@click.option("--tag", "-t", "tags", multiple=True, help="Only versions with this tag.")
@json_option
@project_option
@pass_call
def versions(call: Call, *, model: str, count: int, statuses: tuple[str, ...], tags: tuple[str, ...]) -> None:
    """Show the versions of a model, newest first.

    `--json` prints `[{id, model, name, counter, uri, created, execution, aliases, tags, status, release_note,
    files[datum]}]`.
    """
    with call.open_project(recover=True) as project:
        found = all_versions(project, "model", split(model, "model")[0])
    found = [item for item in found if set(tags) <= set(item.tags) and item.status in (statuses or {item.status})]
    found = found[:count]
    if call.json:
        output.emit_json([item.to_dict() for item in found])
    else:
        print_versions(found, call.format)
