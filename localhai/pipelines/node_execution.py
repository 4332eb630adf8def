"""One execution node, run: from what its edges give it to what its edges carry on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localhai.errors import Interrupted, LocalhaiError
from localhai.executions.execution import Execution
from localhai.executions.runner import run
from localhai.pipelines.results import NodeResult

if TYPE_CHECKING:
    from collections.abc import Mapping

    from localhai.executions.home import Home
    from localhai.executions.interruption import Interruption
    from localhai.executions.life import RunOptions
    from localhai.executions.observer import Observer
    from localhai.pipelines.plan import Node
    from localhai.pipelines.results import NodeStart
    from localhai.pipelines.sources import Sources


def run_execution_node(
    sources: Sources,
    node: Node,
    start: NodeStart,
    *,
    options: RunOptions,
    observer: Observer,
    interruption: Interruption,
) -> tuple[NodeResult, LocalhaiError | None]:
    """Run it to its end. What kept it from starting comes back beside the result, for its hints."""
    project = sources.project
    try:
        plan = sources.execution_plan(node, start, secrets=tuple(options.secrets))
        execution = run(
            project.home,
            project.record,
            plan,
            sources.snapshot(node.commit),
            settings=project.settings,
            options=options,
            observer=observer,
            interruption=interruption,
        )
    except Interrupted as error:
        return NodeResult("stopped", error=error.message), error
    except LocalhaiError as error:
        return NodeResult("error", error=error.message), error
    return result_of(execution, plan.environment_variables), None


def result_of(execution: Execution, variables: Mapping[str, str] | None = None) -> NodeResult:
    """What the edges of a node carry on from an execution that has ended. Outputs are named as data."""
    return NodeResult(
        status=execution.status,
        outputs=tuple((output["name"], f"datum://{output['id']}") for output in execution.outputs),
        metadata=execution.metadata,
        parameters=execution.parameters,
        inputs={item["name"]: tuple(file["uri"] for file in item["files"]) for item in execution.inputs},
        environment_variables=execution.plan().environment_variables if variables is None else variables,
        error=execution.error,
    )


def earlier_result(home: Home, execution_id: str) -> NodeResult:
    """The result of an execution of an earlier run. Raises UsageError when it was deleted."""
    return result_of(Execution(home, home.records.execution(execution_id)))
