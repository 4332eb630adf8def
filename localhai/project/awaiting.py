"""What a step gets from elsewhere before it can run: by the edges of pipelines. Pure."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from localhai.project.edges import Item, filled

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from valohai_yaml.objs import Config, Pipeline, Step

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
