"""Edges from parameters that are not there, found before anything starts (platform.md 7.2). Pure.

Such an edge carries nothing: its target keeps its own value, and the node says so when it starts. Only where the target
has none would the node fail once those before it had taken their time. An edge to a parameter that is not there gives
to nothing, which harms nobody. The linter warns of both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from localhai.errors import Problem, ProjectError
from localhai.pipelines.filling import lacks_value
from localhai.project.names import listing, nearest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from valohai_yaml.objs import Step

    from localhai.pipelines.plan import Edge, PipelinePlan
    from localhai.project.positions import PositionMap


def refuse_unfillable(
    plan: PipelinePlan, steps: Mapping[str, Step | None], positions: PositionMap | None = None
) -> None:
    """Raises ProjectError that names every edge that should give a parameter its value and cannot."""
    problems = []
    for number, edge in enumerate(plan.edges):
        step = steps.get(edge.source)
        if step is None or not _cannot_give(plan, edge, step):
            continue
        message = (
            f"step {step.name} of node {edge.source} has no parameter {edge.source_key!r}, so {edge.target_kind}"
            f" {edge.target_key} of node {edge.target} would get no value"
        )
        position = None
        if positions is not None:
            path = (*positions.item({"pipeline", "blueprint"}, plan.name), "edges", number, 0)
            position = positions.value(path)
        problems.append(Problem("error", message, "unknown-parameter", position, _hint(step, edge)))
    if problems:
        count = "an edge" if len(problems) == 1 else f"{len(problems)} edges"
        message = f"{count} of pipeline {plan.name} cannot work"
        raise ProjectError(message, problems=problems, where=f"pipeline {plan.name}")


def _cannot_give(plan: PipelinePlan, edge: Edge, source: Step) -> bool:
    if edge.pair != ("parameter", "parameter") or edge.source_key in source.parameters:
        return False
    return lacks_value(plan.node(edge.target), edge.target_key)


def _hint(step: Step, edge: Edge) -> str:
    near = nearest(edge.source_key, step.parameters)
    if near is not None:
        return f"did you mean {near}?"
    known = f"step {step.name} has: {listing(step.parameters)}" if step.parameters else "that step has no parameters"
    return (
        f"{known}; declare it, or give {edge.target}.{edge.target_key} a value: --{edge.target}.{edge.target_key}=..."
    )
