"""One pipeline of this machine, from request to its end, told line by line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localhai.airflow.local_run import code_of
from localhai.airflow.request import tags_with_origin
from localhai.airflow.working import Teller
from localhai.pipelines.running import PipelineObserver

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from localhai.airflow.request import PipelineRequest
    from localhai.app.open_project import OpenProject
    from localhai.errors import LocalhaiError
    from localhai.executions.run.observer import Observer
    from localhai.executions.run.stop import Interruption
    from localhai.pipelines.plan import PipelinePlan
    from localhai.pipelines.sources import Sources
    from localhai.pipelines.state import Change


def run_pipeline(
    project: OpenProject,
    request: PipelineRequest,
    tell: Callable[[str, Any], None],
    interruption: Interruption,
) -> str:
    """Run it to its end; gives its id. Raises LocalhaiError for what keeps it from starting."""
    from localhai.airflow import attaching
    from localhai.airflow.claim import claim
    from localhai.app.nodes import further_runners
    from localhai.app.start import run_pipeline as run
    from localhai.pipelines.running import PipelineStart, all_runners
    from localhai.pipelines.sources import Sources
    from localhai.vocabulary import FINAL

    commit, words = code_of(project, request)
    sources = Sources(project, commit)
    made = None if request.node is not None else _planned(sources, request)
    asked = {"node": request.node} if made is None else made.to_dict()
    mine = claim(request.last_try, code=sources.snapshot().identifier, asked=asked)
    left = attaching.pipeline_left(project, request.origin, mine, tell)
    if left is not None and left.status not in FINAL:
        left = attaching.join_pipeline(project.home, left, tell, interruption)
        if left.status != "crashed":
            return left.id
    tell("line", f"localhai: {words}")
    tags = tags_with_origin(request, mine.tag)
    if made is None:
        from localhai.airflow.local_whole import run_whole

        return run_whole(project, request, commit, _PipelineTeller(tell), interruption, tags=tags)
    kept = attaching.kept_of(left, sources, made, all_runners(further_runners()), tell) if left else {}
    start = PipelineStart(sources, made, project.options(), title=request.title, tags=tags, kept=kept)
    return run(start, observer=_PipelineTeller(tell), interruption=interruption).id


def _planned(sources: Sources, request: PipelineRequest) -> PipelinePlan:
    from localhai.pipelines.planning import plan

    config = sources.config()
    return plan(
        config.config,
        request.pipeline,
        dict(request.parameters),
        config_at=lambda other: sources.config(other).config,
        positions=config.positions,
    )


class _PipelineTeller(PipelineObserver):
    def __init__(self, tell: Callable[[str, Any], None]) -> None:
        self._tell = tell

    def started(self, pipeline: Mapping[str, Any]) -> None:
        self._tell("started", dict(pipeline))

    def changed(self, change: Change) -> None:
        self._tell("line", f"localhai: {change.node or 'pipeline'}: {change.status}" + _because(change.reason))

    def status(self, text: str) -> None:
        self._tell("line", f"localhai: {text}")

    def trouble(self, node: str, error: LocalhaiError) -> None:
        self._tell("line", f"localhai: {node}: {error.message}")

    def of_node(self, node: str, attempt: int, name: str | None = None) -> Observer:
        mark = f"{name or node} | " if attempt == 1 else f"{name or node} (attempt {attempt}) | "
        return _NodeTeller(self._tell, mark)


class _NodeTeller(Teller):
    """Its id is the pipeline's business."""

    def started(self, execution: Mapping[str, Any]) -> None:
        """Told by the change of the node's status."""


def _because(reason: str | None) -> str:
    return f" ({reason})" if reason else ""
