"""One execution of this machine, from request to its end, told line by line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from localhai.airflow.request import tags_with_origin
from localhai.airflow.working import Teller
from localhai.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from localhai.airflow.request import ExecutionRequest, PipelineRequest
    from localhai.app.open_project import OpenProject
    from localhai.executions.run.context import RunOptions
    from localhai.executions.run.stop import Interruption
    from localhai.project.plan import ExecutionPlan
    from localhai.project.snapshot import Snapshot


def run_execution(
    project: OpenProject,
    request: ExecutionRequest,
    tell: Callable[[str, Any], None],
    interruption: Interruption,
) -> str:
    """Run it to its end; gives its id. Raises LocalhaiError for what keeps it from starting."""
    from localhai.airflow.attaching import execution_left, join
    from localhai.airflow.claim import claim
    from localhai.app.start import ExecutionStart, run_execution

    commit, words = code_of(project, request)
    plan, snapshot, options = _prepared(project, request, commit)
    mine = claim(request.last_try, code=snapshot.identifier, asked=plan.to_dict())
    left = execution_left(project, request.origin, mine, plan, tell)
    if left is not None:
        key = join(project.home, left, tell, interruption)
        if left.status != "crashed" or interruption.asked:
            return key
        tell("line", f"localhai: execution #{left.counter} was torn away ({left.error}); another one is started")
    tell("line", f"localhai: {words}")
    plan = replace(plan, tags=tags_with_origin(request, mine.tag))
    start = ExecutionStart(project, plan, snapshot, options)
    return run_execution(start, observer=Teller(tell), interruption=interruption).id


def _prepared(
    project: OpenProject, request: ExecutionRequest, commit: str | None
) -> tuple[ExecutionPlan, Snapshot, RunOptions]:
    """What will run; for a node of a pipeline the step with its override. Raises ProjectError and UsageError."""
    from localhai.project.overrides import Overrides

    options = project.options()
    overrides = Overrides(
        parameters=dict(request.parameters),
        inputs=dict(request.inputs),
        environment_variables=dict(request.environment_variables),
        environment=request.environment,
        time_limit=request.time_limit,
        title=request.title,
    )
    if request.node is None:
        return (*project.prepare(request.step, overrides, options, commit=commit), options)
    from localhai.airflow.local_node import prepare_node

    return prepare_node(project, request, overrides, options, commit)


def code_of(project: OpenProject, request: ExecutionRequest | PipelineRequest) -> tuple[str | None, str]:
    """The git reference that a request means, None for the working tree, and a sentence that says so.

    Raises UsageError for a branch or commit that git does not know, ProjectError where there is no repository.
    """
    folder = project.folder.path
    if request.commit:
        return request.commit, f"the code is commit {request.commit} of {folder}, as git has it"
    if request.branch:
        sha = head_of(folder, request.branch)
        what = f"branch {request.branch} of {folder}, commit {sha[:12]}"
        return sha, f"the code is {what}; uncommitted changes are not in it"
    return None, f"the code is the working tree of {folder} as it is now (commit= or branch= take git's instead)"


def head_of(folder: Path, branch: str) -> str:
    """The newest commit of a branch, of `origin` if there is none here. Raises UsageError and ProjectError."""
    from localhai.project import checkout

    try:
        return checkout.resolve(folder, branch).sha
    except UsageError:
        try:
            return checkout.resolve(folder, f"origin/{branch}").sha
        except UsageError:
            pass
        raise
