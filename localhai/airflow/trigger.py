"""The trigger behind deferrable tasks: looks, in the triggerer, until an execution or pipeline has ended."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from localhai.airflow import shapes
from localhai.airflow.compat import BaseTrigger, TriggerEvent
from localhai.errors import LocalhaiError, UsageError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from localhai.airflow.hook import ValohaiHook
    from localhai.airflow.platform import Kind


class ValohaiTrigger(BaseTrigger):
    """Fires once, with `{kind, key, status}`, or `{error}` when it cannot look any more.

    `mode` is that of the worker: a triggerer that was started in another mode must not ask the other platform.
    """

    def __init__(self, *, kind: Kind, key: str, valohai_conn_id: str, polling_interval: float, mode: str) -> None:
        super().__init__()
        self.kind = kind
        self.key = key
        self.valohai_conn_id = valohai_conn_id
        self.polling_interval = polling_interval
        self.mode = mode

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Its class and what it takes to make it again."""
        names = ("kind", "key", "valohai_conn_id", "polling_interval", "mode")
        return "localhai.airflow.trigger.ValohaiTrigger", {name: getattr(self, name) for name in names}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look, sleep, look again. A task that is ended, or waits too long, ends what it waits for."""
        try:
            yield await self._wait()
        except asyncio.CancelledError:
            await self._cancelled()
            raise

    async def _wait(self) -> TriggerEvent:
        from asgiref.sync import sync_to_async

        while True:
            try:
                status = await sync_to_async(self.look)()
            except LocalhaiError as error:
                return TriggerEvent({"error": str(error)})
            if status not in shapes.INCOMPLETE:
                return TriggerEvent({"kind": self.kind, "key": self.key, "status": status})
            await asyncio.sleep(self.polling_interval)

    async def _cancelled(self) -> None:
        from asgiref.sync import sync_to_async

        from localhai.airflow.deferral import still_waits

        if self.task_instance is not None and not await sync_to_async(still_waits)(self.task_instance):
            await self.on_kill()

    async def on_kill(self) -> None:
        """Airflow 3.3 and later call it too when a person ended the task; asking twice is fine."""
        from asgiref.sync import sync_to_async

        await sync_to_async(self.stop)()

    def look(self) -> str:
        """The status now. Raises LocalhaiError."""
        return str(self._hook().platform().details(self.kind, self.key).get("status"))

    def stop(self) -> None:
        """Stop what is waited for. Raises LocalhaiError."""
        self._hook().platform().stop(self.kind, self.key)

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
