"""What a client asks a pipeline to be (wire.md E35).

A client sends each node as a template: the step with all that its own copy of valohai.yaml says. Keys come with hyphens
from `vh`, with underscores from the web page.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any, ClassVar, Literal, get_args

import msgspec
from msgspec import UNSET, Meta, Struct
from valohai_yaml.objs import Step

from localhai.pipelines import rules
from localhai.pipelines.plan import Action, MergeMode, NodeOverride, OnError
from localhai.server.api.executions_body import unwrapped
from localhai.server.bodies import Name, ProjectId, Reads, Tags, Text, as_it_is, objects, shaped
from localhai.server.errors import field as wrong

_EDGE_KEYS = ("source_node", "source_type", "source_key", "target_node", "target_type", "target_key")


class NodeFault(ValueError):
    """What is wrong with a node, without its name."""


def object_in(name: str, value: Any) -> dict[str, Any]:
    """An object, {} for nothing. Raises NodeFault."""
    found = value or {}
    if not isinstance(found, dict):
        raise NodeFault(f"{name} is not an object.")
    return found


def uris_of(value: Any) -> tuple[str, ...]:
    """URIs of an input, one or several; empty ones are dropped. Raises NodeFault."""
    found = [value] if isinstance(value, str) else value or []
    if not isinstance(found, (list, tuple)) or not all(isinstance(uri, str) and "\0" not in uri for uri in found):
        raise NodeFault("inputs are lists of URIs.")
    return tuple(uri for uri in found if uri)


def _inputs(name: str, value: Any) -> dict[str, tuple[str, ...]]:
    return {key: uris_of(item) for key, item in object_in(name, value).items()}


def _values(name: str, value: Any) -> dict[str, Any]:
    return {key: unwrapped(item) for key, item in object_in(name, value).items()}


def _worded(_name: str, value: Any) -> Any:
    return str(value) if value else UNSET


def _command(_name: str, value: Any) -> Any:
    if value and not isinstance(value, (str, list)):
        raise NodeFault("a command is a text or a list of texts.")
    return UNSET if not value else (value,) if isinstance(value, str) else tuple(map(str, value))


def _variables(_name: str, value: Any) -> dict[str, str | None]:
    found = value or {}
    if not isinstance(found, dict):
        raise NodeFault("environment variables are not an object.")
    return {str(key): None if item is None else str(item) for key, item in found.items()}


def _one_of(allowed: tuple[str, ...], _name: str, value: Any) -> Any:
    if value is None:
        return UNSET
    if not isinstance(value, str) or value not in allowed:
        raise NodeFault(f"{value!r} is none of {', '.join(sorted(allowed))}.")
    return value


def _actions(name: str, value: Any) -> tuple[Action, ...]:
    return tuple(Action.read(*(_words(item, key) for key in ("when", "if", "then"))) for item in objects(name, value))


def _words(action: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = action.get(name) or []
    words = [value] if isinstance(value, str) else value
    if not isinstance(words, list):
        raise wrong("nodes", f"{name}: a list of words is needed.")
    return tuple(map(str, words))


_Inputs = Annotated[Any, shaped(dict[str, list[str] | str]), Reads(_inputs)]


class TaskTemplateBody(Struct):
    """What a node changes of the task that valohai.yaml describes."""

    inputs: _Inputs = msgspec.field(default_factory=dict)
    parameters: Annotated[dict[str, Any], Reads(_values)] = msgspec.field(default_factory=dict)
    environment: Annotated[str, Reads(_worded)] = ""


class TemplateBody(TaskTemplateBody, kw_only=True):
    """The step of a node, with what its client's copy of valohai.yaml says of it."""

    hyphens: ClassVar[bool] = True
    commit: Annotated[str, Reads(_worded)] = ""
    step: Text
    image: Annotated[str, Reads(_worded)] = ""
    command: Annotated[Any, shaped(list[str] | str), Reads(_command)] = None
    environment_variables: Annotated[dict[str, str | None], Reads(_variables)] = {}

    def override(self, step: Step) -> NodeOverride:
        """What it changes of its step. Raises Refused, by way of the node's name."""
        unknown = sorted(self.environment_variables.keys() - step.environment_variables.keys())
        if unknown:
            raise NodeFault(f"step {step.name} declares no environment variable {', '.join(unknown)}.")
        own = [step.command] if isinstance(step.command, str) else list(step.command or [])
        return NodeOverride(
            image=self.image or None,
            command=None if self.command is None or list(self.command) == own else self.command,
            environment=self.environment or None,
            environment_variables=self.environment_variables,
        )


class NodeActionBody(Struct, rename={"if_": "if"}):
    """What happens to a pipeline at an event of a node."""

    when: list[str] | str
    then: list[str] | str
    if_: list[str] | str = ""


class NodeBody(Struct):
    """A node of a pipeline. One of type `mimic` names a node of an earlier pipeline by its id."""

    hyphens: ClassVar[bool] = True
    name: Name
    type: Annotated[Any, shaped(Literal["execution", "task", "deployment", "mimic"]), Reads(as_it_is)] = "execution"
    template: Annotated[Any, shaped(TemplateBody), Reads(as_it_is)] = None
    source: Annotated[Any, shaped(str), Reads(as_it_is)] = None
    on_error: Annotated[Any, shaped(OnError), Reads(partial(_one_of, get_args(OnError)))] = None
    edge_merge_mode: Annotated[Any, shaped(MergeMode), Reads(partial(_one_of, get_args(MergeMode)))] = None
    actions: Annotated[Any, shaped(list[NodeActionBody]), Reads(_actions)] = ()

    @property
    def behaviour(self) -> dict[str, Any]:
        """What it says of itself beside its template."""
        found = {"on_error": self.on_error, "merge_mode": self.edge_merge_mode, "actions": self.actions}
        return {key: value for key, value in found.items() if value}


class EdgeBody(Struct):
    """What one node hands to another; nodes are named by their names."""

    source_node: str
    source_type: str
    source_key: str
    target_node: str
    target_type: str
    target_key: str
    configuration: dict[str, Any] = {}


def edges_of(value: Any) -> list[EdgeBody]:
    """The edges of a body. Raises Refused."""
    found = []
    for item in objects("edges", value):
        missing = [key for key in _EDGE_KEYS if not isinstance(item.get(key), str)]
        if missing:
            raise wrong("edges", f"An edge needs {', '.join(missing)}.", "required")
        configuration = item.get("configuration")
        ends: dict[str, str] = {key: item[key] for key in _EDGE_KEYS}
        found.append(EdgeBody(**ends, configuration=configuration if isinstance(configuration, dict) else {}))
    return found


class PipelineParameterBody(Struct):
    """A value of the pipeline itself, and the parameters of nodes that it fills."""

    config: dict[str, Any]
    expression: Any


class PipelineStartBody(Struct, kw_only=True):
    """What starting a pipeline has in common."""

    project: ProjectId
    commit: Annotated[
        Any, Meta(description="A commit's identifier; default: that of the first node"), shaped(str), Reads(as_it_is)
    ] = None
    title: Text = ""
    tags: Tags = []
    parameters: Annotated[Any, shaped(dict[str, PipelineParameterBody]), Reads(as_it_is)] = None
    nodes: Annotated[Any, shaped(list[NodeBody]), Reads(objects)] = ()
    edges: Annotated[Any, shaped(list[EdgeBody]), Reads(as_it_is)] = None
    reuse_executions: Annotated[Any, shaped(bool), Reads(as_it_is)] = False

    def code(self) -> str | None:
        """The commit: the pipeline's own, else that of the first node that has one."""
        for item in [{"commit": self.commit}, *self.nodes]:
            template = item.get("template")
            found = item.get("commit") or (template.get("commit") if isinstance(template, dict) else None)
            if isinstance(found, str) and found:
                return found
        return None

    def set_parameters(self) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        """The pipeline's own values, and what they set in each node: None for no value. Raises Refused."""
        values: dict[str, Any] = {}
        by_node: dict[str, dict[str, Any]] = {}
        given = self.parameters or {}
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


class PipelineBody(PipelineStartBody, kw_only=True):
    """A pipeline of nodes and edges, or the one that a commit's valohai.yaml has under the name `blueprint`."""

    blueprint: Text = ""


class BlueprintBody(PipelineStartBody, kw_only=True):
    """The pipeline that a commit's valohai.yaml has under a name; `parameters` are values by name."""

    name: Text
