"""Serving that goes on when the command has ended: a localhai of its own, without a terminal."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from localhai.errors import Interrupted, LocalhaiError, SurroundingsError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from localhai.executions.open_project import OpenProject
    from localhai.executions.run.stop import Interruption
    from localhai.records.deployments import DeploymentVersion

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
