"""Work in a thread of its own, heard line by line in the caller's, which stays free for signals and timeouts.

Airflow ends a task by raising in its main thread. An execution must not be torn apart in the middle: here it is asked
to stop, closed in its own thread, and only then the exception goes on.
"""

from __future__ import annotations

import gc
import queue
import threading
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from localhai.airflow.platform import Watcher
from localhai.app.servers import address_of
from localhai.executions.log.log import LineAssembler, displayed
from localhai.executions.run.observer import Observer
from localhai.executions.run.stop import Interruption

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from localhai.executions.home import Home
    from localhai.executions.log.log import EventStream

T = TypeVar("T")

PATIENCE = 2.0  # seconds from asking to forcing: Airflow 3 kills a task five seconds after it told it to end
CLOSING = 30.0  # seconds in which a stopped execution is closed
LOOK = 0.5
GARBAGE = 50_000  # new objects before Python looks among them for garbage, instead of 700
RARELY = 100  # such looks before it looks among older ones, instead of 10


class Working(Generic[T]):
    """`work(watcher, interruption)` runs in a thread; what it tells, `wait` hands on in the caller's, in order."""

    def __init__(self, work: Callable[[Watcher, Interruption], T], watcher: Watcher) -> None:
        self.interruption = Interruption()
        self._told: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._work = work
        self._watcher = watcher
        self._done: Future[T] = Future()
        self._thread = threading.Thread(target=self._go, name="localhai", daemon=True)

    def wait(self) -> T:
        """Start it and wait. Raises what the work raises, and what is raised in this thread once all is closed."""
        self._thread.start()
        try:
            self._hear()
        except BaseException:
            self.stop()
            self._thread.join(CLOSING)
            raise
        return self._done.result()

    def stop(self) -> None:
        """Ask it to stop, and force it after a moment. Comes back at once; asking twice changes nothing."""
        if self.interruption.asked or not self._thread.is_alive():
            return
        self.interruption.ask()
        force = threading.Timer(PATIENCE, self.interruption.ask)
        force.daemon = True
        force.start()

    def _go(self) -> None:
        try:
            self._done.set_result(self._work(_Told(self._watcher, self._told.put), self.interruption))
        except BaseException as error:  # noqa: BLE001  # raised again in the thread that waits
            self._done.set_exception(error)
        finally:
            self._told.put(None)

    def _hear(self) -> None:
        while True:
            try:
                told = self._told.get(timeout=LOOK)
            except queue.Empty:
                continue
            if told is None:
                return
            told()


class _Told(Watcher):
    """What it hears is put aside for the thread of another one."""

    def __init__(self, watcher: Watcher, put: Callable[[Callable[[], None]], None]) -> None:
        self._watcher = watcher
        self._put = put

    def line(self, text: str) -> None:
        self._put(partial(self._watcher.line, text))

    def started(self, key: str, url: str | None) -> None:
        self._put(partial(self._watcher.started, key, url))


@contextmanager
def rare_collections() -> Iterator[None]:
    """Meanwhile Python looks for garbage rarely: what a task loads stays, and behind it lies all of Airflow."""
    earlier = gc.get_threshold()
    if 0 < earlier[0] < GARBAGE:
        gc.set_threshold(GARBAGE, RARELY, RARELY)  # also what was nearly due when Airflow forked this process
    try:
        yield
    finally:
        gc.set_threshold(*earlier)


class Telling(Observer):
    """Tells a watcher the lines of an execution and those of localhai; without `home` not that it has started."""

    def __init__(self, watcher: Watcher, home: Home | None = None, prefix: str = "") -> None:
        self._watcher = watcher
        self._home = home
        self._prefix = prefix
        self._lines: dict[EventStream, LineAssembler] = {}

    def started(self, execution: Mapping[str, Any]) -> None:
        if self._home is not None:
            key = str(execution["id"])
            self._watcher.started(key, address_of(self._home, key))

    def status(self, text: str) -> None:
        self._watcher.line(f"{self._prefix}localhai: {text}")

    def output(self, stream: EventStream, data: bytes) -> None:
        for line in self._lines.setdefault(stream, LineAssembler()).feed(data):
            self._watcher.line(self._prefix + displayed(line))

    def finished(self, execution: Mapping[str, Any]) -> None:  # noqa: ARG002  # part of the protocol
        for lines in self._lines.values():
            for line in lines.end():
                self._watcher.line(self._prefix + displayed(line))
