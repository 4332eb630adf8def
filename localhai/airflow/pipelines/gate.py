"""What the tasks of one node have in common, and the gate before or behind it.

The tasks of one run of a DAG learn of one another by XCom alone: no disk and no database of ours is shared. A node that
ends the pipeline pushes a flag, then stops what runs beside it. Another one pushes what it started, then looks for
flags. Whichever comes first, one of the two sees the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from localhai.airflow.compat import (
    AirflowException,
    AirflowFailException,
    AirflowSkipException,
    BaseSensorOperator,
    airflow_words,
)
from localhai.airflow.hook import ValohaiHook
from localhai.airflow.pipelines.description import NodeDescription
from localhai.airflow.pipelines.flow import node_of_run, result_of, start_of
from localhai.airflow.xcoms import STARTED, pull_all, pull_one
from localhai.errors import LocalhaiError, UsageError
from localhai.pipelines import rules
from localhai.pipelines.results import NodeResult
from localhai.pipelines.rules import Verdict
from localhai.system import strict_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from localhai.airflow.platform import Platform
    from localhai.pipelines.results import NodeStart

APPROVE_ALL = "approve-all"  # a param of a DAG in which somebody may be asked
FLAG = "localhai_flag"


def flag_among(context: Any, tasks: Iterable[str]) -> dict[str, str] | None:
    """The first flag that one of these tasks pushed."""
    for task in tasks:
        for flag in pull_all(context, task, FLAG):
            return dict(flag)
    return None


def end_if_flagged(context: Any, tasks: Iterable[str]) -> None:
    """Raises AirflowSkipException where the pipeline was stopped, AirflowFailException where it failed."""
    flag = flag_among(context, tasks)
    if flag is not None:
        raise_for(flag)


def raise_for(flag: Mapping[str, str]) -> None:
    """As `end_if_flagged`, for a flag that is known.

    A failed pipeline must not skip what it keeps from running: Airflow would take a skipped end for a good one.
    """
    if flag["outcome"] in {"stopped", "complete"}:
        raise AirflowSkipException(f"stopped: {flag['reason']}")
    raise AirflowFailException(f"stopped: {flag['reason']}")


class NodeTask:
    """A task that knows its node: `description` is `NodeDescription.to_dict()`. Beside a class of Airflow's."""

    description: Mapping[str, Any]
    valohai_conn_id: str
    log: Any

    @property
    def known(self) -> NodeDescription:
        return strict_json.convert(self.description, NodeDescription)

    def platform(self) -> Platform:
        """Where other tasks of the run are stopped."""
        with airflow_words():
            return ValohaiHook(self.valohai_conn_id).platform()

    def results_before(self, context: Any) -> dict[str, dict[str, Any]]:
        """The XComs of the nodes before this one, by name.

        Raises AirflowSkipException or AirflowException where one of them has none.
        """
        found, known = {}, self.known
        for name, task in known.sources.items():
            details = pull_one(context, task)
            if details is None:
                end_if_flagged(context, known.flags)
                raise AirflowException(f"the task {task} left no result of node {name}")
            found[name] = details
        return found

    def start(self, context: Any, before: Mapping[str, Mapping[str, Any]]) -> NodeStart:
        """What this run's params and the results of the nodes before give it. Raises UsageError."""
        return start_of(self.known, context["params"], {name: result_of(item) for name, item in before.items()})

    def ended(self, context: Any, details: Mapping[str, Any]) -> None:
        """What its end means for the others. Where a gate follows, that decides."""
        known = self.known
        if known.tasks.ended is None:
            self.act(context, rules.at_end(known.node, result_of(details)))

    def act(self, context: Any, verdict: Verdict) -> dict[str, str] | None:
        """Where it ends the pipeline: tell the others by a flag, and stop what runs beside this node."""
        if verdict.outcome is None:
            return None
        flag = {"outcome": str(verdict.outcome), "reason": verdict.reason}
        self.flag(context, flag, self.known.beside)
        return flag

    def flag(self, context: Any, flag: Mapping[str, str], beside: Iterable[str]) -> None:
        """Push it, then stop what these tasks started, as far as it still runs."""
        platform = self.platform()
        context["ti"].xcom_push(key=FLAG, value=flag)
        for task in beside:
            for started in pull_all(context, task, STARTED):
                self.log.info("localhai: stopping %s %s of the task %s", started["kind"], started["id"], task)
                try:
                    platform.stop(started["kind"], started["id"])
                except LocalhaiError as error:  # it has ended, or is of another home: then its own task stops it
                    self.log.info("localhai: it cannot be stopped from here: %s", error.message)


class ValohaiNodeGate(NodeTask, BaseSensorOperator):
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
        verdict = self._at_start(context) if self.at == "starting" else self._at_end(context)
        for note in verdict.notes:
            self.log.info("localhai: %s", note)
        flag = self.act(context, verdict)
        if flag is not None:
            raise_for(flag)
        if verdict.fails:
            raise AirflowFailException(verdict.reason)
        return not verdict.hold or self._is_approved(context, verdict)

    def _at_start(self, context: Any) -> Verdict:
        end_if_flagged(context, self.known.flags_beside)
        before = self.results_before(context)
        try:
            start = self.start(context, before)
        except UsageError:
            return Verdict(notes=("its edges have nothing to carry: the node itself will say so",))
        return rules.at_start(self.known.node, start.parameters, [result_of(item) for item in before.values()])

    def _at_end(self, context: Any) -> Verdict:
        known = self.known
        node = node_of_run(known.node, known.targets, context["params"])
        details = pull_one(context, known.tasks.node)
        if details is not None:
            return rules.at_end(node, result_of(details))
        if any(pull_all(context, task, STARTED) for task in known.tasks.running):
            return rules.at_end(node, NodeResult("crashed", error=f"the task {known.tasks.node} left no result"))
        end_if_flagged(context, known.flags)
        raise AirflowFailException(f"node {known.node.name} did not run")

    def _is_approved(self, context: Any, verdict: Verdict) -> bool:
        if context["params"].get(APPROVE_ALL):
            self.log.info("localhai: %s; approved by the run's %s", verdict.reason, APPROVE_ALL)
            return True
        self.log.info("localhai: %s; mark this task as success to go on, or as failed to refuse", verdict.reason)
        return False
