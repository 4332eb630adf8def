"""The executions of a task node, spread over tasks of a DAG: their sets, and what they come to together. Pure."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from msgspec import to_builtins

from localhai.app.nodes.spreading import spread
from localhai.system import strict_json
from localhai.tasks import bayesian, rules
from localhai.tasks.building import Wish
from localhai.tasks.sweep import ParameterSets
from localhai.vocabulary import FAILED

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
        "stages": rules.stages(made),
        "most": made.maximum_queued_executions,
        "stops": rules.may_end_others(made),
    }


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
