"""A node that runs apart from its pipeline: a pipeline of this one node.

The nodes before it stand there as what they came to elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from localhai.errors import ProjectError
from localhai.pipelines.plan import Node
from localhai.pipelines.rules import alone, without_end
from localhai.pipelines.runners import Kept, Made

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from localhai.errors import LocalhaiError
    from localhai.executions.home import Home
    from localhai.pipelines.plan import Edge
    from localhai.pipelines.results import NodeResult
    from localhai.pipelines.runners import NodeWork
    from localhai.pipelines.running import PipelineStart
    from localhai.records.pipelines import PipelineNode

ELSEWHERE = "elsewhere"  # the type of a node that ran somewhere else


def behind(start: PipelineStart, results: Mapping[str, NodeResult]) -> PipelineStart:
    """A pipeline of one node, behind the nodes that came to `results`, by the names that its edges have.

    What follows from the node's end is up to whoever has the rest of its pipeline.
    """
    [node] = start.plan.nodes
    before = [Node(name=name, type=ELSEWHERE) for name in results]  # type: ignore[arg-type]  # a type of ours
    return replace(
        start,
        plan=replace(start.plan, nodes=(*before, alone(node))),
        runners={**start.runners, ELSEWHERE: _Elsewhere()},
        reused={name: Kept(Made(), result) for name, result in results.items()},
    )


class _Elsewhere:
    """A `NodeRunner` that is never asked to run: what it would run is known."""

    def check(self, sources: Any, node: Node, awaiting: Sequence[Edge], *, secrets: Collection[str]) -> None:
        """Whoever ran it has."""

    def run(self, work: NodeWork) -> tuple[NodeResult, LocalhaiError | None]:
        """Its result is there before the pipeline begins."""
        error = ProjectError(f"node {work.node.name} runs elsewhere")
        return without_end(error), error

    def earlier(self, home: Home, node: PipelineNode) -> Kept | None:  # noqa: ARG002  # a NodeRunner
        """Only who ran it knows."""
        return None
