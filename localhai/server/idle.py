"""When a server that nobody watches may end: nobody has asked it for a while, and nothing runs or waits in it."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Receive, Scope, Send

    from localhai.app.queue import Queue


class Attendance:
    """The application, and whether somebody is there: a request is under way, as of an open page, or was just now."""

    def __init__(self, app: ASGIApp, clock: Callable[[], float] = time.monotonic) -> None:
        self._app = app
        self._clock = clock
        self._lock = threading.Lock()
        self._open = 0
        self._last = clock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._lock:
            self._open += 1
        try:
            await self._app(scope, receive, send)
        finally:
            with self._lock:
                self._open -= 1
                self._last = self._clock()

    def missing(self) -> float:
        """For how many seconds nobody has been there."""
        with self._lock:
            return 0.0 if self._open else self._clock() - self._last


class Idleness:
    """Whether a server has been without anybody and anything to do for `limit` seconds; never without a limit."""

    def __init__(self, attendance: Attendance, queue: Queue, limit: float | None) -> None:
        self._attendance = attendance
        self._queue = queue
        self._limit = limit

    def has_come(self) -> bool:
        """Asked again and again. What runs now was asked for by somebody who will look at it."""
        if self._limit is None or self._attendance.missing() < self._limit:
            return False
        return not self._queue.running() and not self._queue.waiting()
