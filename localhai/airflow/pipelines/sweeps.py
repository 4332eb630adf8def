"""The executions of a task node, spread over tasks of a DAG: their sets, and what they come to together. Pure."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from msgspec import to_builtins

from localhai.nodes.spreading import spread
from localhai.project.plan import ParityNote
from localhai.tasks import bayesian
from localhai.tasks.bayesian import Tried
from localhai.tasks.building import Wish
from localhai.tasks.comparison import best
from localhai.tasks.plan import BAYESIAN_START
from localhai.tasks.sets import ParameterSets
from localhai.tasks.sweep import FAILED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from localhai.tasks.plan import TaskPlan


def sweep_of(node: Any, blueprint: Wish | None, step: Any) -> dict[str, Any]:
    """What a DAG must know of a task node, JSON values: the wish, the step's parameters, and the stages.

    A stage is mapped as a whole when all before it has ended: a Bayesian search has one for each batch. `stops`: one
    execution may end the others. Raises ProjectError.
    """
    own = {"name": step.name, "parameters": {name: str(item.type) for name, item in step.parameters.items()}}
    made, _ = spread(node.name, blueprint, node.parameters, step, seed=0)
    return {
        "wish": None if blueprint is None else to_builtins(blueprint),
        "step": own,
        "stages": _stages(made),
        "most": made.maximum_queued_executions,
        "stops": bool(made.stop_condition) or made.on_child_error == "stop-all-and-error",
    }


def _stages(plan: TaskPlan) -> list[int]:
    """The first number of each."""
    if plan.type != "bayesian_tpe":
        return [0]
    return [0, *range(BAYESIAN_START, plan.count, plan.batch_size)]


def plan_of(
    sweep: Mapping[str, Any], node: str, given: Mapping[str, Any], *, seed: int
) -> tuple[TaskPlan, dict[str, Any]]:
    """The task as it is in this run: `given` are parameters that the run and the edges gave. Raises ProjectError."""
    own = sweep["step"]
    parameters = {name: SimpleNamespace(name=name, type=kind) for name, kind in own["parameters"].items()}
    step: Any = SimpleNamespace(name=own["name"], parameters=parameters)
    return spread(node, _wish(sweep["wish"]), given, step, seed=seed)


def _wish(values: Mapping[str, Any] | None) -> Wish | None:
    if values is None:
        return None
    known = {**values, "variants": [tuple(item) for item in values["variants"]]}
    known["parity"] = tuple(ParityNote(**note) for note in values["parity"])
    return Wish(**known)


def children_of(plan: TaskPlan, stages: Sequence[int], stage: int, before: Sequence[Mapping[str, Any]]) -> list[Any]:
    """`{number, parameters}` of each execution of a stage; `before` are the XComs of those of earlier stages.

    Raises SurroundingsError where an optimiser is needed and missing.
    """
    start = stages[stage]
    end = stages[stage + 1] if stage + 1 < len(stages) else plan.count
    if stage:
        known = sorted(before, key=lambda details: int(details["child"]["number"]))
        found = bayesian.propose(plan, [_tried(plan, details) for details in known], start)
    else:
        sets = ParameterSets(plan)
        found = [sets[number] for number in range(min(end, plan.count))]
    return [{"number": start + place, "parameters": dict(entry)} for place, entry in enumerate(found)]


def _tried(plan: TaskPlan, details: Mapping[str, Any]) -> Tried:
    metadata = details.get("cumulative_metadata") or {}
    usable = bayesian.distance(plan, metadata) if details.get("status") == "complete" else None
    return Tried(dict(details["child"]["parameters"]), usable)


def gathered(
    plan: TaskPlan, children: Sequence[Mapping[str, Any]], *, made: int, flag: Mapping[str, Any] | None
) -> dict[str, Any]:
    """The XCom of a task node, in the shape of an execution's: outputs of all complete ones, in their order.

    `children` are the XComs of its executions, `made` how many were mapped: what left none has crashed, unless a `flag`
    kept it from running. Metadata and parameters are those that `nodes.task_node.task_result` takes.
    """
    ordered = sorted(children, key=lambda details: int(details["child"]["number"]))
    complete = [details for details in ordered if details.get("status") == "complete"]
    statuses: dict[str, int] = {}
    for details in ordered:
        statuses[details["status"]] = statuses.get(details["status"], 0) + 1
    if flag is None and made > len(ordered):
        statuses["crashed"] = statuses.get("crashed", 0) + made - len(ordered)
    status, error = _outcome(plan, statuses, flag)
    first = complete[0] if complete else {}
    varied = {name: [(item.get("parameters") or {}).get(name) for item in complete] for name in plan.names}
    return {
        "status": status,
        "error": error,
        "step": plan.step,
        "task": {"name": plan.name, "type": plan.type, "count": plan.count, "statuses": statuses},
        "outputs": [output for details in complete for output in details.get("outputs") or ()],
        "cumulative_metadata": _metadata(plan, complete),
        "parameters": {**(first.get("parameters") or {}), **(varied if complete else {})},
        "inputs": list(first.get("inputs") or ()),
        **{key: first[key] for key in ("environment_variables", "pipeline_commit") if key in first},
    }


def _outcome(plan: TaskPlan, statuses: Mapping[str, int], flag: Mapping[str, Any] | None) -> tuple[str, str | None]:
    """As `tasks.sweep.Sweep.outcome` (reference 8.3)."""
    if flag is not None:
        return str(flag["outcome"]), None if flag["outcome"] == "complete" else str(flag["reason"])
    failed = sum(statuses.get(status, 0) for status in FAILED)
    if failed and plan.on_child_error != "continue-and-complete":
        return "error", f"{failed} of {plan.count} executions failed"
    return "complete", None


def _metadata(plan: TaskPlan, complete: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    rows = [
        {"number": item["child"]["number"], "status": item["status"], "metadata": item.get("cumulative_metadata") or {}}
        for item in complete
    ]
    nearest = best(rows, plan.target)
    if nearest is not None:
        return dict(nearest["metadata"])
    return {key: value for row in rows for key, value in row["metadata"].items()}


def flag_of_child(plan: TaskPlan, details: Mapping[str, Any]) -> dict[str, str] | None:
    """What the end of one execution means for the others, None for nothing (reference 8.3)."""
    from localhai.executions.stop_condition import StopCondition

    if plan.stop_condition:
        metadata = details.get("cumulative_metadata") or {}
        if StopCondition(plan.stop_condition).is_met_by([metadata]):
            return {"outcome": "complete", "reason": f"stop-condition met: {plan.stop_condition}"}
    if details.get("status") in FAILED and plan.on_child_error == "stop-all-and-error":
        return {"outcome": "error", "reason": "an execution failed and on-child-error is stop-all-and-error"}
    return None
