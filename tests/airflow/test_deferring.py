"""What a trigger does when its task is ended while it waits, without a triggerer."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from localhai.airflow.local import LocalPlatform
from localhai.airflow.platform import Watcher
from localhai.airflow.projects import Places
from localhai.airflow.request import ExecutionRequest


@pytest.fixture
def waiting(airflow, fake_valohai) -> Callable[[Any], str]:  # noqa: ARG001  # its tables
    """Cancel the trigger of an execution that runs, as a triggerer does; gives the execution's status then."""
    from localhai.airflow.trigger import ValohaiTrigger

    gate = threading.Event()

    def long(container: Any) -> None:
        while not gate.is_set():
            container.sleep(0.02)

    fake_valohai.step("long", long)

    async def cancel(trigger: Any) -> None:
        task = asyncio.ensure_future(anext(trigger.run()))
        await asyncio.sleep(0.2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    def ended(task_instance: Any) -> str:
        key = LocalPlatform(Places()).start(ExecutionRequest("airflow-tests", "long"), Watcher())
        names = {"valohai_conn_id": "valohai_default", "polling_interval": 0.05, "mode": "dev"}
        trigger = ValohaiTrigger(kind="execution", key=key, **names)
        trigger.task_instance = task_instance
        asyncio.run(cancel(trigger))
        if fake_valohai.home.records.execution(key).stop_requested is None:
            gate.set()
        fake_valohai.wait()
        return str(fake_valohai.execution("long").status)

    return ended


@pytest.fixture
def task_instance(airflow, run_dag, fake_valohai, monkeypatch) -> Callable[[str], Any]:  # noqa: ARG001  # the same one
    """A task instance of which Airflow says that it is in this state."""
    ran = run_dag("one_step")

    def of(state: str) -> Any:
        names = {"dag_id": "one_step", "task_id": "step", "run_id": ran.run.run_id, "map_index": -1}
        if airflow.__version__.startswith("2."):
            from airflow.models.taskinstance import TaskInstance
            from airflow.utils.session import create_session

            with create_session() as session:
                session.query(TaskInstance).filter_by(**names).update({"state": state})
        else:  # a triggerer asks the API server

            def states(dag_id: str, map_index: int, task_ids: list[str], run_ids: list[str]) -> dict[str, Any]:
                assert (dag_id, map_index, task_ids) == ("one_step", -1, ["step"])
                return {run_ids[0]: {"step": state}}

            place = "airflow.sdk.execution_time.task_runner.RuntimeTaskInstance.get_task_states"
            monkeypatch.setattr(place, staticmethod(states))
        return SimpleNamespace(**names)

    return of


def test_a_task_that_was_ended_stops_its_execution(waiting, task_instance):
    assert waiting(task_instance("failed")) == "stopped"


def test_a_triggerer_that_stops_leaves_it_alone(waiting, task_instance):
    assert waiting(task_instance("deferred")) == "complete"
