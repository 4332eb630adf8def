"""What the edges into a node give it, from the results of their sources (reference 7.2, 7.4). Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from localhai.pipelines.results import NodeResult, NodeStart

if TYPE_CHECKING:
    from localhai.pipelines.plan import Edge, Node

_WILD = frozenset("*?[")


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
        carry = _CARRIERS.get((edge.source_kind, edge.target_kind))
        if carry is not None:  # other pairs only order: whether the platform does more is unconfirmed
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
        notes=(*filling.notes, *_clashes(inputs, filling.names)),
    )


def _clashes(inputs: Mapping[str, Sequence[str]], names: Mapping[str, str]) -> Iterator[str]:
    """Outputs of one name for one input: a task node's executions all have the same (reference 8.4)."""
    for name, uris in inputs.items():
        for output, count in Counter(names[uri] for uri in uris if uri in names).items():
            if count > 1:
                kept = "the last is kept; with `same_names` of localhai.toml all are"
                yield f"input {name} gets {count} files called {output}: {kept}"


def matching(pattern: str, outputs: Sequence[tuple[str, str]]) -> list[str]:
    """URIs of the outputs that a key means: a path under the outputs, or a pattern.

    A key without `/` also means files of that name in any folder (reference 7.2, advice).
    """
    exact = [uri for name, uri in outputs if name == pattern]
    if exact:
        return exact
    by_name = "/" not in pattern
    return [
        uri
        for name, uri in outputs
        if fnmatchcase(name, pattern) or (by_name and fnmatchcase(name.rpartition("/")[2], pattern))
    ]


def _merged(node: Node, name: str, uris: list[str]) -> tuple[str, ...]:
    """Files of edges take the place of those that the input has, or come after them (reference 7.4)."""
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
    to_same_name = edge.target_key not in node.inputs and bool(_WILD & set(edge.target_key))
    if not to_same_name:
        filling.inputs.setdefault(edge.target_key, [])
    for name, uris in _inputs_like(edge.source_key, result):
        if not to_same_name:
            filling.inputs[edge.target_key].extend(uris)
        elif name in node.inputs and fnmatchcase(name, edge.target_key):
            filling.inputs.setdefault(name, []).extend(uris)


def _input_to_file(edge: Edge, _node: Node, result: NodeResult, filling: _Filling) -> None:
    found = [uri for _, uris in _inputs_like(edge.source_key, result) for uri in uris]
    if not found:
        raise Unfilled(f"file {edge.target_key} gets nothing: input {edge.source_key} of {edge.source} had no file")
    filling.files.setdefault(edge.target_key, []).extend(found)


def _inputs_like(pattern: str, result: NodeResult) -> list[tuple[str, tuple[str, ...]]]:
    if pattern in result.inputs:
        return [(pattern, result.inputs[pattern])]
    return [(name, uris) for name, uris in result.inputs.items() if fnmatchcase(name, pattern)]


def _to_parameter(edge: Edge, values: Mapping[str, Any], what: str, filling: _Filling) -> None:
    if edge.source_key not in values:
        raise Unfilled(f"parameter {edge.target_key} gets no value: {edge.source} has no {what} {edge.source_key}")
    filling.parameters[edge.target_key] = values[edge.source_key]


def _parameter_to_parameter(edge: Edge, _node: Node, result: NodeResult, filling: _Filling) -> None:
    """Without a value at the source the target keeps what it has; planning refuses it where that is nothing."""
    if edge.source_key in result.parameters:
        filling.parameters[edge.target_key] = result.parameters[edge.source_key]
    else:
        filling.notes.append(
            f"parameter {edge.target_key} keeps what it has: {edge.source} has no value of parameter {edge.source_key}"
        )


def _metadata_to_parameter(edge: Edge, _node: Node, result: NodeResult, filling: _Filling) -> None:
    """What is no number is no value: the same as metadata that were never logged (unconfirmed)."""
    value = result.metadata.get(edge.source_key, 0)
    if _is_nothing(value):
        raise Unfilled(f"parameter {edge.target_key} gets no value: {edge.source} logged {edge.source_key} as {_NAN}")
    for place, item in enumerate(value if isinstance(value, list) else (), 1):
        if _is_nothing(item):
            raise Unfilled(
                f"parameter {edge.target_key} gets no value: of the {len(value)} values of {edge.source_key} that"
                f" {edge.source} logged number {place} is {_NAN}"
            )
    _to_parameter(edge, result.metadata, "metadata", filling)


_NAN = "null (as NaN and Infinity are kept)"


def _is_nothing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and not math.isfinite(value))


def _deployment_to_parameter(edge: Edge, _node: Node, result: NodeResult, filling: _Filling) -> None:
    _to_parameter(edge, result.deployment, "deployment", filling)


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
