"""What each task of a DAG must know of its node: made from a PipelinePlan, JSON there and back. Pure, without Airflow.

A description stands in the DAG's file and goes into its serialised form: it names no folder and no mode.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from localhai.pipelines import rules
from localhai.pipelines.graph import Graph
from localhai.pipelines.plan import Edge, Node
from localhai.system import strict_json

if TYPE_CHECKING:
    from localhai.pipelines.plan import PipelinePlan


class TaskIds(Struct, frozen=True):
    """Ids of the tasks of one node. `starting` and `ended` are gates, None where the node needs none.

    `node` is the task whose XCom is the node's result; for a task node it gathers what `executions` came to.
    """

    node: str
    starting: str | None = None
    ended: str | None = None
    executions: tuple[str, ...] = ()

    @property
    def last(self) -> str:
        """The task that those behind the node wait for."""
        return self.ended or self.node

    @property
    def sets(self) -> tuple[str, ...]:
        """The tasks that make the parameter sets of `executions`."""
        return tuple(task.replace(".executions", ".sets") for task in self.executions)

    def in_order(self) -> list[str]:
        """All of them, as they run."""
        pairs = [task for pair in zip(self.sets, self.executions, strict=True) for task in pair]
        return [task for task in (self.starting, *pairs, self.node, self.ended) if task is not None]

    @property
    def running(self) -> tuple[str, ...]:
        """The tasks that may have something to stop."""
        return self.executions or (self.node,)


class ParameterTarget(Struct, frozen=True):
    """A parameter of the pipeline that sets one of the node; `takes_text`: an empty text may stand for no value."""

    parameter: str
    pipeline_parameter: str
    takes_text: bool = False


class NodeDescription(Struct, frozen=True):
    """One node of a DAG.

    `edges` are those into it, `sources` the tasks that hold the results of the nodes before it. `targets` are set from
    the DAG's params. `variables` are the step's environment variables with the node's override, `carried` the names of
    those that edges take on. `beside` are tasks that may run while this node does, `flags` those that may have ended
    the pipeline, and `flags_beside` those of them that run side by side with this node. `sweep` is what a task node
    makes its executions from.
    """

    pipeline: str
    node: Node
    tasks: TaskIds
    edges: tuple[Edge, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict)
    targets: tuple[ParameterTarget, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    carried: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    flags_beside: tuple[str, ...] = ()
    reuse: bool = False
    sweep: Mapping[str, Any] | None = None

    def to_dict(self) -> dict[str, Any]:
        """JSON values only; `strict_json.convert` is the inverse."""
        found: dict[str, Any] = strict_json.values(self)
        return found


def describe(
    plan: PipelinePlan,
    *,
    targets: Mapping[str, Sequence[ParameterTarget]] | None = None,
    variables: Mapping[str, Mapping[str, str]] | None = None,
    sweeps: Mapping[str, Mapping[str, Any]] | None = None,
) -> list[NodeDescription]:
    """A description of every node, each behind all that it waits for. What is given is by name of the node."""
    targets, variables, sweeps = targets or {}, variables or {}, sweeps or {}
    graph = Graph(plan)
    nodes = {node.name: node for node in plan.nodes}
    ids = _task_ids(plan, sweeps)
    flags = {name: _flags(nodes[name], ids[name]) for name in nodes}
    found = []
    for name in graph.ordered():
        related = _reached(name, graph.before) | _reached(name, graph.after) | {name}
        beside = [other for other in nodes if other not in related]
        found.append(
            NodeDescription(
                pipeline=plan.name,
                node=nodes[name],
                tasks=ids[name],
                edges=tuple(graph.into[name]),
                sources={other: ids[other].node for other in graph.before[name]},
                targets=tuple(targets.get(name, ())),
                variables=dict(variables.get(name, {})),
                carried=_carried(plan, name),
                beside=tuple(task for other in beside for task in ids[other].running),
                flags=tuple(task for each in flags.values() for task in each),
                flags_beside=tuple(task for other in beside for task in flags[other]),
                reuse=plan.reuse_executions,
                sweep=sweeps.get(name),
            )
        )
    return found


def _task_ids(plan: PipelinePlan, sweeps: Mapping[str, Mapping[str, Any]]) -> dict[str, TaskIds]:
    """Ids that Airflow takes: letters, digits, dashes and underscores; dots set off the tasks of one node."""
    taken: set[str] = set()
    found = {}
    for node in plan.nodes:
        own = unique = re.sub(r"[^\w-]+", "-", node.name)
        number = 1
        while unique in taken:
            number += 1
            unique = f"{own}-{number}"
        taken.add(unique)
        stages = sweeps[node.name]["stages"] if node.name in sweeps else ()
        numbered = [f"-{place + 1}" if len(stages) > 1 else "" for place in range(len(stages))]
        found[node.name] = TaskIds(
            node=f"{unique}.result" if stages else unique,
            starting=f"{unique}.starting" if rules.acts(node, rules.STARTING) else None,
            ended=f"{unique}.ended" if rules.decides_when_ended(node) else None,
            executions=tuple(f"{unique}.executions{suffix}" for suffix in numbered),
        )
    return found


def _flags(node: Node, ids: TaskIds) -> tuple[str, ...]:
    """The tasks of a node that may end the pipeline."""
    found = [ids.starting] if rules.may_end_all(node, rules.STARTING) else []
    found += [ids.last] if rules.may_end_all(node, rules.COMPLETE, rules.ERROR) else []
    return tuple(task for task in found if task is not None)


def _reached(name: str, neighbours: Mapping[str, Sequence[str]]) -> set[str]:
    found: set[str] = set()
    waiting = [name]
    while waiting:
        for other in neighbours[waiting.pop()]:
            if other not in found:
                found.add(other)
                waiting.append(other)
    return found


def _carried(plan: PipelinePlan, name: str) -> tuple[str, ...]:
    kind = "environment-variable"
    return tuple(
        dict.fromkeys(edge.source_key for edge in plan.edges if edge.source == name and edge.source_kind == kind)
    )
