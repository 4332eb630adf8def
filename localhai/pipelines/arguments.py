"""What was typed behind the name of a pipeline, sorted as `vh pipeline run` does (platform.md 1.11). Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from localhai.errors import UsageError
from localhai.project.names import find_by_option, option_name, unknown
from localhai.system.text import clean

if TYPE_CHECKING:
    from valohai_yaml.objs import Pipeline, Step


class PipelineArguments(Struct, frozen=True):
    """Values by declared names: `parameters` of the pipeline, `node_parameters` and `node_inputs` by node."""

    parameters: Mapping[str, Any] = field(default_factory=dict)
    node_parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    node_inputs: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)


def parse_words(words: Sequence[str]) -> dict[str, str | list[str]]:
    """`--name=value`, `--name value`, `--name+=value` (a list), `--name` (the text `true`), by name.

    Raises UsageError for a stray word, and for a name that is given twice.
    """
    found: dict[str, str | list[str]] = {}
    position = 0
    words = [clean(word) for word in words]
    while position < len(words):
        word = words[position]
        position += 1
        if not word.startswith("--") or word == "--":
            raise UsageError(
                f"{word!r} is not an option of a pipeline", hints=["write --NAME=value or --NODE.NAME=value"]
            )
        name, equals, value = word[2:].partition("=")
        if equals and name.endswith("+"):
            _append(found, name[:-1], value)
            continue
        if name in found:
            raise UsageError(f"--{name} is given twice", hints=[f"a list is given by --{name}+=value, repeated"])
        if not equals:
            is_next = position < len(words) and not words[position].startswith("--")
            value = words[position] if is_next else "true"
            position += is_next
        found[name] = value
    return found


def _append(found: dict[str, str | list[str]], name: str, value: str) -> None:
    items = found.setdefault(name, [])
    if not isinstance(items, list):
        raise UsageError(f"--{name} is given both with += and with =", hints=["use += for each value of a list"])
    items.append(value)


def sort_arguments(pipeline: Pipeline, given: Mapping[str, Any], steps: Mapping[str, Step | None]) -> PipelineArguments:
    """Find what each name means. `steps` are the steps of the nodes, None for those that run none.

    Raises UsageError, naming what there is.
    """
    parameters: dict[str, Any] = {}
    of_nodes: dict[str, dict[str, Any]] = {}
    inputs: dict[str, dict[str, tuple[str, ...]]] = {}
    own = [parameter.name for parameter in pipeline.parameters]
    for wanted, value in given.items():
        name = find_by_option(wanted, own)
        if name is not None:
            parameters[name] = value
            continue
        node, dot, rest = wanted.partition(".")
        if not dot or node not in steps:
            raise _unknown(pipeline, wanted, steps)
        step = steps[node]
        if step is None:
            raise UsageError(f"node {node!r} has no parameters and no inputs", where=f"--{wanted}")
        input_name = find_by_option(rest, step.inputs)
        if input_name is not None:
            inputs.setdefault(node, {})[input_name] = _uris(wanted, value)
            continue
        parameter = find_by_option(rest, step.parameters)
        if parameter is None:
            known = [*step.parameters, *step.inputs]
            raise unknown("parameter or input", "parameters and inputs", rest, known, of=f" in node {node}")
        of_nodes.setdefault(node, {})[parameter] = value
    return PipelineArguments(parameters, of_nodes, inputs)


def _uris(wanted: str, value: Any) -> tuple[str, ...]:
    uris = tuple(value) if isinstance(value, (list, tuple)) else (str(value),)
    for uri in uris:
        if uri and "://" not in uri:
            raise UsageError(
                f"--{wanted}={uri} fills an input, and is no URI",
                hints=["write s3://..., https://..., datum://... or file:///path"],
            )
    return tuple(uri for uri in uris if uri)


def _unknown(pipeline: Pipeline, wanted: str, steps: Mapping[str, Step | None]) -> UsageError:
    known = [option_name(parameter.name) for parameter in pipeline.parameters]
    for node, step in steps.items():
        if step is not None:
            known += [f"{node}.{option_name(name)}" for name in (*step.parameters, *step.inputs)]
    return unknown("parameter", "parameters", wanted, known, of=f" in pipeline {pipeline.name}")
