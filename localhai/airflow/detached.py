"""An execution in a process of its own: what a deferred task starts, and nobody waits for but the triggerer."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from localhai.errors import LocalhaiError, ProjectError, SurroundingsError, UsageError
from localhai.system import strict_json

if TYPE_CHECKING:
    from pathlib import Path

    from localhai.airflow.request import ExecutionRequest, PipelineRequest

_KINDS: dict[int, type[LocalhaiError]] = {2: UsageError, 3: ProjectError}


def start(folder: Path, request: ExecutionRequest | PipelineRequest) -> str:
    """Start it in the project at `folder`; gives its id as soon as it has one. Raises what kept it from starting."""
    asked = {"folder": str(folder), "pipeline": hasattr(request, "pipeline"), "request": request.to_dict()}
    process = subprocess.Popen(  # noqa: S603  # our own interpreter and module
        [sys.executable, "-m", "localhai.airflow.detached", strict_json.dumps(asked)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        cwd="/",
    )
    assert process.stdout is not None  # noqa: S101  # it was asked for
    with process.stdout:
        line = process.stdout.readline()
    process.returncode = 0  # it outlives us on purpose: no warning about a child that still runs
    if not line:
        raise SurroundingsError("the process that was to run the execution ended before it began")
    said = json.loads(line)
    if "id" in said:
        return str(said["id"])
    raise _KINDS.get(said["exit_code"], SurroundingsError)(said["message"], hints=said["hints"])


def main(text: str) -> None:
    """The other side: run to the end, and tell on stdout once, what the id is or why there is none."""
    from localhai.airflow.local_pipeline import run_pipeline
    from localhai.airflow.local_run import run_execution
    from localhai.airflow.request import ExecutionRequest, PipelineRequest
    from localhai.app.open_project import OpenProject
    from localhai.executions.run.stop import Interruption, signals_ask

    asked = json.loads(text)
    told = False

    def tell_once(said: dict[str, Any]) -> None:
        nonlocal told
        if not told:
            told = True
            sys.stdout.write(strict_json.dumps(said) + "\n")
            sys.stdout.flush()

    def tell(kind: str, value: Any) -> None:
        if kind == "started":
            tell_once({"id": value["id"]})

    interruption = Interruption()
    try:
        with OpenProject.at(asked["folder"]) as project, signals_ask(interruption, lambda _number, _level: None):
            if asked["pipeline"]:
                run_pipeline(project, PipelineRequest(**asked["request"]), tell, interruption)
            else:
                run_execution(project, ExecutionRequest(**asked["request"]), tell, interruption)
    except LocalhaiError as error:
        tell_once({"message": error.message, "hints": list(error.hints), "exit_code": error.exit_code})


if __name__ == "__main__":
    main(sys.argv[1])
