"""What an earlier run of a pipeline leaves for a later one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from localhai.errors import UsageError
from localhai.executions.execution import Execution
from localhai.pipelines.graph import Graph
from localhai.pipelines.node_execution import result_of
from localhai.pipelines.plan import PipelinePlan
from localhai.pipelines.running import Kept
from localhai.records import INCOMPLETE

if TYPE_CHECKING:
    from localhai.executions.home import Home
    from localhai.records.pipeline_rows import Pipeline


def recorded_plan(record: Pipeline) -> PipelinePlan:
    """The plan that a pipeline ran by."""
    return PipelinePlan.from_dict(record.document["plan"])


def keep(home: Home, record: Pipeline, plan: PipelinePlan) -> dict[str, Kept]:
    """Nodes of `plan` that succeeded in the earlier run and would run again with the same definition and values.

    Their executions count, not what became of the nodes: one may have ended after its pipeline did. What lost its
    outputs is not kept. Raises UsageError while one of the executions still runs.
    """
    unchanged = _unchanged(recorded_plan(record), plan)
    found = {}
    for node in record.nodes:
        if node.execution is None or node.execution["status"] is None or node.name not in unchanged:
            continue
        execution = Execution(home, home.records.execution(node.execution["id"]))
        if execution.record.status in INCOMPLETE:
            raise UsageError(
                f"execution #{execution.counter} of node {node.name} still runs",
                where=f"pipeline #{record.counter}",
                hints=[f"wait for it: localhai execution watch {execution.counter}", "or stop it"],
            )
        if execution.complete and not any(output.purged for output in execution.record.outputs):
            found[node.name] = Kept(execution.id, result_of(execution))
    return {name: found[name] for name in Graph(plan).keepable(found)}


def _unchanged(before: PipelinePlan, now: PipelinePlan) -> set[str]:
    """Nodes whose definition, values and edges are the same in both plans."""
    now = PipelinePlan.from_dict(json.loads(json.dumps(now.to_dict(), default=str)))
    earlier = {node.name: node for node in before.nodes}
    old_edges, new_edges = Graph(before).into, Graph(now).into
    return {
        node.name
        for node in now.nodes
        if earlier.get(node.name) == node and old_edges[node.name] == new_edges[node.name]
    }
