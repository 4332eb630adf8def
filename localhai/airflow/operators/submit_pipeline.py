"""ValohaiSubmitPipelineOperator: a whole pipeline of a valohai.yaml as one task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localhai.airflow.operators.base import SubmitOperator, resolved
from localhai.airflow.platform import PipelineRequest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class ValohaiSubmitPipelineOperator(SubmitOperator):
    """Runs a pipeline and waits for its end; the XCom is the pipeline with its nodes.

    `parameters` are those of the pipeline. `commit` and `branch` as for ValohaiSubmitExecutionOperator.
    """

    kind = "pipeline"
    template_fields: Sequence[str] = (
        "project_name",
        "pipeline",
        "parameters",
        "commit",
        "branch",
        "tags",
        "title",
        "valohai_conn_id",
    )

    def __init__(
        self,
        *,
        project_name: str,
        pipeline: str,
        parameters: Mapping[str, Any] | None = None,
        commit: str | None = None,
        branch: str | None = None,
        tags: Sequence[str] | None = None,
        title: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.project_name = project_name
        self.pipeline = pipeline
        self.parameters = parameters if parameters is not None else {}
        self.commit = commit
        self.branch = branch
        self.tags = tags if tags is not None else []
        self.title = title

    def request(self, context: Any) -> PipelineRequest:
        """With callables called."""
        return PipelineRequest(
            pipeline=self.pipeline, parameters=resolved(self.parameters or {}, context), **self.given()
        )
