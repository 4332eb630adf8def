"""`localhai deployment stop VERSION`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from localhai.cli import output
from localhai.cli.deployment.requested import version_argument
from localhai.cli.options import json_option, pass_call, project_option

if TYPE_CHECKING:
    from localhai.cli.call import Call


@click.command("stop")
@version_argument
@json_option
@project_option
@pass_call
def stop(call: Call, reference: str) -> None:
    """Ask the localhai that serves a version to stop it; default: the newest version. `--json` prints the version."""
    from localhai.app.stop import stop_deployment

    with call.look() as look:
        records = look.home.records
        version = records.deployments.find_version(reference, look.project_id)
        asked = stop_deployment(look.home, version)
        name = f"{version.deployment}/{version.name}"
        output.say(f"{name} is asked to stop" if asked else f"{name} is not served")
        if call.json:
            output.emit_json(records.deployments.version(version.id).to_dict())
