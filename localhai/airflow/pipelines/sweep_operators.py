"""The tasks of a task node beside its executions: one makes the parameter sets, one gathers what came of them."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

from localhai.airflow.compat import (
    AirflowException,
    AirflowFailException,
    AirflowSkipException,
    BaseOperator,
    airflow_words,
    text_of,
)
from localhai.airflow.hook import ValohaiHook
from localhai.airflow.pipelines.flow import children_of, flag_of_child, gathered, plan_of
from localhai.airflow.pipelines.gate import NodeTask, end_if_flagged, flag_among
from localhai.airflow.pipelines.operators import ValohaiNodeOperator
from localhai.airflow.xcoms import RESULT, pull_all, pull_one
from localhai.errors import LocalhaiError
from localhai.system import strict_json
from localhai.tasks.plan import TaskPlan

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TASK = "localhai_task"  # the XCom with the plan of the task, or why there is none


class ValohaiSetsOperator(NodeTask, BaseOperator):
    """The parameter sets of a task node, or of one batch of a Bayesian search: the XCom is what is mapped."""

    ui_color = "#eef2f7"
    ui_fgcolor = "#002f6c"

    def __init__(self, *, description: Mapping[str, Any], sets: Sequence[str], stage: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.description = description
        self.sets = list(sets)
        self.stage = stage

    def execute(self, context: Any) -> list[dict[str, Any]]:
        """Gives `{number, parameters}` of each execution."""
        known = self.known
        plan = _plan(context, self, self.sets[0]) if self.stage else self._made(context)
        executions = known.tasks.executions[: self.stage]
        if flag_among(context, executions) is not None:
            raise AirflowSkipException("the task has ended")
        before = [details for task in executions for details in pull_all(context, task)]
        with airflow_words():
            return children_of(plan, (known.sweep or {})["stages"], self.stage, before)

    def _made(self, context: Any) -> TaskPlan:
        known = self.known
        end_if_flagged(context, known.flags_beside)
        before = self.results_before(context)
        run = f"{context['ti'].dag_id}/{context['ti'].run_id}/{known.node.name}"
        try:
            start = self.start(context, before)
            plan, _ = plan_of(known.sweep or {}, known.node.name, start.parameters, seed=zlib.crc32(run.encode()))
        except LocalhaiError as error:
            context["ti"].xcom_push(key=TASK, value={"error": error.message})
            raise AirflowFailException(text_of(error)) from error
        for note in (*start.notes, *plan.notes):
            self.log.info("localhai: %s", note)
        context["ti"].xcom_push(key=TASK, value={"plan": plan.to_dict()})
        return plan


class ValohaiChildOperator(ValohaiNodeOperator):
    """One execution of a task node: mapped. Its end may be that of the others (platform.md 8.3)."""

    def __init__(self, *, sets: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.sets = sets

    def flags_beside(self) -> tuple[str, ...]:
        """The other executions too, where one may end them."""
        known = self.known
        return (*known.flags_beside, *(known.tasks.executions if (known.sweep or {}).get("stops") else ()))

    def ended(self, context: Any, details: Mapping[str, Any]) -> None:
        """What its end means for the others of the task."""
        known = self.known
        if (known.sweep or {}).get("stops"):
            flag = flag_of_child(_plan(context, self, self.sets), details)
            if flag is not None:
                self.flag(context, flag, known.tasks.executions)


class ValohaiGatherOperator(NodeTask, BaseOperator):
    """What the executions of a task node came to together: the XCom that its edges carry on."""

    template_fields: Sequence[str] = ("valohai_conn_id",)
    ui_color = "#dbe7f7"
    ui_fgcolor = "#002f6c"

    def __init__(
        self,
        *,
        description: Mapping[str, Any],
        sets: Sequence[str],
        valohai_conn_id: str = ValohaiHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.description = description
        self.sets = list(sets)
        self.valohai_conn_id = valohai_conn_id

    def execute(self, context: Any) -> dict[str, Any]:
        """Gives the node's result; fails as the task does."""
        details = self._gathered(context)
        if details["status"] == "complete":
            self.ended(context, details)
            return details
        context["ti"].xcom_push(key=RESULT, value=details)
        self.ended(context, details)
        raise AirflowFailException(f"task {self.known.node.name} ended as {details['status']}: {details['error']}")

    def _gathered(self, context: Any) -> dict[str, Any]:
        known = self.known
        made = pull_one(context, self.sets[0], TASK) or {}
        if "error" in made:
            return {"status": "error", "error": made["error"]}
        end_if_flagged(context, known.flags_beside)
        plan = _plan(context, self, self.sets[0])
        children = [details for task in known.tasks.executions for details in pull_all(context, task)]
        count = sum(len(pull_one(context, task) or ()) for task in self.sets)
        flag = flag_among(context, known.tasks.executions)
        details = gathered(plan, children, made=count, flag=flag)
        self.log.info("localhai: task %s: %s of %s", known.node.name, details["task"]["statuses"], count)
        return details


def _plan(context: Any, task: NodeTask, sets: str) -> TaskPlan:
    """Of this run. Raises AirflowSkipException, AirflowException where there is none."""
    made = pull_one(context, sets, TASK) or {}
    if "plan" in made:
        return strict_json.convert(made["plan"], TaskPlan)
    end_if_flagged(context, task.known.flags)
    raise AirflowException(f"node {task.known.node.name} did not run")
