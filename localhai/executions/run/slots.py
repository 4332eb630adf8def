"""Slots: one limit for executions that are started from several places, as by the nodes of a pipeline."""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from typing import TYPE_CHECKING

from localhai.errors import Interrupted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LOOK = 0.2  # seconds between looks at whether whoever waits still wants to


class Slots:
    """So many executions run at a time. Who came first is served first: a long task does not starve a short node."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._free = count
        self._waiting: deque[object] = deque()
        self._changed = threading.Condition()

    @property
    def is_free(self) -> bool:
        """Whether one would be had at once."""
        with self._changed:
            return self._free > 0 and not self._waiting

    @contextlib.contextmanager
    def taken(self, count: int = 1, *, given_up: Callable[[], bool]) -> Iterator[None]:
        """Wait for `count` slots at once, or for all where there are fewer, and hold them while inside.

        Raises Interrupted when `given_up` says so before they are free; it is called now and then.
        """
        wanted = min(count, self.count)
        self._take(wanted, given_up)
        try:
            yield
        finally:
            with self._changed:
                self._free += wanted
                self._changed.notify_all()

    def _take(self, wanted: int, given_up: Callable[[], bool]) -> None:
        ticket = object()
        with self._changed:
            self._waiting.append(ticket)
        try:
            while not self._is_served(ticket, wanted):
                _heed(given_up)  # outside of the lock: it may take locks of its own
                with self._changed:
                    if self._waiting[0] is not ticket or self._free < wanted:
                        self._changed.wait(LOOK)
        except BaseException:
            with self._changed:
                self._waiting.remove(ticket)
                self._changed.notify_all()
            raise

    def _is_served(self, ticket: object, wanted: int) -> bool:
        with self._changed:
            if self._waiting[0] is not ticket or self._free < wanted:
                return False
            self._waiting.popleft()
            self._free -= wanted
            self._changed.notify_all()
            return True


def _heed(given_up: Callable[[], bool]) -> None:
    if given_up():
        raise Interrupted("stopped before it started")
