"""How a stop is asked for, heard and done, for whoever asks.

Signals become something that can be asked: the first asks to stop, the second to stop at once (`Interruption`). Wishes
in the records are looked for beside the watching of what runs: records that are slow, or away, must not delay it
(`Beside`). A container is stopped politely and again until the engine hears it, then by force (`Stopping`). The engine
may be slow, or away for a while: that runs beside whoever watches, on threads of its own, by a clock of our own.
"""

from __future__ import annotations

import contextlib
import queue
import signal
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Generic, TypeVar

from localhai.errors import LocalhaiError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from localhai.containers.engine import Engine


class Interruption:
    """How urgently somebody wants everything to stop. Thread-safe; one may be shared by many executions."""

    def __init__(self) -> None:
        self.level = 0

    def ask(self) -> int:
        """Ask once more; gives the level: 1 stops politely, 2 and more by force. Takes no lock: signal handlers ask."""
        self.level += 1
        return self.level

    @property
    def asked(self) -> bool:
        return self.level > 0

    @property
    def forced(self) -> bool:
        return self.level > 1

    def is_asked(self) -> bool:
        """`asked` as a function, for those who take a callable."""
        return self.level > 0


@contextlib.contextmanager
def signals_ask(interruption: Interruption, say: Callable[[int, int], None]) -> Iterator[None]:
    """While inside, SIGINT, SIGTERM and SIGHUP ask `interruption`; `say(signal, level)` tells the person.

    Only the main thread can do this; elsewhere it does nothing. Earlier handlers are restored. `say` runs on a thread
    of its own, in order: a handler may come in the midst of a write, where the same thread must not write.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    asked: queue.SimpleQueue[tuple[int, int] | None] = queue.SimpleQueue()  # its put may interrupt its put

    def handle(number: int, _frame: FrameType | None) -> None:
        asked.put((number, interruption.ask()))

    def tell() -> None:
        while (one := asked.get()) is not None:
            with contextlib.suppress(OSError, ValueError):  # nobody is there to hear
                say(*one)

    wanted = [signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
    earlier = {}
    for number in wanted:
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup stays nohup
            earlier[number] = signal.signal(number, handle)
    telling = threading.Thread(target=tell, name="localhai-signals", daemon=True)
    telling.start()
    try:
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
        asked.put(None)
        telling.join(TOLD)


TOLD = 5.0  # seconds for the last words to come out at a terminal that is held up


@contextlib.contextmanager
def ctrl_c_asks(interruption: Interruption) -> Iterator[None]:
    """For programs that handle no signals: Ctrl-C asks `interruption`, and is raised when everything is closed.

    Only where it would be raised anyway: in the main thread, with Python's own handler.
    """
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    pressed = threading.Event()

    def handle(_number: int, _frame: FrameType | None) -> None:
        pressed.set()
        interruption.ask()

    signal.signal(signal.SIGINT, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if pressed.is_set():
            raise KeyboardInterrupt


T = TypeVar("T")

SLOW_LOOK = 1.0  # seconds between looks at the records


class Pace:
    """Whether it is time once more, for loops that go round often: each `seconds`, the first time after as many."""

    def __init__(self, seconds: float | None = None, *, at_once: bool = False) -> None:
        self._seconds = SLOW_LOOK if seconds is None else seconds
        self._due = 0.0 if at_once else time.monotonic() + self._seconds

    def is_due(self) -> bool:
        now = time.monotonic()
        if now < self._due:
            return False
        self._due = now + self._seconds
        return True


class Beside(Generic[T]):
    """A question to the records that is asked again and again, each time on a thread of its own.

    `heard` is the last answer that says anything: what was wished once stays wished. `told`, if given, is called on
    such a thread after each answer of that kind.
    """

    def __init__(
        self,
        question: Callable[[], T | None],
        told: Callable[[], object] | None = None,
        *,
        seconds: float | None = None,
        at_once: bool = False,
    ) -> None:
        self.heard: T | None = None
        self._question = question
        self._told = told
        self._pace = Pace(seconds, at_once=at_once)
        self._asking: threading.Thread | None = None

    def look(self) -> T | None:
        """What was heard. Asks on when it is time and no earlier question waits for its answer; never waits itself."""
        if self._pace.is_due() and (self._asking is None or not self._asking.is_alive()):
            self._asking = threading.Thread(target=self._ask, name="localhai-question", daemon=True)
            self._asking.start()
        return self.heard

    def _ask(self) -> None:
        with suppress(LocalhaiError):  # records that are away for a moment, or for good, end nothing that runs
            answer = self._question()
            if answer:
                self.heard = answer
                if self._told is not None:
                    self._told()


AGAIN = 1.0  # seconds until an engine that refused is asked again
LATER = 5.0  # seconds after the grace time in which a stop that was heard may still come to its end
INSIST = 5.0  # seconds between kills


class Stopping:
    """The stop of one container. `look` goes on with it and is called often; `over` ends it."""

    def __init__(self, engine: Engine, container: str, say: Callable[[str], None]) -> None:
        self._engine = engine
        self._container = container
        self._say = say
        self._said: set[str] = set()
        self._over = threading.Event()
        self._kill_due: float | None = None
        self._killing: threading.Thread | None = None

    def begin(self, grace: float) -> threading.Thread:
        """Ask it to end: SIGTERM to each of its processes, SIGKILL after `grace` seconds. The thread ends with it."""
        now = time.monotonic()
        self._kill_due = min(self._kill_due or now + grace + LATER, now + grace + LATER)
        return self._start(lambda: self._stop(now + grace))

    def force(self) -> None:
        """Kill it, as soon as the engine hears it."""
        self._kill_due = time.monotonic()
        self.look()

    def look(self) -> None:
        """Kill what should have ended by now, again until it has."""
        now = time.monotonic()
        is_due = self._kill_due is not None and now >= self._kill_due
        if is_due and (self._killing is None or not self._killing.is_alive()):
            self._kill_due = now + INSIST
            self._killing = self._start(lambda: self._engine.kill(self._container))

    def over(self) -> None:
        """It has ended, or somebody else looks after it from now on."""
        self._over.set()

    def _stop(self, deadline: float) -> None:
        while not self._over.is_set() and not self._has_stopped(max(0.0, deadline - time.monotonic())):
            self._over.wait(AGAIN)

    def _has_stopped(self, grace: float) -> bool:
        try:
            self._engine.stop(self._container, grace)
        except LocalhaiError as error:
            self._tell(error)
            return False
        return True

    def _start(self, act: Callable[[], None]) -> threading.Thread:
        def run() -> None:
            try:
                act()
            except LocalhaiError as error:
                self._tell(error)

        thread = threading.Thread(target=run, name="localhai-stop", daemon=True)
        thread.start()
        return thread

    def _tell(self, error: LocalhaiError) -> None:
        if error.message not in self._said and not self._over.is_set():
            self._said.add(error.message)
            self._say(f"The container could not be stopped yet: {error}")
