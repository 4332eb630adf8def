"""`pipeline_dag`: a pipeline of valohai.yaml as an Airflow DAG, whose executor spreads the nodes over machines."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from localhai.airflow.compat import DAG, Param
from localhai.airflow.pipelines.operators import ValohaiNodeOperator
from localhai.airflow.pipelines.reading import read_pipeline

if TYPE_CHECKING:
    from collections.abc import Sequence

    from localhai.airflow.pipelines.description import NodeDescription
    from localhai.airflow.pipelines.reading import PipelineDescription

ATTEMPTS = 3  # of a node with `on-error: retry`, as in a pipeline of localhai


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
    **dag_arguments: Any,
) -> DAG:
    """The pipeline of this name (or unambiguous prefix) of a project as a DAG: a task for each node.

    `project` is the project's name, as operators take it. Its valohai.yaml is read when the file of the DAG is: from
    `folder` (absolute, or from the file of the DAG), else from where dev mode looks for projects. `dag_id` is the
    name of the pipeline; `environment`, `commit` and `branch` are those of all nodes, as for
    ValohaiSubmitExecutionOperator; `execution_tags` are put on every execution. All else goes to the DAG:
    `schedule`, `start_date`, `default_args` ... Parameters of the pipeline are params of the DAG.

    Raises UsageError and ProjectError, which Airflow shows as import errors of the file.
    """
    file = sys._getframe(1).f_code.co_filename  # noqa: SLF001  # as Airflow finds the file of a DAG
    found = read_pipeline(_folder(project, folder, Path(file).absolute().parent), pipeline)
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
    )
    for description in found.nodes:
        made.add(description)
    return dag


def _folder(project: str, folder: str | Path | None, beside: Path) -> Path:
    """Where its valohai.yaml is. Asks no connection and no database: the file of a DAG is read often."""
    if folder is not None:
        return beside / Path(folder).expanduser()
    from localhai.airflow.compat import airflow_home
    from localhai.airflow.projects import Places, find

    places = [beside, *beside.parents, Path.cwd(), Path(airflow_home())]
    return find(project, Places(settings_folders=places, beside=beside)).folder


def _params(found: PipelineDescription) -> dict[str, Any]:
    return {
        item.name: Param(item.default, type=list(item.types), description=item.description) for item in found.params
    }


class _Maker:
    """Makes the tasks of each node. What is given is the same for all."""

    def __init__(self, **common: Any) -> None:
        self._common = common
        self._last: dict[str, Any] = {}

    def add(self, description: NodeDescription) -> None:
        """The tasks of one node, behind those of the nodes before it."""
        task = ValohaiNodeOperator(
            task_id=description.tasks.node,
            description=description.to_dict(),
            **self._common,
            **_tries(description),
        )
        for name in description.sources:
            self._last[name] >> task
        self._last[description.node.name] = task


def _tries(description: NodeDescription) -> dict[str, Any]:
    if description.node.on_error != "retry":
        return {}
    from datetime import timedelta

    return {"retries": ATTEMPTS - 1, "retry_delay": timedelta(seconds=1)}
