"""What the edges into a node give it, from the results of their sources (platform.md 7.2, 7.4). Pure.

Edges from parameters that are not there are found before anything starts (7.2). Such an edge carries nothing: its
target keeps its own value, and the node says so when it starts. Only where the target has none would the node fail once
those before it had taken their time. An edge to a parameter that is not there gives to nothing, which harms nobody. The
linter warns of both.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from localhai.errors import Problem, ProjectError
from localhai.pipelines.results import NodeResult, NodeStart
from localhai.project.edges import filled_inputs, filled_parameter
from localhai.project.names import listing, nearest
from localhai.system.names import matches

if TYPE_CHECKING:
    from valohai_yaml.objs import Step

    from localhai.pipelines.plan import Edge, Node, PipelinePlan
    from localhai.project.positions import PositionMap


class Unfilled(Exception):
    """An edge has nothing to carry, and its target cannot do without. The text is a sentence for a person."""


class _Filling(Struct):
    inputs: dict[str, list[str]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)  # of outputs by their URIs
    parameters: dict[str, Any] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    files: dict[str, list[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def fill(node: Node, edges: Iterable[Edge], results: Mapping[str, NodeResult], *, attempt: int = 1) -> NodeStart:
    """Everything that `node` starts with. `edges` are those into it, `results` those of their sources.

    Raises Unfilled.
    """
    filling = _Filling()
    for edge in edges:
        carry = _CARRIERS.get(edge.pair)
        if carry is not None:  # other pairs only order
            carry(edge, node, results[edge.source], filling)
    inputs = {name: node.inputs[name] for name in node.explicit_inputs}
    for name, uris in filling.inputs.items():
        inputs[name] = _merged(node, name, uris)
    return NodeStart(
        node=node.name,
        attempt=attempt,
        inputs=inputs,
        parameters={**node.parameters, **filling.parameters},
        environment_variables=filling.variables,
        files={name: tuple(uris) for name, uris in filling.files.items()},
        notes=tuple(filling.notes),
        clashes=tuple(_clashes(inputs, filling.names)),
    )


def _clashes(inputs: Mapping[str, Sequence[str]], names: Mapping[str, str]) -> Iterator[str]:
    """Outputs of one name for one input: a task node's executions all have the same (platform.md 8.4)."""
    for name, uris in inputs.items():
        for output, count in Counter(names[uri] for uri in uris if uri in names).items():
            if count > 1:
                kept = "the last is kept; with `same_names` of localhai.toml all are"
                yield f"input {name} gets {count} files called {output}: {kept}"


def matching(pattern: str, outputs: Sequence[tuple[str, str]]) -> list[str]:
    """URIs of the outputs that a key means: a path under the outputs, or a pattern.

    A key without `/` also means files of that name in any folder (platform.md 7.2, unconfirmed).
    """
    exact = [uri for name, uri in outputs if name == pattern]
    if exact:
        return exact
    by_name = "/" not in pattern
    return [
        uri
        for name, uri in outputs
        if matches(name, pattern) or (by_name and matches(name.rpartition("/")[2], pattern))
    ]


def _merged(node: Node, name: str, uris: list[str]) -> tuple[str, ...]:
    """Files of edges take the place of those that the input has, or come after them (platform.md 7.4)."""
    own = node.inputs.get(name, ())
    merged = tuple(dict.fromkeys((*own, *uris) if node.merge_mode == "append" else uris))
    if not merged and name not in node.optional_inputs:
        raise Unfilled(f"input {name} gets no file: nothing matches what its edges name")
    return merged


def _output_to_input(edge: Edge, _node: Node, result: NodeResult, filling: _Filling) -> None:
    filling.inputs.setdefault(edge.target_key, []).extend(matching(edge.source_key, result.outputs))
    filling.names.update((uri, name) for name, uri in result.outputs)


def _output_to_file(edge: Edge, _node: Node, result: NodeResult, filling: _Filling) -> None:
    found = matching(edge.source_key, result.outputs)
    if not found:
        raise Unfilled(f"file {edge.target_key} gets nothing: no output of {edge.source} is named {edge.source_key}")
    filling.files.setdefault(edge.target_key, []).extend(found)


def _input_to_input(edge: Edge, node: Node, result: NodeResult, filling: _Filling) -> None:
    """Inputs that the source key matches go to the target key; to inputs of the same name when that is a pattern."""
    same_named = filled_inputs(edge.source_kind, edge.target_key, node.inputs)
    if same_named is None:
        filling.inputs.setdefault(edge.target_key, [])
    for name, uris in _inputs_like(edge.source_key, result):
        if same_named is None:
            filling.inputs[edge.target_key].extend(uris)
        elif name in same_named:
            filling.inputs.setdefault(name, []).extend(uris)


def _input_to_file(edge: Edge, _node: Node, result: NodeResult, filling: _Filling) -> None:
    found = [uri for _, uris in _inputs_like(edge.source_key, result) for uri in uris]
    if not found:
        raise Unfilled(f"file {edge.target_key} gets nothing: input {edge.source_key} of {edge.source} had no file")
    filling.files.setdefault(edge.target_key, []).extend(found)


def _inputs_like(pattern: str, result: NodeResult) -> list[tuple[str, tuple[str, ...]]]:
    if pattern in result.inputs:
        return [(pattern, result.inputs[pattern])]
    return [(name, uris) for name, uris in result.inputs.items() if matches(name, pattern)]


def _to_parameter(edge: Edge, node: Node, value: Any, filling: _Filling) -> None:
    key = edge.target_key
    name = key if node.known_parameters is None else filled_parameter(key, node.known_parameters)
    if name is None:
        filling.notes.append(f"step {node.step} has no parameter {key!r}: nothing takes {edge.source_end}")
    else:
        filling.parameters[name] = value


def _keeps_its_own(edge: Edge, node: Node, why: str, filling: _Filling) -> None:
    """Nothing comes over the edge: the target keeps its own value, and a node that has none is told now."""
    key = edge.target_key
    if lacks_value(node, key):
        raise Unfilled(f"parameter {key} gets no value: {why}")
    filling.notes.append(f"parameter {key} keeps its own value: {why}")


def lacks_value(node: Node, key: str) -> bool:
    """Whether an edge is the only one that can give the parameter that its key means a value."""
    name = filled_parameter(key, node.required_parameters)
    return name is not None and node.parameters.get(name) is None


def _parameter_to_parameter(edge: Edge, node: Node, result: NodeResult, filling: _Filling) -> None:
    if edge.source_key in result.parameters:
        _to_parameter(edge, node, result.parameters[edge.source_key], filling)
    else:
        _keeps_its_own(edge, node, f"{edge.source} has no value of parameter {edge.source_key}", filling)


def _metadata_to_parameter(edge: Edge, node: Node, result: NodeResult, filling: _Filling) -> None:
    """What is no number is no value: the same as metadata that were never logged (unconfirmed)."""
    source, key = edge.source, edge.source_key
    if key not in result.metadata:
        _keeps_its_own(edge, node, f"{source} has no metadata {key}", filling)
        return
    value = result.metadata[key]
    items = value if isinstance(value, list) else [value]
    left = [item for item in items if not _is_nothing(item)]
    if not left and items:
        _keeps_its_own(edge, node, f"{source} logged {key} as {_NAN}", filling)
        return
    if len(left) < len(items):
        filling.notes.append(f"{len(items) - len(left)} of {len(items)} values of {source}.{key} are left out: {_NAN}")
    _to_parameter(edge, node, left if isinstance(value, list) else value, filling)


_NAN = "NaN, Infinity or null, which is no value"


def _is_nothing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and not math.isfinite(value))


def _deployment_to_parameter(edge: Edge, node: Node, result: NodeResult, filling: _Filling) -> None:
    if edge.source_key not in result.deployment:
        raise Unfilled(f"parameter {edge.target_key} gets no value: {edge.source} has no deployment {edge.source_key}")
    _to_parameter(edge, node, result.deployment[edge.source_key], filling)


def _variable(edge: Edge, _node: Node, result: NodeResult, filling: _Filling) -> None:
    if edge.source_key not in result.environment_variables:
        raise Unfilled(f"variable {edge.target_key} gets no value: {edge.source} has no {edge.source_key}")
    filling.variables[edge.target_key] = result.environment_variables[edge.source_key]


_CARRIERS: Mapping[tuple[str, str], Callable[[Edge, Node, NodeResult, _Filling], None]] = {
    ("output", "input"): _output_to_input,
    ("output", "file"): _output_to_file,
    ("input", "input"): _input_to_input,
    ("input", "file"): _input_to_file,
    ("parameter", "parameter"): _parameter_to_parameter,
    ("metadata", "parameter"): _metadata_to_parameter,
    ("environment-variable", "environment-variable"): _variable,
    ("deployment", "parameter"): _deployment_to_parameter,
}


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
