"""The seam between a pipeline and what runs its nodes: one runner for each type of node.

A pipeline knows execution nodes itself. Whoever calls it brings the runners of further types (tasks, deployments),
since their rooms and this one do not import one another.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from msgspec import Struct

from localhai.errors import ProjectError, UsageError
from localhai.pipelines.graph import Graph

if TYPE_CHECKING:
    from localhai.errors import LocalhaiError
    from localhai.executions.home import Home
    from localhai.executions.run.context import RunOptions
    from localhai.executions.run.observer import Observer
    from localhai.executions.run.slots import Slots
    from localhai.executions.run.stop import Interruption
    from localhai.pipelines.plan import Edge, Node, PipelinePlan
    from localhai.pipelines.results import NodeResult, NodeStart
    from localhai.pipelines.sources import Sources
    from localhai.records.pipelines import PipelineNode


class Made(Struct, frozen=True):
    """What a node made, as soon as that is recorded: one of these. `deployment` is its JSON shape."""

    execution_id: str | None = None
    task_id: str | None = None
    deployment: Mapping[str, Any] | None = None


class Kept(Struct, frozen=True):
    """A node that need not run again: what it made in an earlier run, and its result."""

    made: Made
    result: NodeResult


class NodeWork(Struct, frozen=True):
    """A node that starts now, and all that its runner needs. All may be called from any thread.

    `options` name the pipeline that executions belong to. `slots` is the limit on executions that run side by side,
    of all nodes together: none begins without one. `made` records what the node made: call it once. `watch(name)` gives
    whoever watches one execution of it: `name` tells several apart, None where there is one. `say` says a line about
    the node. `begun` is what the node of an earlier run made and left half-done, for those who can go on with it.
    """

    sources: Sources
    node: Node
    start: NodeStart
    options: RunOptions
    slots: Slots
    interruption: Interruption
    made: Callable[[Made], None]
    watch: Callable[[str | None], Observer]
    say: Callable[[str], None]
    begun: Made | None = None


class NodeRunner(Protocol):
    """Runs nodes of one type."""

    def check(self, sources: Sources, node: Node, awaiting: Sequence[Edge], *, secrets: Collection[str]) -> None:
        """Before anything starts: raises UsageError, ProjectError for what is wrong with the node.

        `awaiting` are the edges into it: what they will fill may be missing. Needs neither Docker nor network.
        """

    def run(self, work: NodeWork) -> tuple[NodeResult, LocalhaiError | None]:
        """To its end, in a thread of its own. What kept it from starting comes beside the result, for its hints."""

    def earlier(self, home: Home, node: PipelineNode) -> Kept | None:
        """What the node of an earlier pipeline left, if it succeeded and all of it is still there.

        Raises UsageError while it still runs.
        """


def refuse_unknown_types(plan: PipelinePlan, known: Mapping[str, object]) -> None:
    """Raises ProjectError when a node is of a type that cannot be run here."""
    refused = [node for node in plan.nodes if node.type not in known]
    if refused:
        listed = ", ".join(f"{node.name} ({node.type})" for node in refused)
        raise ProjectError(
            f"pipeline {plan.name} has nodes of a type that does not run on this machine: {listed}",
            where=f"pipeline {plan.name}",
            hints=["nothing was started; `localhai pipeline plan` shows the whole pipeline"],
        )


def preflight(
    sources: Sources, plan: PipelinePlan, runners: Mapping[str, NodeRunner], *, secrets: Collection[str] = ()
) -> None:
    """Check every node as far as that is possible before its sources ran. Raises what the first wrong one raises.

    Nodes of a type that `runners` do not have are left out.
    """
    into = Graph(plan).into
    for node in plan.nodes:
        if node.type not in runners:
            continue
        try:
            runners[node.type].check(sources, node, into[node.name], secrets=secrets)
        except (UsageError, ProjectError) as error:
            error.where = f"node {node.name} of pipeline {plan.name}"
            raise
