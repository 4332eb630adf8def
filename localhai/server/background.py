"""Long work in a thread of the server: a client waits until it is recorded, and no longer."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from msgspec.structs import replace

from localhai.errors import LocalhaiError
from localhai.executions.run.stop import Interruption
from localhai.server.errors import said

if TYPE_CHECKING:
    from collections.abc import Callable

    from localhai.records.queue import QueueEntry
    from localhai.server.state import State

HOME = "home"  # of a request: which home has its packages and folders
LONGEST = 60.0  # seconds until it is recorded


class Beginning:
    """One piece of work. `recorded` starts it and gives the id under which it is recorded, or raises what it raised.

    `work` gets what stops it, and a function that it calls with the id. What goes wrong later is said by the server.
    `entry`, whose id is that, stays in the queue while it runs: by it the next server goes on when this one dies.
    """

    def __init__(
        self,
        state: State,
        noun: str,
        work: Callable[[Interruption, Callable[[str], None]], object],
        entry: QueueEntry | None = None,
    ) -> None:
        self._state = state
        self._noun = noun
        self._work = work
        self._entry = entry
        self._changed = threading.Event()
        self._id: str | None = None
        self._error: BaseException | None = None

    def recorded(self) -> str:
        """The id. Raises Refused where it is not recorded in time; it goes on then."""
        interruption = Interruption()
        thread = threading.Thread(target=self._go, args=(interruption,), name=self._noun, daemon=True)
        self._state.queue.beside(thread, interruption)
        self._changed.wait(LONGEST)
        if self._id is not None:
            return self._id
        if self._error is not None:
            raise self._error
        raise said(503, f"the {self._noun} takes long to start; look for it in a minute", "unavailable")

    def _go(self, interruption: Interruption) -> None:
        try:
            self._work(interruption, self._heard)
        except BaseException as error:  # noqa: BLE001  # said to the client, or to whoever watches the server
            self._error = error
            if self._id is not None:
                self._state.say(f"{self._noun} {self._id}: {error}")
        finally:
            self._changed.set()
            if self._entry is not None and self._id is not None:
                with suppress(LocalhaiError):  # the next server looks at it, and forgets it
                    self._state.records.queue.dequeue(self._id)

    def _heard(self, recorded_id: str) -> None:
        if self._entry is not None:
            request = {**self._entry.request, HOME: self._state.home_id}
            self._state.records.queue.enqueue(replace(self._entry, id=recorded_id, request=request))
        self._id = recorded_id
        self._changed.set()
