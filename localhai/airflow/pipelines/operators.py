"""The operator of a node: an execution, with what the edges bring and what follows from its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localhai.airflow.compat import (
    AirflowException,
    AirflowFailException,
    AirflowSkipException,
    AirflowTaskTimeout,
    airflow_words,
)
from localhai.airflow.operators.base import SubmitOperator
from localhai.airflow.pipelines.flow import carried_on, node_of_run, request_of
from localhai.airflow.pipelines.gate import NodeTask, end_if_flagged, flag_among, raise_for
from localhai.airflow.platform import PipelineRequest
from localhai.airflow.xcoms import RESULT
from localhai.system import strict_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from localhai.airflow.pipelines.description import NodeDescription
    from localhai.airflow.platform import ExecutionRequest, Platform
    from localhai.pipelines.results import NodeStart

COMMIT = "pipeline_commit"  # a key of the XCom: one commit for all nodes that name none of their own


class ValohaiNodeOperator(NodeTask, SubmitOperator):
    """Runs one node of a pipeline, or one execution of a task node; `pipeline_dag` makes it.

    `child` is for a task node `{number, parameters}`. The XCom is that of ValohaiSubmitExecutionOperator; a node that
    failed leaves one too, for `on-error: continue`.
    """

    template_fields: Sequence[str] = ("project_name", "environment", "commit", "branch", "tags", "valohai_conn_id")
    ui_color = "#dbe7f7"
    tells_others = True
    ui_fgcolor = "#002f6c"

    def __init__(
        self,
        *,
        description: Mapping[str, Any],
        project_name: str,
        child: Mapping[str, Any] | None = None,
        environment: str | None = None,
        commit: str | None = None,
        branch: str | None = None,
        tags: Sequence[str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.description = description
        self.child = child
        self.project_name = project_name
        self.environment = environment
        self.commit = commit
        self.branch = branch
        self.tags = tags if tags is not None else []
        self._details: dict[str, Any] | None = None

    def request(self, context: Any) -> ExecutionRequest | PipelineRequest:
        """From this run's params and the results of the nodes before."""
        before = self.results_before(context)
        start = self.start(context, before)
        for note in start.notes:
            self.log.info("localhai: %s", note)
        known = self.known
        title = f"{known.pipeline}: {known.node.name}"
        given = {**self.given(), "commit": self._commit(before) or None, "title": title}
        return self.asked(context, start, before, given)

    def asked(
        self,
        context: Any,  # noqa: ARG002  # for subclasses
        start: NodeStart,
        before: Mapping[str, Any],  # noqa: ARG002  # for subclasses
        given: dict[str, Any],
    ) -> ExecutionRequest | PipelineRequest:
        """The request, of which what the DAG gave is known."""
        known = self.known
        reuse = known.reuse or bool(((known.sweep or {}).get("wish") or {}).get("reuse_children"))
        return request_of(known, start, child=self.child, environment=self.environment or None, reuse=reuse, **given)

    def _commit(self, before: Mapping[str, Mapping[str, Any]]) -> str | None:
        """One for the whole pipeline, whatever is pushed meanwhile; of the working tree there is none."""
        if not self.commit and (self.branch or not self.get_hook().mode().is_dev):
            return next((str(found) for details in before.values() if (found := details.get(COMMIT))), None)
        return self.commit

    def execute(self, context: Any) -> dict[str, Any]:
        """Run it, unless the pipeline has ended; then do what its end means for the others."""
        self.introduce(self.get_hook())
        end_if_flagged(context, self.flags_beside())
        return self._guarded(context, lambda: super(ValohaiNodeOperator, self).execute(context))

    def execute_complete(self, context: Any, event: dict[str, Any] | None = None) -> dict[str, Any]:
        """As for every operator, then as `execute`."""
        return self._guarded(context, lambda: super(ValohaiNodeOperator, self).execute_complete(context, event))

    def finish(self, details: dict[str, Any], platform: Platform, context: Any) -> dict[str, Any]:
        """With the outputs of a failed node too."""
        known = self.known
        if known.carried:
            details = carried_on(known, details, self.request(context).environment_variables)  # type: ignore[union-attr]
        if known.node.commit is None:
            details[COMMIT] = (details.get("commit") or {}).get("identifier")
        self._name_child(details)
        try:
            return super().finish(details, platform, context)
        except AirflowException as error:
            with airflow_words():
                self._details = {**details, "outputs": platform.outputs(details["id"])}
            if details.get("status") == "stopped":  # somebody wished that: it is not tried again
                raise AirflowFailException(str(error)) from error
            raise

    def began(self, context: Any, kind: str, key: str) -> None:
        """What was started is known to the others; if they ended the pipeline just before, it is stopped."""
        super().began(context, kind, key)
        if context.get("ti") is None or self._platform is None:
            return
        if flag_among(context, self.flags_beside()) is not None:
            with airflow_words():
                self._platform.stop(self.kind, key)

    def _guarded(self, context: Any, act: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        try:
            details = act()
        except AirflowSkipException:
            raise
        except (AirflowException, AirflowTaskTimeout) as error:
            self._failed(context, error)
            raise
        self.ended(context, details)
        return details

    def _failed(self, context: Any, error: BaseException) -> None:
        """Raises what is better to be known of a node that others ended."""
        flag = flag_among(context, self.flags_beside())
        if flag is not None:
            raise_for(flag)
        task_instance = context["ti"]
        is_last_try = int(task_instance.try_number) > int(task_instance.max_tries)
        if not isinstance(error, AirflowFailException) and not is_last_try:
            return
        details = self._details or {"status": "error", "error": str(error)}
        self._name_child(details)
        task_instance.xcom_push(key=RESULT, value=details)
        self.ended(context, details)

    def _name_child(self, details: dict[str, Any]) -> None:
        if self.child is not None:
            details["child"] = dict(self.child)

    def platform(self) -> Platform:
        """The one that it runs on."""
        with airflow_words():
            return self._platform or self.get_hook().platform()

    def flags_beside(self) -> tuple[str, ...]:
        """Tasks that may end this one by a flag; siblings of one task node are such, too."""
        return self.known.flags_beside


class ValohaiWholeNodeOperator(ValohaiNodeOperator):
    """A node that runs as a whole on one machine (a distributed task, a deployment): as a pipeline of this one node."""

    kind = "pipeline"

    def asked(
        self, context: Any, start: NodeStart, before: Mapping[str, Any], given: dict[str, Any]
    ) -> PipelineRequest:
        """With what the edges bring: files of a deployment, inputs and parameters of a task."""
        known: NodeDescription = self.known
        node = node_of_run(known.node, known.targets, context["params"])
        return PipelineRequest(
            pipeline=known.pipeline,
            node={
                "node": strict_json.values(node),
                "edges": known.to_dict()["edges"],
                "results": {name: dict(details) for name, details in before.items()},
                "environment": self.environment or None,
                "start": {
                    "inputs": {name: list(uris) for name, uris in start.inputs.items()},
                    "parameters": dict(start.parameters),
                    "files": {name: list(uris) for name, uris in start.files.items()},
                },
            },
            **given,
        )

    def finish(self, details: dict[str, Any], platform: Platform, context: Any) -> dict[str, Any]:
        """What the node came to, not its pipeline."""
        with airflow_words():
            found = platform.whole_result(details["id"], self.known.node.name)
        self._details = {**found, "pipeline": {"id": details["id"], "counter": details.get("counter")}}
        SubmitOperator.finish(self, details, platform, context)
        return self._details
