"""Locks between processes and threads that end with whoever holds them, however that ends."""

from __future__ import annotations

import fcntl
import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from localhai.errors import Interrupted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

LOOK = 0.1  # seconds between tries


def acquire(path: Path, *, shared: bool = False, wait: bool = True) -> int | None:
    """An open descriptor that holds the lock until it is closed; None when another has it and `wait` is false."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    try:
        fcntl.flock(descriptor, kind if wait else kind | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


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
        os.close(descriptor)
