"""What flows from task to task: results out of XComs, what edges make of them, the sets of a task node. Pure."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from localhai.airflow.platform import ExecutionRequest
from localhai.app.nodes.spreading import spread
from localhai.errors import UsageError
from localhai.pipelines.filling import Unfilled, fill
from localhai.pipelines.results import NodeResult
from localhai.pipelines.rules import set_by_pipeline
from localhai.system import strict_json
from localhai.tasks import bayesian, rules
from localhai.tasks.building import Wish
from localhai.tasks.sweep import ParameterSets
from localhai.vocabulary import FAILED, datum_uri

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from localhai.airflow.pipelines.description import NodeDescription, ParameterTarget
    from localhai.pipelines.plan import Node
    from localhai.pipelines.results import NodeStart
    from localhai.tasks.plan import TaskPlan

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


def plan_of(
    sweep: Mapping[str, Any], node: str, given: Mapping[str, Any], *, seed: int
) -> tuple[TaskPlan, dict[str, Any]]:
    """The task as it is in this run: `given` are parameters that the run and the edges gave. Raises ProjectError."""
    own = sweep["step"]
    parameters = {name: SimpleNamespace(name=name, type=kind) for name, kind in own["parameters"].items()}
    step: Any = SimpleNamespace(name=own["name"], parameters=parameters)
    blueprint = None if sweep["wish"] is None else strict_json.convert(sweep["wish"], Wish)
    return spread(node, blueprint, given, step, seed=seed)


def children_of(plan: TaskPlan, stages: Sequence[int], stage: int, before: Sequence[Mapping[str, Any]]) -> list[Any]:
    """`{number, parameters}` of each execution of a stage; `before` are the XComs of those of earlier stages.

    Raises SurroundingsError where an optimiser is needed and missing.
    """
    start = stages[stage]
    end = stages[stage + 1] if stage + 1 < len(stages) else plan.count
    if stage:
        parts = sorted(map(part_of, before), key=lambda part: part.number)
        tried = {int(details["child"]["number"]): details["child"]["parameters"] for details in before}
        known = [rules.tried(plan, part.status, tried[part.number], part.metadata) for part in parts]
        found = bayesian.propose(plan, known, start)
    else:
        sets = ParameterSets(plan)
        found = [sets[number] for number in range(min(end, plan.count))]
    return [{"number": start + place, "parameters": dict(entry)} for place, entry in enumerate(found)]


def gathered(
    plan: TaskPlan, children: Sequence[Mapping[str, Any]], *, made: int, flag: Mapping[str, Any] | None
) -> dict[str, Any]:
    """The XCom of a task node, in the shape of an execution's: outputs of all complete ones, in their order.

    `children` are the XComs of its executions, `made` how many were mapped: what left none has crashed, unless a `flag`
    kept it from running.
    """
    ordered = sorted(children, key=lambda details: int(details["child"]["number"]))
    statuses: dict[str, int] = {}
    for details in ordered:
        statuses[details["status"]] = statuses.get(details["status"], 0) + 1
    if flag is None and made > len(ordered):
        statuses["crashed"] = statuses.get("crashed", 0) + made - len(ordered)
    status, error = _outcome(plan, statuses, flag)
    whole = rules.gather((part_of(details) for details in ordered), plan.names, plan.target)
    first = next((details for details in ordered if int(details["child"]["number"]) == whole.first), {})
    return {
        "status": status,
        "error": error,
        "step": plan.step,
        "task": {"name": plan.name, "type": plan.type, "count": plan.count, "statuses": statuses},
        "outputs": list(whole.outputs),
        "cumulative_metadata": dict(whole.metadata),
        "parameters": dict(whole.parameters),
        "inputs": list(first.get("inputs") or ()),
        **{key: first[key] for key in ("environment_variables", "pipeline_commit") if key in first},
    }


def part_of(details: Mapping[str, Any]) -> rules.Part:
    """What an execution came to, from its XCom."""
    return rules.Part(
        number=int(details["child"]["number"]),
        status=str(details.get("status")),
        outputs=details.get("outputs") or (),
        metadata=details.get("cumulative_metadata") or {},
        parameters=details.get("parameters") or {},
    )


def _outcome(plan: TaskPlan, statuses: Mapping[str, int], flag: Mapping[str, Any] | None) -> tuple[str, str | None]:
    """That of the execution that ended the others, if one did."""
    if flag is not None:
        return str(flag["outcome"]), None if flag["outcome"] == "complete" else str(flag["reason"])
    ending = rules.ending(plan, sum(statuses.get(status, 0) for status in FAILED))
    return ending.outcome, ending.reason


def flag_of_child(plan: TaskPlan, details: Mapping[str, Any]) -> dict[str, str] | None:
    """What the end of one execution means for the others, for XCom; None for nothing."""
    is_met = False
    if plan.stop_condition:
        from localhai.executions.run.stop_condition import StopCondition

        is_met = StopCondition(plan.stop_condition).is_met_by([details.get("cumulative_metadata") or {}])
    ending = rules.after_child(plan, str(details.get("status")), is_met=is_met)
    return None if ending is None else {"outcome": ending.outcome, "reason": str(ending.reason)}
