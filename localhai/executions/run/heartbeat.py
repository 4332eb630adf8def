"""Heartbeat: signs of life of this process, from a thread of their own, while a home is open that owns something."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from localhai.containers import labels
from localhai.records import Owner

if TYPE_CHECKING:
    from localhai.records import Records

SIGNS_IN_TIMEOUT = 6  # so many may be lost before others take us for dead
LEAST = 0.5  # seconds between two signs


def own_owner() -> Owner:
    """The process that asks."""
    me = labels.own_owner()
    return Owner(me.host, me.pid, me.process_start, me.boot_id)


class Heartbeat:
    """A sign every sixth of `timeout` seconds, the first one after that time, or when `now` is called.

    Most executions on a laptop end before their first sign. Nobody waits for a sign, and none that fails ends anything.
    """

    def __init__(self, records: Records, owner: Owner, *, timeout: float) -> None:
        self._records = records
        self._owner = owner
        self._timeout = timeout
        self._pause = max(LEAST, timeout / SIGNS_IN_TIMEOUT)
        self._due = threading.Event()
        self._over = False
        self._thread = threading.Thread(target=self._give, name="localhai-heartbeat", daemon=True)
        self._thread.start()

    def now(self) -> None:
        """One now: what was another's is ours from this moment."""
        self._due.set()

    def close(self) -> None:
        """No more signs."""
        self._over = True
        self._due.set()
        self._thread.join()

    def _give(self) -> None:
        while True:
            self._due.wait(self._pause)
            self._due.clear()
            if self._over:
                return
            with suppress(Exception):  # whatever a database says: without signs others close all that runs here
                self._records.processes.give_sign(self._owner, self._timeout)
