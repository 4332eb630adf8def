"""The operator of a node that runs as a whole on one machine: a distributed task, a deployment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localhai.airflow.failures import airflow_words
from localhai.airflow.operators.base import SubmitOperator
from localhai.airflow.pipelines import watching
from localhai.airflow.pipelines.description import NodeDescription
from localhai.airflow.pipelines.flow import node_of_run, result_of, start_of
from localhai.airflow.pipelines.operators import ValohaiNodeOperator
from localhai.airflow.request import PipelineRequest
from localhai.system import strict_json

if TYPE_CHECKING:
    from localhai.airflow.hook import ValohaiHook
    from localhai.airflow.platform import Platform


class ValohaiWholeNodeOperator(ValohaiNodeOperator):
    """As ValohaiNodeOperator; what it starts is a pipeline of this one node."""

    kind = "pipeline"

    def request(self, context: Any) -> PipelineRequest:  # type: ignore[override]  # another kind of request
        """With what the edges bring: files of a deployment, inputs and parameters of a task."""
        known = strict_json.convert(self.description, NodeDescription)
        before = watching.results_before(context, known)
        params = context["params"]
        start = start_of(known, params, {name: result_of(details) for name, details in before.items()})
        for note in start.notes:
            self.log.info("localhai: %s", note)
        of_run = strict_json.convert(
            {**self.description, "node": _as_dict(node_of_run(known.node, known.targets, params))}, NodeDescription
        )
        described = of_run.to_dict()
        return PipelineRequest(
            project=self.project_name,
            pipeline=known.pipeline,
            commit=self._commit(before) or None,
            branch=self.branch or None,
            tags=[str(tag) for tag in self.tags or ()],
            title=f"{known.pipeline}: {known.node.name}",
            node={
                "node": described["node"],
                "edges": described["edges"],
                "results": {name: dict(details) for name, details in before.items()},
                "environment": self.environment or None,
                "start": {
                    "inputs": {name: list(uris) for name, uris in start.inputs.items()},
                    "parameters": dict(start.parameters),
                    "files": {name: list(uris) for name, uris in start.files.items()},
                },
            },
        )

    def finish(self, hook: ValohaiHook, details: dict[str, Any], platform: Platform, context: Any) -> dict[str, Any]:
        """What the node came to, not its pipeline."""
        known = strict_json.convert(self.description, NodeDescription)
        with airflow_words():
            found = platform.whole_result(details["id"], known.node.name)
        self._details = {**found, "pipeline": {"id": details["id"], "counter": details.get("counter")}}
        SubmitOperator.finish(self, hook, details, platform, context)
        return self._details


def _as_dict(node: Any) -> dict[str, Any]:
    from msgspec import to_builtins

    values: dict[str, Any] = to_builtins(node)
    return values
