"""What an earlier run of a pipeline leaves for a later one.

`rerun --from-failed` keeps its nodes that succeeded, `--reuse=COUNTER|latest:glob,...` puts them in place of others, as
in `vh` (platform.md 1.8). A pipeline of a server that died goes on under the same id: its clients still look at it.
"""

from __future__ import annotations

import json
from fnmatch import fnmatch
from typing import TYPE_CHECKING

from msgspec.structs import replace

from localhai.errors import UsageError
from localhai.executions.reading import creator_of
from localhai.executions.run.heartbeat import at_work
from localhai.executions.run.stop import Interruption
from localhai.pipelines.graph import Graph
from localhai.pipelines.plan import PipelinePlan
from localhai.pipelines.runners import Made
from localhai.pipelines.running import PipelineObserver, Run, all_runners
from localhai.system import strict_json

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from localhai.executions.home import Home
    from localhai.pipelines.runners import Kept, NodeRunner
    from localhai.pipelines.running import PipelineStart
    from localhai.records.pipelines import Pipeline


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


_FORM = "--reuse=5:preprocess,train*  or  --reuse=latest:*"


def reuse(
    home: Home, project_id: str, plan: PipelinePlan, specs: Sequence[str], runners: Mapping[str, NodeRunner]
) -> dict[str, Kept]:
    """What takes the place of nodes of `plan`; of two that name the same node the later counts.

    Raises UsageError for one that is not of the form, matches nothing, or whose node did not succeed.
    """
    found: dict[str, Kept] = {}
    for spec in specs:
        counter, globs = parse_reuse(spec)
        record = home.records.pipelines.find(counter, project_id)
        names = [node.name for node in plan.nodes if any(fnmatch(node.name, glob) for glob in globs)]
        if not names:
            known = ", ".join(node.name for node in plan.nodes)
            raise UsageError(f"--reuse={spec} matches no node of pipeline {plan.name}", hints=[f"its nodes: {known}"])
        for name in names:
            found[name] = _kept_by_name(home, record, name, runners)
    return found


def parse_reuse(spec: str) -> tuple[str, tuple[str, ...]]:
    """`5:a,b*` as the pipeline and its patterns. Raises UsageError."""
    counter, _, rest = spec.partition(":")
    globs = tuple(glob.strip() for glob in rest.split(",") if glob.strip())
    if not counter.strip() or not globs:
        raise UsageError(f"--reuse={spec} names no pipeline and its nodes", hints=[_FORM])
    return counter.strip(), globs


def _kept_by_name(home: Home, record: Pipeline, name: str, runners: Mapping[str, NodeRunner]) -> Kept:
    node = record.node(name)
    if node is None:
        known = ", ".join(item.name for item in record.nodes)
        raise UsageError(f"pipeline #{record.counter} has no node {name} to reuse", hints=[f"its nodes: {known}"])
    kept = runners[node.type].earlier(home, node) if node.type in runners else None
    if kept is None:
        raise UsageError(
            f"node {name} of pipeline #{record.counter} cannot be reused: it did not succeed, or its files are gone",
            where=f"node {name}",
            hints=[f"it is {node.status}: localhai pipeline info {record.counter}"],
        )
    return kept


def continue_pipeline(
    start: PipelineStart,
    record: Pipeline,
    *,
    reused: Collection[str] = (),
    interruption: Interruption | None = None,
) -> Pipeline:
    """Run on what a localhai left that died, to its end in this thread. The caller has become its owner.

    All happens again, but what nodes had made is taken for what they make: executions that ended count, those that
    run are watched to their ends. `reused` are the nodes that somebody named an earlier run for.
    """
    home, runners = start.sources.project.home, all_runners(start.runners)
    made, over = left(home, record, runners)
    kept = {name: _kept(home, record, name, runners) for name in reused}
    options = replace(start.options, creator=start.options.creator or creator_of(record.document))
    run = Run(replace(start, options=options, begun=made), record, PipelineObserver(), interruption or Interruption())
    run.over = over
    run.seen = {node.name: node.status for node in record.nodes}
    with at_work(record.id):
        run.go({}, {name: item for name, item in kept.items() if item is not None})
    return home.records.pipelines.get(record.id)


def _kept(home: Home, record: Pipeline, name: str, runners: Mapping[str, NodeRunner]) -> Kept | None:
    node = record.node(name)
    return None if node is None else runners[node.type].earlier(home, node)
