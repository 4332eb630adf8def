"""What dev mode runs on this machine, told line by line: in this process, or in one that outlives the task."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from localhai.airflow.platform import ExecutionRequest, PipelineRequest, Watcher
from localhai.airflow.tries import claim
from localhai.errors import LocalhaiError, ProjectError, SurroundingsError, UsageError
from localhai.system import strict_json

if TYPE_CHECKING:
    from pathlib import Path

    from localhai.app.open_project import OpenProject
    from localhai.executions.execution import Execution
    from localhai.executions.run.context import RunOptions
    from localhai.executions.run.stop import Interruption
    from localhai.project.plan import ExecutionPlan
    from localhai.project.snapshot import Snapshot
    from localhai.records.pipelines import Pipeline

_KINDS: dict[int, type[LocalhaiError]] = {2: UsageError, 3: ProjectError}


def run(
    project: OpenProject, request: ExecutionRequest | PipelineRequest, watcher: Watcher, interruption: Interruption
) -> Execution | Pipeline:
    """Run it to its end, or watch on what an earlier try left. Raises LocalhaiError for what keeps it from starting."""
    commit, words = _code_of(project, request)
    if isinstance(request, PipelineRequest):
        from localhai.airflow.pipelines.running import run_pipeline

        return run_pipeline(project, request, commit, words, watcher, interruption)
    from localhai.airflow.earlier import execution_left, join
    from localhai.airflow.working import Telling
    from localhai.app.start import ExecutionStart, run_execution
    from localhai.project.overrides import Overrides

    options = replace(project.options(), reuse=request.reuse)
    overrides = Overrides(
        parameters=dict(request.parameters),
        inputs=dict(request.inputs),
        environment_variables=dict(request.environment_variables),
        environment=request.environment,
        time_limit=request.time_limit,
        title=request.title,
    )
    if request.node is None:
        plan, snapshot = project.prepare(request.step, overrides, options, commit=commit)
    else:
        plan, snapshot = _prepared_node(project, request.node, overrides, options, commit)
    mine = claim(request.last_try, code=snapshot.identifier, asked=plan.to_dict())
    left = execution_left(project, request.origin, mine, plan, watcher)
    if left is not None:
        left = join(project.home, left, watcher, interruption)
        if left.status != "crashed" or interruption.asked:
            return left
        watcher.say(f"execution #{left.counter} was torn away ({left.error}); another one is started")
    watcher.say(words)
    plan = replace(plan, tags=mine.tags(request))
    start = ExecutionStart(project, plan, snapshot, options)
    return run_execution(start, observer=Telling(watcher, project.home), interruption=interruption)


def _prepared_node(
    project: OpenProject, described: Any, overrides: Any, options: RunOptions, commit: str | None
) -> tuple[ExecutionPlan, Snapshot]:
    """For a node of a pipeline: its step with the node's override. Raises ProjectError and UsageError."""
    from localhai.pipelines.plan import Node
    from localhai.pipelines.sources import Sources

    node, sources = strict_json.convert(described, Node), Sources(project, commit)
    snapshot = sources.snapshot(node.commit)
    config, secrets = sources.node_config(node), tuple(options.secrets)
    plan = project.plan(
        node.step or "", overrides=overrides, secrets=secrets, commit=snapshot.identifier, config=config
    )
    return plan, snapshot


def _code_of(project: OpenProject, request: ExecutionRequest | PipelineRequest) -> tuple[str | None, str]:
    """The git reference that a request means, None for the working tree, and a sentence that says so.

    Raises UsageError for a branch or commit that git does not know, ProjectError where there is no repository.
    """
    folder = project.folder.path
    if request.commit:
        return request.commit, f"the code is commit {request.commit} of {folder}, as git has it"
    if request.branch:
        from localhai.project.checkout import newest

        sha = newest(folder, request.branch)
        what = f"branch {request.branch} of {folder}, commit {sha[:12]}"
        return sha, f"the code is {what}; uncommitted changes are not in it"
    return None, f"the code is the working tree of {folder} as it is now (commit= or branch= take git's instead)"


def start(folder: Path, request: ExecutionRequest | PipelineRequest) -> str:
    """Run it in a process of its own, in the project at `folder`: what a deferred task starts.

    Gives its id as soon as it has one. Raises what kept it from starting.
    """
    asked = {"folder": str(folder), "kind": request.kind, "request": request.to_dict()}
    process = subprocess.Popen(  # noqa: S603  # our own interpreter and module
        [sys.executable, "-m", "localhai.airflow.running", strict_json.dumps(asked)],
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


class _Once(Watcher):
    """Says on stdout once what the id is, or why there is none."""

    said = False

    def started(self, key: str, url: str | None) -> None:  # noqa: ARG002  # the other side looks it up
        self.write({"id": key})

    def write(self, said: dict[str, Any]) -> None:
        if not self.said:
            self.said = True
            sys.stdout.write(strict_json.dumps(said) + "\n")
            sys.stdout.flush()


def main(text: str) -> None:
    """The other side of `start`: run to the end."""
    from localhai.app.open_project import OpenProject
    from localhai.executions.run.stop import Interruption, signals_ask

    asked, watcher, interruption = json.loads(text), _Once(), Interruption()
    try:
        with OpenProject.at(asked["folder"]) as project, signals_ask(interruption, lambda _number, _level: None):
            kind = PipelineRequest if asked["kind"] == "pipeline" else ExecutionRequest
            run(project, kind(**asked["request"]), watcher, interruption)
    except LocalhaiError as error:
        watcher.write({"message": error.message, "hints": list(error.hints), "exit_code": error.exit_code})


if __name__ == "__main__":
    main(sys.argv[1])
