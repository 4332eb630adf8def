"""Calls to the outside that cannot be broken off: who wants to stop leaves them behind."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Generic, TypeVar

from localhai.errors import Interrupted
from localhai.system.retry import LOOK

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def abandonable(action: Callable[[], T], cancelled: Callable[[], bool], what: str) -> T:
    """What `action` comes to, done on a thread of its own, so that a server's silence keeps nobody waiting.

    Raises what it raises, and Interrupted as soon as `cancelled` says so: the thread is left behind then, and what it
    comes to is forgotten. `action` should hear `cancelled` too where it can.
    """
    call = _Call(action)
    threading.Thread(target=call.go, name="localhai-call", daemon=True).start()
    while not call.over.wait(LOOK):
        if cancelled():
            raise Interrupted(f"stopped while {what}")
    if call.error is not None:
        raise call.error
    return call.results[0]


class _Call(Generic[T]):
    def __init__(self, action: Callable[[], T]) -> None:
        self.over = threading.Event()
        self.results: list[T] = []
        self.error: BaseException | None = None
        self._action = action

    def go(self) -> None:
        try:
            self.results.append(self._action())
        except BaseException as error:  # noqa: BLE001 - it is raised again in the thread that waits
            self.error = error
        finally:
            self.over.set()
