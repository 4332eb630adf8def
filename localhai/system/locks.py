"""Locks between processes and threads that end with whoever holds them, however that ends."""

from __future__ import annotations

import fcntl
import hashlib
import os
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from localhai.errors import Interrupted
from localhai.system import private
from localhai.system.retry import LOOK, never

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


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


def _nothing() -> None:
    """Nobody is told."""


@contextmanager
def held(
    path: Path,
    *,
    cancelled: Callable[[], bool] = never,
    on_wait: Callable[[], None] = _nothing,
    stopped: str = "stopped while it waited for what another localhai does",
) -> Iterator[bool]:
    """Hold a lock; gives whether another held it first, of which `on_wait` is told once.

    Raises Interrupted, with the sentence `stopped`, when `cancelled` says so meanwhile.
    """
    descriptor = acquire(path, wait=False)
    waited = descriptor is None
    if waited:
        on_wait()
    pause = threading.Event()
    while descriptor is None:
        if cancelled():
            raise Interrupted(stopped)
        pause.wait(LOOK)
        descriptor = acquire(path, wait=False)
    try:
        yield waited
    finally:
        release(path, descriptor)


@contextmanager
def alone(
    key: str,
    folder: Path,
    *,
    cancelled: Callable[[], bool] = never,
    on_wait: Callable[[], None] = _nothing,
) -> Iterator[bool]:
    """`held` for what has a name and no file of its own: the lock is in `folder`, which is made."""
    private.make_folder(folder)
    path = folder / f"{hashlib.sha256(key.encode()).hexdigest()[:24]}.lock"
    with held(path, cancelled=cancelled, on_wait=on_wait) as waited:
        yield waited
