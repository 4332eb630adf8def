"""`localhai deployment list`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from localhai.cli import formats, output
from localhai.cli.options import json_option, pass_call, project_option
from localhai.cli.table import Column, print_table

if TYPE_CHECKING:
    from localhai.cli.call import Call


@click.command("list")
@click.option("--count", "--limit", "-n", type=click.IntRange(min=1), default=50, show_default=True, help="How many.")
@click.option("--all-projects", is_flag=True, help="Versions of every project of this home.")
@json_option
@project_option
@pass_call
def list_versions(call: Call, *, count: int, all_projects: bool) -> None:
    """Show a list of deployment versions, newest first. `--json` prints a list of versions."""
    with call.look() as look:
        found = look.home.records.deployments.versions(None if all_projects else look.project_id, limit=count)
        if call.json:
            output.emit_json([version.to_dict() for version in found])
            return
        if not found and call.format == "human":
            output.say("no deployment versions yet: localhai deployment run ENDPOINT")
            return
        columns = [Column("Deployment"), Column("Version"), Column("Aliases"), Column("Endpoints")]
        columns += [Column("URL"), Column("Created"), Column("Commit")]
        rows = []
        for item in found:
            ends = ", ".join(f"{endpoint.name} ({endpoint.status})" for endpoint in item.endpoints)
            urls = " ".join(
                str(endpoint.document["url"]) for endpoint in item.endpoints if endpoint.document.get("url")
            )
            row: list[str | None] = [item.deployment, item.name, ", ".join(item.aliases), ends, urls]
            rows.append([*row, formats.moment(item.created), formats.commit(item.commit)])
        print_table(columns, rows, form=call.format)
