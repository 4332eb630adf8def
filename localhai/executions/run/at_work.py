"""What this process works on now. What is recorded as its own and is not in here was left, though the process lives.

A thread may die, or lose the database in the moment in which it would close an execution; its process goes on.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from localhai.system.forks import renew_after_fork

if TYPE_CHECKING:
    from collections.abc import Iterator

_Work = tuple[str, threading.Thread, object]

_lock = threading.Lock()
_now: set[_Work] = set()


@contextmanager
def at_work(known_as: str) -> Iterator[None]:
    """While the block lasts, this thread works on what has this id: begin before it is recorded as our own."""
    work = _begin(known_as)
    try:
        yield
    finally:
        _end(work)


@contextmanager
def claimed(known_as: str) -> Iterator[bool]:
    """As `at_work`, unless another thread is at it already: False then."""
    with _lock:
        work = None if _is_in(known_as) else _begin_locked(known_as)
    try:
        yield work is not None
    finally:
        if work is not None:
            _end(work)


def is_at_work(known_as: str) -> bool:
    """Whether a living thread of this process works on it."""
    with _lock:
        return _is_in(known_as)


def _begin(known_as: str) -> _Work:
    with _lock:
        return _begin_locked(known_as)


def _begin_locked(known_as: str) -> _Work:
    work = (known_as, threading.current_thread(), object())
    _now.add(work)
    return work


def _end(work: _Work) -> None:
    with _lock:
        _now.discard(work)


def _is_in(known_as: str) -> bool:
    return any(name == known_as and thread.is_alive() for name, thread, _ in _now)


class _Forked:
    """A child is another process: it works on nothing yet, and the parent's threads hold no lock of its."""

    def renew(self) -> None:
        global _lock  # noqa: PLW0603  # one per process
        _lock = threading.Lock()
        _now.clear()


_forked = _Forked()
renew_after_fork(_forked)
