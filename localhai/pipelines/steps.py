"""The step of a node: that of valohai.yaml with the node's override (platform.md 1.10). Pure."""

from __future__ import annotations

import copy
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from localhai.project import edges as project_edges

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from valohai_yaml.objs import Config, Step

    from localhai.pipelines.plan import Edge, NodeOverride


def overridden(step: Step, override: NodeOverride) -> Step:
    """A copy with the override's image, command, environment, mounts and defaults; the rest stays the step's.

    Defaults stay uncast, as those of valohai.yaml. What the override names and the step has not is left out: the
    linter has said so.
    """
    found = copy.copy(step)
    if override.image:
        found.image = override.image
    if override.command is not None:
        found.command = list(override.command)
    if override.environment:
        found.environment = override.environment
    if override.mounts is not None:
        from valohai_yaml.objs.mount import Mount

        found.mounts = [Mount.parse(dict(mount)) for mount in override.mounts]
    found.inputs = _changed(step.inputs, override.inputs, list)
    found.parameters = _changed(step.parameters, override.parameters, lambda value: value)
    found.environment_variables = _changed(
        step.environment_variables, override.environment_variables, lambda value: value
    )
    return found


def parameter_facts(step: Step) -> dict[str, Any]:
    """What a node knows of the parameters of its step."""
    return {
        "defaults": {name: item.default for name, item in step.parameters.items() if item.default is not None},
        "known_parameters": tuple(step.parameters),
        "required_parameters": tuple(
            name for name, item in step.parameters.items() if item.default is None and not item.optional
        ),
    }


def relaxed(step: Step, edges: Iterable[Edge]) -> Step:
    """A copy that takes for optional what edges into its node will fill: to check a node before its sources ran."""
    items = (project_edges.filled(edge.source_kind, edge.target_kind, edge.target_key, step) for edge in edges)
    return project_edges.relaxed(step, {item for found in items for item in found})


def config_with(config: Config, step: Step) -> Config:
    """A config with this step alone, for those who take a config and the name of a step."""
    found = copy.copy(config)
    found.steps = OrderedDict({step.name: step})
    return found


def _changed(items: Mapping[str, Any], defaults: Mapping[str, Any], convert: Callable[[Any], Any]) -> Any:
    found = dict(items)
    for name in defaults.keys() & items.keys():
        found[name] = copy.copy(items[name])
        found[name].default = convert(defaults[name])
    return found
