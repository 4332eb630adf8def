"""`localhai deployment list`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from localhai.cli import formats
from localhai.cli.listing import all_projects_option, count_option, print_list
from localhai.cli.options import json_option, pass_call, project_option
from localhai.cli.table import Column

if TYPE_CHECKING:
    from localhai.cli.call import Call
    from localhai.records.deployments import DeploymentVersion

_COLUMNS = (
    *(Column("Deployment"), Column("Version"), Column("Aliases"), Column("Endpoints")),
    *(Column("URL"), Column("Created"), Column("Commit")),
)


@click.command("list")
@count_option(50)
@all_projects_option("Versions")
@json_option
@project_option
@pass_call
def list_versions(call: Call, *, count: int, all_projects: bool) -> None:
    """Show a list of deployment versions, newest first. `--json` prints a list of versions."""
    with call.look() as look:
        found = look.home.records.deployments.versions(None if all_projects else look.project_id, limit=count)
        print_list(
            call,
            found,
            lambda item: item.to_dict(),
            _COLUMNS,
            _row,
            none="no deployment versions yet: localhai deployment run ENDPOINT",
        )


def _row(item: DeploymentVersion) -> list[str | None]:
    ends = ", ".join(f"{endpoint.name} ({endpoint.status})" for endpoint in item.endpoints)
    urls = " ".join(str(endpoint.document["url"]) for endpoint in item.endpoints if endpoint.document.get("url"))
    row: list[str | None] = [item.deployment, item.name, ", ".join(item.aliases), ends, urls]
    return [*row, formats.moment(item.created), formats.commit(item.commit)]
