"""Whether a task still waits for its trigger.

A trigger is cancelled when its task is ended or timed out, but also when the triggerer stops: another one goes on.
"""

from __future__ import annotations

from typing import Any

_WAITING = "deferred"


def still_waits(task_instance: Any) -> bool:
    """Asks Airflow for the state of the task instance, by its database on Airflow 2 and by its API on 3."""
    try:
        from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance
    except ImportError:  # Airflow 2
        return _state_in_database(task_instance) == _WAITING
    task, run, index = task_instance.task_id, task_instance.run_id, task_instance.map_index
    states = RuntimeTaskInstance.get_task_states(
        dag_id=task_instance.dag_id, task_ids=[task], run_ids=[run], map_index=index
    )
    name = task if index is None or index < 0 else f"{task}_{index}"
    return str(states.get(run, {}).get(name)) == _WAITING


def _state_in_database(task_instance: Any) -> str:
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session

    names = {name: getattr(task_instance, name) for name in ("dag_id", "task_id", "run_id", "map_index")}
    with create_session() as session:
        return str(session.query(TaskInstance.state).filter_by(**names).scalar())
