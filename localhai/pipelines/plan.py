"""PipelinePlan: what a pipeline will be, decided before anything starts. Immutable and pure; JSON there and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from msgspec import Struct, field, to_builtins
from msgspec.structs import replace

from localhai.project.plan import ParityNote

NodeType = Literal["execution", "task", "deployment"]
OnError = Literal["stop-all", "stop-next", "continue", "retry"]
MergeMode = Literal["replace", "append"]


class Edge(Struct, frozen=True):
    """One edge (platform.md 1.9): kinds are those of `valohai.yaml`, keys may hold patterns and dots."""

    source: str
    source_kind: str
    source_key: str
    target: str
    target_kind: str
    target_key: str
    configuration: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        """As it is written in valohai.yaml."""
        ends = (self.source, self.source_kind, self.source_key), (self.target, self.target_kind, self.target_key)
        return " -> ".join(".".join(end) for end in ends)

    def to_dict(self) -> dict[str, Any]:
        """The platform's expanded form: `source_node, source_type, source_key, target_node, ...`."""
        values: dict[str, Any] = {
            "source_node": self.source,
            "source_type": self.source_kind,
            "source_key": self.source_key,
            "target_node": self.target,
            "target_type": self.target_kind,
            "target_key": self.target_key,
        }
        if self.configuration:
            values["configuration"] = dict(self.configuration)
        return values

    @property
    def pair(self) -> tuple[str, str]:
        """The kinds of its two ends, which say what it carries."""
        return self.source_kind, self.target_kind

    @property
    def source_end(self) -> str:
        """Where it comes from, as a person says it."""
        return f"{self.source_kind} {self.source_key} of node {self.source}"

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Edge:
        """From what `to_dict` gave."""
        return cls(
            source=values["source_node"],
            source_kind=values["source_type"],
            source_key=values["source_key"],
            target=values["target_node"],
            target_kind=values["target_type"],
            target_key=values["target_key"],
            configuration=values.get("configuration") or {},
        )


class Action(Struct, frozen=True):
    """When one of `when` happens and all `conditions` hold, do each of `then` (platform.md 7.5)."""

    when: tuple[str, ...]
    conditions: tuple[str, ...]
    then: tuple[str, ...]

    @classmethod
    def read(cls, when: Iterable[Any], conditions: Iterable[Any], then: Iterable[Any]) -> Action:
        """As a person or a client wrote it: `when` in any case of letters."""
        return cls(
            tuple(sorted({str(word).lower() for word in when})), tuple(map(str, conditions)), tuple(map(str, then))
        )

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Action:
        """From its fields, lists or tuples."""
        return cls(tuple(values["when"]), tuple(values["conditions"]), tuple(values["then"]))


class NodeOverride(Struct, frozen=True):
    """What a node changes of its step (platform.md 1.10): defaults only, never types.

    `inputs` and `parameters` name their new defaults: an empty tuple or None takes a default away.
    """

    image: str | None = None
    command: tuple[str, ...] | None = None
    environment: str | None = None
    mounts: tuple[Mapping[str, Any], ...] | None = None
    inputs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    environment_variables: Mapping[str, str | None] = field(default_factory=dict)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> NodeOverride:
        """From its fields as JSON gives them back."""
        known = dict(values)
        known["inputs"] = {name: tuple(uris) for name, uris in values["inputs"].items()}
        for name in ("command", "mounts"):
            known[name] = None if values[name] is None else tuple(values[name])
        return cls(**known)


class Node(Struct, frozen=True):
    """One node (platform.md 1.8).

    `inputs` holds the URIs of every input before edges are looked at, `optional_inputs` those that may stay empty.
    `explicit_inputs` names those that were given for this run. `defaults` are the parameters of the step,
    `parameters` those set for this run, by parameters of the pipeline or directly. `known_parameters` are all that the
    step declares (None in records of earlier versions), `required_parameters` those that nothing gives a value yet.
    `commit` is another commit than the pipeline's. A deployment node has `deployment`, `endpoints` and `aliases`, a
    task node over a blueprint `task`, one that a client describes itself what it says as `sweep`.
    """

    name: str
    type: NodeType
    step: str | None = None
    task: str | None = None
    sweep: Mapping[str, Any] | None = None
    commit: str | None = None
    override: NodeOverride = field(default_factory=NodeOverride)
    merge_mode: MergeMode = "replace"
    on_error: OnError = "stop-all"
    actions: tuple[Action, ...] = ()
    inputs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    optional_inputs: tuple[str, ...] = ()
    explicit_inputs: tuple[str, ...] = ()
    defaults: Mapping[str, Any] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    known_parameters: tuple[str, ...] | None = None
    required_parameters: tuple[str, ...] = ()
    deployment: str | None = None
    endpoints: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Node:
        """From its fields as JSON gives them back."""
        known = dict(values)
        known["override"] = NodeOverride.from_dict(values["override"])
        known["actions"] = tuple(Action.from_dict(action) for action in values["actions"])
        known["inputs"] = {name: tuple(uris) for name, uris in values["inputs"].items()}
        for name in ("optional_inputs", "explicit_inputs", "endpoints", "aliases"):
            known[name] = tuple(values[name])
        known["required_parameters"] = tuple(values.get("required_parameters") or ())
        if values.get("known_parameters") is not None:
            known["known_parameters"] = tuple(values["known_parameters"])
        return cls(**known)


class PipelinePlan(Struct, frozen=True):
    """A pipeline as it will run. Nodes and edges stand in the order of valohai.yaml; there are no cycles.

    `parameters` are the pipeline's own with the values that count. `arguments` is what was given for this run,
    as it was given, so that the plan can be made again from other code. `parity` has a note for every key of the
    pipeline that is used. `environment` was given for all nodes that run a step.
    """

    name: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    arguments: Mapping[str, Any] = field(default_factory=dict)
    reuse_executions: bool = False
    parity: tuple[ParityNote, ...] = ()
    environment: str | None = None

    def in_environment(self, environment: str | None) -> PipelinePlan:
        """The same in another environment: that of all execution and task nodes (platform.md 7.6)."""
        if environment is None:
            return self
        nodes = (
            node if node.step is None else replace(node, override=replace(node.override, environment=environment))
            for node in self.nodes
        )
        return replace(self, nodes=tuple(nodes), environment=environment)

    def node(self, name: str) -> Node:
        """By name. Raises KeyError."""
        for node in self.nodes:
            if node.name == name:
                return node
        raise KeyError(name)

    def to_dict(self) -> dict[str, Any]:
        """JSON values only; `PipelinePlan.from_dict` is the inverse."""
        return {
            "name": self.name,
            "nodes": [to_builtins(node) for node in self.nodes],
            "edges": [edge.to_dict() for edge in self.edges],
            "parameters": dict(self.parameters),
            "arguments": dict(self.arguments),
            "reuse_executions": self.reuse_executions,
            "environment": self.environment,
            "parity": [to_builtins(note) for note in self.parity],
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> PipelinePlan:
        """A plan from what `to_dict` gave, for instance from the records of an earlier pipeline."""
        return cls(
            name=values["name"],
            nodes=tuple(Node.from_dict(node) for node in values["nodes"]),
            edges=tuple(Edge.from_dict(edge) for edge in values["edges"]),
            parameters=values["parameters"],
            arguments=values["arguments"],
            reuse_executions=values["reuse_executions"],
            environment=values.get("environment"),
            parity=tuple(ParityNote(**note) for note in values.get("parity", ())),
        )
