"""The operator of a node: an execution, with what the edges bring and what follows from its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localhai.airflow.compat import (
    AirflowException,
    AirflowFailException,
    AirflowSkipException,
    AirflowTaskTimeout,
)
from localhai.airflow.failures import airflow_words
from localhai.airflow.operators.base import SubmitOperator
from localhai.airflow.pipelines import watching
from localhai.airflow.pipelines.description import NodeDescription
from localhai.airflow.pipelines.flow import carried_on, request_of, result_of, start_of
from localhai.pipelines import rules
from localhai.system import strict_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from localhai.airflow.hook import ValohaiHook
    from localhai.airflow.platform import Platform
    from localhai.airflow.request import ExecutionRequest

COMMIT = "pipeline_commit"  # a key of the XCom: one commit for all nodes that name none of their own


class ValohaiNodeOperator(SubmitOperator):
    """Runs one node of a pipeline, or one execution of a task node; `pipeline_dag` makes it.

    `description` is `NodeDescription.to_dict()`, `child` for a task node `{number, parameters}`. The XCom is that of
    ValohaiSubmitExecutionOperator; a node that failed leaves one too, for `on-error: continue`.
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

    def request(self, context: Any) -> ExecutionRequest:
        """From this run's params and the results of the nodes before."""
        known = strict_json.convert(self.description, NodeDescription)
        before = watching.results_before(context, known)
        params = context["params"]
        start = start_of(known, params, {name: result_of(details) for name, details in before.items()})
        for note in start.notes:
            self.log.info("localhai: %s", note)
        return request_of(
            known,
            start,
            child=self.child,
            project=self.project_name,
            environment=self.environment or None,
            commit=self._commit(before) or None,
            branch=self.branch or None,
            tags=[str(tag) for tag in self.tags or ()],
            title=f"{known.pipeline}: {known.node.name}",
            reuse=known.reuse or bool(((known.sweep or {}).get("wish") or {}).get("reuse_children")),
        )

    def _commit(self, before: Mapping[str, Mapping[str, Any]]) -> str | None:
        """One for the whole pipeline, whatever is pushed meanwhile; of the working tree there is none."""
        if not self.commit and (self.branch or not self.get_hook().mode().is_dev):
            return next((str(found) for details in before.values() if (found := details.get(COMMIT))), None)
        return self.commit

    def execute(self, context: Any) -> dict[str, Any]:
        """Run it, unless the pipeline has ended; then do what its end means for the others."""
        known = strict_json.convert(self.description, NodeDescription)
        self.introduce(self.get_hook())
        watching.end_if_flagged(context, self._flags_beside(known))
        return self._guarded(context, known, lambda: super(ValohaiNodeOperator, self).execute(context))

    def execute_complete(self, context: Any, event: dict[str, Any] | None = None) -> dict[str, Any]:
        """As for every operator, then as `execute`."""
        known = strict_json.convert(self.description, NodeDescription)
        return self._guarded(context, known, lambda: super(ValohaiNodeOperator, self).execute_complete(context, event))

    def finish(self, hook: ValohaiHook, details: dict[str, Any], platform: Platform, context: Any) -> dict[str, Any]:
        """With the outputs of a failed node too."""
        known = strict_json.convert(self.description, NodeDescription)
        if known.carried:
            details = carried_on(known, details, self.request(context).environment_variables)
        if known.node.commit is None:
            details[COMMIT] = (details.get("commit") or {}).get("identifier")
        if self.child is not None:
            details["child"] = dict(self.child)
        try:
            return super().finish(hook, details, platform, context)
        except AirflowException as error:
            with airflow_words():
                self._details = {**details, "outputs": platform.outputs(details["id"])}
            if details.get("status") == "stopped":  # somebody wished that: it is not tried again
                raise AirflowFailException(str(error)) from error
            raise

    def began(self, context: Any, kind: str, key: str) -> None:
        """What was started is known to the others; if they ended the pipeline just before, it is stopped."""
        known = strict_json.convert(self.description, NodeDescription)
        super().began(context, kind, key)
        if context.get("ti") is None:
            return
        if watching.flag_among(context, self._flags_beside(known)) is not None and self._platform is not None:
            with airflow_words():
                self._platform.stop(self.kind, key)

    def _guarded(self, context: Any, known: NodeDescription, act: Any) -> dict[str, Any]:
        try:
            details: dict[str, Any] = act()
        except AirflowSkipException:
            raise
        except (AirflowException, AirflowTaskTimeout) as error:
            self._failed(context, known, error)
            raise
        self._ended(context, known, details)
        return details

    def _failed(self, context: Any, known: NodeDescription, error: BaseException) -> None:
        """Raises what is better to be known of a node that others ended."""
        flag = watching.flag_among(context, self._flags_beside(known))
        if flag is not None:
            watching.raise_for(flag)
        if not isinstance(error, AirflowFailException) and not watching.is_last_try(context):
            return
        details = self._details or {"status": "error", "error": str(error)}
        if self.child is not None:
            details["child"] = dict(self.child)
        context["ti"].xcom_push(key=watching.RESULT, value=details)
        self._ended(context, known, details)

    def _ended(self, context: Any, known: NodeDescription, details: Mapping[str, Any]) -> None:
        """Where a gate follows, that decides."""
        if known.tasks.ended is not None:
            return
        verdict = rules.at_end(known.node, result_of(details))
        if verdict.outcome is not None:
            self._end_pipeline(context, known, verdict)

    def _end_pipeline(self, context: Any, known: NodeDescription, verdict: rules.Verdict) -> None:
        with airflow_words():
            platform = self._platform or self.get_hook().platform()
        watching.end_pipeline(context, known, verdict, platform, self.log)

    def _flags_beside(self, known: NodeDescription) -> tuple[str, ...]:
        """Siblings of one task node may end it too."""
        return known.flags_beside
