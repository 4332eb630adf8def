"""`pipeline_dag`: a pipeline of valohai.yaml as an Airflow DAG, whose executor spreads the nodes over machines."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from localhai.airflow.compat import DAG, AirflowException, Param, TaskGroup, airflow_home, airflow_words
from localhai.airflow.pipelines.description import read_pipeline
from localhai.airflow.pipelines.gate import APPROVE_ALL, ValohaiNodeGate
from localhai.airflow.pipelines.operators import ValohaiNodeOperator, ValohaiWholeNodeOperator
from localhai.airflow.pipelines.sweep_operators import (
    ValohaiChildOperator,
    ValohaiGatherOperator,
    ValohaiSetsOperator,
)
from localhai.pipelines import rules

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from localhai.airflow.pipelines.description import NodeDescription, PipelineDescription

ASK = 30.0  # seconds between looks at whether a person approved


def pipeline_dag(
    pipeline: str,
    *,
    project: str,
    folder: str | Path | None = None,
    dag_id: str | None = None,
    environment: str | None = None,
    commit: str | None = None,
    branch: str | None = None,
    valohai_conn_id: str = "valohai_default",
    polling_interval: float | None = None,
    deferrable: bool | None = None,
    execution_tags: Sequence[str] = (),
    node_arguments: Mapping[str, Mapping[str, Any]] | None = None,
    **dag_arguments: Any,
) -> DAG:
    """The pipeline of this name (or unambiguous prefix) of a project as a DAG: a task for each node.

    `project` is the project's name, as operators take it. Its valohai.yaml is read when the file of the DAG is: from
    `folder` (absolute, or from the file of the DAG), else from where dev mode looks for projects. `dag_id` is the
    name of the pipeline; `environment`, `commit` and `branch` are those of all nodes, as for
    ValohaiSubmitExecutionOperator; `execution_tags` are put on every execution; `node_arguments` has, by
    name of a node, arguments of its task: `queue`, `pool`, `executor_config` ... All else goes to the DAG: `schedule`,
    `start_date`, `default_args` ... Parameters of the pipeline are params of the DAG.

    Raises AirflowException for a project or pipeline that is not there or wrong: Airflow shows it with the file.
    """
    file = sys._getframe(1).f_code.co_filename  # noqa: SLF001  # as Airflow finds the file of a DAG
    with airflow_words():
        found = read_pipeline(_folder(project, folder, Path(file).absolute().parent), pipeline)
    of_nodes = _known_nodes(node_arguments or {}, found)
    arguments = {"schedule": None, "catchup": False, "params": _params(found), **dag_arguments}
    dag = DAG(dag_id or found.name, **arguments)
    dag.fileloc = file
    made = _Maker(
        dag=dag,
        project_name=project,
        environment=environment,
        commit=commit,
        branch=branch,
        tags=list(execution_tags),
        valohai_conn_id=valohai_conn_id,
        polling_interval=polling_interval,
        deferrable=deferrable,
        of_nodes=of_nodes,
    )
    with dag:  # so that Airflow finds it, whether the file keeps it under a name or not
        for description in found.nodes:
            made.add(description)
    return dag


def _folder(project: str, folder: str | Path | None, beside: Path) -> Path:
    """Where its valohai.yaml is. Asks no connection and no database: the file of a DAG is read often."""
    if folder is not None:
        return beside / Path(folder).expanduser()
    from localhai.app.projects import Places, find

    return find(project, Places.around(beside, Path(airflow_home()))).folder


def _params(found: PipelineDescription) -> dict[str, Any]:
    params = {
        item.name: Param(item.default, type=list(item.types), description=item.description) for item in found.params
    }
    if found.needs_approval and APPROVE_ALL not in params:
        params[APPROVE_ALL] = Param(False, type="boolean", description="Pass what requires approval without asking")
    return params


def _known_nodes(
    arguments: Mapping[str, Mapping[str, Any]], found: PipelineDescription
) -> Mapping[str, Mapping[str, Any]]:
    names = [item.node.name for item in found.nodes]
    for name in arguments:
        if name not in names:
            known = ", ".join(names)
            raise AirflowException(f"node_arguments: pipeline {found.name} has no node {name!r}; it has {known}")
    return arguments


class _Maker:
    """Makes the tasks of each node. What is given is the same for all."""

    def __init__(self, dag: Any, valohai_conn_id: str, of_nodes: Mapping[str, Any], **common: Any) -> None:
        self._dag: dict[str, Any] = {"dag": dag}
        self._connection: dict[str, Any] = {"valohai_conn_id": valohai_conn_id}
        self._common = common
        self._of_nodes = of_nodes
        self._last: dict[str, Any] = {}

    def add(self, description: NodeDescription) -> None:
        """The tasks of one node, one behind the other, behind those of the nodes before it."""
        known = {"description": description.to_dict()}
        first, last = self._sweep(description, known) if description.sweep else self._node(description, known)
        ids = description.tasks
        if ids.starting is not None:
            gate = self._gate(ids.starting, known, description, at="starting")
            gate >> first
            first = gate
        if ids.ended is not None:
            gate = self._gate(ids.ended, known, description, at="ended", trigger_rule="all_done")
            last >> gate
            last = gate
        for name in description.sources:
            self._last[name] >> first
        self._last[description.node.name] = last

    def _node(self, description: NodeDescription, known: Any) -> tuple[Any, Any]:
        more = {**self._dag, **self._connection, **self._common, **self._own(description)}
        kind = ValohaiNodeOperator if description.node.type == "execution" else ValohaiWholeNodeOperator
        task = kind(task_id=description.tasks.node, **known, **more)
        return task, task

    def _sweep(self, description: NodeDescription, known: Any) -> tuple[Any, Any]:
        """Its executions are mapped, stage by stage."""
        executions, sweep = description.tasks.executions, description.sweep or {}
        sets = description.tasks.sets
        group = TaskGroup(description.tasks.node.removesuffix(".result"), prefix_group_id=False, **self._dag)
        own = {**self._dag, "task_group": group}
        before: Any = None
        first: Any = None
        for stage, (name, set_name) in enumerate(zip(executions, sets, strict=True)):
            rule: dict[str, Any] = {"trigger_rule": "all_done"} if stage else {}
            made = ValohaiSetsOperator(task_id=set_name, **known, sets=sets, stage=stage, **own, **rule)
            partial = ValohaiChildOperator.partial(
                task_id=name,
                **known,
                sets=sets[0],
                max_active_tis_per_dagrun=sweep["most"],
                map_index_template="{{ task.child.parameters }}",
                **own,
                **self._connection,
                **self._common,
                **self._own(description),
            )
            mapped = partial.expand(child=made.output)
            if before is not None:
                before >> made
            first, before = first or made, mapped
        result = ValohaiGatherOperator(
            task_id=description.tasks.node, **known, sets=sets, trigger_rule="all_done", **own, **self._connection
        )
        before >> result
        return first, result

    def _gate(self, task_id: str, known: Any, description: NodeDescription, **more: Any) -> Any:
        asks = rules.may_ask(description.node)
        mode: dict[str, Any] = {"mode": "reschedule", "poke_interval": ASK} if asks else {}
        return ValohaiNodeGate(task_id=task_id, **known, **more, **mode, **self._dag, **self._connection)

    def _own(self, description: NodeDescription) -> dict[str, Any]:
        tries = {"retries": rules.ATTEMPTS - 1, "retry_delay": timedelta(seconds=1)}
        given = self._of_nodes.get(description.node.name, {})
        return {**(tries if description.node.on_error == "retry" else {}), **given}
