"""PipelinePlan: what a pipeline will be, decided before anything starts. Immutable and pure; JSON there and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from msgspec import Struct, field
from msgspec.structs import replace

from localhai.project.plan import ParityNote
from localhai.system import strict_json

NodeType = Literal["execution", "task", "deployment", "elsewhere"]  # the last: another task of a DAG ran it
OnError = Literal["stop-all", "stop-next", "continue", "retry"]
MergeMode = Literal["replace", "append"]


_EXPANDED = {
    "source": "source_node",
    "source_kind": "source_type",
    "target": "target_node",
    "target_kind": "target_type",
}


class Edge(Struct, frozen=True, rename=_EXPANDED, omit_defaults=True):
    """One edge (platform.md 1.9): kinds are those of `valohai.yaml`, keys may hold patterns and dots.

    As JSON it has the platform's expanded form: `source_node, source_type, source_key, target_node, ...`.
    """

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

    @property
    def pair(self) -> tuple[str, str]:
        """The kinds of its two ends, which say what it carries."""
        return self.source_kind, self.target_kind

    @property
    def source_end(self) -> str:
        """Where it comes from, as a person says it."""
        return f"{self.source_kind} {self.source_key} of node {self.source}"


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
    environment: str | None = None
    parity: tuple[ParityNote, ...] = ()

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
        """JSON values only; `strict_json.convert` is the inverse. Dates among the values given stay what they are."""
        return {
            **strict_json.values(self),
            "parameters": dict(self.parameters),
            "arguments": dict(self.arguments),
        }
