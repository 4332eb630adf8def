"""A pipeline or a task in a thread of a server: whoever asks for it waits until it is recorded, and no longer."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from localhai.app import continuing
from localhai.errors import SurroundingsError
from localhai.executions.run.stop import Interruption

if TYPE_CHECKING:
    from collections.abc import Callable

    from localhai.app.queue import Queue
    from localhai.records.queue import QueueEntry

LONGEST = 60.0  # seconds until it is recorded


class Background:
    """One piece of work. `begin` starts it and gives the id under which it is recorded, or raises what it raised.

    `work` calls `recorded` with that id. What goes wrong later is said by the server. `entry`, which gets the id, stays
    in the queue while it runs: by it the next server goes on when this one dies.
    """

    def __init__(self, queue: Queue, entry: QueueEntry, work: Callable[..., object]) -> None:
        self._queue = queue
        self._entry = entry
        self._work = work
        self._changed = threading.Event()
        self._id: str | None = None
        self._error: BaseException | None = None

    def begin(self) -> str:
        """The id. Raises SurroundingsError where it is not recorded in time; it goes on then."""
        noun, interruption = self._entry.kind, Interruption()
        thread = threading.Thread(target=self._go, args=(interruption,), name=noun, daemon=True)
        self._queue.beside(thread, interruption)
        self._changed.wait(LONGEST)
        if self._id is not None:
            return self._id
        if self._error is not None:
            raise self._error
        raise SurroundingsError(f"the {noun} takes long to start; look for it in a minute")

    def recorded(self, recorded_id: str) -> None:
        """It has an id."""
        continuing.note(self._queue.home, self._entry, recorded_id)
        self._id = recorded_id
        self._changed.set()

    def _go(self, interruption: Interruption) -> None:
        try:
            self._work(interruption=interruption)
        except BaseException as error:  # noqa: BLE001  # said to the client, or to whoever watches the server
            self._error = error
            if self._id is not None:
                self._queue.say(f"{self._entry.kind} {self._id}: {error}")
        finally:
            self._changed.set()
            if self._id is not None:
                continuing.forget(self._queue.home, self._id)
