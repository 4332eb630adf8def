"""What tells others that this process works: its signs of life, and in it which thread works on what.

What is recorded as its own and no thread works on was left, though the process lives: a thread may die, or lose the
database in the moment in which it would close an execution.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from localhai.containers import labels
from localhai.records import Owner
from localhai.system.forks import renew_after_fork

if TYPE_CHECKING:
    from collections.abc import Iterator

    from localhai.records import Records


SIGNS_IN_TIMEOUT = 6  # so many may be lost before others take us for dead
LEAST = 0.5  # seconds between two signs


def own_owner() -> Owner:
    """The process that asks."""
    me = labels.own_owner()
    return Owner(me.host, me.pid, me.process_start, me.boot_id)


class Heartbeat:
    """A sign every sixth of `timeout` seconds, the first one after that time, or when `now` is called.

    Most executions on a laptop end before their first sign. Nobody waits for a sign, and none that fails ends anything.
    """

    def __init__(self, records: Records, owner: Owner, *, timeout: float) -> None:
        self._records = records
        self._owner = owner
        self._timeout = timeout
        self._pause = max(LEAST, timeout / SIGNS_IN_TIMEOUT)
        self._due = threading.Event()
        self._over = False
        self._thread = threading.Thread(target=self._give, name="localhai-heartbeat", daemon=True)
        self._thread.start()

    def now(self) -> None:
        """One now: what was another's is ours from this moment."""
        self._due.set()

    def close(self) -> None:
        """No more signs."""
        self._over = True
        self._due.set()
        self._thread.join()

    def _give(self) -> None:
        while True:
            self._due.wait(self._pause)
            self._due.clear()
            if self._over:
                return
            with suppress(Exception):  # whatever a database says: without signs others close all that runs here
                self._records.processes.give_sign(self._owner, self._timeout)


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
