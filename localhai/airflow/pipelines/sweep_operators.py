"""The tasks of a task node beside its executions: one makes the parameter sets, one gathers what came of them."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

from localhai.airflow.compat import AirflowException, AirflowFailException, AirflowSkipException, BaseOperator
from localhai.airflow.failures import airflow_words, text_of
from localhai.airflow.hook import ValohaiHook
from localhai.airflow.pipelines import watching
from localhai.airflow.pipelines.description import NodeDescription
from localhai.airflow.pipelines.flow import result_of, start_of
from localhai.airflow.pipelines.operators import ValohaiNodeOperator
from localhai.airflow.pipelines.sweeps import children_of, flag_of_child, gathered, plan_of
from localhai.airflow.xcoms import pull_all, pull_one
from localhai.errors import LocalhaiError
from localhai.pipelines import rules
from localhai.system import strict_json
from localhai.tasks.plan import TaskPlan

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TASK = "localhai_task"  # the XCom with the plan of the task, or why there is none


class ValohaiSetsOperator(BaseOperator):
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
        known = strict_json.convert(self.description, NodeDescription)
        assert known.sweep is not None  # noqa: S101  # of a task node
        plan = self._made(context, known) if not self.stage else _plan(context, known, self.sets[0])
        executions = known.tasks.executions[: self.stage]
        if watching.flag_among(context, executions) is not None:
            raise AirflowSkipException("the task has ended")
        before = [details for task in executions for details in pull_all(context, task)]
        with airflow_words():
            return children_of(plan, known.sweep["stages"], self.stage, before)

    def _made(self, context: Any, known: NodeDescription) -> TaskPlan:
        watching.end_if_flagged(context, known.flags_beside)
        before = watching.results_before(context, known)
        run = f"{context['ti'].dag_id}/{context['ti'].run_id}/{known.node.name}"
        try:
            start = start_of(known, context["params"], {name: result_of(item) for name, item in before.items()})
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

    def _flags_beside(self, known: NodeDescription) -> tuple[str, ...]:
        own = known.tasks.executions if (known.sweep or {}).get("stops") else ()
        return (*known.flags_beside, *own)

    def _ended(self, context: Any, known: NodeDescription, details: Mapping[str, Any]) -> None:
        if not (known.sweep or {}).get("stops"):
            return
        flag = flag_of_child(_plan(context, known, self.sets), details)
        if flag is not None:
            context["ti"].xcom_push(key=watching.FLAG, value=flag)
            with airflow_words():
                platform = self._platform or self.get_hook().platform()
            watching.stop_tasks(context, known.tasks.executions, platform, self.log)


class ValohaiGatherOperator(BaseOperator):
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
        known = strict_json.convert(self.description, NodeDescription)
        details = self._gathered(context, known)
        if details["status"] == "complete":
            self._ended(context, known, details)
            return details
        context["ti"].xcom_push(key=watching.RESULT, value=details)
        self._ended(context, known, details)
        raise AirflowFailException(f"task {known.node.name} ended as {details['status']}: {details['error']}")

    def _gathered(self, context: Any, known: NodeDescription) -> dict[str, Any]:
        made = pull_one(context, self.sets[0], TASK) or {}
        if "error" in made:
            return {"status": "error", "error": made["error"]}
        watching.end_if_flagged(context, known.flags_beside)
        plan = _plan(context, known, self.sets[0])
        children = [details for task in known.tasks.executions for details in pull_all(context, task)]
        count = sum(len(pull_one(context, task) or ()) for task in self.sets)
        flag = watching.flag_among(context, known.tasks.executions)
        details = gathered(plan, children, made=count, flag=flag)
        self.log.info("localhai: task %s: %s of %s", known.node.name, details["task"]["statuses"], count)
        return details

    def _ended(self, context: Any, known: NodeDescription, details: Mapping[str, Any]) -> None:
        if known.tasks.ended is not None:
            return
        verdict = rules.at_end(known.node, result_of(details))
        if verdict.outcome is not None:
            with airflow_words():
                platform = ValohaiHook(self.valohai_conn_id).platform()
            watching.end_pipeline(context, known, verdict, platform, self.log)


def _plan(context: Any, known: NodeDescription, sets: str) -> TaskPlan:
    """Of this run. Raises AirflowSkipException, AirflowException where there is none."""
    made = pull_one(context, sets, TASK) or {}
    if "plan" in made:
        return strict_json.convert(made["plan"], TaskPlan)
    watching.end_if_flagged(context, known.flags)
    raise AirflowException(f"node {known.node.name} did not run")
