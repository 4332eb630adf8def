"""Locks between processes and threads that end with whoever holds them, however that ends."""

from __future__ import annotations

import fcntl
import os
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from localhai.errors import Interrupted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

LOOK = 0.1  # seconds between tries


def acquire(path: Path, *, shared: bool = False, wait: bool = True) -> int | None:
    """A descriptor that holds the lock until it is closed or released; None when another has it and `wait` is false."""
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, kind if wait else kind | fcntl.LOCK_NB)
            if _is_at(path, descriptor):
                return descriptor
        except BlockingIOError:
            os.close(descriptor)
            return None
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # who held it took the file away: another has that name now, or nobody


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False


def release(path: Path, descriptor: int) -> None:
    """Let go of a lock, and take its file away: whoever waits for it makes another."""
    with suppress(OSError):
        path.unlink()
    os.close(descriptor)


@contextmanager
def held(path: Path, *, cancelled: Callable[[], bool], on_wait: Callable[[], None]) -> Iterator[None]:
    """Hold a lock. `on_wait` is called once when another holds it. Raises Interrupted when `cancelled` says so."""
    descriptor = acquire(path, wait=False)
    if descriptor is None:
        on_wait()
    pause = threading.Event()
    while descriptor is None:
        if cancelled():
            raise Interrupted("stopped while another localhai downloaded the same input")
        pause.wait(LOOK)
        descriptor = acquire(path, wait=False)
    try:
        yield
    finally:
        release(path, descriptor)
