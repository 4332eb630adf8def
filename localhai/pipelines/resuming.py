"""What an earlier run of a pipeline leaves for a later one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from localhai.pipelines.graph import Graph
from localhai.pipelines.plan import PipelinePlan
from localhai.pipelines.runners import Made
from localhai.system import strict_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from localhai.executions.home import Home
    from localhai.pipelines.runners import Kept, NodeRunner
    from localhai.records.pipeline_rows import Pipeline


def recorded_plan(record: Pipeline) -> PipelinePlan:
    """The plan that a pipeline ran by."""
    return strict_json.convert(record.document["plan"], PipelinePlan)


def keep(home: Home, record: Pipeline, plan: PipelinePlan, runners: Mapping[str, NodeRunner]) -> dict[str, Kept]:
    """Nodes of `plan` that succeeded in the earlier run and would run again with the same definition and values.

    What lost its outputs is not kept. Raises UsageError while one of the nodes still runs.
    """
    unchanged = _unchanged(recorded_plan(record), plan)
    found = {}
    for node in record.nodes:
        if node.name in unchanged and node.type in runners:
            kept = runners[node.type].earlier(home, node)
            if kept is not None:
                found[node.name] = kept
    return {name: found[name] for name in Graph(plan).keepable(found)}


def begun(record: Pipeline, plan: PipelinePlan) -> dict[str, Made]:
    """Tasks that nodes of the earlier run made, of nodes that are the same in `plan`: to go on with, if not kept."""
    unchanged = _unchanged(recorded_plan(record), plan)
    return {
        node.name: Made(task_id=node.task["id"])
        for node in record.nodes
        if node.name in unchanged and node.task is not None and node.task["status"] is not None
    }


def left(home: Home, record: Pipeline, runners: Mapping[str, NodeRunner]) -> tuple[dict[str, Made], dict[str, Kept]]:
    """What the nodes of a pipeline had made when its localhai died, and which of those are complete.

    Execution nodes are all among the first: what became of an execution is asked again, whatever became of the node.
    """
    made: dict[str, Made] = {}
    over: dict[str, Kept] = {}
    for node in record.nodes:
        execution = node.execution if node.execution and node.execution["status"] is not None else None
        task = node.task if node.task and node.task["status"] is not None else None
        if execution is not None:
            made[node.name] = Made(execution_id=execution["id"])
        elif node.status == "complete" and (kept := runners[node.type].earlier(home, node)) is not None:
            over[node.name] = kept
        elif task is not None:
            made[node.name] = Made(task_id=task["id"])
    return made, over


def _unchanged(before: PipelinePlan, now: PipelinePlan) -> set[str]:
    """Nodes whose definition, values and edges are the same in both plans."""
    now = strict_json.convert(json.loads(strict_json.dumps(now.to_dict(), default=str)), PipelinePlan)
    earlier = {node.name: node for node in before.nodes}
    old_edges, new_edges = Graph(before).into, Graph(now).into
    return {
        node.name
        for node in now.nodes
        if earlier.get(node.name) == node and old_edges[node.name] == new_edges[node.name]
    }
