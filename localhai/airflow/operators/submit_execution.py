"""ValohaiSubmitExecutionOperator: an execution of a step as a task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localhai.airflow.operators.base import SubmitOperator, resolved
from localhai.airflow.platform import ExecutionRequest
from localhai.airflow.xcoms import OutputUri, Upstream

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class ValohaiSubmitExecutionOperator(SubmitOperator):
    """Runs a step and waits for its end; the XCom is the execution, with `outputs`.

    `inputs` are URIs by name, one or several, `parameters` values by name; either may be a callable that gets the
    context, as `get_output_uri` gives. `environment` None: the project's. `commit` None: the newest one of `branch` on
    the platform (default master); in dev mode the working tree, unless `branch` is given. `time_limit` is in seconds.
    Fails as AirflowException, and without another try for what another try cannot help: unknown names, wrong values.
    """

    template_fields: Sequence[str] = (
        "project_name",
        "step",
        "inputs",
        "parameters",
        "environment",
        "commit",
        "branch",
        "tags",
        "title",
        "time_limit",
        "valohai_conn_id",
    )

    def __init__(
        self,
        *,
        project_name: str,
        step: str,
        inputs: Mapping[str, Any] | None = None,
        parameters: Mapping[str, Any] | None = None,
        environment: str | None = None,
        commit: str | None = None,
        branch: str | None = None,
        tags: Sequence[str] | None = None,
        title: str | None = None,
        time_limit: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.project_name = project_name
        self.step = step
        self.inputs = inputs if inputs is not None else {}
        self.parameters = parameters if parameters is not None else {}
        self.environment = environment
        self.commit = commit
        self.branch = branch
        self.tags = tags if tags is not None else []
        self.title = title
        self.time_limit = time_limit

    @staticmethod
    def get_output_uri(
        task: Any = None,
        name: str | None = None,
        *,
        include_prior_dates: bool = False,
        map_index: int | None = None,
    ) -> OutputUri:
        """For `inputs`: the address of an output of an earlier task, looked up when this task runs.

        Of a mapped task the addresses of all, or of the one with `map_index`. A task of this DAG that left no result in
        this run fails the one that asks, unless `include_prior_dates` allows the newest earlier run in its place.
        """
        return OutputUri(Upstream(task.dag_id, task.task_id, include_prior_dates, map_index), name)

    def request(self, context: Any) -> ExecutionRequest:
        """With callables called."""
        return ExecutionRequest(
            step=self.step,
            inputs=resolved(self.inputs or {}, context),
            parameters=resolved(self.parameters or {}, context),
            environment=self.environment or None,
            time_limit=float(self.time_limit) if self.time_limit else None,
            **self.given(),
        )
