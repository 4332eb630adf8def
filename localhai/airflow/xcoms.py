"""Reading the XCom of a submit operator, the same on Airflow 2 and 3."""

from __future__ import annotations

from typing import Any


def pull_details(context: Any, dag_id: str, task_id: str) -> Any:
    """The XCom of a task: of this run, else of the newest earlier one; of a mapped task a list.

    Airflow 3 gives a list of all runs, oldest first, unless it is told that the task is not mapped (`map_indexes=-1`).
    """
    task_instance = context["ti"]
    here = getattr(task_instance, "dag_id", dag_id) == dag_id
    if here:
        found = task_instance.xcom_pull(dag_id=dag_id, task_ids=task_id, map_indexes=-1)
        if found is not None:
            return found
        found = task_instance.xcom_pull(dag_id=dag_id, task_ids=task_id)
        if found:
            return found
    return task_instance.xcom_pull(dag_id=dag_id, task_ids=task_id, map_indexes=-1, include_prior_dates=True)


def pull_all(context: Any, task_id: str, key: str = "return_value") -> list[Any]:
    """What a task of this run pushed; of a mapped one the values of all that pushed any, in their order."""
    found = context["ti"].xcom_pull(task_ids=task_id, key=key)
    if found is None or isinstance(found, (dict, str)):
        return [] if found is None else [found]
    return [item for item in found if item is not None]


def pull_one(context: Any, task_id: str, key: str = "return_value") -> Any:
    """What a task of this run that is not mapped pushed, else None."""
    return context["ti"].xcom_pull(task_ids=task_id, key=key, map_indexes=-1)
