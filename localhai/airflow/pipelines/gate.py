"""The gate before or behind a node: its actions, and for `on-error: continue` the way on after a failure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from localhai.airflow.compat import AirflowFailException, BaseSensorOperator
from localhai.airflow.failures import airflow_words
from localhai.airflow.hook import ValohaiHook
from localhai.airflow.pipelines import watching
from localhai.airflow.pipelines.description import NodeDescription
from localhai.airflow.pipelines.flow import node_of_run, result_of, start_of
from localhai.airflow.xcoms import STARTED, pull_all, pull_one
from localhai.errors import UsageError
from localhai.pipelines import rules
from localhai.pipelines.results import NodeResult
from localhai.pipelines.rules import Verdict
from localhai.system import strict_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

APPROVE_ALL = "approve-all"  # a param of a DAG in which somebody may be asked


class ValohaiNodeGate(BaseSensorOperator):
    """Conditions on metadata and parameters, seen in the XComs of earlier tasks; `pipeline_dag` makes it.

    `stop-pipeline` skips what follows, `error-pipeline` fails it; both stop what runs beside. `require-approval` waits
    until a person marks this task as a success, or as failed, in Airflow: while it waits it takes no slot of a worker.
    """

    template_fields: Sequence[str] = ("valohai_conn_id",)
    ui_color = "#eef2f7"
    ui_fgcolor = "#002f6c"

    def __init__(
        self,
        *,
        description: Mapping[str, Any],
        at: Literal["starting", "ended"],
        valohai_conn_id: str = ValohaiHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.description = description
        self.at = at
        self.valohai_conn_id = valohai_conn_id

    def poke(self, context: Any) -> bool:
        """Look once: whether it may go on. Raises AirflowSkipException and AirflowFailException where it may not."""
        known = strict_json.convert(self.description, NodeDescription)
        verdict = self._at_start(context, known) if self.at == "starting" else self._at_end(context, known)
        for note in verdict.notes:
            self.log.info("localhai: %s", note)
        if verdict.outcome is not None:
            hook = ValohaiHook(self.valohai_conn_id)
            with airflow_words():
                watching.end_pipeline(context, known, verdict, hook.platform(), self.log)
            watching.raise_for(watching.flag_of(verdict))
        if verdict.fails:
            raise AirflowFailException(verdict.reason)
        return not verdict.hold or self._is_approved(context, verdict)

    def _at_start(self, context: Any, known: NodeDescription) -> Verdict:
        watching.end_if_flagged(context, known.flags_beside)
        before = watching.results_before(context, known)
        results = {name: result_of(details) for name, details in before.items()}
        try:
            start = start_of(known, context["params"], results)
        except UsageError:
            return Verdict(notes=("its edges have nothing to carry: the node itself will say so",))
        return rules.at_start(known.node, start.parameters, results.values())

    def _at_end(self, context: Any, known: NodeDescription) -> Verdict:
        node = node_of_run(known.node, known.targets, context["params"])
        details = pull_one(context, known.tasks.node)
        if details is not None:
            return rules.at_end(node, result_of(details))
        if any(pull_all(context, task, STARTED) for task in known.tasks.running):
            return rules.at_end(node, NodeResult("crashed", error=f"the task {known.tasks.node} left no result"))
        watching.end_if_flagged(context, known.flags)
        raise AirflowFailException(f"node {known.node.name} did not run")

    def _is_approved(self, context: Any, verdict: Verdict) -> bool:
        if context["params"].get(APPROVE_ALL):
            self.log.info("localhai: %s; approved by the run's %s", verdict.reason, APPROVE_ALL)
            return True
        self.log.info("localhai: %s; mark this task as success to go on, or as failed to refuse", verdict.reason)
        return False
