"""`localhai deployment run ENDPOINT`."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

import click

from localhai.cli import words
from localhai.cli.deployment.requested import how_options, make, making_options, run_options, snapshot_of
from localhai.cli.options import json_option, pass_call, project_option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from localhai.cli.call import Call
    from localhai.executions.interruption import Interruption
    from localhai.executions.open_project import OpenProject
    from localhai.records.deployment_rows import DeploymentVersion

DEFAULT_PORT = 8000


@click.command("run")
@click.argument("endpoints", metavar="[ENDPOINT]...", nargs=-1)
@click.option("--version", "reference", metavar="VERSION", help="Serve this version, in place of a new one.")
@click.option("--port", "-p", type=click.IntRange(0, 65535), default=DEFAULT_PORT, show_default=True, help="0: any.")
@click.option("--ready-within", type=click.FloatRange(min=1), default=60.0, show_default=True, metavar="SECONDS")
@making_options
@how_options
@json_option
@project_option
@pass_call
def run(
    call: Call, /, *, endpoints: tuple[str, ...], reference: str | None, port: int, ready_within: float, **given: Any
) -> int:
    """Build an endpoint and serve it on a local port until Ctrl-C.

    The image holds the endpoint's image, the repository, the files and the requirements. The URL has the platform's
    prefix OWNER/PROJECT/DEPLOYMENT/VERSION/ENDPOINT. `--json` prints the version once it is served, and logs to stderr.
    """
    from localhai.deployments.proxy import Proxy, Routes
    from localhai.executions.interruption import Interruption, signals_ask

    interruption = Interruption()

    def asked(number: int, _level: int) -> None:
        words.say(f"{signal.Signals(number).name}: stopping the endpoint")

    with call.open_project(yaml=given["yaml"], recover=True) as project, signals_ask(interruption, asked):
        routes = Routes()
        proxy = Proxy(routes, port)
        try:
            if reference is None:
                version, snapshot = make(project, endpoints, given, interruption)
            else:
                version = project.home.records.find_deployment_version(reference, project.record.id)
                snapshot = snapshot_of(project, version)
            names = (
                list(endpoints) if reference is not None and endpoints else [item.name for item in version.endpoints]
            )
            _serve(call, project, version, names, snapshot, proxy, routes, ready_within, interruption, given)
        finally:
            proxy.server_close()
    return 0


def _serve(
    call: Call,
    project: OpenProject,
    version: DeploymentVersion,
    names: Sequence[str],
    snapshot: Any,
    proxy: Any,
    routes: Any,
    ready_within: float,
    interruption: Interruption,
    given: Any,
) -> None:
    from localhai.cli.execution.screen import Screen
    from localhai.deployments.serving import serve
    from localhai.deployments.versions import build_endpoint, work_on

    options = run_options(project, given)
    works = []
    for name in names:
        screen = Screen(name, as_json=call.json, quiet=given["quiet"], progress=True, prefix=True)
        screen.status(f"endpoint {name} of {version.deployment}/{version.name}")
        work = work_on(project, version, name, snapshot, options=options, observer=screen, interruption=interruption)
        works.append((work, build_endpoint(project, work)))

    def ready(urls: Sequence[str]) -> None:
        if call.json:
            import sys

            words.emit_json(project.home.records.deployment_version(version.id).to_dict())
            sys.stdout.flush()
        for url in urls:
            words.say(f"serving at {url} (Ctrl-C stops it)")

    serve(works, proxy, routes, ready_within=ready_within, ready=ready)
    words.say("stopped")
