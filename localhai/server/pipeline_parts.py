"""Parts of the body of a pipeline's request, read and checked. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from localhai.pipelines import rules
from localhai.pipelines.graph import Graph
from localhai.pipelines.plan import Action, Edge, MergeMode, NodeOverride, OnError, PipelinePlan
from localhai.project.faulty import refuse_faulty
from localhai.server.errors import field as wrong
from localhai.server.requests import unwrapped
from localhai.system import strict_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from valohai_yaml.objs import Config, Step

_KEYS = ("source_node", "source_type", "source_key", "target_node", "target_type", "target_key")


def commit(body: Mapping[str, Any]) -> str | None:
    """The pipeline's own: that of the first node that has one."""
    for item in [body, *objects(body, "nodes")]:
        template = item.get("template")
        found = item.get("commit") or (template.get("commit") if isinstance(template, dict) else None)
        if isinstance(found, str) and found:
            return found
    return None


def objects(body: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """A field that is a list of objects, empty where it is not given. Raises Refused."""
    found = body.get(name) or []
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise wrong(name, "Expected a list of objects.")
    return found


def object_in(body: Mapping[str, Any], name: str, node: str) -> dict[str, Any]:
    """A field of a node that is an object, {} where it is not given. Raises Refused."""
    found = body.get(name) or {}
    if not isinstance(found, dict):
        raise wrong("nodes", f"{node}: {name} is not an object.")
    return found


def _either(body: Mapping[str, Any], name: str) -> Any:
    """A key with hyphens or underscores."""
    return body.get(name, body.get(name.replace("-", "_")))


def step(config: Config, name: str, node: str) -> Step:
    """The step of a node. Raises Refused, ProjectError when it has errors."""
    refuse_faulty(config, "step", name)
    if name not in config.steps:
        raise wrong("nodes", f"{node}: the commit's valohai.yaml has no step {name}.", "does_not_exist")
    return config.steps[name]


def uris(value: Any, node: str) -> tuple[str, ...]:
    """URIs of an input, one or several; empty ones are dropped. Raises Refused."""
    found = [value] if isinstance(value, str) else value or []
    if not isinstance(found, (list, tuple)) or not all(isinstance(uri, str) for uri in found):
        raise wrong("nodes", f"{node}: inputs are lists of URIs.")
    return tuple(uri for uri in found if uri)


def override(template: Mapping[str, Any], step: Step, node: str) -> NodeOverride:
    """What a template changes of its step. Raises Refused."""
    command, variables = template.get("command"), _either(template, "environment-variables") or {}
    if not isinstance(variables, dict):
        raise wrong("nodes", f"{node}: environment variables are not an object.")
    unknown = sorted(variables.keys() - step.environment_variables.keys())
    if unknown:
        raise wrong("nodes", f"{node}: step {step.name} declares no environment variable {', '.join(unknown)}.")
    if command and not isinstance(command, (str, list)):
        raise wrong("nodes", f"{node}: a command is a text or a list of texts.")
    lines = None if not command else (command,) if isinstance(command, str) else tuple(map(str, command))
    return NodeOverride(
        image=str(template["image"]) if template.get("image") else None,
        command=None if lines is None or list(lines) == _lines(step.command) else lines,
        environment=str(template["environment"]) if template.get("environment") else None,
        environment_variables={str(key): None if value is None else str(value) for key, value in variables.items()},
    )


def _lines(command: Any) -> list[str]:
    return [command] if isinstance(command, str) else list(command or [])


def behaviour(item: Mapping[str, Any]) -> dict[str, Any]:
    """What a node says of itself beside its template."""
    found: dict[str, Any] = {}
    on_error, merge_mode = _either(item, "on-error"), _either(item, "edge-merge-mode")
    for key, value, allowed in (
        ("on_error", on_error, get_args(OnError)),
        ("merge_mode", merge_mode, get_args(MergeMode)),
    ):
        if value is None:
            continue
        if not isinstance(value, str) or value not in allowed:
            raise wrong("nodes", f"{item.get('name')}: {value!r} is none of {', '.join(sorted(allowed))}.")
        found[key] = value
    actions = objects(item, "actions")
    if actions:
        found["actions"] = tuple(
            Action.read(_words(action, "when"), _words(action, "if"), _words(action, "then")) for action in actions
        )
    return found


def _words(action: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = action.get(name) or []
    words = [value] if isinstance(value, str) else value
    if not isinstance(words, list):
        raise wrong("nodes", f"{name}: a list of words is needed.")
    return tuple(map(str, words))


def parameters(body: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """The pipeline's own values, and what they are to set in each node: None for no value. Raises Refused."""
    values: dict[str, Any] = {}
    by_node: dict[str, dict[str, Any]] = {}
    given = body.get("parameters") or {}
    if not isinstance(given, dict):
        raise wrong("parameters", "Expected an object.")
    for name, item in given.items():
        if not isinstance(item, dict):
            raise wrong("parameters", f"{name}: an object with config and expression is needed.")
        value = unwrapped(item.get("expression"))
        value = values[name] = None if value == "" else value  # as vh sends one that has no value (unconfirmed)
        for target in _targets(name, item):
            node, parameter = rules.target_of(target)
            by_node.setdefault(node, {})[parameter] = value
    return values, by_node


def _targets(name: str, item: Mapping[str, Any]) -> list[str]:
    config = item.get("config") or {}
    found = (config.get("targets") or []) if isinstance(config, dict) else None
    if not isinstance(found, list):
        raise wrong("parameters", f"{name}: config needs targets, as a list.")
    return [str(target) for target in found]


def edge(item: Mapping[str, Any], names: list[str]) -> Edge:
    """An edge between nodes of these names. Raises Refused."""
    missing = [key for key in _KEYS if not isinstance(item.get(key), str)]
    if missing:
        raise wrong("edges", f"An edge needs {', '.join(missing)}.", "required")
    for key in ("source_node", "target_node"):
        if item[key] not in names:
            raise wrong("edges", f"There is no node {item[key]}.", "does_not_exist")
    configuration = item.get("configuration")
    return strict_json.convert(
        {**item, "configuration": configuration if isinstance(configuration, dict) else {}}, Edge
    )


def refuse_circles(plan: PipelinePlan) -> None:
    """Raises Refused that names the nodes of a circle, and what hangs on it."""
    left = {node.name for node in plan.nodes}.difference(Graph(plan).ordered())
    if left:
        raise wrong("edges", f"The edges go round in a circle: {', '.join(sorted(left))}.")
