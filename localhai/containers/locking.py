"""One at a time: in this process by a lock, among processes by a file that is locked."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import threading
import time
from typing import TYPE_CHECKING

from localhai.errors import Interrupted
from localhai.system import private

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_locks: dict[str, threading.Lock] = {}
_guard = threading.Lock()
LOOK = 0.1  # seconds between tries


def never() -> bool:
    """`cancelled` for those who do not stop."""
    return False


def _nothing() -> None:
    """Nobody is told."""


@contextlib.contextmanager
def alone(
    key: str, folder: Path | None, *, cancelled: Callable[[], bool] = never, waits: Callable[[], None] = _nothing
) -> Iterator[bool]:
    """Hold the lock of `key`; gives whether somebody else held it first. `folder` None: in this process only.

    A file's lock ends with its process, so a crash leaves nothing locked. `waits` is called once when another holds
    it. Raises Interrupted when `cancelled` says so meanwhile.
    """
    with _guard:
        lock = _locks.setdefault(key, threading.Lock())
    waited = not lock.acquire(blocking=False)
    if waited:
        waits()
        while not lock.acquire(timeout=LOOK):
            _go_on_or_raise(cancelled)
    try:
        if folder is None:
            yield waited
            return
        private.make_folder(folder)
        with open(folder / f"{hashlib.sha256(key.encode()).hexdigest()[:24]}.lock", "wb") as file:
            if not _lock(file.fileno()):
                if not waited:
                    waits()
                waited = True
                while not _lock(file.fileno()):
                    _go_on_or_raise(cancelled)
                    time.sleep(LOOK)
            yield waited
    finally:
        lock.release()


def _lock(number: int) -> bool:
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _go_on_or_raise(cancelled: Callable[[], bool]) -> None:
    if cancelled():
        raise Interrupted("stopped while it waited for what another localhai does")
