"""The trigger behind deferrable tasks: looks, in the triggerer, until an execution or pipeline has ended."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from localhai.airflow.compat import BaseTrigger, TriggerEvent
from localhai.errors import LocalhaiError, SurroundingsError, UsageError
from localhai.vocabulary import INCOMPLETE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine

    from localhai.airflow.hook import ValohaiHook
    from localhai.airflow.platform import Kind

OUTAGE = 120.0  # seconds for which nobody need answer: what runs is well meanwhile
STOPPING = 60.0  # seconds for asking Airflow and stopping
SELDOM = 10  # polling intervals between looks for what tasks without a trigger left
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

        from localhai.airflow.deferral import still_waits

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
        from localhai.airflow.deferral import stop_left

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
