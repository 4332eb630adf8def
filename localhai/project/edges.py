"""What edges carry, and what of a step they fill (platform.md 7.2). Pure; for those who check and those who run."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from localhai.project.names import find_by_option
from localhai.system.names import matches

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from valohai_yaml.objs import Config, Pipeline, Step

Item = tuple[str, str]  # kind of an edge's target (`input`, `parameter`, `environment-variable`), and name
# Kinds of both ends. Other pairs only order: whether the platform does more is unconfirmed.
CARRYING = frozenset(
    {
        ("output", "input"),
        ("output", "file"),
        ("input", "input"),
        ("input", "file"),
        ("parameter", "parameter"),
        ("metadata", "parameter"),
        ("environment-variable", "environment-variable"),
        ("deployment", "parameter"),
    }
)
_WILD = frozenset("*?[")


def filled_inputs(source_kind: str, key: str, known: Iterable[str]) -> list[str] | None:
    """The inputs that a pattern as the key of a target means; None where the key is the name of one.

    Only edges between inputs have patterns there: files go to the input of the same name.
    """
    if source_kind != "input" or not _WILD & set(key):
        return None
    known = list(known)
    return None if key in known else [name for name in known if matches(name, key)]


def filled_parameter(key: str, known: Iterable[str]) -> str | None:
    """The parameter that the key of a target means, None where the step has none of that name."""
    return find_by_option(key, known)


def filled(source_kind: str, target_kind: str, key: str, step: Any) -> list[Item]:
    """What of a step an edge with these kinds and this key of its target may fill."""
    if (source_kind, target_kind) not in CARRYING:
        return []
    if target_kind == "input":
        found = filled_inputs(source_kind, key, step.inputs)
        return [(target_kind, name) for name in ([key] if found is None else found)]
    if target_kind == "parameter":
        name = filled_parameter(key, step.parameters)
        return [] if name is None else [(target_kind, name)]
    return [(target_kind, key)] if target_kind == "environment-variable" else []


_LISTS = {"input": "inputs", "parameter": "parameters", "environment-variable": "environment_variables"}


def brought_by_pipelines(config: Config, step: Step) -> dict[Item, str]:
    """What edges into nodes of this step fill, and which edge of which pipeline does, the first of several."""
    found: dict[Item, str] = {}
    for pipeline in config.pipelines.values():
        nodes = set(_nodes_of(pipeline, config, step.name))
        for edge in pipeline.edges:
            if edge.target_node in nodes:
                source = f"{edge.source_node}.{edge.source_type}.{edge.source_key}"
                words = f"comes from a pipeline: {source} of {pipeline.name}"
                for item in filled(edge.source_type, edge.target_type, edge.target_key, step):
                    found.setdefault(item, words)
    return found


def _nodes_of(pipeline: Pipeline, config: Config, step: str) -> Iterator[str]:
    for node in pipeline.nodes:
        task = config.tasks.get(getattr(node, "task", None) or "")
        if (getattr(node, "step", None) or (task.step if task is not None else None)) == step:
            yield node.name


def relaxed(step: Step, awaited: Collection[Item]) -> Step:
    """A copy that takes for optional what is awaited."""
    found = copy.copy(step)
    for kind, attribute in _LISTS.items():
        items: dict[str, Any] = dict(getattr(step, attribute))
        for name in {name for of_kind, name in awaited if of_kind == kind} & items.keys():
            items[name] = copy.copy(items[name])
            items[name].optional = True
        setattr(found, attribute, items)
    return found


def still_awaited(step: Step, brought: Mapping[Item, str], given: Collection[Item]) -> dict[Item, str]:
    """Of what pipelines bring, that for which nothing else gives a value."""
    found: dict[Item, str] = {}
    for kind, attribute in _LISTS.items():
        for name, item in getattr(step, attribute).items():
            if (kind, name) in brought and not item.default and not item.optional and (kind, name) not in given:
                found[kind, name] = brought[kind, name]
    return found
