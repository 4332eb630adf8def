"""`localhai deployment create-version`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from localhai.cli import output
from localhai.cli.deployment.requested import building, how_options, make, making_options
from localhai.cli.options import json_option, pass_call, project_option

if TYPE_CHECKING:
    from localhai.cli.call import Call


@click.command("create-version")
@click.option("--endpoint", "--endpoints", "-e", "endpoints", multiple=True, metavar="NAME", help="May be repeated.")
@making_options
@how_options
@json_option
@project_option
@pass_call
def create_version(call: Call, /, *, endpoints: tuple[str, ...], **given: Any) -> None:
    """Make a version of a deployment and build the images of its endpoints, to be served later.

    `--json` prints the version.
    """
    from localhai.executions.run.stop import Interruption, signals_ask

    interruption = Interruption()
    with call.open_project(yaml=given["yaml"], recover=True) as project, signals_ask(interruption, lambda *_: None):
        version, snapshot = make(project, endpoints, given, interruption)
        for endpoint in version.endpoints:
            with building(call, project, version, endpoint.name, snapshot, given, interruption):
                pass
        if call.json:
            output.emit_json(project.home.records.deployments.version(version.id).to_dict())
        else:
            output.emit(f"{version.deployment}/{version.name}")
            output.hint(f"localhai deployment run --version {version.deployment}/{version.name}")
