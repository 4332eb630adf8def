"""One node of a pipeline as an execution of this machine: the step with the node's override, and what edges gave it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from localhai.pipelines.plan import Node
from localhai.pipelines.sources import Sources
from localhai.system import strict_json

if TYPE_CHECKING:
    from localhai.airflow.request import ExecutionRequest
    from localhai.app.open_project import OpenProject
    from localhai.executions.run.context import RunOptions
    from localhai.project.overrides import Overrides
    from localhai.project.plan import ExecutionPlan
    from localhai.project.snapshot import Snapshot


def prepare_node(
    project: OpenProject, request: ExecutionRequest, overrides: Overrides, options: RunOptions, commit: str | None
) -> tuple[ExecutionPlan, Snapshot, RunOptions]:
    """What will run, with which code, and whether an earlier execution may take its place.

    Raises ProjectError and UsageError.
    """
    node = strict_json.convert(request.node or {}, Node)
    sources = Sources(project, commit)
    snapshot = sources.snapshot(node.commit)
    plan = project.plan(
        request.step,
        overrides=overrides,
        secrets=tuple(options.secrets),
        commit=snapshot.identifier,
        config=sources.node_config(node),
    )
    return plan, snapshot, replace(options, reuse=options.reuse or request.reuse)
