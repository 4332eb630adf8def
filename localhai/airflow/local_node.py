"""One node of a pipeline as an execution of this machine: the step with the node's override, and what edges gave it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from localhai.airflow.request import tags_with_origin
from localhai.airflow.working import Teller
from localhai.executions.runner import run
from localhai.pipelines.plan import Node
from localhai.pipelines.sources import Sources
from localhai.project.overrides import Overrides

if TYPE_CHECKING:
    from collections.abc import Callable

    from localhai.airflow.request import ExecutionRequest
    from localhai.executions.interruption import Interruption
    from localhai.executions.open_project import OpenProject


def run_node(
    project: OpenProject,
    request: ExecutionRequest,
    commit: str | None,
    tell: Callable[[str, Any], None],
    interruption: Interruption,
) -> str:
    """Run it to its end; gives the id of its execution. Raises LocalhaiError for what keeps it from starting."""
    node = Node.from_dict(request.node or {})
    sources = Sources(project, commit)
    snapshot = sources.snapshot(node.commit)
    options = project.options()
    plan = project.plan(
        request.step,
        overrides=Overrides(
            parameters=dict(request.parameters),
            inputs=dict(request.inputs),
            environment_variables=dict(request.environment_variables),
            environment=request.environment,
            time_limit=request.time_limit,
            title=request.title,
            tags=tags_with_origin(request),
        ),
        secrets=tuple(options.secrets),
        commit=snapshot.identifier,
        config=sources.node_config(node),
    )
    execution = run(
        project.home,
        project.record,
        plan,
        snapshot,
        settings=project.settings,
        options=replace(options, reuse=options.reuse or request.reuse),
        observer=Teller(tell),
        interruption=interruption,
    )
    return execution.id
