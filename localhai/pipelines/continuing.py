"""Pipelines that go on under the same id after their localhai died: a server's, which its clients still look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from localhai.executions.reading import requester_of
from localhai.executions.run.heartbeat import at_work
from localhai.executions.run.stop import Interruption
from localhai.pipelines.resuming import left
from localhai.pipelines.running import PipelineObserver, Run, all_runners

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from localhai.executions.run.context import RunOptions
    from localhai.pipelines.plan import PipelinePlan
    from localhai.pipelines.runners import Kept, NodeRunner
    from localhai.pipelines.running import PipelineOptions
    from localhai.pipelines.sources import Sources
    from localhai.records.pipeline_rows import Pipeline


def continue_pipeline(
    sources: Sources,
    record: Pipeline,
    plan: PipelinePlan,
    *,
    run_options: RunOptions,
    options: PipelineOptions,
    reused: Collection[str] = (),
    interruption: Interruption | None = None,
) -> Pipeline:
    """Run on what a localhai left that died, to its end in this thread. The caller has become its owner.

    All happens again, but what nodes had made is taken for what they make: executions that ended count, those that
    run are watched to their ends. `reused` are the nodes that somebody named an earlier run for.
    """
    runners = all_runners(options.runners)
    run_options = replace(run_options, requester=run_options.requester or requester_of(record.document))
    made, over = left(sources.project.home, record, runners)
    kept = {name: _kept(sources, record, name, runners) for name in reused}
    run = Run(sources, plan, record, runners, run_options, options, PipelineObserver(), interruption or Interruption())
    run.begun = made
    run.over = over
    run.seen = {node.name: node.status for node in record.nodes}
    with at_work(record.id):
        run.go({}, {name: item for name, item in kept.items() if item is not None})
    return sources.project.home.records.pipelines.get(record.id)


def _kept(sources: Sources, record: Pipeline, name: str, runners: Mapping[str, NodeRunner]) -> Kept | None:
    node = record.node(name)
    return None if node is None else runners[node.type].earlier(sources.project.home, node)
