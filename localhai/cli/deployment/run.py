"""`localhai deployment run ENDPOINT`: served by this localhai, or with `--detach` by one without a terminal."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any

import click

from localhai.cli import output
from localhai.cli.deployment.create_version import (
    GivenVersion,
    building,
    how_options,
    make,
    making_options,
    snapshot_of,
)
from localhai.cli.options import json_option, pass_call, project_option
from localhai.errors import Interrupted, LocalhaiError, SurroundingsError, UsageError
from localhai.vocabulary import SERVER_PORT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from localhai.app.open_project import OpenProject
    from localhai.cli.call import Call
    from localhai.deployments.proxy import Proxy
    from localhai.deployments.work import Work
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
    **words: Any,
) -> int:
    """Build an endpoint and serve it on a local port until Ctrl-C.

    The image holds the endpoint's image, the repository, the files and the requirements. The URL has the platform's
    prefix OWNER/PROJECT/DEPLOYMENT/VERSION/ENDPOINT. `--json` prints the version once it is served, and logs to stderr.
    """
    given = GivenVersion(**words)
    from localhai.deployments.proxy import Proxy, Routes
    from localhai.executions.run.stop import Interruption, signals_ask

    interruption = Interruption()
    with call.open_project(yaml=given.yaml, recover=True) as project, signals_ask(interruption, _say_signal):
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
    given: GivenVersion,
    interruption: Interruption,
) -> tuple[DeploymentVersion, list[str], Snapshot]:
    """What is to be served. Raises UsageError for what only a new version can be given."""
    if reference is None:
        version, snapshot = make(project, endpoints, given, interruption)
        return version, [item.name for item in version.endpoints], snapshot
    from localhai.project.names import find_by_prefix

    making = {
        "--file": given.files,
        "--var": given.variables,
        "--alias": given.aliases,
        "--name": given.name,
        "--commit": given.commit,
    }
    asked = [option for option, value in making.items() if value]
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

    served = serve_in_background(project, version, names, options, interruption)
    if call.json:
        output.emit_json(served.to_dict())
    for endpoint in served.endpoints:
        if endpoint.name in names:
            output.say(f"serving at {endpoint.document.get('url')}")
    output.hint(f"localhai deployment stop {served.deployment}/{served.name}")


def _passed_on(given: GivenVersion, port: int, ready_within: float) -> list[str]:
    """The options that whoever serves in the background needs too. Paths are absolute."""
    from pathlib import Path

    options = ["--port", str(port), "--ready-within", str(ready_within), "--pull", "never"]
    if given.env_file is not None:
        options += ["--env-file", str(Path(given.env_file).absolute())]
    return options


def _say_signal(number: int, level: int) -> None:
    name = signal.Signals(number).name
    output.say(f"{name}: stopping" if level == 1 else f"{name} again: killing")


LOOK = 0.1  # seconds
_OUT, _ERR = "background.out", "background.err"
_KINDS = {kind.exit_code: kind for kind in (UsageError, SurroundingsError)}


def serve_in_background(
    project: OpenProject,
    version: DeploymentVersion,
    names: Sequence[str],
    options: Sequence[str],
    interruption: Interruption,
) -> DeploymentVersion:
    """Start a localhai that serves endpoints of a version, built before; returns once all answer.

    Raises Interrupted, and as LocalhaiError what that localhai could not do.
    """
    from localhai.deployments.versions import FOLDER

    folder = project.home.folder.absolute() / FOLDER / version.id
    process = _start(project, folder, [*names, "--version", version.id, *options])
    records = project.home.records
    while process.poll() is None:
        found = records.deployments.version(version.id)
        served = {item.name for item in found.endpoints if item.status == "serving"}
        if served.issuperset(names):
            process.returncode = 0  # it outlives us: nobody waits for it
            return found
        if interruption.asked:
            process.send_signal(signal.SIGTERM)
            process.wait()
            raise Interrupted("interrupted before the endpoint answered")
        time.sleep(LOOK)
    raise _failure(folder, process.returncode)


def _start(project: OpenProject, folder: Path, arguments: Sequence[str]) -> subprocess.Popen[bytes]:
    folder.mkdir(parents=True, exist_ok=True)
    place = ["--project", str(project.folder.path), "--yaml", str(project.folder.yaml)]
    code = "from localhai.__main__ import main; main()"
    with (folder / _OUT).open("wb") as out, (folder / _ERR).open("wb") as err:
        return subprocess.Popen(  # noqa: S603  # this very program
            [sys.executable, "-c", code, "deployment", "run", *arguments, *place, "--quiet", "--json"],
            cwd=folder,  # not the project's: its modules are not ours
            env={**os.environ, "LOCALHAI_HOME": str(project.home.folder.absolute())},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )


def _failure(folder: Path, code: int) -> LocalhaiError:
    """What it said before it ended, as an error of ours."""
    with suppress(ValueError, KeyError, TypeError):
        said = json.loads((folder / _OUT).read_text())["error"]
        kind = _KINDS.get(code, LocalhaiError)
        return kind(said["message"], where=said["where"], hints=said["hints"])
    lines = (folder / _ERR).read_text(errors="replace").splitlines()[-12:]
    return LocalhaiError(f"the localhai that was to serve it ended with exit code {code}", hints=lines)
