"""A node that only runs as a whole, here: the members of a distributed task need one another, a deployment its files.

It is a pipeline of this one node, with the nodes before it standing there as what they came to elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localhai.airflow.pipelines.flow import result_of
from localhai.errors import ProjectError
from localhai.pipelines import running
from localhai.pipelines.plan import Edge, Node, PipelinePlan
from localhai.pipelines.rules import alone, without_end
from localhai.pipelines.runners import Kept, Made
from localhai.pipelines.sources import Sources
from localhai.system import strict_json
from localhai.vocabulary import without_scheme

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from localhai.airflow.request import PipelineRequest
    from localhai.app.open_project import OpenProject
    from localhai.errors import LocalhaiError
    from localhai.executions.home import Home
    from localhai.executions.run.stop import Interruption
    from localhai.pipelines.results import NodeResult
    from localhai.pipelines.runners import NodeWork
    from localhai.records.pipelines import PipelineNode

ELSEWHERE = "elsewhere"  # the type of a node that another task of the DAG ran


def run_whole(
    project: OpenProject,
    request: PipelineRequest,
    commit: str | None,
    observer: running.PipelineObserver,
    interruption: Interruption,
    *,
    tags: Sequence[str],
) -> str:
    """Run it to its end; gives the id of its pipeline. Raises LocalhaiError for what keeps it from starting."""
    from localhai.app.start import run_pipeline

    known = request.node or {}
    results = {name: result_of(details) for name, details in known["results"].items()}
    before = [Node(name=name, type=ELSEWHERE) for name in results]  # type: ignore[arg-type]  # a type of ours
    plan = PipelinePlan(
        name=request.pipeline,
        nodes=(*before, alone(strict_json.convert(known["node"], Node))),  # the DAG does what follows from its end
        edges=tuple(strict_json.convert(edge, Edge) for edge in known["edges"]),
    ).in_environment(known.get("environment"))
    start = running.PipelineStart(
        Sources(project, commit),
        plan,
        project.options(),
        title=request.title,
        tags=tags,
        runners={ELSEWHERE: _Elsewhere()},
        reused={name: Kept(Made(), result) for name, result in results.items()},
    )
    return run_pipeline(start, observer=observer, interruption=interruption).id


class _Elsewhere:
    """A `NodeRunner` that is never asked to run: what it would run is known."""

    def check(self, sources: Any, node: Node, awaiting: Sequence[Edge], *, secrets: Collection[str]) -> None:
        """Another task has."""

    def run(self, work: NodeWork) -> tuple[NodeResult, LocalhaiError | None]:
        """Its result is there before the pipeline begins."""
        error = ProjectError(f"node {work.node.name} runs in another task")
        return without_end(error), error

    def earlier(self, home: Home, node: PipelineNode) -> Kept | None:  # noqa: ARG002  # a NodeRunner
        """Only the DAG knows."""
        return None


def whole_result(home: Home, key: str, node: str) -> dict[str, Any]:
    """What the node of such a pipeline came to, in the shape of an execution's XCom."""
    from localhai.app.nodes.task import task_result
    from localhai.tasks.task import Task

    found = next(item for item in home.records.pipelines.get(key).nodes if item.name == node)
    known: dict[str, Any] = {"status": found.status, "error": found.document.get("reason")}
    if found.task is not None:
        known |= _shape(task_result(home, Task(home, home.records.tasks.get(str(found.task["id"])))))
    deployment: Mapping[str, Any] | None = found.document.get("deployment")
    return {**known, "deployment": dict(deployment)} if deployment else known


def _shape(result: NodeResult) -> dict[str, Any]:
    return {
        "outputs": [{"name": name, "id": without_scheme(uri), "uri": uri} for name, uri in result.outputs],
        "cumulative_metadata": dict(result.metadata),
        "parameters": dict(result.parameters),
        "inputs": [{"name": name, "urls": list(uris)} for name, uris in result.inputs.items()],
    }
