"""The trigger behind deferrable tasks: looks, in the triggerer, until an execution or pipeline has ended.

It is cancelled when its task is ended or timed out, but also when the triggerer stops: another one goes on. And for a
task that is ended before a triggerer began with its trigger, or while none runs, no trigger is ever cancelled: Airflow
is asked whether a task still waits, and what others left running.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from localhai.airflow.compat import BaseTrigger, TriggerEvent
from localhai.airflow.tries import task_of
from localhai.airflow.xcoms import STARTED
from localhai.errors import LocalhaiError, SurroundingsError, UsageError
from localhai.vocabulary import INCOMPLETE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection, Coroutine

    from localhai.airflow.hook import ValohaiHook
    from localhai.airflow.platform import Kind, Platform

OUTAGE = 120.0  # seconds for which nobody need answer: what runs is well meanwhile
STOPPING = 60.0  # seconds for asking Airflow and stopping
SELDOM = 10  # polling intervals between looks for what tasks without a trigger left
_WAITING = "deferred"
_ENDED = frozenset({"success", "failed", "skipped", "upstream_failed", "removed"})
_watched: set[str] = set()  # the ids of what the triggers of this process wait for
_due: dict[tuple[str, ...], float] = {}  # when a project is looked through for the next time


class ValohaiTrigger(BaseTrigger):
    """Fires once, with `{kind, key, status}`, or `{kind, key, error}` when it cannot look any more.

    `mode` is that of the worker: a triggerer that was started in another mode must not ask the other platform.
    """

    def __init__(self, *, kind: Kind, key: str, valohai_conn_id: str, polling_interval: float, mode: str) -> None:
        super().__init__()
        self.kind = kind
        self.key = key
        self.valohai_conn_id = valohai_conn_id
        self.polling_interval = polling_interval
        self.mode = mode
        self._project: str | None = None

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Its class and what it takes to make it again."""
        names = ("kind", "key", "valohai_conn_id", "polling_interval", "mode")
        return "localhai.airflow.trigger.ValohaiTrigger", {name: getattr(self, name) for name in names}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look, sleep, look again. A task that is ended, or waits too long, ends what it waits for."""
        _watched.add(self.key)
        try:
            yield await self._wait()
        except asyncio.CancelledError:
            await _undisturbed(self._cancelled())
            raise
        finally:
            _watched.discard(self.key)

    async def _wait(self) -> TriggerEvent:
        from asgiref.sync import sync_to_async

        answered = time.monotonic()
        while True:
            try:
                status = await sync_to_async(self.look)()
            except SurroundingsError as error:
                if time.monotonic() - answered >= OUTAGE:
                    return self._failed(error)
            except Exception as error:  # noqa: BLE001  # whatever it is: an event lets the worker stop what runs
                return self._failed(error)
            else:
                answered = time.monotonic()
                if status not in INCOMPLETE:
                    return TriggerEvent({"kind": self.kind, "key": self.key, "status": status})
                await sync_to_async(self.stop_left)()
            await asyncio.sleep(self.polling_interval)

    def _failed(self, error: Exception) -> TriggerEvent:
        said = str(error) if isinstance(error, LocalhaiError) else f"{type(error).__name__}: {error}"
        return TriggerEvent({"kind": self.kind, "key": self.key, "error": said})

    async def _cancelled(self) -> None:
        """Stop it, unless the triggerer merely stops and another one goes on."""
        from asgiref.sync import sync_to_async

        if self.task_instance is None:
            return
        try:
            if not await sync_to_async(still_waits)(self.task_instance):
                await self.on_kill()
        except Exception:
            self.log.exception("localhai: %s %s may run on: it could not be stopped", self.kind, self.key)

    async def on_kill(self) -> None:
        """Airflow 3.3 and later call it too when a person ended the task; asking twice is fine."""
        from asgiref.sync import sync_to_async

        await sync_to_async(self.stop)()

    def look(self) -> str:
        """The status now. Raises LocalhaiError."""
        details = self._hook().platform().details(self.kind, self.key)
        project = details.get("project")
        self._project = project.get("id") if isinstance(project, dict) else project
        return str(details.get("status"))

    def stop(self) -> None:
        """Stop what is waited for. Raises LocalhaiError."""
        self._hook().platform().stop(self.kind, self.key)

    def stop_left(self) -> None:
        """Stop what runs on in this project for tasks that were ended when they had no trigger, now and then."""
        if self.trigger_id is None or self._project is None:  # not in a triggerer, as in `dags test`
            return
        place = (self.mode, self.valohai_conn_id, self._project)
        if time.monotonic() < _due.get(place, 0.0):
            return
        _due[place] = time.monotonic() + SELDOM * self.polling_interval
        try:
            stop_left(self._hook().platform(), self._project, _watched, self.log.info)
        except Exception:
            self.log.exception("localhai: what ended tasks left running, if anything, is looked for again later")

    def _hook(self) -> ValohaiHook:
        from localhai.airflow.hook import ValohaiHook

        hook = ValohaiHook(self.valohai_conn_id)
        mode = hook.mode()
        if mode.name != self.mode:
            raise UsageError(
                f"the task was started in {self.mode} mode, and the triggerer is in {mode}",
                hints=["set LOCALHAI_MODE to the same in every process of this Airflow"],
            )
        return hook


async def _undisturbed(work: Coroutine[Any, Any, None]) -> None:
    """Wait for it although this is cancelled again: a triggerer does so every second until a trigger is gone.

    What is asked for the first time may take longer than that, and several stop one after the other.
    """
    task = asyncio.ensure_future(work)
    until = time.monotonic() + STOPPING
    while not task.done() and (left := until - time.monotonic()) > 0:
        with suppress(asyncio.CancelledError):
            await asyncio.wait([task], timeout=left)
    if not task.done():
        task.cancel()


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
