"""`localhai deployment list`, `info` and `logs`."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

import click

from localhai.cli import formats, output
from localhai.cli.listing import all_projects_option, count_option, print_facts, print_list
from localhai.cli.options import json_option, pass_call, project_option, version_argument
from localhai.cli.table import Column
from localhai.errors import UsageError

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


@click.command("info")
@version_argument
@json_option
@project_option
@pass_call
def info(call: Call, reference: str) -> None:
    """Show all about one deployment version; default: the newest. `--json` prints the version."""
    with call.look() as look:
        version = look.home.records.deployments.find_version(reference, look.project_id)
        if call.json:
            output.emit_json(version.to_dict())
            return
        print_facts(_facts(version), dim=True)


def _facts(version: DeploymentVersion) -> list[tuple[str, Any]]:
    facts: list[tuple[str, Any]] = [
        ("Version", f"{version.deployment}/{version.name} of {version.project}"),
        ("Aliases", ", ".join(version.aliases)),
        ("Commit", version.commit),
        ("Created", formats.moment(version.created)),
        ("Id", version.id),
    ]
    for endpoint in version.endpoints:
        facts.append(("Endpoint", f"{endpoint.name}: {endpoint.status}"))
        facts.append(("  URL", endpoint.document.get("url")))
        facts.append(("  Error", endpoint.document.get("error")))
        facts.append(("  Image", endpoint.document.get("image")))
        facts += [("  File", f"{file.name} at {file.path}: {file.uri}") for file in endpoint.files]
    return facts


@click.command("logs")
@version_argument
@click.option("--endpoint", "-e", metavar="NAME", help="Of which endpoint; default: the only one.")
@click.option("--last", "-n", type=click.IntRange(min=0), help="Only that many lines, the last ones.")
@json_option
@project_option
@pass_call
def logs(call: Call, reference: str, *, endpoint: str | None, last: int | None) -> None:
    """Show the log of an endpoint: its build and its server; default: of the newest version.

    `--json` prints `[{stream, time, message}]`.
    """
    from localhai.deployments.versions import FOLDER
    from localhai.executions.log.log import read_events
    from localhai.project.names import find_by_prefix

    with call.look() as look:
        version = look.home.records.deployments.find_version(reference, look.project_id)
        names = [item.name for item in version.endpoints]
        if endpoint is None and len(names) != 1:
            raise UsageError("which endpoint?", hints=[f"--endpoint {name}" for name in names])
        name = names[0] if endpoint is None else find_by_prefix("endpoint", "endpoints", endpoint, names)
        events = deque(read_events(look.home.folder / FOLDER / version.id / name), maxlen=last)
        if call.json:
            output.emit_json([event.to_dict() for event in events])
            return
        for event in events:
            output.emit(event.message)
