"""What a trigger does when its task is ended while it waits, without a triggerer."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from localhai.airflow.local import LocalPlatform
from localhai.airflow.platform import ExecutionRequest, Watcher
from localhai.app.projects import Places


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
        if fake_valohai.home.records.executions.get(key).stop_requested is None:
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


async def rounds(triggers: list[Any], over: threading.Semaphore) -> list[Any]:
    """As a triggerer ends triggers: in each of its rounds it cancels those that have not gone yet."""
    tasks = [asyncio.ensure_future(anext(trigger.run())) for trigger in triggers]
    await asyncio.sleep(0.2)
    while not all(task.done() for task in tasks):
        for task in tasks:
            if not task.done():
                task.cancel()
        over.release()
        await asyncio.sleep(0.02)
    return await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.essential
def test_two_tasks_that_are_ended_at_once_stop_both_executions(airflow, fake_valohai, monkeypatch):  # noqa: ARG001
    """The question to Airflow takes longer than several rounds of the triggerer, as the imports behind it do."""
    from localhai.airflow import trigger as module

    gate, over = threading.Event(), threading.Semaphore(0)

    def slowly(_task_instance: Any) -> bool:
        return not all(over.acquire(timeout=30) for _ in range(3))

    def long(container: Any) -> None:
        while not gate.is_set():
            container.sleep(0.02)

    monkeypatch.setattr(module, "still_waits", slowly)
    fake_valohai.step("long", long)
    names = {"valohai_conn_id": "valohai_default", "polling_interval": 0.05, "mode": "dev"}
    triggers = []
    for number in range(2):
        key = LocalPlatform(Places()).start(ExecutionRequest("airflow-tests", "long"), Watcher())
        triggers.append(module.ValohaiTrigger(kind="execution", key=key, **names))
        triggers[-1].task_instance = SimpleNamespace(task_id=f"long-{number}")

    ends = asyncio.run(rounds(triggers, over))

    records = fake_valohai.home.records
    if any(records.executions.get(trigger.key).stop_requested is None for trigger in triggers):
        gate.set()
    fake_valohai.wait()
    assert [type(end) for end in ends] == [asyncio.CancelledError] * 2
    assert [records.executions.get(trigger.key).status for trigger in triggers] == ["stopped", "stopped"]


def test_a_triggerer_that_stops_leaves_it_alone(waiting, task_instance):
    assert waiting(task_instance("deferred")) == "complete"


@pytest.fixture
def deferred(airflow, fake_valohai, run_dag) -> Any:  # noqa: ARG001  # its tables
    """An operator whose execution runs until it is stopped, and the context in which it was started."""
    from localhai.airflow import ValohaiSubmitExecutionOperator

    gate = threading.Event()

    def long(container: Any) -> None:
        while not gate.is_set():
            container.sleep(0.02)

    fake_valohai.step("long", long)
    operator = ValohaiSubmitExecutionOperator(
        task_id="long", project_name="airflow-tests", step="long", deferrable=True, polling_interval=0.05
    )
    pushed: dict[str, Any] = {}

    class Instance(SimpleNamespace):
        def xcom_push(self, key: str, value: Any) -> None:
            pushed[key] = value

        def xcom_pull(self, *, task_ids: str, key: str, map_indexes: int) -> Any:
            assert (task_ids, map_indexes) == ("long", -1)
            return pushed.get(key)

    yield operator, {"ti": Instance(dag_id="d", run_id="r", task_id="long", map_index=-1, try_number=1, max_tries=0)}
    if any(item.record.stop_requested is None for item in fake_valohai.executions):
        gate.set()
    fake_valohai.wait()


def begin(operator: Any, context: Any) -> Any:
    """Until it defers; gives its trigger."""
    try:
        from airflow.sdk.exceptions import TaskDeferred
    except ImportError:
        from airflow.exceptions import TaskDeferred
    with pytest.raises(TaskDeferred) as raised:
        operator.execute(context)
    return raised.value.trigger


@pytest.mark.essential
def test_a_trigger_that_cannot_look_any_more_takes_the_execution_along(deferred, fake_valohai, monkeypatch):
    from localhai.airflow.compat import AirflowException

    operator, context = deferred
    trigger = begin(operator, context)
    monkeypatch.setattr(trigger, "look", lambda: 1 / 0)

    event = asyncio.run(anext(trigger.run()))
    with pytest.raises(AirflowException, match="ZeroDivisionError"):
        operator.execute_complete(context, event.payload)

    fake_valohai.wait()
    assert fake_valohai.execution("long").status == "stopped"


def test_an_outage_that_ends_is_waited_for(deferred, fake_valohai, monkeypatch):
    from localhai.errors import SurroundingsError

    operator, context = deferred
    trigger = begin(operator, context)
    answers = [SurroundingsError("away"), SurroundingsError("away"), "complete"]

    def look() -> str:
        answer = answers.pop(0)
        if isinstance(answer, str):
            return answer
        raise answer

    monkeypatch.setattr(trigger, "look", look)

    assert asyncio.run(anext(trigger.run())).payload["status"] == "complete"
    assert fake_valohai.execution("long").status == "started"


@pytest.mark.essential
@pytest.mark.parametrize("error", ["Trigger timeout", "Trigger failure"])
def test_a_deferred_task_that_waits_too_long_takes_its_execution_along(deferred, fake_valohai, error):
    operator, context = deferred
    begin(operator, context)

    with pytest.raises(Exception, match=error):
        operator.resume_execution("__fail__", {"error": error}, context)

    fake_valohai.wait()
    assert fake_valohai.execution("long").status == "stopped"


@pytest.fixture
def beside(deferred, fake_valohai, monkeypatch) -> Any:  # noqa: ARG001  # the same one
    """The id of what a task started whose trigger never began, and another one's trigger, as a triggerer has it."""
    from localhai.airflow import trigger as module

    monkeypatch.setattr(module, "_due", {})
    operator, context = deferred
    left = begin(operator, context).key
    other = LocalPlatform(Places()).start(ExecutionRequest("airflow-tests", "long"), Watcher())
    names = {"valohai_conn_id": "valohai_default", "polling_interval": 0.05, "mode": "dev"}
    trigger = module.ValohaiTrigger(kind="execution", key=other, **names)
    trigger.trigger_id = 1
    return left, trigger


def airflow_says(monkeypatch: pytest.MonkeyPatch, state: str, started: str) -> list[str]:
    """Of each task instance that it is asked for; gives their names."""
    from localhai.airflow import trigger as module

    asked: list[str] = []
    monkeypatch.setattr(module, "_state", lambda task: asked.append(str(task)) or state)
    monkeypatch.setattr(module, "_started", lambda _task: started)
    return asked


@pytest.mark.essential
@pytest.mark.parametrize("state", ["failed", "success", "skipped", "removed"])
def test_what_a_task_left_that_ended_before_its_trigger_began_is_stopped(beside, fake_valohai, monkeypatch, state):
    left, trigger = beside
    airflow_says(monkeypatch, state, left)
    trigger.look()
    answers = ["started", "complete"]
    monkeypatch.setattr(trigger, "look", lambda: answers.pop(0))

    asyncio.run(anext(trigger.run()))

    records = fake_valohai.home.records
    assert records.executions.get(left).stop_requested is not None
    assert records.executions.get(trigger.key).stop_requested is None


@pytest.mark.parametrize("state", ["deferred", "running", "queued", "scheduled", "up_for_retry", "None"])
def test_what_a_task_left_that_goes_on_is_left_alone(beside, fake_valohai, monkeypatch, state):
    left, trigger = beside
    asked = airflow_says(monkeypatch, state, left)

    trigger.look()
    trigger.stop_left()

    assert asked == ["d/r/long"]
    assert fake_valohai.home.records.executions.get(left).stop_requested is None


def test_what_a_task_of_the_same_name_in_another_airflow_started_is_left_alone(beside, fake_valohai, monkeypatch):
    left, trigger = beside
    airflow_says(monkeypatch, "failed", "another id")

    trigger.look()
    trigger.stop_left()

    assert fake_valohai.home.records.executions.get(left).stop_requested is None


def test_airflow_is_asked_for_tasks_without_a_trigger_alone_and_seldom(beside, monkeypatch):
    from localhai.airflow import trigger as module

    left, trigger = beside
    asked = airflow_says(monkeypatch, "deferred", left)
    trigger.polling_interval = 60.0
    trigger.look()
    trigger.stop_left()
    trigger.stop_left()
    assert len(asked) == 1

    monkeypatch.setattr(module, "_due", {})
    monkeypatch.setattr(module, "_watched", {left})
    trigger.stop_left()
    assert len(asked) == 1


def test_a_trigger_goes_on_when_airflow_cannot_be_asked_about_others(beside, monkeypatch):
    from localhai.airflow import trigger as module

    _left, trigger = beside
    monkeypatch.setattr(module, "_state", lambda _task: 1 / 0)

    trigger.look()
    trigger.stop_left()
