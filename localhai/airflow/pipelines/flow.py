"""What flows from task to task: results out of XComs, and what the edges make of them for the next node. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from localhai.airflow.request import ExecutionRequest
from localhai.errors import UsageError
from localhai.pipelines.filling import Unfilled, fill
from localhai.pipelines.results import NodeResult
from localhai.pipelines.rules import set_by_pipeline
from localhai.vocabulary import datum_uri

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from localhai.airflow.pipelines.description import NodeDescription, ParameterTarget
    from localhai.pipelines.plan import Node
    from localhai.pipelines.results import NodeStart

VARIABLES = "environment_variables"  # a key of the XCom: only those that an edge takes on


def result_of(details: Mapping[str, Any]) -> NodeResult:
    """The result of a node from the XCom of its task (`shapes.local_details`, or what the platform gives)."""
    return NodeResult(
        status=str(details.get("status")),
        outputs=tuple((item["name"], datum_uri(item["id"])) for item in details.get("outputs") or ()),
        metadata=details.get("cumulative_metadata") or {},
        parameters=details.get("parameters") or {},
        inputs={item["name"]: tuple(map(str, item["urls"])) for item in details.get("inputs") or ()},
        environment_variables=details.get(VARIABLES) or {},
        deployment=details.get("deployment") or {},
        error=details.get("error"),
    )


def node_of_run(node: Node, targets: Sequence[ParameterTarget], params: Mapping[str, Any]) -> Node:
    """The node with the values of this run's params in place of the pipeline's defaults (platform.md 1.11)."""
    values = {
        target.parameter: params[target.pipeline_parameter] for target in targets if target.pipeline_parameter in params
    }
    texts = {target.parameter for target in targets if target.takes_text}
    own = {name: value for name, value in node.parameters.items() if name not in values}
    return replace(node, parameters={**own, **set_by_pipeline(values, texts)})


def start_of(description: NodeDescription, params: Mapping[str, Any], results: Mapping[str, NodeResult]) -> NodeStart:
    """What the node starts with. Raises UsageError where an edge has nothing to carry."""
    node = node_of_run(description.node, description.targets, params)
    try:
        return fill(node, description.edges, results)
    except Unfilled as error:
        raise UsageError(str(error), where=f"node {node.name} of pipeline {description.pipeline}") from error


def request_of(
    description: NodeDescription, start: NodeStart, *, child: Mapping[str, Any] | None = None, **more: Any
) -> ExecutionRequest:
    """The execution of a node, or one of a task node: `child` has the `parameters` that vary.

    `more` are fields of the request that come from the DAG. All values are spelled out, those of the step too: an
    execution of the platform is asked for by its step, and knows no node.
    """
    node, override = description.node, description.node.override
    varied = (child or {}).get("parameters", {})
    commit = node.commit or more.pop("commit", None)
    return ExecutionRequest(
        **{
            **more,
            "step": node.step or "",
            "commit": commit,
            "inputs": {name: list(uris) for name, uris in {**node.inputs, **start.inputs}.items()},
            "parameters": {**node.defaults, **start.parameters, **varied},
            "environment": more.get("environment") or override.environment,
            "environment_variables": {**description.variables, **start.environment_variables},
            "image": override.image,
            "command": list(override.command) if override.command is not None else None,
            "node": description.to_dict()["node"],
        }
    )


def carried_on(description: NodeDescription, details: dict[str, Any], given: Mapping[str, str]) -> dict[str, Any]:
    """The details for XCom, with those environment variables that an edge takes on; `given` are the execution's."""
    known = {name: given[name] for name in description.carried if name in given}
    return {**details, VARIABLES: known} if known else details
