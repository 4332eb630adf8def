"""What a triggerer asks Airflow about tasks: whether one still waits for its trigger, and what others left running.

A trigger is cancelled when its task is ended or timed out, but also when the triggerer stops: another one goes on. And
for a task that is ended before a triggerer began with its trigger, or while none runs, no trigger is ever cancelled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localhai.airflow.request import task_of
from localhai.airflow.xcoms import STARTED

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from localhai.airflow.platform import Platform

_WAITING = "deferred"
_ENDED = frozenset({"success", "failed", "skipped", "upstream_failed", "removed"})


def still_waits(task_instance: Any) -> bool:
    """Asks Airflow for the state of the task instance, by its database on Airflow 2 and by its API on 3."""
    return _state(task_instance) == _WAITING


def stop_left(platform: Platform, project: str, watched: Collection[str], say: Callable[[str], None]) -> None:
    """Stop what goes on in a project for task instances that have ended; `watched` are the ids that have a trigger.

    Another Airflow may have task instances of the same names: that this one's started it is what its XCom says.
    """
    for kind, key, tags in platform.running(project):
        task = None if key in watched else task_of(tags)
        if task is not None and _state(task) in _ENDED and _started(task) == key:
            say(f"localhai: {kind} {key} runs on though its task {task} has ended: stopping it")
            platform.stop(kind, key)


def _state(task_instance: Any) -> str:
    try:
        from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance
    except ImportError:  # Airflow 2
        return _state_in_database(task_instance)
    task, run, index = task_instance.task_id, task_instance.run_id, task_instance.map_index
    states = RuntimeTaskInstance.get_task_states(
        dag_id=task_instance.dag_id, task_ids=[task], run_ids=[run], map_index=index
    )
    name = task if index is None or index < 0 else f"{task}_{index}"
    return str(states.get(run, {}).get(name))


def _state_in_database(task_instance: Any) -> str:
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session

    with create_session() as session:
        return str(session.query(TaskInstance.state).filter_by(**_names(task_instance)).scalar())


def _started(task_instance: Any) -> str | None:
    """The id of what it started, as it told when it did."""
    try:
        from airflow.sdk.execution_time.xcom import XCom
    except ImportError:  # Airflow 2
        from airflow.models.xcom import XCom
    found = XCom.get_one(key=STARTED, **_names(task_instance))
    return str(found.get("id")) if isinstance(found, dict) else None


def _names(task_instance: Any) -> dict[str, Any]:
    return {name: getattr(task_instance, name) for name in ("dag_id", "task_id", "run_id", "map_index")}
