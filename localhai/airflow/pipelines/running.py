"""One pipeline of this machine, from request to its end, told line by line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from localhai.airflow import earlier
from localhai.airflow.pipelines.flow import result_of
from localhai.airflow.tries import claim
from localhai.airflow.working import Telling
from localhai.app import start as starting
from localhai.app.nodes.alone import behind
from localhai.pipelines.plan import PipelinePlan
from localhai.pipelines.running import PipelineObserver, PipelineStart
from localhai.pipelines.sources import Sources
from localhai.system import strict_json
from localhai.vocabulary import FINAL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from localhai.airflow.platform import PipelineRequest, Watcher
    from localhai.app.open_project import OpenProject
    from localhai.errors import LocalhaiError
    from localhai.executions.run.observer import Observer
    from localhai.executions.run.stop import Interruption
    from localhai.pipelines.state import Change
    from localhai.records.pipelines import Pipeline


def run_pipeline(
    project: OpenProject,
    request: PipelineRequest,
    commit: str | None,
    words: str,
    watcher: Watcher,
    interruption: Interruption,
) -> Pipeline:
    """Run it to its end, or watch on what an earlier try left; what a torn one finished is kept.

    `commit` is the code, of which `words` tell. With `request.node` it is a run of that node alone: the members of a
    distributed task need one another, a deployment its files.
    """
    sources = Sources(project, commit)
    plan = _planned(sources, request)
    asked = plan.to_dict() if request.node is None else {"node": request.node}
    mine = claim(request.last_try, code=sources.snapshot().identifier, asked=asked)
    left = earlier.pipeline_left(project, request.origin, mine, watcher)
    if left is not None and left.status not in FINAL:
        left = earlier.join_pipeline(project.home, left, watcher, interruption)
        if left.status != "crashed":
            return left
    watcher.say(words)
    start = starting.with_runners(
        PipelineStart(sources, plan, project.options(), title=request.title, tags=mine.tags(request))
    )
    if request.node is not None:
        start = behind(start, {name: result_of(details) for name, details in request.node["results"].items()})
    elif left is not None:
        start = replace(start, kept=earlier.kept_of(left, start, watcher))
    return starting.run_pipeline(start, observer=PipelineTelling(watcher), interruption=interruption)


def _planned(sources: Sources, request: PipelineRequest) -> PipelinePlan:
    if request.node is not None:
        known = request.node
        plan = {"name": request.pipeline, "nodes": [known["node"]], "edges": known["edges"]}
        return strict_json.convert(plan, PipelinePlan).in_environment(known.get("environment"))
    return sources.plan(request.pipeline, dict(request.parameters))


class PipelineTelling(PipelineObserver):
    """Tells a watcher what becomes of nodes, and what their executions write."""

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher

    def started(self, pipeline: Mapping[str, Any]) -> None:
        self._watcher.started(str(pipeline["id"]), None)

    def changed(self, change: Change) -> None:
        because = f" ({change.reason})" if change.reason else ""
        self._watcher.say(f"{change.node or 'pipeline'}: {change.status}{because}")

    def status(self, text: str) -> None:
        self._watcher.say(text)

    def trouble(self, node: str, error: LocalhaiError) -> None:
        self._watcher.say(f"{node}: {error.message}")

    def of_node(self, node: str, attempt: int, name: str | None = None) -> Observer:
        mark = name or node if attempt == 1 else f"{name or node} (attempt {attempt})"
        return Telling(self._watcher, prefix=f"{mark} | ")
