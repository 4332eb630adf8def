"""Edges between parameters that are not there, found before anything starts (reference 7.2). Pure.

The linter only warns of them, as examples of the platform's own have them. Run, the node behind such an edge would fail
once those before it had taken their time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from localhai.errors import Problem, ProjectError
from localhai.project.names import find_by_option, listing, nearest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from valohai_yaml.objs import Step

    from localhai.pipelines.plan import Edge, PipelinePlan
    from localhai.project.positions import PositionMap


def refuse_unfillable(plan: PipelinePlan, steps: Mapping[str, Step | None], positions: PositionMap | None) -> None:
    """Raises ProjectError that names every edge from or to a parameter that the step does not declare."""
    problems = []
    for number, edge in enumerate(plan.edges):
        for end, node, step, key in _undeclared(edge, steps):
            message = f"step {step.name} of node {node} has no parameter {key!r}, so {_outcome(edge, end)}"
            position = None
            if positions is not None:
                path = (*positions.item({"pipeline", "blueprint"}, plan.name), "edges", number, end)
                position = positions.value(path)
            problems.append(Problem("error", message, "unknown-parameter", position, _hint(step, key)))
    if problems:
        count = "an edge" if len(problems) == 1 else f"{len(problems)} ends of edges"
        message = f"{count} of pipeline {plan.name} cannot work"
        raise ProjectError(message, problems=problems, where=f"pipeline {plan.name}")


def _undeclared(edge: Edge, steps: Mapping[str, Step | None]) -> Iterator[tuple[int, str, Step, str]]:
    """Which end (0 or 1), its node, the step of that and the parameter."""
    step = steps.get(edge.source)
    if edge.source_kind == "parameter" and step is not None and edge.source_key not in step.parameters:
        yield 0, edge.source, step, edge.source_key
    step = steps.get(edge.target)
    if edge.target_kind == "parameter" and step is not None and not find_by_option(edge.target_key, step.parameters):
        yield 1, edge.target, step, edge.target_key


def _outcome(edge: Edge, end: int) -> str:
    if end == 0:
        return f"{edge.target_kind} {edge.target_key} of node {edge.target} would get no value"
    return f"nothing takes {edge.source_kind} {edge.source_key} of node {edge.source}"


def _hint(step: Step, key: str) -> str:
    near = nearest(key, step.parameters)
    if near is not None:
        return f"did you mean {near}?"
    known = f"step {step.name} has: {listing(step.parameters)}" if step.parameters else "that step has no parameters"
    return f"{known}; declare it, or remove the edge"
