"""One at a time: in this process by a lock, among processes by a file that is locked."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import threading
from typing import TYPE_CHECKING

from localhai.system import private

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_locks: dict[str, threading.Lock] = {}
_guard = threading.Lock()


@contextlib.contextmanager
def alone(key: str, folder: Path | None) -> Iterator[bool]:
    """Hold the lock of `key`; gives whether somebody else held it first. `folder` None: in this process only.

    A file's lock ends with its process, so a crash leaves nothing locked.
    """
    with _guard:
        lock = _locks.setdefault(key, threading.Lock())
    waited = not lock.acquire(blocking=False)
    if waited:
        lock.acquire()
    try:
        if folder is None:
            yield waited
            return
        private.make_folder(folder)
        with open(folder / f"{hashlib.sha256(key.encode()).hexdigest()[:24]}.lock", "wb") as file:
            yield _lock(file.fileno()) or waited
    finally:
        lock.release()


def _lock(number: int) -> bool:
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        fcntl.flock(number, fcntl.LOCK_EX)
        return True
    return False
