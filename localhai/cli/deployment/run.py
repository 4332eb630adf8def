"""`localhai deployment run ENDPOINT`."""

from __future__ import annotations

import signal
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import click

from localhai.cli import output
from localhai.cli.deployment.requested import building, how_options, make, making_options, snapshot_of
from localhai.cli.options import json_option, pass_call, project_option
from localhai.errors import Interrupted, UsageError
from localhai.vocabulary import SERVER_PORT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from localhai.cli.call import Call
    from localhai.deployments.proxy import Proxy
    from localhai.deployments.work import Work
    from localhai.executions.open_project import OpenProject
    from localhai.executions.run.stop import Interruption
    from localhai.project.snapshot import Snapshot
    from localhai.records.deployments import DeploymentVersion


@click.command("run")
@click.argument("endpoints", metavar="[ENDPOINT]...", nargs=-1)
@click.option("--version", "reference", metavar="VERSION", help="Serve this version, in place of a new one.")
@click.option("--port", "-p", type=click.IntRange(0, 65535), default=SERVER_PORT, show_default=True, help="0: any.")
@click.option(
    "--ready-within",
    type=click.FloatRange(min=1),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="How long a server may take until it answers.",
)
@click.option("--detach", "-D", is_flag=True, help="Serve in the background, until `localhai deployment stop`.")
@making_options
@how_options
@json_option
@project_option
@pass_call
def run(
    call: Call,
    /,
    *,
    endpoints: tuple[str, ...],
    reference: str | None,
    port: int,
    ready_within: float,
    detach: bool,
    **given: Any,
) -> int:
    """Build an endpoint and serve it on a local port until Ctrl-C.

    The image holds the endpoint's image, the repository, the files and the requirements. The URL has the platform's
    prefix OWNER/PROJECT/DEPLOYMENT/VERSION/ENDPOINT. `--json` prints the version once it is served, and logs to stderr.
    """
    from localhai.deployments.proxy import Proxy, Routes
    from localhai.executions.run.stop import Interruption, signals_ask

    interruption = Interruption()
    with call.open_project(yaml=given["yaml"], recover=True) as project, signals_ask(interruption, _say_signal):
        proxy = Proxy(Routes(), port)  # first of all: a port in use is said before anything is built
        with ExitStack() as stack:
            stack.callback(proxy.server_close)
            version, names, snapshot = _version(project, endpoints, reference, given, interruption)
            built = [
                stack.enter_context(building(call, project, version, name, snapshot, given, interruption))
                for name in names
            ]
            if detach:
                stack.close()  # port and log are whose who serves from now on
                _detach(call, project, version, names, interruption, _passed_on(given, port, ready_within))
                return 0
            _serve(call, project, version, built, proxy, ready_within)
    if interruption.asked:
        return Interrupted.exit_code
    output.say("stopped, as it was asked to")
    return 0


def _version(
    project: OpenProject,
    endpoints: Sequence[str],
    reference: str | None,
    given: dict[str, Any],
    interruption: Interruption,
) -> tuple[DeploymentVersion, list[str], Snapshot]:
    """What is to be served. Raises UsageError for what only a new version can be given."""
    if reference is None:
        version, snapshot = make(project, endpoints, given, interruption)
        return version, [item.name for item in version.endpoints], snapshot
    from localhai.project.names import find_by_prefix

    making = {"files": "--file", "variables": "--var", "aliases": "--alias", "name": "--name", "commit": "--commit"}
    asked = [option for key, option in making.items() if given[key]]
    if asked:
        raise UsageError(f"{asked[0]} makes a new version, and --version serves one that is there: give one of them")
    version = project.home.records.deployments.find_version(reference, project.record.id)
    known = [item.name for item in version.endpoints]
    names = [find_by_prefix("endpoint", "endpoints", name, known) for name in endpoints] or known
    return version, names, snapshot_of(project, version)


def _serve(
    call: Call,
    project: OpenProject,
    version: DeploymentVersion,
    built: Sequence[tuple[Work, str]],
    proxy: Proxy,
    ready_within: float,
) -> None:
    from localhai.deployments.serving import serve

    def ready(urls: Sequence[str]) -> None:
        if call.json:
            output.emit_json(project.home.records.deployments.version(version.id).to_dict())
            sys.stdout.flush()
        for url in urls:
            output.say(f"serving at {url} (Ctrl-C stops it)")

    serve(built, proxy, ready_within=ready_within, ready=ready)


def _detach(
    call: Call,
    project: OpenProject,
    version: DeploymentVersion,
    names: Sequence[str],
    interruption: Interruption,
    options: Sequence[str],
) -> None:
    from localhai.cli.deployment.background import serve_in_background

    served = serve_in_background(project, version, names, options, interruption)
    if call.json:
        output.emit_json(served.to_dict())
    for endpoint in served.endpoints:
        if endpoint.name in names:
            output.say(f"serving at {endpoint.document.get('url')}")
    output.hint(f"localhai deployment stop {served.deployment}/{served.name}")


def _passed_on(given: dict[str, Any], port: int, ready_within: float) -> list[str]:
    """The options that whoever serves in the background needs too. Paths are absolute."""
    from pathlib import Path

    options = ["--port", str(port), "--ready-within", str(ready_within), "--pull", "never"]
    if given["env_file"] is not None:
        options += ["--env-file", str(Path(given["env_file"]).absolute())]
    return options


def _say_signal(number: int, level: int) -> None:
    name = signal.Signals(number).name
    output.say(f"{name}: stopping" if level == 1 else f"{name} again: killing")
