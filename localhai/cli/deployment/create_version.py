"""`localhai deployment create-version`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from localhai.cli import words
from localhai.cli.deployment.requested import how_options, make, making_options, run_options
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
    """Make a version of a deployment and build the images of its endpoints, to be served later."""
    from localhai.cli.execution.screen import Screen
    from localhai.deployments.versions import build_endpoint, work_on
    from localhai.executions.interruption import Interruption, signals_ask

    interruption = Interruption()
    with call.open_project(yaml=given["yaml"], recover=True) as project, signals_ask(interruption, lambda *_: None):
        version, snapshot = make(project, endpoints, given, interruption)
        for endpoint in version.endpoints:
            screen = Screen(endpoint.name, as_json=call.json, quiet=given["quiet"], progress=True, prefix=True)
            work = work_on(
                project,
                version,
                endpoint.name,
                snapshot,
                options=run_options(project, given),
                observer=screen,
                interruption=interruption,
            )
            try:
                build_endpoint(project, work)
            finally:
                work.capture.end()
                work.capture.close()
                screen.close()
        if call.json:
            words.emit_json(project.home.records.deployment_version(version.id).to_dict())
        else:
            words.emit(f"{version.deployment}/{version.name}")
            words.hint(f"localhai deployment run --version {version.deployment}/{version.name}")
